//! Which crate may use which: the table of ARCHITECTURE.md against what cargo resolves, and the
//! drivers that stay inside the crates they belong to.

use crate::workspace::{self, Metadata, Package};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};

type Edges = BTreeMap<String, BTreeSet<String>>;

/// A library, and the crates that may name it. No I/O, no async and no randomness reach what
/// is not listed.
const DRIVERS: [(&str, &[&str]); 8] = [
    ("rusqlite", &["store", "banyan", "tests"]),
    (
        "hyper",
        &["outbound", "sdk", "server", "banyan", "tests", "xtask"],
    ),
    ("axum", &["server", "banyan", "xtask"]),
    ("rustls", &["outbound"]),
    (
        "tokio",
        &[
            "outbound", "engine", "sim", "sdk", "server", "banyan", "tests", "xtask",
        ],
    ),
    ("rand", &["engine", "server", "banyan", "sim", "xtask"]),
    ("clap", &["banyan", "sim", "xtask"]),
    ("utoipa", &["api", "server"]),
];

/// Complaints where the table and the manifests differ, in either direction.
pub(super) fn check(metadata: &Metadata) -> Result<Vec<String>> {
    let told = table(&workspace::read("ARCHITECTURE.md")?)?;
    Ok(compare(&told, &real(metadata)))
}

/// Complaints where a crate names a library that is not its own.
pub(super) fn walls(metadata: &Metadata) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        for (driver, allowed) in DRIVERS {
            let name = short(&package.name);
            if uses(package, driver) && !allowed.contains(&name.as_str()) {
                complaints.push(format!(
                    "{name} uses {driver}; only {} may",
                    allowed.join(", ")
                ));
            }
        }
    }
    complaints
}

/// Complaints where a crate does not take the workspace's lints.
pub(super) fn lints(metadata: &Metadata) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        let manifest: toml::Table = toml::from_str(&workspace::read(&package.manifest_path)?)
            .with_context(|| format!("cannot read {}", package.manifest_path.display()))?;
        let inherits = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        if inherits.and_then(toml::Value::as_bool) != Some(true) {
            complaints.push(format!("{}: add `[lints] workspace = true`", package.name));
        }
    }
    Ok(complaints)
}

fn uses(package: &Package, library: &str) -> bool {
    let mut named = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.name == library);
    named.any(|dependency| dependency.kind.is_none() || package.name == "banyan-tests")
}

fn short(package: &str) -> String {
    package
        .strip_prefix("banyan-")
        .unwrap_or(package)
        .to_owned()
}

/// Ordinary edges between our own crates. Those of tests are free: they build nothing.
fn real(metadata: &Metadata) -> Edges {
    let ours: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let edges = |package: &Package| {
        let ordinary = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind.is_none());
        let own = ordinary.filter(|dependency| ours.contains(dependency.name.as_str()));
        (
            short(&package.name),
            own.map(|dependency| short(&dependency.name)).collect(),
        )
    };
    metadata.packages.iter().map(edges).collect()
}

/// The rows of the table under `## Crates`: name in the first column, edges in the last.
fn table(text: &str) -> Result<Edges> {
    let (_, rest) = text
        .split_once("\n## Crates")
        .context("ARCHITECTURE.md has no `## Crates`")?;
    let section = rest
        .split_once("\n## ")
        .map_or(rest, |(section, _)| section);
    let mut edges = Edges::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, uses] = cells[..] else {
            anyhow::bail!("ARCHITECTURE.md: this row has not three columns: {row}");
        };
        let uses = uses.split(',').map(str::trim).filter(|word| *word != "–");
        edges.insert(
            name.trim_matches('`').to_owned(),
            uses.map(str::to_owned).collect(),
        );
    }
    Ok(edges)
}

fn compare(told: &Edges, real: &Edges) -> Vec<String> {
    let mut complaints = Vec::new();
    let none = BTreeSet::new();
    for name in told.keys().chain(real.keys()).collect::<BTreeSet<_>>() {
        if !told.contains_key(name) {
            complaints.push(format!("{name}: ARCHITECTURE.md has no row for this crate"));
        } else if !real.contains_key(name) {
            complaints.push(format!(
                "{name}: ARCHITECTURE.md has a row for a crate that is not there"
            ));
        }
        let (said, found) = (
            told.get(name).unwrap_or(&none),
            real.get(name).unwrap_or(&none),
        );
        for extra in found.difference(said) {
            complaints.push(format!(
                "{name} uses {extra}, which ARCHITECTURE.md does not allow"
            ));
        }
        for gone in said.difference(found) {
            complaints.push(format!(
                "{name} does not use {gone}, though ARCHITECTURE.md says so"
            ));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# A\n\n## Crates\n\n| crate | what | uses |\n| --- | --- | --- |\n| `core` | a | – |\n| `store` | b | core |\n\n## More\n| `x` | y | z |\n";

    #[test]
    fn the_table_is_read_and_compared_both_ways() {
        let told = table(TABLE).unwrap();
        assert!(compare(&told, &told).is_empty());
        let mut real = told.clone();
        real.entry("core".into())
            .or_default()
            .insert("store".into());
        assert_eq!(compare(&told, &real).len(), 1);
        assert_eq!(compare(&real, &told).len(), 1);
        real.remove("core");
        assert_eq!(compare(&told, &real).len(), 1);
    }
}
