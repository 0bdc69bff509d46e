//! `banyan watch`: what changes at a server, as it changes.
//!
//! It outlives the server's restarts: it connects anew and goes on after the last change that
//! it showed. What it could not be told meanwhile it says.

use super::context::{Context, Named};
use super::fail::{Exit, Fail};
use super::list::why;
use super::out::{print, print_json_line};
use super::start::is_moving;
use super::style::{Style, Tone};
use super::table::cut;
use banyan_sdk::api::{Saga, SagaItem, ServiceEvent, StreamEvent};
use banyan_sdk::{Client, SagaFilter, Stream};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::IsTerminal;
use std::time::Duration;

/// How long the server may be away before a watch gives up: a restart, a backup restored, a
/// machine that boots.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Shows what changes, as it changes: everything, what filters select, or one saga until it has
/// ended or is stuck.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan watch                                 a line for each change
  banyan watch --definition place_order        of these sagas alone
  banyan watch place_order/cart-17             its tree, until it has ended; the exit code says how
  banyan watch --json | jq -c 'select(.event == \"saga\") | .data.status'")]
pub(crate) struct Watch {
    /// One saga: its ID, or NAME/KEY
    saga: Option<Named>,
    /// Sagas of this definition
    #[arg(long, short, value_name = "NAME", conflicts_with = "saga")]
    definition: Vec<String>,
    /// These sagas, or operations
    #[arg(long, value_name = "ID", conflicts_with = "saga")]
    id: Vec<String>,
}

pub(super) async fn run(context: &Context, watch: &Watch) -> Result<Exit, Fail> {
    let client = context.client()?;
    if let Some(saga) = &watch.saga {
        let id = saga.id(&client).await?;
        return one(context, &client, &id).await;
    }
    let mut filter = SagaFilter::default();
    for (name, values) in [("definition", &watch.definition), ("id", &watch.id)] {
        for value in values {
            filter = filter.with(name, value);
        }
    }
    all(context, client.stream(filter, PATIENCE).await?).await
}

/// Every change, without an end.
async fn all(context: &Context, mut stream: Stream) -> Result<Exit, Fail> {
    if !context.json() {
        print(&heading(context.style));
    }
    loop {
        let event = stream.next().await?;
        if context.json() {
            let data = event
                .data()
                .map_err(|error| Fail::Here(error.to_string()))?;
            print_json_line(&json!({ "event": event.name(), "data": data }))?;
        } else {
            print(&line(&event, context.style));
        }
    }
}

/// One saga until it has ended or is stuck.
async fn one(context: &Context, client: &Client, id: &str) -> Result<Exit, Fail> {
    // It listens before it looks, so that it misses nothing in between.
    let filter = SagaFilter::default().with("id", id);
    let mut stream = client.stream(filter, PATIENCE).await?;
    let patient = client.clone().with_patience(PATIENCE);
    let mut screen = Screen::new(context);
    loop {
        let saga = patient.saga(id, None).await?;
        screen.show(context, &saga)?;
        if !is_moving(&saga) {
            screen.end();
            return Ok(Exit::of(&saga.status));
        }
        loop {
            match stream.next().await? {
                StreamEvent::Saga(item) if item.seq <= saga.seq => {}
                StreamEvent::Saga(_) | StreamEvent::Reset(_) => break,
                StreamEvent::Service(_) | StreamEvent::Operation(_) | StreamEvent::Other { .. } => {
                }
            }
        }
    }
}

/// Where the tree of one saga is drawn: over itself on a terminal, else one after the other.
struct Screen {
    bar: Option<ProgressBar>,
}

impl Screen {
    fn new(context: &Context) -> Screen {
        let lives = std::io::stdout().is_terminal() && !context.json();
        let bar = lives.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            // The template is ours and well formed; the default would only look plainer.
            if let Ok(template) = ProgressStyle::with_template("{msg}") {
                bar.set_style(template);
            }
            bar
        });
        Screen { bar }
    }

    fn show(&mut self, context: &Context, saga: &Saga) -> Result<(), Fail> {
        if context.json() {
            return print_json_line(saga);
        }
        let tree = super::draw(saga, context.style);
        match &self.bar {
            Some(bar) => {
                bar.set_message(tree);
                bar.tick();
            }
            None => print(&format!("{tree}\n")),
        }
        Ok(())
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
            print("\n");
        }
    }
}

fn heading(style: Style) -> String {
    let text = format!("{:<24}  {:<13}  {:<36}  WHAT", "AT", "STATUS", "SAGA");
    format!("{}\n", style.faint(&text))
}

/// One change, in one line.
fn line(event: &StreamEvent, style: Style) -> String {
    match event {
        StreamEvent::Saga(saga) => saga_line(saga, style),
        StreamEvent::Service(service) => service_line(service, style),
        StreamEvent::Operation(operation) => {
            let of = |name: &str| operation[name].as_str().unwrap_or_default().to_owned();
            let text = format!("{} {} {}", of("verb"), of("id"), of("status"));
            row("", Tone::Strong, "operation", text.trim(), "", style)
        }
        StreamEvent::Reset(reset) => {
            let words = match reset.reason.as_str() {
                "other_run" => "the server was started again",
                "fell_behind" => "more changed than could be shown",
                _ => "the connection was gone for too long",
            };
            let words = format!("{words}: some changes are not shown, see `banyan list`");
            row("", Tone::Doubt, "missed", "", &words, style)
        }
        StreamEvent::Other { event, data } => row("", Tone::Plain, event, "", data, style),
    }
}

fn saga_line(saga: &SagaItem, style: Style) -> String {
    let status = saga.status.as_str();
    let name = format!("{}/{}", saga.definition, saga.key);
    let at = saga.updated_at.to_string();
    row(
        &at,
        Tone::of_status(status),
        status,
        &name,
        &why(saga),
        style,
    )
}

fn service_line(event: &ServiceEvent, style: Style) -> String {
    let service = event.service.as_ref();
    let words = match event.change.as_str() {
        "paused" => service.and_then(|service| service.pause_reason.clone()),
        "misconfigured" => service.and_then(|service| {
            let first = service.misconfigured.first();
            first.map(|road| road.message.clone())
        }),
        "down" => {
            service.and_then(|service| service.down.as_ref().map(|down| down.message.clone()))
        }
        _ => None,
    };
    let tone = match event.change.as_str() {
        "misconfigured" | "down" => Tone::Bad,
        "paused" => Tone::Doubt,
        "resumed" | "opened" | "up" => Tone::Good,
        _ => Tone::Plain,
    };
    let (change, name) = (event.change.as_str(), format!("service {}", event.name));
    row("", tone, change, &name, &words.unwrap_or_default(), style)
}

/// One row. Only sagas say when they changed.
fn row(at: &str, tone: Tone, status: &str, name: &str, what: &str, style: Style) -> String {
    // Coloured after it was filled up: what colours is no letter.
    let status = style.paint(tone, &format!("{status:<13}"));
    let text = format!(
        "{at:<24}  {status}  {:<36}  {}",
        cut(name, 36),
        cut(what, 100)
    );
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use banyan_sdk::api::ResetEvent;
    use expect_test::expect;

    #[test]
    fn each_kind_of_change_has_its_line() {
        let service = |change: &str| {
            StreamEvent::Service(Box::new(ServiceEvent {
                name: "stock".into(),
                change: change.into(),
                service: None,
            }))
        };
        let events = [
            service("deleted"),
            StreamEvent::Operation(json!({"id": "op-1", "verb": "retry", "status": "running"})),
            StreamEvent::Reset(ResetEvent {
                reason: "other_run".into(),
            }),
            StreamEvent::Other {
                event: "weather".into(),
                data: "rain".into(),
            },
        ];
        let mut text = heading(Style::plain());
        for event in events {
            text += &line(&event, Style::plain());
        }
        expect![[r#"
            AT                        STATUS         SAGA                                  WHAT
                                      deleted        service stock
                                      operation      retry op-1 running
                                      missed                                               the server was started again: some changes are not shown, see `banyan list`
                                      weather                                              rain
        "#]]
        .assert_eq(&text);
    }
}
