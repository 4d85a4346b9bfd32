//! What does a command mean on a real machine?
//!
//! A crash kills a node's task, a restart starts it anew from its store, a cut is
//! told to the relay, and what a client proposes is the client's to ask. What only
//! a simulation can do is refused, and so is what does not fit a node's state,
//! each with the reason. Read `records` next: what the host says of it.

use std::collections::BTreeMap;

use quorumscope_core::event::ChangeRefusal;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::record::{Command, Endpoint};
use quorumscope_core::types::NodeId;
use quorumscope_core::wire::{Code, Problem};

use super::{CLIENT, Existence, GONE_WITHIN, Owned, Owner};

impl Owner {
    pub(super) async fn carry_out(&mut self, order: u64, command: Command) -> Result<Progress, Problem> {
        match command {
            Command::Propose { to, operation } => self.propose(to, &operation)?,
            Command::Crash(node) => return self.crash(node, order).await,
            Command::Restart(node) => self.restart(node)?,
            Command::Pause(node) => self.set_paused(node, true).await?,
            Command::Resume(node) => self.set_paused(node, false).await?,
            Command::Timeout(node) => self.fire_timer(node).await?,
            Command::Snapshot(node) => self.take_snapshot(node).await?,
            Command::Transfer { from, to } => self.transfer(from, to).await?,
            Command::Reconfigure { node, change } => self.change_members(node, change).await?,
            Command::Read { to, how, query } => self.read(to, how, &query)?,
            Command::Cut { from, to } => {
                self.known(from)?;
                self.known(to)?;
                self.cut.insert((from, to));
                self.record_cuts();
            }
            Command::Mend { from, to } => {
                self.cut.remove(&(from, to));
                self.record_cuts();
            }
            Command::Partition(groups) => self.partition(&groups)?,
            Command::Heal => {
                self.cut.clear();
                self.record_cuts();
            }
            Command::Hold(_)
            | Command::Drop(_)
            | Command::Deliver(_)
            | Command::Duplicate(_)
            | Command::Skew { .. }
            | Command::Drift { .. }
            | Command::Disk { .. }
            | Command::Loss { .. }
            | Command::Duplication { .. }
            | Command::Latency { .. }
            | Command::LoseDisk(_)
            | Command::ProposeAs { .. }
            | Command::Byzantine { .. }
            | Command::Subscribe { .. } => {
                return Err(Code::NotSupported.with("native nodes cannot do this; a simulation can"));
            }
        }
        Ok(Progress::Done)
    }

    fn propose(&mut self, to: Option<NodeId>, operation: &[u8]) -> Result<(), Problem> {
        let Some(operation) = Operation::decode(operation) else {
            return Err(Code::Malformed.with("the operation cannot be read: encode it as a set, get or delete"));
        };
        if let Some(node) = to {
            self.known(Endpoint::Node(node))?;
        }
        if !self.client.has_room() {
            return Err(Code::Busy.with("too many operations wait for their answers; wait for one"));
        }
        let acts = self.client.wish(self.clock.now().mono, to, operation);
        self.act(None, acts);
        Ok(())
    }

    fn read(&mut self, to: Option<NodeId>, how: ReadHow, query: &[u8]) -> Result<(), Problem> {
        let Some(Operation::Get { key }) = Operation::decode(query) else {
            return Err(Code::Malformed.with("the question cannot be read: encode it as a get"));
        };
        if let Some(node) = to {
            self.known(Endpoint::Node(node))?;
        }
        if !self.client.has_room() {
            return Err(Code::Busy.with("too many operations wait for their answers; wait for one"));
        }
        let act = self.client.read(self.clock.now().mono, to, &key, how);
        self.act(None, vec![act]);
        Ok(())
    }

    async fn change_members(&mut self, id: NodeId, change: MembershipChange) -> Result<(), Problem> {
        for node in [&change.add, &change.promote, &change.remove, &change.observe].into_iter().flatten() {
            self.known(Endpoint::Node(*node))?;
        }
        let asked = match &owned(&mut self.nodes, id)?.state {
            Existence::Running { node, paused: false } => node.change_members(change).await,
            Existence::Running { .. } | Existence::Down | Existence::Ending { .. } => None,
        };
        match asked {
            Some(Ok(())) => Ok(()),
            Some(Err(refusal)) => Err(Code::WrongState.with(format!("{id} changes nothing: {}", why(refusal)))),
            None => {
                Err(Code::WrongState.with(format!("only a running node can change members, and {id} does not run")))
            }
        }
    }

    async fn crash(&mut self, id: NodeId, order: u64) -> Result<Progress, Problem> {
        let until = self.clock.now().mono + GONE_WITHIN;
        let owned = owned(&mut self.nodes, id)?;
        match std::mem::replace(&mut owned.state, Existence::Down) {
            Existence::Running { node, .. } => {
                owned.state = Existence::Ending { order, until };
                node.kill().await;
                Ok(Progress::Later)
            }
            state @ (Existence::Down | Existence::Ending { .. }) => {
                owned.state = state;
                Err(Code::WrongState.with(format!("{id} is down already")))
            }
        }
    }

    fn restart(&mut self, node: NodeId) -> Result<(), Problem> {
        match owned(&mut self.nodes, node)?.state {
            Existence::Down => {
                self.start(node).map_err(|error| Code::WrongState.with(format!("{node} cannot start: {error}")))
            }
            Existence::Ending { .. } => Err(Code::WrongState.with(format!("{node} is still going down"))),
            Existence::Running { .. } => Err(Code::WrongState.with(format!("{node} runs already"))),
        }
    }

    async fn set_paused(&mut self, id: NodeId, pause: bool) -> Result<(), Problem> {
        match &mut owned(&mut self.nodes, id)?.state {
            Existence::Running { node, paused } if *paused != pause && node.set_paused(pause).await => {
                *paused = pause;
                Ok(())
            }
            Existence::Running { .. } if pause => Err(Code::WrongState.with(format!("{id} is paused already"))),
            Existence::Running { .. } => Err(Code::WrongState.with(format!("{id} is not paused"))),
            Existence::Down | Existence::Ending { .. } => Err(Code::WrongState.with(format!("{id} is down"))),
        }
    }

    async fn fire_timer(&mut self, id: NodeId) -> Result<(), Problem> {
        match &owned(&mut self.nodes, id)?.state {
            Existence::Running { node, paused: false } if node.fire_timer().await => Ok(()),
            Existence::Running { .. } | Existence::Down | Existence::Ending { .. } => {
                Err(Code::WrongState.with(format!("only a running node's timer can fire, and {id} does not run")))
            }
        }
    }

    async fn take_snapshot(&mut self, id: NodeId) -> Result<(), Problem> {
        match &owned(&mut self.nodes, id)?.state {
            Existence::Running { node, paused: false } if node.take_snapshot().await => Ok(()),
            Existence::Running { .. } | Existence::Down | Existence::Ending { .. } => {
                Err(Code::WrongState.with(format!("only a running node can make a snapshot, and {id} does not run")))
            }
        }
    }

    async fn transfer(&mut self, from: NodeId, to: NodeId) -> Result<(), Problem> {
        self.known(Endpoint::Node(to))?;
        match &owned(&mut self.nodes, from)?.state {
            Existence::Running { node, paused: false } if node.transfer(to).await => Ok(()),
            Existence::Running { .. } | Existence::Down | Existence::Ending { .. } => {
                Err(Code::WrongState.with(format!("only a running node can hand over, and {from} does not run")))
            }
        }
    }

    fn known(&self, end: Endpoint) -> Result<(), Problem> {
        let known = match end {
            Endpoint::Node(node) => self.nodes.contains_key(&node),
            Endpoint::Client(client) => client == CLIENT,
        };
        if known { Ok(()) } else { Err(Code::UnknownNode.with(format!("there is no {end} in this cluster"))) }
    }

    /// Only nodes of one group hear each other; those that are not named form a group of their own.
    fn partition(&mut self, groups: &[Vec<NodeId>]) -> Result<(), Problem> {
        for node in groups.iter().flatten() {
            self.known(Endpoint::Node(*node))?;
        }
        let group = |node: &NodeId| groups.iter().position(|group| group.contains(node));
        let nodes = &self.cluster.nodes;
        let pairs = nodes.iter().flat_map(|a| nodes.iter().map(move |b| (a, b)));
        self.cut = pairs
            .filter(|(a, b)| group(a) != group(b))
            .map(|(a, b)| (Endpoint::Node(*a), Endpoint::Node(*b)))
            .collect();
        self.record_cuts();
        Ok(())
    }
}

/// Whether a command is carried out already.
pub(super) enum Progress {
    Done,
    Later,
}

/// Why a change of members is refused, for people.
fn why(refusal: ChangeRefusal) -> String {
    match refusal {
        ChangeRefusal::NotLeader { leader: Some(leader) } => format!("it does not lead; ask {leader}"),
        ChangeRefusal::NotLeader { leader: None } => "it does not lead, and knows no leader".into(),
        ChangeRefusal::Pending { index } => format!("the change at index {index} is not over; wait for it"),
        ChangeRefusal::NothingCommittedInTerm => "it has committed nothing in its term yet; try again".into(),
        ChangeRefusal::NotCaughtUp(node) => format!("{node} has not caught up; wait until it has"),
        ChangeRefusal::Nonsense(reason) => reason.to_string(),
    }
}

fn owned(nodes: &mut BTreeMap<NodeId, Owned>, node: NodeId) -> Result<&mut Owned, Problem> {
    nodes.get_mut(&node).ok_or_else(|| Code::UnknownNode.with(format!("there is no {node} in this cluster")))
}
