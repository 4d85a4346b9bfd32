//! How are liars found out, and what becomes of them?
//!
//! A replica listens to all that it has verified: of the two rounds, of the
//! stop statements, of the opening and of PBFT, each in the domain of its
//! instance. Evidence of a lie in this era makes the threat *critical*, ends the
//! two rounds at whoever holds it, and is decided in PBFT: the lie was told in
//! the rounds, and PBFT is where the cluster trusts itself to judge it. Until
//! then nobody is calm.
//!
//! **Evidence of an older era** comes late: from one that slept, or from a liar that
//! shows its own lie to bring the others back into a threat. It ends no rounds;
//! they order it themselves, for what they commit is proven too.
//!
//! **Who is convicted** never leads the rounds from the next era on. The state
//! machine holds the list, so a replica that takes a state gets it as well. A
//! convicted replica keeps its vote, and its signs of lies count no more.

use std::sync::Arc;

use super::message::{Message, Phase};
use super::{Config, Effects, Hybrid, config};
use crate::bft::evidence::{Accuser, Conviction, Evidence, said_in_pbft, said_in_rounds, said_in_stop};
use crate::crypto::{Domain, Family};
use crate::protocol::Input;
use crate::rules::Rules;
use crate::types::{NodeId, Now};

/// Places of the domains in the accuser.
const ROUNDS: usize = 0;
const OPENING: usize = 1;
const BFT: usize = 2;

pub(super) fn accuser<R: Rules>(config: &Config<R>, me: NodeId, era: u64) -> Accuser {
    let settings = &config.settings.bft;
    let (longest, pause) = (settings.limits.request_bytes, settings.request_timeout.0);
    Accuser::new(settings.evidence && config.rules.all_on(), me, &domains(config, era), longest, pause)
}

fn domains<R: Rules>(config: &Config<R>, era: u64) -> [Domain; 3] {
    let families = [(ROUNDS, Family::Hybrid), (OPENING, Family::Pbft), (BFT, Family::Pbft)];
    families.map(|(phase, family)| config.domain(era, phase as u64, family))
}

impl<R: Rules> Hybrid<R> {
    /// Where the words of this era are said.
    pub(super) fn domains(&self) -> [Domain; 3] {
        domains(&self.config, self.era)
    }

    /// Hears the words of a message of this era: all of its signatures are verified.
    pub(super) fn listen(&mut self, from: NodeId, message: &Message) {
        let (accuser, quorum) = (&mut self.accuser, &self.quorum);
        match message {
            Message::Rounds(message) => accuser.listen(ROUNDS, |mut take| said_in_rounds(message, from, &mut take)),
            Message::Stop(stop) => accuser.listen(ROUNDS, |mut take| said_in_stop(stop, &mut take)),
            Message::Opening(message) => {
                accuser.listen(OPENING, |mut take| said_in_pbft(message, from, quorum, &mut take));
            }
            Message::Bft(message) => accuser.listen(BFT, |mut take| said_in_pbft(message, from, quorum, &mut take)),
            Message::Alarms(_)
            | Message::Opened(_)
            | Message::Where(_)
            | Message::Calm(_)
            | Message::Root(_)
            | Message::Evidence(_)
            | Message::Later { .. }
            | Message::InEpoch { .. }
            | Message::Epoch(_) => {}
        }
    }

    pub(super) fn on_evidence(&mut self, now: Now, from: NodeId, evidence: Arc<Evidence>, out: &mut Effects) {
        if !self.accuser.take(from, evidence, out) {
            self.suspect(from, now);
        }
    }

    /// Passes evidence on and asks for its decision, where it is time and anybody decides.
    pub(super) fn accuse(&mut self, now: Now, out: &mut Effects) {
        let said = self.accuser.due(now.mono, self.signer.as_deref(), out);
        if said.is_empty() {
            return;
        }
        if self.has_cause() {
            self.monitor.convict(now.mono);
        }
        for (evidence, request) in said {
            self.broadcast(&Message::Evidence(evidence), None, out);
            match self.phase() {
                Phase::Bft => self.step_bft(now, Input::Requests(vec![request]), out),
                Phase::Rounds if !self.has_cause() => self.step_rounds(now, Input::Requests(vec![request]), out),
                Phase::Rounds | Phase::Stopped | Phase::Opened => {}
            }
        }
    }

    /// Whether it holds evidence of a lie in this era that is not decided.
    pub(super) fn has_cause(&self) -> bool {
        self.accuser.open().any(|conviction| conviction.instance >= config::instance(self.era, 0))
    }

    /// Whether evidence of any era is not decided.
    pub(super) fn has_open_case(&self) -> bool {
        self.accuser.open().next().is_some()
    }

    /// The state machine says who is convicted. What was said in an older era is no new threat.
    pub(super) fn on_convicted(&mut self, now: Now, convictions: &[Conviction], out: &mut Effects) {
        for Conviction { culprit, instance, .. } in self.accuser.decided(convictions, out) {
            let era = config::era_of(instance);
            if era >= self.era {
                self.convict(now, culprit, out);
            } else if self.convicted.iter().all(|(_, known)| *known != culprit) {
                self.convicted.push((era, culprit));
                self.write_numbers(out);
                self.rounds.exclude(&self.excluded());
            }
        }
    }

    /// A replica is convicted: the level is *critical*, and from the next return on it never leads. What is known from
    /// an older era is no new threat.
    pub fn convict(&mut self, now: Now, node: NodeId, out: &mut Effects) {
        let known = self.convicted.iter().find(|(_, known)| *known == node).map(|(era, _)| *era);
        if self.place_of(node).is_none() || known.is_some_and(|era| era < self.era) {
            return;
        }
        if known.is_none() {
            self.convicted.push((self.era, node));
            self.write_numbers(out);
        }
        self.monitor.convict(now.mono);
        self.advance(now, out);
    }
}
