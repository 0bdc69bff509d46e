//! Starting a saga.

use super::names;
use super::wait::{Preference, Wish};
use crate::app::App;
use crate::fault::{Answer, Fault};
use crate::fields::Fields;
use crate::query::Query;
use crate::{limits, project, reply};
use axum::extract::{Request, State};
use banyan_api::{Code, Json, MinimalSaga, Saga};
use banyan_core::json;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The saga, whole or under `Prefer: return=minimal`.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum StartAnswer {
    Whole(Box<Saga>),
    Minimal(MinimalSaga),
}

impl utoipa::PartialSchema for StartAnswer {
    fn schema() -> RefOr<Schema> {
        // Any, not one: a whole saga has all that the least form has.
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(Saga::name()))
            .item(Ref::from_schema_name(MinimalSaga::name()))
            .into()
    }
}

impl utoipa::ToSchema for StartAnswer {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((MinimalSaga::name().into(), MinimalSaga::schema()));
        MinimalSaga::schemas(schemas);
        schemas.push((Saga::name().into(), Saga::schema()));
        Saga::schemas(schemas);
    }
}

/// Starts a saga, or answers the one that the same key and body started.
///
/// With `Prefer: wait=N` (at most 60) it waits for rest or `stuck` and is then 200, else 202
/// with the saga as it is. `Prefer: return=minimal` answers `{id, status, seq}`.
#[utoipa::path(
    post, path = "/v1/sagas", tag = "Sagas",
    params(
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters; becomes the saga's `key`"),
        ("Prefer" = Option<String>, Header, description = "`wait=20`, `return=minimal`"),
        ("until" = Option<String>, Query, description = "Wait for this step to end, in whatever way (20 s unless Prefer says otherwise)"),
    ),
    request_body = banyan_api::StartRequest,
    responses(
        (status = 202, description = "Accepted", body = StartAnswer),
        (status = 200, description = "What was waited for has come", body = StartAnswer),
    ),
)]
pub(crate) async fn start(State(app): State<App>, query: Query, request: Request) -> Answer {
    let key = names::idempotency_key(request.headers())?;
    let preference = Preference::of(request.headers())?;
    let wish = Wish::of(&preference, &query)?;
    let body = app.intake.json(request, limits::PAYLOAD_BODY).await?;
    let start = read(key, body.value)?;
    if app.stop.is_cancelled() {
        return Err(Fault::new(Code::Stopping, "the server is stopping"));
    }
    // Before acceptance: a start that is refused for its `until` must not have happened.
    wish.known_to(&app, &start.definition, start.version)?;
    let (answer, coming) = wish.start(&app, start).await?;
    drop(body.share);
    let (saga, fulfilled) = wish.fulfil(&app, answer.saga, coming).await?;
    let status = if fulfilled {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let whole = if preference.minimal {
        StartAnswer::Minimal(project::minimal(&saga))
    } else {
        StartAnswer::Whole(Box::new(app.whole(&saga).await?))
    };
    let mut response = reply::json(status, &whole);
    if let Ok(location) = HeaderValue::try_from(format!("/v1/sagas/{}", saga.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(reply::replayed(response, answer.replayed))
}

/// The start that a body asks for. The body's canonical form, as sent, tells a repeat.
fn read(key: String, body: Json) -> Answer<banyan_engine::StartRequest> {
    let request_hash = json::sha256_hex(json::canonical(&body).as_bytes());
    let mut fields = Fields::of(body)?;
    let start = banyan_engine::StartRequest {
        namespace: crate::guard::NAMESPACE.to_owned(),
        definition: fields.text("definition"),
        version: fields.version("version"),
        key,
        input: fields.value("input"),
        request_hash,
        deadline: fields.duration("deadline"),
    };
    fields.end()?;
    Ok(start)
}
