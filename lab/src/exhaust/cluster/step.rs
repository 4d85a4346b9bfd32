//! What follows from a small world in one step?
//!
//! Every move that is possible, every crash in the midst of one, and every way
//! in which its messages find their links full; each is held against the
//! properties at once. How one node takes its part is in `local`.

use std::sync::Arc;

use quorumscope_core::types::NodeId;

use super::{Kept, Known, Model, Next};
use crate::exhaust::check::{Finding, Past, logs_match};
use crate::exhaust::hash::Hash128;
use crate::exhaust::moves::{Act, Move, Used};

impl Model {
    /// Everything that can happen next.
    pub(in crate::exhaust) fn successors(&mut self, state: &[u32], out: &mut Next) {
        out.states.clear();
        out.moves.clear();
        let used = Used::of(state[state.len() - 1]);
        for node in 0..self.bounds.nodes {
            let Kept { leads, waits, pending, term, .. } = self.kept[state[usize::from(node)] as usize];
            let stalls = self.bounds.pending > 0 && pending >= self.bounds.pending;
            if pending > 0 {
                self.go(state, Move { node, act: Act::SYNCS, slot: None }, out);
            }
            if !stalls && waits && (leads || term < self.bounds.terms) {
                self.go(state, Move { node, act: Act::TIMES_OUT, slot: None }, out);
            }
        }
        for node in 0..self.bounds.nodes {
            let Kept { leads, pending, .. } = self.kept[state[usize::from(node)] as usize];
            let stalls = self.bounds.pending > 0 && pending >= self.bounds.pending;
            if leads && !stalls && used.commands < self.bounds.commands {
                self.go(state, Move { node, act: Act::command(used.commands + 1), slot: None }, out);
            }
            for from in (0..self.bounds.nodes).filter(|from| *from != node && !stalls) {
                for slot in self.link(usize::from(from), usize::from(node)) {
                    // Slots of a link are sorted, so a second copy stands beside the first.
                    let copy =
                        slot > self.link(usize::from(from), usize::from(node)).start && state[slot - 1] == state[slot];
                    if state[slot] != 0 && !copy {
                        let act = Act::receives(from, state[slot]);
                        self.go(state, Move { node, act, slot: Some(slot as u8) }, out);
                    }
                }
            }
            if used.crashes < self.bounds.crashes {
                for kept in 0..=pending {
                    self.go(state, Move { node, act: Act::crashes(kept), slot: None }, out);
                }
                if used.lost < self.bounds.lost_stores {
                    self.go(state, Move { node, act: Act::LOSES_STORE, slot: None }, out);
                }
            }
        }
    }

    /// What follows from one move, and from a crash in the midst of it.
    fn go(&mut self, state: &[u32], step: Move, out: &mut Next) {
        self.go_one(state, step, out);
        if Used::of(state[state.len() - 1]).crashes < self.bounds.crashes {
            let syncs = self.known(state[usize::from(step.node)], step.act).map_or(0, |known| known.syncs);
            (0..syncs).for_each(|after| self.go_one(state, Move { act: step.act.cut(after), ..step }, out));
        }
    }

    /// What follows from one move, in every way in which messages find their links full.
    fn go_one(&mut self, state: &[u32], step: Move, out: &mut Next) {
        let (node, width) = (usize::from(step.node), state.len());
        let before = state[node];
        let outcome = self.outcome(before, step.act);
        let next = self.known[outcome].next;
        let mut after = std::mem::take(&mut self.scratch);
        after.clear();
        after.extend_from_slice(state);
        after[node] = next;
        if let Some(slot) = step.slot {
            after[usize::from(slot)] = 0;
        }
        let mut used = Used::of(after[width - 1]);
        used.count(step.act);
        if let Err(finding) = self.check(&mut after, &mut used, node, before, outcome) {
            out.broken.get_or_insert((step, finding));
            self.scratch = after;
            return;
        }
        after[width - 1] = used.packed();
        if next != before {
            self.forget_idle(&mut after, node);
        }
        let begin = out.states.len();
        out.states.extend_from_slice(&after);
        self.scratch = after;
        for at in 0..self.known[outcome].sends.len() {
            let (to, message) = self.known[outcome].sends[at];
            if !self.is_idle(message, node, usize::from(to), &out.states[begin..begin + width]) {
                place(&mut out.states, begin, width, self.link(node, usize::from(to)), message);
            }
        }
        for at in (begin..out.states.len()).step_by(width) {
            if step.slot.is_some() || self.bounds.in_flight > 1 {
                self.sort_links(&mut out.states[at..at + width]);
            }
            out.moves.push(step);
        }
    }

    fn sort_links(&self, state: &mut [u32]) {
        if self.bounds.in_flight > 1 {
            let end = state.len() - 2;
            for link in state[self.nodes()..end].chunks_mut(usize::from(self.bounds.in_flight)) {
                link.sort_unstable();
            }
        }
    }

    /// Holds what happened against the properties, and remembers it.
    fn check(
        &mut self,
        after: &mut [u32],
        used: &mut Used,
        node: usize,
        before: u32,
        outcome: usize,
    ) -> Result<(), Finding> {
        let Known { next, marks, .. } = &self.known[outcome];
        let (was, is) = (&self.kept[before as usize], &self.kept[*next as usize]);
        let id = NodeId(node as u32 + 1);
        let past_at = after.len() - 2;
        if let Some(marks) = marks {
            let mut past = Past { led: used.led, committed: self.pasts[after[past_at] as usize].committed.clone() };
            let length = past.committed.len();
            if let Some(finding) = past.add(id, is.term, &is.log, marks) {
                return Err(finding);
            }
            used.led = past.led;
            if past.committed.len() != length {
                let (number, new) = self.past_index.insert(Hash128::of(&past.committed));
                if new {
                    self.pasts.push(Arc::new(past));
                }
                after[past_at] = number;
            }
        }
        if was.log != is.log {
            for other in (0..self.nodes()).filter(|other| *other != node) {
                let (other, log) = (NodeId(other as u32 + 1), &self.kept[after[other] as usize].log);
                if let Some(finding) = logs_match((id, &is.log), (other, log)) {
                    return Err(finding);
                }
            }
        }
        Ok(())
    }
}

/// Puts a message on its link in all worlds from `begin` on: into a free slot, or, where there is none, in the place
/// of each message that is there, and of none.
fn place(states: &mut Vec<u32>, begin: usize, width: usize, link: core::ops::Range<usize>, message: u32) {
    let end = states.len();
    for at in (begin..end).step_by(width) {
        let slots = at + link.start..at + link.end;
        if states[slots.clone()].contains(&message) && link.len() == 1 {
            continue;
        }
        if let Some(free) = slots.clone().find(|slot| states[*slot] == 0) {
            states[free] = message;
            continue;
        }
        for slot in slots {
            let copy = states.len();
            states.extend_from_within(at..at + width);
            states[copy + slot - at] = message;
        }
    }
}
