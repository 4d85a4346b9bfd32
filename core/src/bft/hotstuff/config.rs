//! Which settings does a HotStuff replica take, and which make sense?
//!
//! [`Settings`] are plain data, for files; [`Config`] adds whose keys are here
//! and which rules hold. Read `pacemaker` for what the times mean.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bft::epoch::Root;
use crate::bft::{Signers, Tolerance, pool};
use crate::crypto::{Domain, Family};
use crate::few;
use crate::rules::AllOn;
use crate::types::{NodeId, Span};

/// Settings as they stand in files, the same on all replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Settings {
    /// How long a view may take before it is given up; doubles with each view that was given up since the last
    /// commit.
    pub view_timeout: Span,
    /// As far as it doubles: an attacker that makes views fail can hold the others back by so much and no more.
    pub max_view_timeout: Span,
    /// After this long without an answer another replica is asked for missing blocks.
    pub fetch_retry: Span,
    /// Most requests in one block.
    pub max_batch_requests: u32,
    /// Most bytes of payload in one block; one bundle goes however large it is.
    pub max_batch_bytes: u32,
    /// A checkpoint after so many blocks with entries; 0 for none.
    pub checkpoint_interval: u32,
    /// Most blocks that are kept since the last checkpoint.
    pub max_blocks: u32,
    /// Most blocks in one answer.
    pub max_blocks_per_answer: u32,
    /// Most bytes of a snapshot in one message.
    pub chunk_bytes: u32,
    /// A longer snapshot is not taken in.
    pub max_snapshot_bytes: u32,
    /// Pending requests and remembered replies.
    pub pool: pool::Limits,
    /// Which log times are believed.
    pub tolerance: Tolerance,
    /// Whether replicas look for evidence of lies, pass it on and ask for convictions.
    pub evidence: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            view_timeout: Span::from_millis(300),
            max_view_timeout: Span::from_millis(4_800),
            fetch_retry: Span::from_millis(150),
            max_batch_requests: 512,
            max_batch_bytes: 1 << 20,
            checkpoint_interval: 128,
            max_blocks: 1_024,
            max_blocks_per_answer: 64,
            chunk_bytes: 64 << 10,
            max_snapshot_bytes: 64 << 20,
            pool: pool::Limits::default(),
            tolerance: Tolerance { clocks: Span::from_secs(10), jump: crate::raft::MAX_LOG_TIME_JUMP },
            evidence: true,
        }
    }
}

/// What a replica starts with.
#[derive(Clone, Debug)]
pub struct Config<R = AllOn> {
    /// The cluster; statements of another one mean nothing here.
    pub cluster: u64,
    /// The number of the configuration.
    pub configuration: u64,
    /// The instance of the protocol.
    pub instance: u64,
    /// The voters, sorted, each once. They count at the first start: then a node's store says who they were.
    pub voters: Vec<NodeId>,
    /// The state that it begins with, where that is not the empty one: proven to whoever starts it.
    pub root: Option<Arc<Root>>,
    /// Times and bounds.
    pub settings: Settings,
    /// Whose keys are here.
    pub signers: Arc<dyn Signers>,
    /// Which guards hold.
    pub rules: R,
}

impl<R> Config<R> {
    /// The usual settings for these voters.
    #[must_use]
    pub fn new(cluster: u64, voters: Vec<NodeId>, signers: Arc<dyn Signers>, rules: R) -> Self {
        let voters = few::distinct(voters);
        let settings = Settings::default();
        Self { cluster, configuration: 0, instance: 0, voters, root: None, settings, signers, rules }
    }

    /// Where the replicas' statements mean something.
    #[must_use]
    pub fn domain(&self) -> Domain {
        let Self { cluster, configuration, instance, .. } = *self;
        Domain { cluster, configuration, instance, family: Family::HotStuff }
    }

    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// The first setting that does not make sense, and what to do about it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.voters.is_empty() {
            return Err(ConfigError::NoVoters);
        }
        if !self.voters.is_sorted_by(|a, b| a < b) {
            return Err(ConfigError::VotersUnsorted);
        }
        self.settings.validate()
    }
}

impl Settings {
    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// The first one that does not make sense, and what to do about it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let (low, high) = (self.view_timeout, self.max_view_timeout);
        if low == Span(0) || low > high {
            return Err(ConfigError::ViewTimeout { low, high });
        }
        let positive = [
            ("fetch-retry", self.fetch_retry.0),
            ("max-batch-requests", u64::from(self.max_batch_requests)),
            ("max-batch-bytes", u64::from(self.max_batch_bytes)),
            ("max-blocks-per-answer", u64::from(self.max_blocks_per_answer)),
            ("chunk-bytes", u64::from(self.chunk_bytes)),
            ("max-snapshot-bytes", u64::from(self.max_snapshot_bytes)),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Zero { name });
        }
        let (blocks, interval) = (self.max_blocks, self.checkpoint_interval);
        // Between two checkpoints each block may need three more that are empty, and some are on their way.
        if u64::from(blocks) < 4 * u64::from(interval) + 8 {
            return Err(ConfigError::Blocks { blocks, interval });
        }
        let (requests, batch) = (self.pool.requests, self.max_batch_requests);
        if requests < 2 * batch {
            return Err(ConfigError::Pool { requests, batch });
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
    /// Nothing lies between the two.
    #[error("view-timeout ({} us) must be above 0 and not above max-view-timeout ({} us)", low.0, high.0)]
    ViewTimeout {
        /// The shortest.
        low: Span,
        /// The longest.
        high: Span,
    },
    /// Nothing would ever go.
    #[error("{name} must be above 0")]
    Zero {
        /// Which setting.
        name: &'static str,
    },
    /// A replica that lags by less than a checkpoint could not be helped.
    #[error("max-blocks ({blocks}) must be at least 4 x checkpoint-interval ({interval}) + 8")]
    Blocks {
        /// Kept.
        blocks: u32,
        /// Between two checkpoints.
        interval: u32,
    },
    /// Clients would be refused while a block is only half full.
    #[error("pool.requests ({requests}) must be at least 2 x max-batch-requests ({batch})")]
    Pool {
        /// Waiting.
        requests: u32,
        /// In a block.
        batch: u32,
    },
}
