//! How does virtual time pass?
//!
//! One queue, one event at a time: take it, build the protocol's input, step,
//! execute the effects in order. An idle node costs nothing: each node has one
//! deadline event, set again only when it comes up. Read `execute` next for
//! effects, `transit` for messages, `serve` for clients, `fault` for commands.

use quorumscope_core::edge::Edge;
use quorumscope_core::few;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher as _};
use std::sync::Arc;

use quorumscope_core::crypto::{Claim, Verified};
use quorumscope_core::digest::Chain;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::Effects;
use quorumscope_core::record::{AnyMessage, Began, Body, NodeStatus, Role};
use quorumscope_core::rng::Rng;
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{Digest, Incarnation, LogIndex, NodeId, RecordId, Term, Ticket, Time, Wall};

use super::NodeFace;
use super::client::Client;
use super::clock::Clock;
use super::coverage::Coverage;
use super::disk::Disk;
use super::network::Links;
use super::queue::{Due, Event, Queue};
use super::recorder::{Recorder, Stamp};
use super::setup::Setup;
use super::subject::Subject;
use super::trust::Trust;
use crate::adversary::Liar;
use crate::check::early::EarlyAnswers;
use crate::check::linearizable::History;
use crate::trace::view::{ConvictedView, Liveness, Violation};

/// How many violations a run keeps: more of them say nothing new.
pub(crate) const MAX_VIOLATIONS: usize = 256;

/// The one cluster of a world.
pub(crate) const CLUSTER: u64 = 1;

/// One generator a concern.
pub(crate) mod concern {
    /// Latency, loss, duplication.
    pub(crate) const NETWORK: u64 = 1;
    /// Durations of syncs.
    pub(crate) const DISK: u64 = 2;
    /// What survives a crash.
    pub(crate) const FAULTS: u64 = 3;
    /// Seeds of nodes, one an incarnation.
    pub(crate) const NODES: u64 = 4;
    /// What liars do, and against whom; one more for each liar.
    pub(crate) const LIARS: u64 = 0x_11A2_0000;
}

/// A snapshot that is being made: the state as it was, and the step that asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Making {
    pub(crate) index: LogIndex,
    pub(crate) machine: Arc<Sessions<AnyMachine>>,
    pub(crate) cause: RecordId,
}

/// A message that waits at its sender for a write.
#[derive(Clone, Debug)]
pub(crate) struct Waiting<M> {
    pub(crate) id: RecordId,
    pub(crate) to: NodeId,
    pub(crate) message: M,
    pub(crate) after: Ticket,
}

/// One node and all that belongs to it.
#[derive(Clone)]
pub(crate) struct Node<P: Subject> {
    pub(crate) id: NodeId,
    pub(crate) liveness: Liveness,
    pub(crate) incarnation: Incarnation,
    pub(crate) clock: Clock,
    /// `None` while it is down.
    pub(crate) protocol: Option<P>,
    /// What it last wrote as hard state, durable or not.
    pub(crate) hard: Option<P::Hard>,
    pub(crate) disk: Disk<P::Hard>,
    pub(crate) machine: Arc<Sessions<AnyMachine>>,
    pub(crate) applied: LogIndex,
    /// The snapshot that is being made of it.
    pub(crate) making: Option<Making>,
    /// The part of it that is being made, and for whom.
    pub(crate) projecting: Option<(Making, Arc<Edge>)>,
    /// The machine's next expiry, as the protocol was last told.
    pub(crate) expiry: Option<Wall>,
    /// How many convictions of its machine the protocol was told of.
    pub(crate) convicted: usize,
    /// Its commit index after its last step.
    pub(crate) commit: LogIndex,
    /// Role and term after its last step.
    pub(crate) standing: (Role, Term),
    /// The status that was last recorded.
    pub(crate) recorded: Option<NodeStatus>,
    pub(crate) waiting: VecDeque<Waiting<P::Message>>,
    /// The live deadline event: when, and its stamp.
    pub(crate) armed: Option<(Time, u64)>,
    /// The record of the step that set the deadline.
    pub(crate) armed_by: RecordId,
    /// Events that came while it was paused.
    pub(crate) deferred: Vec<Event>,
    /// The signatures that it has verified.
    pub(crate) verified: Verified,
    /// What it lies with, where it does.
    pub(crate) liar: Option<Box<Liar<P>>>,
}

/// A simulated cluster with its clients.
#[derive(Clone)]
pub(crate) struct World<P: Subject> {
    pub(crate) config: Arc<P::Config>,
    pub(crate) setup: Arc<Setup>,
    pub(crate) now: Time,
    pub(crate) events: u64,
    pub(crate) queue: Queue,
    pub(crate) nodes: Vec<Node<P>>,
    pub(crate) clients: Vec<Client>,
    pub(crate) links: Links<P::Message>,
    pub(crate) recorder: Recorder,
    pub(crate) chain: Chain,
    pub(crate) coverage: Coverage,
    /// The last index that anybody has applied: each entry is counted once.
    pub(crate) counted: LogIndex,
    /// The members at that index; where voters change by epochs, those of the newest one.
    pub(crate) members: Membership,
    /// The newest epoch that an honest node has begun.
    pub(crate) epoch: u64,
    /// How many changes of voters the operator has asked for.
    pub(crate) changes: u64,
    pub(crate) violations: Vec<Violation>,
    /// Whom honest nodes record as convicted: the first of each.
    pub(crate) convicted: litemap::LiteMap<NodeId, ConvictedView>,
    pub(crate) decided: Arc<litemap::LiteMap<LogIndex, Term>>,
    /// What clients asked for and were told.
    pub(crate) history: History,
    /// What clients were told before a quorum had it.
    pub(crate) early: EarlyAnswers,
    /// Whether the checkers look.
    pub(crate) checking: bool,
    pub(crate) checks: P::Checks,
    pub(crate) disks: Rng,
    pub(crate) faults: Rng,
    pub(crate) seeds: Rng,
    pub(crate) effects: Effects<P::Message, P::Hard>,
    /// Keys, where nodes may lie.
    pub(crate) trust: Option<Trust>,
    /// What the message at hand claims; a reused buffer.
    pub(crate) claims: Vec<Claim>,
    /// For each pair of nodes, the number of the latest message that arrived.
    pub(crate) latest: Vec<u64>,
}

impl<P: Subject> World<P>
where
    P::Message: Into<AnyMessage>,
{
    /// A world at time 0: stores formatted, nodes started, clients about to open their sessions.
    pub(crate) fn new(config: P::Config, setup: Setup, trust: Option<Trust>) -> Self {
        let mut ids = setup.nodes.clone();
        few::sort(&mut ids, |a, b| a < b);
        let first = Membership::of(P::voters(&config).to_vec());
        let disk = |id| Disk::new(DiskImage::formatted(CLUSTER, id, first.clone()), setup.disk);
        let node = |id: &NodeId| Node {
            id: *id,
            liveness: Liveness::Down,
            incarnation: Incarnation(0),
            clock: Clock::new(),
            protocol: None,
            hard: None,
            disk: disk(*id),
            machine: Arc::new(P::machine(&config, setup.machine)),
            applied: LogIndex::ZERO,
            making: None,
            projecting: None,
            expiry: None,
            convicted: 0,
            commit: LogIndex::ZERO,
            standing: (Role::Follower, Term(0)),
            recorded: None,
            waiting: VecDeque::new(),
            armed: None,
            armed_by: RecordId::default(),
            deferred: Vec::new(),
            verified: trust.as_ref().map_or_else(|| Verified::new(0), Trust::memory),
            liar: None,
        };
        let nodes: Vec<_> = ids.iter().map(node).collect();
        let mut clients: Vec<_> =
            setup.clients.iter().map(|client| Client::new(client.clone(), setup.seed, ids[0])).collect();
        few::sort(&mut clients, |a, b| a.setup.id < b.setup.id);
        let mut world = Self {
            now: Time(0),
            events: 0,
            queue: Queue::default(),
            links: Links::new(setup.network.clone(), setup.zones.clone(), Rng::new(setup.seed, concern::NETWORK)),
            recorder: Recorder::new(),
            chain: Chain::new(),
            coverage: Coverage::default(),
            counted: LogIndex::ZERO,
            members: Membership::of(P::voters(&config).to_vec()),
            epoch: 0,
            changes: 0,
            violations: Vec::new(),
            convicted: litemap::LiteMap::new(),
            decided: Arc::default(),
            history: History::default(),
            early: EarlyAnswers::default(),
            checking: true,
            checks: P::checks(&config),
            disks: Rng::new(setup.seed, concern::DISK),
            faults: Rng::new(setup.seed, concern::FAULTS),
            seeds: Rng::new(setup.seed, concern::NODES),
            effects: Effects::listening(),
            trust,
            claims: Vec::new(),
            latest: vec![0; nodes.len() * nodes.len()],
            config: Arc::new(config),
            setup: Arc::new(setup),
            nodes,
            clients,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.setup.seed.hash(&mut self.chain);
        let stamp = Stamp { at: self.now, cause: None, node: None };
        let (setup, config, nodes, clients) = (&self.setup, &self.config, &self.nodes, &self.clients);
        let began = self.recorder.emit(stamp, || {
            Body::Began(Began {
                protocol: P::name(config).into(),
                name: setup.name.clone(),
                nodes: nodes.iter().map(|node| node.id).collect(),
                voters: P::voters(config).to_vec(),
                clients: clients.iter().map(|client| client.setup.id).collect(),
                seed: Some(setup.seed),
            })
        });
        for node in 0..self.nodes.len() {
            self.start(node, Some(began));
        }
        for client in 0..self.clients.len() {
            self.open_session(client, Some(began));
        }
        self.settle();
    }

    /// Starts a node from its store. The new incarnation is on the disk before anything else happens.
    pub(crate) fn start(&mut self, index: usize, cause: Option<RecordId>) {
        let seed = self.seeds.bits();
        let machine = P::machine(&self.config, self.setup.machine);
        let Some(node) = self.nodes.get_mut(index) else { return };
        node.incarnation = Incarnation(node.incarnation.0 + 1);
        Arc::make_mut(&mut node.disk.image).incarnation = node.incarnation;
        node.disk.durable = None;
        let now = node.clock.read(self.now);
        let protocol = P::recover(&self.config, node.id, &node.disk.image, seed, now);
        node.standing = protocol.standing();
        node.protocol = Some(protocol);
        node.machine = Arc::new(machine);
        node.applied = LogIndex::ZERO;
        node.making = None;
        node.projecting = None;
        node.expiry = None;
        node.convicted = 0;
        node.verified = self.trust.as_ref().map_or_else(|| Verified::new(0), Trust::memory);
        node.liveness = Liveness::Up;
        let (incarnation, clock) = (node.incarnation, node.clock);
        let stamp = self.stamp(index, cause);
        let started =
            self.recorder.emit(stamp, || Body::Started { incarnation, mono: now.mono, rate_ppm: clock.rate_ppm });
        if let Some(node) = self.nodes.get_mut(index) {
            // The clock's setting as records tell it: `mono` at this instant.
            node.clock.drift(self.now, clock.rate_ppm);
        }
        if self.nodes.get(index).is_some_and(|node| node.disk.image.snapshot.is_some()) {
            self.restore(index, started);
        }
        self.start_liar(index);
        self.after_step(index, started);
    }

    /// One node, for expectations.
    pub(crate) fn face(&self, node: NodeId) -> Option<NodeFace<'_>> {
        let node = self.nodes.get(self.position(node)?)?;
        let (protocol, image) = (node.protocol.as_ref(), &node.disk.image);
        Some(NodeFace {
            liveness: node.liveness,
            lies: node.liar.is_some(),
            incarnation: node.incarnation,
            status: protocol.map(|protocol| protocol.status()).unwrap_or_default(),
            log: protocol.map(Subject::log),
            members: protocol.and_then(Subject::members),
            commit: protocol.map_or(LogIndex::ZERO, Subject::commit),
            applied: node.applied,
            machine: &node.machine,
            stored: &image.log,
            snapshot: image.snapshot.as_ref().map_or(LogIndex::ZERO, |snapshot| snapshot.meta.index),
        })
    }

    /// Where and when something happens at a node.
    pub(crate) fn stamp(&self, index: usize, cause: Option<RecordId>) -> Stamp {
        let node = self.nodes.get(index).map(|node| (node.id, node.clock.read(self.now).mono));
        Stamp { at: self.now, cause, node }
    }

    /// A node's position.
    pub(crate) fn position(&self, id: NodeId) -> Option<usize> {
        let guess = (id.0 as usize).wrapping_sub(1);
        if self.nodes.get(guess).is_some_and(|node| node.id == id) {
            return Some(guess);
        }
        self.nodes.binary_search_by_key(&id, |node| node.id).ok()
    }

    /// The time of the next event.
    pub(crate) fn next_event_at(&self) -> Option<Time> {
        self.queue.peek().map(|due| due.at)
    }

    /// Takes one event and does all that follows from it. False where none is to come.
    pub(crate) fn step(&mut self) -> bool {
        let Some(due) = self.queue.pop() else { return false };
        self.now = self.now.max(due.at);
        self.events += 1;
        self.now.hash(&mut self.chain);
        match due.event {
            Event::Deadline { node } => self.on_deadline(node as usize),
            Event::Arrive { slot } => self.arrive(slot),
            Event::Synced { node, .. } => self.on_synced(node as usize),
            Event::SnapshotMade { node, .. } => self.on_snapshot_made(node as usize),
            Event::ProjectionMade { node, .. } => self.on_projection_made(node as usize),
            Event::Request { client, number } => self.on_request_timer(client as usize, number),
            Event::Think { client } => self.on_think(client as usize),
        }
        self.settle();
        true
    }

    /// Lets all events up to `until` happen, and time reach it.
    pub(crate) fn run_until(&mut self, until: Time) {
        while self.next_event_at().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = self.now.max(until);
    }

    /// Removes events that lost their meaning from the head of the queue, so that the next one counts.
    pub(crate) fn settle(&mut self) {
        while let Some(due) = self.queue.peek() {
            if self.is_live(due) {
                return;
            }
            self.queue.pop();
            self.put_aside(due);
        }
    }

    fn is_live(&self, due: Due) -> bool {
        let up = |node: u32| self.nodes.get(node as usize).filter(|node| node.liveness == Liveness::Up);
        match due.event {
            Event::Deadline { node } => up(node).is_some_and(|node| {
                let wanted = node.wanted();
                node.armed == Some((due.at, due.stamp))
                    && wanted.is_some_and(|mono| node.clock.when(mono) <= due.at.max(self.now))
            }),
            Event::Arrive { slot } => self
                .links
                .get(slot)
                .is_some_and(|flight| flight.stamp == due.stamp && !flight.held && !self.is_paused(flight.to)),
            Event::Synced { node, incarnation }
            | Event::SnapshotMade { node, incarnation }
            | Event::ProjectionMade { node, incarnation } => {
                up(node).is_some_and(|node| node.incarnation == incarnation)
            }
            Event::Request { client, number } => self.clients.get(client as usize).is_some_and(|client| {
                client.outstanding.iter().any(|request| request.number == number && request.stamp == due.stamp)
            }),
            Event::Think { client } => {
                self.clients.get(client as usize).is_some_and(|client| client.think == due.stamp)
            }
        }
    }

    fn is_paused(&self, endpoint: quorumscope_core::record::Endpoint) -> bool {
        let quorumscope_core::record::Endpoint::Node(id) = endpoint else { return false };
        self.position(id).is_some_and(|node| self.nodes[node].liveness == Liveness::Paused)
    }

    /// An event that is not live now: a later deadline is set again, what a paused node missed waits for it.
    fn put_aside(&mut self, due: Due) {
        match due.event {
            Event::Deadline { node } => {
                let position = node as usize;
                let Some(node) = self.nodes.get_mut(position) else { return };
                if node.armed == Some((due.at, due.stamp)) {
                    node.armed = None;
                    if node.liveness == Liveness::Up {
                        self.arm(position);
                    }
                }
            }
            Event::Arrive { slot } => {
                let Some(flight) = self.links.get(slot).filter(|flight| flight.stamp == due.stamp) else { return };
                if flight.held {
                    return;
                }
                let quorumscope_core::record::Endpoint::Node(id) = flight.to else { return };
                if let Some(position) = self.position(id) {
                    self.nodes[position].deferred.push(due.event);
                }
            }
            Event::Synced { node, incarnation }
            | Event::SnapshotMade { node, incarnation }
            | Event::ProjectionMade { node, incarnation } => {
                if let Some(node) = self.nodes.get_mut(node as usize)
                    && node.incarnation == incarnation
                    && node.liveness == Liveness::Paused
                {
                    node.deferred.push(due.event);
                }
            }
            Event::Request { .. } | Event::Think { .. } => {}
        }
    }

    /// Sets a node's deadline event, where none comes early enough.
    pub(crate) fn arm(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        let Some(wanted) = node.wanted() else { return };
        let at = node.clock.when(wanted).max(self.now);
        if node.armed.is_none_or(|(armed, _)| armed > at) {
            let stamp = self.queue.push(at, Event::Deadline { node: number(index) });
            node.armed = Some((at, stamp));
        }
    }

    /// A property does not hold.
    pub(crate) fn violate(&mut self, node: Option<usize>, cause: Option<RecordId>, property: &str, detail: String) {
        let stamp = node.map_or(Stamp { at: self.now, cause, node: None }, |node| self.stamp(node, cause));
        let violation =
            Violation { at: self.now, node: stamp.node.map(|(node, _)| node), property: property.into(), detail };
        self.report(stamp, violation);
    }

    /// Records a violation and keeps it.
    pub(crate) fn report(&mut self, stamp: Stamp, violation: Violation) {
        if self.violations.len() >= MAX_VIOLATIONS {
            return;
        }
        self.recorder
            .emit(stamp, || Body::Violated { property: violation.property.clone(), detail: violation.detail.clone() });
        self.violations.push(violation);
    }

    /// The digest of the run so far.
    pub(crate) fn digest(&self) -> Digest {
        Digest(self.chain.finish())
    }
}

/// A position as events and digests hold it.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
