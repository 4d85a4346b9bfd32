//! What the answers to "why is it what it is" claim.

use std::collections::BTreeMap;

use quorumscope_core::edge::Edge;
use quorumscope_core::event::FollowerReason;
use quorumscope_core::membership::Membership;
use quorumscope_core::snapshot::SnapshotMeta;
use quorumscope_core::types::{Digest, LogIndex, Mono, Term, Time, Wall};

use super::*;
use crate::scenario::{Run as ScenarioRun, Scenario};

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

/// Nodes that run, of which the first votes.
fn view(nodes: u32, voters: &[u32]) -> View {
    let up = || NodeView { liveness: Liveness::Up, ..NodeView::default() };
    View {
        nodes: (1..=nodes).map(|node| (NodeId(node), up())).collect(),
        voters: voters.iter().copied().map(NodeId).collect(),
        ..View::default()
    }
}

fn answered(records: &[Record], view: &View, node: u32) -> Option<(u64, String)> {
    let answer = why_role(records.iter().rev(), |_| None, view, NodeId(node))?;
    Some((answer.record.sequence, answer.explanation.sentence))
}

fn asked(records: &[Record], view: &View, node: u32) -> Option<u64> {
    answered(records, view, node).map(|(sequence, _)| sequence)
}

#[test]
fn the_latest_change_of_role_answers_and_a_crash_ends_it() {
    let leader = Body::Noted(Event::BecameLeader { term: Term(1), votes: vec![NodeId(1), NodeId(2)] });
    let reason = FollowerReason::HigherTerm;
    let follower = Body::Noted(Event::BecameFollower { term: Term(2), leader: None, reason });
    let records = [record(1, 1, leader), record(2, 1, follower), record(3, 2, Body::Crashed { survived: None })];
    let mut view = view(3, &[1, 2, 3]);
    assert_eq!(asked(&records[..1], &view, 1), Some(1));
    assert_eq!(asked(&records, &view, 1), Some(2));
    view.nodes.get_mut(&NodeId(2)).expect("n2").liveness = Liveness::Crashed;
    assert_eq!(answered(&records, &view, 2), Some((3, "n2 crashed.".into())));
    assert_eq!(asked(&records, &view, 3), None);
}

#[test]
fn a_pause_answers_until_it_is_over() {
    let leader = Body::Noted(Event::BecameLeader { term: Term(1), votes: vec![NodeId(1), NodeId(2)] });
    let records = [record(1, 1, leader), record(2, 1, Body::Paused), record(3, 1, Body::Resumed)];
    let mut view = view(2, &[1, 2]);
    assert_eq!((asked(&records[..1], &view, 1), asked(&records, &view, 1)), (Some(1), Some(1)));
    view.nodes.get_mut(&NodeId(1)).expect("n1").liveness = Liveness::Paused;
    assert_eq!(asked(&records[..2], &view, 1), Some(2));
}

fn acts(index: u64, members: &Membership) -> Body {
    Body::Noted(Event::MembershipActs { index: LogIndex(index), members: members.clone() })
}

/// A view in which this configuration acts at the first node, which leads.
fn view_with(nodes: u32, members: &Membership) -> View {
    let mut view = view(nodes, &[1, 2]);
    let leader = view.nodes.get_mut(&NodeId(1)).expect("n1");
    leader.status.role = Role::Leader;
    leader.snapshot = Some(SnapshotMeta {
        index: LogIndex(0),
        term: Term(0),
        log_time: Wall(0),
        membership: members.clone(),
        digest: Digest(0),
        subscription: None,
    });
    view
}

#[test]
fn whoever_has_no_vote_is_what_the_first_such_configuration_made_of_it() {
    let spare = Membership { voters: vec![NodeId(1), NodeId(2)], ..Membership::default() };
    let edge = Membership { edges: vec![Edge::new(NodeId(4), [7])], ..spare.clone() };
    let wider = Membership { observers: vec![NodeId(3)], ..edge.clone() };
    let reason = FollowerReason::LeaderOfThisTerm;
    let follows = Body::Noted(Event::BecameFollower { term: Term(2), leader: Some(NodeId(1)), reason });
    let bodies = [acts(0, &spare), follows.clone(), acts(5, &edge), follows.clone(), acts(8, &wider), follows];
    let mut records: Vec<Record> = (1..).zip(bodies).map(|(sequence, body)| record(sequence, 4, body)).collect();
    let (made_so, sentence) = answered(&records, &view_with(4, &wider), 4).expect("it is told");
    assert_eq!(made_so, 3);
    assert!(sentence.starts_with("n4 acts on the configuration at index 5, in which it holds a part of the state: "));
    let (made_so, sentence) = answered(&records[..2], &view_with(4, &spare), 4).expect("it is told");
    assert_eq!(made_so, 1);
    assert!(sentence.starts_with("n4 acts on the configuration that it started with, in which it is no member: "));
    let voter = Membership { voters: vec![NodeId(1), NodeId(4)], ..Membership::default() };
    assert_eq!(asked(&records, &view_with(4, &voter), 4), Some(6), "with a vote, what it noted itself tells");
    records.push(record(7, 4, Body::Crashed { survived: None }));
    let mut view = view_with(4, &wider);
    view.nodes.get_mut(&NodeId(4)).expect("n4").liveness = Liveness::Crashed;
    assert_eq!(asked(&records, &view, 4), Some(7));
}

/// A removed node gets no more entries, not even the one that removes it.
#[test]
fn whoever_was_removed_and_never_heard_of_it_is_no_member_by_what_others_act_on() {
    let before = Membership { voters: vec![NodeId(1), NodeId(2), NodeId(3)], ..Membership::default() };
    let after = Membership { voters: vec![NodeId(1), NodeId(2)], ..Membership::default() };
    let reason = FollowerReason::LeaderOfThisTerm;
    let follows = Body::Noted(Event::BecameFollower { term: Term(2), leader: Some(NodeId(1)), reason });
    let acts_again = acts(0, &before);
    let bodies = [(3, acts(0, &before)), (1, acts(4, &after)), (2, acts(4, &after)), (3, follows), (3, acts_again)];
    let records: Vec<Record> = (1..).zip(bodies).map(|(sequence, (node, body))| record(sequence, node, body)).collect();
    assert_eq!(asked(&records[..4], &view_with(3, &after), 3), Some(2));
    assert_eq!(asked(&records, &view_with(3, &after), 3), Some(2), "also where it has started again since");
}

/// The records of a scenario up to an instant, and what is seen then.
fn until(text: &str, millis: u64) -> (Vec<Record>, View) {
    let mut run = ScenarioRun::new(&Scenario::from_toml(text).expect("a scenario")).expect("it can run");
    run.run_until(Time(millis * 1_000));
    let records = run.take_records();
    let mut view = View::default();
    records.iter().for_each(|record| view.fold(record));
    (records, view)
}

fn told(records: &[Record], view: &View, node: u32) -> Answer {
    let lookup = |id| records.iter().find(|record| record.id == id);
    why_role(records.iter().rev(), lookup, view, NodeId(node)).expect("it is told")
}

const PBFT: &str = include_str!("../../../../tests/scenarios/pbft-members.toml");
const HOTSTUFF: &str = include_str!("../../../../tests/scenarios/hotstuff-members.toml");
const HYBRID: &str = include_str!("../../../../tests/scenarios/hybrid-members.toml");

/// PBFT §4.4: the second is primary since the others have left the first one's view, and not since it started.
#[test]
fn a_primary_leads_because_of_its_view() {
    let (records, view) = until(include_str!("../../../../tests/scenarios/pbft-silent-primary.toml"), 10_000);
    let sentence = told(&records, &view, 2).explanation.sentence;
    assert!(sentence.contains("view 1, whose primary is n2"), "{sentence}");
}

/// The scenario without the crash of the voter that is replaced, so that it hears of it.
fn taken(text: &str, node: u32, millis: u64) -> Explanation {
    let text = text.replace("crash = \"n4\"", "heal = true");
    let (records, view) = until(&text, millis);
    assert_eq!(view.epoch, 1);
    told(&records, &view, node).explanation
}

#[test]
fn whose_vote_was_taken_has_none_because_of_the_change_of_voters() {
    for text in [PBFT, HOTSTUFF] {
        let why = taken(text, 4, 4_500);
        assert!(why.sentence.starts_with("n4 has no vote in epoch 1, which begins behind "), "{}", why.sentence);
        assert_eq!(why.rules, ["epoch.link-of-quorum"]);
    }
    let (records, view) = until(HYBRID, 19_000);
    assert_eq!(view.epoch, 1);
    let why = told(&records, &view, 1).explanation;
    assert!(why.sentence.contains("epoch 1"), "{}", why.sentence);
    assert!(why.sentence.contains("n2, n3, n4, n5 vote"), "{}", why.sentence);
}

#[test]
fn whoever_got_a_vote_has_its_role_since_its_epoch_began_and_not_since_it_started() {
    let (records, view) = until(PBFT, 4_000);
    let sentence = told(&records, &view, 5).explanation.sentence;
    assert!(sentence.contains("begins epoch 1"), "{sentence}");
}

#[test]
fn whoever_stands_by_does_so_since_the_run_began() {
    for text in [PBFT, HOTSTUFF, HYBRID] {
        let (records, view) = until(text, 900);
        let answer = told(&records, &view, 5);
        assert_eq!(answer.explanation.sentence, "n5 stands by: the run began with the votes of n1, n2, n3, n4.");
        assert_eq!(answer.record, records[0].id);
    }
}

#[test]
fn while_the_two_rounds_are_stopped_a_replica_is_one_because_of_what_stopped_it() {
    let mut seen = 0;
    for millis in (1_500..4_000).step_by(25) {
        let (records, view) = until(HYBRID, millis);
        for node in 2..=4 {
            let shown = &view.nodes[&NodeId(node)];
            if matches!(phase(shown), Some(Phase::Stopped | Phase::Opened)) {
                let why = told(&records, &view, node).explanation;
                assert!(why.sentence.contains("ends its part in the two rounds"), "{millis} ms: {}", why.sentence);
                assert_eq!(why.paper, "Hybrid, 4; Abstract §4");
                seen += 1;
            }
        }
        if seen > 0 && view.nodes.values().any(|node| phase(node) == Some(Phase::Bft)) {
            break;
        }
    }
    assert!(seen > 0, "nobody was seen between the two rounds and PBFT");
}

#[test]
fn in_pbft_after_a_switch_and_in_two_rounds_after_a_return_the_role_is_of_that_instance() {
    let (records, view) = until(HYBRID, 4_000);
    let sentence = told(&records, &view, 3).explanation.sentence;
    assert!(["goes on with PBFT", "view "].iter().any(|part| sentence.contains(part)), "{sentence}");
    assert!(!sentence.contains("what its store holds"), "{sentence}");
}

/// Each protocol keeps other promises through a crash.
#[test]
fn what_survives_a_restart_is_told_in_the_words_of_the_protocol() {
    use crate::scenario::ProtocolName;
    let started = Body::Started { incarnation: quorumscope_core::types::Incarnation(2), mono: Mono(0), rate_ppm: 0 };
    let record = record(1, 1, started);
    let of = |protocol| {
        let why = explain(&record, protocol, |_| None);
        assert_eq!(why.sentence, "n1 started; this is start 2 from its store.");
        assert!(why.rules.iter().all(|rule| rule.starts_with(protocol.name())) && !why.rules.is_empty());
        (why.principle, why.paper)
    };
    let told = ProtocolName::ALL.map(of);
    let papers = told.map(|(_, paper)| paper);
    assert_eq!(
        papers,
        ["Raft Figure 2, persistent state", "PBFT §4.2", "HotStuff §5; DiemBFT v4, Safety", "Hybrid, 1, 2 and 4"]
    );
    for (words, (principle, _)) in
        ["Term, vote and log", "pre-prepares", "the lock", "stop statements"].iter().zip(told)
    {
        assert!(principle.contains(words), "{principle}");
    }
}

#[test]
fn a_view_is_called_a_view_and_not_a_term() {
    for text in [PBFT, HOTSTUFF] {
        let (records, view) = until(text, 6_000);
        let by_id: BTreeMap<RecordId, &Record> = records.iter().map(|record| (record.id, record)).collect();
        let lookup = |id| by_id.get(&id).copied();
        for record in &records {
            let line = crate::trace::narrate::line(record, lookup).map(|line| line.text).unwrap_or_default();
            for said in [explain(record, view.runs(), lookup).sentence, line] {
                assert!(!said.contains(" term "), "{said}");
            }
        }
    }
}

/// Disks, the network, clients and commits rest on another paper where nodes may lie.
#[test]
fn no_record_of_a_run_in_which_nodes_may_lie_cites_raft() {
    for text in [PBFT, HOTSTUFF, HYBRID] {
        let (records, view) = until(text, 6_000);
        let by_id: BTreeMap<RecordId, &Record> = records.iter().map(|record| (record.id, record)).collect();
        let lookup = |id| by_id.get(&id).copied();
        for record in &records {
            let why = explain(record, view.runs(), lookup);
            assert!(!why.paper.contains("Raft"), "{}: {}", why.sentence, why.paper);
            assert!(why.rules.iter().all(|rule| !rule.starts_with("raft.")), "{}: {:?}", why.sentence, why.rules);
        }
    }
}
