//! What has been promised to the disk, and what has the disk confirmed?
//!
//! All that one step writes goes out as one write under one ticket; a message
//! that promises something waits for the newest write of its replica, as in PBFT.
//! The log holds committed entries alone and is never cut.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Effects;
use super::hard::HardState;
use super::link::Link;
use crate::entry::Entries;
use crate::snapshot::{Base, Snapshot};
use crate::storage::Write;
use crate::types::{Incarnation, LogIndex, Sequence, Ticket};

/// The writes of one replica.
#[derive(Clone, Debug)]
pub(super) struct Persist {
    incarnation: Incarnation,
    issued: u64,
    completed: u64,
    /// Writes on their way, and the last index of the log after each.
    outstanding: VecDeque<(u64, LogIndex)>,
    open: Option<Box<Write<HardState>>>,
    /// Everything up to here is durable.
    durable: LogIndex,
}

impl Persist {
    pub(super) fn new(incarnation: Incarnation, durable: LogIndex) -> Self {
        Self { incarnation, issued: 0, completed: 0, outstanding: VecDeque::new(), open: None, durable }
    }

    pub(super) fn durable(&self) -> LogIndex {
        self.durable
    }

    fn ticket(&self, sequence: u64) -> Ticket {
        Ticket { incarnation: self.incarnation, sequence }
    }

    fn open(&mut self) -> &mut Write<HardState> {
        if self.open.is_none() {
            self.issued += 1;
        }
        let ticket = self.ticket(self.issued);
        self.open.get_or_insert_with(|| {
            let (append, hard) = (Entries::new(), None);
            Box::new(Write { ticket, hard, truncate: None, append, snapshot: None, compact: None })
        })
    }

    /// What changes besides the numbers, which each write says anew.
    pub(super) fn hard(&mut self) -> &mut HardState {
        self.open().hard.get_or_insert_default()
    }

    /// A number has changed.
    pub(super) fn number(&mut self) {
        self.hard();
    }

    /// Links after this place go, but for those that are kept aside.
    pub(super) fn cut(&mut self, after: Sequence, kept: Vec<Arc<Link>>) {
        let hard = self.hard();
        hard.links.retain(|link| link.sequence() <= after);
        hard.cut = Some(hard.cut.map_or(after, |cut| cut.min(after)));
        hard.kept.extend(kept);
    }

    /// Entries follow the log.
    pub(super) fn append(&mut self, entries: Entries) {
        self.open().append.extend(entries);
    }

    /// The snapshot is part of this step's write, and the log goes on after `base`.
    pub(super) fn snapshot(&mut self, snapshot: Arc<Snapshot>, base: Base) -> Ticket {
        let open = self.open();
        (open.snapshot, open.compact) = (Some(snapshot), Some(base));
        open.ticket
    }

    /// The write to wait for before anybody may rely on what was written so far; `None` where all of it is durable.
    pub(super) fn promise(&self) -> Option<Ticket> {
        (self.issued > self.completed).then(|| self.ticket(self.issued))
    }

    pub(super) fn is_complete(&self, ticket: Ticket) -> bool {
        ticket.incarnation == self.incarnation && ticket.sequence <= self.completed
    }

    /// Ends the step's write, where there is one. Returns its ticket.
    pub(super) fn flush(
        &mut self,
        numbers: impl FnOnce(&mut HardState),
        last: LogIndex,
        out: &mut Effects,
    ) -> Option<Ticket> {
        let mut write = self.open.take()?;
        numbers(write.hard.get_or_insert_default());
        self.outstanding.push_back((self.issued, last));
        if !out.is_in_memory() {
            out.write(|| *write);
        }
        Some(self.ticket(self.issued))
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
