//! Claims about observers: they read for many, and slow nobody.

use super::cluster::{Cluster, n};
use crate::event::{ChangeRefusal, Event, IgnoreReason};
use crate::membership::Nonsense;
use crate::protocol::{Protocol as _, ReadHow};
use crate::raft::{Config, Message, Rule, Switches, TimeoutNow};
use crate::record::Role;
use crate::types::{Span, Term};

/// n1 leads three voters, and n4 and n5 observe.
fn observed(change: impl FnOnce(&mut Config<Switches>)) -> Cluster {
    let mut cluster = Cluster::with_spares(3, 5, change);
    cluster.elect(1);
    cluster.observe(1, &[4, 5]);
    cluster.deliver();
    cluster
}

fn to_observers(cluster: &Cluster) -> usize {
    cluster.network.iter().filter(|envelope| envelope.to.0 > 3).count()
}

#[test]
fn an_observer_gets_what_is_committed_and_applies_it_at_once() {
    let mut cluster = observed(|_| {});
    assert_eq!((cluster.observers(1), cluster.observers(4)), (vec![4, 5], vec![4, 5]));
    assert_eq!(cluster.role(4), Role::Observer);
    cluster.propose(1);
    assert_eq!(to_observers(&cluster), 0, "nothing is committed yet");
    cluster.deliver();
    assert_eq!((cluster.commit(1), cluster.terms(4)), (3, cluster.terms(1)));
    assert_eq!((cluster.commit(4), cluster.commit(2)), (3, 2), "no second message is needed to apply it");
}

#[test]
fn an_observer_counts_for_no_commit_and_gets_nothing_that_could_be_taken_back() {
    let mut cluster = observed(|_| {});
    let before = cluster.commit(1);
    cluster.propose(1);
    cluster.deliver_among(&[1, 4, 5]);
    cluster.time_out(1);
    cluster.deliver_among(&[1, 4, 5]);
    assert_eq!((cluster.commit(1), cluster.terms(4).len() as u64), (before, before));
}

/// An observer hears a deposed leader as well as a voter does, and does not know.
#[test]
fn answers_of_observers_prove_nothing() {
    for rule_on in [true, false] {
        let mut cluster = observed(|config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::VotersConfirm);
            }
        });
        let number = cluster.read(1, ReadHow::Index);
        for _ in 0..20 {
            if cluster.role(1) == Role::Leader {
                cluster.time_out(1);
                cluster.deliver_among(&[1, 4, 5]);
            }
        }
        assert_eq!(cluster.read_at(1, number).is_none(), rule_on, "the rule is what keeps the read back");
        assert_eq!(cluster.role(1) == Role::Follower, rule_on, "and what makes a lonely leader step down");
    }
}

#[test]
fn an_observer_never_campaigns_and_is_never_promoted() {
    let mut cluster = observed(|_| {});
    let order = TimeoutNow { term: Term(1) };
    cluster.hand(1, 4, Message::TimeoutNow(order));
    let ignored = |e: &Event| matches!(e, Event::MessageIgnored { reason: IgnoreReason::WrongRole, .. });
    assert!(cluster.noted(4, ignored));
    cluster.reconfigure(1, &[], &[4], &[]);
    let refused = ChangeRefusal::Nonsense(Nonsense::IsObserver(n(4)));
    assert!(cluster.noted(1, |event| *event == Event::ChangeRefused { reason: refused }));
    cluster.advance(Span::from_millis(400));
    cluster.time_out(4);
    assert_eq!((cluster.role(4), cluster.node(4).raft.leader()), (Role::Observer, None));
    assert_eq!((cluster.node(4).raft.next_deadline(), cluster.network.len()), (None, 0));
}

#[test]
fn what_is_committed_while_an_answer_is_out_goes_in_one_append() {
    let mut cluster = observed(|_| {});
    // The observers' links are slow: what is sent to them stays on its way.
    let mut slow = Vec::new();
    for _ in 0..8 {
        cluster.propose(1);
        while let Some(envelope) = cluster.network.pop_front() {
            match envelope.to.0 {
                1..=3 => cluster.hand(envelope.from.0, envelope.to.0, envelope.message),
                _ => slow.push(envelope),
            }
        }
    }
    assert_eq!((slow.len(), cluster.commit(1)), (2, 10), "one append for each observer, eight commits");
    cluster.network.extend(slow);
    cluster.deliver();
    assert_eq!((cluster.commit(4), cluster.commit(5)), (10, 10));
}

#[test]
fn a_lost_append_is_sent_again_after_the_next_heartbeat() {
    let mut cluster = observed(|_| {});
    cluster.propose(1);
    cluster.deliver_among(&[1, 2, 3]);
    assert!(cluster.terms(4).len() < cluster.terms(1).len());
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!((cluster.terms(4), cluster.commit(4)), (cluster.terms(1), cluster.commit(1)));
}

#[test]
fn an_observer_that_needs_what_is_gone_gets_a_snapshot_with_the_observers_in_it() {
    let mut cluster = Cluster::with_spares(3, 5, |config| config.snapshots.retained_entries = 0);
    cluster.elect(1);
    cluster.observe(1, &[4]);
    cluster.deliver();
    for _ in 0..5 {
        cluster.propose(1);
        cluster.deliver_among(&[1, 2, 3]);
    }
    cluster.time_out(1);
    cluster.deliver_among(&[1, 2, 3]);
    cluster.snapshot(1);
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!((cluster.stored_snapshot(4), cluster.commit(4)), (7, 7));
    assert_eq!((cluster.observers(4), cluster.role(4)), (vec![4], Role::Observer));
    cluster.restart(n(4));
    assert_eq!(cluster.role(4), Role::Observer);
    cluster.propose(1);
    cluster.deliver();
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!(cluster.commit(4), 8, "entries follow again");
}

/// Thesis §6.4: the leader is asked for the read index, and the answer waits until it is applied.
#[test]
fn an_observer_answers_reads_by_the_leaders_read_index() {
    let mut cluster = observed(|_| {});
    cluster.propose(1);
    cluster.deliver_where(|envelope| envelope.to.0 <= 3);
    let number = cluster.read(4, ReadHow::Index);
    let stale = cluster.read(4, ReadHow::Stale);
    assert_eq!(cluster.read_at(4, stale), Some(2));
    cluster.deliver();
    assert_eq!(cluster.read_at(4, number), None, "it waits for what is committed");
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!(cluster.read_at(4, number), Some(3));
}

#[test]
fn a_read_at_the_leader_costs_no_message_to_observers() {
    let mut cluster = observed(|_| {});
    cluster.read(1, ReadHow::Index);
    assert_eq!((cluster.network.len(), to_observers(&cluster)), (2, 0));
}

#[test]
fn a_new_leader_feeds_the_observers_of_the_one_before() {
    let mut cluster = observed(|_| {});
    cluster.propose(1);
    cluster.deliver_among(&[1, 2, 3]);
    cluster.elect(2);
    assert_eq!(cluster.node(4).raft.leader(), Some(n(2)));
    assert_eq!((cluster.terms(4), cluster.commit(4)), (cluster.terms(2), cluster.commit(2)));
}

#[test]
fn an_observer_that_leaves_learns_of_it_and_is_fed_no_more() {
    // Alone, and in one change with a voter, which passes through a joint configuration.
    for leaves in [&[4][..], &[3, 4]] {
        let mut cluster = observed(|_| {});
        cluster.reconfigure(1, &[], &[], leaves);
        cluster.deliver();
        assert_eq!((cluster.observers(4), cluster.role(4)), (vec![5], Role::Learner));
        assert_eq!(cluster.observers(5), [5]);
        cluster.propose(1);
        cluster.deliver();
        assert!(cluster.terms(4).len() < cluster.terms(5).len());
    }
}

/// Who was removed may come back as something else; its log is brought in line like any other.
#[test]
fn a_voter_that_left_comes_back_as_an_observer_and_an_observer_as_a_learner() {
    let mut cluster = observed(|_| {});
    cluster.reconfigure(1, &[], &[], &[3, 4]);
    cluster.deliver();
    cluster.observe(1, &[3]);
    cluster.deliver();
    cluster.reconfigure(1, &[4], &[], &[]);
    cluster.deliver();
    cluster.reconfigure(1, &[], &[4], &[]);
    cluster.deliver();
    assert_eq!((cluster.role(3), cluster.role(4), cluster.role(5)), (Role::Observer, Role::Follower, Role::Observer));
    assert_eq!(cluster.members(1)[0], [1, 2, 4]);
    cluster.time_out(1);
    cluster.deliver();
    assert!((2..=5).all(|node| cluster.terms(node) == cluster.terms(1) && cluster.commit(node) == cluster.commit(1)));
}
