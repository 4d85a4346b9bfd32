//! With what does a replica go on after a restart?
//!
//! With what its store holds: all that it has promised is there. Its own votes
//! are signed anew, for one statement has one signature; other replicas' votes
//! come again when it asks. Entries that follow its snapshot are applied again,
//! and the state of a checkpoint among them is hashed again.

use std::sync::Arc;

use super::Pbft;
use super::checkpoint::Made;
use super::execute::Execution;
use super::hard::HardState;
use crate::bft::epoch;
use crate::rules::Rules;
use crate::storage::{DiskImage, Format};

impl<R: Rules> Pbft<R> {
    /// Takes up what the store holds of slots, votes and checkpoints.
    pub(super) fn recall(&mut self, image: &DiskImage<HardState>) {
        let HardState { slots, stable, executed, .. } = &image.hard;
        let low = self.low();
        if let (Some(snapshot), Some(stable)) = (&image.snapshot, stable)
            && stable.checkpoint.index == snapshot.meta.index
        {
            self.serve(Made { checkpoint: stable.checkpoint, snapshot: Arc::clone(snapshot) });
        } else if let Some(stable) = stable.as_ref().filter(|stable| stable.checkpoint.sequence <= *executed) {
            // Its state is made again once the log is applied up to there.
            let (last, value) = (stable.checkpoint.index, stable.checkpoint.snapshot);
            self.applying.push(Execution { sequence: low, last, value }, false);
        }
        for (sequence, hard) in slots.iter().filter(|(sequence, _)| *sequence > low) {
            if let (Some(last), Some(decided)) = (hard.last, &hard.decided)
                && sequence <= executed
            {
                let value = decided.subject.hash;
                self.applying.push(Execution { sequence: *sequence, last, value }, true);
            }
            if let Some(slot) = self.slots.at(*sequence) {
                slot.hard = hard.clone();
            }
            self.recall_votes(*sequence);
        }
        if self.changing
            && let Some(own) = self.own_view_change()
        {
            self.view_changes.put(self.place_of(self.id), self.quorum.voters().len(), own);
        }
    }

    /// What a store would hold, for a replica that has none: it starts from this again as from a store.
    #[must_use]
    pub fn image(&self, format: Arc<Format>) -> DiskImage<HardState> {
        let slots = self.slots.following(self.low()).filter(|(_, slot)| !slot.is_blank());
        let hard = HardState {
            view: self.view,
            changing: self.changing,
            executed: self.executed,
            stable: self.stable.clone(),
            new_view: self.new_view.clone(),
            slots: slots.map(|(sequence, slot)| (sequence, slot.hard.clone())).collect(),
            epoch: epoch::HardState { ended: self.ended_with(), ..epoch::HardState::default() },
        };
        DiskImage {
            format: Some(format),
            incarnation: self.persist.incarnation(),
            hard,
            log: self.log.iter().cloned().collect(),
            base: self.log.base(),
            snapshot: self.snapshots.newest().cloned(),
        }
    }
}
