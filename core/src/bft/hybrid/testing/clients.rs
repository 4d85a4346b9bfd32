//! Clients: they ask, ask all where they hear nothing, and believe f+1 replicas that agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Cluster, Happening, Subject};
use crate::bft::testing::{CLUSTER, TestRing, TestSigner};
use crate::bft::{Bundle, Replies, Reply};
use crate::crypto::{Identity, Verifier as _};
use crate::entry::{Class, Proposal, Tags};
use crate::machine::kv::Operation;
use crate::machine::session::Payload;
use crate::protocol::{Input, Outcome};
use crate::quorum::one_honest;
use crate::types::{ClientId, LogIndex, NodeId, RequestNumber};

/// A request and what its client has heard.
pub(in crate::bft) struct Asked {
    pub(super) bundle: Arc<Bundle>,
    replies: BTreeMap<u64, Replies>,
    answered: BTreeMap<u64, Reply>,
    done_at: Option<u64>,
}

fn bundle(client: u64, numbers: &[u64]) -> Arc<Bundle> {
    let proposal = |number: &u64| {
        let command = Operation::Set { key: format!("k{}", number % 5), value: format!("{client}.{number}") }.encode();
        let payload = match number {
            1 => Payload::Open.encode(),
            _ => Payload::Command { session: LogIndex(0), acknowledged: RequestNumber(0), command }.encode(),
        };
        let (number, class) = (RequestNumber(*number), Class::Critical);
        Proposal { client: ClientId(client), number, class, tags: Tags::new(), payload }
    };
    let signer = TestSigner(Identity::Client(ClientId(client)));
    Arc::new(Bundle::signed(CLUSTER, numbers.iter().map(proposal).collect(), &signer))
}

impl<S: Subject> Cluster<S> {
    /// A client asks the first replica for so many things at once.
    pub(in crate::bft) fn ask(&mut self, client: u64, numbers: &[u64]) {
        let to = self.settings.voters[0];
        self.ask_at(&[to], client, numbers);
    }

    pub(in crate::bft) fn ask_at(&mut self, to: &[NodeId], client: u64, numbers: &[u64]) {
        let bundle = bundle(client, numbers);
        let (replies, answered) = (BTreeMap::new(), BTreeMap::new());
        let asked = Asked { bundle: Arc::clone(&bundle), replies, answered, done_at: None };
        self.asked.insert((client, numbers[0]), asked);
        for to in to {
            self.request(*to, &bundle);
        }
        self.after(200_000, Happening::Retries { client, number: numbers[0] });
    }

    pub(in crate::bft) fn request(&mut self, to: NodeId, bundle: &Arc<Bundle>) {
        if self.nodes[&to].is_down || self.deaf == Some((to, bundle.client())) {
            return;
        }
        let mut claims = Vec::new();
        self.nodes[&to].replica.request_claims(bundle, &mut claims);
        if TestRing.verify(&claims).is_ok() {
            self.step(to, Input::Requests(vec![Arc::clone(bundle)]));
        }
    }

    /// Asks again, all of them.
    pub(super) fn retry(&mut self, client: u64, number: u64) {
        if self.asked[&(client, number)].done_at.is_some() {
            return;
        }
        let bundle = Arc::clone(&self.asked[&(client, number)].bundle);
        for to in self.settings.voters.clone() {
            if !self.rng.chance_ppm(self.network.loss_ppm) {
                self.request(to, &bundle);
            }
        }
        self.after(200_000, Happening::Retries { client, number });
    }

    pub(in crate::bft) fn all_done(&self) -> bool {
        self.asked.values().all(|asked| asked.done_at.is_some())
    }

    /// What clients believe.
    pub(in crate::bft) fn believed(&self) -> impl Iterator<Item = &Reply> {
        self.asked.values().flat_map(|asked| asked.answered.values())
    }

    pub(super) fn answer(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        let Outcome::Replied(reply) = outcome else { return };
        if TestRing.verify(&[reply.claim(CLUSTER)]).is_err() {
            return;
        }
        let now = self.now;
        let needed = one_honest(self.settings.voters.len() as u32);
        for asked in self.asked.values_mut().filter(|asked| asked.bundle.client() == client) {
            if asked.bundle.proposals().iter().any(|proposal| proposal.number == number) {
                let replies = asked.replies.entry(number.0).or_default();
                if let Some(believed) = replies.take((*reply).clone(), needed) {
                    // Its first belief: a request that is ordered twice is answered twice.
                    asked.answered.entry(number.0).or_insert_with(|| believed.clone());
                }
                if asked.answered.len() == asked.bundle.proposals().len() {
                    asked.done_at.get_or_insert(now);
                }
            }
        }
    }
}
