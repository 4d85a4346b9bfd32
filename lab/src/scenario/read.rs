//! How is a scenario read from TOML?
//!
//! Every key, name and value is checked here, so that a run starts only from a
//! document that makes sense; what depends on the run itself (who leads at that
//! moment) is resolved when the step runs. Steps are read in `read_step`,
//! expectations in `read_expect`, the protocol's settings in `settings`.

use quorumscope_core::bft::hybrid::threat;
use quorumscope_core::bft::{hotstuff, pbft};
use quorumscope_core::entry::Class;
use quorumscope_core::few;
use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::Rule;
use quorumscope_core::types::{ClientId, NodeId, Span, Time};
use toml::de::{DeTable, DeValue};

use super::document::{MAX_CLIENTS, MAX_NODES, ProtocolName, RaftSettings, Scenario, Selector, Step, read_name};
use super::error::{ScenarioError, unknown};
use super::settings::read_settings;
use super::table::{Source, Table, Value};
use super::units::print_span;
use super::{network, read_expect, read_liar, read_step, settings_hotstuff, settings_hybrid, settings_pbft};
use crate::keys::Scheme;
use crate::sim::{ClientSetup, MachineSetup, Network, Workload};

/// Longest document that is read: far beyond any run that somebody writes or a profile generates.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;

/// Longest run: an hour of virtual time.
const MAX_UNTIL: Span = Span::from_secs(3_600);

pub(super) const KEYS: [&str; 18] = [
    "name",
    "about",
    "protocol",
    "signer",
    "nodes",
    "voters",
    "zones",
    "seed",
    "until",
    "network",
    "disk",
    "machine",
    "session_timeout",
    "protocol-config",
    "rules",
    "client",
    "step",
    "expect",
];

/// The keys of `[[client]]`.
pub(super) const CLIENT: [&str; 10] =
    ["id", "operations", "keys", "think", "reads", "ttl", "timeout", "pause", "attempts", "class"];

/// The names that a document may use.
pub(super) struct Names {
    /// What runs.
    pub(super) protocol: ProtocolName,
    /// Its nodes.
    pub(super) nodes: Vec<NodeId>,
    /// Who votes at first.
    pub(super) voters: Vec<NodeId>,
    /// Its clients.
    pub(super) clients: Vec<ClientId>,
    /// What its commands are for.
    pub(super) machine: MachineKind,
    /// What the steps so far have bound.
    pub(super) bound: Vec<String>,
}

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Scenario, ScenarioError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(ScenarioError::new(format!("a scenario has at most {MAX_DOCUMENT_BYTES} bytes")));
    }
    let source = Source { text };
    let document = DeTable::parse(text)
        .map_err(|error| source.error(&error.span().unwrap_or(0..0), error.message().to_owned()))?;
    let table = Table::document(source, document.get_ref(), &KEYS)?;
    let protocol = read_protocol(source, table.need("protocol")?)?;
    let nodes = read_nodes(source, table.need("nodes")?)?;
    let voters = table.read("voters", nodes.clone(), read_nodes)?;
    if let Some(voter) = voters.iter().find(|voter| !nodes.contains(voter)) {
        let place = table.need("voters")?.span();
        return Err(source.error(&place, format!("{voter} votes and is not one of the nodes: add it to \"nodes\"")));
    }
    let Settings { raft, pbft, hotstuff, threat } = read_protocol_config(&table, protocol)?;
    if let Some(node) = raft.leader_zones.iter().flatten().find(|node| !nodes.contains(node)) {
        return Err(table.error(format!("leader_zones names {node}, which is not one of the nodes")));
    }
    let zones = table.read("zones", Vec::new(), |source, value| read_zones(source, value, &nodes))?;
    let clients = read_clients(&table)?;
    let signer = read_signer(&table, protocol)?;
    let machine = read_machine(&table)?;
    let mut names = Names {
        protocol,
        nodes: nodes.clone(),
        voters: voters.clone(),
        clients: clients.iter().map(|client| client.id).collect(),
        machine: machine.kind,
        bound: Vec::new(),
    };
    let steps = read_steps(&table, &mut names)?;
    let expect = table
        .list("expect")?
        .iter()
        .map(|value| read_expect::expect(source, value, &names))
        .collect::<Result<_, _>>()?;
    Ok(Scenario {
        name: table.read("name", "A run".into(), |source, value| source.string(value))?,
        about: table.read("about", String::new(), |source, value| source.string(value))?,
        protocol,
        seed: table.read("seed", 1, |source, value| source.integer(value, (1 << 53) - 1))?,
        until: read_until(&table)?,
        network: table
            .read("network", Network::default(), |source, value| network::read(source, value, zones.len()))?,
        disk: table.read("disk", DEFAULT_DISK, |source, value| source.range(value))?,
        machine,
        raft,
        pbft,
        hotstuff,
        threat,
        signer,
        rules_off: table.read("rules", Vec::new(), |source, value| read_rules(source, value, protocol))?,
        nodes,
        voters,
        zones,
        clients,
        steps,
        expect,
    })
}

/// How long a sync takes where the scenario says nothing: a solid-state disk.
pub(super) const DEFAULT_DISK: (Span, Span) = (Span(500), Span(2_000));

/// When a run ends that does not say when.
pub(super) const DEFAULT_UNTIL: Time = Time(10_000_000);

fn read_protocol(source: Source<'_>, value: &Value<'_>) -> Result<ProtocolName, ScenarioError> {
    let word = source.string(value)?;
    protocol(&word).map_err(|message| source.error(&value.span(), message))
}

/// The settings of the protocol that runs; those of the others are as they always are.
struct Settings {
    raft: RaftSettings,
    pbft: pbft::Settings,
    hotstuff: hotstuff::Settings,
    threat: threat::Settings,
}

fn read_protocol_config(table: &Table<'_, '_>, protocol: ProtocolName) -> Result<Settings, ScenarioError> {
    let (mut raft, mut pbft) = (RaftSettings::default(), settings_pbft::default());
    let (mut hotstuff, mut threat) = (hotstuff::Settings::default(), threat::Settings::default());
    match protocol {
        ProtocolName::Raft => raft = table.read("protocol-config", raft, read_settings)?,
        ProtocolName::Pbft => pbft = table.read("protocol-config", pbft, settings_pbft::read)?,
        ProtocolName::HotStuff => hotstuff = table.read("protocol-config", hotstuff, settings_hotstuff::read)?,
        ProtocolName::Hybrid => {
            (pbft, threat) = table.read("protocol-config", (pbft, threat), settings_hybrid::read)?;
        }
    }
    Ok(Settings { raft, pbft, hotstuff, threat })
}

fn read_signer(table: &Table<'_, '_>, protocol: ProtocolName) -> Result<Scheme, ScenarioError> {
    let Some(value) = table.get("signer") else { return Ok(Scheme::Real) };
    if !protocol.signs() {
        let message = format!("\"signer\" says how nodes sign, and those of {} do not", protocol.name());
        return Err(table.source.error(&value.span(), message));
    }
    table.source.one_of("signer", value, &Scheme::ALL, Scheme::name)
}

/// The protocol of this name, or one line that says which there are.
pub fn protocol(word: &str) -> Result<ProtocolName, String> {
    let known = ProtocolName::ALL.map(ProtocolName::name);
    match ProtocolName::named(word) {
        Some(protocol) => Ok(protocol),
        None => Err(unknown("protocol", word, known)),
    }
}

/// The rule of this name, or one line that names the nearest.
pub fn rule(word: &str) -> Result<Rule, String> {
    Rule::named(word).ok_or_else(|| unknown("rule", word, Rule::ALL.map(Rule::name)))
}

fn read_machine(table: &Table<'_, '_>) -> Result<MachineSetup, ScenarioError> {
    let kind = table.read("machine", MachineKind::Kv, |source, value| {
        source.one_of("machine", value, &MachineKind::ALL, MachineKind::name)
    })?;
    let session_timeout = table.get("session_timeout").map(|value| table.source.span(value)).transpose()?;
    Ok(MachineSetup { kind, session_timeout })
}

fn read_until(table: &Table<'_, '_>) -> Result<Time, ScenarioError> {
    let Some(value) = table.get("until") else { return Ok(DEFAULT_UNTIL) };
    let span = table.source.span(value)?;
    if span == Span(0) || span > MAX_UNTIL {
        return Err(table.source.error(&value.span(), "a run ends after more than 0s and at most 3600s"));
    }
    Ok(Time(span.0))
}

/// Lists of nodes, as `[["n1", "n2"], ["n3"]]`.
pub(super) fn read_lists(source: Source<'_>, value: &Value<'_>) -> Result<Vec<Vec<NodeId>>, ScenarioError> {
    match value.get_ref() {
        DeValue::Array(zones) if zones.iter().all(|zone| matches!(zone.get_ref(), DeValue::Array(_))) => {
            zones.iter().map(|zone| read_nodes(source, zone)).collect()
        }
        _ => Err(source.expected(value, "zones as [[\"n1\", \"n2\"], [\"n3\"]]")),
    }
}

fn read_zones(source: Source<'_>, value: &Value<'_>, nodes: &[NodeId]) -> Result<Vec<Vec<NodeId>>, ScenarioError> {
    let zones = read_lists(source, value)?;
    let mut all: Vec<NodeId> = zones.iter().flatten().copied().collect();
    few::sort(&mut all, |a, b| a < b);
    if let Some(node) = all.iter().find(|node| !nodes.contains(node)) {
        return Err(source.error(&value.span(), format!("{node} stands in a zone and is not one of the nodes")));
    }
    match all.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(source.error(&value.span(), format!("{} stands in two zones", pair[0]))),
        None => Ok(zones),
    }
}

fn read_nodes(source: Source<'_>, value: &Value<'_>) -> Result<Vec<NodeId>, ScenarioError> {
    let refuse = |message: String| source.error(&value.span(), message);
    let nodes = match value.get_ref() {
        DeValue::Integer(_) => {
            let count = source.integer(value, u64::from(u32::MAX))?;
            if count == 0 || count > u64::from(MAX_NODES) {
                return Err(refuse(format!("a run has 1 to {MAX_NODES} nodes")));
            }
            (1..=MAX_NODES).map(NodeId).take_while(|node| u64::from(node.0) <= count).collect()
        }
        DeValue::Array(list) => list
            .iter()
            .map(|name| {
                let word = source.string(name)?;
                word.parse::<NodeId>().map_err(|error| source.error(&name.span(), error.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?,
        _ => return Err(source.expected(value, "a number of nodes, or a list as [\"n1\", \"n2\"]")),
    };
    let written = nodes.len();
    let nodes = few::distinct(nodes);
    match nodes.last() {
        None => Err(refuse("a run needs at least one node".into())),
        Some(last) if last.0 > MAX_NODES => Err(refuse(format!("nodes are named n1 to n{MAX_NODES}"))),
        Some(_) if nodes.len() < written => Err(refuse("a node is named twice".into())),
        Some(_) => Ok(nodes),
    }
}

fn read_rules(source: Source<'_>, value: &Value<'_>, protocol: ProtocolName) -> Result<Vec<Rule>, ScenarioError> {
    let DeValue::Table(_) = value.get_ref() else { return Err(source.expected(value, "[rules] as a table")) };
    let table = source.table("[rules]", value, &Rule::ALL.map(Rule::name)).map_err(|error| ScenarioError {
        message: error.message.replace("unknown key", "unknown rule").replace(" (in [rules])", ""),
        ..error
    })?;
    let mut off = Vec::new();
    for (name, place, on) in table.iter() {
        let rule = rule(name).map_err(|message| source.error(&place, message))?;
        if !protocol.has(rule) {
            return Err(source.error(&place, format!("a run of {} cannot switch \"{name}\" off", protocol.name())));
        }
        if !source.boolean(on)? {
            off.push(rule);
        }
    }
    few::sort(&mut off, |a, b| a < b);
    Ok(off)
}

fn read_clients(table: &Table<'_, '_>) -> Result<Vec<ClientSetup>, ScenarioError> {
    let source = table.source;
    let mut clients: Vec<ClientSetup> = Vec::new();
    for value in table.list("client")? {
        let table = source.table("a client", value, &CLIENT)?;
        let next = clients.iter().map(|client| client.id.0).max().unwrap_or(0) + 1;
        let id = table.read("id", ClientId(next), read_client_id)?;
        if clients.iter().any(|client| client.id == id) {
            return Err(table.error(format!("client {id} is there twice")));
        }
        let workload = match table.get("operations") {
            None => match table.present(&["keys", "think", "reads", "ttl"]).first() {
                Some(key) => return Err(table.error(format!("\"{key}\" needs \"operations\", the number of them"))),
                None => None,
            },
            Some(value) => Some(Workload {
                operations: source.small(value)?,
                keys: table.read("keys", 3, |source, value| source.small(value))?,
                think: table.read("think", DEFAULT_THINK, |source, value| source.range(value))?,
                reads: table.read("reads", None, read_reads)?,
                ttl: table.get("ttl").map(|value| source.range(value)).transpose()?,
                mixed: false,
            }),
        };
        let (class, workload) = read_client_class(&table, workload)?;
        let by_hand = ClientSetup::by_hand(id);
        clients.push(ClientSetup {
            id,
            workload,
            timeout: table.read("timeout", by_hand.timeout, |source, value| source.span(value))?,
            pause: table.read("pause", by_hand.pause, |source, value| source.span(value))?,
            attempts: table.read("attempts", by_hand.attempts, |source, value| source.small(value))?,
            class,
        });
    }
    if clients.is_empty() {
        clients.push(ClientSetup::by_hand(ClientId(1)));
    }
    Ok(clients)
}

/// The class of what a client writes: one, or one that is drawn for each write of its own.
fn read_client_class(
    table: &Table<'_, '_>,
    workload: Option<Workload>,
) -> Result<(Class, Option<Workload>), ScenarioError> {
    let Some(value) = table.get("class") else { return Ok((Class::Critical, workload)) };
    let known = [Some(Class::Critical), Some(Class::Relaxed), None];
    match (table.source.one_of("class", value, &known, |class| class.map_or(MIXED, class_name))?, workload) {
        (Some(class), workload) => Ok((class, workload)),
        (None, Some(workload)) => Ok((Class::Critical, Some(Workload { mixed: true, ..workload }))),
        (None, None) => {
            let message = "class = \"mixed\" needs \"operations\"; give a proposal by hand its own class";
            Err(table.source.error(&value.span(), message))
        }
    }
}

/// The class of one proposal.
pub(super) fn read_class(source: Source<'_>, value: &Value<'_>) -> Result<Class, ScenarioError> {
    source.one_of("class", value, &[Class::Critical, Class::Relaxed], class_name)
}

/// A class for each write by itself, as it is written.
pub(super) const MIXED: &str = "mixed";

/// How a workload reads: `log`, or one of the ways beside it.
fn read_reads(source: Source<'_>, value: &Value<'_>) -> Result<Option<ReadHow>, ScenarioError> {
    let known = [None, Some(ReadHow::Index), Some(ReadHow::Lease), Some(ReadHow::Stale)];
    source.one_of("way to read", value, &known, |how| how.map_or("log", read_name))
}

/// A class as it is written.
pub(super) fn class_name(class: Class) -> &'static str {
    match class {
        Class::Critical => "critical",
        Class::Relaxed => "relaxed",
    }
}

/// How long a client thinks where the scenario says nothing.
pub(super) const DEFAULT_THINK: (Span, Span) = (Span(100_000), Span(300_000));

fn read_client_id(source: Source<'_>, value: &Value<'_>) -> Result<ClientId, ScenarioError> {
    let word = source.string(value)?;
    client_id(&word).ok_or_else(|| source.error(&value.span(), format!("\"{word}\" is not a client: write c1, c2, …")))
}

/// Reads `c1`, `c2`, ….
pub(super) fn client_id(word: &str) -> Option<ClientId> {
    let number = word.strip_prefix('c')?.parse().ok()?;
    (1..=MAX_CLIENTS).contains(&number).then_some(ClientId(number))
}

/// Reads all steps: first their times and names, so that a name is known to the steps after it.
fn read_steps(table: &Table<'_, '_>, names: &mut Names) -> Result<Vec<Step>, ScenarioError> {
    let source = table.source;
    let mut heads = Vec::new();
    for value in table.list("step")? {
        let table = source.table("a step", value, &read_step::KEYS)?;
        let at = Time(source.span(table.need("at")?)?.0);
        let after = table.get("after").map(|value| source.integer(value, u64::MAX)).transpose()?;
        heads.push((at, after, table));
    }
    let until = read_until(table)?;
    if let Some((at, _, late)) = heads.iter().find(|(at, ..)| *at > until) {
        let (at, until) = (print_span(Span(at.0)), print_span(Span(until.0)));
        let place = late.need("at")?.span();
        let message = format!("this step is at {at}, after the end of the run: until = \"{until}\"");
        return Err(source.error(&place, message));
    }
    heads.sort_by_key(|(at, ..)| *at);
    let mut steps = Vec::new();
    let mut liars = Vec::new();
    for (at, after, table) in heads {
        let bind = read_step::bind(&table, names)?;
        names.bound.extend(bind.iter().map(|(name, _): &(String, Selector)| name.clone()));
        let action = read_step::action(&table, names)?;
        if let Some(what) = action.as_ref().and_then(|action| action.is_missing_in(names.protocol)) {
            let place = read_step::place_of(&table);
            return Err(source.error(&place, format!("{} has no {what}", names.protocol.name())));
        }
        liars.extend(table.get("byzantine"));
        steps.push(Step { at, after, bind, action });
    }
    liars.into_iter().try_for_each(|liar| read_liar::votes(source, liar, names, &steps))?;
    Ok(steps)
}
