//! Who is counted where all nodes are to agree, and do they?
//!
//! Counted are the live and honest members: where nodes may lie, who votes in the
//! newest epoch that an honest node has begun, as the clients' directory says; in
//! Raft voters (while joint, of both halves), learners and observers of the
//! configuration that acts at the leader, or without one at the node whose log is
//! the most up to date. Whoever stands by, is retired or was removed need not have
//! come along, and whoever says nothing in the cluster makes nothing agree.

use quorumscope_core::few;
use quorumscope_core::membership::Membership;
use quorumscope_core::types::{LogIndex, NodeId};

use super::document::Selector;
use super::facts::{Scene, Why};
use super::select;
use crate::sim::NodeFace;
use crate::trace::words;

impl Scene<'_> {
    /// Those who are counted.
    fn counted_on(&self) -> Result<Vec<(NodeId, NodeFace<'_>)>, Why> {
        let counts = self.members_now();
        let honest = select::live(self.simulation).filter(|(node, face)| !face.lies && counts.contains(node));
        let counted: Vec<_> = honest.collect();
        if counted.is_empty() {
            return Err(Why::Contradiction("no honest member is up".to_owned()));
        }
        Ok(counted)
    }

    fn members_now(&self) -> Vec<NodeId> {
        if let Some(voters) = self.simulation.directory() {
            return voters.to_vec();
        }
        let newest = || {
            let logs = select::live(self.simulation).filter_map(|(node, face)| Some((node, face.log?)));
            logs.max_by_key(|(_, log)| (log.last_term(), log.last_index())).map(|(node, _)| node)
        };
        let at = select::leader(self.simulation).or_else(newest);
        let members = at.and_then(|node| self.simulation.node(node)?.members.cloned());
        members.as_ref().map(whole).unwrap_or_default()
    }

    pub(super) fn convicted(&self, culprits: &[Selector]) -> Result<(), Why> {
        let culprits = few::distinct(self.nodes(culprits)?);
        for (node, face) in self.counted_on()? {
            let found = few::distinct(face.machine.convicted().iter().map(|conviction| conviction.culprit));
            if found != culprits {
                let found = if found.is_empty() { "nobody".into() } else { words::list(&found) };
                return Err(format!("at {node} {found} was convicted").into());
            }
        }
        Ok(())
    }

    pub(super) fn agree(&self, targets: &[Selector]) -> Result<(), Why> {
        let faces: Vec<_> = match targets {
            [] => self.counted_on()?,
            _ => {
                self.nodes(targets)?.into_iter().filter_map(|node| Some((node, self.simulation.node(node)?))).collect()
            }
        };
        let Some((first, reference)) = faces.first() else { return Err("nobody is left to agree".to_owned().into()) };
        for (node, face) in faces.iter().skip(1) {
            let (Some(one), Some(other)) = (reference.log, face.log) else {
                let down = if reference.log.is_none() { first } else { node };
                return Err(format!("{down} is down").into());
            };
            // What a snapshot has taken the place of was committed; the checkers compare those states.
            let first_index = one.base().index.max(other.base().index);
            let last = one.last_index().max(other.last_index());
            let is_equal = |index| {
                one.term_at(index) == other.term_at(index)
                    && (index == first_index || one.get(index) == other.get(index))
            };
            let differs = (first_index.0..=last.0).map(LogIndex).find(|index| !is_equal(*index));
            if let Some(index) = differs {
                return Err(format!("the logs of {first} and {node} are different from index {index} on").into());
            }
        }
        Ok(())
    }

    pub(super) fn applied_equal(&self) -> Result<(), Why> {
        let mut reference = None;
        for (node, face) in self.counted_on()? {
            let own = (face.applied, face.machine.digest());
            let (first, expected) = *reference.get_or_insert((node, own));
            if own.0 != expected.0 {
                return Err(format!("{first} has applied up to {}, {node} up to {}", expected.0, own.0).into());
            }
            if own.1 != expected.1 {
                return Err(format!("the states of {first} and {node} are different at index {}", own.0).into());
            }
        }
        Ok(())
    }
}

/// All that are to hold the whole log: edges hold a part.
fn whole(members: &Membership) -> Vec<NodeId> {
    members.members().filter(|node| members.edge(*node).is_none()).collect()
}

#[cfg(test)]
#[path = "agreement_tests.rs"]
mod tests;
