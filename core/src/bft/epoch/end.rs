//! How does an epoch end, and the next one begin?
//!
//! Where the instance has ended and its state is made, each voter signs the link
//! and tells the others. With a quorum of the same words the link is there. A
//! replica that has the state goes on from it at once; one that sees the link
//! first gets a little time to get there by itself, for that spares the transfer.
//!
//! **Nothing of the old epoch is kept** but its requests: not in memory, and in the
//! store no longer than the write with which the new one begins. What was
//! promised there can harm nobody, for a quorum is out of it and nothing behind
//! its end is executed.

use std::sync::Arc;

use super::late::Telling;
use super::message::Message;
use super::{Epochs, Event, HardState, Instance, Kept as _, Link, Word, change, format_of};
use crate::bft::{Certificate, Checkpoint};
use crate::protocol::{Effects, Input};
use crate::quorum::Byzantine;
use crate::rules::Rule;
use crate::snapshot::Snapshot;
use crate::storage::Write;
use crate::types::{NodeId, Now};

impl<P: Instance> Epochs<P> {
    /// Does what the end of this epoch asks for, where it has ended, here or for others.
    pub(super) fn look_for_end(&mut self, now: Now, out: &mut Effects<P::Message, P::Hard>) {
        if self.instance.ended().is_some() && self.next.is_none() {
            self.say_word(now, out);
            self.count_words(now);
        }
        if self.next.is_some() {
            self.go_on(now, out);
        }
    }

    /// The epoch has ended here, with this state.
    fn say_word(&mut self, now: Now, out: &mut Effects<P::Message, P::Hard>) {
        let (Some(signer), Some(place)) = (self.signer.clone(), self.place_of(self.id)) else { return };
        if self.words.get(place).is_none_or(Option::is_some) {
            return;
        }
        let Some((checkpoint, _)) = self.instance.final_state() else { return };
        let epoch = self.epoch() + 1;
        let signature = signer.sign(&super::link::statement(&checkpoint, &self.setting.domain_of(epoch)));
        self.words[place] = Some(Word { epoch, checkpoint, signature });
        out.note(|| Event::LinkSigned { epoch, sequence: checkpoint.sequence }.into());
        self.telling.word(now, &self.setting);
        self.say_word_again(out);
    }

    /// Tells the other voters.
    pub(super) fn say_word_again(&self, out: &mut Effects<P::Message, P::Hard>) {
        let Some(word) = self.place_of(self.id).and_then(|place| *self.words.get(place)?) else { return };
        for to in self.quorum.voters().iter().filter(|voter| **voter != self.id) {
            out.send(*to, P::about_epochs(Message::Word(Box::new(word))), None);
        }
    }

    /// A voter's word: its first one counts, so nobody displaces another's.
    pub(super) fn on_word(&mut self, now: Now, from: NodeId, word: Word, out: &mut Effects<P::Message, P::Hard>) {
        if word.epoch <= self.epoch() {
            return self.help(now, from, word.epoch.saturating_sub(1), out);
        }
        if word.epoch > self.epoch() + 1 {
            return self.ask(now, from, word.epoch - 1, out);
        }
        if let Some(place) = self.place_of(from)
            && let Some(known) = self.words.get_mut(place)
        {
            known.get_or_insert(word);
        }
    }

    /// A quorum says the same of the end: that is the link.
    fn count_words(&mut self, now: Now) {
        let Some(members) = self.instance.ended().map(|(_, members)| members.clone()) else { return };
        let named = Checkpoint::membership_hash(&members);
        let known = || {
            let words = self.quorum.voters().iter().zip(&self.words);
            words.filter_map(|(voter, word)| Some((*voter, (*word)?)))
        };
        let same = |checkpoint: Checkpoint| known().filter(move |(_, word)| word.checkpoint == checkpoint);
        let of_quorum = self.on(Rule::EpochLinkOfQuorum);
        let is_enough = |checkpoint: &Checkpoint| {
            let quorum = self.quorum.is_quorum(same(*checkpoint).map(|(voter, _)| voter));
            checkpoint.membership == named && (quorum || !of_quorum)
        };
        let Some(checkpoint) = known().map(|(_, word)| word.checkpoint).find(is_enough) else { return };
        let signatures = same(checkpoint).map(|(voter, word)| (voter, word.signature));
        let certificate = Certificate::of(signatures, self.quorum.needed());
        let link = Link { epoch: self.epoch() + 1, checkpoint, members, certificate };
        self.next = Some((Arc::new(link), now.mono + self.setting.pause));
    }

    /// The link is there: goes on with the state, or without it once that has taken too long.
    fn go_on(&mut self, now: Now, out: &mut Effects<P::Message, P::Hard>) {
        let Some((link, until)) = self.next.clone() else { return };
        let state = self.instance.final_state();
        if let Some((checkpoint, snapshot)) = state {
            let same = checkpoint == link.checkpoint;
            if out.check(same, "an epoch ends here with the state that its voters have signed") {
                self.begin(now, vec![link], Some(snapshot), out);
            }
        } else if until <= now.mono || self.signer.is_none() {
            self.begin(now, vec![link], None, out);
        }
    }

    /// Begins the epoch to which these links lead, which follow each other and this epoch: with the state at its
    /// beginning, or without.
    pub(super) fn begin(
        &mut self,
        now: Now,
        links: Vec<Arc<Link>>,
        state: Option<Arc<Snapshot>>,
        out: &mut Effects<P::Message, P::Hard>,
    ) {
        let Some(link) = links.last().cloned() else { return };
        let (root, waiting, end) = (link.root(), self.instance.waiting(), self.instance.last_index());
        let old = std::mem::replace(&mut self.members, link.members.clone());
        let config = P::in_epoch(&self.config, link.epoch, &self.members.voters, Some(Arc::clone(&root)));
        let mut image = P::begin(&config, &root, state.as_ref(), &self.instance);
        image.format = format_of(self.format.as_ref(), &self.members);
        image.incarnation = self.incarnation;
        let mut instance = P::recover(&config, self.id, &image, self.seed.wrapping_add(link.epoch), now);
        instance.succeed(&self.instance);
        self.instance = instance;
        self.quorum = Byzantine::of(&self.members.voters, false);
        let votes = self.quorum.is_voter(self.id);
        self.signer = if votes { self.setting.signers.signer(self.id) } else { None };
        (self.words, self.next) = (vec![None; self.members.voters.len()], None);
        let with_state = state.is_some();
        out.note(|| {
            let (epoch, sequence) = (link.epoch, link.checkpoint.sequence);
            let (voters, by) = (link.members.voters.clone(), link.certificate.voters().collect());
            Event::Begun { epoch, sequence, voters, by, with_state, votes }.into()
        });

        *image.hard.epoch_mut() = HardState { number: link.epoch, links: links.clone(), ended: None };
        self.links.extend(links);
        let ticket = self.instance.issue(out.is_immediate());
        if !out.is_in_memory() {
            // One write ends the epoch before. Its log ends where the state is, but where the laboratory has switched
            // off that what is ordered behind the end is void.
            let compact = state.as_ref().map(|state| state.meta.base());
            let truncate = compact.filter(|base| base.index < end).map(|base| base.index.next());
            let (hard, append) = (Some(image.hard), Default::default());
            out.write(|| Write { ticket, hard, truncate, append, snapshot: state, compact });
        }
        self.telling = Telling::new(&self.members, self.id, true, now.mono + self.setting.pause);
        self.tell(link.members.voters.iter().filter(|voter| !old.is_voter(**voter)), out);
        let (changes, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|bundle| change::asks(bundle));
        // Without the state, the change that ended the epoch may be among them.
        for request in changes.iter().filter(|_| with_state).filter_map(|bundle| change::Request::in_bundle(bundle)) {
            let reason = request.comes_late(link.epoch.saturating_sub(1));
            out.note(|| Event::ChangeVoid { reason }.into());
        }
        if votes && !waiting.is_empty() {
            self.hand(now, Input::Requests(waiting), out);
        }
    }
}
