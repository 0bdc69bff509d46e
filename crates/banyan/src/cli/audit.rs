//! `banyan audit`: who did what, when, why, and what it was before and after.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use super::style::{Style, Tone};
use super::table::{Rows, cell, cut, plain};
use banyan_sdk::api::{AuditDefinition, AuditRow, AuditService, AuditState, Json, Page};
use clap::Args;

/// Characters of how something stood, and of what else there is to know.
const STATE_CHARS: usize = 40;
const DETAIL_CHARS: usize = 120;
/// What else there is to know that is told when it is not so, too.
const TOLD_WHEN_FALSE: [&str; 2] = ["accepting", "activated"];

/// Prints who did what, when, why, and what it was before and after; newest first.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan audit
  banyan audit --verb retry --after 2026-11-21T08:00:00Z
  banyan audit --verb register --verb activate         which version was active when
  banyan audit --saga 0197c1f0-… --json")]
pub(crate) struct Audit {
    /// By this person
    #[arg(long, value_name = "NAME")]
    actor: Vec<String>,
    /// This verb
    #[arg(long)]
    verb: Vec<String>,
    /// On this saga
    #[arg(long, value_name = "ID")]
    saga: Vec<String>,
    /// Later than this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

pub(super) async fn run(context: &Context, wanted: &Audit) -> Result<Exit, Fail> {
    let client = context.client()?;
    let lists = [
        ("actor", &wanted.actor),
        ("verb", &wanted.verb),
        ("saga", &wanted.saga),
    ];
    let given = lists
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (*name, value.as_str())));
    let after = wanted.after.iter().map(|after| ("after", after.as_str()));
    let parameters: Vec<(&str, &str)> = given.chain(after).collect();
    let page = client.audit(&parameters, wanted.limit, None).await?;
    if context.json() {
        print_json(&page)?;
    } else {
        print(&told(context.style, &page));
    }
    Ok(Exit::Well)
}

fn told(style: Style, page: &Page<AuditRow>) -> String {
    let headings = [
        "AT", "WHO", "VERB", "ON", "BEFORE", "AFTER", "WHY", "DETAIL",
    ];
    let mut rows = Rows::new(style, &headings);
    for row in &page.items {
        let saga = row.saga.map(|saga| saga.to_string());
        let operation = row.operation.map(|id| id.to_string());
        let on = saga.or_else(|| row.name.clone()).or(operation);
        let (before, after) = (row.before.as_ref(), row.after.as_ref());
        rows.push([
            plain(row.at),
            plain(&row.actor),
            cell(Tone::Strong, &row.verb),
            plain(on.unwrap_or_default()),
            plain(before.map(state).unwrap_or_default()),
            plain(after.map(state).unwrap_or_default()),
            plain(cut(row.reason.as_deref().unwrap_or_default(), 60)),
            plain(cut(&words(&row.detail), DETAIL_CHARS)),
        ]);
    }
    rows.text("nobody did anything that this selects")
}

/// How something stood, in a few words.
fn state(state: &AuditState) -> String {
    match state {
        AuditState::Saga(saga) => saga.status.as_str().to_owned(),
        AuditState::Definition(definition) => of_definition(definition),
        AuditState::Service(service) => of_service(service),
        AuditState::Other(other) => cut(&other.to_string(), STATE_CHARS),
    }
}

fn of_definition(definition: &AuditDefinition) -> String {
    let active = match definition.active_version {
        Some(version) => format!("version {version}"),
        None => "no version active".to_owned(),
    };
    match definition.accepting {
        true => active,
        false => format!("{active}, starts refused"),
    }
}

fn of_service(service: &AuditService) -> String {
    let place = match service.instances.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    match service.paused {
        true => format!("{}, paused", cut(&place, STATE_CHARS)),
        false => cut(&place, STATE_CHARS),
    }
}

/// What else there is to know: what is null, false or nothing is left out.
pub(super) fn words(detail: &Json) -> String {
    let Some(members) = detail.as_object() else {
        return String::new();
    };
    let mut said = Vec::new();
    for (name, value) in members {
        said.extend(match value {
            Json::Null => None,
            Json::Bool(true) => Some(name.clone()),
            Json::Bool(false) if TOLD_WHEN_FALSE.contains(&name.as_str()) => {
                Some(format!("not {name}"))
            }
            Json::Bool(false) => None,
            Json::String(text) if name == "hash" => Some(format!("hash {}", cut(text, 12))),
            Json::String(text) => Some(format!("{name} {text}")),
            Json::Array(items) => listed(items).map(|items| format!("{name} {items}")),
            Json::Object(_) if name == "arguments" => Some(words(value)),
            other => Some(format!("{name} {other}")),
        });
    }
    said.join(", ")
}

fn listed(items: &[Json]) -> Option<String> {
    let text = |item: &Json| item.as_str().map_or(item.to_string(), str::to_owned);
    let words: Vec<String> = items.iter().map(text).collect();
    (!words.is_empty()).then(|| words.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(rest: &Json) -> AuditRow {
        let mut row = json!({
            "at": "2026-11-21T10:42:07Z", "actor": "admin", "saga": null, "name": "order",
            "operation": null, "reason": null, "before": null, "after": null, "detail": null,
        });
        for (name, value) in rest.as_object().unwrap() {
            row[name] = value.clone();
        }
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn every_row_says_what_was_done_and_what_it_was_before_and_after() {
        let open = json!({ "active_version": 1, "accepting": true, "refusal": null });
        let braked = json!({ "active_version": 2, "accepting": false, "refusal": "closed" });
        let service = |paused: bool| {
            json!({ "instances": ["http://a", "http://b"], "keys_kept": "1d", "timeout": null, "auth": null,
                    "paused": paused, "pause_reason": null, "paused_by": null, "paused_since": null })
        };
        let rows = [
            json!({ "verb": "register", "after": open, "detail": { "version": 1, "activated": true, "hash": "0123456789abcdef" } }),
            json!({ "verb": "register", "before": open, "after": open, "detail": { "version": 3, "activated": false } }),
            json!({ "verb": "activate", "before": open, "after": open, "detail": { "version": 1 }, "reason": "back" }),
            json!({ "verb": "accepting", "before": open, "after": braked, "detail": { "accepting": false } }),
            json!({ "verb": "accepting", "before": braked, "after": open, "detail": { "accepting": true } }),
            json!({ "verb": "pause", "before": service(false), "after": service(true) }),
            json!({ "verb": "put_service", "after": service(false), "detail": { "changed": ["auth", "timeout"] } }),
            json!({ "verb": "retry", "before": { "status": "stuck", "seq": 4 }, "after": { "status": "running", "seq": 5 },
                    "detail": { "step": null, "leg": null, "edited_body": false }, "reason": "mended" }),
            json!({ "verb": "draw", "before": { "colour": "red" }, "after": 7 }),
        ];
        let items = rows.iter().map(row).collect();
        let text = told(Style::plain(), &Page { items, next: None });
        let lines = text.lines().skip(1);
        let words = |line: &str| {
            line.split_whitespace()
                .skip(2)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            lines.map(words).collect::<Vec<_>>(),
            [
                "register order version 1 version 1, activated, hash 0123456789a…",
                "register order version 1 version 1 version 3, not activated",
                "activate order version 1 version 1 back version 1",
                "accepting order version 1 version 2, starts refused not accepting",
                "accepting order version 2, starts refused version 1 accepting",
                "pause order http://a and 1 more http://a and 1 more, paused",
                "put_service order http://a and 1 more changed auth and timeout",
                "retry order stuck running mended",
                r#"draw order {"colour":"red"} 7"#,
            ]
        );
    }
}
