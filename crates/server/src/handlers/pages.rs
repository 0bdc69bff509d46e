//! The pages of error codes and of the runbook, and what answers when no call is meant.

use crate::fault::{Answer, Fault};
use axum::extract::{OriginalUri, Path};
use axum::response::IntoResponse;
use banyan_api::Code;
use http::{Method, header};

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// What a code means, when it comes, how to mend it.
#[utoipa::path(
    get, path = "/errors/{code}", tag = "Errors", security(()),
    params(("code" = String, Path, description = "The code")),
    responses((status = 200, description = "Its page, in Markdown", body = String, content_type = "text/plain; charset=utf-8")),
)]
pub(crate) async fn error(Path(code): Path<String>) -> Answer {
    page(ERRORS, &code)
}

/// What to do about a saga that is stuck with this code: what to look at, and which verb helps.
#[utoipa::path(
    get, path = "/runbook/{code}", tag = "Errors", security(()),
    params(("code" = String, Path, description = "The code of a stuck saga")),
    responses((status = 200, description = "Its page, in Markdown", body = String, content_type = "text/plain; charset=utf-8")),
)]
pub(crate) async fn runbook(Path(code): Path<String>) -> Answer {
    page(RUNBOOK, &code)
}

fn page(pages: &[(&str, &'static str)], code: &str) -> Answer {
    match pages.binary_search_by_key(&code, |(known, _)| known) {
        Ok(place) => {
            // Plain text, so that browsers show it instead of saving it.
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            Ok((kind, pages[place].1).into_response())
        }
        Err(_) => {
            let detail = format!("there is no page for the code {code:?}");
            Err(Fault::new(Code::NoSuchPath, detail))
        }
    }
}

/// Nothing is served here.
pub(crate) async fn nothing(OriginalUri(uri): OriginalUri) -> Fault {
    let detail = format!(
        "nothing is served at {}; /v1/openapi.json lists every path",
        uri.path()
    );
    Fault::new(Code::NoSuchPath, detail)
}

/// The path is served, with other methods.
pub(crate) async fn other_method(method: Method, OriginalUri(uri): OriginalUri) -> Fault {
    let detail = format!(
        "{} does not take {method}; Allow lists what it takes",
        uri.path()
    );
    Fault::new(Code::MethodNotAllowed, detail)
}

/// Part of the API, and not of this build.
pub(crate) async fn not_yet(method: Method, OriginalUri(uri): OriginalUri) -> Fault {
    let detail = format!("this build does not have {method} {} yet", uri.path());
    Fault::new(Code::NotSupportedYet, detail)
}
