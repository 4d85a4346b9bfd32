//! What a trace file keeps, and how a broken one is refused.

use std::sync::Arc;

use bytes::Bytes;
use quorumscope_core::entry::{Class, Entry, EntryKind, Tags};
use quorumscope_core::event::{Event, Refusal};
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::{Outcome, ReadHow};
use quorumscope_core::raft::{
    AppendEntries, AppendEntriesReply, AppendOutcome, HardState, InstallOutcome, InstallSnapshot, InstallSnapshotReply,
    Message, ReadIndex, ReadIndexReply, ReadToken, RequestVote, RequestVoteReply, TimeoutNow,
};
use quorumscope_core::record::{
    AnyHard, AnyMessage, Began, DropReason, Endpoint, NodeState, NodeStatus, Progress, Role, Timer, TimerKind,
    Transfer, Verdict,
};
use quorumscope_core::rng::Rng;
use quorumscope_core::snapshot::{Snapshot, SnapshotMeta};
use quorumscope_core::storage::Write;
use quorumscope_core::types::{ClientId, Digest, Incarnation, LogIndex, Mono, RequestNumber, Term, Ticket, Wall};

use super::*;

const BIG: u64 = u64::MAX - 1;
const NODE: NodeId = NodeId(1);

fn id(sequence: u64) -> RecordId {
    RecordId { origin: NodeId(0), sequence }
}

fn ticket() -> Ticket {
    Ticket { incarnation: Incarnation(2), sequence: BIG }
}

fn entry() -> Arc<Entry> {
    Arc::new(Entry {
        index: LogIndex(BIG),
        term: Term(BIG),
        kind: EntryKind::Command,
        log_time: Wall(BIG),
        client: ClientId(1),
        number: RequestNumber(2),
        class: Class::Relaxed,
        tags: Tags::from_slice(&[1, BIG]),
        payload: Bytes::from_static(&[0, 1, 254, 255]),
    })
}

fn messages() -> Vec<Message> {
    let request = RequestVote { term: Term(2), last_log_index: LogIndex(BIG), last_log_term: Term(1), transfer: true };
    let reply = RequestVoteReply { term: Term(2), vote_granted: true };
    let append = AppendEntries {
        term: Term(2),
        prev_log_index: LogIndex(1),
        prev_log_term: Term(1),
        entries: [entry()].into_iter().collect(),
        leader_commit: LogIndex(1),
        round: BIG,
    };
    let outcomes = [
        AppendOutcome::Matched(LogIndex(1)),
        AppendOutcome::Conflict { refused: LogIndex(3), term: None, first: LogIndex(2) },
        AppendOutcome::StaleTerm,
    ];
    let mut messages = vec![
        Message::PreVote(request.clone()),
        Message::RequestVote(request),
        Message::PreVoteReply(reply.clone()),
        Message::RequestVoteReply(reply),
        Message::AppendEntries(append),
        Message::InstallSnapshot(Box::new(InstallSnapshot {
            term: Term(2),
            meta: meta(),
            total: 9,
            offset: 3,
            data: Bytes::from_static(b"part"),
            round: 4,
        })),
    ];
    let parts = [InstallOutcome::Received { offset: BIG }, InstallOutcome::Installed, InstallOutcome::StaleTerm];
    messages.extend(parts.map(|outcome| {
        Message::InstallSnapshotReply(InstallSnapshotReply { term: Term(2), index: LogIndex(7), outcome, round: 3 })
    }));
    let token = ReadToken { incarnation: Incarnation(2), sequence: 7 };
    messages.extend([
        Message::ReadIndex(ReadIndex { term: Term(2), token }),
        Message::ReadIndexReply(ReadIndexReply { term: Term(2), token, index: Some(LogIndex(3)) }),
        Message::ReadIndexReply(ReadIndexReply { term: Term(2), token, index: None }),
        Message::TimeoutNow(TimeoutNow { term: Term(2) }),
    ]);
    let reply = |outcome| Message::AppendEntriesReply(AppendEntriesReply { term: Term(2), outcome, round: 3 });
    messages.extend(outcomes.map(reply));
    messages
}

fn meta() -> SnapshotMeta {
    let membership = Membership { voters: vec![NODE], outgoing: vec![NodeId(2)], ..Membership::default() };
    SnapshotMeta {
        index: LogIndex(7),
        term: Term(2),
        log_time: Wall(BIG),
        membership,
        digest: Digest(BIG),
        subscription: Some(Digest(BIG)),
    }
}

fn status() -> NodeStatus {
    let transfer = Transfer { index: LogIndex(7), offset: 3, total: BIG };
    NodeStatus {
        role: Role::Leader,
        term: Term(2),
        voted_for: Some(NODE),
        leader: Some(NODE),
        timer: Some(Timer { kind: TimerKind::Heartbeat, armed: Mono(1), deadline: Mono(BIG) }),
        votes: vec![(NODE, true)],
        progress: vec![Progress {
            node: NodeId(2),
            next: LogIndex(2),
            matched: LogIndex(1),
            probing: true,
            snapshot: Some(transfer),
        }],
        ..NodeStatus::default()
    }
}

/// Every kind of body at least once.
fn bodies() -> Vec<Body> {
    let hard = AnyHard::Raft(HardState { current_term: Term(2), voted_for: Some(NODE) });
    let write = Write {
        ticket: ticket(),
        hard: Some(hard.clone()),
        truncate: Some(LogIndex(3)),
        append: [entry()].into_iter().collect(),
        snapshot: Some(Arc::new(Snapshot { meta: meta(), data: Bytes::from_static(b"state") })),
        compact: Some(meta().base()),
    };
    let began = Began {
        protocol: "raft".into(),
        name: "a “name”\nwith a break".into(),
        nodes: vec![NODE],
        voters: vec![NODE],
        clients: vec![ClientId(1)],
        seed: Some(BIG),
    };
    let (base, snapshot) = (meta().base(), Some(meta()));
    let log = vec![entry()];
    let state = NodeState { incarnation: Incarnation(1), up: true, status: status(), hard, log, base, snapshot };
    let (client, number) = (ClientId(1), RequestNumber(2));
    let decided = Event::VoteDecided {
        pre_vote: true,
        term: Term(2),
        candidate: NODE,
        candidate_last: (LogIndex(1), Term(1)),
        own_last: (LogIndex(1), Term(1)),
        refusal: Some(Refusal::AlreadyVotedFor(NODE)),
    };
    let mut bodies = vec![
        Body::Began(began),
        Body::Started { incarnation: Incarnation(1), mono: Mono(BIG), rate_ppm: 1_000_000 },
        Body::ClockChanged { mono: Mono(BIG), rate_ppm: 900_000 },
        Body::Delivered { message: id(1) },
        Body::DeadlineReached,
        Body::Written { ticket: ticket() },
        Body::Proposed { client, number },
        Body::AppliedThrough { through: LogIndex(1), state: Digest(BIG) },
        Body::WriteBegan(write),
        Body::Noted(decided),
        Body::Status(status()),
        Body::Broke { fact: "a fact".into() },
        Body::NodeState(Box::new(state)),
        Body::Departed { message: id(1), arrives: Some(Time(BIG)), duplicate: true },
        Body::Dropped { message: id(1), reason: DropReason::SenderCrashed },
        Body::Held { message: id(1) },
        Body::Asked { client, number, to: NODE, operation: "set x = 1".into(), attempt: 2 },
        Body::Told { client, number, verdict: Verdict::Unknown, result: String::new() },
        Body::Heard { client, number, by: NODE, result: "done".into(), equal: 1, needed: 2 },
        Body::Crashed { survived: Some(ticket()) },
        Body::Paused,
        Body::Resumed,
        Body::LinksCut { cut: vec![(Endpoint::Node(NODE), Endpoint::Client(client))] },
        Body::ConditionChanged { text: "slow disk".into() },
        Body::Decided { index: LogIndex(1), term: Term(1) },
        Body::Violated { property: "p".into(), detail: "d".into() },
        Body::Gap { missing: None },
        Body::Ended,
        Body::SnapshotTaken { index: LogIndex(7), bytes: BIG },
        Body::SnapshotAsked,
        Body::Lies { tricks: vec!["twins".into()], against: vec![Endpoint::Node(NODE)] },
    ];
    for message in messages() {
        bodies.push(Body::Sent { to: NODE, message: AnyMessage::Raft(message), after: Some(ticket()) });
    }
    for outcome in [
        Outcome::Applied { index: LogIndex(1), result: Bytes::from_static(b"\xff") },
        Outcome::NotLeader { leader: None },
        Outcome::Overloaded,
        Outcome::Unknown,
        Outcome::TooLarge { bytes: BIG, limit: 7 },
        Outcome::Read { index: LogIndex(1), how: ReadHow::Stale, result: Bytes::from_static(b"\xff") },
    ] {
        bodies.push(Body::Answered { client, number, outcome });
    }
    bodies
}

/// A record of every kind.
pub(in crate::trace) fn records() -> Vec<Record> {
    let record = |(sequence, body)| Record {
        id: id(sequence),
        cause: (sequence > 1).then(|| id(sequence - 1)),
        at: Time(sequence),
        node: Some(NODE),
        mono: Mono(BIG),
        body,
    };
    (1..).zip(bodies()).map(record).collect()
}

fn file() -> String {
    let mut header = Header::recording("raft", "a test");
    header.scenario = Some("nodes = 5\n".into());
    header.digest = Some(Digest(0xab));
    write(header, &records())
}

fn refused(text: &str) -> String {
    read(text).expect_err("a broken file").to_string()
}

#[test]
fn every_kind_of_record_comes_back_as_it_was() {
    let (summary, back) = read(&file()).expect("a whole file");
    assert_eq!(back, records());
    assert!(summary.sealed);
    assert_eq!(summary.records, records().len() as u64);
    assert_eq!(summary.header.digest, Some(Digest(0xab)));
    assert!(summary.header.line().contains("\"digest\":\"00000000000000ab\""));
}

#[test]
fn bytes_are_written_as_hexadecimal_text() {
    assert!(file().contains("\"payload\":\"0001feff\""));
}

#[test]
fn a_recording_without_count_is_read_and_called_unsealed() {
    let mut text = Header::recording("raft", "live").line();
    text.push('\n');
    text.push_str(&record_line(&records()[0]));
    let (summary, back) = read(&text).expect("a recording");
    assert_eq!((summary.sealed, summary.records, back.len()), (false, 1, 1));
}

#[test]
fn a_broken_line_is_named_by_its_number() {
    let text = file().replacen("DeadlineReached", "DeadlineReashed", 1);
    let message = refused(&text);
    assert!(message.starts_with("line 6: not a record: unknown variant `DeadlineReashed`"), "{message}");
    assert!(!message.contains('\n') && message.contains("(column "), "{message}");
}

#[test]
fn a_file_that_was_cut_off_says_so() {
    let text = file();
    let lines: Vec<_> = text.lines().collect();
    let message = refused(&lines[..7].join("\n"));
    let total = records().len();
    assert_eq!(
        message,
        format!("line 7: the header promises {total} records, and the file holds 6; it was cut off or changed")
    );
    let half = &text[..text.len() - 20];
    assert!(refused(half).starts_with(&format!("line {}: not a record: EOF", total + 1)));
}

#[test]
fn a_changed_value_breaks_the_digest() {
    assert!(refused(&file().replacen("slow disk", "slow dusk", 1)).contains("a line was changed"));
}

#[test]
fn what_is_no_trace_or_of_another_version_is_refused_at_line_1() {
    assert_eq!(refused(""), "line 1: the file is empty; a trace begins with a header");
    assert!(refused("hello\n").starts_with("line 1: not the header of a trace: expected value (column 1)"));
    assert!(
        refused(&file().replacen("\"quorumscope_trace\":1", "\"quorumscope_trace\":9", 1))
            .starts_with("line 1: the trace has version 9, this program reads 1 to 1")
    );
    assert!(refused(&file().replacen("00000000000000ab", "ab", 1)).contains("a digest is 16 hexadecimal digits"));
}

#[test]
fn an_empty_line_between_records_is_refused() {
    let text = file().replacen('\n', "\n\n", 1);
    assert!(refused(&text).starts_with("line 2: the line is empty"));
}

/// A file of these records, unsealed.
fn of(records: &[Record]) -> String {
    let lines = records.iter().map(record_line);
    [Header::recording("raft", "x").line()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

#[test]
fn ids_rise_times_do_not_run_backward_and_what_is_named_stands_earlier() {
    let all = records();
    let change = |position: usize, change: &dyn Fn(&mut Record)| {
        let mut records = all[..5].to_vec();
        change(&mut records[position]);
        refused(&of(&records))
    };
    assert_eq!(
        change(3, &|record| record.id = id(3)),
        "line 5: record 3 comes after record 3 of the same origin; ids must rise"
    );
    assert!(change(3, &|record| record.at = Time(1)).starts_with("line 5: record 4 is at 1 µs, before the 3 µs"));
    assert!(change(3, &|record| record.cause = Some(id(5))).starts_with("line 5: record 4 names 5 as its cause"));
    assert!(change(3, &|record| record.cause = Some(id(4))).starts_with("line 5: record 4 names 4 as its cause"));
    assert!(
        change(3, &|record| record.body = Body::Held { message: id(9) })
            .starts_with("line 5: record 4 is about message 9")
    );
}

#[test]
fn after_a_gap_a_missing_cause_is_no_error() {
    let mut records = records()[..3].to_vec();
    records[1].body = Body::Gap { missing: Some(7) };
    records[2].cause = Some(id(99));
    assert_eq!(read(&of(&records)).map(|(summary, _)| summary.gaps), Ok(1));
}

#[test]
fn garbage_never_panics_and_its_errors_are_one_short_line() {
    let text = file();
    let lines: Vec<_> = text.lines().collect();
    let mut rng = Rng::new(7, 1);
    for _ in 0..20_000 {
        let mut reader = Reader::new();
        reader.line(lines[0]).expect("the header");
        let mut bytes = lines[rng.below(lines.len() as u64) as usize].as_bytes().to_vec();
        for _ in 0..=rng.below(4) {
            let place = rng.below(bytes.len() as u64) as usize;
            match rng.below(3) {
                0 => bytes[place] = rng.below(256) as u8,
                1 => bytes.truncate(place + 1),
                _ => bytes.insert(place, b"{}[]\",:0-9e"[rng.below(11) as usize]),
            }
        }
        if let Err(error) = reader.line(&String::from_utf8_lossy(&bytes)) {
            let message = error.to_string();
            assert!(message.starts_with("line 2: ") && !message.contains('\n') && message.len() < 1_000, "{message}");
        }
    }
}

#[test]
fn deep_nesting_and_giant_names_end_in_a_short_error() {
    for line in ["[".repeat(1 << 20), format!("{{\"id\":\"{}\"}}", "x".repeat(1 << 20)), "9".repeat(1 << 20)] {
        let mut reader = Reader::new();
        reader.line(&Header::recording("raft", "x").line()).expect("the header");
        let message = reader.line(&line).expect_err("no record").to_string();
        assert!(message.len() < 1_000, "{} bytes", message.len());
        assert!(Reader::new().line(&line).expect_err("no header").to_string().len() < 1_000);
    }
}
