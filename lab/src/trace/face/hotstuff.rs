//! What is told of a message of HotStuff on its way?

use quorumscope_core::bft::hotstuff::Message;

use super::kinds::{MessageFace, MessageKind};
use crate::trace::words::{blocks, list, requests};

/// A message between replicas, under the papers' names.
pub(super) fn peer(message: &Message) -> MessageFace {
    let plain = |kind: MessageKind, name: String, fields| kind.face(None, None, name, fields);
    match message {
        Message::Proposal(proposal) => {
            let block = &proposal.block;
            let fields = vec![
                ("view", block.view().0.to_string()),
                ("block", block.hash().to_string()),
                ("parent", block.justify().block.to_string()),
                ("justify", block.justify().view.0.to_string()),
                ("cmd", requests(block.batch().len() as u64)),
            ];
            let name = format!("Proposal {}", block.view().0);
            MessageKind::Proposal.face(None, Some(block.view()), name, fields)
        }
        Message::Vote(vote) => {
            let fields = vec![("view", vote.view.0.to_string()), ("block", vote.block.to_string())];
            MessageKind::Prepare.face(None, Some(vote.view), format!("Vote {}", vote.view.0), fields)
        }
        Message::Certificate(certified) => {
            let voters: Vec<_> = certified.certificate.voters().collect();
            let fields = vec![
                ("view", certified.view.0.to_string()),
                ("block", certified.block.to_string()),
                ("voters", list(&voters)),
            ];
            MessageKind::Certificate.face(None, Some(certified.view), format!("QC {}", certified.view.0), fields)
        }
        Message::Timeout(timeout) => {
            let mut fields = vec![("view", timeout.view.0.to_string()), ("highQC", timeout.high.view.0.to_string())];
            fields.extend(timeout.vote.map(|vote| ("last vote", vote.view.0.to_string())));
            MessageKind::ViewChange.face(None, Some(timeout.view), format!("Timeout {}", timeout.view.0), fields)
        }
        Message::TimeoutCertificate(given_up) => {
            let voters: Vec<_> = given_up.certificate.voters().collect();
            let fields = vec![("view", given_up.view.0.to_string()), ("voters", list(&voters))];
            MessageKind::NewView.face(None, Some(given_up.view), format!("TC {}", given_up.view.0), fields)
        }
        Message::Fetch(wanted) => {
            let fields = vec![("block", wanted.block.to_string()), ("above", wanted.above.0.to_string())];
            plain(MessageKind::Question, "Which block is this?".into(), fields)
        }
        Message::Blocks(list) => {
            let newest = list.first().map(|block| block.view());
            MessageKind::Proof.face(None, newest, blocks(list.len() as u64), Vec::new())
        }
        Message::Checkpoint(said) => {
            let checkpoint = said.checkpoint;
            let fields = vec![("index", checkpoint.index.to_string()), ("state", checkpoint.snapshot.to_string())];
            plain(MessageKind::Checkpoint, format!("Checkpoint {}", checkpoint.index), fields)
        }
        Message::Stable(proof) => {
            let checkpoint = proof.checkpoint;
            let fields = vec![("index", checkpoint.index.to_string()), ("state", checkpoint.snapshot.to_string())];
            plain(MessageKind::Proof, format!("Proof of checkpoint {}", checkpoint.index), fields)
        }
        Message::FetchChunk(wanted) => super::messages::fetch_chunk(wanted),
        Message::Evidence(evidence) => super::messages::evidence(evidence),
        Message::Chunk(chunk) => super::messages::chunk(chunk),
        Message::Epoch(message) => super::epoch::peer(message),
        Message::Later { epoch, message } => super::epoch::later(*epoch, peer(message)),
    }
}
