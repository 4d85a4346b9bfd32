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
