//! What stands in the place of a log's beginning?
//!
//! A snapshot is the state at one index, with sessions and membership (Raft
//! paper §7; thesis §5.1): whoever has it needs no entry up to that index. It
//! travels in chunks; [`Assembly`] puts them together again, whatever is lost,
//! doubled or out of order on the way, and takes no more memory than it was
//! told. When one is made, sent and installed stands in `raft/snapshot`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::membership::Membership;
use crate::types::{Digest, LogIndex, Term, Wall};

/// The last entry that was compacted away: the log goes on after it. (0, 0) where nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Base {
    /// Its index.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
}

impl Base {
    /// Nothing was compacted away.
    pub const NONE: Self = Self { index: LogIndex::ZERO, term: Term(0) };
}

/// What a snapshot stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// The last entry that it holds (§7, "last included index").
    pub index: LogIndex,
    /// That entry's term (§7, "last included term").
    pub term: Term,
    /// That entry's log time: later entries are stamped no earlier.
    pub log_time: Wall,
    /// The members at that index (§7: "the latest configuration in the log as of last included index").
    pub membership: Membership,
    /// Digest of the state, sessions included; a restored machine has the same.
    pub digest: Digest,
    /// What the state is a part for, where it is not the whole: the subscription of an edge.
    #[serde(default)]
    pub subscription: Option<Digest>,
}

impl SnapshotMeta {
    /// The entry that a log goes on after once it starts from this snapshot.
    #[must_use]
    pub fn base(&self) -> Base {
        Base { index: self.index, term: self.term }
    }
}

/// The state at one index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Snapshot {
    /// What it stands for.
    pub meta: SnapshotMeta,
    /// The machine with its sessions, as the machine writes them.
    #[serde(with = "crate::readable")]
    pub data: Bytes,
}

/// A snapshot that arrives in chunks.
#[derive(Clone, Debug)]
pub struct Assembly {
    meta: SnapshotMeta,
    total: u64,
    data: Vec<u8>,
}

impl Assembly {
    /// Waits for the `total` bytes of this snapshot. `None` where they are more than `limit`. Memory is taken as
    /// the bytes arrive, so a length that is only claimed costs nothing.
    #[must_use]
    pub fn new(meta: SnapshotMeta, total: u64, limit: u32) -> Option<Self> {
        (total <= u64::from(limit)).then_some(Self { meta, total, data: Vec::new() })
    }

    /// What it will be.
    #[must_use]
    pub fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// Whether a chunk of this snapshot and length belongs to it.
    #[must_use]
    pub fn is_of(&self, meta: &SnapshotMeta, total: u64) -> bool {
        self.total == total && self.meta == *meta
    }

    /// How many bytes from the start are here: where the sender goes on.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.data.len() as u64
    }

    /// Takes what is new of a chunk. One that would leave a gap, or reaches beyond the end, changes nothing.
    pub fn add(&mut self, offset: u64, chunk: &[u8]) {
        let end = offset.checked_add(chunk.len() as u64).filter(|end| *end <= self.total);
        if end.is_none() || offset > self.offset() {
            return;
        }
        let known = usize::try_from(self.offset() - offset).unwrap_or(usize::MAX);
        self.data.extend_from_slice(chunk.get(known..).unwrap_or_default());
    }

    /// Whether all bytes are here.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.offset() == self.total
    }

    /// The snapshot, once all bytes are here.
    #[must_use]
    pub fn finish(self) -> Option<Snapshot> {
        self.is_complete().then(|| Snapshot { meta: self.meta, data: self.data.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn meta(index: u64) -> SnapshotMeta {
        let membership = Membership::default();
        let (index, digest) = (LogIndex(index), Digest(index));
        SnapshotMeta { index, term: Term(1), log_time: Wall(0), membership, digest, subscription: None }
    }

    fn assembly(total: usize) -> Assembly {
        Assembly::new(meta(9), total as u64, u32::MAX).expect("within the limit")
    }

    /// Any bytes, any size of chunks, with loss, doubles and any order: the same bytes come out, or none.
    #[test]
    fn chunks_in_any_order_give_the_same_bytes_or_none() {
        let (mut whole, mut partial) = (0, 0);
        for seed in 0..3_000 {
            let mut rng = Rng::new(seed, 7);
            let data: Vec<u8> = (0..rng.below(400)).map(|_| rng.bits() as u8).collect();
            let size = 1 + rng.below(64) as usize;
            let mut assembly = assembly(data.len());
            for _ in 0..1 + rng.below(120) {
                // Mostly where the receiver is, sometimes an old chunk, sometimes one that comes too early.
                let at = match rng.below(4) {
                    0 => rng.below(data.len() as u64 + 1) as usize,
                    _ => assembly.offset() as usize,
                };
                let chunk = &data[at..(at + size).min(data.len())];
                let before = assembly.offset();
                assembly.add(at as u64, chunk);
                assert!(assembly.offset() >= before, "seed {seed}: nothing that is here is given up");
            }
            let complete = assembly.is_complete();
            match assembly.finish() {
                Some(snapshot) => {
                    assert_eq!((snapshot.data.as_ref(), complete), (data.as_slice(), true), "seed {seed}")
                }
                None => partial += 1,
            }
            whole += u32::from(complete);
        }
        assert!(whole > 200 && partial > 200, "{whole} whole and {partial} partial transfers");
    }

    #[test]
    fn a_chunk_that_leaves_a_gap_or_overruns_the_end_changes_nothing() {
        let mut assembly = assembly(10);
        assembly.add(4, &[1; 4]);
        assembly.add(0, &[1; 11]);
        assembly.add(u64::MAX, &[1; 4]);
        assert_eq!(assembly.offset(), 0);
    }

    #[test]
    fn a_chunk_that_overlaps_brings_only_what_is_new() {
        let mut assembly = assembly(6);
        assembly.add(0, &[1, 2, 3, 4]);
        assembly.add(2, &[3, 4, 5, 6]);
        assert_eq!(assembly.finish().map(|snapshot| snapshot.data), Some(Bytes::from_static(&[1, 2, 3, 4, 5, 6])));
    }

    #[test]
    fn more_bytes_than_the_receiver_takes_are_refused_before_any_arrive() {
        assert!(Assembly::new(meta(1), 101, 100).is_none());
        assert!(Assembly::new(meta(1), 100, 100).is_some());
    }

    #[test]
    fn a_chunk_of_another_snapshot_does_not_belong() {
        let assembly = assembly(6);
        assert!(assembly.is_of(&meta(9), 6) && !assembly.is_of(&meta(10), 6) && !assembly.is_of(&meta(9), 7));
    }
}
