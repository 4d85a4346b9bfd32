//! How does a replica get a state that it cannot compute any more?
//!
//! It has the proof of a checkpoint and asks anybody for the snapshot's bytes,
//! chunk by chunk, each time for what follows the bytes that it has: a lost
//! chunk is asked for again, and another replica goes on where one falls silent.
//! Nothing is believed before all bytes are here and have the proven hash; where
//! they do not, all of them go, and the next attempt takes all its bytes from
//! one replica, so that a liar spoils one attempt and not every one (PBFT §5.3.2
//! has trees of pages instead). The proven length bounds the memory.
//!
//! Left out: when to ask (the protocol's timers), and the installation.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::StableCheckpoint;
use crate::crypto::Hash256;
use crate::membership::Membership;
use crate::snapshot::{Assembly, Snapshot};
use crate::types::NodeId;

use super::Checkpoint;

/// Asks for a part of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FetchChunk {
    /// Of the snapshot with this hash.
    pub snapshot: Hash256,
    /// From this byte on.
    pub offset: u64,
}

/// A part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chunk {
    /// Of the snapshot with this hash.
    pub snapshot: Hash256,
    /// From this byte on.
    pub offset: u64,
    /// The bytes.
    #[serde(with = "crate::readable")]
    pub data: Bytes,
}

impl FetchChunk {
    /// The answer of somebody whose snapshot has this hash and these bytes; nothing where another one is asked for.
    #[must_use]
    pub fn answer(&self, snapshot: Hash256, data: &Bytes, chunk_bytes: u32) -> Option<Chunk> {
        let start = usize::try_from(self.offset).ok().filter(|start| *start <= data.len())?;
        let end = start.saturating_add(chunk_bytes as usize).min(data.len());
        (self.snapshot == snapshot).then(|| Chunk { snapshot, offset: self.offset, data: data.slice(start..end) })
    }
}

/// What a chunk has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was of no use.
    Ignored,
    /// More is needed: ask its sender on.
    More(FetchChunk),
    /// All bytes are here, and they are the proven ones.
    Complete(Snapshot),
    /// All bytes are here, and they are not the proven ones. The transfer begins anew with whoever is asked next.
    Forged {
        /// Whoever sent them all; `None` where they came from several.
        by: Option<NodeId>,
    },
}

/// A snapshot that arrives.
#[derive(Clone, Debug)]
pub struct Transfer {
    proof: StableCheckpoint,
    members: Membership,
    assembly: Assembly,
    /// Who is asked.
    source: NodeId,
    /// Whether all bytes so far are of `source`.
    is_pure: bool,
    /// Whether they have to be: another attempt has failed.
    must_be_pure: bool,
    /// Whether any bytes are taken for the proven ones; for the laboratory alone.
    is_credulous: bool,
}

impl Transfer {
    /// Begins to fetch the snapshot of a proven checkpoint from `source`. `None` where it is of other members, or
    /// longer than `limit`.
    #[must_use]
    pub fn new(proof: StableCheckpoint, members: Membership, source: NodeId, limit: u32) -> Option<Self> {
        let Checkpoint { membership, bytes, .. } = proof.checkpoint;
        if Checkpoint::membership_hash(&members) != membership {
            return None;
        }
        let assembly = Assembly::new(proof.checkpoint.meta(members.clone()), bytes, limit)?;
        Some(Self { proof, members, assembly, source, is_pure: true, must_be_pure: false, is_credulous: false })
    }

    /// Takes any bytes of the right length, for lessons that show why they are verified.
    #[must_use]
    pub fn credulous(self) -> Self {
        Self { is_credulous: true, ..self }
    }

    /// What is fetched.
    #[must_use]
    pub fn proof(&self) -> &StableCheckpoint {
        &self.proof
    }

    /// Who is asked.
    #[must_use]
    pub fn source(&self) -> NodeId {
        self.source
    }

    /// How many bytes are here.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.assembly.offset()
    }

    /// What to ask for next.
    #[must_use]
    pub fn request(&self) -> FetchChunk {
        FetchChunk { snapshot: self.proof.checkpoint.snapshot, offset: self.assembly.offset() }
    }

    /// Asks another one from here on: the one before has fallen silent.
    pub fn ask(&mut self, source: NodeId) {
        if self.source == source {
            return;
        }
        self.source = source;
        if self.must_be_pure {
            self.start_anew();
        } else {
            self.is_pure = self.received() == 0;
        }
    }

    /// Takes a chunk.
    pub fn take(&mut self, from: NodeId, chunk: &Chunk) -> Arrival {
        let of_this = chunk.snapshot == self.proof.checkpoint.snapshot && from == self.source;
        let before = self.received();
        if !of_this || chunk.offset != before {
            return Arrival::Ignored;
        }
        self.assembly.add(chunk.offset, &chunk.data);
        if !self.assembly.is_complete() {
            let news = self.received() > before;
            return if news { Arrival::More(self.request()) } else { Arrival::Ignored };
        }
        let by = self.is_pure.then_some(self.source);
        let whole = self.start_anew();
        match whole.and_then(Assembly::finish) {
            Some(snapshot) if self.is_credulous || Hash256::of(&snapshot.data) == self.proof.checkpoint.snapshot => {
                Arrival::Complete(snapshot)
            }
            Some(_) | None => {
                self.must_be_pure = true;
                Arrival::Forged { by }
            }
        }
    }

    /// Forgets all bytes, and returns them.
    fn start_anew(&mut self) -> Option<Assembly> {
        let bytes = self.proof.checkpoint.bytes;
        let empty = Assembly::new(self.proof.checkpoint.meta(self.members.clone()), bytes, u32::MAX)?;
        self.is_pure = true;
        Some(core::mem::replace(&mut self.assembly, empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bft::Certificate;
    use crate::snapshot::SnapshotMeta;
    use crate::types::{Digest, LogIndex, Sequence, Term, Wall};

    const STATE: &[u8] = b"all of the state";

    fn transfer() -> Transfer {
        let members = Membership::of(vec![NodeId(1)]);
        let (index, term, log_time, digest) = (LogIndex(4), Term(1), Wall(5), Digest(7));
        let meta = SnapshotMeta { index, term, log_time, membership: members.clone(), digest, subscription: None };
        let checkpoint = Checkpoint::of(Sequence(2), &Snapshot { meta, data: Bytes::from_static(STATE) });
        let proof = StableCheckpoint { checkpoint, certificate: Certificate::default() };
        Transfer::new(proof, members, NodeId(2), 100).expect("short enough")
    }

    fn chunk(transfer: &Transfer, bytes: &'static [u8]) -> Chunk {
        let FetchChunk { snapshot, .. } = transfer.request();
        transfer.request().answer(snapshot, &Bytes::from_static(bytes), 6).expect("the one asked for")
    }

    #[test]
    fn a_snapshot_arrives_chunk_by_chunk_and_goes_on_with_another_source() {
        let mut transfer = transfer();
        let first = chunk(&transfer, STATE);
        assert!(matches!(transfer.take(NodeId(2), &first), Arrival::More(FetchChunk { offset: 6, .. })));
        assert_eq!(transfer.take(NodeId(2), &first), Arrival::Ignored, "twice");
        let second = chunk(&transfer, STATE);
        assert_eq!(transfer.take(NodeId(3), &second), Arrival::Ignored, "not asked");
        transfer.ask(NodeId(3));
        assert!(matches!(transfer.take(NodeId(3), &second), Arrival::More(FetchChunk { offset: 12, .. })));
        let third = chunk(&transfer, STATE);
        let Arrival::Complete(snapshot) = transfer.take(NodeId(3), &third) else { panic!("complete") };
        assert_eq!((snapshot.data, snapshot.meta.index), (Bytes::from_static(STATE), LogIndex(4)));
    }

    #[test]
    fn bytes_that_are_not_the_proven_ones_are_thrown_away_and_spoil_no_later_attempt() {
        let mut transfer = transfer();
        let spoilt = chunk(&transfer, b"none of the state");
        transfer.take(NodeId(2), &spoilt);
        transfer.ask(NodeId(3));
        for _ in 0..2 {
            let honest = chunk(&transfer, STATE);
            if let Arrival::Forged { by } = transfer.take(NodeId(3), &honest) {
                assert_eq!(by, None, "who lied is not known");
            }
        }
        assert_eq!(transfer.received(), 0);
        let spoilt = chunk(&transfer, b"none of the state");
        assert!(matches!(transfer.take(NodeId(3), &spoilt), Arrival::More(_)));
        transfer.ask(NodeId(4));
        assert_eq!(transfer.received(), 0, "from one source alone");
        let mut last = Arrival::Ignored;
        for _ in 0..3 {
            let honest = chunk(&transfer, STATE);
            last = transfer.take(NodeId(4), &honest);
        }
        assert!(matches!(last, Arrival::Complete(_)));
    }

    #[test]
    fn a_snapshot_that_is_longer_than_the_limit_or_of_other_members_is_not_fetched() {
        let Transfer { proof, members, .. } = transfer();
        assert!(Transfer::new(proof.clone(), members, NodeId(2), 15).is_none());
        assert!(Transfer::new(proof, Membership::of(vec![NodeId(9)]), NodeId(2), 100).is_none());
    }
}
