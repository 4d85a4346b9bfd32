//! Who belongs to the cluster, and how does that change?
//!
//! Joint consensus after Raft paper §6 and Ongaro's thesis (§4.3). A
//! configuration acts as soon as it stands in a node's log, committed or not
//! (thesis §4.1): elections and commits on both sides of a change then need the
//! same half. Every change of voters goes through a joint configuration; once
//! that is committed the leader appends the one that follows it, and whoever
//! leads then does, so that no cluster stays joint for ever.
//!
//! A leader that is no voter any more goes on until its removal is committed,
//! without counting itself (thesis §4.2.2). Nodes that leave are fed until then,
//! so that they learn of it.

use std::sync::Arc;

use super::message::Message;
use super::observers::{Feed, Observers};
use super::progress::{Mode, Progress};
use super::role::Role;
use super::{Effects, Log, Raft};
use crate::edge::Edge;
use crate::entry::{Class, Entry, EntryKind, Proposal, Tags};
use crate::event::{ChangeRefusal, Event, FollowerReason};
use crate::membership::{Membership, MembershipChange};
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::{ClientId, LogIndex, NodeId, Now, RequestNumber};

/// The configurations of a log, as far back as it may still be cut.
#[derive(Clone, Debug)]
pub(super) struct Members {
    /// The newest last; the first is the newest that is known to be committed.
    history: Vec<(LogIndex, Membership)>,
    /// Those before it that snapshots may still ask for; oldest first.
    settled: Vec<(LogIndex, Membership)>,
}

impl Members {
    /// These members at `index`, and then the configurations of the entries that follow in the log.
    pub(super) fn starting_with(index: LogIndex, members: Membership, log: &Log) -> Self {
        let mut all = Self { history: vec![(index, members)], settled: Vec::new() };
        for entry in log.iter().filter(|entry| entry.index > index) {
            all.appended(entry);
        }
        all
    }

    /// The configuration at `index`, which is committed and not before the last applied one that was asked for.
    pub(super) fn at(&self, index: LogIndex) -> &Membership {
        let before = self.settled.iter().chain(&self.history).take_while(|(at, _)| *at <= index);
        before.last().map_or(&self.history[0].1, |(_, members)| members)
    }

    /// The newest configuration, and the index where it stands.
    pub(super) fn current(&self) -> &(LogIndex, Membership) {
        // There is always one: nothing removes the first.
        &self.history[self.history.len() - 1]
    }

    /// Takes note of an entry at the end of the log. Returns whether it is a configuration.
    pub(super) fn appended(&mut self, entry: &Entry) -> bool {
        let members = if entry.kind == EntryKind::Configuration { Membership::decode(&entry.payload) } else { None };
        let found = members.is_some();
        self.history.extend(members.map(|members| (entry.index, members)));
        found
    }

    /// The log was cut from `from` on: the configuration before that acts again. Returns whether it is another.
    pub(super) fn truncated(&mut self, from: LogIndex) -> bool {
        let before = self.history.len();
        while self.history.len() > 1 && self.current().0 >= from {
            self.history.pop();
        }
        self.history.len() < before
    }

    /// What stands before a committed configuration acts never again; snapshots need it back to `applied`.
    pub(super) fn committed(&mut self, commit: LogIndex, applied: LogIndex) {
        let old = self.history.iter().take_while(|(index, _)| *index <= commit).count();
        self.settled.extend(self.history.drain(..old.saturating_sub(1)));
        let passed = self.settled.iter().take_while(|(index, _)| *index <= applied).count();
        self.settled.drain(..passed.saturating_sub(1));
    }

    /// Whether `node` votes in the newest configuration or in the one before it, as long as that may still act
    /// elsewhere.
    fn may_act_as_voter(&self, node: NodeId) -> bool {
        self.history.iter().rev().take(2).any(|(_, members)| members.is_voter(node))
    }

    /// Everybody who is fed: all members, and until their removal is committed those who leave. Observers come last.
    fn fed(&self) -> impl Iterator<Item = (NodeId, Feed)> + use<> {
        let acting = || self.history.iter().rev().take(2).map(|(_, members)| members);
        let all = crate::few::distinct(acting().flat_map(Membership::members));
        let follows = |node: NodeId| acting().any(|members| members.is_full_member(node));
        let (followers, observers): (Vec<_>, Vec<_>) = all.into_iter().partition(|node| follows(*node));
        let fed_by = |feed| move |node| (node, feed);
        followers.into_iter().map(fed_by(Feed::Log)).chain(observers.into_iter().map(fed_by(Feed::Committed)))
    }
}

impl Members {
    /// What `node` subscribes to, in the newest configuration that says so and may still act.
    fn edge(&self, node: NodeId) -> Option<&Edge> {
        self.history.iter().rev().take(2).find_map(|(_, members)| members.edge(node))
    }
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// The configuration that acts.
    #[must_use]
    pub fn membership(&self) -> &Membership {
        &self.members.current().1
    }

    /// Whether this node runs for election. One whose removal is not known to be committed does (thesis §4.2.2):
    /// it may be the only one with the entry that removes it, and then nobody else can be elected. Nobody is led by
    /// a log with holes.
    pub(super) fn may_campaign(&self) -> bool {
        if self.subscription.is_some() {
            false
        } else if self.on(Rule::LeavingMayCampaign) {
            self.members.may_act_as_voter(self.id)
        } else {
            self.membership().is_voter(self.id)
        }
    }

    /// Everybody else who has a vote.
    pub(super) fn other_voters(&self) -> impl Iterator<Item = NodeId> + use<R, Q> {
        let own = self.id;
        let Membership { voters, outgoing, .. } = self.membership();
        crate::few::distinct(voters.iter().chain(outgoing).copied()).into_iter().filter(move |node| *node != own)
    }

    /// A leader's first idea of everybody whom it feeds.
    pub(super) fn first_progress(&self, next: LogIndex) -> smallvec::SmallVec<[Progress; 4]> {
        let others = self.members.fed().filter(|(node, _)| *node != self.id);
        let edge = |node| self.members.edge(node).cloned().map(Arc::new);
        let fresh = |(node, feed)| {
            let mut progress = Progress::new(node, next).with(feed);
            progress.edge = if feed == Feed::Log { None } else { edge(node) };
            progress
        };
        others.map(fresh).collect()
    }

    /// Another configuration acts from here on: quorums and followers are those of it.
    pub(super) fn act_on_members(&mut self, out: &mut Effects) {
        let (index, members) = self.members.current().clone();
        self.quorum = Q::of(&members, !self.on(Rule::MajorityQuorum));
        self.votes = self.may_campaign();
        self.unsettled = true;
        self.adjust_progress();
        out.note(|| Event::MembershipActs { index, members });
    }

    fn adjust_progress(&mut self) {
        let next = self.log.last_index().next();
        let fresh = self.first_progress(next);
        let Role::Leader(leader) = &mut self.role else { return };
        let known = |new: Progress| match leader.progress_of(new.node) {
            Some(known) if known.edge == new.edge => known.clone().with(new.feed).without_feeder(),
            Some(_) | None => new,
        };
        leader.progress = fresh.into_iter().map(known).collect();
        leader.observers = Observers::among(&leader.progress);
    }

    /// An operator asks for other members. What is refused here was not appended.
    pub(super) fn on_reconfigure(&mut self, now: Now, change: &MembershipChange, out: &mut Effects) {
        match self.next_members(change) {
            Ok(members) => self.append_members(now, &members, out),
            Err(reason) => out.note(|| Event::ChangeRefused { reason }),
        }
    }

    fn next_members(&self, change: &MembershipChange) -> Result<Membership, ChangeRefusal> {
        let Role::Leader(leader) = &self.role else {
            return Err(ChangeRefusal::NotLeader { leader: self.leader() });
        };
        let (index, current) = self.members.current();
        let pending = current.is_joint() || *index > self.commit_index;
        if pending && self.on(Rule::OneChangeAtATime) {
            return Err(ChangeRefusal::Pending { index: *index });
        }
        // Before that, an older leader's change that this one has not heard of may still be committed.
        if self.log.term_at(self.commit_index) != Some(self.hard.current_term) && self.on(Rule::ChangeAfterOwnCommit) {
            return Err(ChangeRefusal::NothingCommittedInTerm);
        }
        let next = current.after(change).map_err(ChangeRefusal::Nonsense)?;
        let far = |node: &&NodeId| !leader.progress.iter().any(|other| other.node == **node && self.is_near(other));
        if let Some(behind) = change.promote.iter().find(far).filter(|_| self.on(Rule::PromoteCaughtUp)) {
            return Err(ChangeRefusal::NotCaughtUp(*behind));
        }
        let same_voters = next.voters == current.voters;
        let outgoing = if same_voters || !self.on(Rule::JointConsensus) { Vec::new() } else { current.voters.clone() };
        Ok(Membership { outgoing, ..next })
    }

    /// Whether a follower has the leader's log but for what one append brings.
    pub(super) fn is_near(&self, progress: &Progress) -> bool {
        let close = LogIndex(self.log.last_index().0.saturating_sub(u64::from(self.config.max_entries_per_append)));
        progress.mode == Mode::Replicate && progress.matched >= close
    }

    fn append_members(&mut self, now: Now, members: &Membership, out: &mut Effects) {
        let proposal = Proposal {
            client: ClientId(0),
            number: RequestNumber(0),
            class: Class::Critical,
            tags: Tags::new(),
            payload: members.encode(),
        };
        self.append_as_leader(now, EntryKind::Configuration, [proposal], out);
        self.act_on_members(out);
        self.replicate_to_all(out);
        self.remind_observers(out); // Who joins is asked what it has.
    }

    /// What a committed configuration asks for: to leave a joint one, to let go of who left, to step down.
    #[inline(never)]
    pub(super) fn tend_members(&mut self, now: Now, out: &mut Effects) {
        if self.members.current().0 > self.commit_index {
            return;
        }
        self.members.committed(self.commit_index, self.last_applied);
        self.votes = self.may_campaign();
        let Role::Leader(_) = self.role else {
            self.unsettled = false;
            return;
        };
        self.part_with_observers(out);
        // What an older leader made joint and did not live to leave is left by the next one (thesis §4.3).
        if self.membership().is_joint() {
            if self.on(Rule::AutoLeave) {
                let left = self.membership().left();
                self.append_members(now, &left, out);
            }
            return;
        }
        self.unsettled = false;
        let removed = !self.membership().is_voter(self.id);
        // Those who leave hear of the commit before they are let go.
        self.begin_round(now, out);
        self.adjust_progress();
        if removed {
            self.become_follower(now, None, FollowerReason::Removed, out);
        }
    }

    /// Whether a message may come from `from`. Requests are taken from anybody: a node may hear from a leader or
    /// candidate before it has the configuration that names it (thesis §4.2.2). Answers count from members only.
    pub(super) fn may_say(&self, from: NodeId, message: &Message) -> bool {
        match message {
            Message::PreVote(_)
            | Message::RequestVote(_)
            | Message::AppendEntries(_)
            | Message::InstallSnapshot(_)
            | Message::ReadIndex(_)
            | Message::TimeoutNow(_)
            | Message::FeedEdge(_)
            | Message::Relay(_)
            | Message::Relayed(_) => from != self.id,
            Message::PreVoteReply(_) | Message::RequestVoteReply(_) => {
                from != self.id && self.membership().is_voter(from)
            }
            Message::AppendEntriesReply(_) | Message::InstallSnapshotReply(_) | Message::ReadIndexReply(_) => {
                from != self.id
            }
        }
    }
}
