//! Random runs: whatever the network, the disks and crashes do, replicas agree; and once it is calm, all is done.

use std::collections::BTreeSet;

use super::Cluster;
use crate::bft::hybrid::testing::n;

#[test]
fn what_is_asked_is_done_by_all_in_two_rounds() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=10 {
        cluster.ask(1, &[number]);
    }
    assert!(cluster.run_until(100, Cluster::all_done));
    cluster.run(50);
    cluster.assert_agreement();
    assert_eq!(cluster.states().len(), 1);
    assert!(cluster.nodes.values().all(|node| node.replica.term().0 == 0));
}

/// PROTOCOLS, "Hybrid", 2: a silent leader is left, and its successor goes on.
#[test]
fn a_silent_leader_is_left() {
    let mut cluster = Cluster::new(4, 1);
    cluster.ask(1, &[1]);
    assert!(cluster.run_until(100, Cluster::all_done));
    cluster.crash(1);
    cluster.ask_at(&[n(2), n(3)], 1, &[2]);
    assert!(cluster.run_until(2_000, Cluster::all_done));
    assert!((2..=4).all(|node| cluster.node(node).replica.term().0 == 1));
    cluster.restart(1);
    cluster.run(1_500);
    cluster.assert_agreement();
    assert_eq!(cluster.states().len(), 1);
}

/// Runs that never got anywhere interesting would prove nothing: all that can happen without liars does.
#[test]
fn four_replicas_agree_and_are_live_after_calm() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let mut cluster = Cluster::new(4, seed);
        cluster.rough_run(30);
        seen.append(&mut cluster.seen);
    }
    for kind in [
        "Recovered",
        "RequestsRelayed",
        "Prepared",
        "Committed",
        "CaughtUp",
        "Wished",
        "TermAdopted",
        "TermEntered",
        "CheckpointStable",
        "TransferBegan",
        "Transferred",
    ] {
        assert!(seen.contains(kind), "no run has {kind}: {seen:?}");
    }
}

#[test]
fn seven_replicas_agree_and_are_live_after_calm() {
    for seed in 0..80 {
        let mut cluster = Cluster::new(7, seed);
        cluster.rough_run(30);
    }
}

/// One run in which a replica crashes after so many happenings; what is not synced is lost but for a prefix.
fn crash_after(node: u32, happenings: u64) {
    let mut cluster = Cluster::new(4, 5);
    for number in 1..=6 {
        cluster.ask_at(&[n(1), n(3)], 1, &[number]);
    }
    for _ in 0..happenings {
        cluster.tick();
    }
    cluster.restart(node);
    assert!(cluster.run_until(20_000, Cluster::all_done), "replica {node} after {happenings}");
    cluster.run(1_500);
    cluster.assert_agreement();
    assert_eq!(cluster.states().len(), 1, "replica {node} after {happenings}");
}

#[test]
fn whenever_it_crashes_a_follower_says_one_thing_and_catches_up() {
    for happenings in 0..300 {
        crash_after(3, happenings);
    }
}

#[test]
fn whenever_it_crashes_a_leader_says_one_thing_and_nothing_is_lost() {
    for happenings in 0..300 {
        crash_after(1, happenings);
    }
}

/// The same in the middle of a change: the first leader is gone, and the second one crashes at any moment.
#[test]
fn whenever_it_crashes_a_new_leader_begins_one_term() {
    for happenings in (0..500).step_by(3) {
        let mut cluster = Cluster::new(4, 5);
        cluster.crash(1);
        for number in 1..=3 {
            cluster.ask_at(&[2, 3, 4].map(n), 1, &[number]);
        }
        for _ in 0..happenings {
            cluster.tick();
        }
        cluster.restart(2);
        assert!(cluster.run_until(20_000, Cluster::all_done), "after {happenings}");
        cluster.restart(1);
        cluster.run(3_000);
        cluster.assert_agreement();
        assert_eq!(cluster.states().len(), 1, "after {happenings}");
    }
}

/// TRAPS 26: a replica that has lost its disk has forgotten what it said, and says nothing more.
#[test]
fn a_replica_without_its_store_is_silent() {
    let mut cluster = Cluster::new(4, 1);
    cluster.ask(1, &[1]);
    cluster.run(100);
    cluster.start(n(2), crate::storage::DiskImage::empty());
    assert_eq!(cluster.node(2).replica.next_deadline(), None);
    cluster.ask(1, &[2]);
    assert!(cluster.run_until(500, Cluster::all_done), "three of four are enough");
    assert_eq!(cluster.node(2).replica.committed().0, 0);
}
