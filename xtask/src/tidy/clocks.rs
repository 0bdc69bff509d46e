//! Clocks: time is an input everywhere but at the edges that are named here.

use super::source::Source;

/// Files and folders that may read a clock or wait for time to pass, and why.
const EDGES: [(&str, &str); 8] = [
    (
        "crates/engine/src/clock.rs",
        "the clock that the engine hands to its shards",
    ),
    (
        "crates/outbound/src/clock.rs",
        "attempt timers, and how long an attempt took",
    ),
    ("crates/store/examples/", "measures the writer"),
    (
        "crates/server/src/",
        "timers of connections, and the moments of requests",
    ),
    ("crates/sdk/src/client.rs", "the client's own patience"),
    (
        "crates/banyan/src/",
        "the command line and the demo shop wait for people and processes",
    ),
    ("xtask/src/", "measures and waits for whole processes"),
    ("tests/", "waits for whole processes"),
];

const WORDS: [&str; 5] = [
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "thread::sleep",
    "time::sleep",
];

/// Clock reads outside the edges, tests included: they use virtual time or a condition.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let path = source.path.display().to_string();
        if EDGES.iter().any(|(edge, _)| path.starts_with(edge)) {
            continue;
        }
        for (line, text) in source.product_lines() {
            if let Some(word) = WORDS.iter().find(|word| text.contains(**word)) {
                complaints.push(format!("{path}:{line}: `{word}`: take the time as an input, or name this edge in xtask/src/tidy/clocks.rs"));
            }
        }
    }
    complaints
}
