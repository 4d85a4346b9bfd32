//! What has a replica noticed of epochs?
//!
//! For people. The words for it are in the laboratory.

use serde::{Deserialize, Serialize};

use super::change::Nonsense;
use crate::types::{NodeId, Sequence};

/// Something about epochs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// A change of members makes no sense where it is executed, or came after another one in its epoch: nothing changes.
    ChangeVoid {
        /// Why.
        reason: Nonsense,
    },
    /// Somebody who is not the operator asks for a change of members: it is dropped.
    ChangeRefused,
    /// A change of members was executed: the epoch ends here.
    Ended {
        /// Which epoch.
        epoch: u64,
        /// Its last place.
        sequence: Sequence,
        /// Who votes from there on.
        voters: Vec<NodeId>,
    },
    /// The state at the end is made, and the replica has signed the link to the next epoch.
    LinkSigned {
        /// The epoch that begins.
        epoch: u64,
        /// Behind this place.
        sequence: Sequence,
    },
    /// The replica goes on in a later epoch.
    Begun {
        /// Which.
        epoch: u64,
        /// Behind this place.
        sequence: Sequence,
        /// Who votes.
        voters: Vec<NodeId>,
        /// Who had signed the link.
        by: Vec<NodeId>,
        /// Whether it has the state; it fetches that otherwise.
        with_state: bool,
        /// Whether it votes.
        votes: bool,
    },
    /// Links came that lead nowhere: too few have signed, or they do not follow.
    LinkRefused {
        /// Who sent them.
        from: NodeId,
    },
    /// A message of a later epoch came: the replica asks for the links.
    Behind {
        /// Whose.
        from: NodeId,
        /// Its epoch.
        epoch: u64,
    },
    /// A change of members was asked of a replica that orders no requests and passes none on.
    ChangeUnheard {
        /// Whether it has a vote, which it cannot use: its key or its store is gone.
        votes: bool,
    },
}

impl From<Event> for crate::event::Event {
    fn from(event: Event) -> Self {
        Self::Epoch(event)
    }
}
