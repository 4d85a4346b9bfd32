//! How long is a cluster without a leader, and does a node that hears badly disturb a healthy one?
//!
//! `cargo run --release -p quorumscope-tests --example elections -- [RUNS]` prints two lines. Five nodes, links of 5 to
//! 15 ms, default settings, no loss, one seed a run:
//! * a leader crashes at a drawn instant; counted is the virtual time until another node leads;
//! * one direction of all links of a follower is cut for five seconds, by turns the one to it and the one from it;
//!   counted are the runs in which the leader loses its leadership or anybody's term rises.

use quorumscope_core::rng::Rng;
use quorumscope_core::types::{NodeId, Span, Time};
use quorumscope_lab::scenario::{Action, NodeVerb, ProtocolName, Run, Scenario, Selector, Step};

const RUNS: u64 = 10_000;
const NODES: u32 = 5;

/// By then somebody has led for a while, whatever the seed.
const CALM: Time = Time(3_000_000);

fn scenario(seed: u64, until: Time, steps: Vec<Step>) -> Scenario {
    let mut scenario = Scenario::new(ProtocolName::Raft, NODES, seed);
    scenario.network.latency = (Span::from_millis(5), Span::from_millis(15));
    (scenario.until, scenario.steps) = (until, steps);
    scenario
}

fn begin(scenario: &Scenario) -> Run {
    let mut run = Run::new(scenario).expect("default settings can run");
    run.set_recording(false);
    run
}

/// The virtual time from the crash of a leader to the next one.
fn without_leader(seed: u64) -> Span {
    let at = Time(CALM.0 + Rng::new(seed, 1).below(1_000_000));
    let crash = Step::new(at, Action::Nodes(NodeVerb::Crash, vec![Selector::Leader]));
    let mut run = begin(&scenario(seed, Time(at.0 + 60_000_000), vec![crash]));
    run.run_until(Time(at.0 - 1));
    let old = run.leader();
    assert!(old.is_some(), "seed {seed}: nobody led before the crash");
    while run.leader().is_none() || run.leader() == old {
        assert!(run.step(), "seed {seed}: nobody is elected within a minute");
    }
    Span(run.simulation().now().0 - at.0)
}

/// Whether a follower that is cut off in one direction changes who leads, or in which term.
fn is_disturbed(seed: u64) -> bool {
    let (lonely, rest) = (vec![Selector::Bound("lonely".into())], vec![Selector::Rest]);
    let (from, to) = if seed.is_multiple_of(2) { (rest, lonely) } else { (lonely, rest) };
    let mut cut = Step::new(CALM, Action::Cut { from, to });
    cut.bind = vec![("lonely".into(), Selector::AnyFollower)];
    let heal = Step::new(Time(CALM.0 + 5_000_000), Action::Heal);
    let until = Time(CALM.0 + 7_000_000);
    let mut run = begin(&scenario(seed, until, vec![cut, heal]));
    run.run_until(Time(CALM.0 - 1));
    let reign = |run: &Run| -> (Option<NodeId>, Vec<u64>) {
        let term = |node: u32| run.simulation().node(NodeId(node)).map_or(0, |face| face.status.term.0);
        (run.leader(), (1..=NODES).map(term).collect())
    };
    let before = reign(&run);
    assert!(before.0.is_some(), "seed {seed}: nobody led when the cut began");
    while run.step() {
        if reign(&run) != before {
            return true;
        }
    }
    false
}

fn main() {
    let runs = std::env::args().nth(1).map_or(RUNS, |word| word.parse().expect("a number of runs"));
    let mut gaps: Vec<Span> = (0..runs).map(without_leader).collect();
    gaps.sort_unstable();
    let at = |percent: usize| gaps[(gaps.len() * percent / 100).min(gaps.len() - 1)].0 as f64 / 1_000.0;
    println!(
        "new leader after a crash, {runs} runs: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        at(50),
        at(99),
        at(100)
    );
    let disturbed = (0..runs).filter(|seed| is_disturbed(*seed)).count();
    println!("a follower cut off in one direction, {runs} runs: {disturbed} leaders disturbed");
}
