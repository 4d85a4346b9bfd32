//! Claims about words, chains and files of a whole run with faults.

use std::collections::BTreeMap;

use quorumscope_core::raft::{Config, Switches};
use quorumscope_core::record::{Command, Record};
use quorumscope_core::types::{ClientId, NodeId, RecordId, Span, Time};

use super::{file, narrate, why};
use crate::scenario::ProtocolName;
use crate::sim::{ClientSetup, MachineSetup, Network, ProtocolSetup, Setup, Simulation, Workload};

/// Five nodes, one client, losses; the leader crashes, half is cut off, all is mended.
fn a_run() -> Vec<Record> {
    let nodes: Vec<NodeId> = (1..=5).map(NodeId).collect();
    let think = (Span::from_millis(5), Span::from_millis(50));
    let workload = Some(Workload::of(20, 3, think));
    let setup = Setup {
        name: "a run".into(),
        protocol: ProtocolSetup::Raft(Config::new(nodes.clone(), Switches::all_on())),
        signer: Default::default(),
        zones: Vec::new(),
        nodes,
        clients: vec![ClientSetup { workload, ..ClientSetup::by_hand(ClientId(1)) }],
        seed: 7,
        network: Network {
            latency: (Span::from_millis(5), Span::from_millis(15)),
            drop_ppm: 20_000,
            duplicate_ppm: 20_000,
            ..Network::default()
        },
        disk: (Span::from_millis(1), Span::from_millis(4)),
        machine: MachineSetup::default(),
    };
    let mut simulation = Simulation::new(setup).expect("the setup is sound");
    simulation.set_recording(true);
    let two = |from, to| (from..=to).map(NodeId).collect::<Vec<_>>();
    let steps = [
        (600, Command::Crash(NodeId(1))),
        (900, Command::Partition(vec![two(2, 3), two(4, 5)])),
        (1_500, Command::Restart(NodeId(1))),
        (1_900, Command::Heal),
    ];
    for (millis, command) in steps {
        simulation.run_until(Time(millis * 1_000));
        simulation.command(&command).expect("the command fits");
    }
    simulation.run_until(Time(3_000_000));
    simulation.take_records()
}

#[test]
fn a_whole_run_survives_its_file_and_every_chain_reaches_an_origin() {
    let records = a_run();
    assert!(records.len() > 1_000, "{} records", records.len());
    let (summary, back) = file::read(&file::write(file::Header::recording("raft", "a run"), &records)).expect("whole");
    assert!(summary.sealed && back == records);

    let by_id: BTreeMap<RecordId, &Record> = records.iter().map(|record| (record.id, record)).collect();
    let lookup = |id| by_id.get(&id).copied();
    for record in &records {
        let chain = why::chain(record.id, ProtocolName::Raft, lookup).expect("the record is there");
        assert!(!matches!(chain.origin, why::Origin::Missing(_)), "{record:?}");
        let explanation = &chain.links[0].explanation;
        assert!(!explanation.sentence.is_empty() && !explanation.sentence.contains(['{', '}', '?']), "{record:?}");
        if let Some(line) = narrate::line(record, lookup) {
            assert!(!line.text.is_empty() && !line.text.contains(['{', '}']), "{record:?}");
        }
    }
}
