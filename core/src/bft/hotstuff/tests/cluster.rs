//! A few replicas in virtual time: messages and writes take a while, some are lost, and replicas crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::super::{Config, Event, HardState, HotStuff, Message};
use crate::bft::testing::{CLUSTER, TestKeys, TestRing, bundle};
use crate::bft::{Bundle, Replies, Signers};
use crate::crypto::{Hash256, Verifier};
use crate::entry::Entry;
use crate::event::Event as AnyEvent;
use crate::membership::Membership;
use crate::protocol::{Applied, Effect, Effects, Input, Outcome, Protocol};
use crate::quorum;
use crate::rng::Rng;
use crate::rules::Switches;
use crate::storage::{DiskImage, Write};
use crate::types::{
    ClientId, Digest, Incarnation, LogIndex, Mono, NodeId, Now, RequestNumber, Span, Term, Ticket, Wall,
};

pub(super) fn n(number: u32) -> NodeId {
    NodeId(number)
}

pub(super) fn ms(millis: u64) -> Span {
    Span::from_millis(millis)
}

pub(super) struct Node {
    pub(super) replica: HotStuff<Switches>,
    pub(super) image: DiskImage<HardState>,
    writes: Vec<Write<HardState>>,
    durable: u64,
    waiting: Vec<(NodeId, Message, Ticket)>,
    /// The state: all commands that were applied, as a sum over them.
    state: u64,
    applied: LogIndex,
    wake: Option<Mono>,
    pub(super) events: Vec<Event>,
    pub(super) broken: Option<&'static str>,
}

enum Happening {
    Message { from: NodeId, to: NodeId, message: Message },
    Written { node: NodeId, incarnation: Incarnation },
    Wake { node: NodeId, incarnation: Incarnation, at: Mono },
    Request { to: NodeId, bundle: Arc<Bundle> },
    Retry { client: u64, number: u64 },
    Start { node: NodeId },
}

impl Node {
    pub(super) fn state(&self) -> u64 {
        self.state
    }
}

/// How the world treats messages and disks.
#[derive(Clone, Copy)]
pub(super) struct Weather {
    pub(super) delay: (Span, Span),
    pub(super) loss_ppm: u32,
    pub(super) disk: (Span, Span),
}

impl Weather {
    pub(super) const CALM: Self = Self { delay: (ms_const(1), ms_const(3)), loss_ppm: 0, disk: (Span(100), Span(500)) };
    pub(super) const STORM: Self =
        Self { delay: (Span(100), ms_const(400)), loss_ppm: 100_000, disk: (Span(100), ms_const(60)) };
}

const fn ms_const(millis: u64) -> Span {
    Span::from_millis(millis)
}

pub(super) struct World {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    /// Stores of those that are down.
    pub(super) stores: BTreeMap<NodeId, DiskImage<HardState>>,
    queue: BTreeMap<(Mono, u64), Happening>,
    order: u64,
    pub(super) now: Mono,
    pub(super) rng: Rng,
    pub(super) weather: Weather,
    /// From, to.
    pub(super) cut: BTreeSet<(NodeId, NodeId)>,
    /// No votes get from the one to the other.
    pub(super) cut_votes: Option<(NodeId, NodeId)>,
    pub(super) config: Config<Switches>,
    ring: Arc<dyn Verifier>,
    /// What was applied first at each index.
    pub(super) agreed: BTreeMap<LogIndex, Arc<Entry>>,
    /// Where two disagree.
    pub(super) disagreement: Option<String>,
    pending: BTreeMap<(u64, u64), (Arc<Bundle>, Replies, Mono)>,
    /// When each request that is answered was asked and believed.
    pub(super) told: BTreeMap<(u64, u64), (Mono, Mono)>,
    /// Messages that replicas have sent.
    pub(super) sent: Vec<(NodeId, NodeId, Message)>,
    pub(super) keep_sent: bool,
    /// What each replica has voted for and proposed, by view; the last view that it has given up.
    promised: BTreeMap<(NodeId, bool, Term), Hash256>,
    given_up: BTreeMap<NodeId, Term>,
    /// A replica that has broken its word.
    pub(super) perjury: Option<String>,
    /// Crash this node after so many of its steps, and start it again a moment later.
    pub(super) crash_after: Option<(NodeId, u32)>,
    pub(super) forged: u64,
}

impl World {
    pub(super) fn new(nodes: u32, seed: u64, change: impl FnOnce(&mut Config<Switches>)) -> Self {
        Self::with_keys(nodes, seed, (Arc::new(TestKeys), Arc::new(TestRing)), change)
    }

    pub(super) fn with_keys(
        nodes: u32,
        seed: u64,
        (signers, ring): (Arc<dyn Signers>, Arc<dyn Verifier>),
        change: impl FnOnce(&mut Config<Switches>),
    ) -> Self {
        let mut config = Config::new(CLUSTER, (1..=nodes).map(NodeId).collect(), signers, Switches::all_on());
        config.settings.view_timeout = ms(60);
        config.settings.max_view_timeout = ms(960);
        config.settings.fetch_retry = ms(30);
        change(&mut config);
        let members = Membership::of(config.voters.clone());
        let mut world = Self {
            nodes: BTreeMap::new(),
            stores: BTreeMap::new(),
            queue: BTreeMap::new(),
            order: 0,
            now: Mono(1_000_000),
            rng: Rng::new(seed, 0),
            weather: Weather::CALM,
            cut: BTreeSet::new(),
            cut_votes: None,
            config,
            ring,
            agreed: BTreeMap::new(),
            disagreement: None,
            pending: BTreeMap::new(),
            told: BTreeMap::new(),
            sent: Vec::new(),
            keep_sent: false,
            promised: BTreeMap::new(),
            given_up: BTreeMap::new(),
            perjury: None,
            crash_after: None,
            forged: 0,
        };
        for node in world.config.voters.clone() {
            let store = DiskImage::formatted(CLUSTER, node, members.clone());
            world.stores.insert(node, store);
            world.start(node);
        }
        world
    }

    /// Starts a node that is down.
    pub(super) fn start(&mut self, node: NodeId) {
        let Some(mut image) = self.stores.remove(&node) else { return };
        image.incarnation = Incarnation(image.incarnation.0 + 1);
        let replica = HotStuff::recover(&self.config, node, &image, 1, self.clock());
        let state = image.snapshot.as_ref().map_or(0, |snapshot| restored(&snapshot.data));
        let applied = image.snapshot.as_ref().map_or(LogIndex::ZERO, |snapshot| snapshot.meta.index);
        let fresh = Node {
            replica,
            image,
            writes: Vec::new(),
            durable: 0,
            waiting: Vec::new(),
            state,
            applied,
            wake: None,
            events: Vec::new(),
            broken: None,
        };
        self.nodes.insert(node, fresh);
        self.plan_wake(node);
    }

    /// Crashes a node; nothing survives that was not synced.
    pub(super) fn crash_without_luck(&mut self, node: NodeId) {
        let crashed = self.nodes.remove(&node).expect("it runs");
        self.stores.insert(node, crashed.image);
    }

    /// Crashes a node; a random prefix of its unsynced writes survives.
    pub(super) fn crash(&mut self, node: NodeId) {
        let Some(mut crashed) = self.nodes.remove(&node) else { return };
        let lucky = self.rng.below(crashed.writes.len() as u64 + 1) as usize;
        for write in crashed.writes.drain(..).take(lucky) {
            crashed.image.apply(&write).expect("a write continues the log");
        }
        self.stores.insert(node, crashed.image);
    }

    pub(super) fn clock(&self) -> Now {
        Now { mono: self.now, wall: Wall(self.now.0) }
    }

    fn plan(&mut self, after: Span, what: Happening) {
        self.order += 1;
        self.queue.insert((self.now + after, self.order), what);
    }

    fn plan_wake(&mut self, node: NodeId) {
        let now = self.now;
        let Some(member) = self.nodes.get_mut(&node) else { return };
        let deadline = member.replica.next_deadline();
        if deadline == member.wake {
            return;
        }
        member.wake = deadline;
        if let Some(at) = deadline {
            let incarnation = member.image.incarnation;
            self.plan(at - now, Happening::Wake { node, incarnation, at });
        }
    }

    /// A client asks all replicas, and asks again until it believes an answer.
    pub(super) fn ask(&mut self, client: u64, number: u64) {
        let bundle = bundle(client, &[number], 16);
        self.ask_with(client, number, bundle);
    }

    pub(super) fn ask_with(&mut self, client: u64, number: u64, bundle: Arc<Bundle>) {
        self.pending.insert((client, number), (Arc::clone(&bundle), Replies::default(), self.now));
        self.plan(Span(0), Happening::Retry { client, number });
    }

    pub(super) fn unanswered(&self) -> usize {
        self.pending.len()
    }

    fn send_request(&mut self, client: u64, number: u64) {
        let Some((bundle, ..)) = self.pending.get(&(client, number)) else { return };
        let bundle = Arc::clone(bundle);
        for to in self.config.voters.clone() {
            if !self.rng.chance_ppm(self.weather.loss_ppm) {
                let after = self.rng.span(self.weather.delay);
                self.plan(after, Happening::Request { to, bundle: Arc::clone(&bundle) });
            }
        }
        self.plan(ms(2_000), Happening::Retry { client, number });
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, span: Span) {
        let end = self.now + span;
        while let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= end
        {
            let ((at, _), what) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(what);
        }
        self.now = end;
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Message { from, to, message } => self.deliver(from, to, message),
            Happening::Written { node, incarnation } => {
                if self.nodes.get(&node).is_some_and(|member| member.image.incarnation == incarnation) {
                    self.sync_one(node);
                }
            }
            Happening::Wake { node, incarnation, at } => {
                let due = self
                    .nodes
                    .get_mut(&node)
                    .filter(|member| member.image.incarnation == incarnation && member.wake == Some(at));
                if let Some(member) = due {
                    member.wake = None;
                    self.step(node, Input::DeadlineReached);
                }
            }
            Happening::Request { to, bundle } => {
                let Some(member) = self.nodes.get(&to) else { return };
                let mut claims = Vec::new();
                member.replica.request_claims(&bundle, &mut claims);
                self.ring.verify(&claims).expect("clients are honest");
                self.step(to, Input::Requests(vec![bundle]));
            }
            Happening::Retry { client, number } => self.send_request(client, number),
            Happening::Start { node } => self.start(node),
        }
    }

    /// Hands a message over, as an executor does: its signatures are verified first.
    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        let Some(member) = self.nodes.get(&to) else { return };
        let mut claims = Vec::new();
        member.replica.claims(from, &message, &mut claims);
        if self.ring.verify(&claims).is_ok() {
            self.step(to, Input::Receive { from, message });
        } else {
            self.forged += 1;
            self.step(to, Input::Forged { from });
        }
    }

    pub(super) fn step(&mut self, node: NodeId, input: Input<Message>) {
        let now = self.clock();
        let Some(member) = self.nodes.get_mut(&node) else { return };
        if member.broken.is_some() {
            return;
        }
        let mut out = Effects::listening();
        member.replica.step(now, input, &mut out);
        let effects: Vec<_> = out.drain().collect();
        for effect in effects {
            self.carry_out(node, effect);
        }
        self.plan_wake(node);
        if let Some((doomed, steps)) = &mut self.crash_after
            && *doomed == node
        {
            *steps = steps.saturating_sub(1);
            if *steps == 0 {
                self.crash_after = None;
                self.crash(node);
                self.start_in(node, ms(5));
            }
        }
    }

    /// Starts a node that is down, a little later.
    pub(super) fn start_in(&mut self, node: NodeId, after: Span) {
        self.plan(after, Happening::Start { node });
    }

    /// What leaves a replica must not contradict what left it before, also before a crash.
    fn watch(&mut self, from: NodeId, message: &Message) {
        let (is_vote, view, block) = match message {
            Message::Vote(vote) => (true, vote.view, vote.block),
            Message::Proposal(proposal) => (false, proposal.block.view(), proposal.block.hash()),
            Message::Timeout(timeout) => {
                let last = self.given_up.entry(from).or_default();
                *last = timeout.view.max(*last);
                return;
            }
            _ => return,
        };
        let before = *self.promised.entry((from, is_vote, view)).or_insert(block);
        let late = is_vote && self.given_up.get(&from).is_some_and(|given_up| view <= *given_up);
        if before != block || late {
            self.perjury = Some(format!("{from} in {view}: {message:?}"));
        }
    }

    fn carry_out(&mut self, node: NodeId, effect: Effect<Message, HardState>) {
        let disk = self.rng.span(self.weather.disk);
        let Some(member) = self.nodes.get_mut(&node) else { return };
        match effect {
            Effect::Send { to, message, after } => match after {
                Some(ticket) if ticket.sequence > member.durable => member.waiting.push((to, message, ticket)),
                Some(_) | None => self.send(node, to, message),
            },
            Effect::Write(write) => {
                member.writes.push(write);
                let incarnation = member.image.incarnation;
                self.plan(disk, Happening::Written { node, incarnation });
            }
            Effect::Apply { from, through } => self.apply(node, from, through),
            Effect::Snapshot { index } => {
                assert_eq!(member.applied, index, "a snapshot is of what is applied");
                let data = Bytes::copy_from_slice(&member.state.to_le_bytes());
                let digest = Digest(member.state);
                self.step(node, Input::SnapshotTaken { index, digest, data });
            }
            Effect::Restore { index } => {
                let snapshot = member.image.snapshot.clone().expect("what is restored is durable");
                assert_eq!(snapshot.meta.index, index);
                member.state = restored(&snapshot.data);
                member.applied = index;
                self.step(node, Input::Applied { through: index, results: Vec::new() });
            }
            Effect::Answer { client, number, outcome } => self.answered(client, number, outcome),
            Effect::Note(AnyEvent::HotStuff(event)) => member.events.push(event),
            Effect::Broken(fact) => member.broken = Some(fact),
            Effect::Note(_) | Effect::Project { .. } | Effect::Read { .. } => {}
        }
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: Message) {
        self.watch(from, &message);
        if self.keep_sent {
            self.sent.push((from, to, message.clone()));
        }
        let is_vote = matches!(message, Message::Vote(_));
        let lost = self.rng.chance_ppm(self.weather.loss_ppm)
            || self.cut.contains(&(from, to))
            || (is_vote && self.cut_votes == Some((from, to)));
        let after = self.rng.span(self.weather.delay);
        if !lost {
            self.plan(after, Happening::Message { from, to, message });
        }
    }

    /// Makes the oldest pending write of a node durable.
    fn sync_one(&mut self, node: NodeId) {
        let Some(member) = self.nodes.get_mut(&node) else { return };
        if member.writes.is_empty() {
            return;
        }
        let write = member.writes.remove(0);
        member.image.apply(&write).expect("a write continues the log");
        member.durable = write.ticket.sequence;
        let durable = member.durable;
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut member.waiting).into_iter().partition(|(.., ticket)| ticket.sequence <= durable);
        member.waiting = waiting;
        for (to, message, _) in ready {
            self.send(node, to, message);
        }
        self.step(node, Input::Written(write.ticket));
    }

    fn apply(&mut self, node: NodeId, from: LogIndex, through: LogIndex) {
        let Some(member) = self.nodes.get_mut(&node) else { return };
        let entries: Vec<_> = member.image.entries(from, through).to_vec();
        assert_eq!(entries.len() as u64, through.0 + 1 - from.0, "what is applied is durable");
        let mut results = Vec::new();
        for entry in entries {
            assert_eq!(entry.index, member.applied.next(), "entries are applied in order");
            member.applied = entry.index;
            member.state = member.state.wrapping_mul(31).wrapping_add(entry.client.0 * 1_000 + entry.number.0);
            let first = self.agreed.entry(entry.index).or_insert_with(|| Arc::clone(&entry));
            if *first != entry {
                self.disagreement = Some(format!("{node} applied {entry:?}, another one {first:?}"));
            }
            if entry.client != ClientId(0) {
                let (index, client, number) = (entry.index, entry.client, entry.number);
                results.push(Applied { index, client, number, result: Bytes::from_static(b"done") });
            }
        }
        self.step(node, Input::Applied { through, results });
    }

    fn answered(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        let Outcome::Replied(reply) = outcome else { return };
        let key = (client.0, number.0);
        let Some((_, replies, asked)) = self.pending.get_mut(&key) else { return };
        self.ring.verify(&[reply.claim(CLUSTER)]).expect("replicas sign what they answer");
        let needed = quorum::one_honest(self.config.voters.len() as u32);
        if replies.take(*reply, needed).is_some() {
            self.told.insert(key, (*asked, self.now));
            self.pending.remove(&key);
        }
    }

    /// Nobody disagrees, and nobody is broken.
    pub(super) fn check(&self, seed: u64) {
        assert_eq!(self.disagreement, None, "seed {seed}");
        assert_eq!(self.perjury, None, "seed {seed}");
        for (name, node) in &self.nodes {
            assert_eq!(node.broken, None, "seed {seed}: {name}");
        }
    }

    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[&n(node)]
    }

    pub(super) fn noted(&self, node: u32, wanted: impl Fn(&Event) -> bool) -> usize {
        self.node(node).events.iter().filter(|event| wanted(event)).count()
    }
}

fn restored(data: &[u8]) -> u64 {
    data.try_into().map(u64::from_le_bytes).expect("eight bytes")
}
