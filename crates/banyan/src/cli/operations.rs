//! `banyan operations`: verbs over many sagas, as the server goes through them.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json, print_json_line};
use super::style::Tone;
use super::table::{Rows, cell, cut, plain};
use super::why::why;
use banyan_sdk::api::{Operation, OperationState, StreamEvent};
use banyan_sdk::{Client, SagaFilter};
use clap::Args;
use std::fmt::Write;
use std::time::Duration;

/// How long the server may be away while an operation is followed.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Failures that are shown one by one.
const SHOWN: usize = 10;

/// Lists operations over many sagas, shows one, or holds it up, lets it go on or ends it.
#[derive(Args, Debug)]
#[command(
    override_usage = "banyan operations [OPTIONS] [ID]\n       banyan operations pause|resume|cancel ID [OPTIONS]",
    after_help = "Examples:
  banyan operations
  banyan operations 0197c1f0-… --wait
  banyan operations pause 0197c1f0-… --reason 'payments is slow'"
)]
pub(crate) struct Operations {
    /// An operation's ID; or pause, resume or cancel, and its ID
    #[arg(num_args = 0..=2, value_name = "ID")]
    what: Vec<String>,
    /// Why, for the audit
    #[arg(long, short, default_value = "asked on the command line", value_parser = why)]
    reason: String,
    /// Show it until it is over; the exit code says whether all went well
    #[arg(long, short)]
    wait: bool,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

pub(super) async fn run(context: &Context, wanted: &Operations) -> Result<Exit, Fail> {
    let client = context.client()?;
    let words: Vec<&str> = wanted.what.iter().map(String::as_str).collect();
    let operation = match words[..] {
        [] => return list(context, &client, wanted.limit).await,
        [verb @ ("pause" | "resume" | "cancel"), id] => {
            client.turn_operation(id, verb, &wanted.reason).await?
        }
        [id] if !["pause", "resume", "cancel"].contains(&id) => client.operation(id).await?,
        _ => {
            return Err(Fail::Usage(
                "name an operation, or write `banyan operations pause|resume|cancel ID`".to_owned(),
            ));
        }
    };
    if wanted.wait {
        return follow(context, &client, operation).await;
    }
    if context.json() {
        print_json(&operation)?;
    } else {
        print(&told(context, &operation));
    }
    Ok(Exit::Well)
}

async fn list(context: &Context, client: &Client, limit: u32) -> Result<Exit, Fail> {
    let page = client.operations(limit, None).await?;
    if context.json() {
        print_json(&page)?;
        return Ok(Exit::Well);
    }
    let headings = [
        "ID", "VERB", "STATE", "SELECTED", "DONE", "FAILED", "SKIPPED", "BEGAN", "WHY",
    ];
    let mut rows = Rows::new(context.style, &headings);
    for one in &page.items {
        rows.push([
            plain(one.id),
            plain(one.verb.as_str()),
            cell(tone(one), one.state.as_str()),
            plain(one.selected),
            plain(one.done),
            plain(one.failed),
            plain(one.skipped),
            plain(one.began_at),
            plain(cut(&one.reason, 40)),
        ]);
    }
    print(&rows.text("there was no operation yet"));
    Ok(Exit::Well)
}

/// Shows an operation until it is over or held up.
pub(super) async fn follow(
    context: &Context,
    client: &Client,
    operation: Operation,
) -> Result<Exit, Fail> {
    let id = operation.id.to_string();
    // It listens before it looks, so that it misses nothing in between.
    let filter = SagaFilter::default().with("id", id.as_str());
    let mut stream = client.stream(filter, PATIENCE).await?;
    let patient = client.clone().with_patience(PATIENCE);
    let mut seen = None;
    loop {
        let operation = patient.operation(&id).await?;
        if seen != Some((operation.left, operation.state.clone())) {
            show(context, &operation)?;
            seen = Some((operation.left, operation.state.clone()));
        }
        if operation.state != OperationState::Running {
            if !context.json() {
                print(&told(context, &operation));
            }
            return Ok(ending(&operation));
        }
        loop {
            match stream.next().await? {
                StreamEvent::Operation(_) | StreamEvent::Reset(_) => break,
                StreamEvent::Saga(_) | StreamEvent::Service(_) | StreamEvent::Other { .. } => {}
            }
        }
    }
}

/// One line of progress.
fn show(context: &Context, operation: &Operation) -> Result<(), Fail> {
    if context.json() {
        return print_json_line(operation);
    }
    let gone = operation.selected.saturating_sub(operation.left);
    print(&format!(
        "{} of {}: {} done, {} failed, {} left alone\n",
        gone, operation.selected, operation.done, operation.failed, operation.skipped
    ));
    Ok(())
}

/// The exit code of an operation that is not running.
fn ending(operation: &Operation) -> Exit {
    match operation.state {
        OperationState::Completed if operation.failed == 0 => Exit::Well,
        OperationState::Paused | OperationState::Running => Exit::Running,
        _ => Exit::Error,
    }
}

fn tone(operation: &Operation) -> Tone {
    match operation.state {
        OperationState::Completed if operation.failed == 0 => Tone::Good,
        OperationState::Completed | OperationState::Cancelled => Tone::Bad,
        _ => Tone::Doubt,
    }
}

/// An operation as a person reads it. Writing into a String cannot fail.
fn told(context: &Context, operation: &Operation) -> String {
    let style = context.style;
    let verb = operation.verb.as_str();
    let mut text = format!(
        "{} {}: {}\n",
        style.strong(verb),
        operation.id,
        operation.state.as_str()
    );
    let _ = writeln!(text, "  because {} ({})", operation.reason, operation.actor);
    let arguments = super::audit::words(&operation.arguments);
    if !arguments.is_empty() {
        let _ = writeln!(text, "  with {arguments}");
    }
    let all = operation
        .filter
        .as_object()
        .is_some_and(|one| one.is_empty());
    let over = match all {
        true => "every saga".to_owned(),
        false => operation.filter.to_string(),
    };
    let _ = writeln!(text, "  over {over}");
    let _ = writeln!(
        text,
        "  {} selected, {} done, {} failed, {} left alone, {} to come",
        operation.selected, operation.done, operation.failed, operation.skipped, operation.left
    );
    for (code, sagas) in &operation.failed_by {
        let _ = writeln!(text, "  {sagas} failed: {code}");
    }
    for (cause, sagas) in &operation.skipped_by {
        let _ = writeln!(text, "  {sagas} left alone: {cause}");
    }
    for one in operation.failures.iter().take(SHOWN) {
        let _ = writeln!(text, "    {} {}: {}", one.saga, one.code, one.message);
    }
    for one in &operation.sample {
        let (key, before, after) = (&one.key, &one.before, &one.after);
        let _ = writeln!(
            text,
            "  for example {}/{key}: it was {before}, then {after}",
            one.definition
        );
    }
    if operation.state == OperationState::Paused {
        let _ = writeln!(text, "next: banyan operations resume {}", operation.id);
    }
    text
}
