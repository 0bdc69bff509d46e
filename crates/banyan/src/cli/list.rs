//! `banyan list`.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::filter::Where;
use super::out::{print, print_json};
use super::style::Tone;
use super::table::{Rows, cell, cut, plain};
use banyan_sdk::SagaFilter;
use banyan_sdk::api::{Page, SagaItem};
use clap::Args;

/// Sagas of one page, when all of them are wanted.
const PAGE: u32 = 500;

/// Lists sagas, newest first. A filter given twice means or, different ones mean and.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan list --status stuck --status compensating
  banyan list --definition place_order --label customer=ada --limit 10
  banyan list --where 'status=stuck&code=undo_refused'
  banyan list --started-after 2026-11-21T08:00:00Z --all --json")]
pub(crate) struct List {
    /// Of this definition
    #[arg(long, short, value_name = "NAME")]
    definition: Vec<String>,
    /// Of this version
    #[arg(long, value_name = "N")]
    version: Vec<String>,
    /// In this status: running, compensating, completed, compensated, stuck, abandoned
    #[arg(long, short)]
    status: Vec<String>,
    /// With this caller's key
    #[arg(long, short)]
    key: Vec<String>,
    /// At this step
    #[arg(long)]
    step: Vec<String>,
    /// Waiting on this service
    #[arg(long)]
    service: Vec<String>,
    /// With this reason or cause of being stuck
    #[arg(long)]
    code: Vec<String>,
    /// Looked after by this person or team
    #[arg(long)]
    owner: Vec<String>,
    /// Only those that are reported as stalled
    #[arg(long)]
    stalled: bool,
    #[command(flatten)]
    wanted: Where,
    /// With this label
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Started after this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    started_after: Option<String>,
    /// Started before this moment
    #[arg(long, value_name = "TIME")]
    started_before: Option<String>,
    /// Ended after this moment
    #[arg(long, value_name = "TIME")]
    ended_after: Option<String>,
    /// Ended before this moment
    #[arg(long, value_name = "TIME")]
    ended_before: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// All of them, however many
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

fn label(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "a label is written NAME=VALUE".to_owned())
}

impl List {
    /// As the API's query has it.
    pub(super) fn filter(&self) -> SagaFilter {
        let lists = [
            ("definition", &self.definition),
            ("version", &self.version),
            ("status", &self.status),
            ("key", &self.key),
            ("step", &self.step),
            ("service", &self.service),
            ("code", &self.code),
            ("owner", &self.owner),
        ];
        let moments = [
            ("started_after", &self.started_after),
            ("started_before", &self.started_before),
            ("ended_after", &self.ended_after),
            ("ended_before", &self.ended_before),
        ];
        let mut filter = self.wanted.filter();
        if self.stalled {
            filter = filter.with("stalled", "true");
        }
        for (name, values) in lists {
            for value in values {
                filter = filter.with(name, value);
            }
        }
        for (name, value) in &self.label {
            filter = filter.with(&format!("label.{name}"), value);
        }
        for (name, moment) in moments {
            if let Some(moment) = moment {
                filter = filter.with(name, moment);
            }
        }
        filter
    }
}

pub(super) async fn run(context: &Context, list: &List) -> Result<Exit, Fail> {
    let client = context.client()?;
    let filter = list.filter();
    super::filter::check(&filter)?;
    let limit = if list.all { PAGE } else { list.limit };
    let mut page = client.sagas(&filter, limit, None).await?;
    while list.all
        && let Some(cursor) = page.next.take()
    {
        let more = client.sagas(&filter, limit, Some(&cursor)).await?;
        page.items.extend(more.items);
        page.next = more.next;
    }
    if context.json() {
        print_json(&page)?;
    } else {
        print(&table(context, &page));
    }
    Ok(Exit::Well)
}

fn table(context: &Context, page: &Page<SagaItem>) -> String {
    let style = context.style;
    let headings = ["ID", "DEFINITION", "KEY", "STATUS", "STARTED", "WHY"];
    let mut rows = Rows::new(style, &headings);
    for saga in &page.items {
        let status = saga.status.as_str();
        rows.push([
            plain(saga.id),
            plain(format!("{}@{}", saga.definition, saga.version)),
            plain(cut(&saga.key, 32)),
            cell(Tone::of_status(status), status),
            plain(saga.started_at),
            plain(cut(&why(saga), 72)),
        ]);
    }
    let mut text = rows.text("no saga matches");
    if page.next.is_some() {
        text.push_str(&style.faint("there are more: --limit N, or --all"));
        text.push('\n');
    }
    text
}

/// The one thing to know of it: why it is stuck, what it waits on, or why it turned back.
pub(super) fn why(saga: &SagaItem) -> String {
    if let Some(stuck) = &saga.stuck {
        return format!("{} at {}: {}", stuck.code, stuck.step, stuck.message);
    }
    if let Some(waiting) = saga.waiting_on.first() {
        return waiting.message.clone();
    }
    saga.reason.as_ref().map_or_else(String::new, |reason| {
        let step = reason.step.as_ref().map(|step| format!(" at {step}"));
        format!(
            "{}{}: {}",
            reason.code,
            step.unwrap_or_default(),
            reason.message
        )
    })
}
