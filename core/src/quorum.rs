//! How many make a quorum?
//!
//! All quorum arithmetic of the project stands here, by name. Raft takes its
//! quorum system as a parameter, so that the hybrid can ask for Byzantine
//! quorums without being a copy of Raft.

use core::fmt::Debug;

use smallvec::SmallVec;

use crate::few;
use crate::membership::Membership;
use crate::types::{LogIndex, NodeId, Term};

/// Decides what enough means.
pub trait QuorumSystem: Clone + Debug {
    /// The quorum system of these members. `weakened` is the laboratory's broken variant, one vote
    /// short of safety; the native node never asks for it.
    fn of(members: &Membership, weakened: bool) -> Self;

    /// How many voters make a quorum; while joint, of the incoming half.
    fn needed(&self) -> u32;

    /// Whether so many members can be enough at all: a look at a number, before voters are asked one by one.
    fn may_suffice(&self, members: usize) -> bool {
        members >= self.needed() as usize
    }

    /// Whether these voters make a quorum.
    fn is_quorum(&self, has: impl Fn(NodeId) -> bool) -> bool;

    /// The highest index that a quorum holds, given what each voter holds.
    fn held_by_quorum(&self, holds: impl Fn(NodeId) -> LogIndex) -> LogIndex;
}

/// More than half of the voters (Raft paper §5.2): any two majorities share a voter. While a
/// configuration is joint, more than half of each half (§6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Majority {
    incoming: Half,
    outgoing: Option<Half>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Half {
    voters: SmallVec<[NodeId; 8]>,
    needed: u32,
}

/// ⌊n/2⌋ + 1.
#[must_use]
pub fn majority(voters: u32) -> u32 {
    voters / 2 + 1
}

impl Half {
    fn of(voters: &[NodeId], weakened: bool) -> Self {
        let count = u32::try_from(voters.len()).unwrap_or(u32::MAX);
        let needed = if weakened { majority(count).saturating_sub(1).max(1) } else { majority(count) };
        Self { voters: voters.into(), needed }
    }

    #[inline]
    fn is_quorum(&self, has: &impl Fn(NodeId) -> bool) -> bool {
        self.voters.iter().filter(|voter| has(**voter)).count() >= self.needed as usize
    }

    #[inline]
    fn held(&self, holds: &impl Fn(NodeId) -> LogIndex) -> LogIndex {
        // The usual clusters fit where they need no memory of their own, and nothing is moved.
        let mut few = [LogIndex::ZERO; 8];
        let mut many = Vec::new();
        let held = if let Some(held) = few.get_mut(..self.voters.len()) {
            held
        } else {
            many.resize(self.voters.len(), LogIndex::ZERO);
            &mut many[..]
        };
        for (held, voter) in held.iter_mut().zip(&self.voters) {
            *held = holds(*voter);
        }
        few::sort(held, |a, b| a > b);
        held.get(self.needed as usize - 1).copied().unwrap_or(LogIndex::ZERO)
    }
}

impl QuorumSystem for Majority {
    fn of(members: &Membership, weakened: bool) -> Self {
        let outgoing = members.is_joint().then(|| Half::of(&members.outgoing, weakened));
        Self { incoming: Half::of(&members.voters, weakened), outgoing }
    }

    fn needed(&self) -> u32 {
        self.incoming.needed
    }

    fn is_quorum(&self, has: impl Fn(NodeId) -> bool) -> bool {
        self.incoming.is_quorum(&has) && self.outgoing.as_ref().is_none_or(|half| half.is_quorum(&has))
    }

    fn held_by_quorum(&self, holds: impl Fn(NodeId) -> LogIndex) -> LogIndex {
        let incoming = self.incoming.held(&holds);
        self.outgoing.as_ref().map_or(incoming, |half| half.held(&holds).min(incoming))
    }
}

/// How many of so many voters may lie: ⌊(n−1)/3⌋, the most for which quorums exist that share an honest voter and that
/// the honest can make alone (PBFT §3).
#[must_use]
pub fn faulty(voters: u32) -> u32 {
    voters.saturating_sub(1) / 3
}

/// ⌊(n+f)/2⌋ + 1: any two such sets share f+1 voters, so an honest one. It is 2f+1 exactly at n = 3f+1.
#[must_use]
pub fn byzantine_quorum(voters: u32) -> u32 {
    (voters + faulty(voters)) / 2 + 1
}

/// f+1: at least one of so many is honest.
#[must_use]
pub fn one_honest(voters: u32) -> u32 {
    faulty(voters) + 1
}

/// What counts as enough where some voters lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Byzantine {
    voters: SmallVec<[NodeId; 8]>,
    needed: u32,
}

impl Byzantine {
    /// The quorums of these voters. `weakened` is the laboratory's broken variant, one vote short of safety.
    #[must_use]
    pub fn of(voters: &[NodeId], weakened: bool) -> Self {
        let mut sorted: SmallVec<[NodeId; 8]> = voters.into();
        few::sort(&mut sorted, |a, b| a < b);
        let needed = byzantine_quorum(count(&sorted));
        Self { voters: sorted, needed: if weakened { needed.saturating_sub(1).max(1) } else { needed } }
    }

    /// Who votes, sorted.
    #[must_use]
    pub fn voters(&self) -> &[NodeId] {
        &self.voters
    }

    /// q: how many make a quorum.
    #[must_use]
    pub fn needed(&self) -> u32 {
        self.needed
    }

    /// f: how many may lie.
    #[must_use]
    pub fn faulty(&self) -> u32 {
        faulty(count(&self.voters))
    }

    /// f+1: at least one of so many is honest.
    #[must_use]
    pub fn one_honest(&self) -> u32 {
        one_honest(count(&self.voters))
    }

    /// Whether `node` votes.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.binary_search(&node).is_ok()
    }

    /// Whose turn it is in view `view`: the voters in order, one after the other (PBFT §4.1: p = v mod |R|).
    #[must_use]
    pub fn in_turn(&self, view: Term) -> Option<NodeId> {
        let turn = view.0.checked_rem(self.voters.len() as u64)?;
        self.voters.get(usize::try_from(turn).ok()?).copied()
    }

    /// The voter after `source`, `own` left out: whom to ask next where `source` does not answer.
    #[must_use]
    pub fn after(&self, source: NodeId, own: NodeId) -> NodeId {
        few::after(&self.voters, source, own)
    }

    /// Whether these are enough distinct voters; a name that comes twice counts once, whatever comes between.
    pub fn is_quorum(&self, named: impl Iterator<Item = NodeId>) -> bool {
        self.distinct(named) >= self.needed
    }

    /// How many distinct voters are named.
    pub fn distinct(&self, named: impl Iterator<Item = NodeId>) -> u32 {
        let mut seen: SmallVec<[bool; 8]> = SmallVec::from_elem(false, self.voters.len());
        for position in named.filter_map(|node| self.voters.binary_search(&node).ok()) {
            seen[position] = true;
        }
        u32::try_from(seen.into_iter().filter(|named| *named).count()).unwrap_or(u32::MAX)
    }
}

fn count(voters: &[NodeId]) -> u32 {
    u32::try_from(voters.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byzantine_thresholds_are_those_of_the_papers() {
        let of = |n| (faulty(n), byzantine_quorum(n), one_honest(n));
        assert_eq!([4, 7, 10, 31, 100].map(of), [(1, 3, 2), (2, 5, 3), (3, 7, 4), (10, 21, 11), (33, 67, 34)]);
        assert_eq!([1, 2, 3, 5, 6].map(of), [(0, 1, 1), (0, 2, 1), (0, 2, 1), (1, 4, 2), (1, 4, 2)]);
    }

    /// By brute force over sizes: two quorums share an honest voter, and the honest alone are a quorum.
    #[test]
    fn two_quorums_share_an_honest_voter_and_the_honest_make_one() {
        for n in 1..=300 {
            let (f, q) = (faulty(n), byzantine_quorum(n));
            assert!(2 * q > n + f, "two quorums of {n} share more than the liars");
            assert!(n - f >= q, "the honest of {n} make a quorum");
            assert!(2 * (q - 1) <= n + f, "no fewer are enough with {n}");
        }
    }

    #[test]
    fn a_voter_that_is_named_twice_counts_once_and_a_stranger_never() {
        let quorum = Byzantine::of(&[3, 1, 4, 2].map(NodeId), false);
        assert!(!quorum.is_quorum([1, 2, 2, 1, 9, 8].map(NodeId).into_iter()));
        assert!(quorum.is_quorum([1, 2, 2, 1, 9, 4].map(NodeId).into_iter()));
        assert_eq!([0, 1, 5].map(|view| quorum.in_turn(Term(view))), [1, 2, 2].map(|id| Some(NodeId(id))));
        assert_eq!(Byzantine::of(&[], false).in_turn(Term(3)), None);
    }

    fn voters(count: u32) -> Membership {
        Membership::of((1..=count).map(NodeId).collect())
    }

    #[test]
    fn any_two_majorities_share_a_voter() {
        for count in 1..=7 {
            let system = Majority::of(&voters(count), false);
            let quorums: Vec<u32> =
                (0..1u32 << count).filter(|set| system.is_quorum(|node| set & (1 << (node.0 - 1)) != 0)).collect();
            assert!(quorums.iter().all(|a| quorums.iter().all(|b| a & b != 0)), "{count} voters");
        }
    }

    #[test]
    fn a_weakened_quorum_is_one_vote_short() {
        assert_eq!(Majority::of(&voters(5), true).needed(), 2);
        assert_eq!(Majority::of(&voters(3), true).needed(), 1);
        assert_eq!(Majority::of(&voters(1), true).needed(), 1);
    }

    #[test]
    fn the_index_that_a_quorum_holds_is_the_highest_with_enough_holders() {
        let system = Majority::of(&voters(5), false);
        let holds = [9, 3, 7, 5, 1];
        let held = system.held_by_quorum(|node| LogIndex(holds[node.0 as usize - 1]));
        let brute = (0..=9)
            .rev()
            .map(LogIndex)
            .find(|index| system.is_quorum(|node| holds[node.0 as usize - 1] >= index.0))
            .expect("index 0 is held by all");
        assert_eq!(held, brute);
    }

    /// Raft paper §6: agreement needs separate majorities of the old and of the new configuration.
    #[test]
    fn a_joint_quorum_is_a_majority_of_each_half_whatever_the_halves() {
        for halves in 1..1u32 << 8 {
            let half =
                |shift: u32| (0..4).filter(move |bit| halves >> shift & (1 << bit) != 0).map(|bit| NodeId(bit + 1));
            let (voters, outgoing): (Vec<_>, Vec<_>) = (half(0).collect(), half(4).collect());
            if voters.is_empty() || outgoing.is_empty() {
                continue;
            }
            let joint = Membership { voters: voters.clone(), outgoing: outgoing.clone(), ..Membership::default() };
            let system = Majority::of(&joint, false);
            for set in 0..1u32 << 4 {
                let has = |node: NodeId| set & (1 << (node.0 - 1)) != 0;
                let most = |half: &[NodeId]| half.iter().filter(|node| has(**node)).count() * 2 > half.len();
                assert_eq!(system.is_quorum(has), most(&voters) && most(&outgoing), "{joint:?}, set {set:b}");
            }
            let holds = |node: NodeId| LogIndex(u64::from(node.0 * 7 % 5));
            let brute = (0..5).rev().map(LogIndex).find(|index| system.is_quorum(|node| holds(node) >= *index));
            assert_eq!(Some(system.held_by_quorum(holds)), brute, "{joint:?}");
        }
    }
}
