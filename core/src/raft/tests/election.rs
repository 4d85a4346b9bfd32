//! Elections: Raft paper §5.1, §5.2, §5.4.1; thesis §9.6.

use super::cluster::{Cluster, n};
use crate::event::{Event, Refusal};
use crate::protocol::Protocol;
use crate::raft::{Message, RequestVote, RequestVoteReply, Rule};
use crate::record::Role;
use crate::types::{LogIndex, Span, Term};

fn request(term: u64, index: u64, last_term: u64) -> Message {
    Message::RequestVote(RequestVote {
        term: Term(term),
        last_log_index: LogIndex(index),
        last_log_term: Term(last_term),
        transfer: false,
    })
}

/// §5.2: servers begin as followers.
#[test]
fn a_node_starts_as_a_follower() {
    let cluster = Cluster::new(3);
    assert!((1..=3).all(|node| cluster.role(node) == Role::Follower && cluster.term(node) == 0));
}

/// §5.2: a follower that hears nothing for an election timeout starts an election; with a majority it leads.
#[test]
fn a_node_that_hears_nothing_is_elected_by_a_majority() {
    let mut cluster = Cluster::new(5);
    cluster.time_out(1);
    cluster.deliver_among(&[1, 2, 3]);
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 1));
}

#[test]
fn two_votes_of_five_are_not_enough() {
    let mut cluster = Cluster::with(5, |config| config.pre_vote = false);
    cluster.time_out(1);
    cluster.deliver_among(&[1, 2]);
    assert_eq!(cluster.role(1), Role::Candidate);
}

/// A vote counts once, however often its message is delivered.
#[test]
fn a_duplicated_vote_counts_once() {
    let mut cluster = Cluster::with(5, |config| config.pre_vote = false);
    cluster.time_out(1);
    let vote = Message::RequestVoteReply(RequestVoteReply { term: Term(1), vote_granted: true });
    cluster.hand(2, 1, vote.clone());
    cluster.hand(2, 1, vote);
    assert_eq!(cluster.role(1), Role::Candidate);
}

/// §5.2: each server votes for at most one candidate in a term, first come first served.
#[test]
fn the_second_candidate_of_a_term_gets_no_vote() {
    let mut cluster = Cluster::new(3);
    cluster.hand(1, 3, request(1, 0, 0));
    cluster.hand(2, 3, request(1, 0, 0));
    let refused = |event: &Event| matches!(event, Event::VoteDecided { refusal: Some(Refusal::AlreadyVotedFor(node)), .. } if *node == n(1));
    assert!(cluster.noted(3, refused));

    let mut broken = Cluster::without(3, Rule::OneVotePerTerm);
    broken.hand(1, 3, request(1, 0, 0));
    broken.hand(2, 3, request(1, 0, 0));
    assert!(!broken.noted(3, refused), "the rule is what refuses");
}

/// §5.4.1: the later last term wins.
#[test]
fn longer_log_with_older_term_loses() {
    let mut cluster = Cluster::with_logs(3, &[&[1, 1, 1, 1], &[1, 3]], |_| {});
    cluster.hand(1, 2, request(4, 4, 1));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { refusal: Some(Refusal::LogBehind), .. })));
}

/// §5.4.1: with equal last terms the longer log wins.
#[test]
fn shorter_log_of_the_same_term_loses_and_an_equal_one_wins() {
    let mut cluster = Cluster::with_logs(1, &[&[1], &[1, 1], &[1, 1]], |_| {});
    cluster.hand(1, 2, request(2, 1, 1));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { refusal: Some(Refusal::LogBehind), .. })));
    cluster.hand(3, 2, request(2, 2, 1));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { refusal: None, .. })));
}

/// §5.1: a server that sees a higher term adopts it and becomes a follower.
#[test]
fn a_leader_that_sees_a_higher_term_steps_down() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.hand(2, 1, Message::RequestVoteReply(RequestVoteReply { term: Term(9), vote_granted: false }));
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Follower, 9));
}

/// §5.1: a request with a stale term is refused, and the answer carries the newer one.
#[test]
fn a_candidate_of_an_older_term_is_refused_and_told_the_term() {
    let mut cluster = Cluster::with_logs(5, &[&[], &[]], |_| {});
    cluster.hand(1, 2, request(4, 0, 0));
    let reply = cluster.network.pop_back().expect("an answer");
    assert_eq!(reply.message.term(), Term(5));
    assert!(matches!(reply.message, Message::RequestVoteReply(reply) if !reply.vote_granted));
}

/// §5.2: a candidate that hears the leader of its term follows it.
#[test]
fn a_candidate_yields_to_the_leader_of_its_term() {
    let mut cluster = Cluster::with(3, |config| config.pre_vote = false);
    cluster.time_out(2);
    cluster.network.clear();
    cluster.time_out(1);
    cluster.deliver_among(&[1, 3]);
    assert_eq!((cluster.role(1), cluster.role(2)), (Role::Leader, Role::Candidate));
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!(cluster.role(2), Role::Follower);
    assert_eq!(cluster.node(2).raft.leader(), Some(n(1)));
}

/// §5.2: election timeouts are random, so that split votes are rare.
#[test]
fn election_timeouts_differ_and_stay_in_their_range() {
    let drawn = |cluster: &Cluster| {
        let deadlines: std::collections::BTreeSet<_> =
            (1..=7).filter_map(|node| cluster.node(node).raft.next_deadline()).collect();
        assert!(deadlines.iter().all(|deadline| (150_000..=300_000).contains(&deadline.0)));
        deadlines.len()
    };
    assert!(drawn(&Cluster::new(7)) > 4);
    assert_eq!(drawn(&Cluster::without(7, Rule::RandomizedTimeout)), 1, "the rule is what makes them differ");
}

/// Figure 2: `votedFor` is durable before the server answers.
#[test]
fn a_vote_leaves_only_after_it_is_durable() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::PersistVoteBeforeReply) };
        cluster.slow_disks = vec![n(2)];
        cluster.hand(1, 2, request(1, 0, 0));
        assert_eq!(cluster.network.is_empty(), rule_on, "the rule is what holds the answer back");
        cluster.sync(n(2));
        assert_eq!(cluster.network.len(), 1);
        assert_eq!(cluster.node(2).image.hard.voted_for, Some(n(1)));
    }
}

#[test]
fn a_restarted_node_remembers_its_vote() {
    let mut cluster = Cluster::new(3);
    cluster.hand(1, 3, request(1, 0, 0));
    cluster.restart(n(3));
    cluster.hand(2, 3, request(1, 0, 0));
    assert!(cluster.noted(3, |e| matches!(e, Event::VoteDecided { refusal: Some(Refusal::AlreadyVotedFor(_)), .. })));
}

/// A candidate that forgot its own vote in a crash could vote for another in the same term.
#[test]
fn a_candidate_asks_and_counts_itself_only_after_its_vote_is_durable() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with(1, |config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::PersistBeforeCampaign);
            }
        });
        cluster.slow_disks = vec![n(1)];
        cluster.time_out(1);
        assert_eq!(cluster.role(1) == Role::Candidate, rule_on, "the rule is what makes it wait");
        cluster.sync(n(1));
        assert_eq!(cluster.role(1), Role::Leader);
    }
}

/// Thesis §9.6: a pre-candidate that cannot win raises no term.
#[test]
fn a_node_that_was_cut_off_does_not_raise_its_term() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    for _ in 0..5 {
        cluster.time_out(3);
        cluster.network.clear();
    }
    assert_eq!((cluster.role(3), cluster.term(3)), (Role::PreCandidate, 1));
}

/// Thesis §9.6: nobody grants a pre-vote while it hears a leader. n3 alone hears nothing of it.
#[test]
fn a_healthy_leader_is_not_disturbed() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    for _ in 0..6 {
        cluster.time_out(1);
        cluster.deliver_among(&[1, 2]);
    }
    cluster.time_out(3);
    assert_eq!(cluster.role(3), Role::PreCandidate);
    cluster.deliver();
    let refused = |event: &Event| matches!(event, Event::VoteDecided { pre_vote: true, refusal: Some(Refusal::LeaderAlive(leader)), .. } if *leader == n(1));
    assert!(cluster.noted(1, refused) && cluster.noted(2, refused));
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 1));
    assert_eq!((cluster.role(3), cluster.term(3)), (Role::Follower, 1));
}

/// A split vote ends with the next, random timeout.
#[test]
fn after_a_split_vote_the_next_timeout_decides() {
    let mut cluster = Cluster::with(4, |config| config.pre_vote = false);
    cluster.time_out(1);
    cluster.time_out(2);
    cluster.deliver_where(|envelope| matches!((envelope.from.0, envelope.to.0), (1, 3) | (3, 1) | (2, 4) | (4, 2)));
    assert_eq!((cluster.role(1), cluster.role(2)), (Role::Candidate, Role::Candidate));
    cluster.advance(Span::from_millis(1));
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 2));
}
