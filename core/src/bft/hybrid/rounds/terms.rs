//! How does a leader lose its place, and what does the next one begin with?
//!
//! A replica whose oldest request waits too long *wishes* for the next term. A
//! wish is no vote: its replica goes on acknowledging. With wishes of f+1 for a
//! term or above, one of them honest, whoever sees them adopts it, passes them
//! on, acknowledges nothing in older terms any more, and gives its one vote with
//! its highest prepare certificate. A quorum of votes is the new leader's first
//! message; the highest certificate among them is where its history goes on.
//! What may be committed anywhere is named by a quorum, so one honest voter of
//! any other quorum shows it, or a higher one that continues it.
//!
//! **Who leads** is decided by turns, as in PBFT: votes go to the one whose turn
//! the term is. Nobody asks for votes, so nobody can be faster than all others
//! at that, and no vote is split: after f+1 terms an honest one has led. The turn
//! of one that is convicted is the next one's. Who takes whom for the leader is
//! no matter of safety, for nobody acknowledges two histories in a term: while a
//! conviction is known to some alone, the convicted one's terms lead nowhere.

use std::sync::Arc;

use super::event::{Event, Ignored, WishReason};
use super::link::{Link, Mark};
use super::message::{Lead, Message, Vote, Wish};
use super::{Effects, Rounds};
use crate::crypto::{Hash256, Signature};
use crate::rules::{Rule, Rules};
use crate::types::{NodeId, Now, Sequence, Term};

/// By the voters' places: the highest wish of each, and the newest vote.
#[derive(Clone, Debug, Default)]
pub(super) struct Ballots {
    wishes: Vec<Option<Wish>>,
    votes: Vec<Option<Arc<Vote>>>,
}

impl Ballots {
    fn wish(&mut self, place: usize, voters: usize, wish: Wish) {
        self.wishes.resize(voters, None);
        if let Some(known) = self.wishes.get_mut(place)
            && known.is_none_or(|known| known.term < wish.term)
        {
            *known = Some(wish);
        }
    }

    fn vote(&mut self, place: usize, voters: usize, vote: Arc<Vote>) {
        self.votes.resize(voters, None);
        if let Some(known) = self.votes.get_mut(place)
            && known.as_ref().is_none_or(|known| known.term < vote.term)
        {
            *known = Some(vote);
        }
    }

    /// The highest term that so many wish for, or one above it.
    fn wished_by(&self, needed: u32) -> Option<Term> {
        let mut terms: Vec<Term> = self.wishes.iter().flatten().map(|wish| wish.term).collect();
        crate::few::sort(&mut terms, |a, b| a > b);
        terms.get((needed as usize).checked_sub(1)?).copied()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.wishes.len() + self.votes.len()
    }
}

impl<R: Rules> Rounds<R> {
    /// These never lead.
    pub fn exclude(&mut self, convicted: &[NodeId]) {
        self.convicted = convicted.to_vec();
    }

    /// Whose turn this term is: nobody's who is convicted, as long as there is anybody else.
    pub(super) fn leader_of(&self, term: Term) -> Option<NodeId> {
        let voters = self.quorum.voters();
        let turn = self.quorum.in_turn(term)?;
        let first = self.place_of(turn)?;
        let excluded = |voter: &NodeId| self.on(Rule::HybridConvictedNeverLeads) && self.convicted.contains(voter);
        let mut around = voters.iter().cycle().skip(first).take(voters.len());
        around.find(|voter| !excluded(voter)).copied().or(Some(turn))
    }

    /// Where the history of this term goes on from: the highest certificate that its votes show.
    pub(super) fn start(&self) -> Option<Mark> {
        let lead = self.lead.as_ref().filter(|lead| lead.term == self.term)?;
        lead.start().map(|prepared| prepared.mark).filter(|_| self.on(Rule::HybridGoesOnFromHighest))
    }

    /// Wishes for the term after this one, in vain as long as nobody honest does the same.
    pub(super) fn wish(&mut self, now: Now, reason: WishReason, out: &mut Effects) {
        let term = self.term.next();
        if self.is_silent() || term > Term::MAX {
            return;
        }
        if self.wished < term {
            self.wished = term;
            out.note(|| Event::Wished { term, reason }.into());
        }
        self.say_wishes(out);
        self.adopt_wished(now, out);
    }

    /// Tells its own wish, and those of others that it has heard of.
    pub(super) fn say_wishes(&mut self, out: &mut Effects) {
        let (Some(signer), Some(place)) = (self.signer.clone(), self.place_of(self.id)) else { return };
        let voters = self.quorum.voters();
        if self.wished > Term(0) {
            let signature = signer.sign(&Wish::statement(&self.domain, self.wished));
            self.ballots.wish(place, voters.len(), Wish { term: self.wished, signature });
        }
        let heard = self.ballots.wishes.iter().enumerate().filter_map(|(place, wish)| Some((place, (*wish)?)));
        let list: Vec<(NodeId, Wish)> = heard
            .filter(|(_, wish)| wish.term >= self.term)
            .filter_map(|(place, wish)| Some((*voters.get(place)?, wish)))
            .collect();
        if !list.is_empty() {
            self.broadcast(&Message::Wishes(list), None, out);
        }
    }

    pub(super) fn on_wishes(&mut self, now: Now, from: NodeId, wishes: &[(NodeId, Wish)], out: &mut Effects) {
        let voters = self.quorum.voters().len();
        if wishes.len() > voters || self.is_silent() {
            return self.ignore(from, Ignored::Malformed, out);
        }
        for (by, wish) in wishes {
            if let Some(place) = self.place_of(*by)
                && wish.term <= Term::MAX
            {
                self.ballots.wish(place, voters, *wish);
            }
        }
        self.adopt_wished(now, out);
    }

    /// f+1 wish for a higher term: one of them is honest.
    fn adopt_wished(&mut self, now: Now, out: &mut Effects) {
        let needed = if self.on(Rule::HybridWishesOfSeveral) { self.quorum.one_honest() } else { 1 };
        let Some(term) = self.ballots.wished_by(needed).filter(|term| *term > self.term) else { return };
        self.adopt(term, out);
        self.wished = self.wished.max(term);
        self.say_wishes(out);
        self.cast_vote(now, out);
    }

    /// Takes part in no term before this one any more.
    fn adopt(&mut self, term: Term, out: &mut Effects) {
        let from = std::mem::replace(&mut self.term, term);
        (self.active, self.rooted, self.has_news) = (false, false, false);
        self.tally.clear();
        self.unsent.clear();
        self.told = (None, None);
        self.fetching = None;
        self.pool.undo_all();
        self.timers.left_term();
        self.persist.number();
        out.note(|| Event::TermAdopted { from, to: term }.into());
    }

    /// Its one vote of the term. That it has left all terms before is durable before the vote leaves: a replica that
    /// forgot it could acknowledge there what its vote does not show.
    pub(super) fn cast_vote(&mut self, now: Now, out: &mut Effects) {
        let (Some(signer), Some(leader)) = (self.signer.clone(), self.leader()) else { return };
        if self.active || self.is_silent() {
            return;
        }
        let shows = self.on(Rule::HybridVoteShowsCertificate);
        let prepared = self.prepared.clone().filter(|prepared| shows && prepared.mark.term < self.term);
        let mut vote = Vote { term: self.term, by: self.id, prepared, signature: Signature([0; 64]) };
        vote.signature = signer.sign(&vote.statement(&self.domain));
        let vote = Arc::new(vote);
        if leader == self.id {
            self.count_vote(now, vote, out);
        } else {
            out.send(leader, Message::Vote(vote), self.promise_of(Rule::HybridPersistBeforeVote));
        }
    }

    pub(super) fn on_vote(&mut self, now: Now, from: NodeId, vote: &Arc<Vote>, out: &mut Effects) {
        if vote.by != from || !vote.is_well_formed(&self.quorum) {
            return self.ignore(from, Ignored::Malformed, out);
        }
        if vote.term < self.term || (vote.term == self.term && self.active) || self.is_silent() {
            return self.ignore(from, Ignored::OldTerm, out);
        }
        self.count_vote(now, Arc::clone(vote), out);
    }

    /// A quorum has voted for the term whose turn is this replica's.
    fn count_vote(&mut self, now: Now, vote: Arc<Vote>, out: &mut Effects) {
        let (term, from, voters) = (vote.term, vote.by, self.quorum.voters().len());
        let Some(place) = self.place_of(from) else { return };
        self.ballots.vote(place, voters, vote);
        let of = |vote: &&Arc<Vote>| vote.term == term;
        let count = self.quorum.distinct(self.ballots.votes.iter().flatten().filter(of).map(|vote| vote.by));
        let needed = self.quorum.needed();
        out.note(|| Event::VoteCounted { term, from, count, needed }.into());
        if count < needed || self.leader_of(term) != Some(self.id) || term < self.term {
            return;
        }
        let mut votes: Vec<_> = self.ballots.votes.iter().flatten().filter(of).cloned().collect();
        votes.truncate(needed as usize);
        let lead = Arc::new(Lead { term, votes });
        self.enter(now, &lead, out);
        self.broadcast(&Message::Lead(lead), self.persist.promise(), out);
    }

    /// The leader's first message, whoever brings it: a quorum has voted for this term.
    pub(super) fn on_lead(&mut self, now: Now, from: NodeId, lead: &Arc<Lead>, out: &mut Effects) {
        if lead.term < self.term || (lead.term == self.term && self.active) || self.is_silent() {
            return self.ignore(from, Ignored::OldTerm, out);
        }
        if !lead.is_enough(&self.quorum) {
            return self.ignore(from, Ignored::Malformed, out);
        }
        self.enter(now, lead, out);
    }

    fn enter(&mut self, now: Now, lead: &Arc<Lead>, out: &mut Effects) {
        if lead.term > self.term {
            self.adopt(lead.term, out);
        }
        (self.active, self.rooted) = (true, false);
        self.lead = Some(Arc::clone(lead));
        self.persist.hard().lead = Some(Arc::clone(lead));
        self.timers.entered_term();
        let start = lead.start().cloned();
        let (term, leader) = (self.term, self.leader().unwrap_or(self.id));
        let goes_on = start.as_ref().map(|start| (start.mark.term, start.mark.sequence));
        out.note(|| Event::TermEntered { term, leader, goes_on }.into());
        if let Some(start) = start {
            self.adopt_prepared(start, out);
        }
        self.root(now, out);
    }

    /// Makes its history the one that the term goes on from: what is above the highest certificate is truncated, and
    /// nothing else.
    pub(super) fn root(&mut self, now: Now, out: &mut Effects) {
        if !self.active || self.rooted || self.is_silent() {
            return;
        }
        let Some(start) = self.start().filter(|start| start.sequence > self.committed) else {
            self.truncate(self.committed.0);
            return self.rooted(now);
        };
        if self.chain.contains(&start) {
            self.truncate(start.sequence.0);
            return self.rooted(now);
        }
        match self.chain.path(start.hash, self.committed).filter(|path| self.continues(path)) {
            Some(path) => {
                self.go_on_with(&path);
                self.rooted(now);
            }
            None => {
                self.fetching = Some(start.hash);
                self.fetch_links(out);
            }
        }
    }

    fn rooted(&mut self, now: Now) {
        (self.rooted, self.fetching) = (true, None);
        self.has_news = self.leads();
        self.persist.number();
        self.timers.hurry(now, &self.config.settings);
    }

    /// Whether these links continue what is committed here.
    pub(super) fn continues(&self, path: &[Arc<Link>]) -> bool {
        path.first().is_some_and(|first| self.chain.hash_at(self.committed) == Some(first.previous()))
    }

    /// Puts these links, which continue what is committed, in the place of whatever else is there.
    pub(super) fn go_on_with(&mut self, path: &[Arc<Link>]) {
        let known = |link: &&Arc<Link>| self.chain.hash_at(link.sequence()) == Some(link.hash());
        let same = path.iter().take_while(known).count();
        let Some(first) = path.get(same) else { return };
        if first.sequence() <= self.chain.last() {
            if let Some(accepted) = &mut self.accepted
                && accepted.term == self.term
                && accepted.sequence >= first.sequence()
            {
                // It has acknowledged another history in this term: it acknowledges nothing more in it.
                (accepted.sequence, accepted.hash) = (Sequence::MAX, Hash256::ZERO);
            }
            self.truncate(first.sequence().0 - 1);
        }
        for link in path.iter().skip(same) {
            if self.chain.push(Arc::clone(link)) {
                self.persist.hard().links.push(Arc::clone(link));
            }
        }
    }

    /// Asks for the links that lead to the history that this term goes on from: whoever has acknowledged it has them.
    pub(super) fn fetch_links(&self, out: &mut Effects) {
        if let Some(hash) = self.fetching {
            self.broadcast(&Message::FetchLinks { hash, after: self.committed }, None, out);
        }
    }

    pub(super) fn on_links(&mut self, now: Now, from: NodeId, links: &[Arc<Link>], out: &mut Effects) {
        let leads_there = |hash| links.last().is_some_and(|last| last.hash() == hash);
        let linked = links
            .windows(2)
            .all(|pair| pair[1].previous() == pair[0].hash() && pair[1].sequence() == pair[0].sequence().next());
        // What this replica has committed since it asked is not needed again.
        let rest: Vec<Arc<Link>> = links.iter().filter(|link| link.sequence() > self.committed).cloned().collect();
        let follows = rest.first().is_some_and(|first| first.sequence() == self.committed.next());
        if !self.fetching.is_some_and(leads_there) || !linked || !follows || !self.continues(&rest) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        self.go_on_with(&rest);
        self.root(now, out);
    }
}
