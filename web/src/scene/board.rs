//! Where do the boxes of a tree stand?
//!
//! A column a view, in order; the chain that leads to the newest certified box
//! has the first lane, what was left beside it stands in lanes below. How many
//! grids and columns fit is found here too.

use quorumscope_lab::trace::face::{Block, Tree};

/// Pixels from one column to the next.
pub const COLUMN: f64 = 86.0;
/// Pixels from one lane to the next.
pub const LANE: f64 = 72.0;
/// A box's width and height.
pub const BOX: (f64, f64) = (60.0, 34.0);
/// How many views a tree shows at the most, however much room there is.
const MOST: usize = 16;

/// A tree with its boxes in their places.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Column and lane of each box.
    pub at: Vec<(usize, usize)>,
    /// How many columns are taken.
    pub columns: usize,
    /// How many lanes are taken; never fewer than two, so that a fork does not move what is below.
    pub lanes: usize,
}

impl Placed {
    /// The upper left corner of a box.
    #[must_use]
    pub fn corner(&self, block: usize) -> (f64, f64) {
        let (column, lane) = self.at.get(block).copied().unwrap_or_default();
        (8.0 + column as f64 * COLUMN, 18.0 + lane as f64 * LANE)
    }
}

/// How many views fit into so many pixels.
#[must_use]
pub fn views_that_fit(width: f64) -> usize {
    ((width / COLUMN).floor().max(2.0) as usize).min(MOST)
}

/// Grids beside each other, and the groups of three columns in each, in so many pixels with cells of `cell` pixels.
#[must_use]
pub fn grids_that_fit(width: f64, grids: usize, cell: f64) -> (usize, usize) {
    /// Pixels beside the cells of a grid: names and margins.
    const BESIDE: f64 = 52.0;
    let group = 3.0 * cell + 12.0;
    // A phone has room for little: the thing of the moment.
    let wanted = if width < 500.0 { 1.0 } else { 2.0 };
    let across = ((width / (BESIDE + wanted * group)).floor() as usize).clamp(1, grids.max(1));
    let groups = ((width / across as f64 - BESIDE) / group).floor().max(1.0) as usize;
    (across, groups.min(8))
}

/// Places all boxes.
#[must_use]
pub fn place(tree: &Tree) -> Placed {
    let main = main_chain(&tree.blocks);
    let (mut at, mut ends): (Vec<(usize, usize)>, Vec<usize>) = (Vec::new(), vec![0]);
    let (mut column, mut last) = (0, None);
    for (place, block) in tree.blocks.iter().enumerate() {
        if last.is_some_and(|last| last != block.term) {
            column += 1;
        }
        last = Some(block.term);
        let lane = if main.contains(&place) {
            0
        } else {
            let above = block.parent.and_then(|parent| at.get(parent)).map_or(0, |(_, lane)| *lane);
            let free = |lane: &usize| ends.get(*lane).is_none_or(|end| *end <= column);
            // A box off the chain goes on in its parent's lane, or takes the next free one.
            if above > 0 && free(&above) { above } else { (1..).find(free).unwrap_or(1) }
        };
        if ends.len() <= lane {
            ends.resize(lane + 1, 0);
        }
        ends[lane] = column + 1;
        at.push((column, lane));
    }
    Placed { columns: at.iter().map(|(column, _)| column + 1).max().unwrap_or(0), lanes: ends.len().max(2), at }
}

/// The newest certified box and what it follows, and what follows it alone: one box a view.
fn main_chain(blocks: &[Block]) -> Vec<usize> {
    let mut chain = Vec::new();
    let mut tip = blocks.iter().rposition(|block| block.certified).or(blocks.len().checked_sub(1));
    let certified = tip;
    while let Some(place) = tip {
        chain.push(place);
        tip = blocks.get(place).and_then(|block| block.parent);
    }
    let mut end = certified;
    while let Some(next) = end.and_then(|end| blocks.iter().position(|block| block.parent == Some(end))) {
        chain.push(next);
        end = Some(next);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::types::Term;

    fn block(term: u64, parent: Option<usize>, certified: bool) -> Block {
        Block {
            term: Term(term),
            twin: 0,
            parent,
            requests: 0,
            certified,
            committed: Vec::new(),
            locked: Vec::new(),
            high: Vec::new(),
            words: String::new(),
        }
    }

    #[test]
    fn the_chain_that_goes_on_keeps_the_first_lane_and_what_was_left_stands_below() {
        let tree = Tree {
            blocks: vec![
                block(1, None, true),
                block(2, Some(0), false), // nobody voted for it
                block(3, Some(0), true),
                block(4, Some(2), false),
            ],
        };
        let placed = place(&tree);
        assert_eq!(placed.at, [(0, 0), (1, 1), (2, 0), (3, 0)]);
        assert_eq!((placed.columns, placed.lanes), (4, 2));
    }

    #[test]
    fn two_boxes_of_one_view_share_a_column() {
        let tree = Tree { blocks: vec![block(1, None, true), block(2, Some(0), false), block(2, Some(0), true)] };
        assert_eq!(place(&tree).at, [(0, 0), (1, 1), (1, 0)]);
    }

    #[test]
    fn four_grids_stand_beside_each_other_on_a_wide_stage_and_two_on_a_phone() {
        assert_eq!(grids_that_fit(816.0, 4, 19.0), (4, 2));
        assert_eq!(grids_that_fit(358.0, 4, 19.0), (2, 1));
        assert_eq!(grids_that_fit(816.0, 2, 34.0), (2, 3));
        assert_eq!(views_that_fit(816.0), 9);
    }
}
