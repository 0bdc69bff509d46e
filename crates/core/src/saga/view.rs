//! What people and programs see of a saga: its status, where it is stuck, what it waits on.
//! Projections of its state, never stored.

use super::{
    ChildState, Leg, LegPhase, LegState, Outcome, ParkCode, Phase, Saga, Signal, State, Status,
    StepState, StuckCode, Undone,
};
use crate::definition::{Call, Kind, Step};
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

/// One thing that a saga waits on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What kind of thing.
    pub kind: WaitingKind,
    /// The step's path; empty where it is the saga that waits, for its lock.
    pub step: String,
    /// The leg, where there is one.
    pub leg: Option<Leg>,
    /// The service, where there is one.
    pub service: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Until when at the latest, where that is known.
    pub until: Option<Timestamp>,
    /// In words that a person understands.
    pub message: String,
}

/// What a saga may wait on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingKind {
    /// A service's answer.
    Call,
    /// The next attempt.
    Retry,
    /// The answer to a check, or to a question whether it is decided now.
    Check,
    /// A reply that comes later.
    Reply,
    /// A signal.
    Signal,
    /// A time.
    Timer,
    /// A child.
    Child,
    /// A service that cannot be called now.
    Parked,
    /// A road or a credential that is wrong.
    Misconfigured,
    /// Its lock.
    Lock,
    /// Somebody's help.
    Person,
}

impl WaitingKind {
    /// All of them.
    pub const ALL: [WaitingKind; 11] = [
        WaitingKind::Call,
        WaitingKind::Retry,
        WaitingKind::Check,
        WaitingKind::Reply,
        WaitingKind::Signal,
        WaitingKind::Timer,
        WaitingKind::Child,
        WaitingKind::Parked,
        WaitingKind::Misconfigured,
        WaitingKind::Lock,
        WaitingKind::Person,
    ];

    /// The kind as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            WaitingKind::Call => "call",
            WaitingKind::Retry => "retry",
            WaitingKind::Check => "check",
            WaitingKind::Reply => "reply",
            WaitingKind::Signal => "signal",
            WaitingKind::Timer => "timer",
            WaitingKind::Child => "child",
            WaitingKind::Parked => "parked",
            WaitingKind::Misconfigured => "misconfigured",
            WaitingKind::Lock => "lock",
            WaitingKind::Person => "person",
        }
    }
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

    /// What it waits on, in the order of the definition; empty only at rest, where nothing but
    /// the call at its end, or the undo of a late effect, may be under way.
    pub fn waiting_on(&self) -> Vec<Waiting> {
        let mut all: Vec<Waiting> = self.lock_wait().into_iter().collect();
        let given_up = self.phase == Phase::Abandoned;
        self.each_state(&mut |at, state| {
            if given_up && !at.is_end() {
                return;
            }
            for leg in Leg::ALL {
                all.extend(waits_of_leg(self, at, state, leg));
            }
            all.extend(waits_of_step(at, state));
        });
        all
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

fn waits_of_leg(saga: &Saga, at: Spot<'_>, state: &StepState, leg: Leg) -> Option<Waiting> {
    // Nobody asks what is idle, and paths are long to write.
    if matches!(state.leg(leg).phase, LegPhase::Idle) {
        return None;
    }
    let call = super::request::call_of(at.step, leg);
    let child = state.child.as_ref();
    let state = state.leg(leg);
    let named = call.map_or("", |call| call.service.as_str());
    let path = at.path();
    let what = leg_in_words(leg, &path);
    let checks = leg == Leg::Check;
    let or_check = |kind| if checks { WaitingKind::Check } else { kind };
    let (kind, since, until, message) = match &state.phase {
        LegPhase::Idle => return None,
        LegPhase::InFlight { since, until, .. } => {
            let kind = or_check(WaitingKind::Call);
            let tried = tried(call, state);
            let message = format!("{named} was called for {what}; {tried}, no answer yet");
            (kind, since, Some(*until), message)
        }
        LegPhase::Child { since } => {
            let message = format!("{what} waits for {}", child_in_words(child));
            (WaitingKind::Child, since, None, message)
        }
        LegPhase::Retry { at, since } => {
            let kind = or_check(WaitingKind::Retry);
            let message = retries(named, &what, call, state, *at);
            (kind, since, Some(*at), message)
        }
        LegPhase::AwaitingReply { since, until } => {
            let message = format!("{named} accepted {what}; its reply may come until {until}");
            (WaitingKind::Reply, since, Some(*until), message)
        }
        LegPhase::Polling { at, since } => {
            let of = if checks { &path } else { &what };
            let message = undecided(named, of, state, *at);
            (WaitingKind::Check, since, Some(*at), message)
        }
        LegPhase::LookAgain { at, since } => {
            let why = "since the do may still arrive";
            let message = format!("{named} is asked once more for {what} at {at}, {why}");
            (WaitingKind::Retry, since, Some(*at), message)
        }
        LegPhase::Parked { cause, since, .. } => {
            let until = park_ends(saga, at, leg);
            let message = format!("{what} waits for {named}: {}", cause.message);
            (parked_kind(cause.code), since, until, message)
        }
        LegPhase::Stuck {
            code,
            message,
            since,
        } => {
            let message = format!("{what} needs a person ({}): {message}", code.as_str());
            (WaitingKind::Person, since, None, message)
        }
    };
    Some(Waiting {
        kind,
        step: path,
        leg: Some(leg),
        service: call.map(|call| call.service.clone()),
        since: *since,
        until,
        message,
    })
}

/// Until when a leg that must run may be parked; none where it may be for ever, or was too long.
fn park_ends(saga: &Saga, at: Spot<'_>, leg: Leg) -> Option<Timestamp> {
    match saga.state(at.route).leg(leg).phase {
        LegPhase::Parked { since, overdue, .. } if saga.must_run(at, leg) && !overdue => {
            Some(since.plus(saga.park_limit))
        }
        _ => None,
    }
}

fn retries(
    named: &str,
    what: &str,
    call: Option<&Call>,
    state: &LegState,
    at: Timestamp,
) -> String {
    let last = state.last_message.clone();
    let last = last.unwrap_or_else(|| format!("{named} was not called yet"));
    format!("{last}, for {what}; {} at {at}", tried(call, state))
}

fn child_in_words(child: Option<&ChildState>) -> String {
    child.map_or_else(String::new, |child| {
        format!("the saga {} ({})", child.definition, child.id)
    })
}

fn leg_in_words(leg: Leg, path: &str) -> String {
    match leg {
        Leg::Do => path.to_owned(),
        Leg::Check => format!("the check of {path}"),
        Leg::Undo => format!("the undo of {path}"),
        Leg::Confirm => format!("the confirm of {path}"),
    }
}

fn undecided(named: &str, of: &str, state: &LegState, at: Timestamp) -> String {
    let until = state.poll_until.unwrap_or(at);
    format!(
        "{named} has not decided yet: it is asked at {at} what became of {of}, and until {until} at most"
    )
}

/// Which attempt of how many this is, in words.
fn tried(call: Option<&Call>, state: &LegState) -> String {
    let now = state.burned + 1;
    match call.and_then(|call| call.retry.attempts) {
        Some(attempts) => format!("attempt {now} of {attempts}"),
        None => format!("attempt {now}"),
    }
}

const fn parked_kind(code: ParkCode) -> WaitingKind {
    match code {
        ParkCode::Misconfigured => WaitingKind::Misconfigured,
        ParkCode::Paused | ParkCode::Unavailable => WaitingKind::Parked,
    }
}

fn waits_of_step(at: Spot<'_>, state: &StepState) -> Option<Waiting> {
    let until = state.until.filter(|_| state.state == State::Running)?;
    let since = state.started_at.unwrap_or_default();
    let by = until.to_string();
    let until = Some(until);
    let path = at.path();
    let (kind, message) = match &at.step.kind {
        Kind::Wait(wait) => (
            WaitingKind::Signal,
            format!("{} waits for the signal {} until {by}", path, wait.signal),
        ),
        Kind::Sleep(_) => (WaitingKind::Timer, format!("{path} sleeps until {by}")),
        Kind::Call(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Group(_)
        | Kind::Each(_)
        | Kind::Run(_) => return None,
    };
    Some(Waiting {
        kind,
        step: path,
        leg: None,
        service: None,
        since,
        until,
        message,
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
