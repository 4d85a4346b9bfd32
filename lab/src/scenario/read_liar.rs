//! How is a step read in which nodes begin to lie?
//!
//! Lies that could do nothing are refused where they stand: a trick of another
//! protocol, victims that a trick does not mean, a liar without a vote. What a
//! word like `leader` stands for is known only when the step runs, and is judged
//! then (`sim::fault::liar`).

use quorumscope_core::record::Endpoint;
use quorumscope_core::types::NodeId;
use toml::de::DeValue;

use super::document::{Action, Selector, Step, Targets};
use super::error::{ScenarioError, unknown};
use super::read::Names;
use super::read_step::{ends, list, nodes};
use super::table::{Source, Value};
use crate::adversary::{Trick, is_idle, misses};

/// One step in which nodes begin to lie.
pub(super) fn byzantine(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Action, ScenarioError> {
    if !names.protocol.signs() {
        let message = format!("{} has no liars: its nodes believe each other", names.protocol.name());
        return Err(source.error(&value.span(), message));
    }
    let table = source.table("byzantine", value, &["node", "as", "against"])?;
    let node = nodes(source, table.need("node")?, names)?;
    let tricks = tricks(source, table.need("as")?, names)?;
    let against = match table.get("against") {
        None => Vec::new(),
        Some(value) => victims(source, value, names, &node, &tricks)?,
    };
    Ok(Action::Byzantine { node, tricks, against })
}

fn tricks(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Vec<Trick>, ScenarioError> {
    let DeValue::Array(all) = value.get_ref() else {
        return Err(source.expected(value, "tricks as [\"twins\", \"withhold\"]"));
    };
    let read = |value: &Value<'_>| {
        let word = source.string(value)?;
        let its = || Trick::of(names.protocol).map(Trick::name);
        let refuse = |message: String| Err(source.error(&value.span(), message));
        match Trick::named(&word) {
            Some(trick) if trick.fits(names.protocol) => Ok(trick),
            Some(_) => {
                let its: Vec<&str> = its().collect();
                refuse(format!("{} has no trick \"{word}\"; it has: {}", names.protocol.name(), its.join(", ")))
            }
            None => refuse(unknown("trick", &word, its().collect::<Vec<_>>())),
        }
    };
    let tricks: Vec<Trick> = all.iter().map(read).collect::<Result<_, _>>()?;
    match tricks.is_empty() {
        true => Err(source.error(&value.span(), "a liar needs a trick at least, as [\"twins\"]")),
        false => Ok(tricks),
    }
}

/// Those whom the tricks are meant for.
fn victims(
    source: Source<'_>,
    value: &Value<'_>,
    names: &Names,
    liars: &Targets,
    tricks: &[Trick],
) -> Result<Targets, ScenarioError> {
    let against = ends(source, value, names)?;
    for (victim, value) in against.iter().zip(list(value)) {
        let refuse = |message: String| Err(source.error(&value.span(), message));
        if *victim == Selector::All {
            return refuse("\"all\" names the liar too; \"rest\" names all others".into());
        }
        if liars.contains(victim) {
            return refuse(format!("{victim} lies itself: \"against\" names others"));
        }
        let is_client = matches!(victim, Selector::Client(_));
        // What a bound name stands for may be a node or a client.
        let is_open = matches!(victim, Selector::Bound(_));
        if let Some(message) = misses(tricks, &victim.to_string(), is_client).filter(|_| !is_open) {
            return refuse(message);
        }
    }
    let known = named(liars).and_then(|liars| Some((endpoints(&against, &liars, names)?, liars)));
    if let Some((victims, liars)) = known {
        // Where voters change, a node that has no vote yet may be the one that hears the first copy.
        let others: Vec<NodeId> = names.nodes.iter().filter(|node| !liars.contains(node)).copied().collect();
        if let Some(message) = is_idle(tricks, &liars, &others, &victims) {
            return Err(source.error(&value.span(), message));
        }
    }
    Ok(against)
}

/// The nodes of these selectors, where each names one.
fn named(targets: &Targets) -> Option<Vec<NodeId>> {
    let node = |selector: &Selector| match selector {
        Selector::Node(node) => Some(*node),
        Selector::Client(_)
        | Selector::Leader
        | Selector::Primary
        | Selector::Followers
        | Selector::AnyFollower
        | Selector::Foremost
        | Selector::Down
        | Selector::All
        | Selector::Rest
        | Selector::Bound(_) => None,
    };
    targets.iter().map(node).collect()
}

/// Whom these selectors name, where that is settled before the run.
fn endpoints(targets: &Targets, liars: &[NodeId], names: &Names) -> Option<Vec<Endpoint>> {
    let mut all = Vec::new();
    for selector in targets {
        match selector {
            Selector::Node(node) => all.push(Endpoint::Node(*node)),
            Selector::Client(client) => all.push(Endpoint::Client(*client)),
            Selector::Rest => {
                all.extend(names.nodes.iter().filter(|node| !liars.contains(node)).copied().map(Endpoint::Node));
            }
            Selector::Leader
            | Selector::Primary
            | Selector::Followers
            | Selector::AnyFollower
            | Selector::Foremost
            | Selector::Down
            | Selector::All
            | Selector::Bound(_) => return None,
        }
    }
    Some(all)
}

/// Every liar that is named has a vote at first, or may get one by a step.
pub(super) fn votes(source: Source<'_>, liar: &Value<'_>, names: &Names, steps: &[Step]) -> Result<(), ScenarioError> {
    let table = source.table("byzantine", liar, &["node", "as", "against"])?;
    let value = table.need("node")?;
    for (selector, value) in nodes(source, value, names)?.iter().zip(list(value)) {
        let Selector::Node(node) = selector else { continue };
        if names.voters.contains(node) || steps.iter().any(|step| may_promote(step, *node)) {
            continue;
        }
        let help = "name a voter; promote it by a \"members\" step";
        let message = format!("{node} has no vote and gets none here, so its lies mean nothing: {help}");
        return Err(source.error(&value.span(), message));
    }
    Ok(())
}

fn may_promote(step: &Step, node: NodeId) -> bool {
    let Some(Action::Members { promote, .. }) = &step.action else { return false };
    promote.iter().any(|selector| match selector {
        Selector::Node(promoted) => *promoted == node,
        _ => true,
    })
}
