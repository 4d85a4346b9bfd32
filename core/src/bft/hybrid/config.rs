//! Which settings does the hybrid take?
//!
//! Those of PBFT hold in both phases: batches, windows, times and limits mean
//! the same. Each phase signs in a domain of its own: three instances in a row
//! make an *era*, two rounds, the opening and PBFT, and count on in the next.
//!
//! **Eras and epochs.** In a domain the configuration is the epoch, and the instance
//! is that of the era. Eras count on over epochs and are never used twice: an
//! epoch begins with the era after the one in which the epoch before it ended,
//! and which that was stands in the term of the state that it begins with. So
//! terms, which have the instance in their upper half, rise over both.

use std::sync::Arc;

use super::threat;
use crate::bft::Signers;
use crate::bft::pbft;
use crate::bft::pool::Limits;
use crate::crypto::{Domain, Family};
use crate::rules::{AllOn, Rules};

/// The longest opening: a quorum of stop statements with their certificates, also in a cluster of a hundred.
const MAX_OPENING_BYTES: u32 = 1 << 26;

/// Two rounds, opening, PBFT.
const INSTANCES_PER_ERA: u64 = 3;

/// No cluster gets this far: what claims to be of a later era is not believed. Terms of its entries still fit.
pub(super) const MAX_ERA: u64 = 1 << 19;

/// Settings of a cluster, the same at all its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For both phases. `instance` is set by the hybrid.
    pub bft: pbft::Settings,
    /// When it feels threatened.
    pub threat: threat::Settings,
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
    pub epoch: Option<pbft::Epoch>,
}

impl<R: Rules> Config<R> {
    /// All of it.
    ///
    /// # Errors
    /// Settings that cannot work.
    pub fn new(settings: Settings, rules: R, signers: Arc<dyn Signers>) -> Result<Self, pbft::ConfigError> {
        settings.bft.validate()?;
        Ok(Self { settings, rules, signers, epoch: None })
    }

    /// What runs inside leaves evidence to the hybrid.
    fn with(&self, settings: pbft::Settings) -> pbft::Config<R> {
        let settings = pbft::Settings { evidence: false, ..settings };
        pbft::Config { settings, rules: self.rules.clone(), signers: Arc::clone(&self.signers), epoch: None }
    }

    /// Those of an era's two rounds.
    #[must_use]
    pub fn rounds(&self, era: u64) -> pbft::Config<R> {
        let config = self.with(pbft::Settings { instance: instance(era, 0), ..self.settings.bft.clone() });
        let of_era = |epoch: &pbft::Epoch| pbft::Epoch { root: epoch.root.clone().filter(|_| era == self.first_era()) };
        pbft::Config { epoch: self.epoch.as_ref().map(of_era), ..config }
    }

    /// The era that its epoch begins with: the one after that in which the epoch before has ended.
    #[must_use]
    pub fn first_era(&self) -> u64 {
        let root = self.epoch.as_ref().and_then(|epoch| epoch.root.as_ref());
        root.map_or(0, |root| era_of(root.stable.checkpoint.term.instance()) + 1)
    }

    /// Those of the instance whose one decision is what PBFT begins with.
    #[must_use]
    pub fn opening(&self, era: u64) -> pbft::Config<R> {
        let limits = Limits { request_bytes: MAX_OPENING_BYTES, bytes: u32::MAX, ..self.settings.bft.limits };
        self.with(pbft::Settings {
            instance: instance(era, 1),
            max_batch_requests: 1,
            pipeline: 1,
            checkpoint_interval: 1 << 20,
            window: 1 << 21,
            limits,
            ..self.settings.bft.clone()
        })
    }

    /// Those of PBFT after it.
    #[must_use]
    pub fn bft(&self, era: u64) -> pbft::Config<R> {
        self.with(pbft::Settings { instance: instance(era, 2), ..self.settings.bft.clone() })
    }

    /// Where the statements of one of an era's instances mean something.
    #[must_use]
    pub fn domain(&self, era: u64, phase: u64, family: Family) -> Domain {
        Domain { instance: instance(era, phase), family, ..self.settings.bft.domain() }
    }
}

/// The era that an instance is of.
pub(super) fn era_of(instance: u64) -> u64 {
    instance / INSTANCES_PER_ERA
}

/// The number of an era's instance.
pub(super) fn instance(era: u64, phase: u64) -> u64 {
    era.min(MAX_ERA + 1) * INSTANCES_PER_ERA + phase
}
