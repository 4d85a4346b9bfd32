//! How does a leader hand its leadership over?
//!
//! Ongaro's thesis, §3.10: the leader takes no more proposals, brings the target
//! up to date, and tells it to campaign at once (`TimeoutNow`). The target's
//! requests for votes are marked, so that voters which hear the leader answer
//! all the same, and it asks no pre-vote: nobody would grant one. A transfer
//! that takes longer than the longest election timeout is given up.
//!
//! From `TimeoutNow` on another leader may come at any moment, so the lease ends
//! there for the rest of the term, also where the transfer is given up. The state
//! of a transfer belongs to the leader's role: stepping down ends it.
//!
//! The deadline is looked at with each heartbeat, and `TimeoutNow`, which may be
//! lost, is sent again with each.

use super::message::{Message, TimeoutNow};
use super::role::{Heard, Role};
use super::{Effects, Raft};
use crate::entry::Proposal;
use crate::event::{Event, IgnoreReason, TransferRefusal};
use crate::protocol::Outcome;
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::{LogIndex, Mono, NodeId, Now};

/// Leadership that is being handed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    pub(super) to: NodeId,
    deadline: Mono,
    /// Whether the target was told to campaign.
    told: bool,
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Begins to hand leadership over, or says why not.
    pub(super) fn on_transfer(&mut self, now: Now, to: NodeId, out: &mut Effects) {
        let refusal = match &self.role {
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                Some(TransferRefusal::NotLeader)
            }
            Role::Leader(_) if to == self.id => Some(TransferRefusal::LeadsAlready),
            Role::Leader(_) if !self.membership().is_voter(to) => Some(TransferRefusal::NotAVoter),
            Role::Leader(leader) => leader.transfer.map(|transfer| TransferRefusal::UnderWay(transfer.to)),
        };
        if let Some(reason) = refusal {
            out.note(|| Event::TransferRefused { to, reason });
            return;
        }
        let within = self.config.election_timeout.1;
        let last = self.log.last_index();
        let Role::Leader(leader) = &mut self.role else { return };
        leader.transfer = Some(Transfer { to, deadline: now.mono + within, told: false });
        let matched = leader.progress_of(to).map(|progress| progress.matched);
        let lacks = last.0.saturating_sub(matched.unwrap_or(LogIndex::ZERO).0);
        out.note(|| Event::TransferBegan { to, lacks, within });
        self.advance_transfer(out);
    }

    /// Tells the target to campaign as soon as it holds the whole log: with less it could lose, and the cluster
    /// would have raised its term for nothing.
    pub(super) fn advance_transfer(&mut self, out: &mut Effects) {
        let last = self.log.last_index();
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(to) = leader.transfer.as_ref().filter(|transfer| !transfer.told).map(|transfer| transfer.to) else {
            return;
        };
        if leader.progress_of(to).is_some_and(|progress| progress.matched >= last) {
            leader.transfer.as_mut().into_iter().for_each(|transfer| transfer.told = true);
            self.tell_target(to, out);
        }
    }

    fn tell_target(&mut self, to: NodeId, out: &mut Effects) {
        let ends_lease = self.on(Rule::LeaseEndsAtTransfer);
        let Role::Leader(leader) = &mut self.role else { return };
        if ends_lease {
            leader.rounds.give_up_lease();
        }
        out.note(|| Event::TimeoutNowSent { to });
        let after = self.persist.promise(LogIndex::ZERO);
        out.send(to, Message::TimeoutNow(TimeoutNow { term: self.hard.current_term }), after);
    }

    /// Gives a transfer up that takes too long, or repeats what may have been lost. Without the deadline a leader
    /// whose target is down would refuse proposals for ever.
    pub(super) fn check_transfer(&mut self, now: Now, out: &mut Effects) {
        let has_deadline = self.on(Rule::TransferHasDeadline);
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(transfer) = leader.transfer else { return };
        if now.mono >= transfer.deadline && has_deadline {
            leader.transfer = None;
            out.note(|| Event::TransferAborted { to: transfer.to });
        } else if transfer.told {
            self.tell_target(transfer.to, out);
        }
    }

    /// Refuses proposals while leadership is handed over; they were not appended. Returns whether it is not.
    pub(super) fn takes_in_transfer(&self, proposals: &[Proposal], out: &mut Effects) -> bool {
        let Role::Leader(leader) = &self.role else { return true };
        let Some(transfer) = leader.transfer else { return true };
        out.note(|| Event::ProposalRefusedInTransfer { to: transfer.to });
        for proposal in proposals {
            out.answer(proposal.client, proposal.number, Outcome::NotLeader { leader: Some(transfer.to) });
        }
        false
    }

    /// The leader wants this node to lead: it campaigns at once, without a pre-vote (thesis §3.10). An order of an
    /// older term, or of a leader that this node does not follow, is of no use.
    pub(super) fn on_timeout_now(&mut self, now: Now, from: NodeId, order: &TimeoutNow, out: &mut Effects) {
        if order.term < self.hard.current_term {
            out.note(|| Event::MessageIgnored { from, reason: IgnoreReason::StaleTerm });
            return;
        }
        let follows = match &self.role {
            Role::Follower { leader: Some(Heard { leader, .. }) } => *leader == from,
            Role::Follower { leader: None } | Role::PreCandidate { .. } => true,
            Role::Candidate { .. } | Role::Leader(_) => false,
        };
        if !follows || !self.votes {
            out.note(|| Event::MessageIgnored { from, reason: IgnoreReason::WrongRole });
            return;
        }
        out.note(|| Event::TimeoutNowTaken { from });
        self.become_candidate(now, true, out);
    }
}
