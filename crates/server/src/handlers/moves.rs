//! A running saga goes to another version of its definition.

use super::names;
use super::verbs::{self, tag};
use crate::app::{App, saga_id};
use crate::fault::Answer;
use crate::fields::Fields;
use crate::{limits, reply};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use banyan_api::{Difference, MoveAnswer, MoveRequest, Obstacle, Verb};
use banyan_engine as engine;

/// Moves a running saga to another version of its definition, where that is proven safe.
#[utoipa::path(
    post, path = "/v1/sagas/{id}/move", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of a dry run: only if the saga has not changed since"),
    ),
    request_body = MoveRequest,
    responses((status = 200, description = "What was done, or would be; with an ETag", body = MoveAnswer)),
)]
pub(crate) async fn move_saga(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let id = saga_id(&id)?;
    let expected_seq = verbs::if_match(request.headers())?;
    let body = app.intake.json(request, limits::SMALL_BODY).await?;
    let mut fields = Fields::of(body.value)?;
    let version = fields.version("version");
    if version.is_none() {
        fields.fault(
            "version",
            "version is missing: the one by which the saga should go on",
        );
    }
    let reason = names::reason(&mut fields);
    let dry_run = fields.flag("dry_run", false);
    fields.end()?;
    let request = engine::MoveRequest {
        id,
        version: version.unwrap_or_default(),
        reason,
        actor: verbs::ACTOR.to_owned(),
        expected_seq,
    };
    let wanted = request.version;
    let found = if dry_run {
        app.engine.preview_move(&request).await
    } else {
        app.engine.move_saga(request).await
    };
    match found {
        Ok(found) => Ok(answer(found, wanted, dry_run)),
        Err(error) => Err(app.refused(id, error).await),
    }
}

fn answer(found: engine::MoveAnswer, version: u32, dry_run: bool) -> Response {
    let obstacles = found.obstacles.into_iter().map(|one| Obstacle {
        path: one.path,
        code: one.code.as_str().to_owned(),
        message: one.message,
    });
    let changes = found.changes.into_iter().map(|one| Difference {
        path: one.path,
        what: one.what,
        from: one.from,
        to: one.to,
        message: one.message,
    });
    let saga = &found.saga;
    let mut response = reply::ok(&MoveAnswer {
        dry_run,
        verb: Verb::Move,
        id: saga.id,
        from: found.from,
        version,
        moved: !dry_run,
        status: saga.status().as_str().into(),
        seq: saga.seq,
        obstacles: obstacles.collect(),
        changes: changes.collect(),
    });
    tag(&mut response, saga.seq);
    response
}
