//! What has been promised to the disk, and what has the disk confirmed?
//!
//! All that one step writes goes out as one write under one ticket, reserved
//! when the step first needs it. A confirmed ticket counts only while the log
//! still holds what it wrote: after a truncation and a new append of the same
//! index, an old confirmation speaks of an entry that is gone.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Effects;
use super::log::Log;
use super::message::HardState;
use crate::entry::Entries;
use crate::snapshot::{Base, Snapshot};
use crate::storage::Write;
use crate::types::{Incarnation, LogIndex, Term, Ticket};

/// The writes of one node.
#[derive(Clone, Debug)]
pub(super) struct Persist {
    incarnation: Incarnation,
    issued: u64,
    completed: u64,
    /// The write that holds the newest hard state.
    hard: u64,
    outstanding: VecDeque<Outstanding>,
    /// Whether the current step writes something.
    is_open: bool,
    /// Whether that holds the hard state.
    with_hard: bool,
    /// What the current step writes, collected where it is moved from in one piece.
    open: Write<HardState>,
    /// Everything up to here is durable in the log as it is now.
    durable: LogIndex,
    /// A compaction that the log in memory has seen and the disk has not: it goes with the next write.
    owed: Option<Base>,
}

/// What a ticket stands for: the node's term and its last entry when the write began.
#[derive(Clone, Copy, Debug)]
struct Outstanding {
    sequence: u64,
    node_term: Term,
    last_index: LogIndex,
    last_term: Term,
}

impl Persist {
    pub(super) fn new(incarnation: Incarnation, durable: LogIndex) -> Self {
        let outstanding = VecDeque::new();
        let open = nothing(incarnation);
        let (is_open, with_hard) = (false, false);
        Self {
            incarnation,
            issued: 0,
            completed: 0,
            hard: 0,
            outstanding,
            is_open,
            with_hard,
            open,
            durable,
            owed: None,
        }
    }

    /// The disk's log was found to start elsewhere than the log in memory does: its next write mends that.
    pub(super) fn owe(&mut self, base: Base) {
        self.owed = Some(base);
    }

    pub(super) fn durable(&self) -> LogIndex {
        self.durable
    }

    fn open(&mut self) -> &mut Write<HardState> {
        if !self.is_open {
            self.is_open = true;
            self.issued += 1;
            self.open.ticket.sequence = self.issued;
            self.open.compact = self.owed.take();
        }
        &mut self.open
    }

    /// The snapshot is part of this step's write, and the log goes on after `base`. Entries after `known` are
    /// durable no longer.
    pub(super) fn compacted(&mut self, snapshot: Arc<Snapshot>, base: Base, known: LogIndex) -> Ticket {
        let open = self.open();
        open.snapshot = Some(snapshot);
        open.compact = Some(base);
        self.durable = self.durable.min(known);
        self.ticket(self.issued)
    }

    /// The hard state changed: it is part of this step's write.
    pub(super) fn hard_changed(&mut self) -> Ticket {
        self.open();
        self.with_hard = true;
        self.hard = self.issued;
        self.ticket(self.issued)
    }

    /// Entries from `from` on are removed: what was durable there is so no longer.
    pub(super) fn truncated(&mut self, from: LogIndex) {
        self.open().truncate = Some(from);
        self.durable = self.durable.min(from.previous());
    }

    /// Entries were added at the end of a log that is its own store.
    pub(super) fn held(&mut self) {
        self.open();
    }

    /// Entries were added at the end.
    pub(super) fn appended(&mut self, entries: Entries) {
        if entries.is_empty() {
            return;
        }
        let append = &mut self.open().append;
        if append.is_empty() {
            *append = entries;
        } else {
            append.extend(entries);
        }
    }

    /// The write to wait for before anybody may rely on the hard state and on the log up to `index`;
    /// `None` where all of it is durable.
    pub(super) fn promise(&self, index: LogIndex) -> Option<Ticket> {
        let needed = if index > self.durable { self.issued } else { self.hard };
        (needed > self.completed).then(|| self.ticket(needed))
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    fn ticket(&self, sequence: u64) -> Ticket {
        Ticket { incarnation: self.incarnation, sequence }
    }

    /// Whether the write with this ticket is durable.
    pub(super) fn is_complete(&self, ticket: Ticket) -> bool {
        ticket.incarnation == self.incarnation && ticket.sequence <= self.completed
    }

    /// Whether the current step writes something.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// The newest write that is on its way to the disk.
    #[inline]
    pub(super) fn last_unconfirmed(&self) -> Option<Ticket> {
        self.outstanding.back().map(|write| self.ticket(write.sequence))
    }

    /// Ends the step's write, where there is one. Returns whether it is durable already.
    #[inline]
    pub(super) fn flush(&mut self, hard: &HardState, log: &Log, out: &mut Effects) -> bool {
        if self.is_open && out.is_in_memory() {
            self.settle(log);
            return true;
        }
        if self.is_open {
            self.write_out(hard, log, out);
        }
        false
    }

    /// What is in memory is all that there is to be had, and it is there.
    #[inline]
    fn settle(&mut self, log: &Log) {
        self.is_open = false;
        self.with_hard = false;
        self.completed = self.issued;
        self.durable = log.last_index();
        self.open.snapshot = None;
        self.open.truncate = None;
    }

    fn write_out(&mut self, hard: &HardState, log: &Log, out: &mut Effects) {
        self.is_open = false;
        if std::mem::take(&mut self.with_hard) {
            self.open.hard = Some(hard.clone());
        }
        self.outstanding.push_back(Outstanding {
            sequence: self.issued,
            node_term: hard.current_term,
            last_index: log.last_index(),
            last_term: log.last_term(),
        });
        // Field by field: a write that is put together to take the place of this one costs more than what it moves.
        let Write { ticket, hard, truncate, append, snapshot, compact } = &mut self.open;
        let ticket = *ticket;
        out.write(|| Write {
            ticket,
            hard: hard.take(),
            truncate: truncate.take(),
            append: std::mem::take(append),
            snapshot: snapshot.take(),
            compact: compact.take(),
        });
    }

    /// The disk confirms all writes up to `ticket`. `names_entry` is the rule `raft.written-names-entry`.
    pub(super) fn complete(&mut self, ticket: Ticket, current_term: Term, log: &Log, names_entry: bool) {
        if ticket.incarnation != self.incarnation {
            return;
        }
        while let Some(write) = self.outstanding.front().copied()
            && write.sequence <= ticket.sequence
        {
            self.outstanding.pop_front();
            self.completed = write.sequence;
            let still_holds = write.node_term == current_term && log.term_at(write.last_index) == Some(write.last_term);
            if still_holds || !names_entry {
                self.durable = self.durable.max(write.last_index.min(log.last_index()));
            }
        }
    }
}

/// A write of nothing, whose sequence is not given yet.
fn nothing(incarnation: Incarnation) -> Write<HardState> {
    let ticket = Ticket { incarnation, sequence: 0 };
    Write { ticket, hard: None, truncate: None, append: Entries::new(), snapshot: None, compact: None }
}

#[cfg(test)]
mod tests {
    use super::super::testing::entry;
    use super::*;
    use crate::protocol::Effect;

    fn term(value: u64) -> HardState {
        HardState { current_term: Term(value), voted_for: None }
    }

    fn flush(persist: &mut Persist, hard: &HardState, log: &Log) -> Ticket {
        let mut out = Effects::new();
        persist.flush(hard, log, &mut out);
        match out.drain().next() {
            Some(Effect::Write(write)) => write.ticket,
            other => panic!("a write was open: {other:?}"),
        }
    }

    fn append(persist: &mut Persist, log: &mut Log, index: u64, in_term: u64) -> Ticket {
        let entry = Arc::new(entry(index, in_term));
        assert!(log.append(Arc::clone(&entry)));
        persist.appended([entry].into_iter().collect());
        flush(persist, &term(in_term), log)
    }

    /// TRAPS: acknowledgements of asynchronous writes after a truncation and a re-append of the same index.
    #[test]
    fn a_confirmation_of_a_replaced_entry_does_not_make_its_successor_durable() {
        for names_entry in [true, false] {
            let (mut persist, mut log) = (Persist::new(Incarnation(1), LogIndex::ZERO), Log::default());
            let old = append(&mut persist, &mut log, 1, 1);
            log.truncate(LogIndex(1));
            persist.truncated(LogIndex(1));
            let new = append(&mut persist, &mut log, 1, 2);
            persist.complete(old, Term(2), &log, names_entry);
            assert_eq!(persist.durable() == LogIndex::ZERO, names_entry, "the rule is what holds it back");
            persist.complete(new, Term(2), &log, names_entry);
            assert_eq!(persist.durable(), LogIndex(1));
        }
    }

    #[test]
    fn a_ticket_of_an_older_incarnation_means_nothing() {
        let (mut persist, mut log) = (Persist::new(Incarnation(2), LogIndex::ZERO), Log::default());
        let ticket = append(&mut persist, &mut log, 1, 1);
        persist.complete(Ticket { incarnation: Incarnation(1), ..ticket }, Term(1), &log, true);
        assert_eq!(persist.durable(), LogIndex::ZERO);
    }

    #[test]
    fn a_promise_waits_for_the_hard_state_even_where_the_log_is_durable() {
        let (mut persist, log) = (Persist::new(Incarnation(1), LogIndex::ZERO), Log::default());
        assert_eq!(persist.promise(LogIndex::ZERO), None);
        let ticket = persist.hard_changed();
        assert_eq!(flush(&mut persist, &term(1), &log), ticket);
        assert_eq!(persist.promise(LogIndex::ZERO), Some(ticket));
        persist.complete(ticket, Term(1), &log, true);
        assert_eq!(persist.promise(LogIndex::ZERO), None);
    }
}
