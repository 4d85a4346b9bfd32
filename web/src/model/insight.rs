//! What is there to say about what is selected, and what has just happened?
//!
//! Texts come from the lab (`trace::why`, `trace::narrate`); here they are
//! looked up among the records before the cursor. Searches are bounded, so that
//! a long run costs no more than a short one.

use std::sync::Arc;

use litemap::LiteMap;
use quorumscope_core::entry::Entry;
use quorumscope_core::record::{Body, Endpoint, Record};
use quorumscope_core::types::{LogIndex, NodeId, RecordId, Term, Time};
use quorumscope_lab::trace::narrate::{self, Weight};
use quorumscope_lab::trace::state::state_of;
use quorumscope_lab::trace::timeline::{MarkKind, Timeline};
use quorumscope_lab::trace::view::View;
use quorumscope_lab::trace::why::rounds::{Rounds, rounds};
use quorumscope_lab::trace::why::{self, Explanation, Link, question};

use super::selection::Selection;
use crate::words::insight as words;

/// Every entry that was ever written, by position and term.
pub type Written = LiteMap<(LogIndex, Term), Arc<Entry>>;

/// What the inspector says about the selection.
#[derive(Debug, Default)]
pub struct Insight {
    /// Questions and their answers.
    pub why: Vec<Why>,
    /// What led to the first of them, latest first.
    pub chain: Vec<Link>,
    /// Whom a leader has heard.
    pub rounds: Option<Rounds>,
    /// How the selected node lies.
    pub lies: Option<Lies>,
    /// What a node's state machine holds, and the index that it stands at.
    pub state: Option<(LogIndex, Vec<(String, String)>)>,
    /// Why the selected message is not on its way yet, where it leaves later.
    pub unsent: Option<Unsent>,
}

/// What a message waits for that has not left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// This time: nobody has spoken of it before.
    Until(Time),
    /// Its sender's disk.
    Disk,
}

/// How a node lies at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lies {
    /// Since when it lies at all.
    pub since: Time,
    /// Since when it lies like this.
    pub at: Time,
    /// Its tricks, as commands have them.
    pub tricks: Vec<String>,
    /// Whom it deceives.
    pub against: Vec<Endpoint>,
}

/// A question and its answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Why {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: Explanation,
}

/// A line of what has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The record.
    pub id: RecordId,
    /// When.
    pub at: Time,
    /// In a few words.
    pub text: String,
    /// Whether it is read aloud.
    pub headline: bool,
}

/// At most this many records back are searched: beyond, an answer is no longer about now.
const SEARCHED: u64 = 6_000;
/// At most this many lines are listed.
const LINES: usize = 9;
/// At most this many links of a chain are listed.
const LINKS: usize = 12;

/// What there is to say about `selection` at a position.
#[must_use]
pub fn about(
    timeline: &Timeline,
    written: &Written,
    view: &View,
    position: u64,
    selection: Option<Selection>,
) -> Insight {
    let lookup = |id: RecordId| timeline.find(id).and_then(|found| timeline.record(found));
    let newest_first = || (position.saturating_sub(SEARCHED)..position).rev().filter_map(|at| timeline.record(at));
    let mut insight = Insight::default();
    let mut origin = None;
    match selection {
        Some(Selection::Node(node)) => {
            let earlier = |index| written.get(&(index, *view.decided.get(&index)?)).cloned();
            insight.state = state_of(view, node, earlier);
            insight.lies = lies(timeline, position, node);
            insight.rounds = rounds(newest_first(), lookup, view, node);
            // What took a vote, or never gave it, may be long ago: marks lead to it.
            let epochs: Vec<&Record> = marked(timeline, position, MarkKind::Epoch).collect();
            let earlier = epochs.iter().rev().copied().chain(timeline.record(0));
            if let Some(answer) = question::why_role(newest_first().chain(earlier), lookup, view, node) {
                origin = Some(answer.record);
                insight.why.push(Why { question: words::role(view, node), answer: answer.explanation });
            }
            // Who began it is found by its mark: it may be long ago.
            if let Some(record) = epochs.last() {
                origin.get_or_insert(record.id);
                insight
                    .why
                    .push(Why { question: words::voters(view), answer: why::explain(record, view.runs(), lookup) });
            }
            if let Some(answer) = question::why_vote(newest_first(), lookup, node, None, None) {
                insight.why.push(Why { question: words::vote(node), answer: answer.explanation });
            }
        }
        Some(Selection::Entry(node, index)) => {
            if let Some(answer) = question::why_committed(view, node, index) {
                insight.why.push(Why { question: words::committed(index), answer });
            }
        }
        Some(selected @ (Selection::Message(id, _) | Selection::Record(id))) => {
            if let Selection::Message(id, copy) = selected {
                insight.unsent = unsent(timeline, view, position, id, copy);
            }
            // What has not happened yet has no reasons yet.
            if timeline.find(id).is_some_and(|found| found >= position) {
                return insight;
            }
            origin = Some(id);
            if let Some(record) = lookup(id) {
                insight
                    .why
                    .push(Why { question: words::HAPPENED.into(), answer: why::explain(record, view.runs(), lookup) });
            }
        }
        Some(Selection::Link(..) | Selection::Client(_)) | None => {}
    }
    if let Some(chain) = origin.and_then(|id| why::chain(id, view.runs(), lookup)) {
        insight.chain = chain.links.into_iter().skip(1).take(LINKS).collect();
    }
    insight
}

/// What a copy of a message waits for, where it has not left at a position.
fn unsent(timeline: &Timeline, view: &View, position: u64, id: RecordId, copy: u32) -> Option<Unsent> {
    let left = timeline.departure(id, copy).filter(|left| *left > position)?;
    if view.nodes.values().any(|node| node.waiting.contains_key(&id)) {
        return Some(Unsent::Disk);
    }
    Some(Unsent::Until(timeline.record(left.checked_sub(1)?)?.at))
}

/// The records behind marks of one kind before a position, oldest first.
fn marked(timeline: &Timeline, position: u64, kind: MarkKind) -> impl Iterator<Item = &Record> {
    let marks = timeline.marks().iter().filter(move |mark| mark.kind == kind && mark.position <= position);
    marks.filter_map(|mark| timeline.record(mark.position.checked_sub(1)?))
}

/// How a node lies: what it was told last counts, and whoever lies once does so for good.
fn lies(timeline: &Timeline, position: u64, node: NodeId) -> Option<Lies> {
    let mut told: Option<Lies> = None;
    for record in marked(timeline, position, MarkKind::Lie).filter(|record| record.node == Some(node)) {
        if let Body::Lies { tricks, against } = &record.body {
            let since = told.as_ref().map_or(record.at, |before| before.since);
            told = Some(Lies { since, at: record.at, tricks: tricks.clone(), against: against.clone() });
        }
    }
    told
}

/// The last things that happened before a position, latest first.
#[must_use]
pub fn lines(timeline: &Timeline, position: u64) -> Vec<Line> {
    let records = (position.saturating_sub(SEARCHED / 10)..position).rev().filter_map(|at| timeline.record(at));
    records.filter_map(|record| line(timeline, record)).take(LINES).collect()
}

/// The line of a record.
pub(super) fn line(timeline: &Timeline, record: &Record) -> Option<Line> {
    let lookup = |id: RecordId| timeline.find(id).and_then(|found| timeline.record(found));
    let line = narrate::line(record, lookup)?;
    Some(Line { id: record.id, at: record.at, text: line.text, headline: line.weight == Weight::Headline })
}
