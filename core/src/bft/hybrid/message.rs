//! What do the hybrid's replicas say to each other?
//!
//! What the protocols of its phases say, and what makes them change. Each
//! statement is signed in the domain of the instance that it is about.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::history::Stop;
use super::rounds;
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
}
