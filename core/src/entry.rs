//! What does one position of a replicated log hold?
//!
//! The envelope is the same for all protocols; the payload is bytes to them.
//! Entries are shared by reference: a log, the messages that carry an entry and
//! the write that stores it hold one allocation. Read `storage` next.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::types::{ClientId, LogIndex, RequestNumber, Term, Wall};

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EntryKind {
    /// A client's command; the state machine looks into its payload.
    Command,
    /// A change of the cluster's members.
    Configuration,
    /// Appended by a new leader so that it can commit in its own term (Raft paper §8).
    NoOp,
    /// Carries nothing but its log time: a leader lets time pass so that what is due expires.
    Tick,
    /// A command whose body was left out on the way to an edge that does not hold its ranges: never in the log of
    /// anybody who votes. Its payload is a [`LeftOut`](crate::edge::LeftOut).
    Elided,
}

/// Whether the fast path may answer before the quorum has the entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Answered only once committed and applied.
    #[default]
    Critical,
    /// May be acknowledged after one node's durable write, shown as *not yet safe*.
    Relaxed,
}

/// Opaque range tags, by which edge nodes subscribe to parts of the state.
pub type Tags = SmallVec<[u64; 1]>;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the log, from 1.
    pub index: LogIndex,
    /// Term of the leader that created it.
    pub term: Term,
    /// What it is for.
    pub kind: EntryKind,
    /// max(previous entry's log time, the leader's wall clock) when it was created.
    pub log_time: Wall,
    /// Whose command it is; `ClientId(0)` for entries of the protocol itself.
    pub client: ClientId,
    /// The client's own number for it.
    pub number: RequestNumber,
    /// Whether it must be committed before it is answered.
    pub class: Class,
    /// Key ranges that it touches.
    pub tags: Tags,
    /// Bytes for the state machine; no protocol looks into them.
    #[serde(with = "crate::readable")]
    pub payload: Bytes,
}

/// A run of consecutive entries, cheap to clone. One entry needs no allocation of its own.
pub type Entries = SmallVec<[Arc<Entry>; 1]>;

/// A command on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// Who proposes; answers go to this client.
    pub client: ClientId,
    /// The client's own number for it.
    pub number: RequestNumber,
    /// Whether it must be committed before it is answered.
    pub class: Class,
    /// Key ranges that it touches.
    pub tags: Tags,
    /// Bytes for the state machine.
    #[serde(with = "crate::readable")]
    pub payload: Bytes,
}
