//! One saga, looked at.

use super::wait;
use crate::app::App;
use crate::fault::Answer;
use crate::query::Query;
use crate::{limits, reply};
use axum::extract::{Path, State};
use banyan_api::Saga;
use banyan_engine::Until;

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
