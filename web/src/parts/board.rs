//! How is drawn what replicas have heard of each other?
//!
//! A grid a replica: a row a voter, a column a step, a mark for each word that
//! has come, and below it how many make a quorum. Or one tree of boxes with the
//! marks of all replicas. Which of them, and what stands in them, the laboratory
//! says; nothing here knows a protocol.

use quorumscope_core::types::NodeId;
use quorumscope_lab::trace::face::{self, Block, Board, Column, Grid, Group, Mark, Reached, Tree};
use quorumscope_lab::trace::view::View;
use yew::prelude::*;

use super::nodes::px;
use crate::model::Action;
use crate::model::selection::Selection;
use crate::scene::board::{self as scene, BOX, COLUMN, LANE};
use crate::scene::ring::hue;
use crate::shared::Shared;
use crate::words::{board as words, regions};

/// What the board needs.
#[derive(PartialEq)]
pub struct Props {
    /// What is seen.
    pub view: Shared<View>,
    /// Its width in pixels.
    pub width: f64,
    /// Whether it has the stage to itself.
    pub alone: bool,
    /// What is selected.
    pub selection: Option<Selection>,
    /// Where actions go.
    pub on: Callback<Action>,
}

/// Pixels of the margins.
const MARGINS: f64 = 32.0;
/// Pixels of a cell, and of the gap beside it: under the ring; alone, where grids are many, and where they are few.
const CELLS: [(f64, f64); 3] = [(14.0, 5.0), (19.0, 5.0), (29.0, 5.0)];
/// So many grids are few.
const FEW: usize = 4;
/// How much larger a tree is that has a wide stage to itself.
const LARGER: f64 = 1.45;

/// Who has said what.
pub fn board(props: &Props) -> Html {
    let width = props.width - MARGINS;
    let nodes = props.view.nodes.len();
    let wide = width > 500.0;
    let [under, many, few] = CELLS;
    let (cell, gap) = match props.alone && wide {
        false => under,
        true if nodes > FEW => many,
        true => few,
    };
    let scale = if props.alone && wide { LARGER } else { 1.0 };
    // Alone, few grids stand in two rows, so that each is large.
    let in_a_row = if props.alone { nodes.div_ceil(2) } else { nodes };
    let (across, groups) = scene::grids_that_fit(width, in_a_row, cell + gap);
    let most = match face::board_kind(&props.view) {
        Some(_) => groups.max(scene::views_that_fit(width / scale)),
        None => return Html::default(),
    };
    let (drawn, key) = match face::board(&props.view, most) {
        None => return Html::default(),
        Some(Board::Grids(grids)) => {
            let style = format!("--across:{across};--cell:{cell}px;--gap:{gap}px");
            let differ = grids.iter().flat_map(|grid| &grid.groups).any(|group| group.batch.is_some());
            // Who has no vote is asked nothing, and stands behind those who vote.
            let (voters, others): (Vec<&Grid>, Vec<&Grid>) = grids.iter().partition(|grid| grid.votes);
            let grids = voters.into_iter().chain(others).map(|grid| self::grid(grid, groups, props));
            let key =
                if differ { format!("{} {}", words::GRID_KEY, words::BATCH_KEY) } else { words::GRID_KEY.to_owned() };
            (html! { <div class="grids" {style}>{ for grids }</div> }, key)
        }
        Some(Board::Tree(tree)) => {
            let voters = if props.view.voters.is_empty() { nodes } else { props.view.voters.len() };
            (self::tree(&tree, voters, scale), words::TREE_KEY.to_owned())
        }
    };
    html! {
        <div class={classes!("board", props.alone.then_some("alone"))} role="region" aria-label={regions::BOARD} tabindex="0" data-testid="board">
            { drawn }
            <p class="key">{ key }</p>
        </div>
    }
}

fn grid(grid: &Grid, most: usize, props: &Props) -> Html {
    let node = grid.node;
    let selected = props.selection.and_then(Selection::node) == Some(node);
    let click = {
        let on = props.on.clone();
        Callback::from(move |_: MouseEvent| on.emit(Action::Select(Some(Selection::Node(node)))))
    };
    let groups = grid.groups.get(grid.groups.len().saturating_sub(most)..).unwrap_or_default();
    let columns = || groups.iter().flat_map(|group| group.columns.iter().enumerate());
    let first = |place: usize| (place == 0).then_some("first");
    html! {
        <div class={classes!("grid", (!grid.up).then_some("down"), selected.then_some("selected"))} key={node.0}
            data-testid={format!("grid-{node}")} data-hue={hue(grid.term).to_string()}>
            <p class="of"><button onclick={click} aria-pressed={selected.to_string()}>{ node.to_string() }</button>
                <span>{ if grid.up { grid.words.clone() } else { words::DOWN.into() } }</span></p>
            if groups.is_empty() {
                <p class="nothing">{ if grid.up && grid.votes { words::NOTHING } else { "" } }</p>
            } else {
                <table aria-label={words::grid(node)}>
                    <thead>
                        <tr><td></td>{ for groups.iter().map(head) }</tr>
                        <tr><td></td>{ for columns().map(|(place, column)| html! {
                            <th scope="col" class={classes!(first(place))} title={column.name} aria-label={column.name}>{ column.letter }</th>
                        }) }</tr>
                    </thead>
                    <tbody>{ for grid.rows.iter().enumerate().map(|(row, voter)| html! {
                        <tr><th scope="row">{ voter.to_string() }</th>
                            { for columns().map(|(place, column)| mark(column, row, first(place))) }
                        </tr>
                    }) }</tbody>
                    <tfoot><tr><td></td>{ for columns().map(|(place, column)| count(column, first(place))) }</tr></tfoot>
                </table>
            }
        </div>
    }
}

fn head(group: &Group) -> Html {
    let (class, sign) = match group.reached {
        Reached::Open => ("first open", ""),
        Reached::Half => ("first half", ""),
        Reached::Done => ("first done", " ✓"),
    };
    let told = match group.batch {
        Some(letter) => words::batch(&group.words, letter),
        None => group.words.clone(),
    };
    html! {
        <th scope="colgroup" {class} colspan={group.columns.len().to_string()} title={told.clone()} aria-label={told}>
            { &group.label }if let Some(letter) = group.batch { <b class={format!("batch of-{letter}")}>{ letter.to_string() }</b> }{ sign }
        </th>
    }
}

fn mark(column: &Column, row: usize, first: Option<&'static str>) -> Html {
    let (class, said) = match column.marks.get(row) {
        Some(Mark::Heard) => ("heard", words::HEARD),
        Some(Mark::Counts) => ("counts", words::COUNTS),
        Some(Mark::Awaited) if column.full => ("spare", words::SPARE),
        Some(Mark::Awaited) => ("awaited", words::AWAITED),
        Some(Mark::Never) | None => ("never", words::NEVER),
    };
    html! { <td class={classes!(first)}><i {class} role="img" aria-label={said}></i></td> }
}

fn count(column: &Column, first: Option<&'static str>) -> Html {
    let class = classes!(first, column.full.then_some("full"));
    // A quorum of one is no news; of what a quorum decided in an earlier view, no word is counted any more.
    let (text, told) = match column.needed {
        0 | 1 => return html! { <td {class}></td> },
        needed => (words::of(column.heard(), needed, column.full), words::spoken(column.heard(), needed, column.full)),
    };
    html! { <td {class} title={told.clone()} aria-label={told}>{ text }</td> }
}

/// All boxes, those that follow later over those before.
fn tree(tree: &Tree, nodes: usize, scale: f64) -> Html {
    if tree.blocks.is_empty() {
        return html! { <p class="nothing">{ words::NOTHING }</p> };
    }
    let placed = scene::place(tree);
    let (width, height) = (placed.columns as f64 * COLUMN, placed.lanes as f64 * LANE);
    let link = |child: usize, parent: usize| {
        let ((x, y), (from_x, from_y)) = (placed.corner(child), placed.corner(parent));
        let (start, end) = ((from_x + BOX.0, from_y + BOX.1 / 2.0), (x, y + BOX.1 / 2.0));
        let bend = start.0 + 13.0;
        format!("M{:.1} {:.1}H{bend:.1}V{:.1}H{:.1}", start.0, start.1, end.1, end.0)
    };
    let links = tree.blocks.iter().enumerate().filter_map(|(child, block)| Some((link(child, block.parent?), block)));
    html! {
        <svg class="tree" viewBox={format!("0 0 {width:.0} {height:.0}")} width={px(width * scale)} height={px(height * scale)} role="list" aria-label={words::TREE}>
            { for links.map(|(d, _)| html! { <path class="link" {d} /> }) }
            { for tree.blocks.iter().enumerate().map(|(place, block)| self::block(block, placed.corner(place), nodes)) }
        </svg>
    }
}

fn block(block: &Block, (x, y): (f64, f64), nodes: usize) -> Html {
    let committed = !block.committed.is_empty();
    let class = classes!(
        "block",
        committed.then_some("committed"),
        block.certified.then_some("certified"),
        (block.twin > 0).then_some("twin")
    );
    let who = |sign: &str, by: &[NodeId]| (!by.is_empty()).then(|| words::by(sign, by, nodes));
    let (middle, foot) = (x + BOX.0 / 2.0, y + BOX.1);
    let below = who(words::LOCK, &block.locked);
    let everywhere = committed && block.committed.len() < nodes;
    html! {
        <g {class} key={format!("{}-{}", block.term.0, block.twin)} role="listitem" aria-label={block.words.clone()} data-testid="block"
            data-view={block.term.within_instance().0.to_string()} data-hue={hue(block.term).to_string()}>
            <title>{ &block.words }</title>
            <rect x={px(x)} y={px(y)} width={px(BOX.0)} height={px(BOX.1)} rx="6" />
            <text class="name" x={px(x + 9.0)} y={px(y + if block.requests > 0 { 15.5 } else { 21.5 })}>{ block.term.within_instance().0 }{ if committed { " ✓" } else { "" } }</text>
            <text class="held" x={px(x + 9.0)} y={px(y + 27.0)}>{ if block.requests > 0 { words::held(block.requests) } else { String::new() } }</text>
            if block.certified { <path class="seal" d={format!("M{:.1} {:.1}l5 5-5 5-5-5z", x + BOX.0, y + BOX.1 / 2.0 - 5.0)} /> }
            if let Some(text) = who(words::HIGH, &block.high) { <text class="pin high" x={px(middle)} y={px(y - 6.0)}>{ text }</text> }
            if let Some(text) = below { <text class="pin lock" x={px(middle)} y={px(foot + 13.0)}>{ text }</text> }
            else if everywhere { <text class="pin" x={px(middle)} y={px(foot + 13.0)}>{ words::by("✓", &block.committed, nodes) }</text> }
        </g>
    }
}
