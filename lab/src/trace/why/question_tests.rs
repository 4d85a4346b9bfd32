//! What the answers claim.

use std::sync::Arc;

use bytes::Bytes;
use quorumscope_core::entry::{Class, Entry, EntryKind, Tags};
use quorumscope_core::event::Refusal;
use quorumscope_core::membership::Membership;
use quorumscope_core::raft::RequestVoteReply;
use quorumscope_core::record::{DropReason, Role};
use quorumscope_core::types::{ClientId, Incarnation, Mono, RequestNumber, Time, Wall};

use super::*;
use crate::trace::view::Liveness;

fn record(sequence: u64, node: u32, body: Body) -> Record {
    Record {
        id: RecordId { origin: NodeId(0), sequence },
        cause: None,
        at: Time(sequence),
        node: Some(NodeId(node)),
        mono: Mono(0),
        body,
    }
}

fn vote(candidate: u32, term: u64, pre_vote: bool, refusal: Option<Refusal>) -> Body {
    Body::Noted(Event::VoteDecided {
        pre_vote,
        term: Term(term),
        candidate: NodeId(candidate),
        candidate_last: (LogIndex(7), Term(1)),
        own_last: (LogIndex(7), Term(1)),
        refusal,
    })
}

#[test]
fn a_question_about_a_vote_is_not_answered_with_a_pre_vote_or_another_candidate() {
    let records = [
        record(1, 4, vote(1, 2, false, None)),
        record(2, 4, vote(5, 2, false, Some(Refusal::AlreadyVotedFor(NodeId(1))))),
        record(3, 4, vote(5, 3, true, None)),
    ];
    let ask = |candidate, term| {
        why_vote(records.iter().rev(), |_| None, NodeId(4), candidate, term).map(|answer| answer.record.sequence)
    };
    assert_eq!(ask(None, None), Some(2));
    assert_eq!(ask(Some(NodeId(1)), None), Some(1));
    assert_eq!(ask(Some(NodeId(5)), Some(Term(3))), None);
}

#[test]
fn a_granted_vote_says_whether_the_answer_waited_for_the_disk() {
    let caused = |sequence, body| Record {
        cause: Some(RecordId { origin: NodeId(0), sequence: 1 }),
        ..record(sequence, 4, body)
    };
    let ask = |after, upto: usize| {
        let message = Message::RequestVoteReply(RequestVoteReply { term: Term(2), vote_granted: true });
        let answer = RecordId { origin: NodeId(0), sequence: 2 };
        let records = [
            caused(2, Body::Sent { to: NodeId(1), message: message.into(), after }),
            caused(3, vote(1, 2, false, None)),
            record(4, 4, Body::Departed { message: answer, arrives: None, duplicate: false }),
        ];
        let lookup = |id| records.iter().find(|record: &&Record| record.id == id);
        let answer = why_vote(records[..upto].iter().rev(), lookup, NodeId(4), None, None).expect("n4 voted");
        assert_eq!(answer.record.sequence, 3);
        answer.explanation.sentence
    };
    let ticket = Some(Ticket { incarnation: Incarnation(1), sequence: 9 });
    assert!(ask(ticket, 2).ends_with("(7, t1). The answer waits until write 9 is on disk."));
    assert!(ask(ticket, 3).ends_with("(7, t1). The answer left after write 9 was on disk."));
    assert!(ask(None, 3).ends_with("(7, t1). The answer waited for no write."));
}

#[test]
fn a_lost_message_names_its_ends_and_the_reason() {
    let sent = record(
        1,
        1,
        Body::Answered {
            client: ClientId(2),
            number: RequestNumber(3),
            outcome: quorumscope_core::protocol::Outcome::Unknown,
        },
    );
    let records = [
        sent,
        record(2, 1, Body::Dropped { message: RecordId { origin: NodeId(0), sequence: 1 }, reason: DropReason::Cut }),
    ];
    let lookup = |id| records.iter().find(|record| record.id == id);
    let answer = why_lost(records.iter().rev(), lookup, ProtocolName::Raft, records[0].id).expect("it was lost");
    assert_eq!(answer.explanation.sentence, "“unknown” from n1 to c2 was lost: the link from n1 to c2 is cut.");
    assert_eq!(why_lost(records.iter().rev(), lookup, ProtocolName::Raft, records[1].id), None);
}

/// Five nodes; each holds entries of these terms, of which the given number is durable.
fn view(logs: [(&[u64], u64); 5]) -> View {
    let mut view = View::default();
    for (id, (terms, durable)) in (1..).zip(logs) {
        let entry = |(index, term): (u64, &u64)| {
            Arc::new(Entry {
                index: LogIndex(index),
                term: Term(*term),
                kind: EntryKind::Command,
                log_time: Wall(0),
                client: ClientId(1),
                number: RequestNumber(1),
                class: Class::Critical,
                tags: Tags::new(),
                payload: Bytes::new(),
            })
        };
        let node = NodeView {
            liveness: Liveness::Up,
            log: (1..).zip(terms).map(entry).collect(),
            durable: LogIndex(durable),
            ..NodeView::default()
        };
        view.nodes.insert(NodeId(id), node);
    }
    view
}

fn sentence(view: &View, node: u32, index: u64) -> String {
    why_committed(view, NodeId(node), LogIndex(index)).expect("the node is there").sentence
}

#[test]
fn too_few_copies_are_counted_and_the_missing_ones_named() {
    let view = view([(&[1, 1], 2), (&[1, 1], 2), (&[1, 1], 1), (&[1], 1), (&[1, 2], 2)]);
    assert_eq!(
        sentence(&view, 1, 2),
        "Entry (2, t1) is not committed: 2 of the 3 needed hold it on disk (n1, n2). In memory only: n3. Without it: n4, n5."
    );
}

/// Makes `members` act at everybody, by an entry on all disks before all others.
fn acts(view: &mut View, members: &Membership) {
    for node in (1..6).map(NodeId) {
        let node = view.nodes.get_mut(&node).expect("one of five");
        let first = node.log.first().expect("an entry");
        let configuration = Entry { kind: EntryKind::Configuration, payload: members.encode(), ..(**first).clone() };
        node.log[0] = Arc::new(configuration);
    }
}

#[test]
fn only_copies_of_voters_count_and_others_are_named_apart() {
    let mut view = view([(&[1, 1], 2), (&[1], 1), (&[1], 1), (&[1, 1], 2), (&[1, 1], 2)]);
    let voters = vec![NodeId(1), NodeId(2), NodeId(3)];
    acts(
        &mut view,
        &Membership { voters, learners: vec![NodeId(4)], observers: vec![NodeId(5)], ..Membership::default() },
    );
    let why = why_committed(&view, NodeId(1), LogIndex(2)).expect("n1");
    assert_eq!(
        why.sentence,
        "Entry (2, t1) is not committed: 1 of the 2 needed hold it on disk (n1). Without it: n2, n3. Copies without a vote, which do not count: n4, n5."
    );
    assert_eq!(why.values, [("on disk", "1 of 3".into()), ("needed", "2".into())]);
}

#[test]
fn whoever_is_no_member_is_not_missed() {
    let mut view = view([(&[1, 1], 2), (&[1], 1), (&[1], 1), (&[1], 1), (&[1, 1], 2)]);
    acts(&mut view, &Membership::of(vec![NodeId(1), NodeId(2), NodeId(3)]));
    assert_eq!(
        sentence(&view, 1, 2),
        "Entry (2, t1) is not committed: 1 of the 2 needed hold it on disk (n1). Without it: n2, n3."
    );
}

#[test]
fn while_joint_each_half_is_counted_by_itself() {
    let mut view = view([(&[1, 1], 2), (&[1], 1), (&[1], 1), (&[1, 1], 2), (&[1, 1], 2)]);
    let voters = vec![NodeId(1), NodeId(4), NodeId(5)];
    let outgoing = vec![NodeId(1), NodeId(2), NodeId(3)];
    acts(&mut view, &Membership { voters, outgoing, ..Membership::default() });
    let why = why_committed(&view, NodeId(1), LogIndex(2)).expect("n1");
    assert_eq!(
        why.sentence,
        "Entry (2, t1) is not committed: two halves decide together, and 3 of the 2 needed of the incoming one and 1 of the 2 needed of the outgoing one hold it on disk (n1, n4, n5). Without it: n2, n3."
    );
    assert_eq!(why.values, [("on disk", "3 of 3 and 1 of 3".into()), ("needed", "2 and 2".into())]);
    assert_eq!(why.rules, ["raft.joint-consensus"]);
}

#[test]
fn an_older_terms_entry_on_a_majority_is_figure_8() {
    let mut view = view([(&[1, 2], 2), (&[1, 2], 2), (&[1, 2], 2), (&[1], 1), (&[1, 3], 2)]);
    let leader = view.nodes.get_mut(&NodeId(1)).expect("n1");
    leader.status.role = Role::Leader;
    leader.status.term = Term(4);
    let why = why_committed(&view, NodeId(2), LogIndex(2)).expect("n2");
    assert_eq!(
        why.sentence,
        "Entry (2, t2) is not committed although 3 hold it on disk (n1, n2, n3): it is of an older term than n1's, who leads term 4."
    );
    assert_eq!(why.rules, ["raft.commit-own-term-only"]);
}

#[test]
fn what_is_committed_and_what_a_node_knows_of_it_are_told_apart() {
    let mut view = view([(&[1], 1), (&[1], 1), (&[1], 1), (&[2], 1), (&[], 0)]);
    view.decided.insert(LogIndex(1), Term(1));
    assert!(sentence(&view, 1, 1).contains("has not learned it"));
    view.nodes.get_mut(&NodeId(1)).expect("n1").status.commit = LogIndex(1);
    assert!(sentence(&view, 1, 1).contains("knows it"));
    assert!(sentence(&view, 4, 1).contains("cannot be committed any more"));
    assert_eq!(sentence(&view, 5, 1), "n5 holds no entry at index 1: its log ends at 0.");
    assert_eq!(why_committed(&view, NodeId(9), LogIndex(1)), None);
}

#[test]
fn entries_of_a_replica_are_committed_by_certificates() {
    let text = include_str!("../../../../tests/scenarios/pbft-silent-primary.toml");
    let scenario = crate::scenario::Scenario::from_toml(text).expect("a scenario");
    let mut run = crate::scenario::Run::new(&scenario).expect("it can run");
    run.run_to_end();
    let view = run.simulation().view();
    let committed = why_committed(&view, NodeId(2), LogIndex(1)).expect("n2 is known");
    assert!(committed.sentence.starts_with("Entry 1 (view 0) is committed"), "{}", committed.sentence);
    assert!(committed.principle.contains("by certificates"));
    assert!(!committed.paper.contains("Raft"));
}
