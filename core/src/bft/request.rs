//! How does a client ask, so that nobody can ask in its name?
//!
//! Requests travel in bundles: one client, one signature over all of them. A
//! bundle of one is a request signed by itself; larger ones spare signatures
//! where a client asks for much at once. The client's own numbers make a
//! repeated request known to the session layer (PBFT §4.1's timestamps).

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::evidence::decided;
use super::session;
use crate::crypto::{Claim, Hash256, Hasher256, Identity, Signature, Signer, Statement};
use crate::entry::{Class, Proposal};
use crate::types::{ClientId, NodeId};

/// Most requests in a bundle.
pub const MAX_REQUESTS: usize = 4_096;

/// What the statement of a bundle is, among those of the session domain.
const REQUESTS: u8 = 1;

/// Clients from this number on are nodes: what a cluster decides about itself is asked for by its members.
const NODES: u64 = ClientId::NODES;

/// The client that asks for changes of members ([`epoch`](crate::bft::epoch)): the last number before the nodes'.
pub const OPERATOR: ClientId = ClientId::OPERATOR;

/// A node as a client.
#[must_use]
pub fn client_of(node: NodeId) -> ClientId {
    ClientId(NODES | u64::from(node.0))
}

/// Who signs for this client.
#[must_use]
pub fn identity(client: ClientId) -> Identity {
    let node = client.0.checked_sub(NODES).and_then(|number| u32::try_from(number).ok());
    node.map_or(Identity::Client(client), |node| Identity::Node(NodeId(node)))
}

/// Whether this client is a node.
#[must_use]
pub fn is_node(client: ClientId) -> bool {
    matches!(identity(client), Identity::Node(_))
}

/// Requests of one client under one signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct Bundle {
    proposals: SmallVec<[Proposal; 1]>,
    signature: Signature,
    hash: Hash256,
}

/// A bundle as it travels: its hash is computed by whoever receives it.
#[derive(Clone, Serialize, Deserialize)]
struct Parts {
    proposals: SmallVec<[Proposal; 1]>,
    signature: Signature,
}

impl From<Parts> for Bundle {
    fn from(Parts { proposals, signature }: Parts) -> Self {
        let hash = hash(&proposals);
        Self { proposals, signature, hash }
    }
}

impl From<Bundle> for Parts {
    fn from(Bundle { proposals, signature, .. }: Bundle) -> Self {
        Self { proposals, signature }
    }
}

/// The canonical encoding: fixed widths, lengths before whatever varies.
fn hash(proposals: &[Proposal]) -> Hash256 {
    let mut hasher = Hasher256::new();
    hasher.number(proposals.len() as u64);
    for proposal in proposals {
        let class = match proposal.class {
            Class::Critical => 0,
            Class::Relaxed => 1,
        };
        hasher.number(proposal.client.0).number(proposal.number.0).number(class).number(proposal.tags.len() as u64);
        for tag in &proposal.tags {
            hasher.number(*tag);
        }
        hasher.number(proposal.payload.len() as u64).update(&proposal.payload);
    }
    hasher.finish()
}

fn statement(cluster: u64, hash: &Hash256) -> Statement {
    Statement::new(&session(cluster), REQUESTS).hash(hash)
}

impl Bundle {
    /// Requests of one client, signed by it.
    #[must_use]
    pub fn signed(cluster: u64, proposals: SmallVec<[Proposal; 1]>, client: &dyn Signer) -> Self {
        let hash = hash(&proposals);
        let signature = client.sign(&statement(cluster, &hash));
        Self { proposals, signature, hash }
    }

    /// Whose requests these are.
    #[must_use]
    pub fn client(&self) -> ClientId {
        self.proposals.first().map_or(ClientId(0), |proposal| proposal.client)
    }

    /// The requests, in the client's order.
    #[must_use]
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    /// The hash of all requests, without the signature: two bundles of the same requests have the same.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        self.hash
    }

    /// Bytes of payload.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.proposals.iter().map(|proposal| proposal.payload.len() as u64).sum()
    }

    /// Whether it is what an honest client sends: some requests, all of one client, with rising numbers.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let rising = |pair: &[Proposal]| pair[0].client == pair[1].client && pair[0].number < pair[1].number;
        (1..=MAX_REQUESTS).contains(&self.proposals.len())
            && self.client() != ClientId(0)
            && self.proposals.windows(2).all(rising)
    }

    /// What has to be verified before it is believed.
    #[must_use]
    pub fn claim(&self, cluster: u64) -> Claim {
        let (by, statement) = (identity(self.client()), statement(cluster, &self.hash));
        Claim { by, statement, signature: self.signature }
    }
    /// The same, with the signatures in evidence where a replica asks for a conviction: whoever accepts the request has
    /// verified what it rests on.
    pub fn claims(&self, cluster: u64, claims: &mut Vec<Claim>) {
        claims.push(self.claim(cluster));
        if let Some(evidence) = decided::in_bundle(self) {
            claims.extend(evidence.claims(cluster));
        }
    }
}
