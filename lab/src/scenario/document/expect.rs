//! What can be expected of a run?
//!
//! Facts and the times at which they hold. How they are read is in
//! `read_expect`, how they are judged in `judge`.

use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::record::{Fate, Role};
use quorumscope_core::types::{LogIndex, Term, Time};

use super::{Selector, Targets};

/// Something that is expected of the run: all its facts together.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// When they hold.
    pub when: When,
    /// What holds.
    pub facts: Vec<Fact>,
}

/// When something is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this instant, after all that happens in it.
    At(Time),
    /// At one instant at least, up to this one.
    By(Time),
    /// After every event of the run.
    Always,
}

/// Something that holds or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// So many live nodes lead the highest term among live nodes.
    Leaders(u32),
    /// This node leads.
    Leader(Selector),
    /// Somebody leads, and it is not this node.
    NotLeader(Selector),
    /// These nodes have this role.
    Role(Targets, Role),
    /// The highest term among live nodes, or that of these nodes.
    Term {
        /// Whose; empty for the highest of all.
        node: Targets,
        /// How it compares.
        is: Bound<Term>,
    },
    /// This is committed, by the oracle's count.
    Committed(Commit),
    /// This is not.
    NotCommitted(Commit),
    /// The state machines hold this.
    State {
        /// Where.
        key: String,
        /// What; `None` for nothing.
        value: Option<String>,
        /// On these nodes; empty for all live ones.
        on: Targets,
    },
    /// The configuration that acts.
    Members {
        /// At these nodes; empty for the leader.
        at: Targets,
        /// Who votes; while joint, the incoming half.
        voters: Targets,
        /// Who learns; empty for nobody.
        learners: Targets,
        /// Who observes; empty for nobody.
        observers: Targets,
        /// Whether an outgoing half decides with it.
        joint: bool,
    },
    /// The logs of these nodes are equal; empty for all live ones.
    Agree(Targets),
    /// All live nodes have applied equally far, to equal states.
    AppliedEqual,
    /// This property was not broken; `None` for any.
    Invariant(Option<String>),
    /// This property was broken; `None` for any.
    Violation(Option<String>),
    /// What clients saw could have happened one operation after the other.
    Linearizable,
    /// Every request that a client sent got an answer that it believes.
    AllAnswered,
    /// Within the bound after calm there is a leader and a commit.
    Live,
    /// The durable snapshots of these nodes end at such an index; 0 where there is none.
    Snapshot {
        /// Whose; empty for all live ones.
        node: Targets,
        /// How it compares.
        is: Bound<LogIndex>,
    },
    /// The state machines of all honest live nodes record that these were convicted of lies, and nobody else.
    Convicted(Targets),
    /// A client that asked this, as people read it, was told this.
    Told {
        /// What it asked: `get x (lease)`.
        operation: String,
        /// What it was told.
        is: Told,
    },
    /// So often this happened in the run.
    Counted {
        /// What: the name of a counter.
        what: &'static str,
        /// How it compares.
        is: Bound<u64>,
    },
    /// Of a request that was answered before a quorum had it, this became.
    Early {
        /// What was asked: `set x = 1`.
        operation: String,
        /// What became of it.
        is: Fate,
    },
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet.
    Nothing,
    /// This, as people read it: `1 (by lease)`.
    Text(String),
    /// That it has not happened and will not.
    Failed,
    /// That nobody can tell: it may have happened, or may yet.
    Unknown,
    /// That one node has it, and nothing since.
    Early,
}

/// How a number compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound<T> {
    /// Equal to it.
    Exactly(T),
    /// Equal or above.
    AtLeast(T),
    /// Equal or below.
    AtMost(T),
}

impl<T: Ord> Bound<T> {
    /// Whether a number compares like that.
    #[must_use]
    pub fn fits(&self, found: T) -> bool {
        match self {
            Self::Exactly(wanted) => found == *wanted,
            Self::AtLeast(wanted) => found >= *wanted,
            Self::AtMost(wanted) => found <= *wanted,
        }
    }
}

/// Something that may be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// An entry with this operation.
    Operation(AnyCommand),
    /// The entry at this index.
    Index(LogIndex),
}
