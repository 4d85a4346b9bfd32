//! How does a scenario become a run?
//!
//! A [`Run`] is a simulation with the scenario's steps carried out at their
//! times: a step runs after all events of its time, or after so many events of
//! the run where it says so. What is done by hand is carried out at once *and*
//! written into the scenario as a step, so that the scenario always says how to
//! get here; taking a step back out is building the run again without it.
//! Cloning a run forks it.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorumscope_core::record::{Command, Record};
use quorumscope_core::types::{NodeId, RecordId, Span, Time};

use super::act::{self, Filter};
use super::document::{Action, MessageVerb, NodeVerb, ProtocolName, Scenario, Step, Which};
use super::error::ScenarioError;
use super::facts::Scene;
use super::judge::{ExpectationResult, Judge};
use super::select::{self, Bindings};
use super::units::print_instant;
use crate::check::liveness::{Calm, ELECTION_TIMEOUTS, byzantine_bound, with_a_switch};
use crate::sim::{CommandError, Setup, SetupError, Simulation, TRUE_RATE_PPM};

/// A scenario that is being carried out.
#[derive(Clone)]
pub struct Run {
    scenario: Arc<Scenario>,
    simulation: Simulation,
    /// The first step that has not run.
    next: usize,
    bindings: Bindings,
    lasting: Vec<Lasting>,
    /// Messages that lasting patterns have seen: the record and the copy.
    seen: BTreeSet<(RecordId, u32)>,
    judge: Judge,
    calm: Calm,
    error: Option<RunError>,
    /// Whether a step that cannot be carried out is skipped, and those that were.
    forgiving: bool,
    skipped: Vec<(Time, RunError)>,
    ended: bool,
}

/// A pattern that also means messages that leave later.
#[derive(Clone)]
struct Lasting {
    verb: MessageVerb,
    filter: Filter,
    until: Time,
}

/// A step that could not be carried out; the run ends there, unless it is [forgiving](Run::set_forgiving).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {number} ({step}): {message}")]
pub struct RunError {
    /// The step's number, from 1, in the order of time.
    pub number: u64,
    /// The step in one line.
    pub step: String,
    /// What is wrong.
    pub message: String,
}

impl Run {
    /// A run at time 0.
    ///
    /// # Errors
    /// Settings that cannot run.
    pub fn new(scenario: &Scenario) -> Result<Self, ScenarioError> {
        Self::by(Simulation::new, scenario)
    }

    /// A run at time 0 whose world is made so.
    pub(crate) fn by(
        make: impl FnOnce(Setup) -> Result<Simulation, SetupError>,
        scenario: &Scenario,
    ) -> Result<Self, ScenarioError> {
        let simulation = make(scenario.setup()).map_err(|error| ScenarioError::new(error.to_string()))?;
        Ok(Self {
            simulation,
            next: 0,
            bindings: Bindings::new(),
            lasting: Vec::new(),
            seen: BTreeSet::new(),
            judge: Judge::new(&scenario.expect),
            calm: calm(scenario),
            error: None,
            forgiving: false,
            skipped: Vec::new(),
            ended: false,
            scenario: Arc::new(scenario.clone()),
        })
    }

    /// The world.
    #[must_use]
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// The scenario, with what was done by hand.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The live leader of the highest term.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        select::leader(&self.simulation)
    }

    /// What became of the expectations so far.
    #[must_use]
    pub fn expectations(&self) -> &[ExpectationResult] {
        self.judge.results()
    }

    /// The step that could not be carried out.
    #[must_use]
    pub fn error(&self) -> Option<&RunError> {
        self.error.as_ref()
    }

    /// When the run ends.
    #[must_use]
    pub fn until(&self) -> Time {
        self.scenario.until
    }

    /// The calm after the scenario's last fault.
    #[must_use]
    pub fn calm(&self) -> Calm {
        self.calm
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.ended || self.error.is_some()
    }

    /// Whether every expectation held and every step could be carried out; says nothing before the end.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.ended && self.error.is_none() && self.expectations().iter().all(|result| result.held == Some(true))
    }

    /// Makes records, or makes none: the run and its digest are the same.
    pub fn set_recording(&mut self, on: bool) {
        self.simulation.set_recording(on);
    }

    /// Skips steps that cannot be carried out, instead of ending there: where a run was changed by hand, or has another
    /// seed than its scenario was written for, a step may mean a leader that is not there.
    pub fn set_forgiving(&mut self, on: bool) {
        self.forgiving = on;
    }

    /// The steps that were skipped since the last call, and when.
    pub fn take_skipped(&mut self) -> Vec<(Time, RunError)> {
        core::mem::take(&mut self.skipped)
    }

    /// The records since the last call.
    pub fn take_records(&mut self) -> Vec<Record> {
        self.simulation.take_records()
    }

    /// When something happens next: an event, a step, or the end of the run.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        if self.finished() {
            return None;
        }
        let event = self.simulation.next_event_at();
        let step = self.scenario.steps.get(self.next).map(|step| step.at.max(self.simulation.now()));
        Some([event, step].into_iter().flatten().min().map_or(self.scenario.until, |at| at.min(self.scenario.until)))
    }

    /// Lets one thing happen: one event, one step, or the end. False where nothing is left.
    pub fn step(&mut self) -> bool {
        if self.finished() {
            return false;
        }
        let event = self.simulation.next_event_at();
        let step = self.scenario.steps.get(self.next).filter(|step| self.is_due(step, event));
        let step = step.map(|step| step.at.max(self.simulation.now()));
        let at = step.or(event);
        let Some(at) = at.filter(|at| *at <= self.scenario.until) else {
            self.end();
            return true;
        };
        if self.judge.is_due(&self.scenario.expect, at) {
            self.judged(|judge, expect, scene| judge.instants_before(expect, at, scene));
        }
        if step.is_some() {
            self.run_step(at);
        } else {
            self.simulation.step();
        }
        self.treat_lasting();
        self.judged(Judge::event);
        true
    }

    /// Whether a step runs before the next event.
    fn is_due(&self, step: &Step, event: Option<Time>) -> bool {
        let Some(event) = event else { return true };
        step.at < event || (step.at == event && step.after.is_some_and(|after| self.simulation.events() >= after))
    }

    /// Lets everything up to `until` happen, and time reach it; at the scenario's end the run ends.
    pub fn run_until(&mut self, until: Time) {
        while self.next_at().is_some_and(|at| at <= until) {
            self.step();
        }
        if !self.finished() {
            self.simulation.run_until(until.min(self.scenario.until));
        }
    }

    /// Lets everything happen.
    pub fn run_to_end(&mut self) {
        while self.step() {}
    }

    /// Carries out a command by hand, now, and writes it into the scenario as a step.
    ///
    /// # Errors
    /// A command that cannot be carried out changes nothing and says why.
    pub fn command(&mut self, command: Command) -> Result<(), CommandError> {
        let now = self.simulation.now();
        let action = act::action_of(&command).map_err(CommandError::Value)?;
        let pending = self.simulation.next_event_at().is_some_and(|at| at <= now);
        let after = pending.then(|| self.simulation.events());
        let commands = act::commands(&self.simulation, &self.bindings, &action).map_err(CommandError::Value)?;
        let before = self.simulation.clone();
        for command in &commands {
            if let Err(error) = self.simulation.command(command) {
                self.simulation = before;
                return Err(error);
            }
        }
        let step = Step { at: now, after, bind: Vec::new(), action: Some(action) };
        let scenario = Arc::make_mut(&mut self.scenario);
        scenario.steps.insert(self.next, step);
        self.next += 1;
        self.calm = calm(scenario);
        self.treat_lasting();
        self.judged(Judge::event);
        Ok(())
    }

    /// How many steps have run; those after it are still to come.
    #[must_use]
    pub fn steps_done(&self) -> usize {
        self.next
    }

    /// The run of another scenario up to this run's time: undo, redo and edits of the past.
    ///
    /// # Errors
    /// Settings that cannot run.
    pub fn rebuilt(&self, scenario: &Scenario) -> Result<Self, ScenarioError> {
        let mut run = Self::new(scenario)?;
        run.forgiving = self.forgiving;
        run.run_until(self.simulation.now());
        Ok(run)
    }

    fn judged(&mut self, judge: impl FnOnce(&mut Judge, &[super::Expect], &Scene<'_>)) {
        let scene = Scene { simulation: &self.simulation, bindings: &self.bindings, calm: self.calm };
        judge(&mut self.judge, &self.scenario.expect, &scene);
    }

    fn end(&mut self) {
        let until = self.scenario.until;
        self.simulation.run_until(until);
        let after_all = Time(until.0.saturating_add(1));
        self.judged(|judge, expect, scene| judge.instants_before(expect, after_all, scene));
        self.judged(Judge::end);
        self.ended = true;
    }

    fn run_step(&mut self, at: Time) {
        // Time reaches the step; no event is left before it.
        if self.simulation.next_event_at().is_none_or(|event| event > at) {
            self.simulation.run_until(at);
        }
        let scenario = Arc::clone(&self.scenario);
        let Some(step) = scenario.steps.get(self.next) else { return };
        self.next += 1;
        // A skipped step leaves nothing half done behind.
        let before = self.forgiving.then(|| self.simulation.clone());
        if let Err(message) = self.carry_out(step) {
            let error = RunError { number: self.next as u64, step: step.text(), message };
            match before {
                Some(before) => {
                    self.simulation = before;
                    self.skipped.push((at, error));
                }
                None => self.error = Some(error),
            }
        }
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), String> {
        for (name, selector) in &step.bind {
            let meant = select::resolve(&self.simulation, &self.bindings, core::slice::from_ref(selector), &[])?;
            self.bindings.insert(name.clone(), meant);
        }
        let Some(action) = &step.action else { return Ok(()) };
        let commands = act::commands(&self.simulation, &self.bindings, action)?;
        let by_pattern = matches!(action, Action::Messages(_, Which::Pattern(_)));
        for command in &commands {
            match self.simulation.command(command) {
                // One command of a pattern may take away what the next one meant.
                Err(CommandError::NoMessage(_)) if by_pattern => {}
                other => other.map_err(|error| error.to_string())?,
            }
        }
        if let Action::Messages(verb, Which::Pattern(pattern)) = action
            && let Some(lasting) = pattern.lasting
        {
            let filter = Filter::new(&self.simulation, &self.bindings, pattern)?;
            self.seen.extend(self.simulation.view().messages.keys().copied());
            self.lasting.push(Lasting { verb: *verb, filter, until: self.simulation.now() + lasting });
        }
        Ok(())
    }

    /// Treats messages that left since the last look, where a lasting pattern means them.
    fn treat_lasting(&mut self) {
        let now = self.simulation.now();
        self.lasting.retain(|lasting| now <= lasting.until);
        if self.lasting.is_empty() {
            self.seen.clear();
            return;
        }
        let mut commands = Vec::new();
        for (name, message) in &self.simulation.view().messages {
            if self.seen.insert(*name) {
                let meant = self.lasting.iter().find(|lasting| lasting.filter.fits(message));
                commands.extend(meant.map(|lasting| act::message_command(lasting.verb, name.0)));
            }
        }
        for command in &commands {
            // A message that is gone already needs no treatment.
            let _ = self.simulation.command(command);
        }
    }
}

/// The calm after the last step that disturbs, with the longest election timeout on the slowest clock.
/// The bound for a cluster whose nodes may lie.
fn byzantine_within(scenario: &Scenario, view_timer: Span) -> Span {
    let nodes = u32::try_from(scenario.voters.len()).unwrap_or(u32::MAX);
    let retry = scenario.clients.iter().map(|client| client.timeout).max().unwrap_or_default();
    let latencies = scenario.network.between.iter().map(|pair| pair.latency.1).chain([scenario.network.latency.1]);
    byzantine_bound(nodes, view_timer, retry, latencies.max().unwrap_or_default())
}

fn calm(scenario: &Scenario) -> Calm {
    let begins = scenario.steps.iter().filter_map(last_disturbance).max().unwrap_or_default();
    let slowest = scenario
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Some(Action::Drift { rate_ppm, .. }) => Some((*rate_ppm).max(1)),
            _ => None,
        })
        .min()
        .unwrap_or(TRUE_RATE_PPM)
        .min(TRUE_RATE_PPM);
    let slowed = |span: Span| Span(span.0.saturating_mul(u64::from(TRUE_RATE_PPM)) / u64::from(slowest));
    match scenario.protocol {
        ProtocolName::Raft => {
            let longest = slowed(scenario.raft.election_timeout.1);
            let within = Span(longest.0.saturating_mul(ELECTION_TIMEOUTS));
            Calm { begins, within, hand_over: Some(longest) }
        }
        ProtocolName::Pbft => {
            let timer = slowed(scenario.pbft.request_timeout.1);
            Calm { begins, within: byzantine_within(scenario, timer), hand_over: None }
        }
        ProtocolName::Hybrid => {
            let timer = slowed(scenario.pbft.request_timeout.1);
            Calm { begins, within: with_a_switch(byzantine_within(scenario, timer)), hand_over: None }
        }
        ProtocolName::HotStuff => {
            let timer = slowed(scenario.hotstuff.max_view_timeout);
            Calm { begins, within: byzantine_within(scenario, timer), hand_over: None }
        }
    }
}

/// When a step's disturbance is over, if it disturbs.
fn last_disturbance(step: &Step) -> Option<Time> {
    match step.action.as_ref()? {
        Action::Propose { .. } | Action::Members { .. } | Action::Read { .. } | Action::Nodes(NodeVerb::Timeout, _) => {
            None
        }
        Action::Messages(_, Which::Pattern(pattern)) => Some(step.at + pattern.lasting.unwrap_or_default()),
        Action::Partition(_)
        | Action::Heal
        | Action::Nodes(..)
        | Action::Cut { .. }
        | Action::Mend { .. }
        | Action::Messages(_, Which::Id(_))
        | Action::Subscribe { .. }
        | Action::Skew { .. }
        | Action::Drift { .. }
        | Action::Disk { .. }
        | Action::Loss(_)
        | Action::Duplication(_)
        | Action::Latency(_)
        | Action::Transfer { .. }
        | Action::Byzantine { .. } => Some(step.at),
    }
}

impl ExpectationResult {
    /// A step that could not be carried out, as something that was expected and did not hold.
    #[must_use]
    pub fn of_error(error: &RunError, at: Time) -> Self {
        Self {
            text: format!("step {} ({})", error.number, error.step),
            sentence: format!("Step {} can be carried out.", error.number),
            held: Some(false),
            detail: format!("at {}: {}", print_instant(at), error.message),
            settled: Some(at),
        }
    }
}
