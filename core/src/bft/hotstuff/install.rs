//! How does a replica catch up where the blocks that it lacks are gone?
//!
//! Whoever is asked for blocks that it has no longer answers with the proof of
//! its checkpoint. The snapshot is fetched in parts (`bft::transfer`), written,
//! and once it is durable it takes the place of the state; blocks after it are
//! fetched as always. What clients had asked for may be executed in that state
//! already: the pool forgets it, and clients ask again. The state that an instance
//! begins with is from before all of its blocks and requests, which stay (`instance`).

use std::sync::Arc;

use super::message::Message;
use super::{BlockTree, Committed, Effects, Event, HotStuff, IgnoreReason, Root};
use crate::bft::transfer::Arrival;
use crate::bft::{Chunk, FetchChunk, StableCheckpoint, Transfer};
use crate::event::Event as AnyEvent;
use crate::log::Log;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::types::{Mono, NodeId, Now};

/// A snapshot on its way.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    transfer: Transfer,
    pub(super) deadline: Mono,
}

impl<R: Rules> HotStuff<R> {
    /// A peer has no blocks from before this checkpoint, or helps with a proof.
    pub(super) fn on_stable(&mut self, now: Now, from: NodeId, proof: StableCheckpoint, out: &mut Effects) {
        if !proof.is_proven_after(self.config.root.as_deref(), &self.quorum) {
            return Self::ignore(from, IgnoreReason::Malformed, out);
        }
        self.learn_stable(proof.clone(), out);
        let is_ahead = proof.checkpoint.sequence > self.committed.sequence;
        let is_later = self
            .sync
            .incoming
            .as_ref()
            .is_none_or(|incoming| incoming.transfer.proof().checkpoint.sequence < proof.checkpoint.sequence);
        if is_ahead && is_later && self.sync.has_asked(from) && self.sync.installing.is_none() {
            self.begin_transfer(now, from, proof, out);
        }
    }

    pub(super) fn begin_transfer(&mut self, now: Now, from: NodeId, proof: StableCheckpoint, out: &mut Effects) {
        let (index, bytes) = (proof.checkpoint.index, proof.checkpoint.bytes);
        let limit = self.config.settings.max_snapshot_bytes;
        let Some(transfer) = Transfer::new(proof, self.members.clone(), from, limit) else { return };
        out.note(|| AnyEvent::HotStuff(Event::TransferBegan { index, from, bytes }));
        self.sync.incoming = Some(Incoming { transfer, deadline: now.mono });
        self.ask_for_chunk(now, out);
    }

    fn ask_for_chunk(&mut self, now: Now, out: &mut Effects) {
        let retry = self.config.settings.fetch_retry;
        let Some(incoming) = &mut self.sync.incoming else { return };
        incoming.deadline = now.mono + retry;
        out.send(incoming.transfer.source(), Message::FetchChunk(incoming.transfer.request()), None);
    }

    /// Asks the next one where nobody has answered in time.
    pub(super) fn retry_transfer(&mut self, now: Now, out: &mut Effects) {
        let Some(incoming) = &self.sync.incoming else { return };
        if incoming.transfer.proof().checkpoint.sequence <= self.committed.sequence && !self.held {
            // The blocks have come after all.
            self.sync.incoming = None;
            return;
        }
        if now.mono < incoming.deadline {
            return;
        }
        let (proof, source) = (incoming.transfer.proof(), incoming.transfer.source());
        if let Some(next) = self.next_source(proof, source)
            && let Some(incoming) = &mut self.sync.incoming
        {
            incoming.transfer.ask(next);
        }
        self.ask_for_chunk(now, out);
    }

    /// Answers with a part of the stable snapshot, or with the proof of a newer one.
    pub(super) fn on_fetch_chunk(&mut self, from: NodeId, fetch: &FetchChunk, out: &mut Effects) {
        let (Some(stable), Some(snapshot)) = (&self.snapshots.stable, &self.snapshots.latest) else { return };
        let bytes = self.config.settings.chunk_bytes;
        match fetch.answer(stable.checkpoint.snapshot, &snapshot.data, bytes) {
            Some(chunk) => out.send(from, Message::Chunk(chunk), None),
            None if fetch.snapshot != stable.checkpoint.snapshot => {
                out.send(from, Message::Stable(Box::new((**stable).clone())), None);
            }
            None => {}
        }
    }

    pub(super) fn on_chunk(&mut self, now: Now, from: NodeId, chunk: &Chunk, out: &mut Effects) {
        let Some(incoming) = &mut self.sync.incoming else { return Self::ignore(from, IgnoreReason::NotAsked, out) };
        match incoming.transfer.take(from, chunk) {
            Arrival::Ignored => Self::ignore(from, IgnoreReason::NotAsked, out),
            Arrival::More(_) => self.ask_for_chunk(now, out),
            Arrival::Forged { by } => {
                out.note(|| AnyEvent::HotStuff(Event::TransferSpoilt { by }));
                incoming.deadline = now.mono;
                self.retry_transfer(now, out);
            }
            Arrival::Complete(snapshot) => {
                let proof = Arc::new(incoming.transfer.proof().clone());
                self.sync.incoming = None;
                if proof.checkpoint.sequence > self.committed.sequence || self.held {
                    self.install(&proof, snapshot, out);
                }
            }
        }
    }

    /// Puts a proven state in the place of the log. The state machine follows once it is durable: a restart in
    /// between must find either the old log and state or the new ones.
    fn install(&mut self, proof: &Arc<StableCheckpoint>, snapshot: Snapshot, out: &mut Effects) {
        let (base, log_time) = (snapshot.meta.base(), Some(snapshot.meta.log_time));
        let (index, sequence) = (base.index, proof.checkpoint.sequence);
        let snapshot = Arc::new(snapshot);
        if self.log.last_index() > index {
            self.persist.open().truncate = Some(index.next());
        }
        self.log = Log::after(base, &[]);
        self.held = false;
        if !self.config.is_root(proof) {
            let view = self.view_of(base.term);
            self.committed = Committed { view, block: None, sequence, index, log_time };
            self.root = self.committed;
            self.tree = BlockTree::new(Root { view, block: None });
            self.pool.clear();
        }
        self.executing.clear();
        let ticket = self.persist.snapshot(Arc::clone(&snapshot), base);
        self.persist.stable(proof);
        self.snapshots.installed(Arc::clone(proof), snapshot);
        self.sync.installing = Some((ticket, index));
        self.progress_made();
        out.note(|| AnyEvent::HotStuff(Event::StateInstalled { index }));
        self.commit_certified(out);
    }

    /// A snapshot that was taken in is durable: the state is restored from it, and blocks after it come next.
    pub(super) fn restore_if_durable(&mut self, now: Now, out: &mut Effects) {
        if let Some((ticket, index)) = self.sync.installing
            && self.persist.is_complete(ticket)
        {
            self.sync.installing = None;
            self.apply_asked = index;
            out.restore(index);
            self.resume_fetch(now, out);
        }
    }
}
