//! Which words, rule and section belong to an event about epochs?
//!
//! Words are in `words::epoch`.

use quorumscope_core::bft::epoch::Event;
use quorumscope_core::rules::Rule;
use quorumscope_core::types::NodeId;

use super::Explanation;
use crate::trace::words::epoch::{event as text, paper, principle};
use crate::trace::words::{fill, list, may_lie};

/// The sentence for what `node` noted.
pub(super) fn explain(node: NodeId, event: &Event) -> Explanation {
    match event {
        Event::ChangeVoid { reason } => Explanation::of(fill(text::VOID, &[("node", &node), ("reason", reason)]))
            .because(principle::ONE_EPOCH, paper::EPOCHS),
        Event::ChangeRefused => Explanation::of(fill(text::REFUSED, &[("node", &node)]))
            .because(principle::OPERATOR, paper::EPOCHS)
            .by(&[Rule::EpochChangeByOperatorOnly]),
        Event::ChangeUnheard { votes } => {
            let reason = if *votes { text::NO_STORE } else { text::NO_VOTE };
            Explanation::of(fill(text::UNHEARD, &[("node", &node), ("reason", &reason)]))
                .because(principle::OPERATOR, paper::EPOCHS)
        }
        Event::Ended { epoch, sequence, voters } => {
            let voters = list(voters);
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("epoch", epoch), ("sequence", sequence), ("voters", &voters)];
            Explanation::of(fill(text::ENDED, &values))
                .because(principle::END, paper::EPOCHS)
                .by(&[Rule::EpochEndsAtChange])
                .with([("epoch", epoch.to_string()), ("n", sequence.to_string()), ("voters", voters.clone())])
        }
        Event::LinkSigned { epoch, sequence } => {
            let values: [(&str, &dyn core::fmt::Display); 3] =
                [("node", &node), ("epoch", epoch), ("sequence", sequence)];
            Explanation::of(fill(text::SIGNED, &values)).because(principle::LINK, paper::EPOCHS)
        }
        Event::Begun { epoch, sequence, voters, by, with_state, votes } => {
            let template = match (votes, with_state) {
                (false, _) => text::RETIRED,
                (true, true) => text::BEGUN,
                (true, false) => text::BEGUN_WITHOUT,
            };
            let (may, voters, by) = (may_lie(voters), list(voters), list(by));
            let values: [(&str, &dyn core::fmt::Display); 5] =
                [("node", &node), ("epoch", epoch), ("sequence", sequence), ("voters", &voters), ("may", &may)];
            Explanation::of(fill(template, &values))
                .because(principle::ROOT, paper::EPOCHS)
                .by(&[Rule::EpochLinkOfQuorum])
                .with([("epoch", epoch.to_string()), ("n", sequence.to_string()), ("link signed by", by)])
        }
        Event::LinkRefused { from } => Explanation::of(fill(text::LINK_REFUSED, &[("node", &node), ("from", from)]))
            .because(principle::LINK, paper::EPOCHS)
            .by(&[Rule::EpochLinkOfQuorum]),
        Event::Behind { from, epoch } => {
            let values: [(&str, &dyn core::fmt::Display); 3] = [("node", &node), ("from", from), ("epoch", epoch)];
            Explanation::of(fill(text::BEHIND, &values)).because(principle::BEHIND, paper::EPOCHS)
        }
    }
}
