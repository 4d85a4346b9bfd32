//! What do replicas know of each other's word, as shapes that name no protocol?
//!
//! Where nodes may lie, what a replica has *heard* is the story. A [`Grid`] a
//! replica has a row for each voter and columns for each place in the order of
//! requests; a [`Tree`] has boxes that follow each other, and marks on them.
//! Both come from the statuses that nodes record. Read `pbft_board`,
//! `hybrid_board` and `hotstuff_board` for what stands in them.

use quorumscope_core::crypto::Hash256;
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::record::Detail;
use quorumscope_core::types::{NodeId, Term};

use super::{hotstuff_board, hybrid_board, nodes, pbft_board};
use crate::scenario::ProtocolName;
use crate::trace::members::{Changing, Part};
use crate::trace::view::{Liveness, NodeView, View};
use crate::trace::words::{board as words, fill};

/// What is known of who has said what.
#[derive(Clone, Debug, PartialEq)]
pub enum Board {
    /// A grid a replica, in the order of nodes.
    Grids(Vec<Grid>),
    /// What all replicas hold of one tree.
    Tree(Tree),
}

/// What one replica has heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Whose.
    pub node: NodeId,
    /// Whether it runs.
    pub up: bool,
    /// Its view.
    pub term: Term,
    /// What it does.
    pub words: String,
    /// Whether it votes: who does not is asked nothing.
    pub votes: bool,
    /// Who votes: a row each.
    pub rows: Vec<NodeId>,
    /// What is asked of the voters, oldest first.
    pub groups: Vec<Group>,
}

/// One thing on which voters have their say, in steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// A short name, the same for the same thing at all replicas.
    pub label: String,
    /// What it is and how far it has come.
    pub words: String,
    /// The digest of what stands there, where one does: words of voters are for one digest.
    pub hash: Option<Hash256>,
    /// Which of them it is, where running replicas hold different ones at this place: `A`, `B`.
    pub batch: Option<char>,
    /// How far it has come.
    pub reached: Reached,
    /// Its steps.
    pub columns: Vec<Column>,
}

/// How far something has come at one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It waits for its first quorum.
    Open,
    /// The first quorum has spoken.
    Half,
    /// It cannot be undone any more.
    Done,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// A letter or two.
    pub letter: &'static str,
    /// The paper's name.
    pub name: &'static str,
    /// A mark a row.
    pub marks: Vec<Mark>,
    /// How many of those make a quorum.
    pub needed: u32,
    /// Whether they do.
    pub full: bool,
}

impl Column {
    /// A step in which these have spoken, and everybody else is awaited.
    pub(super) fn of(letter: &'static str, name: &'static str, voters: &[NodeId], by: &[NodeId], needed: u32) -> Self {
        let marks = voters.iter().map(heard_of(by)).collect();
        let full = voters.iter().filter(|voter| by.contains(voter)).count() >= needed as usize;
        Self { letter, name, marks, needed, full }
    }

    /// How many have spoken.
    #[must_use]
    pub fn heard(&self) -> usize {
        self.marks.iter().filter(|mark| matches!(mark, Mark::Heard | Mark::Counts)).count()
    }
}

/// One voter's word in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// None is expected.
    Never,
    /// It is expected, and has not come.
    Awaited,
    /// It has come.
    Heard,
    /// What the voter said in the step before counts for this one too.
    Counts,
}

/// Whether a voter is among those who have spoken.
pub(super) fn heard_of(by: &[NodeId]) -> impl Fn(&NodeId) -> Mark {
    |voter| if by.contains(voter) { Mark::Heard } else { Mark::Awaited }
}

/// Boxes that follow each other, as far as any running replica knows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// By view; a box stands after the one that it follows.
    pub blocks: Vec<Block>,
}

/// One box.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its view, as the whole cluster counts it.
    pub term: Term,
    /// Its place among the boxes of its view: more than one is a lie.
    pub twin: u32,
    /// The place of the box that it follows, where that is shown.
    pub parent: Option<usize>,
    /// How many requests it has.
    pub requests: u64,
    /// Whether somebody knows that a quorum has voted for it.
    pub certified: bool,
    /// Where it is committed.
    pub committed: Vec<NodeId>,
    /// Who is locked on it.
    pub locked: Vec<NodeId>,
    /// Whose highest certificate is for it.
    pub high: Vec<NodeId>,
    /// All of that.
    pub words: String,
}

/// What the board of a run is called; `None` where its protocol has none.
#[must_use]
pub fn board_kind(view: &View) -> Option<&'static str> {
    match view.runs() {
        ProtocolName::Raft => None,
        ProtocolName::Pbft | ProtocolName::Hybrid => Some(words::VOTES),
        ProtocolName::HotStuff => Some(words::BLOCKS),
    }
}

/// The board with so many groups or views at the most, the newest; `None` where the run's protocol has none.
#[must_use]
pub fn board(view: &View, most: usize) -> Option<Board> {
    match view.runs() {
        ProtocolName::Raft => None,
        ProtocolName::Hybrid => Some(Board::Grids(hybrid_board::grids(view, most))),
        ProtocolName::Pbft => Some(Board::Grids(pbft_board::grids(view, most))),
        ProtocolName::HotStuff => Some(Board::Tree(hotstuff_board::tree(view, most))),
    }
}

/// Whether what a node last told of itself still holds.
pub(super) fn runs(node: &NodeView) -> bool {
    matches!(node.liveness, Liveness::Up | Liveness::Paused)
}

/// A grid a replica: what it does, and what is asked of the voters, out of what it told last. One that does not run,
/// or tells nothing of this protocol, has neither.
pub(super) fn grids(
    view: &View,
    of: impl Fn(&NodeView, &Detail, &Byzantine) -> Option<(String, Vec<Group>)>,
) -> Vec<Grid> {
    let quorum = Byzantine::of(&view.voters, false);
    let grid = |(id, node): (&NodeId, &NodeView)| {
        let up = runs(node);
        let votes = quorum.is_voter(*id);
        let told = node.status.detail.as_deref().filter(|_| up).and_then(|detail| of(node, detail, &quorum));
        let (mut words, mut groups) = told.unwrap_or_default();
        if view.changing() == Changing::ByEpochs {
            let epoch = node.epoch();
            // Of an epoch that is over, who votes in this one has heard nothing.
            if !votes || epoch < view.epoch {
                groups.clear();
            }
            words = match view.part(*id) {
                part @ (Part::StandsBy | Part::Retired) => nodes::part_words(part).to_owned(),
                _ if epoch < view.epoch => fill(words::STILL, &[("epoch", &epoch)]),
                _ if epoch > 0 => fill(words::OF_EPOCH, &[("epoch", &epoch), ("doing", &words)]),
                _ => words,
            };
        }
        Grid { node: *id, up, term: node.status.term, words, votes, rows: quorum.voters().to_vec(), groups }
    };
    let mut grids: Vec<Grid> = view.nodes.iter().map(grid).collect();
    tell_batches_apart(&mut grids);
    grids
}

/// Gives a letter to each of the digests that stand at one place, where there are more than one. A place is that of one
/// instance and one protocol: what another one orders at this number is something else.
fn tell_batches_apart(grids: &mut [Grid]) {
    type Place = (u64, String, Option<&'static str>);
    let place = |term: Term, group: &Group| -> Place {
        (term.instance(), group.label.clone(), group.columns.first().map(|column| column.letter))
    };
    let mut known: Vec<(Place, Vec<Hash256>)> = Vec::new();
    for grid in &*grids {
        for group in &grid.groups {
            let (place, Some(hash)) = (place(grid.term, group), group.hash) else { continue };
            match known.iter_mut().find(|(other, _)| *other == place) {
                Some((_, hashes)) if hashes.contains(&hash) => {}
                Some((_, hashes)) => hashes.push(hash),
                None => known.push((place, vec![hash])),
            }
        }
    }
    for grid in grids {
        let term = grid.term;
        for group in &mut grid.groups {
            let at = place(term, group);
            let hashes =
                known.iter().find(|(other, hashes)| *other == at && hashes.len() > 1).map(|(_, hashes)| hashes);
            let number = hashes.and_then(|hashes| hashes.iter().position(|hash| Some(*hash) == group.hash));
            group.batch = number.and_then(|number| ('A'..='Z').nth(number));
        }
    }
}
