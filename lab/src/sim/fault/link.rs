//! What can be done to links, and to messages on their way?
//!
//! Cuts and partitions stop what is sent from here on; a message that is on its
//! way is held, dropped, delivered or doubled by itself. What chance does to
//! messages is in `transit`.

use quorumscope_core::record::{Body, Command, DropReason, Endpoint};
use quorumscope_core::types::{NodeId, RecordId};

use super::CommandError;
use crate::sim::recorder::Stamp;
use crate::sim::subject::Subject;
use crate::sim::world::World;
use crate::trace::view::Liveness;

impl<P: Subject> World<P> {
    fn known_endpoint(&self, endpoint: Endpoint) -> Result<(), CommandError> {
        let known = match endpoint {
            Endpoint::Node(node) => self.position(node).is_some(),
            Endpoint::Client(client) => self.clients.iter().any(|known| known.setup.id == client),
        };
        if known { Ok(()) } else { Err(CommandError::UnknownEndpoint(endpoint)) }
    }

    pub(super) fn cut(
        &mut self,
        from: Endpoint,
        to: Endpoint,
        cut: bool,
        command: &Command,
    ) -> Result<(), CommandError> {
        self.known_endpoint(from)?;
        self.known_endpoint(to)?;
        self.admit(command);
        if cut {
            self.coverage.one_way_cuts += u64::from(!self.links.cut.contains(&(to, from)));
            self.links.cut.insert((from, to));
        } else {
            self.links.cut.remove(&(from, to));
        }
        self.record_cuts();
        Ok(())
    }

    /// Nodes that no group names form one more group.
    pub(super) fn partition(&mut self, groups: &[Vec<NodeId>], command: &Command) -> Result<(), CommandError> {
        for node in groups.iter().flatten() {
            self.known(*node)?;
        }
        self.admit(command);
        let ids: Vec<NodeId> = self.nodes.iter().map(|node| node.id).collect();
        let named = |node: &NodeId| groups.iter().any(|group| group.contains(node));
        let together = |a: &NodeId, b: &NodeId| {
            groups.iter().any(|group| group.contains(a) && group.contains(b)) || (!named(a) && !named(b))
        };
        self.links.cut.clear();
        for a in &ids {
            for b in ids.iter().filter(|b| a != *b && !together(a, b)) {
                self.links.cut.insert((Endpoint::Node(*a), Endpoint::Node(*b)));
            }
        }
        self.coverage.partitions += 1;
        self.record_cuts();
        Ok(())
    }

    pub(super) fn record_cuts(&mut self) {
        let cut = &self.links.cut;
        let stamp = Stamp { at: self.now, cause: None, node: None };
        self.recorder.emit(stamp, || Body::LinksCut { cut: cut.iter().copied().collect() });
    }

    fn meant(&self, message: RecordId) -> Result<u32, CommandError> {
        self.links.copy_meant(message, self.now).ok_or(CommandError::NoMessage(message))
    }

    pub(super) fn hold(&mut self, message: RecordId) -> Result<(), CommandError> {
        let slot = self.meant(message)?;
        let Some(flight) = self.links.get_mut(slot) else { return Err(CommandError::NoMessage(message)) };
        if flight.held {
            return Err(CommandError::HeldAlready(message));
        }
        flight.held = true;
        let (number, copy) = (flight.number, flight.copy);
        self.admit_message(1, number, copy);
        self.recorder.emit(self.outside(), || Body::Held { message });
        Ok(())
    }

    pub(super) fn drop_message(&mut self, message: RecordId) -> Result<(), CommandError> {
        let slot = self.meant(message)?;
        let flight = self.links.take(slot).ok_or(CommandError::NoMessage(message))?;
        self.admit_message(2, flight.number, flight.copy);
        self.lose(message, flight.number, DropReason::Hand, message);
        Ok(())
    }

    pub(super) fn deliver_now(&mut self, message: RecordId) -> Result<(), CommandError> {
        let slot = self.meant(message)?;
        if let Some(Endpoint::Node(node)) = self.links.get(slot).map(|flight| flight.to) {
            self.require(node, &[Liveness::Up], "only a running node can receive")?;
        }
        let flight = self.links.take(slot).ok_or(CommandError::NoMessage(message))?;
        self.admit_message(3, flight.number, flight.copy);
        self.deliver(flight, Some(message));
        Ok(())
    }

    pub(super) fn duplicate(&mut self, message: RecordId) -> Result<(), CommandError> {
        let slot = self.meant(message)?;
        let Some(flight) = self.links.get_mut(slot) else { return Err(CommandError::NoMessage(message)) };
        flight.doubled = true;
        let flight = flight.clone();
        self.admit_message(4, flight.number, flight.copy);
        let span = self.links.draw_latency(flight.from, flight.to);
        self.launch_copy(&flight, span, message);
        Ok(())
    }
}
