//! What has this node verified already?
//!
//! Certificates come again inside other messages: a view change repeats what
//! its sender has prepared, a proposal carries the certificate that every
//! replica has just counted. A node remembers what held, by a hash of signer,
//! statement and signature. Only what held is kept: were refusals kept too, a
//! liar could fill the memory with them. Each node has its own, and one serves
//! one [`Verifier`], which never gives an identity another key.

use std::collections::VecDeque;

use super::{Claim, Forged, Hash256, Hasher256, Verifier};

/// A bounded memory of claims that held.
#[derive(Clone, Debug)]
pub struct Verified {
    capacity: usize,
    /// Sorted.
    known: Vec<Hash256>,
    /// The same, the oldest first.
    order: VecDeque<Hash256>,
    counts: Counts,
}

/// What a memory has saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Claims that went to the verifier.
    pub verified: u64,
    /// Claims that were found in the memory.
    pub found: u64,
}

impl Verified {
    /// Remembers this many claims at the most; with 0 none.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, known: Vec::new(), order: VecDeque::new(), counts: Counts::default() }
    }

    /// Do all of these claims hold? Only what is not remembered is verified, and then remembered.
    ///
    /// # Errors
    /// That of the verifier, about the first claim that does not hold; then nothing of `claims` is remembered anew.
    pub fn check(&mut self, verifier: &dyn Verifier, claims: &[Claim]) -> Result<(), Forged> {
        let mut new: Vec<Claim> = Vec::new();
        let mut names = Vec::new();
        for claim in claims {
            let name = name(claim);
            if self.known.binary_search(&name).is_ok() {
                self.counts.found += 1;
            } else {
                names.push(name);
                new.push(claim.clone());
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        self.counts.verified += new.len() as u64; // a count of claims in memory fits
        verifier.verify(&new)?;
        for name in names {
            self.remember(name);
        }
        Ok(())
    }

    /// How many claims were verified, and how many found.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn remember(&mut self, name: Hash256) {
        let Err(at) = self.known.binary_search(&name) else { return };
        self.known.insert(at, name);
        self.order.push_back(name);
        if self.order.len() <= self.capacity {
            return;
        }
        if let Some(oldest) = self.order.pop_front()
            && let Ok(at) = self.known.binary_search(&oldest)
        {
            self.known.remove(at);
        }
    }
}

/// Signer and signature have a fixed width and go first, so no two claims have the same bytes.
fn name(claim: &Claim) -> Hash256 {
    Hasher256::new().update(&claim.by.bytes()).update(&claim.signature.0).update(claim.statement.bytes()).finish()
}
