//! How does a batch get its place while the primary is sound?
//!
//! PBFT §4.2. The primary gives a batch a sequence number (pre-prepare); backups
//! accept it and say so to all (prepare). Who has the pre-prepare and prepares of
//! a quorum, the primary's pre-prepare counted as its prepare, holds the batch
//! for *prepared*: no other one can be prepared there in this view. It says so
//! (commit). With commits of a quorum the batch is *committed*: every later view
//! will find it. Batches are executed in order.
//!
//! Where the paper leaves a choice: pre-prepares are accepted in the order of
//! their numbers, because each log time is judged by the one before it; a
//! replica whose batch is committed still says its part in a later view, for
//! those who lack it.

use std::sync::Arc;

use super::event::{Event, Ignored, Refusal};
use super::message::{Decided, Message, PrePrepare, Prepared, Vote};
use super::value::{Subject, Value};
use super::{Effects, Pbft};
use crate::bft::{Batch, Bundle, Certificate};
use crate::crypto::Signature;
use crate::rules::{Rule, Rules};
use crate::types::{NodeId, Now, Sequence, Term, Wall};

/// How far pre-prepares are accepted without a gap in the present view.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    /// The last of them.
    pub(super) through: Sequence,
    /// Log time after it; `None` before the first.
    pub(super) time: Option<Wall>,
}

impl Order {
    /// Another view: what was accepted in an older one does not count.
    pub(super) fn start_over(&mut self) {
        *self = Self::default();
    }
}

impl<R: Rules> Pbft<R> {
    /// Accepts what has its turn, and proposes what waits.
    pub(super) fn order_ready(&mut self, now: Now, out: &mut Effects) {
        if self.order.through < self.executed {
            self.order = Order { through: self.executed, time: self.executed_time };
        }
        loop {
            let next = self.order.through.next();
            let Some(slot) = self.slots.get_mut(next) else { break };
            if let Some(value) = slot.settled_in(self.view) {
                self.order.through = next;
                self.order.time = self.order.time.max(value.batch().log_time());
                continue;
            }
            if self.changing || slot.accepted_in(self.view).is_some() {
                break;
            }
            let Some(early) = slot.early.take_if(|early| early.view == self.view) else { break };
            if !self.consider(now, &early, out) {
                break;
            }
        }
        self.propose_ready(now, out);
    }

    /// The primary orders what waits, as far as the pipeline and the window let it (§4.2).
    fn propose_ready(&mut self, now: Now, out: &mut Effects) {
        if !self.leads() || self.is_over() {
            return;
        }
        while self.pool.has_unproposed() && self.may_propose() {
            let settings = &self.config.settings;
            let bundles = self.pool.take(settings.max_batch_requests, settings.max_batch_bytes);
            self.propose(now, bundles, out);
        }
        self.tick_if_due(now, out);
    }

    /// Whether the next sequence number is free and may be used.
    pub(super) fn may_propose(&self) -> bool {
        let next = self.order.through.next();
        let flying = self.order.through.0.saturating_sub(self.executed.0);
        let free = self.slots.get(next).is_none_or(|slot| slot.accepted_in(self.view).is_none());
        flying < u64::from(self.config.settings.pipeline) && self.is_in_window(next) && free
    }

    /// Gives a batch of these bundles the next sequence number. Its own pre-prepare is durable before it leaves: a
    /// primary that forgot it would give the number to another batch.
    pub(super) fn propose(&mut self, now: Now, bundles: Vec<Arc<Bundle>>, out: &mut Effects) {
        let Some(signer) = self.signer.clone() else { return };
        let tolerance = &self.config.settings.tolerance;
        let stamp = self.order.time.map_or(now.wall, |previous| tolerance.stamp(now.wall, previous));
        let value = Arc::new(Value::new(self.view, Batch::new(Some(stamp), bundles)));
        let (view, sequence) = (self.view, self.order.through.next());
        let subject = Subject { view, sequence, hash: value.hash() };
        let signature = signer.sign(&subject.pre_prepare(&self.domain));
        let requests = value.batch().len() as u64;
        out.note(|| Event::Proposed { view, sequence, hash: subject.hash, requests }.into());
        self.order = Order { through: sequence, time: Some(stamp) };
        let pre_prepare = PrePrepare { view, sequence, value, signature };
        self.accept(&pre_prepare, out);
        let after = if self.on(Rule::PbftPersistBeforePrepare) { self.persist.promise() } else { None };
        self.broadcast(&Message::PrePrepare(pre_prepare), after, out);
    }

    pub(super) fn on_pre_prepare(&mut self, now: Now, from: NodeId, pre_prepare: PrePrepare, out: &mut Effects) {
        let subject = pre_prepare.subject();
        let Subject { view, sequence, hash } = subject;
        if view != self.view {
            let reason = if view < self.view { Ignored::OldView } else { Ignored::LaterView };
            return self.ignore(from, reason, out);
        }
        if !self.is_in_window(sequence) {
            return self.ignore(from, Ignored::OutsideWindow, out);
        }
        if self.primary() == Some(self.id) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        if !self.may_be_proposed(&pre_prepare) {
            return out.note(|| Event::PrePrepareRefused { view, sequence, reason: Refusal::Malformed }.into());
        }
        let changing = self.changing;
        let one_digest = self.on(Rule::PbftOneDigestPerSlot);
        let Some(slot) = self.slots.at(sequence) else { return };
        let decided = slot.hard.decided.as_ref().map(|decided| decided.subject.hash);
        let refused = |reason| Event::PrePrepareRefused { view, sequence, reason }.into();
        if decided.is_some_and(|decided| decided != hash) {
            return out.note(|| refused(Refusal::Decided));
        }
        match slot.accepted_in(view) {
            Some(accepted) if accepted.hash != hash && one_digest => {
                // §4.2: "it has not accepted a pre-prepare for view v and sequence number n containing a different
                // digest". Otherwise a primary could have two batches prepared under one number.
                out.note(|| refused(Refusal::OtherDigest { accepted: accepted.hash }));
            }
            Some(accepted) if accepted.hash != hash => {
                slot.forget();
                self.accept(&pre_prepare, out);
            }
            Some(_) if slot.hard.value(hash).is_none() => self.accept_body(subject, pre_prepare.value, out),
            Some(_) => self.ignore(from, Ignored::NotNeeded, out),
            None if decided.is_some() && !changing => self.accept(&pre_prepare, out),
            None => {
                if slot.early.as_ref().is_none_or(|early| early.view < view) {
                    slot.early = Some(Box::new(pre_prepare));
                }
                self.order_ready(now, out);
            }
        }
    }

    /// Whether a primary may have made the batch, as far as it shows by itself. Values of a new view come from an older
    /// one, and may be null.
    fn may_be_proposed(&self, pre_prepare: &PrePrepare) -> bool {
        let (batch, settings) = (pre_prepare.value.batch(), &self.config.settings);
        let fits = batch.bundles().len() <= 1
            || (batch.len() as u64 <= u64::from(settings.max_batch_requests)
                && batch.bytes() <= u64::from(settings.max_batch_bytes));
        pre_prepare.value.origin() <= pre_prepare.view && batch.is_well_formed() && fits
    }

    /// Judges a pre-prepare whose turn it is. Returns whether it was accepted.
    fn consider(&mut self, now: Now, pre_prepare: &PrePrepare, out: &mut Effects) -> bool {
        let PrePrepare { view, sequence, value, .. } = pre_prepare;
        let refusal = match value.batch().log_time() {
            Some(_) if value.origin() != *view => Some(Refusal::Malformed),
            Some(stamp) if !self.believes(now.wall, stamp) => Some(Refusal::LogTime),
            Some(_) => None,
            None => Some(Refusal::Malformed),
        };
        match refusal {
            Some(reason) => {
                out.note(|| Event::PrePrepareRefused { view: *view, sequence: *sequence, reason }.into());
                false
            }
            None => {
                self.accept(pre_prepare, out);
                true
            }
        }
    }

    /// Whether a stamp is believed that follows what is accepted. The first of all has nothing to follow.
    fn believes(&self, clock: Wall, stamp: Wall) -> bool {
        let tolerance = &self.config.settings.tolerance;
        match self.order.time {
            Some(previous) => tolerance.believes(clock, previous, stamp),
            None => stamp - clock <= tolerance.clocks && clock - stamp <= tolerance.clocks,
        }
    }

    /// Accepts a pre-prepare (§4.2).
    fn accept(&mut self, pre_prepare: &PrePrepare, out: &mut Effects) {
        let subject = pre_prepare.subject();
        let Some(slot) = self.slots.at(subject.sequence) else { return };
        slot.hard.accepted = Some((subject, pre_prepare.signature));
        self.persist.slot(subject.sequence).accepted = slot.hard.accepted;
        self.accept_body(subject, Arc::clone(&pre_prepare.value), out);
    }

    /// The body of what is accepted is here. A backup says so to all, once it is durable: one that forgot what it has
    /// said could say something else after a restart.
    pub(super) fn accept_body(&mut self, subject: Subject, value: Arc<Value>, out: &mut Effects) {
        let Subject { view, sequence, hash } = subject;
        let Some(signer) = self.signer.clone() else { return };
        let Some(slot) = self.slots.at(sequence) else { return };
        for bundle in value.batch().bundles() {
            self.pool.mark(&bundle.hash());
        }
        slot.hard.keep(Arc::clone(&value));
        slot.hard.drop_unused();
        self.persist.slot(sequence).keep(value);
        if self.primary() != Some(self.id) {
            out.note(|| Event::PrePrepareAccepted { view, sequence, hash }.into());
            let vote = Vote { subject, signature: signer.sign(&subject.prepare(&self.domain)) };
            self.keep_own_prepare(&vote);
            let after = if self.on(Rule::PbftPersistBeforePrepare) { self.persist.promise() } else { None };
            self.broadcast(&Message::Prepare(vote), after, out);
        }
        if !self.on(Rule::PbftCommitAfterPrepared) {
            self.commit(subject, out);
        }
        self.advance(sequence, out);
    }

    /// What this replica has said before it was restarted, as far as it still counts. One statement has one signature.
    pub(super) fn recall_votes(&mut self, sequence: Sequence) {
        let (Some(signer), Some(place)) = (self.signer.clone(), self.place_of(self.id)) else { return };
        let (voters, backs) = (self.quorum.voters().len(), self.primary() != Some(self.id));
        let Some(slot) = self.slots.get_mut(sequence) else { return };
        let accepted = slot.accepted_in(self.view).filter(|subject| slot.hard.value(subject.hash).is_some());
        if let Some(subject) = accepted.filter(|_| backs) {
            slot.prepares.take(place, voters, &subject, signer.sign(&subject.prepare(&self.domain)));
        }
        if let Some(subject) = slot.hard.prepared.as_ref().map(|prepared| prepared.subject) {
            slot.commits.take(place, voters, &subject, signer.sign(&subject.commit(&self.domain)));
        }
    }

    fn keep_own_prepare(&mut self, vote: &Vote) {
        let (Some(place), voters) = (self.place_of(self.id), self.quorum.voters().len()) else { return };
        if let Some(slot) = self.slots.at(vote.subject.sequence) {
            slot.prepares.take(place, voters, &vote.subject, vote.signature);
        }
    }

    /// Says that a value is prepared here.
    fn commit(&mut self, subject: Subject, out: &mut Effects) {
        let (Some(place), voters) = (self.place_of(self.id), self.quorum.voters().len()) else { return };
        let Some(signer) = &self.signer else { return };
        let vote = Vote { subject, signature: signer.sign(&subject.commit(&self.domain)) };
        let after = if self.on(Rule::PbftPersistBeforeCommit) { self.persist.promise() } else { None };
        match (after, self.slots.at(subject.sequence)) {
            (Some(ticket), _) => self.own_commits.push_back((ticket, vote)),
            (None, Some(slot)) => {
                slot.commits.take(place, voters, &subject, vote.signature);
            }
            (None, None) => {}
        }
        self.broadcast(&Message::Commit(vote), after, out);
    }

    /// A replica's own commit counts once the proof is durable that it speaks of, as it does with everybody else: one
    /// that executed first and forgot the proof in a crash could help a new view to order something else there.
    pub(super) fn count_own_commits(&mut self, out: &mut Effects) {
        let (Some(place), voters) = (self.place_of(self.id), self.quorum.voters().len()) else { return };
        while let Some((_, vote)) = self.own_commits.pop_front_if(|(ticket, _)| self.persist.is_complete(*ticket)) {
            let sequence = vote.subject.sequence;
            let Some(slot) = self.slots.get_mut(sequence) else { continue };
            if slot.commits.take(place, voters, &vote.subject, vote.signature) {
                self.advance(sequence, out);
            }
        }
    }

    pub(super) fn on_prepare(&mut self, from: NodeId, vote: &Vote, out: &mut Effects) {
        let Subject { view, sequence, .. } = vote.subject;
        let Some(place) = self.place_of(from) else { return };
        if view < self.view || view > Term::MAX {
            return self.ignore(from, Ignored::OldView, out);
        }
        if !self.is_in_window(sequence) {
            return self.ignore(from, Ignored::OutsideWindow, out);
        }
        let voters = self.quorum.voters().len();
        let Some(slot) = self.slots.at(sequence) else { return };
        if slot.prepares.take(place, voters, &vote.subject, vote.signature) && view == self.view {
            self.advance(sequence, out);
        }
    }

    pub(super) fn on_commit(&mut self, from: NodeId, vote: &Vote, out: &mut Effects) {
        let Subject { view, sequence, .. } = vote.subject;
        let Some(place) = self.place_of(from) else { return };
        if view > Term::MAX {
            return self.ignore(from, Ignored::Malformed, out);
        }
        if !self.is_in_window(sequence) {
            return self.ignore(from, Ignored::OutsideWindow, out);
        }
        let voters = self.quorum.voters().len();
        let Some(slot) = self.slots.at(sequence) else { return };
        if slot.hard.decided.is_some() {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        if slot.commits.take(place, voters, &vote.subject, vote.signature) {
            self.advance(sequence, out);
        }
    }

    /// Looks whether a value is prepared, and committed.
    pub(super) fn advance(&mut self, sequence: Sequence, out: &mut Effects) {
        if let Some(prepared) = self.newly_prepared(sequence) {
            let subject = prepared.subject;
            let Subject { view, hash, .. } = subject;
            let needed = self.quorum.needed();
            out.note(|| {
                let by = prepared.certificate.voters().collect();
                Event::Prepared { view, sequence, hash, by, needed }.into()
            });
            let prepared = Arc::new(prepared);
            if let Some(slot) = self.slots.get_mut(sequence) {
                slot.hard.prepared = Some(Arc::clone(&prepared));
                slot.hard.drop_unused();
            }
            self.persist.slot(sequence).prepared = Some(prepared);
            if self.on(Rule::PbftCommitAfterPrepared) {
                self.commit(subject, out);
            }
        }
        if let Some(decided) = self.newly_committed(sequence) {
            let Subject { view, hash, .. } = decided.subject;
            out.note(|| {
                let by = decided.certificate.voters().collect();
                Event::Committed { view, sequence, hash, by }.into()
            });
            if let Some(slot) = self.slots.get_mut(sequence) {
                slot.hard.decided = Some(Arc::new(decided));
            }
        }
    }

    /// `prepared(m, v, n, i)` (§4.2): the pre-prepare with its body, and prepares that match it, of a quorum together.
    /// The primary has prepared by its pre-prepare, and whatever else it says is not counted a second time.
    fn newly_prepared(&self, sequence: Sequence) -> Option<Prepared> {
        let slot = self.slots.get(sequence)?;
        let subject = slot.accepted_in(self.view).filter(|_| !self.changing && !slot.is_prepared_in(self.view))?;
        slot.hard.value(subject.hash)?;
        let (_, ordered) = slot.hard.accepted?;
        let primary = self.primary()?;
        let any_digest = !self.on(Rule::PbftVotesMatchDigest);
        let voters = self.quorum.voters();
        let matching = || {
            let said = slot.prepares.in_view(self.view).filter(|(_, said)| said.hash == subject.hash || any_digest);
            said.filter_map(|(place, said)| Some((*voters.get(place)?, said.signature)))
                .filter(|(voter, _)| *voter != primary)
        };
        let all = || [(primary, ordered)].into_iter().chain(matching());
        self.quorum.is_quorum(all().map(|(voter, _)| voter)).then(|| {
            let needed = self.quorum.needed();
            Prepared { subject, certificate: Certificate::of(all().take(needed as usize), needed) }
        })
    }

    /// `committed-local(m, v, n, i)` (§4.2): prepared here, and commits of a quorum for it.
    fn newly_committed(&self, sequence: Sequence) -> Option<Decided> {
        let slot = self.slots.get(sequence).filter(|slot| slot.hard.decided.is_none())?;
        let subject = match &slot.hard.prepared {
            Some(prepared) => prepared.subject,
            None if !self.on(Rule::PbftCommitAfterPrepared) => slot.accepted_in(self.view)?,
            None => return None,
        };
        slot.hard.value(subject.hash)?;
        let any_digest = !self.on(Rule::PbftVotesMatchDigest);
        let voters = self.quorum.voters();
        let matching = || {
            let said = slot.commits.in_view(subject.view);
            let said = said.filter(|(_, said)| said.hash == subject.hash || any_digest);
            said.filter_map(|(place, said)| Some::<(NodeId, Signature)>((*voters.get(place)?, said.signature)))
        };
        self.quorum
            .is_quorum(matching().map(|(voter, _)| voter))
            .then(|| Decided { subject, certificate: Certificate::of(matching(), self.quorum.needed()) })
    }
}
