//! Why did that happen?
//!
//! Any record becomes a sentence with the values that decided, the rule and its
//! place in the papers ([`explain`]); the records that brought it about become a
//! chain back to its origin ([`chain`]). Each sentence states only what its
//! record holds; what a rule is for in general stands apart, as the principle.
//! Questions that a person asks of a node or an entry are in [`question`].
//! Access is a closure, so that a timeline, a live source and a file serve alike.

use quorumscope_core::record::Record;
use quorumscope_core::types::{NodeId, RecordId, Time};

use crate::scenario::ProtocolName;

mod epoch;
mod event;
mod evidence;
mod ground;
mod hotstuff;
mod hybrid;
#[cfg(test)]
mod instance_tests;
mod lead;
mod pbft;
pub mod question;
mod record;
mod role;
pub mod rounds;
mod snapshot;
mod switch;

pub(crate) use record::{Named, links as link_list, named};

/// Longest chain of causes that is followed: more than a person reads.
pub const MAX_LINKS: usize = 64;

/// Why something happened, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// What happened, with the values that decided.
    pub sentence: String,
    /// What the rule behind it is for; empty where there is none.
    pub principle: &'static str,
    /// The values that decided, each under its name.
    pub values: Vec<(&'static str, String)>,
    /// Names of the switches that this is a case of (`raft.up-to-date-check`).
    pub rules: Vec<&'static str>,
    /// Where it is written ("Raft §5.4.1"); empty where there is nothing to cite.
    pub paper: &'static str,
}

/// One record of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which.
    pub id: RecordId,
    /// When, globally.
    pub at: Time,
    /// Where.
    pub node: Option<NodeId>,
    /// What and why.
    pub explanation: Explanation,
}

/// Where a chain stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At something that came from outside, or from the passing of time.
    Found,
    /// At a cause whose record is not held here.
    Missing(RecordId),
    /// After [`MAX_LINKS`] links; the next cause is named.
    TooFar(RecordId),
}

/// A record and what brought it about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The record itself first, then its cause, and so on back.
    pub links: Vec<Link>,
    /// Where it stops.
    pub origin: Origin,
}

impl Explanation {
    fn of(sentence: String) -> Self {
        Self { sentence, ..Self::default() }
    }

    fn because(mut self, principle: &'static str, paper: &'static str) -> Self {
        self.principle = principle;
        self.paper = paper;
        self
    }

    fn by(mut self, rules: &[quorumscope_core::raft::Rule]) -> Self {
        self.rules.extend(rules.iter().map(|rule| rule.name()));
        self
    }

    fn with(mut self, values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.values.extend(values);
        self
    }
}

/// What `record` says in a run of `protocol`. `lookup` finds the sending of messages that it names.
#[must_use]
pub fn explain<'a>(
    record: &Record,
    protocol: ProtocolName,
    lookup: impl Fn(RecordId) -> Option<&'a Record>,
) -> Explanation {
    record::explain(record, protocol, &lookup)
}

/// The record `id` and all that brought it about, back to the origin.
/// `None` where the record is not held.
#[must_use]
pub fn chain<'a>(
    id: RecordId,
    protocol: ProtocolName,
    lookup: impl Fn(RecordId) -> Option<&'a Record>,
) -> Option<Chain> {
    let mut record = lookup(id)?;
    let mut links = Vec::new();
    loop {
        let explanation = explain(record, protocol, &lookup);
        links.push(Link { id: record.id, at: record.at, node: record.node, explanation });
        let Some(cause) = record.cause else { return Some(Chain { links, origin: Origin::Found }) };
        if links.len() >= MAX_LINKS {
            return Some(Chain { links, origin: Origin::TooFar(cause) });
        }
        match lookup(cause) {
            Some(earlier) => record = earlier,
            None => return Some(Chain { links, origin: Origin::Missing(cause) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::event::{Event, Refusal};
    use quorumscope_core::raft::{Message, RequestVote};
    use quorumscope_core::record::{AnyMessage, Body};
    use quorumscope_core::types::{LogIndex, Mono, Term};

    fn record(sequence: u64, cause: Option<u64>, node: u32, body: Body) -> Record {
        Record {
            id: RecordId { origin: NodeId(0), sequence },
            cause: cause.map(|sequence| RecordId { origin: NodeId(0), sequence }),
            at: Time(sequence * 1_000),
            node: Some(NodeId(node)),
            mono: Mono(0),
            body,
        }
    }

    fn a_refused_vote() -> Vec<Record> {
        let request =
            RequestVote { term: Term(2), last_log_index: LogIndex(5), last_log_term: Term(1), transfer: false };
        let message = AnyMessage::Raft(Message::RequestVote(request));
        let decided = Event::VoteDecided {
            pre_vote: false,
            term: Term(2),
            candidate: NodeId(5),
            candidate_last: (LogIndex(5), Term(1)),
            own_last: (LogIndex(7), Term(1)),
            refusal: Some(Refusal::LogBehind),
        };
        vec![
            record(1, None, 5, Body::DeadlineReached),
            record(2, Some(1), 5, Body::Sent { to: NodeId(4), message, after: None }),
            record(3, Some(2), 4, Body::Delivered { message: RecordId { origin: NodeId(0), sequence: 2 } }),
            record(4, Some(3), 4, Body::Noted(decided)),
        ]
    }

    fn find<'a>(records: &'a [Record]) -> impl Fn(RecordId) -> Option<&'a Record> + use<'a> {
        |id| records.iter().find(|record| record.id == id)
    }

    #[test]
    fn a_chain_leads_back_to_what_came_from_nothing_recorded() {
        let records = a_refused_vote();
        let chain = chain(records[3].id, ProtocolName::Raft, find(&records)).expect("the record is there");
        assert_eq!(chain.origin, Origin::Found);
        let sentences: Vec<_> = chain.links.iter().map(|link| link.explanation.sentence.as_str()).collect();
        assert_eq!(
            sentences,
            [
                "n4 did not vote for n5 in term 2: n5's log is less up to date than its own, last entry (5, t1) against (7, t1).",
                "RequestVote t2 from n5 reached n4.",
                "n5 sent RequestVote t2 to n4.",
                "n5's timer ran out.",
            ]
        );
        assert_eq!(chain.links[0].explanation.rules, ["raft.up-to-date-check"]);
        assert_eq!(chain.links[0].explanation.paper, "Raft §5.4.1");
    }

    #[test]
    fn a_missing_cause_is_named_and_an_unknown_record_has_no_chain() {
        let records = a_refused_vote();
        let chain_without = chain(records[3].id, ProtocolName::Raft, find(&records[2..])).expect("the record is there");
        assert_eq!(chain_without.origin, Origin::Missing(records[1].id));
        assert_eq!(
            chain_without.links[1].explanation.sentence,
            "A message reached n4; the record of its sending is missing here."
        );
        assert_eq!(chain(RecordId { origin: NodeId(9), sequence: 1 }, ProtocolName::Raft, find(&records)), None);
    }

    #[test]
    fn causes_that_run_in_a_circle_end_at_the_bound() {
        let records = [record(1, Some(2), 1, Body::Paused), record(2, Some(1), 1, Body::Resumed)];
        let chain = chain(records[0].id, ProtocolName::Raft, find(&records)).expect("the record is there");
        assert_eq!((chain.links.len(), chain.origin), (MAX_LINKS, Origin::TooFar(records[0].id)));
    }

    #[test]
    fn every_kind_of_record_has_a_whole_sentence_without_an_open_place() {
        let records = crate::trace::file::tests::records();
        for record in &records {
            let sentence = explain(record, ProtocolName::Raft, find(&records)).sentence;
            assert!(!sentence.is_empty() && !sentence.contains(['{', '}']), "{:?}: {sentence}", record.body);
        }
    }
}
