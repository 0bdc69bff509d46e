//! `banyan register`, `definitions`, `activate` and `schema`.

use super::check::{self, Surroundings};
use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use super::style::Tone;
use super::table::{Rows, cell, cut, plain};
use super::why::why;
use banyan_sdk::api::{Definition, DefinitionDetail};
use clap::Args;
use std::path::PathBuf;

/// Definitions of one page.
const PAGE: u32 = 500;
/// Characters of a description in a table.
const WORDS: usize = 60;

/// Registers saga files; each becomes the active version of its name.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan register order.saga.yaml
  banyan register sagas/*.saga.yaml --no-activate")]
pub(crate) struct Register {
    /// Saga files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Register without making it the version that starts use
    #[arg(long)]
    no_activate: bool,
}

/// Lists the definitions, or the versions of one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan definitions
  banyan definitions place_order               its versions, and which of them starts use")]
pub(crate) struct Definitions {
    /// Only this one, version by version
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Chooses the version that starts use: forward, and the way back. Sagas that have started keep
/// the version that they started with.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan activate place_order 2
  banyan activate place_order 1 --reason 'version 2 loses parcels'        the way back
  banyan definitions place_order               which versions there are")]
pub(crate) struct Activate {
    /// The definition
    name: String,
    /// The version that starts use from now on
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    version: u32,
    /// Why, for the audit
    #[arg(long, short, value_name = "WHY", value_parser = why)]
    reason: Option<String>,
}

/// `banyan register`.
pub(super) async fn register(context: &Context, register: &Register) -> Result<Exit, Fail> {
    let client = context.client()?;
    let mut answers = Vec::new();
    for file in &register.files {
        let source = check::read(file)?;
        // Name and version stand in the file; with errors the checker's own words are better
        // than a second-hand report of them.
        let checked = banyan_core::language::check(&source, &Surroundings::default());
        let Some(definition) = checked.definition else {
            eprint!("{}", check::pretty(file, &source, &checked.diagnostics));
            return Ok(Exit::Error);
        };
        let answer = client
            .register(
                &definition.name,
                definition.version,
                &source,
                !register.no_activate,
            )
            .await?;
        if !context.json() {
            let active = if answer.active { ", active" } else { "" };
            print(&format!(
                "{} {}@{} registered{active}\n",
                context.style.good("✓"),
                answer.name,
                answer.version
            ));
            for warning in &answer.warnings {
                eprintln!(
                    "  {}:{}: {}: {}",
                    warning.line, warning.column, warning.code, warning.message
                );
            }
        }
        answers.push(answer);
    }
    if context.json() {
        print_json(&answers)?;
    }
    Ok(Exit::Well)
}

/// `banyan definitions`.
pub(super) async fn list(context: &Context, wanted: &Definitions) -> Result<Exit, Fail> {
    let client = context.client()?;
    if let Some(name) = &wanted.name {
        let detail = client.definition(name).await?;
        if context.json() {
            print_json(&detail)?;
        } else {
            print(&versions(context, &detail));
        }
        return Ok(Exit::Well);
    }
    let mut page = client.definitions(PAGE, None).await?;
    while let Some(cursor) = page.next.take() {
        let more = client.definitions(PAGE, Some(&cursor)).await?;
        page.items.extend(more.items);
        page.next = more.next;
    }
    if context.json() {
        print_json(&page)?;
    } else {
        print(&table(context, &page.items));
    }
    Ok(Exit::Well)
}

/// `banyan activate`.
pub(super) async fn activate(context: &Context, wanted: &Activate) -> Result<Exit, Fail> {
    let client = context.client()?;
    let reason = wanted.reason.clone();
    let definition = client.activate(&wanted.name, wanted.version, reason);
    let definition = definition.await?;
    if context.json() {
        print_json(&definition)?;
    } else {
        print(&format!(
            "{} {}: starts use version {} now; sagas that have started keep theirs\n",
            context.style.good("✓"),
            definition.name,
            wanted.version
        ));
    }
    Ok(Exit::Well)
}

fn table(context: &Context, definitions: &[Definition]) -> String {
    let headings = ["DEFINITION", "ACTIVE", "VERSIONS", "STARTS", "DESCRIPTION"];
    let mut rows = Rows::new(context.style, &headings);
    for one in definitions {
        let all: Vec<String> = one.versions.iter().map(ToString::to_string).collect();
        let (tone, starts) = starts(one.accepting, one.refusal.as_deref());
        rows.push([
            cell(Tone::Strong, &one.name),
            plain(active(one.active_version)),
            plain(cut(&all.join(" "), WORDS)),
            cell(tone, &starts),
            plain(cut(one.description.as_deref().unwrap_or(""), WORDS)),
        ]);
    }
    rows.text("no definition is registered: banyan register FILE")
}

fn versions(context: &Context, detail: &DefinitionDetail) -> String {
    let headings = ["DEFINITION", "VERSION", "ACTIVE", "REGISTERED", "HASH"];
    let mut rows = Rows::new(context.style, &headings);
    for one in &detail.versions {
        rows.push([
            cell(Tone::Strong, &one.name),
            plain(one.version),
            cell(Tone::Good, if one.active { "active" } else { "" }),
            plain(one.registered_at),
            cell(Tone::Faint, one.hash.get(..12).unwrap_or(&one.hash)),
        ]);
    }
    let mut text = rows.text("no version is registered");
    if !detail.accepting {
        let (_, refused) = starts(false, detail.refusal.as_deref());
        text.push_str(&format!("starts are {}\n", context.style.doubt(&refused)));
    }
    text
}

fn active(version: Option<u32>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
}

fn starts(accepting: bool, refusal: Option<&str>) -> (Tone, String) {
    if accepting {
        return (Tone::Good, "taken".to_owned());
    }
    let reason = refusal.unwrap_or("");
    (Tone::Doubt, format!("refused: {}", cut(reason, WORDS)))
}

/// Prints the JSON Schema of saga files.
pub(super) fn schema() -> Result<Exit, Fail> {
    print_json(&banyan_core::language::schema())?;
    Ok(Exit::Well)
}
