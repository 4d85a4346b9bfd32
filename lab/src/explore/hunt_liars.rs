//! Which runs are likely to miss a rule of PBFT, HotStuff or the hybrid that is switched off?
//!
//! Most of their rules keep away what a node does that lies, so some node lies in
//! each run, and where one lie alone is what a rule keeps away, it is that one.
//! Runs have every other fault too: a batch that is committed at one replica
//! alone, which most rules are about, takes a cut or a crash. Whoever lies is one
//! replica fewer that a rule could fail at, so hunts for what crashes and cuts
//! bring about have no liar.

use quorumscope_core::rules::Rule;
use quorumscope_core::types::Span;

use crate::adversary::Trick;
use crate::scenario::profile::{Liars, Plan, Profile};

/// The plan of the runs that hunt for the absence of `rule`.
pub(super) fn plan(rule: Rule) -> Plan {
    let liars = Profile::Byzantine.plan();
    let lie = |tricks: &[Trick]| Plan { tricks: tricks.to_vec(), ..Profile::Byzantine.plan() };
    let cuts = Plan { liars: Liars::None, partitions: 8, one_way_cuts: 0, ..liars.clone() };
    let lossy = Plan { drop_ppm: 150_000, partitions: 6, ..liars.clone() };
    match rule {
        Rule::HotStuffQuorum => cuts,
        // A leader that has heard of nothing must come between: timeout certificates would show it what there is.
        Rule::HotStuffSafeNode => Plan { drop_ppm: 150_000, ..without_timeout_certificates(cuts) },
        Rule::HotStuffConsecutiveViews => Plan { drop_ppm: 250_000, partitions: 16, ..cuts },
        Rule::HotStuffVoteOncePerView => without_timeout_certificates(lie(&[Trick::Repeat, Trick::BadParent])),
        Rule::HotStuffPersistBeforeVote => without_timeout_certificates(forgetful(cuts)),
        Rule::PbftPersistBeforePrepare
        | Rule::PbftPersistBeforeCommit
        | Rule::PbftPersistBeforeViewChange
        | Rule::HybridPersistBeforeAck
        | Rule::HybridPersistBeforeVote
        | Rule::HybridPersistBeforeStop => forgetful(cuts),
        Rule::HotStuffCertificateNamesView => lie(&[Trick::Rename]),
        Rule::HotStuffVerifyCertificates => lie(&[Trick::ForgeRival]),
        Rule::HotStuffDistinctSigners => lie(&[Trick::SignThrice]),
        Rule::HotStuffLogTime => lie(&[Trick::FalseTime]),
        Rule::PbftNewViewFollows => Plan { tricks: vec![Trick::FalseNewView], ..lossy },
        Rule::PbftSnapshotMatchesProof => lie(&[Trick::Corrupt]),
        Rule::PbftVotesMatchDigest | Rule::HybridOneHashPerIndex => lie(&[Trick::Twins]),
        Rule::PbftOneDigestPerSlot => lie(&[Trick::Corrupt, Trick::Replay]),
        Rule::PbftTimerOfOneRequest | Rule::HybridTimerOfOneRequest => lie(&[Trick::Censor]),
        Rule::HybridOpeningHoldsStatements => lie(&[Trick::Forge, Trick::FalseOpening]),
        Rule::HybridReturnFromProven => lie(&[Trick::Forge, Trick::FalseEnd]),
        Rule::HybridAlarmsOfSeveral => lie(&[Trick::FalseAlarm]),
        Rule::HybridWishesOfSeveral => lie(&[Trick::Inflate]),
        Rule::EpochLinkOfQuorum => Plan { epochs: 3, ..lie(&[Trick::Forge]) },
        Rule::EpochEndsAtChange => Plan { epochs: 3, ..cuts },
        Rule::HybridConvictedNeverLeads => lie(&[Trick::Twins, Trick::Withhold]),
        Rule::PbftQuorum
        | Rule::PbftCommitAfterPrepared
        | Rule::PbftViewChangeKeepsPrepared
        | Rule::HybridCommitOwnTerm
        | Rule::HybridTwoRounds
        | Rule::HybridQuorum
        | Rule::HybridVoteShowsCertificate
        | Rule::HybridGoesOnFromHighest => lossy,
        _ => liars,
    }
}

/// What DiemBFT adds to HotStuff hides what HotStuff's own rules are there for.
fn without_timeout_certificates(plan: Plan) -> Plan {
    Plan { rules_off: vec![Rule::HotStuffTimeoutCertificates], ..plan }
}

/// Disks that are slower than a round of messages, and crashes that last no longer.
fn forgetful(plan: Plan) -> Plan {
    Plan {
        disk: (Span::from_millis(10), Span::from_millis(50)),
        slow_disk: (Span::from_millis(100), Span::from_millis(800)),
        crashes: 60,
        downtime: (Span::from_millis(1), Span::from_millis(30)),
        at_leader_percent: 30,
        ..plan
    }
}
