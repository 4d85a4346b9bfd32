//! Which lines does HotStuff add to the list of events?
//!
//! Commits, views that were given up and states that travel are headlines;
//! proposals, certificates and locks are details.

use quorumscope_core::bft::hotstuff::Event;
use quorumscope_core::types::NodeId;

use super::{Line, detail, headline};
use crate::trace::words::fill;
use crate::trace::words::hotstuff::line as text;

/// The line for what `node` noted.
pub(super) fn note(node: NodeId, event: &Event) -> Option<Line> {
    match event {
        Event::Proposed { view, block, .. } => {
            detail(fill(text::PROPOSED, &[("node", &node), ("block", block), ("view", &view.0)]))
        }
        Event::VoteRefused { block, .. } => headline(fill(text::REFUSED, &[("node", &node), ("block", block)])),
        Event::CertificateFormed { view, block, .. } => {
            detail(fill(text::CERTIFIED, &[("node", &node), ("block", block), ("view", &view.0)]))
        }
        Event::Locked { view, .. } => detail(fill(text::LOCKED, &[("node", &node), ("view", &view.0)])),
        Event::Committed { view, block, .. } => {
            detail(fill(text::COMMITTED, &[("node", &node), ("block", block), ("view", &view.0)]))
        }
        Event::CommitHeld { .. } => detail(fill(text::HELD, &[("node", &node)])),
        Event::TimedOut { view, .. } => headline(fill(text::TIMED_OUT, &[("node", &node), ("view", &view.0)])),
        Event::TimeoutCertificateFormed { view, .. } => {
            detail(fill(text::TIMEOUT_CERTIFIED, &[("node", &node), ("view", &view.0)]))
        }
        Event::FetchBegan { block, from, .. } => {
            detail(fill(text::FETCH_BEGAN, &[("node", &node), ("block", block), ("from", from)]))
        }
        Event::CheckpointStable { index, .. } => detail(fill(text::STABLE, &[("node", &node), ("index", index)])),
        Event::TransferBegan { index, from, .. } => {
            headline(fill(text::TRANSFER_BEGAN, &[("node", &node), ("index", index), ("from", from)]))
        }
        Event::TransferSpoilt { .. } => headline(fill(text::TRANSFER_SPOILT, &[("node", &node)])),
        Event::StateInstalled { index } => headline(fill(text::INSTALLED, &[("node", &node), ("index", index)])),
        Event::Forged { from } => headline(fill(text::FORGED, &[("node", &node), ("from", from)])),
        Event::ViewEntered { .. }
        | Event::Voted { .. }
        | Event::VoteCounted { .. }
        | Event::HighCertificate { .. }
        | Event::TimeoutCounted { .. }
        | Event::Fetched { .. }
        | Event::Ignored { .. } => None,
    }
}
