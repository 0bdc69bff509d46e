//! What a verb would do, told to a person: every record in words, every call as it would leave,
//! what nothing takes back, and the saga as it would then be. It only tells; the server decided.

use super::style::Style;
use super::table::cut;
use banyan_core::Json;
use banyan_core::json::canonical;
use banyan_sdk::api::{JournalEntry, Planned, Preview};
use std::fmt::Write;

/// Characters of a body or an evidence before it is cut; `--json` has all of it.
const LONGEST: usize = 400;

/// The preview as text. Writing into a String cannot fail.
pub(super) fn told(preview: &Preview, style: Style) -> String {
    let mut text = String::new();
    let verb = &preview.verb;
    let dry = format!("{verb}, a dry run: nothing was changed");
    let _ = writeln!(text, "{}", style.strong(&dry));
    let (before, after) = (preview.before.as_str(), preview.after.as_str());
    let _ = writeln!(
        text,
        "status: {} → {}",
        style.status(before),
        style.status(after)
    );
    text.push_str("\nwritten at once:\n");
    for entry in &preview.records {
        let _ = writeln!(text, "  {} {}", entry.seq, words(entry));
    }
    calls(preview, style, &mut text);
    if !preview.without_undo.is_empty() {
        let paths = preview.without_undo.join(", ");
        let _ = writeln!(text, "\n{} {paths}", style.bad("nothing takes back:"));
    }
    text.push_str("\nthe saga right after:\n");
    for line in super::draw(&preview.saga, style).lines() {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(
        text,
        "\nto do exactly this: the same command with --if-seq {} instead of --dry-run",
        seen(preview)
    );
    text
}

/// The number of the last record that the preview is of.
pub(super) fn seen(preview: &Preview) -> u64 {
    let first = preview.records.first().map(|entry| entry.seq);
    first.map_or(preview.saga.seq, |first| first.saturating_sub(1))
}

fn calls(preview: &Preview, style: Style, text: &mut String) {
    if preview.calls.is_empty() {
        let more = if preview.more {
            "no call leaves at once; what comes later hangs on what is answered meanwhile"
        } else {
            "no call leaves"
        };
        let _ = writeln!(text, "\n{more}");
        return;
    }
    text.push_str("\ncalls, in this order:\n");
    for (place, call) in preview.calls.iter().enumerate() {
        let Planned {
            step,
            leg,
            service,
            method,
            target,
            idempotency_key,
            body,
        } = call;
        let number = place + 1;
        let line = format!("{method} {service} {target}");
        let _ = writeln!(text, "  {number}. {step} ({leg}): {}", style.strong(&line));
        let _ = writeln!(text, "     Idempotency-Key: {idempotency_key}");
        if !body.is_null() {
            let _ = writeln!(text, "     {}", cut(&canonical(body), LONGEST));
        }
    }
    if preview.more {
        text.push_str("  what comes after these hangs on what is answered\n");
    }
}

/// A record in words. One of a kind that is not known here is shown as it came.
pub(super) fn words(entry: &JournalEntry) -> String {
    let data = &entry.data;
    let text = |name: &str| data[name].as_str().unwrap_or_default();
    let leg = || leg_of(data);
    let why = || match text("reason") {
        super::verbs::NO_REASON => String::new(),
        reason => format!(", since {reason:?}"),
    };
    match entry.kind.as_str() {
        "cancel_requested" => format!("somebody asks to cancel{}", why()),
        "retried" => retried(data) + &why(),
        "settled" => {
            let what = match text("settlement") {
                "done" => "happened",
                _ => "did not happen",
            };
            let evidence = cut(text("evidence"), LONGEST);
            format!("{} {what} ({evidence}){}", leg(), why())
        }
        "abandoned" => format!("it is given up{}", why()),
        "noted" => noted(data),
        "turned_back" => {
            let step = data["step"].as_str().map(|step| format!(" at {step}"));
            let message = data["failure"]["message"].as_str().unwrap_or_default();
            let code = text("code");
            format!(
                "it turns back: {code}{}: {message}",
                step.unwrap_or_default()
            )
        }
        "attempt_started" => format!("attempt {} of {} begins", data["attempt"], leg()),
        "step_started" => format!("{} begins", text("step")),
        "each_started" => format!("{} begins", text("step")),
        "step_skipped" => format!("{} is skipped: its `when` is false", text("step")),
        "step_ended" => format!("{} ends: {}", text("step"), plain(text("outcome"))),
        "check_begun" => format!("the check of {} is asked", text("step")),
        "leg_stuck" => format!("{} is stuck: {}: {}", leg(), text("code"), text("message")),
        "parked" => {
            let cause = data["cause"]["message"].as_str().unwrap_or_default();
            format!("{} waits for its road: {cause}", leg())
        }
        "child_started" => format!("{} starts its child {}", text("step"), text("definition")),
        "child_ordered" => format!("the child of {} is told to {}", text("step"), text("order")),
        "reopened" => format!("it is opened again, for {}", text("step")),
        "lock_taken" => "it takes its lock".to_owned(),
        "completed" => "it is completed".to_owned(),
        "compensated" => "it is compensated: whatever may have happened is undone".to_owned(),
        other if data.is_null() => plain(other),
        other => format!("{} {}", plain(other), cut(&canonical(data), LONGEST)),
    }
}

/// The leg that a record is about: `the undo of payment`, and the step alone for its do.
fn leg_of(data: &Json) -> String {
    let step = data["step"].as_str().unwrap_or_default();
    match data["leg"].as_str() {
        Some(leg) => format!("the {leg} of {step}"),
        None => step.to_owned(),
    }
}

fn retried(data: &Json) -> String {
    let key = if data["fresh"] == true {
        "under a fresh key"
    } else {
        "under the key it has"
    };
    let body = if data["body"].is_null() {
        ""
    } else {
        ", with another body"
    };
    format!("{} is tried again {key}{body}", leg_of(data))
}

fn noted(data: &Json) -> String {
    let text = data["text"]
        .as_str()
        .map(|text| format!("it is noted: {:?}", cut(text, LONGEST)));
    let owner = data["owner"].as_str().map(|owner| match owner {
        "" => "nobody looks after it any more".to_owned(),
        owner => format!("{owner} looks after it"),
    });
    let both: Vec<String> = text.into_iter().chain(owner).collect();
    both.join("; ")
}

/// A word of the API as people write it.
fn plain(word: &str) -> String {
    word.replace('_', " ")
}
