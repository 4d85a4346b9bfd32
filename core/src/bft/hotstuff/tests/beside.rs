//! Certificates of branches that were given up: one replica has one, and the others have gone on beside it.

use std::sync::Arc;

use super::super::{Block, Message};
use super::cluster::{World, ms, n};
use super::craft::{ALONE, alone, batch, block, certified, genesis, given_up, propose};
use super::epochs::{change, signed};
use crate::bft::Batch;
use crate::bft::epoch::Instance as _;
use crate::bft::request::OPERATOR;

/// Blocks of the views 1, 2 and 3 in a chain, and one of view 5 that follows the second. The first has a request.
fn fork(world: &World) -> [Arc<Block>; 4] {
    fork_with(world, batch(world, 1))
}

fn fork_with(world: &World, batch: Batch) -> [Arc<Block>; 4] {
    let first = block(1, &genesis(), batch);
    let second = block(2, &certified(world, &first), Batch::null());
    let third = block(3, &certified(world, &second), Batch::null());
    let other = block(5, &certified(world, &second), Batch::null());
    [first, second, third, other]
}

fn committed(world: &World) -> u64 {
    world.node(ALONE).instance().committed().view.0
}

/// Hands over the branch of view 5.
fn go_on(world: &mut World, other: &Arc<Block>) {
    let entered_by = given_up(world, 4, 2);
    propose(world, other, Some(entered_by));
}

/// And its certificate.
fn go_on_beside(world: &mut World, other: &Arc<Block>) {
    go_on(world, other);
    let next = block(6, &certified(world, other), Batch::null());
    propose(world, &next, None);
    assert_eq!(committed(world), 0);
}

/// §5: three certified blocks of consecutive views commit the first of them, whatever else is certified. Found by an
/// exploration: two of four had ended their instance by such a certificate, and the others never got it.
#[test]
fn a_certificate_beside_the_highest_one_commits() {
    let mut world = alone(|_| {});
    let [first, second, third, other] = fork(&world);
    for block in [&first, &second, &third] {
        propose(&mut world, block, None);
    }
    go_on_beside(&mut world, &other);
    let beside = certified(&world, &third);
    world.deliver(n(2), n(ALONE), Message::Certificate(beside));
    assert_eq!(committed(&world), 1);
}

/// Where its block is not here, it is asked for.
#[test]
fn the_block_of_a_certificate_beside_the_highest_one_is_fetched() {
    let mut world = alone(|_| {});
    let [first, second, third, other] = fork(&world);
    for block in [&first, &second] {
        propose(&mut world, block, None);
    }
    go_on_beside(&mut world, &other);
    let beside = certified(&world, &third);
    world.deliver(n(2), n(ALONE), Message::Certificate(beside));
    let wanted = |message: &Message| matches!(message, Message::Fetch(fetch) if fetch.block == third.hash());
    assert!(world.sent.iter().any(|(.., message)| wanted(message)));
    world.deliver(n(2), n(ALONE), Message::Blocks(vec![third]));
    assert_eq!(committed(&world), 1);
}

/// A replica that has ended says what proves it: not the certificate that was its highest before.
#[test]
fn an_end_that_was_committed_beside_the_highest_certificate_is_proven_by_what_committed_it() {
    let mut world = alone(|_| {});
    let request = signed(&change(0, &[5], &[4]), OPERATOR, 1);
    let [first, second, third, other] = fork_with(&world, Batch::new(Some(world.clock().wall), vec![request]));
    for block in [&first, &second, &third] {
        propose(&mut world, block, None);
    }
    go_on_beside(&mut world, &other);
    world.sent.clear();
    let beside = certified(&world, &third);
    world.deliver(n(2), n(ALONE), Message::Certificate(Arc::clone(&beside)));
    assert!(world.node(ALONE).instance().ended().is_some());
    let certificates = |world: &World| {
        let of = |message: &Message| match message {
            Message::Certificate(certificate) => Some(Arc::clone(certificate)),
            _ => None,
        };
        world.sent.iter().filter_map(|(.., message)| of(message)).collect::<Vec<_>>()
    };
    world.run(ms(10));
    assert_eq!(certificates(&world), vec![Arc::clone(&beside); 3]);
    // And it still knows after a restart.
    world.crash(n(ALONE));
    world.sent.clear();
    world.start(n(ALONE));
    world.run(ms(10));
    assert_eq!(certificates(&world), vec![beside; 3]);
}

/// What a replica has committed by a certificate that it alone has, it tells nobody with blocks that do not follow that
/// one: it goes on until there is a proof in a chain. Found by an exploration: the others wanted to go on, and it
/// proposed nothing in its views.
#[test]
fn a_commit_that_no_chain_proves_to_the_others_is_not_told_yet() {
    for told in [false, true] {
        let mut world = alone(|_| {});
        let [first, second, third, other] = fork(&world);
        for block in [&first, &second, &third] {
            propose(&mut world, block, None);
        }
        go_on(&mut world, &other);
        let by = certified(&world, &third);
        world.deliver(n(2), n(ALONE), Message::Certificate(Arc::clone(&by)));
        assert_eq!(committed(&world), 1);
        if told {
            let entered_by = given_up(&world, 5, 3);
            propose(&mut world, &block(6, &by, Batch::null()), Some(entered_by));
        }
        world.run(ms(5_000));
        let gives_up = |message: &Message| matches!(message, Message::Timeout(_));
        assert_eq!(world.sent.iter().any(|(.., message)| gives_up(message)), !told);
    }
}
