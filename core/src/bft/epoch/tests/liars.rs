//! What liars say about epochs.

use super::*;
use crate::bft::epoch::{Link, MAX_EPOCH, Message, Word, link};
use crate::bft::{Certificate, Checkpoint};
use crate::crypto::Signer as _;
use crate::quorum::Byzantine;
use crate::types::{LogIndex, Sequence, Term, Wall};

fn checkpoint(members: &Membership) -> Checkpoint {
    Checkpoint {
        sequence: Sequence(3),
        index: LogIndex(3),
        term: Term(0),
        log_time: Wall(7),
        membership: Checkpoint::membership_hash(members),
        digest: Digest(7),
        bytes: 7,
        snapshot: Hash256::of(b"a state"),
    }
}

/// A link to `epoch` that these have signed; whose signature is not the signer's own is made up.
fn link<P: Case>(epoch: u64, members: &Membership, by: &[u32], forged: &[u32]) -> Arc<Link> {
    let config = P::config(settings(4), Switches::all_on());
    let domain = P::setting(&config).domain_of(epoch);
    let checkpoint = checkpoint(members);
    let sign = |id: &u32| {
        let own = if forged.contains(id) { 99 } else { *id };
        (n(*id), TestSigner(Identity::Node(n(own))).sign(&link::statement(&checkpoint, &domain)))
    };
    let certificate = Certificate::of(by.iter().map(sign), 4);
    Arc::new(Link { epoch, checkpoint, members: members.clone(), certificate })
}

fn send<P: Case>(cluster: &mut Cluster<P>, from: u32, to: u32, message: Message) {
    cluster.post(n(from), n(to), P::about_epochs(message));
}

fn links_that_too_few_have_signed_or_that_are_forged_lead_nowhere<P: Case>() {
    let mut cluster = cluster::<P>(1, 1);
    cluster.serves(1, 1);
    let (old, new) = (Membership::of(ids(&[1, 2, 3, 4])), Membership::of(ids(&[5])));
    let sound = link::<P>(1, &new, &[1, 2, 3], &[]);
    let other_members = Link { members: Membership::of(ids(&[4])), ..(*sound).clone() };
    let learners = Membership { learners: ids(&[6]), ..new.clone() };
    let twice = {
        let domain = P::setting(&P::config(settings(4), Switches::all_on())).domain_of(1);
        let signature = TestSigner(Identity::Node(n(4))).sign(&link::statement(&checkpoint(&new), &domain));
        let doubled = postcard::to_allocvec(&vec![(n(4), signature), (n(4), signature), (n(4), signature)]);
        let certificate = postcard::from_bytes(&doubled.expect("a list")).expect("a certificate");
        Link { certificate, ..(*sound).clone() }
    };
    for false_link in [
        link::<P>(1, &new, &[4], &[]),
        link::<P>(1, &new, &[3, 4], &[]),
        link::<P>(1, &new, &[1, 2, 4], &[1, 2]),
        link::<P>(1, &new, &[4, 5, 6], &[]),
        link::<P>(1, &learners, &[1, 2, 3], &[]),
        Arc::new(other_members),
        Arc::new(twice),
        Arc::new(Link { epoch: 2, ..(*sound).clone() }),
        link::<P>(MAX_EPOCH + 1, &new, &[1, 2, 3], &[]),
    ] {
        for to in [1, 2, 3, 5] {
            send(&mut cluster, 4, to, Message::Links(vec![Arc::clone(&false_link)]));
        }
        cluster.run(200);
        assert!((1..=5).all(|node| cluster.epoch(node) == 0), "{false_link:?}");
    }
    assert!(cluster.noted(1, |event| matches!(event, Event::LinkRefused { .. })));
    let quorum = Byzantine::of(&old.voters, false);
    assert!(sound.follows(0, &quorum, true) && !sound.follows(1, &quorum, true), "the true one would lead on");
    cluster.serves(1, 2);
}

/// Each link is verified with the voters of the one before it, and no other.
fn a_chain_with_one_false_link_is_followed_up_to_there<P: Case>() {
    let mut cluster = cluster::<P>(4, 2);
    let (new, newer) = (Membership::of(ids(&[5, 6, 7, 8])), Membership::of(ids(&[4])));
    let chain = vec![
        link::<P>(1, &new, &[1, 2, 3], &[]),
        // Signed by a quorum of the first voters, who have no say in the second epoch.
        link::<P>(2, &newer, &[1, 2, 3], &[]),
    ];
    send(&mut cluster, 4, 5, Message::Links(chain));
    cluster.run(50);
    assert_eq!((cluster.epoch(5), cluster.node(5).replica.members()), (1, &new));
}

/// It is as if it had said nothing: the others are a quorum.
fn a_voter_with_a_false_word_delays_nobody<P: Case>() {
    for seed in 0..10 {
        let mut cluster = cluster::<P>(1, seed);
        cluster.liars.insert(n(1));
        cluster.tamper = Some(Box::new(|from, _, message| match P::see(&message) {
            super::super::Seen::Epoch(Message::Word(word)) if from == n(1) => {
                let config = P::config(settings(4), Switches::all_on());
                let domain = P::setting(&config).domain_of(word.epoch);
                let checkpoint = Checkpoint { digest: Digest(9), ..word.checkpoint };
                let signature = TestSigner(Identity::Node(n(1))).sign(&link::statement(&checkpoint, &domain));
                vec![P::about_epochs(Message::Word(Box::new(Word { checkpoint, signature, ..**word })))]
            }
            _ => vec![message],
        }));
        cluster.serves(1, 1);
        cluster.change_to(0, swap(&[5], &[1]));
        cluster.serves(1, 2);
        cluster.assert_one_state();
    }
}

/// What is said for its epoch by somebody without a vote in it counts for nothing, and far epochs cost nothing.
fn words_of_strangers_and_of_far_epochs_count_for_nothing<P: Case>() {
    let mut cluster = cluster::<P>(1, 3);
    cluster.serves(1, 1);
    let new = Membership::of(ids(&[5]));
    let config = P::config(settings(4), Switches::all_on());
    for (by, epoch) in [(5, 1), (4, 1), (4, 2), (4, MAX_EPOCH), (4, u64::MAX)] {
        let checkpoint = checkpoint(&new);
        let domain = P::setting(&config).domain_of(epoch);
        let signature = TestSigner(Identity::Node(n(by))).sign(&link::statement(&checkpoint, &domain));
        for to in 1..=3 {
            send(&mut cluster, by, to, Message::Word(Box::new(Word { epoch, checkpoint, signature })));
            send(&mut cluster, by, to, Message::Here { epoch });
            let nested = P::later(epoch, P::later(epoch, P::about_epochs(Message::Here { epoch })));
            cluster.post(n(by), n(to), nested);
        }
    }
    cluster.run(1_000);
    assert!((1..=5).all(|node| cluster.epoch(node) == 0));
    cluster.serves(1, 2);
    cluster.change_to(0, swap(&[5], &[4]));
    cluster.serves(1, 3);
}

claims!(
    links_that_too_few_have_signed_or_that_are_forged_lead_nowhere,
    a_chain_with_one_false_link_is_followed_up_to_there,
    a_voter_with_a_false_word_delays_nobody,
    words_of_strangers_and_of_far_epochs_count_for_nothing,
);
