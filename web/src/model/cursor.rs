//! Where in the run are we, and what is seen there?
//!
//! One cursor: a time and a position among the records. Everything that is
//! shown is the view at that position, drawn at that time. The position counts
//! folded records; stepping goes by events, each with all that followed from it.

use std::sync::Arc;

use quorumscope_core::entry::{Entry, EntryKind};
use quorumscope_core::record::{Body, Endpoint, Record};
use quorumscope_core::types::{LogIndex, RecordId, Term, Time};
use quorumscope_lab::trace::lanes::Lanes;
use quorumscope_lab::trace::timeline::{Mark, MarkKind, TermBand, Timeline};
use quorumscope_lab::trace::view::View;

use super::insight::{self, Insight, Line, Written};
use super::selection::Selection;
use crate::scene::motion::{Loss, Micros};
use crate::shared::Shared;

/// The timeline with a cursor on it.
pub struct Cursor {
    timeline: Timeline,
    written: Written,
    /// What is seen at the position.
    pub view: Shared<View>,
    /// What happened a moment ago and still shows.
    pub recent: Shared<Recent>,
    /// What happened last, in words.
    pub lines: Shared<Vec<Line>>,
    /// What happened in a window of time, where that is drawn.
    pub lanes: Shared<Lanes>,
    /// That window.
    pub window: (Micros, Micros),
    /// The marks with which the window was looked at last: they are made anew with every change of the records.
    laid: Shared<Marks>,
    /// Counts what was shown, so that others know when it changed.
    pub shown: u64,
    /// Marks and terms of all that is known.
    pub marks: Shared<Marks>,
    /// The time that is drawn.
    pub time: Micros,
    /// How many records are folded into the view.
    pub position: u64,
    /// Every record up to this time is known.
    pub known: Micros,
    /// When the first known record was made: a live cluster is older than the visit.
    pub began: Micros,
}

/// What stands on the timeline.
#[derive(Debug, Default)]
pub struct Marks {
    /// In order of time.
    pub marks: Vec<Mark>,
    /// Who led when.
    pub terms: Vec<TermBand>,
    /// How many records are known.
    pub records: u64,
    /// What some of the marks stand for, in words, by position.
    pub words: Vec<(u64, String)>,
}

/// What happened a moment ago and still shows.
#[derive(Debug, Default)]
pub struct Recent {
    /// Messages that were lost.
    pub losses: Vec<Loss>,
    /// Entries that were decided.
    pub decided: Vec<(LogIndex, Term, Micros)>,
}

/// At most this many records back are searched for what still shows: at high speed a moment holds thousands.
const RECENT_LIMIT: u64 = 512;

impl Default for Cursor {
    fn default() -> Self {
        Self {
            timeline: Timeline::default(),
            written: Written::default(),
            view: Shared::default(),
            recent: Shared::default(),
            lines: Shared::default(),
            lanes: Shared::default(),
            window: (0.0, 0.0),
            laid: Shared::default(),
            shown: 0,
            marks: Shared::default(),
            time: 0.0,
            position: 0,
            known: 0.0,
            began: 0.0,
        }
    }
}

impl Cursor {
    /// Forgets all records. What is seen stays until the cursor moves.
    pub fn clear(&mut self) {
        self.timeline = Timeline::default();
        self.written = Written::default();
        self.known = 0.0;
        self.began = 0.0;
        self.marks = Shared::default();
    }

    /// Takes records in; the cursor stays where it is.
    pub fn push(&mut self, records: Vec<Record>, known: Time) {
        // A future that was replaced leaves its entries here until others take their place; none of them is decided.
        // What an edge writes of a command for others has no body, and says nothing that a voter's entry does not.
        for entry in records.iter().flat_map(appended).filter(|entry| entry.kind != EntryKind::Elided) {
            self.written.insert((entry.index, entry.term), Arc::clone(entry));
        }
        self.timeline.push(records);
        self.known = self.known.max(known.0 as f64);
        self.refresh_marks();
    }

    /// Forgets what came after a time.
    pub fn truncate_after(&mut self, at: Time) {
        let position = self.timeline.position_at(at);
        self.timeline.truncate_after(position);
        self.known = at.0 as f64;
        self.refresh_marks();
    }

    fn refresh_marks(&mut self) {
        self.began = self.timeline.record(0).map_or(0.0, |record| record.at.0 as f64).min(self.known);
        let is_told = |kind| matches!(kind, MarkKind::Switch | MarkKind::Return | MarkKind::Epoch | MarkKind::Lie);
        let told = self.timeline.marks().iter().filter(|mark| is_told(mark.kind));
        let said = |mark: &Mark| {
            let record = self.timeline.record(mark.position.checked_sub(1)?)?;
            Some((mark.position, insight::line(&self.timeline, record)?.text))
        };
        let words = told.filter_map(said).collect();
        self.marks = Shared::new(Marks {
            words,
            marks: self.timeline.marks().to_vec(),
            terms: self.timeline.terms().to_vec(),
            records: self.timeline.len(),
        });
    }

    /// Finds what happened in a window of time, where it is another one or more is known.
    pub fn lay_lanes(&mut self, window: (Micros, Micros)) {
        if self.window != window || self.laid != self.marks {
            self.lanes = Shared::new(self.timeline.lanes(instant(window.0), instant(window.1)));
            (self.window, self.laid) = (window, self.marks.clone());
        }
    }

    /// Goes to a time, at most to the end of what is known, after all that happened by then.
    pub fn seek(&mut self, time: Micros, linger: Micros) {
        self.time = time.clamp(self.began, self.known);
        let position = self.timeline.position_at(instant(self.time));
        self.show(position, linger);
    }

    /// Goes on to a later time; never back to a position that was passed.
    pub fn advance(&mut self, time: Micros, linger: Micros) {
        self.time = time.min(self.known).max(self.time);
        let position = self.timeline.position_at(instant(self.time)).max(self.position);
        if position != self.position {
            self.show(position, linger);
        }
    }

    /// Goes one event forward; false at the end of what is known.
    pub fn step_forward(&mut self, linger: Micros) -> bool {
        if self.timeline.record(self.position).is_none() {
            return false;
        }
        self.go_to(self.after_event(self.position + 1), linger);
        true
    }

    /// Where the event ends that the record before a position belongs to: what a node notes of itself in a step stands
    /// before what the step has made of it.
    #[must_use]
    pub fn after_event(&self, mut position: u64) -> u64 {
        while self.timeline.record(position).is_some_and(|record| !begins_an_event(&record.body)) {
            position += 1;
        }
        position
    }

    /// Goes one event back; false at the beginning.
    pub fn step_back(&mut self, linger: Micros) -> bool {
        let Some(mut position) = self.position.checked_sub(1) else { return false };
        while position > 0 && self.timeline.record(position).is_some_and(|record| !begins_an_event(&record.body)) {
            position -= 1;
        }
        if position == 0 {
            return false;
        }
        self.go_to(position, linger);
        true
    }

    /// Goes to right after the record at `position - 1`, at its time.
    pub fn go_to(&mut self, position: u64, linger: Micros) {
        let last = position.checked_sub(1).and_then(|last| self.timeline.record(last));
        self.time = last.map_or(self.began, |record| record.at.0 as f64);
        self.show(position, linger);
    }

    fn show(&mut self, position: u64, linger: Micros) {
        self.position = position;
        self.view = Shared::new(self.timeline.view_at(position).clone());
        self.recent = Shared::new(self.recent_at(position, linger));
        self.lines = Shared::new(insight::lines(&self.timeline, position));
        self.shown += 1;
    }

    /// What there is to say about a selection here.
    #[must_use]
    pub fn about(&self, selection: Option<Selection>) -> Insight {
        insight::about(&self.timeline, &self.written, &self.view, self.position, selection)
    }

    fn recent_at(&self, position: u64, linger: Micros) -> Recent {
        let mut recent = Recent::default();
        for back in position.saturating_sub(RECENT_LIMIT)..position {
            let Some(record) = self.timeline.record(back) else { continue };
            let at = record.at.0 as f64;
            if at + linger < self.time {
                continue;
            }
            if let Body::Decided { index, term } = record.body {
                recent.decided.push((index, term, at));
            }
            if let Body::Dropped { message, reason } = record.body
                && let Some((from, to)) = self.ends(message)
            {
                recent.losses.push(Loss { from, to, at, reason });
            }
        }
        recent
    }

    /// Between whom a message travels, by the record that sent it.
    fn ends(&self, message: RecordId) -> Option<(Endpoint, Endpoint)> {
        let record = self.timeline.find(message).and_then(|position| self.timeline.record(position))?;
        match (&record.body, record.node) {
            (Body::Sent { to, .. }, Some(from)) => Some((Endpoint::Node(from), Endpoint::Node(*to))),
            (Body::Answered { client, .. }, Some(from)) => Some((Endpoint::Node(from), Endpoint::Client(*client))),
            (Body::Asked { client, to, .. }, _) => Some((Endpoint::Client(*client), Endpoint::Node(*to))),
            _ => None,
        }
    }

    /// The first record of this kind of event that is known.
    #[must_use]
    pub fn first_deadline(&self) -> Option<Micros> {
        (0..self.timeline.len())
            .filter_map(|position| self.timeline.record(position))
            .find(|record| matches!(record.body, Body::DeadlineReached))
            .map(|record| record.at.0 as f64)
    }
}

/// A time of the cursor as records count it.
#[must_use]
pub fn instant(time: Micros) -> Time {
    Time(time.max(0.0) as u64)
}

/// Whether a record begins an event of its own; others follow from the one before.
fn appended(record: &Record) -> &[Arc<Entry>] {
    if let Body::WriteBegan(write) = &record.body { &write.append } else { &[] }
}

fn begins_an_event(body: &Body) -> bool {
    match body {
        Body::Began(_)
        | Body::Started { .. }
        | Body::Delivered { .. }
        | Body::DeadlineReached
        | Body::Written { .. }
        | Body::Proposed { .. }
        | Body::NodeState(_)
        | Body::Held { .. }
        | Body::Asked { .. }
        | Body::Told { .. }
        | Body::Crashed { .. }
        | Body::Paused
        | Body::Resumed
        | Body::ClockChanged { .. }
        | Body::LinksCut { .. }
        | Body::ConditionChanged { .. }
        | Body::Lies { .. }
        | Body::Gap { .. }
        | Body::SnapshotTaken { .. }
        | Body::SnapshotAsked
        | Body::Ended => true,
        Body::AppliedThrough { .. }
        | Body::Heard { .. }
        | Body::Sent { .. }
        | Body::WriteBegan(_)
        | Body::Answered { .. }
        | Body::Noted(_)
        | Body::Status(_)
        | Body::Broke { .. }
        | Body::Departed { .. }
        | Body::Dropped { .. }
        | Body::Decided { .. }
        | Body::EarlyJudged { .. }
        | Body::Violated { .. } => false,
    }
}
