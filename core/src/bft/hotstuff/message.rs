//! What do replicas say to each other, and what do they sign?
//!
//! Chained HotStuff's generic message (§5) as a proposal, a vote and a
//! certificate, and DiemBFT's timeouts (DiemBFT v4, "Pacemaker"). Votes,
//! proposals and timeouts are signed by their senders; certificates prove
//! themselves, and what is fetched is known by its hash. A statement that forms
//! a certificate holds nothing but what the certificate says.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::block::Block;
use crate::bft::evidence::Evidence;
use crate::bft::{Certificate, Checkpoint, Chunk, FetchChunk, StableCheckpoint, epoch};
use crate::crypto::{Domain, Hash256, Signature, Statement};
use crate::quorum::Byzantine;
use crate::types::{NodeId, Term};

/// Kinds of statements.
const PROPOSAL: u8 = 1;
const VOTE: u8 = 2;
const TIMEOUT: u8 = 3;

/// A message of HotStuff.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// The leader of a view proposes a block (§5, "generic").
    Proposal(Arc<Proposal>),
    /// To the leader of the vote's own view.
    Vote(Vote),
    /// A quorum's votes: to the leader of the next view, and to whoever lags behind.
    Certificate(Arc<QuorumCertificate>),
    /// A view has brought nothing in time: to all.
    Timeout(Box<Timeout>),
    /// A quorum's timeouts, to whoever lags behind.
    TimeoutCertificate(Arc<TimeoutCertificate>),
    /// Asks for a certified block and its ancestors.
    Fetch(Fetch),
    /// What was asked for: the block first, then its parent, and so on.
    Blocks(Vec<Arc<Block>>),
    /// What its sender's state is after so many batches.
    Checkpoint(Box<SignedCheckpoint>),
    /// The proof of a checkpoint, to whoever needs blocks from before it.
    Stable(Box<StableCheckpoint>),
    /// Asks for a part of the snapshot of a checkpoint.
    FetchChunk(FetchChunk),
    /// That part.
    Chunk(Chunk),
    /// Proof that somebody has lied, for whoever has not heard of it.
    Evidence(Arc<Evidence>),
    /// What was said in a later epoch than the first ([`epoch`]); an instance never sees it.
    Later {
        /// Which epoch.
        epoch: u64,
        /// What.
        #[serde(deserialize_with = "flat")]
        message: Box<Message>,
    },
    /// What is said about epochs; an instance never sees it.
    Epoch(Box<epoch::Message>),
}

/// The same, of an epoch that is said elsewhere. Bytes with one epoch within another are no message: whoever reads them
/// does so in bounded depth.
#[derive(Deserialize)]
#[serde(remote = "Message")]
enum Flat {
    Proposal(Arc<Proposal>),
    Vote(Vote),
    Certificate(Arc<QuorumCertificate>),
    Timeout(Box<Timeout>),
    TimeoutCertificate(Arc<TimeoutCertificate>),
    Fetch(Fetch),
    Blocks(Vec<Arc<Block>>),
    Checkpoint(Box<SignedCheckpoint>),
    Stable(Box<StableCheckpoint>),
    FetchChunk(FetchChunk),
    Chunk(Chunk),
    Evidence(Arc<Evidence>),
}

fn flat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Message>, D::Error> {
    Flat::deserialize(deserializer).map(Box::new)
}

impl Message {
    /// Whether it is one of those that blocks are ordered with.
    pub(super) fn is_of_views(&self) -> bool {
        match self {
            Self::Proposal(_)
            | Self::Vote(_)
            | Self::Certificate(_)
            | Self::Timeout(_)
            | Self::TimeoutCertificate(_)
            | Self::Blocks(_) => true,
            Self::Fetch(_)
            | Self::Checkpoint(_)
            | Self::Stable(_)
            | Self::FetchChunk(_)
            | Self::Chunk(_)
            | Self::Evidence(_)
            | Self::Later { .. }
            | Self::Epoch(_) => false,
        }
    }
}

/// A block, proposed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// The block.
    pub block: Arc<Block>,
    /// Why the view before has no certificate, where it has none.
    pub entered_by: Option<Arc<TimeoutCertificate>>,
    /// Of the leader, over view and hash.
    pub signature: Signature,
}

/// A vote for a block (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// The block's view.
    pub view: Term,
    /// Which block.
    pub block: Hash256,
    /// Of the voter, over both.
    pub signature: Signature,
}

/// A quorum has voted for one block (§4.2, "QC").
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QuorumCertificate {
    /// The block's view.
    pub view: Term,
    /// Which block.
    pub block: Hash256,
    /// The votes.
    pub certificate: Certificate,
}

/// A replica gives up a view: it does not vote in it any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timeout {
    /// Which view.
    pub view: Term,
    /// The highest certificate that its sender has.
    pub high: Arc<QuorumCertificate>,
    /// Why its sender is in that view, where `high` is not of the view before.
    pub entered_by: Option<Arc<TimeoutCertificate>>,
    /// Its sender's last vote: a leader that fell silent may have got the others.
    pub vote: Option<Vote>,
    /// Of the sender, over the view and the view of `high`.
    pub signature: Signature,
}

/// A quorum has given up one view (DiemBFT v4, "TC").
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeoutCertificate {
    /// Which view.
    pub view: Term,
    /// For each signature the view of its signer's highest certificate.
    pub highs: Vec<Term>,
    /// The timeouts' signatures.
    pub certificate: Certificate,
}

/// Asks for blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fetch {
    /// The first one.
    pub block: Hash256,
    /// Those of higher views than this.
    pub above: Term,
}

/// What a replica says of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignedCheckpoint {
    /// The state.
    pub checkpoint: Checkpoint,
    /// Of the sender.
    pub signature: Signature,
}

/// What a leader signs when it proposes.
#[must_use]
pub fn proposal_statement(domain: &Domain, view: Term, block: &Hash256) -> Statement {
    Statement::new(domain, PROPOSAL).number(view.0).hash(block)
}

/// What a voter signs. `names_view` is the rule `hotstuff.certificate-names-view`.
#[must_use]
pub fn vote_statement(domain: &Domain, view: Term, block: &Hash256, names_view: bool) -> Statement {
    let view = if names_view { view } else { Term(0) };
    Statement::new(domain, VOTE).number(view.0).hash(block)
}

/// What a replica signs when it gives up a view; `high` is the view of its highest certificate.
#[must_use]
pub fn timeout_statement(domain: &Domain, view: Term, high: Term) -> Statement {
    Statement::new(domain, TIMEOUT).number(view.0).number(high.0)
}

impl QuorumCertificate {
    /// That of the first block of all, which needs no votes.
    #[must_use]
    pub fn genesis() -> Self {
        Self::default()
    }

    /// That of the block before all others of an instance, which needs no votes either.
    #[must_use]
    pub fn before(block: Hash256) -> Self {
        Self { block, ..Self::default() }
    }

    /// Whether enough voters are named. `first` is the block before all others, `distinct` the rule
    /// `hotstuff.distinct-signers`.
    pub(super) fn is_well_formed(&self, first: Hash256, quorum: &Byzantine, distinct: bool) -> bool {
        let is_first = *self == Self::before(first);
        is_first || (is_possible(self.view) && is_enough(&self.certificate, quorum, distinct))
    }
}

impl TimeoutCertificate {
    /// The highest certificate that its signers have told of.
    #[must_use]
    pub fn highest(&self) -> Term {
        self.highs.iter().copied().max().unwrap_or_default()
    }

    /// What this signer has signed.
    pub(super) fn high_of(&self, voter: NodeId) -> Term {
        let named = self.certificate.voters().zip(&self.highs).find(|(named, _)| *named == voter);
        named.map_or(Term::MAX, |(_, high)| *high)
    }

    /// Whether enough voters are named, and nobody claims a certificate of that view or a later one.
    pub(super) fn is_well_formed(&self, quorum: &Byzantine, distinct: bool) -> bool {
        is_possible(self.view)
            && self.highs.len() == self.certificate.signatures().len()
            && self.highest() < self.view
            && is_enough(&self.certificate, quorum, distinct)
    }
}

/// Whether an honest replica can be in this view.
pub(super) fn is_possible(view: Term) -> bool {
    view > Term(0) && view < Term::MAX
}

fn is_enough(certificate: &Certificate, quorum: &Byzantine, distinct: bool) -> bool {
    if distinct {
        return certificate.is_enough(quorum);
    }
    certificate.signatures().len() >= quorum.needed() as usize && certificate.voters().all(|node| quorum.is_voter(node))
}
