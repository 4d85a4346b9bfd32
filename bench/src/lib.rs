//! How many commands does one core commit, beside the crates that people use?
//!
//! The peer loop: all nodes of a cluster in one thread. The leader takes a
//! batch of commands, messages are delivered until all is quiet, repeat. No
//! network, no disk: what is measured is the protocol code and the seam through
//! which it is driven. Every contender keeps its own checks and its log in
//! memory, stores before it promises, and applies every command on every node.
//! What was applied is counted and hashed in order on every node, and compared
//! with what was proposed: a contender that is driven wrongly fails instead of
//! looking fast. Samples of the contenders alternate, so that a machine whose
//! speed drifts treats them alike.
//!
//! # Settings
//!
//! Each peer as its own documentation shows, with the settings that are best for
//! this loop. All are compiled alike: the workspace's profile `native-bench`, or
//! `wasm-bench`.
//!
//! | contender | pre-vote | check-quorum | settings |
//! | --- | --- | --- | --- |
//! | quorumscope | on | on | rules that cannot be switched off (`AllOn`), 512 entries an append, window of 4,096, a snapshot every 8,192 entries, of which 64 stay in the log, which is its store (`Effects::in_memory`) |
//! | raft 0.7 | on | on | `batch_append`, 1 MiB an append, window of 4,096 messages, its `MemStorage`, codec `protobuf` |
//! | raft-io 1.0 | on (always) | has none | 512 entries an append, its `MemoryLog`; it takes one command at a time and sends each at once |
//! | sailing-proto 0.0 | on | on | 1 MiB an append, window of 4,096 messages, proposals of a batch flushed together, stores of ours (it has none) |
//! | openraft 0.9 | has none | has none | 512 entries an append, store and network of ours, one tokio runtime of one thread, no ticks |
//!
//! Who has a log in memory that is its own store keeps one copy of each entry a node (quorumscope, raft-io); the others
//! move entries from what is unstable to a store, because their design has two places.
//!
//! A log is compacted every 8,192 commands, at a moment when all is quiet, or by
//! the crate itself where it wants to (quorumscope, sailing, openraft).
//!
//! Nobody waits for an answer, except with openraft, which always gives one: a
//! node says what it has applied, and to whom the client belongs is no question
//! of the protocol.
//!
//! A commit index reaches the followers as each crate sees fit: with the next
//! append (quorumscope, raft-io), or by a message of its own (raft, sailing). The
//! sample ends with a heartbeat, so that every node applies the last command.
//!
//! # What openraft's figures mean
//!
//! `openraft` is not a state machine that is stepped but a set of tasks that talk
//! through channels. There is no moment of quiet to drive it to: a batch is sent,
//! and its answers are awaited. Its figures hold the cost of tasks, channels and
//! wake-ups, which the others leave to whoever drives them; they are printed
//! beside the others, and compared with care.
//!
//! What was measured stands in `docs/performance.md`.
//!
//! Read next: `ours`, then a peer, then the program, which prints the tables.

mod ours;
mod raft_io;
mod raft_rs;
#[cfg(feature = "sailing")]
mod sailing;
#[cfg(not(target_arch = "wasm32"))]
mod tasks;
#[cfg(target_arch = "wasm32")]
mod wasm;

/// What a cluster of a contender looks like.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// How many nodes vote.
    pub nodes: u32,
    /// Size of one command, at least 8 bytes.
    pub payload_bytes: usize,
    /// Commands between two compactions of each log; `None`: logs grow.
    pub compact_every: Option<u64>,
}

/// A cluster with an elected leader that can be driven through the peer loop.
pub trait Cluster {
    /// The leader takes `batch` commands; messages are delivered until quiet.
    fn round(&mut self, batch: usize, commands: &mut Commands);

    /// All is quiet, and each log may let go of what its node has applied. A contender that compacts by itself
    /// was told how often when it started.
    fn compact(&mut self) {}

    /// Brings the last commit index to everybody, and says what each node has applied.
    fn finish(&mut self) -> Vec<Tally>;
}

/// One who takes part.
#[derive(Clone, Copy)]
pub struct Contender {
    /// Its name and version.
    pub name: &'static str,
    /// Elects a leader among empty logs.
    pub elected: fn(&Setup) -> Box<dyn Cluster>,
    /// A sample is this many times shorter than the others', because it would take too long.
    pub shorter: usize,
}

/// Everybody who takes part; ours first.
pub const CONTENDERS: &[Contender] = &[
    Contender { name: "quorumscope", elected: ours::elected, shorter: 1 },
    Contender { name: "raft 0.7", elected: raft_rs::elected, shorter: 1 },
    Contender { name: "raft-io 1.0", elected: raft_io::elected, shorter: 1 },
    #[cfg(feature = "sailing")]
    Contender { name: "sailing 0.0", elected: sailing::elected, shorter: 1 },
    #[cfg(not(target_arch = "wasm32"))]
    Contender { name: "openraft 0.9", elected: tasks::elected, shorter: 10 },
];

/// The commands of a run: each holds its number in its first 8 bytes.
#[derive(Clone, Debug)]
pub struct Commands {
    bytes: Vec<u8>,
    number: u64,
}

impl Commands {
    /// Commands of this size, from number 1.
    #[must_use]
    pub fn new(payload_bytes: usize) -> Self {
        Self { bytes: vec![7; payload_bytes.max(8)], number: 0 }
    }

    /// The next one.
    pub fn take(&mut self) -> &[u8] {
        self.number += 1;
        self.bytes[..8].copy_from_slice(&self.number.to_le_bytes());
        &self.bytes
    }
}

/// What one node has applied: the same commands in another order give another tally.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    count: u64,
    digest: u64,
}

impl Tally {
    /// Takes a command in: the state machine of every contender.
    pub fn apply(&mut self, command: &[u8]) {
        let number = command.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.count += 1;
        self.digest = self.digest.wrapping_mul(31).wrapping_add(number);
    }

    /// How many commands.
    #[must_use]
    pub fn count(self) -> u64 {
        self.count
    }

    /// As a snapshot holds it.
    #[must_use]
    pub fn encode(self) -> [u8; 16] {
        (u128::from(self.count) << 64 | u128::from(self.digest)).to_le_bytes()
    }

    /// What [`Self::encode`] made; `None` where it did not make these bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let both = u128::from_le_bytes(bytes.try_into().ok()?);
        Some(Self { count: (both >> 64) as u64, digest: both as u64 }) // the two halves
    }

    /// The tally of a node that has applied the commands 1 to `count` in order, once each.
    #[must_use]
    pub fn of(count: u64) -> Self {
        let mut tally = Self::default();
        for number in 1..=count {
            tally.apply(&number.to_le_bytes());
        }
        tally
    }
}

/// A contender on its way through the loop.
pub struct Race {
    name: &'static str,
    cluster: Box<dyn Cluster>,
    commands: Commands,
    compact_every: Option<u64>,
    compacted: u64,
}

impl Race {
    /// A cluster with a leader and nothing else.
    #[must_use]
    pub fn start(contender: &Contender, setup: &Setup) -> Self {
        Self {
            name: contender.name,
            cluster: (contender.elected)(setup),
            commands: Commands::new(setup.payload_bytes),
            compact_every: setup.compact_every,
            compacted: 0,
        }
    }

    /// Proposes at least `commands` commands in batches; returns how many it were.
    pub fn run(&mut self, commands: usize, batch: usize) -> u64 {
        let before = self.commands.number;
        for _ in 0..commands.div_ceil(batch) {
            self.cluster.round(batch, &mut self.commands);
            if self.compact_every.is_some_and(|every| self.commands.number - self.compacted >= every) {
                self.compacted = self.commands.number;
                self.cluster.compact();
            }
        }
        self.commands.number - before
    }

    /// Brings everybody to the end.
    ///
    /// # Errors
    /// A node has not applied every command once and in order.
    pub fn finish(&mut self) -> Result<(), String> {
        let tallies = self.cluster.finish();
        let expected = Tally::of(self.commands.number);
        let fails = tallies.iter().position(|tally| *tally != expected);
        fails.map_or(Ok(()), |position| {
            let (name, found, node) = (self.name, tallies[position], position + 1);
            Err(format!("{name}: node {node} has applied {found:?} and should have {expected:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contender_applies_every_command_on_every_node_in_order() {
        for contender in CONTENDERS {
            for (nodes, batch) in [(1, 7), (3, 1), (5, 64)] {
                let setup = Setup { nodes, payload_bytes: 16, compact_every: Some(100) };
                let mut race = Race::start(contender, &setup);
                assert!(race.run(1_000, batch) >= 1_000);
                assert_eq!(race.finish(), Ok(()), "{nodes} nodes, batches of {batch}");
            }
        }
    }

    #[test]
    fn a_lost_a_repeated_and_a_swapped_command_change_the_tally() {
        let tally = |numbers: &[u64]| {
            let mut tally = Tally::default();
            numbers.iter().for_each(|number| tally.apply(&number.to_le_bytes()));
            tally
        };
        assert_eq!(tally(&[1, 2, 3]), Tally::of(3));
        for wrong in [&[1, 3][..], &[1, 2, 2, 3], &[1, 3, 2]] {
            assert_ne!(tally(wrong), Tally::of(3));
        }
    }
}
