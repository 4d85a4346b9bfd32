//! What does a room remember, and what does each observer get of it?
//!
//! One ring of encoded records for all observers; each observer is a cursor in
//! it. So the memory of a room is bounded however many observe it, and a slow
//! observer costs nothing but its own connection: once it lags too far, its
//! backlog is dropped and it starts over behind a gap.
//!
//! A record means little without what went before. The relay therefore asks all
//! nodes for their state in *rounds*; the position where a round was asked for
//! is a *point* from which the stream can be read once all have answered. A
//! late joiner starts at the oldest point in the ring, a slow observer at the
//! newest.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use quorumscope_core::types::{Span, Time};
use quorumscope_core::wire::{Batch, Role};

use crate::limits::ROUND_WITHIN;

/// Records that a room remembers: about a minute of three idle nodes.
const MAX_RECORDS: usize = 32_768;

/// Bytes that a room remembers: several states of nodes with full logs fit.
const MAX_BYTES: usize = 48 << 20;

/// An observer that lags further than this starts over: it could not catch up soon.
const MAX_LAG: u64 = 8_192;

/// Clocks that differ by less than this are taken for one: the stream's time does not step back by less.
const CLOCKS_DIFFER: Span = Span::from_secs(1);

/// The records of a room.
#[derive(Debug)]
pub(crate) struct Stream {
    records: VecDeque<(Time, Bytes)>,
    bytes: usize,
    /// Position of the first remembered record.
    first: u64,
    /// Positions that the stream can be read from, oldest first. Position 0 is one: nothing went before.
    points: VecDeque<u64>,
    round: Option<Round>,
    rounds: u64,
    /// Position where the last round began.
    last_round: u64,
}

/// A request for the state of all.
#[derive(Debug)]
struct Round {
    number: u64,
    position: u64,
    since: Instant,
    missing: BTreeSet<Role>,
}

/// Where one observer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// Has just joined.
    New,
    /// Next reads this position.
    At(u64),
    /// Waits for a point after this position, to start over there.
    StartsOver {
        /// Where it stopped reading.
        from: u64,
        /// Points before this one do not help.
        after: u64,
    },
}

/// What an observer gets next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing new.
    Nothing,
    /// The state of all is needed first.
    NeedsRound,
    /// From here on; where records are missing before that, how many.
    Start {
        /// Global time of the first record.
        at: Time,
        /// Records that the observer does not get.
        missing: u64,
    },
    /// These.
    Records(Batch),
}

impl Stream {
    /// The stream of a new room.
    pub(crate) fn new() -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            first: 0,
            points: VecDeque::from([0]),
            round: None,
            rounds: 0,
            last_round: 0,
        }
    }

    /// The time that a record of `at` has in the stream. Members publish side by side, each by its own clock, so
    /// times that hardly differ come out of order; whoever looks a time up needs them in order.
    pub(crate) fn time_of(&self, at: Time) -> Time {
        let last = self.records.back().map_or(at, |(last, _)| *last);
        if last - at < CLOCKS_DIFFER { at.max(last) } else { at }
    }

    /// Appends a record; the oldest go where the ring is full.
    pub(crate) fn push(&mut self, at: Time, record: Bytes) {
        self.bytes += record.len();
        self.records.push_back((at, record));
        while self.records.len() > MAX_RECORDS || self.bytes > MAX_BYTES {
            let Some((_, oldest)) = self.records.pop_front() else { break };
            self.bytes -= oldest.len();
            self.first += 1;
        }
        while self.points.front().is_some_and(|point| *point < self.first) {
            self.points.pop_front();
        }
    }

    fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// Whether the newest point gets old, and no round is under way.
    pub(crate) fn wants_round(&self) -> bool {
        let half = MAX_RECORDS as u64 / 2;
        let heavy = self.bytes > MAX_BYTES / 2 && self.points.back().is_none_or(|point| *point <= self.first);
        self.round.is_none() && (self.end() - self.last_round > half || (heavy && self.end() > self.last_round))
    }

    /// Begins a round among these, where none is under way. Returns its number.
    pub(crate) fn begin_round(&mut self, members: BTreeSet<Role>, now: Instant) -> Option<u64> {
        if self.round.is_some() {
            return None;
        }
        self.rounds += 1;
        self.last_round = self.end();
        self.round = Some(Round { number: self.rounds, position: self.end(), since: now, missing: members });
        self.settle_round(now);
        Some(self.rounds)
    }

    /// A member has answered this round: its state is in the stream.
    pub(crate) fn answered(&mut self, member: Role, number: u64, now: Instant) {
        if let Some(round) = &mut self.round
            && round.number == number
        {
            round.missing.remove(&member);
        }
        self.settle_round(now);
    }

    /// A member is gone and will not answer.
    pub(crate) fn left(&mut self, member: Role, now: Instant) {
        if let Some(round) = &mut self.round {
            round.missing.remove(&member);
        }
        self.settle_round(now);
    }

    /// Ends the round once all have answered, or have had their time.
    fn settle_round(&mut self, now: Instant) {
        if let Some(round) = &self.round
            && (round.missing.is_empty() || now.saturating_duration_since(round.since) > ROUND_WITHIN)
        {
            if round.position >= self.first {
                self.points.push_back(round.position);
            }
            self.round = None;
        }
    }

    /// What an observer gets next; moves its cursor.
    pub(crate) fn next(&mut self, cursor: &mut Cursor, now: Instant) -> Next {
        self.settle_round(now);
        match *cursor {
            Cursor::New => match self.points.front().copied() {
                Some(point) => self.start(cursor, 0, point),
                None => Next::NeedsRound,
            },
            Cursor::StartsOver { from, after } => match self.points.back().copied() {
                Some(point) if point >= after => self.start(cursor, from, point),
                Some(_) | None => Next::NeedsRound,
            },
            Cursor::At(position) if position < self.first || self.end() - position > MAX_LAG => {
                // A point that is itself far behind would only lead here again.
                let after = self.end().saturating_sub(MAX_LAG / 2).max(position + 1);
                *cursor = Cursor::StartsOver { from: position, after };
                self.next(cursor, now)
            }
            Cursor::At(position) => self.read(cursor, position),
        }
    }

    /// Makes the observer start over at a state that is asked for now.
    pub(crate) fn start_over(&self, cursor: &mut Cursor) {
        if let Cursor::At(from) = *cursor {
            *cursor = Cursor::StartsOver { from, after: self.end() };
        }
    }

    fn start(&self, cursor: &mut Cursor, from: u64, point: u64) -> Next {
        *cursor = Cursor::At(point);
        let at = self.record_at(point).or_else(|| self.records.back()).map_or(Time(0), |(at, _)| *at);
        Next::Start { at, missing: point.saturating_sub(from) }
    }

    fn record_at(&self, position: u64) -> Option<&(Time, Bytes)> {
        self.records.get(usize::try_from(position.checked_sub(self.first)?).ok()?)
    }

    fn read(&self, cursor: &mut Cursor, from: u64) -> Next {
        let mut batch = Batch::default();
        let mut position = from;
        while let Some((_, record)) = self.record_at(position) {
            if !batch.push(record) {
                if batch.is_empty() {
                    // Larger than any frame: it came in a frame of that size beside other fields.
                    position += 1;
                }
                break;
            }
            position += 1;
        }
        *cursor = Cursor::At(position);
        if batch.is_empty() { Next::Nothing } else { Next::Records(batch) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::record::{Body, Record};
    use quorumscope_core::types::{Mono, NodeId, RecordId};
    use quorumscope_core::wire::Frame;
    use std::time::Duration;

    fn push(stream: &mut Stream, count: u64) {
        for _ in 0..count {
            let at = Time(stream.end());
            let id = RecordId { origin: NodeId(1), sequence: stream.end() + 1 };
            let body = Body::DeadlineReached;
            let record = Record { id, cause: None, at, node: Some(NodeId(1)), mono: Mono(0), body };
            stream.push(at, Batch::encode(&record));
        }
    }

    fn sequences(next: Next) -> Vec<u64> {
        let Next::Records(batch) = next else { panic!("records, not {next:?}") };
        let Ok(Frame::Records(records)) = Frame::decode(&batch.finish(Time(0))) else { panic!("a batch") };
        records.records.iter().map(|record| record.id.sequence).collect()
    }

    fn members() -> BTreeSet<Role> {
        BTreeSet::from([Role::Node(NodeId(1)), Role::Host])
    }

    #[test]
    fn an_early_joiner_gets_everything_once() {
        let (mut stream, now) = (Stream::new(), Instant::now());
        let mut cursor = Cursor::New;
        push(&mut stream, 2);
        assert!(matches!(stream.next(&mut cursor, now), Next::Start { missing: 0, .. }));
        assert_eq!(sequences(stream.next(&mut cursor, now)), [1, 2]);
        assert!(matches!(stream.next(&mut cursor, now), Next::Nothing));
        push(&mut stream, 1);
        assert_eq!(sequences(stream.next(&mut cursor, now)), [3]);
    }

    #[test]
    fn times_that_hardly_differ_come_in_order() {
        let mut stream = Stream::new();
        stream.push(Time(5_000_000), Bytes::new());
        assert_eq!(stream.time_of(Time(4_999_000)), Time(5_000_000));
        assert_eq!(stream.time_of(Time(5_000_001)), Time(5_000_001));
        assert_eq!(stream.time_of(Time(3_000_000)), Time(3_000_000), "another machine's clock is not hidden");
    }

    #[test]
    fn a_full_ring_forgets_the_oldest_and_asks_for_states_in_time() {
        let (mut stream, now) = (Stream::new(), Instant::now());
        push(&mut stream, MAX_RECORDS as u64 / 2 + 1);
        assert!(stream.wants_round());
        let number = stream.begin_round(members(), now).expect("none is under way");
        assert!(!stream.wants_round());
        stream.answered(Role::Host, number, now);
        stream.answered(Role::Node(NodeId(1)), number, now);
        push(&mut stream, MAX_RECORDS as u64 - 1);
        assert_eq!(stream.records.len(), MAX_RECORDS);
        let mut late = Cursor::New;
        let Next::Start { missing, .. } = stream.next(&mut late, now) else { panic!("a point is left") };
        assert_eq!(missing, MAX_RECORDS as u64 / 2 + 1);
    }

    #[test]
    fn a_slow_observer_starts_over_at_the_next_state() {
        let (mut stream, now) = (Stream::new(), Instant::now());
        let mut slow = Cursor::At(0);
        push(&mut stream, MAX_LAG + 5);
        assert!(matches!(stream.next(&mut slow, now), Next::NeedsRound));
        let number = stream.begin_round(members(), now).expect("none is under way");
        stream.answered(Role::Host, number, now);
        assert!(matches!(stream.next(&mut slow, now), Next::NeedsRound), "one has not answered");
        push(&mut stream, 1);
        stream.left(Role::Node(NodeId(1)), now);
        assert!(matches!(stream.next(&mut slow, now), Next::Start { missing, .. } if missing == MAX_LAG + 5));
        assert_eq!(sequences(stream.next(&mut slow, now)), [MAX_LAG + 6]);
    }

    #[test]
    fn an_observer_that_reads_is_never_sent_back() {
        let (mut stream, now) = (Stream::new(), Instant::now());
        let mut cursor = Cursor::At(0);
        for _ in 0..10 {
            push(&mut stream, MAX_LAG);
            assert_eq!(sequences(stream.next(&mut cursor, now)).len() as u64, MAX_LAG);
        }
    }

    #[test]
    fn a_member_that_never_answers_holds_nobody_up() {
        let (mut stream, now) = (Stream::new(), Instant::now());
        let mut slow = Cursor::At(0);
        push(&mut stream, MAX_LAG + 1);
        assert!(matches!(stream.next(&mut slow, now), Next::NeedsRound));
        stream.begin_round(members(), now);
        let later = now + ROUND_WITHIN + Duration::from_millis(1);
        assert!(matches!(stream.next(&mut slow, later), Next::Start { .. }));
    }
}
