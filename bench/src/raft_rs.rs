//! The crate `raft` 0.7 in the peer loop, driven as its documentation shows: `RawNode`, `Ready`, `MemStorage`.

use std::collections::VecDeque;

use raft::eraftpb::{Entry, EntryType, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode, StateRole};

use crate::{Contender, NODES, PAYLOAD_BYTES};

struct Node {
    raw: RawNode<MemStorage>,
    applied: u64,
}

pub(crate) struct Cluster {
    nodes: Vec<Node>,
    queue: VecDeque<Message>,
    payload: Vec<u8>,
}

impl Node {
    fn apply(&mut self, entries: Vec<Entry>) {
        self.applied += entries
            .iter()
            .filter(|entry| entry.get_entry_type() == EntryType::EntryNormal && !entry.data.is_empty())
            .count() as u64;
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

impl Cluster {
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

impl Contender for Cluster {
    const NAME: &'static str = "raft 0.7";

    fn elected() -> Self {
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let voters: Vec<u64> = (1..=NODES).collect();
        let start = |id: &u64| {
            let config = Config {
                id: *id,
                election_tick: 10,
                heartbeat_tick: 3,
                pre_vote: true,
                check_quorum: false,
                max_size_per_msg: 1 << 20,
                max_inflight_msgs: 4_096,
                // Proposals of one round travel in one append, as ours do.
                batch_append: true,
                ..Config::default()
            };
            let store = MemStorage::new_with_conf_state((voters.clone(), vec![]));
            Node { raw: RawNode::new(&config, store, &logger).expect("valid settings"), applied: 0 }
        };
        let mut cluster =
            Self { nodes: voters.iter().map(start).collect(), queue: VecDeque::new(), payload: vec![7; PAYLOAD_BYTES] };
        cluster.nodes[0].raw.campaign().expect("a voter may campaign");
        cluster.deliver_until_quiet();
        assert_eq!(cluster.nodes[0].raw.raft.state, StateRole::Leader);
        cluster
    }

    fn round(&mut self, batch: usize) {
        for _ in 0..batch {
            self.nodes[0].raw.propose(vec![], self.payload.clone()).expect("the leader takes proposals");
        }
        self.deliver_until_quiet();
    }

    fn applied(&mut self) -> Vec<u64> {
        for _ in 0..3 {
            self.nodes[0].raw.tick();
        }
        self.deliver_until_quiet();
        self.nodes.iter().map(|node| node.applied).collect()
    }
}
