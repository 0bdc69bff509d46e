//! The one map from what the engine refuses to stable codes.

use crate::fault::Fault;
use banyan_api::{Code, FieldError};
use banyan_core::children::ChildProblem;
use banyan_core::id::Id;
use banyan_core::language::Diagnostic;
use banyan_core::saga::{Status, Verb};
use banyan_engine::{
    AskError, DefinitionError, LookError, MoveError, OperationError, Refusal, RegisterError,
    ReplyError, ServiceError, SignalError, StartError, Violation,
};
use banyan_outbound::ProblemCode;

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Overloaded { .. } => Fault::new(Code::OverCapacity, detail),
            Refusal::ShuttingDown => Fault::new(Code::Stopping, detail),
            Refusal::Unavailable { .. } => Fault::new(Code::StoreUnavailable, detail),
        }
    }
}

impl From<LookError> for Fault {
    fn from(error: LookError) -> Fault {
        match error {
            LookError::Refused(refusal) => refusal.into(),
            LookError::Damaged { id, .. } => {
                Fault::internal("the saga cannot be read", &error).with_saga(id)
            }
        }
    }
}

impl From<StartError> for Fault {
    fn from(error: StartError) -> Fault {
        let detail = error.to_string();
        match error {
            StartError::NoSuchDefinition { .. } => Fault::new(Code::NoSuchDefinition, detail),
            StartError::NoSuchVersion { .. } => Fault::new(Code::NoSuchVersion, detail),
            StartError::NotAccepting { .. } => Fault::new(Code::NotAccepting, detail),
            StartError::UnknownService { .. } => Fault::new(Code::NoSuchService, detail),
            StartError::Child(ChildProblem::NotRegistered { .. }) => {
                Fault::new(Code::ChildNotRegistered, detail)
            }
            StartError::Child(ChildProblem::Cycle { .. }) => Fault::new(Code::ChildCycle, detail),
            StartError::Child(ChildProblem::Lock { .. }) => Fault::new(Code::ChildWithLock, detail),
            StartError::Child(ChildProblem::NoReturn { .. }) => {
                Fault::new(Code::ChildWithPivot, detail)
            }
            StartError::InvalidInput { violations } => {
                let errors = faults(Code::InvalidInput, "/input", violations);
                Fault::new(Code::InvalidInput, summary(&detail, &errors)).with_errors(errors)
            }
            StartError::InvalidLabel { label, message } => {
                let place = format!("/labels/{label}");
                let error = FieldError::at(Code::InvalidInput, place, message);
                Fault::new(Code::InvalidInput, detail).with_errors(vec![error])
            }
            StartError::KeyReused { id, .. } => Fault::new(Code::KeyReused, detail).with_saga(id),
            StartError::Purged { id, status } => purged(id, status),
            StartError::Look(error) => error.into(),
            StartError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<SignalError> for Fault {
    fn from(error: SignalError) -> Fault {
        let detail = error.to_string();
        match error {
            SignalError::NoSuchSaga { id } => crate::app::no_such_saga(id),
            SignalError::UnknownSignal { known, .. } => {
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                Fault::new(
                    Code::UnknownSignal,
                    format!("{detail}; it waits for {known}"),
                )
            }
            SignalError::InvalidBody { violations } => {
                let errors = faults(Code::InvalidSignal, "", violations);
                Fault::new(Code::InvalidSignal, summary(&detail, &errors)).with_errors(errors)
            }
            SignalError::KeyReused { .. } => Fault::new(Code::KeyReused, detail),
            SignalError::Ended { .. } => Fault::new(Code::SagaEnded, detail),
            SignalError::TooManySignals { .. } => Fault::new(Code::TooManySignals, detail),
            SignalError::Look(error) => error.into(),
            SignalError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<ReplyError> for Fault {
    fn from(error: ReplyError) -> Fault {
        match error {
            ReplyError::Unknown => crate::handlers::replies::no_such_reply(),
            ReplyError::AlreadySettled { message } => Fault::new(Code::AlreadySettled, message),
            ReplyError::Look(error) => error.into(),
            ReplyError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<AskError> for Fault {
    fn from(error: AskError) -> Fault {
        let detail = error.to_string();
        match error {
            AskError::NoSuchSaga { id } => crate::app::no_such_saga(id),
            AskError::NoSuchStep { .. } => Fault::new(Code::NoSuchStep, detail),
            AskError::ChangedSince { .. } => Fault::new(Code::ChangedSince, detail),
            AskError::NotAllowedNow { message, allowed } => not_allowed(&message, &allowed),
            AskError::Look(error) => error.into(),
            AskError::Refused(refusal) => refusal.into(),
        }
    }
}

/// A verb that is not allowed now, and those that are.
fn not_allowed(message: &str, allowed: &[Verb]) -> Fault {
    let verbs: Vec<&str> = allowed.iter().map(|verb| verb.as_str()).collect();
    let allowed = match verbs.is_empty() {
        true => String::new(),
        false => format!("; allowed now: {}", verbs.join(", ")),
    };
    Fault::new(Code::NotAllowedNow, format!("{message}{allowed}"))
}

impl From<MoveError> for Fault {
    fn from(error: MoveError) -> Fault {
        let detail = error.to_string();
        match error {
            MoveError::NoSuchSaga { id } => crate::app::no_such_saga(id),
            MoveError::NoSuchVersion { .. } => Fault::new(Code::NoSuchVersion, detail),
            MoveError::UnknownService { .. } => Fault::new(Code::NoSuchService, detail),
            MoveError::Child(problem) => StartError::Child(problem).into(),
            MoveError::ChangedSince { .. } => Fault::new(Code::ChangedSince, detail),
            MoveError::NotSafe { obstacles, .. } => {
                let errors = obstacles.into_iter().map(|one| FieldError {
                    code: one.code.as_str().to_owned(),
                    severity: banyan_api::Severity::Error,
                    line: None,
                    column: None,
                    pointer: None,
                    message: match one.path {
                        Some(path) => format!("{path}: {}", one.message),
                        None => one.message,
                    },
                    help: None,
                });
                let errors: Vec<FieldError> = errors.collect();
                Fault::new(Code::MoveNotSafe, summary(&detail, &errors)).with_errors(errors)
            }
            MoveError::NotAllowedNow { message, allowed } => not_allowed(&message, &allowed),
            MoveError::Look(error) => error.into(),
            MoveError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<OperationError> for Fault {
    fn from(error: OperationError) -> Fault {
        let detail = error.to_string();
        match error {
            OperationError::NothingSelected => Fault::new(Code::NothingSelected, detail),
            OperationError::TooMuchSelected { .. } => {
                let detail = format!("{detail}: narrow it, and do it in several operations");
                let error = FieldError::at(Code::InvalidBody, "/filter".to_owned(), &detail);
                Fault::new(Code::InvalidBody, detail).with_errors(vec![error])
            }
            OperationError::NoSuchPreview => Fault::new(Code::ChangedSince, detail),
            OperationError::KeyReused { .. } => Fault::new(Code::KeyReused, detail),
            OperationError::TooMany { .. } => Fault::new(Code::OverCapacity, detail),
            OperationError::NoSuchOperation { .. } => Fault::new(Code::NoSuchOperation, detail),
            OperationError::Over { .. } => Fault::new(Code::NotAllowedNow, detail),
            OperationError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<RegisterError> for Fault {
    fn from(error: RegisterError) -> Fault {
        let detail = error.to_string();
        match error {
            RegisterError::Invalid { diagnostics } => {
                let errors: Vec<FieldError> = diagnostics.iter().map(diagnostic).collect();
                Fault::new(Code::InvalidDefinition, summary(&detail, &errors)).with_errors(errors)
            }
            RegisterError::VersionTaken { .. } => Fault::new(Code::VersionTaken, detail),
            RegisterError::TooMany { .. } => Fault::new(Code::OverCapacity, detail),
            RegisterError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<DefinitionError> for Fault {
    fn from(error: DefinitionError) -> Fault {
        let detail = error.to_string();
        match error {
            DefinitionError::NoSuchDefinition { .. } => Fault::new(Code::NoSuchDefinition, detail),
            DefinitionError::NoSuchVersion { .. } => Fault::new(Code::NoSuchVersion, detail),
            DefinitionError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Fault {
        let detail = error.to_string();
        match error {
            ServiceError::Invalid(invalid) => {
                let code = |found| match found {
                    ProblemCode::NotSupportedYet => Code::NotSupportedYet,
                    ProblemCode::InvalidValue
                    | ProblemCode::UnknownKey
                    | ProblemCode::MissingKey => Code::InvalidService,
                };
                let whole = if invalid.is_only_not_supported() {
                    Code::NotSupportedYet
                } else {
                    Code::InvalidService
                };
                let errors = invalid.problems.into_iter().map(|problem| FieldError {
                    help: problem.help,
                    ..FieldError::at(code(problem.code), pointer(&problem.key), problem.message)
                });
                Fault::new(whole, detail).with_errors(errors.collect())
            }
            ServiceError::NoSuchService { .. } => Fault::new(Code::NoSuchService, detail),
            ServiceError::InUse { .. } => Fault::new(Code::InUse, detail),
            ServiceError::TooMany { .. } => Fault::new(Code::OverCapacity, detail),
            ServiceError::Refused(refusal) => refusal.into(),
        }
    }
}

/// The refusal of a key or an id whose saga was purged.
pub(crate) fn purged(id: Id, status: Status) -> Fault {
    let detail = format!(
        "the saga {id} ended {} and was purged: it is past its keeping",
        status.as_str()
    );
    Fault::new(Code::SagaPurged, detail).with_saga(id)
}

/// A checker's finding as one fault of several.
fn diagnostic(found: &Diagnostic) -> FieldError {
    let shown = crate::handlers::checks::diagnostic(found);
    FieldError {
        code: shown.code,
        severity: shown.severity,
        line: Some(shown.line),
        column: Some(shown.column),
        pointer: None,
        message: shown.message,
        help: shown.help,
    }
}

fn faults(code: Code, root: &str, violations: Vec<Violation>) -> Vec<FieldError> {
    violations
        .into_iter()
        .map(|violation| {
            FieldError::at(
                code,
                format!("{root}{}", violation.pointer),
                violation.message,
            )
        })
        .collect()
}

/// The whole, and its first single fault, so that a log line alone is of use.
fn summary(whole: &str, errors: &[FieldError]) -> String {
    match errors
        .iter()
        .find(|error| error.severity == banyan_api::Severity::Error)
    {
        None => whole.to_owned(),
        Some(first) => {
            let place = match (first.line, &first.pointer) {
                (Some(line), _) => format!("line {line}: "),
                (None, Some(pointer)) => format!("{pointer}: "),
                (None, None) => String::new(),
            };
            format!("{whole}: {place}{}", first.message)
        }
    }
}

/// `auth.bearer` and `instances[2]` as a JSON pointer.
fn pointer(key: &str) -> String {
    let parts = key.replace(']', "").replace(['[', '.'], "/");
    if parts.is_empty() {
        parts
    } else {
        format!("/{parts}")
    }
}
