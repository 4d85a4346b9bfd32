//! Who commits how many commands in a second?

use anyhow::{Result, bail};
use clap::Parser;
use quorumscope_bench::{CONTENDERS, Contender};
use serde_json::{Value, json};

use super::{COMPACT_EVERY, median, sample, setup};

#[derive(Parser)]
pub(crate) struct Peers {
    /// Sizes of the cluster
    #[arg(long, value_delimiter = ',', default_value = "3", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) nodes: Vec<u32>,
    /// Sizes of a command
    #[arg(long, value_delimiter = ',', default_value = "16")]
    pub(crate) payload_bytes: Vec<usize>,
    /// Commands that the leader takes at once
    #[arg(long, value_delimiter = ',', default_value = "1,64,512")]
    pub(crate) batches: Vec<usize>,
    /// Samples of each, of which the median counts
    #[arg(long, default_value_t = 5)]
    samples: usize,
    /// Commands in a sample
    #[arg(long, default_value_t = 200_000)]
    commands: usize,
    /// Only those whose name contains one of these
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// The medians of one setup, in the contenders' order.
struct Row {
    nodes: u32,
    payload_bytes: usize,
    batch: usize,
    speeds: Vec<f64>,
}

impl Peers {
    pub(crate) fn run(&self) -> Result<()> {
        if self.samples == 0 || self.commands == 0 || self.batches.contains(&0) {
            bail!("--samples, --commands and --batches must be at least 1");
        }
        let chosen = |contender: &&Contender| {
            self.only.is_empty() || self.only.iter().any(|part| contender.name.contains(part.as_str()))
        };
        let contenders: Vec<&Contender> = CONTENDERS.iter().filter(chosen).collect();
        if contenders.is_empty() {
            bail!("nobody's name contains what --only asks for");
        }
        if !self.json {
            self.print_head(&contenders);
        }
        let mut rows = Vec::new();
        for nodes in &self.nodes {
            for payload_bytes in &self.payload_bytes {
                for batch in &self.batches {
                    let row = self.measure(&contenders, *nodes, *payload_bytes, *batch)?;
                    if !self.json {
                        println!("{}", line(&contenders, &row));
                    }
                    rows.push(row);
                }
            }
        }
        if self.json {
            println!("{}", self.object(&contenders, &rows));
        }
        Ok(())
    }

    fn measure(&self, contenders: &[&Contender], nodes: u32, payload_bytes: usize, batch: usize) -> Result<Row> {
        let mut samples = vec![Vec::new(); contenders.len()];
        for _ in 0..self.samples {
            for (contender, samples) in contenders.iter().zip(&mut samples) {
                samples.push(sample(contender, &setup(nodes, payload_bytes), batch, 0, self.commands)?);
            }
        }
        let speeds = samples.iter_mut().map(|samples| median(samples)).collect();
        Ok(Row { nodes, payload_bytes, batch, speeds })
    }

    fn print_head(&self, contenders: &[&Contender]) {
        let Self { commands, samples, .. } = self;
        println!(
            "million commits/s; {commands} commands a sample, median of {samples}, logs compacted every {COMPACT_EVERY}"
        );
        for contender in contenders.iter().filter(|contender| contender.shorter > 1) {
            println!(
                "{}: samples {} times shorter; tasks and channels, see the library's header",
                contender.name, contender.shorter
            );
        }
        print!("{:>5} {:>5} {:>5}", "nodes", "bytes", "batch");
        contenders.iter().for_each(|contender| print!(" {:>13}", contender.name));
        println!(" {:>8}", "ratio");
    }

    fn object(&self, contenders: &[&Contender], rows: &[Row]) -> Value {
        let rows = rows.iter().map(|row| {
            let speeds = contenders
                .iter()
                .zip(&row.speeds)
                .map(|(contender, speed)| json!({ "name": contender.name, "commits_per_second": speed }));
            json!({
                "nodes": row.nodes,
                "payload_bytes": row.payload_bytes,
                "batch": row.batch,
                "contenders": speeds.collect::<Vec<_>>(),
                "ratio_to_fastest_peer": ratio(&row.speeds),
            })
        });
        let rows: Vec<_> = rows.collect();
        json!({ "samples": self.samples, "commands": self.commands, "compact_every": COMPACT_EVERY, "rows": rows })
    }
}

/// The first to the fastest of the others, where there are any.
fn ratio(speeds: &[f64]) -> Option<f64> {
    let (own, peers) = speeds.split_first()?;
    peers.iter().copied().reduce(f64::max).map(|fastest| own / fastest)
}

fn line(contenders: &[&Contender], row: &Row) -> String {
    let mut line = format!("{:>5} {:>5} {:>5}", row.nodes, row.payload_bytes, row.batch);
    for (_, speed) in contenders.iter().zip(&row.speeds) {
        line += &format!(" {:>13.3}", speed / 1e6);
    }
    line + &ratio(&row.speeds).map_or_else(String::new, |ratio| format!(" {ratio:>8.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_to_the_fastest_peer() {
        assert_eq!(ratio(&[3.0, 1.0, 2.0]), Some(1.5));
        assert_eq!(ratio(&[3.0]), None);
    }
}
