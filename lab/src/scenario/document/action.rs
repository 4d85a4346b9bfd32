//! What can a step do?
//!
//! To nodes, links, messages, conditions and clients, each as it is written.
//! Whom a word names is found when the step runs (`select`); what the step then
//! does to the run is in `act`.

use quorumscope_core::entry::Class;
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::types::Span;

use super::{ProtocolName, Selector, Targets};
use crate::adversary::Trick;

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Only nodes of one group hear each other.
    Partition(Vec<Targets>),
    /// Mend all links.
    Heal,
    /// Something is done to nodes.
    Nodes(NodeVerb, Targets),
    /// Cut these directions of links.
    Cut {
        /// From each of these.
        from: Targets,
        /// To each of these.
        to: Targets,
    },
    /// Mend these directions of links.
    Mend {
        /// From each of these.
        from: Targets,
        /// To each of these.
        to: Targets,
    },
    /// Something is done to messages on their way.
    Messages(MessageVerb, Which),
    /// A client proposes an operation.
    Propose {
        /// Where; the client decides where nothing is said.
        to: Option<Selector>,
        /// What.
        operation: AnyCommand,
        /// Whether it may be answered before a quorum has it; `None` for what the client writes otherwise.
        class: Option<Class>,
    },
    /// An operator asks a node for other members.
    Members {
        /// Which node; the leader where nothing is said.
        to: Selector,
        /// Who joins as a learner.
        add: Targets,
        /// Which learners get a vote.
        promote: Targets,
        /// Who leaves.
        remove: Targets,
        /// Who joins as an observer.
        observe: Targets,
    },
    /// An operator asks a node for edges.
    Subscribe {
        /// Which node; the leader where nothing is said.
        to: Selector,
        /// Who joins as an edge.
        node: Targets,
        /// What they hold: the ranges of these keys.
        keys: Vec<String>,
    },
    /// Moves clocks forward.
    Skew {
        /// Whose.
        node: Targets,
        /// By how much.
        by: Span,
    },
    /// Sets the rate of clocks.
    Drift {
        /// Whose.
        node: Targets,
        /// Parts per million of global time.
        rate_ppm: u32,
    },
    /// Sets the write latency of disks.
    Disk {
        /// Whose.
        node: Targets,
        /// Shortest and longest.
        latency: (Span, Span),
    },
    /// Sets the loss rate of all links, in parts per million.
    Loss(u32),
    /// Sets the duplication rate of all links, in parts per million.
    Duplication(u32),
    /// Sets the latency of all links.
    Latency((Span, Span)),
    /// Leadership is handed over.
    Transfer {
        /// By this node; by the leader where nothing is said.
        from: Option<Selector>,
        /// To this one.
        to: Selector,
    },
    /// Nodes lie from now on, together where they are several.
    Byzantine {
        /// Who.
        node: Targets,
        /// How, in order.
        tricks: Vec<Trick>,
        /// Whom it is meant for, nodes and clients; the seed decides where nobody is named.
        against: Targets,
    },
    /// A client reads beside the log.
    Read {
        /// Where; the client decides where nothing is said.
        to: Option<Selector>,
        /// What is asked for, by name or key.
        query: AnyCommand,
        /// What the answer rests on.
        how: ReadHow,
    },
}

impl Action {
    /// What a protocol would need to carry it out, where it has none.
    #[must_use]
    pub fn is_missing_in(&self, protocol: ProtocolName) -> Option<&'static str> {
        let of_raft = match self {
            Self::Byzantine { .. } if !protocol.signs() => return Some("liars: its nodes believe each other"),
            Self::Byzantine { tricks, .. } => {
                return tricks.iter().find(|trick| !trick.fits(protocol)).map(|trick| trick.name());
            }
            Self::Members { add, observe, .. } if protocol.has_epochs() => {
                let only = "learners and observers: its voters change at once (promote, remove)";
                return (!add.is_empty() || !observe.is_empty()).then_some(only);
            }
            Self::Members { .. } => "changes of members",
            Self::Subscribe { .. } => "edges",
            Self::Transfer { .. } => "transfer of leadership: views change when their time has come",
            Self::Read { .. } => "reads beside the log",
            Self::Propose { class: Some(Class::Relaxed), .. } => "early answers: clients believe f+1 that agree",
            Self::Nodes(NodeVerb::Snapshot, _) => "snapshots by hand: they are made at checkpoints",
            Self::Partition(_)
            | Self::Heal
            | Self::Nodes(..)
            | Self::Cut { .. }
            | Self::Mend { .. }
            | Self::Messages(..)
            | Self::Propose { .. }
            | Self::Skew { .. }
            | Self::Drift { .. }
            | Self::Disk { .. }
            | Self::Loss(_)
            | Self::Duplication(_)
            | Self::Latency(_) => return None,
        };
        match protocol {
            ProtocolName::Raft => None,
            ProtocolName::Pbft | ProtocolName::HotStuff | ProtocolName::Hybrid => Some(of_raft),
        }
    }
}

/// The ways to read beside the log.
pub const READS: [ReadHow; 3] = [ReadHow::Index, ReadHow::Lease, ReadHow::Stale];

/// As it is written.
#[must_use]
pub fn read_name(how: ReadHow) -> &'static str {
    match how {
        ReadHow::Index => "index",
        ReadHow::Lease => "lease",
        ReadHow::Stale => "stale",
    }
}

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeVerb {
    /// It crashes.
    Crash,
    /// It starts from its store.
    Restart,
    /// It stops reacting.
    Pause,
    /// It goes on.
    Resume,
    /// Its timer fires.
    Timeout,
    /// Its store is gone.
    LoseDisk,
    /// It makes a snapshot.
    Snapshot,
}

impl NodeVerb {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Crash, Self::Restart, Self::Pause, Self::Resume, Self::Timeout, Self::LoseDisk, Self::Snapshot];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Timeout => "timeout",
            Self::LoseDisk => "lose-disk",
            Self::Snapshot => "snapshot",
        }
    }
}

/// What is done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageVerb {
    /// It is stopped.
    Hold,
    /// It is lost.
    Drop,
    /// It arrives now.
    Deliver,
    /// A second copy is sent.
    Duplicate,
}

impl MessageVerb {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hold, Self::Drop, Self::Deliver, Self::Duplicate];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Drop => "drop",
            Self::Deliver => "deliver",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Which messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The message of this record.
    Id(u64),
    /// All on their way that fit, and for a while those that leave later.
    Pattern(Pattern),
}

/// A description of messages; what is left out fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Sent by one of these; empty fits all.
    pub from: Targets,
    /// To one of these; empty fits all.
    pub to: Targets,
    /// Of this kind.
    pub kind: Option<MessageKind>,
    /// For how long messages that leave later are treated alike.
    pub lasting: Option<Span>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A pre-vote request.
    PreVote,
    /// Its answer.
    PreVoteReply,
    /// A vote request.
    RequestVote,
    /// Its answer.
    RequestVoteReply,
    /// An append, with entries or without. Hybrid: of the two rounds' leader.
    AppendEntries,
    /// An append without entries.
    Heartbeat,
    /// An append with entries.
    Entries,
    /// The answer to an append.
    AppendEntriesReply,
    /// A client's request.
    Request,
    /// An answer to a client.
    Answer,
    /// A part of a snapshot, or a question how much of it has arrived.
    InstallSnapshot,
    /// Its answer.
    InstallSnapshotReply,
    /// A follower asks for a read index.
    ReadIndex,
    /// Its answer.
    ReadIndexReply,
    /// The leader asks a follower to campaign.
    TimeoutNow,
    /// A leader's order to a feeder.
    Relay,
    /// PBFT: the primary orders a batch.
    PrePrepare,
    /// PBFT: the first vote on it.
    Prepare,
    /// PBFT: the second vote.
    Commit,
    /// PBFT, HotStuff: a state, by its hash.
    Checkpoint,
    /// PBFT: a replica leaves its view.
    ViewChange,
    /// PBFT: a view begins. Hybrid: a term begins.
    NewView,
    /// HotStuff: a leader's block.
    Proposal,
    /// HotStuff: a vote for it. Hybrid: a vote for a term.
    Vote,
    /// HotStuff: a quorum's votes.
    Certificate,
    /// HotStuff: a view is given up.
    Timeout,
    /// HotStuff: a quorum's timeouts.
    TimeoutCertificate,
    /// PBFT, HotStuff, hybrid: everything for whoever has missed something, questions included.
    CatchUp,
    /// Hybrid: replicas would like another term.
    Wish,
    /// Hybrid: replicas feel threatened.
    Alarm,
    /// Hybrid: a replica has ended the two rounds, or what PBFT begins with is decided.
    Stop,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 31] = [
        Self::PreVote,
        Self::PreVoteReply,
        Self::RequestVote,
        Self::RequestVoteReply,
        Self::AppendEntries,
        Self::Heartbeat,
        Self::Entries,
        Self::AppendEntriesReply,
        Self::Request,
        Self::Answer,
        Self::InstallSnapshot,
        Self::InstallSnapshotReply,
        Self::ReadIndex,
        Self::ReadIndexReply,
        Self::TimeoutNow,
        Self::Relay,
        Self::PrePrepare,
        Self::Prepare,
        Self::Commit,
        Self::Checkpoint,
        Self::ViewChange,
        Self::NewView,
        Self::Proposal,
        Self::Vote,
        Self::Certificate,
        Self::Timeout,
        Self::TimeoutCertificate,
        Self::CatchUp,
        Self::Wish,
        Self::Alarm,
        Self::Stop,
    ];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PreVote => "pre-vote",
            Self::PreVoteReply => "pre-vote-reply",
            Self::RequestVote => "request-vote",
            Self::RequestVoteReply => "request-vote-reply",
            Self::AppendEntries => "append-entries",
            Self::Heartbeat => "heartbeat",
            Self::Entries => "entries",
            Self::AppendEntriesReply => "append-entries-reply",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::InstallSnapshot => "install-snapshot",
            Self::InstallSnapshotReply => "install-snapshot-reply",
            Self::ReadIndex => "read-index",
            Self::ReadIndexReply => "read-index-reply",
            Self::TimeoutNow => "timeout-now",
            Self::Relay => "relay",
            Self::PrePrepare => "pre-prepare",
            Self::Prepare => "prepare",
            Self::Commit => "commit",
            Self::Checkpoint => "checkpoint",
            Self::ViewChange => "view-change",
            Self::NewView => "new-view",
            Self::Proposal => "proposal",
            Self::Vote => "vote",
            Self::Certificate => "certificate",
            Self::Timeout => "timeout",
            Self::TimeoutCertificate => "timeout-certificate",
            Self::CatchUp => "catch-up",
            Self::Wish => "wish",
            Self::Alarm => "alarm",
            Self::Stop => "stop",
        }
    }
}
