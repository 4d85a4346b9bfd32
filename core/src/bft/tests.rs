//! Claims about requests, batches, stamps, replies and certificates.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Batch, Bundle, Certificate, Replies, Reply, Tolerance};
use crate::crypto::{
    Domain, Ed25519Ring, Ed25519Signer, Family, Hash256, Identity, Signature, Signer, Statement, Verifier,
};
use crate::entry::{Class, EntryKind, Proposal, Tags};
use crate::quorum::Byzantine;
use crate::types::{ClientId, LogIndex, NodeId, RequestNumber, Span, Term, Wall};

const CLUSTER: u64 = 5;

fn proposal(client: u64, number: u64, payload: &'static [u8]) -> Proposal {
    let (client, number) = (ClientId(client), RequestNumber(number));
    Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload: Bytes::from_static(payload) }
}

fn client(id: u64) -> Ed25519Signer {
    Ed25519Signer::new(Identity::Client(ClientId(id)), [u8::try_from(id).unwrap_or(0); 32])
}

fn bundle(proposals: impl IntoIterator<Item = Proposal>) -> Bundle {
    Bundle::signed(CLUSTER, proposals.into_iter().collect(), &client(1))
}

fn ring(identities: impl IntoIterator<Item = Ed25519Signer>) -> Ed25519Ring {
    let mut ring = Ed25519Ring::default();
    for signer in identities {
        ring.register(signer.identity(), signer.public_key()).expect("a key of a secret");
    }
    ring
}

#[test]
fn a_bundle_holds_under_its_clients_key_in_its_cluster_and_nowhere_else() {
    let bundle = bundle([proposal(1, 1, b"a"), proposal(1, 2, b"b")]);
    let ring = ring([client(1), client(2)]);
    assert!(ring.verify(&[bundle.claim(CLUSTER)]).is_ok());
    assert!(ring.verify(&[bundle.claim(CLUSTER + 1)]).is_err(), "another cluster");
    let framed = Bundle::signed(CLUSTER, [proposal(2, 1, b"a")].into_iter().collect(), &client(1));
    assert!(ring.verify(&[framed.claim(CLUSTER)]).is_err(), "one client in the name of another");
}

/// The hash is computed by the receiver, so a sender cannot give requests the hash of others.
#[test]
fn a_bundle_that_travelled_is_the_same_and_a_changed_one_has_another_hash() {
    let sent = bundle([proposal(1, 1, b"a"), proposal(1, 2, b"b")]);
    let bytes = postcard::to_allocvec(&sent).expect("a bundle is written");
    let arrived: Bundle = postcard::from_bytes(&bytes).expect("and read");
    assert_eq!(arrived, sent);
    let others = [
        bundle([proposal(1, 1, b"a"), proposal(1, 2, b"c")]),
        bundle([proposal(1, 1, b"a"), proposal(1, 3, b"b")]),
        bundle([proposal(1, 2, b"b"), proposal(1, 1, b"a")]),
        bundle([proposal(1, 1, b"ab")]),
    ];
    assert!(others.iter().all(|other| other.hash() != sent.hash()));
}

#[test]
fn a_bundle_is_of_one_client_with_rising_numbers() {
    assert!(bundle([proposal(1, 1, b"a"), proposal(1, 5, b"b")]).is_well_formed());
    for wrong in [
        bundle([]),
        bundle([proposal(0, 1, b"a")]),
        bundle([proposal(1, 1, b"a"), proposal(2, 2, b"b")]),
        bundle([proposal(1, 2, b"a"), proposal(1, 2, b"b")]),
        bundle([proposal(1, 2, b"a"), proposal(1, 1, b"b")]),
    ] {
        assert!(!wrong.is_well_formed(), "{wrong:?}");
    }
}

#[test]
fn a_batch_becomes_one_entry_a_request_a_tick_for_a_time_alone_and_nothing_where_it_is_null() {
    let two = Arc::new(bundle([proposal(1, 1, b"a"), proposal(1, 2, b"b")]));
    let batch = Batch::new(Some(Wall(9)), vec![two, Arc::new(bundle([proposal(1, 3, b"c")]))]);
    let entries = batch.entries(LogIndex(4), Term(2));
    let told: Vec<_> = entries.iter().map(|entry| (entry.index.0, entry.number.0, entry.log_time.0)).collect();
    assert_eq!((batch.len(), told), (3, vec![(5, 1, 9), (6, 2, 9), (7, 3, 9)]));
    let tick = Batch::new(Some(Wall(9)), Vec::new()).entries(LogIndex(4), Term(2));
    assert_eq!(tick.iter().map(|entry| (entry.index.0, entry.kind)).collect::<Vec<_>>(), [(5, EntryKind::Tick)]);
    assert!(Batch::null().is_null() && Batch::null().entries(LogIndex(4), Term(2)).is_empty());
}

#[test]
fn batches_of_other_requests_orders_or_times_have_other_hashes() {
    let one = || Arc::new(bundle([proposal(1, 1, b"a")]));
    let two = || Arc::new(bundle([proposal(1, 2, b"b")]));
    let batches = [
        Batch::null(),
        Batch::new(Some(Wall(0)), Vec::new()),
        Batch::new(Some(Wall(1)), Vec::new()),
        Batch::new(Some(Wall(1)), vec![one(), two()]),
        Batch::new(Some(Wall(1)), vec![two(), one()]),
        Batch::new(Some(Wall(2)), vec![one(), two()]),
        Batch::new(Some(Wall(1)), vec![one()]),
    ];
    let mut hashes: Vec<Hash256> = batches.iter().map(Batch::hash).collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), batches.len());
    assert!(!Batch::new(None, vec![one()]).is_well_formed(), "requests without a time");
}

const TOLERANCE: Tolerance = Tolerance { clocks: Span(100), jump: Span(1_000) };

#[test]
fn a_stamp_is_believed_near_the_clock_and_never_before_the_one_before_it() {
    let believes = |clock, previous, stamp| TOLERANCE.believes(Wall(clock), Wall(previous), Wall(stamp));
    assert!(believes(5_000, 4_950, 5_100) && believes(5_000, 4_950, 4_950));
    assert!(!believes(5_000, 4_950, 5_101) && !believes(5_000, 4_950, 4_949) && !believes(5_000, 4_000, 4_899));
}

#[test]
fn log_time_that_runs_ahead_waits_and_log_time_that_fell_behind_jumps_by_the_most() {
    let believes = |clock, previous, stamp| TOLERANCE.believes(Wall(clock), Wall(previous), Wall(stamp));
    assert!(believes(5_000, 5_101, 5_101) && !believes(5_000, 5_101, 5_102));
    assert!(believes(5_000, 3_000, 4_000) && !believes(5_000, 3_000, 4_950) && !believes(5_000, 3_000, 3_999));
}

proptest! {
    /// Clocks within Δ of each other: what one honest node stamps the others believe.
    #[test]
    fn honest_nodes_believe_each_others_stamps(clock in 10_000u64..20_000, off in 0u64..=100, previous in 0u64..30_000) {
        let stamp = TOLERANCE.stamp(Wall(clock), Wall(previous));
        prop_assert!(TOLERANCE.believes(Wall(clock), Wall(previous), stamp));
        // Near the two edges one of two clocks may see log time as off and the other not yet.
        let settled = previous + 200 < clock + 100 && clock + 100 < previous + 900;
        for other in [clock - off, clock + off] {
            prop_assert!(!settled || TOLERANCE.believes(Wall(other), Wall(previous), stamp));
        }
    }

    /// However a proposer lies, what is believed rises, by one jump at the most, and stays near the clock once it is.
    #[test]
    fn what_is_believed_rises_by_one_jump_at_the_most(clock: u32, previous: u32, stamp: u32) {
        let (clock, previous, stamp) = (Wall(clock.into()), Wall(previous.into()), Wall(stamp.into()));
        if TOLERANCE.believes(clock, previous, stamp) {
            prop_assert!(previous <= stamp && stamp <= previous + TOLERANCE.jump);
            prop_assert!(stamp <= previous.max(clock + TOLERANCE.clocks));
        }
    }
}

fn reply(by: u32, index: u64, result: &'static [u8]) -> Reply {
    Reply {
        by: NodeId(by),
        view: Term(3),
        client: ClientId(1),
        number: RequestNumber(1),
        index: LogIndex(index),
        batch: Hash256::ZERO,
        result: Bytes::from_static(result),
        signature: Signature([0; 64]),
    }
}

/// PBFT §4.1: the client waits for f+1 replies with valid signatures from different replicas and the same result.
#[test]
fn a_client_believes_equal_replies_of_distinct_replicas_only() {
    let mut replies = Replies::default();
    assert_eq!(replies.take(reply(1, 4, b"x"), 2), None);
    assert_eq!(replies.take(reply(1, 4, b"x"), 2), None, "the same replica again");
    assert_eq!(replies.take(reply(2, 4, b"y"), 2), None, "another result");
    assert_eq!(replies.take(reply(3, 5, b"x"), 2), None, "another place");
    assert_eq!(replies.take(reply(4, 4, b"x"), 2).map(|told| told.result.clone()), Some(Bytes::from_static(b"x")));
}

#[test]
fn a_reply_holds_for_all_that_it_says() {
    let replica = Ed25519Signer::new(Identity::Node(NodeId(1)), [7; 32]);
    let ring = ring([Ed25519Signer::new(Identity::Node(NodeId(1)), [7; 32])]);
    let signed = reply(1, 4, b"x").signed(CLUSTER, &replica);
    assert!(ring.verify(&[signed.claim(CLUSTER)]).is_ok());
    for changed in [
        Reply { view: Term(4), ..signed.clone() },
        Reply { client: ClientId(2), ..signed.clone() },
        Reply { number: RequestNumber(2), ..signed.clone() },
        Reply { index: LogIndex(5), ..signed.clone() },
        Reply { batch: Hash256::of(b"other"), ..signed.clone() },
        Reply { result: Bytes::from_static(b"y"), ..signed.clone() },
    ] {
        assert!(ring.verify(&[changed.claim(CLUSTER)]).is_err(), "{changed:?}");
    }
    assert!(ring.verify(&[signed.claim(CLUSTER + 1)]).is_err(), "another cluster");
}

fn signatures(voters: &[u32]) -> impl Iterator<Item = (NodeId, Signature)> {
    voters.iter().map(|voter| (NodeId(*voter), Signature([0; 64])))
}

/// Trap 32: a signer that comes twice counts once.
#[test]
fn a_certificate_counts_each_voter_once_and_strangers_never() {
    let quorum = Byzantine::of(&[1, 2, 3, 4].map(NodeId), false);
    assert!(Certificate::of(signatures(&[4, 2, 2, 1]), 3).is_enough(&quorum));
    assert!(!Certificate::of(signatures(&[2, 2, 1]), 3).is_enough(&quorum), "two voters");
    assert!(!Certificate::of(signatures(&[1, 2, 9]), 3).is_enough(&quorum), "a stranger");
    let parts: Vec<(NodeId, Signature)> = signatures(&[1, 2, 2]).collect();
    let doubled: Certificate = postcard::from_bytes(&postcard::to_allocvec(&parts).expect("written")).expect("read");
    assert!(!doubled.is_enough(&quorum), "one that was put together by a liar");
}

#[test]
fn a_certificate_claims_what_its_place_says_for_each_voter() {
    let domain = Domain { cluster: CLUSTER, configuration: 0, instance: 0, family: Family::Pbft };
    let mut claims = Vec::new();
    let statement = |voter: NodeId| Statement::new(&domain, 9).number(u64::from(voter.0));
    Certificate::of(signatures(&[3, 1, 2]), 3).claims(statement, &mut claims);
    let told: Vec<_> = claims.iter().map(|claim| (claim.by, claim.statement.clone())).collect();
    let expected = [1, 2, 3].map(|id| (Identity::Node(NodeId(id)), statement(NodeId(id))));
    assert_eq!(told, expected);
}
