//! What may an observer know of a replica of the two rounds?
//!
//! A projection, without influence. What is shown of each place in its history is
//! how far it has come: the first round, the second one, the log.

use serde::{Deserialize, Serialize};

use super::Rounds;
use crate::record::{Role, Timer, TimerKind};
use crate::rules::Rules;
use crate::types::{LogIndex, NodeId, Sequence, Term};

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
        }
    }
}
