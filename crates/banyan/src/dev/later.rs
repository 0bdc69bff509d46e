//! Answers that come later: a stand-in that was given a reply address says 202, and reports the
//! outcome there a little afterwards.

use super::ledger::Answer;
use banyan_core::Json;
use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long a stand-in takes over what it answers later, unless a switch says more.
pub(super) const SOON: Duration = Duration::from_millis(500);
/// Between two tries to report, and how many there are.
const AGAIN: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;
/// Reports that may be under way; more than that are lost, as with any overworked service.
const REPORTS: usize = 1_024;

/// Reports under way. They end with it.
#[derive(Debug, Default)]
pub(super) struct Later {
    reports: Mutex<JoinSet<()>>,
}

impl Later {
    /// Reports what became of a call to its reply address, after some time.
    pub(super) fn report(&self, to: Uri, answer: Answer, after: Duration) {
        // A panic while adding a report leaves the others as they are.
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        while reports.try_join_next().is_some() {}
        if reports.len() < REPORTS {
            reports.spawn(async move {
                crate::demo::pause(after).await;
                for _ in 0..TRIES {
                    if post(&to, &outcome(&answer)).await.is_some() {
                        return;
                    }
                    crate::demo::pause(AGAIN).await;
                }
            });
        }
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
