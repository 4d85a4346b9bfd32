//! What can befall a node, its clock and its disk?
//!
//! Crashes, pauses, timers that fire out of turn, clocks that drift, disks that
//! are slow or lost. What a crash leaves on a disk is decided in `disk`, how a
//! node starts from it in `world`.

use std::hash::Hash;
use std::sync::Arc;

use quorumscope_core::protocol::Input;
use quorumscope_core::record::{Body, Command, DropReason, NodeState, NodeStatus};
use quorumscope_core::snapshot::Base;
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{LogIndex, NodeId, Span, Term};

use super::{CommandError, MAX_RATE_PPM, millis, percent};
use crate::sim::clock::Clock;
use crate::sim::execute::tag;
use crate::sim::queue::Event;
use crate::sim::setup::check_range;
use crate::sim::subject::Subject;
use crate::sim::world::{World, number};
use crate::trace::view::Liveness;

impl<P: Subject> World<P> {
    pub(super) fn crash(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Up, Liveness::Paused], "only a node that is up can crash")?;
        self.admit(command);
        let outcome = self.nodes[index].disk.crash(&mut self.faults);
        let stamp = self.stamp(index, None);
        let survived = match outcome {
            Ok((survived, lost)) => {
                self.coverage.lost_writes += lost;
                survived
            }
            Err(gap) => {
                self.violate(Some(index), None, "writes continue the log", gap.to_string());
                self.nodes[index].disk.durable
            }
        };
        let crashed = self.recorder.emit(stamp, || Body::Crashed { survived });
        self.watch_crashed(index);
        let node = &mut self.nodes[index];
        node.liveness = Liveness::Crashed;
        node.protocol = None;
        if let Some(liar) = &mut node.liar {
            liar.copy = None;
        }
        node.making = None;
        node.projecting = None;
        node.recorded = None;
        node.armed = None;
        node.commit = LogIndex::ZERO;
        node.standing = (quorumscope_core::record::Role::Follower, Term(0));
        node.hard = node.disk.has_hard.then(|| node.disk.image.hard.clone());
        let waiting = std::mem::take(&mut node.waiting);
        let deferred = std::mem::take(&mut node.deferred);
        for event in deferred {
            self.defer_to_now(event);
        }
        for message in waiting {
            let number = self.links.next_number();
            self.lose(message.id, number, DropReason::SenderCrashed, crashed);
        }
        self.coverage.crashes += 1;
        self.watch_findings(crashed);
        Ok(())
    }

    pub(super) fn restart(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Crashed], "only a crashed node can be started again")?;
        self.admit(command);
        self.coverage.restarts += 1;
        self.start(index, None);
        Ok(())
    }

    pub(super) fn set_paused(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Up], "only a running node can be paused")?;
        self.admit(command);
        self.nodes[index].liveness = Liveness::Paused;
        self.coverage.pauses += 1;
        self.recorder.emit(self.stamp(index, None), || Body::Paused);
        Ok(())
    }

    /// What came while the node was paused comes now, in the order in which it came then.
    pub(super) fn resume(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Paused], "only a paused node can go on")?;
        self.admit(command);
        self.nodes[index].liveness = Liveness::Up;
        self.recorder.emit(self.stamp(index, None), || Body::Resumed);
        for event in std::mem::take(&mut self.nodes[index].deferred) {
            self.defer_to_now(event);
        }
        self.arm(index);
        Ok(())
    }

    fn defer_to_now(&mut self, event: Event) {
        match event {
            Event::Arrive { slot } => self.requeue(slot, self.now),
            other @ (Event::Deadline { .. }
            | Event::Synced { .. }
            | Event::SnapshotMade { .. }
            | Event::ProjectionMade { .. }
            | Event::Request { .. }
            | Event::Think { .. }) => {
                self.queue.push(self.now, other);
            }
        }
    }

    /// The timer fires because the node's monotonic clock jumps to its end.
    pub(super) fn fire(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Up], "only a running node's timer can fire")?;
        let deadline = self.nodes[index].protocol.as_ref().and_then(|protocol| protocol.next_deadline());
        let deadline = deadline.ok_or(CommandError::NoTimer(node))?;
        self.admit(command);
        let now = self.now;
        self.set_clock(index, |clock| clock.advance_to(now, deadline));
        let cause = self.say(Some(index), format!("the timer of {node} fires now"));
        self.nodes[index].armed = None;
        let first = self.recorder.emit(self.stamp(index, Some(cause)), || Body::DeadlineReached);
        self.step_node(index, first, Input::DeadlineReached);
        Ok(())
    }

    pub(super) fn set_clock(&mut self, index: usize, change: impl FnOnce(&mut Clock)) {
        self.coverage.clock_faults += 1;
        change(&mut self.nodes[index].clock);
        let clock = self.nodes[index].clock;
        let stamp = self.stamp(index, None);
        self.recorder.emit(stamp, || Body::ClockChanged { mono: clock.mono, rate_ppm: clock.rate_ppm });
        self.arm(index);
    }

    pub(super) fn drift(&mut self, node: NodeId, rate_ppm: u32, command: &Command) -> Result<(), CommandError> {
        let index = self.known(node)?;
        if rate_ppm == 0 || rate_ppm > MAX_RATE_PPM {
            let text = format!("a clock's rate must be between 1 and {MAX_RATE_PPM} parts per million, not {rate_ppm}");
            return Err(CommandError::Value(text));
        }
        self.admit(command);
        let now = self.now;
        self.set_clock(index, |clock| clock.drift(now, rate_ppm));
        self.say(Some(index), format!("clocks of {node} run at {} % of true time", percent(rate_ppm)));
        Ok(())
    }

    pub(super) fn slow_disk(
        &mut self,
        node: NodeId,
        latency: (Span, Span),
        command: &Command,
    ) -> Result<(), CommandError> {
        let index = self.known(node)?;
        check_range("disk latency", latency).map_err(|error| CommandError::Value(error.to_string()))?;
        self.admit(command);
        self.nodes[index].disk.latency = latency;
        self.coverage.disk_faults += 1;
        self.say(Some(index), format!("disk of {node}: {} to {} ms", millis(latency.0), millis(latency.1)));
        Ok(())
    }

    pub(super) fn lose_disk(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Crashed], "crash it before its disk is lost")?;
        self.admit(command);
        self.coverage.lost_disks += 1;
        let said = self.say(Some(index), format!("the disk of {node} is lost"));
        let stamp = self.stamp(index, Some(said));
        let node = &mut self.nodes[index];
        node.disk.image = Arc::new(DiskImage::empty());
        node.disk.has_hard = true;
        node.hard = Some(P::Hard::default());
        let incarnation = node.incarnation;
        self.recorder.emit(stamp, || {
            Body::NodeState(Box::new(NodeState {
                incarnation,
                up: false,
                status: NodeStatus::default(),
                hard: P::Hard::default().into(),
                log: Vec::new(),
                base: Base::NONE,
                snapshot: None,
            }))
        });
        self.watch_lost(index);
        (tag::COMMAND, number(index)).hash(&mut self.chain);
        Ok(())
    }
}
