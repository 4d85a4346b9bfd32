//! What has a replica noticed of evidence?
//!
//! For people. The words for it are in the laboratory.

use serde::{Deserialize, Serialize};

use super::Conviction;
use crate::types::NodeId;

/// Something about evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// The replica holds words of one peer that contradict each other.
    Found(Conviction),
    /// A peer has sent evidence that convicts.
    Heard {
        /// Who passed it on.
        from: NodeId,
        /// Of what it convicts whom.
        conviction: Conviction,
    },
    /// A peer has sent words that convict nobody.
    Unfounded {
        /// Who.
        from: NodeId,
    },
    /// The cluster has decided it: it is in the replicated state.
    Convicted(Conviction),
}

/// Not for code that decides: what follows from evidence follows from the evidence itself.
impl From<Event> for crate::event::Event {
    fn from(event: Event) -> Self {
        Self::Evidence(event)
    }
}
