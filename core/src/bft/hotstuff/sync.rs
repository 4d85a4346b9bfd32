//! How does a replica get blocks that it missed?
//!
//! By hash, from anybody. A certified block that is not here is asked for, with
//! its ancestors down to the last committed one; the answer is known by its
//! hashes, each parent's by its child, so that nothing in it needs a signature.
//! Who does not answer in time is not asked again before all others were, and
//! what nobody has is given up for the next certificate.
//!
//! Bounded (TRAPS: blocks fetched without a bound): one chain at a time, of no
//! more blocks than the tree may hold, one request on its way, and one proposal
//! that waits for its parent.

use std::sync::Arc;

use super::install::Incoming;
use super::message::{Fetch, Message, Proposal, QuorumCertificate};
use super::{Block, Effects, Event, HotStuff, IgnoreReason};
use crate::crypto::Hash256;
use crate::event::Event as AnyEvent;
use crate::rules::Rules;
use crate::types::{LogIndex, Mono, NodeId, Now, Ticket};

/// What is missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Sync {
    fetching: Option<Fetching>,
    /// A later certificate whose block is missing too: it comes next.
    next: Option<(Arc<QuorumCertificate>, NodeId)>,
    /// A proposal whose parent is missing.
    waiting: Option<(NodeId, Arc<Proposal>)>,
    /// A snapshot on its way.
    pub(super) incoming: Option<Incoming>,
    /// A snapshot that was taken in and is not durable yet: its write, and its index.
    pub(super) installing: Option<(Ticket, LogIndex)>,
    /// The state that the instance begins with is longer than any that is taken in.
    pub(super) is_hopeless: bool,
}

/// Blocks on their way.
#[derive(Clone, Debug)]
struct Fetching {
    /// Certifies the first of them.
    target: Arc<QuorumCertificate>,
    /// The newest first; each one is the parent of the one before it.
    chain: Vec<Arc<Block>>,
    /// What is missing next.
    missing: Hash256,
    /// Who was asked.
    asked: NodeId,
    deadline: Mono,
}

impl Sync {
    pub(super) fn deadline(&self) -> Option<Mono> {
        let blocks = self.fetching.as_ref().map(|fetching| fetching.deadline);
        let state = self.incoming.as_ref().map(|incoming| incoming.deadline);
        [blocks, state].into_iter().flatten().min()
    }

    /// Whether this one is asked for something now.
    pub(super) fn has_asked(&self, node: NodeId) -> bool {
        self.incoming.is_some() || self.fetching.as_ref().is_some_and(|fetching| fetching.asked == node)
    }

    /// A proposal waits for its parent; that of the latest view stays.
    pub(super) fn wait_with(&mut self, from: NodeId, proposal: &Arc<Proposal>) {
        let later = |(_, known): &(NodeId, Arc<Proposal>)| known.block.view() < proposal.block.view();
        if self.waiting.as_ref().is_none_or(later) {
            self.waiting = Some((from, Arc::clone(proposal)));
        }
    }

    /// Nothing is missing any more.
    pub(super) fn end(&mut self) {
        (self.fetching, self.next, self.waiting) = (None, None, None);
    }

    /// How many blocks are kept here.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.fetching.as_ref().map_or(0, |fetching| fetching.chain.len())
    }
}

impl<R: Rules> HotStuff<R> {
    /// The block of this certificate is not here: it is asked for.
    pub(super) fn want(
        &mut self,
        now: Now,
        certificate: &Arc<QuorumCertificate>,
        from: Option<NodeId>,
        out: &mut Effects,
    ) {
        if self.is_full() {
            return;
        }
        let peer = from.filter(|from| *from != self.id).or_else(|| self.peers().next());
        let Some(peer) = peer else { return };
        if let Some(fetching) = &self.sync.fetching {
            let latest = self.sync.next.as_ref().map_or(fetching.target.view, |(next, _)| next.view);
            if certificate.view > latest {
                self.sync.next = Some((Arc::clone(certificate), peer));
            }
            return;
        }
        let (block, view) = (certificate.block, certificate.view);
        out.note(|| AnyEvent::HotStuff(Event::FetchBegan { block, view, from: peer }));
        self.sync.fetching = Some(Fetching {
            target: Arc::clone(certificate),
            chain: Vec::new(),
            missing: block,
            asked: peer,
            deadline: now.mono,
        });
        self.ask_for_blocks(now, out);
    }

    fn ask_for_blocks(&mut self, now: Now, out: &mut Effects) {
        let (above, retry) = (self.committed.view, self.config.settings.fetch_retry);
        let Some(fetching) = &mut self.sync.fetching else { return };
        fetching.deadline = now.mono + retry;
        out.send(fetching.asked, Message::Fetch(Fetch { block: fetching.missing, above }), None);
    }

    /// Asks the next one where nobody has answered in time.
    pub(super) fn retry_fetch(&mut self, now: Now, out: &mut Effects) {
        let late = |fetching: &&Fetching| now.mono >= fetching.deadline;
        let Some(fetching) = self.sync.fetching.as_ref().filter(late) else { return };
        let asked = self.next_peer(fetching.asked);
        // A later one takes its place: of a block that lost, nobody may have a copy any more.
        if self.sync.next.is_some() || fetching.target.view <= self.high.view {
            self.sync.fetching = None;
            return self.fetch_next(now, asked, out);
        }
        if let Some(fetching) = &mut self.sync.fetching {
            fetching.asked = asked.unwrap_or(fetching.asked);
        }
        self.ask_for_blocks(now, out);
    }

    /// The peer after this one, in a circle.
    pub(super) fn next_peer(&self, node: NodeId) -> Option<NodeId> {
        self.peers().find(|peer| *peer > node).or_else(|| self.peers().next())
    }

    /// Answers with the block and its ancestors, as far as they are here and fit.
    pub(super) fn on_fetch(&mut self, from: NodeId, fetch: &Fetch, out: &mut Effects) {
        let settings = &self.config.settings;
        let mut bytes = 0;
        let fits = |block: &&Arc<Block>| {
            bytes += block.batch().bytes();
            bytes == block.batch().bytes() || bytes <= u64::from(settings.max_batch_bytes)
        };
        let wanted = self.tree.chain(fetch.block).take_while(|block| block.view() > fetch.above);
        let most = settings.max_blocks_per_answer as usize;
        let blocks: Vec<_> = wanted.take(most).take_while(fits).cloned().collect();
        if !blocks.is_empty() {
            out.send(from, Message::Blocks(blocks), None);
        } else if let Some(stable) = &self.snapshots.stable
            && self.view_of(stable.checkpoint.term) > fetch.above
        {
            out.send(from, Message::Stable(Box::new((**stable).clone())), None);
        }
    }

    /// Takes blocks that were asked for, as far as their hashes are those that are missing.
    pub(super) fn on_blocks(&mut self, now: Now, from: NodeId, blocks: &[Arc<Block>], out: &mut Effects) {
        let Some(fetching) = &mut self.sync.fetching else { return Self::ignore(from, IgnoreReason::NotAsked, out) };
        let before = fetching.chain.len();
        let mut connects = false;
        for block in blocks {
            if connects || block.hash() != fetching.missing {
                break;
            }
            connects = self.tree.connects(block);
            fetching.missing = block.parent();
            fetching.chain.push(Arc::clone(block));
        }
        let news = fetching.chain.len() > before;
        let lost = fetching.chain.last().is_some_and(|last| last.justify().view < self.committed.view);
        if connects {
            return self.connect(now, out);
        }
        if lost || fetching.chain.len() > self.config.settings.max_blocks as usize {
            // Nothing here follows what is committed; another certificate will come.
            self.sync.fetching = None;
            return Self::ignore(from, IgnoreReason::Malformed, out);
        }
        if news {
            fetching.asked = from;
            self.ask_for_blocks(now, out);
        } else {
            Self::ignore(from, IgnoreReason::NotAsked, out);
        }
    }

    /// The state is another one: what was fetched may follow it now. What is from before it is not wanted any more: it
    /// would never meet the tree again, and nobody has what comes before it (found by an exploration with liars).
    pub(super) fn resume_fetch(&mut self, now: Now, out: &mut Effects) {
        let (committed, root) = (self.committed.view, self.root.view);
        let Some(fetching) = &mut self.sync.fetching else { return };
        fetching.chain.retain(|block| block.view() > root);
        fetching.missing = fetching.chain.last().map_or(fetching.target.block, |last| last.parent());
        let last = fetching.chain.last();
        if last.is_some_and(|last| self.tree.connects(last)) {
            self.connect(now, out);
        } else if fetching.target.view <= committed || last.is_some_and(|last| last.justify().view < root) {
            self.sync.fetching = None;
            self.fetch_next(now, None, out);
        } else {
            self.ask_for_blocks(now, out);
        }
    }

    /// Goes on with the later certificate that waits, where it is still news.
    fn fetch_next(&mut self, now: Now, asked: Option<NodeId>, out: &mut Effects) {
        if let Some((next, from)) = self.sync.next.take().filter(|(next, _)| next.view > self.high.view) {
            self.want(now, &next, asked.or(Some(from)), out);
        }
    }

    /// All that was missing is here: it is taken in order, as if it had come so, and then what waited for it.
    fn connect(&mut self, now: Now, out: &mut Effects) {
        let Some(Fetching { target, chain, asked, .. }) = self.sync.fetching.take() else { return };
        let (blocks, view) = (chain.len() as u64, target.view);
        out.note(|| AnyEvent::HotStuff(Event::Fetched { blocks, view }));
        for block in chain.iter().rev() {
            self.learn_certificate(now, block.justify(), None, out);
            self.keep(block);
        }
        self.on_certificate(now, &target, asked, out);
        if let Some((next, from)) = self.sync.next.take() {
            self.learn_certificate(now, &next, Some(from), out);
        }
        if let Some((from, proposal)) = self.sync.waiting.take() {
            self.on_proposal(now, from, &proposal, out);
        }
    }
}
