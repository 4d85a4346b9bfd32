//! What proves a state?
//!
//! Replicas sign a [`Checkpoint`]: where it stands in the order of batches and
//! in the log, and the hash of the snapshot's bytes, which hold the state and
//! the sessions with the results that clients were told (PBFT §4.3). Signatures
//! of a quorum make it *stable* ([`StableCheckpoint`]): the log up to it may go,
//! and whoever lacks it may take the snapshot from anybody, liars included.
//! [`Checkpoints`] counts, in bounded memory.
//!
//! Left out: how the snapshot travels (`transfer`), and who makes one when.

use serde::{Deserialize, Serialize};

use super::Certificate;
use crate::crypto::{Claim, Domain, Hash256, Identity, Signature, Statement};
use crate::membership::Membership;
use crate::quorum::Byzantine;
use crate::snapshot::{Snapshot, SnapshotMeta};
use crate::types::{Digest, LogIndex, NodeId, Sequence, Term, Wall};

/// What the statement of a checkpoint is, among those of a protocol's domain.
pub const CHECKPOINT: u8 = 32;

/// A state, by hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last batch (or height) that is executed in it.
    pub sequence: Sequence,
    /// The last entry that is applied to it.
    pub index: LogIndex,
    /// That entry's term.
    pub term: Term,
    /// That entry's log time.
    pub log_time: Wall,
    /// The members.
    pub membership: Hash256,
    /// The machine's own digest of the state.
    pub digest: Digest,
    /// The snapshot's length in bytes: how much memory it may take is known before the first byte.
    pub bytes: u64,
    /// The hash of the snapshot's bytes.
    pub snapshot: Hash256,
}

impl Checkpoint {
    /// What stands for these members.
    #[must_use]
    pub fn membership_hash(members: &Membership) -> Hash256 {
        Hash256::of(&members.encode())
    }

    /// The checkpoint of this snapshot.
    #[must_use]
    pub fn of(sequence: Sequence, snapshot: &Snapshot) -> Self {
        let SnapshotMeta { index, term, log_time, membership, digest, .. } = &snapshot.meta;
        Self {
            sequence,
            index: *index,
            term: *term,
            log_time: *log_time,
            membership: Self::membership_hash(membership),
            digest: *digest,
            bytes: snapshot.data.len() as u64,
            snapshot: Hash256::of(&snapshot.data),
        }
    }

    /// What a snapshot of it stands for, where these are the members.
    #[must_use]
    pub fn meta(&self, membership: Membership) -> SnapshotMeta {
        let Self { index, term, log_time, digest, .. } = *self;
        SnapshotMeta { index, term, log_time, membership, digest, subscription: None }
    }

    /// What a replica signs.
    #[must_use]
    pub fn statement(&self, domain: &Domain) -> Statement {
        self.statement_of(CHECKPOINT, domain)
    }

    /// The same fields in a statement of another kind.
    #[must_use]
    pub fn statement_of(&self, kind: u8, domain: &Domain) -> Statement {
        Statement::new(domain, kind)
            .number(self.sequence.0)
            .number(self.index.0)
            .number(self.term.0)
            .number(self.log_time.0)
            .number(self.digest.0)
            .number(self.bytes)
            .hash(&self.membership)
            .hash(&self.snapshot)
    }

    /// What has to be verified before one replica's word for it is believed.
    #[must_use]
    pub fn claim(&self, domain: &Domain, by: NodeId, signature: Signature) -> Claim {
        Claim { by: Identity::Node(by), statement: self.statement(domain), signature }
    }
}

/// A checkpoint with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StableCheckpoint {
    /// Which.
    pub checkpoint: Checkpoint,
    /// Signed by a quorum.
    pub certificate: Certificate,
}

impl StableCheckpoint {
    /// Whether a quorum has signed it and its numbers are possible; signatures are verified apart.
    #[must_use]
    pub fn is_proven(&self, quorum: &Byzantine) -> bool {
        let Checkpoint { sequence, index, term, .. } = self.checkpoint;
        let possible = sequence < Sequence::MAX && index < LogIndex::MAX && term <= Term::MAX;
        possible && sequence > Sequence(0) && self.certificate.is_enough(quorum)
    }

    /// What has to be verified before it is believed.
    pub fn claims(&self, domain: &Domain, claims: &mut Vec<Claim>) {
        let statement = self.checkpoint.statement(domain);
        self.certificate.claims(|_| statement.clone(), claims);
    }
}

/// What one voter has signed.
#[derive(Clone, Copy, Debug)]
struct Vote {
    voter: NodeId,
    checkpoint: Checkpoint,
    signature: Signature,
}

/// Checkpoints on their way to be stable: at most one of each voter and sequence, so that memory is bounded by the
/// range of sequences that whoever calls lets in.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints {
    votes: Vec<Vote>,
}

impl Checkpoints {
    /// Takes a verified word of one voter. Returns the proof once a quorum says the same; a voter's first word for a
    /// sequence is the one that counts.
    pub fn take(
        &mut self,
        voter: NodeId,
        checkpoint: Checkpoint,
        signature: Signature,
        quorum: &Byzantine,
    ) -> Option<StableCheckpoint> {
        let known = |vote: &Vote| vote.voter == voter && vote.checkpoint.sequence == checkpoint.sequence;
        if !quorum.is_voter(voter) || self.votes.iter().any(known) {
            return None;
        }
        self.votes.push(Vote { voter, checkpoint, signature });
        let same = || self.votes.iter().filter(|vote| vote.checkpoint == checkpoint);
        quorum.is_quorum(same().map(|vote| vote.voter)).then(|| {
            let signatures = same().map(|vote| (vote.voter, vote.signature));
            StableCheckpoint { checkpoint, certificate: Certificate::of(signatures, quorum.needed()) }
        })
    }

    /// What this voter has said of this sequence.
    #[must_use]
    pub fn said(&self, voter: NodeId, sequence: Sequence) -> Option<(Checkpoint, Signature)> {
        let of = |vote: &&Vote| vote.voter == voter && vote.checkpoint.sequence == sequence;
        self.votes.iter().find(of).map(|vote| (vote.checkpoint, vote.signature))
    }

    /// All that this voter has said.
    pub fn said_by(&self, voter: NodeId) -> impl Iterator<Item = (Checkpoint, Signature)> {
        self.votes.iter().filter(move |vote| vote.voter == voter).map(|vote| (vote.checkpoint, vote.signature))
    }

    /// All up to this sequence are of no use any more.
    pub fn forget_through(&mut self, sequence: Sequence) {
        self.votes.retain(|vote| vote.checkpoint.sequence > sequence);
    }

    /// How many words are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.votes.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(sequence: u64, state: &[u8]) -> Checkpoint {
        let members = Membership::of(vec![NodeId(1)]);
        let meta = SnapshotMeta {
            index: LogIndex(sequence * 2),
            term: Term(1),
            log_time: Wall(5),
            membership: members,
            digest: Digest(7),
            subscription: None,
        };
        Checkpoint::of(Sequence(sequence), &Snapshot { meta, data: state.to_vec().into() })
    }

    #[test]
    fn a_checkpoint_is_stable_once_a_quorum_says_the_same_of_the_same_state() {
        let quorum = Byzantine::of(&[1, 2, 3, 4].map(NodeId), false);
        let (mut counted, signature) = (Checkpoints::default(), Signature([0; 64]));
        let mut take = |voter, checkpoint| counted.take(NodeId(voter), checkpoint, signature, &quorum);
        assert_eq!(take(1, checkpoint(8, b"a")), None);
        assert_eq!(take(2, checkpoint(8, b"b")), None, "another state");
        assert_eq!(take(2, checkpoint(8, b"a")), None, "the first word counts");
        assert_eq!(take(9, checkpoint(8, b"a")), None, "a stranger");
        assert_eq!(take(1, checkpoint(8, b"a")), None, "twice the same voter");
        assert_eq!(take(4, checkpoint(16, b"a")), None, "another sequence");
        assert_eq!(take(3, checkpoint(8, b"a")), None);
        let proof = take(4, checkpoint(8, b"a")).expect("three of four");
        assert_eq!(proof.certificate.voters().collect::<Vec<_>>(), [1, 3, 4].map(NodeId));
        assert!(proof.is_proven(&quorum));
        assert_eq!(counted.len(), 5);
        counted.forget_through(Sequence(8));
        assert_eq!(counted.len(), 1);
    }

    #[test]
    fn each_part_of_a_checkpoint_is_signed() {
        let domain = crate::bft::session(1);
        let base = checkpoint(8, b"a");
        let other = Hash256::of(b"other");
        let changed = [
            Checkpoint { sequence: Sequence(9), ..base },
            Checkpoint { index: LogIndex(9), ..base },
            Checkpoint { term: Term(9), ..base },
            Checkpoint { log_time: Wall(9), ..base },
            Checkpoint { membership: other, ..base },
            Checkpoint { digest: Digest(9), ..base },
            Checkpoint { bytes: 9, ..base },
            Checkpoint { snapshot: other, ..base },
        ];
        assert!(changed.iter().all(|changed| changed.statement(&domain) != base.statement(&domain)));
    }
}
