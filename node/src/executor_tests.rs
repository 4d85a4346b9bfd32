//! The executor keeps its part of the contract, and its records tell all of it.

use super::*;
use bytes::Bytes;
use quorumscope_core::entry::{Class, Tags};
use quorumscope_core::machine::session::Payload;
use quorumscope_core::raft::{AllOn, Config, HardState, Message, Raft, Snapshots};
use quorumscope_core::record::Role;
use quorumscope_core::types::{ClientId, RequestNumber};
use quorumscope_core::wire::Answer;

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);

type Node = Executor<Raft>;

fn start(voters: &[NodeId], image: &DiskImage<HardState>) -> Node {
    let config = Config::new(voters.to_vec(), AllOn);
    Node::start(&config, N1, image, 7, Clock::since_epoch(crate::clock::unix_now_us()))
}

/// Completes all writes, as a store would, until none is begun any more.
fn sync(node: &mut Node, image: &mut DiskImage<HardState>) -> (Vec<Record>, Vec<Frame>) {
    let (mut records, mut frames) = (Vec::new(), Vec::new());
    let mut to_make = None;
    loop {
        let output = node.take_output();
        records.extend(output.records);
        frames.extend(output.frames);
        to_make = output.snapshot.or(to_make);
        let Some(last) = output.writes.last().map(|write| write.ticket) else {
            node.to_make = to_make;
            return (records, frames);
        };
        for write in &output.writes {
            image.apply(write).expect("writes continue the log");
        }
        node.on_written(last);
    }
}

fn open_session() -> Proposal {
    let (client, number) = (ClientId(1), RequestNumber(1));
    Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload: Payload::Open.encode() }
}

fn request_id(sequence: u64) -> RecordId {
    RecordId { origin: NodeId(0), sequence }
}

#[test]
fn a_single_node_elects_itself_commits_and_answers() {
    let mut image = DiskImage::formatted(9, N1);
    let mut node = start(&[N1], &image);
    node.on_timeout_asked();
    sync(&mut node, &mut image);
    assert_eq!(node.report().status.role, Role::Leader);
    node.on_request(request_id(1), open_session());
    let (records, frames) = sync(&mut node, &mut image);
    let [Frame::Answer(answer)] = frames.as_slice() else { panic!("one answer, not {frames:?}") };
    assert!(matches!(answer.outcome, Outcome::Applied { .. }));
    let answered = records.iter().find(|record| record.id == answer.id).expect("the answer's record");
    assert!(matches!(answered.body, Body::Answered { .. }));
    assert_eq!(image.log.len(), 2, "the leader's own entry, and the session");
}

#[test]
fn a_message_that_waits_for_a_write_leaves_only_once_it_is_durable() {
    let mut node = start(&[N1, N2], &DiskImage::formatted(9, N1));
    let request = quorumscope_core::raft::RequestVote {
        term: Term(1),
        last_log_index: LogIndex(0),
        last_log_term: Term(0),
        transfer: false,
    };
    node.on_message(N2, RecordId { origin: N2, sequence: 1 }, Message::RequestVote(request));
    let output = node.take_output();
    assert!(output.frames.is_empty(), "a vote is a promise: {:?}", output.frames);
    assert!(output.records.iter().any(|record| matches!(record.body, Body::Sent { after: Some(_), .. })));
    node.on_written(output.writes.last().expect("the vote is written").ticket);
    let output = node.take_output();
    assert!(matches!(output.frames.as_slice(), [Frame::Peer(envelope)] if envelope.to == N2));
    assert!(output.records.iter().any(|record| matches!(record.body, Body::Departed { .. })));
}

#[test]
fn a_full_log_refuses_what_it_could_not_send_in_one_frame() {
    let mut image = DiskImage::formatted(9, N1);
    let mut node = start(&[N1], &image);
    node.on_timeout_asked();
    sync(&mut node, &mut image);
    let payload = Bytes::from(vec![0; quorumscope_core::wire::MAX_OPERATION_BYTES]);
    let mut refused = None;
    for number in 1..2_000 {
        let proposal = Proposal { number: RequestNumber(number), payload: payload.clone(), ..open_session() };
        node.on_request(request_id(number), proposal);
        let (_, frames) = sync(&mut node, &mut image);
        if let Some(Frame::Answer(Answer { outcome: Outcome::Overloaded, .. })) = frames.first() {
            refused = Some(number);
            break;
        }
    }
    assert!(refused.is_some(), "the log grew without a bound");
    node.record_state(true, true);
    let records = Frame::Records(quorumscope_core::wire::Records {
        round: Some(1),
        at: Time(0),
        records: node.take_output().records,
    });
    assert!(Frame::decode(&records.encode()).is_ok(), "the whole state fits into a frame");
}

#[test]
fn with_snapshots_a_log_that_would_be_full_goes_on_and_a_restart_finds_the_state() {
    let mut image = DiskImage::formatted(9, N1);
    let snapshots = Snapshots { threshold_bytes: 64 << 10, retained_entries: 4, ..Snapshots::default() };
    let config = Config { snapshots, ..Config::new(vec![N1], AllOn) };
    let clock = Clock::since_epoch(crate::clock::unix_now_us());
    let mut node = Node::start(&config, N1, &image, 7, clock);
    node.on_timeout_asked();
    sync(&mut node, &mut image);
    let payload = Bytes::from(vec![0; quorumscope_core::wire::MAX_OPERATION_BYTES]);
    for number in 1..2_000 {
        let proposal = Proposal { number: RequestNumber(number), payload: payload.clone(), ..open_session() };
        node.on_request(request_id(number), proposal);
        let (_, frames) = sync(&mut node, &mut image);
        let answered = |frame: &Frame| matches!(frame, Frame::Answer(answer) if answer.outcome != Outcome::Overloaded);
        assert!(frames.iter().any(answered), "request {number}");
        if let Some(state) = node.to_make.take() {
            node.on_snapshot_made(state.make());
            sync(&mut node, &mut image);
        }
    }
    assert!(image.log.len() < 40 && image.base.index > LogIndex(1_900), "{} entries", image.log.len());
    let before = node.report().state;
    let node = Node::start(&config, N1, &image, 8, clock);
    assert_eq!(node.report().state.0, image.snapshot.as_ref().expect("a snapshot").meta.index);
    assert!(node.report().state.0 <= before.0 && !node.is_broken());
}

#[test]
fn numbers_rise_and_each_cause_was_recorded_before_its_effect() {
    let mut image = DiskImage::formatted(9, N1);
    let mut node = start(&[N1], &image);
    node.on_timeout_asked();
    node.on_request(request_id(1), open_session());
    let (records, _) = sync(&mut node, &mut image);
    assert!(records.is_sorted_by(|a, b| a.id.sequence < b.id.sequence && a.at <= b.at && a.mono <= b.mono));
    for record in &records {
        if let Some(cause) = record.cause.filter(|cause| cause.origin == N1) {
            assert!(cause.sequence < record.id.sequence, "{record:?}");
        }
    }
}

#[test]
fn a_restarted_node_numbers_on_and_applies_its_log_again() {
    let mut image = DiskImage::formatted(9, N1);
    let mut node = start(&[N1], &image);
    node.on_timeout_asked();
    node.on_request(request_id(1), open_session());
    sync(&mut node, &mut image);
    let before = (node.report().state, node.sequence);
    image.incarnation = Incarnation(image.incarnation.0 + 1);
    std::thread::sleep(std::time::Duration::from_millis(2)); // a start takes longer than its records are many
    let mut node = Node::start(&Config::new(vec![N1], AllOn), N1, &image, 8, node.clock);
    assert!(node.sequence > before.1);
    node.on_timeout_asked();
    sync(&mut node, &mut image);
    assert_eq!(node.report().state.0, LogIndex(before.0.0.0 + 1), "the new leader's own entry is applied too");
    assert_eq!(node.report().state.1, before.0.1);
}

#[test]
fn a_broken_node_is_not_stepped_again() {
    let mut node = start(&[N1], &DiskImage::formatted(9, N1));
    node.halt(None, "a fact");
    node.take_output();
    node.on_timeout_asked();
    node.on_wake();
    assert!(node.is_broken());
    assert_eq!(node.next_deadline(), None);
    assert!(node.take_output().writes.is_empty());
}
