//! How many signatures were made and verified, and how long did that take?
//!
//! Signers and a verifier that count and measure in the time that the thread has
//! computed. Counting and measuring add two looks at the clock to each
//! operation, which counts as the protocol's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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

    /// Operations a second, while nothing else is done.
    pub fn rate(self) -> f64 {
        self.operations as f64 * 1e9 / self.nanos as f64
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

/// The keys of a cluster and its clients; whatever they do is counted.
#[derive(Debug)]
pub struct Counted {
    keys: Keys,
    verifier: Arc<dyn Verifier>,
    pub counts: Arc<Counts>,
}

#[derive(Debug)]
struct CountedSigner {
    signer: Arc<dyn Signer>,
    counts: Arc<Counts>,
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
        self.counts.0[kind].measure(1, || self.signer.sign(statement))
    }
}

impl Counted {
    pub fn new(scheme: Scheme, nodes: u32, clients: u64) -> Self {
        let keys = Keys::new(1, scheme);
        let verifier = keys.verifier((1..=nodes).map(NodeId), (1..=clients).map(ClientId));
        Self { keys, verifier, counts: Arc::default() }
    }

    pub fn of(&self, identity: Identity) -> Arc<dyn Signer> {
        Arc::new(CountedSigner { signer: self.keys.signer(identity), counts: Arc::clone(&self.counts) })
    }
}

impl Signers for Counted {
    fn signer(&self, node: NodeId) -> Option<Arc<dyn Signer>> {
        Some(self.of(Identity::Node(node)))
    }
}

impl Verifier for Counted {
    fn verify(&self, claims: &[Claim]) -> Result<(), Forged> {
        let kind = if claims.len() < BATCH_FROM { 2 } else { 3 };
        self.counts.0[kind].measure(claims.len(), || self.verifier.verify(claims))
    }
}
