//! What can go wrong with each operation of the engine: one small enum per operation.
//!
//! Nothing here is logged where it is made; who handles it maps it to words for its caller.

use banyan_core::children::ChildProblem;
use banyan_core::id::Id;
use banyan_core::language::Diagnostic;
use banyan_core::saga::{FoldError, Obstacle, Status, Verb};
use banyan_store::ReadError;

/// One thing that is wrong with a payload, by its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON pointer; empty means the whole.
    pub pointer: String,
    /// What is wrong, in words.
    pub message: String,
}

/// Why an engine did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenEngineError {
    /// The store could not be read.
    #[error("the store could not be read at the start")]
    Read(#[from] ReadError),
    /// A stored definition is not readable.
    #[error("the stored definition {name} version {version} cannot be used: {message}")]
    Definition {
        /// Its name.
        name: String,
        /// Its version.
        version: u32,
        /// What is wrong with it.
        message: String,
    },
    /// A stored service is not readable.
    #[error("the stored service {name} cannot be used: {message}")]
    Service {
        /// Its name.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// A service that is described outside the store cannot be used.
    #[error("the service {name} cannot be used")]
    Described {
        /// Its name.
        name: String,
        /// Why.
        source: ServiceError,
    },
    /// The store could not be written.
    #[error("the store could not be written at the start")]
    Write(#[from] banyan_store::CommitError),
    /// A thread could not be started.
    #[error("the writer's thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// The engine cannot take work now. Nothing was changed; the same request may succeed later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An inbox or the memory for active sagas is full.
    #[error("{what} is full: try again in a moment")]
    Overloaded {
        /// What is full.
        what: &'static str,
    },
    /// The engine is being shut down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The store cannot be written or read now.
    #[error("the store cannot be used now: {message}")]
    Unavailable {
        /// What stands in the way.
        message: String,
    },
}

/// Why a saga could not be shown.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookError {
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What is stored of it is damaged.
    #[error("the saga {id} is damaged in the store: {message}")]
    Damaged {
        /// The saga.
        id: Id,
        /// What is wrong.
        message: String,
    },
}

impl LookError {
    pub(crate) fn fold(id: Id, error: &FoldError) -> LookError {
        LookError::Damaged {
            id,
            message: error.to_string(),
        }
    }

    pub(crate) fn read(id: Id, error: ReadError) -> LookError {
        match error {
            ReadError::Unavailable { message } => Refusal::Unavailable { message }.into(),
            ReadError::Damaged { message } => LookError::Damaged { id, message },
        }
    }
}

/// Why a start was not accepted. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StartError {
    /// No definition has this name.
    #[error("no definition is named {name}")]
    NoSuchDefinition {
        /// The name.
        name: String,
    },
    /// The definition has no such version, or none is active.
    #[error("the definition {name} has no {}", version.map_or("active version".to_owned(), |version| format!("version {version}")))]
    NoSuchVersion {
        /// The definition's name.
        name: String,
        /// The version asked for; none means the active one.
        version: Option<u32>,
    },
    /// The brake is on.
    #[error("the definition {name} accepts no starts: {reason}")]
    NotAccepting {
        /// The definition's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The definition calls services that nobody registered.
    #[error("the definition calls services that are not registered: {}", services.join(", "))]
    UnknownService {
        /// Their names.
        services: Vec<String>,
    },
    /// A saga that it runs, or that one of those runs, is not there or may not be run.
    #[error(transparent)]
    Child(#[from] ChildProblem),
    /// The input does not hold to the definition's schema.
    #[error("the input does not hold to the definition's schema")]
    InvalidInput {
        /// Everything that is wrong.
        violations: Vec<Violation>,
    },
    /// A label has no value that can be a label.
    #[error("the label {label} has no value: {message}")]
    InvalidLabel {
        /// The label's name.
        label: String,
        /// Why.
        message: String,
    },
    /// The key was used for another start.
    #[error("the key {key} was used for another start: {id}")]
    KeyReused {
        /// The key.
        key: String,
        /// The saga that it started.
        id: Id,
    },
    /// The key's saga has ended and was purged.
    #[error("the saga {id} of this key is {} and was purged", status.as_str())]
    Purged {
        /// The saga.
        id: Id,
        /// Its last status.
        status: Status,
    },
    /// The key's saga is there, and cannot be shown.
    #[error(transparent)]
    Look(#[from] LookError),
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a signal was not taken. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SignalError {
    /// There is no such saga.
    #[error("there is no saga {id}")]
    NoSuchSaga {
        /// The id.
        id: Id,
    },
    /// The definition has no wait for it.
    #[error("the definition has no wait for the signal {name}")]
    UnknownSignal {
        /// The signal's name.
        name: String,
        /// The signals that it has waits for, sorted.
        known: Vec<String>,
    },
    /// The body does not hold to what the wait accepts.
    #[error("the signal's body does not hold to what the wait accepts")]
    InvalidBody {
        /// Everything that is wrong.
        violations: Vec<Violation>,
    },
    /// The same key came with another body.
    #[error("the key {key} was used for another signal body")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The saga is at rest.
    #[error("the saga has ended: it is {status}")]
    Ended {
        /// Its status.
        status: &'static str,
    },
    /// The saga holds as many signals as it may.
    #[error("the saga already holds {limit} signals")]
    TooManySignals {
        /// The bound.
        limit: usize,
    },
    /// What is stored of the saga is damaged, or it cannot be read now.
    #[error(transparent)]
    Look(#[from] LookError),
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a reply was not taken. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReplyError {
    /// Nobody gave out this address, or nothing stands behind it any more.
    #[error("no call carried this reply address")]
    Unknown,
    /// The call is done, and the reply now says that it was refused.
    #[error("{message}")]
    AlreadySettled {
        /// Which call.
        message: String,
    },
    /// What is stored of the saga is damaged, or it cannot be read now.
    #[error(transparent)]
    Look(#[from] LookError),
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a verb was not taken. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// There is no such saga.
    #[error("there is no saga {id}")]
    NoSuchSaga {
        /// The id.
        id: Id,
    },
    /// The definition has no such step, or the step no such leg.
    #[error("{message}")]
    NoSuchStep {
        /// Which.
        message: String,
    },
    /// The saga has moved since the caller looked.
    #[error("the saga has changed since: its last record is {seq} now")]
    ChangedSince {
        /// The number of its last record.
        seq: u64,
    },
    /// The verb is not allowed now.
    #[error("{message}")]
    NotAllowedNow {
        /// Why.
        message: String,
        /// What is.
        allowed: Vec<Verb>,
    },
    /// What is stored of the saga is damaged, or it cannot be read now.
    #[error(transparent)]
    Look(#[from] LookError),
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a saga was not moved. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MoveError {
    /// There is no such saga.
    #[error("there is no saga {id}")]
    NoSuchSaga {
        /// The id.
        id: Id,
    },
    /// Its definition has no such version.
    #[error("the definition {name} has no version {version}")]
    NoSuchVersion {
        /// The definition's name.
        name: String,
        /// The version.
        version: u32,
    },
    /// That version calls services that nobody registered.
    #[error("that version calls services that are not registered: {}", services.join(", "))]
    UnknownService {
        /// Their names.
        services: Vec<String>,
    },
    /// What that version runs may not be run.
    #[error(transparent)]
    Child(#[from] ChildProblem),
    /// The saga has moved since the caller looked.
    #[error("the saga has changed since: its last record is {seq} now")]
    ChangedSince {
        /// The number of its last record.
        seq: u64,
    },
    /// It is not proven safe.
    #[error("the move to version {version} is not proven safe")]
    NotSafe {
        /// The version.
        version: u32,
        /// Everything that stands in the way.
        obstacles: Vec<Obstacle>,
    },
    /// The verb is not allowed now.
    #[error("{message}")]
    NotAllowedNow {
        /// Why.
        message: String,
        /// The verbs that are.
        allowed: Vec<Verb>,
    },
    /// What is stored of the saga is damaged, or it cannot be read now.
    #[error(transparent)]
    Look(#[from] LookError),
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a definition was not registered. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegisterError {
    /// The file is faulty.
    #[error("the file is no valid definition")]
    Invalid {
        /// Every problem, warnings included, in the order of the file.
        diagnostics: Vec<Diagnostic>,
    },
    /// The version is taken by another content.
    #[error("version {version} of {name} is registered with another content")]
    VersionTaken {
        /// The definition's name.
        name: String,
        /// The version.
        version: u32,
        /// The hash of what is there.
        hash: String,
    },
    /// As many are registered as may be.
    #[error("{limit} definition versions are registered, and no more may be")]
    TooMany {
        /// The bound.
        limit: usize,
    },
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a definition's state was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// No definition has this name.
    #[error("no definition is named {name}")]
    NoSuchDefinition {
        /// The name.
        name: String,
    },
    /// The definition has no such version.
    #[error("the definition {name} has no version {version}")]
    NoSuchVersion {
        /// Its name.
        name: String,
        /// The version.
        version: u32,
    },
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a service was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// Its settings cannot be used.
    #[error("the settings of the service cannot be used: {0}")]
    Invalid(banyan_outbound::InvalidSettings),
    /// No service has this name.
    #[error("no service is named {name}")]
    NoSuchService {
        /// The name.
        name: String,
    },
    /// Something needs it.
    #[error("the service {name} is in use: {message}")]
    InUse {
        /// Its name.
        name: String,
        /// By what.
        message: String,
    },
    /// As many are registered as may be.
    #[error("{limit} services are registered, and no more may be")]
    TooMany {
        /// The bound.
        limit: usize,
    },
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}
