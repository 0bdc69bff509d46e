//! Why a call to Banyan gave no answer of the kind that was asked for.

use banyan_api::Problem;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server's address cannot be used.
    #[error("{text:?} is no address of a server: {reason}")]
    InvalidServer {
        /// As given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server could not be reached: the call certainly was not made.
    #[error("no server answers at {server}")]
    Unreachable {
        /// Where it was looked for.
        server: String,
        /// What stood in the way.
        #[source]
        source: std::io::Error,
    },
    /// The connection was lost: the call may have been made.
    #[error("the connection to {server} was lost before its answer came")]
    Lost {
        /// Where it went.
        server: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server answered why it did not do it.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// What answered does not speak this API.
    #[error("{server} answered {status} with what is no answer of Banyan's: {body}")]
    NotBanyan {
        /// Where it went.
        server: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// The caller gave a value that no request can carry.
    #[error("{what} cannot be sent: it has a character that HTTP does not allow")]
    Unsendable {
        /// Which value.
        what: &'static str,
    },
}

impl Error {
    /// The problem, when the server answered one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Error::Problem(problem) => Some(problem),
            Error::InvalidServer { .. }
            | Error::Unreachable { .. }
            | Error::Lost { .. }
            | Error::NotBanyan { .. }
            | Error::Unsendable { .. } => None,
        }
    }

    /// Nobody answered, or what answered was full or stopping: it may be otherwise soon.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::Lost { .. } => true,
            Error::Problem(problem) => {
                matches!(problem.status, 429 | 503) && problem.code != "not_accepting"
            }
            Error::InvalidServer { .. } | Error::NotBanyan { .. } | Error::Unsendable { .. } => {
                false
            }
        }
    }
}
