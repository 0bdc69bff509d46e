//! What differs between two versions of a definition.

use super::{definitions, names};
use crate::app::App;
use crate::fault::{Answer, Fault};
use crate::query::{Query, invalid};
use crate::reply;
use axum::extract::{Path, State};
use banyan_api::{DefinitionDiff, Difference};
use banyan_store::DefinitionRow;

/// What differs between two versions, in words.
#[utoipa::path(
    get, path = "/v1/definitions/{name}/diff", tag = "Definitions",
    params(
        ("name" = String, Path, description = "The definition"),
        ("from" = u32, Query, description = "The earlier side of the comparison"),
        ("to" = u32, Query, description = "The later side"),
    ),
    responses((status = 200, description = "What differs; empty when nothing does", body = DefinitionDiff)),
)]
pub(crate) async fn diff(State(app): State<App>, Path(name): Path<String>, query: Query) -> Answer {
    let (from, to) = (version(&query, "from")?, version(&query, "to")?);
    let rows = definitions::rows(&app, &name)?;
    let earlier = resolved(definitions::of_version(&rows, &name, from)?)?;
    let later = resolved(definitions::of_version(&rows, &name, to)?)?;
    let found = banyan_core::versions::diff(&earlier, &later);
    let items = found
        .into_iter()
        .map(|one| Difference {
            path: one.path,
            what: one.what,
            from: one.from,
            to: one.to,
            message: one.message,
        })
        .collect();
    Ok(reply::ok(&DefinitionDiff {
        name,
        from,
        to,
        items,
    }))
}

fn version(query: &Query, side: &str) -> Answer<u32> {
    let Some(text) = query.one(side)? else {
        return Err(invalid(side, "it is missing: a version's number"));
    };
    names::version(text).map_err(|_| invalid(side, &format!("{text:?} is no whole number from 1")))
}

fn resolved(row: &DefinitionRow) -> Answer<banyan_core::Definition> {
    serde_json::from_value(row.resolved.clone())
        .map_err(|error| Fault::internal("a registered definition cannot be read", &error))
}
