//! Sessions against a model that keeps everything in plain maps (thesis §6.3).

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::kv::{Answer, KeyValue, Operation};
use super::range_of;
use super::session::{self, Payload, SessionAnswer, Sessions};
use crate::edge::entry_for;
use crate::entry::{Entry, EntryKind, Tags};
use crate::types::{ClientId, LogIndex, RequestNumber, Span, Wall};

const IDLE_LIMIT: u64 = 100;

#[derive(Clone, Debug)]
enum Event {
    /// Client, number.
    Open(u64, u64),
    Close(u64),
    /// Client, which of its sessions (0: the last one, 1: the one before it), number, what it acknowledges. The same
    /// number comes again with the same content.
    Command(u64, usize, u64, u64),
    /// The replica starts again from a snapshot of itself.
    Restore,
    /// Log time passes by an entry that is no command.
    Tick,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1..4_u64, 0..9_u64).prop_map(|(client, number)| Event::Open(client, number)),
        1 => (1..4_u64).prop_map(Event::Close),
        12 => (1..4_u64, prop_oneof![8 => Just(0), 1 => 1..3_usize], 1..9_u64, prop_oneof![3 => Just(0), 1 => 0..9_u64])
            .prop_map(|(client, session, number, acknowledged)| Event::Command(client, session, number, acknowledged)),
        1 => Just(Event::Restore),
        1 => Just(Event::Tick),
    ]
}

#[derive(Debug)]
struct Session {
    name: LogIndex,
    acknowledged: u64,
    last_used: u64,
    results: BTreeMap<u64, Option<String>>,
}

/// What should be there.
#[derive(Debug, Default)]
struct Model {
    sessions: BTreeMap<u64, Session>,
    store: BTreeMap<String, String>,
    /// How often a number was executed in one session of a client: which session, which number.
    executed: BTreeMap<(u64, LogIndex, u64), u32>,
    /// The names of the sessions that each client has opened.
    opened: BTreeMap<u64, Vec<LogIndex>>,
}

/// The command that a client sends under a number.
fn command_of(client: u64, number: u64) -> (String, String) {
    (["a", "b"][(client + number) as usize % 2].to_owned(), format!("{client}.{number}"))
}

impl Model {
    fn expire(&mut self, now: u64) {
        self.sessions.retain(|_, session| session.last_used + IDLE_LIMIT > now);
    }

    /// The name of a client's last session, or of one before it.
    fn named(&self, client: u64, before: usize) -> LogIndex {
        let names = self.opened.get(&client).map_or(&[][..], Vec::as_slice);
        names.iter().rev().nth(before).copied().unwrap_or_default()
    }

    fn command(&mut self, now: u64, client: u64, name: LogIndex, number: u64, acknowledged: u64) -> SessionAnswer {
        let Some(session) = self.sessions.get_mut(&client).filter(|session| session.name == name) else {
            return SessionAnswer::NoSession;
        };
        session.last_used = now;
        session.acknowledged = session.acknowledged.max(acknowledged);
        let low = session.acknowledged;
        session.results.retain(|number, _| *number > low);
        let answer = |value: &Option<String>| SessionAnswer::Result(Answer::Value(value.clone()).encode());
        if let Some(result) = session.results.get(&number) {
            return answer(result);
        }
        if number <= low {
            return SessionAnswer::Forgotten;
        }
        let (key, value) = command_of(client, number);
        let before = self.store.insert(key, value);
        *self.executed.entry((client, name, number)).or_default() += 1;
        let told = answer(&before);
        session.results.insert(number, before);
        told
    }

    fn open(&mut self, now: u64, index: LogIndex, client: u64, number: u64) -> SessionAnswer {
        let opened = &mut self.opened;
        let fresh = || {
            opened.entry(client).or_default().push(index);
            let (acknowledged, results) = (number.saturating_sub(1), BTreeMap::new());
            Session { name: index, acknowledged, last_used: now, results }
        };
        let session = self.sessions.entry(client).or_insert_with(fresh);
        session.last_used = now;
        SessionAnswer::Opened(session.name)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Retries, pipelining, acknowledgements, expiry, closing, opening again and restarts from snapshots: every
    /// answer is the model's, and within one session no number is executed twice.
    #[test]
    fn a_number_is_applied_at_most_once_and_answered_alike_each_time(
        events in prop::collection::vec((prop_oneof![9 => 0..12_u64, 1 => 50..120_u64], event()), 0..80)
    ) {
        let empty = || Sessions::of(KeyValue::default()).with_idle_limit(Span(IDLE_LIMIT));
        let (mut sessions, mut model, mut now) = (empty(), Model::default(), 0);
        for (index, (passes, event)) in (1..).map(LogIndex).zip(&events) {
            now += passes;
            let mut told = |client: u64, number: u64, payload: Payload| {
                sessions.apply(index, Wall(now), ClientId(client), RequestNumber(number), &payload.encode())
            };
            match *event {
                Event::Open(client, number) => {
                    let answer = told(client, number, Payload::Open);
                    model.expire(now);
                    prop_assert_eq!(answer, model.open(now, index, client, number));
                }
                Event::Close(client) => {
                    let answer = told(client, 0, Payload::Close);
                    model.expire(now);
                    let open = model.sessions.remove(&client).is_some();
                    prop_assert_eq!(answer, if open { SessionAnswer::Closed } else { SessionAnswer::NoSession });
                }
                Event::Command(client, before, number, acknowledged) => {
                    let session = model.named(client, before);
                    let (key, value) = command_of(client, number);
                    let command = Operation::Set { key, value }.encode();
                    let low = RequestNumber(acknowledged);
                    let answer = told(client, number, Payload::Command { session, acknowledged: low, command });
                    model.expire(now);
                    let expected = model.command(now, client, session, number, acknowledged);
                    prop_assert_eq!(answer, expected, "{}", index);
                }
                Event::Restore => {
                    let mut restored = empty();
                    prop_assert_eq!(restored.restore(&sessions.snapshot()), Ok(()));
                    prop_assert_eq!(restored.digest(), sessions.digest());
                    sessions = restored;
                }
                Event::Tick => {
                    sessions.advance(Wall(now));
                    model.expire(now);
                }
            }
            for (key, value) in &model.store {
                let query = Operation::Get { key: key.clone() }.encode();
                let read = SessionAnswer::Result(Answer::Value(Some(value.clone())).encode());
                prop_assert_eq!(sessions.read(&query), read, "{}", key);
            }
        }
        prop_assert!(model.executed.values().all(|times| *times == 1), "{:?}", model.executed);
    }

    /// What an edge holds after each entry is the projection of the whole, also where clients use a number twice for
    /// different commands, and where the edge starts again from a snapshot of itself.
    #[test]
    fn an_edge_holds_the_projection_of_the_whole(
        events in prop::collection::vec((prop_oneof![9 => 0..12_u64, 1 => 50..120_u64], event(), 0..3_usize), 0..80),
        tagged in any::<bool>(),
    ) {
        let ranges = [range_of("a")];
        let empty = || Sessions::of(KeyValue::default()).with_idle_limit(Span(IDLE_LIMIT));
        let (mut whole, mut edge, mut now) = (empty(), empty().project(&ranges), 0);
        let mut opened = BTreeMap::new();
        for (index, (passes, event, key)) in (1..).map(LogIndex).zip(&events) {
            now += passes;
            let (client, number, payload) = match *event {
                Event::Open(client, number) => (client, number, Payload::Open),
                Event::Close(client) => (client, 0, Payload::Close),
                Event::Command(client, _, number, acknowledged) => {
                    let session = opened.get(&client).copied().unwrap_or_default();
                    let (key, value) = (["a", "a/1", "b"][*key].into(), format!("{index}"));
                    let command = Operation::SetFor { key, value, ttl: Span(40) }.encode();
                    (client, number, Payload::Command { session, acknowledged: RequestNumber(acknowledged), command })
                }
                Event::Restore => {
                    let mut restored = empty();
                    prop_assert_eq!(restored.restore(&edge.snapshot()), Ok(()));
                    prop_assert_eq!((restored.digest(), restored.subscription()), (edge.digest(), Some(&ranges[..])));
                    edge = restored;
                    continue;
                }
                Event::Tick => {
                    whole.advance(Wall(now));
                    edge.advance(Wall(now));
                    continue;
                }
            };
            let (client, number, payload) = (ClientId(client), RequestNumber(number), payload.encode());
            let tags = if tagged { session::ranges::<KeyValue>(&payload) } else { Tags::new() };
            let like = crate::raft::testing::entry(index.0, 1);
            let entry = Arc::new(Entry { log_time: Wall(now), client, number, tags, payload, ..like });
            if let SessionAnswer::Opened(name) = whole.apply(index, entry.log_time, client, number, &entry.payload) {
                opened.insert(client.0, name);
            }
            let fed = entry_for(&ranges, &entry);
            if fed.kind == EntryKind::Elided {
                edge.skip(index, fed.log_time, client, number, &fed.payload);
            } else {
                edge.apply(index, fed.log_time, client, number, &fed.payload);
            }
            let part = whole.project(&ranges);
            prop_assert_eq!(edge.digest(), part.digest(), "{}", index);
            prop_assert_eq!(edge.machine(), part.machine());
            let read = |key: &str| edge.read(&Operation::Get { key: key.into() }.encode());
            prop_assert_eq!(read("b"), SessionAnswer::NotHere);
            prop_assert_eq!(read("a/1"), whole.read(&Operation::Get { key: "a/1".into() }.encode()));
        }
    }
}
