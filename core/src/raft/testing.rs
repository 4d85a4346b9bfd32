//! Small builders for the tests of this module.

use bytes::Bytes;

use crate::entry::{Class, Entry, EntryKind, Tags};
use crate::log::Log;
use crate::types::{ClientId, LogIndex, RequestNumber, Term, Wall};

/// A command entry without content.
pub(crate) fn entry(index: u64, term: u64) -> Entry {
    Entry {
        index: LogIndex(index),
        term: Term(term),
        kind: EntryKind::Command,
        log_time: Wall(0),
        client: ClientId(1),
        number: RequestNumber(index),
        class: Class::Critical,
        tags: Tags::new(),
        payload: Bytes::new(),
    }
}

/// A log whose entries have these terms.
pub(crate) fn log_of_terms(terms: &[u64]) -> Log {
    let entries: Vec<_> = terms.iter().zip(1..).map(|(term, index)| std::sync::Arc::new(entry(index, *term))).collect();
    Log::new(&entries)
}
