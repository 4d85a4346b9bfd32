//! What may an observer know of a node?
//!
//! `NodeStatus` is recorded after each step that changed it; `NodeState` is the
//! whole of a node, for whoever missed what came before. Nothing here decides
//! anything. Read `record` for when they are published.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::AnyHard;
use crate::bft::evidence::Conviction;
use crate::bft::{hotstuff, hybrid, pbft};
use crate::snapshot::{Base, SnapshotMeta};
use crate::types::{Incarnation, LogIndex, Mono, NodeId, Term};

/// What a node does in the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Answers, and waits for a leader.
    #[default]
    Follower,
    /// Asks whether it could win.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
    /// Follows without a vote.
    Learner,
    /// Gets what is committed and answers reads; never votes.
    Observer,
    /// Gets what is committed, and the bodies of the ranges that it subscribes to.
    Edge,
}

/// What an observer may know of a node apart from its log and hard state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeStatus {
    /// What it does.
    pub role: Role,
    /// Its term or view.
    pub term: Term,
    /// Whom it voted for in that term.
    pub voted_for: Option<NodeId>,
    /// The leader that it knows of.
    pub leader: Option<NodeId>,
    /// Commit index.
    pub commit: LogIndex,
    /// Last applied index.
    pub applied: LogIndex,
    /// Last durable index of its own log.
    pub durable: LogIndex,
    /// The timer that shows on the node.
    pub timer: Option<Timer>,
    /// A candidate's votes so far, itself included; sorted by node.
    pub votes: Vec<(NodeId, bool)>,
    /// A leader's knowledge of its followers; sorted by node.
    pub progress: Vec<Progress>,
    /// What only nodes of its protocol have.
    #[serde(default)]
    pub detail: Option<Box<Detail>>,
}

/// What nodes of one protocol show.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Detail {
    /// A PBFT replica.
    Pbft(pbft::Replica),
    /// A HotStuff replica.
    HotStuff(hotstuff::Replica),
    /// A replica of the hybrid.
    Hybrid(hybrid::Replica),
}

impl Detail {
    /// Whom the cluster has convicted of lies, as far as this node has applied that.
    #[must_use]
    pub fn convictions(&self) -> &[Conviction] {
        match self {
            Self::Pbft(replica) => &replica.convictions,
            Self::HotStuff(replica) => &replica.convictions,
            Self::Hybrid(replica) => &replica.convictions,
        }
    }
}

/// A running timer on the node's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timer {
    /// What it is for.
    pub kind: TimerKind,
    /// When it was set.
    pub armed: Mono,
    /// When it ends.
    pub deadline: Mono,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimerKind {
    /// Waits for a leader.
    Election,
    /// Reminds the leader to show that it lives.
    Heartbeat,
    /// Ends a view that brings nothing.
    Pacemaker,
    /// Waits for the oldest request to be executed, or for a new view.
    Request,
}

/// What a leader knows of one follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Progress {
    /// Which follower.
    pub node: NodeId,
    /// Next index to send.
    pub next: LogIndex,
    /// Highest index known to match.
    pub matched: LogIndex,
    /// Whether the leader still looks for the point where the logs agree.
    pub probing: bool,
    /// The snapshot on its way to the follower, where it needs one.
    #[serde(default)]
    pub snapshot: Option<Transfer>,
}

/// A snapshot on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transfer {
    /// The snapshot's index.
    pub index: LogIndex,
    /// How many bytes the follower has, as far as the leader knows.
    pub offset: u64,
    /// Length of the whole, in bytes.
    pub total: u64,
}

/// The whole of a node, for resynchronization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// How often it has started.
    pub incarnation: Incarnation,
    /// Whether it runs.
    pub up: bool,
    /// What an observer may know.
    pub status: NodeStatus,
    /// Hard state.
    pub hard: AnyHard,
    /// Its volatile log, after `base`.
    pub log: Vec<Arc<crate::entry::Entry>>,
    /// The last entry that was compacted away.
    #[serde(default)]
    pub base: Base,
    /// What its newest snapshot stands for.
    #[serde(default)]
    pub snapshot: Option<SnapshotMeta>,
}
