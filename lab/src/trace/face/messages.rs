//! What is told of a message on its way?
//!
//! Its kind, a short name and its fields under the paper's names. Shapes and
//! letters are in `kinds`, what clients are answered in `outcomes`.

use quorumscope_core::bft::evidence::{Evidence, Offence};
use quorumscope_core::bft::{Chunk, FetchChunk};
use quorumscope_core::few;
use quorumscope_core::raft::{
    AppendEntries, AppendOutcome, InstallOutcome, InstallSnapshot, InstallSnapshotReply, Message, ReadIndexReply,
    Relay, RequestVote, RequestVoteReply,
};
use quorumscope_core::record::AnyMessage;
use quorumscope_core::types::Term;

use super::entries::entry as entry_face;
use super::kinds::{MessageFace, MessageKind, Sign};
use super::outcomes::outcome as outcome_face;
use super::{hotstuff, hybrid, pbft};
use crate::trace::view::{Content, View};
use crate::trace::words::pair;

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
            let face = outcome_face(outcome);
            let fields = vec![("number", number.0.to_string()), ("outcome", face.words.clone())];
            MessageKind::ClientAnswer.face(Some(face.sign), None, face.words, fields)
        }
    }
}

/// A message between nodes.
#[must_use]
pub fn peer(message: &AnyMessage) -> MessageFace {
    match message {
        AnyMessage::Pbft(message) => pbft::peer(message),
        AnyMessage::HotStuff(message) => hotstuff::peer(message),
        AnyMessage::Hybrid(message) => hybrid::peer(message),
        AnyMessage::Raft(Message::PreVote(request)) => vote_request(MessageKind::PreVoteRequest, "PreVote", request),
        AnyMessage::Raft(Message::RequestVote(request)) => {
            vote_request(MessageKind::VoteRequest, "RequestVote", request)
        }
        AnyMessage::Raft(Message::PreVoteReply(reply)) => vote_reply(MessageKind::PreVoteReply, "PreVote", reply),
        AnyMessage::Raft(Message::RequestVoteReply(reply)) => vote_reply(MessageKind::VoteReply, "RequestVote", reply),
        AnyMessage::Raft(Message::AppendEntries(append)) => self::append(append),
        AnyMessage::Raft(Message::FeedEdge(feed)) => {
            let mut face = append(&feed.append);
            face.fields.push(("subscription", feed.subscription.to_string()));
            face
        }
        AnyMessage::Raft(Message::Relayed(relayed)) => {
            let mut face = append(&relayed.append);
            face.fields.push(("leader", relayed.leader.to_string()));
            face
        }
        AnyMessage::Raft(Message::Relay(order)) => relay(order),
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

/// Evidence, whichever protocol's replicas pass it on.
pub(super) fn evidence(evidence: &Evidence) -> MessageFace {
    let offence = evidence.offence().map_or("nothing", Offence::name);
    let fields = vec![
        ("against", evidence.culprit().to_string()),
        ("offence", offence.to_owned()),
        ("instance", evidence.instance().to_string()),
    ];
    MessageKind::Proof.face(None, None, format!("Evidence against {}", evidence.culprit()), fields)
}

fn relay(order: &Relay) -> MessageFace {
    let (first, last) = (order.append.prev_log_index.next(), order.last.index);
    let fields = vec![
        ("term", order.append.term.0.to_string()),
        ("to", order.to.to_string()),
        ("entries", format!("{first}–{last}")),
        ("last term", order.last.term.0.to_string()),
        ("leaderCommit", order.append.leader_commit.to_string()),
        ("round", order.append.round.to_string()),
    ];
    MessageKind::Heartbeat.face(None, Some(order.append.term), format!("send {first}–{last} to {}", order.to), fields)
}

/// How many entries of one append are listed in full.
const MAX_LISTED: usize = 8;

fn entries(append: &AppendEntries) -> String {
    let mut parts: Vec<String> = append
        .entries
        .iter()
        .take(MAX_LISTED)
        .map(|entry| format!("{} {}", pair(entry.index, entry.term), entry_face(entry).label))
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
        AppendOutcome::OtherSubscription => {
            fields.extend([("success", "false".into()), ("reason", "needs its part of the state".into())]);
            (Sign::Minus, "AppendEntries refused, other subscription".into())
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

/// A question for a part of a snapshot, in all protocols whose nodes may lie.
pub(super) fn fetch_chunk(wanted: &FetchChunk) -> MessageFace {
    let fields = vec![("snapshot", wanted.snapshot.to_string()), ("offset", wanted.offset.to_string())];
    MessageKind::SnapshotReply.face(None, None, format!("State, from byte {}", wanted.offset), fields)
}

/// That part.
pub(super) fn chunk(chunk: &Chunk) -> MessageFace {
    let fields = vec![
        ("snapshot", chunk.snapshot.to_string()),
        ("offset", chunk.offset.to_string()),
        ("bytes", chunk.data.len().to_string()),
    ];
    MessageKind::Snapshot.face(None, None, format!("State, from byte {}", chunk.offset), fields)
}

/// The kinds of messages that are on their way now, each once, in a legend's order.
#[must_use]
pub fn legend(view: &View) -> Vec<MessageKind> {
    few::distinct(view.messages.values().map(|message| self::message(&message.content).kind))
}
