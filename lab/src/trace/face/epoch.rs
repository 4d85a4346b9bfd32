//! What is told of a message about epochs on its way?

use quorumscope_core::bft::epoch::Message;

use super::kinds::{MessageFace, MessageKind};
use crate::trace::words::epoch::face as text;
use crate::trace::words::{fill, list};

/// A protocol's own message, of a later epoch than the first.
pub(super) fn later(epoch: u64, mut face: MessageFace) -> MessageFace {
    face.fields.push((text::LATER, epoch.to_string()));
    face
}

/// A message about the end of an epoch, or about where a replica is.
pub(super) fn peer(message: &Message) -> MessageFace {
    match message {
        Message::Word(word) => {
            let checkpoint = word.checkpoint;
            let fields = vec![
                ("epoch", word.epoch.to_string()),
                ("n", checkpoint.sequence.to_string()),
                ("d", checkpoint.snapshot.to_string()),
            ];
            let ended = word.epoch.saturating_sub(1);
            MessageKind::Checkpoint.face(None, None, fill(text::WORD, &[("epoch", &ended)]), fields)
        }
        Message::Links(links) => {
            let (newest, fields) = match links.last() {
                Some(link) => {
                    let by: Vec<_> = link.certificate.voters().collect();
                    let fields = vec![
                        ("epoch", link.epoch.to_string()),
                        ("n", link.checkpoint.sequence.to_string()),
                        ("voters", list(&link.members.voters)),
                        ("signed by", list(&by)),
                    ];
                    (link.epoch, fields)
                }
                None => (0, Vec::new()),
            };
            MessageKind::Proof.face(None, None, fill(text::LINKS, &[("epoch", &newest)]), fields)
        }
        Message::Here { epoch } => {
            let fields = vec![("epoch", epoch.to_string())];
            MessageKind::Question.face(None, None, fill(text::HERE, &[("epoch", epoch)]), fields)
        }
    }
}
