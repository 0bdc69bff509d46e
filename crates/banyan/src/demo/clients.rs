//! The clients: each places one order, is told that it is accepted, approves it where that is
//! asked, and watches it come to rest. While the server is away a client tries again under the
//! same key; it never gives an order up.

use super::clock;
use super::log::{Line, Log};
use super::orders::Draft;
use super::summary::Tally;
use banyan_sdk::api::{Saga, SagaStatus, StartRequest};
use banyan_sdk::{Client, Error, Wait};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long one call may try again by itself before its client looks whether the demo ends.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// Seconds that one look at a saga waits for its rest.
const LOOK_SECONDS: u32 = 10;

/// What clients work with.
pub(super) struct Clients {
    /// The way to the server.
    pub(super) client: Client,
    /// Their log.
    pub(super) log: Log,
    /// What they count.
    pub(super) tally: Arc<Tally>,
    /// The demo is ending at once.
    pub(super) ending: watch::Receiver<bool>,
}

impl Clients {
    /// Places an order and follows it to rest. `again` when its log line stands already.
    pub(super) async fn place(&self, draft: Draft, again: bool) {
        if !again && self.write(&sent(&draft)).is_err() {
            return;
        }
        let Some(id) = self.start(&draft).await else {
            return;
        };
        self.tally.accepted();
        if let Some(saga) = self.follow(&id, &draft).await {
            self.tally.ended(saga);
        }
    }

    /// The saga's id once the server accepted the order.
    async fn start(&self, draft: &Draft) -> Option<String> {
        let request = StartRequest {
            definition: draft.definition.to_owned(),
            input: draft.input.clone(),
            ..StartRequest::default()
        };
        while !*self.ending.borrow() {
            match self
                .client
                .start(&request, &draft.key, &Wait::default())
                .await
            {
                Ok(started) => {
                    let id = started.saga.id.to_string();
                    let line = Line::Accepted {
                        key: draft.key.clone(),
                        id: id.clone(),
                    };
                    return self.write(&line).is_ok().then_some(id);
                }
                Err(error) if error.is_passing() => {}
                Err(error) => {
                    self.refused(draft, &error);
                    return None;
                }
            }
        }
        None
    }

    fn refused(&self, draft: &Draft, error: &Error) {
        let code = error
            .problem()
            .map_or("no_problem", |problem| &problem.code);
        self.tally.refused(&error.to_string());
        let _ = self.write(&Line::Refused {
            key: draft.key.clone(),
            code: code.to_owned(),
        });
    }

    /// Looks at a saga until it is at rest; approves it on the way.
    async fn follow(&self, id: &str, draft: &Draft) -> Option<Saga> {
        self.approve(id, draft).await;
        let mut was_stuck = false;
        while !*self.ending.borrow() {
            let looked = self.client.saga(id, Some(LOOK_SECONDS)).await;
            let stuck = |saga: &Saga| saga.status == SagaStatus::Stuck;
            if was_stuck && looked.as_ref().is_ok_and(|saga| !stuck(saga)) {
                self.tally.mended();
                was_stuck = false;
            }
            match looked {
                Ok(saga) if saga.status.is_rest() => return Some(saga),
                Ok(saga) if stuck(&saga) => {
                    if !was_stuck {
                        self.tally.stuck(&saga);
                    }
                    was_stuck = true;
                    clock::pause(PATIENCE).await;
                }
                Ok(_) => {}
                Err(_) => clock::pause(Duration::from_millis(200)).await,
            }
        }
        None
    }

    /// A signal may come before the saga waits for it: it is sent at once, and only to orders
    /// that will ask for it.
    async fn approve(&self, id: &str, draft: &Draft) {
        let asked =
            draft.definition == "place_order" && draft.input["amount"].as_i64() > Some(20_000);
        let Some(approved) = draft.approval.filter(|_| asked) else {
            return;
        };
        let body = json!({ "approved": approved });
        let key = format!("{}-approval", draft.key);
        while !*self.ending.borrow() {
            match self.client.signal(id, "approved", &body, &key).await {
                // 409: the saga ended meanwhile, and nobody needs the approval.
                Ok(_) => return,
                Err(error) if error.is_passing() => {}
                Err(_) => return,
            }
        }
    }

    fn write(&self, line: &Line) -> std::io::Result<()> {
        self.log.write(line).inspect_err(|error| {
            self.tally
                .refused(&format!("the clients' log cannot be written: {error}"));
        })
    }
}

fn sent(draft: &Draft) -> Line {
    Line::Sent {
        key: draft.key.clone(),
        definition: draft.definition.to_owned(),
        input: draft.input.clone(),
    }
}
