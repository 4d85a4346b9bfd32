//! How is a run written down, so that a lesson, a test, a bug report and a link say the same thing?
//!
//! A [`Scenario`] is plain data with a canonical TOML form. A [`Run`] carries it
//! out over a [`Simulation`](crate::sim::Simulation): steps at their times,
//! expectations at theirs, commands by hand appended as further steps. Faults
//! that a profile draws are steps like others. Read `document` first, then `run`.

mod act;
mod agreement;
#[cfg(test)]
mod byzantine_tests;
mod covers;
mod document;
mod draw;
mod error;
mod facts;
mod has;
mod judge;
#[cfg(test)]
mod machine_tests;
mod network;
mod print;
pub mod profile;
mod properties;
mod read;
mod read_expect;
mod read_liar;
mod read_step;
#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod refusal_tests;
mod run;
mod select;
mod sentence;
mod settings;
mod settings_hotstuff;
mod settings_hybrid;
mod settings_pbft;
pub mod share;
mod table;
#[cfg(test)]
mod tests;
mod units;

use quorumscope_core::bft::hybrid::{self, threat};
use quorumscope_core::bft::{hotstuff, pbft};
use quorumscope_core::few;
use quorumscope_core::raft::{self, Switches};
use quorumscope_core::types::{ClientId, NodeId, Time};

pub use document::{
    Action, Bound, Commit, Expect, Fact, MAX_CLIENTS, MAX_NODES, MessageKind, MessageVerb, NodeVerb, Pattern,
    ProtocolName, RaftSettings, Scenario, Selector, Step, Targets, Told, When, Which,
};
pub use error::{ScenarioError, nearest, unknown};
pub use facts::LINEARIZABILITY_BUDGET;
pub use has::{properties_of, property};
pub use judge::ExpectationResult;
pub use properties::slug;
pub use read::{MAX_DOCUMENT_BYTES, protocol, rule};
pub use run::{Run, RunError};
pub use units::{print_span, read_span};

use crate::keys::Scheme;
use crate::sim::{ClientSetup, MachineSetup, Network, ProtocolSetup, Setup};

impl Scenario {
    /// A run of so many nodes without steps, with one client that acts by hand.
    #[must_use]
    pub fn new(protocol: ProtocolName, nodes: u32, seed: u64) -> Self {
        Self {
            name: "A run".into(),
            about: String::new(),
            protocol,
            nodes: (1..=nodes.clamp(1, MAX_NODES)).map(NodeId).collect(),
            voters: (1..=nodes.clamp(1, MAX_NODES)).map(NodeId).collect(),
            zones: Vec::new(),
            seed,
            until: read::DEFAULT_UNTIL,
            network: Network::default(),
            disk: read::DEFAULT_DISK,
            machine: MachineSetup::default(),
            raft: RaftSettings::default(),
            pbft: settings_pbft::default(),
            hotstuff: hotstuff::Settings::default(),
            threat: threat::Settings::default(),
            signer: Scheme::Real,
            rules_off: Vec::new(),
            clients: vec![ClientSetup::by_hand(ClientId(1))],
            steps: Vec::new(),
            expect: Vec::new(),
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// One line: where, what is wrong, and what would be right.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        read::read(text)
    }

    /// Writes the document in its canonical form.
    #[must_use]
    pub fn to_toml(&self) -> String {
        print::print(self)
    }

    /// What the run starts from.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let rules = self.rules_off.iter().fold(Switches::all_on(), |switches, rule| switches.without(*rule));
        let zones = (0..).zip(&self.zones).flat_map(|(zone, nodes)| nodes.iter().map(move |node| (*node, zone)));
        let mut zones: Vec<_> = zones.collect();
        few::sort(&mut zones, |a, b| a < b);
        let protocol = match self.protocol {
            ProtocolName::Raft => {
                let zones = zones.clone();
                ProtocolSetup::Raft(raft::Config { zones, ..self.raft.config(&self.voters, rules) })
            }
            ProtocolName::Pbft => ProtocolSetup::Pbft(self.pbft_settings(), rules),
            ProtocolName::HotStuff => ProtocolSetup::HotStuff(self.voters.clone(), self.hotstuff, rules),
            ProtocolName::Hybrid => {
                let settings = hybrid::Settings { bft: self.pbft_settings(), threat: self.threat };
                ProtocolSetup::Hybrid(settings, rules)
            }
        };
        Setup {
            name: self.name.clone(),
            protocol,
            signer: self.signer,
            zones,
            nodes: self.nodes.clone(),
            clients: self.clients.clone(),
            seed: self.seed,
            network: self.network.clone(),
            disk: self.disk,
            machine: self.machine,
        }
    }

    fn pbft_settings(&self) -> pbft::Settings {
        pbft::Settings { voters: self.voters.clone(), ..self.pbft.clone() }
    }

    /// Adds a step after all steps of its time.
    pub fn add_step(&mut self, step: Step) {
        let place = self.steps.partition_point(|other| other.at <= step.at);
        self.steps.insert(place, step);
    }
}

impl Step {
    /// A step that does something at a time.
    #[must_use]
    pub fn new(at: Time, action: Action) -> Self {
        Self { at, after: None, bind: Vec::new(), action: Some(action) }
    }

    /// The step in one line, for people.
    #[must_use]
    pub fn text(&self) -> String {
        print::step_text(self)
    }
}

impl Expect {
    /// The expectation in one line, for people.
    #[must_use]
    pub fn text(&self) -> String {
        print::expect_text(self)
    }
}
