//! Whatever a peer sends, a replica neither panics nor answers without bound, and holds no more than its bounds.

use std::sync::Arc;

use super::cluster::{Cluster, n};
use crate::bft::pbft::{
    Assigned, Committed, Decided, Message, NewView, PrePrepare, Prepared, Relayed, Stable, Stage, Standing, Subject,
    Value, ViewChange, Vote,
};
use crate::bft::testing::bundle;
use crate::bft::{Batch, Certificate, Checkpoint, Chunk, FetchChunk, StableCheckpoint};
use crate::crypto::{Hash256, Signature};
use crate::protocol::{Applied, Input};
use crate::rng::Rng;
use crate::types::{ClientId, Digest, Incarnation, LogIndex, NodeId, RequestNumber, Sequence, Term, Ticket, Wall};

/// Mostly small numbers, so that messages fit the replica's state; sometimes the largest ones.
fn number(rng: &mut Rng) -> u64 {
    match rng.below(16) {
        0 => u64::MAX,
        1 => u64::MAX - rng.below(3),
        2 => rng.bits(),
        _ => rng.below(7),
    }
}

fn node(rng: &mut Rng) -> NodeId {
    n(1 + rng.below(5) as u32)
}

fn signature(rng: &mut Rng) -> Signature {
    Signature([rng.below(3) as u8; 64])
}

fn value(rng: &mut Rng) -> Arc<Value> {
    let bundles = (0..rng.below(3)).map(|_| bundle(1 + rng.below(2), &[1 + rng.below(3)], 2)).collect();
    match rng.below(6) {
        0 => Arc::new(Value::null()),
        1 => Arc::new(Value::new(Term(number(rng)), Batch::new(None, bundles))),
        _ => {
            let time = if rng.below(4) == 0 { number(rng) } else { 1_000_000 + rng.below(3) };
            Arc::new(Value::new(Term(rng.below(3)), Batch::new(Some(Wall(time)), bundles)))
        }
    }
}

fn subject(rng: &mut Rng) -> Subject {
    Subject { view: Term(number(rng)), sequence: Sequence(number(rng)), hash: value(rng).hash() }
}

fn certificate(rng: &mut Rng) -> Certificate {
    let count = rng.below(5) as u32;
    Certificate::of((0..count).map(|voter| (n(1 + voter), signature(rng))), 4)
}

fn checkpoint(rng: &mut Rng) -> Checkpoint {
    Checkpoint {
        sequence: Sequence(if rng.below(2) == 0 { 4 } else { number(rng) }),
        index: LogIndex(number(rng)),
        term: Term(number(rng)),
        log_time: Wall(number(rng)),
        membership: Hash256::ZERO,
        digest: Digest(rng.below(2)),
        bytes: number(rng),
        snapshot: Hash256([rng.below(2) as u8; 32]),
    }
}

fn stable(rng: &mut Rng) -> Arc<StableCheckpoint> {
    Arc::new(StableCheckpoint { checkpoint: checkpoint(rng), certificate: certificate(rng) })
}

fn view_change(rng: &mut Rng, replica: NodeId, view: Term) -> Arc<ViewChange> {
    let prepared = |rng: &mut Rng| Arc::new(Prepared { subject: subject(rng), certificate: certificate(rng) });
    let stable = (rng.below(4) == 0).then(|| stable(rng));
    let prepared = (0..rng.below(3)).map(|_| prepared(rng)).collect();
    Arc::new(ViewChange { view, replica, stable, prepared, signature: signature(rng) })
}

fn new_view(rng: &mut Rng) -> Arc<NewView> {
    let view = Term(number(rng));
    let first = rng.below(2) as u32;
    let view_changes = (1..=3).map(|voter| view_change(rng, n(first + voter), view)).collect();
    let assigned = |rng: &mut Rng| Assigned {
        sequence: Sequence(number(rng)),
        hash: value(rng).hash(),
        signature: signature(rng),
    };
    let pre_prepares = (0..rng.below(3)).map(|_| assigned(rng)).collect();
    Arc::new(NewView { view, view_changes, pre_prepares, signature: signature(rng) })
}

fn message(rng: &mut Rng, from: NodeId) -> Message {
    let vote = |rng: &mut Rng| Vote { subject: subject(rng), signature: signature(rng) };
    match rng.below(15) {
        0 => {
            let bundles = (0..rng.below(3)).map(|_| bundle(1 + rng.below(3), &[1 + rng.below(9)], 3)).collect();
            Message::Requests(Relayed { bundles, anew: rng.below(2) == 0 })
        }
        1 | 2 => Message::PrePrepare(PrePrepare {
            view: Term(number(rng)),
            sequence: Sequence(number(rng)),
            value: value(rng),
            signature: signature(rng),
        }),
        3 | 4 => Message::Prepare(vote(rng)),
        5 => Message::Commit(vote(rng)),
        6 => Message::Checkpoint(Box::new((checkpoint(rng), signature(rng)))),
        7 => {
            let replica = if rng.below(4) == 0 { node(rng) } else { from };
            let view = Term(number(rng));
            Message::ViewChange(view_change(rng, replica, view))
        }
        8 => Message::NewView(new_view(rng)),
        9 => {
            let stages = vec![Stage::default(); rng.below(40) as usize];
            Message::Standing(Box::new(Standing {
                view: Term(number(rng)),
                changing: rng.below(2) == 0,
                stable: Sequence(number(rng)),
                executed: Sequence(number(rng)),
                round: number(rng),
                stages,
            }))
        }
        10 => {
            let value = value(rng);
            let subject = Subject { hash: value.hash(), ..subject(rng) };
            let decided = Arc::new(Decided { subject, certificate: certificate(rng) });
            Message::Committed(Box::new(Committed { value, decided }))
        }
        11 => Message::Stable(Box::new(Stable { proof: stable(rng), gone: rng.below(2) == 0 })),
        12 => Message::FetchValues(vec![(Sequence(number(rng)), value(rng).hash()); rng.below(40) as usize]),
        13 => Message::Body(Sequence(number(rng)), value(rng)),
        _ => {
            let (snapshot, offset) = (Hash256([rng.below(2) as u8; 32]), number(rng));
            let data = vec![1; rng.below(9) as usize].into();
            match rng.below(2) {
                0 => Message::FetchChunk(FetchChunk { snapshot, offset }),
                _ => Message::Chunk(Box::new(Chunk { snapshot, offset, data })),
            }
        }
    }
}

fn input(rng: &mut Rng) -> Option<Input<Message>> {
    let through = LogIndex(rng.below(5));
    let (index, client, number_of) = (LogIndex(number(rng)), ClientId(1), RequestNumber(number(rng)));
    Some(match rng.below(6) {
        0 => Input::Written(Ticket { incarnation: Incarnation(rng.below(3) as u32), sequence: number(rng) }),
        1 => {
            let result = Applied { index, client, number: number_of, result: bytes::Bytes::new() };
            Input::Applied { through, results: vec![result] }
        }
        2 => Input::SnapshotTaken { index: through, digest: Digest(1), data: vec![1; 4].into() },
        3 => Input::Requests(vec![bundle(1, &[1 + rng.below(4)], 3)]),
        4 => Input::ExpiryAt(Some(Wall(number(rng)))),
        _ => return None,
    })
}

/// Runs of 300 arbitrary inputs, signatures not looked at: more than any liar may do. A replica may halt, but it never
/// panics, its log stays a log, and it holds no more than its bounds.
#[test]
fn no_sequence_of_messages_panics_or_fills_the_memory() {
    let mut halted = 0;
    for seed in 0..2_000 {
        let mut rng = Rng::new(seed, 1);
        let mut cluster = Cluster::new(4, seed);
        for _ in 0..300 {
            let before = cluster.sent;
            match rng.below(8) {
                0 => {
                    if let Some(input) = input(&mut rng) {
                        cluster.step_alone(n(2), input);
                    }
                }
                1 => {
                    cluster.now += 400_000;
                    cluster.step_alone(n(2), Input::DeadlineReached);
                }
                _ => {
                    let from = node(&mut rng);
                    let message = message(&mut rng, from);
                    let mut claims = Vec::new();
                    crate::protocol::Protocol::claims(&cluster.node(2).replica, from, &message, &mut claims);
                    assert!(claims.len() < 400, "seed {seed}: claims are bounded");
                    cluster.step_alone(n(2), Input::Receive { from, message });
                }
            }
            assert!(cluster.sent - before <= 600, "seed {seed}: one input has few effects");
            if cluster.node(2).broken.is_some() {
                halted += 1;
                break;
            }
        }
        let (slots, changes, words) = cluster.node(2).replica.held();
        assert!(slots <= 16 + 4 && changes <= 4 && words <= 4 * 4, "seed {seed}: {slots} {changes} {words}");
        let log = cluster.node(2).replica.log();
        let indexes = log.iter().zip(log.base().index.0 + 1..);
        assert!(indexes.into_iter().all(|(entry, index)| entry.index.0 == index), "seed {seed}");
    }
    assert!(halted < 1_000, "most runs go to their end: {halted} halted");
}

/// Everything that is said survives the wire.
#[test]
fn each_message_comes_back_from_bytes() {
    let mut rng = Rng::new(1, 1);
    for _ in 0..500 {
        let message = message(&mut rng, n(1));
        let bytes = postcard::to_allocvec(&message).expect("it encodes");
        assert_eq!(postcard::from_bytes::<Message>(&bytes).expect("it decodes"), message);
        let text = serde_json::to_string(&message).expect("it encodes");
        assert_eq!(serde_json::from_str::<Message>(&text).expect("it decodes"), message);
    }
}
