//! Does what happened keep what the protocol promises?
//!
//! Checkers are pure and incremental: the world feeds them states, disk images
//! and apply effects after each event, never notes, so a node cannot talk them
//! into anything. What they find is a [`Violation`](crate::trace::view::Violation)
//! with the property, the node and the values that contradict each other.
//!
//! * [`RaftChecks`]: the five safety properties of the Raft paper's Figure 3,
//!   and what nodes believe against the oracle of `oracle`;
//! * what edges hold against the whole state (`edge`);
//! * [`linearizable`]: what clients saw against one store;
//! * [`early`]: what became of commands that were answered before a quorum had them;
//! * [`liveness`]: a leader and a commit soon after the faults end.

pub mod early;
mod edge;
mod history;
pub mod linearizable;
pub mod liveness;
mod oracle;
pub mod property;
mod raft;

pub use raft::RaftChecks;
