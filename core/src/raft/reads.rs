//! How is a read answered without an entry in the log, and still not stale?
//!
//! Ongaro's thesis, §6.4. The leader's commit index at the time of the read is
//! the *read index*: everything that a client could know of is at or below it.
//! The answer waits until
//! 1. the leader has committed an entry of its own term, for its commit index may
//!    lag behind that of the leader before it;
//! 2. a quorum has answered a round that was sent after the read came, or the
//!    lease holds: otherwise a newer leader could have committed more;
//! 3. this node has applied up to the read index.
//!
//! Reads are batched: a round takes all reads that came before it was sent, and
//! the next batch leaves when that round is confirmed, or with the next
//! heartbeat. A follower asks its leader for the read index and answers itself.
//! A stale read waits for nothing and is marked as such.
//!
//! A read changes nothing, so a refused or lost one is simply asked again. Left
//! out: repeating a lost message to the leader; the client does.

use std::collections::VecDeque;

use super::message::{Message, ReadIndex, ReadIndexReply, ReadToken};
use super::role::Role;
use super::{Effects, Raft};
use crate::event::{Event, IgnoreReason};
use crate::protocol::{Outcome, ReadHow, ReadRequest};
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::{Incarnation, LogIndex, Mono, NodeId, Now};

/// Most reads that wait at one node: further ones are refused as overloaded.
const MAX_WAITING: usize = 16_384;

/// Most batches that wait for their rounds: later reads wait to be sent.
const MAX_BATCHES: usize = 64;

/// Who waits for a read index.
#[derive(Clone, Debug)]
enum Asker {
    /// A client of this node.
    Client(ReadRequest),
    /// A follower, with a batch of its own.
    Follower(NodeId, ReadToken),
}

/// Reads that share a round and a read index.
#[derive(Clone, Debug)]
struct Batch {
    round: u64,
    index: LogIndex,
    askers: Vec<Asker>,
}

/// What a leader keeps of reads.
#[derive(Clone, Debug, Default)]
pub(super) struct LeaderReads {
    /// Came after the last round was sent.
    unsent: Vec<Asker>,
    /// Wait for their rounds, in their order.
    batches: VecDeque<Batch>,
    /// Whether it was noted that they wait for a commit.
    held_noted: bool,
}

impl LeaderReads {
    fn any(&self) -> bool {
        !(self.unsent.is_empty() && self.batches.is_empty())
    }
}

/// Reads that a follower passed on to its leader.
#[derive(Clone, Debug)]
struct Forwarded {
    token: ReadToken,
    at: Mono,
    requests: Vec<ReadRequest>,
}

/// A read that waits only for application.
#[derive(Clone, Debug)]
struct Ready {
    request: ReadRequest,
    index: LogIndex,
    how: ReadHow,
}

/// What any node keeps of reads, whatever its role.
#[derive(Clone, Debug)]
pub(super) struct Reads {
    incarnation: Incarnation,
    tokens: u64,
    forwarded: VecDeque<Forwarded>,
    ready: Vec<Ready>,
    /// How many reads of clients wait here, in any of the lists.
    waiting: usize,
}

impl Reads {
    pub(super) fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, tokens: 0, forwarded: VecDeque::new(), ready: Vec::new(), waiting: 0 }
    }
}

fn count(reads: usize) -> u32 {
    u32::try_from(reads).unwrap_or(u32::MAX)
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Takes clients' reads.
    pub(super) fn on_read(&mut self, now: Now, requests: Vec<ReadRequest>, out: &mut Effects) {
        let mut to_forward = Vec::new();
        for request in requests {
            if self.reads.waiting >= MAX_WAITING {
                out.answer(request.client, request.number, Outcome::Overloaded);
                continue;
            }
            self.reads.waiting += 1;
            match (&mut self.role, request.how) {
                (_, ReadHow::Stale) => self.ready(request, self.last_applied, ReadHow::Stale),
                (Role::Leader(leader), ReadHow::Index) => leader.reads.unsent.push(Asker::Client(request)),
                (Role::Leader(_), ReadHow::Lease) => self.read_by_lease(now, request, out),
                (Role::Follower { leader: Some(_) }, ReadHow::Index) => to_forward.push(request),
                (Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. }, ReadHow::Lease)
                | (Role::Follower { leader: None } | Role::PreCandidate { .. } | Role::Candidate { .. }, _) => {
                    self.refuse_reads(vec![request], out);
                }
            }
        }
        if !to_forward.is_empty() {
            self.forward(now, to_forward, out);
        }
    }

    fn ready(&mut self, request: ReadRequest, index: LogIndex, how: ReadHow) {
        self.reads.ready.push(Ready { request, index, how });
    }

    /// While the lease holds no other leader can have been elected, so no round is needed (thesis §6.4.1).
    fn read_by_lease(&mut self, now: Now, request: ReadRequest, out: &mut Effects) {
        match self.lease_left(now).filter(|_| self.may_tell_read_index()) {
            Some(left) => {
                let index = self.commit_index;
                out.note(|| Event::ReadByLease { index, left });
                self.ready(request, index, ReadHow::Lease);
            }
            None => {
                let Role::Leader(leader) = &mut self.role else { return };
                leader.reads.unsent.push(Asker::Client(request));
            }
        }
    }

    /// Whether the commit index covers all that earlier leaders committed: once an entry of the own term is
    /// committed (thesis §6.4, step 1; §5.4.2). Before that a new leader's commit index may lag behind.
    fn may_tell_read_index(&self) -> bool {
        self.log.term_at(self.commit_index) == Some(self.hard.current_term) || !self.on(Rule::ReadWaitsForOwnTermCommit)
    }

    fn forward(&mut self, now: Now, requests: Vec<ReadRequest>, out: &mut Effects) {
        let Role::Follower { leader: Some(heard) } = &self.role else { return };
        let leader = heard.leader;
        self.reads.tokens += 1;
        let token = ReadToken { incarnation: self.reads.incarnation, sequence: self.reads.tokens };
        out.note(|| Event::ReadsForwarded { leader, reads: count(requests.len()) });
        self.reads.forwarded.push_back(Forwarded { token, at: now.mono, requests });
        let after = self.persist.promise(LogIndex::ZERO);
        out.send(leader, Message::ReadIndex(ReadIndex { term: self.hard.current_term, token }), after);
    }

    /// A follower wants to answer reads by itself.
    pub(super) fn on_read_index(&mut self, follower: NodeId, request: &ReadIndex, out: &mut Effects) {
        match &mut self.role {
            Role::Leader(leader) if leader.reads.unsent.len() < MAX_WAITING => {
                leader.reads.unsent.push(Asker::Follower(follower, request.token));
            }
            Role::Leader(_) | Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                self.tell_read_index(follower, request.token, None, out);
            }
        }
    }

    fn tell_read_index(&self, follower: NodeId, token: ReadToken, index: Option<LogIndex>, out: &mut Effects) {
        let after = self.persist.promise(LogIndex::ZERO);
        let reply = ReadIndexReply { term: self.hard.current_term, token, index };
        out.send(follower, Message::ReadIndexReply(reply), after);
    }

    pub(super) fn on_read_index_reply(&mut self, from: NodeId, reply: &ReadIndexReply, out: &mut Effects) {
        let position = self.reads.forwarded.iter().position(|forwarded| forwarded.token == reply.token);
        let Some(forwarded) = position.and_then(|position| self.reads.forwarded.remove(position)) else {
            out.note(|| Event::MessageIgnored { from, reason: IgnoreReason::Outdated });
            return;
        };
        match reply.index {
            Some(index) => {
                for request in forwarded.requests {
                    self.ready(request, index, ReadHow::Index);
                }
            }
            None => self.refuse_reads(forwarded.requests, out),
        }
    }

    /// Whether any read waits for anything.
    #[inline]
    pub(super) fn has_reads(&self) -> bool {
        let asked = matches!(&self.role, Role::Leader(leader) if leader.reads.any());
        asked || !self.reads.forwarded.is_empty() || !self.reads.ready.is_empty()
    }

    /// Moves reads on, at the end of each step: begins the round of the next batch, ends batches whose round is
    /// confirmed, and answers what is applied far enough.
    #[inline(never)]
    pub(super) fn advance_reads(&mut self, now: Now, out: &mut Effects) {
        if let Role::Leader(leader) = &self.role {
            let idle = leader.reads.batches.is_empty();
            if idle && !leader.reads.unsent.is_empty() {
                self.begin_read_round(now, out);
            }
            self.end_read_rounds(out);
        }
        // The answer is lost, or the leader is: the client asks elsewhere.
        let patience = self.config.election_timeout.1;
        while let Some(late) = self.reads.forwarded.pop_front_if(|forwarded| now.mono - forwarded.at > patience) {
            self.refuse_reads(late.requests, out);
        }
        let applied = self.last_applied;
        if self.reads.ready.iter().any(|ready| ready.index <= applied) {
            for ready in std::mem::take(&mut self.reads.ready) {
                if ready.index > applied {
                    self.reads.ready.push(ready);
                    continue;
                }
                self.reads.waiting -= 1;
                out.note(|| Event::ReadServed { index: ready.index, how: ready.how });
                out.read(ready.request, ready.index, ready.how);
            }
        }
    }

    fn begin_read_round(&mut self, now: Now, out: &mut Effects) {
        let confirms = self.on(Rule::ReadIndexConfirmsLeadership);
        let term = self.hard.current_term;
        if !self.may_tell_read_index() {
            let Role::Leader(leader) = &mut self.role else { return };
            if !std::mem::replace(&mut leader.reads.held_noted, true) {
                out.note(|| Event::ReadsHeld { reads: count(leader.reads.unsent.len()), term });
            }
            return;
        }
        if confirms {
            self.begin_round(now, out);
        } else {
            self.batch_reads(0, out);
        }
    }

    /// The reads that came so far wait for this round. Later ones do not: a round that was sent before a read came
    /// proves nothing about the time in which it came.
    pub(super) fn batch_reads(&mut self, round: u64, out: &mut Effects) {
        if !self.may_tell_read_index() {
            return;
        }
        let index = self.commit_index;
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.reads.unsent.is_empty() || leader.reads.batches.len() >= MAX_BATCHES {
            return;
        }
        let askers = std::mem::take(&mut leader.reads.unsent);
        out.note(|| Event::ReadRoundBegan { round, reads: count(askers.len()), index });
        leader.reads.batches.push_back(Batch { round, index, askers });
    }

    fn end_read_rounds(&mut self, out: &mut Effects) {
        loop {
            let Role::Leader(leader) = &mut self.role else { return };
            let confirmed = leader.rounds.confirmed();
            let Some(Batch { round, index, askers }) =
                leader.reads.batches.pop_front_if(|batch| batch.round <= confirmed)
            else {
                return;
            };
            out.note(|| Event::ReadRoundConfirmed { round, reads: count(askers.len()), index });
            for asker in askers {
                match asker {
                    Asker::Client(request) => self.ready(request, index, ReadHow::Index),
                    Asker::Follower(node, token) => self.tell_read_index(node, token, Some(index), out),
                }
            }
        }
    }

    /// The node stops leading: reads that were not confirmed are refused.
    pub(super) fn abandon_leader_reads(&mut self, reads: LeaderReads, out: &mut Effects) {
        let mut own = Vec::new();
        for asker in reads.batches.into_iter().flat_map(|batch| batch.askers).chain(reads.unsent) {
            match asker {
                Asker::Client(request) => own.push(request),
                Asker::Follower(node, token) => self.tell_read_index(node, token, None, out),
            }
        }
        self.refuse_reads(own, out);
    }

    /// The leader that these reads were passed on to is not followed any more: its answer may never come.
    pub(super) fn abandon_forwarded_reads(&mut self, out: &mut Effects) {
        for forwarded in std::mem::take(&mut self.reads.forwarded) {
            self.refuse_reads(forwarded.requests, out);
        }
    }

    fn refuse_reads(&mut self, requests: Vec<ReadRequest>, out: &mut Effects) {
        if requests.is_empty() {
            return;
        }
        let leader = self.leader().filter(|leader| *leader != self.id);
        self.reads.waiting -= requests.len();
        out.note(|| Event::ReadsRefused { reads: count(requests.len()), leader });
        for request in requests {
            out.answer(request.client, request.number, Outcome::NotLeader { leader });
        }
    }
}
