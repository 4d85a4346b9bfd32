//! How does a cluster decide that somebody has lied?
//!
//! A replica asks for it as a client does, under its own key: the payload of the
//! request is the evidence. Whoever accepts the request, in whatever message it
//! comes, has verified the evidence's signatures
//! ([`Bundle::claims`](crate::bft::Bundle::claims)); when it is applied the words are judged
//! again. What convicts nobody changes nothing, and neither does a second piece
//! against one culprit: then the verdict is known.

use bytes::Bytes;

use super::Evidence;
use crate::bft::{Bundle, request};
use crate::crypto::Signer;
use crate::entry::{Class, Proposal, Tags};
use crate::types::{ClientId, NodeId, RequestNumber};

/// What the payload begins with: no session's payload does, and nothing else that replicas ask for.
const MARK: [u8; 8] = *b"evidence";

/// Numbers of such requests: above those of all others that replicas make. One for each culprit.
const NUMBERS: u64 = 1 << 40;

/// The payload that asks for a conviction.
#[must_use]
pub fn payload(evidence: &Evidence) -> Bytes {
    [&MARK[..], &evidence.encode()].concat().into()
}

/// The evidence in the payload of an entry; `None` where that is something else.
#[must_use]
pub fn in_payload(client: ClientId, payload: &[u8]) -> Option<Evidence> {
    let bytes = payload.strip_prefix(&MARK)?;
    request::is_node(client).then(|| Evidence::decode(bytes).ok())?
}

/// Whether a payload says that it is evidence.
#[must_use]
pub fn is_marked(payload: &[u8]) -> bool {
    payload.starts_with(&MARK)
}

/// The evidence in a request.
#[must_use]
pub fn in_bundle(bundle: &Bundle) -> Option<Evidence> {
    let [proposal] = bundle.proposals() else { return None };
    in_payload(proposal.client, &proposal.payload)
}

/// Asks for a conviction, as `by`.
#[must_use]
pub fn ask(cluster: u64, by: NodeId, evidence: &Evidence, signer: &dyn Signer) -> Bundle {
    let number = RequestNumber(NUMBERS | u64::from(evidence.culprit().0));
    let (client, payload) = (request::client_of(by), payload(evidence));
    let proposal = Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload };
    Bundle::signed(cluster, core::iter::once(proposal).collect(), signer)
}
