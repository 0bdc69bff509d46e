//! A refusal on its way out: a problem document with the headers that belong to its status.

use axum::response::{IntoResponse, Response};
use banyan_api::{Code, FieldError, Problem};
use http::{HeaderName, HeaderValue, StatusCode, header};

/// What a handler answers when it does not do what was asked.
#[derive(Debug)]
pub(crate) struct Fault {
    problem: Box<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a handler answers.
pub(crate) type Answer<T = Response> = Result<T, Fault>;

/// The media type of problem documents.
pub(crate) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

impl Fault {
    /// A refusal with this code and what happened here.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Fault {
        let fault = Fault {
            problem: Box::new(Problem::new(code, detail)),
            headers: Vec::new(),
        };
        match code {
            Code::Unauthorized => {
                fault.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            Code::NotAccepting | Code::OverCapacity | Code::Stopping | Code::StoreUnavailable => {
                let seconds = HeaderValue::from(crate::limits::RETRY_AFTER_S);
                fault.with_header(header::RETRY_AFTER, seconds)
            }
            _ => fault,
        }
    }

    /// With each single fault.
    pub(crate) fn with_errors(mut self, errors: Vec<FieldError>) -> Fault {
        self.problem.errors = errors;
        self
    }

    /// With the saga that it concerns.
    pub(crate) fn with_saga(mut self, id: banyan_core::id::Id) -> Fault {
        self.problem.saga = Some(id.to_string());
        self
    }

    /// With one more header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Fault {
        self.headers.push((name, value));
        self
    }

    /// Something failed here that should not have: told in the log, not to the caller.
    pub(crate) fn internal(what: &str, error: &dyn std::fmt::Display) -> Fault {
        tracing::error!(%error, "{what}");
        Fault::new(Code::Internal, format!("{what}; the server's log says why"))
    }

    /// Its code.
    pub(crate) fn code(&self) -> &str {
        &self.problem.code
    }

    /// The document.
    #[cfg(test)]
    pub(crate) fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}
