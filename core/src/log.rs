//! How does a node hold its log in memory?
//!
//! Entries are shared by reference; append is O(1), truncation and compaction
//! O(removed). The log goes on after its *base*, the last entry that a snapshot
//! took the place of (Raft paper §7): its term is known, what stands before it
//! is not. Without a snapshot the base is index 0, with term 0.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::entry::{Entries, Entry};
use crate::snapshot::Base;
use crate::types::{LogIndex, Term};

/// A log after its base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    base: Base,
    entries: VecDeque<Arc<Entry>>,
    /// Bytes of payload in all entries.
    bytes: u64,
}

impl Log {
    /// A log that holds these entries, which start at index 1.
    #[must_use]
    pub fn new(entries: &[Arc<Entry>]) -> Self {
        Self::after(Base::NONE, entries)
    }

    /// A log that holds these entries, which follow `base`.
    #[must_use]
    pub fn after(base: Base, entries: &[Arc<Entry>]) -> Self {
        let bytes = entries.iter().map(|entry| entry.payload.len() as u64).sum();
        Self { base, entries: entries.iter().cloned().collect(), bytes }
    }

    fn position(&self, index: LogIndex) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.base.index.0)?).ok()?.checked_sub(1)
    }

    /// The last entry that was compacted away.
    #[must_use]
    pub fn base(&self) -> Base {
        self.base
    }

    /// Bytes of payload in all entries.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The entry at `index`; `None` at the base and before it, and beyond the end.
    #[must_use]
    pub fn get(&self, index: LogIndex) -> Option<&Arc<Entry>> {
        self.entries.get(self.position(index)?)
    }

    /// The term at `index`: known at the base, `None` before it and beyond the end.
    #[must_use]
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == self.base.index { Some(self.base.term) } else { self.get(index).map(|entry| entry.term) }
    }

    /// Index of the last entry, or of the base.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        LogIndex(self.base.index.0 + self.entries.len() as u64)
    }

    /// Term of the last entry, or of the base.
    #[must_use]
    pub fn last_term(&self) -> Term {
        self.entries.back().map_or(self.base.term, |entry| entry.term)
    }

    /// The last entry.
    #[must_use]
    pub fn last(&self) -> Option<&Arc<Entry>> {
        self.entries.back()
    }

    /// Adds an entry at the end. Returns false, and does nothing, where its index does not continue the log.
    pub fn append(&mut self, entry: Arc<Entry>) -> bool {
        let continues = entry.index == self.last_index().next();
        if continues {
            self.bytes += entry.payload.len() as u64;
            self.entries.push_back(entry);
        }
        continues
    }

    /// Removes all entries from `from` on.
    pub fn truncate(&mut self, from: LogIndex) {
        let removed = self.entries.drain(self.position(from).unwrap_or(0).min(self.entries.len())..);
        self.bytes -= removed.map(|entry| entry.payload.len() as u64).sum::<u64>();
    }

    /// Removes all entries up to `through`, which is then the base. What follows stays where the log holds that
    /// entry; otherwise all of the log is superseded (§7). Returns how many entries were removed.
    pub fn compact(&mut self, through: Base) -> u64 {
        let holds = self.term_at(through.index) == Some(through.term);
        let count = if holds { self.position(through.index.next()).unwrap_or(0) } else { self.entries.len() };
        let removed = self.entries.drain(..count.min(self.entries.len()));
        self.bytes -= removed.map(|entry| entry.payload.len() as u64).sum::<u64>();
        self.base = through;
        count as u64
    }

    /// At most `limit` entries from `from` on, and the bytes of payload in them; none where `from` was compacted
    /// away. The first one goes with up to `first_bytes`, all of them together with up to `bytes`.
    #[must_use]
    pub fn slice(&self, from: LogIndex, limit: u32, first_bytes: u64, bytes: u64) -> (Entries, u64) {
        let none = (Entries::new(), 0);
        let Some(start) = self.position(from).filter(|start| *start < self.entries.len()) else { return none };
        if start + 1 == self.entries.len() && limit > 0 {
            // What one proposal at a time sends.
            let Some(entry) = self.entries.back() else { return none };
            let bytes = entry.payload.len() as u64;
            return if bytes > first_bytes { none } else { (Entries::from_buf([Arc::clone(entry)]), bytes) };
        }
        let end = start.saturating_add(limit as usize).min(self.entries.len());
        let (mut count, mut sum) = (0, 0);
        for entry in self.entries.range(start..end) {
            let with = sum + entry.payload.len() as u64;
            if with > if count == 0 { first_bytes } else { bytes } {
                break;
            }
            (count, sum) = (count + 1, with);
        }
        (self.entries.range(start..start + count).cloned().collect(), sum)
    }

    /// Bytes of payload after `index`.
    #[must_use]
    pub fn bytes_after(&self, index: LogIndex) -> u64 {
        let start = self.position(index.next()).unwrap_or(0).min(self.entries.len());
        self.entries.range(start..).map(|entry| entry.payload.len() as u64).sum()
    }

    /// First index of the run of entries of one term that `index` belongs to, as far as the log reaches back.
    /// Terms never fall along a log (§5.3).
    #[must_use]
    pub fn first_of_term_at(&self, index: LogIndex) -> LogIndex {
        let Some(term) = self.get(index).map(|entry| entry.term) else { return index };
        LogIndex(self.base.index.0 + self.entries.partition_point(|entry| entry.term < term) as u64 + 1)
    }

    /// Last index whose entry has this term, where there is one at or before `limit`.
    #[must_use]
    pub fn last_of_term(&self, term: Term, limit: LogIndex) -> Option<LogIndex> {
        let after = self.base.index.0 + self.entries.partition_point(|entry| entry.term <= term) as u64;
        let last = LogIndex(after).min(limit);
        (last > LogIndex::ZERO && self.term_at(last)? == term).then_some(last)
    }

    /// The entries from `from` to `through`, both included, as far as the log holds them.
    pub fn between(&self, from: LogIndex, through: LogIndex) -> impl Iterator<Item = &Arc<Entry>> {
        let start = self.position(from).unwrap_or(0).min(self.entries.len());
        let end = self.position(through).map_or(0, |last| last + 1).min(self.entries.len());
        self.entries.range(start..end.max(start))
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::testing::log_of_terms;

    fn base(index: u64, term: u64) -> Base {
        Base { index: LogIndex(index), term: Term(term) }
    }

    #[test]
    fn before_all_entries_stands_term_zero_and_beyond_the_end_nothing() {
        let log = log_of_terms(&[1, 1, 3]);
        assert_eq!(log.term_at(LogIndex(0)), Some(Term(0)));
        assert_eq!(log.term_at(LogIndex(3)), Some(Term(3)));
        assert_eq!(log.term_at(LogIndex(4)), None);
    }

    #[test]
    fn an_entry_that_leaves_a_gap_is_not_appended() {
        let mut log = log_of_terms(&[1]);
        assert!(!log.append(Arc::new(crate::raft::testing::entry(3, 1))));
        assert_eq!(log.last_index(), LogIndex(1));
    }

    #[test]
    fn the_run_of_a_term_is_found_from_both_ends() {
        let log = log_of_terms(&[1, 2, 2, 2, 5]);
        assert_eq!(log.first_of_term_at(LogIndex(4)), LogIndex(2));
        assert_eq!(log.last_of_term(Term(2), LogIndex(5)), Some(LogIndex(4)));
        assert_eq!(log.last_of_term(Term(2), LogIndex(3)), Some(LogIndex(3)));
        assert_eq!(log.last_of_term(Term(3), LogIndex(5)), None);
        assert_eq!(log.last_of_term(Term(5), LogIndex(4)), None);
    }

    #[test]
    fn truncation_removes_from_the_index_on() {
        let mut log = log_of_terms(&[1, 1, 2]);
        log.truncate(LogIndex(2));
        assert_eq!(log.last_index(), LogIndex(1));
        log.truncate(LogIndex(0));
        assert_eq!(log.last_index(), LogIndex(0));
    }

    #[test]
    fn after_a_compaction_the_base_is_known_and_nothing_before_it() {
        let mut log = log_of_terms(&[1, 2, 2, 3]);
        assert_eq!(log.compact(base(2, 2)), 2);
        let terms = [1, 2, 3, 4, 5].map(|index| log.term_at(LogIndex(index)));
        assert_eq!(terms, [None, Some(Term(2)), Some(Term(2)), Some(Term(3)), None]);
        assert_eq!((log.get(LogIndex(2)), log.last_index(), log.last_term()), (None, LogIndex(4), Term(3)));
        let sliced = [2, 3, 5].map(|from| log.slice(LogIndex(from), 9, 0, 0).0.len());
        assert_eq!(sliced, [0, 2, 0]);
        assert_eq!(log.first_of_term_at(LogIndex(3)), LogIndex(3), "as far as the log reaches back");
        assert_eq!(log.last_of_term(Term(2), LogIndex(4)), Some(LogIndex(3)));
        assert_eq!(log.last_of_term(Term(2), LogIndex(2)), Some(LogIndex(2)), "the base counts");
        assert_eq!(log.last_of_term(Term(1), LogIndex(4)), None);
        assert_eq!(log.compact(base(4, 3)), 2);
        assert_eq!((log.last_index(), log.last_term(), log.last()), (LogIndex(4), Term(3), None));
    }

    #[test]
    fn a_slice_ends_where_the_next_entry_would_exceed_its_bytes() {
        let sized = |(bytes, index): (&usize, u64)| {
            let payload = vec![0; *bytes].into();
            Arc::new(Entry { payload, ..crate::raft::testing::entry(index, 1) })
        };
        let log = Log::new(&[40, 0, 30, 0, 50].iter().zip(1..).map(sized).collect::<Vec<_>>());
        let slice = |from, limit, first, bytes| {
            let (entries, sum) = log.slice(LogIndex(from), limit, first, bytes);
            (entries.len(), sum)
        };
        assert_eq!(slice(1, 9, u64::MAX, 70), (4, 70));
        assert_eq!(slice(1, 9, u64::MAX, 10), (1, 40), "the first one goes by itself");
        assert_eq!(slice(1, 9, 39, 70), (0, 0), "where it may");
        assert_eq!(slice(2, 2, 0, 70), (2, 30));
        assert_eq!([0, 1, 4, 5, 9].map(|index| log.bytes_after(LogIndex(index))), [120, 80, 50, 0, 0]);
    }

    #[test]
    fn a_compaction_through_an_unknown_entry_supersedes_the_log() {
        for through in [base(3, 9), base(8, 2)] {
            let mut log = log_of_terms(&[1, 1, 2, 2]);
            assert_eq!(log.compact(through), 4);
            assert_eq!((log.base(), log.last_index()), (through, through.index));
            assert!(log.append(Arc::new(crate::raft::testing::entry(through.index.0 + 1, 9))));
        }
    }
}
