//! How does time pass, and where does the cursor go?
//!
//! Frames move the cursor while the page plays; steps and jumps move it by
//! hand. Where the records for it are not there yet, they are asked for, and a
//! goal is kept until they have come.

use super::cursor::instant;
use super::{Effect, Model};
use crate::scene::motion::Micros;
use crate::source::Request;

/// How much of a run is made at first, and how much further than the cursor it stays.
pub(super) const AHEAD: Micros = 1_500_000.0;
/// How far before the first timer's end the first visit begins: a fifth of a second at normal speed.
pub(super) const BEFORE_DEADLINE: Micros = 9_000.0;
/// A frame that comes later than this was not late but asleep: time does not jump.
const LONGEST_FRAME_MS: f64 = 100.0;
/// How far a live cluster is shown behind its newest record, so that arrivals are known when they are drawn.
const LIVE_DELAY: Micros = 120_000.0;

/// Where the cursor goes once the records are there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    /// Just before the first timer runs out.
    FirstDeadline,
    /// A time.
    Time(Micros),
    /// One event further.
    Step,
    /// To the next mark, or else the end of what is known.
    Mark,
}

impl Model {
    pub(super) fn frame(&mut self, elapsed_ms: f64) -> Vec<Effect> {
        if !self.playing {
            return Vec::new();
        }
        let elapsed = elapsed_ms.clamp(0.0, LONGEST_FRAME_MS);
        self.silent_ms += elapsed;
        let time = if self.following {
            // The stream sets the pace: a little behind its end, without jumping back.
            (self.cursor.known - LIVE_DELAY).max(self.cursor.time + elapsed * 1_000.0 * 0.25)
        } else {
            self.cursor.time + self.speed.span(elapsed)
        };
        self.cursor.advance(time, self.linger());
        if self.finished && self.cursor.time >= self.cursor.known {
            self.playing = false;
        }
        self.keep_ahead()
    }

    /// Asks for more of the run where the cursor comes near the end of what is known.
    pub(super) fn keep_ahead(&mut self) -> Vec<Effect> {
        let ahead = AHEAD.min(self.speed.span(4_000.0)).max(100_000.0);
        if !self.offers.past || self.cursor.time + ahead <= self.asked || self.finished {
            return Vec::new();
        }
        self.asked = self.cursor.time + ahead * 2.0;
        vec![Effect::Ask(Request::Until(instant(self.asked)))]
    }

    pub(super) fn halt(&mut self) {
        self.playing = false;
        self.following = false;
        self.goal = None;
        self.opening = None;
    }

    pub(super) fn step_forward(&mut self) -> Vec<Effect> {
        self.halt();
        let mut effects = self.keep_ahead();
        if !self.cursor.step_forward(self.linger()) && self.offers.past && !self.finished {
            self.goal = Some(Goal::Step);
            self.asked = self.cursor.known + AHEAD;
            effects.push(Effect::Ask(Request::Until(instant(self.asked))));
        }
        effects
    }

    pub(super) fn jump(&mut self, forward: bool) -> Vec<Effect> {
        self.halt();
        let target = if forward { self.next_mark() } else { self.mark_before() };
        match target {
            Some(target) => self.cursor.go_to(target, self.linger()),
            None if forward && self.offers.past && !self.finished => {
                self.goal = Some(Goal::Mark);
                self.asked = self.cursor.known + AHEAD;
                return vec![Effect::Ask(Request::Until(instant(self.asked)))];
            }
            None if forward => self.cursor.seek(self.cursor.known, self.linger()),
            None => self.cursor.seek(0.0, self.linger()),
        }
        self.keep_ahead()
    }

    /// Right after the event of the next mark: then feed and picture tell the same.
    fn next_mark(&self) -> Option<u64> {
        let mut targets = self.cursor.marks.marks.iter().map(|mark| mark.position);
        targets.find(|target| *target > self.cursor.position).map(|target| self.cursor.after_event(target))
    }

    /// The same, of the last mark whose event is over before the cursor.
    fn mark_before(&self) -> Option<u64> {
        let position = self.cursor.position;
        let before = self.cursor.marks.marks.iter().rev().map(|mark| mark.position).filter(|at| *at < position);
        before.map(|target| self.cursor.after_event(target)).find(|target| *target < position)
    }

    /// Moves the cursor to where it was to go, once the records are there.
    pub(super) fn arrive(&mut self) -> Vec<Effect> {
        match self.goal {
            Some(Goal::Time(time)) if self.cursor.known >= time => {
                self.goal = None;
                self.opening = None;
                let time = time.max(0.0);
                self.cursor.seek(time, self.linger());
            }
            Some(Goal::FirstDeadline) => {
                self.opening = None;
                if let Some(deadline) = self.cursor.first_deadline() {
                    self.goal = None;
                    self.cursor.seek(deadline - BEFORE_DEADLINE, self.linger());
                } else {
                    self.cursor.seek(0.0, self.linger());
                }
            }
            Some(Goal::Step) => {
                if self.cursor.step_forward(self.linger()) {
                    self.goal = None;
                }
            }
            Some(Goal::Mark) => {
                self.goal = None;
                match self.next_mark() {
                    Some(target) => self.cursor.go_to(target, self.linger()),
                    None => self.cursor.seek(self.cursor.known, self.linger()),
                }
            }
            Some(Goal::Time(_)) | None => {}
        }
        Vec::new()
    }
}
