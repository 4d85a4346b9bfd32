//! How does a follower take over what its leader sends?
//!
//! The receiver's part of AppendEntries (Raft paper §5.3, Figure 2). A follower
//! takes an entry only where the one before it matches, and removes its own only
//! where they conflict with its leader's; its answer waits for the write that
//! stores what it took. Read `replication` for the leader's part.

use std::sync::Arc;

use super::message::{AppendEntries, AppendEntriesReply, AppendOutcome, Message};
use super::role::{Heard, Role};
use super::{Effects, Raft};
use crate::edge::LeftOut;
use crate::entry::{Entries, Entry, EntryKind};
use crate::event::{CommitReason, Event, FollowerReason, IgnoreReason, TimerReason};
use crate::membership::Membership;
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::{LogIndex, NodeId, Now, Ticket};

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Takes entries over, or says where the logs differ (Figure 2, "AppendEntries RPC"; §5.3).
    ///
    /// The reply waits for the write that stores the entries: the leader counts it as a copy that survives a
    /// crash.
    pub(super) fn on_append_entries(
        &mut self,
        now: Now,
        leader: NodeId,
        append: &mut AppendEntries,
        out: &mut Effects,
    ) {
        if self.subscription.is_some() {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::PartialStore });
            return;
        }
        self.take_append(now, leader, append, out);
    }

    pub(super) fn take_append(&mut self, now: Now, leader: NodeId, append: &mut AppendEntries, out: &mut Effects) {
        if append.term < self.hard.current_term {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::StaleTerm });
            let after = self.persist.promise(LogIndex::ZERO);
            self.reply(leader, AppendOutcome::StaleTerm, append.round, after, out);
            return;
        }
        if !is_well_formed(append, self.subscription.is_some()) {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::Malformed });
            return;
        }
        if !self.follow(now, leader, out) {
            return;
        }
        self.skip_compacted(append);
        if let Some(conflict) = self.conflict_before(leader, append, out) {
            let after = self.persist.promise(LogIndex::ZERO);
            self.reply(leader, conflict, append.round, after, out);
            return;
        }
        let matched = LogIndex(append.prev_log_index.0 + append.entries.len() as u64);
        let (leader_commit, round) = (append.leader_commit, append.round);
        let entries = std::mem::take(&mut append.entries);
        let Some(new) = self.take_over(leader, matched, entries, out) else { return };
        if new > 0 {
            out.note(|| Event::AppendAccepted { leader, matched, new });
        }
        let after = if self.on(Rule::PersistAppendBeforeReply) { self.persist.promise(matched) } else { None };
        self.reply(leader, AppendOutcome::Matched(matched), round, after, out);
        // Only what this append has verified is known to equal the leader's log: beyond `matched` our own log
        // may still hold entries that the leader will replace (Figure 2, "index of last new entry").
        let verified = if self.on(Rule::CommitVerifiedPrefix) { matched } else { self.log.last_index() };
        self.commit_to(leader_commit.min(verified), CommitReason::LeaderSaid(leader), out);
    }

    /// What a late append says of entries that a snapshot has taken the place of is known: they are committed, so
    /// the leader's log holds the same ones (Leader Completeness). Only what follows them is looked at.
    fn skip_compacted(&self, append: &mut AppendEntries) {
        let base = self.log.base();
        if append.prev_log_index < base.index {
            append.entries.retain(|entry| entry.index > base.index);
            append.prev_log_index = base.index;
            append.prev_log_term = base.term;
        }
    }

    pub(super) fn reply(
        &self,
        leader: NodeId,
        outcome: AppendOutcome,
        round: u64,
        after: Option<Ticket>,
        out: &mut Effects,
    ) {
        let reply = AppendEntriesReply { term: self.hard.current_term, outcome, round };
        out.send(leader, Message::AppendEntriesReply(reply), after);
    }

    /// Recognizes the leader of this term (§5.2). Two leaders of one term break Election Safety: the node halts.
    pub(super) fn follow(&mut self, now: Now, leader: NodeId, out: &mut Effects) -> bool {
        match &mut self.role {
            Role::Follower { leader: Some(heard) } if heard.leader == leader => heard.at = now.mono,
            Role::Follower { leader: None } | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                self.become_follower(now, Some(leader), FollowerReason::LeaderOfThisTerm, out);
            }
            Role::Follower { leader: Some(heard) } => {
                let fact = "a term has one leader";
                let known = Heard { leader: heard.leader, at: heard.at };
                return out.check(known.leader == leader, fact);
            }
            Role::Leader(_) => return out.check(false, "a term has one leader"),
        }
        self.promise_silence(now, Some(leader));
        self.restart_election_timer(now, TimerReason::HeardLeader, out);
        true
    }

    /// The consistency check (§5.3): the entry before the new ones must be here, with the same term. It is what
    /// makes Log Matching hold by induction. The answer skips the whole conflicting term.
    fn conflict_before(&self, leader: NodeId, append: &AppendEntries, out: &mut Effects) -> Option<AppendOutcome> {
        let found = self.log.term_at(append.prev_log_index);
        let matches = match found {
            Some(term) => term == append.prev_log_term || !self.on(Rule::ConsistencyCheck),
            None => false,
        };
        if matches {
            return None;
        }
        out.note(|| Event::AppendRefused { leader, expected: (append.prev_log_index, append.prev_log_term), found });
        let first = match found {
            Some(_) => self.log.first_of_term_at(append.prev_log_index),
            None => self.log.last_index().next(),
        };
        Some(AppendOutcome::Conflict { refused: append.prev_log_index, term: found, first })
    }

    /// Stores what is new and removes what conflicts; an overlap that matches stays (Figure 2, steps 3 and 4): a
    /// late, shorter append must not remove entries that were acknowledged since. Returns how many were new, or
    /// `None` where the node had to halt.
    fn take_over(&mut self, leader: NodeId, end: LogIndex, mut entries: Entries, out: &mut Effects) -> Option<u32> {
        if !self.on(Rule::KeepMatchingSuffix) && self.log.last_index() > end {
            self.remove_from(leader, end.next(), out);
        }
        // What continues the log is new; only what overlaps with it is compared.
        let Some(first) = entries.first().map(|entry| entry.index) else { return Some(0) };
        if first <= self.log.last_index() {
            let held = |entry: &&Arc<Entry>| self.log.term_at(entry.index) == Some(entry.term);
            let known = entries.iter().take_while(held).count();
            entries.drain(..known);
            let Some(first) = entries.first().map(|entry| entry.index) else { return Some(0) };
            if first <= self.log.last_index() {
                if !out.check(first > self.commit_index, "a committed entry is never replaced") {
                    return None;
                }
                self.remove_from(leader, first, out);
            }
        }
        let new = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let mut others = false;
        for entry in &entries {
            others |= self.members.appended(entry);
        }
        let follows = if out.is_in_memory() {
            self.persist.held();
            entries.into_iter().all(|entry| self.log.append(entry))
        } else {
            let follows = entries.iter().all(|entry| self.log.append(Arc::clone(entry)));
            self.persist.appended(entries);
            follows
        };
        if !out.check(follows, "a follower's log has no gap") {
            return None;
        }
        if others {
            self.act_on_members(out);
        }
        Some(new)
    }

    pub(super) fn remove_from(&mut self, leader: NodeId, from: LogIndex, out: &mut Effects) {
        let through = self.log.last_index();
        self.log.truncate(from);
        self.persist.truncated(from);
        out.note(|| Event::LogTruncated { from, through, leader });
        if self.on(Rule::ConfigurationFollowsLog) && self.members.truncated(from) {
            self.act_on_members(out);
        }
    }
}

/// Whether an append's entries follow each other and claim no impossible term; a log that may have holes takes
/// entries without a body, and no other does.
fn is_well_formed(append: &AppendEntries, may_have_holes: bool) -> bool {
    let mut index = append.prev_log_index;
    let mut term = append.prev_log_term;
    let entries: &Entries = &append.entries;
    index.0.checked_add(entries.len() as u64).is_some()
        && entries.iter().all(|entry| {
            let follows = entry.index.0 == index.0 + 1 && entry.term >= term && entry.term <= append.term;
            let is_sound = match entry.kind {
                EntryKind::Command | EntryKind::NoOp | EntryKind::Tick => true,
                EntryKind::Configuration => Membership::decode(&entry.payload).is_some(),
                EntryKind::Elided => may_have_holes && LeftOut::decode(&entry.payload).is_some(),
            };
            index = entry.index;
            term = entry.term;
            follows && is_sound
        })
}
