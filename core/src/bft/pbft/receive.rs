//! What is done with what comes in?
//!
//! Requests of clients (PBFT §4.1) and messages of peers, each handed to its
//! part. What can be of no use any more is told apart first, so that nobody
//! verifies it.

use std::sync::Arc;

use super::event::Ignored;
use super::message::{Message, Relayed, Vote};
use super::{Effects, Pbft};
use crate::bft::Bundle;
use crate::rules::Rules;
use crate::types::{NodeId, Now, Sequence, Term};

impl<R: Rules> Pbft<R> {
    /// Clients' requests (§4.1). A backup that gets one passes it on: its client has not heard from the primary.
    pub(super) fn on_requests(&mut self, now: Now, bundles: Vec<Arc<Bundle>>, out: &mut Effects) {
        if self.leads() || self.changing {
            return self.pool.take_in(now.mono, bundles, out);
        }
        let is_new = |bundle: &&Arc<Bundle>| self.pool.get(&bundle.hash()).is_none();
        let new: Vec<Arc<Bundle>> = bundles.iter().filter(is_new).cloned().collect();
        self.pool.take_in(now.mono, bundles, out);
        let waits = |bundle: &Arc<Bundle>| self.pool.get(&bundle.hash()).is_some();
        self.relay(new.into_iter().filter(waits).collect(), false, out);
    }

    /// Requests that a peer passes on.
    fn on_relayed(&mut self, now: Now, Relayed { bundles, anew }: Relayed) {
        for bundle in bundles {
            if anew {
                self.pool.admit_again(now.mono, bundle)
            } else {
                self.pool.admit(now.mono, bundle)
            };
        }
    }

    pub(super) fn receive(&mut self, now: Now, from: NodeId, message: Message, out: &mut Effects) {
        let serves = matches!(message, Message::Chunk(_)) && self.is_source(from);
        if (self.place_of(from).is_none() && !serves) || from == self.id {
            return self.ignore(from, Ignored::NotAVoter, out);
        }
        if self.is_moot(&message) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        self.listen(from, &message);
        match message {
            Message::Requests(relayed) => self.on_relayed(now, relayed),
            Message::PrePrepare(pre_prepare) => self.on_pre_prepare(now, from, pre_prepare, out),
            Message::Prepare(vote) => self.on_prepare(from, &vote, out),
            Message::Commit(vote) => self.on_commit(from, &vote, out),
            Message::Checkpoint(said) => self.on_checkpoint(now, from, said.0, said.1, out),
            Message::ViewChange(change) => self.on_view_change(now, from, &change, out),
            Message::NewView(new_view) => self.on_new_view(now, from, &new_view, out),
            Message::Standing(standing) => self.on_standing(now, from, &standing, out),
            Message::Committed(committed) => self.on_committed(from, &committed, out),
            Message::Stable(stable) => self.on_stable(now, from, &stable, out),
            Message::FetchValues(wanted) => self.on_fetch_values(now, from, &wanted, out),
            Message::Body(sequence, value) => self.on_body(from, sequence, &value, out),
            Message::FetchChunk(fetch) => self.on_fetch_chunk(from, &fetch, out),
            Message::Chunk(chunk) => self.on_chunk(from, &chunk, out),
            Message::Evidence(evidence) => drop(self.accuser.take(from, evidence, out)),
            Message::Later { .. } | Message::Epoch(_) => self.ignore(from, Ignored::NotNeeded, out),
        }
    }

    /// Whether a message is of no use, and never will be: its signatures need no look. What makes it so stays true
    /// until it is handed in: views, checkpoints and what is executed only rise. An executor hands in nothing after a
    /// restart that was looked at before it.
    pub(super) fn is_moot(&self, message: &Message) -> bool {
        let is_over = |sequence: Sequence| !(self.low() < sequence && sequence < Sequence::MAX);
        let left = |view: Term| view < self.view || (view == self.view && !self.changing);
        match message {
            Message::PrePrepare(said) => said.view < self.view || is_over(said.sequence),
            Message::Prepare(Vote { subject, .. }) => {
                let known = || self.slots.get(subject.sequence).is_some_and(|slot| slot.is_prepared_in(subject.view));
                subject.view < self.view || is_over(subject.sequence) || known()
            }
            Message::Commit(Vote { subject, .. }) => {
                let known = || self.slots.get(subject.sequence).is_some_and(|slot| slot.hard.decided.is_some());
                is_over(subject.sequence) || known()
            }
            Message::Checkpoint(said) => is_over(said.0.sequence),
            Message::ViewChange(change) => {
                left(change.view) || change.prepared.len() as u64 > self.window() || change.view > Term::MAX
            }
            Message::NewView(new_view) => {
                let voters = self.quorum.voters().len();
                left(new_view.view)
                    || new_view.view > Term::MAX
                    || new_view.view_changes.len() > voters
                    || new_view.pre_prepares.len() as u64 > self.window()
                    || new_view.view_changes.iter().any(|change| change.prepared.len() as u64 > self.window())
            }
            Message::Committed(committed) => committed.decided.subject.sequence <= self.executed,
            Message::Stable(stable) => {
                let sequence = stable.proof.checkpoint.sequence;
                sequence < self.low() || sequence <= self.executed && sequence == self.low()
            }
            Message::Evidence(evidence) => self.accuser.is_moot(evidence),
            Message::Requests(_)
            | Message::Standing(_)
            | Message::FetchValues(_)
            | Message::Body(..)
            | Message::FetchChunk(_)
            | Message::Chunk(_)
            | Message::Later { .. }
            | Message::Epoch(_) => false,
        }
    }
}
