//! Check-quorum and leases: thesis §4.2.3, §6.2, §6.4.1.

use super::cluster::{Cluster, n};
use crate::event::{Event, FollowerReason, Refusal};
use crate::protocol::{Outcome, ReadHow};
use crate::raft::{Message, RequestVote, RequestVoteReply, Rule};
use crate::record::Role;
use crate::types::{LogIndex, Span, Term};

fn request(term: u64, transfer: bool) -> Message {
    let (last_log_index, last_log_term) = (LogIndex(9), Term(9));
    Message::RequestVote(RequestVote { term: Term(term), last_log_index, last_log_term, transfer })
}

fn millis(cluster: &mut Cluster, millis: u64) {
    cluster.advance(Span::from_millis(millis));
}

/// A cluster of three under n1, with a committed entry of its term and all messages delivered.
fn led(change: impl FnOnce(&mut crate::raft::Config<crate::raft::Switches>)) -> Cluster {
    let mut cluster = Cluster::with(3, change);
    cluster.elect(1);
    cluster
}

/// §6.2: a leader steps down if an election timeout elapses without a round of heartbeats to a majority.
#[test]
fn a_leader_that_hears_from_no_quorum_for_an_election_timeout_steps_down() {
    for rule_on in [true, false] {
        let mut cluster = led(|config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::CheckQuorum);
            }
        });
        cluster.isolate(1);
        assert_eq!(cluster.role(1) == Role::Follower, rule_on, "the rule is what ends it");
        let lost = |event: &Event| matches!(event, Event::BecameFollower { reason: FollowerReason::QuorumLost, .. });
        assert_eq!(cluster.noted(1, lost), rule_on);
        assert_eq!(cluster.term(1), 1, "it stays in its term and keeps its vote");
        assert_eq!(cluster.node(1).image.hard.voted_for, Some(n(1)));
    }
}

#[test]
fn a_leader_that_hears_one_of_two_followers_leads_on() {
    let mut cluster = led(|_| {});
    for _ in 0..20 {
        cluster.time_out(1);
        cluster.deliver_among(&[1, 2]);
    }
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 1));
}

/// §6.2: clients of a leader that stepped down are told that their requests may still happen.
#[test]
fn a_proposal_that_waits_when_the_leader_steps_down_is_unknown() {
    let mut cluster = led(|_| {});
    let number = cluster.propose(1);
    cluster.network.clear();
    cluster.isolate(1);
    assert!(cluster.node(1).answers.contains(&(number, Outcome::Unknown)));
}

/// §4.2.3: a request for a vote within the minimum election timeout of hearing a leader changes neither term nor
/// vote.
#[test]
fn a_node_that_hears_a_leader_gives_nobody_its_vote_and_keeps_its_term() {
    for rule_on in [true, false] {
        let mut cluster = led(|config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::VoteLease);
            }
        });
        cluster.hand(3, 2, request(7, false));
        assert_eq!(cluster.term(2) == 1, rule_on, "the rule is what keeps the term");
        let refused = |event: &Event| matches!(event, Event::VoteDecided { pre_vote: false, refusal: Some(Refusal::LeaderAlive(leader)), .. } if *leader == n(1));
        assert_eq!(cluster.noted(2, refused), rule_on);
    }
}

#[test]
fn a_leader_ignores_a_candidate_as_well_until_it_loses_its_quorum() {
    let mut cluster = led(|_| {});
    cluster.hand(3, 1, request(7, false));
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 1));
}

#[test]
fn after_the_shortest_election_timeout_a_candidate_gets_the_vote() {
    let mut cluster = led(|_| {});
    millis(&mut cluster, 150);
    cluster.hand(3, 2, request(7, false));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { pre_vote: false, refusal: None, .. })));
}

/// What was promised to a leader holds although the node learns of a higher term in another way.
#[test]
fn a_higher_term_in_another_message_does_not_end_the_silence() {
    let mut cluster = led(|_| {});
    cluster.hand(3, 2, Message::RequestVoteReply(RequestVoteReply { term: Term(7), vote_granted: false }));
    assert_eq!(cluster.term(2), 7);
    cluster.hand(3, 2, request(7, false));
    let granted = |e: &Event| matches!(e, Event::VoteDecided { pre_vote: false, term: Term(7), refusal: None, .. });
    assert!(!cluster.noted(2, granted));
    assert_eq!(cluster.node(2).image.hard.voted_for, None);
}

/// §6.4.1: a restart forgets what the node heard, so it is silent for as long as it could have promised.
#[test]
fn a_restarted_node_gives_neither_vote_nor_pre_vote_for_the_shortest_timeout() {
    let mut cluster = led(|_| {});
    cluster.restart(n(2));
    cluster.hand(3, 2, request(7, false));
    let pre_vote = RequestVote { term: Term(7), last_log_index: LogIndex(9), last_log_term: Term(9), transfer: false };
    cluster.hand(3, 2, Message::PreVote(pre_vote));
    let silent = |event: &Event| matches!(event, Event::VoteDecided { refusal: Some(Refusal::JustRestarted), .. });
    assert_eq!(cluster.node(2).events.iter().filter(|event| silent(event)).count(), 2);
    assert_eq!(cluster.term(2), 1);
    millis(&mut cluster, 150);
    cluster.hand(3, 2, request(7, false));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { pre_vote: false, refusal: None, .. })));
}

#[test]
fn without_check_quorum_a_restarted_node_votes_at_once() {
    let mut cluster = led(|config| config.check_quorum = false);
    cluster.restart(n(2));
    cluster.hand(3, 2, request(7, false));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { pre_vote: false, refusal: None, .. })));
}

/// TRAPS 6 and 7 with all guards together: check-quorum and pre-vote never block each other for ever. A leader that
/// lost its quorum steps down, and a node that was ahead in terms is led again.
#[test]
fn check_quorum_and_pre_vote_do_not_deadlock() {
    let mut cluster = led(|_| {});
    // n3 learns of term 7 from somewhere and cannot be led by n1 in term 1.
    cluster.hand(2, 3, Message::RequestVoteReply(RequestVoteReply { term: Term(7), vote_granted: false }));
    for _ in 0..40 {
        let earliest = (1..=3).min_by_key(|node| crate::protocol::Protocol::next_deadline(&cluster.node(*node).raft));
        cluster.time_out(earliest.expect("three nodes"));
        cluster.deliver();
    }
    let leaders: Vec<u32> = (1..=3).filter(|node| cluster.role(*node) == Role::Leader).collect();
    assert_eq!(leaders.len(), 1);
    assert!((1..=3).all(|node| cluster.term(node) == cluster.term(leaders[0])));
}

/// §6.4.1: while its lease holds, a leader answers without a message.
#[test]
fn a_lease_read_takes_no_message_and_ends_with_the_lease() {
    let mut cluster = led(|_| {});
    cluster.time_out(1);
    cluster.deliver();
    let by_lease = cluster.read(1, ReadHow::Lease);
    assert!(cluster.network.is_empty());
    assert_eq!(cluster.read_at(1, by_lease), Some(1));
    millis(&mut cluster, 145);
    let by_round = cluster.read(1, ReadHow::Lease);
    assert_eq!((cluster.read_at(1, by_round), cluster.network.len()), (None, 2), "it falls back to a round");
    cluster.deliver();
    assert_eq!(cluster.read_at(1, by_round), Some(1));
}

/// TRAPS 15: the lease runs from the sending of the round and not from its answer.
#[test]
fn answers_that_took_long_leave_a_short_lease() {
    for rule_on in [true, false] {
        let mut cluster = led(|config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::LeaseFromSend);
            }
        });
        millis(&mut cluster, 150);
        cluster.time_out(1);
        millis(&mut cluster, 120);
        cluster.deliver();
        millis(&mut cluster, 30);
        let number = cluster.read(1, ReadHow::Lease);
        assert_eq!(cluster.read_at(1, number).is_none(), rule_on, "150 ms after the sending it is over");
    }
}

/// §6.4.1: a lease is shorter than the timeout by what clocks may drift.
#[test]
fn the_bound_on_drift_shortens_the_lease() {
    for rule_on in [true, false] {
        let mut cluster = led(|config| {
            config.drift_bound_ppm = 300_000;
            if !rule_on {
                config.rules = config.rules.without(Rule::LeaseDriftBound);
            }
        });
        cluster.time_out(1);
        cluster.deliver();
        millis(&mut cluster, 100); // 150 ms · 0.7 / 1.3 is 80 ms.
        let number = cluster.read(1, ReadHow::Lease);
        assert_eq!(cluster.read_at(1, number).is_none(), rule_on, "the rule is what ends it early");
    }
}

#[test]
fn without_check_quorum_there_is_no_lease() {
    let mut cluster = led(|config| config.check_quorum = false);
    let number = cluster.read(1, ReadHow::Lease);
    assert_eq!(cluster.read_at(1, number), None);
    cluster.deliver();
    assert_eq!(cluster.read_at(1, number), Some(1));
}
