//! Who lies in a run of an exploration, how, and since when?
//!
//! As many as the protocol bears, or fewer: each has tricks of its own, or they
//! work together. More than that are asked for to see what nothing can bear:
//! then all are twins with one plan, the first primary is one of them, and the
//! honest nodes of the two sides do not hear each other for a while.

use quorumscope_core::quorum::Byzantine;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{NodeId, Term, Time};

use crate::adversary::Trick;
use crate::scenario::document::{Action, Scenario, Selector, Step};
use crate::scenario::profile::{Liars, Plan};

/// The generator of liars is a concern of its own.
const CONCERN: u64 = 0x_11A5;

/// Most tricks of one liar.
const TRICKS: u64 = 3;

/// The steps in which nodes begin to lie, before `calm` and early enough to matter.
pub(super) fn draw(scenario: &Scenario, plan: &Plan, seed: u64, calm: Time) -> Vec<Step> {
    let quorum = Byzantine::of(&scenario.voters, false);
    let bearable = u64::from(quorum.faulty());
    let mut rng = Rng::new(seed, CONCERN);
    let count = match plan.liars {
        Liars::None => 0,
        Liars::UpToFaulty => rng.below(bearable) + u64::from(bearable > 0),
        Liars::Exactly(count) => u64::from(count),
    };
    let mut pool = scenario.voters.clone();
    let mut chosen: Vec<NodeId> = Vec::new();
    if count > bearable {
        chosen.extend(quorum.in_turn(Term(0)));
        pool.retain(|node| !chosen.contains(node));
    }
    while (chosen.len() as u64) < count && !pool.is_empty() {
        chosen.push(pool.swap_remove(usize::try_from(rng.below(pool.len() as u64)).unwrap_or_default()));
    }
    if count > bearable {
        pool.retain(|node| !chosen.contains(node));
        return conspiracy(&chosen, &pool);
    }
    let together = rng.below(2) == 0;
    let groups: Vec<&[NodeId]> = if together { vec![&chosen] } else { chosen.chunks(1).collect() };
    let groups = groups.into_iter().filter(|group| !group.is_empty());
    groups
        .map(|group| {
            let at = if rng.below(2) == 0 { Time(0) } else { Time(rng.below(calm.0 / 2)) };
            let tricks = if plan.tricks.is_empty() { tricks(scenario, &mut rng) } else { plan.tricks.clone() };
            step(at, group, tricks)
        })
        .collect()
}

/// All of them are twins; half of the honest nodes make a quorum with them, and so does the other half.
fn conspiracy(liars: &[NodeId], honest: &[NodeId]) -> Vec<Step> {
    let named = |nodes: &[NodeId]| nodes.iter().copied().map(Selector::Node).collect::<Vec<_>>();
    let (one, other) = honest.split_at(honest.len() / 2);
    let (one, other) = (named(one), named(other));
    // One honest node alone cannot be parted from others.
    let against = if one.is_empty() { Vec::new() } else { other.clone() };
    let lie = Action::Byzantine { node: named(liars), tricks: vec![Trick::Twins], against };
    let mut actions = vec![lie];
    if !one.is_empty() {
        actions.push(Action::Cut { from: one.clone(), to: other.clone() });
        actions.push(Action::Cut { from: other, to: one });
    }
    actions.into_iter().map(|action| Step::new(Time(0), action)).collect()
}

fn tricks(scenario: &Scenario, rng: &mut Rng) -> Vec<Trick> {
    let mut known: Vec<Trick> = Trick::of(scenario.protocol).collect();
    let mut drawn = Vec::new();
    for _ in 0..1 + rng.below(TRICKS) {
        if !known.is_empty() {
            drawn.push(known.swap_remove(usize::try_from(rng.below(known.len() as u64)).unwrap_or_default()));
        }
    }
    drawn
}

fn step(at: Time, nodes: &[NodeId], tricks: Vec<Trick>) -> Step {
    let node = nodes.iter().copied().map(Selector::Node).collect();
    Step::new(at, Action::Byzantine { node, tricks, against: Vec::new() })
}
