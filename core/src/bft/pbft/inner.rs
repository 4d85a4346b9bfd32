//! What does a protocol need to know that runs PBFT inside of itself?
//!
//! How one instance begins behind a log that another one has made, what it has
//! decided with which proof, and how it ends: the instance that runs inside says
//! which values end it. Nothing is executed after the first of them; what is
//! ordered there is void, and what waits is handed to whoever comes next. The
//! state at that place is made whatever the checkpoint interval.

use std::sync::Arc;

use super::message::Committed;
use super::value::Value;
use super::{Effects, Pbft};
use crate::bft::{Bundle, Checkpoint, StableCheckpoint};
use crate::quorum::Byzantine;
use crate::rules::{Rule, Rules};
use crate::snapshot::Snapshot;
use crate::types::{LogIndex, Sequence};

/// Whether a value ends the instance: alike at all honest replicas.
pub type Ending = fn(&Value, &Byzantine) -> bool;

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

    /// Such values end the instance. `ended`: where one did, after a restart.
    pub fn ends_with(&mut self, ending: Ending, ended: Option<Sequence>) {
        (self.ending, self.ended) = (Some(ending), ended);
    }

    /// Where the instance has ended: the last number that is executed.
    #[must_use]
    pub fn ended(&self) -> Option<Sequence> {
        self.ended
    }

    /// Whether nothing more is executed.
    pub(super) fn is_over(&self) -> bool {
        let rule = match self.successors {
            Some(_) => Rule::EpochEndsAtChange,
            None => Rule::HybridLeaveEndsInstance,
        };
        self.ended.is_some() && self.on(rule)
    }

    /// Takes note of a value that is executed.
    pub(super) fn look_for_end(&mut self, sequence: Sequence, value: &Value, out: &mut Effects) {
        if self.ended.is_none() && self.ending.is_some_and(|ends| ends(value, &self.quorum)) {
            self.ended = Some(sequence);
        }
        if self.ended.is_none() && self.config.epoch.is_some() {
            self.look_for_change(sequence, value, out);
        }
    }

    /// The state at which the instance has ended, once it is made.
    #[must_use]
    pub fn final_state(&self) -> Option<(Checkpoint, Arc<Snapshot>)> {
        let ended = self.ended?;
        let made = self.snapshots.made(ended)?;
        Some((made.checkpoint, Arc::clone(&made.snapshot)))
    }

    /// The requests that wait, executed nowhere as far as this replica knows.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Bundle>> {
        self.pool.waiting()
    }
}
