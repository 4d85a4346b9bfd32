//! Which bytes are signed?
//!
//! A fixed prefix with the version, the [`Domain`], the kind, then each field
//! behind a byte for its sort. All have a fixed width, so two statements with
//! different fields never have the same bytes, and what was signed for one
//! cluster, configuration, instance, protocol or kind means nothing in another
//! (domain separation). What is of variable length is signed by its hash.

use core::fmt;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::hash::Hash256;

/// Nothing else that one of our keys may ever sign begins so. Its last byte is the version of the encoding.
const PREFIX: &[u8; 12] = b"quorumscope\x01";

/// Goes before a number.
const NUMBER: u8 = 1;

/// Goes before a hash.
const HASH: u8 = 2;

/// The protocol that a statement belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Family {
    /// Practical Byzantine Fault Tolerance.
    Pbft = 1,
    /// `HotStuff`, with its timeout certificates.
    HotStuff = 2,
    /// Raft with certificates, and the switch.
    Hybrid = 3,
    /// Requests of clients and the answers to them, whichever protocol orders them.
    Session = 4,
}

/// Where a statement means something; everywhere else it is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Domain {
    /// The cluster, by a number that no other one has.
    pub cluster: u64,
    /// The number of the configuration: rises with each change of members.
    pub configuration: u64,
    /// The instance of the protocol: rises with each switch.
    pub instance: u64,
    /// The protocol.
    pub family: Family,
}

/// The canonical bytes of one statement.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Statement(SmallVec<[u8; 160]>); // four numbers and two hashes without an allocation

impl Statement {
    /// A statement of some kind without fields yet. Kinds are numbered by the protocol, each with the fields it has.
    #[must_use]
    pub fn new(domain: &Domain, kind: u8) -> Self {
        let mut bytes = SmallVec::from_slice(PREFIX);
        for number in [domain.cluster, domain.configuration, domain.instance] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&[domain.family as u8, kind]);
        Self(bytes)
    }

    /// With one more number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.0.push(NUMBER);
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// With one more hash.
    #[must_use]
    pub fn hash(mut self, hash: &Hash256) -> Self {
        self.0.push(HASH);
        self.0.extend_from_slice(&hash.0);
        self
    }

    /// What is signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Statement({} bytes, {})", self.0.len(), Hash256::of(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Field {
        Number(u64),
        Hash(Hash256),
    }

    fn domain() -> impl Strategy<Value = Domain> {
        let family =
            prop_oneof![Just(Family::Pbft), Just(Family::HotStuff), Just(Family::Hybrid), Just(Family::Session)];
        (0..3u64, 0..3u64, 0..3u64, family).prop_map(|(cluster, configuration, instance, family)| Domain {
            cluster,
            configuration,
            instance,
            family,
        })
    }

    fn fields() -> impl Strategy<Value = Vec<Field>> {
        // Few values, all of whose bytes are small, so that sorts and numbers meet in the bytes.
        let byte = prop_oneof![Just(0u8), Just(NUMBER), Just(HASH)];
        let number = proptest::collection::vec(byte.clone(), 8)
            .prop_map(|bytes| Field::Number(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))));
        let hash = byte.prop_map(|byte| Field::Hash(Hash256([byte; 32])));
        proptest::collection::vec(prop_oneof![number, hash], 0..6)
    }

    fn statement(domain: &Domain, kind: u8, fields: &[Field]) -> Statement {
        fields.iter().fold(Statement::new(domain, kind), |statement, field| match field {
            Field::Number(number) => statement.number(*number),
            Field::Hash(hash) => statement.hash(hash),
        })
    }

    /// What a statement says, read back from its bytes.
    fn read(bytes: &[u8]) -> Option<(Vec<u8>, Vec<Field>)> {
        let (head, mut rest) = bytes.split_at_checked(PREFIX.len() + 26)?;
        let mut fields = Vec::new();
        while let Some((sort, after)) = rest.split_first() {
            rest = if *sort == NUMBER {
                let (number, after) = after.split_first_chunk()?;
                fields.push(Field::Number(u64::from_le_bytes(*number)));
                after
            } else {
                let (hash, after) = after.split_first_chunk()?;
                fields.push(Field::Hash(Hash256(*hash)));
                after
            };
        }
        Some((head.to_vec(), fields))
    }

    proptest! {
        #[test]
        fn statements_that_differ_in_anything_differ_in_bytes(
            one in (domain(), 0..3u8, fields()), other in (domain(), 0..3u8, fields()),
        ) {
            let (a, b) = (statement(&one.0, one.1, &one.2), statement(&other.0, other.1, &other.2));
            prop_assert_eq!(one == other, a.bytes() == b.bytes());
        }

        #[test]
        fn a_statement_can_be_read_in_one_way_only(domain in domain(), kind in any::<u8>(), fields in fields()) {
            let (head, found) = read(statement(&domain, kind, &fields).bytes()).expect("what was written");
            prop_assert_eq!(head, statement(&domain, kind, &[]).bytes().to_vec());
            prop_assert_eq!(found, fields);
        }
    }

    #[test]
    fn four_numbers_are_no_hash() {
        let domain = Domain { cluster: 1, configuration: 1, instance: 1, family: Family::Pbft };
        let numbers = [0; 4].into_iter().fold(Statement::new(&domain, 0), Statement::number);
        assert_ne!(numbers.bytes(), Statement::new(&domain, 0).hash(&Hash256::ZERO).bytes());
    }

    /// Signatures in stores and traces rest on these bytes: a change of them needs a new version in the prefix.
    #[test]
    fn the_encoding_stays_as_it_is() {
        let domain = Domain { cluster: 1, configuration: 2, instance: 3, family: Family::HotStuff };
        let statement = Statement::new(&domain, 9).number(0x0102).hash(&Hash256([7; 32]));
        let mut expected = b"quorumscope\x01".to_vec();
        for number in [1, 2, 3] {
            expected.extend([number, 0, 0, 0, 0, 0, 0, 0]);
        }
        expected.extend([2, 9, 1, 2, 1, 0, 0, 0, 0, 0, 0, 2]);
        expected.extend([7; 32]);
        assert_eq!(statement.bytes(), expected);
    }
}
