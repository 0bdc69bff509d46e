//! Checking a saga file without registering it.

use crate::app::App;
use crate::fault::Answer;
use crate::{limits, reply};
use axum::extract::{Request, State};
use axum::response::Response;
use banyan_api::{CheckAnswer, Diagnostic};
use banyan_core::language;

/// Checks a saga file; registers nothing.
#[utoipa::path(
    post, path = "/v1/checks", tag = "Definitions",
    request_body(content = String, content_type = "application/yaml", description = "A saga file"),
    responses((status = 200, description = "What is wrong with it, and what is doubtful", body = CheckAnswer)),
)]
pub(crate) async fn check(State(app): State<App>, request: Request) -> Answer {
    let source = app.intake.file(request, limits::FILE_BODY).await?;
    let checked = app.engine.check(&source.value);
    let (errors, warnings) = checked
        .diagnostics
        .iter()
        .map(diagnostic)
        .partition(|found| found.severity == banyan_api::Severity::Error);
    Ok::<Response, _>(reply::ok(&CheckAnswer { errors, warnings }))
}

/// A finding as answered.
pub(crate) fn diagnostic(found: &language::Diagnostic) -> Diagnostic {
    Diagnostic {
        code: found.code.to_string(),
        severity: match found.severity {
            language::Severity::Error => banyan_api::Severity::Error,
            language::Severity::Warning => banyan_api::Severity::Warning,
        },
        line: found.line,
        column: found.column,
        length: found.length,
        message: found.message.clone(),
        help: found.help.clone(),
    }
}
