//! Bugs that others have shipped, each with the guard that keeps it out.

use std::sync::Arc;

use super::super::testing::entry;
use super::cluster::{Cluster, n};
use crate::event::{Event, Refusal};
use crate::protocol::Protocol as _;
use crate::raft::{AppendEntries, Message, RequestVote, Rule};
use crate::record::Role;
use crate::rng::Rng;
use crate::types::{LogIndex, Term};

fn pre_vote(term: u64, index: u64, last_term: u64) -> Message {
    Message::PreVote(RequestVote {
        term: Term(term),
        last_log_index: LogIndex(index),
        last_log_term: Term(last_term),
        transfer: false,
    })
}

/// A pre-vote of a lower term is answered with the newer term, not dropped: a node that fell behind would never
/// catch up, and with two such nodes there would never be a leader.
#[test]
fn a_pre_vote_of_a_lower_term_is_answered_with_the_newer_one() {
    let mut cluster = Cluster::with_logs(5, &[&[], &[]], |_| {});
    cluster.hand(1, 2, pre_vote(3, 0, 0));
    let reply = cluster.network.pop_back().expect("an answer").message;
    assert_eq!(reply.term(), Term(5));
}

/// A long log of a low term and a short log of a high term must not block each other for ever.
#[test]
fn a_long_log_of_a_low_term_still_wins() {
    let mut cluster = Cluster::with_logs(1, &[&[1, 1, 1], &[1], &[]], |_| {});
    // n2 has seen term 7 while n1 was away.
    let stray = RequestVote { term: Term(7), last_log_index: LogIndex(0), last_log_term: Term(0), transfer: false };
    cluster.hand(3, 2, Message::RequestVote(stray));
    cluster.network.clear();
    for _ in 0..2 {
        cluster.time_out(1);
        cluster.deliver_among(&[1, 2]);
    }
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 8));
}

/// Granting a pre-vote is not hearing from a leader: the granter's timer runs on.
#[test]
fn granting_a_pre_vote_restarts_no_timer() {
    let mut cluster = Cluster::new(3);
    let before = cluster.node(2).raft.next_deadline();
    cluster.hand(1, 2, pre_vote(1, 0, 0));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { pre_vote: true, refusal: None, .. })));
    assert_eq!(cluster.node(2).raft.next_deadline(), before);
}

/// Stepping down within a term must not clear the vote.
#[test]
fn following_the_leader_of_the_same_term_keeps_the_vote() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::VoteKeptWithinTerm) };
        cluster.elect(1);
        assert_eq!(cluster.node(2).raft.status().voted_for == Some(n(1)), rule_on, "the rule is what keeps it");
    }
}

/// A follower commits no further than this append has verified: behind it, its own log may still differ. Here the
/// append with n1's entry is lost on its way to n3, and the heartbeat after it is not.
#[test]
fn a_heartbeat_commits_only_the_verified_prefix() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_logs(1, &[&[], &[], &[1]], |config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::CommitVerifiedPrefix);
            }
        });
        cluster.time_out(1);
        cluster.deliver_among(&[1, 2]);
        assert_eq!((cluster.terms(1), cluster.commit(1)), (vec![2], 1));
        cluster.time_out(1);
        cluster.deliver_where(|envelope| envelope.to == n(3));
        assert_eq!(cluster.terms(3), [1], "a heartbeat carries no entry that would replace this one");
        assert_eq!(cluster.commit(3) == 0, rule_on, "the rule is what holds the commit back");
    }
}

/// Acknowledgements of asynchronous writes: a confirmation that began in an older term says nothing, and the first write
/// of a new term attests anew what the log still holds.
#[test]
fn the_first_write_of_a_new_term_attests_again_what_was_on_its_way() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::WrittenNamesEntry) };
        cluster.elect(1);
        cluster.slow_disks = vec![n(2)];
        cluster.propose(1);
        cluster.deliver();
        cluster.advance(crate::types::Span::from_millis(400));
        // A candidate of term 2 with a worse log: n2 writes the term down, and nothing of its log changes.
        let stray = RequestVote { term: Term(2), last_log_index: LogIndex(0), last_log_term: Term(0), transfer: false };
        cluster.hand(3, 2, Message::RequestVote(stray));
        let durable = |cluster: &Cluster| cluster.node(2).raft.status().durable.0;
        assert_eq!((cluster.terms(2), cluster.term(2), durable(&cluster)), (vec![1, 1], 2, 1));
        assert!(cluster.sync_one(n(2)), "the entry");
        assert_eq!(durable(&cluster) == 1, rule_on, "the rule is what waits for the new term's write");
        assert!(cluster.sync_one(n(2)), "the term");
        assert_eq!((durable(&cluster), cluster.sync_one(n(2))), (2, false));
    }
}

/// A node that lost its disk neither votes nor acknowledges: amnesia is lying.
#[test]
fn a_node_without_its_store_stays_silent() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::LostStoreDoesNotVote) };
        cluster.elect(1);
        cluster.restart_without_store(n(2));
        cluster.hand(
            3,
            2,
            Message::RequestVote(RequestVote {
                term: Term(1),
                last_log_index: LogIndex(1),
                last_log_term: Term(1),
                transfer: false,
            }),
        );
        assert_eq!(cluster.network.is_empty(), rule_on, "the rule is what keeps it silent");
    }
}

/// A leader that is told to replace what it knows to be committed halts instead of doing it.
#[test]
fn a_node_halts_rather_than_replace_a_committed_entry() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1);
    cluster.deliver();
    cluster.time_out(1);
    cluster.deliver();
    let forged = AppendEntries {
        term: Term(9),
        prev_log_index: LogIndex(1),
        prev_log_term: Term(1),
        entries: [Arc::new(entry(2, 9))].into_iter().collect(),
        leader_commit: LogIndex(0),
        round: 0,
    };
    cluster.hand(3, 2, Message::AppendEntries(forged));
    assert_eq!(cluster.node(2).broken, Some("a committed entry is never replaced"));
}

/// A follower that lost appends in the middle of the window catches up again.
#[test]
fn a_follower_that_lost_a_window_of_appends_catches_up() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    for _ in 0..10 {
        cluster.propose(1);
    }
    cluster.deliver_where(|envelope| envelope.to != n(3) && envelope.from != n(3));
    assert_eq!(cluster.commit(1), 11);
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!(cluster.terms(3).len(), 11);
}

/// A probe that was lost is made up for by the answer to the next heartbeat, which carries no entries itself: a match
/// sends them at once, a refusal sends them from further back.
#[test]
fn a_follower_whose_first_append_was_lost_catches_up_after_one_heartbeat() {
    for log in [&[1, 1][..], &[1], &[], &[1, 2, 2], &[2]] {
        let mut cluster = Cluster::with_logs(3, &[&[1, 1], &[1, 1], log], |_| {});
        cluster.time_out(1);
        cluster.deliver_among(&[1, 2]);
        cluster.time_out(1);
        let to_third = cluster.network.iter().filter(|envelope| envelope.to == n(3));
        assert!(
            to_third.clone().count() == 1 && to_third.clone().all(|envelope| carries_no_entries(&envelope.message))
        );
        cluster.deliver();
        assert_eq!(cluster.terms(3), [1, 1, 4], "{log:?}");
    }
}

fn carries_no_entries(message: &Message) -> bool {
    matches!(message, Message::AppendEntries(append) if append.entries.is_empty())
}

/// Neither the lost appends, nor the lost heartbeats, nor the lost answers to both leave a follower behind for good.
#[test]
fn a_follower_that_loses_every_third_message_by_chance_catches_up() {
    for seed in 0..100 {
        let chance = std::cell::RefCell::new(Rng::new(seed, 0));
        let mut cluster = Cluster::with_logs(3, &[&[1, 1, 1], &[1, 1, 1], &[1, 2, 2, 2]], |_| {});
        cluster.time_out(1);
        cluster.deliver_among(&[1, 2]);
        for _ in 0..50 {
            cluster.time_out(1);
            cluster.deliver_where(|envelope| {
                let inside = envelope.to != n(3) && envelope.from != n(3);
                inside || chance.borrow_mut().below(3) > 0
            });
        }
        assert_eq!((cluster.terms(3), cluster.commit(3)), (vec![1, 1, 1, 4], 4), "seed {seed}");
    }
}

/// A refusal because of a live leader is no refusal for ever.
#[test]
fn a_pre_vote_is_granted_again_once_the_leader_is_silent() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.hand(3, 2, pre_vote(2, 1, 1));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { refusal: Some(Refusal::LeaderAlive(_)), .. })));
    cluster.network.clear();
    cluster.advance(crate::types::Span::from_millis(150));
    cluster.hand(3, 2, pre_vote(2, 1, 1));
    assert!(cluster.noted(2, |e| matches!(e, Event::VoteDecided { pre_vote: true, refusal: None, .. })));
}
