//! Random lies of up to f replicas, under their own keys: the honest agree, and after calm they go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::safety::{domain, sign};
use super::{Cluster, Message};
use crate::bft::Batch;
use crate::bft::hybrid::rounds::{Ack, Lead, Link, Mark, Vote, Wish};
use crate::bft::hybrid::testing::{Tamper, n};
use crate::crypto::{Domain, Hash256};
use crate::rng::Rng;
use crate::types::{NodeId, Sequence, Term, Wall};

fn acknowledged(domain: &Domain, by: NodeId, mark: Mark, named: Option<Mark>) -> Ack {
    Ack { mark, named, signature: sign(by, &mark.acknowledge(domain, named)) }
}

/// The same requests with another log time.
fn other(link: &Arc<Link>) -> Arc<Link> {
    let time = link.batch().log_time().map(|time| Wall(time.0 + 1));
    let batch = Batch::new(time, link.batch().bundles().to_vec());
    Arc::new(Link::new(link.origin(), link.sequence(), link.previous(), batch))
}

fn lies_in_mark(rng: &mut Rng, mark: Mark) -> Mark {
    match rng.below(3) {
        0 => Mark { hash: Hash256([7; 32]), ..mark },
        1 => Mark { sequence: mark.sequence.next(), ..mark },
        _ => Mark { term: mark.term.next(), ..mark },
    }
}

/// One lie instead of a message, of an instance with this domain.
pub(in crate::bft::hybrid) fn lie(rng: &mut Rng, domain: &Domain, by: NodeId, message: Message) -> Vec<Message> {
    match message {
        Message::Append(mut append) => {
            match rng.below(4) {
                0 if append.links.len() == 1 => {
                    let changed = other(&append.links[0]);
                    let mark = Mark { hash: changed.hash(), ..append.ack.mark };
                    (append.links, append.ack) = (vec![changed], acknowledged(domain, by, mark, append.ack.named));
                }
                1 => append.prepared = None,
                2 => append.committed = None,
                _ => append.ack = acknowledged(domain, by, lies_in_mark(rng, append.ack.mark), append.ack.named),
            }
            vec![Message::Append(append)]
        }
        Message::Ack(ack) => {
            let (mark, named) = match rng.below(3) {
                0 => (lies_in_mark(rng, ack.mark), ack.named),
                1 => (ack.mark, Some(lies_in_mark(rng, ack.mark))),
                _ => (ack.mark, None),
            };
            let mut lie = acknowledged(domain, by, mark, named);
            lie.signature.0[0] ^= u8::from(rng.below(4) == 0);
            vec![Message::Ack(Box::new(lie))]
        }
        Message::Vote(vote) => {
            let mut lie = Vote { prepared: None, ..(*vote).clone() };
            lie.term = Term(lie.term.0 + rng.below(2));
            lie.signature = sign(by, &lie.statement(domain));
            vec![Message::Vote(Arc::new(lie))]
        }
        Message::Lead(lead) => {
            let mut lie = Lead { ..(*lead).clone() };
            if rng.below(2) == 0 {
                drop(lie.votes.pop());
            } else if let Some(own) = lie.votes.iter_mut().find(|vote| vote.by == by) {
                let mut changed = Vote { prepared: None, ..(**own).clone() };
                changed.signature = sign(by, &changed.statement(domain));
                *own = Arc::new(changed);
            }
            vec![Message::Lead(Arc::new(lie))]
        }
        Message::Wishes(mut wishes) => {
            let term = Term(rng.below(30));
            wishes.retain(|(voter, _)| *voter != by);
            wishes.push((by, Wish { term, signature: sign(by, &Wish::statement(domain, term)) }));
            vec![Message::Wishes(wishes)]
        }
        Message::Standing(mut standing) => {
            (standing.committed, standing.last) = (Sequence(rng.below(40)), Sequence(rng.below(40)));
            (standing.term, standing.stable) = (Term(rng.below(9)), Sequence(rng.below(40)));
            vec![Message::Standing(standing)]
        }
        Message::Chunk(mut chunk) => {
            chunk.data = chunk.data.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>().into();
            vec![Message::Chunk(chunk)]
        }
        Message::Links(links) => vec![Message::Links(links.iter().map(other).collect())],
        Message::Decided(mut decided) => {
            decided.links.pop();
            vec![Message::Decided(decided)]
        }
        Message::Checkpoint(mut said) => {
            said.0.chain = Hash256([9; 32]);
            said.1 = sign(by, &said.0.statement(domain));
            vec![Message::Checkpoint(said)]
        }
        message => vec![message],
    }
}

/// Lies of these replicas: some are left out, some are other words, some are old ones once more.
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
            _ if matches!(message, Message::Chunk(_)) => lie(&mut rng, &domain(), from, message),
            0..=2 => vec![],
            3..=5 => lie(&mut rng, &domain(), from, message),
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
    for seed in 0..300 {
        let mut cluster = Cluster::new(4, seed);
        let liar = n(1 + (seed % 4) as u32);
        cluster.liars.insert(liar);
        cluster.tamper = Some(lies(seed, vec![liar]));
        cluster.rough_run(25);
        seen.append(&mut cluster.seen);
    }
    for kind in ["LinkRefused", "Forged", "Ignored", "TransferSpoilt", "TermEntered"] {
        assert!(seen.contains(kind), "no run has {kind}: {seen:?}");
    }
}

#[test]
fn whatever_two_of_seven_say_the_others_agree_and_go_on() {
    for seed in 0..80 {
        let mut cluster = Cluster::new(7, seed);
        let liars = vec![n(1 + (seed % 7) as u32), n(1 + ((seed + 1 + seed / 7 % 5) % 7) as u32)];
        cluster.liars.extend(liars.iter().copied());
        cluster.tamper = Some(lies(seed, liars));
        cluster.rough_run(25);
    }
}
