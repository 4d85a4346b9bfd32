//! What does a leader propose, and what does a replica do with it?
//!
//! The leader of a view proposes once it can prove the view, with the highest
//! certificate that it has (§5, "createLeaf"), and only while something is
//! wanted: requests that wait, or blocks with requests that not everybody knows
//! to be committed. An idle cluster is quiet.

use std::sync::Arc;

use super::message::{self, Message, Proposal};
use super::safety::Guards;
use super::{Block, Effects, Event, HotStuff, IgnoreReason, VoteRefusal};
use crate::bft::Batch;
use crate::event::Event as AnyEvent;
use crate::rules::{Rule, Rules};
use crate::types::{Mono, NodeId, Now, Term, Wall};

impl<R: Rules> HotStuff<R> {
    /// Whether views have to go on.
    pub(super) fn wants_progress(&self, now: Now) -> bool {
        !self.is_over() && self.wants_more(now)
    }

    fn wants_more(&self, now: Now) -> bool {
        !self.pool.is_empty() || self.tree.has_untold() || self.tick_is_due(now)
    }

    /// Whether something has expired by this replica's clock and no entry says so yet: log time has to pass.
    fn tick_is_due(&self, now: Now) -> bool {
        let previous = self.committed.log_time.unwrap_or_default();
        self.expiry.is_some_and(|at| previous < at && at <= now.wall)
    }

    /// When that will be, where it is not yet.
    pub(super) fn next_expiry(&self, now: Now) -> Option<Mono> {
        let at = self.expiry.filter(|at| *at > now.wall)?;
        Some(now.mono + (at - now.wall))
    }

    /// Proposes where it is this replica's turn. That it has proposed in this view is durable before the proposal
    /// leaves: after a restart it must not propose another block.
    pub(super) fn propose_if_due(&mut self, now: Now, out: &mut Effects) {
        let view = self.view;
        let may = self.leads(view) && self.promises.proposed < view && self.promises.voted < view;
        if !may || view >= Term::MAX || !self.wants_progress(now) || !self.tree.knows(&self.high.block) {
            return;
        }
        let entered_by = match &self.entered_by {
            _ if self.high.view.next() == view => None,
            Some(proof) if proof.view.next() == view && self.high.view >= proof.highest() => Some(Arc::clone(proof)),
            _ if !self.on(Rule::HotStuffTimeoutCertificates) => None,
            // The certificate that others have told of is on its way.
            Some(_) | None => return,
        };
        let Some(signer) = self.signer.clone() else { return };
        let block = Arc::new(Block::new(view, Arc::clone(&self.high), self.next_batch(now)));
        let statement = message::proposal_statement(&self.config.domain(), view, &block.hash());
        let signature = signer.sign(&statement);
        out.note(|| {
            let (block, justify, requests) = (block.hash(), self.high.view, block.requests());
            AnyEvent::HotStuff(Event::Proposed { view, block, justify, requests })
        });
        self.promises.proposed = view;
        self.keep(&block);
        self.tell(&block);
        let ticket = self.persist.changed();
        let proposal = Arc::new(Proposal { block: Arc::clone(&block), entered_by, signature });
        self.broadcast(&Message::Proposal(proposal), Some(ticket), out);
        self.vote(&block, out);
    }

    /// What waits and is not in a block that the next one follows.
    fn next_batch(&mut self, now: Now) -> Batch {
        self.pool.undo_all();
        let (mut previous, mut length, mut ends) = (None, 0, false);
        for block in self.tree.chain(self.high.block).take_while(|block| block.view() > self.committed.view) {
            previous = previous.or(block.batch().log_time());
            length += 1;
            ends |= self.changed_by(block, |_| ()).is_some();
            for bundle in block.batch().bundles() {
                self.pool.mark(&bundle.hash());
            }
        }
        let settings = &self.config.settings;
        // Blocks pile up that cannot be committed: requests wait until they are. Or the instance ends: what comes after
        // it only empties the pipe.
        if length > settings.max_blocks / 2 || (ends && self.on(Rule::EpochEndsAtChange)) {
            return Batch::null();
        }
        let bundles = self.pool.take(settings.max_batch_requests, settings.max_batch_bytes);
        // Empty blocks that are not committed yet are always there; a time among them is the tick, or will do as well.
        let passes = previous.is_some();
        let previous = previous.or(self.committed.log_time);
        if bundles.is_empty() && (passes || !self.tick_is_due(now)) {
            return Batch::null();
        }
        let stamp = previous.map_or(now.wall, |previous| settings.tolerance.stamp(now.wall, previous));
        Batch::new(Some(stamp), bundles)
    }

    /// Keeps a block whose parent is here.
    pub(super) fn keep(&mut self, block: &Arc<Block>) {
        if self.is_full() {
            return;
        }
        if self.tree.insert(block) {
            self.persist.block(block);
            self.name_root();
            if self.tree.len() > self.config.settings.max_blocks as usize {
                self.drop_forks();
            }
        }
    }

    /// Whether no block is taken in any more: nothing can be committed, and so nothing goes, before the state is here.
    pub(super) fn is_full(&self) -> bool {
        self.held && self.tree.len() > self.config.settings.max_blocks as usize
    }

    /// Takes a proposal (§5, Algorithm 3, "as a replica").
    pub(super) fn on_proposal(&mut self, now: Now, from: NodeId, proposal: &Arc<Proposal>, out: &mut Effects) {
        let block = &proposal.block;
        let is_here = self.learn_certificate(now, block.justify(), Some(from), out);
        if let Some(proof) = &proposal.entered_by {
            self.learn_timeout_certificate(now, proof, out);
        }
        if block.view() < self.view {
            return Self::ignore(from, IgnoreReason::Outdated, out);
        }
        if !is_here && !self.tree.connects(block) {
            self.sync.wait_with(from, proposal);
            return;
        }
        if block.view() > self.view {
            // Nothing proves that view: the rule of timeout certificates is off.
            return Self::ignore(from, IgnoreReason::Malformed, out);
        }
        self.consider(now, block, out);
    }

    /// Votes for a block of the current view whose parent is here, or says why not.
    fn consider(&mut self, now: Now, block: &Arc<Block>, out: &mut Effects) {
        let is_other = |known: &Arc<Block>| known.view() == block.view() && known.hash() != block.hash();
        let refusal = if self.tree.iter().any(is_other) && self.on(Rule::HotStuffVoteOncePerView) {
            Some(VoteRefusal::Equivocation)
        } else {
            self.keep(block);
            self.tell(block);
            let once = self.on(Rule::HotStuffVoteOncePerView);
            let guards = Guards { once, safe_node: self.on(Rule::HotStuffSafeNode) };
            self.promises
                .refuses(block, &self.tree, guards)
                .or_else(|| self.disbelieves(now.wall, block))
                .or_else(|| self.piles_up(block))
        };
        match refusal {
            None => self.vote(block, out),
            Some(reason) => {
                out.note(|| AnyEvent::HotStuff(Event::VoteRefused { view: block.view(), block: block.hash(), reason }))
            }
        }
    }

    /// Whether a block with requests follows more blocks that are not committed than an honest leader lets pile up.
    fn piles_up(&self, block: &Block) -> Option<VoteRefusal> {
        let committed = self.committed.view;
        let before = self.tree.chain(block.parent()).take_while(|block| block.view() > committed).count();
        let too_long = (!block.batch().is_null() || self.held) && before > self.config.settings.max_blocks as usize;
        too_long.then_some(VoteRefusal::TooLong)
    }

    /// Whether the leader's stamp is not believed. The first one of all has nothing before it.
    fn disbelieves(&self, clock: Wall, block: &Block) -> Option<VoteRefusal> {
        let stamp = block.batch().log_time()?;
        let stamped = |block: &Arc<Block>| block.batch().log_time().filter(|_| block.view() > self.committed.view);
        let previous = self.tree.chain(block.parent()).find_map(stamped).or(self.committed.log_time);
        let tolerance = &self.config.settings.tolerance;
        let believed = match previous {
            Some(previous) => tolerance.believes(clock, previous, stamp),
            None => stamp - clock <= tolerance.clocks && clock - stamp <= tolerance.clocks,
        };
        (!believed && self.on(Rule::HotStuffLogTime)).then_some(VoteRefusal::LogTime { stamp, clock })
    }
}
