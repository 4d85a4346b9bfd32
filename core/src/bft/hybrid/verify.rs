//! What has to be verified before anything is handed in?
//!
//! Each message in the domain of the instance that it names, also where that is
//! of another era than the replica's own; and in what replicas ask for like
//! clients the words that it rests on. Nothing is looked into before its
//! signatures hold, so what a batch means is alike at all who accept it.

use std::sync::Arc;

use super::message::{self, Message};
use super::{Hybrid, leave, switch};
use crate::bft::{Bundle, pbft};
use crate::crypto::{Claim, Family, Identity};
use crate::rules::Rules;
use crate::types::NodeId;

impl<R: Rules> Hybrid<R> {
    /// What has to hold before a message is handed in: [`Protocol::claims`](crate::protocol::Protocol::claims).
    pub fn claims(&self, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        match message {
            Message::Later { era, message } => self.claims_in(*era, from, message, claims),
            message => self.claims_in(0, from, message, claims),
        }
    }

    fn claims_in(&self, era: u64, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        let rounds = self.config.domain(era, 0, Family::Hybrid);
        match message {
            Message::Rounds(message) => message.claims(&rounds, from, claims),
            Message::Opening(message) => self.opening_claims(era, from, message, claims),
            Message::Bft(message) => {
                message.claims(&self.config.domain(era, 2, Family::Pbft), &self.quorum, from, claims);
                bundles(message).iter().for_each(|bundle| self.words(era, bundle, claims));
            }
            Message::Alarms(alarms) => claims.extend(alarms.iter().map(|(by, signature)| Claim {
                by: Identity::Node(*by),
                statement: message::alarm(&rounds),
                signature: *signature,
            })),
            Message::Stop(stop) => stop.claims(&rounds, claims),
            Message::Opened(decided) => {
                self.opening_claims(era, from, &pbft::Message::Committed(decided.clone()), claims);
            }
            Message::Calm(words) => leave::claims(words, &self.config.domain(era, 2, Family::Hybrid), claims),
            Message::Root(said) => {
                let statement = said.0.statement(&self.config.domain(era.saturating_add(1), 0, Family::Hybrid));
                claims.push(Claim { by: Identity::Node(from), statement, signature: said.1 });
            }
            Message::Evidence(evidence) if self.accuser.is_moot(evidence) => {}
            Message::Evidence(evidence) => claims.extend(evidence.claims(rounds.cluster)),
            // One within another is handed in by nobody: it is a sign.
            Message::Where(_) | Message::Later { .. } | Message::InEpoch { .. } | Message::Epoch(_) => {}
        }
    }

    /// Also those of the stop statements that requests hold.
    fn opening_claims(&self, era: u64, from: NodeId, message: &pbft::Message, claims: &mut Vec<Claim>) {
        message.claims(&self.config.domain(era, 1, Family::Pbft), &self.quorum, from, claims);
        let rounds = self.config.domain(era, 0, Family::Hybrid);
        for stop in bundles(message).iter().filter_map(|bundle| switch::decode(bundle)).flatten() {
            stop.claims(&rounds, claims);
        }
    }

    /// Those of the words on which a replica asks for the end of PBFT.
    fn words(&self, era: u64, bundle: &Bundle, claims: &mut Vec<Claim>) {
        if let Some(words) = leave::decode(bundle) {
            leave::claims(&words, &self.config.domain(era, 2, Family::Hybrid), claims);
        }
    }

    /// What has to hold before requests are handed in.
    pub fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        bundle.claims(self.config.settings.bft.cluster, claims);
        self.words(self.era, bundle, claims);
    }
}

/// The requests in a message.
fn bundles(message: &pbft::Message) -> &[Arc<Bundle>] {
    match message {
        pbft::Message::Requests(relayed) => &relayed.bundles,
        pbft::Message::PrePrepare(said) => said.value.batch().bundles(),
        pbft::Message::Committed(committed) => committed.value.batch().bundles(),
        pbft::Message::Body(_, value) => value.batch().bundles(),
        pbft::Message::Prepare(_)
        | pbft::Message::Commit(_)
        | pbft::Message::Checkpoint(_)
        | pbft::Message::ViewChange(_)
        | pbft::Message::NewView(_)
        | pbft::Message::Standing(_)
        | pbft::Message::Stable(_)
        | pbft::Message::FetchValues(_)
        | pbft::Message::FetchChunk(_)
        | pbft::Message::Chunk(_)
        | pbft::Message::Evidence(_)
        | pbft::Message::Later { .. }
        | pbft::Message::Epoch(_) => &[],
    }
}
