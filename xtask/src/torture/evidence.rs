//! What can be seen from outside once all is quiet: every saga, its journal and its attempts
//! over HTTP, the services' ledger, and the clients' log.

use super::clients::Clients;
use super::history::{Refusal, Start, is_rest};
use super::ledger::Event;
use crate::load::Api;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// A saga as the API shows it.
pub(crate) struct Seen {
    /// The saga.
    pub(crate) saga: Value,
    /// Its journal.
    pub(crate) journal: Vec<Value>,
    /// Its attempts.
    pub(crate) attempts: Vec<Value>,
}

/// Everything that the checker reads.
pub(crate) struct Evidence {
    /// Sagas by id.
    pub(crate) sagas: HashMap<String, Seen>,
    /// Every row of the list: id and key, also if one came twice.
    pub(crate) listed: Vec<(String, String)>,
    /// What the API answers for a start's own key: the id.
    pub(crate) by_key: HashMap<String, Option<String>>,
    /// The services' ledger.
    pub(crate) events: Vec<Event>,
    /// The clients' starts, by key.
    pub(crate) starts: HashMap<String, Start>,
    /// Reasons seen on the way, by saga.
    pub(crate) reasons: Vec<(String, Value)>,
    /// Starts that had to be refused.
    pub(crate) refusals: Vec<Refusal>,
    /// Sagas seen open after a restart, and those of them with nothing to wait on.
    pub(crate) open_seen: (u64, Vec<String>),
}

/// Reads it all.
pub(crate) async fn collect(
    clients: &Arc<Clients>,
    open_seen: (u64, Vec<String>),
) -> Result<Evidence> {
    let listed = list(&clients.api, "").await?;
    let listed: Vec<(String, String)> = listed
        .iter()
        .map(|item| (text(item, "id"), text(item, "key")))
        .collect();
    let starts = clients.history.starts();
    let mut tasks = Vec::new();
    let workers = 16;
    for worker in 0..workers {
        let api = clients.api.clone();
        let ids: Vec<String> = listed
            .iter()
            .skip(worker)
            .step_by(workers)
            .map(|(id, _)| id.clone())
            .collect();
        tasks.push(tokio::spawn(async move { look(&api, ids).await }));
    }
    let mut sagas = HashMap::new();
    for task in tasks {
        sagas.extend(task.await.context("a reader failed")??);
    }
    let mut by_key = HashMap::new();
    for (key, start) in starts.iter().filter(|(_, start)| start.is_accepted()) {
        let path = format!("/v1/definitions/{}/sagas/{key}", start.definition);
        let saga = clients.api.get(&path).await.ok();
        by_key.insert(key.clone(), saga.map(|saga| text(&saga, "id")));
    }
    Ok(Evidence {
        sagas,
        listed,
        by_key,
        events: clients.world.ledger.events(),
        starts,
        reasons: clients.history.reasons(),
        refusals: clients.history.refusals(),
        open_seen,
    })
}

/// Sagas that are not at rest, and the ids of those that wait on nothing.
pub(crate) async fn open(api: &Api) -> Result<(u64, Vec<String>)> {
    let items = list(api, "&status=running&status=compensating&status=stuck").await?;
    let idle = items.iter().filter(|item| {
        // It may have come to rest since its row was found.
        !is_rest(&text(item, "status")) && array(item, "waiting_on").is_empty()
    });
    let idle = idle
        .map(|item| format!("{} ({})", text(item, "id"), text(item, "status")))
        .collect();
    Ok((u64::try_from(items.len())?, idle))
}

async fn list(api: &Api, filter: &str) -> Result<Vec<Value>> {
    pages(api, &format!("/v1/sagas?limit=500{filter}")).await
}

async fn look(api: &Api, ids: Vec<String>) -> Result<Vec<(String, Seen)>> {
    let mut seen = Vec::new();
    for id in ids {
        let saga = api.get(&format!("/v1/sagas/{id}")).await?;
        let journal = pages(api, &format!("/v1/sagas/{id}/journal?limit=500")).await?;
        let attempts = pages(api, &format!("/v1/sagas/{id}/attempts?limit=500")).await?;
        seen.push((
            id,
            Seen {
                saga,
                journal,
                attempts,
            },
        ));
    }
    Ok(seen)
}

async fn pages(api: &Api, path: &str) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut next = path.to_owned();
    loop {
        let page = api.get(&next).await?;
        items.extend(array(&page, "items").iter().cloned());
        match page.get("next").and_then(Value::as_str) {
            Some(cursor) => next = format!("{path}&cursor={cursor}"),
            None => return Ok(items),
        }
    }
}

/// A field that is text; empty when it is not there.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// A field that is an array; empty when it is not there.
pub(crate) fn array<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
