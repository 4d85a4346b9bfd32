//! What does one run of an exploration say, and which is the shortest that says it?
//!
//! Pure functions of a scenario: the threads, the progress bar and the sweep
//! over seeds belong to the command line. Read `one_seed`, then `shrink`;
//! `hunt` says which runs are likely to miss a rule that is switched off.

pub mod hunt;
mod hunt_liars;
mod one_seed;
mod shrink;

pub use one_seed::{Finding, Outcome, explore};
pub use shrink::{Shrunk, shrink};
