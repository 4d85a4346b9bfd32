//! What is told of a message of the hybrid on its way?
//!
//! Those of its PBFT look as PBFT's do. Terms count over the phases as those of
//! nodes and entries do, so that what belongs together has one hue.

use quorumscope_core::bft::hybrid::rounds::{Mark, Message as Round, Prepared};
use quorumscope_core::bft::hybrid::{Message, Phase};
use quorumscope_core::types::NodeId;

use super::kinds::{MessageFace, MessageKind};
use super::pbft;
use crate::trace::words::{hybrid as words, list, requests};

/// The instances of the hybrid: the two rounds, the decision on what PBFT begins with, PBFT.
const ROUNDS: u64 = 0;
const OPENING: u64 = 1;
const BFT: u64 = 2;

type Fields = Vec<(&'static str, String)>;

/// Instances of an era: each return begins another one.
const INSTANCES: u64 = 3;

/// A message between replicas.
pub(super) fn peer(message: &Message) -> MessageFace {
    match message {
        Message::Later { era, message } => in_era(era.saturating_mul(INSTANCES), message),
        Message::InEpoch { epoch, message } => super::epoch::later(*epoch, peer(message)),
        message => in_era(0, message),
    }
}

fn in_era(first: u64, message: &Message) -> MessageFace {
    let plain = |kind: MessageKind, name: String, fields| kind.face(None, None, name, fields);
    match message {
        Message::Rounds(message) => of_instance(round(message), first + ROUNDS),
        Message::Opening(message) => {
            let face = of_instance(pbft::peer(message), first + OPENING);
            MessageFace { name: format!("{} (opening)", face.name), ..face }
        }
        Message::Bft(message) => of_instance(pbft::peer(message), first + BFT),
        Message::Alarms(alarms) => {
            let by: Vec<NodeId> = alarms.iter().map(|(by, _)| *by).collect();
            plain(MessageKind::Alarm, format!("Alarm of {}", list(&by)), vec![("by", list(&by))])
        }
        Message::Stop(stop) => {
            let mut fields = vec![("replica", stop.replica.to_string())];
            fields.push((
                "checkpoint",
                stop.stable.as_ref().map_or("none".into(), |stable| stable.proof.checkpoint.sequence.to_string()),
            ));
            fields.push(("prepared", prepared(stop.prepared.as_deref())));
            plain(MessageKind::Stop, format!("Stop statement of {}", stop.replica), fields)
        }
        Message::Opened(decided) => {
            let fields = vec![("v", decided.decided.subject.view.0.to_string())];
            plain(MessageKind::Proof, "Proof of what PBFT begins with".into(), fields)
        }
        Message::Where(phase) => {
            let name = format!("Status: {}", phase_words(*phase));
            plain(MessageKind::Question, name, vec![("phase", phase_words(*phase).into())])
        }
        Message::Calm(words) => {
            let by: Vec<NodeId> = words.iter().map(|(by, _)| *by).collect();
            plain(MessageKind::Alarm, format!("All is calm: {}", list(&by)), vec![("by", list(&by))])
        }
        Message::Root(said) => {
            let checkpoint = said.0.checkpoint;
            let fields = vec![("n", checkpoint.sequence.to_string()), ("d", checkpoint.snapshot.to_string())];
            plain(MessageKind::Checkpoint, format!("PBFT ended at {}", checkpoint.sequence), fields)
        }
        Message::Evidence(evidence) => super::messages::evidence(evidence),
        Message::Epoch(message) => super::epoch::peer(message),
        // No replica says one era or epoch within another.
        Message::Later { message, .. } | Message::InEpoch { message, .. } => in_era(first, message),
    }
}

/// What a phase is called.
pub(super) fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Rounds => words::phase::ROUNDS,
        Phase::Stopped => words::phase::STOPPED,
        Phase::Opened => words::phase::OPENED,
        Phase::Bft => words::phase::BFT,
    }
}

fn of_instance(face: MessageFace, instance: u64) -> MessageFace {
    MessageFace { term: face.term.map(|term| term.in_instance(instance)), ..face }
}

fn round(message: &Round) -> MessageFace {
    let plain = |kind: MessageKind, name: String, fields| kind.face(None, None, name, fields);
    match message {
        Round::Requests(bundles) => {
            let count = bundles.iter().map(|bundle| bundle.proposals().len() as u64).sum();
            plain(MessageKind::Forwarded, format!("Request, passed on: {}", requests(count)), Vec::new())
        }
        Round::Append(append) => {
            let mark = append.ack.mark;
            let (kind, name) = match append.links.as_slice() {
                [] => (MessageKind::Heartbeat, format!("Append {} (certificates)", mark.sequence)),
                [link] => (MessageKind::Append, format!("Append {}", link.sequence())),
                [first, .., last] => (MessageKind::Append, format!("Append {}–{}", first.sequence(), last.sequence())),
            };
            let mut fields = about(&mark);
            fields.push(("prepared", prepared(append.prepared.as_deref())));
            let committed = append.committed.as_ref().map_or("none".into(), |known| place(&known.mark));
            fields.push(("committed", committed));
            kind.face(None, Some(mark.term), name, fields)
        }
        Round::Ack(ack) => {
            let mut fields = about(&ack.mark);
            fields.push(("names", ack.named.as_ref().map_or("none".into(), place)));
            MessageKind::AppendReply.face(None, Some(ack.mark.term), format!("Ack {}", ack.mark.sequence), fields)
        }
        Round::Wishes(wishes) => {
            let by: Vec<NodeId> = wishes.iter().map(|(by, _)| *by).collect();
            let term = wishes.iter().map(|(_, wish)| wish.term).max();
            let name = format!("Wish for term {}", term.unwrap_or_default().0);
            MessageKind::ViewChange.face(None, term, name, vec![("by", list(&by))])
        }
        Round::Vote(vote) => {
            let fields = vec![
                ("term", vote.term.0.to_string()),
                ("by", vote.by.to_string()),
                ("prepared", prepared(vote.prepared.as_deref())),
            ];
            MessageKind::VoteReply.face(None, Some(vote.term), format!("Vote for term {}", vote.term.0), fields)
        }
        Round::Lead(lead) => {
            let by: Vec<NodeId> = lead.votes.iter().map(|vote| vote.by).collect();
            let start = prepared(lead.start().map(|start| start.as_ref()));
            let fields = vec![("term", lead.term.0.to_string()), ("votes", list(&by)), ("goes on from", start)];
            MessageKind::NewView.face(None, Some(lead.term), format!("Term {} begins", lead.term.0), fields)
        }
        Round::Checkpoint(said) => {
            let checkpoint = said.0.checkpoint;
            let fields = vec![
                ("n", checkpoint.sequence.to_string()),
                ("d", checkpoint.snapshot.to_string()),
                ("chain", said.0.chain.to_string()),
            ];
            plain(MessageKind::Checkpoint, format!("Checkpoint {}", checkpoint.sequence), fields)
        }
        Round::Standing(_)
        | Round::Decided(_)
        | Round::Stable(_)
        | Round::FetchLinks { .. }
        | Round::Links(_)
        | Round::FetchChunk(_)
        | Round::Chunk(_) => caught_up(message),
    }
}

/// Questions of those who have missed something, and what proves it to them.
fn caught_up(message: &Round) -> MessageFace {
    let plain = |kind: MessageKind, name: String, fields| kind.face(None, None, name, fields);
    match message {
        Round::Standing(standing) => {
            let fields = vec![
                ("term", standing.term.0.to_string()),
                ("stable", standing.stable.to_string()),
                ("committed", standing.committed.to_string()),
                ("last", standing.last.to_string()),
            ];
            MessageKind::Question.face(None, Some(standing.term), "Status".into(), fields)
        }
        Round::Decided(decided) => {
            let mark = decided.committed.mark;
            let name = format!("Proof that {} is committed", mark.sequence);
            MessageKind::Proof.face(None, Some(mark.term), name, about(&mark))
        }
        Round::Stable(stable) => {
            let checkpoint = stable.proof.checkpoint;
            let fields = vec![("n", checkpoint.sequence.to_string()), ("d", checkpoint.snapshot.to_string())];
            plain(MessageKind::Proof, format!("Proof of checkpoint {}", checkpoint.sequence), fields)
        }
        Round::FetchLinks { hash, after } => {
            let fields = vec![("h", hash.to_string()), ("after", after.to_string())];
            plain(MessageKind::Question, "Which history is this?".into(), fields)
        }
        Round::Links(links) => {
            let ends = links.first().zip(links.last()).map(|(first, last)| (first.sequence(), last.sequence()));
            let name = ends.map_or("History".into(), |(first, last)| format!("History {first}–{last}"));
            plain(MessageKind::Proof, name, Vec::new())
        }
        Round::FetchChunk(wanted) => super::messages::fetch_chunk(wanted),
        Round::Chunk(chunk) => super::messages::chunk(chunk),
        Round::Requests(_)
        | Round::Append(_)
        | Round::Ack(_)
        | Round::Wishes(_)
        | Round::Vote(_)
        | Round::Lead(_)
        | Round::Checkpoint(_) => round(message),
    }
}

fn about(mark: &Mark) -> Fields {
    vec![("term", mark.term.0.to_string()), ("n", mark.sequence.to_string()), ("h", mark.hash.to_string())]
}

fn place(mark: &Mark) -> String {
    format!("{} of term {}", mark.sequence, mark.term.0)
}

fn prepared(certificate: Option<&Prepared>) -> String {
    certificate.map_or("none".into(), |certificate| place(&certificate.mark))
}
