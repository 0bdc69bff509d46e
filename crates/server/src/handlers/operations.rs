//! Operations: one verb over every saga that a filter selects, in the background.

use super::names;
use super::verbs::{self, ACTOR, planned};
use crate::app::App;
use crate::carried::carried;
use crate::fault::{Answer, Fault};
use crate::fields::Fields;
use crate::query::Query;
use crate::{filter, limits, reply};
use axum::extract::{Path, Request, State};
use banyan_api::{
    Code, Json, Operation, OperationAnswer, OperationCount, OperationPreview, OperationRefusal,
    OperationRequest, OperationSample, Page, TurnOperationRequest,
};
use banyan_core::id::Id;
use banyan_core::json;
use banyan_core::saga::Verb;
use banyan_engine::{self as engine, By, Deed, OPERATION_RATE, OPERATION_RATE_MAX};
use banyan_store::OperationKey;
use http::{HeaderValue, StatusCode, header};
use std::sync::Arc;

/// Begins a verb over every saga that the filter selects, or says what it would do.
#[utoipa::path(
    post, path = "/v1/operations", tag = "Operations",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters; mandatory unless `dry_run`. Same key and body: the same operation again"),
    ),
    request_body = OperationRequest,
    responses(
        (status = 202, description = "It has begun", body = Operation),
        (status = 200, description = "Of a dry run: what would happen", body = OperationPreview),
    ),
)]
pub(crate) async fn begin(State(app): State<App>, request: Request) -> Answer {
    let key = names::idempotency_key(request.headers());
    let body = app.intake.json(request, limits::PAYLOAD_BODY).await?;
    let request_hash = json::sha256_hex(json::canonical(&body.value).as_bytes());
    let mut fields = Fields::of(body.value)?;
    let deed = deed(&mut fields)?;
    let asked = selection(&mut fields);
    let reason = names::reason(&mut fields);
    let rate = rate(&mut fields);
    let dry_run = fields.flag("dry_run", false);
    let preview = fields.optional_text("preview");
    fields.end()?;
    let request = engine::OperationRequest {
        deed,
        filter: filter::stored(filter::of_body(&asked)?),
        asked,
        reason,
        actor: ACTOR.to_owned(),
        rate,
        preview,
        // A dry run uses up no key.
        key: match dry_run {
            true => None,
            false => Some(OperationKey {
                namespace: crate::guard::NAMESPACE.to_owned(),
                key: key?,
                request_hash,
            }),
        },
    };
    if dry_run {
        let preview = app.engine.preview_operation(&request).await?;
        let shown = previewed(request.deed.verb(), preview);
        return Ok(reply::ok(&OperationAnswer::Preview(Box::new(shown))));
    }
    let begun = carried(async move { app.engine.begin_operation(request).await }).await?;
    let engine::BegunOperation {
        operation: begun,
        replayed,
    } = begun;
    let shown = OperationAnswer::Begun(Box::new(shown(&begun)?));
    let mut response = reply::json(StatusCode::ACCEPTED, &shown);
    if let Ok(location) = HeaderValue::try_from(format!("/v1/operations/{}", begun.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(reply::replayed(response, replayed))
}

/// Operations, newest first.
#[utoipa::path(
    get, path = "/v1/operations", tag = "Operations",
    params(
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Operations, newest first", body = Page<Operation>)),
)]
pub(crate) async fn list(State(app): State<App>, query: Query) -> Answer {
    let limit = query.limit()?;
    let after = query.cursor::<Id>()?;
    // One more than asked for tells whether there is a next page.
    let mut found = app
        .engine
        .operations(after, limit.saturating_add(1))
        .await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| last.id.to_string());
    let items = found.iter().map(|one| shown(one)).collect::<Answer<_>>()?;
    Ok(reply::ok(&Page { items, next }))
}

/// An operation as it stands.
#[utoipa::path(
    get, path = "/v1/operations/{id}", tag = "Operations",
    params(("id" = String, Path, description = "The operation's id")),
    responses((status = 200, description = "The operation", body = Operation)),
)]
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let operation = app.engine.operation(operation_id(&id)?).await?;
    Ok(reply::ok(&shown(&operation)?))
}

/// Holds an operation up, once it is through with the sagas that it is asking.
#[utoipa::path(
    post, path = "/v1/operations/{id}/pause", tag = "Operations",
    params(("id" = String, Path, description = "The operation's id")),
    request_body = TurnOperationRequest,
    responses((status = 200, description = "The operation as it is now", body = Operation)),
)]
pub(crate) async fn pause(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let (engine, id, by) = (
        app.engine.clone(),
        operation_id(&id)?,
        by(&app, request).await?,
    );
    turned(carried(async move { engine.pause_operation(id, by).await }).await)
}

/// Lets an operation go on.
#[utoipa::path(
    post, path = "/v1/operations/{id}/resume", tag = "Operations",
    params(("id" = String, Path, description = "The operation's id")),
    request_body = TurnOperationRequest,
    responses((status = 200, description = "The operation as it is now", body = Operation)),
)]
pub(crate) async fn resume(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let (engine, id, by) = (
        app.engine.clone(),
        operation_id(&id)?,
        by(&app, request).await?,
    );
    turned(carried(async move { engine.resume_operation(id, by).await }).await)
}

/// Ends an operation; what it has done stays done.
#[utoipa::path(
    post, path = "/v1/operations/{id}/cancel", tag = "Operations",
    params(("id" = String, Path, description = "The operation's id")),
    request_body = TurnOperationRequest,
    responses((status = 200, description = "The operation as it is now", body = Operation)),
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let (engine, id, by) = (
        app.engine.clone(),
        operation_id(&id)?,
        by(&app, request).await?,
    );
    turned(carried(async move { engine.cancel_operation(id, by).await }).await)
}

fn turned(result: Answer<Arc<engine::Operation>>) -> Answer {
    let operation = result?;
    Ok(reply::ok(&shown(&operation)?))
}

async fn by(app: &App, request: Request) -> Answer<By> {
    let body = app.intake.json(request, limits::SMALL_BODY).await?;
    let mut fields = Fields::of(body.value)?;
    let reason = names::reason(&mut fields);
    fields.end()?;
    Ok(By {
        actor: ACTOR.to_owned(),
        reason,
    })
}

/// The verb and what it needs to know. Which fields it takes hangs on the verb.
fn deed(fields: &mut Fields) -> Answer<Deed> {
    let name = fields.text("verb");
    let Some(verb) = Verb::from_name(&name) else {
        let known = Verb::ALL.map(Verb::as_str).join(", ");
        let detail = format!("verb is {name:?}, not one of {known}");
        let error = banyan_api::FieldError::at(Code::InvalidBody, "/verb".to_owned(), &detail);
        return Err(Fault::new(Code::InvalidBody, detail).with_errors(vec![error]));
    };
    Ok(match verb {
        Verb::Cancel => Deed::Cancel,
        Verb::Retry => Deed::Retry(verbs::read_retry(fields)),
        Verb::Settle => Deed::Settle(verbs::read_settle(fields)),
        Verb::Undo => Deed::Undo,
        Verb::Abandon => Deed::Abandon,
        Verb::Move => {
            let version = fields.version("version");
            if version.is_none() {
                fields.fault(
                    "version",
                    "version is missing: the one by which the sagas should go on",
                );
            }
            Deed::Move {
                version: version.unwrap_or_default(),
            }
        }
        Verb::Note => {
            let (text, owner) = verbs::read_note(fields);
            Deed::Note { text, owner }
        }
    })
}

/// The filter as it was asked for. One that selects everything must be meant.
fn selection(fields: &mut Fields) -> Json {
    let asked = fields.value("filter");
    let all = fields.flag("all", false);
    let empty = asked.as_object().is_some_and(serde_json::Map::is_empty);
    if asked.is_null() {
        let words = "filter is missing: an object with keys as in the query of GET /v1/sagas";
        fields.fault("filter", words);
    } else if empty && !all {
        let words = "an empty filter selects every saga: give all: true if that is meant";
        fields.fault("filter", words);
    } else if all && !empty {
        fields.fault("all", "all goes with an empty filter only");
    }
    asked
}

fn rate(fields: &mut Fields) -> u32 {
    let Some(value) = fields.take("rate") else {
        return OPERATION_RATE;
    };
    let rate = value.as_u64().and_then(|rate| u32::try_from(rate).ok());
    let fits = rate.filter(|rate| (1..=OPERATION_RATE_MAX).contains(rate));
    fits.unwrap_or_else(|| {
        let words = format!("rate is {value}, not a whole number from 1 to {OPERATION_RATE_MAX}");
        fields.fault("rate", words);
        OPERATION_RATE
    })
}

fn operation_id(text: &str) -> Answer<Id> {
    text.parse().map_err(|error| {
        Fault::new(
            Code::NoSuchOperation,
            format!("{text:?} is no operation's id: {error}"),
        )
    })
}

/// As the engine tells it to those who listen, so that both are the same.
fn shown(operation: &engine::Operation) -> Answer<Operation> {
    serde_json::from_value(operation.shown())
        .map_err(|error| Fault::internal("an operation cannot be shown", &error))
}

fn previewed(verb: Verb, found: engine::OperationPreview) -> OperationPreview {
    let counts = found.counts.into_iter();
    let refused = found.verdicts.refused.into_iter();
    OperationPreview {
        dry_run: true,
        verb: verb.as_str().into(),
        preview: found.token,
        selected: found.selected,
        counts: counts
            .map(|((definition, status), sagas)| OperationCount {
                definition,
                status: status.as_str().into(),
                sagas,
            })
            .collect(),
        looked_at: found.verdicts.looked_at,
        allowed: found.verdicts.allowed,
        refused: refused
            .map(|(code, (sagas, message))| OperationRefusal {
                code: code.to_owned(),
                sagas,
                message,
            })
            .collect(),
        sample: found.sample.into_iter().map(sampled).collect(),
    }
}

fn sampled(one: engine::Sampled) -> OperationSample {
    let saga = one.saga;
    let mut shown = OperationSample {
        saga: saga.id,
        definition: saga.plan.definition.name.clone(),
        key: saga.key.clone(),
        before: saga.status().as_str().into(),
        after: None,
        message: None,
        calls: Vec::new(),
        without_undo: Vec::new(),
    };
    match one.outcome {
        Err(message) => shown.message = Some(message),
        Ok(preview) => {
            shown.after = Some(preview.saga.status().as_str().into());
            shown.calls = preview.calls.into_iter().map(planned).collect();
            shown.without_undo = preview.without_undo;
        }
    }
    shown
}
