//! What does the log table show?
//!
//! A row a node, a column an index, as many columns as fit, the newest last.
//! Marks come from what a leader knows of its followers; committed is what the
//! node itself knows, decided is what the oracle knows.

use std::sync::Arc;

use quorumscope_core::entry::Entry;
use quorumscope_core::few;
use quorumscope_core::record::Transfer;
use quorumscope_core::types::{LogIndex, NodeId, Term};
use quorumscope_lab::trace::members::Part;
use quorumscope_lab::trace::view::{Liveness, NodeView, View};

use super::ring::{broken, hue};

/// The whole table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The indices shown, oldest first.
    pub columns: Vec<LogIndex>,
    /// The one at which honest nodes disagree for good, where they do.
    pub differs: Option<LogIndex>,
    /// Which of them the oracle counts as committed.
    pub decided: Vec<bool>,
    /// A row a node.
    pub rows: Vec<Row>,
}

/// One node's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Whose.
    pub node: NodeId,
    /// Whether it runs; the durable log of a node that does not is drawn faint.
    pub up: bool,
    /// Whether it leads.
    pub leads: bool,
    /// What it is to the cluster.
    pub part: Part,
    /// Its commit index.
    pub commit: LogIndex,
    /// How many of the columns a snapshot has taken the place of, and the last index that it did; none of those has
    /// a cell of its own.
    pub compacted: (u64, LogIndex),
    /// A snapshot on its way to the node.
    pub arriving: Option<Arriving>,
    /// A cell a column.
    pub cells: Vec<Cell>,
}

/// A snapshot on its way, in the place of the cells that it will fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arriving {
    /// How many cells stand before it.
    pub after: usize,
    /// How many cells it takes the place of.
    pub cells: usize,
    /// How far it has come, as the leader knows.
    pub transfer: Transfer,
}

/// One position of one log.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The entry, where there is one.
    pub entry: Option<Arc<Entry>>,
    /// Whether the node knows that it is committed.
    pub committed: bool,
    /// Whether the node has it on its disk.
    pub durable: bool,
    /// Whether the leader will send this index to the node next.
    pub next: bool,
    /// Whether the leader knows that the logs are equal up to here.
    pub matched: bool,
}

/// The table with at most `fit` columns. One column beyond the longest log stays free, as the place of the next entry.
#[must_use]
pub fn table(view: &View, fit: u64) -> Table {
    let longest = view.nodes.values().map(|node| node.last_index().0).max().unwrap_or(0);
    let fit = fit.max(1);
    let last = (longest + 1).max(fit);
    let columns: Vec<LogIndex> = (last - fit + 1..=last).map(LogIndex).collect();
    // Only the leader of the highest term speaks for the cluster: a deposed one may still believe to lead.
    let leads = view.leader();
    let leader = leads.and_then(|leader| view.nodes.get(&leader));
    let members = view.members();
    let rows = view.nodes.iter().map(|(id, node)| {
        let progress = leader.and_then(|leader| leader.status.progress.iter().find(|progress| progress.node == *id));
        let compacted = columns.iter().filter(|index| **index <= node.base.index).count();
        let cells = columns.iter().skip(compacted).map(|index| Cell {
            entry: node.entry(*index).cloned(),
            committed: *index <= node.status.commit || (!up(node) && was_committed(view, node, *index)),
            durable: *index <= node.durable,
            next: progress.is_some_and(|progress| progress.next == *index),
            matched: progress.is_some_and(|progress| progress.matched == *index),
        });
        Row {
            node: *id,
            up: up(node),
            leads: node.liveness == Liveness::Up && view.leads(node),
            part: view.part_among(*id, &members),
            commit: node.status.commit,
            compacted: (compacted as u64, node.base.index),
            arriving: progress.and_then(|progress| arriving(progress.snapshot?, node, columns.get(compacted..)?)),
            cells: cells.collect(),
        }
    });
    Table {
        rows: rows.collect(),
        differs: broken(view).map(|conflict| conflict.index),
        decided: columns.iter().map(|index| view.decided.contains_key(index)).collect(),
        columns,
    }
}

fn arriving(transfer: Transfer, node: &NodeView, columns: &[LogIndex]) -> Option<Arriving> {
    let after = columns.iter().filter(|index| **index <= node.last_index()).count();
    let cells = columns.iter().skip(after).filter(|index| **index <= transfer.index).count();
    (cells > 0).then_some(Arriving { after, cells, transfer })
}

fn up(node: &NodeView) -> bool {
    matches!(node.liveness, Liveness::Up | Liveness::Paused)
}

/// A node that is down knows nothing; of its durable log the oracle tells what is committed.
fn was_committed(view: &View, node: &NodeView, index: LogIndex) -> bool {
    let decided = view.decided.get(&index);
    decided.is_some() && decided.copied() == node.term_at(index)
}

/// The terms that have an entry in the table, for the legend.
#[must_use]
pub fn terms(view: &View) -> Vec<Term> {
    let of_nodes =
        view.nodes.values().flat_map(|node| node.log.iter().map(|entry| entry.term).chain([node.status.term]));
    few::distinct(of_nodes.filter(|term| *term > Term(0)))
}

/// The newest of them, each with a hue of its own: hues come again, and an older term is told by its number alone.
#[must_use]
pub fn legend_terms(view: &View, most: usize) -> Vec<Term> {
    let mut shown: Vec<Term> = Vec::new();
    for term in terms(view).into_iter().rev() {
        if shown.len() < most && !shown.iter().any(|other| hue(*other) == hue(term)) {
            shown.push(term);
        }
    }
    shown.reverse();
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::entry::{Class, EntryKind, Tags};
    use quorumscope_core::record::{Progress, Role};
    use quorumscope_core::snapshot::Base;
    use quorumscope_core::types::{ClientId, RequestNumber, Wall};

    #[test]
    fn no_hue_stands_in_the_legend_twice() {
        let mut view = View::default();
        for (id, term) in [(1, 3), (2, 9), (3, 4), (4, 10), (5, 11)] {
            let status = quorumscope_core::record::NodeStatus { term: Term(term), ..Default::default() };
            view.nodes.insert(NodeId(id), NodeView { status, ..NodeView::default() });
        }
        assert_eq!(legend_terms(&view, 4), [Term(9), Term(10), Term(11)]);
        assert_eq!(legend_terms(&view, 2), [Term(10), Term(11)]);
    }

    fn view(length: u64, commit: u64) -> View {
        let entry = |index| {
            Arc::new(Entry {
                index: LogIndex(index),
                term: Term(1),
                kind: EntryKind::NoOp,
                log_time: Wall(0),
                client: ClientId(0),
                number: RequestNumber(0),
                class: Class::Critical,
                tags: Tags::new(),
                payload: bytes::Bytes::new(),
            })
        };
        let mut node =
            NodeView { liveness: Liveness::Up, log: (1..=length).map(entry).collect(), ..NodeView::default() };
        node.status.commit = LogIndex(commit);
        let mut view = View::default();
        view.nodes.insert(NodeId(1), node);
        view
    }

    #[test]
    fn a_short_log_starts_at_the_first_column() {
        let table = table(&view(3, 2), 10);
        assert_eq!(table.columns.first(), Some(&LogIndex(1)));
        assert_eq!(table.columns.len(), 10);
        assert_eq!(table.rows[0].cells.iter().filter(|cell| cell.entry.is_some()).count(), 3);
        assert_eq!(table.rows[0].cells.iter().filter(|cell| cell.committed && cell.entry.is_some()).count(), 2);
    }

    #[test]
    fn a_long_log_shows_its_end_and_the_place_of_the_next_entry() {
        let table = table(&view(30, 30), 10);
        assert_eq!(table.columns.last(), Some(&LogIndex(31)));
        assert!(table.rows[0].cells[9].entry.is_none());
        assert!(table.rows[0].cells[8].entry.is_some());
    }

    #[test]
    fn index_zero_holds_nothing() {
        assert_eq!(view(1, 0).nodes[&NodeId(1)].entry(LogIndex(0)), None);
    }

    #[test]
    fn what_a_snapshot_has_taken_the_place_of_is_one_cell() {
        let mut view = view(6, 6);
        let node = view.nodes.get_mut(&NodeId(1)).expect("the node");
        node.log.drain(..4);
        node.base = Base { index: LogIndex(4), term: Term(1) };
        let row = table(&view, 10).rows.remove(0);
        assert_eq!((row.compacted, row.cells.len()), ((4, LogIndex(4)), 6));
        assert_eq!(row.cells[0].entry.as_ref().map(|entry| entry.index), Some(LogIndex(5)));
    }

    #[test]
    fn a_snapshot_on_its_way_stands_where_the_log_has_nothing() {
        let mut view = view(2, 2);
        let mut leader = NodeView { liveness: Liveness::Up, ..NodeView::default() };
        leader.base = Base { index: LogIndex(6), term: Term(1) };
        leader.status.role = Role::Leader;
        let transfer = Transfer { index: LogIndex(6), offset: 40, total: 120 };
        let (next, matched) = (LogIndex(3), LogIndex(2));
        leader.status.progress =
            vec![Progress { node: NodeId(1), next, matched, probing: false, snapshot: Some(transfer) }];
        view.nodes.insert(NodeId(2), leader);
        let rows = table(&view, 10).rows;
        assert_eq!(rows[0].arriving, Some(Arriving { after: 2, cells: 4, transfer }));
        assert_eq!(rows[1].arriving, None);
    }
}
