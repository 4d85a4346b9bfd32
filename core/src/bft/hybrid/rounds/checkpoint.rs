//! How does a replica forget what all have, and how does one get a state that it cannot compute any more?
//!
//! After each so many links a replica signs the hash of its state *with the
//! chain hash*: whoever installs the state goes on with the history. A quorum of
//! equal words makes the checkpoint stable; the links and the log before it go.
//! Whoever fell behind fetches the proven snapshot in chunks (`bft::transfer`).

use std::sync::Arc;

use bytes::Bytes;

use super::event::{Event, Ignored};
use super::execute::Execution;
use super::message::{Message, Sealed, Stable};
use super::{Effects, Rounds};
use crate::bft::transfer::Arrival;
use crate::bft::{Checkpoint, Chunk, FetchChunk};
use crate::crypto::{Hash256, Signature};
use crate::few;
use crate::rules::Rules;
use crate::snapshot::{Snapshot, SnapshotMeta};
use crate::types::{Digest, LogIndex, NodeId, Now, Sequence, Ticket, Wall};

/// How many stable snapshots are kept for others.
const SERVED: usize = 2;

/// A snapshot of a checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) sealed: Sealed,
    pub(super) snapshot: Arc<Snapshot>,
}

/// A replica's own checkpoints.
#[derive(Clone, Debug)]
pub(super) struct Snapshots {
    /// What the executor makes.
    making: Option<Execution>,
    /// Made and signed, and not stable yet.
    made: Vec<(Made, Signature)>,
    /// Stable, the newest last.
    served: Vec<Made>,
    /// The state at which the epoch has ended.
    pub(super) end: Option<Made>,
    /// Words of others for what is not made here yet, the newest of each.
    early: Vec<(NodeId, Sealed, Signature)>,
    /// Log time of the last entry before the log; `None` where nothing stands before it.
    pub(super) before: Option<Wall>,
}

/// A snapshot that was taken in and is not in the place of the state yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Installing {
    ticket: Ticket,
    index: LogIndex,
    asked: bool,
}

impl Snapshots {
    pub(super) fn after(before: Option<Wall>) -> Self {
        Self { making: None, made: Vec::new(), served: Vec::new(), end: None, early: Vec::new(), before }
    }

    fn has(&self, sequence: Sequence) -> bool {
        let made = self.made.iter().map(|(made, _)| made).chain(&self.served).chain(&self.end);
        made.into_iter().any(|made| made.sealed.checkpoint.sequence == sequence)
    }

    /// The newest stable one.
    pub(super) fn newest(&self) -> Option<&Arc<Snapshot>> {
        self.newest_made().map(|made| &made.snapshot)
    }

    /// The same, with what is proven of it.
    pub(super) fn newest_made(&self) -> Option<&Made> {
        self.served.last()
    }

    pub(super) fn is_making(&self) -> bool {
        self.making.is_some()
    }

    /// Keeps a stable snapshot for others.
    pub(super) fn serve(&mut self, made: Made) {
        self.served.push(made);
        if self.served.len() > SERVED {
            self.served.remove(0);
        }
    }
}

impl<R: Rules> Rounds<R> {
    /// Its stable checkpoint, with the proof.
    #[must_use]
    pub fn stable(&self) -> Option<&Arc<Stable>> {
        self.stable.as_ref()
    }

    /// Whether the state after this link is a checkpoint that is still of use.
    pub(super) fn wants_snapshot(&self, sequence: Sequence) -> bool {
        let interval = u64::from(self.config.settings.checkpoint_interval);
        let wanted = sequence.0.is_multiple_of(interval) || self.is_end(sequence);
        wanted && sequence >= self.low() && !self.snapshots.has(sequence)
    }

    /// Asks for the state as it is now. Returns false where another one is being made.
    pub(super) fn take_snapshot(&mut self, at: &Execution, out: &mut Effects) -> bool {
        if let Some(making) = &self.snapshots.making {
            return making.sequence == at.sequence;
        }
        self.snapshots.making = Some(*at);
        out.snapshot(at.last);
        true
    }

    pub(super) fn on_snapshot_taken(
        &mut self,
        now: Now,
        index: LogIndex,
        digest: Digest,
        data: Bytes,
        out: &mut Effects,
    ) {
        let Some(Execution { sequence, hash, .. }) = self.snapshots.making.take_if(|made| made.last == index) else {
            return;
        };
        if sequence < self.low() || self.snapshots.has(sequence) {
            return;
        }
        let Some(term) = self.log.term_at(index) else { return };
        let log_time = self.log.get(index).map(|entry| entry.log_time).or(self.snapshots.before).unwrap_or_default();
        let next = self.ended.as_ref().filter(|_| self.is_end(sequence)).map(|(_, members)| members.clone());
        let is_end = next.is_some();
        let membership = next.unwrap_or_else(|| self.members.clone());
        let meta = SnapshotMeta { index, term, log_time, membership, digest, subscription: None };
        let snapshot = Arc::new(Snapshot { meta, data });
        let sealed = Sealed { checkpoint: Checkpoint::of(sequence, &snapshot), chain: hash };
        out.note(|| Event::CheckpointTaken { sequence, index, snapshot: sealed.checkpoint.snapshot }.into());
        let made = Made { sealed, snapshot };
        if sequence == self.low() {
            return self.keep(made, out);
        }
        if is_end {
            // No checkpoint of this instance: whoever took it for one would not know that it is the last.
            self.snapshots.end = Some(made);
            return;
        }
        let Some(signer) = &self.signer else { return };
        let signature = signer.sign(&sealed.statement(&self.domain));
        self.snapshots.made.push((made, signature));
        self.broadcast(&Message::Checkpoint(Box::new((sealed, signature))), None, out);
        self.count_checkpoint(now, self.id, sealed, signature, out);
        let (due, early) = std::mem::take(&mut self.snapshots.early)
            .into_iter()
            .partition(|(_, sealed, _)| sealed.checkpoint.sequence <= sequence);
        self.snapshots.early = early;
        for (by, sealed, signature) in Vec::<_>::into_iter(due) {
            self.count_checkpoint(now, by, sealed, signature, out);
        }
    }

    /// Its words that are not stable yet, once more.
    pub(super) fn say_checkpoint_again(&self, out: &mut Effects) {
        if let Some((made, signature)) = self.snapshots.made.last() {
            self.broadcast(&Message::Checkpoint(Box::new((made.sealed, *signature))), None, out);
        }
    }

    pub(super) fn on_checkpoint(
        &mut self,
        now: Now,
        from: NodeId,
        sealed: Sealed,
        signature: Signature,
        out: &mut Effects,
    ) {
        let sequence = sealed.checkpoint.sequence;
        let interval = u64::from(self.config.settings.checkpoint_interval);
        if sequence <= self.low() || !sequence.0.is_multiple_of(interval) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        if sequence > self.committed {
            self.timers.hurry(now, &self.config.settings);
        }
        if self.snapshots.has(sequence) {
            return self.count_checkpoint(now, from, sealed, signature, out);
        }
        self.snapshots.early.retain(|(by, ..)| *by != from);
        self.snapshots.early.push((from, sealed, signature));
    }

    /// Counts words that say the same as this replica's own: with the same chain hash.
    fn count_checkpoint(&mut self, now: Now, by: NodeId, sealed: Sealed, signature: Signature, out: &mut Effects) {
        let same = |(made, _): &(Made, Signature)| made.sealed == sealed;
        if !self.snapshots.made.iter().any(same) {
            return self.ignore(by, Ignored::NotNeeded, out);
        }
        if let Some(proof) = self.checkpoints.take(by, sealed.checkpoint, signature, &self.quorum) {
            self.adopt_stable(now, &Arc::new(Stable { proof, chain: sealed.chain }), out);
        }
    }

    fn adopt_stable(&mut self, now: Now, stable: &Arc<Stable>, out: &mut Effects) {
        let sequence = stable.proof.checkpoint.sequence;
        if sequence <= self.low() {
            return;
        }
        self.stable = Some(Arc::clone(stable));
        self.persist.hard().stable = Some(Arc::clone(stable));
        self.checkpoints.forget_through(sequence);
        let made = std::mem::take(&mut self.snapshots.made);
        let (old, newer): (Vec<_>, Vec<_>) =
            made.into_iter().partition(|(made, _)| made.sealed.checkpoint.sequence <= sequence);
        self.snapshots.made = newer;
        self.snapshots.early.retain(|(_, sealed, _)| sealed.checkpoint.sequence > sequence);
        let made = old.into_iter().map(|(made, _)| made).find(|made| made.sealed.checkpoint.sequence == sequence);
        let by = || stable.proof.certificate.voters().collect();
        out.note(|| Event::CheckpointStable { sequence, by: by(), held: made.is_some() }.into());
        if let Some(made) = made {
            self.keep(made, out);
        }
        self.forget_old();
        if self.committed < sequence {
            self.timers.hurry(now, &self.config.settings);
        }
    }

    /// Links of one interval before the stable checkpoint stay in memory for replicas that are a little slow.
    fn forget_old(&mut self) {
        let interval = u64::from(self.config.settings.checkpoint_interval);
        let through = Sequence(self.committed.min(self.low()).0.saturating_sub(interval));
        if let Some(hash) = self.chain.hash_at(through) {
            self.chain.forget(through, hash);
        }
        self.commits.retain(|committed| committed.mark.sequence > through);
    }

    /// The state of the stable checkpoint is here: it is written, and the log before it goes.
    fn keep(&mut self, made: Made, out: &mut Effects) {
        let proven = self.stable.as_ref().is_none_or(|stable| stable.proof.checkpoint == made.sealed.checkpoint);
        if !out.check(proven, "this replica has the state that a quorum has proven") {
            return;
        }
        let base = made.snapshot.meta.base();
        self.log.compact(base);
        self.persist.snapshot(Arc::clone(&made.snapshot), base);
        self.snapshots.before = Some(made.sealed.checkpoint.log_time);
        self.snapshots.serve(made);
    }

    pub(super) fn on_stable(&mut self, now: Now, from: NodeId, stable: &Stable, out: &mut Effects) {
        if !stable.is_proven_after(self.epoch_root(), &self.quorum) {
            return self.ignore(from, Ignored::Malformed, out);
        }
        self.adopt_stable(now, &Arc::new(stable.clone()), out);
        let sequence = stable.proof.checkpoint.sequence;
        let known = self.transfer.as_ref().is_some_and(|transfer| transfer.proof().checkpoint.sequence >= sequence);
        if sequence <= self.committed || self.installing.is_some() || known || sequence < self.low() {
            return;
        }
        self.begin_transfer(from, stable, out);
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

    pub(super) fn on_fetch_chunk(&self, from: NodeId, fetch: &FetchChunk, out: &mut Effects) {
        let bytes = self.config.settings.chunk_bytes;
        let of = |made: &Made| fetch.answer(made.sealed.checkpoint.snapshot, &made.snapshot.data, bytes);
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
                let sealed = Sealed { checkpoint, chain: self.transferred_chain };
                self.arrived = Some(Made { sealed, snapshot: Arc::new(snapshot) });
            }
        }
    }

    /// A proven state is here: it takes the place of log and state, as soon as nothing is being applied.
    pub(super) fn install_ready(&mut self, now: Now, out: &mut Effects) {
        let committed = self.committed;
        self.transfer.take_if(|transfer| transfer.proof().checkpoint.sequence <= committed);
        let idle = self.applying.asked == self.applying.applied && self.installing.is_none();
        let Some(made) = self.arrived.take_if(|_| idle) else { return };
        let Made { sealed: Sealed { checkpoint, chain }, snapshot } = &made;
        let Checkpoint { sequence, index, log_time, .. } = *checkpoint;
        if sequence <= self.committed {
            return;
        }
        let base = snapshot.meta.base();
        self.log.compact(base);
        self.forget_history(sequence, *chain);
        (self.committed, self.executed_time) = (sequence, Some(log_time));
        self.applying.queue.clear();
        self.applying.unanswered.clear();
        self.snapshots.before = Some(log_time);
        let ticket = self.persist.snapshot(Arc::clone(snapshot), base);
        self.persist.number();
        self.installing = Some(Installing { ticket, index, asked: false });
        out.note(|| Event::Transferred { sequence, index }.into());
        self.snapshots.serve(made);
        self.root(now, out);
    }

    /// The history goes on after a checkpoint; where it was another one, nothing more is acknowledged in this term.
    fn forget_history(&mut self, sequence: Sequence, chain: Hash256) {
        if self.chain.hash_at(sequence) != Some(chain) {
            if let Some(accepted) = self.accepted.as_mut().filter(|accepted| accepted.term == self.term) {
                (accepted.sequence, accepted.hash) = (Sequence::MAX, Hash256::ZERO);
            }
            self.truncate(self.committed.0);
        }
        self.chain.forget(sequence, chain);
        self.commits.retain(|committed| committed.mark.sequence > sequence);
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
