//! How does a stopped instance end for a replica?
//!
//! It is decided which history goes on. The replica executes it without a commit
//! certificate: the decision stands in its place. What it lacks it fetches by
//! hash, as at the beginning of a term. Then another protocol takes over, and
//! this one answers those alone who lack a part of its history.

use std::sync::Arc;

use super::link::Mark;
use super::{Effects, Rounds};
use crate::bft::Bundle;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::types::{LogIndex, Now};

impl<R: Rules> Rounds<R> {
    /// Executes the history up to `end`, as far as it is here, and asks for the rest. For one that has stopped.
    pub fn conclude(&mut self, now: Now, end: Option<Mark>, out: &mut Effects) {
        let Some(end) = end.filter(|end| end.sequence > self.committed && self.stopped) else { return };
        if !self.chain.contains(&end)
            && let Some(path) = self.chain.path(end.hash, self.committed).filter(|path| self.continues(path))
        {
            self.go_on_with(&path);
        }
        if self.chain.contains(&end) {
            self.fetching = None;
            self.truncate(end.sequence.0);
            self.execute_through(end.sequence, out);
        } else if self.fetching != Some(end.hash) {
            self.fetching = Some(end.hash);
            self.fetch_links(out);
        } else {
            return;
        }
        self.follow_up(now, out);
    }

    /// Whether all of the history up to `end` is executed, behind the state that the instance began with.
    #[must_use]
    pub fn has_concluded(&self, end: Option<Mark>) -> bool {
        self.committed >= self.low() && end.is_none_or(|end| self.committed >= end.sequence)
    }

    /// Whether all that is executed is durable and applied, and nothing is on its way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let applied = self.applying.applied == self.log.last_index() && self.persist.promise().is_none();
        applied && self.installing.is_none() && self.arrived.is_none() && !self.snapshots.is_making()
    }

    /// The newest state that it has in its store, or is on its way there.
    #[must_use]
    pub fn newest_snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.snapshots.newest()
    }

    /// Another protocol takes over: it applies and answers clients no more. Returns the requests that wait.
    pub fn retire(&mut self) -> Vec<Arc<Bundle>> {
        let waiting = self.pool.waiting().cloned().collect();
        self.pool.clear();
        (self.retired, self.applying.asked) = (true, LogIndex::MAX);
        waiting
    }
}
