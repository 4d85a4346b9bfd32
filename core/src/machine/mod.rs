//! What do replicated logs drive?
//!
//! A state machine applies committed payloads in order; equal payloads in equal
//! order give equal states and equal results on every replica. It never reads a
//! clock: time is the entry's log time. Protocols never see this module.
//!
//! Left out: commands over several ranges. Read `kv` next, the smallest one;
//! `session` for what stands between the log and every machine.

use bytes::Bytes;

use crate::bft::evidence::Conviction;
use crate::entry::Tags;
use crate::types::{Digest, LogIndex, Wall};

pub mod any;
pub mod cluster;
mod expiry;
pub mod kv;
pub mod look;
mod refusal;
pub mod session;
#[cfg(test)]
mod session_tests;
mod table;
#[cfg(test)]
mod tests;
pub mod workflow;

pub use refusal::Refusal;

/// A deterministic state machine.
pub trait StateMachine: Clone + Default {
    /// Applies one command and answers. Any bytes give an answer: what cannot be read is answered as malformed.
    fn apply(&mut self, index: LogIndex, log_time: Wall, command: &[u8]) -> Bytes;

    /// A digest of the whole state; equal states have equal digests natively and in wasm.
    fn digest(&self) -> Digest;

    /// The whole state as bytes; equal states give equal bytes natively and in wasm.
    fn snapshot(&self) -> Bytes;

    /// Takes the place of the state with what [`StateMachine::snapshot`] wrote.
    ///
    /// # Errors
    /// Bytes that are no state of this machine change nothing.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), NotAState>;

    /// The cluster has convicted one of its nodes of a lie. A machine that knows nodes records it; to the others it is
    /// nothing.
    fn convicted(&mut self, _log_time: Wall, _conviction: &Conviction) {}

    /// Log time passes without a command: what expires by then is gone. [`StateMachine::apply`] begins with it, so
    /// that no command meets anything that expired before it.
    fn advance(&mut self, log_time: Wall);

    /// Nothing expires before this log time; `None` where nothing will expire. A leader whose clock has reached it
    /// lets log time pass.
    fn next_expiry(&self) -> Option<Wall>;

    /// Answers a command that reads, from the state as it is, at the log time of the last applied entry. Whoever
    /// calls it decides how fresh the state is. A command that would change something is answered as malformed.
    fn query(&self, command: &[u8]) -> Bytes;

    /// What stands under a name, for people and expectations.
    fn look(&self, name: &str) -> Option<String>;

    /// Which ranges of the state a command touches; none where it may touch all of it.
    fn ranges(command: &[u8]) -> Tags;

    /// The part of the state within these ranges. It commutes with applying: a replica that got the projection and
    /// then only the commands that touch its ranges holds the projection of the whole.
    #[must_use]
    fn project(&self, ranges: &[u64]) -> Self;
}

/// Bytes that are no state of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot's bytes are no state of this machine: it was made by another version")]
pub struct NotAState;

/// The range that a name belongs to: all names with the same text before their first `/` share one.
#[must_use]
pub fn range_of(name: &str) -> u64 {
    use core::hash::Hasher as _;
    let mut chain = crate::digest::Chain::new();
    chain.write(name.split('/').next().unwrap_or_default().as_bytes());
    chain.finish()
}

/// Reads a snapshot to its last byte.
fn read_state<T: for<'de> serde::Deserialize<'de>>(bytes: &[u8]) -> Result<T, NotAState> {
    match postcard::take_from_bytes(bytes) {
        Ok((state, [])) => Ok(state),
        Ok(_) | Err(_) => Err(NotAState),
    }
}

/// Whether a name can be written in one word: only such names are taken, so that every command has a text.
fn is_word(name: &str) -> bool {
    !name.is_empty() && !name.contains(char::is_whitespace)
}
