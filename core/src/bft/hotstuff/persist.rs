//! What has been promised to the disk, and what has the disk confirmed?
//!
//! All that one step writes goes out as one write under one ticket, reserved
//! when the step first needs it. The log never shrinks at its end: what is in it
//! is committed. Only a snapshot takes its place.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Effects;
use super::block::Block;
use super::hard::HardState;
use crate::bft::StableCheckpoint;
use crate::crypto::Hash256;
use crate::entry::Entries;
use crate::snapshot::{Base, Snapshot};
use crate::storage::Write;
use crate::types::{Incarnation, LogIndex, Ticket};

/// The writes of one replica.
#[derive(Clone, Debug)]
pub(super) struct Persist {
    incarnation: Incarnation,
    issued: u64,
    completed: u64,
    /// The write that holds the newest promises.
    promised: u64,
    /// What the current step writes.
    open: Option<Write<HardState>>,
    /// Writes on their way to the disk, each with the last entry of the log when it began.
    outstanding: VecDeque<(u64, LogIndex)>,
    /// Everything up to here is durable.
    durable: LogIndex,
}

impl Persist {
    pub(super) fn new(incarnation: Incarnation, durable: LogIndex) -> Self {
        let outstanding = VecDeque::new();
        Self { incarnation, issued: 0, completed: 0, promised: 0, open: None, outstanding, durable }
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

    fn open(&mut self) -> &mut Write<HardState> {
        if self.open.is_none() {
            self.issued += 1;
        }
        let ticket = self.ticket(self.issued);
        self.open.get_or_insert_with(|| Write {
            ticket,
            hard: None,
            truncate: None,
            append: Entries::new(),
            snapshot: None,
            compact: None,
        })
    }

    fn hard(&mut self) -> &mut HardState {
        self.open().hard.get_or_insert_default()
    }

    /// Promises or certificates have changed. Returns the write that says so.
    pub(super) fn changed(&mut self) -> Ticket {
        self.hard();
        self.promised = self.issued;
        self.ticket(self.issued)
    }

    /// A block is here.
    pub(super) fn block(&mut self, block: &Arc<Block>) {
        self.hard().blocks.push(Arc::clone(block));
        self.promised = self.issued;
    }

    /// Blocks are of no use any more.
    pub(super) fn dropped(&mut self, blocks: Vec<Hash256>) {
        self.hard().dropped.extend(blocks);
    }

    /// Entries were added at the end of the log.
    pub(super) fn appended(&mut self, entries: Entries) {
        self.hard();
        self.open().append.extend(entries);
    }

    /// A snapshot takes the place of the log up to `base`; entries after `known` are durable no longer.
    pub(super) fn compacted(&mut self, snapshot: Arc<Snapshot>, base: Base, known: LogIndex) -> Ticket {
        self.hard();
        let open = self.open();
        open.snapshot = Some(snapshot);
        open.compact = Some(base);
        self.durable = self.durable.min(known);
        self.ticket(self.issued)
    }

    /// The write to wait for before anybody may rely on the promises; `None` where it is durable.
    pub(super) fn promise(&self) -> Option<Ticket> {
        (self.promised > self.completed).then(|| self.ticket(self.promised))
    }

    /// Whether the current step writes something.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn is_complete(&self, ticket: Ticket) -> bool {
        ticket.incarnation == self.incarnation && ticket.sequence <= self.completed
    }

    /// A checkpoint is proven.
    pub(super) fn stable(&mut self, proof: &Arc<StableCheckpoint>) {
        self.hard().stable = Some(Arc::clone(proof));
    }

    /// Ends the step's write, where there is one: `fill` adds what every write with a hard state holds. Returns its
    /// ticket.
    pub(super) fn flush(
        &mut self,
        last: LogIndex,
        fill: impl FnOnce(&mut HardState),
        out: &mut Effects,
    ) -> Option<Ticket> {
        let mut write = self.open.take()?;
        if let Some(hard) = &mut write.hard {
            fill(hard);
        }
        let ticket = write.ticket;
        self.outstanding.push_back((ticket.sequence, last));
        if !out.is_in_memory() {
            out.write(|| write);
        }
        Some(ticket)
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
