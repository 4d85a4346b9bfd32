//! How are records numbered when nobody records?
//!
//! Every record takes a number whether or not it is kept: a message is named by
//! the record that sent it, and a command that names a message must mean the
//! same message in every replay.

use quorumscope_core::record::{Body, Record};
use quorumscope_core::types::{Mono, NodeId, RecordId, Time};

/// Where and when something happened, and what brought it about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// Global time.
    pub(crate) at: Time,
    /// What brought it about.
    pub(crate) cause: Option<RecordId>,
    /// Where, and that node's clock.
    pub(crate) node: Option<(NodeId, Mono)>,
}

/// Numbers records, and keeps them where somebody listens.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    on: bool,
    sequence: u64,
    records: Vec<Record>,
}

impl Recorder {
    /// A recorder that keeps records.
    pub(crate) fn new() -> Self {
        Self { on: true, sequence: 0, records: Vec::new() }
    }

    /// Whether records are kept.
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Keeps records, or drops them.
    pub(crate) fn set(&mut self, on: bool) {
        self.on = on;
        if !on {
            self.records = Vec::new();
        }
    }

    /// The records since the last call.
    pub(crate) fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// The last record, kept or not.
    pub(crate) fn last(&self) -> RecordId {
        RecordId { origin: NodeId(0), sequence: self.sequence }
    }

    /// Takes a number for a record that is not made, so that later ones keep theirs.
    pub(crate) fn skip(&mut self) {
        self.sequence += 1;
    }

    /// Takes a number for a record, and makes it where records are kept.
    #[inline]
    pub(crate) fn emit(&mut self, stamp: Stamp, body: impl FnOnce() -> Body) -> RecordId {
        self.sequence += 1;
        let id = self.last();
        if self.on {
            let (node, mono) = stamp.node.map_or((None, Mono(0)), |(node, mono)| (Some(node), mono));
            self.records.push(Record { id, cause: stamp.cause, at: stamp.at, node, mono, body: body() });
        }
        id
    }
}
