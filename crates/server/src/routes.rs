//! Every path that is served: what this build has, and what it does not have yet.

use crate::app::App;
use crate::guard::{self, Guard};
use crate::handlers::{
    audit, checks, definitions, diff, failures, health, history, list, moves, operations, pages,
    replies, sagas, services, signals, start, stream, verbs,
};
use crate::openapi;
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, get, on};
use http::header;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What belongs to the API and this build does not have: 501, not 404. Methods joined by `|`.
const LATER: &[(&str, &str)] = &[
    ("GET", "/"),
    ("POST", "/v1/sagas/{id}/erase"),
    ("GET|POST", "/v1/session"),
    ("GET|POST|DELETE", "/v1/tokens"),
    ("GET|PUT", "/v1/namespaces/{name}"),
    ("GET", "/v1/metrics/history"),
    ("GET", "/v1/settings"),
    ("GET|POST", "/v1/topics/{topic}/events"),
    ("GET", "/v1/topics/{topic}/events/stream"),
    ("GET", "/v1/subscriptions"),
    ("GET|PUT", "/v1/subscriptions/{name}"),
    ("POST", "/v1/subscriptions/{name}/seek"),
    ("GET", "/v1/flows"),
    ("PUT", "/v1/flows/{name}"),
    ("GET", "/v1/flow_runs"),
    ("PUT", "/v1/queues/{name}"),
    ("POST", "/v1/queues/{name}/tasks"),
    ("POST", "/v1/queues/{name}/lease"),
    ("POST", "/v1/tasks/{id}/ack"),
    ("POST", "/v1/tasks/{id}/nack"),
    ("POST", "/v1/tasks/{id}/extend"),
    ("GET", "/v1/dead_letters"),
    ("POST", "/v1/dead_letters/{id}/redrive"),
];

/// The router before it knows where it listens.
pub(crate) struct Routes {
    router: Router<App>,
    document: banyan_api::Json,
}

impl Routes {
    /// Every path.
    pub(crate) fn new() -> Routes {
        let (router, generated) = OpenApiRouter::with_openapi(openapi::Base::openapi())
            .routes(routes!(definitions::register))
            .routes(routes!(definitions::get_version))
            .routes(routes!(definitions::activate))
            .routes(routes!(definitions::accept))
            .routes(routes!(definitions::list))
            .routes(routes!(definitions::get))
            .routes(routes!(diff::diff))
            .routes(routes!(checks::check))
            .routes(routes!(start::start))
            .routes(routes!(list::list))
            .routes(routes!(failures::failures))
            .routes(routes!(sagas::get))
            .routes(routes!(sagas::get_by_key))
            .routes(routes!(verbs::cancel))
            .routes(routes!(verbs::retry))
            .routes(routes!(verbs::settle))
            .routes(routes!(verbs::undo))
            .routes(routes!(verbs::abandon))
            .routes(routes!(verbs::note))
            .routes(routes!(moves::move_saga))
            .routes(routes!(history::journal))
            .routes(routes!(history::attempts))
            .routes(routes!(signals::by_id))
            .routes(routes!(signals::by_key))
            .routes(routes!(replies::take))
            .routes(routes!(stream::stream))
            .routes(routes!(services::put))
            .routes(routes!(services::list))
            .routes(routes!(services::get))
            .routes(routes!(services::delete))
            .routes(routes!(services::pause))
            .routes(routes!(services::resume))
            .routes(routes!(operations::begin))
            .routes(routes!(operations::list))
            .routes(routes!(operations::get))
            .routes(routes!(operations::pause))
            .routes(routes!(operations::resume))
            .routes(routes!(operations::cancel))
            .routes(routes!(audit::audit))
            .routes(routes!(health::lives))
            .routes(routes!(health::ready))
            .routes(routes!(health::metrics))
            .routes(routes!(pages::error))
            .routes(routes!(pages::runbook))
            .split_for_parts();
        let document = openapi::document(&generated);
        Routes {
            router: later(described(router, &document)),
            document,
        }
    }

    /// The query parameters of each call, for the guard.
    pub(crate) fn parameters(&self) -> guard::Parameters {
        openapi::parameters(&self.document)
    }

    /// The router, ready to serve.
    pub(crate) fn finish(self, app: App, guard: Guard) -> Router {
        self.router
            .fallback(pages::nothing)
            .method_not_allowed_fallback(pages::other_method)
            .with_state(app)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(axum::middleware::from_fn_with_state(
                Arc::new(guard),
                guard::pass,
            ))
    }
}

fn described(router: Router<App>, document: &banyan_api::Json) -> Router<App> {
    let text: bytes::Bytes = document.to_string().into();
    let serve = move || {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        std::future::ready((kind, text.clone()).into_response())
    };
    router.route("/v1/openapi.json", get(serve))
}

fn later(router: Router<App>) -> Router<App> {
    LATER.iter().fold(router, |router, (methods, path)| {
        let filter = methods
            .split('|')
            .filter_map(method)
            .reduce(MethodFilter::or);
        match filter {
            Some(filter) => {
                let none: MethodRouter<App> = on(filter, pages::not_yet);
                router.route(path, none)
            }
            None => router,
        }
    })
}

fn method(word: &str) -> Option<MethodFilter> {
    let method: http::Method = word.parse().ok()?;
    MethodFilter::try_from(method).ok()
}

/// A handler panicked: the others go on, the log has the words.
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> axum::response::Response {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words");
    crate::fault::Fault::internal("a handler panicked", &words).into_response()
}
