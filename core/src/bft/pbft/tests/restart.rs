//! A replica that crashes at any moment, and starts again, never contradicts itself.

use super::cluster::{Cluster, n};
use crate::protocol::Protocol as _;

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
fn whenever_it_crashes_a_backup_says_one_thing_and_catches_up() {
    for happenings in 0..400 {
        crash_after(3, happenings);
    }
}

#[test]
fn whenever_it_crashes_a_primary_says_one_thing_and_nothing_is_lost() {
    for happenings in 0..400 {
        crash_after(1, happenings);
    }
}

/// The same in the middle of view changes: the first primary is gone, and the second one crashes at any moment.
#[test]
fn whenever_it_crashes_a_new_primary_begins_one_new_view() {
    for happenings in (0..600).step_by(3) {
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

/// All crash at once, again and again.
#[test]
fn a_cluster_that_loses_its_power_goes_on_where_its_disks_are() {
    for seed in 0..20 {
        let mut cluster = Cluster::new(4, seed);
        for number in 1..=12 {
            cluster.ask(1, &[number]);
            let pause = cluster.rng.below(30);
            cluster.run(pause);
            if number % 3 == 0 {
                (1..=4).for_each(|node| cluster.crash(node));
                (1..=4).for_each(|node| cluster.restart(node));
            }
        }
        assert!(cluster.run_until(20_000, Cluster::all_done), "seed {seed}");
        cluster.run(1_500);
        cluster.assert_agreement();
        assert_eq!(cluster.states().len(), 1, "seed {seed}");
    }
}

/// TRAPS 26: a replica that has lost its disk has forgotten what it said, and says nothing more.
#[test]
fn a_replica_without_its_store_is_silent() {
    let mut cluster = Cluster::new(4, 1);
    cluster.ask(1, &[1]);
    cluster.run(100);
    cluster.start(n(2), crate::storage::DiskImage::empty());
    let sent = cluster.sent;
    cluster.cut = [1, 3, 4].into_iter().flat_map(|from| (1..=4).map(move |to| (n(from), n(to)))).collect();
    cluster.ask_at(&[n(2)], 1, &[2]);
    assert_eq!(cluster.node(2).replica.next_deadline(), None);
    assert_eq!(cluster.sent, sent);
}
