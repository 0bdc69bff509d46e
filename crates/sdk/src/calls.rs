//! Every call of the API as a method. Errors are [`Error`]; what each call means and answers is
//! told by the API's own description at `/v1/openapi.json`.

use crate::Wait;
use crate::client::{Call, Client};
use crate::error::Error;
use crate::target::Target;
use banyan_api::{
    AcceptingRequest, ActiveRequest, Attempt, CheckAnswer, Definition, DefinitionDetail,
    DefinitionDiff, DefinitionVersion, Failures, Health, JournalEntry, Json, MoveAnswer,
    MoveRequest, Page, PauseRequest, Registered, Saga, SagaItem, Service, ServiceRequest,
    SignalAccepted, StartRequest, Verb, VerbAnswer, VerbRequest,
};
use http::Method;
use serde::Serialize;

/// The answer to a start.
#[derive(Clone, Debug)]
pub struct Started {
    /// The saga as it was when the answer left.
    pub saga: Saga,
    /// The key was known: nothing new was started.
    pub replayed: bool,
}

/// The answer to a signal.
#[derive(Clone, Debug)]
pub struct Signalled {
    /// The saga as it was when the answer left.
    pub accepted: SignalAccepted,
    /// The key was known: this signal had been given before, and counts once.
    pub replayed: bool,
}

/// What a list of sagas selects: names and values as in the API's query, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SagaFilter {
    /// `(name, value)`; a name given twice means or.
    pub parameters: Vec<(String, String)>,
}

impl SagaFilter {
    /// With one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> SagaFilter {
        self.parameters.push((name.to_owned(), value.into()));
        self
    }
}

/// Sagas.
impl Client {
    /// Starts a saga under the caller's key, or finds the one that the key already started.
    pub async fn start(
        &self,
        start: &StartRequest,
        key: &str,
        wait: &Wait,
    ) -> Result<Started, Error> {
        let mut target = Target::new(["v1", "sagas"]);
        if let Some(step) = &wait.until {
            target = target.query("until", step);
        }
        let mut call = Call::new(Method::POST, target).json(start).key(key)?;
        if let Some(seconds) = wait.seconds {
            call = call.header("prefer", &format!("wait={seconds}"), "the wait")?;
        }
        let (saga, headers) = self.ask_fully(call).await?;
        Ok(Started {
            saga,
            replayed: headers.contains_key("idempotency-replayed"),
        })
    }

    /// The saga of this id; waits up to so many seconds for its rest.
    pub async fn saga(&self, id: &str, wait: Option<u32>) -> Result<Saga, Error> {
        let mut target = Target::new(["v1", "sagas", id]);
        if let Some(seconds) = wait {
            target = target.query("wait", &seconds.to_string());
        }
        self.ask(Call::new(Method::GET, target)).await
    }

    /// The saga of this definition that the caller's key started.
    pub async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Saga, Error> {
        let target = Target::new(["v1", "definitions", definition, "sagas", key]);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// A page of the sagas that the filter selects, newest first.
    pub async fn sagas(
        &self,
        filter: &SagaFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<SagaItem>, Error> {
        let mut target = paged(Target::new(["v1", "sagas"]), limit, cursor);
        for (name, value) in &filter.parameters {
            target = target.query(name, value);
        }
        self.ask(Call::new(Method::GET, target)).await
    }

    /// The sagas that fail, grouped by cause. Parameters: `definition`, `service`, `code`,
    /// `status`, `since`.
    pub async fn failures(&self, filter: &SagaFilter) -> Result<Failures, Error> {
        let mut target = Target::new(["v1", "failures"]);
        for (name, value) in &filter.parameters {
            target = target.query(name, value);
        }
        self.ask(Call::new(Method::GET, target)).await
    }

    /// A page of a saga's journal, oldest first.
    pub async fn journal(
        &self,
        id: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<JournalEntry>, Error> {
        let target = paged(Target::new(["v1", "sagas", id, "journal"]), limit, cursor);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// A page of the attempts of a saga, or of one of its steps.
    pub async fn attempts(
        &self,
        id: &str,
        step: Option<&str>,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Attempt>, Error> {
        let mut target = paged(Target::new(["v1", "sagas", id, "attempts"]), limit, cursor);
        if let Some(step) = step {
            target = target.query("step", step);
        }
        self.ask(Call::new(Method::GET, target)).await
    }

    /// Sends a signal to a saga.
    pub async fn signal(
        &self,
        id: &str,
        signal: &str,
        body: &Json,
        key: &str,
    ) -> Result<Signalled, Error> {
        let target = Target::new(["v1", "sagas", id, "signals", signal]);
        self.give(target, body, key).await
    }

    /// Sends a signal to the saga that the caller's key started.
    pub async fn signal_by_key(
        &self,
        (definition, saga_key): (&str, &str),
        signal: &str,
        body: &Json,
        key: &str,
    ) -> Result<Signalled, Error> {
        let target = Target::new([
            "v1",
            "definitions",
            definition,
            "sagas",
            saga_key,
            "signals",
            signal,
        ]);
        self.give(target, body, key).await
    }

    async fn give(&self, target: Target, body: &Json, key: &str) -> Result<Signalled, Error> {
        let call = Call::new(Method::POST, target).json(body).key(key)?;
        let (accepted, headers) = self.ask_fully(call).await?;
        Ok(Signalled {
            accepted,
            replayed: headers.contains_key("idempotency-replayed"),
        })
    }

    /// Asks a verb of a saga: `cancel`, `retry`, `settle`, `undo`, `abandon` or `note`, with the
    /// request that it takes. With `dry_run` in the request it only says what would happen.
    /// `seen` is the `seq` of a dry run: the verb is refused if the saga changed since.
    pub async fn ask_verb(
        &self,
        id: &str,
        verb: Verb,
        request: &impl Serialize,
        seen: Option<u64>,
    ) -> Result<VerbAnswer, Error> {
        let target = Target::new(["v1", "sagas", id, verb.as_str()]);
        let mut call = Call::new(Method::POST, target).json(request);
        if let Some(seq) = seen {
            call = call.header("if-match", &format!("\"{seq}\""), "If-Match")?;
        }
        self.ask(call).await
    }

    /// Turns a saga back.
    pub async fn cancel(&self, id: &str, reason: &str) -> Result<Saga, Error> {
        let request = VerbRequest {
            reason: reason.to_owned(),
            dry_run: false,
        };
        let target = Target::new(["v1", "sagas", id, Verb::Cancel.as_str()]);
        self.ask(Call::new(Method::POST, target).json(&request))
            .await
    }

    /// Moves a running saga to another version of its definition; with `dry_run` only says what
    /// would happen. `seen` is the `seq` of a dry run: it is refused if the saga changed since.
    pub async fn move_saga(
        &self,
        id: &str,
        request: &MoveRequest,
        seen: Option<u64>,
    ) -> Result<MoveAnswer, Error> {
        let target = Target::new(["v1", "sagas", id, "move"]);
        let mut call = Call::new(Method::POST, target).json(request);
        if let Some(seq) = seen {
            call = call.header("if-match", &format!("\"{seq}\""), "If-Match")?;
        }
        self.ask(call).await
    }
}

/// Definitions.
impl Client {
    /// Registers a saga file under the name and version that it has.
    pub async fn register(
        &self,
        name: &str,
        version: u32,
        source: &str,
        activate: bool,
    ) -> Result<Registered, Error> {
        let version = version.to_string();
        let mut target = Target::new(["v1", "definitions", name, "versions", &version]);
        if !activate {
            target = target.query("activate", "false");
        }
        self.ask(yaml(Call::new(Method::PUT, target), source)?)
            .await
    }

    /// Has a saga file checked against the server's services; registers nothing.
    pub async fn check(&self, source: &str) -> Result<CheckAnswer, Error> {
        let call = Call::new(Method::POST, Target::new(["v1", "checks"]));
        self.ask(yaml(call, source)?).await
    }

    /// A page of the definitions.
    pub async fn definitions(
        &self,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Definition>, Error> {
        let target = paged(Target::new(["v1", "definitions"]), limit, cursor);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// A definition with its versions.
    pub async fn definition(&self, name: &str) -> Result<DefinitionDetail, Error> {
        let target = Target::new(["v1", "definitions", name]);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// One version of a definition, as registered.
    pub async fn definition_version(
        &self,
        name: &str,
        version: u32,
    ) -> Result<DefinitionVersion, Error> {
        let version = version.to_string();
        let target = Target::new(["v1", "definitions", name, "versions", &version]);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// What differs between two versions of a definition, in words.
    pub async fn definition_diff(
        &self,
        name: &str,
        from: u32,
        to: u32,
    ) -> Result<DefinitionDiff, Error> {
        let target = Target::new(["v1", "definitions", name, "diff"])
            .query("from", &from.to_string())
            .query("to", &to.to_string());
        self.ask(Call::new(Method::GET, target)).await
    }

    /// Chooses the version that starts use.
    pub async fn activate(
        &self,
        name: &str,
        version: u32,
        reason: Option<String>,
    ) -> Result<Definition, Error> {
        let target = Target::new(["v1", "definitions", name, "active"]);
        let request = ActiveRequest { version, reason };
        self.ask(Call::new(Method::PUT, target).json(&request))
            .await
    }

    /// Takes starts of a definition, or refuses them.
    pub async fn accept(
        &self,
        name: &str,
        accepting: bool,
        reason: Option<String>,
    ) -> Result<Definition, Error> {
        let target = Target::new(["v1", "definitions", name, "accepting"]);
        let request = AcceptingRequest { accepting, reason };
        self.ask(Call::new(Method::PUT, target).json(&request))
            .await
    }
}

/// Services and the server itself.
impl Client {
    /// Registers or changes a service.
    pub async fn put_service(
        &self,
        name: &str,
        service: &ServiceRequest,
    ) -> Result<Service, Error> {
        let target = Target::new(["v1", "services", name]);
        self.ask(Call::new(Method::PUT, target).json(service)).await
    }

    /// A page of the services with their live state.
    pub async fn services(&self, limit: u32, cursor: Option<&str>) -> Result<Page<Service>, Error> {
        let target = paged(Target::new(["v1", "services"]), limit, cursor);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// One service with its live state.
    pub async fn service(&self, name: &str) -> Result<Service, Error> {
        let target = Target::new(["v1", "services", name]);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// Removes a service that nothing uses.
    pub async fn delete_service(&self, name: &str) -> Result<(), Error> {
        let target = Target::new(["v1", "services", name]);
        self.send(Call::new(Method::DELETE, target)).await.map(drop)
    }

    /// Parks the steps of a service.
    pub async fn pause(&self, name: &str, reason: &str) -> Result<Service, Error> {
        self.hold(name, "pause", reason).await
    }

    /// Lets the steps of a service go on.
    pub async fn resume(&self, name: &str, reason: &str) -> Result<Service, Error> {
        self.hold(name, "resume", reason).await
    }

    async fn hold(&self, name: &str, verb: &str, reason: &str) -> Result<Service, Error> {
        let target = Target::new(["v1", "services", name, verb]);
        let request = PauseRequest {
            reason: reason.to_owned(),
        };
        self.ask(Call::new(Method::POST, target).json(&request))
            .await
    }

    /// Whether the server can accept.
    pub async fn ready(&self) -> Result<Health, Error> {
        self.ask(Call::new(Method::GET, Target::new(["readyz"])))
            .await
    }
}

pub(crate) fn paged(target: Target, limit: u32, cursor: Option<&str>) -> Target {
    let target = target.query("limit", &limit.to_string());
    match cursor {
        Some(cursor) => target.query("cursor", cursor),
        None => target,
    }
}

fn yaml(mut call: Call, source: &str) -> Result<Call, Error> {
    call.body = bytes::Bytes::copy_from_slice(source.as_bytes());
    call.header("content-type", "application/yaml", "the content type")
}
