//! Does the cluster work again soon after the faults end?
//!
//! Raft promises progress only while "broadcastTime ≪ electionTimeout ≪ MTBF"
//! (Raft paper §5.6). So progress is judged after *calm* begins: all links
//! mended, all nodes that will return up, no more loss. From then on a leader
//! must stand and a request sent after calm must be answered within ten maximal
//! election timeouts.

use quorumscope_core::types::{NodeId, Span, Time};

use super::linearizable::History;
use super::property::LIVENESS;
use crate::trace::view::Violation;

/// How many of the longest election timeouts a calm cluster may take.
pub const ELECTION_TIMEOUTS: u64 = 10;

/// A calm, and what must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calm {
    /// When the last fault ended.
    pub begins: Time,
    /// The longest election timeout of any node, on its slowest clock.
    pub longest_election_timeout: Span,
}

impl Calm {
    /// When leader and commit must be there.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.begins + Span(self.longest_election_timeout.0.saturating_mul(ELECTION_TIMEOUTS))
    }

    /// Judges at the deadline: `leader` is the live leader of the highest term now, `history` what clients saw.
    /// `None` where all is well.
    #[must_use]
    pub fn judge(&self, leader: Option<NodeId>, history: &History) -> Option<Violation> {
        let (begins, deadline) = (millis(self.begins), millis(self.deadline()));
        let mut asked = 0;
        let mut in_time = 0;
        for heard in history.heard_since(self.begins) {
            asked += 1;
            in_time += u64::from(heard.is_some_and(|at| at <= self.deadline()));
        }
        let detail = match leader {
            None => format!("calm since {begins} ms, and nobody leads at {deadline} ms"),
            Some(leader) if asked == 0 => {
                format!("calm since {begins} ms, {leader} leads, and no client asked for anything by {deadline} ms")
            }
            Some(leader) if in_time == 0 => format!(
                "calm since {begins} ms, {leader} leads, and of {asked} requests since then none was answered by \
                 {deadline} ms"
            ),
            Some(_) => return None,
        };
        Some(Violation { at: self.deadline(), node: leader, property: LIVENESS.into(), detail })
    }
}

fn millis(time: Time) -> u64 {
    time.0 / 1_000
}

#[cfg(test)]
mod tests {
    use quorumscope_core::machine::kv::Operation;
    use quorumscope_core::types::{ClientId, RequestNumber};

    use super::*;

    const CALM: Calm = Calm { begins: Time(1_000_000), longest_election_timeout: Span(300_000) };
    const LEADER: Option<NodeId> = Some(NodeId(2));

    fn asked_and_answered(asked: u64, answered: Option<u64>) -> History {
        let mut history = History::default();
        let name = (ClientId(1), RequestNumber(1));
        history.invoke(Time(asked), name.0, name.1, Operation::Get { key: "x".into() }.into());
        if let Some(at) = answered {
            history.answer(Time(at), name.0, name.1, None);
        }
        history
    }

    fn broken(leader: Option<NodeId>, history: &History) -> String {
        CALM.judge(leader, history).map(|found| found.detail).unwrap_or_default()
    }

    #[test]
    fn a_leader_and_an_answer_in_time_are_progress() {
        assert_eq!(CALM.judge(LEADER, &asked_and_answered(1_000_000, Some(4_000_000))), None);
    }

    #[test]
    fn no_leader_is_no_progress() {
        let history = asked_and_answered(1_000_000, Some(1_100_000));
        assert_eq!(broken(None, &history), "calm since 1000 ms, and nobody leads at 4000 ms");
    }

    #[test]
    fn an_answer_too_late_or_none_is_no_progress() {
        for answered in [None, Some(4_000_001)] {
            assert!(broken(LEADER, &asked_and_answered(1_000_000, answered)).contains("none was answered"));
        }
    }

    #[test]
    fn a_request_from_before_the_calm_does_not_count() {
        assert!(broken(LEADER, &asked_and_answered(999_999, Some(1_100_000))).contains("no client asked"));
    }
}
