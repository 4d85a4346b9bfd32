//! Which key does what?
//!
//! Keys mean something only where no field or control has taken them. The help
//! sheet lists them (`words::help`).

use std::collections::BTreeSet;

use quorumscope_core::record::Command as World;
use quorumscope_core::types::NodeId;
use quorumscope_lab::trace::view::Liveness;
use web_sys::KeyboardEvent;

use crate::js;
use crate::model::selection::{Selection, Sheet, Tool};
use crate::model::{Action, Model, Notice};
use crate::words::notice as words;

/// What a key stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// An action.
    Do(Action),
    /// Move the focus there.
    Focus(&'static str),
}

/// What this press means now; `None` where it is not for the page.
#[must_use]
pub fn command(event: &KeyboardEvent, model: &Model) -> Option<Command> {
    let key = js::free_key(event)?;
    if event.alt_key() {
        return None;
    }
    if event.ctrl_key() || event.meta_key() {
        return with_control(&key, event.shift_key(), model);
    }
    meaning(&key, event.shift_key(), model)
}

fn with_control(key: &str, shift: bool, model: &Model) -> Option<Command> {
    match (key, shift) {
        ("z", false) if model.can_undo() => Some(Command::Do(Action::Undo)),
        ("y", false) | ("z" | "Z", true) if model.can_redo() => Some(Command::Do(Action::Redo)),
        _ => None,
    }
}

fn meaning(key: &str, shift: bool, model: &Model) -> Option<Command> {
    let action = match key {
        " " => Action::TogglePlay,
        "ArrowRight" if shift => Action::NextMark,
        "ArrowLeft" if shift => Action::PreviousMark,
        "ArrowRight" => Action::StepForward,
        "ArrowLeft" => Action::StepBack,
        "Home" => Action::Seek(0.0),
        "End" => Action::ToEnd,
        "+" | "=" => Action::Speed(model.speed.faster()),
        "-" | "_" => Action::Speed(model.speed.slower()),
        "Escape" => escape(model),
        "?" if model.sheet == Some(Sheet::Help) => Action::Sheet(None),
        "?" => Action::Sheet(Some(Sheet::Help)),
        "Enter" if matches!(model.tool, Tool::Partition(_)) => Action::Split,
        "p" | "P" => return Some(Command::Focus("#propose-key")),
        "d" | "D" => Action::ToggleTheme,
        "v" | "V" => Action::Views(model.shown_views().next(model.board_kind().is_some())),
        "[" => Action::Span(2.0),
        "]" => Action::Span(0.5),
        "s" | "S" if model.offers.past => Action::Share,
        "x" | "X" if model.offers.network => match model.tool {
            Tool::Partition(_) => Action::Tool(Tool::Select),
            Tool::Select => Action::Tool(Tool::Partition(BTreeSet::new())),
        },
        "h" | "H" if model.offers.network => Action::Act(World::Heal),
        "k" | "K" | "z" | "Z" | "t" | "T" => return on_selected(key, model).map(Command::Do),
        digit => {
            let node = NodeId(digit.parse().ok().filter(|number| *number > 0)?);
            if !model.cursor.view.nodes.contains_key(&node) {
                return None;
            }
            match model.tool {
                Tool::Partition(_) => Action::Choose(node),
                Tool::Select => Action::Select(Some(Selection::Node(node))),
            }
        }
    };
    Some(Command::Do(action))
}

/// Leaves the innermost thing that is open.
fn escape(model: &Model) -> Action {
    if model.sheet.is_some() {
        Action::Sheet(None)
    } else if model.tool != Tool::Select {
        Action::Tool(Tool::Select)
    } else if model.notice.is_some() {
        Action::Notice(None)
    } else {
        Action::Select(None)
    }
}

/// Crash or restart, pause or resume, time out: what fits the selected node.
fn on_selected(key: &str, model: &Model) -> Option<Action> {
    if !model.offers.crash {
        return None;
    }
    let Some(id) = model.selection.and_then(Selection::node) else {
        let text = words::SELECT_FIRST.into();
        return Some(Action::Notice(Some(Notice { text, bad: false, undo: false })));
    };
    let liveness = model.cursor.view.nodes.get(&id)?.liveness;
    let command = match (key, liveness) {
        ("k" | "K", Liveness::Up | Liveness::Paused) => World::Crash(id),
        ("k" | "K", Liveness::Down | Liveness::Crashed | Liveness::Broken) => World::Restart(id),
        ("z" | "Z", Liveness::Up) if model.offers.pause => World::Pause(id),
        ("z" | "Z", Liveness::Paused) if model.offers.pause => World::Resume(id),
        ("t" | "T", Liveness::Up) if model.offers.pause => World::Timeout(id),
        _ => return None,
    };
    Some(Action::Act(command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::motion::Pace;
    use crate::source::Offers;

    fn model(offers: Offers) -> Model {
        Model::new(offers, true, Pace::Smooth)
    }

    #[test]
    fn only_what_the_source_can_do_has_a_key() {
        assert!(meaning("x", false, &model(Offers::SIMULATION)).is_some());
        assert_eq!(meaning("x", false, &model(Offers::LIVE)), None);
        assert_eq!(meaning("h", false, &model(Offers::LIVE)), None);
    }

    #[test]
    fn a_digit_without_a_node_means_nothing() {
        assert_eq!(meaning("7", false, &model(Offers::SIMULATION)), None);
        assert_eq!(meaning("0", false, &model(Offers::SIMULATION)), None);
    }

    #[test]
    fn escape_leaves_one_thing_at_a_time() {
        let mut model = model(Offers::SIMULATION);
        model.tool = Tool::Partition(BTreeSet::new());
        model.sheet = Some(Sheet::Help);
        assert_eq!(escape(&model), Action::Sheet(None));
        model.sheet = None;
        assert_eq!(escape(&model), Action::Tool(Tool::Select));
    }
}
