//! Which runs are likely to miss a rule that is switched off?
//!
//! A guard is seldom alone: others mask its absence, and some need rare faults
//! at the right moment. Per rule this says what masks it (switched off too) and
//! how the faults are biased. The witness scenarios prove each rule; a hunt
//! measures how long blind search takes.

use quorumscope_core::entry::Class;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::{Rule, Snapshots};
use quorumscope_core::types::Span;

use super::hunt_liars;
use crate::scenario::RaftSettings;
use crate::scenario::profile::{Plan, Profile, small_snapshots};

/// The plan of the runs that hunt for the absence of `rule`.
#[must_use]
pub fn plan(rule: Rule) -> Plan {
    // Changes of members hide other faults: who was taken out cannot break anything. Snapshots would shorten the logs
    // in which older rules are missed.
    // Who gives up leaves an operation open, which every order of operations may place as it likes.
    let heavy = Plan {
        operations: 200,
        think: Plan::default().think,
        clients: 3,
        crashes: 5,
        lost_disks: 0,
        pauses: 0,
        changes: 0,
        observers: 0,
        edges: 0,
        zones: false,
        raft: RaftSettings::default(),
        attempts: [0; 4],
        classes: [Class::Critical; 4],
        varied: false,
        ..Profile::Heavy.plan()
    };
    let busy = Plan { think: (Span::from_millis(5), Span::from_millis(60)), operations: 600, ..heavy.clone() };
    let slow_disk = (Span::from_millis(10), Span::from_millis(50));
    match rule {
        // Figure 8 needs entries of old terms one by one, and a leader that crashes again and again.
        Rule::CommitOwnTermOnly => Plan {
            raft: RaftSettings {
                max_entries_per_append: 1,
                pre_vote: false,
                check_quorum: false,
                ..RaftSettings::default()
            },
            crashes: 8,
            partitions: 4,
            one_way_cuts: 0,
            at_leader_percent: 90,
            downtime: (Span::from_millis(100), Span::from_millis(600)),
            ..busy
        },
        // The up-to-date check masks itself in the pre-vote, so pre-votes are off.
        Rule::UpToDateCheck => Plan {
            raft: RaftSettings { pre_vote: false, check_quorum: false, ..RaftSettings::default() },
            partitions: 6,
            at_leader_percent: 60,
            ..busy
        },
        // Two candidates must ask at the same moment.
        Rule::OneVotePerTerm => Plan { raft: close_timeouts(), crashes: 6, at_leader_percent: 100, ..busy },
        // A vote is lost only while the disk is slow, and counts twice only if the node is back at once and
        // somebody else asks in the same term: clocks that jump start elections all the time.
        Rule::PersistVoteBeforeReply | Rule::PersistBeforeCampaign => Plan {
            raft: close_timeouts(),
            disk: slow_disk,
            slow_disk: (Span::from_millis(50), Span::from_millis(150)),
            crashes: 120,
            downtime: (Span::from_millis(1), Span::from_millis(10)),
            at_leader_percent: 30,
            skews: 200,
            ..busy
        },
        // A leader with entries of its own is deposed by a node whose log ends before them, and writes the new term
        // down slowly while its entries are replaced: clocks that jump start elections in the midst of appends.
        Rule::WrittenNamesEntry => Plan {
            raft: RaftSettings { pre_vote: false, ..RaftSettings::default() },
            disk: slow_disk,
            crashes: 0,
            skews: 150,
            ..busy
        },
        Rule::PersistAppendBeforeReply => Plan {
            disk: slow_disk,
            slow_disk: (Span::from_millis(100), Span::from_millis(400)),
            crashes: 8,
            partitions: 4,
            at_leader_percent: 70,
            downtime: (Span::from_millis(5), Span::from_millis(300)),
            ..busy
        },
        // The node without its memory must be needed by nodes that lack what it once stored.
        Rule::LostStoreDoesNotVote => Plan {
            raft: close_timeouts(),
            crashes: 3,
            lost_disks: 2,
            at_leader_percent: 30,
            partitions: 50,
            one_way_cuts: 0,
            cut_time: (Span::from_millis(150), Span::from_millis(300)),
            ..busy
        },
        // A vote is forgotten at the first word of the new leader, and asked for again only by a request that
        // comes later still, from a candidate whose log is no worse: late messages, and logs that lag behind.
        Rule::VoteKeptWithinTerm => Plan {
            raft: close_timeouts(),
            latency: (Span::from_millis(1), Span::from_millis(80)),
            drop_ppm: 150_000,
            crashes: 20,
            downtime: (Span::from_millis(50), Span::from_millis(200)),
            partitions: 50,
            one_way_cuts: 0,
            cut_time: (Span::from_millis(150), Span::from_millis(300)),
            skews: 150,
            at_leader_percent: 60,
            ..busy
        },
        Rule::ConsistencyCheck | Rule::CommitVerifiedPrefix | Rule::KeepMatchingSuffix | Rule::BackUpOnConflict => {
            Plan {
                partitions: 6,
                at_leader_percent: 80,
                latency: (Span::from_millis(1), Span::from_millis(80)),
                ..busy
            }
        }
        Rule::ExactlyOnce => Plan { client_timeout: Span::from_millis(60), ..busy },
        Rule::MajorityQuorum => busy,
        Rule::RandomizedTimeout => Plan {
            raft: RaftSettings { pre_vote: false, check_quorum: false, ..RaftSettings::default() },
            latency: (Span::from_millis(10), Span::from_millis(10)),
            drifts: 0,
            skews: 0,
            ..heavy
        },
        // Both halves of a joint configuration need the old majority, which tells of every leader. Without it, changes
        // of one node at a time are safe but for this rule; larger ones would break anyway. Leaders that come and go
        // and are slow to commit: a change may find one that has committed nothing yet.
        Rule::ChangeAfterOwnCommit => Plan {
            raft: RaftSettings { pre_vote: false, check_quorum: false, ..RaftSettings::default() },
            disk: (Span::from_millis(20), Span::from_millis(40)),
            latency: (Span::from_millis(5), Span::from_millis(40)),
            changes: 16,
            one_by_one: true,
            skews: 200,
            partitions: 16,
            one_way_cuts: 0,
            cut_time: (Span::from_millis(200), Span::from_millis(1_200)),
            at_leader_percent: 90,
            rules_off: vec![Rule::JointConsensus],
            ..busy
        },
        // What it takes is a coincidence of many kinds of faults, of which heavy runs have all.
        Rule::OneChangeAtATime | Rule::SnapshotRetry => Profile::Heavy.plan(),
        Rule::LeavingMayCampaign | Rule::JointConsensus | Rule::ConfigurationFollowsLog => {
            Plan { changes: 12, partitions: 8, at_leader_percent: 90, ..busy }
        }
        Rule::PromoteCaughtUp | Rule::AutoLeave => Plan { changes: 12, at_leader_percent: 90, ..heavy },
        Rule::AdoptHigherTerm => Plan { partitions: 6, at_leader_percent: 80, ..heavy },
        Rule::SnapshotCarriesSessions => Plan { raft: small_snapshots(12), crashes: 8, ..busy },
        // A receiver must crash between its answer and its disk.
        Rule::SnapshotDurableBeforeReply => Plan {
            raft: small_snapshots(12),
            disk: slow_disk,
            slow_disk: (Span::from_millis(100), Span::from_millis(400)),
            crashes: 40,
            downtime: (Span::from_millis(50), Span::from_millis(600)),
            at_leader_percent: 10,
            ..busy
        },
        // A second copy of a whole snapshot must come after newer entries, and after a newer snapshot or a restart.
        Rule::StaleSnapshotIgnored | Rule::SnapshotKeepsNewerLog => Plan {
            raft: RaftSettings {
                snapshots: Snapshots { threshold: 4, retained_entries: 0, ..Snapshots::default() },
                ..RaftSettings::default()
            },
            duplicate_ppm: 300_000,
            latency: (Span::from_millis(1), Span::from_millis(120)),
            crashes: 60,
            downtime: (Span::from_millis(1), Span::from_millis(60)),
            at_leader_percent: 10,
            partitions: 40,
            one_way_cuts: 0,
            cut_time: (Span::from_millis(100), Span::from_millis(400)),
            ..busy
        },
        // A deposed leader that was told so would not answer; the clients must still ask it.
        Rule::ReadIndexConfirmsLeadership => Plan {
            raft: RaftSettings { check_quorum: false, ..RaftSettings::default() },
            reads: [Some(ReadHow::Index); 4],
            keys: 1,
            partitions: 8,
            at_leader_percent: 100,
            ..busy
        },
        // The read must reach a new leader before its first entry is committed: slow disks, many leaders.
        Rule::ReadWaitsForOwnTermCommit => Plan {
            disk: (Span::from_millis(20), Span::from_millis(40)),
            reads: [Some(ReadHow::Index); 4],
            keys: 1,
            crashes: 12,
            transfers: 20,
            at_leader_percent: 100,
            ..busy
        },
        // Another leader must be elected and commit while the old one, cut off, still trusts its lease: impatient
        // clients tell one of both. Slow and fast clocks, within a wide bound, make it likely.
        Rule::LeaseDriftBound => Plan {
            raft: RaftSettings { pre_vote: false, ..leases(400_000) },
            drifts: 20,
            drift_ppm: 400_000,
            ..impatient(busy)
        },
        // Answers that take long. Seldom found: the quorum is made by the fastest of them.
        Rule::LeaseFromSend => Plan {
            raft: leases(0),
            latency: (Span::from_millis(1), Span::from_millis(70)),
            drifts: 0,
            ..impatient(busy)
        },
        // The old leader must miss the campaign that it asked for, or that was voted for too early.
        Rule::VoteLease | Rule::LeaseEndsAtTransfer => Plan {
            raft: RaftSettings { pre_vote: false, ..leases(20_000) },
            drop_ppm: 200_000,
            transfers: 60,
            ..impatient(busy)
        },
        // The leader and two observers on one side, the two other voters on the other, and clients on both.
        Rule::VotersConfirm => Plan {
            reads: [Some(ReadHow::Index); 4],
            keys: 1,
            observers: 1,
            observing: (Span::from_millis(12_000), Span::from_millis(12_700)),
            partitions: 20,
            one_way_cuts: 0,
            crashes: 0,
            at_leader_percent: 0,
            client_timeout: Span::from_millis(100),
            ..busy
        },
        // A lone voter's commit is the first to be wrong; five need a leader that crashes with a slow disk.
        Rule::LeaderCopyIsDurable => Plan {
            disk: slow_disk,
            slow_disk: (Span::from_millis(100), Span::from_millis(400)),
            crashes: 12,
            at_leader_percent: 90,
            ..busy
        },
        // Two requests on their way at once, the first of which is lost: calm brings two by hand.
        Rule::EachNumberByItself | Rule::NamedByItsOpening => busy,
        // Each early answer is looked at.
        Rule::EarlyAnswerIsDurable => Plan { classes: [Class::Relaxed; 4], ..busy },
        // A voter with entries that nobody else has must be asked for what it missed.
        Rule::FeederSendsCommitted => {
            Plan { zones: true, observers: 3, drop_ppm: 200_000, partitions: 8, at_leader_percent: 90, ..busy }
        }
        // An edge that leaves and comes back for other ranges, and writes to all of them.
        Rule::EdgeStartsAnew => Plan { edges: 4, ..busy },
        // What these guard shows only where a cut or a crash stays: calm mends both.
        Rule::HandOverInCalm => Plan { zones: true, ..heavy },
        Rule::CheckQuorum | Rule::TransferHasDeadline => Plan { one_way_cuts: 4, transfers: 10, ..heavy },
        Rule::HotStuffQuorum
        | Rule::HotStuffSafeNode
        | Rule::HotStuffConsecutiveViews
        | Rule::HotStuffVoteOncePerView
        | Rule::HotStuffPersistBeforeVote
        | Rule::HotStuffCertificateNamesView
        | Rule::HotStuffVerifyCertificates
        | Rule::HotStuffDistinctSigners
        | Rule::HotStuffLogTime
        | Rule::HotStuffVotesInTimeouts
        | Rule::HotStuffTimeoutCertificates
        | Rule::HotStuffTimerIsCapped
        | Rule::PbftQuorum
        | Rule::PbftOneDigestPerSlot
        | Rule::PbftVotesMatchDigest
        | Rule::PbftCommitAfterPrepared
        | Rule::PbftNewViewFollows
        | Rule::PbftViewChangeKeepsPrepared
        | Rule::PbftPersistBeforePrepare
        | Rule::PbftPersistBeforeCommit
        | Rule::PbftPersistBeforeViewChange
        | Rule::PbftSnapshotMatchesProof
        | Rule::PbftNullRequests
        | Rule::PbftTimerGrows
        | Rule::PbftTimerOfOneRequest
        | Rule::PbftJoinViewChange
        | Rule::EpochChangeByOperatorOnly
        | Rule::EpochEndsAtChange
        | Rule::EpochLinkOfQuorum => hunt_liars::plan(rule),
        Rule::HybridQuorum
        | Rule::HybridTwoRounds
        | Rule::HybridOneHashPerIndex
        | Rule::HybridCommitOwnTerm
        | Rule::HybridVoteShowsCertificate
        | Rule::HybridGoesOnFromHighest
        | Rule::HybridPersistBeforeAck
        | Rule::HybridPersistBeforeVote
        | Rule::HybridStopEndsAcks
        | Rule::HybridPersistBeforeStop
        | Rule::HybridAlarmsOfSeveral
        | Rule::HybridOpeningHoldsStatements
        | Rule::HybridLeaveEndsInstance
        | Rule::HybridReturnFromProven
        | Rule::HybridLeaveOnWordsOfQuorum
        | Rule::HybridDwellDoubles
        | Rule::HybridConvictedNeverLeads
        | Rule::HybridKeepTruncated
        | Rule::HybridWishesOfSeveral
        | Rule::HybridTimerOfOneRequest => hunt_liars::plan(rule),
    }
}

/// Elections that many nodes begin at once, without the pre-vote that would tell them apart.
fn close_timeouts() -> RaftSettings {
    RaftSettings {
        election_timeout: (Span::from_millis(150), Span::from_millis(155)),
        pre_vote: false,
        check_quorum: false,
        ..RaftSettings::default()
    }
}

/// Narrow timeouts, so that another leader comes early, with a bound on drift.
fn leases(drift_bound_ppm: u32) -> RaftSettings {
    RaftSettings {
        election_timeout: (Span::from_millis(150), Span::from_millis(170)),
        drift_bound_ppm,
        ..RaftSettings::default()
    }
}

/// Leaders that are cut off again and again, under clients that read one key by lease and soon ask elsewhere.
fn impatient(plan: Plan) -> Plan {
    Plan {
        reads: [Some(ReadHow::Lease); 4],
        keys: 1,
        think: (Span::from_millis(10), Span::from_millis(60)),
        clients: 12,
        operations: 4_000,
        client_timeout: Span::from_millis(30),
        latency: (Span::from_millis(1), Span::from_millis(5)),
        crashes: 0,
        partitions: 30,
        one_way_cuts: 0,
        cut_time: (Span::from_millis(250), Span::from_millis(500)),
        skews: 0,
        at_leader_percent: 100,
        ..plan
    }
}

/// One plan for several rules: what each asks for, taken together.
#[must_use]
pub fn plan_for(rules: &[Rule]) -> Plan {
    let plans = rules.iter().map(|rule| plan(*rule));
    plans
        .reduce(|one, other| Plan {
            crashes: one.crashes.max(other.crashes),
            changes: one.changes.max(other.changes),
            observers: one.observers.max(other.observers),
            edges: one.edges.max(other.edges),
            zones: one.zones || other.zones,
            partitions: one.partitions.max(other.partitions),
            one_way_cuts: one.one_way_cuts.max(other.one_way_cuts),
            lost_disks: one.lost_disks.max(other.lost_disks),
            operations: one.operations.max(other.operations),
            rules_off: one.rules_off.iter().chain(&other.rules_off).copied().collect(),
            ..one
        })
        .unwrap_or_else(|| Profile::Heavy.plan())
}

#[cfg(test)]
mod tests {
    use quorumscope_core::raft::RuleKind;

    use super::*;
    use crate::check::property;
    use crate::explore::explore;
    use crate::scenario::ProtocolName;
    use crate::scenario::profile::{SHORTEST_RUN, generate};

    /// What it finds for a safety rule is no lack of progress: it may switch off what that rests on, such as the
    /// pre-vote that keeps nodes from disturbing after they were removed.
    #[test]
    fn every_hunt_can_run_and_finds_nothing_while_its_rule_is_on() {
        for rule in ProtocolName::switchable() {
            let plan = plan(rule);
            for seed in 0..10 {
                let protocol = ProtocolName::of_rule(rule);
                let nodes = if protocol.signs() { 4 } else { 5 };
                let scenario = generate(protocol, nodes, seed, &plan, SHORTEST_RUN, &[]);
                let outcome = explore(&scenario).expect("it can run");
                let counts = |name: &str| rule.kind() == RuleKind::Liveness || name != property::LIVENESS;
                let found: Vec<_> = outcome.violations.iter().filter(|found| counts(&found.property)).collect();
                assert!(found.is_empty(), "{} seed {seed}: {found:?}", rule.name());
            }
        }
    }
}
