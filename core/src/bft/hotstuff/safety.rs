//! May this replica vote?
//!
//! HotStuff's safety rules (§4, Algorithm 1 "safeNode"; §5, Algorithm 3), pure:
//! what was promised, a block and the tree go in, and a refusal comes out, or
//! none. A replica votes once a view, in rising views, and for a block that
//! follows the one that it is locked on, or whose certificate is of a later view
//! than its lock: then a quorum has seen no commit of what it is locked on.
//!
//! Deviation: a timeout counts as a vote in its view (DiemBFT v4, "Safety"), so that
//! whoever has given a view up does not vote in it later.

use serde::{Deserialize, Serialize};

use super::block::Block;
use super::block_tree::BlockTree;
use super::event::VoteRefusal;
use super::message::QuorumCertificate;
use crate::crypto::Hash256;
use crate::types::Term;

/// A block by view and hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockId {
    /// Its view.
    pub view: Term,
    /// Its hash.
    pub block: Hash256,
}

/// What a replica has promised with its votes, proposals and timeouts. Durable before any of them leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promises {
    /// No vote in this view or an earlier one any more.
    pub voted: Term,
    /// No proposal in this view or an earlier one any more.
    pub proposed: Term,
    /// The last vote.
    pub vote: Option<BlockId>,
    /// The block that it is locked on (§4.2, "lockedQC").
    pub lock: BlockId,
}

/// Which of the rules that can be switched off hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guards {
    /// `hotstuff.vote-once-per-view`.
    pub(super) once: bool,
    /// `hotstuff.safe-node`.
    pub(super) safe_node: bool,
}

impl Promises {
    /// Why no vote may be given to this block; `None` where it may.
    pub(super) fn refuses(&self, block: &Block, tree: &BlockTree, guards: Guards) -> Option<VoteRefusal> {
        if guards.once && block.view() <= self.voted {
            return Some(VoteRefusal::Voted { voted: self.voted });
        }
        let justify = block.justify().view;
        // Algorithm 1, "safeNode": the block extends the locked one, or its certificate is of a later view.
        let is_safe = justify > self.lock.view || tree.extends(block.parent(), self.lock.block);
        (guards.safe_node && !is_safe).then_some(VoteRefusal::Unsafe { justify, lock: self.lock.view })
    }

    /// `certified` has a certificate, and so has its parent: the parent is what is locked from here on (§5, "commit
    /// phase on b*'s grandparent"). Returns whether that is new.
    pub(super) fn lock_parent_of(&mut self, certified: &Block) -> bool {
        let QuorumCertificate { view, block, .. } = **certified.justify();
        let is_later = view > self.lock.view;
        if is_later {
            self.lock = BlockId { view, block };
        }
        is_later
    }
}
