//! Which words belong to what an executor recorded?
//!
//! Arms stand in the order of [`Body`]. Messages are named by the record that
//! sent them, which `lookup` may not hold: then the sentence says so.

use core::fmt::Display;

use quorumscope_core::record::{AnyHard, AnyMessage, Body, DropReason, Endpoint, Fate, Record, Verdict};
use quorumscope_core::storage::Write;
use quorumscope_core::types::{LogIndex, NodeId, RecordId, Ticket};

use super::{Explanation, ground};
use crate::scenario::ProtocolName;
use crate::trace::face;
use crate::trace::words::{self, entries, fill, pair, paper, principle, record as text};

/// A message by name, with its two ends.
pub(crate) struct Named {
    pub(crate) message: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// The message that the record `id` sent; unnamed where that record is not held.
pub(crate) fn named<'a>(id: RecordId, lookup: &impl Fn(RecordId) -> Option<&'a Record>) -> Option<Named> {
    let record = lookup(id)?;
    let at = || record.node.map_or_else(String::new, |node| node.to_string());
    match &record.body {
        Body::Sent { to, message, .. } => {
            Some(Named { message: face::peer(message).name, from: at(), to: to.to_string() })
        }
        Body::Asked { client, to, operation, .. } => Some(Named {
            message: format!("“{operation}”"),
            from: Endpoint::Client(*client).to_string(),
            to: to.to_string(),
        }),
        Body::Answered { client, outcome, .. } => Some(Named {
            message: format!("“{}”", words::answered(&face::outcome(outcome).words)),
            from: at(),
            to: Endpoint::Client(*client).to_string(),
        }),
        _ => None,
    }
}

fn about(template: &str, message: RecordId, reason: &str, named: Option<Named>) -> String {
    let unknown = || Named { message: format!("Message {message}"), from: "?".into(), to: "?".into() };
    let Named { message, from, to } = named.unwrap_or_else(unknown);
    let reason = fill(reason, &[("from", &from), ("to", &to)]);
    fill(template, &[("message", &message), ("from", &from), ("to", &to), ("reason", &reason)])
}

/// The template of a reason for loss, with its ends left open.
fn lost(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Loss => text::LOST_LOSS,
        DropReason::Cut => text::LOST_CUT,
        DropReason::ReceiverDown => text::LOST_DOWN,
        DropReason::SenderCrashed => text::LOST_SENDER,
        DropReason::Hand => text::LOST_HAND,
    }
}

/// The sentence for everything that is not a node's own note.
pub(super) fn explain<'a>(
    record: &Record,
    protocol: ProtocolName,
    lookup: &impl Fn(RecordId) -> Option<&'a Record>,
) -> Explanation {
    let node = record.node.unwrap_or_default();
    let here = |template| Explanation::of(fill(template, &[("node", &node)]));
    match &record.body {
        Body::Began(began) => {
            Explanation::of(fill(text::BEGAN, &[("name", &began.name), ("nodes", &words::list(&began.nodes))]))
        }
        Body::Started { incarnation, .. } => {
            let started = Explanation::of(fill(text::STARTED, &[("node", &node), ("count", &incarnation.0)]));
            ground::survives(started, protocol)
        }
        Body::Delivered { message } => delivered(node, *message, lookup),
        Body::DeadlineReached => here(text::DEADLINE),
        Body::Written { ticket } => {
            Explanation::of(fill(text::WRITTEN, &[("node", &node), ("ticket", &ticket.sequence)]))
        }
        Body::Proposed { client, number } => {
            Explanation::of(fill(text::PROPOSED, &[("node", &node), ("number", number), ("client", client)]))
        }
        Body::AppliedThrough { through, state } => {
            Explanation::of(fill(text::APPLIED, &[("node", &node), ("index", through)]))
                .with([("state", state.to_string())])
        }
        Body::Sent { to, message, after } => sent(node, *to, message, *after),
        Body::WriteBegan(write) => write_began(node, write, protocol),
        Body::Answered { client, number, outcome } => {
            let outcome = face::outcome(outcome).words;
            let outcome = words::answered(&outcome);
            let values: [(&str, &dyn Display); 4] =
                [("node", &node), ("number", number), ("client", client), ("outcome", &outcome)];
            Explanation::of(fill(text::ANSWERED, &values))
        }
        Body::Noted(event) => super::event::explain(node, event),
        Body::Status(status) => {
            let role = face::role_words(status.role);
            let era = protocol.era();
            let values: [(&str, &dyn Display); 5] = [
                ("node", &node),
                ("role", &role),
                ("era", &era),
                ("term", &status.term.within_instance().0),
                ("commit", &status.commit),
            ];
            Explanation::of(fill(text::STATUS, &values))
        }
        Body::Broke { fact } => Explanation::of(fill(text::BROKE, &[("node", &node), ("fact", fact)])),
        Body::NodeState(_) => here(text::NODE_STATE),
        Body::Departed { message, duplicate, .. } => {
            let template = if *duplicate { text::DEPARTED_TWICE } else { text::DEPARTED };
            Explanation::of(about(template, *message, "", named(*message, lookup)))
        }
        Body::Dropped { message, reason } => dropped(*message, *reason, named(*message, lookup), protocol),
        Body::Held { message } => Explanation::of(about(text::HELD, *message, "", named(*message, lookup))),
        Body::Asked { client, number, to, operation, attempt } => {
            asked([("client", client), ("number", number), ("to", to), ("operation", operation)], *attempt)
                .because(principle::EXACTLY_ONCE, ground::clients(protocol)[0])
        }
        Body::Told { client, number, verdict, result } => {
            told(client, number, *verdict, result).because(principle::NONE, ground::clients(protocol)[1])
        }
        Body::Heard { client, number, by, result, equal, needed } => {
            heard([client, number, by], result, (*equal, *needed))
        }
        Body::Crashed { survived } => crashed(node, *survived).because(principle::UNSYNCED, ground::disk(protocol)),
        Body::Paused => here(text::PAUSED),
        Body::Resumed => here(text::RESUMED),
        Body::LinksCut { cut } => links_cut(cut, protocol),
        Body::ClockChanged { rate_ppm, .. } => {
            Explanation::of(fill(text::CLOCK_CHANGED, &[("node", &node), ("rate", rate_ppm)]))
        }
        Body::ConditionChanged { text } => Explanation::of(text.clone()),
        Body::Lies { tricks, against } => {
            let against = against.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Explanation::of(fill(text::LIES, &[("node", &node), ("tricks", &tricks.join(", ")), ("against", &against)]))
        }
        Body::Decided { index, term } => {
            let template = if protocol.signs() { text::DECIDED_BY_CERTIFICATES } else { text::DECIDED };
            let (principle, paper) = ground::commit(protocol);
            let entry = pair(*index, *term);
            Explanation::of(fill(template, &[("index", index), ("entry", &entry)])).because(principle, paper)
        }
        Body::Violated { property, detail } => {
            Explanation::of(fill(text::VIOLATED, &[("property", property), ("detail", detail)]))
        }
        Body::Gap { missing: Some(count) } => Explanation::of(fill(text::GAP, &[("count", count)])),
        Body::Gap { missing: None } => here(text::GAP_UNKNOWN),
        Body::Ended => here(text::ENDED),
        Body::SnapshotTaken { index, bytes } => {
            Explanation::of(fill(text::SNAPSHOT_TAKEN, &[("node", &node), ("index", index), ("bytes", bytes)]))
                .because(principle::SNAPSHOT, ground::snapshot(protocol))
        }
        Body::SnapshotAsked => here(text::SNAPSHOT_ASKED),
        Body::EarlyJudged { client, number, index, term, fate } => {
            let template = match fate {
                Fate::Open => text::EARLY_OPEN,
                Fate::Safe => text::EARLY_SAFE,
                Fate::Lost => text::EARLY_LOST,
            };
            let values: [(&str, &dyn Display); 4] =
                [("client", client), ("number", number), ("index", index), ("term", &term.within_instance().0)];
            Explanation::of(fill(template, &values)).because(principle::EARLY, paper::NONE)
        }
    }
}

fn delivered<'a>(node: NodeId, message: RecordId, lookup: &impl Fn(RecordId) -> Option<&'a Record>) -> Explanation {
    Explanation::of(match named(message, lookup) {
        Some(Named { message, from, .. }) => {
            fill(text::DELIVERED, &[("node", &node), ("message", &message), ("from", &from)])
        }
        None => fill(text::DELIVERED_UNKNOWN, &[("node", &node)]),
    })
}

fn sent(node: NodeId, to: NodeId, message: &AnyMessage, after: Option<Ticket>) -> Explanation {
    let face = face::peer(message);
    let sentence = match after {
        None => fill(text::SENT, &[("node", &node), ("message", &face.name), ("to", &to)]),
        Some(ticket) => fill(
            text::SENT_AFTER,
            &[("node", &node), ("message", &face.name), ("to", &to), ("ticket", &ticket.sequence)],
        ),
    };
    Explanation::of(sentence).with(face.fields)
}

fn write_began(node: NodeId, write: &Write<AnyHard>, protocol: ProtocolName) -> Explanation {
    let mut parts = Vec::new();
    if write.hard.is_some() {
        parts.push(if protocol.signs() { text::WRITE_PROMISES } else { text::WRITE_HARD }.to_string());
    }
    if let Some(snapshot) = &write.snapshot {
        parts.push(fill(text::WRITE_SNAPSHOT, &[("index", &snapshot.meta.index)]));
    }
    if let Some(compact) = write.compact.filter(|compact| compact.index > LogIndex::ZERO) {
        parts.push(fill(text::WRITE_COMPACT, &[("index", &compact.index)]));
    }
    if let Some(from) = write.truncate {
        parts.push(fill(text::WRITE_TRUNCATE, &[("index", &from)]));
    }
    if let (Some(first), Some(last)) = (write.append.first(), write.append.last()) {
        parts.push(entries(first.index, last.index));
    }
    let parts = if parts.is_empty() { text::WRITE_NOTHING.into() } else { parts.join(", ") };
    Explanation::of(fill(text::WRITE, &[("node", &node), ("parts", &parts), ("ticket", &write.ticket.sequence)]))
        .because(principle::NONE, ground::disk(protocol))
}

fn dropped(message: RecordId, reason: DropReason, named: Option<Named>, protocol: ProtocolName) -> Explanation {
    let (principle, paper) = match reason {
        DropReason::SenderCrashed => (principle::UNSYNCED, ground::disk(protocol)),
        DropReason::Loss | DropReason::Cut | DropReason::ReceiverDown | DropReason::Hand => {
            (principle::UNRELIABLE, ground::network(protocol))
        }
    };
    Explanation::of(about(text::DROPPED, message, lost(reason), named)).because(principle, paper)
}

fn asked(values: [(&str, &dyn Display); 4], attempt: u32) -> Explanation {
    Explanation::of(if attempt > 1 {
        let [client, number, to, operation] = values;
        fill(text::ASKED_AGAIN, &[client, number, to, operation, ("attempt", &attempt)])
    } else {
        fill(text::ASKED, &values)
    })
}

fn told(client: &dyn Display, number: &dyn Display, verdict: Verdict, result: &str) -> Explanation {
    let template = match verdict {
        Verdict::Ok => text::TOLD_OK,
        Verdict::Failed => text::TOLD_FAILED,
        Verdict::Unknown => text::TOLD_UNKNOWN,
        Verdict::Early => text::TOLD_EARLY,
    };
    let result = words::told(verdict, result);
    Explanation::of(fill(template, &[("client", client), ("number", number), ("result", &result)]))
}

fn heard(of: [&dyn Display; 3], result: &str, (equal, needed): (u32, u32)) -> Explanation {
    let template = if equal < needed { text::HEARD } else { text::HEARD_PROVEN };
    Explanation::of(words::reply(template, of, result, (equal, needed))).because(principle::NONE, paper::REPLIES)
}

fn crashed(node: NodeId, survived: Option<Ticket>) -> Explanation {
    Explanation::of(match survived {
        None => fill(text::CRASHED, &[("node", &node)]),
        Some(ticket) => fill(text::CRASHED_PENDING, &[("node", &node), ("ticket", &ticket.sequence)]),
    })
}

fn links_cut(cut: &[(Endpoint, Endpoint)], protocol: ProtocolName) -> Explanation {
    if cut.is_empty() {
        return Explanation::of(text::LINKS_MENDED.into());
    }
    Explanation::of(fill(text::LINKS_CUT, &[("links", &links(cut))]))
        .because(principle::UNRELIABLE, ground::network(protocol))
}

/// How many links are spelled out.
const MAX_LINKS_LISTED: usize = 6;

/// `n1→n3, n3→n1, …`.
pub(crate) fn links(cut: &[(Endpoint, Endpoint)]) -> String {
    let mut listed: Vec<String> = cut.iter().take(MAX_LINKS_LISTED).map(|(from, to)| format!("{from}→{to}")).collect();
    if cut.len() > MAX_LINKS_LISTED {
        listed.push(format!("+{}", cut.len() - MAX_LINKS_LISTED));
    }
    listed.join(", ")
}
