//! What may an observer know of a replica?

use serde::{Deserialize, Serialize};

use super::{Block, BlockId, HotStuff};
use crate::bft::evidence::Conviction;
use crate::crypto::Hash256;
use crate::few;
use crate::record::{Detail, NodeStatus, Role};
use crate::rules::Rules;
use crate::types::Term;

/// A status names the blocks of so many views.
const RECENT: u64 = 16;

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
    /// The blocks of its tree of the last views, by view.
    pub blocks: Vec<BlockStatus>,
    /// Whom the cluster has convicted of lies, as far as it has applied that.
    #[serde(default)]
    pub convictions: Vec<Conviction>,
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

    /// Its view among those of all instances: what is later is higher.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term_of(self.view)
    }

    pub(super) fn node_status(&self) -> NodeStatus {
        NodeStatus {
            role: self.role(),
            term: self.term(),
            voted_for: None,
            leader: self.leader(self.view),
            commit: if self.held { self.last_applied } else { self.committed.index },
            applied: self.last_applied,
            durable: self.persist.durable(),
            timer: self.pacemaker.timer,
            votes: self.voters_in(self.view).map(|voter| (voter, true)).collect(),
            progress: Vec::new(),
            detail: Some(Box::new(Detail::HotStuff(self.replica_status()))),
        }
    }

    fn replica_status(&self) -> Replica {
        let recent = self.tree.iter().filter(|block| block.view().0 + RECENT > self.view.0);
        let mut recent: Vec<&Block> = recent.map(|block| &**block).collect();
        few::sort(&mut recent, |a, b| (a.view(), a.hash()) < (b.view(), b.hash()));
        let certified = |block: &Block| {
            self.high.block == block.hash() || recent.iter().any(|child| child.parent() == block.hash())
        };
        let decided = self.committed.block.into_iter().flat_map(|last| self.tree.chain(last));
        let decided: Vec<_> = decided.map(|block| block.hash()).take(recent.len()).collect();
        let status = |block: &Block| BlockStatus {
            hash: block.hash(),
            parent: block.parent(),
            view: block.view(),
            certified: certified(block),
            committed: decided.contains(&block.hash()),
            requests: block.requests(),
        };
        Replica {
            view: self.view,
            lock: self.promises.lock,
            high: BlockId { view: self.high.view, block: self.high.block },
            voted: self.promises.voted,
            blocks: recent.iter().map(|block| status(block)).collect(),
            convictions: self.accuser.convictions().to_vec(),
        }
    }
}
