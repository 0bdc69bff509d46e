//! Answers that come later: a stand-in that was given a reply address says 202, and reports the
//! outcome there some time afterwards, by the session's clock.

use super::ledger::Answer;
use banyan_core::Json;
use banyan_core::time::{Duration, Timestamp};
use banyan_server::{Clock, SkippingClock};
use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long a stand-in takes over what it answers later, unless a switch says more.
pub(super) const SOON: Duration = Duration::from_millis(500);
/// Between two tries to report, and how many there are.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);
const TRIES: u32 = 5;
/// Reports that may be under way; more than that are lost, as with any overworked service.
const REPORTS: usize = 1_024;

/// When each report is due, by its number; and how many were sent.
#[derive(Debug, Default)]
struct Due {
    open: Mutex<Vec<(u64, Timestamp)>>,
    sent: AtomicUsize,
}

/// Reports under way. They end with it.
#[derive(Debug)]
pub(super) struct Later {
    clock: Arc<SkippingClock>,
    reports: Mutex<(JoinSet<()>, u64)>,
    due: Arc<Due>,
}

impl Later {
    /// None is under way.
    pub(super) fn new(clock: Arc<SkippingClock>) -> Later {
        Later {
            clock,
            reports: Mutex::default(),
            due: Arc::default(),
        }
    }

    /// Reports what became of a call to its reply address, after some time.
    pub(super) fn report(&self, to: Uri, answer: Answer, after: Duration) {
        // A panic while adding a report leaves the others as they are.
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let (tasks, count) = &mut *reports;
        while tasks.try_join_next().is_some() {}
        if tasks.len() == REPORTS {
            return;
        }
        *count += 1;
        let (number, at) = (*count, self.clock.now().plus(after));
        self.due.change(|open| open.push((number, at)));
        let (clock, due) = (Arc::clone(&self.clock), Arc::clone(&self.due));
        tasks.spawn(async move {
            clock.sleep_until(at).await;
            send(&to, &outcome(&answer)).await;
            due.sent.fetch_add(1, Ordering::Relaxed);
            due.change(|open| open.retain(|(other, _)| *other != number));
        });
    }

    /// When the next report is due; none when none is under way.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.change(|open| open.iter().map(|(_, at)| *at).min())
    }

    /// How many reports were sent.
    pub(super) fn sent(&self) -> usize {
        self.due.sent.load(Ordering::Relaxed)
    }
}

impl Due {
    fn change<T>(&self, act: impl FnOnce(&mut Vec<(u64, Timestamp)>) -> T) -> T {
        // A panic between two changes left a list that is still a list.
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a reply says.
fn outcome(answer: &Answer) -> Json {
    let body = &answer.body;
    if answer.status < 300 {
        json!({ "outcome": "done", "result": body })
    } else {
        json!({ "outcome": "refused", "error": body })
    }
}

async fn send(to: &Uri, body: &Json) {
    for _ in 0..TRIES {
        if post(to, body).await.is_some() {
            return;
        }
        crate::demo::pause(AGAIN).await;
    }
}

/// Sends a reply; none when nobody took it.
async fn post(to: &Uri, body: &Json) -> Option<()> {
    let authority = to.authority()?.as_str();
    let stream = TcpStream::connect(authority).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .ok()?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(to.path_and_query()?.as_str())
        .header(http::header::HOST, authority)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .ok()?;
    // The connection does nothing unless it is driven; the request alone decides when it ends.
    let mut sending = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut sending => answer,
        _ = connection => return None,
    };
    let status = answer.ok()?.status();
    // A conflict is a word too: it was settled otherwise.
    (status.is_success() || status == http::StatusCode::CONFLICT).then_some(())
}
