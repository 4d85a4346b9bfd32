//! Which faults does a run of an exploration meet?
//!
//! A plan says how many faults of each kind; the seed decides where and when,
//! which is `draw`'s concern.

use quorumscope_core::bft::hybrid::threat;
use quorumscope_core::bft::{Tolerance, hotstuff, pbft};
use quorumscope_core::entry::Class;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::{self, Rule, Snapshots};
use quorumscope_core::types::{Span, Time};

use super::document::{ProtocolName, RaftSettings};
pub use super::draw::generate;
use crate::adversary::Trick;
use crate::check::liveness::{byzantine_bound, with_a_switch};
use crate::keys::Scheme;
use crate::sim::Network;

/// Shortest run of a profile.
pub const SHORTEST_RUN: Time = Time(30_000_000);

/// How rough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Clients only.
    None,
    /// Some loss, a crash, a partition.
    Light,
    /// Everything at once.
    Heavy,
    /// Everything at once, and some of the nodes lie.
    Byzantine,
}

/// How many nodes of a run lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Liars {
    /// Nobody.
    #[default]
    None,
    /// One at the least, and no more than the protocol bears.
    UpToFaulty,
    /// So many. Those whom the protocol cannot bear lie together.
    Exactly(u32),
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Light, Self::Heavy, Self::Byzantine];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Heavy => "heavy",
            Self::Byzantine => "byzantine",
        }
    }

    /// What such a run meets.
    #[must_use]
    pub fn plan(self) -> Plan {
        let calm = Plan::default();
        match self {
            Self::None => calm,
            Self::Light => Plan {
                drop_ppm: 10_000,
                latency: ROUGH_LATENCY,
                crashes: 1,
                partitions: 1,
                slow_disks: 0,
                raft: small_snapshots(30),
                transfers: 1,
                reads: MIXED_READS,
                ..calm
            },
            Self::Heavy => Plan {
                drop_ppm: 50_000,
                duplicate_ppm: 20_000,
                latency: ROUGH_LATENCY,
                // Some of them are given up, and 200 are still answered.
                think: (Span::from_millis(80), Span::from_millis(320)),
                operations: 250,
                clients: 4,
                crashes: 6,
                lost_disks: 1,
                slow_disk: (Span::from_millis(100), Span::from_millis(400)),
                partitions: 2,
                pauses: 1,
                one_way_cuts: 2,
                slow_disks: 2,
                changes: 2,
                epochs: 2,
                observers: 1,
                edges: 2,
                zones: true,
                drifts: 2,
                skews: 1,
                raft: small_limits(small_snapshots(12)),
                transfers: 2,
                reads: MIXED_READS,
                attempts: [0, 0, 2, 0],
                classes: [Class::Critical, Class::Critical, Class::Critical, Class::Relaxed],
                varied: true,
                ..calm
            },
            Self::Byzantine => Plan { liars: Liars::UpToFaulty, ..Self::Heavy.plan() },
        }
    }
}

/// Snapshots so often, with so short a tail and in so small parts that a node that was away needs several messages.
pub(crate) fn small_snapshots(threshold: u32) -> RaftSettings {
    let snapshots = Snapshots { threshold, retained_entries: 3, chunk_bytes: 48, ..Snapshots::default() };
    RaftSettings { snapshots, ..RaftSettings::default() }
}

/// Checkpoints so often, and parts so small, that a replica that was away needs a snapshot in several messages; timers
/// so short that a run holds several views.
fn brisk_pbft() -> pbft::Settings {
    pbft::Settings {
        request_timeout: (Span::from_millis(400), Span::from_millis(1_600)),
        max_batch_requests: 4,
        pipeline: 4,
        checkpoint_interval: 8,
        window: 24,
        chunk_bytes: 96,
        // Rates of clocks differ by 4 % at the most, and some clocks jump.
        tolerance: Tolerance { clocks: Span::from_secs(10), jump: Span::from_secs(600) },
        ..super::settings_pbft::default()
    }
}

/// The same for HotStuff.
fn brisk_hotstuff() -> hotstuff::Settings {
    hotstuff::Settings {
        view_timeout: Span::from_millis(200),
        max_view_timeout: Span::from_millis(1_600),
        max_batch_requests: 4,
        checkpoint_interval: 8,
        max_blocks: 64,
        max_blocks_per_answer: 4,
        chunk_bytes: 96,
        tolerance: brisk_pbft().tolerance,
        ..hotstuff::Settings::default()
    }
}

/// So few bytes that every bound is met now and then: a command has some 20 of them.
fn small_limits(settings: RaftSettings) -> RaftSettings {
    RaftSettings {
        max_bytes_per_append: 30,
        max_bytes_in_flight: 40,
        max_uncommitted_bytes: 30,
        max_entry_bytes: 30,
        ..settings
    }
}

/// Latencies so different that messages overtake each other.
const ROUGH_LATENCY: (Span, Span) = (Span(1_000), Span(30_000));

/// The links of the profile for wide areas.
const WAN_LATENCY: (Span, Span) = (Span::from_millis(50), Span::from_millis(150));

/// The first client reads through the log, the second by a round, the third by the leader's lease, the fourth takes
/// what any node has.
const MIXED_READS: [Option<ReadHow>; 4] = [None, Some(ReadHow::Index), Some(ReadHow::Lease), Some(ReadHow::Stale)];

/// What a run meets, in numbers; the seed decides the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Operations of all clients together.
    pub operations: u32,
    /// How many clients.
    pub clients: u64,
    /// Over how many keys.
    pub keys: u32,
    /// How long clients think.
    pub think: (Span, Span),
    /// How long a client waits before it tries another node.
    pub client_timeout: Span,
    /// Loss until the calm, in parts per million.
    pub drop_ppm: u32,
    /// Duplication until the calm, in parts per million.
    pub duplicate_ppm: u32,
    /// One-way latency.
    pub latency: (Span, Span),
    /// How long a sync takes on a healthy disk.
    pub disk: (Span, Span),
    /// How long a sync takes on a slow disk, and on the disk of a node that will crash.
    pub slow_disk: (Span, Span),
    /// Crashes, each with a restart.
    pub crashes: u32,
    /// How long a crashed node stays down.
    pub downtime: (Span, Span),
    /// In how many of a hundred crashes and partitions the leader is meant.
    pub at_leader_percent: u64,
    /// Of the crashes, how many lose their disk.
    pub lost_disks: u32,
    /// Whether a node that was never a member takes the place of one that lost its disk.
    pub replaced: bool,
    /// Partitions, each with a heal.
    pub partitions: u32,
    /// Nodes that stop reacting for a while, and keep their memory.
    pub pauses: u32,
    /// Cuts in one direction, each mended.
    pub one_way_cuts: u32,
    /// How long a partition or a cut lasts.
    pub cut_time: (Span, Span),
    /// Windows in which one disk is slow.
    pub slow_disks: u32,
    /// Rounds in which a node leaves the cluster, comes back as a learner and gets its vote again.
    pub changes: u32,
    /// Rounds in which a node outside takes the place of a voter, and the voter comes back, where voters change by
    /// epochs; in about half of the seeds.
    pub epochs: u32,
    /// Whether only one node changes its part at a time.
    pub one_by_one: bool,
    /// Rounds in which a node leaves the cluster and observes it for a while; calm gives it its vote back.
    pub observers: u32,
    /// Rounds in which a node that is no member joins as an edge, each time with other ranges; it stays after the
    /// last one.
    pub edges: u32,
    /// Whether every second node stands in another zone and some zones are preferred for the leader, in about half
    /// of the seeds.
    pub zones: bool,
    /// How long such a round takes.
    pub observing: (Span, Span),
    /// Clocks that run at another rate from then on.
    pub drifts: u32,
    /// How far those rates may be from true time, in parts per million; leases hold up to Raft's own bound.
    pub drift_ppm: u32,
    /// Clocks that jump forward.
    pub skews: u32,
    /// Election timers that fire out of turn.
    pub timeouts: u32,
    /// Wishes that some node may lead.
    pub transfers: u32,
    /// How clients read, in turn. A clock that jumps breaks the bound that leases rest on: where clocks jump too,
    /// a seed has either the one or the other.
    pub reads: [Option<ReadHow>; 4],
    /// After how many tries clients give up, in turn; 0 for never. What was tried without an answer stays unknown.
    pub attempts: [u32; 4],
    /// What clients write, in turn: whether it may be answered before a quorum has it.
    pub classes: [Class; 4],
    /// Raft's settings.
    pub raft: RaftSettings,
    /// Settings of PBFT, and of the hybrid.
    pub pbft: pbft::Settings,
    /// HotStuff's settings.
    pub hotstuff: hotstuff::Settings,
    /// When replicas of the hybrid feel threatened.
    pub threat: threat::Settings,
    /// How nodes and clients sign, where they do.
    pub signer: Scheme,
    /// Whether machine, sessions, times to live, classes, bounds on messages and what makes snapshots are different
    /// from seed to seed.
    pub varied: bool,
    /// How many nodes lie.
    pub liars: Liars,
    /// How all of them lie; each has tricks that are drawn, where this is empty.
    pub tricks: Vec<Trick>,
    /// Rules that are off beside those that were asked for, because they would mask what is looked for.
    pub rules_off: Vec<Rule>,
}

impl Plan {
    /// The same plan for nodes with another profile of settings: everything takes longer as election timeouts are
    /// longer, and links are those that the profile is for.
    #[must_use]
    pub fn paced(self, profile: raft::Profile) -> Self {
        let base = RaftSettings::of(profile);
        let longest = |settings: &RaftSettings| settings.election_timeout.1.0.max(1);
        let slower = |span: Span| Span(span.0 * longest(&base) / longest(&RaftSettings::default()));
        let slower_range = |(low, high)| (slower(low), slower(high));
        Self {
            think: slower_range(self.think),
            client_timeout: slower(self.client_timeout),
            downtime: slower_range(self.downtime),
            cut_time: slower_range(self.cut_time),
            latency: if profile == raft::Profile::Wan { WAN_LATENCY } else { self.latency },
            raft: self.raft.rebased(profile),
            pbft: pbft::Settings { request_timeout: slower_range(self.pbft.request_timeout), ..self.pbft },
            hotstuff: hotstuff::Settings {
                view_timeout: slower(self.hotstuff.view_timeout),
                max_view_timeout: slower(self.hotstuff.max_view_timeout),
                ..self.hotstuff
            },
            ..self
        }
    }

    /// What of the plan a protocol has: the rest is left out.
    #[must_use]
    pub fn fit(&self, protocol: ProtocolName) -> Self {
        if !protocol.signs() {
            return Self { liars: Liars::None, epochs: 0, ..self.clone() };
        }
        Self {
            lost_disks: 0,
            replaced: false,
            changes: 0,
            observers: 0,
            edges: 0,
            zones: false,
            transfers: 0,
            reads: [None; 4],
            classes: [Class::Critical; 4],
            ..self.clone()
        }
    }

    /// How long a run is whose calm holds the bound for progress: four tenths of it are calm.
    fn calm_for(&self, nodes: u32, view_timer: Span) -> u64 {
        let slowest = view_timer.0 * (1_000_000 + 2 * u64::from(self.drift_ppm)) / 1_000_000;
        byzantine_bound(nodes, Span(slowest), self.client_timeout, self.latency.1).0 * 3
    }

    /// The shortest run with room for all that the plan asks for: a hundred election timeouts; where nodes may lie, so
    /// much calm as progress may take.
    pub(super) fn shortest(&self, protocol: ProtocolName, nodes: u32) -> Time {
        let longest = match protocol {
            ProtocolName::Raft => self.raft.election_timeout.1.0 * 100,
            ProtocolName::Pbft => self.calm_for(nodes, self.pbft.request_timeout.1),
            ProtocolName::Hybrid => with_a_switch(Span(self.calm_for(nodes, self.pbft.request_timeout.1))).0,
            ProtocolName::HotStuff => self.calm_for(nodes, self.hotstuff.max_view_timeout),
        };
        Time(longest).max(SHORTEST_RUN)
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            operations: 200,
            clients: 3,
            keys: 4,
            think: (Span::from_millis(100), Span::from_millis(400)),
            client_timeout: Span::from_millis(500),
            drop_ppm: 0,
            duplicate_ppm: 0,
            latency: Network::default().latency,
            disk: super::read::DEFAULT_DISK,
            slow_disk: (Span::from_millis(20), Span::from_millis(200)),
            crashes: 0,
            downtime: (Span::from_millis(50), Span::from_millis(1_500)),
            at_leader_percent: 50,
            lost_disks: 0,
            replaced: false,
            partitions: 0,
            pauses: 0,
            one_way_cuts: 0,
            cut_time: (Span::from_millis(500), Span::from_millis(2_500)),
            slow_disks: 0,
            changes: 0,
            epochs: 0,
            one_by_one: false,
            observers: 0,
            edges: 0,
            zones: false,
            observing: (Span::from_millis(4_000), Span::from_millis(8_000)),
            drifts: 0,
            drift_ppm: 20_000,
            skews: 0,
            timeouts: 0,
            transfers: 0,
            reads: [None; 4],
            attempts: [0; 4],
            classes: [Class::Critical; 4],
            raft: RaftSettings::default(),
            pbft: brisk_pbft(),
            hotstuff: brisk_hotstuff(),
            // A run of half a minute sees replicas feel threatened, go over to PBFT, and go back.
            threat: threat::Settings {
                window: Span::from_secs(5),
                dwell: Span::from_secs(2),
                longest_dwell: Span::from_secs(8),
            },
            signer: Scheme::Cheap,
            varied: false,
            liars: Liars::None,
            tricks: Vec::new(),
            rules_off: Vec::new(),
        }
    }
}
