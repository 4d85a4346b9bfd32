//! Whom does a selector mean at this moment?
//!
//! Words are resolved when a step runs, against the world as it is then. A word
//! that names nobody is an error of the run that says so.

use litemap::LiteMap;
use quorumscope_core::few;

use quorumscope_core::record::{Endpoint, Role};
use quorumscope_core::types::NodeId;

use super::document::Selector;
use crate::sim::{NodeFace, Simulation};
use crate::trace::view::Liveness;

/// What bound names stand for.
pub(super) type Bindings = LiteMap<String, Vec<Endpoint>>;

/// The live leader of the highest term; of two in one term (a broken run) the first.
pub(super) fn leader(simulation: &Simulation) -> Option<NodeId> {
    leaders(simulation).first().copied()
}

/// All live leaders of the highest term in which a live node leads.
///
/// A deposed leader of an older term does not count.
pub(super) fn leaders(simulation: &Simulation) -> Vec<NodeId> {
    let leading: Vec<_> = live(simulation).filter(|(_, face)| face.status.role == Role::Leader).collect();
    let highest = leading.iter().map(|(_, face)| face.status.term).max();
    leading.iter().filter(|(_, face)| Some(face.status.term) == highest).map(|(node, _)| *node).collect()
}

/// The live leader, else the first live node of the highest term.
fn foremost(simulation: &Simulation) -> Option<NodeId> {
    let furthest = || live(simulation).max_by_key(|(node, face)| (face.status.term, core::cmp::Reverse(*node)));
    leader(simulation).or_else(|| furthest().map(|(node, _)| node))
}

/// The nodes that run, with what can be seen of them.
pub(super) fn live(simulation: &Simulation) -> impl Iterator<Item = (NodeId, NodeFace<'_>)> {
    faces(simulation).filter(|(_, face)| face.liveness == Liveness::Up)
}

/// All nodes.
pub(super) fn faces(simulation: &Simulation) -> impl Iterator<Item = (NodeId, NodeFace<'_>)> {
    let nodes = simulation.setup().nodes.iter();
    nodes.filter_map(|node| simulation.node(*node).map(|face| (*node, face)))
}

/// All that the selectors name, sorted, each once.
///
/// `named` is what the step names otherwise: `rest` is all but that.
pub(super) fn resolve(
    simulation: &Simulation,
    bindings: &Bindings,
    selectors: &[Selector],
    named: &[Endpoint],
) -> Result<Vec<Endpoint>, String> {
    let mut all = Vec::new();
    for selector in selectors {
        let found = one(simulation, bindings, selector, named);
        if found.is_empty() {
            return Err(format!("\"{selector}\" names nobody: {}", reason(selector)));
        }
        all.extend(found);
    }
    Ok(few::distinct(all))
}

/// The same, where only nodes are meant.
pub(super) fn nodes(
    simulation: &Simulation,
    bindings: &Bindings,
    selectors: &[Selector],
    named: &[Endpoint],
) -> Result<Vec<NodeId>, String> {
    resolve(simulation, bindings, selectors, named)?
        .into_iter()
        .map(|endpoint| match endpoint {
            Endpoint::Node(node) => Ok(node),
            Endpoint::Client(client) => Err(format!("{client} is a client; a node is meant here")),
        })
        .collect()
}

fn one(simulation: &Simulation, bindings: &Bindings, selector: &Selector, named: &[Endpoint]) -> Vec<Endpoint> {
    let followers = || live(simulation).filter(|(_, face)| face.status.role == Role::Follower);
    let every = |nodes: Vec<NodeId>| nodes.into_iter().map(Endpoint::Node).collect();
    match selector {
        Selector::Node(node) => vec![Endpoint::Node(*node)],
        Selector::Client(client) => vec![Endpoint::Client(*client)],
        Selector::Leader | Selector::Primary => every(leader(simulation).into_iter().collect()),
        Selector::Followers => every(followers().map(|(node, _)| node).collect()),
        Selector::AnyFollower => every(followers().map(|(node, _)| node).take(1).collect()),
        Selector::Foremost => every(foremost(simulation).into_iter().collect()),
        Selector::Down => every(
            faces(simulation)
                .filter(|(_, face)| !matches!(face.liveness, Liveness::Up | Liveness::Paused))
                .map(|(node, _)| node)
                .collect(),
        ),
        Selector::All => every(simulation.setup().nodes.clone()),
        Selector::Rest => {
            let all = simulation.setup().nodes.iter().map(|node| Endpoint::Node(*node));
            all.filter(|node| !named.contains(node)).collect()
        }
        Selector::Bound(name) => bindings.get(name).cloned().unwrap_or_default(),
    }
}

fn reason(selector: &Selector) -> &'static str {
    match selector {
        Selector::Leader | Selector::Primary => "no live node leads at that moment",
        Selector::Followers | Selector::AnyFollower => "no live node follows at that moment",
        Selector::Foremost => "no node lives at that moment",
        Selector::Down => "no node is down at that moment",
        Selector::Rest => "the step names all nodes otherwise",
        Selector::Bound(_) => "no step has bound it yet",
        Selector::Node(_) | Selector::Client(_) | Selector::All => "there are none",
    }
}
