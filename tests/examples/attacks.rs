//! How soon is each attack noticed, and what comes of it?
//!
//! `cargo run --release -p quorumscope-tests --example attacks -- [RUNS]` prints a table for each protocol that bears
//! liars: four nodes, one of which lies from 2 s on in one way, two clients, links of 1 to 15 ms, one seed a run, 20
//! virtual seconds. The leader lies. Where a lie needs a change of leader to be told, the second replica tells it, and
//! the first is down from 3 s to 6 s; in the hybrid such a lie needs a switch, so the leader forges certificates beside,
//! and a false new view needs both, so that the second replica does both and the first is down later.
//!
//! Times are medians in virtual milliseconds from the first lie, over the runs in which it came to that; the share of
//! those runs stands behind. A *sign* is a forged signature at an honest replica, *evidence* two words that convict.

use quorumscope_core::types::Time;
use quorumscope_lab::adversary::Trick;
use quorumscope_lab::scenario::{ProtocolName, Run, Scenario};
use quorumscope_lab::sim::Coverage;

const RUNS: u64 = 100;

/// A run's last part, in which clients should be served again.
const LAST: Time = Time(15_000_000);

/// What happened, and when first.
#[derive(Default)]
struct Outcome {
    lie: Option<Time>,
    sign: Option<Time>,
    low: Option<Time>,
    medium: Option<Time>,
    high: Option<Time>,
    evidence: Option<Time>,
    convicted: Option<Time>,
    switched: Option<Time>,
    returned: Option<Time>,
    is_served: bool,
    is_safe: bool,
}

fn needs_a_change(trick: Trick) -> bool {
    matches!(trick, Trick::HidePrepared | Trick::FalseNewView | Trick::FalseOpening | Trick::FalseEnd)
}

fn scenario(protocol: ProtocolName, trick: Trick, seed: u64) -> Scenario {
    let is_hybrid = protocol == ProtocolName::Hybrid;
    let down = |from: u32| {
        format!("[[step]]\nat = \"{from}s\"\ncrash = \"n1\"\n[[step]]\nat = \"{}s\"\nrestart = \"n1\"\n", from + 3)
    };
    let (liar, beside, change) = match (needs_a_change(trick), is_hybrid) {
        (false, _) => ("n1", "", String::new()),
        (true, true) if trick == Trick::FalseNewView => ("n2", ", \"forge\"", down(5)),
        (true, true) => ("n1", ", \"forge\"", String::new()),
        (true, false) => ("n2", "", down(3)),
    };
    let threat = if is_hybrid { "[protocol-config]\nthreat_window = \"5s\"\ndwell = \"3s\"\n" } else { "" };
    let text = format!(
        "protocol = \"{}\"\nnodes = 4\nseed = {seed}\nuntil = \"20s\"\nsigner = \"cheap\"\n\
         [network]\nlatency = [\"1ms\", \"15ms\"]\n{threat}\
         [[client]]\nid = \"c1\"\noperations = 1000\nkeys = 2\nthink = \"50ms\"\n[[client]]\nid = \"c2\"\noperations = 1000\nkeys = 2\nthink = \"50ms\"\n\
         [[step]]\nat = \"2s\"\nbyzantine = {{ node = \"{liar}\", as = [\"{}\"{beside}] }}\n{change}",
        protocol.name(),
        trick.name(),
    );
    Scenario::from_toml(&text).expect("a scenario that can be read")
}

fn attack(protocol: ProtocolName, trick: Trick, seed: u64) -> Outcome {
    let mut run = Run::new(&scenario(protocol, trick, seed)).expect("settings that can run");
    run.set_recording(false);
    let name = format!("lies: {}", trick.name());
    let place = Coverage::NAMES.iter().position(|known| *known == name).expect("each trick has a counter");
    let mut outcome = Outcome::default();
    let (mut served, mut is_last) = (0, false);
    while run.step() {
        let (now, coverage) = (run.simulation().now(), run.simulation().coverage());
        let lies = coverage.iter().nth(place).map_or(0, |(_, count)| count);
        let first = |place: &mut Option<Time>, count: u64| {
            if place.is_none() && count > 0 {
                *place = Some(now);
            }
        };
        first(&mut outcome.lie, lies);
        first(&mut outcome.sign, coverage.forged);
        first(&mut outcome.low, coverage.threat_low);
        first(&mut outcome.medium, coverage.threat_medium);
        // Whoever knows of a liar is threatened at least as much; when that was, the column of evidence says.
        first(&mut outcome.high, coverage.threat_high + coverage.threat_critical);
        first(&mut outcome.evidence, coverage.evidence_found);
        first(&mut outcome.convicted, coverage.convictions);
        first(&mut outcome.switched, coverage.switches);
        first(&mut outcome.returned, coverage.returns);
        if now >= LAST && !std::mem::replace(&mut is_last, true) {
            served = coverage.operations_ok;
        }
    }
    outcome.is_served = is_last && run.simulation().coverage().operations_ok > served;
    outcome.is_safe = run.simulation().violations().is_empty();
    outcome
}

/// The median time since the first lie, and in how many of the runs with a lie it came to that.
fn since_the_lie(runs: &[Outcome], what: fn(&Outcome) -> Option<Time>) -> String {
    let lied = runs.iter().filter(|run| run.lie.is_some()).count();
    let gap = |run: &Outcome| Some(what(run)?.0.saturating_sub(run.lie?.0));
    let mut gaps: Vec<u64> = runs.iter().filter_map(gap).collect();
    gaps.sort_unstable();
    match gaps.get(gaps.len() / 2) {
        Some(median) => format!("{:.0} ({} %)", *median as f64 / 1e3, share(gaps.len(), lied)),
        None => "–".to_owned(),
    }
}

fn share(some: usize, all: usize) -> usize {
    if all == 0 { 0 } else { (some * 100).div_euclid(all) }
}

fn percent(runs: &[Outcome], what: impl Fn(&Outcome) -> bool) -> String {
    format!("{} %", share(runs.iter().filter(|run| what(run)).count(), runs.len()))
}

fn named(protocol: ProtocolName, trick: Trick) -> String {
    let beside = if needs_a_change(trick) && protocol == ProtocolName::Hybrid { ", with forge" } else { "" };
    format!("{}{beside}", trick.name())
}

fn table(protocol: ProtocolName, runs: u64) {
    let is_hybrid = protocol == ProtocolName::Hybrid;
    let levels = if is_hybrid { " low | medium | high | switch | return |" } else { "" };
    println!("\n{}, {runs} runs of each attack\n", protocol.name());
    println!("| attack | lied | sign | evidence | convicted |{levels} served at the end | safe |");
    println!("| --- | ---: | ---: | ---: | ---: |{} ---: | ---: |", " ---: |".repeat(if is_hybrid { 5 } else { 0 }));
    for trick in Trick::of(protocol) {
        let all: Vec<Outcome> = (0..runs).map(|seed| attack(protocol, trick, seed)).collect();
        let mut cells = vec![
            named(protocol, trick),
            percent(&all, |run| run.lie.is_some()),
            since_the_lie(&all, |run| run.sign),
            since_the_lie(&all, |run| run.evidence),
            since_the_lie(&all, |run| run.convicted),
        ];
        if is_hybrid {
            let levels: [fn(&Outcome) -> Option<Time>; 5] =
                [|run| run.low, |run| run.medium, |run| run.high, |run| run.switched, |run| run.returned];
            cells.extend(levels.map(|level| since_the_lie(&all, level)));
        }
        cells.extend([percent(&all, |run| run.is_served), percent(&all, |run| run.is_safe)]);
        println!("| {} |", cells.join(" | "));
    }
}

fn main() {
    let runs = std::env::args().nth(1).map_or(RUNS, |word| word.parse().expect("a number of runs"));
    for protocol in [ProtocolName::Hybrid, ProtocolName::Pbft, ProtocolName::HotStuff] {
        table(protocol, runs);
    }
}
