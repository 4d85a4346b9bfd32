//! What is ordered as one?
//!
//! A batch holds bundles of requests and the log time that its proposer stamped.
//! Once it is decided it becomes entries: one for each request, and a tick where
//! it has nothing but a time. A batch with neither leaves no entry (PBFT §4.4's
//! null request).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Bundle;
use crate::crypto::{Claim, Hash256, Hasher256};
use crate::entry::{Class, Entries, Entry, EntryKind, Proposal, Tags};
use crate::types::{ClientId, LogIndex, RequestNumber, Term, Wall};

/// Bundles of requests, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct Batch {
    log_time: Option<Wall>,
    bundles: Vec<Arc<Bundle>>,
    hash: Hash256,
}

/// A batch as it travels: its hash is computed by whoever receives it.
#[derive(Clone, Serialize, Deserialize)]
struct Parts {
    log_time: Option<Wall>,
    bundles: Vec<Arc<Bundle>>,
}

impl From<Parts> for Batch {
    fn from(Parts { log_time, bundles }: Parts) -> Self {
        Self::new(log_time, bundles)
    }
}

impl From<Batch> for Parts {
    fn from(Batch { log_time, bundles, .. }: Batch) -> Self {
        Self { log_time, bundles }
    }
}

impl Batch {
    /// A batch of these bundles, stamped with a log time; without one it has no bundles either.
    #[must_use]
    pub fn new(log_time: Option<Wall>, bundles: Vec<Arc<Bundle>>) -> Self {
        let mut hasher = Hasher256::new();
        hasher.number(u64::from(log_time.is_some())).number(log_time.map_or(0, |time| time.0));
        hasher.number(bundles.len() as u64);
        for bundle in &bundles {
            hasher.update(&bundle.hash().0);
        }
        let hash = hasher.finish();
        Self { log_time, bundles, hash }
    }

    /// Nothing to execute.
    #[must_use]
    pub fn null() -> Self {
        Self::new(None, Vec::new())
    }

    /// Whether it leaves no entry.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.log_time.is_none() && self.bundles.is_empty()
    }

    /// The stamp of its proposer.
    #[must_use]
    pub fn log_time(&self) -> Option<Wall> {
        self.log_time
    }

    /// Its bundles.
    #[must_use]
    pub fn bundles(&self) -> &[Arc<Bundle>] {
        &self.bundles
    }

    /// Its requests, in order.
    pub fn proposals(&self) -> impl Iterator<Item = &Proposal> {
        self.bundles.iter().flat_map(|bundle| bundle.proposals())
    }

    /// How many requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bundles.iter().map(|bundle| bundle.proposals().len()).sum()
    }

    /// Whether it has no requests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bundles.is_empty()
    }

    /// Bytes of payload.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bundles.iter().map(|bundle| bundle.bytes()).sum()
    }

    /// The hash of its time and its requests, in order.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        self.hash
    }

    /// Whether an honest proposer may have made it: requests have a time, and every bundle is what a client sends.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        (self.log_time.is_some() || self.bundles.is_empty())
            && self.bundles.iter().all(|bundle| bundle.is_well_formed())
    }

    /// What has to be verified before it is believed: the signature of each bundle, and those in evidence.
    pub fn claims(&self, cluster: u64, claims: &mut Vec<Claim>) {
        self.bundles.iter().for_each(|bundle| bundle.claims(cluster, claims));
    }

    /// Its entries, which follow the index `last`, under the term that all honest nodes give them.
    #[must_use]
    pub fn entries(&self, last: LogIndex, term: Term) -> Entries {
        self.entries_after(last, term, Wall(0))
    }

    /// The same after entries of the log time `previous`. Where batches were proposed in one order and are decided in
    /// another, a stamp may be older than the one before it; log time never falls all the same.
    #[must_use]
    pub fn entries_after(&self, last: LogIndex, term: Term, previous: Wall) -> Entries {
        let Some(log_time) = self.log_time.map(|stamp| stamp.max(previous)) else { return Entries::new() };
        let indices = (last.next().0..).map(LogIndex);
        let command = |(index, proposal): (LogIndex, &Proposal)| {
            let Proposal { client, number, class, tags, payload } = proposal.clone();
            Arc::new(Entry { index, term, kind: EntryKind::Command, log_time, client, number, class, tags, payload })
        };
        if self.bundles.is_empty() {
            return core::iter::once(Arc::new(tick(last.next(), term, log_time))).collect();
        }
        indices.zip(self.proposals()).map(command).collect()
    }
}

/// An entry that carries nothing but its log time.
fn tick(index: LogIndex, term: Term, log_time: Wall) -> Entry {
    Entry {
        index,
        term,
        kind: EntryKind::Tick,
        log_time,
        client: ClientId(0),
        number: RequestNumber(0),
        class: Class::Critical,
        tags: Tags::new(),
        payload: bytes::Bytes::new(),
    }
}
