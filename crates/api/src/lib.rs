//! The wire contract of Banyan's HTTP API v1: what is sent, what is answered, and every error
//! code with its status and its page.
//!
//! Guarantees: every field of an answer is always present, null when there is nothing; an
//! enumeration's value that this build does not know survives reading and writing again.
//! It knows no transport, no handler and no store.

mod attempt;
mod audit;
mod code;
mod definition;
mod failures;
mod filter;
mod health;
mod list;
mod moment;
mod open;
mod operation;
mod preview;
mod problem;
mod requests;
mod saga;
mod service;
mod step;
mod stream;

pub use attempt::{Attempt, JournalEntry};
pub use audit::{AuditDefinition, AuditRow, AuditService, AuditStanding, AuditState};
pub use code::Code;
pub use definition::{
    CheckAnswer, Definition, DefinitionDetail, DefinitionDiff, DefinitionVersion, Diagnostic,
    Difference, Registered, Severity,
};
pub use failures::{Damaged, FailureGroup, FailureKind, Failures, NotCounted};
pub use filter::{FILTER_KEYS, Filter, FilterError, known_codes, one_of, percent_decode};
pub use health::{Health, HealthStatus};
pub use list::Page;
pub use moment::Moment;
pub use operation::{
    Operation, OperationAnswer, OperationCount, OperationFailure, OperationPreview,
    OperationRefusal, OperationRequest, OperationSample, OperationState, OperationTaken,
    TurnOperationRequest,
};
pub use preview::{Planned, Preview, Settlement, VerbAnswer};
pub use problem::{FieldError, Problem};
pub use requests::{
    AcceptingRequest, ActiveRequest, MoveRequest, NoteRequest, PauseRequest, RetryRequest,
    ServiceRequest, SettleRequest, StartRequest, VerbRequest,
};
pub use saga::{
    Child, Failure, Left, MinimalSaga, MoveAnswer, Obstacle, Parent, Reason, ReasonCode,
    ReplyAccepted, ReplyOutcome, ReplyRequest, Saga, SagaItem, SagaStatus, Signal, SignalAccepted,
    Stuck, StuckCode, Verb, WaitKind, Waiting,
};
pub use service::{Instance, Misconfigured, Service, Silence};
pub use step::{
    Confirm, ConfirmState, LegName, Outcome, Step, StepKind, StepState, UndoLeg, UndoState,
};
pub use stream::{ResetEvent, ResetReason, ServiceChange, ServiceEvent, StreamEvent};

/// Any JSON value; numbers keep the digits they were written with.
pub type Json = serde_json::Value;
