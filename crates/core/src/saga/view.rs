//! What people and programs see of a saga: its status, where it is stuck, the state of each
//! undo and confirm. Projections of its state, never stored.

use super::{
    Leg, LegPhase, LegState, Outcome, Phase, Saga, Signal, State, Status, StepState, StuckCode,
    Undone,
};
use crate::definition::Step;
use crate::route::Spot;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a saga is stuck: the first leg that needs a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckAt {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: Leg,
    /// Why.
    pub code: StuckCode,
    /// In words.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
}

/// What is seen of a step's undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoView {
    /// The step has none.
    None,
    /// It may have to run.
    Pending,
    /// It runs, or waits to run again.
    Running,
    /// It took effect.
    Done,
    /// The do certainly did not happen, or the undo found nothing.
    NothingToUndo,
    /// It needs a person.
    Stuck,
}

impl UndoView {
    /// The state as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            UndoView::None => "none",
            UndoView::Pending => "pending",
            UndoView::Running => "running",
            UndoView::Done => "done",
            UndoView::NothingToUndo => "nothing_to_undo",
            UndoView::Stuck => "stuck",
        }
    }
}

/// What is seen of a step's confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConfirmView {
    /// It runs once every step is over, if its step is done.
    Pending,
    /// It runs, or waits to run again.
    Running,
    /// It took effect.
    Done,
    /// It needs a person.
    Stuck,
}

impl ConfirmView {
    /// The state as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConfirmView::Pending => "pending",
            ConfirmView::Running => "running",
            ConfirmView::Done => "done",
            ConfirmView::Stuck => "stuck",
        }
    }
}

impl Saga {
    /// Its status. It is stuck only when nothing can run.
    pub fn status(&self) -> Status {
        match self.phase {
            Phase::Completed => Status::Completed,
            Phase::Compensated => Status::Compensated,
            Phase::Abandoned => Status::Abandoned,
            Phase::Forward | Phase::Back if self.has_stuck_only() => Status::Stuck,
            Phase::Forward => Status::Running,
            Phase::Back => Status::Compensating,
        }
    }

    /// The first leg that needs a person.
    pub fn stuck(&self) -> Option<StuckAt> {
        let mut first: Option<StuckAt> = None;
        if self.phase == Phase::Abandoned || !self.has_stuck() {
            return None;
        }
        self.each_state(&mut |at, state| {
            for leg in Leg::ALL {
                let found = stuck_at(at, state.leg(leg), leg);
                let sooner =
                    |found: &StuckAt| first.as_ref().is_none_or(|known| found.since < known.since);
                if let Some(found) = found.filter(sooner) {
                    first = Some(found);
                }
            }
        });
        first
    }

    /// The signals that no step has taken yet, in order.
    pub fn untaken(&self) -> impl Iterator<Item = &Signal> {
        self.signals
            .iter()
            .filter(|signal| signal.taken_by.is_none())
    }

    /// Some attempt's intent stands without an answer.
    pub fn in_flight(&self) -> bool {
        self.any(|state| {
            let mut legs = Leg::ALL.iter();
            legs.any(|leg| matches!(state.leg(*leg).phase, LegPhase::InFlight { .. }))
        })
    }
}

fn stuck_at(at: Spot<'_>, state: &LegState, leg: Leg) -> Option<StuckAt> {
    let (code, message, since) = match &state.phase {
        LegPhase::Stuck {
            code,
            message,
            since,
        } => (*code, message.clone(), *since),
        LegPhase::Parked {
            cause,
            since,
            overdue: true,
        } => (StuckCode::Unreachable, cause.message.clone(), *since),
        LegPhase::Idle
        | LegPhase::InFlight { .. }
        | LegPhase::Child { .. }
        | LegPhase::Retry { .. }
        | LegPhase::AwaitingReply { .. }
        | LegPhase::Polling { .. }
        | LegPhase::LookAgain { .. }
        | LegPhase::Parked { .. } => return None,
    };
    Some(StuckAt {
        step: at.path(),
        leg,
        code,
        message,
        since,
    })
}

impl StepState {
    /// The state as written in the API. A group's is that of its parts.
    pub fn state_word(&self) -> &'static str {
        let only_signals = self.parts.iter().all(|part| part.signal.is_some());
        if only_signals || self.state != State::Pending {
            return match self.state {
                State::Pending => "pending",
                State::Skipped => "skipped",
                State::Running => "running",
                State::Ended(outcome) => outcome.as_str(),
            };
        }
        let words: Vec<&str> = self.parts.iter().map(StepState::state_word).collect();
        let all = |known: &[&str]| words.iter().all(|word| known.contains(word));
        let failed = ["unknown", "refused", "not_sent"]
            .into_iter()
            .find(|word| words.contains(word));
        match failed {
            _ if all(&["pending"]) => "pending",
            _ if all(&["done", "skipped"]) => "done",
            _ if words.contains(&"running") => "running",
            Some(failed) => failed,
            None => "running",
        }
    }

    /// What is seen of its confirm; none when it has none.
    pub fn confirm_view(&self, step: &Step) -> Option<ConfirmView> {
        step.confirm.as_ref()?;
        Some(match &self.confirm.phase {
            _ if self.confirmed => ConfirmView::Done,
            LegPhase::Idle => ConfirmView::Pending,
            LegPhase::Stuck { .. } | LegPhase::Parked { overdue: true, .. } => ConfirmView::Stuck,
            LegPhase::InFlight { .. }
            | LegPhase::Child { .. }
            | LegPhase::Retry { .. }
            | LegPhase::AwaitingReply { .. }
            | LegPhase::Polling { .. }
            | LegPhase::LookAgain { .. }
            | LegPhase::Parked { .. } => ConfirmView::Running,
        })
    }

    /// What is seen of its undo.
    pub fn undo_view(&self, step: &Step) -> UndoView {
        if !step.undo.is_some() {
            return UndoView::None;
        }
        match (&self.undo.phase, self.undone, self.state) {
            (LegPhase::Stuck { .. } | LegPhase::Parked { overdue: true, .. }, ..) => {
                UndoView::Stuck
            }
            (_, Some(Undone::Done), _) => UndoView::Done,
            (_, Some(Undone::NothingThere), _) => UndoView::NothingToUndo,
            // From the do's start on there may be something to undo, and not before.
            (
                _,
                None,
                State::Pending | State::Skipped | State::Ended(Outcome::Refused | Outcome::NotSent),
            ) => UndoView::NothingToUndo,
            (LegPhase::Idle, None, _) if self.undo.round == 0 => UndoView::Pending,
            (
                LegPhase::Idle
                | LegPhase::InFlight { .. }
                | LegPhase::Child { .. }
                | LegPhase::Retry { .. }
                | LegPhase::AwaitingReply { .. }
                | LegPhase::Polling { .. }
                | LegPhase::LookAgain { .. }
                | LegPhase::Parked { .. },
                None,
                _,
            ) => UndoView::Running,
        }
    }
}
