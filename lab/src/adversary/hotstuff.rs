//! How does a replica of HotStuff lie?
//!
//! As a leader about what its block follows, as a voter by votes that an honest
//! one never casts, and to anybody with certificates of which only its own
//! signature holds.

use std::sync::Arc;

use quorumscope_core::bft::evidence::Word;
use quorumscope_core::bft::hotstuff::{
    Block, BlockId, HotStuff, Message, Proposal, QuorumCertificate, SignedCheckpoint, Timeout, TimeoutCertificate,
    Vote, proposal_statement, timeout_statement, vote_statement,
};
use quorumscope_core::bft::{Checkpoint, StableCheckpoint};
use quorumscope_core::crypto::{Domain, Hash256};
use quorumscope_core::rules::{Rule, Rules as _, Switches};
use quorumscope_core::types::{ClientId, NodeId, Term};

use super::frame::frame;
use super::rival;
use super::{Deceive, Means, Trick};

/// The protocol whose replicas lie here.
pub(super) type Replica = HotStuff<Switches>;

/// How far ahead inflated views are.
const FAR: u64 = 1_000;

impl Deceive for HotStuff<Switches> {
    fn lie(trick: Trick, message: &Message, means: &mut Means<'_, Self>) -> Option<Vec<Message>> {
        match trick {
            Trick::BadParent => bad_parent(message, means),
            Trick::VoteTwice => vote_twice(message, means),
            Trick::OtherCluster => elsewhere(message, means).map(|message| vec![message]),
            Trick::Inflate => inflate(message, means),
            Trick::Forge => forge(message, means),
            Trick::ForgeRival => rival::forged(message, means),
            Trick::SignThrice => rival::signed_thrice(message, means),
            Trick::Rename => rival::renamed(message, means),
            Trick::FalseTime => rival::of_another_time(message, means),
            Trick::Twins
            | Trick::Withhold
            | Trick::Delay
            | Trick::Replay
            | Trick::Corrupt
            | Trick::Repeat
            | Trick::Silent
            | Trick::Censor
            | Trick::FalseReply
            | Trick::HidePrepared
            | Trick::FalseNewView
            | Trick::FalseAlarm
            | Trick::FalseOpening
            | Trick::FalseEnd
            | Trick::VoteAll => None,
        }
    }

    fn retort(trick: Trick, heard: &Message, means: &mut Means<'_, Self>) -> Vec<(NodeId, Message)> {
        let (Trick::VoteAll, Message::Proposal(proposal)) = (trick, heard) else { return Vec::new() };
        let vote = vote(proposal.block.view(), proposal.block.hash(), means);
        let leader = means.plan.quorum.in_turn(vote.view).filter(|leader| *leader != means.me);
        leader.map(|leader| (leader, Message::Vote(vote))).into_iter().collect()
    }

    fn without(message: Message, _: &dyn Fn(ClientId) -> bool) -> Option<Message> {
        Some(message) // Clients ask each leader themselves.
    }

    fn is_memorable(heard: &Message) -> bool {
        matches!(heard, Message::Proposal(_))
    }
}

pub(super) fn domain(means: &Means<'_, Replica>) -> Domain {
    means.config.domain()
}

fn vote_of(domain: &Domain, view: Term, block: Hash256, means: &mut Means<'_, Replica>) -> Vote {
    let names_view = means.config.rules.on(Rule::HotStuffCertificateNamesView);
    let signature = means.sign(&vote_statement(domain, view, &block, names_view));
    Vote { view, block, signature }
}

pub(super) fn vote(view: Term, block: Hash256, means: &mut Means<'_, Replica>) -> Vote {
    vote_of(&domain(means), view, block, means)
}

/// A certificate that nobody has voted for.
fn forged(view: Term, block: Hash256, means: &mut Means<'_, Replica>) -> Arc<QuorumCertificate> {
    let (domain, names_view) = (domain(means), means.config.rules.on(Rule::HotStuffCertificateNamesView));
    let certificate = means.certificate(|_| vote_statement(&domain, view, &block, names_view));
    Arc::new(QuorumCertificate { view, block, certificate })
}

/// The blocks that it has heard of or proposed.
pub(super) fn known<'a>(means: &'a Means<'_, Replica>) -> Vec<&'a Arc<Block>> {
    (0..).map_while(|place| means.memory.at(place)).filter_map(proposed).collect()
}

/// The block that a message proposes, in whatever epoch.
fn proposed(message: &Message) -> Option<&Arc<Block>> {
    match message {
        Message::Proposal(proposal) => Some(&proposal.block),
        Message::Later { message, .. } => proposed(message),
        Message::Vote(_)
        | Message::Certificate(_)
        | Message::Timeout(_)
        | Message::TimeoutCertificate(_)
        | Message::Fetch(_)
        | Message::Blocks(_)
        | Message::Checkpoint(_)
        | Message::Stable(_)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_)
        | Message::Epoch(_) => None,
    }
}

fn bad_parent(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let Message::Proposal(honest) = message else { return None };
    let block = &honest.block;
    if means.plan.quorum.in_turn(block.view()) != Some(means.me) {
        return None;
    }
    let highest = block.justify();
    let older: Vec<_> = known(means).into_iter().map(|block| Arc::clone(block.justify())).collect();
    let older = older.into_iter().filter(|other| other.view < highest.view).max_by_key(|other| other.view);
    let justify = match (means.rng.below(3), older) {
        (0, Some(older)) => older,
        (1, _) => Arc::new(QuorumCertificate { view: highest.view, block: block.hash(), ..highest.as_ref().clone() }),
        (_, _) => Arc::new(QuorumCertificate::genesis()),
    };
    let lie = Block::new(block.view(), justify, block.batch().clone());
    (lie.hash() != block.hash()).then(|| vec![propose(lie, honest, means)])
}

fn propose(block: Block, honest: &Proposal, means: &mut Means<'_, Replica>) -> Message {
    let signature = means.sign(&proposal_statement(&domain(means), block.view(), &block.hash()));
    Message::Proposal(Arc::new(Proposal { block: Arc::new(block), signature, entered_by: honest.entered_by.clone() }))
}

fn vote_twice(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let Message::Vote(honest) = message else { return None };
    let others = known(means);
    let other = others.iter().rev().map(|block| block.hash()).find(|hash| *hash != honest.block);
    let other = other.unwrap_or_else(|| Hash256::of(&honest.block.0));
    let second = Message::Vote(vote(honest.view, other, means));
    Some(if means.one_in(2) { vec![message.clone(), second] } else { vec![second, message.clone()] })
}

/// The same, signed for another cluster.
fn elsewhere(message: &Message, means: &mut Means<'_, Replica>) -> Option<Message> {
    let here = domain(means);
    let there = Domain { cluster: here.cluster.wrapping_add(1), ..here };
    Some(match message {
        Message::Proposal(said) => {
            let signature = means.sign(&proposal_statement(&there, said.block.view(), &said.block.hash()));
            Message::Proposal(Arc::new(Proposal { signature, ..said.as_ref().clone() }))
        }
        Message::Vote(said) => Message::Vote(vote_of(&there, said.view, said.block, means)),
        Message::Timeout(said) => {
            let signature = means.sign(&timeout_statement(&there, said.view, said.high.view));
            Message::Timeout(Box::new(Timeout { signature, ..said.as_ref().clone() }))
        }
        Message::Checkpoint(said) => {
            let signature = means.sign(&said.checkpoint.statement(&there));
            Message::Checkpoint(Box::new(SignedCheckpoint { signature, ..**said }))
        }
        Message::Certificate(_)
        | Message::TimeoutCertificate(_)
        | Message::Fetch(_)
        | Message::Blocks(_)
        | Message::Stable(_)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::Epoch(_) => return None,
    })
}

/// With what it says, something of a view that nobody else is in.
fn inflate(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let ahead = 1 + means.rng.below(FAR);
    let far = |view: Term| Term(view.0.saturating_add(ahead).min(Term::MAX.0 - 1));
    let lie = match message {
        Message::Vote(said) => Message::Vote(vote(far(said.view), said.block, means)),
        Message::Timeout(said) => {
            let view = far(said.view);
            let signature = means.sign(&timeout_statement(&domain(means), view, said.high.view));
            Message::Timeout(Box::new(Timeout { view, signature, ..said.as_ref().clone() }))
        }
        Message::Proposal(said) if means.plan.quorum.in_turn(said.block.view()) == Some(means.me) => {
            let block =
                Block::new(far(said.block.view()), Arc::clone(said.block.justify()), said.block.batch().clone());
            propose(block, said, means)
        }
        Message::Proposal(_)
        | Message::Certificate(_)
        | Message::TimeoutCertificate(_)
        | Message::Fetch(_)
        | Message::Blocks(_)
        | Message::Checkpoint(_)
        | Message::Stable(_)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::Epoch(_) => return None,
    };
    Some(vec![message.clone(), lie])
}

/// With what it says, a proof of something that nobody else has said.
fn forge(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let lie = match message {
        Message::Vote(said) => Message::Certificate(forged(said.view, Hash256::of(&said.block.0), means)),
        Message::Proposal(said) if means.plan.quorum.in_turn(said.block.view()) == Some(means.me) => {
            let made_up = forged(said.block.justify().view, Hash256::of(&said.block.hash().0), means);
            propose(Block::new(said.block.view(), made_up, said.block.batch().clone()), said, means)
        }
        Message::Timeout(said) => forged_timeouts(said, means),
        Message::Checkpoint(said) => forged_checkpoint(said.checkpoint, means),
        Message::Proposal(_)
        | Message::Certificate(_)
        | Message::TimeoutCertificate(_)
        | Message::Fetch(_)
        | Message::Blocks(_)
        | Message::Stable(_)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::Epoch(_) => return None,
    };
    let framed = framed(message, means);
    Some(framed.into_iter().chain([lie, message.clone()]).collect())
}

/// An honest replica is said to have voted twice.
fn framed(message: &Message, means: &mut Means<'_, Replica>) -> Option<Message> {
    let Message::Vote(Vote { view, block, .. }) = message else { return None };
    if !means.config.settings.evidence {
        return None;
    }
    let vote = |block| Word::Vote(BlockId { view: *view, block });
    frame(&domain(means), [vote(*block), vote(Hash256::of(&block.0))], means).map(Message::Evidence)
}

/// Everybody gives up a view that nobody is in yet.
fn forged_timeouts(said: &Timeout, means: &mut Means<'_, Replica>) -> Message {
    let (domain, view, high) = (domain(means), said.view.next(), said.high.view);
    let certificate = means.certificate(|_| timeout_statement(&domain, view, high));
    let highs = certificate.signatures().iter().map(|_| high).collect();
    Message::TimeoutCertificate(Arc::new(TimeoutCertificate { view, highs, certificate }))
}

fn forged_checkpoint(mut checkpoint: Checkpoint, means: &mut Means<'_, Replica>) -> Message {
    checkpoint.sequence.0 += u64::from(means.config.settings.checkpoint_interval);
    checkpoint.index.0 += 1;
    checkpoint.digest.0 ^= 1;
    let domain = domain(means);
    let certificate = means.certificate(|_| checkpoint.statement(&domain));
    Message::Stable(Box::new(StableCheckpoint { checkpoint, certificate }))
}
