//! What does an executor publish?
//!
//! A record says what happened, where, when (own clock and global time) and
//! caused by which record. A simulated world, a live cluster and a trace file
//! are three sources of one stream of records; whatever is shown is a fold of
//! them and of nothing else.
//!
//! How a view is folded from records (the lab's `trace/view` does it):
//! * a node's volatile log is the fold of `WriteBegan` (whose snapshots come
//!   without their bytes), its durable log that of the writes up to the last `Written`; a crash keeps the durable one and the
//!   prefix that `Crashed` names;
//! * role, term, commit index, timers, votes and progress come with `Status`,
//!   recorded after each step that changed one of them;
//! * a message is on its way from `Departed` to `Delivered` or `Dropped`; before
//!   that it waits at its sender for a write.
//!
//! Read `command` next for what people ask for, `status` for what a node shows.

use core::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::bft::epoch::{self, Kept as _};
use crate::bft::{hotstuff, hybrid, pbft};
use crate::event::Event;
use crate::protocol::Outcome;
use crate::raft;
use crate::storage::{Hard, Write};
use crate::types::{
    ClientId, Digest, Incarnation, LogIndex, Mono, NodeId, RecordId, RequestNumber, Term, Ticket, Time,
};

mod command;
mod status;

pub use command::Command;
pub use status::{Detail, NodeState, NodeStatus, Progress, Role, Timer, TimerKind, Transfer};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its name; rises within one origin.
    pub id: RecordId,
    /// The record that brought it about; `None` for what came from outside.
    pub cause: Option<RecordId>,
    /// Global time.
    pub at: Time,
    /// The node that it happened at; `None` for network, clients and the run itself.
    pub node: Option<NodeId>,
    /// That node's own monotonic clock.
    pub mono: Mono,
    /// What happened.
    pub body: Body,
}

/// A message of any protocol. It is hashed as the protocol's own, so that a run has its digest whichever it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnyMessage {
    /// A Raft message.
    Raft(raft::Message),
    /// A PBFT message.
    Pbft(pbft::Message),
    /// A HotStuff message.
    HotStuff(hotstuff::Message),
    /// A message of the hybrid.
    Hybrid(hybrid::Message),
}

impl Hash for AnyMessage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Raft(message) => message.hash(state),
            Self::Pbft(message) => message.hash(state),
            Self::HotStuff(message) => message.hash(state),
            Self::Hybrid(message) => message.hash(state),
        }
    }
}

impl From<raft::Message> for AnyMessage {
    fn from(message: raft::Message) -> Self {
        Self::Raft(message)
    }
}

impl From<pbft::Message> for AnyMessage {
    fn from(message: pbft::Message) -> Self {
        Self::Pbft(message)
    }
}

impl From<hotstuff::Message> for AnyMessage {
    fn from(message: hotstuff::Message) -> Self {
        Self::HotStuff(message)
    }
}

impl From<hybrid::Message> for AnyMessage {
    fn from(message: hybrid::Message) -> Self {
        Self::Hybrid(message)
    }
}

/// The hard state of any protocol. It is hashed as the protocol's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnyHard {
    /// Raft's term and vote.
    Raft(raft::HardState),
    /// What a PBFT replica has said, and its proofs.
    Pbft(Box<pbft::HardState>),
    /// HotStuff's promises, certificates and blocks.
    HotStuff(Box<hotstuff::HardState>),
    /// What a replica of the hybrid must not forget of each phase.
    Hybrid(Box<hybrid::HardState>),
}

impl AnyHard {
    /// Its part about epochs; `None` where voters change without any.
    #[must_use]
    pub fn epoch(&self) -> Option<&epoch::HardState> {
        match self {
            Self::Raft(_) => None,
            Self::Pbft(hard) => Some(hard.epoch()),
            Self::HotStuff(hard) => Some(hard.epoch()),
            Self::Hybrid(hard) => Some(hard.epoch()),
        }
    }
}

impl Default for AnyHard {
    /// Nothing was written yet, in whichever protocol: the first write takes its place.
    fn default() -> Self {
        Self::Raft(raft::HardState::default())
    }
}

impl Hash for AnyHard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Raft(hard) => hard.hash(state),
            Self::Pbft(hard) => hard.hash(state),
            Self::HotStuff(hard) => hard.hash(state),
            Self::Hybrid(hard) => hard.hash(state),
        }
    }
}

impl Hard for AnyHard {
    /// What a later write says of another protocol takes the place of what was there.
    fn absorb(&mut self, later: Self) {
        match (self, later) {
            (Self::Raft(hard), Self::Raft(later)) => hard.absorb(later),
            (Self::Pbft(hard), Self::Pbft(later)) => hard.absorb(*later),
            (Self::HotStuff(hard), Self::HotStuff(later)) => hard.absorb(*later),
            (Self::Hybrid(hard), Self::Hybrid(later)) => hard.absorb(*later),
            (hard, later) => *hard = later,
        }
    }
}

impl From<raft::HardState> for AnyHard {
    fn from(hard: raft::HardState) -> Self {
        Self::Raft(hard)
    }
}

impl From<pbft::HardState> for AnyHard {
    fn from(hard: pbft::HardState) -> Self {
        Self::Pbft(Box::new(hard))
    }
}

impl From<hotstuff::HardState> for AnyHard {
    fn from(hard: hotstuff::HardState) -> Self {
        Self::HotStuff(Box::new(hard))
    }
}

impl From<hybrid::HardState> for AnyHard {
    fn from(hard: hybrid::HardState) -> Self {
        Self::Hybrid(Box::new(hard))
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// A run or a live stream begins.
    Began(Began),
    /// A node started from its store.
    Started {
        /// How often it has started, this time included.
        incarnation: Incarnation,
        /// The offset of its clock: its `mono` was this at global time `at`.
        mono: Mono,
        /// Rate of its clock against global time, in parts per million (1,000,000 = equal).
        rate_ppm: u32,
    },
    /// A node's clock was moved or given another rate.
    ClockChanged {
        /// Its reading at global time `at`.
        mono: Mono,
        /// Its rate from here on, in parts per million of global time.
        rate_ppm: u32,
    },
    /// A message arrived; it is named by the record that sent it, and the step that follows handles it.
    Delivered {
        /// The `Sent` record.
        message: RecordId,
    },
    /// The node's clock reached its deadline.
    DeadlineReached,
    /// Writes up to this ticket are durable.
    Written {
        /// The last of them.
        ticket: Ticket,
    },
    /// A client's request arrived at the node.
    Proposed {
        /// Who asks.
        client: ClientId,
        /// Its number for it.
        number: RequestNumber,
    },
    /// Entries were applied to the state machine.
    AppliedThrough {
        /// Last applied index.
        through: LogIndex,
        /// Digest of the state after it.
        state: Digest,
    },

    /// A node sent a message. This record's id names the message from here on.
    Sent {
        /// To whom.
        to: NodeId,
        /// What.
        message: AnyMessage,
        /// The write that it waits for.
        after: Option<Ticket>,
    },
    /// A node began a write.
    WriteBegan(Write<AnyHard>),
    /// A node answered a client. This record's id names the answer on its way.
    Answered {
        /// Whom.
        client: ClientId,
        /// Which request.
        number: RequestNumber,
        /// What.
        outcome: Outcome,
    },
    /// A node noted an event.
    Noted(Event),
    /// What an observer may know of the node changed.
    Status(NodeStatus),
    /// The node stopped: an invariant of its own does not hold.
    Broke {
        /// The fact.
        fact: String,
    },
    /// The whole of a node, sent after telemetry was dropped, or to a late joiner.
    NodeState(Box<NodeState>),

    /// The network took a message up (`Sent`, `Asked` or `Answered`).
    Departed {
        /// The message.
        message: RecordId,
        /// When it will arrive, where that is decided already.
        arrives: Option<Time>,
        /// Whether this is a second copy of one that departed before.
        duplicate: bool,
    },
    /// A message was lost.
    Dropped {
        /// The message.
        message: RecordId,
        /// Why.
        reason: DropReason,
    },
    /// A message on its way was stopped by hand; it arrives only when released.
    Held {
        /// The message.
        message: RecordId,
    },

    /// A client sent a request. This record's id names the request on its way.
    Asked {
        /// Who asks.
        client: ClientId,
        /// Its number for it.
        number: RequestNumber,
        /// Which node.
        to: NodeId,
        /// The operation, as people read it (`set x = 1`).
        operation: String,
        /// 1 for the first try.
        attempt: u32,
    },
    /// A client believes an outcome; the operation is over for it.
    Told {
        /// Who.
        client: ClientId,
        /// Which request.
        number: RequestNumber,
        /// What it believes.
        verdict: Verdict,
        /// The result, as people read it.
        result: String,
    },
    /// A replica has told a client under its signature what came of a request. That proves nothing before enough of them
    /// tell the same.
    Heard {
        /// Who.
        client: ClientId,
        /// Which request.
        number: RequestNumber,
        /// The replica.
        by: NodeId,
        /// What it says, as people read it.
        result: String,
        /// How many replicas have told the same so far, this one among them.
        equal: u32,
        /// How many have to: one more than may lie.
        needed: u32,
    },

    /// A node crashed: volatile state is gone, and so are unsynced writes but for a prefix.
    Crashed {
        /// The last write that survived, synced or lucky; `None` where no write was pending.
        survived: Option<Ticket>,
    },
    /// A node stopped reacting; its clock runs on.
    Paused,
    /// A paused node goes on.
    Resumed,
    /// The cut links changed: these are all cut, each in one direction.
    LinksCut {
        /// From, to; sorted.
        cut: Vec<(Endpoint, Endpoint)>,
    },
    /// A condition of the network or of a disk was changed, in words.
    ConditionChanged {
        /// What, as people read it.
        text: String,
    },
    /// An entry is committed, by the oracle's definition: a quorum has held it durably in its term.
    Decided {
        /// Its index.
        index: LogIndex,
        /// Its term.
        term: Term,
    },
    /// A property does not hold.
    Violated {
        /// Its name.
        property: String,
        /// What contradicts it.
        detail: String,
    },
    /// Records are missing here: the source dropped them.
    Gap {
        /// How many, where known.
        missing: Option<u64>,
    },
    /// The run reached its end.
    Ended,
    /// A node's snapshot is made; the step that follows writes it.
    SnapshotTaken {
        /// The last entry applied to the state that it holds.
        index: LogIndex,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Somebody asked the node for a snapshot.
    SnapshotAsked,
    /// What became of a request that was answered early, by the oracle's count.
    EarlyJudged {
        /// Whose request.
        client: ClientId,
        /// Which.
        number: RequestNumber,
        /// Where its leader put it.
        index: LogIndex,
        /// In that leader's term.
        term: Term,
        /// What became of it.
        fate: Fate,
    },
    /// The node lies from now on: what it says and holds is no matter.
    Lies {
        /// How, by name.
        tricks: Vec<String>,
        /// Whom it is meant for.
        against: Vec<Endpoint>,
    },
}

/// What became of a request that was answered before a quorum had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fate {
    /// Not decided: it is not yet safe.
    Open,
    /// It is committed.
    Safe,
    /// Another entry is committed at its index, and it was committed nowhere else. A late copy of the request may
    /// still make it safe.
    Lost,
}

/// The first record of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// `raft`.
    pub protocol: String,
    /// Scenario or cluster, as people call it.
    pub name: String,
    /// Its nodes.
    pub nodes: Vec<NodeId>,
    /// Those of them that vote at first.
    #[serde(default)]
    pub voters: Vec<NodeId>,
    /// Its clients.
    pub clients: Vec<ClientId>,
    /// The seed of a simulated run.
    pub seed: Option<u64>,
}

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Endpoint {
    /// A node.
    Node(NodeId),
    /// A client.
    Client(ClientId),
}

impl core::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Client(client) => client.fmt(f),
        }
    }
}

/// Why a message was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DropReason {
    /// Random loss.
    Loss,
    /// The link is cut.
    Cut,
    /// The receiver is down.
    ReceiverDown,
    /// The sender crashed before the write that it waits for was durable.
    SenderCrashed,
    /// By hand.
    Hand,
}

/// What a client believes of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// It happened, with this result.
    Ok,
    /// It did not happen and will not.
    Failed,
    /// It may have happened, or may still happen.
    Unknown,
    /// One node has it durably, and it is not yet safe: it may still be lost with that node.
    Early,
}
