//! What must a replica of the hybrid not forget?
//!
//! What the protocols of its phases must not forget, and how far it is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rounds;
use crate::bft::pbft;
use crate::storage::Hard;

/// All that a replica must not forget apart from its log; in a write, what has changed of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
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
}

fn absorb<H: Hard>(known: &mut Option<Box<H>>, later: Option<Box<H>>) {
    if let Some(later) = later {
        known.get_or_insert_default().absorb(*later);
    }
}

impl Hard for HardState {
    fn absorb(&mut self, later: Self) {
        let Self { rounds, opening, opened, begun, held, bft } = later;
        absorb(&mut self.rounds, rounds);
        absorb(&mut self.opening, opening);
        absorb(&mut self.bft, bft);
        self.opened = opened.or(self.opened.take());
        (self.begun, self.held) = (begun, held);
    }
}
