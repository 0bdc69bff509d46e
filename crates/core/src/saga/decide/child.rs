//! A saga and its children: a child is sent on its way, listened to, told to turn back or to
//! undo itself; and as a child a saga obeys its parent. What one told the other stands in both
//! journals by its number, so that what came twice changes nothing (I-46).

use super::super::request::do_key;
use super::super::scope::{Beside, Seen, scope};
use super::super::verbs::is_done_by_hand;
use super::super::{
    ChildStart, Leg, LegPhase, Message, Next, Order, Parent, Phase, ReasonCode, Record, Report,
    State, Status, StuckCode, Telling, Value,
};
use super::verbs::By;
use super::{Decision, Failure, failure};
use crate::definition::{Kind, Run};
use crate::expr::EvalError;
use crate::id::{Id, spread};
use crate::json::Json;
use crate::limits;
use crate::route::Spot;
use serde_json::json;

impl Decision<'_> {
    /// Sends a child on its way.
    pub(super) fn start_child(&mut self, at: Spot<'_>, run: &Run) {
        let computed = run.input.as_ref();
        let computed = computed.map_or(Ok(Json::Null), |input| self.evaluate(at.route, input));
        let input = match computed {
            Ok(input) => input,
            Err(failed) => return self.not_computed(at, Leg::Do, &failed),
        };
        let bytes = input.to_string().len();
        if bytes > limits::PAYLOAD_BYTES {
            let most = limits::PAYLOAD_BYTES;
            let message = format!("the input of {} has {bytes} bytes, over {most}", run.saga);
            return self.refuse(at, "bad_value", message);
        }
        let chosen = self.saga.children.get(&run.saga).copied();
        let Some(version) = run.version.or(chosen) else {
            let message = format!("{} was not registered when the saga started", run.saga);
            return self.refuse(at, "child_not_registered", message);
        };
        let key = do_key(self.saga, at);
        let child = self.child_id(&run.saga, &key);
        self.record(Record::ChildStarted {
            step: at.path(),
            child,
            definition: run.saga.clone(),
            version,
            key: key.clone(),
        });
        let saga = &self.saga;
        let start = ChildStart {
            definition: run.saga.clone(),
            version,
            namespace: saga.namespace.clone(),
            key,
            call_seed: saga.call_seed.clone(),
            input,
            deadline: saga.deadline.filter(|_| !saga.past_pivot),
            park_limit: saga.park_limit,
            parent: Parent {
                saga: saga.id,
                definition: self.plan.definition.name.clone(),
                step: at.path(),
            },
        };
        self.post(child, Telling::Start(Box::new(start)));
    }

    /// A fresh id in the shard of the child's start key: from this decision's random bits and
    /// that key, so that two children of one turn differ.
    fn child_id(&self, definition: &str, key: &str) -> Id {
        let mut bits = self.context.random;
        for byte in key.bytes() {
            bits = (bits ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            bits ^= bits >> 29;
        }
        let millis = self.context.now.max(self.saga.updated_at).0.unsigned_abs();
        Id::new(millis, bits, spread(&self.saga.namespace, definition, key))
    }

    /// Sends a message whose cause is the last record.
    fn post(&mut self, to: Id, telling: Telling) {
        let seq = self.saga.seq;
        self.turn.messages.push(Message { to, seq, telling });
    }

    fn order(&mut self, at: Spot<'_>, child: Id, order: Order) {
        let step = at.path();
        self.record(Record::ChildOrdered { step, order });
        self.post(child, Telling::of(order));
    }

    /// Tells a child that is not at its end to turn back, once.
    pub(super) fn cancel_child(&mut self, at: Spot<'_>) {
        let child = self.state(at.route).child.as_ref();
        if let Some(child) = child.filter(|child| child.ordered.is_none()) {
            let child = child.id;
            self.order(at, child, Order::Cancel);
        }
    }

    /// Undoes a child that may have happened; true when nothing of it is left.
    pub(super) fn undo_child(&mut self, at: Spot<'_>) -> bool {
        let state = self.state(at.route);
        if !matches!(state.undo.phase, LegPhase::Idle) {
            return false;
        }
        if is_done_by_hand(at.step, state) {
            let message = "it was done by hand, and no child can undo it: take it back by hand";
            self.stick(at, Leg::Undo, StuckCode::ChildStuck, message);
            return false;
        }
        let Some(child) = &state.child else {
            return true;
        };
        let id = child.id;
        match child.status {
            Status::Compensated => return true,
            Status::Abandoned => {
                let message = given_up(&child.definition, id);
                self.stick(at, Leg::Undo, StuckCode::ChildStuck, &message);
            }
            Status::Running | Status::Compensating | Status::Completed | Status::Stuck => {
                self.order(at, id, Order::Undo);
            }
        }
        false
    }

    /// The pivot is a child whose end is not known.
    pub(super) fn pivot_child_runs(&self) -> bool {
        let pivot = self.plan.definition.pivot();
        let route = pivot.and_then(|step| self.plan.index.by_path(&step.path));
        route.is_some_and(|route| {
            let state = self.state(&route);
            state.state == State::Running && state.child.is_some()
        })
    }

    /// Another saga told this one something.
    pub(super) fn told(&mut self, from: Id, seq: u64, telling: Telling) {
        match telling {
            // It has begun: this came twice.
            Telling::Start(_) => {}
            Telling::Cancel => self.obey(from, seq, Order::Cancel),
            Telling::Undo => self.obey(from, seq, Order::Undo),
            Telling::Report(report) => self.hear(from, seq, &report),
        }
    }

    /// Does what the parent says, where that still means something.
    fn obey(&mut self, from: Id, told: u64, order: Order) {
        let Some(parent) = self.saga.parent.clone() else {
            return;
        };
        let phase = self.saga.phase;
        let idle = match phase {
            Phase::Forward | Phase::Back => false,
            Phase::Completed => order == Order::Cancel,
            Phase::Compensated | Phase::Abandoned => true,
        };
        if idle || parent.saga != from || told <= self.saga.heard {
            return;
        }
        self.record(Record::ParentTold { told, order });
        match phase {
            Phase::Forward => {
                let reason = format!("its parent {} ({from}) turned back", parent.definition);
                // Past its point of no return it comes to its end, and its parent hears of that.
                let actor = format!("saga {from}");
                let _ = self.cancel(By { reason, actor });
            }
            Phase::Completed => {
                let message = format!("its parent {} ({from}) is undone", parent.definition);
                let code = ReasonCode::UndoneByParent;
                self.turn_back(code, None, failure(code.as_str(), None, message));
            }
            Phase::Back | Phase::Compensated | Phase::Abandoned => {}
        }
    }

    /// Takes note of how a child stands. A saga at rest stays as it is.
    fn hear(&mut self, from: Id, told: u64, report: &Report) {
        let plan = std::sync::Arc::clone(&self.plan);
        let route = plan.index.by_path(&report.step);
        let Some(route) = route.filter(|route| self.saga.has(route)) else {
            return;
        };
        let at = plan.definition.spot(&route);
        let state = self.state(&route);
        let news = |child: &&super::super::ChildState| child.id == from && child.heard < told;
        let Some(child) = state.child.as_ref().filter(news) else {
            return;
        };
        if self.saga.status().is_rest() {
            return;
        }
        let undoing = child.ordered == Some(Order::Undo) && state.undone.is_none();
        let definition = child.definition.clone();
        let (leg, next) = if undoing {
            (Leg::Undo, next_of_undo(&definition, from, report))
        } else if state.state == State::Running {
            (Leg::Do, self.next_of_child(at, &definition, from, report))
        } else {
            (Leg::Do, None)
        };
        self.record(Record::ChildTold {
            step: at.path(),
            told,
            status: report.status,
            reopened: report.reopened,
            leg,
            next,
        });
    }

    /// What a child's report means for the step that runs it.
    fn next_of_child(
        &self,
        at: Spot<'_>,
        definition: &str,
        id: Id,
        report: &Report,
    ) -> Option<Next> {
        match report.status {
            Status::Running | Status::Compensating => None,
            Status::Stuck => Some(stuck(definition, id, report)),
            Status::Abandoned => {
                let message = given_up(definition, id);
                let failed = of_child("unknown", "child_abandoned", message, id, report);
                Some(Next::Unknown(failed))
            }
            Status::Compensated => {
                let why = report.reason.as_ref().map(|reason| reason.message.as_str());
                let message = format!("{definition} was undone: {}", why.unwrap_or("it ended so"));
                let failed = of_child("refused", "child_compensated", message, id, report);
                Some(Next::Refused(failed))
            }
            Status::Completed => Some(match self.output_refuses(at, &report.output) {
                Ok(false) => Next::Done {
                    result: Value::Json(report.output.clone()),
                },
                Ok(true) => {
                    let message = format!("the output of {definition} says no");
                    Next::Refused(of_child("refused", "refused_when", message, id, report))
                }
                Err(failed) => Next::Unknown(failure(
                    "expression_failed",
                    Some(failed.cause.as_str()),
                    failed.message,
                )),
            }),
        }
    }

    fn output_refuses(&self, at: Spot<'_>, output: &Json) -> Result<bool, EvalError> {
        let Kind::Run(run) = &at.step.kind else {
            return Ok(false);
        };
        let Some(refused_when) = &run.refused_when else {
            return Ok(false);
        };
        let beside = Beside {
            result: Some(Seen::Json(output)),
            ..Beside::default()
        };
        refused_when.holds(&scope(self.saga, at.route, &beside, [refused_when]))
    }
}

fn next_of_undo(definition: &str, id: Id, report: &Report) -> Option<Next> {
    match report.status {
        Status::Running | Status::Compensating | Status::Completed => None,
        Status::Compensated => Some(Next::Done {
            result: Value::Json(Json::Null),
        }),
        Status::Stuck => Some(stuck(definition, id, report)),
        Status::Abandoned => Some(Next::Stuck {
            code: StuckCode::ChildStuck,
            message: given_up(definition, id),
        }),
    }
}

fn stuck(definition: &str, id: Id, report: &Report) -> Next {
    let where_at = report.stuck.as_deref().unwrap_or("it needs a person");
    Next::Stuck {
        code: StuckCode::ChildStuck,
        message: format!("{definition} ({id}) is stuck at {where_at}"),
    }
}

fn given_up(definition: &str, id: Id) -> String {
    format!("{definition} ({id}) was given up: nobody knows what is left of it")
}

/// A failure that a child caused, with the child and its own reason among the details.
fn of_child(code: &str, cause: &str, message: String, id: Id, report: &Report) -> Failure {
    let mut failed = failure(code, Some(cause), message);
    let detail = &mut failed.detail;
    detail.insert("child".to_owned(), Json::from(id.to_string()));
    if let Some(reason) = &report.reason {
        let (code, step) = (reason.code.as_str(), &reason.step);
        let reason = json!({ "code": code, "step": step, "message": reason.message });
        detail.insert("reason".to_owned(), reason);
    }
    failed
}
