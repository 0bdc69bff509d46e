//! Services: registered, looked at, paused.

use super::names;
use super::verbs::unsaid;
use crate::app::App;
use crate::carried::carried;
use crate::fault::{Answer, Fault};
use crate::fields::Fields;
use crate::query::{AfterName, Query};
use crate::{limits, reply};
use axum::extract::{Path, Request, State};
use axum::response::IntoResponse;
use banyan_api::{Code, Instance, Misconfigured, Page, PauseRequest, Service, ServiceRequest};
use banyan_engine::{By, ServiceView};
use banyan_outbound::{Auth, Settings};
use http::StatusCode;

/// Registers a service, or changes it.
#[utoipa::path(
    put, path = "/v1/services/{name}", tag = "Services",
    params(("name" = String, Path, description = "The service")),
    request_body = ServiceRequest,
    responses(
        (status = 201, description = "Registered", body = Service),
        (status = 200, description = "It was there; it is as told now", body = Service),
    ),
)]
pub(crate) async fn put(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Answer {
    names::name("name", &name)?;
    by_hand(&app, &name)?;
    let body = app.intake.json(request, limits::SMALL_BODY).await?;
    let (engine, put) = (app.engine.clone(), name.clone());
    let is_new =
        carried(async move { engine.put_service(&put, body.value, Some(unsaid())).await }).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(reply::json(status, &find(&app, &name).await?))
}

/// Every service with its live state, by name.
#[utoipa::path(
    get, path = "/v1/services", tag = "Services",
    params(
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Services, by name", body = Page<Service>)),
)]
pub(crate) async fn list(State(app): State<App>, query: Query) -> Answer {
    let limit = query.limit()?;
    let after = query.cursor()?;
    let all = app.engine.services().await?;
    let mut items = all
        .iter()
        .filter(|view| !AfterName::is_past(after.as_ref(), &view.row.name))
        .map(|view| service(&app, view));
    let page: Vec<Service> = items.by_ref().take(limit).collect::<Answer<_>>()?;
    let last = items.next().and(page.last());
    let next = last.map(|last| AfterName::cursor(&last.name));
    Ok(reply::ok(&Page { items: page, next }))
}

/// A service with its live state.
#[utoipa::path(
    get, path = "/v1/services/{name}", tag = "Services",
    params(("name" = String, Path, description = "The service")),
    responses((status = 200, description = "The service", body = Service)),
)]
pub(crate) async fn get(State(app): State<App>, Path(name): Path<String>) -> Answer {
    Ok(reply::ok(&find(&app, &name).await?))
}

/// Pauses a service: steps that would call it park.
#[utoipa::path(
    post, path = "/v1/services/{name}/pause", tag = "Services",
    params(("name" = String, Path, description = "The service")),
    request_body = PauseRequest,
    responses((status = 200, description = "The service as it is now", body = Service)),
)]
pub(crate) async fn pause(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Answer {
    let by = by(&app, request).await?;
    let (engine, paused) = (app.engine.clone(), name.clone());
    carried(async move { engine.pause(&paused, by).await }).await?;
    Ok(reply::ok(&find(&app, &name).await?))
}

/// Resumes a service: what is parked for it goes on, and misconfigured roads are tried again.
#[utoipa::path(
    post, path = "/v1/services/{name}/resume", tag = "Services",
    params(("name" = String, Path, description = "The service")),
    request_body = PauseRequest,
    responses((status = 200, description = "The service as it is now", body = Service)),
)]
pub(crate) async fn resume(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Answer {
    let by = by(&app, request).await?;
    let reason = by.reason.clone();
    let (engine, resumed) = (app.engine.clone(), name.clone());
    carried(async move { engine.resume(&resumed, by).await }).await?;
    tracing::info!(service = name, reason, "resumed");
    Ok(reply::ok(&find(&app, &name).await?))
}

/// Forgets a service that nothing needs.
#[utoipa::path(
    delete, path = "/v1/services/{name}", tag = "Services",
    params(("name" = String, Path, description = "The service")),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn delete(State(app): State<App>, Path(name): Path<String>) -> Answer {
    by_hand(&app, &name)?;
    carried(async move { app.engine.delete_service(&name, unsaid()).await }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn by(app: &App, request: Request) -> Answer<By> {
    let body = app.intake.json(request, limits::SMALL_BODY).await?;
    let mut fields = Fields::of(body.value)?;
    let reason = names::reason(&mut fields);
    fields.end()?;
    Ok(By { reason, ..unsaid() })
}

fn by_hand(app: &App, name: &str) -> Answer<()> {
    if !app.file_services.contains(name) {
        return Ok(());
    }
    Err(Fault::new(
        Code::ManagedByFile,
        format!("the configuration file holds the service {name}: change it there"),
    ))
}

/// The service of this name.
pub(super) async fn find(app: &App, name: &str) -> Answer<Service> {
    let all = app.engine.services().await?;
    match all.iter().find(|view| view.row.name == name) {
        Some(view) => service(app, view),
        None => Err(Fault::new(
            Code::NoSuchService,
            format!("no service is named {name:?}"),
        )),
    }
}

fn service(app: &App, view: &ServiceView) -> Answer<Service> {
    let row = &view.row;
    let settings = Settings::read(&row.settings)
        .map_err(|error| Fault::internal("the service's settings cannot be read", &error))?;
    let live = app.registry.view(&row.name);
    let idle = |position: usize| {
        let live = live.as_ref().and_then(|live| live.instances.get(position));
        live.map_or(0, |instance| instance.idle_connections as u64)
    };
    let auth = settings.auth.as_ref().map(Auth::kind);
    Ok(Service {
        name: row.name.clone(),
        instances: settings
            .instances
            .iter()
            .enumerate()
            .map(|(position, url)| Instance {
                url: url.clone(),
                idle_connections: idle(position),
            })
            .collect(),
        keys_kept: settings.keys_kept,
        timeout: settings.timeout,
        auth: auth.map(str::to_owned),
        in_flight: live.as_ref().map_or(0, |live| live.in_flight as u64),
        paused: row.paused.is_some(),
        pause_reason: row.paused.as_ref().map(|pause| pause.reason.clone()),
        paused_by: row.paused.as_ref().map(|pause| pause.by.clone()),
        paused_since: row.paused.as_ref().map(|pause| pause.since.into()),
        parked: view.parked,
        misconfigured: live.map(misconfigured).unwrap_or_default(),
        down: view.down.as_ref().map(|down| banyan_api::Silence {
            since: down.since.into(),
            message: down.message.clone(),
        }),
        managed_by_file: app.file_services.contains(&row.name),
        changed_at: row.changed_at.into(),
    })
}

/// The whole service first, then its roads.
fn misconfigured(live: banyan_outbound::ServiceView) -> Vec<Misconfigured> {
    let whole = live.misconfigured.into_iter().map(|block| Misconfigured {
        definition: None,
        version: None,
        step: None,
        leg: None,
        message: block.message,
        since: block.since.into(),
        next_probe_at: Some(block.next_probe_at.into()),
    });
    let roads = live.blocked_roads.into_iter().map(|blocked| Misconfigured {
        definition: Some(blocked.road.definition),
        version: Some(blocked.road.version),
        step: Some(blocked.road.step),
        leg: Some(blocked.road.leg.as_str().into()),
        message: blocked.block.message,
        since: blocked.block.since.into(),
        next_probe_at: Some(blocked.block.next_probe_at.into()),
    });
    whole.chain(roads).collect()
}
