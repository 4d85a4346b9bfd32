//! What does a client write into a log entry, and what does it hear?
//!
//! The payload of a command entry and the answer to it, as values and as bytes.
//! What a leader and an edge look at without applying it is read here as well.
//! Read `session` for what a payload does.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::entry::Tags;
use crate::machine::StateMachine;
use crate::types::{LogIndex, RequestNumber};

/// What stands in a command entry's payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Opens the client's session; harmless where it is open already.
    Open,
    /// Ends the client's session.
    Close,
    /// A command of an open session.
    Command {
        /// Which one, by the entry that opened it: [`SessionAnswer::Opened`] told it.
        session: LogIndex,
        /// All numbers up to this one are answered: their results may be forgotten.
        acknowledged: RequestNumber,
        /// For the state machine.
        command: Bytes,
    },
}

/// What a client's request led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionAnswer {
    /// The session is open, by this entry.
    Opened(LogIndex),
    /// The session is over.
    Closed,
    /// The state machine's answer, the same for every retry.
    Result(Bytes),
    /// The session is not open (it never was, expired, or was evicted; the client may have another one meanwhile):
    /// nothing was executed.
    NoSession,
    /// The client has acknowledged this number before: its result is forgotten and nothing was executed.
    Forgotten,
    /// Too many unacknowledged results: nothing was executed.
    TooManyOutstanding,
    /// The payload could not be read: nothing was executed.
    Malformed,
    /// This node holds a part of the state, and what was asked does not lie in it.
    NotHere,
}

/// A payload as it is looked at without copying the command.
#[derive(Serialize, Deserialize)]
enum Head<'a> {
    Open,
    Close,
    Command { session: LogIndex, acknowledged: RequestNumber, command: &'a [u8] },
}

/// The session that a command names, and the low-water mark that it carries; `None` where the payload is none.
#[must_use]
pub fn standing(payload: &[u8]) -> Option<(LogIndex, RequestNumber)> {
    match postcard::from_bytes(payload).ok()? {
        Head::Command { session, acknowledged, .. } => Some((session, acknowledged)),
        Head::Open | Head::Close => None,
    }
}

/// Which ranges of a machine's state a payload touches; none where everybody needs it.
#[must_use]
pub fn ranges<S: StateMachine>(payload: &[u8]) -> Tags {
    match postcard::from_bytes(payload) {
        Ok(Head::Command { command, .. }) => S::ranges(command),
        Ok(Head::Open | Head::Close) | Err(_) => Tags::new(),
    }
}

impl Payload {
    /// The payload as bytes for a log entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).expect("bytes always encode").into()
    }

    /// Reads a payload back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl SessionAnswer {
    /// The answer as bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).expect("bytes always encode").into()
    }

    /// Reads an answer back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
