//! Bugs that others have shipped (TRAPS 35), as far as `paper` and `live` do not show them.

use super::super::Message;
use super::catch_up::chain;
use super::cluster::n;
use super::craft::{ALONE, alone, certified};

/// TRAPS 35: blocks fetched without a bound. A chain that does not meet the tree is given up once it is longer than the tree
/// may be, whoever goes on telling of it.
#[test]
fn a_chain_of_missing_blocks_is_given_up_once_it_is_longer_than_the_tree_may_be() {
    const KEPT: usize = 24;
    const ANSWER: usize = 4;
    let mut world = alone(|config| {
        config.settings.max_blocks = KEPT as u32;
        config.settings.max_blocks_per_answer = ANSWER as u32;
    });
    let blocks = chain(&world, 200);
    world.deliver(n(2), n(ALONE), Message::Certificate(certified(&world, &blocks[199])));
    let mut longest = 0;
    for answer in blocks.rchunks(ANSWER) {
        world.deliver(n(2), n(ALONE), Message::Blocks(answer.iter().rev().cloned().collect()));
        longest = longest.max(world.node(ALONE).instance().sync.len());
    }
    assert!((KEPT..=KEPT + ANSWER).contains(&longest), "{longest} blocks were kept");
    assert_eq!(world.node(ALONE).instance().sync.len(), 0, "nothing is fetched any more");
    world.check(0);
}
