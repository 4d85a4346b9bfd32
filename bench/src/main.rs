//! How many commands does one core commit, beside the crates that people use?
//!
//! The peer loop: three nodes in one thread. The leader takes a batch of
//! commands, messages are delivered until all is quiet, every node applies what
//! is committed, repeat. No network, no disk: what is measured is the protocol
//! code and the seam through which it is driven. Every contender keeps its own
//! checks, holds its log in memory and applies every command on every node; what
//! was applied is counted and compared at the end. Samples of the contenders
//! alternate, so that a machine whose speed drifts treats them alike.
//!
//! `cargo run --release -p quorumscope-bench [-- SAMPLES COMMANDS]`

mod ours;
mod raft_rs;

use std::time::Instant;

/// Payload of one command, in bytes.
const PAYLOAD_BYTES: usize = 16;
const NODES: u64 = 3;

/// A cluster that can be driven through the peer loop.
trait Contender {
    const NAME: &'static str;
    /// A cluster with an elected leader and nothing else in its log.
    fn elected() -> Self;
    /// The leader takes `batch` commands; deliver until quiet.
    fn round(&mut self, batch: usize);
    /// Commands applied on each node.
    fn applied(&mut self) -> Vec<u64>;
}

/// One sample: commands per second.
fn sample<C: Contender>(batch: usize, commands: usize) -> f64 {
    let mut cluster = C::elected();
    let rounds = commands.div_ceil(batch);
    let started = Instant::now();
    for _ in 0..rounds {
        cluster.round(batch);
    }
    let applied = cluster.applied();
    let seconds = started.elapsed().as_secs_f64();
    let expected = (rounds * batch) as u64;
    assert!(applied.iter().all(|count| *count == expected), "{}: applied {applied:?} of {expected}", C::NAME);
    expected as f64 / seconds
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let (samples, commands) = match (arguments.next(), arguments.next()) {
        (None, None) => (5, 200_000),
        (Some(Ok(samples)), None) if samples > 0 => (samples, 200_000),
        (Some(Ok(samples)), Some(Ok(commands))) if samples > 0 && commands > 0 => (samples, commands),
        _ => {
            eprintln!("usage: quorumscope-bench [SAMPLES COMMANDS], both whole numbers above zero");
            std::process::exit(2);
        }
    };
    println!(
        "{NODES} nodes, {PAYLOAD_BYTES}-byte commands, {commands} a sample, median of {samples}, million commits/s"
    );
    println!("{:>6} {:>14} {:>14} {:>8}", "batch", ours::Cluster::NAME, raft_rs::Cluster::NAME, "ratio");
    for batch in [1, 64, 512] {
        let (mut own, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..samples {
            own.push(sample::<ours::Cluster>(batch, commands) / 1e6);
            peer.push(sample::<raft_rs::Cluster>(batch, commands) / 1e6);
        }
        let (own, peer) = (median(&mut own), median(&mut peer));
        println!("{batch:>6} {own:>14.3} {peer:>14.3} {:>8.2}", own / peer);
    }
}
