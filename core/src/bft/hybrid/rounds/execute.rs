//! What becomes of a history that is committed?
//!
//! Its batches become entries of the log, in order; they are applied once they
//! are durable, up to the next checkpoint, and each request is answered under
//! this replica's signature with the chain hash of its link. A client believes
//! f+1 that agree: each was sent after applying on a commit certificate.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::Event;
use super::{Effects, Rounds};
use crate::bft::Reply;
use crate::crypto::{Hash256, Signature};
use crate::protocol::{Applied, Outcome};
use crate::rules::Rules;
use crate::types::{LogIndex, Sequence, Wall};

/// A link in the log that is not applied yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Execution {
    pub(super) sequence: Sequence,
    /// The log's last index after it.
    pub(super) last: LogIndex,
    /// Its chain hash: what replies name it by.
    pub(super) hash: Hash256,
}

/// What the state machine was asked for and has done.
#[derive(Clone, Debug)]
pub(super) struct Applying {
    /// Not applied yet, in order.
    pub(super) queue: VecDeque<Execution>,
    /// Not answered yet, in order.
    pub(super) unanswered: VecDeque<Execution>,
    /// Handed to the executor for application.
    pub(super) asked: LogIndex,
    /// Applied.
    pub(super) applied: LogIndex,
}

impl Applying {
    pub(super) fn after(applied: LogIndex) -> Self {
        Self { queue: VecDeque::new(), unanswered: VecDeque::new(), asked: applied, applied }
    }

    pub(super) fn push(&mut self, execution: Execution) {
        self.queue.push_back(execution);
        self.unanswered.push_back(execution);
    }
}

impl<R: Rules> Rounds<R> {
    /// All links up to here are committed and in this replica's history: they become entries.
    pub(super) fn execute_through(&mut self, through: Sequence, out: &mut Effects) {
        while self.committed < through
            && let Some(link) = self.chain.get(self.committed.next()).cloned()
        {
            if self.is_over() {
                // Ordered behind the end, and void.
                self.persist.number();
                self.committed = link.sequence();
                continue;
            }
            let (sequence, known) = (link.sequence(), self.log.last_index());
            let previous = self.executed_time.unwrap_or(Wall(0));
            let term = link.origin().in_instance(self.domain.instance);
            let entries = link.batch().entries_after(known, term, previous);
            if let Some(last) = entries.last() {
                self.executed_time = Some(last.log_time);
            }
            let count = entries.len() as u64;
            let in_log = entries.iter().all(|entry| self.log.append(Arc::clone(entry)));
            if !out.check(in_log && count == link.entries(), "what is executed continues the log") {
                return;
            }
            self.persist.append(entries);
            self.persist.number();
            self.committed = sequence;
            self.execute_change(&link, out);
            let last = self.log.last_index();
            self.applying.push(Execution { sequence, last, hash: link.hash() });
            for bundle in link.batch().bundles() {
                self.pool.executed(&bundle.hash());
            }
            out.note(|| Event::Executed { sequence, entries: count, last }.into());
        }
        self.chain.settle(self.committed);
    }

    /// Has applied what is durable, up to the next checkpoint; asks for the state where one is reached.
    pub(super) fn apply_ready(&mut self, out: &mut Effects) {
        if self.installing.is_some() || self.retired {
            return;
        }
        while let Some(first) = self.applying.queue.front().copied()
            && first.last <= self.applying.applied
        {
            if self.wants_snapshot(first.sequence) && !self.take_snapshot(&first, out) {
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

    /// Applied: each request is answered by this replica.
    pub(super) fn on_applied(&mut self, through: LogIndex, results: Vec<Applied>, out: &mut Effects) {
        self.restored(through);
        self.applying.applied = self.applying.applied.max(through);
        let Some(signer) = self.signer.clone() else { return };
        let (by, view, cluster) = (self.id, self.term, self.domain.cluster);
        for Applied { index, client, number, result } in results {
            let place = self.applying.unanswered.partition_point(|execution| execution.last < index);
            let Some(batch) = self.applying.unanswered.get(place).map(|execution| execution.hash) else { continue };
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
