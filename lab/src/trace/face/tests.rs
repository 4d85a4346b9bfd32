//! What faces promise to a screen.

use std::sync::Arc;

use bytes::Bytes;
use quorumscope_core::entry::{Class, Entries, Entry, EntryKind, Tags};
use quorumscope_core::machine::kv::{Answer, Operation};
use quorumscope_core::machine::session::{Payload, SessionAnswer};
use quorumscope_core::protocol::Outcome;
use quorumscope_core::raft::{AppendEntries, AppendEntriesReply, AppendOutcome, Message, RequestVoteReply};
use quorumscope_core::record::{AnyMessage, Endpoint, Role};
use quorumscope_core::types::{ClientId, LogIndex, NodeId, RecordId, RequestNumber, Term, Time, Wall};

use super::*;
use crate::scenario::ProtocolName;
use crate::trace::view::{Content, Liveness, MessageView, View};

fn an_entry(index: u64, kind: EntryKind, payload: Bytes) -> Entry {
    Entry {
        index: LogIndex(index),
        term: Term(2),
        kind,
        log_time: Wall(0),
        client: ClientId(1),
        number: RequestNumber(4),
        class: Class::Critical,
        tags: Tags::new(),
        payload,
    }
}

#[test]
fn a_change_of_voters_is_the_operators_and_no_unknown_bytes() {
    let payload = Bytes::from_static(b"members\0 and what it asks for");
    let asked = Entry { client: ClientId::OPERATOR, ..an_entry(3, EntryKind::Command, payload) };
    let look = entry(&asked);
    assert_eq!((look.label.as_str(), look.class), ("members", EntryClass::Configuration));
    assert_eq!(look.text, "a change of the members (request #4 of the operator)");
}

fn set(key: &str, value: &str) -> Bytes {
    let command = Operation::Set { key: key.into(), value: value.into() }.encode();
    Payload::Command { session: LogIndex(1), acknowledged: RequestNumber(0), command }.encode()
}

fn appending(indexes: core::ops::RangeInclusive<u64>) -> MessageFace {
    let entries: Entries = indexes.map(|index| Arc::new(an_entry(index, EntryKind::Command, set("x", "1")))).collect();
    peer(&AnyMessage::Raft(Message::AppendEntries(AppendEntries {
        term: Term(2),
        prev_log_index: LogIndex(2),
        prev_log_term: Term(1),
        entries,
        leader_commit: LogIndex(2),
        round: 1,
    })))
}

#[test]
fn an_append_names_its_entries_and_shows_the_papers_fields() {
    let face = appending(3..=5);
    assert_eq!(face.name, "AppendEntries 3–5");
    assert_eq!((face.shape, face.letter, face.filled, face.sign), (Shape::Square, "A", true, None));
    assert_eq!(face.term, Some(Term(2)));
    assert_eq!(face.fields[1], ("prevLogIndex", "2".into()));
    assert_eq!(face.fields[3], ("entries", "(3, t2) x=1, (4, t2) x=1, (5, t2) x=1".into()));
    assert_eq!(appending(3..=3).name, "AppendEntries 3");
}

#[test]
fn a_long_append_lists_its_first_entries_and_counts_the_rest() {
    let face = appending(3..=12);
    assert!(face.fields[3].1.ends_with("(10, t2) x=1, +2"), "{}", face.fields[3].1);
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "an append without entries")]
fn an_append_without_entries_is_a_small_hollow_heartbeat() {
    let face = appending(1..=0);
    assert_eq!((face.kind, face.shape, face.filled), (MessageKind::Heartbeat, Shape::Dot, false));
}

#[test]
fn replies_are_hollow_and_say_yes_or_no() {
    for (granted, sign) in [(true, Sign::Plus), (false, Sign::Minus)] {
        let reply = RequestVoteReply { term: Term(2), vote_granted: granted };
        let face = peer(&AnyMessage::Raft(Message::RequestVoteReply(reply)));
        assert_eq!((face.shape, face.filled, face.sign), (Shape::Diamond, false, Some(sign)));
    }
    let outcome = AppendOutcome::Conflict { refused: LogIndex(5), term: None, first: LogIndex(3) };
    let face =
        peer(&AnyMessage::Raft(Message::AppendEntriesReply(AppendEntriesReply { term: Term(2), outcome, round: 1 })));
    assert_eq!((face.shape, face.filled, face.sign), (Shape::Square, false, Some(Sign::Minus)));
}

#[test]
fn no_two_kinds_of_requests_look_alike_without_colour() {
    let kinds = [
        MessageKind::Append,
        MessageKind::AppendReply,
        MessageKind::Heartbeat,
        MessageKind::VoteRequest,
        MessageKind::VoteReply,
        MessageKind::PreVoteRequest,
        MessageKind::PreVoteReply,
        MessageKind::ClientRequest,
        MessageKind::ClientAnswer,
        MessageKind::Snapshot,
        MessageKind::SnapshotReply,
    ];
    let mut looks: Vec<_> = kinds.iter().map(|kind| kind.look()).collect();
    looks.sort_unstable();
    looks.dedup();
    assert_eq!(looks.len(), kinds.len());
}

#[test]
fn entries_are_read_through_session_and_store() {
    assert_eq!(entry(&an_entry(1, EntryKind::NoOp, Bytes::new())).label, "no-op");
    assert_eq!(entry(&an_entry(1, EntryKind::Command, Payload::Open.encode())).label, "open c1");
    let command = entry(&an_entry(1, EntryKind::Command, set("x", "1")));
    assert_eq!((command.label.as_str(), command.text.as_str()), ("x=1", "set x = 1 (request #4 of c1)"));
    assert_eq!(entry(&an_entry(1, EntryKind::Command, set("x", "a long value"))).label, "x=a long …");
    assert_eq!(entry(&an_entry(1, EntryKind::Command, vec![9; 5].into())).label, "5 B");
}

#[test]
fn a_crashed_leader_has_no_crown() {
    assert_eq!(role(ProtocolName::Raft, Liveness::Up, Role::Leader).ring, Ring::Crowned);
    let crashed = role(ProtocolName::Raft, Liveness::Crashed, Role::Leader);
    assert_eq!((crashed.ring, crashed.words), (Ring::Crossed, "crashed"));
}

#[test]
fn outcomes_tell_yes_no_and_unknown_apart() {
    let result = SessionAnswer::Result(Answer::Value(Some("1".into())).encode()).encode();
    let ok = outcome(&Outcome::Applied { index: LogIndex(3), result });
    assert_eq!((ok.sign, ok.words.as_str()), (Sign::Plus, "1"));
    let refused = outcome(&Outcome::NotLeader { leader: Some(NodeId(2)) });
    assert_eq!((refused.sign, refused.words.as_str()), (Sign::Minus, "not the leader, n2 may be"));
    assert_eq!(outcome(&Outcome::Unknown).sign, Sign::Question);
    let evicted = outcome(&Outcome::Applied { index: LogIndex(3), result: SessionAnswer::NoSession.encode() });
    assert_eq!(evicted.sign, Sign::Minus, "nothing was executed");
}

#[test]
fn the_legend_shows_each_kind_once_and_only_what_is_on_its_way() {
    let mut view = View::default();
    assert_eq!(legend(&view), []);
    let reply = RequestVoteReply { term: Term(2), vote_granted: true };
    for sequence in 0..2 {
        let message = MessageView {
            from: Endpoint::Node(NodeId(1)),
            to: Endpoint::Node(NodeId(2)),
            content: Content::Peer(AnyMessage::Raft(Message::PreVoteReply(reply.clone()))),
            departed: Time(0),
            arrives: None,
            held: false,
        };
        view.messages.insert((RecordId { origin: NodeId(0), sequence }, 0), message);
    }
    assert_eq!(legend(&view), [MessageKind::PreVoteReply]);
}
