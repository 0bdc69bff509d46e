//! `banyan move`: running sagas go to another version of their definition, one or by filter.

use super::context::{Context, Named};
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use super::over::{self, Over};
use super::verbs::{self, Common};
use super::why::why;
use banyan_core::saga::Status;
use banyan_sdk::api::{MoveAnswer, MoveRequest, Verb};
use clap::Args;

/// Moves running sagas to another version of their definition, where that is proven safe: what
/// has begun keeps its place, its name and its undo, and nothing new stands before it.
#[derive(Args, Debug)]
#[command(
    override_usage = "banyan move [OPTIONS] SAGA VERSION\n       banyan move [OPTIONS] --where QUERY VERSION",
    after_help = "With --where the server moves them in the background; those that something stands in the way
of stay where they are, and are counted. Only running sagas are meant, unless the filter names
another status.

Examples:
  banyan move place_order/cart-17 2 --dry-run
  banyan move place_order/cart-17 2 --reason 'ship by the new carrier' --if-seq 7 --wait
  banyan move --where 'definition=place_order&version=1' 2            what would happen
  banyan move --where 'definition=place_order&version=1' 2 --yes"
)]
pub(crate) struct Move {
    /// The saga (its ID, or NAME/KEY) and the version; with --where the version alone
    #[arg(num_args = 1..=2, required = true, value_name = "SAGA VERSION")]
    what: Vec<String>,
    #[command(flatten)]
    over: Over,
    #[command(flatten)]
    common: Common,
    /// Why; it stands in the journal
    #[arg(long, short, default_value = "moved on the command line", value_parser = why)]
    reason: String,
}

pub(super) async fn run(context: &Context, wanted: &Move) -> Result<Exit, Fail> {
    match (wanted.over.is_many(), wanted.what.as_slice()) {
        (false, [saga, number]) => one(context, wanted, saga, number).await,
        (true, [number]) => {
            let running = wanted.over.only(Status::Running);
            over::run(context, Verb::Move, &running, &request(wanted, number)?).await
        }
        (false, _) => Err(Fail::Usage(
            "name the saga and the version: `banyan move SAGA VERSION`".to_owned(),
        )),
        (true, _) => Err(Fail::Usage(
            "with --where only the version is named: `banyan move --where QUERY VERSION`"
                .to_owned(),
        )),
    }
}

fn request(wanted: &Move, number: &str) -> Result<MoveRequest, Fail> {
    let version = number.parse().ok().filter(|version| *version > 0);
    let version = version
        .ok_or_else(|| Fail::Usage(format!("{number:?} is no version: a whole number from 1")))?;
    Ok(MoveRequest {
        version,
        reason: wanted.reason.clone(),
        dry_run: wanted.common.dry_run,
    })
}

async fn one(context: &Context, wanted: &Move, saga: &str, number: &str) -> Result<Exit, Fail> {
    let (request, common) = (request(wanted, number)?, &wanted.common);
    let client = context.client()?;
    let named: Named = saga.parse().map_err(Fail::Usage)?;
    let id = named.id(&client).await?;
    let answer = client.move_saga(&id, &request, common.if_seq).await?;
    if common.wait && answer.moved {
        let moved = client.saga(&id, None).await?;
        return verbs::done(context, &client, moved, true).await;
    }
    if context.json() {
        print_json(&answer)?;
    } else {
        print(&told(&answer));
    }
    let safe = answer.obstacles.is_empty();
    Ok(if safe { Exit::Well } else { Exit::Error })
}

fn told(answer: &MoveAnswer) -> String {
    let MoveAnswer {
        id, from, version, ..
    } = answer;
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    match (answer.moved, answer.obstacles.is_empty()) {
        (true, _) => line(format!("{id} went from version {from} to {version}")),
        (false, true) => line(format!("{id} can go from version {from} to {version}")),
        (false, false) => line(format!("{id} cannot go from version {from} to {version}:")),
    }
    for one in &answer.obstacles {
        let told = of_step(one.path.as_deref(), &one.message);
        line(format!("  {told} ({})", one.code));
    }
    for one in &answer.changes {
        line(format!("  {}", of_step(one.path.as_deref(), &one.message)));
    }
    if answer.dry_run {
        line(format!(
            "to do exactly this: the same command with --if-seq {} instead of --dry-run",
            answer.seq
        ));
    }
    text
}

/// What is said of a step, behind its path. It often begins with the step's name already.
fn of_step(path: Option<&str>, message: &str) -> String {
    let Some(path) = path else {
        return message.to_owned();
    };
    let name = path.rsplit('.').next().unwrap_or(path);
    let rest = message.strip_prefix(name);
    let rest = rest.and_then(|rest| rest.strip_prefix(": "));
    format!("{path}: {}", rest.unwrap_or(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_once_and_by_its_path() {
        for (path, message, told) in [
            (Some("second"), "second: new step", "second: new step"),
            (
                Some("both.second"),
                "second: new step",
                "both.second: new step",
            ),
            (Some("second"), "it has begun", "second: it has begun"),
            (Some("second"), "second is gone", "second: second is gone"),
            (None, "the deadline became 2d", "the deadline became 2d"),
        ] {
            assert_eq!(of_step(path, message), told);
        }
    }
}
