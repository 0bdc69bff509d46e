//! What people may see of a saga whose definition has secrets.
//!
//! Two things keep a secret from people. Whatever is written down in words (messages, failures)
//! is masked before it is recorded, so that no journal, log or list ever holds it there. Values
//! are recorded as they are, since later steps send them; [`Saga::masked`] and
//! [`Saga::masked_entry`] are what is shown of them.

use super::request::{call_of, request};
use super::{Entry, Failure, Leg, LegPhase, Next, ParkCause, Record, Saga, StepState, Value};
use crate::definition::{Definition, Kind, Step};
use crate::json::Json;
use crate::route::Spot;
use crate::secret::{MASK, SecretPath, mask_texts, masked_text};
use crate::wire::{Answer, Body, Http, What};
use std::borrow::Cow;
use std::sync::Arc;

impl Saga {
    /// The saga as people may see it.
    pub fn masked(&self) -> Cow<'_, Saga> {
        if !self.plan.secretive {
            return Cow::Borrowed(self);
        }
        let texts = self.secret_texts();
        let plan = Arc::clone(&self.plan);
        let definition = &plan.definition;
        let mut shown = self.clone();
        shown.input = Arc::new(self.shown_input(&texts));
        if let Some(output) = &mut shown.output {
            hide(output, &definition.secret, "output", &texts);
        }
        for (state, step) in shown.steps.iter_mut().zip(&definition.steps) {
            hide_step(state, step, &texts);
        }
        for (state, step) in shown.on_end.iter_mut().zip(definition.on_end.as_deref()) {
            hide_step(state, step, &texts);
        }
        for signal in &mut shown.signals {
            for step in waits_for(self, &signal.name) {
                hide(&mut signal.body, &step.secret, "result", &texts);
            }
        }
        Cow::Owned(shown)
    }

    /// A record of its journal as people may see it.
    pub fn masked_entry(&self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        if !self.plan.secretive {
            return entry;
        }
        let texts = self.secret_texts();
        let step = entry.record.step();
        let step = step.and_then(|path| self.plan.index.by_path(path));
        let step = step.map(|route| self.plan.definition.step(&route));
        match &mut entry.record {
            Record::Started(started) => started.input = self.shown_input(&texts),
            Record::EachStarted { items, .. } => {
                items.iter_mut().for_each(|item| mask_texts(item, &texts));
            }
            Record::StepEnded { result, .. }
            | Record::LateAnswer { result, .. }
            | Record::Settled {
                late: result @ Some(_),
                ..
            } => {
                hide_result(result.as_mut(), step, &texts);
            }
            // What of it was computed from a secret before it was edited, nobody can tell.
            Record::Retried {
                body: Some(body), ..
            } => *body = Json::from(MASK),
            Record::AttemptEnded {
                leg,
                next: Next::Done { result },
                ..
            }
            | Record::ChildTold {
                leg,
                next: Some(Next::Done { result }),
                ..
            }
            | Record::ReplyReceived {
                leg,
                next: Some(Next::Done { result }),
                ..
            }
            | Record::Settled {
                leg,
                next: Some(Next::Done { result }),
                ..
            } => {
                hide_result(Some(result), step, &texts);
                if let (Value::Json(result), Some(step)) = (result, step) {
                    hide(result, of_leg(step, *leg), "result", &texts);
                }
            }
            Record::SignalReceived { name, body, .. } => {
                for step in waits_for(self, name) {
                    hide(body, &step.secret, "result", &texts);
                }
            }
            Record::Completed { output, .. } => {
                hide(output, &self.plan.definition.secret, "output", &texts);
            }
            _ => {}
        }
        entry
    }

    fn shown_input(&self, texts: &[String]) -> Json {
        let mut input = (*self.input).clone();
        hide(&mut input, &self.plan.definition.secret, "input", texts);
        input
    }

    /// Masks what would tell a secret in words about the saga that are no part of it.
    pub fn mask_words(&self, words: &mut Json) {
        crate::secret::mask_texts(words, &self.secret_texts());
    }

    /// The texts that would tell a secret, the longest first; empty without secrets.
    pub(super) fn secret_texts(&self) -> Vec<String> {
        let definition = &self.plan.definition;
        let mut found = Vec::new();
        if !self.plan.secretive {
            return found;
        }
        let output = self.output.as_ref().unwrap_or(&Json::Null);
        for (variable, value) in [("input", &*self.input), ("output", output)] {
            gather(value, &definition.secret, variable, &mut found);
        }
        for signal in &self.signals {
            for step in waits_for(self, &signal.name) {
                gather(&signal.body, &step.secret, "result", &mut found);
            }
        }
        self.each_state(&mut |at, state| {
            if let Some(Value::Json(result)) = &state.result {
                for secrets in of_result(at.step) {
                    gather(result, secrets, "result", &mut found);
                }
            }
            for leg in Leg::ALL {
                sent(self, at, state, leg, &mut found);
            }
        });
        found.sort_by_key(|text| std::cmp::Reverse(text.len()));
        found
    }
}

impl Saga {
    /// Adds the secrets in what a person told, which are not applied yet.
    pub(super) fn told_secrets(&self, record: &Record, found: &mut Vec<String>) {
        let step = record.step().and_then(|path| self.plan.index.by_path(path));
        let Some(step) = step.map(|route| self.plan.definition.step(&route)) else {
            return;
        };
        match record {
            Record::Retried {
                leg,
                body: Some(body),
                ..
            } => gather(body, of_leg(step, *leg), "body", found),
            Record::Settled {
                late: Some(Value::Json(result)),
                ..
            }
            | Record::Settled {
                next:
                    Some(Next::Done {
                        result: Value::Json(result),
                    }),
                ..
            } => {
                for secrets in of_result(step) {
                    gather(result, secrets, "result", found);
                }
            }
            _ => {}
        }
    }
}

/// The secrets in what a leg sent, computed again from the same durable values.
fn sent(saga: &Saga, at: Spot<'_>, state: &StepState, leg: Leg, found: &mut Vec<String>) {
    let secrets = of_leg(at.step, leg);
    let begun = state.leg(leg);
    let has_any = secrets.iter().any(|secret| secret.variable == "body");
    if !has_any || begun.round == 0 {
        return;
    }
    let Some(call) = call_of(at.step, leg) else {
        return;
    };
    let mut gather_sent = |saga: &Saga| {
        let made = request(saga, at, call, leg, begun.round, begun.attempts);
        let body = made.ok().and_then(|(request, _)| request.body);
        let body = body.and_then(|body| serde_json::from_slice::<Json>(&body).ok());
        if let Some(body) = body {
            gather(&body, secrets, "body", found);
        }
    };
    gather_sent(saga);
    if begun.body.is_some() || begun.next_body.is_some() {
        // What the file says was sent before a person edited it, and is no less secret.
        let mut plain = saga.clone();
        let leg = plain.state_mut(at.route).leg_mut(leg);
        leg.body = None;
        leg.next_body = None;
        gather_sent(&plain);
    }
    for edited in begun.body.iter().chain(&begun.next_body) {
        gather(edited, secrets, "body", found);
    }
}

/// Adds the secrets in an answer that is not recorded yet.
pub(super) fn answered_secrets(step: &Step, leg: Leg, answer: &Answer, found: &mut Vec<String>) {
    if let What::Http(Http {
        body: Body::Json(body),
        ..
    }) = &answer.what
    {
        gather(body, of_leg(step, leg), "result", found);
    }
}

/// The secrets of a leg: of a do those of its step.
pub(super) fn of_leg(step: &Step, leg: Leg) -> &[SecretPath] {
    match leg {
        Leg::Do if call_of(step, leg).is_none_or(|call| call.secret.is_empty()) => &step.secret,
        Leg::Do | Leg::Check | Leg::Undo | Leg::Confirm => {
            call_of(step, leg).map_or(&[], |call| call.secret.as_slice())
        }
    }
}

/// The secrets of a step's result, which its do or its check answered.
fn of_result(step: &Step) -> [&[SecretPath]; 2] {
    [of_leg(step, Leg::Do), of_leg(step, Leg::Check)]
}

/// What is said of an input before there is a saga, without what is secret of it.
pub(super) fn without_secrets(definition: &Definition, input: &Json, message: &str) -> String {
    let mut texts = Vec::new();
    gather(input, &definition.secret, "input", &mut texts);
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    masked_text(message, &texts)
}

fn gather(value: &Json, secrets: &[SecretPath], variable: &str, found: &mut Vec<String>) {
    let of_it = secrets.iter().filter(|secret| secret.variable == variable);
    of_it.for_each(|secret| secret.texts(value, found));
}

fn hide(value: &mut Json, secrets: &[SecretPath], variable: &str, texts: &[String]) {
    let of_it = secrets.iter().filter(|secret| secret.variable == variable);
    of_it.for_each(|secret| secret.mask(value));
    mask_texts(value, texts);
}

fn hide_result(result: Option<&mut Value>, step: Option<&Step>, texts: &[String]) {
    if let (Some(Value::Json(result)), Some(step)) = (result, step) {
        for secrets in of_result(step) {
            hide(result, secrets, "result", texts);
        }
    }
}

fn hide_step(state: &mut StepState, step: &Step, texts: &[String]) {
    hide_result(state.result.as_mut(), Some(step), texts);
    if let Some(items) = &state.items {
        let mut shown = items.to_vec();
        shown.iter_mut().for_each(|item| mask_texts(item, texts));
        state.items = Some(shown.into());
    }
    for leg in [
        &mut state.forward,
        &mut state.check,
        &mut state.undo,
        &mut state.confirm,
    ] {
        if let LegPhase::InFlight { request, .. } = &mut leg.phase {
            *request = None;
        }
        leg.body = None;
        leg.next_body = None;
    }
    for (place, part) in state.parts.iter_mut().enumerate() {
        if let Some(below) = step.part(place) {
            hide_step(part, below, texts);
        }
    }
}

fn waits_for<'a>(saga: &'a Saga, name: &str) -> Vec<&'a Step> {
    let mut found = Vec::new();
    saga.plan.definition.each_step(&mut |step| {
        if matches!(&step.kind, Kind::Wait(wait) if wait.signal == name) {
            found.push(step);
        }
    });
    found
}

impl Record {
    /// Masks secrets in everything that it says in words.
    pub(super) fn mask_words(&mut self, texts: &[String]) {
        match self {
            Record::StepEnded { failure, .. } => words_of(failure.as_mut(), texts),
            Record::AttemptEnded { message, next, .. } => {
                if let Some(message) = message {
                    *message = masked_text(message, texts);
                }
                next.mask_words(texts);
            }
            Record::ReplyReceived { message, next, .. } => {
                if let Some(message) = message {
                    *message = masked_text(message, texts);
                }
                if let Some(next) = next {
                    next.mask_words(texts);
                }
            }
            Record::NoReply { message, next, .. } => {
                *message = masked_text(message, texts);
                next.mask_words(texts);
            }
            Record::LateAnswer {
                next: Some(next), ..
            }
            | Record::ChildTold {
                next: Some(next), ..
            } => next.mask_words(texts),
            Record::Parked { cause, .. } => cause.mask_words(texts),
            Record::CheckBegun { failure, .. } | Record::TurnedBack { failure, .. } => {
                words_of(Some(failure), texts);
            }
            Record::LegStuck { message, .. } => *message = masked_text(message, texts),
            Record::Completed { output_error, .. } => words_of(output_error.as_mut(), texts),
            Record::CancelRequested { reason, .. }
            | Record::Retried { reason, .. }
            | Record::Abandoned { reason, .. }
            | Record::Moved { reason, .. } => *reason = masked_text(reason, texts),
            Record::Settled {
                evidence,
                next,
                reason,
                ..
            } => {
                *reason = masked_text(reason, texts);
                *evidence = masked_text(evidence, texts);
                if let Some(next) = next {
                    next.mask_words(texts);
                }
            }
            Record::Noted {
                text,
                owner,
                reason,
                ..
            } => {
                *reason = masked_text(reason, texts);
                for words in text.iter_mut().chain(owner) {
                    *words = masked_text(words, texts);
                }
            }
            _ => {}
        }
    }
}

impl Next {
    fn mask_words(&mut self, texts: &[String]) {
        match self {
            Next::Refused(failure)
            | Next::NotSent(failure)
            | Next::Unknown(failure)
            | Next::Check(failure) => words_of(Some(failure), texts),
            Next::Park(cause) => cause.mask_words(texts),
            Next::Stuck { message, .. } => *message = masked_text(message, texts),
            _ => {}
        }
    }
}

impl ParkCause {
    fn mask_words(&mut self, texts: &[String]) {
        self.message = masked_text(&self.message, texts);
    }
}

fn words_of(failure: Option<&mut Failure>, texts: &[String]) {
    if let Some(failure) = failure {
        failure.message = masked_text(&failure.message, texts);
        failure
            .detail
            .values_mut()
            .for_each(|value| mask_texts(value, texts));
    }
}
