//! Which lines does a change of voters add to the list of events?

use quorumscope_core::bft::epoch::Event;
use quorumscope_core::types::NodeId;

use super::{Line, detail, headline};
use crate::trace::words::epoch::line as text;
use crate::trace::words::{fill, list, may_lie};

/// The line for what `node` noted.
pub(super) fn note(node: NodeId, event: &Event) -> Option<Line> {
    match event {
        Event::ChangeVoid { reason } => detail(fill(text::VOID, &[("node", &node), ("reason", reason)])),
        Event::ChangeUnheard { .. } => headline(fill(text::UNHEARD, &[("node", &node)])),
        Event::ChangeRefused => headline(fill(text::REFUSED, &[("node", &node)])),
        Event::Ended { epoch, sequence, .. } => {
            headline(fill(text::ENDED, &[("node", &node), ("epoch", epoch), ("sequence", sequence)]))
        }
        Event::LinkSigned { epoch, .. } => detail(fill(text::SIGNED, &[("node", &node), ("epoch", epoch)])),
        Event::Begun { epoch, voters, votes, .. } => {
            let template = if *votes { text::BEGUN } else { text::RETIRED };
            let (may, voters) = (may_lie(voters), list(voters));
            headline(fill(template, &[("node", &node), ("epoch", epoch), ("voters", &voters), ("may", &may)]))
        }
        Event::LinkRefused { from } => headline(fill(text::LINK_REFUSED, &[("node", &node), ("from", from)])),
        Event::Behind { epoch, .. } => detail(fill(text::BEHIND, &[("node", &node), ("epoch", epoch)])),
    }
}
