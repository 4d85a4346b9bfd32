//! What survives a crash?
//!
//! A disk image is the formatted store of one node: hard state, snapshot and
//! log as far as they were synced. Executors apply completed writes to it; a
//! restart is `recover(config, image)`, with the state machine restored from the
//! image's snapshot, and nothing else carries over. Bootstrap formats the store
//! before the first step, with the members that the cluster begins with, so an
//! empty store always means a lost one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::entry::{Entries, Entry};
use crate::membership::Membership;
use crate::snapshot::{Base, Snapshot};
use crate::types::{Incarnation, LogIndex, NodeId, Ticket};

/// What a protocol must not forget apart from its log.
///
/// A write may carry a part of it only: what changed. The store holds the whole.
pub trait Hard: Clone + Default {
    /// Takes what a later write says. By default it says everything, and takes the place of what was there.
    fn absorb(&mut self, later: Self) {
        *self = later;
    }
}

/// One write to a node's store: hard state, snapshot, compaction, truncation, append, in this order, all or nothing.
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
    /// A snapshot that takes the place of the one before it.
    #[serde(default)]
    pub snapshot: Option<Arc<Snapshot>>,
    /// Remove all entries up to this one; all of the log where it does not hold this one.
    #[serde(default)]
    pub compact: Option<Base>,
}

impl<H: Clone> Write<H> {
    /// The write as records tell it: the snapshot's bytes are left out, for they are as large as the state and
    /// nobody looks into them.
    #[must_use]
    pub fn recorded<A>(&self) -> Write<A>
    where
        H: Into<A>,
    {
        let told =
            |snapshot: &Arc<Snapshot>| Arc::new(Snapshot { meta: snapshot.meta.clone(), data: bytes::Bytes::new() });
        Write {
            ticket: self.ticket,
            hard: self.hard.clone().map(Into::into),
            truncate: self.truncate,
            append: self.append.clone(),
            snapshot: self.snapshot.as_ref().map(told),
            compact: self.compact,
        }
    }
}

/// What bootstrap writes and syncs before the first step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Format {
    /// Refuses to mix the stores of two clusters.
    pub cluster: u64,
    /// Whose store it is.
    pub node: NodeId,
    /// Who belonged to the cluster when it began. It counts until a snapshot or an entry of the log says something
    /// newer; a node that took its settings' word instead could act on other members after a restart.
    pub members: Membership,
}

/// The synced content of one node's store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiskImage<H> {
    /// `None`: never formatted, or lost. Such a node does not vote.
    pub format: Option<Arc<Format>>,
    /// Starts counted; raised and synced before each start.
    pub incarnation: Incarnation,
    /// Term and vote, or whatever else the protocol must not forget.
    pub hard: H,
    /// The synced log, after `base`.
    pub log: Vec<Arc<Entry>>,
    /// The last entry that was compacted away.
    #[serde(default)]
    pub base: Base,
    /// The newest synced snapshot.
    #[serde(default)]
    pub snapshot: Option<Arc<Snapshot>>,
}

impl<H: Hard> DiskImage<H> {
    /// A store that bootstrap has formatted for `node`, in a cluster that begins with these members.
    #[must_use]
    pub fn formatted(cluster: u64, node: NodeId, members: Membership) -> Self {
        Self { format: Some(Arc::new(Format { cluster, node, members })), ..Self::empty() }
    }

    /// A store that was never formatted, or was lost.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            format: None,
            incarnation: Incarnation(0),
            hard: H::default(),
            log: Vec::new(),
            base: Base::NONE,
            snapshot: None,
        }
    }
}

impl<H> DiskImage<H> {
    /// Refuses the store of another cluster or node. One that was never formatted, or was lost, belongs to nobody: its
    /// node starts and stays silent.
    ///
    /// # Errors
    /// Whose store it is, and whose was expected.
    pub fn belongs_to(&self, cluster: u64, node: NodeId) -> Result<(), Foreign> {
        match &self.format {
            Some(found) if (found.cluster, found.node) != (cluster, node) => {
                Err(Foreign { found: (found.cluster, found.node), expected: (cluster, node) })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Who belonged to the cluster when it began; `None` where the store was never formatted, or was lost.
    #[must_use]
    pub fn first_members(&self) -> Option<&Membership> {
        self.format.as_ref().map(|format| &format.members)
    }
}

/// A store of another cluster, or of another node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the store belongs to {} of cluster {}, and {} of cluster {} was started on it",
    found.1,
    found.0,
    expected.1,
    expected.0
)]
pub struct Foreign {
    /// Whose it is: of which cluster, and which node.
    pub found: (u64, NodeId),
    /// Whose was expected.
    pub expected: (u64, NodeId),
}

impl<H: Hard> DiskImage<H> {
    /// Applies one completed write.
    ///
    /// # Errors
    /// A write that would leave a gap in the log is refused and changes nothing.
    pub fn apply(&mut self, write: &Write<H>) -> Result<(), Gap> {
        self.take(&mut write.clone())
    }

    /// Applies one completed write that nobody else needs, and empties it: entries are moved, and none is counted
    /// anew.
    ///
    /// # Errors
    /// A write that would leave a gap in the log is refused and changes nothing.
    pub fn take(&mut self, write: &mut Write<H>) -> Result<(), Gap> {
        cut_log(&mut self.base, &mut self.log, write)?;
        self.log.extend(write.append.drain(..));
        if let Some(hard) = write.hard.take() {
            self.hard.absorb(hard);
        }
        if write.snapshot.is_some() {
            self.snapshot = write.snapshot.take();
        }
        Ok(())
    }

    /// Index of the last synced entry, or of the last one that was compacted away.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        LogIndex(self.base.index.0 + self.log.len() as u64)
    }

    /// The synced entries from `from` to `through`, both included; none where the log does not hold them all.
    #[must_use]
    pub fn entries(&self, from: LogIndex, through: LogIndex) -> &[Arc<Entry>] {
        let position = |index: LogIndex| usize::try_from(index.0.checked_sub(self.base.index.0)?).ok();
        let range = position(from.previous()).zip(position(through));
        range.and_then(|(start, end)| self.log.get(start..end)).unwrap_or_default()
    }
}

/// Does to a log after `base` what a write says: compacts, truncates, appends.
///
/// # Errors
/// A write that would leave a gap is refused and changes nothing.
pub fn change_log<H>(base: &mut Base, log: &mut Vec<Arc<Entry>>, write: &Write<H>) -> Result<(), Gap> {
    cut_log(base, log, write)?;
    log.extend(write.append.iter().cloned());
    Ok(())
}

/// Compacts and truncates, so that what a write appends continues the log.
fn cut_log<H>(base: &mut Base, log: &mut Vec<Arc<Entry>>, write: &Write<H>) -> Result<(), Gap> {
    let last = LogIndex(base.index.0 + log.len() as u64);
    if let Some(compact) = write.compact.filter(|compact| compact.index >= LogIndex::MAX) {
        return Err(Gap { expected: LogIndex::MAX, found: compact.index });
    }
    let (new_base, dropped) = match write.compact {
        Some(compact) => (compact, covered(*base, log, compact)),
        None => (*base, 0),
    };
    let last = if dropped == log.len() { new_base.index } else { last };
    let kept = write.truncate.map_or(last, |from| from.previous().min(last).max(new_base.index));
    let follows = write.append.iter().zip(kept.0 + 1..).find(|(entry, expected)| entry.index.0 != *expected);
    if let Some((entry, expected)) = follows {
        return Err(Gap { expected: LogIndex(expected), found: entry.index });
    }
    *base = new_base;
    log.drain(..dropped);
    log.truncate(usize::try_from(kept.0 - base.index.0).unwrap_or(usize::MAX));
    Ok(())
}

/// How many entries a compaction removes: those up to `compact`, and all of them where the log does not hold it
/// (Raft paper §7: what follows the snapshot's last entry stays only where that entry is there).
fn covered(base: Base, log: &[Arc<Entry>], compact: Base) -> usize {
    if compact == base {
        return 0;
    }
    let position = compact.index.0.checked_sub(base.index.0 + 1).and_then(|position| usize::try_from(position).ok());
    match position.and_then(|position| Some((position, log.get(position)?))) {
        Some((position, entry)) if entry.term == compact.term => position + 1,
        Some(_) | None => log.len(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Term;

    impl Hard for u64 {}

    fn write(change: impl FnOnce(&mut Write<u64>)) -> Write<u64> {
        let ticket = Ticket { incarnation: Incarnation(1), sequence: 1 };
        let append = Entries::new();
        let mut write = Write { ticket, hard: None, truncate: None, append, snapshot: None, compact: None };
        change(&mut write);
        write
    }

    fn image(terms: &[u64]) -> DiskImage<u64> {
        let mut image = DiskImage::formatted(1, NodeId(1), Membership::of(vec![NodeId(1)]));
        let entries = terms.iter().zip(1..).map(|(term, index)| Arc::new(crate::raft::testing::entry(index, *term)));
        image.log = entries.collect();
        image
    }

    fn base(index: u64, term: u64) -> Base {
        Base { index: LogIndex(index), term: Term(term) }
    }

    fn held(image: &DiskImage<u64>) -> Vec<u64> {
        image.log.iter().map(|entry| entry.index.0).collect()
    }

    /// A node with another's memory would break that one's promises.
    #[test]
    fn the_store_of_another_cluster_or_node_is_refused() {
        let store = DiskImage::<u64>::formatted(7, NodeId(1), Membership::of(vec![NodeId(1)]));
        assert_eq!(store.belongs_to(7, NodeId(1)), Ok(()));
        assert!(store.belongs_to(8, NodeId(1)).is_err());
        let error = store.belongs_to(7, NodeId(2)).expect_err("another node's");
        assert_eq!(error.to_string(), "the store belongs to n1 of cluster 7, and n2 of cluster 7 was started on it");
        assert_eq!(DiskImage::<u64>::empty().belongs_to(7, NodeId(1)), Ok(()), "it was lost");
    }

    #[test]
    fn a_compaction_keeps_what_follows_an_entry_that_is_there() {
        let mut image = image(&[1, 1, 2, 2]);
        assert_eq!(image.apply(&write(|write| write.compact = Some(base(3, 2)))), Ok(()));
        assert_eq!((image.base, held(&image), image.last_index()), (base(3, 2), vec![4], LogIndex(4)));
    }

    /// Raft paper §7: a log without the snapshot's last entry is superseded as a whole.
    #[test]
    fn a_compaction_through_an_entry_that_is_not_there_removes_the_log() {
        for compact in [base(3, 9), base(7, 2)] {
            let mut image = image(&[1, 1, 2, 2]);
            assert_eq!(image.apply(&write(|write| write.compact = Some(compact))), Ok(()));
            assert_eq!((image.base, held(&image)), (compact, vec![]));
        }
    }

    #[test]
    fn the_log_goes_on_after_its_base_and_a_gap_changes_nothing() {
        let mut image = image(&[1, 1]);
        let next = |index| [Arc::new(crate::raft::testing::entry(index, 3))].into_iter().collect::<Entries>();
        let gap = write(|write| (write.compact, write.append) = (Some(base(5, 2)), next(7)));
        assert_eq!(image.apply(&gap), Err(Gap { expected: LogIndex(6), found: LogIndex(7) }));
        assert_eq!((image.base, held(&image)), (Base::NONE, vec![1, 2]));
        let follows = write(|write| (write.compact, write.append) = (Some(base(5, 2)), next(6)));
        assert_eq!(image.apply(&follows), Ok(()));
        assert_eq!(image.entries(LogIndex(6), LogIndex(6)).len(), 1);
        assert_eq!(image.entries(LogIndex(5), LogIndex(6)).len(), 0, "what was compacted away is not there");
    }
}
