//! Whatever a peer sends, with signatures that hold or not: no panic, and memory that is bounded.

use std::sync::Arc;

use super::super::message::SignedCheckpoint;
use super::super::{Block, Fetch, Message, Proposal, QuorumCertificate, Timeout, TimeoutCertificate, Vote};
use super::cluster::{World, n};
use super::craft::{batch, certificate_of};
use crate::bft::{Batch, Certificate, Checkpoint, Chunk, FetchChunk, StableCheckpoint};
use crate::crypto::{Hash256, Signature};
use crate::protocol::{Input, Protocol as _};
use crate::rng::Rng;
use crate::types::{Digest, LogIndex, Mono, NodeId, Sequence, Term, Wall};

struct Liar {
    rng: Rng,
    /// Blocks that somebody may ask for or certify.
    blocks: Vec<Arc<Block>>,
    batches: Vec<Batch>,
}

impl Liar {
    fn number(&mut self) -> u64 {
        match self.rng.below(12) {
            0 => u64::MAX,
            1 => (1 << 53) - 1,
            2 => (1 << 53) - 2,
            3 => 0,
            _ => self.rng.below(14),
        }
    }

    fn hash(&mut self) -> Hash256 {
        let at = self.rng.below(self.blocks.len() as u64 + 3) as usize;
        self.blocks.get(at).map_or(Hash256([at as u8; 32]), |block| block.hash())
    }

    fn certificate(&mut self) -> Certificate {
        if self.rng.below(3) > 0 {
            return certificate_of(&[1, 2, 3].map(|voter| (n(voter), Signature([3; 64]))));
        }
        let count = self.rng.below(6);
        let names: Vec<_> = (0..count).map(|_| (n(self.rng.below(7) as u32), Signature([3; 64]))).collect();
        certificate_of(&names)
    }

    fn justify(&mut self) -> Arc<QuorumCertificate> {
        let at = self.rng.below(self.blocks.len() as u64 + 2) as usize;
        match self.blocks.get(at) {
            Some(block) if self.rng.below(8) > 0 => {
                let (view, block, certificate) = (block.view(), block.hash(), self.certificate());
                Arc::new(QuorumCertificate { view, block, certificate })
            }
            Some(_) => {
                let (view, block, certificate) = (Term(self.number()), self.hash(), self.certificate());
                Arc::new(QuorumCertificate { view, block, certificate })
            }
            None => Arc::default(),
        }
    }

    fn block(&mut self) -> Arc<Block> {
        let justify = self.justify();
        let view = if self.rng.below(4) > 0 { justify.view.0.saturating_add(1) } else { self.number() };
        let batch = self.batches[self.rng.below(self.batches.len() as u64) as usize].clone();
        let block = Arc::new(Block::new(Term(view), justify, batch));
        self.blocks.push(Arc::clone(&block));
        block
    }

    fn entered_by(&mut self) -> Option<Arc<TimeoutCertificate>> {
        (self.rng.below(3) == 0).then(|| {
            let (view, certificate) = (Term(self.number()), self.certificate());
            let highs = (0..self.rng.below(5)).map(|_| Term(self.number())).collect();
            Arc::new(TimeoutCertificate { view, highs, certificate })
        })
    }

    fn vote(&mut self) -> Vote {
        let known = self.rng.below(self.blocks.len() as u64 + 1) as usize;
        let signature = Signature([1; 64]);
        match self.blocks.get(known) {
            Some(block) => Vote { view: block.view(), block: block.hash(), signature },
            None => Vote { view: Term(self.number()), block: self.hash(), signature },
        }
    }

    fn checkpoint(&mut self) -> Checkpoint {
        Checkpoint {
            sequence: Sequence(self.number()),
            index: LogIndex(self.number()),
            term: Term(self.number()),
            log_time: Wall(self.number()),
            membership: self.hash(),
            digest: Digest(self.number()),
            bytes: self.number(),
            snapshot: self.hash(),
        }
    }

    fn message(&mut self) -> Message {
        let signature = Signature([2; 64]);
        match self.rng.below(11) {
            0 | 1 => {
                let (block, entered_by) = (self.block(), self.entered_by());
                Message::Proposal(Arc::new(Proposal { block, entered_by, signature }))
            }
            2 | 3 => Message::Vote(self.vote()),
            4 => Message::Certificate(self.justify()),
            5 => {
                let (high, entered_by) = (self.justify(), self.entered_by());
                let view = if self.rng.below(3) > 0 { high.view.0.saturating_add(1) } else { self.number() };
                let vote = (self.rng.below(2) == 0).then(|| self.vote());
                Message::Timeout(Box::new(Timeout { view: Term(view), high, entered_by, vote, signature }))
            }
            6 => match self.entered_by() {
                Some(proof) => Message::TimeoutCertificate(proof),
                None => Message::Fetch(Fetch { block: self.hash(), above: Term(self.number()) }),
            },
            7 => Message::Blocks((0..self.rng.below(70)).map(|_| self.block()).collect()),
            8 => Message::Checkpoint(Box::new(SignedCheckpoint { checkpoint: self.checkpoint(), signature })),
            9 => {
                let (checkpoint, certificate) = (self.checkpoint(), self.certificate());
                Message::Stable(Box::new(StableCheckpoint { checkpoint, certificate }))
            }
            _ => {
                let (snapshot, offset) = (self.hash(), self.number());
                if self.rng.below(2) == 0 {
                    Message::FetchChunk(FetchChunk { snapshot, offset })
                } else {
                    Message::Chunk(Chunk { snapshot, offset, data: vec![1; 9].into() })
                }
            }
        }
    }
}

#[test]
fn whatever_arrives_nothing_panics_and_little_is_kept() {
    let mut whole = 0;
    for seed in 0..400 {
        let mut world = World::new(4, seed, |config| {
            config.settings.checkpoint_interval = 4;
            config.settings.max_blocks = 24;
        });
        (2..=4).for_each(|other| world.crash(n(other)));
        let batches = (0..4).map(|number| batch(&world, number)).collect();
        let mut liar = Liar { rng: Rng::new(seed, 3), blocks: Vec::new(), batches };
        for number in 0..250 {
            let (from, message) = (n(liar.rng.below(6) as u32), liar.message());
            let replica = &world.node(1).instance();
            let mut claims = Vec::new();
            replica.claims(from, &message, &mut claims);
            world.step(n(1), Input::Receive { from, message });
            if number % 10 == 0 {
                world.run(crate::types::Span(liar.rng.below(50_000)));
                world.ask(1, number + 1);
            }
            let replica = &world.node(1).instance();
            let kept = [replica.votes.len(), replica.pacemaker.len()];
            assert!(kept.into_iter().all(|kept| kept <= 4), "one of each voter: {kept:?}");
            assert!(replica.sync.len() <= 24 + 64, "a chain that is fetched: {}", replica.sync.len());
            assert!(replica.own.len() <= 16 && replica.snapshots.words() <= 4 * 4);
        }
        whole += u32::from(world.node(1).broken.is_none());
    }
    assert!(whole > 100, "with forged signatures that hold an invariant may break: {whole} did not");
}

#[test]
fn inputs_that_belong_to_nothing_change_nothing() {
    let mut world = World::new(4, 1, |_| {});
    let ticket = crate::types::Ticket { incarnation: crate::types::Incarnation(9), sequence: 1_000 };
    let data = bytes::Bytes::from_static(b"state");
    let inputs = [
        Input::Written(ticket),
        Input::SnapshotTaken { index: LogIndex(7), digest: Digest(1), data },
        Input::Applied { through: LogIndex(0), results: Vec::new() },
        Input::DeadlineReached,
        Input::Forged { from: NodeId(3) },
        Input::TakeSnapshot,
        Input::ExpiryAt(None),
    ];
    for input in inputs {
        world.step(n(1), input);
        world.now = Mono(world.now.0 + 1);
    }
    world.keep_sent = true;
    world.run(crate::types::Span::from_secs(5));
    world.check(1);
    assert_eq!(world.sent.len(), 0);
}
