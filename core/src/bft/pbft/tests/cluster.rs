//! Replicas, clients and a network in virtual time, drawn from one seed: loss, delay, reordering, slow disks, crashes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::clients::Asked;
use crate::bft::Signers;
use crate::bft::pbft::{Config, Event, HardState, Message, Pbft, Settings};
use crate::bft::testing::{TestKeys, TestRing, TestSigner};
use crate::crypto::{Ed25519Ring, Ed25519Signer, Hash256, Identity, Signer, Verified, Verifier};
use crate::machine::kv::KeyValue;
use crate::machine::session::Sessions;
use crate::membership::Membership;
use crate::protocol::{Effects, Input, Protocol as _};
use crate::rng::Rng;
use crate::rules::{Rule, Switches};
use crate::storage::{DiskImage, Write};
use crate::types::{ClientId, Digest, Incarnation, LogIndex, Mono, NodeId, Now, Sequence, Span, Term, Ticket, Wall};

/// What changes a message on its way, or has it lost, or makes several of it.
pub(super) type Tamper = Box<dyn FnMut(NodeId, NodeId, Message) -> Vec<Message>>;

pub(super) struct Node {
    pub(super) replica: Pbft<Switches>,
    pub(super) image: DiskImage<HardState>,
    pub(super) machine: Sessions<KeyValue>,
    /// How many convictions the replica was told of.
    pub(super) told: usize,
    pub(super) writes: VecDeque<Write<HardState>>,
    pub(super) durable: u64,
    pub(super) waiting: Vec<(NodeId, Message, Ticket)>,
    pub(super) broken: Option<&'static str>,
    pub(super) events: Vec<Event>,
    pub(super) verified: Verified,
    pub(super) reported_at: u64,
    pub(super) is_down: bool,
    pub(super) skew: u64,
}

#[derive(Debug)]
pub(super) enum Happening {
    Arrives { from: NodeId, to: NodeId, message: Message },
    Synced { node: NodeId, incarnation: Incarnation },
    Reports { node: NodeId, incarnation: Incarnation, input: Box<Input<Message>> },
    Wakes { node: NodeId },
    Retries { client: u64, number: u64 },
    Restarts { node: NodeId },
}

/// What the network does to messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    pub(super) loss_ppm: u32,
    pub(super) twice_ppm: u32,
    pub(super) delay: (u64, u64),
    pub(super) sync: (u64, u64),
}

pub(super) const CALM: Network = Network { loss_ppm: 0, twice_ppm: 0, delay: (500, 2_000), sync: (100, 300) };
pub(super) const ROUGH: Network =
    Network { loss_ppm: 80_000, twice_ppm: 50_000, delay: (200, 60_000), sync: (100, 20_000) };

pub(super) struct Cluster {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) queue: BTreeMap<(u64, u64), Happening>,
    pub(super) drawn: u64,
    pub(super) now: u64,
    pub(super) rng: Rng,
    pub(super) config: Config<Switches>,
    pub(super) verifier: Arc<dyn Verifier>,
    pub(super) sign: fn(Identity) -> Arc<dyn Signer>,
    pub(super) network: Network,
    pub(super) cut: BTreeSet<(NodeId, NodeId)>,
    pub(super) tamper: Option<Tamper>,
    /// Replicas that the test lets lie: nothing is checked of them.
    pub(super) liars: BTreeSet<NodeId>,
    pub(super) asked: BTreeMap<(u64, u64), Asked>,
    /// What honest replicas have applied.
    pub(super) applied: BTreeMap<LogIndex, (Term, Hash256)>,
    /// What each replica has said: kind, view, sequence number.
    pub(super) said: BTreeMap<(NodeId, u8, Term, Sequence), Hash256>,
    pub(super) sent: u64,
    /// Nodes whose disks take ten seconds; where `slow_after_first_write` is set, from their second write on.
    pub(super) slow: BTreeSet<NodeId>,
    pub(super) slow_after_first_write: bool,
    /// Whether clients ask again.
    pub(super) clients_retry: bool,
    /// A replica that hears nothing of one client.
    pub(super) deaf: Option<(NodeId, ClientId)>,
    /// Kinds of events that were noted.
    pub(super) seen: BTreeSet<String>,
    pub(super) contradictions: Vec<String>,
}

pub(super) fn n(number: u32) -> NodeId {
    NodeId(number)
}

fn test_signer(identity: Identity) -> Arc<dyn Signer> {
    Arc::new(TestSigner(identity))
}

fn secret(identity: Identity) -> Ed25519Signer {
    Ed25519Signer::new(identity, Hash256::of(&identity.bytes()).0)
}

fn real_signer(identity: Identity) -> Arc<dyn Signer> {
    Arc::new(secret(identity))
}

#[derive(Debug)]
struct RealKeys;

impl Signers for RealKeys {
    fn signer(&self, node: NodeId) -> Option<Arc<dyn Signer>> {
        Some(real_signer(Identity::Node(node)))
    }
}

pub(super) fn settings(nodes: u32) -> Settings {
    Settings {
        checkpoint_interval: 4,
        window: 16,
        pipeline: 4,
        chunk_bytes: 64,
        retransmit: Span::from_millis(60),
        idle_status: Span::from_millis(500),
        request_timeout: (Span::from_millis(300), Span::from_millis(2_400)),
        ..Settings::new(crate::bft::testing::CLUSTER, (1..=nodes).map(NodeId).collect())
    }
}

impl Cluster {
    pub(super) fn new(nodes: u32, seed: u64) -> Self {
        Self::with(settings(nodes), Switches::all_on(), seed)
    }

    pub(super) fn without(nodes: u32, seed: u64, rule: Rule) -> Self {
        Self::with(settings(nodes), Switches::all_on().without(rule), seed)
    }

    pub(super) fn with(settings: Settings, rules: Switches, seed: u64) -> Self {
        let config = Config::new(settings, rules, Arc::new(TestKeys)).expect("settings that can work");
        Self::of(config, Arc::new(TestRing), test_signer, seed)
    }

    /// With real keys.
    pub(super) fn real(nodes: u32, seed: u64) -> Self {
        let mut ring = Ed25519Ring::default();
        let nodes_of = (1..=nodes).map(|node| Identity::Node(NodeId(node)));
        for identity in nodes_of.chain((1..=4).map(|client| Identity::Client(ClientId(client)))) {
            ring.register(identity, secret(identity).public_key()).expect("a fresh key");
        }
        let config = Config::new(settings(nodes), Switches::all_on(), Arc::new(RealKeys)).expect("settings");
        Self::of(config, Arc::new(ring), real_signer, seed)
    }

    fn of(
        config: Config<Switches>,
        verifier: Arc<dyn Verifier>,
        sign: fn(Identity) -> Arc<dyn Signer>,
        seed: u64,
    ) -> Self {
        let voters = config.settings.voters.clone();
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            queue: BTreeMap::new(),
            drawn: 0,
            now: 1_000_000,
            rng: Rng::new(seed, 7),
            config,
            verifier,
            sign,
            network: CALM,
            cut: BTreeSet::new(),
            tamper: None,
            liars: BTreeSet::new(),
            asked: BTreeMap::new(),
            applied: BTreeMap::new(),
            said: BTreeMap::new(),
            sent: 0,
            slow: BTreeSet::new(),
            slow_after_first_write: false,
            clients_retry: true,
            deaf: None,
            seen: BTreeSet::new(),
            contradictions: Vec::new(),
        };
        for node in &voters {
            let members = Membership::of(voters.clone());
            cluster.start(*node, DiskImage::formatted(crate::bft::testing::CLUSTER, *node, members));
        }
        cluster
    }

    pub(super) fn start(&mut self, node: NodeId, mut image: DiskImage<HardState>) {
        image.incarnation = Incarnation(image.incarnation.0 + 1);
        let skew = self.rng.below(50_000);
        let now = self.clock(skew);
        let replica = Pbft::recover(&self.config, node, &image, self.rng.bits(), now);
        // Clients here open a session and use it in one request, before they can know its name.
        let mut machine = Sessions::<KeyValue>::default().taking_any_session();
        if let Some(snapshot) = &image.snapshot {
            machine.restore(&snapshot.data).expect("a state");
        }
        let fresh = Node {
            replica,
            image,
            machine,
            told: 0,
            writes: VecDeque::new(),
            durable: 0,
            waiting: Vec::new(),
            broken: None,
            events: Vec::new(),
            verified: Verified::new(4_096),
            reported_at: 0,
            is_down: false,
            skew,
        };
        self.nodes.insert(node, fresh);
        self.plan_wake(node);
    }

    pub(super) fn clock(&self, skew: u64) -> Now {
        Now { mono: Mono(self.now), wall: Wall(self.now + skew) }
    }

    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[&NodeId(node)]
    }

    pub(super) fn view(&self, node: u32) -> u64 {
        self.node(node).replica.view().0
    }

    pub(super) fn executed(&self, node: u32) -> u64 {
        self.node(node).replica.executed().0
    }

    pub(super) fn noted(&self, node: u32, wanted: impl Fn(&Event) -> bool) -> bool {
        self.node(node).events.iter().any(wanted)
    }

    pub(super) fn after(&mut self, delay: u64, happening: Happening) {
        self.drawn += 1;
        self.queue.insert((self.now + delay, self.drawn), happening);
    }

    pub(super) fn plan_wake(&mut self, node: NodeId) {
        if let Some(deadline) = self.nodes[&node].replica.next_deadline() {
            self.after(deadline.0.saturating_sub(self.now).max(1), Happening::Wakes { node });
        }
    }

    /// Crashes a node: of its writes that are not synced, a prefix survives.
    pub(super) fn crash(&mut self, node: u32) {
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
    pub(super) fn crash_and_lose(&mut self, node: u32) {
        self.nodes.get_mut(&n(node)).expect("a member").writes.clear();
        self.crash(node);
    }

    /// Whether writes of a node are on their way.
    pub(super) fn has_unsynced(&self, node: u32) -> bool {
        !self.node(node).writes.is_empty()
    }

    pub(super) fn restart(&mut self, node: u32) {
        if !self.node(node).is_down {
            self.crash(node);
        }
        let image = self.nodes[&n(node)].image.clone();
        self.start(n(node), image);
    }

    pub(super) fn restart_later(&mut self, node: u32, delay: u64) {
        self.crash(node);
        self.after(delay, Happening::Restarts { node: n(node) });
    }

    /// Has a primary order a batch without requests.
    pub(super) fn tick_now(&mut self, node: u32) {
        let now = self.clock(self.node(node).skew);
        let mut out = Effects::listening();
        let replica = &mut self.nodes.get_mut(&n(node)).expect("a member").replica;
        replica.propose(now, Vec::new(), &mut out);
        for effect in out.drain() {
            self.carry_out(n(node), effect);
        }
        self.step(n(node), Input::ExpiryAt(None));
    }

    /// Runs for so many milliseconds.
    pub(super) fn run(&mut self, millis: u64) {
        self.run_until(millis, |_| false);
    }

    /// Runs until something holds, for so many milliseconds at the most. Returns whether it holds.
    pub(super) fn run_until(&mut self, millis: u64, done: impl Fn(&Self) -> bool) -> bool {
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
    pub(super) fn assert_agreement(&self) {
        assert!(self.contradictions.is_empty(), "{:?}", self.contradictions);
        let broken: Vec<_> = self.nodes.iter().filter_map(|(node, member)| Some((node, member.broken?))).collect();
        assert!(broken.is_empty(), "{broken:?}");
    }

    /// All honest replicas that are up have the same state.
    pub(super) fn states(&self) -> BTreeSet<Digest> {
        let honest = self.nodes.iter().filter(|(node, member)| !member.is_down && !self.liars.contains(node));
        honest.map(|(_, member)| member.machine.digest()).collect()
    }
}
