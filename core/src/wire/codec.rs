//! How does a frame become bytes, and how do any bytes become a frame or an error?
//!
//! postcard reads strings and byte strings as slices of the input, gives no
//! length hint beyond the bytes that are left, and no type here nests in itself:
//! memory is bounded by the input. What a length may be is checked after that.

use bytes::Bytes;

use super::{
    Cluster, Frame, Hello, MAX_FRAME_BYTES, MAX_LINKS, MAX_MEMBERS, MAX_NAME_BYTES, MAX_OPERATION_BYTES,
    MAX_TEXT_BYTES, Problem, Records, VERSION, WireError,
};
use crate::edge::MAX_RANGES;
use crate::record::{AnyMessage, Command, Record};
use crate::types::Time;

impl Frame {
    /// The frame as one binary message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_extend(self, vec![VERSION]).expect("a growing list takes any frame").into()
    }

    /// Reads a frame of at most [`MAX_FRAME_BYTES`].
    ///
    /// # Errors
    /// What keeps the bytes from being a frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Self::decode_within(bytes, MAX_FRAME_BYTES)
    }

    /// Reads a frame of at most `limit` bytes.
    ///
    /// # Errors
    /// What keeps the bytes from being a frame.
    pub fn decode_within(bytes: &[u8], limit: usize) -> Result<Self, WireError> {
        if bytes.len() > limit {
            return Err(WireError::TooLarge { limit: limit as u64, found: bytes.len() as u64 });
        }
        match bytes.split_first() {
            None => Err(WireError::Empty),
            Some((&VERSION, body)) => {
                let frame: Self = decode_all(body)?;
                frame.check_lengths().map(|()| frame)
            }
            Some((&found, _)) => Err(WireError::Version { found }),
        }
    }

    fn check_lengths(&self) -> Result<(), WireError> {
        match self {
            Self::Hello(Hello { room, token, .. }) => {
                within("a room's name", room.len(), MAX_NAME_BYTES)?;
                within("a token", token.len(), MAX_NAME_BYTES)
            }
            Self::Cluster(cluster) => check_cluster(cluster),
            Self::Request(request) => {
                // The session's own envelope around an operation takes a few bytes.
                within("a proposal", request.proposal.payload.len(), MAX_OPERATION_BYTES + 64)?;
                within("a list of tags", request.proposal.tags.len(), MAX_MEMBERS)
            }
            Self::Read(question) => within("a query", question.request.query.len(), MAX_OPERATION_BYTES),
            Self::Command { command, .. } => check_command(command),
            Self::Done { problem: Some(problem), .. } | Self::Problem(problem) => check_problem(problem),
            Self::Links { cut } => within("a list of cut links", cut.len(), MAX_LINKS),
            Self::Welcome(_)
            | Self::Peer(_)
            | Self::Answer(_)
            | Self::Returned { .. }
            | Self::Records(_)
            | Self::Resync { .. }
            | Self::Done { problem: None, .. }
            | Self::Joined(_)
            | Self::Left(_) => Ok(()),
        }
    }
}

fn within(part: &'static str, length: usize, limit: usize) -> Result<(), WireError> {
    if length > limit { Err(WireError::PartTooLarge { part }) } else { Ok(()) }
}

fn check_cluster(cluster: &Cluster) -> Result<(), WireError> {
    within("a cluster's name", cluster.name.len(), MAX_NAME_BYTES)?;
    within("a protocol's name", cluster.protocol.len(), MAX_NAME_BYTES)?;
    within("a list of nodes", cluster.nodes.len(), MAX_MEMBERS)?;
    within("a list of voters", cluster.voters.len(), MAX_MEMBERS)?;
    within("a list of clients", cluster.clients.len(), MAX_MEMBERS)?;
    within("a list of abilities", cluster.abilities.len(), MAX_MEMBERS)
}

fn check_command(command: &Command) -> Result<(), WireError> {
    match command {
        Command::Propose { operation, .. } | Command::ProposeAs { operation, .. } => {
            within("an operation", operation.len(), MAX_OPERATION_BYTES)
        }
        Command::Partition(groups) => {
            within("a list of groups", groups.len(), MAX_MEMBERS)?;
            groups.iter().try_for_each(|group| within("a group", group.len(), MAX_MEMBERS))
        }
        Command::Subscribe { edges, keys, .. } => {
            within("a list of edges", edges.len(), MAX_MEMBERS)?;
            within("a list of keys", keys.len(), MAX_RANGES)?;
            keys.iter().try_for_each(|key| within("a key", key.len(), MAX_OPERATION_BYTES))
        }
        Command::Byzantine { nodes, tricks, against } => {
            within("a list of nodes", nodes.len(), MAX_MEMBERS)?;
            within("a list of tricks", tricks.len(), MAX_MEMBERS)?;
            within("a list of victims", against.len(), MAX_MEMBERS)?;
            tricks.iter().try_for_each(|trick| within("a trick", trick.len(), MAX_NAME_BYTES))
        }
        Command::Crash(_)
        | Command::Restart(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Timeout(_)
        | Command::Cut { .. }
        | Command::Mend { .. }
        | Command::Heal
        | Command::Hold(_)
        | Command::Drop(_)
        | Command::Deliver(_)
        | Command::Duplicate(_)
        | Command::Skew { .. }
        | Command::Drift { .. }
        | Command::Disk { .. }
        | Command::Loss { .. }
        | Command::Duplication { .. }
        | Command::Latency { .. }
        | Command::LoseDisk(_)
        | Command::Snapshot(_)
        | Command::Transfer { .. } => Ok(()),
        Command::Reconfigure { change, .. } => {
            let lists = [&change.add, &change.promote, &change.remove, &change.observe];
            lists.into_iter().try_for_each(|list| within("a list of nodes", list.len(), MAX_MEMBERS))
        }
        Command::Read { query, .. } => within("a query", query.len(), MAX_OPERATION_BYTES),
    }
}

fn check_problem(problem: &Problem) -> Result<(), WireError> {
    within("a problem's text", problem.text.len(), MAX_TEXT_BYTES)
}

fn decode_all<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(WireError::Trailing),
        Err(_) => Err(WireError::Malformed),
    }
}

/// A protocol's message as the bytes of an envelope.
#[must_use]
pub fn encode_message(message: &AnyMessage) -> Bytes {
    postcard::to_allocvec(message).expect("a growing list takes any message").into()
}

/// Reads the message of an envelope.
///
/// # Errors
/// The bytes are not one message.
pub fn decode_message(bytes: &[u8]) -> Result<AnyMessage, WireError> {
    decode_all(bytes)
}

/// Joins records that are encoded already into one frame, so that a relay encodes each once for all observers.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    count: u64,
    bytes: Vec<u8>,
}

impl Batch {
    /// One record as the bytes that [`Batch::push`] takes.
    #[must_use]
    pub fn encode(record: &Record) -> Bytes {
        postcard::to_allocvec(record).expect("a growing list takes any record").into()
    }

    /// Records as frames, in order: one, or as many as their size asks for.
    #[must_use]
    pub fn frames(records: impl IntoIterator<Item = Record>, at: Time) -> Vec<Bytes> {
        let (mut frames, mut batch) = (Vec::new(), Self::default());
        for record in records {
            let encoded = Self::encode(&record);
            if !batch.push(&encoded) {
                frames.push(core::mem::take(&mut batch).finish(at));
                batch.push(&encoded);
            }
        }
        if !batch.is_empty() {
            frames.push(batch.finish(at));
        }
        frames
    }

    /// Adds an encoded record. Returns false, and does nothing, where the frame would become too large.
    pub fn push(&mut self, encoded: &[u8]) -> bool {
        // Version, kind, round, time and count take less than 64 bytes.
        let fits = self.bytes.len() + encoded.len() + 64 <= MAX_FRAME_BYTES;
        if fits {
            self.count += 1;
            self.bytes.extend_from_slice(encoded);
        }
        fits
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The whole as a [`Frame::Records`], as bytes.
    #[must_use]
    pub fn finish(self, at: Time) -> Bytes {
        let mut frame = Frame::Records(Records { round: None, at, records: Vec::new() }).encode().to_vec();
        frame.pop(); // the empty list's length
        let mut frame = postcard::to_extend(&self.count, frame).expect("a growing list takes any number");
        frame.extend_from_slice(&self.bytes);
        frame.into()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
