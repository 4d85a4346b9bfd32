//! How does a replica notice that somebody contradicts itself?
//!
//! It remembers what each peer has said of late and holds every new word
//! against that. Bounded: of each peer so many words, the newest, and its last
//! view change (in the hybrid: vote and stop statement) and timeout; of the blocks that were proposed so many headers.
//! Who floods displaces its own words alone. A peer is found out once.
//!
//! Whoever calls hands in words that are verified ([`said_in_pbft`],
//! [`said_in_hotstuff`]); a word that is not could take the place of one that
//! is, and evidence with it would convict nobody.
//!
//! [`said_in_pbft`]: super::said_in_pbft
//! [`said_in_hotstuff`]: super::said_in_hotstuff

use std::collections::VecDeque;

use litemap::LiteMap;

use super::offence::{self, subject};
use super::word::{Signed, Word};
use super::{Evidence, offence::acknowledged, offence::began, offence::block};
use crate::bft::hotstuff::Header;
use crate::crypto::{Domain, Hash256};
use crate::types::{NodeId, Sequence, Term};

/// What all peers have said of late, in one domain.
#[derive(Clone, Debug)]
pub struct Watch {
    domain: Domain,
    /// Most words of a peer, and most headers.
    capacity: usize,
    peers: LiteMap<NodeId, Peer>,
    /// Headers of proposed blocks, by view.
    headers: Vec<(Term, Hash256, Header)>,
}

/// What one peer has said.
#[derive(Clone, Debug, Default)]
struct Peer {
    /// By what they are about, the newest last.
    said: VecDeque<(About, Signed)>,
    /// Its view change to the highest view; in the two rounds its vote of the highest term.
    left: Option<Signed>,
    /// The first statement with which it has stopped.
    stopped: Option<Signed>,
    /// Its timeout of the highest view.
    gave_up: Option<Signed>,
    is_found_out: bool,
}

/// Two words about one thing may contradict each other.
type About = (Term, Sequence);

/// What a short word is about.
fn about(word: &Word) -> Option<About> {
    let of_value = subject(word).map(|subject| (subject.view, subject.sequence));
    let of_view = || block(word).map(|block| (block.view, Sequence(0)));
    let of_begin = || began(word).map(|(view, _)| (view, Sequence(0)));
    let of_place = || acknowledged(word).map(|mark| mark.rank());
    of_value.or_else(of_view).or_else(of_begin).or_else(of_place)
}

impl Watch {
    /// Watches over words of this domain.
    #[must_use]
    pub fn new(domain: Domain, capacity: usize) -> Self {
        Self { domain, capacity, peers: LiteMap::new(), headers: Vec::new() }
    }

    /// Takes a verified word. Returns the evidence where it convicts `by`, once.
    pub fn hear(&mut self, by: NodeId, signed: Signed) -> Option<Evidence> {
        if self.peers.get(&by).is_none() {
            self.peers.insert(by, Peer::default());
        }
        let peer = self.peers.get_mut(&by).filter(|peer| !peer.is_found_out)?;
        let found = peer.contradiction(&signed, &self.headers);
        let Some((one, other)) = found else {
            peer.keep(signed, self.capacity);
            return None;
        };
        *peer = Peer { is_found_out: true, ..Peer::default() };
        Evidence::of(by, &self.domain, one, other)
    }

    /// Takes the header of a block that was proposed, before the votes for it: that somebody has voted for it and kept
    /// its parent's certificate back later shows only with it.
    pub fn show(&mut self, header: Header) {
        let hash = header.hash();
        self.show_as(hash, header);
    }

    /// The same where the block's hash is known.
    pub(super) fn show_as(&mut self, hash: Hash256, header: Header) {
        let key = (header.view, hash);
        let place = self.headers.partition_point(|(view, hash, _)| (*view, *hash) < key);
        if self.headers.get(place).is_some_and(|(view, hash, _)| (*view, *hash) == key) {
            return;
        }
        self.headers.insert(place, (key.0, key.1, header));
        if self.headers.len() > self.capacity {
            self.headers.remove(0);
        }
    }

    /// How many words it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        let others = |peer: &Peer| [&peer.left, &peer.stopped, &peer.gave_up].into_iter().flatten().count();
        let kept = |peer: &Peer| peer.said.len() + others(peer);
        self.peers.iter().map(|(_, peer)| kept(peer)).sum()
    }

    /// Whether it remembers none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Peer {
    /// The words that convict, of which `new` is one.
    fn contradiction(&self, new: &Signed, headers: &[(Term, Hash256, Header)]) -> Option<(Signed, Option<Signed>)> {
        if offence::alone(&new.word).is_some() {
            return Some((new.clone(), None));
        }
        let against = |known: &Signed| offence::together(&known.word, &new.word).is_some();
        let pair = |known: &Signed| (known.clone(), Some(new.clone()));
        let voted_for = |vote: &Signed| with_header(vote, headers);
        match &new.word {
            // All commits of earlier views count.
            Word::ViewChange(_) | Word::VotedIn { .. } | Word::Stopped { .. } => {
                let said = self.said.iter().map(|(_, known)| known);
                said.chain(&self.stopped).find(|known| against(known)).map(pair)
            }
            Word::Timeout { .. } => {
                let votes = self.said.iter().filter_map(|(_, known)| voted_for(known));
                votes.into_iter().find(against).map(|vote| pair(&vote))
            }
            Word::PrePrepare(_)
            | Word::Prepare(_)
            | Word::Commit(_)
            | Word::NewView(_)
            | Word::Began { .. }
            | Word::Proposal(_)
            | Word::Vote(_)
            | Word::VoteFor(_)
            | Word::Acknowledged { .. } => {
                let beside = self.beside(about(&new.word)?).map(|(_, known)| known);
                let found = beside.chain(&self.left).chain(&self.stopped).find(|known| against(known)).map(pair);
                let hidden = || {
                    let (vote, timeout) = (voted_for(new)?, self.gave_up.as_ref()?);
                    offence::together(&vote.word, &timeout.word)?;
                    Some((vote, Some(timeout.clone())))
                };
                found.or_else(hidden)
            }
        }
    }

    /// What it has said of this.
    fn beside(&self, of: About) -> impl Iterator<Item = &(About, Signed)> {
        let first = self.said.partition_point(|(known, _)| *known < of);
        self.said.range(first..).take_while(move |(known, _)| *known == of)
    }

    fn keep(&mut self, new: Signed, capacity: usize) {
        match &new.word {
            Word::ViewChange(left) => {
                let view = |known: &Signed| if let Word::ViewChange(left) = &known.word { left.view } else { Term(0) };
                if self.left.as_ref().is_none_or(|known| view(known) <= left.view) {
                    self.left = Some(new);
                }
            }
            Word::Timeout { view, .. } => {
                let of = |known: &Signed| if let Word::Timeout { view, .. } = known.word { view } else { Term(0) };
                if self.gave_up.as_ref().is_none_or(|known| of(known) <= *view) {
                    self.gave_up = Some(new);
                }
            }
            Word::VotedIn { term, .. } => {
                let of = |known: &Signed| if let Word::VotedIn { term, .. } = known.word { term } else { Term(0) };
                if self.left.as_ref().is_none_or(|known| of(known) <= *term) {
                    self.left = Some(new);
                }
            }
            Word::Stopped { .. } => drop(self.stopped.get_or_insert(new)),
            Word::PrePrepare(_)
            | Word::Prepare(_)
            | Word::Commit(_)
            | Word::NewView(_)
            | Word::Began { .. }
            | Word::Proposal(_)
            | Word::Vote(_)
            | Word::VoteFor(_)
            | Word::Acknowledged { .. } => self.keep_short(new, capacity),
        }
    }

    fn keep_short(&mut self, new: Signed, capacity: usize) {
        let Some(of) = about(&new.word) else { return };
        if self.beside(of).any(|(_, known)| known.word == new.word) {
            return;
        }
        let place = self.said.partition_point(|(known, _)| *known <= of);
        self.said.insert(place, (of, new));
        if self.said.len() > capacity {
            self.said.pop_front();
        }
    }
}

/// The long form of a vote, where its block is known.
fn with_header(vote: &Signed, headers: &[(Term, Hash256, Header)]) -> Option<Signed> {
    let Word::Vote(block) = &vote.word else { return None };
    let at = headers.binary_search_by(|(view, hash, _)| (*view, *hash).cmp(&(block.view, block.block))).ok()?;
    let (_, _, header) = headers.get(at)?;
    Some(Signed { word: Word::VoteFor(Box::new(header.clone())), signature: vote.signature })
}
