//! The audit: who did what, when, why, before and after.

use crate::app::App;
use crate::fault::Answer;
use crate::query::{Query, invalid};
use crate::reply;
use axum::extract::State;
use banyan_api::{AuditRow, AuditStanding, AuditState, Json, Moment, Page};
use banyan_store::{AuditEntry, AuditQuery, Standing};

/// What people did, newest first. A parameter given twice means or, different ones and.
#[utoipa::path(
    get, path = "/v1/audit", tag = "Administration",
    params(
        ("actor" = Option<Vec<String>>, Query, description = "By these"),
        ("verb" = Option<Vec<String>>, Query, description = "These verbs"),
        ("saga" = Option<Vec<String>>, Query, description = "On these sagas"),
        ("after" = Option<Moment>, Query, description = "Later than this moment"),
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Rows, newest first", body = Page<AuditRow>)),
)]
pub(crate) async fn audit(State(app): State<App>, query: Query) -> Answer {
    let limit = query.limit()?;
    let texts = |name| query.all(name).map(str::to_owned).collect();
    let saga = |text: &str| {
        text.parse()
            .map_err(|error| invalid("saga", &format!("{text:?} is no saga's id: {error}")))
    };
    let after = match query.one("after")? {
        None => None,
        Some(text) => match text.parse::<Moment>() {
            Ok(moment) => Some(moment.0),
            Err(error) => return Err(invalid("after", &format!("{text:?}: {error}"))),
        },
    };
    let below = query.cursor()?;
    let wanted = AuditQuery {
        actor: texts("actor"),
        verb: texts("verb"),
        saga: query.all("saga").map(saga).collect::<Answer<_>>()?,
        after,
        below,
        // One more than asked for tells whether there is a next page.
        limit: limit.saturating_add(1),
    };
    let mut found = app.engine.audit(wanted).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| last.number.to_string());
    let items = found.into_iter().map(row).collect();
    Ok(reply::ok(&Page { items, next }))
}

fn row(entry: AuditEntry) -> AuditRow {
    let mut row = entry.row;
    let before = row.before.map(of_saga);
    let before = before.or_else(|| of_name(&mut row, "before"));
    let after = row.after.map(of_saga);
    let after = after.or_else(|| of_name(&mut row, "after"));
    AuditRow {
        at: row.at.into(),
        actor: row.actor,
        verb: row.verb,
        saga: row.saga,
        name: row.name,
        operation: row.operation,
        reason: Some(row.reason).filter(|reason| !reason.is_empty()),
        before,
        after,
        detail: row.detail,
    }
}

fn of_saga(one: Standing) -> AuditState {
    AuditState::Saga(AuditStanding {
        status: one.status.as_str().into(),
        seq: one.seq,
    })
}

/// How a definition or a service was: it is stored in the detail, and taken out of there.
fn of_name(row: &mut banyan_store::AuditRow, when: &str) -> Option<AuditState> {
    if row.saga.is_some() || row.operation.is_some() {
        return None;
    }
    let members = row.detail.as_object_mut()?;
    let state = members.remove(when)?;
    if members.is_empty() {
        row.detail = Json::Null;
    }
    // Whatever it is, it is a state: one of which nobody knows more, at the least.
    let state = Some(state).filter(|state| !state.is_null())?;
    serde_json::from_value(state).ok()
}
