//! How far is a follower, as its leader knows it?
//!
//! A leader that does not know where a follower's log agrees with its own
//! *probes*: one append at a time. Once they agree it *replicates*: appends
//! leave one after the other without waiting, up to a window.

use crate::types::{LogIndex, NodeId};

/// A leader's knowledge of one follower (Figure 2, `nextIndex` and `matchIndex`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) node: NodeId,
    /// Next index to send.
    pub(super) next: LogIndex,
    /// Highest index known to be durable there.
    pub(super) matched: LogIndex,
    pub(super) mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Looks for the point of agreement; one append on its way at most.
    Probe { sent: bool },
    /// Sends ahead.
    Replicate,
}

impl Progress {
    pub(super) fn new(node: NodeId, next: LogIndex) -> Self {
        Self { node, next, matched: LogIndex::ZERO, mode: Mode::Probe { sent: false } }
    }

    /// How many entries may leave now.
    pub(super) fn room(&self, window: u32) -> u32 {
        match self.mode {
            Mode::Probe { sent: true } => 0,
            Mode::Probe { sent: false } => window,
            Mode::Replicate => {
                let in_flight = self.next.0.saturating_sub(self.matched.0 + 1);
                u32::try_from(u64::from(window).saturating_sub(in_flight)).unwrap_or(u32::MAX)
            }
        }
    }

    /// An append with this many entries left.
    pub(super) fn sent(&mut self, entries: u64) {
        match &mut self.mode {
            Mode::Probe { sent } => *sent = true,
            Mode::Replicate => self.next = LogIndex(self.next.0 + entries),
        }
    }

    /// The follower's log equals ours up to `index`. Returns whether that is news.
    pub(super) fn match_to(&mut self, index: LogIndex) -> bool {
        let news = index > self.matched;
        self.matched = self.matched.max(index);
        self.next = self.next.max(index.next());
        self.mode = Mode::Replicate;
        news
    }

    /// The follower refused the append after `refused`; try again at `next`. Returns false for a late
    /// refusal, which a newer answer has made untrue.
    pub(super) fn back_up(&mut self, refused: LogIndex, next: LogIndex) -> bool {
        let late = match self.mode {
            Mode::Probe { .. } => refused != self.next.previous(),
            Mode::Replicate => refused <= self.matched || refused >= self.next,
        };
        if late {
            return false;
        }
        self.next = next.min(refused).max(self.matched.next());
        self.mode = Mode::Probe { sent: false };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicating(matched: u64, next: u64) -> Progress {
        Progress { node: NodeId(2), next: LogIndex(next), matched: LogIndex(matched), mode: Mode::Replicate }
    }

    #[test]
    fn probing_sends_one_append_at_a_time() {
        let mut progress = Progress::new(NodeId(2), LogIndex(5));
        assert_eq!(progress.room(10), 10);
        progress.sent(3);
        assert_eq!((progress.room(10), progress.next), (0, LogIndex(5)));
    }

    #[test]
    fn the_window_counts_what_is_on_its_way() {
        assert_eq!(replicating(4, 8).room(10), 7);
        assert_eq!(replicating(4, 15).room(10), 0);
    }

    #[test]
    fn a_late_refusal_does_not_move_next_back() {
        let mut progress = replicating(7, 9);
        assert!(!progress.back_up(LogIndex(6), LogIndex(3)));
        assert_eq!(progress, replicating(7, 9));
    }

    #[test]
    fn next_never_falls_to_what_is_known_to_match() {
        let mut progress = replicating(4, 9);
        assert!(progress.back_up(LogIndex(8), LogIndex(1)));
        assert_eq!(progress.next, LogIndex(5));
    }

    /// TRAPS: a follower stuck in probe state after lost messages.
    #[test]
    fn a_lost_window_is_recovered_by_the_refusal_of_the_next_heartbeat() {
        let mut progress = replicating(4, 15);
        assert!(progress.back_up(LogIndex(14), LogIndex(5)));
        assert_eq!((progress.next, progress.room(10)), (LogIndex(5), 10));
    }
}
