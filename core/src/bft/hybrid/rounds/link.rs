//! What is replicated, and what is signed of it?
//!
//! A [`Link`] is a batch with its place and the hash of all before it, so that
//! one hash names a whole history. A [`Mark`] is a link in a term: what
//! acknowledgements, votes and certificates speak of. The term of a mark is that
//! of the leader which had it acknowledged; the link keeps the one in which it
//! was made. Read `message` next.

use serde::{Deserialize, Serialize};

use crate::bft::Batch;
use crate::crypto::{Domain, Hash256, Hasher256, Statement};
use crate::types::{Sequence, Term};

/// The kind of an acknowledgement, among the statements of its domain.
const ACKNOWLEDGE: u8 = 1;

/// One place of the history.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct Link {
    origin: Term,
    sequence: Sequence,
    previous: Hash256,
    batch: Batch,
    hash: Hash256,
}

/// A link as it travels: its hash is computed by whoever receives it.
#[derive(Clone, Serialize, Deserialize)]
struct Parts {
    origin: Term,
    sequence: Sequence,
    previous: Hash256,
    batch: Batch,
}

impl From<Parts> for Link {
    fn from(Parts { origin, sequence, previous, batch }: Parts) -> Self {
        Self::new(origin, sequence, previous, batch)
    }
}

impl From<Link> for Parts {
    fn from(Link { origin, sequence, previous, batch, .. }: Link) -> Self {
        Self { origin, sequence, previous, batch }
    }
}

impl Link {
    /// A batch that a leader puts behind the history of hash `previous`.
    #[must_use]
    pub fn new(origin: Term, sequence: Sequence, previous: Hash256, batch: Batch) -> Self {
        let mut hasher = Hasher256::new();
        hasher.number(origin.0).number(sequence.0).update(&previous.0).update(&batch.hash().0);
        let hash = hasher.finish();
        Self { origin, sequence, previous, batch, hash }
    }

    /// The term in which it was made: the term of its entries.
    #[must_use]
    pub fn origin(&self) -> Term {
        self.origin
    }

    /// Its place, from 1.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The hash of the history before it.
    #[must_use]
    pub fn previous(&self) -> Hash256 {
        self.previous
    }

    /// What it orders.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The hash of the history up to and with it.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        self.hash
    }

    /// How many entries it becomes.
    #[must_use]
    pub fn entries(&self) -> u64 {
        (self.batch.len() as u64).max(1)
    }
}

/// A history, by its last link, in a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The term in which it is acknowledged.
    pub term: Term,
    /// Where it ends.
    pub sequence: Sequence,
    /// Its chain hash.
    pub hash: Hash256,
}

impl Mark {
    /// What makes one certificate higher than another: term, then place.
    #[must_use]
    pub fn rank(&self) -> (Term, Sequence) {
        (self.term, self.sequence)
    }

    /// What a replica signs that has this history, and whose highest prepare certificate is of `named`. It covers the
    /// whole prefix: nobody acknowledges two histories in one term of which neither continues the other.
    #[must_use]
    pub fn acknowledge(&self, domain: &Domain, named: Option<Self>) -> Statement {
        let none = Self { term: Term(0), sequence: Sequence(0), hash: Hash256::ZERO };
        let (is_named, named) = (u64::from(named.is_some()), named.unwrap_or(none));
        Statement::new(domain, ACKNOWLEDGE)
            .number(self.term.0)
            .number(self.sequence.0)
            .hash(&self.hash)
            .number(is_named)
            .number(named.term.0)
            .number(named.sequence.0)
            .hash(&named.hash)
    }

    /// Whether an honest replica can mean it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.term <= Term::MAX && self.sequence < Sequence::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bft::testing::CLUSTER;
    use crate::crypto::Family;
    use crate::types::Wall;

    fn batch(time: u64) -> Batch {
        Batch::new(Some(Wall(time)), Vec::new())
    }

    #[test]
    fn a_links_hash_is_of_all_that_it_holds_and_of_all_before_it() {
        let link = Link::new(Term(1), Sequence(2), Hash256::ZERO, batch(3));
        let others = [
            Link::new(Term(2), Sequence(2), Hash256::ZERO, batch(3)),
            Link::new(Term(1), Sequence(3), Hash256::ZERO, batch(3)),
            Link::new(Term(1), Sequence(2), Hash256([1; 32]), batch(3)),
            Link::new(Term(1), Sequence(2), Hash256::ZERO, batch(4)),
        ];
        assert!(others.iter().all(|other| other.hash() != link.hash()));
        let bytes = postcard::to_allocvec(&link).unwrap();
        assert_eq!(postcard::from_bytes::<Link>(&bytes).unwrap(), link);
    }

    #[test]
    fn an_acknowledgement_signs_all_that_it_says() {
        let domain = Domain { cluster: CLUSTER, configuration: 0, instance: 0, family: Family::Hybrid };
        let mark = Mark { term: Term(0), sequence: Sequence(0), hash: Hash256::ZERO };
        let other = Hash256([1; 32]);
        let marks = [
            mark,
            Mark { term: Term(1), ..mark },
            Mark { sequence: Sequence(1), ..mark },
            Mark { hash: other, ..mark },
        ];
        let named = || [None].into_iter().chain(marks.map(Some));
        let all: Vec<_> = marks.iter().flat_map(|mark| named().map(|named| mark.acknowledge(&domain, named))).collect();
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one));
        }
    }
}
