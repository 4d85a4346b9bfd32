//! Leader preference by zone: who hands over, to whom, and when not.

use super::cluster::{Cluster, Envelope, n};
use crate::event::Event;
use crate::protocol::Outcome;
use crate::raft::{Message, Rule};
use crate::record::Role;
use crate::types::Span;

/// Heartbeats of 50 ms until four of the longest election timeouts of 300 ms are over, and one more.
const CALM: u32 = 25;

/// Three nodes, led by the first, with these zones.
fn led(zones: &[&[u32]], rule_on: bool) -> Cluster {
    let mut cluster = Cluster::with(3, |config| {
        config.leader_zones = zones.iter().map(|zone| zone.iter().copied().map(n).collect()).collect();
        if !rule_on {
            config.rules = config.rules.without(Rule::HandOverInCalm);
        }
    });
    cluster.elect(1);
    cluster
}

fn is_order(envelope: &Envelope) -> bool {
    matches!(envelope.message, Message::TimeoutNow(_))
}

/// Lets `leader` send so many heartbeats, of which those messages arrive that are wanted, or until it leads no more.
fn beat(cluster: &mut Cluster, leader: u32, beats: u32, wanted: impl Fn(&Envelope) -> bool) {
    for _ in 0..beats {
        if cluster.role(leader) == Role::Leader {
            cluster.time_out(leader);
            cluster.deliver_where(&wanted);
        }
    }
}

fn tries(cluster: &Cluster, node: u32) -> usize {
    let events = cluster.node(node).events.iter();
    events.filter(|event| matches!(event, Event::LeadershipPreferred { .. })).count()
}

#[test]
fn after_a_calm_the_leader_hands_over_to_the_preferred_node_and_that_one_keeps_it() {
    let mut cluster = led(&[&[3]], true);
    beat(&mut cluster, 1, CALM - 2, |_| true);
    assert_eq!((cluster.role(1), tries(&cluster, 1)), (Role::Leader, 0), "not before the calm has lasted");
    beat(&mut cluster, 1, 2, |_| true);
    assert_eq!((cluster.role(3), cluster.term(3)), (Role::Leader, 2));
    let why = Event::LeadershipPreferred { to: n(3), zone: 0, own: None, calm: Span::from_millis(1_200) };
    assert!(cluster.noted(1, |event| *event == why), "{:?}", cluster.node(1).events.last());
    beat(&mut cluster, 3, 4 * CALM, |_| true);
    assert_eq!((cluster.role(3), cluster.term(3)), (Role::Leader, 2));
}

#[test]
fn without_zones_and_in_the_first_one_nobody_hands_over() {
    for zones in [&[][..], &[&[1, 3][..]], &[&[1], &[2, 3]]] {
        let mut cluster = led(zones, true);
        beat(&mut cluster, 1, 4 * CALM, |_| true);
        assert_eq!((cluster.role(1), tries(&cluster, 1)), (Role::Leader, 0));
    }
}

#[test]
fn the_earliest_zone_with_a_node_that_answers_is_meant() {
    let mut cluster = led(&[&[3], &[2]], true);
    beat(&mut cluster, 1, CALM, |envelope| ![envelope.from, envelope.to].contains(&n(3)));
    assert_eq!(cluster.role(2), Role::Leader);
    beat(&mut cluster, 2, CALM + 1, |_| true);
    assert_eq!((cluster.role(3), cluster.term(3)), (Role::Leader, 3), "from the second zone to the first");
}

/// A node that is down would hold up every proposal for an election timeout, again and again.
#[test]
fn a_silent_node_is_not_tried_however_much_it_is_preferred() {
    for rule_on in [true, false] {
        let mut cluster = led(&[&[3]], rule_on);
        beat(&mut cluster, 1, 4 * CALM, |envelope| ![envelope.from, envelope.to].contains(&n(3)));
        assert_eq!(tries(&cluster, 1) == 0, rule_on, "the rule is what keeps the leader from it");
        let number = cluster.propose(1);
        let refused = (number, Outcome::NotLeader { leader: Some(n(3)) });
        assert_eq!(cluster.node(1).answers.contains(&refused), !rule_on);
    }
}

/// It answers and never takes over: one try for each calm, and the leader leads on.
#[test]
fn a_try_that_fails_is_given_up_and_repeated_only_after_another_calm() {
    let mut cluster = led(&[&[3]], true);
    beat(&mut cluster, 1, 4 * CALM, |envelope| !is_order(envelope));
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 1));
    assert!((2..=4).contains(&tries(&cluster, 1)), "{}", tries(&cluster, 1));
    let given_up = cluster.node(1).events.iter().filter(|event| matches!(event, Event::TransferAborted { .. }));
    assert!(given_up.count() + 1 >= tries(&cluster, 1));
}

#[test]
fn a_node_that_lacks_more_than_an_append_is_not_tried() {
    let mut cluster = Cluster::with(3, |config| {
        (config.leader_zones, config.max_entries_per_append) = (vec![vec![n(3)]], 2);
    });
    cluster.elect(1);
    for _ in 0..4 {
        cluster.propose(1);
        cluster.deliver_among(&[1, 2]);
    }
    let entries = |envelope: &Envelope| match &envelope.message {
        Message::AppendEntries(append) => envelope.to == n(3) && !append.entries.is_empty(),
        _ => false,
    };
    beat(&mut cluster, 1, 2 * CALM, |envelope| !entries(envelope));
    assert_eq!((cluster.role(1), tries(&cluster, 1)), (Role::Leader, 0));
    beat(&mut cluster, 1, 2 * CALM, |_| true);
    assert_eq!(cluster.role(3), Role::Leader);
}

#[test]
fn while_members_change_there_is_no_calm() {
    for leaves in [true, false] {
        let mut cluster = Cluster::with(3, |config| {
            config.leader_zones = vec![vec![n(3)]];
            if !leaves {
                config.rules = config.rules.without(Rule::AutoLeave);
            }
        });
        cluster.elect(1);
        cluster.reconfigure(1, &[], &[], &[2]);
        beat(&mut cluster, 1, 2 * CALM, |_| true);
        assert_eq!(tries(&cluster, 1) > 0, leaves, "a joint configuration that stays is a change that is not over");
    }
}
