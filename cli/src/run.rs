//! `quorumscope run`: one scenario, carried out and judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use quorumscope_core::record::Record;
use quorumscope_core::types::{Span, Time};
use quorumscope_lab::check::linearizable::{self, Verdict};
use quorumscope_lab::check::property;
use quorumscope_lab::scenario::{ExpectationResult, Fact, LINEARIZABILITY_BUDGET, Run, Scenario, When, print_span};
use quorumscope_lab::trace::file::{self, Header};
use quorumscope_lab::trace::view::Violation;
use quorumscope_lab::trace::voters;
use serde::Serialize;

use crate::failure::Failure;
use crate::refused::{RefusalReport, refused};
use crate::report::{self, ViolationReport};

/// Carry out one scenario and judge its expectations
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The scenario
    #[arg(value_name = "SCENARIO.toml")]
    scenario: PathBuf,
    /// Another seed than the scenario's
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed)]
    seed: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write all records to a trace file
    #[arg(long, value_name = "OUT")]
    trace: Option<PathBuf>,
    /// Where the page is that the printed link opens
    #[arg(long, value_name = "URL", default_value = report::PAGE, value_parser = report::page)]
    page: String,
}

#[derive(Serialize)]
struct Report {
    protocol: &'static str,
    nodes: usize,
    /// How many of them have no vote at first.
    spares: usize,
    /// Which settings the nodes have, before what the scenario says itself.
    profile: &'static str,
    seed: u64,
    virtual_ms: f64,
    events: u64,
    committed: usize,
    digest: String,
    violations: Vec<ViolationReport>,
    expectations: Vec<ExpectationReport>,
    /// Changes of members and transfers that a node refused, or that came to nothing.
    refused: Vec<RefusalReport>,
    /// Each change of voters by an epoch, and where more began to lie than may.
    voters: Vec<VotersReport>,
    coverage: BTreeMap<&'static str, u64>,
    replay: String,
}

#[derive(Serialize)]
struct ExpectationReport {
    text: String,
    held: bool,
    detail: String,
}

#[derive(Serialize)]
struct VotersReport {
    at_ms: f64,
    /// Whether nothing is promised any more.
    warning: bool,
    text: String,
}

impl From<&ExpectationResult> for ExpectationReport {
    fn from(result: &ExpectationResult) -> Self {
        Self { text: result.text.clone(), held: result.held == Some(true), detail: result.detail.clone() }
    }
}

/// Reads a seed.
fn seed(text: &str) -> Result<u64, &'static str> {
    text.parse().ok().filter(|seed| *seed < 1 << 53).ok_or("a seed is a whole number from 0 and below 2^53")
}

/// Reads a scenario.
pub fn read_scenario(path: &Path) -> Result<Scenario, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::reading(path, &error))?;
    Scenario::from_toml(&text).map_err(|error| Failure::input(error.in_file(&path.display().to_string())))
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut scenario = read_scenario(&arguments.scenario)?;
    if let Some(seed) = arguments.seed {
        scenario.seed = seed;
    }
    let file = arguments.scenario.display().to_string();
    let mut run = Run::new(&scenario).map_err(|error| Failure::input(error.in_file(&file)))?;
    if let Some(late) = scenario.expect.iter().find_map(|expect| looks_after(expect.when, scenario.until)) {
        let text =
            format!("an expectation at {late} is after the end of the run: until = \"{}\"", span(scenario.until));
        return Err(Failure::input(format!("{file}: {text}")));
    }
    run.run_to_end();
    let records = run.take_records();
    if let Some(out) = &arguments.trace {
        write_trace(out, &run, &records)?;
    }
    let violations = violations(&run);
    let expects_violation = scenario.expect.iter().flat_map(|expect| &expect.facts).any(is_violation);
    let succeeded = run.succeeded() && (violations.is_empty() || expects_violation);
    let voters = voters_told(&records);
    let refused = refused(&records, scenario.protocol);
    let report = Report { refused, voters, ..make_report(&run, &violations, &arguments.page) };
    if arguments.json {
        report::print_json(&report)?;
    } else {
        report::print(&for_people(&report, &scenario, &file, succeeded, arguments.seed))?;
    }
    Ok(if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// When an expectation looks at a run that is over by then.
fn looks_after(when: When, until: Time) -> Option<String> {
    match when {
        When::At(at) if at > until => Some(span(at)),
        When::At(_) | When::By(_) | When::Always => None,
    }
}

fn span(time: Time) -> String {
    print_span(Span(time.0))
}

/// What changed for the voters of a protocol whose nodes may lie, and whether they bear its liars.
fn voters_told(records: &[Record]) -> Vec<VotersReport> {
    let told = voters::changes(records).into_iter();
    told.map(|told| VotersReport { at_ms: report::millis(told.at), warning: told.too_many, text: told.text }).collect()
}

fn is_violation(fact: &Fact) -> bool {
    matches!(fact, Fact::Violation(_))
}

/// What the world found, and whether what clients saw has an order.
fn violations(run: &Run) -> Vec<Violation> {
    let simulation = run.simulation();
    let mut violations = simulation.violations().to_vec();
    if let Verdict::NotLinearizable(detail) = linearizable::check(simulation.history(), LINEARIZABILITY_BUDGET) {
        let property = property::LINEARIZABILITY.into();
        violations.push(Violation { at: simulation.now(), node: None, property, detail });
    }
    violations
}

fn make_report(run: &Run, violations: &[Violation], page: &str) -> Report {
    let simulation = run.simulation();
    let mut expectations: Vec<ExpectationReport> = run.expectations().iter().map(Into::into).collect();
    if let Some(error) = run.error() {
        expectations.push((&ExpectationResult::of_error(error, simulation.now())).into());
    }
    let scenario = run.scenario();
    let cursor = violations.first().map_or(Time(0), |found| found.at);
    Report {
        protocol: scenario.protocol.name(),
        nodes: scenario.nodes.len(),
        spares: if scenario.voters.is_empty() { 0 } else { scenario.nodes.len() - scenario.voters.len() },
        profile: scenario.raft.profile.name(),
        seed: scenario.seed,
        virtual_ms: report::millis(simulation.now()),
        events: simulation.events(),
        committed: simulation.decided().len(),
        digest: simulation.digest().to_string(),
        violations: violations.iter().map(Into::into).collect(),
        expectations,
        refused: Vec::new(),
        voters: Vec::new(),
        coverage: report::counters(simulation.coverage()),
        replay: report::link(page, scenario, cursor, Some(simulation.digest())),
    }
}

fn for_people(report: &Report, scenario: &Scenario, file: &str, succeeded: bool, seed: Option<u64>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}: {}, {}, profile {}, seed {}",
        scenario.name,
        report.protocol,
        report::nodes(report.nodes - report.spares, report.spares),
        report.profile,
        report.seed
    );
    for expectation in &report.expectations {
        let mark = if expectation.held { "held  " } else { "FAILED" };
        let detail = if expectation.detail.is_empty() { String::new() } else { format!(" ({})", expectation.detail) };
        let _ = writeln!(text, "  {mark}  {}{detail}", expectation.text);
    }
    for violation in &report.violations {
        let _ = writeln!(text, "  {}", violation.line());
    }
    for refusal in &report.refused {
        let _ = writeln!(text, "  refused at {} ms: {}", refusal.at_ms, refusal.text);
    }
    for told in &report.voters {
        let warning = if told.warning { "warning: " } else { "" };
        let _ = writeln!(text, "  {warning}at {} ms: {}", told.at_ms, told.text);
    }
    let _ = writeln!(
        text,
        "{} ms of virtual time, {} events, {} entries committed, digest {}",
        report.virtual_ms, report.events, report.committed, report.digest
    );
    if !succeeded {
        let seed = seed.map(|seed| format!(" --seed {seed}")).unwrap_or_default();
        let _ = writeln!(text, "again:   quorumscope run {file}{seed}");
    }
    let _ = writeln!(text, "to see, while ./run serves the page:  {}", report.replay);
    text
}

/// Writes under another name and renames, so that an interruption leaves no half file under the name asked for.
fn write_trace(out: &Path, run: &Run, records: &[Record]) -> Result<(), Failure> {
    let scenario = run.scenario();
    let header = Header {
        scenario: Some(scenario.to_toml()),
        digest: Some(run.simulation().digest()),
        ..Header::recording(scenario.protocol.name(), &scenario.name)
    };
    let text = file::write(header, records);
    let mut part = out.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let written: io::Result<()> = fs::write(&part, text).and_then(|()| fs::rename(&part, out));
    written.map_err(|error| {
        // The part is of no use to anybody; where it cannot be removed it was not there.
        let _ = fs::remove_file(&part);
        Failure::writing(out, &error)
    })
}
