//! Does the core count the same as natively?

use quorumscope_core::digest::Chain;
use std::hash::{Hash as _, Hasher as _};
use wasm_bindgen_test::wasm_bindgen_test;

/// The number that the unit test of `core/src/digest.rs` holds natively.
const SEEN_NATIVELY: u64 = 1_064_122_250_598_105_011;

#[wasm_bindgen_test]
fn the_digest_of_known_values_is_the_same_as_natively() {
    let mut chain = Chain::new();
    (1u64, "raft", Some(3u32), vec![1u8, 2, 3]).hash(&mut chain);
    assert_eq!(chain.finish(), SEEN_NATIVELY);
}
