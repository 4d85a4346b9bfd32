//! What does the next protocol begin with, so that nothing proven is lost?
//!
//! A replica that stops an instance says what it holds ([`Stop`]): its stable
//! checkpoint and its highest prepare certificate. From a quorum of such
//! statements everybody computes the same history by one pure function,
//! [`begin`]: the highest certificate, by term and then by place. What is
//! committed was named by a quorum before any of its members stopped, so an
//! honest one among any other quorum shows that certificate or a higher one,
//! which continues it. The tail that no certificate covers is dropped; clients
//! ask for it again.
//!
//! Different quorums may lead to different histories, all of which hold what is
//! committed: which quorum counts is for the new protocol to decide first.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rounds::{Mark, Prepared, Stable};
use crate::crypto::{Claim, Domain, Hash256, Identity, Signature, Statement};
use crate::quorum::Byzantine;
use crate::types::{NodeId, Sequence, Term};

/// The kind of a stop statement, among those of the instance that it ends.
const STOP: u8 = 4;

/// A replica acknowledges nothing more in an instance, and says what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stop {
    /// Who.
    pub replica: NodeId,
    /// Its stable checkpoint; `None` where it has none of this instance.
    pub stable: Option<Arc<Stable>>,
    /// Its highest prepare certificate.
    pub prepared: Option<Arc<Prepared>>,
    /// Of `replica`.
    pub signature: Signature,
}

/// What a replica signs that stops with this checkpoint and this certificate.
#[must_use]
pub fn stop_statement(
    domain: &Domain,
    replica: NodeId,
    (sequence, chain): (Sequence, Hash256),
    prepared: Option<Mark>,
) -> Statement {
    let mark = prepared.unwrap_or(Mark { term: Term(0), sequence: Sequence(0), hash: Hash256::ZERO });
    Statement::new(domain, STOP)
        .number(u64::from(replica.0))
        .number(sequence.0)
        .hash(&chain)
        .number(u64::from(prepared.is_some()))
        .number(mark.term.0)
        .number(mark.sequence.0)
        .hash(&mark.hash)
}

impl Stop {
    /// What the replica signs, in the domain of the instance that it stops.
    #[must_use]
    pub fn statement(&self, domain: &Domain) -> Statement {
        let prepared = self.prepared.as_ref().map(|prepared| prepared.mark);
        stop_statement(domain, self.replica, self.stable_mark(), prepared)
    }

    /// The place of its stable checkpoint, and the chain hash there.
    #[must_use]
    pub fn stable_mark(&self) -> (Sequence, Hash256) {
        self.stable.as_ref().map_or(Default::default(), |stable| (stable.proof.checkpoint.sequence, stable.chain))
    }

    /// What has to be verified before it is believed, alone or in a set.
    pub fn claims(&self, domain: &Domain, claims: &mut Vec<Claim>) {
        let (by, statement) = (Identity::Node(self.replica), self.statement(domain));
        claims.push(Claim { by, statement, signature: self.signature });
        if let Some(stable) = &self.stable {
            stable.claims(domain, claims);
        }
        if let Some(prepared) = &self.prepared {
            prepared.claims(domain, claims);
        }
    }

    /// Whether an honest replica may say it, signatures apart. `root`: what the epoch begins with, in its first era.
    #[must_use]
    pub fn is_well_formed(&self, quorum: &Byzantine, root: Option<&Stable>) -> bool {
        quorum.is_voter(self.replica)
            && self.stable.as_ref().is_none_or(|stable| stable.is_proven_after(root, quorum))
            && self.prepared.as_ref().is_none_or(|prepared| prepared.is_enough(quorum))
    }
}

/// What a set of stop statements leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beginning {
    /// The highest proven state: whoever lacks the links before it takes that.
    pub stable: Option<Arc<Stable>>,
    /// The highest certificate: the history that the next protocol goes on from. `None` where nothing was prepared.
    pub prepared: Option<Arc<Prepared>>,
}

impl Beginning {
    /// Where the history ends, and its chain hash; `None` where it is empty.
    #[must_use]
    pub fn end(&self) -> Option<(Sequence, Hash256)> {
        self.prepared.as_ref().map(|prepared| (prepared.mark.sequence, prepared.mark.hash))
    }
}

/// Whether these are a quorum's, each replica's once and in order, signatures apart.
#[must_use]
pub fn is_enough(stops: &[Arc<Stop>], quorum: &Byzantine, root: Option<&Stable>) -> bool {
    stops.len() <= quorum.voters().len()
        && stops.is_sorted_by(|a, b| a.replica < b.replica)
        && quorum.is_quorum(stops.iter().map(|stop| stop.replica))
        && stops.iter().all(|stop| stop.is_well_formed(quorum, root))
}

/// The beginning that follows from a quorum's stop statements. The same for everybody, in whatever order they stand:
/// two certificates of one rank are of one history.
#[must_use]
pub fn begin(stops: &[Arc<Stop>]) -> Beginning {
    let place = |stable: &&Arc<Stable>| stable.proof.checkpoint.sequence;
    let stable = stops.iter().filter_map(|stop| stop.stable.as_ref()).max_by_key(place).cloned();
    let rank = |prepared: &&Arc<Prepared>| prepared.mark.rank();
    let prepared = stops.iter().filter_map(|stop| stop.prepared.as_ref()).max_by_key(rank).cloned();
    Beginning { stable, prepared }
}
