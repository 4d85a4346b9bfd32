//! Where do the records come from?
//!
//! A source takes requests and answers in batches, later, never at once: a
//! simulation in a worker (`worker`), the same simulation in this thread where
//! there are no workers (`simulation`), a live cluster behind the relay
//! (`live`). The page cannot tell them apart but by what they offer.

use quorumscope_core::record::{Command, Record};
use quorumscope_core::types::Time;
use quorumscope_lab::trace::view::View;
use serde::{Deserialize, Serialize};

pub mod live;
pub mod simulation;
pub mod worker;

/// What the page asks of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Begin anew with this scenario, and go on up to `until`.
    Open {
        /// The scenario as TOML.
        scenario: String,
        /// How far to run at first.
        until: Time,
    },
    /// Have all records up to this time.
    Until(Time),
    /// Do something at this time. What had happened after it is replaced.
    Act {
        /// When.
        at: Time,
        /// What.
        command: Command,
    },
}

/// What a source answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The run begins: all that was there before is void.
    Opened {
        /// The scenario in its canonical form.
        scenario: String,
    },
    /// More of what happened.
    Records {
        /// In order.
        records: Vec<Record>,
        /// Every record up to this time is known now.
        known: Time,
    },
    /// The command was carried out: all that came after `at` is void.
    Acted {
        /// When.
        at: Time,
        /// The scenario with the command as a step of it.
        scenario: String,
    },
    /// The command was not carried out; nothing changed.
    Refused {
        /// Why, in one sentence.
        reason: String,
    },
    /// The source cannot go on.
    Failed {
        /// Why, in one sentence.
        reason: String,
    },
    /// A step of the scenario that could not be carried out was skipped.
    Skipped {
        /// When.
        at: Time,
        /// Why.
        reason: String,
    },
    /// The live cluster is gone.
    Detached {
        /// Whether it never let the page in.
        refused: bool,
        /// Why, in one sentence.
        reason: String,
    },
    /// How the scenario's expectations stand at the end of what is known.
    Expectations(Vec<Expectation>),
    /// The run is over: there will be no more records.
    Finished {
        /// Why it ended early, in one sentence, where it did.
        problem: Option<String>,
    },
    /// A live cluster is there.
    Attached {
        /// What it can do.
        offers: Offers,
        /// Whether its stores end with the process that serves them.
        in_memory: bool,
    },
}

/// How one expectation of a scenario stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// What was expected, as people read it.
    pub text: String,
    /// Whether it held; `None` while it is not decided.
    pub held: Option<bool>,
    /// What was found.
    pub detail: String,
    /// When that was known.
    pub settled: Option<Time>,
}

/// What a source can do; only that is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offers {
    /// Its past can be changed: scenarios, undo, links.
    pub past: bool,
    /// Clients can ask.
    pub propose: bool,
    /// Nodes can be crashed and restarted.
    pub crash: bool,
    /// Nodes can be paused and timed out.
    pub pause: bool,
    /// Nodes can be told to make a snapshot.
    pub snapshot: bool,
    /// Links can be cut, and the cluster partitioned.
    pub network: bool,
    /// Messages on their way can be lost, held, delivered, doubled.
    pub messages: bool,
    /// Leadership can be handed over.
    pub transfer: bool,
    /// Clients can read beside the log.
    pub reads: bool,
    /// Members can be changed.
    pub members: bool,
}

impl Offers {
    /// What a simulation can do: all.
    pub const SIMULATION: Self = Self {
        past: true,
        propose: true,
        crash: true,
        pause: true,
        snapshot: true,
        network: true,
        messages: true,
        transfer: true,
        reads: true,
        members: true,
    };
    /// What of it makes sense for the protocol that runs.
    #[must_use]
    pub fn within(self, view: &View) -> Self {
        let operators = view.has_operators();
        let Self { snapshot, transfer, reads, members, .. } = self;
        Self {
            snapshot: snapshot && operators,
            transfer: transfer && operators,
            reads: reads && operators,
            members,
            ..self
        }
    }

    /// What a live cluster can do before it has said more: nothing.
    pub const LIVE: Self = Self {
        past: false,
        propose: false,
        crash: false,
        pause: false,
        snapshot: false,
        network: false,
        messages: false,
        transfer: false,
        reads: false,
        members: false,
    };
}

/// A source that is running; dropping it stops it.
pub trait Source {
    /// Asks; the answers come later.
    fn ask(&mut self, request: Request);

    /// What it can do.
    fn offers(&self) -> Offers;
}
