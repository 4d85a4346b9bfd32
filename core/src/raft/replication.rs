//! How does the leader's log become everybody's?
//!
//! The leader's part of log replication (Raft paper §5.3) and the commitment rule
//! of §5.4.2. A leader never overwrites its own entries (Leader Append-Only): it
//! sends what a follower lacks, goes back where that one refuses, and commits
//! what a quorum holds. Read `append` next, the follower's part; `propose` for
//! how commands get into the leader's log.

use super::message::{AppendEntries, AppendEntriesReply, AppendOutcome};
use super::observers::Feed;
use super::progress::{Mode, Progress};
use super::role::Role;
use super::{Effects, Raft};
use crate::entry::Entries;
use crate::event::{CommitReason, Event, IgnoreReason, Limit};
use crate::log::Log;
use crate::quorum::QuorumSystem;
use crate::record::{self, TimerKind};
use crate::rules::{Rule, Rules};
use crate::types::{LogIndex, NodeId, Now, Term};

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Sends each follower what it lacks, as far as its window allows.
    pub(super) fn replicate_to_all(&mut self, out: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        for position in 0..leader.followers() {
            self.replicate_to(position, out);
        }
    }

    /// Sends one follower what it lacks, as far as its window allows.
    #[inline]
    pub(super) fn replicate_to(&mut self, position: usize, out: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        if leader.progress.get(position).is_some_and(|progress| !progress.is_settled(self.log.last_index())) {
            self.replicate_unsettled(position, out);
        }
    }

    fn replicate_unsettled(&mut self, position: usize, out: &mut Effects) {
        let Role::Leader(leader) = &mut self.role else { return };
        loop {
            let Some(progress) = leader.progress.get_mut(position) else { return };
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
            let is_settled = |progress: &Progress| progress.is_settled(self.log.last_index());
            if leader.progress.get(position).is_none_or(is_settled) {
                return;
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
        let own = self.id;
        let durable = if self.on(Rule::LeaderCopyIsDurable) { self.persist.durable() } else { self.log.last_index() };
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
