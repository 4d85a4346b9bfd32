//! Who belongs to the cluster, and who has a say?
//!
//! A configuration names voters, learners and observers. While it is *joint*, the
//! outgoing voters have a say as well, and every decision needs a quorum of both
//! halves (Raft paper §6). Configurations travel in entries and in snapshots.
//!
//! Observers are a list of their own and no mark on learners: a learner is on its
//! way to a vote and is fed like a voter, an observer is there to answer reads and
//! never gets a vote, so that there may be many. Edges are observers with a
//! subscription. Only who was removed and added anew changes from one list to the
//! other, and an edge that is to hold other ranges likewise.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::edge::Edge;
use crate::few;
use crate::types::NodeId;

/// Most members of a cluster. A configuration that names more is refused.
pub const MAX_MEMBERS: usize = 1_024;

/// The members of a cluster at one index of its log. All lists are sorted and name a node once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// Who votes; while joint, the incoming half.
    pub voters: Vec<NodeId>,
    /// The outgoing half while joint; empty otherwise.
    pub outgoing: Vec<NodeId>,
    /// Who gets the log and has no vote yet.
    pub learners: Vec<NodeId>,
    /// Who gets what is committed, answers reads, and is never promoted.
    #[serde(default)]
    pub observers: Vec<NodeId>,
    /// Who gets what is committed as far as it subscribes to it; sorted by node.
    #[serde(default)]
    pub edges: Vec<Edge>,
}

impl Membership {
    /// A configuration of voters only.
    #[must_use]
    pub fn of(voters: Vec<NodeId>) -> Self {
        Self { voters: few::distinct(voters), ..Self::default() }
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
        self.is_voter(node) || self.learners.contains(&node) || self.is_observer(node) || self.edge(node).is_some()
    }

    /// What `node` subscribes to, where it is an edge.
    #[must_use]
    pub fn edge(&self, node: NodeId) -> Option<&Edge> {
        self.edges.iter().find(|edge| edge.node == node)
    }

    /// Whether `node` votes or is on its way to a vote.
    #[must_use]
    pub fn is_full_member(&self, node: NodeId) -> bool {
        self.is_voter(node) || self.learners.contains(&node)
    }

    /// Whether `node` gets what is committed and never a vote.
    #[must_use]
    pub fn is_observer(&self, node: NodeId) -> bool {
        self.observers.binary_search(&node).is_ok()
    }

    /// As the payload of a configuration entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).map(Bytes::from).unwrap_or_default()
    }

    /// The content of a configuration entry; `None` where it is none: lists unsorted, nobody to vote, too many.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (members, rest) = postcard::take_from_bytes::<Self>(payload).ok()?;
        (rest.is_empty() && members.is_well_formed()).then_some(members)
    }

    /// Whether somebody votes, all lists are sorted, name a node once, and are short enough, and no observer or edge
    /// has another part as well.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let lists = [&self.voters, &self.outgoing, &self.learners, &self.observers];
        let sorted = lists.iter().all(|list| list.is_sorted_by(|a, b| a < b) && list.len() <= MAX_MEMBERS);
        let apart = !self.observers.iter().any(|node| self.is_full_member(*node))
            && !self.edges.iter().any(|edge| self.is_full_member(edge.node) || self.is_observer(edge.node));
        let edges = self.edges.is_sorted_by(|a, b| a.node < b.node) && self.edges.iter().all(Edge::is_well_formed);
        sorted && apart && edges && self.edges.len() <= MAX_MEMBERS && !self.voters.is_empty()
    }

    /// What a joint configuration becomes: the outgoing half has no say any more (Raft paper §6).
    #[must_use]
    pub fn left(&self) -> Self {
        Self { outgoing: Vec::new(), ..self.clone() }
    }

    /// The configuration that a change leads to, not joint yet.
    ///
    /// # Errors
    /// The first reason for which the change makes no sense here.
    pub fn after(&self, change: &MembershipChange) -> Result<Self, Nonsense> {
        let MembershipChange { add, promote, remove, observe, edge } = change;
        let known = |node: &NodeId| self.contains(*node);
        let subscribe = || edge.iter().map(|edge| &edge.node);
        if let Some(node) = add.iter().chain(observe).chain(subscribe()).find(|node| known(node)) {
            return Err(Nonsense::IsMember(*node));
        }
        if let Some(node) = observe.iter().chain(subscribe()).find(|node| add.contains(node)) {
            return Err(Nonsense::IsMember(*node));
        }
        if let Some(node) = subscribe().find(|node| observe.contains(node)) {
            return Err(Nonsense::IsMember(*node));
        }
        if let Some(edge) = edge.iter().find(|edge| !edge.is_well_formed()) {
            return Err(Nonsense::NoSubscription(edge.node));
        }
        if let Some(node) = promote.iter().find(|node| self.is_observer(**node) || self.edge(**node).is_some()) {
            return Err(Nonsense::IsObserver(*node));
        }
        if let Some(node) = promote.iter().find(|node| !self.learners.contains(node)) {
            return Err(Nonsense::IsNoLearner(*node));
        }
        if let Some(node) = remove.iter().find(|node| !known(node) || promote.contains(node)) {
            return Err(Nonsense::IsNoMember(*node));
        }
        let stays = |node: &&NodeId| !remove.contains(node);
        let voters = few::distinct(self.voters.iter().filter(stays).chain(promote).copied());
        let learns = |node: &&NodeId| stays(node) && !promote.contains(node);
        let learners = few::distinct(self.learners.iter().filter(learns).chain(add).copied());
        let observers = few::distinct(self.observers.iter().filter(stays).chain(observe).copied());
        let mut edges: Vec<Edge> = self.edges.iter().filter(|edge| stays(&&edge.node)).cloned().collect();
        for new in edge {
            match edges.binary_search_by(|known| known.node.cmp(&new.node)) {
                Ok(_) => return Err(Nonsense::IsMember(new.node)),
                Err(at) => edges.insert(at, new.clone()),
            }
        }
        let next = Self { voters, outgoing: Vec::new(), learners, observers, edges };
        match next.voters.len() + next.learners.len() + next.observers.len() + next.edges.len() {
            _ if next.voters.is_empty() => Err(Nonsense::NobodyVotes),
            count if count > MAX_MEMBERS => Err(Nonsense::TooMany),
            _ if next == self.left() => Err(Nonsense::Nothing),
            _ => Ok(next),
        }
    }

    /// All members, sorted, each once.
    pub fn members(&self) -> impl Iterator<Item = NodeId> + use<> {
        let lists = [&self.voters, &self.outgoing, &self.learners, &self.observers];
        let edges = self.edges.iter().map(|edge| edge.node);
        few::distinct(lists.into_iter().flatten().copied().chain(edges)).into_iter()
    }
}

/// What an operator asks for; all of it happens in one step or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MembershipChange {
    /// Nodes that join as learners.
    pub add: Vec<NodeId>,
    /// Learners that get a vote.
    pub promote: Vec<NodeId>,
    /// Members of any kind that leave.
    pub remove: Vec<NodeId>,
    /// Nodes that join as observers.
    #[serde(default)]
    pub observe: Vec<NodeId>,
    /// Nodes that join as edges, each with its ranges. Who is to hold other ranges leaves first.
    #[serde(default)]
    pub edge: Vec<Edge>,
}

/// Why a change makes no sense for a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Nonsense {
    /// It joins twice.
    #[error("{0} is a member already")]
    IsMember(NodeId),
    /// Only a learner is promoted.
    #[error("{0} is not a learner; add it first")]
    IsNoLearner(NodeId),
    /// An observer never gets a vote.
    #[error("{0} is an observer, which is never promoted; remove it and add it as a learner")]
    IsObserver(NodeId),
    /// An edge names what it holds.
    #[error("{0} must subscribe to 1 to {max} ranges, sorted and each once", max = crate::edge::MAX_RANGES)]
    NoSubscription(NodeId),
    /// It cannot leave.
    #[error("{0} is not a member, or is promoted by the same change")]
    IsNoMember(NodeId),
    /// A cluster needs a voter.
    #[error("no voter would be left")]
    NobodyVotes,
    /// The bound on members.
    #[error("a cluster has at most {MAX_MEMBERS} members")]
    TooMany,
    /// An empty change.
    #[error("nothing would change")]
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voter_of_either_half_has_a_vote_and_learners_and_observers_have_none() {
        let [a, b, c, d] = [1, 2, 3, 4].map(NodeId);
        let joint =
            Membership { voters: vec![a], outgoing: vec![b], learners: vec![c], observers: vec![d], edges: vec![] };
        assert!(joint.is_joint() && joint.is_voter(a) && joint.is_voter(b) && !joint.is_voter(c));
        assert!(joint.contains(c) && joint.contains(d) && !joint.contains(NodeId(5)));
        assert!(joint.is_observer(d) && !joint.is_voter(d) && !joint.is_observer(c));
        assert_eq!(joint.members().collect::<Vec<_>>(), [a, b, c, d]);
        assert_eq!(joint.left().observers, [d], "observers are no matter of the halves");
        assert!(!Membership::of(vec![b, a, b]).is_joint());
        assert_eq!(Membership::of(vec![b, a, b]).voters, [a, b]);
    }

    #[test]
    fn a_change_names_who_joins_who_gets_a_vote_and_who_leaves() {
        let [a, b, c, d] = [1, 2, 3, 4].map(NodeId);
        let before = Membership { voters: vec![a, b], learners: vec![c], ..Membership::default() };
        let (add, promote, remove) = (vec![d], vec![c], vec![a]);
        let swap = MembershipChange { add, promote, remove, ..MembershipChange::default() };
        let after = Membership { voters: vec![b, c], learners: vec![d], ..Membership::default() };
        assert_eq!(before.after(&swap), Ok(after));
        let change =
            |add, promote, remove| before.after(&MembershipChange { add, promote, remove, ..Default::default() });
        assert_eq!(change(vec![c], vec![], vec![]), Err(Nonsense::IsMember(c)));
        assert_eq!(change(vec![], vec![d], vec![]), Err(Nonsense::IsNoLearner(d)));
        assert_eq!(change(vec![], vec![], vec![d]), Err(Nonsense::IsNoMember(d)));
        assert_eq!(change(vec![], vec![c], vec![c]), Err(Nonsense::IsNoMember(c)));
        assert_eq!(change(vec![], vec![], vec![a, b]), Err(Nonsense::NobodyVotes));
        assert_eq!(change(vec![], vec![], vec![]), Err(Nonsense::Nothing));
    }

    #[test]
    fn an_observer_joins_and_leaves_and_is_never_promoted() {
        let [a, b, c, d] = [1, 2, 3, 4].map(NodeId);
        let before = Membership { voters: vec![a], learners: vec![b], observers: vec![c], ..Membership::default() };
        let observe = |observe: &[NodeId], add: &[NodeId], promote: &[NodeId], remove: &[NodeId]| {
            let [observe, add, promote, remove] = [observe, add, promote, remove].map(<[NodeId]>::to_vec);
            before.after(&MembershipChange { add, promote, remove, observe, edge: Vec::new() })
        };
        assert_eq!(observe(&[d], &[], &[], &[]).map(|next| next.observers), Ok(vec![c, d]));
        assert_eq!(observe(&[], &[], &[b], &[]).map(|next| next.observers), Ok(vec![c]), "a promotion keeps them");
        assert_eq!(observe(&[], &[], &[], &[c]).map(|next| next.observers), Ok(vec![]));
        assert_eq!(observe(&[], &[], &[c], &[]), Err(Nonsense::IsObserver(c)));
        assert_eq!(observe(&[c], &[], &[], &[]), Err(Nonsense::IsMember(c)));
        assert_eq!(observe(&[b], &[], &[], &[]), Err(Nonsense::IsMember(b)));
        assert_eq!(observe(&[a], &[], &[], &[a]), Err(Nonsense::IsMember(a)));
        assert_eq!(observe(&[d], &[d], &[], &[]), Err(Nonsense::IsMember(d)));
    }

    #[test]
    fn an_edge_joins_with_its_ranges_and_changes_them_by_leaving_only() {
        let [a, b, c] = [1, 2, 3].map(NodeId);
        let before = Membership { observers: vec![b], edges: vec![Edge::new(c, [7])], ..Membership::of(vec![a]) };
        assert!(before.contains(c) && !before.is_voter(c) && !before.is_observer(c));
        let join = |remove: &[NodeId], edge: &[Edge]| {
            let (remove, edge) = (remove.to_vec(), edge.to_vec());
            before.after(&MembershipChange { remove, edge, ..MembershipChange::default() })
        };
        let edges = vec![Edge::new(c, [7]), Edge::new(NodeId(4), [1, 2])];
        assert_eq!(join(&[], &edges[1..]).map(|next| next.edges), Ok(edges.clone()));
        assert_eq!(join(&[c], &[]).map(|next| next.edges), Ok(vec![]));
        assert_eq!(join(&[], &[Edge::new(c, [8])]), Err(Nonsense::IsMember(c)));
        assert_eq!(join(&[c], &[Edge::new(c, [8])]), Err(Nonsense::IsMember(c)), "its removal comes first");
        assert_eq!(join(&[], &[Edge::new(b, [8])]), Err(Nonsense::IsMember(b)));
        assert_eq!(join(&[], &[edges[1].clone(), edges[1].clone()]), Err(Nonsense::IsMember(NodeId(4))));
        assert_eq!(join(&[], &[Edge::new(NodeId(4), [])]), Err(Nonsense::NoSubscription(NodeId(4))));
        let promote = MembershipChange { promote: vec![c], ..MembershipChange::default() };
        assert_eq!(before.after(&promote), Err(Nonsense::IsObserver(c)));
        assert_eq!(Membership::decode(&before.encode()), Some(before.clone()));
        let twice = Membership { observers: vec![b, c], ..before.clone() };
        assert_eq!(Membership::decode(&twice.encode()), None);
    }

    #[test]
    fn what_is_no_configuration_is_not_taken_for_one() {
        let [a, b, c] = [1, 2, 3].map(NodeId);
        let halves = Membership { voters: vec![a], outgoing: vec![a, b], ..Membership::default() };
        let joint = Membership { learners: vec![b], observers: vec![c], ..halves };
        assert_eq!(Membership::decode(&Membership { observers: vec![b], ..joint.clone() }.encode()), None);
        assert_eq!(Membership::decode(&joint.encode()), Some(joint.clone()));
        assert_eq!(Membership::decode(&Membership::default().encode()), None);
        assert_eq!(Membership::decode(&Membership { voters: vec![b, a], ..joint.clone() }.encode()), None);
        let bytes = joint.encode();
        assert_eq!(Membership::decode(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Membership::decode(&bytes[..bytes.len() - 1]), None);
    }
}
