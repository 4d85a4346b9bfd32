//! What proves that an epoch has ended, and how the next begins?
//!
//! A quorum of the voters that it had has signed the state at its end and who
//! votes from there on. The statement is of the *next* epoch's domain and of a
//! kind of its own: it is no checkpoint of either epoch, so nobody takes the last
//! state of one epoch for a state in the middle of it. Links one after another,
//! each verified with the voters of the one before, are an *epoch change proof*
//! (LibraBFT): whoever knows the first members can follow it to the present.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bft::{Certificate, Checkpoint, StableCheckpoint};
use crate::crypto::{Claim, Domain, Identity, Signature, Statement};
use crate::few;
use crate::membership::Membership;
use crate::quorum::Byzantine;
use crate::types::{LogIndex, NodeId, Sequence, Term};

/// What the statement of a link is, among those of a protocol's domain.
pub const LINK: u8 = 48;

/// What a voter of the epoch before `domain`'s signs: all that a checkpoint is, the hash of the new members with it.
#[must_use]
pub fn statement(checkpoint: &Checkpoint, domain: &Domain) -> Statement {
    checkpoint.statement_of(LINK, domain)
}

/// One voter's word for the end of its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Word {
    /// The epoch that begins.
    pub epoch: u64,
    /// With this state, which names the new members by hash.
    pub checkpoint: Checkpoint,
    /// Of whoever sends it.
    pub signature: Signature,
}

impl Word {
    /// What has to be verified before it is believed.
    #[must_use]
    pub fn claim(&self, domain: &Domain, by: NodeId) -> Claim {
        Claim { by: Identity::Node(by), statement: statement(&self.checkpoint, domain), signature: self.signature }
    }
}

/// From one epoch to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The epoch that begins.
    pub epoch: u64,
    /// With this state.
    pub checkpoint: Checkpoint,
    /// And these voters.
    pub members: Membership,
    /// Signed by voters of the epoch before.
    pub certificate: Certificate,
}

impl Link {
    /// Whether it leads on from the epoch before it, which had these quorums: signatures are verified apart.
    /// `of_quorum` is off in the laboratory's broken variant, where one word is enough.
    #[must_use]
    pub fn follows(&self, epoch: u64, quorum: &Byzantine, of_quorum: bool) -> bool {
        let Self { checkpoint: Checkpoint { sequence, index, term, membership, .. }, members, certificate, .. } = self;
        let possible = *sequence > Sequence(0)
            && *sequence < Sequence::MAX
            && *index < LogIndex::MAX
            && *term <= Term::MAX
            && epoch < super::MAX_EPOCH;
        let is_signed = match of_quorum {
            true => certificate.is_enough(quorum),
            false => certificate.voters().any(|voter| quorum.is_voter(voter)),
        };
        let of_voters = members.is_well_formed() && *members == Membership::of(members.voters.clone());
        possible
            && self.epoch == epoch + 1
            && is_signed
            && of_voters
            && *membership == Checkpoint::membership_hash(members)
    }

    /// What has to be verified before it is believed; `domain` is that of the epoch that begins.
    pub fn claims(&self, domain: &Domain, claims: &mut Vec<Claim>) {
        let statement = statement(&self.checkpoint, domain);
        self.certificate.claims(|_| statement.clone(), claims);
    }

    /// What the epoch begins with.
    #[must_use]
    pub fn root(&self) -> Arc<Root> {
        let stable = StableCheckpoint { checkpoint: self.checkpoint, certificate: Certificate::default() };
        Arc::new(Root { stable: Arc::new(stable), sources: self.certificate.voters().collect() })
    }
}

/// What an epoch begins with: a stable checkpoint that needs no proof in it, because the link before it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// It has an empty certificate, so it is the same at all replicas, and names no signature to verify. It is
    /// proven for whoever knows this root, and for nobody else.
    pub stable: Arc<StableCheckpoint>,
    /// Who has its state, voters of the epoch or not: they have signed it.
    pub sources: Vec<NodeId>,
}

impl Root {
    /// Who may have the state of this checkpoint: these voters, and of the root those who have signed it.
    #[must_use]
    pub fn sources(root: Option<&Self>, of: Option<&Checkpoint>, voters: &[NodeId]) -> Vec<NodeId> {
        let others = root.filter(|root| of == Some(&root.stable.checkpoint)).map_or(&[][..], |root| &root.sources);
        few::distinct(voters.iter().chain(others).copied())
    }
}

impl StableCheckpoint {
    /// Whether a quorum has signed it, or it is the root that this epoch begins with.
    #[must_use]
    pub fn is_proven_after(&self, root: Option<&Root>, quorum: &Byzantine) -> bool {
        root.is_some_and(|root| *root.stable == *self) || self.is_proven(quorum)
    }
}
