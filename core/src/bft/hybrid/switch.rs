//! How does the cluster go over to PBFT, and what does it take along?
//!
//! A replica whose threat level is *high* says so; f+1 of such alarms, or f+1
//! that have stopped, one of them honest, stop whoever sees them. With a quorum
//! of stop statements a replica asks for a decision: an instance of PBFT of its
//! own, whose replicas prepare nothing but a quorum's stop statements at its
//! first place, decides which of them count. From these everybody computes the
//! history that goes on ([`history::begin`](super::history::begin)), fetches
//! what it lacks of it by hash, executes it, and begins PBFT behind it. Requests
//! that wait are taken along.
//!
//! Whoever comes late is helped by anybody: alarms, statements, the decision and
//! states prove themselves. Read `leave` for the way back.

use std::sync::Arc;

use super::era::of_clients;
use super::history::{Beginning, Stop, begin, is_enough};
use super::message::{Message, Phase, alarm};
use super::relay::Part;
use super::rounds::Stable;
use super::threat::Level;
use super::{Effects, Hybrid};
use crate::bft::evidence::decided;
use crate::bft::pbft::{self, Pbft};
use crate::bft::{Bundle, request};
use crate::crypto::Signature;
use crate::entry::{Class, Proposal, Tags};
use crate::protocol::{Input, Protocol as _};
use crate::quorum::Byzantine;
use crate::rules::{Rule, Rules};
use crate::storage::DiskImage;
use crate::types::{NodeId, Now, RequestNumber, Sequence, Span, Ticket};

/// The stop statements that a value of the opening instance holds, where it is what an honest replica prepares there.
pub(super) fn statements(value: &pbft::Value, quorum: &Byzantine, root: Option<&Stable>) -> Option<Vec<Arc<Stop>>> {
    let [bundle] = value.batch().bundles() else { return None };
    let stops = decode(bundle)?;
    is_enough(&stops, quorum, root).then_some(stops)
}

/// The statements in a bundle, whatever they prove.
pub(super) fn decode(bundle: &Bundle) -> Option<Vec<Arc<Stop>>> {
    let [proposal] = bundle.proposals() else { return None };
    (request::is_node(proposal.client) && !decided::is_marked(&proposal.payload))
        .then(|| postcard::from_bytes(&proposal.payload).ok())?
}

impl<R: Rules> Hybrid<R> {
    /// Does what has become possible.
    pub(super) fn advance(&mut self, now: Now, out: &mut Effects) {
        self.watch(now, out);
        let phase = self.phase();
        if phase == Phase::Rounds && self.should_stop() {
            self.stop(now, out);
        }
        if self.phase() == Phase::Stopped {
            self.ask_for_decision(now, out);
            self.take_decision(out);
        }
        if self.phase() == Phase::Opened {
            self.conclude(now, out);
        }
        if self.phase() == Phase::Bft {
            self.look_for_return(now, out);
        }
        if self.phase() != phase {
            self.ask_at = now.mono;
            self.accuser.hurry(now.mono);
        }
        self.note_changes(now, out);
    }

    /// Looks at the signs, and says so where they are bad.
    fn watch(&mut self, now: Now, out: &mut Effects) {
        if self.phase() != Phase::Rounds {
            return;
        }
        self.monitor.terms_without_result(self.rounds.fruitless_terms(), now.mono);
        let (Some(signer), Some(place)) = (self.signer.clone(), self.place_of(self.id)) else { return };
        let is_new = self.alarms.get(place).is_some_and(Option::is_none);
        if is_new && self.monitor.level(now.mono) >= Level::High {
            self.alarms[place] = Some(signer.sign(&alarm(&self.rounds_domain)));
            self.say_alarms(out);
        }
    }

    fn say_alarms(&self, out: &mut Effects) {
        let known = self.quorum.voters().iter().zip(&self.alarms);
        let list: Vec<(NodeId, Signature)> = known.filter_map(|(voter, said)| Some((*voter, (*said)?))).collect();
        if !list.is_empty() {
            self.broadcast(&Message::Alarms(list), None, out);
        }
    }

    pub(super) fn on_alarms(&mut self, alarms: &[(NodeId, Signature)]) {
        for (by, signature) in alarms {
            if let Some(place) = self.place_of(*by) {
                self.alarms[place] = Some(*signature);
            }
        }
    }

    pub(super) fn on_stop(&mut self, stop: &Arc<Stop>) {
        if let Some(place) =
            self.place_of(stop.replica).filter(|_| stop.is_well_formed(&self.quorum, self.rounds.epoch_root()))
        {
            self.stops[place].get_or_insert_with(|| Arc::clone(stop));
        }
    }

    /// f+1 feel threatened, or have stopped, or the rest is decided already, or somebody has lied in these rounds: one
    /// piece of evidence is enough, and whoever gets it joins.
    fn should_stop(&self) -> bool {
        let needed = if self.on(Rule::HybridAlarmsOfSeveral) { self.quorum.one_honest() } else { 1 };
        let count = |set: usize| u32::try_from(set).unwrap_or(u32::MAX) >= needed;
        count(self.alarms.iter().flatten().count())
            || count(self.stops.iter().flatten().count())
            || self.opened.is_some()
            || self.has_cause()
    }

    /// Stops for good. What it says it holds is durable before it is said.
    fn stop(&mut self, now: Now, out: &mut Effects) {
        self.say_alarms(out);
        let mut inner = out.alike();
        self.rounds.stop(now, &mut inner);
        self.relay_rounds(inner, out);
        self.begin_opening(now, out);
    }

    /// Its own statement, and the instance that decides which of them count.
    pub(super) fn begin_opening(&mut self, now: Now, out: &mut Effects) {
        let Some(own) = self.rounds.statement() else { return };
        self.on_stop(&own);
        self.broadcast(&Message::Stop(own), self.promise_of_stop(), out);
        if self.opened.is_none() && self.opening.is_none() {
            let image = self.empty_image();
            self.opening = Some(Pbft::recover(&self.config.opening(self.era), self.id, &image, 0, now));
        }
    }

    /// With a quorum's statements: asks for the decision that these are what counts.
    fn ask_for_decision(&mut self, now: Now, out: &mut Effects) {
        let Some(signer) = self.signer.clone().filter(|_| !self.has_asked) else { return };
        let mut stops: Vec<Arc<Stop>> = self.stops.iter().flatten().cloned().collect();
        stops.truncate(self.quorum.needed() as usize);
        if !is_enough(&stops, &self.quorum, self.rounds.epoch_root()) {
            return;
        }
        let Ok(payload) = postcard::to_allocvec(&stops) else { return };
        let (client, number) = (request::client_of(self.id), RequestNumber(1));
        let proposal = Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload: payload.into() };
        let cluster = self.config.settings.bft.cluster;
        let bundle = Bundle::signed(cluster, core::iter::once(proposal).collect(), &*signer);
        self.has_asked = true;
        self.step_opening(now, Input::Requests(vec![Arc::new(bundle)]), out);
    }

    fn take_decision(&mut self, out: &mut Effects) {
        let decided = self.opening.as_ref().and_then(|opening| opening.committed(Sequence(1)));
        if let Some(decided) = decided {
            self.open(Arc::new(decided), out);
        }
    }

    /// What PBFT begins with is decided.
    fn open(&mut self, decided: Arc<pbft::Committed>, out: &mut Effects) {
        (self.opened, self.opening) = (Some(decided), None);
        self.write_numbers(out);
    }

    /// Somebody proves the decision.
    pub(super) fn on_opened(&mut self, now: Now, decided: pbft::Committed, out: &mut Effects) {
        let subject = decided.decided.subject;
        let proven = subject.sequence == Sequence(1)
            && subject.hash == decided.value.hash()
            && decided.decided.certificate.is_enough(&self.quorum)
            && self.statements_in(&decided.value).is_some();
        if self.opened.is_some() || !proven {
            return;
        }
        if self.phase() == Phase::Rounds {
            self.stop(now, out);
        }
        self.open(Arc::new(decided), out);
    }

    /// The stop statements in a value of the opening.
    pub(super) fn statements_in(&self, value: &pbft::Value) -> Option<Vec<Arc<Stop>>> {
        statements(value, &self.quorum, self.rounds.epoch_root())
    }

    fn beginning(&self) -> Option<Beginning> {
        Some(begin(&self.statements_in(&self.opened.as_ref()?.value)?))
    }

    /// Executes the history that goes on, as far as it is here; where all of it is applied, PBFT begins.
    fn conclude(&mut self, now: Now, out: &mut Effects) {
        let Some(beginning) = self.beginning() else { return };
        let end = beginning.prepared.as_ref().map(|prepared| prepared.mark);
        let mut inner = out.alike();
        self.rounds.conclude(now, end, &mut inner);
        self.relay_rounds(inner, out);
        if !self.rounds.is_idle() || self.rounds.ended().is_some() {
            // Where the epoch has ended the next one begins with rounds.
            return;
        }
        if self.rounds.has_concluded(end) {
            self.begin_bft(now, out);
        } else if let Some((from, stable)) = self.rescue.take() {
            // What it lacks is gone everywhere: it begins with a later state, and executes nothing before it has that.
            self.held = true;
            self.begin_bft(now, out);
            self.step_bft(now, Input::Receive { from, message: pbft::Message::Stable(stable) }, out);
        }
    }

    pub(super) fn begin_bft(&mut self, now: Now, out: &mut Effects) {
        let log = self.rounds.log();
        let image = DiskImage {
            log: log.iter().cloned().collect(),
            base: log.base(),
            snapshot: self.rounds.newest_snapshot().cloned(),
            ..self.empty_image()
        };
        let last = log.last_index();
        let mut bft = Pbft::recover(&self.config.bft(self.era), self.id, &image, 0, now);
        bft.resume(last, self.held);
        bft.ends_with(self.ending(), None);
        self.bft = Some(bft);
        self.calm_since = now.mono;
        let waiting = of_clients(self.rounds.retire());
        let waiting = self.without_changes(waiting);
        self.write_numbers(out);
        self.step_bft(now, Input::ExpiryAt(self.expiry), out);
        if !waiting.is_empty() {
            self.step_bft(now, Input::Requests(waiting), out);
        }
    }

    /// Tells how far it is, and again what the others may lack while it waits for them.
    pub(super) fn ask_around(&mut self, now: Now, out: &mut Effects) {
        self.go_ahead(now, out);
        let (phase, settings) = (self.phase(), &self.config.settings.bft);
        let waits = matches!(phase, Phase::Stopped | Phase::Opened) || self.is_leaving();
        self.asked_at = now.mono;
        self.ask_at = now.mono + if waits { settings.retransmit } else { settings.idle_status };
        self.broadcast(&Message::Where(phase), None, out);
        let is_alarmed = self.alarms.iter().any(Option::is_some);
        if phase == Phase::Stopped || (phase == Phase::Rounds && is_alarmed) {
            self.say_alarms(out);
        }
        if let Some(own) = self.rounds.statement().filter(|_| phase == Phase::Stopped) {
            self.broadcast(&Message::Stop(own), self.promise_of_stop(), out);
        }
        if phase == Phase::Bft {
            self.say_calm(out);
            self.ask_to_leave(now, out);
            self.say_root_again(out);
        }
    }

    /// What it has said is all that it will ever have helped to commit, restarted or not.
    fn promise_of_stop(&self) -> Option<Ticket> {
        if self.on(Rule::HybridPersistBeforeStop) { self.tickets.promise() } else { None }
    }

    /// Helps one that is not as far.
    pub(super) fn on_where(&mut self, now: Now, from: NodeId, phase: Phase, out: &mut Effects) {
        let (own, voters) = (self.phase(), self.quorum.voters().len());
        let pause = Span(self.config.settings.bft.retransmit.0 / 2);
        let Some(place) = self.place_of(from) else { return };
        if phase >= own || !self.helped.may(place, voters, now, pause) {
            return;
        }
        match (self.opened.clone(), &self.bft) {
            (Some(opened), _) if phase < Phase::Opened => {
                let opened = Message::Opened(Box::new((*opened).clone()));
                self.tell(from, opened, self.tickets.promise(), out);
            }
            (_, Some(bft)) => {
                if let Some(proof) = bft.stable_checkpoint() {
                    let stable = pbft::Stable { proof: Arc::clone(proof), gone: true };
                    self.tell(from, Message::Bft(pbft::Message::Stable(Box::new(stable))), None, out);
                }
            }
            _ => self.say_alarms(out),
        }
    }

    /// Whether the opening instance may see a message: its replicas prepare stop statements of a quorum, at its first
    /// place, and nothing else.
    pub(super) fn is_admissible(&self, message: &pbft::Message) -> bool {
        let place = match message {
            pbft::Message::PrePrepare(said) => said.sequence,
            pbft::Message::Committed(committed) => committed.decided.subject.sequence,
            pbft::Message::Body(sequence, _) => *sequence,
            pbft::Message::Requests(_)
            | pbft::Message::Prepare(_)
            | pbft::Message::Commit(_)
            | pbft::Message::Checkpoint(_)
            | pbft::Message::ViewChange(_)
            | pbft::Message::NewView(_)
            | pbft::Message::Standing(_)
            | pbft::Message::Stable(_)
            | pbft::Message::FetchValues(_)
            | pbft::Message::FetchChunk(_)
            | pbft::Message::Chunk(_)
            | pbft::Message::Evidence(_)
            | pbft::Message::Later { .. }
            | pbft::Message::Epoch(_) => Sequence(1),
        };
        !self.on(Rule::HybridOpeningHoldsStatements) || (place == Sequence(1) && self.is_of_statements(message))
    }

    /// Whether what a message of the opening instance orders is stop statements of a quorum, wherever it stands.
    pub(super) fn is_of_statements(&self, message: &pbft::Message) -> bool {
        let (quorum, root) = (&self.quorum, self.rounds.epoch_root());
        let is_opening = |value: &pbft::Value| statements(value, quorum, root).is_some();
        match message {
            pbft::Message::PrePrepare(said) => is_opening(&said.value),
            pbft::Message::Committed(committed) => is_opening(&committed.value),
            pbft::Message::Body(_, value) => is_opening(value),
            pbft::Message::Requests(relayed) => {
                relayed.bundles.iter().all(|bundle| decode(bundle).is_some_and(|stops| is_enough(&stops, quorum, root)))
            }
            pbft::Message::Prepare(_)
            | pbft::Message::Commit(_)
            | pbft::Message::Checkpoint(_)
            | pbft::Message::ViewChange(_)
            | pbft::Message::NewView(_)
            | pbft::Message::Standing(_)
            | pbft::Message::Stable(_)
            | pbft::Message::FetchValues(_)
            | pbft::Message::FetchChunk(_)
            | pbft::Message::Chunk(_)
            | pbft::Message::Evidence(_) => true,
            // No honest replica says so: the voters of an instance of the hybrid stay.
            pbft::Message::Later { .. } | pbft::Message::Epoch(_) => false,
        }
    }

    pub(super) fn step_opening(&mut self, now: Now, input: Input<pbft::Message>, out: &mut Effects) {
        let Some(opening) = &mut self.opening else { return };
        let mut inner = out.alike();
        opening.step(now, input, &mut inner);
        let store = |hard: &mut super::HardState, inner| hard.opening = Some(Box::new(inner));
        self.relay(Part::Opening, inner, false, Message::Opening, store, out);
    }

    pub(super) fn step_bft(&mut self, now: Now, input: Input<pbft::Message>, out: &mut Effects) {
        let Some(bft) = &mut self.bft else { return };
        let mut inner = out.alike();
        bft.step(now, input, &mut inner);
        self.held = self.held && bft.executed() == Sequence(0);
        let store = |hard: &mut super::HardState, inner| hard.bft = Some(Box::new(inner));
        self.relay(Part::Bft, inner, true, Message::Bft, store, out);
    }
}
