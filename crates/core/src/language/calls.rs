//! Calls: a do with all that hangs on it, its check and its undo, with their defaults resolved.

use super::codes::Code;
use super::keys::Within;
use super::node::{Node, Value};
use super::read::{Fields, LONGEST, Reader, SHORTEST};
use super::retry::LegKind;
use super::values::{Scope, Use};
use crate::definition::{Call, Do, Kind, Method, OnRefused, OnUnknown, Step, Undo, UndoCall};
use crate::limits;
use crate::route::ON_END_NAME;
use crate::time::Duration;

/// Of one attempt where the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(10);
/// More than this is no attempt but a wait: limits.rs says why.
const TIMEOUT_MAX: Duration = Duration::from_millis(limits::TIMEOUT_MAX_MS);
/// Before the second look, where neither the file nor the server says otherwise.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How one leg reads its call.
#[derive(Clone, Copy)]
struct Form {
    what: &'static str,
    send: Scope,
    answer: Scope,
    leg: LegKind,
}

const DO: Form = Form {
    what: "`do`",
    send: Scope::DO,
    answer: Scope::DO_ANSWER,
    leg: LegKind::DoOrCheck,
};
const CHECK: Form = Form {
    what: "`check`",
    send: Scope::CHECK,
    answer: Scope::CHECK_ANSWER,
    leg: LegKind::DoOrCheck,
};
const UNDO: Form = Form {
    what: "`undo`",
    send: Scope::UNDO,
    answer: Scope::UNDO_ANSWER,
    leg: LegKind::Undo,
};
const UNDO_SIGNAL: Form = Form {
    what: "`undo`",
    send: Scope::UNDO_SIGNAL,
    answer: Scope::UNDO_ANSWER,
    leg: LegKind::Undo,
};

const CONFIRM: Form = Form {
    what: "`confirm`",
    send: Scope::CONFIRM,
    answer: Scope::CONFIRM_ANSWER,
    leg: LegKind::Confirm,
};

const END: Form = Form {
    what: "`on_end`",
    send: Scope::END,
    answer: Scope::END_ANSWER,
    leg: LegKind::End,
};

/// A call step as far as it could be read.
pub(crate) struct CallStep {
    /// What the step does; none after an error.
    pub(crate) action: Option<Do>,
    /// How it is taken back; none after an error.
    pub(crate) undo: Option<Undo>,
    /// Its second half; the inner one is none after an error.
    pub(crate) confirm: Option<Option<Call>>,
    /// What an unknown outcome leads to.
    pub(crate) on_unknown: OnUnknown,
}

impl Reader<'_> {
    /// A call step. `pivot` says that it is the point of no return.
    pub(crate) fn call_step(
        &mut self,
        fields: &Fields<'_>,
        target: &Node,
        pivot: bool,
    ) -> CallStep {
        let (method, mut call) = self.call(target, Some(fields), DO);
        let timeout = call.as_ref().map_or(TIMEOUT, |call| call.timeout);
        let once = match fields.get("once") {
            Some(node) => self.truth(node, "`once`").unwrap_or(false),
            None => false,
        };
        let mut check = fields
            .get("check")
            .map(|node| self.asked(node, Within::Check, CHECK));
        self.pending_of_do(
            fields,
            call.as_mut(),
            check.as_mut().and_then(Option::as_mut),
        );
        let (undo, uses) = match fields.get("undo") {
            Some(node) => self.undo(node, timeout, UNDO),
            None => (Some(Undo::Absent), Vec::new()),
        };
        let has_undo = match &undo {
            Some(Undo::Absent | Undo::None) => false,
            Some(Undo::Call(_) | Undo::Child) | None => true,
        };
        let confirm = fields
            .get("confirm")
            .map(|node| self.asked(node, Within::Confirm, CONFIRM));
        let on_unknown = self.on_unknown(fields, once || (pivot && !has_undo));
        self.undo_missing(fields, method, pivot);
        if on_unknown == OnUnknown::Undo && has_undo {
            self.undo_needs_result(&uses);
        }
        let action = match (call, check) {
            (Some(call), None) => Some(Do {
                call,
                once,
                check: None,
            }),
            (Some(call), Some(Some(check))) => Some(Do {
                call,
                once,
                check: Some(check),
            }),
            (None, _) | (Some(_), Some(None)) => None,
        };
        CallStep {
            action,
            undo,
            confirm,
            on_unknown,
        }
    }

    /// The undo of a wait: it takes back a signal, so `$result` is always known.
    pub(crate) fn undo_of_wait(&mut self, fields: &Fields<'_>, in_each: bool) -> Option<Undo> {
        let Some(entry) = fields.entry("undo") else {
            return Some(Undo::Absent);
        };
        if in_each {
            self.problems.add(
                Code::MisplacedKey,
                entry.place,
                "`undo` may not stand on a wait inside an `each`: its items wait for one name, and nobody could say whose signal came too late",
                "wait before the `each`, or after it",
            );
        }
        let never_sent = Duration::from_millis(0);
        self.undo(&entry.node, never_sent, UNDO_SIGNAL).0
    }

    /// One call: from its target and, in long form, the keys beside it.
    fn call(
        &mut self,
        target: &Node,
        fields: Option<&Fields<'_>>,
        form: Form,
    ) -> (Option<Method>, Option<Call>) {
        let errors = self.problems.count();
        let get = |name| fields.and_then(|fields| fields.get(name));
        let (method, target) = self.target(target, form.what, form.send);
        let body = get("body").map(|node| self.template(node, form.send));
        if let Some(fields) = fields {
            self.body_of_safe_method(fields, method);
        }
        let query = self.query(get("query"), form.send);
        let headers = self.headers(get("headers"), form.send);
        let timeout = get("timeout")
            .and_then(|node| self.duration(node, "`timeout`", (SHORTEST, TIMEOUT_MAX)))
            .unwrap_or(TIMEOUT);
        let retry = self.retry(get("retry"), form.leg);
        let sent = std::mem::take(&mut self.uses);
        let refused_when =
            get("refused_when").map(|node| self.expression(node, "`refused_when`", form.answer));
        self.uses = sent;
        let Some(target) = target else {
            return (method, None);
        };
        if matches!(body, Some(None)) || matches!(refused_when, Some(None)) {
            debug_assert!(self.problems.count() > errors);
            return (method, None);
        }
        let call = Call {
            method: target.method,
            service: target.service,
            path: target.path,
            body: body.flatten(),
            query,
            headers,
            timeout,
            retry,
            refused_when: refused_when.flatten(),
            // Of a do, its step says what is secret.
            secret: if form.what == DO.what {
                Vec::new()
            } else {
                self.secrets(get("secret"), &["body", "result"])
            },
            pending: None,
        };
        (method, Some(call))
    }

    fn body_of_safe_method(&mut self, fields: &Fields<'_>, method: Option<Method>) {
        if let (Some(method), Some(entry)) = (method, fields.entry("body"))
            && method.is_safe()
        {
            self.problems.add(
                Code::MisplacedKey,
                entry.place,
                format!(
                    "`body` may not stand beside {}: such a call carries none",
                    method.as_str()
                ),
                "send it under `query`, or use another method",
            );
        }
    }

    /// A check or a confirm, in short or long form.
    fn asked(&mut self, node: &Node, within: Within, form: Form) -> Option<Call> {
        match &node.value {
            Value::Map(_) => {
                let fields = self.fields(node, within)?;
                let Some(target) = fields.get("do") else {
                    self.missing(
                        "do",
                        node.place,
                        &format!(
                            "{} in long form begins with `do: METHOD service path`",
                            within.noun()
                        ),
                    );
                    return None;
                };
                let mut call = self.call(target, Some(&fields), form).1?;
                call.pending = match within {
                    Within::Check => self.pending_of_check(&fields),
                    _ => self.pending_of_leg(&fields, form.answer),
                };
                Some(call)
            }
            Value::Text(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                self.call(node, None, form).1
            }
        }
    }

    /// The call at the saga's end. Nothing is read after it: every step may be referred to.
    pub(crate) fn on_end(&mut self, node: &Node) -> Option<Step> {
        let call = match &node.value {
            Value::Map(_) => {
                let fields = self.fields(node, Within::OnEnd)?;
                let Some(target) = fields.get("do") else {
                    self.missing(
                        "do",
                        node.place,
                        "an `on_end` in long form begins with `do: POST service path`",
                    );
                    return None;
                };
                self.call(target, Some(&fields), END).1
            }
            Value::Text(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                self.call(node, None, END).1
            }
        };
        let action = Do {
            call: call?,
            once: false,
            check: None,
        };
        Some(Step {
            name: ON_END_NAME.to_owned(),
            path: ON_END_NAME.to_owned(),
            when: None,
            kind: Kind::Call(Box::new(action)),
            undo: Undo::None,
            confirm: None,
            pivot: false,
            after_pivot: self.after_pivot,
            on_refused: OnRefused::Continue,
            on_unknown: OnUnknown::Stuck,
            secret: Vec::new(),
        })
    }

    /// The undo, and the variables that what it sends reads.
    fn undo(&mut self, node: &Node, timeout: Duration, form: Form) -> (Option<Undo>, Vec<Use>) {
        self.uses.clear();
        let errors = self.problems.count();
        let undo = match &node.value {
            Value::Text(word) if word == "none" => return (Some(Undo::None), Vec::new()),
            Value::Map(_) => self.undo_long(node, timeout, form),
            Value::Text(_) => self.call(node, None, form).1.map(|call| UndoCall {
                repeatable: call.method.is_repeatable(),
                call,
                missing_ok: false,
                missing_when: None,
                look_again: Some(self.look_again_default(timeout)),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                self.wrong_type(
                    node,
                    "`undo` is a call in short or long form, or `none`",
                    "write `undo: DELETE stock /reservations/by-key/{$key}`, or `undo: none` to say that there is nothing to undo",
                );
                None
            }
        };
        let uses = std::mem::take(&mut self.uses);
        if let Some(undo) = &undo
            && self.problems.count() == errors
            && !uses
                .iter()
                .any(|used| matches!(used.name.as_str(), "key" | "result"))
        {
            self.problems.add(
                Code::UndoUnrelated,
                node.place,
                format!("this undo (`{} {}`) uses neither `$key` nor `$result`: it may undo another's effect", undo.call.method.as_str(), undo.call.path.source()),
                "name what it undoes by `$key`, the idempotency key of the do",
            );
        }
        (undo.map(|undo| Undo::Call(Box::new(undo))), uses)
    }

    fn undo_long(&mut self, node: &Node, timeout: Duration, form: Form) -> Option<UndoCall> {
        let fields = self.fields(node, Within::Undo)?;
        let Some(target) = fields.get("do") else {
            // An undo by `emit` was already reported.
            if fields.entry("emit").is_none() {
                self.missing(
                    "do",
                    node.place,
                    "an undo in long form begins with `do: METHOD service path`",
                );
            }
            return None;
        };
        let mut call = self.call(target, Some(&fields), form).1;
        let sent = std::mem::take(&mut self.uses);
        if let Some(node) = fields.get("missing") {
            self.choice(node, "`missing`", &["ok"]);
        }
        let missing_when = fields
            .get("missing_when")
            .map(|node| self.expression(node, "`missing_when`", Scope::UNDO_ANSWER));
        let repeatable = fields
            .get("repeatable")
            .and_then(|node| self.truth(node, "`repeatable`"));
        let look_again = match fields.get("look_again") {
            Some(node) => self.look_again(node, timeout),
            None => Some(self.look_again_default(timeout)),
        };
        let pending = self.pending_of_leg(&fields, form.answer);
        self.uses = sent;
        if let Some(call) = &mut call {
            call.pending = pending;
        }
        let call = call?;
        Some(UndoCall {
            missing_ok: fields.get("missing").is_some(),
            missing_when: missing_when.flatten(),
            repeatable: repeatable.unwrap_or(call.method.is_repeatable()),
            look_again,
            call,
        })
    }

    fn look_again(&mut self, node: &Node, timeout: Duration) -> Option<Duration> {
        if matches!(&node.value, Value::Text(word) if word == "never") {
            return None;
        }
        let said = self.duration(node, "`look_again`", (SHORTEST, LONGEST))?;
        if said < twice(timeout) {
            self.problems.add(
                Code::OutOfRange,
                node.place,
                format!("`look_again` is at least twice the do's timeout, which is {timeout}, and `{said}` is less"),
                format!("write at least `{}`: until then the do may still be travelling", twice(timeout)),
            );
        }
        Some(said)
    }

    fn look_again_default(&self, timeout: Duration) -> Duration {
        self.surroundings
            .look_again
            .unwrap_or(LOOK_AGAIN)
            .max(twice(timeout))
    }

    pub(crate) fn on_unknown(&mut self, fields: &Fields<'_>, unsettled: bool) -> OnUnknown {
        let default = if unsettled || self.after_pivot {
            OnUnknown::Stuck
        } else {
            OnUnknown::Undo
        };
        let Some(node) = fields.get("on_unknown") else {
            return default;
        };
        match self.choice(node, "`on_unknown`", &["undo", "stuck"]) {
            Some("undo") if self.after_pivot => {
                self.problems.add(
                    Code::OnUnknownAfterPivot,
                    node.place,
                    "`on_unknown: undo` may not stand after the pivot: from there a saga only goes forward",
                    "remove it, or write `stuck`",
                );
                OnUnknown::Stuck
            }
            Some("undo") => OnUnknown::Undo,
            Some(_) => OnUnknown::Stuck,
            None => default,
        }
    }

    fn undo_missing(&mut self, fields: &Fields<'_>, method: Option<Method>, pivot: bool) {
        let (Some(method), Some(entry)) = (method, fields.entry("do")) else {
            return;
        };
        if !method.is_safe() && !pivot && !self.after_pivot && fields.get("undo").is_none() {
            self.problems.add(
                Code::UndoMissing,
                entry.node.part(0, method.as_str().len()),
                format!("this {} may leave something behind, and the step has no `undo`", method.as_str()),
                "write the call that takes it back, or `undo: none` to say that there is nothing to undo",
            );
        }
    }

    fn undo_needs_result(&mut self, uses: &[Use]) {
        let needed = uses
            .iter()
            .find(|used| used.name == "result" && !used.guarded);
        if let Some(needed) = needed {
            self.problems.add(
                Code::UndoNeedsResult,
                needed.place,
                "this undo needs `$result`, which is null when the outcome of the do is unknown",
                "name what it undoes by `$key`, or write `on_unknown: stuck` so that a person settles it",
            );
        }
    }
}

fn twice(duration: Duration) -> Duration {
    Duration::from_millis(duration.millis().saturating_mul(2))
}
