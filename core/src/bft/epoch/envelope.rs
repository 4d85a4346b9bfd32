//! How does one message or hard state serve a protocol and its epochs alike?
//!
//! Messages and hard states of the whole are the protocol's own types, so that
//! nothing above has to know of epochs. Each message type has two variants more,
//! for what is of a later epoch and for what is about epochs; each hard state has
//! a field for its epoch. What is done with them is the same everywhere and
//! stands here: [`in_epochs`] says which they are.

use super::{hard, message};

/// A message, by what it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Sorted<M> {
    /// Of the protocol itself: of epoch 0, or inside of a later one.
    Own(M),
    /// Of a later epoch than 0.
    Later(u64, M),
    /// About epochs.
    Epoch(Box<message::Message>),
}

/// The same, to look at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen<'a, M> {
    /// Of the protocol itself.
    Own(&'a M),
    /// Of a later epoch than 0.
    Later(u64, &'a M),
    /// About epochs.
    Epoch(&'a message::Message),
}

/// A protocol's messages, with those of later epochs and those about epochs.
pub trait Envelope: Sized {
    /// A message of a later epoch.
    fn later(epoch: u64, message: Self) -> Self;

    /// A message about epochs.
    fn about_epochs(message: message::Message) -> Self;

    /// What a message is.
    fn sort(self) -> Sorted<Self>;

    /// The same, to look at.
    fn see(&self) -> Seen<'_, Self>;
}

/// A protocol's hard state, a part of which is about epochs.
pub trait Kept {
    /// That part.
    fn epoch(&self) -> &hard::HardState;

    /// The same, to write.
    fn epoch_mut(&mut self) -> &mut hard::HardState;
}

/// Says which variant of a message is of a later epoch, beside `Epoch`; and that the hard state has a field `epoch`.
macro_rules! in_epochs {
    ($message:ident :: $later:ident, $hard:ident) => {
        impl $crate::bft::epoch::Envelope for $message {
            fn later(epoch: u64, message: Self) -> Self {
                Self::$later { epoch, message: Box::new(message) }
            }

            fn about_epochs(message: $crate::bft::epoch::Message) -> Self {
                Self::Epoch(Box::new(message))
            }

            fn sort(self) -> $crate::bft::epoch::Sorted<Self> {
                match self {
                    Self::$later { epoch, message } => $crate::bft::epoch::Sorted::Later(epoch, *message),
                    Self::Epoch(message) => $crate::bft::epoch::Sorted::Epoch(message),
                    message => $crate::bft::epoch::Sorted::Own(message),
                }
            }

            fn see(&self) -> $crate::bft::epoch::Seen<'_, Self> {
                match self {
                    Self::$later { epoch, message } => $crate::bft::epoch::Seen::Later(*epoch, message),
                    Self::Epoch(message) => $crate::bft::epoch::Seen::Epoch(message),
                    message => $crate::bft::epoch::Seen::Own(message),
                }
            }
        }

        impl $crate::bft::epoch::Kept for $hard {
            fn epoch(&self) -> &$crate::bft::epoch::HardState {
                &self.epoch
            }

            fn epoch_mut(&mut self) -> &mut $crate::bft::epoch::HardState {
                &mut self.epoch
            }
        }
    };
}
pub(in crate::bft) use in_epochs;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::Envelope;
    use crate::bft::{hotstuff, pbft};

    /// Whoever reads bytes does so in bounded depth, whatever a peer has sent.
    fn travels_and_is_not_nested<M: Envelope + Clone + Debug + PartialEq + Serialize + DeserializeOwned>(own: M) {
        let bytes = |message: &M| postcard::to_allocvec(message).expect("bytes");
        let later = M::later(2, own.clone());
        for message in [&own, &later] {
            assert_eq!(postcard::from_bytes::<M>(&bytes(message)).as_ref(), Ok(message));
        }
        let nested = M::later(3, later);
        assert!(postcard::from_bytes::<M>(&bytes(&nested)).is_err());
    }

    #[test]
    fn a_message_of_a_later_epoch_travels_and_one_within_another_does_not() {
        travels_and_is_not_nested(pbft::Message::FetchValues(Vec::new()));
        travels_and_is_not_nested(hotstuff::Message::Blocks(Vec::new()));
    }
}
