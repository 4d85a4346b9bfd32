//! What does a protocol need to know that runs PBFT inside of itself?
//!
//! How one instance begins behind a log that another one has made, and what it
//! has decided with which proof.

use std::sync::Arc;

use super::Pbft;
use super::message::Committed;
use crate::bft::StableCheckpoint;
use crate::rules::Rules;
use crate::types::{LogIndex, Sequence};

impl<R: Rules> Pbft<R> {
    /// The state machine has applied the log up to here already. `held`: a part of the log is missing, and nothing is
    /// executed before a state takes its place.
    pub fn resume(&mut self, applied: LogIndex, held: bool) {
        (self.applying.asked, self.applying.applied) = (applied, applied);
        self.held = held;
    }

    /// Executes nothing before it has a state.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// What is committed at a sequence number, with the proof, where it is held.
    #[must_use]
    pub fn committed(&self, sequence: Sequence) -> Option<Committed> {
        let slot = self.slots.get(sequence)?;
        let value = Arc::clone(slot.decided()?);
        Some(Committed { value, decided: Arc::clone(slot.hard.decided.as_ref()?) })
    }

    /// Its number among the instances of a cluster.
    #[must_use]
    pub fn instance(&self) -> u64 {
        self.domain.instance
    }

    /// The proof of its stable checkpoint.
    #[must_use]
    pub fn stable_checkpoint(&self) -> Option<&Arc<StableCheckpoint>> {
        self.stable.as_ref()
    }
}
