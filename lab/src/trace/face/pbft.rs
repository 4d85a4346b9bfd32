//! What is told of a message of PBFT on its way?

use quorumscope_core::bft::pbft::{Message, Subject, Vote};
use quorumscope_core::types::{Sequence, Term};

use super::kinds::{MessageFace, MessageKind};
use crate::trace::words::{list, requests};

type Fields = Vec<(&'static str, String)>;

/// A message between replicas, under the paper's names.
pub(super) fn peer(message: &Message) -> MessageFace {
    let plain = |kind: MessageKind, name: String, fields| kind.face(None, None, name, fields);
    match message {
        Message::Requests(relayed) => {
            let count = relayed.bundles.iter().map(|bundle| bundle.proposals().len() as u64).sum();
            plain(MessageKind::Forwarded, format!("Request, passed on: {}", requests(count)), Vec::new())
        }
        Message::PrePrepare(said) => {
            let subject = said.subject();
            let mut fields = about(&subject);
            fields.push(("m", requests(said.value.batch().len() as u64)));
            MessageKind::Proposal.face(None, Some(subject.view), format!("Pre-prepare {}", subject.sequence), fields)
        }
        Message::Prepare(vote) => self::vote(MessageKind::Prepare, "Prepare", vote),
        Message::Commit(vote) => self::vote(MessageKind::Commit, "Commit", vote),
        Message::Checkpoint(said) => {
            let (checkpoint, _) = said.as_ref();
            let fields = vec![
                ("n", checkpoint.sequence.to_string()),
                ("d", checkpoint.snapshot.to_string()),
                ("index", checkpoint.index.to_string()),
            ];
            plain(MessageKind::Checkpoint, format!("Checkpoint {}", checkpoint.sequence), fields)
        }
        Message::ViewChange(change) => {
            let fields = vec![
                ("v", change.view.0.to_string()),
                ("n", change.low().to_string()),
                ("P", sequences(change.prepared.iter().map(|prepared| prepared.subject.sequence))),
                ("i", change.replica.to_string()),
            ];
            MessageKind::ViewChange.face(None, Some(change.view), format!("View-change {}", change.view.0), fields)
        }
        Message::NewView(begun) => {
            let by: Vec<_> = begun.view_changes.iter().map(|change| change.replica).collect();
            let fields = vec![
                ("v", begun.view.0.to_string()),
                ("V", list(&by)),
                ("O", sequences(begun.pre_prepares.iter().map(|assigned| assigned.sequence))),
            ];
            MessageKind::NewView.face(None, Some(begun.view), format!("New-view {}", begun.view.0), fields)
        }
        Message::Standing(standing) => {
            let fields = vec![
                ("view", standing.view.0.to_string()),
                ("stable", standing.stable.to_string()),
                ("executed", standing.executed.to_string()),
            ];
            MessageKind::Question.face(None, Some(standing.view), "Status".into(), fields)
        }
        Message::Committed(committed) => {
            let subject = committed.decided.subject;
            let name = format!("Proof that {} is committed", subject.sequence);
            MessageKind::Proof.face(None, Some(subject.view), name, about(&subject))
        }
        Message::Stable(stable) => {
            let checkpoint = stable.proof.checkpoint;
            let fields = vec![("n", checkpoint.sequence.to_string()), ("d", checkpoint.snapshot.to_string())];
            plain(MessageKind::Proof, format!("Proof of checkpoint {}", checkpoint.sequence), fields)
        }
        Message::FetchValues(wanted) => {
            let fields = vec![("n", sequences(wanted.iter().map(|(sequence, _)| *sequence)))];
            plain(MessageKind::Question, "Which batches were these?".into(), fields)
        }
        Message::Body(sequence, value) => {
            let fields = vec![("n", sequence.to_string()), ("d", value.hash().to_string())];
            MessageKind::Proof.face(None, Some(value.origin()), format!("Batch {sequence}"), fields)
        }
        Message::FetchChunk(wanted) => super::messages::fetch_chunk(wanted),
        Message::Evidence(evidence) => super::messages::evidence(evidence),
        Message::Chunk(chunk) => super::messages::chunk(chunk),
        Message::Epoch(message) => super::epoch::peer(message),
        Message::Later { epoch, message } => super::epoch::later(*epoch, peer(message)),
    }
}

fn vote(kind: MessageKind, name: &str, vote: &Vote) -> MessageFace {
    let subject = vote.subject;
    kind.face(None, Some(subject.view), format!("{name} {}", subject.sequence), about(&subject))
}

fn about(Subject { view, sequence, hash }: &Subject) -> Fields {
    let Term(view) = view;
    vec![("v", view.to_string()), ("n", sequence.to_string()), ("d", hash.to_string())]
}

fn sequences(sequences: impl Iterator<Item = Sequence>) -> String {
    let all: Vec<String> = sequences.map(|sequence| sequence.to_string()).collect();
    if all.is_empty() { "none".into() } else { all.join(", ") }
}
