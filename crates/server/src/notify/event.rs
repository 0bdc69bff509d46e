//! The events that are sent: CloudEvents 1.0. What each holds is told in
//! `docs/reference/notify.md`.

use crate::disk::Space;
use crate::project;
use banyan_api::{Json, Moment};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Saga, StuckAt};
use banyan_engine::{Ailment, StallNews};
use serde_json::json;

/// The types of events, as documented.
#[cfg(test)]
pub(crate) const TYPES: [&str; 7] = [
    STUCK,
    STALLED,
    MISCONFIGURED,
    DOWN,
    SERVICE_RECOVERED,
    DISK_LOW,
    DISK_RECOVERED,
];
const STUCK: &str = "banyan.saga.stuck";
const STALLED: &str = "banyan.saga.stalled";
const MISCONFIGURED: &str = "banyan.service.misconfigured";
const DOWN: &str = "banyan.service.down";
const SERVICE_RECOVERED: &str = "banyan.service.recovered";
const DISK_LOW: &str = "banyan.disk.low";
const DISK_RECOVERED: &str = "banyan.disk.recovered";

/// What makes one stuck saga, or one stall, the same as told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// The saga.
    pub(crate) saga: Id,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    kind: &'static str,
    /// The same for the same thing, however often it is sent.
    pub(crate) id: String,
    subject: String,
    time: Timestamp,
    pub(crate) data: Json,
    /// Set when it was told once that must not be told again.
    pub(crate) mark: Option<Mark>,
    /// How many events were given up before it and never told of.
    pub(crate) dropped: u64,
}

impl Event {
    /// An event.
    pub(crate) fn new(
        kind: &'static str,
        id: String,
        subject: String,
        time: Timestamp,
        data: Json,
    ) -> Event {
        Event {
            kind,
            id,
            subject,
            time,
            data,
            mark: None,
            dropped: 0,
        }
    }

    /// A saga needs a person.
    pub(crate) fn stuck(saga: &Saga, at: &StuckAt) -> Event {
        let id = format!("stuck-{}-{}", saga.id, at.since.0);
        let data = json!({ "saga": project::item(saga) });
        let event = Event::new(STUCK, id, saga.id.to_string(), at.since, data);
        event.marked(saga.id, at.since)
    }

    /// A saga makes no progress, and nothing explains it. One that cannot be read is null.
    pub(crate) fn stalled(stall: &StallNews, saga: Option<&Saga>) -> Event {
        let id = format!("stalled-{}-{}", stall.saga, stall.since.0);
        let data = json!({
            "saga": saga.map(project::item),
            "since": Moment::from(stall.since),
            "message": stall.message,
        });
        let subject = stall.saga.to_string();
        let event = Event::new(STALLED, id, subject, stall.since, data);
        event.marked(stall.saga, stall.since)
    }

    /// Something is wrong with a service that was not before.
    pub(crate) fn ailing(name: &str, ailment: &Ailment, is_down: bool, now: Timestamp) -> Event {
        let (kind, word) = if is_down {
            (DOWN, "down")
        } else {
            (MISCONFIGURED, "misconfigured")
        };
        let down = ailment
            .down
            .as_ref()
            .map(|down| json!({ "since": Moment::from(down.since), "message": down.message }));
        let data = json!({
            "service": name,
            "misconfigured": ailment.misconfigured,
            "down": down,
        });
        let id = format!("{word}-{name}-{}", now.0);
        Event::new(kind, id, name.to_owned(), now, data)
    }

    /// Nothing is wrong with a service any more.
    pub(crate) fn service_recovered(name: &str, now: Timestamp) -> Event {
        let id = format!("recovered-{name}-{}", now.0);
        let data = json!({ "service": name });
        Event::new(SERVICE_RECOVERED, id, name.to_owned(), now, data)
    }

    /// The disk got low, or has room again.
    pub(crate) fn disk(space: Space, low_below: u64, is_low: bool, now: Timestamp) -> Event {
        let (kind, word) = if is_low {
            (DISK_LOW, "low")
        } else {
            (DISK_RECOVERED, "recovered")
        };
        let data = json!({
            "free_bytes": space.free,
            "total_bytes": space.total,
            "low_below_bytes": low_below,
        });
        let id = format!("disk-{word}-{}", now.0);
        Event::new(kind, id, "disk".to_owned(), now, data)
    }

    /// As it is sent by the server of this store.
    pub(crate) fn json(&self, store_id: &str) -> Json {
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id,
            "source": format!("urn:banyan:{store_id}"),
            "type": self.kind,
            "subject": self.subject,
            "time": Moment::from(self.time),
            "datacontenttype": "application/json",
            "data": self.data,
        });
        if self.dropped > 0 {
            event["banyandropped"] = self.dropped.into();
        }
        event
    }

    /// About how many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        self.data.to_string().len() + 512
    }

    fn marked(mut self, saga: Id, since: Timestamp) -> Event {
        self.mark = Some(Mark { saga, since });
        self
    }
}
