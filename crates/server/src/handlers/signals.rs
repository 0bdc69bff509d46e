//! Signals to a saga.

use super::names;
use crate::app::{App, saga_id};
use crate::fault::Answer;
use crate::{limits, reply};
use axum::extract::{Path, Request, State};
use banyan_api::{Json, SignalAccepted};
use banyan_core::id::Id;
use http::StatusCode;

/// Gives a saga a signal, also before it waits for it.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/signals/{name}", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("name" = String, Path, description = "The signal"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    request_body(content = Json, description = "The signal's body: any JSON"),
    responses((status = 202, description = "Accepted", body = SignalAccepted)),
)]
pub(crate) async fn by_id(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    request: Request,
) -> Answer {
    signal(&app, saga_id(&id)?, name, request).await
}

/// Gives a saga, named by its caller's own key, a signal.
#[utoipa::path(
    post, path = "/v1/definitions/{name}/sagas/{key}/signals/{signal}", tag = "Sagas",
    params(
        ("name" = String, Path, description = "The definition"),
        ("key" = String, Path, description = "The saga's key"),
        ("signal" = String, Path, description = "The signal"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    request_body(content = Json, description = "The signal's body: any JSON"),
    responses((status = 202, description = "Accepted", body = SignalAccepted)),
)]
pub(crate) async fn by_key(
    State(app): State<App>,
    Path((definition, saga_key, name)): Path<(String, String, String)>,
    request: Request,
) -> Answer {
    let id = app.id_by_key(&definition, &saga_key).await?;
    signal(&app, id, name, request).await
}

async fn signal(app: &App, id: Id, name: String, request: Request) -> Answer {
    let key = names::idempotency_key(request.headers())?;
    let body = app.intake.json(request, limits::PAYLOAD_BODY).await?;
    let taken = app.engine.signal(id, name.clone(), key, body.value).await;
    let taken = match taken {
        Ok(taken) => taken,
        Err(error) => return Err(app.refused(id, error).await),
    };
    let answer = SignalAccepted {
        id,
        signal: name,
        status: taken.saga.status().as_str().into(),
        seq: taken.saga.seq,
    };
    let response = reply::json(StatusCode::ACCEPTED, &answer);
    Ok(reply::replayed(response, taken.replayed))
}
