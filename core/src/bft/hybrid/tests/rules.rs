//! Each guard of the way back, and what happens without it.

use super::liars::root_of_nothing;
use super::returning::{alarm, all_in, forgetful, instances, switch};
use super::switching::convict_one;
use super::{Cluster, Message};
use crate::bft::hybrid::testing::n;
use crate::protocol::Input;
use crate::rules::{Rule, Switches};
use crate::types::{Mono, Sequence};

fn with() -> Switches {
    Switches::all_on()
}

fn without(rule: Rule) -> Switches {
    Switches::all_on().without(rule)
}

/// In PBFT with some history.
fn in_pbft(rules: Switches, seed: u64) -> Cluster {
    let mut cluster = forgetful(4, seed, rules);
    (1..=6).for_each(|number| cluster.ask(1, &[number]));
    cluster.run(100);
    switch(&mut cluster, 0);
    cluster
}

/// Three are alarmed again and again, and one says that it is calm.
#[test]
fn one_replica_that_says_that_it_is_calm_ends_nothing() {
    let returns = |rules| {
        let mut cluster = in_pbft(rules, 1);
        for _ in 0..20 {
            [1, 2, 3].iter().for_each(|node| alarm(&mut cluster, *node));
            cluster.run(200);
        }
        instances(&cluster).into_iter().any(|instance| instance != 2)
    };
    assert!(!returns(with()));
    assert!(returns(without(Rule::HybridLeaveOnWordsOfQuorum)));
}

/// Requests in flight when PBFT ends: with the rule they are void there and ordered again, without it some replicas
/// have executed them where the rounds put something else.
#[test]
fn what_is_ordered_after_the_end_is_void() {
    let agrees = |rules: &Switches, seed: u64| {
        let mut cluster = in_pbft(*rules, seed);
        for number in 0..700 {
            let to = n(1 + (number % 4) as u32);
            cluster.ask_at(&[to], 1 + number % 3, &[100 + number]);
            cluster.run(3);
        }
        cluster.run(1_000);
        cluster.agrees()
    };
    assert!((0..4).all(|seed| agrees(&with(), seed)));
    assert!(!(0..4).all(|seed| agrees(&without(Rule::HybridLeaveEndsInstance), seed)));
}

/// A state of PBFT at its very end would not show that it is the end.
#[test]
fn pbft_proves_no_checkpoint_where_it_ends() {
    let ends_at_a_checkpoint = |rules: Switches, seed: u64| {
        let mut cluster = in_pbft(rules, seed);
        (0..seed).for_each(|number| {
            cluster.ask(1, &[100 + number]);
            cluster.run(10);
        });
        let (mut ended, mut proven) = (false, false);
        while !all_in(&cluster, 3) && cluster.now < 20_000_000 {
            cluster.tick();
            let of = |replica: &crate::bft::hybrid::Hybrid<Switches>| {
                let bft = replica.bft.as_ref()?;
                let end = bft.ended().filter(|end| end.0 % 4 == 0)?;
                Some(bft.stable_checkpoint().is_some_and(|stable| stable.checkpoint.sequence == end))
            };
            for at_end in cluster.nodes.values().filter_map(|node| of(&node.replica)) {
                (ended, proven) = (true, proven || at_end);
            }
        }
        (ended, proven)
    };
    let all: Vec<_> = (0..8).map(|seed| ends_at_a_checkpoint(with(), seed)).collect();
    assert!(all.iter().any(|(ended, _)| *ended) && all.iter().all(|(_, proven)| !proven), "{all:?}");
    let off = without(Rule::HybridLeaveEndsInstance);
    assert!((0..8).any(|seed| ends_at_a_checkpoint(off, seed).1));
}

/// One liar says where PBFT has ended.
#[test]
fn one_replica_alone_begins_no_era() {
    let believes = |rules| {
        let mut cluster = in_pbft(rules, 1);
        let proof = cluster.node(2).replica.rounds.stable().cloned();
        let checkpoint =
            crate::bft::Checkpoint { sequence: Sequence(3), ..proof.expect("a checkpoint").proof.checkpoint };
        let message = root_of_nothing(n(4), 0, checkpoint);
        cluster.step(n(2), Input::Receive { from: n(4), message });
        cluster.run(200);
        cluster.node(2).replica.instance() != 2
    };
    assert!(!believes(with()));
    assert!(believes(without(Rule::HybridReturnFromProven)));
}

/// How long the second dwell time is, in multiples of the first.
#[test]
fn the_second_return_takes_twice_as_long() {
    let dwell = |cluster: &Cluster| {
        let replica = &cluster.node(2).replica;
        replica.calm_at().expect("in PBFT").0 - replica.calm_since.0
    };
    let growth = |rules| {
        let mut cluster = in_pbft(rules, 1);
        let first = dwell(&cluster);
        assert!(cluster.run_until(6_000, |cluster| all_in(cluster, 3)), "{:?}", instances(&cluster));
        switch(&mut cluster, 1);
        dwell(&cluster) / first
    };
    assert_eq!((growth(with()), growth(without(Rule::HybridDwellDoubles))), (2, 1));
}

/// The first replica has the first turn of every era, unless it is convicted.
#[test]
fn a_convicted_replica_does_not_lead() {
    let leader = |rules| {
        let mut cluster = forgetful(4, 1, rules);
        cluster.ask(1, &[1]);
        cluster.run(50);
        (1..=4).for_each(|node| convict_one(&mut cluster, node, n(1)));
        assert!(cluster.run_until(6_000, |cluster| all_in(cluster, 3)), "{:?}", instances(&cluster));
        cluster.ask_at(&[2, 3].map(n), 1, &[2]);
        assert!(cluster.run_until(2_000, Cluster::all_done));
        (1..=4).for_each(|node| cluster.restart(node));
        cluster.run(100);
        (1..=4).map(|node| cluster.node(node).replica.rounds.leader().expect("voters").0).collect::<Vec<_>>()
    };
    assert_eq!(leader(with()), [2; 4]);
    assert_eq!(leader(without(Rule::HybridConvictedNeverLeads)), [1; 4]);
}

/// A message within a message, or of an era that nobody gets to, is a sign and nothing else.
#[test]
fn eras_that_cannot_be_are_signs() {
    let mut cluster = forgetful(4, 1, with());
    let of = |era, message| Message::Later { era, message: Box::new(message) };
    let now = |cluster: &Cluster| crate::types::Now { mono: Mono(cluster.now), wall: crate::types::Wall(cluster.now) };
    for message in [of(u64::MAX, Message::Where(Default::default())), of(0, of(0, Message::Where(Default::default())))]
    {
        cluster.step(n(2), Input::Receive { from: n(4), message });
    }
    let level = cluster.node(2).replica.threat(now(&cluster));
    assert_eq!(level, crate::bft::hybrid::threat::Level::Low);
}
