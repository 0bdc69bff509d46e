//! What `banyan check` found, for programs: JSON, SARIF, and annotations of GitHub Actions.

use super::check::{Found, Problem};
use banyan_core::json::sha256_hex;
use banyan_core::language::Severity;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// A list of files with their problems.
pub(super) fn json(found: &[Found]) -> Value {
    let files = found.iter().map(|one| {
        let of = |severity| -> Vec<&Problem> {
            let problems = one.problems.iter();
            problems.filter(|two| two.severity == severity).collect()
        };
        json!({
            "file": one.file,
            "errors": of(Severity::Error),
            "warnings": of(Severity::Warning),
        })
    });
    Value::Array(files.collect())
}

/// SARIF 2.1.0.
pub(super) fn sarif(found: &[Found]) -> Value {
    let results: Vec<Value> = found
        .iter()
        .flat_map(|one| {
            one.problems
                .iter()
                .map(|problem| sarif_result(&one.file, problem))
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "banyan check",
                "version": env!("CARGO_PKG_VERSION"),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn sarif_result(file: &Path, problem: &Problem) -> Value {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut message = problem.message.clone();
    if let Some(help) = &problem.help {
        let _ = write!(message, " ({help})");
    }
    // What stays the same when lines above are added, so that a known problem is not new.
    let print = sha256_hex(format!("{}|{}", problem.code, problem.message).as_bytes());
    json!({
        "ruleId": problem.code,
        "level": level,
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": file },
            "region": {
                "startLine": problem.line,
                "startColumn": problem.column,
                "endColumn": problem.column + problem.length,
            },
        } }],
        "partialFingerprints": { "problem/v1": print },
    })
}

/// Annotations of GitHub Actions.
pub(super) fn github(found: &[Found]) -> String {
    let mut text = String::new();
    for one in found {
        for problem in &one.problems {
            let level = match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let help = problem.help.as_ref().map(|help| format!("\n{help}"));
            let message = format!("{}{}", problem.message, help.unwrap_or_default());
            let _ = writeln!(
                text,
                "::{level} file={},line={},col={},endColumn={},title={}::{}",
                property(&one.file.display().to_string()),
                problem.line,
                problem.column,
                problem.column + problem.length,
                property(&problem.code),
                escape(&message),
            );
        }
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
