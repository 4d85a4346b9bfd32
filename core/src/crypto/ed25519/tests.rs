//! Does the ring take and refuse what it should?

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;

use super::*;
use crate::crypto::{Domain, Family, Hash256};
use crate::types::{ClientId, NodeId};

const DOMAIN: Domain = Domain { cluster: 1, configuration: 2, instance: 3, family: Family::Pbft };

fn node(number: u32) -> Identity {
    Identity::Node(NodeId(number))
}

fn signer(identity: Identity) -> Ed25519Signer {
    Ed25519Signer::new(identity, Hash256::of(&identity.bytes()).0)
}

fn ring(nodes: u32) -> Ed25519Ring {
    let mut ring = Ed25519Ring::default();
    for number in 1..=nodes {
        ring.register(node(number), signer(node(number)).public_key()).unwrap();
    }
    ring
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    assert_eq!(text.len(), 2 * N);
    core::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
}

/// RFC 8032, §7.1, TEST 1 to 3.
#[test]
fn it_signs_as_in_rfc_8032() {
    for (secret, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            &[][..],
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            &[0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            &[0xaf, 0x82],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ] {
        let signer = Ed25519Signer::new(node(1), bytes(secret));
        assert_eq!(signer.public_key(), PublicKey(bytes(public)));
        let signed = signer.sign_bytes(message);
        assert_eq!(signed, Signature(bytes(signature)));
        let key = Key::new(signer.public_key()).unwrap();
        let signed = Signed { key: &key, message, signature: &signed };
        assert!(signed.holds() && predicate::all_hold(&[signed, signed]));
    }
}

#[test]
fn a_signature_for_one_domain_or_kind_is_refused_under_any_other() {
    let ring = ring(1);
    let said = |domain: &Domain, kind| Statement::new(domain, kind).number(7);
    let claim = Claim::new(&signer(node(1)), said(&DOMAIN, 1));
    assert_eq!(ring.verify(core::slice::from_ref(&claim)), Ok(()));
    let elsewhere = [
        said(&Domain { cluster: 9, ..DOMAIN }, 1),
        said(&Domain { configuration: 9, ..DOMAIN }, 1),
        said(&Domain { instance: 9, ..DOMAIN }, 1),
        said(&Domain { family: Family::HotStuff, ..DOMAIN }, 1),
        said(&Domain { family: Family::Hybrid, ..DOMAIN }, 1),
        said(&Domain { family: Family::Session, ..DOMAIN }, 1),
        said(&DOMAIN, 2),
        Statement::new(&DOMAIN, 1).number(8),
        Statement::new(&DOMAIN, 1),
    ];
    for statement in elsewhere {
        let moved = Claim { statement, ..claim.clone() };
        let forged = Err(Forged { by: node(1) });
        assert_eq!(ring.verify(core::slice::from_ref(&moved)), forged, "{moved:?}");
        assert_eq!(ring.verify(&vec![moved; BATCH_FROM]), forged);
    }
}

#[test]
fn keys_that_anybody_can_sign_for_are_refused() {
    for point in EIGHT_TORSION {
        let found = Ed25519Ring::default().register(node(1), PublicKey(point.compress().0));
        assert_eq!(found, Err(KeyError::SmallOrder(node(1))));
    }
}

#[test]
fn malformed_keys_are_refused() {
    let no_point = (0..=255).map(|low| [low; 32]).find(|bytes| Key::new(PublicKey(*bytes)).is_none());
    let mut another_zero = [0xff; 32];
    (another_zero[0], another_zero[31]) = (0xed, 0x7f); // y = p
    for key in [no_point.expect("half of all numbers are none"), another_zero] {
        let found = Ed25519Ring::default().register(node(1), PublicKey(key));
        assert_eq!(found, Err(KeyError::Malformed(node(1))));
    }
}

#[test]
fn an_identity_keeps_its_key_and_a_key_its_identity() {
    let mut ring = ring(2);
    let key = |number| signer(node(number)).public_key();
    assert_eq!(ring.register(node(1), key(1)), Ok(()));
    assert_eq!(ring.register(node(1), key(3)), Err(KeyError::Changed(node(1))));
    assert_eq!(ring.register(node(1), key(2)), Err(KeyError::Shared(node(1), node(2))));
    let client = Identity::Client(ClientId(1));
    assert_eq!(ring.register(client, key(1)), Err(KeyError::Shared(client, node(1))));
    let claim = Claim::new(&signer(node(1)), Statement::new(&DOMAIN, 1));
    assert_eq!(ring.verify(&[claim]), Ok(()));
}

#[test]
fn nobody_signs_for_another_and_nobody_unknown_signs() {
    let ring = ring(2);
    let claim = Claim::new(&signer(node(1)), Statement::new(&DOMAIN, 1));
    for by in [node(2), node(3), Identity::Client(ClientId(1))] {
        let stolen = Claim { by, ..claim.clone() };
        assert_eq!(ring.verify(core::slice::from_ref(&stolen)), Err(Forged { by }));
        assert_eq!(ring.verify(&[claim.clone(), stolen, claim.clone()]), Err(Forged { by }));
    }
    let forged = Forged { by: node(3) };
    assert_eq!(forged.to_string(), "a signature that is said to be of n3 does not hold");
}

#[test]
fn a_key_of_mixed_order_is_taken_and_judged_alike_alone_and_together() {
    let secret = Scalar::from(5u64);
    let key = EdwardsPoint::mul_base(&secret) + EIGHT_TORSION[1];
    let mut ring = ring(1);
    assert_eq!(ring.register(node(2), PublicKey(key.compress().0)), Ok(()));
    let claim = Claim::new(&signer(node(1)), Statement::new(&DOMAIN, 1));
    let stolen = Claim { by: node(2), ..claim.clone() };
    assert_eq!(ring.verify(&[claim, stolen]), Err(Forged { by: node(2) }));
}

#[test]
fn a_signer_never_shows_its_secret() {
    let secret = [0xAB; 32];
    let shown = format!("{:?}", Ed25519Signer::new(node(1), secret));
    let key = Ed25519Signer::new(node(1), secret).public_key();
    assert_eq!(shown, format!("Ed25519Signer(n1, {key})"));
}

/// What is done to an honest claim.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    Flip(u16),
    By(u32),
    Says(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        12 => Just(Change::Nothing),
        1 => (0..512u16).prop_map(Change::Flip),
        1 => (1..7u32).prop_map(Change::By),
        1 => (0..3u64).prop_map(Change::Says),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn claims_hold_together_exactly_if_each_holds_alone_and_the_first_forged_one_is_named(
        made in proptest::collection::vec((1..6u32, 0..3u64, change()), 0..20),
    ) {
        let ring = ring(5);
        let statement = |number| Statement::new(&DOMAIN, 1).number(number);
        let claims: Vec<_> = made.iter().map(|(number, says, change)| {
            let mut claim = Claim::new(&signer(node(*number)), statement(*says));
            match change {
                Change::Nothing => {}
                Change::Flip(bit) => claim.signature.0[usize::from(bit / 8)] ^= 1 << (bit % 8),
                Change::By(other) => claim.by = node(*other),
                Change::Says(other) => claim.statement = statement(*other),
            }
            claim
        }).collect();
        let alone = claims.iter().find_map(|claim| ring.verify(core::slice::from_ref(claim)).err());
        prop_assert_eq!(ring.verify(&claims), alone.map_or(Ok(()), Err));
    }
}
