//! How does a trace become a file, and how is a file believed?
//!
//! JSON lines: a versioned header, then one record a line. Writing and reading
//! go line by line, without I/O: a writer returns lines, a reader takes them.
//! A file is checked while it is read: ids rise, causes and messages stand
//! earlier, times do not run backward, count and digest are the header's.
//! Whatever is wrong is one clear line that names the line of the file. Files
//! of version N−1 are read as well, once there is one. Compression is the
//! caller's.

use core::hash::Hasher as _;
use litemap::LiteMap;

use quorumscope_core::digest::Chain;
use quorumscope_core::record::{Body, Record};
use quorumscope_core::types::{Digest, NodeId, RecordId, Time};
use serde::{Deserialize, Serialize};

/// The version of the format that is written.
pub const VERSION: u32 = 1;

/// The oldest version that is read.
pub const OLDEST_VERSION: u32 = 1;

/// Longest line that is read, in bytes: a record holds at most a node's whole log.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// Longest part of a reason that is shown, in characters: a broken line must not fill the screen.
const MAX_REASON: usize = 160;

/// The first line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the format; its name also tells what the file is.
    pub quorumscope_trace: u32,
    /// The version of the engine that ran.
    pub engine: String,
    /// `raft`.
    pub protocol: String,
    /// Scenario or cluster, as people call it.
    pub name: String,
    /// The scenario (TOML), where there was one: it replays the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The digest of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hexadecimal")]
    pub digest: Option<Digest>,
    /// How many records follow; absent where the file was written while recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// The digest of their lines; absent where the file was written while recording.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hexadecimal")]
    pub records_digest: Option<Digest>,
}

/// Digests in the header are hexadecimal text, as they are shown everywhere.
mod hexadecimal {
    use quorumscope_core::types::Digest;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "the shape that serde asks for")]
    pub(super) fn serialize<S: Serializer>(digest: &Option<Digest>, serializer: S) -> Result<S::Ok, S::Error> {
        match digest {
            Some(digest) => serializer.collect_str(digest),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        match u64::from_str_radix(&text, 16) {
            Ok(digest) if text.len() == 16 => Ok(Some(Digest(digest))),
            Ok(_) | Err(_) => Err(de::Error::custom("a digest is 16 hexadecimal digits")),
        }
    }
}

impl Header {
    /// A header for records that are still to come.
    #[must_use]
    pub fn recording(protocol: &str, name: &str) -> Self {
        Self {
            quorumscope_trace: VERSION,
            engine: env!("CARGO_PKG_VERSION").into(),
            protocol: protocol.into(),
            name: name.into(),
            scenario: None,
            digest: None,
            records: None,
            records_digest: None,
        }
    }

    /// The header's line, without the line feed.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("text and numbers always encode")
    }
}

/// A record's line, without the line feed.
#[must_use]
pub fn record_line(record: &Record) -> String {
    serde_json::to_string(record).expect("records hold no maps and no floats, and always encode")
}

/// A whole file of these records: `header` is completed with their count and digest.
#[must_use]
pub fn write(mut header: Header, records: &[Record]) -> String {
    let lines: Vec<String> = records.iter().map(record_line).collect();
    let mut digest = Chain::new();
    for line in &lines {
        chain_line(&mut digest, line);
    }
    header.records = Some(lines.len() as u64);
    header.records_digest = Some(Digest(digest.finish()));
    let mut text = header.line();
    for line in lines {
        text.push('\n');
        text.push_str(&line);
    }
    text.push('\n');
    text
}

fn chain_line(digest: &mut Chain, line: &str) {
    digest.write_u64(line.len() as u64);
    digest.write(line.as_bytes());
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct FileError {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing stands there.
    #[error("the line is empty; a trace holds one record a line")]
    Empty,
    /// It is longer than any record.
    #[error("the line has {0} bytes, more than the {MAX_LINE_BYTES} that a record may have")]
    TooLong(usize),
    /// The first line is something else.
    #[error("not the header of a trace: {0}; a trace begins with {{\"quorumscope_trace\":{VERSION},…}}")]
    NotAHeader(String),
    /// Another version wrote it.
    #[error(
        "the trace has version {0}, this program reads {OLDEST_VERSION} to {VERSION}; use the program that wrote it"
    )]
    Version(u64),
    /// It holds no record.
    #[error("not a record: {0}")]
    NotARecord(String),
    /// An id does not rise.
    #[error("record {id} comes after record {after} of the same origin; ids must rise")]
    IdDoesNotRise {
        /// The id.
        id: RecordId,
        /// The one before.
        after: RecordId,
    },
    /// Time runs backward.
    #[error("record {id} is at {at} µs, before the {before} µs of the record before it; time must not run backward")]
    TimeRunsBackward {
        /// Which record.
        id: RecordId,
        /// Its time.
        at: Time,
        /// The time before.
        before: Time,
    },
    /// A cause is not an earlier record.
    #[error("record {id} names {cause} as its cause, and no record before it has that id")]
    NoSuchCause {
        /// Which record.
        id: RecordId,
        /// What it names.
        cause: RecordId,
    },
    /// A message is not an earlier record.
    #[error("record {id} is about message {message}, and no record before it has that id")]
    NoSuchMessage {
        /// Which record.
        id: RecordId,
        /// What it names.
        message: RecordId,
    },
    /// The file ends early, or goes on.
    #[error("the header promises {promised} records, and the file holds {found}; it was cut off or changed")]
    Count {
        /// By the header.
        promised: u64,
        /// In the file.
        found: u64,
    },
    /// Some line is not what was written.
    #[error("the header promises records with the digest {promised}, and these have {found}; a line was changed")]
    Changed {
        /// By the header.
        promised: Digest,
        /// Of the lines.
        found: Digest,
    },
    /// There is nothing at all.
    #[error("the file is empty; a trace begins with a header")]
    NoHeader,
}

/// What a checked file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its header.
    pub header: Header,
    /// How many records it holds.
    pub records: u64,
    /// The digest of their lines.
    pub records_digest: Digest,
    /// Whether the header knew count and digest, and both are right.
    pub sealed: bool,
    /// How many `Gap` records it holds: causes may be missing in such a file.
    pub gaps: u64,
}

/// What is remembered of one origin.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Ids so far, rising: 8 bytes a record.
    sequences: Vec<u64>,
    at: Time,
}

/// Reads and checks a file line by line.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    header: Option<Header>,
    line: u64,
    origins: LiteMap<NodeId, Seen>,
    records: u64,
    gaps: u64,
    digest: Chain,
}

impl Reader {
    /// A reader before the first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The header, once its line was read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Takes the next line, with or without its line feed. The first is the header and gives no record.
    ///
    /// # Errors
    /// What is wrong with the line; the reader stays as it was before it, but for the count of lines.
    pub fn line(&mut self, line: &str) -> Result<Option<Record>, FileError> {
        self.line += 1;
        self.take(line.trim_end_matches(['\n', '\r'])).map_err(|problem| FileError { line: self.line, problem })
    }

    fn take(&mut self, line: &str) -> Result<Option<Record>, Problem> {
        if line.len() > MAX_LINE_BYTES {
            return Err(Problem::TooLong(line.len()));
        }
        if self.header.is_none() {
            self.header = Some(header(line)?);
            return Ok(None);
        }
        if line.trim().is_empty() {
            return Err(Problem::Empty);
        }
        let record: Record = serde_json::from_str(line).map_err(|error| Problem::NotARecord(reason(&error)))?;
        self.check(&record)?;
        let seen = self.origins.entry(record.id.origin).or_default();
        seen.sequences.push(record.id.sequence);
        seen.at = record.at;
        self.records += 1;
        self.gaps += u64::from(matches!(record.body, Body::Gap { .. }));
        chain_line(&mut self.digest, line);
        Ok(Some(record))
    }

    fn knows(&self, id: RecordId) -> bool {
        self.origins.get(&id.origin).is_some_and(|seen| seen.sequences.binary_search(&id.sequence).is_ok())
    }

    fn check(&self, record: &Record) -> Result<(), Problem> {
        let id = record.id;
        if let Some(seen) = self.origins.get(&id.origin) {
            if let Some(last) = seen.sequences.last().filter(|last| **last >= id.sequence) {
                let after = RecordId { origin: id.origin, sequence: *last };
                return Err(Problem::IdDoesNotRise { id, after });
            }
            if record.at < seen.at {
                return Err(Problem::TimeRunsBackward { id, at: record.at, before: seen.at });
            }
        }
        let has_gaps = self.gaps > 0 || matches!(record.body, Body::Gap { .. });
        let missing = |named: &RecordId| !has_gaps && !self.knows(*named);
        if let Some(cause) = record.cause.filter(missing) {
            return Err(Problem::NoSuchCause { id, cause });
        }
        if let Some(message) = message_of(&record.body).filter(missing) {
            return Err(Problem::NoSuchMessage { id, message });
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The header is missing, or its count or digest is not that of the records.
    pub fn finish(self) -> Result<Summary, FileError> {
        let at_end = |problem| FileError { line: self.line.max(1), problem };
        let Some(header) = self.header else { return Err(at_end(Problem::NoHeader)) };
        let found = Digest(self.digest.finish());
        if let Some(promised) = header.records.filter(|promised| *promised != self.records) {
            return Err(at_end(Problem::Count { promised, found: self.records }));
        }
        if let Some(promised) = header.records_digest.filter(|promised| *promised != found) {
            return Err(at_end(Problem::Changed { promised, found }));
        }
        let sealed = header.records.is_some() && header.records_digest.is_some();
        Ok(Summary { header, records: self.records, records_digest: found, sealed, gaps: self.gaps })
    }
}

/// Reads and checks a whole file.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn read(text: &str) -> Result<(Summary, Vec<Record>), FileError> {
    let mut reader = Reader::new();
    let mut records = Vec::new();
    for line in text.lines() {
        records.extend(reader.line(line)?);
    }
    Ok((reader.finish()?, records))
}

fn header(line: &str) -> Result<Header, Problem> {
    if line.trim().is_empty() {
        return Err(Problem::NoHeader);
    }
    /// Read first: another version may have other fields.
    #[derive(Deserialize)]
    struct Versioned {
        quorumscope_trace: u64,
    }
    let versioned: Versioned = serde_json::from_str(line).map_err(|error| Problem::NotAHeader(reason(&error)))?;
    if !(u64::from(OLDEST_VERSION)..=u64::from(VERSION)).contains(&versioned.quorumscope_trace) {
        return Err(Problem::Version(versioned.quorumscope_trace));
    }
    serde_json::from_str(line).map_err(|error| Problem::NotAHeader(reason(&error)))
}

/// The message that a record is about.
fn message_of(body: &Body) -> Option<RecordId> {
    match body {
        Body::Delivered { message }
        | Body::Departed { message, .. }
        | Body::Dropped { message, .. }
        | Body::Held { message } => Some(*message),
        Body::Began(_)
        | Body::Started { .. }
        | Body::ClockChanged { .. }
        | Body::DeadlineReached
        | Body::Written { .. }
        | Body::Proposed { .. }
        | Body::AppliedThrough { .. }
        | Body::Sent { .. }
        | Body::WriteBegan(_)
        | Body::Answered { .. }
        | Body::Noted(_)
        | Body::Status(_)
        | Body::Broke { .. }
        | Body::NodeState(_)
        | Body::Asked { .. }
        | Body::Told { .. }
        | Body::Heard { .. }
        | Body::Crashed { .. }
        | Body::Paused
        | Body::Resumed
        | Body::LinksCut { .. }
        | Body::ConditionChanged { .. }
        | Body::Lies { .. }
        | Body::Decided { .. }
        | Body::Violated { .. }
        | Body::Gap { .. }
        | Body::SnapshotTaken { .. }
        | Body::SnapshotAsked
        | Body::EarlyJudged { .. }
        | Body::Ended => None,
    }
}

/// A parser's complaint on one short line: the parser counts lines within ours, where there is one only.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let mut short: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short} (column {})", error.column())
}

#[cfg(test)]
#[path = "file_tests.rs"]
pub(super) mod tests;
