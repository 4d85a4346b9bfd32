//! How does PBFT end, so that the two rounds can go on from it?
//!
//! **Who asks.** A replica whose threat level was below *high* for the dwell time,
//! by its own clock, says so under its signature. With such words of a *quorum* a
//! replica asks for the end like a client, under its own key: the words are the
//! request. A quorum and not f+1: then more honest replicas are calm than could
//! be alarmed without ending the rounds again at once, so f liars and one replica
//! that nobody has troubled do not bring the others back into a threat. f liars
//! alone can neither end PBFT nor keep it, unless they openly give cause for
//! threat; then it is meant to go on, and whoever of them is convicted counts no
//! more. A word says what was felt when it was said. It may be old when the
//! others follow, and then the rounds are short; the dwell time doubles.
//!
//! **Where.** k is the place of the first such request in PBFT's order: alike at all
//! honest replicas, whatever they feel by then. Nothing is executed after it. What
//! is ordered there is void, and what waits goes along to the rounds.
//!
//! **With what.** At k each replica makes its state, whatever the checkpoint interval,
//! and signs it as a checkpoint of the *next two rounds*, the chain hash made of
//! the checkpoint itself; and never as one of PBFT, or a replica that takes the
//! state from that would not know that it is the last. A quorum's words are at once the proof that PBFT has
//! ended and the stable checkpoint that the rounds begin with: whoever sees them
//! needs nothing of any instance before (`era`). That PBFT has ended is written
//! with the execution of k, before anything follows from it.

use std::sync::Arc;

use super::config::MAX_ERA;
use super::era::Ahead;
use super::message::{Message, Phase, calm};
use super::rounds::{Sealed, Stable};
use super::{Effects, Hybrid};
use crate::bft::evidence::decided;
use crate::bft::pbft::{self, Value};
use crate::bft::{Bundle, Certificate, Checkpoint, StableCheckpoint, request};
use crate::crypto::{Claim, Domain, Family, Hash256, Identity, Signature};
use crate::entry::{Class, Proposal, Tags};
use crate::protocol::Input;
use crate::quorum::Byzantine;
use crate::rules::{Rule, Rules};
use crate::types::{Mono, NodeId, Now, RequestNumber};

/// Words of calm replicas in a bundle, whatever they prove.
pub(super) fn decode(bundle: &Bundle) -> Option<Vec<(NodeId, Signature)>> {
    let [proposal] = bundle.proposals() else { return None };
    let asks = is_of_a_node(bundle) && !decided::is_marked(&proposal.payload);
    asks.then(|| postcard::from_bytes(&proposal.payload).ok())?
}

/// Whether a replica asks in it, and no client.
pub(super) fn is_of_a_node(bundle: &Bundle) -> bool {
    request::is_node(bundle.client())
}

/// Whether the value ends PBFT: it holds words of a quorum. Their signatures are verified before it is accepted.
fn ends(value: &Value, quorum: &Byzantine) -> bool {
    let is_enough = |words: Vec<(NodeId, Signature)>| {
        words.is_sorted_by(|a, b| a.0 < b.0) && quorum.is_quorum(words.iter().map(|(voter, _)| *voter))
    };
    value.batch().bundles().iter().filter_map(|bundle| decode(bundle)).any(is_enough)
}

/// The same, where one voter's word is enough; for the laboratory alone.
fn ends_on_one_word(value: &Value, quorum: &Byzantine) -> bool {
    let is_enough = |words: Vec<(NodeId, Signature)>| words.iter().any(|(voter, _)| quorum.is_voter(*voter));
    value.batch().bundles().iter().filter_map(|bundle| decode(bundle)).any(is_enough)
}

/// What the words claim.
pub(super) fn claims(words: &[(NodeId, Signature)], domain: &Domain, claims: &mut Vec<Claim>) {
    let statement = calm(domain);
    let of = |(by, signature): &(NodeId, Signature)| Claim {
        by: Identity::Node(*by),
        statement: statement.clone(),
        signature: *signature,
    };
    claims.extend(words.iter().map(of));
}

/// The checkpoint that an era's rounds begin with, with the hash that their chain begins with.
#[must_use]
pub fn root(checkpoint: Checkpoint, domain: &Domain) -> Sealed {
    Sealed { checkpoint, chain: Hash256::of(checkpoint.statement(domain).bytes()) }
}

impl<R: Rules> Hybrid<R> {
    pub(super) fn ending(&self) -> pbft::Ending {
        if self.on(Rule::HybridLeaveOnWordsOfQuorum) { ends } else { ends_on_one_word }
    }

    /// Does in PBFT what leads back to the rounds.
    pub(super) fn look_for_return(&mut self, now: Now, out: &mut Effects) {
        self.watch_calm(now, out);
        self.say_root(out);
        self.count_roots(now);
        self.take_next(now, out);
    }

    /// When this replica will have been calm for long enough; `None` where that is no question.
    pub(super) fn calm_at(&self) -> Option<Mono> {
        let has_ended = self.bft.as_ref()?.ended().is_some();
        let has_said = self.calm.get(self.place_of(self.id)?).is_some_and(Option::is_some);
        let settings = &self.config.settings.threat;
        let dwell =
            settings.dwell_after(self.era.saturating_sub(self.config.first_era()), self.on(Rule::HybridDwellDoubles));
        let is_open = self.has_open_case();
        (!has_ended && !has_said && !is_open && self.era < MAX_ERA).then(|| self.calm_since + dwell)
    }

    fn watch_calm(&mut self, now: Now, out: &mut Effects) {
        let (Some(signer), Some(place)) = (self.signer.clone(), self.place_of(self.id)) else { return };
        self.calm_since = self.monitor.calm_from().map_or(self.calm_since, |calm| self.calm_since.max(calm));
        if self.calm_since > now.mono {
            self.calm[place] = None;
        }
        if self.calm_at().is_some_and(|at| at <= now.mono) {
            self.calm[place] = Some(signer.sign(&calm(&self.config.domain(self.era, 2, Family::Hybrid))));
            self.say_calm(out);
        }
        if !self.has_asked_to_leave {
            self.ask_to_leave(now, out);
        }
    }

    /// Tells who is calm, as far as it has heard.
    pub(super) fn say_calm(&self, out: &mut Effects) {
        let known = self.quorum.voters().iter().zip(&self.calm);
        let list: Vec<(NodeId, Signature)> = known.filter_map(|(voter, said)| Some((*voter, (*said)?))).collect();
        if !list.is_empty() && self.bft.as_ref().is_some_and(|bft| bft.ended().is_none()) {
            self.broadcast(&Message::Calm(list), None, out);
        }
    }

    pub(super) fn on_calm(&mut self, words: &[(NodeId, Signature)]) {
        for (by, signature) in words {
            if let Some(place) = self.place_of(*by).filter(|_| *by != self.id) {
                self.calm[place] = Some(*signature);
            }
        }
    }

    /// Asks for the end, as a client, with the words of a quorum.
    pub(super) fn ask_to_leave(&mut self, now: Now, out: &mut Effects) {
        let Some(signer) = self.signer.clone() else { return };
        if self.bft.as_ref().is_none_or(|bft| bft.ended().is_some()) {
            return;
        }
        let needed = if self.on(Rule::HybridLeaveOnWordsOfQuorum) { self.quorum.needed() as usize } else { 1 };
        let known = self.quorum.voters().iter().zip(&self.calm);
        let mut words: Vec<(NodeId, Signature)> = known.filter_map(|(voter, said)| Some((*voter, (*said)?))).collect();
        words.truncate(needed);
        let Some(payload) = postcard::to_allocvec(&words).ok().filter(|_| words.len() == needed) else { return };
        let (client, number) = (request::client_of(self.id), RequestNumber(self.era + 1));
        let proposal = Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload: payload.into() };
        let cluster = self.config.settings.bft.cluster;
        let bundle = Bundle::signed(cluster, core::iter::once(proposal).collect(), &*signer);
        self.has_asked_to_leave = true;
        self.step_bft(now, Input::Requests(vec![Arc::new(bundle)]), out);
    }

    /// PBFT has ended here: with this state.
    fn say_root(&mut self, out: &mut Effects) {
        let (Some(signer), Some(place)) = (self.signer.clone(), self.place_of(self.id)) else { return };
        let Some((checkpoint, _)) = self.bft.as_ref().and_then(|bft| bft.final_state()) else { return };
        if self.roots[place].is_none() {
            let domain = self.config.domain(self.era + 1, 0, Family::Hybrid);
            let sealed = root(checkpoint, &domain);
            self.roots[place] = Some((sealed, signer.sign(&sealed.statement(&domain))));
            self.say_root_again(out);
        }
    }

    pub(super) fn say_root_again(&self, out: &mut Effects) {
        if let Some(own) = self.place_of(self.id).and_then(|place| self.roots[place]) {
            self.broadcast(&Message::Root(Box::new(own)), None, out);
        }
    }

    /// A replica's first word counts; whoever says more displaces nobody's.
    pub(super) fn on_root(&mut self, now: Now, from: NodeId, said: (Sealed, Signature)) {
        let is_sound = said.0 == root(said.0.checkpoint, &self.config.domain(self.era + 1, 0, Family::Hybrid));
        match self.place_of(from) {
            Some(place) if is_sound => drop(self.roots[place].get_or_insert(said)),
            Some(_) | None => self.suspect(from, now),
        }
    }

    /// A quorum says the same of the end: the next era begins with it.
    fn count_roots(&mut self, now: Now) {
        let voters = self.quorum.voters();
        let known = || voters.iter().zip(&self.roots).filter_map(|(voter, said)| Some((*voter, (*said)?)));
        let same = |sealed: Sealed| known().filter(move |(_, said)| said.0 == sealed);
        let is_enough = |sealed: &Sealed| {
            let proven = self.quorum.is_quorum(same(*sealed).map(|(voter, _)| voter));
            proven || !self.on(Rule::HybridReturnFromProven)
        };
        let Some(sealed) = known().map(|(_, said)| said.0).find(is_enough) else { return };
        let signatures = same(sealed).map(|(voter, said)| (voter, said.1));
        let certificate = Certificate::of(signatures, self.quorum.needed());
        let Some(from) = certificate.voters().find(|voter| *voter != self.id) else { return };
        let proof = StableCheckpoint { checkpoint: sealed.checkpoint, certificate };
        let stable = Arc::new(Stable { proof, chain: sealed.chain });
        self.look_ahead(now, Ahead { era: self.era + 1, from, stable });
    }

    /// The next era has begun, and this replica has the state: it goes on at once.
    fn take_next(&mut self, now: Now, out: &mut Effects) {
        let Some((checkpoint, snapshot)) = self.bft.as_ref().and_then(|bft| bft.final_state()) else { return };
        let of_own = |next: &&Ahead| next.era == self.era + 1 && next.stable.proof.checkpoint == checkpoint;
        if let Some(Ahead { era, stable, .. }) = self.next.as_ref().filter(of_own).cloned() {
            self.enter(now, era, Some(&stable), Some(snapshot), out);
        }
    }

    /// Whether PBFT has ended here and the next era waits for others.
    pub(super) fn is_leaving(&self) -> bool {
        self.phase() == Phase::Bft && self.bft.as_ref().is_some_and(|bft| bft.ended().is_some())
    }
}
