//! Where does chance come from?
//!
//! One seeded generator per concern, cloned with its owner: the same seed gives
//! the same draws natively and in wasm. The draws below are part of the run's
//! meaning, so they are spelled out here and not left to a library's choice of
//! distribution algorithm.

use rand_core::{Rng as _, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use crate::types::Span;

/// A deterministic generator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// A generator for one concern of one run. Two different concerns of one seed are independent.
    #[must_use]
    pub fn new(seed: u64, concern: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed ^ concern.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17)))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`; 0 where the bound is 0. Its bias is below 2⁻³² for bounds below 2³².
    pub fn below(&mut self, bound: u64) -> u64 {
        let bits = self.bits();
        if bound <= u64::from(u32::MAX) {
            // The same number from two short products: WebAssembly has no instruction for the long one.
            let (high, low) = (bits >> 32, bits & u64::from(u32::MAX));
            return (high * bound + ((low * bound) >> 32)) >> 32;
        }
        let product = u128::from(bits) * u128::from(bound);
        let upper = (product >> 64) as u64; // the upper half of a product of two u64 fits
        upper
    }

    /// A span between two values, both included.
    pub fn span(&mut self, between: (Span, Span)) -> Span {
        let (low, high) = between;
        Span(low.0 + self.below(high.0.saturating_sub(low.0).saturating_add(1)))
    }

    /// True with a chance given in parts per million.
    pub fn chance_ppm(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_below_a_bound_is_the_upper_half_of_the_long_product() {
        let (mut drawn, mut bits) = (Rng::new(3, 1), Rng::new(3, 1));
        for shift in (0..64).cycle().take(10_000) {
            let bound = u64::MAX >> shift;
            assert_eq!(u128::from(drawn.below(bound)), (u128::from(bits.bits()) * u128::from(bound)) >> 64);
        }
    }
}
