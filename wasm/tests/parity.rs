//! Are runs with heavy faults the same in wasm as natively?
//!
//! Runs in Node only: the browser's engine is the same, and one is enough.
#![cfg(target_arch = "wasm32")]

use quorumscope_lab::keys::Scheme;
use quorumscope_lab::scenario::profile::{Plan, Profile, SHORTEST_RUN, generate};
use quorumscope_lab::scenario::{ProtocolName, Run};
use wasm_bindgen_test::wasm_bindgen_test;

/// Holds runs against what `tests/tests/all/parity.rs` has written natively.
fn are_as_natively(protocol: ProtocolName, nodes: u32, seen_natively: &str, count: usize) {
    let lines: Vec<_> = seen_natively.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), count);
    for line in lines {
        let mut words = line.split(' ');
        let seed: u64 = words.next().and_then(|word| word.parse().ok()).expect("a seed");
        let signer = words.next().and_then(|word| Scheme::ALL.into_iter().find(|scheme| scheme.name() == word));
        let signer = signer.expect("a signer");
        let plan = Plan { signer, ..Profile::Heavy.plan() };
        let scenario = generate(protocol, nodes, seed, &plan, SHORTEST_RUN, &[]);
        let mut run = Run::new(&scenario).expect("generated scenarios can run");
        run.set_recording(false);
        run.run_to_end();
        let simulation = run.simulation();
        assert_eq!(format!("{seed} {} {} {}", signer.name(), simulation.digest(), simulation.events()), line);
    }
}

#[wasm_bindgen_test]
fn two_hundred_heavy_runs_of_raft_have_the_digests_that_they_have_natively() {
    are_as_natively(ProtocolName::Raft, 5, include_str!("../../tests/golden/digests-raft.txt"), 200);
}

#[wasm_bindgen_test]
fn heavy_runs_of_pbft_have_the_digests_that_they_have_natively() {
    are_as_natively(ProtocolName::Pbft, 4, include_str!("../../tests/golden/digests-pbft.txt"), 41);
}

#[wasm_bindgen_test]
fn heavy_runs_of_hotstuff_have_the_digests_that_they_have_natively() {
    are_as_natively(ProtocolName::HotStuff, 4, include_str!("../../tests/golden/digests-hotstuff.txt"), 41);
}

#[wasm_bindgen_test]
fn heavy_runs_of_the_hybrid_have_the_digests_that_they_have_natively() {
    are_as_natively(ProtocolName::Hybrid, 4, include_str!("../../tests/golden/digests-hybrid.txt"), 41);
}
