//! What does a client believe?
//!
//! Each replica answers for itself and signs. Fewer than f+1 equal answers may
//! all come from liars; of f+1 one is honest (PBFT §4.1). Equal means: the same
//! place in the log, in the same batch, with the same result.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::session;
use crate::crypto::{Claim, Hash256, Identity, Signature, Signer, Statement};
use crate::types::{ClientId, LogIndex, NodeId, RequestNumber, Term};

/// What the statement of a reply is, among those of the session domain.
const REPLY: u8 = 2;

/// A replica's answer to one request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// Who answers.
    pub by: NodeId,
    /// The view that it is in: the client learns whom to ask next.
    pub view: Term,
    /// Whose request.
    pub client: ClientId,
    /// Which.
    pub number: RequestNumber,
    /// Where it was executed.
    pub index: LogIndex,
    /// In which batch or block.
    pub batch: Hash256,
    /// What the state machine answered.
    #[serde(with = "crate::readable")]
    pub result: Bytes,
    /// Over all of it.
    pub signature: Signature,
}

impl Reply {
    fn statement(&self, cluster: u64) -> Statement {
        Statement::new(&session(cluster), REPLY)
            .number(u64::from(self.by.0))
            .number(self.view.0)
            .number(self.client.0)
            .number(self.number.0)
            .number(self.index.0)
            .hash(&self.batch)
            .hash(&Hash256::of(&self.result))
    }

    /// The same, signed.
    #[must_use]
    pub fn signed(self, cluster: u64, replica: &dyn Signer) -> Self {
        let signature = replica.sign(&self.statement(cluster));
        Self { signature, ..self }
    }

    /// What the client has to verify.
    #[must_use]
    pub fn claim(&self, cluster: u64) -> Claim {
        Claim { by: Identity::Node(self.by), statement: self.statement(cluster), signature: self.signature }
    }

    /// Whether both tell the same of the same request.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let of = |reply: &Self| (reply.client, reply.number, reply.index, reply.batch);
        of(self) == of(other) && self.result == other.result
    }
}

/// The replies to one request so far: one of each replica, the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies(Vec<Reply>);

impl Replies {
    /// Takes a verified reply. Returns it once `needed` distinct replicas agree with it.
    pub fn take(&mut self, reply: Reply, needed: u32) -> Option<&Reply> {
        self.0.retain(|known| known.by != reply.by);
        self.0.push(reply);
        (self.equal() >= needed).then_some(self.0.last()?)
    }

    /// How many distinct replicas tell what the newest reply does.
    #[must_use]
    pub fn equal(&self) -> u32 {
        let agree = |newest| self.0.iter().filter(|known: &&Reply| known.agrees_with(newest)).count();
        self.0.last().map_or(0, |newest| u32::try_from(agree(newest)).unwrap_or(u32::MAX))
    }
}
