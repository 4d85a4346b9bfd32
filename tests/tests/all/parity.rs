//! Is a run the same wherever and however it is run?
//!
//! The digests of heavy seeds stand in `golden/digests-<protocol>.txt`, which
//! `wasm/tests/parity.rs` holds against the same runs in wasm. A change of
//! behaviour changes them: look at what it does, then write them anew with
//! `BLESS=1 cargo test -p quorumscope-tests parity`.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::heavy::{SWEEPS, Sweep};

fn golden(sweep: &Sweep) -> PathBuf {
    let name = format!("golden/digests-{}.txt", sweep.protocol.name());
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn digests(sweep: &Sweep, recording: bool) -> String {
    let mut lines = format!("# seed, signer, digest, events: runs of {} nodes with heavy faults\n", sweep.nodes);
    for (seed, signer) in sweep.named() {
        let mut run = sweep.run(seed, signer);
        run.set_recording(recording);
        while run.step() {
            drop(run.take_records());
        }
        let name = format!("{} seed {seed}", sweep.protocol.name());
        assert_eq!((run.error(), run.simulation().violations()), (None, &[][..]), "{name}");
        let (digest, events) = (run.simulation().digest(), run.simulation().events());
        writeln!(lines, "{seed} {} {digest} {events}", signer.name()).expect("a text takes any line");
    }
    lines
}

#[test]
fn heavy_runs_have_their_digests_in_two_runs_recorded_or_not() {
    for sweep in &SWEEPS {
        let unrecorded = digests(sweep, false);
        assert_eq!(unrecorded, digests(sweep, true), "recording must not change a run");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(golden(sweep), &unrecorded).expect("the folder of golden files can be written to");
        }
        let kept = std::fs::read_to_string(golden(sweep)).expect("the golden file is there");
        let changed: Vec<_> = kept.lines().zip(unrecorded.lines()).filter(|(kept, now)| kept != now).collect();
        assert!(
            changed.is_empty() && kept.len() == unrecorded.len(),
            "{} digests changed, first {:?}; if that is meant: BLESS=1 cargo test -p quorumscope-tests parity",
            changed.len(),
            changed.first(),
        );
    }
}
