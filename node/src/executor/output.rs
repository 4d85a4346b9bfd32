//! What does an executor hand over?
//!
//! After a step: what happened, what to write, what to send, and at times a state
//! to make a snapshot of. To its owner: a report. Read `node` for who takes it.

use std::sync::Arc;

use bytes::Bytes;
use quorumscope_core::entry::Entry;
use quorumscope_core::machine::kv::KeyValue;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::record::{NodeStatus, Record};
use quorumscope_core::snapshot::Base;
use quorumscope_core::storage::Write;
use quorumscope_core::types::{Digest, LogIndex};
use quorumscope_core::wire::Frame;

/// What is to be done after a step, in this order: publish, begin the writes, send.
#[derive(Debug)]
pub(crate) struct Output<H> {
    /// What happened.
    pub(crate) records: Vec<Record>,
    /// What the store must do.
    pub(crate) writes: Vec<Write<H>>,
    /// What leaves the node.
    pub(crate) frames: Vec<Frame>,
    /// A state to make a snapshot of, beside the node's work; `Executor::on_snapshot_made` takes it.
    pub(crate) snapshot: Option<State>,
}

/// A state as it was, shared with the node until the node changes it.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) index: LogIndex,
    pub(super) machine: Arc<Sessions<KeyValue>>,
}

/// A snapshot that is made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(super) index: LogIndex,
    pub(super) digest: Digest,
    pub(super) data: Bytes,
}

impl State {
    /// Makes the snapshot: takes as long as the state is large.
    pub(crate) fn make(self) -> Made {
        Made { index: self.index, digest: self.machine.snapshot_digest(), data: self.machine.snapshot() }
    }
}

/// What a node says of itself to its owner, for comparison with what is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What an observer may know.
    pub status: NodeStatus,
    /// Its log.
    pub log: Vec<Arc<Entry>>,
    /// What its log goes on after: a snapshot has taken the place of the rest.
    pub base: Base,
    /// Digest of its state machine, and the index it stands at.
    pub state: (LogIndex, Digest),
    /// Its state machine.
    pub machine: KeyValue,
}
