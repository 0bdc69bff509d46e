//! A step taken apart: each part with a stable name, words for it, and its value as JSON.
//!
//! Every type is taken apart by its fields' names, so that a field that is added must be told
//! here too.

use crate::Json;
use crate::definition::{
    Call, Do, Each, Group, Kind, OnRefused, OnTurnBack, OnUnknown, Pending, Retry, Run, Sleep,
    Step, Undo, UndoCall, Wait,
};
use crate::expr::{Expr, Template, Text};
use crate::secret::SecretPath;

/// One part.
pub(super) struct Part {
    /// A stable name: `undo.path`.
    pub(super) what: String,
    /// In words: `the undo's path`.
    pub(super) phrase: String,
    /// Null when there is none.
    pub(super) value: Json,
    /// What is said when it holds now, and when it holds no longer.
    pub(super) flag: Option<(&'static str, &'static str)>,
}

/// A leg of a step, other than its do.
pub(super) enum Leg {
    /// There is none.
    Absent,
    /// The file says that there is none.
    Named(&'static str),
    /// A call in short, and its parts.
    Call(String, Vec<Part>),
}

impl Leg {
    /// In short, null when there is none.
    pub(super) fn summary(&self) -> Json {
        match self {
            Leg::Absent => Json::Null,
            Leg::Named(word) => (*word).into(),
            Leg::Call(short, _) => short.as_str().into(),
        }
    }
}

/// What a step is, in words.
pub(super) fn kind_of(step: &Step) -> &'static str {
    match &step.kind {
        Kind::Call(_) => "a call",
        Kind::Wait(_) => "a wait",
        Kind::Sleep(Sleep::For(_)) => "a sleep",
        Kind::Sleep(Sleep::Until(_)) => "an until",
        Kind::Set(_) => "a set",
        Kind::Refuse(_) => "a refuse",
        Kind::Run(_) => "a child",
        Kind::Group(group) if group.parallel => "a group side by side",
        Kind::Group(_) => "a sequence",
        Kind::Each(each) => match &each.body.kind {
            Kind::Group(_) => "an each with steps",
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Each(_)
            | Kind::Run(_) => "an each with a call",
        },
    }
}

/// Paths as the file writes them, null when there are none.
pub(super) fn secrets(paths: &[SecretPath]) -> Json {
    if paths.is_empty() {
        return Json::Null;
    }
    paths.iter().cloned().map(String::from).collect()
}

/// The parts that a step of any kind has.
pub(super) fn common(step: &Step) -> Vec<Part> {
    let Step {
        name: _,
        path: _,
        when,
        kind: _,
        undo: _,
        confirm: _,
        pivot,
        after_pivot: _,
        on_refused,
        on_unknown,
        secret,
    } = step;
    vec![
        part("when", "its condition", expression(when.as_ref())),
        flag(
            "pivot",
            *pivot,
            ("it is the pivot now", "it is no longer the pivot"),
        ),
        flag(
            "on_refused",
            match on_refused {
                OnRefused::Continue => true,
                OnRefused::TurnBack => false,
            },
            (
                "a refusal is passed over now",
                "a refusal turns the saga back now",
            ),
        ),
        flag(
            "on_unknown",
            match on_unknown {
                OnUnknown::Stuck => true,
                OnUnknown::Undo => false,
            },
            (
                "an unknown outcome waits for a person now",
                "an unknown outcome is undone now",
            ),
        ),
        part("secret", "what is secret of it", secrets(secret)),
    ]
}

/// The parts of what a step does, for two steps of the same kind.
pub(super) fn of_kind(step: &Step) -> Vec<Part> {
    match &step.kind {
        Kind::Call(action) => {
            let Do {
                call,
                once,
                check: _,
            } = action.as_ref();
            let mut parts = of_call("do", call);
            let said = ("it is sent once only now", "it is no longer sent once only");
            parts.push(flag("once", *once, said));
            parts
        }
        Kind::Wait(wait) => {
            let Wait {
                signal,
                accepts: _,
                within,
                refused_when,
            } = wait;
            vec![
                part("wait", "its signal", signal.as_str().into()),
                part("for", "how long it waits", within.to_string().into()),
                part(
                    "refused_when",
                    "when the signal means no",
                    expression(refused_when.as_ref()),
                ),
            ]
        }
        Kind::Sleep(Sleep::For(time)) => {
            vec![part("sleep", "how long it sleeps", time.to_string().into())]
        }
        Kind::Sleep(Sleep::Until(moment)) => {
            vec![part("until", "its moment", expression(Some(moment)))]
        }
        Kind::Set(value) => vec![part("set", "its value", template(Some(value)))],
        Kind::Refuse(message) => vec![part("refuse", "its message", template(Some(message)))],
        Kind::Run(run) => of_run(run),
        Kind::Group(Group {
            parallel: _,
            steps: _,
        }) => Vec::new(),
        Kind::Each(each) => {
            let Each {
                items,
                item,
                limit,
                body: _,
            } = each.as_ref();
            vec![
                part("each", "its list", expression(Some(items))),
                part("as", "its item's name", item.as_str().into()),
                part("limit", "how many items at once", (*limit).into()),
            ]
        }
    }
}

/// The parts of a child.
fn of_run(run: &Run) -> Vec<Part> {
    let Run {
        saga: _,
        version: _,
        input,
        refused_when,
    } = run;
    vec![
        part("run", "the saga that it runs", run.name().into()),
        part("input", "its input", template(input.as_ref())),
        part(
            "refused_when",
            "when its output means no",
            expression(refused_when.as_ref()),
        ),
    ]
}

/// The legs beside the do, the same ones in the same order for every step.
pub(super) fn legs(step: &Step) -> [(&'static str, Leg); 3] {
    let check = match &step.kind {
        Kind::Call(action) => match &action.check {
            Some(call) => Leg::Call(short(call), of_call("check", call)),
            None => Leg::Absent,
        },
        Kind::Wait(_)
        | Kind::Sleep(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Group(_)
        | Kind::Each(_)
        | Kind::Run(_) => Leg::Absent,
    };
    let undo = match &step.undo {
        Undo::Absent | Undo::Child => Leg::Absent,
        Undo::None => Leg::Named("none"),
        Undo::Call(undo) => Leg::Call(short(&undo.call), of_undo(undo)),
    };
    let confirm = match &step.confirm {
        None => Leg::Absent,
        Some(call) => Leg::Call(short(call), of_call("confirm", call)),
    };
    [("check", check), ("undo", undo), ("confirm", confirm)]
}

fn of_undo(undo: &UndoCall) -> Vec<Part> {
    let UndoCall {
        call,
        missing_ok,
        missing_when,
        repeatable,
        look_again,
    } = undo;
    let mut parts = of_call("undo", call);
    let again = match look_again {
        Some(time) => time.to_string(),
        None => "never".to_owned(),
    };
    parts.extend([
        flag(
            "undo.missing",
            *missing_ok,
            (
                "the undo takes not found as final now",
                "the undo no longer takes not found as final",
            ),
        ),
        part(
            "undo.missing_when",
            "which answers mean not found",
            expression(missing_when.as_ref()),
        ),
        flag(
            "undo.repeatable",
            *repeatable,
            (
                "the undo is repeatable now",
                "the undo is no longer repeatable",
            ),
        ),
        part("undo.look_again", "the undo's second look", again.into()),
    ]);
    parts
}

fn of_call(leg: &str, call: &Call) -> Vec<Part> {
    let Call {
        method,
        service,
        path,
        body,
        query,
        headers,
        timeout,
        retry,
        refused_when,
        secret,
        pending,
    } = call;
    let own = |key: &str, value: Json| Part {
        what: format!("{leg}.{key}"),
        phrase: format!("the {leg}'s {key}"),
        value,
        flag: None,
    };
    let mut parts = vec![
        own("method", method.as_str().into()),
        own("service", service.as_str().into()),
        own("path", path.source().into()),
        own("body", template(body.as_ref())),
    ];
    for (kind, texts) in [("query", query), ("headers", headers)] {
        parts.extend(
            texts
                .iter()
                .map(|(name, text)| own(&format!("{kind}.{name}"), source(text))),
        );
    }
    let Retry {
        attempts,
        first,
        factor_milli,
        max,
    } = retry;
    let attempts = attempts.map_or_else(|| "forever".into(), Json::from);
    parts.extend([
        own("timeout", timeout.to_string().into()),
        own("retry.attempts", attempts),
        own("retry.first", first.to_string().into()),
        own("retry.factor", factor(*factor_milli)),
        own("retry.max", max.to_string().into()),
        own("refused_when", expression(refused_when.as_ref())),
        own("secret", secrets(secret)),
    ]);
    parts.extend(of_pending(leg, pending.as_deref()));
    parts
}

/// The same parts whether or not an answer may be undecided.
fn of_pending(leg: &str, pending: Option<&Pending>) -> Vec<Part> {
    let own = |key: &str, words: &str, value: Json| Part {
        what: format!("{leg}.{key}"),
        phrase: format!("the {leg}'s {words}"),
        value,
        flag: None,
    };
    let Some(pending) = pending else {
        let keys = ["reply", "pending_when", "every", "for", "on_turn_back"];
        return keys.map(|key| own(key, key, Json::Null)).into();
    };
    let Pending {
        reply,
        when,
        every,
        within,
        on_turn_back,
    } = pending;
    let reply = if *reply { "later".into() } else { Json::Null };
    let turned = match on_turn_back {
        OnTurnBack::Wait => "wait",
        OnTurnBack::GiveUp => "give_up",
    };
    vec![
        own("reply", "reply", reply),
        own("pending_when", "pending_when", expression(when.as_ref())),
        own("every", "every", every.to_string().into()),
        own("for", "for", within.to_string().into()),
        own("on_turn_back", "on_turn_back", turned.into()),
    ]
}

/// A factor as a file writes it.
fn factor(milli: u32) -> Json {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

fn short(call: &Call) -> String {
    format!(
        "{} {} {}",
        call.method.as_str(),
        call.service,
        call.path.source()
    )
}

fn part(what: &str, phrase: &str, value: Json) -> Part {
    Part {
        what: what.to_owned(),
        phrase: phrase.to_owned(),
        value,
        flag: None,
    }
}

fn flag(what: &str, value: bool, said: (&'static str, &'static str)) -> Part {
    Part {
        flag: Some(said),
        ..part(what, "", value.into())
    }
}

fn expression(expr: Option<&Expr>) -> Json {
    expr.map_or(Json::Null, |expr| expr.source().into())
}

fn source(text: &Text) -> Json {
    text.source().into()
}

fn template(template: Option<&Template>) -> Json {
    template.map_or(Json::Null, |template| template.clone().into())
}
