//! Who belongs to the cluster at the cursor, and who has a say?
//!
//! A configuration acts at a node as soon as it stands in its log (Raft paper
//! §6), so that nodes may hold different ones for a moment. What is drawn for
//! the whole cluster is that of whoever leads. Read `face` for the words.

use quorumscope_core::entry::EntryKind;
use quorumscope_core::membership::Membership;
use quorumscope_core::record::Role;
use quorumscope_core::types::NodeId;

use super::face::{self, RoleFace};
use super::view::{Liveness, NodeView, View};
use super::words::face as words;
use crate::check::property;
use crate::scenario::ProtocolName;

/// What a node is to a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// It votes; while joint, in both halves.
    #[default]
    Voter,
    /// It votes in the incoming half alone.
    Joining,
    /// It votes in the outgoing half alone.
    Leaving,
    /// It gets the log and has no vote yet.
    Learner,
    /// It gets what is committed and never a vote.
    Observer,
    /// It gets what is committed of the ranges that it subscribes to.
    Edge,
    /// It does not belong to the cluster.
    Spare,
}

impl Part {
    /// The part of `node` in `members`.
    #[must_use]
    pub fn of(node: NodeId, members: &Membership) -> Self {
        match (members.voters.contains(&node), members.outgoing.contains(&node)) {
            (true, false) if members.is_joint() => Self::Joining,
            (true, _) => Self::Voter,
            (false, true) => Self::Leaving,
            (false, false) if members.learners.contains(&node) => Self::Learner,
            (false, false) if members.is_observer(node) => Self::Observer,
            (false, false) if members.edge(node).is_some() => Self::Edge,
            (false, false) => Self::Spare,
        }
    }
}

impl View {
    /// Which protocol runs; Raft where the stream does not say.
    pub(crate) fn runs(&self) -> ProtocolName {
        ProtocolName::named(&self.protocol).unwrap_or(ProtocolName::Raft)
    }

    /// How a node is drawn and what it is called.
    #[must_use]
    pub fn role_face(&self, node: &NodeView) -> RoleFace {
        face::role(self.runs(), node.liveness, node.status.role)
    }

    /// What the time is called in which one node leads: a term, or a view.
    #[must_use]
    pub fn era(&self) -> &'static str {
        match self.runs() {
            ProtocolName::Raft | ProtocolName::Hybrid => words::TERM,
            ProtocolName::Pbft | ProtocolName::HotStuff => words::VIEW,
        }
    }

    /// The properties that are checked after every event of a simulated run.
    #[must_use]
    pub fn checked(&self) -> &'static [&'static str] {
        property::of(self.runs())
    }

    /// Whether operators have a say: they change members, hand leadership over and ask for snapshots, and clients read
    /// beside the log.
    #[must_use]
    pub fn has_operators(&self) -> bool {
        !self.runs().signs()
    }

    /// Whether nodes may lie: then they sign, and quorums count on honest ones.
    #[must_use]
    pub fn may_lie(&self) -> bool {
        self.runs().signs()
    }

    /// The live leader of the highest term.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        let leads = |node: &NodeView| node.liveness == Liveness::Up && node.status.role == Role::Leader;
        let leaders = self.nodes.iter().filter(|(_, node)| leads(node));
        leaders.max_by_key(|(_, node)| node.status.term).map(|(id, _)| *id)
    }

    /// The configuration that acts at a node: the last one in its log, else that of its snapshot, else the first.
    #[must_use]
    pub fn members_at(&self, node: &NodeView) -> Membership {
        let configurations = node.log.iter().rev().filter(|entry| entry.kind == EntryKind::Configuration);
        configurations
            .filter_map(|entry| Membership::decode(&entry.payload))
            .next()
            .or_else(|| node.snapshot.as_ref().map(|snapshot| snapshot.membership.clone()))
            .unwrap_or_else(|| match self.voters.as_slice() {
                // A stream that does not say so is of a cluster in which everybody votes.
                [] => Membership { voters: self.nodes.keys().copied().collect(), ..Membership::default() },
                voters => Membership { voters: voters.to_vec(), ..Membership::default() },
            })
    }

    /// The configuration that acts at the leader; without one, at the node whose log is the most up to date.
    #[must_use]
    pub fn members(&self) -> Membership {
        let leader = self.leader().and_then(|leader| self.nodes.get(&leader));
        let newest = || self.nodes.values().max_by_key(|node| (node.term_at(node.last_index()), node.last_index()));
        leader.or_else(newest).map(|node| self.members_at(node)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Run, Scenario};
    use quorumscope_core::types::Time;

    const MEMBERS: &str = include_str!("../../../tests/scenarios/members.toml");

    fn view_at(milliseconds: u64) -> View {
        let scenario = Scenario::from_toml(MEMBERS).expect("it is a scenario");
        let mut run = Run::new(&scenario).expect("it can run");
        run.run_until(Time(milliseconds * 1_000));
        run.simulation().view()
    }

    fn parts(view: &View) -> Vec<Part> {
        let members = view.members();
        view.nodes.keys().map(|node| Part::of(*node, &members)).collect()
    }

    #[test]
    fn spare_nodes_become_learners_and_then_voters() {
        use Part::{Learner, Spare, Voter};
        assert_eq!(parts(&view_at(900)), [Voter, Voter, Voter, Spare, Spare]);
        assert_eq!(parts(&view_at(1_400)), [Voter, Voter, Voter, Learner, Learner]);
        let after = parts(&view_at(2_400));
        assert_eq!(after[3..], [Voter, Voter]);
        assert_eq!(after.iter().filter(|part| **part == Spare).count(), 2);
    }

    #[test]
    fn while_joint_both_halves_are_told_apart() {
        let joint = (1_500..1_600).map(view_at).find(|view| view.members().is_joint()).expect("it is joint once");
        let parts = parts(&joint);
        let count = |part| parts.iter().filter(|other| **other == part).count();
        assert_eq!((count(Part::Voter), count(Part::Joining), count(Part::Leaving)), (1, 2, 2));
    }

    #[test]
    fn the_configuration_that_acts_is_the_one_that_stands_in_the_log() {
        let view = view_at(1_400);
        let all: Vec<Membership> = view.nodes.values().map(|node| view.members_at(node)).collect();
        assert!(all.iter().all(|members| *members == view.members()));
    }
}
