//! Which settings of the hybrid does a run have?
//!
//! Those of PBFT, which mean the same in both of its phases, how long a replica
//! remembers what it felt threatened by, and how long it is calm before it goes back.

use quorumscope_core::bft::hybrid::threat;
use quorumscope_core::bft::pbft;
use quorumscope_core::types::Span;

use super::error::ScenarioError;
use super::print::span;
use super::settings_pbft;
use super::table::{Source, Value};

/// The keys beside those of PBFT.
pub(super) const THREAT: [&str; 3] = ["threat_window", "dwell", "longest_dwell"];

/// Reads the table.
pub(super) fn read(source: Source<'_>, value: &Value<'_>) -> Result<(pbft::Settings, threat::Settings), ScenarioError> {
    let keys: Vec<&str> = settings_pbft::SETTINGS.into_iter().chain(THREAT).collect();
    let table = source.table("[protocol-config]", value, &keys)?;
    let mut threat = threat::Settings::default();
    for (key, at) in THREAT.into_iter().zip(spans(&mut threat)) {
        *at = table.read(key, *at, |source, value| source.span(value))?;
        if *at == Span(0) {
            return Err(table.error(format!("{key} must be above zero")));
        }
    }
    Ok((settings_pbft::read_from(&table)?, threat))
}

/// Writes what is not as the protocol's defaults are.
pub(super) fn print(settings: &pbft::Settings, threat: threat::Settings, lines: &mut Vec<String>) {
    let mut said = settings_pbft::lines_of(settings);
    let (mut threat, mut usual) = (threat, threat::Settings::default());
    for ((key, at), usual) in THREAT.into_iter().zip(spans(&mut threat)).zip(spans(&mut usual)) {
        if at != usual {
            said.push(format!("{key} = {}", span(*at)));
        }
    }
    if !said.is_empty() {
        lines.push("\n[protocol-config]".into());
        lines.append(&mut said);
    }
}

fn spans(settings: &mut threat::Settings) -> [&mut Span; 3] {
    [&mut settings.window, &mut settings.dwell, &mut settings.longest_dwell]
}
