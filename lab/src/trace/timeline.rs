//! How does one move freely in time?
//!
//! A timeline holds records, and every so often a whole view (a keyframe): the
//! view at any position is the keyframe before it with a few records folded.
//! Memory is bounded: beyond [`MAX_RECORDS`] the oldest segment goes, and what
//! is left starts with a gap that says how much is missing.
//!
//! Positions count records from the start of what is held: the view at
//! position `p` has the first `p` records folded. Read `why` next.

use litemap::LiteMap;
use std::collections::VecDeque;

use quorumscope_core::bft::{epoch, hybrid};
use quorumscope_core::event::Event;
use quorumscope_core::record::{Body, Record, Role};
use quorumscope_core::types::{NodeId, RecordId, Term, Time};

use super::view::{Liveness, View};

/// How many records are held. A record takes about 200 bytes, with its message some more.
pub const MAX_RECORDS: usize = 1_000_000;

/// How many records go at once when there are too many.
const SEGMENT: usize = 65_536;

/// How many records stand between two keyframes at least.
const MIN_SPACING: usize = 256;

/// A keyframe waits for one record for each of so many of the parts that it would copy.
const PARTS_A_RECORD: usize = 4;

/// How many marks are kept; further ones are not shown.
const MAX_MARKS: usize = 65_536;

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A node became candidate.
    Election,
    /// A node became leader.
    Leader,
    /// An entry was committed, by the oracle.
    Commit,
    /// A node crashed.
    Crash,
    /// A node started again.
    Restart,
    /// A replica has gone over to another protocol.
    Switch,
    /// A replica is back in the protocol that it began with.
    Return,
    /// Another epoch begins: others vote from here on.
    Epoch,
    /// A node begins to lie, or lies in another way.
    Lie,
    /// Any other fault.
    Fault,
    /// A property was broken.
    Violation,
    /// Records are missing.
    Gap,
}

/// Something that stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Time,
    /// The position right after its record.
    pub position: u64,
    /// Where, if at one node.
    pub node: Option<NodeId>,
    /// What.
    pub kind: MarkKind,
}

/// The reign of one leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermBand {
    /// The term.
    pub term: Term,
    /// The epoch that it is of.
    pub epoch: u64,
    /// Who led it.
    pub leader: NodeId,
    /// Since.
    pub from: Time,
    /// Until it stopped leading; `None` while it leads.
    pub to: Option<Time>,
}

/// Records with keyframes.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    records: VecDeque<Record>,
    /// Views at positions, ascending; the first stands at 0.
    keyframes: Vec<(usize, View)>,
    /// The view at the end.
    end: View,
    /// Positions right after the records that changed marks and bands.
    marks: Vec<Mark>,
    terms: Vec<TermBand>,
    /// When each message arrives, by the position of the record that says so, for [`Timeline::arrival`].
    departures: LiteMap<(RecordId, u32), (u64, Option<Time>)>,
    cursor: Option<(usize, View)>,
    dropped: u64,
}

impl Timeline {
    /// A timeline without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records are held.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many records were dropped at the start because there were too many.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Adds records at the end.
    pub fn push(&mut self, records: Vec<Record>) {
        for record in records {
            self.add(record);
        }
        if self.records.len() > MAX_RECORDS {
            self.drop_oldest(SEGMENT.min(self.records.len()));
        }
    }

    fn add(&mut self, record: Record) {
        let last = self.keyframes.last().map_or(0, |(position, _)| *position);
        let position = self.records.len();
        if self.keyframes.is_empty() || position >= last + MIN_SPACING.max(parts(&self.end) / PARTS_A_RECORD) {
            self.keyframes.push((position, self.end.clone()));
        }
        let stands_out = self.note(&record, position as u64 + 1);
        let role =
            record.node.and_then(|node| self.end.nodes.get(&node)).map(|node| (node.status.role, node.status.term));
        self.end.fold(&record);
        let reign = self.reign(&record, role);
        let stands_out = stands_out.or(reign);
        if let Some(kind) = stands_out.filter(|_| self.marks.len() < MAX_MARKS) {
            self.marks.push(Mark { at: record.at, position: position as u64 + 1, node: record.node, kind });
        }
        self.records.push_back(record);
    }

    /// Takes departures from a record that is about to be folded, and says whether it stands out.
    fn note(&mut self, record: &Record, position: u64) -> Option<MarkKind> {
        let before = record.node.and_then(|node| self.end.nodes.get(&node));
        match &record.body {
            Body::Crashed { .. } | Body::Broke { .. } => Some(MarkKind::Crash),
            Body::Started { .. } => {
                before.is_some_and(|node| node.liveness == Liveness::Crashed).then_some(MarkKind::Restart)
            }
            Body::Paused
            | Body::Resumed
            | Body::LinksCut { .. }
            | Body::Held { .. }
            | Body::ConditionChanged { .. } => Some(MarkKind::Fault),
            Body::Lies { .. } => Some(MarkKind::Lie),
            Body::Decided { .. } => Some(MarkKind::Commit),
            Body::Noted(Event::Hybrid(hybrid::Event::Switched { .. })) => Some(MarkKind::Switch),
            Body::Noted(Event::Hybrid(hybrid::Event::Returned { .. })) => Some(MarkKind::Return),
            Body::Noted(Event::Epoch(epoch::Event::Begun { epoch, .. })) => {
                (*epoch > self.end.epoch && !before.is_some_and(|node| node.lies)).then_some(MarkKind::Epoch)
            }
            Body::Violated { .. } => Some(MarkKind::Violation),
            Body::Gap { .. } => Some(MarkKind::Gap),
            Body::Departed { message, arrives, duplicate } => {
                // The fold numbers a further copy after those on their way; so does this.
                let others = self.end.copies(*message).last();
                let copy = others.filter(|_| *duplicate).map_or(0, |(copy, _)| copy.saturating_add(1));
                self.departures.insert((*message, copy), (position, *arrives));
                None
            }
            Body::Began(_)
            | Body::Status(_)
            | Body::NodeState(_)
            | Body::ClockChanged { .. }
            | Body::Delivered { .. }
            | Body::DeadlineReached
            | Body::Written { .. }
            | Body::Proposed { .. }
            | Body::AppliedThrough { .. }
            | Body::Sent { .. }
            | Body::WriteBegan(_)
            | Body::Answered { .. }
            | Body::Noted(_)
            | Body::Dropped { .. }
            | Body::Asked { .. }
            | Body::Told { .. }
            | Body::Heard { .. }
            | Body::SnapshotTaken { .. }
            | Body::SnapshotAsked
            | Body::EarlyJudged { .. }
            | Body::Ended => None,
        }
    }

    /// Begins and ends bands as nodes begin and cease to lead; a mark where that stands out. `before` is the role and
    /// the term that the record's node had; whoever attaches while somebody leads learns it from the state.
    fn reign(&mut self, record: &Record, before: Option<(Role, Term)>) -> Option<MarkKind> {
        let (id, node) = record.node.and_then(|id| Some((id, self.end.nodes.get(&id)?)))?;
        let now = (node.status.role, node.status.term);
        if before == Some(now) && node.liveness == Liveness::Up {
            return None;
        }
        for band in self.terms.iter_mut().filter(|band| band.to.is_none()) {
            let leads = |leader: &super::view::NodeView| leader.status.term == band.term && self.end.leads(leader);
            if !self.end.nodes.get(&band.leader).is_some_and(leads) {
                band.to = Some(record.at);
            }
        }
        let leads = self.end.leads(node);
        let known = self.terms.iter().rev().any(|band| band.leader == id && band.to.is_none());
        if leads && !known {
            self.terms.push(TermBand { term: now.1, epoch: node.epoch(), leader: id, from: record.at, to: None });
            return Some(MarkKind::Leader);
        }
        let campaigned = before.is_some_and(|(role, _)| role == Role::Candidate);
        (now.0 == Role::Candidate && !campaigned).then_some(MarkKind::Election)
    }

    /// The view with the first `position` records folded; the last position where there are fewer.
    pub fn view_at(&mut self, position: u64) -> &View {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.records.len());
        if position == self.records.len() {
            return &self.end;
        }
        let nearest = self.keyframes.partition_point(|(at, _)| *at <= position).checked_sub(1);
        let keyframe = nearest.and_then(|nearest| self.keyframes.get(nearest));
        let from = keyframe.map_or(0, |(at, _)| *at);
        let (mut at, mut view) = match self.cursor.take() {
            Some(cursor) if (from..=position).contains(&cursor.0) => cursor,
            Some(_) | None => keyframe.cloned().unwrap_or_default(),
        };
        for record in self.records.range(at..position) {
            view.fold(record);
        }
        at = position;
        &self.cursor.insert((at, view)).1
    }

    /// The position after the last record at or before `time`.
    #[must_use]
    pub fn position_at(&self, time: Time) -> u64 {
        self.records.partition_point(|record| record.at <= time) as u64
    }

    /// The record that leads from `position` to the next one.
    #[must_use]
    pub fn record(&self, position: u64) -> Option<&Record> {
        self.records.get(usize::try_from(position).ok()?)
    }

    /// Where a record stands: the view at the next position has it folded.
    #[must_use]
    pub fn find(&self, id: RecordId) -> Option<u64> {
        let sorted = self.records.binary_search_by(|record| record.id.cmp(&id)).ok();
        let found = sorted.filter(|position| self.records.get(*position).is_some_and(|record| record.id == id));
        // Records of several origins are in the order of their arrival and not of their ids.
        found.or_else(|| self.records.iter().position(|record| record.id == id)).map(|position| position as u64)
    }

    /// What stands out, in order.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Who led, and when.
    #[must_use]
    pub fn terms(&self) -> &[TermBand] {
        &self.terms
    }

    /// When a copy of a message arrives, where its departure said so.
    #[must_use]
    pub fn arrival(&self, message: RecordId, copy: u32) -> Option<Time> {
        self.departures.get(&(message, copy)).and_then(|(_, arrives)| *arrives)
    }

    /// The position right after the record by which a copy of a message left.
    #[must_use]
    pub fn departure(&self, message: RecordId, copy: u32) -> Option<u64> {
        self.departures.get(&(message, copy)).map(|(said, _)| *said)
    }

    /// Forgets everything after `position`: whoever acts in the past starts another future.
    pub fn truncate_after(&mut self, position: u64) {
        let keep = usize::try_from(position).unwrap_or(usize::MAX).min(self.records.len());
        let records: Vec<Record> = self.records.drain(..).take(keep).collect();
        let nearest = self.keyframes.partition_point(|(at, _)| *at <= keep).saturating_sub(1);
        let start = self.keyframes.get(nearest).cloned();
        self.keyframes.truncate(nearest + 1);
        self.cursor = None;
        let (from, view) = start.unwrap_or_default();
        self.end = view;
        for record in records.get(from..).unwrap_or_default() {
            self.end.fold(record);
        }
        let last = records.last().map_or(Time(0), |record| record.at);
        self.records = records.into();
        self.marks.retain(|mark| mark.position <= position);
        self.terms.retain(|band| band.from <= last);
        for band in &mut self.terms {
            band.to = band.to.filter(|to| *to <= last);
        }
        self.departures.retain(|_, (said, _)| *said <= position);
    }

    /// Drops the oldest records; the first view that is left holds what they did, and says that they are missing.
    pub(super) fn drop_oldest(&mut self, count: usize) {
        let mut first = self.view_at(count as u64).clone();
        self.cursor = None;
        first.gaps = first.gaps.saturating_add(count as u64);
        self.end.gaps = self.end.gaps.saturating_add(count as u64);
        self.dropped += count as u64;
        self.records.drain(..count);
        self.keyframes.retain(|(at, _)| *at > count);
        for (at, view) in &mut self.keyframes {
            *at -= count;
            view.gaps = view.gaps.saturating_add(count as u64);
        }
        self.keyframes.insert(0, (0, first));
        let count = count as u64;
        self.marks.retain(|mark| mark.position > count);
        for mark in &mut self.marks {
            mark.position -= count;
        }
        let start = self.records.front().map_or(Time(0), |record| record.at);
        self.marks.insert(0, Mark { at: start, position: 0, node: None, kind: MarkKind::Gap });
        self.terms.retain(|band| band.to.is_none_or(|to| to >= start));
        self.departures.retain(|_, (said, arrives)| *said > count || arrives.is_some_and(|arrives| arrives >= start));
        for (_, (said, _)) in &mut self.departures {
            *said = said.saturating_sub(count);
        }
    }
}

/// About how many parts the clone of a view copies.
fn parts(view: &View) -> usize {
    let node = |node: &super::view::NodeView| node.log.len() + node.stored.len() + node.writing.len();
    let nodes: usize = view.nodes.values().map(node).sum();
    let operations: usize = view.clients.values().map(|client| client.operations.len() * 4).sum();
    nodes + operations + view.messages.len() * 4 + view.decided.len()
}
