//! The verbs: what somebody can ask of a saga by hand, and which of them it would take as it is
//! now. A verb is taken by the same rules by which it is listed as allowed.

use super::request::call_of;
use super::state::Plan;
use super::{Leg, LegPhase, LegState, Outcome, Phase, ReasonCode, Saga, State, StepState};
use super::{Order, Status, StuckCode, Undone};
use crate::definition::{Kind, Step, Undo};
use crate::id::Id;
use crate::json::Json;
use crate::route::{Route, Spot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What can be asked of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Turn it back.
    Cancel,
    /// Try a leg again.
    Retry,
    /// Say what became of a leg.
    Settle,
    /// Undo it although it is completed.
    Undo,
    /// Give it up.
    Abandon,
    /// Let it go on under another version of its definition.
    Move,
    /// Write down who looks after it, and what is known.
    Note,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 7] = [
        Verb::Cancel,
        Verb::Retry,
        Verb::Settle,
        Verb::Undo,
        Verb::Abandon,
        Verb::Move,
        Verb::Note,
    ];

    /// The verb as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Cancel => "cancel",
            Verb::Retry => "retry",
            Verb::Settle => "settle",
            Verb::Undo => "undo",
            Verb::Abandon => "abandon",
            Verb::Move => "move",
            Verb::Note => "note",
        }
    }

    /// The verb of this name.
    pub fn from_name(name: &str) -> Option<Verb> {
        Verb::ALL.into_iter().find(|verb| verb.as_str() == name)
    }
}

/// A verb, as somebody asked for it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What.
    pub what: Ask,
    /// Why, in their words.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// Only if the saga's last record is still this one.
    pub expected_seq: Option<u64>,
    /// The operation over many sagas that it is a part of.
    pub operation: Option<Id>,
}

/// A verb with what it needs to know.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Turn it back.
    Cancel,
    /// Try again at once.
    Retry(Retry),
    /// A person's word on what became of a leg.
    Settle(Settle),
    /// Undo it although it is completed.
    Undo,
    /// Give it up.
    Abandon,
    /// Go on under this version.
    Move {
        /// The version.
        plan: Arc<Plan>,
        /// The versions of the sagas that it runs; those that were chosen already stay.
        children: BTreeMap<String, u32>,
    },
    /// Who looks after it, what is known.
    Note {
        /// What is known.
        text: Option<String>,
        /// Who; an empty name for nobody.
        owner: Option<String>,
    },
}

/// What is to be tried again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// The step's path; none means everything that is stuck or, if nothing is, everything that
    /// waits to be tried again.
    pub step: Option<String>,
    /// The leg; none means the one that is stuck or waits.
    pub leg: Option<Leg>,
    /// What to send instead of what the file says, from here on.
    pub body: Option<Json>,
}

/// What a person found out, or did by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settle {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: Leg,
    /// What became of it.
    pub settlement: Settlement,
    /// The do's result, where it is known.
    pub result: Option<Json>,
    /// How they know.
    pub evidence: String,
}

/// A person's word on what became of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// It happened, or was done by hand.
    Done,
    /// It certainly did not happen.
    NotHappened,
}

impl Settlement {
    /// The settlement as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Settlement::Done => "done",
            Settlement::NotHappened => "not_happened",
        }
    }
}

impl Ask {
    /// Which verb it is.
    pub const fn verb(&self) -> Verb {
        match self {
            Ask::Cancel => Verb::Cancel,
            Ask::Retry(_) => Verb::Retry,
            Ask::Settle(_) => Verb::Settle,
            Ask::Undo => Verb::Undo,
            Ask::Abandon => Verb::Abandon,
            Ask::Move { .. } => Verb::Move,
            Ask::Note { .. } => Verb::Note,
        }
    }
}

/// A leg that a verb is about: its step's route and the leg.
pub(super) type At = (Route, Leg);

impl Saga {
    /// The verbs that it would take now.
    pub fn allowed(&self) -> Vec<Verb> {
        let takes = |verb: &Verb| match verb {
            Verb::Cancel => self.may_cancel().is_ok() && (!self.is_cancelled() || self.has_stuck()),
            Verb::Retry => !self.to_retry().is_empty(),
            Verb::Settle => self.has_to_settle(),
            Verb::Undo => self.may_undo().is_ok(),
            Verb::Abandon => self.may_abandon().is_ok(),
            Verb::Move => self.is_movable(),
            Verb::Note => true,
        };
        Verb::ALL.into_iter().filter(takes).collect()
    }

    /// The verbs that help where it is stuck.
    pub fn helping(&self, step: &str, leg: Leg) -> Vec<Verb> {
        let Some(route) = self
            .plan
            .index
            .by_path(step)
            .filter(|route| self.has(route))
        else {
            return Vec::new();
        };
        let at = self.spot(&route);
        let helps = |verb: &Verb| match verb {
            Verb::Cancel => self.may_cancel().is_ok(),
            Verb::Retry => self.may_retry(at, leg).is_ok(),
            Verb::Settle => self.may_settle(at, leg).is_ok(),
            Verb::Abandon => self.may_abandon().is_ok(),
            Verb::Undo | Verb::Move | Verb::Note => false,
        };
        Verb::ALL.into_iter().filter(helps).collect()
    }

    /// Whether it can be turned back, or why not.
    pub(super) fn may_cancel(&self) -> Result<(), String> {
        match self.phase {
            Phase::Forward => {}
            Phase::Back => return Err("the saga is already being undone".to_owned()),
            Phase::Completed | Phase::Compensated | Phase::Abandoned => return Err(self.ended()),
        }
        if self.past_pivot {
            return Err("the saga is past its point of no return (its pivot, or a first confirm): from there it only goes forward".to_owned());
        }
        match self.unclear() {
            None => Ok(()),
            Some(path) => Err(format!(
                "nobody knows whether the step {path} happened, and it has no undo: that must be found out and settled first"
            )),
        }
    }

    /// It was cancelled, and waits for what its pivot comes to.
    pub(super) fn is_cancelled(&self) -> bool {
        let halt = self.halt.as_ref();
        halt.is_some_and(|halt| halt.code == ReasonCode::Cancelled)
    }

    /// Whether it can be undone although it is completed, or why not.
    pub(super) fn may_undo(&self) -> Result<(), String> {
        if let Some(parent) = &self.parent {
            let (name, id) = (&parent.definition, parent.saga);
            return Err(format!(
                "it is a child: undoing it goes through its parent {name} ({id})"
            ));
        }
        if self.phase == Phase::Completed {
            return Ok(());
        }
        let status = self.status().as_str();
        Err(format!(
            "only a completed saga is undone so, and this one is {status}"
        ))
    }

    /// Whether it can be given up, or why not.
    pub(super) fn may_abandon(&self) -> Result<(), String> {
        match self.status() {
            Status::Stuck => Ok(()),
            status if status.is_rest() => Err(self.ended()),
            status => Err(format!(
                "only a stuck saga is given up, and this one is {}: something is still under way",
                status.as_str()
            )),
        }
    }

    /// Every leg that retry takes when none is named: those that are stuck, or else those that
    /// wait for their next try.
    pub(super) fn to_retry(&self) -> Vec<At> {
        let (mut stuck, mut waiting) = (Vec::new(), Vec::new());
        self.each_state(&mut |at, state| {
            for leg in Leg::ALL {
                if self.may_retry(at, leg).is_err() {
                } else if matches!(state.leg(leg).phase, LegPhase::Stuck { .. }) {
                    stuck.push((at.route.to_vec(), leg));
                } else {
                    waiting.push((at.route.to_vec(), leg));
                }
            }
        });
        if stuck.is_empty() { waiting } else { stuck }
    }

    fn has_to_settle(&self) -> bool {
        let mut found = false;
        self.each_state(&mut |at, _| {
            found |= SETTLED.iter().any(|leg| self.may_settle(at, *leg).is_ok());
        });
        found
    }

    /// Whether this leg can be tried again now, or why not.
    pub(super) fn may_retry(&self, at: Spot<'_>, leg: Leg) -> Result<(), String> {
        let state = self.state(at.route);
        let begun = state.leg(leg);
        let path = at.path();
        if self.phase == Phase::Abandoned && !at.is_end() {
            return Err(self.ended());
        }
        match &begun.phase {
            LegPhase::Stuck { code, .. } => self.may_unstick(at, state, leg, *code),
            LegPhase::Retry { .. } | LegPhase::Polling { .. } => Ok(()),
            LegPhase::Idle => Err(format!(
                "the {} of {path} is not stuck, and does not wait to be tried again",
                leg.as_str()
            )),
            LegPhase::InFlight { .. } => Err(format!("an attempt of {path} is under way")),
            LegPhase::AwaitingReply { until, .. } => Err(format!(
                "{path} was accepted, and its reply may come until {until}; if you know what became of it, settle it"
            )),
            LegPhase::LookAgain { at, .. } => Err(format!(
                "the undo of {path} looks once more at {at}, and not before, since the do may still arrive until then"
            )),
            LegPhase::Child { .. } => Err(format!("{path} waits for its child: see there")),
            LegPhase::Parked { cause, .. } => Err(format!(
                "{path} waits for its road and goes on by itself once that opens ({}): mend or resume the service",
                cause.message
            )),
        }
    }

    fn may_unstick(
        &self,
        at: Spot<'_>,
        state: &StepState,
        leg: Leg,
        code: StuckCode,
    ) -> Result<(), String> {
        let path = at.path();
        let begun = state.leg(leg);
        if matches!(leg, Leg::Do | Leg::Check) && self.phase != Phase::Forward {
            return Err(format!(
                "the saga is being undone, and nothing is sent forward any more: settle the do of {path}"
            ));
        }
        if leg == Leg::Do {
            self.may_send_again(at, state)?;
        }
        match code {
            StuckCode::ChildStuck => Err(format!(
                "{path} waits for its child, which needs a hand itself: see there"
            )),
            StuckCode::LateEffect => Err(format!(
                "{path} was undone before it took effect, and asking under the same key would change nothing: take it back by hand and settle its undo"
            )),
            StuckCode::KeyExpired => Err(format!(
                "{path} may have happened, and its service no longer keeps the key: find out and settle it"
            )),
            StuckCode::BodyChanged if !is_safe_anew(at.step, begun, leg) => Err(format!(
                "{path} may have happened, and would not be sent as before: find out and settle it"
            )),
            _ => Ok(()),
        }
    }

    /// Whether a do that is stuck may be sent again, on the way forward.
    fn may_send_again(&self, at: Spot<'_>, state: &StepState) -> Result<(), String> {
        let path = at.path();
        if let Some(halt) = &self.halt {
            return Err(format!(
                "the saga is about to turn back ({}), and nothing is sent forward any more: settle the do of {path}",
                halt.message
            ));
        }
        let refused = state.state == State::Ended(Outcome::Refused);
        if let Some(child) = state.child.as_ref().filter(|_| !refused) {
            let (name, id) = (&child.definition, child.id);
            return Err(format!(
                "something of the child {name} ({id}) may stand, and another would be a second one: find out and settle the do of {path}"
            ));
        }
        if is_sent_once(at.step, state) && call_of(at.step, Leg::Check).is_none() {
            return Err(format!(
                "{path} is called once, and may have happened: find out and settle it"
            ));
        }
        Ok(())
    }

    /// Whether a person may say what became of this leg, or why not.
    pub(super) fn may_settle(&self, at: Spot<'_>, leg: Leg) -> Result<(), String> {
        let path = at.path();
        if at.is_end() {
            return Err(
                "the call at the end is of no consequence: there is nothing to settle".to_owned(),
            );
        }
        if leg == Leg::Check {
            return Err(format!(
                "what is settled is the do of {path}, not its check"
            ));
        }
        if self.phase == Phase::Abandoned {
            return Err(self.ended());
        }
        let state = self.state(at.route);
        let begun = state.leg(leg);
        if let Some(why) = self.child_decides(state, leg) {
            return Err(why);
        }
        let flies = matches!(begun.phase, LegPhase::InFlight { .. })
            || leg == Leg::Do && matches!(state.check.phase, LegPhase::InFlight { .. });
        if flies {
            return Err(format!(
                "an attempt of {path} is under way: wait for its answer"
            ));
        }
        let unknown = match leg {
            Leg::Do | Leg::Check => {
                let undoing = undo_is_under_way(&state.undo);
                if undoing && state.state == State::Ended(Outcome::Unknown) {
                    return Err(format!(
                        "the undo of {path} is under way: wait for its answer"
                    ));
                }
                self.do_is_open(state)
            }
            Leg::Undo => state.undone.is_none() && is_open(begun),
            Leg::Confirm => !state.confirmed && is_open(begun),
        };
        if unknown {
            return Ok(());
        }
        Err(format!(
            "the {} of {path} is neither stuck nor unknown",
            leg.as_str()
        ))
    }

    /// What became of a child, the child tells, unless it was given up.
    fn child_decides(&self, state: &StepState, leg: Leg) -> Option<String> {
        let child = state.child.as_ref()?;
        let undoes = leg == Leg::Undo && child.ordered == Some(Order::Undo);
        let runs = leg == Leg::Do && state.state == State::Running;
        let told = child.status == Status::Abandoned || !(undoes || runs);
        let (name, id) = (&child.definition, child.id);
        (!told).then(|| format!("the child {name} ({id}) tells what becomes of it: mend it there"))
    }

    fn ended(&self) -> String {
        format!("the saga has ended: it is {}", self.status().as_str())
    }

    /// The path of a step that waits for a person, may have happened and has no undo: it must
    /// be found out before the saga can be undone.
    pub(super) fn unclear(&self) -> Option<String> {
        let mut found = None;
        self.each_state(&mut |at, state| {
            let stuck = matches!(state.forward.phase, LegPhase::Stuck { .. });
            let undecided = state.state == State::Running && state.forward.may_have;
            let unknown = state.state == State::Ended(Outcome::Unknown) || undecided;
            if stuck && unknown && matches!(at.step.undo, Undo::Absent) {
                found.get_or_insert_with(|| at.path());
            }
        });
        found
    }

    /// The steps whose effect stands and that nothing takes back when everything is undone, by
    /// their paths.
    pub fn without_undo(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.each_state(&mut |at, state| {
            let stands = matches!(state.state, State::Ended(Outcome::Done | Outcome::Unknown));
            let calls = matches!(at.step.kind, Kind::Call(_) | Kind::Run(_));
            let by_hand = is_done_by_hand(at.step, state) && state.undone.is_none();
            if stands && calls && !at.is_end() && (!at.step.undo.is_some() || by_hand) {
                found.push(at.path());
            }
        });
        found
    }
}

/// A call that its file says to make once may have happened: it is not sent again, under
/// whatever key.
pub(super) fn is_sent_once(step: &Step, state: &StepState) -> bool {
    let once = matches!(&step.kind, Kind::Call(action) if action.once);
    once && (state.forward.may_have || state.forward.unanswered)
}

/// A child's step was settled as done although its child did not do it: no child can undo it.
pub(super) fn is_done_by_hand(step: &Step, state: &StepState) -> bool {
    let done = state.state == State::Ended(Outcome::Done);
    let child = state.child.as_ref().map(|child| child.status);
    let gone = matches!(child, None | Some(Status::Compensated | Status::Abandoned));
    matches!(step.kind, Kind::Run(_)) && done && gone
}

/// The legs that a person may settle.
const SETTLED: [Leg; 3] = [Leg::Do, Leg::Undo, Leg::Confirm];

/// A round under a fresh key would be no second effect: nothing that was sent can have
/// happened, or the undo says that repeating it is harmless.
pub(super) fn is_safe_anew(step: &Step, leg: &LegState, which: Leg) -> bool {
    let repeatable =
        which == Leg::Undo && matches!(&step.undo, Undo::Call(undo) if undo.repeatable);
    repeatable || (!leg.may_have && !leg.unanswered && !leg.took_effect)
}

/// Its undo is in the middle of a round, whose attempts carry the same bytes.
fn undo_is_under_way(undo: &LegState) -> bool {
    match undo.phase {
        LegPhase::InFlight { .. }
        | LegPhase::Retry { .. }
        | LegPhase::AwaitingReply { .. }
        | LegPhase::Polling { .. }
        | LegPhase::Child { .. } => true,
        LegPhase::Parked { .. } => undo.round > 0 && !undo.new_round,
        LegPhase::Idle | LegPhase::LookAgain { .. } | LegPhase::Stuck { .. } => false,
    }
}

impl Saga {
    /// What became of a do is not known, or needs a person. One whose undo took effect is
    /// settled by that.
    fn do_is_open(&self, state: &StepState) -> bool {
        let taken_back = state.undone == Some(Undone::Done);
        let over = self.phase == Phase::Compensated && state.undone.is_none();
        let unknown = state.state == State::Ended(Outcome::Unknown) && !taken_back && !over;
        let asked = !matches!(state.check.phase, LegPhase::Idle);
        let undecided = state.state == State::Running && (asked || is_open(&state.forward));
        unknown || undecided || matches!(state.forward.phase, LegPhase::Stuck { .. })
    }
}

/// It needs a person, or may have happened and is not over.
fn is_open(leg: &LegState) -> bool {
    match leg.phase {
        LegPhase::Stuck { .. }
        | LegPhase::AwaitingReply { .. }
        | LegPhase::Polling { .. }
        | LegPhase::LookAgain { .. } => true,
        LegPhase::Retry { .. } => leg.may_have || leg.unanswered,
        LegPhase::Parked { overdue, .. } => overdue || leg.may_have || leg.unanswered,
        LegPhase::Idle | LegPhase::InFlight { .. } | LegPhase::Child { .. } => false,
    }
}
