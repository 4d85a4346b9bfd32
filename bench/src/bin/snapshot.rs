//! How long does a snapshot of the key-value store take, and how long the way back?
//!
//! `cargo run --release -p quorumscope-bench --bin snapshot`: 10,000 entries behind sessions, as a node makes and
//! restores them; the digest is what is checked after a restore. Best and median of 200 rounds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use quorumscope_core::machine::kv::{KeyValue, Operation};
use quorumscope_core::machine::session::{Payload, Sessions};
use quorumscope_core::types::{ClientId, LogIndex, RequestNumber, Wall};

/// Keys in the store.
const ENTRIES: u64 = 10_000;
/// Measurements of each step.
const ROUNDS: usize = 200;

fn filled() -> Sessions<KeyValue> {
    let client = ClientId(1);
    let mut sessions = Sessions::default();
    sessions.apply(LogIndex(1), Wall(0), client, RequestNumber(1), &Payload::Open.encode());
    for number in 2..ENTRIES + 2 {
        let command = Operation::Set { key: format!("key-{number:08}"), value: format!("value {number:010}") }.encode();
        let payload = Payload::Command { acknowledged: RequestNumber(number - 1), command }.encode();
        sessions.apply(LogIndex(number), Wall(0), client, RequestNumber(number), &payload);
    }
    sessions
}

fn measure<T>(name: &str, mut step: impl FnMut() -> T) {
    let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let made = black_box(step());
        times.push(start.elapsed());
        drop(made); // freeing it is no part of the step
    }
    times.sort_unstable();
    println!("{name:>10}: best {:>8.3?}, median {:>8.3?}", times[0], times[ROUNDS / 2]);
}

fn main() {
    let sessions = filled();
    let data = sessions.snapshot();
    println!("{ENTRIES} entries, {} bytes", data.len());
    measure("snapshot", || sessions.snapshot());
    measure("digest", || sessions.digest());
    measure("copy", || sessions.clone());
    measure("restore", || {
        let mut restored = Sessions::<KeyValue>::default();
        restored.restore(&data).expect("a state of this machine");
        restored
    });
    let mut restored = Sessions::<KeyValue>::default();
    restored.restore(&data).expect("a state of this machine");
    assert_eq!(restored.digest(), sessions.digest());
}
