//! Does it matter to a cluster whether an executor that does everything at once says so with the buffer, or reports it?
//!
//! Three clusters live through the same script. In one the executor reports each write, application and restoration
//! right after it has carried them out; in the others it uses `Effects::immediate` or `Effects::in_memory` and reports
//! only results that clients wait for; in the last it has no store. After each step all nodes must look the same, and
//! so must all that is on its way, and what a store holds or would hold.

use bytes::Bytes;

use crate::entry::{Class, Proposal, Tags};
use crate::membership::Membership;
use crate::protocol::{Applied, Effect, Effects, Input, Outcome, Protocol, ReadHow, ReadRequest};
use crate::raft::{Config, HardState, Message, Raft, Snapshots, Switches};
use crate::record::{NodeStatus, Role};
use crate::rng::Rng;
use crate::storage::DiskImage;
use crate::types::{ClientId, Digest, LogIndex, Mono, NodeId, Now, RequestNumber, Span, Wall};

const NODES: u32 = 3;

struct Node {
    raft: Raft<Switches>,
    image: DiskImage<HardState>,
    answers: Vec<(RequestNumber, Outcome)>,
    reads: Vec<(RequestNumber, LogIndex)>,
    applied: LogIndex,
}

struct World {
    nodes: Vec<Node>,
    mail: Vec<(NodeId, NodeId, Message)>,
    executor: Executor,
    now: Now,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Executor {
    Reports,
    Immediate,
    InMemory,
}

/// What an executor reports.
enum Report {
    Written(crate::types::Ticket),
    Applied(LogIndex, Vec<Applied>),
    Taken(LogIndex),
}

impl World {
    fn new(executor: Executor) -> Self {
        let snapshots = Snapshots { threshold: 6, retained_entries: 1, chunk_bytes: 3, ..Snapshots::default() };
        let config = Config { snapshots, ..Config::new((1..=NODES).map(NodeId).collect(), Switches::all_on()) };
        let now = Now { mono: Mono(0), wall: Wall(0) };
        let start = |node: &NodeId| {
            let image = DiskImage::formatted(1, *node, Membership::of(config.voters.clone()));
            let raft = Raft::recover(&config, *node, &image, 3, now);
            Node { raft, image, answers: Vec::new(), reads: Vec::new(), applied: LogIndex::ZERO }
        };
        Self { nodes: config.voters.iter().map(start).collect(), mail: Vec::new(), executor, now }
    }

    fn step(&mut self, position: usize, input: Input<Message>) {
        let mut out = match self.executor {
            Executor::Reports => Effects::new(),
            Executor::Immediate => Effects::immediate(),
            Executor::InMemory => Effects::in_memory(),
        };
        self.nodes[position].raft.step(self.now, input, &mut out);
        let from = self.nodes[position].raft.id();
        self.mail.extend(out.mail().drain(..).map(|mail| (from, mail.to, mail.message)));
        for report in self.carry_out(position, &mut out) {
            match report {
                Report::Written(ticket) => self.step(position, Input::Written(ticket)),
                Report::Applied(through, results) => self.step(position, Input::Applied { through, results }),
                Report::Taken(index) => {
                    let data = Bytes::from_static(b"the state");
                    self.step(position, Input::SnapshotTaken { index, digest: Digest(index.0), data });
                }
            }
        }
    }

    fn carry_out(&mut self, position: usize, out: &mut Effects<Message, HardState>) -> Vec<Report> {
        let Self { nodes, mail, executor, .. } = self;
        let reports_all = *executor == Executor::Reports;
        let node = &mut nodes[position];
        let mut reports = Vec::new();
        for effect in out.drain() {
            match effect {
                Effect::Write(mut write) => {
                    assert!(*executor != Executor::InMemory, "there is no store");
                    node.image.take(&mut write).expect("writes continue the log");
                    if reports_all {
                        reports.push(Report::Written(write.ticket));
                    }
                }
                Effect::Send { to, message, after: _ } => mail.push((node.raft.id(), to, message)),
                Effect::Apply { from, through } => {
                    assert_eq!(from, node.applied.next(), "entries are applied one after the other");
                    node.applied = through;
                    let waits = |entry: &&std::sync::Arc<crate::entry::Entry>| entry.client != ClientId(0);
                    let result = |entry: &std::sync::Arc<crate::entry::Entry>| Applied {
                        index: entry.index,
                        client: entry.client,
                        number: entry.number,
                        result: Bytes::new(),
                    };
                    let entries = node.raft.log().between(from, through);
                    let results: Vec<_> = entries.filter(waits).map(result).collect();
                    if reports_all || !results.is_empty() {
                        reports.push(Report::Applied(through, results));
                    }
                }
                Effect::Restore { index } => {
                    node.applied = index;
                    if reports_all {
                        reports.push(Report::Applied(index, Vec::new()));
                    }
                }
                Effect::Snapshot { index } => {
                    assert_eq!(index, node.applied, "a snapshot is of the state as it is");
                    reports.push(Report::Taken(index));
                }
                Effect::Answer { number, outcome, .. } => node.answers.push((number, outcome)),
                Effect::Read { request, index, .. } => {
                    assert!(index <= node.applied, "what is read is applied");
                    node.reads.push((request.number, index));
                }
                Effect::Project { .. } => panic!("nobody is an edge here"),
                Effect::Broken(fact) => panic!("{fact}"),
                Effect::Note(_) => {}
            }
        }
        reports
    }

    /// One thing happens; the same draws make the same thing happen in both clusters.
    fn live(&mut self, rng: &mut Rng, number: u64) {
        self.now.mono = self.now.mono + Span(rng.below(3_000));
        let one = |rng: &mut Rng, of: usize| usize::try_from(rng.below(of as u64)).expect("small");
        let node = one(rng, self.nodes.len());
        let (client, request) = (ClientId(1), RequestNumber(number));
        match rng.below(20) {
            0 => {
                if let Some(deadline) = self.nodes[node].raft.next_deadline() {
                    self.now.mono = self.now.mono.max(deadline);
                    self.step(node, Input::DeadlineReached);
                }
            }
            1..4 => {
                let payload = Bytes::copy_from_slice(&number.to_be_bytes());
                let (class, tags) = (Class::Critical, Tags::new());
                self.step(node, Input::Propose(vec![Proposal { client, number: request, class, tags, payload }]));
            }
            4 => {
                let query = Bytes::new();
                let how = ReadHow::Index;
                self.step(node, Input::Read(vec![ReadRequest { client, number: request, how, query }]));
            }
            5 if !self.mail.is_empty() => {
                let lost = one(rng, self.mail.len());
                self.mail.remove(lost);
            }
            _ if !self.mail.is_empty() => {
                let place = one(rng, self.mail.len().min(4));
                let (from, to, message) = self.mail.remove(place);
                self.step(to.0 as usize - 1, Input::Receive { from, message });
            }
            _ => {}
        }
    }

    /// What a node would start from again.
    fn image(&self, node: &Node) -> DiskImage<HardState> {
        match (self.executor, node.image.format.clone()) {
            (Executor::InMemory, Some(format)) => node.raft.image(format),
            (Executor::Reports | Executor::Immediate | Executor::InMemory, _) => node.image.clone(),
        }
    }

    fn looks(&self) -> Vec<(NodeStatus, LogIndex, u64, usize, usize)> {
        let look = |node: &Node| {
            let snapshot = node.raft.snapshot().map_or(0, |snapshot| snapshot.meta.index.0);
            (node.raft.status(), node.applied, snapshot, node.answers.len(), node.reads.len())
        };
        self.nodes.iter().map(look).collect()
    }
}

#[test]
fn an_executor_that_does_everything_at_once_need_not_report_it() {
    lives_like_one_that_reports(Executor::Immediate);
}

#[test]
fn an_executor_that_does_everything_at_once_needs_no_store() {
    lives_like_one_that_reports(Executor::InMemory);
}

fn lives_like_one_that_reports(executor: Executor) {
    let (mut answered, mut read, mut snapshots, mut leaders) = (0, 0, 0, 0);
    for seed in 0..60 {
        let (mut reporting, mut immediate) = (World::new(Executor::Reports), World::new(executor));
        let (mut one, mut other) = (Rng::new(seed, 1), Rng::new(seed, 1));
        for number in 1..600 {
            reporting.live(&mut one, number);
            immediate.live(&mut other, number);
            assert_eq!(immediate.looks(), reporting.looks(), "seed {seed}, step {number}");
            assert_eq!(immediate.mail, reporting.mail, "seed {seed}, step {number}");
            let images = |world: &World| world.nodes.iter().map(|node| world.image(node)).collect::<Vec<_>>();
            assert_eq!(images(&immediate), images(&reporting), "seed {seed}, step {number}");
        }
        for (one, other) in reporting.nodes.iter().zip(&immediate.nodes) {
            assert_eq!((&one.answers, &one.reads), (&other.answers, &other.reads));
            answered += one.answers.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Applied { .. })).count();
            (read, snapshots) = (read + one.reads.len(), snapshots + usize::from(one.raft.snapshot().is_some()));
            leaders += usize::from(one.raft.role() == Role::Leader);
        }
    }
    assert!(answered > 100 && read > 20 && snapshots > 20 && leaders > 20, "{answered} {read} {snapshots} {leaders}");
}
