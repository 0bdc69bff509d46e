//! What a saga did: its journal, and its attempts, oldest first.

use crate::app::App;
use crate::fault::{Answer, Fault};
use crate::query::{Query, next};
use crate::reply;
use axum::extract::{Path, State};
use banyan_api::{Attempt, Code, JournalEntry, Json, Page};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::path::{covers, is_general};
use banyan_core::saga::{Entry, Meaning, Record, Saga};

/// A saga's journal, oldest first.
#[utoipa::path(
    get, path = "/v1/sagas/{id}/journal", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Records, oldest first", body = Page<JournalEntry>)),
)]
pub(crate) async fn journal(
    State(app): State<App>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let (limit, skip) = window(&query)?;
    let saga = app.saga(&id).await?;
    let entries = entries(&app, saga.id).await?;
    let total = entries.len();
    let shown = entries.iter().skip(skip).take(limit);
    let items = shown.map(|one| entry(&saga.masked_entry(one)));
    let page = Page {
        items: items.collect::<Answer<Vec<_>>>()?,
        next: next(skip, limit, total),
    };
    Ok(reply::ok(&page))
}

/// A saga's attempts, oldest first.
#[utoipa::path(
    get, path = "/v1/sagas/{id}/attempts", tag = "Sagas",
    params(
        ("id" = String, Path, description = "The saga's id"),
        ("step" = Option<String>, Query, description = "Of this step alone, by its path or name, with its parts; `lines[].reserve` is that of every item"),
        ("limit" = Option<u32>, Query, description = "At most so many (50, at most 500)"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Attempts, oldest first", body = Page<Attempt>)),
)]
pub(crate) async fn attempts(
    State(app): State<App>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let (limit, skip) = window(&query)?;
    let step = query.one("step")?;
    let saga = app.saga(&id).await?;
    let wanted = step.map(|step| path_of(&saga, step)).transpose()?;
    let mut all = attempts_of(&entries(&app, saga.id).await?);
    if let Some(wanted) = wanted {
        all.retain(|attempt| covers(&wanted, &attempt.step));
    }
    let total = all.len();
    let page = Page {
        items: all.into_iter().skip(skip).take(limit).collect(),
        next: next(skip, limit, total),
    };
    Ok(reply::ok(&page))
}

/// The path that a caller means by a step's path or name. Empty brackets mean every item, also
/// of those to come; a number only an item that there is.
fn path_of(saga: &Saga, step: &str) -> Answer<String> {
    let (definition, index) = (&saga.plan.definition, &saga.plan.index);
    let mut named = None;
    definition.each_step(&mut |known| {
        // What an `each` does for its items shares its name, and comes after it.
        if known.name == step && named.is_none() {
            named = Some(known.path.clone());
        }
    });
    if let Some(path) = named {
        return Ok(path);
    }
    let route = index.by_path(step).filter(|route| saga.has(route));
    let is_there = route.is_some_and(|route| saga.spot(&route).path() == step);
    if is_there || (is_general(step) && index.knows(step)) {
        return Ok(step.to_owned());
    }
    if index.knows(step) {
        let detail = format!("this saga has no {step:?}: there is no such item, or not yet");
        return Err(Fault::new(Code::NoSuchStep, detail));
    }
    let mut known = Vec::new();
    definition.each_step(&mut |step| known.push(step.path.as_str()));
    Err(Fault::new(
        Code::NoSuchStep,
        format!(
            "{} version {} has no step {step:?}; it has {}",
            definition.name,
            definition.version,
            known.join(", ")
        ),
    ))
}

/// How many, and after how many: cursors here count, since a journal only grows at its end.
fn window(query: &Query) -> Answer<(usize, usize)> {
    Ok((query.limit()?, query.counted()?))
}

async fn entries(app: &App, id: Id) -> Answer<Vec<Entry>> {
    match app.engine.journal(id).await? {
        Some(entries) => Ok(entries),
        None => Err(app.missing(id).await),
    }
}

/// A record as the API shows it.
pub(super) fn entry(entry: &Entry) -> Answer<JournalEntry> {
    let failed = |error| Fault::internal("a record cannot be written", &error);
    let mut record = serde_json::to_value(&entry.record).map_err(failed)?;
    let kind = record["type"].as_str().unwrap_or_default().to_owned();
    let mut data = record["data"].take();
    plain(&mut data);
    Ok(JournalEntry {
        seq: entry.seq,
        at: entry.at.into(),
        kind,
        data,
    })
}

/// Writes a record as the API writes things: moments as text, results as they are. These stand
/// at its top and in `next`; what callers and services sent is left alone.
fn plain(data: &mut Json) {
    for name in ["until", "keys_until", "deadline"] {
        moment(data.get_mut(name));
    }
    result(data);
    if let Some(Json::Object(next)) = data.get_mut("next") {
        for what in next.values_mut() {
            moment(what.get_mut("at"));
            result(what);
        }
    }
}

/// A result is kept with whether it could be read: `{"json": …}` or `"unreadable"`.
fn result(holder: &mut Json) {
    let Some(result) = holder.get_mut("result") else {
        return;
    };
    match result.get_mut("json").map(Json::take) {
        Some(value) => *result = value,
        None => {
            let unreadable = result == "unreadable";
            *result = Json::Null;
            holder["unreadable"] = unreadable.into();
        }
    }
}

fn moment(value: Option<&mut Json>) {
    if let Some(value) = value
        && let Some(millis) = value.as_i64()
    {
        *value = Timestamp(millis).to_string().into();
    }
}

/// Attempts, each from its intent and its end.
fn attempts_of(entries: &[Entry]) -> Vec<Attempt> {
    let mut all: Vec<Attempt> = Vec::new();
    for entry in entries {
        match &entry.record {
            Record::AttemptStarted {
                step,
                leg,
                round,
                attempt,
                key,
                ..
            } => all.push(Attempt {
                step: step.clone(),
                leg: leg.as_str().into(),
                attempt: *attempt,
                round: *round,
                idempotency_key: key.clone(),
                at: entry.at.into(),
                took_ms: None,
                sent: None,
                status: None,
                outcome: None,
                message: None,
                instance: None,
            }),
            Record::AttemptEnded {
                step, leg, attempt, ..
            } => {
                let same = |known: &&mut Attempt| {
                    known.attempt == *attempt
                        && known.leg.as_str() == leg.as_str()
                        && known.step == *step
                };
                if let Some(known) = all.iter_mut().rev().find(same) {
                    end(known, &entry.record);
                }
            }
            _ => {}
        }
    }
    all
}

fn end(known: &mut Attempt, record: &Record) {
    if let Record::AttemptEnded {
        status,
        took_ms,
        meaning,
        message,
        instance,
        ..
    } = record
    {
        known.took_ms = Some(*took_ms);
        known.sent = Some(!matches!(meaning, Meaning::NotSent | Meaning::Held));
        known.status = *status;
        known.outcome = Some(crate::project::meaning(*meaning).to_owned());
        known.message.clone_from(message);
        known.instance.clone_from(instance);
    }
}
