//! When is a block committed, and what becomes of it?
//!
//! A block is committed once it, its child and its grandchild are certified and
//! their views follow each other (§5: "three-chain", with direct parents). Its
//! ancestors are committed with it. Their batches become entries of the log, and
//! entries are applied once they are durable; each replica then answers the
//! clients for itself.
//!
//! Without the consecutive views a quorum may be locked below the block while
//! another branch is certified in between (TRAPS: commit without consecutive
//! views).

use std::sync::Arc;

use super::message::QuorumCertificate;
use super::{Block, Committed, Effects, Event, HotStuff, Root};
use crate::bft::Reply;
use crate::crypto::Hash256;
use crate::event::Event as AnyEvent;
use crate::protocol::{Applied, Outcome};
use crate::rules::{Rule, Rules};
use crate::types::{LogIndex, Term};

/// A committed block whose entries are being applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Executing {
    /// The last entry before its own.
    after: LogIndex,
    /// Its last entry.
    through: LogIndex,
    block: Hash256,
}

impl<R: Rules> HotStuff<R> {
    /// The block has the highest certificate: its grandparent may be committed by that.
    pub(super) fn commit_by(&mut self, third: &Block, out: &mut Effects) {
        let Some((first, views)) = self.three_chain(third).filter(|(first, _)| self.is_new(first)) else { return };
        if self.commits(views) {
            self.commit(&first, out);
        } else {
            out.note(|| AnyEvent::HotStuff(Event::CommitHeld { views }));
        }
    }

    /// The block has a certificate that is not the highest: its grandparent may be committed by that too.
    pub(super) fn commit_beside(&mut self, third: &Block, certificate: &Arc<QuorumCertificate>, out: &mut Effects) {
        let Some((first, views)) = self.three_chain(third) else { return };
        // It always follows while the rules hold. Where the laboratory has switched one off, this is not what stops it.
        let follows = self.committed.block.is_none_or(|committed| self.tree.extends(first.hash(), committed));
        if !self.is_new(&first) || !self.commits(views) || !follows {
            return;
        }
        self.commit(&first, out);
        if self.is_over() {
            // Of this instance nothing is wanted any more but the proof of its end.
            self.high = Arc::clone(certificate);
            self.persist.changed();
        }
    }

    /// The last three blocks of a chain: the first of them, and their views.
    fn three_chain(&self, third: &Block) -> Option<(Arc<Block>, [Term; 3])> {
        let second = self.tree.parent(third)?;
        let first = self.tree.parent(second)?;
        Some((Arc::clone(first), [first.view(), second.view(), third.view()]))
    }

    /// Whether three blocks with these views commit the first of them once the third is certified.
    fn commits(&self, views: [Term; 3]) -> bool {
        let direct = |pair: &[Term]| pair[0].next() == pair[1];
        views.windows(2).all(direct) || !self.on(Rule::HotStuffConsecutiveViews)
    }

    fn is_new(&self, block: &Block) -> bool {
        block.view() > self.committed.view && !self.held && !self.is_over()
    }

    /// Up to which view a block proves to everybody who gets it what is committed. That this replica knows more proves
    /// nothing to the others: the certificate that told it may be of a branch that was given up.
    fn told_by(&self, block: &Block) -> Term {
        let thirds = self.tree.chain(block.parent()).take_while(|third| third.view() > self.tree.told());
        let mut chains = thirds.filter_map(|third| self.three_chain(third));
        chains.find(|(_, views)| self.commits(*views)).map_or(Term(0), |(first, _)| first.view())
    }

    /// Everybody gets this block.
    pub(super) fn tell(&mut self, block: &Block) {
        let told = self.told_by(block);
        self.tree.tell(told);
    }

    /// Everybody got the blocks that are here after a restart.
    pub(super) fn recover_told(&mut self) {
        let told = self.tree.iter().map(|block| self.told_by(block)).max();
        self.tree.tell(told.unwrap_or_default());
    }

    fn commit(&mut self, last: &Arc<Block>, out: &mut Effects) {
        let known = self.committed.view;
        let mut chain: Vec<_> =
            self.tree.chain(last.hash()).take_while(|block| block.view() > known).cloned().collect();
        chain.reverse();
        let follows = chain.first().is_some_and(|first| self.committed.block == Some(first.parent()));
        if !out.check(follows, "a committed block follows the one that was committed before it") {
            return;
        }
        let mut last = last;
        let mut blocks = 0;
        for block in &chain {
            if self.is_over() {
                break;
            }
            self.append(block, out);
            (last, blocks) = (block, blocks + 1);
        }
        self.progress_made();
        self.persist.changed();
        out.note(|| {
            let (view, block, index) = (last.view(), last.hash(), self.committed.index);
            AnyEvent::HotStuff(Event::Committed { view, block, blocks, index })
        });
        self.prune(known, &chain);
    }

    /// Puts a committed block's batch into the log.
    fn append(&mut self, block: &Arc<Block>, out: &mut Effects) {
        let after = self.log.last_index();
        let entries = block.batch().entries(after, self.term_of(block.view()));
        for entry in &entries {
            self.log.append(Arc::clone(entry));
        }
        self.committed = self.committed.with(block);
        self.execute_changes(block, out);
        out.check(self.log.last_index() == self.committed.index, "the log ends where the last committed block does");
        if !entries.is_empty() {
            self.executing.push_back(Executing { after, through: self.committed.index, block: block.hash() });
            self.persist.append(entries);
            if self.is_checkpoint(&self.committed) || self.is_end(&self.committed) {
                self.snapshots.due.push_back(self.committed);
            }
        }
        for bundle in block.batch().bundles() {
            self.pool.executed(&bundle.hash());
        }
    }

    /// What competes with the blocks that were just committed is given up. Committed blocks stay for those who lag
    /// behind, as many as may be.
    fn prune(&mut self, known: Term, chain: &[Arc<Block>]) {
        let committed = self.committed.view;
        let is_dead = |block: &&Arc<Block>| {
            let decided = known < block.view() && block.view() <= committed;
            decided && !chain.iter().any(|committed| committed.hash() == block.hash())
        };
        let dead: Vec<_> = self.tree.iter().filter(is_dead).map(|block| block.hash()).collect();
        if !dead.is_empty() {
            self.tree.retain(|block| !dead.contains(&block.hash()));
            self.persist.dropped(dead);
        }
        if self.tree.len() <= self.config.settings.max_blocks as usize {
            return;
        }
        // A quarter at once, so that it is seldom.
        let Some(last) = self.committed.block else { return };
        let kept: Vec<_> = self.tree.chain(last).cloned().collect();
        for block in kept.iter().skip(1).rev().take(kept.len() / 4) {
            self.root = self.root.with(block);
        }
        self.tree.move_root(Root { view: self.root.view, block: self.root.block });
    }

    /// Too many blocks: those that compete with the highest certificate's chain go. Should one of them be certified
    /// after all, it is fetched.
    pub(super) fn drop_forks(&mut self) {
        let high = self.high.view;
        let chain: Vec<_> = self.tree.chain(self.high.block).map(|block| block.hash()).collect();
        let is_fork = |block: &&Arc<Block>| block.view() < high && !chain.contains(&block.hash());
        let forks: Vec<_> = self.tree.iter().filter(is_fork).map(|block| block.hash()).collect();
        if !forks.is_empty() {
            self.tree.retain(|block| !forks.contains(&block.hash()));
            self.persist.dropped(forks);
        }
    }

    /// Asks for the application of what is durable here: all of the log is committed.
    pub(super) fn apply_ready(&mut self, out: &mut Effects) {
        if self.sync.installing.is_some() || self.held {
            return; // The log speaks of the snapshot's state, which is not there yet.
        }
        let through = self.persist.durable().min(self.log.last_index());
        while let Some(at) = self.snapshots.due.front().copied().filter(|at| at.index <= through) {
            self.apply_through(at.index, out);
            if self.is_end(&at) && self.snapshots.is_busy() {
                return; // This one has to be made, whatever is being made still.
            }
            self.snapshots.due.pop_front();
            self.snapshot_at(at, out);
        }
        self.apply_through(through, out);
    }

    fn apply_through(&mut self, through: LogIndex, out: &mut Effects) {
        if through > self.apply_asked {
            out.apply(self.apply_asked.next(), through);
            self.apply_asked = through;
        }
    }

    /// The state machine has applied entries: each client is answered, by this replica for itself (PBFT §4.1).
    pub(super) fn on_applied(&mut self, through: LogIndex, results: Vec<Applied>, out: &mut Effects) {
        self.last_applied = self.last_applied.max(through);
        for Applied { index, client, number, result } in results {
            while self.executing.pop_front_if(|block| block.through < index).is_some() {}
            let Some(Executing { block, .. }) = self.executing.front().filter(|block| block.after < index) else {
                continue;
            };
            let Some(signer) = &self.signer else { continue };
            let (by, view, signature) = (self.id, self.view, crate::crypto::Signature([0; 64]));
            let reply = Reply { by, view, client, number, index, batch: *block, result, signature };
            let reply = reply.signed(self.config.cluster, &**signer);
            self.pool.remember(reply.clone());
            out.answer(client, number, Outcome::Replied(Box::new(reply)));
        }
        while self.executing.pop_front_if(|block| block.through <= through).is_some() {}
    }

    /// After a restart: which committed blocks the entries belong to that are to be applied again.
    pub(super) fn recover_executing(&mut self) {
        let Some(last) = self.committed.block else { return };
        let chain: Vec<_> = self.tree.chain(last).cloned().collect();
        let mut at: Committed = self.root;
        for block in chain.iter().rev() {
            let after = at.index;
            at = at.with(block);
            self.look_for_end(at, block, |_| ());
            if at.index > self.last_applied && !block.batch().is_null() {
                self.executing.push_back(Executing { after, through: at.index, block: block.hash() });
                if self.is_checkpoint(&at) || self.is_end(&at) {
                    self.snapshots.due.push_back(at);
                }
            }
        }
    }
}
