//! Twins break nothing while all rules are on, and something where one is off.

use quorumscope_core::rules::Rule;

use super::{Bounds, Report, enumerate};
use crate::scenario::ProtocolName;

fn of(protocol: ProtocolName, off: &[Rule], views: u32) -> Report {
    enumerate(protocol, off, Bounds { views, scenarios: 400, seed: 1 }).expect("a protocol that has twins here")
}

#[test]
fn few_scenarios_are_carried_out_one_and_all_and_many_are_drawn() {
    for protocol in [ProtocolName::HotStuff, ProtocolName::Pbft] {
        let (few, many) = (of(protocol, &[], 1), of(protocol, &[], 12));
        assert_eq!((few.run, many.run), (few.all, 400));
        assert!(few.all < 400 && many.all > 400, "{few:?} {many:?}");
        assert!(few.committed > 0 && many.committed > 0, "{few:?} {many:?}");
    }
}

#[test]
fn with_all_rules_on_twins_break_nothing() {
    for protocol in [ProtocolName::HotStuff, ProtocolName::Pbft] {
        for views in [1, 2, 6, 12] {
            let report = of(protocol, &[], views);
            assert_eq!(report.broken, None, "{} {views}", protocol.name());
        }
    }
    let masked = of(ProtocolName::HotStuff, &[Rule::HotStuffTimeoutCertificates], 12);
    assert_eq!(masked.broken, None);
}

/// Timeout certificates are off beside them: they alone keep a leader from what these rules keep a voter from.
#[test]
fn without_the_lock_or_consecutive_views_twins_break_hotstuff() {
    for rule in [Rule::HotStuffSafeNode, Rule::HotStuffConsecutiveViews] {
        let report = of(ProtocolName::HotStuff, &[rule, Rule::HotStuffTimeoutCertificates], 12);
        assert!(report.broken.is_some(), "{}: {report:?}", rule.name());
    }
}

#[test]
fn the_same_bounds_give_the_same_scenarios() {
    let off = [Rule::HotStuffSafeNode, Rule::HotStuffTimeoutCertificates];
    let [one, other] = [0, 1].map(|_| of(ProtocolName::HotStuff, &off, 12));
    assert_eq!(one, other);
}

#[test]
fn nodes_that_believe_each_other_have_no_twins() {
    assert_eq!(enumerate(ProtocolName::Raft, &[], Bounds { views: 1, scenarios: 1, seed: 1 }), None);
}
