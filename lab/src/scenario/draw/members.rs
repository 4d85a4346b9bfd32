//! When does a run of an exploration change its members, and whom?
//!
//! Nodes leave and come back, observe for a while, take the place of one that
//! lost its disk, and hold a part of the state as an edge. All of it goes
//! through the log, so a fault may swallow it: what matters is asked again.

use quorumscope_core::rng::Rng;
use quorumscope_core::types::{NodeId, Span, Time};

use super::{Draw, crashed};
use crate::scenario::document::{Action, NodeVerb, Scenario, Selector, Step};
use crate::scenario::profile::Plan;

/// The generator of changes of voters is a concern of its own.
const CONCERN: u64 = 0x_E70C;

/// Whether voters change in this seed's run, where its protocol has epochs.
pub(super) fn swaps(seed: u64) -> bool {
    Rng::new(seed, CONCERN).below(2) == 0
}

/// A voter loses its vote to the node outside, and gets it back, as often as the plan says: in about half of the seeds
/// with liars one of them. Each is asked three times, as the first time may come amid a fault; what was meant for an epoch
/// that has ended changes nothing.
pub(super) fn epochs(scenario: &Scenario, plan: &Plan, seed: u64, calm: Time, liars: &[Step]) -> Vec<Step> {
    let mut rng = Rng::new(seed, CONCERN);
    let _ = rng.below(2);
    let mut one_of = |nodes: &[NodeId]| {
        let place = usize::try_from(rng.below(nodes.len().max(1) as u64)).unwrap_or_default();
        nodes.get(place).copied().unwrap_or(NodeId(1))
    };
    let named = liars.iter().filter_map(|step| match &step.action {
        Some(Action::Byzantine { node, .. }) => Some(node.iter().filter_map(|selector| match selector {
            Selector::Node(node) => Some(*node),
            _ => None,
        })),
        _ => None,
    });
    let liars: Vec<NodeId> = named.flatten().collect();
    let honest: Vec<NodeId> = scenario.voters.iter().filter(|node| !liars.contains(node)).copied().collect();
    let Some(spare) = scenario.nodes.iter().find(|node| !scenario.voters.contains(node)) else { return Vec::new() };
    let leaves_a_liar = !liars.is_empty() && one_of(&[NodeId(1), NodeId(2)]) == NodeId(1);
    let slot = calm.0 / u64::from(plan.epochs + 1);
    let mut steps = Vec::new();
    for number in 0..plan.epochs {
        let leaves = one_of(if leaves_a_liar { &liars } else { &honest });
        let begins = slot / 2 + slot * u64::from(number);
        for (part, promote, remove) in [(0, *spare, leaves), (1, leaves, *spare)] {
            for again in 0..3 {
                let at = Time(begins + slot / 2 * part + slot / 8 * again);
                let (promote, remove) = (vec![Selector::Node(promote)], vec![Selector::Node(remove)]);
                let action = Action::Members { to: Selector::Foremost, add: vec![], promote, remove, observe: vec![] };
                steps.push(Step::new(at, action));
            }
        }
    }
    steps
}

impl Draw<'_> {
    /// Whoever lost its disk first is taken out, and a node that was never a member takes its place (thesis §4.4).
    /// All of it is asked again, as the first time may come amid a fault.
    pub(super) fn replacement(&mut self, spare: NodeId) {
        let lost = vec![Selector::Bound(crashed(0))];
        let restarts = Some(Action::Nodes(NodeVerb::Restart, lost.clone()));
        let Some(restart) = self.steps.iter().find(|step| step.action == restarts).map(|step| step.at) else { return };
        let spare = vec![Selector::Node(spare)];
        for begin in [restart.0, restart.0 + 4_000_000, self.calm.0] {
            for (after, add, promote, remove) in [
                (300_000, vec![], vec![], lost.clone()),
                (1_300_000, spare.clone(), vec![], vec![]),
                (2_800_000, vec![], spare.clone(), vec![]),
            ] {
                let change = Action::Members { to: Selector::Foremost, add, promote, remove, observe: vec![] };
                self.push(Time(begin + after), change);
            }
        }
    }

    /// One or two nodes leave, join again as learners and are promoted; some of it is asked twice, as the first time
    /// may come amid a fault. A cluster of one has nobody to take out.
    pub(super) fn changes(&mut self) {
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
    pub(super) fn observers(&mut self) {
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

    /// A node outside subscribes, leaves, and subscribes to something else; it crashes meanwhile, and stays after the
    /// last time. All of it is asked again, as the first time may come amid a fault.
    pub(super) fn edges(&mut self, edge: NodeId) {
        let count = self.plan.edges;
        let node = vec![Selector::Node(edge)];
        for number in 0..count {
            let (joins, leaves) = self.window(number, count, self.plan.observing);
            let all = u64::from(self.plan.keys.max(1));
            let first = self.rng.below(all);
            let keys = (first..=first + all / 3).map(|key| format!("k{}", key % all + 1)).collect();
            let subscribe = Action::Subscribe { to: Selector::Foremost, node: node.clone(), keys };
            let remove = Action::Members {
                to: Selector::Foremost,
                add: vec![],
                promote: vec![],
                remove: node.clone(),
                observe: vec![],
            };
            let tenth = (leaves - joins).0 / 10;
            let at = |part: u64| Time(joins.0 + tenth * part);
            for part in [0, 1, 2] {
                self.push(at(part), subscribe.clone());
            }
            self.push(at(5), Action::Nodes(NodeVerb::Crash, node.clone()));
            self.push(at(6), Action::Nodes(NodeVerb::Restart, node.clone()));
            if number + 1 < count {
                self.push(at(9), remove.clone());
                self.push(at(10), remove);
            } else {
                self.push(self.calm, subscribe);
            }
        }
    }

    /// Two nodes where enough stay behind, seldom the same one twice.
    fn one_or_two(&mut self) -> Vec<Selector> {
        let mut node = vec![Selector::Node(self.node())];
        let other = Selector::Node(self.node());
        if self.nodes.len() > 3 && !self.plan.one_by_one && !node.contains(&other) {
            node.push(other);
        }
        node
    }
}
