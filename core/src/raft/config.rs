//! Which settings does a Raft node take, and which combinations make sense?
//!
//! Defaults are the Raft paper's (§5.2, §5.6): election timeouts of 150–300 ms,
//! a heartbeat every 50 ms.

use serde::{Deserialize, Serialize};

use crate::rules::{AllOn, Rule, Rules};
use crate::types::{NodeId, Span};

/// Settings of a Raft cluster, the same on all its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config<R = AllOn> {
    /// The voters that a cluster begins with, sorted, without repetition. They count at the first start: from then on
    /// a node's store says who they were.
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
    /// At most this many bytes of payload in one append; one entry goes however large it is.
    pub max_bytes_per_append: u32,
    /// At most this many bytes of payload on their way to one follower without an answer; where nothing is on its
    /// way, one entry goes however large it is.
    pub max_bytes_in_flight: u32,
    /// At most this many bytes of payload uncommitted; further proposals are refused as overloaded.
    pub max_uncommitted_bytes: u32,
    /// A proposal with a longer payload is refused for good. Not above `max_uncommitted_bytes`, so that whatever
    /// passes here is taken once nothing else waits.
    pub max_entry_bytes: u32,
    /// Which guards hold.
    pub rules: R,
    /// When snapshots are made, and how they travel.
    pub snapshots: Snapshots,
    /// A leader that hears from no quorum for an election timeout steps down (thesis §6.2), and a node that
    /// hears a leader gives nobody its vote (§4.2.3). Leases rest on both.
    pub check_quorum: bool,
    /// How far the rate of a node's clock may be from true time, in parts per million: the leader's lease is
    /// shortened by it.
    pub drift_bound_ppm: u32,
    /// Zones in the order in which their nodes are to lead; who is in none comes last. Empty: nobody is preferred.
    pub leader_zones: Vec<Vec<NodeId>>,
    /// Which zone a node stands in, sorted by node. A learner, an observer or an edge in another zone than the leader
    /// is fed by a voter of its own zone, where there is one. Nothing is fed by others where nothing is said.
    #[serde(default)]
    pub zones: Vec<(NodeId, u32)>,
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
            max_bytes_per_append: 1 << 20,
            max_bytes_in_flight: 8 << 20,
            max_uncommitted_bytes: 32 << 20,
            max_entry_bytes: 1 << 20,
            rules,
            snapshots: Snapshots::default(),
            check_quorum: true,
            drift_bound_ppm: 20_000,
            leader_zones: Vec::new(),
            zones: Vec::new(),
        }
    }

    /// The zone of a node, where it is known.
    #[must_use]
    pub fn zone_of(&self, node: NodeId) -> Option<u32> {
        let at = self.zones.binary_search_by(|(zoned, _)| zoned.cmp(&node)).ok()?;
        self.zones.get(at).map(|(_, zone)| *zone)
    }

    /// How long a lease lasts on the leader's clock: T(1−ρ)/(1+ρ), with T the shortest election timeout and ρ the
    /// bound on drift. The leader's clock may be slow and a voter's fast, so that T on the voter's clock is over
    /// before T on the leader's.
    #[must_use]
    pub fn lease(&self) -> Span {
        let shortest = self.election_timeout.0.0;
        if !self.rules.on(Rule::LeaseDriftBound) {
            return Span(shortest);
        }
        let drift = u64::from(self.drift_bound_ppm);
        Span(shortest.saturating_mul(1_000_000_u64.saturating_sub(drift)) / (1_000_000 + drift))
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
        if !self.zones.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(ConfigError::ZonesUnsorted);
        }
        if low > high || low == Span(0) {
            return Err(ConfigError::ElectionTimeout { low, high });
        }
        if self.heartbeat == Span(0) || self.heartbeat >= low {
            return Err(ConfigError::Heartbeat { heartbeat: self.heartbeat, low });
        }
        if self.drift_bound_ppm >= 1_000_000 {
            return Err(ConfigError::Drift { ppm: self.drift_bound_ppm });
        }
        for (name, value) in [
            ("max_entries_per_append", self.max_entries_per_append),
            ("max_entries_in_flight", self.max_entries_in_flight),
            ("max_uncommitted", self.max_uncommitted),
            ("max_bytes_per_append", self.max_bytes_per_append),
            ("max_entry_bytes", self.max_entry_bytes),
            ("snapshot_chunk_bytes", self.snapshots.chunk_bytes),
            ("max_snapshot_bytes", self.snapshots.max_bytes),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { name });
            }
        }
        let mut placed: Vec<NodeId> = self.leader_zones.iter().flatten().copied().collect();
        crate::few::sort(&mut placed, |a, b| a < b);
        if let Some(pair) = placed.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ConfigError::ZoneTwice { node: pair[0] });
        }
        if self.leader_zones.iter().any(Vec::is_empty) {
            return Err(ConfigError::ZoneEmpty);
        }
        let (window, append) = (self.max_bytes_in_flight, self.max_bytes_per_append);
        if window < append {
            return Err(ConfigError::Window { window, append });
        }
        let (uncommitted, entry) = (self.max_uncommitted_bytes, self.max_entry_bytes);
        if uncommitted < entry {
            return Err(ConfigError::Uncommitted { uncommitted, entry });
        }
        Ok(())
    }
}

/// A length of time as people write it: `150 ms`, `0.25 ms`.
fn ms(span: Span) -> String {
    let decimals = format!("{:03}", span.0 % 1_000);
    match decimals.trim_end_matches('0') {
        "" => format!("{} ms", span.0 / 1_000),
        decimals => format!("{}.{decimals} ms", span.0 / 1_000),
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
    /// The list is not sorted, or names a node twice.
    #[error("zones must be sorted by node, and each node stands in one")]
    ZonesUnsorted,
    /// The range is empty or starts at zero.
    #[error("election_timeout must be a range above zero, shortest first, and is {} to {}", ms(*low), ms(*high))]
    ElectionTimeout {
        /// Shortest.
        low: Span,
        /// Longest.
        high: Span,
    },
    /// Followers would time out between two heartbeats.
    #[error("heartbeat ({}) must be above zero and below the shortest election timeout ({})", ms(*heartbeat), ms(*low))]
    Heartbeat {
        /// The interval.
        heartbeat: Span,
        /// Shortest election timeout.
        low: Span,
    },
    /// A clock that may stand still measures nothing.
    #[error("drift_bound_ppm must be below 1000000 (a clock that stands still) and is {ppm}")]
    Drift {
        /// The bound.
        ppm: u32,
    },
    /// A full append would never fit into the window.
    #[error("max_bytes_in_flight ({window}) must be at least max_bytes_per_append ({append})")]
    Window {
        /// Bytes in flight.
        window: u32,
        /// Bytes in one append.
        append: u32,
    },
    /// An entry that is allowed would be refused for ever.
    #[error("max_uncommitted_bytes ({uncommitted}) must be at least max_entry_bytes ({entry})")]
    Uncommitted {
        /// Bytes that may be uncommitted.
        uncommitted: u32,
        /// Bytes of the largest entry.
        entry: u32,
    },
    /// It could not be told when the node is to lead.
    #[error("leader_zones names {node} twice: a node is in one zone")]
    ZoneTwice {
        /// Which node.
        node: NodeId,
    },
    /// Nobody could lead from there.
    #[error("leader_zones has a zone without nodes: leave it out")]
    ZoneEmpty,
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
        let said = config.validate().expect_err("as long as the timeout").to_string();
        assert_eq!(said, "heartbeat (150 ms) must be above zero and below the shortest election timeout (150 ms)");
        assert_eq!([Span(250), Span(1_500), Span(0)].map(ms), ["0.25 ms", "1.5 ms", "0 ms"]);
    }

    #[test]
    fn an_empty_range_of_timeouts_is_refused() {
        let config = Config { election_timeout: (Span(300), Span(150)), ..config() };
        assert!(matches!(config.validate(), Err(ConfigError::ElectionTimeout { .. })));
    }

    #[test]
    fn a_node_that_stands_in_two_zones_is_refused() {
        let config = |zones: &[(u32, u32)]| Config {
            zones: zones.iter().map(|(node, zone)| (NodeId(*node), *zone)).collect(),
            ..config()
        };
        assert_eq!(config(&[(1, 0), (2, 1)]).validate(), Ok(()));
        assert_eq!(config(&[(1, 0), (1, 1)]).validate(), Err(ConfigError::ZonesUnsorted));
        assert_eq!([1, 2, 3].map(|node| config(&[(1, 0), (2, 1)]).zone_of(NodeId(node))), [Some(0), Some(1), None]);
    }

    #[test]
    fn a_bound_on_drift_that_lets_a_clock_stand_still_is_refused() {
        let config = Config { drift_bound_ppm: 1_000_000, ..config() };
        assert_eq!(config.validate(), Err(ConfigError::Drift { ppm: 1_000_000 }));
    }

    /// A slow leader's lease ends before a fast voter's patience, in true time.
    #[test]
    fn a_lease_ends_before_any_voter_within_the_bound_may_vote() {
        for drift_bound_ppm in [0, 1, 100, 20_000, 333_333, 999_999] {
            let config = Config { drift_bound_ppm, ..config() };
            let (slow, fast) = (1_000_000 - u128::from(drift_bound_ppm), 1_000_000 + u128::from(drift_bound_ppm));
            // lease / slow <= shortest / fast
            assert!(u128::from(config.lease().0) * fast <= u128::from(config.election_timeout.0.0) * slow);
        }
        assert_eq!(config().lease(), Span(144_117));
    }

    #[test]
    fn limits_of_zero_are_refused() {
        let config = Config { max_entries_per_append: 0, ..config() };
        assert_eq!(config.validate(), Err(ConfigError::Zero { name: "max_entries_per_append" }));
        let config = Config { max_bytes_per_append: 0, ..self::config() };
        assert_eq!(config.validate(), Err(ConfigError::Zero { name: "max_bytes_per_append" }));
        let config = Config { max_entry_bytes: 0, ..self::config() };
        assert_eq!(config.validate(), Err(ConfigError::Zero { name: "max_entry_bytes" }));
    }

    #[test]
    fn zones_that_share_a_node_or_have_none_are_refused() {
        let zones = |zones: &[&[u32]]| {
            let leader_zones = zones.iter().map(|zone| zone.iter().copied().map(NodeId).collect()).collect();
            Config { leader_zones, ..config() }.validate()
        };
        assert_eq!(zones(&[&[1], &[2, 1]]), Err(ConfigError::ZoneTwice { node: NodeId(1) }));
        assert_eq!(zones(&[&[1], &[]]), Err(ConfigError::ZoneEmpty));
        assert_eq!(zones(&[&[2], &[1]]), Ok(()));
    }

    #[test]
    fn a_window_below_one_append_is_refused() {
        let config = Config { max_bytes_in_flight: 99, max_bytes_per_append: 100, ..config() };
        let error = config.validate().expect_err("99 is below 100");
        assert_eq!(error.to_string(), "max_bytes_in_flight (99) must be at least max_bytes_per_append (100)");
    }

    #[test]
    fn an_entry_above_what_may_be_uncommitted_is_refused() {
        let config = Config { max_uncommitted_bytes: 99, max_entry_bytes: 100, ..config() };
        let error = config.validate().expect_err("99 is below 100");
        assert_eq!(error.to_string(), "max_uncommitted_bytes (99) must be at least max_entry_bytes (100)");
    }
}
