//! What proves to everybody that somebody has lied?
//!
//! Words under one key that no honest node says together ([`offence`]): two, or
//! one that contradicts itself. [`Evidence::judge`] is a pure function of the
//! words and the keys: whoever gets the evidence comes to the same verdict, now
//! and when it is applied again years later. Forged signatures, messages that
//! are spoilt on the way and slowness never convict: they prove nothing about
//! whose name is on them.
//!
//! **What it costs.** Two signatures to verify, one for a new view that does not
//! follow; for that one also what a replica computes when it gets a new view,
//! at most [`MAX_WINDOW`] numbers for each view change in it. Evidence has one
//! encoding, of [`MAX_BYTES`] at the most: about 300 bytes for two votes, and
//! for a new view about 40 bytes for each proof that its view changes name.
//!
//! Read `word` and `offence` next, then `watch`: how a replica finds any, `accuser`:
//! how it travels and is asked for, and `decided`: what a cluster makes of it.

mod accuser;
pub mod decided;
pub mod event;
pub mod offence;
#[cfg(test)]
pub(crate) mod tests;
pub mod watch;
pub mod word;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub(in crate::bft) use accuser::Accuser;
pub use event::Event;
pub use offence::{MAX_WINDOW, Offence};
pub use watch::Watch;
pub use word::{Begun, Known, Left, Signed, Word, said_in_hotstuff, said_in_pbft, said_in_rounds, said_in_stop};

use crate::crypto::{Claim, Domain, Forged, Hash256, Identity, Verifier};
use crate::types::NodeId;

/// Longer evidence is not read. A new view of a hundred replicas with full windows takes about 1.5 MB.
pub const MAX_BYTES: usize = 4 << 20;

/// Words of one node that are said to convict it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    culprit: NodeId,
    configuration: u64,
    instance: u64,
    first: Signed,
    second: Option<Signed>,
}

/// A verdict that everybody comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Conviction {
    /// Who has lied.
    pub culprit: NodeId,
    /// How.
    pub offence: Offence,
    /// What proves it: the hash of the evidence.
    pub evidence: Hash256,
    /// In which instance of the protocol it was said.
    pub instance: u64,
}

impl Conviction {
    /// The evidence's hash as one word, as the cluster's own records name evidence.
    #[must_use]
    pub fn name(&self) -> String {
        use core::fmt::Write as _;
        self.evidence.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes all that is written");
            text
        })
    }
}

/// Why evidence convicts nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// It has another form than the one that evidence has.
    #[error("this is not evidence in its one form")]
    Malformed,
    /// An honest node may have said so.
    #[error("an honest node may have said this")]
    NoContradiction,
    /// A signature does not hold: somebody frames the culprit.
    #[error(transparent)]
    Forged(#[from] Forged),
}

impl Evidence {
    /// The evidence that these words are, said by `culprit` in this domain; `None` where an honest node may have said
    /// them. Signatures are not looked at.
    #[must_use]
    pub fn of(culprit: NodeId, domain: &Domain, one: Signed, other: Option<Signed>) -> Option<Self> {
        let Domain { configuration, instance, .. } = *domain;
        let (first, second) = match other {
            Some(other) if encoded(&one) > encoded(&other) => (other, Some(one)),
            other => (one, other),
        };
        let evidence = Self { culprit, configuration, instance, first, second };
        evidence.offence().is_ok().then_some(evidence)
    }

    /// Against whom.
    #[must_use]
    pub fn culprit(&self) -> NodeId {
        self.culprit
    }

    /// Of what it would convict, were the signatures to hold.
    ///
    /// # Errors
    /// Where it has another form, or an honest node may have said this.
    pub fn offence(&self) -> Result<Offence, NoProof> {
        let words = || [Some(&self.first), self.second.as_ref()].into_iter().flatten();
        let own = words().all(|signed| speaker(&signed.word).is_none_or(|speaker| speaker == self.culprit));
        let in_order = self.second.as_ref().is_none_or(|second| encoded(&self.first) < encoded(second));
        if !own || !in_order {
            return Err(NoProof::Malformed);
        }
        let offence = match &self.second {
            Some(second) => offence::together(&self.first.word, &second.word),
            None => offence::alone(&self.first.word),
        };
        offence.ok_or(NoProof::NoContradiction)
    }

    /// What has to be verified before it is believed: one or two signatures.
    #[must_use]
    pub fn claims(&self, cluster: u64) -> Vec<Claim> {
        let Self { culprit, configuration, instance, first, second } = self;
        let claim = |signed: &Signed| {
            let family = signed.word.family();
            let domain = Domain { cluster, configuration: *configuration, instance: *instance, family };
            let statement = signed.word.statement(&domain);
            Claim { by: Identity::Node(*culprit), statement, signature: signed.signature }
        };
        [Some(first), second.as_ref()].into_iter().flatten().map(claim).collect()
    }

    /// Does it convict in this cluster, where these are the keys?
    ///
    /// # Errors
    /// Why it does not.
    pub fn judge(&self, cluster: u64, keys: &dyn Verifier) -> Result<Conviction, NoProof> {
        self.offence()?;
        keys.verify(&self.claims(cluster))?;
        self.verified()
    }

    /// The verdict, where the signatures are known to hold.
    ///
    /// # Errors
    /// Why it does not convict.
    pub fn verified(&self) -> Result<Conviction, NoProof> {
        let (culprit, instance, offence) = (self.culprit, self.instance, self.offence()?);
        Ok(Conviction { culprit, offence, evidence: self.hash(), instance })
    }

    /// In which instance of the protocol it was said.
    #[must_use]
    pub fn instance(&self) -> u64 {
        self.instance
    }

    /// Its one encoding.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encoded(self).into()
    }

    /// Reads evidence back.
    ///
    /// # Errors
    /// Where the bytes are too many, are no evidence, or are not the encoding that it has.
    pub fn decode(bytes: &[u8]) -> Result<Self, NoProof> {
        if bytes.len() > MAX_BYTES {
            return Err(NoProof::Malformed);
        }
        let evidence: Self = postcard::from_bytes(bytes).map_err(|_| NoProof::Malformed)?;
        if encoded(&evidence) == bytes { Ok(evidence) } else { Err(NoProof::Malformed) }
    }

    /// What stands for it.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        Hash256::of(&encoded(self))
    }
}

/// Whom a word itself names as the one who says it; most words do not.
fn speaker(word: &Word) -> Option<NodeId> {
    if let Word::ViewChange(left) = word {
        Some(left.replica)
    } else if let Word::Stopped { replica, .. } = word {
        Some(*replica)
    } else {
        None
    }
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("numbers, hashes and lists always encode")
}
