//! Which settings does a PBFT replica take, and which combinations make sense?
//!
//! [`Settings`] are plain data, for scenario files; [`Config`] adds the rules and
//! the keys.

use std::sync::Arc;

use crate::bft::epoch::Root;
use crate::bft::pool::Limits;
use crate::bft::{Signers, Tolerance};
use crate::crypto::{Domain, Family};
use crate::rules::{AllOn, Rules};
use crate::types::{NodeId, Span};

/// Settings of a cluster, the same at all its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The cluster, by a number that no other one has.
    pub cluster: u64,
    /// The number of the configuration.
    pub configuration: u64,
    /// The instance of the protocol: rises with each switch.
    pub instance: u64,
    /// Who orders, sorted, without repetition. They stay the same within an instance.
    pub voters: Vec<NodeId>,
    /// At most this many requests in a batch; one bundle goes however many it holds.
    pub max_batch_requests: u32,
    /// At most this many bytes of payload in a batch; one bundle goes however large it is.
    pub max_batch_bytes: u32,
    /// At most this many batches ordered and not executed yet.
    pub pipeline: u32,
    /// A checkpoint after each so many sequence numbers (§4.3: K).
    pub checkpoint_interval: u32,
    /// How many sequence numbers after a stable checkpoint may be used (§4.3: L).
    pub window: u32,
    /// How long a request may wait before its replica asks for another view, and what that time grows to at the most:
    /// it doubles with each consecutive view change (§4.5.2).
    pub request_timeout: (Span, Span),
    /// Whoever waits for something for so long asks for what is missing, and again.
    pub retransmit: Span,
    /// Whoever waits for nothing says so often where it stands.
    pub idle_status: Span,
    /// Which log times are believed.
    pub tolerance: Tolerance,
    /// How many requests wait, and how many replies are remembered.
    pub limits: Limits,
    /// At most this many bytes of a snapshot in one message.
    pub chunk_bytes: u32,
    /// A longer snapshot is not taken in: what arrives is held in memory.
    pub max_snapshot_bytes: u32,
    /// Whether replicas look for evidence of lies, pass it on and ask for convictions.
    pub evidence: bool,
}

impl Settings {
    /// Defaults for these voters.
    #[must_use]
    pub fn new(cluster: u64, voters: Vec<NodeId>) -> Self {
        Self {
            cluster,
            configuration: 0,
            instance: 0,
            voters: crate::few::distinct(voters),
            max_batch_requests: 64,
            max_batch_bytes: 1 << 20,
            pipeline: 8,
            checkpoint_interval: 128,
            window: 512,
            request_timeout: (Span::from_millis(500), Span::from_secs(8)),
            retransmit: Span::from_millis(100),
            idle_status: Span::from_secs(2),
            tolerance: Tolerance { clocks: Span::from_secs(1), jump: Span::from_secs(600) },
            limits: Limits::default(),
            chunk_bytes: 64 << 10,
            max_snapshot_bytes: 64 << 20,
            evidence: true,
        }
    }

    /// Where the replicas' statements mean something.
    #[must_use]
    pub fn domain(&self) -> Domain {
        let Self { cluster, configuration, instance, .. } = *self;
        Domain { cluster, configuration, instance, family: Family::Pbft }
    }

    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// The first combination that makes no sense.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.voters.is_empty() {
            return Err(ConfigError::NoVoters);
        }
        if !self.voters.is_sorted_by(|a, b| a < b) {
            return Err(ConfigError::VotersUnsorted);
        }
        let positive = [
            ("max_batch_requests", self.max_batch_requests),
            ("max_batch_bytes", self.max_batch_bytes),
            ("pipeline", self.pipeline),
            ("checkpoint_interval", self.checkpoint_interval),
            ("chunk_bytes", self.chunk_bytes),
            ("max_snapshot_bytes", self.max_snapshot_bytes),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Zero { name });
        }
        if let Some(name) = [("retransmit", self.retransmit), ("idle_status", self.idle_status)]
            .into_iter()
            .find_map(|(name, span)| (span.0 == 0).then_some(name))
        {
            return Err(ConfigError::Zero { name });
        }
        let (window, interval) = (self.window, self.checkpoint_interval);
        if u64::from(window) < 2 * u64::from(interval) {
            return Err(ConfigError::Window { window, interval });
        }
        let (base, cap) = self.request_timeout;
        if base.0 == 0 || cap < base {
            return Err(ConfigError::RequestTimeout { base, cap });
        }
        if base <= self.retransmit {
            return Err(ConfigError::Retransmit { retransmit: self.retransmit, base });
        }
        Ok(())
    }
}

/// Settings, rules and keys.
#[derive(Clone, Debug)]
pub struct Config<R = AllOn> {
    /// Plain data.
    pub settings: Settings,
    /// Which guards hold.
    pub rules: R,
    /// The replicas' keys, as far as they are here.
    pub signers: Arc<dyn Signers>,
    /// Where it is one epoch of a cluster whose voters change.
    pub epoch: Option<Epoch>,
}

/// An instance that is one epoch ([`epoch`](crate::bft::epoch)): it looks for changes of members, and begins with a root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// What it begins with; `None` for the first.
    pub root: Option<Arc<Root>>,
}

impl<R: Rules> Config<R> {
    /// All of it.
    ///
    /// # Errors
    /// Settings that cannot work.
    pub fn new(settings: Settings, rules: R, signers: Arc<dyn Signers>) -> Result<Self, ConfigError> {
        settings.validate()?;
        Ok(Self { settings, rules, signers, epoch: None })
    }

    /// What it begins with, where that is not nothing.
    #[must_use]
    pub fn root(&self) -> Option<&Arc<Root>> {
        self.epoch.as_ref()?.root.as_ref()
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nobody could order anything.
    #[error("a cluster needs at least one voter")]
    NoVoters,
    /// The list is not sorted, or names a voter twice.
    #[error("voters must be sorted and named once each")]
    VotersUnsorted,
    /// A limit of zero would stop everything.
    #[error("{name} must be at least 1")]
    Zero {
        /// Which setting.
        name: &'static str,
    },
    /// Replicas would wait at each checkpoint until all know that it is stable.
    #[error("window ({window}) must be at least twice the checkpoint_interval ({interval})")]
    Window {
        /// L.
        window: u32,
        /// K.
        interval: u32,
    },
    /// The range is empty or starts at zero.
    #[error("request_timeout must be above zero and not above its cap, and is {base} to {cap} microseconds")]
    RequestTimeout {
        /// The first one.
        base: Span,
        /// The longest one.
        cap: Span,
    },
    /// A lost message would cost a view.
    #[error("retransmit ({retransmit} µs) must be below the shortest request_timeout ({base} µs)")]
    Retransmit {
        /// The interval.
        retransmit: Span,
        /// The shortest timeout.
        base: Span,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new(1, [3, 1, 2, 4, 1].map(NodeId).to_vec())
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(settings().validate(), Ok(()));
        assert_eq!(settings().voters, [1, 2, 3, 4].map(NodeId));
    }

    #[test]
    fn settings_that_cannot_work_are_refused_with_what_to_do() {
        let error = |change: fn(&mut Settings)| {
            let mut settings = settings();
            change(&mut settings);
            settings.validate().expect_err("refused").to_string()
        };
        assert_eq!(error(|settings| settings.voters.clear()), "a cluster needs at least one voter");
        assert_eq!(error(|settings| settings.voters.reverse()), "voters must be sorted and named once each");
        assert_eq!(error(|settings| settings.pipeline = 0), "pipeline must be at least 1");
        assert_eq!(error(|settings| settings.idle_status = Span(0)), "idle_status must be at least 1");
        assert_eq!(
            error(|settings| settings.window = 255),
            "window (255) must be at least twice the checkpoint_interval (128)"
        );
        assert_eq!(
            error(|settings| settings.request_timeout = (Span(9), Span(8))),
            "request_timeout must be above zero and not above its cap, and is 9 to 8 microseconds"
        );
        assert_eq!(
            error(|settings| settings.retransmit = Span::from_secs(1)),
            "retransmit (1000000 µs) must be below the shortest request_timeout (500000 µs)"
        );
    }
}
