//! What stands for contents too long to sign?
//!
//! Their SHA-256. [`Digest`](crate::types::Digest) tells runs apart and
//! protects against nobody; this is what protocols with liars in them use.

use sha2::{Digest as _, Sha256};

use super::fixed::fixed;

/// A SHA-256 hash.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash256(pub [u8; 32]);

fixed!(Hash256);

impl Hash256 {
    /// Stands where nothing has been hashed; no contents are known that have it.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Hashes piece by piece.
///
/// The pieces run together: where one of variable length is followed by another, its length goes before it, with
/// [`number`](Self::number).
#[derive(Clone, Debug, Default)]
pub struct Hasher256(Sha256);

impl Hasher256 {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they are, without their length.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// Takes a number as eight bytes, the lowest first.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.update(&number.to_le_bytes())
    }

    /// The hash of all that was taken. More may follow.
    #[must_use]
    pub fn finish(&self) -> Hash256 {
        Hash256(self.0.clone().finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn it_is_sha_256_whole_or_in_pieces() {
        let hash = Hash256::of(b"abc");
        assert_eq!(serde_json::to_string(&hash).unwrap(), format!("\"{ABC}\""));
        assert_eq!(Hasher256::new().update(b"a").update(b"bc").finish(), hash);
        assert_eq!(Hasher256::new().number(0x0807_0605_0403_0201).finish(), Hash256::of(&[1, 2, 3, 4, 5, 6, 7, 8]));
        assert_eq!(Hasher256::new().finish(), Hash256::of(b""));
        assert_eq!((hash.to_string(), format!("{hash:?}")), ("ba7816bf".into(), "ba7816bf".into()));
    }

    #[test]
    fn it_is_text_for_people_and_bytes_for_the_wire() {
        let hash = Hash256::of(b"abc");
        assert_eq!(serde_json::from_str::<Hash256>(&format!("\"{ABC}\"")).unwrap(), hash);
        assert_eq!(postcard::to_allocvec(&hash).unwrap(), hash.0);
        assert_eq!(postcard::from_bytes::<Hash256>(&hash.0).unwrap(), hash);
        assert!(postcard::from_bytes::<Hash256>(&hash.0[1..]).is_err());
        for wrong in ["\"\"", "\"ba\"", "7", &format!("\"{ABC}0\""), &format!("\"{}\"", ABC.replace('b', "B"))] {
            assert!(serde_json::from_str::<Hash256>(wrong).is_err(), "{wrong}");
        }
    }
}
