//! Why does a leader step down, answer a read, or hand over?
//!
//! The sentences for check-quorum, reads beside the log and transfers. Elections
//! and replication are in `event`.

use quorumscope_core::event::{Limit, TransferRefusal};
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::Rule;
use quorumscope_core::types::{LogIndex, NodeId, Span, Term};

use super::Explanation;
use crate::trace::words::{self, count_of_entries, event as text, fill, paper, principle, reads as some, span};

pub(super) fn quorum_unheard(node: NodeId, heard: &[NodeId], within: Span) -> Explanation {
    let heard = words::list(heard);
    Explanation::of(fill(text::QUORUM_UNHEARD, &[("node", &node), ("heard", &heard), ("span", &span(within))]))
        .because(principle::CHECK_QUORUM, paper::CHECK_QUORUM)
        .by(&[Rule::CheckQuorum, Rule::VotersConfirm])
        .with([("heard", heard), ("longest election timeout", span(within))])
}

pub(super) fn reads_forwarded(node: NodeId, leader: NodeId, reads: u32) -> Explanation {
    Explanation::of(fill(text::READS_FORWARDED, &[("node", &node), ("leader", &leader), ("reads", &some(reads))]))
        .because(principle::READ_INDEX, paper::READS)
}

pub(super) fn reads_held(node: NodeId, reads: u32, term: Term) -> Explanation {
    Explanation::of(fill(text::READS_HELD, &[("node", &node), ("reads", &some(reads)), ("term", &term.0)]))
        .because(principle::OWN_TERM_FIRST, paper::READS)
        .by(&[Rule::ReadWaitsForOwnTermCommit])
}

/// A round of reads, begun or confirmed.
pub(super) fn round(template: &str, node: NodeId, round: u64, reads: u32, index: LogIndex) -> Explanation {
    let values: [(&str, &dyn core::fmt::Display); 4] =
        [("node", &node), ("round", &round), ("reads", &some(reads)), ("index", &index)];
    Explanation::of(fill(template, &values))
        .because(principle::READ_INDEX, paper::READS)
        .by(&[Rule::ReadIndexConfirmsLeadership, Rule::VotersConfirm])
        .with([("round", round.to_string()), ("read index", index.to_string())])
}

pub(super) fn read_by_lease(node: NodeId, index: LogIndex, left: Span) -> Explanation {
    Explanation::of(fill(text::READ_LEASE, &[("node", &node), ("index", &index), ("left", &span(left))]))
        .because(principle::LEASE, paper::LEASE)
        .by(&[Rule::LeaseFromSend, Rule::LeaseDriftBound, Rule::LeaseEndsAtTransfer, Rule::VoteLease])
        .with([("read index", index.to_string()), ("lease left", span(left))])
}

pub(super) fn read_served(node: NodeId, index: LogIndex, how: ReadHow) -> Explanation {
    let (template, principle, paper) = match how {
        ReadHow::Index => (text::READ_INDEX_SERVED, principle::READ_INDEX, paper::READS),
        ReadHow::Lease => (text::READ_LEASE_SERVED, principle::LEASE, paper::LEASE),
        ReadHow::Stale => (text::READ_STALE_SERVED, principle::STALE, paper::READS),
    };
    Explanation::of(fill(template, &[("node", &node), ("index", &index)])).because(principle, paper)
}

pub(super) fn reads_refused(node: NodeId, reads: u32, leader: Option<NodeId>) -> Explanation {
    let template = if leader.is_some() { text::READS_REFUSED_LEADER } else { text::READS_REFUSED };
    let leader = words::list(leader.as_slice());
    Explanation::of(fill(template, &[("node", &node), ("reads", &some(reads)), ("leader", &leader)]))
        .because(principle::NOT_LEADER, paper::READS)
}

pub(super) fn transfer_began(node: NodeId, to: NodeId, lacks: u64, within: Span) -> Explanation {
    let lacks = count_of_entries(lacks);
    let values: [(&str, &dyn core::fmt::Display); 4] =
        [("node", &node), ("to", &to), ("entries", &lacks), ("span", &span(within))];
    Explanation::of(fill(text::TRANSFER_BEGAN, &values))
        .because(principle::TRANSFER, paper::TRANSFER)
        .by(&[Rule::TransferHasDeadline])
        .with([("lacks", lacks), ("given up after", span(within))])
}

pub(super) fn transfer_refused(node: NodeId, to: NodeId, reason: TransferRefusal) -> Explanation {
    let (reason, other) = match reason {
        TransferRefusal::NotLeader => (text::TRANSFER_NOT_LEADER, to),
        TransferRefusal::LeadsAlready => (text::TRANSFER_LEADS, to),
        TransferRefusal::NotAVoter => (text::TRANSFER_NO_VOTE, to),
        TransferRefusal::UnderWay(other) => (text::TRANSFER_UNDER_WAY, other),
    };
    let reason = fill(reason, &[("to", &to), ("other", &other)]);
    Explanation::of(fill(text::TRANSFER_REFUSED, &[("node", &node), ("to", &to), ("reason", &reason)]))
        .because(principle::NONE, paper::TRANSFER)
}

/// What happens to a transfer between a node and the other one of it.
pub(super) fn transfer(template: &str, node: NodeId, to: NodeId) -> Explanation {
    Explanation::of(fill(template, &[("node", &node), ("to", &to)])).because(principle::TRANSFER, paper::TRANSFER)
}

/// A bound in words.
pub(super) fn limit(limit: Limit) -> String {
    match limit {
        Limit::Entries(count) => count_of_entries(u64::from(count)),
        Limit::Bytes(count) => words::bytes(u64::from(count)),
    }
}

pub(super) fn too_large(node: NodeId, bytes: u64, limit: u32) -> Explanation {
    let (bytes, limit) = (words::bytes(bytes), words::bytes(u64::from(limit)));
    Explanation::of(fill(text::REFUSED_PROPOSAL_LARGE, &[("node", &node), ("bytes", &bytes), ("limit", &limit)]))
        .because(principle::NONE, paper::CLIENTS)
}

pub(super) fn window_full(node: NodeId, follower: NodeId, bound: Limit) -> Explanation {
    let limit = limit(bound);
    Explanation::of(fill(text::WINDOW_FULL, &[("node", &node), ("follower", &follower), ("limit", &limit)]))
        .because(principle::NONE, paper::NONE)
        .with([("window", limit)])
}

pub(super) fn answered_early(node: NodeId, index: LogIndex, term: Term, commit: LogIndex) -> Explanation {
    let values: [(&str, &dyn core::fmt::Display); 4] =
        [("node", &node), ("index", &index), ("term", &term.0), ("commit", &commit)];
    Explanation::of(fill(text::ANSWERED_EARLY, &values))
        .because(principle::EARLY, paper::NONE)
        .by(&[Rule::EarlyAnswerIsDurable])
        .with([("entry", words::pair(index, term)), ("committed up to", commit.to_string())])
}

pub(super) fn preferred(node: NodeId, to: NodeId, zone: u32, own: Option<u32>, calm: Span) -> Explanation {
    // People count from 1.
    let (zone, own) = (zone.saturating_add(1), own.map(|own| own.saturating_add(1)));
    let own = own.map_or_else(|| text::NO_ZONE.to_owned(), |own| fill(text::ZONE, &[("zone", &own)]));
    let values: [(&str, &dyn core::fmt::Display); 5] =
        [("node", &node), ("to", &to), ("zone", &zone), ("own", &own), ("span", &span(calm))];
    Explanation::of(fill(text::PREFERRED, &values))
        .because(principle::PREFERENCE, paper::TRANSFER)
        .by(&[Rule::HandOverInCalm])
        .with([("zone of the target", zone.to_string()), ("own zone", own), ("calm for", span(calm))])
}
