//! Sentences of the Raft paper about single messages: terms (§5.1), timers (§5.2), repetition (§5.5), Figures 2 and 13.

use std::sync::Arc;

use super::super::testing::entry;
use super::cluster::Cluster;
use crate::protocol::Protocol as _;
use crate::raft::{
    AppendEntries, AppendEntriesReply, AppendOutcome, InstallOutcome, InstallSnapshotReply, Message, RequestVote,
    RequestVoteReply,
};
use crate::record::Role;
use crate::types::{LogIndex, Span, Term};

fn append(term: u64, prev: (u64, u64), entries: &[(u64, u64)]) -> Message {
    Message::AppendEntries(AppendEntries {
        term: Term(term),
        prev_log_index: LogIndex(prev.0),
        prev_log_term: Term(prev.1),
        entries: entries.iter().map(|(index, term)| Arc::new(entry(*index, *term))).collect(),
        leader_commit: LogIndex(0),
        round: 0,
    })
}

fn request(term: u64, last: (u64, u64)) -> Message {
    let (last_log_index, last_log_term) = (LogIndex(last.0), Term(last.1));
    Message::RequestVote(RequestVote { term: Term(term), last_log_index, last_log_term, transfer: false })
}

/// The answer that a node gave last, and nothing else is on its way.
fn answer(cluster: &mut Cluster) -> Message {
    let answer = cluster.network.pop_back().expect("an answer").message;
    assert!(cluster.network.is_empty(), "one answer");
    answer
}

/// §5.1, and Figure 2, AppendEntries, step 1: "Reply false if term < currentTerm".
#[test]
fn an_append_of_an_older_term_is_refused_with_the_newer_one_and_changes_nothing() {
    let mut cluster = Cluster::with_logs(5, &[&[], &[1]], |_| {});
    let before = cluster.node(2).raft.status();
    cluster.hand(1, 2, append(4, (0, 0), &[(1, 4)]));
    let outcome = AppendOutcome::StaleTerm;
    let refused = AppendEntriesReply { term: Term(5), outcome, round: 0 };
    assert_eq!(answer(&mut cluster), Message::AppendEntriesReply(refused));
    assert_eq!((cluster.terms(2), cluster.node(2).raft.status()), (vec![1], before), "its timer runs on as well");
}

/// Figure 13, step 1: "Reply immediately if term < currentTerm".
#[test]
fn a_snapshot_of_an_older_term_is_refused_with_the_newer_one_and_changes_nothing() {
    let mut cluster = Cluster::with_logs(5, &[&[], &[1]], |_| {});
    let before = cluster.node(2).raft.status();
    cluster.hand(1, 2, super::snapshot::install(4, (3, 4), b"state"));
    let (index, outcome) = (LogIndex(3), InstallOutcome::StaleTerm);
    let refused = InstallSnapshotReply { term: Term(5), index, outcome, round: 0 };
    assert_eq!(answer(&mut cluster), Message::InstallSnapshotReply(refused));
    assert_eq!((cluster.extent(2), cluster.node(2).raft.status()), ((0, 1), before), "its timer runs on as well");
}

/// §5.2: "a server remains in follower state as long as it receives valid RPCs from a leader or candidate"; Figure 2,
/// "Followers": a timeout comes "without receiving AppendEntries RPC from current leader or granting vote".
#[test]
fn hearing_the_leader_and_granting_a_vote_restart_the_election_timer_and_refusing_one_does_not() {
    let late = |message: Message| {
        let mut cluster = Cluster::with_logs(1, &[&[1], &[1], &[1]], |config| config.check_quorum = false);
        let before = cluster.node(2).raft.next_deadline().expect("a timer runs");
        // Longer than the range of timeouts is wide, so that a timer that is set anew ends later, whatever is drawn.
        cluster.advance(Span::from_millis(151));
        cluster.hand(1, 2, message);
        cluster.node(2).raft.next_deadline().expect("a timer runs") > before
    };
    assert!(late(append(1, (1, 1), &[])), "a heartbeat");
    assert!(late(super::snapshot::install(1, (3, 1), b"state")), "a snapshot");
    assert!(late(request(2, (1, 1))), "a vote that is granted");
    assert!(!late(request(2, (0, 0))), "a vote that is refused");
}

/// §5.1: "if a candidate or leader discovers that its term is out of date, it immediately reverts to follower state".
#[test]
fn a_candidate_that_sees_a_higher_term_reverts_to_a_follower_without_a_vote() {
    let vote = Message::RequestVoteReply(RequestVoteReply { term: Term(9), vote_granted: false });
    let refusal = AppendEntriesReply { term: Term(9), outcome: AppendOutcome::StaleTerm, round: 0 };
    for message in [vote, Message::AppendEntriesReply(refusal), request(9, (0, 0)), append(9, (0, 0), &[])] {
        let mut cluster = Cluster::with_logs(1, &[&[1], &[1], &[1]], |config| config.pre_vote = false);
        cluster.time_out(1);
        assert_eq!((cluster.role(1), cluster.term(1)), (Role::Candidate, 2));
        cluster.hand(3, 1, message);
        assert_eq!((cluster.role(1), cluster.term(1)), (Role::Follower, 9));
        assert_eq!(cluster.node(1).raft.status().voted_for, None);
        // Votes for the term that it left make it no leader any more.
        cluster.hand(2, 1, Message::RequestVoteReply(RequestVoteReply { term: Term(2), vote_granted: true }));
        assert_eq!(cluster.role(1), Role::Follower);
    }
}

/// §5.2: where the leader's term is "smaller than the candidate's current term, then the candidate rejects the RPC and
/// continues in candidate state".
#[test]
fn a_candidate_refuses_a_leader_of_an_older_term_and_goes_on() {
    let mut cluster = Cluster::with_logs(1, &[&[1], &[1], &[1]], |config| config.pre_vote = false);
    cluster.time_out(1);
    cluster.network.clear();
    cluster.hand(3, 1, append(1, (1, 1), &[]));
    assert_eq!(answer(&mut cluster).term(), Term(2));
    cluster.hand(2, 1, Message::RequestVoteReply(RequestVoteReply { term: Term(2), vote_granted: true }));
    assert_eq!(cluster.role(1), Role::Leader);
}

/// §5.5: "Raft RPCs are idempotent, so this causes no harm".
#[test]
fn the_same_append_twice_is_answered_alike_and_appends_once() {
    let mut cluster = Cluster::with_logs(1, &[&[], &[1]], |_| {});
    let twice = append(1, (1, 1), &[(2, 1), (3, 1)]);
    cluster.hand(1, 2, twice.clone());
    let (first, image) = (answer(&mut cluster), cluster.node(2).image.clone());
    cluster.hand(1, 2, twice);
    assert_eq!((answer(&mut cluster), &cluster.node(2).image), (first, &image));
    assert_eq!(cluster.terms(2), [1, 1, 1]);
}

/// §5.5, for votes: the candidate has the vote already, and is told so again, also by a voter that restarted.
#[test]
fn the_same_request_for_a_vote_twice_is_granted_twice_and_is_one_vote() {
    let mut cluster = Cluster::with_logs(1, &[&[1], &[1], &[1]], |_| {});
    cluster.hand(1, 2, request(2, (1, 1)));
    let (first, image) = (answer(&mut cluster), cluster.node(2).image.clone());
    assert!(matches!(&first, Message::RequestVoteReply(reply) if reply.vote_granted));
    cluster.hand(1, 2, request(2, (1, 1)));
    assert_eq!((answer(&mut cluster), &cluster.node(2).image), (first.clone(), &image));
    cluster.hand(3, 2, request(2, (1, 1)));
    assert!(matches!(answer(&mut cluster), Message::RequestVoteReply(reply) if !reply.vote_granted));
}
