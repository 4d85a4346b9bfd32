//! Where do honest nodes hold different things for good?
//!
//! Two nodes that count different entries at one place as committed have broken
//! what the protocol promises. The first such place says it best: with it the
//! histories part.

use quorumscope_core::types::{LogIndex, NodeId};

use super::entries::entry;
use crate::trace::view::{NodeView, View};
use crate::trace::words::{conflict as words, fill, list};

/// A place at which honest nodes have committed different entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Which.
    pub index: LogIndex,
    /// What stands there, and at whom; empty where nothing but the log times of entries differs.
    pub sides: Vec<Side>,
    /// All of that, as a sentence.
    pub words: String,
}

/// What some nodes hold at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The entry in a few letters.
    pub label: String,
    /// The entry.
    pub text: String,
    /// Who holds it.
    pub nodes: Vec<NodeId>,
}

impl Conflict {
    /// What stands there at this node.
    #[must_use]
    pub fn at(&self, node: NodeId) -> Option<&Side> {
        self.sides.iter().find(|side| side.nodes.contains(&node))
    }
}

/// The first place at which honest nodes disagree for good; where only the times of entries differ, a later one at
/// which the commands do says more.
#[must_use]
pub fn conflict(view: &View) -> Option<Conflict> {
    let honest = || view.nodes.iter().filter(|(_, node)| !node.lies);
    let last = honest().map(|(_, node)| committed(node)).max()?;
    let first = honest().map(|(_, node)| node.base.index.0).min()?;
    let mut of_time = None;
    for index in (first + 1..=last.0).map(LogIndex) {
        let mut sides: Vec<Side> = Vec::new();
        let mut held = Vec::new();
        for (id, node) in honest().filter(|(_, node)| index <= committed(node)) {
            let Some(entry_here) = node.entry(index) else { continue };
            held.push(entry_here);
            let look = entry(entry_here);
            match sides.iter_mut().find(|side| side.text == look.text) {
                Some(side) => side.nodes.push(*id),
                None => sides.push(Side { label: look.label, text: look.text, nodes: vec![*id] }),
            }
        }
        if sides.len() > 1 {
            return Some(told(index, sides));
        }
        if of_time.is_none() && held.windows(2).any(|pair| pair[0] != pair[1]) {
            of_time = Some(Conflict { index, words: fill(words::TIMES, &[("index", &index)]), sides: Vec::new() });
        }
    }
    of_time
}

fn committed(node: &NodeView) -> LogIndex {
    node.status.commit.min(node.last_index())
}

fn told(index: LogIndex, sides: Vec<Side>) -> Conflict {
    let side = |side: &Side| {
        let holds = if side.nodes.len() == 1 { words::HOLDS } else { words::HOLD };
        fill(holds, &[("nodes", &list(&side.nodes)), ("entry", &side.text)])
    };
    let told: Vec<String> = sides.iter().map(side).collect();
    let words = fill(words::DIFFER, &[("index", &index), ("sides", &told.join(words::BUT))]);
    Conflict { index, sides, words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Run, Scenario};
    use quorumscope_core::types::Time;

    fn view(scenario: &str, milliseconds: u64) -> View {
        let mut run = Run::new(&Scenario::from_toml(scenario).expect("it is a scenario")).expect("it can run");
        run.run_until(Time(milliseconds * 1_000));
        run.simulation().view()
    }

    #[test]
    fn two_liars_make_two_honest_replicas_hold_different_values_at_one_place() {
        let scenario = include_str!("../../../../tests/scenarios/pbft-two-liars.toml");
        assert_eq!(conflict(&view(scenario, 900)), None, "nobody lies yet");
        let found = conflict(&view(scenario, 3_000)).expect("they disagree");
        let at = |node| found.at(NodeId(node)).expect("it holds something").text.clone();
        assert!(at(3).contains("set coin = Ann"), "{found:?}");
        assert!(at(4).contains("set coin = Bob"), "{found:?}");
        assert!(found.words.contains("n3 holds") && found.words.contains("n4 holds"), "{}", found.words);
        assert_eq!(found.at(NodeId(1)), None, "of who lies nothing is told");
    }

    #[test]
    fn where_nobody_disagrees_nothing_is_told() {
        let scenario = include_str!("../../../../tests/scenarios/pbft-members.toml");
        assert_eq!(conflict(&view(scenario, 11_000)), None);
    }
}
