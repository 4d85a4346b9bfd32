//! What did clients do and see?
//!
//! Each operation with its invocation, its answer, and the log time at which it
//! took effect. `linearizable` looks for an order that explains them.

use std::sync::Arc;

use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::types::{ClientId, RequestNumber, Time, Wall};

/// What became of an operation, as its client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Not known: it may have happened or may still happen.
    Open,
    /// It happened and answered the value under its key, before it if it is a set or a delete.
    Answered { order: u64, at: Time, before: Option<String> },
    /// It did not happen and will not.
    Refused,
}

/// One operation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invoked {
    pub(super) client: ClientId,
    pub(super) number: RequestNumber,
    pub(super) operation: AnyCommand,
    pub(super) order: u64,
    pub(super) at: Time,
    /// The log time at which it took effect, once that is known.
    pub(super) log_time: Option<Wall>,
    /// When its client heard of its entry, whatever the answer was.
    pub(super) heard: Option<Time>,
    pub(super) outcome: Outcome,
}

/// What clients did and saw, in the order in which it happened. Cheap to clone until it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub(super) operations: Arc<Vec<Invoked>>,
    events: u64,
}

impl History {
    /// A client asked for an operation. Retries of the same number are not new invocations.
    pub fn invoke(&mut self, at: Time, client: ClientId, number: RequestNumber, operation: AnyCommand) {
        let order = self.next();
        let (log_time, heard) = (None, None);
        let invoked = Invoked { client, number, operation, order, at, log_time, heard, outcome: Outcome::Open };
        Arc::make_mut(&mut self.operations).push(invoked);
    }

    /// It took effect, or was read, at this log time. Returns whether it had before, which then counts; `None` where
    /// no client asked for it.
    pub fn executed(&mut self, client: ClientId, number: RequestNumber, log_time: Wall) -> Option<bool> {
        let asked = self.find(client, number)?;
        let known = self.operations.get(asked)?.log_time.is_some();
        if !known {
            Arc::make_mut(&mut self.operations)[asked].log_time = Some(log_time);
        }
        Some(known)
    }

    /// The client heard that the entry was applied, whatever it may believe now.
    pub fn heard(&mut self, at: Time, client: ClientId, number: RequestNumber) {
        if let Some(asked) = self.find(client, number) {
            Arc::make_mut(&mut self.operations)[asked].heard = Some(at);
        }
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

    /// When clients heard of the entries of operations that were invoked at or after `since`.
    pub fn heard_since(&self, since: Time) -> impl Iterator<Item = Option<Time>> {
        let asked = self.operations.iter().filter(move |invoked| invoked.at >= since);
        asked.filter(|invoked| invoked.outcome != Outcome::Refused).map(|invoked| match invoked.outcome {
            Outcome::Answered { at, .. } => Some(at),
            Outcome::Open | Outcome::Refused => invoked.heard,
        })
    }

    fn find(&self, client: ClientId, number: RequestNumber) -> Option<usize> {
        self.operations.iter().rposition(|asked| asked.client == client && asked.number == number)
    }

    fn next(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    fn settle(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        let Some(asked) = self.find(client, number) else { return };
        let asked = &mut Arc::make_mut(&mut self.operations)[asked];
        if asked.outcome == Outcome::Open {
            asked.outcome = outcome;
        }
    }
}
