//! What would a view of this world show, straight from its state?
//!
//! Nothing is shown from here: views are folds of records. This is the other
//! side of the test that the fold says the truth.

use quorumscope_core::few;
use quorumscope_core::types::{LogIndex, RequestNumber};

use super::disk::lowest_changed;
use super::network::{Flight, Parcel};
use super::subject::Subject;
use super::world::{Node, World};
use crate::trace::view::{ClockView, Content, Liveness, MessageView, NodeView, View, WaitingMessage};

impl<P: Subject> World<P> {
    /// The view of this instant.
    pub(crate) fn view(&self) -> View {
        View {
            at: self.now,
            last: Some(self.recorder.last()),
            protocol: P::name(&self.config).into(),
            name: self.setup.name.clone(),
            voters: self.voters().to_vec(),
            epoch: self.epoch,
            nodes: few::map(self.nodes.iter().map(|node| (node.id, view_of_node(node)))),
            clients: few::map(self.clients.iter().map(|client| (client.setup.id, client.view.clone()))),
            messages: few::map(self.links.iter().map(|(_, flight)| ((flight.id, flight.copy), view_of(flight)))),
            cut: self.links.cut.clone(),
            convicted: self.convicted.clone(),
            decided: self.decided.as_ref().clone(),
            violations: self.violations.clone(),
            gaps: 0,
            ended: false,
        }
    }
}

fn view_of<M: Clone + Into<quorumscope_core::record::AnyMessage>>(flight: &Flight<M>) -> MessageView {
    let content = match &flight.parcel {
        Parcel::Peer(message) | Parcel::Twin(message) => Content::Peer(message.clone().into()),
        Parcel::Request { proposal, text } => Content::Request { number: proposal.number, operation: text.to_string() },
        Parcel::Signed { bundle, text } => Content::Request {
            number: bundle.proposals().first().map_or(RequestNumber(0), |proposal| proposal.number),
            operation: text.to_string(),
        },
        Parcel::Read { request, text } => Content::Request { number: request.number, operation: text.to_string() },
        Parcel::Answer { number, outcome } => Content::Answer { number: *number, outcome: outcome.clone() },
    };
    MessageView {
        from: flight.from,
        to: flight.to,
        content,
        departed: flight.departed,
        arrives: Some(flight.arrives),
        held: flight.held,
    }
}

fn view_of_node<P: Subject>(node: &Node<P>) -> NodeView {
    let disk = &node.disk;
    let writing = disk.pending.iter().map(|pending| pending.write.recorded());
    let (base, log) = match &node.protocol {
        Some(protocol) => (protocol.log().base(), protocol.log().iter().cloned().collect()),
        None => (disk.image.base, disk.image.log.clone()),
    };
    let last = LogIndex(base.index.0 + log.len() as u64);
    let stored_snapshot = disk.image.snapshot.as_ref().map(|snapshot| snapshot.meta.clone());
    let newer = disk.pending.iter().rev().find_map(|pending| pending.write.snapshot.as_ref());
    let snapshot = newer.map(|snapshot| snapshot.meta.clone()).or(stored_snapshot.clone());
    let untouched = disk.pending.iter().filter_map(|pending| lowest_changed(&pending.write)).min();
    let waiting = node.waiting.iter().map(|waiting| {
        let message = waiting.message.clone().into();
        (waiting.id, WaitingMessage { to: waiting.to, message, after: Some(waiting.after) })
    });
    NodeView {
        liveness: node.liveness,
        lies: node.liar.is_some(),
        incarnation: node.incarnation,
        clock: ClockView { at: node.clock.at, mono: node.clock.mono, rate_ppm: node.clock.rate_ppm },
        status: node.protocol.as_ref().map(|protocol| protocol.status()).unwrap_or_default(),
        durable: untouched.map_or(LogIndex(u64::MAX), LogIndex::previous).min(disk.image.last_index()).min(last),
        base,
        log,
        snapshot,
        stored_base: disk.image.base,
        stored: disk.image.log.clone(),
        stored_snapshot,
        hard: node.hard.clone().map(Into::into),
        durable_hard: disk.has_hard.then(|| disk.image.hard.clone().into()),
        writing: writing.collect(),
        waiting: few::map(waiting),
        state: (node.applied > LogIndex::ZERO && node.liveness != Liveness::Crashed)
            .then(|| (node.applied, node.machine.digest())),
    }
}
