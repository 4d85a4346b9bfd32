//! Which links does a replica hold, and which history are they?
//!
//! A row after a base whose hash is known. What is truncated and was
//! acknowledged is kept aside by hash: it may have been prepared where this
//! replica has not heard of it, and then a later leader needs its body.

use std::collections::VecDeque;
use std::sync::Arc;

use super::link::{Link, Mark};
use crate::crypto::Hash256;
use crate::types::Sequence;

/// Links in a row.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    base: Sequence,
    base_hash: Hash256,
    links: VecDeque<Arc<Link>>,
    /// Truncated after they were acknowledged.
    kept: Vec<Arc<Link>>,
}

impl Chain {
    pub(super) fn after(base: Sequence, base_hash: Hash256) -> Self {
        Self { base, base_hash, links: VecDeque::new(), kept: Vec::new() }
    }

    /// The place of its last link.
    pub(super) fn last(&self) -> Sequence {
        Sequence(self.base.0 + self.links.len() as u64)
    }

    /// The hash of all of it.
    pub(super) fn tip(&self) -> Hash256 {
        self.links.back().map_or(self.base_hash, |link| link.hash())
    }

    fn place(&self, sequence: Sequence) -> Option<usize> {
        usize::try_from(sequence.0.checked_sub(self.base.0 + 1)?).ok()
    }

    pub(super) fn get(&self, sequence: Sequence) -> Option<&Arc<Link>> {
        self.links.get(self.place(sequence)?)
    }

    /// The hash of the history up to here, as far as it is held.
    pub(super) fn hash_at(&self, sequence: Sequence) -> Option<Hash256> {
        if sequence == self.base { Some(self.base_hash) } else { self.get(sequence).map(|link| link.hash()) }
    }

    /// Whether this history is a part of its own.
    pub(super) fn contains(&self, mark: &Mark) -> bool {
        self.hash_at(mark.sequence) == Some(mark.hash)
    }

    /// Adds a link at the end. Returns false where it does not continue the row.
    pub(super) fn push(&mut self, link: Arc<Link>) -> bool {
        let continues = link.sequence() == self.last().next() && link.previous() == self.tip();
        if continues {
            self.links.push_back(link);
        }
        continues
    }

    /// Removes all after this place, and keeps those of them up to `acknowledged` aside.
    pub(super) fn truncate(&mut self, after: Sequence, acknowledged: Option<Sequence>) -> Vec<Arc<Link>> {
        let from = self.place(after.next()).unwrap_or(0).min(self.links.len());
        let removed: Vec<Arc<Link>> = self.links.drain(from..).collect();
        let worth = |link: &&Arc<Link>| acknowledged.is_some_and(|through| link.sequence() <= through);
        let kept: Vec<Arc<Link>> = removed.into_iter().filter(|link| worth(&link)).collect();
        self.kept.extend(kept.iter().cloned());
        kept
    }

    /// Takes up a link that was kept aside.
    pub(super) fn keep(&mut self, link: Arc<Link>) {
        self.kept.push(link);
    }

    /// What is committed up to here needs no other history of these places.
    pub(super) fn settle(&mut self, committed: Sequence) {
        self.kept.retain(|link| link.sequence() > committed);
    }

    /// Forgets the links up to here. Where they are not held, all go, and the row goes on after a base of this hash.
    pub(super) fn forget(&mut self, through: Sequence, hash: Hash256) {
        if through <= self.base {
            return;
        }
        if self.hash_at(through) == Some(hash) {
            let count = self.place(through).map_or(0, |place| place + 1);
            self.links.drain(..count.min(self.links.len()));
        } else {
            self.links.clear();
        }
        (self.base, self.base_hash) = (through, hash);
        self.settle(through);
    }

    /// Those after this place, in order.
    pub(super) fn following(&self, after: Sequence) -> impl Iterator<Item = &Arc<Link>> {
        let from = self.place(after.next()).unwrap_or(0).min(self.links.len());
        self.links.range(from..)
    }

    /// All links, and those that are kept aside.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.links.len() + self.kept.len()
    }

    /// All links, in whatever row.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Link>> {
        self.kept.iter().chain(&self.links)
    }

    fn find(&self, hash: Hash256) -> Option<&Arc<Link>> {
        self.kept.iter().chain(&self.links).find(|link| link.hash() == hash)
    }

    /// The links after `after` that lead to this history, as far as all of them are held in whatever row.
    pub(super) fn path(&self, mut hash: Hash256, after: Sequence) -> Option<Vec<Arc<Link>>> {
        let mut path = Vec::new();
        loop {
            let link = self.find(hash)?;
            if link.sequence() <= after {
                return None;
            }
            hash = link.previous();
            path.push(Arc::clone(link));
            if link.sequence() == after.next() {
                path.reverse();
                return Some(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bft::Batch;
    use crate::types::{Term, Wall};

    fn row(origin: u64, after: &Chain, count: u64) -> Vec<Arc<Link>> {
        let (mut previous, mut links) = (after.tip(), Vec::new());
        for sequence in (after.last().0 + 1..).take(count as usize) {
            let batch = Batch::new(Some(Wall(sequence)), Vec::new());
            let link = Arc::new(Link::new(Term(origin), Sequence(sequence), previous, batch));
            previous = link.hash();
            links.push(link);
        }
        links
    }

    #[test]
    fn what_was_acknowledged_and_truncated_is_found_by_hash_until_its_place_is_settled() {
        let mut chain = Chain::after(Sequence(0), Hash256::ZERO);
        let first = row(1, &chain, 4);
        assert!(first.iter().all(|link| chain.push(Arc::clone(link))));
        assert_eq!(chain.truncate(Sequence(1), Some(Sequence(3))).len(), 2, "the fourth was never acknowledged");
        let second = row(2, &chain, 2);
        assert!(second.iter().all(|link| chain.push(Arc::clone(link))));
        let path = chain.path(first[2].hash(), Sequence(0)).expect("all three are held");
        assert_eq!(path, first[..3]);
        assert_eq!(chain.path(first[2].hash(), Sequence(3)), None, "it lies before");
        assert_eq!(chain.path(first[3].hash(), Sequence(0)), None);
        chain.settle(Sequence(2));
        assert_eq!((chain.held(), chain.path(first[2].hash(), Sequence(0))), (4, None));
    }

    #[test]
    fn a_link_that_does_not_continue_the_row_is_not_taken() {
        let mut chain = Chain::after(Sequence(4), Hash256([4; 32]));
        let links = row(1, &chain, 2);
        assert!(!chain.push(Arc::clone(&links[1])));
        let elsewhere = Link::new(Term(1), Sequence(5), Hash256::ZERO, Batch::null());
        assert!(!chain.push(Arc::new(elsewhere)));
        assert!(chain.push(Arc::clone(&links[0])));
        chain.forget(Sequence(5), links[0].hash());
        assert!(chain.push(Arc::clone(&links[1])));
        chain.forget(Sequence(9), Hash256([9; 32]));
        assert_eq!((chain.last(), chain.tip(), chain.get(Sequence(9))), (Sequence(9), Hash256([9; 32]), None));
    }
}
