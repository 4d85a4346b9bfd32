//! What has the source answered, and what follows from it?

use quorumscope_core::record::Command;
use quorumscope_core::types::Time;

use super::cursor::instant;
use super::playing::{AHEAD, Goal};
use super::{Effect, Model, Notice};
use crate::link;
use crate::shared::Shared;
use crate::source::{Answer, Offers, Request};
use crate::words;

impl Model {
    pub(super) fn answered(&mut self, answer: Answer) -> Vec<Effect> {
        match answer {
            Answer::Opened { scenario } => {
                self.keep(scenario);
                self.finished = false;
                self.expectations = Shared::default();
                self.skipped.clear();
                self.pending.clear();
                self.cursor.clear();
            }
            Answer::Records { records, known } => {
                self.cursor.push(records, known);
                return self.arrive();
            }
            Answer::Acted { at, scenario } => return self.acted(at, scenario),
            Answer::Refused { reason } => {
                self.acting = None;
                if matches!(self.commanded.take(), Some(Command::Propose { .. })) {
                    self.pending.pop();
                }
                self.notice = Some(Notice { text: reason, bad: true, undo: false });
            }
            Answer::Failed { reason } => {
                self.playing = false;
                self.opening = None;
                self.notice = Some(Notice { text: reason, bad: true, undo: false });
            }
            Answer::Skipped { at, reason } => self.skipped.push((at, reason)),
            Answer::Detached { refused, reason } => {
                self.halt();
                self.gone = Some(refused);
                self.offers = Offers::LIVE;
                self.pending.clear();
                self.notice = Some(Notice { text: reason, bad: true, undo: false });
            }
            Answer::Expectations(expectations) => self.expectations = Shared::new(expectations),
            Answer::Finished { problem } => {
                self.finished = true;
                // What was to be seen later than the run goes is seen as it ends.
                if matches!(self.goal, Some(Goal::Time(_))) {
                    self.goal = None;
                    self.opening = None;
                    self.cursor.seek(self.cursor.known, self.linger());
                }
                if let Some(text) = problem {
                    self.notice = Some(Notice { text, bad: true, undo: false });
                }
            }
            Answer::Attached { offers, in_memory } => {
                self.offers = offers;
                self.in_memory = in_memory;
            }
        }
        Vec::new()
    }

    /// Keeps the scenario as the source knows it now, and what the panels ask of it again and again.
    fn keep(&mut self, scenario: String) {
        self.machine = link::machine(&scenario);
        self.subscribed = Shared::new(link::subscribed(&scenario));
        self.scenario = Shared::new(scenario);
    }

    pub(super) fn acted(&mut self, at: Time, scenario: String) -> Vec<Effect> {
        if !self.offers.past {
            self.acting = None;
            if let Some(command) = self.commanded.take().filter(|_| !self.following) {
                let text = words::notice::done_now(&command, self.cursor.time);
                self.notice = Some(Notice { text, bad: false, undo: false });
            }
            return Vec::new();
        }
        self.skipped.retain(|(skipped, _)| *skipped <= at);
        self.pending.retain(|(asked, _)| *asked <= at);
        if let Some(past) = self.acting.take() {
            let marks = Shared::clone(&self.cursor.marks);
            if marks.marks.iter().any(|mark| mark.at > at) {
                self.notice = Some(Notice { text: words::notice::FUTURE_REPLACED.into(), bad: false, undo: true });
            }
            self.remember(past);
        }
        self.keep(scenario);
        self.finished = false;
        self.cursor.truncate_after(at);
        self.goal = Some(Goal::Time(at.0 as f64));
        self.asked = self.cursor.time + AHEAD;
        vec![Effect::Ask(Request::Until(instant(self.asked)))]
    }
}
