//! Up to f replicas lie under their own keys, and the others agree and go on.
//!
//! A liar is an honest replica whose messages are changed on their way out. The
//! laboratory has adversaries of every kind; here it is shown that the guards
//! hold where proposals, votes and states are told differently to each peer.

use std::sync::Arc;

use super::super::message::{SignedCheckpoint, proposal_statement, timeout_statement, vote_statement};
use super::super::{Block, Message, Proposal, Timeout, Vote};
use super::cluster::{Weather, World, ms, n};
use crate::bft::epoch::{self, Link, link};
use crate::bft::testing::{TestSigner, bundle};
use crate::bft::{Batch, Certificate, Checkpoint, Chunk};

use crate::crypto::{Domain, Hash256, Identity, Signature, Signer as _, Statement};
use crate::membership::Membership;
use crate::protocol::Input;
use crate::rng::Rng;
use crate::rules::{Rule, Rules as _};
use crate::types::{Digest, NodeId, Span, Term};

/// Who lies, and what they have told.
#[derive(Default)]
pub(super) struct Liars {
    pub(super) names: Vec<NodeId>,
    /// Blocks that a liar has proposed beside its own: view and hash.
    others: Vec<(Term, Hash256)>,
    pub(super) lies: u64,
}

fn sign(by: NodeId, statement: &Statement) -> Signature {
    TestSigner(Identity::Node(by)).sign(statement)
}

impl World {
    /// What a peer gets instead of this message.
    pub(super) fn lie(&mut self, from: NodeId, to: NodeId, message: Message) -> Vec<Message> {
        if !self.liars.names.contains(&from) || self.rng.chance_ppm(200_000) {
            return vec![message];
        }
        self.liars.lies += 1;
        if self.rng.chance_ppm(100_000) {
            return Vec::new();
        }
        self.lie_in(0, from, to, message)
    }

    fn lie_in(&mut self, epoch: u64, from: NodeId, to: NodeId, message: Message) -> Vec<Message> {
        let domain = Domain { configuration: epoch, instance: epoch, ..self.config.domain() };
        match message {
            Message::Later { epoch, message } => {
                let told = self.lie_in(epoch, from, to, *message).into_iter();
                told.map(|message| Message::Later { epoch, message: Box::new(message) }).collect()
            }
            Message::Epoch(message) => self.lie_about_epochs(from, to, *message),
            Message::Proposal(proposal) if to.0.is_multiple_of(2) => {
                let Proposal { block, entered_by, .. } = (*proposal).clone();
                let stamp = self.clock().wall;
                let batch = if block.batch().is_null() { Batch::new(Some(stamp), Vec::new()) } else { Batch::null() };
                let block = Arc::new(Block::new(block.view(), Arc::clone(block.justify()), batch));
                self.liars.others.push((block.view(), block.hash()));
                let signature = sign(from, &proposal_statement(&domain, block.view(), &block.hash()));
                vec![Message::Proposal(Arc::new(Proposal { block, entered_by, signature }))]
            }
            Message::Vote(vote) => {
                let names_view = self.config.rules.on(Rule::HotStuffCertificateNamesView);
                let others = self.liars.others.iter().filter(|(view, _)| *view == vote.view);
                let twice = others.map(|(view, block)| {
                    let signature = sign(from, &vote_statement(&domain, *view, block, names_view));
                    Message::Vote(Vote { view: *view, block: *block, signature })
                });
                twice.chain([Message::Vote(vote)]).collect()
            }
            Message::Timeout(timeout) => {
                // It hides its certificate where it can, and its vote.
                let Timeout { view, entered_by, .. } = *timeout;
                let low = entered_by.as_ref().filter(|proof| proof.highest() == Term(0));
                let high = if low.is_some() { Arc::default() } else { timeout.high };
                let signature = sign(from, &timeout_statement(&domain, view, high.view));
                vec![Message::Timeout(Box::new(Timeout { view, high, entered_by, vote: None, signature }))]
            }
            Message::Checkpoint(signed) => {
                let mut checkpoint = signed.checkpoint;
                checkpoint.digest = Digest(checkpoint.digest.0 ^ u64::from(to.0));
                let signature = sign(from, &checkpoint.statement(&domain));
                vec![Message::Checkpoint(Box::new(SignedCheckpoint { checkpoint, signature }))]
            }
            Message::Chunk(Chunk { snapshot, offset, .. }) => {
                vec![Message::Chunk(Chunk { snapshot, offset, data: vec![0; 8].into() })]
            }
            Message::Certificate(_) | Message::TimeoutCertificate(_) | Message::Fetch(_) | Message::FetchChunk(_) => {
                Vec::new()
            }
            Message::Blocks(mut blocks) => {
                blocks.reverse();
                vec![Message::Blocks(blocks)]
            }
            honest @ (Message::Proposal(_) | Message::Stable(_) | Message::Evidence(_)) => vec![honest],
        }
    }
}

impl World {
    /// Another end for each peer, and links to an epoch that is the liar's alone.
    fn lie_about_epochs(&self, from: NodeId, to: NodeId, message: epoch::Message) -> Vec<Message> {
        let domain = |epoch| Domain { configuration: epoch, instance: epoch, ..self.config.domain() };
        let sign = |checkpoint: &Checkpoint, epoch| sign(from, &link::statement(checkpoint, &domain(epoch)));
        let lie = match message {
            epoch::Message::Word(mut word) => {
                word.checkpoint.digest.0 ^= u64::from(to.0);
                word.signature = sign(&word.checkpoint, word.epoch);
                epoch::Message::Word(word)
            }
            epoch::Message::Links(links) => {
                let forge = |link: &Arc<Link>| {
                    let members = Membership::of(vec![from]);
                    let membership = Checkpoint::membership_hash(&members);
                    let checkpoint = Checkpoint { membership, ..link.checkpoint };
                    let signed = [(from, sign(&checkpoint, link.epoch))];
                    let certificate = Certificate::of(signed.into_iter(), 1);
                    Arc::new(Link { epoch: link.epoch, checkpoint, members, certificate })
                };
                epoch::Message::Links(links.iter().map(forge).collect())
            }
            here @ epoch::Message::Here { .. } => here,
        };
        vec![Message::Epoch(Box::new(lie))]
    }
}

pub(super) fn run(nodes: u32, liars: u32, seed: u64, keep_sent: bool) -> World {
    let mut world = World::new(nodes, seed, |config| {
        config.settings.checkpoint_interval = 4;
        config.settings.max_blocks = 48;
        config.settings.max_batch_requests = 4;
    });
    world.keep_sent = keep_sent;
    let mut rng = Rng::new(seed, 9);
    while world.liars.names.len() < liars as usize {
        let name = n(1 + rng.below(u64::from(nodes)) as u32);
        if !world.liars.names.contains(&name) {
            world.liars.names.push(name);
        }
    }
    world.weather = Weather { delay: (Span(100), ms(rng.below(80) + 2)), loss_ppm: 20_000, ..Weather::CALM };
    for number in 1..=30 {
        world.ask(1 + number % 3, number);
        if rng.below(4) == 0 {
            let (from, to) = (rng.below(u64::from(nodes)), rng.below(u64::from(nodes)));
            world.cut.insert((n(1 + from as u32), n(1 + to as u32)));
        } else if rng.below(3) == 0 {
            world.cut.clear();
        }
        if rng.below(12) == 0 {
            let node = n(1 + rng.below(u64::from(nodes)) as u32);
            world.crash(node);
            world.start(node);
        }
        world.run(ms(rng.below(150)));
    }
    world.weather = Weather::CALM;
    world.cut.clear();
    world.run(Span::from_secs(12));
    world
}

#[test]
fn up_to_f_liars_neither_split_the_others_nor_stop_them() {
    let mut lies = 0;
    for seed in 0..200 {
        let (nodes, liars) = if seed % 3 == 2 { (7, 2) } else { (4, 1) };
        let world = run(nodes, liars, seed, false);
        world.check(seed);
        assert_eq!(world.unanswered(), 0, "seed {seed}, liars {:?}", world.liars.names);
        lies += world.liars.lies;
    }
    assert!(lies > 7_000, "{lies}");
}

/// Two quorums share an honest voter; two that are one vote short need not share anybody.
#[test]
fn where_quorums_are_one_vote_short_two_halves_decide_apart() {
    for off in [false, true] {
        let mut world = World::new(6, 1, |config| {
            if off {
                config.rules = config.rules.without(Rule::HotStuffQuorum);
            }
        });
        for (a, b) in (1..=3).flat_map(|a| (4..=6).map(move |b| (a, b))) {
            world.cut.extend([(n(a), n(b)), (n(b), n(a))]);
        }
        for (client, half) in [(1, 1..=3), (2, 4..=6)] {
            half.for_each(|node| world.step(n(node), Input::Requests(vec![bundle(client, &[1], 8)])));
        }
        world.run(Span::from_secs(30));
        let is_broken = world.disagreement.is_some() || world.nodes.values().any(|node| node.broken.is_some());
        assert_eq!((is_broken, world.agreed.is_empty()), (off, !off));
    }
}
