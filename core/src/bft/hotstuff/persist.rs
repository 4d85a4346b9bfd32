//! What does a replica of HotStuff write besides its log? Shared with others: [`crate::bft::persist`].

use std::sync::Arc;

use super::block::Block;
use super::hard::HardState;
use super::{Effects, HotStuff, Own};
use crate::bft::{StableCheckpoint, persist};
use crate::crypto::Hash256;
use crate::rules::{Rule, Rules};
use crate::types::{Now, Term, Ticket};

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

impl<R: Rules> HotStuff<R> {
    /// What every write with a hard state says.
    pub(super) fn hard_state(&self) -> HardState {
        HardState {
            promises: self.promises,
            committed: self.committed,
            root: self.root,
            high: Some(Arc::clone(&self.high)),
            entered_by: self.entered_by.clone(),
            ..HardState::default()
        }
    }

    /// Ends the step's write, where there is one. Certificates go along where they are new.
    pub(super) fn flush(&mut self, out: &mut Effects) -> Option<Ticket> {
        if !self.persist.is_open() {
            return None;
        }
        let mut state = self.hard_state();
        let entered = self.entered_by.as_ref().map_or(Term(0), |proof| proof.view);
        let known = std::mem::replace(&mut self.written, (self.high.view, entered));
        state.high = state.high.filter(|high| high.view != known.0);
        state.entered_by = state.entered_by.filter(|proof| proof.view != known.1);
        let last = self.log.last_index();
        let whole = |hard: &mut HardState| {
            let (blocks, dropped) = (std::mem::take(&mut hard.blocks), std::mem::take(&mut hard.dropped));
            *hard = HardState { blocks, dropped, stable: hard.stable.take(), ..state };
        };
        self.persist.flush(whole, last, out)
    }

    /// Counts own votes and timeouts that are durable.
    pub(super) fn count_own(&mut self, now: Now, out: &mut Effects) {
        while let Some((ticket, _)) = self.own.front()
            && (self.persist.is_complete(*ticket) || !self.on(Rule::HotStuffPersistBeforeVote))
            && let Some((_, own)) = self.own.pop_front()
        {
            match own {
                Own::Vote(vote) => self.count_vote(now, self.id, vote, false, out),
                Own::Timeout(timeout) => self.count_timeout(now, self.id, *timeout, out),
            }
        }
    }
}
