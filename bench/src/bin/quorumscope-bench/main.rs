//! How is the peer loop asked for, and how are its figures shown?
//!
//! Without arguments: everybody, three nodes, 16 bytes, as a table. The loop
//! itself, and with which settings each contender runs, stands in the library.
//! Memory is measured by the program `memory`, whose allocator counts.
//!
//! `cargo xtask bench-peers [peers|nodes|native --help]`, or without `protoc` and without `sailing`
//! `cargo run --profile native-bench -p quorumscope-bench`

mod nodes;
mod peers;

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::{Parser, Subcommand};
use quorumscope_bench::{CONTENDERS, Contender, Race, Setup};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

/// Commands between two compactions of a log.
const COMPACT_EVERY: u64 = 8_192;

#[derive(Parser)]
#[command(about = "Commits per second on one core, beside other Raft crates")]
struct Cli {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Ours beside the peers (also without a command)
    Peers(peers::Peers),
    /// What a commit of ours costs in clusters of 3 to 101 nodes
    Nodes(nodes::Nodes),
    /// One sample of one contender, as JSON
    Native(Native),
}

#[derive(clap::Args)]
struct Native {
    /// Its name, as `peers` prints it
    contender: String,
    #[arg(long, default_value_t = 3)]
    nodes: u32,
    #[arg(long, default_value_t = 16)]
    payload_bytes: usize,
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Commands that are committed before the clock starts
    #[arg(long, default_value_t = 0)]
    warm_up: usize,
    #[arg(long, default_value_t = 200_000)]
    commands: usize,
}

fn main() -> Result<()> {
    match Cli::parse().task {
        None => peers::Peers::parse_from([""]).run(),
        Some(Task::Peers(peers)) => peers.run(),
        Some(Task::Nodes(nodes)) => nodes.run(),
        Some(Task::Native(native)) => {
            let contender = CONTENDERS.iter().find(|contender| contender.name == native.contender);
            let contender = contender.with_context(|| format!("nobody is called `{}`", native.contender))?;
            let setup = setup(native.nodes, native.payload_bytes);
            let speed = sample(contender, &setup, native.batch, native.warm_up, native.commands)?;
            println!("{}", json!({ "commits_per_second": speed }));
            Ok(())
        }
    }
}

fn setup(nodes: u32, payload_bytes: usize) -> Setup {
    Setup { nodes, payload_bytes, compact_every: Some(COMPACT_EVERY) }
}

/// The time that this thread has computed. On the wall, a busy machine would count as a slow contender.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// One sample: commits per second of computing.
fn sample(contender: &Contender, setup: &Setup, batch: usize, warm_up: usize, commands: usize) -> Result<f64> {
    let mut race = Race::start(contender, setup);
    race.run(warm_up / contender.shorter, batch);
    let started = computed();
    let count = race.run(commands / contender.shorter, batch);
    let seconds = (computed() - started).as_secs_f64();
    race.finish().map_err(|fault| anyhow!(fault))?;
    Ok(count as f64 / seconds)
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_slow_sample() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&mut [9.0, 0.1, 9.0, 8.0, 9.0]) - 9.0).abs() < f64::EPSILON);
    }

    #[test]
    fn without_arguments_everybody_runs_with_three_nodes() {
        let peers = peers::Peers::parse_from([""]);
        assert_eq!((peers.nodes, peers.payload_bytes, peers.batches), (vec![3], vec![16], vec![1, 64, 512]));
    }
}
