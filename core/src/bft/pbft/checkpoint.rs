//! How does a replica forget what all have, and prove what it keeps?
//!
//! PBFT §4.3. After each so many sequence numbers a replica hashes its state and
//! signs the hash. With a quorum of the same words the checkpoint is *stable*:
//! everything before it is dropped, and the snapshot takes its place in the
//! store. The window of usable numbers, (h, h+L], moves with the stable
//! checkpoint. The snapshot holds the sessions with the results that clients
//! were told (TRAPS 30).
//!
//! Where the paper leaves a choice: the state of a checkpoint is the executor's
//! snapshot, one at a time; committed batches of one interval before the stable
//! checkpoint stay in memory for replicas that are a little slow.

use std::sync::Arc;

use bytes::Bytes;

use super::event::{Event, Ignored};
use super::message::Message;
use super::{Effects, Pbft};
use crate::bft::{Checkpoint, StableCheckpoint};
use crate::crypto::Signature;
use crate::rules::Rules;
use crate::snapshot::{Snapshot, SnapshotMeta};
use crate::types::{Digest, LogIndex, NodeId, Now, Sequence, Wall};

/// How many stable snapshots are kept for others: one may be on its way to them when the next becomes stable.
const SERVED: usize = 2;

/// A snapshot of a checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) checkpoint: Checkpoint,
    pub(super) snapshot: Arc<Snapshot>,
}

/// A replica's own checkpoints.
#[derive(Clone, Debug)]
pub(super) struct Snapshots {
    /// What the executor makes.
    making: Option<(Sequence, LogIndex)>,
    /// Made, and not stable yet.
    made: Vec<Made>,
    /// Stable, the newest last.
    pub(super) served: Vec<Made>,
    /// Log time of the last entry before the log; `None` where nothing stands before it.
    pub(super) before: Option<Wall>,
}

impl Snapshots {
    pub(super) fn after(before: Option<Wall>) -> Self {
        Self { making: None, made: Vec::new(), served: Vec::new(), before }
    }

    /// The newest stable one.
    pub(super) fn newest(&self) -> Option<&Arc<Snapshot>> {
        self.served.last().map(|made| &made.snapshot)
    }

    /// The snapshot of this checkpoint, stable or not.
    pub(super) fn made(&self, sequence: Sequence) -> Option<&Made> {
        self.made.iter().chain(&self.served).find(|made| made.checkpoint.sequence == sequence)
    }

    fn has(&self, sequence: Sequence) -> bool {
        self.made(sequence).is_some()
    }
}

impl<R: Rules> Pbft<R> {
    /// The newest stable snapshot of this replica, durable or on its way to the disk.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.snapshots.newest()
    }

    /// Whether the state after this number is a checkpoint that is still of use.
    pub(super) fn wants_snapshot(&self, sequence: Sequence) -> bool {
        let wanted = self.is_checkpoint(sequence) || self.ended() == Some(sequence);
        wanted && sequence >= self.low() && !self.snapshots.has(sequence)
    }

    /// Whether this number has its checkpoint in any instance.
    fn is_checkpoint(&self, sequence: Sequence) -> bool {
        sequence.0.is_multiple_of(u64::from(self.config.settings.checkpoint_interval))
    }

    /// Asks for the state as it is now. Returns false where another one is being made.
    pub(super) fn take_snapshot(&mut self, sequence: Sequence, index: LogIndex, out: &mut Effects) -> bool {
        if self.snapshots.making.is_some() {
            return self.snapshots.making == Some((sequence, index));
        }
        self.snapshots.making = Some((sequence, index));
        out.snapshot(index);
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
        let Some((sequence, _)) = self.snapshots.making.take_if(|(_, made)| *made == index) else { return };
        if sequence < self.low() || self.snapshots.has(sequence) {
            return;
        }
        let Some(term) = self.log.term_at(index) else { return };
        let before = self.snapshots.before;
        let log_time = self.log.get(index).map(|entry| entry.log_time).or(before).unwrap_or_default();
        let is_end = self.ended() == Some(sequence);
        let membership = self.successors.clone().filter(|_| is_end).unwrap_or_else(|| self.members.clone());
        let meta = SnapshotMeta { index, term, log_time, membership, digest, subscription: None };
        let snapshot = Arc::new(Snapshot { meta, data });
        let checkpoint = Checkpoint::of(sequence, &snapshot);
        out.note(|| Event::CheckpointTaken { sequence, index, snapshot: checkpoint.snapshot }.into());
        let made = Made { checkpoint, snapshot };
        if sequence == self.low() {
            return self.keep(made, out);
        }
        self.snapshots.made.push(made);
        // Where it ends no checkpoint is proven in this instance: whoever took the state from that, without the value,
        // would not know that it is the last, and would execute what is void.
        let is_last = is_end && (self.is_over() || self.successors.is_some());
        let Some(signer) = self.signer.as_ref().filter(|_| self.is_checkpoint(sequence) && !is_last) else { return };
        let signature = signer.sign(&checkpoint.statement(&self.domain));
        self.broadcast(&Message::Checkpoint(Box::new((checkpoint, signature))), None, out);
        self.count_checkpoint(now, self.id, checkpoint, signature, out);
    }

    pub(super) fn on_checkpoint(
        &mut self,
        now: Now,
        from: NodeId,
        checkpoint: Checkpoint,
        signature: Signature,
        out: &mut Effects,
    ) {
        let sequence = checkpoint.sequence;
        if sequence <= self.low() {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        if !self.is_in_window(sequence) {
            // Who says so is far ahead, or lies; asking around shows which.
            self.timers.hurry(now, &self.config.settings);
            return self.ignore(from, Ignored::OutsideWindow, out);
        }
        if !self.is_checkpoint(sequence) {
            return self.ignore(from, Ignored::Malformed, out);
        }
        self.count_checkpoint(now, from, checkpoint, signature, out);
    }

    fn count_checkpoint(
        &mut self,
        now: Now,
        by: NodeId,
        checkpoint: Checkpoint,
        signature: Signature,
        out: &mut Effects,
    ) {
        if let Some(proof) = self.checkpoints.take(by, checkpoint, signature, &self.quorum) {
            self.adopt_stable(now, &Arc::new(proof), out);
        }
    }

    /// A proven checkpoint that is newer than one's own: the window moves, and what it covers goes (§4.3).
    pub(super) fn adopt_stable(&mut self, now: Now, proof: &Arc<StableCheckpoint>, out: &mut Effects) {
        let sequence = proof.checkpoint.sequence;
        if sequence <= self.low() {
            return;
        }
        self.stable = Some(Arc::clone(proof));
        self.persist.stable(Arc::clone(proof));
        self.checkpoints.forget_through(sequence);
        let made = std::mem::take(&mut self.snapshots.made);
        let (old, newer): (Vec<Made>, Vec<Made>) = made.into_iter().partition(|m| m.checkpoint.sequence <= sequence);
        self.snapshots.made = newer;
        let made = old.into_iter().find(|made| made.checkpoint.sequence == sequence);
        let by = || proof.certificate.voters().collect();
        out.note(|| Event::CheckpointStable { sequence, by: by(), held: made.is_some() }.into());
        if let Some(made) = made {
            self.keep(made, out);
        }
        let interval = u64::from(self.config.settings.checkpoint_interval);
        self.slots.drop_through(Sequence(self.executed.min(sequence).0.saturating_sub(interval)));
        if self.executed < sequence {
            self.timers.hurry(now, &self.config.settings);
        }
    }

    /// The state of the stable checkpoint is here: it is written, and the log before it goes.
    fn keep(&mut self, made: Made, out: &mut Effects) {
        let proven = self.stable.as_ref().is_none_or(|stable| stable.checkpoint == made.checkpoint);
        if !out.check(proven, "this replica has the state that a quorum has proven") {
            return;
        }
        let base = made.snapshot.meta.base();
        self.log.compact(base);
        self.persist.snapshot(Arc::clone(&made.snapshot), base);
        self.snapshots.before = Some(made.checkpoint.log_time);
        self.serve(made);
    }

    /// Keeps a stable snapshot for others.
    pub(super) fn serve(&mut self, made: Made) {
        self.snapshots.served.push(made);
        if self.snapshots.served.len() > SERVED {
            self.snapshots.served.remove(0);
        }
    }
}
