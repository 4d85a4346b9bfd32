//! How does a replica lie in a later epoch than the first?
//!
//! As in the first: its tricks pass through to the instance of the epoch, in the
//! domain and among the voters of that one. With `forge` it also shows links
//! that nobody else has signed, and words for states that never were; with
//! `other-cluster` it signs its word for another cluster.

use std::sync::Arc;

use quorumscope_core::bft::Checkpoint;
use quorumscope_core::bft::epoch::{Epochs, Instance, Link, Message, Seen, Sorted, Word, link};
use quorumscope_core::crypto::Domain;
use quorumscope_core::membership::Membership;
use quorumscope_core::types::{ClientId, NodeId};

use super::{Deceive, Means, Trick};

impl<P: Instance + Deceive> Deceive for Epochs<P> {
    fn lie(trick: Trick, message: &P::Message, means: &mut Means<'_, Self>) -> Option<Vec<P::Message>> {
        match P::see(message) {
            Seen::Own(message) => in_epoch(0, means, |means| P::lie(trick, message, means)),
            Seen::Later(epoch, message) => {
                let lies = in_epoch(epoch, means, |means| P::lie(trick, message, means))?;
                Some(lies.into_iter().map(|lie| P::later(epoch, lie)).collect())
            }
            Seen::Epoch(message) => {
                let lies = about_epochs(trick, message, means)?;
                Some(lies.into_iter().map(P::about_epochs).collect())
            }
        }
    }

    fn retort(trick: Trick, heard: &P::Message, means: &mut Means<'_, Self>) -> Vec<(NodeId, P::Message)> {
        match P::see(heard) {
            Seen::Own(message) => in_epoch(0, means, |means| P::retort(trick, message, means)),
            Seen::Later(epoch, message) => {
                let said = in_epoch(epoch, means, |means| P::retort(trick, message, means)).into_iter();
                said.map(|(to, message)| (to, P::later(epoch, message))).collect()
            }
            Seen::Epoch(_) => Vec::new(),
        }
    }

    fn without(message: P::Message, censored: &dyn Fn(ClientId) -> bool) -> Option<P::Message> {
        match P::sort(message) {
            Sorted::Own(message) => P::without(message, censored),
            Sorted::Later(epoch, message) => P::without(message, censored).map(|left| P::later(epoch, left)),
            Sorted::Epoch(message) => Some(P::about_epochs(*message)),
        }
    }

    fn is_memorable(heard: &P::Message) -> bool {
        match P::see(heard) {
            Seen::Own(message) | Seen::Later(_, message) => P::is_memorable(message),
            Seen::Epoch(_) => false,
        }
    }
}

/// With what an instance of this epoch is lied to.
fn in_epoch<P, T>(epoch: u64, means: &mut Means<'_, Epochs<P>>, lie: impl FnOnce(&mut Means<'_, P>) -> T) -> T
where
    P: Instance,
{
    let config = P::in_epoch(means.config, epoch, means.plan.quorum.voters(), None);
    let (plan, me, memory) = (means.plan, means.me, means.memory);
    lie(&mut Means { config: &config, plan, me, rng: means.rng, memory })
}

fn about_epochs<P: Instance>(
    trick: Trick,
    message: &Message,
    means: &mut Means<'_, Epochs<P>>,
) -> Option<Vec<Message>> {
    let domain = P::setting(means.config).domain_of(epoch_of(message));
    match (trick, message) {
        (Trick::OtherCluster, Message::Word(word)) => {
            let there = Domain { cluster: domain.cluster.wrapping_add(1), ..domain };
            let signature = means.sign(&link::statement(&word.checkpoint, &there));
            Some(vec![Message::Word(Box::new(Word { signature, ..**word }))])
        }
        (Trick::Forge, Message::Word(word)) => {
            let state = Checkpoint { bytes: word.checkpoint.bytes ^ 1, ..word.checkpoint };
            let signature = means.sign(&link::statement(&state, &domain));
            let false_word = Message::Word(Box::new(Word { checkpoint: state, signature, ..**word }));
            Some(vec![false_word, false_link(word, &domain, means), message.clone()])
        }
        (_, Message::Word(_) | Message::Links(_) | Message::Here { .. }) => None,
    }
}

/// The liars alone are said to vote from now on, and all to have signed that.
fn false_link<P: Instance>(word: &Word, domain: &Domain, means: &mut Means<'_, Epochs<P>>) -> Message {
    let members = Membership::of(means.plan.liars.clone());
    let checkpoint = Checkpoint { membership: Checkpoint::membership_hash(&members), ..word.checkpoint };
    let certificate = means.certificate(|_| link::statement(&checkpoint, domain));
    Message::Links(vec![Arc::new(Link { epoch: word.epoch, checkpoint, members, certificate })])
}

fn epoch_of(message: &Message) -> u64 {
    match message {
        Message::Word(word) => word.epoch,
        Message::Links(links) => links.last().map_or(0, |link: &Arc<Link>| link.epoch),
        Message::Here { epoch } => *epoch,
    }
}
