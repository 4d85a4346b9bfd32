//! A few replicas in virtual time: messages and writes take a while, some are lost, and replicas crash.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::super::{Config, Event, HardState, HotStuff, Message};
use super::liars::Liars;
use crate::bft::epoch::{self, Epochs};
use crate::bft::evidence::{Conviction, decided};
use crate::bft::testing::{CLUSTER, TestKeys, TestRing, bundle};
use crate::bft::{Bundle, Replies, Signers};
use crate::crypto::{Hash256, Verifier};
use crate::entry::Entry;
use crate::membership::Membership;
use crate::protocol::{Input, Protocol as _};
use crate::rng::Rng;
use crate::rules::Switches;
use crate::storage::{DiskImage, Write};
use crate::types::{Incarnation, LogIndex, Mono, NodeId, Now, Span, Term, Ticket, Wall};

pub(super) fn n(number: u32) -> NodeId {
    NodeId(number)
}

pub(super) fn ms(millis: u64) -> Span {
    Span::from_millis(millis)
}

pub(super) struct Node {
    pub(super) replica: Epochs<HotStuff<Switches>>,
    pub(super) image: DiskImage<HardState>,
    pub(super) writes: Vec<Write<HardState>>,
    pub(super) durable: u64,
    pub(super) waiting: Vec<(NodeId, Message, Ticket)>,
    pub(super) state: State,
    /// How many convictions the replica was told of.
    pub(super) told: usize,
    pub(super) applied: LogIndex,
    pub(super) wake: Option<Mono>,
    pub(super) events: Vec<Event>,
    pub(super) of_epochs: Vec<epoch::Event>,
    pub(super) broken: Option<&'static str>,
}

pub(super) enum Happening {
    Message { from: NodeId, to: NodeId, message: Message },
    Written { node: NodeId, incarnation: Incarnation },
    Wake { node: NodeId, incarnation: Incarnation, at: Mono },
    Request { to: NodeId, bundle: Arc<Bundle> },
    Retry { client: u64, number: u64 },
    Start { node: NodeId },
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
    /// No part of a state gets anywhere.
    pub(super) drop_chunks: bool,
    /// Nothing that is said about epochs gets anywhere.
    pub(super) drop_words: bool,
    /// Snapshots that are made: reported once all effects of the step that asked for them are carried out.
    pub(super) taken: VecDeque<(NodeId, Input<Message>)>,
    /// How many steps are being carried out, each within the one before it.
    pub(super) depth: u32,
    pub(super) config: Config<Switches>,
    pub(super) ring: Arc<dyn Verifier>,
    /// What was applied first at each index.
    pub(super) agreed: BTreeMap<LogIndex, Arc<Entry>>,
    /// Where two disagree.
    pub(super) disagreement: Option<String>,
    pub(super) pending: BTreeMap<(u64, u64), (Arc<Bundle>, Replies, Mono)>,
    /// When each request that is answered was asked and believed.
    pub(super) told: BTreeMap<(u64, u64), (Mono, Mono)>,
    /// Messages that replicas have sent.
    pub(super) sent: Vec<(NodeId, NodeId, Message)>,
    pub(super) keep_sent: bool,
    /// What each replica has voted for and proposed, by epoch and view; the last view of an epoch that it has given up.
    pub(super) promised: BTreeMap<(NodeId, u64, bool, Term), Hash256>,
    pub(super) given_up: BTreeMap<(NodeId, u64), Term>,
    /// A replica that has broken its word.
    pub(super) perjury: Option<String>,
    /// Crash this node after so many of its steps, and start it again a moment later.
    pub(super) crash_after: Option<(NodeId, u32)>,
    pub(super) forged: u64,
    pub(super) liars: Liars,
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
            drop_chunks: false,
            drop_words: false,
            taken: VecDeque::new(),
            depth: 0,
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
            liars: Liars::default(),
        };
        for node in members.voters {
            world.join(node);
        }
        world
    }

    /// A node that has nothing yet: at first one of the voters, later a spare one.
    pub(super) fn join(&mut self, node: NodeId) {
        let members = Membership::of(self.config.voters.clone());
        self.stores.insert(node, DiskImage::formatted(CLUSTER, node, members));
        self.start(node);
    }

    /// Starts a node that is down.
    pub(super) fn start(&mut self, node: NodeId) {
        let Some(mut image) = self.stores.remove(&node) else { return };
        image.incarnation = Incarnation(image.incarnation.0 + 1);
        let replica = Epochs::recover(&self.config, node, &image, 1, self.clock());
        let state = image.snapshot.as_ref().map_or_else(State::default, |snapshot| State::decode(&snapshot.data));
        let applied = image.snapshot.as_ref().map_or(LogIndex::ZERO, |snapshot| snapshot.meta.index);
        let fresh = Node {
            replica,
            image,
            writes: Vec::new(),
            durable: 0,
            waiting: Vec::new(),
            state,
            told: 0,
            applied,
            wake: None,
            events: Vec::new(),
            of_epochs: Vec::new(),
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

    pub(super) fn plan(&mut self, after: Span, what: Happening) {
        self.order += 1;
        self.queue.insert((self.now + after, self.order), what);
    }

    pub(super) fn plan_wake(&mut self, node: NodeId) {
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
        let newest = self.nodes.values().map(|node| &node.replica).max_by_key(|replica| replica.epoch());
        let voters = newest.map_or_else(|| self.config.voters.clone(), |replica| replica.members().voters.clone());
        for to in voters {
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

/// What a machine holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    /// All commands that were applied, as a sum over them.
    pub(super) sum: u64,
    /// Whom the cluster has convicted.
    pub(super) convicted: Vec<Conviction>,
}

impl State {
    pub(super) fn encode(&self) -> Vec<u8> {
        let convicted =
            if self.convicted.is_empty() { Vec::new() } else { postcard::to_allocvec(&self.convicted).unwrap() };
        [&self.sum.to_le_bytes()[..], &convicted].concat()
    }

    pub(super) fn decode(data: &[u8]) -> Self {
        let (sum, convicted) = data.split_first_chunk().expect("eight bytes");
        let convicted = if convicted.is_empty() { Vec::new() } else { postcard::from_bytes(convicted).unwrap() };
        Self { sum: u64::from_le_bytes(*sum), convicted }
    }

    pub(super) fn apply(&mut self, entry: &Entry) {
        self.sum = self.sum.wrapping_mul(31).wrapping_add(entry.client.0 * 1_000 + entry.number.0);
        let evidence = decided::in_payload(entry.client, &entry.payload);
        let verdict = evidence.and_then(|evidence| evidence.verified().ok());
        self.convicted.extend(verdict.filter(|new| self.convicted.iter().all(|known| known.culprit != new.culprit)));
    }
}

impl Node {
    /// The instance of its epoch.
    pub(super) fn instance(&self) -> &HotStuff<Switches> {
        self.replica.instance()
    }
}
