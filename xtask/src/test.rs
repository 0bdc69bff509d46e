//! `cargo xtask test`: every check, in order, cheap ones first. What is optional and missing
//! is one printed line. The last line is `N passed, N failed`.

use crate::load::free_port;
use crate::tally::{Tally, test_result};
use crate::workspace::{self, cargo};
use crate::{bench, run, tidy, torture};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

/// One stage: it counts what it checked.
type Stage = fn(&mut Tally) -> Result<()>;

/// Runs everything, or the tests of one crate.
pub(crate) fn run(part: Option<&str>) -> Result<bool> {
    let mut tally = Tally::default();
    match part {
        Some(part) => tests_of(part, &mut tally)?,
        None => everything(&mut tally)?,
    }
    Ok(tally.finish())
}

#[expect(clippy::disallowed_methods, reason = "says how long each stage took")]
fn everything(tally: &mut Tally) -> Result<()> {
    let stages: [(&str, Stage); 11] = [
        ("format", format),
        ("lints", lints),
        ("house rules", house_rules),
        ("dependencies", dependencies),
        ("tests", tests),
        ("release build", release),
        ("commands in documents", documented_commands),
        ("simulator", simulator),
        ("whole processes, release build", whole_processes),
        ("torture", torments),
        ("demo", demo),
    ];
    for (name, stage) in stages {
        println!("\n== {name}");
        let begun = Instant::now();
        if let Err(error) = stage(tally) {
            println!("{name}: {error:#}");
            tally.check(name, false);
        }
        println!("== {name}: {} s", begun.elapsed().as_secs());
    }
    println!();
    Ok(())
}

fn tests_of(part: &str, tally: &mut Tally) -> Result<()> {
    let metadata = workspace::metadata()?;
    let full = format!("banyan-{part}");
    let mut names = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str());
    let name = names.find(|name| *name == part || *name == full);
    let name = name.with_context(|| format!("no crate of this workspace is called {part}"))?;
    cargo_test("tests", &["--package", name], tally)
}

fn format(tally: &mut Tally) -> Result<()> {
    if !available("rustfmt", &["--version"]) {
        println!("skipped: rustfmt is not installed (rustup component add rustfmt)");
        return Ok(());
    }
    let status = cargo().args(["fmt", "--all", "--check"]).status()?;
    tally.check("cargo fmt --check", status.success());
    Ok(())
}

fn lints(tally: &mut Tally) -> Result<()> {
    if !available("cargo-clippy", &["--version"]) {
        println!("skipped: clippy is not installed (rustup component add clippy)");
        return Ok(());
    }
    let status = cargo()
        .args([
            "clippy",
            "--quiet",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
        .status()?;
    tally.check("cargo clippy", status.success());
    Ok(())
}

fn house_rules(tally: &mut Tally) -> Result<()> {
    for rule in tidy::check()? {
        tidy::print(&rule);
        tally.check(rule.name, rule.complaints.is_empty());
    }
    Ok(())
}

fn dependencies(tally: &mut Tally) -> Result<()> {
    if !available("cargo-deny", &["--version"]) {
        println!("skipped: cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(());
    }
    let status = cargo()
        .args(["deny", "check", "licenses", "bans", "sources"])
        .status()?;
    tally.check("cargo deny check licenses bans sources", status.success());
    let output = cargo().args(["deny", "check", "advisories"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("failed to fetch advisory database") {
        println!("skipped: the database of advisories cannot be had from here");
    } else {
        print!("{said}");
        tally.check("cargo deny check advisories", output.status.success());
    }
    Ok(())
}

fn tests(tally: &mut Tally) -> Result<()> {
    // The whole-process tests run later, over the release build.
    let libraries = ["--workspace", "--exclude", "banyan-tests"];
    cargo_test("tests", &libraries, tally)
}

fn release(tally: &mut Tally) -> Result<()> {
    let built = run::release_binary("banyan", "banyan");
    if let Err(error) = &built {
        println!("{error:#}");
    }
    tally.check("release build", built.is_ok());
    Ok(())
}

/// Every `banyan …` that a document shows is a command of the binary.
fn documented_commands(tally: &mut Tally) -> Result<()> {
    let binary = run::release_binary("banyan", "banyan")?;
    let shown = tidy::shown("banyan")?;
    let mut names: Vec<String> = shown
        .into_iter()
        .filter_map(|(_, _, words)| words.into_iter().next())
        .collect();
    names.sort();
    names.dedup();
    for name in names.iter().filter(|name| !name.starts_with('-')) {
        let known = available(&binary.display().to_string(), &[name, "--help"]);
        tally.check(&format!("`banyan {name}`, as documents show it"), known);
    }
    let folder = tempfile::tempdir()?;
    let sagas = tidy::sagas()?;
    for (path, text) in &sagas {
        let file = folder.path().join("shown.saga.yaml");
        std::fs::write(&file, text)?;
        let status = Command::new(&binary).arg("check").arg(&file).status()?;
        tally.check(
            &format!("the saga that {} shows", path.display()),
            status.success(),
        );
    }
    println!(
        "{} commands and {} sagas looked up",
        names.len(),
        sagas.len()
    );
    Ok(())
}

fn simulator(tally: &mut Tally) -> Result<()> {
    let binary = run::simulator()?;
    let status = Command::new(&binary).status()?;
    tally.check("simulator, short form", status.success());
    let status = Command::new(&binary).arg("--canary").status()?;
    tally.check("simulator finds the planted bugs", status.success());
    Ok(())
}

fn whole_processes(tally: &mut Tally) -> Result<()> {
    let mut cargo = cargo();
    // They would build it themselves, in the surroundings of a test.
    cargo.env("BANYAN_BINARY", run::release_binary("banyan", "banyan")?);
    let arguments = ["--release", "--package", "banyan-tests"];
    count_tests("whole processes", cargo, &arguments, tally)
}

fn torments(tally: &mut Tally) -> Result<()> {
    tally.check(
        "torture, short form",
        torture::run(&torture::Options::short())?,
    );
    tally.check(
        "torture finds the planted bugs",
        torture::run(&torture::Options::canary())?,
    );
    tally.check("bench, smoke form", bench::run(&bench::Options::smoke())?);
    Ok(())
}

fn demo(tally: &mut Tally) -> Result<()> {
    let binary = run::release_binary("banyan", "banyan")?;
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("demo");
    let mut run = Command::new(&binary);
    let shown = run
        .args(["demo", "--duration", "15s", "--listen"])
        .arg(free_port()?.to_string());
    let status = shown
        .arg("--data")
        .arg(&data)
        .stdin(Stdio::null())
        .status()?;
    tally.check("banyan demo", status.success());
    let mut verify = Command::new(&binary);
    let status = verify
        .args(["demo", "verify", "--data"])
        .arg(&data)
        .status()?;
    tally.check("banyan demo verify", status.success());
    Ok(())
}

/// `cargo test` with these arguments, its output passed on and its results counted.
fn cargo_test(name: &str, arguments: &[&str], tally: &mut Tally) -> Result<()> {
    count_tests(name, cargo(), arguments, tally)
}

fn count_tests(
    name: &str,
    mut cargo: Command,
    arguments: &[&str],
    tally: &mut Tally,
) -> Result<()> {
    let mut child = cargo
        .args(["test", "--locked", "--no-fail-fast"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut counted_failure = false;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some((passed, failed)) = test_result(&line) {
            counted_failure |= failed > 0;
            tally.add(name, passed, failed);
        }
        // Thousands of passing tests are no news.
        if !line.ends_with(" ... ok") && !line.trim().is_empty() {
            println!("{line}");
        }
    }
    let status = child.wait()?;
    if !status.success() && !counted_failure {
        tally.check(&format!("cargo test {}", arguments.join(" ")), false);
    }
    Ok(())
}

fn available(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
