//! How does a cluster serve more readers than it has voters?
//!
//! *Observers* get what is committed and answer reads; they never vote, never
//! campaign and are never promoted (the membership keeps them in a list of their
//! own). A read at an observer is a read index from the leader and a wait for
//! application (thesis §6.4, "followers can help offload"), or stale and marked
//! as such; both are the same code as at a follower, in `reads`.
//!
//! There may be many of them, and they must not slow the quorum:
//! * they are in no quorum, no check-quorum and no lease. An answer of an observer
//!   proves nothing: it may stand on the wrong side of a partition with a deposed
//!   leader and hear it well (`raft.voters-confirm`);
//! * they take no part in rounds, so a read costs as many messages as before;
//! * the leader feeds them committed entries only, so that an append tells what may
//!   be applied at once, and nothing that they hold is ever taken back;
//! * an append that is not full waits for the answer to the one before it. Under
//!   load an observer costs a message a round trip and not a message a commit.
//!
//! An observer that leaves is sent the entry that removes it when that is
//! committed, once: who misses it forgets its silent leader, and serves stale reads.
//!
//! Who stands far from the leader may be fed by a voter near it: see `feeders`.

use super::progress::{Mode, Progress, position_of};
use super::role::{Leader, Role};
use super::{Effects, Raft};
use crate::membership::Membership;
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::{LogIndex, NodeId};

/// What a leader sends to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    /// To voters and learners: its whole log, as soon as it can.
    Log,
    /// To observers: what is committed; what does not fill an append waits for the answer to the one before.
    Committed,
    /// To an observer whose removal is committed: the same, and nothing waits.
    Farewell,
}

/// What a leader keeps of its observers. Their progress stands behind that of all others, which is looked up often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observers {
    /// How many are fed before the first of them.
    first: usize,
    /// Up to where they were fed what is committed.
    fed: LogIndex,
    /// Whether a learner has a feeder: then it gets what is committed as well.
    pub(super) learners_too: bool,
}

impl Observers {
    pub(super) fn among(progress: &[Progress]) -> Self {
        let first = progress.iter().take_while(|progress| progress.feed == Feed::Log).count();
        Self { first, fed: LogIndex::ZERO, learners_too: false }
    }
}

impl Leader {
    /// How many are fed the log itself: voters, learners, and voters that leave. Their positions are the first ones.
    pub(super) fn followers(&self) -> usize {
        self.observers.first
    }

    /// Where a follower or an observer stands.
    pub(super) fn position_of(&self, node: NodeId) -> Option<usize> {
        let (followers, observers) = self.progress.split_at_checked(self.followers())?;
        let observer = || Some(followers.len() + position_of(observers, node)?);
        position_of(followers, node).or_else(observer)
    }

    pub(super) fn progress_of(&self, node: NodeId) -> Option<&Progress> {
        self.position_of(node).and_then(|position| self.progress.get(position))
    }

    fn positions_of_observers(&self) -> core::ops::Range<usize> {
        self.observers.first..self.progress.len()
    }
}

impl Progress {
    /// How many entries of `room` may go to an observer; `full` is as many as an append takes.
    pub(super) fn committed_room(&self, room: u32, full: u32, commit: LogIndex) -> u32 {
        let lacks = u32::try_from(commit.next().0.saturating_sub(self.next.0)).unwrap_or(u32::MAX);
        let unanswered = self.mode == Mode::Replicate && self.next > self.matched.next();
        let waits = self.feed == Feed::Committed && unanswered && lacks < full;
        if waits { 0 } else { room.min(lacks) }
    }
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Sends observers what was committed since they were last fed, at the end of a step.
    #[inline]
    pub(super) fn feed_observers(&mut self, out: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        let anybody = leader.observers.first < leader.progress.len() || leader.observers.learners_too;
        if !anybody || leader.observers.fed == self.commit_index {
            return;
        }
        self.feed_all_observers(out);
    }

    #[inline(never)]
    fn feed_all_observers(&mut self, out: &mut Effects) {
        let Role::Leader(leader) = &mut self.role else { return };
        leader.observers.fed = self.commit_index;
        let first = if leader.observers.learners_too { 0 } else { leader.observers.first };
        for position in first..leader.progress.len() {
            self.replicate_to(position, out);
        }
    }

    /// Shows observers that the leader lives. What it sends also tells of appends that were lost.
    pub(super) fn remind_observers(&mut self, out: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        for position in leader.positions_of_observers() {
            self.send_heartbeat(position, out);
        }
    }

    /// Sends those who leave the entry that says so, before they are let go.
    pub(super) fn part_with_observers(&mut self, out: &mut Effects) {
        let members = &self.members.current().1;
        let Role::Leader(leader) = &mut self.role else { return };
        for progress in leader.progress.iter_mut().skip(leader.observers.first) {
            if !members.contains(progress.node) {
                progress.feed = Feed::Farewell;
            }
        }
        self.feed_all_observers(out);
    }

    /// Whose answers prove that this leader leads, where that is not for the voters alone to say; `None` where it
    /// is. A leader that trusts anybody's answers goes on, and answers reads, without its quorum.
    pub(super) fn anybody_confirms(&self) -> Option<Q> {
        if self.on(Rule::VotersConfirm) {
            return None;
        }
        let anybody = Membership::of(self.membership().members().collect());
        Some(Q::of(&anybody, !self.on(Rule::MajorityQuorum)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observer(matched: u64, next: u64, mode: Mode) -> Progress {
        let (matched, next) = (LogIndex(matched), LogIndex(next));
        let mut progress = Progress::new(NodeId(9), next).with(Feed::Committed);
        (progress.matched, progress.mode) = (matched, mode);
        progress
    }

    #[test]
    fn an_observer_gets_no_more_than_what_is_committed() {
        let progress = observer(4, 5, Mode::Replicate);
        assert_eq!(progress.committed_room(64, 64, LogIndex(7)), 3);
        assert_eq!(progress.committed_room(64, 64, LogIndex(4)), 0);
        assert_eq!(progress.committed_room(2, 64, LogIndex(7)), 2);
        assert_eq!(observer(0, 9, Mode::Probe { sent: false }).committed_room(64, 64, LogIndex(4)), 0);
    }

    #[test]
    fn an_append_that_is_not_full_waits_for_the_answer_to_the_one_before() {
        let unanswered = observer(4, 6, Mode::Replicate);
        assert_eq!(unanswered.committed_room(64, 8, LogIndex(12)), 0);
        assert_eq!(unanswered.committed_room(64, 8, LogIndex(13)), 8);
        let leaves = unanswered.with(Feed::Farewell);
        assert_eq!(leaves.committed_room(64, 8, LogIndex(12)), 7);
    }
}
