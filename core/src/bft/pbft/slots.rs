//! What does a replica hold of the sequence numbers in its window?
//!
//! One slot for each, in a row. Votes are kept one a voter and kind, the one of
//! the highest view: a voter that floods displaces its own words alone, so the
//! window bounds the memory (TRAPS: messages of far views). Read `normal_case`
//! for what is done with them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::hard::HardSlot;
use super::message::PrePrepare;
use super::value::{Subject, Value};
use crate::crypto::{Hash256, Signature};
use crate::types::{Sequence, Term};

/// Votes of one kind for one sequence number, by the voters' places.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes(Vec<Option<Said>>);

/// What one voter says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) view: Term,
    pub(super) hash: Hash256,
    pub(super) signature: Signature,
}

impl Votes {
    /// Takes a vote. Returns whether it is news: a voter's first word for a view counts.
    pub(super) fn take(&mut self, place: usize, voters: usize, subject: &Subject, signature: Signature) -> bool {
        if self.0.is_empty() {
            self.0.resize(voters, None);
        }
        let Some(known) = self.0.get_mut(place) else { return false };
        if known.is_some_and(|known| known.view >= subject.view) {
            return false;
        }
        *known = Some(Said { view: subject.view, hash: subject.hash, signature });
        true
    }

    /// The places of those who say something in this view, with what they say.
    pub(super) fn in_view(&self, view: Term) -> impl Iterator<Item = (usize, &Said)> {
        let said = self.0.iter().enumerate().filter_map(|(place, said)| Some((place, said.as_ref()?)));
        said.filter(move |(_, said)| said.view == view)
    }

    /// Whether anybody has said anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What this voter has said.
    pub(super) fn of(&self, place: usize) -> Option<&Said> {
        self.0.get(place)?.as_ref()
    }
}

/// One sequence number.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// What is durable, or on its way there.
    pub(super) hard: HardSlot,
    /// A pre-prepare whose turn has not come.
    pub(super) early: Option<Box<PrePrepare>>,
    pub(super) prepares: Votes,
    pub(super) commits: Votes,
}

impl Slot {
    /// What it has accepted in this view.
    pub(super) fn accepted_in(&self, view: Term) -> Option<Subject> {
        self.hard.accepted.map(|(subject, _)| subject).filter(|subject| subject.view == view)
    }

    /// Its value in this view, where it has accepted one and its body is here, or is committed.
    pub(super) fn settled_in(&self, view: Term) -> Option<&Arc<Value>> {
        let decided = self.hard.decided.as_ref().map(|decided| decided.subject.hash);
        let hash = decided.or_else(|| self.accepted_in(view).map(|subject| subject.hash))?;
        self.hard.value(hash)
    }

    /// Whether something is prepared in this view.
    pub(super) fn is_prepared_in(&self, view: Term) -> bool {
        self.hard.prepared.as_ref().is_some_and(|prepared| prepared.subject.view == view)
    }

    /// The value that is committed, where it is and its body is here.
    pub(super) fn decided(&self) -> Option<&Arc<Value>> {
        self.hard.value(self.hard.decided.as_ref()?.subject.hash)
    }

    /// Forgets what was said here, so that something else can be said in the same view; for the laboratory alone.
    pub(super) fn forget(&mut self) {
        (self.prepares, self.commits, self.hard.prepared) = (Votes::default(), Votes::default(), None);
    }

    /// Whether anything is known of it.
    pub(super) fn is_blank(&self) -> bool {
        let HardSlot { accepted, decided, .. } = &self.hard;
        let silent = self.prepares.is_empty() && self.commits.is_empty();
        accepted.is_none() && decided.is_none() && self.early.is_none() && silent
    }
}

/// A row of slots.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    /// The sequence number of the first.
    first: Sequence,
    row: VecDeque<Slot>,
}

impl Slots {
    /// An empty row that begins after `low`.
    pub(super) fn after(low: Sequence) -> Self {
        Self { first: low.next(), row: VecDeque::new() }
    }

    fn place(&self, sequence: Sequence) -> Option<usize> {
        usize::try_from(sequence.0.checked_sub(self.first.0)?).ok()
    }

    /// The slot, where anything is known of it.
    pub(super) fn get(&self, sequence: Sequence) -> Option<&Slot> {
        self.row.get(self.place(sequence)?)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, sequence: Sequence) -> Option<&mut Slot> {
        let place = self.place(sequence)?;
        self.row.get_mut(place)
    }

    /// The slot, made where it is not there; the caller has looked that it lies in the window. `None` for one before
    /// the row.
    pub(super) fn at(&mut self, sequence: Sequence) -> Option<&mut Slot> {
        let place = self.place(sequence)?;
        if place >= self.row.len() {
            self.row.resize_with(place + 1, Slot::default);
        }
        self.row.get_mut(place)
    }

    /// All up to this one go.
    pub(super) fn drop_through(&mut self, sequence: Sequence) {
        if sequence < self.first {
            return;
        }
        let count = usize::try_from(sequence.0 - self.first.0 + 1).unwrap_or(usize::MAX);
        self.row.drain(..count.min(self.row.len()));
        self.first = sequence.next();
    }

    /// Those after this one, in order.
    pub(super) fn after_mut(&mut self, sequence: Sequence) -> impl Iterator<Item = (Sequence, &mut Slot)> {
        let first = self.first.0;
        (first..).map(Sequence).zip(self.row.iter_mut()).filter(move |(at, _)| *at > sequence)
    }

    /// Those after this one, in order.
    pub(super) fn following(&self, sequence: Sequence) -> impl Iterator<Item = (Sequence, &Slot)> {
        let skip = sequence.next().0.saturating_sub(self.first.0);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(self.row.len());
        (self.first.0 + skip as u64..).map(Sequence).zip(self.row.range(skip..))
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.row.len()
    }
}
