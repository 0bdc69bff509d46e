//! The way forward: the tasks of each kind of step, and how a result reaches `$context`.

use super::calls::{Leg, REFUSED, caught, duration, has_status};
use super::jq::{self, member};
use super::{Lowering, Task, list, name_of};
use crate::Json;
use crate::definition::{Do, Group, Kind, OnRefused, Run, Sleep, Step, Undo, Wait};
use crate::expr::{Expr, Template};
use serde_json::json;

/// The error of an answer that means no.
const REFUSED_TYPE: &str = "banyan://errors/refused";
/// The error with which a saga turns back once its undo is done.
const TURNED_BACK_TYPE: &str = "banyan://errors/turned_back";

/// Raises what was caught, once it was dealt with.
pub(super) fn raise_again(of: &str) -> Task {
    let detail = jq::wrap("$error.detail // $error.type");
    let error = json!({ "type": TURNED_BACK_TYPE, "status": 500, "detail": detail });
    (
        format!("{of}-turns-back"),
        json!({ "raise": { "error": error } }),
    )
}

/// Adds one member to the context.
pub(super) fn export(name: &str, value: &str) -> Json {
    let name = Json::from(name);
    json!({ "as": jq::wrap(&format!("$context + {{{name}: {value}}}")) })
}

/// Sets a value as a step's result. Only an object can be set there; any other value is set
/// as a member and taken out again.
pub(super) fn set_value(name: &str, value: Json) -> Json {
    let mut task = if value.as_object().is_some_and(|members| !members.is_empty()) {
        json!({ "set": value })
    } else {
        json!({ "set": { "value": value }, "output": { "as": jq::wrap(".value") } })
    };
    task["export"] = export(name, ".");
    task
}

/// Where a step's do may have happened though no answer said so.
pub(super) fn in_doubt(step: &Step) -> String {
    format!("{}-in-doubt", step.name)
}

impl Lowering {
    /// The idempotency key of a leg, as a jq text.
    pub(super) fn key(&self, step: &Step, leg: &str) -> String {
        let places = self.places.iter().map(|place| format!("-\\({place})"));
        let places: String = places.collect();
        format!("\"\\($workflow.id)-{}{places}{leg}\"", step.name)
    }

    /// A group's result: an object of its parts' results.
    pub(super) fn group_result(&self, group: &Step) -> Task {
        let value: Json = match &group.kind {
            Kind::Group(parts) => parts
                .steps
                .iter()
                .map(|part| {
                    (
                        part.name.clone(),
                        jq::wrap(&member(&self.results, &part.name)),
                    )
                })
                .collect::<serde_json::Map<String, Json>>()
                .into(),
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Each(_)
            | Kind::Run(_) => Json::Null,
        };
        (
            format!("{}-result", group.name),
            set_value(&group.name, value),
        )
    }

    /// The tasks of a step. A step with `when` stands within one more task, so that nothing
    /// is exported when it is skipped.
    pub(super) fn step(&self, step: &Step) -> Vec<Task> {
        let tasks = self.body(step);
        match &step.when {
            None => tasks,
            Some(when) => {
                let task = json!({ "if": self.names.expression(when), "do": list(tasks) });
                vec![(format!("{}-when", step.name), task)]
            }
        }
    }

    fn body(&self, step: &Step) -> Vec<Task> {
        match &step.kind {
            Kind::Call(action) => vec![self.call(step, action)],
            Kind::Wait(wait) => vec![self.wait(step, wait)],
            Kind::Sleep(sleep) => vec![self.sleep(step, sleep)],
            Kind::Set(value) => vec![self.set(step, value)],
            Kind::Refuse(message) => vec![self.refuse(step, message)],
            Kind::Group(group) if group.parallel => self.together(step, group),
            Kind::Group(group) => {
                let mut tasks: Vec<Task> = group
                    .steps
                    .iter()
                    .flat_map(|part| self.step(part))
                    .collect();
                tasks.push(self.group_result(step));
                tasks
            }
            Kind::Run(run) => vec![self.run(step, run)],
            Kind::Each(each) => self.each(step, each),
        }
    }

    fn call(&self, step: &Step, action: &Do) -> Task {
        let refused = action.call.refused_when.as_ref();
        let whole = refused.is_some_and(|refused| reads(refused, "http"));
        let leg = Leg {
            task: format!("{}-call", step.name),
            names: self.names.with("key", self.key(step, "")),
            key: self.key(step, ""),
            whole,
            call: &action.call,
        };
        let sent = if action.once { leg.once() } else { leg.task() };
        let mut tasks = vec![sent];
        tasks.extend(refused.map(|refused| self.refusal(step, refused, whole)));
        let result = if whole { ".content" } else { "." };
        self.settled(step, tasks, result)
    }

    fn wait(&self, step: &Step, wait: &Wait) -> Task {
        let from = json!({ "type": wait.signal, "subject": jq::wrap("$workflow.id") });
        let listen = json!({
            "listen": { "to": { "one": { "with": from } }, "read": "data" },
            "output": { "as": jq::wrap(".[0]") },
            "timeout": { "after": duration(wait.within) },
        });
        let mut tasks = vec![(format!("{}-signal", step.name), listen)];
        let refused = wait.refused_when.as_ref();
        tasks.extend(refused.map(|refused| self.refusal(step, refused, false)));
        self.settled(step, tasks, ".")
    }

    /// A child is a workflow of its own; its output is the result.
    fn run(&self, step: &Step, run: &Run) -> Task {
        let version = run.version.map(|version| format!("{version}.0.0"));
        let input = run.input.as_ref();
        let input = input.map_or(Json::Null, |input| self.names.value(input));
        let task = json!({ "run": { "workflow": {
            "namespace": "default",
            "name": name_of(&run.saga),
            "version": version.as_deref().unwrap_or("latest"),
            "input": input,
        } } });
        let mut tasks = vec![(format!("{}-run", step.name), task)];
        let refused = run.refused_when.as_ref();
        tasks.extend(refused.map(|refused| self.refusal(step, refused, false)));
        self.settled(step, tasks, ".")
    }

    fn sleep(&self, step: &Step, sleep: &Sleep) -> Task {
        let time = match sleep {
            Sleep::For(time) => duration(*time),
            Sleep::Until(moment) => jq::wrap(&format!(
                "({}) | (if type == \"number\" then . / 1000 else fromdateiso8601 end) - now | \"PT\\([., 0] | max | floor)S\"",
                self.names.text(moment)
            )),
        };
        (step.name.clone(), json!({ "wait": time }))
    }

    fn set(&self, step: &Step, value: &Template) -> Task {
        let value = self.names.value(value);
        (step.name.clone(), set_value(&step.name, value))
    }

    fn refuse(&self, step: &Step, message: &Template) -> Task {
        let detail = self.names.value(message);
        let error = json!({ "type": REFUSED_TYPE, "status": 422, "detail": detail });
        (step.name.clone(), json!({ "raise": { "error": error } }))
    }

    /// Raises when an answer means no.
    fn refusal(&self, step: &Step, refused: &Expr, whole: bool) -> Task {
        let names = if whole {
            self.names
                .with("result", ".content")
                .with("http", "(. | {status: .statusCode, headers: .headers})")
        } else {
            self.names.with("result", ".")
        };
        let detail = format!("{} refused", step.name);
        let task = json!({
            "if": names.expression(refused),
            "raise": { "error": { "type": REFUSED_TYPE, "status": 422, "detail": detail } },
        });
        (format!("{}-refused", step.name), task)
    }

    /// The tasks of one step with its result exported; a refusal passed over where the step
    /// says so; and where it has an undo, a mark when its effect is in doubt.
    fn settled(&self, step: &Step, tasks: Vec<Task>, result: &str) -> Task {
        let exported = export(&step.name, result);
        let mut task = json!({ "do": list(tasks), "export": exported });
        if step.on_refused == OnRefused::Continue {
            // Not exported: its result is null because it has none, and so nothing undoes it.
            let nothing =
                json!({ "set": { "value": null }, "output": { "as": jq::wrap(".value") } });
            let passed = vec![(format!("{}-passed-over", step.name), nothing)];
            let when = match &step.kind {
                Kind::Wait(_) => has_status("", &[REFUSED, &[408]].concat()),
                Kind::Call(_)
                | Kind::Sleep(_)
                | Kind::Set(_)
                | Kind::Refuse(_)
                | Kind::Group(_)
                | Kind::Each(_)
                | Kind::Run(_) => has_status("", REFUSED),
            };
            let inner = vec![(format!("{}-settled", step.name), task)];
            let mut catch = caught(passed);
            catch["when"] = jq::wrap(&when);
            task = json!({ "try": list(inner), "catch": catch });
        }
        if matches!(step.undo, Undo::Call(_)) {
            task = doubted(step, task);
        }
        (step.name.clone(), task)
    }

    fn together(&self, step: &Step, group: &Group) -> Vec<Task> {
        let failed = format!("{}-failed", step.name);
        let branches = group.steps.iter().map(|part| self.branch(part, &failed));
        let merged = jq::wrap("reduce .[] as $branch ($context; . + $branch)");
        let fork = json!({
            "fork": { "compete": false, "branches": list(branches.collect()) },
            "export": { "as": merged },
        });
        let said = format!("$context[\"{failed}\"]");
        let error = json!({ "type": TURNED_BACK_TYPE, "status": 500, "detail": jq::wrap(&said) });
        let raise = json!({
            "if": jq::wrap(&format!("{said} != null")),
            "raise": { "error": error },
        });
        vec![
            (step.name.clone(), fork),
            (failed, raise),
            self.group_result(step),
        ]
    }

    /// A branch never fails: it comes to its end, and gives the context that it leaves.
    fn branch(&self, part: &Step, failed: &str) -> Task {
        let note = json!({
            "set": { "failed": true },
            "export": export(failed, "($error.detail // $error.type)"),
        });
        let noted = vec![(format!("{}-branch-failed", part.name), note)];
        let run = json!({
            "try": list(self.step(part)),
            "catch": caught(noted),
            "output": { "as": jq::wrap("$context") },
        });
        // One level further in: some engines look at a task's output only within a `do`.
        let run = vec![(format!("{}-branch-run", part.name), run)];
        (format!("{}-branch", part.name), json!({ "do": list(run) }))
    }
}

/// Marks that the do may have happened, unless the answer was a plain no; then raises again.
fn doubted(step: &Step, task: Json) -> Json {
    let mark = json!({
        "if": jq::wrap(&format!("{} | not", has_status("$error", REFUSED))),
        "set": { "in_doubt": true },
        "export": export(&in_doubt(step), "true"),
    });
    let marked = vec![(in_doubt(step), mark), raise_again(&in_doubt(step))];
    let inner = vec![(format!("{}-do", step.name), task)];
    json!({ "try": list(inner), "catch": caught(marked) })
}

/// Whether an expression reads this variable.
fn reads(expr: &Expr, name: &str) -> bool {
    expr.variables()
        .iter()
        .any(|(variable, _)| *variable == name)
}
