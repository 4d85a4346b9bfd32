//! What can a person or a scenario do to the world?
//!
//! Every command is recorded, is part of the run's digest, and either works or
//! is a clear error that changes nothing. Here is the way in and what all
//! commands share; `ask` has those that ask a node for something, `node` those
//! that happen to a node, `liar` makes it lie, `link` those about links and messages on them.

mod ask;
mod liar;
mod link;
mod node;

use std::hash::Hash;

use quorumscope_core::record::{Body, Command, Endpoint};
use quorumscope_core::types::{NodeId, RecordId, Span};

use super::execute::tag;
use super::recorder::Stamp;
use super::setup::check_range;
use super::subject::Subject;
use super::world::World;
use crate::trace::view::Liveness;

/// The fastest clock that a command may ask for: ten times true time.
const MAX_RATE_PPM: u32 = 10_000_000;

/// A command that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such node.
    #[error("there is no node {0} in this run")]
    UnknownNode(NodeId),
    /// No such endpoint.
    #[error("there is no {0} in this run")]
    UnknownEndpoint(Endpoint),
    /// Only a running node can do that.
    #[error("{node} is {state}: {needs}")]
    WrongState {
        /// Which node.
        node: NodeId,
        /// Its state in a word.
        state: &'static str,
        /// What the command needs.
        needs: &'static str,
    },
    /// Only a message on its way can be touched.
    #[error("message {0} is not on its way: it has arrived, was lost, or was never sent")]
    NoMessage(RecordId),
    /// Held already.
    #[error("message {0} is held already")]
    HeldAlready(RecordId),
    /// There is no timer.
    #[error("{0} has no timer that could fire")]
    NoTimer(NodeId),
    /// There is nobody to propose.
    #[error("nobody can propose: add a client to the run")]
    NoClient,
    /// Not an operation.
    #[error("the operation cannot be read: encode it as a command of the run's machine")]
    Operation,
    /// Not a question.
    #[error("only a get can be read beside the log")]
    Query,
    /// A value out of its range.
    #[error("{0}")]
    Value(String),
}

fn word(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Down => "down",
        Liveness::Up => "running",
        Liveness::Paused => "paused",
        Liveness::Crashed => "crashed",
        Liveness::Broken => "stopped by a broken invariant",
    }
}

impl<P: Subject> World<P> {
    /// Carries out a command.
    pub(crate) fn command(&mut self, command: &Command) -> Result<(), CommandError> {
        match command {
            Command::Propose { to, operation } => self.propose(*to, operation, None, command)?,
            Command::ProposeAs { to, operation, class } => self.propose(*to, operation, Some(*class), command)?,
            Command::Crash(node) => self.crash(*node, command)?,
            Command::Restart(node) => self.restart(*node, command)?,
            Command::Pause(node) => self.set_paused(*node, command)?,
            Command::Resume(node) => self.resume(*node, command)?,
            Command::Timeout(node) => self.fire(*node, command)?,
            Command::Cut { from, to } => self.cut(*from, *to, true, command)?,
            Command::Mend { from, to } => self.cut(*from, *to, false, command)?,
            Command::Partition(groups) => self.partition(groups, command)?,
            Command::Heal => {
                self.admit(command);
                self.links.cut.clear();
                self.record_cuts();
            }
            Command::Hold(message) => self.hold(*message)?,
            Command::Drop(message) => self.drop_message(*message)?,
            Command::Deliver(message) => self.deliver_now(*message)?,
            Command::Duplicate(message) => self.duplicate(*message)?,
            Command::Skew { node, by } => {
                let index = self.known(*node)?;
                self.admit(command);
                let now = self.now;
                self.set_clock(index, |clock| clock.skew(now, *by));
                self.say(Some(index), format!("clocks of {node} move forward by {} ms", millis(*by)));
            }
            Command::Drift { node, rate_ppm } => self.drift(*node, *rate_ppm, command)?,
            Command::Disk { node, latency } => self.slow_disk(*node, *latency, command)?,
            Command::Loss { ppm } => {
                check_rate("loss", *ppm)?;
                self.admit(command);
                self.links.conditions.drop_ppm = *ppm;
                self.say(None, format!("loss {} %", percent(*ppm)));
            }
            Command::Duplication { ppm } => {
                check_rate("duplication", *ppm)?;
                self.admit(command);
                self.links.conditions.duplicate_ppm = *ppm;
                self.say(None, format!("duplication {} %", percent(*ppm)));
            }
            Command::Latency { between } => {
                check_range("latency", *between).map_err(|error| CommandError::Value(error.to_string()))?;
                self.admit(command);
                self.links.set_latency(*between);
                self.say(None, format!("latency {} to {} ms", millis(between.0), millis(between.1)));
            }
            Command::LoseDisk(node) => self.lose_disk(*node, command)?,
            Command::Reconfigure { node, change } => self.reconfigure(*node, change, command)?,
            Command::Subscribe { node, edges, keys } => self.subscribe(*node, edges, keys, command)?,
            Command::Snapshot(node) => self.take_snapshot(*node, command)?,
            Command::Transfer { from, to } => self.transfer(*from, *to, command)?,
            Command::Read { to, how, query } => self.read_by_hand(*to, *how, query, command)?,
            Command::Byzantine { nodes, tricks, against } => self.make_liars(nodes, tricks, against, command)?,
        }
        self.settle();
        Ok(())
    }

    /// A command that will be carried out becomes part of the run.
    fn admit(&mut self, command: &Command) {
        (tag::COMMAND, self.now).hash(&mut self.chain);
        command.hash(&mut self.chain);
    }

    /// The same for a command about a message: the digest names it by its number, which no note can shift.
    fn admit_message(&mut self, kind: u8, message: u64, copy: u32) {
        (tag::COMMAND, self.now, kind, message, copy).hash(&mut self.chain);
    }

    fn known(&self, node: NodeId) -> Result<usize, CommandError> {
        self.position(node).ok_or(CommandError::UnknownNode(node))
    }

    fn require(&self, node: NodeId, allowed: &[Liveness], needs: &'static str) -> Result<usize, CommandError> {
        let index = self.known(node)?;
        let liveness = self.nodes[index].liveness;
        if allowed.contains(&liveness) {
            Ok(index)
        } else {
            Err(CommandError::WrongState { node, state: word(liveness), needs })
        }
    }

    fn outside(&self) -> Stamp {
        Stamp { at: self.now, cause: None, node: None }
    }

    fn say(&mut self, node: Option<usize>, text: String) -> RecordId {
        let stamp = node.map_or(self.outside(), |node| self.stamp(node, None));
        self.recorder.emit(stamp, || Body::ConditionChanged { text })
    }
}

fn check_rate(what: &str, ppm: u32) -> Result<(), CommandError> {
    if ppm <= 1_000_000 {
        return Ok(());
    }
    Err(CommandError::Value(format!("{what} is at most 1,000,000 parts per million, not {ppm}")))
}

/// Milliseconds for people.
fn millis(span: Span) -> String {
    let (whole, rest) = (span.0 / 1_000, span.0 % 1_000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}") }
}

/// Percents for people.
fn percent(ppm: u32) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:04}").trim_end_matches('0').into() }
}
