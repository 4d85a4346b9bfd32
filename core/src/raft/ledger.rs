//! How many bytes wait?
//!
//! A leader counts the bytes of entries that wait: at each follower for an
//! answer, in its own log for the commit. It counts by *run*, the entries of one
//! message or of one batch of proposals, so that an entry costs one addition on
//! the way in and nothing on the way out. A run that is answered in part counts
//! in full until its last entry is: the sum errs on the careful side.

use std::collections::VecDeque;

use crate::types::LogIndex;

/// Runs of entries that wait, oldest first. There are at most as many as entries may wait, which has a bound of its
/// own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// The last entry of each run, and the bytes of all its entries.
    runs: VecDeque<(LogIndex, u64)>,
    bytes: u64,
}

impl Ledger {
    /// Bytes of all entries that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A run that ends with `last` waits from here on. What has no bytes needs no place.
    pub(super) fn add(&mut self, last: LogIndex, bytes: u64) {
        if bytes > 0 {
            self.runs.push_back((last, bytes));
            self.bytes += bytes;
        }
    }

    /// Nothing up to `through` waits any more.
    pub(super) fn release(&mut self, through: LogIndex) {
        while let Some((last, bytes)) = self.runs.front().copied()
            && last <= through
        {
            self.runs.pop_front();
            self.bytes -= bytes;
        }
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_until_its_last_entry_is_released() {
        let mut ledger = Ledger::default();
        ledger.add(LogIndex(3), 30);
        ledger.add(LogIndex(4), 0);
        ledger.add(LogIndex(7), 40);
        let mut left = [2, 3, 6, 7].map(LogIndex).into_iter().map(|through| {
            ledger.release(through);
            ledger.bytes()
        });
        assert_eq!([left.next(), left.next(), left.next(), left.next()], [Some(70), Some(40), Some(40), Some(0)]);
    }

    #[test]
    fn a_cleared_ledger_counts_from_nothing() {
        let mut ledger = Ledger::default();
        ledger.add(LogIndex(3), 30);
        ledger.clear();
        ledger.add(LogIndex(2), 5);
        assert_eq!(ledger.bytes(), 5);
        ledger.release(LogIndex(2));
        assert_eq!(ledger, Ledger::default());
    }
}
