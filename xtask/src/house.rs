//! Does the house keep to its own rules?
//!
//! Only what no compiler and no lint can see: which crate may use which, how
//! long a file may be, and that the claims are listed. Clocks, hash maps and
//! printing in core and lab are refused by their `clippy.toml`.

use crate::place;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Who may use whom. A crate that is not listed may use every other.
const ARROWS: [(&str, &[&str]); 8] = [
    ("quorumscope-core", &[]),
    ("quorumscope-lab", &["quorumscope-core"]),
    ("quorumscope-wasm", &["quorumscope-core", "quorumscope-lab"]),
    ("quorumscope-web", &["quorumscope-core", "quorumscope-lab"]),
    ("quorumscope-relay", &["quorumscope-core"]),
    ("quorumscope-node", &["quorumscope-core"]),
    ("quorumscope", &["quorumscope-core", "quorumscope-lab", "quorumscope-node", "quorumscope-relay"]),
    ("xtask", &[]),
];

/// A longer file is usually two.
const LINES_MAX: usize = 500;

/// Reports every broken rule at once.
pub fn check() -> Result<()> {
    let metadata = place::output(&mut place::cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_slice(&metadata)?;
    let mut broken = forbidden_arrows(&metadata)?;
    for package in metadata["packages"].as_array().context("cargo metadata lists no packages")? {
        let manifest = Path::new(package["manifest_path"].as_str().context("a package has no manifest")?);
        long_files(manifest.parent().context("a manifest lies in a folder")?, &mut broken)?;
    }
    if !place::root().join("STATUS.md").exists() {
        broken.push("STATUS.md is missing: it lists every claim and whether it was seen".into());
    }
    if !broken.is_empty() {
        bail!("{}", broken.join("\n"));
    }
    Ok(())
}

fn forbidden_arrows(metadata: &Value) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata lists no packages")? {
        let name = package["name"].as_str().context("a package has no name")?;
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else { continue };
        for dependency in package["dependencies"].as_array().context("a package lists no dependencies")? {
            let to = dependency["name"].as_str().context("a dependency has no name")?;
            if dependency["path"].is_string() && dependency["kind"] != "dev" && !allowed.contains(&to) {
                broken.push(format!("{name} may not use {to}: see the arrows in xtask/src/house.rs"));
            }
        }
    }
    Ok(broken)
}

fn long_files(folder: &Path, broken: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if name != "target" && name != "node_modules" {
                long_files(&path, broken)?;
            }
        } else if path.extension().is_some_and(|end| end == "rs") {
            let lines = fs::read_to_string(&path)?.lines().count();
            let file = path.strip_prefix(place::root())?.to_string_lossy();
            if lines > LINES_MAX {
                broken.push(format!("{file} has {lines} lines: split it by concern (at most {LINES_MAX})"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn using(from: &str, to: &str, kind: Value) -> Vec<String> {
        let dependency = json!({ "name": to, "path": "/somewhere", "kind": kind });
        let metadata = json!({ "packages": [{ "name": from, "dependencies": [dependency] }] });
        forbidden_arrows(&metadata).expect("the metadata is complete")
    }

    #[test]
    fn core_may_not_use_the_laboratory() {
        assert_eq!(using("quorumscope-core", "quorumscope-lab", Value::Null).len(), 1);
        assert!(using("quorumscope-lab", "quorumscope-core", Value::Null).is_empty());
    }

    #[test]
    fn tests_of_a_crate_may_use_more_than_the_crate() {
        assert!(using("quorumscope-relay", "quorumscope-node", json!("dev")).is_empty());
    }
}
