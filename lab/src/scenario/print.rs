//! How is a scenario written as TOML?
//!
//! In one canonical form: the same scenario always gives the same text, and
//! reading it gives the same scenario again. What stands at its default is left
//! out, so that a document shows what is special about it.

use core::fmt::Write as _;

use quorumscope_core::machine::any::{AnyCommand, MachineKind};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::Profile;
use quorumscope_core::types::{NodeId, Span};

use super::document::{
    Action, Bound, Commit, Expect, Fact, Pattern, ProtocolName, RaftSettings, Scenario, Selector, Step, Targets, Told,
    When, Which, read_name,
};
use super::read::{DEFAULT_DISK, DEFAULT_THINK, MIXED, class_name};
use super::read_expect::{NOBODY, fate_name, role_name};
use super::units::{print_ppm, print_span};
use super::{network, properties, settings_hotstuff, settings_hybrid, settings_pbft};
use crate::keys::Scheme;
use crate::sim::ClientSetup;

/// Writes a document.
pub(super) fn print(scenario: &Scenario) -> String {
    let mut lines = vec![format!("name = {}", quote(&scenario.name))];
    if !scenario.about.is_empty() {
        lines.push(format!("about = {}", quote(&scenario.about)));
    }
    lines.push(format!("protocol = {}", quote(scenario.protocol.name())));
    if scenario.signer != Scheme::Real {
        lines.push(format!("signer = {}", quote(scenario.signer.name())));
    }
    lines.push(format!("nodes = {}", node_list(&scenario.nodes)));
    if scenario.voters != scenario.nodes {
        lines.push(format!("voters = {}", node_list(&scenario.voters)));
    }
    if !scenario.zones.is_empty() {
        // A list that counts from n1 would be printed as its length, which says something else here.
        let zone =
            |nodes: &Vec<NodeId>| nodes.iter().map(|node| quote(&node.to_string())).collect::<Vec<_>>().join(", ");
        let zones: Vec<String> = scenario.zones.iter().map(|nodes| format!("[{}]", zone(nodes))).collect();
        lines.push(format!("zones = [{}]", zones.join(", ")));
    }
    lines.push(format!("seed = {}", scenario.seed));
    lines.push(format!("until = {}", span(Span(scenario.until.0))));
    if scenario.disk != DEFAULT_DISK {
        lines.push(format!("disk = {}", range(scenario.disk)));
    }
    if scenario.machine.kind != MachineKind::Kv {
        lines.push(format!("machine = {}", quote(scenario.machine.kind.name())));
    }
    lines.extend(scenario.machine.session_timeout.map(|limit| format!("session_timeout = {}", span(limit))));
    network::print(&scenario.network, &mut lines);
    match scenario.protocol {
        ProtocolName::Raft => settings(&scenario.raft, &mut lines),
        ProtocolName::Pbft => settings_pbft::print(&scenario.pbft, &mut lines),
        ProtocolName::Hybrid => settings_hybrid::print(&scenario.pbft, scenario.threat, &mut lines),
        ProtocolName::HotStuff => settings_hotstuff::print(&scenario.hotstuff, &mut lines),
    }
    if !scenario.rules_off.is_empty() {
        lines.push("\n[rules]".into());
        lines.extend(scenario.rules_off.iter().map(|rule| format!("{} = false", quote(rule.name()))));
    }
    for client in &scenario.clients {
        print_client(client, &mut lines);
    }
    for step in &scenario.steps {
        print_step(step, &mut lines);
    }
    for expect in &scenario.expect {
        lines.push("\n[[expect]]".into());
        lines.push(match expect.when {
            When::At(time) => format!("at = {}", span(Span(time.0))),
            When::By(time) => format!("by = {}", span(Span(time.0))),
            When::Always => "always = true".into(),
        });
        lines.extend(expect.facts.iter().map(fact));
    }
    lines.join("\n") + "\n"
}

/// A count where the nodes are n1, n2, …; else their names.
fn node_list(nodes: &[NodeId]) -> String {
    if nodes.iter().zip(1u32..).all(|(node, number)| node.0 == number) {
        nodes.len().to_string()
    } else {
        list(nodes.iter().map(|node| quote(&node.to_string())))
    }
}

/// An expectation in one line, for reports.
pub(super) fn expect_text(expect: &Expect) -> String {
    let when = match expect.when {
        When::At(time) => format!("at {}", print_span(Span(time.0))),
        When::By(time) => format!("by {}", print_span(Span(time.0))),
        When::Always => "always".into(),
    };
    let facts: Vec<String> = expect.facts.iter().map(fact).collect();
    format!("{when}: {}", facts.join(", "))
}

/// A step in one line, for reports.
pub(super) fn step_text(step: &Step) -> String {
    let action = step.action.as_ref().map_or_else(|| "bind".into(), action);
    format!("at {}: {action}", print_span(Span(step.at.0)))
}

fn settings(settings: &RaftSettings, lines: &mut Vec<String>) {
    if *settings == RaftSettings::default() {
        return;
    }
    lines.push("\n[protocol-config]".into());
    let default = RaftSettings::of(settings.profile);
    if settings.profile != Profile::default() {
        lines.push(format!("profile = {}", quote(settings.profile.name())));
    }
    if settings.election_timeout != default.election_timeout {
        lines.push(format!("election_timeout = {}", range(settings.election_timeout)));
    }
    if settings.heartbeat != default.heartbeat {
        lines.push(format!("heartbeat = {}", span(settings.heartbeat)));
    }
    if settings.pre_vote != default.pre_vote {
        lines.push(format!("pre_vote = {}", settings.pre_vote));
    }
    for (name, value, default) in [
        ("max_entries_per_append", settings.max_entries_per_append, default.max_entries_per_append),
        ("max_entries_in_flight", settings.max_entries_in_flight, default.max_entries_in_flight),
        ("max_uncommitted", settings.max_uncommitted, default.max_uncommitted),
        ("max_bytes_per_append", settings.max_bytes_per_append, default.max_bytes_per_append),
        ("max_bytes_in_flight", settings.max_bytes_in_flight, default.max_bytes_in_flight),
        ("max_uncommitted_bytes", settings.max_uncommitted_bytes, default.max_uncommitted_bytes),
        ("max_entry_bytes", settings.max_entry_bytes, default.max_entry_bytes),
        ("snapshot_threshold", settings.snapshots.threshold, default.snapshots.threshold),
        ("snapshot_threshold_bytes", settings.snapshots.threshold_bytes, default.snapshots.threshold_bytes),
        ("retained_entries", settings.snapshots.retained_entries, default.snapshots.retained_entries),
        ("snapshot_chunk_bytes", settings.snapshots.chunk_bytes, default.snapshots.chunk_bytes),
        ("max_snapshot_bytes", settings.snapshots.max_bytes, default.snapshots.max_bytes),
    ] {
        if value != default {
            lines.push(format!("{name} = {value}"));
        }
    }
    if settings.snapshots.interval != default.snapshots.interval {
        lines.push(format!("snapshot_interval = {}", span(settings.snapshots.interval)));
    }
    if settings.check_quorum != default.check_quorum {
        lines.push(format!("check_quorum = {}", settings.check_quorum));
    }
    if settings.drift_bound_ppm != default.drift_bound_ppm {
        lines.push(format!("drift_bound = {}", print_ppm(settings.drift_bound_ppm)));
    }
    if settings.leader_zones != default.leader_zones {
        let zone = |nodes: &Vec<NodeId>| list(nodes.iter().map(|node| quote(&node.to_string())));
        lines.push(format!("leader_zones = {}", list(settings.leader_zones.iter().map(zone))));
    }
}

fn print_client(client: &ClientSetup, lines: &mut Vec<String>) {
    let default = ClientSetup::by_hand(client.id);
    lines.push("\n[[client]]".into());
    lines.push(format!("id = {}", quote(&client.id.to_string())));
    if let Some(workload) = client.workload {
        lines.push(format!("operations = {}", workload.operations));
        lines.push(format!("keys = {}", workload.keys));
        if workload.think != DEFAULT_THINK {
            lines.push(format!("think = {}", range(workload.think)));
        }
        if let Some(how) = workload.reads {
            lines.push(format!("reads = {}", quote(read_name(how))));
        }
        lines.extend(workload.ttl.map(|ttl| format!("ttl = {}", range(ttl))));
    }
    if client.timeout != default.timeout {
        lines.push(format!("timeout = {}", span(client.timeout)));
    }
    if client.pause != default.pause {
        lines.push(format!("pause = {}", span(client.pause)));
    }
    if client.attempts != default.attempts {
        lines.push(format!("attempts = {}", client.attempts));
    }
    if client.workload.is_some_and(|workload| workload.mixed) {
        lines.push(format!("class = {}", quote(MIXED)));
    } else if client.class != default.class {
        lines.push(format!("class = {}", quote(class_name(client.class))));
    }
}

fn print_step(step: &Step, lines: &mut Vec<String>) {
    lines.push("\n[[step]]".into());
    lines.push(format!("at = {}", span(Span(step.at.0))));
    if let Some(after) = step.after {
        lines.push(format!("after = {after}"));
    }
    if !step.bind.is_empty() {
        let names = step.bind.iter().map(|(name, target)| format!("{} = {}", quote(name), selector(target)));
        lines.push(format!("bind = {{ {} }}", names.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(step.action.as_ref().map(action));
}

fn action(action: &Action) -> String {
    match action {
        Action::Partition(groups) => {
            let groups = groups.iter().map(|group| list(group.iter().map(selector)));
            format!("partition = {}", list(groups))
        }
        Action::Heal => "heal = true".into(),
        Action::Nodes(verb, nodes) => format!("{} = {}", verb.name(), targets(nodes)),
        Action::Cut { from, to } => format!("cut = {{ from = {}, to = {} }}", targets(from), targets(to)),
        Action::Mend { from, to } => format!("mend = {{ from = {}, to = {} }}", targets(from), targets(to)),
        Action::Messages(verb, Which::Id(id)) => format!("{} = {id}", verb.name()),
        Action::Messages(verb, Which::Pattern(wanted)) => format!("{} = {}", verb.name(), pattern(wanted)),
        Action::Propose { to, operation: wanted, class } => {
            let to = to.as_ref().map(|to| format!("to = {}, ", selector(to))).unwrap_or_default();
            let class = class.map(|class| format!(", class = {}", quote(class_name(class)))).unwrap_or_default();
            format!("propose = {{ {to}{}{class} }}", operation(wanted))
        }
        Action::Members { to, add, promote, remove, observe } => {
            let to = (*to != Selector::Leader).then(|| format!("to = {}", selector(to)));
            let named =
                |name: &str, nodes: &Targets| (!nodes.is_empty()).then(|| format!("{name} = {}", targets(nodes)));
            let parts =
                [to, named("add", add), named("promote", promote), named("remove", remove), named("observe", observe)];
            format!("members = {{ {} }}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        Action::Subscribe { to, node, keys } => {
            let to = if *to == Selector::Leader { String::new() } else { format!("to = {}, ", selector(to)) };
            let keys = keys.iter().map(|key| quote(key)).collect::<Vec<_>>().join(", ");
            format!("subscribe = {{ {to}node = {}, keys = [{keys}] }}", targets(node))
        }
        Action::Skew { node, by } => format!("skew = {{ node = {}, by = {} }}", targets(node), span(*by)),
        Action::Drift { node, rate_ppm } => {
            format!("drift = {{ node = {}, rate = {} }}", targets(node), print_ppm(*rate_ppm))
        }
        Action::Disk { node, latency } => {
            format!("disk = {{ node = {}, latency = {} }}", targets(node), range(*latency))
        }
        Action::Loss(ppm) => format!("loss = {}", print_ppm(*ppm)),
        Action::Duplication(ppm) => format!("duplication = {}", print_ppm(*ppm)),
        Action::Latency(between) => format!("latency = {}", range(*between)),
        Action::Transfer { from, to } => {
            let from = from.as_ref().map(|from| format!("from = {}, ", selector(from))).unwrap_or_default();
            format!("transfer = {{ {from}to = {} }}", selector(to))
        }
        Action::Byzantine { node, tricks, against } => {
            let tricks = list(tricks.iter().map(|trick| quote(trick.name())));
            let against = if against.is_empty() { String::new() } else { format!(", against = {}", targets(against)) };
            format!("byzantine = {{ node = {}, as = {tricks}{against} }}", targets(node))
        }
        Action::Read { to, query, how } => {
            let to = to.as_ref().map(|to| format!("to = {}, ", selector(to))).unwrap_or_default();
            let how =
                if *how == ReadHow::Index { String::new() } else { format!(", how = {}", quote(read_name(*how))) };
            format!("read = {{ {to}key = {}{how} }}", quote(query.asks_for().unwrap_or_default()))
        }
    }
}

fn pattern(pattern: &Pattern) -> String {
    let mut parts = Vec::new();
    if !pattern.from.is_empty() {
        parts.push(format!("from = {}", targets(&pattern.from)));
    }
    if !pattern.to.is_empty() {
        parts.push(format!("to = {}", targets(&pattern.to)));
    }
    parts.extend(pattern.kind.map(|kind| format!("kind = {}", quote(kind.name()))));
    parts.extend(pattern.lasting.map(|lasting| format!("for = {}", span(lasting))));
    if parts.is_empty() { "{}".into() } else { format!("{{ {} }}", parts.join(", ")) }
}

fn operation(operation: &AnyCommand) -> String {
    match operation {
        AnyCommand::Kv(Operation::Set { key, value }) => {
            format!("set = {{ key = {}, value = {} }}", quote(key), quote(value))
        }
        AnyCommand::Kv(Operation::Get { key }) => format!("get = {}", quote(key)),
        AnyCommand::Kv(Operation::Delete { key }) => format!("delete = {}", quote(key)),
        AnyCommand::Kv(Operation::SetFor { key, value, ttl }) => {
            format!("set = {{ key = {}, value = {}, ttl = {} }}", quote(key), quote(value), span(*ttl))
        }
        AnyCommand::Workflow(_) | AnyCommand::Cluster(_) | AnyCommand::Look(_) => {
            format!("command = {}", quote(&operation.to_string()))
        }
    }
}

fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Leaders(count) => format!("leaders = {count}"),
        Fact::Leader(node) => format!("leader = {}", selector(node)),
        Fact::NotLeader(node) => format!("not_leader = {}", selector(node)),
        Fact::Role(node, role) => format!("role = {{ node = {}, is = {} }}", targets(node), quote(role_name(*role))),
        Fact::Term { node, is } => {
            let (word, term) = bound(*is);
            let node = if node.is_empty() { String::new() } else { format!("node = {}, ", targets(node)) };
            format!("term = {{ {node}{word} = {} }}", term.0)
        }
        Fact::Committed(wanted) => format!("committed = {{ {} }}", commit(wanted)),
        Fact::NotCommitted(wanted) => format!("not_committed = {{ {} }}", commit(wanted)),
        Fact::State { key, value, on } => {
            let value =
                value.as_ref().map_or_else(|| "absent = true".into(), |value| format!("value = {}", quote(value)));
            let on = if on.is_empty() { String::new() } else { format!(", on = {}", targets(on)) };
            format!("state = {{ key = {}, {value}{on} }}", quote(key))
        }
        Fact::Members { at, voters, learners, observers, joint } => {
            let at = if at.is_empty() { String::new() } else { format!("at = {}, ", targets(at)) };
            let others = |name: &str, list: &Targets| match list.is_empty() {
                true => String::new(),
                false => format!(", {name} = {}", targets(list)),
            };
            let (learners, observers) = (others("learners", learners), others("observers", observers));
            let joint = if *joint { ", joint = true" } else { "" };
            format!("members = {{ {at}voters = {}{learners}{observers}{joint} }}", targets(voters))
        }
        Fact::Agree(on) if on.is_empty() => "agree = true".into(),
        Fact::Agree(on) => format!("agree = {}", targets(on)),
        Fact::AppliedEqual => "applied_equal = true".into(),
        Fact::Invariant(property) => format!("invariant = {}", quote(&property_name(property.as_deref()))),
        Fact::Violation(property) => format!("violation = {}", quote(&property_name(property.as_deref()))),
        Fact::Linearizable => "linearizable = true".into(),
        Fact::AllAnswered => "all_answered = true".into(),
        Fact::Live => "live = true".into(),
        Fact::Snapshot { node, is } => {
            let (word, index) = bound(*is);
            let node = if node.is_empty() { String::new() } else { format!("node = {}, ", targets(node)) };
            format!("snapshot = {{ {node}{word} = {} }}", index.0)
        }
        Fact::Convicted(nodes) if nodes.is_empty() => format!("convicted = {}", quote(NOBODY)),
        Fact::Convicted(nodes) => format!("convicted = {}", targets(nodes)),
        Fact::Told { operation, is } => {
            let is = match is {
                Told::Nothing => "nothing = true".into(),
                Told::Text(text) => format!("is = {}", quote(text)),
                Told::Failed => "failed = true".into(),
                Told::Unknown => "unknown = true".into(),
                Told::Early => "early = true".into(),
            };
            format!("told = {{ operation = {}, {is} }}", quote(operation))
        }
        Fact::Counted { what, is } => {
            let (word, count) = bound(*is);
            format!("counted = {{ what = {}, {word} = {count} }}", quote(what))
        }
        Fact::Early { operation, is } => {
            format!("early = {{ operation = {}, is = {} }}", quote(operation), quote(fate_name(*is)))
        }
    }
}

fn bound<T>(is: Bound<T>) -> (&'static str, T) {
    match is {
        Bound::Exactly(number) => ("is", number),
        Bound::AtLeast(number) => ("at_least", number),
        Bound::AtMost(number) => ("at_most", number),
    }
}

fn property_name(property: Option<&str>) -> String {
    property.map_or_else(|| properties::ANY.into(), properties::slug)
}

fn commit(commit: &Commit) -> String {
    match commit {
        Commit::Operation(wanted) => operation(wanted),
        Commit::Index(index) => format!("index = {}", index.0),
    }
}

fn targets(targets: &Targets) -> String {
    match targets.as_slice() {
        [one] => selector(one),
        many => list(many.iter().map(selector)),
    }
}

/// A selector as it is written, with quotes.
fn selector(selector: &Selector) -> String {
    quote(&selector.to_string())
}

impl core::fmt::Display for Selector {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Client(client) => client.fmt(f),
            Self::Leader => f.write_str("leader"),
            Self::Primary => f.write_str("primary"),
            Self::Followers => f.write_str("followers"),
            Self::AnyFollower => f.write_str("any-follower"),
            Self::Foremost => f.write_str("foremost"),
            Self::Down => f.write_str("down"),
            Self::All => f.write_str("all"),
            Self::Rest => f.write_str("rest"),
            Self::Bound(name) => f.write_str(name),
        }
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

pub(super) fn range((low, high): (Span, Span)) -> String {
    format!("[{}, {}]", span(low), span(high))
}

pub(super) fn span(span: Span) -> String {
    quote(&print_span(span))
}

/// A text as TOML writes it on one line.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            letter if letter.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
