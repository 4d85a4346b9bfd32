//! How is each effect carried out?
//!
//! The executor gives the protocol one input, executes what it answers in order,
//! and reports an application back, until nothing follows any more. A send waits
//! for its write; a broken invariant ends the node. Read `executor` for where
//! the inputs come from.

use std::sync::Arc;

use quorumscope_core::entry::{Entry, EntryKind};
use quorumscope_core::event::Event;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::{Applied, Effect, Effects, Input, Outcome, Protocol};
use quorumscope_core::record::{Body, DropReason};
use quorumscope_core::storage::Write;
use quorumscope_core::types::{ClientId, LogIndex, NodeId, Now, RecordId, RequestNumber, Ticket};
use quorumscope_core::wire::{Answer, Envelope, Frame, encode_message};

use super::output::State;
use super::{Executor, Waiting};

/// Messages that wait for a write. A protocol sends a few a peer and write; one too many is lost, which it survives.
const MAX_WAITING: usize = 4_096;

impl<P: Protocol> Executor<P> {
    /// Gives the protocol one input and executes what follows, until nothing follows any more.
    pub(super) fn step(&mut self, now: Now, first: RecordId, input: Input<P::Message>) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut input = Some(input);
        while let Some(next) = input.take() {
            if self.broken {
                break;
            }
            self.protocol.step(now, next, &mut effects);
            let reported = self.execute(first, &mut effects);
            input = reported.or_else(|| self.expiry_news()).or_else(|| self.projected.take());
        }
        effects.drain();
        self.effects = effects;
        self.record_status(first);
    }

    /// Tells the protocol where its machine's next expiry is another one than before.
    fn expiry_news(&mut self) -> Option<Input<P::Message>> {
        let next = self.machine.next_expiry();
        if next == self.expiry {
            return None;
        }
        self.expiry = next;
        Some(Input::ExpiryAt(next))
    }

    /// Executes effects in order. Returns the input that reports an application.
    fn execute(&mut self, first: RecordId, effects: &mut Effects<P::Message, P::Hard>) -> Option<Input<P::Message>> {
        let mut reported: Option<(LogIndex, Vec<Applied>)> = None;
        for effect in effects.drain() {
            match effect {
                Effect::Send { to, message, after } => self.send(first, to, message, after),
                Effect::Write(write) => self.write(first, write),
                Effect::Apply { from, through } => {
                    let (last, results) = reported.get_or_insert((through, Vec::new()));
                    *last = through;
                    if !self.apply(first, from, through, results) {
                        return None;
                    }
                }
                Effect::Snapshot { .. } => {
                    self.to_make = Some(State { index: self.applied, machine: Arc::clone(&self.machine) });
                }
                Effect::Project { edge, .. } => {
                    let (index, part) = (self.applied, self.machine.project(&edge.ranges));
                    let (digest, data) = (part.snapshot_digest(), part.snapshot());
                    self.projected = Some(Input::Projected { index, digest, data });
                }
                Effect::Restore { index } => {
                    if !self.restore(first) {
                        return None;
                    }
                    reported.get_or_insert((index, Vec::new())).0 = index;
                }
                Effect::Answer { client, number, outcome } => self.answer(first, client, number, outcome),
                Effect::Broken(fact) => {
                    self.halt(Some(first), fact);
                    return None;
                }
                Effect::Note(event) => {
                    if let Event::ChangeRefused { reason } = &event {
                        self.refused = Some(*reason);
                    }
                    self.record(Some(first), Body::Noted(event));
                }
                Effect::Read { request, index, how } => {
                    if self.applied < index {
                        self.halt(Some(first), "a read waits until its index is applied");
                        return None;
                    }
                    let result = self.machine.read(&request.query).encode();
                    let outcome = Outcome::Read { index: self.applied, how, result };
                    self.answer(first, request.client, request.number, outcome);
                }
            }
        }
        reported.map(|(through, results)| Input::Applied { through, results })
    }

    fn send(&mut self, first: RecordId, to: NodeId, message: P::Message, after: Option<Ticket>) {
        let id = self.record(Some(first), Body::Sent { to, message: message.clone().into(), after });
        match after {
            Some(after) if self.durable.is_none_or(|durable| durable < after) => {
                self.waiting.push_back(Waiting { id, cause: first, to, message, after });
                if self.waiting.len() > MAX_WAITING
                    && let Some(lost) = self.waiting.pop_front()
                {
                    self.record(Some(first), Body::Dropped { message: lost.id, reason: DropReason::Loss });
                }
            }
            Some(_) | None => self.depart(id, first, to, message, first),
        }
    }

    /// A message leaves the node; `cause` brought it about, `released` let it go.
    pub(super) fn depart(
        &mut self,
        id: RecordId,
        cause: RecordId,
        to: NodeId,
        message: P::Message,
        released: RecordId,
    ) {
        self.record(Some(released), Body::Departed { message: id, arrives: None, duplicate: false });
        let message = encode_message(&message.into());
        self.frames.push(Frame::Peer(Envelope { from: self.node, to, id, cause: Some(cause), message }));
    }

    fn write(&mut self, first: RecordId, write: Write<P::Hard>) {
        self.record(Some(first), Body::WriteBegan(write.recorded()));
        if let Some(hard) = &write.hard {
            self.hard = hard.clone();
        }
        if write.snapshot.is_some() {
            self.snapshot.clone_from(&write.snapshot);
        }
        if let Some(base) = write.compact {
            self.log.compact(base);
        }
        if let Some(from) = write.truncate {
            self.log.truncate(from);
        }
        for entry in &write.append {
            self.tags |= names_edges(entry);
            if !self.log.append(entry.clone()) {
                return self.halt(Some(first), "a write continues the log without a gap");
            }
        }
        self.writes.push(write);
    }

    /// Applies committed entries. False where the node had to stop.
    fn apply(&mut self, first: RecordId, from: LogIndex, through: LogIndex, results: &mut Vec<Applied>) -> bool {
        if from != self.applied.next() || through > self.log.last_index() || from > through {
            self.halt(Some(first), "entries are applied in order, and only what is in the log");
            return false;
        }
        while self.applied < through {
            let Some(entry) = self.log.get(self.applied.next()) else { break };
            // Copied where a snapshot of it is being made.
            let machine = Arc::make_mut(&mut self.machine);
            if entry.kind == EntryKind::Elided {
                machine.skip(entry.index, entry.log_time, entry.client, entry.number, &entry.payload);
            } else if entry.kind != EntryKind::Command {
                machine.advance(entry.log_time);
            } else {
                let answer = machine.apply(entry.index, entry.log_time, entry.client, entry.number, &entry.payload);
                let (client, number) = (entry.client, entry.number);
                results.push(Applied { index: entry.index, client, number, result: answer.encode() });
            }
            self.applied = entry.index;
        }
        let state = self.machine.digest();
        self.record(Some(first), Body::AppliedThrough { through, state });
        true
    }

    /// Puts the durable snapshot in the place of the state. False where the node had to stop.
    pub(super) fn restore(&mut self, first: RecordId) -> bool {
        let mut machine = Sessions::default();
        let restored = self
            .snapshot
            .as_ref()
            .filter(|snapshot| machine.restore(&snapshot.data).is_ok() && machine.digest() == snapshot.meta.digest);
        let Some((through, state)) = restored.map(|snapshot| (snapshot.meta.index, snapshot.meta.digest)) else {
            self.halt(Some(first), "a restored state has the digest of its snapshot");
            return false;
        };
        self.machine = Arc::new(machine);
        self.applied = through;
        self.record(Some(first), Body::AppliedThrough { through, state });
        true
    }

    pub(super) fn answer(&mut self, first: RecordId, client: ClientId, number: RequestNumber, outcome: Outcome) {
        let id = self.record(Some(first), Body::Answered { client, number, outcome: outcome.clone() });
        self.record(Some(first), Body::Departed { message: id, arrives: None, duplicate: false });
        self.frames.push(Frame::Answer(Answer { from: self.node, client, number, id, outcome }));
    }

    pub(super) fn halt(&mut self, cause: Option<RecordId>, fact: &str) {
        if !self.broken {
            self.broken = true;
            self.record(cause, Body::Broke { fact: fact.into() });
        }
    }

    pub(super) fn record_status(&mut self, first: RecordId) {
        let status = self.protocol.status();
        if status != self.status {
            self.status = status.clone();
            self.record(Some(first), Body::Status(status));
        }
    }
}

/// Whether an entry is a configuration with edges.
pub(super) fn names_edges(entry: &Entry) -> bool {
    entry.kind == EntryKind::Configuration
        && Membership::decode(&entry.payload).is_some_and(|members| !members.edges.is_empty())
}
