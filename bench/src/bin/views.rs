//! What does a silent primary cost PBFT, and what do silent leaders cost HotStuff?
//!
//! `cargo run --release -p quorumscope-bench --bin views -- [RUNS] [MINUTES]` prints:
//! * PBFT, four replicas, links of 10 ms, default settings, one seed a run: the primary crashes at a drawn instant;
//!   counted is the virtual time from the first request timer that runs out to the first batch that is committed in
//!   the new view, in milliseconds and in link delays;
//! * `HotStuff`, links of 10 ms, 16 clients that ask without a pause, so many virtual minutes: committed commands a
//!   second without faults, with each one of four silent, and with each two of seven.

use quorumscope_core::rng::Rng;
use quorumscope_core::types::{ClientId, NodeId, Span, Time};
use quorumscope_lab::keys::Scheme;
use quorumscope_lab::scenario::{Action, NodeVerb, ProtocolName, Run, Scenario, Selector, Step};
use quorumscope_lab::sim::{ClientSetup, Workload};

const RUNS: u64 = 1_000;
const MINUTES: u64 = 10;
const LINK: Span = Span::from_millis(10);

/// By then requests have been committed for a while.
const CALM: Time = Time(3_000_000);

fn scenario(protocol: ProtocolName, nodes: u32, seed: u64, clients: u64, steps: Vec<Step>) -> Scenario {
    let mut scenario = Scenario::new(protocol, nodes, seed);
    scenario.network.latency = (LINK, LINK);
    scenario.signer = Scheme::Cheap;
    let asks = |client| ClientSetup {
        workload: Some(Workload::of(u32::MAX, 16, (Span(0), LINK))),
        ..ClientSetup::by_hand(ClientId(client))
    };
    scenario.clients = (1..=clients).map(asks).collect();
    scenario.steps = steps;
    scenario
}

fn begin(scenario: &Scenario) -> Run {
    let mut run = Run::new(scenario).expect("default settings can run");
    run.set_recording(false);
    run
}

fn crash(at: Time, nodes: &[u32]) -> Step {
    Step::new(at, Action::Nodes(NodeVerb::Crash, nodes.iter().map(|node| Selector::Node(NodeId(*node))).collect()))
}

/// The virtual time from the first timer that runs out to the first commit after it.
fn view_change(seed: u64) -> Span {
    let at = Time(CALM.0 + Rng::new(seed, 1).below(1_000_000));
    let mut scenario = scenario(ProtocolName::Pbft, 4, seed, 3, vec![crash(at, &[1])]);
    scenario.until = Time(at.0 + 60_000_000);
    let mut run = begin(&scenario);
    run.run_until(at);
    let has_left =
        |run: &Run| (2..=4).any(|node| run.simulation().node(NodeId(node)).is_some_and(|face| face.status.term.0 > 0));
    assert!(!has_left(&run), "seed {seed}: somebody has left the first view before the crash");
    while !has_left(&run) {
        assert!(run.step(), "seed {seed}: nobody leaves the view within a minute");
    }
    let (left, committed) = (run.simulation().now(), run.simulation().decided().len());
    while run.simulation().decided().len() == committed {
        assert!(run.step(), "seed {seed}: nothing is committed within a minute");
    }
    Span(run.simulation().now().0 - left.0)
}

/// Committed commands a second, where these are silent from the start.
fn throughput(nodes: u32, silent: &[u32], minutes: u64) -> f64 {
    let steps = if silent.is_empty() { Vec::new() } else { vec![crash(Time(1), silent)] };
    let mut scenario = scenario(ProtocolName::HotStuff, nodes, 1, 16, steps);
    scenario.until = Time(minutes * 60_000_000);
    let mut run = begin(&scenario);
    run.run_to_end();
    assert!(run.simulation().violations().is_empty(), "{silent:?}: {:?}", run.simulation().violations());
    run.simulation().decided().len() as f64 / (minutes * 60) as f64
}

fn main() {
    let number = |at: usize, usual| std::env::args().nth(at).map_or(usual, |word| word.parse().expect("a number"));
    let (runs, minutes) = (number(1, RUNS), number(2, MINUTES));
    let mut times: Vec<Span> = (0..runs).map(view_change).collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].0 as f64;
    println!("PBFT, a silent primary of 4, {runs} runs, links of 10 ms: from the first timer to the next commit");
    for (name, percent) in [("p50", 50), ("p99", 99), ("longest", 100)] {
        let micros = at(percent);
        println!("  {name:<8}{:>8.1} ms{:>7.1} link delays", micros / 1e3, micros / LINK.0 as f64);
    }
    println!("HotStuff, 16 clients, links of 10 ms, {minutes} virtual minutes: committed commands a second");
    for (nodes, count) in [(4, 1), (7, 2)] {
        let free = throughput(nodes, &[], minutes);
        println!("  {nodes} replicas, none silent {free:>8.1}");
        let positions: Vec<Vec<u32>> = match count {
            1 => (1..=nodes).map(|one| vec![one]).collect(),
            _ => (1..=nodes).flat_map(|one| (one + 1..=nodes).map(move |other| vec![one, other])).collect(),
        };
        let mut speeds: Vec<f64> = positions.iter().map(|silent| throughput(nodes, silent, minutes)).collect();
        speeds.sort_by(f64::total_cmp);
        let (slowest, fastest) = (speeds[0], speeds[speeds.len() - 1]);
        println!(
            "  {nodes} replicas, {count} silent, {} positions: {slowest:.1} to {fastest:.1}, {:.0} to {:.0} %",
            speeds.len(),
            100.0 * slowest / free,
            100.0 * fastest / free
        );
        assert!(slowest > 0.0, "every position commits");
    }
}
