//! How long do the state machines take: for one command, for a snapshot of ten thousand entries, for its way back?
//!
//! Each figure is the median over samples; a sample of *apply* is the mean over
//! many commands, decoding and answer included, as a replica applies them. The
//! states are compared at the end, so that nothing is left out by an optimizer.
//!
//! `cargo run --release -p quorumscope-bench --example machines [-- SAMPLES]`

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use quorumscope_core::machine::StateMachine;
use quorumscope_core::machine::cluster::{self, Cluster};
use quorumscope_core::machine::kv::{KeyValue, Operation};
use quorumscope_core::machine::session::{Payload, Sessions};
use quorumscope_core::machine::workflow::{self, Workflow};
use quorumscope_core::types::{ClientId, LogIndex, RequestNumber, Span, Wall};

/// Entries of the state that commands meet, and of a snapshot.
const ENTRIES: u64 = 10_000;
/// Commands of one sample.
const COMMANDS: u64 = 100_000;

fn key(number: u64) -> String {
    format!("key-{:05}", number.wrapping_mul(7_919) % ENTRIES)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Nanoseconds for one command, from a state that `first` makes.
fn apply<M: StateMachine>(samples: usize, first: &[Bytes], commands: &[Bytes]) -> f64 {
    let mut start = M::default();
    for command in first {
        start.apply(LogIndex(1), Wall(0), command);
    }
    let one = |_| {
        let mut machine = start.clone();
        let started = Instant::now();
        for (number, command) in (0..).zip(commands) {
            black_box(machine.apply(LogIndex(2 + number), Wall(number), command));
        }
        let nanos = started.elapsed().as_nanos() as f64 / commands.len() as f64;
        black_box(machine.digest());
        nanos
    };
    median((0..samples).map(one).collect())
}

/// The same behind a session.
fn apply_in_session(samples: usize, commands: &[Bytes]) -> f64 {
    let client = ClientId(1);
    let entries: Vec<Bytes> = (2..)
        .zip(commands)
        .map(|(number, command)| {
            let acknowledged = RequestNumber(number - 1);
            Payload::Command { session: LogIndex(1), acknowledged, command: command.clone() }.encode()
        })
        .collect();
    let one = |_| {
        let mut sessions = Sessions::<KeyValue>::default();
        sessions.apply(LogIndex(1), Wall(0), client, RequestNumber(1), &Payload::Open.encode());
        let started = Instant::now();
        for (number, entry) in (2..).zip(&entries) {
            black_box(sessions.apply(LogIndex(number), Wall(number), client, RequestNumber(number), entry));
        }
        let nanos = started.elapsed().as_nanos() as f64 / entries.len() as f64;
        black_box(sessions.digest());
        nanos
    };
    median((0..samples).map(one).collect())
}

/// Milliseconds for a snapshot and for its way back, and its bytes.
fn snapshot(samples: usize, commands: &[Bytes]) -> (f64, f64, usize) {
    let mut machine = KeyValue::default();
    for command in commands {
        machine.apply(LogIndex(1), Wall(0), command);
    }
    assert_eq!(machine.iter().count() as u64, ENTRIES);
    let (mut out, mut back, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..samples {
        let started = Instant::now();
        let data = black_box(machine.snapshot());
        out.push(started.elapsed().as_secs_f64() * 1e3);
        let mut restored = KeyValue::default();
        let started = Instant::now();
        restored.restore(&data).expect("a snapshot of its own");
        back.push(started.elapsed().as_secs_f64() * 1e3);
        assert_eq!(restored.digest(), machine.digest());
        bytes = data.len();
    }
    (median(out), median(back), bytes)
}

fn main() {
    let samples = match std::env::args().nth(1).map(|text| text.parse::<usize>()) {
        None => 21,
        Some(Ok(samples)) if samples > 0 => samples,
        Some(_) => {
            eprintln!("usage: machines [SAMPLES], a whole number above zero");
            std::process::exit(2);
        }
    };
    let set = |number: u64| Operation::Set { key: key(number), value: format!("value-{number}") }.encode();
    let set_for = |number: u64| {
        Operation::SetFor { key: key(number), value: format!("value-{number}"), ttl: Span(5_000) }.encode()
    };
    let case = |text: String| text.parse::<workflow::Command>().expect("a command").encode();
    let node = |text: String| text.parse::<cluster::Command>().expect("a command").encode();
    let all: Vec<Bytes> = (0..ENTRIES).map(set).collect();
    let sets: Vec<Bytes> = (0..COMMANDS).map(set).collect();
    let mortal: Vec<Bytes> = (0..COMMANDS).map(set_for).collect();
    let cases: Vec<Bytes> = (0..ENTRIES).map(|number| case(format!("create case {} open", key(number)))).collect();
    let changes = COMMANDS / ENTRIES + 1;
    let updates: Vec<Bytes> = (2..=changes)
        .flat_map(|version| (0..ENTRIES).map(move |number| (version, number)))
        .map(|(version, number)| case(format!("update case {} v{version} state-{version}", key(number))))
        .collect();
    let mut members: Vec<Bytes> = (0..100).map(|number| node(format!("join node n{number} zone 1000000"))).collect();
    members.extend((0..1_000).map(|number| node(format!("spawn agent a{number} n{}", number % 100))));
    let leases: Vec<Bytes> = (0..COMMANDS)
        .map(|number| node(format!("allocate resource r{} a{} 1 for 1", number % 1_000, number % 1_000)))
        .collect();
    println!("median of {samples}, {ENTRIES} entries, {COMMANDS} commands a sample");
    println!("kv set               {:>8.0} ns", apply::<KeyValue>(samples, &all, &sets));
    println!("kv set with a ttl    {:>8.0} ns", apply::<KeyValue>(samples, &all, &mortal));
    println!("kv set in a session  {:>8.0} ns", apply_in_session(samples, &sets));
    println!("workflow update      {:>8.0} ns", apply::<Workflow>(samples, &cases, &updates));
    println!("cluster allocate     {:>8.0} ns", apply::<Cluster>(samples, &members, &leases));
    for (name, commands) in [("snapshot", &all), ("snapshot with ttls", &mortal)] {
        let (out, back, bytes) = snapshot(samples, commands);
        println!("kv {name:<18}{out:>8.3} ms, restore {back:.3} ms, {bytes} bytes");
    }
}
