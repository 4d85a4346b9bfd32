//! What does a replica do about those who lie?
//!
//! It listens to what it has verified, and what convicts somebody is passed on and
//! ordered like a request ([`evidence`](crate::bft::evidence)): each replica that holds it
//! proposes it when its turn comes. A replica that is convicted keeps its vote
//! and its turns: who is in the instance does not change within it, and a leader
//! that does nothing costs a view, whoever it is.

use super::{Config, Effects, HotStuff, Message, Timeout};
use crate::bft::evidence::{Accuser, said_in_hotstuff};
use crate::rules::Rules;
use crate::types::{NodeId, Now};

pub(super) fn accuser<R: Rules>(config: &Config<R>, me: NodeId) -> Accuser {
    let settings = &config.settings;
    let longest = settings.pool.request_bytes;
    Accuser::new(settings.evidence && config.rules.all_on(), me, &[config.domain()], longest, settings.max_view_timeout)
}

impl<R: Rules> HotStuff<R> {
    /// Hears the words of a message, as far as they are verified: what is known already is not.
    pub(super) fn listen(&mut self, from: NodeId, message: &Message) {
        if !self.accuser.is_on() {
            return;
        }
        let is_verified = match message {
            Message::Vote(vote) => self.wants_vote(vote),
            Message::Certificate(certificate) => certificate.view > self.high.view,
            Message::TimeoutCertificate(proof) => proof.view >= self.view,
            Message::Timeout(timeout) if timeout.vote.as_ref().is_some_and(|vote| !self.wants_vote(vote)) => {
                let rest = Message::Timeout(Box::new(Timeout { vote: None, ..(**timeout).clone() }));
                return self.accuser.listen(0, |mut take| said_in_hotstuff(&rest, from, &mut take));
            }
            Message::Timeout(_) => true,
            Message::Proposal(proposal) => {
                self.accuser.show(0, &proposal.block);
                true
            }
            Message::Blocks(_)
            | Message::Fetch(_)
            | Message::Checkpoint(_)
            | Message::Stable(_)
            | Message::FetchChunk(_)
            | Message::Chunk(_)
            | Message::Evidence(_)
            | Message::Later { .. }
            | Message::Epoch(_) => false,
        };
        if is_verified {
            self.accuser.listen(0, |mut take| said_in_hotstuff(message, from, &mut take));
        }
    }

    /// Passes evidence on and asks for its decision, where it is time.
    pub(super) fn accuse(&mut self, now: Now, out: &mut Effects) {
        let said = self.accuser.due(now.mono, self.signer.as_deref(), out);
        for (evidence, request) in said {
            self.broadcast(&Message::Evidence(evidence), None, out);
            self.pool.take_in(now.mono, vec![request], out);
        }
    }
}
