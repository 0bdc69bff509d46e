//! What the shop's services make of HTTP: a call for the desk, and the faults that befall it.

use super::broken::{self, About, Ailment};
use super::call::Call;
use super::desk::Desk;
use super::faults::{Draw, Fault, Faults};
use crate::demo::caller;
use crate::front::{self, Response, Service, Silence, answer_json, no};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;
use std::path::PathBuf;

/// A desk behind HTTP.
pub(super) struct Counter {
    /// Who does the work.
    pub(super) desk: Desk,
    /// What goes wrong on the way.
    pub(super) faults: Faults,
    /// Whose counter it is.
    pub(super) service: super::Service,
    /// Where it stands what is broken.
    pub(super) data: PathBuf,
}

impl Service for Counter {
    async fn answer(&self, heard: front::Call) -> Result<Response, Silence> {
        let body = if heard.body.is_empty() {
            Ok(serde_json::Value::Null)
        } else {
            serde_json::from_slice(&heard.body)
        };
        let Ok(body) = body else {
            return Ok(no(400, "not_json", "the body is no JSON"));
        };
        let attempt = heard.header("banyan-attempt").to_owned();
        // `place_order@2`: a break is about the definition, whatever its version.
        let definition = heard.header("banyan-definition");
        let definition = definition.split('@').next().unwrap_or("").to_owned();
        let in_person = !heard.header(caller::IN_PERSON).is_empty();
        let call = Call {
            key: heard.header("idempotency-key").to_owned(),
            reply_to: heard.header("banyan-reply-to").to_owned(),
            method: heard.method,
            path: heard.path,
            body,
        };
        if in_person {
            return self.serve(call).await;
        }
        let about = About {
            method: &call.method,
            path: &call.path,
            definition: &definition,
            attempt: &attempt,
        };
        match broken::ails(&self.data, self.service, &about) {
            Some(Ailment::Says(response)) => return Ok(*response),
            Some(Ailment::Belies(response)) => {
                self.desk.ask(call).await.map_err(|_| Silence)?;
                return Ok(*response);
            }
            Some(Ailment::Silent) => {
                // Whether the desk is gone or the answer is lost, the caller hears nothing.
                let _ = self.desk.ask(call).await;
                return Err(Silence);
            }
            Some(Ailment::Lost) => return Err(Silence),
            None => {}
        }
        let fault = befalls(&call, &attempt, &self.faults);
        match fault {
            Fault::Unavailable => {
                let message = "too busy just now; nothing was done";
                return Ok(no(503, "unavailable", message));
            }
            Fault::Slow(time) => crate::demo::clock::pause(time).await,
            Fault::None | Fault::Lost => {}
        }
        let answer = self.serve(call).await?;
        match fault {
            Fault::Lost => Err(Silence),
            _ => Ok(answer),
        }
    }
}

impl Counter {
    /// Has a call answered as if nothing could go wrong.
    async fn serve(&self, call: Call) -> Result<Response, Silence> {
        let reply = self.desk.ask(call).await.map_err(|_| Silence)?;
        Ok(match reply {
            Some(reply) => answer_json(reply.status, &reply.body),
            None => no_route(),
        })
    }
}

/// Questions are answered truly and at once; only calls that change something meet faults.
fn befalls(call: &Call, attempt: &str, faults: &Faults) -> Fault {
    if call.is_read() {
        return Fault::None;
    }
    faults.befalls(&Draw {
        key: &call.key,
        attempt,
        cart: call.text("cart"),
        creates: call.method == Method::POST && !call.path.starts_with("/refunds"),
    })
}

/// No JSON on purpose: a caller can tell "no such route" from "no such order".
fn no_route() -> Response {
    let mut response = Response::new(Full::from(Bytes::from_static(b"no such route\n")));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
