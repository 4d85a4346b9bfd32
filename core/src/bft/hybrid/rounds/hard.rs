//! What must a replica not forget?
//!
//! Its term and how that began, what it has acknowledged, its highest prepare
//! certificate, what is committed, and the links after its stable checkpoint.
//! Each is durable before anybody hears of it. A write carries what has changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::link::{Link, Mark};
use super::message::{Committed, Lead, Prepared, Stable};
use crate::bft::hybrid::history::Stop;
use crate::crypto::Hash256;
use crate::storage::Hard;
use crate::types::{Sequence, Term};

/// All that a replica must not forget apart from its log; in a write, what has changed of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// Its term: it says nothing in earlier ones any more.
    pub term: Term,
    /// Whether its history is the one that the term began with.
    pub rooted: bool,
    /// Whether it has stopped for good.
    pub stopped: bool,
    /// What it has said then that it holds: it says nothing else after a restart.
    pub statement: Option<Arc<Stop>>,
    /// The last history that it has acknowledged.
    pub accepted: Option<Mark>,
    /// The last place whose entries are in the log.
    pub committed: Sequence,
    /// The chain hash there.
    pub committed_hash: Hash256,
    /// How the term began; `None` for the first.
    pub lead: Option<Arc<Lead>>,
    /// Its highest prepare certificate.
    pub prepared: Option<Arc<Prepared>>,
    /// The newest commit certificate.
    pub commit: Option<Arc<Committed>>,
    /// The proof of its stable checkpoint; `None` at the beginning.
    pub stable: Option<Arc<Stable>>,
    /// In a write: links after this place go.
    pub cut: Option<Sequence>,
    /// The links after the stable checkpoint; in a write, new ones.
    pub links: Vec<Arc<Link>>,
    /// Links that were acknowledged and truncated; in a write, new ones.
    pub kept: Vec<Arc<Link>>,
}

impl HardState {
    /// The place of the stable checkpoint.
    #[must_use]
    pub fn low(&self) -> Sequence {
        self.stable.as_ref().map_or(Sequence(0), |stable| stable.proof.checkpoint.sequence)
    }
}

impl Hard for HardState {
    fn absorb(&mut self, later: Self) {
        let Self { term, rooted, stopped, accepted, committed, committed_hash, .. } = later;
        let Self { statement, lead, prepared, commit, stable, cut, links, kept, .. } = later;
        (self.term, self.rooted, self.stopped) = (term, rooted, stopped);
        (self.accepted, self.committed, self.committed_hash) = (accepted, committed, committed_hash);
        self.statement = statement.or(self.statement.take());
        self.lead = lead.or(self.lead.take());
        self.prepared = prepared.or(self.prepared.take());
        self.commit = commit.or(self.commit.take());
        self.stable = stable.or(self.stable.take());
        if let Some(cut) = cut {
            self.links.retain(|link| link.sequence() <= cut);
        }
        self.links.extend(links);
        self.kept.extend(kept);
        let old = self.low().min(committed);
        self.links.retain(|link| link.sequence() > old);
        self.kept.retain(|link| link.sequence() > committed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bft::Batch;

    fn link(origin: u64, sequence: u64) -> Arc<Link> {
        Arc::new(Link::new(Term(origin), Sequence(sequence), Hash256::ZERO, Batch::null()))
    }

    #[test]
    fn a_later_write_cuts_before_it_appends_and_keeps_what_it_says() {
        let mut hard = HardState { links: vec![link(1, 1), link(1, 2), link(1, 3)], ..HardState::default() };
        let kept = vec![link(1, 3)];
        let (cut, links) = (Some(Sequence(2)), vec![link(2, 3)]);
        hard.absorb(HardState { term: Term(2), cut, links, kept, ..HardState::default() });
        let held: Vec<_> = hard.links.iter().map(|link| (link.origin().0, link.sequence().0)).collect();
        assert_eq!((held, hard.kept.len(), hard.term), (vec![(1, 1), (1, 2), (2, 3)], 1, Term(2)));
        hard.absorb(HardState { committed: Sequence(3), ..HardState::default() });
        assert_eq!((hard.links.len(), hard.kept.len()), (3, 0), "its place is settled");
    }
}
