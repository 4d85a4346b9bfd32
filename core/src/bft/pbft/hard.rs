//! What must a replica not forget?
//!
//! Its view, its stable checkpoint, and of each sequence number after that what
//! it has accepted, what is prepared and what is executed (PBFT §4.2–§4.4 keep
//! the same in the message log). Each is durable before anybody hears of it, so
//! that a restarted replica never contradicts itself. A write carries what has
//! changed; values are shared, and each is written once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::message::{Decided, NewView, Prepared};
use super::value::{Subject, Value};
use crate::bft::{StableCheckpoint, epoch};
use crate::crypto::{Hash256, Signature};
use crate::storage::Hard;
use crate::types::{LogIndex, Sequence, Term};

/// What a replica keeps of one sequence number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardSlot {
    /// The newest pre-prepare that it has accepted, and the primary's signature.
    pub accepted: Option<(Subject, Signature)>,
    /// The proof of the newest view in which something was prepared here.
    pub prepared: Option<Arc<Prepared>>,
    /// The proof of what is committed here.
    pub decided: Option<Arc<Decided>>,
    /// Where the log ends once it is executed; `None` while it is not.
    pub last: Option<LogIndex>,
    /// The bodies of these, as far as they are here.
    pub values: SmallVec<[Arc<Value>; 1]>,
}

impl HardSlot {
    /// The value of this hash, where it is here.
    #[must_use]
    pub fn value(&self, hash: Hash256) -> Option<&Arc<Value>> {
        self.values.iter().find(|value| value.hash() == hash)
    }

    /// Takes what a later write says.
    fn absorb(&mut self, later: Self) {
        let Self { accepted, prepared, decided, last, values } = later;
        self.accepted = accepted.or(self.accepted);
        self.prepared = prepared.or(self.prepared.take());
        self.decided = decided.or(self.decided.take());
        self.last = last.or(self.last);
        for value in values {
            self.keep(value);
        }
        self.drop_unused();
    }

    /// Holds a body.
    pub fn keep(&mut self, value: Arc<Value>) {
        if self.value(value.hash()).is_none() {
            self.values.push(value);
        }
    }

    /// Bodies that nothing names any more go.
    pub fn drop_unused(&mut self) {
        let accepted = self.accepted.map(|(subject, _)| subject.hash);
        let prepared = self.prepared.as_ref().map(|prepared| prepared.subject.hash);
        let decided = self.decided.as_ref().map(|decided| decided.subject.hash);
        let named = [accepted, prepared, decided];
        self.values.retain(|value| named.contains(&Some(value.hash())));
    }
}

/// All that a replica must not forget apart from its log; in a write, what has changed of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// Its view.
    pub view: Term,
    /// Whether it waits for that view's beginning: it takes part in no earlier one any more.
    pub changing: bool,
    /// The last sequence number whose entries are in the log.
    pub executed: Sequence,
    /// The proof of its stable checkpoint; `None` at the beginning.
    pub stable: Option<Arc<StableCheckpoint>>,
    /// How its view began; `None` for the first.
    pub new_view: Option<Arc<NewView>>,
    /// By sequence number, after the stable checkpoint.
    pub slots: Vec<(Sequence, HardSlot)>,
    /// Which epoch this is, and whether it has ended. The rest is of that epoch.
    pub epoch: epoch::HardState,
}

impl HardState {
    /// The sequence number of the stable checkpoint.
    #[must_use]
    pub fn low(&self) -> Sequence {
        self.stable.as_ref().map_or(Sequence(0), |stable| stable.checkpoint.sequence)
    }
}

impl Hard for HardState {
    fn absorb(&mut self, later: Self) {
        if self.epoch.ends_with(&later.epoch) {
            *self = Self { epoch: std::mem::take(&mut self.epoch), ..Self::default() };
        }
        let Self { view, changing, executed, stable, new_view, slots, epoch } = later;
        self.epoch.absorb(epoch);
        (self.view, self.changing, self.executed) = (view, changing, executed);
        self.new_view = new_view.or(self.new_view.take());
        for (sequence, slot) in slots {
            match self.slots.binary_search_by_key(&sequence, |(known, _)| *known) {
                Ok(at) => self.slots[at].1.absorb(slot),
                Err(at) => self.slots.insert(at, (sequence, slot)),
            }
        }
        if stable.is_some() {
            self.stable = stable;
            let low = self.low();
            self.slots.retain(|(sequence, _)| *sequence > low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bft::Batch;
    use crate::types::Wall;

    fn value(time: u64) -> Arc<Value> {
        Arc::new(Value::new(Term(1), Batch::new(Some(Wall(time)), Vec::new())))
    }

    fn accepts(view: u64, sequence: u64, value: &Arc<Value>) -> HardState {
        let subject = Subject { view: Term(view), sequence: Sequence(sequence), hash: value.hash() };
        let slot = HardSlot {
            accepted: Some((subject, Signature([0; 64]))),
            values: [Arc::clone(value)].into_iter().collect(),
            ..HardSlot::default()
        };
        HardState { view: Term(view), slots: vec![(Sequence(sequence), slot)], ..HardState::default() }
    }

    #[test]
    fn a_write_that_begins_an_epoch_leaves_nothing_of_the_one_before() {
        let mut hard = accepts(3, 2, &value(1));
        let begun = epoch::HardState { number: 1, ..epoch::HardState::default() };
        let later = HardState { executed: Sequence(2), epoch: begun, ..HardState::default() };
        hard.absorb(later.clone());
        assert_eq!(hard, later);
        hard.absorb(accepts(1, 3, &value(2)));
        assert_eq!((hard.epoch, hard.slots.len(), hard.view), (later.epoch, 1, Term(1)));
    }

    #[test]
    fn a_later_write_changes_what_it_speaks_of_and_leaves_the_rest() {
        let (first, second) = (value(1), value(2));
        let mut hard = accepts(0, 2, &first);
        hard.absorb(accepts(0, 1, &first));
        let prepared = Prepared { subject: hard.slots[0].1.accepted.unwrap().0, certificate: Default::default() };
        let proof = HardSlot { prepared: Some(Arc::new(prepared)), ..HardSlot::default() };
        hard.absorb(HardState { slots: vec![(Sequence(1), proof)], ..HardState::default() });
        hard.absorb(accepts(3, 1, &second));
        assert_eq!(hard.slots.iter().map(|(sequence, _)| sequence.0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(hard.slots[0].1.values.as_slice(), [Arc::clone(&first), Arc::clone(&second)], "one is prepared");
        hard.absorb(accepts(4, 2, &second));
        assert_eq!((hard.slots[1].1.values.as_slice(), hard.view), ([second].as_slice(), Term(4)));
    }
}
