//! Every bound of the language and of a saga, in one place, each with its reason.

/// Bytes of one saga file. A person reads it; 64 KiB is some 1,500 lines.
pub const DEFINITION_BYTES: usize = 64 * 1024;
/// Steps in one definition, groups included.
pub const DEFINITION_STEPS: usize = 500;
/// How deep groups nest, and how deep values in a file nest.
pub const DEFINITION_LEVELS: usize = 16;
/// Problems told of one file; a person mends the first ones first, and the rest is counted.
pub const DIAGNOSTICS: usize = 1_000;
/// Patterns in one JSON Schema of a file. Each is compiled, in up to [`PATTERN_BYTES`].
pub const SCHEMA_PATTERNS: usize = 100;
/// Bytes that one compiled pattern may take.
pub const PATTERN_BYTES: usize = 1024 * 1024;
/// Bytes of one expression's text. Bounds what parsing can cost.
pub const EXPRESSION_BYTES: usize = 1024;
/// Brackets deep an expression may nest: the parser recurses, and 1,000 overflow a 2 MiB stack.
pub const EXPRESSION_LEVELS: usize = 64;
/// Characters of a saga's, step's or service's name.
pub const NAME_CHARS: usize = 64;
/// Labels of one definition; each is an indexed row.
pub const LABELS: usize = 8;
/// Bytes of one label's value.
pub const LABEL_BYTES: usize = 256;
/// Characters of a start key or an `Idempotency-Key`.
pub const KEY_CHARS: usize = 255;
/// Bytes of one payload (an input, a result, a signal), as JSON text.
pub const PAYLOAD_BYTES: usize = 1024 * 1024;
/// How deep the JSON of a payload may nest. A record, a saga's answer with its groups (32 levels
/// at most) and an event wrap it in more, and with all of that it stays under the 128 levels at
/// which serde_json and many another reader stop.
pub const PAYLOAD_LEVELS: usize = 64;
/// Bytes of a call's path and query. Servers take 8 to 16 KiB; the HTTP library stops at 64.
pub const TARGET_BYTES: usize = 16 * 1024;
/// Bytes of one header's value, as much as servers take.
pub const HEADER_BYTES: usize = 8 * 1024;
/// Signals that one saga holds, taken or not: each is kept for as long as the saga.
pub const SIGNALS: usize = 1_000;
/// Longest time of a timer, a deadline among them: ten years. What lies beyond it is a slip, not
/// a plan.
pub const TIMER_MAX_MS: u64 = 3_650 * 24 * 60 * 60 * 1_000;
/// Longest `timeout` of an attempt. Longer work answers 202 and reports later.
pub const TIMEOUT_MAX_MS: u64 = 15 * 60 * 1_000;
/// Refusals after a lost answer that a leg retried for ever takes before it asks a person: as
/// many as a do has attempts by default. What a service refuses so often it will go on refusing.
pub const REFUSALS_AFTER_LOST: u32 = 5;
/// How long `Retry-After` is honoured at most.
pub const RETRY_AFTER_MAX_MS: u64 = 60 * 60 * 1_000;
/// A parked saga looks for itself whether its road is open at least this often.
pub const PATROL_MS: u64 = 60 * 60 * 1_000;
/// Default of `park_limit`: a leg that must run and is parked longer makes its saga stuck.
pub const PARK_LIMIT_MS: u64 = 60 * 60 * 1_000;
/// Added to an attempt's timeout before a saga wakes to look for the lost answer.
pub const ANSWER_GRACE_MS: u64 = 5_000;
/// Items of one `each`: its saga holds a state for each of them in memory.
pub const EACH_ITEMS: usize = 10_000;

/// Bytes of a lock's value: it names a thing (an account, an order), and people read it.
pub const LOCK_BYTES: usize = 256;

/// Calls that the preview of a verb names: more than a person reads, few enough to rehearse at
/// once.
pub const PREVIEWED_CALLS: usize = 200;

/// Turns of a saga that its preview rehearses: enough for those calls and what is drained before
/// them, few enough for one request.
pub const PREVIEWED_TURNS: usize = 1_000;
