//! What does a new view begin with, and how does a replica get there?
//!
//! PBFT §4.4 with signatures. Whoever leaves a view says what was prepared; the
//! next primary collects a quorum of such words and orders again what follows
//! from them. What follows is computed by one pure function, [`follows`], by the
//! primary and by everybody who checks it: a value that may be committed
//! anywhere is prepared at a quorum, so at an honest replica among any quorum,
//! and so it is ordered again.
//!
//! Where the paper leaves a choice: view changes carry hashes, bodies are asked
//! for where they are missing; a proof counts where all of its message does, so
//! one invalid proof makes a view change invalid, and hides no valid one in
//! another (TRAPS 27).

use std::sync::Arc;

use super::event::{Event, NewViewRefusal, ViewChangeReason};
use super::message::{Assigned, Message, NewView, Prepared, ViewChange};
use super::value::Subject;
use super::{Effects, Pbft};
use crate::bft::StableCheckpoint;
use crate::crypto::{Hash256, Signature};
use crate::rules::{Rule, Rules};
use crate::types::{NodeId, Now, Sequence, Term};

/// What a set of view changes leads to (§4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follows {
    /// The highest proven checkpoint: min-s.
    pub stable: Option<Arc<StableCheckpoint>>,
    /// What is ordered again, in order, and what proves it; a null request has no proof.
    pub values: Vec<(Sequence, Hash256, Option<Arc<Prepared>>)>,
}

/// Computes 𝒪 from 𝒱: min-s is the highest proven checkpoint, max-s the highest prepared sequence number; each number
/// between them gets the value that was prepared there in the highest view, and the null request where none was.
///
/// The view changes are well formed and their signatures hold. `with_null` is the rule `pbft.null-requests`.
#[must_use]
pub fn follows(view_changes: &[Arc<ViewChange>], null: Hash256, with_null: bool) -> Follows {
    let stable = view_changes.iter().filter_map(|change| change.stable.as_ref()).max_by_key(|stable| {
        // Two proofs of one checkpoint are of one state; which of them is taken makes no difference.
        stable.checkpoint.sequence
    });
    let low = stable.map_or(Sequence(0), |stable| stable.checkpoint.sequence);
    let mut best: Vec<Option<&Arc<Prepared>>> = Vec::new();
    for prepared in view_changes.iter().flat_map(|change| &change.prepared) {
        let Some(place) = prepared.subject.sequence.0.checked_sub(low.0 + 1) else { continue };
        let Ok(place) = usize::try_from(place) else { continue };
        if place >= best.len() {
            best.resize(place + 1, None);
        }
        let newer = |known: &&Arc<Prepared>| known.subject.view < prepared.subject.view;
        if best[place].as_ref().is_none_or(newer) {
            best[place] = Some(prepared);
        }
    }
    let values = (low.next().0..).map(Sequence).zip(best).filter_map(|(sequence, prepared)| match prepared {
        Some(prepared) => Some((sequence, prepared.subject.hash, Some(Arc::clone(prepared)))),
        None => with_null.then_some((sequence, null, None)),
    });
    Follows { values: values.collect(), stable: stable.cloned() }
}

/// View changes by the voters' places, the newest of each.
#[derive(Clone, Debug, Default)]
pub(super) struct ViewChanges(Vec<Option<Arc<ViewChange>>>);

impl ViewChanges {
    fn take(&mut self, place: usize, voters: usize, change: Arc<ViewChange>) -> bool {
        if self.0.is_empty() {
            self.0.resize(voters, None);
        }
        let Some(known) = self.0.get_mut(place) else { return false };
        if known.as_ref().is_some_and(|known| known.view >= change.view) {
            return false;
        }
        *known = Some(change);
        true
    }

    /// Takes up this replica's own after a restart.
    pub(super) fn put(&mut self, place: Option<usize>, voters: usize, change: Arc<ViewChange>) {
        if let Some(place) = place {
            self.take(place, voters, change);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<ViewChange>> {
        self.0.iter().flatten()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.iter().count()
    }

    /// Those for this view.
    pub(super) fn of(&self, view: Term) -> impl Iterator<Item = &Arc<ViewChange>> {
        self.iter().filter(move |change| change.view == view)
    }

    /// This replica's, for this view.
    pub(super) fn by(&self, replica: NodeId, view: Term) -> Option<&Arc<ViewChange>> {
        self.of(view).find(|change| change.replica == replica)
    }
}

impl<R: Rules> Pbft<R> {
    /// Leaves the view: from here on the replica takes part in none before `to` (§4.4). All of it is durable before
    /// anybody hears of it; a replica that forgot it could take part in both.
    pub(super) fn begin_view_change(&mut self, now: Now, to: Term, reason: ViewChangeReason, out: &mut Effects) {
        if to > Term::MAX {
            return;
        }
        let from = std::mem::replace(&mut self.view, to);
        self.changing = true;
        self.timers.left_view();
        self.persist.view_changed();
        self.pool.undo_all();
        for (_, slot) in self.slots.after_mut(Sequence(0)) {
            slot.early = None;
        }
        out.note(|| Event::ViewChangeBegan { from, to, reason }.into());
        let Some(change) = self.own_view_change() else { return };
        let after = if self.on(Rule::PbftPersistBeforeViewChange) { self.persist.promise() } else { None };
        self.broadcast(&Message::ViewChange(Arc::clone(&change)), after, out);
        self.count_view_change(now, change, out);
    }

    /// What this replica knows, under its signature.
    pub(super) fn own_view_change(&self) -> Option<Arc<ViewChange>> {
        let signer = self.signer.as_ref()?;
        let kept = self.on(Rule::PbftViewChangeKeepsPrepared);
        let prepared = self.slots.following(self.low()).filter_map(|(_, slot)| slot.hard.prepared.clone());
        let mut change = ViewChange {
            view: self.view,
            replica: self.id,
            stable: self.stable.clone(),
            prepared: if kept { prepared.collect() } else { Vec::new() },
            signature: Signature([0; 64]),
        };
        change.signature = signer.sign(&change.statement(&self.domain));
        Some(Arc::new(change))
    }

    pub(super) fn on_view_change(&mut self, now: Now, from: NodeId, change: &Arc<ViewChange>, out: &mut Effects) {
        if change.replica != from || !self.is_well_formed(change) {
            return self.ignore(from, super::event::Ignored::Malformed, out);
        }
        if change.view < self.view || (change.view == self.view && !self.changing) {
            return self.ignore(from, super::event::Ignored::OldView, out);
        }
        self.count_view_change(now, Arc::clone(change), out);
        self.join_others(now, out);
    }

    /// Takes a view change; a quorum of them lets the timer of the new view run (§4.5.2), and its primary begin.
    fn count_view_change(&mut self, now: Now, change: Arc<ViewChange>, out: &mut Effects) {
        let (from, view) = (change.replica, change.view);
        let Some(place) = self.place_of(from) else { return };
        if !self.view_changes.take(place, self.quorum.voters().len(), change) {
            return;
        }
        let count = self.quorum.distinct(self.view_changes.of(self.view).map(|change| change.replica));
        let needed = self.quorum.needed();
        out.note(|| Event::ViewChangeCounted { view, from, count, needed }.into());
        // Whoever asks for a later view has asked for this one, or does not want it any more: the timer runs for them
        // too, or replicas that are one view apart would wait for each other for ever.
        let at_least = self.view_changes.iter().filter(|change| change.view >= self.view);
        let patient = self.quorum.is_quorum(at_least.map(|change| change.replica));
        if self.changing && patient {
            self.timers.wait_for_new_view(now, &self.config.settings, out);
        }
        if self.changing && view == self.view && count >= needed && self.primary() == Some(self.id) {
            self.make_new_view(now, out);
        }
    }

    /// f+1 others have left for views above one's own: at least one of them is honest, so the replica leaves for the
    /// lowest of these views even where its own timer has not run out (§4.5.2).
    fn join_others(&mut self, now: Now, out: &mut Effects) {
        if !self.on(Rule::PbftJoinViewChange) {
            return;
        }
        let above = || self.view_changes.iter().filter(|change| change.view > self.view && change.replica != self.id);
        let others = self.quorum.distinct(above().map(|change| change.replica));
        let Some(lowest) = above().map(|change| change.view).min() else { return };
        if others >= self.quorum.one_honest() {
            self.begin_view_change(now, lowest, ViewChangeReason::OthersLeft { others }, out);
        }
    }

    /// The new primary has a quorum of view changes (§4.4).
    fn make_new_view(&mut self, now: Now, out: &mut Effects) {
        let Some(signer) = self.signer.clone() else { return };
        let own = self.view_changes.by(self.id, self.view).cloned();
        let others = self.view_changes.of(self.view).filter(|change| change.replica != self.id).cloned();
        let needed = self.quorum.needed() as usize;
        let mut view_changes: Vec<Arc<ViewChange>> = own.into_iter().chain(others).take(needed).collect();
        crate::few::sort(&mut view_changes, |a, b| a.replica < b.replica);
        let Follows { values, stable } = self.follows(&view_changes);
        let view = self.view;
        let assign = |(sequence, hash, _): &(Sequence, Hash256, Option<Arc<Prepared>>)| {
            let subject = Subject { view, sequence: *sequence, hash: *hash };
            Assigned { sequence: *sequence, hash: *hash, signature: signer.sign(&subject.pre_prepare(&self.domain)) }
        };
        let pre_prepares: Vec<Assigned> = values.iter().map(assign).collect();
        let mut new_view = NewView { view, view_changes, pre_prepares, signature: Signature([0; 64]) };
        new_view.signature = signer.sign(&new_view.statement(&self.domain));
        out.note(|| {
            let after = stable.as_ref().map_or(Sequence(0), |stable| stable.checkpoint.sequence);
            let through = values.last().map_or(after, |(sequence, ..)| *sequence);
            let by = new_view.view_changes.iter().map(|change| change.replica).collect();
            Event::NewViewMade { view, by, after, through }.into()
        });
        let new_view = Arc::new(new_view);
        self.enter_view(now, &new_view, &Follows { values, stable }, out);
        self.broadcast(&Message::NewView(new_view), self.persist.promise(), out);
    }

    fn follows(&self, view_changes: &[Arc<ViewChange>]) -> Follows {
        follows(view_changes, self.null.hash(), self.on(Rule::PbftNullRequests))
    }

    /// A new view is accepted where it follows from its view changes (§4.4); a primary that could leave out what may be
    /// committed elsewhere would have something else committed in its place.
    pub(super) fn on_new_view(&mut self, now: Now, from: NodeId, new_view: &Arc<NewView>, out: &mut Effects) {
        let view = new_view.view;
        if view < self.view || (view == self.view && !self.changing) {
            return self.ignore(from, super::event::Ignored::OldView, out);
        }
        let refused = |reason| Event::NewViewRefused { view, reason }.into();
        if !self.rests_on_view_changes(new_view) {
            return out.note(|| refused(NewViewRefusal::ViewChanges));
        }
        let mut follows = self.follows(&new_view.view_changes);
        let same = {
            let said = new_view.pre_prepares.iter().map(|assigned| (assigned.sequence, assigned.hash));
            follows.values.iter().map(|(sequence, hash, _)| (*sequence, *hash)).eq(said)
        };
        if !same && self.on(Rule::PbftNewViewFollows) {
            return out.note(|| refused(NewViewRefusal::DoesNotFollow));
        }
        if !same {
            let said = new_view.pre_prepares.iter().map(|assigned| (assigned.sequence, assigned.hash, None));
            follows.values = said.collect();
        }
        self.enter_view(now, new_view, &follows, out);
    }

    fn is_well_formed(&self, change: &ViewChange) -> bool {
        change.is_well_formed(&self.quorum, self.window(), self.config.root().map(|root| &**root))
    }

    fn rests_on_view_changes(&self, new_view: &NewView) -> bool {
        let NewView { view, view_changes, .. } = new_view;
        let fits = |change: &Arc<ViewChange>| change.view == *view && self.is_well_formed(change);
        *view > Term(0)
            && view_changes.len() <= self.quorum.voters().len()
            && view_changes.is_sorted_by(|a, b| a.replica < b.replica)
            && self.quorum.is_quorum(view_changes.iter().map(|change| change.replica))
            && view_changes.iter().all(fits)
    }

    /// Takes part in a view from here on, beginning with what it orders again.
    fn enter_view(&mut self, now: Now, new_view: &Arc<NewView>, follows: &Follows, out: &mut Effects) {
        let Some(primary) = self.quorum.in_turn(new_view.view) else { return };
        (self.view, self.changing) = (new_view.view, false);
        self.new_view = Some(Arc::clone(new_view));
        self.persist.began(Arc::clone(new_view));
        self.pool.undo_all();
        if let Some(stable) = &follows.stable {
            self.adopt_stable(now, stable, out);
        }
        self.timers.entered_view();
        self.order.start_over();
        let mut missing: Vec<(Sequence, Hash256)> = Vec::new();
        let mut holders: Option<Arc<Prepared>> = None;
        for (assigned, (_, _, proof)) in new_view.pre_prepares.iter().zip(&follows.values) {
            let Assigned { sequence, hash, signature } = *assigned;
            let subject = Subject { view: self.view, sequence, hash };
            if !self.assign(subject, signature, out) {
                missing.push((sequence, hash));
                holders = holders.or_else(|| proof.clone());
            }
        }
        let (reordered, lacking) = (new_view.pre_prepares.len() as u64, missing.len() as u64);
        out.note(|| Event::ViewEntered { view: self.view, primary, reordered, missing: lacking }.into());
        self.ask_for_values(missing, holders, out);
    }

    /// Accepts what a new view orders again. Returns false where its body is missing: the replica says nothing of it
    /// before it has it.
    fn assign(&mut self, subject: Subject, signature: Signature, out: &mut Effects) -> bool {
        let Subject { sequence, hash, .. } = subject;
        if sequence <= self.low() || !self.is_in_window(sequence) {
            return true;
        }
        let null = Arc::clone(&self.null);
        let Some(slot) = self.slots.at(sequence) else { return true };
        if slot.hard.decided.as_ref().is_some_and(|decided| decided.subject.hash != hash) {
            let (view, reason) = (subject.view, super::event::Refusal::Decided);
            out.note(|| Event::PrePrepareRefused { view, sequence, reason }.into());
            return true;
        }
        let value = if hash == null.hash() { Some(null) } else { slot.hard.value(hash).cloned() };
        slot.hard.accepted = Some((subject, signature));
        self.persist.slot(sequence).accepted = slot.hard.accepted;
        match value {
            Some(value) => {
                self.accept_body(subject, value, out);
                true
            }
            None => false,
        }
    }
}
