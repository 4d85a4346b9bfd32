//! How do views end that bring nothing?
//!
//! By timeout certificates (DiemBFT v4, "Pacemaker"). A replica that waits for something
//! gives its view up when its timer runs out, says so to all, and does not vote
//! in it any more; a quorum's timeouts are a certificate that leads everybody
//! who sees it into the next view. It joins those who give up once one of them
//! must be honest. A timeout is said again until the view is over.
//!
//! Each timeout carries the highest certificate and the last vote of its sender.
//! The next leader extends the highest certificate that a quorum has; and where
//! a leader got a quorum to vote and fell silent, it completes the certificate
//! that was lost (TRAPS: with one silent leader of four nothing ever commits).
//!
//! The timer doubles with each view that is given up, starts anew with each
//! commit, and is capped: an attacker that makes its own views fail delays the
//! others by so much and no more (TRAPS: a pacemaker that can be held back). It
//! runs only while something is wanted. Nobody can reset it but a quorum.
//!
//! Bounded: one timeout of each voter, its newest.

use std::sync::Arc;

use litemap::LiteMap;

use super::message::{self, Message, QuorumCertificate, Timeout, TimeoutCertificate, Vote};
use super::{Effects, Event, HotStuff, IgnoreReason, Own, ViewReason};
use crate::bft::Certificate;
use crate::crypto::Signature;
use crate::event::Event as AnyEvent;
use crate::record::{Timer, TimerKind};
use crate::rules::{Rule, Rules};
use crate::types::{Mono, NodeId, Now, Span, Term};

/// What a replica knows of views that end.
#[derive(Clone, Debug, Default)]
pub(super) struct Pacemaker {
    /// Runs while something is wanted.
    pub(super) timer: Option<Timer>,
    /// Views that were given up since the last commit.
    pub(super) failures: u32,
    /// How often the current view was given up again: nobody joins, so there is time.
    repeats: u32,
    /// The newest timeout of each voter.
    timeouts: LiteMap<NodeId, Timeout>,
    /// When each voter was last sent a timeout for one that it repeated.
    answered: LiteMap<NodeId, Mono>,
    /// The last view that this replica has given up, and its signature for it with that highest certificate.
    signed: Option<(Term, Term, Signature)>,
    pub(super) last_vote: Option<Vote>,
    /// When something in the state machine expires, on the node's monotonic clock.
    expiry: Option<Mono>,
}

impl Pacemaker {
    pub(super) fn deadline(&self) -> Option<Mono> {
        [self.timer.map(|timer| timer.deadline), self.expiry].into_iter().flatten().min()
    }

    fn has_given_up(&self, view: Term) -> bool {
        self.signed.is_some_and(|(given_up, ..)| given_up == view)
    }

    /// Who has given up this view.
    fn voters(&self, view: Term) -> impl Iterator<Item = NodeId> {
        self.timeouts.iter().filter(move |(_, timeout)| timeout.view == view).map(|(voter, _)| *voter)
    }

    /// How many timeouts are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.timeouts.len()
    }
}

impl<R: Rules> HotStuff<R> {
    /// How long the current view may take.
    pub(super) fn view_timeout(&self) -> Span {
        let settings = &self.config.settings;
        let doublings = self.pacemaker.failures.saturating_add(self.pacemaker.repeats).min(40);
        let doubled = settings.view_timeout.0.saturating_mul(1 << doublings);
        if self.on(Rule::HotStuffTimerIsCapped) {
            Span(doubled.min(settings.max_view_timeout.0))
        } else {
            Span(doubled)
        }
    }

    /// The timer runs while something is wanted.
    pub(super) fn tend_timer(&mut self, now: Now) {
        self.pacemaker.expiry = self.next_expiry(now);
        let wanted = self.wants_progress(now) && self.quorum.is_voter(self.id);
        if !wanted {
            self.pacemaker.timer = None;
        } else if self.pacemaker.timer.is_none() {
            let deadline = now.mono + self.view_timeout();
            self.pacemaker.timer = Some(Timer { kind: TimerKind::Pacemaker, armed: now.mono, deadline });
        }
    }

    /// Something was committed: timers are short again.
    pub(super) fn progress_made(&mut self) {
        if self.on(Rule::HotStuffTimerIsCapped) {
            self.pacemaker.failures = 0;
        }
    }

    pub(super) fn on_deadline(&mut self, now: Now, out: &mut Effects) {
        self.retry_fetch(now, out);
        self.retry_transfer(now, out);
        self.ask_for_root(now, out);
        if self.pacemaker.timer.is_some_and(|timer| now.mono >= timer.deadline) {
            self.pacemaker.timer = None;
            if self.wants_progress(now) {
                self.give_up(now, out);
            }
        }
    }

    /// Gives the current view up, or says so again. That there will be no vote in it any more is durable before it
    /// is said.
    fn give_up(&mut self, now: Now, out: &mut Effects) {
        let view = self.view;
        if view >= Term::MAX {
            return;
        }
        let first = !self.pacemaker.has_given_up(view);
        if first {
            let waited = self.view_timeout();
            let others = self.quorum.distinct(self.pacemaker.voters(view));
            out.note(|| AnyEvent::HotStuff(Event::TimedOut { view, waited, others }));
        } else {
            self.pacemaker.repeats = self.pacemaker.repeats.saturating_add(1);
        }
        if self.promises.voted < view {
            self.promises.voted = view;
            self.persist.changed();
        }
        let Some(timeout) = self.timeout() else { return };
        let after = self.persist.promise();
        self.broadcast(&Message::Timeout(Box::new(timeout.clone())), after, out);
        if !self.on(Rule::HotStuffTimeoutCertificates) {
            self.pacemaker.failures = self.pacemaker.failures.saturating_add(1);
            self.enter_view(now, view.next(), ViewReason::Alone, out);
        } else if let Some(ticket) = after {
            self.own.push_back((ticket, Own::Timeout(Box::new(timeout))));
        } else {
            self.count_timeout(now, self.id, timeout, out);
        }
    }

    /// What this replica says about the current view, signed once for each highest certificate.
    fn timeout(&mut self) -> Option<Timeout> {
        let (view, high) = (self.view, Arc::clone(&self.newest));
        let signature = match self.pacemaker.signed {
            Some((given_up, of, signature)) if (given_up, of) == (view, high.view) => signature,
            Some(_) | None => {
                let statement = message::timeout_statement(&self.config.domain(), view, high.view);
                self.signer.as_ref()?.sign(&statement)
            }
        };
        self.pacemaker.signed = Some((view, high.view, signature));
        let vote = if self.on(Rule::HotStuffVotesInTimeouts) { self.signed_vote() } else { None };
        let vote = vote.filter(|vote| vote.view > high.view);
        let entered_by = self.entered_by.clone().filter(|_| high.view.next() != view);
        Some(Timeout { view, high, entered_by, vote, signature })
    }

    pub(super) fn on_timeout(&mut self, now: Now, from: NodeId, timeout: Timeout, out: &mut Effects) {
        self.learn_certificate(now, &timeout.high, Some(from), out);
        if let Some(proof) = &timeout.entered_by {
            self.learn_timeout_certificate(now, proof, out);
        }
        if let Some(vote) = timeout.vote.filter(|_| self.on(Rule::HotStuffVotesInTimeouts)) {
            self.count_vote(now, from, vote, true, out);
        }
        let again = self.pacemaker.timeouts.get(&from).is_some_and(|known| known.view >= timeout.view);
        if timeout.view < self.view {
            // One that crossed the end of its view needs no help: what ended the view is on its way.
            if again || timeout.view.next() < self.view {
                self.help(from, &timeout.high, out);
            }
            if !again {
                self.pacemaker.timeouts.insert(from, timeout);
            }
            return Self::ignore(from, IgnoreReason::Outdated, out);
        }
        if again && self.pacemaker.has_given_up(self.view) && self.may_answer(now, from) {
            // It may have missed ours.
            let after = self.persist.promise();
            if let Some(own) = self.timeout() {
                out.send(from, Message::Timeout(Box::new(own)), after);
            }
        }
        self.count_timeout(now, from, timeout, out);
    }

    /// Whether a repeated timeout is answered: an answer is a repetition for whoever gets it, and would be answered in
    /// turn. A liar, or a network that doubles messages, made a storm of that.
    pub(super) fn may_answer(&mut self, now: Now, voter: NodeId) -> bool {
        let pause = self.config.settings.view_timeout;
        let may = self.pacemaker.answered.get(&voter).is_none_or(|last| now.mono >= *last + pause);
        if may {
            self.pacemaker.answered.insert(voter, now.mono);
        }
        may
    }

    /// Brings somebody who lags behind into the current view.
    fn help(&self, lagging: NodeId, high: &QuorumCertificate, out: &mut Effects) {
        if high.view < self.newest.view {
            out.send(lagging, Message::Certificate(Arc::clone(&self.newest)), None);
        }
        if let Some(proof) = &self.entered_by
            && proof.view.next() == self.view
        {
            out.send(lagging, Message::TimeoutCertificate(Arc::clone(proof)), None);
        }
    }

    /// Counts a verified timeout of the current view. f+1 of them make the replica join, a quorum's end the view.
    pub(super) fn count_timeout(&mut self, now: Now, voter: NodeId, timeout: Timeout, out: &mut Effects) {
        let view = timeout.view;
        self.pacemaker.timeouts.insert(voter, timeout);
        if view != self.view || !self.on(Rule::HotStuffTimeoutCertificates) {
            return;
        }
        let have = self.quorum.distinct(self.pacemaker.voters(view));
        let needed = self.quorum.needed();
        out.note(|| AnyEvent::HotStuff(Event::TimeoutCounted { view, voter, have, needed }));
        if have >= needed {
            let proof = Arc::new(self.form_timeout_certificate(view, needed));
            let highest = proof.highest();
            out.note(|| AnyEvent::HotStuff(Event::TimeoutCertificateFormed { view, highest }));
            self.learn_timeout_certificate(now, &proof, out);
        } else if have >= self.quorum.one_honest() && !self.pacemaker.has_given_up(view) {
            self.give_up(now, out);
        }
    }

    fn form_timeout_certificate(&self, view: Term, needed: u32) -> TimeoutCertificate {
        let of_view = || self.pacemaker.timeouts.iter().filter(|(_, timeout)| timeout.view == view);
        let signatures = of_view().map(|(voter, timeout)| (*voter, timeout.signature));
        let certificate = Certificate::of(signatures, needed);
        // Both lists are in the order of voters.
        let highs = of_view().map(|(_, timeout)| timeout.high.view).take(needed as usize).collect();
        TimeoutCertificate { view, highs, certificate }
    }

    /// Takes a verified timeout certificate: its view is over.
    pub(super) fn learn_timeout_certificate(&mut self, now: Now, proof: &Arc<TimeoutCertificate>, out: &mut Effects) {
        if proof.view < self.view || !self.on(Rule::HotStuffTimeoutCertificates) {
            return;
        }
        self.entered_by = Some(Arc::clone(proof));
        self.persist.changed();
        self.pacemaker.failures = self.pacemaker.failures.saturating_add(1);
        self.enter_view(now, proof.view.next(), ViewReason::TimeoutCertificate, out);
    }

    /// Goes on to a later view.
    pub(super) fn enter_view(&mut self, now: Now, view: Term, reason: ViewReason, out: &mut Effects) {
        if view <= self.view {
            return;
        }
        self.view = view;
        self.pacemaker.repeats = 0;
        self.pacemaker.timer = None;
        self.tend_timer(now);
        if let Some(leader) = self.leader(view) {
            out.note(|| AnyEvent::HotStuff(Event::ViewEntered { view, leader, reason }));
        }
    }
}
