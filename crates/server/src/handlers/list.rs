//! Sagas by filter.

use crate::app::App;
use crate::fault::Answer;
use crate::query::Query;
use crate::{filter, project, reply};
use axum::extract::State;
use banyan_api::{Moment, Page, SagaItem};
use banyan_core::saga::may_be_childs;
use banyan_engine::LookError;
use banyan_store::SagaRow;

/// Sagas, newest first. A filter given twice means or, different filters and.
#[utoipa::path(
    get, path = "/v1/sagas", tag = "Sagas",
    params(
        ("definition" = Option<Vec<String>>, Query, description = "Of these definitions"),
        ("version" = Option<Vec<u32>>, Query, description = "At these versions"),
        ("status" = Option<Vec<String>>, Query, description = "In these statuses"),
        ("key" = Option<Vec<String>>, Query, description = "With these keys"),
        ("step" = Option<Vec<String>>, Query, description = "Standing at these steps, by their paths; `lines[].reserve` is that of any item"),
        ("service" = Option<Vec<String>>, Query, description = "Waiting on these services"),
        ("code" = Option<Vec<String>>, Query, description = "With these reason or stuck codes"),
        ("owner" = Option<Vec<String>>, Query, description = "Looked after by these"),
        ("label.NAME" = Option<Vec<String>>, Query, description = "With this value of the label NAME"),
        ("started_after" = Option<Moment>, Query, description = "Accepted after this moment"),
        ("started_before" = Option<Moment>, Query, description = "Accepted before this moment"),
        ("ended_after" = Option<Moment>, Query, description = "At rest after this moment"),
        ("ended_before" = Option<Moment>, Query, description = "At rest before this moment"),
        ("stalled" = Option<bool>, Query, description = "`true`: those that are reported as stalled"),
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Sagas, newest first", body = Page<SagaItem>)),
)]
pub(crate) async fn list(State(app): State<App>, query: Query) -> Answer {
    let filter = filter::of_list(&query)?;
    let limit = query.limit()?;
    let after = query.cursor()?;
    let page = app.engine.list(filter, after, limit).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(item(&app, row).await?);
    }
    Ok(reply::ok(&Page {
        items,
        next: page.next.map(|id| id.to_string()),
    }))
}

/// A row says all of a saga at rest, but for whose child it is; of the others, the saga says
/// what they wait on.
async fn item(app: &App, row: SagaRow) -> Answer<SagaItem> {
    if row.status.is_rest() && !may_be_childs(&row.key) {
        return Ok(project::item_at_rest(row));
    }
    match app.engine.get(row.id).await {
        Ok(Some(saga)) => {
            let waits = app.engine.waiting_on(&saga.masked());
            Ok(project::item_that_waits(&saga, waits))
        }
        Ok(None) => Ok(project::item_at_rest(row)),
        // Its row is whole, its journal is not: it must not hide the others.
        Err(LookError::Damaged { message, .. }) => Ok(project::item_that_is_damaged(row, &message)),
        Err(error @ LookError::Refused(_)) => Err(error.into()),
    }
}
