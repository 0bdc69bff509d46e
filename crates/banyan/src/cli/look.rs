//! `banyan show`, `journal` and `attempts`: one saga.

use super::context::{Context, Named};
use super::fail::{Exit, Fail};
use super::hand;
use super::out::{print, print_json};
use super::start::is_moving;
use super::style::Tone;
use super::table::{Rows, cell, cut, plain};
use banyan_core::json::canonical;
use banyan_sdk::api::{Attempt, JournalEntry, Page, Saga, WaitKind};
use clap::Args;

const PAGE: u32 = 500;
const WAIT_SECONDS: u32 = 60;
/// Commands that help, under one saga.
const HELPS: usize = 5;

/// Shows a saga as a tree, forward and undo side by side.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan show place_order/cart-17
  banyan show 0197c1f0-… --wait
  banyan show place_order/cart-17 --json | jq .reason")]
pub(crate) struct Show {
    /// The saga: its ID, or NAME/KEY
    saga: Named,
    /// Wait until it has ended or is stuck; the exit code then says how
    #[arg(long, short)]
    wait: bool,
}

/// Prints a saga's journal, oldest first.
#[derive(Args, Debug)]
pub(crate) struct Journal {
    /// The saga: its ID, or NAME/KEY
    saga: Named,
}

/// Prints every attempt of a saga's calls: what was sent, what came back, what it meant.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  banyan attempts place_order/cart-17 --step payment")]
pub(crate) struct Attempts {
    /// The saga: its ID, or NAME/KEY
    saga: Named,
    /// Of this step alone
    #[arg(long)]
    step: Option<String>,
}

pub(super) async fn show(context: &Context, show: &Show) -> Result<Exit, Fail> {
    let client = context.client()?;
    let mut saga = show.saga.saga(&client).await?;
    while show.wait && is_moving(&saga) {
        saga = client
            .saga(&saga.id.to_string(), Some(WAIT_SECONDS))
            .await?;
    }
    if context.json() {
        print_json(&saga)?;
    } else {
        let tree = super::draw(&saga, context.style);
        print(&format!("{tree}{}", hand::lines(&saga, context)));
        print(&helps(context, &saga));
    }
    Ok(if show.wait {
        Exit::of(&saga.status)
    } else {
        Exit::Well
    })
}

pub(super) async fn journal(context: &Context, journal: &Journal) -> Result<Exit, Fail> {
    let client = context.client()?;
    let id = journal.saga.id(&client).await?;
    let mut page = client.journal(&id, PAGE, None).await?;
    while let Some(cursor) = page.next.take() {
        let more = client.journal(&id, PAGE, Some(&cursor)).await?;
        page.items.extend(more.items);
        page.next = more.next;
    }
    if context.json() {
        print_json(&page)?;
    } else {
        print(&journal_table(context, &page));
    }
    Ok(Exit::Well)
}

fn journal_table(context: &Context, page: &Page<JournalEntry>) -> String {
    let mut rows = Rows::new(context.style, &["SEQ", "AT", "TYPE", "WHAT"]);
    for entry in &page.items {
        let data = if entry.data.is_null() {
            String::new()
        } else {
            canonical(&entry.data)
        };
        rows.push([
            plain(entry.seq),
            plain(entry.at),
            cell(Tone::Strong, &entry.kind),
            plain(cut(&data, 120)),
        ]);
    }
    rows.text("the journal is empty")
}

pub(super) async fn attempts(context: &Context, attempts: &Attempts) -> Result<Exit, Fail> {
    let client = context.client()?;
    let id = attempts.saga.id(&client).await?;
    let step = attempts.step.as_deref();
    let mut page = client.attempts(&id, step, PAGE, None).await?;
    while let Some(cursor) = page.next.take() {
        let more = client.attempts(&id, step, PAGE, Some(&cursor)).await?;
        page.items.extend(more.items);
        page.next = more.next;
    }
    if context.json() {
        print_json(&page)?;
    } else {
        print(&attempts_table(context, &page));
    }
    Ok(Exit::Well)
}

fn attempts_table(context: &Context, page: &Page<Attempt>) -> String {
    let headings = [
        "AT", "STEP", "LEG", "NO", "TOOK", "STATUS", "OUTCOME", "WHAT",
    ];
    let mut rows = Rows::new(context.style, &headings);
    for attempt in &page.items {
        let outcome = attempt.outcome.as_deref().unwrap_or("in flight");
        let tone = match outcome {
            "done" => Tone::Good,
            "refused" | "misconfigured" => Tone::Bad,
            _ => Tone::Doubt,
        };
        rows.push([
            plain(attempt.at),
            plain(&attempt.step),
            plain(&attempt.leg),
            plain(attempt.attempt),
            plain(
                attempt
                    .took_ms
                    .map_or_else(String::new, |took| format!("{took} ms")),
            ),
            plain(
                attempt
                    .status
                    .map_or_else(String::new, |status| status.to_string()),
            ),
            cell(tone, outcome),
            plain(cut(attempt.message.as_deref().unwrap_or(""), 80)),
        ]);
    }
    rows.text("no call was tried yet")
}

/// The commands that help with what it waits on, each once; not the one that was just typed.
fn helps(context: &Context, saga: &Saga) -> String {
    let itself = format!("banyan show {}", saga.id);
    let mut told: Vec<&str> = Vec::new();
    // What a person can do is told already.
    let others = saga.waiting_on.iter();
    for waiting in others.filter(|waiting| waiting.kind != WaitKind::Person) {
        let help = waiting.help.as_str();
        if !help.is_empty() && help != itself && !told.contains(&help) {
            told.push(help);
        }
    }
    told.iter()
        .take(HELPS)
        .map(|help| format!("{}\n", context.style.faint(&format!("next: {help}"))))
        .collect()
}
