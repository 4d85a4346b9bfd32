//! How do many workers move cases along without doing a step twice?
//!
//! A case has a state, policies, overlays and further facts, and a version that
//! rises by one with each change. A change names the version that it makes, so
//! that it can be sent any number of times by anybody: the same change of the
//! same version is done once, another change of a version that is made already
//! is refused. Sessions protect one client's retries; versions protect a case
//! from two workers that do the same work.
//!
//! Cases are never removed here, and no order of states is prescribed: which
//! state may follow which is the workers' business.

use core::fmt;
use core::str::FromStr;
use std::hash::{Hash as _, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::any::MachineKind;
use super::kv::Answer;
use super::look::Look;
use super::table::Table;
use super::{NotAState, Refusal, StateMachine, is_word, range_of, read_state};
use crate::entry::Tags;
use crate::types::{Digest, LogIndex, Wall};

/// The first byte of every command: tells it from those of other machines in the same log.
pub const MARK: u8 = 0x57;

/// Changes of a case that are remembered, so that a late copy is recognized; an older one is refused.
pub const REMEMBERED: usize = 64;

/// One change of one case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Command {
    /// Which case.
    pub case: String,
    /// The version that the change makes; 1 creates the case.
    pub version: u64,
    /// What changes.
    pub change: Change,
}

/// What changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// The case begins, in this state.
    Create(String),
    /// It comes into this state.
    Update(String),
    /// This policy holds from now on.
    Policy(String),
    /// This overlay is deployed.
    Overlay(String),
    /// A fact under a name of its own.
    Custom(String, String),
}

/// A text that is no command of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write \"create case c1 open\", \"update case c1 v2 done\", \"apply policy c1 v3 strict\", \
     \"deploy overlay c1 v4 eu\", \"custom c1 v5 owner ann\" or \"get c1\""
)]
pub struct NotACommand;

/// A case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Case {
    version: u64,
    state: String,
    policies: Vec<String>,
    overlays: Vec<String>,
    facts: Table<String>,
    /// Digests of the latest changes, the last one made the present version.
    changes: Vec<u64>,
}

/// All cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Workflow {
    cases: Table<Case>,
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
        let (one, two) = command.change.words();
        (is_word(&command.case) && is_word(one) && two.is_none_or(is_word)).then_some(command)
    }

    /// Short text for a log cell.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} v{}", self.case, self.version)
    }

    fn digest(&self) -> u64 {
        let mut chain = crate::digest::Chain::new();
        self.change.hash(&mut chain);
        chain.finish()
    }
}

impl Change {
    fn words(&self) -> (&str, Option<&str>) {
        match self {
            Self::Create(word) | Self::Update(word) | Self::Policy(word) | Self::Overlay(word) => (word, None),
            Self::Custom(name, value) => (name, Some(value)),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, version, change } = self;
        let verb = match change {
            Change::Create(state) if *version == 1 => return write!(f, "create case {case} {state}"),
            Change::Create(_) => "create case",
            Change::Update(_) => "update case",
            Change::Policy(_) => "apply policy",
            Change::Overlay(_) => "deploy overlay",
            Change::Custom(..) => "custom",
        };
        let (one, two) = change.words();
        write!(f, "{verb} {case} v{version} {one}")?;
        two.map_or(Ok(()), |two| write!(f, " {two}"))
    }
}

impl FromStr for Command {
    type Err = NotACommand;

    fn from_str(text: &str) -> Result<Self, NotACommand> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let own = |word: &&str| String::from(*word);
        let (case, version, change) = match words.as_slice() {
            ["create", "case", case, state] => (case, &"v1", Change::Create(own(state))),
            ["create", "case", case, version, state] => (case, version, Change::Create(own(state))),
            ["update", "case", case, version, state] => (case, version, Change::Update(own(state))),
            ["apply", "policy", case, version, policy] => (case, version, Change::Policy(own(policy))),
            ["deploy", "overlay", case, version, overlay] => (case, version, Change::Overlay(own(overlay))),
            ["custom", case, version, name, value] => (case, version, Change::Custom(own(name), own(value))),
            _ => return Err(NotACommand),
        };
        let version = version.strip_prefix('v').and_then(|number| number.parse().ok()).ok_or(NotACommand)?;
        Ok(Self { case: own(case), version, change })
    }
}

impl Case {
    /// What it answers about itself.
    fn text(&self) -> String {
        format!("{} v{}", self.state, self.version)
    }

    fn change(&mut self, command: &Command, digest: u64) {
        let add = |list: &mut Vec<String>, word: &String| {
            if let Err(at) = list.binary_search(word) {
                list.insert(at, word.clone());
            }
        };
        match &command.change {
            Change::Create(state) | Change::Update(state) => self.state.clone_from(state),
            Change::Policy(policy) => add(&mut self.policies, policy),
            Change::Overlay(overlay) => add(&mut self.overlays, overlay),
            Change::Custom(name, value) => self.facts.insert(name.clone(), value.clone()),
        }
        self.version = command.version;
        if self.changes.len() == REMEMBERED {
            self.changes.remove(0);
        }
        self.changes.push(digest);
    }

    /// Whether this very change made its version.
    fn knows(&self, command: &Command, digest: u64) -> bool {
        let back = self.version.checked_sub(command.version).and_then(|back| usize::try_from(back).ok());
        back.is_some_and(|back| self.changes.iter().rev().nth(back) == Some(&digest))
    }
}

impl Workflow {
    /// All names under which something stands, case by case.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (name, case) in self.cases.iter() {
            names.push(name.clone());
            let lists = [("policies", &case.policies), ("overlays", &case.overlays)];
            names.extend(
                lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(part, _)| format!("{name}/{part}")),
            );
            names.extend(case.facts.iter().map(|(fact, _)| format!("{name}/{fact}")));
        }
        names
    }

    fn execute(&mut self, command: &Command) -> Answer {
        let digest = command.digest();
        let creates = matches!(command.change, Change::Create(_));
        let Some(case) = self.cases.get_mut(&command.case) else {
            if !creates || command.version != 1 {
                return Answer::Refused(Refusal::Unknown);
            }
            let mut case = Case::default();
            case.change(command, digest);
            let text = case.text();
            self.cases.insert(command.case.clone(), case);
            return Answer::Value(Some(text));
        };
        if case.knows(command, digest) {
            return Answer::Value(Some(case.text()));
        }
        if creates {
            return Answer::Refused(Refusal::Taken);
        }
        if case.version.checked_add(1) != Some(command.version) {
            return Answer::Refused(Refusal::Version(case.version));
        }
        case.change(command, digest);
        Answer::Value(Some(case.text()))
    }
}

impl StateMachine for Workflow {
    fn apply(&mut self, _index: LogIndex, _log_time: Wall, command: &[u8]) -> Bytes {
        match Command::decode(command) {
            Some(command) => self.execute(&command).encode(),
            None => self.query(command),
        }
    }

    fn digest(&self) -> Digest {
        let mut chain = crate::digest::Chain::new();
        self.hash(&mut chain);
        Digest(chain.finish())
    }

    fn snapshot(&self) -> Bytes {
        postcard::to_allocvec(&self.cases).expect("strings always encode").into()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), NotAState> {
        let cases: Table<Case> = read_state(bytes)?;
        let sound = |case: &Case| case.facts.is_sorted() && case.changes.len() <= REMEMBERED;
        if !cases.is_sorted() || !cases.iter().all(|(_, case)| sound(case)) {
            return Err(NotAState);
        }
        self.cases = cases;
        Ok(())
    }

    /// Cases do not expire.
    fn advance(&mut self, _log_time: Wall) {}

    fn next_expiry(&self) -> Option<Wall> {
        None
    }

    fn query(&self, question: &[u8]) -> Bytes {
        let look = Look::decode(question).filter(|look| look.machine() == MachineKind::Workflow);
        look.map_or(Answer::Malformed, |look| Answer::Value(self.look(look.name()))).encode()
    }

    /// `c1` answers state and version, `c1/policies` and `c1/overlays` lists, `c1/owner` a fact.
    fn look(&self, name: &str) -> Option<String> {
        let (case, part) = name.split_once('/').unwrap_or((name, ""));
        let case = self.cases.get(case)?;
        match part {
            "" => Some(case.text()),
            "policies" => Some(case.policies.join(", ")),
            "overlays" => Some(case.overlays.join(", ")),
            fact => case.facts.get(fact).cloned(),
        }
    }

    fn ranges(command: &[u8]) -> Tags {
        let asked = || Look::decode(command).map(|look| range_of(look.name()));
        Command::decode(command).map(|command| range_of(&command.case)).or_else(asked).into_iter().collect()
    }

    fn project(&self, ranges: &[u64]) -> Self {
        let mut cases = Table::default();
        let wanted = self.cases.iter().filter(|(case, _)| ranges.contains(&range_of(case)));
        wanted.for_each(|(name, case)| cases.insert(name.clone(), case.clone()));
        Self { cases }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(machine: &mut Workflow, text: &str) -> Answer {
        let command: Command = text.parse().expect("a command");
        Answer::decode(&machine.apply(LogIndex(1), Wall(0), &command.encode())).expect("an answer")
    }

    fn value(text: &str) -> Answer {
        Answer::Value(Some(text.into()))
    }

    #[test]
    fn a_case_moves_on_by_one_version_at_a_time() {
        let mut machine = Workflow::default();
        assert_eq!(say(&mut machine, "update case c1 v1 open"), Answer::Refused(Refusal::Unknown));
        assert_eq!(say(&mut machine, "create case c1 open"), value("open v1"));
        assert_eq!(say(&mut machine, "update case c1 v3 done"), Answer::Refused(Refusal::Version(1)));
        assert_eq!(say(&mut machine, "update case c1 v2 done"), value("done v2"));
        assert_eq!(say(&mut machine, "apply policy c1 v3 strict"), value("done v3"));
        assert_eq!(say(&mut machine, "deploy overlay c1 v4 eu"), value("done v4"));
        assert_eq!(say(&mut machine, "custom c1 v5 owner ann"), value("done v5"));
        assert_eq!(machine.look("c1").as_deref(), Some("done v5"));
        assert_eq!(machine.look("c1/policies").as_deref(), Some("strict"));
        assert_eq!(machine.look("c1/overlays").as_deref(), Some("eu"));
        assert_eq!(machine.look("c1/owner").as_deref(), Some("ann"));
        assert_eq!(machine.look("c2"), None);
    }

    #[test]
    fn the_same_change_again_is_done_and_another_one_of_its_version_refused() {
        let mut machine = Workflow::default();
        say(&mut machine, "create case c1 open");
        say(&mut machine, "update case c1 v2 done");
        let before = machine.digest();
        assert_eq!(say(&mut machine, "create case c1 open"), value("done v2"));
        assert_eq!(say(&mut machine, "update case c1 v2 done"), value("done v2"));
        assert_eq!(say(&mut machine, "update case c1 v2 lost"), Answer::Refused(Refusal::Version(2)));
        assert_eq!(say(&mut machine, "create case c1 other"), Answer::Refused(Refusal::Taken));
        assert_eq!(machine.digest(), before);
    }

    #[test]
    fn a_copy_older_than_what_is_remembered_is_refused_and_never_done_again() {
        let mut machine = Workflow::default();
        say(&mut machine, "create case c1 s1");
        for version in 2..=REMEMBERED + 1 {
            say(&mut machine, &format!("update case c1 v{version} s{version}"));
        }
        let now = REMEMBERED as u64 + 1;
        assert_eq!(say(&mut machine, "update case c1 v2 s2"), value(&format!("s{now} v{now}")));
        say(&mut machine, &format!("update case c1 v{} late", now + 1));
        assert_eq!(say(&mut machine, "update case c1 v2 s2"), Answer::Refused(Refusal::Version(now + 1)));
    }

    #[test]
    fn a_case_is_asked_for_by_name_beside_the_log_and_through_it() {
        let mut machine = Workflow::default();
        say(&mut machine, "create case c1 open");
        say(&mut machine, "custom c1 v2 owner ann");
        let before = machine.digest();
        for (name, held) in [("c1", Some("open v2")), ("c1/owner", Some("ann")), ("c1/none", None), ("c2", None)] {
            let look = Look::new(MachineKind::Workflow, name).expect("a name").encode();
            let wanted = Answer::Value(held.map(str::to_owned)).encode();
            assert_eq!(machine.query(&look), wanted, "{name}");
            assert_eq!(machine.apply(LogIndex(9), Wall(0), &look), wanted, "{name}");
            assert_eq!(Workflow::ranges(&look).iter().copied().collect::<Vec<_>>(), [range_of(name)]);
        }
        assert_eq!(machine.digest(), before);
        let elsewhere = Look::new(MachineKind::Cluster, "epoch").expect("a name").encode();
        let changes = "update case c1 v3 done".parse::<Command>().expect("a command").encode();
        for bytes in [elsewhere, changes] {
            assert_eq!(machine.query(&bytes), Answer::Malformed.encode());
        }
    }

    #[test]
    fn texts_that_are_no_commands_say_how_commands_are_written() {
        for text in ["", "create case", "update case c1 2 done", "update case c1 vx done", "drop case c1 v2 x"] {
            assert_eq!(text.parse::<Command>(), Err(NotACommand), "{text}");
        }
    }
}
