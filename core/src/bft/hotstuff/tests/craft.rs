//! Messages made by hand, under the keys of whoever is said to have sent them.

use std::sync::Arc;

use super::super::message::{proposal_statement, timeout_statement, vote_statement};
use super::super::{Block, Config, Message, Proposal, QuorumCertificate, Timeout, TimeoutCertificate, Vote};
use super::cluster::{World, n};
use crate::bft::testing::{TestSigner, bundle};
use crate::bft::{Batch, Certificate};
use crate::crypto::{Domain, Hash256, Identity, Signature, Signer as _, Statement};
use crate::rules::Switches;
use crate::types::{NodeId, Term, Wall};

/// The replica that the messages go to. It leads the views 4, 8, …; node 2 leads view 1.
pub(super) const ALONE: u32 = 1;

/// A world in which node 1 of four is alone, and what it sends is kept.
pub(super) fn alone(change: impl FnOnce(&mut Config<Switches>)) -> World {
    let mut world = World::new(4, 1, change);
    world.keep_sent = true;
    for other in 2..=4 {
        world.crash(n(other));
    }
    world
}

fn domain(world: &World) -> Domain {
    world.config.domain()
}

fn sign(by: u32, statement: &Statement) -> Signature {
    TestSigner(Identity::Node(n(by))).sign(statement)
}

/// A batch with one request of this number; none for 0.
pub(super) fn batch(world: &World, number: u64) -> Batch {
    if number == 0 {
        return Batch::null();
    }
    Batch::new(Some(world.clock().wall), vec![bundle(1, &[number], 8)])
}

pub(super) fn stamped(stamp: Wall, number: u64) -> Batch {
    Batch::new(Some(stamp), vec![bundle(1, &[number], 8)])
}

pub(super) fn genesis() -> Arc<QuorumCertificate> {
    Arc::new(QuorumCertificate::genesis())
}

pub(super) fn block(view: u64, justify: &Arc<QuorumCertificate>, batch: Batch) -> Arc<Block> {
    Arc::new(Block::new(Term(view), Arc::clone(justify), batch))
}

pub(super) fn vote(world: &World, by: u32, view: u64, block: Hash256) -> Vote {
    let statement = vote_statement(&domain(world), Term(view), &block, true);
    Vote { view: Term(view), block, signature: sign(by, &statement) }
}

/// A certificate for a block under this view, by these voters.
pub(super) fn certified_as(world: &World, view: u64, block: Hash256, voters: &[u32]) -> Arc<QuorumCertificate> {
    let statement = vote_statement(&domain(world), Term(view), &block, true);
    let signatures = voters.iter().map(|voter| (n(*voter), sign(*voter, &statement)));
    Arc::new(QuorumCertificate { view: Term(view), block, certificate: Certificate::of(signatures, 99) })
}

pub(super) fn certified(world: &World, block: &Block) -> Arc<QuorumCertificate> {
    certified_as(world, block.view().0, block.hash(), &[2, 3, 4])
}

/// A certificate whose signatures are these, in this order, names repeated or not.
pub(super) fn certificate_of(list: &[(NodeId, Signature)]) -> Certificate {
    let bytes = postcard::to_allocvec(list).expect("a list");
    postcard::from_bytes(&bytes).expect("the same encoding")
}

/// A view that three have given up, each with this highest certificate.
pub(super) fn given_up(world: &World, view: u64, high: u64) -> Arc<TimeoutCertificate> {
    let statement = timeout_statement(&domain(world), Term(view), Term(high));
    let signatures = [2, 3, 4].map(|voter| (n(voter), sign(voter, &statement)));
    let certificate = Certificate::of(signatures.into_iter(), 3);
    Arc::new(TimeoutCertificate { view: Term(view), highs: vec![Term(high); 3], certificate })
}

/// The leader of the block's view proposes it; the view before was given up where `entered_by` says so.
pub(super) fn proposal(world: &World, block: &Arc<Block>, entered_by: Option<Arc<TimeoutCertificate>>) -> Message {
    let statement = proposal_statement(&domain(world), block.view(), &block.hash());
    let signature = sign(leader(block.view().0), &statement);
    Message::Proposal(Arc::new(Proposal { block: Arc::clone(block), entered_by, signature }))
}

pub(super) fn leader(view: u64) -> u32 {
    [1, 2, 3, 4][(view % 4) as usize]
}

pub(super) fn timeout(
    world: &World,
    by: u32,
    view: u64,
    high: &Arc<QuorumCertificate>,
    entered_by: Option<Arc<TimeoutCertificate>>,
    vote: Option<Vote>,
) -> Message {
    let signature = sign(by, &timeout_statement(&domain(world), Term(view), high.view));
    Message::Timeout(Box::new(Timeout { view: Term(view), high: Arc::clone(high), entered_by, vote, signature }))
}

/// Hands a proposal to the replica, and lets its disk write.
pub(super) fn propose(world: &mut World, block: &Arc<Block>, entered_by: Option<Arc<TimeoutCertificate>>) {
    let message = proposal(world, block, entered_by);
    world.deliver(n(leader(block.view().0)), n(ALONE), message);
    world.run(crate::types::Span(600));
}

/// The votes that have left the replica: view and block.
pub(super) fn votes(world: &World) -> Vec<(u64, Hash256)> {
    let of = |message: &Message| match message {
        Message::Vote(vote) => Some((vote.view.0, vote.block)),
        _ => None,
    };
    world.sent.iter().filter_map(|(.., message)| of(message)).collect()
}

/// Blocks of these views with requests, each following the one before, certified; all are proposed to the replica.
pub(super) fn chain(world: &mut World, views: &[u64]) -> Vec<Arc<Block>> {
    let mut justify = genesis();
    let mut blocks: Vec<Arc<Block>> = Vec::new();
    for view in views {
        let next = block(*view, &justify, batch(world, *view));
        let before = justify.view.0;
        let entered_by = (before + 1 < *view).then(|| given_up(world, view - 1, before));
        propose(world, &next, entered_by);
        justify = certified(world, &next);
        blocks.push(next);
    }
    blocks
}
