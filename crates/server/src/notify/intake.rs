//! Watches the engine and the disk, and puts into the queue what people are to be told.
//!
//! What is told of sagas is what the store says: the feed only says where to look. Where it has
//! a gap, and at the start, every stuck saga is looked at, a page at a time and only while the
//! queue has room.

use super::event::{Event, Mark};
use super::queue::Queue;
use super::told::Told;
use crate::disk::{self, Gauge, Low};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Saga, Status};
use banyan_core::time::Duration;
use banyan_engine::{Ailment, Engine, Listener, News, StallNews, Told as Heard};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Between two looks at the disk, and at services of which no news came.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Changes taken from the feed at a time.
const AT_ONCE: usize = 256;
/// Stuck sagas looked at a time.
const PAGE: usize = 50;

/// The intake's task.
pub(crate) struct Intake {
    pub(crate) engine: Engine,
    pub(crate) listener: Listener,
    pub(crate) queue: Arc<Queue>,
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) folder: PathBuf,
    pub(crate) low: Low,
    gauge: Gauge,
    /// What was last told of services.
    services: BTreeMap<String, Ailment>,
    scan: Option<Scan>,
    look_at: Timestamp,
}

/// A walk over every stuck saga.
#[derive(Default)]
struct Scan {
    after: Option<Id>,
    /// Those found so far: at the end, all that are stuck.
    found: BTreeSet<Id>,
}

impl Intake {
    /// An intake that has seen nothing yet.
    pub(crate) fn new(
        engine: Engine,
        listener: Listener,
        queue: Arc<Queue>,
        told: Arc<Mutex<Told>>,
        folder: PathBuf,
        low: Low,
    ) -> Intake {
        Intake {
            look_at: engine.now(),
            engine,
            listener,
            queue,
            told,
            folder,
            low,
            gauge: Gauge::default(),
            services: BTreeMap::new(),
            scan: Some(Scan::default()),
        }
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            let heard = if self.may_scan() {
                self.scan_page().await;
                self.listener.take(AT_ONCE)
            } else {
                tokio::select! {
                    biased;
                    heard = self.listener.next(AT_ONCE) => heard,
                    () = self.queue.emptied.notified() => Heard::default(),
                    () = self.engine.sleep_until(self.look_at) => Heard::default(),
                }
            };
            self.hear(heard).await;
            if self.queue.room() > PAGE && self.queue.take_lost() {
                self.scan = Some(Scan::default());
            }
            if self.engine.now() >= self.look_at {
                self.look().await;
            }
        }
    }

    async fn hear(&mut self, heard: Heard) {
        if heard.missed.is_some() {
            self.scan = Some(Scan::default());
        }
        let mut of_services = heard.missed.is_some();
        for (_, news) in heard.news {
            match news {
                News::Saga(news) if news.status == Status::Stuck => self.stuck(news.id).await,
                News::Stalled(stall) => self.stalled(&stall).await,
                News::Service { .. } => of_services = true,
                News::Saga(_) | News::Operation { .. } => {}
            }
        }
        if of_services {
            self.look_at_services();
        }
    }

    async fn stuck(&mut self, id: Id) {
        if let Some(scan) = &mut self.scan {
            // The walk may have passed it already.
            scan.found.insert(id);
        }
        // One that cannot be read now is found by the next walk.
        match self.engine.get(id).await {
            Ok(Some(saga)) => self.tell_stuck(&saga),
            Ok(None) => {}
            Err(_) => self.scan = Some(Scan::default()),
        }
    }

    fn tell_stuck(&self, saga: &Saga) {
        let at = saga.stuck().filter(|_| saga.status() == Status::Stuck);
        if let Some(at) = at {
            self.tell(Event::stuck(saga, &at));
        }
    }

    async fn stalled(&self, stall: &StallNews) {
        let saga = self.engine.get(stall.saga).await.ok().flatten();
        self.tell(Event::stalled(stall, saga.as_deref()));
    }

    /// Queues an event unless it was told before.
    fn tell(&self, event: Event) {
        if !event
            .mark
            .is_some_and(|mark| lock(&self.told).contains(&mark))
        {
            self.queue.push(event);
        }
    }

    fn may_scan(&self) -> bool {
        self.scan.is_some() && self.queue.room() > PAGE
    }

    /// Looks at a page of stuck sagas; one that cannot be read is looked at again with the
    /// next look.
    async fn scan_page(&mut self) {
        let Some(mut scan) = self.scan.take() else {
            return;
        };
        let Ok(page) = self.engine.stuck_page(scan.after, PAGE).await else {
            self.engine.sleep_until(self.look_at).await;
            self.look().await;
            self.scan = Some(Scan::default());
            return;
        };
        for row in page.items {
            scan.found.insert(row.id);
            if let Ok(Some(saga)) = self.engine.get(row.id).await {
                self.tell_stuck(&saga);
            }
        }
        if page.next.is_none() {
            return self.forget(scan.found).await;
        }
        scan.after = page.next;
        self.scan = Some(scan);
    }

    /// Forgets what was told of sagas that are stuck no more.
    async fn forget(&self, stuck: BTreeSet<Id>) {
        let told = Arc::clone(&self.told);
        let forgotten = tokio::task::spawn_blocking(move || {
            lock(&told).retain(|mark: &Mark| stuck.contains(&mark.saga))
        });
        if let Ok(Err(error)) = forgotten.await {
            tracing::warn!(%error, "what was told cannot be written");
        }
    }

    async fn look(&mut self) {
        self.look_at = self.engine.now().plus(LOOK_EVERY);
        self.look_at_services();
        let folder = self.folder.clone();
        let space = tokio::task::spawn_blocking(move || disk::space(&folder));
        if let Ok(Some(space)) = space.await
            && self.gauge.look(space, self.low)
        {
            let bound = self.low.bytes(space.total);
            let is_low = self.gauge.is_low;
            tracing::warn!(free = space.free, is_low, "the disk of the data folder");
            self.tell(Event::disk(space, bound, is_low, self.engine.now()));
        }
    }

    /// Tells what is wrong with services that was not, and what is well again.
    fn look_at_services(&mut self) {
        let (now, ailing) = (self.engine.now(), self.engine.ailing());
        for event in changes(&self.services, &ailing, now) {
            self.tell(event);
        }
        self.services = ailing;
    }
}

/// What is to be told of services that were like this and now are like that.
fn changes(
    before: &BTreeMap<String, Ailment>,
    after: &BTreeMap<String, Ailment>,
    now: Timestamp,
) -> Vec<Event> {
    let well = Ailment::default();
    let mut events = Vec::new();
    for (name, ailment) in after {
        let known = before.get(name).unwrap_or(&well);
        if known.misconfigured.is_empty() && !ailment.misconfigured.is_empty() {
            events.push(Event::ailing(name, ailment, false, now));
        }
        if known.down.is_none() && ailment.down.is_some() {
            events.push(Event::ailing(name, ailment, true, now));
        }
    }
    let recovered = before.keys().filter(|name| !after.contains_key(*name));
    events.extend(recovered.map(|name| Event::service_recovered(name, now)));
    events
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    // At worst a mark is missing, which tells something again.
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use banyan_engine::Down;

    #[test]
    fn a_service_is_told_when_it_gets_worse_and_when_all_is_well() {
        let wrong = Ailment {
            misconfigured: vec!["pay.do: it answered 401".into()],
            down: None,
        };
        let down = Ailment {
            misconfigured: Vec::new(),
            down: Some(Down {
                since: Timestamp(0),
                message: "no answer".into(),
            }),
        };
        let both = Ailment {
            down: down.down.clone(),
            ..wrong.clone()
        };
        let well = Ailment::default();
        for (before, after, told) in [
            (&well, &wrong, "misconfigured"),
            (&well, &down, "down"),
            (&well, &both, "misconfigured down"),
            (&wrong, &both, "down"),
            (&both, &wrong, ""),
            (&wrong, &wrong, ""),
            (&both, &well, "recovered"),
            (&well, &well, ""),
        ] {
            let of = |ailment: &Ailment| {
                let all = (*ailment != well).then(|| ("pay".to_owned(), ailment.clone()));
                all.into_iter().collect()
            };
            let events = changes(&of(before), &of(after), Timestamp(0));
            let words: Vec<&str> = events
                .iter()
                .filter_map(|event| event.id.split('-').next())
                .collect();
            assert_eq!(words.join(" "), told, "{before:?} {after:?}");
        }
    }
}
