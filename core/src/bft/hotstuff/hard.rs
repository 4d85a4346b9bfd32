//! What must a replica not forget?
//!
//! Its promises, its highest certificate, what it has committed, and the blocks
//! since the last stable checkpoint: of a certified block a quorum holds copies
//! that survive, so that whoever lacks it finds it. A write carries what has
//! changed; [`Hard::absorb`] puts it to what is there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::block::Block;
use super::message::{QuorumCertificate, TimeoutCertificate};
use super::safety::Promises;
use crate::bft::{Checkpoint, StableCheckpoint, epoch};
use crate::crypto::{Domain, Hash256};
use crate::storage::Hard;
use crate::types::{LogIndex, Sequence, Term, Wall};

/// A committed block, and what was committed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Committed {
    /// Its view.
    pub view: Term,
    /// Its hash; not known right after a snapshot was installed.
    pub block: Option<Hash256>,
    /// How many blocks with entries are committed up to it.
    pub sequence: Sequence,
    /// The last entry up to it.
    pub index: LogIndex,
    /// The log time of that entry.
    pub log_time: Option<Wall>,
}

impl Default for Committed {
    /// The block before all others.
    fn default() -> Self {
        let (view, block) = (Term(0), Some(Hash256::ZERO));
        Self { view, block, sequence: Sequence(0), index: LogIndex::ZERO, log_time: None }
    }
}

impl Committed {
    /// The block before all others of an instance that begins with this state. Its hash stands for the state and for
    /// the instance, so that a block of one instance follows none of another.
    #[must_use]
    pub fn before(root: &Checkpoint, domain: &Domain) -> Self {
        let Checkpoint { sequence, index, log_time, .. } = *root;
        let block = Hash256::of(root.statement(domain).bytes());
        Self { view: Term(0), block: Some(block), sequence, index, log_time: Some(log_time) }
    }

    /// What is committed once the block that follows is.
    #[must_use]
    pub fn with(self, block: &Block) -> Self {
        let batch = block.batch();
        let entries = if batch.is_null() { 0 } else { block.requests().max(1) };
        Self {
            view: block.view(),
            block: Some(block.hash()),
            sequence: Sequence(self.sequence.0 + u64::from(entries > 0)),
            index: LogIndex(self.index.0 + entries),
            log_time: batch.log_time().or(self.log_time),
        }
    }
}

/// A replica's durable state apart from its log. In a write, lists and options hold what is new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// Votes, proposals, timeouts, the lock.
    pub promises: Promises,
    /// The last committed block.
    pub committed: Committed,
    /// The committed block that all of `blocks` follow.
    pub root: Committed,
    /// The highest certificate (§4.2, "prepareQC"; §5, "genericQC").
    pub high: Option<Arc<QuorumCertificate>>,
    /// Why the view before the replica's has no certificate.
    pub entered_by: Option<Arc<TimeoutCertificate>>,
    /// Blocks after `root`, committed or not.
    pub blocks: Vec<Arc<Block>>,
    /// Blocks that are given up although they are after `root`.
    pub dropped: Vec<Hash256>,
    /// The newest proven checkpoint.
    pub stable: Option<Arc<StableCheckpoint>>,
    /// What it must not forget of epochs. A write that begins one leaves nothing else of what was here.
    pub epoch: epoch::HardState,
}

impl Hard for HardState {
    fn absorb(&mut self, later: Self) {
        if self.epoch.ends_with(&later.epoch) {
            *self = Self { epoch: std::mem::take(&mut self.epoch), ..Self::default() };
        }
        let Self { promises, committed, root, high, entered_by, blocks, dropped, stable, epoch } = later;
        self.epoch.absorb(epoch);
        (self.promises, self.committed, self.root) = (promises, committed, root);
        self.high = high.or(self.high.take());
        self.entered_by = entered_by.or(self.entered_by.take());
        self.stable = stable.or(self.stable.take());
        self.blocks.extend(blocks);
        self.blocks.retain(|block| block.view() > root.view && !dropped.contains(&block.hash()));
    }
}
