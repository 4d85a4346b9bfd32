//! Where are blocks kept, and for how long?
//!
//! Blocks hang together by the hashes of their parents (§4.2). The tree holds
//! what may still be committed, and what was committed since the last stable
//! checkpoint, for replicas that lag behind. It grows by blocks whose parent is
//! in it: by those that this replica has accepted in their view, one a view, and
//! by certified ones that it has fetched. The last committed block is never
//! removed.
//!
//! Bounded by `max_blocks`: beyond that the oldest committed ones go first, then
//! branches that compete with the highest certificate. A chain that cannot be
//! committed goes on growing, by blocks without requests (`propose`).

use std::sync::Arc;

use litemap::LiteMap;

use super::block::Block;
use crate::crypto::Hash256;
use crate::types::Term;

/// Blocks above a root.
#[derive(Clone, Debug)]
pub(super) struct BlockTree {
    /// The block that all others follow, which need not be here: the first of all, or that of a checkpoint.
    root: Root,
    blocks: LiteMap<Hash256, Arc<Block>>,
    /// Everybody has been told, by a proposal, that blocks up to this view are committed.
    told: Term,
    /// Views of the blocks with requests that came after that.
    untold: Vec<Term>,
}

/// Where a tree begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) view: Term,
    /// Not known after the state was taken from a snapshot, until a block names it.
    pub(super) block: Option<Hash256>,
}

impl BlockTree {
    pub(super) fn new(root: Root) -> Self {
        Self { root, blocks: LiteMap::new(), told: root.view, untold: Vec::new() }
    }

    /// Everybody has been told that blocks up to this view are committed.
    pub(super) fn tell(&mut self, committed: Term) {
        self.told = self.told.max(committed);
        self.untold.retain(|view| *view > committed);
    }

    /// Up to which view everybody has been told what is committed.
    pub(super) fn told(&self) -> Term {
        self.told
    }

    /// Whether there are requests in blocks that not everybody knows to be committed.
    pub(super) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    pub(super) fn root(&self) -> Root {
        self.root
    }

    /// A certificate names the block that all others follow. Returns whether that is it.
    pub(super) fn name_root(&mut self, block: Hash256) -> bool {
        *self.root.block.get_or_insert(block) == block
    }

    pub(super) fn get(&self, hash: &Hash256) -> Option<&Arc<Block>> {
        self.blocks.get(hash)
    }

    /// Whether this block is here, or is the root.
    pub(super) fn knows(&self, hash: &Hash256) -> bool {
        self.root.block == Some(*hash) || self.blocks.contains_key(hash)
    }

    pub(super) fn parent(&self, block: &Block) -> Option<&Arc<Block>> {
        self.blocks.get(&block.parent())
    }

    /// Whether a block's parent is here.
    pub(super) fn connects(&self, block: &Block) -> bool {
        self.knows(&block.parent()) || (self.root.block.is_none() && block.justify().view == self.root.view)
    }

    /// Adds a block that connects. Returns whether it is new.
    pub(super) fn insert(&mut self, block: &Arc<Block>) -> bool {
        if block.justify().view == self.root.view {
            self.name_root(block.parent());
        }
        let is_new = self.connects(block) && self.blocks.insert(block.hash(), Arc::clone(block)).is_none();
        if is_new && block.view() > self.told && !block.batch().is_null() {
            self.untold.push(block.view());
        }
        is_new
    }

    /// The block of this hash and its ancestors, as far as they are here.
    pub(super) fn chain(&self, from: Hash256) -> impl Iterator<Item = &Arc<Block>> {
        core::iter::successors(self.blocks.get(&from), |block| self.blocks.get(&block.parent()))
    }

    /// Whether `block` is `ancestor`, or follows it.
    pub(super) fn extends(&self, block: Hash256, ancestor: Hash256) -> bool {
        block == ancestor || self.chain(block).any(|block| block.hash() == ancestor || block.parent() == ancestor)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks.iter().map(|(_, block)| block)
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Removes what is not wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(&Block) -> bool) {
        self.blocks.retain(|_, block| wanted(block));
    }

    /// The root is another one from here on; blocks that are not above it go.
    pub(super) fn move_root(&mut self, root: Root) {
        self.root = root;
        self.blocks.retain(|_, block| block.view() > root.view);
    }
}
