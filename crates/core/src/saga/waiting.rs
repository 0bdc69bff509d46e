//! Why a saga waits: for each thing that it waits on, the service, the leg, the cause, since
//! when, the next try, and one command that helps, in words that a person understands.
//! Projections of its state, never stored.
//!
//! What only others know is added by them: who stands before it in the line of its lock
//! ([`Waiting::in_line`]), whether its call has left ([`Waiting::at_capacity`]), and that it is
//! stalled ([`Waiting::stalled`]).

use super::{
    ChildState, Leg, LegPhase, LegState, ParkCause, ParkCode, Phase, Saga, State, Status,
    StepState, StuckCode,
};
use crate::definition::{Call, Kind};
use crate::id::Id;
use crate::route::Spot;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// One command that helps, or that shows more, and can be typed as it stands; words where
    /// no command helps.
    pub help: String,
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
    /// Its turn: as many calls are under way as there may be.
    Capacity,
    /// Somebody's help.
    Person,
}

impl WaitingKind {
    /// All of them.
    pub const ALL: [WaitingKind; 12] = [
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
        WaitingKind::Capacity,
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
            WaitingKind::Capacity => "capacity",
            WaitingKind::Person => "person",
        }
    }
}

impl Waiting {
    /// A wait for a lock, with whom it waits for: how many stand before it, and the first of
    /// them.
    #[must_use]
    pub fn in_line(mut self, ahead: u64, first: Id, status: Status) -> Waiting {
        let before = match ahead {
            1 => "one stands before it".to_owned(),
            more => format!("{more} stand before it"),
        };
        self.message += &format!("; {before}, the first is {first} ({})", status.as_str());
        if status == Status::Stuck {
            self.message += ", which keeps the lock until a person has seen to it";
        }
        self.help = format!("banyan show {first}");
        self
    }

    /// A call that has not left, because as many are under way as there may be: `whose` says
    /// how many, and of whom.
    #[must_use]
    pub fn at_capacity(mut self, whose: &str) -> Waiting {
        self.kind = WaitingKind::Capacity;
        let called = match (self.leg, &self.service) {
            (Some(leg), Some(service)) => format!(
                "{} waits for its turn to call {service}",
                leg_in_words(leg, &self.step)
            ),
            _ => "it waits for its turn".to_owned(),
        };
        self.message = format!("{called}: {whose}");
        if let Some(service) = &self.service {
            self.help = format!("banyan services get {service}");
        }
        self
    }

    /// What should have moved and did not, with what is known of it.
    #[must_use]
    pub fn stalled(mut self, cause: &str, help: &str) -> Waiting {
        self.message = format!("stalled: {cause}; {}", self.message);
        help.clone_into(&mut self.help);
        self
    }
}

impl Saga {
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
            all.extend(waits_of_step(self, at, state));
        });
        all
    }
}

/// A leg that waits, and all that its words are made of.
struct Wait<'a> {
    saga: &'a Saga,
    at: Spot<'a>,
    leg: Leg,
    state: &'a LegState,
    call: Option<&'a Call>,
    path: String,
    /// The leg in words.
    what: String,
}

fn waits_of_leg(saga: &Saga, at: Spot<'_>, state: &StepState, leg: Leg) -> Option<Waiting> {
    // Nobody asks what is idle, and paths are long to write.
    if matches!(state.leg(leg).phase, LegPhase::Idle) {
        return None;
    }
    let path = at.path();
    let wait = Wait {
        saga,
        at,
        leg,
        state: state.leg(leg),
        call: super::request::call_of(at.step, leg),
        what: leg_in_words(leg, &path),
        path,
    };
    let (kind, since, until) = wait.times()?;
    let (message, help) = wait.words(state.child.as_ref());
    Some(Waiting {
        kind,
        leg: Some(leg),
        service: wait.call.map(|call| call.service.clone()),
        step: wait.path,
        since,
        until,
        message,
        help,
    })
}

impl Wait<'_> {
    /// What kind of waiting it is, since when, and until when; none when it waits for nothing.
    fn times(&self) -> Option<(WaitingKind, Timestamp, Option<Timestamp>)> {
        Some(match &self.state.phase {
            LegPhase::Idle => return None,
            LegPhase::InFlight { since, until, .. } => {
                (self.or_check(WaitingKind::Call), *since, Some(*until))
            }
            LegPhase::Child { since } => (WaitingKind::Child, *since, None),
            LegPhase::Retry { at, since } => (self.or_check(WaitingKind::Retry), *since, Some(*at)),
            LegPhase::AwaitingReply { since, until } => (WaitingKind::Reply, *since, Some(*until)),
            LegPhase::Polling { at, since } => (WaitingKind::Check, *since, Some(*at)),
            LegPhase::LookAgain { at, since } => (WaitingKind::Retry, *since, Some(*at)),
            LegPhase::Parked { cause, since, .. } => {
                (parked_kind(cause.code), *since, self.park_ends())
            }
            LegPhase::Stuck { since, .. } => (WaitingKind::Person, *since, None),
        })
    }

    /// It in words, and the command that helps.
    fn words(&self, child: Option<&ChildState>) -> (String, String) {
        let (named, what) = (self.named(), &self.what);
        match &self.state.phase {
            LegPhase::Idle | LegPhase::InFlight { .. } => (self.called(), self.on("attempts")),
            LegPhase::Child { .. } => self.child(child),
            LegPhase::Retry { at, .. } => (self.retries(*at), self.retry()),
            LegPhase::AwaitingReply { until, .. } => {
                let message = format!("{named} accepted {what}; its reply may come until {until}");
                (message, self.on("attempts"))
            }
            LegPhase::Polling { at, .. } => (self.undecided(*at), self.retry()),
            LegPhase::LookAgain { at, .. } => {
                let message = format!(
                    "{named} is asked once more for {what} at {at}, since the do may still arrive"
                );
                (message, self.on("attempts"))
            }
            LegPhase::Parked { cause, .. } => self.parked(cause),
            LegPhase::Stuck { code, message, .. } => {
                let message = format!("{what} needs a person ({}): {message}", code.as_str());
                (message, self.person(*code, child))
            }
        }
    }

    fn named(&self) -> &str {
        self.call.map_or("", |call| call.service.as_str())
    }

    fn or_check(&self, kind: WaitingKind) -> WaitingKind {
        if self.leg == Leg::Check {
            WaitingKind::Check
        } else {
            kind
        }
    }

    /// A command about this saga.
    fn on(&self, command: &str) -> String {
        format!("banyan {command} {}", self.saga.id)
    }

    /// What a try now would do: it needs no reason, and can be typed as it stands.
    fn retry(&self) -> String {
        format!("banyan retry {} --dry-run", self.saga.id)
    }

    fn called(&self) -> String {
        let (named, what, tried) = (self.named(), &self.what, self.tried());
        format!("{named} was called for {what}; {tried}, no answer yet")
    }

    /// Which attempt of how many this is, in words.
    fn tried(&self) -> String {
        let now = self.state.burned + 1;
        let attempt = match self.call.and_then(|call| call.retry.attempts) {
            Some(attempts) => format!("attempt {now} of {attempts}"),
            None => format!("attempt {now}"),
        };
        let round = self.state.round + u32::from(self.state.new_round);
        if round > 1 {
            format!("{attempt} in round {round}")
        } else {
            attempt
        }
    }

    fn retries(&self, at: Timestamp) -> String {
        let last = self.state.last_message.clone();
        let last = last.unwrap_or_else(|| format!("{} was not called yet", self.named()));
        format!("{last}, for {}; {} at {at}", self.what, self.tried())
    }

    fn undecided(&self, at: Timestamp) -> String {
        let until = self.state.poll_until.unwrap_or(at);
        let of = if self.leg == Leg::Check {
            &self.path
        } else {
            &self.what
        };
        format!(
            "{} has not decided yet: it is asked at {at} what became of {of}, and until {until} at most",
            self.named()
        )
    }

    fn child(&self, child: Option<&ChildState>) -> (String, String) {
        let Some(child) = child else {
            return (
                format!("{} waits for the saga that it runs", self.what),
                self.on("show"),
            );
        };
        let message = format!(
            "{} waits for the saga {} ({}), which is {}",
            self.what,
            child.definition,
            child.id,
            child.status.as_str()
        );
        (message, format!("banyan show {}", child.id))
    }

    fn parked(&self, cause: &ParkCause) -> (String, String) {
        let (named, what) = (self.named(), &self.what);
        let message = format!("{what} waits for {named}: {}", cause.message);
        let help = match cause.code {
            ParkCode::Paused | ParkCode::Misconfigured => format!("banyan resume {named}"),
            ParkCode::Unavailable => format!("banyan services get {named}"),
        };
        (message, help)
    }

    /// Until when a leg that must run may be parked; none where it may be for ever, or was too
    /// long.
    fn park_ends(&self) -> Option<Timestamp> {
        match self.state.phase {
            LegPhase::Parked { since, overdue, .. }
                if self.saga.must_run(self.at, self.leg) && !overdue =>
            {
                Some(since.plus(self.saga.park_limit))
            }
            _ => None,
        }
    }

    /// The command that most likely helps where a person is needed. All that are allowed stand
    /// beside.
    fn person(&self, code: StuckCode, child: Option<&ChildState>) -> String {
        let (id, path, leg) = (self.saga.id, in_a_shell(&self.path), self.leg.as_str());
        // A check is settled by what became of its do.
        let settled = if self.leg == Leg::Check { "do" } else { leg };
        let settle = format!("banyan settle {id} {path} {settled} done --evidence HOW --dry-run");
        match code {
            StuckCode::UndoRefused | StuckCode::UndoExhausted | StuckCode::ForwardRefused => {
                format!("banyan retry {id} --step {path} --leg {leg} --dry-run")
            }
            StuckCode::Unreachable => format!("banyan resume {}", self.named()),
            StuckCode::ChildStuck => {
                child.map_or(settle, |child| format!("banyan show {}", child.id))
            }
            _ => settle,
        }
    }
}

/// A path as a shell takes it: `lines[3]` would be a pattern.
fn in_a_shell(path: &str) -> String {
    if path.contains('[') {
        format!("'{path}'")
    } else {
        path.to_owned()
    }
}

fn leg_in_words(leg: Leg, path: &str) -> String {
    match leg {
        Leg::Do => path.to_owned(),
        Leg::Check => format!("the check of {path}"),
        Leg::Undo => format!("the undo of {path}"),
        Leg::Confirm => format!("the confirm of {path}"),
    }
}

const fn parked_kind(code: ParkCode) -> WaitingKind {
    match code {
        ParkCode::Misconfigured => WaitingKind::Misconfigured,
        ParkCode::Paused | ParkCode::Unavailable => WaitingKind::Parked,
    }
}

fn waits_of_step(saga: &Saga, at: Spot<'_>, state: &StepState) -> Option<Waiting> {
    let until = state.until.filter(|_| state.state == State::Running)?;
    let since = state.started_at.unwrap_or_default();
    let by = until.to_string();
    let until = Some(until);
    let path = at.path();
    let (kind, message, help) = match &at.step.kind {
        Kind::Wait(wait) => (
            WaitingKind::Signal,
            format!("{path} waits for the signal {} until {by}", wait.signal),
            // The wait is named, so that an equal signal to an earlier one is told from it.
            format!(
                "banyan signal {} {} '{{}}' --step {}",
                saga.id,
                wait.signal,
                in_a_shell(&path)
            ),
        ),
        Kind::Sleep(_) => (
            WaitingKind::Timer,
            format!("{path} sleeps until {by}"),
            format!("banyan show {}", saga.id),
        ),
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
        help,
    })
}
