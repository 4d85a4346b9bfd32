//! How do effects become writes, messages and records on a real machine?
//!
//! The executor's part of the contract in `core::protocol`, without I/O: it is
//! given inputs with a reading of the clocks, and asked for what is to be done
//! ([`Output`]). Sends wait for their write, entries are applied in order, and
//! a node whose invariant broke is not stepped again. What it records is what
//! the simulator's executor records.
//!
//! Here are its inputs. Read `effects` next, which carries out what follows from
//! them; `output` for what it hands over.

use std::collections::VecDeque;
use std::sync::Arc;

use quorumscope_core::edge;
use quorumscope_core::entry::Proposal;
use quorumscope_core::event::ChangeRefusal;
use quorumscope_core::machine::kv::KeyValue;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::protocol::{Effects, Input, Outcome, Protocol, ReadRequest};
use quorumscope_core::raft::Log;
use quorumscope_core::record::{Body, DropReason, NodeState, NodeStatus, Record};
use quorumscope_core::snapshot::Snapshot;
use quorumscope_core::storage::{DiskImage, Write};
use quorumscope_core::types::{Incarnation, LogIndex, Mono, NodeId, Now, RecordId, Span, Term, Ticket, Time, Wall};
use quorumscope_core::wire::Frame;

use crate::clock::Clock;

mod effects;
mod output;

use effects::names_edges;
pub use output::Report;
use output::State;
pub(crate) use output::{Made, Output};

/// A log of this size takes no more commands until a snapshot shortens it: a node's whole state must fit into one
/// frame, and what is not committed stays in the log.
const MAX_LOG_BYTES: u64 = 3 << 20;

/// What one entry weighs beside its payload.
const ENTRY_BYTES: u64 = 64;

/// A machine's clock runs as fast as global time, as far as anybody here can tell.
const TRUE_RATE_PPM: u32 = 1_000_000;

/// A message that waits for its write.
#[derive(Debug)]
struct Waiting<M> {
    id: RecordId,
    cause: RecordId,
    to: NodeId,
    message: M,
    after: Ticket,
}

/// One running node, without its surroundings.
#[derive(Debug)]
pub(crate) struct Executor<P: Protocol> {
    node: NodeId,
    incarnation: Incarnation,
    clock: Clock,
    protocol: P,
    effects: Effects<P::Message, P::Hard>,
    hard: P::Hard,
    log: Log,
    /// The newest snapshot, durable or being written.
    snapshot: Option<Arc<Snapshot>>,
    machine: Arc<Sessions<KeyValue>>,
    applied: LogIndex,
    /// The machine's next expiry, as the protocol was last told.
    expiry: Option<Wall>,
    durable: Option<Ticket>,
    waiting: VecDeque<Waiting<P::Message>>,
    status: NodeStatus,
    broken: bool,
    /// Reading of the machine's clock at the last step.
    real: Mono,
    /// How far the node's own clock was moved ahead of it, by hand.
    ahead: Span,
    sequence: u64,
    records: Vec<Record>,
    writes: Vec<Write<P::Hard>>,
    frames: Vec<Frame>,
    to_make: Option<State>,
    /// Why the last change of members was refused.
    refused: Option<ChangeRefusal>,
    /// The part of the state that an edge needs; it is made in place, as long as nodes have no edges by hand.
    projected: Option<Input<P::Message>>,
    /// Whether any configuration named an edge: from then on entries carry tags, which harm nobody.
    tags: bool,
}

impl<P: Protocol> Executor<P> {
    /// Starts a node from what its store holds.
    pub(crate) fn start(config: &P::Config, node: NodeId, image: &DiskImage<P::Hard>, seed: u64, clock: Clock) -> Self {
        let now = clock.now();
        let mut executor = Self {
            node,
            incarnation: image.incarnation,
            clock,
            protocol: P::recover(config, node, image, seed, now),
            effects: Effects::listening(),
            hard: image.hard.clone(),
            log: Log::after(image.base, &image.log),
            snapshot: image.snapshot.clone(),
            machine: Arc::default(),
            applied: LogIndex::ZERO,
            expiry: None,
            durable: None,
            waiting: VecDeque::new(),
            status: NodeStatus::default(),
            broken: false,
            real: now.mono,
            ahead: Span(0),
            // Numbers must rise beyond those of earlier starts: no node records one each microsecond.
            sequence: clock.global(now.mono).0,
            records: Vec::new(),
            writes: Vec::new(),
            frames: Vec::new(),
            to_make: None,
            refused: None,
            projected: None,
            tags: image.snapshot.as_ref().is_some_and(|snapshot| !snapshot.meta.membership.edges.is_empty())
                || image.log.iter().any(|entry| names_edges(entry)),
        };
        let body = Body::Started { incarnation: image.incarnation, mono: now.mono, rate_ppm: TRUE_RATE_PPM };
        let first = executor.record(None, body);
        if executor.snapshot.is_some() {
            executor.restore(first);
        }
        executor.record_status(first);
        executor
    }

    /// When it wants to be woken, on the machine's clock.
    pub(crate) fn next_deadline(&self) -> Option<Mono> {
        self.deadline().map(|deadline| Mono(deadline.0.saturating_sub(self.ahead.0)))
    }

    /// The same on the node's own clock.
    fn deadline(&self) -> Option<Mono> {
        if self.broken { None } else { self.protocol.next_deadline() }
    }

    /// Whether an invariant broke: the node is over.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// What is to be done now.
    pub(crate) fn take_output(&mut self) -> Output<P::Hard> {
        Output {
            records: std::mem::take(&mut self.records),
            writes: std::mem::take(&mut self.writes),
            frames: std::mem::take(&mut self.frames),
            snapshot: self.to_make.take(),
        }
    }

    /// A peer's message arrived; `id` names it.
    pub(crate) fn on_message(&mut self, from: NodeId, id: RecordId, message: P::Message) {
        let now = self.read_clock();
        let first = self.record(Some(id), Body::Delivered { message: id });
        self.step(now, first, Input::Receive { from, message });
    }

    /// A client's request arrived; `id` names it.
    pub(crate) fn on_request(&mut self, id: RecordId, mut proposal: Proposal) {
        let now = self.read_clock();
        let delivered = self.record(Some(id), Body::Delivered { message: id });
        let (client, number) = (proposal.client, proposal.number);
        let first = self.record(Some(delivered), Body::Proposed { client, number });
        let entries = self.log.last_index().0 - self.log.base().index.0 + 1;
        let bytes = self.log.bytes() + entries * ENTRY_BYTES + proposal.payload.len() as u64;
        if bytes > MAX_LOG_BYTES {
            return self.answer(first, client, number, Outcome::Overloaded);
        }
        if self.tags {
            edge::tagged::<KeyValue>(&mut proposal);
        }
        self.step(now, first, Input::Propose(vec![proposal]));
    }

    /// A client's question beside the log arrived; `id` names it.
    pub(crate) fn on_question(&mut self, id: RecordId, request: ReadRequest) {
        let now = self.read_clock();
        let delivered = self.record(Some(id), Body::Delivered { message: id });
        let (client, number) = (request.client, request.number);
        let first = self.record(Some(delivered), Body::Proposed { client, number });
        self.step(now, first, Input::Read(vec![request]));
    }

    /// Somebody asked the node for other members.
    ///
    /// # Errors
    /// Why it changes nothing; it says so in a note as well.
    pub(crate) fn on_change_asked(&mut self, change: MembershipChange) -> Result<(), ChangeRefusal> {
        let now = self.read_clock();
        let text = format!("{} is asked to change the members", self.node);
        let first = self.record(None, Body::ConditionChanged { text });
        self.refused = None;
        self.step(now, first, Input::Reconfigure(change));
        self.refused.take().map_or(Ok(()), Err)
    }

    /// The process that runs the node proposes a command; nobody carries it here.
    pub(crate) fn on_proposal(&mut self, proposal: Proposal) {
        self.read_clock();
        let (client, number, to) = (proposal.client, proposal.number, self.node);
        let operation = "a command of the process".to_owned();
        let asked = self.record(None, Body::Asked { client, number, to, operation, attempt: 1 });
        self.record(Some(asked), Body::Departed { message: asked, arrives: None, duplicate: false });
        self.on_request(asked, proposal);
    }

    /// An answer stays in the process.
    pub(crate) fn on_answer_taken(&mut self, message: RecordId) {
        self.record(Some(message), Body::Delivered { message });
    }

    /// The clock may have reached the deadline.
    pub(crate) fn on_wake(&mut self) {
        let now = self.read_clock();
        if self.deadline().is_some_and(|deadline| deadline <= now.mono) {
            let first = self.record(None, Body::DeadlineReached);
            self.step(now, first, Input::DeadlineReached);
        }
    }

    /// The timer fires now, because somebody asked for it: the node's own clock is moved ahead to its deadline.
    pub(crate) fn on_timeout_asked(&mut self) {
        let now = self.read_clock();
        let Some(deadline) = self.deadline() else { return };
        let now = Now { mono: deadline.max(now.mono), ..now };
        self.ahead = now.mono - self.real;
        let moved = self.record(None, Body::ClockChanged { mono: now.mono, rate_ppm: TRUE_RATE_PPM });
        let first = self.record(Some(moved), Body::DeadlineReached);
        self.step(now, first, Input::DeadlineReached);
    }

    /// Somebody asked the node to hand its leadership over. It says in a note why it does not.
    pub(crate) fn on_transfer_asked(&mut self, to: NodeId) {
        let now = self.read_clock();
        let text = format!("{} is asked to hand leadership to {to}", self.node);
        let first = self.record(None, Body::ConditionChanged { text });
        self.step(now, first, Input::TransferLeadership { to });
    }

    /// The store holds this write and all before it.
    pub(crate) fn on_written(&mut self, ticket: Ticket) {
        let now = self.read_clock();
        self.durable = self.durable.max(Some(ticket));
        let first = self.record(None, Body::Written { ticket });
        while let Some(waiting) = self.waiting.pop_front_if(|waiting| waiting.after <= ticket) {
            self.depart(waiting.id, waiting.cause, waiting.to, waiting.message, first);
        }
        self.step(now, first, Input::Written(ticket));
    }

    /// A snapshot of a state is made.
    pub(crate) fn on_snapshot_made(&mut self, made: Made) {
        let now = self.read_clock();
        let Made { index, digest, data } = made;
        let first = self.record(None, Body::SnapshotTaken { index, bytes: data.len() as u64 });
        self.step(now, first, Input::SnapshotTaken { index, digest, data });
    }

    /// Somebody asks for a snapshot now.
    pub(crate) fn on_snapshot_asked(&mut self) {
        let now = self.read_clock();
        let first = self.record(None, Body::SnapshotAsked);
        self.step(now, first, Input::TakeSnapshot);
    }

    /// The store has failed: what it holds is unknown, so the node is over.
    pub(crate) fn on_store_failed(&mut self, error: &crate::store::StoreError) {
        self.read_clock();
        self.halt(None, &format!("the store failed: {error}"));
    }

    /// A message did not reach its receiver.
    pub(crate) fn on_returned(&mut self, message: RecordId, reason: DropReason) {
        self.read_clock();
        self.record(Some(message), Body::Dropped { message, reason });
    }

    /// The node stops reacting, or goes on.
    pub(crate) fn on_paused(&mut self, paused: bool) {
        self.read_clock();
        self.record(None, if paused { Body::Paused } else { Body::Resumed });
    }

    /// The whole of the node as records, for those who missed some. `gap` says that records were lost.
    pub(crate) fn record_state(&mut self, gap: bool, paused: bool) {
        let mono = self.read_clock().mono;
        if gap {
            self.record(None, Body::Gap { missing: None });
        }
        let state = NodeState {
            incarnation: self.incarnation,
            up: !self.broken,
            status: self.protocol.status(),
            hard: self.hard.clone().into(),
            log: self.log.iter().cloned().collect(),
            base: self.log.base(),
            snapshot: self.snapshot.as_ref().map(|snapshot| snapshot.meta.clone()),
        };
        let first = self.record(None, Body::NodeState(Box::new(state)));
        self.record(Some(first), Body::ClockChanged { mono, rate_ppm: TRUE_RATE_PPM });
        if self.applied > LogIndex::ZERO {
            self.record(Some(first), Body::AppliedThrough { through: self.applied, state: self.machine.digest() });
        }
        if paused {
            self.record(Some(first), Body::Paused);
        }
    }

    /// What an observer may know of it.
    pub(crate) fn status(&self) -> &NodeStatus {
        &self.status
    }

    /// The term of the entry at `index` of its log.
    pub(crate) fn term_at(&self, index: LogIndex) -> Option<Term> {
        self.log.term_at(index)
    }

    /// What the node says of itself.
    pub(crate) fn report(&self) -> Report {
        Report {
            status: self.protocol.status(),
            log: self.log.iter().cloned().collect(),
            base: self.log.base(),
            state: (self.applied, self.machine.digest()),
            machine: self.machine.machine().clone(),
        }
    }

    /// The node's own estimate of the cluster's time at its last step.
    pub(crate) fn global_time(&self) -> Time {
        self.clock.global(self.real)
    }

    fn read_clock(&mut self) -> Now {
        let now = self.clock.now();
        self.real = self.real.max(now.mono);
        Now { mono: self.real + self.ahead, wall: now.wall }
    }

    fn record(&mut self, cause: Option<RecordId>, body: Body) -> RecordId {
        self.sequence += 1;
        let id = RecordId { origin: self.node, sequence: self.sequence };
        let (at, node, mono) = (self.clock.global(self.real), Some(self.node), self.real + self.ahead);
        self.records.push(Record { id, cause, at, node, mono, body });
        id
    }
}

#[cfg(test)]
#[path = "executor_tests.rs"]
mod tests;
