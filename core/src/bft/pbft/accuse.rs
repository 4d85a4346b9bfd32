//! What does a replica do about those who lie?
//!
//! It listens to what it has verified, and what convicts somebody is passed on and
//! ordered like a request ([`evidence`](crate::bft::evidence)). A replica that is convicted keeps
//! its vote and its turns: who is in the instance does not change within it, and
//! a primary that does nothing is left as every other one is.

use super::{Config, Effects, Message, Pbft};
use crate::bft::evidence::{Accuser, said_in_pbft};
use crate::rules::Rules;
use crate::types::{NodeId, Now};

pub(super) fn accuser<R: Rules>(config: &Config<R>, me: NodeId) -> Accuser {
    let settings = &config.settings;
    let (longest, pause) = (settings.limits.request_bytes, settings.request_timeout.0);
    Accuser::new(settings.evidence && config.rules.all_on(), me, &[settings.domain()], longest, pause)
}

impl<R: Rules> Pbft<R> {
    /// Hears the words of a message that is verified.
    pub(super) fn listen(&mut self, from: NodeId, message: &Message) {
        let quorum = &self.quorum;
        self.accuser.listen(0, |mut take| said_in_pbft(message, from, quorum, &mut take));
    }

    /// Passes evidence on and asks for its decision, where it is time.
    pub(super) fn accuse(&mut self, now: Now, out: &mut Effects) {
        let said = self.accuser.due(now.mono, self.signer.as_deref(), out);
        for (evidence, request) in said {
            self.broadcast(&Message::Evidence(evidence), None, out);
            self.on_requests(now, vec![request], out);
        }
    }
}
