//! Any bytes give a frame or an error, in bounded memory.

use std::sync::Arc;

use super::*;
use crate::entry::{Class, Entry, EntryKind, Proposal};
use crate::membership::Membership;
use crate::protocol::{Outcome, ReadHow, ReadRequest};
use crate::raft;
use crate::record::{AnyHard, Body, DropReason, Endpoint, NodeState, NodeStatus};
use crate::rng::Rng;
use crate::snapshot::{Snapshot, SnapshotMeta};
use crate::storage::Write;
use crate::types::{
    ClientId, Digest, Incarnation, LogIndex, Mono, NodeId, RecordId, RequestNumber, Term, Ticket, Wall,
};
use crate::wire::{Ability, Answer, Code, Envelope, MAX_EXPANSION, Question, Request, Role, StoreKind};

fn entry(index: u64) -> Arc<Entry> {
    Arc::new(Entry {
        index: LogIndex(index),
        term: Term(3),
        kind: EntryKind::Command,
        log_time: Wall(1_700_000_000_000_000),
        client: ClientId(1),
        number: RequestNumber(index),
        class: Class::Critical,
        tags: [7].into_iter().collect(),
        payload: Bytes::from_static(b"set x = 1"),
    })
}

fn meta() -> SnapshotMeta {
    let membership = Membership::of(vec![NodeId(1), NodeId(2), NodeId(3)]);
    let subscription = Some(Digest(78));
    SnapshotMeta { index: LogIndex(7), term: Term(2), log_time: Wall(9), membership, digest: Digest(77), subscription }
}

fn record(sequence: u64, body: Body) -> Record {
    let id = RecordId { origin: NodeId(2), sequence };
    Record { id, cause: Some(id), at: Time(5_000_000), node: Some(NodeId(2)), mono: Mono(77), body }
}

fn records() -> Vec<Record> {
    let write = Write {
        ticket: Ticket { incarnation: Incarnation(1), sequence: 4 },
        hard: Some(AnyHard::Raft(raft::HardState { current_term: Term(3), voted_for: Some(NodeId(1)) })),
        truncate: Some(LogIndex(9)),
        append: (9..12).map(entry).collect(),
        snapshot: Some(Arc::new(Snapshot { meta: meta(), data: Bytes::from_static(b"state") })),
        compact: Some(meta().base()),
    };
    let state = NodeState {
        incarnation: Incarnation(2),
        up: true,
        status: NodeStatus { votes: vec![(NodeId(1), true); 3], ..NodeStatus::default() },
        hard: AnyHard::Raft(raft::HardState::default()),
        log: (8..40).map(entry).collect(),
        base: meta().base(),
        snapshot: Some(meta()),
    };
    vec![
        record(1, Body::WriteBegan(write)),
        record(2, Body::NodeState(Box::new(state))),
        record(3, Body::LinksCut { cut: vec![(Endpoint::Node(NodeId(1)), Endpoint::Client(ClientId(1)))] }),
        record(4, Body::DeadlineReached),
    ]
}

fn frames() -> Vec<Frame> {
    let id = RecordId { origin: NodeId(1), sequence: 12 };
    let append = raft::Message::AppendEntries(raft::AppendEntries {
        term: Term(3),
        prev_log_index: LogIndex(8),
        prev_log_term: Term(2),
        entries: (9..20).map(entry).collect(),
        leader_commit: LogIndex(8),
        round: 5,
    });
    let data = Bytes::from_static(b"part");
    let install = raft::InstallSnapshot { term: Term(3), meta: meta(), total: 9, offset: 5, data, round: 2 };
    let install = raft::Message::InstallSnapshot(Box::new(install));
    let proposal = Proposal {
        client: ClientId(1),
        number: RequestNumber(2),
        class: Class::Critical,
        tags: [].into_iter().collect(),
        payload: Bytes::from_static(b"payload"),
    };
    let (client, number, how) = (ClientId(1), RequestNumber(3), ReadHow::Index);
    let request = ReadRequest { client, number, how, query: Bytes::from_static(b"query") };
    let outcome = Outcome::Applied { index: LogIndex(4), result: Bytes::from_static(b"ok") };
    vec![
        Frame::Hello(Hello {
            role: Role::Node(NodeId(3)),
            room: "demo".into(),
            token: "secret".into(),
            cluster: Some(9),
        }),
        Frame::Welcome(Role::Controller),
        Frame::Cluster(Cluster {
            id: 9,
            name: "three nodes".into(),
            protocol: "raft".into(),
            nodes: vec![NodeId(1), NodeId(2), NodeId(3)],
            voters: vec![NodeId(1)],
            clients: vec![ClientId(1)],
            epoch_unix_us: 1_700_000_000_000_000,
            abilities: vec![Ability::Propose, Ability::Crash],
            store: StoreKind::Memory,
        }),
        Frame::Peer(Envelope {
            from: NodeId(1),
            to: NodeId(2),
            id,
            cause: None,
            message: encode_message(&append.into()),
        }),
        Frame::Peer(Envelope {
            from: NodeId(1),
            to: NodeId(2),
            id,
            cause: None,
            message: encode_message(&install.into()),
        }),
        Frame::Request(Request { to: NodeId(1), id, proposal }),
        Frame::Read(Question { to: NodeId(1), id, request }),
        Frame::Answer(Answer { from: NodeId(1), client: ClientId(1), number: RequestNumber(2), id, outcome }),
        Frame::Returned { message: id, reason: DropReason::Cut },
        Frame::Records(Records { round: Some(4), at: Time(6), records: records() }),
        Frame::Resync { round: 4 },
        Frame::Command { number: 1, command: Command::Partition(vec![vec![NodeId(1)], vec![NodeId(2), NodeId(3)]]) },
        Frame::Done { number: 1, problem: Some(Code::WrongState.with("n1 is down already")) },
        Frame::Links { cut: vec![(Endpoint::Node(NodeId(1)), Endpoint::Node(NodeId(2)))] },
        Frame::Joined(NodeId(1)),
        Frame::Left(NodeId(1)),
        Frame::Problem(Code::TooFast.with("slow down")),
    ]
}

#[test]
fn every_frame_survives_the_wire() {
    for frame in frames() {
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    }
}

#[test]
fn a_frame_cut_anywhere_is_an_error() {
    for frame in frames() {
        let bytes = frame.encode();
        for length in 0..bytes.len() {
            assert!(Frame::decode(&bytes[..length]).is_err(), "{frame:?} cut to {length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn bytes_after_a_frame_are_an_error() {
    for frame in frames() {
        let mut bytes = frame.encode().to_vec();
        bytes.push(0);
        assert_eq!(Frame::decode(&bytes), Err(WireError::Trailing));
    }
}

#[test]
fn random_bytes_give_a_frame_that_encodes_again_or_an_error() {
    let mut rng = Rng::new(1, 1);
    let mut understood = 0;
    for _ in 0..200_000 {
        let mut bytes: Vec<u8> = (0..1 + rng.below(48)).map(|_| rng.bits() as u8).collect();
        bytes[0] = VERSION;
        if let Ok(frame) = Frame::decode(&bytes) {
            understood += 1;
            assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
        }
    }
    assert!(understood > 0, "random bytes never reached the other side of the decoder");
}

#[test]
fn frames_with_flipped_bytes_give_a_frame_or_an_error() {
    let mut rng = Rng::new(2, 1);
    for frame in frames() {
        let whole = frame.encode();
        for _ in 0..5_000 {
            let mut bytes = whole.to_vec();
            for _ in 0..=rng.below(3) {
                let position = rng.below(bytes.len() as u64) as usize;
                // Large varints are where lengths lie.
                bytes[position] = if rng.below(2) == 0 { 0xFF } else { rng.bits() as u8 };
            }
            if let Ok(frame) = Frame::decode(&bytes) {
                assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
            }
        }
    }
}

#[test]
fn a_list_that_claims_more_than_its_bytes_hold_is_an_error() {
    let claim = |kind: u8| [&[VERSION, kind], [0xFF; 4].as_slice(), &[0x0F, 1, 2, 3]].concat();
    for kind in 0..frames().len() as u8 {
        assert!(Frame::decode(&claim(kind)).is_err());
    }
}

#[test]
fn another_version_and_an_empty_message_are_told_apart() {
    assert_eq!(Frame::decode(&[]), Err(WireError::Empty));
    assert_eq!(Frame::decode(&[VERSION + 1, 0]), Err(WireError::Version { found: VERSION + 1 }));
}

#[test]
fn lengths_beyond_their_limits_are_refused_by_name() {
    let long = "x".repeat(MAX_NAME_BYTES + 1);
    let hello = Hello { role: Role::Observer, room: String::new(), token: long, cluster: None };
    assert_eq!(Frame::decode(&Frame::Hello(hello).encode()), Err(WireError::PartTooLarge { part: "a token" }));

    let operation = Bytes::from(vec![0; MAX_OPERATION_BYTES + 1]);
    let propose = Frame::Command { number: 1, command: Command::Propose { to: None, operation } };
    assert_eq!(Frame::decode(&propose.encode()), Err(WireError::PartTooLarge { part: "an operation" }));

    let bytes = vec![VERSION; 100];
    assert_eq!(Frame::decode_within(&bytes, 99), Err(WireError::TooLarge { limit: 99, found: 100 }));
}

#[test]
fn memory_is_bounded_by_the_bytes_of_a_frame() {
    let smallest = postcard::to_allocvec(&Record {
        id: RecordId::default(),
        cause: None,
        at: Time(0),
        node: None,
        mono: Mono(0),
        body: Body::DeadlineReached,
    });
    let smallest = smallest.expect("encodes").len();
    assert!(size_of::<Record>() * 2 <= smallest * MAX_EXPANSION);
    // An empty group of a partition is one byte.
    assert!(size_of::<Vec<NodeId>>() * 2 <= MAX_EXPANSION);
    // An entry behind its reference: two counters and the entry; ten fields of at least a byte each.
    assert!(size_of::<Entry>() + 16 + 2 * size_of::<Arc<Entry>>() <= 9 * MAX_EXPANSION);
}

#[test]
fn joined_records_are_the_frame_that_they_would_have_been() {
    let mut batch = Batch::default();
    for record in records() {
        assert!(batch.push(&Batch::encode(&record)));
    }
    let expected = Frame::Records(Records { round: None, at: Time(6), records: records() });
    assert_eq!(Frame::decode(&batch.finish(Time(6))), Ok(expected));
}

#[test]
fn a_batch_stops_before_a_frame_is_too_large() {
    let encoded = vec![0; MAX_FRAME_BYTES / 2];
    let mut batch = Batch::default();
    assert!(batch.push(&encoded));
    assert!(!batch.push(&encoded));
}
