//! Bugs that others have shipped (TRAPS 27 to 31), as far as `safety` and `liveness` do not show them.

use std::sync::Arc;

use super::cluster::{Cluster, n, settings};
use crate::bft::pbft::{
    Event, HardState, Message, Pbft, PrePrepare, Prepared, Subject, Value, ViewChange, Vote, follows,
};
use crate::bft::testing::TestSigner;
use crate::bft::{Batch, Certificate, Checkpoint, StableCheckpoint};
use crate::crypto::{Hash256, Identity, Signature, Signer as _};
use crate::membership::Membership;
use crate::protocol::{Effect, Effects, Input, Protocol as _};
use crate::quorum::Byzantine;
use crate::rules::Switches;
use crate::storage::DiskImage;
use crate::types::{Digest, LogIndex, Mono, NodeId, Now, Sequence, Term, Wall};

fn quorum() -> Byzantine {
    Byzantine::of(&[1, 2, 3, 4].map(NodeId), false)
}

fn certificate(voters: &[u32]) -> Certificate {
    Certificate::of(voters.iter().map(|voter| (n(*voter), Signature([0; 64]))), 4)
}

fn hash(number: u8) -> Hash256 {
    Hash256([number; 32])
}

fn prepared(view: u64, sequence: u64, value: u8, voters: &[u32]) -> Arc<Prepared> {
    let subject = Subject { view: Term(view), sequence: Sequence(sequence), hash: hash(value) };
    Arc::new(Prepared { subject, certificate: certificate(voters) })
}

fn stable(sequence: u64) -> Arc<StableCheckpoint> {
    let checkpoint = Checkpoint {
        sequence: Sequence(sequence),
        index: LogIndex(sequence),
        term: Term(0),
        log_time: Wall(0),
        membership: Hash256::ZERO,
        digest: Digest(0),
        bytes: 0,
        snapshot: Hash256::ZERO,
    };
    Arc::new(StableCheckpoint { checkpoint, certificate: certificate(&[1, 2, 3]) })
}

fn change(replica: u32, low: u64, proofs: &[Arc<Prepared>]) -> Arc<ViewChange> {
    let stable = (low > 0).then(|| stable(low));
    let (view, signature) = (Term(5), Signature([0; 64]));
    Arc::new(ViewChange { view, replica: n(replica), stable, prepared: proofs.to_vec(), signature })
}

/// TRAPS 27: low watermarks differ among view changes.
#[test]
fn a_new_view_begins_after_the_highest_proven_checkpoint_and_fills_what_is_between() {
    let all = &[1, 2, 3];
    let changes = [
        change(1, 4, &[prepared(0, 6, 1, all), prepared(1, 9, 1, all)]),
        change(2, 8, &[prepared(2, 11, 2, all)]),
        change(3, 0, &[prepared(0, 3, 3, all), prepared(4, 9, 4, all), prepared(1, 11, 5, all)]),
    ];
    let null = hash(0);
    let leads_to = follows(&changes, null, true);
    assert_eq!(leads_to.stable.expect("proven").checkpoint.sequence, Sequence(8));
    let values: Vec<_> = leads_to.values.iter().map(|(sequence, hash, _)| (sequence.0, *hash)).collect();
    assert_eq!(values, [(9, hash(4)), (10, null), (11, hash(2))], "the highest view counts, a gap is null");
    assert_eq!(follows(&changes[1..2], null, true).values.len(), 3, "9 and 10 are null");
    assert_eq!(follows(&[change(1, 8, &[])], null, true).values, []);
}

/// TRAPS 27: one invalid proof makes its view change invalid, and no other one.
#[test]
fn a_view_change_with_one_proof_that_is_none_is_refused() {
    let good = prepared(0, 5, 1, &[1, 2, 3]);
    let is_well_formed = |change: &ViewChange| change.is_well_formed(&quorum(), 16, None);
    assert!(is_well_formed(&change(2, 4, &[Arc::clone(&good), prepared(1, 6, 2, &[2, 3, 4])])));
    for bad in [
        prepared(0, 6, 2, &[1, 2]),
        prepared(0, 6, 2, &[2, 3, 4]),
        prepared(0, 6, 2, &[1, 2, 9]),
        prepared(5, 6, 2, &[1, 2, 3]),
        prepared(0, 21, 2, &[1, 2, 3]),
        prepared(0, 5, 2, &[1, 2, 3]),
    ] {
        assert!(!is_well_formed(&change(2, 4, &[Arc::clone(&good), Arc::clone(&bad)])), "{bad:?}");
    }
    assert!(!is_well_formed(&change(2, 5, &[good])), "it is not after the checkpoint");
    assert!(!is_well_formed(&change(9, 0, &[])), "a stranger");
    let weak = Arc::new(StableCheckpoint { certificate: certificate(&[1, 2]), ..(*stable(4)).clone() });
    assert!(!is_well_formed(&ViewChange { stable: Some(weak), ..(*change(2, 4, &[])).clone() }));
}

/// TRAPS 27: the primary moves its window first, and its pre-prepares reach backups that have not.
#[test]
fn pre_prepares_beyond_a_backups_window_are_not_lost() {
    let mut cluster = Cluster::new(4, 1);
    // Replica 4 hears of no checkpoint: its window stays where it is until it asks.
    cluster.tamper = Some(Box::new(|_, to, message| match message {
        Message::Checkpoint(_) if to == n(4) => vec![],
        message => vec![message],
    }));
    for number in 1..=40 {
        cluster.ask(1, &[number]);
        cluster.run(8);
    }
    assert!(cluster.run_until(2_000, Cluster::all_done));
    cluster.run(1_500);
    assert_eq!(cluster.executed(4), cluster.executed(1));
    assert_eq!(cluster.view(4), 0);
    cluster.assert_agreement();
}

/// TRAPS 28: what was ordered and not prepared comes to nothing with its view. It is ordered again in the next one, and the
/// client, which has asked all once, need not ask again.
#[test]
fn what_was_ordered_and_not_prepared_is_ordered_again_in_the_next_view() {
    let mut cluster = Cluster::new(4, 1);
    cluster.clients_retry = false;
    cluster.tamper = Some(Box::new(|_, _, message| match message {
        Message::Prepare(vote) if vote.subject.view == Term(0) => vec![],
        message => vec![message],
    }));
    cluster.ask_at(&[1, 2, 3, 4].map(n), 1, &[1]);
    cluster.run(60);
    assert!((2..=4).all(|node| cluster.noted(node, |event| matches!(event, Event::PrePrepareAccepted { .. }))));
    assert!(!(1..=4).any(|node| cluster.noted(node, |event| matches!(event, Event::Prepared { .. }))));
    assert!(cluster.run_until(5_000, Cluster::all_done));
    assert!(cluster.view(2) > 0);
    cluster.assert_agreement();
}

/// A replica that the test speaks to directly.
struct Alone {
    replica: Pbft<Switches>,
    now: Now,
}

impl Alone {
    fn new(node: u32) -> Self {
        let cluster = Cluster::new(4, 1);
        let now = Now { mono: Mono(1_000_000), wall: Wall(1_000_000) };
        let image = DiskImage::<HardState>::formatted(1, n(node), Membership::of(settings(4).voters));
        Self { replica: Pbft::recover(&cluster.config, n(node), &image, 0, now), now }
    }

    fn hear(&mut self, from: u32, message: Message) -> Vec<Event> {
        let mut out = Effects::listening();
        self.replica.step(self.now, Input::Receive { from: n(from), message }, &mut out);
        let events = out.drain().filter_map(|effect| match effect {
            Effect::Note(crate::event::Event::Pbft(event)) => Some(event),
            _ => None,
        });
        events.collect()
    }
}

/// What primary 1 of view 0 orders first, in another cluster of the same keys.
fn ordered() -> PrePrepare {
    let batch = Batch::new(Some(Wall(1_000_000)), Vec::new());
    let value = Arc::new(Value::new(Term(0), batch));
    let subject = Subject { view: Term(0), sequence: Sequence(1), hash: value.hash() };
    let signature = TestSigner(Identity::Node(n(1))).sign(&subject.pre_prepare(&settings(4).domain()));
    PrePrepare { view: Term(0), sequence: Sequence(1), value, signature }
}

fn vote(subject: Subject) -> Vote {
    Vote { subject, signature: Signature([0; 64]) }
}

fn is_prepared(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Prepared { .. }))
}

fn is_committed(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Committed { .. }))
}

/// TRAPS 29: the primary has prepared by its pre-prepare; its prepare on top of it counts nothing.
#[test]
fn the_primarys_own_prepare_is_not_counted_a_second_time() {
    let (mut replica, said) = (Alone::new(2), ordered());
    let subject = said.subject();
    assert!(!is_prepared(&replica.hear(1, Message::PrePrepare(said))));
    assert!(!is_prepared(&replica.hear(1, Message::Prepare(vote(subject)))), "one and the same");
    let elsewhere = Subject { hash: hash(9), ..subject };
    assert!(!is_prepared(&replica.hear(3, Message::Prepare(vote(elsewhere)))), "another digest");
    assert!(!is_prepared(&replica.hear(3, Message::Prepare(vote(subject)))), "a voter's first word counts");
    assert!(is_prepared(&replica.hear(4, Message::Prepare(vote(subject)))));
}

/// TRAPS 29: commits that come first wait until the batch is prepared here.
#[test]
fn commits_count_once_the_batch_is_prepared() {
    let (mut replica, said) = (Alone::new(2), ordered());
    let subject = said.subject();
    for from in [1, 3, 4] {
        assert!(!is_committed(&replica.hear(from, Message::Commit(vote(subject)))));
    }
    assert!(!is_committed(&replica.hear(1, Message::PrePrepare(said))));
    assert!(is_committed(&replica.hear(3, Message::Prepare(vote(subject)))));
}

/// TRAPS 30: a request that a client repeats after a view change is executed once, and answered the same.
#[test]
fn a_request_that_is_ordered_twice_is_executed_once() {
    let mut cluster = Cluster::new(4, 1);
    cluster.ask(1, &[1]);
    cluster.ask(1, &[2]);
    assert!(cluster.run_until(1_000, Cluster::all_done));
    let before = cluster.believed(1, 2).expect("answered").result.clone();
    let applied = cluster.applied.len();
    // Their memory of replies goes with the process; the sessions stay.
    (1..=4).for_each(|node| cluster.restart(node));
    cluster.crash(1);
    cluster.ask_at(&[2, 3, 4].map(n), 1, &[2]);
    cluster.ask_at(&[2, 3, 4].map(n), 1, &[3]);
    assert!(cluster.run_until(5_000, Cluster::all_done));
    let after = cluster.believed(1, 2).expect("answered again");
    assert_eq!(after.result, before, "the same result");
    assert!(cluster.applied.len() > applied);
    cluster.assert_agreement();
}

/// A replica that has forgotten its replies waits for a request that all others remember: it is ordered anew, and
/// nobody leaves the view for it.
#[test]
fn a_request_that_one_replica_alone_does_not_remember_costs_no_view() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=8 {
        cluster.ask(1, &[number]);
        cluster.run(30);
    }
    cluster.run(200);
    cluster.restart(4);
    cluster.run(200);
    cluster.clients_retry = false;
    let before = cluster.executed(1);
    let old = cluster.bundle(1, &[2]);
    cluster.request(n(4), &old);
    cluster.run(50);
    assert_eq!(cluster.node(4).replica.replica().waiting, 1);
    cluster.run(1_000);
    assert_eq!(cluster.node(4).replica.replica().waiting, 0);
    assert_eq!([cluster.view(1), cluster.view(4), cluster.executed(1) - before], [0, 0, 1]);
    cluster.assert_agreement();
}

/// TRAPS 30: what clients were told is part of what a checkpoint proves.
#[test]
fn a_checkpoint_proves_the_results_that_clients_were_told() {
    let mut with = Cluster::new(4, 1);
    with.ask(1, &[1]);
    assert!(with.run_until(1_000, Cluster::all_done));
    let machine = with.node(1).machine.clone();
    let forgetful = machine.clone().without_sessions_in_snapshots();
    assert_ne!(Hash256::of(&machine.snapshot()), Hash256::of(&forgetful.snapshot()));
}

/// TRAPS 31: nothing of a far view or number is kept.
#[test]
fn messages_of_far_views_and_numbers_take_no_memory() {
    let mut replica = Alone::new(2);
    let said = ordered();
    for far in (1..2_000).map(|far| far * 1_000) {
        let subject = Subject { view: Term(far), sequence: Sequence(far), hash: hash(1) };
        for from in [1, 3, 4] {
            replica.hear(from, Message::Prepare(vote(subject)));
            replica.hear(from, Message::Commit(vote(subject)));
            replica.hear(from, Message::Prepare(vote(Subject { sequence: Sequence(far % 16), ..subject })));
        }
        let pre_prepare = PrePrepare { view: Term(far), sequence: Sequence(1), ..said.clone() };
        replica.hear(1, Message::PrePrepare(pre_prepare));
        let change = ViewChange { view: Term(far), replica: n(3), ..(*change(3, 0, &[])).clone() };
        replica.hear(3, Message::ViewChange(Arc::new(change)));
    }
    let (slots, changes, words) = replica.replica.held();
    assert!(slots <= 16 && changes <= 4 && words == 0, "{slots} slots, {changes} view changes, {words} checkpoints");
}
