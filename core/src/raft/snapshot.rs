//! How does a log stay short, and how does a node catch up that needs what is gone?
//!
//! Log compaction after Raft paper §7 and thesis chapter 5. Each node makes
//! snapshots of its own state by itself: it asks its executor (`Effect::Snapshot`),
//! goes on meanwhile, writes what comes back, and drops the log up to a retained
//! tail. A leader whose log no longer holds what a follower needs sends its
//! snapshot in parts; the follower writes it, and only then puts it in the place
//! of its state (`Effect::Restore`).
//!
//! Where this implementation differs from the paper's Figure 13:
//! * a receiver says how many bytes it has, so that a transfer goes on where it
//!   stopped, also under a new leader that sends the same snapshot;
//! * each heartbeat of a transfer is a part without bytes: it asks, and so mends
//!   any loss without sending a part twice for nothing;
//! * a snapshot and the compaction that belongs to it are one write, so that no
//!   restart finds one without the other;
//! * a log that holds the snapshot's last entry needs no snapshot: all up to
//!   that entry is committed, and all that follows stays (Figure 13, step 6).
//!
//! Bounded: one snapshot in memory, one being made, one arriving (at most
//! `max_bytes`), and what a leader still sends of an older one. Left out:
//! incremental snapshots (thesis §5.2's copy-on-write is the executor's part).

use std::sync::Arc;

use bytes::Bytes;

use super::config;
use super::edges::Projecting;
use super::members::Members;
use super::message::{InstallOutcome, InstallSnapshot, InstallSnapshotReply, Message};
use super::progress::{Mode, Sending};
use super::role::Role;
use super::{Effects, Raft};
use crate::event::{CommitReason, Event, IgnoreReason, SnapshotReason};
use crate::membership::Membership;
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::snapshot::{Assembly, Base, Snapshot, SnapshotMeta};
use crate::types::{Digest, LogIndex, Mono, NodeId, Now, Term, Ticket};

/// A node's snapshots: the one it has, and those that come and go.
#[derive(Clone, Debug)]
pub(super) struct Snapshots {
    /// The newest one; its write may be on its way to the disk.
    pub(super) latest: Option<Arc<Snapshot>>,
    /// The members at the index of the one that the executor makes.
    being_made: Option<Membership>,
    /// When the last one was made or taken in.
    since: Mono,
    /// Bytes of payload that were left in the log then.
    kept_bytes: u64,
    /// From when on the next one may be due: a look at three numbers on every step.
    due: Due,
    /// The part of the state that the executor makes for an edge.
    pub(super) projecting: Option<Projecting>,
    /// One that arrives in parts.
    incoming: Option<Incoming>,
    /// One that was taken in and is not durable yet: its write, and its index.
    installing: Option<(Ticket, LogIndex)>,
}

/// Before all of these no snapshot is due.
#[derive(Clone, Copy, Debug)]
struct Due {
    applied: LogIndex,
    bytes: u64,
    time: Mono,
}

/// A snapshot that arrives, and the term of the leader that sends it.
#[derive(Clone, Debug)]
struct Incoming {
    term: Term,
    assembly: Assembly,
}

impl Snapshots {
    pub(super) fn new(latest: Option<Arc<Snapshot>>, since: Mono, kept_bytes: u64) -> Self {
        let due = Due { applied: LogIndex::ZERO, bytes: 0, time: since };
        Self { latest, being_made: None, since, kept_bytes, due, projecting: None, incoming: None, installing: None }
    }

    /// The newest one counts from here on.
    pub(super) fn count_from(&mut self, settings: &config::Snapshots) {
        let entries = if settings.threshold == 0 { u64::MAX } else { u64::from(settings.threshold) };
        let bytes = if settings.threshold_bytes == 0 { u64::MAX } else { u64::from(settings.threshold_bytes) };
        self.due = Due {
            applied: LogIndex(self.index().0.saturating_add(entries)),
            bytes: self.kept_bytes.saturating_add(bytes),
            time: if settings.interval.0 == 0 { Mono(u64::MAX) } else { self.since + settings.interval },
        };
    }

    /// Index of the newest one; 0 without any.
    pub(super) fn index(&self) -> LogIndex {
        self.latest.as_ref().map_or(LogIndex::ZERO, |snapshot| snapshot.meta.index)
    }

    /// Whether log and state differ until a write is durable: nothing is applied meanwhile.
    pub(super) fn is_installing(&self) -> bool {
        self.installing.is_some()
    }
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// The newest snapshot of this node, durable or on its way to the disk.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.snapshots.latest.as_ref()
    }

    /// Asks for a snapshot once enough was applied since the last one (thesis §5.1.3).
    #[inline]
    pub(super) fn snapshot_ready(&mut self, now: Now, out: &mut Effects) {
        let due = &self.snapshots.due;
        if self.last_applied >= due.applied || self.log.bytes() >= due.bytes || now.mono >= due.time {
            self.snapshot_if_due(now, out);
        }
    }

    #[inline(never)]
    fn snapshot_if_due(&mut self, now: Now, out: &mut Effects) {
        let settings = &self.config.snapshots;
        let applied = self.last_applied.0.saturating_sub(self.snapshots.index().0);
        if applied == 0 {
            return;
        }
        let grown = self.log.bytes().saturating_sub(self.snapshots.kept_bytes);
        let age = now.mono - self.snapshots.since;
        let reason = if settings.threshold > 0 && applied >= u64::from(settings.threshold) {
            SnapshotReason::Entries(applied)
        } else if settings.threshold_bytes > 0 && grown >= u64::from(settings.threshold_bytes) {
            SnapshotReason::Bytes(grown)
        } else if settings.interval.0 > 0 && age >= settings.interval {
            SnapshotReason::Interval(age)
        } else {
            return;
        };
        self.ask_for_snapshot(reason, out);
    }

    /// Asks the executor for a snapshot, where none is being made and there is something new to hold.
    pub(super) fn ask_for_snapshot(&mut self, reason: SnapshotReason, out: &mut Effects) {
        let (index, previous) = (self.last_applied, self.snapshots.index());
        if self.snapshots.being_made.is_some() || self.snapshots.is_installing() || index <= previous {
            return;
        }
        self.snapshots.being_made = Some(self.members.at(index).clone());
        out.note(|| Event::SnapshotStarted { index, previous, reason });
        out.snapshot(index);
    }

    /// The snapshot is made: it is written, and in the same write the log before its retained tail goes. Without
    /// the tail every follower that is a moment late would need a snapshot (thesis §5.1.3).
    pub(super) fn on_snapshot_taken(
        &mut self,
        now: Now,
        index: LogIndex,
        digest: Digest,
        data: Bytes,
        out: &mut Effects,
    ) {
        let Some(membership) = self.snapshots.being_made.take() else { return };
        if index <= self.snapshots.index() {
            return; // A newer one was installed meanwhile.
        }
        let Some(entry) = self.log.get(index).filter(|_| index <= self.last_applied) else {
            out.check(false, "a snapshot's last entry is applied and in the log");
            return;
        };
        let (term, log_time, subscription) = (entry.term, entry.log_time, self.subscription);
        let meta = SnapshotMeta { index, term, log_time, membership, digest, subscription };
        let bytes = data.len() as u64;
        let tail = u64::from(self.config.snapshots.retained_entries);
        let base = LogIndex(index.0.saturating_sub(tail)).max(self.log.base().index);
        let Some(term) = self.log.term_at(base) else { return };
        let base = Base { index: base, term };
        let known = self.log.last_index();
        let dropped = self.log.compact(base);
        self.keep(now, Arc::new(Snapshot { meta, data }), base, known);
        out.note(|| Event::LogCompacted { snapshot: index, bytes, base: base.index, dropped });
    }

    /// A snapshot is the newest one from here on, and part of this step's write.
    fn keep(&mut self, now: Now, snapshot: Arc<Snapshot>, base: Base, known: LogIndex) -> Ticket {
        self.snapshots.since = now.mono;
        self.snapshots.kept_bytes = self.log.bytes();
        self.snapshots.latest = Some(Arc::clone(&snapshot));
        self.snapshots.count_from(&self.config.snapshots);
        self.subscription = snapshot.meta.subscription;
        self.persist.compacted(snapshot, base, known)
    }

    /// Begins to send the snapshot to a follower that needs an entry which is gone.
    #[inline(never)]
    pub(super) fn start_transfer(&mut self, position: usize, out: &mut Effects) {
        if self.edge_at(position).is_some() {
            return self.project_for(position, out);
        }
        let Some(snapshot) = self.snapshots.latest.clone() else {
            out.check(false, "what was compacted away stands in a snapshot");
            return;
        };
        self.transfer(position, snapshot, out);
    }

    /// Begins to send this snapshot.
    pub(super) fn transfer(&mut self, position: usize, snapshot: Arc<Snapshot>, out: &mut Effects) {
        let base = self.log.base().index;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.progress.get_mut(position) else { return };
        let (follower, next) = (progress.node, progress.next);
        let (index, bytes) = (snapshot.meta.index, snapshot.data.len() as u64);
        progress.mode = Mode::Snapshot(Box::new(Sending { snapshot, offset: 0, asked: false }));
        out.note(|| match &progress.edge {
            None => Event::SnapshotTransferStarted { follower, next, base, index, bytes },
            Some(edge) => Event::ProjectionSent { edge: edge.node, index, bytes },
        });
        self.send_part(position, out);
    }

    /// Sends the part that the follower lacks next, where there is one.
    fn send_part(&mut self, position: usize, out: &mut Effects) {
        let size = u64::from(self.config.snapshots.chunk_bytes);
        let Role::Leader(leader) = &self.role else { return };
        let Some(progress) = leader.progress.get(position) else { return };
        let Mode::Snapshot(sending) = &progress.mode else { return };
        let data = &sending.snapshot.data;
        let [start, end] = [sending.offset, sending.offset.saturating_add(size)]
            .map(|at| usize::try_from(at).map_or(data.len(), |at| at.min(data.len())));
        if start < end {
            let part = data.slice(start..end);
            self.send_install(progress.node, sending, part, out);
        }
    }

    /// The heartbeat of a transfer (TRAPS: a follower stuck in snapshot state after lost messages): a part without
    /// bytes asks how much has arrived, and the answer brings the next part.
    pub(super) fn ask_for_offset(&mut self, position: usize, out: &mut Effects) {
        let retries = self.on(Rule::SnapshotRetry);
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.progress.get_mut(position) else { return };
        let follower = progress.node;
        let Mode::Snapshot(sending) = &mut progress.mode else { return };
        if retries {
            sending.asked = true;
            let sending = sending.clone();
            self.send_install(follower, &sending, Bytes::new(), out);
        } else {
            let heartbeat = super::AppendEntries {
                term: self.hard.current_term,
                prev_log_index: LogIndex::ZERO,
                prev_log_term: Term(0),
                entries: crate::entry::Entries::new(),
                leader_commit: LogIndex::ZERO,
                round: 0,
            };
            out.send(follower, Message::AppendEntries(heartbeat), None);
        }
    }

    fn send_install(&self, to: NodeId, sending: &Sending, data: Bytes, out: &mut Effects) {
        let install = InstallSnapshot {
            term: self.hard.current_term,
            meta: sending.snapshot.meta.clone(),
            total: sending.snapshot.data.len() as u64,
            offset: sending.offset,
            data,
            round: self.round(),
        };
        out.send(to, Message::InstallSnapshot(Box::new(install)), None);
    }

    /// Takes a part of a snapshot (Figure 13). Once all parts are here, and not before, log and state change.
    pub(super) fn on_install_snapshot(
        &mut self,
        now: Now,
        leader: NodeId,
        install: &InstallSnapshot,
        out: &mut Effects,
    ) {
        let (index, term) = (install.meta.index, install.meta.term);
        if install.term < self.hard.current_term {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::StaleTerm });
            return self.reply_to_part(leader, (index, install.round), InstallOutcome::StaleTerm, LogIndex::ZERO, out);
        }
        let well_formed = install.meta.membership.is_well_formed();
        if index == LogIndex::ZERO || term > install.term || index >= LogIndex::MAX || !well_formed {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::Malformed });
            return;
        }
        if !self.follow(now, leader, out) {
            return;
        }
        let same = install.meta.subscription == self.subscription;
        if !same && !self.may_start_anew(&install.meta) {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::PartialStore });
            return;
        }
        let stale = index <= self.commit_index && self.on(Rule::StaleSnapshotIgnored);
        let held = self.log.term_at(index) == Some(term) && self.on(Rule::SnapshotKeepsNewerLog);
        if same && (stale || held) {
            self.drop_parts(leader, None, out);
            out.note(|| Event::SnapshotNotNeeded { leader, index, commit: self.commit_index });
            self.commit_to(index, CommitReason::LeaderSaid(leader), out);
            return self.reply_to_part(leader, (index, install.round), InstallOutcome::Installed, index, out);
        }
        let Some(offset) = self.take_part(leader, install, out) else { return };
        let complete = self.snapshots.incoming.take_if(|incoming| incoming.assembly.is_complete());
        match complete.and_then(|incoming| incoming.assembly.finish()) {
            Some(snapshot) => self.install(now, leader, install.round, snapshot, out),
            None => self.reply_to_part(
                leader,
                (index, install.round),
                InstallOutcome::Received { offset },
                LogIndex::ZERO,
                out,
            ),
        }
    }

    /// Adds a part to the snapshot that arrives. Another snapshot takes its place where a newer leader sends it,
    /// or where it is newer itself. Returns how many bytes are here.
    fn take_part(&mut self, leader: NodeId, install: &InstallSnapshot, out: &mut Effects) -> Option<u64> {
        let known = self.snapshots.incoming.as_ref();
        let same = known.is_some_and(|incoming| incoming.assembly.is_of(&install.meta, install.total));
        let older = known.is_some_and(|incoming| {
            install.term <= incoming.term && install.meta.index <= incoming.assembly.meta().index
        });
        if !same && older {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::Outdated });
            return None;
        }
        if !same {
            let assembly = Assembly::new(install.meta.clone(), install.total, self.config.snapshots.max_bytes);
            let Some(assembly) = assembly else {
                out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::TooLarge });
                return None;
            };
            self.drop_parts(leader, Some(install.meta.index), out);
            self.snapshots.incoming = Some(Incoming { term: install.term, assembly });
        }
        let incoming = self.snapshots.incoming.as_mut()?;
        incoming.term = install.term;
        incoming.assembly.add(install.offset, &install.data);
        Some(incoming.assembly.offset())
    }

    /// What had arrived of a snapshot is of no use any more.
    fn drop_parts(&mut self, leader: NodeId, by: Option<LogIndex>, out: &mut Effects) {
        if let Some(Incoming { assembly, .. }) = self.snapshots.incoming.take() {
            let (index, received) = (assembly.meta().index, assembly.offset());
            out.note(|| Event::SnapshotPartsDropped { leader, index, received, by });
        }
    }

    /// Puts a whole snapshot in the place of the log (Figure 13, steps 5 to 8). The state follows once it is
    /// durable: a restart in between must find either the old log and state or the new ones.
    fn install(&mut self, now: Now, leader: NodeId, round: u64, snapshot: Snapshot, out: &mut Effects) {
        let (base, bytes) = (snapshot.meta.base(), snapshot.data.len() as u64);
        let (committed, superseded) = (self.commit_index, self.log.last_index());
        if !self.on(Rule::SnapshotKeepsNewerLog) && self.log.last_index() > base.index {
            self.remove_from(leader, base.index.next().max(self.log.base().index.next()), out);
        }
        self.log.compact(base);
        self.members = Members::starting_with(base.index, snapshot.meta.membership.clone(), &self.log);
        let ticket = self.keep(now, Arc::new(snapshot), base, committed);
        self.snapshots.installing = Some((ticket, base.index));
        out.note(|| Event::SnapshotAccepted { leader, last: (base.index, base.term), bytes, superseded });
        self.act_on_members(out);
        self.commit_index = self.commit_index.min(self.log.last_index());
        self.commit_to(base.index, CommitReason::LeaderSaid(leader), out);
        let promised = if self.on(Rule::SnapshotDurableBeforeReply) { base.index } else { LogIndex::ZERO };
        self.reply_to_part(leader, (base.index, round), InstallOutcome::Installed, promised, out);
    }

    /// Answers once the log up to `promised` is durable; a snapshot that was said to be installed is never sent
    /// again, so a receiver that lost it would wait for ever.
    fn reply_to_part(
        &self,
        leader: NodeId,
        (index, round): (LogIndex, u64),
        outcome: InstallOutcome,
        promised: LogIndex,
        out: &mut Effects,
    ) {
        let after = if promised == LogIndex::ZERO && outcome == InstallOutcome::Installed {
            None
        } else {
            self.persist.promise(promised)
        };
        let reply = InstallSnapshotReply { term: self.hard.current_term, index, outcome, round };
        out.send(leader, Message::InstallSnapshotReply(reply), after);
    }

    /// A snapshot that was taken in is durable: the state is restored from it.
    #[inline]
    pub(super) fn restore_ready(&mut self, out: &mut Effects) {
        if let Some((ticket, index)) = self.snapshots.installing {
            self.restore_after(ticket, index, out);
        }
    }

    #[inline(never)]
    fn restore_after(&mut self, ticket: Ticket, index: LogIndex, out: &mut Effects) {
        if self.persist.is_complete(ticket) {
            self.snapshots.installing = None;
            self.apply_asked = index;
            out.note(|| Event::SnapshotRestored { index });
            out.restore(index);
        }
    }

    pub(super) fn on_install_snapshot_reply(
        &mut self,
        now: Now,
        follower: NodeId,
        reply: &InstallSnapshotReply,
        out: &mut Effects,
    ) {
        if reply.term < self.hard.current_term {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::StaleTerm });
            return;
        }
        let position = self.on_contact(now, follower, reply.round);
        match reply.outcome {
            InstallOutcome::Received { offset } => self.on_received(follower, reply.index, offset, out),
            InstallOutcome::Installed => {
                if let Some((_, progress)) = self.progress_of(follower)
                    && let Mode::Snapshot(sending) = &progress.mode
                    && sending.snapshot.meta.index == reply.index
                {
                    // Where the log has been compacted further meanwhile, the next transfer begins at once.
                    progress.mode = Mode::Probe { sent: false };
                    out.note(|| Event::SnapshotTransferEnded { follower, index: reply.index });
                }
                self.on_matched(follower, position, reply.index, out);
            }
            // A stale term comes with a higher one, which was adopted before this handler.
            InstallOutcome::StaleTerm => {}
        }
    }

    /// The next part leaves where the follower has more than before, or where it was asked: a late answer to a
    /// part that came twice must not send the next one twice.
    fn on_received(&mut self, follower: NodeId, index: LogIndex, offset: u64, out: &mut Effects) {
        let Some((position, progress)) = self.progress_of(follower) else {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::WrongRole });
            return;
        };
        let Mode::Snapshot(sending) = &mut progress.mode else {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::Outdated });
            return;
        };
        let news = offset > sending.offset;
        let fits = sending.snapshot.meta.index == index && offset <= sending.snapshot.data.len() as u64;
        if !fits || !(news || sending.asked) {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::Outdated });
            return;
        }
        sending.offset = offset;
        sending.asked = false;
        if !news {
            out.note(|| Event::SnapshotTransferResumed { follower, index, offset });
        }
        self.send_part(position, out);
    }
}
