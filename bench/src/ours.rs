//! Our own nodes in the peer loop: an executor whose store is what each node holds in memory, as with the peers that have
//! such a store.

use std::mem;

use bytes::Bytes;
use quorumscope_core::entry::{Class, EntryKind, Proposal, Tags};
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::{Effect, Effects, Input, Mail, Protocol};
use quorumscope_core::raft::{AllOn, Config, HardState, Message, Raft, Snapshots};
use quorumscope_core::record::Role;
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{ClientId, Digest, Mono, NodeId, Now, RequestNumber, Wall};

use crate::{Cluster, Commands, Setup, Tally};

struct Node {
    raft: Raft,
    effects: Effects<Message, HardState>,
    tally: Tally,
}

struct Ours {
    nodes: Vec<Node>,
    /// The memory of the mail that is delivered, reused.
    spare: Vec<Mail<Message>>,
    now: Now,
    leader: usize,
    number: u64,
    proposals: Vec<Proposal>,
}

/// Nobody waits for an answer, as with the peers: no result of an application is reported.
const NOBODY: ClientId = ClientId(0);

pub(crate) fn elected(setup: &Setup) -> Box<dyn Cluster> {
    let voters: Vec<_> = (1..=setup.nodes).map(NodeId).collect();
    let threshold = setup.compact_every.map_or(0, |every| u32::try_from(every).unwrap_or(u32::MAX));
    let snapshots = Snapshots { threshold, ..Snapshots::default() };
    // Pre-vote and check-quorum are on by default.
    let config = Config { max_entries_per_append: 512, snapshots, ..Config::new(voters.clone(), AllOn) };
    let now = Now { mono: Mono(0), wall: Wall(0) };
    let start = |node: &NodeId| {
        let image = DiskImage::formatted(1, *node, Membership::of(config.voters.clone()));
        Node {
            raft: Raft::recover(&config, *node, &image, 7, now),
            effects: Effects::in_memory(),
            tally: Tally::default(),
        }
    };
    let nodes = voters.iter().map(start).collect();
    let mut cluster = Ours { nodes, spare: Vec::new(), now, leader: 0, number: 0, proposals: Vec::new() };
    cluster.fire(0);
    assert_eq!(cluster.nodes[0].raft.role(), Role::Leader);
    Box::new(cluster)
}

impl Node {
    fn step(&mut self, now: Now, input: Input<Message>) {
        self.raft.step(now, input, &mut self.effects);
        self.finish(now);
    }

    /// Carries out what follows from a step until nothing does.
    #[inline]
    fn finish(&mut self, now: Now) {
        while !self.effects.is_empty() {
            if let Some(report) = self.execute() {
                self.raft.step(now, *report, &mut self.effects);
            }
        }
    }

    /// Carries out the effects of a step. A report waits until all of them are carried out.
    fn execute(&mut self) -> Option<Box<Input<Message>>> {
        let Self { raft, effects, tally } = self;
        let mut report = None;
        for effect in effects.iter_mut() {
            match effect {
                Effect::Apply { from, through } => {
                    let commands = raft.log().between(*from, *through).filter(|entry| entry.kind == EntryKind::Command);
                    commands.for_each(|entry| tally.apply(&entry.payload));
                }
                Effect::Snapshot { index } => {
                    let (digest, data) = (Digest(tally.digest), Bytes::copy_from_slice(&tally.encode()));
                    report = Some(Box::new(Input::SnapshotTaken { index: *index, digest, data }));
                }
                Effect::Restore { .. } => {
                    let snapshot = raft.snapshot().expect("what is restored was taken in");
                    *tally = Tally::decode(&snapshot.data).expect("a snapshot holds a tally");
                }
                Effect::Answer { .. } | Effect::Read { .. } | Effect::Note(_) => {}
                Effect::Write(_) | Effect::Send { .. } => unreachable!("what a node holds in memory is its store"),
                Effect::Project { .. } => unreachable!("there are no edges"),
                Effect::Broken(fact) => panic!("{fact}"),
            }
        }
        effects.clear();
        report
    }
}

impl Ours {
    fn deliver_until_quiet(&mut self) {
        let mut is_quiet = false;
        while !is_quiet {
            is_quiet = true;
            for position in 0..self.nodes.len() {
                is_quiet &= !self.deliver_from(position);
            }
        }
    }

    /// Delivers what a node has sent. Returns whether there was anything.
    #[inline]
    fn deliver_from(&mut self, position: usize) -> bool {
        let Self { nodes, spare, now, .. } = self;
        if nodes[position].effects.mail().is_empty() {
            return false;
        }
        mem::swap(spare, nodes[position].effects.mail());
        let from = nodes[position].raft.id();
        for Mail { to, message } in spare.iter_mut() {
            let node = &mut nodes[to.0 as usize - 1];
            node.raft.receive_in_place(*now, from, message, &mut node.effects);
            node.finish(*now);
        }
        spare.clear();
        true
    }

    fn fire(&mut self, position: usize) {
        self.now.mono = self.nodes[position].raft.next_deadline().expect("every node has a timer");
        self.nodes[position].step(self.now, Input::DeadlineReached);
        self.deliver_until_quiet();
    }
}

impl Cluster for Ours {
    fn round(&mut self, batch: usize, commands: &mut Commands) {
        for _ in 0..batch {
            self.number += 1;
            let (number, payload) = (RequestNumber(self.number), Bytes::copy_from_slice(commands.take()));
            self.proposals.push(Proposal {
                client: NOBODY,
                number,
                class: Class::Critical,
                tags: Tags::new(),
                payload,
            });
        }
        let leader = &mut self.nodes[self.leader];
        leader.raft.propose_in_place(self.now, &mut self.proposals, &mut leader.effects);
        leader.finish(self.now);
        self.deliver_until_quiet();
    }

    fn finish(&mut self) -> Vec<Tally> {
        // The last commit index reaches the followers with the next heartbeat.
        self.fire(self.leader);
        self.nodes.iter().map(|node| node.tally).collect()
    }
}
