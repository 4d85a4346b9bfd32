//! How does a replica end its part in an instance, for good?
//!
//! From the moment at which it decides to stop it acknowledges, votes and leads
//! no more, also after a restart: what it says it holds is all that it will ever
//! have helped to commit. It goes on to answer those who ask for links and
//! states, and to apply what is committed.

use std::sync::Arc;

use super::event::Event;
use super::{Effects, Rounds};
use crate::bft::hybrid::history::Stop;
use crate::crypto::Signature;
use crate::rules::Rules;
use crate::types::Now;

impl<R: Rules> Rounds<R> {
    /// Stops; what it says then is [`Rounds::statement`], once the write of this step is durable.
    pub fn stop(&mut self, now: Now, out: &mut Effects) {
        if self.stopped || self.signer.is_none() {
            return;
        }
        self.stopped = true;
        self.has_news = false;
        self.statement = self.make_statement();
        self.persist.hard().statement = self.statement.clone();
        let prepared = self.prepared.as_ref().map(|prepared| prepared.mark.rank());
        out.note(|| Event::Stopped { prepared }.into());
        self.follow_up(now, out);
    }

    /// Whether it has stopped.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// What it holds, under its signature, once it has stopped and the write of that is durable. It says it in these
    /// words for ever: two different statements of one replica would convict it.
    #[must_use]
    pub fn statement(&self) -> Option<Arc<Stop>> {
        self.statement.clone()
    }

    fn make_statement(&self) -> Option<Arc<Stop>> {
        let signer = self.signer.as_ref()?;
        let (stable, prepared) = (self.stable.clone(), self.prepared.clone());
        let mut stop = Stop { replica: self.id, stable, prepared, signature: Signature([0; 64]) };
        stop.signature = signer.sign(&stop.statement(&self.domain));
        Some(Arc::new(stop))
    }
}
