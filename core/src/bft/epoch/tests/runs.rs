//! Random runs: whatever the network, disks, crashes and changes do, replicas agree; and once it is calm, all is done.

use super::*;
use crate::bft::hybrid::testing::ROUGH;

/// One run: requests, crashes, cuts and changes amid loss, delay, reordering and slow disks; then calm.
fn rough<P: Case>(seed: u64, rounds: u64) -> (u64, Cluster<P>) {
    let mut cluster = cluster::<P>(3, seed);
    cluster.network = ROUGH;
    let mut number = 0;
    for _ in 0..rounds {
        let (epoch, voters) = newest(&cluster);
        cluster.settings.voters.clone_from(&voters);
        let drawn = |cluster: &mut Cluster<P>, from: &[NodeId]| from[cluster.rng.below(from.len() as u64) as usize];
        match cluster.rng.below(12) {
            0..=4 => {
                number += 1;
                let client = 1 + cluster.rng.below(3);
                let to = drawn(&mut cluster, &voters);
                cluster.ask_at(&[to], client, &[number, number + 1_000]);
            }
            5 => {
                let node = drawn(&mut cluster, &ids(&[1, 2, 3, 4, 5, 6, 7]));
                if !cluster.node(node.0).is_down {
                    let delay = cluster.rng.below(1_500_000);
                    cluster.restart_later(node.0, delay);
                }
            }
            6 => {
                let all = ids(&[1, 2, 3, 4, 5, 6, 7]);
                let (from, to) = (drawn(&mut cluster, &all), drawn(&mut cluster, &all));
                cluster.cut.insert((from, to));
            }
            7 => cluster.cut.clear(),
            8 | 9 => {
                let outside: Vec<NodeId> =
                    ids(&[1, 2, 3, 4, 5, 6, 7]).into_iter().filter(|node| !voters.contains(node)).collect();
                let (promote, remove) = (drawn(&mut cluster, &outside), drawn(&mut cluster, &voters));
                let bundle = change(epoch, swap(&[promote.0], &[remove.0]));
                let to = drawn(&mut cluster, &voters);
                cluster.request(to, &bundle);
            }
            _ => {}
        }
        let pause = cluster.rng.below(300);
        cluster.run(pause);
    }
    cluster.assert_agreement();
    cluster.network = testing::CALM;
    cluster.cut.clear();
    for node in 1..=7 {
        if cluster.node(node).is_down {
            cluster.restart(node);
        }
    }
    // Epochs that end still end; then clients know who votes. A change that waits still may be ordered with the next
    // request, and an idle cluster of HotStuff is quiet: one that lags behind hears of it with the next request too.
    for number in 1..=3 {
        settle(&mut cluster, seed);
        cluster.run(2_000);
        cluster.settings.voters = newest(&cluster).1;
        cluster.answer_all();
        cluster.serves(9, number);
    }
    settle(&mut cluster, seed);
    cluster.settings.voters = newest(&cluster).1;
    cluster.assert_one_state();
    let epoch = newest(&cluster).0;
    (epoch, cluster)
}

/// All who vote are in the newest epoch.
fn settle<P: Case>(cluster: &mut Cluster<P>, seed: u64) {
    let settled = cluster.run_until(20_000, |cluster| {
        let (epoch, voters) = newest(cluster);
        cluster.are_in(&voters, epoch)
    });
    assert!(settled, "seed {seed}: {:?}", (1..=7).map(|id| cluster.epoch(id)).collect::<Vec<_>>());
}

fn replicas_agree_and_are_live_after_calm_whatever_changes<P: Case>() {
    let (mut changes, mut without_state) = (0, 0);
    for seed in 0..200 {
        let (epoch, cluster) = rough::<P>(seed, 30);
        changes += epoch;
        let fetched = |event: &Event| matches!(event, Event::Begun { with_state: false, votes: true, .. });
        without_state += u64::from((1..=7).any(|node| cluster.noted(node, fetched)));
    }
    assert!(changes > 200, "{changes} changes");
    assert!(without_state > 60, "{without_state} runs in which a state was fetched");
}

claims!(replicas_agree_and_are_live_after_calm_whatever_changes);
