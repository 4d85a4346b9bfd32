//! Whoever lags behind gets what it lacks, whatever else happens to it meanwhile.

use std::sync::Arc;

use bytes::Bytes;

use super::super::{Block, Event, Message};
use super::cluster::{World, ms, n};
use super::craft::{ALONE, alone, batch, block, certified, genesis};
use crate::bft::testing::TestSigner;
use crate::bft::{Certificate, Checkpoint, Chunk, StableCheckpoint};
use crate::crypto::{Hash256, Identity, Signer as _};
use crate::membership::Membership;
use crate::snapshot::{Snapshot, SnapshotMeta};
use crate::types::{Digest, LogIndex, Sequence, Span, Term};

/// A chain of certified blocks with a request each, of these views.
pub(super) fn chain(world: &World, last: u64) -> Vec<Arc<Block>> {
    let mut justify = genesis();
    let next = |view| {
        let next = block(view, &justify, batch(world, view));
        justify = certified(world, &next);
        next
    };
    (1..=last).map(next).collect()
}

/// The proven state after the block of this view, each block before it being an entry; and its bytes.
fn state_after(world: &World, view: u64) -> (StableCheckpoint, Bytes) {
    let data = Bytes::copy_from_slice(&7_u64.to_le_bytes());
    let meta = SnapshotMeta {
        index: LogIndex(view),
        term: Term(view),
        log_time: world.clock().wall,
        membership: Membership::of(world.config.voters.clone()),
        digest: Digest(7),
        subscription: None,
    };
    let checkpoint = Checkpoint::of(Sequence(view), &Snapshot { meta, data: data.clone() });
    let statement = checkpoint.statement(&world.config.domain());
    let signed = [2, 3, 4].map(|by| (n(by), TestSigner(Identity::Node(n(by))).sign(&statement)));
    (StableCheckpoint { checkpoint, certificate: Certificate::of(signed.into_iter(), 3) }, data)
}

/// Two blocks are here and their ancestors are on their way when a state is installed from between the two. The older one
/// is not wanted any more, and neither is what comes before it, which nobody has: the newer one follows the state.
#[test]
fn a_state_that_was_installed_ends_the_search_for_what_came_before_it() {
    let mut world = alone(|config| config.settings.max_blocks_per_answer = 2);
    let blocks = chain(&world, 20);
    let (proof, data) = state_after(&world, 19);
    let newest = certified(&world, &blocks[19]);
    world.deliver(n(2), n(ALONE), Message::Certificate(newest));
    world.deliver(n(2), n(ALONE), Message::Blocks(vec![Arc::clone(&blocks[19]), Arc::clone(&blocks[18])]));
    world.deliver(n(2), n(ALONE), Message::Stable(Box::new(proof)));
    world.deliver(n(2), n(ALONE), Message::Chunk(Chunk { snapshot: Hash256::of(&data), offset: 0, data }));
    world.run(Span(600));
    assert_eq!(world.noted(ALONE, |event| matches!(event, Event::StateInstalled { .. })), 1);
    world.sent.clear();
    world.run(ms(1_000));
    let asked = world.sent.iter().filter(|(_, _, message)| matches!(message, Message::Fetch(_))).count();
    assert_eq!(asked, 0, "it asks for nothing any more");
    let replica = &world.node(ALONE).instance();
    assert!(replica.blocks().iter().any(|known| known.view() == Term(20)), "the newest block is here");
    assert_eq!(replica.view(), Term(21));
    world.check(1);
}
