//! Liars before, during and after a switch: the honest agree, lose nothing, and go on.

use std::sync::Arc;

use super::switching::run_with_switch;
use super::{Cluster, Message};
use crate::bft::hybrid::history::Stop;
use crate::bft::hybrid::testing::{Tamper, n, settings};
use crate::bft::hybrid::{leave, rounds};
use crate::bft::pbft::{self, PrePrepare, Subject, Value, Vote};
use crate::bft::testing::TestSigner;
use crate::bft::{Batch, Checkpoint};
use crate::crypto::{Domain, Family, Hash256, Identity, Signer as _, Statement};
use crate::rng::Rng;
use crate::types::{NodeId, Wall};

fn sign(by: NodeId, statement: &Statement) -> crate::crypto::Signature {
    TestSigner(Identity::Node(by)).sign(statement)
}

fn pbft_domain(instance: u64) -> Domain {
    Domain { instance, ..settings(4).domain() }
}

/// A pre-prepare of the opening instance for a batch that opens nothing.
pub(super) fn something_else(said: &PrePrepare) -> pbft::Message {
    let time = said.value.batch().log_time();
    let value = Arc::new(Value::new(said.value.origin(), Batch::new(time, Vec::new())));
    let subject = Subject { hash: value.hash(), ..said.subject() };
    let signature = sign(n(1), &subject.pre_prepare(&pbft_domain(1)));
    pbft::Message::PrePrepare(PrePrepare { value, signature, ..said.clone() })
}

fn lies_in_pbft(rng: &mut Rng, by: NodeId, instance: u64, message: pbft::Message) -> Vec<pbft::Message> {
    let domain = pbft_domain(instance);
    let changed = |subject: Subject| Subject { hash: Hash256([7; 32]), ..subject };
    match message {
        pbft::Message::PrePrepare(said) => {
            let time = said.value.batch().log_time().map(|time| Wall(time.0 + 1));
            let batch = Batch::new(time, said.value.batch().bundles().to_vec());
            let value = Arc::new(Value::new(said.value.origin(), batch));
            let subject = Subject { hash: value.hash(), ..said.subject() };
            let signature = sign(by, &subject.pre_prepare(&domain));
            let lie = pbft::Message::PrePrepare(PrePrepare { value, signature, ..said.clone() });
            if rng.below(2) == 0 { vec![lie] } else { vec![pbft::Message::PrePrepare(said), lie] }
        }
        pbft::Message::Prepare(vote) => {
            let subject = changed(vote.subject);
            vec![pbft::Message::Prepare(Vote { subject, signature: sign(by, &subject.prepare(&domain)) })]
        }
        pbft::Message::Commit(vote) => {
            let subject = changed(vote.subject);
            vec![pbft::Message::Commit(Vote { subject, signature: sign(by, &subject.commit(&domain)) })]
        }
        message => vec![message],
    }
}

fn lie(rng: &mut Rng, by: NodeId, era: u64, message: Message) -> Vec<Message> {
    let rounds_domain = Domain { instance: 3 * era, family: Family::Hybrid, ..settings(4).domain() };
    match message {
        Message::Rounds(message) => {
            rounds::lie(rng, &rounds_domain, by, message).into_iter().map(Message::Rounds).collect()
        }
        Message::Stop(stop) => {
            let mut lie: Stop = (*stop).clone();
            (lie.prepared, lie.stable) = (None, None);
            lie.signature = sign(by, &lie.statement(&rounds_domain));
            vec![Message::Stop(Arc::new(lie))]
        }
        Message::Opening(message) => {
            lies_in_pbft(rng, by, 3 * era + 1, message).into_iter().map(Message::Opening).collect()
        }
        Message::Bft(message) => lies_in_pbft(rng, by, 3 * era + 2, message).into_iter().map(Message::Bft).collect(),
        Message::Root(said) => vec![root_of_nothing(by, era, said.0.checkpoint)],
        Message::Later { era, message } => {
            let later = |message| Message::Later { era, message: Box::new(message) };
            lie(rng, by, era, *message).into_iter().map(later).collect()
        }
        message => vec![message],
    }
}

/// PBFT of this era is said to have ended elsewhere.
pub(super) fn root_of_nothing(by: NodeId, era: u64, checkpoint: Checkpoint) -> Message {
    let next = Domain { instance: 3 * (era + 1), family: Family::Hybrid, ..settings(4).domain() };
    let sealed = leave::root(Checkpoint { snapshot: Hash256([7; 32]), ..checkpoint }, &next);
    Message::Root(Box::new((sealed, sign(by, &sealed.statement(&next)))))
}

/// Lies of these replicas in all phases.
pub(super) fn lies(seed: u64, liars: Vec<NodeId>) -> Tamper<Message> {
    let mut rng = Rng::new(seed, 99);
    let mut old: Vec<Message> = Vec::new();
    Box::new(move |from, _, message| {
        if !liars.contains(&from) {
            return vec![message];
        }
        if old.len() < 200 {
            old.push(message.clone());
        }
        match rng.below(10) {
            0..=2 => vec![],
            3..=5 => lie(&mut rng, from, 0, message),
            6 => {
                let again = rng.below(old.len() as u64) as usize;
                vec![message, old[again].clone()]
            }
            _ => vec![message],
        }
    })
}

/// TRAPS 38.
#[test]
fn whatever_one_of_four_says_a_switch_loses_nothing() {
    for seed in 0..150 {
        let mut cluster = Cluster::new(4, seed);
        let liar = n(1 + (seed % 4) as u32);
        cluster.liars.insert(liar);
        cluster.tamper = Some(lies(seed, vec![liar]));
        run_with_switch(&mut cluster, seed);
    }
}

#[test]
fn whatever_two_of_seven_say_a_switch_loses_nothing() {
    for seed in 0..40 {
        let mut cluster = Cluster::new(7, seed);
        let liars = vec![n(1 + (seed % 7) as u32), n(1 + ((seed + 1 + seed / 7 % 5) % 7) as u32)];
        cluster.liars.extend(liars.iter().copied());
        cluster.tamper = Some(lies(seed, liars));
        run_with_switch(&mut cluster, seed);
    }
}
