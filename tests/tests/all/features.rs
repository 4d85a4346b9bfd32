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
use quorumscope_lab::scenario::{
    Action, MessageKind, MessageVerb, NodeVerb, Pattern, ProtocolName, RaftSettings, Run, Scenario, Selector, Step,
    Which,
};

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

/// Changes the texts of all commands.
fn retell(scenario: &mut Scenario, tell: impl Fn(&str) -> String) {
    let kind = scenario.machine.kind;
    for step in &mut scenario.steps {
        if let Some(Action::Propose { operation, .. }) = &mut step.action {
            *operation = AnyCommand::read(kind, &tell(&operation.to_string())).expect("a command");
        }
    }
}

/// Entries leave the leader only after as long as its disk takes for them, as if it wrote first and sent then.
fn write_before_sending(scenario: &mut Scenario) {
    let entries = |lasting| {
        let (from, kind) = (vec![Selector::Node(NodeId(1))], Some(MessageKind::Entries));
        Which::Pattern(Pattern { from, to: vec![], kind, lasting })
    };
    let hold = Action::Messages(MessageVerb::Hold, entries(Some(Span::from_millis(400))));
    let deliver = Action::Messages(MessageVerb::Deliver, entries(None));
    scenario.steps.extend([Step::new(Time(1_490_000), hold), Step::new(Time(1_950_000), deliver)]);
    scenario.steps.sort_by_key(|step| step.at);
}

/// Nobody lies.
fn honest(scenario: &mut Scenario) {
    scenario.steps.retain(|step| !matches!(step.action, Some(Action::Byzantine { .. })));
}

const CASES: [Case; 67] = [
    ("one-way-cut", "no pre-vote", |scenario| scenario.raft.pre_vote = false),
    ("chain-of-three", "no pre-vote and no check-quorum", |scenario| {
        (scenario.raft.pre_vote, scenario.raft.check_quorum) = (false, false);
    }),
    ("hybrid-calm", "PBFT from the beginning", |scenario| scenario.protocol = ProtocolName::Pbft),
    ("hybrid-calm", "timers that run out while a request is on its way", |scenario| {
        (scenario.pbft.retransmit, scenario.pbft.request_timeout) =
            (Span::from_millis(1), (Span::from_millis(2), Span::from_millis(2)));
    }),
    ("hybrid-under-attack", "nobody who lies", honest),
    ("hybrid-under-attack", "signs that are forgotten at once", |scenario| scenario.threat.window = Span(10)),
    ("pbft-convicted", "nobody who lies", honest),
    ("pbft-convicted", "nobody who looks for evidence", |scenario| scenario.pbft.evidence = false),
    ("hotstuff-convicted", "nobody who looks for evidence", |scenario| scenario.hotstuff.evidence = false),
    ("hotstuff-members", "nobody who takes another's place", |scenario| {
        scenario.steps.retain(|step| !matches!(step.action, Some(Action::Members { .. })));
    }),
    ("hybrid-members", "nobody who lies", honest),
    ("hybrid-members", "nobody who takes another's place", |scenario| {
        scenario.steps.retain(|step| !matches!(step.action, Some(Action::Members { .. })));
    }),
    ("hybrid-convicted", "nobody who lies", honest),
    ("hybrid-convicted", "nobody who looks for evidence", |scenario| scenario.pbft.evidence = false),
    ("log-repair", "nobody who backs up", |scenario| scenario.rules_off.push(Rule::BackUpOnConflict)),
    ("batching", "one entry a message", |scenario| scenario.raft.max_entries_per_append = 1),
    ("batching", "no bound in entries", |scenario| scenario.raft.max_entries_per_append = 1_000),
    ("batching", "no bound in bytes", |scenario| scenario.raft.max_bytes_per_append = 1 << 20),
    ("leader-disk", "a leader that writes before it sends", write_before_sending),
    ("workflow", "nobody who creates the case", |scenario| {
        retell(scenario, |text| text.replace("case c1 ", "case c2 "))
    }),
    ("workflow", "a second worker that takes the next version for the same change", |scenario| {
        retell(scenario, |text| text.replace("c1 v2 rejected", "c1 v3 rejected"));
    }),
    ("workflow", "nobody who sends a change again", |scenario| {
        retell(scenario, |text| text.replace("v5 owner", "v6 owner"));
    }),
    ("cluster-state", "allocations that last", |scenario| retell(scenario, |text| text.replace(" for 1000", ""))),
    ("cluster-state", "controllers without epochs", |scenario| {
        retell(scenario, |text| text.replace("epoch 2 ", "epoch 1 "));
    }),
    ("cluster-state", "no quarantine", |scenario| {
        retell(scenario, |text| text.replace("quarantine node b lied", "release node b"));
    }),
    ("cluster-state", "evidence that is new each time", |scenario| {
        let mut number = 0;
        for step in &mut scenario.steps {
            if let Some(Action::Propose { operation: AnyCommand::Cluster(command), .. }) = &mut step.action
                && command.word == "e1"
            {
                number += 1;
                command.word = format!("e{number}");
            }
        }
    }),
    ("snapshot-interval", "no interval", |scenario| scenario.raft.snapshots.interval = Span(0)),
    ("snapshot-bytes", "no bound in bytes", |scenario| scenario.raft.snapshots.threshold_bytes = 0),
    ("replaced-node", "nobody who takes its place", |scenario| {
        let joins = |step: &Step| matches!(&step.action, Some(Action::Members { add, .. }) if !add.is_empty());
        scenario.steps.retain(|step| !joins(step));
    }),
    ("replaced-node", "a learner that is not promoted", |scenario| {
        let promotes =
            |step: &Step| matches!(&step.action, Some(Action::Members { promote, .. }) if !promote.is_empty());
        scenario.steps.retain(|step| !promotes(step));
    }),
    ("replaced-node", "the lost one stays a member", |scenario| {
        let removes = |step: &Step| matches!(&step.action, Some(Action::Members { remove, .. }) if !remove.is_empty());
        scenario.steps.retain(|step| !removes(step));
    }),
    ("class-of-a-command", "no class of its own", |scenario| {
        for step in &mut scenario.steps {
            if let Some(Action::Propose { class, .. }) = &mut step.action {
                *class = None;
            }
        }
    }),
    ("class-of-a-command", "all of the client's relaxed", |scenario| scenario.clients[0].class = Class::Relaxed),
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
    let mut silent = Vec::new();
    for (name, what, without) in CASES {
        let mut scenario = teaching(name);
        let with = run(&scenario);
        assert!(with.succeeded(), "{name}: {:?} {:?}", with.error(), with.expectations());
        without(&mut scenario);
        if run(&scenario).succeeded() {
            silent.push(format!("{name}: it says nothing of {what}"));
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
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
        let proposal = Action::Propose { to: Some(Selector::Leader), operation: operation.into(), class: None };
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

/// A run of five nodes in which nobody hears one follower, or it hears nobody, from about 1.5 s to 6 s.
fn with_one_way_cut(seed: u64) -> (Scenario, Time) {
    let mut rng = Rng::new(seed, 1);
    let mut scenario = Scenario::new(ProtocolName::Raft, 5, seed);
    scenario.until = Time(8_000_000);
    let (lonely, rest) = (vec![Selector::Bound("lonely".into())], vec![Selector::Rest]);
    let (from, to) = if rng.below(2) == 0 { (rest, lonely) } else { (lonely, rest) };
    let cut = Time(1_500_000 + rng.below(500_000));
    let bind = vec![("lonely".into(), Selector::AnyFollower)];
    scenario.steps = vec![
        Step { at: cut, after: None, bind, action: Some(Action::Cut { from, to }) },
        Step::new(Time(6_000_000), Action::Heal),
    ];
    (scenario, cut)
}

/// Whether the leader from before the cut leads at the end, and in the same term.
fn keeps_its_leader(scenario: &Scenario, cut: Time) -> bool {
    let mut run = Run::new(scenario).expect("it can run");
    run.set_recording(false);
    run.run_until(Time(cut.0 - 1));
    let leader = run.leader().expect("a leader stands before the cut");
    let term = |run: &Run| run.simulation().node(leader).map(|face| face.status.term);
    let before = term(&run);
    run.run_to_end();
    (run.leader(), term(&run)) == (Some(leader), before)
}

/// Thesis §6.2, §9.6: without loss, and with heartbeat + delay below the shortest timeout, a node that hears nobody
/// (or that nobody hears) never disturbs a healthy leader, neither while the link is cut nor when it is mended.
#[test]
fn a_node_behind_a_link_that_works_in_one_direction_never_disturbs_a_healthy_leader() {
    for seed in 0..300 {
        let (scenario, cut) = with_one_way_cut(seed);
        assert!(keeps_its_leader(&scenario, cut), "seed {seed}");
    }
}

/// It is the two guards that keep the leader: without them a node that hears nobody, and is heard, deposes it.
#[test]
fn without_pre_vote_and_check_quorum_a_node_that_hears_nobody_deposes_a_healthy_leader() {
    let deposed = |seed: &u64| {
        let (mut scenario, cut) = with_one_way_cut(*seed);
        (scenario.raft.pre_vote, scenario.raft.check_quorum) = (false, false);
        !keeps_its_leader(&scenario, cut)
    };
    let deposed = (0..100).filter(deposed).count();
    assert!(deposed >= 40, "{deposed} of 100: every cut towards the node, which are about half");
}
