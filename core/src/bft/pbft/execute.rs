//! What becomes of a batch that is committed?
//!
//! Batches are executed in order of their numbers (PBFT §4.2): their entries
//! follow the log, are applied once they are durable, and each request is
//! answered under this replica's signature; the client believes f+1 that agree.
//! A batch whose number has no gap before it is *executed* here as soon as its
//! entries are in the log. All honest replicas have the same entries: the term
//! is the view in which the batch was proposed first.
//!
//! Application stops at each checkpoint until the executor was asked for the
//! state there (§4.3). Read `checkpoint` next.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::Event;
use super::{Effects, Pbft};
use crate::bft::Reply;
use crate::crypto::{Hash256, Signature};
use crate::protocol::{Applied, Outcome};
use crate::rules::Rules;
use crate::types::{LogIndex, Sequence, Wall};

/// A batch in the log that is not applied yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Execution {
    pub(super) sequence: Sequence,
    /// The log's last index after it.
    pub(super) last: LogIndex,
    /// The hash of its value: what replies name it by.
    pub(super) value: Hash256,
}

/// What the state machine was asked for and has done.
#[derive(Clone, Debug)]
pub(super) struct Applying {
    /// Batches that are not applied yet, in order.
    pub(super) queue: VecDeque<Execution>,
    /// Batches whose requests are not answered yet, in order.
    pub(super) unanswered: VecDeque<Execution>,
    /// Handed to the executor for application.
    pub(super) asked: LogIndex,
    /// Applied.
    pub(super) applied: LogIndex,
}

impl Applying {
    /// A batch follows in the log; one with requests is to be answered.
    pub(super) fn push(&mut self, execution: Execution, has_requests: bool) {
        self.queue.push_back(execution);
        if has_requests {
            self.unanswered.push_back(execution);
        }
    }

    /// A state takes the place of all that was executed.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.unanswered.clear();
    }

    pub(super) fn after(applied: LogIndex) -> Self {
        Self { queue: VecDeque::new(), unanswered: VecDeque::new(), asked: applied, applied }
    }
}

impl<R: Rules> Pbft<R> {
    /// Executes what is committed and has nothing missing before it.
    pub(super) fn execute_ready(&mut self, out: &mut Effects) {
        while !self.held
            && !self.is_over()
            && let Some(value) = self.slots.get(self.executed.next()).and_then(|slot| slot.decided()).cloned()
        {
            let (sequence, known) = (self.executed.next(), self.log.last_index());
            let previous = self.executed_time.unwrap_or(Wall(0));
            let term = value.origin().in_instance(self.domain.instance);
            let entries = value.batch().entries_after(known, term, previous);
            let count = entries.len() as u64;
            if let Some(last) = entries.last() {
                self.executed_time = Some(last.log_time);
            }
            let in_log = entries.iter().all(|entry| self.log.append(Arc::clone(entry)));
            if !out.check(in_log, "what is executed continues the log") {
                return;
            }
            if count > 0 {
                self.persist.append(entries);
            } else {
                self.persist.view_changed();
            }
            let last = self.log.last_index();
            self.executed = sequence;
            self.look_for_end(sequence, &value, out);
            let execution = Execution { sequence, last, value: value.hash() };
            self.applying.push(execution, !value.batch().is_empty());
            self.remember_executed(sequence, last, &value);
            for bundle in value.batch().bundles() {
                self.pool.executed(&bundle.hash());
            }
            out.note(|| Event::Executed { sequence, entries: count, last }.into());
        }
    }

    /// The proof and the log's new end are durable with the entries.
    fn remember_executed(&mut self, sequence: Sequence, last: LogIndex, value: &Arc<super::Value>) {
        let low = self.low();
        let Some(slot) = self.slots.get_mut(sequence) else { return };
        slot.hard.last = Some(last);
        slot.early = None;
        if sequence <= low {
            return;
        }
        let known = slot.hard.accepted.is_some_and(|(subject, _)| subject.hash == value.hash());
        let hard = self.persist.slot(sequence);
        (hard.decided, hard.last) = (slot.hard.decided.clone(), Some(last));
        if !known {
            hard.keep(Arc::clone(value));
        }
    }

    /// Has applied what is durable, up to the next checkpoint; asks for the state where one is reached.
    pub(super) fn apply_ready(&mut self, out: &mut Effects) {
        if self.installing.is_some() {
            return;
        }
        while let Some(first) = self.applying.queue.front().copied()
            && first.last <= self.applying.applied
        {
            if self.wants_snapshot(first.sequence) && !self.take_snapshot(first.sequence, first.last, out) {
                return;
            }
            self.applying.queue.pop_front();
        }
        let checkpoint = self.applying.queue.iter().find(|execution| self.wants_snapshot(execution.sequence));
        let durable = self.persist.durable();
        let through = checkpoint.map_or(durable, |execution| execution.last.min(durable));
        if through > self.applying.asked {
            out.apply(self.applying.asked.next(), through);
            self.applying.asked = through;
        }
    }

    /// Applied: each request is answered by this replica (§4.2).
    pub(super) fn on_applied(&mut self, through: LogIndex, results: Vec<Applied>, out: &mut Effects) {
        self.restored(through);
        self.applying.applied = self.applying.applied.max(through);
        let Some(signer) = self.signer.clone() else { return };
        let (by, view, cluster) = (self.id, self.view, self.domain.cluster);
        for Applied { index, client, number, result } in results {
            let place = self.applying.unanswered.partition_point(|execution| execution.last < index);
            let Some(batch) = self.applying.unanswered.get(place).map(|execution| execution.value) else { continue };
            let signature = Signature([0; 64]);
            let reply = Reply { by, view, client, number, index, batch, result, signature };
            let reply = reply.signed(cluster, &*signer);
            self.pool.remember(reply.clone());
            out.answer(client, number, Outcome::Replied(Box::new(reply)));
        }
        let answered = self.applying.unanswered.partition_point(|execution| execution.last <= through);
        self.applying.unanswered.drain(..answered);
    }
}
