//! All replicas of a cluster and its clients in one thread.
//!
//! PBFT, HotStuff and the hybrid run in the wrapper of epochs, as nodes run them,
//! and stay in the first one; Raft has none.
//!
//! Messages are delivered in the order in which they were sent; of each one the
//! claims are verified, in one batch, before the replica sees it. Stores and the
//! network take no time, and no timer runs out. Clients keep four batches on
//! their way, believe f+1 equal replies that they have verified, and ask on;
//! those of plain Raft sign nothing and believe its leader.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use quorumscope_core::bft::epoch::Epochs;
use quorumscope_core::bft::{Bundle, Reply, hotstuff, hybrid, pbft};
use quorumscope_core::crypto::{Claim, Identity, Signer, Verified, Verifier};
use quorumscope_core::entry::{Class, Entry, EntryKind, Proposal, Tags};
use quorumscope_core::log::Log;
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::{Applied, Effect, Effects, Input, Mail, Outcome, Protocol};
use quorumscope_core::quorum::one_honest;
use quorumscope_core::raft::{self, Raft};
use quorumscope_core::rules::AllOn;
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{ClientId, Digest, LogIndex, Mono, NodeId, Now, RequestNumber, Wall};
use quorumscope_lab::keys::Scheme;
use serde::Serialize;

use crate::count::Counted;

pub const CLUSTER: u64 = 1;

/// Batches that are asked for at once.
const IN_FLIGHT: u64 = 4;

/// Clients that sign one by one, at the most: replicas remember the replies of 1,024. Where more is asked at once, each
/// asks for several.
const CLIENTS: u64 = 1_000;

/// How many verified signatures a replica remembers at least, as in the laboratory: proposals repeat what clients have
/// sent to all.
const REMEMBERED: usize = 1_024;

/// What a cluster is made of, and who asks how.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub nodes: u32,
    pub batch: u64,
    /// Whether a batch is one client's, under one signature; else each request is another client's.
    pub bundled: bool,
    pub scheme: Scheme,
    pub checkpoint_interval: u32,
}

/// A protocol that can be measured.
pub trait Subject: Protocol<Message: Serialize> {
    const NAME: &'static str;
    /// Whether requests go to all replicas, because any of them may be the next to order them.
    const ASKS_ALL: bool;
    /// Whether replicas meet signatures again that they have verified: in proposals, or in certificates.
    const MEETS_AGAIN: bool;
    /// Whether clients sign what they ask, and believe f+1 equal replies; else they believe the leader's answer.
    const SIGNED: bool = true;
    fn config(setup: &Setup, signers: Arc<Counted>) -> Self::Config;
    fn log(&self) -> &Log;
    /// The decision that a message of the normal case belongs to, where one of its own can be told.
    fn decision(message: &Self::Message) -> Option<u64>;
}

/// What PBFT and the hybrid, which is made of it, are set to.
fn pbft_settings(setup: &Setup) -> pbft::Settings {
    let interval = setup.checkpoint_interval;
    pbft::Settings {
        max_batch_requests: setup.batch as u32,
        checkpoint_interval: interval,
        window: 4 * interval,
        ..pbft::Settings::new(CLUSTER, voters(setup))
    }
}

fn voters(setup: &Setup) -> Vec<NodeId> {
    (1..=setup.nodes).map(NodeId).collect()
}

impl Subject for Epochs<pbft::Pbft<AllOn>> {
    const NAME: &'static str = "pbft";
    const ASKS_ALL: bool = false;
    const MEETS_AGAIN: bool = false;

    fn config(setup: &Setup, signers: Arc<Counted>) -> Self::Config {
        pbft::Config::new(pbft_settings(setup), AllOn, signers).expect("settings that can work")
    }

    fn log(&self) -> &Log {
        self.instance().log()
    }

    fn decision(message: &pbft::Message) -> Option<u64> {
        match message {
            pbft::Message::PrePrepare(said) => Some(said.sequence.0),
            pbft::Message::Prepare(vote) | pbft::Message::Commit(vote) => Some(vote.subject.sequence.0),
            _ => None,
        }
    }
}

impl Subject for Epochs<hotstuff::HotStuff<AllOn>> {
    const NAME: &'static str = "hotstuff";
    const ASKS_ALL: bool = true;
    const MEETS_AGAIN: bool = true;

    fn config(setup: &Setup, signers: Arc<Counted>) -> Self::Config {
        let mut config = hotstuff::Config::new(CLUSTER, voters(setup), signers, AllOn);
        config.settings.max_batch_requests = setup.batch as u32;
        config.settings.checkpoint_interval = setup.checkpoint_interval;
        config.settings.max_blocks = 4 * setup.checkpoint_interval + 64;
        config.validate().expect("settings that can work");
        config
    }

    fn log(&self) -> &Log {
        self.instance().log()
    }

    fn decision(message: &hotstuff::Message) -> Option<u64> {
        match message {
            hotstuff::Message::Proposal(proposal) => Some(proposal.block.view().0),
            hotstuff::Message::Vote(vote) => Some(vote.view.0),
            hotstuff::Message::Certificate(certificate) => Some(certificate.view.0),
            _ => None,
        }
    }
}

impl Subject for Epochs<hybrid::Hybrid<AllOn>> {
    const NAME: &'static str = "hybrid";
    const ASKS_ALL: bool = false;
    const MEETS_AGAIN: bool = true;

    fn config(setup: &Setup, signers: Arc<Counted>) -> Self::Config {
        let settings = hybrid::Settings { bft: pbft_settings(setup), threat: Default::default() };
        hybrid::Config::new(settings, AllOn, signers).expect("settings that can work")
    }

    fn log(&self) -> &Log {
        self.instance().log()
    }

    /// What commits a batch travels with the next one.
    fn decision(_: &hybrid::Message) -> Option<u64> {
        None
    }
}

impl Subject for Raft<AllOn> {
    const NAME: &'static str = "raft";
    const ASKS_ALL: bool = false;
    const MEETS_AGAIN: bool = false;
    const SIGNED: bool = false;

    fn config(setup: &Setup, _: Arc<Counted>) -> Self::Config {
        // As often as checkpoints, which come every so many batches.
        let threshold = setup.checkpoint_interval.saturating_mul(setup.batch as u32);
        let snapshots = raft::Snapshots { threshold, ..raft::Snapshots::default() };
        raft::Config { max_entries_per_append: 512, snapshots, ..raft::Config::new(voters(setup), AllOn) }
    }

    fn log(&self) -> &Log {
        self.log()
    }

    fn decision(_: &raft::Message) -> Option<u64> {
        None
    }
}

struct Node<P: Subject> {
    replica: P,
    effects: Effects<P::Message, P::Hard>,
    verified: Verified,
    /// What it has applied: a count and a hash in order.
    count: u64,
    digest: u64,
}

/// What clients wait for.
struct Pending {
    /// Replies that came, of one request after the other.
    replies: Vec<Vec<Reply>>,
    left: usize,
}

pub struct Cluster<P: Subject> {
    setup: Setup,
    nodes: Vec<Node<P>>,
    queue: VecDeque<(NodeId, NodeId, P::Message)>,
    pub keys: Arc<Counted>,
    clients: Vec<Arc<dyn Signer>>,
    now: Now,
    number: u64,
    /// By the number of their first request.
    pending: VecDeque<(u64, Pending)>,
    pub done: u64,
    needed: u32,
    claims: Vec<Claim>,
    /// Messages and bytes between replicas, by decision, where they are counted.
    pub sent: Option<Vec<(u64, u64)>>,
}

impl<P: Subject> Cluster<P> {
    pub fn new(setup: Setup) -> Self {
        let clients = if setup.bundled { IN_FLIGHT } else { (IN_FLIGHT * setup.batch).min(CLIENTS) };
        let keys = Arc::new(Counted::new(setup.scheme, setup.nodes, clients));
        let config = P::config(&setup, Arc::clone(&keys));
        let now = Now { mono: Mono(1_000_000), wall: Wall(1_000_000) };
        let start = |node: NodeId| {
            let image = DiskImage::formatted(CLUSTER, node, Membership::of(voters(&setup)));
            let needed = (2 * IN_FLIGHT * setup.batch) as usize;
            let remembered = if P::MEETS_AGAIN && setup.scheme == Scheme::Real { needed.max(REMEMBERED) } else { 0 };
            Node {
                replica: P::recover(&config, node, &image, 7, now),
                effects: Effects::in_memory(),
                verified: Verified::new(remembered),
                count: 0,
                digest: 0,
            }
        };
        let nodes = voters(&setup).into_iter().map(start).collect();
        let clients = (1..=clients).map(|client| keys.of(Identity::Client(ClientId(client)))).collect();
        let mut cluster = Self {
            setup,
            nodes,
            queue: VecDeque::new(),
            keys,
            clients,
            now,
            number: 0,
            pending: VecDeque::new(),
            done: 0,
            needed: if P::SIGNED { one_honest(setup.nodes) } else { 1 },
            claims: Vec::new(),
            sent: None,
        };
        if !P::SIGNED {
            cluster.elect();
        }
        cluster
    }

    /// The first replica's timer runs out, and it leads.
    fn elect(&mut self) {
        self.now.mono = self.nodes[0].replica.next_deadline().expect("every node has a timer");
        self.step(0, Input::DeadlineReached);
        while let Some((from, to, message)) = self.queue.pop_front() {
            self.deliver(from, to, message);
        }
    }

    /// Runs until so many more requests are answered.
    pub fn run(&mut self, requests: u64) {
        let end = self.done + requests;
        while self.done < end {
            while (self.number - self.done) + self.setup.batch <= IN_FLIGHT * self.setup.batch {
                self.ask();
            }
            let (from, to, message) = self.queue.pop_front().expect("something is on its way while requests wait");
            self.deliver(from, to, message);
        }
    }

    /// All replicas that have applied as much have applied the same.
    pub fn check(&self) {
        let first = &self.nodes[0];
        for node in &self.nodes {
            assert!(node.count != first.count || node.digest == first.digest, "replicas differ");
        }
        assert!(self.nodes.iter().filter(|node| node.count >= self.done).count() >= self.needed as usize);
    }

    /// Clients ask for one batch.
    fn ask(&mut self) {
        let (first, batch) = (self.number + 1, self.setup.batch);
        let clients = self.clients.len() as u64;
        let proposal = |client: u64, number: u64| {
            let payload = Bytes::copy_from_slice(&[number.to_le_bytes(), [7; 8]].concat());
            let (client, number) = (ClientId(client), RequestNumber(number));
            Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload }
        };
        self.number += batch;
        let replies = (0..batch).map(|_| Vec::new()).collect();
        self.pending.push_back((first, Pending { replies, left: batch as usize }));
        if !P::SIGNED {
            let proposals = (first..first + batch).map(|number| proposal(1 + number % clients, number)).collect();
            return self.step(0, Input::Propose(proposals));
        }
        let signed = |client: u64, proposals: Vec<Proposal>| {
            let signer = &*self.clients[client as usize - 1];
            Arc::new(Bundle::signed(CLUSTER, proposals.into_iter().collect(), signer))
        };
        let numbers = first..first + batch;
        let bundles: Vec<Arc<Bundle>> = if self.setup.bundled {
            let client = 1 + first / batch % clients;
            vec![signed(client, numbers.map(|number| proposal(client, number)).collect())]
        } else {
            let client = |number: u64| 1 + number % clients;
            numbers.map(|number| signed(client(number), vec![proposal(client(number), number)])).collect()
        };
        let asked = if P::ASKS_ALL { self.nodes.len() } else { 1 };
        for at in 0..asked {
            let Node { replica, verified, .. } = &mut self.nodes[at];
            self.claims.clear();
            bundles.iter().for_each(|bundle| replica.request_claims(bundle, &mut self.claims));
            verified.check(&*self.keys, &self.claims).expect("clients are honest");
            self.step(at, Input::Requests(bundles.clone()));
        }
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, message: P::Message) {
        let at = to.0 as usize - 1;
        let Node { replica, verified, .. } = &mut self.nodes[at];
        self.claims.clear();
        replica.claims(from, &message, &mut self.claims);
        if !self.claims.is_empty() {
            verified.check(&*self.keys, &self.claims).expect("replicas are honest");
        }
        self.now.mono.0 += 1;
        self.now.wall.0 += 1;
        self.step(at, Input::Receive { from, message });
    }

    fn step(&mut self, at: usize, input: Input<P::Message>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let node = &mut self.nodes[at];
            node.replica.step(self.now, input, &mut node.effects);
            let effects: Vec<_> = node.effects.drain().collect();
            for effect in effects {
                if let Some(report) = self.carry_out(at, effect) {
                    inputs.push_back(report);
                }
            }
        }
        let from = NodeId(at as u32 + 1);
        let mail: Vec<_> = self.nodes[at].effects.mail().drain(..).collect();
        for Mail { to, message } in mail {
            self.count(&message);
            self.queue.push_back((from, to, message));
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect<P::Message, P::Hard>) -> Option<Input<P::Message>> {
        let node = &mut self.nodes[at];
        match effect {
            Effect::Apply { from, through } => Some(node.apply(from, through)),
            Effect::Snapshot { index } => {
                let data = Bytes::copy_from_slice(&[node.count.to_le_bytes(), node.digest.to_le_bytes()].concat());
                Some(Input::SnapshotTaken { index, digest: Digest(node.digest), data })
            }
            Effect::Answer { outcome: Outcome::Replied(reply), .. } => {
                self.answered(*reply);
                None
            }
            Effect::Answer { number, outcome: Outcome::Applied { .. }, .. } if !P::SIGNED => {
                self.applied(number);
                None
            }
            Effect::Broken(fact) => panic!("{fact}"),
            Effect::Note(_) => None,
            other => panic!("nothing else happens in the normal case: {other:?}"),
        }
    }

    /// A client gets a reply. It verifies the first f+1 that agree; who has asked for a bundle, all of them together.
    fn answered(&mut self, reply: Reply) {
        let (oldest, needed) = (self.pending.front().map_or(u64::MAX, |(first, _)| *first), self.needed as usize);
        let Some(group) = reply.number.0.checked_sub(oldest).map(|after| after / self.setup.batch) else { return };
        let Some((first, pending)) = self.pending.get_mut(group as usize) else { return };
        let replies = &mut pending.replies[(reply.number.0 - *first) as usize];
        if replies.len() >= needed {
            return;
        }
        assert!(replies.first().is_none_or(|known| known.agrees_with(&reply)), "replies differ");
        replies.push(reply);
        if replies.len() < needed {
            return;
        }
        pending.left -= 1;
        if !self.setup.bundled {
            let claims: Vec<_> = replies.iter().map(|reply| reply.claim(CLUSTER)).collect();
            self.keys.verify(&claims).expect("replicas sign what they answer");
            self.done += 1;
        } else if pending.left == 0 {
            let claims: Vec<_> = pending.replies.iter().flatten().map(|reply| reply.claim(CLUSTER)).collect();
            self.keys.verify(&claims).expect("replicas sign what they answer");
            self.done += self.setup.batch;
        }
        self.forget_answered();
    }

    /// The leader says that it has applied a request.
    fn applied(&mut self, number: RequestNumber) {
        let oldest = self.pending.front().map_or(u64::MAX, |(first, _)| *first);
        let Some(group) = number.0.checked_sub(oldest).map(|after| after / self.setup.batch) else { return };
        let Some((_, pending)) = self.pending.get_mut(group as usize) else { return };
        pending.left -= 1;
        self.done += 1;
        self.forget_answered();
    }

    fn forget_answered(&mut self) {
        while self.pending.front().is_some_and(|(_, pending)| pending.left == 0) {
            self.pending.pop_front();
        }
    }

    fn count(&mut self, message: &P::Message) {
        let (Some(sent), Some(decision)) = (&mut self.sent, P::decision(message)) else { return };
        let bytes = postcard::to_allocvec(message).expect("messages can be written").len();
        let at = decision as usize;
        if sent.len() <= at {
            sent.resize(at + 1, (0, 0));
        }
        sent[at].0 += 1;
        sent[at].1 += bytes as u64;
    }
}

impl<P: Subject> Node<P> {
    fn apply(&mut self, from: LogIndex, through: LogIndex) -> Input<P::Message> {
        let mut results = Vec::new();
        let entries: Vec<Arc<Entry>> = self.replica.log().between(from, through).cloned().collect();
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Command) {
            self.count += 1;
            for byte in entry.payload.iter() {
                self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
            let (index, client, number) = (entry.index, entry.client, entry.number);
            let result = Bytes::copy_from_slice(&self.digest.to_le_bytes());
            results.push(Applied { index, client, number, result });
        }
        Input::Applied { through, results }
    }
}
