//! What does the host say to the room?
//!
//! What no node can record: crashes, cuts, the client's questions and what it is
//! told, and the state of nodes that are down. Records go before the frames that
//! follow from them, and are kept within a bound while there is no connection.

use quorumscope_core::record::{Body, NodeState, NodeStatus, Record};
use quorumscope_core::types::{NodeId, RecordId};
use quorumscope_core::wire::{Batch, Frame, Problem};

use super::{Existence, Owner};

/// Records that wait for a connection; beyond it they are dropped and said to be missing.
const MAX_UNPUBLISHED: usize = 4_096;

impl Owner {
    pub(super) fn record_cuts(&mut self) {
        let cut: Vec<_> = self.cut.iter().copied().collect();
        self.record(None, None, Body::LinksCut { cut: cut.clone() });
        self.publish();
        self.send(&Frame::Links { cut });
    }

    /// What the host knows and no node says.
    pub(super) fn record_state(&mut self) {
        self.record(None, None, Body::LinksCut { cut: self.cut.iter().copied().collect() });
        for node in self.cluster.nodes.clone() {
            if let Some(Existence::Down) = self.nodes.get(&node).map(|owned| &owned.state) {
                self.record_down(node, None);
            }
        }
    }

    /// What is left of a node that is down.
    pub(super) fn record_down(&mut self, node: NodeId, cause: Option<RecordId>) {
        let Some(image) = self.nodes.get(&node).map(|owned| owned.store.image()) else { return };
        let state = NodeState {
            incarnation: image.incarnation,
            up: false,
            status: NodeStatus::default(),
            hard: image.hard.into(),
            log: image.log,
            base: image.base,
            snapshot: image.snapshot.map(|snapshot| snapshot.meta.clone()),
        };
        self.record(Some(node), cause, Body::NodeState(Box::new(state)));
    }

    pub(super) fn record(&mut self, node: Option<NodeId>, cause: Option<RecordId>, body: Body) -> RecordId {
        self.sequence += 1;
        let id = RecordId { origin: NodeId(0), sequence: self.sequence };
        let mono = self.clock.now().mono;
        self.unpublished.push(Record { id, cause, at: self.clock.global(mono), node, mono, body });
        id
    }

    /// Publishes what has been recorded, or keeps it while there is no connection.
    pub(super) fn publish(&mut self) {
        if !self.up {
            if self.unpublished.len() > MAX_UNPUBLISHED {
                self.unpublished.clear();
                self.lost = true;
            }
            return;
        }
        let at = self.clock.global(self.clock.now().mono);
        for frame in Batch::frames(std::mem::take(&mut self.unpublished), at) {
            self.push(frame);
        }
    }

    pub(super) fn done(&mut self, number: u64, problem: Option<Problem>) {
        self.publish();
        self.send(&Frame::Done { number, problem });
    }

    pub(super) fn send(&mut self, frame: &Frame) -> bool {
        self.up && self.push(frame.encode())
    }

    fn push(&mut self, frame: bytes::Bytes) -> bool {
        let sent = self.link.out.try_send(frame).is_ok();
        self.lost |= !sent;
        sent
    }
}
