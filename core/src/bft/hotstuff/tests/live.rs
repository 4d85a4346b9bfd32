//! It goes on: with silent leaders at every position, after storms, and it is quiet where nothing is asked.

use super::cluster::{Weather, World, ms, n};
use crate::types::Span;

/// PROTOCOLS: "commits for ever with n = 4 and one silent, n = 7 and two silent, at every position".
#[test]
fn with_f_silent_leaders_at_every_position_it_commits_for_ever() {
    let pairs = (1..=7).flat_map(|a| (a + 1..=7).map(move |b| vec![a, b]));
    let cases = (1..=4).map(|a| (4, vec![a])).chain(pairs.map(|pair| (7, pair)));
    for (nodes, silent) in cases {
        let mut world = World::new(nodes, 1, |_| {});
        for silent in &silent {
            world.crash(n(*silent));
        }
        for number in 1..=600 {
            world.ask(1, number);
            world.run(ms(1_000));
            assert_eq!(world.unanswered(), 0, "{silent:?} of {nodes} silent: request {number}");
        }
        world.check(0);
        assert_eq!(world.agreed.len(), 600, "{silent:?} of {nodes}: each once");
    }
}

#[test]
fn without_faults_requests_are_answered_within_a_few_delays() {
    let mut world = World::new(4, 1, |_| {});
    for number in 1..=50 {
        world.ask(1, number);
        world.run(ms(200));
    }
    assert_eq!(world.unanswered(), 0);
    let slowest = world.told.values().map(|(asked, told)| *told - *asked).max();
    assert!(slowest < Some(ms(50)), "{slowest:?}");
    world.check(0);
}

#[test]
fn an_idle_cluster_is_quiet() {
    let mut world = World::new(4, 1, |_| {});
    world.ask(1, 1);
    world.run(ms(1_000));
    assert_eq!(world.unanswered(), 0);
    world.keep_sent = true;
    world.run(Span::from_secs(60));
    assert_eq!(world.sent.len(), 0);
    assert!((1..=4).all(|node| world.node(node).replica.log().last_index().0 == 1), "all have executed it");
}

#[test]
fn after_a_storm_all_is_answered() {
    for seed in 0..60 {
        let nodes = if seed % 3 == 0 { 7 } else { 4 };
        let mut world = World::new(nodes, seed, |_| {});
        world.weather = Weather::STORM;
        for number in 1..=20 {
            world.ask(1 + number % 3, number);
            world.run(ms(300));
        }
        world.weather = Weather::CALM;
        world.run(Span::from_secs(10));
        world.check(seed);
        assert_eq!(world.unanswered(), 0, "seed {seed}");
    }
}
