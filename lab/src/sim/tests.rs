//! Claims about whole runs.

use quorumscope_core::entry::Class;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::{Config, Snapshots, Switches};
use quorumscope_core::record::{Body, Command, Endpoint, Fate, Record, Verdict};
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{ClientId, NodeId, RecordId, Span, Time};

use quorumscope_core::record::Role;
use quorumscope_core::rules::Rule;

use super::*;
use crate::check::linearizable;

fn setup(seed: u64) -> Setup {
    let nodes: Vec<_> = (1..=3).map(NodeId).collect();
    let workload = Workload::of(200, 3, (Span(1_000), Span(20_000)));
    let client = |id| ClientSetup::by_hand(ClientId(id));
    let snapshots = Snapshots { threshold: 20, retained_entries: 3, chunk_bytes: 64, ..Snapshots::default() };
    Setup {
        name: "test".into(),
        protocol: ProtocolSetup::Raft(Config { snapshots, ..Config::new(nodes.clone(), Switches::all_on()) }),
        signer: Default::default(),
        zones: Vec::new(),
        nodes,
        clients: vec![client(1), ClientSetup { workload: Some(workload), ..client(2) }],
        seed,
        network: Network { drop_ppm: 20_000, duplicate_ppm: 20_000, ..Network::default() },
        disk: (Span(500), Span(15_000)),
        machine: MachineSetup::default(),
    }
}

fn simulation(seed: u64) -> Simulation {
    Simulation::new(setup(seed)).expect("a valid setup")
}

/// A command drawn at random; it need not make sense.
fn draw(rng: &mut Rng, simulation: &Simulation) -> Command {
    let node = |rng: &mut Rng| NodeId(u32::try_from(rng.below(3)).unwrap_or(0) + 1);
    let messages: Vec<RecordId> = simulation.messages().collect();
    let message = |rng: &mut Rng| {
        let position = usize::try_from(rng.below(messages.len() as u64)).unwrap_or(0);
        messages.get(position).copied().unwrap_or_default()
    };
    let end = |rng: &mut Rng| match rng.below(4) {
        0 => Endpoint::Client(ClientId(rng.below(2) + 1)),
        _ => Endpoint::Node(node(rng)),
    };
    match rng.below(34) {
        0 | 1 => Command::Crash(node(rng)),
        2..=5 => Command::Restart(node(rng)),
        6 => Command::Pause(node(rng)),
        7 | 8 => Command::Resume(node(rng)),
        9 => Command::Timeout(node(rng)),
        10 => Command::Cut { from: end(rng), to: end(rng) },
        11 => Command::Partition(vec![vec![node(rng)]]),
        12 | 13 => Command::Heal,
        14 => Command::Hold(message(rng)),
        15 => Command::Drop(message(rng)),
        16 | 17 => Command::Deliver(message(rng)),
        18 => Command::Duplicate(message(rng)),
        19 => Command::Skew { node: node(rng), by: Span(rng.below(200_000)) },
        20 => Command::Drift { node: node(rng), rate_ppm: 900_000 + u32::try_from(rng.below(200_000)).unwrap_or(0) },
        21 => Command::Disk { node: node(rng), latency: (Span(500), Span(1_000 + rng.below(30_000))) },
        22 => Command::LoseDisk(node(rng)),
        24 | 25 => Command::Snapshot(node(rng)),
        23 => Command::Mend { from: end(rng), to: end(rng) },
        26..=28 => {
            let (whom, mut change) = (vec![node(rng)], MembershipChange::default());
            let MembershipChange { add, promote, remove, observe, edge: _ } = &mut change;
            *[add, promote, remove, observe][usize::try_from(rng.below(4)).unwrap_or(0)] = whom;
            Command::Reconfigure { node: node(rng), change }
        }
        29 | 30 => Command::Transfer { from: node(rng), to: node(rng) },
        31 | 32 => {
            // Clocks jump here, so a lease would promise too much.
            let how = if rng.below(3) == 0 { ReadHow::Stale } else { ReadHow::Index };
            Command::Read { to: Some(node(rng)), how, query: Operation::Get { key: "hand".into() }.encode() }
        }
        _ => {
            let value = rng.bits().to_string();
            let operation = Operation::Set { key: "hand".into(), value }.encode();
            Command::Propose { to: Some(node(rng)), operation }
        }
    }
}

/// Runs with random faults until `until`, calling `look` after each event and each command.
fn faulty(simulation: &mut Simulation, seed: u64, until: Time, mut look: impl FnMut(&mut Simulation)) {
    let mut rng = Rng::new(seed, 99);
    look(simulation);
    while simulation.now() < until && simulation.step() {
        look(simulation);
        if rng.chance_ppm(25_000) {
            let command = draw(&mut rng, simulation);
            let _ = simulation.command(&command).is_ok();
            look(simulation);
        }
    }
}

#[test]
fn a_fold_of_the_records_is_the_view_of_the_world_after_every_event() {
    let mut coverage = Coverage::default();
    for seed in 0..80 {
        let mut view = View::default();
        let mut simulation = simulation(seed);
        faulty(&mut simulation, seed, Time(20_000_000), |simulation| {
            for record in simulation.take_records() {
                view.fold(&record);
            }
            let world = simulation.view();
            // Between records time goes on, and numbers are taken for records that are not made.
            (view.at, view.last) = (world.at, world.last);
            assert!(view == world, "seed {seed} at {}: {}", world.at, difference(&view, &world));
        });
        coverage.add(simulation.coverage());
    }
    let Coverage { crashes, restarts, pauses, lost_writes, lost_disks, duplicated, reordered, joint, .. } = coverage;
    let least = [crashes, restarts, pauses, lost_writes, lost_disks, duplicated, reordered, joint];
    assert!(least.iter().all(|count| *count > 0), "{coverage:?}");
}

fn difference(fold: &View, world: &View) -> String {
    for (id, node) in &world.nodes {
        if fold.nodes.get(id) != Some(node) {
            return format!("{id}: fold {:#?}\nworld {node:#?}", fold.nodes.get(id));
        }
    }
    for (id, message) in &world.messages {
        if fold.messages.get(id) != Some(message) {
            return format!("{id:?}: fold {:?}\nworld {message:?}", fold.messages.get(id));
        }
    }
    let extra: Vec<_> = fold.messages.keys().filter(|key| !world.messages.contains_key(key)).collect();
    format!(
        "extra messages {extra:?}; clients equal: {}; cuts equal: {}",
        fold.clients == world.clients,
        fold.cut == world.cut
    )
}

#[test]
fn recording_changes_neither_the_digest_nor_the_names_of_messages() {
    for seed in 0..10 {
        let run = |recording| {
            let mut simulation = simulation(seed);
            simulation.set_recording(recording);
            faulty(&mut simulation, seed, Time(3_000_000), |_| {});
            (simulation.digest(), simulation.events(), simulation.take_records().is_empty())
        };
        let (on, off) = (run(true), run(false));
        assert_eq!((on.0, on.1), (off.0, off.1), "seed {seed}");
        assert!(!on.2 && off.2);
    }
}

#[test]
fn a_fork_goes_on_like_the_original_and_does_not_touch_it() {
    let mut original = simulation(3);
    original.run_until(Time(1_000_000));
    let before = original.digest();
    let mut fork = original.clone();
    fork.run_until(Time(2_000_000));
    assert_eq!(original.digest(), before);
    original.run_until(Time(2_000_000));
    assert_eq!(original.digest(), fork.digest());
    let mut other = simulation(4);
    other.run_until(Time(2_000_000));
    assert_ne!(other.digest(), fork.digest());
}

#[test]
fn a_quiet_run_commits_every_operation_of_its_clients() {
    let mut simulation = Simulation::new(Setup { network: Network::default(), ..setup(1) }).expect("valid");
    simulation.run_until(Time(30_000_000));
    assert_eq!(simulation.coverage().operations_ok, 200);
    assert_eq!(simulation.violations(), []);
    let machines: Vec<_> = (1..=3).map(|id| simulation.node(NodeId(id)).expect("exists").machine.digest()).collect();
    assert!(machines.iter().all(|machine| *machine == machines[0]));
}

#[test]
fn a_command_that_makes_no_sense_is_an_error_and_changes_nothing() {
    let mut simulation = simulation(5);
    simulation.run_until(Time(500_000));
    let (digest, view) = (simulation.digest(), simulation.view());
    let nonsense = [
        Command::Crash(NodeId(9)),
        Command::Restart(NodeId(1)),
        Command::Resume(NodeId(1)),
        Command::LoseDisk(NodeId(1)),
        Command::Drop(RecordId { origin: NodeId(0), sequence: u64::MAX }),
        Command::Drift { node: NodeId(1), rate_ppm: 0 },
        Command::Loss { ppm: 1_000_001 },
        Command::Latency { between: (Span(2), Span(1)) },
        Command::Propose { to: None, operation: bytes::Bytes::from_static(b"\xff") },
        Command::Cut { from: Endpoint::Client(ClientId(7)), to: Endpoint::Node(NodeId(1)) },
        Command::Partition(vec![vec![NodeId(4)]]),
    ];
    for command in nonsense {
        assert!(simulation.command(&command).is_err(), "{command:?}");
    }
    assert_eq!(simulation.digest(), digest);
    assert!(simulation.view() == view);
}

#[test]
fn no_message_leaves_before_the_write_that_it_promises() {
    let mut promises = 0;
    for seed in 6..12 {
        let mut simulation = simulation(seed);
        let mut written = std::collections::BTreeSet::new();
        let mut after = std::collections::BTreeMap::new();
        faulty(&mut simulation, seed, Time(4_000_000), |simulation| {
            for Record { id, node, body, .. } in simulation.take_records() {
                match body {
                    Body::Written { ticket } => drop(written.insert((node, ticket))),
                    Body::Sent { after: Some(ticket), .. } => drop(after.insert(id, (node, ticket))),
                    Body::Departed { message, .. } => {
                        let promise = after.get(&message);
                        assert!(promise.is_none_or(|(node, ticket)| {
                            written.iter().any(|(at, durable)| at == node && durable >= ticket)
                        }));
                    }
                    _ => {}
                }
            }
        });
        promises += after.len();
    }
    assert!(promises > 200, "{promises}");
}

#[test]
fn a_client_that_gives_up_knows_failure_only_where_every_try_was_refused() {
    let isolated = |cut: bool| {
        let mut setup = Setup { network: Network::default(), ..setup(8) };
        setup.clients = vec![ClientSetup { attempts: 1, ..ClientSetup::by_hand(ClientId(1)) }];
        let mut simulation = Simulation::new(setup).expect("valid");
        simulation.run_until(Time(2_000_000));
        let nodes = [1, 2, 3].map(NodeId);
        if cut {
            // Nobody hears the client any more: nothing is known.
            for node in nodes {
                let to = Endpoint::Node(node);
                simulation.command(&Command::Cut { from: Endpoint::Client(ClientId(1)), to }).expect("known");
            }
        } else {
            // Followers without a leader refuse.
            let leader =
                nodes.into_iter().find(|id| simulation.node(*id).is_some_and(|n| n.status.role == Role::Leader));
            simulation.command(&Command::Crash(leader.expect("a leader"))).expect("it runs");
            simulation.command(&Command::Partition(nodes.map(|node| vec![node]).to_vec())).expect("known");
            simulation.run_until(Time(3_000_000));
        }
        let to = nodes.into_iter().find(|id| simulation.node(*id).is_some_and(|n| n.liveness == Liveness::Up));
        let operation = Operation::Get { key: "x".into() }.encode();
        simulation.command(&Command::Propose { to, operation }).expect("a client");
        simulation.run_until(Time(6_000_000));
        let told = simulation.view().clients[&ClientId(1)].operations.last().and_then(|seen| seen.told.clone());
        told.expect("it gave up").1
    };
    assert_eq!(isolated(true), Verdict::Unknown);
    assert_eq!(isolated(false), Verdict::Failed);
}

/// What was under way when the session went stays unknown; the rest of the workload is carried out, one after the other.
#[test]
fn a_client_whose_session_expired_opens_another_one_and_goes_on() {
    for seed in 0..10 {
        let machine = MachineSetup { session_timeout: Some(Span::from_millis(500)), ..MachineSetup::default() };
        let setup = Setup { machine, network: Network::default(), ..setup(seed) };
        let mut simulation = Simulation::new(setup).expect("valid");
        simulation.run_until(Time(1_500_000));
        for node in [1, 2, 3].map(NodeId) {
            let (from, to) = (Endpoint::Client(ClientId(2)), Endpoint::Node(node));
            simulation.command(&Command::Cut { from, to }).expect("known");
        }
        simulation.run_until(Time(3_500_000));
        simulation.command(&Command::Heal).expect("it mends all links");
        simulation.run_until(Time(40_000_000));
        let view = simulation.view();
        let seen = &view.clients[&ClientId(2)].operations;
        let opened = seen.iter().filter(|seen| seen.operation == "open a session").count();
        let ok = |seen: &&OperationView| matches!(seen.told, Some((_, Verdict::Ok, _)));
        assert_eq!((opened, seen.len(), seen.iter().filter(ok).count()), (2, 202, 201), "seed {seed}");
        let told = |seen: &OperationView| seen.told.as_ref().map(|told| told.0);
        let lost = seen.iter().position(|seen| !ok(&seen)).expect("one is unknown");
        let in_turn = |pair: &[OperationView]| told(&pair[0]) <= Some(pair[1].asked);
        assert!(seen[lost].told.as_ref().is_some_and(|told| told.2 == "no session"), "seed {seed}");
        assert!(seen.windows(2).all(in_turn), "seed {seed}");
        assert_eq!(simulation.coverage().sessions_reopened, 1);
        assert_eq!(linearizable::check(simulation.history(), 1_000_000), linearizable::Verdict::Linearizable);
    }
}

#[test]
fn faults_alone_break_no_property_and_what_clients_saw_is_linearizable() {
    let mut coverage = Coverage::default();
    for seed in 0..30 {
        let mut simulation = simulation(seed);
        simulation.set_recording(false);
        faulty(&mut simulation, seed, Time(20_000_000), |_| {});
        assert_eq!(simulation.violations(), [], "seed {seed}");
        let verdict = linearizable::check(simulation.history(), 1_000_000);
        assert_eq!(verdict, linearizable::Verdict::Linearizable, "seed {seed}");
        coverage.add(simulation.coverage());
    }
    assert!(coverage.commits > 1_000 && coverage.operations_ok > 1_000, "{coverage:?}");
}

#[test]
fn the_checkers_see_what_a_rule_keeps_away_once_it_is_off() {
    let broken = (0..20).any(|seed| {
        let mut setup = setup(seed);
        let ProtocolSetup::Raft(config) = &mut setup.protocol else { unreachable!("a setup of Raft") };
        config.rules = Switches::all_on().without(Rule::MajorityQuorum);
        let mut simulation = Simulation::new(setup).expect("valid");
        faulty(&mut simulation, seed, Time(10_000_000), |_| {});
        !simulation.violations().is_empty()
    });
    assert!(broken);
}

/// The client goes on as soon as one node has its command, asks for it no more, and learns the result once it comes.
#[test]
fn a_relaxed_client_goes_on_early_and_its_operations_stay_open_until_their_results_come() {
    let mut coverage = Coverage::default();
    for seed in 0..10 {
        let mut setup = setup(seed);
        setup.clients[1].class = Class::Relaxed;
        let mut simulation = Simulation::new(setup).expect("valid");
        simulation.run_until(Time(10_000_000));
        let view = simulation.view();
        let operations = &view.clients[&ClientId(2)].operations;
        for operation in operations.iter().filter(|operation| operation.early.is_some()) {
            let safe = operation.early == Some(Fate::Safe);
            assert_eq!(
                safe,
                (1..=simulation.decided().len() as u64).any(|index| {
                    let entry = simulation.decided_entry(LogIndex(index)).expect("no gap");
                    (entry.client, entry.number) == (ClientId(2), operation.number)
                })
            );
            let early = matches!(operation.told, Some((_, Verdict::Early, _)));
            assert!(safe || early, "no result without a commit: {operation:?}");
        }
        assert!(
            operations.iter().all(|operation| !operation.operation.starts_with("get") || operation.early.is_none())
        );
        let open = simulation.history().answered_since(Time(0)).filter(|(_, answered)| answered.is_none()).count();
        let waits = |seen: &&OperationView| !matches!(seen.told, Some((_, Verdict::Ok | Verdict::Failed, _)));
        let of_all = view.clients.values().flat_map(|client| &client.operations);
        assert_eq!(open, of_all.filter(waits).filter(|seen| seen.operation != "open a session").count());
        assert_eq!(linearizable::check(simulation.history(), 1_000_000), linearizable::Verdict::Linearizable);
        assert_eq!(simulation.violations(), []);
        coverage.add(simulation.coverage());
    }
    assert!(coverage.answered_early > 500, "{coverage:?}");
}
