//! What a crash leaves.

use super::*;

/// One replica crashes after each so many events of a change, losing what is not synced or keeping a part of it, and
/// starts again: it is in one epoch, and comes along.
fn a_crash_at_any_point_of_a_change_leaves_one_epoch<P: Case>() {
    for victim in [1, 3, 4, 5] {
        for point in 0..40u64 {
            let mut cluster = cluster::<P>(1, point);
            cluster.serves(1, 1);
            cluster.reconfigure(0, swap(&[5], &[4]));
            for _ in 0..point * 4 {
                cluster.tick();
            }
            if point % 2 == 0 {
                cluster.crash_and_lose(victim);
            } else {
                cluster.crash(victim);
            }
            cluster.run(point * 7 % 90);
            cluster.restart(victim);
            let there = cluster.run_until(20_000, |cluster| (1..=5).all(|node| cluster.epoch(node) == 1));
            cluster.assert_agreement();
            assert!(
                there,
                "n{victim} crashed after {point}: {:?}",
                (1..=5).map(|id| cluster.epoch(id)).collect::<Vec<_>>()
            );
            cluster.settings.voters = ids(&[1, 2, 3, 5]);
            cluster.serves(1, 2);
            cluster.assert_one_state();
        }
    }
}

/// All crash at one moment, and lose what is not synced.
fn a_crash_of_all_at_any_point_of_a_change_loses_nothing<P: Case>() {
    for point in 0..60u64 {
        let mut cluster = cluster::<P>(1, 100 + point);
        cluster.serves(1, 1);
        cluster.reconfigure(0, swap(&[5], &[4]));
        for _ in 0..point * 3 {
            cluster.tick();
        }
        for node in 1..=5 {
            cluster.crash_and_lose(node);
        }
        for node in 1..=5 {
            cluster.restart(node);
        }
        cluster.run(1_000);
        // The request may be lost with the memory of all: an operator that sees nothing asks again.
        cluster.reconfigure(0, swap(&[5], &[4]));
        let there = cluster.run_until(20_000, |cluster| (1..=5).all(|node| cluster.epoch(node) == 1));
        cluster.assert_agreement();
        assert!(there, "all crashed after {point}");
        cluster.settings.voters = ids(&[1, 2, 3, 5]);
        cluster.serves(1, 2);
        cluster.assert_one_state();
    }
}

/// The disk is the whole of what a replica knows: it is where it was.
fn a_restart_of_all_in_a_later_epoch_goes_on_there<P: Case>() {
    let mut cluster = cluster::<P>(2, 3);
    for epoch in 0..3 {
        cluster.serves(1, 1 + epoch);
        cluster.change_to(epoch, if epoch % 2 == 0 { swap(&[5], &[1]) } else { swap(&[1], &[5]) });
    }
    cluster.run(1_000);
    let links = cluster.node(2).replica.links().to_vec();
    for node in 1..=6 {
        cluster.crash_and_lose(node);
        cluster.restart(node);
    }
    assert!((1..=5).filter(|node| *node != 1).all(|node| cluster.epoch(node) == 3));
    assert_eq!(cluster.node(2).replica.links(), links);
    cluster.serves(1, 9);
    cluster.assert_one_state();
}

claims!(
    a_crash_at_any_point_of_a_change_leaves_one_epoch,
    a_crash_of_all_at_any_point_of_a_change_loses_nothing,
    a_restart_of_all_in_a_later_epoch_goes_on_there,
);
