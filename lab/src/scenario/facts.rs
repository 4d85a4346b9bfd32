//! Does a fact hold at this moment of a run?
//!
//! Facts are read from the world: nodes, disks, the oracle's commits, what
//! clients saw. When they are to hold is judged in `judge`.

use quorumscope_core::entry::Entry;
use quorumscope_core::machine::StateMachine as _;
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::session::Payload;
use quorumscope_core::record::{Fate, Verdict as Belief};
use quorumscope_core::types::{LogIndex, NodeId, Term, Time};

use super::document::{Bound, Commit, Fact, Selector, Told};
use super::properties;
use super::read_expect::{fate_name, role_name};
use super::select::{self, Bindings};
use super::units::print_instant;
use crate::check::linearizable::{self, Verdict};
use crate::check::liveness::Calm;
use crate::check::property::{LINEARIZABILITY, LIVENESS, SOMEBODY_ASKS};
use crate::sim::{NodeFace, Simulation};
use crate::trace::view::{OperationView, Violation};
use crate::trace::words;

/// How many states the search for an order of the clients' operations may visit: far more than honest runs need.
pub const LINEARIZABILITY_BUDGET: u64 = 2_000_000;

/// What a fact is judged against.
pub(super) struct Scene<'a> {
    /// The world.
    pub(super) simulation: &'a Simulation,
    /// What names mean.
    pub(super) bindings: &'a Bindings,
    /// The calm after the last fault.
    pub(super) calm: Calm,
}

/// Why a fact does not hold.
pub(super) enum Why {
    /// Something contradicts it.
    Contradiction(String),
    /// It speaks of nobody.
    Nobody(String),
}

impl From<String> for Why {
    fn from(detail: String) -> Self {
        Self::Contradiction(detail)
    }
}

impl Why {
    pub(super) fn text(self) -> String {
        match self {
            Self::Contradiction(text) | Self::Nobody(text) => text,
        }
    }
}
impl Scene<'_> {
    pub(super) fn fact(&self, fact: &Fact) -> Result<(), Why> {
        match fact {
            Fact::Leaders(count) => self.leaders(*count),
            Fact::Leader(wanted) => {
                let wanted = self.nodes(core::slice::from_ref(wanted))?;
                match select::leader(self.simulation) {
                    Some(leader) if wanted == [leader] => Ok(()),
                    found => Err(format!("{} leads", nobody(found)).into()),
                }
            }
            Fact::NotLeader(other) => {
                let other = self.nodes(core::slice::from_ref(other))?;
                match select::leader(self.simulation) {
                    Some(leader) if !other.contains(&leader) => Ok(()),
                    found => Err(format!("{} leads", nobody(found)).into()),
                }
            }
            Fact::Role(targets, role) => self.each(targets, |node, face| match face.status.role {
                found if found == *role => Ok(()),
                found => Err(format!("{node} is {}", role_name(found))),
            }),
            Fact::Term { node, is } => self.term(node, *is),
            Fact::Committed(commit) => self.committed(commit, true),
            Fact::NotCommitted(commit) => self.committed(commit, false),
            Fact::State { key, value, on } => self.each(on, |node, face| match face.machine.machine().look(key) {
                found if found == *value => Ok(()),
                Some(found) => Err(format!("on {node} {key} is \"{found}\"")),
                None => Err(format!("on {node} {key} is not set")),
            }),
            Fact::Members { at, voters, learners, observers, joint } => {
                self.members(at, voters, [learners, observers], *joint)
            }
            Fact::Agree(on) => self.agree(on),
            Fact::AppliedEqual => self.applied_equal(),
            Fact::Invariant(property) => match self.broken(property.as_deref()) {
                None => Ok(()),
                Some(detail) => Err(detail.into()),
            },
            Fact::Violation(property) => match self.broken(property.as_deref()) {
                Some(_) => Ok(()),
                None => Err("nothing of the kind was broken".to_owned().into()),
            },
            Fact::Linearizable => match linearizable::check(self.simulation.history(), LINEARIZABILITY_BUDGET) {
                Verdict::Linearizable => Ok(()),
                Verdict::NotLinearizable(detail) => Err(detail.into()),
                Verdict::Undecided => Err("undecided: the search ran out of its budget".to_owned().into()),
            },
            Fact::AllAnswered => self.all_answered(),
            Fact::Live => self.live(),
            Fact::Snapshot { node, is } => self.snapshot(node, *is),
            Fact::Convicted(culprits) => self.convicted(culprits),
            Fact::Told { operation, is } => self.told(operation, is),
            Fact::Early { operation, is } => self.early(operation, *is),
            Fact::Counted { what, is } => self.counted(what, *is),
        }
    }

    fn members(&self, at: &[Selector], voters: &[Selector], others: [&[Selector]; 2], joint: bool) -> Result<(), Why> {
        let leader = [Selector::Leader];
        let voters = self.nodes(voters)?;
        let named = |list: &[Selector]| if list.is_empty() { Ok(Vec::new()) } else { self.nodes(list) };
        let [learners, observers] = [named(others[0])?, named(others[1])?];
        self.each(if at.is_empty() { &leader } else { at }, |node, face| {
            let Some(found) = face.members else { return Err(format!("{node} is down")) };
            let lists = (&found.voters, &found.learners, &found.observers) == (&voters, &learners, &observers);
            if lists && found.is_joint() == joint {
                return Ok(());
            }
            Err(format!("at {node} the members are {}", words::members(found)))
        })
    }

    pub(super) fn nodes(&self, selectors: &[Selector]) -> Result<Vec<NodeId>, Why> {
        select::nodes(self.simulation, self.bindings, selectors, &[]).map_err(Why::Nobody)
    }

    /// The nodes named, or all live ones where none is, but for liars.
    fn meant(&self, selectors: &[Selector]) -> Result<Vec<NodeId>, Why> {
        if selectors.is_empty() {
            let honest = select::live(self.simulation).filter(|(_, face)| !face.lies);
            return Ok(honest.map(|(node, _)| node).collect());
        }
        self.nodes(selectors)
    }

    fn each(
        &self,
        selectors: &[Selector],
        check: impl Fn(NodeId, &NodeFace<'_>) -> Result<(), String>,
    ) -> Result<(), Why> {
        for node in self.meant(selectors)? {
            if let Some(face) = self.simulation.node(node) {
                check(node, &face)?;
            }
        }
        Ok(())
    }

    fn leaders(&self, count: u32) -> Result<(), Why> {
        let found = select::leaders(self.simulation);
        if found.len() as u64 == u64::from(count) {
            return Ok(());
        }
        let names: Vec<String> = found.iter().map(ToString::to_string).collect();
        let leads = if names.len() > 1 { "lead" } else { "leads" };
        let names = if names.is_empty() { "nobody".into() } else { names.join(" and ") };
        Err(format!("{names} {leads} the highest term").into())
    }

    fn snapshot(&self, targets: &[Selector], is: Bound<LogIndex>) -> Result<(), Why> {
        self.each(targets, |node, face| {
            let found = face.snapshot;
            match (is.fits(found), found) {
                (true, _) => Ok(()),
                (false, LogIndex::ZERO) => Err(format!("{node} has no snapshot")),
                (false, found) => Err(format!("the snapshot of {node} ends at index {found}")),
            }
        })
    }

    fn term(&self, targets: &[Selector], is: Bound<Term>) -> Result<(), Why> {
        let fits = |term: Term| is.fits(term);
        if targets.is_empty() {
            let highest = select::live(self.simulation).map(|(_, face)| face.status.term).max().unwrap_or_default();
            return if fits(highest) { Ok(()) } else { Err(format!("the highest term is {}", highest.0).into()) };
        }
        self.each(targets, |node, face| {
            if fits(face.status.term) { Ok(()) } else { Err(format!("{node} is in term {}", face.status.term.0)) }
        })
    }

    fn committed(&self, commit: &Commit, wanted: bool) -> Result<(), Why> {
        let decided = self.simulation.decided();
        let found = match commit {
            Commit::Index(index) => decided.contains_key(index).then_some(*index),
            Commit::Operation(operation) => decided
                .iter()
                .rev()
                .find(|(index, term)| self.holds_operation(**index, **term, operation))
                .map(|(index, _)| *index),
        };
        match (found, wanted) {
            (Some(_), true) | (None, false) => Ok(()),
            (Some(index), false) => Err(format!("it is committed at index {index}").into()),
            (None, true) => {
                let last = decided.keys().next_back().copied().unwrap_or_default();
                Err(format!("it is not among the commits, which reach to index {last}").into())
            }
        }
    }

    /// Whether the entry of this index and term, wherever it is stored, is this operation.
    fn holds_operation(&self, index: LogIndex, term: Term, operation: &AnyCommand) -> bool {
        let is_it = |entry: &Entry| entry.term == term && operation_of(entry).as_ref() == Some(operation);
        // Snapshots may have taken its place everywhere; the oracle remembers it.
        if self.simulation.decided_entry(index).is_some_and(is_it) {
            return true;
        }
        select::faces(self.simulation).any(|(_, face)| {
            face.log.and_then(|log| log.get(index)).is_some_and(|entry| is_it(entry))
                || face.stored.iter().any(|entry| entry.index == index && is_it(entry))
        })
    }

    fn broken(&self, property: Option<&str>) -> Option<String> {
        if property == Some(LINEARIZABILITY) {
            return match linearizable::check(self.simulation.history(), LINEARIZABILITY_BUDGET) {
                Verdict::NotLinearizable(detail) => Some(detail),
                Verdict::Linearizable | Verdict::Undecided => None,
            };
        }
        if let Some(name) = property.filter(|name| [LIVENESS, SOMEBODY_ASKS].contains(name)) {
            return self.progress().flatten().filter(|found| found.property == name).map(|found| found.detail);
        }
        let found =
            self.simulation.violations().iter().find(|found| property.is_none_or(|name| found.property == name));
        found.map(|found| {
            let at = print_instant(found.at);
            format!("{}, found at {at}: {}", properties::slug(&found.property), found.detail)
        })
    }

    fn all_answered(&self) -> Result<(), Why> {
        let open = self.simulation.history().answered_since(Time(0)).find(|(_, answered)| answered.is_none());
        match open {
            None => Ok(()),
            Some((operation, _)) => Err(format!("\"{operation}\" has no answer").into()),
        }
    }

    /// The last operation of this text.
    fn asked(&self, operation: &str) -> Result<&OperationView, Why> {
        let asked = self.simulation.operations().filter(|asked| asked.operation == operation);
        asked.max_by_key(|asked| asked.asked).ok_or_else(|| format!("nobody asked \"{operation}\"").into())
    }

    fn counted(&self, what: &str, is: Bound<u64>) -> Result<(), Why> {
        let count = self.simulation.coverage().iter().find(|(name, _)| *name == what).map_or(0, |(_, count)| count);
        if is.fits(count) { Ok(()) } else { Err(format!("{what}: {count}").into()) }
    }

    fn early(&self, operation: &str, is: Fate) -> Result<(), Why> {
        match self.asked(operation)?.early {
            Some(fate) if fate == is => Ok(()),
            Some(fate) => Err(format!("it was answered early, and is {}", fate_name(fate)).into()),
            None => Err("it was not answered early".to_owned().into()),
        }
    }

    fn told(&self, operation: &str, is: &Told) -> Result<(), Why> {
        let asked = self.asked(operation)?;
        match (&asked.told, is) {
            (None, Told::Nothing)
            | (Some((_, Belief::Failed, _)), Told::Failed)
            | (Some((_, Belief::Unknown, _)), Told::Unknown)
            | (Some((_, Belief::Early, _)), Told::Early) => Ok(()),
            (Some((_, _, told)), Told::Text(text)) if told == text => Ok(()),
            (Some((_, verdict, told)), _) => {
                let verdict = match verdict {
                    Belief::Ok => "",
                    Belief::Failed => " (failed)",
                    Belief::Unknown => " (unknown)",
                    Belief::Early => " (early)",
                };
                Err(format!("the client was told \"{told}\"{verdict}").into())
            }
            (None, Told::Text(_) | Told::Failed | Told::Unknown | Told::Early) => {
                Err("the client waits for an answer".to_owned().into())
            }
        }
    }

    fn live(&self) -> Result<(), Why> {
        if self.progress().is_none() {
            let (now, deadline) = (self.simulation.now(), self.calm.deadline());
            return Err(format!(
                "it is {}, and the bound for progress ends at {}: look later",
                print_instant(now),
                print_instant(deadline)
            )
            .into());
        }
        match self.progress().flatten() {
            None => Ok(()),
            Some(violation) => Err(violation.detail.into()),
        }
    }

    /// What keeps the run from being live, once it is time to judge.
    fn progress(&self) -> Option<Option<Violation>> {
        let is_time = self.simulation.now() >= self.calm.deadline();
        let leader = select::leader(self.simulation);
        is_time.then(|| self.calm.judge(leader, self.simulation.history(), self.simulation.waiting()))
    }
}

fn nobody(found: Option<NodeId>) -> String {
    found.map_or_else(|| "nobody".into(), |node| node.to_string())
}

/// The operation in an entry, where it is a client's command.
fn operation_of(entry: &Entry) -> Option<AnyCommand> {
    match Payload::decode(&entry.payload)? {
        Payload::Command { command, .. } => AnyCommand::decode(&command),
        Payload::Open | Payload::Close => None,
    }
}
