//! How do a few nodes agree on one log although some of them crash?
//!
//! Raft, after Figure 2 of the extended paper (Ongaro and Ousterhout, "In Search
//! of an Understandable Consensus Algorithm"), with the pre-vote of Ongaro's
//! thesis (§9.6).
//!
//! Time is cut into *terms*; a term has at most one *leader*, elected by a
//! majority (§5.2). The leader alone takes commands, appends them to its log and
//! sends them on; a follower takes an entry only where the one before it matches
//! (§5.3). An entry of the leader's own term that a majority holds durably is
//! *committed*, and so is all before it (§5.4.2); committed entries are applied
//! in order.
//!
//! Where this implementation makes a choice that the paper leaves open:
//! * the leader writes its own log in parallel with sending (thesis §10.2.1) and
//!   counts itself only once its write is durable;
//! * a candidate's requests leave, and its own vote counts, only once its term
//!   and vote are durable;
//! * a conflict answer carries the conflicting term and its first index (§5.3,
//!   the optimization that the paper describes in words);
//! * a node applies no further than its own log is durable;
//! * a node whose store is lost stays silent: what it once promised is unknown.
//!
//! * a configuration acts as soon as it stands in the log (thesis §4.1), and every
//!   change of voters is joint (§6).
//!
//! Read `election` next, then `propose`, `replication` (the leader's part) and
//! `append` (the follower's), `members` and `snapshot`; then `lease`, `reads`,
//! `transfer`, `observers`, `edges`, `feeders`, `early` and `prefer`.

mod append;
mod config;
mod early;
mod edges;
mod election;
mod feeders;
mod follow_up;
mod lease;
mod ledger;
mod members;
mod message;
mod observers;
mod persist;
mod prefer;
mod profile;
mod progress;
mod propose;
mod reads;
mod replication;
mod role;
mod snapshot;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tick;
mod transfer;

use std::sync::Arc;

pub use config::{Config, ConfigError, Snapshots};
pub use message::{
    AppendEntries, AppendEntriesReply, AppendOutcome, FeedEdge, HardState, InstallOutcome, InstallSnapshot,
    InstallSnapshotReply, Message, ReadIndex, ReadIndexReply, ReadToken, Relay, Relayed, RequestVote, RequestVoteReply,
    TimeoutNow,
};
pub use profile::Profile;
pub use tick::MAX_LOG_TIME_JUMP;

pub use crate::log::Log;
pub use crate::rules::{AllOn, Rule, RuleKind, Rules, Switches};

use crate::entry::Proposal;
use crate::event::{Event, FollowerReason, IgnoreReason, SnapshotReason, TimerReason};
use crate::membership::Membership;
use crate::protocol::{self, Input, Protocol};
use crate::quorum::{Majority, QuorumSystem};
use crate::record::{NodeStatus, Timer, TimerKind};
use crate::rng::Rng;
use crate::snapshot::Base;
use crate::storage::{DiskImage, Format};
use crate::types::{Digest, LogIndex, Mono, NodeId, Now, Span, Term, Wall};
use lease::Silence;
use members::Members;
use persist::Persist;
use reads::Reads;
use role::Role;

type Effects = protocol::Effects<Message, HardState>;

/// One Raft node.
#[derive(Clone, Debug)]
pub struct Raft<R: Rules = AllOn, Q: QuorumSystem = Majority> {
    id: NodeId,
    config: Arc<Config<R>>,
    quorum: Q,
    members: Members,
    /// Whether this node runs for election.
    votes: bool,
    /// Whether the newest configuration may still ask for something.
    unsettled: bool,
    hard: HardState,
    log: Log,
    commit_index: LogIndex,
    /// Handed to the executor for application.
    apply_asked: LogIndex,
    last_applied: LogIndex,
    role: Role,
    timer: Timer,
    persist: Persist,
    store_lost: bool,
    /// Nothing in the state machine expires before this log time.
    expiry: Option<Wall>,
    rng: Rng,
    snapshots: snapshot::Snapshots,
    /// What its store was made for, where it holds a part of the state.
    subscription: Option<Digest>,
    /// What it owes to a leader that it heard.
    silence: Silence,
    reads: Reads,
}

impl<R: Rules, Q: QuorumSystem> Protocol for Raft<R, Q> {
    type Message = Message;
    type Hard = HardState;
    type Config = Config<R>;

    fn recover(config: &Config<R>, node: NodeId, image: &DiskImage<HardState>, seed: u64, now: Now) -> Self {
        let mut log = Log::after(image.base, &image.log);
        let latest = image.snapshot.clone();
        let held = latest.as_ref().map_or(Base::NONE, |snapshot| snapshot.meta.base());
        // What follows a snapshot is of use only where the log holds its last entry (§7).
        let superseded = log.term_at(held.index) != Some(held.term) && log.base().index < held.index;
        if superseded {
            log.compact(held);
        }
        // What the store was made with outlives a change of settings; a lost store has nothing else.
        let first = match (&latest, image.first_members()) {
            (Some(snapshot), _) => snapshot.meta.membership.clone(),
            (None, Some(members)) => members.clone(),
            (None, None) => Membership::of(config.voters.clone()),
        };
        let members = Members::starting_with(held.index, first, &log);
        let mut raft = Self {
            id: node,
            quorum: Q::of(&members.current().1, !config.rules.on(Rule::MajorityQuorum)),
            votes: false,
            unsettled: true,
            members,
            hard: image.hard.clone(),
            commit_index: held.index,
            apply_asked: held.index,
            last_applied: held.index,
            role: Role::Follower { leader: None },
            timer: Timer { kind: TimerKind::Election, armed: now.mono, deadline: now.mono },
            persist: Persist::new(image.incarnation, log.last_index()),
            // A log whose beginning is in no snapshot has lost its beginning.
            store_lost: (image.format.is_none() && config.rules.on(Rule::LostStoreDoesNotVote))
                || log.base().index > held.index,
            expiry: None,
            rng: Rng::new(seed, u64::from(node.0)),
            subscription: latest.as_ref().and_then(|snapshot| snapshot.meta.subscription),
            snapshots: snapshot::Snapshots::new(latest, now.mono, log.bytes()),
            silence: Silence { until: now.mono, leader: None },
            reads: Reads::new(image.incarnation),
            config: Arc::new(config.clone()),
            log,
        };
        raft.votes = raft.may_campaign();
        raft.snapshots.count_from(&config.snapshots);
        if superseded {
            raft.persist.owe(held);
        }
        // Whoever has been in a term may have heard its leader right before the restart.
        if raft.hard.current_term > Term(0) {
            raft.promise_silence(now, None);
        }
        let timeout = raft.draw_election_timeout();
        raft.arm(TimerKind::Election, now.mono, timeout);
        raft
    }

    fn step(&mut self, now: Now, mut input: Input<Message>, out: &mut Effects) {
        if self.store_lost {
            return;
        }
        // What is large is taken from the input in place: each copy of a message costs more than the look at it.
        match &mut input {
            Input::Receive { from, message } => self.receive(now, *from, message, out),
            Input::DeadlineReached => self.on_deadline(now, out),
            Input::Propose(proposals) => self.on_propose(now, proposals, out),
            Input::Written(ticket) => self.on_written(now, *ticket, out),
            Input::Applied { through, results } => self.on_applied(*through, std::mem::take(results), out),
            Input::Reconfigure(change) => self.on_reconfigure(now, change, out),
            Input::SnapshotTaken { index, digest, data } => {
                self.on_snapshot_taken(now, *index, *digest, std::mem::take(data), out);
            }
            Input::Projected { index, digest, data } => {
                self.on_projected(*index, *digest, std::mem::take(data), out);
            }
            Input::TakeSnapshot => self.ask_for_snapshot(SnapshotReason::ByHand, out),
            Input::ExpiryAt(at) => self.expiry = *at,
            // Nodes of Raft believe each other.
            Input::Convicted(_) => {}
            Input::Read(requests) => self.on_read(now, std::mem::take(requests), out),
            Input::TransferLeadership { to } => self.on_transfer(now, *to, out),
            // Raft's nodes believe each other, and their clients.
            Input::Requests(_) | Input::Forged { .. } => {}
        }
        self.follow_up(now, out);
    }

    fn next_deadline(&self) -> Option<Mono> {
        self.waits().then_some(self.timer.deadline)
    }

    fn status(&self) -> NodeStatus {
        NodeStatus {
            role: if self.store_lost { crate::record::Role::Learner } else { self.role() },
            term: self.hard.current_term,
            voted_for: self.hard.voted_for,
            leader: self.leader(),
            commit: self.commit_index,
            applied: self.last_applied,
            durable: self.persist.durable(),
            timer: self.waits().then_some(self.timer),
            votes: self.role.votes().map(|votes| votes.iter().collect()).unwrap_or_default(),
            progress: self.progress_status(),
            detail: None,
        }
    }
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Its current term.
    #[must_use]
    pub fn current_term(&self) -> Term {
        self.hard.current_term
    }

    /// What it does.
    #[must_use]
    pub fn role(&self) -> crate::record::Role {
        match self.role {
            Role::Follower { .. } if !self.votes && self.membership().is_observer(self.id) => {
                crate::record::Role::Observer
            }
            Role::Follower { .. } if !self.votes && self.membership().edge(self.id).is_some() => {
                crate::record::Role::Edge
            }
            Role::Follower { .. } if !self.votes => crate::record::Role::Learner,
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } | Role::Leader(_) => {
                self.role.kind()
            }
        }
    }

    /// Whether its timer means anything. Who has no vote does not run for election, and only forgets a leader that
    /// it hears no more: a node that was removed would name its last one to clients for ever.
    fn waits(&self) -> bool {
        !self.store_lost && (self.votes || self.leader().is_some())
    }

    /// What a store would hold, for a node that has none: it starts from this again as from a store.
    #[must_use]
    pub fn image(&self, format: Arc<Format>) -> DiskImage<HardState> {
        DiskImage {
            format: Some(format),
            incarnation: self.persist.incarnation(),
            hard: self.hard.clone(),
            log: self.log.iter().cloned().collect(),
            base: self.log.base(),
            snapshot: self.snapshots.latest.clone(),
        }
    }

    /// Its log in memory, durable or not.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Highest index that it knows to be committed.
    #[must_use]
    pub fn commit_index(&self) -> LogIndex {
        self.commit_index
    }

    /// The leader of its term, where it knows one.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower { leader } => leader.map(|heard| heard.leader),
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
            Role::Leader(_) => Some(self.id),
        }
    }

    /// Takes clients' commands and leaves the list's memory to whoever comes next: [`Input::Propose`] without a list for
    /// each. Nothing is left in it that counts.
    pub fn propose_in_place(&mut self, now: Now, proposals: &mut Vec<Proposal>, out: &mut Effects) {
        if !self.store_lost {
            self.on_propose(now, proposals, out);
            self.follow_up(now, out);
        }
        proposals.clear();
    }

    /// Takes a peer's message where it lies: [`Input::Receive`] without a copy. What is left of it is of no use.
    pub fn receive_in_place(&mut self, now: Now, from: NodeId, message: &mut Message, out: &mut Effects) {
        if !self.store_lost {
            self.receive(now, from, message, out);
            self.follow_up(now, out);
        }
    }

    fn on(&self, rule: Rule) -> bool {
        self.config.rules.on(rule)
    }

    /// Takes a peer's message: a higher term is adopted first, then the handler runs (Figure 2, "Rules for
    /// Servers"). A pre-vote speaks of a term that nobody is in yet, so it and its grant change no term.
    fn receive(&mut self, now: Now, from: NodeId, message: &mut Message, out: &mut Effects) {
        // Appends and answers of the current term are nearly all that is said, and all that is looked at below lets
        // them through.
        if let Message::AppendEntries(append) = message
            && append.term == self.hard.current_term
            && from != self.id
        {
            return self.on_append_entries(now, from, append, out);
        }
        if let Message::AppendEntriesReply(reply) = message
            && reply.term == self.hard.current_term
            && from != self.id
        {
            return self.on_append_entries_reply(now, from, reply, out);
        }
        if !self.may_say(from, message) {
            out.note(|| Event::MessageIgnored { from, reason: IgnoreReason::NotAMember });
            return;
        }
        if message.term() > Term::MAX {
            out.note(|| Event::MessageIgnored { from, reason: IgnoreReason::Malformed });
            return;
        }
        let prospective = match message {
            Message::PreVote(_) => true,
            Message::PreVoteReply(reply) => reply.vote_granted,
            Message::RequestVote(_)
            | Message::RequestVoteReply(_)
            | Message::AppendEntries(_)
            | Message::AppendEntriesReply(_)
            | Message::InstallSnapshot(_)
            | Message::InstallSnapshotReply(_)
            | Message::ReadIndex(_)
            | Message::ReadIndexReply(_)
            | Message::TimeoutNow(_)
            | Message::FeedEdge(_)
            | Message::Relay(_)
            | Message::Relayed(_) => false,
        };
        if let Message::RequestVote(request) = message
            && let Some(refusal) = self.ignores_candidate(now, request)
        {
            self.note_vote(false, from, request, Some(refusal), out);
            return;
        }
        if !prospective && message.term() > self.hard.current_term {
            if !self.on(Rule::AdoptHigherTerm) {
                return;
            }
            self.adopt_term(now, message.term(), Some(from), out);
        }
        match message {
            Message::PreVote(request) => self.on_pre_vote(now, from, request, out),
            Message::PreVoteReply(reply) => self.on_pre_vote_reply(now, from, reply, out),
            Message::RequestVote(request) => self.on_request_vote(now, from, request, out),
            Message::RequestVoteReply(reply) => self.on_request_vote_reply(now, from, reply, out),
            Message::AppendEntries(append) => self.on_append_entries(now, from, append, out),
            Message::AppendEntriesReply(reply) => self.on_append_entries_reply(now, from, reply, out),
            Message::InstallSnapshot(install) => self.on_install_snapshot(now, from, install, out),
            Message::InstallSnapshotReply(reply) => self.on_install_snapshot_reply(now, from, reply, out),
            Message::ReadIndex(request) => self.on_read_index(from, request, out),
            Message::ReadIndexReply(reply) => self.on_read_index_reply(from, reply, out),
            Message::TimeoutNow(order) => self.on_timeout_now(now, from, order, out),
            Message::FeedEdge(feed) => self.on_feed_edge(now, from, feed, out),
            Message::Relay(order) => self.on_relay(now, from, order, out),
            Message::Relayed(relayed) => self.on_relayed(now, from, relayed, out),
        }
    }

    fn on_deadline(&mut self, now: Now, out: &mut Effects) {
        if now.mono < self.timer.deadline {
            return;
        }
        match &self.role {
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } if !self.votes => {
                self.become_follower(now, None, FollowerReason::LeaderSilent, out);
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => self.campaign(now, out),
            Role::Leader(_) => self.broadcast_heartbeat(now, out),
        }
    }

    fn draw_election_timeout(&mut self) -> Span {
        let (low, high) = self.config.election_timeout;
        if self.config.rules.on(Rule::RandomizedTimeout) { self.rng.span((low, high)) } else { low }
    }

    fn arm(&mut self, kind: TimerKind, now: Mono, after: Span) {
        self.timer = Timer { kind, armed: now, deadline: now + after };
    }

    /// Sets the election timer anew, to a random timeout (§5.2).
    fn restart_election_timer(&mut self, now: Now, reason: TimerReason, out: &mut Effects) {
        let timeout = self.draw_election_timeout();
        self.arm(TimerKind::Election, now.mono, timeout);
        out.note(|| Event::ElectionTimerSet { timeout, reason });
    }
}
