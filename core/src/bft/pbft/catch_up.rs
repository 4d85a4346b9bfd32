//! How does a replica get what it has missed?
//!
//! Whoever waits for something says where it stands ([`Standing`]), now and
//! then; its peers answer with exactly what is missing there: the new view, view
//! changes, pre-prepares, their own prepares and commits, committed batches with
//! proof, the proof of a checkpoint, and where that is all that is left, the
//! state. PBFT's own library does the same (Castro's thesis §5.2). All that
//! counts in an answer proves itself, so anybody may give it.
//!
//! Bounded: each peer is answered once in half a retransmission interval, with
//! so many messages; who waits for nothing asks seldom.

use std::sync::Arc;

use super::event::{Event, Ignored};
use super::message::{Committed, Message, PrePrepare, Prepared, Relayed, Stable, Stage, Standing, Vote};
use super::{Effects, Pbft};
use crate::bft::Bundle;
use crate::crypto::Hash256;
use crate::rules::Rules;
use crate::types::{Mono, NodeId, Now, Sequence, Span};

/// Most sequence numbers that one answer speaks of.
const PER_ANSWER: usize = 32;

/// Most bundles that are relayed again at once.
const RELAYED_AGAIN: usize = 16;

/// After so many rounds without any progress requests that wait are to be ordered anew.
const ANEW_AFTER: u64 = 3;

/// Up to so many voters everybody answers; in larger clusters they take turns.
const ALL_ANSWER: usize = 7;

/// When each peer was answered last.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(Vec<Option<Mono>>);

impl Pace {
    /// Whether the voter at this place may be answered now; then it was.
    fn may(&mut self, place: usize, voters: usize, now: Now, pause: Span) -> bool {
        if self.0.is_empty() {
            self.0.resize(voters, None);
        }
        let Some(last) = self.0.get_mut(place) else { return false };
        let may = last.is_none_or(|last| now.mono - last >= pause);
        if may {
            *last = Some(now.mono);
        }
        may
    }
}

impl<R: Rules> Pbft<R> {
    /// Whether something should happen here that depends on others.
    pub(super) fn waits(&self) -> bool {
        let behind = self.executed < self.low() || self.transfer.is_some();
        let unfinished = || self.slots.following(self.executed).any(|(_, slot)| !slot.is_blank());
        self.changing || behind || !self.pool.is_empty() || unfinished()
    }

    /// Says where it stands, and asks for the rest of what it waits for.
    pub(super) fn ask_around(&mut self, out: &mut Effects) {
        if self.waits() {
            out.note(|| Event::AskedForMissing { executed: self.executed }.into());
        }
        let stage = |(_, slot): (Sequence, &super::slots::Slot)| Stage {
            accepted: slot.accepted_in(self.view).is_some_and(|subject| slot.hard.value(subject.hash).is_some()),
            prepared: slot.is_prepared_in(self.view),
            decided: slot.hard.decided.is_some(),
        };
        let standing = Standing {
            view: self.view,
            changing: self.changing,
            stable: self.low(),
            executed: self.executed,
            round: self.timers.rounds,
            stages: self.slots.following(self.executed).take(PER_ANSWER).map(stage).collect(),
        };
        self.broadcast(&Message::Standing(Box::new(standing)), None, out);
        if self.changing {
            if let Some(change) = self.view_changes.by(self.id, self.view).cloned() {
                self.broadcast(&Message::ViewChange(change), self.persist.promise(), out);
            }
        } else {
            self.ask_for_bodies(out);
        }
        self.relay_again(out);
        self.go_on_with_transfer(out);
    }

    /// Asks all for the bodies that this view's beginning names and that are not here.
    fn ask_for_bodies(&self, out: &mut Effects) {
        let lacks = |slot: &super::slots::Slot| {
            let hash = slot.accepted_in(self.view)?.hash;
            slot.hard.value(hash).is_none().then_some(hash)
        };
        let missing = self.slots.following(self.low()).filter_map(|(at, slot)| Some((at, lacks(slot)?))).collect();
        self.ask_for_values(missing, None, out);
    }

    /// Passes the oldest requests on to the primary once more (§4.1). Where nothing has happened for some rounds they
    /// may have been executed before this replica's memory begins: then it asks for them to be ordered anew.
    fn relay_again(&self, out: &mut Effects) {
        let anew = self.timers.rounds >= ANEW_AFTER;
        self.relay(self.pool.waiting().take(RELAYED_AGAIN).cloned().collect(), anew, out);
    }

    /// Passes requests on to the primary, where that is another replica (§4.1).
    pub(super) fn relay(&self, bundles: Vec<Arc<Bundle>>, anew: bool, out: &mut Effects) {
        let Some(primary) = self.primary().filter(|primary| *primary != self.id && !self.changing) else { return };
        if !bundles.is_empty() {
            out.note(|| Event::RequestsRelayed { primary, bundles: bundles.len() as u64 }.into());
            out.send(primary, Message::Requests(Relayed { bundles, anew }), None);
        }
    }

    /// Asks for bodies: of `prepared`'s voters f+1, so that an honest one is among them that has it; of all where none
    /// is named.
    pub(super) fn ask_for_values(
        &self,
        mut missing: Vec<(Sequence, Hash256)>,
        prepared: Option<Arc<Prepared>>,
        out: &mut Effects,
    ) {
        if missing.is_empty() {
            return;
        }
        missing.truncate(PER_ANSWER);
        let others = |voter: &NodeId| *voter != self.id;
        let whom: Vec<NodeId> = match prepared {
            Some(prepared) => {
                prepared.certificate.voters().filter(others).take(self.quorum.one_honest() as usize).collect()
            }
            None => self.quorum.voters().iter().copied().filter(others).collect(),
        };
        for to in whom {
            out.send(to, Message::FetchValues(missing.clone()), None);
        }
    }

    /// Whether it is this replica's turn to answer one that asks.
    fn answers(&mut self, now: Now, from: NodeId, round: u64) -> bool {
        let (Some(own), Some(place)) = (self.place_of(self.id), self.place_of(from)) else { return false };
        let voters = self.quorum.voters().len();
        let turn = ((own + voters - place) as u64 + round % voters.max(1) as u64) % voters.max(1) as u64;
        let mine = voters <= ALL_ANSWER || turn < u64::from(self.quorum.one_honest()) + 1;
        mine && self.answered.may(place, voters, now, self.pause())
    }

    fn pause(&self) -> Span {
        Span(self.config.settings.retransmit.0 / 2)
    }

    pub(super) fn on_standing(&mut self, now: Now, from: NodeId, standing: &Standing, out: &mut Effects) {
        let Standing { view, changing, stable, executed, .. } = *standing;
        if executed >= Sequence::MAX {
            return self.ignore(from, Ignored::Malformed, out);
        }
        if executed > self.executed || view > self.view || stable > self.low() {
            self.timers.hurry(now, &self.config.settings);
        }
        if !self.answers(now, from, standing.round) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        if view < self.view || (view == self.view && changing) {
            let own = self.view_changes.by(self.id, self.view).cloned().map(Message::ViewChange);
            let began = self.new_view.clone().filter(|began| began.view == self.view).map(Message::NewView);
            let news = if self.changing { own } else { began };
            if let Some(message) = news {
                out.send(from, message, self.persist.promise());
            }
        }
        let next = executed.next();
        let has_next = self.slots.get(next).is_some_and(|slot| slot.decided().is_some());
        let gone = executed < self.low() && !has_next;
        if let Some(proof) = self.stable.clone().filter(|_| gone || stable < self.low()) {
            out.send(from, Message::Stable(Box::new(Stable { proof, gone })), None);
        }
        let active = view == self.view && !changing && !self.changing;
        self.send_missing(from, standing, active, out);
    }

    /// Sends what a peer lacks of each sequence number after those that it has executed.
    fn send_missing(&self, to: NodeId, standing: &Standing, active: bool, out: &mut Effects) {
        let Some(place) = self.place_of(self.id) else { return };
        let after = self.persist.promise();
        let mut bytes = 0;
        let first = standing.executed;
        let row = self.slots.following(first).take(PER_ANSWER);
        for (sequence, slot) in row {
            let at = usize::try_from(sequence.0 - first.0 - 1).unwrap_or(usize::MAX);
            let stage = standing.stages.get(at).copied().unwrap_or_default();
            if bytes > u64::from(self.config.settings.max_batch_bytes) {
                return;
            }
            if let (Some(value), Some(decided)) = (slot.decided(), &slot.hard.decided) {
                if !stage.decided {
                    bytes += value.batch().bytes();
                    let committed = Committed { value: Arc::clone(value), decided: Arc::clone(decided) };
                    out.send(to, Message::Committed(Box::new(committed)), None);
                }
                continue;
            }
            let accepted = slot.hard.accepted.filter(|(subject, _)| active && subject.view == self.view);
            let Some((subject, signature)) = accepted else { continue };
            if let Some(value) = slot.hard.value(subject.hash).filter(|_| !stage.accepted) {
                bytes += value.batch().bytes();
                let (view, value) = (self.view, Arc::clone(value));
                out.send(to, Message::PrePrepare(PrePrepare { view, sequence, value, signature }), after);
            }
            let own = |votes: &super::slots::Votes| {
                let said = votes.of(place).filter(|said| said.view == subject.view && said.hash == subject.hash)?;
                Some(Vote { subject, signature: said.signature })
            };
            if let Some(vote) = own(&slot.prepares).filter(|_| !stage.prepared) {
                out.send(to, Message::Prepare(vote), after);
            }
            if let Some(vote) = own(&slot.commits).filter(|_| !stage.decided) {
                out.send(to, Message::Commit(vote), after);
            }
        }
    }

    /// A batch with the proof that it is committed: whatever its view, no other one will ever stand there.
    pub(super) fn on_committed(&mut self, from: NodeId, committed: &Committed, out: &mut Effects) {
        let Committed { value, decided } = committed;
        let (sequence, high) = (decided.subject.sequence, self.low().0.saturating_add(self.window()));
        if sequence <= self.executed || sequence.0 > high {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        if !decided.certificate.is_enough(&self.quorum) || decided.subject.hash != value.hash() {
            return self.ignore(from, Ignored::Malformed, out);
        }
        let Some(slot) = self.slots.at(sequence) else { return };
        if slot.decided().is_some() {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        let awaited = slot.hard.accepted.is_some_and(|(subject, _)| subject.hash == value.hash())
            && slot.hard.value(value.hash()).is_none();
        slot.hard.keep(Arc::clone(value));
        slot.hard.decided = Some(Arc::clone(decided));
        slot.hard.drop_unused();
        if awaited && sequence > self.low() {
            self.persist.slot(sequence).keep(Arc::clone(value));
        }
        out.note(|| Event::CaughtUp { sequence, from }.into());
    }

    pub(super) fn on_fetch_values(
        &mut self,
        now: Now,
        from: NodeId,
        wanted: &[(Sequence, Hash256)],
        out: &mut Effects,
    ) {
        let (place, voters, pause) = (self.place_of(from), self.quorum.voters().len(), self.pause());
        if !place.is_some_and(|place| self.bodies.may(place, voters, now, pause)) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        for (sequence, hash) in wanted.iter().take(PER_ANSWER) {
            if let Some(value) = self.slots.get(*sequence).and_then(|slot| slot.hard.value(*hash)) {
                out.send(from, Message::Body(*sequence, Arc::clone(value)), None);
            }
        }
    }

    pub(super) fn on_body(&mut self, from: NodeId, sequence: Sequence, value: &Arc<super::Value>, out: &mut Effects) {
        let wanted = self.slots.get(sequence).and_then(|slot| {
            let subject = slot.accepted_in(self.view)?;
            (subject.hash == value.hash() && slot.hard.value(subject.hash).is_none()).then_some(subject)
        });
        match wanted {
            Some(subject) if !self.changing => self.accept_body(subject, Arc::clone(value), out),
            Some(_) | None => self.ignore(from, Ignored::NotNeeded, out),
        }
    }
}
