//! Which words belong to an event of the hybrid's two rounds?
//!
//! Arms stand in the order of [`Event`]. Words are in `words::hybrid`.

use core::fmt::Display;

use quorumscope_core::bft::hybrid::rounds::Event;
use quorumscope_core::types::NodeId;

use super::{Explanation, ground};
use crate::scenario::ProtocolName;
use crate::trace::words::hybrid::{event as text, paper, principle};
use crate::trace::words::{count_of_entries, fill, list, requests};

/// The sentence for what `node` noted.
pub(super) fn explain(node: NodeId, event: &Event) -> Explanation {
    let said = |template: &'static str, values: &[(&str, &dyn Display)], principle: &'static str| {
        let mut all: Vec<(&str, &dyn Display)> = vec![("node", &node)];
        all.extend_from_slice(values);
        Explanation::of(fill(template, &all)).because(principle, section(event))
    };
    match event {
        Event::Recovered { term, committed } => {
            let values: [(&str, &dyn Display); 2] = [("term", &term.0), ("sequence", committed)];
            ground::survives(said(text::RECOVERED, &values, principle::DURABLE), ProtocolName::Hybrid)
        }
        Event::RequestsRelayed { leader, bundles } => {
            said(text::RELAYED, &[("bundles", &requests(*bundles)), ("leader", leader)], principle::MISSING)
        }
        Event::Proposed { term, sequence, requests: count, .. } => {
            let count = requests(*count);
            let values: [(&str, &dyn Display); 3] = [("term", &term.0), ("requests", &count), ("sequence", sequence)];
            said(text::PROPOSED, &values, principle::ONE_HISTORY)
        }
        Event::LinkAccepted { term, sequence, .. } => {
            said(text::ACCEPTED, &[("term", &term.0), ("sequence", sequence)], principle::ONE_HISTORY)
        }
        Event::LinkRefused { term, sequence, .. } => {
            said(text::REFUSED, &[("term", &term.0), ("sequence", sequence)], principle::ONE_HISTORY)
        }
        Event::Prepared { term, sequence, by, .. } => {
            let by = list(by);
            said(text::PREPARED, &[("term", &term.0), ("sequence", sequence), ("by", &by)], principle::PREPARED)
        }
        Event::Committed { term, sequence, by, .. } => {
            let by = list(by);
            said(text::COMMITTED, &[("term", &term.0), ("sequence", sequence), ("by", &by)], principle::COMMITTED)
        }
        Event::Executed { sequence, entries, last } => {
            let entries = count_of_entries(*entries);
            let values: [(&str, &dyn Display); 3] = [("sequence", sequence), ("entries", &entries), ("last", last)];
            said(text::EXECUTED, &values, principle::COMMITTED)
        }
        Event::CaughtUp { sequence, from } => {
            said(text::CAUGHT_UP, &[("sequence", sequence), ("from", from)], principle::COMMITTED)
        }
        Event::Wished { term, .. } => said(text::WISHED, &[("term", &term.0)], principle::WISH),
        Event::TermAdopted { from, to } => said(text::ADOPTED, &[("from", &from.0), ("term", &to.0)], principle::VOTE),
        Event::VoteCounted { term, from, count, needed } => {
            let values: [(&str, &dyn Display); 4] =
                [("term", &term.0), ("from", from), ("count", count), ("needed", needed)];
            said(text::VOTED, &values, principle::VOTE)
        }
        Event::TermEntered { term, leader, .. } => {
            said(text::ENTERED, &[("term", &term.0), ("leader", leader)], principle::ENTERED)
        }
        Event::CheckpointTaken { sequence, index, .. } => {
            said(text::CHECKPOINT_TAKEN, &[("sequence", sequence), ("index", index)], principle::CHECKPOINT)
        }
        Event::CheckpointStable { sequence, by, .. } => {
            said(text::CHECKPOINT_STABLE, &[("sequence", sequence), ("by", &list(by))], principle::CHECKPOINT)
        }
        Event::TransferBegan { sequence, from, .. } => {
            said(text::TRANSFER_BEGAN, &[("sequence", sequence), ("from", from)], principle::CHECKPOINT)
        }
        Event::TransferSpoilt { sequence, .. } => {
            said(text::TRANSFER_SPOILT, &[("sequence", sequence)], principle::CHECKPOINT)
        }
        Event::Transferred { sequence, index } => {
            said(text::TRANSFERRED, &[("sequence", sequence), ("index", index)], principle::CHECKPOINT)
        }
        Event::AskedForMissing { committed } => said(text::ASKED, &[("sequence", committed)], principle::MISSING),
        Event::Stopped { .. } => said(text::STOPPED, &[], principle::STOPPED),
        Event::Forged { from } => said(text::FORGED, &[("from", from)], principle::SIGNATURE),
        Event::Ignored { from, .. } => said(text::IGNORED, &[("from", from)], principle::MISSING),
    }
}

/// Where the rule stands that an event is about.
fn section(event: &Event) -> &'static str {
    match event {
        Event::Proposed { .. }
        | Event::LinkAccepted { .. }
        | Event::LinkRefused { .. }
        | Event::Prepared { .. }
        | Event::Executed { .. }
        | Event::CaughtUp { .. } => paper::ROUNDS,
        // One round is what the paper shows to be too few.
        Event::Committed { .. } => paper::FAST,
        Event::Wished { .. } | Event::TermAdopted { .. } | Event::VoteCounted { .. } | Event::TermEntered { .. } => {
            paper::TERMS
        }
        Event::CheckpointTaken { .. }
        | Event::CheckpointStable { .. }
        | Event::TransferBegan { .. }
        | Event::TransferSpoilt { .. }
        | Event::Transferred { .. } => paper::STATE,
        Event::Stopped { .. } => paper::SWITCH,
        Event::Recovered { .. }
        | Event::RequestsRelayed { .. }
        | Event::AskedForMissing { .. }
        | Event::Forged { .. }
        | Event::Ignored { .. } => paper::NONE,
    }
}
