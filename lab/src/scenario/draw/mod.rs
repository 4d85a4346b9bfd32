//! Where and when does a run of an exploration meet its faults?
//!
//! The seed decides. The result is a scenario in which every fault is written
//! out as a step, so a run that fails can be looked at, shared and shortened.
//! Faults come in the first six tenths of a run; the rest is calm, so that
//! progress can be judged. Changes of members, and who comes from outside, are in
//! `members`; how much of everything there is, is a plan's concern (`profile`).

mod kind;
mod liars;
mod members;
#[cfg(test)]
mod tests;

use quorumscope_core::few;
use quorumscope_core::machine::any::{AnyCommand, MachineKind};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::Rule;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{ClientId, NodeId, Span, Time};

use self::kind::Kind;
use super::document::{Action, MAX_NODES, NodeVerb, ProtocolName, RaftSettings, Scenario, Selector, Step};
use super::profile::Plan;
use crate::sim::{ClientSetup, Network, Workload};

/// The generator of faults is a concern of its own.
const CONCERN: u64 = 0x_FA17;

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
    let plan = &plan.fit(protocol);
    let shortest = plan.shortest(protocol, nodes);
    let mut scenario = Scenario::new(protocol, nodes, seed);
    scenario.name = format!("Seed {seed}");
    scenario.until = until.max(shortest);
    match protocol {
        ProtocolName::Raft => {}
        ProtocolName::Pbft => scenario.pbft = plan.pbft.clone(),
        ProtocolName::HotStuff => scenario.hotstuff = plan.hotstuff,
        ProtocolName::Hybrid => (scenario.pbft, scenario.threat) = (plan.pbft.clone(), plan.threat),
    }
    scenario.signer = if protocol.signs() { plan.signer } else { scenario.signer };
    scenario.network = Network {
        latency: plan.latency,
        drop_ppm: plan.drop_ppm,
        duplicate_ppm: plan.duplicate_ppm,
        ..Network::default()
    };
    scenario.disk = plan.disk;
    scenario.rules_off = rules_off.iter().chain(&plan.rules_off).copied().collect();
    few::sort(&mut scenario.rules_off, |a, b| a < b);
    scenario.rules_off.dedup();
    let drawn = Kind::of(seed);
    let plan = &settle_lone(settle_leases(settle_disks(plan, nodes, &drawn), &drawn), nodes);
    scenario.raft = plan.raft.clone();
    scenario.clients = clients(plan);
    if plan.varied {
        drawn.vary(&mut scenario);
    }
    if protocol.signs() {
        scenario.raft = RaftSettings::default();
        let workloads = scenario.clients.iter_mut().filter_map(|client| client.workload.as_mut());
        workloads.for_each(|workload| workload.mixed = false); // No answer is early.
    }
    let nodes_drawn = scenario.nodes.clone();
    let spare = NodeId(nodes.saturating_add(1));
    if (plan.replaced || plan.edges > 0) && nodes < MAX_NODES {
        scenario.nodes.push(spare);
    }
    let swaps = plan.epochs > 0 && nodes < MAX_NODES && members::swaps(seed);
    if swaps {
        scenario.voters = nodes_drawn.clone();
        scenario.nodes.push(spare);
    }
    if plan.zones && drawn.zones {
        scenario.raft.leader_zones = preferred(&nodes_drawn);
        let (here, elsewhere) = scenario.nodes.iter().partition(|node| node.0 % 2 == 1);
        scenario.zones = vec![here, elsewhere];
        scenario.zones.retain(|zone| !zone.is_empty());
    }
    let calm = Time(scenario.until.0 / 10 * 6);
    let mut draw = Draw {
        rng: Rng::new(seed, CONCERN),
        nodes: nodes_drawn,
        // By then somebody leads.
        from: Time(scenario.until.0.min(shortest.0) / 30),
        calm,
        until: scenario.until,
        steps: Vec::new(),
        machine: scenario.machine.kind,
        plan,
    };
    draw.crashes();
    draw.pauses();
    let has_spare = scenario.nodes.contains(&spare);
    if has_spare && plan.replaced {
        draw.replacement(spare);
    }
    draw.cuts();
    draw.conditions();
    draw.changes();
    draw.observers();
    if has_spare && !plan.replaced {
        draw.edges(spare);
    }
    draw.calm();
    let mut steps = draw.steps;
    let liars = liars::draw(&scenario, plan, seed, calm);
    if swaps {
        steps.extend(members::epochs(&scenario, plan, seed, calm, &liars));
    }
    steps.extend(liars);
    steps.sort_by_key(|step| step.at);
    scenario.steps = steps;
    scenario
}

/// Two zones of a third of the nodes each; the others are in none.
fn preferred(nodes: &[NodeId]) -> Vec<Vec<NodeId>> {
    nodes.chunks(nodes.len().div_ceil(3)).take(2).map(<[NodeId]>::to_vec).collect()
}

/// Who loses its disk has no say until another node takes its place. Where few are left to vote because others were
/// taken out, that is too much for any quorum: a run has either the one or the other. Of two nodes neither can do without.
fn settle_disks(plan: &Plan, nodes: u32, drawn: &Kind) -> Plan {
    let mut plan = plan.clone();
    if plan.lost_disks > 0 && plan.changes + plan.observers > 0 {
        if drawn.loses_disk && nodes > 2 {
            (plan.changes, plan.observers) = (0, 0);
            plan.replaced = true;
        } else {
            plan.lost_disks = 0;
        }
    }
    plan
}

/// Leases where they can hold: with check-quorum, and without clocks that jump.
fn settle_leases(mut plan: Plan, drawn: &Kind) -> Plan {
    let by_lease = plan.reads.contains(&Some(ReadHow::Lease));
    let jumps = plan.skews + plan.timeouts > 0;
    if by_lease && plan.raft.check_quorum && jumps && drawn.leases {
        (plan.skews, plan.timeouts) = (0, 0);
    } else if by_lease && (jumps || !plan.raft.check_quorum) {
        plan.reads = plan.reads.map(|how| if how == Some(ReadHow::Lease) { Some(ReadHow::Index) } else { how });
    }
    plan
}

/// A lone node has nobody to hand leadership to, and nobody to be parted from unless an edge comes.
fn settle_lone(mut plan: Plan, nodes: u32) -> Plan {
    if nodes == 1 {
        (plan.transfers, plan.timeouts) = (0, 0);
        if plan.edges == 0 {
            (plan.partitions, plan.one_way_cuts) = (0, 0);
        }
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
        .zip(plan.reads.into_iter().zip(plan.attempts).zip(plan.classes).cycle())
        .map(|(number, ((reads, attempts), class))| ClientSetup {
            workload: Some(Workload { reads, ..Workload::of(share(number), plan.keys, plan.think) }),
            timeout: plan.client_timeout,
            attempts,
            class,
            ..ClientSetup::by_hand(ClientId(number))
        })
        .collect()
}

/// What is asked once the faults have ended, the first and the second time.
fn asked_in_calm(machine: MachineKind, number: u64) -> AnyCommand {
    let text = match (machine, number) {
        (MachineKind::Kv, _) => String::new(),
        (MachineKind::Workflow, 1) => "create case calm w1".into(),
        (MachineKind::Workflow, number) => format!("update case calm v{number} w{number}"),
        (MachineKind::Cluster, number) => format!("configure setting calm v {number}"),
    };
    let set = || Operation::Set { key: "calm".into(), value: number.to_string() }.into();
    AnyCommand::read(machine, &text).unwrap_or_else(|_| set())
}

/// What the victim of a crash is bound to.
fn crashed(number: u32) -> String {
    format!("crashed-{}", number + 1)
}

/// Draws faults.
struct Draw<'a> {
    rng: Rng,
    nodes: Vec<NodeId>,
    from: Time,
    calm: Time,
    until: Time,
    steps: Vec<Step>,
    machine: MachineKind,
    plan: &'a Plan,
}

impl Draw<'_> {
    fn node(&mut self) -> NodeId {
        let chosen = self.rng.below(self.nodes.len() as u64);
        usize::try_from(chosen).ok().and_then(|chosen| self.nodes.get(chosen)).copied().unwrap_or(NodeId(1))
    }

    /// The leader, or one drawn blindly.
    fn target(&mut self) -> Selector {
        if self.at_leader() { Selector::Foremost } else { Selector::Node(self.node()) }
    }

    /// Whether a fault is meant for the leader. A lone node is always named: while it is down, nobody is foremost.
    fn at_leader(&mut self) -> bool {
        self.rng.below(100) < self.plan.at_leader_percent && self.nodes.len() > 1
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
        let Plan { crashes, pauses, .. } = *self.plan;
        for number in 0..crashes {
            let slot = if number < crashes / 2 { number } else { number + pauses };
            let (crash, restart) = self.window(slot, crashes + pauses, self.plan.downtime);
            let name = crashed(number);
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

    /// Nodes that stop reacting and go on, between crashes: one that crashed cannot go on.
    fn pauses(&mut self) {
        let Plan { crashes, pauses, .. } = *self.plan;
        for number in 0..pauses {
            let (pause, resume) = self.window(crashes / 2 + number, crashes + pauses, self.plan.cut_time);
            let name = format!("paused-{}", number + 1);
            let bind = vec![(name.clone(), self.target())];
            let action = |verb| Action::Nodes(verb, vec![Selector::Bound(name.clone())]);
            self.steps.push(Step { at: pause, after: None, bind, action: Some(action(NodeVerb::Pause)) });
            self.push(resume, action(NodeVerb::Resume));
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
        if self.at_leader() {
            // `rest` must name somebody: the leader takes a place and does not add one.
            group.pop();
            group.push(Selector::Foremost);
        }
        group
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
        for (after, number) in [(100_000, 1), (1_000_000, 2)] {
            let operation = asked_in_calm(self.machine, number);
            self.push(Time(calm.0 + after), Action::Propose { to: None, operation, class: None });
        }
    }
}
