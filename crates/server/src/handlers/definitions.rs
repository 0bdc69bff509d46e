//! Definitions: registered, listed, activated, held back.

use super::names;
use super::verbs::{ACTOR, unsaid};
use crate::app::App;
use crate::carried::carried;
use crate::fault::{Answer, Fault};
use crate::fields::Fields;
use crate::query::{AfterName, Query, invalid};
use crate::{limits, reply};
use axum::extract::{Path, Request, State};
use banyan_api::{
    AcceptingRequest, ActiveRequest, Code, Definition, DefinitionDetail, DefinitionVersion, Page,
    Registered,
};
use banyan_engine::By;
use banyan_store::DefinitionRow;
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Registers a version of a definition; it becomes active unless `activate=false`. The same
/// content again changes nothing, unless `activate=true` asks for it.
#[utoipa::path(
    put, path = "/v1/definitions/{name}/versions/{version}", tag = "Definitions",
    params(
        ("name" = String, Path, description = "As in the file"),
        ("version" = u32, Path, description = "As in the file"),
        ("activate" = Option<bool>, Query, description = "Whether starts use it from now on (true); of content that is registered already only `true` changes anything"),
    ),
    request_body(content = String, content_type = "application/yaml", description = "A saga file"),
    responses(
        (status = 201, description = "Registered", body = Registered),
        (status = 200, description = "It was there, with the same content", body = Registered),
    ),
)]
pub(crate) async fn register(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
    query: Query,
    request: Request,
) -> Answer {
    names::name("name", &name)?;
    let version = names::version(&version)?;
    let activate = query.flag("activate")?;
    let source = app.intake.file(request, limits::FILE_BODY).await?;
    if let Some(definition) = app.engine.check(&source.value).definition
        && (definition.name != name || definition.version != version)
    {
        let why = format!(
            "the path says {name} version {version}, the file {} version {}",
            definition.name, definition.version
        );
        return Err(invalid("name and version", &why));
    }
    let engine = app.engine.clone();
    let usual = activate.unwrap_or(true);
    let registration =
        carried(async move { engine.register(&source.value, usual, unsaid()).await }).await?;
    let row = &registration.row;
    let is_asked = activate == Some(true) && !row.active;
    if is_asked {
        let by = By {
            actor: ACTOR.to_owned(),
            reason: "registered again, to be active".to_owned(),
        };
        let (engine, named) = (app.engine.clone(), name.clone());
        carried(async move { engine.activate(&named, version, by).await }).await?;
    }
    let answer = Registered {
        name: row.name.clone(),
        version: row.version,
        hash: row.hash.clone(),
        active: row.active || is_asked,
        warnings: registration
            .warnings
            .iter()
            .map(super::checks::diagnostic)
            .collect(),
    };
    let status = if registration.replayed {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok(reply::json(status, &answer))
}

/// Chooses the version that starts use.
#[utoipa::path(
    put, path = "/v1/definitions/{name}/active", tag = "Definitions",
    params(("name" = String, Path, description = "The definition")),
    request_body = ActiveRequest,
    responses((status = 200, description = "The definition as it is now", body = Definition)),
)]
pub(crate) async fn activate(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Answer {
    let body = app.intake.json(request, limits::SMALL_BODY).await?;
    let mut fields = Fields::of(body.value)?;
    let version = fields.version("version");
    if version.is_none() {
        fields.fault(
            "version",
            "version is missing: the version that starts should use",
        );
    }
    let by = By {
        actor: ACTOR.to_owned(),
        reason: names::optional_reason(&mut fields),
    };
    fields.end()?;
    let (engine, version) = (app.engine.clone(), version.unwrap_or_default());
    let named = name.clone();
    carried(async move { engine.activate(&named, version, by).await }).await?;
    one(&app, &name)
}

/// The brake: whether starts are accepted.
#[utoipa::path(
    put, path = "/v1/definitions/{name}/accepting", tag = "Definitions",
    params(("name" = String, Path, description = "The definition")),
    request_body = AcceptingRequest,
    responses((status = 200, description = "The definition as it is now", body = Definition)),
)]
pub(crate) async fn accept(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Answer {
    let body = app.intake.json(request, limits::SMALL_BODY).await?;
    let mut fields = Fields::of(body.value)?;
    let accepting = fields.flag("accepting", true);
    let reason = names::some_reason(&mut fields);
    if !accepting && reason.is_none() && !fields.is_faulty("reason") {
        fields.fault(
            "reason",
            "reason is missing: callers read why their starts are refused",
        );
    }
    fields.end()?;
    let by = By {
        actor: ACTOR.to_owned(),
        reason: reason.clone().unwrap_or_default(),
    };
    let refusal = if accepting { None } else { reason };
    let (engine, named) = (app.engine.clone(), name.clone());
    carried(async move { engine.set_accepting(&named, refusal, by).await }).await?;
    one(&app, &name)
}

/// Every definition, by name.
#[utoipa::path(
    get, path = "/v1/definitions", tag = "Definitions",
    params(
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Definitions, by name", body = Page<Definition>)),
)]
pub(crate) async fn list(State(app): State<App>, query: Query) -> Answer {
    let limit = query.limit()?;
    let after = query.cursor()?;
    let mut items = by_name(&app)
        .into_iter()
        .filter(|(name, _)| !AfterName::is_past(after.as_ref(), name))
        .map(|(name, rows)| summary(&name, &rows));
    let page: Vec<Definition> = items.by_ref().take(limit).collect();
    let last = items.next().and(page.last());
    let next = last.map(|last| AfterName::cursor(&last.name));
    Ok(reply::ok(&Page { items: page, next }))
}

/// A definition with its versions, newest first.
#[utoipa::path(
    get, path = "/v1/definitions/{name}", tag = "Definitions",
    params(("name" = String, Path, description = "The definition")),
    responses((status = 200, description = "The definition", body = DefinitionDetail)),
)]
pub(crate) async fn get(State(app): State<App>, Path(name): Path<String>) -> Answer {
    let rows = rows(&app, &name)?;
    let summary = summary(&name, &rows);
    Ok(reply::ok(&DefinitionDetail {
        name: summary.name,
        active_version: summary.active_version,
        accepting: summary.accepting,
        refusal: summary.refusal,
        versions: rows.iter().map(|row| version(row)).collect(),
    }))
}

/// One version, as registered, and with every default resolved.
#[utoipa::path(
    get, path = "/v1/definitions/{name}/versions/{version}", tag = "Definitions",
    params(
        ("name" = String, Path, description = "The definition"),
        ("version" = u32, Path, description = "The version"),
    ),
    responses((status = 200, description = "The version", body = DefinitionVersion)),
)]
pub(crate) async fn get_version(
    State(app): State<App>,
    Path((name, wanted)): Path<(String, String)>,
) -> Answer {
    let wanted = names::version(&wanted)?;
    let rows = rows(&app, &name)?;
    Ok(reply::ok(&version(of_version(&rows, &name, wanted)?)))
}

/// One version among those of a definition.
pub(super) fn of_version<'r>(
    rows: &'r [Arc<DefinitionRow>],
    name: &str,
    wanted: u32,
) -> Answer<&'r DefinitionRow> {
    let found = rows.iter().find(|row| row.version == wanted);
    found.map(AsRef::as_ref).ok_or_else(|| {
        Fault::new(
            Code::NoSuchVersion,
            format!("the definition {name} has no version {wanted}"),
        )
    })
}

fn one(app: &App, name: &str) -> Answer {
    let rows = rows(app, name)?;
    Ok(reply::ok(&summary(name, &rows)))
}

/// The versions of a definition, newest first.
pub(super) fn rows(app: &App, name: &str) -> Answer<Vec<Arc<DefinitionRow>>> {
    let missing = || {
        let detail = format!("no definition is named {name:?}");
        Fault::new(Code::NoSuchDefinition, detail)
    };
    by_name(app).remove(name).ok_or_else(missing)
}

fn by_name(app: &App) -> BTreeMap<String, Vec<Arc<DefinitionRow>>> {
    let mut all: BTreeMap<String, Vec<Arc<DefinitionRow>>> = BTreeMap::new();
    for row in app.engine.definitions() {
        all.entry(row.name.clone()).or_default().push(row);
    }
    for rows in all.values_mut() {
        rows.sort_by_key(|row| std::cmp::Reverse(row.version));
    }
    all
}

fn summary(name: &str, rows: &[Arc<DefinitionRow>]) -> Definition {
    let active = rows.iter().find(|row| row.active);
    let refusal = rows.iter().find_map(|row| row.refusal.clone());
    let description = active
        .or(rows.first())
        .and_then(|row| row.resolved["description"].as_str())
        .map(str::to_owned);
    Definition {
        name: name.to_owned(),
        active_version: active.map(|row| row.version),
        accepting: refusal.is_none(),
        refusal,
        description,
        versions: rows.iter().map(|row| row.version).collect(),
    }
}

fn version(row: &DefinitionRow) -> DefinitionVersion {
    DefinitionVersion {
        name: row.name.clone(),
        version: row.version,
        hash: row.hash.clone(),
        active: row.active,
        registered_at: row.registered_at.into(),
        source: row.source.clone(),
        resolved: row.resolved.clone(),
    }
}
