//! How does a replica forget what everybody could prove again?
//!
//! After every so many blocks with entries each replica makes a snapshot of its
//! state right there, signs what it is and tells all (PBFT §4.3; HotStuff leaves
//! it open). Signatures of a quorum make the checkpoint stable: the log and the
//! blocks up to it go, in one write with the snapshot that takes their place.
//!
//! Bounded: one snapshot being made, two that are not proven yet, and words of
//! others for so many checkpoints ahead ([`AHEAD`]).

use std::sync::Arc;

use bytes::Bytes;

use super::message::{Message, SignedCheckpoint};
use super::{Committed, Effects, Event, HotStuff, Root};
use crate::bft::{Checkpoint, Checkpoints, StableCheckpoint};
use crate::event::Event as AnyEvent;
use crate::rules::Rules;
use crate::snapshot::{Base, Snapshot, SnapshotMeta};
use crate::types::{Digest, LogIndex, NodeId, Sequence};

/// Words for checkpoints that are further ahead of the stable one are not kept: whoever is so far behind is helped
/// with a proof.
const AHEAD: u64 = 4;

/// Snapshots that are kept until they are proven.
const TAKEN: usize = 2;

/// A replica's checkpoints.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    /// Committed blocks after which a snapshot is to be made, once they are applied.
    pub(super) due: std::collections::VecDeque<Committed>,
    /// The one that the executor makes.
    making: Option<Committed>,
    /// Made and signed, not proven yet.
    taken: Vec<Taken>,
    /// The state at which the instance has ended.
    last: Option<Taken>,
    words: Checkpoints,
    /// The newest proof of which the snapshot is here.
    pub(super) stable: Option<Arc<StableCheckpoint>>,
    pub(super) latest: Option<Arc<Snapshot>>,
    /// The newest proof of all.
    pub(super) proven: Option<Arc<StableCheckpoint>>,
}

#[derive(Clone, Debug)]
struct Taken {
    at: Committed,
    checkpoint: Checkpoint,
    snapshot: Arc<Snapshot>,
}

impl Snapshots {
    pub(super) fn recovered(stable: Option<Arc<StableCheckpoint>>, latest: Option<Arc<Snapshot>>) -> Self {
        let proven = stable.clone();
        Self { stable, latest, proven, ..Self::default() }
    }

    /// Nothing is here but the proof of the state to begin with.
    pub(super) fn held(root: Option<Arc<StableCheckpoint>>) -> Self {
        Self { proven: root, ..Self::default() }
    }

    /// Whether the executor is making one.
    pub(super) fn is_busy(&self) -> bool {
        self.making.is_some()
    }

    /// The state at which the instance has ended, once it is made.
    pub(super) fn last_state(&self) -> Option<(Checkpoint, Arc<Snapshot>)> {
        self.last.as_ref().map(|last| (last.checkpoint, Arc::clone(&last.snapshot)))
    }

    /// Up to where the stable checkpoint reaches.
    pub(super) fn sequence(&self) -> Sequence {
        self.stable.as_ref().map_or(Sequence(0), |stable| stable.checkpoint.sequence)
    }

    /// How many words of others are kept.
    #[cfg(test)]
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }

    /// A state was installed: nothing before it matters.
    pub(super) fn installed(&mut self, stable: Arc<StableCheckpoint>, snapshot: Arc<Snapshot>) {
        self.words.forget_through(stable.checkpoint.sequence);
        *self = Self { words: std::mem::take(&mut self.words), ..Self::recovered(Some(stable), Some(snapshot)) };
    }
}

impl<R: Rules> HotStuff<R> {
    /// Whether a checkpoint is due after this block.
    pub(super) fn is_checkpoint(&self, at: &Committed) -> bool {
        let interval = u64::from(self.config.settings.checkpoint_interval);
        interval > 0 && at.sequence > Sequence(0) && at.sequence.0.is_multiple_of(interval)
    }

    /// Asks for a snapshot where the application has just reached a checkpoint: the state is that one for a moment
    /// only. Where one is being made still, this checkpoint is left to the others.
    pub(super) fn snapshot_at(&mut self, at: Committed, out: &mut Effects) {
        if self.snapshots.making.is_none() && at.sequence > self.snapshots.sequence() {
            self.snapshots.making = Some(at);
            out.snapshot(at.index);
        }
    }

    /// A snapshot is made: what it is is signed and said.
    pub(super) fn on_snapshot_taken(&mut self, index: LogIndex, digest: Digest, data: Bytes, out: &mut Effects) {
        let Some(at) = self.snapshots.making.take_if(|making| making.index == index) else { return };
        if at.sequence <= self.snapshots.sequence() {
            return; // A later state was installed meanwhile.
        }
        let end = self.end.as_ref().filter(|end| end.at == at);
        let membership = end.map_or(&self.members, |end| &end.members).clone();
        let (term, log_time, is_last) = (self.term_of(at.view), at.log_time.unwrap_or_default(), end.is_some());
        let meta = SnapshotMeta { index, term, log_time, membership, digest, subscription: None };
        let snapshot = Arc::new(Snapshot { meta, data });
        let checkpoint = Checkpoint::of(at.sequence, &snapshot);
        if is_last {
            self.snapshots.last = Some(Taken { at, checkpoint, snapshot });
            return;
        }
        if self.snapshots.taken.len() >= TAKEN {
            self.snapshots.taken.remove(0);
        }
        self.snapshots.taken.push(Taken { at, checkpoint, snapshot });
        if let Some(signer) = &self.signer {
            let signature = signer.sign(&checkpoint.statement(&self.config.domain()));
            let message = Message::Checkpoint(Box::new(SignedCheckpoint { checkpoint, signature }));
            self.broadcast(&message, None, out);
            self.count_checkpoint(self.id, &SignedCheckpoint { checkpoint, signature }, out);
        }
        self.settle_checkpoint(out);
    }

    /// Another replica says what its state is.
    pub(super) fn on_checkpoint(&mut self, from: NodeId, signed: &SignedCheckpoint, out: &mut Effects) {
        let proven = self.snapshots.proven.as_ref().map_or(Sequence(0), |proven| proven.checkpoint.sequence);
        let (stable, sequence) = (self.snapshots.sequence(), signed.checkpoint.sequence);
        let interval = u64::from(self.config.settings.checkpoint_interval);
        if sequence <= stable {
            // It has not heard that this one is proven.
            if let Some(proof) = self.snapshots.stable.clone() {
                out.send(from, Message::Stable(Box::new((*proof).clone())), None);
            }
            return;
        }
        if interval > 0 && sequence.0.is_multiple_of(interval) && sequence.0 <= proven.0 + AHEAD * interval {
            self.count_checkpoint(from, signed, out);
        }
    }

    fn count_checkpoint(&mut self, from: NodeId, signed: &SignedCheckpoint, out: &mut Effects) {
        let SignedCheckpoint { checkpoint, signature } = *signed;
        if let Some(proof) = self.snapshots.words.take(from, checkpoint, signature, &self.quorum) {
            self.learn_stable(proof, out);
        }
    }

    /// Takes a proof. Returns whether it is news.
    pub(super) fn learn_stable(&mut self, proof: StableCheckpoint, out: &mut Effects) -> bool {
        let known = self.snapshots.proven.as_ref().map_or(Sequence(0), |proven| proven.checkpoint.sequence);
        if proof.checkpoint.sequence <= known {
            return false;
        }
        self.snapshots.proven = Some(Arc::new(proof));
        self.settle_checkpoint(out);
        true
    }

    /// Where the newest proof is of a snapshot that is here, all before it goes.
    fn settle_checkpoint(&mut self, out: &mut Effects) {
        let Some(proof) = self.snapshots.proven.clone() else { return };
        let sequence = proof.checkpoint.sequence;
        let own = self.snapshots.taken.iter().position(|taken| taken.checkpoint.sequence == sequence);
        let Some(own) = own.filter(|_| sequence > self.snapshots.sequence()) else { return };
        let Taken { at, checkpoint, snapshot } = self.snapshots.taken.remove(own);
        if !out.check(checkpoint == proof.checkpoint, "a proven checkpoint is of the state that is here") {
            return;
        }
        self.snapshots.taken.retain(|taken| taken.at.sequence > sequence);
        self.snapshots.words.forget_through(sequence);
        out.note(|| {
            let signers = proof.certificate.voters().collect();
            AnyEvent::HotStuff(Event::CheckpointStable { index: at.index, signers })
        });
        let base = Base { index: at.index, term: self.term_of(at.view) };
        let known = self.log.last_index();
        self.log.compact(base);
        self.persist.forget_after(known);
        self.persist.snapshot(Arc::clone(&snapshot), base);
        self.persist.stable(&proof);
        self.snapshots.stable = Some(proof);
        self.snapshots.latest = Some(snapshot);
        if at.view > self.root.view {
            self.root = at;
            self.tree.move_root(Root { view: at.view, block: at.block });
        }
    }
}
