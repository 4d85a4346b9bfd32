//! How are the logs drawn?
//!
//! A row a node, a column an index; committed is solid with a check, the rest
//! dashed; what is not on disk yet is faint, what an edge has no body of is
//! striped. A cell can be chosen.

use quorumscope_core::entry::EntryKind;
use quorumscope_core::types::LogIndex;
use quorumscope_lab::trace::face::{self, EntryClass};
use quorumscope_lab::trace::members::Part;
use quorumscope_lab::trace::view::View;
use yew::prelude::*;

use crate::model::Action;
use crate::model::selection::Selection;
use crate::scene::ring::hue;
use crate::scene::table::{Arriving, Cell, Row, Table, table};
use crate::shared::Shared;
use crate::words::{log as words, regions};

/// What the table needs.
#[derive(PartialEq)]
pub struct Props {
    /// What is seen.
    pub view: Shared<View>,
    /// Its width in pixels: as many columns as fit.
    pub width: f64,
    /// What is selected.
    pub selection: Option<Selection>,
    /// Where actions go.
    pub on: Callback<Action>,
}

/// Pixels of a column, its gap included, as the style sheet has them.
const COLUMN: f64 = 64.0;
/// Pixels of the column with the names, and the margins.
const NAMES: f64 = 128.0;

/// All logs.
pub fn log_table(props: &Props) -> Html {
    let fit = (((props.width - NAMES) / COLUMN).floor()).clamp(3.0, 60.0) as u64;
    let table = table(&props.view, fit);
    let earlier = table.columns.first().filter(|first| first.0 > 1).map(|first| first.previous());
    html! {
        <div class="log" role="region" aria-label={regions::LOG} data-testid="log">
            <table>
                <thead><tr>
                    <th class="corner">{ earlier.map_or_else(|| words::INDEX.to_owned(), words::earlier) }</th>
                    { for table.columns.iter().zip(&table.decided).map(|(index, decided)| html! {
                        <th key={index.0} class={classes!(decided.then_some("decided"))} scope="col">{ index.0 }</th>
                    }) }
                </tr></thead>
                <tbody>{ for table.rows.iter().map(|row| row_of(row, &table, props)) }</tbody>
            </table>
        </div>
    }
}

fn row_of(row: &Row, Table { columns, differs, .. }: &Table, props: &Props) -> Html {
    let class = classes!((!row.up || matches!(row.part, Part::Spare | Part::StandsBy)).then_some("down"));
    let cells = row.cells.iter().zip(&columns[columns.len() - row.cells.len()..]);
    let cells = cells.enumerate().map(|(position, (cell, index))| match row.arriving {
        Some(arriving) if position == arriving.after => arriving_cells(arriving),
        Some(arriving) if (arriving.after..arriving.after + arriving.cells).contains(&position) => Html::default(),
        Some(_) | None => cell_of(row, cell, *index, *differs == Some(*index) && cell.committed, props),
    });
    html! {
        <tr {class} key={row.node.0}>
            <th scope="row" class="who">
                { row.node.to_string() }
                if row.leads { <span class="leads" title={words::LEADS}>{ "♛" }</span> }
                if let Some(sign) = words::part(row.part) { <span class="leads" title={face::part_words(row.part)}>{ sign }</span> }
                <span class="commit" title={words::COMMIT_INDEX}>{ words::commit(row.commit) }</span>
            </th>
            if row.compacted.0 > 0 {
                <td class="compacted" colspan={row.compacted.0.to_string()} title={words::COMPACTED}>
                    <span>{ words::compacted(row.compacted.1) }</span>
                </td>
            }
            { for cells }
        </tr>
    }
}

/// A snapshot on its way, filled as far as it has come.
fn arriving_cells(arriving: Arriving) -> Html {
    let Arriving { cells, transfer, .. } = arriving;
    let come = transfer.offset * 100 / transfer.total.max(1);
    let text = words::arriving(transfer.offset, transfer.total);
    html! {
        <td key="arriving" class="compacted arriving" colspan={cells.to_string()} title={words::ARRIVING} data-testid="arriving">
            <span style={format!("--come:{come}%")}>{ text }</span>
        </td>
    }
}

fn cell_of(row: &Row, cell: &Cell, index: LogIndex, differs: bool, props: &Props) -> Html {
    let Some(entry) = &cell.entry else {
        let class = classes!("free", cell.next.then_some("next"), cell.matched.then_some("matched"));
        return html! { <td {class} key={index.0}></td> };
    };
    let look = face::entry(entry);
    let node = row.node;
    let selected = props.selection == Some(Selection::Entry(node, index));
    let click = {
        let on = props.on.clone();
        Callback::from(move |_: MouseEvent| on.emit(Action::Select(Some(Selection::Entry(node, index)))))
    };
    let state = words::state(cell.committed, cell.durable);
    let class = classes!(
        "entry",
        if cell.committed { "committed" } else { "open" },
        (look.class == EntryClass::Configuration).then_some("config"),
        (entry.kind == EntryKind::Elided).then_some("elided"),
        (!cell.durable).then_some("unsynced"),
        selected.then_some("selected"),
        differs.then_some("differs"),
    );
    let other = if differs { words::DIFFERS } else { "" };
    html! {
        <td key={index.0} class={classes!(cell.next.then_some("next"), cell.matched.then_some("matched"))}>
            <button {class} data-hue={hue(entry.term).to_string()} title={format!("{} · term {} · {state}{other}", look.text, entry.term.within_instance().0)}
                onclick={click} aria-label={format!("{node}, index {}: {}, term {}, {state}{other}", index.0, look.text, entry.term.within_instance().0)}>
                <span class="what">{ look.label }</span><span class="of">{ entry.term.within_instance().0 }</span>
            </button>
        </td>
    }
}
