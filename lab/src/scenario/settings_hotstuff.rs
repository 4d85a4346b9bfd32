//! Which settings of HotStuff does a run have?
//!
//! The protocol's defaults, and over them what the document says under
//! `[protocol-config]`. Voters are the document's own.

use quorumscope_core::bft::hotstuff::Settings;
use quorumscope_core::types::Span;

use super::error::ScenarioError;
use super::print::{range, span};
use super::table::{Source, Value};

/// The keys of `[protocol-config]`.
pub(super) const SETTINGS: [&str; 12] = [
    "view_timeout",
    "max_batch_requests",
    "max_batch_bytes",
    "checkpoint_interval",
    "max_blocks",
    "max_blocks_per_answer",
    "snapshot_chunk_bytes",
    "max_snapshot_bytes",
    "fetch_retry",
    "clock_tolerance",
    "log_time_jump",
    "evidence",
];

/// Whole numbers by their keys.
fn numbers(settings: &mut Settings) -> [(&'static str, &mut u32); 7] {
    [
        ("max_batch_requests", &mut settings.max_batch_requests),
        ("max_batch_bytes", &mut settings.max_batch_bytes),
        ("checkpoint_interval", &mut settings.checkpoint_interval),
        ("max_blocks", &mut settings.max_blocks),
        ("max_blocks_per_answer", &mut settings.max_blocks_per_answer),
        ("snapshot_chunk_bytes", &mut settings.chunk_bytes),
        ("max_snapshot_bytes", &mut settings.max_snapshot_bytes),
    ]
}

/// Spans by their keys.
fn spans(settings: &mut Settings) -> [(&'static str, &mut Span); 3] {
    [
        ("fetch_retry", &mut settings.fetch_retry),
        ("clock_tolerance", &mut settings.tolerance.clocks),
        ("log_time_jump", &mut settings.tolerance.jump),
    ]
}

/// Reads the table.
pub(super) fn read(source: Source<'_>, value: &Value<'_>) -> Result<Settings, ScenarioError> {
    let table = source.table("[protocol-config]", value, &SETTINGS)?;
    let mut settings = Settings::default();
    let usual = (settings.view_timeout, settings.max_view_timeout);
    (settings.view_timeout, settings.max_view_timeout) =
        table.read("view_timeout", usual, |source, value| source.range(value))?;
    for (key, number) in numbers(&mut settings) {
        *number = table.read(key, *number, |source, value| source.small(value))?;
    }
    for (key, span) in spans(&mut settings) {
        *span = table.read(key, *span, |source, value| source.span(value))?;
    }
    settings.evidence = table.read("evidence", settings.evidence, |source, value| source.boolean(value))?;
    settings.validate().map_err(|error| table.error(error.to_string()))?;
    Ok(settings)
}

/// Writes what is not as the protocol's defaults are.
pub(super) fn print(settings: &Settings, lines: &mut Vec<String>) {
    let (mut own, mut usual) = (*settings, Settings::default());
    let mut said = Vec::new();
    let timeouts = |settings: &Settings| (settings.view_timeout, settings.max_view_timeout);
    if timeouts(&own) != timeouts(&usual) {
        said.push(format!("view_timeout = {}", range(timeouts(&own))));
    }
    let pairs = numbers(&mut own).into_iter().zip(numbers(&mut usual));
    said.extend(pairs.filter(|(own, usual)| own != usual).map(|((key, number), _)| format!("{key} = {number}")));
    let pairs = spans(&mut own).into_iter().zip(spans(&mut usual));
    said.extend(pairs.filter(|(own, usual)| own != usual).map(|((key, own), _)| format!("{key} = {}", span(*own))));
    if own.evidence != usual.evidence {
        said.push(format!("evidence = {}", own.evidence));
    }
    if !said.is_empty() {
        lines.push("\n[protocol-config]".into());
        lines.append(&mut said);
    }
}
