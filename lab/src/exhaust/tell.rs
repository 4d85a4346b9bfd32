//! How does a counterexample read?
//!
//! One line a step: what happens to which node, what it becomes, and what it
//! sends. An entry is written as its term, with the number of its command behind
//! it (`t2#1`); without one it is a no-op.

use std::fmt::Write as _;

use quorumscope_core::entry::Entry;
use quorumscope_core::protocol::Protocol as _;
use quorumscope_core::raft::{AppendOutcome, Message};
use quorumscope_core::record::Role;
use quorumscope_core::types::NodeId;

use super::cluster::Model;
use super::local::{Brief, Happening, Local};
use super::moves::Move;

/// One step between two worlds.
pub(super) fn step(model: &Model, before: &[u32], taken: Move, after: &[u32]) -> String {
    let mut text = happens(model, before, taken);
    let node = usize::from(taken.node);
    let (was, is) = (model.local(before[node]), model.local(after[node]));
    change(was, is, &mut text);
    let mut told: Vec<(u32, bool, Vec<u8>)> = Vec::new();
    for (to, message) in model.sent(before[node], taken.act) {
        let arrived = after[model.link(node, usize::from(to))].contains(&message);
        match told.iter_mut().find(|(known, fate, _)| (*known, *fate) == (message, arrived)) {
            Some((_, _, receivers)) => receivers.push(to),
            None => told.push((message, arrived, vec![to])),
        }
    }
    for (message, arrived, to) in told {
        let names: Vec<String> = to.iter().map(|to| format!("n{}", to + 1)).collect();
        let fate = if arrived { "" } else { ", where it is lost" };
        say(&mut text, model, "sends", message, &format!("to {}{fate}", names.join(" and ")));
    }
    for to in (0..usize::from(model.bounds.nodes)).filter(|to| *to != node) {
        let link = model.link(node, to);
        for message in before[link.clone()].iter().filter(|message| !after[link.clone()].contains(message)) {
            say(&mut text, model, "its", *message, &format!("on the way to n{} is lost", to + 1));
        }
    }
    text
}

/// The step that breaks a property.
pub(super) fn last(model: &Model, before: &[u32], taken: Move) -> String {
    let mut text = happens(model, before, taken);
    if let Some(is) = model.reached(before[usize::from(taken.node)], taken.act) {
        change(model.local(before[usize::from(taken.node)]), is, &mut text);
    }
    text
}

fn say(text: &mut String, model: &Model, verb: &str, message: u32, rest: &str) {
    if let Some(message) = model.message(message) {
        // Writing to a string cannot fail.
        let _ = write!(text, "; {verb} {} {rest}", describe(message));
    }
}

fn happens(model: &Model, before: &[u32], taken: Move) -> String {
    let text = happens_first(model, before, taken);
    match taken.act.cut_after() {
        None => text,
        Some(0) => format!("{text}, and it crashes before its disk has written that down"),
        Some(kept) => format!("{text}, and it crashes with {kept} of its writes on the disk"),
    }
}

fn happens_first(model: &Model, before: &[u32], taken: Move) -> String {
    let id = NodeId(u32::from(taken.node) + 1);
    let pending = model.local(before[usize::from(taken.node)]).pending();
    match model.happening(taken.act) {
        Happening::TimesOut => format!("{id}: its timer fires"),
        Happening::Command(number) => format!("{id}: command {number} arrives"),
        Happening::Syncs => format!("{id}: its disk finishes a write"),
        Happening::Crashes { .. } if pending == 0 => format!("{id}: crashes and starts again"),
        Happening::Crashes { kept } => {
            format!("{id}: crashes with {kept} of {pending} unfinished writes on its disk, and starts again")
        }
        Happening::LosesStore => format!("{id}: crashes, its store is lost, and it starts again"),
        Happening::Receives { from, message } => format!("{id}: gets {} of {from}", describe(&message)),
    }
}

/// What of a node is different now.
fn change(was: &Local, is: &Local, text: &mut String) {
    let (before, now) = (was.raft.status(), is.raft.status());
    if (before.role, before.term) != (now.role, now.term) {
        let _ = write!(text, "; {} in {}", role(now.role), now.term);
    }
    if let Some(vote) = now.voted_for.filter(|_| (before.voted_for, before.term) != (now.voted_for, now.term)) {
        let _ = write!(text, "; votes for {vote}");
    }
    if was.log() != is.log() {
        let _ = write!(text, "; log [{}]", entries(is.raft.log().iter()));
    }
    if was.image.log != is.image.log {
        let _ = write!(text, "; on disk [{}]", entries(is.image.log.iter()));
    }
    if before.commit < now.commit {
        let _ = write!(text, "; commit index {}", now.commit);
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
        Role::Learner => "without a vote",
        Role::Observer => "observer",
        Role::Edge => "edge",
    }
}

fn entries<'a>(list: impl Iterator<Item = &'a std::sync::Arc<Entry>>) -> String {
    let words: Vec<String> = list.map(|entry| brief(Brief::of(entry))).collect();
    words.join(" ")
}

fn brief(entry: Brief) -> String {
    let Brief { term, command } = entry;
    if command == 0 { format!("t{term}") } else { format!("t{term}#{command}") }
}

fn describe(message: &Message) -> String {
    match message {
        Message::RequestVote(request) => {
            let (index, last) = (request.last_log_index, request.last_log_term);
            format!("RequestVote({}, log ends at {index} with {last})", request.term)
        }
        Message::RequestVoteReply(reply) => {
            let answer = if reply.vote_granted { "yes" } else { "no" };
            format!("RequestVoteReply({}, {answer})", reply.term)
        }
        Message::AppendEntries(append) => format!(
            "AppendEntries({}, [{}] after {} with {}, commit {})",
            append.term,
            entries(append.entries.iter()),
            append.prev_log_index,
            append.prev_log_term,
            append.leader_commit
        ),
        Message::AppendEntriesReply(reply) => {
            let outcome = match &reply.outcome {
                AppendOutcome::Matched(index) => format!("matches up to {index}"),
                AppendOutcome::Conflict { refused, .. } => format!("differs at {refused}"),
                AppendOutcome::StaleTerm => "an old term".to_owned(),
                AppendOutcome::OtherSubscription => "holds another part".to_owned(),
            };
            format!("AppendEntriesReply({}, {outcome})", reply.term)
        }
        Message::PreVote(_)
        | Message::PreVoteReply(_)
        | Message::InstallSnapshot(_)
        | Message::InstallSnapshotReply(_)
        | Message::ReadIndex(_)
        | Message::ReadIndexReply(_)
        | Message::FeedEdge(_)
        | Message::Relay(_)
        | Message::Relayed(_)
        | Message::TimeoutNow(_) => format!("{message:?}"),
    }
}
