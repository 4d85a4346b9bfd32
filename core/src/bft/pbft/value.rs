//! What is ordered, and what do the three phases speak of?
//!
//! A [`Value`] has a sequence number in a view; pre-prepares, prepares and commits
//! name it by its hash (PBFT §4.2). Read `message` next.

use serde::{Deserialize, Serialize};

use crate::bft::Batch;
use crate::crypto::{Domain, Hash256, Hasher256, Statement};
use crate::types::{Sequence, Term};

/// The kinds of statements about a subject, in the order of the paper.
const PRE_PREPARE: u8 = 1;
const PREPARE: u8 = 2;
const COMMIT: u8 = 3;

/// What is ordered at one sequence number: a batch, and the view in which it was proposed first. Its entries have that
/// view as their term, in whichever view it is committed. A null request has the origin 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct Value {
    origin: Term,
    batch: Batch,
    hash: Hash256,
}

/// A value as it travels: its hash is computed by whoever receives it.
#[derive(Clone, Serialize, Deserialize)]
struct Parts {
    origin: Term,
    batch: Batch,
}

impl From<Parts> for Value {
    fn from(Parts { origin, batch }: Parts) -> Self {
        Self::new(origin, batch)
    }
}

impl From<Value> for Parts {
    fn from(Value { origin, batch, .. }: Value) -> Self {
        Self { origin, batch }
    }
}

impl Value {
    /// A batch that is proposed first in view `origin`.
    #[must_use]
    pub fn new(origin: Term, batch: Batch) -> Self {
        let hash = Hasher256::new().number(origin.0).update(&batch.hash().0).finish();
        Self { origin, batch, hash }
    }

    /// The null request: nothing happens (§4.4).
    #[must_use]
    pub fn null() -> Self {
        Self::new(Term(0), Batch::null())
    }

    /// The view in which it was proposed first.
    #[must_use]
    pub fn origin(&self) -> Term {
        self.origin
    }

    /// What is ordered.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The hash of both.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        self.hash
    }
}

/// What one replica says of one sequence number in one view: the subject of pre-prepares, prepares and commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The view.
    pub view: Term,
    /// The sequence number.
    pub sequence: Sequence,
    /// The hash of the value.
    pub hash: Hash256,
}

impl Subject {
    fn statement(&self, domain: &Domain, kind: u8) -> Statement {
        Statement::new(domain, kind).number(self.view.0).number(self.sequence.0).hash(&self.hash)
    }

    /// What a primary signs: the value has this sequence number in this view.
    #[must_use]
    pub fn pre_prepare(&self, domain: &Domain) -> Statement {
        self.statement(domain, PRE_PREPARE)
    }

    /// What a backup signs that has accepted the pre-prepare.
    #[must_use]
    pub fn prepare(&self, domain: &Domain) -> Statement {
        self.statement(domain, PREPARE)
    }

    /// What a replica signs at which the value is prepared.
    #[must_use]
    pub fn commit(&self, domain: &Domain) -> Statement {
        self.statement(domain, COMMIT)
    }
}
