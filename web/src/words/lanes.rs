//! What does the space-time diagram say?

use quorumscope_core::record::Endpoint;
use quorumscope_core::types::{LogIndex, NodeId};
use quorumscope_lab::trace::lanes::{End, Flight};

use super::inspector::at;

/// A wider window of time.
pub const WIDER: &str = "More time in the diagram ([)";
/// A narrower one.
pub const NARROWER: &str = "Less time in the diagram (])";

/// A message with what became of it.
#[must_use]
pub fn flight(flight: &Flight) -> String {
    let Flight { from, to, departed, end, face, .. } = flight;
    let became = match end {
        End::Arrived(time) => format!("arrived at {}", at(*time)),
        End::Lost(time, _) => format!("lost at {}", at(*time)),
        End::OnItsWay(_) => "has not arrived".into(),
    };
    let name = if matches!(from, Endpoint::Client(_)) { format!("request {}", face.name) } else { face.name.clone() };
    format!("{name}, {from} to {to}: left at {}, {became}", at(*departed))
}

/// A node knows that an entry is committed.
#[must_use]
pub fn learned(node: NodeId, index: LogIndex) -> String {
    format!("{node} knows that all up to entry {} is committed", index.0)
}

/// Too much happened.
#[must_use]
pub fn left_out(count: u64) -> String {
    format!("{count} more messages are not drawn: show less time (]).")
}

/// What a node does, where there is room for little: whoever stands by or is retired has no vote, that is what it means.
#[must_use]
pub fn short(standing: &str) -> String {
    standing.replace(", no vote", "")
}
