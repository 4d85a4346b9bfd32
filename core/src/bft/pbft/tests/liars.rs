//! Random lies of up to f replicas, under their own keys: the honest agree, and after calm they go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cluster::{Cluster, Tamper, n};
use super::runs::rough_run;
use super::safety::other;
use crate::bft::pbft::{Message, NewView, Subject, ViewChange, Vote};
use crate::bft::testing::{CLUSTER, TestSigner};
use crate::crypto::{Domain, Family, Hash256, Identity, Signer as _, Statement};
use crate::rng::Rng;
use crate::types::{NodeId, Sequence, Term};

fn sign(by: NodeId, statement: &Statement) -> crate::crypto::Signature {
    TestSigner(Identity::Node(by)).sign(statement)
}

fn lies_in_vote(rng: &mut Rng, by: NodeId, vote: Vote, statement: fn(&Subject, &Domain) -> Statement) -> Vote {
    let subject = match rng.below(3) {
        0 => Subject { hash: Hash256([7; 32]), ..vote.subject },
        1 => Subject { sequence: Sequence(vote.subject.sequence.0 + 1), ..vote.subject },
        _ => Subject { view: Term(vote.subject.view.0 + 1), ..vote.subject },
    };
    Vote { subject, signature: sign(by, &statement(&subject, &domain())) }
}

fn domain() -> Domain {
    Domain { cluster: CLUSTER, configuration: 0, instance: 0, family: Family::Pbft }
}

/// One lie instead of a message.
fn lie(rng: &mut Rng, by: NodeId, message: Message) -> Vec<Message> {
    match message {
        Message::PrePrepare(said) if said.view.0 < 1_000 => {
            let changed = other(&said, by);
            if rng.below(2) == 0 {
                vec![Message::PrePrepare(changed)]
            } else {
                vec![Message::PrePrepare(said), Message::PrePrepare(changed)]
            }
        }
        Message::Prepare(vote) => vec![Message::Prepare(lies_in_vote(rng, by, vote, Subject::prepare))],
        Message::Commit(vote) => vec![Message::Commit(lies_in_vote(rng, by, vote, Subject::commit))],
        Message::ViewChange(change) if change.replica == by => {
            let mut lie = ViewChange { ..(*change).clone() };
            match rng.below(4) {
                0 => lie.prepared.clear(),
                1 => drop(lie.prepared.pop()),
                2 => lie.stable = None,
                _ => lie.view = Term(lie.view.0 + 3),
            }
            lie.signature = sign(by, &lie.statement(&domain()));
            vec![Message::ViewChange(Arc::new(lie))]
        }
        Message::NewView(new_view) => {
            let mut lie = NewView { ..(*new_view).clone() };
            match rng.below(3) {
                0 => lie.pre_prepares.clear(),
                1 => drop(lie.pre_prepares.pop()),
                _ => drop(lie.view_changes.pop()),
            }
            lie.signature = sign(by, &lie.statement(&domain()));
            vec![Message::NewView(Arc::new(lie))]
        }
        Message::Standing(mut standing) => {
            (standing.executed, standing.stable) = (Sequence(rng.below(40)), Sequence(rng.below(40)));
            standing.view = Term(rng.below(9));
            vec![Message::Standing(standing)]
        }
        Message::Chunk(mut chunk) => {
            chunk.data = chunk.data.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>().into();
            vec![Message::Chunk(chunk)]
        }
        Message::Stable(mut stable) => {
            stable.gone = !stable.gone;
            vec![Message::Stable(stable)]
        }
        message => vec![message],
    }
}

/// Lies of these replicas: some are left out, some are other words, some are old ones once more.
pub(super) fn lies(seed: u64, liars: Vec<NodeId>) -> Tamper {
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
            _ if matches!(message, Message::Chunk(_)) => lie(&mut rng, from, message),
            0..=2 => vec![],
            3..=5 => lie(&mut rng, from, message),
            6 => {
                let again = rng.below(old.len() as u64) as usize;
                vec![message, old[again].clone()]
            }
            _ => vec![message],
        }
    })
}

#[test]
fn whatever_one_of_four_says_the_others_agree_and_go_on() {
    let mut seen = BTreeSet::new();
    for seed in 0..150 {
        let mut cluster = Cluster::new(4, seed);
        let liar = n(1 + (seed % 4) as u32);
        cluster.liars.insert(liar);
        cluster.tamper = Some(lies(seed, vec![liar]));
        rough_run(&mut cluster, 4, 25);
        seen.append(&mut cluster.seen);
    }
    for kind in ["PrePrepareRefused", "NewViewRefused", "Forged", "Ignored"] {
        assert!(seen.contains(kind), "no run has {kind}: {seen:?}");
    }
}

#[test]
fn whatever_two_of_seven_say_the_others_agree_and_go_on() {
    for seed in 0..60 {
        let mut cluster = Cluster::new(7, seed);
        let liars = vec![n(1 + (seed % 7) as u32), n(1 + ((seed + 1 + seed / 7 % 5) % 7) as u32)];
        cluster.liars.extend(liars.iter().copied());
        cluster.tamper = Some(lies(seed, liars));
        rough_run(&mut cluster, 7, 25);
    }
}
