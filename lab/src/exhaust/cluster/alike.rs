//! Which small worlds need not be told apart?
//!
//! Two reasons make many worlds one: a message that can do nothing any more is as
//! good as lost, and it does not matter what the nodes are called. The arguments
//! stand at the functions; `tests` holds both against what such worlds do.

use quorumscope_core::few;
use quorumscope_core::raft::{AppendOutcome, Message};

use super::{Kept, Model};
use crate::exhaust::hash::Hash128;
use crate::exhaust::local::small;

impl Kept {
    /// Whether the node is in this term for good or beyond it, and `uses` nothing of it any more: a role that it has
    /// in no term that is on its disk does not come back.
    fn has_left(&self, term: u8, uses: bool) -> bool {
        self.durable_term > term || self.durable_term == term && (!uses || self.term > term)
    }
}

/// All orders of `count` names.
pub(super) fn orders(count: u8) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for name in 0..count {
        let wider = |order: Vec<u8>| {
            (0..=order.len()).rev().map(move |at| {
                let mut order = order.clone();
                order.insert(at, name);
                order
            })
        };
        all = all.into_iter().flat_map(wider).collect();
    }
    all
}

impl Model {
    /// Whether a message can do nothing that is not possible without it, now or later, so that it is as if it were
    /// lost. Whoever is in a lower term, or has not voted, can do all that it could do in a higher one or after a
    /// vote: what only makes a node adopt a term or give its vote away is of no use to anybody.
    pub(super) fn is_idle(&self, message: u32, from: usize, to: usize, state: &[u32]) -> bool {
        if self.keeps_idle {
            return false;
        }
        let (sender, receiver) = (&self.kept[state[from] as usize], &self.kept[state[to] as usize]);
        match self.message(message) {
            // The candidate can use no answer any more, or the vote is given to another one.
            Some(Message::RequestVote(request)) => {
                let term = small(request.term.0);
                let voted =
                    receiver.durable_term == term && ![0, small(from as u64) + 1].contains(&receiver.durable_vote);
                receiver.durable_term > term || sender.has_left(term, sender.campaigns) || (self.votes_last && voted)
            }
            Some(Message::RequestVoteReply(reply)) => {
                let term = small(reply.term.0);
                receiver.has_left(term, receiver.campaigns && reply.vote_granted)
            }
            Some(Message::AppendEntries(append)) => receiver.durable_term > small(append.term.0),
            Some(Message::FeedEdge(feed)) => receiver.durable_term > small(feed.append.term.0),
            Some(Message::Relayed(relayed)) => receiver.durable_term > small(relayed.append.term.0),
            Some(Message::Relay(order)) => receiver.durable_term > small(order.append.term.0),
            Some(Message::AppendEntriesReply(reply)) => {
                let asks = (receiver.leads || receiver.campaigns) && reply.outcome != AppendOutcome::StaleTerm;
                receiver.has_left(small(reply.term.0), asks)
            }
            Some(
                Message::PreVote(_)
                | Message::PreVoteReply(_)
                | Message::InstallSnapshot(_)
                | Message::InstallSnapshotReply(_)
                | Message::ReadIndex(_)
                | Message::ReadIndexReply(_)
                | Message::TimeoutNow(_),
            )
            | None => false,
        }
    }

    /// Empties the slots to and from a node whose messages do nothing any more.
    pub(super) fn forget_idle(&self, state: &mut [u32], node: usize) {
        for other in (0..self.nodes()).filter(|other| *other != node) {
            for (from, to) in [(other, node), (node, other)] {
                for slot in self.link(from, to) {
                    if state[slot] != 0 && self.is_idle(state[slot], from, to, state) {
                        state[slot] = 0;
                    }
                }
            }
        }
    }

    /// The world's key: the lowest hash under the orders of the nodes that put their classes in order. Mostly all
    /// classes are different, and there is only one.
    pub(in crate::exhaust) fn key(&self, state: &[u32]) -> u128 {
        let class = |node: u8| self.kept[state[usize::from(node)] as usize].class;
        let mut sorted = [0, 1, 2, 3, 4];
        let sorted = &mut sorted[..self.nodes()];
        few::sort(sorted, |a, b| class(*a) < class(*b));
        if sorted.windows(2).all(|pair| class(pair[0]) < class(pair[1])) {
            let order = self.order_of[place_of(sorted)];
            return self.hash_in_order(state, usize::from(order), sorted);
        }
        let orders = self.orders.iter().enumerate();
        let in_order = orders.filter(|(_, (_, who))| who.is_sorted_by_key(|node| class(*node)));
        in_order.map(|(order, (_, who))| self.hash_in_order(state, order, who)).min().unwrap_or_default()
    }

    fn hash_in_order(&self, state: &[u32], order: usize, who: &[u8]) -> u128 {
        let mut hash = Hash128::new();
        for node in who {
            hash.wide(self.kept[state[usize::from(*node)] as usize].hashes[order]);
        }
        for from in who {
            for to in who.iter().filter(|to| *to != from) {
                for slot in self.link(usize::from(*from), usize::from(*to)) {
                    hash.word(u64::from(state[slot]));
                }
            }
        }
        hash.word(u64::from(state[state.len() - 2]) << 32 | u64::from(state[state.len() - 1]));
        hash.value()
    }
}

/// The place of an order in a table: its names as the digits of a number.
pub(super) fn place_of(who: &[u8]) -> usize {
    who.iter().fold(0, |place, node| place * 5 + usize::from(*node))
}
