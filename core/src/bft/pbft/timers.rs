//! When does a replica lose its patience?
//!
//! PBFT §4.5.2. The timer runs for the oldest request that waits. It doubles with
//! each view change that follows another without that request being executed,
//! up to a cap, so that in the end a view lasts long enough. Only the execution
//! of *that* request moves it: a primary that executes the requests of its
//! friends alone is left all the same (TRAPS 31). While views change the timer
//! runs once a quorum has asked for the view, so that nobody is far ahead.
//!
//! A second clock, much faster, asks around for what is missing. Read
//! `catch_up` for that.

use super::config::Settings;
use super::event::{Event, ViewChangeReason};
use super::{Effects, Pbft};
use crate::crypto::Hash256;
use crate::rules::{Rule, Rules};
use crate::types::{Mono, Now, Sequence, Span, Term};

/// The pause doubles each time it has asked so often in vain.
const ROUNDS_PER_DOUBLING: u64 = 4;

/// A running timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) armed: Mono,
    pub(super) deadline: Mono,
    /// The bundle that it waits for; `None` where it waits for a new view.
    request: Option<Hash256>,
}

/// What has changed since, where nothing has a replica waits in vain.
type Progress = (Term, bool, Sequence, u64);

/// All timers of one replica.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timers {
    pub(super) request: Option<Running>,
    /// View changes in a row.
    attempts: u32,
    /// When it asks around next, and when it has last.
    ask_at: Mono,
    asked_at: Option<Mono>,
    /// How often it has asked since something changed.
    pub(super) rounds: u64,
    progress: Progress,
    was_waiting: bool,
    /// When log time has to pass.
    tick_at: Option<Mono>,
    grows: bool,
}

impl Timers {
    /// A replica that starts asks at once where the others are, unless it has never known anything.
    pub(super) fn new(now: Now, settings: &Settings, is_blank: bool, grows: bool) -> Self {
        let progress = (Term(0), false, Sequence(0), 0);
        Self {
            request: None,
            attempts: 0,
            ask_at: if is_blank { now.mono + settings.idle_status } else { now.mono },
            asked_at: None,
            rounds: 0,
            progress,
            was_waiting: false,
            tick_at: None,
            grows,
        }
    }

    fn timeout(&self, settings: &Settings) -> Span {
        let (base, cap) = settings.request_timeout;
        let doublings = if self.grows { self.attempts.saturating_sub(1).min(32) } else { 0 };
        Span(base.0.saturating_mul(1 << doublings).min(cap.0))
    }

    fn arm(&mut self, now: Now, request: Option<Hash256>, settings: &Settings, out: &mut Effects) {
        let (timeout, attempts) = (self.timeout(settings), self.attempts);
        self.request = Some(Running { armed: now.mono, deadline: now.mono + timeout, request });
        out.note(|| Event::RequestTimerSet { timeout, attempts }.into());
    }

    pub(super) fn left_view(&mut self) {
        self.request = None;
        self.attempts = self.attempts.saturating_add(1);
    }

    pub(super) fn entered_view(&mut self) {
        self.request = None;
    }

    /// A quorum has asked for the view: its primary has this long to begin it.
    pub(super) fn wait_for_new_view(&mut self, now: Now, settings: &Settings, out: &mut Effects) {
        if self.request.is_none() {
            self.arm(now, None, settings, out);
        }
    }

    /// Others seem to be ahead: asks around soon, and not more often than always.
    pub(super) fn hurry(&mut self, now: Now, settings: &Settings) {
        let soon = self.asked_at.map_or(now.mono, |asked| now.mono.max(asked + settings.retransmit));
        self.ask_at = self.ask_at.min(soon);
    }

    pub(super) fn next(&self) -> Mono {
        let request = self.request.map(|running| running.deadline);
        request.into_iter().chain(self.tick_at).fold(self.ask_at, Mono::min)
    }
}

impl<R: Rules> Pbft<R> {
    pub(super) fn on_deadline(&mut self, now: Now, out: &mut Effects) {
        if let Some(running) = self.timers.request.filter(|running| running.deadline <= now.mono) {
            let waited = running.deadline - running.armed;
            let reason = match running.request {
                Some(_) => ViewChangeReason::RequestWaited(waited),
                None => ViewChangeReason::NewViewMissing(waited),
            };
            self.begin_view_change(now, Term(self.view.0 + 1), reason, out);
        }
        if self.timers.ask_at <= now.mono {
            self.ask_around(out);
            self.timers.asked_at = Some(now.mono);
            self.timers.rounds += 1;
            self.timers.ask_at = now.mono + self.asking_interval();
        }
    }

    /// Whoever asks in vain asks less and less often: what it waits for may not come before others wait too.
    fn asking_interval(&self) -> Span {
        let settings = &self.config.settings;
        let doublings = (self.timers.rounds / ROUNDS_PER_DOUBLING).min(16);
        let patient = Span(settings.retransmit.0.saturating_mul(1 << doublings));
        if self.waits() { patient.min(settings.idle_status) } else { settings.idle_status }
    }

    /// Sets the timers as the step has left things.
    pub(super) fn tend_timers(&mut self, now: Now, out: &mut Effects) {
        let received = self.transfer.as_ref().map_or(0, |transfer| transfer.received());
        let progress = (self.view, self.changing, self.executed, received);
        let has_executed = progress.2 > self.timers.progress.2;
        if !self.changing {
            self.tend_request_timer(now, has_executed, out);
        }
        let waits = self.waits();
        let is_first = self.timers.asked_at.is_none() && self.timers.ask_at <= now.mono;
        if !is_first && (progress != self.timers.progress || waits != self.timers.was_waiting) {
            self.timers.rounds = 0;
            self.timers.ask_at = now.mono + self.asking_interval();
        }
        (self.timers.progress, self.timers.was_waiting) = (progress, waits);
        self.timers.tick_at = self.next_tick(now);
    }

    fn tend_request_timer(&mut self, now: Now, has_executed: bool, out: &mut Effects) {
        let settings = &self.config.settings;
        let oldest = self.pool.waiting().next().filter(|_| !self.is_over()).map(|bundle| bundle.hash());
        let running = self.timers.request.and_then(|running| running.request);
        // Were any execution enough, a primary could leave one client's requests out for ever.
        let any_execution = has_executed && !self.config.rules.on(Rule::PbftTimerOfOneRequest);
        match oldest {
            Some(oldest) if running == Some(oldest) && !any_execution => {}
            Some(oldest) => {
                if running.is_some() {
                    self.timers.attempts = 0;
                }
                self.timers.arm(now, Some(oldest), settings, out);
            }
            None => {
                if running.is_some() {
                    self.timers.attempts = 0;
                }
                self.timers.request = None;
            }
        }
    }

    /// Whether the primary should let log time pass now: something expires, or its clock is a whole jump ahead.
    pub(super) fn tick_if_due(&mut self, now: Now, out: &mut Effects) {
        let calm = self.order.through == self.executed && self.pool.is_empty() && self.may_propose();
        if calm && self.leads() && self.tick_due_at().is_some_and(|due| due <= now.wall) {
            self.propose(now, Vec::new(), out);
        }
    }

    fn tick_due_at(&self) -> Option<crate::types::Wall> {
        let time = self.order.time?;
        let behind = time + self.config.settings.tolerance.jump;
        Some(self.expiry.filter(|expiry| *expiry > time).map_or(behind, |expiry| expiry.min(behind)))
    }

    fn next_tick(&self, now: Now) -> Option<Mono> {
        let due = self.tick_due_at().filter(|due| self.leads() && *due > now.wall)?;
        Some(now.mono + (due - now.wall))
    }
}
