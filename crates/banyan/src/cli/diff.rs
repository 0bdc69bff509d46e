//! `banyan diff`: what differs between two versions of a definition, in words.

use super::check::{self, Surroundings};
use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use super::style::{Style, Tone};
use banyan_core::Definition;
use banyan_sdk::api::{DefinitionDiff, Difference};
use clap::Args;
use std::path::Path;

/// Says what differs between two versions of a definition, or between two saga files.
#[derive(Args, Debug)]
#[command(
    override_usage = "banyan diff [OPTIONS] NAME V1 V2\n       banyan diff [OPTIONS] FILE FILE",
    after_help = "Examples:
  banyan diff place_order 3 4                  two versions that the server knows
  banyan diff old.saga.yaml new.saga.yaml      two files, without a server
  banyan diff place_order 3 4 --json"
)]
pub(crate) struct Diff {
    /// A definition's name and two of its versions, or two saga files
    #[arg(required = true, num_args = 2..=3, value_name = "NAME V1 V2 | FILE FILE")]
    sides: Vec<String>,
}

pub(super) async fn run(context: &Context, diff: &Diff) -> Result<Exit, Fail> {
    let items = match diff.sides.as_slice() {
        [from, to] => {
            let (Some(from), Some(to)) = (read(from)?, read(to)?) else {
                return Ok(Exit::Error);
            };
            let items = items(&from, &to);
            if context.json() {
                print_json(&serde_json::json!({ "items": items }))?;
                return Ok(Exit::Well);
            }
            items
        }
        [name, from, to] => {
            let (from, to) = (version(from)?, version(to)?);
            let answer: DefinitionDiff = context.client()?.definition_diff(name, from, to).await?;
            if context.json() {
                print_json(&answer)?;
                return Ok(Exit::Well);
            }
            answer.items
        }
        _ => {
            return Err(Fail::Usage(
                "name a definition and two versions, or two files".to_owned(),
            ));
        }
    };
    print(&told(context.style, &items));
    Ok(Exit::Well)
}

/// The definition of a file; none when it has errors, which are then told.
fn read(file: &str) -> Result<Option<Definition>, Fail> {
    let file = Path::new(file);
    let source = check::read(file)?;
    let checked = banyan_core::language::check(&source, &Surroundings::default());
    if checked.definition.is_none() {
        eprint!("{}", check::pretty(file, &source, &checked.diagnostics));
    }
    Ok(checked.definition)
}

fn version(text: &str) -> Result<u32, Fail> {
    let number = text.parse().ok().filter(|version| *version > 0);
    number.ok_or_else(|| {
        Fail::Usage(format!(
            "{text:?} is no version: a whole number from 1 (`banyan diff NAME V1 V2`)"
        ))
    })
}

fn items(from: &Definition, to: &Definition) -> Vec<Difference> {
    let found = banyan_core::versions::diff(from, to).into_iter();
    found
        .map(|one| Difference {
            path: one.path,
            what: one.what,
            from: one.from,
            to: one.to,
            message: one.message,
        })
        .collect()
}

/// A line for each difference: what is new, what is gone, what changed.
fn told(style: Style, items: &[Difference]) -> String {
    if items.is_empty() {
        return format!("{}\n", style.faint("nothing differs"));
    }
    let mut text = String::new();
    for item in items {
        let (mark, tone) = match (item.from.is_null(), item.to.is_null()) {
            (true, _) => ("+", Tone::Good),
            (_, true) => ("-", Tone::Bad),
            _ => ("~", Tone::Doubt),
        };
        let message = item.message.replace(char::is_control, " ");
        text.push_str(&format!("{} {message}\n", style.paint(tone, mark)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn item(from: Value, to: Value, message: &str) -> Difference {
        Difference {
            path: None,
            what: "x".to_owned(),
            from,
            to,
            message: message.to_owned(),
        }
    }

    #[test]
    fn what_is_new_gone_and_changed_is_marked() {
        let items = [
            item(Value::Null, json!(1), "a: new"),
            item(json!(1), Value::Null, "b: gone\u{1b}[2J"),
            item(json!(1), json!(2), "c: 1 became 2"),
        ];
        let text = told(Style::plain(), &items);
        assert_eq!(text, "+ a: new\n- b: gone [2J\n~ c: 1 became 2\n");
        assert_eq!(told(Style::plain(), &[]), "nothing differs\n");
    }
}
