//! What the sentences for events claim, and what they must not claim.

use super::*;
use quorumscope_core::event::{Limit, SnapshotReason, TransferRefusal};
use quorumscope_core::membership::Nonsense;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::types::Span;

const NODE: NodeId = NodeId(4);

fn vote(refusal: Option<Refusal>, candidate_last: (u64, u64), own_last: (u64, u64)) -> Event {
    let last = |(index, term)| (LogIndex(index), Term(term));
    Event::VoteDecided {
        pre_vote: false,
        term: Term(2),
        candidate: NodeId(1),
        candidate_last: last(candidate_last),
        own_last: last(own_last),
        refusal,
    }
}

fn observed(observer: NodeId) -> Membership {
    Membership { observers: vec![observer], ..Membership::of(vec![NodeId(1), NodeId(2)]) }
}

fn one_of_each() -> Vec<Event> {
    let mut events = vec![
        Event::Recovered { term: Term(1), voted_for: None, last_index: LogIndex(0) },
        Event::TermAdopted { from: Term(1), to: Term(2), seen_from: None },
        Event::TermAdopted { from: Term(1), to: Term(2), seen_from: Some(NodeId(1)) },
        Event::BecamePreCandidate { prospective: Term(2) },
        Event::BecameCandidate { term: Term(2) },
        Event::BecameLeader { term: Term(2), votes: vec![NodeId(1), NodeId(4)] },
        Event::EntriesAppended { first: LogIndex(3), last: LogIndex(4), term: Term(2) },
        Event::AppendAccepted { leader: NodeId(1), matched: LogIndex(4), new: 2 },
        Event::AppendAccepted { leader: NodeId(1), matched: LogIndex(4), new: 0 },
        Event::LogTruncated { from: LogIndex(5), through: LogIndex(6), leader: NodeId(1) },
        Event::AppendRefused { leader: NodeId(1), expected: (LogIndex(5), Term(1)), found: None },
        Event::AppendRefused { leader: NodeId(1), expected: (LogIndex(5), Term(1)), found: Some(Term(2)) },
        Event::NextIndexMoved { follower: NodeId(1), from: LogIndex(6), to: LogIndex(3) },
        Event::CommitAdvanced { from: LogIndex(1), to: LogIndex(2), reason: CommitReason::QuorumHolds },
        Event::CommitAdvanced { from: LogIndex(1), to: LogIndex(2), reason: CommitReason::LeaderSaid(NodeId(1)) },
        Event::CommitHeld { quorum_index: LogIndex(2), entry_term: Term(2), current_term: Term(4) },
        Event::ProposalRefused { leader: None, overloaded: false, limit: None },
        Event::ProposalRefused { leader: Some(NodeId(1)), overloaded: false, limit: None },
        Event::ProposalRefused { leader: Some(NodeId(1)), overloaded: true, limit: None },
        Event::ProposalRefused { leader: Some(NodeId(1)), overloaded: true, limit: Some(Limit::Entries(9)) },
        Event::ProposalTooLarge { bytes: 8, limit: 7 },
        Event::WindowFull { follower: NodeId(1), limit: Limit::Bytes(9) },
        Event::LeadershipPreferred { to: NodeId(1), zone: 0, own: None, calm: Span(1_200_000) },
        Event::LeadershipPreferred { to: NodeId(1), zone: 0, own: Some(1), calm: Span(1_200_000) },
        Event::AnsweredEarly { index: LogIndex(3), term: Term(2), commit: LogIndex(1) },
        vote(None, (7, 1), (7, 1)),
        Event::QuorumUnheard { heard: vec![NODE], within: Span(300_000) },
        Event::ReadsForwarded { leader: NodeId(1), reads: 2 },
        Event::ReadsHeld { reads: 1, term: Term(2) },
        Event::ReadRoundBegan { round: 3, reads: 2, index: LogIndex(4) },
        Event::ReadRoundConfirmed { round: 3, reads: 2, index: LogIndex(4) },
        Event::ReadByLease { index: LogIndex(4), left: Span(20_000) },
        Event::ReadsRefused { reads: 1, leader: None },
        Event::ReadsRefused { reads: 1, leader: Some(NodeId(1)) },
        Event::TransferBegan { to: NodeId(1), lacks: 2, within: Span(300_000) },
        Event::TimeoutNowSent { to: NodeId(1) },
        Event::TimeoutNowTaken { from: NodeId(1) },
        Event::TransferAborted { to: NodeId(1) },
        Event::ProposalRefusedInTransfer { to: NodeId(1) },
    ];
    for how in [ReadHow::Index, ReadHow::Lease, ReadHow::Stale] {
        events.push(Event::ReadServed { index: LogIndex(4), how });
    }
    for reason in [
        TransferRefusal::NotLeader,
        TransferRefusal::LeadsAlready,
        TransferRefusal::NotAVoter,
        TransferRefusal::UnderWay(NodeId(2)),
    ] {
        events.push(Event::TransferRefused { to: NodeId(1), reason });
    }
    for reason in [
        TimerReason::Started,
        TimerReason::HeardLeader,
        TimerReason::GrantedVote,
        TimerReason::ElectionBegan,
        TimerReason::SteppedDown,
    ] {
        events.push(Event::ElectionTimerSet { timeout: Span(212_000), reason });
    }
    for reason in [
        FollowerReason::HigherTerm,
        FollowerReason::LeaderOfThisTerm,
        FollowerReason::PreVoteLost,
        FollowerReason::QuorumLost,
    ] {
        for leader in [None, Some(NodeId(1))] {
            events.push(Event::BecameFollower { term: Term(2), leader, reason });
        }
    }
    for refusal in [
        Refusal::StaleTerm,
        Refusal::AlreadyVotedFor(NodeId(5)),
        Refusal::LogBehind,
        Refusal::LeaderAlive(NodeId(3)),
        Refusal::StoreLost,
        Refusal::JustRestarted,
    ] {
        events.push(vote(Some(refusal), (5, 1), (7, 1)));
    }
    for reason in [
        IgnoreReason::StaleTerm,
        IgnoreReason::WrongRole,
        IgnoreReason::Outdated,
        IgnoreReason::NotAMember,
        IgnoreReason::Malformed,
        IgnoreReason::TooLarge,
        IgnoreReason::PartialStore,
    ] {
        events.push(Event::MessageIgnored { from: NodeId(1), reason });
    }
    for (pre_vote, granted) in [(false, true), (false, false), (true, true), (true, false)] {
        events.push(Event::VoteCounted {
            pre_vote,
            term: Term(2),
            voter: NodeId(1),
            granted,
            granted_total: 2,
            needed: 3,
        });
    }
    let (index, base) = (LogIndex(9), LogIndex(4));
    for reason in [
        SnapshotReason::Entries(5),
        SnapshotReason::Bytes(5),
        SnapshotReason::Interval(Span(5)),
        SnapshotReason::ByHand,
    ] {
        events.push(Event::SnapshotStarted { index, previous: base, reason });
    }
    for dropped in [0, 1, 2] {
        events.push(Event::LogCompacted { snapshot: index, bytes: 80, base, dropped });
    }
    for commit in [base, index] {
        events.push(Event::SnapshotNotNeeded { leader: NodeId(1), index, commit });
    }
    let (leader, follower, next) = (NodeId(1), NodeId(2), LogIndex(3));
    events.extend([
        Event::FeederChosen { node: follower, feeder: Some(NodeId(3)) },
        Event::FeederChosen { node: follower, feeder: None },
        Event::ProjectionSent { edge: follower, index, bytes: 80 },
        Event::SnapshotTransferStarted { follower, next, base, index, bytes: 80 },
        Event::SnapshotTransferResumed { follower, index, offset: 40 },
        Event::SnapshotTransferEnded { follower, index },
        Event::SnapshotPartsDropped { leader, index: base, received: 40, by: Some(index) },
        Event::SnapshotPartsDropped { leader, index: base, received: 40, by: None },
        Event::SnapshotAccepted { leader, last: (index, Term(2)), bytes: 80, superseded: base },
        Event::SnapshotRestored { index },
        Event::MembershipActs { index, members: observed(NodeId(3)) },
        Event::MembershipActs { index: LogIndex::ZERO, members: observed(NodeId(3)) },
        Event::MembershipActs { index, members: observed(NODE) },
        Event::ChangeRefused { reason: ChangeRefusal::Nonsense(Nonsense::IsObserver(NODE)) },
    ]);
    events
}

#[test]
fn every_event_has_a_whole_sentence_that_starts_with_a_node_and_no_open_place() {
    for event in one_of_each() {
        let sentence = explain(NODE, &event).sentence;
        assert!(sentence.starts_with('n') && sentence.ends_with('.'), "{sentence}");
        assert!(!sentence.contains(['{', '}']), "{sentence}");
        assert!(!sentence.contains("nobody"), "{sentence}");
    }
}

#[test]
fn every_rule_named_by_a_sentence_is_a_switch() {
    for event in one_of_each() {
        for rule in explain(NODE, &event).rules {
            assert!(Rule::named(rule).is_some(), "{rule}");
        }
    }
}

#[test]
fn a_granted_vote_compares_the_last_entries() {
    let why = explain(NODE, &vote(None, (7, 1), (7, 1)));
    assert_eq!(
        why.sentence,
        "n4 voted for n1 in term 2: n1's log is at least as up to date as its own, last entry (7, t1) against (7, t1)."
    );
    assert_eq!(why.paper, "Raft §5.2, §5.4.1");
    assert_eq!(why.rules, ["raft.one-vote-per-term", "raft.up-to-date-check"]);
}

#[test]
fn a_vote_for_a_log_that_lags_is_not_called_up_to_date() {
    let why = explain(NODE, &vote(None, (9, 1), (2, 2)));
    assert!(why.sentence.contains("although n1's log is less up to date"), "{}", why.sentence);
}

#[test]
fn a_pre_vote_is_never_called_a_vote() {
    let Event::VoteDecided { term, candidate, candidate_last, own_last, .. } = vote(None, (7, 1), (7, 1)) else {
        unreachable!("vote makes a vote")
    };
    for refusal in [None, Some(Refusal::LeaderAlive(NodeId(3)))] {
        let event = Event::VoteDecided { pre_vote: true, term, candidate, candidate_last, own_last, refusal };
        let why = explain(NODE, &event);
        assert!(why.sentence.starts_with("n4 would "), "{}", why.sentence);
        assert_eq!(why.paper, "thesis §9.6");
    }
}

#[test]
fn a_held_commit_names_both_terms_and_figure_8() {
    let why =
        explain(NODE, &Event::CommitHeld { quorum_index: LogIndex(2), entry_term: Term(2), current_term: Term(4) });
    assert_eq!(
        why.sentence,
        "n4 does not commit up to index 2 although a quorum holds it: the entry is of term 2, and n4 leads term 4."
    );
    assert_eq!((why.paper, why.rules), ("Raft §5.4.2, Figure 8", vec!["raft.commit-own-term-only"]));
}

#[test]
fn an_observer_is_told_that_it_proves_nothing_and_everybody_else_why_halves_agree() {
    let why = |observer| explain(NODE, &Event::MembershipActs { index: LogIndex(9), members: observed(observer) });
    let own = why(NODE);
    assert_eq!(
        own.sentence,
        "n4 acts on the configuration at index 9, in which it observes: voters n1, n2; observers n4."
    );
    assert_eq!((own.principle, own.rules), (principle::OBSERVER, vec![Rule::VotersConfirm.name()]));
    assert_eq!(why(NodeId(3)).principle, principle::JOINT);
}
