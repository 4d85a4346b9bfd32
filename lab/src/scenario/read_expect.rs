//! How are expectations read?

use quorumscope_core::record::{Fate, Role};
use quorumscope_core::types::{LogIndex, Term, Time};
use toml::de::DeValue;

use super::document::{Bound, Commit, Expect, Fact, Told, When};
use super::error::{ScenarioError, unknown};
use super::has;
use super::properties;
use super::read::Names;
use super::read_step::{node_selector, nodes, operation};
use super::table::{Source, Table, Value};

/// Times, then facts in the order in which they are checked and printed.
pub(super) const KEYS: [&str; 24] = [
    "at",
    "by",
    "always",
    "leaders",
    "leader",
    "not_leader",
    "role",
    "term",
    "committed",
    "not_committed",
    "state",
    "members",
    "agree",
    "applied_equal",
    "invariant",
    "violation",
    "linearizable",
    "live",
    "all_answered",
    "snapshot",
    "convicted",
    "told",
    "early",
    "counted",
];

/// One expectation.
pub(super) fn expect(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Expect, ScenarioError> {
    let table = source.table("an expectation", value, &KEYS)?;
    let when = when(&table)?;
    let mut facts = Vec::new();
    for key in table.present(&KEYS[3..]) {
        facts.push(fact(source, key, table.need(key)?, names)?);
    }
    if facts.is_empty() {
        return Err(table.error("an expectation needs something that holds, as leaders = 1"));
    }
    Ok(Expect { when, facts })
}

fn when(table: &Table<'_, '_>) -> Result<When, ScenarioError> {
    let source = table.source;
    match table.present(&["at", "by", "always"]).as_slice() {
        ["at"] => Ok(When::At(Time(source.span(table.need("at")?)?.0))),
        ["by"] => Ok(When::By(Time(source.span(table.need("by")?)?.0))),
        ["always"] => source.only_true(table.need("always")?).map(|()| When::Always),
        _ => Err(table.error("an expectation needs one of at = \"3s\", by = \"3s\" and always = true")),
    }
}

fn fact(source: Source<'_>, key: &str, value: &Value<'_>, names: &Names) -> Result<Fact, ScenarioError> {
    Ok(match key {
        "leaders" => Fact::Leaders(source.small(value)?),
        "leader" => Fact::Leader(node_selector(source, value, names)?),
        "not_leader" => Fact::NotLeader(node_selector(source, value, names)?),
        "role" => {
            let table = source.table("role", value, &["node", "is"])?;
            let node = nodes(source, table.need("node")?, names)?;
            Fact::Role(node, named(source, table.need("is")?, |word| has::role(names.protocol, word))?)
        }
        "term" => term(source, value, names)?,
        "committed" => Fact::Committed(commit(source, "committed", value, names)?),
        "not_committed" => Fact::NotCommitted(commit(source, "not_committed", value, names)?),
        "state" => state(source, value, names)?,
        "members" => members(source, value, names)?,
        "agree" => match value.get_ref() {
            DeValue::Boolean(_) => source.only_true(value).map(|()| Fact::Agree(Vec::new()))?,
            _ => Fact::Agree(nodes(source, value, names)?),
        },
        "applied_equal" => source.only_true(value).map(|()| Fact::AppliedEqual)?,
        "invariant" => Fact::Invariant(property(source, value, names)?),
        "violation" => Fact::Violation(property(source, value, names)?),
        "linearizable" => source.only_true(value).map(|()| Fact::Linearizable)?,
        "live" => source.only_true(value).map(|()| Fact::Live)?,
        "all_answered" => source.only_true(value).map(|()| Fact::AllAnswered)?,
        "snapshot" => snapshot(source, value, names)?,
        "convicted" => convicted(source, value, names)?,
        "told" => {
            let table = source.table("told", value, &["operation", "is", "nothing", "failed", "unknown", "early"])?;
            let operation = source.string(table.need("operation")?)?;
            let only = |key, told| source.only_true(table.need(key)?).map(|()| told);
            let is = match table.present(&["is", "nothing", "failed", "unknown", "early"]).as_slice() {
                ["is"] => Told::Text(source.string(table.need("is")?)?),
                ["nothing"] => only("nothing", Told::Nothing)?,
                ["failed"] => only("failed", Told::Failed)?,
                ["unknown"] => only("unknown", Told::Unknown)?,
                ["early"] => only("early", Told::Early)?,
                _ => {
                    let choices = "is = \"1\", nothing = true, failed = true, unknown = true and early = true";
                    return Err(table.error(format!("told needs one of {choices}")));
                }
            };
            Fact::Told { operation, is }
        }
        "early" => {
            let table = source.table("early", value, &["operation", "is"])?;
            let operation = source.string(table.need("operation")?)?;
            let fates = [Fate::Open, Fate::Safe, Fate::Lost];
            Fact::Early { operation, is: source.one_of("fate", table.need("is")?, &fates, fate_name)? }
        }
        "counted" => {
            let table = source.table("counted", value, &["what", "is", "at_least", "at_most"])?;
            let what = named(source, table.need("what")?, |word| has::counter(names.protocol, word))?;
            Fact::Counted { what, is: bound(&table, |value| source.integer(value, u64::MAX))? }
        }
        other => return Err(source.error(&value.span(), unknown("key", other, KEYS))),
    })
}

/// How a number compares.
fn bound<T>(
    table: &Table<'_, '_>,
    number: impl Fn(&Value<'_>) -> Result<T, ScenarioError>,
) -> Result<Bound<T>, ScenarioError> {
    let read = |key| number(table.need(key)?);
    match table.present(&["is", "at_least", "at_most"]).as_slice() {
        ["is"] => read("is").map(Bound::Exactly),
        ["at_least"] => read("at_least").map(Bound::AtLeast),
        ["at_most"] => read("at_most").map(Bound::AtMost),
        _ => Err(table.error(format!("{} needs one of is = 2, at_least = 2 and at_most = 2", table.what))),
    }
}

/// The name of what became of an early answer.
pub(super) fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Open => "open",
        Fate::Safe => "safe",
        Fate::Lost => "lost",
    }
}

fn members(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Fact, ScenarioError> {
    let table = source.table("members", value, &["at", "voters", "learners", "observers", "joint"])?;
    let list = |key| table.read(key, Vec::new(), |source, value| nodes(source, value, names));
    Ok(Fact::Members {
        at: list("at")?,
        voters: nodes(source, table.need("voters")?, names)?,
        learners: list("learners")?,
        observers: list("observers")?,
        joint: table.read("joint", false, |source, value| source.boolean(value))?,
    })
}

/// A role's name.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
        Role::Learner => "learner",
        Role::Observer => "observer",
        Role::Edge => "edge",
    }
}

fn term(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Fact, ScenarioError> {
    let number = |value: &Value<'_>| source.integer(value, Term::MAX.0).map(Term);
    if let DeValue::Integer(_) = value.get_ref() {
        return Ok(Fact::Term { node: Vec::new(), is: Bound::Exactly(number(value)?) });
    }
    let table = source.table("term", value, &["node", "is", "at_least", "at_most"])?;
    let node = table.read("node", Vec::new(), |source, value| nodes(source, value, names))?;
    let is = bound(&table, number)?;
    Ok(Fact::Term { node, is })
}

fn snapshot(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Fact, ScenarioError> {
    let table = source.table("snapshot", value, &["node", "is", "at_least", "at_most"])?;
    let node = table.read("node", Vec::new(), |source, value| nodes(source, value, names))?;
    let is = bound(&table, |value| source.integer(value, LogIndex::MAX.0).map(LogIndex))?;
    Ok(Fact::Snapshot { node, is })
}

fn commit(source: Source<'_>, what: &'static str, value: &Value<'_>, names: &Names) -> Result<Commit, ScenarioError> {
    let table = source.table(what, value, &["set", "get", "delete", "command", "index"])?;
    if table.get("index").is_none() {
        return operation(&table, names.machine).map(Commit::Operation);
    }
    if !table.present(&["set", "get", "delete", "command"]).is_empty() {
        return Err(table.error(format!("{what} names an index or an operation, not both")));
    }
    Ok(Commit::Index(LogIndex(source.integer(table.need("index")?, u64::MAX)?)))
}

fn state(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Fact, ScenarioError> {
    let table: Table<'_, '_> = source.table("state", value, &["key", "value", "absent", "on"])?;
    let key = source.string(table.need("key")?)?;
    let on = table.read("on", Vec::new(), |source, value| nodes(source, value, names))?;
    let value = match table.present(&["value", "absent"]).as_slice() {
        ["value"] => Some(source.string(table.need("value")?)?),
        ["absent"] => source.only_true(table.need("absent")?).map(|()| None)?,
        _ => return Err(table.error("state needs one of value = \"1\" and absent = true")),
    };
    Ok(Fact::State { key, value, on })
}

/// A word that the protocol of the run has a meaning for.
fn named<T>(
    source: Source<'_>,
    value: &Value<'_>,
    meaning: impl Fn(&str) -> Result<T, String>,
) -> Result<T, ScenarioError> {
    meaning(&source.string(value)?).map_err(|message| source.error(&value.span(), message))
}

fn property(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Option<String>, ScenarioError> {
    if source.string(value)? == properties::ANY {
        return Ok(None);
    }
    named(source, value, |word| has::property(names.protocol, word)).map(|property| Some(property.into()))
}

/// Stands for an empty list of the convicted.
pub(super) const NOBODY: &str = "nobody";

fn convicted(source: Source<'_>, value: &Value<'_>, names: &Names) -> Result<Fact, ScenarioError> {
    if !names.protocol.signs() {
        let message = format!("{} convicts nobody: its nodes believe each other", names.protocol.name());
        return Err(source.error(&value.span(), message));
    }
    match value.get_ref() {
        DeValue::String(word) if word == NOBODY => Ok(Fact::Convicted(Vec::new())),
        DeValue::Array(list) if list.is_empty() => {
            Err(source.error(&value.span(), format!("where nobody is convicted, write convicted = \"{NOBODY}\"")))
        }
        _ => nodes(source, value, names).map(Fact::Convicted),
    }
}
