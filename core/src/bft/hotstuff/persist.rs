//! What does a replica of HotStuff write besides its log? Shared with others: [`crate::bft::persist`].

use std::sync::Arc;

use super::block::Block;
use super::hard::HardState;
use crate::bft::{StableCheckpoint, persist};
use crate::crypto::Hash256;
use crate::types::Ticket;

pub(super) type Persist = persist::Persist<HardState>;

impl Persist {
    /// Promises or certificates have changed. Returns the write that says so.
    pub(super) fn changed(&mut self) -> Ticket {
        self.hard();
        self.open().ticket
    }

    /// A block is here.
    pub(super) fn block(&mut self, block: &Arc<Block>) {
        self.hard().blocks.push(Arc::clone(block));
    }

    /// Blocks are of no use any more.
    pub(super) fn dropped(&mut self, blocks: Vec<Hash256>) {
        self.hard().dropped.extend(blocks);
    }

    /// A checkpoint is proven.
    pub(super) fn stable(&mut self, proof: &Arc<StableCheckpoint>) {
        self.hard().stable = Some(Arc::clone(proof));
    }
}
