//! How long does a snapshot of the key-value store take, how long the way back, and how long one command?
//!
//! `cargo run --release -p quorumscope-bench --bin snapshot`: 10,000 entries behind sessions, as a node makes and
//! restores them; the digest is what is checked after a restore. Best and median of
//! 200 rounds, in time that the thread has computed: on the wall, a busy machine would count as a slow store.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use quorumscope_core::machine::kv::{KeyValue, Operation};
use quorumscope_core::machine::session::{Payload, Sessions};
use quorumscope_core::types::{ClientId, LogIndex, RequestNumber, Wall};
use rustix::time::{ClockId, clock_gettime};

/// Keys in the store.
const ENTRIES: u64 = 10_000;
/// Measurements of each step.
const ROUNDS: usize = 200;

/// A session, then one command a key.
fn payloads() -> Vec<Bytes> {
    let commands = (2..ENTRIES + 2).map(|number| {
        let command = Operation::Set { key: format!("key-{number:08}"), value: format!("value {number:010}") }.encode();
        Payload::Command { session: LogIndex(1), acknowledged: RequestNumber(number - 1), command }.encode()
    });
    std::iter::once(Payload::Open.encode()).chain(commands).collect()
}

fn filled(payloads: &[Bytes]) -> Sessions<KeyValue> {
    let mut sessions = Sessions::default();
    for (payload, number) in payloads.iter().zip(1..) {
        sessions.apply(LogIndex(number), Wall(0), ClientId(1), RequestNumber(number), payload);
    }
    sessions
}

fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Prints what one of the `parts` of a step takes.
fn measure<T>(name: &str, parts: u32, mut step: impl FnMut() -> T) {
    let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = computed();
        let made = black_box(step());
        times.push((computed() - start) / parts);
        drop(made); // freeing it is no part of the step
    }
    times.sort_unstable();
    println!("{name:>10}: best {:>8.3?}, median {:>8.3?}", times[0], times[ROUNDS / 2]);
}

fn main() {
    let payloads = payloads();
    let sessions = filled(&payloads);
    let data = sessions.snapshot();
    println!("{ENTRIES} entries, {} bytes", data.len());
    measure("snapshot", 1, || sessions.snapshot());
    measure("digest", 1, || sessions.digest());
    measure("copy", 1, || sessions.clone());
    measure("restore", 1, || {
        let mut restored = Sessions::<KeyValue>::default();
        restored.restore(&data).expect("a state of this machine");
        restored
    });
    let count = u32::try_from(payloads.len()).expect("a few thousand");
    measure("apply", count, || filled(&payloads));
    let mut restored = Sessions::<KeyValue>::default();
    restored.restore(&data).expect("a state of this machine");
    assert_eq!(restored.digest(), sessions.digest());
}
