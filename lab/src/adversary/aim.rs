//! Can tricks do anything to those whom they are meant for?
//!
//! A liar's victims are named, or drawn. Tricks that are done to all alike have
//! none; twins part the other nodes, so that some have to be left for the first
//! copy; a censor closes its ears to clients. What would do nothing is refused:
//! a run that shows no harm from it would say nothing.

use quorumscope_core::record::Endpoint;
use quorumscope_core::types::NodeId;

use super::Trick;

impl Trick {
    /// Whether it is meant for some of the other nodes.
    #[must_use]
    pub fn is_against_nodes(self) -> bool {
        matches!(self, Self::Twins | Self::Withhold)
    }

    /// Whether it is meant for some of the clients.
    #[must_use]
    pub fn is_against_clients(self) -> bool {
        matches!(self, Self::Censor)
    }
}

/// Why a victim that is a node, or a client, has nothing to fear from these tricks.
pub(crate) fn misses(tricks: &[Trick], name: &str, is_client: bool) -> Option<String> {
    let meant = if is_client { Trick::is_against_clients } else { Trick::is_against_nodes };
    let what = if is_client { "client" } else { "node" };
    if tricks.iter().any(|trick| meant(*trick)) {
        return None;
    }
    let (those, is) = if is_client { ("\"censor\"", "is") } else { ("\"twins\" and \"withhold\"", "are") };
    Some(format!("\"against\" names {name}, and none of these tricks is against single {what}s: {those} {is}"))
}

/// Why one of these tricks does nothing where these are all its victims: `liars` lie, `others` do not.
pub(crate) fn is_idle(tricks: &[Trick], liars: &[NodeId], others: &[NodeId], against: &[Endpoint]) -> Option<String> {
    if against.is_empty() {
        return None; // They are drawn.
    }
    let itself = liars.iter().find(|liar| against.contains(&Endpoint::Node(**liar)));
    if let Some(liar) = itself {
        return Some(format!("{liar} lies itself: \"against\" names others"));
    }
    let is_node = |end: &Endpoint| matches!(end, Endpoint::Node(_));
    for trick in tricks {
        let (of_nodes, of_clients) = (trick.is_against_nodes(), trick.is_against_clients());
        let missed = (of_nodes && !against.iter().any(is_node)) || (of_clients && against.iter().all(is_node));
        if missed {
            let what = if of_nodes { "node" } else { "client" };
            return Some(format!("\"{}\" is against {what}s, and \"against\" names no {what}", trick.name()));
        }
    }
    let hears_second = |other: &NodeId| against.contains(&Endpoint::Node(*other));
    let all = tricks.contains(&Trick::Twins) && others.iter().all(hears_second);
    all.then(|| "twins part the other nodes, and \"against\" names all of them: leave one out".to_owned())
}
