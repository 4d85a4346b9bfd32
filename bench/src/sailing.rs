//! The crate `sailing-proto` 0.0 in the peer loop: `Endpoint`, driven as its driver's contract says.
//!
//! It brings no stores; those here hold everything in memory, complete each
//! write at once, and lend their entries without copying. Nobody falls behind in
//! this loop, so no snapshot travels; one that did would stop its node, and the
//! tally would tell.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use sailing_proto::{
    Config, Endpoint, EntriesRead, Entry, HardState, Index, Instant, LogDone, LogStore, MaybeOwned, Message, OpId,
    SnapshotChunkRead, SnapshotMeta, StableDone, StableStore, StateMachine, StorageProgress, Term,
};

use crate::{Cluster, Commands, Setup, Tally};

const ELECTION: Duration = Duration::from_millis(1_000);
const HEARTBEAT: Duration = Duration::from_millis(100);

struct Machine(Tally);

impl StateMachine for Machine {
    type Command = Bytes;
    type Response = ();
    type Snapshot = u64;
    type Error = Infallible;

    fn apply(&mut self, _: Index, command: Bytes) -> Result<(), Infallible> {
        self.0.apply(&command);
        Ok(())
    }

    fn snapshot(&self) -> Result<u64, Infallible> {
        Ok(self.0.count())
    }

    fn restore(&mut self, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Entries after `base`, and the term there.
#[derive(Default)]
struct Log {
    base: u64,
    base_term: Term,
    entries: Vec<Entry>,
    done: VecDeque<LogDone>,
}

impl Log {
    /// Where the entry at `index` stands; 0 for what is compacted.
    fn position(&self, index: u64) -> usize {
        (index.saturating_sub(self.base + 1) as usize).min(self.entries.len())
    }
}

impl LogStore for Log {
    type Error = Infallible;

    fn first_index(&self) -> Index {
        Index::new(self.base + 1)
    }

    fn last_index(&self) -> Index {
        Index::new(self.base + self.entries.len() as u64)
    }

    fn term(&self, index: Index) -> Result<Term, Infallible> {
        if index.get() == self.base {
            return Ok(self.base_term);
        }
        let position = index.get().checked_sub(self.base + 1);
        Ok(position.and_then(|at| self.entries.get(at as usize)).map_or(Term::ZERO, Entry::term))
    }

    fn entries(&self, range: Range<Index>, _max_bytes: u64) -> Result<EntriesRead<'_>, Infallible> {
        let start = self.position(range.start.get());
        let end = self.position(range.end.get()).max(start);
        Ok(EntriesRead::Ready(MaybeOwned::Borrowed(&self.entries[start..end])))
    }

    fn submit_append(&mut self, id: OpId, entries: &[Entry]) {
        if let Some(first) = entries.first() {
            self.entries.truncate(self.position(first.index().get()));
        }
        self.entries.extend_from_slice(entries);
        self.done.push_back(LogDone::Appended(id));
    }

    fn compact(&mut self, up_to: Index) {
        let through = up_to.get().min(self.last_index().get());
        if through > self.base {
            let count = (through - self.base) as usize;
            self.base_term = self.entries[count - 1].term();
            self.entries.drain(..count);
            self.base = through;
            self.done.push_back(LogDone::Compacted(up_to));
        }
    }

    fn restore(&mut self, last_index: Index, last_term: Term) {
        *self = Self { base: last_index.get(), base_term: last_term, ..Self::default() };
    }

    fn poll(&mut self) -> Option<Result<LogDone, Infallible>> {
        self.done.pop_front().map(Ok)
    }

    fn has_pending(&self) -> bool {
        !self.done.is_empty()
    }
}

/// A snapshot was sent although nobody fell behind.
#[derive(Debug)]
struct SnapshotTravelled;

struct Stable {
    hard: HardState<u64>,
    snapshot: Option<(SnapshotMeta<u64>, Bytes)>,
    done: VecDeque<StableDone>,
}

impl StableStore for Stable {
    type NodeId = u64;
    type Error = SnapshotTravelled;

    fn hard_state(&self) -> HardState<u64> {
        self.hard
    }

    fn submit_write(&mut self, id: OpId, hard_state: HardState<u64>) {
        self.hard = hard_state;
        self.done.push_back(StableDone::Wrote(id));
    }

    fn submit_snapshot(&mut self, id: OpId, meta: SnapshotMeta<u64>, data: Bytes) {
        self.snapshot = Some((meta, data));
        self.done.push_back(StableDone::SnapshotWritten(id));
    }

    fn snapshot(&self) -> Option<(SnapshotMeta<u64>, Bytes)> {
        self.snapshot.clone()
    }

    fn durable_snapshot(&self) -> Option<SnapshotMeta<u64>> {
        self.snapshot.as_ref().map(|(meta, _)| meta.clone())
    }

    fn snapshot_chunk(
        &self,
        offset: u64,
        len: u64,
    ) -> Option<Result<(SnapshotMeta<u64>, u64, SnapshotChunkRead), SnapshotTravelled>> {
        self.resident_snapshot_chunk(offset, len)
    }

    fn accept_snapshot_chunk(
        &mut self,
        _: &SnapshotMeta<u64>,
        _: u64,
        _: u64,
        _: &Bytes,
    ) -> Result<u64, SnapshotTravelled> {
        Err(SnapshotTravelled)
    }

    fn take_staged_snapshot(&mut self, _: &SnapshotMeta<u64>) -> Option<Bytes> {
        None
    }

    fn discard_snapshot_staging(&mut self) {}

    fn poll(&mut self) -> Option<Result<StableDone, SnapshotTravelled>> {
        self.done.pop_front().map(Ok)
    }

    fn has_pending(&self) -> bool {
        !self.done.is_empty()
    }
}

struct Node {
    endpoint: Endpoint<u64, Machine>,
    log: Log,
    stable: Stable,
}

struct Peers {
    nodes: Vec<Node>,
    now: Instant,
    queue: VecDeque<(u64, u64, Message<u64>)>,
}

pub(crate) fn elected(setup: &Setup) -> Box<dyn Cluster> {
    let voters: Vec<u64> = (1..=u64::from(setup.nodes)).collect();
    let threshold = setup.compact_every.map_or(usize::MAX, |every| every as usize);
    let start = |id: &u64| {
        let config = Config::try_new(*id, voters.clone(), ELECTION, HEARTBEAT)
            .and_then(|config| config.with_max_inflight_msgs(4_096))
            .expect("valid settings")
            .with_pre_vote(true)
            .with_check_quorum(true)
            .with_snapshot_threshold(threshold);
        let endpoint = Endpoint::new(config, Instant::ORIGIN, *id, Machine(Tally::default()));
        let stable = Stable { hard: HardState::initial(), snapshot: None, done: VecDeque::new() };
        Node { endpoint, log: Log::default(), stable }
    };
    let mut cluster = Peers { nodes: voters.iter().map(start).collect(), now: Instant::ORIGIN, queue: VecDeque::new() };
    cluster.fire();
    assert!(cluster.nodes[0].endpoint.role().is_leader());
    Box::new(cluster)
}

impl Peers {
    /// What its driver does after every input: sends what was appended, drains the stores, messages and events.
    fn pump(&mut self, position: usize) {
        let Node { endpoint, log, stable } = &mut self.nodes[position];
        endpoint.flush_appends(self.now, log, stable);
        while endpoint.handle_storage(self.now, log, stable) == StorageProgress::MorePending {}
        endpoint.flush_appends(self.now, log, stable);
        while let Some(outgoing) = endpoint.poll_message() {
            let (to, message) = outgoing.into_parts();
            self.queue.push_back((position as u64 + 1, to, message));
        }
        while endpoint.poll_event().is_some() {}
    }

    fn deliver_until_quiet(&mut self) {
        while let Some((from, to, message)) = self.queue.pop_front() {
            let position = to as usize - 1;
            let Node { endpoint, log, stable } = &mut self.nodes[position];
            endpoint.handle_message(self.now, log, stable, from, message);
            self.pump(position);
        }
    }

    /// The first node's next timer comes: it campaigns, or as a leader sends a heartbeat.
    fn fire(&mut self) {
        self.now = self.nodes[0].endpoint.poll_timeout().expect("every voter has a timer");
        let Node { endpoint, log, stable } = &mut self.nodes[0];
        endpoint.handle_timeout(self.now, log, stable);
        self.pump(0);
        self.deliver_until_quiet();
    }
}

impl Cluster for Peers {
    fn round(&mut self, batch: usize, commands: &mut Commands) {
        let Node { endpoint, log, stable } = &mut self.nodes[0];
        for _ in 0..batch {
            let command = Bytes::copy_from_slice(commands.take());
            endpoint.propose(self.now, log, stable, &command).expect("the leader takes proposals");
        }
        self.pump(0);
        self.deliver_until_quiet();
    }

    fn finish(&mut self) -> Vec<Tally> {
        self.fire();
        self.nodes.iter().map(|node| node.endpoint.state_machine().0).collect()
    }
}
