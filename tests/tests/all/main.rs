//! The cross-crate tests: one binary, a module for each thing that is claimed.

mod browser;
mod features;
mod fold;
mod found;
mod fuzz;
mod heavy;
mod live;
mod parity;
mod snapshot;
mod witness;
