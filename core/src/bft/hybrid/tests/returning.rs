//! The way back: when, from where, and who comes along.

use std::collections::BTreeSet;

use super::switching::{assert_kept, believed, convict_one};
use super::{Cluster, Subject as _};
use crate::bft::hybrid::testing::{n, settings, test_config};
use crate::bft::hybrid::{Config, Hybrid, Settings, threat};
use crate::bft::pbft;
use crate::protocol::Input;
use crate::rules::Switches;
use crate::types::{Span, Term};

/// The threat is forgotten, and the way back open, within a second or two.
pub(super) fn forgetful(nodes: u32, seed: u64, rules: Switches) -> Cluster {
    let threat = threat::Settings {
        window: Span::from_millis(500),
        dwell: Span::from_millis(700),
        longest_dwell: Span::from_millis(2_800),
    };
    let pbft::Config { settings: bft, rules, signers, .. } = test_config(settings(nodes), rules);
    let config = Config::new(Settings { bft, threat }, rules, signers).expect("settings");
    Cluster::of(config, settings(nodes), seed)
}

pub(super) fn calm(nodes: u32, seed: u64) -> Cluster {
    forgetful(nodes, seed, Switches::all_on())
}

/// Six signatures on the channel of the last replica do not hold.
pub(super) fn alarm(cluster: &mut Cluster, node: u32) {
    let last = n(cluster.settings.voters.len() as u32);
    let from = if n(node) == last { n(1) } else { last };
    (0..6).for_each(|_| cluster.step(n(node), Input::Forged { from }));
}

pub(super) fn instances(cluster: &Cluster) -> Vec<u64> {
    let honest = cluster.nodes.iter().filter(|(node, member)| !member.is_down && !cluster.liars.contains(node));
    honest.map(|(_, member)| member.replica.instance()).collect()
}

pub(super) fn all_in(cluster: &Cluster, instance: u64) -> bool {
    instances(cluster).into_iter().all(|own| own == instance)
}

/// From the rounds of an era to PBFT.
pub(super) fn switch(cluster: &mut Cluster, era: u64) {
    [2, 3].iter().for_each(|node| alarm(cluster, *node));
    assert!(cluster.run_until(2_000, |cluster| all_in(cluster, 3 * era + 2)), "{:?}", instances(cluster));
}

fn back(cluster: &mut Cluster, era: u64) {
    assert!(cluster.run_until(6_000, |cluster| all_in(cluster, 3 * era)), "{:?}", instances(cluster));
}

/// All that was asked is done, all are alike, nothing believed is lost, and terms rise in the log.
fn assert_whole(cluster: &mut Cluster) {
    let before = believed(cluster);
    assert!(cluster.run_until(10_000, Cluster::all_done), "{:?}", instances(cluster));
    cluster.run(2_000);
    cluster.assert_agreement();
    assert_kept(cluster, &before);
    assert_eq!(cluster.states().len(), 1, "{:?}", instances(cluster));
    let terms: Vec<Term> = cluster.applied.values().map(|(term, _)| *term).collect();
    assert!(terms.is_sorted(), "terms of entries rise from one instance to the next: {terms:?}");
}

/// PROTOCOLS, "Hybrid", 5.
#[test]
fn after_the_dwell_time_the_rounds_go_on_where_pbft_has_ended() {
    let mut cluster = calm(4, 1);
    (1..=10).for_each(|number| cluster.ask(1, &[number]));
    cluster.run(100);
    switch(&mut cluster, 0);
    (11..=20).for_each(|number| cluster.ask(1, &[number]));
    cluster.run(600);
    assert_eq!(instances(&cluster), [2; 4], "the level was high within the dwell time");
    back(&mut cluster, 1);
    let before = believed(&cluster);
    (21..=30).for_each(|number| cluster.ask(1, &[number]));
    assert_whole(&mut cluster);
    assert_kept(&cluster, &before);
    assert_eq!((instances(&cluster), believed(&cluster).len()), (vec![3; 4], 30), "old signs end nothing again");
    let term = cluster.applied.values().last().expect("entries").0;
    assert_eq!(term.0 >> 32, 3, "the entries' terms name the instance");
}

/// Void is what PBFT has ordered after the end, and requests that wait are ordered by the rounds: clients notice
/// nothing.
#[test]
fn requests_are_answered_all_along_through_returns() {
    for seed in 0..20 {
        let mut cluster = calm(4, seed);
        cluster.ask(1, &[1]);
        cluster.run(30);
        let mut number = 1;
        for era in 0..3 {
            switch(&mut cluster, era);
            while !all_in(&cluster, 3 * era + 3) {
                number += 1;
                assert!(number < 4_000, "seed {seed}: {:?}", instances(&cluster));
                let to = n(1 + (number % 4) as u32);
                cluster.ask_at(&[to], 1 + number % 3, &[number, number + 10_000]);
                cluster.run(7);
            }
        }
        assert_whole(&mut cluster);
        assert_eq!(instances(&cluster), [9; 4], "seed {seed}");
    }
}

#[test]
fn nobody_returns_while_the_threat_is_high_and_one_that_is_down_holds_nobody_back() {
    let mut cluster = calm(4, 1);
    cluster.ask(1, &[1]);
    cluster.run(50);
    switch(&mut cluster, 0);
    for _ in 0..20 {
        [1, 2].iter().for_each(|node| alarm(&mut cluster, *node));
        cluster.run(200);
    }
    assert_eq!(instances(&cluster), [2; 4]);
    cluster.crash(1);
    back(&mut cluster, 1);
    cluster.ask_at(&[2, 3, 4].map(n), 1, &[2]);
    assert!(cluster.run_until(3_000, Cluster::all_done));
    cluster.restart(1);
    back(&mut cluster, 1);
    assert_whole(&mut cluster);
}

/// TRAPS 38, with returns: a replica that knows nothing of two switches gets the proven state of the present.
#[test]
fn whoever_slept_through_two_switches_gets_the_present_state() {
    for (asleep_from, awake_in, goes_on) in [(0, 6, false), (0, 8, false), (0, 8, true), (1, 9, true), (2, 9, false)] {
        let mut cluster = calm(4, 1 + awake_in);
        cluster.ask(1, &[1]);
        cluster.run(50);
        let mut number = 1;
        for instance in 0..awake_in {
            if instance == asleep_from {
                cluster.crash(4);
            }
            for _ in 0..12 {
                number += 1;
                cluster.ask_at(&[1, 2].map(n), 1, &[number]);
                cluster.run(15);
            }
            match instance % 3 {
                0 => switch(&mut cluster, instance / 3),
                2 => back(&mut cluster, instance / 3 + 1),
                _ => {}
            }
        }
        for _ in 0..if goes_on { 30 } else { 0 } {
            number += 1;
            cluster.ask_at(&[1, 2].map(n), 1, &[number]);
            cluster.run(15);
        }
        if awake_in % 3 == 2 {
            // Who has what is asked for has it from its store.
            [1, 2, 3].iter().for_each(|node| cluster.restart(*node));
            cluster.run(300);
        }
        cluster.restart(4);
        assert!(
            cluster.run_until(5_000, |cluster| instances(cluster).into_iter().collect::<BTreeSet<_>>().len() == 1),
            "{:?}",
            instances(&cluster)
        );
        assert_whole(&mut cluster);
    }
}

/// A crash at every moment of a return.
#[test]
fn whenever_one_crashes_the_return_goes_on_and_nothing_is_lost() {
    for happenings in (0..1_200).step_by(8) {
        let mut cluster = calm(4, 5);
        (1..=6).for_each(|number| cluster.ask(1, &[number]));
        cluster.run(8);
        switch(&mut cluster, 0);
        (7..=12).for_each(|number| cluster.ask(1, &[number]));
        let at = |cluster: &Cluster| cluster.nodes.values().any(|node| node.replica.calm.iter().any(Option::is_some));
        assert!(cluster.run_until(4_000, at));
        (13..=18).for_each(|number| cluster.ask(1, &[number]));
        (0..happenings).for_each(|_| cluster.tick());
        let before = believed(&cluster);
        cluster.restart(1 + (happenings / 8 % 4) as u32);
        let done = cluster.run_until(20_000, |cluster| all_in(cluster, 3) && cluster.all_done());
        assert!(done, "after {happenings}: {:?}", instances(&cluster));
        assert_whole(&mut cluster);
        assert_kept(&cluster, &before);
    }
}

/// All crash at once in the middle of a return.
#[test]
fn whenever_all_crash_the_return_goes_on_from_the_stores() {
    for happenings in (0..1_200).step_by(24) {
        let mut cluster = calm(4, 6);
        (1..=6).for_each(|number| cluster.ask(1, &[number]));
        cluster.run(8);
        switch(&mut cluster, 0);
        let at = |cluster: &Cluster| cluster.nodes.values().any(|node| node.replica.calm.iter().any(Option::is_some));
        assert!(cluster.run_until(4_000, at));
        (7..=18).for_each(|number| cluster.ask(1, &[number]));
        (0..happenings).for_each(|_| cluster.tick());
        let before = believed(&cluster);
        (1..=4).for_each(|node| cluster.crash(node));
        (1..=4).for_each(|node| cluster.restart(node));
        let done = cluster.run_until(20_000, |cluster| all_in(cluster, 3) && cluster.all_done());
        assert!(done, "after {happenings}: {:?}", instances(&cluster));
        assert_whole(&mut cluster);
        assert_kept(&cluster, &before);
    }
}

/// A conviction is a threat once: after the return the same evidence is no news.
#[test]
fn old_evidence_does_not_end_the_rounds_again() {
    let mut cluster = calm(4, 1);
    cluster.ask(1, &[1]);
    cluster.run(50);
    [2, 3].iter().for_each(|node| convict_one(&mut cluster, *node, n(4)));
    assert!(cluster.run_until(2_000, |cluster| all_in(cluster, 2)));
    back(&mut cluster, 1);
    [2, 3].iter().for_each(|node| convict_one(&mut cluster, *node, n(4)));
    [2, 3].iter().for_each(|node| alarm(&mut cluster, *node));
    cluster.run(3_000);
    assert_eq!(instances(&cluster), [3; 4], "nor does what else the convicted one does");
    [2, 3].iter().for_each(|node| convict_one(&mut cluster, *node, n(1)));
    assert!(cluster.run_until(2_000, |cluster| all_in(cluster, 5)), "another one is news");
    assert_whole(&mut cluster);
}

/// What a replica holds of eras that are over: nothing.
#[test]
fn memory_and_store_do_not_grow_with_the_number_of_eras() {
    let mut cluster = calm(4, 1);
    let mut sizes = Vec::new();
    for era in 0..6 {
        cluster.ask(1, &[era + 1]);
        cluster.run(50);
        switch(&mut cluster, era);
        back(&mut cluster, era + 1);
        cluster.run(100);
        let hard = &cluster.node(2).image.hard;
        sizes.push(postcard::to_allocvec(hard).expect("a hard state").len());
    }
    let (least, most) = (sizes.iter().min(), sizes.iter().max());
    assert!(most.zip(least).is_some_and(|(most, least)| most - least < 64), "{sizes:?}");
    assert!(cluster.nodes.values().all(|node| node.replica.bft.is_none() && node.replica.opening.is_none()));
    let next: Vec<_> = cluster.nodes.values().map(|node| node.replica.next_deadline()).collect();
    assert!(next.iter().all(Option::is_some));
    let claims = |node: u32| {
        let message =
            super::Message::Later { era: u64::MAX, message: Box::new(super::Message::Where(Default::default())) };
        let (mut claims, replica) = (Vec::new(), &cluster.node(node).replica);
        Hybrid::claims(replica, n(1), &message, &mut claims);
        claims.len()
    };
    assert_eq!(claims(1), 0);
    assert!(Hybrid::says(&super::Message::Where(Default::default())).is_none());
}
