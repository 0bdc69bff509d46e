//! Replies to calls that a service accepted and told the outcome of later.
//!
//! The path is the authority: who has it got it with the call. Nothing of the saga is told.

use crate::app::App;
use crate::fault::{Answer, Fault};
use crate::fields::Fields;
use crate::{limits, reply};
use axum::extract::{Path, Request, State};
use banyan_api::{Code, Json, ReplyAccepted, ReplyRequest};
use banyan_core::saga::Reply;
use http::StatusCode;

/// Settles the call that carried this address, once.
#[utoipa::path(
    post, path = "/v1/replies/{token}", tag = "Sagas",
    params(("token" = String, Path, description = "The end of the address that the call carried")),
    request_body = ReplyRequest,
    responses((status = 202, description = "Accepted", body = ReplyAccepted)),
    security(()),
)]
pub(crate) async fn take(
    State(app): State<App>,
    Path(token): Path<String>,
    request: Request,
) -> Answer {
    // Nobody's body is read who does not have an address.
    if !app.engine.knows_reply_token(&token) {
        return Err(no_such_reply());
    }
    let body = app.intake.json(request, limits::PAYLOAD_BODY).await?;
    let said = said(body.value)?;
    let outcome = match &said {
        Reply::Done { .. } => "done",
        Reply::Refused { .. } => "refused",
    };
    let taken = app.engine.reply(&token, said).await?;
    let answer = ReplyAccepted {
        outcome: outcome.into(),
    };
    let response = reply::json(StatusCode::ACCEPTED, &answer);
    Ok(reply::replayed(response, taken.replayed))
}

/// What the body says; the field of the other outcome may not stand in it.
fn said(body: Json) -> Answer<Reply> {
    let mut fields = Fields::of(body)?;
    let outcome = fields.text("outcome");
    let (result, error) = (fields.take("result"), fields.take("error"));
    let said = match outcome.as_str() {
        "done" if error.is_some() => {
            fields.fault("error", "what is done has no error: send its result");
            None
        }
        "done" => Some(Reply::Done {
            result: result.unwrap_or_default(),
        }),
        "refused" if result.is_some() => {
            fields.fault("result", "what was refused has no result: send its error");
            None
        }
        "refused" => Some(Reply::Refused {
            error: error.unwrap_or_default(),
        }),
        other => {
            let message = format!("outcome must be \"done\" or \"refused\", not {other:?}");
            fields.fault("outcome", message);
            None
        }
    };
    fields.end()?;
    // What gave nothing was a fault.
    said.ok_or_else(no_such_reply)
}

/// The same words whether an address was forged, damaged, or of a saga that is gone.
pub(crate) fn no_such_reply() -> Fault {
    Fault::new(Code::NoSuchReply, "no call carried this reply address")
}
