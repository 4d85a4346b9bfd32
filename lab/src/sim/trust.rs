//! How do clients and nodes deal with each other where nodes may lie?
//!
//! Clients sign what they ask, ask every node once the first one has kept them
//! waiting, and believe f+1 equal replies (PBFT §4.1); which nodes these are, says `epochs`. The executor verifies
//! the signatures in a message before the protocol sees it. Keys come from the
//! run's seed.

use std::sync::Arc;

use quorumscope_core::bft::epoch::Request;
use quorumscope_core::bft::request::OPERATOR;
use quorumscope_core::bft::{Bundle, Reply, Signers};
use quorumscope_core::crypto::{Claim, Identity, Signer, Verified, Verifier};
use quorumscope_core::entry::Proposal;
use quorumscope_core::protocol::Input;
use quorumscope_core::record::{Body, Endpoint};
use quorumscope_core::types::{NodeId, RecordId, RequestNumber};

use super::client::{read_result, see_heard};
use super::network::Parcel;
use super::recorder::Stamp;
use super::setup::Setup;
use super::subject::{Asks, Subject};
use super::world::World;
use crate::keys::{Keys, Scheme};
use crate::trace::view::Heard;

/// How many verified signatures a node remembers.
const REMEMBERED: usize = 1_024;

/// What a cluster rests on whose nodes may lie.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    cluster: u64,
    keys: Keys,
    verifier: Arc<dyn Verifier>,
    /// Whether a signature costs so much that nodes remember those that held.
    remembers: bool,
}

/// The keys of the nodes of a run.
#[derive(Debug)]
struct NodeKeys(Keys);

impl Signers for NodeKeys {
    fn signer(&self, node: NodeId) -> Option<Arc<dyn Signer>> {
        Some(self.0.signer(Identity::Node(node)))
    }
}

/// Where each node of a cluster without a run finds its own key.
pub(crate) fn signers_of(keys: Keys) -> Arc<dyn Signers> {
    Arc::new(NodeKeys(keys))
}

impl Trust {
    /// Keys for all nodes and clients of a run, and for its operator.
    pub(crate) fn new(setup: &Setup, cluster: u64) -> Self {
        let keys = Keys::new(setup.seed, setup.signer);
        let clients = setup.clients.iter().map(|client| client.id).chain([OPERATOR]);
        let verifier = keys.verifier(setup.nodes.iter().copied(), clients);
        Self { cluster, keys, verifier, remembers: setup.signer == Scheme::Real }
    }

    /// Lets nodes and clients believe signatures as this one does: for tests of a cluster that is deceived.
    #[cfg(test)]
    pub(crate) fn believe(&mut self, verifier: Arc<dyn Verifier>) {
        self.verifier = verifier;
    }

    /// Where each node finds its own key.
    pub(crate) fn signers(&self) -> Arc<dyn Signers> {
        signers_of(self.keys)
    }

    /// Which cluster statements name.
    pub(crate) fn cluster(&self) -> u64 {
        self.cluster
    }

    /// The keys of these nodes, for the liars that they are.
    pub(crate) fn keys_of(&self, liars: &[NodeId]) -> Vec<(NodeId, Arc<dyn Signer>)> {
        liars.iter().map(|liar| (*liar, self.keys.signer(Identity::Node(*liar)))).collect()
    }

    /// A node's own memory of what held.
    pub(crate) fn memory(&self) -> Verified {
        Verified::new(if self.remembers { REMEMBERED } else { 0 })
    }

    /// A client's command under its signature.
    pub(crate) fn sign(&self, proposal: Proposal) -> Arc<Bundle> {
        let signer = self.keys.signer(Identity::Client(proposal.client));
        Arc::new(Bundle::signed(self.cluster, core::iter::once(proposal).collect(), signer.as_ref()))
    }

    /// The operator's wish to change who votes, under its signature.
    pub(crate) fn sign_change(&self, request: &Request, number: RequestNumber) -> Arc<Bundle> {
        let signer = self.keys.signer(Identity::Client(OPERATOR));
        Arc::new(request.signed(self.cluster, number, signer.as_ref()))
    }

    /// Whether a reply comes from whom it names.
    pub(crate) fn holds(&self, reply: &Reply) -> bool {
        self.verifier.verify(&[reply.claim(self.cluster)]).is_ok()
    }
}

impl<P: Subject> World<P> {
    /// Whom a client asks: the one that it believes to lead, and all where that may be in vain.
    pub(super) fn asked(&self, believed: NodeId, attempt: u32) -> Vec<NodeId> {
        match P::asks(&self.config) {
            Asks::Believed => vec![believed],
            Asks::Primary if attempt == 1 => vec![believed],
            Asks::Primary | Asks::All => self.voters().to_vec(),
        }
    }

    /// A signed request, or an unsigned one where nodes believe their clients.
    pub(super) fn request(&self, proposal: Proposal, text: &Arc<str>) -> Parcel<P::Message> {
        let text = Arc::clone(text);
        match &self.trust {
            Some(trust) => Parcel::Signed { bundle: trust.sign(proposal), text },
            None => Parcel::Request { proposal, text },
        }
    }

    /// Whether all that a message of a peer claims holds.
    pub(super) fn verify(&mut self, index: usize, claims: &[Claim]) -> bool {
        let (Some(trust), Some(node)) = (&self.trust, self.nodes.get_mut(index)) else { return true };
        if claims.is_empty() {
            return true;
        }
        let held = if trust.remembers {
            node.verified.check(trust.verifier.as_ref(), claims)
        } else {
            trust.verifier.verify(claims)
        };
        self.coverage.forged += u64::from(held.is_err());
        held.is_ok()
    }

    /// A peer's message is handed in, where its signatures hold.
    pub(super) fn receive_verified(&mut self, index: usize, from: NodeId, message: P::Message, first: RecordId) {
        let mut claims = std::mem::take(&mut self.claims);
        claims.clear();
        if let Some(protocol) = self.nodes.get(index).and_then(|node| node.protocol.as_ref()) {
            protocol.claims(from, &message, &mut claims);
        }
        let input = if self.verify(index, &claims) { Input::Receive { from, message } } else { Input::Forged { from } };
        self.claims = claims;
        self.step_node(index, first, input);
    }

    /// A client's signed requests are handed in, where the signature holds.
    pub(super) fn receive_signed(&mut self, index: usize, from: Endpoint, bundle: Arc<Bundle>, first: RecordId) {
        let mut claims = Vec::new();
        if let Some(protocol) = self.nodes.get(index).and_then(|node| node.protocol.as_ref()) {
            protocol.request_claims(&bundle, &mut claims);
        }
        let number = bundle.proposals().first().map_or(RequestNumber(0), |proposal| proposal.number);
        let client = bundle.client();
        let proposed = self.recorder.emit(self.stamp(index, Some(first)), || Body::Proposed { client, number });
        let own = from == Endpoint::Client(client);
        if own && self.request_of(index, client) && self.verify(index, &claims) {
            self.step_second(index, proposed, Input::Requests(vec![Arc::clone(&bundle)]));
            self.step_node(index, proposed, Input::Requests(vec![bundle]));
        }
    }

    /// A replica's reply reached its client.
    pub(super) fn on_reply(&mut self, index: usize, request: RequestNumber, reply: Reply, first: RecordId) {
        let (needed, counts) = (self.believes(), self.voters().contains(&reply.by));
        let (Some(trust), Some(client)) = (&self.trust, self.clients.get_mut(index)) else { return };
        let of = (reply.client, reply.number) == (client.setup.id, request);
        if !of || !trust.holds(&reply) {
            self.coverage.forged += 1;
            return;
        }
        let (id, by, (_, result, _)) = (client.setup.id, reply.by, read_result(&reply.result));
        let Some(open) = client.request(request).filter(|_| counts) else { return };
        let believed = open.replies.take(reply, needed).cloned();
        let equal = open.replies.equal();
        if let Some(seen) = client.view.operations.iter_mut().rev().find(|seen| seen.number == request) {
            see_heard(seen, Heard { by, result: result.clone(), equal, needed });
        }
        let stamp = Stamp { at: self.now, cause: Some(first), node: None };
        self.recorder.emit(stamp, || Body::Heard { client: id, number: request, by, result, equal, needed });
        let Some(believed) = believed else { return };
        self.coverage.replies_believed += 1;
        if let Some(primary) = P::primary(&self.config, self.voters(), believed.view)
            && let Some(client) = self.clients.get_mut(index)
            && let Some(open) = client.request(request)
        {
            open.to = primary;
        }
        self.on_result(index, request, &believed.result, first);
    }
}
