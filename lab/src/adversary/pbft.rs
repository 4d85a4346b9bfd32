//! How does a replica of PBFT lie?
//!
//! In view changes and new views (§4.4), which decide what outlives a primary,
//! and with certificates of which only its own signature holds. What it says is
//! signed anew: it is the content that is wrong.

use std::sync::Arc;

use quorumscope_core::bft::evidence::Word;
use quorumscope_core::bft::pbft::{
    Assigned, Committed, Decided, Message, NewView, Pbft, PrePrepare, Prepared, Relayed, Stable, Subject, Value,
    ViewChange, Vote,
};
use quorumscope_core::bft::{Checkpoint, StableCheckpoint};
use quorumscope_core::crypto::{Domain, Signature};
use quorumscope_core::rules::Switches;
use quorumscope_core::types::{ClientId, NodeId, Sequence, Term};

use super::frame::frame;
use super::{Deceive, Means, Trick};

/// The protocol whose replicas lie here.
type Replica = Pbft<Switches>;

/// How far ahead inflated views are.
const FAR: u64 = 1_000;

impl Deceive for Pbft<Switches> {
    fn lie(trick: Trick, message: &Message, means: &mut Means<'_, Self>) -> Option<Vec<Message>> {
        match trick {
            Trick::HidePrepared => hide_prepared(message, means),
            Trick::FalseNewView => false_new_view(message, means),
            Trick::OtherCluster => elsewhere(message, means).map(|message| vec![message]),
            Trick::Inflate => inflate(message, means),
            Trick::Forge => forge(message, means),
            Trick::Twins
            | Trick::Withhold
            | Trick::Delay
            | Trick::Replay
            | Trick::Corrupt
            | Trick::Repeat
            | Trick::Silent
            | Trick::Censor
            | Trick::FalseReply
            | Trick::FalseAlarm
            | Trick::BadParent
            | Trick::VoteTwice
            | Trick::VoteAll
            | Trick::ForgeRival
            | Trick::SignThrice
            | Trick::Rename
            | Trick::FalseTime
            | Trick::FalseOpening
            | Trick::FalseEnd => None,
        }
    }

    fn retort(_: Trick, _: &Message, _: &mut Means<'_, Self>) -> Vec<(NodeId, Message)> {
        Vec::new()
    }

    fn without(message: Message, censored: &dyn Fn(ClientId) -> bool) -> Option<Message> {
        let Message::Requests(Relayed { mut bundles, anew }) = message else { return Some(message) };
        bundles.retain(|bundle| !censored(bundle.client()));
        (!bundles.is_empty()).then_some(Message::Requests(Relayed { bundles, anew }))
    }

    fn is_memorable(_: &Message) -> bool {
        false
    }
}

fn domain(means: &Means<'_, Replica>) -> Domain {
    means.config.settings.domain()
}

/// What it signs in its view change, anew.
fn resign(mut change: ViewChange, domain: &Domain, means: &mut Means<'_, Replica>) -> Message {
    change.signature = means.signature(change.replica, &change.statement(domain));
    Message::ViewChange(Arc::new(change))
}

fn hide_prepared(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let Message::ViewChange(change) = message else { return None };
    if change.replica != means.me || change.prepared.is_empty() {
        return None;
    }
    let mut prepared = change.prepared.clone();
    // All of it, or the end, which only few may know of.
    let kept = if means.one_in(2) { 0 } else { prepared.len() - 1 };
    prepared.truncate(kept);
    Some(vec![resign(ViewChange { prepared, ..change.as_ref().clone() }, &domain(means), means)])
}

fn false_new_view(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let Message::NewView(honest) = message else { return None };
    if means.plan.quorum.in_turn(honest.view) != Some(means.me) {
        return None; // Passed on for another primary.
    }
    let mut lie = honest.as_ref().clone();
    let low = lie.view_changes.iter().map(|change| change.low()).max().unwrap_or_default();
    let null = Value::null().hash();
    match (means.rng.below(3), lie.pre_prepares.last_mut()) {
        (0, Some(last)) => last.hash = null,
        (1, Some(_)) => {
            lie.pre_prepares.pop();
        }
        (2, _) => {
            lie.view_changes.pop();
        }
        (_, None | Some(_)) => {
            let sequence = Sequence(low.0 + 1);
            lie.pre_prepares = vec![Assigned { sequence, hash: null, signature: honest.signature }];
        }
    }
    (lie != **honest).then(|| vec![sign_new_view(lie, means)])
}

fn sign_new_view(mut lie: NewView, means: &mut Means<'_, Replica>) -> Message {
    let domain = domain(means);
    for Assigned { sequence, hash, signature } in &mut lie.pre_prepares {
        let subject = Subject { view: lie.view, sequence: *sequence, hash: *hash };
        *signature = means.sign(&subject.pre_prepare(&domain));
    }
    lie.signature = means.sign(&lie.statement(&domain));
    Message::NewView(Arc::new(lie))
}

/// The same, signed for another cluster.
fn elsewhere(message: &Message, means: &mut Means<'_, Replica>) -> Option<Message> {
    let here = domain(means);
    let there = Domain { cluster: here.cluster.wrapping_add(1), ..here };
    Some(match message {
        Message::PrePrepare(said) => {
            let signature = means.sign(&said.subject().pre_prepare(&there));
            Message::PrePrepare(PrePrepare { signature, ..said.clone() })
        }
        Message::Prepare(Vote { subject, .. }) => {
            Message::Prepare(Vote { subject: *subject, signature: means.sign(&subject.prepare(&there)) })
        }
        Message::Commit(Vote { subject, .. }) => {
            Message::Commit(Vote { subject: *subject, signature: means.sign(&subject.commit(&there)) })
        }
        Message::Checkpoint(said) => {
            let signature = means.sign(&said.0.statement(&there));
            Message::Checkpoint(Box::new((said.0, signature)))
        }
        Message::ViewChange(change) if change.replica == means.me => resign(change.as_ref().clone(), &there, means),
        Message::ViewChange(_)
        | Message::NewView(_)
        | Message::Requests(_)
        | Message::Standing(_)
        | Message::Committed(_)
        | Message::Stable(_)
        | Message::FetchValues(_)
        | Message::Body(..)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::Epoch(_) => return None,
    })
}

/// With what it says, something of a view that nobody else is in.
fn inflate(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let view = match message {
        Message::PrePrepare(said) => said.view,
        Message::Prepare(vote) | Message::Commit(vote) => vote.subject.view,
        Message::ViewChange(change) => change.view,
        Message::Standing(standing) => standing.view,
        Message::Requests(_)
        | Message::Checkpoint(_)
        | Message::NewView(_)
        | Message::Committed(_)
        | Message::Stable(_)
        | Message::FetchValues(_)
        | Message::Body(..)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::Epoch(_) => return None,
    };
    let view = Term(view.0.saturating_add(1 + means.rng.below(FAR)).min(Term::MAX.0));
    let domain = domain(means);
    let lie = match message {
        Message::Standing(standing) => {
            let mut standing = standing.clone();
            (standing.view, standing.executed) = (view, Sequence(standing.executed.0 + means.rng.below(FAR)));
            Message::Standing(standing)
        }
        Message::PrePrepare(said) => {
            let subject = Subject { view, ..said.subject() };
            Message::PrePrepare(PrePrepare {
                view,
                signature: means.sign(&subject.pre_prepare(&domain)),
                ..said.clone()
            })
        }
        Message::Prepare(_)
        | Message::Commit(_)
        | Message::ViewChange(_)
        | Message::Requests(_)
        | Message::Checkpoint(_)
        | Message::NewView(_)
        | Message::Committed(_)
        | Message::Stable(_)
        | Message::FetchValues(_)
        | Message::Body(..)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::Epoch(_) => {
            let (replica, signature) = (means.me, Signature([0; 64]));
            resign(ViewChange { view, replica, stable: None, prepared: Vec::new(), signature }, &domain, means)
        }
    };
    Some(vec![message.clone(), lie])
}

/// With what it says, a proof of something that nobody else has said.
fn forge(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let lie = match message {
        Message::Prepare(vote) | Message::Commit(vote) => forged_decision(vote.subject, means),
        Message::Checkpoint(said) => forged_checkpoint(said.0, means),
        Message::ViewChange(change) if change.replica == means.me => forged_prepared(change, means),
        Message::NewView(new_view) if means.plan.quorum.in_turn(new_view.view) == Some(means.me) => {
            forged_view_changes(new_view, means)
        }
        Message::ViewChange(_)
        | Message::NewView(_)
        | Message::PrePrepare(_)
        | Message::Requests(_)
        | Message::Standing(_)
        | Message::Committed(_)
        | Message::Stable(_)
        | Message::FetchValues(_)
        | Message::Body(..)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::Epoch(_) => return None,
    };
    let framed = framed(message, means);
    Some(framed.into_iter().chain([lie, message.clone()]).collect())
}

/// An honest replica is said to have committed two values.
fn framed(message: &Message, means: &mut Means<'_, Replica>) -> Option<Message> {
    let Message::Commit(Vote { subject, .. }) = message else { return None };
    if !means.config.settings.evidence {
        return None;
    }
    let other = Subject { hash: Value::null().hash(), ..*subject };
    let words = [Word::Commit(*subject), Word::Commit(other)];
    frame(&domain(means), words, means).map(Message::Evidence)
}

/// The null request is committed here, and nothing of what was asked for.
fn forged_decision(subject: Subject, means: &mut Means<'_, Replica>) -> Message {
    let value = Arc::new(Value::null());
    let subject = Subject { hash: value.hash(), ..subject };
    let domain = domain(means);
    let certificate = means.certificate(|_| subject.commit(&domain));
    Message::Committed(Box::new(Committed { value, decided: Arc::new(Decided { subject, certificate }) }))
}

fn forged_checkpoint(mut checkpoint: Checkpoint, means: &mut Means<'_, Replica>) -> Message {
    checkpoint.sequence.0 += u64::from(means.config.settings.checkpoint_interval);
    checkpoint.index.0 += 1;
    checkpoint.digest.0 ^= 1;
    let domain = domain(means);
    let certificate = means.certificate(|_| checkpoint.statement(&domain));
    Message::Stable(Box::new(Stable { proof: Arc::new(StableCheckpoint { checkpoint, certificate }), gone: true }))
}

/// The null request was prepared where something else may have been.
fn forged_prepared(change: &ViewChange, means: &mut Means<'_, Replica>) -> Message {
    let domain = domain(means);
    let (view, sequence) = (Term(change.view.0.saturating_sub(1)), Sequence(change.low().0 + 1));
    let subject = Subject { view, sequence, hash: Value::null().hash() };
    let primary = means.plan.quorum.in_turn(view);
    let certificate = means.certificate(|node| match Some(node) == primary {
        true => subject.pre_prepare(&domain),
        false => subject.prepare(&domain),
    });
    let mut lie = change.clone();
    lie.prepared.retain(|prepared| prepared.subject.sequence != sequence);
    lie.prepared.insert(0, Arc::new(Prepared { subject, certificate }));
    resign(lie, &domain, means)
}

/// Nobody has prepared anything, says everybody.
fn forged_view_changes(honest: &NewView, means: &mut Means<'_, Replica>) -> Message {
    let domain = domain(means);
    let mut lie = honest.clone();
    for change in &mut lie.view_changes {
        let mut made_up = ViewChange { stable: None, prepared: Vec::new(), ..change.as_ref().clone() };
        made_up.signature = means.signature(made_up.replica, &made_up.statement(&domain));
        *change = Arc::new(made_up);
    }
    lie.pre_prepares.clear();
    sign_new_view(lie, means)
}
