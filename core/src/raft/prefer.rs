//! Who should lead, where several could?
//!
//! Settings may name zones in the order in which their nodes are to lead
//! (`leader_zones`): near to clients, or on stronger machines. A leader of a later
//! zone, or of none, hands leadership to a voter of an earlier one by the transfer
//! of thesis §3.10. Elections know nothing of zones: whoever can win may win, and
//! the preference is seen to afterwards.
//!
//! A hand-over costs a moment without progress, and the leader its lease where it
//! fails. So it waits for *calm*: for four of the longest election timeouts in a
//! row there was, at every heartbeat, a voter of an earlier zone that answers and
//! has nearly the whole log, and nothing else was going on. Each try starts the
//! wait anew, and so does each new leader: a node that comes and goes does not
//! take leadership back and forth faster than that.
//!
//! It is looked at with each heartbeat, and only where zones are set. Read
//! `transfer` first.

use super::role::Role;
use super::{Effects, Raft};
use crate::event::Event;
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::{NodeId, Now, Span};

/// For how many of the longest election timeouts all must be calm before leadership is handed over.
const CALM_TIMEOUTS: u64 = 4;

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Hands leadership to a node of an earlier zone once all has been calm for long enough.
    ///
    /// Without the wait a leader would try again and again to hand over to a node that is down, and refuse
    /// proposals all the while.
    pub(super) fn prefer(&mut self, now: Now, out: &mut Effects) {
        if self.config.leader_zones.is_empty() {
            return;
        }
        let better = self.better_placed(now);
        let waits = self.on(Rule::HandOverInCalm);
        let patience = Span(self.config.election_timeout.1.0.saturating_mul(CALM_TIMEOUTS));
        let Role::Leader(leader) = &mut self.role else { return };
        let Some((zone, to)) = better.filter(|_| leader.transfer.is_none()) else {
            leader.calm_since = now.mono;
            return;
        };
        let calm = now.mono - leader.calm_since;
        if calm < patience && waits {
            return;
        }
        leader.calm_since = now.mono;
        let own = self.zone_of(self.id);
        out.note(|| Event::LeadershipPreferred { to, zone, own, calm });
        self.on_transfer(now, to, out);
    }

    /// The zone of a node, counted from 0 in the order of preference; `None` where it is in none.
    fn zone_of(&self, node: NodeId) -> Option<u32> {
        (0..).zip(&self.config.leader_zones).find(|(_, zone)| zone.contains(&node)).map(|(place, _)| place)
    }

    /// A voter of the earliest zone before our own that could take over now, and that zone.
    fn better_placed(&self, now: Now) -> Option<(u32, NodeId)> {
        let Role::Leader(leader) = &self.role else { return None };
        let members = self.membership();
        let looks = self.on(Rule::HandOverInCalm);
        // While members change, or before the own term has a commit, there is enough to do.
        let settled = !members.is_joint() && self.log.term_at(self.commit_index) == Some(self.hard.current_term);
        if looks && !settled {
            return None;
        }
        let own = self.zone_of(self.id).unwrap_or(u32::MAX);
        let followers = leader.progress.iter().take(leader.followers());
        let ready = followers.filter(|progress| {
            let heard = now.mono - leader.rounds.heard(progress.node) < self.config.election_timeout.0;
            members.is_voter(progress.node) && (!looks || heard && self.is_near(progress))
        });
        let ranked = ready.filter_map(|progress| Some((self.zone_of(progress.node)?, progress.node)));
        ranked.filter(|(zone, _)| *zone < own).min()
    }
}
