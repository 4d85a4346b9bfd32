//! Does the leader still lead, and for how long can it be sure?
//!
//! Every append carries the number of the leader's latest *round*, and its
//! answer brings the number back. Once a quorum has answered a round, the leader
//! led when that round was sent: no newer leader had been elected by then.
//! Three things rest on it:
//! * **check-quorum** (thesis §6.2): a leader that hears from no quorum for the
//!   longest election timeout steps down, so that clients look for another one;
//! * **the vote lease** (§4.2.3): a node gives nobody its vote within the
//!   shortest election timeout of hearing a leader, except in a transfer. It
//!   outlives a change of term: what was promised is promised;
//! * **the leader's lease** (§6.4.1): from the *sending* of a round that a
//!   quorum answered, no other leader can be elected for the shortest election
//!   timeout, on clocks that keep the configured bound.
//!
//! A restart forgets what the node heard, so a node that may have promised
//! something is silent for the shortest election timeout after it.
//!
//! Left out: leases of followers. Read `reads` next.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::message::RequestVote;
use super::role::Role;
use super::{Effects, Raft};
use crate::event::{Event, FollowerReason, Refusal};
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::{LogIndex, Mono, NodeId, Now, Span};

/// How many rounds may be without an answer: more of them would only prove less than the newest.
const MAX_OUTSTANDING: usize = 64;

/// A leader's rounds in its term.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    /// When it began to lead.
    since: Mono,
    /// The latest round; 0 before the first.
    started: u64,
    /// The latest round that a quorum answered.
    confirmed: u64,
    /// Rounds after that one, and when they were sent.
    outstanding: VecDeque<(u64, Mono)>,
    /// Who has answered, sorted by node; whoever is missing has not yet.
    contacts: SmallVec<[Contact; 8]>,
    lease_from: Option<Mono>,
    lease_given_up: bool,
}

/// What a peer has answered.
#[derive(Clone, Copy, Debug)]
struct Contact {
    node: NodeId,
    /// When it last answered.
    heard: Mono,
    /// The latest round that it answered.
    round: u64,
}

impl Rounds {
    pub(super) fn new(since: Mono) -> Self {
        Self {
            since,
            started: 0,
            confirmed: 0,
            outstanding: VecDeque::new(),
            contacts: SmallVec::new(),
            lease_from: None,
            lease_given_up: false,
        }
    }

    /// The round that appends carry now.
    pub(super) fn current(&self) -> u64 {
        self.started
    }

    /// The latest round that a quorum answered.
    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Begins a round: its appends leave in this step.
    pub(super) fn start(&mut self, now: Mono) -> u64 {
        self.started += 1;
        if self.outstanding.len() >= MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back((self.started, now));
        self.started
    }

    /// A peer answered an append of this term. It is looked for first where it stands once everybody has answered.
    /// Returns whether it had not answered this round before.
    #[inline]
    fn answered(&mut self, node: NodeId, likely: usize, round: u64, now: Mono) -> bool {
        let round = if round <= self.started { round } else { 0 };
        let is_there = self.contacts.get(likely).is_some_and(|contact| contact.node == node);
        match if is_there { Ok(likely) } else { self.position_of(node) } {
            Ok(position) => {
                let Some(contact) = self.contacts.get_mut(position) else { return false };
                contact.heard = now;
                let news = round > contact.round;
                contact.round = contact.round.max(round);
                news
            }
            Err(position) => {
                self.contacts.insert(position, Contact { node, heard: now, round });
                round > 0
            }
        }
    }

    fn position_of(&self, node: NodeId) -> Result<usize, usize> {
        self.contacts.binary_search_by_key(&node, |contact| contact.node)
    }

    fn contact(&self, node: NodeId) -> Option<&Contact> {
        self.position_of(node).ok().and_then(|position| self.contacts.get(position))
    }

    /// When a peer last answered; whoever never did counts from the beginning.
    pub(super) fn heard(&self, node: NodeId) -> Mono {
        self.contact(node).map_or(self.since, |contact| contact.heard)
    }

    fn round_of(&self, node: NodeId) -> u64 {
        self.contact(node).map_or(0, |contact| contact.round)
    }

    /// A quorum has answered up to `round`: the lease runs from its sending.
    fn confirm(&mut self, round: u64, now: Mono, from_send: bool) {
        self.confirmed = self.confirmed.max(round);
        while let Some((outstanding, sent)) = self.outstanding.front().copied()
            && outstanding <= round
        {
            self.outstanding.pop_front();
            self.lease_from = Some(if from_send { sent } else { now });
        }
    }

    /// Leadership is handed over: another leader may come at any time, so there is no lease until the term ends.
    pub(super) fn give_up_lease(&mut self) {
        self.lease_given_up = true;
    }

    /// How long the lease still lasts.
    fn lease_left(&self, now: Mono, lease: Span) -> Option<Span> {
        let left = self.lease_from.filter(|_| !self.lease_given_up).map(|from| (from + lease) - now)?;
        (left > Span(0)).then_some(left)
    }
}

/// Until when a node gives nobody its vote, and whom it heard; `None` after a restart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    pub(super) until: Mono,
    pub(super) leader: Option<NodeId>,
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// A leader was heard: nobody else gets a vote for the shortest election timeout (thesis §4.2.3).
    pub(super) fn promise_silence(&mut self, now: Now, leader: Option<NodeId>) {
        self.silence = Silence { until: now.mono + self.config.election_timeout.0, leader };
    }

    /// Why nobody gets a vote now because of what the node heard. Without it a lease proves nothing, and a node
    /// that was cut off deposes a healthy leader.
    pub(super) fn vote_lease(&self, now: Now) -> Option<Refusal> {
        if !self.config.check_quorum || !self.on(Rule::VoteLease) {
            return None;
        }
        if let Role::Leader(_) = self.role {
            return Some(Refusal::LeaderAlive(self.id));
        }
        let refusal = self.silence.leader.map_or(Refusal::JustRestarted, Refusal::LeaderAlive);
        (now.mono < self.silence.until).then_some(refusal)
    }

    /// Whether a request for a vote is not even looked at (thesis §4.2.3: "it does not update its term or grant
    /// its vote").
    pub(super) fn ignores_candidate(&self, now: Now, request: &RequestVote) -> Option<Refusal> {
        self.vote_lease(now).filter(|_| !request.transfer && request.term > self.hard.current_term)
    }

    /// The round that messages carry now; 0 where the node does not lead.
    pub(super) fn round(&self) -> u64 {
        let Role::Leader(leader) = &self.role else { return 0 };
        leader.rounds.current()
    }

    /// A peer answered an append of this leader's term. Returns where it stands among those who are fed.
    pub(super) fn on_contact(&mut self, now: Now, from: NodeId, round: u64) -> Option<usize> {
        let anybody = !self.on(Rule::VotersConfirm);
        let Role::Leader(leader) = &mut self.role else { return None };
        // Only those who are fed count, and memory is bounded by their number. Observers prove nothing.
        let position = leader.position_of(from)?;
        if !anybody && position >= leader.followers() {
            return Some(position);
        }
        if leader.rounds.answered(from, position, round, now.mono) && round > leader.rounds.confirmed {
            self.confirm_rounds(now);
        }
        Some(position)
    }

    /// Finds the latest round that a quorum has answered, the leader included. Rounds are counted as indexes are.
    pub(super) fn confirm_rounds(&mut self, now: Now) {
        let from_send = self.on(Rule::LeaseFromSend);
        let own = self.id;
        let anybody = self.anybody_confirms();
        let Role::Leader(leader) = &mut self.role else { return };
        let rounds = &mut leader.rounds;
        let confirmed = anybody
            .as_ref()
            .unwrap_or(&self.quorum)
            .held_by_quorum(|voter| LogIndex(if voter == own { rounds.started } else { rounds.round_of(voter) }));
        if confirmed.0 > rounds.confirmed {
            rounds.confirm(confirmed.0, now.mono, from_send);
        }
    }

    /// How long this leader can be sure that there is no other one; `None` where it cannot.
    pub(super) fn lease_left(&self, now: Now) -> Option<Span> {
        let Role::Leader(leader) = &self.role else { return None };
        if !self.config.check_quorum {
            return None;
        }
        leader.rounds.lease_left(now.mono, self.config.lease())
    }

    /// Steps down where no quorum was heard for the longest election timeout (thesis §6.2): clients would wait
    /// for a leader that can commit nothing. Returns whether the node still leads.
    pub(super) fn check_quorum(&mut self, now: Now, out: &mut Effects) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        if !self.config.check_quorum || !self.on(Rule::CheckQuorum) {
            return true;
        }
        let within = self.config.election_timeout.1;
        let own = self.id;
        let is_heard = |voter: NodeId| voter == own || now.mono - leader.rounds.heard(voter) <= within;
        if self.anybody_confirms().as_ref().unwrap_or(&self.quorum).is_quorum(is_heard) {
            return true;
        }
        out.note(|| Event::QuorumUnheard {
            heard: self
                .membership()
                .members()
                .filter(|node| self.membership().is_voter(*node) && is_heard(*node))
                .collect(),
            within,
        });
        self.become_follower(now, None, FollowerReason::QuorumLost, out);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Span = Span(100);

    #[test]
    fn a_lease_runs_from_the_sending_of_the_round_that_was_answered() {
        let mut rounds = Rounds::new(Mono(0));
        rounds.start(Mono(10));
        rounds.start(Mono(60));
        rounds.confirm(1, Mono(90), true);
        assert_eq!(rounds.lease_left(Mono(90), LEASE), Some(Span(20)));
        assert_eq!(rounds.lease_left(Mono(110), LEASE), None);
        rounds.confirm(2, Mono(95), true);
        assert_eq!(rounds.lease_left(Mono(110), LEASE), Some(Span(50)));
        // The rule off: from the answer.
        rounds.start(Mono(120));
        rounds.confirm(3, Mono(150), false);
        assert_eq!(rounds.lease_left(Mono(240), LEASE), Some(Span(10)));
    }

    #[test]
    fn a_lease_that_was_given_up_does_not_come_back() {
        let mut rounds = Rounds::new(Mono(0));
        rounds.give_up_lease();
        rounds.start(Mono(10));
        rounds.confirm(1, Mono(20), true);
        assert_eq!(rounds.lease_left(Mono(20), LEASE), None);
    }

    #[test]
    fn an_answer_to_a_round_that_never_was_proves_nothing() {
        let mut rounds = Rounds::new(Mono(0));
        rounds.start(Mono(1));
        assert!(!rounds.answered(NodeId(2), 0, 7, Mono(2)));
        assert_eq!(rounds.round_of(NodeId(2)), 0);
        assert!(rounds.answered(NodeId(2), 0, 1, Mono(3)) && !rounds.answered(NodeId(2), 5, 1, Mono(4)));
        assert_eq!((rounds.heard(NodeId(2)), rounds.heard(NodeId(3))), (Mono(4), Mono(0)));
    }

    #[test]
    fn rounds_without_an_answer_are_bounded() {
        let mut rounds = Rounds::new(Mono(0));
        for at in 0..1_000 {
            rounds.start(Mono(at));
        }
        assert_eq!(rounds.outstanding.len(), MAX_OUTSTANDING);
        rounds.confirm(1_000, Mono(1_000), true);
        assert_eq!((rounds.outstanding.len(), rounds.lease_from), (0, Some(Mono(999))));
    }
}
