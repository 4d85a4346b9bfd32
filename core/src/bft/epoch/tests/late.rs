//! Who was away while voters changed.

use super::*;

/// Down over several changes, and one of them its own removal and return.
fn a_replica_that_slept_over_several_epochs_comes_along<P: Case>() {
    for seed in 0..10 {
        let mut cluster = cluster::<P>(3, seed);
        cluster.serves(1, 1);
        cluster.crash(4);
        for (epoch, change) in (0..).zip([swap(&[5], &[]), swap(&[6], &[]), swap(&[7], &[]), swap(&[], &[1])]) {
            cluster.change_to(epoch, change);
            cluster.serves(1, 2 + epoch);
        }
        cluster.restart(4);
        let done = cluster.run_until(10_000, |cluster| cluster.epoch(4) == 4);
        assert!(done, "seed {seed}: it is in epoch {}", cluster.epoch(4));
        cluster.serves(1, 10);
        cluster.assert_one_state();
    }
}

/// More links than go in one message.
fn a_long_chain_is_followed_message_by_message<P: Case>() {
    let mut cluster = cluster::<P>(2, 3);
    cluster.crash(6);
    for epoch in 0..20 {
        let change = if epoch % 2 == 0 { swap(&[5], &[4]) } else { swap(&[4], &[5]) };
        cluster.change_to(epoch, change);
    }
    cluster.serves(1, 1);
    cluster.restart(6);
    cluster.change_to(20, swap(&[6], &[1]));
    assert_eq!(cluster.node(6).replica.links().len(), 21);
    cluster.serves(1, 2);
    cluster.assert_one_state();
}

/// Nothing was sent to it, it has an empty store, and its first word is asked for by nobody.
fn a_new_voter_without_state_fetches_it_and_votes<P: Case>() {
    let mut cluster = cluster::<P>(1, 4);
    for number in 1..=20 {
        cluster.serves(1, number);
    }
    cluster.crash(5);
    cluster.reconfigure(0, swap(&[5], &[4]));
    assert!(cluster.run_until(10_000, |cluster| (1..=4).all(|node| cluster.epoch(node) == 1)));
    cluster.settings.voters = ids(&[1, 2, 3, 5]);
    cluster.serves(1, 21);
    cluster.restart(5);
    cluster.assert_one_state();
    assert!(cluster.noted(5, |event| matches!(event, Event::Begun { with_state: false, votes: true, .. })));
    cluster.crash(1);
    cluster.serves(1, 22);
}

/// A replica that lost its vote says so to nobody, and takes part in nothing.
fn a_removed_replica_orders_nothing_any_more<P: Case>() {
    let mut cluster = cluster::<P>(1, 5);
    cluster.serves(1, 1);
    cluster.change_to(0, swap(&[5], &[1]));
    cluster.run(3_000);
    let before = cluster.node(1).replica.instance().last_index();
    let said = |cluster: &Cluster<P>| cluster.said.keys().filter(|(node, _)| *node == n(1)).count();
    let words = said(&cluster);
    for number in 2..=6 {
        cluster.serves(1, number);
    }
    assert_eq!(cluster.node(1).replica.instance().last_index(), before);
    assert_eq!(said(&cluster), words);
    cluster.restart(1);
    cluster.run(3_000);
    assert_eq!(cluster.epoch(1), 1, "also after a restart");
    assert_eq!(said(&cluster), words);
}

/// It comes back two epochs later with what it had.
fn a_removed_replica_can_get_its_vote_back<P: Case>() {
    let mut cluster = cluster::<P>(1, 6);
    cluster.serves(1, 1);
    cluster.change_to(0, swap(&[5], &[2]));
    cluster.serves(1, 2);
    cluster.change_to(1, swap(&[2], &[3]));
    cluster.serves(1, 3);
    cluster.assert_one_state();
    cluster.crash(1);
    cluster.serves(1, 4);
}

/// Nobody in the new epoch tells it, for its links are cut; the others go on, and it comes along when they mend.
fn one_that_hears_nothing_of_the_end_gets_there_by_the_link<P: Case>() {
    let mut cluster = cluster::<P>(1, 7);
    cluster.serves(1, 1);
    for other in [1, 2, 4, 5] {
        cluster.cut.insert((n(other), n(3)));
        cluster.cut.insert((n(3), n(other)));
    }
    cluster.reconfigure(0, swap(&[5], &[4]));
    assert!(cluster.run_until(10_000, |cluster| [1, 2, 5].into_iter().all(|node| cluster.epoch(node) == 1)));
    cluster.settings.voters = ids(&[1, 2, 3, 5]);
    cluster.serves(1, 2);
    assert_eq!(cluster.epoch(3), 0);
    cluster.cut.clear();
    assert!(cluster.run_until(5_000, |cluster| cluster.epoch(3) == 1));
    cluster.assert_one_state();
}

claims!(
    a_replica_that_slept_over_several_epochs_comes_along,
    a_long_chain_is_followed_message_by_message,
    a_new_voter_without_state_fetches_it_and_votes,
    a_removed_replica_orders_nothing_any_more,
    a_removed_replica_can_get_its_vote_back,
    one_that_hears_nothing_of_the_end_gets_there_by_the_link,
);
