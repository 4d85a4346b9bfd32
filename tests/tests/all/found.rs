//! Does what explorations found once stay mended?
//!
//! Each file in `scenarios/found` is a run that failed before its cause was
//! mended; seeds rot when the order of draws changes, files do not.

use std::path::PathBuf;

use quorumscope_lab::explore::explore;
use quorumscope_lab::scenario::Scenario;

#[test]
fn no_run_that_an_exploration_found_once_fails_again() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/found");
    let files = std::fs::read_dir(folder).expect("the folder of found runs");
    let mut count = 0;
    for file in files {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let scenario = Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let outcome = explore(&scenario).expect("it can run");
        assert!(!outcome.failed(), "{}: {:?}", path.display(), outcome.violations);
        count += 1;
    }
    assert!(count > 0, "the folder has lost its files");
}
