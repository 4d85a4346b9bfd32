//! What happened, and why?
//!
//! Typed events in the past tense, each with the values that decided. They are
//! for people: dropping every one changes nothing else. Texts and paper
//! sections that belong to them are written in the lab (`trace/why`). Read `reason`
//! next: why, for each kind of decision.

use serde::{Deserialize, Serialize};

use crate::bft::hybrid::rounds;
use crate::bft::{epoch, evidence, hotstuff, hybrid, pbft};
use crate::membership::Membership;
use crate::protocol::ReadHow;
use crate::types::{LogIndex, NodeId, Span, Term};

mod reason;

pub use reason::{
    ChangeRefusal, CommitReason, FollowerReason, IgnoreReason, Limit, Refusal, SnapshotReason, TimerReason,
    TransferRefusal,
};

/// Something that a node did or noticed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// The node started from its store.
    Recovered {
        /// Term found in the store.
        term: Term,
        /// Vote found in the store.
        voted_for: Option<NodeId>,
        /// Last index found in the store.
        last_index: LogIndex,
    },
    /// The election timer was set anew.
    ElectionTimerSet {
        /// The random timeout that was drawn.
        timeout: Span,
        /// Why.
        reason: TimerReason,
    },
    /// A higher term was adopted (Figure 2, "Rules for Servers").
    TermAdopted {
        /// Before.
        from: Term,
        /// After.
        to: Term,
        /// Whose message carried it; `None` where the node started it itself.
        seen_from: Option<NodeId>,
    },
    /// The node became a follower.
    BecameFollower {
        /// In this term.
        term: Term,
        /// Of this leader, where known.
        leader: Option<NodeId>,
        /// Why.
        reason: FollowerReason,
    },
    /// The election timeout passed, and the node asks whether it could win (thesis §9.6).
    BecamePreCandidate {
        /// The term that it would start.
        prospective: Term,
    },
    /// The node started an election.
    BecameCandidate {
        /// The new term.
        term: Term,
    },
    /// The node won an election.
    BecameLeader {
        /// Its term.
        term: Term,
        /// Who voted for it, itself included.
        votes: Vec<NodeId>,
    },
    /// A (pre-)vote was decided.
    VoteDecided {
        /// Whether it was only a pre-vote.
        pre_vote: bool,
        /// The term of the request.
        term: Term,
        /// Who asked.
        candidate: NodeId,
        /// The candidate's last entry: index and term.
        candidate_last: (LogIndex, Term),
        /// The voter's own last entry: index and term.
        own_last: (LogIndex, Term),
        /// Why not; `None` where it was granted.
        refusal: Option<Refusal>,
    },
    /// A (pre-)vote arrived at the candidate.
    VoteCounted {
        /// Whether it was only a pre-vote.
        pre_vote: bool,
        /// The term of the election.
        term: Term,
        /// Whose.
        voter: NodeId,
        /// Yes or no.
        granted: bool,
        /// How many have said yes so far.
        granted_total: u32,
        /// How many must.
        needed: u32,
    },
    /// A leader put entries into its own log.
    EntriesAppended {
        /// First new index.
        first: LogIndex,
        /// Last new index.
        last: LogIndex,
        /// Their term.
        term: Term,
    },
    /// A follower took entries over.
    AppendAccepted {
        /// From this leader.
        leader: NodeId,
        /// Its log equals the leader's up to here.
        matched: LogIndex,
        /// How many entries were new to it.
        new: u32,
    },
    /// A follower removed entries that conflict with the leader's (§5.3).
    LogTruncated {
        /// First removed index.
        from: LogIndex,
        /// Last removed index.
        through: LogIndex,
        /// The leader whose log is different.
        leader: NodeId,
    },
    /// A follower refused an append: the consistency check failed (§5.3).
    AppendRefused {
        /// By this leader.
        leader: NodeId,
        /// The entry that was expected: index and term.
        expected: (LogIndex, Term),
        /// The follower's term at that index; `None` where its log is shorter.
        found: Option<Term>,
    },
    /// A leader moved a follower's next index back after a refusal (§5.3).
    NextIndexMoved {
        /// Whose.
        follower: NodeId,
        /// From.
        from: LogIndex,
        /// To.
        to: LogIndex,
    },
    /// The commit index rose.
    CommitAdvanced {
        /// From.
        from: LogIndex,
        /// To.
        to: LogIndex,
        /// How the node knows.
        reason: CommitReason,
    },
    /// An entry has reached a quorum, and yet it is not committed: it is of an older term (§5.4.2, Figure 8).
    CommitHeld {
        /// Highest index that a quorum holds.
        quorum_index: LogIndex,
        /// Its term.
        entry_term: Term,
        /// The leader's term.
        current_term: Term,
    },
    /// A message was of no use.
    MessageIgnored {
        /// From whom.
        from: NodeId,
        /// Why.
        reason: IgnoreReason,
    },
    /// A client's proposal was refused.
    ProposalRefused {
        /// Who may know better.
        leader: Option<NodeId>,
        /// Too much is waiting.
        overloaded: bool,
        /// Which bound was reached, where too much is waiting.
        #[serde(default)]
        limit: Option<Limit>,
    },
    /// Another configuration acts: it was appended, or what stood after it was cut off (thesis §4.1).
    MembershipActs {
        /// Where it stands in the log.
        index: LogIndex,
        /// Who belongs to the cluster.
        members: Membership,
    },
    /// A change of members was refused before anything was appended.
    ChangeRefused {
        /// Why.
        reason: ChangeRefusal,
    },
    /// The node asked for a snapshot of its state (§7).
    SnapshotStarted {
        /// The last entry that it will hold.
        index: LogIndex,
        /// Index of the snapshot before it; 0 where there is none.
        previous: LogIndex,
        /// Why now.
        reason: SnapshotReason,
    },
    /// A snapshot is made: it is written, and the log before it goes.
    LogCompacted {
        /// The snapshot's index.
        snapshot: LogIndex,
        /// Its length in bytes.
        bytes: u64,
        /// The last entry that went; the log goes on after it.
        base: LogIndex,
        /// How many entries went.
        dropped: u64,
    },
    /// A follower needs an entry that was compacted away: the leader sends its snapshot instead (§7).
    SnapshotTransferStarted {
        /// Who.
        follower: NodeId,
        /// The entry that it needs next.
        next: LogIndex,
        /// The last entry that the leader's log has no longer.
        base: LogIndex,
        /// The snapshot's index.
        index: LogIndex,
        /// Its length in bytes.
        bytes: u64,
    },
    /// An edge's store was not made for what it subscribes to, or it needs an entry that was compacted away: the
    /// leader sends it its part of the state.
    ProjectionSent {
        /// Who.
        edge: NodeId,
        /// The last entry applied to that state.
        index: LogIndex,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Another node, or the leader itself (`None`), sends this one what is committed from here on.
    FeederChosen {
        /// Who is fed.
        node: NodeId,
        /// By whom.
        feeder: Option<NodeId>,
    },
    /// A part of a snapshot, or its answer, was lost: the transfer goes on where the follower is.
    SnapshotTransferResumed {
        /// Who.
        follower: NodeId,
        /// The snapshot's index.
        index: LogIndex,
        /// How many bytes the follower has.
        offset: u64,
    },
    /// A follower has a snapshot durably, or did not need it; entries follow again.
    SnapshotTransferEnded {
        /// Who.
        follower: NodeId,
        /// The snapshot's index.
        index: LogIndex,
    },
    /// All of a snapshot is here: it takes the place of log and state once it is durable (§7).
    SnapshotAccepted {
        /// From this leader.
        leader: NodeId,
        /// Its last entry: index and term.
        last: (LogIndex, Term),
        /// Its length in bytes.
        bytes: u64,
        /// The last index of the log that it supersedes.
        superseded: LogIndex,
    },
    /// A snapshot that was offered is not needed: the log holds its last entry, or its entries are committed here.
    SnapshotNotNeeded {
        /// By this leader.
        leader: NodeId,
        /// The snapshot's index.
        index: LogIndex,
        /// The node's commit index.
        commit: LogIndex,
    },
    /// The state was restored from a snapshot.
    SnapshotRestored {
        /// Its index.
        index: LogIndex,
    },
    /// A leader has heard from no quorum for an election timeout (thesis §6.2).
    QuorumUnheard {
        /// Voters that it did hear, itself included.
        heard: Vec<NodeId>,
        /// For how long it listened.
        within: Span,
    },
    /// A follower passed reads on to its leader (thesis §6.4).
    ReadsForwarded {
        /// The leader.
        leader: NodeId,
        /// How many.
        reads: u32,
    },
    /// A leader keeps reads back: it has committed nothing in its term yet (thesis §6.4).
    ReadsHeld {
        /// How many.
        reads: u32,
        /// Its term.
        term: Term,
    },
    /// A leader began a round that is to prove, for a batch of reads, that it still leads (thesis §6.4).
    ReadRoundBegan {
        /// The round's number in this term.
        round: u64,
        /// How many reads wait for it.
        reads: u32,
        /// The read index: the leader's commit index.
        index: LogIndex,
    },
    /// A quorum answered that round: the leader led when it began.
    ReadRoundConfirmed {
        /// The round.
        round: u64,
        /// How many reads waited for it.
        reads: u32,
        /// The read index.
        index: LogIndex,
    },
    /// A leader's lease took the place of a round (thesis §6.4.1).
    ReadByLease {
        /// The read index.
        index: LogIndex,
        /// How long the lease still lasts.
        left: Span,
    },
    /// A read was answered from what is applied.
    ReadServed {
        /// What had to be applied.
        index: LogIndex,
        /// What the answer rests on.
        how: ReadHow,
    },
    /// Reads were refused; asking again is safe.
    ReadsRefused {
        /// How many.
        reads: u32,
        /// Who may know better.
        leader: Option<NodeId>,
    },
    /// A leader began to hand leadership over (thesis §3.10).
    TransferBegan {
        /// To whom.
        to: NodeId,
        /// How many entries that node still lacks.
        lacks: u64,
        /// After how long it is given up.
        within: Span,
    },
    /// The target has the whole log: the leader told it to campaign at once (thesis §3.10).
    TimeoutNowSent {
        /// The target.
        to: NodeId,
    },
    /// The leader asked this node to campaign at once (thesis §3.10).
    TimeoutNowTaken {
        /// The leader.
        from: NodeId,
    },
    /// A transfer was given up: the leader goes on (thesis §3.10).
    TransferAborted {
        /// Who did not take over.
        to: NodeId,
    },
    /// A transfer was refused.
    TransferRefused {
        /// To whom it was asked for.
        to: NodeId,
        /// Why.
        reason: TransferRefusal,
    },
    /// Proposals are refused while leadership is handed over (thesis §3.10).
    ProposalRefusedInTransfer {
        /// Who will lead.
        to: NodeId,
    },
    /// A proposal was refused for good: its payload is longer than any entry may be.
    ProposalTooLarge {
        /// The payload's length in bytes.
        bytes: u64,
        /// What an entry may have.
        limit: u32,
    },
    /// A leader holds entries back: as many as may be are on their way to a follower. Told once until the follower
    /// lacks nothing.
    WindowFull {
        /// Who.
        follower: NodeId,
        /// Which bound of the window was reached.
        limit: Limit,
    },
    /// A leader answered a relaxed command before a quorum has it: its own copy is durable.
    AnsweredEarly {
        /// Where the command stands.
        index: LogIndex,
        /// The leader's term.
        term: Term,
        /// What is committed so far.
        commit: LogIndex,
    },
    /// A leader hands leadership to a node of an earlier zone: all has been calm for long enough.
    LeadershipPreferred {
        /// To whom.
        to: NodeId,
        /// That node's zone, counted from 0 in the order of preference.
        zone: u32,
        /// The leader's own zone, where it is in one.
        own: Option<u32>,
        /// For how long all has been calm.
        calm: Span,
    },
    /// What had arrived of a snapshot was thrown away: another one takes its place, or its entries are here.
    SnapshotPartsDropped {
        /// Whose message ended the transfer.
        leader: NodeId,
        /// The snapshot's index.
        index: LogIndex,
        /// How many bytes of it were here.
        received: u64,
        /// Index of the one that arrives in its place; `None` where none is needed any more.
        by: Option<LogIndex>,
    },
    /// Something at a HotStuff replica.
    HotStuff(hotstuff::Event),
    /// Something at a replica of the hybrid's two rounds.
    Rounds(rounds::Event),
    /// Something of PBFT.
    Pbft(pbft::Event),
    /// Something about evidence of a lie.
    Evidence(evidence::Event),
    /// Something at a replica of the hybrid that is about its phases.
    Hybrid(hybrid::Event),
    /// Something about epochs: voters that change.
    Epoch(epoch::Event),
}
