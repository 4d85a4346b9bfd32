//! What does a person ask of a node, an entry or a message?
//!
//! Why is it what it is, why did it (not) vote, why is this not committed, why
//! was that lost. Answers come from records up to the cursor, newest first, or
//! from the view at the cursor; nothing is guessed, and where no record tells,
//! there is no answer.

use std::collections::BTreeSet;

use quorumscope_core::event::Event;
use quorumscope_core::membership::Membership;
use quorumscope_core::quorum::{Majority, QuorumSystem as _, majority};
use quorumscope_core::raft::{Message, Rule};
use quorumscope_core::record::{AnyMessage, Body, Record};
use quorumscope_core::types::{LogIndex, NodeId, RecordId, Term, Ticket};

pub use super::role::why_role;
use super::{Explanation, explain};
use crate::scenario::ProtocolName;
use crate::trace::face;
use crate::trace::view::{NodeView, View};
use crate::trace::words::{fill, list, pair, paper, principle, question as text};

/// The record that answers a question, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where to jump, and where the chain of causes starts.
    pub record: RecordId,
    /// In words.
    pub explanation: Explanation,
}

/// The latest record that `tells`, as an answer.
fn latest<'a>(
    mut newest_first: impl Iterator<Item = &'a Record>,
    lookup: impl Fn(RecordId) -> Option<&'a Record>,
    protocol: ProtocolName,
    tells: impl Fn(&Body) -> bool,
) -> Option<Answer> {
    let record = newest_first.find(|record| tells(&record.body))?;
    Some(Answer { record: record.id, explanation: explain(record, protocol, lookup) })
}

/// Why `voter` gave or refused its latest vote; `candidate` and `term` narrow the question. Pre-votes do not count.
/// Says as well whether the answer waited for the disk.
#[must_use]
pub fn why_vote<'a>(
    newest_first: impl Iterator<Item = &'a Record>,
    lookup: impl Fn(RecordId) -> Option<&'a Record>,
    voter: NodeId,
    candidate: Option<NodeId>,
    term: Option<Term>,
) -> Option<Answer> {
    let is_answer = |id: RecordId| lookup(id).is_some_and(|record| answer_to(record, voter).is_some());
    let mut left = BTreeSet::new();
    let mut answers = Vec::new();
    let mut decided: Option<(&Record, NodeId)> = None;
    for record in newest_first {
        if let Some((vote, _)) = decided
            && (vote.cause.is_none() || record.cause != vote.cause)
        {
            break; // The records of one step stand together and have one cause.
        }
        match &record.body {
            Body::Departed { message, .. } if is_answer(*message) => {
                left.insert(*message);
            }
            Body::Sent { .. } if answer_to(record, voter).is_some() => answers.push(record),
            Body::Noted(Event::VoteDecided { pre_vote: false, candidate: asked, term: of, .. })
                if decided.is_none()
                    && record.node == Some(voter)
                    && candidate.is_none_or(|candidate| candidate == *asked)
                    && term.is_none_or(|term| term == *of) =>
            {
                decided = Some((record, *asked));
            }
            _ => {}
        }
    }
    let (vote, asked) = decided?;
    let mut explanation = explain(vote, ProtocolName::Raft, &lookup);
    let answer = answers.iter().find(|record| vote.cause.is_some() && record.cause == vote.cause);
    if let Some((record, (to, after))) = answer.and_then(|record| Some((record, answer_to(record, voter)?)))
        && to == asked
        && matches!(&vote.body, Body::Noted(Event::VoteDecided { refusal: None, .. }))
    {
        let template = match after {
            None => text::ANSWER_AT_ONCE,
            Some(_) if left.contains(&record.id) => text::ANSWER_LEFT,
            Some(_) => text::ANSWER_WAITS,
        };
        let ticket = after.map_or(0, |ticket| ticket.sequence);
        explanation.sentence.push_str(&fill(template, &[("ticket", &ticket)]));
        explanation = explanation.by(&[Rule::PersistVoteBeforeReply]);
    }
    Some(Answer { record: vote.id, explanation })
}

/// To whom `record` sends `voter`'s answer to a vote request, and what that waits for.
fn answer_to(record: &Record, voter: NodeId) -> Option<(NodeId, Option<Ticket>)> {
    match &record.body {
        Body::Sent { to, message: AnyMessage::Raft(Message::RequestVoteReply(_)), after }
            if record.node == Some(voter) =>
        {
            Some((*to, *after))
        }
        _ => None,
    }
}

/// Why `message` (named by the record that sent it) was lost.
#[must_use]
pub fn why_lost<'a>(
    newest_first: impl Iterator<Item = &'a Record>,
    lookup: impl Fn(RecordId) -> Option<&'a Record>,
    protocol: ProtocolName,
    message: RecordId,
) -> Option<Answer> {
    let tells = |body: &Body| matches!(body, Body::Dropped { message: lost, .. } if *lost == message);
    latest(newest_first, lookup, protocol, tells)
}

/// Who holds an entry, and how: of those who have a say, and of the others.
#[derive(Default)]
struct Holders {
    durable: Vec<NodeId>,
    unsynced: Vec<NodeId>,
    lacking: Vec<NodeId>,
    /// Learners, observers and edges that hold it: their copies count for nothing.
    voteless: Vec<NodeId>,
}

fn term_at(node: &NodeView, index: LogIndex) -> Option<Term> {
    node.term_at(index)
}

fn holders(view: &View, members: &Membership, index: LogIndex, term: Term) -> Holders {
    let mut holders = Holders::default();
    for member in members.members() {
        let node = view.nodes.get(&member);
        let holds = node.is_some_and(|node| term_at(node, index) == Some(term));
        match (holds, node.is_some_and(|node| node.durable >= index)) {
            _ if !members.is_voter(member) => {
                if holds {
                    holders.voteless.push(member);
                }
            }
            (true, true) => holders.durable.push(member),
            (true, false) => holders.unsynced.push(member),
            (false, _) => holders.lacking.push(member),
        }
    }
    holders
}

/// How many of `half` hold an entry, of how many, and how many must: of the voters, or while two halves decide
/// together, of one of them.
fn count(half: &[NodeId], durable: &[NodeId]) -> [u32; 3] {
    let many = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let have = half.iter().filter(|voter| durable.contains(voter)).count();
    [many(have), many(half.len()), majority(many(half.len()))]
}

/// The term of what is committed at `index`: by the oracle, or, where none watches, by a node's commit index.
fn committed_term(view: &View, index: LogIndex) -> Option<Term> {
    let known = || view.nodes.values().find(|node| node.status.commit >= index).and_then(|node| term_at(node, index));
    view.decided.get(&index).copied().or_else(known)
}

/// Whether the entry that `node` holds at `index` is committed, and why (not) yet.
/// `None` where the view does not know the node.
#[must_use]
pub fn why_committed(view: &View, node: NodeId, index: LogIndex) -> Option<Explanation> {
    let here = view.nodes.get(&node)?;
    if index <= here.base.index && index > LogIndex::ZERO {
        let sentence = fill(text::COMPACTED, &[("index", &index), ("node", &node), ("base", &here.base.index)]);
        return Some(Explanation::of(sentence).because(principle::SNAPSHOT, paper::COMPACTION));
    }
    let Some(term) = term_at(here, index) else {
        let last = here.last_index();
        return Some(Explanation::of(fill(text::NOT_HELD, &[("node", &node), ("index", &index), ("last", &last)])));
    };
    // Where nodes may lie terms count over instances: a person is told which one, and the term within it.
    let entry = match view.may_lie() {
        true => format!("{index} ({})", face::term(view.era(), view.epoch_of(term), term)),
        false => pair(index, term),
    };
    match committed_term(view, index) {
        Some(decided) if decided == term => {
            let commit = here.status.commit;
            let template = if commit >= index { text::COMMITTED_LEARNED } else { text::COMMITTED_UNLEARNED };
            let sentence = fill(template, &[("entry", &entry), ("node", &node), ("commit", &commit)]);
            // Where nodes may lie nothing enters the log before it is committed.
            let (principle, paper) = match view.may_lie() {
                true => (principle::IN_LOG_IS_COMMITTED, paper::NONE),
                false => (principle::LEADER_COMMIT, paper::COMMIT),
            };
            Some(Explanation::of(sentence).because(principle, paper))
        }
        Some(other) => {
            let sentence = fill(
                text::OTHER_COMMITTED,
                &[("entry", &entry), ("node", &node), ("era", &view.era()), ("other", &other.within_instance().0)],
            );
            let (principle, paper) = match view.may_lie() {
                true => (principle::TWO_DECIDED, paper::NONE),
                false => (principle::CONFLICT, paper::COMMIT),
            };
            Some(Explanation::of(sentence).because(principle, paper))
        }
        None if view.may_lie() => {
            let sentence = fill(text::NOBODY_ELSE_YET, &[("entry", &entry), ("node", &node)]);
            Some(Explanation::of(sentence).because(principle::IN_LOG_IS_COMMITTED, paper::NONE))
        }
        None => Some(uncommitted(view, index, term)),
    }
}

fn uncommitted(view: &View, index: LogIndex, term: Term) -> Explanation {
    let members = view.members();
    let holders = holders(view, &members, index, term);
    let enough = Majority::of(&members, false).is_quorum(|voter| holders.durable.contains(&voter));
    let [have, of, needed] = count(&members.voters, &holders.durable);
    let outgoing = members.is_joint().then(|| count(&members.outgoing, &holders.durable));
    let (entry, durable) = (pair(index, term), list(&holders.durable));
    let leader = view.leader().and_then(|leader| Some((leader, view.nodes.get(&leader)?.status.term)));
    let older_than = leader.filter(|(_, leads)| *leads > term);
    let held = holders.durable.len();
    let explanation = match older_than {
        _ if !enough => {
            let who = if held == 0 { String::new() } else { fill(text::WHO, &[("nodes", &durable)]) };
            let mut sentence = match outgoing {
                None => fill(text::TOO_FEW, &[("entry", &entry), ("have", &have), ("needed", &needed), ("who", &who)]),
                Some([old, _, most]) => fill(
                    text::TOO_FEW_JOINT,
                    &[
                        ("entry", &entry),
                        ("have", &have),
                        ("needed", &needed),
                        ("old", &old),
                        ("most", &most),
                        ("who", &who),
                    ],
                ),
            };
            for (nodes, template) in [(&holders.unsynced, text::UNSYNCED), (&holders.lacking, text::LACKING)] {
                if !nodes.is_empty() {
                    sentence.push_str(&fill(template, &[("nodes", &list(nodes))]));
                }
            }
            Explanation::of(sentence).because(principle::COMMIT, paper::COMMIT)
        }
        Some((leader, leads)) => Explanation::of(fill(
            text::OLDER_TERM,
            &[
                ("entry", &entry),
                ("have", &held),
                ("nodes", &durable),
                ("leader", &leader),
                ("term", &leads.within_instance().0),
            ],
        ))
        .because(principle::OLDER_TERM, paper::OLDER_TERMS)
        .by(&[Rule::CommitOwnTermOnly]),
        None => Explanation::of(fill(
            text::NOT_IN_TERM,
            &[("entry", &entry), ("have", &held), ("nodes", &durable), ("term", &term.within_instance().0)],
        ))
        .because(principle::COMMIT, paper::COMMIT),
    };
    explained(explanation, &holders.voteless, [have, of, needed], outgoing)
}

/// Adds who holds the entry without a vote, and the numbers; while two halves decide together, of both.
fn explained(
    mut told: Explanation,
    voteless: &[NodeId],
    [have, of, needed]: [u32; 3],
    outgoing: Option<[u32; 3]>,
) -> Explanation {
    if !voteless.is_empty() {
        told.sentence.push_str(&fill(text::VOTELESS, &[("nodes", &list(voteless))]));
    }
    if outgoing.is_some() {
        told = told.by(&[Rule::JointConsensus]);
    }
    let both = |own: String, other: Option<String>| other.map_or(own.clone(), |other| format!("{own} and {other}"));
    let on_disk = both(format!("{have} of {of}"), outgoing.map(|[have, of, _]| format!("{have} of {of}")));
    told.with([("on disk", on_disk), ("needed", both(needed.to_string(), outgoing.map(|[.., most]| most.to_string())))])
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
