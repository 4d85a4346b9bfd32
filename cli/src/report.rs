//! What do `run` and `explore` print, for people and as JSON?
//!
//! The JSON shapes are contracts: fields are added, never renamed.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use quorumscope_core::types::{Digest, Time};
use quorumscope_lab::scenario::Scenario;
use quorumscope_lab::scenario::share::{self, Link};
use quorumscope_lab::sim::Coverage;
use quorumscope_lab::trace::view::Violation;
use serde::Serialize;

use crate::failure::Failure;

/// Where the page is, unless something else is said.
pub const PAGE: &str = "http://127.0.0.1:8080/";

/// A broken property.
#[derive(Serialize)]
pub struct ViolationReport {
    property: String,
    at_ms: f64,
    node: Option<String>,
    detail: String,
}

impl From<&Violation> for ViolationReport {
    fn from(found: &Violation) -> Self {
        Self {
            property: found.property.clone(),
            at_ms: millis(found.at),
            node: found.node.map(|node| node.to_string()),
            detail: found.detail.clone(),
        }
    }
}

impl ViolationReport {
    /// In one line, for people.
    pub fn line(&self) -> String {
        let node = self.node.as_ref().map(|node| format!(" at {node}")).unwrap_or_default();
        format!("{} broke at {} ms{node}: {}", self.property, self.at_ms, self.detail)
    }
}

/// Virtual time as scripts read it.
pub fn millis(time: Time) -> f64 {
    // Runs last an hour at most: far below the numbers that a double holds exactly.
    time.0 as f64 / 1_000.0
}

/// How many nodes: those that vote at first, and the spares beside them.
pub fn nodes(voters: usize, spares: usize) -> String {
    let of = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    if spares == 0 { of(voters, "node") } else { format!("{} and {}", of(voters, "node"), of(spares, "spare")) }
}

/// Counters by name.
pub fn counters(coverage: &Coverage) -> BTreeMap<&'static str, u64> {
    coverage.iter().collect()
}

/// Reads the page's address.
///
/// # Errors
/// Without a scheme no browser opens the link.
pub fn page(text: &str) -> Result<String, String> {
    let known = ["http://", "https://", "file://"].iter().any(|scheme| text.starts_with(scheme));
    if known { Ok(text.to_owned()) } else { Err(format!("write the whole address, as in {PAGE}")) }
}

/// The link that opens the page at this instant of the run.
pub fn link(page: &str, scenario: &Scenario, cursor: Time, digest: Option<Digest>) -> String {
    let link = Link { cursor, digest, ..Link::to(scenario.clone()) };
    let page = page.trim_end_matches('#');
    format!("{page}{}", share::encode(&link))
}

/// Prints to standard output. A reader that went away is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::environment(format!("standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints one JSON object on a line.
pub fn print_json(report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(report).map_err(|error| Failure::environment(error.to_string()))?;
    print(&(text + "\n"))
}
