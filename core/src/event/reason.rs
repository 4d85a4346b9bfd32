//! Why did it happen?
//!
//! A closed list for each kind of decision, so that whoever explains a run has a
//! sentence for every reason there is. Read `event` for what they belong to.

use serde::{Deserialize, Serialize};

use crate::membership::Nonsense;
use crate::types::{LogIndex, NodeId, Span};

/// A bound on what a leader keeps or sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Limit {
    /// So many entries.
    Entries(u32),
    /// So many bytes of payload.
    Bytes(u32),
}

/// Why a snapshot was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SnapshotReason {
    /// So many entries were applied since the last one.
    Entries(u64),
    /// The log has grown by so many bytes since the last one.
    Bytes(u64),
    /// The last one is so old.
    Interval(Span),
    /// Somebody asked.
    ByHand,
}

/// Why leadership is not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TransferRefusal {
    /// The node asked does not lead.
    NotLeader,
    /// The target leads already.
    LeadsAlready,
    /// The target has no vote.
    NotAVoter,
    /// Leadership is being handed over to this node already.
    UnderWay(NodeId),
}

/// Why an election timer was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimerReason {
    /// The node started.
    Started,
    /// A current leader was heard (§5.2).
    HeardLeader,
    /// A vote was granted (§5.2).
    GrantedVote,
    /// A (pre-)election began (§5.2).
    ElectionBegan,
    /// The node stopped leading or competing.
    SteppedDown,
}

/// Why a node became a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FollowerReason {
    /// It saw a higher term (§5.1).
    HigherTerm,
    /// Another node leads its term (§5.2).
    LeaderOfThisTerm,
    /// A quorum refused its pre-vote.
    PreVoteLost,
    /// Its own removal is committed (thesis §4.2.2).
    Removed,
    /// Without a vote, and its leader is silent.
    LeaderSilent,
    /// As a leader it heard from no quorum for an election timeout (thesis §6.2).
    QuorumLost,
}

/// Why a change of members was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeRefusal {
    /// Only the leader changes members.
    NotLeader {
        /// Who may know better.
        leader: Option<NodeId>,
    },
    /// One change at a time: that at `index` is not committed, or joint.
    Pending {
        /// Where it stands.
        index: LogIndex,
    },
    /// The leader has not committed in its term: what an older leader changed may be unknown to it.
    NothingCommittedInTerm,
    /// A learner that lags would hold up every commit (thesis §4.2.1).
    NotCaughtUp(NodeId),
    /// It makes no sense for the configuration that acts.
    Nonsense(Nonsense),
}

/// Why a vote was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The request's term is older than the voter's (§5.1).
    StaleTerm,
    /// It voted for another candidate in this term (§5.2).
    AlreadyVotedFor(NodeId),
    /// The candidate's log is less up to date (§5.4.1).
    LogBehind,
    /// It hears from a leader (thesis §9.6 for pre-votes, §4.2.3 for votes).
    LeaderAlive(NodeId),
    /// Its store is lost: what it once promised is unknown.
    StoreLost,
    /// It restarted a moment ago, and may have heard a leader right before (thesis §6.4.1).
    JustRestarted,
}

/// How a node knows that an entry is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommitReason {
    /// A quorum holds it durably, and it is of the leader's term (§5.4.2).
    QuorumHolds,
    /// The leader said so (§5.3).
    LeaderSaid(NodeId),
}

/// Why a message was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IgnoreReason {
    /// It is of an older term.
    StaleTerm,
    /// It does not fit the node's role.
    WrongRole,
    /// It answers something that has been answered since.
    Outdated,
    /// Its sender is not a member of the configuration.
    NotAMember,
    /// Its entries do not follow each other, or claim an impossible index or term.
    Malformed,
    /// Its snapshot is longer than this node takes in.
    TooLarge,
    /// It feeds the whole state to the store of an edge, which holds a part and never becomes whole again.
    PartialStore,
}
