//! `quorumscope exhaust`: every state of a small world, or a shortest counterexample.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use quorumscope_core::raft::Rule;
use quorumscope_lab::exhaust::{Bounds, Counterexample, Figures, Search, Standing};
use quorumscope_lab::scenario::rule;
use serde::Serialize;

use crate::failure::Failure;
use crate::report;

/// So many states between two looks at the clock.
const PIECE: u32 = 4_096;

/// Explore every state of a small Raft cluster
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 3)]
    nodes: u8,
    /// The highest term that an election may begin
    #[arg(long, value_name = "N", default_value_t = 2)]
    terms: u8,
    /// How many commands clients send
    #[arg(long, value_name = "N", default_value_t = 1)]
    commands: u8,
    /// How many crashes happen
    #[arg(long, value_name = "N", default_value_t = 0)]
    crashes: u8,
    /// How many of the crashes lose the store
    #[arg(long, value_name = "N", default_value_t = 0)]
    lost_stores: u8,
    /// How many messages are on their way on each link
    #[arg(long, value_name = "N", default_value_t = 1)]
    in_flight: u8,
    /// How many writes of a node wait for its disk; 0: each is done before the node goes on, or lost in a crash
    #[arg(long, value_name = "N", default_value_t = 0)]
    pending: u8,
    /// How many entries an append carries
    #[arg(long, value_name = "N", default_value_t = 1)]
    batch: u8,
    /// Switch a rule off; may be given several times
    #[arg(long, value_name = "R")]
    rule_off: Vec<String>,
    /// Stop after this many states
    #[arg(long, value_name = "N")]
    max_states: Option<u64>,
    /// Stop after this many seconds
    #[arg(long, value_name = "N")]
    max_seconds: Option<u64>,
    /// Stop once this much memory is used, in megabytes
    #[arg(long, value_name = "N", default_value_t = 4_096)]
    max_megabytes: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    nodes: u8,
    terms: u8,
    commands: u8,
    crashes: u8,
    lost_stores: u8,
    in_flight: u8,
    pending: u8,
    batch: u8,
    rules_off: Vec<&'static str>,
    /// Of them, those that play no part in these worlds.
    outside: Vec<&'static str>,
    states: u64,
    transitions: u64,
    depth: u64,
    waiting: u64,
    seconds: f64,
    states_per_second: u64,
    megabytes: u64,
    ended: &'static str,
    counterexample: Option<Shown>,
}

#[derive(Serialize)]
struct Shown {
    property: &'static str,
    detail: String,
    steps: Vec<String>,
}

/// Why a search ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Exhausted,
    Violated,
    States,
    Seconds,
    Memory,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Violated => "violated",
            Self::States => "max-states",
            Self::Seconds => "max-seconds",
            Self::Memory => "max-megabytes",
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let bounds = understand(arguments).map_err(Failure::input)?;
    let outside: Vec<_> = bounds.outside().map(Rule::name).collect();
    let mut search = Search::new(bounds).map_err(|error| Failure::input(format!("--{error}")))?;
    let began = Instant::now();
    let end = explore(&mut search, arguments, began);
    let took = began.elapsed();
    let counterexample = search.counterexample();
    let report = Report { outside, ..make_report(&search, end, took, counterexample) };
    if arguments.json {
        report::print_json(&report)?;
    } else {
        report::print(&for_people(&report))?;
    }
    Ok(if end == End::Violated { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn understand(arguments: &Arguments) -> Result<Bounds, String> {
    if arguments.max_states == Some(0) || arguments.max_seconds == Some(0) || arguments.max_megabytes == 0 {
        return Err("--max-states, --max-seconds and --max-megabytes are at least 1".into());
    }
    Ok(Bounds {
        nodes: arguments.nodes,
        terms: arguments.terms,
        commands: arguments.commands,
        crashes: arguments.crashes,
        lost_stores: arguments.lost_stores,
        in_flight: arguments.in_flight,
        pending: arguments.pending,
        batch: arguments.batch,
        rules_off: arguments.rule_off.iter().map(|name| rule(name)).collect::<Result<_, _>>()?,
    })
}

fn explore(search: &mut Search, arguments: &Arguments, began: Instant) -> End {
    let bar = progress();
    let limit = arguments.max_seconds.map(Duration::from_secs);
    let end = loop {
        match search.advance(PIECE) {
            Standing::Exhausted => break End::Exhausted,
            Standing::Violated => break End::Violated,
            Standing::Running => {}
        }
        let figures = search.figures();
        bar.set_position(figures.states);
        bar.set_message(format!("depth {}, {} wait, {} MB", figures.depth, figures.waiting, figures.bytes >> 20));
        if arguments.max_states.is_some_and(|most| figures.states >= most) {
            break End::States;
        }
        if limit.is_some_and(|limit| began.elapsed() >= limit) {
            break End::Seconds;
        }
        if figures.bytes >> 20 >= arguments.max_megabytes {
            break End::Memory;
        }
    };
    bar.finish_and_clear();
    end
}

/// A line on standard error that tells how far the search is; where that is no terminal there is none. How many
/// states there are is known only at the end.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} states, {per_sec}, {elapsed}, {msg}");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

fn make_report(search: &Search, end: End, took: Duration, counterexample: Option<Counterexample>) -> Report {
    let bounds = search.bounds().clone();
    let Figures { states, transitions, depth, waiting, bytes, .. } = search.figures();
    let seconds = took.as_secs_f64().max(1e-6);
    Report {
        nodes: bounds.nodes,
        terms: bounds.terms,
        commands: bounds.commands,
        crashes: bounds.crashes,
        lost_stores: bounds.lost_stores,
        in_flight: bounds.in_flight,
        pending: bounds.pending,
        batch: bounds.batch,
        rules_off: bounds.rules_off.iter().copied().map(Rule::name).collect(),
        outside: Vec::new(),
        states,
        transitions,
        depth,
        waiting,
        seconds,
        states_per_second: (states as f64 / seconds) as u64,
        megabytes: bytes >> 20,
        ended: end.name(),
        counterexample: counterexample.map(|Counterexample { property, detail, steps }| Shown {
            property,
            detail,
            steps,
        }),
    }
}

fn for_people(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} nodes, {} terms, {} commands, {} crashes, {} in flight, {} pending: {} states, {} transitions in {:.1} s \
         ({} states a second), {} MB",
        report.nodes,
        report.terms,
        report.commands,
        report.crashes,
        report.in_flight,
        report.pending,
        report.states,
        report.transitions,
        report.seconds,
        report.states_per_second,
        report.megabytes
    );
    for rule in &report.outside {
        let _ = writeln!(text, "{rule} plays no part in these worlds: nothing here can break without it");
    }
    match &report.counterexample {
        Some(found) => {
            let _ =
                writeln!(text, "FAILED  {} breaks after {} steps: {}", found.property, found.steps.len(), found.detail);
            for (step, number) in found.steps.iter().zip(1..) {
                let _ = writeln!(text, "  {number:>3}  {step}");
            }
        }
        None if report.ended == End::Exhausted.name() => {
            let _ = writeln!(
                text,
                "every state within these bounds was seen, up to {} steps deep; all properties hold",
                report.depth
            );
        }
        None => {
            let _ = writeln!(
                text,
                "stopped by {} before the end: all states less than {} steps deep were explored, {} wait; all properties hold so far",
                report.ended, report.depth, report.waiting
            );
        }
    }
    text
}
