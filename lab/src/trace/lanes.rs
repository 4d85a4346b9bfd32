//! Who sent what to whom in a span of time, and what did nodes do meanwhile?
//!
//! What a space-time diagram draws (Lamport, "Time, Clocks, and the Ordering of
//! Events", 1978): a lane a node, a line a message. Found by folding the records
//! of the span, so that a message is lost here exactly where it is lost in the
//! view. Pixels are left to the page. Read `phases` for the steps of a protocol.

use litemap::LiteMap;
use quorumscope_core::record::{Body, DropReason, Endpoint, Record};
use quorumscope_core::types::{LogIndex, NodeId, RecordId, Term, Time};

use super::face::{self, MessageFace};
use super::timeline::Timeline;
use super::view::{Liveness, NodeView, View};

mod phases;
#[cfg(test)]
mod tests;

pub use phases::{Phase, Round};

/// More messages than these in one span cannot be told apart by anybody.
const MOST_FLIGHTS: usize = 1_500;

/// What happened in a span of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lanes {
    /// Messages, in the order in which they left.
    pub flights: Vec<Flight>,
    /// What nodes did, in order of time.
    pub stretches: Vec<Stretch>,
    /// Where nodes learned that an entry is committed.
    pub learned: Vec<(NodeId, LogIndex, Time)>,
    /// How the protocol went on, step by step.
    pub rounds: Vec<Round>,
    /// Messages that are left out, as there are too many.
    pub left_out: u64,
}

/// One copy of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// Its name: the record that sent it, and the copy.
    pub key: (RecordId, u32),
    /// From.
    pub from: Endpoint,
    /// To.
    pub to: Endpoint,
    /// When it left.
    pub departed: Time,
    /// What became of it.
    pub end: End,
    /// How it looks.
    pub face: MessageFace,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It arrived.
    Arrived(Time),
    /// It was lost.
    Lost(Time, DropReason),
    /// It is on its way at the end of the span; when it is to arrive, where that is known.
    OnItsWay(Option<Time>),
}

/// What a node did for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Which node.
    pub node: NodeId,
    /// Since.
    pub from: Time,
    /// Until; `None` at the end of the span.
    pub to: Option<Time>,
    /// What it was like.
    pub state: State,
}

/// What a lane tells of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether it reacts.
    pub liveness: Liveness,
    /// Whether it leads.
    pub leads: bool,
    /// Its term.
    pub term: Term,
    /// Whether it lies.
    pub lies: bool,
}

impl State {
    fn of(view: &View, node: &NodeView) -> Self {
        Self { liveness: node.liveness, leads: view.leads(node), term: node.status.term, lies: node.lies }
    }
}

/// The span that is being folded.
struct Span {
    view: View,
    lanes: Lanes,
    flying: LiteMap<(RecordId, u32), usize>,
}

/// What a record says of a message on its way.
enum Told {
    Leaves(RecordId),
    Ends(RecordId, End),
    Nothing,
}

fn told(record: &Record) -> Told {
    match &record.body {
        Body::Delivered { message } => Told::Ends(*message, End::Arrived(record.at)),
        Body::Dropped { message, reason } => Told::Ends(*message, End::Lost(record.at, *reason)),
        Body::Departed { message, .. } => Told::Leaves(*message),
        Body::Asked { .. } | Body::Answered { .. } => Told::Leaves(record.id),
        Body::Began(_)
        | Body::Started { .. }
        | Body::ClockChanged { .. }
        | Body::DeadlineReached
        | Body::Written { .. }
        | Body::Proposed { .. }
        | Body::AppliedThrough { .. }
        | Body::Sent { .. }
        | Body::WriteBegan(_)
        | Body::Noted(_)
        | Body::Status(_)
        | Body::Broke { .. }
        | Body::Lies { .. }
        | Body::NodeState(_)
        | Body::Crashed { .. }
        | Body::Paused
        | Body::Resumed
        | Body::Held { .. }
        | Body::Told { .. }
        | Body::Heard { .. }
        | Body::LinksCut { .. }
        | Body::ConditionChanged { .. }
        | Body::Decided { .. }
        | Body::Violated { .. }
        | Body::Gap { .. }
        | Body::SnapshotTaken { .. }
        | Body::SnapshotAsked
        | Body::EarlyJudged { .. }
        | Body::Ended => Told::Nothing,
    }
}

impl Timeline {
    /// What happened from one time to another, as far as it is known.
    pub fn lanes(&mut self, from: Time, to: Time) -> Lanes {
        let (first, last) = (self.position_at(Time(from.0.saturating_sub(1))), self.position_at(to));
        let mut span = Span::begin(self.view_at(first).clone(), from);
        for record in (first..last).filter_map(|position| self.record(position)) {
            span.see(record);
        }
        // A step that began before the span is a step of it still.
        let earlier = self.position_at(Time(from.0.saturating_sub(to.0.saturating_sub(from.0))));
        let liars = |node: NodeId| span.view.nodes.get(&node).is_some_and(|node| node.lies);
        let records = (earlier..last).filter_map(|position| self.record(position));
        span.lanes.rounds = phases::rounds(records.filter(|record| !record.node.is_some_and(liars)), from);
        span.lanes
    }
}

impl Span {
    fn begin(view: View, from: Time) -> Self {
        let mut span = Self { view, lanes: Lanes::default(), flying: LiteMap::new() };
        let keys: Vec<(RecordId, u32)> = span.view.messages.keys().copied().collect();
        for key in keys {
            span.take_off(key);
        }
        for (id, node) in &span.view.nodes {
            span.lanes.stretches.push(Stretch { node: *id, from, to: None, state: State::of(&span.view, node) });
        }
        span
    }

    fn see(&mut self, record: &Record) {
        let at = record.at;
        let told = told(record);
        if let Told::Ends(message, end) = told {
            self.end(message, at, end);
        }
        let before = record.node.and_then(|node| self.view.nodes.get(&node)).map(|node| node.status.commit);
        self.view.fold(record);
        if let Told::Leaves(message) = told {
            let keys: Vec<(RecordId, u32)> = self.view.copies(message).map(|(copy, _)| (message, copy)).collect();
            for key in keys {
                self.take_off(key);
            }
        }
        self.look_at_nodes(record.node, before, at);
    }

    /// A copy leaves, or it is known only now when it arrives.
    fn take_off(&mut self, key: (RecordId, u32)) {
        let Some(message) = self.view.messages.get(&key) else { return };
        let end = End::OnItsWay(message.arrives);
        if let Some(known) = self.flying.get(&key).and_then(|at| self.lanes.flights.get_mut(*at)) {
            (known.departed, known.end) = (message.departed, end);
            return;
        }
        if self.lanes.flights.len() >= MOST_FLIGHTS {
            self.lanes.left_out += 1;
            return;
        }
        self.flying.insert(key, self.lanes.flights.len());
        let face = face::message(&message.content);
        let (from, to, departed) = (message.from, message.to, message.departed);
        self.lanes.flights.push(Flight { key, from, to, departed, end, face });
    }

    fn end(&mut self, message: RecordId, at: Time, end: End) {
        let Some(key) = self.view.copy_meant(message, at) else { return };
        if let Some(flight) = self.flying.remove(&key).and_then(|at| self.lanes.flights.get_mut(at)) {
            flight.end = end;
        }
    }

    fn look_at_nodes(&mut self, changed: Option<NodeId>, commit: Option<LogIndex>, at: Time) {
        for (id, node) in &self.view.nodes {
            let open = self.lanes.stretches.iter_mut().rev().find(|stretch| stretch.node == *id);
            // Somebody ceases to lead also where others go on without it.
            if changed.is_some_and(|changed| changed != *id) && !open.as_ref().is_some_and(|open| open.state.leads) {
                continue;
            }
            let state = State::of(&self.view, node);
            if open.as_ref().is_some_and(|open| open.state == state) {
                continue;
            }
            if let Some(open) = open {
                open.to = Some(at);
            }
            self.lanes.stretches.push(Stretch { node: *id, from: at, to: None, state });
        }
        let learned = changed.and_then(|id| Some((id, self.view.nodes.get(&id)?.status.commit)));
        if let (Some((id, now)), Some(before)) = (learned, commit)
            && now > before
            && before > LogIndex::ZERO
        {
            self.lanes.learned.push((id, now, at));
        }
    }
}
