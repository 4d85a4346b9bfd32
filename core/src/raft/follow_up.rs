//! What follows from a step?
//!
//! At the end of each step a node looks at everything that the step may have set
//! off: members, observers, snapshots, reads, the step's write and what may be
//! applied. An executor that reports what it has done lets the rest follow from
//! its reports; for one that does everything at once (`Effects::immediate`,
//! `Effects::in_memory`) it follows here.
//!
//! Read `persist` next.

use super::role::Role;
use super::{Effects, Raft};
use crate::protocol::{Applied, Outcome};
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::{LogIndex, Now, Ticket};

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// What every step ends with: whatever follows from what has changed. A look at each is all that the usual step
    /// needs.
    #[inline]
    pub(super) fn follow_up(&mut self, now: Now, out: &mut Effects) {
        loop {
            if self.unsettled {
                self.tend_members(now, out);
            }
            self.feed_observers(out);
            self.snapshot_ready(now, out);
            if self.has_reads() {
                self.advance_reads(now, out);
            }
            let is_durable = self.persist.flush(&self.hard, &self.log, out);
            if !out.is_immediate() {
                return self.apply_ready(out);
            }
            if !self.count_as_done(now, is_durable, out) {
                return;
            }
        }
    }

    /// The disk has confirmed a write: our own vote may count now, and our own copy of entries.
    pub(super) fn on_written(&mut self, now: Now, ticket: Ticket, out: &mut Effects) {
        let names_entry = self.on(Rule::WrittenNamesEntry);
        self.persist.complete(ticket, self.hard.current_term, &self.log, names_entry);
        self.on_durable(now, out);
    }

    /// What has been promised to the disk is there.
    #[inline]
    fn on_durable(&mut self, now: Now, out: &mut Effects) {
        self.restore_ready(out);
        match &self.role {
            Role::Candidate { own_vote, .. } if self.persist.is_complete(*own_vote) => self.count_own_vote(now, out),
            Role::Leader(_) => {
                self.advance_commit(out);
                self.answer_early(out);
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => {}
        }
    }

    /// For an executor that does everything at once: what the step has written and applied is done. Returns whether
    /// something follows from it that only another look finds.
    #[inline]
    fn count_as_done(&mut self, now: Now, is_durable: bool, out: &mut Effects) -> bool {
        let commit_index = self.commit_index;
        if is_durable {
            self.on_durable(now, out);
        } else if let Some(ticket) = self.persist.last_unconfirmed() {
            self.on_written(now, ticket, out);
        }
        self.apply_ready(out);
        let applied = self.last_applied < self.apply_asked && !self.snapshots.is_installing();
        if applied {
            self.last_applied = self.apply_asked;
            self.snapshot_ready(now, out);
        }
        self.commit_index > commit_index || self.persist.is_open() || applied && self.has_reads()
    }

    /// Asks for the application of what is committed and durable here.
    #[inline]
    fn apply_ready(&mut self, out: &mut Effects) {
        if self.snapshots.is_installing() {
            return; // The log speaks of the snapshot's state, which is not there yet.
        }
        let through = self.commit_index.min(self.persist.durable());
        if through > self.apply_asked {
            out.apply(self.apply_asked.next(), through);
            self.apply_asked = through;
        }
    }

    /// The state machine has applied entries: clients that wait for them are answered.
    pub(super) fn on_applied(&mut self, through: LogIndex, results: Vec<Applied>, out: &mut Effects) {
        self.last_applied = self.last_applied.max(through);
        let Role::Leader(leader) = &mut self.role else { return };
        for Applied { index, result, .. } in results {
            while leader.waiting.pop_front_if(|waiting| waiting.index < index).is_some() {}
            if let Some(waiting) = leader.waiting.pop_front_if(|waiting| waiting.index == index) {
                out.answer(waiting.client, waiting.number, Outcome::Applied { index, result });
            }
        }
    }
}
