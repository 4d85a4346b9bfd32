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
use crate::few;

/// From so many new claims on they are put in their places together: one by one, each would move half of what is
/// remembered.
const MANY: usize = 8;

/// So many at once: the work grows with their number and not with its square, whatever a message claims.
const TOGETHER: usize = 512;

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
        if self.capacity == 0 {
            self.counts.verified += claims.len() as u64; // counts of claims in memory fit
            return verifier.verify(claims);
        }
        let names: Vec<_> = claims.iter().map(name).collect();
        let is_new = |name: &Hash256| self.known.binary_search(name).is_err();
        let new = names.iter().filter(|name| is_new(name)).count();
        let result = if new == 0 {
            Ok(())
        } else if new == claims.len() {
            verifier.verify(claims)
        } else {
            let left = claims.iter().zip(&names).filter(|(_, name)| is_new(name)).map(|(claim, _)| claim.clone());
            verifier.verify(&left.collect::<Vec<_>>())
        };
        self.counts.verified += new as u64;
        self.counts.found += (claims.len() - new) as u64;
        if new > 0 && result.is_ok() {
            if new < MANY {
                names.into_iter().for_each(|name| self.remember(name));
            } else {
                names.chunks(TOGETHER).for_each(|names| self.remember_all(names));
            }
        }
        result
    }

    /// How many claims were verified, and how many found.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Remembers as [`remember`](Self::remember) does: of the same list none is older than another.
    fn remember_all(&mut self, names: &[Hash256]) {
        let is_new = |name: &&Hash256| self.known.binary_search(name).is_err();
        let new = few::distinct(names.iter().filter(is_new).copied());
        self.order.extend(&new);
        let excess = self.order.len().saturating_sub(self.capacity);
        let gone = few::distinct(self.order.drain(..excess));
        let mut merged = Vec::with_capacity(self.order.len());
        let mut keep = |name: Hash256| {
            if gone.binary_search(&name).is_err() {
                merged.push(name);
            }
        };
        let mut new = new.into_iter().peekable();
        for known in self.known.drain(..) {
            while let Some(name) = new.next_if(|name| *name < known) {
                keep(name);
            }
            keep(known);
        }
        new.for_each(&mut keep);
        self.known = merged;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::{Domain, Ed25519Ring, Ed25519Signer, Family, Identity, Signature, Statement};
    use crate::types::NodeId;

    const DOMAIN: Domain = Domain { cluster: 1, configuration: 1, instance: 1, family: Family::HotStuff };

    fn node(number: u32) -> Identity {
        Identity::Node(NodeId(number))
    }

    fn signer(number: u32) -> Ed25519Signer {
        Ed25519Signer::new(node(number), Hash256::of(&node(number).bytes()).0)
    }

    fn ring() -> Ed25519Ring {
        let mut ring = Ed25519Ring::default();
        for number in 1..=3 {
            ring.register(node(number), signer(number).public_key()).unwrap();
        }
        ring
    }

    fn claim(by: u32, says: u64) -> Claim {
        Claim::new(&signer(by), Statement::new(&DOMAIN, 1).number(says))
    }

    fn counts(verified: u64, found: u64) -> Counts {
        Counts { verified, found }
    }

    #[test]
    fn what_held_is_not_verified_again() {
        let (ring, mut memory) = (ring(), Verified::new(8));
        let (first, second) = (claim(1, 1), claim(2, 1));
        assert_eq!(memory.check(&ring, std::slice::from_ref(&first)), Ok(()));
        assert_eq!(memory.check(&ring, &[first.clone(), second.clone()]), Ok(()));
        assert_eq!(memory.check(&ring, &[second, first]), Ok(()));
        assert_eq!(memory.counts(), counts(2, 3));
    }

    #[test]
    fn what_does_not_hold_is_refused_each_time_beside_whatever_held() {
        let (ring, mut memory) = (ring(), Verified::new(8));
        let held = claim(1, 1);
        assert_eq!(memory.check(&ring, std::slice::from_ref(&held)), Ok(()));
        let mut flipped = held.clone();
        flipped.signature.0[40] ^= 1;
        let stolen = Claim { by: node(2), ..held.clone() };
        let moved = Claim { statement: claim(1, 2).statement, ..held.clone() };
        for forged in [flipped, stolen, moved] {
            let by = forged.by;
            for _ in 0..2 {
                assert_eq!(memory.check(&ring, &[held.clone(), forged.clone()]), Err(Forged { by }));
            }
        }
    }

    #[test]
    fn nothing_is_remembered_of_a_list_with_a_forged_claim() {
        let (ring, mut memory) = (ring(), Verified::new(8));
        let unknown = Claim { by: node(9), ..claim(1, 1) };
        assert_eq!(memory.check(&ring, &[claim(1, 1), unknown]), Err(Forged { by: node(9) }));
        assert_eq!(memory.check(&ring, &[claim(1, 1)]), Ok(()));
        assert_eq!(memory.counts(), counts(3, 0));
    }

    #[test]
    fn a_memory_belongs_to_one_node() {
        let (ring, mut one, mut other) = (ring(), Verified::new(8), Verified::new(8));
        for memory in [&mut one, &mut other] {
            assert_eq!(memory.check(&ring, &[claim(1, 1)]), Ok(()));
            assert_eq!(memory.counts(), counts(1, 0));
        }
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let (ring, mut memory) = (ring(), Verified::new(2));
        for says in [1, 2, 3] {
            assert_eq!(memory.check(&ring, &[claim(1, says)]), Ok(()));
        }
        assert_eq!(memory.check(&ring, &[claim(1, 2), claim(1, 3)]), Ok(()));
        assert_eq!(memory.counts(), counts(3, 2));
        assert_eq!(memory.check(&ring, &[claim(1, 1)]), Ok(()));
        assert_eq!(memory.counts(), counts(4, 2));
    }

    #[test]
    fn of_many_claims_at_once_the_newest_list_is_remembered_and_the_bound_holds() {
        let (ring, mut memory) = (ring(), Verified::new(24));
        let list = |from: u64| -> Vec<Claim> { (from..from + 12).map(|says| claim(1, says)).collect() };
        let doubled = [list(0), list(0)].concat();
        assert_eq!(memory.check(&ring, &doubled), Ok(()));
        assert_eq!(memory.check(&ring, &list(12)), Ok(()));
        assert_eq!((memory.known.len(), memory.order.len()), (24, 24));
        assert_eq!(memory.check(&ring, &list(6)), Ok(()), "half of each");
        assert_eq!(memory.counts(), counts(36, 12));
        assert_eq!(memory.check(&ring, &list(24)), Ok(()));
        assert_eq!((memory.known.len(), memory.order.len()), (24, 24));
        assert_eq!(memory.check(&ring, &list(12)), Ok(()), "the second list is still there");
        assert_eq!(memory.counts(), counts(48, 24));
        assert_eq!(memory.check(&ring, &list(0)), Ok(()), "the first is not");
        assert_eq!(memory.counts(), counts(60, 24));
    }

    /// Only `Signature([7; 64])` holds: no curve, so that long sequences are cheap.
    #[derive(Debug)]
    struct Sevens;

    impl Verifier for Sevens {
        fn verify(&self, claims: &[Claim]) -> Result<(), Forged> {
            match claims.iter().find(|claim| claim.signature.0 != [7; 64]) {
                Some(claim) => Err(Forged { by: claim.by }),
                None => Ok(()),
            }
        }
    }

    proptest! {
        #[test]
        fn a_memory_answers_as_the_verifier_does_and_stays_bounded(
            capacity in 0..6usize,
            lists in proptest::collection::vec(proptest::collection::vec((1..4u32, 0..8u64, any::<bool>()), 0..14), 0..30),
        ) {
            let mut memory = Verified::new(capacity);
            for list in lists {
                let claims: Vec<_> = list.iter().map(|(by, says, holds)| Claim {
                    by: node(*by),
                    statement: Statement::new(&DOMAIN, 1).number(*says),
                    signature: Signature([if *holds { 7 } else { 8 }; 64]),
                }).collect();
                prop_assert_eq!(memory.check(&Sevens, &claims), Sevens.verify(&claims));
                prop_assert!(memory.known.len() == memory.order.len() && memory.known.len() <= capacity);
                prop_assert!(memory.known.is_sorted());
            }
        }
    }
}
