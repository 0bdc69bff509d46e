//! The clients: they start sagas, repeat a start until it is acknowledged, wait for rest, and
//! write down what they were told. They live through every kill.

use super::bugs::Bug;
use super::history::{History, Refusal, Told, is_rest};
use super::plans::{BUSY, SIGNAL, WAITING};
use super::services::{World, pause};
use crate::load::{Api, Reply};
use anyhow::{Result, bail};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// What all clients share.
pub(crate) struct Clients {
    /// The server, in whichever life.
    pub(crate) api: Api,
    /// What they were told.
    pub(crate) history: History,
    /// No new sagas: end what was begun.
    pub(crate) enough: AtomicBool,
    /// Counts the server's lives.
    pub(crate) life: AtomicU32,
    /// Numbers the starts.
    pub(crate) number: AtomicU64,
    /// The services' side.
    pub(crate) world: Arc<World>,
}

/// An answer to a start is given up after this.
const PATIENCE: Duration = Duration::from_secs(30);

impl Clients {
    /// Starts sagas one after the other until it is enough; each is followed to its rest.
    pub(crate) async fn keep_starting(self: Arc<Clients>) -> Result<()> {
        while !self.enough.load(Ordering::SeqCst) {
            let number = self.number.fetch_add(1, Ordering::SeqCst);
            let plan = BUSY[usize::from(number.is_multiple_of(3))];
            let key = format!("{}-{number}", plan.name);
            let waits = number.is_multiple_of(2);
            let body = self.history.begin(&key, plan.name, number);
            let id = self.start(&key, &body, waits).await?;
            if number.is_multiple_of(5) {
                self.start(&key, &body, false).await?;
            }
            if number.is_multiple_of(7) {
                self.break_the_key(&key, plan.name).await;
            }
            self.follow(&key, &id).await?;
        }
        Ok(())
    }

    /// Starts one saga that waits for a signal.
    pub(crate) async fn start_waiting(&self) -> Result<()> {
        let number = self.number.fetch_add(1, Ordering::SeqCst);
        let key = format!("{}-{number}", WAITING.name);
        let body = self.history.begin(&key, WAITING.name, number);
        self.start(&key, &body, false).await?;
        Ok(())
    }

    /// Sends the signal to a waiting saga, twice with one key, and follows it to its rest.
    pub(crate) async fn signal(&self, key: &str, id: &str) -> Result<()> {
        let path = format!("/v1/sagas/{id}/signals/{SIGNAL}");
        let body = Bytes::from(json!({ "by": "somebody" }).to_string());
        let signal_key = format!("{key}-signal");
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", &signal_key),
        ];
        for _ in 0..2 {
            let reply = self
                .api
                .call(Method::POST, &path, &headers, body.clone(), PATIENCE)
                .await?;
            match reply.status.as_u16() {
                202 => self.history.signalled(),
                // Its first step was lost too often: it turned back before it waited.
                409 if reply
                    .body
                    .get("code")
                    .is_some_and(|code| code == "saga_ended") => {}
                status => bail!("a signal was answered {status}: {}", reply.body),
            }
        }
        self.follow(key, id).await
    }

    /// Sends a start until it is acknowledged: the same key and the same body each time.
    async fn start(&self, key: &str, body: &Value, waits: bool) -> Result<String> {
        let lost = self.world.bug == Some(Bug::StartLost) && key.bytes().last() == Some(b'4');
        if lost {
            let id = "0197c1d2-5a3b-7c4d-8e9f-001122334455".to_owned();
            let status = "completed".to_owned();
            self.history.told(
                key,
                Told {
                    id: id.clone(),
                    status,
                    seq: 1,
                    life: 0,
                    replayed: false,
                },
            );
            return Ok(id);
        }
        for _ in 0..2_000 {
            self.history.sending(key);
            let life = self.life.load(Ordering::SeqCst);
            match self.send(key, body, waits).await {
                Ok(reply) if reply.status.is_success() => {
                    let told = told(&reply, life)?;
                    let id = told.id.clone();
                    self.history.told(key, told);
                    return Ok(id);
                }
                Ok(reply) if [429, 503].contains(&reply.status.as_u16()) => {}
                Ok(reply) => bail!("a start was answered {}: {}", reply.status, reply.body),
                Err(_) => {} // The server was killed, or is not there yet.
            }
            pause(Duration::from_millis(10)).await;
        }
        bail!("the start {key} was never acknowledged")
    }

    async fn send(&self, key: &str, body: &Value, waits: bool) -> Result<Reply> {
        let prefer = if waits { "wait=20" } else { "return=minimal" };
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key),
            ("prefer", prefer),
        ];
        let body = Bytes::from(body.to_string());
        self.api
            .call(Method::POST, "/v1/sagas", &headers, body, PATIENCE)
            .await
    }

    /// Waits until a saga is at rest, as told by the server.
    async fn follow(&self, key: &str, id: &str) -> Result<()> {
        let path = format!("/v1/sagas/{id}?wait=10");
        for _ in 0..2_000 {
            let known = self.history.last_status(key);
            if known.is_some_and(|status| is_rest(&status) || status == "stuck") {
                return Ok(());
            }
            let life = self.life.load(Ordering::SeqCst);
            match self
                .api
                .call(Method::GET, &path, &[], Bytes::new(), PATIENCE)
                .await
            {
                Ok(reply) if reply.status.as_u16() == 200 => {
                    self.history.told(key, told(&reply, life)?);
                }
                Ok(reply) if reply.status.is_client_error() => {
                    bail!(
                        "the accepted saga {id} was answered {}: {}",
                        reply.status,
                        reply.body
                    )
                }
                Ok(_) | Err(_) => pause(Duration::from_millis(10)).await,
            }
        }
        bail!("the saga {id} never came to rest")
    }

    /// Uses a key for another body, and keys that cannot be one. While the server is down there
    /// is no answer, and nothing to note.
    async fn break_the_key(&self, key: &str, definition: &str) {
        let other = json!({ "definition": definition, "input": { "number": -1 } });
        let long = "k".repeat(256);
        let cases = [
            ("another body under a known key", key, &["key_reused"][..]),
            ("an empty key", "", &["key_required", "invalid_key"]),
            ("a key that is too long", long.as_str(), &["invalid_key"]),
            ("a key with a space", "a b", &["invalid_key"]),
        ];
        for (what, key, expected) in cases {
            if let Ok(reply) = self.send(key, &other, false).await {
                let code = reply
                    .body
                    .get("code")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let passing = ["over_capacity", "stopping", "store_unavailable"].contains(&code);
                if !passing {
                    let answered = code.to_owned();
                    self.history.refused(Refusal {
                        what,
                        expected,
                        answered,
                    });
                }
            }
        }
    }

    /// Looks at sagas that are turning back and notes why.
    pub(crate) async fn note_reasons(&self) -> Result<()> {
        let list = self
            .api
            .get("/v1/sagas?status=compensating&limit=200")
            .await?;
        for item in list
            .get("items")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
            if let Some(reason) = item.get("reason").filter(|reason| !reason.is_null()) {
                self.history.saw_reason(id, reason);
            }
        }
        Ok(())
    }
}

fn told(reply: &Reply, life: u32) -> Result<Told> {
    let text = |name: &str| {
        reply
            .body
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let replayed = reply
        .headers
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true");
    match (
        text("id"),
        text("status"),
        reply.body.get("seq").and_then(Value::as_u64),
    ) {
        (Some(id), Some(status), Some(seq)) => Ok(Told {
            id,
            status,
            seq,
            life,
            replayed,
        }),
        _ => bail!("an answer without id, status or seq: {}", reply.body),
    }
}
