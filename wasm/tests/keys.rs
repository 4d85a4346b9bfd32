//! Are signatures and verdicts the same in wasm as natively?
//!
//! Runs in Node only: the browser's engine is the same, and one is enough.
#![cfg(target_arch = "wasm32")]

use quorumscope_core::crypto::{Claim, Domain, Family, Forged, Identity, Statement};
use quorumscope_core::types::NodeId;
use quorumscope_lab::keys::{Keys, Scheme};
use wasm_bindgen_test::wasm_bindgen_test;

/// Held against what is signed natively by the tests of `lab/src/keys.rs`.
const SEEN_NATIVELY: &str = include_str!("../../tests/golden/signatures.txt");

const DOMAIN: Domain = Domain { cluster: 1, configuration: 1, instance: 1, family: Family::Hybrid };

fn claim(keys: Keys, node: u32) -> Claim {
    Claim::new(&*keys.signer(Identity::Node(NodeId(node))), Statement::new(&DOMAIN, 1).number(5))
}

fn schemes() -> impl Iterator<Item = (Scheme, &'static str)> {
    SEEN_NATIVELY.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (scheme, signature) = line.split_once(' ').expect("a scheme and a signature");
        let known = [Scheme::Real, Scheme::Cheap].into_iter().find(|known| format!("{known:?}") == scheme);
        (known.expect("a scheme"), signature)
    })
}

#[wasm_bindgen_test]
fn signatures_are_the_ones_that_are_made_natively() {
    assert_eq!(schemes().count(), 2);
    for (scheme, signature) in schemes() {
        let signed = claim(Keys::new(7, scheme), 1).signature;
        assert_eq!(serde_json::to_string(&signed).expect("text"), format!("\"{signature}\""));
    }
}

#[wasm_bindgen_test]
fn claims_hold_alone_and_together_and_one_forged_among_them_is_named() {
    for (scheme, _) in schemes() {
        let keys = Keys::new(7, scheme);
        let verifier = keys.verifier((1..=40).map(NodeId), []);
        let mut claims: Vec<_> = (1..=40).map(|node| claim(keys, node)).collect();
        assert_eq!(verifier.verify(&claims[..1]), Ok(()));
        assert_eq!(verifier.verify(&claims), Ok(()));
        claims[30].signature.0[3] ^= 1;
        assert_eq!(verifier.verify(&claims), Err(Forged { by: Identity::Node(NodeId(31)) }));
        assert_eq!(verifier.verify(&claims[30..31]), Err(Forged { by: Identity::Node(NodeId(31)) }));
    }
}
