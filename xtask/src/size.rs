//! How much does a browser download?
//!
//! Every file of the page counts, compressed with brotli at the highest level,
//! as a server that cares would send it.

use anyhow::{Result, bail};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// The whole page, brotli: it must open at once over a slow line. All of Raft with its state machines, checks and
/// lessons is 457,000 bytes; before members, snapshots, reads and edges the page was held to 350,000. PBFT, HotStuff,
/// Ed25519 and liars came to 595,000 in one world for all protocols, and the hybrid to 653,000; lanes, the hybrid's
/// grids and its threat meter to 671,000; evidence and five more tricks of liars to 694,000; voters
/// of PBFT and HotStuff that change, the seal of the convicted and what is told and not proven to 717,000; changes of
/// voters by hand, how a node lies, what differs at one place, expectations as sentences and three more scenarios to
/// 726,000; voters of the hybrid that change, and what a scenario's words are refused with, to 736,000; links in a page
/// that is open, verdicts at their moment, letters of batches, all messages in the help and the victims of a lie to
/// 742,000; changes of the hybrid's voters by hand, and the causes that "why" names in each protocol, to 747,000. What
/// more it learns has to earn its place.
pub const BUDGET_BYTES: u64 = 752_000;

/// One file's sizes in bytes.
pub struct Sizes {
    name: String,
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Measures every file below `folder`, in the order of their names.
pub fn measure(folder: &Path) -> Result<Vec<Sizes>> {
    let mut found = Vec::new();
    visit(folder, "", &mut found)?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn visit(folder: &Path, prefix: &str, found: &mut Vec<Sizes>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            visit(&entry.path(), &format!("{name}/"), found)?;
            continue;
        }
        let content = fs::read(entry.path())?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&content)?;
        let mut brotli = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 22);
        brotli.write_all(&content)?;
        found.push(Sizes {
            name,
            raw: content.len() as u64,
            gzip: gzip.finish()?.len() as u64,
            brotli: brotli.into_inner().len() as u64,
        });
    }
    Ok(())
}

/// Prints a table with a total.
pub fn print(sizes: &[Sizes]) {
    eprintln!("{:<40} {:>10} {:>10} {:>10}", "bytes", "raw", "gzip", "brotli");
    for file in sizes {
        eprintln!("{:<40} {:>10} {:>10} {:>10}", file.name, file.raw, file.gzip, file.brotli);
    }
    let sum = |part: fn(&Sizes) -> u64| sizes.iter().map(part).sum::<u64>();
    eprintln!("{:<40} {:>10} {:>10} {:>10}", "all", sum(|f| f.raw), sum(|f| f.gzip), sum(|f| f.brotli));
}

/// Fails if the files together are larger than the budget.
pub fn check(sizes: &[Sizes]) -> Result<()> {
    let all: u64 = sizes.iter().map(|file| file.brotli).sum();
    if all > BUDGET_BYTES {
        bail!("the page has {all} bytes in brotli, {} over its budget of {BUDGET_BYTES}", all - BUDGET_BYTES);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_over_its_budget_is_refused() {
        let page = |brotli| [Sizes { name: "a".into(), raw: 0, gzip: 0, brotli }];
        assert!(check(&page(BUDGET_BYTES)).is_ok());
        assert!(check(&page(BUDGET_BYTES + 1)).is_err());
    }
}
