//! Which words, rule and section belong to an event of HotStuff?
//!
//! Arms stand in the order of [`Event`]. Words are in `words::hotstuff`.

use core::fmt::Display;

use quorumscope_core::bft::hotstuff::{Event, IgnoreReason, ViewReason, VoteRefusal};
use quorumscope_core::types::NodeId;

use super::{Explanation, ground};
use crate::scenario::ProtocolName;
use crate::trace::words::hotstuff::{event as text, paper, principle};
use crate::trace::words::{blocks, bytes, fill, list, requests, span};

/// The sentence for what `node` noted.
pub(super) fn explain(node: NodeId, event: &Event) -> Explanation {
    let told = |template: &str, values: &[(&str, &dyn Display)]| {
        let all: Vec<_> = [("node", &node as &dyn Display)].into_iter().chain(values.iter().copied()).collect();
        Explanation::of(fill(template, &all))
    };
    match event {
        Event::ViewEntered { view, leader, reason } => {
            let (template, paper) = match reason {
                ViewReason::Started => (text::ENTERED_STARTED, paper::NONE),
                ViewReason::Certificate => (text::ENTERED_CERTIFIED, paper::PACEMAKER),
                ViewReason::TimeoutCertificate => (text::ENTERED_TIMEOUT, paper::TIMEOUTS),
                ViewReason::Alone => (text::ENTERED_ALONE, paper::TIMEOUTS),
            };
            let entered = told(template, &[("view", &view.0), ("leader", leader)]);
            match reason {
                ViewReason::Started => ground::survives(entered, ProtocolName::HotStuff),
                ViewReason::Certificate | ViewReason::TimeoutCertificate | ViewReason::Alone => {
                    entered.because(principle::ROTATE, paper)
                }
            }
        }
        Event::Proposed { view, block, justify, requests: count } => {
            let count = requests(*count);
            told(text::PROPOSED, &[("view", &view.0), ("block", block), ("requests", &count), ("justify", &justify.0)])
                .because(principle::CHAIN, paper::CHAINED)
        }
        Event::Voted { view, block, justify, lock } => {
            told(text::VOTED, &[("view", &view.0), ("block", block), ("justify", &justify.0), ("lock", &lock.0)])
                .because(principle::VOTE, paper::SAFE_NODE)
        }
        Event::VoteRefused { view, block, reason } => {
            let (principle, reason) = match reason {
                VoteRefusal::Voted { voted } => {
                    (principle::ONE_VOTE, fill(text::REFUSED_VOTED, &[("voted", &voted.0)]))
                }
                VoteRefusal::Unsafe { justify, lock } => {
                    (principle::LOCK, fill(text::REFUSED_UNSAFE, &[("justify", &justify.0), ("lock", &lock.0)]))
                }
                VoteRefusal::LogTime { stamp, clock } => {
                    (principle::LOG_TIME, fill(text::REFUSED_TIME, &[("stamp", stamp), ("clock", clock)]))
                }
                VoteRefusal::Equivocation => (principle::ONE_VOTE, text::REFUSED_TWICE.into()),
                VoteRefusal::TooLong => (principle::BOUNDED, text::REFUSED_LONG.into()),
            };
            told(text::REFUSED, &[("view", &view.0), ("block", block), ("reason", &reason)])
                .because(principle, paper::SAFE_NODE)
        }
        Event::VoteCounted { view, block, voter, have, needed, in_timeout } => {
            let (template, principle) = if *in_timeout {
                (text::COUNTED_LATE, principle::LAST_VOTE)
            } else {
                (text::COUNTED, principle::CERTIFICATE)
            };
            let values: [(&str, &dyn Display); 5] =
                [("view", &view.0), ("block", block), ("voter", voter), ("have", have), ("needed", needed)];
            told(template, &values).because(principle, paper::CERTIFICATE)
        }
        Event::CertificateFormed { view, block, voters } => {
            let voters = list(voters);
            told(text::CERTIFIED, &[("view", &view.0), ("block", block), ("voters", &voters)])
                .because(principle::CERTIFICATE, paper::CERTIFICATE)
        }
        Event::HighCertificate { view, block } => {
            told(text::HIGH, &[("view", &view.0), ("block", block)]).because(principle::CHAIN, paper::CHAINED)
        }
        Event::Locked { view, block } => {
            told(text::LOCKED, &[("view", &view.0), ("block", block)]).because(principle::LOCK, paper::SAFE_NODE)
        }
        Event::Committed { view, block, blocks: count, index } => {
            let count = blocks(*count);
            told(text::COMMITTED, &[("view", &view.0), ("block", block), ("blocks", &count), ("index", index)])
                .because(principle::COMMIT, paper::COMMIT)
        }
        Event::CommitHeld { views: [first, second, third] } => {
            told(text::HELD, &[("first", &first.0), ("second", &second.0), ("third", &third.0)])
                .because(principle::CONSECUTIVE, paper::COMMIT)
        }
        Event::TimedOut { view, waited, others } => {
            let template = if *others == 0 { text::TIMED_OUT } else { text::TIMED_OUT_JOINED };
            let waited = span(*waited);
            told(template, &[("view", &view.0), ("waited", &waited), ("others", others)])
                .because(principle::TIMEOUT, paper::TIMEOUTS)
        }
        Event::TimeoutCounted { view, voter, have, needed } => {
            told(text::TIMEOUT_COUNTED, &[("view", &view.0), ("voter", voter), ("have", have), ("needed", needed)])
                .because(principle::LAST_VOTE, paper::TIMEOUTS)
        }
        Event::TimeoutCertificateFormed { view, highest } => {
            told(text::TIMEOUT_CERTIFIED, &[("view", &view.0), ("highest", &highest.0)])
                .because(principle::TIMEOUT, paper::TIMEOUTS)
        }
        Event::FetchBegan { block, view, from } => {
            told(text::FETCH_BEGAN, &[("block", block), ("view", &view.0), ("from", from)])
                .because(principle::FETCH, paper::NONE)
        }
        Event::Fetched { blocks: count, view } => {
            told(text::FETCHED, &[("blocks", &blocks(*count)), ("view", &view.0)])
                .because(principle::FETCH, paper::NONE)
        }
        Event::CheckpointStable { index, signers } => {
            told(text::CHECKPOINT_STABLE, &[("index", index), ("signers", &list(signers))])
                .because(principle::CHECKPOINT, paper::CHECKPOINT)
        }
        Event::TransferBegan { index, from, bytes: count } => {
            told(text::TRANSFER_BEGAN, &[("index", index), ("from", from), ("bytes", &bytes(*count))])
                .because(principle::CHECKPOINT, paper::CHECKPOINT)
        }
        Event::TransferSpoilt { by: Some(by) } => {
            told(text::TRANSFER_SPOILT_BY, &[("by", by)]).because(principle::CHECKPOINT, paper::NONE)
        }
        Event::TransferSpoilt { by: None } => {
            told(text::TRANSFER_SPOILT, &[]).because(principle::CHECKPOINT, paper::NONE)
        }
        Event::StateInstalled { index } => {
            told(text::INSTALLED, &[("index", index)]).because(principle::CHECKPOINT, paper::CHECKPOINT)
        }
        Event::Ignored { from, reason } => {
            let reason = match reason {
                IgnoreReason::NotAVoter => text::NOT_A_VOTER,
                IgnoreReason::Outdated => text::OUTDATED,
                IgnoreReason::Malformed => text::MALFORMED,
                IgnoreReason::NotTheLeader => text::NOT_LEADER,
                IgnoreReason::CertificateOfAnotherView => text::OTHER_VIEW,
                IgnoreReason::NotAsked => text::NOT_ASKED,
            };
            told(text::IGNORED, &[("from", from), ("reason", &reason)]).because(principle::NONE, paper::NONE)
        }
        Event::Forged { from } => told(text::FORGED, &[("from", from)]).because(principle::SIGNATURE, paper::NONE),
    }
}
