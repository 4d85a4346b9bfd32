//! Does a scenario that teaches a feature fail without it?
//!
//! Each such scenario succeeds as it stands, and fails once the feature is
//! switched off: then its expectations speak of the feature.

use std::path::PathBuf;

use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::Rule;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{NodeId, Time};
use quorumscope_lab::scenario::{Action, NodeVerb, ProtocolName, Run, Scenario, Selector, Step};

fn teaching(name: &str) -> Scenario {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn run(scenario: &Scenario) -> Run {
    let mut run = Run::new(scenario).expect("settings that can run");
    run.run_to_end();
    run
}

/// A scenario, what is changed, and how.
type Case = (&'static str, &'static str, fn(&mut Scenario));

const CASES: [Case; 19] = [
    ("check-quorum", "check-quorum off", |scenario| scenario.raft.check_quorum = false),
    ("check-quorum", "its rule off", |scenario| scenario.rules_off.push(Rule::CheckQuorum)),
    ("transfer", "no transfer asked for", |scenario| {
        scenario.steps.retain(|step| !matches!(step.action, Some(Action::Transfer { .. })));
    }),
    ("transfer", "no deadline", |scenario| scenario.rules_off.push(Rule::TransferHasDeadline)),
    ("reads", "no lease", |scenario| scenario.raft.check_quorum = false),
    ("reads", "stale reads only", |scenario| {
        for step in &mut scenario.steps {
            if let Some(Action::Read { how, .. }) = &mut step.action {
                *how = ReadHow::Stale;
            }
        }
    }),
    ("reads", "reads that nobody confirms", |scenario| scenario.rules_off.push(Rule::ReadIndexConfirmsLeadership)),
    ("members", "nobody who changes members", |scenario| {
        scenario.steps.retain(|step| !matches!(step.action, Some(Action::Members { .. })));
    }),
    ("members", "no joint configuration", |scenario| scenario.rules_off.push(Rule::JointConsensus)),
    ("members", "nobody who leaves the joint configuration", |scenario| scenario.rules_off.push(Rule::AutoLeave)),
    ("observers", "nobody who observes", |scenario| {
        scenario.steps.retain(|step| !matches!(step.action, Some(Action::Members { .. })));
    }),
    ("observers", "learners in their place", |scenario| {
        for step in &mut scenario.steps {
            if let Some(Action::Members { add, observe, .. }) = &mut step.action {
                std::mem::swap(add, observe);
            }
        }
    }),
    ("observers", "observers that prove who leads", |scenario| scenario.rules_off.push(Rule::VotersConfirm)),
    ("observers", "reads that promise nothing", |scenario| {
        for step in &mut scenario.steps {
            if let Some(Action::Read { how, .. }) = &mut step.action {
                *how = ReadHow::Stale;
            }
        }
    }),
    ("snapshot", "no snapshots", |scenario| {
        scenario.steps.retain(|step| !matches!(step.action, Some(Action::Nodes(NodeVerb::Snapshot, _))));
    }),
    ("snapshot", "snapshots that are too long", |scenario| scenario.raft.snapshots.max_bytes = 40),
    ("ttl", "no time to live", |scenario| {
        for step in &mut scenario.steps {
            if let Some(Action::Propose { operation: AnyCommand::Kv(operation), .. }) = &mut step.action
                && let Operation::SetFor { key, value, .. } = operation
            {
                *operation = Operation::Set { key: key.clone(), value: value.clone() };
            }
        }
    }),
    ("session-expires", "sessions that last", |scenario| scenario.machine.session_timeout = None),
    ("retry-applied-once", "no sessions", |scenario| scenario.rules_off.push(Rule::ExactlyOnce)),
];

#[test]
fn a_scenario_that_teaches_a_feature_succeeds_with_it_and_fails_without() {
    for (name, what, without) in CASES {
        let mut scenario = teaching(name);
        let with = run(&scenario);
        assert!(with.succeeded(), "{name}: {:?} {:?}", with.error(), with.expectations());
        without(&mut scenario);
        assert!(!run(&scenario).succeeded(), "{name}: it says nothing of {what}");
    }
}

/// Thesis §6.2, §9.6: without loss, and with heartbeat + delay below the shortest timeout, a node that hears nobody
/// (or that nobody hears) never disturbs a healthy leader, neither while the link is cut nor when it is mended.
#[test]
fn a_node_behind_a_link_that_works_in_one_direction_never_disturbs_a_healthy_leader() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed, 1);
        let mut scenario = Scenario::new(ProtocolName::Raft, 5, seed);
        scenario.until = Time(8_000_000);
        let (lonely, rest) = (vec![Selector::Bound("lonely".into())], vec![Selector::Rest]);
        let (from, to) = if rng.below(2) == 0 { (rest, lonely) } else { (lonely, rest) };
        let cut = Time(1_500_000 + rng.below(500_000));
        scenario.steps = vec![
            Step {
                at: cut,
                after: None,
                bind: vec![("lonely".into(), Selector::AnyFollower)],
                action: Some(Action::Cut { from, to }),
            },
            Step::new(Time(6_000_000), Action::Heal),
        ];
        let mut run = Run::new(&scenario).expect("it can run");
        run.set_recording(false);
        run.run_until(Time(cut.0 - 1));
        let leader = run.leader().expect("a leader stands before the cut");
        let term = |run: &Run, node: NodeId| run.simulation().node(node).map(|face| face.status.term);
        let before = term(&run, leader);
        run.run_to_end();
        assert_eq!((run.leader(), term(&run, leader)), (Some(leader), before), "seed {seed}");
    }
}
