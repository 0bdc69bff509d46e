//! A server in this process, over a store in memory, and its client.

use super::contract::Contract;
use super::http::{self, Answer};
use super::store::{Faults, Faulty};
use crate::config::Config;
use crate::run::{self, Handle};
use crate::token::{TOKEN_FILE, Token};
use banyan_api::Json;
use banyan_engine::{Clock, SystemClock};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// A running server, who knows what it answered.
pub(crate) struct Rig {
    pub(crate) handle: Handle,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) faults: Arc<Faults>,
    contract: Contract,
    codes: Mutex<BTreeSet<String>>,
    folder: tempfile::TempDir,
}

/// Leaves a header out that every call carries otherwise.
pub(crate) const WITHOUT: &str = "(without)";

impl Rig {
    pub(crate) async fn start() -> Rig {
        Rig::with(|_| {}).await
    }

    /// With some settings changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Rig {
        Rig::by(Arc::new(SystemClock), change).await
    }

    /// The same, by another clock.
    pub(crate) async fn by(clock: Arc<dyn Clock>, change: impl FnOnce(&mut Config)) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path(), "127.0.0.1:0".parse().unwrap());
        change(&mut config);
        let (writer, inner) = banyan_store::memory();
        let faults = Arc::new(Faults::default());
        let reader = Arc::new(Faulty {
            inner,
            faults: faults.clone(),
        });
        let listener = run::bind(config.listen).await.unwrap();
        let token = Token::of(folder.path()).unwrap();
        let handle = run::serve(config, listener, token, (Box::new(writer), reader), clock)
            .await
            .unwrap();
        Rig::over(handle, folder, faults).await
    }

    /// A server that was started on this folder.
    pub(crate) async fn around(handle: Handle, folder: tempfile::TempDir) -> Rig {
        Rig::over(handle, folder, Arc::default()).await
    }

    async fn over(handle: Handle, folder: tempfile::TempDir, faults: Arc<Faults>) -> Rig {
        let address = handle.address();
        let host = address.to_string();
        let document = http::request("GET", "/v1/openapi.json", &[("host", &host)], b"");
        let document = http::exchange(address, &document).await.json();
        let token = std::fs::read_to_string(folder.path().join(TOKEN_FILE)).unwrap();
        let rig = Rig {
            handle,
            address,
            token: token.trim().to_owned(),
            faults,
            contract: Contract::new(document),
            codes: Mutex::default(),
            folder,
        };
        rig.until_ready().await;
        rig
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Leaves the server and its folder.
    pub(crate) fn into_parts(self) -> (Handle, tempfile::TempDir) {
        (self.handle, self.folder)
    }

    async fn until_ready(&self) {
        for _ in 0..10_000 {
            if self.get("/readyz").await.status == 200 {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the server never became ready");
    }

    pub(crate) fn document(&self) -> &Json {
        self.contract.document()
    }

    /// Sends a call with host, token and content type, unless `headers` say otherwise.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let bytes = self.request(method, path, headers, body);
        let answer = http::exchange(self.address, &bytes).await;
        if answer.status < 300 {
            self.contract.judge_request(method, path, body);
        }
        self.judge(method, path, answer)
    }

    /// The bytes of such a call.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<u8> {
        let host = self.address.to_string();
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("host", host.as_str()), ("authorization", &bearer)];
        if !body.is_empty() {
            all.push(("content-type", "application/json"));
        }
        all.retain(|(name, _)| !headers.iter().any(|(own, _)| own == name));
        all.extend(headers.iter().filter(|(_, value)| *value != WITHOUT));
        http::request(method, path, &all, body)
    }

    /// Compares an answer with the document, and remembers its code.
    pub(crate) fn judge(&self, method: &str, path: &str, answer: Answer) -> Answer {
        self.contract.judge(method, path, &answer);
        let code = answer.code();
        if !code.is_empty() && answer.status >= 400 {
            self.codes.lock().unwrap().insert(code);
        }
        answer
    }

    /// The codes that were answered so far.
    pub(crate) fn codes(&self) -> BTreeSet<String> {
        self.codes.lock().unwrap().clone()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Json) -> Answer {
        self.call("POST", path, headers, body.to_string().as_bytes())
            .await
    }

    pub(crate) async fn put(&self, path: &str, body: &Json) -> Answer {
        self.call("PUT", path, &[], body.to_string().as_bytes())
            .await
    }

    /// Registers a definition; it must be right.
    pub(crate) async fn register(&self, name: &str, source: &str) {
        let path = format!("/v1/definitions/{name}/versions/1");
        let yaml = [("content-type", "application/yaml")];
        let answer = self.call("PUT", &path, &yaml, source.as_bytes()).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    }

    /// Starts a saga; it must be accepted.
    pub(crate) async fn accepted(&self, key: &str, body: Json) -> Json {
        let answer = self
            .post("/v1/sagas", &[("idempotency-key", key)], &body)
            .await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()
    }

    /// The definitions that the tests start.
    pub(crate) async fn with_samples(self) -> Rig {
        self.register("approve", APPROVE).await;
        self.register("count", COUNT).await;
        self.register("order", ORDER).await;
        self
    }
}

/// Waits for a person.
pub(crate) const APPROVE: &str = "\
saga: approve
version: 1
input: { type: object, required: [customer] }
labels: { customer: $input.customer }
steps:
  - approval:
      wait: approved
      for: 2d
      accepts: { type: object, required: [by] }
      refused_when: $result.by == \"nobody\"
output: { by: $approval.by }
";

/// Ends at once.
pub(crate) const COUNT: &str = "\
saga: count
version: 1
steps:
  - first:
      set: { a: 1, big: 12345678901234567890.10 }
output: { first: $first }
";

/// Calls a service that nobody registered.
pub(crate) const ORDER: &str = "\
saga: order
version: 1
steps:
  - order:
      do: POST orders /orders
      undo: DELETE orders /orders/by-key/{$key}
";
