//! `banyan signal`. The same command again counts once, whatever became of its answer: an equal
//! signal for another wait has to be told from it, by the wait's step or by a key.

use super::context::{Context, Named, json_of};
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use banyan_core::Json;
use banyan_core::json::{canonical, sha256_hex};
use banyan_sdk::Signalled;
use banyan_sdk::api::Saga;
use clap::Args;

/// Sends a signal to a saga. It may come before the saga waits for it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan signal place_order/cart-17 approved '{\"approved\": true, \"by\": \"mia\"}'
  banyan signal 0197c1f0-… approved @approval.json --key approval-4711
  banyan signal count/7 tick '{}' --step second      an equal one was given to the step before

The same command again counts once, so that it can be repeated when its answer was lost; it then
says \"was there already\". Where a saga waits for one signal several times, --step tells an equal
signal for the next wait from the one before: `banyan show` prints the command with it.")]
pub(crate) struct Signal {
    /// The saga: its ID, or NAME/KEY
    saga: Named,
    /// The signal's name
    signal: String,
    /// Its body: JSON, @FILE, or @- for standard input
    #[arg(default_value = "null", value_name = "JSON")]
    body: String,
    /// The step whose wait it is for, by its path; only tells equal signals from each other
    #[arg(long, value_name = "PATH", conflicts_with = "key")]
    step: Option<String>,
    /// Your own name for this signal; the same one counts once [default: made from saga, name,
    /// body and --step, so that the same command again counts once]
    #[arg(long, short)]
    key: Option<String>,
}

pub(super) async fn run(context: &Context, signal: &Signal) -> Result<Exit, Fail> {
    let client = context.client()?;
    let body = json_of(&signal.body, "the signal's body")?;
    let key = signal.key.clone();
    let key = key.unwrap_or_else(|| default_key(&signal.signal, &body, signal.step.as_deref()));
    // As it was before: its end may be what the signal brings.
    let before = signal.saga.saga(&client).await?;
    let id = before.id.to_string();
    let given = client.signal(&id, &signal.signal, &body, &key).await?;
    if context.json() {
        print_json(&given.accepted)?;
        return Ok(Exit::Well);
    }
    let accepted = &given.accepted;
    let status = context.style.status(accepted.status.as_str());
    let had_ended = before.status.is_rest();
    print(&format!("{id} {status}: {}\n", told(&given, had_ended)));
    if given.replayed {
        print(&another(&before, &accepted.signal));
    }
    Ok(Exit::Well)
}

/// The key of a signal that was given none. What it is without a step never changes: the same
/// command was typed before.
fn default_key(name: &str, body: &Json, step: Option<&str>) -> String {
    let step = step.map(|step| format!(" {step}")).unwrap_or_default();
    let hash = sha256_hex(format!("{name} {}{step}", canonical(body)).as_bytes());
    format!("cli-{}", &hash[..32])
}

/// What became of it. After the end only what is undone at once is taken.
fn told(given: &Signalled, had_ended: bool) -> String {
    let name = &given.accepted.signal;
    if given.replayed {
        format!("{name} (was there already)")
    } else if had_ended {
        format!("{name} came after the end, and is undone")
    } else {
        format!("{name} accepted")
    }
}

/// Where it waits for this signal once more: how another one is given.
fn another(saga: &Saga, name: &str) -> String {
    let command = format!("banyan signal {} {name} ", saga.id);
    let waits = saga.waiting_on.iter();
    let waits = waits.filter(|waiting| waiting.help.starts_with(&command));
    waits
        .map(|waiting| format!("it waits for another one: {}\n", waiting.help))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_retyped_command_has_the_same_key_and_one_for_another_wait_has_not() {
        let key = |step| default_key("tick", &json!({}), step);
        assert_eq!(key(None), "cli-8cda6494e99d1c5ae4385648c5db9f4c");
        assert_eq!(key(Some("second")), key(Some("second")));
        assert_ne!(key(Some("second")), key(None));
        assert_ne!(key(Some("second")), key(Some("first")));
        assert_ne!(default_key("tick", &json!({"a": 1}), None), key(None));
    }
}
