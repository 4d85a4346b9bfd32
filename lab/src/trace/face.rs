//! How does something of a protocol look to a screen that knows no protocol?
//!
//! Messages, roles, entries and outcomes become a shape, a letter, a sign and
//! words; colour is never the only difference. Pixels, hues and motion are left
//! to the page. Read `why` next, for what happened and by which rule.

use quorumscope_core::entry::{Entry, EntryKind};
use quorumscope_core::few;
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Answer;
use quorumscope_core::machine::session::{Payload, SessionAnswer};
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::{Outcome, ReadHow};
use quorumscope_core::raft::{
    AppendEntries, AppendOutcome, InstallOutcome, InstallSnapshot, InstallSnapshotReply, Message, ReadIndexReply,
    RequestVote, RequestVoteReply,
};
use quorumscope_core::record::{AnyMessage, Fate, Role, TimerKind, Verdict};
use quorumscope_core::types::{NodeId, Term};

use super::members::Part;
use super::view::{Content, Liveness, OperationView, View};
use super::words::{face as words, fill, members as members_text, pair};

/// Longest short label of an entry, in characters: what a log cell can show.
const MAX_LABEL: usize = 10;

/// What a message is for. The order is that of a legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// Carries entries.
    Append,
    /// Answers an append or a heartbeat.
    AppendReply,
    /// Says that the leader lives.
    Heartbeat,
    /// Asks for a vote.
    VoteRequest,
    /// Answers a vote request.
    VoteReply,
    /// Asks for a vote that would be given.
    PreVoteRequest,
    /// Answers a pre-vote.
    PreVoteReply,
    /// A client asks.
    ClientRequest,
    /// A client is answered.
    ClientAnswer,
    /// Carries a part of a snapshot.
    Snapshot,
    /// Says how much of a snapshot has arrived.
    SnapshotReply,
    /// A follower asks its leader for a read index.
    ReadIndex,
    /// Answers that.
    ReadIndexReply,
    /// The leader asks a follower to campaign.
    TimeoutNow,
}

/// The outline of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Carries entries.
    Square,
    /// Votes.
    Diamond,
    /// Pre-votes.
    Triangle,
    /// Small: heartbeats.
    Dot,
    /// Clients.
    Pill,
    /// Snapshots.
    Block,
}

/// What a reply says, in one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Yes.
    Plus,
    /// No.
    Minus,
    /// Nobody knows.
    Question,
}

impl Sign {
    /// The sign as a character.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "−",
            Self::Question => "?",
        }
    }
}

/// A message as it is drawn and inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFace {
    /// What it is for.
    pub kind: MessageKind,
    /// Its outline.
    pub shape: Shape,
    /// Its letter; empty for heartbeats. A sign, where there is one, takes the letter's place.
    pub letter: &'static str,
    /// Filled for requests, hollow for replies and heartbeats.
    pub filled: bool,
    /// What a reply says.
    pub sign: Option<Sign>,
    /// The term that gives the hue; `None` for clients.
    pub term: Option<Term>,
    /// `AppendEntries 3–5`.
    pub name: String,
    /// Its fields under the paper's names.
    pub fields: Vec<(&'static str, String)>,
}

impl MessageKind {
    /// What people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Append => words::APPEND,
            Self::AppendReply => words::APPEND_REPLY,
            Self::Heartbeat => words::HEARTBEAT,
            Self::VoteRequest => words::VOTE_REQUEST,
            Self::VoteReply => words::VOTE_REPLY,
            Self::PreVoteRequest => words::PRE_VOTE,
            Self::PreVoteReply => words::PRE_VOTE_REPLY,
            Self::ClientRequest => words::CLIENT_REQUEST,
            Self::ClientAnswer => words::CLIENT_ANSWER,
            Self::Snapshot => words::SNAPSHOT,
            Self::SnapshotReply => words::SNAPSHOT_REPLY,
            Self::ReadIndex => words::READ_INDEX,
            Self::ReadIndexReply => words::READ_INDEX_REPLY,
            Self::TimeoutNow => words::TIMEOUT_NOW,
        }
    }

    /// Outline, letter, and whether it is filled.
    #[must_use]
    pub fn look(self) -> (Shape, &'static str, bool) {
        match self {
            Self::Append => (Shape::Square, "A", true),
            Self::AppendReply => (Shape::Square, "A", false),
            Self::Heartbeat => (Shape::Dot, "", false),
            Self::VoteRequest => (Shape::Diamond, "V", true),
            Self::VoteReply => (Shape::Diamond, "V", false),
            Self::PreVoteRequest => (Shape::Triangle, "P", true),
            Self::PreVoteReply => (Shape::Triangle, "P", false),
            Self::ClientRequest => (Shape::Pill, "C", true),
            Self::ClientAnswer => (Shape::Pill, "C", false),
            Self::Snapshot => (Shape::Block, "S", true),
            Self::SnapshotReply => (Shape::Block, "S", false),
            Self::ReadIndex => (Shape::Pill, "R", true),
            Self::ReadIndexReply => (Shape::Pill, "R", false),
            Self::TimeoutNow => (Shape::Diamond, "T", true),
        }
    }

    fn face(
        self,
        sign: Option<Sign>,
        term: Option<Term>,
        name: String,
        fields: Vec<(&'static str, String)>,
    ) -> MessageFace {
        let (shape, letter, filled) = self.look();
        MessageFace { kind: self, shape, letter, filled, sign, term, name, fields }
    }
}

/// A message on its way.
#[must_use]
pub fn message(content: &Content) -> MessageFace {
    match content {
        Content::Peer(message) => peer(message),
        Content::Request { number, operation } => MessageKind::ClientRequest.face(
            None,
            None,
            operation.clone(),
            vec![("number", number.0.to_string()), ("operation", operation.clone())],
        ),
        Content::Answer { number, outcome } => {
            let face = self::outcome(outcome);
            let fields = vec![("number", number.0.to_string()), ("outcome", face.words.clone())];
            MessageKind::ClientAnswer.face(Some(face.sign), None, face.words, fields)
        }
    }
}

/// A message between nodes.
#[must_use]
pub fn peer(message: &AnyMessage) -> MessageFace {
    match message {
        AnyMessage::Raft(Message::PreVote(request)) => vote_request(MessageKind::PreVoteRequest, "PreVote", request),
        AnyMessage::Raft(Message::RequestVote(request)) => {
            vote_request(MessageKind::VoteRequest, "RequestVote", request)
        }
        AnyMessage::Raft(Message::PreVoteReply(reply)) => vote_reply(MessageKind::PreVoteReply, "PreVote", reply),
        AnyMessage::Raft(Message::RequestVoteReply(reply)) => vote_reply(MessageKind::VoteReply, "RequestVote", reply),
        AnyMessage::Raft(Message::AppendEntries(append)) => self::append(append),
        AnyMessage::Raft(Message::InstallSnapshot(install)) => self::install(install),
        AnyMessage::Raft(Message::InstallSnapshotReply(reply)) => install_reply(reply),
        AnyMessage::Raft(Message::AppendEntriesReply(reply)) => append_reply(reply.term, reply.round, &reply.outcome),
        AnyMessage::Raft(Message::ReadIndex(request)) => {
            let fields = vec![("term", request.term.0.to_string()), ("token", request.token.sequence.to_string())];
            MessageKind::ReadIndex.face(None, Some(request.term), "ReadIndex".into(), fields)
        }
        AnyMessage::Raft(Message::ReadIndexReply(reply)) => read_index_reply(reply),
        AnyMessage::Raft(Message::TimeoutNow(order)) => {
            let fields = vec![("term", order.term.0.to_string())];
            MessageKind::TimeoutNow.face(None, Some(order.term), "TimeoutNow".into(), fields)
        }
    }
}

fn read_index_reply(reply: &ReadIndexReply) -> MessageFace {
    let (sign, name) = match reply.index {
        Some(index) => (Sign::Plus, format!("ReadIndex {index}")),
        None => (Sign::Minus, "ReadIndex refused".into()),
    };
    let index = reply.index.map_or("none".into(), |index| index.to_string());
    let fields =
        vec![("term", reply.term.0.to_string()), ("token", reply.token.sequence.to_string()), ("readIndex", index)];
    MessageKind::ReadIndexReply.face(Some(sign), Some(reply.term), name, fields)
}

fn vote_request(kind: MessageKind, name: &str, request: &RequestVote) -> MessageFace {
    let mut fields = vec![
        ("term", request.term.0.to_string()),
        ("lastLogIndex", request.last_log_index.to_string()),
        ("lastLogTerm", request.last_log_term.0.to_string()),
    ];
    if request.transfer {
        fields.push(("transfer", "the leader asked for it".into()));
    }
    kind.face(None, Some(request.term), format!("{name} {}", request.term), fields)
}

fn vote_reply(kind: MessageKind, name: &str, reply: &RequestVoteReply) -> MessageFace {
    let (sign, said) = if reply.vote_granted { (Sign::Plus, "granted") } else { (Sign::Minus, "refused") };
    let fields = vec![("term", reply.term.0.to_string()), ("voteGranted", reply.vote_granted.to_string())];
    kind.face(Some(sign), Some(reply.term), format!("{name} {said}"), fields)
}

fn append(append: &AppendEntries) -> MessageFace {
    let (kind, name) = match (append.entries.first(), append.entries.last()) {
        (Some(first), Some(last)) if first.index == last.index => {
            (MessageKind::Append, format!("AppendEntries {}", first.index))
        }
        (Some(first), Some(last)) => (MessageKind::Append, format!("AppendEntries {}–{}", first.index, last.index)),
        (None, _) | (_, None) => (MessageKind::Heartbeat, "AppendEntries (heartbeat)".into()),
    };
    let fields = vec![
        ("term", append.term.0.to_string()),
        ("prevLogIndex", append.prev_log_index.to_string()),
        ("prevLogTerm", append.prev_log_term.0.to_string()),
        ("entries", entries(append)),
        ("leaderCommit", append.leader_commit.to_string()),
        ("round", append.round.to_string()),
    ];
    kind.face(None, Some(append.term), name, fields)
}

/// How many entries of one append are listed in full.
const MAX_LISTED: usize = 8;

fn entries(append: &AppendEntries) -> String {
    let mut parts: Vec<String> = append
        .entries
        .iter()
        .take(MAX_LISTED)
        .map(|entry| format!("{} {}", pair(entry.index, entry.term), self::entry(entry).label))
        .collect();
    match append.entries.len().checked_sub(MAX_LISTED) {
        Some(more) if more > 0 => parts.push(format!("+{more}")),
        Some(_) | None => {}
    }
    if parts.is_empty() { "[]".into() } else { parts.join(", ") }
}

fn append_reply(term: Term, round: u64, outcome: &AppendOutcome) -> MessageFace {
    let mut fields = vec![("term", term.0.to_string()), ("round", round.to_string())];
    let (sign, name) = match outcome {
        AppendOutcome::Matched(index) => {
            fields.extend([("success", "true".into()), ("matchIndex", index.to_string())]);
            (Sign::Plus, format!("AppendEntries matched {index}"))
        }
        AppendOutcome::Conflict { refused, term, first } => {
            fields.extend([
                ("success", "false".into()),
                ("refused prevLogIndex", refused.to_string()),
                ("conflictTerm", term.map_or("log too short".into(), |term| term.0.to_string())),
                ("conflictIndex", first.to_string()),
            ]);
            (Sign::Minus, format!("AppendEntries conflict at {refused}"))
        }
        AppendOutcome::StaleTerm => {
            fields.extend([("success", "false".into()), ("reason", "older term".into())]);
            (Sign::Minus, "AppendEntries refused, older term".into())
        }
    };
    MessageKind::AppendReply.face(Some(sign), Some(term), name, fields)
}

fn install(install: &InstallSnapshot) -> MessageFace {
    let (index, end) = (install.meta.index, install.offset.saturating_add(install.data.len() as u64));
    let (kind, name) = if install.data.is_empty() {
        (MessageKind::Heartbeat, format!("InstallSnapshot {index} (heartbeat)"))
    } else {
        (
            MessageKind::Snapshot,
            format!("InstallSnapshot {index}, bytes {} to {end} of {}", install.offset, install.total),
        )
    };
    let fields = vec![
        ("term", install.term.0.to_string()),
        ("lastIncludedIndex", index.to_string()),
        ("lastIncludedTerm", install.meta.term.0.to_string()),
        ("offset", install.offset.to_string()),
        ("data", format!("{} bytes", install.data.len())),
        ("total", format!("{} bytes", install.total)),
        ("done", (end == install.total).to_string()),
    ];
    kind.face(None, Some(install.term), name, fields)
}

fn install_reply(reply: &InstallSnapshotReply) -> MessageFace {
    let mut fields = vec![("term", reply.term.0.to_string()), ("lastIncludedIndex", reply.index.to_string())];
    let (sign, name) = match reply.outcome {
        InstallOutcome::Received { offset } => {
            fields.push(("received", format!("{offset} bytes")));
            (Sign::Plus, format!("InstallSnapshot {}: {offset} bytes here", reply.index))
        }
        InstallOutcome::Installed => {
            fields.push(("matchIndex", reply.index.to_string()));
            (Sign::Plus, format!("InstallSnapshot {} installed", reply.index))
        }
        InstallOutcome::StaleTerm => {
            fields.push(("reason", "older term".into()));
            (Sign::Minus, "InstallSnapshot refused, older term".into())
        }
    };
    MessageKind::SnapshotReply.face(Some(sign), Some(reply.term), name, fields)
}

/// The stroke of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ring {
    /// Follower: a plain circle.
    Plain,
    /// (Pre-)candidate: a dashed ring with vote dots.
    Dashed,
    /// Leader: a thick ring with a crown mark.
    Crowned,
    /// Learner or observer: a smaller hollow circle.
    Small,
    /// Does not react, but holds its memory.
    Paused,
    /// Down: grey with a cross.
    Crossed,
}

/// A node as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleFace {
    /// Its stroke.
    pub ring: Ring,
    /// Whether votes are shown as dots.
    pub votes: bool,
    /// `leader`, `crashed`, …
    pub words: &'static str,
}

/// What a role is called.
#[must_use]
pub fn role_words(role: Role) -> &'static str {
    match role {
        Role::Follower => words::FOLLOWER,
        Role::PreCandidate => words::PRE_CANDIDATE,
        Role::Candidate => words::CANDIDATE,
        Role::Leader => words::LEADER,
        Role::Learner => words::LEARNER,
        Role::Observer => words::OBSERVER,
    }
}

/// A node in this role and state.
#[must_use]
pub fn role(liveness: Liveness, role: Role) -> RoleFace {
    let votes = matches!(role, Role::PreCandidate | Role::Candidate);
    let ring = match role {
        Role::Follower => Ring::Plain,
        Role::PreCandidate | Role::Candidate => Ring::Dashed,
        Role::Leader => Ring::Crowned,
        Role::Learner | Role::Observer => Ring::Small,
    };
    match liveness {
        Liveness::Up => RoleFace { ring, votes, words: role_words(role) },
        Liveness::Paused => RoleFace { ring: Ring::Paused, votes, words: words::PAUSED },
        Liveness::Down => RoleFace { ring: Ring::Crossed, votes: false, words: words::DOWN },
        Liveness::Crashed => RoleFace { ring: Ring::Crossed, votes: false, words: words::CRASHED },
        Liveness::Broken => RoleFace { ring: Ring::Crossed, votes: false, words: words::BROKEN },
    }
}

/// What a node is called: what it does, and where its part is about to change or it has none, that too.
#[must_use]
pub fn standing(look: RoleFace, part: Part) -> String {
    match (look.ring, part) {
        (Ring::Crossed | Ring::Paused, _) | (_, Part::Voter | Part::Learner | Part::Observer) => look.words.into(),
        (_, Part::Joining) => fill(words::JOINING, &[("role", &look.words)]),
        (_, Part::Leaving) => fill(words::LEAVING, &[("role", &look.words)]),
        (Ring::Small, Part::Spare) => words::SPARE.into(),
        // A leader that has removed itself leads until that is committed.
        (Ring::Plain | Ring::Dashed | Ring::Crowned, Part::Spare) => fill(words::LEAVING, &[("role", &look.words)]),
    }
}

/// What a part is called.
#[must_use]
pub fn part_words(part: Part) -> &'static str {
    match part {
        Part::Voter => words::VOTER,
        Part::Joining => words::JOINING_VOTER,
        Part::Leaving => words::LEAVING_VOTER,
        Part::Learner => words::LEARNER,
        Part::Observer => words::OBSERVER,
        Part::Spare => words::SPARE,
    }
}

/// A configuration in words: `voters n1, n2; together with voters n3; learners n4`.
#[must_use]
pub fn members(members: &Membership) -> String {
    members_text(members)
}

/// What a timer is called.
#[must_use]
pub fn timer_words(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Election => words::ELECTION_TIMER,
        TimerKind::Heartbeat => words::HEARTBEAT_TIMER,
    }
}

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryClass {
    /// A client's operation.
    Command,
    /// Opens or closes a session.
    Session,
    /// Changes the members.
    Configuration,
    /// A new leader's first entry, or one that lets log time pass.
    NoOp,
}

/// An entry as it is drawn and inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFace {
    /// What it is for.
    pub class: EntryClass,
    /// Fits a log cell: `x=1`.
    pub label: String,
    /// The whole of it in words.
    pub text: String,
}

/// An entry of a log.
#[must_use]
pub fn entry(entry: &Entry) -> EntryFace {
    match entry.kind {
        EntryKind::NoOp => {
            EntryFace { class: EntryClass::NoOp, label: words::NO_OP.into(), text: words::NO_OP_TEXT.into() }
        }
        EntryKind::Configuration => {
            let (label, text) = match Membership::decode(&entry.payload) {
                Some(members) => (
                    if members.is_joint() { words::JOINT } else { words::CONFIGURATION },
                    fill(words::MEMBERS_TEXT, &[("members", &members_text(&members))]),
                ),
                None => (words::CONFIGURATION, words::CONFIGURATION_TEXT.into()),
            };
            EntryFace { class: EntryClass::Configuration, label: label.into(), text }
        }
        EntryKind::Tick => {
            EntryFace { class: EntryClass::NoOp, label: words::TICK.into(), text: words::TICK_TEXT.into() }
        }
        EntryKind::Command => command(entry),
    }
}

fn command(entry: &Entry) -> EntryFace {
    let client: &dyn core::fmt::Display = &entry.client;
    let session = |label, text| EntryFace {
        class: EntryClass::Session,
        label: fill(label, &[("client", client)]),
        text: fill(text, &[("client", client)]),
    };
    let unreadable = |count: usize| EntryFace {
        class: EntryClass::Command,
        label: fill(words::BYTES, &[("count", &count)]),
        text: fill(words::BYTES_TEXT, &[("count", &count), ("client", client)]),
    };
    match Payload::decode(&entry.payload) {
        Some(Payload::Open) => session(words::OPEN, words::OPEN_TEXT),
        Some(Payload::Close) => session(words::CLOSE, words::CLOSE_TEXT),
        Some(Payload::Command { command, .. }) => match AnyCommand::decode(&command) {
            Some(operation) => EntryFace {
                class: EntryClass::Command,
                label: shortened(&operation.label()),
                text: fill(
                    words::COMMAND_TEXT,
                    &[("operation", &operation), ("number", &entry.number), ("client", client)],
                ),
            },
            None => unreadable(command.len()),
        },
        None => unreadable(entry.payload.len()),
    }
}

/// A label that fits a log cell.
fn shortened(label: &str) -> String {
    if label.chars().count() <= MAX_LABEL {
        return label.into();
    }
    label.chars().take(MAX_LABEL - 1).chain(['…']).collect()
}

/// What a client knows of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeFace {
    /// Yes, no, or unknown.
    pub sign: Sign,
    /// In words.
    pub words: String,
}

/// An answer to a client.
#[must_use]
pub fn outcome(outcome: &Outcome) -> OutcomeFace {
    match outcome {
        Outcome::Applied { result, .. } => applied(result),
        Outcome::NotLeader { leader } => OutcomeFace { sign: Sign::Minus, words: not_leader(*leader) },
        Outcome::Overloaded => OutcomeFace { sign: Sign::Minus, words: words::OVERLOADED.into() },
        Outcome::Unknown => OutcomeFace { sign: Sign::Question, words: words::UNKNOWN.into() },
        Outcome::TooLarge { bytes, limit } => {
            OutcomeFace { sign: Sign::Minus, words: fill(words::TOO_LARGE, &[("bytes", bytes), ("limit", limit)]) }
        }
        Outcome::Accepted { index, term } => {
            OutcomeFace { sign: Sign::Question, words: fill(words::ACCEPTED, &[("index", index), ("term", &term.0)]) }
        }
        Outcome::Read { how: ReadHow::Index | ReadHow::Lease, result, .. } => applied(result),
        Outcome::Read { how: ReadHow::Stale, result, .. } => {
            let OutcomeFace { sign, words: value } = applied(result);
            OutcomeFace { sign, words: fill(words::STALE_VALUE, &[("value", &value)]) }
        }
    }
}

fn not_leader(leader: Option<NodeId>) -> String {
    match leader {
        Some(leader) => fill(words::NOT_LEADER_HINT, &[("leader", &leader)]),
        None => words::NOT_LEADER.into(),
    }
}

fn applied(result: &[u8]) -> OutcomeFace {
    let (sign, words) = match SessionAnswer::decode(result) {
        Some(SessionAnswer::Opened) => (Sign::Plus, words::OPENED.into()),
        Some(SessionAnswer::Closed) => (Sign::Plus, words::CLOSED.into()),
        Some(SessionAnswer::Result(bytes)) => match Answer::decode(&bytes) {
            Some(Answer::Value(Some(value))) => (Sign::Plus, value),
            Some(Answer::Value(None)) => (Sign::Plus, words::NOTHING.into()),
            Some(Answer::Refused(refusal)) => (Sign::Minus, fill(words::REFUSED, &[("reason", &refusal)])),
            Some(Answer::Malformed) => (Sign::Minus, words::MALFORMED.into()),
            None => (Sign::Plus, words::DONE.into()),
        },
        Some(SessionAnswer::NoSession) => (Sign::Minus, words::NO_SESSION.into()),
        Some(SessionAnswer::Forgotten) => (Sign::Question, words::FORGOTTEN.into()),
        Some(SessionAnswer::TooManyOutstanding) => (Sign::Minus, words::TOO_MANY.into()),
        Some(SessionAnswer::Malformed) => (Sign::Minus, words::MALFORMED.into()),
        None => (Sign::Plus, words::DONE.into()),
    };
    OutcomeFace { sign, words }
}

/// A client's operation; `None` as sign while it waits.
#[must_use]
pub fn operation(operation: &OperationView) -> (Option<Sign>, &'static str) {
    match &operation.told {
        None => (None, words::PENDING),
        Some((_, Verdict::Ok, _)) => (Some(Sign::Plus), words::DONE),
        Some((_, Verdict::Failed, _)) => (Some(Sign::Minus), words::FAILED),
        Some((_, Verdict::Unknown, _)) => (Some(Sign::Question), words::UNKNOWN),
        Some((_, Verdict::Early, _)) => match operation.early {
            Some(Fate::Safe) => (Some(Sign::Plus), words::SAFE_BY_NOW),
            Some(Fate::Lost) => (Some(Sign::Minus), words::LOST),
            Some(Fate::Open) | None => (Some(Sign::Question), words::NOT_YET_SAFE),
        },
    }
}

/// Whether what a client was told is a machine's refusal. The store refuses nothing: there it would be a value.
#[must_use]
pub fn is_refusal(told: &str) -> bool {
    told.starts_with(words::REFUSED_BEGINS)
}

/// The kinds of messages that are on their way now, each once, in a legend's order.
#[must_use]
pub fn legend(view: &View) -> Vec<MessageKind> {
    few::distinct(view.messages.values().map(|message| self::message(&message.content).kind))
}

#[cfg(test)]
#[path = "face_tests.rs"]
mod tests;
