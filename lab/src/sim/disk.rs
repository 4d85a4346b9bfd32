//! When is a write durable, and what is left after a crash?
//!
//! A sync covers all writes that were queued when it began (group commit);
//! writes become durable in the order of their tickets. A crash keeps a prefix
//! of what was not synced, of a length that chance decides.

use std::collections::VecDeque;
use std::sync::Arc;

use quorumscope_core::rng::Rng;
use quorumscope_core::storage::{DiskImage, Gap, Hard, Write};
use quorumscope_core::types::{LogIndex, RecordId, Span, Ticket};

/// A write that is not durable yet, and the record that began it.
#[derive(Clone, Debug)]
pub(crate) struct Pending<H> {
    /// The write.
    pub(crate) write: Write<H>,
    /// Its record.
    pub(crate) began: RecordId,
}

/// One node's disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk<H> {
    /// What is durable; shared by forked worlds until it changes.
    pub(crate) image: Arc<DiskImage<H>>,
    /// Writes to come, in the order of their tickets.
    pub(crate) pending: VecDeque<Pending<H>>,
    /// How many of them the sync under way covers; 0 while the disk is idle.
    syncing: usize,
    /// How long a sync takes.
    pub(crate) latency: (Span, Span),
    /// The last durable ticket of this incarnation.
    pub(crate) durable: Option<Ticket>,
    /// Whether a hard state was ever written durably.
    pub(crate) has_hard: bool,
}

/// What a completed sync made durable.
pub(crate) struct Completed {
    /// The last of its tickets.
    pub(crate) ticket: Ticket,
    /// The record that began that write.
    pub(crate) began: RecordId,
    /// The lowest index after the log's base that it changed, where it changed the log.
    pub(crate) from: Option<LogIndex>,
}

impl<H: Hard> Disk<H> {
    /// A disk that holds `image`.
    pub(crate) fn new(image: DiskImage<H>, latency: (Span, Span)) -> Self {
        let image = Arc::new(image);
        Self { image, pending: VecDeque::new(), syncing: 0, latency, durable: None, has_hard: false }
    }

    /// Queues a write.
    pub(crate) fn write(&mut self, write: Write<H>, began: RecordId) {
        self.pending.push_back(Pending { write, began });
    }

    /// Begins a sync where the disk is idle and writes wait; returns how long it takes.
    pub(crate) fn begin_sync(&mut self, rng: &mut Rng) -> Option<Span> {
        if self.syncing > 0 || self.pending.is_empty() {
            return None;
        }
        self.syncing = self.pending.len();
        Some(rng.span(self.latency))
    }

    /// Makes durable what the sync under way covers. `None` where there is no sync.
    pub(crate) fn complete(&mut self) -> Option<Result<Completed, Gap>> {
        let count = std::mem::take(&mut self.syncing);
        self.make_durable(count)
    }

    fn make_durable(&mut self, count: usize) -> Option<Result<Completed, Gap>> {
        let mut last: Option<Completed> = None;
        let image = Arc::make_mut(&mut self.image);
        for Pending { write, began } in self.pending.drain(..count) {
            if let Err(gap) = image.apply(&write) {
                return Some(Err(gap));
            }
            self.has_hard |= write.hard.is_some();
            self.durable = Some(write.ticket);
            let compacted = write.compact.map(|compact| compact.index.next());
            let from = lowest_changed(&write).into_iter().chain(compacted).min();
            let earlier = last.as_ref().and_then(|completed| completed.from);
            let from = match (from, earlier) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            last = Some(Completed { ticket: write.ticket, began, from });
        }
        last.map(Ok)
    }

    /// The power is gone: a prefix of the pending writes reaches the disk, the rest is lost. Returns the last
    /// ticket that survived, where writes were pending, and how many were lost.
    pub(crate) fn crash(&mut self, rng: &mut Rng) -> Result<(Option<Ticket>, u64), Gap> {
        self.syncing = 0;
        if self.pending.is_empty() {
            return Ok((None, 0));
        }
        let pending = self.pending.len() as u64;
        let lucky = rng.below(pending + 1);
        let outcome = self.make_durable(usize::try_from(lucky).unwrap_or(0));
        self.pending.clear();
        match outcome {
            Some(Err(gap)) => Err(gap),
            Some(Ok(_)) | None => Ok((self.durable, pending - lucky)),
        }
    }
}

/// The lowest index that a write changes.
pub(crate) fn lowest_changed<H>(write: &Write<H>) -> Option<LogIndex> {
    match (write.truncate, write.append.first().map(|entry| entry.index)) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::entry::Entries;
    use quorumscope_core::membership::Membership;
    use quorumscope_core::types::{Incarnation, NodeId};

    /// The number of the last write.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct Last(u64);

    impl Hard for Last {}

    fn write(sequence: u64) -> Write<Last> {
        let ticket = Ticket { incarnation: Incarnation(1), sequence };
        let append = Entries::new();
        Write { ticket, hard: Some(Last(sequence)), truncate: None, append, snapshot: None, compact: None }
    }

    fn disk() -> Disk<Last> {
        Disk::new(DiskImage::formatted(1, NodeId(1), Membership::of(vec![NodeId(1)])), (Span(5), Span(5)))
    }

    #[test]
    fn one_sync_covers_the_writes_that_were_queued_when_it_began_and_no_later_one() {
        let (mut disk, mut rng) = (disk(), Rng::new(1, 1));
        disk.write(write(1), RecordId::default());
        disk.write(write(2), RecordId::default());
        assert_eq!(disk.begin_sync(&mut rng), Some(Span(5)));
        disk.write(write(3), RecordId::default());
        assert_eq!(disk.begin_sync(&mut rng), None);
        assert!(matches!(disk.complete(), Some(Ok(Completed { ticket: Ticket { sequence: 2, .. }, .. }))));
        assert_eq!(disk.image.hard, Last(2));
        assert_eq!(disk.pending.len(), 1);
    }

    #[test]
    fn a_crash_keeps_a_prefix_of_what_was_not_synced() {
        let mut kept = [false; 4];
        for seed in 0..64 {
            let mut disk = disk();
            (1..4).for_each(|sequence| disk.write(write(sequence), RecordId::default()));
            let (survived, lost) = disk.crash(&mut Rng::new(seed, 1)).expect("no gap");
            assert_eq!(survived.map_or(0, |ticket| ticket.sequence), disk.image.hard.0);
            assert_eq!(disk.image.hard.0 + lost, 3);
            kept[usize::try_from(disk.image.hard.0).expect("at most 3")] = true;
        }
        assert_eq!(kept, [true; 4]);
    }
}
