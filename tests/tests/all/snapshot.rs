//! Do snapshots keep logs short without anybody forgetting anything?

use std::path::PathBuf;

use quorumscope_core::types::LogIndex;
use quorumscope_lab::scenario::{Action, NodeVerb, Run, Scenario};
use quorumscope_lab::trace::view::View;

fn scenario() -> Scenario {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/snapshot.toml");
    let text = std::fs::read_to_string(&path).expect("the scenario is there");
    Scenario::from_toml(&text).expect("it can be read")
}

#[test]
fn snapshots_at_a_threshold_keep_every_log_short_and_every_entry_known() {
    let mut scenario = scenario();
    scenario.steps.retain(|step| !matches!(step.action, Some(Action::Nodes(NodeVerb::Snapshot, _))));
    scenario.raft.snapshots.threshold = 4;
    scenario.expect.clear();
    let mut run = Run::new(&scenario).expect("settings that can run");
    let mut view = View::default();
    while run.step() {
        run.take_records().iter().for_each(|record| view.fold(record));
    }
    for (id, node) in &view.nodes {
        assert!(node.log.len() <= 6 && node.base.index > LogIndex(0), "{id} holds {} entries", node.log.len());
        assert_eq!(node.term_at(node.base.index), Some(node.base.term), "{id}");
        assert_eq!(node.entry(node.base.index), None, "{id}");
    }
    let decided = run.simulation().decided().len() as u64;
    assert!((1..=decided).all(|index| run.simulation().decided_entry(LogIndex(index)).is_some()));
}
