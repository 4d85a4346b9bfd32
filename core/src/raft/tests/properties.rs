//! Log, progress, quorum and membership against plain models, on random inputs.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::progress::{Mode, Progress};
use super::super::testing::entry;
use crate::entry::Entry;
use crate::membership::{Membership, MembershipChange};
use crate::quorum::{Majority, QuorumSystem as _};
use crate::raft::Log;
use crate::snapshot::Base;
use crate::types::{LogIndex, NodeId, Term};

/// What is done to a log; numbers are taken as far as they make sense.
#[derive(Clone, Debug)]
enum Change {
    /// Appends an entry whose term is this much higher than the last one, with a payload of this length.
    Append(u64, usize),
    /// Removes everything from so far behind the base on.
    Truncate(u64),
    /// Compacts through so far behind the base; the term there is higher by so much.
    Compact(u64, u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (0..3_u64, 0..9_usize).prop_map(|(term, bytes)| Change::Append(term, bytes)),
        1 => (0..12_u64).prop_map(Change::Truncate),
        1 => (0..12_u64, prop_oneof![4 => Just(0_u64), 1 => Just(1)]).prop_map(|(index, term)| Change::Compact(index, term)),
    ]
}

/// A log as a list, without any arithmetic on positions.
#[derive(Debug, Default)]
struct PlainLog {
    base: Base,
    entries: Vec<Arc<Entry>>,
}

impl PlainLog {
    fn last(&self) -> Base {
        let of = |entry: &Arc<Entry>| Base { index: entry.index, term: entry.term };
        self.entries.last().map_or(self.base, of)
    }

    /// All places whose term is known: the base and what follows it.
    fn places(&self) -> Vec<Base> {
        let of = |entry: &Arc<Entry>| Base { index: entry.index, term: entry.term };
        core::iter::once(self.base).chain(self.entries.iter().map(of)).collect()
    }

    fn term_at(&self, index: LogIndex) -> Option<Term> {
        self.places().into_iter().find(|place| place.index == index).map(|place| place.term)
    }
}

fn apply(log: &mut Log, plain: &mut PlainLog, change: &Change) {
    let last = plain.last();
    match change {
        Change::Append(higher, bytes) => {
            let term = last.term.0 + higher;
            let new = Arc::new(Entry { payload: vec![0; *bytes].into(), ..entry(last.index.0 + 1, term) });
            assert!(log.append(Arc::clone(&new)));
            plain.entries.push(new);
        }
        Change::Truncate(behind) => {
            let from = LogIndex(plain.base.index.0 + behind);
            log.truncate(from);
            plain.entries.retain(|entry| entry.index < from);
        }
        Change::Compact(behind, higher) => {
            let index = LogIndex(plain.base.index.0 + behind);
            let term = Term(plain.term_at(index).unwrap_or(last.term).0 + higher);
            let through = Base { index, term };
            let before = plain.entries.len();
            if plain.term_at(index) == Some(term) {
                plain.entries.retain(|entry| entry.index > index);
            } else {
                plain.entries.clear();
            }
            plain.base = through;
            assert_eq!(log.compact(through), (before - plain.entries.len()) as u64);
        }
    }
}

fn same(log: &Log, plain: &PlainLog) -> Result<(), TestCaseError> {
    prop_assert_eq!(log.base(), plain.base);
    prop_assert_eq!((log.last_index(), log.last_term()), (plain.last().index, plain.last().term));
    prop_assert_eq!(log.bytes(), plain.entries.iter().map(|entry| entry.payload.len() as u64).sum::<u64>());
    prop_assert!(log.iter().eq(&plain.entries));
    for index in (0..plain.last().index.0 + 3).map(LogIndex) {
        prop_assert_eq!(log.term_at(index), plain.term_at(index), "index {}", index);
        prop_assert_eq!(log.get(index), plain.entries.iter().find(|entry| entry.index == index));
        for limit in [0, 1, 3, 100] {
            let tail = plain.entries.iter().filter(|entry| entry.index >= index).take(limit as usize);
            let tail: Vec<_> = if index <= plain.base.index { Vec::new() } else { tail.cloned().collect() };
            prop_assert_eq!(log.slice(index, limit, u64::MAX, u64::MAX).0.to_vec(), tail);
        }
        if let Some(held) = log.get(index) {
            let first = plain.entries.iter().find(|entry| entry.term == held.term).map(|entry| entry.index);
            prop_assert_eq!(Some(log.first_of_term_at(index)), first);
        }
        for term in (0..plain.last().term.0 + 2).map(Term) {
            let places = plain.places();
            let wanted = |place: &&Base| place.term == term && place.index <= index && place.index > LogIndex::ZERO;
            let last = places.iter().rev().find(wanted).map(|place| place.index);
            prop_assert_eq!(log.last_of_term(term, index), last, "{} up to {}", term, index);
        }
    }
    Ok(())
}

/// What a leader learns of a follower.
#[derive(Clone, Debug)]
enum News {
    Sent(u64),
    Matched(u64),
    Refused(u64, u64),
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        (0..5_u64).prop_map(News::Sent),
        (0..30_u64).prop_map(News::Matched),
        (0..30_u64, 0..30_u64).prop_map(|(refused, next)| News::Refused(refused, next)),
    ]
}

fn nodes() -> impl Strategy<Value = Vec<NodeId>> {
    prop::collection::btree_set(1..10_u32, 0..8).prop_map(|nodes| nodes.into_iter().map(NodeId).collect())
}

fn more_than_half(of: &[NodeId], has: impl Fn(NodeId) -> bool) -> bool {
    of.iter().filter(|node| has(**node)).count() * 2 > of.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_a_list_that_may_have_lost_its_beginning(changes in prop::collection::vec(change(), 0..40)) {
        let (mut log, mut plain) = (Log::default(), PlainLog::default());
        for change in &changes {
            apply(&mut log, &mut plain, change);
            same(&log, &plain)?;
        }
        prop_assert_eq!(Log::after(plain.base, &plain.entries), log);
    }

    /// Whatever the answers say, in whatever order: what is known to match is not forgotten, the next entry comes
    /// after it, and the window holds.
    #[test]
    fn progress_never_goes_back_behind_what_matches(list in prop::collection::vec(news(), 0..60), window in 1..20_u32) {
        const EACH: u64 = 7;
        let mut progress = Progress::new(NodeId(2), LogIndex(9));
        for news in list {
            let matched = progress.matched;
            match news {
                News::Sent(entries) => {
                    let entries = entries.min(u64::from(progress.room(window)));
                    progress.sent(entries, entries * EACH);
                }
                News::Matched(index) => {
                    prop_assert_eq!(progress.match_to(LogIndex(index), LogIndex::ZERO), LogIndex(index) > matched);
                }
                News::Refused(refused, next) => {
                    let before = progress.next;
                    if progress.back_up(LogIndex(refused), LogIndex(next)) {
                        prop_assert!(progress.next <= before);
                    } else {
                        prop_assert_eq!(progress.next, before);
                    }
                }
            }
            prop_assert!(progress.matched >= matched && progress.next > progress.matched);
            let on_the_way = progress.next.0 - progress.matched.0 - 1;
            let sends = progress.mode == Mode::Replicate;
            prop_assert!(!sends || u64::from(progress.room(window)) == u64::from(window).saturating_sub(on_the_way));
            // Bytes are let go with whole appends: what is counted is never less than what is on its way.
            let (first, _) = progress.room_bytes(u32::MAX, u32::MAX);
            let most = u64::from(u32::MAX).saturating_sub(on_the_way * EACH);
            let careful = if on_the_way == 0 { first == u64::MAX } else { first <= most };
            prop_assert!(!sends || careful);
        }
    }

    /// Raft paper §5.2 and §6, counted by hand.
    #[test]
    fn a_quorum_is_more_than_half_of_each_half(
        voters in nodes(), outgoing in nodes(), holds in prop::collection::vec(0..6_u64, 10), least in 0..7_u64,
    ) {
        prop_assume!(!voters.is_empty());
        let members = Membership { voters: voters.clone(), outgoing: outgoing.clone(), ..Membership::default() };
        let system = Majority::of(&members, false);
        let enough = |least: u64| {
            let has = |node: NodeId| holds[node.0 as usize] >= least;
            more_than_half(&voters, has) && (outgoing.is_empty() || more_than_half(&outgoing, has))
        };
        prop_assert_eq!(system.is_quorum(|node| holds[node.0 as usize] >= least), enough(least));
        let held = (0..6).rev().find(|index| enough(*index)).expect("everybody holds index 0");
        prop_assert_eq!(system.held_by_quorum(|node| LogIndex(holds[node.0 as usize])), LogIndex(held));
    }

    /// A change says who is there afterwards, and any two quorums on the way from one configuration to the next
    /// share a node.
    #[test]
    fn a_change_of_members_does_what_it_says_or_nothing(
        voters in nodes(), learners in nodes(), observers in nodes(),
        add in nodes(), promote in nodes(), remove in nodes(), observe in nodes(),
    ) {
        let learners: Vec<NodeId> = learners.into_iter().filter(|node| !voters.contains(node)).collect();
        let other = |node: &NodeId| !voters.contains(node) && !learners.contains(node);
        let observers: Vec<NodeId> = observers.into_iter().filter(other).collect();
        let before = Membership { voters, outgoing: Vec::new(), learners, observers, edges: Vec::new() };
        let change = MembershipChange { add, promote, remove, observe, edge: Vec::new() };
        let Ok(after) = before.after(&change) else { return Ok(()) };
        prop_assert!(after.is_well_formed() && !after.is_joint());
        for node in (1..10).map(NodeId) {
            let leaves = change.remove.contains(&node);
            let votes = !leaves && (before.voters.contains(&node) || change.promote.contains(&node));
            let learns = !leaves && !votes && (before.learners.contains(&node) || change.add.contains(&node));
            let observes = !leaves && (before.observers.contains(&node) || change.observe.contains(&node));
            let found = (after.voters.contains(&node), after.learners.contains(&node), after.is_observer(node));
            prop_assert_eq!(found, (votes, learns, observes), "{}", node);
        }
        let joint = Membership { outgoing: before.voters.clone(), ..after.clone() };
        prop_assert_eq!(joint.left(), after.clone());
        for members in [&before, &after, &joint] {
            if members.is_well_formed() {
                prop_assert_eq!(Membership::decode(&members.encode()), Some(members.clone()));
            }
        }
        let systems = [&before, &joint, &after].map(|members| Majority::of(members, false));
        for set in 0..1_u32 << 9 {
            let (has, lacks) = (|node: NodeId| set >> (node.0 - 1) & 1 != 0, |node: NodeId| set >> (node.0 - 1) & 1 == 0);
            for other in [&systems[0], &systems[1], &systems[2]] {
                prop_assert!(!(systems[1].is_quorum(has) && other.is_quorum(lacks)), "two quorums share nobody");
            }
        }
    }

    #[test]
    fn any_bytes_are_a_configuration_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(members) = Membership::decode(&bytes) {
            prop_assert!(members.is_well_formed());
            prop_assert_eq!(Membership::decode(&members.encode()), Some(members));
        }
    }
}
