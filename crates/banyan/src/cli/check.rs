//! `banyan check`: what is wrong with saga files, for people and for pipelines.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use super::{report, together};
use banyan_core::language::{Diagnostic, Severity, decode};
use banyan_sdk::api;
use clap::{Args, ValueEnum};
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub(super) use banyan_core::language::Surroundings;

/// Checks saga files together, and reports every problem at once: what one runs is looked for
/// among the others. Exits 1 when there is an error.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan check order.saga.yaml
  banyan check sagas/*.saga.yaml --format github
  banyan check order.saga.yaml charge.saga.yaml          do they fit each other?
  banyan check order.saga.yaml --against http://127.0.0.1:7400   are its services registered?")]
pub(crate) struct Check {
    /// Saga files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Have this server check them, which knows what is registered
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How problems are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With the line that each is in
    Human,
    /// A list of files with their problems
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// A file with what was found in it.
pub(super) struct Found {
    /// The file.
    pub(super) file: PathBuf,
    /// Its text, as far as it could be read.
    pub(super) source: String,
    /// What was found, in the order of the file.
    pub(super) problems: Vec<Problem>,
}

/// A problem, whoever found it.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) severity: Severity,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) length: usize,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl From<&Diagnostic> for Problem {
    fn from(found: &Diagnostic) -> Problem {
        Problem {
            code: found.code.to_owned(),
            severity: found.severity,
            line: found.line,
            column: found.column,
            length: found.length,
            message: found.message.clone(),
            help: found.help.clone(),
        }
    }
}

impl From<api::Diagnostic> for Problem {
    fn from(found: api::Diagnostic) -> Problem {
        let is_error = found.severity == api::Severity::Error;
        Problem {
            code: found.code,
            severity: if is_error {
                Severity::Error
            } else {
                Severity::Warning
            },
            line: found.line,
            column: found.column,
            length: found.length,
            message: found.message,
            help: found.help,
        }
    }
}

pub(super) async fn run(context: &Context, check: &Check) -> Result<Exit, Fail> {
    let client = check
        .against
        .as_deref()
        .map(|server| context.client_of(server))
        .transpose()?;
    let found = together::check_all(&check.files, client.as_ref()).await?;
    let format = if context.json() {
        Format::Json
    } else {
        check.format
    };
    match format {
        Format::Human => print(&human(context, &found)),
        Format::Json => print_json(&report::json(&found))?,
        Format::Sarif => print_json(&report::sarif(&found))?,
        Format::Github => print(&report::github(&found)),
    }
    let errors = found.iter().flat_map(|one| &one.problems);
    let failed = errors
        .into_iter()
        .any(|one| one.severity == Severity::Error);
    Ok(if failed { Exit::Error } else { Exit::Well })
}

/// A saga file's text.
pub(crate) fn read(file: &Path) -> Result<String, Fail> {
    let bytes = std::fs::read(file).map_err(|error| Fail::file(file, &error))?;
    let text = decode(&bytes).map_err(|problem| {
        let Diagnostic { line, message, .. } = &problem;
        let help = problem.help.as_deref().unwrap_or_default();
        Fail::Here(format!("{}:{line}: {message}; {help}", file.display()))
    })?;
    Ok(text.to_owned())
}

fn human(context: &Context, found: &[Found]) -> String {
    let mut text = String::new();
    for one in found {
        text.push_str(&picture(&one.file, &one.source, &one.problems));
        let count = |severity| {
            one.problems
                .iter()
                .filter(|two| two.severity == severity)
                .count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let mark = match (errors, warnings) {
            (0, 0) => context.style.good("✓"),
            (0, _) => context.style.doubt("!"),
            _ => context.style.bad("✗"),
        };
        let _ = writeln!(
            text,
            "{mark} {}: {}, {}",
            one.file.display(),
            counted(errors, "error"),
            counted(warnings, "warning")
        );
    }
    text
}

fn counted(count: usize, word: &str) -> String {
    match count {
        0 => format!("no {word}s"),
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}

/// Diagnostics with the lines that they are in.
pub(crate) fn pretty(file: &Path, source: &str, found: &[Diagnostic]) -> String {
    let problems: Vec<Problem> = found.iter().map(Problem::from).collect();
    picture(file, source, &problems)
}

fn picture(file: &Path, source: &str, problems: &[Problem]) -> String {
    let mut text = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(theme()).with_width(100);
    for problem in problems {
        let severity = match problem.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        };
        let label = miette::LabeledSpan::new(None, offset(source, problem), span(source, problem));
        let mut diagnostic = miette::MietteDiagnostic::new(problem.message.clone())
            .with_code(problem.code.clone())
            .with_severity(severity)
            .with_label(label);
        if let Some(help) = &problem.help {
            diagnostic = diagnostic.with_help(help.clone());
        }
        let named = miette::NamedSource::new(file.display().to_string(), source.to_owned());
        let report = miette::Report::new(diagnostic).with_source_code(named);
        // Writing into a String cannot fail.
        let _ = handler.render_report(&mut text, report.as_ref());
    }
    text
}

fn theme() -> miette::GraphicalTheme {
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if terminal && !refused {
        miette::GraphicalTheme::unicode()
    } else {
        miette::GraphicalTheme::unicode_nocolor()
    }
}

/// The byte at which a problem begins; the end of its line, or of the text, where it is past it.
fn offset(source: &str, problem: &Problem) -> usize {
    let before: usize = source
        .split_inclusive('\n')
        .take(problem.line.saturating_sub(1))
        .map(str::len)
        .sum();
    let line = source[before..].lines().next().unwrap_or("");
    let inside = line.char_indices().nth(problem.column.saturating_sub(1));
    before + inside.map_or(line.len(), |(at, _)| at)
}

/// How many bytes it covers, to the end of its line at most.
fn span(source: &str, problem: &Problem) -> usize {
    let rest = source[offset(source, problem)..]
        .lines()
        .next()
        .unwrap_or("");
    rest.chars().take(problem.length).map(char::len_utf8).sum()
}
