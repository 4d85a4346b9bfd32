//! Which line of the list of events tells something about evidence?

use quorumscope_core::bft::evidence::Event;
use quorumscope_core::types::NodeId;

use super::{Line, headline};
use crate::trace::words::evidence::{line as text, offence};
use crate::trace::words::fill;

/// The line for what `node` noted.
pub(super) fn note(node: NodeId, event: &Event) -> Option<Line> {
    match event {
        Event::Found(conviction) => headline(fill(text::FOUND, &[("node", &node), ("culprit", &conviction.culprit)])),
        Event::Convicted(conviction) => headline(fill(
            text::CONVICTED,
            &[("node", &node), ("culprit", &conviction.culprit), ("offence", &offence(conviction.offence).0)],
        )),
        Event::Heard { .. } | Event::Unfounded { .. } => None,
    }
}
