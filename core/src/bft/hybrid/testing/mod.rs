//! Replicas, clients and a network in virtual time, drawn from one seed: loss, delay, reordering, slow disks, crashes,
//! liars. For the two rounds alone, for the whole hybrid, and for protocols whose voters change: then the settings name
//! those of the present, as whoever asks a directory knows them.

mod clients;
mod executor;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;

use clients::Asked;

use crate::bft::Bundle;
use crate::bft::pbft::{Config, Settings};
use crate::bft::testing::{CLUSTER, TestKeys};
use crate::crypto::{Claim, Hash256, Verified};
use crate::event::Event;
use crate::machine::kv::KeyValue;
use crate::machine::session::Sessions;
use crate::membership::Membership;
use crate::protocol::{Effects, Input};
use crate::rng::Rng;
use crate::rules::{Rule, Switches};
use crate::storage::{DiskImage, Hard, Write};
use crate::types::{ClientId, Digest, Incarnation, LogIndex, Mono, NodeId, Now, Span, Term, Ticket, Wall};

/// What is under test.
pub(in crate::bft) trait Subject: Clone {
    type Message: Clone + Debug;
    type Hard: Hard + Debug;
    type Config: Clone;

    fn config(settings: Settings, rules: Switches) -> Self::Config;
    fn recover(config: &Self::Config, node: NodeId, image: &DiskImage<Self::Hard>, now: Now) -> Self;
    fn step(&mut self, now: Now, input: Input<Self::Message>, out: &mut Effects<Self::Message, Self::Hard>);
    fn next_deadline(&self) -> Option<Mono>;
    fn claims(&self, from: NodeId, message: &Self::Message, claims: &mut Vec<Claim>);
    fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>);
    /// What an honest replica says once only: about which thing, and what.
    fn says(message: &Self::Message) -> Option<(Vec<u64>, Hash256)>;
}

/// What changes a message on its way, or has it lost, or makes several of it.
pub(in crate::bft) type Tamper<M> = Box<dyn FnMut(NodeId, NodeId, M) -> Vec<M>>;

pub(in crate::bft) struct Node<S: Subject> {
    pub(in crate::bft) replica: S,
    pub(in crate::bft) image: DiskImage<S::Hard>,
    pub(in crate::bft) machine: Sessions<KeyValue>,
    writes: VecDeque<Write<S::Hard>>,
    durable: u64,
    waiting: Vec<(NodeId, S::Message, Ticket)>,
    pub(in crate::bft) broken: Option<&'static str>,
    pub(in crate::bft) events: Vec<Event>,
    verified: Verified,
    reported_at: u64,
    pub(in crate::bft) is_down: bool,
    skew: u64,
}

#[derive(Debug)]
pub(in crate::bft) enum Happening<M> {
    Arrives { from: NodeId, to: NodeId, message: M },
    Synced { node: NodeId, incarnation: Incarnation },
    Reports { node: NodeId, incarnation: Incarnation, input: Box<Input<M>> },
    Wakes { node: NodeId },
    Retries { client: u64, number: u64 },
    Restarts { node: NodeId },
}

/// What the network does to messages.
#[derive(Clone, Copy, Debug)]
pub(in crate::bft) struct Network {
    loss_ppm: u32,
    twice_ppm: u32,
    delay: (u64, u64),
    sync: (u64, u64),
}

pub(in crate::bft) const CALM: Network = Network { loss_ppm: 0, twice_ppm: 0, delay: (500, 2_000), sync: (100, 300) };
pub(in crate::bft) const ROUGH: Network =
    Network { loss_ppm: 80_000, twice_ppm: 50_000, delay: (200, 60_000), sync: (100, 20_000) };

pub(in crate::bft) struct Cluster<S: Subject> {
    pub(in crate::bft) nodes: BTreeMap<NodeId, Node<S>>,
    queue: BTreeMap<(u64, u64), Happening<S::Message>>,
    drawn: u64,
    pub(in crate::bft) now: u64,
    pub(in crate::bft) rng: Rng,
    pub(in crate::bft) settings: Settings,
    config: S::Config,
    pub(in crate::bft) network: Network,
    pub(in crate::bft) cut: BTreeSet<(NodeId, NodeId)>,
    pub(in crate::bft) tamper: Option<Tamper<S::Message>>,
    /// Replicas that the test lets lie: nothing is checked of them.
    pub(in crate::bft) liars: BTreeSet<NodeId>,
    asked: BTreeMap<(u64, u64), Asked>,
    /// What honest replicas have applied.
    pub(in crate::bft) applied: BTreeMap<LogIndex, (Term, Hash256)>,
    /// Whose requests these are.
    pub(in crate::bft) ordered: BTreeMap<LogIndex, (u64, u64)>,
    /// What each replica has said.
    pub(in crate::bft) said: BTreeMap<(NodeId, Vec<u64>), Hash256>,
    pub(in crate::bft) sent: u64,
    /// Nodes whose disks take ten seconds.
    pub(in crate::bft) slow: BTreeSet<NodeId>,
    /// A replica that hears nothing of one client.
    pub(in crate::bft) deaf: Option<(NodeId, ClientId)>,
    /// Kinds of events that were noted.
    pub(in crate::bft) seen: BTreeSet<String>,
    pub(in crate::bft) contradictions: Vec<String>,
}

pub(in crate::bft) fn n(number: u32) -> NodeId {
    NodeId(number)
}

pub(in crate::bft) fn settings(nodes: u32) -> Settings {
    Settings {
        checkpoint_interval: 4,
        window: 16,
        pipeline: 4,
        chunk_bytes: 64,
        retransmit: Span::from_millis(60),
        idle_status: Span::from_millis(500),
        request_timeout: (Span::from_millis(300), Span::from_millis(2_400)),
        ..Settings::new(CLUSTER, (1..=nodes).map(NodeId).collect())
    }
}

pub(in crate::bft) fn test_config(settings: Settings, rules: Switches) -> Config<Switches> {
    Config::new(settings, rules, Arc::new(TestKeys)).expect("settings that can work")
}

impl<S: Subject> Cluster<S> {
    pub(in crate::bft) fn new(nodes: u32, seed: u64) -> Self {
        Self::with(settings(nodes), Switches::all_on(), seed)
    }

    pub(in crate::bft) fn without(nodes: u32, seed: u64, rule: Rule) -> Self {
        Self::with(settings(nodes), Switches::all_on().without(rule), seed)
    }

    pub(in crate::bft) fn with(settings: Settings, rules: Switches, seed: u64) -> Self {
        Self::of(S::config(settings.clone(), rules), settings, seed)
    }

    pub(in crate::bft) fn of(config: S::Config, settings: Settings, seed: u64) -> Self {
        let voters = settings.voters.clone();
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            queue: BTreeMap::new(),
            drawn: 0,
            now: 1_000_000,
            rng: Rng::new(seed, 7),
            config,
            settings,
            network: CALM,
            cut: BTreeSet::new(),
            tamper: None,
            liars: BTreeSet::new(),
            asked: BTreeMap::new(),
            applied: BTreeMap::new(),
            ordered: BTreeMap::new(),
            said: BTreeMap::new(),
            sent: 0,
            slow: BTreeSet::new(),
            deaf: None,
            seen: BTreeSet::new(),
            contradictions: Vec::new(),
        };
        for node in &voters {
            cluster.start(*node, DiskImage::formatted(CLUSTER, *node, Membership::of(voters.clone())));
        }
        cluster
    }

    pub(in crate::bft) fn start(&mut self, node: NodeId, mut image: DiskImage<S::Hard>) {
        image.incarnation = Incarnation(image.incarnation.0 + 1);
        let skew = self.rng.below(50_000);
        let replica = S::recover(&self.config, node, &image, self.clock(skew));
        // Clients here open a session and use it in one request, before they can know its name.
        let mut machine = Sessions::<KeyValue>::default().taking_any_session();
        if let Some(snapshot) = &image.snapshot {
            machine.restore(&snapshot.data).expect("a state");
        }
        let (writes, waiting, events) = (VecDeque::new(), Vec::new(), Vec::new());
        let (durable, broken, reported_at, is_down) = (0, None, 0, false);
        let verified = Verified::new(4_096);
        let fresh = Node {
            replica,
            image,
            machine,
            writes,
            durable,
            waiting,
            broken,
            events,
            verified,
            reported_at,
            is_down,
            skew,
        };
        let convicted = fresh.machine.convicted().to_vec();
        self.nodes.insert(node, fresh);
        if !convicted.is_empty() {
            self.report(node, Input::Convicted(convicted));
        }
        self.plan_wake(node);
    }

    fn clock(&self, skew: u64) -> Now {
        Now { mono: Mono(self.now), wall: Wall(self.now + skew) }
    }

    pub(in crate::bft) fn node(&self, node: u32) -> &Node<S> {
        &self.nodes[&NodeId(node)]
    }

    pub(in crate::bft) fn after(&mut self, delay: u64, happening: Happening<S::Message>) {
        self.drawn += 1;
        self.queue.insert((self.now + delay, self.drawn), happening);
    }

    fn plan_wake(&mut self, node: NodeId) {
        if let Some(deadline) = self.nodes[&node].replica.next_deadline() {
            self.after(deadline.0.saturating_sub(self.now).max(1), Happening::Wakes { node });
        }
    }

    /// Crashes a node: of its writes that are not synced, a prefix survives.
    pub(in crate::bft) fn crash(&mut self, node: u32) {
        let survive = self.rng.below(3);
        let member = self.nodes.get_mut(&n(node)).expect("a member");
        for _ in 0..survive {
            if let Some(write) = member.writes.pop_front() {
                member.image.apply(&write).expect("a write continues the log");
            }
        }
        member.writes.clear();
        member.waiting.clear();
        member.is_down = true;
    }

    /// Crashes a node: nothing that is not synced survives.
    pub(in crate::bft) fn crash_and_lose(&mut self, node: u32) {
        self.nodes.get_mut(&n(node)).expect("a member").writes.clear();
        self.crash(node);
    }

    pub(in crate::bft) fn restart(&mut self, node: u32) {
        if !self.node(node).is_down {
            self.crash(node);
        }
        let image = self.nodes[&n(node)].image.clone();
        self.start(n(node), image);
    }

    pub(in crate::bft) fn restart_later(&mut self, node: u32, delay: u64) {
        self.crash(node);
        self.after(delay, Happening::Restarts { node: n(node) });
    }

    /// Runs for so many milliseconds.
    pub(in crate::bft) fn run(&mut self, millis: u64) {
        self.run_until(millis, |_| false);
    }

    /// Runs until something holds, for so many milliseconds at the most. Returns whether it holds.
    pub(in crate::bft) fn run_until(&mut self, millis: u64, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + millis * 1_000;
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= end) {
            if done(self) {
                return true;
            }
            self.tick();
        }
        self.now = end;
        done(self)
    }

    /// All honest replicas have applied the same, said one thing, and hold their invariants.
    pub(in crate::bft) fn assert_agreement(&self) {
        assert!(self.contradictions.is_empty(), "{:?}", self.contradictions);
        let broken: Vec<_> = self.nodes.iter().filter_map(|(node, member)| Some((node, member.broken?))).collect();
        assert!(broken.is_empty(), "{broken:?}");
    }

    /// Whether honest replicas agree so far.
    pub(in crate::bft) fn agrees(&self) -> bool {
        self.contradictions.is_empty() && self.nodes.values().all(|node| node.broken.is_none())
    }

    /// All honest replicas that are up have the same state.
    pub(in crate::bft) fn states(&self) -> BTreeSet<Digest> {
        let honest = self.nodes.iter().filter(|(node, member)| !member.is_down && !self.liars.contains(node));
        honest.map(|(_, member)| member.machine.digest()).collect()
    }

    /// How long a run may take after calm: (2f+3) capped timers, the client's retry, and a little.
    pub(in crate::bft) fn patience(&self) -> u64 {
        let faulty = (self.settings.voters.len() as u64 - 1) / 3;
        (2 * faulty + 3) * self.settings.request_timeout.1.0 / 1_000 + 1_000
    }

    /// One run under loss, delay, reordering, duplicates, cuts, crashes and slow disks; then calm.
    pub(in crate::bft) fn rough_run(&mut self, rounds: u64) {
        let nodes = self.settings.voters.len() as u64;
        self.network = ROUGH;
        let mut number = 0;
        for _ in 0..rounds {
            match self.rng.below(10) {
                0..=4 => {
                    number += 1;
                    let client = 1 + self.rng.below(3);
                    let to = n(1 + self.rng.below(nodes) as u32);
                    self.ask_at(&[to], client, &[number, number + 1_000]);
                }
                5 => {
                    let node = 1 + self.rng.below(nodes) as u32;
                    if !self.node(node).is_down {
                        let delay = self.rng.below(1_500_000);
                        self.restart_later(node, delay);
                    }
                }
                6 => {
                    let mut pair = || n(1 + self.rng.below(nodes) as u32);
                    let (from, to) = (pair(), pair());
                    self.cut.insert((from, to));
                }
                7 => self.cut.clear(),
                _ => {}
            }
            let pause = self.rng.below(300);
            self.run(pause);
        }
        self.assert_agreement();
        self.calm_down();
    }

    /// The network calms, everybody is up.
    pub(in crate::bft) fn clear_up(&mut self) {
        self.network = CALM;
        self.cut.clear();
        for node in self.settings.voters.clone() {
            if self.node(node.0).is_down {
                self.restart(node.0);
            }
        }
    }

    /// The network calms, everybody is up: all that was asked is done, and all states are alike.
    pub(in crate::bft) fn calm_down(&mut self) {
        self.clear_up();
        self.answer_all();
        self.run(1_500);
        self.assert_agreement();
        assert_eq!(self.states().len(), 1, "states differ after calm");
    }

    /// All that was asked is done, within the time that is promised after calm.
    pub(in crate::bft) fn answer_all(&mut self) {
        let done = self.run_until(self.patience(), Self::all_done);
        self.assert_agreement();
        assert!(done, "not all was answered after calm");
    }
}
