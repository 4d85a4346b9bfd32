//! Is there one order of all operations that explains what every client saw?
//!
//! Each operation must take effect at one instant between its invocation and
//! its answer (Herlihy and Wing). A history is linearizable exactly if its part
//! on each key is, so every key is searched by itself: the search of Wing and
//! Gong with Lowe's memory of configurations that led nowhere ("Testing for
//! Linearizability", 2017). Sets and deletes answer the value before them, so
//! a wrong order rarely survives a few steps.
//!
//! A value with a time to live may go at any time after its write was asked for:
//! answers carry no log time, so one that goes too early is not found here. The
//! other machines' commands are not searched; their replicas are compared.
//!
//! An operation whose outcome the client never learned stays open for ever: it
//! may take effect at any time after its invocation, or never. Only a refusal
//! before anything was appended means that it did not happen.
//!
//! The search may need exponentially many steps. Out of budget it is
//! *undecided*, which callers must count and treat as a failure of the run.

use quorumscope_core::few;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::types::{ClientId, RequestNumber, Time};

/// What became of an operation, as its client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// Not known: it may have happened or may still happen.
    Open,
    /// It happened and answered the value under its key, before it if it is a set or a delete.
    Answered { order: u64, at: Time, before: Option<String> },
    /// It did not happen and will not.
    Refused,
}

/// One operation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Invoked {
    client: ClientId,
    number: RequestNumber,
    operation: AnyCommand,
    order: u64,
    at: Time,
    outcome: Outcome,
}

/// What clients did and saw, in the order in which it happened. Cheap to clone until it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    operations: Arc<Vec<Invoked>>,
    events: u64,
}

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

impl History {
    /// A client asked for an operation. Retries of the same number are not new invocations.
    pub fn invoke(&mut self, at: Time, client: ClientId, number: RequestNumber, operation: AnyCommand) {
        let order = self.next();
        let invoked = Invoked { client, number, operation, order, at, outcome: Outcome::Open };
        Arc::make_mut(&mut self.operations).push(invoked);
    }

    /// The client learned the answer: the value under the key, before the operation if that is a set or delete.
    pub fn answer(&mut self, at: Time, client: ClientId, number: RequestNumber, before: Option<&str>) {
        let order = self.next();
        self.settle(client, number, Outcome::Answered { order, at, before: before.map(str::to_owned) });
    }

    /// The client learned that it did not happen and will not.
    pub fn refuse(&mut self, client: ClientId, number: RequestNumber) {
        self.settle(client, number, Outcome::Refused);
    }

    /// How many operations were invoked.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.operations.len() as u64
    }

    /// Whether nothing was invoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// When operations that were invoked at or after `since` were answered, first invoked first; `None` while open.
    pub fn answered_since(&self, since: Time) -> impl Iterator<Item = (&AnyCommand, Option<Time>)> {
        self.operations.iter().filter(move |invoked| invoked.at >= since).filter_map(|invoked| match invoked.outcome {
            Outcome::Open => Some((&invoked.operation, None)),
            Outcome::Answered { at, .. } => Some((&invoked.operation, Some(at))),
            Outcome::Refused => None,
        })
    }

    fn next(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    fn settle(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        let operations = Arc::make_mut(&mut self.operations);
        let asked = operations.iter_mut().rev().find(|asked| asked.client == client && asked.number == number);
        if let Some(asked) = asked
            && asked.outcome == Outcome::Open
        {
            asked.outcome = outcome;
        }
    }
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

/// The value that will expire of itself.
fn mortal(invoked: &Invoked) -> Option<&str> {
    match &invoked.operation {
        AnyCommand::Kv(Operation::SetFor { value, .. }) => Some(value),
        AnyCommand::Kv(Operation::Set { .. } | Operation::Delete { .. } | Operation::Get { .. })
        | AnyCommand::Workflow(_)
        | AnyCommand::Cluster(_)
        | AnyCommand::Look(_) => None,
    }
}

/// A value under the key: 0 for none, else its number among the values of this history.
type Value = u32;

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
        let step = |invoked: &&'a Invoked| Step {
            invoked,
            leaves: written(invoked).map(|value| value.map_or(0, number)),
            found: match &invoked.outcome {
                Outcome::Answered { before, .. } => Some(before.as_deref().map_or(0, number)),
                Outcome::Open | Outcome::Refused => None,
            },
            must: matches!(invoked.outcome, Outcome::Answered { .. }),
        };
        let mut steps: Vec<Step<'a>> = operations.iter().map(step).collect();
        // A value that expires goes once it is there, or never: like a delete that finds this very value.
        let goes = |invoked: &&'a Invoked| {
            mortal(invoked).map(|value| Step { invoked, leaves: Some(0), found: Some(number(value)), must: false })
        };
        steps.extend(operations.iter().filter_map(goes));
        drop_unseen(&mut steps);
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
        Self { key, texts, steps, events, next, previous, positions, done, wall: None }
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

    fn run(mut self, left: &mut u64) -> Verdict {
        let mut unanswered = self.steps.iter().filter(|step| step.must).count();
        let mut value: Value = 0;
        let mut order: Vec<(usize, Value)> = Vec::new();
        let mut led_nowhere: BTreeSet<(Box<[u64]>, Value)> = BTreeSet::new();
        let mut at = self.next[0];
        while unanswered > 0 {
            if *left == 0 {
                return Verdict::Undecided;
            }
            *left -= 1;
            match self.events.get(at - 1).copied() {
                Some(Event::Invoked(step)) => {
                    let Step { leaves, found, must, .. } = self.steps[step];
                    let fits = found.is_none_or(|found| found == value);
                    let after = leaves.unwrap_or(value);
                    if fits {
                        self.take(step);
                        if led_nowhere.insert((self.done.clone().into_boxed_slice(), after)) {
                            order.push((step, value));
                            unanswered -= usize::from(must);
                            value = after;
                            at = self.next[0];
                            continue;
                        }
                        self.put_back(step);
                    }
                    at = self.next[at];
                }
                Some(Event::Answered(_)) | None => {
                    self.hit_wall(at, value);
                    let Some((step, before)) = order.pop() else { return self.explain() };
                    self.put_back(step);
                    unanswered += usize::from(self.steps[step].must);
                    value = before;
                    at = self.next[self.positions[step].0];
                }
            }
        }
        Verdict::Linearizable
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
fn drop_unseen(steps: &mut Vec<Step<'_>>) {
    let seen: BTreeSet<Value> = few::set(steps.iter().filter_map(|step| step.found));
    steps.retain(|step| step.found.is_some() || step.leaves.is_some_and(|leaves| seen.contains(&leaves)));
}

#[cfg(test)]
#[path = "linearizable_tests.rs"]
mod tests;
