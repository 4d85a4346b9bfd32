//! How does a node look, and what is it called?
//!
//! Its role and whether it runs become a stroke and a word, its part in the
//! cluster another word. What its part is, is found in `members` of the trace.

use quorumscope_core::membership::Membership;
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::record::{Endpoint, Role, TimerKind};
use quorumscope_core::types::{NodeId, Term};

use crate::adversary::Trick;
use crate::scenario::ProtocolName;
use crate::trace::members::Part;
use crate::trace::view::{Liveness, NodeView, View};
use crate::trace::words::{face as words, fill, list, members as members_text, trick as trick_words};

/// The stroke of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ring {
    /// Follower: a plain circle.
    Plain,
    /// (Pre-)candidate: a dashed ring with vote dots.
    Dashed,
    /// Leader: a thick ring with a crown mark.
    Crowned,
    /// Learner, observer or edge: a smaller hollow circle.
    Small,
    /// Does not react, but holds its memory.
    Paused,
    /// Down: grey with a cross.
    Crossed,
}

/// A node as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleFace {
    /// Its stroke.
    pub ring: Ring,
    /// Whether votes are shown as dots.
    pub votes: bool,
    /// `leader`, `crashed`, …
    pub words: &'static str,
}

impl RoleFace {
    /// The same node once its view is over and it has not heard so.
    pub(crate) fn left_behind(self) -> Self {
        let words = if self.words == words::PRIMARY { words::OLD_PRIMARY } else { words::OLD_LEADER };
        Self { ring: Ring::Plain, words, ..self }
    }
}

/// What a role is called.
#[must_use]
pub fn role_words(role: Role) -> &'static str {
    match role {
        Role::Follower => words::FOLLOWER,
        Role::PreCandidate => words::PRE_CANDIDATE,
        Role::Candidate => words::CANDIDATE,
        Role::Leader => words::LEADER,
        Role::Learner => words::LEARNER,
        Role::Observer => words::OBSERVER,
        Role::Edge => words::EDGE,
    }
}

/// What a role is called where this protocol runs.
fn words_of(protocol: ProtocolName, role: Role) -> &'static str {
    match (protocol, role) {
        (ProtocolName::Pbft, Role::Leader) => words::PRIMARY,
        (ProtocolName::Pbft, Role::Follower) => words::BACKUP,
        (ProtocolName::HotStuff | ProtocolName::Hybrid, Role::Follower) => words::REPLICA,
        (ProtocolName::Pbft | ProtocolName::HotStuff | ProtocolName::Hybrid, Role::Learner) => words::NO_VOTE,
        (ProtocolName::Raft | ProtocolName::Pbft | ProtocolName::HotStuff | ProtocolName::Hybrid, _) => {
            role_words(role)
        }
    }
}

/// A node in this role and state.
#[must_use]
pub fn role(protocol: ProtocolName, liveness: Liveness, role: Role) -> RoleFace {
    let votes = matches!(role, Role::PreCandidate | Role::Candidate);
    let ring = match role {
        Role::Follower => Ring::Plain,
        Role::PreCandidate | Role::Candidate => Ring::Dashed,
        Role::Leader => Ring::Crowned,
        Role::Learner | Role::Observer | Role::Edge => Ring::Small,
    };
    match liveness {
        Liveness::Up => RoleFace { ring, votes, words: words_of(protocol, role) },
        Liveness::Paused => RoleFace { ring: Ring::Paused, votes, words: words::PAUSED },
        Liveness::Down => RoleFace { ring: Ring::Crossed, votes: false, words: words::DOWN },
        Liveness::Crashed => RoleFace { ring: Ring::Crossed, votes: false, words: words::CRASHED },
        Liveness::Broken => RoleFace { ring: Ring::Crossed, votes: false, words: words::BROKEN },
    }
}

/// What a node is called: what it does, and where its part is about to change or it has none, that too.
#[must_use]
pub fn standing(look: RoleFace, part: Part) -> String {
    match (look.ring, part) {
        (Ring::Small, Part::StandsBy) => words::STANDS_BY.into(),
        (Ring::Small, Part::Retired) => words::RETIRED.into(),
        // Who is down or behind does not know it.
        (_, Part::Retired) => fill(words::RETIRED_TOO, &[("role", &look.words)]),
        (_, Part::StandsBy) => fill(words::NO_VOTE_TOO, &[("role", &look.words)]),
        (Ring::Crossed | Ring::Paused, _) | (_, Part::Voter | Part::Learner | Part::Observer | Part::Edge) => {
            look.words.into()
        }
        (_, Part::Joining) => fill(words::JOINING, &[("role", &look.words)]),
        (_, Part::Leaving) => fill(words::LEAVING, &[("role", &look.words)]),
        (Ring::Small, Part::Spare) => words::SPARE.into(),
        // A leader that has removed itself leads until that is committed.
        (Ring::Crowned, Part::Spare) => fill(words::LEAVING, &[("role", &look.words)]),
        // Whoever has left may not know it yet.
        (Ring::Plain | Ring::Dashed, Part::Spare) => fill(words::LEFT, &[("role", &look.words)]),
    }
}

/// What a node is called that lies, or that the cluster has convicted: what it seems to be, and that.
#[must_use]
pub fn marked(standing: &str, lies: bool, convicted: bool) -> String {
    let marks = [(lies, words::LIAR), (convicted, words::CONVICTED)];
    let told = marks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| mark);
    told.fold(standing.to_owned(), |standing, mark| fill(mark, &[("role", &standing)]))
}

/// How a node of this run could lie: the trick's name, as commands have it, and what it does. Empty where nodes believe
/// each other.
#[must_use]
pub fn tricks(view: &View) -> Vec<(&'static str, &'static str)> {
    Trick::of(view.runs()).map(|trick| (trick.name(), trick_words::of(trick))).collect()
}

/// Whom a trick of these liars could be meant for, where it is not done to all alike: others that do not lie, or clients.
#[must_use]
pub fn victims(view: &View, trick: &str, liars: &[NodeId]) -> Vec<Endpoint> {
    let trick = Trick::of(view.runs()).find(|known| known.name() == trick);
    let (of_nodes, of_clients) =
        trick.map_or((false, false), |trick| (trick.is_against_nodes(), trick.is_against_clients()));
    let honest = |(id, node): &(&NodeId, &NodeView)| of_nodes && !node.lies && !liars.contains(id);
    let nodes = view.nodes.iter().filter(honest).map(|(id, _)| Endpoint::Node(*id));
    let clients = view.clients.keys().filter(|_| of_clients).map(|client| Endpoint::Client(*client));
    nodes.chain(clients).collect()
}

/// Of those whom a liar's plan names, whom its tricks are meant for.
#[must_use]
pub fn picked(view: &View, tricks: &[String], against: &[Endpoint]) -> Vec<Endpoint> {
    let tricks = || Trick::of(view.runs()).filter(|trick| tricks.iter().any(|name| name == trick.name()));
    let is_meant = |victim: &&Endpoint| match victim {
        Endpoint::Node(_) => tricks().any(Trick::is_against_nodes),
        Endpoint::Client(_) => tricks().any(Trick::is_against_clients),
    };
    against.iter().filter(is_meant).copied().collect()
}

/// What a term is called: where protocols follow each other, each counts its own, and the later ones are named; so are
/// epochs behind the first.
#[must_use]
pub fn term(era: &str, epoch: u64, term: Term) -> String {
    let number = term.within_instance().0;
    let name = match term.instance() % 3 {
        // Protocols of views have one instance an epoch.
        _ if era == words::VIEW => era,
        // Each era of the hybrid has three: two rounds, the opening, PBFT.
        0 => era,
        1 => words::OPENING,
        _ => words::PBFT,
    };
    match epoch {
        0 => format!("{name} {number}"),
        _ => fill(words::OF_EPOCH, &[("epoch", &epoch), ("name", &name), ("number", &number)]),
    }
}

/// Who lies, and how many may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Liars {
    /// Those who lie.
    pub nodes: Vec<NodeId>,
    /// Whether they are more than the protocol bears: it promises nothing then.
    pub too_many: bool,
    /// All of that, as a sentence.
    pub words: String,
}

/// The voters that lie in this run; `None` while nobody does.
#[must_use]
pub fn liars(view: &View) -> Option<Liars> {
    let quorum = Byzantine::of(&view.voters, false);
    let liars = view.nodes.iter().filter(|(id, node)| node.lies && quorum.is_voter(**id));
    let nodes: Vec<NodeId> = liars.map(|(id, _)| *id).collect();
    if nodes.is_empty() {
        return None;
    }
    let too_many = nodes.len() > quorum.faulty() as usize;
    let lie = if nodes.len() == 1 { trick_words::LIES } else { trick_words::LIE };
    let subject = fill(lie, &[("nodes", &list(&nodes))]);
    let bound = if too_many { trick_words::TOO_MANY } else { trick_words::FEW };
    let voters = quorum.voters().len();
    let words = fill(bound, &[("they", &subject), ("most", &quorum.faulty()), ("voters", &voters)]);
    Some(Liars { nodes, too_many, words })
}

/// What a part is called.
#[must_use]
pub fn part_words(part: Part) -> &'static str {
    match part {
        Part::Voter => words::VOTER,
        Part::Joining => words::JOINING_VOTER,
        Part::Leaving => words::LEAVING_VOTER,
        Part::Learner => words::LEARNER,
        Part::Observer => words::OBSERVER,
        Part::Edge => words::EDGE,
        Part::Spare => words::SPARE,
        Part::StandsBy => words::STANDS_BY,
        Part::Retired => words::RETIRED,
    }
}

/// A configuration in words: `voters n1, n2; together with voters n3; learners n4`.
#[must_use]
pub fn members(members: &Membership) -> String {
    members_text(members)
}

/// What a timer is called.
#[must_use]
pub fn timer_words(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Election => words::ELECTION_TIMER,
        TimerKind::Heartbeat => words::HEARTBEAT_TIMER,
        TimerKind::Request => words::REQUEST_TIMER,
        TimerKind::Pacemaker => words::PACEMAKER_TIMER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_that_removed_itself_is_leaving_and_whoever_was_removed_is_no_member() {
        let of = |of| standing(role(ProtocolName::Raft, Liveness::Up, of), Part::Spare);
        assert_eq!(of(Role::Leader), "leader, leaving");
        assert_eq!([Role::Follower, Role::Candidate].map(of), ["follower, not a member", "candidate, not a member"]);
        assert_eq!(of(Role::Learner), words::SPARE);
    }

    #[test]
    fn roles_are_called_as_in_the_paper_of_their_protocol() {
        let of = |protocol| [Role::Leader, Role::Follower].map(|of| role(protocol, Liveness::Up, of).words);
        assert_eq!(of(ProtocolName::Raft), ["leader", "follower"]);
        assert_eq!(of(ProtocolName::Pbft), ["primary", "backup"]);
        assert_eq!(of(ProtocolName::HotStuff), ["leader", "replica"]);
    }

    #[test]
    fn that_a_node_lies_and_that_the_cluster_has_convicted_it_are_two_marks() {
        let told = [(false, false), (true, false), (false, true), (true, true)];
        let words = told.map(|(lies, convicted)| marked("backup", lies, convicted));
        assert_eq!(words, ["backup", "backup, lies", "backup, convicted", "backup, lies, convicted"]);
    }

    #[test]
    fn a_term_is_counted_within_its_instance_and_later_instances_are_named() {
        let of = |era, epoch, instance, number| term(era, epoch, Term(number).in_instance(instance));
        let hybrid = |epoch, instance, number| of(words::TERM, epoch, instance, number);
        assert_eq!(
            [hybrid(0, 0, 7), hybrid(0, 1, 0), hybrid(0, 2, 3), hybrid(0, 3, 1)],
            ["term 7", "opening 0", "PBFT 3", "term 1"]
        );
        assert_eq!([hybrid(1, 6, 2), hybrid(2, 11, 3)], ["epoch 1, term 2", "epoch 2, PBFT 3"]);
        let view = |epoch, number| of(words::VIEW, epoch, epoch, number);
        assert_eq!([view(0, 7), view(1, 0), view(2, 3)], ["view 7", "epoch 1, view 0", "epoch 2, view 3"]);
    }

    #[test]
    fn one_liar_more_than_the_protocol_bears_is_told_as_such() {
        use crate::trace::view::NodeView;
        let mut view = View { voters: (1..=4).map(NodeId).collect(), ..View::default() };
        for id in 1..=5 {
            view.nodes.insert(NodeId(id), NodeView::default());
        }
        let mut told = Vec::new();
        for liar in [5, 2, 4] {
            view.nodes.get_mut(&NodeId(liar)).expect("it is there").lies = true;
            told.push(liars(&view).map(|liars| (liars.too_many, liars.words)));
        }
        assert_eq!(told[0], None, "who has no vote breaks nothing");
        let (some, many) = (told[1].clone().expect("one lies"), told[2].clone().expect("two lie"));
        assert_eq!((some.0, many.0), (false, true));
        assert_eq!(some.1, "n2 lies. Up to 1 of 4 may, and everything that is promised still holds.");
        assert!(many.1.starts_with("n2, n4 lie, and at most 1 of 4 may: nothing is promised any more"), "{}", many.1);
    }
}
