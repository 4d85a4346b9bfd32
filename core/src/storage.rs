//! What survives a crash?
//!
//! A disk image is the formatted store of one node: hard state and log as far
//! as they were synced. Executors apply completed writes to it; a restart is
//! `recover(config, image)` and nothing else carries over. Bootstrap formats
//! the store before the first step, so an empty store always means a lost one.

use serde::{Deserialize, Serialize};

use crate::entry::Entries;
use crate::types::{Incarnation, LogIndex, NodeId, Ticket};

/// One write to a node's store: hard state, then truncation, then append, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Write<H> {
    /// Completes in the order of tickets.
    pub ticket: Ticket,
    /// The protocol's hard state, where it changed.
    pub hard: Option<H>,
    /// Remove all entries from this index on.
    pub truncate: Option<LogIndex>,
    /// Then append these; they continue the log without a gap.
    pub append: Entries,
}

/// What bootstrap writes and syncs before the first step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Format {
    /// Refuses to mix the stores of two clusters.
    pub cluster: u64,
    /// Whose store it is.
    pub node: NodeId,
}

/// The synced content of one node's store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiskImage<H> {
    /// `None`: never formatted, or lost. Such a node does not vote.
    pub format: Option<Format>,
    /// Starts counted; raised and synced before each start.
    pub incarnation: Incarnation,
    /// Term and vote, or whatever else the protocol must not forget.
    pub hard: H,
    /// The synced log, from index 1.
    pub log: Vec<std::sync::Arc<crate::entry::Entry>>,
}

impl<H: Default> DiskImage<H> {
    /// A store that bootstrap has formatted for `node`.
    #[must_use]
    pub fn formatted(cluster: u64, node: NodeId) -> Self {
        Self {
            format: Some(Format { cluster, node }),
            incarnation: Incarnation(0),
            hard: H::default(),
            log: Vec::new(),
        }
    }

    /// A store that was never formatted, or was lost.
    #[must_use]
    pub fn empty() -> Self {
        Self { format: None, incarnation: Incarnation(0), hard: H::default(), log: Vec::new() }
    }
}

impl<H: Clone> DiskImage<H> {
    /// Applies one completed write.
    ///
    /// # Errors
    /// A write that would leave a gap in the log is refused and changes nothing.
    pub fn apply(&mut self, write: &Write<H>) -> Result<(), Gap> {
        let kept = write.truncate.map_or(self.last_index(), |from| from.previous().min(self.last_index()));
        if let Some(first) = write.append.first()
            && first.index != kept.next()
        {
            return Err(Gap { expected: kept.next(), found: first.index });
        }
        if let Some(hard) = &write.hard {
            self.hard = hard.clone();
        }
        self.log.truncate(usize::try_from(kept.0).unwrap_or(usize::MAX));
        self.log.extend(write.append.iter().cloned());
        Ok(())
    }

    /// Index of the last synced entry.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        self.log.last().map_or(LogIndex::ZERO, |entry| entry.index)
    }
}

/// A write that does not continue the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the write starts at index {found}, the log continues at {expected}")]
pub struct Gap {
    /// Where the log continues.
    pub expected: LogIndex,
    /// Where the write starts.
    pub found: LogIndex,
}
