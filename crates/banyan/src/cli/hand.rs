//! What somebody needs next who looks at a stuck saga: the page about it, the key by which its
//! service knows the call, and the commands that look and preview, ready to be typed.

use super::context::{Context, DEFAULT_SERVER};
use banyan_sdk::api::{LegName, Saga, Step, Stuck, Verb};

/// The lines below the tree of a stuck saga; empty for every other one.
pub(super) fn lines(saga: &Saga, context: &Context) -> String {
    let server = context.named_server().unwrap_or(DEFAULT_SERVER);
    let text = told(saga, server.trim_end_matches('/'));
    text.lines()
        .map(|line| format!("{}\n", context.style.faint(line)))
        .collect()
}

fn told(saga: &Saga, server: &str) -> String {
    let Some(stuck) = &saga.stuck else {
        return String::new();
    };
    let name = named(saga);
    let Stuck {
        step, leg, code, ..
    } = stuck;
    let mut text = format!("  what to do: {server}/runbook/{code}\n");
    if let Some((service, key)) = find(saga, step).and_then(known_by) {
        text.push_str(&format!(
            "  {service} knows the do of {step} by its key: {key}\n"
        ));
    }
    let path = quoted(step);
    text.push_str(&format!(
        "  what was said:  banyan attempts {name} --step {path}\n"
    ));
    if stuck.verbs.contains(&Verb::Retry) {
        text.push_str(&format!(
            "  to try again:   banyan retry {name} --dry-run\n"
        ));
    }
    if stuck.verbs.contains(&Verb::Settle) {
        // A check is settled by what became of its do.
        let leg = if *leg == LegName::Check {
            "do"
        } else {
            leg.as_str()
        };
        text.push_str(&format!(
            "  if it is done:  banyan settle {name} {path} {leg} done --evidence HOW --dry-run\n"
        ));
    }
    text
}

fn known_by(step: &Step) -> Option<(&str, &str)> {
    Some((step.service.as_deref()?, step.idempotency_key.as_deref()?))
}

fn find<'a>(saga: &'a Saga, path: &str) -> Option<&'a Step> {
    let mut open: Vec<&Step> = saga.steps.iter().chain(&saga.on_end).collect();
    while let Some(step) = open.pop() {
        if step.path == path {
            return Some(step);
        }
        open.extend(&step.steps);
    }
    None
}

/// How a person names it on the command line: by its key where a shell takes that as it stands.
pub(super) fn named(saga: &Saga) -> String {
    if is_plain(&saga.key) {
        format!("{}/{}", saga.definition, saga.key)
    } else {
        saga.id.to_string()
    }
}

/// A step's path as a shell takes it: `lines[3]` would be a pattern.
fn quoted(path: &str) -> String {
    if is_plain(path) {
        path.to_owned()
    } else {
        format!("'{path}'")
    }
}

fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@+,/".contains(&byte);
    text.bytes().all(plain)
}
