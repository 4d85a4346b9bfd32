//! How many seeds does a hunt need until it finds that a rule is missing?
//!
//! `cargo run --release -p quorumscope-tests --example hunts -- [SEEDS] [RULE…]` prints the table of `docs/rules.md`: for each
//! rule the seeds tried until the first finding, over disjoint ranges of seeds, and their median. The runs are those
//! of `quorumscope explore --rule-off RULE`.

use quorumscope_core::raft::{Rule, RuleKind};
use quorumscope_lab::check::property;
use quorumscope_lab::explore::{explore, hunt};
use quorumscope_lab::scenario::ProtocolName;
use quorumscope_lab::scenario::profile::{SHORTEST_RUN, generate};

/// Ranges of seeds, disjoint.
const RANGES: u64 = 5;
/// Seeds between the beginnings of two ranges, and the most that are tried in one.
const SEEDS: u64 = 20_000;
/// Nodes of a run; four where some of them lie.
const NODES: u32 = 5;
const NODES_WITH_LIARS: u32 = 4;

/// The seeds tried until a run breaks what the rule guards, and what it breaks first.
fn first_in(rule: Rule, range: u64, seeds: u64) -> Option<(u64, String)> {
    let plan = hunt::plan(rule);
    let protocol = ProtocolName::of_rule(rule);
    let nodes = if protocol.signs() { NODES_WITH_LIARS } else { NODES };
    (0..seeds).find_map(|tried| {
        let seed = range * SEEDS + tried;
        let scenario = generate(protocol, nodes, seed, &plan, SHORTEST_RUN, &[rule]);
        let outcome = explore(&scenario).expect("a generated scenario can run");
        let counts = |name: &str| rule.kind() == RuleKind::Liveness || name != property::LIVENESS;
        let found = outcome.violations.into_iter().find(|found| counts(&found.property))?;
        Some((tried + 1, found.property))
    })
}

fn main() {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    let seeds = wanted.first().and_then(|word| word.parse().ok()).map(|seeds: u64| seeds.min(SEEDS));
    if seeds.is_some() {
        wanted.remove(0);
    }
    let seeds = seeds.unwrap_or(SEEDS);
    println!("| rule | kind | found first | median | each range |");
    println!("| --- | --- | --- | --- | --- |");
    let is_wanted = |rule: &Rule| wanted.is_empty() || wanted.iter().any(|name| name == rule.name());
    for rule in ProtocolName::switchable().filter(is_wanted) {
        let kind = match rule.kind() {
            RuleKind::Safety => "safety",
            RuleKind::Liveness => "liveness",
        };
        let found: Vec<_> = (0..RANGES).map(|range| first_in(rule, range, seeds)).collect();
        let mut counts: Vec<u64> =
            found.iter().map(|found| found.as_ref().map_or(u64::MAX, |(tried, _)| *tried)).collect();
        counts.sort_unstable();
        let word = |count: u64| if count == u64::MAX { format!("not in {seeds}") } else { count.to_string() };
        let mut properties: Vec<&str> = found.iter().flatten().map(|(_, property)| property.as_str()).collect();
        properties.sort_unstable();
        properties.dedup();
        let each: Vec<String> = counts.iter().copied().map(word).collect();
        let median = word(counts[counts.len() / 2]);
        println!("| `{}` | {kind} | {} | {median} | {} |", rule.name(), properties.join(", "), each.join(", "));
    }
}
