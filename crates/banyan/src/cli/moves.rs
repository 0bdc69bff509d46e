//! `banyan move`: running sagas go to another version of their definition, one or by filter.

use super::context::{Context, Named};
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use banyan_sdk::api::{Code, MoveAnswer, MoveRequest, SagaStatus};
use banyan_sdk::{Client, Error, SagaFilter};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Sagas of one page of a filter.
const PAGE: u32 = 500;

/// Moves running sagas to another version of their definition, where that is proven safe: what
/// has begun keeps its place, its name and its undo, and nothing new stands before it.
#[derive(Args, Debug)]
#[command(
    override_usage = "banyan move [OPTIONS] SAGA VERSION\n       banyan move [OPTIONS] --where QUERY VERSION",
    after_help = "With --where the sagas are moved one by one from here, as long as this command runs; those
that something stands in the way of stay where they are, and are counted by what it is.

Examples:
  banyan move place_order/cart-17 2 --dry-run
  banyan move place_order/cart-17 2 --reason 'ship by the new carrier'
  banyan move --where 'definition=place_order&version=1' 2            what would happen
  banyan move --where 'definition=place_order&version=1' 2 --yes"
)]
pub(crate) struct Move {
    /// The saga (its ID, or NAME/KEY) and the version; with --where the version alone
    #[arg(num_args = 1..=2, required = true, value_name = "SAGA VERSION")]
    what: Vec<String>,
    /// Every running saga that this selects, as in the API's list: NAME=VALUE&NAME=VALUE
    #[arg(long = "where", value_name = "QUERY")]
    filter: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Move what --where selects; without it only what would happen is said
    #[arg(long, requires = "filter")]
    yes: bool,
    /// Why; it stands in the journal
    #[arg(long, short, default_value = "moved on the command line")]
    reason: String,
}

pub(super) async fn run(context: &Context, wanted: &Move) -> Result<Exit, Fail> {
    match (&wanted.filter, wanted.what.as_slice()) {
        (None, [saga, number]) => {
            let request = request(wanted, number, wanted.dry_run)?;
            one(context, saga, &request).await
        }
        (Some(filter), [number]) => {
            let request = request(wanted, number, wanted.dry_run || !wanted.yes)?;
            many(context, filter, request).await
        }
        (None, _) => Err(Fail::Usage(
            "name the saga and the version: `banyan move SAGA VERSION`".to_owned(),
        )),
        (Some(_), _) => Err(Fail::Usage(
            "with --where only the version is named: `banyan move --where QUERY VERSION`"
                .to_owned(),
        )),
    }
}

fn request(wanted: &Move, number: &str, dry_run: bool) -> Result<MoveRequest, Fail> {
    let version = number.parse().ok().filter(|version| *version > 0);
    let version = version
        .ok_or_else(|| Fail::Usage(format!("{number:?} is no version: a whole number from 1")))?;
    Ok(MoveRequest {
        version,
        reason: wanted.reason.clone(),
        dry_run,
    })
}

async fn one(context: &Context, saga: &str, request: &MoveRequest) -> Result<Exit, Fail> {
    let client = context.client()?;
    let named: Named = saga.parse().map_err(Fail::Usage)?;
    let id = named.id(&client).await?;
    let answer = client.move_saga(&id, request, None).await?;
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
        let path = one.path.as_ref().map(|path| format!("{path}: "));
        line(format!(
            "  {} ({})",
            path.unwrap_or_default() + &one.message,
            one.code
        ));
    }
    for one in &answer.changes {
        let path = one.path.as_ref().map(|path| format!("{path}: "));
        line(format!("  {}{}", path.unwrap_or_default(), one.message));
    }
    text
}

/// What became of the sagas that a filter selects.
#[derive(Default)]
struct Sum {
    moved: u32,
    refused: BTreeMap<String, u32>,
}

async fn many(context: &Context, query: &str, request: MoveRequest) -> Result<Exit, Fail> {
    let client = context.client()?;
    let filter = parsed(query)?;
    let mut sum = Sum::default();
    let mut cursor: Option<String> = None;
    loop {
        let page = client.sagas(&filter, PAGE, cursor.as_deref()).await?;
        let running = page
            .items
            .iter()
            .filter(|saga| saga.status == SagaStatus::Running);
        for saga in running.filter(|saga| saga.version != request.version) {
            add(&client, &saga.id.to_string(), &request, &mut sum).await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if context.json() {
        let Sum { moved, refused } = &sum;
        print_json(&json!({ "dry_run": request.dry_run, "moved": moved, "refused": refused }))?;
    } else {
        print(&summed(&sum, &request));
    }
    let safe = sum.refused.is_empty();
    Ok(if safe { Exit::Well } else { Exit::Error })
}

fn parsed(query: &str) -> Result<SagaFilter, Fail> {
    let mut filter = SagaFilter::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Fail::Usage(format!(
                "{pair:?} is no filter: write NAME=VALUE, as in definition=place_order&version=1"
            )));
        };
        filter = filter.with(name, value);
    }
    Ok(filter)
}

/// Moves one and counts what became of it. One that ended meanwhile is not wrong.
async fn add(client: &Client, id: &str, request: &MoveRequest, sum: &mut Sum) -> Result<(), Fail> {
    let mut count = |code: &str| *sum.refused.entry(code.to_owned()).or_default() += 1;
    match client.move_saga(id, request, None).await {
        Ok(answer) => match answer.obstacles.first() {
            Some(first) => count(&first.code),
            None => sum.moved += 1,
        },
        Err(Error::Problem(problem)) => match problem.known() {
            Some(Code::MoveNotSafe) => {
                let first = problem.errors.first();
                count(first.map_or("move_not_safe", |first| first.code.as_str()));
            }
            Some(Code::NotAllowedNow | Code::NoSuchSaga) => count(&problem.code),
            _ => return Err(Error::Problem(problem).into()),
        },
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn summed(sum: &Sum, request: &MoveRequest) -> String {
    let (can, cannot) = if request.dry_run {
        ("can go", "cannot")
    } else {
        ("went", "stayed")
    };
    let mut text = format!("{} {can} to version {}\n", sum.moved, request.version);
    for (code, times) in &sum.refused {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{times} {cannot}: {code}");
    }
    if request.dry_run && sum.moved > 0 {
        text.push_str("nothing was moved: --yes moves them\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_filter_selects_is_summed_up_by_what_stands_in_the_way() {
        let mut sum = Sum {
            moved: 2,
            ..Sum::default()
        };
        sum.refused.insert("undo_changed".to_owned(), 1);
        let mut request = MoveRequest {
            version: 2,
            reason: String::new(),
            dry_run: true,
        };
        assert_eq!(
            summed(&sum, &request),
            "2 can go to version 2\n1 cannot: undo_changed\nnothing was moved: --yes moves them\n"
        );
        request.dry_run = false;
        assert_eq!(
            summed(&sum, &request),
            "2 went to version 2\n1 stayed: undo_changed\n"
        );
        assert!(parsed("definition=a&status=running").is_ok());
        assert!(matches!(parsed("definition"), Err(Fail::Usage(_))));
    }
}
