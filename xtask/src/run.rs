//! Commands that build something and hand over to it.

use crate::workspace::{cargo, metadata};
use anyhow::{Context, Result, bail};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the release binary `name` of `package` and gives its path.
pub(crate) fn release_binary(package: &str, name: &str) -> Result<PathBuf> {
    let status = cargo()
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--package",
            package,
        ])
        .args(["--bin", name])
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("{package} does not build");
    }
    Ok(metadata()?.target_directory.join("release").join(name))
}

/// The binary to look at: the one that was named, else a release build of what is here.
pub(crate) fn banyan(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(path) => path
            .canonicalize()
            .with_context(|| format!("cannot find {}", path.display())),
        None => release_binary("banyan", "banyan"),
    }
}

/// `banyan demo`, from a release build, in place of this process.
pub(crate) fn demo(arguments: &[String]) -> Result<bool> {
    println!("building banyan (release; the first time takes a few minutes)");
    let binary = release_binary("banyan", "banyan")?;
    Err(Command::new(&binary).arg("demo").args(arguments).exec())
        .with_context(|| format!("cannot start {}", binary.display()))
}

/// The simulator, in place of this process.
pub(crate) fn sim(arguments: &[String]) -> Result<bool> {
    let binary = simulator()?;
    Err(Command::new(&binary).args(arguments).exec())
        .with_context(|| format!("cannot start {}", binary.display()))
}

/// Builds the simulator as the tests are built, with their features and their checks: so it
/// shares what is compiled for them, and five hundred seeds take it well under a minute.
pub(crate) fn simulator() -> Result<PathBuf> {
    let status = cargo()
        .args(["build", "--quiet", "--locked", "--workspace"])
        .args(["--exclude", "banyan-tests", "--bin", "banyan-sim"])
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("banyan-sim does not build");
    }
    Ok(metadata()?
        .target_directory
        .join("debug")
        .join("banyan-sim"))
}

/// Runs this program again with these arguments, from a release build: what puts load on a
/// server must not be the slow part itself.
pub(crate) fn again_in_release(arguments: &[String]) -> Result<bool> {
    let binary = release_binary("xtask", "xtask")?;
    let status = Command::new(binary).args(arguments).status();
    Ok(status
        .context("cannot start the release build of xtask")?
        .success())
}
