//! What do observers cost a leader?
//!
//! `cargo run --release -p quorumscope-bench --bin observers`: one leader of three voters, with more and more
//! observers; the others are answers that this program writes. Only the leader's own steps are measured, so the work
//! of those who are fed does not count. Voters answer at once; observers answer at once, or only every 16 rounds, as
//! over links that are slower than the quorum's. Best of 5 samples, in nanoseconds a command.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use quorumscope_core::entry::{Class, Proposal, Tags};
use quorumscope_core::membership::{Membership, MembershipChange};
use quorumscope_core::protocol::{Effect, Effects, Input, Protocol};
use quorumscope_core::raft::{
    AllOn, AppendEntriesReply, AppendOutcome, Config, HardState, Message, Raft, RequestVoteReply,
};
use quorumscope_core::record::Role;
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{ClientId, Mono, NodeId, Now, RequestNumber, Span, Wall};

/// Observers' answers wait for so many rounds on a slow link.
const SLOW: usize = 16;
/// Commands in a sample.
const COMMANDS: usize = 65_536;
const SAMPLES: usize = 5;
const VOTERS: u32 = 3;

/// A leader, and the answers of those whom it feeds.
struct Led {
    raft: Raft,
    effects: Effects<Message, HardState>,
    inputs: VecDeque<Input<Message>>,
    late: Vec<Input<Message>>,
    now: Now,
    /// Observers answer every so many rounds.
    every: usize,
    sent_to_observers: u64,
}

impl Led {
    fn new(observers: u32, every: usize) -> Result<Self> {
        let voters: Vec<_> = (1..=VOTERS).map(NodeId).collect();
        let config = Config { max_entries_per_append: 512, ..Config::new(voters, AllOn) };
        let image = DiskImage::formatted(1, NodeId(1), Membership::of(config.voters.clone()));
        let start = Now { mono: Mono(0), wall: Wall(0) };
        let now = Now { mono: start.mono + Span::from_millis(400), ..start };
        let raft = Raft::recover(&config, NodeId(1), &image, 7, start);
        let (effects, inputs) = (Effects::new(), VecDeque::from([Input::DeadlineReached]));
        let mut led = Self { raft, effects, inputs, late: Vec::new(), now, every: 1, sent_to_observers: 0 };
        led.settle();
        if observers > 0 {
            let observe = (VOTERS + 1..=VOTERS + observers).map(NodeId).collect();
            led.inputs.push_back(Input::Reconfigure(MembershipChange { observe, ..MembershipChange::default() }));
            led.settle();
        }
        ensure!(led.raft.role() == Role::Leader, "the node leads");
        led.every = every;
        led.sent_to_observers = 0;
        Ok(led)
    }

    /// Steps the leader until nothing is left to do; returns how long its steps took.
    fn settle(&mut self) -> Duration {
        let begin = Instant::now();
        while let Some(input) = self.inputs.pop_front() {
            self.raft.step(self.now, input, &mut self.effects);
            for effect in self.effects.drain() {
                match effect {
                    Effect::Send { to, message, after: _ } => {
                        let Some(answer) = answer(message) else { continue };
                        let input = Input::Receive { from: to, message: answer };
                        let observes = to.0 > VOTERS;
                        self.sent_to_observers += u64::from(observes);
                        if observes && self.every > 1 { self.late.push(input) } else { self.inputs.push_back(input) }
                    }
                    Effect::Write(write) => self.inputs.push_back(Input::Written(write.ticket)),
                    Effect::Apply { through, .. } => {
                        self.inputs.push_back(Input::Applied { through, results: Vec::new() });
                    }
                    Effect::Answer { .. } | Effect::Read { .. } | Effect::Note(_) => {}
                    Effect::Snapshot { .. } | Effect::Restore { .. } => unreachable!("snapshots are off"),
                    Effect::Project { .. } => unreachable!("there are no edges"),
                    Effect::Broken(fact) => panic!("{fact}"),
                }
            }
        }
        begin.elapsed()
    }

    /// Nanoseconds a command, and appends to all observers a command.
    fn sample(&mut self, batch: usize) -> (f64, f64) {
        let mut taken = Duration::ZERO;
        let before = self.sent_to_observers;
        let payload = Bytes::from_static(&[7; 16]);
        for round in 0..COMMANDS / batch {
            let proposal = |number| Proposal {
                client: ClientId(1),
                number: RequestNumber(number),
                class: Class::Critical,
                tags: Tags::new(),
                payload: payload.clone(),
            };
            if round % self.every == 0 {
                self.inputs.extend(self.late.drain(..));
            }
            self.inputs.push_back(Input::Propose((1..=batch as u64).map(proposal).collect()));
            taken += self.settle();
        }
        let appends = (self.sent_to_observers - before) as f64 / COMMANDS as f64;
        (taken.as_nanos() as f64 / COMMANDS as f64, appends)
    }
}

/// What somebody answers who takes everything.
fn answer(message: Message) -> Option<Message> {
    match message {
        Message::PreVote(request) => {
            Some(Message::PreVoteReply(RequestVoteReply { term: request.term, vote_granted: true }))
        }
        Message::RequestVote(request) => {
            Some(Message::RequestVoteReply(RequestVoteReply { term: request.term, vote_granted: true }))
        }
        Message::AppendEntries(append) => {
            let last = append.entries.last().map_or(append.prev_log_index, |entry| entry.index);
            let outcome = AppendOutcome::Matched(last);
            Some(Message::AppendEntriesReply(AppendEntriesReply { term: append.term, outcome, round: append.round }))
        }
        Message::PreVoteReply(_)
        | Message::RequestVoteReply(_)
        | Message::AppendEntriesReply(_)
        | Message::InstallSnapshot(_)
        | Message::InstallSnapshotReply(_)
        | Message::ReadIndex(_)
        | Message::ReadIndexReply(_)
        | Message::FeedEdge(_)
        | Message::Relay(_)
        | Message::Relayed(_)
        | Message::TimeoutNow(_) => None,
    }
}

fn main() -> Result<()> {
    println!("a leader's nanoseconds a command of 16 bytes, three voters (and appends to observers a command)");
    println!("{:>10} {:>6} {:>20} {:>20}", "observers", "batch", "answers at once", "every 16 rounds");
    for batch in [1, 64] {
        for observers in [0, 10, 50, 200] {
            let mut line = format!("{observers:>10} {batch:>6}");
            for every in [1, SLOW] {
                let mut best = (f64::INFINITY, 0.0);
                for _ in 0..SAMPLES {
                    let found = Led::new(observers, every)?.sample(batch);
                    best = if found.0 < best.0 { found } else { best };
                }
                line += &format!(" {:>11.0} ({:>6.2})", best.0, best.1);
            }
            println!("{line}");
        }
    }
    Ok(())
}
