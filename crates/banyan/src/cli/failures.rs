//! `banyan failures`.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use super::style::Tone;
use super::table::{Rows, cell, cut, plain};
use banyan_core::saga::{ParkCode, Status};
use banyan_sdk::SagaFilter;
use banyan_sdk::api::{FailureGroup, FailureKind, Failures as Answer, known_codes, one_of};
use clap::Args;

/// Groups of one page, as many as one may have.
const PAGE: &str = "500";

/// Shows what goes wrong with sagas, by cause: the gravest and most frequent first.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan failures
  banyan failures --definition place_order --status stuck
  banyan failures --service payments --since 2026-11-21T08:00:00Z")]
pub(crate) struct Failures {
    /// Of this definition
    #[arg(long, short, value_name = "NAME")]
    definition: Vec<String>,
    /// Calling this service
    #[arg(long)]
    service: Vec<String>,
    /// With this code
    #[arg(long, value_parser = code)]
    code: Vec<String>,
    /// Of sagas in this status: running, compensating, completed, compensated, stuck
    #[arg(long, short, value_parser = status)]
    status: Vec<String>,
    /// That came to fail at this moment or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

fn code(text: &str) -> Result<String, String> {
    let parked = ParkCode::ALL.map(ParkCode::as_str);
    let known: Vec<&str> = known_codes().chain(parked).collect();
    one_of(text, &known).map(str::to_owned)
}

fn status(text: &str) -> Result<String, String> {
    one_of(text, &Status::ALL.map(Status::as_str)).map(str::to_owned)
}

impl Failures {
    fn filter(&self) -> SagaFilter {
        let lists = [
            ("definition", &self.definition),
            ("service", &self.service),
            ("code", &self.code),
            ("status", &self.status),
        ];
        let mut filter = SagaFilter::default();
        for (name, values) in lists {
            for value in values {
                filter = filter.with(name, value);
            }
        }
        match &self.since {
            Some(since) => filter.with("since", since),
            None => filter,
        }
    }
}

pub(super) async fn run(context: &Context, wanted: &Failures) -> Result<Exit, Fail> {
    let client = context.client()?;
    let filter = wanted.filter().with("limit", PAGE);
    let mut answer = client.failures(&filter).await?;
    while let Some(cursor) = answer.next.take() {
        let more = filter.clone().with("cursor", cursor);
        let more = client.failures(&more).await?;
        answer.items.extend(more.items);
        answer.next = more.next;
    }
    if context.json() {
        print_json(&answer)?;
    } else {
        print(&table(context, &answer));
    }
    Ok(Exit::Well)
}

fn table(context: &Context, answer: &Answer) -> String {
    let headings = [
        "WHAT",
        "SAGAS",
        "DEFINITION",
        "WHERE",
        "SERVICE",
        "CODE",
        "FIRST",
        "LAST",
        "NEXT",
    ];
    let mut rows = Rows::new(context.style, &headings);
    for group in &answer.items {
        rows.push([
            cell(tone(&group.kind), group.kind.as_str()),
            plain(group.count),
            cell(Tone::Strong, &group.definition),
            plain(cut(&place(group), 40)),
            plain(group.service.as_deref().unwrap_or("")),
            plain(&group.code),
            plain(group.first_seen),
            plain(group.last_seen),
            cell(Tone::Faint, &group.help),
        ]);
    }
    let mut text = match (answer.items.is_empty(), answer.damaged.is_empty()) {
        (true, false) => String::new(),
        _ => rows.text("nothing fails"),
    };
    for one in &answer.damaged {
        let line = format!("damaged since {}: {}", one.since, one.message);
        text.push_str(&format!(
            "{}\n  nothing of it is changed any more: restore a backup of the data folder\n",
            context.style.bad(&line)
        ));
    }
    for cut in &answer.not_counted {
        let line = format!(
            "of {} sagas, what failed before {} is not counted: --since narrows it",
            cut.status, cut.before
        );
        text.push_str(&context.style.faint(&line));
        text.push('\n');
    }
    text
}

fn tone(kind: &FailureKind) -> Tone {
    match kind {
        FailureKind::Stuck | FailureKind::Misconfigured => Tone::Bad,
        FailureKind::Parked | FailureKind::Retrying | FailureKind::Other(_) => Tone::Doubt,
        FailureKind::Compensated => Tone::Back,
    }
}

/// The step, and which of its legs where that is not its do.
fn place(group: &FailureGroup) -> String {
    let step = group.step.as_deref().unwrap_or("");
    match group.leg.as_ref().map(|leg| leg.as_str()) {
        None | Some("do") => step.to_owned(),
        Some(leg) => format!("{leg} of {step}"),
    }
}
