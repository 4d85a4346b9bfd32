//! What does a client know of its operation?
//!
//! An answer becomes a sign (yes, no, nobody knows) and a word. How the answer
//! looks on its way is in `messages`.

use quorumscope_core::machine::kv::Answer;
use quorumscope_core::machine::session::SessionAnswer;
use quorumscope_core::protocol::{Outcome, ReadHow};
use quorumscope_core::record::{Fate, Verdict};
use quorumscope_core::types::NodeId;

use super::kinds::Sign;
use crate::trace::view::OperationView;
use crate::trace::words::{face as words, fill};

/// What a client knows of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeFace {
    /// Yes, no, or unknown.
    pub sign: Sign,
    /// In words.
    pub words: String,
}

/// An answer to a client.
#[must_use]
pub fn outcome(outcome: &Outcome) -> OutcomeFace {
    match outcome {
        Outcome::Applied { result, .. } => applied(result),
        Outcome::Replied(reply) => applied(&reply.result),
        Outcome::NotLeader { leader } => OutcomeFace { sign: Sign::Minus, words: not_leader(*leader) },
        Outcome::Overloaded => OutcomeFace { sign: Sign::Minus, words: words::OVERLOADED.into() },
        Outcome::Unknown => OutcomeFace { sign: Sign::Question, words: words::UNKNOWN.into() },
        Outcome::TooLarge { bytes, limit } => {
            OutcomeFace { sign: Sign::Minus, words: fill(words::TOO_LARGE, &[("bytes", bytes), ("limit", limit)]) }
        }
        Outcome::Accepted { index, term } => {
            let term = term.within_instance().0;
            OutcomeFace { sign: Sign::Question, words: fill(words::ACCEPTED, &[("index", index), ("term", &term)]) }
        }
        Outcome::Read { how: ReadHow::Index | ReadHow::Lease, result, .. } => applied(result),
        Outcome::Read { how: ReadHow::Stale, result, .. } => {
            let OutcomeFace { sign, words: value } = applied(result);
            OutcomeFace { sign, words: fill(words::STALE_VALUE, &[("value", &value)]) }
        }
    }
}

fn not_leader(leader: Option<NodeId>) -> String {
    match leader {
        Some(leader) => fill(words::NOT_LEADER_HINT, &[("leader", &leader)]),
        None => words::NOT_LEADER.into(),
    }
}

fn applied(result: &[u8]) -> OutcomeFace {
    let (sign, words) = match SessionAnswer::decode(result) {
        Some(SessionAnswer::Opened(_)) => (Sign::Plus, words::OPENED.into()),
        Some(SessionAnswer::Closed) => (Sign::Plus, words::CLOSED.into()),
        Some(SessionAnswer::Result(bytes)) => match Answer::decode(&bytes) {
            Some(Answer::Value(Some(value))) => (Sign::Plus, value),
            Some(Answer::Value(None)) => (Sign::Plus, words::NOTHING.into()),
            Some(Answer::Refused(refusal)) => (Sign::Minus, fill(words::REFUSED, &[("reason", &refusal)])),
            Some(Answer::Malformed) => (Sign::Minus, words::MALFORMED.into()),
            None => (Sign::Plus, words::DONE.into()),
        },
        Some(SessionAnswer::NoSession) => (Sign::Minus, words::NO_SESSION.into()),
        Some(SessionAnswer::Forgotten) => (Sign::Question, words::FORGOTTEN.into()),
        Some(SessionAnswer::TooManyOutstanding) => (Sign::Minus, words::TOO_MANY.into()),
        Some(SessionAnswer::Malformed) => (Sign::Minus, words::MALFORMED.into()),
        Some(SessionAnswer::NotHere) => (Sign::Minus, words::NOT_HERE.into()),
        None => (Sign::Plus, words::DONE.into()),
    };
    OutcomeFace { sign, words }
}

/// A client's operation; `None` as sign while it waits.
#[must_use]
pub fn operation(operation: &OperationView) -> (Option<Sign>, &'static str) {
    match &operation.told {
        None if operation.heard.is_empty() => (None, words::PENDING),
        None => (Some(Sign::Question), words::NOT_PROVEN),
        Some((_, Verdict::Ok, _)) => (Some(Sign::Plus), words::DONE),
        Some((_, Verdict::Failed, _)) => (Some(Sign::Minus), words::FAILED),
        Some((_, Verdict::Unknown, _)) => (Some(Sign::Question), words::UNKNOWN),
        Some((_, Verdict::Early, _)) => match operation.early {
            Some(Fate::Safe) => (Some(Sign::Plus), words::SAFE_BY_NOW),
            Some(Fate::Lost) => (Some(Sign::Minus), words::LOST),
            Some(Fate::Open) | None => (Some(Sign::Question), words::NOT_YET_SAFE),
        },
    }
}

/// Whether what a client was told is a machine's refusal. The store refuses nothing: there it would be a value.
#[must_use]
pub fn is_refusal(told: &str) -> bool {
    told.starts_with(words::REFUSED_BEGINS)
}
