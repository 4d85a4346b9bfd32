//! Reads beside the log: thesis §6.4.

use super::cluster::{Cluster, n};
use crate::event::Event;
use crate::protocol::{Input, Outcome, Protocol as _, ReadHow, ReadRequest};
use crate::raft::{Message, ReadIndexReply, ReadToken, Rule};
use crate::record::Role;
use crate::types::{ClientId, Incarnation, LogIndex, RequestNumber, Span, Term};

fn led() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster
}

/// §6.4, steps 2 and 3: the leader exchanges a round of heartbeats with a majority before it answers.
#[test]
fn a_read_waits_for_a_round_that_a_quorum_answers() {
    let mut cluster = led();
    let number = cluster.read(1, ReadHow::Index);
    assert_eq!(cluster.read_at(1, number), None);
    cluster.deliver_among(&[1, 2]);
    assert_eq!(cluster.read_at(1, number), Some(1));
}

#[test]
fn a_deposed_leader_does_not_answer() {
    for rule_on in [true, false] {
        let mut cluster =
            if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::ReadIndexConfirmsLeadership) };
        cluster.elect(1);
        let number = cluster.read(1, ReadHow::Index);
        cluster.network.clear();
        assert_eq!(cluster.read_at(1, number).is_none(), rule_on, "the rule is what makes it wait");
    }
}

/// TRAPS 14; §6.4, step 1: a new leader's commit index may lag behind what the leader before it committed.
#[test]
fn a_new_leader_tells_no_read_index_before_it_has_committed_in_its_term() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_logs(1, &[&[1, 1], &[1, 1], &[1, 1]], |config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::ReadWaitsForOwnTermCommit);
            }
        });
        cluster.time_out(1);
        // Elected, and its no-op is on its way; the answers to it are lost.
        cluster.deliver_where(|envelope| !matches!(envelope.message, Message::AppendEntriesReply(_)));
        assert_eq!((cluster.role(1), cluster.commit(1)), (Role::Leader, 0));
        let number = cluster.read(1, ReadHow::Index);
        assert_eq!(cluster.noted(1, |event| matches!(event, Event::ReadsHeld { .. })), rule_on);
        if rule_on {
            assert_eq!(cluster.read_at(1, number), None, "the rule is what makes it wait");
            cluster.time_out(1);
            cluster.deliver();
            assert!(cluster.read_at(1, number) >= Some(3), "what was committed before is seen");
        } else {
            let Message::AppendEntries(append) = cluster.network.pop_front().expect("a round").message else {
                panic!("a round is sent as appends")
            };
            let outcome = crate::raft::AppendOutcome::StaleTerm;
            let reply = crate::raft::AppendEntriesReply { term: append.term, outcome, round: append.round };
            cluster.hand(2, 1, Message::AppendEntriesReply(reply));
            assert_eq!(cluster.read_at(1, number), Some(0), "an older state than was committed");
        }
    }
}

/// A round that was sent before a read came proves nothing about it: the read waits for the next one.
#[test]
fn a_read_that_comes_during_a_round_waits_for_the_next() {
    let mut cluster = led();
    let first = cluster.read(1, ReadHow::Index);
    let second = cluster.read(1, ReadHow::Index);
    let third = cluster.read(1, ReadHow::Index);
    assert_eq!(cluster.network.len(), 2, "one round is on its way");
    let envelopes: Vec<_> = cluster.network.drain(..).collect();
    for envelope in envelopes {
        cluster.step(envelope.to, Input::Receive { from: envelope.from, message: envelope.message });
    }
    let answers: Vec<_> = cluster.network.drain(..).collect();
    for envelope in answers {
        cluster.step(envelope.to, Input::Receive { from: envelope.from, message: envelope.message });
    }
    let answered = |cluster: &Cluster| [first, second, third].map(|number| cluster.read_at(1, number).is_some());
    assert_eq!(answered(&cluster), [true, false, false]);
    cluster.deliver();
    assert_eq!(answered(&cluster), [true, true, true]);
    let rounds = cluster.node(1).events.iter().filter(|e| matches!(e, Event::ReadRoundBegan { .. })).count();
    assert_eq!(rounds, 2, "the two that waited share a round");
}

/// An answer to a round of before the read came does not confirm it, however late it arrives.
#[test]
fn late_answers_to_older_rounds_confirm_nothing() {
    let mut cluster = led();
    cluster.time_out(1);
    let heartbeats: Vec<_> = cluster.network.drain(..).collect();
    for envelope in heartbeats {
        cluster.step(envelope.to, Input::Receive { from: envelope.from, message: envelope.message });
    }
    let old: Vec<_> = cluster.network.drain(..).collect();
    assert_eq!(old.len(), 2);
    let number = cluster.read(1, ReadHow::Index);
    cluster.network.clear();
    for envelope in old {
        cluster.step(envelope.to, Input::Receive { from: envelope.from, message: envelope.message });
    }
    assert_eq!(cluster.read_at(1, number), None);
}

/// §6.4: a follower asks the leader for the read index, and waits until it has applied that far itself.
#[test]
fn a_follower_answers_a_read_once_it_has_applied_up_to_the_leaders_index() {
    let mut cluster = led();
    cluster.propose(1);
    cluster.deliver();
    assert_eq!((cluster.commit(1), cluster.commit(2)), (2, 1), "the follower learns of it with the next append");
    let number = cluster.read(2, ReadHow::Index);
    cluster.deliver();
    assert_eq!(cluster.read_at(2, number), Some(2));
    assert_eq!(cluster.node(2).applied.len(), 2);
}

#[test]
fn a_follower_whose_leader_does_not_lead_any_more_refuses_its_reads() {
    let mut cluster = led();
    let number = cluster.read(2, ReadHow::Index);
    cluster.network.clear();
    cluster.time_out(2);
    assert!(cluster.node(2).answers.contains(&(number, Outcome::NotLeader { leader: None })));
}

#[test]
fn a_forwarded_read_whose_answer_is_lost_is_refused_after_an_election_timeout() {
    let mut cluster = led();
    let number = cluster.read(2, ReadHow::Index);
    cluster.network.clear();
    for _ in 0..8 {
        cluster.time_out(1);
        cluster.deliver();
    }
    assert!(cluster.node(2).answers.contains(&(number, Outcome::NotLeader { leader: Some(n(1)) })));
}

/// A token is never used again: an answer from before a restart is of no use after it.
#[test]
fn an_answer_to_a_batch_of_before_the_restart_is_ignored() {
    let mut cluster = led();
    cluster.read(2, ReadHow::Index);
    cluster.network.clear();
    cluster.restart(n(2));
    cluster.time_out(1);
    cluster.deliver();
    let number = cluster.read(2, ReadHow::Index);
    cluster.network.clear();
    let token = |incarnation| ReadToken { incarnation: Incarnation(incarnation), sequence: 1 };
    let reply = |token| Message::ReadIndexReply(ReadIndexReply { term: Term(1), token, index: Some(LogIndex(0)) });
    cluster.hand(1, 2, reply(token(1)));
    assert_eq!(cluster.read_at(2, number), None);
    cluster.hand(1, 2, reply(token(2)));
    assert_eq!(cluster.read_at(2, number), Some(0));
}

#[test]
fn a_leader_that_steps_down_refuses_the_reads_that_wait() {
    let mut cluster = led();
    let number = cluster.read(1, ReadHow::Index);
    cluster.network.clear();
    cluster.isolate(1);
    assert_eq!(cluster.role(1), Role::Follower);
    assert_eq!(cluster.node(1).answers, [(number, Outcome::NotLeader { leader: None })]);
}

#[test]
fn a_stale_read_is_answered_at_once_by_anybody_and_marked() {
    let mut cluster = led();
    cluster.time_out(1);
    cluster.deliver();
    let number = cluster.read(3, ReadHow::Stale);
    assert_eq!(cluster.node(3).reads, [(number, LogIndex(1), ReadHow::Stale)]);
    let mut lonely = Cluster::new(3);
    let number = lonely.read(3, ReadHow::Stale);
    assert_eq!(lonely.read_at(3, number), Some(0));
}

#[test]
fn a_lone_voter_answers_at_once() {
    let mut cluster = Cluster::new(1);
    cluster.time_out(1);
    for how in [ReadHow::Index, ReadHow::Lease] {
        let number = cluster.read(1, how);
        assert_eq!(cluster.read_at(1, number), Some(1));
    }
}

#[test]
fn a_follower_refuses_a_lease_read_and_names_the_leader() {
    let mut cluster = led();
    let number = cluster.read(2, ReadHow::Lease);
    assert_eq!(cluster.node(2).answers, [(number, Outcome::NotLeader { leader: Some(n(1)) })]);
}

/// A read is answered only from a state that has applied up to its index, also at the leader.
#[test]
fn a_leader_with_a_slow_disk_answers_once_it_has_applied() {
    let mut cluster = led();
    cluster.slow_disks = vec![n(1)];
    cluster.propose(1);
    cluster.deliver();
    assert_eq!(cluster.commit(1), 2, "committed by the others");
    let number = cluster.read(1, ReadHow::Index);
    cluster.deliver();
    assert_eq!(cluster.read_at(1, number), None);
    cluster.sync(n(1));
    assert_eq!(cluster.read_at(1, number), Some(2));
}

#[test]
fn too_many_reads_are_refused_as_overloaded() {
    let mut cluster = led();
    let read = |number| ReadRequest {
        client: ClientId(1),
        number: RequestNumber(number),
        how: ReadHow::Index,
        query: bytes::Bytes::new(),
    };
    cluster.step(n(1), Input::Read((1..=16_385).map(read).collect()));
    assert_eq!(cluster.node(1).answers, [(RequestNumber(16_385), Outcome::Overloaded)]);
    cluster.deliver();
    assert_eq!(cluster.node(1).reads.len(), 16_384);
}

#[test]
fn an_idle_cluster_sends_no_more_for_reads_than_one_round() {
    let mut cluster = led();
    cluster.advance(Span::from_millis(1));
    let before = cluster.node(1).raft.next_deadline();
    cluster.read(1, ReadHow::Index);
    assert_eq!(cluster.network.len(), 2);
    cluster.deliver();
    assert_eq!(cluster.node(1).raft.next_deadline(), before, "a read round does not shift heartbeats");
}
