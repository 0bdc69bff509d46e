//! What `banyan dev` says in words: the steps with their switches, what moved, what is left.

use super::ledger::{Effect, State};
use super::leg::Leg;
use super::part::CallPart;
use super::plans::Casting;
use super::service::Backstage;
use crate::cli::Style;
use banyan_sdk::api::{Saga, SagaStatus, Step, StepKind, StepState, UndoState, WaitKind, Waiting};
use std::fmt::Write;

/// The steps that call, wait or run another saga, each with the switches that are on; those of
/// the children below.
pub(super) fn steps(backstage: &Backstage, style: Style) -> String {
    let plans = &backstage.plans;
    let mut text = String::new();
    if let Some(first) = plans.first() {
        text.push_str(&of_one(backstage, first, style));
    }
    for child in plans.children() {
        let file = child.file.as_deref().unwrap_or_default();
        let head = format!("{}@{}", style.strong(&child.name), child.version);
        let _ = writeln!(text, "{head} from {file}");
        text.push_str(&of_one(backstage, child, style));
    }
    text
}

fn of_one(backstage: &Backstage, casting: &Casting, style: Style) -> String {
    let plan = &casting.plan;
    let mut rows: Vec<[String; 3]> = Vec::new();
    for path in &plan.paths {
        let place = backstage.plans.place(casting, path);
        let [action, back] = if let Some(part) = plan.call(path) {
            roads(part)
        } else if let Some(part) = plan.wait(path) {
            [
                format!("waits for the signal {}", part.signal),
                String::new(),
            ]
        } else if let Some(part) = plan.run(path) {
            [format!("runs {}", part.run.name()), String::new()]
        } else {
            continue;
        };
        rows.push([place, action, back]);
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let (names, dos) = (width(0), width(1));
    let mut text = String::new();
    for [place, action, back] in &rows {
        let line = format!("  {place:names$}  {action:dos$}  {back}");
        let on = backstage.switches.of(place);
        let on: Vec<String> = on.iter().map(ToString::to_string).collect();
        let switches = if on.is_empty() {
            String::new()
        } else {
            format!("  {}", style.doubt(&format!("[{}]", on.join("; "))))
        };
        let _ = writeln!(text, "{}{switches}", line.trim_end());
    }
    text
}

/// What a step calls, and what takes it back or makes it firm.
fn roads(part: &CallPart) -> [String; 2] {
    let road = |wanted: Leg| {
        let mut roads = part.roads();
        roads.find(|(leg, _)| *leg == wanted).map(|(_, it)| it)
    };
    let when = if part.replies_within(Leg::Do).is_some() {
        ", replies later"
    } else if part.polls_within(Leg::Do).is_some() {
        ", decides later"
    } else {
        ""
    };
    let undo = road(Leg::Undo).map(|undo| format!("↩ {undo}"));
    let confirm = road(Leg::Confirm).map(|confirm| format!("confirm: {confirm}"));
    let back: Vec<String> = undo.into_iter().chain(confirm).collect();
    let action = road(Leg::Do).unwrap_or_default();
    [format!("{action}{when}"), back.join("  ")]
}

/// What the services hold of a saga, and what that comes to.
pub(super) fn ledger(effects: &[Effect], status: &SagaStatus, style: Style) -> String {
    let mut text = String::new();
    let width = |of: fn(&Effect) -> &str| {
        let cells = effects.iter().map(|effect| of(effect).chars().count());
        cells.max().unwrap_or(0)
    };
    let services = width(|effect| &effect.service);
    let steps = width(|effect| &effect.step);
    for effect in effects {
        let word = match effect.state {
            State::Happened => style.good("done"),
            State::Confirmed => style.good("done, confirmed"),
            State::Undone => style.back("done, undone"),
            State::Barred => style.faint("never done; its undo left a mark"),
            State::Refused => style.faint("refused, nothing done"),
        };
        let (service, step) = (&effect.service, &effect.step);
        let _ = writeln!(text, "  {service:services$}  {step:steps$}  {word}");
    }
    if !text.is_empty() {
        text.insert_str(0, "at the services:\n");
    }
    let left = left(effects).join(", ");
    let line = match (status, left.is_empty()) {
        (SagaStatus::Compensated, true) => style.good("nothing is left at any service"),
        (SagaStatus::Compensated, false) => style.bad(&format!("LEFT BEHIND: {left}")),
        (_, true) => "nothing is there".to_owned(),
        (SagaStatus::Completed, false) => format!("there to stay: {left}"),
        (_, false) => format!("there now: {left}"),
    };
    let _ = writeln!(text, "{line}");
    text
}

/// The steps whose effect is there and would have to be undone.
pub(super) fn left(effects: &[Effect]) -> Vec<String> {
    let there = effects.iter().filter(|effect| {
        matches!(effect.state, State::Happened | State::Confirmed) && !effect.needs_no_undo
    });
    there.map(|effect| effect.step.clone()).collect()
}

/// What happened between two looks at a saga, a line each.
pub(super) fn news(before: Option<&Saga>, now: &Saga) -> Vec<String> {
    let mut lines = Vec::new();
    let mut earlier = Vec::new();
    if let Some(before) = before {
        flatten(&before.steps, &mut earlier);
    }
    let mut steps = Vec::new();
    flatten(&now.steps, &mut steps);
    let known = |step: &Step| earlier.iter().find(|other| other.path == step.path);
    for step in &steps {
        if known(step).map(|other| &other.state) != Some(&step.state)
            && let Some(word) = forward(step)
        {
            lines.push(format!("{}: {word}", step.path));
        }
    }
    // Undos run backwards.
    for step in steps.iter().rev() {
        if known(step).map(|other| &other.undo.state) != Some(&step.undo.state)
            && let Some(word) = backward(step)
        {
            lines.push(format!("{}: {word}", step.path));
        }
    }
    let told = before.map_or(&[][..], |before| &before.waiting_on);
    // A call under way is no news: its answer is.
    let waits = now.waiting_on.iter();
    let is_news = |waiting: &&Waiting| !matches!(waiting.kind, WaitKind::Call | WaitKind::Child);
    for waiting in waits.filter(is_news) {
        if !told.iter().any(|other| other.message == waiting.message) {
            lines.push(format!("waits: {}", waiting.message));
        }
    }
    lines
}

fn flatten<'s>(steps: &'s [Step], all: &mut Vec<&'s Step>) {
    for step in steps {
        if step.kind != StepKind::Group {
            all.push(step);
        }
        flatten(&step.steps, all);
    }
}

fn forward(step: &Step) -> Option<String> {
    let error = step
        .error
        .as_ref()
        .map(|error| format!(": {}", error.message));
    let error = error.unwrap_or_default();
    match &step.state {
        StepState::Done => Some("✓ done".to_owned()),
        StepState::Skipped => Some("– skipped".to_owned()),
        StepState::Refused => Some(format!("✗ refused{error}")),
        StepState::NotSent => Some(format!("✗ not sent{error}")),
        StepState::Unknown => Some(format!("? unknown{error}")),
        StepState::Pending | StepState::Running | StepState::Other(_) => None,
    }
}

fn backward(step: &Step) -> Option<String> {
    match &step.undo.state {
        UndoState::Done => Some("↩ undone".to_owned()),
        UndoState::Stuck => Some("↩ stuck".to_owned()),
        _ => None,
    }
}

/// How the legs of a saga's steps stand.
pub(super) fn stand(saga: &Saga) -> Vec<[String; 3]> {
    let mut steps = Vec::new();
    flatten(&saga.steps, &mut steps);
    let legs = steps.iter().map(|step| {
        let confirm = step.confirm.as_ref();
        let confirm = confirm.map_or("", |confirm| confirm.state.as_str());
        [step.state.as_str(), step.undo.state.as_str(), confirm].map(str::to_owned)
    });
    legs.collect()
}
