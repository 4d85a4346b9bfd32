//! Is a run the same wherever and however it is run?
//!
//! The digests of all heavy seeds stand in `golden/digests-heavy.txt`, which
//! `wasm/tests/parity.rs` holds against the same runs in wasm. A change of
//! behaviour changes them: look at what it does, then write them anew with
//! `BLESS=1 cargo test -p quorumscope-tests parity`.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::heavy;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/digests-heavy.txt")
}

fn digests(recording: bool) -> String {
    let mut lines = String::from("# seed, digest, events: runs of five nodes with heavy faults\n");
    for seed in 0..heavy::SEEDS {
        let mut run = heavy::run(seed);
        run.set_recording(recording);
        while run.step() {
            drop(run.take_records());
        }
        assert_eq!((run.error(), run.simulation().violations()), (None, &[][..]), "seed {seed}");
        let simulation = run.simulation();
        writeln!(lines, "{seed} {} {}", simulation.digest(), simulation.events()).expect("a text takes any line");
    }
    lines
}

#[test]
fn heavy_runs_have_their_digests_in_two_runs_recorded_or_not() {
    let unrecorded = digests(false);
    assert_eq!(unrecorded, digests(true), "recording must not change a run");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(golden(), &unrecorded).expect("the folder of golden files can be written to");
    }
    let kept = std::fs::read_to_string(golden()).expect("the golden file is there");
    let changed: Vec<_> = kept.lines().zip(unrecorded.lines()).filter(|(kept, now)| kept != now).collect();
    assert!(
        changed.is_empty() && kept.len() == unrecorded.len(),
        "{} digests changed, first {:?}; if that is meant: BLESS=1 cargo test -p quorumscope-tests parity",
        changed.len(),
        changed.first(),
    );
}
