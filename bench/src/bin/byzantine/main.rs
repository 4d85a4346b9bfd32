//! What do PBFT, HotStuff and the hybrid cost, and how near are they to what their signatures alone would cost?
//!
//! ```text
//! cargo run --release -p quorumscope-bench --bin byzantine -- throughput
//! cargo run --release -p quorumscope-bench --bin byzantine -- messages --picture docs/byzantine-messages.svg
//! cargo run --release -p quorumscope-bench --bin byzantine -- beside
//! ```
//!
//! `throughput`: four replicas and their clients in one thread, commands of 16 bytes, Ed25519 throughout. Clients sign,
//! verify f+1 replies, and count. The limit is 1 / Σ(operations per command ÷ operations a second), with the operations
//! that were counted, and the rates at which the same ones were done again right after, with nothing between them.
//! `messages`: messages and bytes between replicas
//! for one decision in the normal case, beside the formulas. `beside`: the hybrid, which nothing threatens, beside plain
//! Raft and the others.
//!
//! Read `cluster` next: what is in the loop; then `count`, `beside` and `picture`.

mod beside;
mod cluster;
mod count;
mod picture;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use cluster::{Cluster, Setup, Subject};
use count::{KINDS, Totals, computed};
use quorumscope_core::bft::{epoch::Epochs, hotstuff::HotStuff, hybrid::Hybrid, pbft::Pbft};
use quorumscope_lab::keys::Scheme;

#[derive(Parser)]
#[command(about = "What PBFT, HotStuff and the hybrid cost")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Commands a second beside the limit that signatures set.
    Throughput {
        /// Samples of each row, of which the median is printed.
        #[arg(long, default_value_t = 5)]
        samples: usize,
        /// Commands of a sample, about.
        #[arg(long, default_value_t = 4_000)]
        commands: u64,
    },
    /// Messages and bytes for one decision.
    Messages {
        /// Where the picture goes, as SVG.
        #[arg(long)]
        picture: Option<PathBuf>,
    },
    /// Commands a second of the hybrid, where nothing threatens it, beside those of Raft, PBFT and HotStuff.
    Beside {
        /// Samples of each figure, of which the median is printed.
        #[arg(long, default_value_t = 5)]
        samples: usize,
        /// Commands of a sample with signatures, about; fifty times as many without.
        #[arg(long, default_value_t = 4_000)]
        commands: u64,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().what {
        What::Throughput { samples, commands } => throughput(samples, commands),
        What::Messages { picture } => return messages(picture),
        What::Beside { samples, commands } => beside::print(samples.max(1), commands),
    }
    Ok(())
}

/// What one sample has measured.
struct Sample {
    commands: u64,
    nanos: u64,
    counted: Totals,
    rates: [f64; 4],
}

impl Sample {
    fn per_second(&self) -> f64 {
        self.commands as f64 * 1e9 / self.nanos as f64
    }

    /// 1 / Σ(operations per command ÷ operations a second).
    fn limit(&self) -> f64 {
        let each = |(total, rate): (&count::Total, f64)| {
            let per_command = total.operations as f64 / self.commands as f64;
            if total.operations == 0 || rate == 0.0 { 0.0 } else { per_command / rate }
        };
        1.0 / self.counted.iter().zip(self.rates).map(each).sum::<f64>()
    }

    fn share(&self) -> f64 {
        self.per_second() / self.limit()
    }
}

fn sample<P: Subject>(batch: u64, bundled: bool, commands: u64) -> Sample {
    let setup = Setup { nodes: 4, batch, bundled, scheme: Scheme::Real, checkpoint_interval: 128 };
    let mut cluster = Cluster::<P>::new(setup);
    let rounded = commands.div_ceil(batch).max(8) * batch;
    cluster.run(rounded.div_ceil(8).next_multiple_of(batch));
    let (before, done, start) = (cluster.keys.read(), cluster.done, computed());
    cluster.run(rounded);
    let nanos = computed() - start;
    cluster.check();
    let after = cluster.keys.read();
    let counted = [0, 1, 2, 3].map(|kind: usize| after[kind].since(before[kind]));
    let commands = cluster.done - done;
    cluster.keys.record();
    cluster.run(4 * batch.max(64));
    Sample { commands, nanos, counted, rates: cluster.keys.rates() }
}

fn throughput(samples: usize, commands: u64) {
    println!(
        "4 replicas and their clients on one core, commands of 16 bytes, Ed25519; of {samples} samples that of the median share"
    );
    println!("operations are for each command; rates are thousands a second; time is in microseconds a command");
    println!(
        "{:<9}{:>6} {:<9}{:>9}{:>9}{:>7} |{:>26} |{:>26} |{:>34}",
        "", "batch", "signed", "ops/s", "limit", "%", "operations", "rates", "time, then the rest"
    );
    for (batch, bundled) in [1, 64, 512].into_iter().flat_map(|batch| [(batch, false), (batch, true)]) {
        if batch > 1 || !bundled {
            row::<Epochs<Pbft>>(samples, batch, bundled, commands);
            row::<Epochs<HotStuff>>(samples, batch, bundled, commands);
            row::<Epochs<Hybrid>>(samples, batch, bundled, commands);
        }
    }
    println!("operations, rates, time: {}", KINDS.join(", "));
}

fn row<P: Subject>(samples: usize, batch: u64, bundled: bool, commands: u64) {
    let mut all: Vec<Sample> = (0..samples).map(|_| sample::<P>(batch, bundled, commands)).collect();
    all.sort_by(|a, b| a.share().total_cmp(&b.share()));
    let median = &all[samples / 2];
    let (name, signed) = (P::NAME, if bundled { "bundled" } else { "one by one" });
    let per_command = |number: u64| number as f64 / median.commands as f64;
    let operations = median.counted.map(|total| format!("{:>6.2}", per_command(total.operations))).concat();
    let rates = median.rates.map(|rate| format!("{:>6.1}", rate / 1e3)).concat();
    let times = median.counted.map(|total| format!("{:>7.1}", per_command(total.nanos) / 1e3)).concat();
    let rest = median.nanos - median.counted.iter().map(|total| total.nanos).sum::<u64>();
    let (speed, limit) = (median.per_second(), median.limit());
    println!(
        "{name:<9}{batch:>6} {signed:<10}{speed:>8.0}{limit:>9.0}{:>7.1} |{operations:>26} |{rates:>26} |{times:>28}{:>7.1}",
        100.0 * median.share(),
        per_command(rest) / 1e3
    );
}

/// Messages and bytes of one decision.
pub struct Cost {
    nodes: u64,
    messages: u64,
    bytes: u64,
    formula: u64,
}

/// Each request is a batch, signed by its client; the sixth of ten decisions is looked at: whatever begins or ends is
/// not in it.
fn cost<P: Subject>(nodes: u32, formula: u64) -> Cost {
    let setup = Setup { nodes, batch: 1, bundled: false, scheme: Scheme::Cheap, checkpoint_interval: 128 };
    let mut cluster = Cluster::<P>::new(setup);
    cluster.sent = Some(Vec::new());
    cluster.run(16);
    cluster.check();
    let sent = cluster.sent.take().expect("it is counted");
    let (messages, bytes) = sent[8];
    assert_eq!((sent[7].0, sent[9].0), (messages, messages), "each decision takes as many messages");
    Cost { nodes: u64::from(nodes), messages, bytes, formula }
}

fn messages(picture: Option<PathBuf>) -> anyhow::Result<()> {
    let sizes = [4, 7, 10, 31, 100];
    let pbft = sizes.map(|n| cost::<Epochs<Pbft>>(n, 2 * u64::from(n) * (u64::from(n) - 1)));
    let hotstuff = sizes.map(|n| cost::<Epochs<HotStuff>>(n, 2 * (u64::from(n) - 1) + 1));
    println!("| replicas | PBFT: messages | 2n(n-1) | bytes | HotStuff: messages | 2(n-1)+1 | bytes |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (one, other) in pbft.iter().zip(&hotstuff) {
        assert_eq!((one.messages, other.messages), (one.formula, other.formula), "the formulas hold");
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            one.nodes, one.messages, one.formula, one.bytes, other.messages, other.formula, other.bytes
        );
    }
    if let Some(path) = picture {
        let text = picture::draw(&[("PBFT", &pbft), ("HotStuff", &hotstuff)]);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
