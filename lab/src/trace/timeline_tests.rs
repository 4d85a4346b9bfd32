//! Claims about moving in time.

use quorumscope_core::raft::{Config, Switches};
use quorumscope_core::record::{Body, Command};
use quorumscope_core::types::{ClientId, NodeId, Span, Time};

use super::timeline::{MarkKind, Timeline};
use super::view::View;
use crate::sim::{ClientSetup, MachineSetup, Network, ProtocolSetup, Setup, Simulation, Workload};

fn run() -> Simulation {
    let nodes: Vec<_> = (1..=3).map(NodeId).collect();
    let workload = Workload::of(100, 2, (Span(1_000), Span(9_000)));
    let setup = Setup {
        name: "test".into(),
        protocol: ProtocolSetup::Raft(Config::new(nodes.clone(), Switches::all_on())),
        signer: Default::default(),
        zones: Vec::new(),
        nodes,
        clients: vec![ClientSetup { workload: Some(workload), ..ClientSetup::by_hand(ClientId(1)) }],
        seed: 5,
        network: Network { duplicate_ppm: 50_000, ..Network::default() },
        disk: (Span(500), Span(2_000)),
        machine: MachineSetup::default(),
    };
    let mut simulation = Simulation::new(setup).expect("valid");
    simulation.run_until(Time(1_500_000));
    for node in 1..=3 {
        simulation.command(&Command::Crash(NodeId(node))).expect("it runs");
        simulation.run_until(simulation.now() + Span(700_000));
        simulation.command(&Command::Restart(NodeId(node))).expect("it crashed");
    }
    simulation.run_until(Time(5_000_000));
    simulation
}

#[test]
fn seeking_gives_the_same_view_as_folding_from_the_start() {
    let records = run().take_records();
    let mut timeline = Timeline::new();
    timeline.push(records.clone());
    assert!(records.len() > 3_000, "{}", records.len());
    let mut views = vec![View::default()];
    for record in &records {
        let mut view = views.last().expect("not empty").clone();
        view.fold(record);
        views.push(view);
    }
    let length = records.len();
    let forward = (0..length).step_by(97);
    let backward = (0..=length).rev().step_by(61);
    let around = (0..200).map(|step| (step * 7_919) % (length + 1));
    for position in forward.chain(backward).chain(around) {
        assert!(*timeline.view_at(position as u64) == views[position], "position {position}");
    }
}

#[test]
fn marks_and_bands_name_crashes_restarts_and_leaders() {
    let mut timeline = Timeline::new();
    timeline.push(run().take_records());
    let count = |kind| timeline.marks().iter().filter(|mark| mark.kind == kind).count();
    assert_eq!((count(MarkKind::Crash), count(MarkKind::Restart)), (3, 3));
    assert_eq!(count(MarkKind::Leader), timeline.terms().len());
    let ended = timeline.terms().iter().filter(|band| band.to.is_some()).count();
    assert_eq!(timeline.terms().len() - ended, 1);
    assert!(ended >= 1);
}

#[test]
fn a_departure_says_when_its_message_arrives() {
    let records = run().take_records();
    let mut timeline = Timeline::new();
    timeline.push(records.clone());
    let mut compared = 0;
    for record in &records {
        if let Body::Delivered { message } = record.body {
            let arrivals = [0, 1].map(|copy| timeline.arrival(message, copy));
            assert!(arrivals.contains(&Some(record.at)));
            compared += 1;
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn another_future_starts_where_the_first_one_was_left() {
    let records = run().take_records();
    let mut timeline = Timeline::new();
    timeline.push(records.clone());
    let position = records.len() as u64 / 2;
    let before = timeline.view_at(position).clone();
    timeline.truncate_after(position);
    assert_eq!(timeline.len(), position);
    assert!(*timeline.view_at(u64::MAX) == before);
    timeline.push(records[records.len() / 2..].to_vec());
    let mut whole = Timeline::new();
    whole.push(records);
    assert_eq!(timeline.marks(), whole.marks());
    assert_eq!(timeline.terms(), whole.terms());
    assert!(timeline.view_at(u64::MAX) == whole.view_at(u64::MAX));
}

#[test]
fn what_is_left_after_the_oldest_records_went_shows_a_gap_and_the_same_views() {
    let records = run().take_records();
    let (mut whole, mut timeline) = (Timeline::new(), Timeline::new());
    whole.push(records.clone());
    timeline.push(records.clone());
    timeline.drop_oldest(1_000);
    assert_eq!((timeline.len(), timeline.dropped()), (records.len() as u64 - 1_000, 1_000));
    assert_eq!(timeline.marks().first().map(|mark| mark.kind), Some(MarkKind::Gap));
    for position in (0..=timeline.len()).step_by(211) {
        let mut expected = whole.view_at(position + 1_000).clone();
        expected.gaps += 1_000;
        assert!(*timeline.view_at(position) == expected, "position {position}");
    }
}

#[test]
fn a_switch_of_the_hybrid_stands_on_the_timeline_where_a_replica_noted_it() {
    let timeline = played(include_str!("../../../tests/scenarios/hybrid-under-attack.toml"), 5_000_000);
    let switches: Vec<_> = timeline.marks().iter().filter(|mark| mark.kind == MarkKind::Switch).collect();
    assert!(switches.len() >= 3, "{switches:?}");
    for mark in switches {
        let record = timeline.record(mark.position - 1).expect("a mark stands right after its record");
        assert_eq!((record.at, record.node), (mark.at, mark.node));
        let line = super::narrate::line(record, |_| None).expect("it has a line");
        assert!(line.text.contains("went over to PBFT"), "{}", line.text);
    }
}

fn played(toml: &str, until: u64) -> Timeline {
    use crate::scenario::{Run, Scenario};
    let mut run = Run::new(&Scenario::from_toml(toml).expect("it is a scenario")).expect("it can run");
    run.run_until(Time(until));
    let mut timeline = Timeline::new();
    timeline.push(run.take_records());
    timeline
}

#[test]
fn another_epoch_has_one_mark_where_the_first_honest_replica_begins_it() {
    for (toml, until) in [
        (include_str!("../../../tests/scenarios/pbft-members.toml"), 9_000_000),
        (include_str!("../../../tests/scenarios/hotstuff-members.toml"), 9_000_000),
        (include_str!("../../../tests/scenarios/pbft-replaces-convicted.toml"), 9_000_000),
        (include_str!("../../../tests/scenarios/hybrid-members.toml"), 18_000_000),
    ] {
        let mut timeline = played(toml, until);
        let marks: Vec<_> = timeline.marks().iter().copied().filter(|mark| mark.kind == MarkKind::Epoch).collect();
        let [mark] = marks.as_slice() else { panic!("{marks:?}") };
        let line = super::narrate::line(timeline.record(mark.position - 1).expect("its record"), |_| None);
        assert!(line.expect("it has a line").text.contains("begins epoch 1"));
        assert_eq!(timeline.view_at(mark.position - 1).epoch, 0);
        assert_eq!(timeline.view_at(mark.position).epoch, 1);
        let bands = timeline.terms().to_vec();
        let epochs: Vec<u64> = bands.iter().map(|band| band.epoch).collect();
        assert!(epochs.is_sorted() && epochs.first() == Some(&0) && epochs.last() == Some(&1), "{epochs:?}");
        let end = timeline.view_at(u64::MAX);
        for (band, epoch) in bands.iter().zip(epochs) {
            assert_eq!((band.from >= mark.at, end.epoch_of(band.term)), (epoch == 1, epoch), "{band:?}");
        }
        let newest = end.voters.iter().map(|voter| end.nodes[voter].epoch());
        assert_eq!(newest.filter(|epoch| *epoch == 1).count(), end.voters.len(), "all of them are in it");
    }
}

#[test]
fn whoever_comes_back_into_a_view_that_is_over_is_not_crowned() {
    let mut timeline = played(include_str!("../../../tests/scenarios/pbft-silent-primary.toml"), 4_200_000);
    let restarts: Vec<_> = timeline.marks().iter().copied().filter(|mark| mark.kind == MarkKind::Restart).collect();
    let [restart] = restarts.as_slice() else { panic!("{restarts:?}") };
    let crash = timeline.marks().iter().find(|mark| mark.kind == MarkKind::Crash).expect("n1 crashes");
    assert_eq!(timeline.terms()[0].to, Some(crash.at), "whoever does not run leads nothing");
    let crowned = |mark: &&super::timeline::Mark| mark.kind == MarkKind::Leader && mark.at >= restart.at;
    assert_eq!(timeline.marks().iter().filter(crowned).count(), 0, "n1 comes back as the primary of view 0");
    assert_eq!(timeline.terms().iter().filter(|band| band.to.is_none()).count(), 1);
    let position = (restart.position..).find(|at| {
        let view = timeline.view_at(*at);
        view.nodes.get(&NodeId(1)).is_some_and(|node| node.status.role == quorumscope_core::record::Role::Leader)
    });
    let view = timeline.view_at(position.expect("n1 believes that it leads"));
    let n1 = view.nodes.get(&NodeId(1)).expect("it is there");
    assert!(!view.leads(n1) && view.leader() != Some(NodeId(1)));
    assert_eq!(view.role_face(n1).words, "old primary");
}

#[test]
fn the_band_of_a_leader_that_is_silent_ends_where_a_quorum_leaves_its_view() {
    let toml = "name = \"silent\"\nprotocol = \"pbft\"\nnodes = 4\nseed = 3\nuntil = \"4s\"\n\
        [[step]]\nat = \"500ms\"\nbyzantine = { node = \"n1\", as = [\"silent\"] }\n\
        [[step]]\nat = \"1s\"\npropose = { set = { key = \"x\", value = \"1\" } }\n";
    let timeline = played(toml, 4_000_000);
    let bands = timeline.terms();
    assert!(bands.len() >= 2, "{bands:?}");
    assert_eq!(bands[0].leader, NodeId(1));
    let end = bands[0].to.expect("it is over, whatever n1 believes");
    assert!(end > Time(1_000_000) && end <= bands[1].from, "{bands:?}");
}
