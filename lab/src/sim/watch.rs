//! What do the checkers see, and when?
//!
//! They are fed with states, disk images and apply effects, never with notes.

use std::sync::Arc;

use quorumscope_core::entry::Entry;
use quorumscope_core::machine::kv::{Answer, Operation};
use quorumscope_core::record::Verdict;
use quorumscope_core::storage::Write;
use quorumscope_core::types::{ClientId, LogIndex, RecordId, RequestNumber};

use super::world::{Subject, World};

impl<P: Subject> World<P> {
    pub(crate) fn watch_log(&mut self, _index: usize, _write: &Write<P::Hard>) {}
    pub(crate) fn watch_durable(&mut self, _index: usize, _from: Option<LogIndex>) {}
    pub(crate) fn watch_applied(&mut self, _index: usize, _entry: &Arc<Entry>) {}
    pub(crate) fn watch_status(&mut self, _index: usize) {}
    pub(crate) fn watch_crashed(&mut self, _index: usize, _from: Option<LogIndex>) {}
    pub(crate) fn watch_findings(&mut self, _cause: RecordId) {}
    pub(crate) fn watch_invoked(&mut self, _client: ClientId, _number: RequestNumber, _operation: &Operation) {}
    pub(crate) fn watch_told(
        &mut self,
        _client: ClientId,
        _number: RequestNumber,
        _operation: &Operation,
        _verdict: Verdict,
        _answer: Option<Answer>,
    ) {
    }
}
