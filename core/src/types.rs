//! What are the names and numbers that every part of the project shares?
//!
//! Newtypes without aliases: a term passed where an index is expected does not
//! compile. No `usize` stands in anything that is hashed, serialized or drawn.
//! Read `protocol` next.

use core::fmt;
use core::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Defines a newtype over an unsigned integer with the traits all of them share.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

number!(
    /// A member of the cluster, written `n1`, `n2`, …; 0 stands for the world itself in record ids.
    NodeId(u32), "n"
);
/// A client, written `c1`, `c2`, …; 0 stands for nobody (no-ops and configurations). From [`ClientId::NODES`] on
/// clients are nodes, written as these; the one before them is the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub u64);

impl ClientId {
    /// A number that JavaScript holds exactly, and that no client has.
    pub const NODES: u64 = 1 << 52;

    /// Whoever changes members where nodes may lie.
    pub const OPERATOR: Self = Self(Self::NODES - 1);
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.checked_sub(Self::NODES) {
            Some(node) => write!(f, "n{node}"),
            None if *self == Self::OPERATOR => f.write_str("the operator"),
            None => write!(f, "c{}", self.0),
        }
    }
}

number!(
    /// A client's own number for a request: rises by one a request, starts at 1 (thesis §6.3).
    RequestNumber(u64), "#"
);
/// A Raft term (Raft paper §5.1), or the view of another protocol. 0 before the first election. Where a cluster goes
/// from one instance of a protocol to the next, terms of a later instance are higher: [`Term::in_instance`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Term(pub u64);

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 >> TERM_BITS {
            0 => write!(f, "t{}", self.0),
            instance => write!(f, "t{instance}.{}", self.0 & TERM_MASK),
        }
    }
}

/// So many bits of a term count within an instance; those above are the instance's number.
const TERM_BITS: u32 = 32;
const TERM_MASK: u64 = (1 << TERM_BITS) - 1;

number!(
    /// A position in the log; the first entry stands at 1, 0 means "before all".
    LogIndex(u64), ""
);
number!(
    /// PBFT's sequence number: the place of a batch in the order of all batches (PBFT §4.2). The first one is 1.
    Sequence(u64), "s"
);
number!(
    /// How often a node has started from its store. A ticket of an older incarnation means nothing.
    Incarnation(u32), "i"
);
number!(
    /// A span of time in microseconds.
    Span(u64), ""
);
number!(
    /// The run's global time in microseconds since its start. Only the world and records know it.
    Time(u64), ""
);
number!(
    /// A node's monotonic clock in microseconds: only rises, counts suspend; drives every deadline.
    Mono(u64), ""
);
number!(
    /// A node's wall clock in microseconds: stamps log time only, may jump either way.
    Wall(u64), ""
);

impl Term {
    /// No honest node gets this far: a peer that claims a higher term is not believed, so that `next` never
    /// overflows. It is also the last whole number that JavaScript holds exactly.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The term after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// A term of this instance as the whole cluster counts it: by instance first, then by term. Within an instance no
    /// honest node gets beyond 2³² terms, each of which takes a timeout.
    #[must_use]
    pub fn in_instance(self, instance: u64) -> Self {
        Self((instance.min(u64::from(u32::MAX) >> 11) << TERM_BITS) | self.0.min(TERM_MASK))
    }

    /// The instance that it is of.
    #[must_use]
    pub fn instance(self) -> u64 {
        self.0 >> TERM_BITS
    }

    /// The same within its instance.
    #[must_use]
    pub fn within_instance(self) -> Self {
        Self(self.0 & TERM_MASK)
    }
}

impl LogIndex {
    /// Before all entries.
    pub const ZERO: Self = Self(0);

    /// No honest log gets this far: what claims to is not believed, so that `next` never overflows.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The index after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The index before this one; stays at 0.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl Sequence {
    /// No honest replica gets this far: what claims to is not believed, so that `next` never overflows.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The one after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Span {
    /// A span given in milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    /// A span given in seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000)
    }
}

/// Gives a clock type addition of spans and the span between two readings.
macro_rules! clock {
    ($name:ident) => {
        impl Add<Span> for $name {
            type Output = Self;
            fn add(self, span: Span) -> Self {
                Self(self.0.saturating_add(span.0))
            }
        }

        impl Sub for $name {
            type Output = Span;
            /// The span from `earlier` to `self`; zero where `earlier` is later.
            fn sub(self, earlier: Self) -> Span {
                Span(self.0.saturating_sub(earlier.0))
            }
        }
    };
}

clock!(Time);
clock!(Mono);
clock!(Wall);

/// Two readings of a node's own clocks, taken for one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Now {
    /// Drives deadlines.
    pub mono: Mono,
    /// Stamps log time.
    pub wall: Wall,
}

/// Names one write to a node's store. Writes complete in the order of their tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// The incarnation that issued it.
    pub incarnation: Incarnation,
    /// Counts the writes of that incarnation from 1.
    pub sequence: u64,
}

/// Names one record of a run: who recorded it (`NodeId(0)` is the world) and its number there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId {
    /// The recording node, or `NodeId(0)` for a simulated world, which numbers for all its nodes.
    pub origin: NodeId,
    /// Rises by at least one a record within one origin.
    pub sequence: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin.0 == 0 { write!(f, "{}", self.sequence) } else { write!(f, "{}.{}", self.origin, self.sequence) }
    }
}

/// A running 64-bit digest of a run or of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl core::str::FromStr for NodeId {
    type Err = NotANode;

    /// Reads `n1`, `n2`, …
    fn from_str(text: &str) -> Result<Self, NotANode> {
        match text.strip_prefix('n').map(str::parse) {
            Some(Ok(number)) if number > 0 => Ok(Self(number)),
            _ => Err(NotANode(text.into())),
        }
    }
}

/// A text that does not name a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a node: nodes are written n1, n2, …")]
pub struct NotANode(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_and_nodes_that_ask_are_written_as_what_they_are() {
        let written = [ClientId(7), ClientId::OPERATOR, ClientId(ClientId::NODES | 3)].map(|client| client.to_string());
        assert_eq!(written, ["c7", "the operator", "n3"]);
    }

    #[test]
    fn terms_of_a_later_instance_are_higher_and_those_of_the_first_are_as_they_are() {
        let terms = [(0, 7), (0, 8), (1, 0), (2, 0), (2, 3)].map(|(instance, term)| Term(term).in_instance(instance));
        assert!(terms.is_sorted_by(|a, b| a < b));
        assert_eq!(terms.map(|term| term.to_string()), ["t7", "t8", "t1.0", "t2.0", "t2.3"]);
        assert_eq!(terms.map(|term| term.within_instance().0), [7, 8, 0, 0, 3]);
        assert!(Term(u64::MAX).in_instance(u64::MAX) <= Term::MAX);
    }
}
