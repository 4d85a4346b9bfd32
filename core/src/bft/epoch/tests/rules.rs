//! Each guard, and what breaks without it.

use super::*;
use crate::bft::epoch::{Link, Message, Seen, link};
use crate::bft::{Certificate, Checkpoint};
use crate::crypto::Signer as _;
use crate::rules::Rule;

fn without<P: Case>(rule: Rule, spares: u32, seed: u64) -> Cluster<P> {
    with_spares(Cluster::without(4, seed, rule), spares)
}

/// A client takes the votes of three honest replicas away.
fn without_the_operators_key_any_client_replaces_the_voters<P: Case>() {
    let usurped = change_by(ClientId(7), 0, 1, swap(&[5], &[1, 2, 3, 4]));
    for (mut cluster, epoch) in [(cluster::<P>(1, 1), 0), (without::<P>(Rule::EpochChangeByOperatorOnly, 1, 1), 1)] {
        cluster.serves(1, 1);
        cluster.hand_to_all(&usurped);
        cluster.run(3_000);
        assert!((1..=4).all(|node| cluster.epoch(node) == epoch));
    }
}

/// What is executed behind the end is told to clients, and is in no state that the next epoch begins with.
fn without_the_end_at_the_change_what_is_ordered_behind_it_is_lost<P: Case>() {
    let broken = |mut cluster: Cluster<P>| {
        cluster.serves(1, 1);
        let voters = cluster.settings.voters.clone();
        // The link takes a while, and whoever goes on executes more meanwhile.
        cluster.tamper = Some(Box::new(|_, _, message| match P::see(&message) {
            Seen::Epoch(_) => Vec::new(),
            Seen::Own(_) | Seen::Later(..) => vec![message],
        }));
        for number in 2..=9 {
            if number == 5 {
                cluster.reconfigure(0, swap(&[5], &[4]));
            }
            cluster.ask_at(&voters, number, &[1, 2]);
        }
        cluster.run(1_000);
        cluster.tamper = None;
        cluster.run(3_000);
        cluster.settings.voters = ids(&[1, 2, 3, 5]);
        for number in 10..=14 {
            let voters = cluster.settings.voters.clone();
            cluster.ask_at(&voters, number, &[1, 2]);
        }
        cluster.run(8_000);
        !cluster.agrees() || !cluster.all_done() || cluster.voters_states().len() > 1
    };
    assert!((0..10).all(|seed| !broken(cluster::<P>(1, seed))));
    assert!((0..10).any(|seed| broken(without::<P>(Rule::EpochEndsAtChange, 1, seed))));
}

/// One liar tells a replica of an epoch in which it votes alone.
fn without_a_quorum_of_the_old_voters_one_liar_makes_an_epoch<P: Case>() {
    for (mut cluster, epoch) in [(cluster::<P>(0, 1), 0), (without::<P>(Rule::EpochLinkOfQuorum, 0, 1), 1)] {
        cluster.liars.insert(n(4));
        cluster.serves(1, 1);
        let members = Membership::of(ids(&[4]));
        let domain = P::setting(&P::config(settings(4), Switches::all_on())).domain_of(1);
        let checkpoint = Checkpoint {
            sequence: crate::types::Sequence(1),
            index: crate::types::LogIndex(1),
            term: crate::types::Term(0),
            log_time: crate::types::Wall(7),
            membership: Checkpoint::membership_hash(&members),
            digest: Digest(7),
            bytes: 7,
            snapshot: Hash256::of(b"a false state"),
        };
        let signature = TestSigner(Identity::Node(n(4))).sign(&link::statement(&checkpoint, &domain));
        let certificate = Certificate::of([(n(4), signature)].into_iter(), 4);
        let false_link = Arc::new(Link { epoch: 1, checkpoint, members, certificate });
        for to in 1..=3 {
            cluster.post(n(4), n(to), P::about_epochs(Message::Links(vec![Arc::clone(&false_link)])));
        }
        cluster.run(1_000);
        assert!((1..=3).all(|node| cluster.epoch(node) == epoch));
    }
}

claims!(
    without_the_operators_key_any_client_replaces_the_voters,
    without_the_end_at_the_change_what_is_ordered_behind_it_is_lost,
    without_a_quorum_of_the_old_voters_one_liar_makes_an_epoch,
);
