//! How does a record change what a person sees?
//!
//! Total over any stream: a file may be damaged and a live source lossy, so a
//! record about something unknown changes nothing, and nothing grows without a
//! bound. Read `timeline` next.

use quorumscope_core::bft::epoch;
use quorumscope_core::few;
use std::sync::Arc;

use quorumscope_core::entry::Entry;
use quorumscope_core::event::Event;
use quorumscope_core::record::{AnyHard, Body, Endpoint, Fate, NodeState, NodeStatus, Record, Verdict};
use quorumscope_core::snapshot::Base;
use quorumscope_core::storage::Hard as _;
use quorumscope_core::storage::{Write, change_log};
use quorumscope_core::types::{ClientId, LogIndex, NodeId, RecordId, RequestNumber, Ticket, Time};

use super::view::{
    ClockView, Content, ConvictedView, Heard, Liveness, MessageView, NodeView, OperationView, View, Violation,
    WaitingMessage,
};
use crate::sim::{MAX_VIOLATIONS, TRUE_RATE_PPM, choose_copy, lowest_changed, see_asked, see_heard};

/// How many nodes, clients and messages a view takes in: a stream that names more of them is not ours.
const MAX_NAMED: usize = 65_536;

/// How many cut links a view takes in: all directed links of 256 nodes.
const MAX_CUT: usize = 65_536;

impl View {
    /// Takes one record in.
    pub fn fold(&mut self, record: &Record) {
        self.at = record.at;
        self.last = Some(record.id);
        let at = record.at;
        match &record.body {
            Body::Began(began) => {
                self.protocol.clone_from(&began.protocol);
                self.name.clone_from(&began.name);
                self.voters = began.voters.iter().take(MAX_NAMED).copied().collect();
                self.nodes.extend(began.nodes.iter().take(MAX_NAMED).map(|node| (*node, NodeView::default())));
                for client in began.clients.iter().take(MAX_NAMED) {
                    self.clients.entry(*client).or_default();
                }
            }
            Body::Asked { client, number, to, operation, attempt } => {
                if let Some(view) = self.clients.get_mut(client) {
                    let (number, to, attempts, operation) = (*number, *to, *attempt, operation.clone());
                    let (heard, told, early) = (Vec::new(), None, None);
                    let seen = OperationView { number, operation, asked: at, attempts, to, heard, told, early };
                    see_asked(view, seen);
                }
                let content = Content::Request { number: *number, operation: operation.clone() };
                self.set_out(record, Endpoint::Client(*client), Endpoint::Node(*to), content);
            }
            Body::Told { client, number, verdict, result } => {
                if let Some(seen) = self.operation(*client, *number) {
                    seen.told = Some((at, *verdict, result.clone()));
                    if *verdict == Verdict::Early {
                        seen.early = Some(Fate::Open);
                    }
                }
            }
            Body::Heard { client, number, by, result, equal, needed } => {
                if let Some(seen) = self.operation(*client, *number) {
                    see_heard(seen, Heard { by: *by, result: result.clone(), equal: *equal, needed: *needed });
                }
            }
            Body::EarlyJudged { client, number, fate, .. } => {
                if let Some(seen) = self.operation(*client, *number) {
                    seen.early = Some(*fate);
                }
            }
            Body::Answered { client, number, outcome } => {
                if let Some(node) = record.node {
                    let content = Content::Answer { number: *number, outcome: outcome.clone() };
                    self.set_out(record, Endpoint::Node(node), Endpoint::Client(*client), content);
                }
            }
            Body::Departed { message, arrives, duplicate } => self.depart(record, *message, *arrives, *duplicate),
            Body::Delivered { message } => self.land(*message, at),
            Body::Dropped { message, .. } => self.drop_message(*message, at),
            Body::Held { message } => {
                if let Some(held) = self.copy_meant(*message, at).and_then(|key| self.messages.get_mut(&key)) {
                    held.held = true;
                }
            }
            Body::LinksCut { cut } => self.cut = few::set(cut.iter().take(MAX_CUT).copied()),
            Body::Decided { index, term } => {
                self.decided.insert(*index, *term);
            }
            Body::Violated { property, detail } => {
                if self.violations.len() < MAX_VIOLATIONS {
                    let (property, detail) = (property.clone(), detail.clone());
                    self.violations.push(Violation { at, node: record.node, property, detail });
                }
            }
            Body::Gap { missing } => {
                self.gaps = self.gaps.saturating_add(missing.unwrap_or(1).max(1));
                // What became of them may be among what is missing: none may stay on its way for ever.
                self.messages.clear();
            }
            Body::Ended => self.ended = true,
            Body::Started { .. }
            | Body::ClockChanged { .. }
            | Body::Written { .. }
            | Body::AppliedThrough { .. }
            | Body::Sent { .. }
            | Body::WriteBegan(_)
            | Body::Status(_)
            | Body::Broke { .. }
            | Body::Lies { .. }
            | Body::NodeState(_)
            | Body::Crashed { .. }
            | Body::Paused
            | Body::Resumed => {
                if let Some(node) = record.node.and_then(|node| self.nodes.get_mut(&node)) {
                    node.fold(record);
                }
                self.convict(record);
            }
            Body::Noted(Event::Epoch(epoch::Event::Begun { epoch, voters, .. })) => {
                let lies = record.node.and_then(|node| self.nodes.get(&node)).is_some_and(|node| node.lies);
                if *epoch > self.epoch && !lies {
                    self.epoch = *epoch;
                    self.voters = voters.iter().take(MAX_NAMED).copied().collect();
                }
            }
            Body::DeadlineReached
            | Body::Proposed { .. }
            | Body::Noted(_)
            | Body::ConditionChanged { .. }
            | Body::SnapshotTaken { .. }
            | Body::SnapshotAsked => {}
        }
    }

    /// Takes in the verdicts that an honest node tells of: of each node the first.
    fn convict(&mut self, record: &Record) {
        let status = if let Body::Status(status) = &record.body {
            status
        } else if let Body::NodeState(state) = &record.body {
            &state.status
        } else {
            return;
        };
        let (Some(by), Some(detail)) = (record.node, status.detail.as_deref()) else { return };
        let is_honest = self.nodes.get(&by).is_some_and(|node| !node.lies);
        for conviction in detail.convictions().iter().filter(|_| is_honest) {
            if self.nodes.contains_key(&conviction.culprit) {
                let seen = ConvictedView { conviction: *conviction, at: record.at, by };
                self.convicted.entry(conviction.culprit).or_insert(seen);
            }
        }
    }

    /// A client's operation, where it is still seen.
    fn operation(&mut self, client: ClientId, number: RequestNumber) -> Option<&mut OperationView> {
        self.clients.get_mut(&client)?.operations.iter_mut().rfind(|seen| seen.number == number)
    }

    /// A client's message or an answer leaves with the record that names it.
    fn set_out(&mut self, record: &Record, from: Endpoint, to: Endpoint, content: Content) {
        if self.messages.len() < MAX_NAMED {
            let departed = record.at;
            let view = MessageView { from, to, content, departed, arrives: None, held: false };
            self.messages.insert((record.id, 0), view);
        }
    }

    /// The copies of a message that are on their way, by their numbers.
    pub(super) fn copies(&self, message: RecordId) -> impl Iterator<Item = (u32, &MessageView)> {
        let (Ok(first) | Err(first)) = self.messages.find_index(&(message, 0));
        (first..)
            .map_while(|at| self.messages.get_indexed(at))
            .take_while(move |((named, _), _)| *named == message)
            .map(|((_, copy), view)| (*copy, view))
    }

    pub(super) fn copy_meant(&self, message: RecordId, now: Time) -> Option<(RecordId, u32)> {
        choose_copy(now, self.copies(message).map(|(copy, view)| (view.arrives, copy, view.held, (message, copy))))
    }

    fn depart(&mut self, record: &Record, message: RecordId, arrives: Option<Time>, duplicate: bool) {
        if duplicate {
            let Some((last, view)) = self.copies(message).last() else { return };
            let copy = MessageView { departed: record.at, arrives, held: false, ..view.clone() };
            if let Some(number) = last.checked_add(1).filter(|_| self.messages.len() < MAX_NAMED) {
                self.messages.insert((message, number), copy);
            }
            return;
        }
        if let Some(view) = self.messages.get_mut(&(message, 0)) {
            view.departed = record.at;
            view.arrives = arrives;
            return;
        }
        let Some((from, waiting)) = self.take_waiting(message) else { return };
        if self.messages.len() < MAX_NAMED {
            let (from, to) = (Endpoint::Node(from), Endpoint::Node(waiting.to));
            let content = Content::Peer(waiting.message);
            self.messages
                .insert((message, 0), MessageView { from, to, content, departed: record.at, arrives, held: false });
        }
    }

    fn take_waiting(&mut self, message: RecordId) -> Option<(NodeId, WaitingMessage)> {
        self.nodes.iter_mut().find_map(|(id, node)| Some((*id, node.waiting.remove(&message)?)))
    }

    fn land(&mut self, message: RecordId, now: Time) {
        if let Some(key) = self.copy_meant(message, now) {
            self.messages.remove(&key);
        }
    }

    fn drop_message(&mut self, message: RecordId, now: Time) {
        match self.copy_meant(message, now) {
            Some(key) => {
                self.messages.remove(&key);
            }
            None => {
                self.take_waiting(message);
            }
        }
    }
}

impl NodeView {
    fn fold(&mut self, record: &Record) {
        match &record.body {
            Body::Started { incarnation, mono, rate_ppm } => {
                self.liveness = Liveness::Up;
                self.incarnation = *incarnation;
                self.clock = ClockView { at: record.at, mono: *mono, rate_ppm: *rate_ppm };
            }
            Body::ClockChanged { mono, rate_ppm } => {
                self.clock = ClockView { at: record.at, mono: *mono, rate_ppm: *rate_ppm };
            }
            Body::Sent { to, message, after } => {
                if self.waiting.len() < MAX_NAMED {
                    let waiting = WaitingMessage { to: *to, message: message.clone(), after: *after };
                    self.waiting.insert(record.id, waiting);
                }
            }
            Body::Lies { .. } => self.lies = true,
            Body::WriteBegan(write) => self.begin_write(write),
            Body::Written { ticket } => self.complete_writes(*ticket),
            Body::AppliedThrough { through, state } => self.state = Some((*through, *state)),
            Body::Status(status) => self.status = status.clone(),
            Body::Broke { .. } => self.liveness = Liveness::Broken,
            Body::NodeState(state) => self.resynchronize(state),
            Body::Crashed { survived } => self.crash(*survived),
            Body::Paused => self.liveness = Liveness::Paused,
            Body::Resumed => self.liveness = Liveness::Up,
            Body::Began(_)
            | Body::Delivered { .. }
            | Body::DeadlineReached
            | Body::Proposed { .. }
            | Body::Answered { .. }
            | Body::Noted(_)
            | Body::Departed { .. }
            | Body::Dropped { .. }
            | Body::Held { .. }
            | Body::Asked { .. }
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
            | Body::Ended => {}
        }
    }

    fn begin_write(&mut self, write: &Write<AnyHard>) {
        if self.writing.len() >= MAX_NAMED {
            return;
        }
        if change_log(&mut self.base, &mut self.log, write).is_err() {
            return;
        }
        if let Some(snapshot) = &write.snapshot {
            self.snapshot = Some(snapshot.meta.clone());
        }
        absorb(&mut self.hard, write.hard.clone());
        self.writing.push_back(write.clone());
        self.count_durable();
    }

    fn complete_writes(&mut self, through: Ticket) {
        while let Some(write) = self.writing.pop_front_if(|write| write.ticket <= through) {
            // A write that leaves a gap was not taken in when it began.
            let _ = change_log(&mut self.stored_base, &mut self.stored, &write);
            if let Some(snapshot) = &write.snapshot {
                self.stored_snapshot = Some(snapshot.meta.clone());
            }
            absorb(&mut self.durable_hard, write.hard);
        }
        self.count_durable();
    }

    /// The part of the log that no pending write touches is as it stands on the disk.
    fn count_durable(&mut self) {
        let untouched = self.writing.iter().filter_map(lowest_changed).min().map(LogIndex::previous);
        let stored = LogIndex(self.stored_base.index.0 + self.stored.len() as u64).min(self.last_index());
        self.durable = untouched.map_or(stored, |untouched| untouched.min(stored));
    }

    fn crash(&mut self, survived: Option<Ticket>) {
        if let Some(survived) = survived {
            self.complete_writes(survived);
        }
        self.writing.clear();
        self.log.clone_from(&self.stored);
        self.base = self.stored_base;
        self.snapshot.clone_from(&self.stored_snapshot);
        self.hard.clone_from(&self.durable_hard);
        self.count_durable();
        self.status = NodeStatus::default();
        self.state = None;
        self.liveness = Liveness::Crashed;
    }

    fn resynchronize(&mut self, state: &NodeState) {
        self.incarnation = state.incarnation;
        self.liveness = if state.up { Liveness::Up } else { Liveness::Crashed };
        self.status = state.status.clone();
        self.hard = Some(state.hard.clone());
        self.durable_hard = Some(state.hard.clone());
        let follows = |(before, entry): &(u64, &Arc<Entry>)| entry.index == LogIndex(before + 1);
        self.base = if state.base.index < LogIndex::MAX { state.base } else { Base::NONE };
        self.stored_base = self.base;
        self.snapshot.clone_from(&state.snapshot);
        self.stored_snapshot.clone_from(&state.snapshot);
        self.log =
            (self.base.index.0..).zip(&state.log).take_while(follows).map(|(_, entry)| Arc::clone(entry)).collect();
        self.stored.clone_from(&self.log);
        self.writing.clear();
        self.waiting.clear();
        if self.clock.rate_ppm == 0 {
            self.clock.rate_ppm = TRUE_RATE_PPM;
        }
        self.count_durable();
    }
}

/// A write's hard state, where it has one, goes on from what was there.
fn absorb(hard: &mut Option<AnyHard>, later: Option<AnyHard>) {
    let Some(later) = later else { return };
    match hard {
        Some(hard) => hard.absorb(later),
        None => *hard = Some(later),
    }
}
