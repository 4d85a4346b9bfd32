//! How does a node lie?
//!
//! A liar runs the honest protocol inside, and what that says passes through the
//! liar's [`Trick`]s, in order. It waits for no disk. It has its own key and
//! those of the liars it works with, and no other: what it says in the name of
//! an honest node is made up. Chance comes from the run's seed.
//!
//! `aim` says whom a trick can be meant for, `generic` has the tricks that need to know nothing of a protocol, `pbft`,
//! `hotstuff` (with `rival`) and `hybrid` those that do, `epoch` carries them through changes of voters, `frame` makes evidence
//! against the honest, `copy` a twin's other half. Whom a liar deceives is
//! carried out by the world (`sim::lie`). Left out: liars among the nodes of
//! Raft, which believe each other.

mod aim;
mod copy;
mod epoch;
mod frame;
mod generic;
mod hotstuff;
mod hybrid;
mod pbft;
mod rival;
#[cfg(test)]
mod tests;
mod trick;

use std::collections::VecDeque;
use std::sync::Arc;

use quorumscope_core::bft::Certificate;
use quorumscope_core::crypto::{Signature, Signer, Statement};
use quorumscope_core::few;
use quorumscope_core::protocol::Protocol;
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::raft::{self, Raft};
use quorumscope_core::record::Endpoint;
use quorumscope_core::rng::Rng;
use quorumscope_core::rules::Switches;
use quorumscope_core::types::{ClientId, NodeId, Span};

pub(crate) use aim::{is_idle, misses};
pub(crate) use copy::{Copy, Spoken};
pub use trick::Trick;

/// How many messages a liar remembers to say again.
const REMEMBERED: usize = 32;

/// What liars have agreed on among themselves.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// All of them, sorted.
    pub(crate) liars: Vec<NodeId>,
    /// In which order lies are made.
    pub(crate) tricks: Vec<Trick>,
    /// Whom they are meant for: the second side of twins, those from whom things are withheld, censored clients.
    pub(crate) against: Vec<Endpoint>,
    /// All who vote.
    pub(crate) quorum: Byzantine,
    /// The keys of `liars`.
    pub(crate) signers: Vec<(NodeId, Arc<dyn Signer>)>,
}

impl Plan {
    /// Whether this trick is among theirs.
    pub(crate) fn has(&self, trick: Trick) -> bool {
        self.tricks.contains(&trick)
    }

    fn is_against(&self, node: NodeId) -> bool {
        self.against.contains(&Endpoint::Node(node))
    }

    fn censors(&self, client: ClientId) -> bool {
        self.has(Trick::Censor) && self.against.contains(&Endpoint::Client(client))
    }

    /// Some of the others, but not all, and one client.
    pub(crate) fn victims(others: &[NodeId], clients: &[ClientId], rng: &mut Rng) -> Vec<Endpoint> {
        let mut pool = others.to_vec();
        let most = (pool.len() as u64).saturating_sub(1).max(1);
        let mut against = Vec::new();
        for _ in 0..1 + rng.below(most) {
            if !pool.is_empty() {
                against.push(Endpoint::Node(pool.swap_remove(place(rng, pool.len()))));
            }
        }
        against.extend(pick(rng, clients).copied().map(Endpoint::Client));
        few::distinct(against)
    }
}

/// A message that leaves a liar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said<M> {
    /// To whom.
    pub(crate) to: NodeId,
    /// What.
    pub(crate) message: M,
    /// How much later than it could.
    pub(crate) late: Span,
    /// Whether the second copy of a twin says it.
    pub(crate) second: bool,
}

/// What a lie is made with.
pub(crate) struct Means<'a, P: Protocol> {
    pub(crate) config: &'a P::Config,
    pub(crate) plan: &'a Plan,
    pub(crate) me: NodeId,
    pub(crate) rng: &'a mut Rng,
    /// What it has said, and proposals that it has heard.
    pub(crate) memory: &'a dyn Memory<P::Message>,
}

/// What a liar remembers, from the oldest on.
pub(crate) trait Memory<M> {
    /// The message at this place, while there are any.
    fn at(&self, place: usize) -> Option<&M>;
}

impl<M> Memory<M> for VecDeque<M> {
    fn at(&self, place: usize) -> Option<&M> {
        self.get(place)
    }
}

impl<P: Protocol> Means<'_, P> {
    /// This node's signature where a liar has its key, and otherwise one that is made up.
    pub(crate) fn signature(&mut self, of: NodeId, statement: &Statement) -> Signature {
        match self.plan.signers.iter().find(|(node, _)| *node == of) {
            Some((_, signer)) => signer.sign(statement),
            None => made_up(self.rng),
        }
    }

    /// The liar's own signature.
    pub(crate) fn sign(&mut self, statement: &Statement) -> Signature {
        self.signature(self.me, statement)
    }

    /// A certificate that names a quorum, of whose signatures the liars' hold.
    pub(crate) fn certificate(&mut self, statement: impl Fn(NodeId) -> Statement) -> Certificate {
        let quorum = self.plan.quorum.clone();
        let mut signed = Vec::new();
        for node in quorum.voters() {
            signed.push((*node, self.signature(*node, &statement(*node))));
        }
        Certificate::of(signed.into_iter(), quorum.needed())
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.rng.below(many) == 0
    }
}

fn made_up(rng: &mut Rng) -> Signature {
    let mut bytes = [0; 64];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&rng.bits().to_le_bytes());
    }
    Signature(bytes)
}

/// A place in a list of this length.
fn place(rng: &mut Rng, length: usize) -> usize {
    usize::try_from(rng.below(length as u64)).unwrap_or_default()
}

fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> Option<&'a T> {
    list.get(place(rng, list.len()))
}

/// What a liar has to know of a protocol.
pub(crate) trait Deceive: Protocol {
    /// What is said instead of a message of its own; `None` where the trick leaves it as it is.
    fn lie(trick: Trick, message: &Self::Message, means: &mut Means<'_, Self>) -> Option<Vec<Self::Message>>;

    /// What is said because something was heard, and to whom.
    fn retort(trick: Trick, heard: &Self::Message, means: &mut Means<'_, Self>) -> Vec<(NodeId, Self::Message)>;

    /// A message without the requests of these clients; `None` where nothing of it is left.
    fn without(message: Self::Message, censored: &dyn Fn(ClientId) -> bool) -> Option<Self::Message>;

    /// Whether it is worth to be remembered when it is heard.
    fn is_memorable(heard: &Self::Message) -> bool;

    /// The message with some bytes flipped, where that can still be read and says something else.
    fn corrupted(message: &Self::Message, rng: &mut Rng) -> Option<Self::Message> {
        generic::corrupt(message, rng)
    }
}

impl Deceive for Raft<Switches> {
    fn lie(_: Trick, _: &raft::Message, _: &mut Means<'_, Self>) -> Option<Vec<raft::Message>> {
        None
    }

    fn retort(_: Trick, _: &raft::Message, _: &mut Means<'_, Self>) -> Vec<(NodeId, raft::Message)> {
        Vec::new()
    }

    fn without(message: raft::Message, _: &dyn Fn(ClientId) -> bool) -> Option<raft::Message> {
        Some(message)
    }

    fn is_memorable(_: &raft::Message) -> bool {
        false
    }
}

/// A node that lies.
#[derive(Clone, Debug)]
pub(crate) struct Liar<P: Protocol> {
    pub(crate) plan: Arc<Plan>,
    me: NodeId,
    rng: Rng,
    memory: VecDeque<P::Message>,
    /// The other half of a twin; `None` while the node is down.
    pub(crate) copy: Option<Copy<P>>,
    /// An invariant of the node's own does not hold any more: it says nothing from then on.
    pub(crate) broken: bool,
}

/// What became of a message that a liar has heard.
pub(crate) struct Heard<M> {
    /// What the protocol inside is to hear; nothing where it was censored.
    pub(crate) message: Option<M>,
    /// Whether the second copy hears it.
    pub(crate) second: bool,
    /// What is said at once.
    pub(crate) retorts: Vec<Said<M>>,
}

impl<P: Deceive> Liar<P> {
    pub(crate) fn new(plan: Arc<Plan>, me: NodeId, rng: Rng) -> Self {
        Self { plan, me, rng, memory: VecDeque::new(), copy: None, broken: false }
    }

    /// Other nodes vote now: what it makes up names these.
    pub(crate) fn learns_voters(&mut self, voters: &[NodeId]) {
        Arc::make_mut(&mut self.plan).quorum = Byzantine::of(voters, false);
    }

    /// Twins that are named once more change sides. Returns whether they are such.
    pub(crate) fn goes_on_with(&mut self, plan: &Arc<Plan>) -> bool {
        let same = self.plan.liars == plan.liars && self.plan.tricks == plan.tricks;
        let goes_on = same && self.plan.has(Trick::Twins);
        if goes_on {
            self.plan = Arc::clone(plan);
        }
        goes_on
    }

    /// Whether it is a twin whose fellow `other` is one too: their copies talk to each other out of hearing.
    fn is_twin_of(&self, other: NodeId) -> bool {
        self.copy.is_some() && self.plan.liars.contains(&other)
    }

    /// What leaves the node where one of its copies would say `message`; tells `done` of each trick that was done.
    pub(crate) fn says(
        &mut self,
        config: &P::Config,
        said: Said<P::Message>,
        done: &mut dyn FnMut(Trick),
    ) -> Vec<Said<P::Message>> {
        if self.copy.is_some() && !self.is_twin_of(said.to) && said.second != self.plan.is_against(said.to) {
            return Vec::new(); // The other copy talks to that one.
        }
        if said.second {
            done(Trick::Twins);
        }
        self.remember(&said.message);
        let plan = Arc::clone(&self.plan);
        let mut saying = vec![said];
        for trick in &plan.tricks {
            let mut next = Vec::new();
            for said in saying {
                generic::pass(self, config, *trick, said, &mut next, done);
            }
            saying = next;
        }
        saying
    }

    /// A message comes in, from the second copy of a fellow or not.
    pub(crate) fn hears(
        &mut self,
        config: &P::Config,
        from: NodeId,
        message: P::Message,
        of_second: bool,
        done: &mut dyn FnMut(Trick),
    ) -> Heard<P::Message> {
        let second = if self.is_twin_of(from) { of_second } else { self.copy.is_some() && self.plan.is_against(from) };
        if P::is_memorable(&message) {
            self.remember(&message);
        }
        let plan = Arc::clone(&self.plan);
        let mut retorts = Vec::new();
        for trick in &plan.tricks {
            for (to, message) in P::retort(*trick, &message, &mut self.means(config)) {
                done(*trick);
                retorts.push(Said { to, message, late: Span(0), second });
            }
        }
        let message = if plan.has(Trick::Censor) {
            let left = P::without(message.clone(), &|client| plan.censors(client));
            if left.as_ref() != Some(&message) {
                done(Trick::Censor);
            }
            left
        } else {
            Some(message)
        };
        Heard { message, second, retorts }
    }

    /// Whether a client's own request is taken.
    pub(crate) fn takes(&self, client: ClientId) -> bool {
        !self.plan.censors(client)
    }

    fn means<'a>(&'a mut self, config: &'a P::Config) -> Means<'a, P> {
        Means { config, plan: &self.plan, me: self.me, rng: &mut self.rng, memory: &self.memory }
    }

    fn remember(&mut self, message: &P::Message) {
        if self.memory.len() >= REMEMBERED {
            // Some old ones stay, so that what is said again is of any age.
            self.memory.remove(place(&mut self.rng, REMEMBERED));
        }
        self.memory.push_back(message.clone());
    }
}
