//! How many events a second does the simulator make natively?
//!
//! `cargo run --release -p quorumscope-lab --example speed`

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a measurement takes real time and prints it"
)]

use std::time::Instant;

use quorumscope_core::raft::{Config, Switches};
use quorumscope_core::types::{ClientId, NodeId, Span, Time};
use quorumscope_lab::sim::{ClientSetup, MachineSetup, Network, ProtocolSetup, Setup, Simulation, Workload};

fn main() {
    for (nodes, checking, recording) in [(3, true, false), (5, false, false), (5, true, false), (5, true, true)] {
        let (began, mut events) = (Instant::now(), 0);
        for seed in 0..100 {
            let ids: Vec<_> = (1..=nodes).map(NodeId).collect();
            let workload = Workload::of(u32::MAX, 5, (Span(0), Span(50_000)));
            let client = |id| ClientSetup { workload: Some(workload), ..ClientSetup::by_hand(ClientId(id)) };
            let mut simulation = Simulation::new(Setup {
                name: "speed".into(),
                protocol: ProtocolSetup::Raft(Config::new(ids.clone(), Switches::all_on())),
                signer: Default::default(),
                zones: Vec::new(),
                nodes: ids,
                clients: (1..=3).map(client).collect(),
                seed,
                network: Network { drop_ppm: 10_000, duplicate_ppm: 10_000, ..Network::default() },
                disk: (Span(200), Span(2_000)),
                machine: MachineSetup::default(),
            })
            .expect("valid");
            simulation.set_recording(recording);
            simulation.set_checking(checking);
            for second in 1..=30 {
                simulation.run_until(Time(second * 1_000_000));
                drop(simulation.take_records());
            }
            assert_eq!(simulation.violations(), []);
            events += simulation.events();
        }
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{nodes} nodes, checking {checking}, recording {recording}: {events} events, {:.0} a second",
            events as f64 / seconds
        );
    }
}
