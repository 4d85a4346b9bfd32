//! How does a replica of the hybrid lie?
//!
//! In the two rounds with votes and stop statements that hide what was prepared,
//! with wishes for terms far ahead, with alarms without a threat, with an end of PBFT that is none, and with
//! certificates of which only its own signature holds; in PBFT as replicas of
//! PBFT lie. A leader with two histories is a twin.

use std::collections::VecDeque;
use std::sync::Arc;

use quorumscope_core::bft::evidence::Word;
use quorumscope_core::bft::hybrid::history::Stop;
use quorumscope_core::bft::hybrid::rounds::{
    Ack, Append, Committed, Decided, Link, Mark, Message as Round, Prepared, Rounds, Standing, Vote, Wish,
};
use quorumscope_core::bft::hybrid::{Hybrid, Message, alarm, root};
use quorumscope_core::bft::pbft::{self, Pbft, PrePrepare, Subject, Value};
use quorumscope_core::bft::{Batch, Checkpoint};
use quorumscope_core::crypto::{Domain, Family, Hash256, Signature};
use quorumscope_core::membership::Membership;
use quorumscope_core::rules::Switches;
use quorumscope_core::types::{ClientId, Digest, LogIndex, NodeId, Sequence, Term, Wall};

use super::frame::frame;
use super::{Deceive, Means, Trick};

/// The protocol whose replicas lie here.
type Replica = Hybrid<Switches>;

/// How far ahead inflated terms are.
const FAR: u64 = 1_000;

/// In the place of a signature that is still to come.
const NOBODYS: Signature = Signature([0; 64]);

impl Deceive for Hybrid<Switches> {
    fn lie(trick: Trick, message: &Message, means: &mut Means<'_, Self>) -> Option<Vec<Message>> {
        let Message::Later { era, message } = message else { return lie_in(0, trick, message, means) };
        let lies = lie_in(*era, trick, message, means)?;
        Some(lies.into_iter().map(|lie| Message::Later { era: *era, message: Box::new(lie) }).collect())
    }

    fn retort(_: Trick, _: &Message, _: &mut Means<'_, Self>) -> Vec<(NodeId, Message)> {
        Vec::new()
    }

    fn without(message: Message, censored: &dyn Fn(ClientId) -> bool) -> Option<Message> {
        match message {
            Message::Rounds(Round::Requests(mut bundles)) => {
                bundles.retain(|bundle| !censored(bundle.client()));
                (!bundles.is_empty()).then_some(Message::Rounds(Round::Requests(bundles)))
            }
            Message::Bft(message) => Pbft::<Switches>::without(message, censored).map(Message::Bft),
            Message::Later { era, message } => {
                let message = Box::new(Self::without(*message, censored)?);
                Some(Message::Later { era, message })
            }
            Message::Rounds(_)
            | Message::Opening(_)
            | Message::Alarms(_)
            | Message::Stop(_)
            | Message::Opened(_)
            | Message::Where(_)
            | Message::Calm(_)
            | Message::Root(_)
            | Message::Evidence(_)
            | Message::InEpoch { .. }
            | Message::Epoch(_) => Some(message),
        }
    }

    fn is_memorable(_: &Message) -> bool {
        false
    }
}

/// What is said instead in an era.
fn lie_in(era: u64, trick: Trick, message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    match message {
        Message::Opening(message) => {
            if trick == Trick::FalseOpening {
                return false_opening(message, &means.config.opening(era), means)
                    .map(|lie| vec![Message::Opening(lie)]);
            }
            let lies = lie_in_pbft(trick, message, &means.config.opening(era), means)?;
            return Some(lies.into_iter().map(Message::Opening).collect());
        }
        Message::Bft(message) => {
            if trick == Trick::FalseEnd {
                return false_end(era, message, means).map(|lie| vec![Message::Bft(message.clone()), lie]);
            }
            let lies = lie_in_pbft(trick, message, &means.config.bft(era), means)?;
            return Some(lies.into_iter().map(Message::Bft).collect());
        }
        Message::Rounds(_)
        | Message::Alarms(_)
        | Message::Stop(_)
        | Message::Opened(_)
        | Message::Where(_)
        | Message::Calm(_)
        | Message::Root(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::InEpoch { .. }
        | Message::Epoch(_) => {}
    }
    let domain = Rounds::domain(&means.config.rounds(era));
    match trick {
        Trick::HidePrepared => hide_prepared(message, &domain, means).map(|message| vec![message]),
        Trick::FalseAlarm => {
            let lie = Message::Alarms(vec![(means.me, means.sign(&alarm(&domain)))]);
            Some(vec![lie, message.clone()])
        }
        Trick::OtherCluster => elsewhere(message, &domain, means).map(|message| vec![message]),
        Trick::Inflate => inflate(message, &domain, means).map(|lie| vec![message.clone(), lie]),
        Trick::Forge => {
            let lie = forge(message, &domain, means)?;
            let framed = framed(message, &domain, means);
            Some(framed.into_iter().chain([lie, message.clone()]).collect())
        }
        Trick::Twins
        | Trick::Withhold
        | Trick::Delay
        | Trick::Replay
        | Trick::Corrupt
        | Trick::Repeat
        | Trick::Silent
        | Trick::Censor
        | Trick::FalseReply
        | Trick::FalseNewView
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

/// A batch without any stop statement, in the place of those that the instance is there to decide on.
fn false_opening(
    message: &pbft::Message,
    config: &pbft::Config<Switches>,
    means: &mut Means<'_, Replica>,
) -> Option<pbft::Message> {
    let pbft::Message::PrePrepare(said) = message else { return None };
    let batch = Batch::new(said.value.batch().log_time(), Vec::new());
    let value = Arc::new(Value::new(said.value.origin(), batch));
    let subject = Subject { hash: value.hash(), ..said.subject() };
    let signature = means.sign(&subject.pre_prepare(&config.settings.domain()));
    Some(pbft::Message::PrePrepare(PrePrepare { value, signature, ..said.clone() }))
}

/// PBFT has ended, says a replica that commits in it, and nothing has happened: the next two rounds would begin there.
fn false_end(era: u64, message: &pbft::Message, means: &mut Means<'_, Replica>) -> Option<Message> {
    let pbft::Message::Commit(_) = message else { return None };
    let domain = means.config.domain(era.saturating_add(1), 0, Family::Hybrid);
    let nothing = Checkpoint {
        sequence: Sequence(0),
        index: LogIndex::ZERO,
        term: Term(0),
        log_time: Wall::default(),
        membership: Checkpoint::membership_hash(&Membership::of(means.plan.quorum.voters().to_vec())),
        digest: Digest(0),
        bytes: 0,
        snapshot: Hash256::ZERO,
    };
    let sealed = root(nothing, &domain);
    let signature = means.sign(&sealed.statement(&domain));
    Some(Message::Root(Box::new((sealed, signature))))
}

/// What a replica of PBFT says instead, in this instance of it.
fn lie_in_pbft(
    trick: Trick,
    message: &pbft::Message,
    config: &pbft::Config<Switches>,
    means: &mut Means<'_, Replica>,
) -> Option<Vec<pbft::Message>> {
    let (plan, me, memory) = (means.plan, means.me, VecDeque::new());
    let mut inner: Means<'_, Pbft<Switches>> = Means { config, plan, me, rng: means.rng, memory: &memory };
    Pbft::lie(trick, message, &mut inner)
}

/// Its vote or its stop statement shows no certificate.
fn hide_prepared(message: &Message, domain: &Domain, means: &mut Means<'_, Replica>) -> Option<Message> {
    match message {
        Message::Rounds(Round::Vote(vote)) if vote.by == means.me && vote.prepared.is_some() => {
            Some(voted(Vote { prepared: None, ..vote.as_ref().clone() }, domain, means))
        }
        Message::Stop(stop) if stop.replica == means.me && stop.prepared.is_some() => {
            Some(stopped(Stop { prepared: None, ..stop.as_ref().clone() }, domain, means))
        }
        Message::Rounds(_)
        | Message::Stop(_)
        | Message::Opening(_)
        | Message::Bft(_)
        | Message::Alarms(_)
        | Message::Opened(_)
        | Message::Where(_)
        | Message::Calm(_)
        | Message::Root(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::InEpoch { .. }
        | Message::Epoch(_) => None,
    }
}

fn voted(mut vote: Vote, domain: &Domain, means: &mut Means<'_, Replica>) -> Message {
    vote.signature = means.sign(&vote.statement(domain));
    Message::Rounds(Round::Vote(Arc::new(vote)))
}

fn stopped(mut stop: Stop, domain: &Domain, means: &mut Means<'_, Replica>) -> Message {
    stop.signature = means.sign(&stop.statement(domain));
    Message::Stop(Arc::new(stop))
}

fn acknowledged(ack: &Ack, domain: &Domain, means: &mut Means<'_, Replica>) -> Ack {
    Ack { signature: means.sign(&ack.mark.acknowledge(domain, ack.named)), ..*ack }
}

/// The same, signed for another cluster.
fn elsewhere(message: &Message, here: &Domain, means: &mut Means<'_, Replica>) -> Option<Message> {
    let there = Domain { cluster: here.cluster.wrapping_add(1), ..*here };
    Some(match message {
        Message::Rounds(Round::Append(append)) => {
            let ack = acknowledged(&append.ack, &there, means);
            Message::Rounds(Round::Append(Box::new(Append { ack, ..append.as_ref().clone() })))
        }
        Message::Rounds(Round::Ack(ack)) => Message::Rounds(Round::Ack(Box::new(acknowledged(ack, &there, means)))),
        Message::Rounds(Round::Vote(vote)) if vote.by == means.me => voted(vote.as_ref().clone(), &there, means),
        Message::Stop(stop) if stop.replica == means.me => stopped(stop.as_ref().clone(), &there, means),
        Message::Alarms(_) => Message::Alarms(vec![(means.me, means.sign(&alarm(&there)))]),
        Message::Rounds(_)
        | Message::Stop(_)
        | Message::Opening(_)
        | Message::Bft(_)
        | Message::Opened(_)
        | Message::Where(_)
        | Message::Calm(_)
        | Message::Root(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::InEpoch { .. }
        | Message::Epoch(_) => return None,
    })
}

/// A wish for a term that nobody else is in, a vote there, or a history in it.
fn inflate(message: &Message, domain: &Domain, means: &mut Means<'_, Replica>) -> Option<Message> {
    let far = |term: Term, means: &mut Means<'_, Replica>| {
        Term(term.0.saturating_add(1 + means.rng.below(FAR)).min(Term::MAX.0))
    };
    let Message::Rounds(message) = message else { return None };
    Some(match message {
        Round::Ack(ack) => {
            let term = far(ack.mark.term, means);
            let signature = means.sign(&Wish::statement(domain, term));
            Message::Rounds(Round::Wishes(vec![(means.me, Wish { term, signature })]))
        }
        Round::Append(append) => {
            let mark = Mark { term: far(append.ack.mark.term, means), ..append.ack.mark };
            let ack = acknowledged(&Ack { mark, ..append.ack }, domain, means);
            Message::Rounds(Round::Append(Box::new(Append { ack, ..append.as_ref().clone() })))
        }
        Round::Vote(vote) if vote.by == means.me => {
            voted(Vote { term: far(vote.term, means), ..vote.as_ref().clone() }, domain, means)
        }
        Round::Standing(standing) => {
            let committed = Sequence(standing.committed.0 + means.rng.below(FAR));
            Message::Rounds(Round::Standing(Standing { term: far(standing.term, means), committed, ..*standing }))
        }
        Round::Requests(_)
        | Round::Vote(_)
        | Round::Wishes(_)
        | Round::Lead(_)
        | Round::Checkpoint(_)
        | Round::Decided(_)
        | Round::Stable(_)
        | Round::FetchLinks { .. }
        | Round::Links(_)
        | Round::FetchChunk(_)
        | Round::Chunk(_) => return None,
    })
}

/// With what it says, a proof of a history that nobody has.
fn forge(message: &Message, domain: &Domain, means: &mut Means<'_, Replica>) -> Option<Message> {
    match message {
        Message::Rounds(Round::Append(append)) => {
            let prepared = Some(forged_prepared(append.ack.mark, domain, means));
            Some(Message::Rounds(Round::Append(Box::new(Append { prepared, ..append.as_ref().clone() }))))
        }
        Message::Rounds(Round::Ack(ack)) => Some(forged_decision(ack.mark, domain, means)),
        Message::Rounds(Round::Vote(vote)) if vote.by == means.me => {
            let below = Mark { term: Term(vote.term.0.saturating_sub(1)), sequence: Sequence(0), hash: Hash256::ZERO };
            let prepared = Some(forged_prepared(below, domain, means));
            Some(voted(Vote { prepared, ..vote.as_ref().clone() }, domain, means))
        }
        Message::Stop(stop) if stop.replica == means.me => {
            let known = stop.prepared.as_ref().map(|prepared| prepared.mark);
            let known = known.unwrap_or(Mark { term: Term(0), sequence: Sequence(0), hash: Hash256::ZERO });
            let prepared = Some(forged_prepared(known, domain, means));
            Some(stopped(Stop { prepared, ..stop.as_ref().clone() }, domain, means))
        }
        Message::Rounds(_)
        | Message::Stop(_)
        | Message::Opening(_)
        | Message::Bft(_)
        | Message::Alarms(_)
        | Message::Opened(_)
        | Message::Where(_)
        | Message::Calm(_)
        | Message::Root(_)
        | Message::Evidence(_)
        | Message::Later { .. }
        | Message::InEpoch { .. }
        | Message::Epoch(_) => None,
    }
}

/// An honest replica is said to have acknowledged two histories.
fn framed(message: &Message, domain: &Domain, means: &mut Means<'_, Replica>) -> Option<Message> {
    let Message::Rounds(Round::Ack(ack)) = message else { return None };
    if !means.config.settings.bft.evidence {
        return None;
    }
    let said = |mark| Word::Acknowledged { mark, named: None };
    let other = Mark { hash: Hash256::of(&ack.mark.hash.0), ..ack.mark };
    frame(domain, [said(ack.mark), said(other)], means).map(Message::Evidence)
}

/// A history that goes on where another one ends, and that nobody has.
fn made_up(mark: Mark) -> Mark {
    Mark { sequence: Sequence(mark.sequence.0 + 1), hash: Hash256::of(&mark.hash.0), ..mark }
}

/// Acknowledgements that name a quorum, of which the liars' hold.
fn acks(ack: &Ack, domain: &Domain, means: &mut Means<'_, Replica>) -> Vec<(NodeId, Ack)> {
    let statement = ack.mark.acknowledge(domain, ack.named);
    let signed = means.certificate(|_| statement.clone());
    signed.signatures().iter().map(|(node, signature)| (*node, Ack { signature: *signature, ..*ack })).collect()
}

fn forged_prepared(known: Mark, domain: &Domain, means: &mut Means<'_, Replica>) -> Arc<Prepared> {
    let mark = made_up(known);
    Arc::new(Prepared { mark, acks: acks(&Ack { mark, named: None, signature: NOBODYS }, domain, means) })
}

/// A batch without requests is committed here.
fn forged_decision(known: Mark, domain: &Domain, means: &mut Means<'_, Replica>) -> Message {
    let link = Link::new(known.term, Sequence(known.sequence.0 + 1), known.hash, Batch::null());
    let mark = Mark { sequence: link.sequence(), hash: link.hash(), ..known };
    let acks = acks(&Ack { mark, named: Some(mark), signature: NOBODYS }, domain, means);
    let committed = Arc::new(Committed { mark, acks });
    Message::Rounds(Round::Decided(Box::new(Decided { links: vec![Arc::new(link)], committed })))
}
