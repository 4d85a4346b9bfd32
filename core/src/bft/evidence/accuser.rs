//! What does a replica do about evidence?
//!
//! It listens to all that peers say and it has verified ([`Watch`]), and takes
//! evidence from others once its signatures hold. Of what convicts it keeps one
//! piece for each culprit; it sends that to all, asks the protocol to order it,
//! and does both again after a pause until the cluster has decided. Then the
//! culprit is known, and nothing more is heard of it.
//!
//! **Bounds.** One watch for each domain, of [`REMEMBERED`] words a peer; one piece for each voter,
//! none longer than a request may be. It sends one message to each peer a pause and
//! piece, and who sends it the same again costs it no signature.
//!
//! **What is moot is not verified for this.** A message that is of no use any more
//! could contradict one that was; but whoever lies to two sides has said both in
//! certificates, which are verified wherever they are of use (view changes,
//! proofs of what is committed, stop statements), and one honest replica that
//! has both words is enough, because it tells the others. Verifying moot
//! messages would let a flood of them cost signatures.
//!
//! Left out: what a decision changes (`machine`, and in the hybrid the switch).

use std::sync::Arc;

use super::event::Event;
use super::word::Signed;
use super::{Conviction, Evidence, Watch, decided};
use crate::bft::Bundle;
use crate::bft::hotstuff::Block;
use crate::crypto::{Domain, Signer};
use crate::protocol::Effects;
use crate::types::{Mono, NodeId, Span};

/// Words of each peer that a watch remembers: those of a whole pipeline, more than once.
const REMEMBERED: usize = 256;

/// A piece of evidence that is not decided yet.
#[derive(Clone, Debug)]
struct Held {
    evidence: Arc<Evidence>,
    conviction: Conviction,
    /// Who passed it on; `None` where it was found here.
    from: Option<NodeId>,
    request: Option<Arc<Bundle>>,
    is_noted: bool,
}

/// What a replica knows of lies.
#[derive(Clone, Debug)]
pub(in crate::bft) struct Accuser {
    is_on: bool,
    cluster: u64,
    me: NodeId,
    /// A longer piece could not be asked for.
    longest: u32,
    pause: Span,
    watches: Vec<Watch>,
    held: Vec<Held>,
    convicted: Vec<Conviction>,
    say_at: Option<Mono>,
}

impl Accuser {
    /// Listens to what is said in these domains, where it is on.
    pub(in crate::bft) fn new(is_on: bool, me: NodeId, domains: &[Domain], longest: u32, pause: Span) -> Self {
        let cluster = domains.first().map_or(0, |domain| domain.cluster);
        let (watches, held, convicted) = (Vec::new(), Vec::new(), Vec::new());
        let mut accuser = Self { is_on, cluster, me, longest, pause, watches, held, convicted, say_at: None };
        accuser.listen_in(domains);
        accuser
    }

    /// From now on it listens in these domains, and forgets what was said in others.
    pub(in crate::bft) fn listen_in(&mut self, domains: &[Domain]) {
        let watch = |domain: &Domain| Watch::new(*domain, REMEMBERED);
        self.watches = if self.is_on { domains.iter().map(watch).collect() } else { Vec::new() };
    }

    /// Goes on with the evidence and the verdicts of the one before it.
    pub(in crate::bft) fn succeed(&mut self, before: &Self) {
        self.held.clone_from(&before.held);
        self.convicted.clone_from(&before.convicted);
        self.say_at = before.say_at;
    }

    /// Whether it listens at all.
    pub(in crate::bft) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Takes the verified words that `said` hands out; `place` is that of their domain.
    pub(in crate::bft) fn listen(&mut self, place: usize, said: impl FnOnce(&mut dyn FnMut(NodeId, Signed))) {
        let Some(watch) = self.watches.get_mut(place) else { return };
        let mut found = Vec::new();
        said(&mut |by, signed| found.extend(watch.hear(by, signed)));
        for evidence in found {
            self.hold(Arc::new(evidence), None);
        }
    }

    /// Takes a block that was proposed, before the votes for it.
    pub(in crate::bft) fn show(&mut self, place: usize, block: &Block) {
        if let Some(watch) = self.watches.get_mut(place) {
            watch.show_as(block.hash(), block.header());
        }
    }

    /// Whether evidence against this one is of no use: its signatures need no look. What is known stays known.
    pub(in crate::bft) fn is_moot(&self, evidence: &Evidence) -> bool {
        let culprit = evidence.culprit();
        let is_held = || self.held.iter().any(|held| held.conviction.culprit == culprit);
        !self.is_on || culprit == self.me || is_held() || self.has_convicted(culprit)
    }

    /// Evidence comes in, its signatures verified unless it is moot. Returns false where it convicts nobody: whoever
    /// sends such lies.
    pub(in crate::bft) fn take<M, H>(
        &mut self,
        from: NodeId,
        evidence: Arc<Evidence>,
        out: &mut Effects<M, H>,
    ) -> bool {
        if self.is_moot(&evidence) {
            return true;
        }
        let convicts = evidence.verified().is_ok();
        if convicts {
            self.hold(evidence, Some(from));
        } else {
            out.note(|| Event::Unfounded { from }.into());
        }
        convicts
    }

    fn hold(&mut self, evidence: Arc<Evidence>, from: Option<NodeId>) {
        let is_short = evidence.encode().len() + 64 <= self.longest as usize;
        if let Ok(conviction) = evidence.verified()
            && is_short
            && !self.is_moot(&evidence)
        {
            self.held.push(Held { evidence, conviction, from, request: None, is_noted: false });
            self.say_at = Some(Mono(0));
        }
    }

    /// What is to be said now, if anything: pieces for all peers, and requests for the protocol.
    pub(in crate::bft) fn due<M, H>(
        &mut self,
        now: Mono,
        signer: Option<&dyn Signer>,
        out: &mut Effects<M, H>,
    ) -> Vec<(Arc<Evidence>, Arc<Bundle>)> {
        if self.say_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.say_at = (!self.held.is_empty()).then(|| now + self.pause);
        let Some(signer) = signer else { return Vec::new() };
        let mut said = Vec::new();
        for held in &mut self.held {
            let Held { evidence, conviction, from, request, is_noted } = held;
            if !std::mem::replace(is_noted, true) {
                let conviction = *conviction;
                out.note(|| match *from {
                    None => Event::Found(conviction).into(),
                    Some(from) => Event::Heard { from, conviction }.into(),
                });
            }
            let ask = || Arc::new(decided::ask(self.cluster, self.me, evidence, signer));
            said.push((Arc::clone(evidence), Arc::clone(request.get_or_insert_with(ask))));
        }
        said
    }

    /// Says it again at once.
    pub(in crate::bft) fn hurry(&mut self, now: Mono) {
        if !self.held.is_empty() {
            self.say_at = Some(now);
        }
    }

    /// When it has to say something again.
    pub(in crate::bft) fn deadline(&self) -> Option<Mono> {
        self.say_at
    }

    /// Whom the evidence is against that is not decided yet, and in which instance it was said.
    pub(in crate::bft) fn open(&self) -> impl Iterator<Item = &Conviction> {
        self.held.iter().map(|held| &held.conviction)
    }

    /// All that the cluster has decided, as the state machine says it. Returns what is new.
    pub(in crate::bft) fn decided<M, H>(
        &mut self,
        convictions: &[Conviction],
        out: &mut Effects<M, H>,
    ) -> Vec<Conviction> {
        let is_new = |conviction: &&Conviction| !self.has_convicted(conviction.culprit);
        let new: Vec<Conviction> = convictions.iter().filter(is_new).copied().collect();
        for conviction in &new {
            out.note(|| Event::Convicted(*conviction).into());
        }
        self.convicted.extend(&new);
        let convicted = &self.convicted;
        let is_open = |held: &Held| convicted.iter().all(|known| known.culprit != held.conviction.culprit);
        self.held.retain(is_open);
        if self.held.is_empty() {
            self.say_at = None;
        }
        new
    }

    fn has_convicted(&self, node: NodeId) -> bool {
        self.convicted.iter().any(|known| known.culprit == node)
    }

    /// Who was convicted, in the order of the log.
    pub(in crate::bft) fn convictions(&self) -> &[Conviction] {
        &self.convicted
    }
}
