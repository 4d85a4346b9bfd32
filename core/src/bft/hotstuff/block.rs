//! What is a block?
//!
//! A batch, and the certificate of the block that it follows: its parent is
//! whatever that certificate certifies, so that the two can never differ
//! (HotStuff §4, Algorithm 1 "createLeaf"). Its hash covers everything, the signatures of
//! the certificate included: whoever fetches a certified block by its hash needs
//! to verify nothing in it.
//!
//! Read `message` next for certificates, `block_tree` for where blocks are kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::message::QuorumCertificate;
use crate::bft::Batch;
use crate::crypto::{Hash256, Hasher256};
use crate::types::Term;

/// A block. Its hash is computed by whoever receives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct Block {
    view: Term,
    justify: Arc<QuorumCertificate>,
    batch: Batch,
    hash: Hash256,
}

/// A block as it travels.
#[derive(Clone, Serialize, Deserialize)]
struct Parts {
    view: Term,
    justify: Arc<QuorumCertificate>,
    batch: Batch,
}

/// A block with the hash of its batch in the batch's place: it shows what the block follows to whoever knows its hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Header {
    /// The view that it was proposed in.
    pub view: Term,
    /// The certificate of its parent.
    pub justify: Arc<QuorumCertificate>,
    /// The hash of its batch.
    pub batch: Hash256,
}

impl Header {
    /// The hash of the block.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        hash(self.view, &self.justify, &self.batch)
    }
}

fn hash(view: Term, justify: &QuorumCertificate, batch: &Hash256) -> Hash256 {
    let mut hasher = Hasher256::new();
    hasher.number(view.0).number(justify.view.0).update(&justify.block.0);
    let signatures = justify.certificate.signatures();
    hasher.number(signatures.len() as u64);
    for (voter, signature) in signatures {
        hasher.number(u64::from(voter.0)).update(&signature.0);
    }
    hasher.update(&batch.0).finish()
}

impl From<Parts> for Block {
    fn from(Parts { view, justify, batch }: Parts) -> Self {
        Self::new(view, justify, batch)
    }
}

impl From<Block> for Parts {
    fn from(Block { view, justify, batch, .. }: Block) -> Self {
        Self { view, justify, batch }
    }
}

impl Block {
    /// The block of `view` that follows what `justify` certifies.
    #[must_use]
    pub fn new(view: Term, justify: Arc<QuorumCertificate>, batch: Batch) -> Self {
        let hash = hash(view, &justify, &batch.hash());
        Self { view, justify, batch, hash }
    }

    /// What its hash is computed from.
    #[must_use]
    pub fn header(&self) -> Header {
        Header { view: self.view, justify: Arc::clone(&self.justify), batch: self.batch.hash() }
    }

    /// The view that it was proposed in.
    #[must_use]
    pub fn view(&self) -> Term {
        self.view
    }

    /// The certificate of its parent.
    #[must_use]
    pub fn justify(&self) -> &Arc<QuorumCertificate> {
        &self.justify
    }

    /// The block that it follows.
    #[must_use]
    pub fn parent(&self) -> Hash256 {
        self.justify.block
    }

    /// What is executed once it is committed.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Its name.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        self.hash
    }

    /// How many requests it has.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.batch.len() as u64
    }
}
