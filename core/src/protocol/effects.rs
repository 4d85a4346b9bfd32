//! Where does a step write down what follows from it?
//!
//! In one buffer that is used again for every step. What an executor promises
//! decides what it is handed: one that does everything at once needs no reports,
//! and one without a store no writes.

use std::sync::Arc;

use super::{Effect, Outcome, ReadHow, ReadRequest};
use crate::bft::request;
use crate::edge::Edge;
use crate::event::Event;
use crate::storage::Write;
use crate::types::{ClientId, LogIndex, NodeId, RequestNumber, Ticket};

/// A message that leaves at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail<M> {
    /// To whom.
    pub to: NodeId,
    /// What.
    pub message: M,
}

/// A reused buffer of effects.
#[derive(Clone, Debug)]
pub struct Effects<M, H> {
    list: Vec<Effect<M, H>>,
    /// What an executor without a store sends: it waits for nothing.
    mail: Vec<Mail<M>>,
    listening: bool,
    executor: Executor,
}

/// What the executor of a buffer promises beyond the contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Executor {
    /// Nothing: it reports what it has done.
    #[default]
    Reports,
    /// It does everything at once.
    Immediate,
    /// It does, and keeps nothing: what a node holds in memory is its store.
    InMemory,
}

impl<M, H> Default for Effects<M, H> {
    fn default() -> Self {
        Self { list: Vec::new(), mail: Vec::new(), listening: false, executor: Executor::Reports }
    }
}

impl<M, H> Effects<M, H> {
    /// An empty buffer that drops notes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer that keeps notes.
    #[must_use]
    pub fn listening() -> Self {
        Self { listening: true, ..Self::default() }
    }

    /// An empty buffer for an executor that carries out what a step writes, applies and restores at once: before it
    /// sends, answers, or steps again. All of that counts as done when the step ends and is not reported, save for the
    /// results that clients wait for, by [`Input::Applied`](super::Input::Applied).
    #[must_use]
    pub fn immediate() -> Self {
        Self { executor: Executor::Immediate, ..Self::default() }
    }

    /// An empty buffer for an executor without a store, which is [immediate](Effects::immediate) in all else: nothing
    /// is handed out to be written, and what is to be applied is read from the node. Messages, which wait for nothing,
    /// are collected apart, in [`Effects::mail`]. A cluster that lives and dies with its process needs no second copy of
    /// every log.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { executor: Executor::InMemory, ..Self::default() }
    }

    /// An empty buffer for the same executor, for a protocol that runs inside of another one.
    #[must_use]
    pub fn alike<N, I>(&self) -> Effects<N, I> {
        Effects { list: Vec::new(), mail: Vec::new(), listening: self.listening, executor: self.executor }
    }

    /// Whether what a step asks for counts as done when the step ends.
    #[inline]
    #[must_use]
    pub fn is_immediate(&self) -> bool {
        self.executor != Executor::Reports
    }

    /// Whether it was made by [`Effects::in_memory`].
    #[inline]
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.executor == Executor::InMemory
    }

    /// Room is made first, so that the effect is put together where it stays: pushed as a value it would be copied,
    /// and the copy would wait for stores that have just been made. For what each commit needs; the rest is pushed
    /// as usual, which is less code.
    #[inline(always)]
    fn push(&mut self, effect: impl FnOnce() -> Effect<M, H>) {
        self.list.extend(core::iter::once_with(effect));
    }

    /// Queues a message that promises nothing that is not durable yet, or names the write that it waits for.
    #[inline]
    pub fn send(&mut self, to: NodeId, message: M, after: Option<Ticket>) {
        if self.is_in_memory() {
            return self.mail.extend(core::iter::once_with(|| Mail { to, message }));
        }
        self.push(|| Effect::Send { to, message, after });
    }

    /// Messages to others, in order, for the executor of [`Effects::in_memory`] to take.
    pub fn mail(&mut self) -> &mut Vec<Mail<M>> {
        &mut self.mail
    }

    /// Queues a write, which is put together where it stays.
    #[inline]
    pub fn write(&mut self, write: impl FnOnce() -> Write<H>) {
        self.push(|| Effect::Write(write()));
    }

    /// Queues the application of committed entries.
    #[inline]
    pub fn apply(&mut self, from: LogIndex, through: LogIndex) {
        self.push(|| Effect::Apply { from, through });
    }

    /// Asks for a snapshot of the state as it is now.
    #[inline]
    pub fn snapshot(&mut self, index: LogIndex) {
        self.list.push(Effect::Snapshot { index });
    }

    /// Puts the durable snapshot in the place of the state.
    #[inline]
    pub fn restore(&mut self, index: LogIndex) {
        self.list.push(Effect::Restore { index });
    }

    /// Asks for a snapshot of a part of the state as it is now.
    pub fn project(&mut self, index: LogIndex, edge: Arc<Edge>) {
        self.list.push(Effect::Project { index, edge });
    }

    /// Queues an answer to a client.
    #[inline]
    pub fn answer(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        // Replicas that ask like clients see by themselves what comes of it.
        if !request::is_node(client) {
            self.push(|| Effect::Answer { client, number, outcome });
        }
    }

    /// Queues a read of the state machine.
    #[inline]
    pub fn read(&mut self, request: ReadRequest, index: LogIndex, how: ReadHow) {
        self.list.push(Effect::Read { request, index, how });
    }

    /// Notes an event; the closure runs only where somebody listens.
    #[inline]
    pub fn note(&mut self, event: impl FnOnce() -> Event) {
        if self.listening {
            self.list.push(Effect::Note(event()));
        }
    }

    /// Halts the node where one fact of ours does not hold. Returns whether it holds.
    #[inline]
    pub fn check(&mut self, holds: bool, fact: &'static str) -> bool {
        if !holds {
            self.list.push(Effect::Broken(fact));
        }
        holds
    }

    /// Takes the effects in order and leaves the buffer empty with its memory.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Effect<M, H>> {
        self.list.drain(..)
    }

    /// The effects in order, for an executor that takes from them what it needs and then [clears](Self::clear) the
    /// buffer: nothing is copied that stays.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Effect<M, H>> {
        self.list.iter_mut()
    }

    /// Empties the buffer and keeps its memory.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// The effects so far.
    #[must_use]
    pub fn as_slice(&self) -> &[Effect<M, H>] {
        &self.list
    }

    /// Whether nothing was written down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
