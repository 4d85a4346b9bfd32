//! What has somebody said, as short as it can be judged?
//!
//! A [`Word`] holds what one signature is over, and no more: certificates that
//! a view change carries are not signed by its sender, so they are not in it,
//! and whoever spoils them on the way spoils nobody's name. Only of a block that
//! is voted for the parent's certificate has to be shown ([`Word::VoteFor`]).
//!
//! Words come from the messages of PBFT, `HotStuff` and the hybrid's two rounds
//! ([`said_in_pbft`], [`said_in_hotstuff`], [`said_in_rounds`], [`said_in_stop`]), from
//! certificates within them too. Checkpoints are
//! left out: who tells two states of one number may have a state machine that
//! is wrong, and that is no lie.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bft::hotstuff::{self, BlockId, Header, QuorumCertificate, TimeoutCertificate};
use crate::bft::hybrid::history::{Stop, stop_statement};
use crate::bft::hybrid::rounds::{self, Ack, Mark};
use crate::bft::pbft::{self, Assigned, NewView, Prepared, Subject, ViewChange};
use crate::bft::{Certificate, Checkpoint, StableCheckpoint};
use crate::crypto::{Domain, Family, Hash256, Signature, Statement};
use crate::quorum::Byzantine;
use crate::types::{Digest, LogIndex, NodeId, Sequence, Term, Wall};

/// What one signature is over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// PBFT §4.2: a primary orders a value.
    PrePrepare(Subject),
    /// §4.2: a backup has accepted it.
    Prepare(Subject),
    /// §4.2: it is prepared at a replica.
    Commit(Subject),
    /// §4.4: a replica leaves all views below this one.
    ViewChange(Box<Left>),
    /// §4.4: a primary begins a view, with all that this follows from.
    NewView(Box<Begun>),
    /// The same by its hash.
    Began {
        /// The view.
        view: Term,
        /// What it begins with, and what that follows from.
        content: Hash256,
    },
    /// `HotStuff` §5: a leader proposes a block.
    Proposal(BlockId),
    /// §5: a replica votes for it.
    Vote(BlockId),
    /// The same vote, with what the block follows.
    VoteFor(Box<Header>),
    /// `DiemBFT` v4, "Pacemaker": a replica gives up a view.
    Timeout {
        /// Which.
        view: Term,
        /// The view of its highest certificate.
        high: Term,
    },
    /// The hybrid's two rounds: a replica has this history, and names its highest prepare certificate.
    Acknowledged {
        /// The history.
        mark: Mark,
        /// What the certificate is of.
        named: Option<Mark>,
    },
    /// A replica takes part in no term below this one any more, and shows its highest prepare certificate.
    VotedIn {
        /// The term.
        term: Term,
        /// What the certificate is of.
        prepared: Option<Mark>,
    },
    /// A replica ends the two rounds, and says what it holds.
    Stopped {
        /// Who.
        replica: NodeId,
        /// The place of its stable checkpoint, and the chain hash there.
        stable: (Sequence, Hash256),
        /// What its highest prepare certificate is of.
        prepared: Option<Mark>,
    },
}

/// What a replica knows when it leaves a view, by the hashes that it signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Known {
    /// The sequence number of its stable checkpoint.
    pub low: Sequence,
    /// The hash of that state.
    pub snapshot: Hash256,
    /// What was prepared after it.
    pub prepared: Vec<Subject>,
}

/// A view change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Left {
    /// The view that it asks for.
    pub view: Term,
    /// Who.
    pub replica: NodeId,
    /// What it knows.
    pub known: Known,
}

/// A new view.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Begun {
    /// The view.
    pub view: Term,
    /// What the view changes say that it rests on, and whose they are.
    pub changes: Vec<(NodeId, Known)>,
    /// What it orders again.
    pub assigned: Vec<(Sequence, Hash256)>,
}

/// A word, and the signature under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signed {
    /// What is said.
    pub word: Word,
    /// Of whoever says it.
    pub signature: Signature,
}

const UNSIGNED: Signature = Signature([0; 64]);

impl Known {
    fn of(change: &ViewChange) -> Self {
        Self {
            low: change.low(),
            snapshot: change.stable.as_ref().map_or(Hash256::ZERO, |stable| stable.checkpoint.snapshot),
            prepared: change.prepared.iter().map(|prepared| prepared.subject).collect(),
        }
    }

    /// The view change that says so, without the proofs, which nobody signs.
    pub(super) fn bare(&self, view: Term, replica: NodeId) -> ViewChange {
        let checkpoint = Checkpoint {
            sequence: self.low,
            index: LogIndex::ZERO,
            term: Term(0),
            log_time: Wall(0),
            membership: Hash256::ZERO,
            digest: Digest(0),
            bytes: 0,
            snapshot: self.snapshot,
        };
        let certificate = Certificate::default();
        // Whoever has no checkpoint names no state either: one content has one form.
        let has_stable = self.low > Sequence(0) || self.snapshot != Hash256::ZERO;
        let stable = has_stable.then(|| Arc::new(StableCheckpoint { checkpoint, certificate }));
        let prepared =
            |subject: &Subject| Arc::new(Prepared { subject: *subject, certificate: Certificate::default() });
        let prepared = self.prepared.iter().map(prepared).collect();
        ViewChange { view, replica, stable, prepared, signature: UNSIGNED }
    }
}

impl Begun {
    fn of(new_view: &NewView) -> Self {
        Self {
            view: new_view.view,
            changes: new_view.view_changes.iter().map(|change| (change.replica, Known::of(change))).collect(),
            assigned: new_view.pre_prepares.iter().map(|assigned| (assigned.sequence, assigned.hash)).collect(),
        }
    }

    /// The view changes without their proofs.
    pub(super) fn bare_changes(&self) -> Vec<Arc<ViewChange>> {
        self.changes.iter().map(|(replica, known)| Arc::new(known.bare(self.view, *replica))).collect()
    }

    fn content(&self) -> Hash256 {
        let assigned =
            |(sequence, hash): &(Sequence, Hash256)| Assigned { sequence: *sequence, hash: *hash, signature: UNSIGNED };
        let pre_prepares = self.assigned.iter().map(assigned).collect();
        NewView { view: self.view, view_changes: self.bare_changes(), pre_prepares, signature: UNSIGNED }.content()
    }
}

impl Word {
    /// The protocol in which it is said.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::PrePrepare(_)
            | Self::Prepare(_)
            | Self::Commit(_)
            | Self::ViewChange(_)
            | Self::NewView(_)
            | Self::Began { .. } => Family::Pbft,
            Self::Proposal(_) | Self::Vote(_) | Self::VoteFor(_) | Self::Timeout { .. } => Family::HotStuff,
            Self::Acknowledged { .. } | Self::VotedIn { .. } | Self::Stopped { .. } => Family::Hybrid,
        }
    }

    /// What is signed: the bytes that the protocols sign too.
    #[must_use]
    pub fn statement(&self, domain: &Domain) -> Statement {
        match self {
            Self::PrePrepare(subject) => subject.pre_prepare(domain),
            Self::Prepare(subject) => subject.prepare(domain),
            Self::Commit(subject) => subject.commit(domain),
            Self::ViewChange(left) => left.known.bare(left.view, left.replica).statement(domain),
            Self::NewView(begun) => pbft::new_view_statement(domain, begun.view, &begun.content()),
            Self::Began { view, content } => pbft::new_view_statement(domain, *view, content),
            Self::Proposal(BlockId { view, block }) => hotstuff::proposal_statement(domain, *view, block),
            Self::Vote(BlockId { view, block }) => hotstuff::vote_statement(domain, *view, block, true),
            Self::VoteFor(header) => hotstuff::vote_statement(domain, header.view, &header.hash(), true),
            Self::Timeout { view, high } => hotstuff::timeout_statement(domain, *view, *high),
            Self::Acknowledged { mark, named } => mark.acknowledge(domain, *named),
            Self::VotedIn { term, prepared } => rounds::vote_statement(domain, *term, *prepared),
            Self::Stopped { replica, stable, prepared } => stop_statement(domain, *replica, *stable, *prepared),
        }
    }
}

/// Hands out each word of this message of PBFT and whose it is: whoever calls has verified all that the message claims.
pub fn said_in_pbft(message: &pbft::Message, from: NodeId, quorum: &Byzantine, take: &mut impl FnMut(NodeId, Signed)) {
    match message {
        pbft::Message::PrePrepare(said) => {
            if let Some(primary) = quorum.in_turn(said.view) {
                take(primary, Signed { word: Word::PrePrepare(said.subject()), signature: said.signature });
            }
        }
        pbft::Message::Prepare(vote) => {
            take(from, Signed { word: Word::Prepare(vote.subject), signature: vote.signature });
        }
        pbft::Message::Commit(vote) => {
            take(from, Signed { word: Word::Commit(vote.subject), signature: vote.signature });
        }
        pbft::Message::ViewChange(change) => said_in_view_change(change, quorum, take),
        pbft::Message::NewView(new_view) => said_in_new_view(new_view, quorum, take),
        pbft::Message::Committed(committed) => {
            let decided = &committed.decided;
            for (voter, signature) in decided.certificate.signatures() {
                take(*voter, Signed { word: Word::Commit(decided.subject), signature: *signature });
            }
        }
        pbft::Message::Requests(_)
        | pbft::Message::Checkpoint(_)
        | pbft::Message::Standing(_)
        | pbft::Message::Stable(_)
        | pbft::Message::FetchValues(_)
        | pbft::Message::Body(..)
        | pbft::Message::FetchChunk(_)
        | pbft::Message::Chunk(_)
        | pbft::Message::Evidence(_)
        | pbft::Message::Later { .. }
        | pbft::Message::Epoch(_) => {}
    }
}

fn said_in_view_change(change: &ViewChange, quorum: &Byzantine, take: &mut impl FnMut(NodeId, Signed)) {
    let left = Left { view: change.view, replica: change.replica, known: Known::of(change) };
    take(change.replica, Signed { word: Word::ViewChange(Box::new(left)), signature: change.signature });
    for prepared in &change.prepared {
        let primary = quorum.in_turn(prepared.subject.view);
        for (voter, signature) in prepared.certificate.signatures() {
            let is_primary = Some(*voter) == primary;
            let word = if is_primary { Word::PrePrepare(prepared.subject) } else { Word::Prepare(prepared.subject) };
            take(*voter, Signed { word, signature: *signature });
        }
    }
}

fn said_in_new_view(new_view: &NewView, quorum: &Byzantine, take: &mut impl FnMut(NodeId, Signed)) {
    let Some(primary) = quorum.in_turn(new_view.view) else { return };
    let NewView { view, pre_prepares, view_changes, signature } = new_view;
    let began = Word::Began { view: *view, content: new_view.content() };
    take(primary, Signed { word: began, signature: *signature });
    take(primary, Signed { word: Word::NewView(Box::new(Begun::of(new_view))), signature: *signature });
    for Assigned { sequence, hash, signature } in pre_prepares {
        let subject = Subject { view: *view, sequence: *sequence, hash: *hash };
        take(primary, Signed { word: Word::PrePrepare(subject), signature: *signature });
    }
    for change in view_changes {
        said_in_view_change(change, quorum, take);
    }
}

/// The same for a message of `HotStuff`. A replica verifies nothing of what it knows already: words of a message from
/// which it has taken nothing are not to be handed to a [`Watch`](super::Watch).
pub fn said_in_hotstuff(message: &hotstuff::Message, from: NodeId, take: &mut impl FnMut(NodeId, Signed)) {
    let voted = |vote: &hotstuff::Vote| Signed {
        word: Word::Vote(BlockId { view: vote.view, block: vote.block }),
        signature: vote.signature,
    };
    match message {
        hotstuff::Message::Proposal(proposal) => {
            let block = BlockId { view: proposal.block.view(), block: proposal.block.hash() };
            take(from, Signed { word: Word::Proposal(block), signature: proposal.signature });
            said_in_certificate(proposal.block.justify(), take);
            proposal.entered_by.iter().for_each(|proof| said_in_timeouts(proof, take));
        }
        hotstuff::Message::Vote(vote) => take(from, voted(vote)),
        hotstuff::Message::Certificate(certificate) => said_in_certificate(certificate, take),
        hotstuff::Message::Timeout(timeout) => {
            let word = Word::Timeout { view: timeout.view, high: timeout.high.view };
            take(from, Signed { word, signature: timeout.signature });
            said_in_certificate(&timeout.high, take);
            timeout.entered_by.iter().for_each(|proof| said_in_timeouts(proof, take));
            timeout.vote.iter().for_each(|vote| take(from, voted(vote)));
        }
        hotstuff::Message::TimeoutCertificate(proof) => said_in_timeouts(proof, take),
        // Blocks that were asked for are known by their hashes: nobody verifies what is in them.
        hotstuff::Message::Blocks(_)
        | hotstuff::Message::Fetch(_)
        | hotstuff::Message::Checkpoint(_)
        | hotstuff::Message::Stable(_)
        | hotstuff::Message::FetchChunk(_)
        | hotstuff::Message::Chunk(_)
        | hotstuff::Message::Evidence(_)
        | hotstuff::Message::Later { .. }
        | hotstuff::Message::Epoch(_) => {}
    }
}

fn said_in_certificate(certificate: &QuorumCertificate, take: &mut impl FnMut(NodeId, Signed)) {
    let QuorumCertificate { view, block, certificate } = certificate;
    for (voter, signature) in certificate.signatures() {
        let word = Word::Vote(BlockId { view: *view, block: *block });
        take(*voter, Signed { word, signature: *signature });
    }
}

fn said_in_timeouts(proof: &TimeoutCertificate, take: &mut impl FnMut(NodeId, Signed)) {
    for ((voter, signature), high) in proof.certificate.signatures().iter().zip(&proof.highs) {
        take(*voter, Signed { word: Word::Timeout { view: proof.view, high: *high }, signature: *signature });
    }
}

/// The same for a message of the hybrid's two rounds.
pub fn said_in_rounds(message: &rounds::Message, from: NodeId, take: &mut impl FnMut(NodeId, Signed)) {
    match message {
        rounds::Message::Append(append) => {
            said_in_ack(from, &append.ack, take);
            append.prepared.iter().for_each(|prepared| said_in_acks(&prepared.acks, take));
            append.committed.iter().for_each(|committed| said_in_acks(&committed.acks, take));
        }
        rounds::Message::Ack(ack) => said_in_ack(from, ack, take),
        rounds::Message::Vote(vote) => said_in_vote(vote, take),
        rounds::Message::Lead(lead) => lead.votes.iter().for_each(|vote| said_in_vote(vote, take)),
        rounds::Message::Decided(decided) => said_in_acks(&decided.committed.acks, take),
        rounds::Message::Requests(_)
        | rounds::Message::Wishes(_)
        | rounds::Message::Checkpoint(_)
        | rounds::Message::Standing(_)
        | rounds::Message::Stable(_)
        | rounds::Message::FetchLinks { .. }
        | rounds::Message::Links(_)
        | rounds::Message::FetchChunk(_)
        | rounds::Message::Chunk(_) => {}
    }
}

/// The same for a stop statement.
pub fn said_in_stop(stop: &Stop, take: &mut impl FnMut(NodeId, Signed)) {
    let stable = stop.stable_mark();
    let prepared = stop.prepared.as_ref().map(|prepared| prepared.mark);
    let word = Word::Stopped { replica: stop.replica, stable, prepared };
    take(stop.replica, Signed { word, signature: stop.signature });
    stop.prepared.iter().for_each(|prepared| said_in_acks(&prepared.acks, take));
}

fn said_in_ack(by: NodeId, ack: &Ack, take: &mut impl FnMut(NodeId, Signed)) {
    take(by, Signed { word: Word::Acknowledged { mark: ack.mark, named: ack.named }, signature: ack.signature });
}

fn said_in_acks(acks: &[(NodeId, Ack)], take: &mut impl FnMut(NodeId, Signed)) {
    acks.iter().for_each(|(voter, ack)| said_in_ack(*voter, ack, take));
}

fn said_in_vote(vote: &rounds::Vote, take: &mut impl FnMut(NodeId, Signed)) {
    let prepared = vote.prepared.as_ref().map(|prepared| prepared.mark);
    take(vote.by, Signed { word: Word::VotedIn { term: vote.term, prepared }, signature: vote.signature });
    vote.prepared.iter().for_each(|prepared| said_in_acks(&prepared.acks, take));
}
