//! What expires next?
//!
//! Names with their log times, soonest first. It can be computed from the
//! state, so it stands in no digest and in no snapshot.

use std::collections::BTreeMap;

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

/// Names that expire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expiry(BTreeMap<Due, String>);

impl Expiry {
    /// This name expires then.
    pub(super) fn plan(&mut self, due: Option<Due>, name: &str) {
        if let Some(due) = due {
            self.0.insert(due, name.into());
        }
    }

    /// It does not, after all.
    pub(super) fn cancel(&mut self, due: Option<Due>) {
        if let Some(due) = due {
            self.0.remove(&due);
        }
    }

    /// When the next one expires.
    pub(super) fn next(&self) -> Option<Wall> {
        self.0.first_key_value().map(|(due, _)| due.at)
    }

    /// Takes out one that has expired by then.
    pub(super) fn take(&mut self, log_time: Wall) -> Option<String> {
        let due = self.next().is_some_and(|at| at <= log_time);
        if due { self.0.pop_first().map(|(_, name)| name) } else { None }
    }
}
