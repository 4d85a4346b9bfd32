//! How does a node hold its log in memory?
//!
//! Entries are shared by reference; append is O(1), truncation O(removed).
//! Index 0 stands before all entries, with term 0.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::entry::{Entries, Entry};
use crate::types::{LogIndex, Term};

/// A log from index 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    entries: VecDeque<Arc<Entry>>,
}

impl Log {
    /// A log that holds these entries, which start at index 1.
    #[must_use]
    pub fn new(entries: &[Arc<Entry>]) -> Self {
        Self { entries: entries.iter().cloned().collect() }
    }

    fn position(index: LogIndex) -> Option<usize> {
        usize::try_from(index.0).ok()?.checked_sub(1)
    }

    /// The entry at `index`.
    #[must_use]
    pub fn get(&self, index: LogIndex) -> Option<&Arc<Entry>> {
        self.entries.get(Self::position(index)?)
    }

    /// The term at `index`: 0 at index 0, `None` beyond the end.
    #[must_use]
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == LogIndex::ZERO { Some(Term(0)) } else { self.get(index).map(|entry| entry.term) }
    }

    /// Index of the last entry.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        LogIndex(self.entries.len() as u64)
    }

    /// Term of the last entry.
    #[must_use]
    pub fn last_term(&self) -> Term {
        self.entries.back().map_or(Term(0), |entry| entry.term)
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
            self.entries.push_back(entry);
        }
        continues
    }

    /// Removes all entries from `from` on.
    pub fn truncate(&mut self, from: LogIndex) {
        self.entries.truncate(Self::position(from).unwrap_or(0));
    }

    /// At most `limit` entries from `from` on.
    #[must_use]
    pub fn slice(&self, from: LogIndex, limit: u32) -> Entries {
        let Some(start) = Self::position(from) else { return Entries::new() };
        self.entries.iter().skip(start).take(limit as usize).cloned().collect()
    }

    /// First index of the run of entries of one term that `index` belongs to. Terms never fall along a log (§5.3).
    #[must_use]
    pub fn first_of_term_at(&self, index: LogIndex) -> LogIndex {
        let Some(term) = self.get(index).map(|entry| entry.term) else { return index };
        LogIndex(self.entries.partition_point(|entry| entry.term < term) as u64 + 1)
    }

    /// Last index whose entry has this term, where there is one at or before `limit`.
    #[must_use]
    pub fn last_of_term(&self, term: Term, limit: LogIndex) -> Option<LogIndex> {
        let after = self.entries.partition_point(|entry| entry.term <= term) as u64;
        let last = LogIndex(after).min(limit);
        (self.get(last)?.term == term).then_some(last)
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::log_of_terms;
    use super::*;

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
        assert!(!log.append(Arc::new(super::super::testing::entry(3, 1))));
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
}
