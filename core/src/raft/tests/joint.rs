//! Joint configurations that are not settled yet (Raft paper §6), and members that a snapshot brings.

use super::cluster::{Cluster, n};
use crate::event::{Event, FollowerReason};
use crate::protocol::Protocol as _;
use crate::raft::{Message, Rule};
use crate::record::Role;
use crate::types::{LogIndex, Span};

const NONE: [u32; 0] = [];

/// n1 leads n2 and n3, and has swapped them for n4 and n5. The joint entry is on its way and committed nowhere.
fn swapping(rules_off: &[Rule]) -> Cluster {
    let mut cluster = Cluster::with_spares(3, 5, |config| {
        config.rules = rules_off.iter().fold(config.rules, |rules, rule| rules.without(*rule));
    });
    cluster.elect(1);
    cluster.reconfigure(1, &[4, 5], &NONE, &NONE);
    cluster.deliver();
    cluster.reconfigure(1, &NONE, &[4, 5], &[2, 3]);
    cluster
}

const JOINT: [[u32; 3]; 2] = [[1, 4, 5], [1, 2, 3]];

fn is_joint(cluster: &Cluster, node: u32) -> bool {
    let [voters, outgoing, _] = cluster.members(node);
    voters == JOINT[0] && outgoing == JOINT[1]
}

/// Paper §6: while joint, "agreement (for elections and entry commitment) requires separate majorities from both the
/// old and new configurations". The candidate recovered the joint entry from its own disk, and nobody has committed it.
#[test]
fn an_election_while_joint_needs_both_halves() {
    for (group, wins) in [(&[1, 4, 5][..], false), (&[1, 2, 3], false), (&[1, 2, 4], true)] {
        let mut cluster = swapping(&[]);
        cluster.deliver_where(|envelope| envelope.from == n(1)); // no answer comes back
        cluster.restart(n(1));
        assert!(is_joint(&cluster, 1), "a restart finds it in the log, committed or not");
        cluster.advance(Span::from_millis(400));
        cluster.time_out(1);
        cluster.deliver_among(group);
        assert_eq!(cluster.role(1) == Role::Leader, wins, "{group:?}");
    }
}

/// TRAPS: a recovered joint configuration is left before it is committed under both halves.
#[test]
fn a_recovered_joint_configuration_is_left_only_once_both_halves_have_committed_it() {
    let mut cluster = swapping(&[]);
    let joint = cluster.terms(1).len() as u64;
    // Nobody but n1 has it; n1 restarts and wins with both halves, which get nothing of its log.
    cluster.network.clear();
    cluster.restart(n(1));
    cluster.advance(Span::from_millis(400));
    cluster.time_out(1);
    cluster.deliver_where(|envelope| !matches!(envelope.message, Message::AppendEntries(_)));
    assert_eq!((cluster.role(1), is_joint(&cluster, 1)), (Role::Leader, true));
    // The new half has it, with the no-op after it, and that is not enough.
    cluster.time_out(1);
    cluster.deliver_among(&[1, 4, 5]);
    assert_eq!(cluster.terms(4), cluster.terms(1));
    assert!(cluster.commit(1) < joint && is_joint(&cluster, 1), "the old half has not agreed");
    cluster.time_out(1);
    cluster.deliver();
    assert!(cluster.commit(1) > joint);
    assert_eq!(cluster.members(1), [vec![1, 4, 5], vec![], vec![]]);
}

/// Paper §6: a leader that is not part of C_new "manages a cluster that does not include itself; it replicates log
/// entries but does not count itself in majorities".
#[test]
fn a_leader_outside_of_the_new_configuration_does_not_count_itself() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.reconfigure(1, &NONE, &NONE, &[1]);
    // The joint entry, index 2, reaches everybody; the one after it n2 alone. With n1 that would be two of three.
    cluster.deliver_where(|envelope| match &envelope.message {
        Message::AppendEntries(append) => envelope.to != n(3) || append.entries.iter().all(|e| e.index < LogIndex(3)),
        _ => true,
    });
    assert_eq!((cluster.terms(1).len(), cluster.terms(2).len(), cluster.terms(3).len()), (3, 3, 2));
    assert_eq!(cluster.members(1), [vec![2, 3], vec![], vec![]]);
    assert_eq!((cluster.commit(1), cluster.role(1)), (2, Role::Leader), "both of the new configuration are needed");
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!((cluster.commit(2), cluster.role(1)), (3, Role::Learner));
    assert!(cluster.noted(1, |e| matches!(e, Event::BecameFollower { reason: FollowerReason::Removed, .. })));
}

/// TRAPS: a snapshot may demote a voter. n3 was away while it was taken out and came back as a learner, and the log
/// that says so is gone.
#[test]
fn a_voter_that_learns_from_a_snapshot_that_it_is_a_learner_never_campaigns() {
    let mut cluster = Cluster::with_spares(4, 4, |config| config.snapshots.retained_entries = 0);
    cluster.elect(1);
    for (add, remove) in [(&[][..], &[3][..]), (&[3], &[])] {
        cluster.reconfigure(1, add, &NONE, remove);
        cluster.deliver_among(&[1, 2, 4]);
        cluster.time_out(1);
        cluster.deliver_among(&[1, 2, 4]);
    }
    assert_eq!(cluster.members(1), [vec![1, 2, 4], vec![], vec![3]]);
    cluster.snapshot(1);
    assert_eq!(
        (cluster.role(3), cluster.members(3)[0].clone()),
        (Role::Follower, vec![1, 2, 3, 4]),
        "it knows nothing"
    );
    for _ in 0..4 {
        cluster.time_out(1);
        cluster.deliver();
    }
    assert_eq!(cluster.node(3).restored, [LogIndex(cluster.stored_snapshot(1))]);
    for restarted in [false, true] {
        if restarted {
            cluster.restart(n(3));
        }
        assert_eq!((cluster.role(3), cluster.members(3)), (Role::Learner, [vec![1, 2, 4], vec![], vec![3]]));
        cluster.advance(Span::from_secs(9));
        if cluster.node(3).raft.next_deadline().is_some() {
            cluster.time_out(3); // it forgets its leader, and that is all
        }
        assert!(cluster.network.is_empty(), "it asks nobody for a vote");
        assert_eq!((cluster.role(3), cluster.term(3), cluster.node(3).raft.next_deadline()), (Role::Learner, 1, None));
    }
}
