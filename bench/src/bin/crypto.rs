//! What do signatures and hashes cost, and from how many claims on does a batch pay?
//!
//! `cargo run --release -p quorumscope-bench --bin crypto`: medians of 31 samples, in nanoseconds an operation and in
//! time that the thread has computed: on the wall, a busy machine would count as a slow curve. Statements have two
//! numbers and a hash, as a vote has. A batch is of different signers, as a certificate is; beside it stands what the
//! same claims take one by one. The cheap scheme is the laboratory's, for explorations.

use std::hint::black_box;
use std::time::Duration;

use quorumscope_core::crypto::{
    BATCH_FROM, Claim, Domain, Ed25519Ring, Ed25519Signer, Family, Hash256, Identity, Signer, Statement, Verified,
    Verifier,
};
use quorumscope_core::types::NodeId;
use quorumscope_lab::keys::{Keys, Scheme};
use rustix::time::{ClockId, clock_gettime};

const SAMPLES: usize = 31;
/// Operations in a sample, about: batches are not cut.
const OPERATIONS: usize = 512;
const SIGNERS: u32 = 256;

fn statement(number: u64) -> Statement {
    let domain = Domain { cluster: 1, configuration: 1, instance: 1, family: Family::Pbft };
    Statement::new(&domain, 1).number(number).number(7).hash(&Hash256::of(&number.to_le_bytes()))
}

fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The median of what one of `each` operations in a call takes.
fn median(each: usize, mut call: impl FnMut()) -> f64 {
    let calls = (OPERATIONS / each).max(1);
    let mut times: Vec<Duration> = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let start = computed();
        for _ in 0..calls {
            call();
        }
        times.push(computed() - start);
    }
    times.sort_unstable();
    times[SAMPLES / 2].as_nanos() as f64 / (calls * each) as f64
}

fn measure(name: &str, each: usize, call: impl FnMut()) {
    println!("{name:<40} {:>10.0}", median(each, call));
}

fn main() {
    println!("{:<40} {:>10}", "", "ns");
    for (name, bytes) in [("SHA-256 of 64 bytes", 64), ("SHA-256 of 4 KB", 4096)] {
        let bytes = vec![7; bytes];
        measure(name, 1, || {
            black_box(Hash256::of(black_box(&bytes)));
        });
    }

    let signers: Vec<_> = (1..=SIGNERS)
        .map(|number| {
            let identity = Identity::Node(NodeId(number));
            Ed25519Signer::new(identity, Hash256::of(&identity.bytes()).0)
        })
        .collect();
    let mut ring = Ed25519Ring::default();
    for signer in &signers {
        ring.register(signer.identity(), signer.public_key()).expect("a new identity with a good key");
    }
    let claims: Vec<_> = signers.iter().map(|signer| Claim::new(signer, statement(1))).collect();
    let one_signers: Vec<_> =
        (0..u64::from(SIGNERS)).map(|number| Claim::new(&signers[0], statement(number))).collect();
    measure("Ed25519 sign", 1, || {
        black_box(signers[0].sign(&claims[0].statement));
    });
    let alone = |claims: &[Claim]| {
        claims.iter().for_each(|claim| ring.verify(std::slice::from_ref(claim)).expect("it holds"));
    };
    measure("Ed25519 verify alone", 1, || alone(&claims[..1]));
    println!("batches from {BATCH_FROM} on; a claim of a batch, and one by one");
    for count in [2, 3, 4, 6, 8, 16, 64, 256] {
        let together = median(count, || ring.verify(black_box(&claims[..count])).expect("they hold"));
        let singly = median(count, || alone(&claims[..count]));
        let of_one = median(count, || ring.verify(black_box(&one_signers[..count])).expect("they hold"));
        println!("{:<40} {together:>10.0} {singly:>10.0}   of one signer {of_one:>6.0}", format!("  {count}"));
    }
    let mut memory = Verified::new(claims.len());
    memory.check(&ring, &claims).expect("they hold");
    measure("found in the memory", claims.len(), || memory.check(&ring, &claims).expect("they hold"));

    let keys = Keys::new(1, Scheme::Cheap);
    let nodes = || (1..=SIGNERS).map(NodeId);
    let (signer, ring) = (keys.signer(Identity::Node(NodeId(1))), keys.verifier(nodes(), []));
    let claims: Vec<_> = nodes().map(|node| Claim::new(&*keys.signer(Identity::Node(node)), statement(1))).collect();
    measure("cheap sign", 1, || {
        black_box(signer.sign(&claims[0].statement));
    });
    measure("cheap verify", claims.len(), || ring.verify(black_box(&claims)).expect("they hold"));
}
