//! How does a replica get a state that it cannot compute any more?
//!
//! The batches that it lacks are gone everywhere; a checkpoint is not (PBFT
//! §5.3.2). It fetches the snapshot that a quorum has proven, in chunks, from one
//! peer after the other, and puts it in the place of log and state once it is
//! durable. Read [`transfer`](crate::bft::transfer) for the chunks.

use std::sync::Arc;

use super::checkpoint::Made;
use super::event::{Event, Ignored};
use super::message::{Message, Stable};
use super::{Effects, Pbft};
use crate::bft::epoch::Root;
use crate::bft::transfer::Arrival;
use crate::bft::{Checkpoint, Chunk, FetchChunk, StableCheckpoint, Transfer};
use crate::few;
use crate::rules::{Rule, Rules};
use crate::types::{LogIndex, NodeId, Now, Sequence, Ticket};

/// A snapshot that was taken in and is not in the place of the state yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Installing {
    ticket: Ticket,
    index: LogIndex,
    asked: bool,
}

impl<R: Rules> Pbft<R> {
    pub(super) fn on_stable(&mut self, now: Now, from: NodeId, stable: &Stable, out: &mut Effects) {
        let root = self.config.root().map(|root| &**root);
        if !stable.proof.is_proven_after(root, &self.quorum) {
            return self.ignore(from, Ignored::Malformed, out);
        }
        self.adopt_stable(now, &stable.proof, out);
        let proof = &stable.proof;
        if stable.gone && proof.checkpoint.sequence > self.executed && self.installing.is_none() {
            self.begin_transfer(from, proof, out);
        }
    }

    /// Asks on; another peer where the one before has fallen silent.
    pub(super) fn go_on_with_transfer(&mut self, out: &mut Effects) {
        self.fetch_root(out);
        let sources = self.sources();
        let Some(transfer) = &mut self.transfer else { return };
        if self.timers.rounds > 0 {
            transfer.ask(few::after(&sources, transfer.source(), self.id));
        }
        let (to, request) = (transfer.source(), transfer.request());
        out.send(to, Message::FetchChunk(request), None);
    }

    /// Whoever begins an epoch without its state fetches that: it knows the proof, and who has signed it.
    fn fetch_root(&mut self, out: &mut Effects) {
        let Some(root) = self.config.root().cloned() else { return };
        let lacks = self.held && self.stable.as_ref() == Some(&root.stable);
        let idle = self.transfer.is_none() && self.arrived.is_none() && self.installing.is_none();
        let source = root.sources.iter().find(|source| **source != self.id);
        if let Some(source) = source.filter(|_| lacks && idle) {
            self.begin_transfer(*source, &root.stable, out);
        }
    }

    /// Whether it may have the state that this epoch begins with, although it may have no vote any more.
    pub(super) fn is_source(&self, node: NodeId) -> bool {
        self.config.root().is_some_and(|root| root.sources.contains(&node))
    }

    /// Who may have the state that is being fetched.
    fn sources(&self) -> Vec<NodeId> {
        let of = self.transfer.as_ref().map(|transfer| &transfer.proof().checkpoint);
        Root::sources(self.config.root().map(|root| &**root), of, self.quorum.voters())
    }

    /// Begins to fetch a state, where none newer is on its way.
    fn begin_transfer(&mut self, from: NodeId, proof: &Arc<StableCheckpoint>, out: &mut Effects) {
        let Checkpoint { sequence, bytes, .. } = proof.checkpoint;
        if self.transfer.as_ref().is_some_and(|transfer| transfer.proof().checkpoint.sequence >= sequence) {
            return;
        }
        let limit = self.config.settings.max_snapshot_bytes;
        let Some(transfer) = Transfer::new((**proof).clone(), self.members.clone(), from, limit) else { return };
        let transfer = if self.on(Rule::PbftSnapshotMatchesProof) { transfer } else { transfer.credulous() };
        out.note(|| Event::TransferBegan { sequence, from, bytes }.into());
        out.send(from, Message::FetchChunk(transfer.request()), None);
        self.transfer = Some(transfer);
    }

    pub(super) fn on_fetch_chunk(&self, from: NodeId, fetch: &FetchChunk, out: &mut Effects) {
        let bytes = self.config.settings.chunk_bytes;
        let of = |made: &Made| fetch.answer(made.checkpoint.snapshot, &made.snapshot.data, bytes);
        if let Some(chunk) = self.snapshots.served.iter().find_map(of) {
            out.send(from, Message::Chunk(Box::new(chunk)), None);
        }
    }

    pub(super) fn on_chunk(&mut self, from: NodeId, chunk: &Chunk, out: &mut Effects) {
        let sources = self.sources();
        let Some(transfer) = &mut self.transfer else { return self.ignore(from, Ignored::NotNeeded, out) };
        let sequence = transfer.proof().checkpoint.sequence;
        match transfer.take(from, chunk) {
            Arrival::Ignored => self.ignore(from, Ignored::NotNeeded, out),
            Arrival::More(request) => out.send(from, Message::FetchChunk(request), None),
            Arrival::Forged { by } => {
                let next = few::after(&sources, from, self.id);
                transfer.ask(next);
                let request = transfer.request();
                out.note(|| Event::TransferSpoilt { sequence, by }.into());
                out.send(next, Message::FetchChunk(request), None);
            }
            Arrival::Complete(snapshot) => {
                let checkpoint = transfer.proof().checkpoint;
                self.transfer = None;
                self.arrived = Some(Made { checkpoint, snapshot: Arc::new(snapshot) });
            }
        }
    }

    /// What was executed meanwhile needs no state any more.
    fn end_needless_transfer(&mut self) {
        let executed = self.executed;
        self.transfer.take_if(|transfer| transfer.proof().checkpoint.sequence <= executed);
    }

    /// A proven state is here: it takes the place of log and state, as soon as nothing is being applied.
    pub(super) fn install_ready(&mut self, out: &mut Effects) {
        self.end_needless_transfer();
        let idle = self.applying.asked == self.applying.applied && self.installing.is_none();
        let Some(made) = self.arrived.take_if(|_| idle) else { return };
        let Made { checkpoint: Checkpoint { sequence, index, log_time, .. }, snapshot } = &made;
        if *sequence <= self.executed {
            return;
        }
        let base = snapshot.meta.base();
        self.log.compact(base);
        (self.executed, self.executed_time, self.held) = (*sequence, Some(*log_time), false);
        self.applying.clear();
        self.snapshots.before = Some(*log_time);
        let ticket = self.persist.snapshot(Arc::clone(snapshot), base);
        self.persist.view_changed();
        self.installing = Some(Installing { ticket, index: *index, asked: false });
        out.note(|| Event::Transferred { sequence: *sequence, index: *index }.into());
        let kept = u64::from(self.config.settings.checkpoint_interval);
        self.slots.drop_through(Sequence(sequence.0.saturating_sub(kept)));
        self.serve(made);
    }

    /// The snapshot is durable: the state is restored from it.
    pub(super) fn restore_ready(&mut self, out: &mut Effects) {
        if let Some(installing) = &mut self.installing
            && !installing.asked
            && self.persist.is_complete(installing.ticket)
        {
            installing.asked = true;
            self.applying.asked = installing.index;
            out.restore(installing.index);
        }
    }

    /// The state machine reports: where it was restored, application goes on.
    pub(super) fn restored(&mut self, through: LogIndex) {
        self.installing.take_if(|installing| installing.asked && through >= installing.index);
    }
}
