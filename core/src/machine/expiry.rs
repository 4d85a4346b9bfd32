//! What expires next?
//!
//! Names with their log times, soonest first. It can be computed from the
//! state, so it stands in no digest and in no snapshot.

use std::collections::{BinaryHeap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::types::{LogIndex, Wall};

/// When something expires. The entry that said so tells two with one log time apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Due {
    /// At this log time.
    pub(super) at: Wall,
    /// By the entry of this index.
    pub(super) by: LogIndex,
}

/// Names that expire, soonest first. What is planned last mostly expires last, so a sorted queue does with little
/// code what a tree would do; where times to live are mixed, planning moves half of the queue at the most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expiry(VecDeque<(Due, String)>);

impl Expiry {
    /// Of these names, in any order.
    pub(super) fn of<'a>(names: impl Iterator<Item = (&'a String, Option<Due>)>) -> Self {
        let mut heap = BinaryHeap::new();
        names.for_each(|(name, due)| heap.extend(due.map(|due| (due, name.clone()))));
        Self(heap.into_sorted_vec().into())
    }

    fn place(&self, due: Due) -> usize {
        self.0.partition_point(|(other, _)| *other < due)
    }

    /// This name expires then.
    pub(super) fn plan(&mut self, due: Option<Due>, name: &str) {
        if let Some(due) = due {
            self.0.insert(self.place(due), (due, name.into()));
        }
    }

    /// It does not, after all.
    pub(super) fn cancel(&mut self, due: Option<Due>) {
        if let Some(due) = due
            && let place = self.place(due)
            && self.0.get(place).is_some_and(|(other, _)| *other == due)
        {
            self.0.remove(place);
        }
    }

    /// When the next one expires.
    pub(super) fn next(&self) -> Option<Wall> {
        self.0.front().map(|(due, _)| due.at)
    }

    /// Takes out one that has expired by then.
    pub(super) fn take(&mut self, log_time: Wall) -> Option<String> {
        let due = self.next().is_some_and(|at| at <= log_time);
        if due { self.0.pop_front().map(|(_, name)| name) } else { None }
    }
}
