//! What has been promised to the disk, and what has the disk confirmed?
//!
//! All that one step writes goes out as one write under one ticket. A message
//! that promises something waits for the newest write of its replica: its own is
//! among them. Nothing is ever taken back from the log, so that a confirmed
//! write stays true.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Effects;
use super::hard::{HardSlot, HardState};
use super::message::NewView;
use crate::bft::StableCheckpoint;
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

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
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

    fn hard(&mut self) -> &mut HardState {
        self.open().hard.get_or_insert_default()
    }

    /// View, and whether it is changing: each write says them anew.
    pub(super) fn view_changed(&mut self) {
        self.hard();
    }

    /// How the view began.
    pub(super) fn began(&mut self, new_view: Arc<NewView>) {
        self.hard().new_view = Some(new_view);
    }

    /// A newer checkpoint is stable.
    pub(super) fn stable(&mut self, stable: Arc<StableCheckpoint>) {
        let hard = self.hard();
        let low = stable.checkpoint.sequence;
        hard.slots.retain(|(sequence, _)| *sequence > low);
        hard.stable = Some(stable);
    }

    /// Something has changed at a sequence number.
    pub(super) fn slot(&mut self, at: Sequence) -> &mut HardSlot {
        let slots = &mut self.hard().slots;
        let place = match slots.binary_search_by_key(&at, |(sequence, _)| *sequence) {
            Ok(place) => place,
            Err(place) => {
                slots.insert(place, (at, HardSlot::default()));
                place
            }
        };
        &mut slots[place].1
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

    /// The write to wait for before anybody may rely on what was written so far; `None` where all of it is durable.
    pub(super) fn promise(&self) -> Option<Ticket> {
        (self.issued > self.completed).then(|| self.ticket(self.issued))
    }

    pub(super) fn is_complete(&self, ticket: Ticket) -> bool {
        ticket.incarnation == self.incarnation && ticket.sequence <= self.completed
    }

    /// Ends the step's write, where there is one. `numbers` are those that each write says anew.
    /// Returns its ticket.
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
