//! How is a range of seeds explored on all cores?
//!
//! Threads take seeds in order. After a failure no later seed is begun, so the
//! lowest failing seed of the range is found whatever the threads do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use quorumscope_lab::explore::{Outcome, explore};
use quorumscope_lab::scenario::{Scenario, ScenarioError};
use quorumscope_lab::sim::Coverage;

/// What to sweep.
pub struct Sweep<'a> {
    /// First seed.
    pub first: u64,
    /// The seed after the last.
    pub end: u64,
    /// How many nodes were asked for; a scenario may have a spare beside them.
    pub nodes: u64,
    /// Threads.
    pub jobs: usize,
    /// Whether later seeds are explored after a failure.
    pub keep_going: bool,
    /// The property that is looked for; every one where none is named.
    pub property: Option<&'static str>,
    /// The scenario of a seed.
    pub scenario: &'a (dyn Fn(u64) -> Scenario + Sync),
}

/// What a sweep came to.
pub struct Swept {
    /// How many runs.
    pub runs: u64,
    /// Seeds that failed, sorted.
    pub failed: Vec<(u64, Outcome)>,
    /// Properties that broke, with what was not looked for: in how many runs, and with which seed first.
    pub broken: BTreeMap<String, Broken>,
    /// In how many runs a spare stood beside the nodes.
    pub with_spare: u64,
    /// How many runs of them were undecided.
    pub undecided: u64,
    /// Events of all runs.
    pub events: u64,
    /// Entries committed in all runs.
    pub committed: u64,
    /// Counters of all runs.
    pub coverage: Coverage,
    /// Wall time.
    pub took: Duration,
}

/// How often a property broke.
#[derive(Clone, Copy)]
pub struct Broken {
    /// In how many runs.
    pub runs: u64,
    /// The lowest seed.
    pub first: u64,
}

impl Sweep<'_> {
    /// Whether a run is one of those that are looked for.
    fn is_failure(&self, outcome: &Outcome) -> bool {
        self.property.map_or_else(|| outcome.failed(), |property| outcome.breaks(property))
    }
}

/// Most failing seeds whose outcome is kept: the rest is only counted by its seed's absence from the list.
const MAX_KEPT: usize = 100_000;

/// Explores all seeds of the range, or up to the first that fails.
pub fn sweep(plan: &Sweep<'_>) -> Result<Swept, ScenarioError> {
    let began = Instant::now();
    let next = AtomicU64::new(plan.first);
    let stop = AtomicU64::new(plan.end);
    let bar = progress(plan.end - plan.first);
    let (to_main, results) = mpsc::channel();
    let swept = thread::scope(|scope| {
        for _ in 0..plan.jobs {
            let (to_main, next, stop) = (to_main.clone(), &next, &stop);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let scenario = (plan.scenario)(seed);
                    let has_spare = scenario.nodes.len() as u64 > plan.nodes;
                    let outcome = explore(&scenario);
                    let failed = outcome.as_ref().map_or(true, |outcome| plan.is_failure(outcome));
                    if failed && !plan.keep_going {
                        stop.fetch_min(seed, Ordering::Relaxed);
                    }
                    if to_main.send((seed, has_spare, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to_main);
        gather(plan, &results, &bar)
    });
    bar.finish_and_clear();
    swept.map(|swept| Swept { took: began.elapsed(), ..swept })
}

type Message = (u64, bool, Result<Outcome, ScenarioError>);

fn gather(plan: &Sweep<'_>, results: &mpsc::Receiver<Message>, bar: &ProgressBar) -> Result<Swept, ScenarioError> {
    let mut swept = Swept {
        runs: 0,
        failed: Vec::new(),
        broken: BTreeMap::new(),
        with_spare: 0,
        undecided: 0,
        events: 0,
        committed: 0,
        coverage: Coverage::default(),
        took: Duration::ZERO,
    };
    for (seed, has_spare, outcome) in results {
        let outcome = outcome?;
        swept.with_spare += u64::from(has_spare);
        let mut properties: Vec<&str> = outcome.violations.iter().map(|found| found.property.as_str()).collect();
        properties.sort_unstable();
        properties.dedup();
        for property in properties {
            let broken = swept.broken.entry(property.to_owned()).or_insert(Broken { runs: 0, first: seed });
            *broken = Broken { runs: broken.runs + 1, first: broken.first.min(seed) };
        }
        swept.runs += 1;
        swept.events += outcome.events;
        swept.committed += outcome.committed;
        swept.undecided += u64::from(outcome.undecided);
        swept.coverage.add(&outcome.coverage);
        if plan.is_failure(&outcome) && swept.failed.len() < MAX_KEPT {
            bar.set_message(format!("seed {seed} failed"));
            swept.failed.push((seed, outcome));
        }
        bar.inc(1);
    }
    swept.failed.sort_by_key(|(seed, _)| *seed);
    Ok(swept)
}

/// A bar on standard error; where that is no terminal there is none.
fn progress(seeds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left {msg}");
    ProgressBar::new(seeds).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
