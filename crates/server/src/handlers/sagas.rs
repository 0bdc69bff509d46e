//! One saga: looked at, cancelled.

use super::names;
use super::wait;
use crate::app::{App, saga_id};
use crate::fault::{Answer, Fault};
use crate::fields::Fields;
use crate::query::Query;
use crate::{limits, reply};
use axum::extract::{Path, Request, State};
use banyan_api::{CancelRequest, Code, Saga};
use banyan_engine::Until;
use http::header;

/// Who acts: this build has one token.
pub(super) const ACTOR: &str = "admin";

/// A saga by its id.
#[utoipa::path(
    get, path = "/v1/sagas/{id}", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("wait" = Option<u32>, Query, description = "Wait for rest or `stuck`, at most so many seconds (at most 60)"),
    ),
    responses((status = 200, description = "The saga", body = Saga)),
)]
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>, query: Query) -> Answer {
    let saga = app.saga(&id).await?;
    look(&app, saga, &query).await
}

/// A saga by its caller's own key.
#[utoipa::path(
    get, path = "/v1/definitions/{name}/sagas/{key}", tag = "Sagas",
    params(
        ("name" = String, Path, description = "The definition"),
        ("key" = String, Path, description = "The saga's key"),
        ("wait" = Option<u32>, Query, description = "Wait for rest or `stuck`, at most so many seconds (at most 60)"),
    ),
    responses((status = 200, description = "The saga", body = Saga)),
)]
pub(crate) async fn get_by_key(
    State(app): State<App>,
    Path((name, key)): Path<(String, String)>,
    query: Query,
) -> Answer {
    let id = app.id_by_key(&name, &key).await?;
    let saga = app.saga(&id.to_string()).await?;
    look(&app, saga, &query).await
}

async fn look(app: &App, saga: std::sync::Arc<banyan_core::saga::Saga>, query: &Query) -> Answer {
    let seconds = query.number("wait", 0, 0, limits::WAIT_MAX_S)?;
    let saga = wait::wait(app, saga, &Until::Rest, seconds).await?;
    Ok(reply::ok(&app.whole(&saga).await?))
}

/// Turns a saga back before its pivot.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/cancel", tag = "Sagas",
    params(("id" = String, Path, description = "The saga's id")),
    request_body = CancelRequest,
    responses((status = 200, description = "The saga as it is now", body = Saga)),
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let id = saga_id(&id)?;
    let has_condition = request.headers().contains_key(header::IF_MATCH);
    let body = app.intake.json(request, limits::SMALL_BODY).await?;
    let mut fields = Fields::of(body.value)?;
    let reason = names::reason(&mut fields);
    let dry_run = fields.flag("dry_run", false);
    fields.end()?;
    if dry_run || has_condition {
        return Err(Fault::new(
            Code::NotSupportedYet,
            "this build has no dry_run and no If-Match of verbs",
        ));
    }
    let saga = app.engine.cancel(id, reason, ACTOR.to_owned()).await?;
    Ok(reply::ok(&app.whole(&saga).await?))
}
