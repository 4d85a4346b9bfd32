//! Is there one order of all operations that explains what every client saw?
//!
//! Each operation must take effect at one instant between its invocation and
//! its answer (Herlihy and Wing). A history is linearizable exactly if its part
//! on each key is, so every key is searched by itself: the search of Wing and
//! Gong with Lowe's memory of configurations that led nowhere ("Testing for
//! Linearizability", 2017). Sets and deletes answer the value before them, so
//! a wrong order rarely survives a few steps.
//!
//! Log time is part of the model: each operation took effect at the log time of
//! its entry, or of the last entry applied where it was read, and log time never
//! falls along the order. A value with a time to live is there before that time
//! has passed and gone from then on, so one that goes too early or too late has
//! no order. Where a log time is not known (nobody looked at the commits), such a
//! value may go at any time after its write was asked for.
//!
//! The other machines' commands are not searched; their replicas are compared.
//!
//! An operation whose outcome the client never learned stays open for ever: it
//! may take effect at any time after its invocation, or never. Only a refusal
//! before anything was appended means that it did not happen.
//!
//! The search may need exponentially many steps. Out of budget it is
//! *undecided*, which callers must count and treat as a failure of the run.

use quorumscope_core::few;
use std::collections::{BTreeMap, BTreeSet};

use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::types::{Span, Wall};

pub use super::history::History;
use super::history::{Invoked, Outcome};

/// Whether an order exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Linearizable,
    /// It does not; the sentence names an operation and the answer that no order explains.
    NotLinearizable(String),
    /// The budget ended first.
    Undecided,
}

/// Searches for an order, in at most `budget` steps over all keys.
#[must_use]
pub fn check(history: &History, budget: u64) -> Verdict {
    let mut keys: BTreeMap<&str, Vec<&Invoked>> = BTreeMap::new();
    for invoked in history.operations.iter().filter(|invoked| invoked.outcome != Outcome::Refused) {
        if let AnyCommand::Kv(operation) = &invoked.operation {
            keys.entry(operation.key()).or_default().push(invoked);
        }
    }
    let mut left = budget;
    let mut undecided = false;
    for (key, operations) in keys {
        match Search::new(key, &operations).run(&mut left) {
            Verdict::Linearizable => {}
            broken @ Verdict::NotLinearizable(_) => return broken,
            Verdict::Undecided => undecided = true,
        }
    }
    if undecided { Verdict::Undecided } else { Verdict::Linearizable }
}

/// What an operation leaves under its key; `None` where it leaves what it found.
fn written(invoked: &Invoked) -> Option<Option<&str>> {
    match &invoked.operation {
        AnyCommand::Kv(Operation::Set { value, .. } | Operation::SetFor { value, .. }) => Some(Some(value)),
        AnyCommand::Kv(Operation::Delete { .. }) => Some(None),
        AnyCommand::Kv(Operation::Get { .. })
        | AnyCommand::Workflow(_)
        | AnyCommand::Cluster(_)
        | AnyCommand::Look(_) => None,
    }
}

/// The value that will expire of itself, and how long it lives.
fn mortal(invoked: &Invoked) -> Option<(&str, Span)> {
    match &invoked.operation {
        AnyCommand::Kv(Operation::SetFor { value, ttl, .. }) => Some((value, *ttl)),
        AnyCommand::Kv(Operation::Set { .. } | Operation::Delete { .. } | Operation::Get { .. })
        | AnyCommand::Workflow(_)
        | AnyCommand::Cluster(_)
        | AnyCommand::Look(_) => None,
    }
}

/// A value under the key: 0 for none, else the number of its text among those of this history. Numbers beyond them
/// stand for values that expire, see [`Content`].
type Value = u32;

/// What a value is.
#[derive(Clone, Copy, Debug)]
struct Content {
    /// The number of its text.
    text: Value,
    /// From this log time on it is gone.
    until: Option<Wall>,
}

/// One operation as the search sees it.
#[derive(Clone, Copy, Debug)]
struct Step<'a> {
    invoked: &'a Invoked,
    /// What it leaves; `None` leaves what it found.
    leaves: Option<Value>,
    /// What it must find; `None` where the client never learned.
    found: Option<Value>,
    /// Whether it has an answer, so that it must have happened.
    must: bool,
    /// The log time at which it took effect, where log time is part of the search.
    log_time: Option<Wall>,
}

/// Whether the search knows when values expire: it is asked only where some do.
fn knows_log_time(operations: &[&Invoked]) -> bool {
    let answered = |invoked: &&&Invoked| matches!(invoked.outcome, Outcome::Answered { .. });
    operations.iter().any(|invoked| mortal(invoked).is_some())
        && operations.iter().filter(answered).all(|invoked| invoked.log_time.is_some())
}

/// An event of the history: an invocation or an answer of the step with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Invoked(usize),
    Answered(usize),
}

/// The search on one key.
struct Search<'a> {
    key: &'a str,
    /// The texts of values, from number 1.
    texts: Vec<&'a str>,
    /// What each value is: none, the texts, and then the values that expire.
    contents: Vec<Content>,
    steps: Vec<Step<'a>>,
    events: Vec<Event>,
    /// The events that are not yet part of the order, as a list: position 0 is its head, event e is e + 1.
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Where a step was invoked and answered, as list positions.
    positions: Vec<(usize, Option<usize>)>,
    done: Vec<u64>,
    /// The answer that stood in the way longest, and the values it met there.
    wall: Option<(usize, BTreeSet<Value>)>,
}

impl<'a> Search<'a> {
    fn new(key: &'a str, operations: &[&'a Invoked]) -> Self {
        let mut texts: Vec<&'a str> = operations.iter().flat_map(|invoked| texts_of(invoked)).collect();
        texts.sort_unstable();
        texts.dedup();
        let number = |text: &str| texts.binary_search(&text).map_or(0, |at| Value::try_from(at + 1).unwrap_or(0));
        let plain = (0..).take(texts.len() + 1);
        let mut contents: Vec<Content> = plain.map(|text| Content { text, until: None }).collect();
        let clocked = knows_log_time(operations);
        let mut steps: Vec<Step<'a>> = Vec::new();
        for invoked in operations {
            let log_time = invoked.log_time.filter(|_| clocked);
            if clocked && log_time.is_none() {
                continue; // No quorum ever had it, so nobody has seen it.
            }
            let mut leaves = written(invoked).map(|value| value.map_or(0, number));
            if let (Some((value, ttl)), Some(from)) = (mortal(invoked), log_time) {
                leaves = Value::try_from(contents.len()).ok();
                contents.push(Content { text: number(value), until: Some(from + ttl) });
            }
            let found = match &invoked.outcome {
                Outcome::Answered { before, .. } => Some(before.as_deref().map_or(0, number)),
                Outcome::Open | Outcome::Refused => None,
            };
            let must = matches!(invoked.outcome, Outcome::Answered { .. });
            steps.push(Step { invoked, leaves, found, must, log_time });
        }
        // Without log time a value that expires goes once it is there, or never: like a delete that finds this value.
        let goes = |invoked: &&'a Invoked| {
            let found = mortal(invoked).filter(|_| !clocked).map(|(value, _)| number(value))?;
            Some(Step { invoked, leaves: Some(0), found: Some(found), must: false, log_time: None })
        };
        steps.extend(operations.iter().filter_map(goes));
        drop_unseen(&mut steps, &contents);
        let mut events: Vec<(u64, Event)> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            events.push((step.invoked.order, Event::Invoked(at)));
            if let Outcome::Answered { order, .. } = step.invoked.outcome
                && step.must
            {
                events.push((order, Event::Answered(at)));
            }
        }
        events.sort_unstable_by_key(|(order, _)| *order);
        let events: Vec<Event> = events.into_iter().map(|(_, event)| event).collect();
        let mut positions = vec![(0, None); steps.len()];
        for (at, event) in events.iter().enumerate() {
            match event {
                Event::Invoked(step) => positions[*step].0 = at + 1,
                Event::Answered(step) => positions[*step].1 = Some(at + 1),
            }
        }
        let end = events.len() + 1;
        let next = (0..=end).map(|at| (at + 1).min(end)).collect();
        let previous = (0..=end).map(|at: usize| at.saturating_sub(1)).collect();
        let done = vec![0; steps.len().div_ceil(64)];
        Self { key, texts, contents, steps, events, next, previous, positions, done, wall: None }
    }

    /// Takes a step out of the list: it is part of the order now.
    fn take(&mut self, step: usize) {
        self.done[step / 64] |= 1 << (step % 64);
        let (invoked, answered) = self.positions[step];
        for at in [Some(invoked), answered].into_iter().flatten() {
            let (before, after) = (self.previous[at], self.next[at]);
            self.next[before] = after;
            self.previous[after] = before;
        }
    }

    /// Puts it back; the reverse of `take`, in reverse order.
    fn put_back(&mut self, step: usize) {
        self.done[step / 64] &= !(1 << (step % 64));
        let (invoked, answered) = self.positions[step];
        for at in [answered, Some(invoked)].into_iter().flatten() {
            let (before, after) = (self.previous[at], self.next[at]);
            self.next[before] = at;
            self.previous[after] = at;
        }
    }

    /// What is left of a value at a log time.
    fn left_of(&self, value: Value, log_time: Option<Wall>) -> Value {
        let until = self.content(value).until;
        if until.is_some_and(|until| log_time.is_some_and(|now| now >= until)) { 0 } else { value }
    }

    fn content(&self, value: Value) -> Content {
        let found = usize::try_from(value).ok().and_then(|value| self.contents.get(value));
        found.copied().unwrap_or(Content { text: 0, until: None })
    }

    fn run(mut self, left: &mut u64) -> Verdict {
        let mut unanswered = self.steps.iter().filter(|step| step.must).count();
        let (mut value, mut clock): (Value, Option<Wall>) = (0, None);
        let mut order: Vec<(usize, Value, Option<Wall>)> = Vec::new();
        // The log time that is reached follows from the steps that are done.
        let mut led_nowhere: BTreeSet<(Box<[u64]>, Value)> = BTreeSet::new();
        let mut at = self.next[0];
        while unanswered > 0 {
            if *left == 0 {
                return Verdict::Undecided;
            }
            *left -= 1;
            match self.events.get(at - 1).copied() {
                Some(Event::Invoked(step)) => {
                    let Step { leaves, found, must, log_time, .. } = self.steps[step];
                    let held = self.left_of(value, log_time);
                    let fits = log_time >= clock && found.is_none_or(|found| found == self.content(held).text);
                    let after = leaves.unwrap_or(held);
                    if fits {
                        self.take(step);
                        if led_nowhere.insert((self.done.clone().into_boxed_slice(), after)) {
                            order.push((step, value, clock));
                            unanswered -= usize::from(must);
                            (value, clock) = (after, log_time);
                            at = self.next[0];
                            continue;
                        }
                        self.put_back(step);
                    }
                    at = self.next[at];
                }
                end @ (Some(Event::Answered(_)) | None) => {
                    let log_time = if let Some(Event::Answered(step)) = end { self.steps[step].log_time } else { None };
                    self.hit_wall(at, self.content(self.left_of(value, log_time)).text);
                    let Some(back) = self.go_back(&mut order, &mut unanswered) else { return self.explain() };
                    (value, clock, at) = back;
                }
            }
        }
        Verdict::Linearizable
    }

    /// Takes the last step out of the order again. Returns what stood before it, and where to go on.
    fn go_back(
        &mut self,
        order: &mut Vec<(usize, Value, Option<Wall>)>,
        unanswered: &mut usize,
    ) -> Option<(Value, Option<Wall>, usize)> {
        let (step, before, clock) = order.pop()?;
        self.put_back(step);
        *unanswered += usize::from(self.steps[step].must);
        Some((before, clock, self.next[self.positions[step].0]))
    }

    /// Remembers the latest answer that could not be passed, and what the store would have held there.
    fn hit_wall(&mut self, at: usize, value: Value) {
        match &mut self.wall {
            Some((wall, values)) if *wall == at => {
                values.insert(value);
            }
            Some((wall, _)) if *wall > at => {}
            Some(_) | None => self.wall = Some((at, few::set([value]))),
        }
    }

    fn text(&self, value: Value) -> String {
        match usize::try_from(value).ok().and_then(|value| self.texts.get(value.checked_sub(1)?)) {
            Some(text) => format!("\"{text}\""),
            None => "nothing".into(),
        }
    }

    fn explain(&self) -> Verdict {
        let wall = self.wall.as_ref().and_then(|(at, values)| match self.events.get(at - 1) {
            Some(Event::Answered(step)) => Some((self.steps[*step], values)),
            Some(Event::Invoked(_)) | None => None,
        });
        let Some((Step { invoked, found: Some(found), .. }, values)) = wall else {
            return Verdict::NotLinearizable(format!("no order of the operations on {} explains them", self.key));
        };
        let held: Vec<String> = values.iter().filter(|value| **value != found).map(|value| self.text(*value)).collect();
        let (client, number, operation) = (invoked.client, invoked.number, &invoked.operation);
        let answer = self.text(found);
        let reason = if held.is_empty() {
            format!("and then no order explains what others saw of {}", self.key)
        } else {
            format!("and in every order that explains what came before, {} held {}", self.key, held.join(" or "))
        };
        Verdict::NotLinearizable(format!("{client}{number} {operation} answered {answer}, {reason}"))
    }
}

fn texts_of(invoked: &Invoked) -> impl Iterator<Item = &str> {
    let read = match &invoked.outcome {
        Outcome::Answered { before, .. } => before.as_deref(),
        Outcome::Open | Outcome::Refused => None,
    };
    written(invoked).flatten().into_iter().chain(read)
}

/// Leaves out open operations that nobody can have seen: an open get, and an open set or delete whose value no
/// answer names. Any order with them explains the answers without them too, as the next operation that was
/// answered either follows another open one or would have named their value.
fn drop_unseen(steps: &mut Vec<Step<'_>>, contents: &[Content]) {
    let seen: BTreeSet<Value> = few::set(steps.iter().filter_map(|step| step.found));
    // A value that expires leaves its text, and later nothing.
    let is_seen = |value: Value| {
        let content = usize::try_from(value).ok().and_then(|value| contents.get(value));
        content.is_some_and(|content| seen.contains(&content.text) || content.until.is_some() && seen.contains(&0))
    };
    steps.retain(|step| step.found.is_some() || step.leaves.is_some_and(is_seen));
}

#[cfg(test)]
#[path = "linearizable_tests.rs"]
mod tests;
