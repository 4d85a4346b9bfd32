//! `quorumscope explore`: many seeds with generated faults, each checked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;

use quorumscope_core::raft::{self, Rule};
use quorumscope_core::types::Time;
use quorumscope_lab::explore::{Outcome, explore, hunt, shrink};
use quorumscope_lab::keys::Scheme;
use quorumscope_lab::scenario::profile::{Liars, Plan, Profile, SHORTEST_RUN, generate};
use quorumscope_lab::scenario::{MAX_NODES, ProtocolName, Scenario, protocol, read_span, rule, unknown};
use quorumscope_lab::sim::Coverage;
use serde::Serialize;

use crate::failure::Failure;
use crate::report::{self, ViolationReport};
use crate::sweep::{Sweep, Swept, sweep};

/// A sweep this long must raise every counter of its profile.
const COVERAGE_FROM: u64 = 100;

/// With fewer nodes not everything that a profile counts can happen.
const COVERAGE_NODES: u32 = 3;

/// Explore many seeds with generated faults and check every run
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The protocol: raft, pbft, hotstuff or hybrid
    #[arg(long, value_name = "P")]
    protocol: String,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 5)]
    nodes: u32,
    /// Which seeds: the first, and the one after the last
    #[arg(long, allow_hyphen_values = true, value_name = "A..B", default_value = "0..100")]
    seeds: String,
    /// The faults: none, light, heavy, or byzantine, where some nodes lie as well [default: heavy; with --rule-off the rule's own hunt]
    #[arg(long, value_name = "PROFILE")]
    faults: Option<String>,
    /// With --faults byzantine: how many nodes lie; as many as the protocol bears or fewer where nothing is said, and
    /// more of them lie together
    #[arg(long, value_name = "K")]
    liars: Option<u32>,
    /// Settings for which links and load: lan, wan or throughput; runs and faults are paced alike
    #[arg(long, value_name = "PROFILE", default_value = "lan")]
    profile: String,
    /// How long each run is in virtual time, 30s or more
    #[arg(long, value_name = "SPAN", default_value = "30s")]
    until: String,
    /// How nodes and clients sign, where nodes may lie: real (Ed25519) or cheap (tags that nobody in the run can forge)
    #[arg(long, value_name = "SCHEME", default_value = "cheap")]
    signer: String,
    /// Switch a rule off; may be given several times
    #[arg(long, value_name = "R")]
    rule_off: Vec<String>,
    /// How many threads [default: one a core]
    #[arg(long, value_name = "J")]
    jobs: Option<NonZeroUsize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Shorten the first failing run
    #[arg(long)]
    shrink: bool,
    /// Explore all seeds, also after a failure
    #[arg(long)]
    keep_going: bool,
    /// Where the page is that the printed link opens
    #[arg(long, value_name = "URL", default_value = report::PAGE, value_parser = report::page)]
    page: String,
}

/// The arguments, understood.
struct Plans {
    protocol: ProtocolName,
    seeds: (u64, u64),
    profile: Option<Profile>,
    settings: raft::Profile,
    plan: Plan,
    until: Time,
    rules_off: Vec<Rule>,
}

#[derive(Serialize)]
struct Report {
    protocol: &'static str,
    nodes: u32,
    /// Which settings the nodes have.
    profile: &'static str,
    runs: u64,
    runs_asked: u64,
    /// Which rules were switched off on request.
    rules_off: Vec<&'static str>,
    /// And which beside them, because their own hunt says that they would hide it.
    also_off: Vec<&'static str>,
    seeds_failed: usize,
    first_failure: Option<Failed>,
    events: u64,
    events_per_second: u64,
    committed: u64,
    undecided: u64,
    coverage: BTreeMap<&'static str, u64>,
    not_covered: Vec<&'static str>,
}

#[derive(Serialize)]
struct Failed {
    seed: u64,
    violations: Vec<ViolationReport>,
    undecided: bool,
    command: String,
    replay: String,
    /// The shortened scenario, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    shrunk: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let plans = understand(arguments).map_err(Failure::input)?;
    let scenario = |seed| generate(plans.protocol, arguments.nodes, seed, &plans.plan, plans.until, &plans.rules_off);
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let (first, end) = plans.seeds;
    let swept = sweep(&Sweep { first, end, jobs, keep_going: arguments.keep_going, scenario: &scenario })
        .map_err(|error| Failure::input(error.to_string()))?;
    let first_failure = match swept.failed.first() {
        Some((seed, outcome)) => Some(describe(arguments, &plans, *seed, outcome, scenario(*seed))?),
        None => None,
    };
    let report = make_report(arguments, &plans, &swept, first_failure);
    if arguments.json {
        report::print_json(&report)?;
    } else {
        report::print(&for_people(&report, &swept))?;
    }
    let good = report.seeds_failed == 0 && report.not_covered.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn understand(arguments: &Arguments) -> Result<Plans, String> {
    let protocol = protocol(&arguments.protocol)?;
    if !(1..=MAX_NODES).contains(&arguments.nodes) {
        return Err(format!("--nodes {}: a run has 1 to {MAX_NODES} nodes", arguments.nodes));
    }
    let rules_off = arguments.rule_off.iter().map(|name| rule(name)).collect::<Result<Vec<_>, _>>()?;
    let profile = arguments.faults.as_deref().map(faults).transpose()?;
    let until = Time(read_span(&arguments.until).map_err(|error| format!("--until {error}"))?.0);
    if until < SHORTEST_RUN || until > Time(3_600_000_000) {
        return Err(format!("--until {}: a run lasts 30s to 3600s", arguments.until));
    }
    let profile = profile.or_else(|| rules_off.is_empty().then_some(Profile::Heavy));
    let settings = settings(&arguments.profile)?;
    let schemes = Scheme::ALL.map(Scheme::name);
    let signer = Scheme::ALL.into_iter().find(|scheme| scheme.name() == arguments.signer);
    let signer = signer.ok_or_else(|| unknown("signer", &arguments.signer, schemes))?;
    if let Some(rule) = rules_off.iter().find(|rule| !protocol.has(**rule)) {
        return Err(format!("--rule-off {}: a run of {} cannot switch it off", rule.name(), protocol.name()));
    }
    let plan = match profile {
        Some(profile) => profile.plan().paced(settings),
        None if settings == raft::Profile::Lan => hunt::plan_for(&rules_off),
        None => return Err("--profile: a hunt brings its own settings; name the --faults too".into()),
    };
    let plan = Plan { signer, liars: liars(arguments, protocol, &plan)?, ..plan };
    Ok(Plans { protocol, seeds: seeds(&arguments.seeds)?, profile, settings, plan, until, rules_off })
}

fn faults(name: &str) -> Result<Profile, String> {
    let known = Profile::ALL.map(Profile::name);
    Profile::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(|| unknown("faults", name, known))
}

/// Who lies.
fn liars(arguments: &Arguments, protocol: ProtocolName, plan: &Plan) -> Result<Liars, String> {
    if plan.liars != Liars::None && !protocol.signs() {
        return Err(format!("--faults byzantine: nodes of {} believe each other, one liar breaks it", protocol.name()));
    }
    match arguments.liars {
        Some(_) if plan.liars == Liars::None => Err("--liars needs --faults byzantine".into()),
        Some(liars) if liars >= arguments.nodes => Err(format!("--liars {liars}: somebody has to be honest")),
        Some(liars) => Ok(Liars::Exactly(liars)),
        None => Ok(plan.liars),
    }
}

/// The settings that go by this name.
pub(crate) fn settings(name: &str) -> Result<raft::Profile, String> {
    let known = raft::Profile::ALL.map(raft::Profile::name);
    raft::Profile::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(|| unknown("profile", name, known))
}

/// Reads `A..B`.
fn seeds(text: &str) -> Result<(u64, u64), String> {
    let refuse = || format!("--seeds {text}: write a range as 0..100, with the seed after the last at its end");
    let (first, end) = text.split_once("..").ok_or_else(refuse)?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(end) {
        return Err(refuse());
    }
    // What is too long for a number is too large for a seed.
    let [first, end] = [first, end].map(|text| text.parse().unwrap_or(u64::MAX));
    if first >= end {
        return Err(format!("--seeds {text} is empty: the seed at its end is not part of it"));
    }
    if end > 1 << 53 {
        return Err(format!("--seeds {text}: seeds are below 2^53"));
    }
    Ok((first, end))
}

/// The first failure, shortened where that was asked for, with what replays it.
fn describe(
    arguments: &Arguments,
    plans: &Plans,
    seed: u64,
    outcome: &Outcome,
    scenario: Scenario,
) -> Result<Failed, Failure> {
    let (mut scenario, mut outcome, mut shrunk) = (scenario, outcome.clone(), None);
    if let Some(finding) = outcome.first().filter(|_| arguments.shrink) {
        let mut short = shrink(&scenario, &finding.property).scenario;
        short.name = format!("{} (seed {seed})", finding.property);
        outcome = explore(&short).map_err(|error| Failure::input(error.to_string()))?;
        shrunk = Some(short.to_toml());
        scenario = short;
    }
    let cursor = outcome.first().map_or(Time(0), |finding| finding.at);
    Ok(Failed {
        seed,
        violations: outcome.violations.iter().map(Into::into).collect(),
        undecided: outcome.undecided,
        command: command(arguments, plans, seed),
        replay: report::link(&arguments.page, &scenario, cursor, Some(outcome.digest)),
        shrunk,
    })
}

/// The command that runs this seed alone, and shortens it where that was asked for.
fn command(arguments: &Arguments, plans: &Plans, seed: u64) -> String {
    let mut text = format!(
        "quorumscope explore --protocol {} --nodes {} --seeds {seed}..{}",
        plans.protocol.name(),
        arguments.nodes,
        seed + 1
    );
    // Writing to a string cannot fail.
    if let Some(profile) = plans.profile {
        let _ = write!(text, " --faults {}", profile.name());
    }
    if let Some(liars) = arguments.liars {
        let _ = write!(text, " --liars {liars}");
    }
    if plans.settings != raft::Profile::Lan {
        let _ = write!(text, " --profile {}", plans.settings.name());
    }
    if plans.until != SHORTEST_RUN {
        let _ = write!(text, " --until {}", arguments.until);
    }
    if plans.plan.signer != Scheme::Cheap {
        let _ = write!(text, " --signer {}", plans.plan.signer.name());
    }
    for rule in &plans.rules_off {
        let _ = write!(text, " --rule-off {}", rule.name());
    }
    if arguments.shrink {
        text.push_str(" --shrink");
    }
    text
}

fn make_report(arguments: &Arguments, plans: &Plans, swept: &Swept, first_failure: Option<Failed>) -> Report {
    let coverage = report::counters(&swept.coverage);
    let enough = swept.runs >= COVERAGE_FROM && arguments.nodes >= COVERAGE_NODES;
    // Whoever says how many lie asks what those break: they may do it all in one way, and before much else happens.
    let must = plans.profile.filter(|_| plans.rules_off.is_empty() && enough && arguments.liars.is_none());
    let must = must.map(|profile| profile.must_cover(plans.protocol)).unwrap_or_default();
    let seconds = swept.took.as_secs_f64().max(1e-6);
    Report {
        protocol: plans.protocol.name(),
        nodes: arguments.nodes,
        profile: plans.settings.name(),
        runs: swept.runs,
        runs_asked: plans.seeds.1 - plans.seeds.0,
        rules_off: plans.rules_off.iter().map(|rule| rule.name()).collect(),
        also_off: plans.plan.rules_off.iter().map(|rule| rule.name()).collect(),
        seeds_failed: swept.failed.len(),
        first_failure,
        events: swept.events,
        events_per_second: (swept.events as f64 / seconds) as u64,
        committed: swept.committed,
        undecided: swept.undecided,
        not_covered: must.iter().copied().filter(|name| coverage.get(name).is_none_or(|count| *count == 0)).collect(),
        coverage,
    }
}

fn for_people(report: &Report, swept: &Swept) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} run{} of {} with {} nodes, profile {}: {} failed, {} undecided; {} events in {:.1} s ({} a second), {} commits",
        report.runs,
        if report.runs == 1 { "" } else { "s" },
        report.protocol,
        report.nodes,
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
    if let Some(failed) = &report.first_failure {
        let _ = writeln!(text, "FAILED  seed {}", failed.seed);
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
