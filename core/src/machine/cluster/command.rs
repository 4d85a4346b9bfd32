//! What can a controller ask of a cluster, and how is it written?
//!
//! A command has three forms: the value, its bytes in a log entry, and the text
//! that people write and read. What is no word cannot be in it, so that each
//! command has a text. What becomes of it is `cluster`'s matter.

use core::fmt;
use core::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::machine::is_word;
use crate::types::Span;

/// The first byte of every command: tells it from those of other machines in the same log.
pub const MARK: u8 = 0x43;

/// What a controller wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Command {
    /// The controller's epoch.
    pub epoch: u64,
    /// What kind of thing it is about, and what happens to it.
    pub verb: Verb,
    /// The thing's name.
    pub name: String,
    /// A second name: the zone, node, agent, value, reason or evidence. Empty where there is none.
    pub word: String,
    /// A number: the capacity, amount or version. 0 where there is none.
    pub number: u64,
    /// How long an allocation lives; 0 for good.
    pub ttl: Span,
}

/// What happens to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verb {
    /// A node joins in a zone, with a capacity.
    Join,
    /// A node leaves; refused while agents run there.
    Leave,
    /// An agent starts on a node.
    Spawn,
    /// An agent ends, and what it holds is free.
    Kill,
    /// A resource of the agent's node is the agent's, so much of it.
    Allocate,
    /// It is free again.
    Free,
    /// A setting gets a value; the number is the version that this makes.
    Configure,
    /// Nothing new is placed on the node, for a reason.
    Quarantine,
    /// The quarantine is over.
    Release,
    /// A node loses an amount, for a piece of evidence; each piece counts once.
    Slash,
}

/// What a command's text looks like: verb, kind of thing, whether a word and a number follow its name.
const FORMS: [(Verb, &str, &str, bool, bool); 10] = [
    (Verb::Join, "join", "node", true, true),
    (Verb::Leave, "leave", "node", false, false),
    (Verb::Spawn, "spawn", "agent", true, false),
    (Verb::Kill, "kill", "agent", false, false),
    (Verb::Allocate, "allocate", "resource", true, true),
    (Verb::Free, "free", "resource", false, false),
    (Verb::Configure, "configure", "setting", true, true),
    (Verb::Quarantine, "quarantine", "node", true, false),
    (Verb::Release, "release", "node", false, false),
    (Verb::Slash, "slash", "node", true, true),
];

/// A text that is no command of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write \"join node n1 zone-a 8\", \"leave node n1\", \"spawn agent a1 n1\", \"kill agent a1\", \
     \"allocate resource r1 a1 3\" (and \"for 500\" milliseconds), \"free resource r1\", \
     \"configure setting size big 1\", \"quarantine node n1 reason\", \"release node n1\", \
     \"slash node n1 evidence 5\" or \"get node/n1\", after \"epoch 2\" where there is one"
)]
pub struct NotACommand;

impl Verb {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Join,
        Self::Leave,
        Self::Spawn,
        Self::Kill,
        Self::Allocate,
        Self::Free,
        Self::Configure,
        Self::Quarantine,
        Self::Release,
        Self::Slash,
    ];

    fn form(self) -> (&'static str, &'static str, bool, bool) {
        let found = FORMS.iter().find(|form| form.0 == self);
        found.map_or(("", "", false, false), |(_, verb, kind, word, number)| (verb, kind, *word, *number))
    }
}

impl Command {
    /// The command as bytes for a log entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_extend(self, vec![MARK]).expect("strings always encode").into()
    }

    /// Reads a command back; names that are no words are refused.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let command: Self = postcard::from_bytes(bytes.strip_prefix(&[MARK])?).ok()?;
        let (_, _, word, number) = command.verb.form();
        let fits = is_word(&command.name)
            && (if word { is_word(&command.word) } else { command.word.is_empty() })
            && (number || command.number == 0)
            && (command.verb == Verb::Allocate || command.ttl == Span(0));
        fits.then_some(command)
    }

    /// Short text for a log cell.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.verb.form().0, self.name)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, kind, word, number) = self.verb.form();
        if self.epoch > 0 {
            write!(f, "epoch {} ", self.epoch)?;
        }
        write!(f, "{verb} {kind} {}", self.name)?;
        if word {
            write!(f, " {}", self.word)?;
        }
        if number {
            write!(f, " {}", self.number)?;
        }
        if self.ttl > Span(0) {
            write!(f, " for {}", self.ttl.0 / 1_000)?;
        }
        Ok(())
    }
}

impl FromStr for Command {
    type Err = NotACommand;

    fn from_str(text: &str) -> Result<Self, NotACommand> {
        let mut words = text.split_whitespace();
        let mut next = || words.next().ok_or(NotACommand);
        let number = |word: &str| word.parse::<u64>().map_err(|_| NotACommand);
        let mut verb = next()?;
        let mut epoch = 0;
        if verb == "epoch" {
            epoch = number(next()?)?;
            verb = next()?;
        }
        let kind = next()?;
        let form = FORMS.iter().find(|form| form.1 == verb && form.2 == kind).ok_or(NotACommand)?;
        let name = next()?.into();
        let word = if form.3 { next()?.into() } else { String::new() };
        let amount = if form.4 { number(next()?)? } else { 0 };
        let ttl = match next() {
            Ok("for") if form.0 == Verb::Allocate => Span(number(next()?)?.checked_mul(1_000).ok_or(NotACommand)?),
            Ok(_) => return Err(NotACommand),
            Err(_) => Span(0),
        };
        if next().is_ok() {
            return Err(NotACommand);
        }
        Ok(Self { epoch, verb: form.0, name, word, number: amount, ttl })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_commands_are_refused() {
        for text in
            ["", "epoch", "epoch x join node n1 z 1", "join agent n1 z 1", "join node n1 z", "free resource r1 x"]
        {
            assert_eq!(text.parse::<Command>(), Err(NotACommand), "{text}");
        }
    }
}
