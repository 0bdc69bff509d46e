//! `banyan demo ask`: a question to a service of the shop, or something done there by hand, as
//! the people of that service would do it at their own counter. What is broken on purpose befalls
//! Banyan's calls alone, so that this is how one finds out what happened.

use super::caller::{self, Request};
use super::folder::Folder;
use super::shop::Service;
use crate::cli::{Context, DEFAULT_SERVER, Exit, Fail, print, read_token};
use banyan_core::Json;
use banyan_sdk::Client;
use clap::Args;
use http::Method;

/// What is asked.
#[derive(Args, Clone, Debug)]
pub(super) struct Question {
    /// Whom
    service: Service,
    /// GET, POST, PUT or DELETE
    method: Method,
    /// The path, such as /charges/by-key/KEY
    #[arg(value_parser = path)]
    path: String,
    /// What is sent along
    #[arg(value_name = "JSON", value_parser = json)]
    body: Option<Json>,
    /// The call's idempotency key [default: one that no call had]
    #[arg(long)]
    key: Option<String>,
}

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a path begins with /".to_owned())
    }
}

fn json(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
}

/// Asks, and prints status and answer, whatever that says.
pub(super) async fn ask(
    context: &Context,
    folder: &Folder,
    question: &Question,
) -> Result<Exit, Fail> {
    let address = address(context, folder, question.service).await?;
    let path = &question.path;
    let own = format!("by-hand-{:016x}", rand::random::<u64>());
    let request = Request {
        method: question.method.clone(),
        url: &format!("{}{path}", address.trim_end_matches('/')),
        key: question.key.as_deref().unwrap_or(&own),
        body: question.body.clone().unwrap_or_default(),
        in_person: true,
    };
    let name = question.service.name();
    let answer = caller::call(request).await;
    let (status, body) = answer.map_err(|error| Fail::Here(format!("{name}: {error}")))?;
    print(&format!("{status} {body}\n"));
    Ok(Exit::Well)
}

/// Where it is, as the demo's server knows.
async fn address(context: &Context, folder: &Folder, service: Service) -> Result<String, Fail> {
    let server = context.named_server().unwrap_or(DEFAULT_SERVER);
    let client = Client::new(server, read_token(&folder.server())?)?;
    let found = client.service(service.name()).await?;
    let first = found.instances.into_iter().next();
    first.map(|instance| instance.url).ok_or_else(|| {
        let name = service.name();
        Fail::Here(format!("{name} has no instance: is this a demo's server?"))
    })
}
