//! The crate `raft-io` 1.0 in the peer loop: `RaftNode`, `Event`, `Action`, and its own `MemoryLog`.

use std::collections::VecDeque;

use raft_io::{Action, Event, Message, NodeId, RaftConfig, RaftNode};

use crate::{Cluster, Commands, Setup, Tally};

struct Peers {
    nodes: Vec<RaftNode>,
    tallies: Vec<Tally>,
    queue: VecDeque<(NodeId, Message)>,
}

/// Ticks between two heartbeats.
const HEARTBEAT: u32 = 3;

pub(crate) fn elected(setup: &Setup) -> Box<dyn Cluster> {
    let voters = 1..=NodeId::from(setup.nodes);
    let start = |id: NodeId| {
        RaftNode::new(RaftConfig::new(id, voters.clone()).with_heartbeat_interval(HEARTBEAT).with_max_batch(512))
    };
    let nodes: Vec<_> = voters.clone().map(start).collect();
    let tallies = vec![Tally::default(); nodes.len()];
    let mut cluster = Peers { nodes, tallies, queue: VecDeque::new() };
    while !cluster.nodes[0].is_leader() {
        cluster.step(0, Event::Tick);
        cluster.deliver_until_quiet();
    }
    Box::new(cluster)
}

impl Peers {
    fn step(&mut self, position: usize, event: Event) {
        for action in self.nodes[position].step(event).expect("a log in memory does not fail") {
            match action {
                Action::Send { to, message } => self.queue.push_back((to, message)),
                Action::Apply { command, .. } => self.tallies[position].apply(&command),
                // The enum is open; what else there is does not occur here: nobody reads, joins or falls behind.
                _ => {}
            }
        }
    }

    fn deliver_until_quiet(&mut self) {
        while let Some((to, message)) = self.queue.pop_front() {
            self.step(to as usize - 1, Event::Message(message));
        }
    }
}

impl Cluster for Peers {
    fn round(&mut self, batch: usize, commands: &mut Commands) {
        for _ in 0..batch {
            self.step(0, Event::Propose(commands.take().to_vec()));
        }
        self.deliver_until_quiet();
    }

    fn compact(&mut self) {
        for position in 0..self.nodes.len() {
            let index = self.nodes[position].last_applied();
            self.step(position, Event::Snapshot { index, data: Vec::new() });
        }
    }

    fn finish(&mut self) -> Vec<Tally> {
        for _ in 0..HEARTBEAT {
            self.step(0, Event::Tick);
        }
        self.deliver_until_quiet();
        self.tallies.clone()
    }
}
