//! Every error code that HTTP answers can carry: one map to status, title and page.
//!
//! The codes that the checker of saga files gives stand in the language's own list; codes of
//! stuck sagas are values of [`crate::StuckCode`]. All have their pages in `docs/errors`.

macro_rules! codes {
    ($( $(#[$meta:meta])* $variant:ident = $word:literal, $status:literal, $title:literal; )+) => {
        /// A stable error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $( #[doc = $title] $variant, )+ }

        impl Code {
            /// All of them, by status.
            pub const ALL: &'static [Code] = &[ $( Code::$variant, )+ ];

            /// The code as written.
            pub const fn as_str(self) -> &'static str {
                match self { $( Code::$variant => $word, )+ }
            }

            /// The HTTP status that it comes with.
            pub const fn status(self) -> u16 {
                match self { $( Code::$variant => $status, )+ }
            }

            /// What it means, in a line.
            pub const fn title(self) -> &'static str {
                match self { $( Code::$variant => $title, )+ }
            }

            /// The code of this word, when this build knows it.
            pub fn from_word(word: &str) -> Option<Code> {
                match word { $( $word => Some(Code::$variant), )+ _ => None }
            }
        }
    };
}

codes! {
    MalformedRequest = "malformed_request", 400, "The request is no well-formed HTTP";
    MalformedJson = "malformed_json", 400, "The body is no well-formed JSON";
    InvalidBody = "invalid_body", 400, "The body has not the fields that the call takes";
    InvalidParameter = "invalid_parameter", 400, "A parameter has a value that it cannot have";
    UnknownParameter = "unknown_parameter", 400, "The call has no such query parameter";
    KeyRequired = "key_required", 400, "The call needs an Idempotency-Key";
    InvalidKey = "invalid_key", 400, "The Idempotency-Key cannot be one";
    InvalidHeader = "invalid_header", 400, "A header has a value that it cannot have";
    Unauthorized = "unauthorized", 401, "The call carries no valid token";
    OriginNotAllowed = "origin_not_allowed", 403, "A page of another origin made the call";
    NamespaceNotAllowed = "namespace_not_allowed", 403, "The token does not open this namespace";
    NoSuchPath = "no_such_path", 404, "Nothing is served at this path";
    NoSuchDefinition = "no_such_definition", 404, "No definition has this name";
    NoSuchVersion = "no_such_version", 404, "The definition has no such version";
    NoSuchSaga = "no_such_saga", 404, "No saga has this id or key";
    NoSuchService = "no_such_service", 404, "No service has this name";
    NoSuchStep = "no_such_step", 404, "The definition has no such step";
    UnknownSignal = "unknown_signal", 404, "The definition waits for no signal of this name";
    NoSuchReply = "no_such_reply", 404, "No call carried this reply address";
    NoSuchOperation = "no_such_operation", 404, "No operation has this id";
    MethodNotAllowed = "method_not_allowed", 405, "The path does not take this method";
    RequestTimeout = "request_timeout", 408, "The request did not arrive in time";
    VersionTaken = "version_taken", 409, "The version is registered with another content";
    KeyReused = "key_reused", 409, "The Idempotency-Key was used for another request";
    SagaEnded = "saga_ended", 409, "The saga is at rest";
    NotAllowedNow = "not_allowed_now", 409, "The saga cannot do this now";
    AlreadySettled = "already_settled", 409, "The call is settled: it is done";
    TooManySignals = "too_many_signals", 409, "The saga holds as many signals as it may";
    InUse = "in_use", 409, "Something still uses it";
    ManagedByFile = "managed_by_file", 409, "The configuration file holds it";
    SagaPurged = "saga_purged", 410, "The saga is past its keeping";
    ChangedSince = "changed_since", 412, "The saga has changed since it was looked at";
    BodyTooLarge = "body_too_large", 413, "The body is larger than the call takes";
    UriTooLong = "uri_too_long", 414, "The path and query are too long";
    UnsupportedMediaType = "unsupported_media_type", 415, "The call does not take this content type";
    HostNotAllowed = "host_not_allowed", 421, "The Host header is not this server's";
    InvalidDefinition = "invalid_definition", 422, "The saga file has errors";
    ChildNotRegistered = "child_not_registered", 422, "A saga that it runs is not registered";
    ChildCycle = "child_cycle", 422, "A saga that it runs contains it";
    ChildWithLock = "child_with_lock", 422, "A saga that it runs has a lock of its own";
    ChildWithPivot = "child_with_pivot", 422, "A saga that it runs cannot turn back as long as it can";
    InvalidInput = "invalid_input", 422, "The input does not match the definition's schema";
    InvalidSignal = "invalid_signal", 422, "The signal's body is not what the wait accepts";
    MoveNotSafe = "move_not_safe", 422, "The move to that version is not proven safe";
    NothingSelected = "nothing_selected", 422, "The filter selects no saga";
    InvalidService = "invalid_service", 422, "The service's settings cannot be used";
    HeadersTooLarge = "headers_too_large", 431, "The request's headers are too large";
    Internal = "internal", 500, "Banyan failed";
    NotSupportedYet = "not_supported_yet", 501, "This build does not have it yet";
    NotAccepting = "not_accepting", 503, "The definition takes no starts now";
    OverCapacity = "over_capacity", 503, "The server is full";
    Stopping = "stopping", 503, "The server is stopping";
    StoreUnavailable = "store_unavailable", 503, "The store cannot be used now";
}

impl Code {
    /// The path of its page, as served and as `type` of a problem.
    pub fn page(self) -> String {
        format!("/errors/{}", self.as_str())
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        let missing: Vec<_> = Code::ALL
            .iter()
            .filter(|code| {
                let text = std::fs::read_to_string(format!("{folder}/{code}.md"));
                !text.is_ok_and(|text| text.starts_with(&format!("# `{code}`")))
            })
            .collect();
        assert!(
            missing.is_empty(),
            "docs/errors lacks pages for {missing:?}"
        );
    }

    #[test]
    fn every_code_reads_back_as_itself() {
        for &code in Code::ALL {
            assert_eq!(Code::from_word(code.as_str()), Some(code));
            assert!((400..600).contains(&code.status()));
        }
    }
}
