//! What proves that a quorum has said one thing?
//!
//! Signatures of enough distinct voters over one statement. The voters' own
//! statement is computed by whoever uses the certificate, so that a certificate
//! can prove nothing but what its place in a message says. Signatures are
//! verified by the executor; [`Certificate::is_enough`] counts.

use serde::{Deserialize, Serialize};

use crate::crypto::{Claim, Identity, Signature, Statement};
use crate::quorum::Byzantine;
use crate::types::NodeId;

/// Signatures over one statement, sorted by voter, each voter once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Certificate(Vec<(NodeId, Signature)>);

impl Certificate {
    /// The first `needed` of these signatures by voter: no more than enough travels.
    #[must_use]
    pub fn of(signatures: impl Iterator<Item = (NodeId, Signature)>, needed: u32) -> Self {
        let mut list: Vec<(NodeId, Signature)> = Vec::with_capacity(needed as usize);
        for (voter, signature) in signatures {
            if let Err(at) = list.binary_search_by_key(&voter, |(known, _)| *known) {
                list.insert(at, (voter, signature));
            }
        }
        list.truncate(needed as usize);
        Self(list)
    }

    /// Who signed.
    pub fn voters(&self) -> impl Iterator<Item = NodeId> {
        self.0.iter().map(|(voter, _)| *voter)
    }

    /// The signatures by voter.
    #[must_use]
    pub fn signatures(&self) -> &[(NodeId, Signature)] {
        &self.0
    }

    /// Whether it names a quorum, each voter once and in order, and nobody else: one certificate has one form.
    #[must_use]
    pub fn is_enough(&self, quorum: &Byzantine) -> bool {
        let in_order = self.0.windows(2).all(|pair| pair[0].0 < pair[1].0);
        in_order && self.voters().all(|voter| quorum.is_voter(voter)) && quorum.is_quorum(self.voters())
    }

    /// What has to be verified before it is believed, where each voter signed what `statement` says of it.
    pub fn claims(&self, statement: impl Fn(NodeId) -> Statement, claims: &mut Vec<Claim>) {
        claims.extend(self.0.iter().map(|(voter, signature)| Claim {
            by: Identity::Node(*voter),
            statement: statement(*voter),
            signature: *signature,
        }));
    }
}
