//! What goes wrong at the JavaScript edge, and what does it say?

use quorumscope_core::types::NotANode;
use quorumscope_lab::scenario::ScenarioError;

/// Everything that a caller can do wrong. Thrown as an `Error` with a `code`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options object could not be read.
    #[error("options: {0}")]
    Options(String),
    /// The scenario could not be read, or cannot run.
    #[error("scenario: {0}")]
    Scenario(#[from] ScenarioError),
    /// The operation could not be read.
    #[error("operation: {0}; give {{set: {{key, value}}}}, {{get: {{key}}}} or {{delete: {{key}}}}")]
    Operation(String),
    /// Not the name of a node.
    #[error(transparent)]
    Node(#[from] NotANode),
    /// A node that the run does not have.
    #[error("{0}")]
    UnknownNode(String),
    /// The run cannot do that now.
    #[error("{0}")]
    Command(String),
    /// Not a time.
    #[error("{0} is not a time: give milliseconds of the run, 0 or more and below 2^53 / 1000")]
    Time(String),
}

impl Error {
    /// The code that programs look at.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Options(_) => "bad-options",
            Self::Scenario(_) => "bad-scenario",
            Self::Operation(_) => "bad-operation",
            Self::Node(_) | Self::UnknownNode(_) => "bad-node",
            Self::Command(_) => "bad-command",
            Self::Time(_) => "bad-time",
        }
    }
}
