//! How does the leader's log become everybody's?
//!
//! Log replication after Raft paper §5.3 and the commitment rule of §5.4.2. A
//! leader never overwrites its own entries (Leader Append-Only); a follower
//! removes entries only where they conflict with its leader's.

use std::sync::Arc;

use super::log::Log;
use super::message::{AppendEntries, AppendEntriesReply, AppendOutcome, Message};
use super::observers::Feed;
use super::progress::{Mode, Progress};
use super::role::{Heard, Role, Waiting};
use super::rules::{Rule, Rules};
use super::{Effects, Raft};
use crate::edge::LeftOut;
use crate::entry::{Class, Entries, Entry, EntryKind, Proposal};
use crate::event::{CommitReason, Event, FollowerReason, IgnoreReason, Limit, TimerReason};
use crate::membership::Membership;
use crate::protocol::Outcome;
use crate::quorum::QuorumSystem;
use crate::record::{self, TimerKind};
use crate::types::{ClientId, LogIndex, NodeId, Now, Term, Ticket};

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Takes clients' commands (§5.3: "the leader appends the command to its log as a new entry").
    ///
    /// What is refused here was not appended: it has not happened and will not. Commands are taken in order as far
    /// as the bounds on what is uncommitted allow, so that a batch beyond a bound still makes progress.
    pub(super) fn on_propose(&mut self, now: Now, proposals: Vec<Proposal>, out: &mut Effects) {
        if !matches!(self.role, Role::Leader(_)) {
            let leader = self.leader();
            out.note(|| Event::ProposalRefused { leader, overloaded: false, limit: None });
            return refuse(&proposals, &Outcome::NotLeader { leader }, out);
        }
        let Some(mut proposals) = self.refuse_in_transfer(proposals, out) else { return };
        let largest = u64::from(self.config.max_entry_bytes);
        if proposals.iter().any(|proposal| proposal.payload.len() as u64 > largest) {
            self.refuse_too_large(&mut proposals, out);
        }
        if let Some((taken, limit)) = self.overload(&proposals) {
            let leader = Some(self.id);
            out.note(|| Event::ProposalRefused { leader, overloaded: true, limit: Some(limit) });
            refuse(&proposals.split_off(taken), &Outcome::Overloaded, out);
        }
        if !proposals.is_empty() {
            self.append_as_leader(now, EntryKind::Command, proposals, out);
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

    /// Sends each follower what it lacks, as far as its window allows.
    pub(super) fn replicate_to_all(&mut self, out: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        for position in 0..leader.followers() {
            self.replicate_to(position, out);
        }
    }

    /// Sends one follower what it lacks, as far as its window allows.
    pub(super) fn replicate_to(&mut self, position: usize, out: &mut Effects) {
        let Role::Leader(leader) = &mut self.role else { return };
        loop {
            let Some(progress) = leader.progress.get_mut(position) else { return };
            if progress.is_settled(self.log.last_index()) {
                return;
            }
            let window = (self.config.max_entries_in_flight, self.config.max_bytes_in_flight);
            let full = self.config.max_entries_per_append;
            let mut room = progress.room(window.0).min(full);
            let held_back = room == 0;
            if progress.feed != Feed::Log || progress.feeder.is_some() {
                room = progress.committed_room(room, full, self.commit_index);
            }
            let lacks = progress.next <= self.log.last_index();
            let probes = matches!(progress.mode, Mode::Probe { sent: false });
            if room == 0 || !(lacks || probes) {
                if held_back || !lacks {
                    note_full(progress, lacks, Limit::Entries(window.0), out);
                }
                return;
            }
            let (prev, base) = (progress.next.previous(), self.log.base().index);
            if prev < base {
                return self.start_transfer(position, out); // §7: what it needs was compacted away
            }
            let (first_bytes, most_bytes) = progress.room_bytes(window.1, self.config.max_bytes_per_append);
            let (entries, bytes) = self.log.slice(progress.next, room, first_bytes, most_bytes);
            if entries.is_empty() && lacks {
                note_full(progress, lacks, Limit::Bytes(window.1), out);
                return;
            }
            let (term, commit, round) = (self.hard.current_term, self.commit_index, leader.rounds.current());
            let Some(append) = append_after(&self.log, prev, entries, term, commit, round) else {
                out.check(false, "a follower's next index is at most one past the leader's log");
                return;
            };
            progress.sent(append.entries.len() as u64, bytes);
            // No promise: what a leader sends need not be durable at the leader (thesis §10.2.1).
            match progress.feeder {
                None => out.send(progress.node, super::edges::addressed(progress, append), None),
                Some(feeder) => super::feeders::send(leader, position, feeder, append, out),
            }
        }
    }

    /// Shows every follower that the leader lives (§5.2), by an append without entries. Its answer also tells
    /// of appends that were lost: a refusal moves the next index back, and where a probe was lost, the match or
    /// the refusal takes its place.
    pub(super) fn broadcast_heartbeat(&mut self, now: Now, out: &mut Effects) {
        if !self.check_quorum(now, out) {
            return;
        }
        self.check_transfer(now, out);
        self.prefer(now, out);
        self.arm(TimerKind::Heartbeat, now.mono, self.config.heartbeat);
        self.tick_if_due(now, out);
        self.begin_round(now, out);
        self.remind_observers(out);
        self.choose_feeders(now, out);
    }

    /// Numbers what leaves from here on, so that its answers prove that the node led now.
    pub(super) fn start_round(&mut self, now: Now) -> u64 {
        let Role::Leader(leader) = &mut self.role else { return 0 };
        let round = leader.rounds.start(now.mono);
        self.confirm_rounds(now); // A lone voter is a quorum.
        round
    }

    /// Begins a round and sends it to every follower; reads that came so far share it. Observers prove nothing.
    pub(super) fn begin_round(&mut self, now: Now, out: &mut Effects) {
        let round = self.start_round(now);
        self.batch_reads(round, out);
        let Role::Leader(leader) = &self.role else { return };
        for position in 0..leader.followers() {
            self.send_heartbeat(position, out);
        }
    }

    pub(super) fn send_heartbeat(&mut self, position: usize, out: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        let Some(progress) = leader.progress.get(position) else { return };
        let prev = progress.next.previous();
        if matches!(progress.mode, Mode::Snapshot(_)) {
            return self.ask_for_offset(position, out);
        }
        if prev < self.log.base().index {
            return self.start_transfer(position, out); // §7: what it needs was compacted away
        }
        let (term, commit, round) = (self.hard.current_term, self.commit_index, leader.rounds.current());
        let Some(heartbeat) = append_after(&self.log, prev, Entries::new(), term, commit, round) else {
            out.check(false, "a follower's next index is at most one past the leader's log");
            return;
        };
        let message = super::edges::addressed(progress, heartbeat);
        out.send(progress.node, message, None);
    }

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
        let held = |entry: &&Arc<Entry>| self.log.term_at(entry.index) == Some(entry.term);
        let known = entries.iter().take_while(held).count();
        if known > 0 {
            entries.drain(..known);
        }
        let Some(first) = entries.first().map(|entry| entry.index) else { return Some(0) };
        if first <= self.log.last_index() {
            if !out.check(first > self.commit_index, "a committed entry is never replaced") {
                return None;
            }
            self.remove_from(leader, first, out);
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

    pub(super) fn on_append_entries_reply(
        &mut self,
        now: Now,
        follower: NodeId,
        reply: &AppendEntriesReply,
        out: &mut Effects,
    ) {
        if reply.term < self.hard.current_term {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::StaleTerm });
            return;
        }
        let position = self.on_contact(now, follower, reply.round);
        match &reply.outcome {
            AppendOutcome::Matched(index) => self.on_matched(follower, position, *index, out),
            AppendOutcome::Conflict { refused, term, first } => {
                let next = match term.and_then(|term| self.log.last_of_term(term, *refused)) {
                    Some(last) => last.next(),
                    None => *first,
                };
                self.on_conflict(follower, *refused, next, out);
            }
            // A stale term comes with a higher one, which was adopted before this handler.
            AppendOutcome::StaleTerm => {}
            AppendOutcome::OtherSubscription => self.on_other_subscription(follower, out),
        }
    }

    /// `position` is where the follower stands among those who are fed.
    pub(super) fn on_matched(&mut self, follower: NodeId, position: Option<usize>, index: LogIndex, out: &mut Effects) {
        let last_index = self.log.last_index();
        let (commit_index, base) = (self.commit_index, self.log.base().index);
        let known = match &mut self.role {
            Role::Leader(leader) => position.and_then(|at| leader.progress.get_mut(at).map(|progress| (at, progress))),
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        };
        let Some((position, progress)) = known else {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::WrongRole });
            return;
        };
        if index > last_index {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::Malformed });
            return;
        }
        let news = progress.match_to(index, base);
        if news && index > commit_index {
            self.advance_commit(out);
        }
        if news {
            self.advance_transfer(out);
        }
        self.replicate_to(position, out);
    }

    /// Moves a follower's next index back past the conflict and probes again (§5.3). Without it the leader would
    /// send the same refused append for ever.
    fn on_conflict(&mut self, follower: NodeId, refused: LogIndex, next: LogIndex, out: &mut Effects) {
        if !self.on(Rule::BackUpOnConflict) {
            return;
        }
        let Some((position, progress)) = self.progress_of(follower) else {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::WrongRole });
            return;
        };
        let from = progress.next;
        if !progress.back_up(refused, next) {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::Outdated });
            return;
        }
        let to = progress.next;
        out.note(|| Event::NextIndexMoved { follower, from, to });
        self.replicate_to(position, out);
    }

    pub(super) fn progress_of(&mut self, follower: NodeId) -> Option<(usize, &mut Progress)> {
        let Role::Leader(leader) = &mut self.role else { return None };
        let position = leader.position_of(follower)?;
        leader.progress.get_mut(position).map(|progress| (position, progress))
    }

    /// Commits what a quorum holds durably, if it is of our own term (§5.4.2). An older entry that a quorum
    /// holds may still be overwritten (Figure 8); it is committed with the first entry of our term after it.
    pub(super) fn advance_commit(&mut self, out: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        let (own, durable) = (self.id, self.persist.durable());
        // Most answers come before the one that makes the quorum. Learners count here as well; they do not below.
        let followers = leader.progress.iter().take(leader.followers());
        let ahead = followers.filter(|progress| progress.matched > self.commit_index).count();
        if !self.quorum.may_suffice(ahead + usize::from(durable > self.commit_index)) {
            return;
        }
        let quorum_index = self.quorum.held_by_quorum(|voter| {
            if voter == own {
                return durable;
            }
            leader.progress_of(voter).map_or(LogIndex::ZERO, |progress| progress.matched)
        });
        if quorum_index <= self.commit_index {
            return;
        }
        let Some(entry_term) = self.log.term_at(quorum_index) else { return };
        let current_term = self.hard.current_term;
        if entry_term != current_term && self.on(Rule::CommitOwnTermOnly) {
            out.note(|| Event::CommitHeld { quorum_index, entry_term, current_term });
            return;
        }
        self.commit_to(quorum_index, CommitReason::QuorumHolds, out);
        if let Role::Leader(leader) = &mut self.role {
            leader.uncommitted.release(quorum_index);
        }
    }

    pub(super) fn commit_to(&mut self, index: LogIndex, reason: CommitReason, out: &mut Effects) {
        if index > self.commit_index {
            out.note(|| Event::CommitAdvanced { from: self.commit_index, to: index, reason });
            self.commit_index = index;
        }
    }

    pub(super) fn progress_status(&self) -> Vec<record::Progress> {
        let Role::Leader(leader) = &self.role else { return Vec::new() };
        let seen = |progress: &Progress| record::Progress {
            node: progress.node,
            next: progress.next,
            matched: progress.matched,
            probing: matches!(progress.mode, Mode::Probe { .. }),
            snapshot: match &progress.mode {
                Mode::Probe { .. } | Mode::Replicate => None,
                Mode::Snapshot(sending) => Some(record::Transfer {
                    index: sending.snapshot.meta.index,
                    offset: sending.offset,
                    total: sending.snapshot.data.len() as u64,
                }),
            },
        };
        let mut all: Vec<_> = leader.progress.iter().map(seen).collect();
        crate::few::sort(&mut all, |a, b| a.node < b.node); // Observers stand behind the others.
        all
    }
}

/// Refuses commands that were not appended.
fn refuse(proposals: &[Proposal], outcome: &Outcome, out: &mut Effects) {
    for proposal in proposals {
        out.answer(proposal.client, proposal.number, outcome.clone());
    }
}

/// Says that the window holds entries back, where that is news.
fn note_full(progress: &mut Progress, lacks: bool, limit: Limit, out: &mut Effects) {
    let follower = progress.node;
    if progress.is_newly_full(lacks) {
        out.note(|| Event::WindowFull { follower, limit });
    }
}

/// The append that continues a log after `prev_log_index`; `None` where the leader's own log ends before it.
fn append_after(
    log: &Log,
    prev_log_index: LogIndex,
    entries: Entries,
    term: Term,
    leader_commit: LogIndex,
    round: u64,
) -> Option<AppendEntries> {
    let prev_log_term = log.term_at(prev_log_index)?;
    Some(AppendEntries { term, prev_log_index, prev_log_term, entries, leader_commit, round })
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
