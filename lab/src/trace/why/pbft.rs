//! Which words, rule and section belong to an event of PBFT?
//!
//! Arms stand in the order of [`Event`]. Words are in `words::pbft`.

use quorumscope_core::bft::pbft::{Event, Ignored, NewViewRefusal, Refusal, ViewChangeReason};
use quorumscope_core::types::NodeId;

use super::{Explanation, ground};
use crate::scenario::ProtocolName;
use crate::trace::words::pbft::{event as text, paper, principle};
use crate::trace::words::{bytes, count_of_entries, fill, list, requests, span};

/// The sentence for what `node` noted.
pub(super) fn explain(node: NodeId, event: &Event) -> Explanation {
    match event {
        Event::Recovered { view, changing, stable, executed } => {
            let template = if *changing { text::RECOVERED_CHANGING } else { text::RECOVERED };
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("view", &view.0), ("executed", executed), ("stable", stable)];
            ground::survives(Explanation::of(fill(template, &values)), ProtocolName::Pbft)
        }
        Event::RequestsRelayed { primary, bundles } => {
            let bundles = requests(*bundles);
            Explanation::of(fill(text::RELAYED, &[("node", &node), ("bundles", &bundles), ("primary", primary)]))
                .because(principle::RELAY, paper::CLIENT)
        }
        Event::Proposed { view, sequence, hash, requests: count } => {
            let count = requests(*count);
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("view", &view.0), ("requests", &count), ("sequence", sequence)];
            Explanation::of(fill(text::PROPOSED, &values)).because(principle::ORDER, paper::NORMAL).with([
                ("view", view.0.to_string()),
                ("n", sequence.to_string()),
                ("d", hash.to_string()),
            ])
        }
        Event::PrePrepareAccepted { view, sequence, hash } => {
            let values: [(&str, &dyn core::fmt::Display); 3] =
                [("node", &node), ("view", &view.0), ("sequence", sequence)];
            Explanation::of(fill(text::ACCEPTED, &values)).because(principle::ONE_DIGEST, paper::NORMAL).with([
                ("view", view.0.to_string()),
                ("n", sequence.to_string()),
                ("d", hash.to_string()),
            ])
        }
        Event::PrePrepareRefused { view, sequence, reason } => {
            let (principle, reason) = match reason {
                Refusal::OtherDigest { accepted } => {
                    (principle::ONE_DIGEST, fill(text::OTHER_DIGEST, &[("accepted", accepted)]))
                }
                Refusal::LogTime => (principle::LOG_TIME, text::BAD_TIME.into()),
                Refusal::Malformed => (principle::NONE, text::MALFORMED.into()),
                Refusal::Decided => (principle::COMMITTED, text::DECIDED.into()),
            };
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("view", &view.0), ("sequence", sequence), ("reason", &reason)];
            Explanation::of(fill(text::REFUSED, &values)).because(principle, paper::NORMAL)
        }
        Event::Prepared { view, sequence, hash, by, needed } => {
            let (have, by) = (by.len(), list(by));
            let values: [(&str, &dyn core::fmt::Display); 6] = [
                ("node", &node),
                ("view", &view.0),
                ("sequence", sequence),
                ("have", &have),
                ("needed", needed),
                ("by", &by),
            ];
            Explanation::of(fill(text::PREPARED, &values))
                .because(principle::PREPARED, paper::NORMAL)
                .with([("d", hash.to_string()), ("needed", needed.to_string())])
        }
        Event::Committed { view, sequence, hash, by } => {
            let by = list(by);
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("view", &view.0), ("sequence", sequence), ("by", &by)];
            Explanation::of(fill(text::COMMITTED, &values))
                .because(principle::COMMITTED, paper::NORMAL)
                .with([("d", hash.to_string())])
        }
        Event::Executed { sequence, entries: 0, .. } => {
            Explanation::of(fill(text::EXECUTED_NULL, &[("node", &node), ("sequence", sequence)]))
                .because(principle::EXECUTED, paper::NORMAL)
        }
        Event::Executed { sequence, entries, last } => {
            let entries = count_of_entries(*entries);
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("sequence", sequence), ("entries", &entries), ("last", last)];
            Explanation::of(fill(text::EXECUTED, &values)).because(principle::EXECUTED, paper::NORMAL)
        }
        Event::CaughtUp { sequence, from } => {
            Explanation::of(fill(text::CAUGHT_UP, &[("node", &node), ("sequence", sequence), ("from", from)]))
                .because(principle::COMMITTED, paper::NORMAL)
        }
        Event::CheckpointTaken { sequence, index, snapshot } => {
            let values: [(&str, &dyn core::fmt::Display); 3] =
                [("node", &node), ("sequence", sequence), ("index", index)];
            Explanation::of(fill(text::CHECKPOINT_TAKEN, &values))
                .because(principle::CHECKPOINT, paper::CHECKPOINT)
                .with([("snapshot", snapshot.to_string())])
        }
        Event::CheckpointStable { sequence, by, held } => {
            let template = if *held { text::CHECKPOINT_STABLE } else { text::CHECKPOINT_LACKED };
            let by = list(by);
            Explanation::of(fill(template, &[("node", &node), ("sequence", sequence), ("by", &by)]))
                .because(principle::CHECKPOINT, paper::CHECKPOINT)
        }
        Event::TransferBegan { sequence, from, bytes: count } => {
            let count = bytes(*count);
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("sequence", sequence), ("from", from), ("bytes", &count)];
            Explanation::of(fill(text::TRANSFER_BEGAN, &values)).because(principle::TRANSFER, paper::TRANSFER)
        }
        Event::TransferSpoilt { sequence, by } => {
            let sentence = match by {
                Some(by) => fill(text::TRANSFER_SPOILT_BY, &[("node", &node), ("sequence", sequence), ("by", by)]),
                None => fill(text::TRANSFER_SPOILT, &[("node", &node), ("sequence", sequence)]),
            };
            Explanation::of(sentence).because(principle::TRANSFER, paper::TRANSFER)
        }
        Event::Transferred { sequence, index } => {
            Explanation::of(fill(text::TRANSFERRED, &[("node", &node), ("sequence", sequence), ("index", index)]))
                .because(principle::TRANSFER, paper::TRANSFER)
        }
        Event::RequestTimerSet { timeout, attempts } => {
            let template = if *attempts == 0 { text::TIMER } else { text::TIMER_AGAIN };
            let timeout = span(*timeout);
            Explanation::of(fill(template, &[("node", &node), ("timeout", &timeout), ("attempts", attempts)]))
                .because(principle::TIMER, paper::LIVENESS)
        }
        Event::ViewChangeBegan { from, to, reason } => {
            let (principle, paper, reason) = match reason {
                ViewChangeReason::RequestWaited(waited) => {
                    (principle::TIMER, paper::VIEW_CHANGE, fill(text::REQUEST_WAITED, &[("span", &span(*waited))]))
                }
                ViewChangeReason::NewViewMissing(waited) => {
                    (principle::TIMER, paper::LIVENESS, fill(text::NEW_VIEW_MISSING, &[("span", &span(*waited))]))
                }
                ViewChangeReason::OthersLeft { others } => {
                    (principle::JOIN, paper::LIVENESS, fill(text::OTHERS_LEFT, &[("others", others)]))
                }
            };
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("from", &from.0), ("to", &to.0), ("reason", &reason)];
            Explanation::of(fill(text::LEFT, &values)).because(principle, paper)
        }
        Event::ViewChangeCounted { view, from, count, needed } => {
            let values: [(&str, &dyn core::fmt::Display); 5] =
                [("node", &node), ("from", from), ("view", &view.0), ("count", count), ("needed", needed)];
            Explanation::of(fill(text::COUNTED, &values)).because(principle::VIEW_CHANGE, paper::VIEW_CHANGE)
        }
        Event::NewViewMade { view, by, after, through } => {
            let template = if through > after { text::MADE } else { text::MADE_EMPTY };
            let by = list(by);
            let values: [(&str, &dyn core::fmt::Display); 5] =
                [("node", &node), ("view", &view.0), ("by", &by), ("after", after), ("through", through)];
            Explanation::of(fill(template, &values)).because(principle::NEW_VIEW, paper::VIEW_CHANGE)
        }
        Event::NewViewRefused { view, reason } => {
            let reason = match reason {
                NewViewRefusal::ViewChanges => text::BAD_VIEW_CHANGES,
                NewViewRefusal::DoesNotFollow => text::DOES_NOT_FOLLOW,
            };
            let values: [(&str, &dyn core::fmt::Display); 3] =
                [("node", &node), ("view", &view.0), ("reason", &reason)];
            Explanation::of(fill(text::NEW_VIEW_REFUSED, &values)).because(principle::NEW_VIEW, paper::VIEW_CHANGE)
        }
        Event::ViewEntered { view, primary, reordered, missing } => {
            let template = if *missing == 0 { text::ENTERED } else { text::ENTERED_MISSING };
            let values: [(&str, &dyn core::fmt::Display); 5] = [
                ("node", &node),
                ("view", &view.0),
                ("primary", primary),
                ("reordered", reordered),
                ("missing", missing),
            ];
            Explanation::of(fill(template, &values)).because(principle::NEW_VIEW, paper::VIEW_CHANGE)
        }
        Event::AskedForMissing { executed } => {
            Explanation::of(fill(text::ASKED, &[("node", &node), ("executed", executed)]))
                .because(principle::MISSING, paper::NONE)
        }
        Event::Forged { from } => Explanation::of(fill(text::FORGED, &[("node", &node), ("from", from)]))
            .because(principle::SIGNATURE, paper::NONE),
        Event::Ignored { from, reason } => {
            let reason = match reason {
                Ignored::NotAVoter => text::NOT_A_VOTER,
                Ignored::Malformed => text::NOT_HONEST,
                Ignored::OldView => text::OLD_VIEW,
                Ignored::LaterView => text::LATER_VIEW,
                Ignored::OutsideWindow => text::OUTSIDE,
                Ignored::NotNeeded => text::NOT_NEEDED,
            };
            Explanation::of(fill(text::IGNORED, &[("node", &node), ("from", from), ("reason", &reason)]))
        }
    }
}
