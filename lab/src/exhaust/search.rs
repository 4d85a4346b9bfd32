//! Which worlds can be reached, and does a property break in one of them?
//!
//! Breadth first, level by level, so that the first violation has no shorter
//! one. Of a state that was seen only its key and the state that it came from are
//! kept; the path to a violation is walked again from the beginning. The caller
//! watches time and memory: [`Search::advance`] does a bounded piece of the work.

use super::bounds::{Bounds, BoundsError};
use super::check::Finding;
use super::cluster::{Model, Next};
use super::hash::Index;
use super::moves::Move;
use super::tell;

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is more to explore.
    Running,
    /// Every state within the bounds was seen, and no property breaks.
    Exhausted,
    /// A property breaks.
    Violated,
}

/// What was seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Different states.
    pub states: u64,
    /// Steps from one state to another, those to states that were known included.
    pub transitions: u64,
    /// All states up to this many steps from the first were explored.
    pub depth: u64,
    /// States of the deepest level that wait to be explored, and those found behind them.
    pub waiting: u64,
    /// Different states of a single node.
    pub node_states: u64,
    /// Different steps of a single node.
    pub node_steps: u64,
    /// About how much memory all of it takes.
    pub bytes: u64,
}

/// The shortest way to a broken property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// Which property.
    pub property: &'static str,
    /// What contradicts it.
    pub detail: String,
    /// What happens, step by step.
    pub steps: Vec<String>,
}

/// An exhaustive search.
pub struct Search {
    model: Model,
    seen: Index,
    /// Where each state was reached from first.
    parents: Vec<u32>,
    /// The states of this level that are still to be explored, and their numbers.
    level: Vec<u32>,
    level_numbers: Vec<u32>,
    at: usize,
    /// The states of the next level.
    deeper: Vec<u32>,
    deeper_numbers: Vec<u32>,
    next: Next,
    depth: u64,
    transitions: u64,
    found: Option<(u32, Move, Finding)>,
}

impl Search {
    /// A search that has not begun.
    ///
    /// # Errors
    /// A bound that is out of its range.
    pub fn new(bounds: Bounds) -> Result<Self, BoundsError> {
        bounds.validate()?;
        let mut model = Model::new(bounds);
        let first = model.first();
        let mut seen = Index::new();
        seen.insert(model.key(&first));
        Ok(Self {
            model,
            seen,
            parents: vec![0],
            level: first,
            level_numbers: vec![0],
            at: 0,
            deeper: Vec::new(),
            deeper_numbers: Vec::new(),
            next: Next::default(),
            depth: 0,
            transitions: 0,
            found: None,
        })
    }

    /// Explores the larger worlds in which messages that do nothing any more stay on their way.
    #[cfg(test)]
    pub(super) fn keep_idle_messages(&mut self) {
        self.model.keeps_idle = true;
    }

    /// Explores at least `states` more states, or to the end.
    pub fn advance(&mut self, states: u32) -> Standing {
        for _ in 0..states {
            if self.found.is_some() {
                return Standing::Violated;
            }
            if self.at == self.level_numbers.len() && !self.descend() {
                return Standing::Exhausted;
            }
            self.explore_one();
        }
        if self.found.is_some() { Standing::Violated } else { Standing::Running }
    }

    /// Goes on to the next level. Returns whether it has any states.
    fn descend(&mut self) -> bool {
        if self.deeper_numbers.is_empty() {
            return false;
        }
        self.depth += 1;
        self.at = 0;
        self.level = std::mem::take(&mut self.deeper);
        self.level_numbers = std::mem::take(&mut self.deeper_numbers);
        true
    }

    fn explore_one(&mut self) {
        let (width, number) = (self.model.width(), self.level_numbers[self.at]);
        let state = &self.level[self.at * width..(self.at + 1) * width];
        self.at += 1;
        self.model.successors(state, &mut self.next);
        self.transitions += self.next.moves.len() as u64;
        if let Some((step, finding)) = self.next.broken.take() {
            self.transitions += 1;
            self.found = Some((number, step, finding));
            return;
        }
        for next in self.next.states.chunks_exact(width) {
            let (reached, new) = self.seen.insert(self.model.key(next));
            if new {
                self.parents.push(number);
                self.deeper.extend_from_slice(next);
                self.deeper_numbers.push(reached);
            }
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let (node_states, node_steps) = self.model.kept();
        let words = self.parents.capacity()
            + self.level.capacity()
            + self.level_numbers.capacity()
            + self.deeper.capacity()
            + self.deeper_numbers.capacity();
        Figures {
            states: self.seen.len() as u64,
            transitions: self.transitions,
            depth: self.depth,
            waiting: (self.level_numbers.len() - self.at + self.deeper_numbers.len()) as u64,
            node_states,
            node_steps,
            bytes: self.seen.bytes() + 4 * words as u64 + self.model.bytes(),
        }
    }

    /// The bounds that are explored.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.model.bounds
    }

    /// The way to the violation that was found.
    pub fn counterexample(&mut self) -> Option<Counterexample> {
        let (last, step, (property, detail)) = self.found.clone()?;
        let mut keys = Vec::new();
        let mut at = last;
        while at != 0 {
            keys.push(self.seen.key(at));
            at = self.parents[at as usize];
        }
        let mut state = self.model.first();
        let (mut steps, mut next) = (Vec::new(), Next::default());
        for key in keys.into_iter().rev() {
            self.model.successors(&state, &mut next);
            let width = self.model.width();
            // The search took the first of them, so this is the state that it went on from.
            let position = next.states.chunks_exact(width).position(|next| self.model.key(next) == key)?;
            let after = next.states[position * width..(position + 1) * width].to_vec();
            steps.push(tell::step(&self.model, &state, next.moves[position], &after));
            state = after;
        }
        steps.push(tell::last(&self.model, &state, step));
        Some(Counterexample { property, detail, steps })
    }
}
