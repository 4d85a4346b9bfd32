//! What may a person or an operator ask a node for?
//!
//! Proposals and reads by hand go through a client; changes of members, edges,
//! transfers and snapshots go to a node itself, which may say no. What nodes
//! suffer is in `node`.

use quorumscope_core::bft::epoch::Nonsense;
use quorumscope_core::edge::Edge;
use quorumscope_core::entry::Class;
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::range_of;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::protocol::{Input, ReadHow};
use quorumscope_core::record::{Body, Command};
use quorumscope_core::types::NodeId;

use super::CommandError;
use crate::sim::client::Wish;
use crate::sim::epochs::is_of_voters;
use crate::sim::subject::Subject;
use crate::sim::world::World;
use crate::trace::view::Liveness;
use crate::trace::words;

impl<P: Subject> World<P> {
    pub(super) fn propose(
        &mut self,
        to: Option<NodeId>,
        operation: &[u8],
        class: Option<Class>,
        command: &Command,
    ) -> Result<(), CommandError> {
        if let Some(to) = to {
            self.known(to)?;
        }
        let client = self.hand().ok_or(CommandError::NoClient)?;
        let operation = AnyCommand::decode(operation).ok_or(CommandError::Operation)?;
        if operation.kind() != self.setup.machine.kind {
            return Err(CommandError::Operation);
        }
        self.admit(command);
        self.wish(client, Wish { operation, how: None, to, class, of_workload: false }, None);
        Ok(())
    }

    pub(super) fn read_by_hand(
        &mut self,
        to: Option<NodeId>,
        how: ReadHow,
        query: &[u8],
        command: &Command,
    ) -> Result<(), CommandError> {
        if let Some(to) = to {
            self.known(to)?;
        }
        let client = self.hand().ok_or(CommandError::NoClient)?;
        let operation = AnyCommand::decode(query).filter(|operation| operation.asks_for().is_some());
        let operation = operation.ok_or(CommandError::Query)?;
        if operation.kind() != self.setup.machine.kind {
            return Err(CommandError::Operation);
        }
        self.admit(command);
        self.wish(client, Wish { operation, how: Some(how), to, class: None, of_workload: false }, None);
        Ok(())
    }

    /// The node asked need not lead: then it says so and nothing happens.
    pub(super) fn transfer(&mut self, from: NodeId, to: NodeId, command: &Command) -> Result<(), CommandError> {
        self.known(to)?;
        let index = self.require(from, &[Liveness::Up], "only a running node can hand leadership over")?;
        self.admit(command);
        let first = self.say(Some(index), format!("{from} is asked to hand leadership to {to}"));
        self.step_node(index, first, Input::TransferLeadership { to });
        Ok(())
    }

    pub(super) fn reconfigure(
        &mut self,
        node: NodeId,
        change: &MembershipChange,
        command: &Command,
    ) -> Result<(), CommandError> {
        for named in [&change.add, &change.promote, &change.remove, &change.observe].into_iter().flatten() {
            self.known(*named)?;
        }
        let index = self.require(node, &[Liveness::Up], "only a running node takes a change of members")?;
        let epoch = self.epoch_of(index);
        if epoch.is_some() {
            is_of_voters(change).map_err(CommandError::Value)?;
        }
        self.admit(command);
        let asked = self.say(Some(index), words::change_of_members(node, change));
        match epoch {
            Some(epoch) => self.change_voters(index, asked, epoch, change.clone()),
            None => self.step_node(index, asked, Input::Reconfigure(change.clone())),
        }
        Ok(())
    }

    /// The epoch of a node, where voters change by epochs.
    fn epoch_of(&self, index: usize) -> Option<u64> {
        self.nodes.get(index)?.protocol.as_ref()?.epoch()
    }

    pub(super) fn subscribe(
        &mut self,
        node: NodeId,
        edges: &[NodeId],
        keys: &[String],
        command: &Command,
    ) -> Result<(), CommandError> {
        for edge in edges {
            self.known(*edge)?;
        }
        let index = self.require(node, &[Liveness::Up], "only a running node takes a change of members")?;
        if self.epoch_of(index).is_some() {
            return Err(CommandError::Value(Nonsense::VotersOnly.to_string()));
        }
        self.admit(command);
        let names: Vec<String> = edges.iter().map(ToString::to_string).collect();
        let said = format!("{node} is asked for edges {} with {}", names.join(", "), keys.join(", "));
        let asked = self.say(Some(index), said);
        let ranges: Vec<u64> = keys.iter().map(|key| range_of(key)).collect();
        let edge = edges.iter().map(|edge| Edge::new(*edge, ranges.iter().copied())).collect();
        self.step_node(index, asked, Input::Reconfigure(MembershipChange { edge, ..MembershipChange::default() }));
        Ok(())
    }

    pub(super) fn take_snapshot(&mut self, node: NodeId, command: &Command) -> Result<(), CommandError> {
        let index = self.require(node, &[Liveness::Up], "only a running node can make a snapshot")?;
        self.admit(command);
        let first = self.recorder.emit(self.stamp(index, None), || Body::SnapshotAsked);
        self.step_node(index, first, Input::TakeSnapshot);
        Ok(())
    }
}
