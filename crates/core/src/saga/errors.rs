//! What went wrong with a step, as people and programs see it. A projection of its state, never
//! stored.

use super::{Failure, LegPhase, LegState, State, StepState, Value};
use std::collections::BTreeMap;

impl StepState {
    /// Why its do is not done; while it is retried, what went wrong last.
    pub fn error(&self) -> Option<Failure> {
        self.failure
            .clone()
            .or_else(|| match (self.state, &self.result) {
                (State::Running, _) => last_error(&self.forward),
                (_, Some(Value::Unreadable)) => Some(plain(
                    "unreadable",
                    "the answer's body was no JSON, or too large",
                )),
                _ => None,
            })
    }

    /// What went wrong last with its undo; none once that came to its end.
    pub fn undo_error(&self) -> Option<Failure> {
        match self.undone {
            Some(_) => None,
            None => last_error(&self.undo),
        }
    }

    /// What went wrong last with its confirm; none once that took effect.
    pub fn confirm_error(&self) -> Option<Failure> {
        if self.confirmed {
            None
        } else {
            last_error(&self.confirm)
        }
    }
}

fn last_error(leg: &LegState) -> Option<Failure> {
    match &leg.phase {
        LegPhase::Stuck { code, message, .. } => Some(plain(code.as_str(), message)),
        LegPhase::Parked { cause, .. } => Some(plain(cause.code.as_str(), &cause.message)),
        LegPhase::Idle
        | LegPhase::InFlight { .. }
        | LegPhase::Child { .. }
        | LegPhase::Retry { .. }
        | LegPhase::AwaitingReply { .. }
        | LegPhase::Polling { .. }
        | LegPhase::LookAgain { .. } => leg
            .last_message
            .as_ref()
            .map(|message| plain("attempt_failed", message)),
    }
}

fn plain(code: &str, message: &str) -> Failure {
    Failure {
        code: code.to_owned(),
        message: message.to_owned(),
        detail: BTreeMap::new(),
    }
}
