//! Does the diagram draw what was recorded, and all of it?

use quorumscope_core::record::Body;
use quorumscope_core::types::{NodeId, Time};

use super::{End, Lanes};
use crate::scenario::{Run, Scenario};
use crate::trace::timeline::Timeline;
use crate::trace::view::Liveness;

const PBFT: &str = include_str!("../../../../tests/scenarios/pbft-silent-primary.toml");
const HYBRID: &str = include_str!("../../../../tests/scenarios/hybrid-calm.toml");
const HOTSTUFF: &str = include_str!("../../../../tests/scenarios/hotstuff-silent-leader.toml");
const RAFT: &str = include_str!("../../../../tests/scenarios/leader-lost.toml");

fn timeline(toml: &str, until_ms: u64) -> Timeline {
    let scenario = Scenario::from_toml(toml).expect("the scenario can be read");
    let mut run = Run::new(&scenario).expect("the scenario can run");
    run.run_until(Time(until_ms * 1_000));
    let mut timeline = Timeline::new();
    timeline.push(run.take_records());
    timeline
}

fn lanes(timeline: &mut Timeline, from_ms: u64, to_ms: u64) -> Lanes {
    timeline.lanes(Time(from_ms * 1_000), Time(to_ms * 1_000))
}

#[test]
fn every_message_of_the_span_ends_as_its_records_say() {
    for toml in [PBFT, HYBRID, HOTSTUFF, RAFT] {
        let mut timeline = timeline(toml, 2_000);
        let lanes = lanes(&mut timeline, 0, 2_000);
        assert_eq!(lanes.left_out, 0);
        let records = || (0..timeline.len()).filter_map(|position| timeline.record(position));
        let (mut arrived, mut lost) = (0, 0);
        for flight in &lanes.flights {
            let is_end = |body: &Body| match (flight.end, body) {
                (End::Arrived(_), Body::Delivered { message }) => *message == flight.key.0,
                (End::Lost(_, reason), Body::Dropped { message, reason: why }) => {
                    *message == flight.key.0 && reason == *why
                }
                _ => false,
            };
            match flight.end {
                End::Arrived(at) | End::Lost(at, _) => {
                    assert!(at >= flight.departed);
                    assert!(records().any(|record| record.at == at && is_end(&record.body)), "{flight:?}");
                }
                End::OnItsWay(arrives) => assert!(arrives.is_none_or(|at| at >= Time(2_000_000)), "{flight:?}"),
            }
            arrived += u32::from(matches!(flight.end, End::Arrived(_)));
            lost += u32::from(matches!(flight.end, End::Lost(..)));
        }
        let count = |is: &dyn Fn(&Body) -> bool| records().filter(|record| is(&record.body)).count() as u32;
        assert_eq!(arrived, count(&|body| matches!(body, Body::Delivered { .. })));
        // Who crashes before its disk has what it wanted to say first has not sent it.
        assert!(lost <= count(&|body| matches!(body, Body::Dropped { .. })) && lost > 0);
    }
}

#[test]
fn a_message_that_left_before_the_span_and_arrives_in_it_is_there() {
    let mut timeline = timeline(HOTSTUFF, 600);
    let all = lanes(&mut timeline, 0, 600).flights;
    for from in [200, 303, 411] {
        let part = lanes(&mut timeline, from, from + 50).flights;
        for flight in &all {
            let over = match flight.end {
                End::Arrived(at) | End::Lost(at, _) => at,
                End::OnItsWay(_) => Time(u64::MAX),
            };
            let inside = flight.departed <= Time((from + 50) * 1_000) && over >= Time(from * 1_000);
            assert_eq!(inside, part.iter().any(|known| known.key == flight.key), "{from}: {flight:?}");
        }
    }
}

#[test]
fn a_crash_ends_a_stretch_and_a_restart_begins_one() {
    let mut timeline = timeline(HYBRID, 4_400);
    let lanes = lanes(&mut timeline, 900, 4_400);
    let of_n1: Vec<(Liveness, u64)> = lanes
        .stretches
        .iter()
        .filter(|stretch| stretch.node == NodeId(1))
        .map(|stretch| (stretch.state.liveness, stretch.from.0 / 1_000))
        .collect();
    let crash = of_n1.iter().find(|(liveness, _)| *liveness == Liveness::Crashed);
    assert_eq!(crash, Some(&(Liveness::Crashed, 1_000)), "{of_n1:?}");
    assert!(of_n1.contains(&(Liveness::Up, 4_000)), "{of_n1:?}");
    for pair in lanes.stretches.iter().filter(|stretch| stretch.node == NodeId(1)).collect::<Vec<_>>().windows(2) {
        assert_eq!(pair[0].to, Some(pair[1].from), "a lane has no gaps");
    }
}

#[test]
fn a_request_goes_through_the_phases_of_its_protocol_in_order() {
    for (toml, names) in [
        (PBFT, &["pre-prepare", "prepare", "commit"][..]),
        (HYBRID, &["append", "acknowledge", "name"]),
        (HOTSTUFF, &["propose", "vote"]),
        (RAFT, &["replicate"]),
    ] {
        let mut timeline = timeline(toml, 900);
        let rounds = lanes(&mut timeline, 0, 900).rounds;
        let whole =
            rounds.iter().find(|round| round.span().1.is_some()).unwrap_or_else(|| panic!("{names:?}: {rounds:?}"));
        assert_eq!(whole.phases.iter().map(|phase| phase.name).collect::<Vec<_>>(), names);
        for pair in whole.phases.windows(2) {
            assert_eq!(pair[0].to, Some(pair[1].from));
            assert!(pair[0].from <= pair[1].from);
        }
    }
}
