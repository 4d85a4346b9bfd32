//! Which settings of the hybrid does a run have?
//!
//! Those of PBFT, which mean the same in both of its phases, and how long a
//! replica remembers what it felt threatened by.

use quorumscope_core::bft::hybrid::threat;
use quorumscope_core::bft::pbft;
use quorumscope_core::types::Span;

use super::error::ScenarioError;
use super::print::span;
use super::settings_pbft;
use super::table::{Source, Value};

/// The key beside those of PBFT.
pub(super) const THREAT_WINDOW: &str = "threat_window";

/// Reads the table.
pub(super) fn read(source: Source<'_>, value: &Value<'_>) -> Result<(pbft::Settings, threat::Settings), ScenarioError> {
    let keys: Vec<&str> = settings_pbft::SETTINGS.into_iter().chain([THREAT_WINDOW]).collect();
    let table = source.table("[protocol-config]", value, &keys)?;
    let mut threat = threat::Settings::default();
    threat.window = table.read(THREAT_WINDOW, threat.window, |source, value| source.span(value))?;
    if threat.window == Span(0) {
        return Err(table.error("threat_window must be above zero"));
    }
    Ok((settings_pbft::read_from(&table)?, threat))
}

/// Writes what is not as the protocol's defaults are.
pub(super) fn print(settings: &pbft::Settings, threat: threat::Settings, lines: &mut Vec<String>) {
    let mut said = settings_pbft::lines_of(settings);
    if threat != threat::Settings::default() {
        said.push(format!("{THREAT_WINDOW} = {}", span(threat.window)));
    }
    if !said.is_empty() {
        lines.push("\n[protocol-config]".into());
        lines.append(&mut said);
    }
}
