//! `banyan signal`.

use super::context::{Context, Named, json_of};
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use banyan_core::json::{canonical, sha256_hex};
use clap::Args;

/// Sends a signal to a saga. It may come before the saga waits for it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan signal place_order/cart-17 approved '{\"approved\": true, \"by\": \"mia\"}'
  banyan signal 0197c1f0-… approved @approval.json --key approval-4711")]
pub(crate) struct Signal {
    /// The saga: its ID, or NAME/KEY
    saga: Named,
    /// The signal's name
    signal: String,
    /// Its body: JSON, @FILE, or @- for standard input
    #[arg(default_value = "null", value_name = "JSON")]
    body: String,
    /// Your own name for this signal; the same one counts once [default: made from saga, name
    /// and body, so that the same command again counts once]
    #[arg(long, short)]
    key: Option<String>,
}

pub(super) async fn run(context: &Context, signal: &Signal) -> Result<Exit, Fail> {
    let client = context.client()?;
    let body = json_of(&signal.body, "the signal's body")?;
    let key = signal.key.clone().unwrap_or_else(|| {
        let hash = sha256_hex(format!("{} {}", signal.signal, canonical(&body)).as_bytes());
        format!("cli-{}", &hash[..32])
    });
    let answer = match &signal.saga {
        Named::Id(id) => client.signal(id, &signal.signal, &body, &key).await?,
        Named::Key(name, saga) => {
            let named = (name.as_str(), saga.as_str());
            client
                .signal_by_key(named, &signal.signal, &body, &key)
                .await?
        }
    };
    if context.json() {
        print_json(&answer)?;
    } else {
        let status = context.style.status(answer.status.as_str());
        print(&format!(
            "{} {status}: {} accepted\n",
            answer.id, answer.signal
        ));
    }
    Ok(Exit::Well)
}
