//! What an operator asks for.

use super::*;

/// The old voter stops, the new one fetches the state and counts: then another may crash.
fn one_voter_is_replaced_and_the_new_one_counts<P: Case>() {
    let mut cluster = cluster::<P>(1, 1);
    for number in 1..=6 {
        cluster.serves(1, number);
    }
    cluster.change_to(0, swap(&[5], &[2]));
    assert_eq!(cluster.epoch(2), 1, "the removed one knows");
    assert!(!cluster.node(2).replica.members().is_voter(n(2)));
    cluster.assert_one_state();
    cluster.crash(1);
    for number in 7..=12 {
        cluster.serves(1, number);
    }
    cluster.assert_one_state();
    let term = cluster.applied.values().map(|(term, _)| *term).max().expect("something was applied");
    assert!(term.0 > term.within_instance().0, "terms rise with the epoch");
}

/// Several changes, one after the other, while clients ask.
fn a_cluster_grows_from_four_to_seven_and_shrinks_again<P: Case>() {
    let mut cluster = cluster::<P>(3, 2);
    let mut number = 0;
    let mut ask = |cluster: &mut Cluster<P>| {
        number += 1;
        cluster.serves(1, number);
    };
    ask(&mut cluster);
    for (epoch, node) in (0..).zip(5..=7) {
        cluster.change_to(epoch, swap(&[node], &[]));
        ask(&mut cluster);
    }
    assert_eq!(cluster.settings.voters, ids(&[1, 2, 3, 4, 5, 6, 7]));
    cluster.crash(1);
    cluster.crash(2);
    ask(&mut cluster);
    cluster.restart(1);
    cluster.restart(2);
    cluster.change_to(3, swap(&[], &[1, 2]));
    ask(&mut cluster);
    cluster.change_to(4, swap(&[], &[3]));
    assert_eq!(cluster.settings.voters, ids(&[4, 5, 6, 7]));
    ask(&mut cluster);
    cluster.crash(7);
    ask(&mut cluster);
    cluster.assert_one_state();
}

/// Nobody who votes then has the state: they fetch it from those who have no vote any more.
fn all_four_are_replaced_at_once<P: Case>() {
    let mut cluster = cluster::<P>(4, 3);
    for number in 1..=5 {
        cluster.serves(1, number);
    }
    let before = cluster.node(1).machine.digest();
    cluster.change_to(0, swap(&[5, 6, 7, 8], &[1, 2, 3, 4]));
    let fetched = cluster.run_until(5_000, |cluster| cluster.node(5).machine.digest() == before);
    assert!(fetched || !cluster.voters_states().is_empty());
    for number in 6..=9 {
        cluster.serves(1, number);
    }
    cluster.assert_one_state();
    for old in 1..=4 {
        cluster.crash(old);
    }
    cluster.serves(1, 10);
}

/// All of its batch is executed, once; what is in no batch yet goes along to the next epoch.
fn a_change_among_other_requests_loses_none_and_doubles_none<P: Case>() {
    for seed in 0..20 {
        let mut cluster = cluster::<P>(1, seed);
        cluster.serves(1, 1);
        let voters = cluster.settings.voters.clone();
        for client in 2..=6 {
            cluster.ask_at(&voters, client, &[1, 2]);
        }
        cluster.reconfigure(0, swap(&[5], &[4]));
        for client in 7..=11 {
            cluster.ask_at(&voters, client, &[1, 2]);
        }
        assert!(cluster.run_until(20_000, |cluster| cluster.are_in(&ids(&[1, 2, 3, 5]), 1)));
        cluster.settings.voters = ids(&[1, 2, 3, 5]);
        cluster.answer_all();
        cluster.assert_one_state();
        cluster.assert_each_executed_once(2..=11);
    }
}

/// The first in the order counts; the other was meant for an epoch that has ended.
fn of_two_changes_that_race_one_happens<P: Case>() {
    for seed in 0..20 {
        let mut cluster = cluster::<P>(2, seed);
        cluster.serves(1, 1);
        let (one, other) = (change(0, swap(&[5], &[1])), change(0, swap(&[6], &[2])));
        for (first, second, to) in [(&one, &other, 1), (&other, &one, 2), (&one, &other, 3), (&other, &one, 4)] {
            cluster.request(n(to), first);
            cluster.request(n(to), second);
        }
        assert!(cluster.run_until(20_000, |cluster| (1..=4).all(|node| cluster.epoch(node) == 1)), "seed {seed}");
        cluster.run(3_000);
        let members: std::collections::BTreeSet<_> =
            (1..=4).map(|node| cluster.node(node).replica.members().voters.clone()).collect();
        assert_eq!(members.len(), 1);
        let voters = members.into_iter().next().expect("one");
        assert!(voters == ids(&[2, 3, 4, 5]) || voters == ids(&[1, 3, 4, 6]), "{voters:?}");
        assert!((1..=4).all(|node| cluster.epoch(node) == 1));
        cluster.settings.voters = voters;
        cluster.serves(1, 2);
        cluster.assert_one_state();
    }
}

fn a_change_that_was_meant_for_an_old_epoch_changes_nothing<P: Case>() {
    let mut cluster = cluster::<P>(2, 4);
    cluster.change_to(0, swap(&[5], &[1]));
    cluster.reconfigure(0, swap(&[6], &[2]));
    cluster.serves(1, 1);
    cluster.run(3_000);
    assert_eq!((cluster.epoch(3), cluster.epoch(6)), (1, 0));
    assert!(cluster.noted(3, |event| matches!(event, Event::ChangeVoid { .. })));
    cluster.change_to(1, swap(&[6], &[2]));
    cluster.serves(1, 2);
}

fn a_change_that_makes_no_sense_changes_nothing<P: Case>() {
    let mut cluster = cluster::<P>(1, 5);
    for nonsense in [swap(&[4], &[]), swap(&[], &[5]), swap(&[], &[1, 2, 3, 4]), swap(&[], &[])] {
        cluster.reconfigure(0, nonsense);
        cluster.serves(1, 1);
    }
    cluster.run(2_000);
    assert!((1..=4).all(|node| cluster.epoch(node) == 0));
}

/// It is dropped where it comes in, and where a liar orders it all the same nothing comes of it.
fn a_client_or_a_replica_that_is_not_the_operator_changes_nothing<P: Case>() {
    let mut cluster = cluster::<P>(1, 6);
    for client in [ClientId(7), crate::bft::request::client_of(n(3))] {
        let signer = match client {
            ClientId(7) => TestSigner(Identity::Client(client)),
            _ => TestSigner(Identity::Node(n(3))),
        };
        let request = Request { epoch: 0, change: swap(&[5], &[1]) };
        let bundle = Arc::new(request.signed_as(client, CLUSTER, RequestNumber(1), &signer));
        cluster.hand_to_all(&bundle);
        cluster.run(500);
        cluster.serves(1, 1);
    }
    assert!((1..=5).all(|node| cluster.epoch(node) == 0));
    assert!(cluster.noted(1, |event| *event == Event::ChangeRefused));
    let forged = Request { epoch: 0, change: swap(&[5], &[1]) };
    let forged = forged.signed(CLUSTER, RequestNumber(1), &TestSigner(Identity::Node(n(3))));
    cluster.hand_to_all(&Arc::new(forged));
    cluster.run(2_000);
    assert!((1..=5).all(|node| cluster.epoch(node) == 0), "not the operator's signature");
}

impl<P: Case> Cluster<P> {
    /// Each request of clients stands in what was applied, and no more often than its protocol may order it.
    fn assert_each_executed_once(&self, clients: std::ops::RangeInclusive<u64>) {
        let times = |of: (u64, u64)| self.ordered.values().filter(|ordered| **ordered == of).count();
        for of in clients.flat_map(|client| [(client, 1), (client, 2)]) {
            assert!((1..=P::ORDERED_AT_MOST).contains(&times(of)), "{of:?} stands {} times", times(of));
        }
    }
}

claims!(
    one_voter_is_replaced_and_the_new_one_counts,
    a_cluster_grows_from_four_to_seven_and_shrinks_again,
    all_four_are_replaced_at_once,
    a_change_among_other_requests_loses_none_and_doubles_none,
    of_two_changes_that_race_one_happens,
    a_change_that_was_meant_for_an_old_epoch_changes_nothing,
    a_change_that_makes_no_sense_changes_nothing,
    a_client_or_a_replica_that_is_not_the_operator_changes_nothing,
);
