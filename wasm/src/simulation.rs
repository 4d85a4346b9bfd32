//! What can JavaScript do with a run?
//!
//! Every argument is taken as it comes and checked here or in `convert`: a
//! wrong one throws an `Error` with a `code` and changes nothing. A method
//! called after `free()` throws too, but without a code: there is no object
//! left that could know one. Left out: time that passes by itself; whoever
//! wants that calls `runUntil` from a timer. Read `past` next.

use quorumscope_core::record::Command;
use quorumscope_core::types::{NodeId, Time};
use quorumscope_lab::scenario::{ExpectationResult, ProtocolName, Run, Scenario, protocol, share};
use quorumscope_lab::sim::CommandError;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::error::Error;
use crate::past::{ByHand, History};
use crate::shapes::{ExpectationShape, ViewShape, ViolationShape, millis};

/// How many nodes a run has where nobody says: the smallest cluster that survives two crashes.
const DEFAULT_NODES: u32 = 5;

/// When a run without a scenario ends where nobody says: the longest that a scenario may take.
const LONGEST: Time = Time(3_600_000_000);

/// How many events happen between two collections of their records, which bounds what waits to be collected.
const EVENTS_PER_COLLECTION: u32 = 1_024;

/// A cluster, its network, its disks and its clients, in virtual time. The
/// same options and commands give the same run, and the same digest, anywhere.
#[wasm_bindgen]
#[derive(Clone)]
pub struct Simulation {
    run: Run,
    by_hand: ByHand,
    /// `None` where no records are made.
    history: Option<History>,
}

#[wasm_bindgen]
impl Simulation {
    /// Builds a run at time 0: of a scenario, or of a protocol and a number of nodes with one client.
    /// Throws `bad-options` or `bad-scenario`.
    ///
    /// # Errors
    /// Options that cannot be read, or a scenario that cannot run.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_optional_param_type = "SimulationOptions")] options: &JsValue,
    ) -> Result<Self, Error> {
        let options = convert::options(options)?;
        let run = Run::new(&scenario(&options)?)?;
        let mut simulation =
            Self { run, by_hand: ByHand::default(), history: options.records.unwrap_or(true).then(History::default) };
        simulation.run.set_recording(simulation.history.is_some());
        simulation.collect();
        Ok(simulation)
    }

    /// Lets one thing happen: an event, a step of the scenario, or its end. False where nothing is left.
    pub fn step(&mut self) -> bool {
        let stepped = self.run.step();
        self.collect();
        stepped
    }

    /// Lets everything up to a time happen, and time reach it; nothing where it has passed. A run ends at its
    /// scenario's end. Throws `bad-time`.
    ///
    /// # Errors
    /// Not a time.
    #[wasm_bindgen(js_name = runUntil)]
    pub fn run_until(&mut self, #[wasm_bindgen(unchecked_param_type = "number")] ms: &JsValue) -> Result<(), Error> {
        self.advance(convert::time(ms)?);
        Ok(())
    }

    /// A client proposes an operation to a node, or to the one that it believes to lead. What comes of it
    /// stands in `view().clients`. Throws `bad-operation`, `bad-node` or `bad-command`.
    ///
    /// # Errors
    /// An operation or node that cannot be read, or nobody who could propose.
    pub fn propose(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Operation")] operation: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "string")] to: &JsValue,
    ) -> Result<(), Error> {
        let operation = convert::operation(operation, self.run.scenario().machine.kind)?.encode();
        let to = if to.is_undefined() || to.is_null() { None } else { Some(convert::node(to)?) };
        self.command(Command::Propose { to, operation })
    }

    /// Crashes a node: its memory is gone, and so are writes that were not synced. Throws `bad-node` or `bad-command`.
    ///
    /// # Errors
    /// No such node, or one that is down already.
    pub fn crash(&mut self, #[wasm_bindgen(unchecked_param_type = "string")] node: &JsValue) -> Result<(), Error> {
        self.on_node(node, Command::Crash)
    }

    /// Starts a crashed node from its disk. Throws `bad-node` or `bad-command`.
    ///
    /// # Errors
    /// No such node, or one that runs.
    pub fn restart(&mut self, #[wasm_bindgen(unchecked_param_type = "string")] node: &JsValue) -> Result<(), Error> {
        self.on_node(node, Command::Restart)
    }

    /// Stops a node from reacting; it keeps its memory. Throws `bad-node` or `bad-command`.
    ///
    /// # Errors
    /// No such node, or one that does not run.
    pub fn pause(&mut self, #[wasm_bindgen(unchecked_param_type = "string")] node: &JsValue) -> Result<(), Error> {
        self.on_node(node, Command::Pause)
    }

    /// Lets a paused node go on. Throws `bad-node` or `bad-command`.
    ///
    /// # Errors
    /// No such node, or one that is not paused.
    pub fn resume(&mut self, #[wasm_bindgen(unchecked_param_type = "string")] node: &JsValue) -> Result<(), Error> {
        self.on_node(node, Command::Resume)
    }

    /// Only nodes of one group hear each other; nodes in no group form one together; clients hear all.
    /// Throws `bad-options`, `bad-node` or `bad-command`.
    ///
    /// # Errors
    /// Groups that cannot be read, or a node that stands in two.
    pub fn partition(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "string[][]")] groups: &JsValue,
    ) -> Result<(), Error> {
        self.command(Command::Partition(convert::groups(groups)?))
    }

    /// Mends all links. Throws `bad-command` where the run has ended.
    ///
    /// # Errors
    /// The run has ended.
    pub fn heal(&mut self) -> Result<(), Error> {
        self.command(Command::Heal)
    }

    /// Everything that can be known now.
    #[wasm_bindgen(unchecked_return_type = "View")]
    pub fn view(&self) -> JsValue {
        let mut view = self.run.simulation().view();
        view.ended = self.run.finished();
        convert::object(&ViewShape::from(&view))
    }

    /// What happened, oldest first: all that is kept, or what came after one record. The newest 200,000 are
    /// kept; there are none with `records: false`. Throws `bad-options`.
    ///
    /// # Errors
    /// Options that cannot be read.
    #[wasm_bindgen(unchecked_return_type = "TraceRecord[]")]
    pub fn records(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "RecordsOptions")] options: &JsValue,
    ) -> Result<JsValue, Error> {
        let wanted = convert::records_options(options)?;
        let shapes = self.history.as_ref().map(|history| history.shapes(wanted.since, wanted.lines));
        Ok(convert::object(&shapes.unwrap_or_default()))
    }

    /// A digest of all inputs, effects and faults so far: 16 hexadecimal digits, equal wherever the run is repeated.
    pub fn digest(&self) -> String {
        self.run.simulation().digest().to_string()
    }

    /// Properties that were broken so far.
    #[wasm_bindgen(unchecked_return_type = "Violation[]")]
    pub fn violations(&self) -> JsValue {
        let violations = self.run.simulation().violations();
        convert::object(&violations.iter().map(ViolationShape::from).collect::<Vec<_>>())
    }

    /// What became of the scenario's expectations so far; a step that could not be carried out is one that failed.
    #[wasm_bindgen(unchecked_return_type = "Expectation[]")]
    pub fn expectations(&self) -> JsValue {
        let now = self.run.simulation().now();
        let failed = self.run.error().map(|error| ExpectationResult::of_error(error, now));
        let all = self.run.expectations().iter().chain(&failed);
        convert::object(&all.map(ExpectationShape::from).collect::<Vec<_>>())
    }

    /// Goes to a time, forward or back. The way back runs the scenario anew, with the commands given up to that
    /// time; those given later are dropped: fork first to keep them. Throws `bad-time`.
    ///
    /// # Errors
    /// Not a time.
    pub fn seek(&mut self, #[wasm_bindgen(unchecked_param_type = "number")] ms: &JsValue) -> Result<(), Error> {
        let to = convert::time(ms)?;
        if to < self.run.simulation().now() {
            let scenario = self.by_hand.drop_after(to, self.run.scenario());
            self.run = Run::new(&scenario)?;
            self.run.set_recording(self.history.is_some());
            if let Some(history) = &mut self.history {
                *history = History::default();
            }
        }
        self.advance(to);
        Ok(())
    }

    /// A second run that has come as far as this one; each goes its own way from here.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.clone()
    }

    /// How many events have happened.
    pub fn events(&self) -> f64 {
        self.run.simulation().events() as f64
    }

    /// The time of the run, in milliseconds.
    pub fn now(&self) -> f64 {
        millis(self.run.simulation().now())
    }

    /// Whether nothing more will happen.
    pub fn finished(&self) -> bool {
        self.run.finished()
    }

    /// The scenario as a document (TOML), with what was done by hand as further steps.
    pub fn scenario(&self) -> String {
        self.run.scenario().to_toml()
    }

    /// The fragment of an address that opens this run on the page at this time.
    #[wasm_bindgen(js_name = shareLink)]
    pub fn share_link(&self) -> String {
        let simulation = self.run.simulation();
        share::encode(&share::Link {
            cursor: simulation.now(),
            digest: self.run.finished().then(|| simulation.digest()),
            ..share::Link::to(self.run.scenario().clone())
        })
    }
}

impl Simulation {
    fn advance(&mut self, until: Time) {
        let mut events = 0;
        while self.run.next_at().is_some_and(|at| at <= until) {
            self.run.step();
            events += 1;
            if events % EVENTS_PER_COLLECTION == 0 {
                self.collect();
            }
        }
        self.run.run_until(until);
        self.collect();
    }

    fn collect(&mut self) {
        if let Some(history) = &mut self.history {
            history.extend(self.run.take_records());
        }
    }

    fn on_node(&mut self, node: &JsValue, command: fn(NodeId) -> Command) -> Result<(), Error> {
        self.command(command(convert::node(node)?))
    }

    fn command(&mut self, command: Command) -> Result<(), Error> {
        if self.run.finished() {
            return Err(Error::Command("the run has ended: seek back, or start one with a later `until`".into()));
        }
        self.run.command(command).map_err(|error| match error {
            CommandError::UnknownNode(_) => Error::UnknownNode(error.to_string()),
            other => Error::Command(other.to_string()),
        })?;
        self.by_hand.note(self.run.steps_done());
        self.collect();
        Ok(())
    }
}

fn scenario(options: &convert::Options) -> Result<Scenario, Error> {
    let seed = options.seed.map(|seed| convert::whole(seed, "seed")).transpose()?;
    let until = options.until.map(convert::milliseconds).transpose()?;
    if until == Some(Time(0)) {
        return Err(Error::Options("`until` is the end of the run in milliseconds, above 0".into()));
    }
    let mut scenario = match &options.scenario {
        Some(_) if options.protocol.is_some() || options.nodes.is_some() => {
            let text = "a scenario says its protocol and nodes itself: leave `protocol` and `nodes` out";
            return Err(Error::Options(text.into()));
        }
        Some(text) => Scenario::from_toml(text)?,
        None => {
            let name = options.protocol.as_deref().map(protocol).transpose().map_err(Error::Options)?;
            let nodes = options.nodes.map_or(Ok(DEFAULT_NODES), convert::node_count)?;
            Scenario { until: LONGEST, ..Scenario::new(name.unwrap_or(ProtocolName::Raft), nodes, 0) }
        }
    };
    scenario.seed = seed.unwrap_or(scenario.seed);
    scenario.until = until.unwrap_or(scenario.until).min(LONGEST);
    Ok(scenario)
}
