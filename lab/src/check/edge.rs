//! Does an edge hold its part of the state, all of it and nothing else?
//!
//! For each edge, the machine that has applied all committed entries as far as
//! the edge has: the entries are the oracle's, with their bodies, and the part is
//! what the committed configuration at that index says. What the edge was sent,
//! and which snapshot it began with, plays no role here.
//!
//! Forward it costs each entry once; an edge that starts again from an older
//! snapshot is followed from the first entry on.

use quorumscope_core::entry::EntryKind;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::Membership;
use quorumscope_core::types::{LogIndex, NodeId};

use super::oracle::{Decided, Finding, position};
use super::property::EDGE_STATE;

/// The whole state at the index where an edge stands.
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    through: LogIndex,
    machine: Sessions<AnyMachine>,
    members: Membership,
}

impl Shadow {
    /// Before the first entry; `machine` is empty.
    pub(super) fn new(machine: Sessions<AnyMachine>) -> Self {
        Self { through: LogIndex::ZERO, machine, members: Membership::default() }
    }

    /// Whether it can still get to this index.
    pub(super) fn is_before(&self, index: LogIndex) -> bool {
        self.through <= index
    }

    /// Applies what is committed, up to `through`. False where the oracle does not know all of it.
    pub(super) fn advance(&mut self, decided: &[Decided], through: LogIndex) -> bool {
        let ahead = decided.get(position(self.through.next())..position(through.next()));
        let Some(ahead) = ahead else { return false };
        for entry in ahead.iter().map(|decided| &decided.entry) {
            match entry.kind {
                EntryKind::Command => {
                    self.machine.apply(entry.index, entry.log_time, entry.client, entry.number, &entry.payload);
                }
                EntryKind::Elided | EntryKind::NoOp | EntryKind::Tick => self.machine.advance(entry.log_time),
                EntryKind::Configuration => {
                    self.machine.advance(entry.log_time);
                    self.members = Membership::decode(&entry.payload).unwrap_or_default();
                }
            }
        }
        self.through = through;
        true
    }

    /// Holds an edge's state against its part of the whole, where the configuration says which part.
    pub(super) fn compare(&self, node: NodeId, state: &Sessions<AnyMachine>) -> Option<Finding> {
        let edge = self.members.edge(node)?;
        let part = self.machine.project(&edge.ranges);
        if part.digest() == state.digest() {
            return None;
        }
        let what = if part.machine() == state.machine() { "sessions" } else { "state" };
        let (through, whole) = (self.through, part.digest());
        let found = state.digest();
        Some((EDGE_STATE, format!("the {what} of {node} at index {through} is {found}, and its part of it is {whole}")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quorumscope_core::edge::Edge;
    use quorumscope_core::entry::Entry;
    use quorumscope_core::machine::any::AnyCommand;
    use quorumscope_core::machine::kv::Operation;
    use quorumscope_core::machine::range_of;
    use quorumscope_core::machine::session::Payload;
    use quorumscope_core::types::RequestNumber;

    use super::super::raft::testing::log_of;
    use super::*;

    const EDGE: NodeId = NodeId(4);

    /// A session, a value under x and one under y, and then the configuration in which n4 holds x.
    fn committed() -> Vec<Decided> {
        let set = |key: &str| AnyCommand::Kv(Operation::Set { key: key.into(), value: "1".into() }).encode();
        let command =
            |key| Payload::Command { session: LogIndex(1), acknowledged: RequestNumber(0), command: set(key) }.encode();
        let edges = vec![Edge::new(EDGE, [range_of("x")])];
        let members = Membership { edges, ..Membership::of(vec![NodeId(1)]) };
        let payloads = [Payload::Open.encode(), command("x"), command("y"), members.encode()];
        let entries = log_of(&[1, 1, 1, 1]);
        let entries = entries.iter().zip(payloads).map(|(entry, payload)| {
            let kind = if entry.index == LogIndex(4) { EntryKind::Configuration } else { EntryKind::Command };
            Entry { kind, payload, client: quorumscope_core::types::ClientId(1), ..Entry::clone(entry) }
        });
        entries.map(|entry| Decided { in_term: entry.term, entry: Arc::new(entry) }).collect()
    }

    #[test]
    fn an_edge_must_hold_its_part_and_nothing_else() {
        let committed = committed();
        let mut shadow = Shadow::new(Sessions::default());
        assert!(!shadow.advance(&committed, LogIndex(5)), "what the oracle does not know is not compared");
        assert!(shadow.advance(&committed, LogIndex(4)));
        let whole = shadow.machine.clone();
        let found = |ranges: &[u64]| shadow.compare(EDGE, &whole.project(ranges)).map(|(property, _)| property);
        assert_eq!(found(&[range_of("x")]), None);
        assert_eq!(found(&[range_of("y")]), Some(EDGE_STATE));
        assert_eq!(found(&[range_of("x"), range_of("y")]), Some(EDGE_STATE), "more than its part");
        assert_eq!(found(&[]), Some(EDGE_STATE));
        assert_eq!(shadow.compare(NodeId(5), &whole).map(|(property, _)| property), None, "n5 is no edge");
        assert!(shadow.is_before(LogIndex(4)) && !shadow.is_before(LogIndex(3)));
    }
}
