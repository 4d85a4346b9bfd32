//! Replicas, clients and a network in virtual time, drawn from one seed: loss, delay, reordering, slow disks, crashes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::bft::pbft::{Config, Event, HardState, Message, Pbft, Settings};
use crate::bft::testing::{TestKeys, TestRing, TestSigner};
use crate::bft::{Bundle, Replies, Reply, Signers};
use crate::crypto::{Ed25519Ring, Ed25519Signer, Hash256, Identity, Signer, Verified, Verifier};
use crate::entry::{Class, EntryKind, Proposal, Tags};
use crate::machine::kv::{KeyValue, Operation};
use crate::machine::session::{Payload, Sessions};
use crate::membership::Membership;
use crate::protocol::{Applied, Effect, Effects, Input, Outcome, Protocol as _};
use crate::quorum::one_honest;
use crate::rng::Rng;
use crate::rules::{Rule, Switches};
use crate::storage::{DiskImage, Write};
use crate::types::{
    ClientId, Digest, Incarnation, LogIndex, Mono, NodeId, Now, RequestNumber, Sequence, Span, Term, Ticket, Wall,
};

/// What changes a message on its way, or has it lost, or makes several of it.
pub(super) type Tamper = Box<dyn FnMut(NodeId, NodeId, Message) -> Vec<Message>>;

pub(super) struct Node {
    pub(super) replica: Pbft<Switches>,
    pub(super) image: DiskImage<HardState>,
    pub(super) machine: Sessions<KeyValue>,
    writes: VecDeque<Write<HardState>>,
    durable: u64,
    waiting: Vec<(NodeId, Message, Ticket)>,
    pub(super) broken: Option<&'static str>,
    pub(super) events: Vec<Event>,
    verified: Verified,
    reported_at: u64,
    pub(super) is_down: bool,
    skew: u64,
}

#[derive(Debug)]
enum Happening {
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

/// A request and what its client has heard.
pub(super) struct Asked {
    bundle: Arc<Bundle>,
    replies: BTreeMap<u64, Replies>,
    answered: BTreeMap<u64, Reply>,
    pub(super) done_at: Option<u64>,
}

pub(super) struct Cluster {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    queue: BTreeMap<(u64, u64), Happening>,
    drawn: u64,
    pub(super) now: u64,
    pub(super) rng: Rng,
    pub(super) config: Config<Switches>,
    verifier: Arc<dyn Verifier>,
    sign: fn(Identity) -> Arc<dyn Signer>,
    pub(super) network: Network,
    pub(super) cut: BTreeSet<(NodeId, NodeId)>,
    pub(super) tamper: Option<Tamper>,
    /// Replicas that the test lets lie: nothing is checked of them.
    pub(super) liars: BTreeSet<NodeId>,
    pub(super) asked: BTreeMap<(u64, u64), Asked>,
    /// What honest replicas have applied.
    pub(super) applied: BTreeMap<LogIndex, (Term, Hash256)>,
    /// What each replica has said: kind, view, sequence number.
    said: BTreeMap<(NodeId, u8, Term, Sequence), Hash256>,
    pub(super) sent: u64,
    /// Nodes whose disks take ten seconds; where `slow_after_first_write` is set, from their second write on.
    pub(super) slow: BTreeSet<NodeId>,
    pub(super) slow_after_first_write: bool,
    /// Whether clients ask again.
    pub(super) clients_retry: bool,
    /// A replica that hears nothing of one client.
    pub(super) deaf: Option<(NodeId, ClientId)>,
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
        let mut machine = Sessions::<KeyValue>::default();
        if let Some(snapshot) = &image.snapshot {
            machine.restore(&snapshot.data).expect("a state");
        }
        let fresh = Node {
            replica,
            image,
            machine,
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

    fn clock(&self, skew: u64) -> Now {
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

    fn after(&mut self, delay: u64, happening: Happening) {
        self.drawn += 1;
        self.queue.insert((self.now + delay, self.drawn), happening);
    }

    fn plan_wake(&mut self, node: NodeId) {
        if let Some(deadline) = self.nodes[&node].replica.next_deadline() {
            self.after(deadline.0.saturating_sub(self.now).max(1), Happening::Wakes { node });
        }
    }

    /// A client asks for so many things at once, first the primary of the first view.
    pub(super) fn ask(&mut self, client: u64, numbers: &[u64]) {
        let to = self.config.settings.voters[0];
        self.ask_at(&[to], client, numbers);
    }

    pub(super) fn bundle(&self, client: u64, numbers: &[u64]) -> Arc<Bundle> {
        let proposal = |number: &u64| {
            let key = format!("k{}", number % 5);
            let command = Operation::Set { key, value: format!("{client}.{number}") }.encode();
            let payload = match number {
                1 => Payload::Open.encode(),
                _ => Payload::Command { acknowledged: RequestNumber(0), command }.encode(),
            };
            let (number, class) = (RequestNumber(*number), Class::Critical);
            Proposal { client: ClientId(client), number, class, tags: Tags::new(), payload }
        };
        let signer = (self.sign)(Identity::Client(ClientId(client)));
        let proposals = numbers.iter().map(proposal).collect();
        Arc::new(Bundle::signed(self.config.settings.cluster, proposals, &*signer))
    }

    pub(super) fn ask_at(&mut self, to: &[NodeId], client: u64, numbers: &[u64]) {
        let bundle = self.bundle(client, numbers);
        let (replies, answered) = (BTreeMap::new(), BTreeMap::new());
        let asked = Asked { bundle: Arc::clone(&bundle), replies, answered, done_at: None };
        self.asked.insert((client, numbers[0]), asked);
        for to in to {
            self.request(*to, &bundle);
        }
        self.after(200_000, Happening::Retries { client, number: numbers[0] });
    }

    pub(super) fn request(&mut self, to: NodeId, bundle: &Arc<Bundle>) {
        if self.nodes[&to].is_down || self.deaf == Some((to, bundle.client())) {
            return;
        }
        let mut claims = Vec::new();
        self.nodes[&to].replica.request_claims(bundle, &mut claims);
        if self.verifier.verify(&claims).is_ok() {
            self.step(to, Input::Requests(vec![Arc::clone(bundle)]));
        }
    }

    /// Whether a client believes that all of this is done.
    pub(super) fn is_done(&self, client: u64, number: u64) -> bool {
        self.asked[&(client, number)].done_at.is_some()
    }

    pub(super) fn all_done(&self) -> bool {
        self.asked.values().all(|asked| asked.done_at.is_some())
    }

    /// What a client believes of a request, with f+1 replicas that agree.
    pub(super) fn believed(&self, client: u64, number: u64) -> Option<&Reply> {
        self.asked.values().find_map(|asked| asked.answered.get(&number).filter(|reply| reply.client.0 == client))
    }

    fn answer(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        let Outcome::Replied(reply) = outcome else { return };
        if self.verifier.verify(&[reply.claim(self.config.settings.cluster)]).is_err() {
            return;
        }
        let now = self.now;
        let needed = one_honest(self.config.settings.voters.len() as u32);
        for asked in self.asked.values_mut().filter(|asked| asked.bundle.client() == client) {
            if asked.bundle.proposals().iter().any(|proposal| proposal.number == number) {
                let replies = asked.replies.entry(number.0).or_default();
                if let Some(believed) = replies.take((*reply).clone(), needed) {
                    asked.answered.insert(number.0, believed.clone());
                }
                if asked.answered.len() == asked.bundle.proposals().len() {
                    asked.done_at.get_or_insert(now);
                }
            }
        }
    }

    pub(super) fn step(&mut self, node: NodeId, input: Input<Message>) {
        let Some(member) = self.nodes.get_mut(&node).filter(|node| !node.is_down && node.broken.is_none()) else {
            return;
        };
        let now = Now { mono: Mono(self.now), wall: Wall(self.now + member.skew) };
        let mut out = Effects::listening();
        member.replica.step(now, input, &mut out);
        for effect in out.drain() {
            self.carry_out(node, effect);
        }
        self.plan_wake(node);
    }

    /// One step whose effects go nowhere; messages are counted.
    pub(super) fn step_alone(&mut self, node: NodeId, input: Input<Message>) {
        let Some(member) = self.nodes.get_mut(&node).filter(|node| node.broken.is_none()) else { return };
        let now = Now { mono: Mono(self.now), wall: Wall(self.now + member.skew) };
        let mut out = Effects::listening();
        member.replica.step(now, input, &mut out);
        for effect in out.drain() {
            match effect {
                Effect::Send { .. } => self.sent += 1,
                Effect::Broken(fact) => member.broken = Some(fact),
                _ => {}
            }
        }
    }

    fn carry_out(&mut self, node: NodeId, effect: Effect<Message, HardState>) {
        let member = self.nodes.get_mut(&node).expect("a member");
        match effect {
            Effect::Send { to, message, after } => match after.filter(|ticket| ticket.sequence > member.durable) {
                Some(ticket) => member.waiting.push((to, message, ticket)),
                None => self.leaves(node, to, message),
            },
            Effect::Write(write) => {
                let is_first = write.ticket.sequence == 1;
                member.writes.push_back(write);
                let incarnation = member.image.incarnation;
                let is_slow = self.slow.contains(&node) && !(is_first && self.slow_after_first_write);
                let delay = self.network.sync.0 + self.rng.below(self.network.sync.1 - self.network.sync.0);
                let delay = if is_slow { 10_000_000 } else { delay };
                self.after(delay, Happening::Synced { node, incarnation });
            }
            Effect::Apply { from, through } => self.apply(node, from, through),
            Effect::Snapshot { index } => {
                let (digest, data) = (member.machine.snapshot_digest(), member.machine.snapshot());
                self.report(node, Input::SnapshotTaken { index, digest, data });
            }
            Effect::Restore { index } => {
                let snapshot = member.image.snapshot.clone().expect("a durable snapshot");
                assert_eq!(snapshot.meta.index, index);
                if member.machine.restore(&snapshot.data).is_err() && !self.config.rules.off().any(|_| true) {
                    panic!("a proven snapshot is a state");
                }
                self.report(node, Input::Applied { through: index, results: Vec::new() });
            }
            Effect::Answer { client, number, outcome } => self.answer(client, number, outcome),
            Effect::Broken(fact) => member.broken = Some(fact),
            Effect::Note(crate::event::Event::Pbft(event)) => member.events.push(event),
            Effect::Note(_) | Effect::Read { .. } | Effect::Project { .. } => {}
        }
    }

    fn report(&mut self, node: NodeId, input: Input<Message>) {
        let delay = 10 + self.rng.below(400);
        let member = self.nodes.get_mut(&node).expect("a member");
        member.reported_at = (self.now + delay).max(member.reported_at + 1);
        let (at, incarnation) = (member.reported_at - self.now, member.image.incarnation);
        self.after(at, Happening::Reports { node, incarnation, input: Box::new(input) });
    }

    fn apply(&mut self, node: NodeId, from: LogIndex, through: LogIndex) {
        let is_honest = !self.liars.contains(&node);
        let member = self.nodes.get_mut(&node).expect("a member");
        let mut results = Vec::new();
        let entries = member.image.entries(from, through).to_vec();
        assert_eq!(entries.len() as u64, through.0 + 1 - from.0, "what is applied is durable");
        for entry in entries {
            let Proposal { client, number, payload, .. } = Proposal {
                client: entry.client,
                number: entry.number,
                class: entry.class,
                tags: entry.tags.clone(),
                payload: entry.payload.clone(),
            };
            let bytes = postcard::to_allocvec(&*entry).expect("an entry");
            let seen = (entry.term, Hash256::of(&bytes));
            let known = *self.applied.entry(entry.index).or_insert(seen);
            if is_honest && known != seen {
                self.contradictions.push(format!("{node} applied something else at {}", entry.index));
            }
            if entry.kind == EntryKind::Command {
                let answer = member.machine.apply(entry.index, entry.log_time, client, number, &payload);
                results.push(Applied { index: entry.index, client, number, result: answer.encode() });
            } else {
                member.machine.advance(entry.log_time);
            }
        }
        self.report(node, Input::Applied { through, results });
    }

    /// A message leaves: what it promises is durable.
    fn leaves(&mut self, from: NodeId, to: NodeId, message: Message) {
        self.sent += 1;
        self.hear(from, &message);
        let messages = match self.tamper.take() {
            Some(mut tamper) => {
                let messages = tamper(from, to, message);
                self.tamper = Some(tamper);
                messages
            }
            None => vec![message],
        };
        for message in messages {
            self.post(from, to, message);
        }
    }

    pub(super) fn post(&mut self, from: NodeId, to: NodeId, message: Message) {
        let copies = 1 + u64::from(self.rng.chance_ppm(self.network.twice_ppm));
        for _ in 0..copies {
            let lost = self.rng.chance_ppm(self.network.loss_ppm) || self.cut.contains(&(from, to));
            let delay = self.network.delay.0 + self.rng.below(self.network.delay.1 - self.network.delay.0);
            if !lost {
                self.after(delay, Happening::Arrives { from, to, message: message.clone() });
            }
        }
    }

    /// No honest replica says two things of one sequence number in one view.
    fn hear(&mut self, from: NodeId, message: &Message) {
        let primary = |view: Term| {
            let voters = &self.config.settings.voters;
            voters[(view.0 % voters.len() as u64) as usize]
        };
        let (kind, subject) = match message {
            Message::PrePrepare(said) if primary(said.view) == from => (1, said.subject()),
            Message::Prepare(vote) => (2, vote.subject),
            Message::Commit(vote) => (3, vote.subject),
            _ => return,
        };
        let known = *self.said.entry((from, kind, subject.view, subject.sequence)).or_insert(subject.hash);
        if known != subject.hash && !self.liars.contains(&from) {
            self.contradictions.push(format!("{from} said two things of {} in {}", subject.sequence, subject.view));
        }
    }

    fn sync_one(&mut self, node: NodeId) {
        let member = self.nodes.get_mut(&node).expect("a member");
        let Some(write) = member.writes.pop_front() else { return };
        member.image.apply(&write).expect("a write continues the log");
        member.durable = write.ticket.sequence;
        let durable = member.durable;
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut member.waiting).into_iter().partition(|(_, _, ticket)| ticket.sequence <= durable);
        member.waiting = waiting;
        for (to, message, _) in ready {
            self.leaves(node, to, message);
        }
        self.step(node, Input::Written(write.ticket));
    }

    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        let Some(member) = self.nodes.get_mut(&to).filter(|node| !node.is_down) else { return };
        let mut claims = Vec::new();
        member.replica.claims(from, &message, &mut claims);
        match member.verified.check(&*self.verifier, &claims) {
            Ok(()) => self.step(to, Input::Receive { from, message }),
            Err(_) => self.step(to, Input::Forged { from }),
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

    /// Lets one thing happen.
    pub(super) fn tick(&mut self) {
        let Some(((at, _), happening)) = self.queue.pop_first() else { return };
        self.now = at;
        match happening {
            Happening::Arrives { from, to, message } => self.deliver(from, to, message),
            Happening::Synced { node, incarnation } => {
                if self.nodes[&node].image.incarnation == incarnation && !self.nodes[&node].is_down {
                    self.sync_one(node);
                }
            }
            Happening::Reports { node, incarnation, input } => {
                if self.nodes[&node].image.incarnation == incarnation {
                    self.step(node, *input);
                }
            }
            Happening::Wakes { node } => {
                let now = Mono(self.now);
                if self.nodes[&node].replica.next_deadline().is_some_and(|deadline| deadline <= now) {
                    self.step(node, Input::DeadlineReached);
                }
            }
            Happening::Retries { client, number } => {
                if !self.is_done(client, number) && self.clients_retry {
                    let bundle = Arc::clone(&self.asked[&(client, number)].bundle);
                    for to in self.config.settings.voters.clone() {
                        if !self.rng.chance_ppm(self.network.loss_ppm) {
                            self.request(to, &bundle);
                        }
                    }
                    self.after(200_000, Happening::Retries { client, number });
                }
            }
            Happening::Restarts { node } => self.restart(node.0),
        }
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
