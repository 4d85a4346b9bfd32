//! Raft (module header follows with the implementation).
mod config;
mod log;
mod message;
mod rules;

pub use config::{Config, ConfigError};
pub use log::Log;
pub use message::{
    AppendEntries, AppendEntriesReply, AppendOutcome, HardState, Message, RequestVote, RequestVoteReply,
};
pub use rules::{AllOn, Rule, RuleKind, Rules, Switches};
