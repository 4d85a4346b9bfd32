//! Whom has a leader heard, and since when is it proven that it leads?
//!
//! Appends carry the number of a round and their answers bring it back. A round
//! that a quorum has answered proves that the node led when the round was sent
//! (thesis §6.4): lease and check-quorum count from then. How long a lease lasts
//! is a setting and not told here.

use quorumscope_core::few;
use quorumscope_core::quorum::{Majority, QuorumSystem as _};
use quorumscope_core::raft::Message;
use quorumscope_core::record::{AnyMessage, Body, Record, Role};
use quorumscope_core::types::{NodeId, RecordId, Term, Time};

use super::super::view::View;

/// What a leader knows of the rounds of its term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// The latest one that it has sent.
    pub latest: u64,
    /// Who answered last which round, and when that arrived; sorted by node.
    pub heard: Vec<(NodeId, u64, Time)>,
    /// The latest one that a quorum has answered, and when it was sent.
    pub proven: Option<(u64, Time)>,
}

/// The rounds of a leader, told from the records before the cursor; `None` where it does not lead.
pub fn rounds<'a>(
    newest_first: impl Iterator<Item = &'a Record>,
    lookup: impl Fn(RecordId) -> Option<&'a Record>,
    view: &View,
    leader: NodeId,
) -> Option<Rounds> {
    let node = view.nodes.get(&leader).filter(|node| node.status.role == Role::Leader)?;
    let term = node.status.term;
    let (mut sent, mut heard) = (Vec::<(u64, Time)>::new(), Vec::<(NodeId, u64, Time)>::new());
    for record in newest_first.filter(|record| record.node == Some(leader)) {
        match &record.body {
            Body::Sent { message, .. } => match (round_of(message, term), sent.last_mut()) {
                // Going back, the last one found of a round is the first one that was sent.
                (Some((round, false)), Some(last)) if last.0 == round => last.1 = record.at,
                (Some((round, false)), _) => sent.push((round, record.at)),
                (Some((_, true)) | None, _) => {}
            },
            Body::Delivered { message } => {
                let Some(Record { node: Some(from), body: Body::Sent { message, .. }, .. }) = lookup(*message) else {
                    continue;
                };
                if let Some((round, true)) = round_of(message, term)
                    && !heard.iter().any(|(node, ..)| node == from)
                {
                    heard.push((*from, round, record.at));
                }
            }
            _ => {}
        }
    }
    let quorum = Majority::of(&view.members_at(node), false);
    let answered = |voter: NodeId, round: u64| {
        voter == leader || heard.iter().any(|(node, own, _)| *node == voter && *own >= round)
    };
    let proven = sent.iter().find(|(round, _)| quorum.is_quorum(|voter| answered(voter, *round))).copied();
    few::sort(&mut heard, |a, b| a.0 < b.0);
    Some(Rounds { latest: sent.first()?.0, heard, proven })
}

/// The round of a message of this term, and whether it is an answer.
fn round_of(message: &AnyMessage, of: Term) -> Option<(u64, bool)> {
    let AnyMessage::Raft(message) = message else { return None };
    let (term, round, answer) = match message {
        Message::AppendEntries(append) => (append.term, append.round, false),
        Message::InstallSnapshot(install) => (install.term, install.round, false),
        Message::AppendEntriesReply(reply) => (reply.term, reply.round, true),
        Message::InstallSnapshotReply(reply) => (reply.term, reply.round, true),
        Message::PreVote(_)
        | Message::PreVoteReply(_)
        | Message::RequestVote(_)
        | Message::RequestVoteReply(_)
        | Message::ReadIndex(_)
        | Message::ReadIndexReply(_)
        | Message::TimeoutNow(_)
        // These go to those without a vote.
        | Message::FeedEdge(_)
        | Message::Relay(_)
        | Message::Relayed(_) => return None,
    };
    (term == of).then_some((round, answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Run, Scenario};
    use crate::trace::timeline::Timeline;

    const CHECK_QUORUM: &str = include_str!("../../../../tests/scenarios/check-quorum.toml");

    fn rounds_at(milliseconds: u64) -> (Rounds, View) {
        let scenario = Scenario::from_toml(CHECK_QUORUM).expect("it is a scenario");
        let mut run = Run::new(&scenario).expect("it can run");
        run.run_until(Time(milliseconds * 1_000));
        let mut timeline = Timeline::default();
        timeline.push(run.take_records());
        let view = run.simulation().view();
        let leader = view.leader().expect("somebody leads");
        let lookup = |id| timeline.find(id).and_then(|found| timeline.record(found));
        let newest_first = (0..timeline.len()).rev().filter_map(|at| timeline.record(at));
        let found = rounds(newest_first, lookup, &view, leader).expect("it leads");
        (found, view)
    }

    #[test]
    fn a_leader_that_hears_everybody_has_proven_its_last_round_or_the_one_before() {
        let (rounds, view) = rounds_at(900);
        let (round, sent) = rounds.proven.expect("a quorum answers");
        assert_eq!(rounds.heard.len(), 4);
        assert!(round + 1 >= rounds.latest && view.at - sent < quorumscope_core::types::Span::from_millis(120));
    }

    #[test]
    fn a_leader_that_is_cut_off_sends_rounds_that_no_quorum_answers() {
        let (before, _) = rounds_at(1_000);
        let (cut_off, _) = rounds_at(1_200);
        let (before, after) = (before.proven.expect("one was"), cut_off.proven.expect("one was"));
        assert!(after.0 <= before.0 + 1, "only what was on its way is still answered");
        assert!(cut_off.latest > after.0 + 1);
    }
}
