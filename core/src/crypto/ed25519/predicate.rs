//! Which signatures hold?
//!
//! Those of ZIP 215. Of a key `A`, a signature `(R, s)` and a message `M`, with
//! `k = SHA-512(R ‖ A ‖ M)`: `A` and `R` decode, in any encoding; `s` is below
//! the order of the group, so that nobody makes a second signature of one; and
//! `[8][s]B = [8]R + [8][k]A`.
//!
//! A batch asks the same of a random combination of all equations:
//! `[8]([Σzs]B − Σ[z]R − Σ[zk]A) = 0`. Where each holds, so does the sum; where
//! one does not, the sum holds with a chance of 2⁻¹²⁸ a guess. The coefficients
//! `z` come from a hash of the whole batch: whoever changes anything in it, in
//! order to fit the coefficients, changes them all. No entropy is needed, and
//! every machine computes the same. Nothing here is secret, so nothing runs in
//! constant time.

#[cfg(test)]
mod tests;

use core::iter::once;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use sha2::{Digest as _, Sha512};

use super::super::{Hash256, Hasher256, PublicKey, Signature};

/// A public key, decoded once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    bytes: PublicKey,
    minus: EdwardsPoint,
}

impl Key {
    /// Any point of the curve in any encoding.
    pub(super) fn new(bytes: PublicKey) -> Option<Self> {
        Some(Self { bytes, minus: -CompressedEdwardsY(bytes.0).decompress()? })
    }

    pub(super) fn bytes(&self) -> PublicKey {
        self.bytes
    }

    pub(super) fn is_canonical(&self) -> bool {
        (-self.minus).compress().0 == self.bytes.0
    }

    pub(super) fn is_small_order(&self) -> bool {
        self.minus.is_small_order()
    }
}

/// A signature with what it is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) key: &'a Key,
    pub(super) message: &'a [u8],
    pub(super) signature: &'a Signature,
}

/// The numbers and points of one equation.
struct Parts {
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

impl Signed<'_> {
    /// Does it hold, judged alone?
    pub(super) fn holds(&self) -> bool {
        self.parts().is_some_and(|Parts { r, s, k }| {
            let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &self.key.minus, &s);
            (expected - r).mul_by_cofactor().is_identity()
        })
    }

    fn parts(&self) -> Option<Parts> {
        let [r, s] = self.signature.0.as_chunks::<32>().0 else { return None };
        let k = Sha512::new().chain_update(r).chain_update(self.key.bytes.0).chain_update(self.message);
        Some(Parts {
            r: CompressedEdwardsY(*r).decompress()?,
            s: Option::from(Scalar::from_canonical_bytes(*s))?,
            k: Scalar::from_bytes_mod_order_wide(&k.finalize().into()),
        })
    }
}

/// Do all of them hold? The same answer as of each alone.
pub(super) fn all_hold(batch: &[Signed<'_>]) -> bool {
    let Some(parts) = batch.iter().map(Signed::parts).collect::<Option<Vec<_>>>() else { return false };
    let seed = seed(batch, &parts);
    let mut base = Scalar::ZERO;
    // A key that signed several times is multiplied once.
    let mut keys: Vec<(&Key, Scalar)> = Vec::with_capacity(batch.len());
    let mut coefficients = Vec::with_capacity(batch.len());
    for ((signed, parts), number) in batch.iter().zip(&parts).zip(0..) {
        let z = coefficient(&seed, number);
        base += z * parts.s;
        coefficients.push(-z);
        match keys.binary_search_by(|(key, _)| key.bytes.cmp(&signed.key.bytes)) {
            Ok(at) => keys[at].1 += z * parts.k,
            Err(at) => keys.insert(at, (signed.key, z * parts.k)),
        }
    }
    let scalars = once(&base).chain(&coefficients).chain(keys.iter().map(|(_, scalar)| scalar));
    let points = once(&ED25519_BASEPOINT_POINT).chain(parts.iter().map(|parts| &parts.r));
    let points = points.chain(keys.iter().map(|(key, _)| &key.minus));
    EdwardsPoint::vartime_multiscalar_mul(scalars, points).mul_by_cofactor().is_identity()
}

/// Binds the keys, the signatures and, by `k`, the messages.
fn seed(batch: &[Signed<'_>], parts: &[Parts]) -> Hash256 {
    let mut hasher = Hasher256::new();
    hasher.update(b"quorumscope batch 1");
    for (signed, parts) in batch.iter().zip(parts) {
        hasher.update(&signed.key.bytes.0).update(&signed.signature.0).update(parts.k.as_bytes());
    }
    hasher.finish()
}

/// 128 bits, as good as drawn after the batch was fixed.
fn coefficient(seed: &Hash256, number: u64) -> Scalar {
    let hash = Hasher256::new().update(&seed.0).number(number).finish();
    let (low, _) = hash.0.split_first_chunk::<16>().expect("half of 32 bytes");
    Scalar::from(u128::from_le_bytes(*low))
}
