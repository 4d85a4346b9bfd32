//! What expires next?
//!
//! Names with their log times, soonest first. It can be computed from the
//! state, so it stands in no digest and in no snapshot.

use std::collections::BTreeSet;

use crate::types::Wall;

/// Names that expire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expiry(BTreeSet<(Wall, String)>);

impl Expiry {
    /// This name expires then.
    pub(super) fn plan(&mut self, at: Option<Wall>, name: &str) {
        if let Some(at) = at {
            self.0.insert((at, name.into()));
        }
    }

    /// It does not, after all.
    pub(super) fn cancel(&mut self, at: Option<Wall>, name: &str) {
        if let Some(at) = at {
            self.0.remove(&(at, name.into()));
        }
    }

    /// When the next one expires.
    pub(super) fn next(&self) -> Option<Wall> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes out one that has expired by then.
    pub(super) fn take(&mut self, log_time: Wall) -> Option<String> {
        let due = self.next().is_some_and(|at| at <= log_time);
        if due { self.0.pop_first().map(|(_, name)| name) } else { None }
    }
}
