//! What may an observer know of a replica of the two rounds?
//!
//! A projection, without influence. What is shown of each place in its history is
//! how far it has come: the first round, the second one, the log.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Rounds;
use super::link::{Link, Mark};
use crate::crypto::Hash256;
use crate::few;
use crate::record::{Role, Timer, TimerKind};
use crate::rules::Rules;
use crate::types::{LogIndex, NodeId, Sequence, Term};

/// So many places of its history are shown at the most, the newest: what is older is committed, or hopeless.
const SHOWN: usize = 16;

/// One place in its history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LinkStatus {
    /// Which.
    pub sequence: Sequence,
    /// The digest of the history up to here: what acknowledgements are for.
    #[serde(default)]
    pub hash: Option<Hash256>,
    /// How many requests it holds.
    pub requests: u64,
    /// Who has acknowledged the history up to here, as far as it knows: the leader counts them, others learn it from
    /// a certificate. An acknowledgement of a later place covers this one.
    pub acknowledged: Vec<NodeId>,
    /// Who has named a prepare certificate that covers it, as far as it knows.
    pub named: Vec<NodeId>,
    /// Whether it holds a prepare certificate that covers it.
    pub prepared: bool,
    /// Whether it is committed.
    pub committed: bool,
}

/// A replica of the two rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replica {
    /// Its term within the instance.
    pub term: Term,
    /// Whether it knows how the term began.
    pub active: bool,
    /// The term that it wishes for, where that is a later one.
    pub wishes: Option<Term>,
    /// Its stable checkpoint.
    pub stable: Sequence,
    /// The last place that is committed.
    pub committed: Sequence,
    /// Its highest prepare certificate: the first round is over up to there.
    pub prepared: Option<(Term, Sequence)>,
    /// The end of its history.
    pub last: Sequence,
    /// Requests that wait.
    pub waiting: u64,
    /// Whether it has stopped for good.
    pub stopped: bool,
    /// What follows the stable checkpoint.
    #[serde(default)]
    pub links: Vec<LinkStatus>,
}

impl<R: Rules> Rounds<R> {
    /// Its number among the instances of a cluster.
    #[must_use]
    pub fn instance(&self) -> u64 {
        self.domain.instance
    }

    /// What it does.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.signer {
            None => Role::Learner,
            Some(_) if self.leads() => Role::Leader,
            Some(_) => Role::Follower,
        }
    }

    /// Who leads it: nobody before the term has begun, and nobody once it has stopped.
    #[must_use]
    pub fn led_by(&self) -> Option<NodeId> {
        self.leader().filter(|_| self.active && !self.is_silent())
    }

    /// Its log is durable up to here.
    #[must_use]
    pub fn durable(&self) -> LogIndex {
        self.persist.durable()
    }

    /// The timer of the oldest request that waits.
    #[must_use]
    pub fn timer(&self) -> Option<Timer> {
        let of = |running: super::timers::Running| Timer {
            kind: TimerKind::Request,
            armed: running.armed,
            deadline: running.deadline,
        };
        self.timers.request.map(of)
    }

    /// What is shown of it.
    #[must_use]
    pub fn replica(&self) -> Replica {
        Replica {
            term: self.term,
            active: self.active,
            wishes: Some(self.wished).filter(|wished| *wished > self.term),
            stable: self.low(),
            committed: self.committed,
            prepared: self.prepared.as_ref().map(|prepared| prepared.mark.rank()),
            last: self.chain.last(),
            waiting: self.pool.requests(),
            stopped: self.stopped,
            links: self.link_statuses(),
        }
    }

    fn link_statuses(&self) -> Vec<LinkStatus> {
        let first = self.low().0.max(self.chain.last().0.saturating_sub(SHOWN as u64));
        let (mut acknowledged, mut named) = (Vec::new(), Vec::new());
        let certificates =
            [self.prepared.as_ref().map(|prepared| &prepared.acks), self.commit.as_ref().map(|commit| &commit.acks)];
        for (by, ack) in certificates.into_iter().flatten().flatten().chain(self.tally.all()) {
            acknowledged.push((*by, ack.mark));
            named.extend(ack.named.map(|named| (*by, named)));
        }
        acknowledged.extend(self.accepted.map(|accepted| (self.id, accepted)));
        named.extend(
            self.prepared.as_ref().filter(|_| self.accepted.is_some()).map(|prepared| (self.id, prepared.mark)),
        );
        acknowledged.retain(|(_, mark)| self.chain.contains(mark));
        named.retain(|(_, mark)| self.chain.contains(mark));
        let covers = |said: &[(NodeId, Mark)], sequence: Sequence| {
            few::distinct(said.iter().filter(|(_, mark)| mark.sequence >= sequence).map(|(by, _)| *by))
        };
        let prepared = self.prepared.as_ref().map(|prepared| prepared.mark).filter(|mark| self.chain.contains(mark));
        let status = |link: &Arc<Link>| {
            let sequence = link.sequence();
            LinkStatus {
                sequence,
                hash: Some(link.hash()),
                requests: link.batch().len() as u64,
                acknowledged: covers(&acknowledged, sequence),
                named: covers(&named, sequence),
                prepared: prepared.is_some_and(|mark| mark.sequence >= sequence),
                committed: sequence <= self.committed,
            }
        };
        self.chain.following(Sequence(first)).map(status).collect()
    }
}
