//! Replication and commitment: Raft paper §5.3, §5.4.2, §8.

use std::cell::RefCell;
use std::sync::Arc;

use super::super::testing::entry;
use super::cluster::{Cluster, n};
use crate::event::Event;
use crate::protocol::Outcome;
use crate::raft::{AppendEntries, AppendEntriesReply, AppendOutcome, Message, Rule};
use crate::record::Role;
use crate::types::{LogIndex, RequestNumber, Term};

fn append(term: u64, prev: (u64, u64), entries: &[(u64, u64)], commit: u64) -> Message {
    Message::AppendEntries(AppendEntries {
        term: Term(term),
        prev_log_index: LogIndex(prev.0),
        prev_log_term: Term(prev.1),
        entries: entries.iter().map(|(index, term)| Arc::new(entry(*index, *term))).collect(),
        leader_commit: LogIndex(commit),
        round: 0,
    })
}

/// §8: a new leader commits a no-op at the start of its term.
#[test]
fn a_new_leader_commits_a_no_op_of_its_term() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    assert_eq!((cluster.commit(1), cluster.terms(1)), (1, vec![1]));
}

/// §5.3: a command is answered once it is replicated on a majority and applied.
#[test]
fn a_command_is_answered_once_a_majority_has_it() {
    let mut cluster = Cluster::new(5);
    cluster.elect(1);
    let number = cluster.propose(1);
    cluster.deliver_among(&[1, 2]);
    assert!(cluster.node(1).answers.is_empty());
    cluster.time_out(1);
    cluster.deliver_among(&[1, 2, 3]);
    assert!(matches!(&cluster.node(1).answers[..], [(answered, Outcome::Applied { .. })] if *answered == number));
}

/// §5.3: followers learn of a commit with the next append and apply in log order.
#[test]
fn followers_apply_in_log_order_what_the_leader_has_committed() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1);
    cluster.propose(1);
    cluster.deliver();
    cluster.time_out(1);
    cluster.deliver();
    let expected = [(1, 1), (2, 1), (3, 1)].map(|(index, term)| (LogIndex(index), Term(term)));
    assert!((1..=3).all(|node| cluster.node(node).applied == expected));
}

/// Figure 2, "Followers": only the leader takes commands; others name it.
#[test]
fn a_follower_refuses_commands_and_names_the_leader() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let number = cluster.propose(2);
    assert_eq!(cluster.node(2).answers, [(number, Outcome::NotLeader { leader: Some(n(1)) })]);
}

/// A leader that is deposed says that the outcome of what it appended is unknown.
#[test]
fn what_a_deposed_leader_appended_is_told_as_unknown() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let number = cluster.propose(1);
    cluster.network.clear();
    cluster.elect(2);
    assert_eq!(cluster.node(1).answers, [(number, Outcome::Unknown)]);
}

#[test]
fn too_many_uncommitted_commands_are_refused() {
    let mut cluster = Cluster::with(3, |config| config.max_uncommitted = 2);
    cluster.elect(1);
    for _ in 0..3 {
        cluster.propose(1);
    }
    assert_eq!(cluster.node(1).answers, [(RequestNumber(3), Outcome::Overloaded)]);
}

/// §5.3, the consistency check: the entry before the new ones must match.
#[test]
fn an_append_after_a_missing_entry_is_refused() {
    let mut cluster = Cluster::with_logs(1, &[&[], &[1]], |_| {});
    cluster.hand(1, 2, append(1, (3, 1), &[(4, 1)], 0));
    let reply = cluster.network.pop_back().expect("an answer").message;
    let conflict = AppendOutcome::Conflict { refused: LogIndex(3), term: None, first: LogIndex(2) };
    assert_eq!(reply, Message::AppendEntriesReply(AppendEntriesReply { term: Term(1), outcome: conflict, round: 0 }));
}

#[test]
fn an_append_after_an_entry_of_another_term_is_refused() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_logs(3, &[&[], &[1, 2, 2]], |config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::ConsistencyCheck);
            }
        });
        cluster.hand(1, 2, append(3, (3, 3), &[(4, 3)], 0));
        assert_eq!(cluster.terms(2) == [1, 2, 2], rule_on, "the rule is what refuses");
    }
}

/// §5.3: the leader forces followers' logs to duplicate its own, and "one AppendEntries RPC will be required for each
/// term with conflicting entries, rather than one RPC per entry". The logs are those of Figure 7; a log that is too
/// short costs one refusal more.
#[test]
fn the_leader_repairs_every_log_of_figure_7_with_one_refusal_a_conflicting_term() {
    let leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    // What is refused: the index that was asked for, the follower's term there, and where that term begins.
    type Refused = (u64, Option<u64>, u64);
    let followers: [(&[u64], &[Refused]); 6] = [
        (&[1, 1, 1, 4, 4, 5, 5, 6, 6], &[(10, None, 10)]),
        (&[1, 1, 1, 4], &[(10, None, 5)]),
        (&[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], &[]),
        (&[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], &[]),
        (&[1, 1, 1, 4, 4, 4, 4], &[(10, None, 8), (7, Some(4), 4)]),
        (&[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], &[(10, Some(3), 7), (6, Some(2), 4)]),
    ];
    let logs: Vec<&[u64]> = [&leader[..]].into_iter().chain(followers.map(|(log, _)| log)).collect();
    let mut cluster = Cluster::with_logs(7, &logs, |_| {});
    cluster.time_out(1);
    let refused = RefCell::new(vec![Vec::new(); 8]);
    cluster.deliver_where(|envelope| {
        if let Message::AppendEntriesReply(reply) = &envelope.message
            && let AppendOutcome::Conflict { refused: at, term, first } = reply.outcome
        {
            refused.borrow_mut()[envelope.from.0 as usize].push((at.0, term.map(|term| term.0), first.0));
        }
        // A heartbeat that crosses a refusal is refused likewise, and says nothing new.
        !matches!(&envelope.message, Message::AppendEntries(append) if append.entries.is_empty())
    });
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 8));
    let repaired: Vec<u64> = leader.iter().copied().chain([8]).collect();
    assert!((1..=7).all(|node| cluster.terms(node) == repaired));
    for (node, (_, expected)) in (2..).zip(followers) {
        assert_eq!(refused.borrow()[node], expected, "n{node}");
    }
}

/// §5.3: without moving back past the conflict the same append would be refused for ever.
#[test]
fn a_leader_that_does_not_back_up_never_repairs_a_log() {
    let logs: [&[u64]; 3] = [&[1, 2, 2], &[1, 2, 2], &[1]];
    let mut cluster =
        Cluster::with_logs(2, &logs, |config| config.rules = config.rules.without(Rule::BackUpOnConflict));
    cluster.elect(1);
    for _ in 0..5 {
        cluster.time_out(1);
        cluster.deliver();
    }
    assert_eq!(cluster.terms(3), [1]);
}

/// Figure 2, step 3: an entry that matches stays, also when a late, shorter append comes.
#[test]
fn a_late_shorter_append_removes_nothing() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_logs(1, &[&[], &[1, 1, 1]], |config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::KeepMatchingSuffix);
            }
        });
        cluster.hand(1, 2, append(1, (0, 0), &[(1, 1)], 0));
        assert_eq!(cluster.terms(2).len() == 3, rule_on, "the rule is what keeps the suffix");
    }
}

/// §5.4.2 and Figure 8: an entry of an older term is not committed by counting its copies.
#[test]
fn an_older_entry_on_a_majority_is_not_committed_by_itself() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_logs(3, &[&[1, 2], &[1, 2], &[1, 2], &[1], &[1]], |config| {
            config.max_entries_per_append = 1;
            if !rule_on {
                config.rules = config.rules.without(Rule::CommitOwnTermOnly);
            }
        });
        cluster.time_out(1);
        // The no-op of term 4 is held back; the answers for index 2 arrive.
        cluster.deliver_where(|envelope| match &envelope.message {
            Message::AppendEntries(append) => append.entries.is_empty(),
            _ => true,
        });
        assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 4));
        let matched = AppendEntriesReply { term: Term(4), outcome: AppendOutcome::Matched(LogIndex(2)), round: 0 };
        cluster.hand(2, 1, Message::AppendEntriesReply(matched.clone()));
        cluster.hand(3, 1, Message::AppendEntriesReply(matched));
        assert_eq!(cluster.commit(1) == 0, rule_on, "the rule is what holds the commit back");
        assert_eq!(cluster.noted(1, |event| matches!(event, Event::CommitHeld { .. })), rule_on);
    }
}

/// Thesis §10.2.1: the leader sends before its own disk has the entry, and counts itself only after.
#[test]
fn a_leader_counts_its_own_copy_only_once_it_is_durable() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::LeaderCopyIsDurable) };
        cluster.elect(1);
        cluster.slow_disks = vec![n(1)];
        cluster.propose(1);
        assert!(!cluster.network.is_empty(), "sending does not wait for the disk");
        cluster.deliver_among(&[1, 2]);
        assert_eq!(cluster.commit(1) == 1, rule_on, "the rule is what does not count it");
        cluster.sync(n(1));
        assert_eq!(cluster.commit(1), 2);
    }
}

/// TRAPS: a commit in an unsynced log, where there is one node only (etcd#14370).
#[test]
fn a_lone_leader_commits_nothing_that_its_disk_does_not_hold() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(1) } else { Cluster::without(1, Rule::LeaderCopyIsDurable) };
        cluster.elect(1);
        cluster.slow_disks = vec![n(1)];
        let (first, second) = (cluster.propose(1), cluster.propose(1));
        cluster.time_out(1);
        assert_eq!((cluster.commit(1), cluster.node(1).answers.len()), (1, 0));
        cluster.sync_one(n(1));
        assert_eq!(cluster.commit(1) == 2, rule_on, "the rule is what does not count the second one");
        let answered =
            |cluster: &Cluster| cluster.node(1).answers.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!(answered(&cluster), [first]);
        cluster.sync(n(1));
        assert_eq!((cluster.commit(1), answered(&cluster)), (3, vec![first, second]));
    }
}

/// Figure 2: the log is durable before the server answers.
#[test]
fn an_append_is_answered_only_after_it_is_durable() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::PersistAppendBeforeReply) };
        cluster.elect(1);
        cluster.slow_disks = vec![n(2), n(3)];
        cluster.propose(1);
        cluster.deliver();
        assert_eq!(cluster.commit(1) == 1, rule_on, "the rule is what holds the answers back");
        cluster.sync(n(2));
        cluster.deliver();
        assert_eq!(cluster.commit(1), 2);
    }
}

/// A follower applies nothing that its own disk could still lose.
#[test]
fn a_follower_applies_no_further_than_its_own_log_is_durable() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.slow_disks = vec![n(3)];
    cluster.propose(1);
    cluster.deliver();
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!((cluster.commit(3), cluster.node(3).applied.len()), (2, 1));
    cluster.sync(n(3));
    assert_eq!(cluster.node(3).applied.len(), 2);
}

/// Entries that skip an index, or claim a term above their leader's, are of no use and do no harm.
#[test]
fn malformed_appends_are_ignored() {
    let mut cluster = Cluster::with_logs(2, &[&[], &[1]], |_| {});
    for entries in [&[(2u64, 1u64), (4, 1)][..], &[(2, 9)], &[(1, 1)]] {
        cluster.hand(1, 2, append(2, (1, 1), entries, 0));
        assert_eq!(cluster.terms(2), [1]);
    }
    assert!(cluster.network.is_empty() && cluster.node(2).broken.is_none());
}
