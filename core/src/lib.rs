//! Consensus protocols as deterministic state machines.
//!
//! No I/O, no clock, no entropy, no async: time and randomness are inputs,
//! promises are data. Start with [`protocol`], then [`raft`].

// Tests may; a protocol path says with `expect` why the value is there.
#![warn(clippy::unwrap_used)]

pub mod crypto;
pub mod digest;
pub mod edge;
pub mod entry;
pub mod event;
pub mod few;
pub mod machine;
pub mod membership;
pub mod protocol;
pub mod quorum;
pub mod raft;
pub mod readable;
pub mod record;
pub mod rng;
pub mod snapshot;
pub mod storage;
pub mod types;
pub mod wire;
