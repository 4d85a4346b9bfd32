//! The pool against a plain list, and its claims one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::testing::bundle;
use super::{Admission, Limits, Pool};
use crate::bft::{Bundle, Reply};
use crate::crypto::{Hash256, Signature};
use crate::protocol::{Effect, Effects, Outcome};
use crate::types::{ClientId, LogIndex, Mono, NodeId, RequestNumber, Term};

fn pool(requests: u32, bytes: u32) -> Pool {
    Pool::new(Limits { requests, bytes, request_bytes: bytes, replies: 3, clients: 2 })
}

fn reply(client: u64, number: u64) -> Reply {
    Reply {
        by: NodeId(1),
        view: Term(1),
        client: ClientId(client),
        number: RequestNumber(number),
        index: LogIndex(number),
        batch: Hash256::ZERO,
        result: bytes::Bytes::new(),
        signature: Signature([0; 64]),
    }
}

fn numbers(bundles: &[Arc<Bundle>]) -> Vec<(u64, u64)> {
    bundles.iter().map(|bundle| (bundle.client().0, bundle.proposals()[0].number.0)).collect()
}

#[test]
fn bundles_leave_in_order_of_arrival_and_once() {
    let mut pool = pool(100, 1_000);
    for (at, (client, number)) in [(1, 1), (2, 1), (1, 2), (3, 1)].into_iter().enumerate() {
        assert_eq!(pool.admit(Mono(at as u64), bundle(client, &[number], 5)), Admission::Pooled);
    }
    assert_eq!(pool.admit(Mono(9), bundle(2, &[1], 5)), Admission::Known);
    assert_eq!(numbers(&pool.take(3, 1_000)), [(1, 1), (2, 1), (1, 2)]);
    assert!(pool.has_unproposed());
    assert_eq!(numbers(&pool.take(3, 1_000)), [(3, 1)]);
    assert!(!pool.has_unproposed() && pool.take(3, 1_000).is_empty());
    assert_eq!((pool.requests(), pool.bytes(), pool.oldest()), (4, 20, Some(Mono(0))), "nothing is executed yet");
}

#[test]
fn a_batch_ends_where_the_next_bundle_would_exceed_it_but_one_always_goes() {
    let mut pool = pool(100, 1_000);
    for (client, requests) in [(1, &[1, 2, 3, 4][..]), (2, &[1]), (3, &[1, 2])] {
        pool.admit(Mono(0), bundle(client, requests, 10));
    }
    assert_eq!(numbers(&pool.take(3, 1_000)), [(1, 1)], "more requests than a batch may have");
    assert_eq!(numbers(&pool.take(3, 29)), [(2, 1)]);
    assert_eq!(numbers(&pool.take(3, 1)), [(3, 1)]);
}

#[test]
fn what_came_to_nothing_is_proposed_again_in_its_old_place() {
    let mut pool = pool(100, 1_000);
    let bundles = [1, 2, 3, 4].map(|client| bundle(client, &[1], 1));
    for bundle in &bundles {
        pool.admit(Mono(0), Arc::clone(bundle));
    }
    pool.mark(&bundles[0].hash());
    assert_eq!(numbers(&pool.take(2, 100)), [(2, 1), (3, 1)]);
    pool.undo(&bundles[1].hash());
    assert_eq!(numbers(&pool.take(1, 100)), [(2, 1)]);
    pool.undo_all();
    assert_eq!(numbers(&pool.take(9, 100)), [(1, 1), (2, 1), (3, 1), (4, 1)]);
}

/// PBFT §4.1: "if the request has already been processed, the replicas simply re-send the reply".
#[test]
fn a_request_that_was_executed_is_answered_again_and_not_ordered_again() {
    let mut pool = pool(100, 1_000);
    let asked = bundle(1, &[1, 2], 1);
    pool.admit(Mono(0), Arc::clone(&asked));
    pool.remember(reply(1, 1));
    pool.executed(&asked.hash());
    assert!(pool.is_empty() && pool.oldest().is_none());
    assert_eq!(pool.admit(Mono(1), Arc::clone(&asked)), Admission::Pooled, "one of two answers is not enough");
    pool.remember(reply(1, 2));
    pool.executed(&asked.hash());
    assert_eq!(pool.admit(Mono(2), bundle(1, &[2], 1)), Admission::Executed(vec![reply(1, 2)]));
    let mut out: Effects<(), ()> = Effects::new();
    pool.take_in(Mono(2), vec![asked], &mut out);
    let answered = |effect: &Effect<(), ()>| match effect {
        Effect::Answer { number, outcome: Outcome::Replied(reply), .. } => Some((*number, reply.number)),
        _ => None,
    };
    let answers: Vec<_> = out.as_slice().iter().filter_map(answered).collect();
    assert_eq!(answers, [1, 2].map(|number| (RequestNumber(number), RequestNumber(number))));
}

#[test]
fn replies_are_forgotten_the_oldest_first_by_client_and_by_request() {
    let mut pool = pool(100, 1_000);
    for number in 1..=4 {
        pool.remember(reply(1, number));
    }
    let known = |pool: &Pool, client, number| pool.reply(ClientId(client), RequestNumber(number)).is_some();
    assert!(!known(&pool, 1, 1) && [2, 3, 4].into_iter().all(|number| known(&pool, 1, number)));
    pool.remember(reply(2, 1));
    pool.remember(reply(1, 5));
    pool.remember(reply(3, 1));
    assert!(known(&pool, 1, 5) && !known(&pool, 2, 1) && known(&pool, 3, 1), "client 2 was answered longest ago");
}

#[test]
fn clients_that_ask_for_everything_leave_room_for_one_that_comes_late() {
    let mut pool = pool(64, 1 << 20);
    let mut refused = 0;
    for number in 1..=64 {
        for greedy in 1..=3 {
            refused += u32::from(pool.admit(Mono(0), bundle(greedy, &[number], 1)) == Admission::Overloaded);
        }
    }
    assert_eq!((pool.requests(), refused), (48, 144), "three shares as large as what is free");
    assert_eq!(pool.admit(Mono(1), bundle(4, &[1, 2, 3, 4], 1)), Admission::Pooled);
    let mut out: Effects<(), ()> = Effects::new();
    pool.take_in(Mono(1), vec![bundle(1, &[99], 1)], &mut out);
    let overloaded = |effect: &Effect<(), ()>| matches!(effect, Effect::Answer { outcome: Outcome::Overloaded, .. });
    assert!(out.as_slice().iter().all(overloaded) && !out.is_empty());
}

#[test]
fn bytes_are_bounded_as_requests_are_and_one_request_by_itself() {
    let mut pool = Pool::new(Limits { requests: 100, bytes: 100, request_bytes: 40, replies: 1, clients: 1 });
    let refusal = Admission::TooLarge { number: RequestNumber(1), bytes: 41 };
    assert_eq!(pool.admit(Mono(0), bundle(1, &[1], 41)), refusal);
    assert_eq!(pool.admit(Mono(0), bundle(1, &[1], 40)), Admission::Pooled);
    assert_eq!(pool.admit(Mono(0), bundle(1, &[2], 11)), Admission::Overloaded, "more than what would stay free");
    assert_eq!(pool.admit(Mono(0), bundle(1, &[2], 10)), Admission::Pooled);
}

#[test]
fn what_no_honest_client_sends_is_refused() {
    let mut pool = pool(100, 1_000);
    for numbers in [&[][..], &[2, 1], &[1, 1]] {
        assert_eq!(pool.admit(Mono(0), bundle(1, numbers, 1)), Admission::Malformed);
    }
    assert_eq!(pool.admit(Mono(0), bundle(0, &[1], 1)), Admission::Malformed, "nobody");
}

#[derive(Clone, Debug)]
enum Change {
    Admit(u64, u64, u8, usize),
    Take(u32, u32),
    Mark(usize),
    Undo(usize),
    UndoAll,
    Execute(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (1..5_u64, 1..12_u64, 1..4_u8, 0..30_usize).prop_map(|(a, b, c, d)| Change::Admit(a, b, c, d)),
        2 => (0..9_u32, 0..90_u32).prop_map(|(requests, bytes)| Change::Take(requests, bytes)),
        1 => (0..40_usize).prop_map(Change::Mark),
        1 => (0..40_usize).prop_map(Change::Undo),
        1 => Just(Change::UndoAll),
        4 => (0..40_usize).prop_map(Change::Execute),
    ]
}

/// A bundle, when it arrived, whether it is proposed.
type Listed = (Arc<Bundle>, Mono, bool);

/// The pool as a list and a map, with sums counted anew each time.
#[derive(Default)]
struct Plain {
    list: Vec<Listed>,
    replies: BTreeMap<u64, Vec<u64>>,
    /// Clients in order of their last answer.
    order: Vec<u64>,
}

impl Plain {
    fn sums(&self, of: Option<u64>) -> (u64, u64) {
        let wanted = self.list.iter().filter(|(bundle, ..)| of.is_none_or(|client| bundle.client().0 == client));
        wanted.fold((0, 0), |(requests, bytes), (bundle, ..)| {
            (requests + bundle.proposals().len() as u64, bytes + bundle.bytes())
        })
    }

    fn admit(&mut self, limits: Limits, now: Mono, bundle: &Arc<Bundle>) -> Admission {
        let client = bundle.client().0;
        let known = self.replies.get(&client).cloned().unwrap_or_default();
        let asked: Vec<u64> = bundle.proposals().iter().map(|proposal| proposal.number.0).collect();
        if asked.iter().all(|number| known.contains(number)) {
            return Admission::Executed(asked.into_iter().map(|number| reply(client, number)).collect());
        }
        if self.list.iter().any(|(known, ..)| known.hash() == bundle.hash()) {
            return Admission::Known;
        }
        let ((all, all_bytes), (own, own_bytes)) = (self.sums(None), self.sums(Some(client)));
        let (new, new_bytes) = (asked.len() as u64, bundle.bytes());
        let fits = |limit: u32, all: u64, own: u64, new: u64| own + new + all + new <= u64::from(limit);
        if !fits(limits.requests, all, own, new) || !fits(limits.bytes, all_bytes, own_bytes, new_bytes) {
            return Admission::Overloaded;
        }
        self.list.push((Arc::clone(bundle), now, false));
        Admission::Pooled
    }

    fn take(&mut self, max_requests: u32, max_bytes: u32) -> Vec<Arc<Bundle>> {
        let (mut taken, mut requests, mut bytes) = (Vec::new(), 0, 0);
        for (bundle, _, proposed) in self.list.iter_mut().filter(|(.., proposed)| !proposed) {
            requests += bundle.proposals().len() as u64;
            bytes += bundle.bytes();
            if !taken.is_empty() && (requests > u64::from(max_requests) || bytes > u64::from(max_bytes)) {
                break;
            }
            *proposed = true;
            taken.push(Arc::clone(bundle));
        }
        taken
    }

    fn execute(&mut self, limits: Limits, at: usize) -> Option<Arc<Bundle>> {
        let bundle = (at < self.list.len()).then(|| self.list.remove(at).0)?;
        let client = bundle.client().0;
        for proposal in bundle.proposals() {
            let known = self.replies.entry(client).or_default();
            known.retain(|number| *number != proposal.number.0);
            known.push(proposal.number.0);
            let surplus = known.len().saturating_sub(limits.replies as usize);
            known.drain(..surplus);
            self.order.retain(|named| *named != client);
            self.order.push(client);
            if self.order.len() > limits.clients as usize {
                self.replies.remove(&self.order.remove(0));
            }
        }
        Some(bundle)
    }
}

proptest! {
    #[test]
    fn the_pool_is_a_list_with_bounds(changes in prop::collection::vec(change(), 0..80)) {
        let limits = Limits { requests: 24, bytes: 400, request_bytes: 50, replies: 3, clients: 2 };
        let (mut pool, mut plain) = (Pool::new(limits), Plain::default());
        for (at, change) in changes.into_iter().enumerate() {
            let hash = |plain: &Plain, at: usize| plain.list.get(at).map_or(Hash256::ZERO, |(bundle, ..)| bundle.hash());
            match change {
                Change::Admit(client, first, count, bytes) => {
                    let numbers: Vec<u64> = (first..first + u64::from(count)).collect();
                    let (now, bundle) = (Mono(at as u64), bundle(client, &numbers, bytes));
                    prop_assert_eq!(pool.admit(now, Arc::clone(&bundle)), plain.admit(limits, now, &bundle));
                }
                Change::Take(requests, bytes) => {
                    prop_assert_eq!(pool.take(requests, bytes), plain.take(requests, bytes));
                }
                Change::Mark(at) => {
                    pool.mark(&hash(&plain, at));
                    plain.list.get_mut(at).into_iter().for_each(|listed| listed.2 = true);
                }
                Change::Undo(at) => {
                    pool.undo(&hash(&plain, at));
                    plain.list.get_mut(at).into_iter().for_each(|listed| listed.2 = false);
                }
                Change::UndoAll => {
                    pool.undo_all();
                    plain.list.iter_mut().for_each(|listed| listed.2 = false);
                }
                Change::Execute(at) => {
                    let executed = plain.execute(limits, at);
                    for proposal in executed.iter().flat_map(|bundle| bundle.proposals()) {
                        pool.remember(reply(proposal.client.0, proposal.number.0));
                    }
                    pool.executed(&executed.map_or(Hash256::ZERO, |bundle| bundle.hash()));
                }
            }
            prop_assert_eq!((pool.requests(), pool.bytes()), plain.sums(None));
            prop_assert_eq!(pool.oldest(), plain.list.first().map(|(_, arrived, _)| *arrived));
            prop_assert_eq!(pool.has_unproposed(), plain.list.iter().any(|(.., proposed)| !proposed));
            let names: Vec<u64> = pool.clients.iter().map(|(name, _)| name.0).collect();
            let waits = |name: &u64| plain.list.iter().any(|(bundle, ..)| bundle.client().0 == *name);
            prop_assert!(names.iter().all(|name| waits(name) || plain.replies.contains_key(name)), "nobody lingers");
        }
    }
}
