//! How much memory do a million log entries take?
//!
//! One node alone, so that nothing is shared between nodes: what is alive after
//! a million commands, less what was alive before, by an allocator that counts.
//! It is a program of its own because counting slows every allocation. Where a
//! crate keeps a log of its own and lends no entries to the store, the store's
//! copy counts as well.
//!
//! `cargo run --release -p quorumscope-bench --bin memory`

use std::alloc::System;

use anyhow::{Result, anyhow};
use quorumscope_bench::{CONTENDERS, Race, Setup};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ENTRIES: usize = 1_000_000;

fn main() -> Result<()> {
    println!("MB (10^6 bytes) for {ENTRIES} log entries of one node, nothing compacted");
    println!("{:<14} {:>10} {:>10}", "", "16 bytes", "256 bytes");
    for contender in CONTENDERS {
        let mut line = format!("{:<14}", contender.name);
        for payload_bytes in [16, 256] {
            let setup = Setup { nodes: 1, payload_bytes, compact_every: None };
            let mut race = Race::start(contender, &setup);
            let region = Region::new(COUNTING);
            race.run(ENTRIES, 100);
            race.finish().map_err(|fault| anyhow!(fault))?;
            let change = region.change();
            let grown = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
            line += &format!(" {:>10.1}", grown as f64 / 1e6);
        }
        println!("{line}");
    }
    Ok(())
}
