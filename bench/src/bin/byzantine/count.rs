//! How many signatures were made and verified, and how long did that take?
//!
//! Signers and a verifier that count and measure in the time that the thread has
//! computed. Counting and measuring add two looks at the clock to each
//! operation, which counts as the protocol's time. For the limit the same
//! operations are recorded and done again with nothing between them: in a run
//! they are slower, because caches are cold.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use quorumscope_core::bft::Signers;
use quorumscope_core::crypto::{BATCH_FROM, Claim, Forged, Identity, Signature, Signer, Statement, Verifier};
use quorumscope_core::types::{ClientId, NodeId};
use quorumscope_lab::keys::{Keys, Scheme};
use rustix::time::{ClockId, clock_gettime};

/// The time that this thread has computed, in nanoseconds.
pub fn computed() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Operations of one kind, and what they took together.
#[derive(Debug, Default)]
pub struct Kind {
    operations: AtomicU64,
    nanos: AtomicU64,
}

impl Kind {
    fn measure<T>(&self, operations: usize, work: impl FnOnce() -> T) -> T {
        let start = computed();
        let result = work();
        self.nanos.fetch_add(computed() - start, Relaxed);
        self.operations.fetch_add(operations as u64, Relaxed);
        result
    }

    fn read(&self) -> Total {
        Total { operations: self.operations.load(Relaxed), nanos: self.nanos.load(Relaxed) }
    }
}

/// What was counted of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Total {
    pub operations: u64,
    pub nanos: u64,
}

impl Total {
    pub fn since(self, before: Self) -> Self {
        Self { operations: self.operations - before.operations, nanos: self.nanos - before.nanos }
    }
}

/// Signatures of clients, of replicas, claims verified alone and together.
pub type Totals = [Total; 4];

/// The names of [`Totals`].
pub const KINDS: [&str; 4] = ["client signs", "replica signs", "verified alone", "verified in batches"];

#[derive(Debug, Default)]
pub struct Counts([Kind; 4]);

impl Counts {
    pub fn read(&self) -> Totals {
        [0, 1, 2, 3].map(|kind: usize| self.0[kind].read())
    }
}

/// Operations to be done again, of each kind.
#[derive(Debug, Default)]
struct Tape {
    signed: [Vec<(Arc<dyn Signer>, Statement)>; 2],
    verified: [Vec<Vec<Claim>>; 2],
}

/// How long each kind is done again, at least.
const REPLAYED_NANOS: u64 = 60_000_000;

/// The keys of a cluster and its clients; whatever they do is counted.
#[derive(Debug)]
pub struct Counted {
    keys: Keys,
    verifier: Arc<dyn Verifier>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    counts: Counts,
    tape: Mutex<Option<Tape>>,
}

impl Shared {
    fn record(&self, write: impl FnOnce(&mut Tape)) {
        if let Some(tape) = self.tape.lock().expect("one thread").as_mut() {
            write(tape);
        }
    }
}

#[derive(Debug)]
struct CountedSigner {
    signer: Arc<dyn Signer>,
    shared: Arc<Shared>,
}

impl Signer for CountedSigner {
    fn identity(&self) -> Identity {
        self.signer.identity()
    }

    fn sign(&self, statement: &Statement) -> Signature {
        let kind = match self.signer.identity() {
            Identity::Client(_) => 0,
            Identity::Node(_) => 1,
        };
        self.shared.record(|tape| tape.signed[kind].push((Arc::clone(&self.signer), statement.clone())));
        self.shared.counts.0[kind].measure(1, || self.signer.sign(statement))
    }
}

impl Counted {
    pub fn new(scheme: Scheme, nodes: u32, clients: u64) -> Self {
        let keys = Keys::new(1, scheme);
        let verifier = keys.verifier((1..=nodes).map(NodeId), (1..=clients).map(ClientId));
        Self { keys, verifier, shared: Arc::default() }
    }

    pub fn of(&self, identity: Identity) -> Arc<dyn Signer> {
        Arc::new(CountedSigner { signer: self.keys.signer(identity), shared: Arc::clone(&self.shared) })
    }

    pub fn read(&self) -> Totals {
        self.shared.counts.read()
    }

    /// Records what is done from here on.
    pub fn record(&self) {
        *self.shared.tape.lock().expect("one thread") = Some(Tape::default());
    }

    /// Does what was recorded again and again. Operations a second of each kind; 0 where there was none.
    pub fn rates(&self) -> [f64; 4] {
        let tape = self.shared.tape.lock().expect("one thread").take().expect("it was recorded");
        let [of_clients, of_replicas] = &tape.signed;
        let [alone, together] = &tape.verified;
        let sign = |list: &Vec<(Arc<dyn Signer>, Statement)>| {
            rate(list.len(), || {
                for (signer, statement) in list {
                    black_box(signer.sign(statement));
                }
            })
        };
        let verify = |list: &Vec<Vec<Claim>>| {
            rate(list.iter().map(Vec::len).sum(), || {
                list.iter().for_each(|claims| self.verifier.verify(claims).expect("they held"));
            })
        };
        [sign(of_clients), sign(of_replicas), verify(alone), verify(together)]
    }
}

fn rate(operations: usize, work: impl Fn()) -> f64 {
    let (start, mut rounds) = (computed(), 0);
    while operations > 0 && computed() - start < REPLAYED_NANOS {
        work();
        rounds += operations;
    }
    rounds as f64 * 1e9 / (computed() - start) as f64
}

impl Signers for Counted {
    fn signer(&self, node: NodeId) -> Option<Arc<dyn Signer>> {
        Some(self.of(Identity::Node(node)))
    }
}

impl Verifier for Counted {
    fn verify(&self, claims: &[Claim]) -> Result<(), Forged> {
        let together = usize::from(claims.len() >= BATCH_FROM);
        self.shared.record(|tape| tape.verified[together].push(claims.to_vec()));
        self.shared.counts.0[2 + together].measure(claims.len(), || self.verifier.verify(claims))
    }
}
