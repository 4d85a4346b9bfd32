//! How does a simulation answer the page?
//!
//! The engine keeps the run and copies of it at intervals, so that something
//! can be done in the past without running all of it again. The same engine
//! works in a worker and, where there are none, in the page's own thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use quorumscope_core::record::Command;
use quorumscope_core::types::{Span, Time};
use quorumscope_lab::scenario::{Run, Scenario};
use yew::Callback;

use super::{Answer, Expectation, Offers, Request, Source};

/// A copy of the run this often: doing something in the past runs at most this much again.
const KEYFRAME: Span = Span::from_millis(250);
/// At most this many copies are kept, newest first to stay: the oldest moments are run again from the start.
const KEYFRAMES: usize = 240;
/// One answer holds the records of at most this much time, so that the page can draw between two.
const BATCH: Span = Span::from_millis(250);

/// A simulation behind requests and answers.
#[derive(Default)]
pub struct Engine {
    run: Option<Run>,
    keyframes: VecDeque<Run>,
    start: Option<Run>,
}

impl Engine {
    /// Does what is asked and hands every answer out.
    pub fn handle(&mut self, request: Request, out: &mut dyn FnMut(Answer)) {
        match request {
            Request::Open { scenario, until } => self.open(&scenario, until, out),
            Request::Until(until) => self.run_until(until, out),
            Request::Act { at, command } => self.act(at, command, out),
        }
    }

    fn open(&mut self, scenario: &str, until: Time, out: &mut dyn FnMut(Answer)) {
        let run = Scenario::from_toml(scenario).and_then(|scenario| Run::new(&scenario));
        match run {
            Ok(mut run) => {
                // By hand, or with another seed, a step may mean a leader that is not there: the run goes on without it.
                run.set_forgiving(true);
                out(Answer::Opened { scenario: run.scenario().to_toml() });
                self.keyframes.clear();
                self.start = Some(run.clone());
                self.run = Some(run);
                self.run_until(until, out);
            }
            Err(error) => out(Answer::Failed { reason: error.to_string() }),
        }
    }

    fn run_until(&mut self, until: Time, out: &mut dyn FnMut(Answer)) {
        let Some(run) = &mut self.run else { return };
        loop {
            let now = run.simulation().now();
            let next = (now + BATCH).min(until).max(now);
            run.run_until(next);
            let records = run.take_records();
            let known = run.simulation().now().max(next);
            for (at, error) in run.take_skipped() {
                out(Answer::Skipped { at, reason: error.message });
            }
            out(Answer::Records { records, known });
            let last = self.keyframes.back().map_or(Time(0), |keyframe| keyframe.simulation().now());
            if known - last >= KEYFRAME {
                self.keyframes.push_back(run.clone());
                if self.keyframes.len() > KEYFRAMES {
                    self.keyframes.pop_front();
                }
            }
            if known >= until || run.finished() {
                break;
            }
        }
        out(Answer::Expectations(expectations(run)));
        if run.finished() {
            out(Answer::Finished { problem: run.error().map(ToString::to_string) });
        }
    }

    /// Goes back to `at`, does it there, and goes on from there.
    fn act(&mut self, at: Time, command: Command, out: &mut dyn FnMut(Answer)) {
        let Some(mut run) = self.run_at(at) else { return };
        match run.command(command) {
            Ok(()) => {
                while self.keyframes.back().is_some_and(|keyframe| keyframe.simulation().now() > at) {
                    self.keyframes.pop_back();
                }
                out(Answer::Acted { at, scenario: run.scenario().to_toml() });
                out(Answer::Records { records: run.take_records(), known: at });
                // Older copies do not know this step: whoever goes back to a later moment starts from here.
                self.keyframes.push_back(run.clone());
                self.run = Some(run);
            }
            Err(error) => out(Answer::Refused { reason: error.to_string() }),
        }
    }

    /// The run as it was at `at`, with nothing left to record before that.
    fn run_at(&self, at: Time) -> Option<Run> {
        let newest_first = self.run.iter().chain(self.keyframes.iter().rev()).chain(&self.start);
        let mut run = newest_first.into_iter().find(|run| run.simulation().now() <= at)?.clone();
        run.run_until(at);
        run.take_records();
        run.take_skipped();
        Some(run)
    }
}

fn expectations(run: &Run) -> Vec<Expectation> {
    let expected = run.expectations().iter().map(|expectation| Expectation {
        text: expectation.sentence.clone(),
        held: expectation.held,
        detail: expectation.detail.clone(),
        settled: expectation.settled,
    });
    expected.collect()
}

/// The engine in the page's own thread; answers come in a later task, as from a worker.
pub struct Local {
    engine: Rc<RefCell<Engine>>,
    answer: Callback<Answer>,
}

impl Local {
    /// An engine without a run.
    #[must_use]
    pub fn open(answer: Callback<Answer>) -> Self {
        Self { engine: Rc::default(), answer }
    }
}

impl Source for Local {
    fn ask(&mut self, request: Request) {
        let (engine, answer) = (Rc::clone(&self.engine), self.answer.clone());
        wasm_bindgen_futures::spawn_local(async move {
            engine.borrow_mut().handle(request, &mut |batch| answer.emit(batch));
        });
    }

    fn offers(&self) -> Offers {
        Offers::SIMULATION
    }
}
