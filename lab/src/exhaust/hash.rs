//! How are states told apart, and found again, in little memory?
//!
//! A state is known by 128 bits of a hash of its projection. Among a hundred
//! million states the chance that two different ones share them is about one in
//! 10²². The hash is two chains of multiplications with different constants; it
//! is no protection against anybody. `Index` numbers hashes in the order in
//! which they came: sixteen bytes for each, and four for each slot of its table.

use std::hash::{Hash, Hasher};

/// A running hash of 128 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash128(u64, u64);

impl Hash128 {
    pub(super) fn new() -> Self {
        Self(0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344)
    }

    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.1 = (self.1.rotate_left(31) ^ word).wrapping_mul(0xD1B5_4A32_D192_ED03).wrapping_add(word);
    }

    /// Takes in another hash.
    #[inline]
    pub(super) fn wide(&mut self, hash: u128) {
        self.word(hash as u64); // the lower half
        self.word((hash >> 64) as u64);
    }

    pub(super) fn value(self) -> u128 {
        let finish = |word: u64| {
            let word = (word ^ (word >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
            word ^ (word >> 29)
        };
        u128::from(finish(self.0)) << 64 | u128::from(finish(self.1))
    }

    /// The hash of one value.
    pub(super) fn of(value: &impl Hash) -> u128 {
        let mut hash = Self::new();
        value.hash(&mut hash);
        hash.value()
    }
}

impl Hasher for Hash128 {
    fn finish(&self) -> u64 {
        self.value() as u64 // the lower half
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        self.word(bytes.len() as u64);
    }
}

/// Numbers hashes from 0 on, in the order in which they came.
#[derive(Debug)]
pub(super) struct Index {
    keys: Vec<u128>,
    /// Numbers + 1, found from a hash's lower bits on; 0 is free. A power of two long, and never more than three
    /// quarters full.
    slots: Vec<u32>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { keys: Vec::new(), slots: vec![0; 1 << 10] }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn key(&self, number: u32) -> u128 {
        self.keys[number as usize]
    }

    /// The slot that holds `key`, or the free one where it belongs.
    fn slot(&self, key: u128) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = key as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return slot,
                number if self.keys[number as usize - 1] == key => return slot,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    pub(super) fn find(&self, key: u128) -> Option<u32> {
        self.slots[self.slot(key)].checked_sub(1)
    }

    /// The number of `key`, and whether it is new.
    pub(super) fn insert(&mut self, key: u128) -> (u32, bool) {
        let slot = self.slot(key);
        if let Some(known) = self.slots[slot].checked_sub(1) {
            return (known, false);
        }
        let number = u32::try_from(self.keys.len()).expect("memory ends before four billion states");
        self.slots[slot] = number + 1;
        self.keys.push(key);
        if self.keys.len() * 4 > self.slots.len() * 3 {
            self.grow();
        }
        (number, true)
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        let mask = self.slots.len() - 1;
        for (key, number) in self.keys.iter().zip(1..) {
            let mut slot = *key as usize & mask;
            while self.slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = number;
        }
    }

    /// What it holds, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        (self.keys.capacity() * size_of::<u128>() + self.slots.capacity() * size_of::<u32>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_numbers_each_hash_once_however_many_there_are() {
        let mut index = Index::new();
        let keys: Vec<u128> = (0..50_000_u64).map(|value| Hash128::of(&value)).collect();
        for (key, number) in keys.iter().zip(0..) {
            assert_eq!(index.find(*key), None);
            assert_eq!(index.insert(*key), (number, true));
        }
        for (key, number) in keys.iter().zip(0..) {
            assert_eq!(
                (index.insert(*key), index.find(*key), index.key(number)),
                ((number, false), Some(number), *key)
            );
        }
        assert_eq!(index.len(), 50_000);
    }

    #[test]
    fn both_halves_of_a_hash_tell_small_values_apart() {
        let halves = |half: fn(u128) -> u64| {
            let mut all: Vec<u64> =
                (0..300_u64).flat_map(|a| (0..300_u64).map(move |b| half(Hash128::of(&(a, b))))).collect();
            all.sort_unstable();
            all.dedup();
            all.len()
        };
        assert_eq!(halves(|hash| hash as u64), 90_000);
        assert_eq!(halves(|hash| (hash >> 64) as u64), 90_000);
    }
}
