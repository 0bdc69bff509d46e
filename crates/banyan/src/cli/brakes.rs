//! `banyan refuse` and `accept`: the brake of a definition.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use super::why::why;
use banyan_sdk::api::Definition;
use clap::Args;

/// Refuses starts of a definition, whichever version, until they are taken again. Sagas that
/// have started go on, their children start, and a start under a known key is still answered.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan refuse place_order --reason 'payments are down'
  banyan accept place_order                    the way back
  banyan definitions                           which definitions refuse starts, and why")]
pub(crate) struct Refuse {
    /// The definition
    name: String,
    /// Why: callers read it
    #[arg(long, short, value_parser = why)]
    reason: String,
}

/// Takes starts of a definition again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan accept place_order")]
pub(crate) struct Accept {
    /// The definition
    name: String,
    /// Why, for the audit
    #[arg(long, short, value_name = "WHY", value_parser = why)]
    reason: Option<String>,
}

pub(super) async fn refuse(context: &Context, wanted: &Refuse) -> Result<Exit, Fail> {
    let reason = Some(wanted.reason.clone());
    let client = context.client()?;
    tell(context, &client.accept(&wanted.name, false, reason).await?)
}

pub(super) async fn accept(context: &Context, wanted: &Accept) -> Result<Exit, Fail> {
    let reason = wanted.reason.clone();
    let client = context.client()?;
    tell(context, &client.accept(&wanted.name, true, reason).await?)
}

fn tell(context: &Context, definition: &Definition) -> Result<Exit, Fail> {
    if context.json() {
        print_json(definition)?;
        return Ok(Exit::Well);
    }
    let (mark, name) = (context.style.good("✓"), &definition.name);
    print(&match &definition.refusal {
        None => format!("{mark} {name}: starts are taken\n"),
        Some(reason) => format!(
            "{mark} {name}: starts are refused: {reason}; banyan accept {name} takes them again\n"
        ),
    });
    Ok(Exit::Well)
}
