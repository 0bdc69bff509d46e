//! Sagas by filter.

use crate::app::App;
use crate::fault::{Answer, Fault};
use crate::query::{Query, invalid};
use crate::{project, reply};
use axum::extract::State;
use banyan_api::{Code, Moment, Page, SagaItem};
use banyan_core::Timestamp;
use banyan_core::saga::{Status, may_be_childs};
use banyan_store::{Filter, SagaRow};

/// Sagas, newest first. A filter given twice means or, different filters and.
#[utoipa::path(
    get, path = "/v1/sagas", tag = "Sagas",
    params(
        ("definition" = Option<Vec<String>>, Query, description = "Of these definitions"),
        ("version" = Option<Vec<u32>>, Query, description = "At these versions"),
        ("status" = Option<Vec<String>>, Query, description = "In these statuses"),
        ("key" = Option<Vec<String>>, Query, description = "With these keys"),
        ("step" = Option<Vec<String>>, Query, description = "Standing at these steps"),
        ("service" = Option<Vec<String>>, Query, description = "Waiting on these services"),
        ("code" = Option<Vec<String>>, Query, description = "With these reason or stuck codes"),
        ("owner" = Option<Vec<String>>, Query, description = "Not supported yet"),
        ("label.NAME" = Option<Vec<String>>, Query, description = "With this value of the label NAME"),
        ("started_after" = Option<Moment>, Query, description = "Accepted after this moment"),
        ("started_before" = Option<Moment>, Query, description = "Accepted before this moment"),
        ("ended_after" = Option<Moment>, Query, description = "At rest after this moment"),
        ("ended_before" = Option<Moment>, Query, description = "At rest before this moment"),
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Sagas, newest first", body = Page<SagaItem>)),
)]
pub(crate) async fn list(State(app): State<App>, query: Query) -> Answer {
    let filter = filter(&query)?;
    let limit = query.limit()?;
    let after = match query.one("cursor")? {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| invalid("cursor", "it is not the next of a list"))?,
        ),
    };
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
    match app.engine.get(row.id).await? {
        Some(saga) => Ok(project::item(&saga)),
        None => Ok(project::item_at_rest(row)),
    }
}

fn filter(query: &Query) -> Answer<Filter> {
    if query.all("owner").next().is_some() {
        return Err(Fault::new(
            Code::NotSupportedYet,
            "this build has no owners of sagas",
        ));
    }
    let texts = |name| query.all(name).map(str::to_owned).collect();
    let mut filter = Filter {
        namespace: vec![crate::guard::NAMESPACE.to_owned()],
        definition: texts("definition"),
        version: query
            .all("version")
            .map(super::names::version)
            .collect::<Answer<_>>()?,
        status: query.all("status").map(status).collect::<Answer<_>>()?,
        key: texts("key"),
        step: texts("step"),
        service: texts("service"),
        code: texts("code"),
        started_after: moment(query, "started_after")?,
        started_before: moment(query, "started_before")?,
        ended_after: moment(query, "ended_after")?,
        ended_before: moment(query, "ended_before")?,
        ..Filter::default()
    };
    for (name, value) in query.pairs() {
        if let Some(label) = name.strip_prefix("label.") {
            let values = filter.label.entry(label.to_owned()).or_default();
            values.push(value.clone());
        }
    }
    Ok(filter)
}

fn status(text: &str) -> Answer<Status> {
    let known = Status::ALL
        .into_iter()
        .find(|status| status.as_str() == text);
    known.ok_or_else(|| {
        let words = Status::ALL.map(Status::as_str).join(", ");
        invalid("status", &format!("{text:?} is none of {words}"))
    })
}

fn moment(query: &Query, name: &str) -> Answer<Option<Timestamp>> {
    match query.one(name)? {
        None => Ok(None),
        Some(text) => match text.parse::<Moment>() {
            Ok(moment) => Ok(Some(moment.0)),
            Err(error) => Err(invalid(name, &format!("{text:?}: {error}"))),
        },
    }
}
