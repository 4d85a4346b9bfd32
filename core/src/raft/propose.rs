//! How does a client's command get into the leader's log?
//!
//! The leader takes what the bounds on what is uncommitted leave room for, and
//! appends it to its own log (Raft paper §5.3); a follower refuses and says who
//! leads. What is refused here has not happened and will not. Read `replication`
//! next: how what was appended becomes everybody's.

use std::sync::Arc;

use super::role::{Role, Waiting};
use super::{Effects, Raft};
use crate::entry::{Class, Entries, Entry, EntryKind, Proposal};
use crate::event::{Event, Limit};
use crate::protocol::Outcome;
use crate::quorum::QuorumSystem;
use crate::rules::Rules;
use crate::types::{ClientId, Now};

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Takes clients' commands (§5.3: "the leader appends the command to its log as a new entry").
    ///
    /// What is refused here was not appended: it has not happened and will not. Commands are taken in order as far
    /// as the bounds on what is uncommitted allow, so that a batch beyond a bound still makes progress.
    pub(super) fn on_propose(&mut self, now: Now, proposals: &mut Vec<Proposal>, out: &mut Effects) {
        if !matches!(self.role, Role::Leader(_)) {
            let leader = self.leader();
            out.note(|| Event::ProposalRefused { leader, overloaded: false, limit: None });
            return refuse(proposals, &Outcome::NotLeader { leader }, out);
        }
        if !self.takes_in_transfer(proposals, out) {
            return;
        }
        let largest = u64::from(self.config.max_entry_bytes);
        if proposals.iter().any(|proposal| proposal.payload.len() as u64 > largest) {
            self.refuse_too_large(proposals, out);
        }
        if let Some((taken, limit)) = self.overload(proposals) {
            let leader = Some(self.id);
            out.note(|| Event::ProposalRefused { leader, overloaded: true, limit: Some(limit) });
            refuse(&proposals.split_off(taken), &Outcome::Overloaded, out);
        }
        if !proposals.is_empty() {
            self.append_as_leader(now, EntryKind::Command, proposals.drain(..), out);
            self.replicate_to_all(out);
        }
    }

    /// Refuses for good what no leader would take: trying again is of no use.
    fn refuse_too_large(&self, proposals: &mut Vec<Proposal>, out: &mut Effects) {
        let limit = self.config.max_entry_bytes;
        proposals.retain(|proposal| {
            let bytes = proposal.payload.len() as u64;
            let fits = bytes <= u64::from(limit);
            if !fits {
                out.note(|| Event::ProposalTooLarge { bytes, limit });
                out.answer(proposal.client, proposal.number, Outcome::TooLarge { bytes, limit });
            }
            fits
        });
    }

    /// How many of these commands fit beside what is uncommitted, and which bound the next one would break; `None`
    /// where all fit. Without bounds a leader that is cut off would fill its memory.
    fn overload(&self, proposals: &[Proposal]) -> Option<(usize, Limit)> {
        let Role::Leader(leader) = &self.role else { return None };
        let (most, most_bytes) = (self.config.max_uncommitted, self.config.max_uncommitted_bytes);
        let mut entries = self.log.last_index().0.saturating_sub(self.commit_index.0);
        let mut bytes = leader.uncommitted.bytes();
        for (taken, proposal) in proposals.iter().enumerate() {
            entries += 1;
            bytes += proposal.payload.len() as u64;
            if entries > u64::from(most) {
                return Some((taken, Limit::Entries(most)));
            }
            if bytes > u64::from(most_bytes) {
                return Some((taken, Limit::Bytes(most_bytes)));
            }
        }
        None
    }

    /// Puts entries of the current term at the end of the leader's own log. Its write runs beside the sending
    /// (thesis §10.2.1); the leader's copy counts once it is durable.
    pub(super) fn append_as_leader(
        &mut self,
        now: Now,
        kind: EntryKind,
        proposals: impl IntoIterator<Item = Proposal>,
        out: &mut Effects,
    ) {
        let mut log_time = super::tick::stamp(self.last_log_time(), now.wall);
        let Role::Leader(leader) = &mut self.role else { return };
        let first = self.log.last_index().next();
        let proposals = proposals.into_iter();
        let in_memory = out.is_in_memory();
        let mut appended = Entries::with_capacity(if in_memory { 0 } else { proposals.size_hint().0 });
        let (mut bytes, mut relaxed) = (0, false);
        for proposal in proposals {
            let index = self.log.last_index().next();
            let Proposal { client, number, class, tags, payload } = proposal;
            let term = self.hard.current_term;
            bytes += payload.len() as u64;
            relaxed |= class == Class::Relaxed;
            let entry = Arc::new(Entry { index, term, kind, log_time, client, number, class, tags, payload });
            log_time = entry.log_time;
            self.members.appended(&entry);
            if !in_memory {
                appended.push(Arc::clone(&entry));
            }
            if !out.check(self.log.append(entry), "a leader's entries continue its log without a gap") {
                return;
            }
            if client != ClientId(0) {
                leader.waiting.push_back(Waiting { index, client, number });
            }
        }
        if in_memory {
            self.persist.held();
        } else {
            self.persist.appended(appended);
        }
        leader.uncommitted.add(self.log.last_index(), bytes);
        out.note(|| Event::EntriesAppended { first, last: self.log.last_index(), term: self.hard.current_term });
        if relaxed {
            self.expect_early(first, out);
        }
    }
}

/// Refuses commands that were not appended.
fn refuse(proposals: &[Proposal], outcome: &Outcome, out: &mut Effects) {
    for proposal in proposals {
        out.answer(proposal.client, proposal.number, outcome.clone());
    }
}
