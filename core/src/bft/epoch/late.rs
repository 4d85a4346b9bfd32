//! How does a replica come along that is epochs behind?
//!
//! By the links from where it is. Whoever gets a message of an older epoch sends
//! them; whoever gets one of a later epoch says where it is. Whoever begins an
//! epoch tells the voters of both, and again, less and less often, those of the
//! new ones of whom it has heard nothing in it: a new voter knows of nothing
//! before somebody tells it, and where all are replaced only those can who have
//! no vote any more. These are *retired*: they order nothing, and serve the links
//! and the last state that they had.
//!
//! Bounded: each peer is answered once in half a pause, with so many links.

use std::sync::Arc;

use super::message::{LINKS, Message};
use super::{Epochs, Event, Instance, Link, MAX_EPOCH, Setting};
use crate::bft::FetchChunk;
use crate::crypto::Claim;
use crate::membership::{MAX_MEMBERS, Membership};
use crate::protocol::Effects;
use crate::quorum::Byzantine;
use crate::rules::Rule;
use crate::types::{Mono, NodeId, Now, Span};

/// The pause doubles with each time that something was said in vain, up to the time that idle replicas keep.
const DOUBLINGS: u32 = 16;

/// When each peer was last answered. Peers have keys, so they are not many.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(Vec<(NodeId, Mono)>);

impl Pace {
    /// Whether this one may be answered now; then it was.
    fn may(&mut self, node: NodeId, now: Now, pause: Span) -> bool {
        match self.0.iter_mut().find(|(known, _)| *known == node) {
            Some((_, last)) if now.mono - *last < pause => return false,
            Some((_, last)) => *last = now.mono,
            None => {
                if self.0.len() >= 2 * MAX_MEMBERS {
                    self.0.remove(0);
                }
                self.0.push((node, now.mono));
            }
        }
        true
    }
}

/// Whom a replica tells of its epoch, or of its end.
#[derive(Clone, Debug)]
pub(super) struct Telling {
    /// Voters that are not known to be in it.
    unheard: Vec<NodeId>,
    /// Whether the own word for its end waits for others.
    has_word: bool,
    at: Option<Mono>,
    times: u32,
}

impl Telling {
    /// Nobody is known to be in it; `tells`: whether there is anything to tell, from `at` on.
    pub(super) fn new(members: &Membership, own: NodeId, tells: bool, at: Mono) -> Self {
        let unheard: Vec<NodeId> = match tells {
            true => members.voters.iter().copied().filter(|voter| *voter != own).collect(),
            false => Vec::new(),
        };
        let at = (!unheard.is_empty()).then_some(at);
        Self { unheard, has_word: false, at, times: 0 }
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.at
    }

    /// This one is in the epoch, or further on.
    pub(super) fn heard(&mut self, node: NodeId) {
        if !self.unheard.is_empty() {
            self.unheard.retain(|unheard| *unheard != node);
            if self.unheard.is_empty() && !self.has_word {
                self.at = None;
            }
        }
    }

    /// The own word was said.
    pub(super) fn word(&mut self, now: Now, setting: &Setting) {
        (self.has_word, self.times) = (true, 0);
        self.at = Some(now.mono + setting.pause);
    }

    fn later(&mut self, now: Now, setting: &Setting) {
        let pause = Span(setting.pause.0.saturating_mul(1 << self.times.min(DOUBLINGS)).min(setting.idle.0));
        self.times = self.times.saturating_add(1);
        self.at = Some(now.mono + pause.max(setting.pause));
    }
}

impl<P: Instance> Epochs<P> {
    /// What has to be verified of a message about epochs. It depends on nothing that a step changes, but for links that
    /// are known by then: those never count again.
    pub(super) fn claims_of(&self, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        match message {
            Message::Word(word) => claims.push(word.claim(&self.setting.domain_of(word.epoch), from)),
            Message::Links(links) => {
                for link in links.iter().take(LINKS).filter(|link| link.epoch > self.epoch()) {
                    link.claims(&self.setting.domain_of(link.epoch), claims);
                }
            }
            Message::Here { .. } => {}
        }
    }

    pub(super) fn on_epoch(
        &mut self,
        now: Now,
        from: NodeId,
        message: Message,
        out: &mut Effects<P::Message, P::Hard>,
    ) {
        match message {
            Message::Word(word) => self.on_word(now, from, *word, out),
            Message::Links(links) => self.on_links(now, from, links, out),
            Message::Here { epoch } if epoch < self.epoch() => self.help(now, from, epoch, out),
            Message::Here { epoch } if epoch > self.epoch() => self.ask(now, from, epoch, out),
            Message::Here { .. } => self.telling.heard(from),
        }
    }

    /// Sends one that is in an older epoch the links from there.
    pub(super) fn help(&mut self, now: Now, to: NodeId, epoch: u64, out: &mut Effects<P::Message, P::Hard>) {
        if self.helped.may(to, now, Span(self.setting.pause.0 / 2)) {
            let first = usize::try_from(epoch).unwrap_or(usize::MAX);
            let links: Vec<Arc<Link>> = self.links.iter().skip(first).take(LINKS).cloned().collect();
            out.send(to, P::about_epochs(Message::Links(links)), None);
        }
    }

    /// Says where it is to one that seems to be further on.
    pub(super) fn ask(&mut self, now: Now, from: NodeId, epoch: u64, out: &mut Effects<P::Message, P::Hard>) {
        if epoch <= MAX_EPOCH && self.say_here(now, from, out) {
            out.note(|| Event::Behind { from, epoch }.into());
        }
    }

    /// Says where it is, unless it has just done so. Returns whether it did.
    fn say_here(&mut self, now: Now, to: NodeId, out: &mut Effects<P::Message, P::Hard>) -> bool {
        let may = self.asked.may(to, now, Span(self.setting.pause.0 / 2));
        if may {
            out.send(to, P::about_epochs(Message::Here { epoch: self.epoch() }), None);
        }
        may
    }

    /// Links, each of which has to follow the one before it. Whoever is about to get to the next epoch by itself gets a
    /// little time for it; further than that nobody does.
    fn on_links(&mut self, now: Now, from: NodeId, links: Vec<Arc<Link>>, out: &mut Effects<P::Message, P::Hard>) {
        let of_quorum = self.on(Rule::EpochLinkOfQuorum);
        let newest = links.iter().take(LINKS).map(|link| link.epoch).max().unwrap_or(0);
        let (mut taken, mut quorum, mut epoch) = (Vec::new(), self.quorum.clone(), self.epoch());
        for link in links.into_iter().take(LINKS).filter(|link| link.epoch > self.epoch()) {
            if !link.follows(epoch, &quorum, of_quorum) {
                break;
            }
            quorum = Byzantine::of(&link.members.voters, false);
            epoch = link.epoch;
            taken.push(link);
        }
        match taken.len() {
            0 if newest > self.epoch() + 1 => self.ask(now, from, newest, out),
            0 if newest == self.epoch() + 1 => out.note(|| Event::LinkRefused { from }.into()),
            0 => _ = self.say_here(now, from, out),
            1 if self.signer.is_some() => {
                let link = taken.remove(0);
                self.next.get_or_insert((link, now.mono + self.setting.pause));
            }
            _ => {
                self.begin(now, taken, None, out);
                out.send(from, P::about_epochs(Message::Here { epoch: self.epoch() }), None);
            }
        }
    }

    /// Tells these of the epoch that has begun.
    pub(super) fn tell<'a>(&self, whom: impl Iterator<Item = &'a NodeId>, out: &mut Effects<P::Message, P::Hard>) {
        let Some(link) = self.links.last() else { return };
        for to in crate::few::distinct(whom.copied()).into_iter().filter(|node| *node != self.id) {
            out.send(to, P::about_epochs(Message::Links(vec![Arc::clone(link)])), None);
        }
    }

    /// Says again what somebody has not heard yet, as far as is known.
    pub(super) fn tell_if_due(&mut self, now: Now, out: &mut Effects<P::Message, P::Hard>) {
        if self.telling.at.is_none_or(|at| at > now.mono) {
            return;
        }
        if self.telling.has_word {
            self.say_word_again(out);
        }
        let unheard = self.telling.unheard.clone();
        self.tell(unheard.iter(), out);
        self.telling.later(now, &self.setting);
    }

    /// A retired replica's answer to one that fetches the state.
    pub(super) fn serve(&self, to: NodeId, fetch: &FetchChunk, out: &mut Effects<P::Message, P::Hard>) {
        let Some((hash, state)) = self.instance.newest_state() else { return };
        if let Some(chunk) = fetch.answer(hash, &state.data, self.setting.chunk_bytes) {
            out.send(to, P::later(self.epoch(), self.instance.chunk(chunk)), None);
        }
    }
}
