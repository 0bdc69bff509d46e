//! A definition as the engine runs it: every default resolved, every expression parsed.
//!
//! The language module makes it from a saga file; its JSON form is what the store keeps, so
//! that no later Banyan changes the meaning of a registered definition.

use crate::expr::{Expr, Template, Text};
use crate::json::Json;
use crate::secret::SecretPath;
use crate::time::Duration;
use serde::{Deserialize, Serialize};

/// One saga file at one version, immutable once registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Definition {
    /// The definition's name, `[a-z][a-z0-9_]*`.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// SHA-256 of the canonical resolved form without this field; hexadecimal.
    pub hash: String,
    /// What the file says it is for.
    pub description: Option<String>,
    /// JSON Schema 2020-12 of the input.
    pub input: Option<Json>,
    /// What people search by, in the order of the file.
    pub labels: Vec<Label>,
    /// From acceptance; past it, before the pivot, the saga is undone.
    pub deadline: Option<Duration>,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// The value that a completed saga answers.
    pub output: Option<Template>,
    /// The call that is made whenever a saga of it ends, in the form of a step: `on_end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_end: Option<Box<Step>>,
    /// Sagas with the same value of it run one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Expr>,
    /// How long a saga of it is kept after its end; none leaves that to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Duration>,
    /// What nobody is to see of its input and output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<SecretPath>,
}

/// A name and the expression over `$input` that gives its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Label {
    /// The label's name.
    pub name: String,
    /// What it holds.
    pub value: Expr,
}

/// One part of a saga.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the file.
    pub name: String,
    /// Its place: the names of the groups around it and its own, joined by dots; `[]` stands
    /// for an item of an `each`. [`Spot::path`] names it in one saga.
    pub path: String,
    /// False when reached: the step is skipped, its result null.
    pub when: Option<Expr>,
    /// What the step does.
    pub kind: Kind,
    /// How its effect is taken back.
    pub undo: Undo,
    /// Its second half: called once every step is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Box<Call>>,
    /// It is the point of no return.
    pub pivot: bool,
    /// It stands after the pivot: it is retried until done.
    pub after_pivot: bool,
    /// What a refusal leads to.
    pub on_refused: OnRefused,
    /// What an unknown outcome leads to.
    pub on_unknown: OnUnknown,
    /// What nobody is to see of its result, and of what its do sends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<SecretPath>,
}

/// What a step does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Call a service.
    Call(Box<Do>),
    /// Wait for a signal.
    Wait(Wait),
    /// Wait for a time.
    Sleep(Sleep),
    /// Compute a value.
    Set(Template),
    /// Turn back, with this message.
    Refuse(Template),
    /// Steps side by side, or one after another.
    Group(Group),
    /// One run for each item of a list.
    Each(Box<Each>),
    /// Run a saga of its own.
    Run(Box<Run>),
}

/// The do of a call step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Do {
    /// The call itself.
    pub call: Call,
    /// The service cannot tell a repeat: tried again only while nothing was sent.
    pub once: bool,
    /// Asked when the outcome is unknown.
    pub check: Option<Call>,
}

/// A call to a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The registered service.
    pub service: String,
    /// The path, from its first `/`.
    pub path: Text,
    /// The JSON body; none sends no body.
    pub body: Option<Template>,
    /// Query parameters in their order. A null value leaves its parameter out.
    pub query: Vec<(String, Text)>,
    /// Headers in their order. A null value leaves its header out.
    pub headers: Vec<(String, Text)>,
    /// Of one attempt.
    pub timeout: Duration,
    /// When and how often to try again.
    pub retry: Retry,
    /// This answer means no, whatever its status said.
    pub refused_when: Option<Expr>,
    /// What nobody is to see of what it sends and is answered; of a do, its step says that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<SecretPath>,
    /// An answer may leave open what becomes of it, and how that is found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Box<Pending>>,
}

/// What is done about an answer that decides nothing yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// A 202 means that the outcome comes to the reply address.
    pub reply: bool,
    /// A 2xx for which it holds decides nothing yet: of a do its check is asked, any other leg
    /// is sent again.
    pub when: Option<Expr>,
    /// How often.
    pub every: Duration,
    /// From the first such answer; then the outcome is unknown.
    pub within: Duration,
    /// When the saga turns back meanwhile.
    pub on_turn_back: OnTurnBack,
}

/// What turning back means for a do that is not decided yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTurnBack {
    /// Its reply and its polls are waited for.
    Wait,
    /// It is undone at once as one that may have happened.
    GiveUp,
}

/// An HTTP method that a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Safe.
    Get,
    /// Safe.
    Head,
    /// Repeats only under its idempotency key.
    Post,
    /// Repeatable by its meaning.
    Put,
    /// Repeats only under its idempotency key.
    Patch,
    /// Repeatable by its meaning.
    Delete,
}

impl Method {
    /// All of them, in the order of the documentation.
    pub const ALL: [Method; 6] = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Patch,
        Method::Delete,
    ];

    /// The method as written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// It asks and changes nothing.
    pub const fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }

    /// A repeat has the effect of one, whatever its key.
    pub const fn is_repeatable(self) -> bool {
        !matches!(self, Method::Post | Method::Patch)
    }
}

/// When and how often a leg is tried again: full jitter under an exponential bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts of one round; none means for ever.
    pub attempts: Option<u32>,
    /// The bound of the first pause.
    pub first: Duration,
    /// By how much the bound grows, in thousandths (2000 doubles it).
    pub factor_milli: u32,
    /// Where the bound ends.
    pub max: Duration,
}

impl Retry {
    /// The bound of the pause after `failed` attempts (from 1).
    pub fn bound(&self, failed: u32) -> Duration {
        let mut bound = u128::from(self.first.millis());
        let max = u128::from(self.max.millis());
        for _ in 1..failed {
            if bound >= max {
                break;
            }
            bound = bound * u128::from(self.factor_milli) / 1000;
        }
        Duration::from_millis(u64::try_from(bound.min(max)).unwrap_or(u64::MAX))
    }
}

/// How a step's effect is taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// The file names none; the checker allows that where nothing can be left behind.
    Absent,
    /// The file says aloud that there is nothing to undo.
    None,
    /// A call takes it back.
    Call(Box<UndoCall>),
    /// The child is told to undo itself.
    Child,
}

impl Undo {
    /// Something takes the effect back.
    pub const fn is_some(&self) -> bool {
        match self {
            Undo::Call(_) | Undo::Child => true,
            Undo::Absent | Undo::None => false,
        }
    }
}

/// The undo of a call step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UndoCall {
    /// The call itself.
    pub call: Call,
    /// "Not found" is final, whatever became of the do.
    pub missing_ok: bool,
    /// Which answers mean "not found"; none means a 410, or a 404 with a JSON body.
    pub missing_when: Option<Expr>,
    /// Undoing twice has the effect of one, whatever the undo's own key (promise P2).
    pub repeatable: bool,
    /// How long to wait before the second look at an unknown do; none when the service keeps
    /// a tombstone (promise P3) and no second look is needed.
    pub look_again: Option<Duration>,
}

/// A wait for a signal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wait {
    /// The signal's name.
    pub signal: String,
    /// JSON Schema of its body.
    pub accepts: Option<Json>,
    /// None within it means refused.
    pub within: Duration,
    /// This signal means no.
    pub refused_when: Option<Expr>,
}

/// A durable timer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sleep {
    /// From when the step is reached.
    For(Duration),
    /// Until the moment (RFC 3339, or milliseconds since the epoch) that the expression gives.
    Until(Expr),
}

/// Steps side by side, or one after another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Side by side (`together`) or one after another (`steps`).
    pub parallel: bool,
    /// The parts.
    pub steps: Vec<Step>,
}

/// One run for each item of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Each {
    /// The list.
    pub items: Expr,
    /// The variable that holds the item, without its `$`.
    pub item: String,
    /// How many items at once, the undo too.
    pub limit: u32,
    /// What is done for an item: a call, or a group of steps one after another. It bears the
    /// name of the `each`, and no expression knows it by that.
    pub body: Step,
}

/// A saga of its own: the step's child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The child's definition.
    pub saga: String,
    /// Its version; none means the one that is active when the parent starts.
    pub version: Option<u32>,
    /// Its input; none means null.
    pub input: Option<Template>,
    /// This output means no.
    pub refused_when: Option<Expr>,
}

impl Run {
    /// As a file names it: `charge`, `charge@3`.
    pub fn name(&self) -> String {
        match self.version {
            Some(version) => format!("{}@{version}", self.saga),
            None => self.saga.clone(),
        }
    }
}

/// What a refusal leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRefused {
    /// The saga turns back; after the pivot it is stuck.
    TurnBack,
    /// It is recorded, the result is null, the saga goes on.
    Continue,
}

/// What an unknown outcome leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// It is undone as "may have happened".
    Undo,
    /// The saga waits for a person.
    Stuck,
}
