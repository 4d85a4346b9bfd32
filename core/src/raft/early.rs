//! When may a leader answer before a quorum has the command?
//!
//! The fast path, for commands whose client says that they may be lost
//! ([`Class::Relaxed`]): the leader answers with index and term as soon as its
//! own copy is durable, without a result, and a second time once the command is
//! applied. One promise stands behind the early answer: the leader does not
//! forget the command by itself, in a crash. Nothing is promised against another
//! leader, which may never have heard of it. Neither commit nor application
//! knows the difference, so a lost early answer breaks no property of Raft; the
//! client was told that it is not yet safe.
//!
//! A batch without relaxed commands pays nothing for them. Read `replication` first.

use super::role::{Role, Waiting};
use super::{Effects, Raft};
use crate::entry::Class;
use crate::event::Event;
use crate::protocol::Outcome;
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::types::LogIndex;

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// Remembers which of the new entries, from `first` on, are to be answered once they are durable here.
    pub(super) fn expect_early(&mut self, first: LogIndex, out: &mut Effects) {
        let Role::Leader(leader) = &mut self.role else { return };
        let known = leader.waiting.partition_point(|waiting| waiting.index < first);
        let is_relaxed =
            |waiting: &&Waiting| self.log.get(waiting.index).is_some_and(|entry| entry.class == Class::Relaxed);
        leader.early.extend(leader.waiting.range(known..).filter(is_relaxed));
        if !self.on(Rule::EarlyAnswerIsDurable) {
            self.answer_early_through(self.log.last_index(), out);
        }
    }

    /// Answers the relaxed commands that are durable here by now. What is committed already gets its result in the
    /// same moment and needs no other answer.
    #[inline]
    pub(super) fn answer_early(&mut self, out: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        if !leader.early.is_empty() {
            self.answer_early_through(self.persist.durable(), out);
        }
    }

    fn answer_early_through(&mut self, through: LogIndex, out: &mut Effects) {
        let (term, commit) = (self.hard.current_term, self.commit_index);
        let Role::Leader(leader) = &mut self.role else { return };
        while let Some(Waiting { index, client, number }) = leader.early.pop_front_if(|early| early.index <= through) {
            if index > commit {
                out.note(|| Event::AnsweredEarly { index, term, commit });
                out.answer(client, number, Outcome::Accepted { index, term });
            }
        }
    }
}
