//! What is done with what peers say?
//!
//! It is told apart by its era, and handed to the protocol of its phase or to
//! what makes the phases change.

use std::cmp::Ordering;

use super::config::MAX_ERA;
use super::{Effects, Hybrid, Message, rounds};
use crate::bft::pbft;
use crate::protocol::Input;
use crate::rules::Rules;
use crate::types::{NodeId, Now};

impl<R: Rules> Hybrid<R> {
    pub(super) fn receive(&mut self, now: Now, from: NodeId, message: Message, out: &mut Effects) {
        if (self.place_of(from).is_none() && !self.is_part_of_root(from, &message)) || from == self.id {
            return;
        }
        let (era, message) = match message {
            Message::Later { era, message } => (era, *message),
            message => (0, message),
        };
        match era.cmp(&self.era) {
            Ordering::Less => self.show_era(now, from, out),
            Ordering::Equal => self.receive_now(now, from, message, out),
            Ordering::Greater if era <= MAX_ERA => self.on_later(now, from, era, message, out),
            Ordering::Greater => self.suspect(from, now),
        }
    }

    /// A message of its own era.
    fn receive_now(&mut self, now: Now, from: NodeId, message: Message, out: &mut Effects) {
        self.listen(from, &message);
        match message {
            Message::Rounds(message) => {
                let asks = matches!(
                    message,
                    rounds::Message::Standing(_) | rounds::Message::FetchLinks { .. } | rounds::Message::FetchChunk(_)
                );
                if asks || self.bft.is_none() {
                    self.step_rounds(now, Input::Receive { from, message }, out);
                }
            }
            Message::Opening(message) if self.is_admissible(&message) => {
                self.step_opening(now, Input::Receive { from, message }, out);
            }
            // What no honest replica of that instance says is a sign. That more than one place is used is none: its
            // primary goes on to the next request before anybody can tell it that the first one was all.
            Message::Opening(message) if self.is_of_statements(&message) => {}
            Message::Opening(_) | Message::Later { .. } => self.suspect(from, now),
            // For whoever runs one epoch after another.
            Message::InEpoch { .. } | Message::Epoch(_) => {}
            Message::Bft(pbft::Message::Stable(stable)) if self.bft.is_none() => {
                if stable.proof.is_proven(&self.quorum) {
                    self.rescue = Some((from, stable));
                }
            }
            Message::Bft(message) => self.step_bft(now, Input::Receive { from, message }, out),
            Message::Alarms(alarms) => self.on_alarms(&alarms),
            Message::Stop(stop) => self.on_stop(&stop),
            Message::Opened(decided) => self.on_opened(now, *decided, out),
            Message::Where(phase) => self.on_where(now, from, phase, out),
            Message::Calm(words) => self.on_calm(&words),
            Message::Root(said) => self.on_root(now, from, *said),
            Message::Evidence(evidence) => self.on_evidence(now, from, evidence, out),
        }
    }
}
