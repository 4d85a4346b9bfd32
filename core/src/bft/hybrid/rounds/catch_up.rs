//! How does a replica get what it has missed?
//!
//! Whoever waits for something says where it stands, now and then; its peers
//! answer with what is missing there: how the term began, committed links with
//! their proof, the leader's history, the proof of a checkpoint. All that counts
//! in an answer proves itself, so anybody may give it. Each peer is answered
//! once in half a retransmission interval.

use std::sync::Arc;

use super::event::{Event, Ignored};
use super::link::Link;
use super::message::{Decided, Message, Standing};
use super::{Effects, PER_ANSWER, Rounds};
use crate::bft::Bundle;
use crate::crypto::Hash256;
use crate::rules::Rules;
use crate::types::{Mono, NodeId, Now, Sequence, Span};

/// Most bundles that are passed on again at once.
const RELAYED_AGAIN: usize = 16;

/// When each peer was answered last.
#[derive(Clone, Debug, Default)]
pub(in crate::bft::hybrid) struct Pace(Vec<Option<Mono>>);

impl Pace {
    /// Whether the voter at this place may be answered now; then it was.
    pub(in crate::bft::hybrid) fn may(&mut self, place: usize, voters: usize, now: Now, pause: Span) -> bool {
        self.0.resize(voters, None);
        let Some(last) = self.0.get_mut(place) else { return false };
        let may = last.is_none_or(|last| now.mono - last >= pause);
        if may {
            *last = Some(now.mono);
        }
        may
    }
}

impl<R: Rules> Rounds<R> {
    /// Whether something should happen here that depends on others.
    pub(super) fn waits(&self) -> bool {
        let behind = self.committed < self.low() || self.transfer.is_some();
        let unfinished = self.chain.last() > self.committed || !self.pool.is_empty();
        if self.is_silent() {
            return self.fetching.is_some() || behind;
        }
        !self.active || !self.rooted || behind || unfinished || self.wished > self.term
    }

    /// Says where it stands, and all that others may have missed of it.
    pub(super) fn ask_around(&mut self, now: Now, out: &mut Effects) {
        if self.waits() {
            out.note(|| Event::AskedForMissing { committed: self.committed }.into());
        }
        let standing = Standing {
            term: self.term,
            active: self.active && self.rooted,
            stable: self.low(),
            committed: self.committed,
            last: if self.rooted { self.chain.last() } else { self.committed },
        };
        self.broadcast(&Message::Standing(standing), None, out);
        if self.wished > self.term && !self.is_silent() {
            self.say_wishes(out);
        }
        self.cast_vote(now, out);
        self.fetch_links(out);
        if self.leads() && self.rooted {
            self.heartbeat(None, out);
        }
        self.say_checkpoint_again(out);
        self.relay(self.pool.waiting().take(RELAYED_AGAIN).cloned().collect(), out);
        self.go_on_with_transfer(out);
    }

    /// Passes requests on to the leader, where that is another replica.
    pub(super) fn relay(&self, bundles: Vec<Arc<Bundle>>, out: &mut Effects) {
        let leader = self.leader().filter(|leader| *leader != self.id && self.active && !self.is_silent());
        if let Some(leader) = leader.filter(|_| !bundles.is_empty()) {
            out.note(|| Event::RequestsRelayed { leader, bundles: bundles.len() as u64 }.into());
            out.send(leader, Message::Requests(bundles), None);
        }
    }

    fn pause(&self) -> Span {
        Span(self.config.settings.retransmit.0 / 2)
    }

    pub(super) fn on_standing(&mut self, now: Now, from: NodeId, standing: &Standing, out: &mut Effects) {
        let Standing { term, active, stable, committed, last } = *standing;
        if committed >= Sequence::MAX || last >= Sequence::MAX {
            return self.ignore(from, Ignored::Malformed, out);
        }
        if committed > self.committed || term > self.term {
            self.timers.hurry(now, &self.config.settings);
        }
        let (place, voters, pause) = (self.place_of(from), self.quorum.voters().len(), self.pause());
        if !place.is_some_and(|place| self.answered.may(place, voters, now, pause)) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        if term < self.term && !self.active {
            self.say_wishes(out);
        }
        if let Some(lead) = self.lead.clone().filter(|lead| self.active && (lead.term, active) > (term, true)) {
            out.send(from, Message::Lead(lead), self.persist.promise());
        } else if let Some(lead) = self.lead.clone().filter(|lead| self.active && lead.term == term && !active) {
            out.send(from, Message::Lead(lead), self.persist.promise());
        }
        let gone = self.chain.hash_at(committed).is_none() && committed < self.low();
        if let Some(proof) = self.stable.clone().filter(|_| gone || stable < self.low()) {
            out.send(from, Message::Stable(Box::new((*proof).clone())), None);
        }
        self.send_decided(from, committed, out);
        if self.leads() && self.rooted && term == self.term {
            self.heartbeat(Some((from, last)), out);
        }
    }

    /// Committed links after this place, each run with the certificate that covers it.
    fn send_decided(&self, to: NodeId, mut after: Sequence, out: &mut Effects) {
        let limit = u64::from(self.config.settings.max_batch_bytes);
        let (mut count, mut bytes) = (0, 0);
        for committed in self.commits.iter().filter(|committed| committed.mark.sequence <= self.committed) {
            if committed.mark.sequence <= after || self.chain.hash_at(after).is_none() {
                continue;
            }
            if count > PER_ANSWER || bytes > limit {
                return;
            }
            let through = committed.mark.sequence;
            let links: Vec<Arc<Link>> =
                self.chain.following(after).take_while(|link| link.sequence() <= through).cloned().collect();
            count += links.len();
            bytes += links.iter().map(|link| link.batch().bytes()).sum::<u64>();
            after = through;
            let committed = Arc::clone(committed);
            out.send(to, Message::Decided(Box::new(Decided { links, committed })), None);
        }
    }

    /// Links with the proof that they are committed: whatever this replica has in their places gives way.
    pub(super) fn on_decided(&mut self, now: Now, from: NodeId, decided: Decided, out: &mut Effects) {
        let Decided { links, committed } = decided;
        let high = self.low().0.saturating_add(self.window());
        if committed.mark.sequence <= self.committed || committed.mark.sequence.0 > high {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        let own_term = self.on(crate::rules::Rule::HybridCommitOwnTerm);
        let linked = links
            .windows(2)
            .all(|pair| pair[1].previous() == pair[0].hash() && pair[1].sequence() == pair[0].sequence().next());
        let rest: Vec<Arc<Link>> = links.iter().filter(|link| link.sequence() > self.committed).cloned().collect();
        let continues = rest.first().is_some_and(|first| {
            first.sequence() == self.committed.next() && self.chain.hash_at(self.committed) == Some(first.previous())
        });
        let proven = links.last().is_some_and(|last| last.hash() == committed.mark.hash)
            && committed.is_enough(&self.quorum, own_term);
        if !linked || !continues || !proven {
            return self.ignore(from, Ignored::Malformed, out);
        }
        self.go_on_with(&rest);
        out.note(|| Event::CaughtUp { sequence: committed.mark.sequence, from }.into());
        self.commit(&committed, out);
        self.root(now, out);
    }

    pub(super) fn on_fetch_links(&mut self, now: Now, from: NodeId, hash: Hash256, after: Sequence, out: &mut Effects) {
        let (place, voters, pause) = (self.place_of(from), self.quorum.voters().len(), self.pause());
        if !place.is_some_and(|place| self.bodies.may(place, voters, now, pause)) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        if let Some(path) = self.chain.path(hash, after) {
            out.send(from, Message::Links(path), None);
        }
    }
}
