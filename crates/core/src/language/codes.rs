//! Every code that a diagnostic may carry. Codes are stable: programs and pages hang on them.

use super::Severity;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $severity:ident;)*) => {
        /// What is wrong with a file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them, in the order of the documentation.
            pub(crate) const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as written.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// Whether it keeps a file from being registered.
            pub(crate) const fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// A file that cannot be read, or is not UTF-8.
    UnreadableFile = "unreadable_file", Error;
    /// More bytes than a file may have.
    FileTooLarge = "file_too_large", Error;
    /// A character that no YAML file may hold.
    InvalidCharacter = "invalid_character", Error;
    /// Not YAML.
    InvalidYaml = "invalid_yaml", Error;
    /// More than one document in a file.
    SeveralDocuments = "several_documents", Error;
    /// An anchor or an alias.
    AliasNotAllowed = "alias_not_allowed", Error;
    /// A tag.
    TagNotAllowed = "tag_not_allowed", Error;
    /// A key that is no text.
    KeyNotText = "key_not_text", Error;
    /// The same key twice in one map.
    DuplicateKey = "duplicate_key", Error;
    /// Nested deeper than allowed.
    TooDeep = "too_deep", Error;
    /// A key that the language does not have.
    UnknownKey = "unknown_key", Error;
    /// A key that the language has and this build has not.
    NotSupportedYet = "not_supported_yet", Error;
    /// A key that belongs elsewhere.
    MisplacedKey = "misplaced_key", Error;
    /// A key that must be there.
    MissingKey = "missing_key", Error;
    /// A value of the wrong kind.
    WrongType = "wrong_type", Error;
    /// A word that is none of those allowed.
    InvalidValue = "invalid_value", Error;
    /// A number or a duration outside its bounds.
    OutOfRange = "out_of_range", Error;
    /// A text that is no duration.
    InvalidDuration = "invalid_duration", Error;
    /// A name outside its alphabet, or too long.
    InvalidName = "invalid_name", Error;
    /// A name that means something else.
    ReservedName = "reserved_name", Error;
    /// Two steps of one name.
    DuplicateName = "duplicate_name", Error;
    /// A step that does nothing.
    StepWithoutKind = "step_without_kind", Error;
    /// A step that does two things.
    SeveralKinds = "several_kinds", Error;
    /// More steps than allowed.
    TooManySteps = "too_many_steps", Error;
    /// More labels than allowed.
    TooManyLabels = "too_many_labels", Error;
    /// A label would show a secret.
    LabelReadsSecret = "label_reads_secret", Error;
    /// A call that is not `METHOD service path`.
    InvalidCall = "invalid_call", Error;
    /// A method that no call may use.
    InvalidMethod = "invalid_method", Error;
    /// A service's name outside its alphabet.
    InvalidService = "invalid_service_name", Error;
    /// A path that no call may have.
    InvalidPath = "invalid_path", Error;
    /// A header's name or value that HTTP does not allow.
    InvalidHeader = "malformed_header", Error;
    /// A header that Banyan sets itself.
    ReservedHeader = "reserved_header", Error;
    /// Not a JSON Schema.
    InvalidSchema = "invalid_schema", Error;
    /// An expression that does not compile.
    ExpressionInvalid = "expression_invalid", Error;
    /// A variable that nothing gives.
    UnknownVariable = "unknown_variable", Error;
    /// A variable that is not in scope here.
    NotInScope = "not_in_scope", Error;
    /// A step that has not certainly been reached before.
    NotReachedBefore = "not_reached_before", Error;
    /// Two pivots on one path.
    TwoPivots = "two_pivots", Error;
    /// A pivot where none may stand.
    MisplacedPivot = "misplaced_pivot", Error;
    /// A call that may leave something behind, and no word on how to take it back.
    UndoMissing = "undo_missing", Error;
    /// `on_unknown: undo` where nothing can be undone.
    OnUnknownAfterPivot = "on_unknown_after_pivot", Error;
    /// `attempts` on a leg that is retried until done.
    AttemptsAfterPivot = "attempts_after_pivot", Error;
    /// A wait that ends after the saga's deadline.
    BeyondDeadline = "beyond_deadline", Error;
    /// A saga that runs itself.
    ChildCycle = "child_cycle", Error;
    /// A child that waits for a lock of its own.
    ChildWithLock = "child_with_lock", Error;
    /// A child that cannot turn back as long as its parent can.
    ChildWithPivot = "child_with_pivot", Error;
    /// More problems than are told.
    TooManyProblems = "too_many_problems", Error;
    /// An undo that needs `$result`.
    UndoNeedsResult = "undo_needs_result", Warning;
    /// An undo that says nothing of what it undoes.
    UndoUnrelated = "undo_unrelated", Warning;
    /// A service that is not registered.
    ServiceNotRegistered = "service_not_registered", Warning;
    /// A child that is not registered.
    ChildNotRegistered = "child_not_registered", Warning;
    /// Literal text that looks like an expression.
    LooksLikeExpression = "looks_like_expression", Warning;
    /// A step after the pivot that can be refused.
    RefusableAfterPivot = "refusable_after_pivot", Warning;
}
