//! What does a person see at one instant?
//!
//! A view is the fold of records up to a cursor, and of nothing else: a
//! simulation, a live cluster and a trace file give the same view for the same
//! records. It knows no screen. Read `timeline` next, for seek and step back.

use litemap::LiteMap;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use quorumscope_core::bft::epoch::Link;
use quorumscope_core::bft::evidence::Conviction;
use quorumscope_core::entry::Entry;
use quorumscope_core::protocol::Outcome;
use quorumscope_core::record::{AnyHard, AnyMessage, Endpoint, Fate, NodeStatus, Verdict};
use quorumscope_core::snapshot::{Base, SnapshotMeta};
use quorumscope_core::storage::Write;
use quorumscope_core::types::{
    ClientId, Incarnation, LogIndex, Mono, NodeId, RecordId, RequestNumber, Term, Ticket, Time,
};

/// Everything that can be known at the cursor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The time of the last folded record.
    pub at: Time,
    /// The last folded record.
    pub last: Option<RecordId>,
    /// `raft`.
    pub protocol: String,
    /// Scenario or cluster.
    pub name: String,
    /// Who votes at first, and where voters change by epochs, now; empty where the stream does not say.
    pub voters: Vec<NodeId>,
    /// The newest epoch that an honest node has begun, where voters change by epochs.
    pub epoch: u64,
    /// The nodes.
    pub nodes: LiteMap<NodeId, NodeView>,
    /// The clients.
    pub clients: LiteMap<ClientId, ClientView>,
    /// Messages that left and have not arrived, by the record that sent them and the copy's number (0 the first).
    pub messages: LiteMap<(RecordId, u32), MessageView>,
    /// Links that are cut, each in one direction.
    pub cut: BTreeSet<(Endpoint, Endpoint)>,
    /// Whom the cluster has convicted of lies, as the first honest node to apply that tells it.
    pub convicted: LiteMap<NodeId, ConvictedView>,
    /// What the oracle counts as committed: index to term.
    pub decided: LiteMap<LogIndex, Term>,
    /// Properties that were broken so far.
    pub violations: Vec<Violation>,
    /// Whether records are missing before the cursor.
    pub gaps: u64,
    /// Whether the run has ended.
    pub ended: bool,
}

/// What the cluster has decided of a node that has lied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvictedView {
    /// The verdict.
    pub conviction: Conviction,
    /// When a node applied it first.
    pub at: Time,
    /// Which.
    pub by: NodeId,
}

/// Whether a node reacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Liveness {
    /// Not started yet.
    #[default]
    Down,
    /// Runs.
    Up,
    /// Paused: holds its memory, does not react.
    Paused,
    /// Crashed.
    Crashed,
    /// Stopped by itself: an invariant of its own does not hold.
    Broken,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeView {
    /// Whether it reacts.
    pub liveness: Liveness,
    /// Whether it lies: what it shows of itself says nothing then.
    pub lies: bool,
    /// How often it has started.
    pub incarnation: Incarnation,
    /// Its clock: reading `mono` at global time `at`, and its rate in parts per million.
    pub clock: ClockView,
    /// Role, term, commit index, timer, votes, progress. Empty while it is down.
    pub status: NodeStatus,
    /// The last entry that was compacted away: `log` goes on after it.
    pub base: Base,
    /// Its volatile log, or the durable one while it is down.
    pub log: Vec<Arc<Entry>>,
    /// What its newest snapshot stands for, durable or not.
    pub snapshot: Option<SnapshotMeta>,
    /// The base of the log on its disk.
    pub stored_base: Base,
    /// The log on its disk; it differs from `log` while a truncation or a snapshot is being written.
    pub stored: Vec<Arc<Entry>>,
    /// What the snapshot on its disk stands for.
    pub stored_snapshot: Option<SnapshotMeta>,
    /// Its hard state, durable or not; `None` before the first write.
    pub hard: Option<AnyHard>,
    /// The durable hard state.
    pub durable_hard: Option<AnyHard>,
    /// How many entries of the log are durable.
    pub durable: LogIndex,
    /// Writes that began and are not durable.
    pub writing: VecDeque<Write<AnyHard>>,
    /// Messages that wait for a write, by the record that sent them.
    pub waiting: LiteMap<RecordId, WaitingMessage>,
    /// Digest of its state machine, and the index it stands at.
    pub state: Option<(LogIndex, quorumscope_core::types::Digest)>,
}

impl NodeView {
    /// The entry at `index` of its log; `None` where it was compacted away, and beyond the end.
    #[must_use]
    pub fn entry(&self, index: LogIndex) -> Option<&Arc<Entry>> {
        let position = index.0.checked_sub(self.base.index.0)?.checked_sub(1)?;
        self.log.get(usize::try_from(position).ok()?)
    }

    /// The links that led it to its epoch, in order; none where voters do not change by epochs.
    pub(crate) fn links(&self) -> &[Arc<Link>] {
        self.hard.as_ref().and_then(AnyHard::epoch).map_or(&[], |epoch| &epoch.links)
    }

    /// The epoch that it is in; while it is down, the one that it comes back in.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.links().len() as u64
    }

    /// The term at `index` of its log; known for the last entry that was compacted away.
    #[must_use]
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == self.base.index && index > LogIndex::ZERO {
            return Some(self.base.term);
        }
        self.entry(index).map(|entry| entry.term)
    }

    /// Index of the last entry of its log.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        LogIndex(self.base.index.0 + self.log.len() as u64)
    }
}

/// How a node's clock relates to global time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockView {
    /// Global time of the reading.
    pub at: Time,
    /// The reading.
    pub mono: Mono,
    /// Parts per million of global time.
    pub rate_ppm: u32,
}

/// A message that its sender holds back until a write is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingMessage {
    /// To whom.
    pub to: NodeId,
    /// What.
    pub message: AnyMessage,
    /// For which write.
    pub after: Option<Ticket>,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageView {
    /// From.
    pub from: Endpoint,
    /// To.
    pub to: Endpoint,
    /// What.
    pub content: Content,
    /// When it left.
    pub departed: Time,
    /// When it arrives, where that is known.
    pub arrives: Option<Time>,
    /// Whether it was stopped by hand.
    pub held: bool,
}

/// What a message on its way carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Between nodes.
    Peer(AnyMessage),
    /// From a client.
    Request {
        /// The client's number.
        number: RequestNumber,
        /// As people read it.
        operation: String,
    },
    /// To a client.
    Answer {
        /// The client's number.
        number: RequestNumber,
        /// What.
        outcome: Outcome,
    },
}

/// One client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientView {
    /// Its operations, oldest first.
    pub operations: Vec<OperationView>,
}

/// One operation of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationView {
    /// The client's number.
    pub number: RequestNumber,
    /// As people read it.
    pub operation: String,
    /// When it was first sent.
    pub asked: Time,
    /// How often it was sent.
    pub attempts: u32,
    /// The node it was last sent to.
    pub to: NodeId,
    /// What single replicas have told under their signatures, the newest of each.
    pub heard: Vec<Heard>,
    /// When the client made up its mind, and what it believes; `None` while it waits.
    pub told: Option<(Time, Verdict, String)>,
    /// What became of it where it was answered early.
    pub early: Option<Fate>,
}

/// What one replica has told a client: no proof, before enough of them tell the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The replica.
    pub by: NodeId,
    /// What it says, as people read it.
    pub result: String,
    /// How many had told the same by then, this one among them.
    pub equal: u32,
    /// How many have to.
    pub needed: u32,
}

/// A broken property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Time,
    /// Where, if at one node.
    pub node: Option<NodeId>,
    /// Its name.
    pub property: String,
    /// What contradicts it.
    pub detail: String,
}
