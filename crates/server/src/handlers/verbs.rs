//! The verbs: what a person asks of one saga, or would.

use super::{history, names};
use crate::app::{App, saga_id};
use crate::fault::{Answer, Fault};
use crate::fields::Fields;
use crate::{limits, project, reply};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use banyan_api::{
    Code, Json, NoteRequest, Planned, Preview, RetryRequest, SettleRequest, VerbAnswer, VerbRequest,
};
use banyan_core::id::Id;
use banyan_core::saga::{self, Ask, Asked, Leg, Retry, Settle, Settlement};
use banyan_engine::By;
use http::{HeaderMap, HeaderValue, header};

/// Who acts: this build has one token.
pub(super) const ACTOR: &str = "admin";

/// They, where nobody is asked why.
pub(super) fn unsaid() -> By {
    By {
        actor: ACTOR.to_owned(),
        reason: String::new(),
    }
}

/// Characters of an owner's name, and of a note or of evidence.
const OWNER_CHARS: usize = 200;
const TEXT_CHARS: usize = 10_000;

/// Turns a saga back before its pivot.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/cancel", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of a dry run: only if the saga has not changed since"),
    ),
    request_body = VerbRequest,
    responses((status = 200, description = "The saga as it is now or, of a dry run, what would happen; with an ETag", body = VerbAnswer)),
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    take(&app, &id, request, |_| Ok(Ask::Cancel)).await
}

/// Tries again what is stuck or waits for its next try.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/retry", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of a dry run: only if the saga has not changed since"),
    ),
    request_body = RetryRequest,
    responses((status = 200, description = "The saga as it is now or, of a dry run, what would happen; with an ETag", body = VerbAnswer)),
)]
pub(crate) async fn retry(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    take(&app, &id, request, |fields| {
        Ok(Ask::Retry(read_retry(fields)))
    })
    .await
}

/// Takes a person's word for what became of a leg.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/settle", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of a dry run: only if the saga has not changed since"),
    ),
    request_body = SettleRequest,
    responses((status = 200, description = "The saga as it is now or, of a dry run, what would happen; with an ETag", body = VerbAnswer)),
)]
pub(crate) async fn settle(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    take(&app, &id, request, |fields| {
        Ok(Ask::Settle(read_settle(fields)))
    })
    .await
}

/// Undoes a completed saga as a business operation.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/undo", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of a dry run: only if the saga has not changed since"),
    ),
    request_body = VerbRequest,
    responses((status = 200, description = "The saga as it is now or, of a dry run, what would happen; with an ETag", body = VerbAnswer)),
)]
pub(crate) async fn undo(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    take(&app, &id, request, |_| Ok(Ask::Undo)).await
}

/// Gives a stuck saga up; what remains of it is listed.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/abandon", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of a dry run: only if the saga has not changed since"),
    ),
    request_body = VerbRequest,
    responses((status = 200, description = "The saga as it is now or, of a dry run, what would happen; with an ETag", body = VerbAnswer)),
)]
pub(crate) async fn abandon(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    take(&app, &id, request, |_| Ok(Ask::Abandon)).await
}

/// Writes down who looks after a saga, and what is known.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/note", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of a dry run: only if the saga has not changed since"),
    ),
    request_body = NoteRequest,
    responses((status = 200, description = "The saga as it is now or, of a dry run, what would happen; with an ETag", body = VerbAnswer)),
)]
pub(crate) async fn note(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    take(&app, &id, request, |fields| {
        let (text, owner) = read_note(fields);
        Ok(Ask::Note { text, owner })
    })
    .await
}

/// What `retry` takes.
pub(super) fn read_retry(fields: &mut Fields) -> Retry {
    Retry {
        step: fields.optional_text("step"),
        leg: leg(fields, &Leg::ALL),
        body: fields.take("body"),
    }
}

/// What `settle` takes.
pub(super) fn read_settle(fields: &mut Fields) -> Settle {
    let step = fields.text("step");
    let leg = leg(fields, &[Leg::Do, Leg::Undo, Leg::Confirm]);
    if leg.is_none() {
        fields.fault("leg", "leg is missing or none: do, undo or confirm");
    }
    let settlement = settlement(fields);
    let result = fields.take("result");
    if result.is_some() && (leg != Some(Leg::Do) || settlement == Settlement::NotHappened) {
        fields.fault("result", "only a do that is done has a result");
    }
    let evidence = fields.text("evidence");
    if evidence.trim().is_empty() {
        fields.fault(
            "evidence",
            "evidence says how you know: a receipt, a line of a ledger, who looked",
        );
    }
    bounded(fields, "evidence", &evidence, TEXT_CHARS);
    Settle {
        step,
        leg: leg.unwrap_or(Leg::Do),
        settlement,
        result,
        evidence,
    }
}

/// What `note` takes: what is known, and who looks after it.
pub(super) fn read_note(fields: &mut Fields) -> (Option<String>, Option<String>) {
    let text = fields.optional_text("text");
    let owner = fields.optional_text("owner");
    if text.is_none() && owner.is_none() {
        fields.fault("text", "a note says something: give text, owner or both");
    }
    bounded(
        fields,
        "text",
        text.as_deref().unwrap_or_default(),
        TEXT_CHARS,
    );
    bounded(
        fields,
        "owner",
        owner.as_deref().unwrap_or_default(),
        OWNER_CHARS,
    );
    (text, owner)
}

/// Reads what is asked, and does it, or says what it would do.
async fn take(
    app: &App,
    id: &str,
    request: Request,
    read: impl FnOnce(&mut Fields) -> Answer<Ask>,
) -> Answer {
    let id = saga_id(id)?;
    let expected_seq = if_match(request.headers())?;
    let body = app.intake.json(request, limits::PAYLOAD_BODY).await?;
    let mut fields = Fields::of(body.value)?;
    let what = read(&mut fields)?;
    let reason = names::reason(&mut fields);
    let dry_run = fields.flag("dry_run", false);
    fields.end()?;
    let asked = Asked {
        what,
        reason,
        actor: ACTOR.to_owned(),
        expected_seq,
        operation: None,
    };
    if dry_run {
        return preview(app, id, asked).await;
    }
    let saga = match app.engine.ask(id, asked).await {
        Ok(saga) => saga,
        Err(error) => return Err(app.refused(id, error).await),
    };
    let mut response = reply::ok(&VerbAnswer::Done(Box::new(app.whole(&saga).await?)));
    tag(&mut response, saga.seq);
    Ok(response)
}

async fn preview(app: &App, id: Id, asked: Asked) -> Answer {
    let verb = asked.what.verb();
    let now = app.saga_of(id).await?;
    let asked = Asked {
        // What is told is of the saga as it was read here.
        expected_seq: asked.expected_seq.or(Some(now.seq)),
        ..asked
    };
    let found = match app.engine.preview(id, asked).await {
        Ok(found) => found,
        Err(error) => return Err(app.refused(id, error).await),
    };
    let records: Answer<Vec<_>> = found.records.iter().map(history::entry).collect();
    let answer = Preview {
        dry_run: true,
        verb: verb.as_str().into(),
        before: now.status().as_str().into(),
        after: found.saga.status().as_str().into(),
        records: records?,
        calls: found.calls.into_iter().map(planned).collect(),
        more: found.more,
        without_undo: found.without_undo,
        saga: project::saga(
            &found.saga,
            found.saga.masked().waiting_on(),
            Vec::new(),
            None,
        ),
    };
    let mut response = reply::ok(&VerbAnswer::Preview(Box::new(answer)));
    tag(&mut response, now.seq);
    Ok(response)
}

pub(super) fn planned(call: saga::Planned) -> Planned {
    Planned {
        step: call.step,
        leg: call.leg.as_str().into(),
        service: call.service,
        method: call.method.to_owned(),
        target: call.target,
        idempotency_key: call.key,
        body: call.body.unwrap_or(Json::Null),
    }
}

fn leg(fields: &mut Fields, known: &[Leg]) -> Option<Leg> {
    let name = fields.optional_text("leg")?;
    let found = known.iter().find(|leg| leg.as_str() == name);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|leg| leg.as_str()).collect();
        let known = names.join(", ");
        fields.fault("leg", format!("leg is {name:?}, not one of {known}"));
    }
    found.copied()
}

fn settlement(fields: &mut Fields) -> Settlement {
    let name = fields.text("as");
    let all = [Settlement::Done, Settlement::NotHappened];
    let found = all.into_iter().find(|one| one.as_str() == name);
    found.unwrap_or_else(|| {
        if !name.is_empty() {
            fields.fault("as", format!("as is {name:?}, not done or not_happened"));
        }
        Settlement::Done
    })
}

fn bounded(fields: &mut Fields, name: &'static str, text: &str, most: usize) {
    if text.chars().count() > most {
        fields.fault(name, format!("{name} has more than {most} characters"));
    }
}

/// The number of its last record as the answer's `ETag`.
pub(super) fn tag(response: &mut Response, seq: u64) {
    // A number in quotes: every character of it may stand in a header.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{seq}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

/// The number of the record that the caller saw last.
pub(super) fn if_match(headers: &HeaderMap) -> Answer<Option<u64>> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    if text == "*" {
        return Ok(None);
    }
    let number = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let seq = number.and_then(|number| number.parse().ok());
    seq.map(Some).ok_or_else(|| {
        Fault::new(
            Code::InvalidHeader,
            format!("If-Match is {text:?}, which no dry run answered as its ETag"),
        )
    })
}
