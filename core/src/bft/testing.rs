//! A scheme for tests that sign often: a signature is a hash that anybody could make, so it proves nothing to
//! anybody but these tests.

use std::sync::Arc;

use bytes::Bytes;

use super::{Bundle, Signers};
use crate::crypto::{Claim, Forged, Hasher256, Identity, Signature, Signer, Statement, Verifier};
use crate::entry::{Class, Proposal, Tags};
use crate::types::{ClientId, NodeId, RequestNumber};

/// Signs for one identity.
#[derive(Debug)]
pub(crate) struct TestSigner(pub(crate) Identity);

/// The only signature of a statement that holds.
fn signature(by: Identity, statement: &Statement) -> Signature {
    let hash = Hasher256::new().update(&by.bytes()).update(statement.bytes()).finish();
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&hash.0);
    Signature(bytes)
}

impl Signer for TestSigner {
    fn identity(&self) -> Identity {
        self.0
    }

    fn sign(&self, statement: &Statement) -> Signature {
        signature(self.0, statement)
    }
}

/// Verifies what [`TestSigner`]s have signed.
#[derive(Debug)]
pub(crate) struct TestRing;

impl Verifier for TestRing {
    fn verify(&self, claims: &[Claim]) -> Result<(), Forged> {
        let forged = claims.iter().find(|claim| claim.signature != signature(claim.by, &claim.statement));
        forged.map_or(Ok(()), |claim| Err(Forged { by: claim.by }))
    }
}

/// The keys of all nodes.
#[derive(Debug)]
pub(crate) struct TestKeys;

impl Signers for TestKeys {
    fn signer(&self, node: NodeId) -> Option<Arc<dyn Signer>> {
        Some(Arc::new(TestSigner(Identity::Node(node))))
    }
}

/// One request with so many bytes of payload.
pub(crate) fn request(client: u64, number: u64, bytes: usize) -> Proposal {
    let (client, number, payload) = (ClientId(client), RequestNumber(number), Bytes::from(vec![7; bytes]));
    Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload }
}

/// A client's requests with these numbers and so many bytes each, signed.
pub(crate) fn bundle(client: u64, numbers: &[u64], bytes: usize) -> Arc<Bundle> {
    let proposals = numbers.iter().map(|number| request(client, *number, bytes)).collect();
    Arc::new(Bundle::signed(CLUSTER, proposals, &TestSigner(Identity::Client(ClientId(client)))))
}

/// The cluster of these tests.
pub(crate) const CLUSTER: u64 = 1;
