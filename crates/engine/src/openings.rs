//! Roads that open: parked sagas are told, oldest first, and roads that are misconfigured are
//! probed by one of them.
//!
//! What is known of roads does not outlive the process. At the start the oldest saga parked for
//! each service tries its road; once it was answered, for good or ill, the others are told.

use crate::feed::ServiceChange;
use crate::shard::{Answered, Message};
use crate::shared::Shared;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Input, Misconfigured, Plan, Road, Status};
use banyan_outbound::{Due, RoadKey};
use banyan_store::Filter;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long the first saga of a service may try its road at the start before the others are
/// told all the same.
const TRIAL: Duration = Duration::from_secs(30);
/// Sagas that are asked to probe a road when none is known to be parked on that very road.
const PROBERS: usize = 16;

/// What is to be opened. Bounded by the number of services.
#[derive(Default)]
pub(crate) struct Openings {
    open: Mutex<BTreeSet<String>>,
    opened: Notify,
    trials: Mutex<BTreeSet<String>>,
    trying: AtomicBool,
    probes_changed: Notify,
    count: AtomicU64,
}

impl Openings {
    /// Those parked for this service are to be told.
    pub(crate) fn open(&self, service: &str) {
        // Before those parked are read, so that who parks meanwhile sees it.
        self.count.fetch_add(1, Ordering::SeqCst);
        lock(&self.open).insert(service.to_owned());
        self.opened.notify_one();
    }

    /// How often anything was opened: who sees the same figure before a decision and after its
    /// commit has missed nothing.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Probes are due at other times now.
    pub(crate) fn probes_changed(&self) {
        self.probes_changed.notify_one();
    }

    /// A road of this service was answered, for good or ill.
    fn tried(&self, service: &str) {
        if self.trying.load(Ordering::Relaxed) && lock(&self.trials).remove(service) {
            self.open(service);
        }
    }

    async fn next(&self) -> String {
        loop {
            if let Some(service) = lock(&self.open).pop_first() {
                return service;
            }
            self.opened.notified().await;
        }
    }
}

// Sets of names: whole after every statement.
fn lock(set: &Mutex<BTreeSet<String>>) -> MutexGuard<'_, BTreeSet<String>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// A road was answered as it should be.
    pub(crate) fn answered(&self, answered: &Answered) {
        let definition = &answered.plan.definition;
        let road = Road {
            service: &answered.service,
            definition: &definition.name,
            version: definition.version,
            step: &answered.step,
            leg: answered.leg,
        };
        if self.registry.mark_answered(&road) {
            self.openings.open(&answered.service);
            self.tell_service(&answered.service, ServiceChange::Opened);
        }
        self.openings.tried(&answered.service);
    }

    /// A road was answered "the road is wrong".
    pub(crate) fn misconfigured(&self, plan: &Plan, answer: &Misconfigured) {
        let (name, version) = (&plan.definition.name, plan.definition.version);
        if self
            .registry
            .mark_misconfigured(answer, name, version, self.now())
        {
            self.openings.probes_changed();
            self.tell_service(&answer.service, ServiceChange::Misconfigured);
        }
        self.openings.tried(&answer.service);
    }
}

/// Tells those parked for each service that opens. Runs until the engine ends.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        let service = shared.openings.next().await;
        open(&shared, service).await;
    }
}

async fn open(shared: &Shared, service: String) {
    // Who parks after this has seen the road as it is now.
    let begun = shared.now();
    let mut after: Option<(Timestamp, Id)> = None;
    loop {
        let page = parked(shared, &service, after, shared.config.page).await;
        let Some(last) = page.last().copied() else {
            return;
        };
        for (since, id) in page {
            if since > begun {
                return;
            }
            shared.gate.room().await;
            shared.put(id, opened(id)).await;
        }
        after = Some(last);
    }
}

pub(crate) fn opened(id: Id) -> Message {
    Message::Input {
        id,
        input: Input::Opened,
        reply: None,
    }
}

/// Those parked for a service; nobody when the store cannot tell now: their patrol comes later.
async fn parked(
    shared: &Shared,
    service: &str,
    after: Option<(Timestamp, Id)>,
    limit: usize,
) -> Vec<(Timestamp, Id)> {
    let name = service.to_owned();
    let read = shared.read(move |reader| reader.parked(&name, after, limit));
    match read.await {
        Ok(Ok(page)) => page,
        Ok(Err(error)) => {
            tracing::warn!(service, %error, "the parked sagas of a service cannot be read");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// Tries the road of the oldest parked saga of each service, at the engine's start; then probes
/// what is misconfigured, whenever that is due. Runs until the engine ends.
pub(crate) async fn probe(shared: Arc<Shared>) {
    try_parked(&shared).await;
    let trial_ends = shared.now().plus(banyan_core::time::Duration::from_millis(
        TRIAL.as_millis().try_into().unwrap_or(u64::MAX),
    ));
    tokio::join!(probe_due(&shared), end_trials(&shared, trial_ends));
}

async fn try_parked(shared: &Shared) {
    for row in shared.catalogue.services() {
        if row.paused.is_some() {
            continue;
        }
        if let Some((_, id)) = parked(shared, &row.name, None, 1).await.first() {
            lock(&shared.openings.trials).insert(row.name.clone());
            shared.openings.trying.store(true, Ordering::Relaxed);
            shared.put(*id, opened(*id)).await;
        }
    }
}

async fn end_trials(shared: &Shared, at: Timestamp) {
    if !shared.openings.trying.load(Ordering::Relaxed) {
        return;
    }
    shared
        .pause(Duration::from_millis(at.since(shared.now())))
        .await;
    shared.openings.trying.store(false, Ordering::Relaxed);
    let untold = std::mem::take(&mut *lock(&shared.openings.trials));
    untold
        .iter()
        .for_each(|service| shared.openings.open(service));
}

async fn probe_due(shared: &Shared) {
    loop {
        let next = shared.registry.next_probe_at();
        let sleep = async {
            match next {
                // No longer than a clock that is set back may hold up a probe.
                Some(at) => {
                    let left = Duration::from_millis(at.since(shared.now()));
                    shared.pause(left.min(TRIAL)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.openings.probes_changed.notified() => continue,
            () = sleep => {}
        }
        let (registry, now) = (Arc::clone(&shared.registry), shared.now());
        let Ok(due) = shared.read(move |_| registry.probe_due(now)).await else {
            return;
        };
        for due in due {
            for id in probers(shared, &due).await {
                shared.put(id, opened(id)).await;
            }
        }
    }
}

fn is_on(row: &banyan_store::SagaRow, road: &RoadKey) -> bool {
    let of_definition = row.definition == road.definition && row.version == road.version;
    of_definition && row.step.as_deref() == Some(&road.step)
}

/// Who is to probe a road: one that is parked on it; a whole service, one that is parked on
/// another road than the one to blame, if there is any.
async fn probers(shared: &Shared, due: &Due) -> Vec<Id> {
    let mut filter = Filter {
        service: vec![due.service.clone()],
        status: vec![Status::Running, Status::Compensating, Status::Stuck],
        ..Filter::default()
    };
    if let Some(road) = &due.road {
        filter.definition = vec![road.definition.clone()];
        filter.version = vec![road.version];
        filter.step = vec![road.step.clone()];
    }
    let rows = shared.read(move |reader| reader.list(&filter, None, PROBERS));
    let rows = rows
        .await
        .map_or_else(|_| Vec::new(), Result::unwrap_or_default);
    // The row's own leg, not one of the others that the saga is parked for besides.
    let is_meant = |row: &&banyan_store::SagaRow| {
        let stands = row.parked_since.is_some() && row.service.as_deref() == Some(&due.service);
        stands && !due.blamed.as_ref().is_some_and(|road| is_on(row, road))
    };
    if let Some(row) = rows.iter().find(is_meant) {
        return vec![row.id];
    }
    if due.road.is_none() {
        let oldest = parked(shared, &due.service, None, 1).await;
        return oldest.into_iter().map(|(_, id)| id).collect();
    }
    // A saga that is parked on several roads of a service stands at one of them.
    let some = parked(shared, &due.service, None, PROBERS).await;
    some.into_iter().map(|(_, id)| id).collect()
}
