//! Does the run do what is expected of it?
//!
//! An expectation for an instant is judged once all that happens in it has
//! happened; one *by* a time as soon as it holds; one *always* after every event,
//! and a word in it that names nobody yet says nothing. Whether a fact holds at
//! this moment is found in `facts`.

use quorumscope_core::types::Time;

use super::document::{Expect, Fact, When};
use super::facts::{Scene, Why};
use super::units::print_instant;
use super::{print, sentence};

/// What became of one expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectationResult {
    /// The expectation in one line, as a scenario has it.
    pub text: String,
    /// The same as a sentence.
    pub sentence: String,
    /// Whether it held; `None` while that is open.
    pub held: Option<bool>,
    /// What contradicts it, or when it came true.
    pub detail: String,
    /// When that was known: at its instant, when it came true or was contradicted, or as the run ended.
    pub settled: Option<Time>,
}

/// Judges expectations while a run goes on.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    results: Vec<ExpectationResult>,
    /// Expectations that want to be looked at after every event.
    watched: u32,
}

impl Judge {
    /// Nothing is judged yet.
    pub(super) fn new(expect: &[Expect]) -> Self {
        let open = |expect: &Expect| ExpectationResult {
            text: print::expect_text(expect),
            sentence: sentence::expectation(expect),
            held: None,
            detail: String::new(),
            settled: None,
        };
        let watched = expect.iter().filter(|expect| is_watched(expect)).count();
        Self { results: expect.iter().map(open).collect(), watched: u32::try_from(watched).unwrap_or(u32::MAX) }
    }

    /// What became of the expectations so far.
    pub(super) fn results(&self) -> &[ExpectationResult] {
        &self.results
    }

    /// Whether the next instant that is judged lies before `next`.
    pub(super) fn is_due(&self, expect: &[Expect], next: Time) -> bool {
        expect.iter().zip(&self.results).any(|(expect, result)| due_at(expect, result).is_some_and(|at| at < next))
    }

    /// Judges expectations for instants that lie before `next`: nothing more happens in them.
    pub(super) fn instants_before(&mut self, expect: &[Expect], next: Time, scene: &Scene<'_>) {
        for (expect, result) in expect.iter().zip(&mut self.results) {
            if let Some(at) = due_at(expect, result).filter(|at| *at < next) {
                match holds(expect, scene) {
                    Ok(()) => settle(result, at, true, String::new()),
                    Err(why) => settle(result, at, false, why.text()),
                }
            }
        }
    }

    /// Judges after an event.
    pub(super) fn event(&mut self, expect: &[Expect], scene: &Scene<'_>) {
        if self.watched == 0 {
            return;
        }
        let now = scene.simulation.now();
        let at = print_instant(now);
        for (expect, result) in expect.iter().zip(&mut self.results) {
            if result.held.is_some() || !is_watched(expect) {
                continue;
            }
            match (expect.when, holds(expect, scene)) {
                (When::By(until), Ok(())) if now <= until => {
                    settle(result, now, true, format!("since {at}"));
                    self.watched = self.watched.saturating_sub(1);
                }
                (When::Always, Err(Why::Contradiction(detail))) => {
                    settle(result, now, false, format!("at {at}: {detail}"));
                    self.watched = self.watched.saturating_sub(1);
                }
                (When::By(_) | When::Always | When::At(_), Ok(()) | Err(_)) => {}
            }
        }
    }

    /// Judges what is still open once the run has ended.
    pub(super) fn end(&mut self, expect: &[Expect], scene: &Scene<'_>) {
        let now = scene.simulation.now();
        let end = print_instant(now);
        for (expect, result) in expect.iter().zip(&mut self.results).filter(|(_, result)| result.held.is_none()) {
            match (expect.when, holds(expect, scene)) {
                (When::Always, Ok(()) | Err(Why::Nobody(_))) => settle(result, now, true, String::new()),
                (When::By(until), Ok(())) if now <= until => settle(result, now, true, format!("since {end}")),
                (When::At(_), _) => settle(result, now, false, format!("the run ends at {end}, before it")),
                (When::By(_), Ok(())) => settle(result, now, false, format!("it came true too late, by {end}")),
                (When::By(_) | When::Always, Err(why)) => settle(result, now, false, why.text()),
            }
        }
    }
}

fn settle(result: &mut ExpectationResult, at: Time, held: bool, detail: String) {
    result.held = Some(held);
    result.detail = detail;
    result.settled = Some(at);
}

/// The instant for which an expectation is still to be judged, if it is for one.
fn due_at(expect: &Expect, result: &ExpectationResult) -> Option<Time> {
    match expect.when {
        When::At(at) => Some(at).filter(|_| result.held.is_none()),
        When::By(_) | When::Always => None,
    }
}

/// Whether an expectation is looked at after every event. What can only grow worse is judged at the end.
fn is_watched(expect: &Expect) -> bool {
    let only_at_end = |fact: &Fact| matches!(fact, Fact::Invariant(_) | Fact::Linearizable);
    match expect.when {
        When::At(_) => false,
        When::By(_) => true,
        When::Always => !expect.facts.iter().all(only_at_end),
    }
}

fn holds(expect: &Expect, scene: &Scene<'_>) -> Result<(), Why> {
    expect.facts.iter().try_for_each(|fact| scene.fact(fact))
}
