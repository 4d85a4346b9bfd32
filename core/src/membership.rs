//! Who belongs to the cluster, and who has a say?
//!
//! A configuration names voters and learners. While it is *joint*, the outgoing
//! voters have a say as well, and every decision needs a quorum of both halves
//! (Raft paper §6). Configurations travel in entries and in snapshots.

use serde::{Deserialize, Serialize};

use crate::types::NodeId;

/// The members of a cluster at one index of its log. All lists are sorted and name a node once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// Who votes; while joint, the incoming half.
    pub voters: Vec<NodeId>,
    /// The outgoing half while joint; empty otherwise.
    pub outgoing: Vec<NodeId>,
    /// Who gets the log and has no vote.
    pub learners: Vec<NodeId>,
}

impl Membership {
    /// A configuration of voters only.
    #[must_use]
    pub fn of(mut voters: Vec<NodeId>) -> Self {
        voters.sort_unstable();
        voters.dedup();
        Self { voters, outgoing: Vec::new(), learners: Vec::new() }
    }

    /// Whether two halves decide together.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether `node` has a vote, in either half.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.contains(&node) || self.outgoing.contains(&node)
    }

    /// Whether `node` belongs to the cluster.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.is_voter(node) || self.learners.contains(&node)
    }

    /// All members, sorted, each once.
    pub fn members(&self) -> impl Iterator<Item = NodeId> + use<> {
        crate::few::distinct(self.voters.iter().chain(&self.outgoing).chain(&self.learners).copied()).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voter_of_either_half_has_a_vote_and_a_learner_has_none() {
        let [a, b, c] = [1, 2, 3].map(NodeId);
        let joint = Membership { voters: vec![a], outgoing: vec![b], learners: vec![c] };
        assert!(joint.is_joint() && joint.is_voter(a) && joint.is_voter(b) && !joint.is_voter(c));
        assert!(joint.contains(c) && !joint.contains(NodeId(4)));
        assert_eq!(joint.members().collect::<Vec<_>>(), [a, b, c]);
        assert!(!Membership::of(vec![b, a, b]).is_joint());
        assert_eq!(Membership::of(vec![b, a, b]).voters, [a, b]);
    }
}
