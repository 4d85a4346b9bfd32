//! When does a replica lose its patience?
//!
//! The timer runs for the oldest request that waits, and nothing but the
//! execution of *that* request moves it: heartbeats do not, nor does a leader
//! that serves its friends alone. It doubles with each term in a row that did
//! not execute it, up to a cap. A second clock asks around for what is missing.

use std::sync::Arc;

use super::event::WishReason;
use super::{Effects, Rounds};
use crate::bft::Bundle;
use crate::bft::epoch::change;
use crate::bft::pbft::Settings;
use crate::crypto::Hash256;
use crate::rules::{Rule, Rules};
use crate::types::{Mono, Now, Sequence, Span, Term, Wall};

/// The pause doubles each time it has asked so often in vain.
const ROUNDS_PER_DOUBLING: u64 = 4;

/// A running timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) armed: Mono,
    pub(super) deadline: Mono,
}

/// What has changed since, where nothing has a replica waits in vain.
type Progress = (Term, bool, bool, Sequence, Sequence, u64);

/// All timers of one replica.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timers {
    pub(super) request: Option<Running>,
    /// The bundle that it runs for.
    awaited: Option<Hash256>,
    /// Terms in a row that did not execute it.
    pub(super) attempts: u32,
    ask_at: Mono,
    asked_at: Option<Mono>,
    /// How often it has asked since something changed.
    pub(super) rounds: u64,
    progress: Progress,
    was_waiting: bool,
    tick_at: Option<Mono>,
}

impl Timers {
    /// A replica that starts asks at once where the others are, unless it has never known anything.
    pub(super) fn new(now: Now, settings: &Settings, is_blank: bool) -> Self {
        Self {
            request: None,
            awaited: None,
            attempts: 0,
            ask_at: if is_blank { now.mono + settings.idle_status } else { now.mono },
            asked_at: None,
            rounds: 0,
            progress: (Term(0), false, false, Sequence(0), Sequence(0), 0),
            was_waiting: false,
            tick_at: None,
        }
    }

    fn arm(&mut self, now: Now, settings: &Settings) {
        let (base, cap) = settings.request_timeout;
        let doublings = self.attempts.saturating_sub(1).min(32);
        let timeout = Span(base.0.saturating_mul(1 << doublings).min(cap.0));
        self.request = Some(Running { armed: now.mono, deadline: now.mono + timeout });
    }

    pub(super) fn left_term(&mut self) {
        self.request = None;
        self.attempts = self.attempts.saturating_add(1);
    }

    pub(super) fn entered_term(&mut self) {
        self.request = None;
    }

    /// Asks around soon, and not more often than always.
    pub(super) fn hurry(&mut self, now: Now, settings: &Settings) {
        let soon = self.asked_at.map_or(now.mono, |asked| now.mono.max(asked + settings.retransmit));
        self.ask_at = self.ask_at.min(soon);
    }

    pub(super) fn next(&self) -> Mono {
        let request = self.request.map(|running| running.deadline);
        request.into_iter().chain(self.tick_at).fold(self.ask_at, Mono::min)
    }
}

impl<R: Rules> Rounds<R> {
    pub(super) fn on_deadline(&mut self, now: Now, out: &mut Effects) {
        if let Some(running) = self.timers.request.take_if(|running| running.deadline <= now.mono) {
            let waited = running.deadline - running.armed;
            let reason = if self.active { WishReason::RequestWaited(waited) } else { WishReason::LeadMissing(waited) };
            self.wish(now, reason, out);
        }
        if self.timers.ask_at <= now.mono {
            self.ask_around(now, out);
            self.timers.asked_at = Some(now.mono);
            self.timers.rounds += 1;
            self.timers.ask_at = now.mono + self.asking_interval();
        }
    }

    fn asking_interval(&self) -> Span {
        let settings = &self.config.settings;
        let doublings = (self.timers.rounds / ROUNDS_PER_DOUBLING).min(16);
        let patient = Span(settings.retransmit.0.saturating_mul(1 << doublings));
        if self.waits() { patient.min(settings.idle_status) } else { settings.idle_status }
    }

    /// Sets the timers as the step has left things.
    pub(super) fn tend_timers(&mut self, now: Now) {
        self.tend_request_timer(now);
        let received = self.transfer.as_ref().map_or(0, |transfer| transfer.received());
        let progress = (self.term, self.active, self.rooted, self.committed, self.chain.last(), received);
        let waits = self.waits();
        let is_first = self.timers.asked_at.is_none() && self.timers.ask_at <= now.mono;
        if !is_first && (progress != self.timers.progress || waits != self.timers.was_waiting) {
            self.timers.rounds = 0;
            self.timers.ask_at = self.timers.ask_at.min(now.mono + self.asking_interval());
        }
        (self.timers.progress, self.timers.was_waiting) = (progress, waits);
        self.timers.tick_at = self.next_tick(now);
    }

    fn tend_request_timer(&mut self, now: Now) {
        let is_done = |awaited: &mut Hash256| self.pool.get(awaited).is_none();
        if self.timers.awaited.take_if(is_done).is_some() {
            (self.timers.attempts, self.timers.request) = (0, None);
        } else if self.committed > self.timers.progress.3 && !self.on(Rule::HybridTimerOfOneRequest) {
            // Were any execution enough, a leader could leave one client's requests out for ever.
            self.timers.request = None;
        }
        let oldest = self.pool.waiting().find(|bundle| !self.holds(bundle)).map(|bundle| bundle.hash());
        if self.is_over() || self.awaited().is_some_and(|bundle| self.holds(bundle)) {
            (self.timers.request, self.timers.awaited) = (None, None);
        }
        if self.is_over() || (oldest.is_none() && !self.pool.is_empty()) {
            // What waits does so for the next epoch, or for calm.
            self.timers.attempts = 0;
        }
        if self.is_over() {
            return;
        }
        if self.wished > self.term || self.is_silent() || (self.active && oldest.is_none()) {
            // It has said what it wishes, or has nothing to wish for.
            self.timers.request = None;
            return;
        }
        self.timers.awaited = self.timers.awaited.or(oldest);
        if self.timers.request.is_none() {
            self.timers.arm(now, &self.config.settings);
        }
    }

    /// What the timer runs for.
    fn awaited(&self) -> Option<&Arc<Bundle>> {
        self.pool.get(&self.timers.awaited?)
    }

    /// How many terms in a row have not executed the oldest request that waits here. Of a change of voters none: its
    /// leader may wait for calm.
    #[must_use]
    pub fn fruitless_terms(&self) -> u32 {
        let attempts = self.timers.attempts;
        let is_of_change = attempts > 0 && self.awaited().is_some_and(|bundle| change::asks(bundle));
        if is_of_change { 0 } else { attempts }
    }

    /// Whether the leader should let log time pass now: something expires, or its clock is a whole jump ahead.
    pub(super) fn tick_if_due(&mut self, now: Now, out: &mut Effects) {
        let has_none = self.pool.waiting().all(|bundle| self.holds(bundle));
        let calm = self.chain.last() == self.committed && has_none && self.may_propose();
        if calm && self.tick_due_at().is_some_and(|due| due <= now.wall) {
            self.propose(now, Vec::new(), out);
        }
    }

    fn tick_due_at(&self) -> Option<Wall> {
        let time = self.tip_time()?;
        let behind = time + self.config.settings.tolerance.jump;
        Some(self.expiry.filter(|expiry| *expiry > time).map_or(behind, |expiry| expiry.min(behind)))
    }

    fn next_tick(&self, now: Now) -> Option<Mono> {
        let due = self.tick_due_at().filter(|due| self.leads() && *due > now.wall)?;
        Some(now.mono + (due - now.wall))
    }
}
