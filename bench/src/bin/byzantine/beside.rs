//! What does it cost to be ready for liars while nobody lies?
//!
//! The hybrid in its two rounds, plain Raft and the protocols that always expect
//! liars, in one loop. Raft's clients sign nothing and believe its leader. With
//! tags in the place of signatures what is left is messages, hashes and
//! bookkeeping. Samples take turns, so that a slow minute is slow for all.

use quorumscope_core::bft::{epoch::Epochs, hotstuff::HotStuff, hybrid::Hybrid, pbft::Pbft};
use quorumscope_core::raft::{AllOn, Raft};
use quorumscope_lab::keys::Scheme;

use crate::cluster::{Cluster, Setup, Subject};
use crate::count::computed;

/// How requests are signed: with what, and whether a batch is one client's.
#[derive(Clone, Copy)]
struct Signing {
    words: &'static str,
    scheme: Scheme,
    bundled: bool,
}

const SIGNINGS: [Signing; 3] = [
    Signing { words: "tags", scheme: Scheme::Cheap, bundled: false },
    Signing { words: "Ed25519, one by one", scheme: Scheme::Real, bundled: false },
    Signing { words: "Ed25519, bundled", scheme: Scheme::Real, bundled: true },
];

/// How many times as many commands a sample takes where nothing is signed.
const UNSIGNED: u64 = 50;

type Contender = fn(u64, Signing, u64) -> f64;

const CONTENDERS: [Contender; 4] = [
    per_second::<Raft<AllOn>>,
    per_second::<Epochs<Hybrid<AllOn>>>,
    per_second::<Epochs<Pbft<AllOn>>>,
    per_second::<Epochs<HotStuff<AllOn>>>,
];

pub fn print(samples: usize, commands: u64) {
    println!("| batch | signed | Raft, unsigned | hybrid | PBFT | HotStuff | hybrid / PBFT |");
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    for batch in [1, 64, 512] {
        for signing in SIGNINGS.into_iter().filter(|signing| batch > 1 || !signing.bundled) {
            row(batch, signing, samples, commands);
        }
    }
}

fn row(batch: u64, signing: Signing, samples: usize, commands: u64) {
    let one_of_each = || CONTENDERS.map(|contender| contender(batch, signing, commands));
    let all: Vec<[f64; CONTENDERS.len()]> = (0..samples).map(|_| one_of_each()).collect();
    let [raft, hybrid, pbft, hotstuff] =
        [0, 1, 2, 3].map(|which: usize| median(all.iter().map(|sample| sample[which])));
    println!(
        "| {batch} | {} | {raft:.0} | {hybrid:.0} | {pbft:.0} | {hotstuff:.0} | {:.2} |",
        signing.words,
        hybrid / pbft
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Commands a second, in the time that the thread has computed.
fn per_second<P: Subject>(batch: u64, signing: Signing, commands: u64) -> f64 {
    let Signing { scheme, bundled, .. } = signing;
    let setup = Setup { nodes: 4, batch, bundled, scheme, checkpoint_interval: 128 };
    let mut cluster = Cluster::<P>::new(setup);
    let is_signed = P::SIGNED && scheme == Scheme::Real;
    let rounded = (if is_signed { commands } else { commands * UNSIGNED }).div_ceil(batch).max(8) * batch;
    cluster.run(rounded.div_ceil(8).next_multiple_of(batch));
    let (done, start) = (cluster.done, computed());
    cluster.run(rounded);
    let nanos = computed() - start;
    cluster.check();
    (cluster.done - done) as f64 * 1e9 / nanos as f64
}
