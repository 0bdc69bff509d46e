//! The call at a saga's end: made whenever it comes to rest, tried again as its file says, and
//! never of any consequence to the saga.

use super::super::{Leg, LegState, Outcome, State};
use super::{Decision, failure};
use crate::route::{ON_END, Spot};

impl Decision<'_> {
    /// Begins the call at the end of a saga at rest, or tries it again.
    pub(super) fn on_end(&mut self) {
        let plan = std::sync::Arc::clone(&self.plan);
        if plan.definition.on_end.is_none() {
            return;
        }
        let at = plan.definition.spot(&ON_END);
        match self.state(at.route).state {
            State::Pending => self.attempt(at, Leg::Do),
            State::Running if self.is_due(at, Leg::Do) => self.attempt(at, Leg::Do),
            State::Running | State::Skipped | State::Ended(_) => {}
        }
    }

    /// What would make a saga stuck ends its last call, with a note of why.
    pub(super) fn end_last_call(&mut self, at: Spot<'_>, failed: super::Failure) {
        let sent = |leg: &LegState| leg.may_have;
        let outcome = if sent(self.leg(at.route, Leg::Do)) {
            Outcome::Unknown
        } else {
            Outcome::Refused
        };
        self.end_without(at, outcome, failed);
    }

    /// A note of what would make another leg stuck.
    pub(super) fn end_last_call_as(&mut self, at: Spot<'_>, code: &str, message: &str) {
        self.end_last_call(at, failure(code, None, message));
    }
}
