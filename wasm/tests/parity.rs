//! Are runs with heavy faults the same in wasm as natively?
//!
//! Runs in Node only: the browser's engine is the same, and one is enough.
#![cfg(target_arch = "wasm32")]

use quorumscope_lab::scenario::profile::{Profile, SHORTEST_RUN, generate};
use quorumscope_lab::scenario::{ProtocolName, Run};
use wasm_bindgen_test::wasm_bindgen_test;

/// Written natively by `tests/tests/all/parity.rs`.
const SEEN_NATIVELY: &str = include_str!("../../tests/golden/digests-heavy.txt");

#[wasm_bindgen_test]
fn two_hundred_heavy_runs_have_the_digests_that_they_have_natively() {
    let lines: Vec<_> = SEEN_NATIVELY.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 200);
    for (seed, line) in (0..).zip(lines) {
        let scenario = generate(ProtocolName::Raft, 5, seed, &Profile::Heavy.plan(), SHORTEST_RUN, &[]);
        let mut run = Run::new(&scenario).expect("generated scenarios can run");
        run.set_recording(false);
        run.run_to_end();
        let simulation = run.simulation();
        assert_eq!(format!("{seed} {} {}", simulation.digest(), simulation.events()), line);
    }
}
