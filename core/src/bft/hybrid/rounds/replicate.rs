//! How does a history grow while the leader is sound?
//!
//! Two pipelined rounds. The leader appends a link and says that it has it;
//! followers acknowledge the history to the leader. Acknowledgements of a
//! quorum are a *prepare certificate*: it goes out with the next append, and
//! whoever holds it durably names it in its next acknowledgement. A quorum that
//! names one makes the *commit certificate*, and only on that anybody applies.
//!
//! One round is not enough. With n = 4 a leader that lies sends A to one
//! follower and B to two, and B is acknowledged by three; were it committed
//! then, the next term could hear of A twice (the liar's word among them) and of
//! B once. With the second round three *hold* the certificate of B, so two of
//! any three that vote do, and one of these two is honest.
//!
//! What is not done here: a leader sends what it has itself, so its own disk is
//! in the way of each round, as PBFT's primary's is.

use std::sync::Arc;

use super::event::{Event, Ignored, Refusal};
use super::link::{Link, Mark};
use super::message::{Ack, Append, Committed, Message, Prepared};
use super::{Effects, Rounds};
use crate::bft::epoch::change;
use crate::bft::{Batch, Bundle};
use crate::rules::{Rule, Rules};
use crate::types::{NodeId, Now, Sequence, Wall};

/// Acknowledgements of the leader's term that are of use still.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Vec<(NodeId, Ack)>);

impl Tally {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes one; of each voter the last `limit` are kept.
    fn put(&mut self, by: NodeId, ack: Ack, limit: usize) {
        if self.0.iter().any(|(voter, known)| *voter == by && *known == ack) {
            return;
        }
        self.0.push((by, ack));
        if self.0.iter().filter(|(voter, _)| *voter == by).count() > limit
            && let Some(oldest) = self.0.iter().position(|(voter, _)| *voter == by)
        {
            self.0.remove(oldest);
        }
    }

    /// One acknowledgement of each voter that fits, by voter.
    fn matching(&self, fits: impl Fn(&Ack) -> bool) -> Vec<(NodeId, Ack)> {
        let mut list: Vec<(NodeId, Ack)> = Vec::new();
        for (voter, ack) in self.0.iter().filter(|(_, ack)| fits(ack)) {
            if let Err(at) = list.binary_search_by_key(voter, |(known, _)| *known) {
                list.insert(at, (*voter, *ack));
            }
        }
        list
    }

    /// All of them, with who gave them.
    pub(super) fn all(&self) -> impl Iterator<Item = &(NodeId, Ack)> {
        self.0.iter()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<R: Rules> Rounds<R> {
    /// The leader puts what waits behind its history, as far as pipeline and window let it.
    pub(super) fn propose_ready(&mut self, now: Now, out: &mut Effects) {
        if !self.leads() || !self.rooted {
            return;
        }
        while self.may_propose() && self.has_unproposed() {
            let settings = &self.config.settings;
            let (requests, bytes, holds) = (settings.max_batch_requests, settings.max_batch_bytes, self.holds_changes);
            let bundles = self.pool.take_but(requests, bytes, |bundle| holds && change::asks(bundle));
            self.propose(now, bundles, out);
        }
        self.tick_if_due(now, out);
        self.tell_ready(out);
    }

    /// Whether something waits for a place that may have one now.
    fn has_unproposed(&self) -> bool {
        self.pool.has_unproposed_but(|bundle| self.holds(bundle))
    }

    pub(super) fn may_propose(&self) -> bool {
        let flying = self.chain.last().0.saturating_sub(self.committed.0);
        !self.is_over()
            && flying < u64::from(self.config.settings.pipeline)
            && self.is_in_window(self.chain.last().next())
    }

    fn tip(&self) -> Mark {
        Mark { term: self.term, sequence: self.chain.last(), hash: self.chain.tip() }
    }

    /// The stamp of the last link.
    pub(super) fn tip_time(&self) -> Option<Wall> {
        let of = |link: &Arc<Link>| link.batch().log_time();
        self.chain.get(self.chain.last()).and_then(of).or(self.executed_time)
    }

    pub(super) fn propose(&mut self, now: Now, bundles: Vec<Arc<Bundle>>, out: &mut Effects) {
        let tolerance = &self.config.settings.tolerance;
        let stamp = self.tip_time().map_or(now.wall, |previous| tolerance.stamp(now.wall, previous));
        let (term, sequence) = (self.term, self.chain.last().next());
        let link = Arc::new(Link::new(term, sequence, self.chain.tip(), Batch::new(Some(stamp), bundles)));
        let requests = link.batch().len() as u64;
        out.note(|| Event::Proposed { term, sequence, hash: link.hash(), requests }.into());
        self.push(Arc::clone(&link));
        self.unsent.push(link);
        self.has_news = true;
    }

    /// A link follows the history, and will be durable with the step's write.
    fn push(&mut self, link: Arc<Link>) {
        for bundle in link.batch().bundles() {
            self.pool.mark(&bundle.hash());
        }
        if self.chain.push(Arc::clone(&link)) {
            self.persist.hard().links.push(link);
        }
    }

    /// Says what is new, once a step: links, certificates, and that the leader has all of it.
    fn tell_ready(&mut self, out: &mut Effects) {
        while std::mem::take(&mut self.has_news) {
            let Some(ack) = self.acknowledge(self.tip()) else { return };
            let after = self.promise_of(Rule::HybridPersistBeforeAck);
            match after {
                Some(ticket) => self.own_acks.push_back((ticket, ack)),
                None => self.tally(self.id, ack, out),
            }
            if self.has_news {
                continue;
            }
            let is_newer = |mark: Mark, told: Option<Mark>| told.is_none_or(|told| told.rank() < mark.rank());
            let prepared = self.prepared.clone().filter(|prepared| is_newer(prepared.mark, self.told.0));
            let committed = self.commit.clone().filter(|commit| is_newer(commit.mark, self.told.1));
            if let Some(prepared) = &prepared {
                self.told.0 = Some(prepared.mark);
            }
            if let Some(committed) = &committed {
                self.told.1 = Some(committed.mark);
            }
            let append = Append { ack, links: std::mem::take(&mut self.unsent), prepared, committed };
            self.broadcast(&Message::Append(Box::new(append)), after, out);
        }
    }

    /// The leader's own acknowledgement counts once what it speaks of is durable, as it does with everybody else. Where
    /// others are needed they wait for its disk anyway; a cluster of one would forget what it has committed.
    pub(super) fn count_own_acks(&mut self, out: &mut Effects) {
        while let Some((_, ack)) = self.own_acks.pop_front_if(|(ticket, _)| self.persist.is_complete(*ticket)) {
            if self.leads() && ack.mark.term == self.term && self.chain.contains(&ack.mark) {
                self.tally(self.id, ack, out);
            }
        }
    }

    /// Says all that it has said, to those that may have missed it.
    pub(super) fn heartbeat(&mut self, to: Option<(NodeId, Sequence)>, out: &mut Effects) {
        let Some(ack) = self.acknowledge(self.tip()) else { return };
        let links = match to {
            Some((_, after)) => self.chain.following(after).take(super::PER_ANSWER).cloned().collect(),
            None => Vec::new(),
        };
        let (prepared, committed) = (self.prepared.clone(), self.commit.clone());
        let append = Message::Append(Box::new(Append { ack, links, prepared, committed }));
        let after = self.promise_of(Rule::HybridPersistBeforeAck);
        match to {
            Some((to, _)) => out.send(to, append, after),
            None => self.broadcast(&append, after, out),
        }
    }

    /// This replica's acknowledgement of a part of its history, where it may give one: it has acknowledged nothing else
    /// there in this term. What it says is durable with the step's write, and so is the certificate that it names.
    fn acknowledge(&mut self, mark: Mark) -> Option<Ack> {
        let signer =
            self.signer.clone().filter(|_| !self.is_silent() && self.active && self.rooted && !self.lacks_root())?;
        let start = self.start().map_or(Sequence(0), |start| start.sequence);
        let accepted = self.accepted.filter(|accepted| accepted.term == self.term);
        let mark = match accepted {
            Some(accepted) if accepted.sequence >= Sequence::MAX => return None,
            Some(accepted) if accepted.sequence > mark.sequence => accepted,
            Some(_) | None => mark,
        };
        if mark.term != self.term || mark.sequence < start {
            return None;
        }
        if self.accepted != Some(mark) {
            self.accepted = Some(mark);
            self.persist.number();
        }
        let named = self.prepared.as_ref().map(|prepared| prepared.mark);
        Some(Ack { mark, named, signature: signer.sign(&mark.acknowledge(&self.domain, named)) })
    }

    pub(super) fn on_append(&mut self, now: Now, from: NodeId, append: Append, out: &mut Effects) {
        let Append { ack, links, prepared, committed } = append;
        let mark = ack.mark;
        if mark.term < self.term || !mark.is_possible() || self.is_silent() {
            return self.ignore(from, Ignored::OldTerm, out);
        }
        if mark.term > self.term || !self.active {
            self.timers.hurry(now, &self.config.settings);
            return self.ignore(from, Ignored::LaterTerm, out);
        }
        if self.leader() != Some(from) {
            return self.ignore(from, Ignored::NotTheLeader, out);
        }
        if let Some(prepared) = prepared {
            self.take_prepared(from, prepared, out);
        }
        if !self.rooted {
            return self.ignore(from, Ignored::NotRooted, out);
        }
        let took = links.iter().all(|link| self.take_link(now, link, out));
        if let Some(committed) = committed {
            self.take_committed(from, committed, out);
        }
        if !took || !self.chain.contains(&mark) {
            // A link before these is missing, or the leader has said something else before.
            return self.timers.hurry(now, &self.config.settings);
        }
        if let Some(ack) = self.acknowledge(mark) {
            let after = self.promise_of(Rule::HybridPersistBeforeAck);
            out.send(from, Message::Ack(Box::new(ack)), after);
        }
    }

    /// Takes a link of the term's leader. Returns false where it cannot stand in this replica's history.
    fn take_link(&mut self, now: Now, link: &Arc<Link>, out: &mut Effects) -> bool {
        let (term, sequence) = (self.term, link.sequence());
        let refused = |reason| Event::LinkRefused { term, sequence, reason }.into();
        match self.chain.hash_at(sequence) {
            Some(known) if known == link.hash() => return true,
            Some(accepted) if self.on(Rule::HybridOneHashPerIndex) || sequence <= self.committed => {
                // Two histories of one leader in one term: it lies, and whoever has both acknowledgements can show it.
                if sequence > self.committed {
                    out.note(|| refused(Refusal::OtherHash { accepted }));
                }
                return false;
            }
            Some(_) => {
                self.truncate(sequence.0 - 1);
                self.accepted = None;
            }
            None if sequence <= self.committed => return true,
            None => {}
        }
        if sequence != self.chain.last().next() || link.previous() != self.chain.tip() {
            return false;
        }
        let reason = match link.batch().log_time() {
            _ if link.origin() != self.term || !self.fits(link.batch()) => Some(Refusal::Malformed),
            _ if !self.is_in_window(sequence) => Some(Refusal::OutsideWindow),
            Some(stamp) if !self.believes(now.wall, stamp) => Some(Refusal::LogTime),
            Some(_) => None,
            None => Some(Refusal::Malformed),
        };
        if let Some(reason) = reason {
            out.note(|| refused(reason));
            return false;
        }
        out.note(|| Event::LinkAccepted { term, sequence, hash: link.hash() }.into());
        self.push(Arc::clone(link));
        true
    }

    /// Whether a leader may have made the batch, as far as it shows by itself.
    fn fits(&self, batch: &Batch) -> bool {
        let settings = &self.config.settings;
        let is_small = batch.len() as u64 <= u64::from(settings.max_batch_requests)
            && batch.bytes() <= u64::from(settings.max_batch_bytes);
        batch.is_well_formed() && (batch.bundles().len() <= 1 || is_small)
    }

    /// Whether a stamp is believed that follows the history. The first of all has nothing to follow.
    fn believes(&self, clock: Wall, stamp: Wall) -> bool {
        let tolerance = &self.config.settings.tolerance;
        match self.tip_time() {
            Some(previous) => tolerance.believes(clock, previous, stamp),
            None => stamp - clock <= tolerance.clocks && clock - stamp <= tolerance.clocks,
        }
    }

    pub(super) fn on_ack(&mut self, from: NodeId, ack: Ack, out: &mut Effects) {
        if !self.leads() || ack.mark.term != self.term {
            return self.ignore(from, Ignored::OldTerm, out);
        }
        if !self.chain.contains(&ack.mark) {
            return self.ignore(from, Ignored::OtherHistory, out);
        }
        self.tally(from, ack, out);
    }

    /// Counts an acknowledgement: for what it has, and for what it names.
    fn tally(&mut self, by: NodeId, ack: Ack, out: &mut Effects) {
        self.tally.put(by, ack, 2 * self.config.settings.pipeline as usize + 4);
        let enough = |quorum: &crate::quorum::Byzantine, acks: &[(NodeId, Ack)]| {
            quorum.is_quorum(acks.iter().map(|(voter, _)| *voter))
        };
        let needed = self.quorum.needed() as usize;
        if self.prepared.as_ref().is_none_or(|prepared| prepared.mark.rank() < ack.mark.rank()) {
            let mut acks = self.tally.matching(|known| known.mark == ack.mark);
            if enough(&self.quorum, &acks) {
                acks.truncate(needed);
                self.adopt_prepared(Arc::new(Prepared { mark: ack.mark, acks }), out);
                self.has_news = true;
            }
        }
        let own_term = self.on(Rule::HybridCommitOwnTerm);
        let named = ack.named.filter(|named| named.term == self.term || !own_term);
        if let Some(mark) = named.filter(|named| named.sequence > self.committed && self.chain.contains(named)) {
            let mut acks = self.tally.matching(|known| known.named == Some(mark));
            if enough(&self.quorum, &acks) {
                acks.truncate(needed);
                self.commit(&Arc::new(Committed { mark, acks }), out);
                self.has_news = true;
            }
        }
    }

    /// Takes a certificate of somebody else.
    pub(super) fn take_prepared(&mut self, from: NodeId, prepared: Arc<Prepared>, out: &mut Effects) {
        if prepared.mark.term > self.term || !prepared.is_enough(&self.quorum) {
            return self.ignore(from, Ignored::Malformed, out);
        }
        self.adopt_prepared(prepared, out);
    }

    /// Holds a verified certificate from here on, where it is higher than its own.
    pub(super) fn adopt_prepared(&mut self, prepared: Arc<Prepared>, out: &mut Effects) {
        let mark = prepared.mark;
        let is_known = self.prepared.as_ref().is_some_and(|known| known.mark.rank() >= mark.rank());
        if is_known || self.is_silent() {
            // What it holds it has said.
            return;
        }
        out.note(|| {
            let by = prepared.acks.iter().map(|(voter, _)| *voter).collect();
            Event::Prepared { term: mark.term, sequence: mark.sequence, hash: mark.hash, by }.into()
        });
        self.prepared = Some(Arc::clone(&prepared));
        self.persist.hard().prepared = Some(prepared);
        if !self.on(Rule::HybridTwoRounds) && self.rooted && self.chain.contains(&mark) {
            self.execute_through(mark.sequence, out);
        }
    }

    /// Takes a commit certificate of somebody else.
    pub(super) fn take_committed(&mut self, from: NodeId, committed: Arc<Committed>, out: &mut Effects) {
        if committed.mark.sequence <= self.committed {
            return;
        }
        if !committed.is_enough(&self.quorum, self.on(Rule::HybridCommitOwnTerm)) {
            return self.ignore(from, Ignored::Malformed, out);
        }
        if self.chain.contains(&committed.mark) {
            self.commit(&committed, out);
        }
    }

    /// What this certificate covers is committed, and in this replica's history.
    pub(super) fn commit(&mut self, committed: &Arc<Committed>, out: &mut Effects) {
        let mark = committed.mark;
        if mark.sequence <= self.committed {
            return;
        }
        out.note(|| {
            let by = committed.acks.iter().map(|(voter, _)| *voter).collect();
            Event::Committed { term: mark.term, sequence: mark.sequence, hash: mark.hash, by }.into()
        });
        self.commit = Some(Arc::clone(committed));
        self.commits.push_back(Arc::clone(committed));
        self.persist.hard().commit = Some(Arc::clone(committed));
        self.execute_through(mark.sequence, out);
    }

    /// Removes all links after this place.
    pub(super) fn truncate(&mut self, after: u64) {
        let after = Sequence(after);
        if after >= self.chain.last() {
            return;
        }
        let keeps = self.on(Rule::HybridKeepTruncated);
        let acknowledged = self.accepted.map(|accepted| accepted.sequence).filter(|_| keeps);
        let kept = self.chain.truncate(after, acknowledged);
        self.persist.cut(after, kept);
    }
}
