//! How does one instance begin with a state that another one has left, and how does it end?
//!
//! **The end.** The voters stay the same within an instance. The first block in
//! order that changes them is the last one that is executed: what is ordered after it is
//! void, and its requests wait for the next instance. The other two blocks
//! of its three-chain have to follow all the same, so leaders that see it below
//! propose empty ones (what comes after it only empties the pipe). Its state is made
//! whatever the checkpoint interval, with the new members; and it is no
//! checkpoint of this instance, for whoever took it for one would not know that
//! it is the last. Whether a committed block is the end can be read from the
//! block, so nothing is written about it.
//!
//! A replica that has ended takes no part in views any more. It holds the
//! certificate that proves the end to anybody and says that again, after
//! longer and longer pauses and to whoever still talks of views: one such
//! replica is enough to bring all the others here.
//!
//! **The beginning.** The block before all others has the hash of state and
//! instance, its view is 0, and views count from there. Sequence numbers and log
//! indexes go on, terms rise ([`Term::in_instance`]). Whoever has the state goes on from it at once.
//! Who has not is *held*: it votes, because a vote rests on blocks and not on
//! the state, and it takes in no more blocks than a tree may hold; but it
//! executes nothing until it has fetched the state, from those who have signed it or from the other
//! voters. Then it commits what it has seen certified meanwhile.

use std::sync::Arc;

use super::block::Block;
use super::message::Message;
use super::{Committed, Config, Effects, HotStuff, IgnoreReason};
use crate::bft::StableCheckpoint;
use crate::bft::epoch;
use crate::bft::epoch::change::{self, Nonsense};
use crate::few;
use crate::membership::Membership;
use crate::rules::{Rule, Rules};
use crate::types::{Mono, NodeId, Now, Span, Term};

/// How an instance ends.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// The last block that is executed.
    pub(super) at: Committed,
    /// Who votes after it.
    pub(super) members: Membership,
    /// When its proof is said again, and how often that was done.
    say_at: Mono,
    said: u32,
}

impl<R> Config<R> {
    /// The block before all others.
    pub(super) fn beginning(&self) -> Committed {
        let root = self.root.as_ref();
        root.map_or_else(Committed::default, |root| Committed::before(&root.stable.checkpoint, &self.domain()))
    }

    /// Whether this is the state that it begins with.
    pub(super) fn is_root(&self, proof: &StableCheckpoint) -> bool {
        self.root.as_ref().is_some_and(|root| *root.stable == *proof)
    }
}

impl<R: Rules> HotStuff<R> {
    /// What entries of a block carry as their term.
    pub(super) fn term_of(&self, view: Term) -> Term {
        view.in_instance(self.config.instance)
    }

    /// The view of a block whose entries carry this term; 0 where they are of an instance before.
    pub(super) fn view_of(&self, term: Term) -> Term {
        if term < self.term_of(Term(0)) { Term(0) } else { term.within_instance() }
    }

    /// Who votes after this block, where it is one that ends the instance.
    pub(super) fn changed_by(&self, block: &Block, void: impl FnMut(Nonsense)) -> Option<Membership> {
        let by_anybody = !self.on(Rule::EpochChangeByOperatorOnly);
        let bundles = block.batch().bundles().iter().map(|bundle| &**bundle);
        change::first(bundles, self.config.configuration, &self.members, by_anybody, void)
    }

    /// A block is executed: it may be the end.
    pub(super) fn execute_changes(&mut self, block: &Block, out: &mut Effects) {
        let has_ended = self.end.is_some();
        self.look_for_end(self.committed, block, |reason| out.note(|| epoch::Event::ChangeVoid { reason }.into()));
        if let Some(End { at, members, .. }) = self.end.as_ref().filter(|_| !has_ended) {
            let (epoch, sequence) = (self.config.configuration, at.sequence);
            out.note(|| epoch::Event::Ended { epoch, sequence, voters: members.voters.clone() }.into());
        }
    }

    /// Takes note of a committed block: it may be the end.
    pub(super) fn look_for_end(&mut self, at: Committed, block: &Block, void: impl FnMut(Nonsense)) {
        if self.end.is_none()
            && let Some(members) = self.changed_by(block, void)
        {
            self.end = Some(End { at, members, say_at: self.started, said: 0 });
            self.sync.end();
        }
    }

    /// Whether this is the last block.
    pub(super) fn is_end(&self, at: &Committed) -> bool {
        self.end.as_ref().is_some_and(|end| end.at == *at)
    }

    /// Whether nothing more is executed.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some() && self.on(Rule::EpochEndsAtChange)
    }

    /// When the proof of the end is said again.
    pub(super) fn end_deadline(&self) -> Option<Mono> {
        self.end.as_ref().filter(|_| self.is_over()).map(|end| end.say_at)
    }

    /// Says to all what proves the end.
    pub(super) fn say_end(&mut self, now: Now, out: &mut Effects) {
        let settings = &self.config.settings;
        let is_over = self.is_over();
        let Some(end) = self.end.as_mut().filter(|end| is_over && end.say_at <= now.mono) else { return };
        let pause = settings.view_timeout.0.saturating_mul(1 << end.said.min(40));
        end.say_at = now.mono + Span(pause.min(settings.max_view_timeout.0));
        end.said = end.said.saturating_add(1);
        self.broadcast(&Message::Certificate(Arc::clone(&self.high)), None, out);
    }

    /// Nothing is ordered any more. Shows the end to one that has not seen it.
    pub(super) fn show_end(&mut self, now: Now, to: NodeId, message: &Message, out: &mut Effects) {
        let goes_on = matches!(message, Message::Proposal(_) | Message::Vote(_) | Message::Timeout(_));
        if goes_on && self.may_answer(now, to) {
            out.send(to, Message::Certificate(Arc::clone(&self.high)), None);
        }
        Self::ignore(to, IgnoreReason::Outdated, out);
    }

    /// Whether it waits for the state that the instance begins with, and can ask for it.
    pub(super) fn lacks_root(&self) -> bool {
        let is_idle = self.sync.incoming.is_none() && self.sync.installing.is_none() && !self.sync.is_hopeless;
        self.held && self.quorum.is_voter(self.id) && is_idle
    }

    /// Whether this one may have the state that it lacks: it has signed it.
    pub(super) fn gives_root(&self, node: NodeId) -> bool {
        self.held && self.sources().contains(&node)
    }

    /// Who has signed the state that the instance begins with.
    fn sources(&self) -> &[NodeId] {
        self.config.root.as_ref().map_or(&[], |root| &root.sources)
    }

    /// Asks for the state that the instance begins with, where it is lacking: first those who have signed it.
    pub(super) fn ask_for_root(&mut self, now: Now, out: &mut Effects) {
        if !self.lacks_root() {
            return;
        }
        let from = self.sources().iter().copied().find(|source| *source != self.id);
        if let Some((root, from)) = self.config.root.clone().zip(from) {
            self.begin_transfer(now, from, (*root.stable).clone(), out);
        }
        self.sync.is_hopeless = self.sync.incoming.is_none();
    }

    /// Who may have the state of this checkpoint: the voters, and of the one that it begins with those who have signed it.
    pub(super) fn next_source(&self, proof: &StableCheckpoint, after: NodeId) -> Option<NodeId> {
        let signers = if self.config.is_root(proof) { self.sources() } else { &[] };
        let sources = few::distinct(self.peers().chain(signers.iter().copied()).filter(|node| *node != self.id));
        sources.iter().copied().find(|node| *node > after).or_else(|| sources.first().copied())
    }

    /// The state is here: what has been certified meanwhile is committed.
    pub(super) fn commit_certified(&mut self, out: &mut Effects) {
        let chain: Vec<_> = self.tree.chain(self.high.block).cloned().collect();
        let before = self.committed.view;
        for third in &chain {
            if self.committed.view == before {
                self.commit_by(third, out);
            }
        }
    }
}
