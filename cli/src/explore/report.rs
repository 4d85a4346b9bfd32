//! What does an exploration print, for people and as JSON?
//!
//! The JSON shape is a contract: fields are added, never renamed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quorumscope_lab::scenario::slug;
use quorumscope_lab::sim::Coverage;
use serde::Serialize;

use super::{Arguments, Plans};
use crate::report::{self as output, ViolationReport};
use crate::sweep::{Broken, Swept};

/// A sweep this long must raise every counter of its profile.
const COVERAGE_FROM: u64 = 100;

/// With fewer nodes not everything that a profile counts can happen.
const COVERAGE_NODES: u32 = 3;

#[derive(Serialize)]
pub(super) struct Report {
    protocol: &'static str,
    nodes: u32,
    /// In how many runs a spare, which has no vote at first, stood beside them.
    with_spare: u64,
    /// Which settings the nodes have.
    profile: &'static str,
    runs: u64,
    runs_asked: u64,
    /// Which rules were switched off on request.
    rules_off: Vec<&'static str>,
    /// And which beside them, because their own hunt says that they would hide it.
    also_off: Vec<&'static str>,
    /// The property that was looked for, where one was named.
    property: Option<String>,
    pub(super) seeds_failed: usize,
    /// What broke, and how often: also what was not looked for.
    broken: Vec<BrokenReport>,
    first_failure: Option<Failed>,
    events: u64,
    events_per_second: u64,
    committed: u64,
    undecided: u64,
    coverage: BTreeMap<&'static str, u64>,
    pub(super) not_covered: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct BrokenReport {
    property: String,
    runs: u64,
    first_seed: u64,
}

#[derive(Serialize)]
pub(super) struct Failed {
    pub(super) seed: u64,
    /// How many nodes without a vote at first stand beside those that were asked for.
    pub(super) spares: usize,
    pub(super) violations: Vec<ViolationReport>,
    pub(super) undecided: bool,
    pub(super) command: String,
    pub(super) replay: String,
    /// The shortened scenario, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shrunk: Option<String>,
}

impl From<(&String, &Broken)> for BrokenReport {
    fn from((property, broken): (&String, &Broken)) -> Self {
        Self { property: slug(property), runs: broken.runs, first_seed: broken.first }
    }
}

/// What the sweep has come to.
pub(super) fn make_report(
    arguments: &Arguments,
    plans: &Plans,
    swept: &Swept,
    first_failure: Option<Failed>,
) -> Report {
    let coverage = output::counters(&swept.coverage);
    let enough = swept.runs >= COVERAGE_FROM && arguments.nodes >= COVERAGE_NODES;
    // Whoever says how many lie asks what those break: they may do it all in one way, and before much else happens.
    let must = plans.profile.filter(|_| plans.rules_off.is_empty() && enough && arguments.liars.is_none());
    let must = must.filter(|_| plans.property.is_none());
    let must = must.map(|profile| profile.must_cover(plans.protocol)).unwrap_or_default();
    let seconds = swept.took.as_secs_f64().max(1e-6);
    Report {
        protocol: plans.protocol.name(),
        nodes: arguments.nodes,
        with_spare: swept.with_spare,
        profile: plans.settings.name(),
        runs: swept.runs,
        runs_asked: plans.seeds.1 - plans.seeds.0,
        rules_off: plans.rules_off.iter().map(|rule| rule.name()).collect(),
        also_off: plans.plan.rules_off.iter().map(|rule| rule.name()).collect(),
        property: plans.property.map(slug),
        seeds_failed: swept.failed.len(),
        broken: swept.broken.iter().map(Into::into).collect(),
        first_failure,
        events: swept.events,
        events_per_second: (swept.events as f64 / seconds) as u64,
        committed: swept.committed,
        undecided: swept.undecided,
        not_covered: must.iter().copied().filter(|name| coverage.get(name).is_none_or(|count| *count == 0)).collect(),
        coverage,
    }
}

/// The same in words.
pub(super) fn for_people(report: &Report, swept: &Swept) -> String {
    let mut text = String::new();
    let spare = match report.with_spare {
        0 => String::new(),
        count if count == report.runs => " and 1 spare".into(),
        count => format!(", in {count} of them 1 spare"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} run{} of {} with {}{spare}, profile {}: {} failed, {} undecided; {} events in {:.1} s ({} a second), {} commits",
        report.runs,
        if report.runs == 1 { "" } else { "s" },
        report.protocol,
        output::nodes(report.nodes as usize, 0),
        report.profile,
        report.seeds_failed,
        report.undecided,
        report.events,
        swept.took.as_secs_f64(),
        report.events_per_second,
        report.committed
    );
    let runs = report.runs.max(1);
    let width = Coverage::NAMES.iter().map(|name| name.len()).max().unwrap_or(0);
    if !report.also_off.is_empty() {
        let _ = writeln!(
            text,
            "off as well, because it hides what is looked for: {}; what breaks may be owed to that",
            report.also_off.join(", ")
        );
    }
    let never = swept.coverage.iter().filter(|(_, count)| *count == 0).count();
    for (name, count) in swept.coverage.iter().filter(|(_, count)| *count > 0) {
        let _ = writeln!(text, "  {name:width$} {count:>12}  {}.{} a run", count / runs, count * 10 / runs % 10);
    }
    let _ = writeln!(text, "  never: {never} other counters (--json lists them)");
    if report.seeds_failed == 0 && !report.rules_off.is_empty() {
        let _ = writeln!(
            text,
            "nothing was found; docs/rules.md names a scenario or a test that shows what {} is for",
            report.rules_off.join(" and ")
        );
    }
    for name in &report.not_covered {
        let _ = writeln!(text, "FAILED  not once in {runs} runs: {name}; the sweep has not tested what it claims to");
    }
    // A sweep that stops at once has nothing to count.
    if report.runs == report.runs_asked || report.property.is_some() {
        for BrokenReport { property, runs, first_seed } in &report.broken {
            let times = if *runs == 1 { "run" } else { "runs" };
            let _ = writeln!(text, "broken  {property} in {runs} {times}, first with seed {first_seed}");
        }
    }
    if let Some(failed) = &report.first_failure {
        let _ =
            writeln!(text, "FAILED  seed {} ({})", failed.seed, output::nodes(report.nodes as usize, failed.spares));
        for violation in failed.violations.iter().take(5) {
            let _ = writeln!(text, "  {}", violation.line());
        }
        if failed.undecided {
            let _ = writeln!(text, "  undecided: the search for an order of the operations ran out of its budget");
        }
        if let Some(shrunk) = &failed.shrunk {
            let _ = writeln!(text, "the shortest scenario that fails alike:\n\n{shrunk}");
        }
        let _ = writeln!(text, "again:   {}", failed.command);
        let _ = writeln!(text, "to see, while ./run serves the page:  {}", failed.replay);
        if report.runs < report.runs_asked {
            let _ =
                writeln!(text, "stopped after {} of {} seeds: --keep-going goes on", report.runs, report.runs_asked);
        }
    }
    text
}
