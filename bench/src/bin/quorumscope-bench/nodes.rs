//! What does a commit of ours cost as the cluster grows?
//!
//! All nodes run on the one core that is measured, so that a cost which grows
//! with the nodes alone is a straight line: the last column divides by them.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use quorumscope_bench::CONTENDERS;
use serde_json::json;

use super::{median, sample, setup};

#[derive(Args)]
pub(crate) struct Nodes {
    /// Sizes of the cluster
    #[arg(long, value_delimiter = ',', default_value = "3,5,7,25,101", value_parser = clap::value_parser!(u32).range(1..))]
    nodes: Vec<u32>,
    /// Commands that the leader takes at once
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    batches: Vec<usize>,
    /// Samples of each, of which the median counts
    #[arg(long, default_value_t = 5)]
    samples: usize,
    /// Commands in a sample of three nodes; fewer where there are more nodes
    #[arg(long, default_value_t = 200_000)]
    commands: usize,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

impl Nodes {
    pub(crate) fn run(&self) -> Result<()> {
        if self.samples == 0 || self.commands == 0 || self.batches.contains(&0) {
            bail!("--samples, --commands and --batches must be at least 1");
        }
        let ours = CONTENDERS.first().context("nobody takes part")?;
        if !self.json {
            println!("{}, 16-byte commands, median of {}", ours.name, self.samples);
            println!("{:>5} {:>5} {:>10} {:>18}", "nodes", "batch", "ns/commit", "ns/commit and node");
        }
        let mut rows = Vec::new();
        for batch in &self.batches {
            for nodes in &self.nodes {
                let commands = (self.commands * 3 / *nodes as usize).max(*batch);
                let mut samples = Vec::new();
                for _ in 0..self.samples {
                    samples.push(1e9 / sample(ours, &setup(*nodes, 16), *batch, 0, commands)?);
                }
                let cost = median(&mut samples);
                if !self.json {
                    println!("{nodes:>5} {batch:>5} {cost:>10.0} {:>18.1}", cost / f64::from(*nodes));
                }
                rows.push(json!({ "nodes": nodes, "batch": batch, "ns_per_commit": cost }));
            }
        }
        if self.json {
            println!("{}", json!({ "samples": self.samples, "rows": rows }));
        }
        Ok(())
    }
}
