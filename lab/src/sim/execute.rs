//! How does an input become effects, and an effect something that happened?
//!
//! The executor's part of the contract in `core::protocol`: sends wait for
//! their write, writes complete in order, entries are applied from the node's
//! own disk, and a node whose invariant broke is not stepped again.

use std::hash::{Hash, Hasher as _};
use std::sync::Arc;

use quorumscope_core::digest::Chain;
use quorumscope_core::edge::Edge;
use quorumscope_core::entry::EntryKind;
use quorumscope_core::protocol::{Applied, Effect, Effects, Input, Outcome, ReadHow, ReadRequest};
use quorumscope_core::record::{Body, Endpoint, Role};
use quorumscope_core::storage::{Hard as _, Write};
use quorumscope_core::types::{ClientId, Digest, LogIndex, NodeId, RecordId, RequestNumber, Span, Term, Ticket};

use super::epochs::is_operator;
use super::network::Parcel;
use super::queue::Event;
use super::subject::Subject;
use super::world::{Making, Waiting, World, number};
use crate::check::conviction_of_the_honest;
use crate::check::property::NO_HONEST_CONVICTED;
use crate::trace::view::{ConvictedView, Liveness};

/// How long a node takes to make a snapshot beside its work.
const SNAPSHOT_TIME: Span = Span::from_millis(10);

/// What stands before each thing in the run's digest.
pub(crate) mod tag {
    pub(crate) const DEADLINE: u8 = 1;
    pub(crate) const ARRIVED: u8 = 2;
    pub(crate) const WRITTEN: u8 = 3;
    pub(crate) const APPLIED: u8 = 4;
    pub(crate) const SEND: u8 = 5;
    pub(crate) const WRITE: u8 = 6;
    pub(crate) const ANSWER: u8 = 7;
    pub(crate) const BROKEN: u8 = 8;
    pub(crate) const ASKED: u8 = 9;
    pub(crate) const COMMAND: u8 = 10;
    pub(crate) const LOST: u8 = 11;
    pub(crate) const SNAPSHOT: u8 = 12;
    pub(crate) const RESTORED: u8 = 13;
    pub(crate) const READ: u8 = 14;
    pub(crate) const PROJECTED: u8 = 15;
}

impl<P: Subject> World<P> {
    /// The node's clock has reached its deadline.
    pub(crate) fn on_deadline(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        node.armed = None;
        let cause = node.armed_by;
        (tag::DEADLINE, number(index)).hash(&mut self.chain);
        let first = self.recorder.emit(self.stamp(index, Some(cause)), || Body::DeadlineReached);
        self.step_node(index, first, Input::DeadlineReached);
        self.wake_second(index, first);
    }

    /// The node's disk has synced.
    pub(crate) fn on_synced(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        let Some(completed) = node.disk.complete() else { return };
        self.coverage.syncs += 1;
        let completed = match completed {
            Ok(completed) => completed,
            Err(gap) => {
                let last = self.recorder.last();
                return self.halt(index, last, &gap.to_string());
            }
        };
        let ticket = completed.ticket;
        (tag::WRITTEN, number(index), ticket).hash(&mut self.chain);
        let first = self.recorder.emit(self.stamp(index, Some(completed.began)), || Body::Written { ticket });
        self.watch_durable(index, completed.from);
        self.release(index, ticket, first);
        self.step_node(index, first, Input::Written(ticket));
    }

    /// Lets messages leave that waited for this write.
    fn release(&mut self, index: usize, durable: Ticket, cause: RecordId) {
        while let Some(node) = self.nodes.get_mut(index)
            && let Some(position) = node.waiting.iter().position(|waiting| waiting.after <= durable)
            && let Some(waiting) = node.waiting.remove(position)
        {
            self.leave(index, waiting.id, waiting.to, waiting.message, Some(waiting.after), cause);
        }
    }

    /// A message leaves its node; the promise is checked at the door.
    fn leave(
        &mut self,
        index: usize,
        id: RecordId,
        to: NodeId,
        message: P::Message,
        after: Option<Ticket>,
        cause: RecordId,
    ) {
        let Some(node) = self.nodes.get(index) else { return };
        let from = Endpoint::Node(node.id);
        if let Some(after) = after
            && node.disk.durable.is_none_or(|durable| durable < after)
        {
            let detail = format!("a message to {to} left before write {} was durable", after.sequence);
            self.violate(Some(index), Some(cause), "a promise waits for its write", detail);
        }
        self.depart(id, from, Endpoint::Node(to), Parcel::Peer(message), cause);
    }

    /// Gives a node one input and executes what follows, until nothing follows any more.
    pub(crate) fn step_node(&mut self, index: usize, first: RecordId, input: Input<P::Message>) {
        let mut effects = std::mem::replace(&mut self.effects, Effects::listening());
        let mut input = Some(input);
        while let Some(next) = input.take() {
            let Some(node) = self.nodes.get_mut(index).filter(|node| node.liveness == Liveness::Up) else { break };
            if node.is_broken_liar() {
                break;
            }
            let Some(protocol) = &mut node.protocol else { break };
            protocol.step(node.clock.read(self.now), next, &mut effects);
            self.watch_standing(index);
            input = self.execute(index, first, &mut effects);
            input = input.or_else(|| self.expiry_news(index)).or_else(|| self.conviction_news(index, first));
        }
        effects.drain();
        self.effects = effects;
        self.after_step(index, first);
    }

    /// Tells the protocol where its machine's next expiry is another one than before.
    fn expiry_news(&mut self, index: usize) -> Option<Input<P::Message>> {
        let node = self.nodes.get_mut(index)?;
        let next = node.machine.next_expiry();
        if next == node.expiry {
            return None;
        }
        node.expiry = next;
        Some(Input::ExpiryAt(next))
    }

    /// Tells the protocol where its machine records more convictions than before; none of them is of an honest node.
    fn conviction_news(&mut self, index: usize, first: RecordId) -> Option<Input<P::Message>> {
        let node = self.nodes.get_mut(index)?;
        let all = node.machine.convicted();
        let new = all.get(node.convicted..).filter(|new| !new.is_empty())?.to_vec();
        let all = all.to_vec();
        node.convicted = all.len();
        let (id, judges) = (node.id, node.liar.is_none());
        // Who stops in this very step tells nobody.
        let tells = judges && node.liveness == Liveness::Up;
        for conviction in new.iter().filter(|_| tells) {
            if self.nodes.iter().any(|node| node.id == conviction.culprit) {
                let seen = ConvictedView { conviction: *conviction, at: self.now, by: id };
                self.convicted.entry(conviction.culprit).or_insert(seen);
            }
        }
        for conviction in new.iter().filter(|_| judges) {
            let is_honest = |name: NodeId| self.nodes.iter().any(|node| node.id == name && node.liar.is_none());
            if let Some(detail) = conviction_of_the_honest(id, conviction, is_honest) {
                self.violate(Some(index), Some(first), NO_HONEST_CONVICTED, detail);
            }
        }
        self.coverage.convictions += u64::from(judges) * new.len() as u64;
        Some(Input::Convicted(all))
    }

    /// Executes effects in order. Returns the input that reports an application.
    fn execute(
        &mut self,
        index: usize,
        first: RecordId,
        effects: &mut Effects<P::Message, P::Hard>,
    ) -> Option<Input<P::Message>> {
        let mut reported: Option<(LogIndex, Vec<Applied>)> = None;
        for effect in effects.drain() {
            match effect {
                Effect::Send { to, message, after } => self.send(index, first, to, message, after),
                Effect::Write(write) => self.write(index, first, write),
                Effect::Apply { from, through } => {
                    let results = &mut reported.get_or_insert_with(|| (through, Vec::new())).1;
                    if !self.apply(index, first, (from, through), results) {
                        return None;
                    }
                    if let Some((last, _)) = &mut reported {
                        *last = through;
                    }
                }
                Effect::Snapshot { .. } => self.begin_snapshot(index, first),
                Effect::Project { edge, .. } => self.begin_projection(index, first, edge),
                Effect::Restore { index: through } => {
                    if !self.restore(index, first) {
                        return None;
                    }
                    self.coverage.snapshots_installed += 1;
                    reported.get_or_insert_with(|| (through, Vec::new())).0 = through;
                }
                // The operator is nobody's client here: it sees what becomes of its changes.
                Effect::Answer { client, .. } if is_operator(client) => {}
                Effect::Answer { client, number, outcome } => self.answer(index, first, client, number, outcome),
                Effect::Read { request, index: wanted, how } => {
                    if !self.read(index, first, request, wanted, how) {
                        return None;
                    }
                }
                Effect::Broken(fact) => {
                    self.halt(index, first, fact);
                    return None;
                }
                Effect::Note(event) => {
                    self.coverage.noted(&event);
                    self.recorder.emit(self.stamp(index, Some(first)), || Body::Noted(event));
                }
            }
        }
        reported.map(|(through, results)| Input::Applied { through, results })
    }

    pub(super) fn answer(
        &mut self,
        index: usize,
        first: RecordId,
        client: ClientId,
        request: RequestNumber,
        outcome: Outcome,
    ) {
        let outcome = self.told(index, outcome);
        (tag::ANSWER, number(index), client, request).hash(&mut self.chain);
        outcome.hash(&mut self.chain);
        self.coverage.overloaded += u64::from(outcome == Outcome::Overloaded);
        if let Outcome::Accepted { index: place, term } = outcome {
            self.watch_promise(index, first, place, term);
        }
        let said = &outcome;
        let id = self.recorder.emit(self.stamp(index, Some(first)), || Body::Answered {
            client,
            number: request,
            outcome: said.clone(),
        });
        let Some(node) = self.nodes.get(index) else { return };
        let parcel = Parcel::Answer { number: request, outcome };
        self.depart(id, Endpoint::Node(node.id), Endpoint::Client(client), parcel, first);
    }

    /// An early answer promises that the entry is on the leader's own disk.
    fn watch_promise(&mut self, index: usize, first: RecordId, place: LogIndex, term: Term) {
        let held = self
            .nodes
            .get(index)
            .and_then(|node| node.disk.image.entries(place, place).first())
            .map(|entry| entry.term);
        if held != Some(term) {
            let detail = format!("entry {place} of term {} was answered early before it was durable", term.0);
            self.violate(Some(index), Some(first), "a promise waits for its write", detail);
        }
    }

    /// Asks the state machine, which must have applied as far as the protocol says. False where the node had to stop.
    fn read(&mut self, index: usize, first: RecordId, request: ReadRequest, wanted: LogIndex, how: ReadHow) -> bool {
        (tag::READ, number(index), wanted).hash(&mut self.chain);
        how.hash(&mut self.chain);
        let Some(node) = self.nodes.get(index) else { return false };
        if node.applied < wanted {
            self.halt(index, first, "a read waits until its index is applied");
            return false;
        }
        let observes = node.standing.0 == Role::Observer;
        match how {
            ReadHow::Index => {
                self.coverage.index_reads += 1;
                self.coverage.observer_reads += u64::from(observes);
            }
            ReadHow::Lease => self.coverage.lease_reads += 1,
            ReadHow::Stale => self.coverage.stale_reads += 1,
        }
        let result = node.machine.read(&request.query).encode();
        let outcome = Outcome::Read { index: node.applied, how, result };
        self.answer(index, first, request.client, request.number, outcome);
        true
    }

    fn send(&mut self, index: usize, first: RecordId, to: NodeId, message: P::Message, after: Option<Ticket>) {
        if self.lies(index) {
            return self.say_as_liar(index, first, to, message, false);
        }
        (tag::SEND, number(index), to, after).hash(&mut self.chain);
        message.hash(&mut self.chain);
        if let Some(protocol) = self.nodes.get(index).and_then(|node| node.protocol.as_ref()) {
            protocol.count_sent(&message, &self.config, &mut self.coverage);
        }
        let said = &message;
        let id = self.recorder.emit(self.stamp(index, Some(first)), || Body::Sent {
            to,
            message: said.clone().into(),
            after,
        });
        let Some(node) = self.nodes.get_mut(index) else { return };
        match after {
            Some(ticket) if node.disk.durable.is_none_or(|durable| durable < ticket) => {
                node.waiting.push_back(Waiting { id, to, message, after: ticket });
            }
            after => self.leave(index, id, to, message, after, first),
        }
    }

    fn write(&mut self, index: usize, first: RecordId, write: Write<P::Hard>) {
        (tag::WRITE, number(index)).hash(&mut self.chain);
        write.hash(&mut self.chain);
        let said = &write;
        let began = self.recorder.emit(self.stamp(index, Some(first)), || Body::WriteBegan(said.recorded()));
        self.watch_log(index, &write);
        let Some(node) = self.nodes.get_mut(index) else { return };
        if let Some(hard) = &write.hard {
            node.hard.get_or_insert_default().absorb(hard.clone());
        }
        node.disk.write(write, began);
    }

    /// Applies entries from the node's own disk. False where the node had to stop.
    fn apply(
        &mut self,
        index: usize,
        first: RecordId,
        (from, through): (LogIndex, LogIndex),
        results: &mut Vec<Applied>,
    ) -> bool {
        let Some(node) = self.nodes.get(index) else { return false };
        if from != node.applied.next() || through > node.disk.image.last_index() || from > through {
            self.halt(index, first, "entries are applied in order, and only what is durable here");
            return false;
        }
        let image = Arc::clone(&node.disk.image);
        let observes = node.standing.0 == Role::Observer;
        let partial = node.machine.subscription().is_some();
        let mut digest = Chain::new();
        for entry in image.entries(from, through) {
            let first = self.is_first_applied(index, entry);
            if first {
                self.count_expiries(index, entry);
            }
            let mut said = None;
            let Some(node) = self.nodes.get_mut(index) else { return false };
            let machine = Arc::make_mut(&mut node.machine);
            if entry.kind == EntryKind::Elided {
                machine.skip(entry.index, entry.log_time, entry.client, entry.number, &entry.payload);
                self.coverage.bodies_left_out += 1;
            } else if entry.kind != EntryKind::Command {
                machine.advance(entry.log_time);
            } else {
                let told = machine.apply(entry.index, entry.log_time, entry.client, entry.number, &entry.payload);
                let answer = told.encode();
                answer.hash(&mut digest);
                said = Some(told);
                let (client, number) = (entry.client, entry.number);
                results.push(Applied { index: entry.index, client, number, result: answer });
            }
            node.applied = entry.index;
            self.coverage.applied += 1;
            self.coverage.observer_entries += u64::from(observes);
            self.coverage.edge_entries += u64::from(partial);
            if first {
                self.count_entry(entry, said.as_ref());
            }
            self.watch_applied(index, entry);
        }
        (tag::APPLIED, number(index), through, digest.finish()).hash(&mut self.chain);
        let stamp = self.stamp(index, Some(first));
        let machine = self.nodes.get(index).map(|node| &node.machine);
        self.recorder.emit(stamp, || Body::AppliedThrough {
            through,
            state: machine.map_or(Digest(0), |machine| machine.digest()),
        });
        self.watch_edge(index);
        true
    }

    /// Keeps the state as it is now; the node goes on while the snapshot is made.
    fn begin_snapshot(&mut self, index: usize, first: RecordId) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        node.making = Some(Making { index: node.applied, machine: Arc::clone(&node.machine), cause: first });
        let event = Event::SnapshotMade { node: number(index), incarnation: node.incarnation };
        self.queue.push(self.now + SNAPSHOT_TIME, event);
    }

    /// The node's snapshot is made.
    pub(crate) fn on_snapshot_made(&mut self, index: usize) {
        let Some(Making { index: through, machine, cause }) =
            self.nodes.get_mut(index).and_then(|node| node.making.take())
        else {
            return;
        };
        let (data, digest) = (machine.snapshot(), machine.snapshot_digest());
        let bytes = data.len() as u64;
        self.coverage.snapshots_taken += 1;
        (tag::SNAPSHOT, number(index), through, digest, bytes).hash(&mut self.chain);
        let stamp = self.stamp(index, Some(cause));
        let first = self.recorder.emit(stamp, || Body::SnapshotTaken { index: through, bytes });
        self.watch_state(index, through, machine.digest());
        self.step_node(index, first, Input::SnapshotTaken { index: through, digest, data });
    }

    /// Keeps the state as it is now; the part that an edge needs is made of it while the node goes on.
    fn begin_projection(&mut self, index: usize, first: RecordId, edge: Arc<Edge>) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        let making = Making { index: node.applied, machine: Arc::clone(&node.machine), cause: first };
        node.projecting = Some((making, edge));
        let event = Event::ProjectionMade { node: number(index), incarnation: node.incarnation };
        self.queue.push(self.now + SNAPSHOT_TIME, event);
    }

    /// The part of the node's state is made.
    pub(crate) fn on_projection_made(&mut self, index: usize) {
        let made = self.nodes.get_mut(index).and_then(|node| node.projecting.take());
        let Some((Making { index: through, machine, cause }, edge)) = made else { return };
        let part = machine.project(&edge.ranges);
        let (data, digest) = (part.snapshot(), part.snapshot_digest());
        let bytes = data.len() as u64;
        self.coverage.projections += 1;
        (tag::PROJECTED, number(index), through, digest, bytes).hash(&mut self.chain);
        let stamp = self.stamp(index, Some(cause));
        let first = self.recorder.emit(stamp, || Body::SnapshotTaken { index: through, bytes });
        self.step_node(index, first, Input::Projected { index: through, digest, data });
    }

    /// Puts the snapshot on the node's disk in the place of its state. False where the node had to stop.
    pub(crate) fn restore(&mut self, index: usize, first: RecordId) -> bool {
        let mut machine = P::machine(&self.config, self.setup.machine);
        let Some(node) = self.nodes.get_mut(index) else { return false };
        let Some(snapshot) = node.disk.image.snapshot.clone() else {
            self.halt(index, first, "a state is restored from a snapshot that is durable");
            return false;
        };
        let (through, state) = (snapshot.meta.index, snapshot.meta.digest);
        if machine.restore(&snapshot.data).is_err() || machine.digest() != state {
            self.halt(index, first, "a restored state has the digest of its snapshot");
            return false;
        }
        node.machine = Arc::new(machine);
        node.applied = through;
        (tag::RESTORED, number(index), through, state).hash(&mut self.chain);
        self.recorder.emit(self.stamp(index, Some(first)), || Body::AppliedThrough { through, state });
        self.watch_state(index, through, state);
        self.watch_edge(index);
        true
    }

    /// Stops a node whose invariant does not hold.
    fn halt(&mut self, index: usize, cause: RecordId, fact: &str) {
        if self.silence(index) {
            return;
        }
        (tag::BROKEN, number(index)).hash(&mut self.chain);
        fact.hash(&mut self.chain);
        let broke = self.recorder.emit(self.stamp(index, Some(cause)), || Body::Broke { fact: fact.into() });
        if let Some(node) = self.nodes.get_mut(index) {
            node.liveness = Liveness::Broken;
            node.armed = None;
        }
        self.violate(Some(index), Some(broke), "broken invariant", fact.into());
    }

    /// What is due after each step: the deadline, the disk, the checkers, and the status for people.
    pub(crate) fn after_step(&mut self, index: usize, first: RecordId) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        if node.liveness == Liveness::Up {
            if let Some(span) = node.disk.begin_sync(&mut self.disks) {
                let event = Event::Synced { node: number(index), incarnation: node.incarnation };
                self.queue.push(self.now + span, event);
            }
            node.armed_by = first;
            self.arm(index);
        }
        self.watch_findings(first);
        self.record_status(index, first);
    }

    /// Records the status where it changed; computed only while somebody listens.
    fn record_status(&mut self, index: usize, first: RecordId) {
        let stamp = self.stamp(index, Some(first));
        let Some(node) = self.nodes.get_mut(index) else { return };
        let status =
            if self.recorder.is_on() { node.protocol.as_ref().map(|protocol| protocol.status()) } else { None };
        let changed = status.is_some() && status != node.recorded;
        let recorder = &mut self.recorder;
        match status {
            Some(status) if changed => {
                node.recorded = Some(status.clone());
                recorder.emit(stamp, || Body::Status(status));
            }
            Some(_) | None => recorder.skip(),
        }
    }
}
