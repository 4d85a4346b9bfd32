//! What do any bytes and any inputs do?
//!
//! The entry points of the fuzz targets. Both turn bytes into something to try,
//! and panic where a claim does not hold:
//! * [`decode`]: decoding is total, and what was understood encodes to what is
//!   understood alike;
//! * [`step`]: a node neither panics nor grows nor answers without bound,
//!   whatever peers and clients send. Its own executor keeps its contract.
//!
//! The project's tests drive the same functions with random bytes
//! (`tests/tests/all/fuzz.rs`), so nothing here needs a fuzzer.

use std::collections::VecDeque;
use std::sync::Arc;

use quorumscope_core::edge::Edge;
use quorumscope_core::entry::{Class, Entries, Entry, EntryKind, Proposal, Tags};
use quorumscope_core::membership::{Membership, MembershipChange};
use quorumscope_core::protocol::{Effect, Effects, Input, Protocol as _, ReadHow, ReadRequest};
use quorumscope_core::raft::{
    AllOn, AppendEntries, AppendEntriesReply, AppendOutcome, Config, FeedEdge, HardState, InstallOutcome,
    InstallSnapshot, InstallSnapshotReply, Message, Raft, ReadIndex, ReadIndexReply, ReadToken, Relay, Relayed,
    RequestVote, RequestVoteReply, Snapshots, TimeoutNow,
};
use quorumscope_core::snapshot::{Base, SnapshotMeta};
use quorumscope_core::storage::{DiskImage, Write};
use quorumscope_core::types::{
    ClientId, Digest, Incarnation, LogIndex, Mono, NodeId, Now, RequestNumber, Span, Term, Wall,
};
use quorumscope_core::wire::{self, Frame};

/// A snapshot longer than this is not taken in.
const MAX_SNAPSHOT_BYTES: u32 = 64;

/// Most effects of one input: an answer or a read for each waiting one, a few messages for each peer.
const MAX_EFFECTS: usize = 512;

/// Decodes `bytes` in every way in which bytes come from outside.
pub fn decode(bytes: &[u8]) {
    if let Ok(frame) = Frame::decode(bytes) {
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame), "a frame survives the wire");
    }
    if let Ok(message) = wire::decode_message(bytes) {
        assert_eq!(wire::decode_message(&wire::encode_message(&message)), Ok(message), "a message survives the wire");
    }
    if let Some(members) = Membership::decode(bytes) {
        assert!(members.is_well_formed(), "only a configuration is taken for one");
    }
}

/// Lets one node of three live through what `bytes` say. Returns how many inputs it took, and whether it halted.
pub fn step(bytes: &[u8]) -> (u32, bool) {
    let mut bytes = Source(bytes);
    let mut node = Node::start(&mut bytes);
    let mut steps = 0;
    while !bytes.0.is_empty() && !node.halted {
        let input = node.input(&mut bytes);
        node.take(input);
        steps += 1;
    }
    let log = node.raft.log();
    let indexes = log.iter().map(|entry| entry.index.0);
    assert!(indexes.eq(log.base().index.0 + 1..=log.last_index().0), "a log has no gap");
    let appended = u64::from(steps) * 16;
    assert!(log.iter().count() as u64 <= appended, "a log grows by what it is given");
    (steps, node.halted)
}

/// Bytes as a source of choices; where they end, all choices are 0.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Mostly small, so that it fits the node's state; sometimes the largest ones.
    fn number(&mut self) -> u64 {
        match self.byte() {
            byte @ 0..=239 => u64::from(byte % 8),
            byte @ 240..=251 => u64::MAX - u64::from(byte - 240),
            _ => u64::from_le_bytes(core::array::from_fn(|_| self.byte())),
        }
    }

    fn node(&mut self) -> NodeId {
        NodeId(u32::from(self.below(5)))
    }

    fn nodes(&mut self) -> Vec<NodeId> {
        (0..self.below(4)).map(|_| self.node()).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(8)).map(|_| self.byte()).collect()
    }

    /// Some nodes stand in one of two zones.
    fn zones(&mut self) -> Vec<(NodeId, u32)> {
        (1..=4).filter_map(|node| Some((NodeId(node), u32::from(self.below(3).checked_sub(1)?)))).collect()
    }

    /// Two zones are preferred for the leader, or one, or none; this node is in the first, the second or neither.
    fn leader_zones(&mut self) -> Vec<Vec<NodeId>> {
        let mut zones = vec![Vec::new(), Vec::new()];
        for node in 1..=3 {
            if let Some(zone) = zones.get_mut(usize::from(self.below(3))) {
                zone.push(NodeId(node));
            }
        }
        zones.retain(|zone| !zone.is_empty());
        zones
    }

    fn entry(&mut self, index: u64) -> Arc<Entry> {
        let kind = match self.below(8) {
            0 => EntryKind::Configuration,
            1 => EntryKind::NoOp,
            2 => EntryKind::Tick,
            3 => EntryKind::Elided,
            _ => EntryKind::Command,
        };
        let payload = if kind == EntryKind::Configuration && self.flag() {
            self.membership().encode()
        } else {
            self.bytes().into()
        };
        let (client, number) = (ClientId(self.number()), RequestNumber(self.number()));
        let (term, log_time, class) = (Term(self.number()), Wall(self.number()), Class::Critical);
        let index = LogIndex(if self.below(16) == 0 { self.number() } else { index });
        Arc::new(Entry { index, term, kind, log_time, client, number, class, tags: Tags::new(), payload })
    }

    fn membership(&mut self) -> Membership {
        let (voters, outgoing, learners) = (self.nodes(), self.nodes(), self.nodes());
        Membership { voters, outgoing, learners, observers: self.nodes(), edges: self.edges() }
    }

    fn edges(&mut self) -> Vec<Edge> {
        (0..self.below(2)).map(|_| Edge::new(self.node(), [u64::from(self.byte()), 1])).collect()
    }

    fn meta(&mut self) -> SnapshotMeta {
        let membership = self.membership();
        let (index, term, log_time) = (LogIndex(self.number()), Term(self.number()), Wall(self.number()));
        let digest = Digest(self.number());
        SnapshotMeta { index, term, log_time, membership, digest, subscription: self.subscription() }
    }

    fn subscription(&mut self) -> Option<Digest> {
        self.flag().then(|| Edge::new(NodeId(1), [u64::from(self.below(2)), 1]).subscription())
    }

    fn token(&mut self) -> ReadToken {
        ReadToken { incarnation: Incarnation(u32::from(self.below(3))), sequence: self.number() }
    }

    fn request(&mut self, term: Term) -> RequestVote {
        let (last_log_index, last_log_term) = (LogIndex(self.number()), Term(self.number()));
        RequestVote { term, last_log_index, last_log_term, transfer: self.below(4) == 0 }
    }

    fn append(&mut self, term: Term) -> AppendEntries {
        let (prev_log_index, prev_log_term) = (LogIndex(self.number()), Term(self.number()));
        let first = prev_log_index.0.wrapping_add(1);
        let entries: Entries = (0..self.below(4)).map(|at| self.entry(first.wrapping_add(u64::from(at)))).collect();
        let (leader_commit, round) = (LogIndex(self.number()), self.number());
        AppendEntries { term, prev_log_index, prev_log_term, entries, leader_commit, round }
    }

    fn message(&mut self) -> Message {
        let term = Term(self.number());
        match self.below(14) {
            12 => {
                let (to, subscription, mut append) = (self.node(), self.subscription(), self.append(term));
                append.entries.clear();
                let last = Base { index: LogIndex(self.number()), term: Term(self.number()) };
                Message::Relay(Box::new(Relay { to, subscription, append, last }))
            }
            13 => {
                let (leader, subscription, append) = (self.node(), self.subscription(), self.append(term));
                Message::Relayed(Box::new(Relayed { leader, subscription, append }))
            }
            0 => Message::PreVote(self.request(term)),
            1 => Message::PreVoteReply(RequestVoteReply { term, vote_granted: self.flag() }),
            2 => Message::RequestVote(self.request(term)),
            3 => Message::RequestVoteReply(RequestVoteReply { term, vote_granted: self.flag() }),
            4 => Message::TimeoutNow(TimeoutNow { term }),
            5 => Message::ReadIndex(ReadIndex { term, token: self.token() }),
            6 => {
                let (token, index) = (self.token(), self.flag().then(|| LogIndex(self.number())));
                Message::ReadIndexReply(ReadIndexReply { term, token, index })
            }
            7 => {
                let outcome = match self.below(4) {
                    3 => AppendOutcome::OtherSubscription,
                    0 => AppendOutcome::Matched(LogIndex(self.number())),
                    1 => AppendOutcome::StaleTerm,
                    _ => {
                        let (refused, first) = (LogIndex(self.number()), LogIndex(self.number()));
                        AppendOutcome::Conflict { refused, term: self.flag().then(|| Term(self.number())), first }
                    }
                };
                Message::AppendEntriesReply(AppendEntriesReply { term, outcome, round: self.number() })
            }
            8 => {
                let (meta, total, offset) = (self.meta(), self.number(), self.number());
                let (data, round) = (self.bytes().into(), self.number());
                Message::InstallSnapshot(Box::new(InstallSnapshot { term, meta, total, offset, data, round }))
            }
            9 => {
                let outcome = match self.below(3) {
                    0 => InstallOutcome::Received { offset: self.number() },
                    1 => InstallOutcome::Installed,
                    _ => InstallOutcome::StaleTerm,
                };
                let (index, round) = (LogIndex(self.number()), self.number());
                Message::InstallSnapshotReply(InstallSnapshotReply { term, index, outcome, round })
            }
            10 => {
                let subscription = Edge::new(NodeId(1), [u64::from(self.below(2)), 1]).subscription();
                Message::FeedEdge(Box::new(FeedEdge { subscription, append: self.append(term) }))
            }
            _ => Message::AppendEntries(self.append(term)),
        }
    }
}

/// One node and an executor that keeps its contract, with a disk and snapshots that take their time.
struct Node {
    raft: Raft<AllOn>,
    image: DiskImage<HardState>,
    writes: VecDeque<Write<HardState>>,
    snapshot: Option<LogIndex>,
    projected: Option<LogIndex>,
    now: Now,
    halted: bool,
}

impl Node {
    fn start(bytes: &mut Source<'_>) -> Self {
        let voters = [1, 2, 3].map(NodeId).to_vec();
        let formatted = DiskImage::formatted(1, NodeId(1), Membership::of(voters.clone()));
        let image = DiskImage { incarnation: Incarnation(1), ..formatted };
        let snapshots = Snapshots {
            threshold: u32::from(bytes.below(6)),
            retained_entries: u32::from(bytes.below(3)),
            chunk_bytes: 5,
            max_bytes: MAX_SNAPSHOT_BYTES,
            ..Snapshots::default()
        };
        let mut small = || u32::from(bytes.below(16));
        let (append, in_flight, entry, uncommitted) = (small(), small(), small(), small());
        let config = Config {
            pre_vote: bytes.flag(),
            check_quorum: bytes.flag(),
            max_entries_per_append: 1 + u32::from(bytes.below(4)),
            max_uncommitted: 16,
            // A payload has at most seven bytes: some settings let all of them through, some hardly any.
            max_bytes_per_append: 1 + append,
            max_bytes_in_flight: 1 + append + in_flight,
            max_entry_bytes: 1 + entry,
            max_uncommitted_bytes: 1 + entry + uncommitted,
            zones: bytes.zones(),
            leader_zones: bytes.leader_zones(),
            snapshots,
            ..Config::new(voters, AllOn)
        };
        assert_eq!(config.validate(), Ok(()), "settings that can run");
        let now = Now { mono: Mono(0), wall: Wall(0) };
        let raft = Raft::recover(&config, NodeId(1), &image, 1, now);
        Self { raft, image, writes: VecDeque::new(), snapshot: None, projected: None, now, halted: false }
    }

    fn input(&mut self, bytes: &mut Source<'_>) -> Option<Input<Message>> {
        self.now.mono = self.now.mono + Span::from_millis(u64::from(bytes.below(64)));
        Some(match bytes.below(24) {
            0 | 1 => {
                self.now.mono = self.raft.next_deadline().unwrap_or_default().max(self.now.mono);
                Input::DeadlineReached
            }
            2..=4 => {
                let write = self.writes.pop_front()?;
                assert_eq!(self.image.apply(&write), Ok(()), "a write continues the log");
                Input::Written(write.ticket)
            }
            5 => {
                let proposal = |bytes: &mut Source<'_>| Proposal {
                    client: ClientId(bytes.number()),
                    number: RequestNumber(bytes.number()),
                    class: if bytes.flag() { Class::Relaxed } else { Class::Critical },
                    tags: Tags::new(),
                    payload: bytes.bytes().into(),
                };
                Input::Propose((0..bytes.below(4)).map(|_| proposal(bytes)).collect())
            }
            6 => {
                let how = [ReadHow::Index, ReadHow::Lease, ReadHow::Stale][usize::from(bytes.below(3))];
                let (client, number) = (ClientId(bytes.number()), RequestNumber(bytes.number()));
                Input::Read(vec![ReadRequest { client, number, how, query: bytes.bytes().into() }])
            }
            7 => Input::Reconfigure(MembershipChange {
                add: bytes.nodes(),
                promote: bytes.nodes(),
                remove: bytes.nodes(),
                observe: bytes.nodes(),
                edge: bytes.edges(),
            }),
            8 => Input::TransferLeadership { to: bytes.node() },
            9 => Input::TakeSnapshot,
            10 => {
                let index = self.snapshot.take()?;
                Input::SnapshotTaken { index, digest: Digest(index.0), data: bytes.bytes().into() }
            }
            12 => {
                let index = self.projected.take()?;
                Input::Projected { index, digest: Digest(index.0), data: bytes.bytes().into() }
            }
            11 => {
                self.now.wall = Wall(bytes.number());
                Input::ExpiryAt(bytes.flag().then(|| Wall(bytes.number())))
            }
            _ => Input::Receive { from: bytes.node(), message: bytes.message() },
        })
    }

    fn take(&mut self, input: Option<Input<Message>>) {
        let mut inputs: VecDeque<_> = input.into_iter().collect();
        let mut out = Effects::listening();
        // Each further input reports an application, and those end with the log.
        while let Some(input) = inputs.pop_front().filter(|_| !self.halted) {
            self.raft.step(self.now, input, &mut out);
            assert!(out.as_slice().len() <= MAX_EFFECTS, "one input has few effects");
            for effect in out.drain() {
                match effect {
                    Effect::Write(write) => self.writes.push_back(write),
                    Effect::Apply { through, .. } | Effect::Restore { index: through } => {
                        inputs.push_back(Input::Applied { through, results: Vec::new() });
                    }
                    Effect::Snapshot { index } => self.snapshot = Some(index),
                    Effect::Project { index, .. } => self.projected = Some(index),
                    Effect::Send { message: Message::InstallSnapshotReply(reply), .. } => {
                        let held = match reply.outcome {
                            InstallOutcome::Received { offset } => offset,
                            InstallOutcome::Installed | InstallOutcome::StaleTerm => 0,
                        };
                        assert!(held <= u64::from(MAX_SNAPSHOT_BYTES), "no more is taken in than was allowed");
                    }
                    Effect::Broken(_) => self.halted = true,
                    Effect::Send { .. } | Effect::Answer { .. } | Effect::Read { .. } | Effect::Note(_) => {}
                }
            }
        }
    }
}
