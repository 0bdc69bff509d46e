//! `banyan services`, `pause` and `resume`.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use super::style::Tone;
use super::table::{Rows, cell, cut, plain};
use super::why::why;
use banyan_core::time::Duration;
use banyan_sdk::api::{Service, ServiceRequest};
use clap::{Args, Subcommand};

const PAGE: u32 = 500;

/// Lists the services with their live state, or changes one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan services
  banyan services put payments http://127.0.0.1:9003 --keys-kept 48h
  banyan services delete payments")]
pub(crate) struct Services {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List all of them
    List,
    /// Show one
    Get {
        /// Its name
        name: String,
    },
    /// Register or change one
    Put {
        /// Its name, as saga files call it
        name: String,
        /// Where it is called: http://HOST:PORT
        #[arg(required = true, value_name = "URL")]
        instances: Vec<String>,
        /// How long it keeps idempotency keys [default: 24h]
        #[arg(long, value_name = "TIME")]
        keys_kept: Option<Duration>,
    },
    /// Remove one that nothing uses
    Delete {
        /// Its name
        name: String,
    },
}

/// A service, and why.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan pause payments --reason 'moving its database'
  banyan resume payments")]
pub(crate) struct Hold {
    /// The service
    service: String,
    /// Why
    #[arg(long, short, default_value = "on the command line", value_parser = why)]
    reason: String,
}

pub(super) async fn run(context: &Context, services: &Services) -> Result<Exit, Fail> {
    let client = context.client()?;
    match &services.verb {
        None | Some(Verb::List) => {
            let mut page = client.services(PAGE, None).await?;
            while let Some(cursor) = page.next.take() {
                let more = client.services(PAGE, Some(&cursor)).await?;
                page.items.extend(more.items);
                page.next = more.next;
            }
            if context.json() {
                print_json(&page)?;
            } else {
                print(&table(context, &page.items));
            }
        }
        Some(Verb::Get { name }) => tell(context, client.service(name).await?)?,
        Some(Verb::Put {
            name,
            instances,
            keys_kept,
        }) => {
            let request = ServiceRequest {
                instances: instances.clone(),
                keys_kept: *keys_kept,
                ..ServiceRequest::default()
            };
            tell(context, client.put_service(name, &request).await?)?;
        }
        Some(Verb::Delete { name }) => {
            client.delete_service(name).await?;
            if !context.json() {
                print(&format!("{name} removed\n"));
            }
        }
    }
    Ok(Exit::Well)
}

pub(super) async fn pause(context: &Context, hold: &Hold) -> Result<Exit, Fail> {
    let client = context.client()?;
    tell(context, client.pause(&hold.service, &hold.reason).await?)?;
    Ok(Exit::Well)
}

pub(super) async fn resume(context: &Context, hold: &Hold) -> Result<Exit, Fail> {
    let client = context.client()?;
    tell(context, client.resume(&hold.service, &hold.reason).await?)?;
    Ok(Exit::Well)
}

fn tell(context: &Context, service: Service) -> Result<(), Fail> {
    if context.json() {
        return print_json(&service);
    }
    print(&table(context, &[service]));
    Ok(())
}

fn table(context: &Context, services: &[Service]) -> String {
    let style = context.style;
    let headings = [
        "SERVICE",
        "STATE",
        "PARKED",
        "IN FLIGHT",
        "KEYS KEPT",
        "INSTANCES",
    ];
    let mut rows = Rows::new(style, &headings);
    for service in services {
        let urls: Vec<&str> = service
            .instances
            .iter()
            .map(|one| one.url.as_str())
            .collect();
        let (tone, state) = state(service);
        rows.push([
            cell(Tone::Strong, &service.name),
            cell(tone, &state),
            plain(service.parked),
            plain(service.in_flight),
            plain(service.keys_kept),
            plain(urls.join(" ")),
        ]);
    }
    rows.text("no service is registered: banyan services put NAME URL")
}

fn state(service: &Service) -> (Tone, String) {
    if service.paused {
        let reason = service.pause_reason.as_deref().unwrap_or("");
        let by = service.paused_by.as_deref();
        let by = by.map_or_else(String::new, |by| format!(" by {by}"));
        return (Tone::Doubt, format!("paused{by}: {}", cut(reason, 40)));
    }
    match service.misconfigured.first() {
        Some(road) => (
            Tone::Bad,
            format!("misconfigured: {}", cut(&road.message, 48)),
        ),
        None => (Tone::Good, "well".to_owned()),
    }
}
