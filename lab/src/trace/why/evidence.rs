//! Which words, rule and section belong to an event about evidence?
//!
//! Words are in `words::evidence`.

use quorumscope_core::bft::evidence::{Conviction, Event};
use quorumscope_core::types::NodeId;

use super::Explanation;
use crate::trace::words::evidence::{event as text, offence, paper, principle};
use crate::trace::words::fill;

/// The sentence for what `node` noted.
pub(super) fn explain(node: NodeId, event: &Event) -> Explanation {
    match event {
        Event::Found(conviction) => told(text::FOUND, node, node, conviction, principle::FOUND),
        Event::Heard { from, conviction } => told(text::HEARD, node, *from, conviction, principle::FOUND),
        Event::Unfounded { from } => Explanation::of(fill(text::UNFOUNDED, &[("node", &node), ("from", from)]))
            .because(principle::UNFOUNDED, paper::HYBRID),
        Event::Convicted(conviction) => told(text::CONVICTED, node, node, conviction, principle::CONVICTED),
    }
}

fn told(
    template: &'static str,
    node: NodeId,
    from: NodeId,
    conviction: &Conviction,
    principle: &'static str,
) -> Explanation {
    let (what, paper) = offence(conviction.offence);
    let values: [(&str, &dyn core::fmt::Display); 4] =
        [("node", &node), ("from", &from), ("culprit", &conviction.culprit), ("offence", &what)];
    Explanation::of(fill(template, &values)).because(principle, paper).with([
        ("offence", conviction.offence.name().to_owned()),
        ("instance", conviction.instance.to_string()),
        ("evidence", conviction.name()),
    ])
}
