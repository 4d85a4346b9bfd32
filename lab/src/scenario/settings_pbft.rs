//! Which settings of PBFT does a run have?
//!
//! The protocol's defaults, and over them what the document says under
//! `[protocol-config]`. Voters are the document's own; cluster, configuration
//! and instance are those of a run's one cluster.

use quorumscope_core::bft::pbft::Settings;
use quorumscope_core::types::{NodeId, Span};

use super::error::ScenarioError;
use super::print::{range, span};
use super::table::{Source, Table, Value};

/// The keys of `[protocol-config]`.
pub(super) const SETTINGS: [&str; 13] = [
    "request_timeout",
    "max_batch_requests",
    "max_batch_bytes",
    "pipeline",
    "checkpoint_interval",
    "window",
    "snapshot_chunk_bytes",
    "max_snapshot_bytes",
    "retransmit",
    "idle_status",
    "clock_tolerance",
    "log_time_jump",
    "evidence",
];

/// The settings of a run that says nothing.
pub(super) fn default() -> Settings {
    Settings::new(1, Vec::new())
}

/// Whole numbers by their keys.
fn numbers(settings: &mut Settings) -> [(&'static str, &mut u32); 7] {
    [
        ("max_batch_requests", &mut settings.max_batch_requests),
        ("max_batch_bytes", &mut settings.max_batch_bytes),
        ("pipeline", &mut settings.pipeline),
        ("checkpoint_interval", &mut settings.checkpoint_interval),
        ("window", &mut settings.window),
        ("snapshot_chunk_bytes", &mut settings.chunk_bytes),
        ("max_snapshot_bytes", &mut settings.max_snapshot_bytes),
    ]
}

/// Spans by their keys.
fn spans(settings: &mut Settings) -> [(&'static str, &mut Span); 4] {
    [
        ("retransmit", &mut settings.retransmit),
        ("idle_status", &mut settings.idle_status),
        ("clock_tolerance", &mut settings.tolerance.clocks),
        ("log_time_jump", &mut settings.tolerance.jump),
    ]
}

/// Reads the table.
pub(super) fn read(source: Source<'_>, value: &Value<'_>) -> Result<Settings, ScenarioError> {
    read_from(&source.table("[protocol-config]", value, &SETTINGS)?)
}

/// Reads what PBFT and the hybrid share.
pub(super) fn read_from(table: &Table<'_, '_>) -> Result<Settings, ScenarioError> {
    let mut settings = default();
    settings.request_timeout =
        table.read("request_timeout", settings.request_timeout, |source, value| source.range(value))?;
    for (key, number) in numbers(&mut settings) {
        *number = table.read(key, *number, |source, value| source.small(value))?;
    }
    for (key, span) in spans(&mut settings) {
        *span = table.read(key, *span, |source, value| source.span(value))?;
    }
    settings.evidence = table.read("evidence", settings.evidence, |source, value| source.boolean(value))?;
    let checked = Settings { voters: vec![NodeId(1)], ..settings.clone() };
    checked.validate().map_err(|error| table.error(error.to_string()))?;
    Ok(settings)
}

/// Writes what is not as the protocol's defaults are.
pub(super) fn print(settings: &Settings, lines: &mut Vec<String>) {
    let mut said = lines_of(settings);
    if !said.is_empty() {
        lines.push("\n[protocol-config]".into());
        lines.append(&mut said);
    }
}

/// What is not as the defaults are, a line each.
pub(super) fn lines_of(settings: &Settings) -> Vec<String> {
    let (mut own, mut usual) = (settings.clone(), default());
    let mut said = Vec::new();
    if own.request_timeout != usual.request_timeout {
        said.push(format!("request_timeout = {}", range(own.request_timeout)));
    }
    let pairs = numbers(&mut own).into_iter().zip(numbers(&mut usual));
    said.extend(pairs.filter(|(own, usual)| own != usual).map(|((key, number), _)| format!("{key} = {number}")));
    let pairs = spans(&mut own).into_iter().zip(spans(&mut usual));
    said.extend(pairs.filter(|(own, usual)| own != usual).map(|((key, own), _)| format!("{key} = {}", span(*own))));
    if own.evidence != usual.evidence {
        said.push(format!("evidence = {}", own.evidence));
    }
    said
}
