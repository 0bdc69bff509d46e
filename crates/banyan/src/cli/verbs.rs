//! `banyan cancel`, `retry`, `undo`, `abandon` and `note`: what somebody does to a saga by hand,
//! or to every saga that a filter selects. `settle`, which takes more, has its own module.
//!
//! What each takes stands here, in one struct per verb over what all of them share; asking is
//! one way for all. With `--dry-run` nothing is changed, and what would happen is told by
//! [`super::preview`]. Whether a verb may be taken now is the server's to say.

use super::context::{Context, Named, json_of};
use super::fail::{Exit, Fail};
use super::hand::{self, named};
use super::out::{print, print_json};
use super::over::{self, Over};
use super::preview;
use super::start::is_moving;
use super::why::why;
use banyan_sdk::Client;
use banyan_sdk::api::{NoteRequest, RetryRequest, Saga, SagaStatus, Verb, VerbAnswer, VerbRequest};
use clap::Args;
use serde::Serialize;

/// The longest that one call waits; a longer wait asks again.
const WAIT_SECONDS: u32 = 60;
/// What stands for the reason in a dry run that was given none.
pub(super) const NO_REASON: &str = "none was given yet";
/// Why a note was written, when nobody says.
const NOTED: &str = "noted on the command line";

/// What every verb takes.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Only say exactly what would happen; nothing is changed
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Only if the saga's last record is still this one, as a dry run told it
    #[arg(long, value_name = "N", conflicts_with = "many")]
    pub(super) if_seq: Option<u64>,
    /// Then wait until it has ended or is stuck; the exit code says how
    #[arg(long, short, conflicts_with_all = ["dry_run", "many"])]
    pub(super) wait: bool,
}

/// The saga of a verb, or the filter that selects many.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// The saga: its ID, or NAME/KEY
    #[arg(required_unless_present_any = ["filter", "all"], conflicts_with = "many")]
    saga: Option<Named>,
    #[command(flatten)]
    over: Over,
}

/// The reason of a verb that changes the saga's way.
#[derive(Args, Debug)]
pub(crate) struct Because {
    /// Why, for the journal and for whoever looks next; a dry run or preview needs none
    #[arg(
        long,
        short,
        value_name = "WHY",
        required_unless_present_any = ["dry_run", "filter", "all"],
        required_if_eq("yes", "true"),
        value_parser = why
    )]
    reason: Option<String>,
}

impl Because {
    /// The reason as it is sent.
    pub(super) fn text(&self) -> String {
        self.reason.as_deref().unwrap_or(NO_REASON).to_owned()
    }
}

/// Turns a saga back: what was done is undone. Not past its point of no return.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan cancel place_order/cart-17 --dry-run
  banyan cancel place_order/cart-17 --reason 'the customer called'")]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) because: Because,
}

/// Tries again at once what is stuck or, if nothing is, what waits for its next try.
#[derive(Args, Debug)]
#[command(
    after_help = "The same key is used again wherever an earlier attempt may have happened. Another body
needs a fresh key, and is taken only where every attempt was refused or never left.

Examples:
  banyan retry place_order/cart-17 --dry-run
  banyan retry place_order/cart-17 --reason 'payments is back' --wait
  banyan retry --where 'status=stuck&service=payments' --reason 'payments is back'
  banyan retry place_order/cart-17 --step tell --body @letter.json --reason 'it was too long'"
)]
pub(crate) struct Retry {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    pub(super) common: Common,
    /// This step alone, by its path
    #[arg(long, value_name = "PATH")]
    pub(super) step: Option<String>,
    /// This leg of it [default: the one that is stuck or waits]
    #[arg(long, requires = "step", value_parser = ["do", "check", "undo", "confirm"])]
    pub(super) leg: Option<String>,
    /// What is sent from here on instead of what the file says: JSON, @FILE, or @-
    #[arg(long, value_name = "JSON", requires = "step")]
    pub(super) body: Option<String>,
    #[command(flatten)]
    pub(super) because: Because,
}

/// Undoes a completed saga, all of it, past its point of no return too.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan undo place_order/cart-17 --dry-run          what is undone, and what has no undo
  banyan undo place_order/cart-17 --reason 'returned within 14 days' --wait")]
pub(crate) struct Undo {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) because: Because,
}

/// Gives a stuck saga up: nothing more is called, and what remains undone is listed.
#[derive(Args, Debug)]
#[command(
    after_help = "It cannot be taken back. Settle what you mended by hand first, so that \
the list is true.

Examples:
  banyan abandon place_order/cart-17 --dry-run
  banyan abandon place_order/cart-17 --reason 'written off, ticket 812'"
)]
pub(crate) struct Abandon {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) because: Because,
}

/// Writes down what is known of a saga, or who looks after it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan note place_order/cart-17 --owner ann --text 'asked the bank, ticket 812'
  banyan note place_order/cart-17 --owner ''                nobody looks after it any more")]
pub(crate) struct Note {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    pub(super) common: Common,
    /// What is known
    #[arg(long, short, value_name = "WORDS", required_unless_present = "owner")]
    pub(super) text: Option<String>,
    /// Who looks after it; an empty name for nobody
    #[arg(long, short, value_name = "NAME")]
    pub(super) owner: Option<String>,
    /// Why, for the journal
    #[arg(long, short, value_name = "WHY", default_value = NOTED, value_parser = why)]
    pub(super) reason: String,
}

pub(super) async fn cancel(context: &Context, wanted: &Cancel) -> Result<Exit, Fail> {
    let (which, common) = (&wanted.which, &wanted.common);
    plain(context, Verb::Cancel, which, common, &wanted.because).await
}

pub(super) async fn undo(context: &Context, wanted: &Undo) -> Result<Exit, Fail> {
    let (which, common) = (&wanted.which, &wanted.common);
    plain(context, Verb::Undo, which, common, &wanted.because).await
}

pub(super) async fn abandon(context: &Context, wanted: &Abandon) -> Result<Exit, Fail> {
    let (which, common) = (&wanted.which, &wanted.common);
    plain(context, Verb::Abandon, which, common, &wanted.because).await
}

pub(super) async fn retry(context: &Context, wanted: &Retry) -> Result<Exit, Fail> {
    let body = wanted.body.as_deref();
    let request = RetryRequest {
        step: wanted.step.clone(),
        leg: wanted.leg.clone().map(Into::into),
        body: body
            .map(|text| json_of(text, "the body"))
            .transpose()?
            .unwrap_or_default(),
        reason: wanted.because.text(),
        dry_run: wanted.common.dry_run,
    };
    wanted
        .which
        .ask(context, Verb::Retry, &wanted.common, &request)
        .await
}

pub(super) async fn note(context: &Context, wanted: &Note) -> Result<Exit, Fail> {
    let request = NoteRequest {
        text: wanted.text.clone(),
        owner: wanted.owner.clone(),
        reason: wanted.reason.clone(),
        dry_run: wanted.common.dry_run,
    };
    wanted
        .which
        .ask(context, Verb::Note, &wanted.common, &request)
        .await
}

/// A verb that takes nothing but its reason.
async fn plain(
    context: &Context,
    verb: Verb,
    which: &Which,
    common: &Common,
    because: &Because,
) -> Result<Exit, Fail> {
    let request = VerbRequest {
        reason: because.text(),
        dry_run: common.dry_run,
    };
    which.ask(context, verb, common, &request).await
}

impl Which {
    /// Asks it of the saga, or of all that the filter selects.
    pub(super) async fn ask(
        &self,
        context: &Context,
        verb: Verb,
        common: &Common,
        request: &impl Serialize,
    ) -> Result<Exit, Fail> {
        match &self.saga {
            Some(saga) => ask(context, verb, saga, common, request).await,
            None => over::run(context, verb, &self.over, request).await,
        }
    }
}

/// Asks it of one saga, and tells what came of it.
async fn ask(
    context: &Context,
    verb: Verb,
    saga: &Named,
    common: &Common,
    request: &impl Serialize,
) -> Result<Exit, Fail> {
    let client = context.client()?;
    let id = saga.id(&client).await?;
    let answer = client.ask_verb(&id, verb, request, common.if_seq).await?;
    match answer {
        VerbAnswer::Preview(preview) if context.json() => print_json(&preview)?,
        VerbAnswer::Preview(preview) => print(&preview::told(&preview, context.style)),
        VerbAnswer::Done(saga) => return done(context, &client, *saga, common.wait).await,
    }
    Ok(Exit::Well)
}

pub(super) async fn done(
    context: &Context,
    client: &Client,
    mut saga: Saga,
    wait: bool,
) -> Result<Exit, Fail> {
    while wait && is_moving(&saga) {
        let id = saga.id.to_string();
        saga = client.saga(&id, Some(WAIT_SECONDS)).await?;
    }
    if context.json() {
        print_json(&saga)?;
    } else {
        let tree = super::draw(&saga, context.style);
        let hand = hand::lines(&saga, context);
        print(&format!("{tree}next: {}\n{hand}", next(&saga)));
    }
    Ok(if wait {
        Exit::of(&saga.status)
    } else {
        Exit::Well
    })
}

/// What comes next for it, and what the reader may do about it.
fn next(saga: &Saga) -> String {
    let name = named(saga);
    match &saga.status {
        SagaStatus::Stuck => "it needs a hand".to_owned(),
        SagaStatus::Abandoned if !saga.left.is_empty() => {
            "nothing more is called: what is left stands until somebody mends it outside".to_owned()
        }
        status if status.is_rest() && saga.stuck.is_none() => {
            format!("nothing, it is {status}")
        }
        status if status.is_rest() => {
            format!("it is {status}, and one leg still needs a hand")
        }
        _ => format!("it goes on by itself: `banyan watch {name}` shows it until it has ended"),
    }
}
