//! What is the smallest useful state machine?
//!
//! A key-value store: set, get, delete. A get goes through the log like a set,
//! or beside it as a read. TTLs follow with log time.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::machine::StateMachine;
use crate::types::{Digest, LogIndex, Wall};

/// What a client may ask of the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Store `value` under `key`; answers the value that stood there before.
    Set {
        /// Where.
        key: String,
        /// What.
        value: String,
    },
    /// Answers the value under `key`.
    Get {
        /// Where.
        key: String,
    },
    /// Remove `key`; answers the value that stood there.
    Delete {
        /// Where.
        key: String,
    },
}

/// What the store answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// The value under the key: before a set or delete, now for a get.
    Value(Option<String>),
    /// The command's bytes could not be read; nothing changed.
    Malformed,
}

/// The store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    entries: BTreeMap<String, String>,
}

impl Operation {
    /// The operation as bytes for a log entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).expect("strings always encode").into()
    }

    /// Reads an operation back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// Short text for a log cell: `x=1`, `x?`, `x✕`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Set { key, value } => format!("{key}={value}"),
            Self::Get { key } => format!("{key}?"),
            Self::Delete { key } => format!("{key}✕"),
        }
    }
}

impl core::fmt::Display for Operation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Set { key, value } => write!(f, "set {key} = {value}"),
            Self::Get { key } => write!(f, "get {key}"),
            Self::Delete { key } => write!(f, "delete {key}"),
        }
    }
}

impl Answer {
    /// The answer as bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).expect("strings always encode").into()
    }

    /// Reads an answer back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl KeyValue {
    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str)
    }

    /// All keys and values, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl StateMachine for KeyValue {
    fn apply(&mut self, _index: LogIndex, _log_time: Wall, command: &[u8]) -> Bytes {
        let answer = match Operation::decode(command) {
            Some(Operation::Set { key, value }) => Answer::Value(self.entries.insert(key, value)),
            Some(Operation::Get { key }) => Answer::Value(self.entries.get(&key).cloned()),
            Some(Operation::Delete { key }) => Answer::Value(self.entries.remove(&key)),
            None => Answer::Malformed,
        };
        answer.encode()
    }

    fn read(&self, query: &[u8]) -> Bytes {
        let answer = match Operation::decode(query) {
            Some(Operation::Get { key }) => Answer::Value(self.entries.get(&key).cloned()),
            Some(Operation::Set { .. } | Operation::Delete { .. }) | None => Answer::Malformed,
        };
        answer.encode()
    }

    fn digest(&self) -> Digest {
        let mut chain = crate::digest::Chain::new();
        self.entries.hash(&mut chain);
        Digest(chain.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(store: &mut KeyValue, operation: &Operation) -> Answer {
        Answer::decode(&store.apply(LogIndex(1), Wall(0), &operation.encode())).expect("an answer")
    }

    #[test]
    fn a_set_answers_what_stood_there_before() {
        let mut store = KeyValue::default();
        let set = |value: &str| Operation::Set { key: "x".into(), value: value.into() };
        assert_eq!(apply(&mut store, &set("1")), Answer::Value(None));
        assert_eq!(apply(&mut store, &set("2")), Answer::Value(Some("1".into())));
        assert_eq!(apply(&mut store, &Operation::Get { key: "x".into() }), Answer::Value(Some("2".into())));
        assert_eq!(apply(&mut store, &Operation::Delete { key: "x".into() }), Answer::Value(Some("2".into())));
        assert_eq!(store.get("x"), None);
    }

    #[test]
    fn a_read_beside_the_log_sees_the_value_and_changes_nothing() {
        let mut store = KeyValue::default();
        let set = Operation::Set { key: "x".into(), value: "1".into() };
        apply(&mut store, &set);
        let before = store.clone();
        let read = |query: &Operation| Answer::decode(&before.read(&query.encode())).expect("an answer");
        assert_eq!(read(&Operation::Get { key: "x".into() }), Answer::Value(Some("1".into())));
        assert_eq!(read(&set), Answer::Malformed);
        assert_eq!(before, store);
    }

    #[test]
    fn unreadable_bytes_change_nothing_and_are_answered() {
        let mut store = KeyValue::default();
        let before = store.digest();
        assert_eq!(Answer::decode(&store.apply(LogIndex(1), Wall(0), &[9, 9, 9])), Some(Answer::Malformed));
        assert_eq!(store.digest(), before);
    }
}
