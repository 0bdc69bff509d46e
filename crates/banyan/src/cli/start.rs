//! `banyan start`.

use super::context::{Context, json_of};
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use banyan_sdk::Wait;
use banyan_sdk::api::{Saga, StartRequest};
use clap::Args;

/// The longest that one call waits; a longer wait asks again.
const WAIT_SECONDS: u32 = 60;

/// Starts a saga. The key makes it happen once: the same command again finds the same saga.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan start place_order --key cart-17 --input '{\"customer\": \"ada\"}'
  banyan start place_order --key cart-17 --input @order.json --wait
  banyan start place_order --key cart-17 --input @order.json --until payment")]
pub(crate) struct Start {
    /// The definition's name
    name: String,
    /// Your own name for this saga, such as the order's number
    #[arg(long, short)]
    key: String,
    /// The input: JSON, @FILE, or @- for standard input
    #[arg(long, short, default_value = "null", value_name = "JSON")]
    input: String,
    /// The version to start [default: the active one]
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// How long it may take before it is undone, such as 30m
    #[arg(long, value_name = "TIME")]
    deadline: Option<banyan_core::time::Duration>,
    /// Wait until it has ended or is stuck, and show it
    #[arg(long, short)]
    wait: bool,
    /// Wait until this step has ended, and show the saga
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
}

pub(super) async fn run(context: &Context, start: &Start) -> Result<Exit, Fail> {
    let client = context.client()?;
    let request = StartRequest {
        definition: start.name.clone(),
        version: start.version,
        input: json_of(&start.input, "the input")?,
        deadline: start.deadline,
    };
    let waits = start.wait || start.until.is_some();
    let wait = Wait {
        seconds: waits.then_some(WAIT_SECONDS),
        until: start.until.clone(),
    };
    let mut started = client.start(&request, &start.key, &wait).await?;
    // Asking again under the same key is a replay, and waits by the same rule.
    while start.wait && start.until.is_none() && is_moving(&started.saga) {
        started.saga = client.start(&request, &start.key, &wait).await?.saga;
    }
    let saga = &started.saga;
    if context.json() {
        print_json(saga)?;
    } else if waits {
        print(&super::draw(saga, context.style));
    } else {
        let before = if started.replayed {
            " (was there already)"
        } else {
            ""
        };
        let status = context.style.status(saga.status.as_str());
        print(&format!("{} {status}{before}\n", saga.id));
    }
    Ok(if start.wait {
        Exit::of(&saga.status)
    } else {
        Exit::Well
    })
}

/// Neither at rest nor stuck.
pub(super) fn is_moving(saga: &Saga) -> bool {
    Exit::of(&saga.status) == Exit::Running
}
