//! What does a scenario say of protocols whose nodes may lie?

use quorumscope_core::entry::Entry;
use quorumscope_core::record::Role;
use quorumscope_core::types::{LogIndex, NodeId, Time};

use super::{ProtocolName, Run, Scenario};
use crate::check::linearizable::{self, Verdict};
use crate::check::property::AGREEMENT;

const PBFT: &str = r#"
protocol = "pbft"
signer = "cheap"
nodes = 4
seed = 9
until = "4s"
[protocol-config]
request_timeout = ["300ms", "2s"]
checkpoint_interval = 4
window = 16
clock_tolerance = "5s"
[[client]]
id = "c1"
operations = 20
think = ["20ms", "60ms"]
"#;

const HOTSTUFF: &str = r#"
protocol = "hotstuff"
signer = "cheap"
nodes = 4
seed = 9
until = "4s"
[protocol-config]
view_timeout = ["200ms", "1600ms"]
checkpoint_interval = 4
max_blocks = 64
log_time_jump = "30s"
[[client]]
id = "c1"
operations = 20
think = ["20ms", "60ms"]
"#;

const HYBRID: &str = r#"
protocol = "hybrid"
signer = "cheap"
nodes = 4
seed = 9
until = "4s"
[protocol-config]
request_timeout = ["300ms", "2s"]
checkpoint_interval = 4
window = 16
threat_window = "45s"
dwell = "7s"
longest_dwell = "30s"
[[client]]
id = "c1"
operations = 20
think = ["20ms", "60ms"]
"#;

fn played(text: &str) -> Run {
    let scenario = Scenario::from_toml(text).expect("a scenario");
    let mut run = Run::new(&scenario).expect("it can run");
    run.run_to_end();
    assert_eq!(run.error(), None);
    run
}

fn refused(text: &str) -> String {
    Scenario::from_toml(text).map(|_| String::new()).unwrap_or_else(|error| error.to_string())
}

#[test]
fn settings_are_read_and_written_back_as_they_were() {
    for text in [PBFT, HOTSTUFF, HYBRID] {
        let scenario = Scenario::from_toml(text).expect("a scenario");
        let printed = scenario.to_toml();
        assert_eq!(Scenario::from_toml(&printed).as_ref(), Ok(&scenario), "{printed}");
        assert!(printed.contains("checkpoint_interval = 4"), "{printed}");
    }
}

#[test]
fn requests_are_ordered_executed_by_all_and_believed() {
    for text in [PBFT, HOTSTUFF, HYBRID] {
        let run = played(text);
        let simulation = run.simulation();
        assert_eq!(simulation.violations(), []);
        assert_eq!(simulation.coverage().operations_ok, 20);
        assert_eq!(linearizable::check(simulation.history(), 100_000), Verdict::Linearizable);
        let applied: Vec<_> = (1..=4).filter_map(|id| simulation.node(NodeId(id))).map(|face| face.applied).collect();
        assert!(applied.iter().all(|index| *index == applied[0] && index.0 >= 21), "{applied:?}");
    }
}

#[test]
fn real_signatures_lead_to_the_same_decisions_as_cheap_ones() {
    for text in [PBFT, HOTSTUFF, HYBRID] {
        let (cheap, real) = (played(text), played(&text.replace("cheap", "real")));
        let decided = |run: &Run| run.simulation().decided().iter().map(|(i, t)| (*i, *t)).collect::<Vec<_>>();
        assert_eq!(decided(&cheap), decided(&real));
        assert_ne!(cheap.simulation().digest(), real.simulation().digest(), "signatures are in the digest");
    }
}

#[test]
fn one_node_leads_in_a_calm_pbft_cluster_and_it_is_the_one_in_turn() {
    let run = played(PBFT);
    let leads = |id: &u32| run.simulation().node(NodeId(*id)).is_some_and(|face| face.status.role == Role::Leader);
    assert_eq!((1..=4).filter(leads).collect::<Vec<_>>(), [1]);
    assert_eq!(run.simulation().now(), Time(4_000_000));
}

#[test]
fn steps_of_raft_are_refused_with_what_is_missing() {
    let cases = [
        ("transfer = { to = \"n2\" }", "pbft has no transfer of leadership"),
        (
            "members = { add = \"n2\" }",
            "pbft has no learners and observers: its voters change at once (promote, remove)",
        ),
        (
            "members = { observe = \"n2\" }",
            "pbft has no learners and observers: its voters change at once (promote, remove)",
        ),
        ("subscribe = { node = \"n2\", keys = [\"x\"] }", "pbft has no edges"),
        ("read = { key = \"x\" }", "pbft has no reads beside the log"),
        ("snapshot = \"n1\"", "pbft has no snapshots by hand"),
        ("propose = { set = { key = \"x\", value = \"1\" }, class = \"relaxed\" }", "pbft has no early answers"),
    ];
    for (step, words) in cases {
        let error = refused(&format!("{PBFT}\n[[step]]\nat = \"1s\"\n{step}\n"));
        assert!(error.contains(words), "{step}: {error}");
    }
}

#[test]
fn settings_signers_and_rules_of_another_protocol_are_refused() {
    let raft = "protocol = \"raft\"\nnodes = 3\n";
    assert!(refused(&format!("{raft}signer = \"real\"\n")).contains("those of raft do not"));
    let foreign = refused(&PBFT.replace("checkpoint_interval", "heartbeat"));
    assert!(foreign.contains("unknown key \"heartbeat\""), "{foreign}");
    let rule = refused(&format!("{PBFT}\n[rules]\n\"raft.one-vote-per-term\" = false\n"));
    assert!(rule.contains("a run of pbft cannot switch \"raft.one-vote-per-term\" off"), "{rule}");
    let window = refused(&PBFT.replace("window = 16", "window = 6"));
    assert!(window.contains("window"), "{window}");
    let threat = refused(&PBFT.replace("window = 16", "threat_window = \"9s\""));
    assert!(threat.contains("unknown key \"threat_window\""), "{threat}");
    let threat = refused(&HYBRID.replace("\"45s\"", "\"0s\""));
    assert!(threat.contains("threat_window must be above zero"), "{threat}");
}

#[test]
fn clients_of_nodes_that_may_lie_read_through_the_log() {
    let scenario = Scenario::from_toml(&PBFT.replace("operations = 20", "operations = 20\nreads = \"index\""));
    let error = Run::new(&scenario.expect("a scenario")).map(|_| ()).expect_err("refused").to_string();
    assert!(error.contains("c1 reads beside the log"), "{error}");
    assert_eq!(ProtocolName::named("pbft").map(ProtocolName::signs), Some(true));
}

/// PROTOCOLS, "Hybrid", 7: "every entry with commit evidence keeps its index and hash in every later instance". Agreement
/// is by index across the phases, whoever has decided first, so a checker that finds nothing says just that.
#[test]
fn what_is_committed_in_the_two_rounds_keeps_its_place_in_pbft() {
    let text = include_str!("../../../tests/scenarios/hybrid-under-attack.toml");
    let mut run = Run::new(&Scenario::from_toml(text).expect("a scenario")).expect("it can run");
    let decided = |run: &Run| {
        let entries = (1..).map_while(|index| run.simulation().decided_entry(LogIndex(index)).cloned());
        entries.collect::<Vec<_>>()
    };
    let switches = |run: &Run| run.simulation().coverage().switches;
    while switches(&run) == 0 && run.step() {}
    let before = decided(&run);
    run.run_to_end();
    assert!(switches(&run) >= 3 && before.len() > 3 && run.simulation().violations().is_empty());
    let after = decided(&run);
    assert_eq!(after[..before.len()], before, "by index: terms, commands and log times");
    assert!(after.len() > before.len() && after.is_sorted_by(|a, b| a.term <= b.term));
    let instances = |entries: &[Entry]| entries.iter().map(|entry| entry.term.0 >> 32).collect::<Vec<_>>();
    assert!(
        instances(&before).iter().all(|of| *of == 0) && instances(&after[before.len()..]).iter().all(|of| *of == 2)
    );
    for node in (2..=4).map(NodeId) {
        let face = run.simulation().node(node).expect("a node");
        assert_eq!(face.applied.0, after.len() as u64, "{node}");
    }
}

/// One liar more than PBFT bears: the run says so by breaking what one alone never breaks.
#[test]
fn two_liars_of_four_break_agreement_and_one_of_them_alone_does_not() {
    let two = include_str!("../../../tests/scenarios/pbft-two-liars.toml");
    let run = played(two);
    assert!(run.succeeded(), "{:?}", run.expectations());
    assert!(run.simulation().violations().iter().any(|violation| violation.property == AGREEMENT));
    let one = two.replace("[\"n1\", \"n2\"]", "\"n1\"");
    assert_eq!(played(&one).simulation().violations(), []);
}
