//! Which settings does a Raft node take, and which combinations make sense?
//!
//! Defaults are the Raft paper's (§5.2, §5.6): election timeouts of 150–300 ms,
//! a heartbeat every 50 ms.

use serde::{Deserialize, Serialize};

use super::rules::{AllOn, Rules};
use crate::types::{NodeId, Span};

/// Settings of a Raft cluster, the same on all its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config<R = AllOn> {
    /// The voters, sorted, without repetition.
    pub voters: Vec<NodeId>,
    /// Election timeouts are drawn between these, both included.
    pub election_timeout: (Span, Span),
    /// A leader shows that it lives at least this often.
    pub heartbeat: Span,
    /// Ask whether an election could be won before starting one (thesis §9.6).
    pub pre_vote: bool,
    /// At most this many entries in one append.
    pub max_entries_per_append: u32,
    /// At most this many entries on their way to one follower without an answer.
    pub max_entries_in_flight: u32,
    /// At most this many uncommitted entries; further proposals are refused as overloaded.
    pub max_uncommitted: u32,
    /// Which guards hold.
    pub rules: R,
    /// When snapshots are made, and how they travel.
    pub snapshots: Snapshots,
}

/// When snapshots are made, and how they travel (Raft paper §7; thesis §5.1). A zero switches that reason off; with
/// all of them off a node makes a snapshot only when it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Snapshots {
    /// After this many entries were applied since the last one.
    pub threshold: u32,
    /// Once the log holds this many bytes of payload beyond those that the last one had to keep.
    pub threshold_bytes: u32,
    /// After this long, where anything was applied since the last one; looked at when the node is awake anyway.
    pub interval: Span,
    /// This many entries before a snapshot's index stay in the log, for followers that are a little slow.
    pub retained_entries: u32,
    /// At most this many bytes of a snapshot in one message.
    pub chunk_bytes: u32,
    /// A longer snapshot is not taken in: what arrives is held in memory.
    pub max_bytes: u32,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            threshold: 0,
            threshold_bytes: 0,
            interval: Span(0),
            retained_entries: 64,
            chunk_bytes: 64 << 10,
            max_bytes: 64 << 20,
        }
    }
}

impl<R: Rules> Config<R> {
    /// The paper's defaults for these voters.
    #[must_use]
    pub fn new(voters: Vec<NodeId>, rules: R) -> Self {
        Self {
            voters: crate::few::distinct(voters),
            election_timeout: (Span::from_millis(150), Span::from_millis(300)),
            heartbeat: Span::from_millis(50),
            pre_vote: true,
            max_entries_per_append: 64,
            max_entries_in_flight: 4_096,
            max_uncommitted: 16_384,
            rules,
            snapshots: Snapshots::default(),
        }
    }

    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// The first setting that does not make sense, and what to do about it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let (low, high) = self.election_timeout;
        if self.voters.is_empty() {
            return Err(ConfigError::NoVoters);
        }
        if !self.voters.is_sorted_by(|a, b| a < b) {
            return Err(ConfigError::VotersUnsorted);
        }
        if low > high || low == Span(0) {
            return Err(ConfigError::ElectionTimeout { low, high });
        }
        if self.heartbeat == Span(0) || self.heartbeat >= low {
            return Err(ConfigError::Heartbeat { heartbeat: self.heartbeat, low });
        }
        for (name, value) in [
            ("max_entries_per_append", self.max_entries_per_append),
            ("max_entries_in_flight", self.max_entries_in_flight),
            ("max_uncommitted", self.max_uncommitted),
            ("snapshot_chunk_bytes", self.snapshots.chunk_bytes),
            ("max_snapshot_bytes", self.snapshots.max_bytes),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { name });
            }
        }
        Ok(())
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nobody could vote.
    #[error("a cluster needs at least one voter")]
    NoVoters,
    /// The list is not sorted, or names a voter twice.
    #[error("voters must be sorted and named once each")]
    VotersUnsorted,
    /// The range is empty or starts at zero.
    #[error("election_timeout must be a range above zero, shortest first, and is {low} to {high} microseconds")]
    ElectionTimeout {
        /// Shortest.
        low: Span,
        /// Longest.
        high: Span,
    },
    /// Followers would time out between two heartbeats.
    #[error("heartbeat ({heartbeat} µs) must be above zero and below the shortest election timeout ({low} µs)")]
    Heartbeat {
        /// The interval.
        heartbeat: Span,
        /// Shortest election timeout.
        low: Span,
    },
    /// A limit of zero would stop everything.
    #[error("{name} must be at least 1")]
    Zero {
        /// Which setting.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new(vec![NodeId(2), NodeId(1), NodeId(2)], AllOn)
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(config().validate(), Ok(()));
        assert_eq!(config().voters, [NodeId(1), NodeId(2)]);
    }

    #[test]
    fn a_heartbeat_as_long_as_an_election_timeout_is_refused() {
        let config = Config { heartbeat: Span::from_millis(150), ..config() };
        assert!(matches!(config.validate(), Err(ConfigError::Heartbeat { .. })));
    }

    #[test]
    fn an_empty_range_of_timeouts_is_refused() {
        let config = Config { election_timeout: (Span(300), Span(150)), ..config() };
        assert!(matches!(config.validate(), Err(ConfigError::ElectionTimeout { .. })));
    }

    #[test]
    fn limits_of_zero_are_refused() {
        let config = Config { max_entries_per_append: 0, ..config() };
        assert_eq!(config.validate(), Err(ConfigError::Zero { name: "max_entries_per_append" }));
    }
}
