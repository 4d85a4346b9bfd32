//! Clients: they ask, ask all where they hear nothing, and believe f+1 replicas that agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cluster::{Cluster, Happening};
use crate::bft::{Bundle, Replies, Reply};
use crate::crypto::Identity;
use crate::entry::{Class, Proposal, Tags};
use crate::machine::kv::Operation;
use crate::machine::session::Payload;
use crate::protocol::{Input, Outcome, Protocol as _};
use crate::quorum::one_honest;
use crate::types::{ClientId, LogIndex, NodeId, RequestNumber};

/// A request and what its client has heard.
pub(super) struct Asked {
    pub(super) bundle: Arc<Bundle>,
    replies: BTreeMap<u64, Replies>,
    answered: BTreeMap<u64, Reply>,
    pub(super) done_at: Option<u64>,
}

impl Cluster {
    /// A client asks for so many things at once, first the primary of the first view.
    pub(super) fn ask(&mut self, client: u64, numbers: &[u64]) {
        let to = self.config.settings.voters[0];
        self.ask_at(&[to], client, numbers);
    }

    pub(super) fn bundle(&self, client: u64, numbers: &[u64]) -> Arc<Bundle> {
        let proposal = |number: &u64| {
            let key = format!("k{}", number % 5);
            let command = Operation::Set { key, value: format!("{client}.{number}") }.encode();
            let payload = match number {
                1 => Payload::Open.encode(),
                _ => Payload::Command { session: LogIndex(0), acknowledged: RequestNumber(0), command }.encode(),
            };
            let (number, class) = (RequestNumber(*number), Class::Critical);
            Proposal { client: ClientId(client), number, class, tags: Tags::new(), payload }
        };
        let signer = (self.sign)(Identity::Client(ClientId(client)));
        let proposals = numbers.iter().map(proposal).collect();
        Arc::new(Bundle::signed(self.config.settings.cluster, proposals, &*signer))
    }

    pub(super) fn ask_at(&mut self, to: &[NodeId], client: u64, numbers: &[u64]) {
        let bundle = self.bundle(client, numbers);
        let (replies, answered) = (BTreeMap::new(), BTreeMap::new());
        let asked = Asked { bundle: Arc::clone(&bundle), replies, answered, done_at: None };
        self.asked.insert((client, numbers[0]), asked);
        for to in to {
            self.request(*to, &bundle);
        }
        self.after(200_000, Happening::Retries { client, number: numbers[0] });
    }

    pub(super) fn request(&mut self, to: NodeId, bundle: &Arc<Bundle>) {
        if self.nodes[&to].is_down || self.deaf == Some((to, bundle.client())) {
            return;
        }
        let mut claims = Vec::new();
        self.nodes[&to].replica.request_claims(bundle, &mut claims);
        if self.verifier.verify(&claims).is_ok() {
            self.step(to, Input::Requests(vec![Arc::clone(bundle)]));
        }
    }

    /// Whether a client believes that all of this is done.
    pub(super) fn is_done(&self, client: u64, number: u64) -> bool {
        self.asked[&(client, number)].done_at.is_some()
    }

    pub(super) fn all_done(&self) -> bool {
        self.asked.values().all(|asked| asked.done_at.is_some())
    }

    /// What a client believes of a request, with f+1 replicas that agree.
    pub(super) fn believed(&self, client: u64, number: u64) -> Option<&Reply> {
        self.asked.values().find_map(|asked| asked.answered.get(&number).filter(|reply| reply.client.0 == client))
    }

    pub(super) fn answer(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        let Outcome::Replied(reply) = outcome else { return };
        if self.verifier.verify(&[reply.claim(self.config.settings.cluster)]).is_err() {
            return;
        }
        let now = self.now;
        let needed = one_honest(self.config.settings.voters.len() as u32);
        for asked in self.asked.values_mut().filter(|asked| asked.bundle.client() == client) {
            if asked.bundle.proposals().iter().any(|proposal| proposal.number == number) {
                let replies = asked.replies.entry(number.0).or_default();
                if let Some(believed) = replies.take((*reply).clone(), needed) {
                    asked.answered.insert(number.0, believed.clone());
                }
                if asked.answered.len() == asked.bundle.proposals().len() {
                    asked.done_at.get_or_insert(now);
                }
            }
        }
    }
}
