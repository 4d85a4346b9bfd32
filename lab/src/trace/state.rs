//! What stands in a node's state machine at the cursor?
//!
//! Records carry entries and a digest of the state, never the state itself: it
//! is put together by applying again what the node has applied, and shown only
//! where its digest is the recorded one. What is no longer in the node's log is
//! looked up among all entries that were ever written; so is what an edge has no
//! body of: the whole state is put together, and the edge's part of it shown.

use std::sync::Arc;

use quorumscope_core::entry::{Entry, EntryKind};
use quorumscope_core::machine::any::{AnyCommand, AnyMachine};
use quorumscope_core::machine::session::{Payload, Sessions};
use quorumscope_core::types::{LogIndex, NodeId};

use super::view::View;

/// A longer history is not applied again for a look: it would take longer than a frame may.
const LONGEST: LogIndex = LogIndex(5_000);

/// The state that a node has applied, name by name, and the index that it stands at; `None` where that cannot be told.
/// `earlier` finds committed entries, with their bodies, that the node's log has no longer or never had.
pub fn state_of(
    view: &View,
    id: NodeId,
    earlier: impl Fn(LogIndex) -> Option<Arc<Entry>>,
) -> Option<(LogIndex, Vec<(String, String)>)> {
    let node = view.nodes.get(&id)?;
    let (through, digest) = node.state.filter(|(through, _)| *through <= LONGEST)?;
    let mut entries = Vec::new();
    for index in (1..=through.0).map(LogIndex) {
        let own = node.entry(index).filter(|entry| entry.kind != EntryKind::Elided).cloned();
        entries.push(own.or_else(|| earlier(index))?);
    }
    let machine = entries.iter().find_map(|entry| match Payload::decode(&entry.payload)? {
        Payload::Command { command, .. } if entry.kind == EntryKind::Command => AnyCommand::decode(&command),
        Payload::Command { .. } | Payload::Open | Payload::Close => None,
    })?;
    let mut sessions = Sessions::of(AnyMachine::new(machine.kind()));
    for entry in entries {
        if entry.kind == EntryKind::Command {
            sessions.apply(entry.index, entry.log_time, entry.client, entry.number, &entry.payload);
        } else {
            sessions.advance(entry.log_time);
        }
    }
    if let Some(edge) = view.members_at(node).edge(id) {
        sessions = sessions.project(&edge.ranges);
    }
    (sessions.digest() == digest).then(|| (through, sessions.machine().rows()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Run, Scenario};
    use crate::trace::view::View;
    use quorumscope_core::record::Body;
    use quorumscope_core::types::Time;

    fn rows(scenario: &str, milliseconds: u64) -> Vec<Vec<(String, String)>> {
        let scenario = Scenario::from_toml(scenario).expect("it is a scenario");
        let mut run = Run::new(&scenario).expect("it can run");
        run.run_until(Time(milliseconds * 1_000));
        let mut view = View::default();
        let mut written = Vec::new();
        for record in run.take_records() {
            view.fold(&record);
            if let Body::WriteBegan(write) = &record.body {
                written.extend(write.append.iter().filter(|entry| entry.kind != EntryKind::Elided).cloned());
            }
        }
        let decided = |index: LogIndex| {
            let term = view.decided.get(&index)?;
            written.iter().find(|entry| entry.index == index && entry.term == *term).cloned()
        };
        let states = view.nodes.keys().filter_map(|node| state_of(&view, *node, decided));
        states.map(|(_, rows)| rows).collect()
    }

    fn row(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn every_node_holds_what_was_asked_for_until_it_expires() {
        let ttl = include_str!("../../../tests/scenarios/ttl.toml");
        assert_eq!(rows(ttl, 1_500), vec![vec![row("x", "1"), row("y", "2")]; 3]);
        assert_eq!(rows(ttl, 2_900), vec![vec![row("y", "2")]; 3]);
    }

    #[test]
    fn a_node_that_starts_from_a_snapshot_shows_what_stood_in_entries_that_it_never_had() {
        let snapshot = include_str!("../../../tests/scenarios/snapshot.toml");
        let all = rows(snapshot, 7_900);
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|rows| rows.contains(&row("z", "while n3 was down"))));
    }

    #[test]
    fn an_edge_shows_its_part_of_the_state_and_nothing_else() {
        let edge = include_str!("../../../tests/scenarios/edge.toml");
        let cart = [row("cart/1", "apple"), row("cart/2", "pear")];
        let whole = [cart.as_slice(), &[row("user", "bob")]].concat();
        assert_eq!(rows(edge, 2_900), [whole.clone(), whole.clone(), whole, cart.to_vec()]);
        // It has begun anew with another part.
        assert_eq!(rows(edge, 6_900).last(), Some(&vec![row("user", "bob")]));
    }

    #[test]
    fn cases_and_clusters_are_listed_by_name() {
        let workflow = rows(include_str!("../../../tests/scenarios/workflow.toml"), 4_900);
        let case = ["c1", "c1/policies", "c1/overlays", "c1/owner"].map(String::from);
        assert_eq!(workflow[0].iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), case);
        let cluster = rows(include_str!("../../../tests/scenarios/cluster-state.toml"), 4_900);
        assert!(cluster[0].contains(&row("epoch", "2")) && cluster[0].contains(&row("setting/size", "big v1")));
        assert!(cluster[0].contains(&row("node/b", "zone-2 0/8 slashed 3 quarantined lied")));
    }
}
