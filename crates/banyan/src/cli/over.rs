//! A verb over every saga that `--where` selects: a preview first, and with `--yes` an operation
//! at the server, whose progress is shown until it is over. Ending this command does not end
//! the operation.

use super::context::Context;
use super::fail::{Exit, Fail};
use super::operations;
use super::out::{print, print_json};
use super::table::{Rows, cut, plain};
use banyan_core::Json;
use banyan_sdk::api::{OperationAnswer, OperationPreview, OperationRequest, Verb};
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
        conflicts_with_all = ["if_seq", "wait"]
    )]
    pub(super) filter: Option<String>,
    /// Do it to what --where selects; without it only what would happen is said
    #[arg(long, requires = "filter", conflicts_with_all = ["dry_run", "saga"])]
    yes: bool,
    /// Sagas a second, at most [default: 50]
    #[arg(long, value_name = "N", requires = "filter", conflicts_with = "saga", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    /// Exactly the sagas of this preview, leaving alone those that have changed since
    #[arg(long, value_name = "TOKEN", requires = "yes")]
    preview: Option<String>,
}

/// Previews the verb over what the filter selects, or does it.
pub(super) async fn run(
    context: &Context,
    verb: Verb,
    over: &Over,
    query: &str,
    request: &impl Serialize,
) -> Result<Exit, Fail> {
    let client = context.client()?;
    let wanted = operation(verb, over, query, request)?;
    match client.begin_operation(&wanted).await? {
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

/// The operation that is asked for: what the verb takes, and which sagas.
fn operation(
    verb: Verb,
    over: &Over,
    query: &str,
    request: &impl Serialize,
) -> Result<OperationRequest, Fail> {
    let unwritable = |error: serde_json::Error| Fail::Here(error.to_string());
    let mut wanted = serde_json::to_value(request).map_err(unwritable)?;
    wanted["verb"] = json!(verb);
    wanted["filter"] = filter(query)?;
    wanted["dry_run"] = json!(!over.yes);
    let mut wanted: OperationRequest = serde_json::from_value(wanted).map_err(unwritable)?;
    wanted.rate = over.rate;
    wanted.preview.clone_from(&over.preview);
    Ok(wanted)
}

/// The filter of a body out of a query. The server says which keys there are.
fn filter(query: &str) -> Result<Json, Fail> {
    let mut filter = serde_json::Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Fail::Usage(format!(
                "{pair:?} is no filter: write NAME=VALUE, as in status=stuck&code=undo_refused"
            )));
        };
        let values = filter.entry(name).or_insert_with(|| json!([]));
        if let Json::Array(values) = values {
            values.push(json!(value));
        }
    }
    if filter.is_empty() {
        return Err(Fail::Usage(
            "--where selects nothing in particular: write NAME=VALUE, as in status=stuck"
                .to_owned(),
        ));
    }
    Ok(Json::Object(filter))
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
        let query = "status=stuck&code=a&code=b";
        let over = Over {
            rate: Some(9),
            ..Over::default()
        };
        let wanted = operation(Verb::Retry, &over, query, &retry).unwrap();
        assert_eq!(
            wanted.filter,
            json!({ "status": ["stuck"], "code": ["a", "b"] })
        );
        assert!(wanted.dry_run);
        assert_eq!(
            (wanted.step.as_deref(), wanted.rate),
            (Some("payment"), Some(9))
        );
        for query in ["", "&", "status"] {
            let error = operation(Verb::Retry, &over, query, &retry).unwrap_err();
            assert!(matches!(error, Fail::Usage(_)), "{query}");
        }
    }
}
