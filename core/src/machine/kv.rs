//! What is the smallest useful state machine?
//!
//! A key-value store: set, get, delete. A get goes through the log like a set,
//! or beside it as a read. A value may have a time to live, which is decided by
//! log time alone: a replica that asked its own clock would drop a key that
//! another one still answers.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::entry::Tags;
use crate::machine::expiry::{Due, Expiry};
use crate::machine::{NotAState, Refusal, StateMachine, range_of, read_state};
use crate::types::{Digest, LogIndex, Span, Wall};

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
    /// Store `value` under `key` until so much log time has passed; answers the value that stood there before.
    SetFor {
        /// Where.
        key: String,
        /// What.
        value: String,
        /// How long it lives, from the log time of its entry.
        ttl: Span,
    },
}

/// What a machine answers: the store with values, the others with refusals too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// The value under the key: before a set or delete, now for a get.
    Value(Option<String>),
    /// The command's bytes could not be read; nothing changed.
    Malformed,
    /// The command makes no sense in the present state; nothing changed.
    Refused(Refusal),
}

/// A value, and when it goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Stored {
    value: String,
    expires: Option<Due>,
}

/// The store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValue {
    entries: BTreeMap<String, Stored>,
    expiry: Expiry,
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

    /// The key that it is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Set { key, .. } | Self::Get { key } | Self::Delete { key } | Self::SetFor { key, .. } => key,
        }
    }

    /// Short text for a log cell: `x=1`, `x?`, `x✕`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Set { key, value } | Self::SetFor { key, value, .. } => format!("{key}={value}"),
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
            Self::SetFor { key, value, ttl } => write!(f, "set {key} = {value} for {} ms", ttl.0 / 1_000),
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
        self.entries.get(key).map(|stored| stored.value.as_str())
    }

    /// All keys and values, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, stored)| (key.as_str(), stored.value.as_str()))
    }

    fn put(&mut self, key: String, value: String, expires: Option<Due>) -> Option<String> {
        match self.entries.get_mut(&key) {
            Some(stored) => {
                let before = core::mem::replace(stored, Stored { value, expires });
                self.expiry.cancel(before.expires);
                self.expiry.plan(expires, &key);
                Some(before.value)
            }
            None => {
                self.expiry.plan(expires, &key);
                self.entries.insert(key, Stored { value, expires });
                None
            }
        }
    }

    fn remove(&mut self, key: &str) -> Option<String> {
        let stored = self.entries.remove(key)?;
        self.expiry.cancel(stored.expires);
        Some(stored.value)
    }

    fn of(entries: BTreeMap<String, Stored>) -> Self {
        Self { expiry: Expiry::of(entries.iter().map(|(key, stored)| (key, stored.expires))), entries }
    }
}

impl StateMachine for KeyValue {
    fn apply(&mut self, index: LogIndex, log_time: Wall, command: &[u8]) -> Bytes {
        self.advance(log_time);
        let answer = match Operation::decode(command) {
            Some(Operation::Set { key, value }) => Answer::Value(self.put(key, value, None)),
            Some(Operation::Get { key }) => Answer::Value(self.get(&key).map(str::to_owned)),
            Some(Operation::Delete { key }) => Answer::Value(self.remove(&key)),
            // What lives for no time at all is gone once it is there.
            Some(Operation::SetFor { key, ttl: Span(0), .. }) => Answer::Value(self.remove(&key)),
            Some(Operation::SetFor { key, value, ttl }) => {
                Answer::Value(self.put(key, value, Some(Due { at: log_time + ttl, by: index })))
            }
            None => Answer::Malformed,
        };
        answer.encode()
    }

    fn digest(&self) -> Digest {
        let mut chain = crate::digest::Chain::new();
        self.entries.hash(&mut chain);
        Digest(chain.finish())
    }

    fn snapshot(&self) -> Bytes {
        postcard::to_allocvec(&self.entries).expect("strings always encode").into()
    }

    /// Read as a list: keys that are known to rise become a tree without a search for each one's place.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), NotAState> {
        let entries: Vec<(String, Stored)> = read_state(bytes)?;
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(NotAState);
        }
        *self = Self::of(BTreeMap::from_iter(entries));
        Ok(())
    }

    fn advance(&mut self, log_time: Wall) {
        while let Some(key) = self.expiry.take(log_time) {
            self.entries.remove(&key);
        }
    }

    fn next_expiry(&self) -> Option<Wall> {
        self.expiry.next()
    }

    fn query(&self, command: &[u8]) -> Bytes {
        let answer = match Operation::decode(command) {
            Some(Operation::Get { key }) => Answer::Value(self.get(&key).map(str::to_owned)),
            Some(Operation::Set { .. } | Operation::SetFor { .. } | Operation::Delete { .. }) | None => {
                Answer::Malformed
            }
        };
        answer.encode()
    }

    fn look(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn ranges(command: &[u8]) -> Tags {
        Operation::decode(command).iter().map(|operation| range_of(operation.key())).collect()
    }

    fn project(&self, ranges: &[u64]) -> Self {
        let wanted = self.entries.iter().filter(|(key, _)| ranges.contains(&range_of(key)));
        let mut entries = BTreeMap::new();
        wanted.for_each(|(key, stored)| drop(entries.insert(key.clone(), stored.clone())));
        Self::of(entries)
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

    fn set_for(value: &str, ttl: u64) -> Bytes {
        Operation::SetFor { key: "x".into(), value: value.into(), ttl: Span(ttl) }.encode()
    }

    #[test]
    fn a_key_lives_until_its_log_time_has_passed_and_not_longer() {
        let mut store = KeyValue::default();
        store.apply(LogIndex(1), Wall(100), &set_for("1", 50));
        assert_eq!(store.next_expiry(), Some(Wall(150)));
        store.advance(Wall(149));
        assert_eq!(store.get("x"), Some("1"));
        let before = store.digest();
        store.advance(Wall(150));
        assert_eq!((store.get("x"), store.next_expiry()), (None, None));
        assert_ne!(store.digest(), before, "expiry is part of the state");
    }

    #[test]
    fn a_command_does_not_meet_what_expired_before_it() {
        let mut store = KeyValue::default();
        store.apply(LogIndex(1), Wall(100), &set_for("1", 50));
        let get = Operation::Get { key: "x".into() }.encode();
        assert_eq!(Answer::decode(&store.apply(LogIndex(2), Wall(150), &get)), Some(Answer::Value(None)));
    }

    #[test]
    fn a_later_set_takes_the_time_to_live_away() {
        let mut store = KeyValue::default();
        store.apply(LogIndex(1), Wall(100), &set_for("1", 50));
        store.apply(LogIndex(2), Wall(120), &Operation::Set { key: "x".into(), value: "2".into() }.encode());
        store.advance(Wall(9_999));
        assert_eq!(store.get("x"), Some("2"));
        store.apply(LogIndex(3), Wall(10_000), &set_for("3", 0));
        assert_eq!(store.get("x"), None);
    }

    #[test]
    fn a_query_answers_a_get_and_nothing_that_changes() {
        let mut store = KeyValue::default();
        store.apply(LogIndex(1), Wall(100), &set_for("1", 50));
        let get = Operation::Get { key: "x".into() }.encode();
        assert_eq!(Answer::decode(&store.query(&get)), Some(Answer::Value(Some("1".into()))));
        assert_eq!(Answer::decode(&store.query(&set_for("2", 9))), Some(Answer::Malformed));
    }

    #[test]
    fn a_restored_store_is_the_store_and_its_bytes_depend_on_the_state_alone() {
        let (mut forth, mut back) = (KeyValue::default(), KeyValue::default());
        let set = |key: u32| Operation::Set { key: format!("k{key}"), value: format!("v{key}") };
        (0..50).for_each(|key| drop(apply(&mut forth, &set(key))));
        (0..50).rev().for_each(|key| drop(apply(&mut back, &set(key))));
        assert_eq!(forth.snapshot(), back.snapshot());
        let mut restored = KeyValue::default();
        assert_eq!(restored.restore(&forth.snapshot()), Ok(()));
        assert_eq!((restored.digest(), &restored), (forth.digest(), &forth));
    }

    #[test]
    fn bytes_that_are_no_state_change_nothing() {
        let mut store = KeyValue::default();
        apply(&mut store, &Operation::Set { key: "x".into(), value: "1".into() });
        let before = store.clone();
        assert_eq!(store.restore(&[9, 9, 9]), Err(NotAState));
        let stored = || Stored { value: "1".into(), expires: None };
        for keys in [["y", "x"], ["x", "x"]] {
            let bytes = postcard::to_allocvec(&keys.map(|key| (key, stored())).to_vec()).unwrap();
            assert_eq!(store.restore(&bytes), Err(NotAState), "a state has one form: its keys rise");
        }
        assert_eq!(store, before);
    }

    #[test]
    fn a_read_beside_the_log_sees_the_value_and_changes_nothing() {
        let mut store = KeyValue::default();
        let set = Operation::Set { key: "x".into(), value: "1".into() };
        apply(&mut store, &set);
        let before = store.clone();
        let read = |query: &Operation| Answer::decode(&before.query(&query.encode())).expect("an answer");
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
