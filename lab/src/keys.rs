//! Who can sign in a simulated cluster?
//!
//! [`Keys`] makes signers and verifiers from a run's seed, so that a run can be
//! repeated. [`Scheme::Real`] is Ed25519 as on the wire. [`Scheme::Cheap`] is
//! for explorations, in which the simulator and not the curve should use the
//! time: a tag of 128 bits (SipHash-2-4) under a secret of the identity. Who
//! verifies such tags could make them, so the scheme is for worlds that keep
//! the secrets: here they never leave this module, and what lies in a run gets
//! the signers of its own identities only. The native node cannot name the
//! scheme: it does not use this crate.

use core::fmt;
use core::hash::Hasher as _;
use std::sync::Arc;

use litemap::LiteMap;
use quorumscope_core::crypto::{
    Claim, Ed25519Ring, Ed25519Signer, Forged, Hasher256, Identity, Signature, Signer, Statement, Verifier,
};
use quorumscope_core::types::{ClientId, NodeId};
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// How a run signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Ed25519.
    Real,
    /// Tags under secrets that only the world knows.
    #[default]
    Cheap,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Real, Self::Cheap];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Cheap => "cheap",
        }
    }
}

/// The keys of all who take part in a run. Whoever has it can sign for everybody: it stays with the world.
#[derive(Clone, Copy)]
pub struct Keys {
    seed: u64,
    scheme: Scheme,
}

impl Keys {
    /// The same keys for the same seed.
    #[must_use]
    pub fn new(seed: u64, scheme: Scheme) -> Self {
        Self { seed, scheme }
    }

    /// Signs for one identity, and for no other.
    #[must_use]
    pub fn signer(&self, identity: Identity) -> Arc<dyn Signer> {
        match self.scheme {
            Scheme::Real => Arc::new(self.real(identity)),
            Scheme::Cheap => Arc::new(CheapSigner { identity, secret: self.cheap(identity) }),
        }
    }

    /// Knows the keys of these nodes and clients.
    #[must_use]
    pub fn verifier(
        &self,
        nodes: impl IntoIterator<Item = NodeId>,
        clients: impl IntoIterator<Item = ClientId>,
    ) -> Arc<dyn Verifier> {
        let clients = clients.into_iter().map(Identity::Client);
        let identities = nodes.into_iter().map(Identity::Node).chain(clients);
        match self.scheme {
            Scheme::Real => {
                let mut ring = Ed25519Ring::default();
                for identity in identities {
                    // The secret of an identity is one hash of it, and a clamped scalar is a multiple of 8 below 8 times
                    // the order of the group: its key is the one of this identity, canonical and of large order.
                    ring.register(identity, self.real(identity).public_key()).expect("a key made from a hash");
                }
                Arc::new(ring)
            }
            Scheme::Cheap => {
                let secrets = identities.map(|identity| (identity, self.cheap(identity)));
                Arc::new(CheapRing { secrets: quorumscope_core::few::map(secrets) })
            }
        }
    }

    fn real(&self, identity: Identity) -> Ed25519Signer {
        Ed25519Signer::new(identity, self.secret(identity))
    }

    fn cheap(&self, identity: Identity) -> Secret {
        let secret = self.secret(identity);
        let (half, _) = secret.split_first_chunk().expect("half of 32 bytes");
        Secret(*half)
    }

    fn secret(&self, identity: Identity) -> [u8; 32] {
        let mut hasher = Hasher256::new();
        hasher.update(b"quorumscope laboratory key").number(self.seed).number(self.scheme as u64);
        hasher.update(&identity.bytes()).finish().0
    }
}

impl fmt::Debug for Keys {
    /// Without the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({:?})", self.scheme)
    }
}

/// What an identity's tags are made with.
#[derive(Clone, Copy)]
struct Secret([u8; 16]);

impl Secret {
    fn sign(&self, identity: Identity, statement: &Statement) -> Signature {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&identity.bytes());
        hasher.write(statement.bytes());
        let mut signature = [0; 64];
        signature[..16].copy_from_slice(&hasher.finish128().as_bytes());
        Signature(signature)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Signs for one identity with tags. Only [`Keys`] makes one.
#[derive(Debug)]
pub struct CheapSigner {
    identity: Identity,
    secret: Secret,
}

impl Signer for CheapSigner {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn sign(&self, statement: &Statement) -> Signature {
        self.secret.sign(self.identity, statement)
    }
}

/// Verifies tags. Only [`Keys`] makes one.
#[derive(Debug)]
pub struct CheapRing {
    secrets: LiteMap<Identity, Secret>,
}

impl Verifier for CheapRing {
    fn verify(&self, claims: &[Claim]) -> Result<(), Forged> {
        let holds = |claim: &&Claim| {
            let secret = self.secrets.get(&claim.by);
            secret.is_some_and(|secret| secret.sign(claim.by, &claim.statement) == claim.signature)
        };
        match claims.iter().find(|claim| !holds(claim)) {
            Some(claim) => Err(Forged { by: claim.by }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use quorumscope_core::crypto::{Domain, Family};

    use super::*;

    const SCHEMES: [Scheme; 2] = [Scheme::Real, Scheme::Cheap];
    const DOMAIN: Domain = Domain { cluster: 1, configuration: 1, instance: 1, family: Family::Hybrid };
    const NODE: Identity = Identity::Node(NodeId(1));
    const CLIENT: Identity = Identity::Client(ClientId(1));

    fn said(number: u64) -> Statement {
        Statement::new(&DOMAIN, 1).number(number)
    }

    fn claim(keys: Keys, by: Identity, number: u64) -> Claim {
        Claim::new(&*keys.signer(by), said(number))
    }

    fn verifier(keys: Keys) -> Arc<dyn Verifier> {
        keys.verifier([NodeId(1), NodeId(2)], [ClientId(1)])
    }

    #[test]
    fn what_is_signed_holds_for_whoever_has_the_same_seed() {
        for scheme in SCHEMES {
            let claims = [NODE, CLIENT, NODE].map(|by| claim(Keys::new(7, scheme), by, 5));
            assert_eq!(claims[0], claims[2]);
            assert_eq!(verifier(Keys::new(7, scheme)).verify(&claims), Ok(()));
            let other = verifier(Keys::new(8, scheme));
            assert_eq!(other.verify(&claims), Err(Forged { by: NODE }));
        }
    }

    #[test]
    fn a_signature_holds_for_nobody_else_and_nothing_else() {
        for scheme in SCHEMES {
            let keys = Keys::new(7, scheme);
            let verifier = verifier(keys);
            let honest = claim(keys, NODE, 5);
            for by in [CLIENT, Identity::Node(NodeId(2)), Identity::Node(NodeId(3)), Identity::Client(ClientId(2))] {
                let stolen = Claim { by, ..honest.clone() };
                assert_eq!(verifier.verify(&[honest.clone(), stolen]), Err(Forged { by }), "{scheme:?}");
            }
            let moved = Claim { statement: said(6), ..honest.clone() };
            assert_eq!(verifier.verify(&[honest.clone(), moved]), Err(Forged { by: NODE }), "{scheme:?}");
            for bit in 0..512 {
                let mut flipped = honest.clone();
                flipped.signature.0[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(verifier.verify(&[flipped]), Err(Forged { by: NODE }), "{scheme:?}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_cheap_signature_is_refused_where_real_ones_are_expected_and_the_other_way_round() {
        let [real, cheap] = SCHEMES.map(|scheme| Keys::new(7, scheme));
        assert_eq!(verifier(real).verify(&[claim(cheap, NODE, 5)]), Err(Forged { by: NODE }));
        assert_eq!(verifier(cheap).verify(&[claim(real, NODE, 5)]), Err(Forged { by: NODE }));
    }

    #[test]
    fn what_is_shown_says_nothing_of_the_seed() {
        for scheme in SCHEMES {
            let shown = |seed| {
                let keys = Keys::new(seed, scheme);
                format!("{keys:?}")
            };
            assert_eq!(shown(1), shown(2));
        }
        let shown = |seed| {
            let keys = Keys::new(seed, Scheme::Cheap);
            format!("{:?} {:?}", keys.signer(NODE), verifier(keys))
        };
        assert_eq!(shown(1), shown(2));
    }

    /// The same in wasm: `wasm/tests/keys.rs`.
    #[test]
    fn signatures_are_the_ones_that_are_written_down() {
        let signed = SCHEMES.map(|scheme| {
            let signature = claim(Keys::new(7, scheme), NODE, 5).signature;
            format!("{scheme:?} {}", serde_json::to_value(signature).expect("text").as_str().expect("text"))
        });
        let written: Vec<_> = include_str!("../../tests/golden/signatures.txt").lines().skip(1).collect();
        assert_eq!(signed[..], written[..]);
    }
}
