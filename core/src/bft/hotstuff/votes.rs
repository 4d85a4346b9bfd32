//! How does a certificate come about?
//!
//! A voter votes to the leader of the vote's own view (TRAPS: votes that go to
//! the next leader are lost with it). Whoever has a quorum's votes for one block
//! has its certificate; the leader sends it to the next one. Only the newest
//! vote of each voter is kept: that bounds the memory, and nobody needs an older
//! one.

use std::sync::Arc;

use super::message::{self, Message, QuorumCertificate, Vote};
use super::{Block, BlockId, Effects, Event, HotStuff, IgnoreReason, Own, ViewReason};
use crate::bft::Certificate;
use crate::crypto::Hash256;
use crate::event::Event as AnyEvent;
use crate::rules::{Rule, Rules};
use crate::types::{NodeId, Now, Term};

impl<R: Rules> HotStuff<R> {
    /// Votes for a block of the current view, which is in the tree (§5, Algorithm 3). What the vote promises goes out
    /// with this step's write, and the vote waits for it: a replica that forgot its vote could give another one.
    pub(super) fn vote(&mut self, block: &Block, out: &mut Effects) {
        let (view, hash) = (block.view(), block.hash());
        self.promises.voted = self.promises.voted.max(view);
        self.promises.vote = Some(BlockId { view, block: hash });
        let ticket = self.persist.changed();
        out.note(|| {
            let (justify, lock) = (block.justify().view, self.promises.lock.view);
            AnyEvent::HotStuff(Event::Voted { view, block: hash, justify, lock })
        });
        let Some(vote) = self.signed_vote() else { return };
        let Some(leader) = self.leader(view) else { return };
        // It counts here too: timeouts may bring the others.
        self.own.push_back((ticket, Own::Vote(vote)));
        if leader != self.id {
            let after = self.on(Rule::HotStuffPersistBeforeVote).then_some(ticket);
            out.send(leader, Message::Vote(vote), after);
        }
    }

    /// The last vote, signed; the same statement has the same signature each time.
    pub(super) fn signed_vote(&mut self) -> Option<Vote> {
        let BlockId { view, block } = self.promises.vote?;
        if let Some(vote) = self.pacemaker.last_vote.filter(|vote| (vote.view, vote.block) == (view, block)) {
            return Some(vote);
        }
        let names_view = self.on(Rule::HotStuffCertificateNamesView);
        let statement = message::vote_statement(&self.config.domain(), view, &block, names_view);
        let vote = Vote { view, block, signature: self.signer.as_ref()?.sign(&statement) };
        self.pacemaker.last_vote = Some(vote);
        Some(vote)
    }

    pub(super) fn on_vote(&mut self, now: Now, from: NodeId, vote: Vote, out: &mut Effects) {
        if self.wants_vote(&vote) {
            self.count_vote(now, from, vote, false, out);
        } else {
            Self::ignore(from, IgnoreReason::Outdated, out);
        }
    }

    /// Counts a verified vote, whoever it was sent to.
    pub(super) fn count_vote(&mut self, now: Now, voter: NodeId, vote: Vote, in_timeout: bool, out: &mut Effects) {
        let newer = self.votes.get(&voter).is_none_or(|known| known.view < vote.view);
        if !newer || !self.wants_vote(&vote) {
            return;
        }
        self.votes.insert(voter, vote);
        let (view, block) = (vote.view, vote.block);
        let have = self.quorum.distinct(self.voters_for(view, block));
        let needed = self.quorum.needed();
        out.note(|| AnyEvent::HotStuff(Event::VoteCounted { view, block, voter, have, needed, in_timeout }));
        if have < needed {
            return;
        }
        let same = self.votes.iter().filter(|(_, vote)| (vote.view, vote.block) == (view, block));
        let certificate = Certificate::of(same.map(|(voter, vote)| (*voter, vote.signature)), needed);
        let formed = Arc::new(QuorumCertificate { view, block, certificate });
        out.note(|| {
            let voters = formed.certificate.voters().collect();
            AnyEvent::HotStuff(Event::CertificateFormed { view, block, voters })
        });
        self.learn_certificate(now, &formed, Some(voter), out);
        if self.leads(view)
            && let Some(next) = self.leader(view.next())
            && next != self.id
        {
            out.send(next, Message::Certificate(formed), None);
        }
    }

    /// Whose vote in this view is here.
    pub(super) fn voters_in(&self, view: Term) -> impl Iterator<Item = NodeId> {
        self.votes.iter().filter(move |(_, vote)| vote.view == view).map(|(voter, _)| *voter)
    }

    fn voters_for(&self, view: Term, block: Hash256) -> impl Iterator<Item = NodeId> {
        let same = move |vote: &Vote| (vote.view, vote.block) == (view, block);
        self.votes.iter().filter(move |(_, vote)| same(vote)).map(|(voter, _)| *voter)
    }

    /// Takes a verified certificate (§5, Algorithm 3): it may be the highest, lock the parent of its block, commit
    /// the grandparent, and end its view. Returns whether its block is here; where it is not, it is asked for.
    pub(super) fn learn_certificate(
        &mut self,
        now: Now,
        certificate: &Arc<QuorumCertificate>,
        from: Option<NodeId>,
        out: &mut Effects,
    ) -> bool {
        let QuorumCertificate { view, block: hash, .. } = **certificate;
        if view <= self.high.view {
            return self.tree.knows(&hash);
        }
        let is_of_view = |block: &Arc<Block>| block.view() == view;
        if !self.tree.get(&hash).is_none_or(is_of_view) && self.on(Rule::HotStuffCertificateNamesView) {
            Self::ignore(from.unwrap_or(self.id), IgnoreReason::CertificateOfAnotherView, out);
            return false;
        }
        if view > self.newest.view {
            self.newest = Arc::clone(certificate);
        }
        let Some(block) = self.tree.get(&hash).cloned() else {
            if view <= self.root.view {
                return self.learn_root(now, certificate, out);
            }
            self.want(now, certificate, from, out);
            self.enter_view(now, view.next(), ViewReason::Certificate, out);
            return false;
        };
        self.high = Arc::clone(certificate);
        self.persist.changed();
        out.note(|| AnyEvent::HotStuff(Event::HighCertificate { view, block: hash }));
        if self.promises.lock_parent_of(&block) {
            let BlockId { view, block } = self.promises.lock;
            out.note(|| AnyEvent::HotStuff(Event::Locked { view, block }));
        }
        self.commit_by(&block, out);
        self.enter_view(now, view.next(), ViewReason::Certificate, out);
        true
    }

    /// A certificate came by itself, or what it asked for is here. One that is lower than the highest may commit too, if
    /// it is of another branch: where an instance has ended nobody goes on behind the end, and others may have gone on
    /// beside it (found by an exploration with liars).
    pub(super) fn on_certificate(
        &mut self,
        now: Now,
        certificate: &Arc<QuorumCertificate>,
        from: NodeId,
        out: &mut Effects,
    ) {
        let QuorumCertificate { view, block: hash, .. } = **certificate;
        // Where certificates name no view it cannot be told which one is lower.
        if view > self.high.view || !self.on(Rule::HotStuffCertificateNamesView) {
            self.learn_certificate(now, certificate, Some(from), out);
        } else if let Some(block) = self.tree.get(&hash).cloned() {
            if block.view() == view {
                self.commit_beside(&block, certificate, out);
            }
        } else if self.committed.view < view && view < self.high.view {
            self.want(now, certificate, Some(from), out);
        }
    }

    /// A certificate of the block that the tree begins after, whose hash a snapshot does not tell.
    fn learn_root(&mut self, now: Now, certificate: &Arc<QuorumCertificate>, out: &mut Effects) -> bool {
        let QuorumCertificate { view, block, .. } = **certificate;
        if view < self.root.view || !self.tree.name_root(block) {
            return false;
        }
        self.name_root();
        self.high = Arc::clone(certificate);
        self.persist.changed();
        out.note(|| AnyEvent::HotStuff(Event::HighCertificate { view, block }));
        self.enter_view(now, view.next(), ViewReason::Certificate, out);
        true
    }

    /// Takes the root's hash over from the tree.
    pub(super) fn name_root(&mut self) {
        if self.root.block.is_none() {
            self.root.block = self.tree.root().block;
            if self.committed.view == self.root.view {
                self.committed.block = self.root.block;
            }
        }
    }
}
