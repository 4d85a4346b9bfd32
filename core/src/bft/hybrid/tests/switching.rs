//! The switch: when, from what, and with what.

use std::collections::BTreeMap;

use super::{Cluster, Message};
use crate::bft::hybrid::Phase;
use crate::bft::hybrid::testing::{CALM, ROUGH, n};
use crate::protocol::{Effects, Input};
use crate::rules::Rule;
use crate::types::{LogIndex, Mono, NodeId, Now, Wall};

fn phases(cluster: &Cluster) -> Vec<Phase> {
    cluster.nodes.values().map(|node| node.replica.phase()).collect()
}

pub(super) fn all_in_bft(cluster: &Cluster) -> bool {
    let honest = cluster.nodes.iter().filter(|(node, member)| !member.is_down && !cluster.liars.contains(node));
    honest.into_iter().all(|(_, member)| member.replica.phase() == Phase::Bft)
}

/// A replica finds evidence, against the last one.
pub(super) fn convict(cluster: &mut Cluster, node: u32) {
    let last = n(cluster.settings.voters.len() as u32);
    convict_one(cluster, node, last);
}

/// A replica finds evidence.
pub(super) fn convict_one(cluster: &mut Cluster, node: u32, liar: NodeId) {
    let Some(member) = cluster.nodes.get_mut(&n(node)).filter(|member| !member.is_down) else { return };
    let now = Now { mono: Mono(cluster.now), wall: Wall(cluster.now) };
    let mut out = Effects::listening();
    member.replica.convict(now, liar, &mut out);
    cluster.take(n(node), out);
}

/// What clients believe, by where it stands: nothing of it may change.
pub(super) fn believed(cluster: &Cluster) -> BTreeMap<LogIndex, (u64, u64)> {
    cluster.believed().map(|reply| (reply.index, (reply.client.0, reply.number.0))).collect()
}

/// What clients believed is what all honest replicas have applied there: they agree, and have got as far.
pub(super) fn assert_kept(cluster: &Cluster, before: &BTreeMap<LogIndex, (u64, u64)>) {
    let changed = before.iter().find(|(index, what)| cluster.ordered.get(index) != Some(what));
    assert_eq!(changed, None, "a client believed this");
    let honest = cluster.nodes.iter().filter(|(node, member)| !member.is_down && !cluster.liars.contains(node));
    let shortest = honest.map(|(_, member)| member.replica.log().last_index()).min();
    assert!(before.keys().max() <= shortest.as_ref(), "{shortest:?}");
}

#[test]
fn in_calm_it_stays_with_two_rounds() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=20 {
        cluster.ask(1, &[number]);
        cluster.run(20);
    }
    assert!(cluster.all_done());
    cluster.assert_agreement();
    assert_eq!(phases(&cluster), vec![Phase::Rounds; 4]);
}

/// PROTOCOLS, "Hybrid", 4: f+1 statements, one of them honest, and not one alone.
#[test]
fn f_plus_one_alarms_switch_and_one_does_not() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=10 {
        cluster.ask(1, &[number]);
    }
    assert!(cluster.run_until(200, Cluster::all_done));
    let before = believed(&cluster);
    assert_eq!(before.len(), 10);
    convict(&mut cluster, 2);
    cluster.run(2_000);
    assert_eq!(phases(&cluster), vec![Phase::Rounds; 4], "one replica may lie about what it feels");
    convict(&mut cluster, 3);
    assert!(cluster.run_until(1_000, all_in_bft), "{:?}", phases(&cluster));
    for number in 11..=20 {
        cluster.ask(1, &[number]);
    }
    assert!(cluster.run_until(1_000, Cluster::all_done));
    cluster.run(500);
    cluster.assert_agreement();
    assert_kept(&cluster, &before);
    assert_eq!((cluster.states().len(), believed(&cluster).len()), (1, 20));
}

/// Six signatures on one authenticated peer's channel that do not hold: who sees them feels threatened.
#[test]
fn six_forged_signatures_are_enough_to_feel_threatened() {
    let mut cluster = Cluster::new(4, 1);
    for _ in 0..6 {
        [2, 3].iter().for_each(|node| cluster.step(n(*node), Input::Forged { from: n(4) }));
    }
    assert!(cluster.run_until(1_000, all_in_bft), "{:?}", phases(&cluster));
}

/// PROTOCOLS, "Hybrid", 2: two terms in a row in which nothing happens.
#[test]
fn two_silent_leaders_in_a_row_switch() {
    let mut cluster = Cluster::new(7, 1);
    [1, 2].iter().for_each(|node| cluster.crash(*node));
    cluster.ask_at(&[3, 4, 5, 6, 7].map(n), 1, &[1]);
    assert!(cluster.run_until(6_000, |cluster| all_in_bft(cluster) && cluster.all_done()), "{:?}", phases(&cluster));
    [1, 2].iter().for_each(|node| cluster.restart(*node));
    assert!(cluster.run_until(3_000, all_in_bft), "whoever was away joins: {:?}", phases(&cluster));
    cluster.run(2_000);
    cluster.assert_agreement();
    assert_eq!(cluster.states().len(), 1);
}

/// Requests that wait are taken along, and what was told and not proven may come again.
#[test]
fn requests_that_wait_are_ordered_by_pbft() {
    let mut cluster = Cluster::new(4, 1);
    cluster.crash(1);
    cluster.ask_at(&[2, 3, 4].map(n), 1, &[1]);
    cluster.run(50);
    [2, 3].iter().for_each(|node| convict(&mut cluster, *node));
    assert!(cluster.run_until(1_500, |cluster| all_in_bft(cluster) && cluster.all_done()), "{:?}", phases(&cluster));
    cluster.assert_agreement();
}

/// A replica that slept through it all, while the others went so far that nobody holds what PBFT began with.
#[test]
fn whoever_slept_through_the_switch_gets_a_later_state() {
    let mut cluster = Cluster::new(4, 1);
    cluster.ask(1, &[1]);
    cluster.run(50);
    cluster.crash(4);
    for number in 2..=30 {
        cluster.ask(1, &[number]);
        cluster.run(20);
    }
    [2, 3].iter().for_each(|node| convict(&mut cluster, *node));
    assert!(cluster.run_until(2_000, all_in_bft));
    for number in 31..=90 {
        cluster.ask(1, &[number]);
        cluster.run(20);
    }
    [1, 2, 3].iter().for_each(|node| cluster.restart(*node));
    cluster.run(500);
    cluster.restart(4);
    assert!(cluster.run_until(5_000, |cluster| all_in_bft(cluster) && cluster.all_done()), "{:?}", phases(&cluster));
    cluster.run(2_000);
    cluster.assert_agreement();
    assert_eq!(cluster.states().len(), 1);
}

/// A crash at every moment of a switch.
#[test]
fn whenever_one_crashes_the_switch_goes_on_and_nothing_is_lost() {
    for happenings in (0..700).step_by(5) {
        let mut cluster = Cluster::new(4, 5);
        for number in 1..=6 {
            cluster.ask(1, &[number]);
        }
        cluster.run(8);
        [2, 3].iter().for_each(|node| convict(&mut cluster, *node));
        for _ in 0..happenings {
            cluster.tick();
        }
        let before = believed(&cluster);
        cluster.restart(1 + (happenings / 5 % 4) as u32);
        let done = cluster.run_until(20_000, |cluster| all_in_bft(cluster) && cluster.all_done());
        assert!(done, "after {happenings}: {:?}", phases(&cluster));
        cluster.run(2_000);
        cluster.assert_agreement();
        assert_kept(&cluster, &before);
        assert_eq!(cluster.states().len(), 1, "after {happenings}");
    }
}

/// Random runs with a switch somewhere in them.
pub(super) fn run_with_switch(cluster: &mut Cluster, seed: u64) {
    cluster.network = ROUGH;
    let nodes = cluster.settings.voters.len() as u64;
    let (switch_at, mut before) = (2 + cluster.rng.below(12), BTreeMap::new());
    for number in 1..=18 {
        let to = n(1 + cluster.rng.below(nodes) as u32);
        cluster.ask_at(&[to], 1 + number % 3, &[number, number + 1_000]);
        if number == switch_at {
            before = believed(cluster);
            (1..=nodes as u32).for_each(|node| convict(cluster, node));
        }
        match cluster.rng.below(8) {
            0 => {
                let node = 1 + cluster.rng.below(nodes) as u32;
                if !cluster.node(node).is_down {
                    let delay = cluster.rng.below(1_000_000);
                    cluster.restart_later(node, delay);
                }
            }
            1 => {
                let mut pair = || n(1 + cluster.rng.below(nodes) as u32);
                let (from, to) = (pair(), pair());
                cluster.cut.insert((from, to));
            }
            2 => cluster.cut.clear(),
            _ => {}
        }
        let pause = cluster.rng.below(200);
        cluster.run(pause);
    }
    cluster.assert_agreement();
    cluster.network = CALM;
    // Alarms live in memory: who restarted feels what there is to feel again.
    (1..=nodes as u32).for_each(|node| convict(cluster, node));
    cluster.calm_down();
    let done = cluster.run_until(10_000, |cluster| all_in_bft(cluster) && cluster.all_done());
    assert!(done, "seed {seed}: {:?}", phases(cluster));
    cluster.run(1_500);
    cluster.assert_agreement();
    assert_kept(cluster, &before);
    assert_eq!(cluster.states().len(), 1, "seed {seed}");
}

#[test]
fn four_replicas_switch_in_any_weather_and_lose_nothing() {
    for seed in 0..150 {
        run_with_switch(&mut Cluster::new(4, seed), seed);
    }
}

#[test]
fn seven_replicas_switch_in_any_weather_and_lose_nothing() {
    for seed in 0..40 {
        run_with_switch(&mut Cluster::new(7, seed), seed);
    }
}

/// One liar alone cannot end the two rounds.
#[test]
fn one_alarm_would_be_enough_without_the_rule() {
    let mut cluster = Cluster::without(4, 1, Rule::HybridAlarmsOfSeveral);
    convict(&mut cluster, 2);
    assert!(cluster.run_until(2_000, all_in_bft), "{:?}", phases(&cluster));
}

/// PROTOCOLS, "Hybrid", 4: a stop statement is "durable before it is sent".
#[test]
fn a_stop_statement_leaves_once_it_is_durable() {
    let says_too_early = |mut cluster: Cluster| {
        cluster.slow = [2, 3].map(n).into();
        [2, 3].iter().for_each(|node| convict(&mut cluster, *node));
        cluster.run(500);
        [2, 3].iter().any(|node| cluster.said.contains_key(&(n(*node), vec![7, u64::from(*node)])))
    };
    assert!(!says_too_early(Cluster::new(4, 1)));
    assert!(says_too_early(Cluster::without(4, 1, Rule::HybridPersistBeforeStop)));
}

/// The opening instance prepares stop statements of a quorum, and nothing else.
fn a_primary_wants_something_else(mut cluster: Cluster) -> Cluster {
    cluster.liars.insert(n(1));
    cluster.tamper = Some(Box::new(|from, _, message| match message {
        Message::Opening(crate::bft::pbft::Message::PrePrepare(said)) if from == n(1) => {
            vec![Message::Opening(super::liars::something_else(&said))]
        }
        message => vec![message],
    }));
    cluster.ask(1, &[1]);
    cluster.run(50);
    let before = believed(&cluster);
    (2..=4).for_each(|node| convict(&mut cluster, node));
    cluster.run_until(5_000, all_in_bft);
    cluster.assert_agreement();
    assert_kept(&cluster, &before);
    cluster
}

#[test]
fn a_primary_that_wants_something_else_to_begin_with_is_left() {
    let with = a_primary_wants_something_else(Cluster::new(4, 1));
    assert!(all_in_bft(&with), "{:?}", phases(&with));
    let without = a_primary_wants_something_else(Cluster::without(4, 1, Rule::HybridOpeningHoldsStatements));
    assert!(!all_in_bft(&without), "nobody knows what to begin with");
}
