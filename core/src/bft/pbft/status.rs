//! What may an observer know of a replica?
//!
//! A projection, without influence. [`Replica`] goes with
//! [`NodeStatus`](crate::record::NodeStatus) and shows what lanes need: who has
//! said what of each sequence number.

use serde::{Deserialize, Serialize};

use super::Pbft;
use crate::bft::evidence::Conviction;
use crate::crypto::Hash256;
use crate::record::{Detail, NodeStatus, Role, Timer, TimerKind};
use crate::rules::Rules;
use crate::types::{NodeId, Sequence, Term};

/// What a replica does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// It takes part in its view.
    #[default]
    Normal,
    /// It has left one view, and the next has not begun.
    ViewChange,
    /// It fetches a state, or puts it in the place of its own.
    StateTransfer,
}

/// One sequence number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SlotStatus {
    /// Which.
    pub sequence: Sequence,
    /// What is accepted in this view, or committed.
    pub hash: Option<Hash256>,
    /// How many requests it holds, where its body is here.
    pub requests: Option<u64>,
    /// Who has said that it accepted this, the primary included.
    pub prepares: Vec<NodeId>,
    /// Who has said that it is prepared.
    pub commits: Vec<NodeId>,
    /// Whether it is prepared here, in this view.
    pub prepared: bool,
    /// Whether it is committed.
    pub decided: bool,
    /// Whether it is executed.
    pub executed: bool,
}

/// A replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replica {
    /// Its view.
    pub view: Term,
    /// What it does.
    pub phase: Phase,
    /// The primary of that view.
    pub primary: Option<NodeId>,
    /// Its stable checkpoint.
    pub stable: Sequence,
    /// The last sequence number that it has executed.
    pub executed: Sequence,
    /// Requests that wait.
    pub waiting: u64,
    /// Who has asked for the view that it waits for.
    pub view_changes: Vec<NodeId>,
    /// What follows the stable checkpoint.
    pub slots: Vec<SlotStatus>,
    /// Whom the cluster has convicted of lies, as far as it has applied that.
    #[serde(default)]
    pub convictions: Vec<Conviction>,
}

impl<R: Rules> Pbft<R> {
    pub(super) fn phase(&self) -> Phase {
        if self.transfer.is_some() || self.installing.is_some() {
            Phase::StateTransfer
        } else if self.changing {
            Phase::ViewChange
        } else {
            Phase::Normal
        }
    }

    /// What it does: the primary leads while its view goes on.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.signer {
            None => Role::Learner,
            Some(_) if self.leads() => Role::Leader,
            Some(_) => Role::Follower,
        }
    }

    pub(super) fn node_status(&self) -> NodeStatus {
        let timer = self.timers.request.map(|running| Timer {
            kind: TimerKind::Request,
            armed: running.armed,
            deadline: running.deadline,
        });
        NodeStatus {
            role: self.role(),
            term: self.term(),
            leader: self.primary().filter(|_| !self.changing),
            commit: self.log.last_index(),
            applied: self.applying.applied,
            durable: self.persist.durable(),
            timer,
            detail: Some(Box::new(Detail::Pbft(self.replica()))),
            ..NodeStatus::default()
        }
    }

    /// What lanes show.
    #[must_use]
    pub fn replica(&self) -> Replica {
        let changes = self.view_changes.of(self.view).map(|change| change.replica);
        Replica {
            view: self.view,
            phase: self.phase(),
            primary: self.primary(),
            stable: self.low(),
            executed: self.executed,
            waiting: self.pool.requests(),
            view_changes: if self.changing { changes.collect() } else { Vec::new() },
            convictions: self.accuser.convictions().to_vec(),
            slots: self.slots.following(self.low()).map(|(at, slot)| self.slot_status(at, slot)).collect(),
        }
    }

    fn slot_status(&self, sequence: Sequence, slot: &super::slots::Slot) -> SlotStatus {
        let accepted = slot.accepted_in(self.view).map(|subject| subject.hash);
        let hash = accepted.or_else(|| slot.hard.decided.as_ref().map(|decided| decided.subject.hash));
        let voters = self.quorum.voters();
        let said = |votes: &super::slots::Votes| {
            let same = votes.in_view(self.view).filter(|(_, said)| hash.is_none_or(|hash| said.hash == hash));
            same.filter_map(|(place, _)| voters.get(place).copied()).collect::<Vec<NodeId>>()
        };
        let ordered = self.primary().filter(|_| accepted.is_some());
        let prepares = said(&slot.prepares).into_iter().chain(ordered);
        SlotStatus {
            sequence,
            hash,
            requests: hash.and_then(|hash| slot.hard.value(hash)).map(|value| value.batch().len() as u64),
            prepares: crate::few::distinct(prepares),
            commits: said(&slot.commits),
            prepared: slot.is_prepared_in(self.view),
            decided: slot.hard.decided.is_some(),
            executed: sequence <= self.executed,
        }
    }
}
