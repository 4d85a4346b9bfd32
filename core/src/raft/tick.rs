//! How does log time pass, and how fast?
//!
//! Each entry's log time is the leader's wall clock, but never before the entry
//! before it and at most [`MAX_LOG_TIME_JUMP`] after it: one leader with a wrong
//! clock cannot make everything expire at once. What expires does so by entries
//! alone, on all replicas at the same one. Where nobody proposes anything, the
//! leader appends a *tick* once something is due, and when its clock is a whole
//! jump ahead, so that the next command's log time is the leader's wall clock
//! and no time to live begins in the past. One tick at a time: a leader that
//! cannot commit adds one to its log and no more.
//!
//! A tick is looked for at each heartbeat; an expiry is late by so much.

use super::{Effects, Raft};
use crate::entry::{Class, EntryKind, Proposal, Tags};
use crate::quorum::QuorumSystem;
use crate::rules::Rules;
use crate::types::{ClientId, Now, RequestNumber, Span, Wall};

/// How far log time may move from one entry to the next: ten minutes.
pub const MAX_LOG_TIME_JUMP: Span = Span::from_secs(600);

/// The log time of an entry that a leader appends after one of `previous`.
pub(super) fn stamp(previous: Option<Wall>, wall: Wall) -> Wall {
    previous.map_or(wall, |previous| previous.max(wall).min(previous + MAX_LOG_TIME_JUMP))
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Log time of the last entry, which a snapshot may have taken the place of.
    pub(super) fn last_log_time(&self) -> Option<Wall> {
        let snapshot = || self.snapshots.latest.as_ref().map(|snapshot| snapshot.meta.log_time);
        self.log.last().map(|last| last.log_time).or_else(snapshot)
    }

    /// Appends a tick where something has expired by the leader's clock and no entry says so yet.
    pub(super) fn tick_if_due(&mut self, now: Now, out: &mut Effects) {
        let Some(last_time) = self.last_log_time() else { return };
        if self.log.last().is_some_and(|last| last.kind == EntryKind::Tick && last.index > self.commit_index) {
            return;
        }
        let due = self.expiry.is_some_and(|at| last_time < at && at <= now.wall);
        let behind = now.wall - last_time >= MAX_LOG_TIME_JUMP;
        if due || behind {
            let (client, number, class) = (ClientId(0), RequestNumber(0), Class::Critical);
            let tick = Proposal { client, number, class, tags: Tags::new(), payload: bytes::Bytes::new() };
            self.append_as_leader(now, EntryKind::Tick, [tick], out);
            self.replicate_to_all(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_time_never_falls_and_rises_by_one_jump_at_the_most() {
        let jump = MAX_LOG_TIME_JUMP.0;
        assert_eq!(stamp(None, Wall(9_999 * jump)), Wall(9_999 * jump), "the first entry has nothing before it");
        assert_eq!(stamp(Some(Wall(5)), Wall(3)), Wall(5));
        assert_eq!(stamp(Some(Wall(5)), Wall(7)), Wall(7));
        assert_eq!(stamp(Some(Wall(5)), Wall(6 + jump)), Wall(5 + jump));
    }
}
