//! The hybrid alone: changes and threats, and an epoch that ends where a history is stopped.

use super::*;
use crate::bft::hybrid::{Phase, Until};
use crate::event::Event as Noted;
use crate::types::{LogIndex, Term};
use std::collections::BTreeMap;

type Replica = Hybrid<Switches>;

/// Four voters and one node without a vote; a threat is remembered for ten seconds.
fn mindful(seed: u64) -> Cluster<Replica> {
    let window = Span::from_secs(10);
    let threat = threat::Settings { window, dwell: window, longest_dwell: window };
    let settings = settings(4);
    let all = hybrid::Settings { bft: settings.clone(), threat };
    let config = hybrid::Config::new(all, Switches::all_on(), Arc::new(TestKeys)).expect("settings");
    with_spares(Cluster::of(config, settings, seed), 1)
}

/// So many signatures on the channel of another voter do not hold.
fn signs(cluster: &mut Cluster<Replica>, node: u32, count: u32) {
    let voters = cluster.settings.voters.clone();
    let from = voters.iter().rev().find(|voter| **voter != n(node)).expect("another voter");
    (0..count).for_each(|_| cluster.step(n(node), Input::Forged { from: *from }));
}

fn phases(cluster: &Cluster<Replica>) -> Vec<Phase> {
    let up = cluster.settings.voters.iter().map(|voter| cluster.node(voter.0)).filter(|node| !node.is_down);
    up.map(|node| node.replica.instance().phase()).collect()
}

fn all_in(cluster: &Cluster<Replica>, phase: Phase) -> bool {
    phases(cluster).into_iter().all(|own| own == phase)
}

/// Two feel threatened, and all go over to PBFT.
fn switch(cluster: &mut Cluster<Replica>) {
    for voter in cluster.settings.voters.clone().iter().skip(1).take(2) {
        signs(cluster, voter.0, 6);
    }
    assert!(cluster.run_until(5_000, |cluster| all_in(cluster, Phase::Bft)), "{:?}", phases(cluster));
}

fn has_switched(cluster: &Cluster<Replica>, node: u32) -> bool {
    let is = |event: &Noted| matches!(event, Noted::Hybrid(hybrid::Event::Switched { .. }));
    cluster.node(node).events.iter().any(is)
}

/// What a replica has told of a change that waits, or that ends a history that was stopped.
fn told(cluster: &Cluster<Replica>, node: u32) -> Vec<hybrid::Event> {
    use hybrid::Event::{ChangeFree, ChangeWaits, EndedByConclusion};
    let of_change = |event: &Noted| match event {
        Noted::Hybrid(event @ (ChangeWaits { .. } | ChangeFree | EndedByConclusion { .. })) => Some(event.clone()),
        _ => None,
    };
    cluster.node(node).events.iter().filter_map(of_change).collect()
}

/// What clients believe, by where it stands.
fn believed(cluster: &Cluster<Replica>) -> BTreeMap<LogIndex, (u64, u64)> {
    cluster.believed().map(|reply| (reply.index, (reply.client.0, reply.number.0))).collect()
}

fn assert_kept(cluster: &Cluster<Replica>, before: &BTreeMap<LogIndex, (u64, u64)>) {
    let changed = before.iter().find(|(index, what)| cluster.ordered.get(index) != Some(what));
    assert_eq!(changed, None, "a client believed this");
}

fn assert_terms_rise(cluster: &Cluster<Replica>) {
    let terms: Vec<Term> = cluster.applied.values().map(|(term, _)| *term).collect();
    assert!(terms.is_sorted(), "terms rise over eras and epochs: {terms:?}");
}

/// PROTOCOLS, "Hybrid", 6: "changes are refused from threat *medium* up". It waits, and costs nobody a term.
#[test]
fn from_medium_up_a_change_waits_and_in_calm_it_happens() {
    let mut cluster = mindful(1);
    cluster.serves(1, 1);
    (1..=4).for_each(|node| signs(&mut cluster, node, 5));
    cluster.reconfigure(0, swap(&[5], &[4]));
    cluster.run(2_500);
    cluster.serves(1, 2);
    assert!((1..=4).all(|node| cluster.epoch(node) == 0), "three seconds of ten have to go by");
    let led = cluster.node(2).replica.instance().term();
    assert_eq!((led, phases(&cluster)), (Term(0), vec![Phase::Rounds; 4]));
    let waits = hybrid::Event::ChangeWaits { until: Until::Calm };
    let by_all = |cluster: &Cluster<Replica>| (1..=4).flat_map(|node| told(cluster, node)).collect::<Vec<_>>();
    assert_eq!(by_all(&cluster), std::slice::from_ref(&waits), "the leader says so, once");
    let there = cluster.run_until(3_000, |cluster| cluster.are_in(&ids(&[1, 2, 3, 5]), 1));
    assert!(there, "nobody asked again, and it happens");
    assert_eq!(by_all(&cluster), [waits, hybrid::Event::ChangeFree]);
    cluster.settings.voters = ids(&[1, 2, 3, 5]);
    cluster.serves(1, 3);
    cluster.assert_one_state();
}

/// At *low* nothing waits.
#[test]
fn below_medium_a_change_happens_at_once() {
    let mut cluster = mindful(1);
    cluster.serves(1, 1);
    (1..=4).for_each(|node| signs(&mut cluster, node, 2));
    cluster.reconfigure(0, swap(&[5], &[4]));
    assert!(cluster.run_until(400, |cluster| cluster.are_in(&ids(&[1, 2, 3, 5]), 1)));
    assert!((1..=4).all(|node| told(&cluster, node).is_empty()));
}

/// The leaders that a liar troubles cannot keep the operator out: their turns pass, which is no threat by itself.
#[test]
fn where_leaders_alone_feel_threatened_a_calm_one_follows_and_nobody_stops() {
    let mut cluster = mindful(2);
    cluster.serves(1, 1);
    [1, 2].iter().for_each(|node| signs(&mut cluster, *node, 5));
    cluster.change_to(0, swap(&[5], &[4]));
    assert!((1..=4).all(|node| !has_switched(&cluster, node)));
    assert!(all_in(&cluster, Phase::Rounds));
    cluster.serves(1, 2);
    cluster.assert_one_state();
}

/// Asked before the switch or after it: while PBFT orders requests nothing of it happens, and then it does.
#[test]
fn what_was_asked_for_under_threat_is_done_once_the_rounds_are_back() {
    for (seed, before) in (0..10).map(|seed| (seed, seed % 2 == 0)) {
        let mut cluster = cluster::<Replica>(1, seed);
        cluster.serves(1, 1);
        if before {
            (1..=4).for_each(|node| signs(&mut cluster, node, 5));
            cluster.reconfigure(0, swap(&[5], &[4]));
        }
        switch(&mut cluster);
        if !before {
            cluster.reconfigure(0, swap(&[5], &[4]));
        }
        cluster.serves(1, 2);
        assert!((1..=4).all(|node| cluster.epoch(node) == 0), "seed {seed}");
        assert!(all_in(&cluster, Phase::Bft));
        let there = cluster.run_until(10_000, |cluster| cluster.are_in(&ids(&[1, 2, 3, 5]), 1));
        assert!(there, "seed {seed}: {:?}", phases(&cluster));
        let in_turn = [hybrid::Event::ChangeWaits { until: Until::Rounds }, hybrid::Event::ChangeFree];
        assert!((1..=4).any(|node| told(&cluster, node).ends_with(&in_turn)), "seed {seed}: somebody says so");
        cluster.settings.voters = ids(&[1, 2, 3, 5]);
        cluster.serves(1, 3);
        cluster.assert_one_state();
        assert_terms_rise(&cluster);
    }
}

/// PBFT of an era orders a change that a liar has brought in: it is void, and its client hears so little of it as of any.
#[test]
fn a_change_that_pbft_orders_is_void() {
    let mut cluster = cluster::<Replica>(1, 3);
    cluster.serves(1, 1);
    switch(&mut cluster);
    cluster.liars.insert(n(4));
    let bundles = vec![change(0, swap(&[5], &[1]))];
    let relayed = pbft::Message::Requests(pbft::Relayed { bundles, anew: true });
    (1..=3).for_each(|to| cluster.post(n(4), n(to), hybrid::Message::Bft(relayed.clone())));
    cluster.run(300);
    cluster.serves(1, 2);
    let ordered = cluster.ordered.values().filter(|(client, _)| *client == OPERATOR.0).count();
    assert_eq!((ordered, all_in(&cluster, Phase::Bft)), (1, true), "it was ordered");
    assert!(cluster.run_until(8_000, |cluster| all_in(cluster, Phase::Rounds)));
    cluster.serves(1, 3);
    assert!((1..=4).all(|node| cluster.epoch(node) == 0));
    cluster.assert_one_state();
}

/// Two feel threatened at every moment of a change. Where it is in the history that goes on, the epoch ends there, and
/// PBFT does not begin; where it is not, it waits for the rounds.
#[test]
fn a_change_in_a_history_that_is_stopped_ends_the_epoch_where_that_is_concluded() {
    let (mut concluded, mut waited) = (0, 0);
    for happenings in (0..160).step_by(2) {
        let mut cluster = cluster::<Replica>(1, 7);
        cluster.serves(1, 1);
        let voters = cluster.settings.voters.clone();
        cluster.ask_at(&voters, 2, &[1, 2]);
        cluster.reconfigure(0, swap(&[5], &[4]));
        cluster.ask_at(&voters, 3, &[1, 2]);
        (0..happenings).for_each(|_| cluster.tick());
        let before = believed(&cluster);
        [2, 3].iter().for_each(|node| signs(&mut cluster, *node, 6));
        let there = cluster.run_until(20_000, |cluster| cluster.are_in(&ids(&[1, 2, 3, 5]), 1));
        assert!(there, "after {happenings}: {:?}", phases(&cluster));
        cluster.settings.voters = ids(&[1, 2, 3, 5]);
        cluster.answer_all();
        cluster.serves(1, 2);
        cluster.assert_one_state();
        assert_kept(&cluster, &before);
        assert_terms_rise(&cluster);
        let events = &cluster.node(2).events;
        let place = |wanted: fn(&Noted) -> bool| events.iter().position(wanted);
        let ended = place(|event| matches!(event, Noted::Epoch(Event::Ended { .. })));
        let stopped = place(|event| matches!(event, Noted::Hybrid(hybrid::Event::Stopped { .. })));
        let switched = place(|event| matches!(event, Noted::Hybrid(hybrid::Event::Switched { .. })));
        let in_order = |first: Option<usize>, second: Option<usize>| first.zip(second).is_some_and(|(a, b)| a < b);
        let by_conclusion = in_order(stopped, ended) && switched.is_none();
        let is_told = told(&cluster, 2).iter().any(|event| matches!(event, hybrid::Event::EndedByConclusion { .. }));
        assert_eq!(is_told, by_conclusion, "after {happenings}");
        concluded += u64::from(by_conclusion);
        waited += u64::from(in_order(switched, ended));
    }
    assert!(concluded > 3 && waited > 3, "{concluded} concluded, {waited} waited");
}

/// It was asked to vote while it was down; then the others went over to PBFT in the new epoch, and maybe back.
#[test]
fn a_new_voter_comes_along_whatever_phase_the_others_are_in() {
    for back in [false, true] {
        let mut cluster = cluster::<Replica>(1, 4);
        (1..=6).for_each(|number| cluster.serves(1, number));
        cluster.crash(5);
        cluster.reconfigure(0, swap(&[5], &[4]));
        assert!(cluster.run_until(10_000, |cluster| (1..=4).all(|node| cluster.epoch(node) == 1)));
        cluster.settings.voters = ids(&[1, 2, 3, 5]);
        cluster.serves(1, 7);
        switch(&mut cluster);
        (8..=20).for_each(|number| cluster.serves(1, number));
        if back {
            assert!(cluster.run_until(8_000, |cluster| all_in(cluster, Phase::Rounds)));
            cluster.serves(1, 21);
        }
        cluster.restart(5);
        cluster.assert_one_state();
        assert_eq!(cluster.epoch(5), 1);
        cluster.run(4_000);
        cluster.crash(1);
        cluster.serves(1, 22);
        assert_terms_rise(&cluster);
    }
}

/// Each change begins another era; the time of calm that a return takes counts from the first era of the epoch.
#[test]
fn many_changes_do_not_put_the_way_back_off() {
    let mut cluster = cluster::<Replica>(1, 5);
    cluster.serves(1, 1);
    for epoch in 0..8 {
        cluster.change_to(epoch, if epoch % 2 == 0 { swap(&[5], &[4]) } else { swap(&[4], &[5]) });
    }
    cluster.serves(1, 2);
    switch(&mut cluster);
    let back = cluster.run_until(2_500, |cluster| all_in(cluster, Phase::Rounds));
    assert!(back, "after the first dwell time: {:?}", phases(&cluster));
    cluster.serves(1, 3);
    assert_terms_rise(&cluster);
}

/// A replica that lost its vote, or never had one, threatens nobody.
#[test]
fn signs_of_one_without_a_vote_count_for_nothing() {
    let mut cluster = cluster::<Replica>(1, 6);
    cluster.serves(1, 1);
    cluster.change_to(0, swap(&[5], &[4]));
    for node in [1, 2, 3, 5] {
        (0..9).for_each(|_| cluster.step(n(node), Input::Forged { from: n(4) }));
    }
    cluster.run(1_000);
    assert!(all_in(&cluster, Phase::Rounds));
    switch(&mut cluster);
}

/// Changes, threats, returns, crashes, cuts and loss in any order; in half of the runs one voter says what it likes.
/// What a client has believed stands where it stood.
#[test]
fn nothing_proven_is_lost_over_epochs_switches_and_returns() {
    let (mut changes, mut switches) = (0, 0);
    for seed in 0..150 {
        let mut cluster = cluster::<Replica>(2, seed);
        if seed % 2 == 1 {
            cluster.liars.insert(n(1));
            let mut rng = crate::rng::Rng::new(seed, 11);
            cluster.tamper = Some(Box::new(move |from, _, message| match from == n(1) {
                true => noise(&mut rng, message),
                false => vec![message],
            }));
        }
        let mut kept = BTreeMap::new();
        for number in 1..=24 {
            let (epoch, voters) = newest(&cluster);
            cluster.settings.voters.clone_from(&voters);
            let drawn = |cluster: &mut Cluster<Replica>| voters[cluster.rng.below(voters.len() as u64) as usize];
            let to = drawn(&mut cluster);
            cluster.ask_at(&[to], 1 + number % 3, &[number, number + 1_000]);
            cluster.network = if cluster.rng.below(3) == 0 { testing::ROUGH } else { testing::CALM };
            match cluster.rng.below(10) {
                0 => voters.iter().for_each(|node| signs(&mut cluster, node.0, 6)),
                1 | 2 => {
                    let node = 1 + cluster.rng.below(6) as u32;
                    if !cluster.node(node).is_down {
                        let delay = cluster.rng.below(2_500_000);
                        cluster.restart_later(node, delay);
                    }
                }
                3 => {
                    let (from, to) = (drawn(&mut cluster), drawn(&mut cluster));
                    cluster.cut.insert((from, to));
                }
                4 => cluster.cut.clear(),
                5..=7 => {
                    // The liar keeps its vote, so that one of four lies all along.
                    let outside: Vec<u32> = (1..=6).filter(|node| !voters.contains(&n(*node))).collect();
                    let honest: Vec<NodeId> = voters.iter().filter(|node| **node != n(1)).copied().collect();
                    let leaves = honest[cluster.rng.below(honest.len() as u64) as usize];
                    let comes = outside[cluster.rng.below(outside.len() as u64) as usize];
                    let bundle = change(epoch, swap(&[comes], &[leaves.0]));
                    cluster.request(to, &bundle);
                }
                _ => {}
            }
            if number % 8 == 0 {
                kept.extend(believed(&cluster));
            }
            let pause = cluster.rng.below(700);
            cluster.run(pause);
        }
        cluster.assert_agreement();
        kept.extend(believed(&cluster));
        cluster.network = testing::CALM;
        cluster.cut.clear();
        for node in 1..=6 {
            if cluster.node(node).is_down {
                cluster.restart(node);
            }
        }
        let settled = cluster.run_until(40_000, |cluster| {
            let (epoch, voters) = newest(cluster);
            cluster.are_in(&voters, epoch)
        });
        assert!(settled, "seed {seed}: {:?}", (1..=6).map(|id| cluster.epoch(id)).collect::<Vec<_>>());
        cluster.settings.voters = newest(&cluster).1;
        let done = cluster.run_until(40_000, Cluster::all_done);
        assert!(done, "seed {seed}: not all was answered, {:?}", phases(&cluster));
        let alike = cluster.run_until(20_000, |cluster| {
            cluster.are_in(&newest(cluster).1, newest(cluster).0) && cluster.voters_states().len() == 1
        });
        assert!(alike, "seed {seed}: states stay different, {:?}", phases(&cluster));
        cluster.assert_agreement();
        assert_kept(&cluster, &kept);
        assert_terms_rise(&cluster);
        changes += newest(&cluster).0;
        switches += u64::from((1..=6).any(|node| has_switched(&cluster, node)));
    }
    assert!(changes > 100 && switches > 60, "{changes} changes, {switches} runs with a switch");
}

/// Withheld, said twice, said in another epoch, or as it is.
fn noise(rng: &mut crate::rng::Rng, message: hybrid::Message) -> Vec<hybrid::Message> {
    match rng.below(8) {
        0 => Vec::new(),
        1 => vec![message.clone(), message],
        2 => {
            let far = Replica::later(1 + rng.below(3), message.clone());
            vec![far, message]
        }
        _ => vec![message],
    }
}
