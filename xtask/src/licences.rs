//! May everything that is compiled be given away under our own licence?
//!
//! The licences in the manifests of all dependencies for this machine and for
//! wasm are held against a list; a package outside it needs a reason here.

use crate::place;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use spdx::{Expression, ParseMode};

/// Licences that ask for no more than their own text.
const ALLOWED: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Packages with another licence, and why they may stay.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("option-ext", "MPL-2.0, unchanged, and only in a build tool that nobody is given"),
    ("sailing-proto", "MPL-2.0, unchanged, and only in the benchmark beside other crates"),
    ("webdriver", "MPL-2.0, unchanged, and only in the tests that drive a browser"),
];

/// Reports every package with another licence.
pub fn check() -> Result<()> {
    let host = String::from_utf8(place::output(std::process::Command::new("rustc").arg("-vV"))?)?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    let arguments = ["metadata", "--locked", "--all-features", "--format-version", "1", "--filter-platform"];
    let mut command = place::cargo(&arguments);
    command.args([host, "--filter-platform", "wasm32-unknown-unknown"]);
    let metadata: Value = serde_json::from_slice(&place::output(&mut command)?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let refused: Vec<String> = packages.iter().filter_map(refusal).collect();
    if !refused.is_empty() {
        bail!("{}", refused.join("\n"));
    }
    eprintln!("{} packages, each with an allowed licence", packages.len());
    Ok(())
}

fn refusal(package: &Value) -> Option<String> {
    let name = package["name"].as_str().unwrap_or("a package without a name");
    let licence = package["license"].as_str().unwrap_or("no licence");
    let allowed = Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|part| ALLOWED.iter().any(|id| part.license.id() == spdx::license_id(id)))
    });
    let excepted = EXCEPTIONS.iter().any(|(exception, _)| *exception == name);
    (!allowed && !excepted).then(|| format!("{name}: `{licence}` is not allowed by xtask/src/licences.rs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_choice_is_allowed_if_one_side_is_and_a_sum_only_if_all_are() {
        let refused = |licence: &str| refusal(&json!({ "name": "a", "license": licence })).is_some();
        assert!(!refused("MIT/Apache-2.0"));
        assert!(!refused("GPL-3.0-only OR MIT"));
        assert!(refused("MIT AND GPL-3.0-only"));
        assert!(refused("words that are no licence"));
    }
}
