//! Voters change while it runs, whatever is lost, late, lying or crashing meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Event;
use super::cluster::{Weather, World, ms, n};
use crate::bft::Bundle;
use crate::bft::epoch::{self, Nonsense, Request};
use crate::bft::request::OPERATOR;
use crate::bft::testing::{CLUSTER, TestSigner};
use crate::crypto::Identity;
use crate::membership::MembershipChange;
use crate::rules::Rule;
use crate::types::{ClientId, LogIndex, NodeId, RequestNumber, Span, Term};

pub(super) fn change(epoch: u64, promote: &[u32], remove: &[u32]) -> Request {
    let nodes = |list: &[u32]| list.iter().map(|node| n(*node)).collect();
    let (promote, remove) = (nodes(promote), nodes(remove));
    Request { epoch, change: MembershipChange { promote, remove, ..MembershipChange::default() } }
}

pub(super) fn signed(request: &Request, by: ClientId, number: u64) -> Arc<Bundle> {
    let signer = TestSigner(Identity::Client(by));
    Arc::new(request.signed_as(by, CLUSTER, RequestNumber(number), &signer))
}

impl World {
    /// The operator asks for a change.
    fn change(&mut self, number: u64, request: &Request) {
        self.ask_with(OPERATOR.0, number, signed(request, OPERATOR, number));
    }

    /// Nodes that wait for a vote.
    fn join_all(&mut self, nodes: &[u32]) {
        nodes.iter().for_each(|node| self.join(n(*node)));
    }

    /// A client asks so often, a request at a time.
    fn ask_often(&mut self, client: u64, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            self.ask(client, number);
            self.run(ms(20));
        }
    }

    fn epoch(&self, node: u32) -> u64 {
        self.node(node).replica.epoch()
    }

    /// All of these are in this epoch, vote in it, and have the same state.
    fn assert_are_in(&self, epoch: u64, nodes: &[u32]) {
        let voters: Vec<NodeId> = nodes.iter().map(|node| n(*node)).collect();
        for node in nodes {
            let member = self.node(*node);
            assert_eq!((self.epoch(*node), &member.replica.members().voters), (epoch, &voters), "n{node}");
            assert_eq!(member.state, self.node(nodes[0]).state, "n{node} and n{}", nodes[0]);
        }
    }

    fn began_without_state(&self, node: u32) -> usize {
        let begun = |event: &&epoch::Event| matches!(event, epoch::Event::Begun { with_state: false, .. });
        self.node(node).of_epochs.iter().filter(begun).count()
    }

    /// The last entry of each epoch.
    fn ends(&self) -> BTreeMap<u64, LogIndex> {
        let epoch = |term: Term| (0..).find(|epoch| term < Term(0).in_instance(epoch + 1)).expect("some");
        self.agreed.values().map(|entry| (epoch(entry.term), entry.index)).collect()
    }

    /// Terms rise, and of all that is applied nothing is of an epoch that had ended, but for what was ordered with the change.
    fn check_order(&self, seed: u64) {
        self.check(seed);
        let entries: Vec<_> = self.agreed.values().collect();
        assert!(entries.is_sorted_by(|a, b| a.term <= b.term && a.index.next() == b.index), "seed {seed}");
    }
}

/// A cluster of four that has worked for a while, with these spare nodes.
fn four_and(spare: &[u32], seed: u64) -> World {
    let mut world = World::new(4, seed, |config| config.settings.checkpoint_interval = 8);
    world.join_all(spare);
    world.ask_often(1, 1..=20);
    world
}

#[test]
fn a_voter_is_replaced_and_the_cluster_goes_on_for_ever_with_one_silent_of_the_new_four() {
    for silent in [2, 3, 4, 5] {
        let mut world = four_and(&[5], u64::from(silent));
        world.change(1, &change(0, &[5], &[1]));
        world.run(ms(300));
        world.assert_are_in(1, &[2, 3, 4, 5]);
        assert_eq!((world.unanswered(), world.epoch(1)), (0, 1), "the one that has left knows it");
        let end = world.node(1).applied;
        world.crash(n(silent));
        world.ask_often(1, 21..=40);
        world.run(ms(3_000));
        for number in 41..=200 {
            world.ask(1, number);
            world.run(ms(2_000));
            assert_eq!(world.unanswered(), 0, "n{silent} is silent: request {number}");
        }
        world.check_order(0);
        assert_eq!(world.ends()[&0], end);
        assert_eq!(world.node(1).applied, end, "the one that has left applies nothing more");
        assert_eq!(world.agreed.len(), 201, "each once");
    }
}

#[test]
fn a_cluster_grows_and_shrinks() {
    let mut world = four_and(&[5, 6, 7], 3);
    world.change(1, &change(0, &[5, 6, 7], &[]));
    world.run(ms(400));
    world.ask_often(1, 21..=30);
    world.run(ms(400));
    world.assert_are_in(1, &[1, 2, 3, 4, 5, 6, 7]);
    world.crash(n(1));
    world.crash(n(7));
    world.ask_often(1, 31..=40);
    world.run(ms(4_000));
    assert_eq!(world.unanswered(), 0, "two of seven may be silent");
    world.change(2, &change(1, &[], &[1, 6, 7]));
    world.run(ms(4_000));
    world.ask_often(1, 41..=50);
    world.run(ms(400));
    assert_eq!(world.unanswered(), 0);
    world.assert_are_in(2, &[2, 3, 4, 5]);
    world.start(n(1));
    world.start(n(7));
    world.run(ms(4_000));
    assert_eq!((world.epoch(1), world.epoch(7)), (2, 2), "those that slept through it hear of it");
    world.check_order(3);
}

#[test]
fn all_voters_are_replaced_at_once() {
    let mut world = four_and(&[5, 6, 7, 8], 4);
    world.change(1, &change(0, &[5, 6, 7, 8], &[1, 2, 3, 4]));
    world.run(ms(500));
    assert_eq!(world.unanswered(), 0);
    world.assert_are_in(1, &[5, 6, 7, 8]);
    for node in 5..=8 {
        assert_eq!(world.began_without_state(node), 1);
        assert_eq!(world.noted(node, |event| matches!(event, Event::StateInstalled { .. })), 1, "n{node}");
    }
    (1..=4).for_each(|node| world.crash(n(node)));
    world.crash(n(6));
    world.ask_often(1, 21..=60);
    world.run(ms(4_000));
    assert_eq!(world.unanswered(), 0);
    world.check_order(4);
}

/// Of changes that race the first one in the order counts. The others were meant for an epoch that has ended.
#[test]
fn of_racing_changes_one_happens() {
    for seed in 0..40 {
        let mut world = four_and(&[5, 6], seed);
        world.change(1, &change(0, &[5], &[1]));
        world.change(2, &change(0, &[6], &[2]));
        world.run(ms(500));
        assert_eq!(world.epoch(3), 1, "seed {seed}");
        let voters = world.node(3).replica.members().voters.clone();
        let (first, second) = (vec![n(2), n(3), n(4), n(5)], vec![n(1), n(3), n(4), n(6)]);
        assert!(voters == first || voters == second, "seed {seed}: {voters:?}");
        world.ask_often(1, 21..=25);
        world.run(ms(3_000));
        assert_eq!((world.unanswered(), world.epoch(3)), (0, 1), "seed {seed}: a late copy changes nothing");
        world.check_order(seed);
    }
}

#[test]
fn a_change_that_makes_no_sense_does_nothing() {
    let mut world = four_and(&[], 5);
    world.change(1, &change(0, &[], &[9]));
    world.change(2, &change(7, &[5], &[1]));
    world.ask_often(1, 21..=30);
    world.run(ms(300));
    assert_eq!((world.unanswered(), world.epoch(1)), (0, 0));
    let void = |wanted: Nonsense| {
        let is = |event: &&epoch::Event| **event == epoch::Event::ChangeVoid { reason: wanted };
        world.node(1).of_epochs.iter().filter(is).count()
    };
    assert_eq!(void(Nonsense::IsNoVoter(n(9))), 1);
    assert_eq!(void(Nonsense::OtherEpoch { meant: 7, now: 0 }), 1);
    world.check_order(5);
}

#[test]
fn only_the_operator_changes_who_votes() {
    for rule in [None, Some(Rule::EpochChangeByOperatorOnly)] {
        let mut world = World::new(4, 6, |config| {
            rule.into_iter().for_each(|rule| config.rules = config.rules.without(rule));
        });
        world.join(n(5));
        let request = signed(&change(0, &[5], &[1]), ClientId(9), 1);
        world.ask_with(9, 1, request);
        world.ask_often(1, 1..=10);
        world.run(ms(500));
        assert_eq!(world.epoch(2), u64::from(rule.is_some()), "without {rule:?}");
        assert_eq!(world.unanswered(), usize::from(rule.is_none()));
    }
}

/// What is ordered behind the change is void, however much is on its way, and its requests are executed later, once.
#[test]
fn nothing_is_executed_behind_the_end_and_what_waits_is_executed_once() {
    let run = |seed: u64, rule: Option<Rule>| {
        let mut world = World::new(4, seed, |config| {
            config.settings.max_batch_requests = 2;
            rule.into_iter().for_each(|rule| config.rules = config.rules.without(rule));
        });
        world.join(n(5));
        for number in 1..=20 {
            world.ask(1 + number % 4, number);
            if number == 10 {
                world.change(1, &change(0, &[5], &[1]));
                world.drop_words = true;
            }
            let span = Span(world.rng.below(4_000));
            world.run(span);
        }
        // The link takes a while, and whoever goes on executes more meanwhile.
        world.run(ms(200));
        world.drop_words = false;
        world.run(ms(2_000));
        world.ask_often(1, 21..=30);
        world.run(ms(5_000));
        world
    };
    let mut behind = 0;
    for seed in 0..60 {
        let world = run(seed, None);
        world.check_order(seed);
        assert_eq!((world.unanswered(), world.agreed.len()), (0, 31), "seed {seed}: each once");
        world.assert_are_in(1, &[2, 3, 4, 5]);
        let end = world.ends()[&0];
        let change = world.agreed.values().find(|entry| entry.client == OPERATOR).expect("it was executed");
        let last = world.agreed[&end].term;
        assert_eq!(change.term, last, "seed {seed}: nothing of a later block");
        behind += world.agreed.len() as u64 - end.0;
    }
    assert!(behind > 660, "{behind} in the next epoch, 600 of them asked there");
    let breaks = |seed: &u64| run(*seed, Some(Rule::EpochEndsAtChange)).disagreement.is_some();
    assert!((0..60).any(|seed| breaks(&seed)), "with the rule off some execute what others do not");
}

/// A liar says of the end what it likes, to each another thing, and sends links that lead to an epoch of its own.
#[test]
fn nobody_follows_a_link_that_one_liar_has_signed() {
    let run = |seed: u64, rule: Option<Rule>| {
        let mut world = World::new(4, seed, |config| {
            config.settings.checkpoint_interval = 8;
            rule.into_iter().for_each(|rule| config.rules = config.rules.without(rule));
        });
        world.join(n(5));
        world.liars.names = vec![n(2)];
        world.ask_often(1, 1..=10);
        world.change(1, &change(0, &[5], &[1]));
        world.ask_often(1, 11..=20);
        world.run(Span::from_secs(8));
        world
    };
    let led = |world: &World| [1, 3, 4, 5].iter().any(|node| world.node(*node).replica.members().voters == [n(2)]);
    for seed in 0..30 {
        let world = run(seed, None);
        world.check_order(seed);
        assert_eq!(world.unanswered(), 0, "seed {seed}");
        assert!([1, 3, 4, 5].iter().all(|node| world.epoch(*node) == 1) && !led(&world), "seed {seed}");
    }
    assert!((0..30).any(|seed| led(&run(seed, Some(Rule::EpochLinkOfQuorum)))), "with the rule off somebody follows");
}

#[test]
fn a_replica_that_crashes_at_any_step_of_a_change_comes_along_and_breaks_no_promise() {
    for (node, steps) in [1, 2, 5].into_iter().flat_map(|node| (1..160).step_by(2).map(move |steps| (node, steps))) {
        let mut world = World::new(4, u64::from(steps), |config| config.settings.checkpoint_interval = 4);
        world.join(n(5));
        world.weather.disk = (Span(100), ms(4));
        world.ask_often(1, 1..=3);
        world.crash_after = Some((n(node), steps));
        world.crash(n(4));
        world.change(1, &change(0, &[5], &[1]));
        for number in 4..=8 {
            world.ask(1, number);
            world.run(ms(40));
        }
        world.run(Span::from_secs(4));
        world.check_order(u64::from(steps));
        assert_eq!(world.unanswered(), 0, "n{node} after {steps} steps");
        assert!([1, 2, 3, 5].iter().all(|other| world.epoch(*other) == 1), "n{node} after {steps} steps");
    }
}

/// A new voter has no state. It takes part in the votes, and has fetched the state by the time that it is needed.
#[test]
fn a_new_voter_votes_before_it_has_the_state_and_executes_nothing_until_then() {
    let mut world = four_and(&[5], 7);
    world.crash(n(4));
    // What those who have the state send of it is lost.
    world.cut = [1, 2, 3].map(|node| (n(node), n(5))).into();
    world.change(1, &change(0, &[5], &[1]));
    world.run(ms(500));
    assert_eq!((world.epoch(2), world.epoch(5)), (1, 0), "two of four new voters cannot go on");
    world.ask(1, 21);
    world.run(ms(2_000));
    assert_eq!(world.unanswered(), 1);
    world.drop_chunks = true;
    world.cut.clear();
    world.run(ms(4_000));
    assert_eq!((world.epoch(5), world.unanswered()), (1, 0), "three of four have voted");
    assert_eq!(world.node(5).applied, LogIndex::ZERO);
    world.ask_often(1, 22..=120);
    world.run(ms(1_000));
    assert_eq!(world.unanswered(), 0);
    assert_eq!(world.node(5).applied, LogIndex::ZERO);
    world.drop_chunks = false;
    world.run(ms(4_000));
    world.ask_often(1, 121..=125);
    world.run(ms(400));
    assert_eq!(world.node(5).state, world.node(2).state);
    world.check_order(7);
}

/// A run with loss, slow disks, cut links, crashes and changes, then a calm.
fn random(seed: u64) -> World {
    let mut world = World::new(4, seed, |config| {
        config.settings.checkpoint_interval = 4;
        config.settings.max_blocks = 48;
        config.settings.max_batch_requests = 4;
    });
    let all: Vec<u32> = (1..=8).collect();
    world.join_all(&all[4..]);
    world.weather = Weather::STORM;
    world.weather.delay.1 = Span(world.rng.below(200_000) + 1_000);
    world.weather.loss_ppm = [0, 10_000, 100_000, 200_000][world.rng.below(4) as usize];
    let (mut number, mut changes) = (0, 0);
    for _ in 0..40 {
        for _ in 0..world.rng.below(4) {
            number += 1;
            world.ask(1 + number % 5, number);
        }
        if world.rng.below(6) == 0 {
            let current = world.nodes.values().max_by_key(|node| node.replica.epoch()).expect("some");
            let (epoch, voters) = (current.replica.epoch(), current.replica.members().voters.clone());
            let others: Vec<u32> = all.iter().copied().filter(|node| !voters.contains(&n(*node))).collect();
            let mut promote: Vec<u32> = others.into_iter().filter(|_| world.rng.below(3) == 0).collect();
            promote.truncate(7_usize.saturating_sub(voters.len()).max(1));
            let spare = (voters.len() + promote.len()).saturating_sub(4);
            let mut remove: Vec<u32> = voters.iter().map(|node| node.0).filter(|_| world.rng.below(3) == 0).collect();
            remove.truncate(spare);
            changes += 1;
            world.change(changes, &change(epoch, &promote, &remove));
        }
        let node = n(1 + world.rng.below(8) as u32);
        match world.rng.below(8) {
            0 => world.crash(node),
            1 => {
                world.crash(node);
                world.start(node);
            }
            2 => {
                let other = n(1 + world.rng.below(8) as u32);
                world.cut.insert((node, other));
            }
            3 => world.cut.clear(),
            _ => {
                let down: Vec<NodeId> = world.stores.keys().copied().collect();
                down.into_iter().for_each(|node| world.start(node));
            }
        }
        let span = ms(world.rng.below(200));
        world.run(span);
    }
    world.weather = Weather::CALM;
    world.cut.clear();
    let down: Vec<NodeId> = world.stores.keys().copied().collect();
    down.into_iter().for_each(|node| world.start(node));
    world.run(Span::from_secs(12));
    world
}

#[test]
fn whatever_is_lost_late_or_crashes_voters_change_and_after_a_calm_all_is_answered() {
    let (mut epochs, mut fetched) = (0, 0);
    for seed in 0..300 {
        let world = random(seed);
        world.check_order(seed);
        assert_eq!(world.unanswered(), 0, "seed {seed}: {:?}", world.pending.keys());
        let last = world.nodes.values().map(|node| node.replica.epoch()).max().unwrap_or(0);
        let newest = world.nodes.values().find(|node| node.replica.epoch() == last).expect("some");
        for voter in &newest.replica.members().voters {
            assert_eq!(world.nodes[voter].replica.epoch(), last, "seed {seed}: {voter}");
        }
        epochs += last;
        fetched += (1..=8).map(|node| world.began_without_state(node)).sum::<usize>();
    }
    assert!(epochs > 300 && fetched > 100, "{epochs} epochs, {fetched} times without the state");
}
