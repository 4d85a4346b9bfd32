//! Who leads?
//!
//! Elections after Raft paper §5.2 and §5.4.1, with the pre-vote of the thesis
//! (§9.6): a node that cannot win does not raise its term, so a node that was cut
//! off does not depose a healthy leader when it comes back.
//!
//! The only functions that assign the role are the `become_…` here.

use super::lease::Rounds;
use super::ledger::Ledger;
use super::message::{Message, RequestVote, RequestVoteReply};
use super::observers::Observers;
use super::reads::LeaderReads;
use super::role::{Heard, Leader, Role, Votes};
use super::{Effects, Raft};
use crate::entry::{Class, EntryKind, Proposal, Tags};
use crate::event::{Event, FollowerReason, IgnoreReason, Refusal, TimerReason};
use crate::protocol::Outcome;
use crate::quorum::QuorumSystem;
use crate::record::TimerKind;
use crate::rules::{Rule, Rules};
use crate::types::{ClientId, LogIndex, NodeId, Now, RequestNumber, Term};

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// The election timeout has passed without a leader (§5.2).
    pub(super) fn campaign(&mut self, now: Now, out: &mut Effects) {
        if self.config.pre_vote { self.become_pre_candidate(now, out) } else { self.become_candidate(now, false, out) }
    }

    /// A higher term ends whatever the node did in its own (§5.1). Without it, two leaders of different terms
    /// would go on side by side.
    pub(super) fn adopt_term(&mut self, now: Now, term: Term, from: Option<NodeId>, out: &mut Effects) {
        out.note(|| Event::TermAdopted { from: self.hard.current_term, to: term, seen_from: from });
        self.hard.current_term = term;
        self.hard.voted_for = None;
        self.persist.hard_changed();
        self.become_follower(now, None, FollowerReason::HigherTerm, out);
    }

    /// Stops leading or competing. The vote stays: a node that forgot it within the term could vote twice.
    pub(super) fn become_follower(
        &mut self,
        now: Now,
        leader: Option<NodeId>,
        reason: FollowerReason,
        out: &mut Effects,
    ) {
        let was_leader = matches!(self.role, Role::Leader(_));
        let heard = leader.map(|leader| Heard { leader, at: now.mono });
        let before = std::mem::replace(&mut self.role, Role::Follower { leader: heard });
        if let Role::Leader(leader) = before {
            let Leader { waiting, reads, .. } = *leader;
            for waiting in waiting {
                out.answer(waiting.client, waiting.number, Outcome::Unknown);
            }
            self.abandon_leader_reads(reads, out);
        }
        self.abandon_forwarded_reads(out);
        if !self.on(Rule::VoteKeptWithinTerm) && reason == FollowerReason::LeaderOfThisTerm {
            self.hard.voted_for = None;
            self.persist.hard_changed();
        }
        out.note(|| Event::BecameFollower { term: self.hard.current_term, leader, reason });
        if was_leader {
            self.restart_election_timer(now, TimerReason::SteppedDown, out);
        }
    }

    /// Asks whether an election could be won, before disturbing anyone (thesis §9.6). Changes no term and no vote.
    fn become_pre_candidate(&mut self, now: Now, out: &mut Effects) {
        let prospective = self.hard.current_term.next();
        let mut votes = Votes::default();
        votes.count(self.id, true);
        self.role = Role::PreCandidate { votes };
        self.abandon_forwarded_reads(out);
        self.restart_election_timer(now, TimerReason::ElectionBegan, out);
        out.note(|| Event::BecamePreCandidate { prospective });
        let request = self.vote_request(prospective, false);
        for peer in self.other_voters() {
            out.send(peer, Message::PreVote(request.clone()), None);
        }
        self.tally_pre_vote(now, out);
    }

    /// Starts an election: raises the term, votes for itself, asks the others (Figure 2, "Candidates"). With
    /// `transfer` the leader itself asked for it (thesis §3.10).
    pub(super) fn become_candidate(&mut self, now: Now, transfer: bool, out: &mut Effects) {
        let from = self.hard.current_term;
        self.hard.current_term = from.next();
        self.hard.voted_for = Some(self.id);
        let own_vote = self.persist.hard_changed();
        self.role = Role::Candidate { votes: Votes::default(), own_vote };
        self.abandon_forwarded_reads(out);
        self.restart_election_timer(now, TimerReason::ElectionBegan, out);
        out.note(|| Event::TermAdopted { from, to: from.next(), seen_from: None });
        out.note(|| Event::BecameCandidate { term: from.next() });

        // A request is a promise: a candidate that forgets its term and vote in a crash could vote for
        // another one in the same term, and both would win.
        let durable_first = self.on(Rule::PersistBeforeCampaign);
        let request = self.vote_request(self.hard.current_term, transfer);
        for peer in self.other_voters() {
            out.send(peer, Message::RequestVote(request.clone()), durable_first.then_some(own_vote));
        }
        if !durable_first {
            self.count_own_vote(now, out);
        }
    }

    /// Wins the election: leads, and appends a no-op, so that what older terms left can be committed (§5.4.2, §8).
    fn become_leader(&mut self, now: Now, out: &mut Effects) {
        let next = self.log.last_index().next();
        let progress = self.first_progress(next);
        out.note(|| Event::BecameLeader {
            term: self.hard.current_term,
            votes: self
                .role
                .votes()
                .into_iter()
                .flat_map(Votes::iter)
                .filter(|(_, granted)| *granted)
                .map(|(voter, _)| voter)
                .collect(),
        });
        self.unsettled = true;
        // What older leaders left uncommitted waits for this one: it is counted anew.
        let mut uncommitted = Ledger::default();
        uncommitted.add(self.log.last_index(), self.log.bytes_after(self.commit_index));
        self.role = Role::Leader(Box::new(Leader {
            observers: Observers::among(&progress),
            progress,
            waiting: std::collections::VecDeque::new(),
            early: std::collections::VecDeque::new(),
            uncommitted,
            rounds: Rounds::new(now.mono),
            reads: LeaderReads::default(),
            transfer: None,
            calm_since: now.mono,
        }));
        self.arm(TimerKind::Heartbeat, now.mono, self.config.heartbeat);
        let no_op = Proposal {
            client: ClientId(0),
            number: RequestNumber(0),
            class: Class::Critical,
            tags: Tags::new(),
            payload: bytes::Bytes::new(),
        };
        self.append_as_leader(now, EntryKind::NoOp, [no_op], out);
        self.start_round(now);
        self.replicate_to_all(out);
        self.remind_observers(out);
    }

    fn vote_request(&self, term: Term, transfer: bool) -> RequestVote {
        RequestVote { term, last_log_index: self.log.last_index(), last_log_term: self.log.last_term(), transfer }
    }

    /// Whether a candidate's log is at least as up to date as ours: the later last term wins, then the longer
    /// log (§5.4.1). Without it a leader could lack committed entries.
    fn is_up_to_date(&self, request: &RequestVote) -> bool {
        (request.last_log_term, request.last_log_index) >= (self.log.last_term(), self.log.last_index())
    }

    /// Why a vote or pre-vote in `request.term` is refused; `None` where it may be granted.
    fn refusal(&self, candidate: NodeId, request: &RequestVote) -> Option<Refusal> {
        let same_term = request.term == self.hard.current_term;
        match self.hard.voted_for {
            _ if request.term < self.hard.current_term => Some(Refusal::StaleTerm),
            Some(other) if same_term && other != candidate && self.on(Rule::OneVotePerTerm) => {
                Some(Refusal::AlreadyVotedFor(other))
            }
            _ if !self.is_up_to_date(request) && self.on(Rule::UpToDateCheck) => Some(Refusal::LogBehind),
            _ => None,
        }
    }

    /// The leader that this node hears, if it heard it within the shortest election timeout (thesis §9.6).
    fn live_leader(&self, now: Now) -> Option<NodeId> {
        match &self.role {
            Role::Leader(_) => Some(self.id),
            Role::Follower { leader: Some(heard) } if now.mono - heard.at < self.config.election_timeout.0 => {
                Some(heard.leader)
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }

    pub(super) fn note_vote(
        &self,
        pre_vote: bool,
        candidate: NodeId,
        request: &RequestVote,
        refusal: Option<Refusal>,
        out: &mut Effects,
    ) {
        out.note(|| Event::VoteDecided {
            pre_vote,
            term: request.term,
            candidate,
            candidate_last: (request.last_log_index, request.last_log_term),
            own_last: (self.log.last_index(), self.log.last_term()),
            refusal,
        });
    }

    /// Answers "would you vote for me?" (thesis §9.6). A refusal carries our term, so that a candidate of an
    /// older one catches up and is not refused for ever. Answering is no promise and restarts no timer.
    pub(super) fn on_pre_vote(&mut self, now: Now, candidate: NodeId, request: &RequestVote, out: &mut Effects) {
        let refusal = match self.live_leader(now) {
            Some(leader) if request.term >= self.hard.current_term => Some(Refusal::LeaderAlive(leader)),
            Some(_) | None => {
                let lease = self.vote_lease(now).filter(|_| request.term >= self.hard.current_term);
                lease.or_else(|| self.refusal(candidate, request))
            }
        };
        self.note_vote(true, candidate, request, refusal, out);
        let vote_granted = refusal.is_none();
        let term = if vote_granted { request.term } else { self.hard.current_term };
        // The refusal names our current term, which a crash must not take back.
        let after = if vote_granted { None } else { self.persist.promise(LogIndex::ZERO) };
        out.send(candidate, Message::PreVoteReply(RequestVoteReply { term, vote_granted }), after);
    }

    pub(super) fn on_pre_vote_reply(&mut self, now: Now, voter: NodeId, reply: &RequestVoteReply, out: &mut Effects) {
        let prospective = self.hard.current_term.next();
        let Role::PreCandidate { votes } = &mut self.role else {
            out.note(|| Event::MessageIgnored { from: voter, reason: IgnoreReason::WrongRole });
            return;
        };
        if reply.vote_granted && reply.term != prospective {
            out.note(|| Event::MessageIgnored { from: voter, reason: IgnoreReason::Outdated });
            return;
        }
        votes.count(voter, reply.vote_granted);
        self.note_count(true, prospective, voter, reply.vote_granted, out);
        self.tally_pre_vote(now, out);
    }

    fn note_count(&self, pre_vote: bool, term: Term, voter: NodeId, granted: bool, out: &mut Effects) {
        out.note(|| Event::VoteCounted {
            pre_vote,
            term,
            voter,
            granted,
            granted_total: self.role.votes().map_or(0, Votes::granted_total),
            needed: self.quorum.needed(),
        });
    }

    /// With a quorum behind it the pre-candidate runs; with too many refusals it waits for its next timeout.
    fn tally_pre_vote(&mut self, now: Now, out: &mut Effects) {
        let Role::PreCandidate { votes } = &self.role else { return };
        if self.quorum.is_quorum(|voter| votes.granted(voter)) {
            self.become_candidate(now, false, out);
        } else if !self.quorum.is_quorum(|voter| !votes.refused(voter)) {
            self.become_follower(now, None, FollowerReason::PreVoteLost, out);
        }
    }

    /// Answers a candidate (Figure 2, "RequestVote RPC"; §5.2, §5.4.1).
    ///
    /// The reply waits for the write that records the vote: after a crash, an unrecorded vote could be given
    /// twice in one term and elect two leaders.
    pub(super) fn on_request_vote(&mut self, now: Now, candidate: NodeId, request: &RequestVote, out: &mut Effects) {
        let same_vote = self.hard.voted_for == Some(candidate);
        let lease = self.vote_lease(now).filter(|_| {
            // A vote that was given is confirmed again; what a newer term says is heard first.
            request.term == self.hard.current_term && !request.transfer && !same_vote
        });
        let refusal = match &self.role {
            // A leader or candidate has voted for itself in its term.
            Role::Leader(_) | Role::Candidate { .. } if request.term == self.hard.current_term => {
                self.refusal(candidate, request).or(Some(Refusal::AlreadyVotedFor(self.id)))
            }
            Role::Leader(_) | Role::Candidate { .. } | Role::Follower { .. } | Role::PreCandidate { .. } => {
                self.refusal(candidate, request).or(lease)
            }
        };
        if refusal.is_none() {
            if self.hard.voted_for != Some(candidate) {
                self.hard.voted_for = Some(candidate);
                self.persist.hard_changed();
            }
            self.restart_election_timer(now, TimerReason::GrantedVote, out);
        }
        let after = if self.on(Rule::PersistVoteBeforeReply) { self.persist.promise(LogIndex::ZERO) } else { None };
        let reply = RequestVoteReply { term: self.hard.current_term, vote_granted: refusal.is_none() };
        out.send(candidate, Message::RequestVoteReply(reply), after);
        self.note_vote(false, candidate, request, refusal, out);
    }

    pub(super) fn on_request_vote_reply(
        &mut self,
        now: Now,
        voter: NodeId,
        reply: &RequestVoteReply,
        out: &mut Effects,
    ) {
        let term = self.hard.current_term;
        if reply.term < term {
            out.note(|| Event::MessageIgnored { from: voter, reason: IgnoreReason::StaleTerm });
            return;
        }
        let Role::Candidate { votes, .. } = &mut self.role else {
            out.note(|| Event::MessageIgnored { from: voter, reason: IgnoreReason::WrongRole });
            return;
        };
        votes.count(voter, reply.vote_granted);
        self.note_count(false, term, voter, reply.vote_granted, out);
        self.tally(now, out);
    }

    /// Our own vote counts like any other: once it is durable.
    pub(super) fn count_own_vote(&mut self, now: Now, out: &mut Effects) {
        let own = self.id;
        let Role::Candidate { votes, .. } = &mut self.role else { return };
        if votes.granted(own) {
            return;
        }
        votes.count(own, true);
        self.note_count(false, self.hard.current_term, own, true, out);
        self.tally(now, out);
    }

    fn tally(&mut self, now: Now, out: &mut Effects) {
        let Role::Candidate { votes, .. } = &self.role else { return };
        if self.quorum.is_quorum(|voter| votes.granted(voter)) {
            self.become_leader(now, out);
        }
    }
}
