//! What becomes of a command that a program proposes at its own node?
//!
//! Either it stands at an index of a term, or there is an error that says
//! whether it may still happen. Answers to such commands stay in the process;
//! those to the relay's clients leave it.

use std::collections::BTreeMap;

use bytes::Bytes;
use quorumscope_core::entry::Proposal;
use quorumscope_core::protocol::Outcome;
use quorumscope_core::types::{ClientId, LogIndex, NodeId, RequestNumber, Term};
use tokio::sync::oneshot;

use crate::store::StoreError;

/// Commands of the process that wait at one node.
const MAX_PENDING: usize = 1_024;

/// Where a command stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// At this index of the log.
    pub index: LogIndex,
    /// In the leader's log of this term.
    pub term: Term,
    /// What the state machine answered, as [`SessionAnswer`](quorumscope_core::machine::session::SessionAnswer)
    /// encodes it. `None` for a relaxed command that this node alone has so far: not yet safe.
    pub result: Option<Bytes>,
}

/// Why a command does not stand anywhere, as far as this node can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Refused: propose it at the leader.
    #[error("this node does not lead; {}", known(*.leader))]
    NotLeader {
        /// Who may know better.
        leader: Option<NodeId>,
    },
    /// Refused: too much is waiting.
    #[error("too much is waiting already; try again later")]
    Overloaded,
    /// Refused for good.
    #[error("the command has {bytes} bytes, and an entry has at most {limit}")]
    TooLarge {
        /// Bytes of its payload.
        bytes: u64,
        /// What an entry may have.
        limit: u32,
    },
    /// Refused: the same client has a request of the same number waiting here.
    #[error("a request of this client with this number waits already; take the next number")]
    Waits,
    /// It was appended, and then the node led no more: it may still happen.
    #[error("the node lost its leadership before the command was committed: it may still happen")]
    LeadershipLost,
    /// There was no answer in time: it may still happen.
    #[error("there was no answer in time: the command may still happen")]
    TimedOut,
    /// The node's store failed, and the node with it: it may still happen, where the store has it or another node.
    #[error("{0}: the node is over, and the command may still happen")]
    Storage(StoreError),
    /// The node runs no more, by itself or because it was told to: it may still happen.
    #[error("the node does not run any more: the command may still happen")]
    Stopped,
}

impl ProposeError {
    /// Whether the command has certainly not happened and will not.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::NotLeader { .. } | Self::Overloaded | Self::TooLarge { .. } | Self::Waits => true,
            Self::LeadershipLost | Self::TimedOut | Self::Storage(_) | Self::Stopped => false,
        }
    }
}

fn known(leader: Option<NodeId>) -> String {
    leader.map_or_else(|| "it knows no leader".into(), |leader| format!("the leader that it knows is {leader}"))
}

/// Who waits for what became of a command.
pub(crate) type Asker = oneshot::Sender<Result<Placed, ProposeError>>;

/// Commands of the process without an outcome; who was told early waits no more, and the outcome is still due.
#[derive(Debug, Default)]
pub(crate) struct Pending(BTreeMap<(ClientId, RequestNumber), Option<Asker>>);

impl Pending {
    /// Remembers who asked. False where the command must not be proposed; the asker knows why.
    pub(crate) fn begin(&mut self, proposal: &Proposal, asker: Asker) -> bool {
        let name = (proposal.client, proposal.number);
        let refusal = match self.0.len() {
            _ if self.0.contains_key(&name) => ProposeError::Waits,
            MAX_PENDING.. => ProposeError::Overloaded,
            _ => {
                self.0.insert(name, Some(asker));
                return true;
            }
        };
        drop(asker.send(Err(refusal)));
        false
    }

    /// The node is over, and nobody will be answered any more: all who wait are told why.
    pub(crate) fn give_up(&mut self, why: &ProposeError) {
        for asker in std::mem::take(&mut self.0).into_values().flatten() {
            // Whoever asked may have gone.
            drop(asker.send(Err(why.clone())));
        }
    }

    /// Takes an answer of the node. False where it is meant for somebody outside.
    pub(crate) fn answer(
        &mut self,
        client: ClientId,
        number: RequestNumber,
        outcome: &Outcome,
        term_at: impl Fn(LogIndex) -> Option<Term>,
    ) -> bool {
        let Some(asker) = self.0.remove(&(client, number)) else { return false };
        if matches!(outcome, Outcome::Accepted { .. }) {
            self.0.insert((client, number), None);
        }
        if let Some(asker) = asker {
            // Whoever asked may have gone.
            drop(asker.send(placed(outcome, term_at)));
        }
        true
    }
}

fn placed(outcome: &Outcome, term_at: impl Fn(LogIndex) -> Option<Term>) -> Result<Placed, ProposeError> {
    match outcome {
        Outcome::Applied { index, result } | Outcome::Read { index, result, .. } => {
            Ok(Placed { index: *index, term: term_at(*index).unwrap_or_default(), result: Some(result.clone()) })
        }
        Outcome::Replied(reply) => {
            Ok(Placed { index: reply.index, term: reply.view, result: Some(reply.result.clone()) })
        }
        Outcome::Accepted { index, term } => Ok(Placed { index: *index, term: *term, result: None }),
        Outcome::NotLeader { leader } => Err(ProposeError::NotLeader { leader: *leader }),
        Outcome::Overloaded => Err(ProposeError::Overloaded),
        Outcome::TooLarge { bytes, limit } => Err(ProposeError::TooLarge { bytes: *bytes, limit: *limit }),
        Outcome::Unknown => Err(ProposeError::LeadershipLost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::entry::{Class, Tags};

    fn proposal(number: u64) -> Proposal {
        let (client, number) = (ClientId(7), RequestNumber(number));
        Proposal { client, number, class: Class::Relaxed, tags: Tags::new(), payload: Bytes::new() }
    }

    fn answer(pending: &mut Pending, number: u64, outcome: &Outcome) -> bool {
        pending.answer(ClientId(7), RequestNumber(number), outcome, |_| Some(Term(3)))
    }

    #[test]
    fn an_early_answer_is_told_and_the_outcome_after_it_stays_in_the_process() {
        let mut pending = Pending::default();
        let (asker, mut asked) = oneshot::channel();
        assert!(pending.begin(&proposal(1), asker));
        let (index, term) = (LogIndex(5), Term(3));
        assert!(answer(&mut pending, 1, &Outcome::Accepted { index, term }));
        assert_eq!(asked.try_recv().unwrap(), Ok(Placed { index, term, result: None }));
        assert!(answer(&mut pending, 1, &Outcome::Unknown), "nobody outside asked for it");
        assert!(!answer(&mut pending, 1, &Outcome::Unknown));
    }

    #[test]
    fn an_outcome_names_the_index_and_its_term() {
        let mut pending = Pending::default();
        let (asker, mut asked) = oneshot::channel();
        assert!(pending.begin(&proposal(1), asker));
        let (again, mut refused) = oneshot::channel();
        assert!(!pending.begin(&proposal(1), again));
        assert_eq!(refused.try_recv().unwrap(), Err(ProposeError::Waits));
        let (index, result) = (LogIndex(5), Bytes::from_static(b"x"));
        assert!(answer(&mut pending, 1, &Outcome::Applied { index, result: result.clone() }));
        assert_eq!(asked.try_recv().unwrap(), Ok(Placed { index, term: Term(3), result: Some(result) }));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut pending = Pending::default();
        for number in 0..MAX_PENDING as u64 {
            assert!(pending.begin(&proposal(number), oneshot::channel().0));
        }
        let (asker, mut refused) = oneshot::channel();
        assert!(!pending.begin(&proposal(MAX_PENDING as u64), asker));
        assert_eq!(refused.try_recv().unwrap(), Err(ProposeError::Overloaded));
    }
}
