//! What do replicated logs drive?
//!
//! A state machine applies committed payloads in order; equal payloads in equal
//! order give equal states and equal results on every replica. It never reads a
//! clock: time is the entry's log time. Protocols never see this module.

use bytes::Bytes;

use crate::types::{Digest, LogIndex, Wall};

pub mod kv;
pub mod session;

/// A deterministic state machine.
pub trait StateMachine: Clone + Default {
    /// Applies one command and answers. Any bytes give an answer: what cannot be read is answered as malformed.
    fn apply(&mut self, index: LogIndex, log_time: Wall, command: &[u8]) -> Bytes;

    /// Answers a question that changes nothing. Any bytes give an answer, as in [`StateMachine::apply`].
    fn read(&self, query: &[u8]) -> Bytes;

    /// A digest of the whole state; equal states have equal digests natively and in wasm.
    fn digest(&self) -> Digest;
}
