//! How does a replica begin an era, and how does one come along that is eras behind?
//!
//! An era is three instances: two rounds, the opening, PBFT. Its number is how
//! often the cluster has returned to the rounds. From the second on an era begins
//! with a checkpoint of its rounds that a quorum has signed when PBFT ended
//! (`leave`). A replica that has the state goes on from it at once. Whoever has
//! not, because it slept or is slow, believes the same proof, or any later
//! checkpoint of the era's rounds or its PBFT, all of which are of that era and of
//! no other: it leaves whatever it was in for good, begins the era without a
//! state, and fetches that. It says nothing of a history before it has it.
//!
//! **Nothing of an older era is kept**: not in memory, and in the store no longer
//! than the write with which the new one begins. What was promised there can
//! harm nobody, for a quorum is out of it, and nothing after its end is executed.
//! To a message of an older era the answer is the proof of the present one.
//! Terms of entries have the instance in their upper half, so they rise.
//!
//! Signs are forgotten with the era: the threat monitor starts anew, so nothing
//! that was seen before the return ends the new rounds. Convictions stay.

use std::sync::Arc;

use super::message::Message;
use super::rounds::{self, Rounds, Stable};
use super::threat::Monitor;
use super::{Effects, Hybrid, leave};
use crate::bft::{Bundle, pbft};
use crate::crypto::{Family, Hash256};
use crate::protocol::Input;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::storage::{DiskImage, Write};
use crate::types::{LogIndex, NodeId, Now, Sequence, Span};

/// Proof that an era has begun: a checkpoint of its rounds.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    pub(super) era: u64,
    /// Who may have the state.
    pub(super) from: NodeId,
    pub(super) stable: Arc<Stable>,
}

impl Ahead {
    fn rank(&self) -> (u64, Sequence) {
        (self.era, self.stable.proof.checkpoint.sequence)
    }
}

impl<R: Rules> Hybrid<R> {
    /// A message of an era that has not begun here.
    pub(super) fn on_later(&mut self, now: Now, from: NodeId, era: u64, message: Message, out: &mut Effects) {
        match message {
            // Only an epoch's first era begins with a state that nobody in the epoch has signed, and none comes before it.
            Message::Rounds(rounds::Message::Stable(stable)) if stable.proof.is_proven(&self.quorum) => {
                self.look_ahead(now, Ahead { era, from, stable: Arc::new(*stable) });
            }
            Message::Bft(pbft::Message::Stable(stable)) if stable.proof.is_proven(&self.quorum) => {
                self.enter(now, era, None, None, out);
                self.held = true;
                self.begin_bft(now, out);
                self.step_bft(now, Input::Receive { from, message: pbft::Message::Stable(stable) }, out);
            }
            Message::Rounds(_)
            | Message::Opening(_)
            | Message::Bft(_)
            | Message::Alarms(_)
            | Message::Stop(_)
            | Message::Opened(_)
            | Message::Where(_)
            | Message::Calm(_)
            | Message::Root(_)
            | Message::Evidence(_)
            | Message::Later { .. }
            | Message::InEpoch { .. }
            | Message::Epoch(_) => {
                let soon = self.asked_at + self.config.settings.bft.retransmit;
                self.ask_at = self.ask_at.min(soon.max(now.mono));
            }
        }
    }

    /// Takes note of a proof. Whoever is about to get there by itself gets a little time for it.
    pub(super) fn look_ahead(&mut self, now: Now, ahead: Ahead) {
        if self.next.as_ref().is_none_or(|known| known.rank() < ahead.rank()) {
            self.ask_at = self.ask_at.min(now.mono + self.config.settings.bft.retransmit);
            self.next = Some(ahead);
        }
    }

    /// An era has begun, and this replica does not get its state by itself.
    pub(super) fn go_ahead(&mut self, now: Now, out: &mut Effects) {
        let Some(Ahead { era, from, stable }) = self.next.take().filter(|next| next.era > self.era) else { return };
        self.enter(now, era, Some(&stable), None, out);
        let message = rounds::Message::Stable(Box::new((*stable).clone()));
        self.step_rounds(now, Input::Receive { from, message }, out);
    }

    /// Begins an era behind this checkpoint of its rounds: with the state, or without. Without a checkpoint it takes no
    /// part in the rounds.
    pub(super) fn enter(
        &mut self,
        now: Now,
        era: u64,
        stable: Option<&Arc<Stable>>,
        state: Option<Arc<Snapshot>>,
        out: &mut Effects,
    ) {
        let mut waiting: Vec<Arc<Bundle>> = match &self.bft {
            Some(bft) => bft.waiting().cloned().collect(),
            None => self.rounds.retire(),
        };
        waiting.append(&mut self.changes);
        let (sequence, chain) = match (stable, &state) {
            (Some(stable), Some(_)) => (stable.proof.checkpoint.sequence, stable.chain),
            (Some(_) | None, _) => (Sequence(0), Hash256::ZERO),
        };
        let hard = rounds::HardState {
            stable: stable.cloned(),
            stopped: stable.is_none(),
            committed: sequence,
            committed_hash: chain,
            ..rounds::HardState::default()
        };
        let log = self.log();
        let end = log.last_index();
        let image = match &state {
            Some(state) => DiskImage {
                hard: hard.clone(),
                base: state.meta.base(),
                snapshot: Some(Arc::clone(state)),
                ..self.empty_image()
            },
            None => DiskImage {
                hard: hard.clone(),
                base: log.base(),
                log: log.iter().cloned().collect(),
                ..self.empty_image()
            },
        };
        self.era = era;
        self.rounds = Rounds::recover(&self.config.rounds(era), self.id, &image, now);
        self.rounds.resume();
        self.rounds.exclude(&self.excluded());
        self.start_over(now);
        self.write_era(hard, state, end, out);
        self.step_rounds(now, Input::ExpiryAt(self.expiry), out);
        let waiting = of_clients(waiting);
        if !waiting.is_empty() {
            self.step_rounds(now, Input::Requests(waiting), out);
        }
    }

    /// Forgets all of the era before.
    fn start_over(&mut self, now: Now) {
        let voters = self.quorum.voters().len();
        self.rounds_domain = self.config.domain(self.era, 0, Family::Hybrid);
        (self.opening, self.opened, self.bft) = (None, None, None);
        (self.held, self.rescue, self.next) = (false, None, None);
        self.monitor = Monitor::new(self.config.settings.threat);
        (self.alarms, self.stops) = (vec![None; voters], vec![None; voters]);
        (self.calm, self.roots) = (vec![None; voters], vec![None; voters]);
        (self.has_asked, self.has_asked_to_leave) = (false, false);
        (self.calm_since, self.ask_at) = (now.mono, now.mono);
        self.tickets.forget();
        self.accuser.listen_in(&self.domains());
    }

    /// One write ends the era before: the checkpoint, and the state in the place of the log, which ended at `end`. That
    /// is not behind the state, but where the laboratory has switched off that what is ordered after the end is void.
    fn write_era(&mut self, hard: rounds::HardState, state: Option<Arc<Snapshot>>, end: LogIndex, out: &mut Effects) {
        let ticket = self.issue(out);
        if out.is_in_memory() {
            return;
        }
        let hard = Some(super::HardState { rounds: Some(Box::new(hard)), ..self.numbers() });
        let compact = state.as_ref().map(|state| state.meta.base());
        let truncate = compact.filter(|base| base.index < end).map(|base| base.index.next());
        let append = Default::default();
        out.write(|| Write { ticket, hard, truncate, append, snapshot: state, compact });
    }

    /// Who never leads: who was convicted before this era began, so that turns stay what they are within it.
    pub(super) fn excluded(&self) -> Vec<NodeId> {
        self.convicted.iter().filter(|(era, _)| *era < self.era).map(|(_, node)| *node).collect()
    }

    /// Shows one that is in an older era that this one has begun.
    pub(super) fn show_era(&mut self, now: Now, to: NodeId, out: &mut Effects) {
        let pause = Span(self.config.settings.bft.retransmit.0 / 2);
        let (place, voters) = (self.place_of(to), self.quorum.voters().len());
        if !place.is_some_and(|place| self.helped.may(place, voters, now, pause)) {
            return;
        }
        if let Some(proof) = self.bft.as_ref().and_then(|bft| bft.stable_checkpoint()) {
            let stable = pbft::Stable { proof: Arc::clone(proof), gone: true };
            self.tell(to, Message::Bft(pbft::Message::Stable(Box::new(stable))), None, out);
        } else if let Some(stable) = self.rounds.stable() {
            let stable = Box::new((**stable).clone());
            self.tell(to, Message::Rounds(rounds::Message::Stable(stable)), None, out);
        }
    }
}

/// What clients ask for: what replicas have asked for is of the instance in which they did.
pub(super) fn of_clients(waiting: Vec<Arc<Bundle>>) -> Vec<Arc<Bundle>> {
    waiting.into_iter().filter(|bundle| !leave::is_of_a_node(bundle)).collect()
}
