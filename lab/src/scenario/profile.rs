//! Which faults does a run of an exploration meet?
//!
//! A plan says how many faults of each kind; the seed decides where and when.
//! The result is a scenario in which every fault is written out as a step, so a
//! run that fails can be looked at, shared and shortened. Faults come in the
//! first six tenths of a run; the rest is calm, so that progress can be judged.

use quorumscope_core::few;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::{self, Rule, Snapshots};
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{ClientId, NodeId, Span, Time};

use super::document::{Action, NodeVerb, ProtocolName, RaftSettings, Scenario, Selector, Step};
use crate::sim::{ClientSetup, Network, Workload};

/// Shortest run of a profile.
pub const SHORTEST_RUN: Time = Time(30_000_000);

/// The generator of faults is a concern of its own.
const CONCERN: u64 = 0x_FA17;

/// How rough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Clients only.
    None,
    /// Some loss, a crash, a partition.
    Light,
    /// Everything at once.
    Heavy,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Light, Self::Heavy];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Heavy => "heavy",
        }
    }

    /// Counters that a sweep of such runs must raise: a sweep that does not has not tested what it claims.
    #[must_use]
    pub fn must_cover(self) -> &'static [&'static str] {
        const NONE: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "elections",
            "leaders elected",
            "commits",
            "entries applied",
            "client operations ok",
        ];
        const LIGHT: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "elections",
            "leaders elected",
            "commits",
            "entries applied",
            "client operations ok",
            "crashes",
            "restarts",
            "messages dropped",
            "partitions",
            "client retries",
            "snapshots taken",
            "snapshot parts sent",
            "snapshots installed",
            "index reads",
            "lease reads",
            "transfers",
        ];
        const HEAVY: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "elections",
            "leaders elected",
            "commits",
            "entries applied",
            "client operations ok",
            "crashes",
            "restarts",
            "messages dropped",
            "partitions",
            "client retries",
            "messages duplicated",
            "lost unsynced writes",
            "one-way cuts",
            "clock faults",
            "disk faults",
            "configurations applied",
            "snapshots taken",
            "snapshot parts sent",
            "snapshots installed",
            "snapshot transfers resumed",
            "check-quorum step-downs",
            "index reads",
            "lease reads",
            "transfers",
            "entries at observers",
            "index reads at observers",
            "client operations unknown",
            "requests refused as overloaded",
            "windows full",
        ];
        match self {
            Self::None => NONE,
            Self::Light => LIGHT,
            Self::Heavy => HEAVY,
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
                operations: 225,
                crashes: 6,
                slow_disk: (Span::from_millis(100), Span::from_millis(400)),
                partitions: 2,
                one_way_cuts: 2,
                slow_disks: 2,
                changes: 2,
                observers: 1,
                drifts: 2,
                skews: 1,
                raft: small_limits(small_snapshots(12)),
                transfers: 2,
                reads: MIXED_READS,
                attempts: [0, 0, 2],
                ..calm
            },
        }
    }
}

/// Snapshots so often, with so short a tail and in so small parts that a node that was away needs several messages.
pub(crate) fn small_snapshots(threshold: u32) -> RaftSettings {
    let snapshots = Snapshots { threshold, retained_entries: 3, chunk_bytes: 48, ..Snapshots::default() };
    RaftSettings { snapshots, ..RaftSettings::default() }
}

/// So few bytes that every bound is met now and then: a command has some 20 of them.
fn small_limits(settings: RaftSettings) -> RaftSettings {
    RaftSettings {
        max_bytes_per_append: 30,
        max_bytes_in_flight: 40,
        max_uncommitted_bytes: 40,
        max_entry_bytes: 40,
        ..settings
    }
}

/// Latencies so different that messages overtake each other.
const ROUGH_LATENCY: (Span, Span) = (Span(1_000), Span(30_000));

/// The links of the profile for wide areas.
const WAN_LATENCY: (Span, Span) = (Span::from_millis(50), Span::from_millis(150));

/// The first client reads through the log, the second by a round, the third by the leader's lease.
const MIXED_READS: [Option<ReadHow>; 3] = [None, Some(ReadHow::Index), Some(ReadHow::Lease)];

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
    /// Partitions, each with a heal.
    pub partitions: u32,
    /// Cuts in one direction, each mended.
    pub one_way_cuts: u32,
    /// How long a partition or a cut lasts.
    pub cut_time: (Span, Span),
    /// Windows in which one disk is slow.
    pub slow_disks: u32,
    /// Rounds in which a node leaves the cluster, comes back as a learner and gets its vote again.
    pub changes: u32,
    /// Rounds in which a node leaves the cluster and observes it for a while; calm gives it its vote back.
    pub observers: u32,
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
    pub reads: [Option<ReadHow>; 3],
    /// After how many tries clients give up, in turn; 0 for never. What was tried without an answer stays unknown.
    pub attempts: [u32; 3],
    /// Raft's settings.
    pub raft: RaftSettings,
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
            ..self
        }
    }

    /// The shortest run with room for all that the plan asks for: a hundred election timeouts.
    fn shortest(&self) -> Time {
        Time(self.raft.election_timeout.1.0 * 100).max(SHORTEST_RUN)
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
            partitions: 0,
            one_way_cuts: 0,
            cut_time: (Span::from_millis(500), Span::from_millis(2_500)),
            slow_disks: 0,
            changes: 0,
            observers: 0,
            observing: (Span::from_millis(4_000), Span::from_millis(8_000)),
            drifts: 0,
            drift_ppm: 20_000,
            skews: 0,
            timeouts: 0,
            transfers: 0,
            reads: [None; 3],
            attempts: [0; 3],
            raft: RaftSettings::default(),
            rules_off: Vec::new(),
        }
    }
}

/// Writes a scenario out: the same arguments always give the same one.
#[must_use]
pub fn generate(
    protocol: ProtocolName,
    nodes: u32,
    seed: u64,
    plan: &Plan,
    until: Time,
    rules_off: &[Rule],
) -> Scenario {
    let mut scenario = Scenario::new(protocol, nodes, seed);
    scenario.name = format!("Seed {seed}");
    scenario.until = until.max(plan.shortest());
    scenario.network = Network { latency: plan.latency, drop_ppm: plan.drop_ppm, duplicate_ppm: plan.duplicate_ppm };
    scenario.disk = plan.disk;
    scenario.raft = plan.raft.clone();
    scenario.rules_off = rules_off.iter().chain(&plan.rules_off).copied().collect();
    few::sort(&mut scenario.rules_off, |a, b| a < b);
    scenario.rules_off.dedup();
    let plan = &settle_leases(plan, seed);
    scenario.clients = clients(plan);
    let calm = Time(scenario.until.0 / 10 * 6);
    let mut draw = Draw {
        rng: Rng::new(seed, CONCERN),
        nodes: scenario.nodes.clone(),
        // By then somebody leads.
        from: Time(scenario.until.0.min(plan.shortest().0) / 30),
        calm,
        until: scenario.until,
        steps: Vec::new(),
        plan,
    };
    draw.crashes();
    draw.cuts();
    draw.conditions();
    draw.changes();
    draw.observers();
    draw.calm();
    let mut steps = draw.steps;
    steps.sort_by_key(|step| step.at);
    scenario.steps = steps;
    scenario
}

/// Leases where they can hold: with check-quorum, and without clocks that jump.
fn settle_leases(plan: &Plan, seed: u64) -> Plan {
    let mut plan = plan.clone();
    let by_lease = plan.reads.contains(&Some(ReadHow::Lease));
    let jumps = plan.skews + plan.timeouts > 0;
    if by_lease && plan.raft.check_quorum && jumps && seed.is_multiple_of(2) {
        (plan.skews, plan.timeouts) = (0, 0);
    } else if by_lease && (jumps || !plan.raft.check_quorum) {
        plan.reads = plan.reads.map(|how| how.map(|_| ReadHow::Index));
    }
    plan
}

fn clients(plan: &Plan) -> Vec<ClientSetup> {
    let count = plan.clients.max(1);
    let share = |number: u64| {
        let operations = u64::from(plan.operations);
        u32::try_from(operations / count + u64::from(number <= operations % count)).unwrap_or(u32::MAX)
    };
    (1..=count)
        .zip(plan.reads.into_iter().zip(plan.attempts).cycle())
        .map(|(number, (reads, attempts))| ClientSetup {
            workload: Some(Workload { operations: share(number), keys: plan.keys, think: plan.think, reads }),
            timeout: plan.client_timeout,
            attempts,
            ..ClientSetup::by_hand(ClientId(number))
        })
        .collect()
}

/// Draws faults.
struct Draw<'a> {
    rng: Rng,
    nodes: Vec<NodeId>,
    from: Time,
    calm: Time,
    until: Time,
    steps: Vec<Step>,
    plan: &'a Plan,
}

impl Draw<'_> {
    fn node(&mut self) -> NodeId {
        let chosen = self.rng.below(self.nodes.len() as u64);
        usize::try_from(chosen).ok().and_then(|chosen| self.nodes.get(chosen)).copied().unwrap_or(NodeId(1))
    }

    /// The leader, or one drawn blindly.
    fn target(&mut self) -> Selector {
        if self.rng.below(100) < self.plan.at_leader_percent { Selector::Foremost } else { Selector::Node(self.node()) }
    }

    /// The part of the faulty time for fault `number` of `count`, so that equal faults do not overlap.
    fn window(&mut self, number: u32, count: u32, length: (Span, Span)) -> (Time, Time) {
        let slot = (self.calm - self.from).0 / u64::from(count.max(1));
        let begin = self.from.0 + slot * u64::from(number);
        let length = self.rng.span(length).0.clamp(1, slot * 3 / 4);
        let start = begin + self.rng.below(slot * 7 / 8 - length + 1);
        (Time(start), Time(start + length))
    }

    fn push(&mut self, at: Time, action: Action) {
        self.steps.push(Step::new(at, action));
    }

    /// Crashes with restarts, one after the other. The disk of the node is slow before, so that writes are lost.
    fn crashes(&mut self) {
        let count = self.plan.crashes;
        for number in 0..count {
            let (crash, restart) = self.window(number, count, self.plan.downtime);
            let name = format!("crashed-{}", number + 1);
            let slow = Time(crash.0.saturating_sub(300_000).max(self.from.0));
            let target = self.target();
            let victim = || vec![Selector::Bound(name.clone())];
            self.steps.push(Step {
                at: slow,
                after: None,
                bind: vec![(name.clone(), target)],
                action: Some(Action::Disk { node: victim(), latency: self.plan.slow_disk }),
            });
            self.push(crash, Action::Nodes(NodeVerb::Crash, victim()));
            if number < self.plan.lost_disks {
                self.push(crash, Action::Nodes(NodeVerb::LoseDisk, victim()));
            }
            self.push(restart, Action::Disk { node: victim(), latency: self.plan.disk });
            self.push(restart, Action::Nodes(NodeVerb::Restart, victim()));
        }
    }

    /// Partitions and cuts in one direction, one after the other: a partition replaces all cuts.
    fn cuts(&mut self) {
        let count = self.plan.partitions + self.plan.one_way_cuts;
        for number in 0..count {
            let (cut, mend) = self.window(number, count, self.plan.cut_time);
            // One way first every second time, so that both kinds meet early and late crashes.
            let one_way = number % 2 == 1 && number / 2 < self.plan.one_way_cuts
                || number >= 2 * self.plan.partitions.min(self.plan.one_way_cuts)
                    && self.plan.partitions < self.plan.one_way_cuts;
            if one_way {
                let lonely = self.target();
                let name = format!("cut-{}", number + 1);
                let alone = vec![Selector::Bound(name.clone())];
                let (from, to) = match self.rng.below(2) {
                    0 => (alone, vec![Selector::Rest]),
                    _ => (vec![Selector::Rest], alone),
                };
                let action = Some(Action::Cut { from, to });
                self.steps.push(Step { at: cut, after: None, bind: vec![(name, lonely)], action });
            } else {
                let group = self.group();
                self.push(cut, Action::Partition(vec![group, vec![Selector::Rest]]));
            }
            self.push(mend, Action::Heal);
        }
    }

    /// Some nodes, but not all: half of the time less than half of them with the leader among them.
    fn group(&mut self) -> Vec<Selector> {
        let most = (self.nodes.len() as u64 / 2).max(1);
        let size = 1 + self.rng.below(most);
        let mut pool = self.nodes.clone();
        let mut group: Vec<Selector> = Vec::new();
        for _ in 0..size {
            let place = usize::try_from(self.rng.below(pool.len() as u64)).unwrap_or(0);
            group.push(Selector::Node(pool.swap_remove(place)));
        }
        if self.rng.below(100) < self.plan.at_leader_percent {
            // `rest` must name somebody: the leader takes a place and does not add one.
            group.pop();
            group.push(Selector::Foremost);
        }
        group
    }

    /// One or two nodes leave, join again as learners and are promoted; some of it is asked twice, as the first time
    /// may come amid a fault. A cluster of one has nobody to take out.
    fn changes(&mut self) {
        let count = if self.nodes.len() > 1 { self.plan.changes } else { 0 };
        for number in 0..count {
            let (out, back) = self.window(number, count, (Span::from_millis(1_500), Span::from_millis(4_000)));
            let node = self.one_or_two();
            let asked = |add: &[Selector], promote: &[Selector], remove: &[Selector]| Action::Members {
                to: Selector::Foremost,
                add: add.to_vec(),
                promote: promote.to_vec(),
                remove: remove.to_vec(),
                observe: vec![],
            };
            let between = (back - out).0 / 4;
            for (quarter, action) in [
                (0, asked(&[], &[], &node)),
                (1, asked(&[], &[], &node)),
                (2, asked(&node, &[], &[])),
                (3, asked(&node, &[], &[])),
                (4, asked(&[], &node, &[])),
            ] {
                self.push(Time(out.0 + between * quarter), action);
            }
        }
    }

    /// One or two nodes leave, and observe the others for a while; some of it is asked twice.
    fn observers(&mut self) {
        let count = if self.nodes.len() > 1 { self.plan.observers } else { 0 };
        for number in 0..count {
            let (out, back) = self.window(number, count, self.plan.observing);
            let node = self.one_or_two();
            let asked = |remove: &[Selector], observe: &[Selector]| Action::Members {
                to: Selector::Foremost,
                add: vec![],
                promote: vec![],
                remove: remove.to_vec(),
                observe: observe.to_vec(),
            };
            let between = (back - out).0 / 10;
            for (tenth, action) in [
                (0, asked(&node, &[])),
                (1, asked(&node, &[])),
                (2, asked(&[], &node)),
                (3, asked(&[], &node)),
                (10, asked(&node, &[])),
            ] {
                self.push(Time(out.0 + between * tenth), action);
            }
        }
    }

    /// Two nodes where enough stay behind, seldom the same one twice.
    fn one_or_two(&mut self) -> Vec<Selector> {
        let mut node = vec![Selector::Node(self.node())];
        let other = Selector::Node(self.node());
        if self.nodes.len() > 3 && !node.contains(&other) {
            node.push(other);
        }
        node
    }

    /// Slow disks, clocks, timers that fire out of turn.
    fn conditions(&mut self) {
        let plan = self.plan;
        for number in 0..plan.slow_disks {
            let (slow, healthy) = self.window(number, plan.slow_disks, plan.cut_time);
            let node = vec![Selector::Node(self.node())];
            self.push(slow, Action::Disk { node: node.clone(), latency: plan.slow_disk });
            self.push(healthy, Action::Disk { node, latency: plan.disk });
        }
        for number in 0..plan.drifts {
            let (at, _) = self.window(number, plan.drifts, (Span(1), Span(1)));
            let drift = u64::from(plan.drift_ppm);
            let rate_ppm = u32::try_from(1_000_000 - drift + self.rng.below(2 * drift + 1)).unwrap_or(1_000_000);
            let node = vec![Selector::Node(self.node())];
            self.push(at, Action::Drift { node, rate_ppm });
        }
        for number in 0..plan.skews {
            let (at, _) = self.window(number, plan.skews, (Span(1), Span(1)));
            let by = self.rng.span((Span::from_millis(10), Span::from_millis(500)));
            let node = vec![Selector::Node(self.node())];
            self.push(at, Action::Skew { node, by });
        }
        for number in 0..plan.timeouts {
            let (at, _) = self.window(number, plan.timeouts, (Span(1), Span(1)));
            self.push(at, Action::Nodes(NodeVerb::Timeout, vec![Selector::AnyFollower]));
        }
        for number in 0..plan.transfers {
            let (at, _) = self.window(number, plan.transfers, (Span(1), Span(1)));
            let to = Selector::Node(self.node());
            self.push(at, Action::Transfer { from: None, to });
        }
    }

    /// All faults end, and two requests ask whether the cluster works.
    fn calm(&mut self) {
        let calm = self.calm;
        if self.plan.drop_ppm > 0 {
            self.push(calm, Action::Loss(0));
        }
        if self.plan.duplicate_ppm > 0 {
            self.push(calm, Action::Duplication(0));
        }
        if self.plan.partitions + self.plan.one_way_cuts > 0 {
            self.push(calm, Action::Heal);
        }
        if self.plan.changes + self.plan.observers > 0 {
            // Whoever was left outside comes back, once it was judged whether the others work on.
            let nodes = self.nodes.clone();
            let late = (self.until - calm).0 / 10;
            let pause = late * 5 / nodes.len() as u64;
            for (place, node) in (0..).zip(nodes) {
                let (to, node) = (Selector::Foremost, vec![Selector::Node(node)]);
                let add = Action::Members {
                    to: to.clone(),
                    add: node.clone(),
                    promote: vec![],
                    remove: vec![],
                    observe: vec![],
                };
                let promote = Action::Members { to, add: vec![], promote: node, remove: vec![], observe: vec![] };
                let at = calm.0 + late * 4 + pause * place;
                self.push(Time(at), add);
                self.push(Time(at + pause / 2), promote);
            }
        }
        for (after, value) in [(100_000, "1"), (1_000_000, "2")] {
            let operation = Operation::Set { key: "calm".into(), value: value.into() }.into();
            self.push(Time(calm.0 + after), Action::Propose { to: None, operation });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heavy(seed: u64) -> Scenario {
        generate(ProtocolName::Raft, 5, seed, &Profile::Heavy.plan(), SHORTEST_RUN, &[])
    }

    #[test]
    fn a_profile_is_written_out_the_same_way_each_time_and_can_be_read() {
        for seed in 0..50 {
            let scenario = heavy(seed);
            assert_eq!(scenario, heavy(seed));
            assert_eq!(Scenario::from_toml(&scenario.to_toml()).as_ref(), Ok(&scenario));
        }
        assert_ne!(heavy(1).steps, heavy(2).steps);
    }

    #[test]
    fn a_plan_for_another_profile_takes_its_settings_and_keeps_its_own() {
        let plan = Profile::Heavy.plan().paced(raft::Profile::Wan);
        let (own, wan) = (Profile::Heavy.plan().raft, RaftSettings::of(raft::Profile::Wan));
        let settings = &plan.raft;
        assert_eq!((settings.election_timeout, settings.heartbeat), (wan.election_timeout, wan.heartbeat));
        assert_eq!(settings.max_entries_per_append, wan.max_entries_per_append);
        assert_eq!((settings.snapshots, settings.max_bytes_in_flight), (own.snapshots, own.max_bytes_in_flight));
        let scenario = generate(ProtocolName::Raft, 5, 1, &plan, SHORTEST_RUN, &[]);
        assert_eq!(scenario.until, Time(200_000_000), "a hundred election timeouts");
        assert_eq!(Scenario::from_toml(&scenario.to_toml()).as_ref(), Ok(&scenario));
        assert_eq!(Profile::Heavy.plan().paced(raft::Profile::Lan), Profile::Heavy.plan());
    }

    #[test]
    fn two_hundred_operations_are_shared_by_three_clients() {
        let light = generate(ProtocolName::Raft, 5, 1, &Profile::Light.plan(), SHORTEST_RUN, &[]);
        let shares: Vec<u32> = light.clients.iter().filter_map(|c| c.workload.map(|w| w.operations)).collect();
        assert_eq!(shares, [67, 67, 66]);
    }

    #[test]
    fn heavy_runs_have_two_partitions_and_two_cuts_in_one_direction() {
        let steps = heavy(3).steps;
        let count =
            |wanted: fn(&Action) -> bool| steps.iter().filter_map(|s| s.action.as_ref()).filter(|a| wanted(a)).count();
        assert_eq!(count(|action| matches!(action, Action::Partition(_))), 2);
        assert_eq!(count(|action| matches!(action, Action::Cut { .. })), 2);
        assert_eq!(count(|action| matches!(action, Action::Nodes(NodeVerb::Crash, _))), 6);
    }

    #[test]
    fn the_last_four_tenths_of_a_run_are_without_faults() {
        let scenario = heavy(4);
        let is_fault = |step: &&Step| !matches!(step.action, Some(Action::Propose { .. } | Action::Members { .. }));
        let last = scenario.steps.iter().filter(is_fault);
        assert_eq!(last.map(|step| step.at).max(), Some(Time(18_000_000)));
    }
}
