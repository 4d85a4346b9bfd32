//! Which lines does PBFT add to the list of events?
//!
//! Views, checkpoints and states that travel are headlines; what is prepared
//! and committed are details.

use quorumscope_core::bft::pbft::Event;
use quorumscope_core::types::NodeId;

use super::{Line, detail, headline};
use crate::trace::words::pbft::line as text;
use crate::trace::words::{fill, requests};

/// The line for what `node` noted.
pub(super) fn note(node: NodeId, event: &Event) -> Option<Line> {
    match event {
        Event::Proposed { sequence, requests: count, .. } => {
            let count = requests(*count);
            detail(fill(text::PROPOSED, &[("node", &node), ("requests", &count), ("sequence", sequence)]))
        }
        Event::PrePrepareRefused { sequence, .. } => {
            headline(fill(text::REFUSED, &[("node", &node), ("sequence", sequence)]))
        }
        Event::Prepared { sequence, .. } => detail(fill(text::PREPARED, &[("node", &node), ("sequence", sequence)])),
        Event::Committed { sequence, .. } => detail(fill(text::COMMITTED, &[("node", &node), ("sequence", sequence)])),
        Event::CheckpointStable { sequence, .. } => {
            detail(fill(text::STABLE, &[("node", &node), ("sequence", sequence)]))
        }
        Event::ViewChangeBegan { from, to, .. } => {
            headline(fill(text::LEFT, &[("node", &node), ("from", &from.0), ("to", &to.0)]))
        }
        Event::NewViewMade { view, .. } => headline(fill(text::MADE, &[("node", &node), ("view", &view.0)])),
        Event::NewViewRefused { view, .. } => {
            headline(fill(text::NEW_VIEW_REFUSED, &[("node", &node), ("view", &view.0)]))
        }
        Event::ViewEntered { view, .. } => detail(fill(text::ENTERED, &[("node", &node), ("view", &view.0)])),
        Event::TransferBegan { sequence, from, .. } => {
            headline(fill(text::TRANSFER_BEGAN, &[("node", &node), ("sequence", sequence), ("from", from)]))
        }
        Event::TransferSpoilt { .. } => headline(fill(text::TRANSFER_SPOILT, &[("node", &node)])),
        Event::Transferred { sequence, .. } => {
            headline(fill(text::TRANSFERRED, &[("node", &node), ("sequence", sequence)]))
        }
        Event::Forged { from } => headline(fill(text::FORGED, &[("node", &node), ("from", from)])),
        Event::Recovered { .. }
        | Event::RequestsRelayed { .. }
        | Event::PrePrepareAccepted { .. }
        | Event::Executed { .. }
        | Event::CaughtUp { .. }
        | Event::CheckpointTaken { .. }
        | Event::RequestTimerSet { .. }
        | Event::ViewChangeCounted { .. }
        | Event::AskedForMissing { .. }
        | Event::Ignored { .. } => None,
    }
}
