//! Which guards make the protocols safe, and what breaks without each?
//!
//! Every guard is a named switch, on by default. One mechanism serves the page's
//! break-it lab, the lessons, and the proof that the checkers work. The native
//! node uses [`AllOn`], a type without switches: its checks are constants and
//! cost nothing. Witnesses stand in `tests/scenarios/witness/<rule>.toml`.

use core::fmt::Debug;

use serde::{Deserialize, Serialize};

/// Whether a rule's absence breaks safety or only progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleKind {
    /// Something bad happens.
    Safety,
    /// Nothing good happens any more.
    Liveness,
}

/// Defines the rules: what each is for, its name in scenario files and on the command line, and its kind.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal, $kind:ident;)*) => {
        /// A guard that can be switched off in the laboratory.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// All rules, in the order of the switches.
            pub const ALL: [Self; [$(Self::$rule),*].len()] = [$(Self::$rule),*];

            /// The name in scenario files and on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)*
                }
            }

            /// What its absence breaks.
            #[must_use]
            pub fn kind(self) -> RuleKind {
                match self {
                    $(Self::$rule => RuleKind::$kind,)*
                }
            }
        }
    };
}

rules! {
    /// Only entries of the leader's own term are committed by counting (§5.4.2, Figure 8).
    CommitOwnTermOnly = "raft.commit-own-term-only", Safety;
    /// A vote is granted only to a log that is at least as up to date (§5.4.1).
    UpToDateCheck = "raft.up-to-date-check", Safety;
    /// A node votes for one candidate a term (§5.2).
    OneVotePerTerm = "raft.one-vote-per-term", Safety;
    /// The vote is durable before the reply leaves (Figure 2, "persistent state").
    PersistVoteBeforeReply = "raft.persist-vote-before-reply", Safety;
    /// Appended entries are durable before the reply leaves (Figure 2, "persistent state").
    PersistAppendBeforeReply = "raft.persist-append-before-reply", Safety;
    /// A follower checks the entry before the new ones (§5.3).
    ConsistencyCheck = "raft.consistency-check", Safety;
    /// A follower commits no further than this append has verified (Figure 2, "index of last new entry").
    CommitVerifiedPrefix = "raft.commit-verified-prefix", Safety;
    /// An append that overlaps keeps a matching suffix (Figure 2, "existing entry conflicts").
    KeepMatchingSuffix = "raft.keep-matching-suffix", Safety;
    /// An acknowledged write counts only while the log still holds what it wrote.
    WrittenNamesEntry = "raft.written-names-entry", Safety;
    /// A leader and a commit need more than half of the voters (§5.2, §5.3).
    MajorityQuorum = "raft.majority-quorum", Safety;
    /// A node whose store is lost neither votes nor counts (amnesia is lying).
    LostStoreDoesNotVote = "raft.lost-store-does-not-vote", Safety;
    /// Stepping down within a term keeps the vote (Figure 2, `votedFor`).
    VoteKeptWithinTerm = "raft.vote-kept-within-term", Safety;
    /// A candidate sends its requests only after its own term and vote are durable.
    PersistBeforeCampaign = "raft.persist-before-campaign", Safety;
    /// A retried command is applied once (§8; thesis §6.3).
    ExactlyOnce = "session.exactly-once", Safety;
    /// An election timeout is drawn at random (§5.2). Liveness.
    RandomizedTimeout = "raft.randomized-timeout", Liveness;
    /// A higher term in any message is adopted (§5.1). Liveness.
    AdoptHigherTerm = "raft.adopt-higher-term", Liveness;
    /// A leader moves back past a conflict (§5.3). Liveness.
    BackUpOnConflict = "raft.back-up-on-conflict", Liveness;
    /// A change of voters goes through a joint configuration (§6).
    JointConsensus = "raft.joint-consensus", Safety;
    /// A change of members waits for the one before it (thesis §4.1).
    OneChangeAtATime = "raft.one-change-at-a-time", Safety;
    /// A leader changes members only once it has committed in its term (Ongaro, raft-dev 2015).
    ChangeAfterOwnCommit = "raft.change-after-own-commit", Safety;
    /// A configuration that is cut from the log acts no longer (thesis §4.1).
    ConfigurationFollowsLog = "raft.configuration-follows-log", Safety;
    /// Only a learner that has caught up gets a vote (thesis §4.2.1). Liveness.
    PromoteCaughtUp = "raft.promote-caught-up", Liveness;
    /// Whoever leads leaves a committed joint configuration (thesis §4.3). Liveness.
    AutoLeave = "raft.auto-leave", Liveness;
    /// A node whose removal is not known to be committed still runs for election (thesis §4.2.2). Liveness.
    LeavingMayCampaign = "raft.leaving-may-campaign", Liveness;
    /// A snapshot holds the sessions of its index (§8; thesis §6.3).
    SnapshotCarriesSessions = "raft.snapshot-carries-sessions", Safety;
    /// A snapshot is durable before its receiver says that it has it (Figure 13): it is never sent again. Liveness.
    SnapshotDurableBeforeReply = "raft.snapshot-durable-before-reply", Liveness;
    /// A snapshot that holds no more than what is committed here is not installed (thesis §5.1).
    StaleSnapshotIgnored = "raft.stale-snapshot-ignored", Safety;
    /// Entries that follow a snapshot's last entry stay in the log (Figure 13, step 6).
    SnapshotKeepsNewerLog = "raft.snapshot-keeps-newer-log", Safety;
    /// A leader asks again where a transfer of a snapshot stands (§7). Liveness.
    SnapshotRetry = "raft.snapshot-retry", Liveness;
    /// A read waits for a round that proves that the leader still leads (thesis §6.4).
    ReadIndexConfirmsLeadership = "raft.read-index-confirms-leadership", Safety;
    /// A leader tells no read index before it has committed in its own term (thesis §6.4).
    ReadWaitsForOwnTermCommit = "raft.read-waits-for-own-term-commit", Safety;
    /// A lease runs from the sending of the round that a quorum answered (thesis §6.4.1).
    LeaseFromSend = "raft.lease-from-send", Safety;
    /// A lease is shortened by the bound on the clocks' drift (thesis §6.4.1).
    LeaseDriftBound = "raft.lease-drift-bound", Safety;
    /// A leader that hands leadership over has no lease any more in that term (thesis §6.4.1).
    LeaseEndsAtTransfer = "raft.lease-ends-at-transfer", Safety;
    /// A leader that hears from no quorum steps down (thesis §6.2). Liveness.
    CheckQuorum = "raft.check-quorum", Liveness;
    /// A node that hears a leader gives nobody its vote (thesis §4.2.3): leases rest on it.
    VoteLease = "raft.vote-lease", Safety;
    /// A transfer of leadership that takes too long is given up (thesis §3.10). Liveness.
    TransferHasDeadline = "raft.transfer-has-deadline", Liveness;
    /// Only voters' answers prove that a leader leads (thesis §6.4): observers may hear a deposed one.
    VotersConfirm = "raft.voters-confirm", Safety;
    /// A leader answers a relaxed command only once its own copy is durable (the fast path's one promise).
    EarlyAnswerIsDurable = "raft.early-answer-is-durable", Safety;
    /// A leader hands over to a preferred node only in calm, and to one that could take over. Liveness.
    HandOverInCalm = "raft.hand-over-in-calm", Liveness;
    /// The store of an edge goes on under the subscription alone that it was made for; another one is a new snapshot.
    EdgeStartsAnew = "raft.edge-starts-anew", Safety;
    /// A feeder sends only what its log shares with the leader's and the leader has committed.
    FeederSendsCommitted = "raft.feeder-sends-committed", Safety;
    /// A leader counts its own copy of an entry only once it is durable (thesis §10.2.1; etcd#14370).
    LeaderCopyIsDurable = "raft.leader-copy-is-durable", Safety;
    /// A session knows a retry by its number alone, not by higher numbers that came before it (thesis §6.3): pipelined
    /// commands arrive in any order.
    EachNumberByItself = "session.each-number-by-itself", Safety;
    /// A command is of the session whose opening it names (thesis §6.3): a copy of that opening, come late, opens another.
    NamedByItsOpening = "session.named-by-its-opening", Safety;
    /// A certificate needs ⌊(n+f)/2⌋ + 1 votes, so that two of them share an honest voter (HotStuff §4).
    HotStuffQuorum = "hotstuff.quorum", Safety;
    /// A replica votes for what follows its locked block, or brings a later certificate (Algorithm 1, "safeNode").
    HotStuffSafeNode = "hotstuff.safe-node", Safety;
    /// A block is committed by three certified blocks whose views follow each other (HotStuff §5).
    HotStuffConsecutiveViews = "hotstuff.consecutive-views", Safety;
    /// A replica votes once a view (HotStuff §4, Algorithm 2).
    HotStuffVoteOncePerView = "hotstuff.vote-once-per-view", Safety;
    /// What a vote promises is durable before it leaves, and before it counts at the voter itself.
    HotStuffPersistBeforeVote = "hotstuff.persist-before-vote", Safety;
    /// A vote signs its view, and a certificate of another view than its block's is refused.
    HotStuffCertificateNamesView = "hotstuff.certificate-names-view", Safety;
    /// Certificates are verified also where they come inside another message.
    HotStuffVerifyCertificates = "hotstuff.verify-certificates", Safety;
    /// A signer that a certificate names twice counts once.
    HotStuffDistinctSigners = "hotstuff.distinct-signers", Safety;
    /// A log time that is far from the voter's clock is not believed.
    HotStuffLogTime = "hotstuff.log-time", Safety;
    /// A timeout carries its sender's last vote, so that a certificate survives its leader. Liveness.
    HotStuffVotesInTimeouts = "hotstuff.votes-in-timeouts", Liveness;
    /// A quorum's timeouts lead everybody into the next view (DiemBFT v4, "Pacemaker"). Liveness.
    HotStuffTimeoutCertificates = "hotstuff.timeout-certificates", Liveness;
    /// View timers are capped, and short again after a commit. Liveness.
    HotStuffTimerIsCapped = "hotstuff.timer-is-capped", Liveness;
    /// Prepared, committed, stable and a new view need ⌊(n+f)/2⌋ + 1 replicas (PBFT §4.2–§4.4).
    PbftQuorum = "pbft.quorum", Safety;
    /// A backup accepts one batch for a view and sequence number (PBFT §4.2).
    PbftOneDigestPerSlot = "pbft.one-digest-per-slot", Safety;
    /// Only prepares and commits for the accepted batch are counted (PBFT §4.2).
    PbftVotesMatchDigest = "pbft.votes-match-digest", Safety;
    /// A replica commits only what is prepared (PBFT §4.2).
    PbftCommitAfterPrepared = "pbft.commit-after-prepared", Safety;
    /// A new view is accepted only where it follows from its view changes (PBFT §4.4).
    PbftNewViewFollows = "pbft.new-view-follows", Safety;
    /// A view change proves all that was prepared (PBFT §4.4).
    PbftViewChangeKeepsPrepared = "pbft.view-change-keeps-prepared", Safety;
    /// What a replica accepts is durable before it says so: it says one thing, restarted or not (PBFT §4.2).
    PbftPersistBeforePrepare = "pbft.persist-before-prepare", Safety;
    /// The proof that a batch is prepared is durable before the commit leaves (PBFT §4.2, §4.4).
    PbftPersistBeforeCommit = "pbft.persist-before-commit", Safety;
    /// That a replica has left a view is durable before it says so (PBFT §4.4).
    PbftPersistBeforeViewChange = "pbft.persist-before-view-change", Safety;
    /// A fetched snapshot is taken only where it has the proven hash (PBFT §5.3.2).
    PbftSnapshotMatchesProof = "pbft.snapshot-matches-proof", Safety;
    /// A sequence number without a prepared batch gets the null request in a new view (PBFT §4.4). Liveness.
    PbftNullRequests = "pbft.null-requests", Liveness;
    /// The timer doubles with each view change in a row (PBFT §4.5.2). Liveness.
    PbftTimerGrows = "pbft.timer-grows", Liveness;
    /// Only the execution of the request that it runs for moves the timer (PBFT §4.5.2). Liveness.
    PbftTimerOfOneRequest = "pbft.timer-of-one-request", Liveness;
    /// A replica joins f+1 others that have left its view (PBFT §4.5.2). Liveness.
    PbftJoinViewChange = "pbft.join-view-change", Liveness;
    /// Certificates and votes need ⌊(n+f)/2⌋ + 1 replicas.
    HybridQuorum = "hybrid.quorum", Safety;
    /// What is acknowledged by a quorum is committed only once a quorum names the certificate of that.
    HybridTwoRounds = "hybrid.two-rounds", Safety;
    /// A follower takes one history of a leader in a term.
    HybridOneHashPerIndex = "hybrid.one-hash-per-index", Safety;
    /// A prepare certificate is committed by those alone who name it in its own term.
    HybridCommitOwnTerm = "hybrid.commit-own-term-only", Safety;
    /// A vote shows its voter's highest prepare certificate.
    HybridVoteShowsCertificate = "hybrid.vote-shows-certificate", Safety;
    /// A term goes on from the highest certificate among its votes.
    HybridGoesOnFromHighest = "hybrid.goes-on-from-highest", Safety;
    /// What a replica acknowledges, and the certificate that it names, are durable before it says so.
    HybridPersistBeforeAck = "hybrid.persist-before-ack", Safety;
    /// That a replica has left a term is durable before it votes in a later one.
    HybridPersistBeforeVote = "hybrid.persist-before-vote", Safety;
    /// A replica that has stopped an instance acknowledges nothing more in it.
    HybridStopEndsAcks = "hybrid.stop-ends-acknowledgements", Safety;
    /// A stop statement is durable before it leaves.
    HybridPersistBeforeStop = "hybrid.persist-before-stop", Safety;
    /// The two rounds end on alarms of f+1, and not on one liar's. Liveness.
    HybridAlarmsOfSeveral = "hybrid.alarms-of-several", Liveness;
    /// What PBFT begins with is decided among stop statements of a quorum, and nothing else is prepared there. Liveness.
    HybridOpeningHoldsStatements = "hybrid.opening-holds-statements", Liveness;
    /// Nothing is executed after the place at which PBFT has decided to end.
    HybridLeaveEndsInstance = "hybrid.leave-ends-instance", Safety;
    /// The two rounds go on from a state that a quorum has signed.
    HybridReturnFromProven = "hybrid.returns-from-proven-state", Safety;
    /// PBFT ends on the words of a quorum that it is calm, and not on one liar's. Liveness.
    HybridLeaveOnWordsOfQuorum = "hybrid.leave-on-words-of-quorum", Liveness;
    /// The dwell time before a return doubles with each switch. Liveness.
    HybridDwellDoubles = "hybrid.dwell-doubles", Liveness;
    /// A replica that is convicted does not lead. Liveness.
    HybridConvictedNeverLeads = "hybrid.convicted-never-leads", Liveness;
    /// What was acknowledged and truncated is kept until its place is committed. Liveness.
    HybridKeepTruncated = "hybrid.keep-truncated", Liveness;
    /// A term is left on the wishes of f+1, and not on one liar's. Liveness.
    HybridWishesOfSeveral = "hybrid.wishes-of-several", Liveness;
    /// Only the execution of the request that it runs for moves the timer. Liveness.
    HybridTimerOfOneRequest = "hybrid.timer-of-one-request", Liveness;
    /// Only what the operator has signed changes who votes.
    EpochChangeByOperatorOnly = "epoch.change-by-operator-only", Safety;
    /// Nothing is executed behind the change that ends an epoch: what is ordered there is void.
    EpochEndsAtChange = "epoch.ends-at-change", Safety;
    /// The next epoch begins with a state and voters that a quorum of the old voters has signed.
    EpochLinkOfQuorum = "epoch.link-of-quorum", Safety;
}

impl Rule {
    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// Which rules hold.
pub trait Rules: Clone + Debug {
    /// Whether `rule` is on.
    fn on(&self, rule: Rule) -> bool;

    /// Whether all are: only then is an honest node held to its words.
    fn all_on(&self) -> bool {
        Rule::ALL.into_iter().all(|rule| self.on(rule))
    }
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
    off: u128,
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
        Self { off: self.off | 1 << rule as u32 }
    }

    /// The rules that are off.
    pub fn off(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(move |rule| !self.on(*rule))
    }
}

impl Rules for Switches {
    #[inline]
    fn on(&self, rule: Rule) -> bool {
        self.off & (1 << rule as u32) == 0
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
