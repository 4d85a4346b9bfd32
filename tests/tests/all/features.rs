//! Does a scenario that teaches a feature fail without it?
//!
//! Each such scenario succeeds as it stands, and fails once the feature is
//! switched off: then its expectations speak of the feature.

use std::path::PathBuf;

use quorumscope_core::entry::Class;
use quorumscope_core::machine::StateMachine as _;
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::{self, Rule};
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{NodeId, Span, Time};
use quorumscope_lab::scenario::{Action, NodeVerb, ProtocolName, RaftSettings, Run, Scenario, Selector, Step};

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

const CASES: [Case; 34] = [
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
    ("zones", "nobody who is near", |scenario| scenario.zones.clear()),
    ("zones", "all in one zone", |scenario| scenario.zones = vec![scenario.nodes.clone()]),
    ("edge", "nobody who subscribes", |scenario| {
        scenario.steps.retain(|step| !matches!(step.action, Some(Action::Subscribe { .. })));
    }),
    ("edge", "an observer in its place", |scenario| {
        for step in &mut scenario.steps {
            if let Some(Action::Subscribe { to, node, .. }) = &step.action {
                let (to, observe) = (to.clone(), node.clone());
                let (add, promote, remove) = (vec![], vec![], vec![]);
                step.action = Some(Action::Members { to, add, promote, remove, observe });
            }
        }
    }),
    ("edge", "the same keys again", |scenario| {
        for step in &mut scenario.steps {
            if let Some(Action::Subscribe { keys, .. }) = &mut step.action {
                *keys = vec!["cart".into()];
            }
        }
    }),
    ("edge", "a store that is taken for any subscription", |scenario| {
        scenario.rules_off.push(Rule::EdgeStartsAnew);
    }),
    ("edge", "an edge that never leaves", |scenario| {
        let removes = |step: &Step| matches!(&step.action, Some(Action::Members { remove, .. }) if !remove.is_empty());
        scenario.steps.retain(|step| !removes(step));
    }),
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
    ("unknown-outcome", "a client that never gives up", |scenario| scenario.clients[0].attempts = 0),
    ("overload", "no bound on what is uncommitted", |scenario| scenario.raft.max_uncommitted_bytes = 1 << 20),
    ("overload", "no bound on an entry", |scenario| {
        (scenario.raft.max_uncommitted_bytes, scenario.raft.max_entry_bytes) = (100, 100);
    }),
    ("window", "no window", |scenario| scenario.raft.max_bytes_in_flight = 1 << 20),
    ("fast-path", "critical commands only", |scenario| scenario.clients[0].class = Class::Critical),
    ("leader-zones", "no zones", |scenario| scenario.raft.leader_zones.clear()),
    ("leader-zones", "one zone only", |scenario| scenario.raft.leader_zones.truncate(1)),
    ("wide-area", "the profile of a local network", |scenario| scenario.raft = RaftSettings::default()),
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

/// Each profile over the links that it is for: somebody leads within four of the longest timeouts, stays the leader
/// from then on, and commits what it is asked to.
#[test]
fn each_profile_elects_one_leader_and_commits_over_its_own_links() {
    let links = |profile| match profile {
        raft::Profile::Lan => (5, 15),
        raft::Profile::Wan => (50, 150),
        raft::Profile::Throughput => (1, 5),
    };
    for (profile, seed) in raft::Profile::ALL.into_iter().flat_map(|profile| (0..50).map(move |seed| (profile, seed))) {
        let mut scenario = Scenario::new(ProtocolName::Raft, 5, seed);
        scenario.raft = RaftSettings::of(profile);
        let (shortest, longest) = links(profile);
        scenario.network.latency = (Span::from_millis(shortest), Span::from_millis(longest));
        let elected = Time(scenario.raft.election_timeout.1.0 * 4);
        scenario.until = Time(elected.0 * 5);
        let operation = Operation::Set { key: "x".into(), value: "1".into() };
        let proposal = Action::Propose { to: Some(Selector::Leader), operation: operation.into() };
        scenario.steps = vec![Step::new(elected, proposal)];
        let mut run = Run::new(&scenario).expect("settings that can run");
        run.set_recording(false);
        run.run_until(elected);
        let leader = run.leader();
        run.run_to_end();
        let term = |node| run.simulation().node(node).map(|face| face.status.term);
        let (name, simulation) = (profile.name(), run.simulation());
        assert!(run.error().is_none(), "{name}, seed {seed}: {:?}", run.error());
        assert_eq!(run.leader(), leader, "{name}, seed {seed}: the leader in term {:?}", leader.map(term));
        assert_eq!(simulation.coverage().leaders, 1, "{name}, seed {seed}");
        let told = simulation.operations().next().and_then(|asked| asked.told.clone());
        assert!(told.is_some(), "{name}, seed {seed}: it was committed and answered");
        let holds = |node| simulation.node(node).and_then(|face| face.machine.machine().look("x"));
        assert!((1..=5).all(|node| holds(NodeId(node)).as_deref() == Some("1")), "{name}, seed {seed}");
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
