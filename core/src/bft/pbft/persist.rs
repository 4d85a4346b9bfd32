//! What does a replica of PBFT write besides its log? Shared with others: [`crate::bft::persist`].
//!
//! A message that promises something waits for the newest write of its replica:
//! its own is among them.

use std::sync::Arc;

use super::hard::{HardSlot, HardState};
use super::message::NewView;
use crate::bft::{StableCheckpoint, persist};
use crate::types::Sequence;

pub(super) type Persist = persist::Persist<HardState>;

impl Persist {
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
}
