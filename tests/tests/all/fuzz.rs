//! The entry points of the fuzz targets, driven by random bytes: short runs of what a fuzzer does for hours.

#[path = "../../../fuzz/src/lib.rs"]
mod entry_points;

use quorumscope_core::membership::Membership;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::NodeId;
use quorumscope_core::wire::Frame;

fn bytes(rng: &mut Rng, most: u64) -> Vec<u8> {
    (0..rng.below(most)).map(|_| rng.bits() as u8).collect()
}

#[test]
fn random_bytes_decode_to_what_encodes_again_or_to_an_error() {
    for seed in 0..100_000 {
        let mut rng = Rng::new(seed, 11);
        let mut bytes = bytes(&mut rng, 64);
        if let Some(first) = bytes.first_mut().filter(|_| rng.below(2) == 0) {
            *first = quorumscope_core::wire::VERSION;
        }
        entry_points::decode(&bytes);
    }
    entry_points::decode(&Frame::Joined(NodeId(1)).encode());
    entry_points::decode(&Membership::of(vec![NodeId(1)]).encode());
}

/// Messages of peers, reads, transfers, snapshots, changes of members, slow disks: a node may halt (what these
/// peers say breaks invariants), and mostly it goes on.
#[test]
fn random_inputs_neither_panic_nor_grow_a_node_without_bound() {
    let (mut inputs, mut halted) = (0, 0);
    for seed in 0..20_000 {
        let (steps, stopped) = entry_points::step(&bytes(&mut Rng::new(seed, 12), 4_096));
        inputs += u64::from(steps);
        halted += u64::from(stopped);
    }
    assert!(inputs > 500_000 && halted < 19_000, "{inputs} inputs, {halted} of 20000 nodes halted");
}
