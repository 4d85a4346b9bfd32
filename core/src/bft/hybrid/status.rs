//! What may an observer know of a replica?
//!
//! A projection, without influence: its phase, how threatened it feels, what
//! leads it on to the next phase, and what the protocol of the phase shows.
//!
//! Terms rise over the phases, by instance first: those of the two rounds, those
//! of the instance that decides what PBFT begins with, those of PBFT.

use serde::{Deserialize, Serialize};

use super::message::Phase;
use super::threat::Level;
use super::{Hybrid, rounds};
use crate::bft::evidence::Conviction;
use crate::bft::pbft;
use crate::protocol::Protocol as _;
use crate::record::{Detail, NodeStatus, Role};
use crate::rules::Rules;
use crate::types::{NodeId, Term};

/// A replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replica {
    /// How far it is.
    pub phase: Phase,
    /// How threatened it feels.
    pub threat: Level,
    /// Signs of lies that came on the channel of each peer and are not forgotten yet.
    #[serde(default)]
    pub signs: Vec<(NodeId, u64)>,
    /// Who has said that it feels threatened, as far as it knows.
    pub alarms: Vec<NodeId>,
    /// Whose stop statements are here.
    pub stops: Vec<NodeId>,
    /// The two rounds, until PBFT begins.
    pub rounds: Option<rounds::Replica>,
    /// PBFT, once it has begun.
    pub bft: Option<pbft::Replica>,
    /// Whom the cluster has convicted of lies, as far as it has applied that.
    #[serde(default)]
    pub convictions: Vec<Conviction>,
}

impl<R: Rules> Hybrid<R> {
    /// Its term, as the whole cluster counts them.
    #[must_use]
    pub fn term(&self) -> Term {
        match (&self.bft, &self.opening) {
            (Some(bft), _) => bft.view().in_instance(bft.instance()),
            (None, Some(opening)) => opening.view().in_instance(opening.instance()),
            (None, None) if self.opened.is_some() => Term(0).in_instance(super::config::instance(self.era, 1)),
            (None, None) => self.rounds.term().in_instance(self.rounds.instance()),
        }
    }

    /// What it does. Nobody leads between the two rounds and PBFT.
    #[must_use]
    pub fn role(&self) -> Role {
        match &self.bft {
            Some(bft) => bft.role(),
            None => self.rounds.role(),
        }
    }

    pub(super) fn node_status(&self) -> NodeStatus {
        let detail = Some(Box::new(Detail::Hybrid(self.replica())));
        if let Some(bft) = &self.bft {
            return NodeStatus { term: self.term(), detail, ..bft.status() };
        }
        NodeStatus {
            role: self.role(),
            term: self.term(),
            leader: self.rounds.led_by(),
            commit: self.log().last_index(),
            applied: self.rounds.applied(),
            durable: self.rounds.durable(),
            timer: self.rounds.timer(),
            detail,
            ..NodeStatus::default()
        }
    }

    /// What is shown of it.
    #[must_use]
    pub fn replica(&self) -> Replica {
        Replica {
            phase: self.phase(),
            threat: self.told.level,
            signs: self.told.signs.clone(),
            alarms: self.alarmed(),
            stops: self.heard_stops(),
            rounds: if self.bft.is_none() { Some(self.rounds.replica()) } else { None },
            bft: self.bft.as_ref().map(|bft| bft.replica()),
            convictions: self.accuser.convictions().to_vec(),
        }
    }
}
