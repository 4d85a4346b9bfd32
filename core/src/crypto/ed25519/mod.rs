//! Ed25519: a signer and a ring of public keys.
//!
//! Which signatures hold says `predicate`, alone and in batches alike; this
//! file says whose key is taken, and when a batch pays.

mod predicate;
#[cfg(test)]
mod tests;

use core::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use litemap::LiteMap;

use super::{Claim, Forged, Identity, PublicKey, Signature, Signer, Statement, Verifier};
use predicate::{Key, Signed};

/// From this many claims on they are verified together. Two together take four fifths of what they take alone, a
/// certificate of 64 half (`bench/src/bin/crypto.rs`); the sum pays from the start.
pub const BATCH_FROM: usize = 2;

/// Signs for one identity (RFC 8032): no entropy, so one statement has one signature.
pub struct Ed25519Signer {
    identity: Identity,
    key: SigningKey,
}

impl Ed25519Signer {
    /// A signer with this secret, which whoever calls has drawn and keeps.
    #[must_use]
    pub fn new(identity: Identity, secret: [u8; 32]) -> Self {
        Self { identity, key: SigningKey::from_bytes(&secret) }
    }

    /// What others register to verify what this one signs.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.key.verifying_key().to_bytes())
    }

    fn sign_bytes(&self, message: &[u8]) -> Signature {
        Signature(self.key.sign(message).to_bytes())
    }
}

impl fmt::Debug for Ed25519Signer {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519Signer({}, {})", self.identity, self.public_key())
    }
}

impl Signer for Ed25519Signer {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn sign(&self, statement: &Statement) -> Signature {
        self.sign_bytes(statement.bytes())
    }
}

/// The public keys of a cluster and its clients.
#[derive(Clone, Debug, Default)]
pub struct Ed25519Ring {
    keys: LiteMap<Identity, Key>,
}

/// Why a public key is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No point of the curve, or not in its canonical form.
    #[error("the public key of {0} is not a canonical point of the curve: copy it again")]
    Malformed(Identity),
    /// One of the eight points that anybody can sign for.
    #[error("the public key of {0} is of small order, so that anybody could sign for it: draw another")]
    SmallOrder(Identity),
    /// The identity has another key already.
    #[error("{0} is registered with another public key: an identity keeps its key")]
    Changed(Identity),
    /// Somebody else has this key.
    #[error("the public key of {0} is registered for {1}: each identity draws its own")]
    Shared(Identity, Identity),
}

impl Ed25519Ring {
    /// Takes the key of an identity; once more is no error.
    ///
    /// # Errors
    /// A key that is malformed or of small order, one that somebody else has (one signature would count as two
    /// voices), or another one than the identity has.
    pub fn register(&mut self, identity: Identity, key: PublicKey) -> Result<(), KeyError> {
        let decoded = Key::new(key).ok_or(KeyError::Malformed(identity))?;
        if !decoded.is_canonical() {
            return Err(KeyError::Malformed(identity));
        }
        if decoded.is_small_order() {
            return Err(KeyError::SmallOrder(identity));
        }
        if let Some((other, _)) = self.keys.iter().find(|(_, known)| known.bytes() == key) {
            return if *other == identity { Ok(()) } else { Err(KeyError::Shared(identity, *other)) };
        }
        if self.keys.contains_key(&identity) {
            return Err(KeyError::Changed(identity));
        }
        self.keys.insert(identity, decoded);
        Ok(())
    }

    fn signed<'a>(&'a self, claim: &'a Claim) -> Option<Signed<'a>> {
        let key = self.keys.get(&claim.by)?;
        Some(Signed { key, message: claim.statement.bytes(), signature: &claim.signature })
    }
}

impl Verifier for Ed25519Ring {
    fn verify(&self, claims: &[Claim]) -> Result<(), Forged> {
        if claims.len() >= BATCH_FROM {
            let batch: Option<Vec<_>> = claims.iter().map(|claim| self.signed(claim)).collect();
            if batch.is_some_and(|batch| predicate::all_hold(&batch)) {
                return Ok(());
            }
        }
        // Alone, in order: a batch says that some claim does not hold, not which. A forged claim costs the batch on
        // top of what verifying without batches would.
        match claims.iter().find(|claim| !self.signed(claim).is_some_and(|signed| signed.holds())) {
            Some(claim) => Err(Forged { by: claim.by }),
            None => Ok(()),
        }
    }
}
