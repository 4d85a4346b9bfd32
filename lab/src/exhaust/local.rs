//! What is one node with its disk, and what can happen to it?
//!
//! A node's state and all that one input does to it do not depend on the other
//! nodes. Equal states are kept once, and the outcome of an input is computed
//! once; a cluster is then a handful of numbers (`cluster`).
//!
//! Two states are equal where their *projections* are: role, term, vote, leader,
//! votes, progress, log, commit index, what was applied, disk, and the writes and
//! messages that wait for it. Left out are times, deadlines, generators, rounds,
//! incarnations and what waits for clients; tickets count from the last durable
//! one. Without leases, check-quorum and pre-vote none of that decides anything.
//! A test holds this up: states with one projection, reached in different ways,
//! behave alike (`tests`).

use std::collections::VecDeque;

use quorumscope_core::entry::{Class, Entry, EntryKind, Proposal, Tags};
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::{Effect, Effects, Input, Protocol as _};
use quorumscope_core::raft::{Config, HardState, Message, Raft, Switches};
use quorumscope_core::record::{NodeStatus, Role};
use quorumscope_core::storage::{DiskImage, Write};
use quorumscope_core::types::{ClientId, Incarnation, LogIndex, Mono, NodeId, Now, RequestNumber, Term, Wall};

use super::hash::Hash128;

/// An entry as far as it counts: its term, and whose command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Brief {
    pub(super) term: u8,
    /// 0 for a no-op.
    pub(super) command: u8,
}

impl Brief {
    pub(super) fn of(entry: &Entry) -> Self {
        let command = match entry.kind {
            EntryKind::Command | EntryKind::Elided => small(entry.number.0),
            EntryKind::NoOp | EntryKind::Configuration | EntryKind::Tick => 0,
        };
        Self { term: small(entry.term.0), command }
    }
}

/// Terms, indexes and commands are bounded far below 256.
pub(super) fn small(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// What can happen to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// Its timer fires.
    TimesOut,
    /// A client's command reaches it.
    Command(u8),
    /// Its oldest pending write becomes durable.
    Syncs,
    /// It crashes with this many of its pending writes on the disk, and starts again.
    Crashes { kept: u8 },
    /// It crashes, its store is lost, and it starts again.
    LosesStore,
    /// A message arrives.
    Receives { from: NodeId, message: Message },
}

/// When writes become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    /// Each before the node takes its next input, unless the node crashes after this many of them.
    Lockstep { cut: Option<u8> },
    /// Each by a happening of its own.
    Overlapping,
}

/// A write that waits for the disk, and what the node remembers of it.
#[derive(Clone, Debug)]
struct Pending {
    write: Write<HardState>,
    node_term: Term,
    last_index: LogIndex,
    last_term: Term,
}

/// A message that waits for a write.
#[derive(Clone, Debug, PartialEq)]
struct Waiting {
    to: NodeId,
    message: Message,
    sequence: u64,
}

/// One node and its disk.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) raft: Raft<Switches>,
    pub(super) image: DiskImage<HardState>,
    writes: VecDeque<Pending>,
    durable: u64,
    waiting: Vec<Waiting>,
    apply_asked: LogIndex,
    mono: Mono,
}

/// What followed, as far as others see it or a property speaks of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Messages that left.
    pub(super) sends: Vec<(NodeId, Message)>,
    /// It was elected in this term.
    pub(super) elected: Option<u8>,
    /// As a leader it counted these as committed.
    pub(super) committed: Vec<(LogIndex, Brief)>,
    /// It applied these.
    pub(super) applied: Vec<(LogIndex, Brief)>,
    /// It led, and removed entries of its own log from this index on.
    pub(super) overwrote: Option<LogIndex>,
    /// An invariant of its own does not hold.
    pub(super) broken: Option<&'static str>,
    /// How many writes a disk in lockstep has finished.
    pub(super) syncs: u8,
}

impl Local {
    /// A node with a store that bootstrap has formatted.
    pub(super) fn fresh(config: &Config<Switches>, node: NodeId) -> Self {
        Self::start(config, node, DiskImage::formatted(1, node, Membership::of(config.voters.clone())), Mono(0))
    }

    fn start(config: &Config<Switches>, node: NodeId, mut image: DiskImage<HardState>, mono: Mono) -> Self {
        image.incarnation = Incarnation(image.incarnation.0 + 1);
        let now = Now { mono, wall: Wall(0) };
        let raft = Raft::recover(config, node, &image, u64::from(node.0), now);
        let (writes, waiting) = (VecDeque::new(), Vec::new());
        Self { raft, image, writes, durable: 0, waiting, apply_asked: LogIndex::ZERO, mono }
    }

    /// How many writes wait for the disk.
    pub(super) fn pending(&self) -> u8 {
        small(self.writes.len() as u64)
    }

    /// The entries of its log, in memory.
    pub(super) fn log(&self) -> Vec<Brief> {
        self.raft.log().iter().map(|entry| Brief::of(entry)).collect()
    }

    /// The node after `what`, and what followed. A disk in lockstep finishes every write before anything else
    /// happens; with a `cut` the node crashes after so many of them, before the next one is on the disk.
    pub(super) fn after(&self, config: &Config<Switches>, what: &Happening, disk: Disk) -> (Self, Outcome) {
        let (mut next, mut outcome) = self.happens(config, what);
        let Disk::Lockstep { cut } = disk else { return (next, outcome) };
        while !next.writes.is_empty() {
            if cut == Some(outcome.syncs) {
                return (Self::start(config, self.raft.id(), next.image, next.mono), outcome);
            }
            next.sync(&mut outcome);
            outcome.syncs += 1;
        }
        (next, outcome)
    }

    fn happens(&self, config: &Config<Switches>, what: &Happening) -> (Self, Outcome) {
        let mut next = self.clone();
        let mut outcome = Outcome::default();
        match what {
            Happening::TimesOut => {
                next.mono = next.raft.next_deadline().unwrap_or(next.mono).max(next.mono);
                next.step(Input::DeadlineReached, &mut outcome);
            }
            Happening::Command(number) => {
                let (client, number) = (ClientId(1), RequestNumber(u64::from(*number)));
                let (class, tags, payload) = (Class::Critical, Tags::new(), bytes::Bytes::new());
                next.step(Input::Propose(vec![Proposal { client, number, class, tags, payload }]), &mut outcome);
            }
            Happening::Syncs => next.sync(&mut outcome),
            Happening::Crashes { kept } => {
                for pending in self.writes.iter().take(usize::from(*kept)) {
                    outcome.apply(&mut next.image, &pending.write);
                }
                next = Self::start(config, self.raft.id(), next.image, self.mono);
            }
            Happening::LosesStore => {
                let empty = DiskImage { incarnation: self.image.incarnation, ..DiskImage::empty() };
                next = Self::start(config, self.raft.id(), empty, self.mono);
            }
            Happening::Receives { from, message } => {
                next.step(Input::Receive { from: *from, message: message.clone() }, &mut outcome);
            }
        }
        (next, outcome)
    }

    fn sync(&mut self, outcome: &mut Outcome) {
        let Some(Pending { write, .. }) = self.writes.pop_front() else { return };
        outcome.apply(&mut self.image, &write);
        self.durable = write.ticket.sequence;
        let durable = self.durable;
        let ready = self.waiting.extract_if(.., |waiting| waiting.sequence <= durable);
        outcome.sends.extend(ready.map(|waiting| (waiting.to, waiting.message)));
        self.step(Input::Written(write.ticket), outcome);
    }

    /// One step of the protocol, and of the state machine, which applies at once.
    fn step(&mut self, input: Input<Message>, outcome: &mut Outcome) {
        let led = (self.raft.role() == Role::Leader).then(|| self.raft.current_term());
        let committed = self.raft.commit_index();
        let mut out = Effects::new();
        self.raft.step(Now { mono: self.mono, wall: Wall(0) }, input, &mut out);
        let leads = (self.raft.role() == Role::Leader).then(|| self.raft.current_term());
        if leads.is_some() && leads != led {
            outcome.elected = leads.map(|term| small(term.0));
        }
        if leads.is_some() {
            let new = (committed.0 + 1..=self.raft.commit_index().0).map(LogIndex);
            let held = new.filter_map(|index| Some((index, Brief::of(self.raft.log().get(index)?))));
            outcome.committed.extend(held);
        }
        let mut applied = None;
        for effect in out.drain() {
            match effect {
                Effect::Send { to, message, after } => {
                    let message = without_round(message);
                    match after.map(|ticket| ticket.sequence).filter(|sequence| *sequence > self.durable) {
                        None => outcome.sends.push((to, message)),
                        Some(sequence) => self.hold(Waiting { to, message, sequence }),
                    }
                }
                Effect::Write(write) => {
                    if leads.is_some() && leads == led {
                        outcome.overwrote = outcome.overwrote.or(write.truncate);
                    }
                    let log = self.raft.log();
                    let (last_index, last_term) = (log.last_index(), log.last_term());
                    self.writes.push_back(Pending {
                        write,
                        node_term: self.raft.current_term(),
                        last_index,
                        last_term,
                    });
                }
                Effect::Apply { from, through } => {
                    let entries = self.image.entries(from, through);
                    outcome.applied.extend(entries.iter().map(|entry| (entry.index, Brief::of(entry))));
                    self.apply_asked = through;
                    applied = Some(through);
                }
                Effect::Broken(fact) => outcome.broken = outcome.broken.or(Some(fact)),
                // Clients are not looked at, snapshots and reads are not asked for.
                Effect::Answer { .. }
                | Effect::Snapshot { .. }
                | Effect::Restore { .. }
                | Effect::Project { .. }
                | Effect::Read { .. }
                | Effect::Note(_) => {}
            }
        }
        if let Some(through) = applied {
            self.step(Input::Applied { through, results: Vec::new() }, outcome);
        }
    }

    /// A message waits for a write. A second copy of what waits already would only be lost on the way.
    fn hold(&mut self, waiting: Waiting) {
        if !self.waiting.contains(&waiting) {
            self.waiting.push(waiting);
        }
    }

    /// The hash of its projection, with the nodes called by other names: `names` holds the new name of each node.
    pub(super) fn projection(&self, status: &NodeStatus, names: &[u8]) -> u128 {
        let name = |node: NodeId| usize::try_from(node.0 - 1).ok().and_then(|at| names.get(at)).map_or(0, |n| n + 1);
        let name_of = |node: Option<NodeId>| u64::from(node.map_or(0, name));
        let mut hash = Hash128::new();
        let numbers = [
            u64::from(name(self.raft.id())),
            status.role as u64,
            status.term.0,
            name_of(status.voted_for),
            name_of(status.leader),
            status.commit.0,
            status.applied.0,
            status.durable.0,
            self.apply_asked.0,
            self.image.hard.current_term.0,
            name_of(self.image.hard.voted_for),
            u64::from(self.image.format.is_some()),
        ];
        numbers.into_iter().for_each(|number| hash.word(number));
        // One word a node, at the place of its new name: votes and progress.
        let mut peers = [0; 5];
        for (node, granted) in &status.votes {
            peers[usize::from(name(*node)) - 1] = 1 + u64::from(*granted);
        }
        for peer in &status.progress {
            let word = (peer.next.0 << 16 | peer.matched.0) << 8 | u64::from(peer.probing) << 4 | 4;
            peers[usize::from(name(peer.node)) - 1] = word;
        }
        peers.into_iter().for_each(|word| hash.word(word));
        let entries = |hash: &mut Hash128, entries: &mut dyn Iterator<Item = Brief>| {
            entries.for_each(|entry| hash.word(1 << 32 | u64::from(entry.term) << 8 | u64::from(entry.command)));
            hash.word(0);
        };
        entries(&mut hash, &mut self.raft.log().iter().map(|entry| Brief::of(entry)));
        entries(&mut hash, &mut self.image.log.iter().map(|entry| Brief::of(entry)));
        for Pending { write, node_term, last_index, last_term } in &self.writes {
            let hard = write.hard.as_ref().map_or(0, |hard| 1 + (hard.current_term.0 << 8 | name_of(hard.voted_for)));
            let truncate = write.truncate.map_or(0, |from| from.0);
            [1, hard, truncate, node_term.0, last_index.0, last_term.0].into_iter().for_each(|word| hash.word(word));
            entries(&mut hash, &mut write.append.iter().map(|entry| Brief::of(entry)));
        }
        hash.word(0);
        // Links are independent of each other, so only the order of messages to one node counts.
        let mut waiting: Vec<_> = self.waiting.iter().map(|waiting| (name(waiting.to), waiting)).collect();
        waiting.sort_by_key(|(to, _)| *to);
        for (to, waiting) in waiting {
            hash.word(u64::from(to) << 32 | (waiting.sequence - self.durable));
            hash.wide(Hash128::of(&waiting.message));
        }
        hash.value()
    }
}

impl Outcome {
    /// Applies a write to the disk. A write that leaves a gap is a broken invariant.
    fn apply(&mut self, image: &mut DiskImage<HardState>, write: &Write<HardState>) {
        if image.apply(write).is_err() {
            self.broken = Some("writes continue the log without a gap");
        }
    }
}

/// Rounds serve leases and reads, which these worlds do not have.
fn without_round(mut message: Message) -> Message {
    match &mut message {
        Message::AppendEntries(append) => append.round = 0,
        Message::AppendEntriesReply(reply) => reply.round = 0,
        Message::FeedEdge(feed) => feed.append.round = 0,
        Message::Relay(order) => order.append.round = 0,
        Message::Relayed(relayed) => relayed.append.round = 0,
        Message::InstallSnapshot(install) => install.round = 0,
        Message::InstallSnapshotReply(reply) => reply.round = 0,
        Message::PreVote(_)
        | Message::PreVoteReply(_)
        | Message::RequestVote(_)
        | Message::RequestVoteReply(_)
        | Message::ReadIndex(_)
        | Message::ReadIndexReply(_)
        | Message::TimeoutNow(_) => {}
    }
    message
}
