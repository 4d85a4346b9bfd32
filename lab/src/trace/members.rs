//! Who belongs to the cluster at the cursor, and who has a say?
//!
//! A configuration acts at a node as soon as it stands in its log (Raft paper
//! §6), so that nodes may hold different ones for a moment. What is drawn for
//! the whole cluster is that of whoever leads. Read `face` for the words.

use quorumscope_core::entry::EntryKind;
use quorumscope_core::membership::Membership;
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::record::Role;
use quorumscope_core::types::{LogIndex, NodeId, Term};

use super::face::{self, RoleFace};
use super::view::{Liveness, NodeView, View};
use super::words::face as words;
use super::words::hybrid::CHANGE_WAITS;
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
    /// Where voters change by epochs: it has no vote yet, and may get one.
    StandsBy,
    /// Where voters change by epochs: it had a vote, and has none any more.
    Retired,
}

/// How the members of a run change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changing {
    /// The leader appends a configuration: learners, observers, voters (Raft paper §6).
    ByLog,
    /// The operator's request ends an epoch, and who votes in the next stands in it.
    ByEpochs,
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

impl ProtocolName {
    /// What the time is called in which one node leads: a term, or a view.
    #[must_use]
    pub fn era(self) -> &'static str {
        match self {
            Self::Raft | Self::Hybrid => words::TERM,
            Self::Pbft | Self::HotStuff => words::VIEW,
        }
    }
}

impl View {
    /// Which protocol runs; Raft where the stream does not say.
    #[must_use]
    pub fn runs(&self) -> ProtocolName {
        ProtocolName::named(&self.protocol).unwrap_or(ProtocolName::Raft)
    }

    /// How a node is drawn and what it is called.
    #[must_use]
    pub fn role_face(&self, node: &NodeView) -> RoleFace {
        let role = node.status.role;
        let look = face::role(self.runs(), node.liveness, role);
        if role == Role::Leader && node.liveness == Liveness::Up && !self.leads(node) {
            look.left_behind()
        } else {
            look
        }
    }

    /// What the time is called in which one node leads: a term, or a view.
    #[must_use]
    pub fn era(&self) -> &'static str {
        self.runs().era()
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

    /// How members change here.
    #[must_use]
    pub fn changing(&self) -> Changing {
        match self.runs() {
            ProtocolName::Raft => Changing::ByLog,
            ProtocolName::Pbft | ProtocolName::HotStuff | ProtocolName::Hybrid => Changing::ByEpochs,
        }
    }

    /// What a change of voters waits for; `None` where it waits for nothing but its turn.
    #[must_use]
    pub fn change_waits(&self) -> Option<&'static str> {
        match self.runs() {
            ProtocolName::Raft | ProtocolName::Pbft | ProtocolName::HotStuff => None,
            ProtocolName::Hybrid => Some(CHANGE_WAITS),
        }
    }

    /// The epoch that a term belongs to: each link of the past names the last term before it.
    #[must_use]
    pub fn epoch_of(&self, term: Term) -> u64 {
        let honest = self.nodes.values().filter(|node| !node.lies);
        let links = honest.map(NodeView::links).max_by_key(|links| links.len()).unwrap_or_default();
        links.iter().filter(|link| link.checkpoint.term.instance() < term.instance()).count() as u64
    }

    /// What a node is to the cluster.
    #[must_use]
    pub fn part(&self, id: NodeId) -> Part {
        self.part_among(id, &self.members())
    }

    /// The same, where the members are found already.
    #[must_use]
    pub fn part_among(&self, id: NodeId, members: &Membership) -> Part {
        let part = Part::of(id, members);
        match self.changing() {
            Changing::ByEpochs if part == Part::Spare => {
                // Whoever never had a vote has nothing to keep.
                let has = |node: &NodeView| node.last_index() > LogIndex::ZERO || node.snapshot.is_some();
                if self.nodes.get(&id).is_some_and(has) { Part::Retired } else { Part::StandsBy }
            }
            Changing::ByLog | Changing::ByEpochs => part,
        }
    }

    /// Whether nodes may lie: then they sign, and quorums count on honest ones.
    #[must_use]
    pub fn may_lie(&self) -> bool {
        self.runs().signs()
    }

    /// Whether a node leads at the cursor, and not only as far as it knows itself.
    ///
    /// Where nodes may lie, a view is over for its leader once so many voters have gone on to a later one that no quorum
    /// is left; who leads such a view, back from its store or lying, may not have heard of that. A deposed leader of
    /// Raft leads until it hears of a higher term: nobody else can say that it does not.
    #[must_use]
    pub fn leads(&self, node: &NodeView) -> bool {
        let runs = matches!(node.liveness, Liveness::Up | Liveness::Paused);
        runs && node.status.role == Role::Leader && !self.is_over(node.status.term)
    }

    /// Whether too many voters have gone on from a view for a quorum to be left in it.
    fn is_over(&self, term: Term) -> bool {
        if !self.may_lie() {
            return false;
        }
        let quorum = Byzantine::of(&self.voters, false);
        let gone = |voter: &&NodeId| self.nodes.get(*voter).is_some_and(|node| node.status.term > term);
        let stay = quorum.voters().len() - quorum.voters().iter().filter(gone).count();
        stay < quorum.needed() as usize
    }

    /// The live leader of the highest term.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        let leads = |node: &NodeView| node.liveness == Liveness::Up && self.leads(node);
        let leaders = self.nodes.iter().filter(|(_, node)| leads(node));
        leaders.max_by_key(|(_, node)| node.status.term).map(|(id, _)| *id)
    }

    /// The configuration that acts at a node: the last one in its log, else that of its snapshot, else the first.
    #[must_use]
    pub fn members_at(&self, node: &NodeView) -> Membership {
        if self.may_lie() {
            // Configurations do not stand in these logs: they come with the epochs.
            return Membership { voters: self.voters.clone(), ..Membership::default() };
        }
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
