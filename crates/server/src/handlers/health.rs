//! Whether the server lives, whether it can accept, and its figures.

use crate::app::App;
use crate::fault::{Answer, Fault};
use crate::metrics::Beside;
use crate::reply;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use banyan_api::{Code, Health, HealthStatus};
use banyan_engine::Refusal;
use http::header;
use std::sync::Arc;

/// The process lives.
#[utoipa::path(
    get, path = "/healthz", tag = "Health", security(()),
    responses((status = 200, description = "It lives", body = Health)),
)]
pub(crate) async fn lives() -> Response {
    reply::ok(&health())
}

/// It can accept starts.
#[utoipa::path(
    get, path = "/readyz", tag = "Health", security(()),
    responses((status = 200, description = "It can", body = Health)),
)]
pub(crate) async fn ready(State(app): State<App>) -> Answer {
    if let Some(refusal @ Refusal::Unavailable { .. }) = app.engine.refuses() {
        return Err(refusal.into());
    }
    if app.stop.is_cancelled() || !app.engine.ready() {
        let detail = "the server is starting or stopping, and accepts nothing now";
        return Err(Fault::new(Code::Stopping, detail));
    }
    Ok(reply::ok(&health()))
}

/// Figures in the OpenMetrics form.
#[utoipa::path(
    get, path = "/metrics", tag = "Health",
    responses((status = 200, description = "OpenMetrics", body = String, content_type = crate::metrics::CONTENT_TYPE)),
)]
pub(crate) async fn metrics(State(app): State<App>) -> Answer {
    let disk = Arc::clone(&app.disk);
    let space = tokio::task::spawn_blocking(move || crate::disk::space(&disk.0)).await;
    let beside = Beside {
        notices: &app.notices.figures,
        disk: space.unwrap_or_default(),
        low: app.disk.1,
    };
    match crate::metrics::write(&app.engine.metrics().await, &beside) {
        Ok(text) => {
            let kind = [(header::CONTENT_TYPE, crate::metrics::CONTENT_TYPE)];
            Ok((kind, text).into_response())
        }
        Err(error) => Err(Fault::internal("the figures cannot be written", &error)),
    }
}

fn health() -> Health {
    Health {
        status: HealthStatus::Ok,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
