//! `quorumscope explore`: many seeds with generated faults, each checked.
//!
//! What it prints is in `report`, how seeds are run on all cores in `sweep`.

mod report;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;

use quorumscope_core::raft::{self, Rule};
use quorumscope_core::types::Time;
use quorumscope_lab::explore::{Outcome, explore, hunt, shrink};
use quorumscope_lab::keys::Scheme;
use quorumscope_lab::scenario::profile::{Liars, Plan, Profile, SHORTEST_RUN, generate};
use quorumscope_lab::scenario::{
    MAX_NODES, ProtocolName, Scenario, properties_of, property, protocol, read_span, rule, slug, unknown,
};
use quorumscope_lab::trace::view::Violation;

use crate::failure::Failure;
use crate::report as output;
use crate::sweep::{Sweep, sweep};
use report::{Failed, for_people, make_report};

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
    /// Explore all seeds, also after a failure, and count at the end what broke
    #[arg(long)]
    keep_going: bool,
    /// Look for runs that break this property, as agreement or liveness-after-calm; what else breaks is counted only
    #[arg(long, value_name = "PROPERTY")]
    property: Option<String>,
    /// Where the page is that the printed link opens
    #[arg(long, value_name = "URL", default_value = output::PAGE, value_parser = output::page)]
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
    property: Option<&'static str>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let plans = understand(arguments).map_err(Failure::input)?;
    let scenario = |seed| generate(plans.protocol, arguments.nodes, seed, &plans.plan, plans.until, &plans.rules_off);
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let (first, end) = plans.seeds;
    let swept = sweep(&Sweep {
        first,
        end,
        nodes: u64::from(arguments.nodes),
        jobs,
        keep_going: arguments.keep_going,
        property: plans.property,
        scenario: &scenario,
    })
    .map_err(|error| Failure::input(error.to_string()))?;
    let first_failure = match swept.failed.first() {
        Some((seed, outcome)) => Some(describe(arguments, &plans, *seed, outcome, scenario(*seed))?),
        None => None,
    };
    let report = make_report(arguments, &plans, &swept, first_failure);
    if arguments.json {
        output::print_json(&report)?;
    } else {
        output::print(&for_people(&report, &swept))?;
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
    let property = arguments.property.as_deref().map(|word| sought(protocol, word)).transpose()?;
    let plan = match profile {
        Some(profile) => profile.plan().paced(settings),
        None if settings == raft::Profile::Lan => hunt::plan_for(&rules_off),
        None => return Err("--profile: a hunt brings its own settings; name the --faults too".into()),
    };
    let plan = Plan { signer, liars: liars(arguments, protocol, &plan)?, ..plan };
    Ok(Plans { protocol, seeds: seeds(&arguments.seeds)?, profile, settings, plan, until, rules_off, property })
}

fn faults(name: &str) -> Result<Profile, String> {
    let known = Profile::ALL.map(Profile::name);
    Profile::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(|| unknown("faults", name, known))
}

/// The property that is looked for.
fn sought(protocol: ProtocolName, word: &str) -> Result<&'static str, String> {
    property(protocol, word).map_err(|_| {
        let known: Vec<String> = properties_of(protocol).collect();
        format!("--property {word}: {} has no such property; it has {}", protocol.name(), known.join(", "))
    })
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
    let found = |outcome: &Outcome| match plans.property {
        Some(property) => outcome.violations.iter().find(|found| found.property == property).cloned(),
        None => outcome.violations.first().cloned(),
    };
    if let Some(finding) = found(&outcome).filter(|_| arguments.shrink) {
        let mut short = shrink(&scenario, &finding.property).scenario;
        short.name = format!("{} (seed {seed})", finding.property);
        outcome = explore(&short).map_err(|error| Failure::input(error.to_string()))?;
        shrunk = Some(short.to_toml());
        scenario = short;
    }
    let cursor = found(&outcome).map_or(Time(0), |finding| finding.at);
    let mut violations: Vec<&Violation> = outcome.violations.iter().collect();
    if let Some(property) = plans.property {
        // What was looked for stands first.
        violations.sort_by_key(|found| found.property != property);
    }
    Ok(Failed {
        seed,
        spares: scenario.nodes.len().saturating_sub(arguments.nodes as usize),
        violations: violations.into_iter().map(Into::into).collect(),
        undecided: outcome.undecided,
        command: command(arguments, plans, seed),
        replay: output::link(&arguments.page, &scenario, cursor, Some(outcome.digest)),
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
    if let Some(property) = plans.property {
        let _ = write!(text, " --property {}", slug(property));
    }
    for rule in &plans.rules_off {
        let _ = write!(text, " --rule-off {}", rule.name());
    }
    if arguments.shrink {
        text.push_str(" --shrink");
    }
    text
}
