//! What does a person do to the run, and how is it taken back?
//!
//! Whatever is done becomes a step of the scenario, and the run goes on from
//! there. Undo and redo open the scenario as it was before or after.

use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::record::Command;
use quorumscope_core::types::NodeId;

use super::cursor::instant;
use super::playing::{AHEAD, Goal};
use super::selection::Tool;
use super::{Effect, Model};
use crate::link;
use crate::scene::motion::Micros;
use crate::shared::Shared;
use crate::source::Request;

/// How many steps can be taken back: each keeps a scenario's text.
const UNDO_LIMIT: usize = 200;

/// A run as it was before something was done: enough to bring it back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Past {
    scenario: Shared<String>,
    known: Micros,
    time: Micros,
}

impl Model {
    pub(super) fn choose(&mut self, node: NodeId) {
        if let Tool::Partition(chosen) = &mut self.tool
            && !chosen.remove(&node)
        {
            chosen.insert(node);
        }
    }

    pub(super) fn split(&mut self) -> Vec<Effect> {
        let Tool::Partition(chosen) = core::mem::take(&mut self.tool) else { return Vec::new() };
        let (one, other): (Vec<NodeId>, Vec<NodeId>) =
            self.cursor.view.nodes.keys().copied().partition(|node| chosen.contains(node));
        if one.is_empty() || other.is_empty() {
            return Vec::new();
        }
        self.act(Command::Partition(vec![one, other]))
    }

    pub(super) fn act(&mut self, command: Command) -> Vec<Effect> {
        self.goal = None;
        self.opening = None;
        self.acting = Some(self.now());
        if let Command::Propose { operation, .. } = &command
            && let Some(operation) = AnyCommand::decode(operation)
        {
            self.pending.push((instant(self.cursor.time), operation.to_string()));
        }
        self.commanded = Some(command.clone());
        vec![Effect::Ask(Request::Act { at: instant(self.cursor.time), command })]
    }

    pub(super) fn now(&self) -> Past {
        Past { scenario: self.scenario.clone(), known: self.cursor.known, time: self.cursor.time }
    }

    /// Brings back the run before the last thing done, or after it.
    pub(super) fn travel(&mut self, back: bool) -> Vec<Effect> {
        let now = self.now();
        let (from, to) = if back { (&mut self.undo, &mut self.redo) } else { (&mut self.redo, &mut self.undo) };
        let Some(past) = from.pop() else { return Vec::new() };
        to.push(now);
        self.notice = None;
        self.load(past.scenario.to_string(), past.known.max(past.time), Goal::Time(past.time))
    }

    pub(super) fn open(&mut self, scenario: String, at: Option<Micros>) -> Vec<Effect> {
        // The same run from its beginning is no other: there would be nothing to take back.
        if !self.scenario.is_empty() && link::canonical(&scenario) != *self.scenario {
            self.remember(self.now());
        }
        self.selection = None;
        self.tool = Tool::Select;
        self.playing = false;
        self.window = None;
        let goal = at.map_or(Goal::FirstDeadline, Goal::Time);
        self.opening = Some((link::name(&scenario), at.unwrap_or(0.0)));
        self.load(scenario, at.unwrap_or(0.0).max(AHEAD), goal)
    }

    pub(super) fn load(&mut self, scenario: String, until: Micros, goal: Goal) -> Vec<Effect> {
        self.goal = Some(goal);
        self.asked = until;
        vec![Effect::Ask(Request::Open { scenario, until: instant(until) })]
    }

    pub(super) fn remember(&mut self, past: Past) {
        self.redo.clear();
        self.undo.push(past);
        if self.undo.len() > UNDO_LIMIT {
            self.undo.remove(0);
        }
    }
}
