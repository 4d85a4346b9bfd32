//! What an exhaustive search must find, and why it may be believed where it finds nothing.

use std::collections::BTreeMap;

use quorumscope_core::protocol::Protocol as _;
use quorumscope_core::raft::{Message, Rule};
use quorumscope_core::record::Role;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::NodeId;

use super::check::OWN_INVARIANT;
use super::cluster::{Model, Next};
use super::local::{Disk, Happening, Local, Outcome};
use super::*;
use crate::check::property::{ELECTION_SAFETY, LEADER_COMPLETENESS, STATE_MACHINE_SAFETY};

fn finish(search: &mut Search) -> Standing {
    loop {
        match search.advance(10_000) {
            Standing::Running => {}
            standing => return standing,
        }
    }
}

/// Worlds that are seen to the end within seconds.
fn small_worlds() -> [Bounds; 4] {
    let small = Bounds { terms: 1, commands: 0, ..Bounds::default() };
    [
        Bounds { terms: 2, ..small.clone() },
        Bounds { commands: 1, crashes: 1, ..small.clone() },
        Bounds { pending: 2, ..small.clone() },
        Bounds { nodes: 2, terms: 2, commands: 1, crashes: 1, in_flight: 2, ..small },
    ]
}

/// Each rule in the smallest world in which its absence shows, what breaks, and after how many steps.
fn broken_worlds() -> [(Bounds, &'static str, usize); 10] {
    let small = |rule| Bounds { terms: 1, commands: 0, rules_off: vec![rule], ..Bounds::default() };
    let two = |rule| Bounds { terms: 2, commands: 1, ..small(rule) };
    let lost = Bounds { crashes: 1, lost_stores: 1, ..small(Rule::LostStoreDoesNotVote) };
    [
        (small(Rule::MajorityQuorum), ELECTION_SAFETY, 2),
        (small(Rule::OneVotePerTerm), ELECTION_SAFETY, 6),
        (small(Rule::VoteKeptWithinTerm), ELECTION_SAFETY, 7),
        (Bounds { crashes: 1, ..small(Rule::PersistVoteBeforeReply) }, ELECTION_SAFETY, 6),
        (lost, ELECTION_SAFETY, 7),
        (two(Rule::UpToDateCheck), LEADER_COMPLETENESS, 8),
        (Bounds { crashes: 1, ..two(Rule::PersistAppendBeforeReply) }, LEADER_COMPLETENESS, 8),
        (two(Rule::KeepMatchingSuffix), LEADER_COMPLETENESS, 10),
        (two(Rule::CommitVerifiedPrefix), STATE_MACHINE_SAFETY, 10),
        (two(Rule::ConsistencyCheck), STATE_MACHINE_SAFETY, 12),
    ]
}

#[test]
fn with_all_rules_on_no_order_of_events_breaks_a_property() {
    for bounds in small_worlds() {
        let mut search = Search::new(bounds.clone()).expect("valid bounds");
        assert_eq!(finish(&mut search), Standing::Exhausted, "{bounds:?}: {:?}", search.counterexample());
        let figures = search.figures();
        assert!(figures.states > 1_000 && figures.waiting == 0, "{bounds:?}: {figures:?}");
        assert_eq!(search.counterexample(), None);
    }
}

#[test]
fn a_missing_rule_is_found_by_a_shortest_counterexample() {
    for (bounds, property, steps) in broken_worlds() {
        let mut search = Search::new(bounds.clone()).expect("valid bounds");
        assert_eq!(finish(&mut search), Standing::Violated, "{bounds:?}");
        let found = search.counterexample().expect("a violation has a way to it");
        assert_eq!((found.property, found.steps.len()), (property, steps), "{bounds:?}: {found:#?}");
    }
}

/// Figure 8 of the Raft paper takes four terms, and no crash and no command: no-ops suffice.
#[test]
fn figure_8_is_found_within_four_terms() {
    let rules_off = vec![Rule::CommitOwnTermOnly];
    let mut search = Search::new(Bounds { terms: 4, commands: 0, rules_off, ..Bounds::default() }).expect("valid");
    assert_eq!(finish(&mut search), Standing::Violated);
    let found = search.counterexample().expect("a violation has a way to it");
    assert_eq!((found.property, found.steps.len()), (LEADER_COMPLETENESS, 18), "{found:#?}");
}

/// Messages that are forgotten because they do nothing would not have led anywhere else, nor there any sooner.
#[test]
fn worlds_that_keep_idle_messages_break_alike_and_hold_alike() {
    for (bounds, property, steps) in broken_worlds() {
        let mut search = Search::new(bounds.clone()).expect("valid bounds");
        search.keep_idle_messages();
        assert_eq!(finish(&mut search), Standing::Violated, "{bounds:?}");
        let found = search.counterexample().expect("a violation has a way to it");
        assert_eq!((found.property, found.steps.len()), (property, steps), "{bounds:?}: {found:#?}");
    }
    let mut search = Search::new(Bounds { terms: 1, crashes: 1, ..Bounds::default() }).expect("valid bounds");
    search.keep_idle_messages();
    assert_eq!(finish(&mut search), Standing::Exhausted);
}

/// Two worlds with one key are the same up to the nodes' names, so their futures are: the names, and everything
/// that the key leaves out, decide nothing.
#[test]
fn worlds_with_one_key_have_the_same_futures() {
    let bounds = Bounds { terms: 3, commands: 1, crashes: 1, pending: 2, in_flight: 2, ..Bounds::default() };
    let mut model = Model::new(bounds);
    let width = model.width();
    let futures = |model: &mut Model, state: &[u32]| {
        let mut next = Next::default();
        model.successors(state, &mut next);
        let keys: Vec<u128> = next.states.chunks_exact(width).map(|state| model.key(state)).collect();
        (next.states, keys)
    };
    let mut renamed = 0;
    for seed in 0..150 {
        let mut rng = Rng::new(seed, 3);
        let mut one = model.first();
        let mut other = one.clone();
        for _ in 0..40 {
            let ((states, keys), (others, other_keys)) = (futures(&mut model, &one), futures(&mut model, &other));
            let sorted = |mut keys: Vec<u128>| {
                keys.sort_unstable();
                keys
            };
            assert_eq!(sorted(keys.clone()), sorted(other_keys.clone()), "seed {seed}");
            if keys.is_empty() {
                break; // All terms are used up and nothing is under way.
            }
            let chosen = rng.below(keys.len() as u64) as usize;
            let alike = other_keys.iter().rposition(|key| *key == keys[chosen]).expect("the keys are the same");
            one = states[chosen * width..(chosen + 1) * width].to_vec();
            other = others[alike * width..(alike + 1) * width].to_vec();
            renamed += u32::from(one != other);
        }
    }
    assert!(renamed > 1_000, "only {renamed} pairs were different");
}

/// What a node's projection leaves out decides nothing: nodes that are alike to it, reached in different ways, do
/// the same whatever happens next.
#[test]
fn nodes_with_one_projection_behave_alike() {
    let config = Bounds { terms: 3, ..Bounds::default() }.config();
    let names = [0, 1, 2];
    let key = |local: &Local| local.projection(&local.raft.status(), &names);
    let mut known: BTreeMap<u128, Local> = BTreeMap::new();
    let mut messages: [Vec<Message>; 3] = Default::default();
    let mut queue: Vec<Local> = (1..=3).map(|node| Local::fresh(&config, NodeId(node))).collect();
    let mut compared = 0;
    let mut rng = Rng::new(1, 9);
    while known.len() < 2_500 && !queue.is_empty() {
        let local = queue.swap_remove(rng.below(queue.len() as u64) as usize);
        for happening in happenings(&local, &messages, &mut rng) {
            let (next, outcome) = local.after(&config, &happening, Disk::Overlapping);
            for (to, message) in &outcome.sends {
                let inbox = &mut messages[to.0 as usize - 1];
                if inbox.len() < 400 && !inbox.contains(message) {
                    inbox.push(message.clone());
                }
            }
            if outcome.broken.is_some() {
                continue; // These messages come in any order and from any term: not all could be sent.
            }
            match known.get(&key(&next)) {
                None => {
                    known.insert(key(&next), next.clone());
                    queue.push(next);
                }
                Some(alike) => {
                    for then in happenings(&next, &messages, &mut rng) {
                        let after = |local: &Local| {
                            let (after, mut outcome): (Local, Outcome) = local.after(&config, &then, Disk::Overlapping);
                            // Links are independent of each other.
                            outcome.sends.sort_by_key(|(to, _)| *to);
                            (key(&after), outcome)
                        };
                        assert_eq!(after(&next), after(alike), "{then:?}\n{next:#?}\n{alike:#?}");
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared > 10_000, "only {compared} were compared");
}

/// Some of what can happen to a node, within three terms and two commands.
fn happenings(local: &Local, messages: &[Vec<Message>; 3], rng: &mut Rng) -> Vec<Happening> {
    let node = local.raft.id();
    let leads = local.raft.role() == Role::Leader;
    let mut list = vec![Happening::Crashes { kept: rng.below(u64::from(local.pending()) + 1) as u8 }];
    if local.pending() > 0 {
        list.push(Happening::Syncs);
    }
    if local.pending() < 3 {
        if leads || local.raft.current_term().0 < 3 {
            list.push(Happening::TimesOut);
        }
        if leads && local.log().len() < 4 {
            list.push(Happening::Command(1 + rng.below(2) as u8));
        }
        let inbox = &messages[node.0 as usize - 1];
        for _ in 0..inbox.len().min(6) {
            let message = inbox[rng.below(inbox.len() as u64) as usize].clone();
            let from = NodeId((node.0 + rng.below(2) as u32) % 3 + 1);
            list.push(Happening::Receives { from, message });
        }
    }
    list
}

#[test]
fn a_counterexample_reads_as_a_list_of_steps() {
    let bounds = Bounds { terms: 1, commands: 0, rules_off: vec![Rule::MajorityQuorum], ..Bounds::default() };
    let mut search = Search::new(bounds).expect("valid bounds");
    finish(&mut search);
    let found = search.counterexample().expect("two leaders");
    assert_eq!(found.detail, "n2 is elected in t1, and somebody was before");
    assert!(found.steps[0].starts_with("n1: its timer fires; leader in t1; votes for n1; log [t1]"), "{found:#?}");
    assert!(!found.property.contains(OWN_INVARIANT));
}
