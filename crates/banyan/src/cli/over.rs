//! A verb over every saga that `--where` selects: a preview first, and with `--yes` an operation
//! at the server, whose progress is shown until it is over. Ending this command does not end
//! the operation.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::operations;
use super::out::{print, print_json};
use super::table::{Rows, cut, plain};
use banyan_core::Json;
use banyan_core::saga::Status;
use banyan_sdk::Error;
use banyan_sdk::api::{Filter, OperationAnswer, OperationPreview, OperationRequest, Verb};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::fmt::Write;

/// Which sagas a verb is for, when it is not one.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Over {
    /// Every saga that this selects, as in the API's list: NAME=VALUE&NAME=VALUE; says what
    /// would happen
    #[arg(
        id = "filter",
        long = "where",
        value_name = "QUERY",
        group = "many",
        value_parser = selective
    )]
    filter: Option<Filter>,
    /// Every saga that there is, instead of --where
    #[arg(id = "all", long, group = "many", conflicts_with = "filter")]
    all: bool,
    /// Do it to what --where selects; without it only what would happen is said
    #[arg(long, requires = "many", conflicts_with = "dry_run")]
    yes: bool,
    /// Sagas a second, at most [default: 50]
    #[arg(long, value_name = "N", requires = "many", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    /// Exactly the sagas of this preview, leaving alone those that have changed since
    #[arg(long, value_name = "TOKEN", requires = "yes")]
    preview: Option<String>,
    /// By which the server knows this command again: the same one under the same key begins
    /// nothing twice [default: another each time]
    #[arg(long, value_name = "KEY", requires = "yes")]
    key: Option<String>,
}

impl Over {
    /// Many sagas are meant.
    pub(super) fn is_many(&self) -> bool {
        self.all || self.filter.is_some()
    }

    /// Only sagas of this status, unless the filter names one.
    pub(super) fn only(&self, status: Status) -> Over {
        let mut over = self.clone();
        let mut filter = over.filter.unwrap_or_default();
        if filter.status.is_empty() {
            filter.status.push(status);
        }
        over.all = false;
        over.filter = Some(filter);
        over
    }
}

/// A filter that selects something in particular.
fn selective(text: &str) -> Result<Filter, String> {
    let filter = super::filter::query(text)?;
    if filter.is_all() {
        return Err("it selects every saga: write NAME=VALUE, as in status=stuck, or give --all if that is meant".to_owned());
    }
    Ok(filter)
}

/// Previews the verb over what the filter selects, or does it.
pub(super) async fn run(
    context: &Context,
    verb: Verb,
    over: &Over,
    request: &impl Serialize,
) -> Result<Exit, Fail> {
    let client = context.client()?;
    let wanted = operation(verb, over, request)?;
    let drawn = || format!("cli-{:032x}", rand::random::<u128>());
    let key = over.key.clone().unwrap_or_else(drawn);
    let answer = client.begin_operation(&wanted, &key).await;
    match answer.inspect_err(|error| tell_key(error, over, &key))? {
        OperationAnswer::Preview(preview) => {
            if context.json() {
                print_json(&preview)?;
            } else {
                print(&told(context, &preview));
            }
            Ok(Exit::Well)
        }
        OperationAnswer::Begun(begun) => operations::follow(context, &client, *begun).await,
    }
}

/// Where nobody knows whether the operation has begun: how it is not begun twice.
fn tell_key(error: &Error, over: &Over, key: &str) {
    if over.yes && matches!(error, Error::Lost { .. }) {
        eprintln!("it may have begun: with --key {key} the same command begins nothing twice");
    }
}

/// The operation that is asked for: what the verb takes, and which sagas.
fn operation(verb: Verb, over: &Over, request: &impl Serialize) -> Result<OperationRequest, Fail> {
    let unwritable = |error: serde_json::Error| Fail::Here(error.to_string());
    let mut wanted = serde_json::to_value(request).map_err(unwritable)?;
    wanted["verb"] = json!(verb);
    let filter = over.filter.as_ref().map(Filter::object);
    wanted["filter"] = Json::Object(filter.unwrap_or_default());
    wanted["all"] = json!(over.all);
    wanted["dry_run"] = json!(!over.yes);
    let mut wanted: OperationRequest = serde_json::from_value(wanted).map_err(unwritable)?;
    wanted.rate = over.rate;
    wanted.preview.clone_from(&over.preview);
    Ok(wanted)
}

/// A preview as a person reads it. Writing into a String cannot fail.
fn told(context: &Context, preview: &OperationPreview) -> String {
    let style = context.style;
    let verb = preview.verb.as_str();
    let mut counts = Rows::new(style, &["SAGAS", "DEFINITION", "STATUS"]);
    for one in &preview.counts {
        counts.push([
            plain(one.sagas),
            plain(&one.definition),
            plain(one.status.as_str()),
        ]);
    }
    let mut text = counts.text("nothing");
    let asked = if preview.looked_at == preview.selected {
        String::new()
    } else {
        format!(" of the {} that were asked", preview.looked_at)
    };
    let _ = writeln!(text, "\n{} would take {verb}{asked}", preview.allowed);
    for one in &preview.refused {
        let _ = writeln!(
            text,
            "{} would not: {} ({})",
            one.sagas, one.code, one.message
        );
    }
    let mut sample = Rows::new(style, &["FOR EXAMPLE", "NOW", "THEN", "CALLS"]);
    for one in &preview.sample {
        let call = |call: &banyan_sdk::api::Planned| {
            format!("{} {} {}", call.method, call.service, call.target)
        };
        let calls: Vec<String> = one.calls.iter().map(call).collect();
        let calls = one.message.clone().unwrap_or_else(|| calls.join(", "));
        sample.push([
            plain(format!("{}/{}", one.definition, one.key)),
            plain(one.before.as_str()),
            plain(
                one.after
                    .as_ref()
                    .map_or("as it is", |after| after.as_str()),
            ),
            plain(cut(&calls, 100)),
        ]);
    }
    let _ = write!(text, "\n{}", sample.text(""));
    let _ = writeln!(
        text,
        "\nnothing was changed: --yes does it; --yes --preview {} does it to exactly these, as they are",
        preview.preview
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use banyan_sdk::api::RetryRequest;

    #[test]
    fn a_query_becomes_the_filter_of_an_operation_with_what_the_verb_takes() {
        let retry = RetryRequest {
            step: Some("payment".to_owned()),
            reason: "because".to_owned(),
            ..RetryRequest::default()
        };
        let over = Over {
            filter: Some(
                selective("status=stuck&code=refused&code=undo_refused&key=a%26b").unwrap(),
            ),
            rate: Some(9),
            ..Over::default()
        };
        let wanted = operation(Verb::Retry, &over, &retry).unwrap();
        assert_eq!(
            wanted.filter,
            json!({ "status": "stuck", "code": ["refused", "undo_refused"], "key": "a&b" })
        );
        assert!(wanted.dry_run && !wanted.all);
        assert_eq!(
            (wanted.step.as_deref(), wanted.rate),
            (Some("payment"), Some(9))
        );
        for query in ["", "&", "status", "stauts=stuck", "status=odd"] {
            assert!(selective(query).is_err(), "{query}");
        }
        let all = Over {
            all: true,
            ..Over::default()
        };
        let wanted = operation(Verb::Retry, &all, &retry).unwrap();
        assert_eq!((wanted.filter, wanted.all), (json!({}), true));
        let running = all.only(Status::Running);
        let wanted = operation(Verb::Retry, &running, &retry).unwrap();
        assert_eq!(
            (wanted.filter, wanted.all),
            (json!({"status": "running"}), false)
        );
    }
}
