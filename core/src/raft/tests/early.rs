//! The fast path: what a relaxed command is told, and when.

use super::cluster::{Cluster, n};
use crate::entry::Class;
use crate::event::Event;
use crate::protocol::Outcome;
use crate::raft::Rule;
use crate::record::Role;
use crate::types::{LogIndex, RequestNumber, Term};

fn led() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster
}

fn accepted(index: u64, term: u64) -> Outcome {
    Outcome::Accepted { index: LogIndex(index), term: Term(term) }
}

/// What `number` was told at node 1, in order.
fn told(cluster: &Cluster, number: RequestNumber) -> Vec<Outcome> {
    let answers = cluster.node(1).answers.iter();
    answers.filter(|(asked, _)| *asked == number).map(|(_, outcome)| outcome.clone()).collect()
}

#[test]
fn a_relaxed_command_is_answered_by_one_node_and_again_with_its_result() {
    let mut cluster = led();
    let number = cluster.propose_as(1, Class::Relaxed);
    assert_eq!(told(&cluster, number), [accepted(2, 1)]);
    assert_eq!(cluster.commit(1), 1, "nobody else has it");
    let why = Event::AnsweredEarly { index: LogIndex(2), term: Term(1), commit: LogIndex(1) };
    assert!(cluster.noted(1, |event| *event == why));
    cluster.deliver();
    assert!(matches!(&told(&cluster, number)[..], [_, Outcome::Applied { index: LogIndex(2), .. }]));
}

#[test]
fn a_critical_command_has_no_early_answer() {
    let mut cluster = led();
    let number = cluster.propose_as(1, Class::Critical);
    assert_eq!(told(&cluster, number), []);
}

/// The one promise of an early answer: its leader has the command on its disk.
#[test]
fn an_early_answer_waits_for_the_leaders_own_disk() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::EarlyAnswerIsDurable) };
        cluster.elect(1);
        cluster.slow_disks.push(n(1));
        let first = cluster.propose_as(1, Class::Relaxed);
        let second = cluster.propose_as(1, Class::Relaxed);
        assert_eq!(told(&cluster, first).is_empty(), rule_on, "the rule is what holds it back");
        cluster.sync_one(n(1));
        assert_eq!((told(&cluster, first), told(&cluster, second).is_empty()), (vec![accepted(2, 1)], rule_on));
        cluster.sync_one(n(1));
        assert_eq!(told(&cluster, second), [accepted(3, 1)]);
    }
}

/// The followers were faster than the leader's own disk: the command is safe before it could be called unsafe.
#[test]
fn what_is_committed_by_then_is_not_answered_early() {
    let mut cluster = led();
    cluster.slow_disks.push(n(1));
    let number = cluster.propose_as(1, Class::Relaxed);
    cluster.deliver();
    assert_eq!((cluster.commit(1), told(&cluster, number)), (2, vec![]));
    cluster.sync(n(1));
    assert!(matches!(&told(&cluster, number)[..], [Outcome::Applied { .. }]));
}

#[test]
fn an_early_answer_may_be_lost_with_its_leader_and_its_client_is_not_told_that_it_failed() {
    let mut cluster = led();
    let number = cluster.propose_as(1, Class::Relaxed);
    cluster.network.clear();
    cluster.elect(2);
    cluster.deliver();
    assert_eq!((cluster.role(2), cluster.terms(1)), (Role::Leader, vec![1, 2]), "another entry stands at its index");
    assert_eq!(told(&cluster, number), [accepted(2, 1), Outcome::Unknown]);
}

/// A leader that lost its role and won it again owes nobody the answers of its former term.
#[test]
fn a_leader_of_a_later_term_answers_nothing_of_the_former_one() {
    let mut cluster = led();
    cluster.slow_disks.push(n(1));
    let number = cluster.propose_as(1, Class::Relaxed);
    cluster.network.clear();
    cluster.elect(2);
    assert_eq!(cluster.role(1), Role::Follower);
    cluster.slow_disks.clear();
    cluster.sync(n(1));
    cluster.time_out(2);
    cluster.deliver();
    cluster.transfer(2, 1);
    cluster.deliver();
    assert_eq!(cluster.role(1), Role::Leader);
    assert_eq!(told(&cluster, number), [Outcome::Unknown]);
}

#[test]
fn in_a_mixed_batch_only_the_relaxed_ones_are_answered_early() {
    let mut cluster = led();
    let classes = [Class::Relaxed, Class::Critical, Class::Relaxed];
    let numbers = classes.map(|class| (class, cluster.propose_as(1, class)));
    for (class, number) in numbers {
        assert_eq!(told(&cluster, number).len(), usize::from(class == Class::Relaxed));
    }
    cluster.propose_mixed(1, &classes);
    let told = cluster.node(1).answers.iter().map(|(_, outcome)| outcome.clone());
    assert_eq!(told.collect::<Vec<_>>(), [2, 4, 5, 7].map(|index| accepted(index, 1)));
}
