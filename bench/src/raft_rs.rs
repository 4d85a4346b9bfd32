//! The crate `raft` 0.7 in the peer loop, driven as its documentation shows: `RawNode`, `Ready`, `MemStorage`.

use std::collections::VecDeque;

use raft::eraftpb::{Entry, EntryType, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode, StateRole};

use crate::{Cluster, Commands, Setup, Tally};

struct Node {
    raw: RawNode<MemStorage>,
    tally: Tally,
}

struct Peers {
    nodes: Vec<Node>,
    queue: VecDeque<Message>,
}

pub(crate) fn elected(setup: &Setup) -> Box<dyn Cluster> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let voters: Vec<u64> = (1..=u64::from(setup.nodes)).collect();
    let start = |id: &u64| {
        let config = Config {
            id: *id,
            election_tick: 10,
            heartbeat_tick: 3,
            pre_vote: true,
            check_quorum: true,
            max_size_per_msg: 1 << 20,
            max_inflight_msgs: 4_096,
            // Proposals of one round travel in one append, as ours do.
            batch_append: true,
            ..Config::default()
        };
        let store = MemStorage::new_with_conf_state((voters.clone(), vec![]));
        Node { raw: RawNode::new(&config, store, &logger).expect("valid settings"), tally: Tally::default() }
    };
    let mut cluster = Peers { nodes: voters.iter().map(start).collect(), queue: VecDeque::new() };
    cluster.nodes[0].raw.campaign().expect("a voter may campaign");
    cluster.deliver_until_quiet();
    assert_eq!(cluster.nodes[0].raw.raft.state, StateRole::Leader);
    Box::new(cluster)
}

impl Node {
    fn apply(&mut self, entries: Vec<Entry>) {
        for entry in &entries {
            if entry.get_entry_type() == EntryType::EntryNormal && !entry.data.is_empty() {
                self.tally.apply(&entry.data);
            }
        }
    }

    fn drain(&mut self, queue: &mut VecDeque<Message>) {
        while self.raw.has_ready() {
            let mut ready = self.raw.ready();
            queue.extend(ready.take_messages());
            self.apply(ready.take_committed_entries());
            {
                let mut store = self.raw.raft.raft_log.store.wl();
                store.append(ready.entries()).expect("entries continue the log");
                if let Some(hard_state) = ready.hs() {
                    store.set_hardstate(hard_state.clone());
                }
            }
            queue.extend(ready.take_persisted_messages());
            let mut light = self.raw.advance(ready);
            if let Some(commit) = light.commit_index() {
                self.raw.raft.raft_log.store.wl().mut_hard_state().commit = commit;
            }
            queue.extend(light.take_messages());
            self.apply(light.take_committed_entries());
            self.raw.advance_apply();
        }
    }
}

impl Peers {
    fn deliver_until_quiet(&mut self) {
        loop {
            for node in &mut self.nodes {
                node.drain(&mut self.queue);
            }
            if self.queue.is_empty() {
                return;
            }
            while let Some(message) = self.queue.pop_front() {
                let to = message.to as usize - 1;
                self.nodes[to].raw.step(message).expect("a member's message");
                self.nodes[to].drain(&mut self.queue);
            }
        }
    }
}

impl Cluster for Peers {
    fn round(&mut self, batch: usize, commands: &mut Commands) {
        for _ in 0..batch {
            self.nodes[0].raw.propose(vec![], commands.take().to_vec()).expect("the leader takes proposals");
        }
        self.deliver_until_quiet();
    }

    fn compact(&mut self) {
        for node in &mut self.nodes {
            let applied = node.raw.raft.raft_log.applied;
            node.raw.raft.raft_log.store.wl().compact(applied).expect("what is applied may go");
        }
    }

    fn finish(&mut self) -> Vec<Tally> {
        for _ in 0..3 {
            self.nodes[0].raw.tick();
        }
        self.deliver_until_quiet();
        self.nodes.iter().map(|node| node.tally).collect()
    }
}
