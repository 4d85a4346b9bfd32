//! How does an entry of a log look?
//!
//! A label for its cell and the whole of it in words, read from its payload as
//! far as that can be read. What became of it for its client is in `outcomes`.

use quorumscope_core::bft::epoch::change;
use quorumscope_core::entry::{Entry, EntryKind};
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::session::Payload;
use quorumscope_core::membership::Membership;

use crate::trace::words::{face as words, fill, members as members_text};

/// Longest short label of an entry, in characters: what a log cell can show.
const MAX_LABEL: usize = 10;

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryClass {
    /// A client's operation.
    Command,
    /// Opens or closes a session.
    Session,
    /// Changes the members.
    Configuration,
    /// A new leader's first entry, or one that lets log time pass.
    NoOp,
}

/// An entry as it is drawn and inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFace {
    /// What it is for.
    pub class: EntryClass,
    /// Fits a log cell: `x=1`.
    pub label: String,
    /// The whole of it in words.
    pub text: String,
}

/// An entry of a log.
#[must_use]
pub fn entry(entry: &Entry) -> EntryFace {
    match entry.kind {
        EntryKind::NoOp => {
            EntryFace { class: EntryClass::NoOp, label: words::NO_OP.into(), text: words::NO_OP_TEXT.into() }
        }
        EntryKind::Configuration => {
            let (label, text) = match Membership::decode(&entry.payload) {
                Some(members) => (
                    if members.is_joint() { words::JOINT } else { words::CONFIGURATION },
                    fill(words::MEMBERS_TEXT, &[("members", &members_text(&members))]),
                ),
                None => (words::CONFIGURATION, words::CONFIGURATION_TEXT.into()),
            };
            EntryFace { class: EntryClass::Configuration, label: label.into(), text }
        }
        EntryKind::Tick => {
            EntryFace { class: EntryClass::NoOp, label: words::TICK.into(), text: words::TICK_TEXT.into() }
        }
        EntryKind::Command => command(entry),
        EntryKind::Elided => EntryFace {
            class: EntryClass::Command,
            label: words::ELIDED.into(),
            text: fill(words::ELIDED_TEXT, &[("client", &entry.client)]),
        },
    }
}

fn command(entry: &Entry) -> EntryFace {
    let client: &dyn core::fmt::Display = &entry.client;
    let session = |label, text| EntryFace {
        class: EntryClass::Session,
        label: fill(label, &[("client", client)]),
        text: fill(text, &[("client", client)]),
    };
    let unreadable = |count: usize| EntryFace {
        class: EntryClass::Command,
        label: fill(words::BYTES, &[("count", &count)]),
        text: fill(words::BYTES_TEXT, &[("count", &count), ("client", client)]),
    };
    if change::is_marked(&entry.payload) {
        let text = fill(words::CHANGE_TEXT, &[("client", client), ("number", &entry.number)]);
        return EntryFace { class: EntryClass::Configuration, label: words::CONFIGURATION.into(), text };
    }
    match Payload::decode(&entry.payload) {
        Some(Payload::Open) => session(words::OPEN, words::OPEN_TEXT),
        Some(Payload::Close) => session(words::CLOSE, words::CLOSE_TEXT),
        Some(Payload::Command { command, .. }) => match AnyCommand::decode(&command) {
            Some(operation) => EntryFace {
                class: EntryClass::Command,
                label: shortened(&operation.label()),
                text: fill(
                    words::COMMAND_TEXT,
                    &[("operation", &operation), ("number", &entry.number), ("client", client)],
                ),
            },
            None => unreadable(command.len()),
        },
        None => unreadable(entry.payload.len()),
    }
}

/// A label that fits a log cell.
fn shortened(label: &str) -> String {
    if label.chars().count() <= MAX_LABEL {
        return label.into();
    }
    label.chars().take(MAX_LABEL - 1).chain(['…']).collect()
}
