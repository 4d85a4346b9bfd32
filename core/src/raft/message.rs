//! What do Raft nodes say to each other?
//!
//! The messages of the Raft paper's Figure 2 with the pre-vote of the thesis
//! (§9.6), its reads (§6.4) and its transfer of leadership (§3.10), the conflict
//! hint of §5.3 and snapshots in parts (§7). Every message carries its sender's
//! term; what a reply promises is durable before it leaves (`after`).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::entry::Entries;
use crate::snapshot::{Base, SnapshotMeta};
use crate::storage::Hard;
use crate::types::{Digest, Incarnation, LogIndex, NodeId, Term};

/// A Raft message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// "Would you vote for me in that term?" (thesis §9.6). Changes nothing at the receiver.
    PreVote(RequestVote),
    /// Answer to a pre-vote.
    PreVoteReply(RequestVoteReply),
    /// RequestVote RPC (Figure 2).
    RequestVote(RequestVote),
    /// Answer to a vote request.
    RequestVoteReply(RequestVoteReply),
    /// AppendEntries RPC (Figure 2); without entries it is a heartbeat.
    AppendEntries(AppendEntries),
    /// Answer to an append.
    AppendEntriesReply(AppendEntriesReply),
    /// InstallSnapshot RPC (§7); without bytes it asks where the transfer goes on.
    InstallSnapshot(Box<InstallSnapshot>),
    /// Answer to a part of a snapshot.
    InstallSnapshotReply(InstallSnapshotReply),
    /// "Up to which index must I apply before I may answer a read?" (thesis §6.4).
    ReadIndex(ReadIndex),
    /// Answer to that.
    ReadIndexReply(ReadIndexReply),
    /// "Start an election now" (thesis §3.10).
    TimeoutNow(TimeoutNow),
    /// An append for an edge: bodies of ranges that it does not hold are left out.
    FeedEdge(Box<FeedEdge>),
    /// "Send this part of your log to that node, for me": an append for a node near the receiver.
    Relay(Box<Relay>),
    /// An append that a feeder sends for its leader; the answer goes to the leader.
    Relayed(Box<Relayed>),
}

/// Asks for a vote (Figure 2, §5.2), or for a pre-vote (thesis §9.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestVote {
    /// The candidate's term; for a pre-vote the term that it would start.
    pub term: Term,
    /// Index of the candidate's last log entry (§5.4.1).
    pub last_log_index: LogIndex,
    /// Term of the candidate's last log entry (§5.4.1).
    pub last_log_term: Term,
    /// The leader itself asked for this election (thesis §3.10): a voter that hears that leader answers all the
    /// same. Never set in a pre-vote.
    #[serde(default)]
    pub transfer: bool,
}

/// Answers a vote request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestVoteReply {
    /// A granted reply carries the term of the request that it grants; a refusal the voter's
    /// current term, for the candidate to update itself.
    pub term: Term,
    /// Whether the candidate has the vote.
    pub vote_granted: bool,
}

/// Replicates entries, or says that the leader lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AppendEntries {
    /// The leader's term.
    pub term: Term,
    /// Index of the entry right before the new ones.
    pub prev_log_index: LogIndex,
    /// Term of that entry.
    pub prev_log_term: Term,
    /// Entries to store; empty in a heartbeat.
    pub entries: Entries,
    /// The leader's commit index.
    pub leader_commit: LogIndex,
    /// The latest round that the leader has begun in this term: its answer proves that the leader led when that
    /// round was sent (thesis §6.4).
    #[serde(default)]
    pub round: u64,
}

/// Answers an append.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AppendEntriesReply {
    /// The follower's term, for the leader to update itself.
    pub term: Term,
    /// What the follower found.
    pub outcome: AppendOutcome,
    /// The round of the append that it answers.
    #[serde(default)]
    pub round: u64,
}

/// What a follower found when it compared an append with its log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AppendOutcome {
    /// Its log equals the leader's up to and including this index, durably.
    Matched(LogIndex),
    /// The entry before the new ones is missing or of another term (§5.3).
    Conflict {
        /// The `prev_log_index` that was refused, so that a late answer is recognized.
        refused: LogIndex,
        /// Term of the follower's entry at that index; `None` where its log is shorter.
        term: Option<Term>,
        /// First index of that term in the follower's log, or its last index + 1 where it is shorter.
        first: LogIndex,
    },
    /// The append came from a leader of an older term.
    StaleTerm,
    /// An edge's store was not made for the subscription that it is fed by: it needs a snapshot of that.
    OtherSubscription,
}

/// Replicates entries to an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FeedEdge {
    /// The subscription by which bodies were left out.
    pub subscription: Digest,
    /// The append.
    pub append: AppendEntries,
}

/// A leader asks a voter to send entries of its own log to somebody in its zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Relay {
    /// To whom.
    pub to: NodeId,
    /// What that node subscribes to, where it is an edge.
    pub subscription: Option<Digest>,
    /// The append without its entries.
    pub append: AppendEntries,
    /// Index and term of the last entry to send: a log that holds it equals the leader's up to it.
    pub last: Base,
}

/// An append by way of a feeder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Relayed {
    /// Whose append it is.
    pub leader: NodeId,
    /// By which bodies were left out, where it goes to an edge.
    pub subscription: Option<Digest>,
    /// The append.
    pub append: AppendEntries,
}

/// Sends a part of a snapshot to a follower whose next entry was compacted away (§7).
///
/// Instead of `done` it says how long the whole is, so that a receiver can refuse what it could not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstallSnapshot {
    /// The leader's term.
    pub term: Term,
    /// What the snapshot stands for.
    pub meta: SnapshotMeta,
    /// Length of the whole, in bytes.
    pub total: u64,
    /// Where this part starts, in bytes.
    pub offset: u64,
    /// The part; empty in a heartbeat, which asks how much has arrived.
    #[serde(with = "crate::readable")]
    pub data: Bytes,
    /// The leader's latest round: the answer proves that it led when it was sent.
    #[serde(default)]
    pub round: u64,
}

/// Answers a part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstallSnapshotReply {
    /// The follower's term, for the leader to update itself.
    pub term: Term,
    /// The snapshot's index.
    pub index: LogIndex,
    /// What the follower has.
    pub outcome: InstallOutcome,
    /// The round of the part that it answers.
    #[serde(default)]
    pub round: u64,
}

/// How far a snapshot has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InstallOutcome {
    /// So many bytes from its start: the transfer goes on there.
    Received {
        /// In bytes.
        offset: u64,
    },
    /// The follower's log equals the leader's up to the snapshot's index, durably.
    Installed,
    /// It came from a leader of an older term.
    StaleTerm,
}

/// Names one batch of reads of one node; never used twice, also not after a restart. An answer to an older batch
/// says nothing about a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReadToken {
    /// Which start of the node.
    pub incarnation: Incarnation,
    /// Counts the batches of that start from 1.
    pub sequence: u64,
}

/// A follower asks its leader for a read index (thesis §6.4, "followers can help offload").
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadIndex {
    /// The follower's term.
    pub term: Term,
    /// Which of its batches.
    pub token: ReadToken,
}

/// Answers a follower's batch of reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadIndexReply {
    /// The leader's term.
    pub term: Term,
    /// Which batch.
    pub token: ReadToken,
    /// What must be applied before the batch may be answered; `None` where the node asked does not lead, or no
    /// longer.
    pub index: Option<LogIndex>,
}

/// The leader asks a follower to start an election at once (thesis §3.10).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeoutNow {
    /// The leader's term.
    pub term: Term,
}

/// Term and vote: what a Raft node must not forget (Figure 2, "persistent state").
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// Latest term that the node has seen.
    pub current_term: Term,
    /// Candidate that got its vote in that term.
    pub voted_for: Option<NodeId>,
}

impl Hard for HardState {}

impl Message {
    /// The sender's term, or the prospective one in a pre-vote.
    #[must_use]
    pub fn term(&self) -> Term {
        match self {
            Self::PreVote(request) | Self::RequestVote(request) => request.term,
            Self::PreVoteReply(reply) | Self::RequestVoteReply(reply) => reply.term,
            Self::AppendEntries(append) => append.term,
            Self::AppendEntriesReply(reply) => reply.term,
            Self::InstallSnapshot(install) => install.term,
            Self::InstallSnapshotReply(reply) => reply.term,
            Self::ReadIndex(request) => request.term,
            Self::ReadIndexReply(reply) => reply.term,
            Self::TimeoutNow(order) => order.term,
            Self::FeedEdge(feed) => feed.append.term,
            Self::Relay(order) => order.append.term,
            Self::Relayed(relayed) => relayed.append.term,
        }
    }
}
