//! What may an observer know of a replica?

use serde::{Deserialize, Serialize};

use super::{Block, BlockId, HotStuff};
use crate::crypto::Hash256;
use crate::record::{Detail, NodeStatus, Role};
use crate::rules::Rules;
use crate::types::Term;

/// Blocks that a status names.
const RECENT: usize = 12;

/// What a replica knows, apart from what all protocols tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replica {
    /// Its view.
    pub view: Term,
    /// What it is locked on.
    pub lock: BlockId,
    /// The block of its highest certificate.
    pub high: BlockId,
    /// It votes in no view up to this one any more.
    pub voted: Term,
    /// The newest blocks of its tree, by view.
    pub blocks: Vec<BlockStatus>,
}

/// A block of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockStatus {
    /// Its hash.
    pub hash: Hash256,
    /// The block that it follows.
    pub parent: Hash256,
    /// Its view.
    pub view: Term,
    /// Whether the replica knows of a certificate for it.
    pub certified: bool,
    /// Whether it is committed.
    pub committed: bool,
    /// How many requests it has.
    pub requests: u64,
}

impl<R: Rules> HotStuff<R> {
    /// What it does in its view.
    #[must_use]
    pub fn role(&self) -> Role {
        match (self.store_lost || !self.quorum.is_voter(self.id), self.leads(self.view)) {
            (true, _) => Role::Learner,
            (false, true) => Role::Leader,
            (false, false) => Role::Follower,
        }
    }

    pub(super) fn node_status(&self) -> NodeStatus {
        NodeStatus {
            role: self.role(),
            term: self.view,
            voted_for: None,
            leader: self.leader(self.view),
            commit: self.committed.index,
            applied: self.last_applied,
            durable: self.persist.durable(),
            timer: self.pacemaker.timer,
            votes: Vec::new(),
            progress: Vec::new(),
            detail: Some(Box::new(Detail::HotStuff(self.replica_status()))),
        }
    }

    fn replica_status(&self) -> Replica {
        let mut recent: Vec<_> = self.tree.iter().collect();
        recent.sort_by_key(|block| block.view());
        let recent = recent.split_off(recent.len().saturating_sub(RECENT));
        let certified = |block: &Block| {
            self.high.block == block.hash() || self.tree.iter().any(|child| child.parent() == block.hash())
        };
        let status = |block: &Block| BlockStatus {
            hash: block.hash(),
            parent: block.parent(),
            view: block.view(),
            certified: certified(block),
            committed: block.view() <= self.committed.view,
            requests: block.requests(),
        };
        Replica {
            view: self.view,
            lock: self.promises.lock,
            high: BlockId { view: self.high.view, block: self.high.block },
            voted: self.promises.voted,
            blocks: recent.into_iter().map(|block| status(block)).collect(),
        }
    }
}
