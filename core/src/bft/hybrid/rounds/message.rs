//! What do replicas say to each other, and what proves what?
//!
//! Acknowledgements make two certificates. [`Prepared`]: a quorum has one history
//! in one term, so nobody else's can be prepared at its places in that term.
//! [`Committed`]: a quorum *names* such a certificate, each member in that same
//! term, so every quorum of votes for a later term shows it. Votes, wishes and
//! leads change the term; the rest is questions and answers, which prove
//! themselves or promise nothing.
//!
//! Read `replicate` for the rounds and `terms` for the change.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::link::{Link, Mark};
use crate::bft::epoch::Root;
use crate::bft::{Bundle, Checkpoint, Chunk, FetchChunk, StableCheckpoint};
use crate::crypto::{Claim, Domain, Hash256, Identity, Signature, Statement};
use crate::quorum::Byzantine;
use crate::types::{NodeId, Sequence, Term};

/// Kinds of statements, after that of acknowledgements.
const WISH: u8 = 2;
const VOTE: u8 = 3;

/// A replica has a history, and names its highest prepare certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ack {
    /// The history.
    pub mark: Mark,
    /// What its highest prepare certificate is of.
    pub named: Option<Mark>,
    /// Of whoever says it.
    pub signature: Signature,
}

impl Ack {
    fn claim(&self, domain: &Domain, by: NodeId) -> Claim {
        let statement = self.mark.acknowledge(domain, self.named);
        Claim { by: Identity::Node(by), statement, signature: self.signature }
    }
}

/// A prepare certificate: a quorum has one history in one term.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prepared {
    /// Which.
    pub mark: Mark,
    /// By voter; each acknowledges this mark, whatever it names.
    pub acks: Vec<(NodeId, Ack)>,
}

/// Proof that a history is committed: a quorum names its prepare certificate, in its term.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Committed {
    /// Which.
    pub mark: Mark,
    /// By voter; each names this mark, whatever it acknowledges itself.
    pub acks: Vec<(NodeId, Ack)>,
}

/// Whether these are of a quorum, each voter once and in order.
fn is_quorum(acks: &[(NodeId, Ack)], quorum: &Byzantine) -> bool {
    acks.len() <= quorum.voters().len()
        && acks.is_sorted_by(|a, b| a.0 < b.0)
        && quorum.is_quorum(acks.iter().map(|(voter, _)| *voter))
}

impl Prepared {
    /// Whether a quorum acknowledges it; signatures apart.
    #[must_use]
    pub fn is_enough(&self, quorum: &Byzantine) -> bool {
        self.mark.is_possible()
            && is_quorum(&self.acks, quorum)
            && self.acks.iter().all(|(_, ack)| ack.mark == self.mark)
    }

    /// What has to be verified before it is believed.
    pub fn claims(&self, domain: &Domain, claims: &mut Vec<Claim>) {
        claims.extend(self.acks.iter().map(|(voter, ack)| ack.claim(domain, *voter)));
    }
}

impl Committed {
    /// Whether a quorum names it, signatures apart. `own_term`: only what was named in its own term counts. Whoever
    /// names it later may have voted in between without it.
    #[must_use]
    pub fn is_enough(&self, quorum: &Byzantine, own_term: bool) -> bool {
        let names = |ack: &Ack| ack.named == Some(self.mark) && (ack.mark.term == self.mark.term || !own_term);
        self.mark.is_possible() && is_quorum(&self.acks, quorum) && self.acks.iter().all(|(_, ack)| names(ack))
    }

    /// What has to be verified before it is believed.
    pub fn claims(&self, domain: &Domain, claims: &mut Vec<Claim>) {
        claims.extend(self.acks.iter().map(|(voter, ack)| ack.claim(domain, *voter)));
    }
}

/// The leader's history grows; without links it is a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Append {
    /// The leader has what it asks for, itself: it says so as everybody else does.
    pub ack: Ack,
    /// The end of that history, as far as the leader believes that it is missing.
    pub links: Vec<Arc<Link>>,
    /// The leader's highest prepare certificate, where it is news.
    pub prepared: Option<Arc<Prepared>>,
    /// The newest commit certificate, where it is news.
    pub committed: Option<Arc<Committed>>,
}

/// A replica would like another term. No vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wish {
    /// This one or a later one.
    pub term: Term,
    /// Of whoever wishes.
    pub signature: Signature,
}

impl Wish {
    /// What a replica signs.
    #[must_use]
    pub fn statement(domain: &Domain, term: Term) -> Statement {
        Statement::new(domain, WISH).number(term.0)
    }
}

/// A replica takes part in no term below this one any more, and says what was prepared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// The term.
    pub term: Term,
    /// Whose vote.
    pub by: NodeId,
    /// Its highest prepare certificate.
    pub prepared: Option<Arc<Prepared>>,
    /// Of `by`.
    pub signature: Signature,
}

/// What a replica signs that votes in a term and shows this certificate.
#[must_use]
pub fn vote_statement(domain: &Domain, term: Term, prepared: Option<Mark>) -> Statement {
    let named = prepared.unwrap_or(Mark { term: Term(0), sequence: Sequence(0), hash: Hash256::ZERO });
    Statement::new(domain, VOTE)
        .number(term.0)
        .number(u64::from(prepared.is_some()))
        .number(named.term.0)
        .number(named.sequence.0)
        .hash(&named.hash)
}

impl Vote {
    /// What a replica signs.
    #[must_use]
    pub fn statement(&self, domain: &Domain) -> Statement {
        vote_statement(domain, self.term, self.prepared.as_ref().map(|prepared| prepared.mark))
    }

    /// Whether an honest replica may say it, signatures apart.
    #[must_use]
    pub fn is_well_formed(&self, quorum: &Byzantine) -> bool {
        let fits = |prepared: &Arc<Prepared>| prepared.mark.term < self.term && prepared.is_enough(quorum);
        self.term > Term(0)
            && self.term <= Term::MAX
            && quorum.is_voter(self.by)
            && self.prepared.as_ref().is_none_or(fits)
    }

    fn claims(&self, domain: &Domain, claims: &mut Vec<Claim>) {
        let (by, statement) = (Identity::Node(self.by), self.statement(domain));
        claims.push(Claim { by, statement, signature: self.signature });
        if let Some(prepared) = &self.prepared {
            prepared.claims(domain, claims);
        }
    }
}

/// How a term begins: its leader goes on from the highest certificate among these. It proves itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lead {
    /// The term.
    pub term: Term,
    /// Of a quorum, by voter.
    pub votes: Vec<Arc<Vote>>,
}

impl Lead {
    /// Whether a quorum has voted for it, signatures apart.
    #[must_use]
    pub fn is_enough(&self, quorum: &Byzantine) -> bool {
        self.votes.len() <= quorum.voters().len()
            && self.votes.is_sorted_by(|a, b| a.by < b.by)
            && quorum.is_quorum(self.votes.iter().map(|vote| vote.by))
            && self.votes.iter().all(|vote| vote.term == self.term && vote.is_well_formed(quorum))
    }

    /// The highest certificate among the votes: term, then place.
    #[must_use]
    pub fn start(&self) -> Option<&Arc<Prepared>> {
        self.votes.iter().filter_map(|vote| vote.prepared.as_ref()).max_by_key(|prepared| prepared.mark.rank())
    }
}

/// A checkpoint with the hash of the history up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sealed {
    /// The state.
    pub checkpoint: Checkpoint,
    /// The chain hash at its place.
    pub chain: Hash256,
}

impl Sealed {
    /// What a replica signs.
    #[must_use]
    pub fn statement(&self, domain: &Domain) -> Statement {
        self.checkpoint.statement(domain).hash(&self.chain)
    }
}

/// A quorum has signed a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stable {
    /// The state and who signed.
    pub proof: StableCheckpoint,
    /// The chain hash that they have signed with it.
    pub chain: Hash256,
}

impl Stable {
    /// What an epoch's first rounds begin with: no signature of this epoch proves it.
    #[must_use]
    pub(in crate::bft::hybrid) fn of_epoch(root: &Root, domain: &Domain) -> Self {
        let checkpoint = root.stable.checkpoint;
        Self { proof: (*root.stable).clone(), chain: crate::bft::hybrid::root(checkpoint, domain).chain }
    }

    /// Whether a quorum has signed it, or it is what the epoch begins with.
    #[must_use]
    pub fn is_proven_after(&self, root: Option<&Self>, quorum: &Byzantine) -> bool {
        root == Some(self) || self.proof.is_proven(quorum)
    }

    /// What has to be verified before it is believed.
    pub fn claims(&self, domain: &Domain, claims: &mut Vec<Claim>) {
        let sealed = Sealed { checkpoint: self.proof.checkpoint, chain: self.chain };
        let statement = sealed.statement(domain);
        self.proof.certificate.claims(|_| statement.clone(), claims);
    }
}

/// Where a replica stands: whoever knows more sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// Its term.
    pub term: Term,
    /// Whether it knows how that term began.
    pub active: bool,
    /// Its stable checkpoint.
    pub stable: Sequence,
    /// What it has committed.
    pub committed: Sequence,
    /// The end of its history.
    pub last: Sequence,
}

/// Links that were missed, with the proof that they are committed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decided {
    /// In order.
    pub links: Vec<Arc<Link>>,
    /// Of the last of them.
    pub committed: Arc<Committed>,
}

/// What a replica says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Requests of clients for the leader.
    Requests(Vec<Arc<Bundle>>),
    /// Of the leader.
    Append(Box<Append>),
    /// For the leader.
    Ack(Box<Ack>),
    /// Wishes of several, the sender's among them: who sees f+1 joins, whoever sends them.
    Wishes(Vec<(NodeId, Wish)>),
    /// For the term's leader.
    Vote(Arc<Vote>),
    /// The leader's first message of a term, from whoever has it.
    Lead(Arc<Lead>),
    /// A word for a checkpoint.
    Checkpoint(Box<(Sealed, Signature)>),
    /// Asks for whatever is missing.
    Standing(Standing),
    /// Answers it.
    Decided(Box<Decided>),
    /// Answers it where the links are gone.
    Stable(Box<Stable>),
    /// Asks for the links after a place that lead to this history.
    FetchLinks {
        /// Its chain hash.
        hash: Hash256,
        /// What is there already.
        after: Sequence,
    },
    /// Answers it.
    Links(Vec<Arc<Link>>),
    /// Asks for a part of a snapshot.
    FetchChunk(FetchChunk),
    /// A part of a snapshot.
    Chunk(Box<Chunk>),
}

fn bodies(links: &[Arc<Link>], cluster: u64, claims: &mut Vec<Claim>) {
    links.iter().for_each(|link| link.batch().claims(cluster, claims));
}

impl Message {
    /// What has to be verified before it is handed in.
    pub fn claims(&self, domain: &Domain, from: NodeId, claims: &mut Vec<Claim>) {
        match self {
            Self::Requests(bundles) => bundles.iter().for_each(|bundle| bundle.claims(domain.cluster, claims)),
            Self::Append(append) => {
                claims.push(append.ack.claim(domain, from));
                if let Some(prepared) = &append.prepared {
                    prepared.claims(domain, claims);
                }
                if let Some(committed) = &append.committed {
                    committed.claims(domain, claims);
                }
                bodies(&append.links, domain.cluster, claims);
            }
            Self::Ack(ack) => claims.push(ack.claim(domain, from)),
            Self::Wishes(wishes) => claims.extend(wishes.iter().map(|(by, wish)| Claim {
                by: Identity::Node(*by),
                statement: Wish::statement(domain, wish.term),
                signature: wish.signature,
            })),
            Self::Vote(vote) => vote.claims(domain, claims),
            Self::Lead(lead) => lead.votes.iter().for_each(|vote| vote.claims(domain, claims)),
            Self::Checkpoint(said) => {
                claims.push(Claim { by: Identity::Node(from), statement: said.0.statement(domain), signature: said.1 })
            }
            Self::Decided(decided) => {
                decided.committed.claims(domain, claims);
                bodies(&decided.links, domain.cluster, claims);
            }
            Self::Stable(stable) => stable.claims(domain, claims),
            Self::Links(links) => bodies(links, domain.cluster, claims),
            Self::Standing(_) | Self::FetchLinks { .. } | Self::FetchChunk(_) | Self::Chunk(_) => {}
        }
    }
}
