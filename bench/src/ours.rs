//! Our own nodes in the peer loop: an executor with an in-memory store.

use std::sync::Arc;
use std::{iter, mem};

use bytes::Bytes;
use quorumscope_core::entry::{Class, Entry, EntryKind, Proposal, Tags};
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::{Applied, Effect, Effects, Input, Protocol};
use quorumscope_core::raft::{AllOn, Config, HardState, Message, Raft, Snapshots, TimeoutNow};
use quorumscope_core::record::Role;
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{ClientId, Digest, LogIndex, Mono, NodeId, Now, RequestNumber, Term, Wall};

use crate::{Cluster, Commands, Setup, Tally};

struct Node {
    raft: Raft,
    image: DiskImage<HardState>,
    tally: Tally,
}

struct Ours {
    nodes: Vec<Node>,
    queue: Vec<Mail>,
    /// The memory of the mail that is delivered, reused.
    spare: Vec<Mail>,
    effects: Effects<Message, HardState>,
    now: Now,
    leader: usize,
    number: u64,
}

/// Nobody waits for an answer, as with the peers.
const NOBODY: ClientId = ClientId(0);

/// To whom, what.
type Mail = (NodeId, Input<Message>);

/// What a node's effects ask the executor to report.
#[derive(Default)]
struct Done {
    snapshot: Option<(LogIndex, Tally)>,
    /// For those who wait for them.
    results: Option<(LogIndex, Vec<Applied>)>,
}

pub(crate) fn elected(setup: &Setup) -> Box<dyn Cluster> {
    let voters: Vec<_> = (1..=setup.nodes).map(NodeId).collect();
    let threshold = setup.compact_every.map_or(0, |every| u32::try_from(every).unwrap_or(u32::MAX));
    let snapshots = Snapshots { threshold, ..Snapshots::default() };
    // Pre-vote and check-quorum are on by default.
    let config = Config { max_entries_per_append: 512, snapshots, ..Config::new(voters.clone(), AllOn) };
    let now = Now { mono: Mono(0), wall: Wall(0) };
    let start = |node: &NodeId| {
        let image = DiskImage::formatted(1, *node, Membership::of(voters.clone()));
        Node { raft: Raft::recover(&config, *node, &image, 7, now), image, tally: Tally::default() }
    };
    let mut cluster = Ours {
        nodes: voters.iter().map(start).collect(),
        queue: Vec::new(),
        spare: Vec::new(),
        effects: Effects::immediate(),
        now,
        leader: 0,
        number: 0,
    };
    cluster.fire(0);
    assert_eq!(cluster.nodes[0].raft.role(), Role::Leader);
    Box::new(cluster)
}

impl Node {
    /// Carries out the effects of a step. What is to be reported waits until all of them are carried out. What leaves
    /// is moved out of its effect, and nothing else is.
    fn execute(&mut self, effects: &mut Effects<Message, HardState>, queue: &mut Vec<Mail>) -> Done {
        let mut done = Done::default();
        let from = self.raft.id();
        for effect in effects.iter_mut() {
            match effect {
                Effect::Write(write) => {
                    self.image.take(write).expect("writes continue the log");
                }
                // Every write of this step is in the store before the queue is read: the promise holds.
                Effect::Send { to, message, after: _ } => {
                    let message = mem::replace(message, Message::TimeoutNow(TimeoutNow { term: Term(0) }));
                    queue.extend(iter::once_with(|| (*to, Input::Receive { from, message })));
                }
                Effect::Apply { from, through } => {
                    let results = apply(self.image.entries(*from, *through), &mut self.tally);
                    if !results.is_empty() {
                        done.results = Some((*through, results));
                    }
                }
                Effect::Snapshot { index } => done.snapshot = Some((*index, self.tally)),
                Effect::Restore { .. } => {
                    let snapshot = self.image.snapshot.as_ref().expect("what is restored was written");
                    self.tally = Tally::decode(&snapshot.data).expect("a snapshot holds a tally");
                }
                Effect::Answer { .. } | Effect::Read { .. } | Effect::Note(_) => {}
                Effect::Project { .. } => unreachable!("there are no edges"),
                Effect::Broken(fact) => panic!("{fact}"),
            }
        }
        effects.clear();
        done
    }
}

impl Ours {
    /// Steps a node, and carries out what follows until nothing does.
    #[inline]
    fn step(&mut self, position: usize, input: Input<Message>) {
        let Self { nodes, queue, effects, now, .. } = self;
        let node = &mut nodes[position];
        node.raft.step(*now, input, effects);
        while !effects.is_empty() {
            let done = node.execute(effects, queue);
            if let Some((index, tally)) = done.snapshot {
                let data = Bytes::copy_from_slice(&tally.encode());
                node.raft.step(*now, Input::SnapshotTaken { index, digest: Digest(tally.digest), data }, effects);
            }
            if let Some((through, results)) = done.results {
                node.raft.step(*now, Input::Applied { through, results }, effects);
            }
        }
    }

    fn deliver_until_quiet(&mut self) {
        let mut mail = mem::take(&mut self.spare);
        while !self.queue.is_empty() {
            mem::swap(&mut mail, &mut self.queue);
            for (to, input) in mail.drain(..) {
                self.step(to.0 as usize - 1, input);
            }
        }
        self.spare = mail;
    }

    fn fire(&mut self, position: usize) {
        self.now.mono = self.nodes[position].raft.next_deadline().expect("every node has a timer");
        self.step(position, Input::DeadlineReached);
        self.deliver_until_quiet();
    }
}

/// Applies entries; the results, for those who wait for them.
fn apply(entries: &[Arc<Entry>], tally: &mut Tally) -> Vec<Applied> {
    let mut results = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Command) {
        tally.apply(&entry.payload);
        if entry.client != NOBODY {
            let (index, client, number) = (entry.index, entry.client, entry.number);
            results.push(Applied { index, client, number, result: Bytes::new() });
        }
    }
    results
}

impl Cluster for Ours {
    fn round(&mut self, batch: usize, commands: &mut Commands) {
        let proposals = (0..batch)
            .map(|_| {
                self.number += 1;
                let number = RequestNumber(self.number);
                let payload = Bytes::copy_from_slice(commands.take());
                Proposal { client: NOBODY, number, class: Class::Critical, tags: Tags::new(), payload }
            })
            .collect();
        self.step(self.leader, Input::Propose(proposals));
        self.deliver_until_quiet();
    }

    fn finish(&mut self) -> Vec<Tally> {
        // The last commit index reaches the followers with the next heartbeat.
        self.fire(self.leader);
        self.nodes.iter().map(|node| node.tally).collect()
    }
}
