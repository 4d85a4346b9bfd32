//! Random runs: whatever the network, the disks and crashes do, replicas agree; and once it is calm, all is done.

use std::collections::BTreeSet;

use super::cluster::{CALM, Cluster, ROUGH, n};

/// How long a run may take after calm: (2f+3) capped timers, the client's retry, and a little.
fn patience(cluster: &Cluster) -> u64 {
    let nodes = cluster.config.settings.voters.len() as u64;
    let faulty = (nodes - 1) / 3;
    (2 * faulty + 3) * cluster.config.settings.request_timeout.1.0 / 1_000 + 1_000
}

/// One run under loss, delay, reordering, duplicates, cuts, crashes and slow disks; then calm.
pub(super) fn rough_run(cluster: &mut Cluster, nodes: u32, rounds: u64) {
    cluster.network = ROUGH;
    let mut number = 0;
    for _ in 0..rounds {
        match cluster.rng.below(10) {
            0..=4 => {
                number += 1;
                let client = 1 + cluster.rng.below(3);
                let to = n(1 + cluster.rng.below(u64::from(nodes)) as u32);
                cluster.ask_at(&[to], client, &[number, number + 1_000]);
            }
            5 => {
                let node = 1 + cluster.rng.below(u64::from(nodes)) as u32;
                if !cluster.node(node).is_down {
                    let delay = cluster.rng.below(1_500_000);
                    cluster.restart_later(node, delay);
                }
            }
            6 => {
                let mut pair = || n(1 + cluster.rng.below(u64::from(nodes)) as u32);
                let (from, to) = (pair(), pair());
                cluster.cut.insert((from, to));
            }
            7 => cluster.cut.clear(),
            _ => {}
        }
        let pause = cluster.rng.below(300);
        cluster.run(pause);
    }
    cluster.assert_agreement();
    calm_down(cluster, nodes);
}

/// The network calms, everybody is up: all that was asked is done, and all states are alike.
pub(super) fn calm_down(cluster: &mut Cluster, nodes: u32) {
    cluster.network = CALM;
    cluster.cut.clear();
    for node in 1..=nodes {
        if cluster.node(node).is_down {
            cluster.restart(node);
        }
    }
    let patience = patience(cluster);
    let done = cluster.run_until(patience, Cluster::all_done);
    cluster.assert_agreement();
    assert!(done, "not all was answered after calm: {}", describe(cluster, nodes));
    // What replicas ask for themselves may come behind the last answer, and whoever waits for nothing hears of it only
    // when the others say where they stand.
    cluster.run(1_500);
    let alike = cluster.run_until(patience, |cluster| cluster.states().len() == 1);
    cluster.assert_agreement();
    assert!(alike, "states differ: {}", describe(cluster, nodes));
}

pub(super) fn describe(cluster: &Cluster, nodes: u32) -> String {
    let of = |node| format!("{node}: {:?}\n", cluster.node(node).replica.replica());
    (1..=nodes).map(of).collect()
}

/// Runs that never got anywhere interesting would prove nothing: all that can happen without liars does.
#[test]
fn four_replicas_agree_and_are_live_after_calm() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let mut cluster = Cluster::new(4, seed);
        rough_run(&mut cluster, 4, 30);
        seen.append(&mut cluster.seen);
    }
    for kind in [
        "Recovered",
        "RequestsRelayed",
        "CaughtUp",
        "CheckpointStable",
        "ViewChangeBegan",
        "NewViewMade",
        "ViewEntered",
        "TransferBegan",
        "Transferred",
        "AskedForMissing",
    ] {
        assert!(seen.contains(kind), "no run has {kind}: {seen:?}");
    }
}

#[test]
fn seven_replicas_agree_and_are_live_after_calm() {
    for seed in 0..100 {
        let mut cluster = Cluster::new(7, seed);
        rough_run(&mut cluster, 7, 30);
    }
}

#[test]
fn so_do_replicas_with_real_signatures() {
    for seed in 0..2 {
        let mut cluster = Cluster::real(4, seed);
        rough_run(&mut cluster, 4, 10);
    }
}
