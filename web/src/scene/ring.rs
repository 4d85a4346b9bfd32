//! What rests on the stage between two events?
//!
//! Nodes with their votes and disks, lanes that are whole or cut, hulls round
//! the groups of a partition. It changes when an event happens, not with every
//! frame; `motion` has what moves.

use quorumscope_core::few;
use std::collections::BTreeSet;

use litemap::LiteMap;

use quorumscope_core::record::{Endpoint, Role};
use quorumscope_core::types::{NodeId, Term};
use quorumscope_lab::trace::face::{self, Conflict, MessageKind, RoleFace, Sign, ThreatFace};
use quorumscope_lab::trace::members::Part;
use quorumscope_lab::trace::view::{Content, Liveness, NodeView, View};

use super::geometry::{Lane, Point, hull};
use super::layout::Layout;
use crate::words::stage as words;

/// How many hues the terms take turns with; the number is always written as well.
pub const HUES: u64 = 6;

/// The hue of a term: one of [`HUES`], 0 for "before all terms". The same term has another one in the next instance, and
/// in the next era of three instances.
#[must_use]
pub fn hue(term: Term) -> u64 {
    let turn = term.within_instance().0 + (HUES - 1) * term.instance();
    if turn == 0 { 0 } else { (turn - 1) % HUES + 1 }
}

/// A node as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeShape {
    /// Which.
    pub id: NodeId,
    /// Where.
    pub place: Point,
    /// Whether it reacts.
    pub liveness: Liveness,
    /// What it does.
    pub role: Role,
    /// How that is drawn and called.
    pub look: RoleFace,
    /// What it is to the cluster.
    pub part: Part,
    /// Whether it lies.
    pub lies: bool,
    /// What the cluster has decided of its lies.
    pub verdict: Option<String>,
    /// What it holds at the place at which honest nodes disagree for good, where they do.
    pub differs: Option<String>,
    /// How threatened it feels, where that is measured.
    pub threat: Option<ThreatFace>,
    /// Its term; the durable one while it is down.
    pub term: Term,
    /// That in words: `term 3`, `epoch 1, view 0`.
    pub when: String,
    /// A dot a voter while it asks for votes; empty otherwise.
    pub votes: Vec<VoteDot>,
    /// Its disk.
    pub disk: Disk,
}

/// What a candidate knows of one vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoteDot {
    /// It has said yes.
    Have,
    /// Its yes is on its way, or waits for its disk.
    Coming,
    /// It has said no.
    Refused,
    /// Nothing is known.
    Open,
}

/// What a node's disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Everything is synced.
    Synced,
    /// A write is on its way to the disk.
    Writing,
    /// The node is down; what was not synced is gone.
    Down,
}

/// The nodes of a view, in order.
#[must_use]
pub fn nodes(view: &View, layout: &Layout) -> Vec<NodeShape> {
    let (members, conflict) = (view.members(), broken(view));
    let shapes = view.nodes.iter().filter_map(|(id, node)| {
        Some(NodeShape {
            id: *id,
            place: layout.node(*id)?,
            liveness: node.liveness,
            role: node.status.role,
            look: view.role_face(node),
            part: view.part_among(*id, &members),
            lies: node.lies,
            verdict: face::verdict(view, *id).map(|verdict| verdict.words),
            differs: conflict
                .as_ref()
                .and_then(|conflict| Some(words::differs(conflict.index, &conflict.at(*id)?.label))),
            threat: face::threat(node),
            term: node.status.term,
            when: face::term(view.era(), node.epoch(), node.status.term),
            votes: vote_dots(view, *id, node),
            disk: match node.liveness {
                Liveness::Down | Liveness::Crashed | Liveness::Broken => Disk::Down,
                Liveness::Up | Liveness::Paused if node.writing.is_empty() => Disk::Synced,
                Liveness::Up | Liveness::Paused => Disk::Writing,
            },
        })
    });
    shapes.collect()
}

/// Where honest nodes disagree for good; only where a check has found it, as looking for it reads all logs.
#[must_use]
pub fn broken(view: &View) -> Option<Conflict> {
    if view.violations.is_empty() { None } else { face::conflict(view) }
}

fn vote_dots(view: &View, candidate: NodeId, node: &NodeView) -> Vec<VoteDot> {
    let runs = matches!(node.liveness, Liveness::Up | Liveness::Paused);
    let asks = matches!(node.status.role, Role::PreCandidate | Role::Candidate);
    if !runs || !asks {
        return Vec::new();
    }
    let known: LiteMap<NodeId, bool> = few::map(node.status.votes.iter().copied());
    let coming = votes_coming(view, candidate, node.status.role);
    let dot = |voter: &NodeId| match known.get(voter) {
        Some(true) => VoteDot::Have,
        Some(false) => VoteDot::Refused,
        None if coming.contains(voter) => VoteDot::Coming,
        None => VoteDot::Open,
    };
    let members = view.members_at(node);
    view.nodes.keys().filter(|voter| members.is_voter(**voter)).map(dot).collect()
}

/// Who has granted its vote in a message that has not arrived yet.
fn votes_coming(view: &View, candidate: NodeId, role: Role) -> BTreeSet<NodeId> {
    let wanted = if role == Role::PreCandidate { MessageKind::PreVoteReply } else { MessageKind::VoteReply };
    let grants = |message| {
        let face = face::peer(message);
        face.kind == wanted && face.sign == Some(Sign::Plus)
    };
    let mut voters = BTreeSet::new();
    for message in view.messages.values() {
        if let (Endpoint::Node(from), Content::Peer(content)) = (message.from, &message.content)
            && message.to == Endpoint::Node(candidate)
            && grants(content)
        {
            voters.insert(from);
        }
    }
    for (id, node) in &view.nodes {
        if node.waiting.values().any(|waiting| waiting.to == candidate && grants(&waiting.message)) {
            voters.insert(*id);
        }
    }
    voters
}

/// One direction of a link as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneShape {
    /// From.
    pub from: NodeId,
    /// To.
    pub to: NodeId,
    /// Its curve.
    pub lane: Lane,
    /// How it is.
    pub state: LaneState,
}

/// How one direction of a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// Messages pass.
    Open,
    /// An end does not run.
    Idle,
    /// Nothing passes, and nothing passes the other way.
    Cut,
    /// Its ends are in different groups of a partition.
    Apart,
    /// Nothing passes this way, but the other way is open.
    CutOneWay,
}

/// Every direction between every two nodes.
#[must_use]
pub fn lanes(view: &View, layout: &Layout) -> Vec<LaneShape> {
    let runs =
        |id: &NodeId| view.nodes.get(id).is_some_and(|node| matches!(node.liveness, Liveness::Up | Liveness::Paused));
    let groups = groups(view);
    let together = |a: &NodeId, b: &NodeId| groups.iter().any(|group| group.contains(a) && group.contains(b));
    let mut lanes = Vec::new();
    for from in view.nodes.keys() {
        for to in view.nodes.keys().filter(|to| *to != from) {
            let Some(lane) = layout.lane(Endpoint::Node(*from), Endpoint::Node(*to)) else { continue };
            let state = match (is_cut(view, *from, *to), is_cut(view, *to, *from)) {
                (true, true) if together(from, to) => LaneState::Cut,
                (true, true) => LaneState::Apart,
                (true, false) => LaneState::CutOneWay,
                (false, _) if !runs(from) || !runs(to) => LaneState::Idle,
                (false, _) => LaneState::Open,
            };
            lanes.push(LaneShape { from: *from, to: *to, lane, state });
        }
    }
    lanes
}

/// Whether one direction of a link is cut.
#[must_use]
pub fn is_cut(view: &View, from: NodeId, to: NodeId) -> bool {
    view.cut.contains(&(Endpoint::Node(from), Endpoint::Node(to)))
}

/// The groups that a partition has split the nodes into: nodes that hear each
/// other, perhaps through others. One group means that there is no partition.
#[must_use]
pub fn groups(view: &View) -> Vec<Vec<NodeId>> {
    let mut left: BTreeSet<NodeId> = few::set(view.nodes.keys().copied());
    let mut groups = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut group = vec![first];
        let mut reached = 0;
        while let Some(member) = group.get(reached).copied() {
            reached += 1;
            let hears = |other: &NodeId| !is_cut(view, member, *other) || !is_cut(view, *other, member);
            let near: Vec<NodeId> = left.iter().filter(|other| hears(other)).copied().collect();
            for other in near {
                left.remove(&other);
                group.push(other);
            }
        }
        few::sort(&mut group, |a, b| a < b);
        groups.push(group);
    }
    groups
}

/// The hulls round the groups of a partition, as SVG paths; empty where there is none.
#[must_use]
pub fn hulls(view: &View, layout: &Layout) -> Vec<String> {
    let groups = groups(view);
    if groups.len() < 2 {
        return Vec::new();
    }
    let outline = |group: &Vec<NodeId>| {
        let places: Vec<Point> = group.iter().filter_map(|node| layout.node(*node)).collect();
        hull(&places, layout.radius + 19.0)
    };
    groups.iter().filter_map(outline).collect()
}

#[cfg(test)]
mod tests {
    use quorumscope_core::raft::{Message, RequestVoteReply};
    use quorumscope_core::record::AnyMessage;
    use quorumscope_core::types::{RecordId, Time};
    use quorumscope_lab::trace::view::MessageView;

    use super::*;
    use crate::scene::layout::Size;

    fn view(count: u32) -> View {
        let mut view = View::default();
        for id in 1..=count {
            view.nodes.insert(NodeId(id), NodeView { liveness: Liveness::Up, ..NodeView::default() });
        }
        view
    }

    fn cut(view: &mut View, from: u32, to: u32) {
        view.cut.insert((Endpoint::Node(NodeId(from)), Endpoint::Node(NodeId(to))));
    }

    #[test]
    fn vote_dots_tell_what_the_candidate_has_from_what_is_on_its_way() {
        let mut view = view(4);
        let candidate = view.nodes.get_mut(&NodeId(1)).expect("n1 is there");
        candidate.status.role = Role::Candidate;
        candidate.status.votes = vec![(NodeId(1), true), (NodeId(2), false)];
        let granted =
            AnyMessage::Raft(Message::RequestVoteReply(RequestVoteReply { term: Term(1), vote_granted: true }));
        let message = MessageView {
            from: Endpoint::Node(NodeId(3)),
            to: Endpoint::Node(NodeId(1)),
            content: Content::Peer(granted),
            departed: Time(0),
            arrives: None,
            held: false,
        };
        view.messages.insert((RecordId::default(), 0), message);
        let layout = Layout::new(Size::default(), &[NodeId(1), NodeId(2), NodeId(3), NodeId(4)], &[]);
        let shapes = nodes(&view, &layout);
        assert_eq!(shapes[0].votes, [VoteDot::Have, VoteDot::Refused, VoteDot::Coming, VoteDot::Open]);
        assert!(shapes[1].votes.is_empty());
    }

    #[test]
    fn only_voters_have_a_dot_and_every_node_has_its_part() {
        let mut view = view(4);
        view.voters = vec![NodeId(1), NodeId(2), NodeId(3)];
        view.nodes.get_mut(&NodeId(1)).expect("n1 is there").status.role = Role::Candidate;
        let layout = Layout::new(Size::default(), &[NodeId(1), NodeId(2), NodeId(3), NodeId(4)], &[]);
        let shapes = nodes(&view, &layout);
        assert_eq!(shapes[0].votes.len(), 3);
        let parts: Vec<Part> = shapes.iter().map(|shape| shape.part).collect();
        assert_eq!(parts, [Part::Voter, Part::Voter, Part::Voter, Part::Spare]);
    }

    #[test]
    fn a_partition_shows_its_groups_and_a_one_way_cut_does_not_split() {
        let mut view = view(3);
        cut(&mut view, 1, 2);
        assert_eq!(groups(&view).len(), 1);
        cut(&mut view, 2, 1);
        cut(&mut view, 1, 3);
        cut(&mut view, 3, 1);
        assert_eq!(groups(&view), [vec![NodeId(1)], vec![NodeId(2), NodeId(3)]]);
    }

    #[test]
    fn a_lane_tells_a_cut_from_a_one_way_cut() {
        let mut view = view(2);
        cut(&mut view, 1, 2);
        let layout = Layout::new(Size::default(), &[NodeId(1), NodeId(2)], &[]);
        let states = |view: &View| lanes(view, &layout).iter().map(|lane| lane.state).collect::<Vec<_>>();
        assert_eq!(states(&view), [LaneState::CutOneWay, LaneState::Open]);
        cut(&mut view, 2, 1);
        assert_eq!(states(&view), [LaneState::Apart, LaneState::Apart]);
    }

    #[test]
    fn hues_repeat_and_term_zero_has_its_own() {
        assert_eq!(hue(Term(0)), 0);
        assert_eq!(hue(Term(1)), 1);
        assert_eq!(hue(Term(HUES + 1)), 1);
        let of = |instance| hue(Term(1).in_instance(instance));
        assert!((0..12).all(|instance| of(instance) != of(instance + 1) && of(instance) != of(instance + 3)));
    }
}
