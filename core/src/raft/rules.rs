//! Which guards make Raft safe, and what breaks without each?
//!
//! Every guard is a named switch, on by default. One mechanism serves the page's
//! break-it lab, the lessons, and the proof that the checkers work. The native
//! node uses [`AllOn`], a type without switches: its checks are constants and
//! cost nothing. Witnesses stand in `tests/scenarios/witness/<rule>.toml`.

use core::fmt::Debug;

use serde::{Deserialize, Serialize};

/// A guard that can be switched off in the laboratory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// Only entries of the leader's own term are committed by counting (§5.4.2, Figure 8).
    CommitOwnTermOnly,
    /// A vote is granted only to a log that is at least as up to date (§5.4.1).
    UpToDateCheck,
    /// A node votes for one candidate a term (§5.2).
    OneVotePerTerm,
    /// The vote is durable before the reply leaves (Figure 2, "persistent state").
    PersistVoteBeforeReply,
    /// Appended entries are durable before the reply leaves (Figure 2, "persistent state").
    PersistAppendBeforeReply,
    /// A follower checks the entry before the new ones (§5.3).
    ConsistencyCheck,
    /// A follower commits no further than this append has verified (Figure 2, "index of last new entry").
    CommitVerifiedPrefix,
    /// An append that overlaps keeps a matching suffix (Figure 2, "existing entry conflicts").
    KeepMatchingSuffix,
    /// An acknowledged write counts only while the log still holds what it wrote.
    WrittenNamesEntry,
    /// A leader and a commit need more than half of the voters (§5.2, §5.3).
    MajorityQuorum,
    /// A node whose store is lost neither votes nor counts (amnesia is lying).
    LostStoreDoesNotVote,
    /// Stepping down within a term keeps the vote (Figure 2, `votedFor`).
    VoteKeptWithinTerm,
    /// A candidate sends its requests only after its own term and vote are durable.
    PersistBeforeCampaign,
    /// A retried command is applied once (§8; thesis §6.3).
    ExactlyOnce,
    /// An election timeout is drawn at random (§5.2). Liveness.
    RandomizedTimeout,
    /// A higher term in any message is adopted (§5.1). Liveness.
    AdoptHigherTerm,
    /// A leader moves back past a conflict (§5.3). Liveness.
    BackUpOnConflict,
    /// A change of voters goes through a joint configuration (§6).
    JointConsensus,
    /// A change of members waits for the one before it (thesis §4.1).
    OneChangeAtATime,
    /// A leader changes members only once it has committed in its term (Ongaro, raft-dev 2015).
    ChangeAfterOwnCommit,
    /// A configuration that is cut from the log acts no longer (thesis §4.1).
    ConfigurationFollowsLog,
    /// Only a learner that has caught up gets a vote (thesis §4.2.1). Liveness.
    PromoteCaughtUp,
    /// Whoever leads leaves a committed joint configuration (thesis §4.3). Liveness.
    AutoLeave,
    /// A node whose removal is not known to be committed still runs for election (thesis §4.2.2). Liveness.
    LeavingMayCampaign,
    /// A snapshot holds the sessions of its index (§8; thesis §6.3).
    SnapshotCarriesSessions,
    /// A snapshot is durable before its receiver says that it has it (Figure 13): it is never sent again. Liveness.
    SnapshotDurableBeforeReply,
    /// A snapshot that holds no more than what is committed here is not installed (thesis §5.1).
    StaleSnapshotIgnored,
    /// Entries that follow a snapshot's last entry stay in the log (Figure 13, step 6).
    SnapshotKeepsNewerLog,
    /// A leader asks again where a transfer of a snapshot stands (§7). Liveness.
    SnapshotRetry,
    /// A read waits for a round that proves that the leader still leads (thesis §6.4).
    ReadIndexConfirmsLeadership,
    /// A leader tells no read index before it has committed in its own term (thesis §6.4).
    ReadWaitsForOwnTermCommit,
    /// A lease runs from the sending of the round that a quorum answered (thesis §6.4.1).
    LeaseFromSend,
    /// A lease is shortened by the bound on the clocks' drift (thesis §6.4.1).
    LeaseDriftBound,
    /// A leader that hands leadership over has no lease any more in that term (thesis §6.4.1).
    LeaseEndsAtTransfer,
    /// A leader that hears from no quorum steps down (thesis §6.2). Liveness.
    CheckQuorum,
    /// A node that hears a leader gives nobody its vote (thesis §4.2.3): leases rest on it.
    VoteLease,
    /// A transfer of leadership that takes too long is given up (thesis §3.10). Liveness.
    TransferHasDeadline,
    /// Only voters' answers prove that a leader leads (thesis §6.4): observers may hear a deposed one.
    VotersConfirm,
    /// A leader answers a relaxed command only once its own copy is durable (the fast path's one promise).
    EarlyAnswerIsDurable,
    /// A leader hands over to a preferred node only in calm, and to one that could take over. Liveness.
    HandOverInCalm,
    /// The store of an edge goes on under the subscription alone that it was made for; another one is a new snapshot.
    EdgeStartsAnew,
    /// A feeder sends only what its log shares with the leader's and the leader has committed.
    FeederSendsCommitted,
    /// A leader counts its own copy of an entry only once it is durable (thesis §10.2.1; etcd#14370).
    LeaderCopyIsDurable,
    /// A session knows a retry by its number alone, not by higher numbers that came before it (thesis §6.3): pipelined
    /// commands arrive in any order.
    EachNumberByItself,
}

/// Whether a rule's absence breaks safety or only progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleKind {
    /// Something bad happens.
    Safety,
    /// Nothing good happens any more.
    Liveness,
}

impl Rule {
    /// All rules, in the order of the switches.
    pub const ALL: [Self; 44] = [
        Self::CommitOwnTermOnly,
        Self::UpToDateCheck,
        Self::OneVotePerTerm,
        Self::PersistVoteBeforeReply,
        Self::PersistAppendBeforeReply,
        Self::ConsistencyCheck,
        Self::CommitVerifiedPrefix,
        Self::KeepMatchingSuffix,
        Self::WrittenNamesEntry,
        Self::MajorityQuorum,
        Self::LostStoreDoesNotVote,
        Self::VoteKeptWithinTerm,
        Self::PersistBeforeCampaign,
        Self::ExactlyOnce,
        Self::RandomizedTimeout,
        Self::AdoptHigherTerm,
        Self::BackUpOnConflict,
        Self::JointConsensus,
        Self::OneChangeAtATime,
        Self::ChangeAfterOwnCommit,
        Self::ConfigurationFollowsLog,
        Self::PromoteCaughtUp,
        Self::AutoLeave,
        Self::LeavingMayCampaign,
        Self::SnapshotCarriesSessions,
        Self::SnapshotDurableBeforeReply,
        Self::StaleSnapshotIgnored,
        Self::SnapshotKeepsNewerLog,
        Self::SnapshotRetry,
        Self::ReadIndexConfirmsLeadership,
        Self::ReadWaitsForOwnTermCommit,
        Self::LeaseFromSend,
        Self::LeaseDriftBound,
        Self::LeaseEndsAtTransfer,
        Self::CheckQuorum,
        Self::VoteLease,
        Self::TransferHasDeadline,
        Self::VotersConfirm,
        Self::EarlyAnswerIsDurable,
        Self::HandOverInCalm,
        Self::EdgeStartsAnew,
        Self::FeederSendsCommitted,
        Self::LeaderCopyIsDurable,
        Self::EachNumberByItself,
    ];

    /// The name in scenario files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CommitOwnTermOnly => "raft.commit-own-term-only",
            Self::UpToDateCheck => "raft.up-to-date-check",
            Self::OneVotePerTerm => "raft.one-vote-per-term",
            Self::PersistVoteBeforeReply => "raft.persist-vote-before-reply",
            Self::PersistAppendBeforeReply => "raft.persist-append-before-reply",
            Self::ConsistencyCheck => "raft.consistency-check",
            Self::CommitVerifiedPrefix => "raft.commit-verified-prefix",
            Self::KeepMatchingSuffix => "raft.keep-matching-suffix",
            Self::WrittenNamesEntry => "raft.written-names-entry",
            Self::MajorityQuorum => "raft.majority-quorum",
            Self::LostStoreDoesNotVote => "raft.lost-store-does-not-vote",
            Self::VoteKeptWithinTerm => "raft.vote-kept-within-term",
            Self::PersistBeforeCampaign => "raft.persist-before-campaign",
            Self::ExactlyOnce => "session.exactly-once",
            Self::RandomizedTimeout => "raft.randomized-timeout",
            Self::AdoptHigherTerm => "raft.adopt-higher-term",
            Self::BackUpOnConflict => "raft.back-up-on-conflict",
            Self::JointConsensus => "raft.joint-consensus",
            Self::OneChangeAtATime => "raft.one-change-at-a-time",
            Self::ChangeAfterOwnCommit => "raft.change-after-own-commit",
            Self::ConfigurationFollowsLog => "raft.configuration-follows-log",
            Self::PromoteCaughtUp => "raft.promote-caught-up",
            Self::AutoLeave => "raft.auto-leave",
            Self::LeavingMayCampaign => "raft.leaving-may-campaign",
            Self::SnapshotCarriesSessions => "raft.snapshot-carries-sessions",
            Self::SnapshotDurableBeforeReply => "raft.snapshot-durable-before-reply",
            Self::StaleSnapshotIgnored => "raft.stale-snapshot-ignored",
            Self::SnapshotKeepsNewerLog => "raft.snapshot-keeps-newer-log",
            Self::SnapshotRetry => "raft.snapshot-retry",
            Self::ReadIndexConfirmsLeadership => "raft.read-index-confirms-leadership",
            Self::ReadWaitsForOwnTermCommit => "raft.read-waits-for-own-term-commit",
            Self::LeaseFromSend => "raft.lease-from-send",
            Self::LeaseDriftBound => "raft.lease-drift-bound",
            Self::LeaseEndsAtTransfer => "raft.lease-ends-at-transfer",
            Self::CheckQuorum => "raft.check-quorum",
            Self::VoteLease => "raft.vote-lease",
            Self::TransferHasDeadline => "raft.transfer-has-deadline",
            Self::VotersConfirm => "raft.voters-confirm",
            Self::EarlyAnswerIsDurable => "raft.early-answer-is-durable",
            Self::HandOverInCalm => "raft.hand-over-in-calm",
            Self::EdgeStartsAnew => "raft.edge-starts-anew",
            Self::FeederSendsCommitted => "raft.feeder-sends-committed",
            Self::LeaderCopyIsDurable => "raft.leader-copy-is-durable",
            Self::EachNumberByItself => "session.each-number-by-itself",
        }
    }

    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// What its absence breaks.
    #[must_use]
    pub fn kind(self) -> RuleKind {
        match self {
            Self::RandomizedTimeout
            | Self::AdoptHigherTerm
            | Self::BackUpOnConflict
            | Self::PromoteCaughtUp
            | Self::AutoLeave
            | Self::LeavingMayCampaign
            | Self::SnapshotDurableBeforeReply
            | Self::SnapshotRetry
            | Self::CheckQuorum
            | Self::TransferHasDeadline
            | Self::HandOverInCalm => RuleKind::Liveness,
            Self::CommitOwnTermOnly
            | Self::UpToDateCheck
            | Self::OneVotePerTerm
            | Self::PersistVoteBeforeReply
            | Self::PersistAppendBeforeReply
            | Self::ConsistencyCheck
            | Self::CommitVerifiedPrefix
            | Self::KeepMatchingSuffix
            | Self::WrittenNamesEntry
            | Self::MajorityQuorum
            | Self::LostStoreDoesNotVote
            | Self::VoteKeptWithinTerm
            | Self::PersistBeforeCampaign
            | Self::ExactlyOnce
            | Self::JointConsensus
            | Self::OneChangeAtATime
            | Self::ChangeAfterOwnCommit
            | Self::ConfigurationFollowsLog
            | Self::SnapshotCarriesSessions
            | Self::StaleSnapshotIgnored
            | Self::SnapshotKeepsNewerLog
            | Self::ReadIndexConfirmsLeadership
            | Self::ReadWaitsForOwnTermCommit
            | Self::LeaseFromSend
            | Self::LeaseDriftBound
            | Self::LeaseEndsAtTransfer
            | Self::VoteLease
            | Self::VotersConfirm
            | Self::EarlyAnswerIsDurable
            | Self::EdgeStartsAnew
            | Self::FeederSendsCommitted
            | Self::LeaderCopyIsDurable
            | Self::EachNumberByItself => RuleKind::Safety,
        }
    }
}

/// Which rules hold.
pub trait Rules: Clone + Debug {
    /// Whether `rule` is on.
    fn on(&self, rule: Rule) -> bool;
}

/// All rules, always: the type of the native node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllOn;

impl Rules for AllOn {
    #[inline]
    fn on(&self, _rule: Rule) -> bool {
        true
    }
}

/// Rules that can be switched off, for the laboratory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Switches {
    off: u64,
}

impl Switches {
    /// All rules on.
    #[must_use]
    pub fn all_on() -> Self {
        Self::default()
    }

    /// The same with one rule switched off.
    #[must_use]
    pub fn without(self, rule: Rule) -> Self {
        Self { off: self.off | 1 << rule as u64 }
    }

    /// The rules that are off.
    pub fn off(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(move |rule| !self.on(*rule))
    }
}

impl Rules for Switches {
    #[inline]
    fn on(&self, rule: Rule) -> bool {
        self.off & (1 << rule as u64) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_a_switch_of_its_own() {
        for (position, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(rule as usize, position);
            assert_eq!(Rule::named(rule.name()), Some(rule));
            let switches = Switches::all_on().without(rule);
            assert_eq!(switches.off().collect::<Vec<_>>(), [rule]);
        }
    }
}
