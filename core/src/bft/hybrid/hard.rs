//! What must a replica of the hybrid not forget?
//!
//! What the protocols of its phases must not forget, and how far it is. A write
//! of a later era leaves nothing of the one before: what that has come to is in
//! the snapshot that the write carries, or is fetched.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rounds;
use crate::bft::{epoch, pbft};
use crate::storage::Hard;
use crate::types::{NodeId, Sequence};

/// All that a replica must not forget apart from its log; in a write, what has changed of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// How often it has returned to the two rounds.
    pub era: u64,
    /// Of the two rounds.
    pub rounds: Option<Box<rounds::HardState>>,
    /// Of the instance that decides what PBFT begins with.
    pub opening: Option<Box<pbft::HardState>>,
    /// That decision, with its proof.
    pub opened: Option<Arc<pbft::Committed>>,
    /// Whether PBFT has begun here.
    pub begun: bool,
    /// Whether it began without all of its beginning, and waits for a state.
    pub held: bool,
    /// Of PBFT.
    pub bft: Option<Box<pbft::HardState>>,
    /// Where PBFT has ended: written with the execution of that place.
    pub ended: Option<Sequence>,
    /// Who was convicted, and in which era.
    pub convicted: Vec<(u64, NodeId)>,
    /// Which epoch this is. The rest is of that epoch, but for the number of the era, which counts on over all of them.
    pub epoch: epoch::HardState,
}

fn absorb<H: Hard>(known: &mut Option<Box<H>>, later: Option<Box<H>>) {
    if let Some(later) = later {
        known.get_or_insert_default().absorb(*later);
    }
}

impl Hard for HardState {
    fn absorb(&mut self, later: Self) {
        if later.era > self.era || self.epoch.ends_with(&later.epoch) {
            *self = Self { epoch: std::mem::take(&mut self.epoch), ..Self::default() };
        }
        let Self { era, rounds, opening, opened, begun, held, bft, ended, convicted, epoch } = later;
        self.epoch.absorb(epoch);
        (self.era, self.ended, self.convicted) = (era, ended, convicted);
        absorb(&mut self.rounds, rounds);
        absorb(&mut self.opening, opening);
        absorb(&mut self.bft, bft);
        self.opened = opened.or(self.opened.take());
        (self.begun, self.held) = (begun, held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_of_a_later_era_leaves_nothing_of_the_one_before() {
        let old = HardState { begun: true, held: true, bft: Some(Box::default()), ..HardState::default() };
        let new = HardState { era: 1, rounds: Some(Box::default()), ..HardState::default() };
        let mut hard = old.clone();
        hard.absorb(new.clone());
        assert_eq!(hard, new);
        let epoch = epoch::HardState { number: 1, ..epoch::HardState::default() };
        let begun = HardState { epoch, ..new };
        hard.absorb(HardState { opening: Some(Box::default()), ..HardState { era: 1, ..HardState::default() } });
        hard.absorb(begun.clone());
        assert_eq!(hard, begun, "nor does one of a later epoch");
        hard.absorb(HardState { era: 2, ..HardState::default() });
        assert_eq!(hard, HardState { era: 2, epoch: begun.epoch, ..HardState::default() }, "eras do not end an epoch");
        let mut same = old;
        same.absorb(HardState { ended: Some(Sequence(3)), begun: true, ..HardState::default() });
        assert_eq!((same.bft, same.ended, same.held), (Some(Box::default()), Some(Sequence(3)), false));
    }
}
