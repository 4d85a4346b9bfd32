//! What do the hybrid's replicas say to each other?
//!
//! What the protocols of its phases say, and what makes them change. Each
//! statement is signed in the domain of the instance that it is about. What is
//! said after a return names its era; the first era goes without, for most
//! clusters never leave it.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::HardState;
use super::history::Stop;
use super::rounds::{self, Sealed};
use crate::bft::epoch::{self, in_epochs};
use crate::bft::evidence::Evidence;
use crate::bft::pbft;
use crate::crypto::{Domain, Signature, Statement};
use crate::types::NodeId;

/// The kind of an alarm, among the statements of the two rounds.
const ALARM: u8 = 5;

/// What a replica signs whose threat level is *high* or above.
#[must_use]
pub fn alarm(domain: &Domain) -> Statement {
    Statement::new(domain, ALARM)
}

/// The kind of a statement that a replica is calm, among those of the hybrid in PBFT's instance.
const CALM: u8 = 6;

/// What a replica signs whose threat level was below *high* for the dwell time.
#[must_use]
pub(super) fn calm(domain: &Domain) -> Statement {
    Statement::new(domain, CALM)
}

/// How far a replica is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Two rounds.
    #[default]
    Rounds,
    /// It has stopped, and waits for the decision on what PBFT begins with.
    Stopped,
    /// That is decided; it fetches what it lacks of it.
    Opened,
    /// PBFT.
    Bft,
}

/// What a replica says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Of the two rounds.
    Rounds(rounds::Message),
    /// Of the instance that decides what PBFT begins with.
    Opening(pbft::Message),
    /// Of PBFT.
    Bft(pbft::Message),
    /// Threat levels of these are *high* or above: f+1 end the two rounds, whoever passes them on.
    Alarms(Vec<(NodeId, Signature)>),
    /// A replica has stopped.
    Stop(Arc<Stop>),
    /// The decision on what PBFT begins with, with its proof.
    Opened(Box<pbft::Committed>),
    /// How far the sender is: whoever is further helps.
    Where(Phase),
    /// These have been calm for the dwell time: a quorum ends PBFT, whoever passes them on.
    Calm(Vec<(NodeId, Signature)>),
    /// PBFT has ended at the sender with this state: the two rounds go on from what a quorum says. Signed as a
    /// checkpoint of theirs.
    Root(Box<(Sealed, Signature)>),
    /// Proof that somebody has lied, for whoever has not heard of it.
    Evidence(Arc<Evidence>),
    /// What is said in an era after the first.
    Later {
        /// Which.
        era: u64,
        /// Not a message of this kind again.
        #[serde(deserialize_with = "flat")]
        message: Box<Message>,
    },
    /// What is said in an epoch after the first, in one of its eras. For [`epoch`], as the next.
    InEpoch {
        /// Which.
        epoch: u64,
        /// What; not a message of this kind again.
        #[serde(with = "in_era")]
        message: Box<Message>,
    },
    /// About epochs.
    Epoch(Box<epoch::Message>),
}

in_epochs!(Message::InEpoch, HardState);

/// The same, of an era that is said elsewhere. Bytes with one era within another are no message: whoever reads them
/// does so in bounded depth.
#[derive(Deserialize)]
#[serde(remote = "Message")]
enum Flat {
    Rounds(rounds::Message),
    Opening(pbft::Message),
    Bft(pbft::Message),
    Alarms(Vec<(NodeId, Signature)>),
    Stop(Arc<Stop>),
    Opened(Box<pbft::Committed>),
    Where(Phase),
    Calm(Vec<(NodeId, Signature)>),
    Root(Box<(Sealed, Signature)>),
    Evidence(Arc<Evidence>),
}

fn flat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Message>, D::Error> {
    Flat::deserialize(deserializer).map(Box::new)
}

/// What is said in a later epoch travels as its era and a message of that.
mod in_era {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Message, flat};

    #[derive(Deserialize)]
    struct Of(u64, #[serde(deserialize_with = "flat")] Box<Message>);

    pub(super) fn serialize<S: Serializer>(message: &Message, serializer: S) -> Result<S::Ok, S::Error> {
        match message {
            Message::Later { era, message } => (*era, &**message).serialize(serializer),
            first => (0_u64, first).serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Message>, D::Error> {
        let Of(era, message) = Of::deserialize(deserializer)?;
        Ok(match era {
            0 => message,
            era => Box::new(Message::Later { era, message }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_later_era_travels_and_one_within_another_does_not() {
        let later = |message| Message::Later { era: 3, message: Box::new(message) };
        let said = vec![(NodeId(2), Signature([7; 64]))];
        for message in [Message::Alarms(said.clone()), Message::Where(Phase::Bft), Message::Calm(said)] {
            let bytes = postcard::to_allocvec(&later(message.clone())).expect("bytes");
            assert_eq!(postcard::from_bytes(&bytes), Ok(later(message)));
        }
        for era in [0, 3] {
            let said = Message::Where(Phase::Bft);
            let said = if era == 0 { said } else { later(said) };
            let message = Message::InEpoch { epoch: 2, message: Box::new(said) };
            let bytes = postcard::to_allocvec(&message).expect("bytes");
            assert_eq!(postcard::from_bytes(&bytes), Ok(message.clone()));
            let text = serde_json::to_string(&message).expect("a text");
            assert_eq!(serde_json::from_str::<Message>(&text).expect("a message"), message);
            let nested = Message::InEpoch { epoch: 3, message: Box::new(message) };
            assert!(postcard::from_bytes::<Message>(&postcard::to_allocvec(&nested).expect("bytes")).is_err());
        }
        let nested = postcard::to_allocvec(&later(later(Message::Where(Phase::Bft)))).expect("bytes");
        assert!(postcard::from_bytes::<Message>(&nested).is_err());
    }
}
