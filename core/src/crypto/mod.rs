//! Who said what, and how does anybody else know?
//!
//! A node or client (an [`Identity`]) signs a [`Statement`]: canonical bytes
//! that name the cluster, the configuration, the instance, the protocol and
//! the kind of what is said. The three together are a [`Claim`], and a
//! [`Verifier`] says whether claims hold. Executors verify all claims of a
//! message, in batches, before a protocol sees it; [`Verified`] is a node's
//! memory of what it has verified already.
//!
//! **One predicate.** A signature holds by the rules of ZIP 215: canonical `s`,
//! any encoding of `R` that decodes, and the equation times the cofactor. Only
//! with the cofactor do single and batch verification accept the same set; were
//! they to differ, two honest nodes could disagree about one certificate.
//! Registration is stricter than the predicate: see [`Ed25519Ring::register`].
//!
//! **Why these crates.** `ed25519-dalek` 2 signs (RFC 8032); the predicate
//! stands in `ed25519/predicate.rs` over `curve25519-dalek` 4. Both are kept up
//! (BSD-3-Clause), ask for no entropy, and use `sha2` 0.10 as the rest of the
//! project does; their next major versions use 0.11. Passed over:
//! `ed25519-dalek`'s own verification, which leaves the cofactor out, so that
//! a batch and its parts can differ; `ed25519-zebra` 4, which has the predicate
//! but decodes every key again for every batch, hands out the coefficients in
//! the order of a hash map, and always brings the tables that the page does
//! without (it judges ours in the tests); `ed25519-consensus` 2, which rests on
//! a fork of the curve and on `sha2` 0.9.
//!
//! Left out: secrets at rest and their entropy (the native node's), signatures
//! that aggregate (certificates are lists), and nonces (the channel's: they
//! have no place in what forms certificates). Read `statement` next.

mod ed25519;
mod fixed;
mod hash;
mod identity;
mod statement;
mod verified;

use core::fmt::Debug;

pub use ed25519::{BATCH_FROM, Ed25519Ring, Ed25519Signer, KeyError};
pub use hash::{Hash256, Hasher256};
pub use identity::{Identity, PublicKey, Signature};
pub use statement::{Domain, Family, Statement};
pub use verified::{Counts, Verified};

/// A statement and who is said to have signed it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// Who is said to have signed.
    pub by: Identity,
    /// What. Built anew from a message's fields by whoever judges it, never taken from the wire.
    pub statement: Statement,
    /// The signature.
    pub signature: Signature,
}

impl Claim {
    /// What this signer says, signed.
    pub fn new(signer: &dyn Signer, statement: Statement) -> Self {
        Self { by: signer.identity(), signature: signer.sign(&statement), statement }
    }
}

/// Signs for one identity.
pub trait Signer: Debug + Send + Sync {
    /// For whom.
    fn identity(&self) -> Identity;

    /// The signature of a statement; always the same one for the same statement.
    fn sign(&self, statement: &Statement) -> Signature;
}

/// Knows the keys of a cluster.
pub trait Verifier: Debug + Send + Sync {
    /// Do all of these claims hold?
    ///
    /// # Errors
    /// All or nothing: the error names the signer of the first claim that does not hold. One of somebody unknown
    /// does not.
    fn verify(&self, claims: &[Claim]) -> Result<(), Forged>;
}

/// A claim that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature that is said to be of {by} does not hold")]
pub struct Forged {
    /// Who is said to have signed. It says nothing about who sent it.
    pub by: Identity,
}
