//! What does a node know only because of its role?
//!
//! A role's data lives in its variant: a follower has no votes that could be
//! stale, a leader none of a candidate's.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::lease::Rounds;
use super::ledger::Ledger;
use super::observers::Observers;
use super::progress::Progress;
use super::reads::LeaderReads;
use super::transfer::Transfer;
use crate::record;
use crate::types::{ClientId, LogIndex, Mono, NodeId, RequestNumber, Ticket};

/// Follower, (pre-)candidate or leader (Raft paper §5.1; thesis §9.6).
#[derive(Clone, Debug)]
pub(super) enum Role {
    Follower { leader: Option<Heard> },
    PreCandidate { votes: Votes },
    Candidate { votes: Votes, own_vote: Ticket },
    Leader(Box<Leader>),
}

/// A leader of the current term, and when it was last heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) leader: NodeId,
    pub(super) at: Mono,
}

/// What a leader keeps (Figure 2, "volatile state on leaders").
#[derive(Clone, Debug)]
pub(super) struct Leader {
    /// One a follower, sorted by node, and then one an observer, sorted by node.
    pub(super) progress: SmallVec<[Progress; 4]>,
    /// Which of them are observers.
    pub(super) observers: Observers,
    /// Clients that wait for an entry to be applied, in log order.
    pub(super) waiting: VecDeque<Waiting>,
    /// Those of them whose command is relaxed, while it is not durable here.
    pub(super) early: VecDeque<Waiting>,
    /// Bytes of its log that are not committed.
    pub(super) uncommitted: Ledger,
    /// Whom it hears, and its lease.
    pub(super) rounds: Rounds,
    /// Reads that wait for a round.
    pub(super) reads: LeaderReads,
    /// Leadership is being handed over. It ends with the role, so no later leadership inherits it.
    pub(super) transfer: Option<Transfer>,
    /// Since when a node of an earlier zone could take over and nothing else was going on.
    pub(super) calm_since: Mono,
}

/// A client's proposal that was appended and not yet answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) index: LogIndex,
    pub(super) client: ClientId,
    pub(super) number: RequestNumber,
}

/// Who has answered a (pre-)candidate, and how; one vote a voter however often it arrives.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes(SmallVec<[(NodeId, bool); 8]>);

impl Votes {
    /// Counts an answer; a second one of the same voter changes nothing.
    pub(super) fn count(&mut self, voter: NodeId, granted: bool) {
        if let Err(position) = self.0.binary_search_by_key(&voter, |(node, _)| *node) {
            self.0.insert(position, (voter, granted));
        }
    }

    pub(super) fn granted(&self, voter: NodeId) -> bool {
        self.0.contains(&(voter, true))
    }

    pub(super) fn refused(&self, voter: NodeId) -> bool {
        self.0.contains(&(voter, false))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, bool)> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn granted_total(&self) -> u32 {
        self.iter().map(|(_, granted)| u32::from(granted)).sum()
    }
}

impl Role {
    pub(super) fn kind(&self) -> record::Role {
        match self {
            Self::Follower { .. } => record::Role::Follower,
            Self::PreCandidate { .. } => record::Role::PreCandidate,
            Self::Candidate { .. } => record::Role::Candidate,
            Self::Leader(_) => record::Role::Leader,
        }
    }

    pub(super) fn votes(&self) -> Option<&Votes> {
        match self {
            Self::PreCandidate { votes } | Self::Candidate { votes, .. } => Some(votes),
            Self::Follower { .. } | Self::Leader(_) => None,
        }
    }
}
