//! Does the cluster work again soon after the faults end?
//!
//! Raft promises progress only while "broadcastTime ≪ electionTimeout ≪ MTBF"
//! (Raft paper §5.6), and protocols whose nodes may lie only once messages
//! arrive in time again (PBFT §4.5). So progress is judged after *calm* begins:
//! all links mended, all nodes that will return up, no more loss. From then on a
//! request must be answered within a bound that the protocol's timers give; in
//! Raft a leader must stand as well.

use quorumscope_core::quorum::faulty;
use quorumscope_core::types::{NodeId, Span, Time};

use super::linearizable::History;
use super::property::{LIVENESS, SOMEBODY_ASKS};
use crate::trace::view::Violation;

/// How many of the longest election timeouts a calm Raft cluster may take.
pub const ELECTION_TIMEOUTS: u64 = 10;

/// How long a calm cluster may take whose nodes may lie: 2f+3 of the longest view timers on the slowest clock, the
/// client's time before it asks again, and five link delays for each node.
#[must_use]
pub fn byzantine_bound(nodes: u32, view_timer: Span, client_retry: Span, link: Span) -> Span {
    let timers = u64::from(2 * faulty(nodes) + 3).saturating_mul(view_timer.0);
    Span(timers.saturating_add(client_retry.0).saturating_add(5 * u64::from(nodes) * link.0))
}

/// The same for the hybrid, which may go over to PBFT meanwhile: first an instance decides what that begins with,
/// within the bound of every instance.
#[must_use]
pub fn with_a_switch(bound: Span) -> Span {
    Span(bound.0.saturating_mul(2))
}

/// A calm, and what must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calm {
    /// When the last fault ended.
    pub begins: Time,
    /// How long the cluster may take.
    pub within: Span,
    /// Where a leader must stand: how long a hand-over of leadership may take at that very instant.
    pub hand_over: Option<Span>,
}

impl Calm {
    /// When leader and commit must be there.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.begins + self.within
    }

    /// Judges at the deadline: `leader` is the live leader of the highest term now, `history` what clients saw, and
    /// `waiting` how many of their requests have no answer. `None` where all is well. Where nobody asked and nobody
    /// waits, nothing is said about progress: that is a finding of another name.
    #[must_use]
    pub fn judge(&self, leader: Option<NodeId>, history: &History, waiting: usize) -> Option<Violation> {
        let (begins, deadline) = (millis(self.begins), millis(self.deadline()));
        let mut asked = 0;
        let mut in_time = 0;
        for heard in history.heard_since(self.begins) {
            asked += 1;
            in_time += u64::from(heard.is_some_and(|at| at <= self.deadline()));
        }
        let leads = leader.map_or_else(String::new, |leader| format!(" {leader} leads,"));
        let mut property = LIVENESS;
        let detail = if leader.is_none() && self.hand_over.is_some() {
            format!("calm since {begins} ms, and nobody leads at {deadline} ms")
        } else if asked == 0 && waiting > 0 {
            format!(
                "calm since {begins} ms,{leads} and what clients had asked for ({waiting}) was not answered by {deadline} ms"
            )
        } else if asked == 0 {
            property = SOMEBODY_ASKS;
            format!("calm since {begins} ms,{leads} and no client asked for anything by {deadline} ms")
        } else if in_time == 0 {
            format!(
                "calm since {begins} ms,{leads} and of {asked} requests since then none was answered by {deadline} ms"
            )
        } else {
            return None;
        };
        Some(Violation { at: self.deadline(), node: leader, property: property.into(), detail })
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

    const CALM: Calm = Calm { begins: Time(1_000_000), within: Span(3_000_000), hand_over: Some(Span(300_000)) };
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
        CALM.judge(leader, history, 0).map(|found| found.detail).unwrap_or_default()
    }

    #[test]
    fn a_leader_and_an_answer_in_time_are_progress() {
        assert_eq!(CALM.judge(LEADER, &asked_and_answered(1_000_000, Some(4_000_000)), 0), None);
    }

    #[test]
    fn no_leader_is_no_progress() {
        let history = asked_and_answered(1_000_000, Some(1_100_000));
        assert_eq!(broken(None, &history), "calm since 1000 ms, and nobody leads at 4000 ms");
    }

    #[test]
    fn where_nobody_is_elected_an_answer_is_enough() {
        let calm = Calm { hand_over: None, ..CALM };
        assert_eq!(calm.judge(None, &asked_and_answered(1_000_000, Some(4_000_000)), 0), None);
        assert!(calm.judge(None, &asked_and_answered(1_000_000, None), 1).is_some());
    }

    #[test]
    fn the_bound_counts_timers_for_two_rounds_of_liars_and_more() {
        let bound = |nodes| byzantine_bound(nodes, Span(1_000), Span(7), Span(10)).0;
        assert_eq!((bound(4), bound(7)), (5_207, 7_357));
    }

    #[test]
    fn an_answer_too_late_or_none_is_no_progress() {
        for answered in [None, Some(4_000_001)] {
            assert!(broken(LEADER, &asked_and_answered(1_000_000, answered)).contains("none was answered"));
        }
    }

    #[test]
    fn where_nobody_asks_nothing_is_said_about_progress_unless_somebody_still_waits() {
        let before = asked_and_answered(999_999, Some(1_100_000));
        let judged = |waiting| CALM.judge(LEADER, &before, waiting).expect("no progress was seen");
        assert_eq!(judged(0).property, SOMEBODY_ASKS);
        assert!(judged(0).detail.contains("no client asked"));
        assert_eq!(judged(2).property, LIVENESS);
        assert!(judged(2).detail.contains("what clients had asked for (2) was not answered by 4000 ms"));
    }
}
