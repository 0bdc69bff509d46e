//! `banyan settle`: what somebody found out of a leg, or did by hand, of one saga or of every
//! saga that a filter selects. That the leg is open is the server's to see.

use super::context::{Context, json_of};
use super::fail::{Exit, Fail};
use super::verbs::{Because, Common, Which};
use banyan_sdk::api::{SettleRequest, Verb};
use clap::Args;

/// Says what became of a leg: what you found out, or did by hand.
#[derive(Args, Debug)]
#[command(
    override_usage = "banyan settle [OPTIONS] --evidence <HOW> <SAGA> <STEP> <LEG> <AS>\n       \
        banyan settle [OPTIONS] --evidence <HOW> --where <QUERY> --step <STEP> --leg <LEG> --as <AS>",
    after_help = "done: it took effect, or you did it by hand, and it will not be sent again.
not_happened: it certainly took no effect. A do then counts as not sent; an undo, a confirm
and whatever stands past the point of no return are sent again, under a fresh key.
Look in the service's own books first, by the step's idempotency key: what you say is believed.

Examples:
  banyan settle place_order/cart-17 payment undo done --dry-run --evidence 'the bank: refund r-9'
  banyan settle place_order/cart-17 payment undo done --evidence 'the bank: refund r-9' \\
      --reason 'refunded at the desk'
  banyan settle place_order/cart-17 payment do done --result '{\"id\": \"c-4\"}' \\
      --evidence 'charge c-4 in the ledger' --reason 'its answer was lost'
  banyan settle place_order/cart-17 payment do not_happened \\
      --evidence 'no charge under this key' --reason 'payments was down'
  banyan settle --where 'status=stuck&step=payment' --step payment --leg undo --as done \\
      --evidence 'the bank: batch 812' --reason 'refunded as a batch'"
)]
pub(crate) struct Settle {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    found: Found,
    /// How you know: a receipt, a line of a ledger, who looked
    #[arg(
        long,
        short,
        value_name = "HOW",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    evidence: String,
    /// The result of a do that is done, for the steps that read it: JSON, @FILE, or @-
    #[arg(long, value_name = "JSON")]
    result: Option<String>,
    #[command(flatten)]
    because: Because,
}

/// Which leg, and what became of it: after the saga or, of many sagas, by name.
#[derive(Args, Debug)]
struct Found {
    /// The step, by its path
    #[arg(value_name = "STEP", required_unless_present = "step")]
    its_step: Option<String>,
    /// Which leg of it
    #[arg(
        value_name = "LEG",
        required_unless_present = "leg",
        value_parser = ["do", "undo", "confirm"]
    )]
    its_leg: Option<String>,
    /// What became of it
    #[arg(
        value_name = "AS",
        required_unless_present = "outcome",
        value_parser = ["done", "not_happened"]
    )]
    its_outcome: Option<String>,
    /// With --where: the step, by its path
    #[arg(
        long,
        value_name = "STEP",
        requires = "many",
        conflicts_with = "its_step"
    )]
    step: Option<String>,
    /// With --where: which leg of it
    #[arg(
        long,
        value_name = "LEG",
        requires = "many",
        conflicts_with = "its_leg",
        value_parser = ["do", "undo", "confirm"]
    )]
    leg: Option<String>,
    /// With --where: what became of it
    #[arg(
        id = "outcome",
        long = "as",
        value_name = "AS",
        requires = "many",
        conflicts_with = "its_outcome",
        value_parser = ["done", "not_happened"]
    )]
    outcome: Option<String>,
}

impl Found {
    /// Step, leg and outcome, whichever way they were given.
    fn read(&self) -> Result<[String; 3], Fail> {
        let pick = |place: &Option<String>, named: &Option<String>| place.clone().or(named.clone());
        let step = pick(&self.its_step, &self.step);
        let leg = pick(&self.its_leg, &self.leg);
        let outcome = pick(&self.its_outcome, &self.outcome);
        match (step, leg, outcome) {
            (Some(step), Some(leg), Some(outcome)) => Ok([step, leg, outcome]),
            _ => Err(Fail::Usage(
                "name the step, its leg, and what became of it".to_owned(),
            )),
        }
    }
}

pub(super) async fn run(context: &Context, wanted: &Settle) -> Result<Exit, Fail> {
    let result = wanted.result.as_deref();
    let [step, leg, outcome] = wanted.found.read()?;
    let request = SettleRequest {
        step,
        leg: leg.into(),
        settlement: outcome.into(),
        result: result
            .map(|text| json_of(text, "the result"))
            .transpose()?
            .unwrap_or_default(),
        evidence: wanted.evidence.clone(),
        reason: wanted.because.text(),
        dry_run: wanted.common.dry_run,
    };
    let (which, common) = (&wanted.which, &wanted.common);
    which.ask(context, Verb::Settle, common, &request).await
}
