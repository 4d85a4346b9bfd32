//! Which settings fit which links?
//!
//! A profile is a set of settings that fit together; each can be changed by
//! itself afterwards. The rules of thumb: a heartbeat and its way must be well
//! below the shortest election timeout, an election (a pre-vote and a vote, there
//! and back) must fit into one, and the spread of timeouts must be wider than a
//! message takes, or candidates meet again and again (Raft paper §5.6, §9.3). A
//! window must hold what arrives while one message goes there and back.

use serde::{Deserialize, Serialize};

use super::Config;
use crate::rules::Rules;
use crate::types::{NodeId, Span};

/// What the links and the load are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Profile {
    /// Links of up to some 20 ms: the paper's own timeouts.
    #[default]
    Lan,
    /// Links of 50 to 150 ms, one way.
    Wan,
    /// Much data over fast links: larger batches and windows, and timeouts that bear with slow writes.
    Throughput,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lan, Self::Wan, Self::Throughput];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::Wan => "wan",
            Self::Throughput => "throughput",
        }
    }
}

impl<R: Rules> Config<R> {
    /// Settings for a local network; those of [`Config::new`].
    #[must_use]
    pub fn lan(voters: Vec<NodeId>, rules: R) -> Self {
        Self::new(voters, rules)
    }

    /// Settings for links of 50 to 150 ms, one way.
    #[must_use]
    pub fn wan(voters: Vec<NodeId>, rules: R) -> Self {
        Self {
            election_timeout: (Span::from_millis(1_000), Span::from_millis(2_000)),
            heartbeat: Span::from_millis(250),
            max_entries_per_append: 256,
            max_entries_in_flight: 16_384,
            max_uncommitted: 32_768,
            max_bytes_in_flight: 16 << 20,
            ..Self::new(voters, rules)
        }
    }

    /// Settings for much data over fast links.
    #[must_use]
    pub fn throughput(voters: Vec<NodeId>, rules: R) -> Self {
        Self {
            election_timeout: (Span::from_millis(300), Span::from_millis(600)),
            heartbeat: Span::from_millis(100),
            max_entries_per_append: 512,
            max_entries_in_flight: 32_768,
            max_uncommitted: 65_536,
            max_bytes_per_append: 2 << 20,
            max_bytes_in_flight: 32 << 20,
            max_uncommitted_bytes: 128 << 20,
            ..Self::new(voters, rules)
        }
    }

    /// Settings of a profile.
    #[must_use]
    pub fn of(profile: Profile, voters: Vec<NodeId>, rules: R) -> Self {
        match profile {
            Profile::Lan => Self::lan(voters, rules),
            Profile::Wan => Self::wan(voters, rules),
            Profile::Throughput => Self::throughput(voters, rules),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::AllOn;
    use super::*;
    use crate::wire::MAX_FRAME_BYTES;

    #[test]
    fn every_profile_is_valid_and_its_largest_append_fits_into_a_frame() {
        for profile in Profile::ALL {
            let config = Config::of(profile, vec![NodeId(1)], AllOn);
            assert_eq!(config.validate(), Ok(()), "{}", profile.name());
            let largest = config.max_bytes_per_append.max(config.max_entry_bytes);
            let frames = config.max_entries_per_append * 100 + largest;
            assert!(frames as usize <= MAX_FRAME_BYTES, "{}", profile.name());
        }
    }

    /// Heartbeat and delay below the shortest timeout, and an election's four messages too.
    #[test]
    fn the_wan_profile_leaves_time_for_links_of_150_ms() {
        let config = Config::wan(vec![NodeId(1)], AllOn);
        let (shortest, longest) = config.election_timeout;
        let delay = Span::from_millis(150);
        assert!(config.heartbeat.0 + delay.0 < shortest.0 && 4 * delay.0 < shortest.0);
        assert!(longest.0 - shortest.0 > delay.0, "timeouts are spread wider than a message takes");
    }
}
