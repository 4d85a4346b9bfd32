//! What do replicas say to each other, and what of it do they sign?
//!
//! The messages of PBFT §4.2–§4.4. Each is signed by whoever says it (BFT-PK),
//! so that it proves something also inside of another message. What is signed
//! of a batch is the hash of its [`Value`] (`value`); bodies travel with the pre-prepare
//! and on request. Questions and their answers promise nothing and are not
//! signed: what they carry is.
//!
//! Read `view_change` for what a new view must say.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::value::{Subject, Value};
use crate::bft::epoch::{self, Root};
use crate::bft::evidence::Evidence;
use crate::bft::{Bundle, Certificate, Checkpoint, Chunk, FetchChunk, StableCheckpoint};
use crate::crypto::{Claim, Domain, Hash256, Hasher256, Identity, Signature, Statement};
use crate::quorum::Byzantine;
use crate::types::{NodeId, Sequence, Term};

/// The kinds of statements that go on where those of [`Subject`]s end.
const VIEW_CHANGE: u8 = 4;
const NEW_VIEW: u8 = 5;

/// A primary orders a value (§4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrePrepare {
    /// In this view.
    pub view: Term,
    /// Here.
    pub sequence: Sequence,
    /// What.
    pub value: Arc<Value>,
    /// Of the view's primary.
    pub signature: Signature,
}

impl PrePrepare {
    /// What it says.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject { view: self.view, sequence: self.sequence, hash: self.value.hash() }
    }
}

/// A prepare or a commit (§4.2): which of them, says the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// What it is about.
    pub subject: Subject,
    /// Of whoever sends it.
    pub signature: Signature,
}

/// Proof that a value was prepared: the primary's pre-prepare, and prepares of others for the same, a quorum together
/// (§4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prepared {
    /// What was prepared.
    pub subject: Subject,
    /// The primary's signature is of its pre-prepare.
    pub certificate: Certificate,
}

impl Prepared {
    /// Whether the view's primary and a quorum with it have signed.
    #[must_use]
    pub fn is_enough(&self, quorum: &Byzantine) -> bool {
        let primary = quorum.in_turn(self.subject.view);
        self.certificate.is_enough(quorum) && self.certificate.voters().any(|voter| Some(voter) == primary)
    }

    fn claims(&self, domain: &Domain, quorum: &Byzantine, claims: &mut Vec<Claim>) {
        let primary = quorum.in_turn(self.subject.view);
        let (ordered, prepared) = (self.subject.pre_prepare(domain), self.subject.prepare(domain));
        let statement = |voter| if Some(voter) == primary { ordered.clone() } else { prepared.clone() };
        self.certificate.claims(statement, claims);
    }
}

/// Proof that a value is committed: commits of a quorum (§4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decided {
    /// What is committed.
    pub subject: Subject,
    /// Commits.
    pub certificate: Certificate,
}

/// A replica leaves all views below this one, and says what it knows (§4.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ViewChange {
    /// The view that it asks for.
    pub view: Term,
    /// Who.
    pub replica: NodeId,
    /// 𝒞: its stable checkpoint; `None` at the beginning.
    pub stable: Option<Arc<StableCheckpoint>>,
    /// 𝒫: the newest proof of each sequence number after it at which something was prepared, in order.
    pub prepared: Vec<Arc<Prepared>>,
    /// Of `replica`. It is over what the proofs prove; which signatures prove it makes no difference.
    pub signature: Signature,
}

impl ViewChange {
    /// The sequence number of its stable checkpoint.
    #[must_use]
    pub fn low(&self) -> Sequence {
        self.stable.as_ref().map_or(Sequence(0), |stable| stable.checkpoint.sequence)
    }

    fn content(&self) -> Hash256 {
        let mut hasher = Hasher256::new();
        hasher.number(self.low().0);
        hasher.update(&self.stable.as_ref().map_or(Hash256::ZERO, |stable| stable.checkpoint.snapshot).0);
        hasher.number(self.prepared.len() as u64);
        for Subject { view, sequence, hash } in self.prepared.iter().map(|prepared| prepared.subject) {
            hasher.number(view.0).number(sequence.0).update(&hash.0);
        }
        hasher.finish()
    }

    /// What the replica signs.
    #[must_use]
    pub fn statement(&self, domain: &Domain) -> Statement {
        Statement::new(domain, VIEW_CHANGE).number(self.view.0).number(u64::from(self.replica.0)).hash(&self.content())
    }

    /// What has to be verified before it is believed, whether it comes alone or in a new view.
    pub fn claims(&self, domain: &Domain, quorum: &Byzantine, claims: &mut Vec<Claim>) {
        let by = Identity::Node(self.replica);
        claims.push(Claim { by, statement: self.statement(domain), signature: self.signature });
        if let Some(stable) = &self.stable {
            stable.claims(domain, claims);
        }
        for prepared in &self.prepared {
            prepared.claims(domain, quorum, claims);
        }
    }

    /// Whether an honest replica may say it, signatures apart: all certificates are of quorums and older than the view,
    /// sequence numbers rise and lie in the window after the checkpoint. The root is what the instance begins with.
    #[must_use]
    pub fn is_well_formed(&self, quorum: &Byzantine, window: u64, root: Option<&Root>) -> bool {
        let (low, high) = (self.low(), Sequence(self.low().0.saturating_add(window)));
        let fits = |prepared: &Arc<Prepared>| {
            let Subject { view, sequence, .. } = prepared.subject;
            view < self.view && low < sequence && sequence <= high && prepared.is_enough(quorum)
        };
        self.view <= Term::MAX
            && quorum.is_voter(self.replica)
            && self.prepared.len() as u64 <= window
            && self.stable.as_ref().is_none_or(|stable| stable.is_proven_after(root, quorum))
            && self.prepared.is_sorted_by(|a, b| a.subject.sequence < b.subject.sequence)
            && self.prepared.iter().all(fits)
    }
}

/// A pre-prepare of a new view, without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assigned {
    /// Where.
    pub sequence: Sequence,
    /// What: the hash of a value.
    pub hash: Hash256,
    /// The new primary's, of the pre-prepare in the new view.
    pub signature: Signature,
}

/// A new primary shows what it begins with, and from what it follows (§4.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewView {
    /// The view.
    pub view: Term,
    /// 𝒱: view changes of a quorum, by replica.
    pub view_changes: Vec<Arc<ViewChange>>,
    /// 𝒪: what it orders again, in order.
    pub pre_prepares: Vec<Assigned>,
    /// Of the view's primary.
    pub signature: Signature,
}

impl NewView {
    /// The hash of what it begins with and of what that follows from.
    #[must_use]
    pub fn content(&self) -> Hash256 {
        let mut hasher = Hasher256::new();
        hasher.number(self.view_changes.len() as u64);
        for change in &self.view_changes {
            hasher.number(u64::from(change.replica.0)).update(&change.content().0);
        }
        for Assigned { sequence, hash, .. } in &self.pre_prepares {
            hasher.number(sequence.0).update(&hash.0);
        }
        hasher.finish()
    }

    /// What the primary signs.
    #[must_use]
    pub fn statement(&self, domain: &Domain) -> Statement {
        new_view_statement(domain, self.view, &self.content())
    }

    fn claims(&self, domain: &Domain, quorum: &Byzantine, claims: &mut Vec<Claim>) {
        let Some(primary) = quorum.in_turn(self.view) else { return };
        let by = Identity::Node(primary);
        claims.push(Claim { by, statement: self.statement(domain), signature: self.signature });
        for Assigned { sequence, hash, signature } in &self.pre_prepares {
            let subject = Subject { view: self.view, sequence: *sequence, hash: *hash };
            claims.push(Claim { by, statement: subject.pre_prepare(domain), signature: *signature });
        }
        for change in &self.view_changes {
            change.claims(domain, quorum, claims);
        }
    }
}

/// What a primary signs of a new view with this content.
pub(in crate::bft) fn new_view_statement(domain: &Domain, view: Term, content: &Hash256) -> Statement {
    Statement::new(domain, NEW_VIEW).number(view.0).hash(content)
}

/// A value with the proof that it is committed, for whoever has missed it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Committed {
    /// The value.
    pub value: Arc<Value>,
    /// The proof.
    pub decided: Arc<Decided>,
}

/// How far one sequence number is at a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stage {
    /// It has the view's pre-prepare, with the body.
    pub accepted: bool,
    /// It is prepared in this view.
    pub prepared: bool,
    /// It is committed.
    pub decided: bool,
}

/// Where a replica stands: whoever knows more sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// Its view.
    pub view: Term,
    /// Whether it waits for the new view's beginning.
    pub changing: bool,
    /// Its stable checkpoint.
    pub stable: Sequence,
    /// The last one that it has executed.
    pub executed: Sequence,
    /// How often it has asked in vain: in large clusters others answer each time.
    pub round: u64,
    /// What follows, as far as it knows of anything.
    pub stages: Vec<Stage>,
}

/// A proof of a checkpoint for whoever has fallen behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stable {
    /// The proof.
    pub proof: Arc<StableCheckpoint>,
    /// Whether what the receiver needs next is not here any more: it should fetch the state.
    pub gone: bool,
}

/// Requests that a backup passes on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Relayed {
    /// As they came.
    pub bundles: Vec<Arc<Bundle>>,
    /// They wait in vain: they should be ordered even where they were executed, for the backup does not know that.
    /// Sessions execute them once.
    pub anew: bool,
}

/// What a replica says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Requests of clients for the primary (§4.1).
    Requests(Relayed),
    /// §4.2.
    PrePrepare(PrePrepare),
    /// §4.2.
    Prepare(Vote),
    /// §4.2.
    Commit(Vote),
    /// §4.3.
    Checkpoint(Box<(Checkpoint, Signature)>),
    /// §4.4.
    ViewChange(Arc<ViewChange>),
    /// §4.4.
    NewView(Arc<NewView>),
    /// Asks for whatever is missing.
    Standing(Box<Standing>),
    /// Answers it.
    Committed(Box<Committed>),
    /// Answers it.
    Stable(Box<Stable>),
    /// Asks for the bodies of these values.
    FetchValues(Vec<(Sequence, Hash256)>),
    /// A body.
    Body(Sequence, Arc<Value>),
    /// Asks for a part of a snapshot.
    FetchChunk(FetchChunk),
    /// A part of a snapshot.
    Chunk(Box<Chunk>),
    /// Proof that somebody has lied, for whoever has not heard of it.
    Evidence(Arc<Evidence>),
    /// Of a later epoch than the first; nothing is within that again. For [`epoch`](crate::bft::epoch), as the next.
    Later {
        /// Which.
        epoch: u64,
        /// What.
        #[serde(deserialize_with = "flat")]
        message: Box<Message>,
    },
    /// About epochs.
    Epoch(Box<epoch::Message>),
}

/// The same, of an epoch that is said elsewhere. Bytes with one epoch within another are no message: whoever reads them
/// does so in bounded depth.
#[derive(Deserialize)]
#[serde(remote = "Message")]
enum Flat {
    Requests(Relayed),
    PrePrepare(PrePrepare),
    Prepare(Vote),
    Commit(Vote),
    Checkpoint(Box<(Checkpoint, Signature)>),
    ViewChange(Arc<ViewChange>),
    NewView(Arc<NewView>),
    Standing(Box<Standing>),
    Committed(Box<Committed>),
    Stable(Box<Stable>),
    FetchValues(Vec<(Sequence, Hash256)>),
    Body(Sequence, Arc<Value>),
    FetchChunk(FetchChunk),
    Chunk(Box<Chunk>),
    Evidence(Arc<Evidence>),
}

fn flat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Message>, D::Error> {
    Flat::deserialize(deserializer).map(Box::new)
}

impl Message {
    /// What has to be verified before it is handed in.
    pub fn claims(&self, domain: &Domain, quorum: &Byzantine, from: NodeId, claims: &mut Vec<Claim>) {
        let mut said = |by: NodeId, statement: Statement, signature: Signature| {
            claims.push(Claim { by: Identity::Node(by), statement, signature });
        };
        match self {
            Self::Requests(relayed) => relayed.bundles.iter().for_each(|bundle| bundle.claims(domain.cluster, claims)),
            Self::PrePrepare(pre_prepare) => {
                if let Some(primary) = quorum.in_turn(pre_prepare.view) {
                    said(primary, pre_prepare.subject().pre_prepare(domain), pre_prepare.signature);
                }
                pre_prepare.value.batch().claims(domain.cluster, claims);
            }
            Self::Prepare(vote) => said(from, vote.subject.prepare(domain), vote.signature),
            Self::Commit(vote) => said(from, vote.subject.commit(domain), vote.signature),
            Self::Checkpoint(said) => claims.push(said.0.claim(domain, from, said.1)),
            Self::ViewChange(change) => change.claims(domain, quorum, claims),
            Self::NewView(new_view) => new_view.claims(domain, quorum, claims),
            Self::Committed(committed) => {
                let statement = committed.decided.subject.commit(domain);
                committed.decided.certificate.claims(|_| statement.clone(), claims);
                committed.value.batch().claims(domain.cluster, claims);
            }
            Self::Stable(stable) => stable.proof.claims(domain, claims),
            Self::Body(_, value) => value.batch().claims(domain.cluster, claims),
            Self::Evidence(evidence) => claims.extend(evidence.claims(domain.cluster)),
            // The last two are handed in by nobody: whoever runs one epoch after another looks into them.
            Self::Standing(_)
            | Self::FetchValues(_)
            | Self::FetchChunk(_)
            | Self::Chunk(_)
            | Self::Later { .. }
            | Self::Epoch(_) => {}
        }
    }
}
