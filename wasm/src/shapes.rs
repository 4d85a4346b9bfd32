//! What does JavaScript see of a run?
//!
//! Plain objects: node ids are strings, times numbers in milliseconds, digests
//! hex strings, entries and operations as people read them. The TypeScript
//! declarations stand beside the shapes they describe; the tests in JavaScript
//! hold them together.

use quorumscope_core::record::{Endpoint, Fate, Record, Role, Verdict};
use quorumscope_core::types::{Mono, RecordId, Time};
use quorumscope_lab::scenario::ExpectationResult;
use quorumscope_lab::trace::narrate::{self, Weight};
use quorumscope_lab::trace::view::{Liveness, MessageView, NodeView, OperationView, View, Violation};
use quorumscope_lab::trace::{face, file};
use serde::Serialize;

/// The TypeScript declarations of the shapes in this file and of the options that callers pass.
pub const DECLARATIONS: &str = include_str!("shapes.d.ts");

/// Milliseconds as JavaScript counts them.
#[must_use]
pub fn millis(time: Time) -> f64 {
    time.0 as f64 / 1_000.0
}

/// Everything that can be known at one instant.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewShape {
    at: f64,
    protocol: String,
    name: String,
    nodes: Vec<NodeShape>,
    clients: Vec<ClientShape>,
    messages: Vec<MessageShape>,
    cut: Vec<(String, String)>,
    decided: u64,
    violations: Vec<ViolationShape>,
    ended: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeShape {
    id: String,
    liveness: &'static str,
    role: &'static str,
    term: u64,
    voted_for: Option<String>,
    leader: Option<String>,
    commit: u64,
    applied: u64,
    durable: u64,
    timer: Option<TimerShape>,
    /// Index of the newest snapshot.
    snapshot: Option<u64>,
    /// The last entry that is no longer in the log: a snapshot has taken the place of all up to it.
    compacted: u64,
    log: Vec<EntryShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TimerShape {
    /// On the node's own clock.
    armed: f64,
    deadline: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryShape {
    index: u64,
    term: u64,
    text: String,
    committed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageShape {
    id: String,
    from: String,
    to: String,
    name: String,
    departed: f64,
    arrives: Option<f64>,
    held: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientShape {
    id: String,
    operations: Vec<OperationShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperationShape {
    number: u64,
    operation: String,
    asked: f64,
    attempts: u32,
    to: String,
    told: Option<f64>,
    verdict: Option<&'static str>,
    early: Option<&'static str>,
    result: Option<String>,
}

/// A broken property.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViolationShape {
    at: f64,
    node: Option<String>,
    property: String,
    detail: String,
}

/// What became of an expectation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectationShape {
    text: String,
    held: Option<bool>,
    detail: String,
}

/// One thing that happened.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordShape {
    id: String,
    cause: Option<String>,
    at: f64,
    node: Option<String>,
    text: Option<String>,
    headline: bool,
    line: Option<String>,
}

impl RecordShape {
    /// A record with its words; `lookup` finds the sending of messages.
    pub fn new<'a>(record: &Record, lookup: impl Fn(RecordId) -> Option<&'a Record>, line: bool) -> Self {
        let words = narrate::line(record, lookup);
        Self {
            id: record.id.to_string(),
            cause: record.cause.map(|cause| cause.to_string()),
            at: millis(record.at),
            node: record.node.map(|node| node.to_string()),
            headline: words.as_ref().is_some_and(|words| words.weight == Weight::Headline),
            text: words.map(|words| words.text),
            line: line.then(|| file::record_line(record)),
        }
    }
}

impl From<&ExpectationResult> for ExpectationShape {
    fn from(result: &ExpectationResult) -> Self {
        Self { text: result.text.clone(), held: result.held, detail: result.detail.clone() }
    }
}

impl From<&View> for ViewShape {
    fn from(view: &View) -> Self {
        Self {
            at: millis(view.at),
            protocol: view.protocol.clone(),
            name: view.name.clone(),
            nodes: view.nodes.iter().map(|(id, node)| node_shape(id.to_string(), node, view)).collect(),
            clients: view
                .clients
                .iter()
                .map(|(id, client)| ClientShape {
                    id: id.to_string(),
                    operations: client.operations.iter().map(operation_shape).collect(),
                })
                .collect(),
            messages: view.messages.iter().map(|((id, copy), message)| message_shape(*id, *copy, message)).collect(),
            cut: view.cut.iter().map(|(from, to)| (endpoint(*from), endpoint(*to))).collect(),
            decided: view.decided.len() as u64,
            violations: view.violations.iter().map(ViolationShape::from).collect(),
            ended: view.ended,
        }
    }
}

impl From<&Violation> for ViolationShape {
    fn from(violation: &Violation) -> Self {
        Self {
            at: millis(violation.at),
            node: violation.node.map(|node| node.to_string()),
            property: violation.property.clone(),
            detail: violation.detail.clone(),
        }
    }
}

fn endpoint(endpoint: Endpoint) -> String {
    endpoint.to_string()
}

fn own_clock(mono: Mono) -> f64 {
    mono.0 as f64 / 1_000.0
}

fn node_shape(id: String, node: &NodeView, view: &View) -> NodeShape {
    let status = &node.status;
    NodeShape {
        id,
        liveness: liveness(node.liveness),
        role: role(status.role),
        term: status.term.0,
        voted_for: status.voted_for.map(|node| node.to_string()),
        leader: status.leader.map(|node| node.to_string()),
        commit: status.commit.0,
        applied: status.applied.0,
        durable: node.durable.0,
        timer: status
            .timer
            .map(|timer| TimerShape { armed: own_clock(timer.armed), deadline: own_clock(timer.deadline) }),
        snapshot: node.snapshot.as_ref().map(|snapshot| snapshot.index.0),
        compacted: node.base.index.0,
        log: node
            .log
            .iter()
            .map(|entry| EntryShape {
                index: entry.index.0,
                term: entry.term.0,
                text: face::entry(entry).label,
                committed: view.decided.get(&entry.index) == Some(&entry.term),
            })
            .collect(),
    }
}

fn message_shape(id: RecordId, copy: u32, message: &MessageView) -> MessageShape {
    MessageShape {
        id: if copy == 0 { id.to_string() } else { format!("{id}+{copy}") },
        from: endpoint(message.from),
        to: endpoint(message.to),
        name: face::message(&message.content).name,
        departed: millis(message.departed),
        arrives: message.arrives.map(millis),
        held: message.held,
    }
}

fn operation_shape(operation: &OperationView) -> OperationShape {
    let told = operation.told.as_ref();
    OperationShape {
        number: operation.number.0,
        operation: operation.operation.clone(),
        asked: millis(operation.asked),
        attempts: operation.attempts,
        to: operation.to.to_string(),
        told: told.map(|(at, _, _)| millis(*at)),
        verdict: told.map(|(_, verdict, _)| match verdict {
            Verdict::Ok => "ok",
            Verdict::Failed => "failed",
            Verdict::Unknown => "unknown",
            Verdict::Early => "early",
        }),
        early: operation.early.map(|fate| match fate {
            Fate::Open => "open",
            Fate::Safe => "safe",
            Fate::Lost => "lost",
        }),
        result: told.map(|(_, _, result)| result.clone()),
    }
}

fn liveness(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Down => "down",
        Liveness::Up => "up",
        Liveness::Paused => "paused",
        Liveness::Crashed => "crashed",
        Liveness::Broken => "broken",
    }
}

fn role(role: Role) -> &'static str {
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
