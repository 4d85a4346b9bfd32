//! How do effects become writes, messages and records on a real machine?
//!
//! The executor's part of the contract in `core::protocol`, without I/O: it is
//! given inputs with a reading of the clocks, and asked for what is to be done
//! ([`Output`]). Sends wait for their write, entries are applied in order, and
//! a node whose invariant broke is not stepped again. What it records is what
//! the simulator's executor records.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use quorumscope_core::edge;
use quorumscope_core::entry::{Entry, EntryKind, Proposal};
use quorumscope_core::event::{ChangeRefusal, Event};
use quorumscope_core::machine::kv::KeyValue;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::{Membership, MembershipChange};
use quorumscope_core::protocol::{Applied, Effect, Effects, Input, Outcome, Protocol, ReadRequest};
use quorumscope_core::raft::Log;
use quorumscope_core::record::{Body, DropReason, NodeState, NodeStatus, Record};
use quorumscope_core::snapshot::{Base, Snapshot};
use quorumscope_core::storage::{DiskImage, Write};
use quorumscope_core::types::{
    Digest, Incarnation, LogIndex, Mono, NodeId, Now, RecordId, Span, Term, Ticket, Time, Wall,
};
use quorumscope_core::wire::{Answer, Envelope, Frame, encode_message};

use crate::clock::Clock;

/// A log of this size takes no more commands until a snapshot shortens it: a node's whole state must fit into one
/// frame, and what is not committed stays in the log.
const MAX_LOG_BYTES: u64 = 3 << 20;

/// What one entry weighs beside its payload.
const ENTRY_BYTES: u64 = 64;

/// A machine's clock runs as fast as global time, as far as anybody here can tell.
const TRUE_RATE_PPM: u32 = 1_000_000;

/// Messages that wait for a write. A protocol sends a few a peer and write; one too many is lost, which it survives.
const MAX_WAITING: usize = 4_096;

/// What is to be done after a step, in this order: publish, begin the writes, send.
#[derive(Debug)]
pub(crate) struct Output<H> {
    /// What happened.
    pub(crate) records: Vec<Record>,
    /// What the store must do.
    pub(crate) writes: Vec<Write<H>>,
    /// What leaves the node.
    pub(crate) frames: Vec<Frame>,
    /// A state to make a snapshot of, beside the node's work; [`Executor::on_snapshot_made`] takes it.
    pub(crate) snapshot: Option<State>,
}

/// A state as it was, shared with the node until the node changes it.
#[derive(Debug)]
pub(crate) struct State {
    index: LogIndex,
    machine: Arc<Sessions<KeyValue>>,
}

/// A snapshot that is made.
#[derive(Debug)]
pub(crate) struct Made {
    index: LogIndex,
    digest: Digest,
    data: Bytes,
}

impl State {
    /// Makes the snapshot: takes as long as the state is large.
    pub(crate) fn make(self) -> Made {
        Made { index: self.index, digest: self.machine.snapshot_digest(), data: self.machine.snapshot() }
    }
}

/// What a node says of itself to its owner, for comparison with what is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What an observer may know.
    pub status: NodeStatus,
    /// Its log.
    pub log: Vec<Arc<Entry>>,
    /// What its log goes on after: a snapshot has taken the place of the rest.
    pub base: Base,
    /// Digest of its state machine, and the index it stands at.
    pub state: (LogIndex, Digest),
    /// Its state machine.
    pub machine: KeyValue,
}

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

    /// Gives the protocol one input and executes what follows, until nothing follows any more.
    fn step(&mut self, now: Now, first: RecordId, input: Input<P::Message>) {
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
    fn depart(&mut self, id: RecordId, cause: RecordId, to: NodeId, message: P::Message, released: RecordId) {
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
    fn restore(&mut self, first: RecordId) -> bool {
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

    fn answer(
        &mut self,
        first: RecordId,
        client: quorumscope_core::types::ClientId,
        number: quorumscope_core::types::RequestNumber,
        outcome: Outcome,
    ) {
        let id = self.record(Some(first), Body::Answered { client, number, outcome: outcome.clone() });
        self.record(Some(first), Body::Departed { message: id, arrives: None, duplicate: false });
        self.frames.push(Frame::Answer(Answer { from: self.node, client, number, id, outcome }));
    }

    fn halt(&mut self, cause: Option<RecordId>, fact: &str) {
        if !self.broken {
            self.broken = true;
            self.record(cause, Body::Broke { fact: fact.into() });
        }
    }

    fn record_status(&mut self, first: RecordId) {
        let status = self.protocol.status();
        if status != self.status {
            self.status = status.clone();
            self.record(Some(first), Body::Status(status));
        }
    }
}

/// Whether an entry is a configuration with edges.
fn names_edges(entry: &Entry) -> bool {
    entry.kind == EntryKind::Configuration
        && Membership::decode(&entry.payload).is_some_and(|members| !members.edges.is_empty())
}

#[cfg(test)]
#[path = "executor_tests.rs"]
mod tests;
