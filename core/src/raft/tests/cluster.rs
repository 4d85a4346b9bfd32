//! A few nodes under the test's hand: messages and writes wait until the test lets them go.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::edge::Edge;
use crate::entry::{Class, Proposal, Tags};
use crate::event::Event;
use crate::machine::session::Payload;
use crate::membership::{Membership, MembershipChange};
use crate::protocol::{Applied, Effect, Effects, Input, Outcome, Protocol, ReadHow, ReadRequest};
use crate::raft::{Config, HardState, Message, Raft, Rule, Switches};
use crate::record::Role;
use crate::storage::{DiskImage, Write};
use crate::types::{
    ClientId, Digest, Incarnation, LogIndex, Mono, NodeId, Now, RequestNumber, Span, Term, Ticket, Wall,
};

pub(super) struct Node {
    pub(super) raft: Raft<Switches>,
    pub(super) image: DiskImage<HardState>,
    writes: VecDeque<Write<HardState>>,
    durable: u64,
    waiting: Vec<Envelope>,
    pub(super) applied: Vec<(LogIndex, Term)>,
    /// Indexes of the snapshots that the state was restored from.
    pub(super) restored: Vec<LogIndex>,
    pub(super) answers: Vec<(RequestNumber, Outcome)>,
    pub(super) events: Vec<Event>,
    /// Reads that were answered from the state machine.
    pub(super) reads: Vec<(RequestNumber, LogIndex, ReadHow)>,
    pub(super) broken: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) message: Message,
    after: Option<Ticket>,
}

/// The cluster. Disks sync at once unless a node is listed in `slow_disks`.
pub(super) struct Cluster {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) network: VecDeque<Envelope>,
    pub(super) slow_disks: Vec<NodeId>,
    /// Length of the snapshots that nodes make.
    pub(super) snapshot_bytes: usize,
    /// While true, nobody finishes a snapshot.
    pub(super) snapshots_wait: bool,
    unfinished: Option<(NodeId, LogIndex)>,
    config: Config<Switches>,
    now: Now,
    number: u64,
}

pub(super) fn n(number: u32) -> NodeId {
    NodeId(number)
}

impl Cluster {
    pub(super) fn new(nodes: u32) -> Self {
        Self::with(nodes, |_| {})
    }

    pub(super) fn without(nodes: u32, rule: Rule) -> Self {
        Self::with(nodes, |config| config.rules = config.rules.without(rule))
    }

    pub(super) fn with(nodes: u32, change: impl FnOnce(&mut Config<Switches>)) -> Self {
        let mut config = Config::new((1..=nodes).map(NodeId).collect(), Switches::all_on());
        change(&mut config);
        let first = Membership::of(config.voters.clone());
        let images = config.voters.iter().map(|node| (*node, DiskImage::formatted(1, *node, first.clone()))).collect();
        Self::from_images(config, images)
    }

    /// A cluster of `voters` nodes, and more up to `nodes` that belong to nothing yet.
    pub(super) fn with_spares(voters: u32, nodes: u32, change: impl FnOnce(&mut Config<Switches>)) -> Self {
        let mut config = Config::new((1..=voters).map(NodeId).collect(), Switches::all_on());
        change(&mut config);
        let first = Membership::of(config.voters.clone());
        let images = (1..=nodes).map(|node| (n(node), DiskImage::formatted(1, n(node), first.clone()))).collect();
        Self::from_images(config, images)
    }

    /// A cluster whose nodes start from these logs, given as the terms of their entries, in `term`.
    pub(super) fn with_logs(term: u64, logs: &[&[u64]], change: impl FnOnce(&mut Config<Switches>)) -> Self {
        let mut config = Config::new((1..).map(NodeId).take(logs.len()).collect(), Switches::all_on());
        change(&mut config);
        let first = Membership::of(config.voters.clone());
        let image = |(node, terms): (&NodeId, &&[u64])| {
            let mut image = DiskImage::<HardState>::formatted(1, *node, first.clone());
            image.hard.current_term = Term(term);
            image.log = super::super::testing::log_of_terms(terms).iter().cloned().collect();
            (*node, image)
        };
        let images = config.voters.iter().zip(logs).map(image).collect();
        let mut cluster = Self::from_images(config, images);
        // They restarted long enough ago to give votes.
        let silence = cluster.config.election_timeout.0;
        cluster.advance(silence);
        cluster
    }

    fn from_images(config: Config<Switches>, images: BTreeMap<NodeId, DiskImage<HardState>>) -> Self {
        let now = Now { mono: Mono(0), wall: Wall(0) };
        let (nodes, network, slow_disks) = (BTreeMap::new(), VecDeque::new(), Vec::new());
        let (snapshots_wait, unfinished) = (false, None);
        let mut cluster =
            Self { nodes, network, slow_disks, snapshot_bytes: 10, snapshots_wait, unfinished, config, now, number: 0 };
        for (node, image) in images {
            cluster.start(node, image);
        }
        cluster
    }

    fn start(&mut self, node: NodeId, mut image: DiskImage<HardState>) {
        image.incarnation = Incarnation(image.incarnation.0 + 1);
        let seed = u64::from(image.incarnation.0);
        let raft = Raft::recover(&self.config, node, &image, seed, self.now);
        let fresh = Node {
            raft,
            image,
            writes: VecDeque::new(),
            durable: 0,
            waiting: Vec::new(),
            applied: Vec::new(),
            restored: Vec::new(),
            answers: Vec::new(),
            events: Vec::new(),
            reads: Vec::new(),
            broken: None,
        };
        self.nodes.insert(node, fresh);
    }

    /// Crashes a node, with all that is not synced, and starts it again at once.
    pub(super) fn restart(&mut self, node: NodeId) {
        let image = self.nodes.remove(&node).expect("a member").image;
        self.start(node, image);
    }

    /// Crashes a node and starts it again from its store, with settings that name other voters.
    pub(super) fn restart_with_voters(&mut self, node: NodeId, voters: &[u32]) {
        let named = voters.iter().copied().map(NodeId).collect();
        let before = std::mem::replace(&mut self.config.voters, named);
        self.restart(node);
        self.config.voters = before;
    }

    /// Crashes a node, loses its store, and starts it again.
    pub(super) fn restart_without_store(&mut self, node: NodeId) {
        self.nodes.remove(&node);
        self.start(node, DiskImage::empty());
    }

    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[&NodeId(node)]
    }

    pub(super) fn role(&self, node: u32) -> Role {
        self.node(node).raft.role()
    }

    pub(super) fn term(&self, node: u32) -> u64 {
        self.node(node).raft.current_term().0
    }

    pub(super) fn commit(&self, node: u32) -> u64 {
        self.node(node).raft.commit_index().0
    }

    /// The terms of a node's log.
    pub(super) fn terms(&self, node: u32) -> Vec<u64> {
        self.node(node).raft.log().iter().map(|entry| entry.term.0).collect()
    }

    pub(super) fn advance(&mut self, span: Span) {
        self.now.mono = self.now.mono + span;
        self.now.wall = self.now.wall + span;
    }

    pub(super) fn step(&mut self, node: NodeId, input: Input<Message>) {
        let now = self.now;
        let member = self.nodes.get_mut(&node).expect("a member");
        if member.broken.is_some() {
            return;
        }
        let mut out = Effects::listening();
        member.raft.step(now, input, &mut out);
        let mut applied = None;
        let (mut restored, mut taken, mut projected) = (None, None, None);
        for effect in out.drain() {
            match effect {
                Effect::Send { to, message, after } => {
                    let envelope = Envelope { from: node, to, message, after };
                    let member = self.nodes.get_mut(&node).expect("a member");
                    member.waiting.push(envelope);
                }
                Effect::Write(write) => self.nodes.get_mut(&node).expect("a member").writes.push_back(write),
                Effect::Apply { from, through } => applied = Some((from, through)),
                Effect::Snapshot { index } => taken = Some(index),
                Effect::Project { index, .. } => projected = Some(index),
                Effect::Restore { index } => restored = Some(index),
                Effect::Answer { number, outcome, .. } => {
                    self.nodes.get_mut(&node).expect("a member").answers.push((number, outcome));
                }
                Effect::Broken(fact) => self.nodes.get_mut(&node).expect("a member").broken = Some(fact),
                Effect::Read { request, index, how } => {
                    self.nodes.get_mut(&node).expect("a member").reads.push((request.number, index, how));
                }
                Effect::Note(event) => self.nodes.get_mut(&node).expect("a member").events.push(event),
            }
        }
        self.release(node);
        if let Some(index) = restored {
            self.nodes.get_mut(&node).expect("a member").restored.push(index);
            self.step(node, Input::Applied { through: index, results: Vec::new() });
        }
        if let Some(index) = taken {
            self.unfinished = Some((node, index));
            if !self.snapshots_wait {
                self.finish_snapshot();
            }
        }
        if let Some(index) = projected {
            let data = Bytes::from(vec![index.0 as u8; self.snapshot_bytes]);
            self.step(node, Input::Projected { index, digest: Digest(index.0), data });
        }
        if let Some((from, through)) = applied {
            self.apply(node, from, through);
        }
        if !self.slow_disks.contains(&node) {
            self.sync(node);
        }
    }

    /// Ends the snapshot that is being made. The state of these tests is the index that was applied last.
    pub(super) fn finish_snapshot(&mut self) {
        let Some((node, index)) = self.unfinished.take() else { return };
        let data = Bytes::from(vec![index.0 as u8; self.snapshot_bytes]);
        self.step(node, Input::SnapshotTaken { index, digest: Digest(index.0), data });
    }

    fn apply(&mut self, node: NodeId, from: LogIndex, through: LogIndex) {
        let member = self.nodes.get_mut(&node).expect("a member");
        let mut results = Vec::new();
        for entry in member.image.entries(from, through) {
            member.applied.push((entry.index, entry.term));
            if entry.client != ClientId(0) {
                let (index, client, number) = (entry.index, entry.client, entry.number);
                results.push(Applied { index, client, number, result: Bytes::new() });
            }
        }
        self.step(node, Input::Applied { through, results });
    }

    /// Lets messages go whose write is durable.
    fn release(&mut self, node: NodeId) {
        let member = self.nodes.get_mut(&node).expect("a member");
        let durable = member.durable;
        let (ready, waiting) = std::mem::take(&mut member.waiting)
            .into_iter()
            .partition(|envelope| envelope.after.is_none_or(|ticket| ticket.sequence <= durable));
        member.waiting = waiting;
        let ready: Vec<_> = ready;
        self.network.extend(ready);
    }

    /// Makes all writes of a node durable.
    pub(super) fn sync(&mut self, node: NodeId) {
        while self.sync_one(node) {}
    }

    /// Makes the oldest pending write of a node durable.
    pub(super) fn sync_one(&mut self, node: NodeId) -> bool {
        let member = self.nodes.get_mut(&node).expect("a member");
        let Some(write) = member.writes.pop_front() else { return false };
        member.image.apply(&write).expect("a write continues the log");
        member.durable = write.ticket.sequence;
        self.release(node);
        self.step(node, Input::Written(write.ticket));
        true
    }

    /// Fires a node's timer.
    pub(super) fn time_out(&mut self, node: u32) {
        let deadline = self.node(node).raft.next_deadline().expect("a timer runs");
        self.now.mono = self.now.mono.max(deadline);
        self.step(n(node), Input::DeadlineReached);
    }

    /// Delivers everything, and what follows from it.
    pub(super) fn deliver(&mut self) {
        self.deliver_where(|_| true);
    }

    /// Delivers what `wanted` picks, and what follows from it that it picks too; loses the rest.
    pub(super) fn deliver_where(&mut self, wanted: impl Fn(&Envelope) -> bool) {
        while let Some(envelope) = self.network.pop_front() {
            if wanted(&envelope) {
                self.step(envelope.to, Input::Receive { from: envelope.from, message: envelope.message });
            }
        }
    }

    /// Delivers only among these nodes.
    pub(super) fn deliver_among(&mut self, group: &[u32]) {
        let inside = |node: NodeId| group.contains(&node.0);
        self.deliver_where(|envelope| inside(envelope.from) && inside(envelope.to));
    }

    /// Hands a message to a node out of turn.
    pub(super) fn hand(&mut self, from: u32, to: u32, message: Message) {
        self.step(n(to), Input::Receive { from: n(from), message });
    }

    /// Makes `node` the leader with all messages delivered.
    pub(super) fn elect(&mut self, node: u32) {
        self.advance(Span::from_millis(400));
        self.time_out(node);
        self.deliver();
        assert_eq!(self.role(node), Role::Leader);
    }

    pub(super) fn propose(&mut self, node: u32) -> RequestNumber {
        self.propose_as(node, Class::Critical)
    }

    /// Proposes a command that may be answered early, or may not.
    pub(super) fn propose_as(&mut self, node: u32, class: Class) -> RequestNumber {
        self.number += 1;
        let number = RequestNumber(self.number);
        let proposal =
            Proposal { client: ClientId(1), number, class, tags: Tags::new(), payload: Bytes::from_static(b"x") };
        self.step(n(node), Input::Propose(vec![proposal]));
        number
    }

    /// Proposes commands of these lengths in one batch; returns the number of the last one.
    pub(super) fn propose_batch(&mut self, node: u32, lengths: &[usize]) -> RequestNumber {
        let batch = lengths.iter().map(|length| {
            self.number += 1;
            let (client, number, class) = (ClientId(1), RequestNumber(self.number), Class::Critical);
            Proposal { client, number, class, tags: Tags::new(), payload: vec![0; *length].into() }
        });
        let batch = batch.collect();
        self.step(n(node), Input::Propose(batch));
        RequestNumber(self.number)
    }

    /// Proposes one command of each of these classes, in one batch.
    pub(super) fn propose_mixed(&mut self, node: u32, classes: &[Class]) {
        let batch = classes.iter().map(|class| {
            self.number += 1;
            let (client, number, payload) = (ClientId(1), RequestNumber(self.number), Bytes::from_static(b"x"));
            Proposal { client, number, class: *class, tags: Tags::new(), payload }
        });
        let batch = batch.collect();
        self.step(n(node), Input::Propose(batch));
    }

    /// Asks a node for other members; nothing is delivered yet.
    pub(super) fn reconfigure(&mut self, node: u32, add: &[u32], promote: &[u32], remove: &[u32]) {
        let list = |nodes: &[u32]| nodes.iter().copied().map(NodeId).collect();
        let change =
            MembershipChange { add: list(add), promote: list(promote), remove: list(remove), ..Default::default() };
        self.step(n(node), Input::Reconfigure(change));
    }

    /// Asks a node for observers; nothing is delivered yet.
    pub(super) fn observe(&mut self, node: u32, observe: &[u32]) {
        let observe = observe.iter().copied().map(NodeId).collect();
        self.step(n(node), Input::Reconfigure(MembershipChange { observe, ..MembershipChange::default() }));
    }

    /// Asks a node for an edge that holds this range; nothing is delivered yet.
    pub(super) fn subscribe(&mut self, node: u32, edge: u32, range: u64) {
        let edge = vec![Edge::new(n(edge), [range])];
        self.step(n(node), Input::Reconfigure(MembershipChange { edge, ..MembershipChange::default() }));
    }

    /// Proposes a command that touches this range.
    pub(super) fn propose_in(&mut self, node: u32, range: u64) {
        self.number += 1;
        let (client, number, class) = (ClientId(1), RequestNumber(self.number), Class::Critical);
        let command = Bytes::from_static(b"x");
        let payload = Payload::Command { session: LogIndex(2), acknowledged: RequestNumber(0), command }.encode();
        let tags = [range].into_iter().collect();
        self.step(n(node), Input::Propose(vec![Proposal { client, number, class, tags, payload }]));
    }

    /// The observers that act at a node.
    pub(super) fn observers(&self, node: u32) -> Vec<u32> {
        self.node(node).raft.membership().observers.iter().map(|node| node.0).collect()
    }

    /// The voters, the outgoing voters and the learners that act at a node.
    pub(super) fn members(&self, node: u32) -> [Vec<u32>; 3] {
        let Membership { voters, outgoing, learners, .. } = self.node(node).raft.membership();
        [voters, outgoing, learners].map(|list| list.iter().map(|node| node.0).collect())
    }

    /// Lets a node make a snapshot now.
    pub(super) fn snapshot(&mut self, node: u32) {
        self.step(n(node), Input::TakeSnapshot);
    }

    /// The newest durable snapshot of a node: its index, 0 where there is none.
    pub(super) fn stored_snapshot(&self, node: u32) -> u64 {
        self.node(node).image.snapshot.as_ref().map_or(0, |snapshot| snapshot.meta.index.0)
    }

    /// The node's log: the last compacted index, and the last one.
    pub(super) fn extent(&self, node: u32) -> (u64, u64) {
        let log = self.node(node).raft.log();
        (log.base().index.0, log.last_index().0)
    }

    /// Lets a leader's heartbeats go out and get lost for as long as check-quorum waits, or until it steps down.
    pub(super) fn isolate(&mut self, node: u32) {
        for _ in 0..9 {
            if self.role(node) == Role::Leader {
                self.time_out(node);
                self.network.clear();
            }
        }
    }

    /// A client reads at `node`.
    pub(super) fn read(&mut self, node: u32, how: ReadHow) -> RequestNumber {
        self.number += 1;
        let number = RequestNumber(self.number);
        let request = ReadRequest { client: ClientId(1), number, how, query: Bytes::from_static(b"x") };
        self.step(n(node), Input::Read(vec![request]));
        number
    }

    /// Asks `node` to hand leadership over.
    pub(super) fn transfer(&mut self, node: u32, to: u32) {
        self.step(n(node), Input::TransferLeadership { to: n(to) });
    }

    /// Up to which index the state machine had to be for this read; `None` while it is not answered.
    pub(super) fn read_at(&self, node: u32, number: RequestNumber) -> Option<u64> {
        self.node(node).reads.iter().find(|(asked, ..)| *asked == number).map(|(_, index, _)| index.0)
    }

    /// Whether a node noted an event.
    pub(super) fn noted(&self, node: u32, wanted: impl Fn(&Event) -> bool) -> bool {
        self.node(node).events.iter().any(wanted)
    }
}
