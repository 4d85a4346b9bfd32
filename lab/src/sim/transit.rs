//! How does a message get from its sender to its receiver?

use std::hash::Hash;

use quorumscope_core::edge;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::protocol::Input;
use quorumscope_core::record::{Body, DropReason, Endpoint, Role};
use quorumscope_core::types::{RecordId, Span, Time};

use super::execute::tag;
use super::network::{Fate, Flight, Parcel};
use super::queue::Event;
use super::recorder::Stamp;
use super::subject::Subject;
use super::world::World;
use crate::trace::view::Liveness;

impl<P: Subject> World<P> {
    /// A message leaves; the network decides about it.
    pub(crate) fn depart(
        &mut self,
        id: RecordId,
        from: Endpoint,
        to: Endpoint,
        parcel: Parcel<P::Message>,
        cause: RecordId,
    ) {
        self.depart_late(id, from, to, parcel, Span(0), cause);
    }

    /// The same for a message that takes so much longer than the network has it.
    pub(crate) fn depart_late(
        &mut self,
        id: RecordId,
        from: Endpoint,
        to: Endpoint,
        parcel: Parcel<P::Message>,
        late: Span,
        cause: RecordId,
    ) {
        let number = self.links.next_number();
        match self.links.decide(from, to) {
            Fate::Cut => self.lose(id, number, DropReason::Cut, cause),
            Fate::Lost => self.lose(id, number, DropReason::Loss, cause),
            Fate::Arrives(span, second) => {
                let arrives = self.now + late + span;
                let flight = Flight {
                    id,
                    number,
                    copy: 0,
                    from,
                    to,
                    parcel,
                    departed: self.now,
                    arrives,
                    held: false,
                    doubled: second.is_some(),
                    stamp: 0,
                };
                let copy = second.map(|span| (flight.clone(), span));
                self.launch(flight, cause);
                if let Some((flight, span)) = copy {
                    self.launch_copy(&flight, span, cause);
                }
            }
        }
    }

    /// A second copy of a message leaves. A doubled request may be appended although one copy was refused.
    pub(crate) fn launch_copy(&mut self, original: &Flight<P::Message>, span: Span, cause: RecordId) {
        self.coverage.duplicated += 1;
        self.doubt(original);
        let copy = self.links.next_copy(original.id);
        let arrives = self.now + span;
        let flight = Flight { copy, departed: self.now, arrives, held: false, doubled: true, ..original.clone() };
        self.launch(flight, cause);
    }

    fn launch(&mut self, flight: Flight<P::Message>, cause: RecordId) {
        let (message, arrives, duplicate) = (flight.id, Some(flight.arrives), flight.copy > 0);
        let slot = self.links.reserve();
        let stamp = self.queue.push(flight.arrives, Event::Arrive { slot });
        self.links.put(slot, Flight { stamp, ..flight });
        let at = Stamp { at: self.now, cause: Some(cause), node: None };
        self.recorder.emit(at, || Body::Departed { message, arrives, duplicate });
    }

    /// A message is lost.
    pub(crate) fn lose(&mut self, message: RecordId, number: u64, reason: DropReason, cause: RecordId) {
        (tag::LOST, number, reason).hash(&mut self.chain);
        self.coverage.dropped += 1;
        let stamp = Stamp { at: self.now, cause: Some(cause), node: None };
        self.recorder.emit(stamp, || Body::Dropped { message, reason });
    }

    /// The message in a slot reaches its receiver.
    pub(crate) fn arrive(&mut self, slot: u32) {
        let Some(flight) = self.links.get(slot) else { return };
        let id = flight.id;
        if flight.doubled {
            // Records name the message and not the copy: the copy that they mean is the one that arrives.
            if let Some(meant) = self.links.copy_meant(id, self.now)
                && meant != slot
            {
                self.links.exchange(slot, meant);
            }
        }
        if let Some(flight) = self.links.take(slot) {
            self.deliver(flight, None);
        }
    }

    /// Hands a message to its receiver, by itself or by hand.
    pub(crate) fn deliver(&mut self, flight: Flight<P::Message>, by_hand: Option<RecordId>) {
        (tag::ARRIVED, flight.number, flight.copy).hash(&mut self.chain);
        let cause = by_hand.unwrap_or(flight.id);
        if by_hand.is_none() && self.links.is_cut(flight.from, flight.to) {
            return self.lose(flight.id, flight.number, DropReason::Cut, cause);
        }
        let message = flight.id;
        match flight.to {
            Endpoint::Client(client) => {
                let Ok(index) = self.clients.binary_search_by_key(&client, |client| client.setup.id) else {
                    return self.lose(flight.id, flight.number, DropReason::ReceiverDown, cause);
                };
                self.coverage.delivered += 1;
                let stamp = Stamp { at: self.now, cause: Some(cause), node: None };
                let first = self.recorder.emit(stamp, || Body::Delivered { message });
                match flight.parcel {
                    Parcel::Answer { number, outcome } => self.on_answer(index, number, outcome, first),
                    Parcel::Peer(_)
                    | Parcel::Twin(_)
                    | Parcel::Request { .. }
                    | Parcel::Signed { .. }
                    | Parcel::Read { .. } => {}
                }
            }
            Endpoint::Node(node) => {
                let up = self.position(node).filter(|index| self.nodes[*index].liveness == Liveness::Up);
                let Some(index) = up else {
                    return self.lose(flight.id, flight.number, DropReason::ReceiverDown, cause);
                };
                self.coverage.delivered += 1;
                let first = self.recorder.emit(self.stamp(index, Some(cause)), || Body::Delivered { message });
                self.receive(index, flight, first);
            }
        }
    }

    fn receive(&mut self, index: usize, flight: Flight<P::Message>, first: RecordId) {
        match flight.parcel {
            Parcel::Twin(message) => {
                let Endpoint::Node(from) = flight.from else { return };
                self.receive_peer(index, from, message, true, first);
            }
            Parcel::Peer(message) => {
                let Endpoint::Node(from) = flight.from else { return };
                self.count_order(from, index, flight.number);
                let before = self.nodes[index].standing.0;
                self.receive_peer(index, from, message, false, first);
                // A message makes a follower campaign only where the leader hands over.
                let campaigns = self.nodes[index].standing.0 == Role::Candidate;
                self.coverage.transfers += u64::from(before == Role::Follower && campaigns);
            }
            Parcel::Request { mut proposal, .. } => {
                if self.has_edges(index) {
                    edge::tagged::<AnyMachine>(&mut proposal);
                }
                let (client, number) = (proposal.client, proposal.number);
                let stamp = self.stamp(index, Some(first));
                let proposed = self.recorder.emit(stamp, || Body::Proposed { client, number });
                self.step_node(index, proposed, Input::Propose(vec![proposal]));
            }
            Parcel::Read { request, .. } => {
                let (client, number) = (request.client, request.number);
                let stamp = self.stamp(index, Some(first));
                let proposed = self.recorder.emit(stamp, || Body::Proposed { client, number });
                self.step_node(index, proposed, Input::Read(vec![request]));
            }
            Parcel::Signed { bundle, .. } => self.receive_signed(index, flight.from, bundle, first),
            Parcel::Answer { .. } => {}
        }
    }

    fn count_order(&mut self, from: quorumscope_core::types::NodeId, to: usize, number: u64) {
        let Some(from) = self.position(from) else { return };
        if let Some(latest) = self.latest.get_mut(from * self.nodes.len() + to) {
            if number < *latest {
                self.coverage.reordered += 1;
            }
            *latest = (*latest).max(number);
        }
    }

    /// When the event that delivers a message is due again, after it was held or its receiver was paused.
    pub(crate) fn requeue(&mut self, slot: u32, at: Time) {
        let stamp = self.queue.push(at, Event::Arrive { slot });
        if let Some(flight) = self.links.get_mut(slot) {
            flight.stamp = stamp;
        }
    }
}
