//! `quorumscope trace`: looks into a trace file, or checks it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use quorumscope_core::record::Record;
use quorumscope_core::types::RecordId;
use quorumscope_lab::scenario::{Run, Scenario};
use quorumscope_lab::trace::file::{Reader, Summary};
use quorumscope_lab::trace::narrate;

use crate::failure::Failure;
use crate::report;

/// Look into trace files
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what happened, one line each
    Show {
        /// The trace
        file: PathBuf,
    },
    /// Check that a trace is whole, and that its run can be replayed
    Verify {
        /// The trace
        file: PathBuf,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::Show { file } => show(file),
        Command::Verify { file } => verify(file),
    }
}

/// Reads a file line by line; each record is handed on.
fn read(path: &Path, mut take: impl FnMut(Record)) -> Result<Summary, Failure> {
    let file = File::open(path).map_err(|error| Failure::reading(path, &error))?;
    let mut lines = BufReader::new(file);
    if lines.fill_buf().is_ok_and(|start| start.starts_with(&[0x1F, 0x8B])) {
        return Err(Failure::input(format!("{} is compressed: unpack it with gunzip first", path.display())));
    }
    let refuse =
        |error: quorumscope_lab::trace::file::FileError| Failure::input(format!("{}: {error}", path.display()));
    let mut reader = Reader::new();
    let mut line = String::new();
    loop {
        line.clear();
        let length = lines.read_line(&mut line).map_err(|error| Failure::reading(path, &error))?;
        if length == 0 {
            return reader.finish().map_err(refuse);
        }
        if let Some(record) = reader.line(&line).map_err(refuse)? {
            take(record);
        }
    }
}

fn show(path: &Path) -> Result<ExitCode, Failure> {
    let mut records: BTreeMap<RecordId, Record> = BTreeMap::new();
    let mut order = Vec::new();
    read(path, |record| {
        order.push(record.id);
        records.insert(record.id, record);
    })?;
    let mut text = String::new();
    for record in order.iter().filter_map(|id| records.get(id)) {
        if let Some(line) = narrate::line(record, |id| records.get(&id)) {
            text.push_str(&format!("{:>12.3} ms  {}\n", report::millis(record.at), line.text));
        }
    }
    report::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn verify(path: &Path) -> Result<ExitCode, Failure> {
    let summary = read(path, |_| {})?;
    let header = &summary.header;
    let sealed = if summary.sealed { "whole and unchanged" } else { "readable; it was written without a seal" };
    let mut text = format!("{}: {} records, {sealed}\n", path.display(), summary.records);
    let mut good = true;
    if let (Some(scenario), Some(digest)) = (&header.scenario, header.digest) {
        let refuse = |error| Failure::input(format!("{}:1: the scenario in it: {error}", path.display()));
        let scenario = Scenario::from_toml(scenario).map_err(refuse)?;
        let mut run = Run::new(&scenario).map_err(refuse)?;
        run.set_recording(false);
        run.run_to_end();
        let found = run.simulation().digest();
        good = found == digest;
        text.push_str(&match good {
            true => format!("its run replays with the same digest, {digest}\n"),
            false => format!(
                "its run replays with digest {found}, and the file says {digest} (written by engine {})\n",
                header.engine
            ),
        });
    }
    report::print(&text)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
