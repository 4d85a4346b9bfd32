//! What does [`Epochs`](super::Epochs) ask of a protocol whose voters stay the same within an instance?
//!
//! How it begins behind the root of an epoch, how it ends, and a few ways to
//! tell its messages and hard state apart. Messages and hard states of the whole
//! are the protocol's own, so that nothing above has to know of epochs.

use std::sync::Arc;

use super::envelope::{Envelope, Kept, Seen, Sorted};
use super::link::Root;
use super::message;
use crate::bft::{Bundle, Checkpoint, Chunk, FetchChunk, Signers};
use crate::crypto::{Domain, Hash256};
use crate::membership::Membership;
use crate::protocol::Protocol;
use crate::rules::Rule;
use crate::snapshot::Snapshot;
use crate::storage::DiskImage;
use crate::types::{LogIndex, NodeId, Sequence, Span, Ticket};

/// What epochs need to know of a cluster's settings.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where statements of its first epoch mean something.
    pub domain: Domain,
    /// The replicas' keys, as far as they are here.
    pub signers: Arc<dyn Signers>,
    /// Whoever waits for something asks again after so long.
    pub pause: Span,
    /// Whoever waits for nothing says so often where it stands.
    pub idle: Span,
    /// At most this many bytes of a snapshot in one message.
    pub chunk_bytes: u32,
}

impl Setting {
    /// The domain of an epoch: the number of the configuration, and of the instance.
    #[must_use]
    pub fn domain_of(&self, epoch: u64) -> Domain {
        Domain { configuration: epoch, instance: epoch, ..self.domain }
    }
}

/// A protocol that can be begun anew with other voters.
///
/// It is started by [`Protocol::recover`] with the settings of [`Instance::in_epoch`] and an image whose format names
/// the epoch's own members. Its hard state has a part for epochs, which it begins a new epoch with
/// ([`HardState::ends_with`](super::HardState::ends_with)), and in which it writes where it has ended, with the
/// execution of that place, unless that can be read from what it writes anyway. It ends at the first change that makes
/// sense ([`super::change::first`]): nothing is executed behind that, no checkpoint of that place is signed, and its
/// state is made there whatever the interval, with the new members.
pub trait Instance: Protocol<Message: Envelope, Hard: Kept> {
    /// What epochs need to know of its settings.
    fn setting(config: &Self::Config) -> Setting;

    /// Whether a rule is on.
    fn on(config: &Self::Config, rule: Rule) -> bool;

    /// Who votes in the cluster's first epoch, where its store does not say.
    fn first_voters(config: &Self::Config) -> &[NodeId];

    /// The settings of another epoch of the same cluster: its number is the configuration of its domain, and where the
    /// protocol has one instance an epoch the instance too. In the first one there is no root. An instance with these settings looks for changes.
    fn in_epoch(config: &Self::Config, epoch: u64, voters: &[NodeId], root: Option<Arc<Root>>) -> Self::Config;

    /// With which store an epoch with these settings begins behind its root, after `before`: the root is its stable checkpoint. With the
    /// state, the log begins behind that and all up to there is executed. Without it, what `before` has executed stays
    /// so, and nothing follows before the state is here. Format and incarnation are set by the caller.
    fn begin(config: &Self::Config, root: &Root, state: Option<&Arc<Snapshot>>, before: &Self)
    -> DiskImage<Self::Hard>;

    /// Goes on with the same disk and the same state machine as the instance before: its tickets follow, what is
    /// on its way to the disk or to be applied is not asked for again, and it knows whom the cluster has convicted
    /// and when the next thing expires.
    fn succeed(&mut self, before: &Self);

    /// A ticket for a write that `Epochs` makes itself, in the order of its own ones. `is_done`: the executor does
    /// everything at once.
    fn issue(&mut self, is_done: bool) -> Ticket;

    /// Where it has ended, and who votes from there on.
    fn ended(&self) -> Option<(Sequence, &Membership)>;

    /// The state at which it has ended, once it is made.
    fn final_state(&self) -> Option<(Checkpoint, Arc<Snapshot>)>;

    /// The requests that wait, executed nowhere as far as this replica knows.
    fn waiting(&self) -> Vec<Arc<Bundle>>;

    /// The last entry of its log.
    fn last_index(&self) -> LogIndex;

    /// The newest proven state that is here, and the hash of its bytes.
    fn newest_state(&self) -> Option<(Hash256, &Arc<Snapshot>)>;

    /// A message of a later epoch.
    fn later(epoch: u64, message: Self::Message) -> Self::Message {
        Envelope::later(epoch, message)
    }

    /// A message about epochs.
    fn about_epochs(message: message::Message) -> Self::Message {
        Envelope::about_epochs(message)
    }

    /// What a message is.
    fn sort(message: Self::Message) -> Sorted<Self::Message> {
        message.sort()
    }

    /// The same, to look at.
    fn see(message: &Self::Message) -> Seen<'_, Self::Message> {
        message.see()
    }

    /// Whether a message asks for a part of a snapshot.
    fn as_fetch(message: &Self::Message) -> Option<&FetchChunk>;

    /// A part of a snapshot, for one that asks this instance.
    fn chunk(&self, chunk: Chunk) -> Self::Message;
}
