//! Is there any order of events, in a small enough world, that breaks a property?
//!
//! Seeds sample; this enumerates. A search starts from a cluster with empty logs
//! and takes every step that is possible: any timer fires, any message arrives
//! or is lost, any disk finishes a write, any node crashes with any part of its
//! unfinished writes, a client's command reaches any leader. It ends when all
//! states within the bounds were seen, or with a shortest counterexample.
//!
//! Why these worlds are built from the protocol's steps and not from clones of
//! `crate::sim`'s world: time, queues, records and generators are most of what
//! that world is, and none of it may be part of a state here. What is left are a
//! node with its disk (`local`) and messages between nodes (`cluster`). A step of one
//! is a number (`moves`).
//!
//! Left out: leases, check-quorum and pre-vote, which rest on time; reads,
//! transfers, snapshots and changes of members. Messages are delivered once.

mod bounds;
mod check;
mod cluster;
mod hash;
mod local;
mod moves;
mod search;
mod tell;
#[cfg(test)]
mod tests;

pub use bounds::{Bounds, BoundsError};
pub use check::OWN_INVARIANT;
pub use search::{Counterexample, Figures, Search, Standing};
