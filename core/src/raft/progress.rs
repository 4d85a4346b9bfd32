//! How far is a follower, as its leader knows it?
//!
//! A leader that does not know where a follower's log agrees with its own
//! *probes*: one append at a time. Once they agree it *replicates*: appends
//! leave one after the other without waiting, up to a window in entries and in
//! bytes. Where it needs what is no longer in the log, it is sent a *snapshot*,
//! one part at a time.

use std::sync::Arc;

use super::ledger::Ledger;
use super::observers::Feed;
use crate::edge::Edge;
use crate::snapshot::Snapshot;
use crate::types::{LogIndex, NodeId};

/// A leader's knowledge of one follower (Figure 2, `nextIndex` and `matchIndex`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) node: NodeId,
    /// Next index to send.
    pub(super) next: LogIndex,
    /// Highest index known to be durable there.
    pub(super) matched: LogIndex,
    pub(super) mode: Mode,
    /// What of the log it gets.
    pub(super) feed: Feed,
    /// What it subscribes to, where it is an edge.
    pub(super) edge: Option<Arc<Edge>>,
    /// The voter near it that sends it what is committed, where it is fed that way.
    pub(super) feeder: Option<NodeId>,
    /// Bytes that left and were not answered; means something while it replicates.
    in_flight: Ledger,
    /// Whether it was told that the window is full; until the follower lacks nothing, it is not told again.
    told_full: bool,
}

/// Where a follower stands in a list that is sorted by node. A few are looked through, which is quicker; many are
/// searched.
pub(super) fn position_of(sorted: &[Progress], node: NodeId) -> Option<usize> {
    if sorted.len() <= FEW {
        return sorted.iter().position(|progress| progress.node == node);
    }
    sorted.binary_search_by_key(&node, |progress| progress.node).ok()
}

/// Up to here a list is looked through.
const FEW: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Looks for the point of agreement; one append on its way at most.
    Probe { sent: bool },
    /// Sends ahead.
    Replicate,
    /// Sends a snapshot; entries wait.
    Snapshot(Box<Sending>),
}

/// A snapshot on its way to a follower. It stays the same one to the end: begun anew with each newer snapshot, a
/// slow transfer would never end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sending {
    pub(super) snapshot: Arc<Snapshot>,
    /// How many bytes the follower has said to have.
    pub(super) offset: u64,
    /// Whether the follower was asked since the last part left: any answer brings the next one.
    pub(super) asked: bool,
}

impl Progress {
    pub(super) fn new(node: NodeId, next: LogIndex) -> Self {
        let (mode, in_flight) = (Mode::Probe { sent: false }, Ledger::default());
        Self {
            node,
            next,
            matched: LogIndex::ZERO,
            mode,
            feed: Feed::Log,
            edge: None,
            feeder: None,
            in_flight,
            told_full: false,
        }
    }

    /// The same, fed with this.
    pub(super) fn with(self, feed: Feed) -> Self {
        Self { feed, ..self }
    }

    /// The same, fed by the leader until a feeder is chosen anew: the one before may have left.
    pub(super) fn without_feeder(self) -> Self {
        Self { feeder: None, ..self }
    }

    /// How many entries may leave now.
    pub(super) fn room(&self, window: u32) -> u32 {
        match self.mode {
            Mode::Probe { sent: true } | Mode::Snapshot(_) => 0,
            Mode::Probe { sent: false } => window,
            Mode::Replicate => {
                let in_flight = self.next.0.saturating_sub(self.matched.0 + 1);
                u32::try_from(u64::from(window).saturating_sub(in_flight)).unwrap_or(u32::MAX)
            }
        }
    }

    /// How many bytes may leave now in one append: with its first entry, and with all of them. Where nothing is on
    /// its way an entry goes however large it is, or it would never go.
    pub(super) fn room_bytes(&self, window: u32, append: u32) -> (u64, u64) {
        let in_flight = match self.mode {
            Mode::Probe { .. } | Mode::Snapshot(_) => 0,
            Mode::Replicate => self.in_flight.bytes(),
        };
        let left = u64::from(window).saturating_sub(in_flight);
        (if in_flight == 0 { u64::MAX } else { left }, left.min(u64::from(append)))
    }

    /// An append with this many entries and bytes left.
    pub(super) fn sent(&mut self, entries: u64, bytes: u64) {
        match &mut self.mode {
            Mode::Probe { sent } => *sent = true,
            Mode::Replicate => {
                self.next = LogIndex(self.next.0 + entries);
                self.in_flight.add(self.next.previous(), bytes);
            }
            Mode::Snapshot(_) => {}
        }
    }

    /// Whether all entries up to `last` left and nobody was told otherwise: the usual case, seen at a glance.
    #[inline]
    pub(super) fn is_settled(&self, last: LogIndex) -> bool {
        self.next > last && !self.told_full && matches!(self.mode, Mode::Replicate)
    }

    /// Whether it is news that the window holds entries back; `lacks` says whether the follower lacks any.
    pub(super) fn is_newly_full(&mut self, lacks: bool) -> bool {
        let full = lacks && matches!(self.mode, Mode::Replicate);
        let news = full && !self.told_full;
        self.told_full = lacks && (self.told_full || full);
        news
    }

    /// The follower's log equals ours up to `index`; `base` is where ours starts. Returns whether that is news. A
    /// snapshot that the follower still needs goes on.
    pub(super) fn match_to(&mut self, index: LogIndex, base: LogIndex) -> bool {
        let news = index > self.matched;
        self.matched = self.matched.max(index);
        self.next = self.next.max(index.next());
        match &self.mode {
            Mode::Replicate => self.in_flight.release(index),
            Mode::Snapshot(_) if self.next <= base => {}
            // A late match may stand before what was probed: what follows it was not answered, so it goes again.
            Mode::Probe { .. } | Mode::Snapshot(_) => {
                self.next = self.matched.next();
                self.in_flight.clear();
                self.mode = Mode::Replicate;
            }
        }
        news
    }

    /// The follower refused the append after `refused`; try again at `next`. Returns false for a late
    /// refusal, which a newer answer has made untrue.
    pub(super) fn back_up(&mut self, refused: LogIndex, next: LogIndex) -> bool {
        let late = match self.mode {
            Mode::Probe { .. } => refused != self.next.previous(),
            Mode::Replicate => refused <= self.matched || refused >= self.next,
            Mode::Snapshot(_) => true,
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
        let probing = Progress::new(NodeId(2), LogIndex(next));
        Progress { matched: LogIndex(matched), mode: Mode::Replicate, ..probing }
    }

    #[test]
    fn probing_sends_one_append_at_a_time() {
        let mut progress = Progress::new(NodeId(2), LogIndex(5));
        assert_eq!(progress.room(10), 10);
        progress.sent(3, 30);
        assert_eq!((progress.room(10), progress.next), (0, LogIndex(5)));
    }

    #[test]
    fn a_follower_is_found_among_few_and_among_many_and_a_stranger_is_not() {
        for count in [0, 1, 3, 8, 9, 100] {
            let list: Vec<_> = (1..=count).map(|node| Progress::new(NodeId(2 * node), LogIndex(1))).collect();
            for (position, progress) in list.iter().enumerate() {
                assert_eq!(position_of(&list, progress.node), Some(position));
            }
            assert_eq!((position_of(&list, NodeId(1)), position_of(&list, NodeId(2 * count + 1))), (None, None));
        }
    }

    #[test]
    fn the_window_counts_what_is_on_its_way() {
        assert_eq!(replicating(4, 8).room(10), 7);
        assert_eq!(replicating(4, 15).room(10), 0);
    }

    #[test]
    fn the_window_counts_the_bytes_that_are_on_their_way() {
        let mut progress = replicating(4, 5);
        assert_eq!(progress.room_bytes(100, 60), (u64::MAX, 60), "a first entry goes however large it is");
        progress.sent(2, 70);
        assert_eq!(progress.room_bytes(100, 60), (30, 30));
        progress.sent(1, 30);
        assert_eq!(progress.room_bytes(100, 60), (0, 0));
        progress.match_to(LogIndex(6), LogIndex(0));
        assert_eq!(progress.room_bytes(100, 60), (70, 60));
    }

    /// What was on its way before a refusal is not waited for.
    #[test]
    fn after_a_probe_the_window_is_empty() {
        let mut progress = replicating(4, 5);
        progress.sent(3, 100);
        assert!(progress.back_up(LogIndex(7), LogIndex(5)));
        assert_eq!(progress.room_bytes(100, 60), (u64::MAX, 60));
        progress.sent(1, 10);
        progress.match_to(LogIndex(5), LogIndex(0));
        assert_eq!(progress.room_bytes(100, 60), (u64::MAX, 60));
    }

    /// Without it the follower would be taken to hold what was never sent, until a heartbeat is refused.
    #[test]
    fn a_late_match_before_the_probe_sends_from_there() {
        let mut progress = replicating(2, 9);
        assert!(progress.back_up(LogIndex(8), LogIndex(7)));
        progress.match_to(LogIndex(4), LogIndex(0));
        assert_eq!((progress.next, progress.room(10)), (LogIndex(5), 10));
    }

    #[test]
    fn a_full_window_is_told_once_until_the_follower_lacks_nothing() {
        let mut progress = replicating(4, 15);
        assert!(progress.is_newly_full(true) && !progress.is_newly_full(true));
        assert!(!progress.is_newly_full(false));
        assert!(progress.is_newly_full(true));
        assert!(!Progress::new(NodeId(2), LogIndex(5)).is_newly_full(true), "who probes waits for an answer");
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

    #[test]
    fn a_late_match_below_the_base_does_not_end_a_transfer_and_one_at_the_base_does() {
        let meta = crate::snapshot::SnapshotMeta {
            index: LogIndex(9),
            term: crate::types::Term(1),
            log_time: crate::types::Wall(0),
            membership: crate::membership::Membership::default(),
            digest: crate::types::Digest(0),
            subscription: None,
        };
        let snapshot = Arc::new(Snapshot { meta, data: bytes::Bytes::new() });
        let sending = Sending { snapshot, offset: 0, asked: false };
        let mut progress = Progress { mode: Mode::Snapshot(Box::new(sending)), ..replicating(0, 3) };
        assert_eq!((progress.room(10), progress.back_up(LogIndex(2), LogIndex(1))), (0, false));
        progress.match_to(LogIndex(4), LogIndex(9));
        assert!(matches!(progress.mode, Mode::Snapshot(_)));
        progress.match_to(LogIndex(9), LogIndex(9));
        assert_eq!((progress.mode, progress.next), (Mode::Replicate, LogIndex(10)));
    }

    /// TRAPS: a follower stuck in probe state after lost messages.
    #[test]
    fn a_lost_window_is_recovered_by_the_refusal_of_the_next_heartbeat() {
        let mut progress = replicating(4, 15);
        assert!(progress.back_up(LogIndex(14), LogIndex(5)));
        assert_eq!((progress.next, progress.room(10)), (LogIndex(5), 10));
    }
}
