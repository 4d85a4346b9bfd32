//! What can a person or a scenario do to the world?
//!
//! Every command is recorded, is part of the run's digest, and either works or
//! is a clear error that changes nothing.

use std::hash::Hash;
use std::sync::Arc;

use quorumscope_core::edge::Edge;
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::machine::range_of;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::protocol::{Input, ReadHow};
use quorumscope_core::record::{Body, Command, DropReason, Endpoint, NodeState, NodeStatus};
use quorumscope_core::snapshot::Base;
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{LogIndex, NodeId, RecordId, Span, Term};

use super::client::Wish;
use super::execute::tag;
use super::recorder::Stamp;
use super::setup::check_range;
use super::world::{Subject, World, number};
use crate::trace::view::Liveness;
use crate::trace::words;

/// The fastest clock that a command may ask for: ten times true time.
const MAX_RATE_PPM: u32 = 10_000_000;

/// A command that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such node.
    #[error("there is no node {0} in this run")]
    UnknownNode(NodeId),
    /// No such endpoint.
    #[error("there is no {0} in this run")]
    UnknownEndpoint(Endpoint),
    /// Only a running node can do that.
    #[error("{node} is {state}: {needs}")]
    WrongState {
        /// Which node.
        node: NodeId,
        /// Its state in a word.
        state: &'static str,
        /// What the command needs.
        needs: &'static str,
    },
    /// Only a message on its way can be touched.
    #[error("message {0} is not on its way: it has arrived, was lost, or was never sent")]
    NoMessage(RecordId),
    /// Held already.
    #[error("message {0} is held already")]
    HeldAlready(RecordId),
    /// There is no timer.
    #[error("{0} has no timer that could fire")]
    NoTimer(NodeId),
    /// There is nobody to propose.
    #[error("nobody can propose: add a client to the run")]
    NoClient,
    /// Not an operation.
    #[error("the operation cannot be read: encode it as a command of the run's machine")]
    Operation,
    /// Not a question.
    #[error("only a get can be read beside the log")]
    Query,
    /// A value out of its range.
    #[error("{0}")]
    Value(String),
}

fn word(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Down => "down",
        Liveness::Up => "running",
        Liveness::Paused => "paused",
        Liveness::Crashed => "crashed",
        Liveness::Broken => "stopped by a broken invariant",
    }
}

impl<P: Subject> World<P> {
    /// Carries out a command.
    pub(crate) fn command(&mut self, command: &Command) -> Result<(), CommandError> {
        match command {
            Command::Propose { to, operation } => self.propose(*to, operation, command)?,
            Command::Crash(node) => self.crash(*node, command)?,
            Command::Restart(node) => self.restart(*node, command)?,
            Command::Pause(node) => self.set_paused(*node, command)?,
            Command::Resume(node) => self.resume(*node, command)?,
            Command::Timeout(node) => self.fire(*node, command)?,
            Command::Cut { from, to } => self.cut(*from, *to, true, command)?,
            Command::Mend { from, to } => self.cut(*from, *to, false, command)?,
            Command::Partition(groups) => self.partition(groups, command)?,
            Command::Heal => {
                self.admit(command);
                self.links.cut.clear();
                self.record_cuts();
            }
            Command::Hold(message) => self.hold(*message)?,
            Command::Drop(message) => self.drop_message(*message)?,
            Command::Deliver(message) => self.deliver_now(*message)?,
            Command::Duplicate(message) => self.duplicate(*message)?,
            Command::Skew { node, by } => {
                let index = self.known(*node)?;
                self.admit(command);
                let now = self.now;
                self.set_clock(index, |clock| clock.skew(now, *by));
                self.say(Some(index), format!("clocks of {node} move forward by {} ms", millis(*by)));
            }
            Command::Drift { node, rate_ppm } => self.drift(*node, *rate_ppm, command)?,
            Command::Disk { node, latency } => self.slow_disk(*node, *latency, command)?,
            Command::Loss { ppm } => {
                check_rate("loss", *ppm)?;
                self.admit(command);
                self.links.conditions.drop_ppm = *ppm;
                self.say(None, format!("loss {} %", percent(*ppm)));
            }
            Command::Duplication { ppm } => {
                check_rate("duplication", *ppm)?;
                self.admit(command);
                self.links.conditions.duplicate_ppm = *ppm;
                self.say(None, format!("duplication {} %", percent(*ppm)));
            }
            Command::Latency { between } => {
                check_range("latency", *between).map_err(|error| CommandError::Value(error.to_string()))?;
                self.admit(command);
                self.links.conditions.latency = *between;
                self.say(None, format!("latency {} to {} ms", millis(between.0), millis(between.1)));
            }
            Command::LoseDisk(node) => self.lose_disk(*node, command)?,
            Command::Reconfigure { node, change } => self.reconfigure(*node, change, command)?,
            Command::Subscribe { node, edges, keys } => self.subscribe(*node, edges, keys, command)?,
            Command::Snapshot(node) => self.take_snapshot(*node, command)?,
            Command::Transfer { from, to } => self.transfer(*from, *to, command)?,
            Command::Read { to, how, query } => self.read_by_hand(*to, *how, query, command)?,
        }
        self.settle();
        Ok(())
    }

    /// A command that will be carried out becomes part of the run.
    fn admit(&mut self, command: &Command) {
        (tag::COMMAND, self.now).hash(&mut self.chain);
        command.hash(&mut self.chain);
    }

    /// The same for a command about a message: the digest names it by its number, which no note can shift.
    fn admit_message(&mut self, kind: u8, message: u64, copy: u32) {
        (tag::COMMAND, self.now, kind, message, copy).hash(&mut self.chain);
    }

    fn known(&self, node: NodeId) -> Result<usize, CommandError> {
        self.position(node).ok_or(CommandError::UnknownNode(node))
    }

    fn require(&self, node: NodeId, allowed: &[Liveness], needs: &'static str) -> Result<usize, CommandError> {
        let index = self.known(node)?;
        let liveness = self.nodes[index].liveness;
        if allowed.contains(&liveness) {
            Ok(index)
        } else {
            Err(CommandError::WrongState { node, state: word(liveness), needs })
        }
    }

    fn outside(&self) -> Stamp {
        Stamp { at: self.now, cause: None, node: None }
    }

    fn say(&mut self, node: Option<usize>, text: String) -> RecordId {
        let stamp = node.map_or(self.outside(), |node| self.stamp(node, None));
        self.recorder.emit(stamp, || Body::ConditionChanged { text })
    }

    fn propose(&mut self, to: Option<NodeId>, operation: &[u8], command: &Command) -> Result<(), CommandError> {
        if let Some(to) = to {
            self.known(to)?;
        }
        let client = self.hand().ok_or(CommandError::NoClient)?;
        let operation = AnyCommand::decode(operation).ok_or(CommandError::Operation)?;
        if operation.kind() != self.setup.machine.kind {
            return Err(CommandError::Operation);
        }
        self.admit(command);
        self.wish(client, Wish { operation, how: None, to, of_workload: false }, None);
        Ok(())
    }

    fn read_by_hand(
        &mut self,
        to: Option<NodeId>,
        how: ReadHow,
        query: &[u8],
        command: &Command,
    ) -> Result<(), CommandError> {
        if let Some(to) = to {
            self.known(to)?;
        }
        let client = self.hand().ok_or(CommandError::NoClient)?;
        let operation = Operation::decode(query).filter(|operation| matches!(operation, Operation::Get { .. }));
        let operation = operation.ok_or(CommandError::Query)?;
        self.admit(command);
        self.wish(client, Wish { operation: operation.into(), how: Some(how), to, of_workload: false }, None);
        Ok(())
    }

    /// The node asked need not lead: then it says so and nothing happens.
    fn transfer(&mut self, from: NodeId, to: NodeId, command: &Command) -> Result<(), CommandError> {
        self.known(to)?;
        let index = self.require(from, &[Liveness::Up], "only a running node can hand leadership over")?;
        self.admit(command);
        let first = self.say(Some(index), format!("{from} is asked to hand leadership to {to}"));
        self.step_node(index, first, Input::TransferLeadership { to });
        Ok(())
    }

    fn reconfigure(&mut self, node: NodeId, change: &MembershipChange, command: &Command) -> Result<(), CommandError> {
        for named in [&change.add, &change.promote, &change.remove, &change.observe].into_iter().flatten() {
            self.known(*named)?;
        }
        let index = self.require(node, &[Liveness::Up], "only a running node takes a change of members")?;
        self.admit(command);
        let asked = self.say(Some(index), words::change_of_members(node, change));
        self.step_node(index, asked, Input::Reconfigure(change.clone()));
        Ok(())
    }

    fn subscribe(
        &mut self,
        node: NodeId,
        edges: &[NodeId],
        keys: &[String],
        command: &Command,
    ) -> Result<(), CommandError> {
        for edge in edges {
            self.known(*edge)?;
        }
        let index = self.require(node, &[Liveness::Up], "only a running node takes a change of members")?;
        self.admit(command);
        let names: Vec<String> = edges.iter().map(ToString::to_string).collect();
        let said = format!("{node} is asked for edges {} with {}", names.join(", "), keys.join(", "));
        let asked = self.say(Some(index), said);
        let ranges: Vec<u64> = keys.iter().map(|key| range_of(key)).collect();
        let edge = edges.iter().map(|edge| Edge::new(*edge, ranges.iter().copied())).collect();
        self.step_node(index, asked, Input::Reconfigure(MembershipChange { edge, ..MembershipChange::default() }));
        Ok(())
    }

    fn crash(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Up, Liveness::Paused], "only a node that is up can crash")?;
        self.admit(command);
        let outcome = self.nodes[index].disk.crash(&mut self.faults);
        let stamp = self.stamp(index, None);
        let survived = match outcome {
            Ok((survived, lost)) => {
                self.coverage.lost_writes += lost;
                survived
            }
            Err(gap) => {
                self.violate(Some(index), None, "writes continue the log", gap.to_string());
                self.nodes[index].disk.durable
            }
        };
        let crashed = self.recorder.emit(stamp, || Body::Crashed { survived });
        self.watch_crashed(index);
        let node = &mut self.nodes[index];
        node.liveness = Liveness::Crashed;
        node.protocol = None;
        node.making = None;
        node.projecting = None;
        node.recorded = None;
        node.armed = None;
        node.commit = LogIndex::ZERO;
        node.standing = (quorumscope_core::record::Role::Follower, Term(0));
        node.hard = node.disk.has_hard.then(|| node.disk.image.hard.clone());
        let waiting = std::mem::take(&mut node.waiting);
        let deferred = std::mem::take(&mut node.deferred);
        for event in deferred {
            self.defer_to_now(event);
        }
        for message in waiting {
            let number = self.links.next_number();
            self.lose(message.id, number, DropReason::SenderCrashed, crashed);
        }
        self.coverage.crashes += 1;
        self.watch_findings(crashed);
        Ok(())
    }

    fn restart(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Crashed], "only a crashed node can be started again")?;
        self.admit(command);
        self.coverage.restarts += 1;
        self.start(index, None);
        Ok(())
    }

    fn set_paused(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Up], "only a running node can be paused")?;
        self.admit(command);
        self.nodes[index].liveness = Liveness::Paused;
        self.coverage.pauses += 1;
        self.recorder.emit(self.stamp(index, None), || Body::Paused);
        Ok(())
    }

    /// What came while the node was paused comes now, in the order in which it came then.
    fn resume(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Paused], "only a paused node can go on")?;
        self.admit(command);
        self.nodes[index].liveness = Liveness::Up;
        self.recorder.emit(self.stamp(index, None), || Body::Resumed);
        for event in std::mem::take(&mut self.nodes[index].deferred) {
            self.defer_to_now(event);
        }
        self.arm(index);
        Ok(())
    }

    fn defer_to_now(&mut self, event: super::queue::Event) {
        match event {
            super::queue::Event::Arrive { slot } => self.requeue(slot, self.now),
            other @ (super::queue::Event::Deadline { .. }
            | super::queue::Event::Synced { .. }
            | super::queue::Event::SnapshotMade { .. }
            | super::queue::Event::ProjectionMade { .. }
            | super::queue::Event::Request { .. }
            | super::queue::Event::Think { .. }) => {
                self.queue.push(self.now, other);
            }
        }
    }

    /// The timer fires because the node's monotonic clock jumps to its end.
    fn fire(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Up], "only a running node's timer can fire")?;
        let deadline = self.nodes[index].protocol.as_ref().and_then(|protocol| protocol.next_deadline());
        let deadline = deadline.ok_or(CommandError::NoTimer(node))?;
        self.admit(command);
        let now = self.now;
        self.set_clock(index, |clock| clock.advance_to(now, deadline));
        let cause = self.say(Some(index), format!("the timer of {node} fires now"));
        self.nodes[index].armed = None;
        let first = self.recorder.emit(self.stamp(index, Some(cause)), || Body::DeadlineReached);
        self.step_node(index, first, Input::DeadlineReached);
        Ok(())
    }

    fn set_clock(&mut self, index: usize, change: impl FnOnce(&mut super::clock::Clock)) {
        self.coverage.clock_faults += 1;
        change(&mut self.nodes[index].clock);
        let clock = self.nodes[index].clock;
        let stamp = self.stamp(index, None);
        self.recorder.emit(stamp, || Body::ClockChanged { mono: clock.mono, rate_ppm: clock.rate_ppm });
        self.arm(index);
    }

    fn drift(&mut self, node: NodeId, rate_ppm: u32, command: &Command) -> Result<(), CommandError> {
        let index = self.known(node)?;
        if rate_ppm == 0 || rate_ppm > MAX_RATE_PPM {
            let text = format!("a clock's rate must be between 1 and {MAX_RATE_PPM} parts per million, not {rate_ppm}");
            return Err(CommandError::Value(text));
        }
        self.admit(command);
        let now = self.now;
        self.set_clock(index, |clock| clock.drift(now, rate_ppm));
        self.say(Some(index), format!("clocks of {node} run at {} % of true time", percent(rate_ppm)));
        Ok(())
    }

    fn slow_disk(&mut self, node: NodeId, latency: (Span, Span), command: &Command) -> Result<(), CommandError> {
        let index = self.known(node)?;
        check_range("disk latency", latency).map_err(|error| CommandError::Value(error.to_string()))?;
        self.admit(command);
        self.nodes[index].disk.latency = latency;
        self.coverage.disk_faults += 1;
        self.say(Some(index), format!("disk of {node}: {} to {} ms", millis(latency.0), millis(latency.1)));
        Ok(())
    }

    fn known_endpoint(&self, endpoint: Endpoint) -> Result<(), CommandError> {
        let known = match endpoint {
            Endpoint::Node(node) => self.position(node).is_some(),
            Endpoint::Client(client) => self.clients.iter().any(|known| known.setup.id == client),
        };
        if known { Ok(()) } else { Err(CommandError::UnknownEndpoint(endpoint)) }
    }

    fn cut(&mut self, from: Endpoint, to: Endpoint, cut: bool, command: &Command) -> Result<(), CommandError> {
        self.known_endpoint(from)?;
        self.known_endpoint(to)?;
        self.admit(command);
        if cut {
            self.coverage.one_way_cuts += u64::from(!self.links.cut.contains(&(to, from)));
            self.links.cut.insert((from, to));
        } else {
            self.links.cut.remove(&(from, to));
        }
        self.record_cuts();
        Ok(())
    }

    /// Nodes that no group names form one more group.
    fn partition(&mut self, groups: &[Vec<NodeId>], command: &Command) -> Result<(), CommandError> {
        for node in groups.iter().flatten() {
            self.known(*node)?;
        }
        self.admit(command);
        let ids: Vec<NodeId> = self.nodes.iter().map(|node| node.id).collect();
        let named = |node: &NodeId| groups.iter().any(|group| group.contains(node));
        let together = |a: &NodeId, b: &NodeId| {
            groups.iter().any(|group| group.contains(a) && group.contains(b)) || (!named(a) && !named(b))
        };
        self.links.cut.clear();
        for a in &ids {
            for b in ids.iter().filter(|b| a != *b && !together(a, b)) {
                self.links.cut.insert((Endpoint::Node(*a), Endpoint::Node(*b)));
            }
        }
        self.coverage.partitions += 1;
        self.record_cuts();
        Ok(())
    }

    fn record_cuts(&mut self) {
        let cut = &self.links.cut;
        let stamp = Stamp { at: self.now, cause: None, node: None };
        self.recorder.emit(stamp, || Body::LinksCut { cut: cut.iter().copied().collect() });
    }

    fn meant(&self, message: RecordId) -> Result<u32, CommandError> {
        self.links.copy_meant(message, self.now).ok_or(CommandError::NoMessage(message))
    }

    fn hold(&mut self, message: RecordId) -> Result<(), CommandError> {
        let slot = self.meant(message)?;
        let Some(flight) = self.links.get_mut(slot) else { return Err(CommandError::NoMessage(message)) };
        if flight.held {
            return Err(CommandError::HeldAlready(message));
        }
        flight.held = true;
        let (number, copy) = (flight.number, flight.copy);
        self.admit_message(1, number, copy);
        self.recorder.emit(self.outside(), || Body::Held { message });
        Ok(())
    }

    fn drop_message(&mut self, message: RecordId) -> Result<(), CommandError> {
        let slot = self.meant(message)?;
        let flight = self.links.take(slot).ok_or(CommandError::NoMessage(message))?;
        self.admit_message(2, flight.number, flight.copy);
        self.lose(message, flight.number, DropReason::Hand, message);
        Ok(())
    }

    fn deliver_now(&mut self, message: RecordId) -> Result<(), CommandError> {
        let slot = self.meant(message)?;
        if let Some(Endpoint::Node(node)) = self.links.get(slot).map(|flight| flight.to) {
            self.require(node, &[Liveness::Up], "only a running node can receive")?;
        }
        let flight = self.links.take(slot).ok_or(CommandError::NoMessage(message))?;
        self.admit_message(3, flight.number, flight.copy);
        self.deliver(flight, Some(message));
        Ok(())
    }

    fn duplicate(&mut self, message: RecordId) -> Result<(), CommandError> {
        let slot = self.meant(message)?;
        let Some(flight) = self.links.get_mut(slot) else { return Err(CommandError::NoMessage(message)) };
        flight.doubled = true;
        let flight = flight.clone();
        self.admit_message(4, flight.number, flight.copy);
        let span = self.links.draw_latency();
        self.launch_copy(&flight, span, message);
        Ok(())
    }

    fn take_snapshot(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Up], "only a running node can make a snapshot")?;
        self.admit(command);
        let first = self.recorder.emit(self.stamp(index, None), || Body::SnapshotAsked);
        self.step_node(index, first, Input::TakeSnapshot);
        Ok(())
    }

    fn lose_disk(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Crashed], "crash it before its disk is lost")?;
        self.admit(command);
        self.coverage.lost_disks += 1;
        let said = self.say(Some(index), format!("the disk of {node} is lost"));
        let stamp = self.stamp(index, Some(said));
        let node = &mut self.nodes[index];
        node.disk.image = Arc::new(DiskImage::empty());
        node.disk.has_hard = true;
        node.hard = Some(P::Hard::default());
        let incarnation = node.incarnation;
        self.recorder.emit(stamp, || {
            Body::NodeState(Box::new(NodeState {
                incarnation,
                up: false,
                status: NodeStatus::default(),
                hard: P::Hard::default().into(),
                log: Vec::new(),
                base: Base::NONE,
                snapshot: None,
            }))
        });
        self.watch_lost(index);
        (tag::COMMAND, number(index)).hash(&mut self.chain);
        Ok(())
    }
}

fn check_rate(what: &str, ppm: u32) -> Result<(), CommandError> {
    if ppm <= 1_000_000 {
        return Ok(());
    }
    Err(CommandError::Value(format!("{what} is at most 1,000,000 parts per million, not {ppm}")))
}

/// Milliseconds for people.
fn millis(span: Span) -> String {
    let (whole, rest) = (span.0 / 1_000, span.0 % 1_000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}") }
}

/// Percents for people.
fn percent(ppm: u32) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:04}").trim_end_matches('0').into() }
}
