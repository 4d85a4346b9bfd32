//! Which blocks do HotStuff replicas hold, and what do they know of them?
//!
//! One tree of all running replicas: who is locked on which block, whose highest
//! certificate is for which, where each is committed. Two boxes of one view say
//! that its leader lies.

use quorumscope_core::bft::hotstuff::{BlockStatus, Replica};
use quorumscope_core::crypto::Hash256;
use quorumscope_core::few;
use quorumscope_core::record::Detail;
use quorumscope_core::types::{NodeId, Term};

use super::board::{Block, Tree, runs};
use crate::trace::view::{NodeView, View};
use crate::trace::words::{board as words, fill, list, requests};

pub(super) fn tree(view: &View, most: usize) -> Tree {
    // Views begin anew with each epoch: the tree is that of the newest.
    let newest = |node: &NodeView| node.epoch() == view.epoch;
    // Who has no vote locks nothing and is counted nowhere. A stream may not say who votes: then everybody does.
    let votes = |id: &NodeId| view.voters.is_empty() || view.voters.contains(id);
    let knows =
        |(id, node): (&NodeId, _)| replica_of(node).filter(|_| votes(id) && newest(node)).map(|replica| (*id, replica));
    let replicas: Vec<(NodeId, &Replica)> = view.nodes.iter().filter_map(knows).collect();
    let all = replicas.iter().flat_map(|(_, replica)| &replica.blocks);
    let terms = few::distinct(all.clone().map(|block| block.view));
    let first = terms.len().checked_sub(most).and_then(|skip| terms.get(skip)).copied().unwrap_or(Term(0));
    let known = few::distinct(all.filter(|block| block.view >= first).map(|block| (block.view, block.hash)));
    let mut blocks: Vec<Block> = Vec::new();
    for (at, (term, hash)) in known.iter().enumerate() {
        let held: Vec<(NodeId, &BlockStatus)> =
            replicas.iter().filter_map(|(id, of)| Some((*id, find(of, *hash)?))).collect();
        let Some((_, one)) = held.first() else { continue };
        let parent = known.iter().take(at).position(|(_, hash)| *hash == one.parent);
        let by = |is: &dyn Fn(&Replica) -> bool| {
            replicas.iter().filter(|(_, replica)| is(replica)).map(|(id, _)| *id).collect::<Vec<_>>()
        };
        let mut block = Block {
            term: *term,
            twin: known.iter().take(at).filter(|(view, _)| view == term).map(|_| 1).sum(),
            parent,
            requests: one.requests,
            certified: held.iter().any(|(_, block)| block.certified),
            committed: held.iter().filter(|(_, block)| block.committed).map(|(id, _)| *id).collect(),
            locked: by(&|replica| replica.lock.block == *hash),
            high: by(&|replica| replica.high.block == *hash),
            words: String::new(),
        };
        block.words = told(&block, parent.and_then(|parent| known.get(parent)).map(|(view, _)| *view), replicas.len());
        block.term = block.term.in_instance(view.epoch);
        blocks.push(block);
    }
    Tree { blocks }
}

fn replica_of(node: &NodeView) -> Option<&Replica> {
    match node.status.detail.as_deref().filter(|_| runs(node)) {
        Some(Detail::HotStuff(replica)) => Some(replica),
        Some(Detail::Pbft(_) | Detail::Hybrid(_)) | None => None,
    }
}

fn find(replica: &Replica, hash: Hash256) -> Option<&BlockStatus> {
    replica.blocks.iter().find(|block| block.hash == hash)
}

fn told(block: &Block, parent: Option<Term>, of: usize) -> String {
    let held = if block.requests == 0 { words::EMPTY.to_owned() } else { requests(block.requests) };
    let mut text = match parent {
        Some(parent) => fill(words::BLOCK, &[("view", &block.term.0), ("parent", &parent.0), ("requests", &held)]),
        None => fill(words::BLOCK_UNSEEN, &[("view", &block.term.0), ("requests", &held)]),
    };
    if block.certified {
        text.push_str(words::CERTIFIED);
    }
    for (template, nodes) in
        [(words::LOCKED, &block.locked), (words::HIGH, &block.high), (words::DECIDED, &block.committed)]
    {
        if !nodes.is_empty() {
            let who = if nodes.len() == of { words::EVERYBODY.to_owned() } else { list(nodes) };
            text.push_str(&fill(template, &[("nodes", &who)]));
        }
    }
    text
}
