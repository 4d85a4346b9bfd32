//! How are a step and its selectors read?

use core::ops::Range;

use quorumscope_core::few;
use quorumscope_core::machine::any::{AnyCommand, MachineKind};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::types::Span;
use toml::de::DeValue;

use super::document::{
    Action, MessageKind, MessageVerb, NodeVerb, Pattern, READS, Selector, Targets, Which, read_name,
};
use super::error::{ScenarioError, unknown};
use super::read::{Names, client_id, read_class};
use super::read_liar;
use super::table::{Source, Table, Value};

/// What a step may say.
pub(super) const KEYS: [&str; 30] = [
    "at",
    "after",
    "bind",
    "partition",
    "heal",
    "crash",
    "restart",
    "pause",
    "resume",
    "timeout",
    "lose-disk",
    "snapshot",
    "cut",
    "mend",
    "hold",
    "drop",
    "deliver",
    "duplicate",
    "propose",
    "members",
    "subscribe",
    "skew",
    "drift",
    "disk",
    "loss",
    "duplication",
    "latency",
    "transfer",
    "read",
    "byzantine",
];

/// Of them, those that do something.
fn deeds() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().skip(3)
}

/// The names that a step binds.
pub(super) fn bind(table: &Table<'_, '_>, names: &Names) -> Result<Vec<(String, Selector)>, ScenarioError> {
    let Some(value) = table.get("bind") else { return Ok(Vec::new()) };
    let source = table.source;
    let DeValue::Table(entries) = value.get_ref() else {
        return Err(source.expected(value, "names as { old = \"leader\" }"));
    };
    let mut bound = Vec::new();
    for (name, value) in entries {
        let word: &str = name.get_ref();
        let taken = Selector::WORDS.contains(&word) || word.parse::<quorumscope_core::types::NodeId>().is_ok();
        if taken || client_id(word).is_some() || word.is_empty() {
            return Err(source.error(&name.span(), format!("\"{word}\" means something already; bind another name")));
        }
        bound.push((word.to_owned(), selector(source, value, names)?));
    }
    few::sort(&mut bound, |a: &(String, Selector), b| a.0 < b.0);
    Ok(bound)
}

/// The one thing that a step does.
pub(super) fn action(table: &Table<'_, '_>, names: &Names) -> Result<Option<Action>, ScenarioError> {
    let deeds: Vec<&str> = deeds().collect();
    let present = table.present(&deeds);
    let key = match present.as_slice() {
        [] if table.get("bind").is_some() => return Ok(None),
        [] => return Err(table.error("a step needs something to do, as crash = \"leader\"")),
        [key] => *key,
        [first, second, ..] => {
            let message =
                format!("a step does one thing, and this one does two: give \"{first}\" and \"{second}\" a step each");
            return Err(table.source.error(&table.place_of(second), message));
        }
    };
    let value = table.need(key)?;
    read_action(table.source, key, value, names).map(Some)
}

/// Where in the text it stands what a step does.
pub(super) fn place_of(table: &Table<'_, '_>) -> Range<usize> {
    let deed = deeds().find(|deed| table.get(deed).is_some());
    deed.map_or(0..0, |deed| table.place_of(deed))
}

fn read_action(source: Source<'_>, key: &str, value: &Value<'_>, names: &Names) -> Result<Action, ScenarioError> {
    if let Some(verb) = NodeVerb::ALL.into_iter().find(|verb| verb.name() == key) {
        return Ok(Action::Nodes(verb, nodes(source, value, names)?));
    }
    if let Some(verb) = MessageVerb::ALL.into_iter().find(|verb| verb.name() == key) {
        return Ok(Action::Messages(verb, which(source, verb, value, names)?));
    }
    Ok(match key {
        "partition" => partition(source, value, names)?,
        "heal" => {
            source.only_true(value)?;
            Action::Heal
        }
        "cut" | "mend" => {
            let table = source.table("a link", value, &["from", "to"])?;
            let (from, to) = (ends(source, table.need("from")?, names)?, ends(source, table.need("to")?, names)?);
            if key == "cut" { Action::Cut { from, to } } else { Action::Mend { from, to } }
        }
        "propose" => propose(source, value, names)?,
        "byzantine" => read_liar::byzantine(source, value, names)?,
        "members" => members(source, value, names)?,
        "subscribe" => {
            let table = source.table("subscribe", value, &["to", "node", "keys"])?;
            let to = table.read("to", Selector::Leader, |source, value| node_selector(source, value, names))?;
            let keys = source.strings(table.need("keys")?)?;
            Action::Subscribe { to, node: nodes(source, table.need("node")?, names)?, keys }
        }
        "skew" => {
            let table = source.table("skew", value, &["node", "by"])?;
            Action::Skew { node: nodes(source, table.need("node")?, names)?, by: source.span(table.need("by")?)? }
        }
        "drift" => {
            let table = source.table("drift", value, &["node", "rate"])?;
            let node = nodes(source, table.need("node")?, names)?;
            match source.rate(table.need("rate")?)? {
                0 => return Err(table.error("a clock that stands still is a pause: write a rate above 0, as 1.0002")),
                rate_ppm => Action::Drift { node, rate_ppm },
            }
        }
        "disk" => {
            let table = source.table("disk", value, &["node", "latency"])?;
            let node = nodes(source, table.need("node")?, names)?;
            Action::Disk { node, latency: source.range(table.need("latency")?)? }
        }
        "loss" => Action::Loss(source.chance(value)?),
        "duplication" => Action::Duplication(source.chance(value)?),
        "latency" => Action::Latency(source.range(value)?),
        "transfer" => {
            let table = source.table("transfer", value, &["from", "to"])?;
            let from = table.get("from").map(|from| node_selector(source, from, names)).transpose()?;
            Action::Transfer { from, to: node_selector(source, table.need("to")?, names)? }
        }
        "read" => {
            let table = source.table("read", value, &["to", "key", "how"])?;
            let to = table.get("to").map(|to| node_selector(source, to, names)).transpose()?;
            let how = table
                .read("how", ReadHow::Index, |source, value| source.one_of("way to read", value, &READS, read_name))?;
            let key = table.need("key")?;
            let query = AnyCommand::look(names.machine, &source.string(key)?);
            Action::Read { to, query: query.map_err(|why| source.error(&key.span(), why))?, how }
        }
        other => return Err(source.error(&value.span(), unknown("key", other, KEYS))),
    })
}

fn partition(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Action, ScenarioError> {
    let DeValue::Array(groups) = value.get_ref() else {
        return Err(source.expected(value, "groups as [[\"n1\", \"n2\"], [\"rest\"]]"));
    };
    let groups: Vec<Targets> = groups.iter().map(|group| nodes(source, group, names)).collect::<Result<_, _>>()?;
    if groups.is_empty() {
        return Err(source.error(&value.span(), "a partition has a group at least; who is in none stands apart"));
    }
    let mut placed = Vec::new();
    for selector in groups.iter().flatten() {
        let Selector::Node(node) = selector else { continue };
        if placed.contains(node) {
            return Err(source.error(&value.span(), format!("{node} stands twice: a node is in one group at most")));
        }
        placed.push(*node);
    }
    Ok(Action::Partition(groups))
}

fn propose(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Action, ScenarioError> {
    let table = source.table("propose", value, &["to", "set", "get", "delete", "command", "class"])?;
    let to = table.get("to").map(|to| node_selector(source, to, names)).transpose()?;
    let class = table.get("class").map(|class| read_class(source, class)).transpose()?;
    Ok(Action::Propose { to, operation: operation(&table, names.machine)?, class })
}

fn members(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Action, ScenarioError> {
    let table = source.table("members", value, &["to", "add", "promote", "remove", "observe"])?;
    let list = |key| table.read(key, Vec::new(), |source, value| nodes(source, value, names));
    let (add, promote, remove, observe) = (list("add")?, list("promote")?, list("remove")?, list("observe")?);
    if add.len() + promote.len() + remove.len() + observe.len() == 0 {
        return Err(table.error("a change of members needs one of add, promote, remove and observe, as add = \"n4\""));
    }
    let to = table.read("to", Selector::Leader, |source, value| node_selector(source, value, names))?;
    Ok(Action::Members { to, add, promote, remove, observe })
}

/// The operation of a table with one of `set`, `get` and `delete`, or with `command` for the other machines.
pub(super) fn operation(table: &Table<'_, '_>, machine: MachineKind) -> Result<AnyCommand, ScenarioError> {
    let source = table.source;
    if machine != MachineKind::Kv || table.get("command").is_some() {
        let value = table.need("command")?;
        if let Some(key) = table.present(&["set", "get", "delete"]).first() {
            return Err(table.error(format!("\"{key}\" is for machine = \"kv\", and this is {}", machine.name())));
        }
        return AnyCommand::read(machine, &source.string(value)?).map_err(|why| source.error(&value.span(), why));
    }
    match table.present(&["set", "get", "delete"]).as_slice() {
        ["set"] => {
            let set = source.table("set", table.need("set")?, &["key", "value", "ttl"])?;
            let (key, value) = (key(source, set.need("key")?)?, source.string(set.need("value")?)?);
            Ok(AnyCommand::Kv(match set.get("ttl").map(|ttl| Ok((ttl, source.span(ttl)?))).transpose()? {
                None => Operation::Set { key, value },
                Some((ttl, Span(0))) => {
                    return Err(
                        source.error(&ttl.span(), "a ttl above zero, as \"2s\"; delete removes a value at once")
                    );
                }
                Some((_, ttl)) => Operation::SetFor { key, value, ttl },
            }))
        }
        ["get"] => Ok(AnyCommand::Kv(Operation::Get { key: key(source, table.need("get")?)? })),
        ["delete"] => Ok(AnyCommand::Kv(Operation::Delete { key: key(source, table.need("delete")?)? })),
        _ => Err(table.error(format!(
            "{} needs one operation: set = {{ key = \"x\", value = \"1\" }}, get = \"x\" or delete = \"x\"",
            table.what
        ))),
    }
}

fn key(source: Source<'_>, value: &Value<'_>) -> Result<String, ScenarioError> {
    let key = source.string(value)?;
    if key.is_empty() { Err(source.error(&value.span(), "a key has one character at least")) } else { Ok(key) }
}

fn which(source: Source<'_>, verb: MessageVerb, value: &Value<'_>, names: &Names) -> Result<Which, ScenarioError> {
    if let DeValue::Integer(_) = value.get_ref() {
        return Ok(Which::Id(source.integer(value, u64::MAX)?));
    }
    let table = source.table("a message pattern", value, &["from", "to", "kind", "for"])?;
    let pattern = Pattern {
        from: table.read("from", Vec::new(), |source, value| ends(source, value, names))?,
        to: table.read("to", Vec::new(), |source, value| ends(source, value, names))?,
        kind: table
            .get("kind")
            .map(|value| source.one_of("kind of message", value, &MessageKind::ALL, MessageKind::name))
            .transpose()?,
        lasting: table.get("for").map(|value| source.span(value)).transpose()?,
    };
    if pattern.lasting.is_some() && verb == MessageVerb::Duplicate {
        return Err(table.error("a lasting duplicate would double its own copies; use duplication = 0.1 instead"));
    }
    Ok(Which::Pattern(pattern))
}

/// One or more selectors that name nodes.
pub(super) fn nodes(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Targets, ScenarioError> {
    list(value)
        .map(|value| node_selector(source, value, names))
        .collect::<Result<_, _>>()
        .and_then(|targets| non_empty(source, value, targets))
}

/// One or more selectors that name nodes or clients.
pub(super) fn ends(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Targets, ScenarioError> {
    list(value)
        .map(|value| selector(source, value, names))
        .collect::<Result<_, _>>()
        .and_then(|targets| non_empty(source, value, targets))
}

pub(super) fn list<'v, 'a>(value: &'v Value<'a>) -> impl Iterator<Item = &'v Value<'a>> {
    match value.get_ref() {
        DeValue::Array(values) => values.iter(),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => core::slice::from_ref(value).iter(),
    }
}

fn non_empty(source: Source<'_>, value: &Value<'_>, targets: Targets) -> Result<Targets, ScenarioError> {
    if targets.is_empty() {
        return Err(source.error(&value.span(), "an empty list names nobody"));
    }
    Ok(targets)
}

/// A selector that names nodes.
pub(super) fn node_selector(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Selector, ScenarioError> {
    match selector(source, value, names)? {
        Selector::Client(client) => {
            Err(source.error(&value.span(), format!("{client} is a client; a node is meant here")))
        }
        selector => Ok(selector),
    }
}

/// A selector that names nodes or a client.
fn selector(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Selector, ScenarioError> {
    let word = source.string(value)?;
    let refuse = |message: String| Err(source.error(&value.span(), message));
    if let Some(selector) = keyword(&word) {
        return Ok(selector);
    }
    if let Ok(node) = word.parse::<quorumscope_core::types::NodeId>() {
        if names.nodes.contains(&node) {
            return Ok(Selector::Node(node));
        }
        let known: Vec<String> = names.nodes.iter().map(ToString::to_string).collect();
        return refuse(format!("there is no node {node} in this scenario; its nodes: {}", known.join(", ")));
    }
    if let Some(client) = client_id(&word) {
        if names.clients.contains(&client) {
            return Ok(Selector::Client(client));
        }
        let known: Vec<String> = names.clients.iter().map(ToString::to_string).collect();
        return refuse(format!("there is no client {client} in this scenario; its clients: {}", known.join(", ")));
    }
    if names.bound.contains(&word) {
        return Ok(Selector::Bound(word));
    }
    let known: Vec<&str> = Selector::WORDS.into_iter().chain(names.bound.iter().map(String::as_str)).collect();
    refuse(unknown("selector", &word, known))
}

fn keyword(word: &str) -> Option<Selector> {
    Some(match word {
        "leader" => Selector::Leader,
        "primary" => Selector::Primary,
        "followers" => Selector::Followers,
        "any-follower" => Selector::AnyFollower,
        "foremost" => Selector::Foremost,
        "down" => Selector::Down,
        "all" => Selector::All,
        "rest" => Selector::Rest,
        _ => return None,
    })
}
