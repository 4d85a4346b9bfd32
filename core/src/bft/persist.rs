//! What has been promised to the disk, and what has the disk confirmed?
//!
//! All that one step writes goes out as one write under one ticket, reserved
//! when the step first needs it; the disk confirms writes in order. The log holds
//! what is committed and never shrinks at its end, so that a confirmed write stays
//! true. What a protocol writes besides the log, it adds beside its hard state.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::entry::Entries;
use crate::protocol::Effects;
use crate::snapshot::{Base, Snapshot};
use crate::storage::Write;
use crate::types::{Incarnation, LogIndex, Ticket};

/// The writes of one replica.
#[derive(Clone, Debug)]
pub(super) struct Persist<H> {
    incarnation: Incarnation,
    issued: u64,
    completed: u64,
    /// What the current step writes.
    open: Option<Box<Write<H>>>,
    /// Writes on their way, each with the last index of the log when it began.
    outstanding: VecDeque<(u64, LogIndex)>,
    /// Everything up to here is durable.
    durable: LogIndex,
}

impl<H: Default> Persist<H> {
    /// Nothing is on its way, and the log is durable up to here.
    pub(super) fn new(incarnation: Incarnation, durable: LogIndex) -> Self {
        Self { incarnation, issued: 0, completed: 0, open: None, outstanding: VecDeque::new(), durable }
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Up to where the log is durable.
    pub(super) fn durable(&self) -> LogIndex {
        self.durable
    }

    fn ticket(&self, sequence: u64) -> Ticket {
        Ticket { incarnation: self.incarnation, sequence }
    }

    pub(super) fn open(&mut self) -> &mut Write<H> {
        if self.open.is_none() {
            self.issued += 1;
        }
        let ticket = self.ticket(self.issued);
        self.open.get_or_insert_with(|| {
            let (append, hard) = (Entries::new(), None);
            Box::new(Write { ticket, hard, truncate: None, append, snapshot: None, compact: None })
        })
    }

    /// The part of the hard state that this step writes.
    pub(super) fn hard(&mut self) -> &mut H {
        self.open().hard.get_or_insert_default()
    }

    /// Entries follow the log.
    pub(super) fn append(&mut self, entries: Entries) {
        let append = &mut self.open().append;
        if append.is_empty() {
            *append = entries;
        } else {
            append.extend(entries);
        }
    }

    /// The snapshot is part of this step's write, and the log goes on after `base`.
    pub(super) fn snapshot(&mut self, snapshot: Arc<Snapshot>, base: Base) -> Ticket {
        let open = self.open();
        (open.snapshot, open.compact) = (Some(snapshot), Some(base));
        open.ticket
    }

    /// Entries after this one are not durable any more: a snapshot takes their place.
    pub(super) fn forget_after(&mut self, known: LogIndex) {
        self.durable = self.durable.min(known);
    }

    /// Whether the current step writes something.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The write to wait for before anybody may rely on what was written so far; `None` where all of it is durable.
    pub(super) fn promise(&self) -> Option<Ticket> {
        (self.issued > self.completed).then(|| self.ticket(self.issued))
    }

    pub(super) fn is_complete(&self, ticket: Ticket) -> bool {
        ticket.incarnation == self.incarnation && ticket.sequence <= self.completed
    }

    /// Ends the step's write, where there is one: `numbers` are those that each hard state says anew. Returns its ticket.
    pub(super) fn flush<M>(
        &mut self,
        numbers: impl FnOnce(&mut H),
        last: LogIndex,
        out: &mut Effects<M, H>,
    ) -> Option<Ticket> {
        let mut write = self.open.take()?;
        numbers(write.hard.get_or_insert_default());
        let ticket = write.ticket;
        self.outstanding.push_back((ticket.sequence, last));
        if !out.is_in_memory() {
            out.write(|| *write);
        }
        Some(ticket)
    }

    /// A ticket for a write that somebody else makes, of nothing that the log holds.
    pub(super) fn issue(&mut self) -> Ticket {
        self.issued += 1;
        self.outstanding.push_back((self.issued, LogIndex::ZERO));
        self.ticket(self.issued)
    }

    /// The disk confirms all writes up to `ticket`.
    pub(super) fn complete(&mut self, ticket: Ticket) {
        if ticket.incarnation != self.incarnation {
            return;
        }
        while let Some((sequence, last)) = self.outstanding.front().copied()
            && sequence <= ticket.sequence
        {
            self.outstanding.pop_front();
            self.completed = sequence;
            self.durable = self.durable.max(last);
        }
    }
}
