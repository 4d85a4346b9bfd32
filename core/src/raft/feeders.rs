//! How is a node that is far from the leader fed by one that is near?
//!
//! Nodes may stand in zones. A learner, an observer or an edge in another zone than
//! its leader gets entries from a voter of its own zone, its *feeder*, so that each
//! entry crosses the border once. The leader goes on to know who has what: it
//! decides what is sent next, tells the feeder by an order without entries, and the
//! answer comes to the leader itself. So matches, conflicts, windows and promotion
//! (`raft.promote-caught-up`) are the same whoever feeds.
//!
//! * A feeder sends committed entries only, and of its own log: it must hold the
//!   last one of the order, index and term, so that its log equals the leader's up
//!   to there (`raft.feeder-sends-committed`). Otherwise it sends nothing.
//! * What is lost on the way is found by the leader's own heartbeats, as everywhere;
//!   a node that is looked for (`Mode::Probe`) is fed by the leader itself. So an
//!   order that nobody follows costs a heartbeat, and no feeder can starve a node.
//! * A feeder is a voter that the leader has heard within the longest election
//!   timeout and that has been sent what it is to send on. It is chosen anew with
//!   each heartbeat and with each change of members: one that falls silent, or
//!   leaves, feeds nobody.
//!
//! Left out: snapshots by feeders, and distances within a zone.

use super::message::{AppendEntries, Message, Relay, Relayed};
use super::observers::Feed;
use super::progress::{Mode, Progress};
use super::role::{Leader, Role};
use super::{Effects, Raft};
use crate::entry::Entries;
use crate::event::{CommitReason, Event, IgnoreReason};
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::snapshot::Base;
use crate::types::{NodeId, Now};

/// Sends an append for a node that has a feeder: as an order to the feeder, or straight to the node. What an order
/// speaks of has left for the feeder before, so that it finds it there unless that was lost.
#[inline(never)]
pub(super) fn send(leader: &Leader, position: usize, feeder: NodeId, append: AppendEntries, out: &mut Effects) {
    let Some(progress) = leader.progress.get(position) else { return };
    let last = append.entries.last().map(|entry| Base { index: entry.index, term: entry.term });
    let near = leader.progress_of(feeder).filter(|near| near.mode == Mode::Replicate);
    match (last, near) {
        (Some(last), Some(near))
            if progress.mode == Mode::Replicate && last.index <= append.leader_commit && near.next > last.index =>
        {
            let (to, subscription) = (progress.node, progress.edge.as_ref().map(|edge| edge.subscription()));
            let append = AppendEntries { entries: Entries::new(), ..append };
            out.send(feeder, Message::Relay(Box::new(Relay { to, subscription, append, last })), None);
        }
        (Some(_) | None, Some(_) | None) => out.send(progress.node, super::edges::addressed(progress, append), None),
    }
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Chooses who feeds whom until the next heartbeat.
    pub(super) fn choose_feeders(&mut self, now: Now, out: &mut Effects) {
        if self.config.zones.is_empty() {
            return;
        }
        let Role::Leader(leader) = &self.role else { return };
        let own = self.config.zone_of(self.id);
        let elsewhere = |node| self.config.zone_of(node).filter(|zone| Some(*zone) != own);
        let is_heard = |node| now.mono - leader.rounds.heard(node) <= self.config.election_timeout.1;
        let fit = |near: &&Progress| {
            near.mode == Mode::Replicate && self.membership().is_voter(near.node) && is_heard(near.node)
        };
        let voters = leader.progress.iter().take(leader.followers()).filter(fit);
        let near: Vec<(u32, NodeId)> = voters.filter_map(|near| Some((elsewhere(near.node)?, near.node))).collect();
        let choose = |progress: &Progress| {
            let members = self.membership();
            // Who leaves must hear of it, which is not committed yet.
            let stays = progress.feed != Feed::Farewell && members.contains(progress.node);
            let zone = elsewhere(progress.node).filter(|_| stays && !members.is_voter(progress.node))?;
            near.iter().find(|(of, _)| *of == zone).map(|(_, feeder)| *feeder)
        };
        let chosen: Vec<Option<NodeId>> = leader.progress.iter().map(choose).collect();
        let Role::Leader(leader) = &mut self.role else { return };
        let followers = leader.followers();
        leader.observers.learners_too = chosen.iter().take(followers).any(Option::is_some);
        for (progress, feeder) in leader.progress.iter_mut().zip(chosen) {
            if progress.feeder != feeder {
                progress.feeder = feeder;
                out.note(|| Event::FeederChosen { node: progress.node, feeder });
            }
        }
    }

    /// Sends entries of this node's log for its leader, if it has them.
    pub(super) fn on_relay(&mut self, now: Now, leader: NodeId, order: &Relay, out: &mut Effects) {
        let Relay { to, subscription, append, last } = order;
        if append.term < self.hard.current_term || *to == self.id || !append.entries.is_empty() {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::StaleTerm });
            return;
        }
        if !self.follow(now, leader, out) {
            return;
        }
        let shared = self.log.term_at(append.prev_log_index) == Some(append.prev_log_term)
            && self.log.term_at(last.index) == Some(last.term);
        let sends = shared && last.index <= append.leader_commit && self.subscription.is_none();
        if !sends && self.on(Rule::FeederSendsCommitted) {
            out.note(|| Event::MessageIgnored { from: leader, reason: IgnoreReason::Outdated });
            return;
        }
        if sends {
            self.commit_to(last.index, CommitReason::LeaderSaid(leader), out);
        }
        let count = last.index.0.saturating_sub(append.prev_log_index.0);
        let count = u32::try_from(count).unwrap_or(u32::MAX).min(self.config.max_entries_per_append);
        let (mut entries, _) = self.log.slice(append.prev_log_index.next(), count, u64::MAX, u64::MAX);
        if let Some(subscription) = subscription {
            let edge = self.membership().edge(*to).filter(|edge| edge.subscription() == *subscription);
            let Some(edge) = edge else { return }; // The leader knows of a configuration that this node has not heard of.
            entries = super::edges::without_bodies(edge, entries);
        }
        if entries.is_empty() {
            return;
        }
        let append = AppendEntries { entries, ..append.clone() };
        let relayed = Relayed { leader, subscription: *subscription, append };
        // No promise: the entries are committed, whatever of them is durable here.
        out.send(*to, Message::Relayed(Box::new(relayed)), None);
    }

    /// Takes an append that the leader had sent by way of a feeder; the answer goes to the leader.
    pub(super) fn on_relayed(&mut self, now: Now, feeder: NodeId, relayed: &mut Relayed, out: &mut Effects) {
        let Relayed { leader, subscription, append } = relayed;
        if *leader == self.id {
            out.note(|| Event::MessageIgnored { from: feeder, reason: IgnoreReason::WrongRole });
            return;
        }
        match subscription {
            None => self.on_append_entries(now, *leader, append, out),
            Some(subscription) => self.take_fed(now, *leader, *subscription, append, out),
        }
    }
}
