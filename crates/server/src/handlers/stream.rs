//! What changes, as it changes: server-sent events over `GET /v1/stream`.
//!
//! What is told is read when it is told, so that who reads slowly costs no memory, and gets the
//! last state of each saga. A stop of the server ends every stream; its readers come back.

use super::{names, services};
use crate::app::App;
use crate::fault::{Answer, Fault};
use crate::project;
use crate::query::{Query, invalid};
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use banyan_api::{Code, ResetEvent, ServiceEvent};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::time::Duration;
use banyan_engine::{
    ListenError, Listener, LookError, Missed, News, SagaNews, ServiceChange, Told,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that gather answers would hold events back.
const UNBUFFERED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);
/// How long nothing is said at most.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes read for one write. Within them each saga is told once.
const AT_ONCE: usize = 64;
/// Sagas of which it is remembered what was told last, so that nothing is told twice.
const REMEMBERED: usize = 4_096;
/// Ids that one stream may name.
const IDS: usize = 100;

/// What changes, as server-sent events: `saga` (as in lists), `service`, `operation`, `reset`.
///
/// Each event carries an `id`; sent back as `Last-Event-ID` the stream goes on after it. A
/// comment comes every 15 s. With a filter only the sagas that it selects are told, and an
/// operation whose id it names.
#[utoipa::path(
    get, path = "/v1/stream", tag = "Stream",
    params(
        ("id" = Option<Vec<String>>, Query, description = "These sagas, or operations"),
        ("definition" = Option<Vec<String>>, Query, description = "Sagas of these definitions"),
        ("last-event-id" = Option<String>, Header, description = "The `id` of the last event seen"),
    ),
    responses((status = 200, description = "Events: `saga` with a SagaItem, `service` with a ServiceEvent, `operation` with what `GET /v1/operations/{id}` answers, `reset` with a ResetEvent", body = String, content_type = "text/event-stream")),
)]
pub(crate) async fn stream(State(app): State<App>, query: Query, headers: HeaderMap) -> Answer {
    let filter = Filter::of(&query)?;
    if app.stop.is_cancelled() {
        return Err(Fault::new(Code::Stopping, "the server is stopping"));
    }
    let after = last_event_id(&headers)?;
    let listener = app.engine.listen(after.as_deref()).map_err(refused)?;
    let (chunks, receiver) = mpsc::channel(1);
    let teller = Teller {
        beat_at: app.engine.now().plus(HEARTBEAT),
        app,
        filter,
        listener,
        chunks,
        told: HashMap::new(),
    };
    tokio::spawn(teller.run());
    let kind = HeaderValue::from_static("text/event-stream");
    let headers = [(header::CONTENT_TYPE, kind), UNBUFFERED];
    Ok((headers, Body::new(Chunks(receiver))).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Answer<Option<String>> {
    let mut all = headers.get_all(&LAST_EVENT_ID).iter();
    let (first, second) = (all.next(), all.next());
    if second.is_some() {
        let words = "Last-Event-ID: it may be given once only";
        return Err(Fault::new(Code::InvalidHeader, words));
    }
    // A browser that has seen no id yet sends an empty one.
    let text = first.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Ok(text.filter(|text| !text.is_empty()))
}

fn refused(error: ListenError) -> Fault {
    match error {
        ListenError::Full { limit } => Fault::new(
            Code::OverCapacity,
            format!("{limit} streams are open, and no more may be: close one"),
        ),
        error @ ListenError::NoPlace { .. } => {
            Fault::new(Code::InvalidHeader, format!("Last-Event-ID: {error}"))
        }
    }
}

fn id(text: &str) -> Answer<Id> {
    text.parse()
        .map_err(|error| invalid("id", &format!("{text:?} is no id: {error}")))
}

/// What a stream tells of.
#[derive(Debug, Default)]
struct Filter {
    ids: BTreeSet<Id>,
    definitions: BTreeSet<String>,
}

impl Filter {
    fn of(query: &Query) -> Answer<Filter> {
        let ids = query.all("id").map(id).collect::<Answer<BTreeSet<Id>>>()?;
        if ids.len() > IDS {
            let words = format!("{} are named, and at most {IDS} may be", ids.len());
            return Err(invalid("id", &words));
        }
        let definitions: BTreeSet<String> = query.all("definition").map(str::to_owned).collect();
        for name in &definitions {
            names::name("definition", name)?;
        }
        Ok(Filter { ids, definitions })
    }

    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.definitions.is_empty()
    }

    fn selects(&self, id: Id, definition: &str) -> bool {
        (self.ids.is_empty() || self.ids.contains(&id))
            && (self.definitions.is_empty() || self.definitions.contains(definition))
    }

    fn selects_operation(&self, id: &str) -> bool {
        let named = || self.ids.iter().any(|one| one.to_string() == id);
        self.is_empty() || (self.definitions.is_empty() && named())
    }
}

/// The store or the engine cannot be asked now: the stream ends, and its reader comes back.
struct Ends;

/// One stream's task.
struct Teller {
    app: App,
    filter: Filter,
    listener: Listener,
    chunks: mpsc::Sender<Bytes>,
    /// By saga, the number of the last record that was told.
    told: HashMap<Id, u64>,
    beat_at: Timestamp,
}

impl Teller {
    async fn run(mut self) {
        let stop = self.app.stop.clone();
        // Whatever ends it, the body ends with it.
        let _ = stop.run_until_cancelled(self.tell()).await;
    }

    async fn tell(&mut self) -> Result<(), Ends> {
        let mut text = format!("retry: 1000\nid: {}\n\n", self.listener.place());
        loop {
            if text.is_empty() && self.app.engine.now() >= self.beat_at {
                text = format!(": heartbeat\nid: {}\n\n", self.listener.place());
            }
            if !text.is_empty() {
                let chunk = Bytes::from(std::mem::take(&mut text));
                self.chunks.send(chunk).await.map_err(|_| Ends)?;
                self.beat_at = self.app.engine.now().plus(HEARTBEAT);
            }
            let told = tokio::select! {
                biased;
                () = self.chunks.closed() => return Err(Ends),
                told = self.listener.next(AT_ONCE) => told,
                () = self.app.engine.sleep_until(self.beat_at) => Told::default(),
            };
            text = self.words(told).await?;
        }
    }

    async fn words(&mut self, told: Told) -> Result<String, Ends> {
        let mut text = String::new();
        if let Some(missed) = told.missed {
            let before = told.news.first().map(|(position, _)| position - 1);
            let place =
                before.map_or_else(|| self.listener.place(), |at| self.listener.place_at(at));
            self.told.clear();
            let reset = ResetEvent {
                reason: reason(missed),
            };
            event(&mut text, &place, "reset", &reset);
        }
        for (position, news) in told.news {
            let place = self.listener.place_at(position);
            match news {
                News::Saga(news) => self.saga(&mut text, &place, &news).await?,
                News::Stalled(stall) => {
                    // Nothing of it changed but that.
                    self.told.remove(&stall.saga);
                    self.as_it_is(&mut text, &place, stall.saga).await?;
                }
                News::Service { name, change } => {
                    if self.filter.is_empty() {
                        self.service(&mut text, &place, name, change).await?;
                    }
                }
                News::Operation { id } => {
                    let selected = self.filter.selects_operation(&id);
                    let progress = self.app.engine.operation_progress(&id);
                    if let Some(progress) = progress.filter(|_| selected) {
                        event(&mut text, &place, "operation", &*progress);
                    }
                }
            }
        }
        Ok(text)
    }

    async fn saga(&mut self, text: &mut String, place: &str, news: &SagaNews) -> Result<(), Ends> {
        let known = self.told.get(&news.id).is_some_and(|seq| *seq >= news.seq);
        if known || !self.filter.selects(news.id, &news.plan.definition.name) {
            return Ok(());
        }
        self.as_it_is(text, place, news.id).await
    }

    async fn as_it_is(&mut self, text: &mut String, place: &str, id: Id) -> Result<(), Ends> {
        let saga = match self.app.engine.get(id).await {
            Ok(Some(saga)) => saga,
            // Purged meanwhile, or damaged, which the log says.
            Ok(None) | Err(LookError::Damaged { .. }) => return Ok(()),
            Err(LookError::Refused(_)) => return Err(Ends),
        };
        if !self.filter.selects(id, &saga.plan.definition.name) {
            return Ok(());
        }
        if self.told.len() >= REMEMBERED {
            self.told.clear();
        }
        if self
            .told
            .insert(id, saga.seq)
            .is_none_or(|seq| seq < saga.seq)
        {
            let waits = self.app.engine.waiting_on(&saga.masked());
            event(text, place, "saga", &project::item_that_waits(&saga, waits));
        }
        Ok(())
    }

    async fn service(
        &self,
        text: &mut String,
        place: &str,
        name: String,
        change: ServiceChange,
    ) -> Result<(), Ends> {
        let service = match services::find(&self.app, &name).await {
            Ok(service) => Some(service),
            Err(fault) if fault.code() == Code::NoSuchService.as_str() => None,
            Err(_) => return Err(Ends),
        };
        let data = ServiceEvent {
            name,
            change: change.as_str().into(),
            service,
        };
        event(text, place, "service", &data);
        Ok(())
    }
}

fn reason(missed: Missed) -> banyan_api::ResetReason {
    missed.as_str().into()
}

/// Writes one event. JSON on one line holds no line break that would end it.
fn event(text: &mut String, place: &str, name: &str, data: &impl Serialize) {
    match serde_json::to_string(data) {
        // Writing into a String cannot fail.
        Ok(data) => drop(write!(text, "id: {place}\nevent: {name}\ndata: {data}\n\n")),
        Err(error) => tracing::error!(%error, name, "an event could not be written"),
    }
}

/// A body of the chunks that come.
struct Chunks(mpsc::Receiver<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let chunk = self.0.poll_recv(context);
        chunk.map(|chunk| chunk.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}
