//! Files that were written to hurt: each is answered with words, quickly, and without growing.

use super::told;
use banyan_core::language::{Surroundings, check};

fn bomb() -> String {
    let mut out = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        out += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    out
}

fn wrapped(value: &str) -> String {
    format!("saga: s\nversion: 1\nsteps:\n  - a:\n      set: {value}\n")
}

fn schema(members: &str) -> String {
    format!("saga: s\nversion: 1\ninput: {{ {members} }}\nsteps: [{{ a: {{ set: 1 }} }}]\n")
}

/// What it is, the file, and the code that must say why it is refused.
type Case = (&'static str, String, &'static str);

fn growing() -> Vec<Case> {
    vec![
        ("an alias bomb", bomb(), "alias_not_allowed"),
        (
            "an alias to itself",
            wrapped("&a [*a]"),
            "alias_not_allowed",
        ),
        ("deep flow lists", wrapped(&"[".repeat(5_000)), "too_deep"),
        (
            "deep closed flow lists",
            wrapped(&format!("{}1{}", "[".repeat(70), "]".repeat(70))),
            "too_deep",
        ),
        ("deep flow maps", wrapped(&"{a: ".repeat(5_000)), "too_deep"),
        (
            "deep block lists",
            wrapped(&format!("\n        {}1", "- ".repeat(5_000))),
            "too_deep",
        ),
        (
            "patterns that compile to much",
            schema("pattern: '(?:(?:a{100}){100}){100}'"),
            "invalid_schema",
        ),
        (
            "many patterns",
            schema(&format!("allOf: [{}]", "{ pattern: a },".repeat(101))),
            "invalid_schema",
        ),
        ("too large", "#".repeat(64 * 1024 + 1), "file_too_large"),
        (
            "a long key",
            wrapped(&format!("{{ {}: 1, b: c: d }}", "k".repeat(3_000))),
            "invalid_yaml",
        ),
        (
            "a very long word as key",
            format!("{}: 1\n", "k".repeat(900)),
            "unknown_key",
        ),
        (
            "a huge number",
            wrapped("1").replace("version: 1", &format!("version: {}", "9".repeat(5_000))),
            "out_of_range",
        ),
    ]
}

fn misshapen() -> Vec<Case> {
    vec![
        ("a key twice", wrapped("{ a: 1, a: 2 }"), "duplicate_key"),
        (
            "a key twice in two spellings",
            wrapped("{ a: 1, \"a\": 2 }"),
            "duplicate_key",
        ),
        ("a number as key", wrapped("{ 1: a }"), "key_not_text"),
        ("a list as key", wrapped("{ [a]: b }"), "key_not_text"),
        (
            "a complex key",
            wrapped("\n        ? [a]\n        : b"),
            "key_not_text",
        ),
        ("an unclosed quote", wrapped("\"abc"), "invalid_yaml"),
        ("an unclosed map", wrapped("{ a: 1"), "invalid_yaml"),
        (
            "a tab as indentation",
            "saga: s\nsteps:\n\t- a: 1\n".to_owned(),
            "invalid_yaml",
        ),
        (
            "a merge key",
            "saga: s\nversion: 1\nsteps: [{ a: { set: 1 } }]\n<<: { saga: t }\n".to_owned(),
            "unknown_key",
        ),
        ("nothing", String::new(), "wrong_type"),
        ("only white space", " \n\n ".to_owned(), "wrong_type"),
        ("a scalar", "saga".to_owned(), "wrong_type"),
    ]
}

fn foreign() -> Vec<Case> {
    vec![
        (
            "a byte order mark inside",
            wrapped("\u{feff}x"),
            "invalid_character",
        ),
        ("a NUL", wrapped("\0"), "invalid_character"),
        (
            "an escape character",
            wrapped("\u{1b}[31m"),
            "invalid_character",
        ),
        ("a tag", wrapped("!!binary aGFsbG8="), "tag_not_allowed"),
        (
            "a tag of a language",
            wrapped("!!python/object/apply:os.system [ls]"),
            "tag_not_allowed",
        ),
        (
            "a directive of another version",
            format!("%YAML 2.0\n---\n{}", wrapped("1")),
            "invalid_yaml",
        ),
        (
            "several documents",
            format!("{}---\n{}", wrapped("1"), wrapped("2")),
            "several_documents",
        ),
        ("no number of JSON", wrapped(".nan"), "invalid_value"),
    ]
}

/// All of them, for tests that hold for every file.
pub(crate) fn sources() -> impl Iterator<Item = String> {
    let cases = [growing(), misshapen(), foreign()].concat();
    cases.into_iter().map(|(_, source, _)| source)
}

#[test]
fn hostile_files_are_refused_with_the_code_that_says_why() {
    let cases = [growing(), misshapen(), foreign()].concat();
    for (what, source, code) in cases {
        let checked = check(&source, &Surroundings::default());
        assert!(checked.definition.is_none(), "{what}");
        let told = told(&checked);
        let found = checked
            .diagnostics
            .iter()
            .any(|problem| problem.code == code);
        assert!(found, "{what}: expected {code}, told:\n{told}");
        let longest = checked
            .diagnostics
            .iter()
            .map(|problem| problem.message.len())
            .max();
        assert!(
            longest.unwrap_or(0) < 600,
            "{what}: a message quotes too much:\n{told}"
        );
    }
}

#[test]
fn what_looks_strange_and_is_well_is_read() {
    for (what, source) in [
        (
            "a byte order mark in front",
            format!("\u{feff}{}", wrapped("1")),
        ),
        ("carriage returns", wrapped("1").replace('\n', "\r\n")),
        (
            "a YAML directive",
            format!("%YAML 1.2\n---\n{}", wrapped("1")),
        ),
        ("an end of the document", format!("{}...\n", wrapped("1"))),
        ("words of YAML 1.1", wrapped("[yes, no, on, off]")),
        ("many digits", wrapped(&"9".repeat(500))),
        ("a large exponent", wrapped("1e400")),
        (
            "other alphabets",
            wrapped("{ größe: 大きい, \"\\u0000\": '\u{1f600}' }"),
        ),
        ("a block text", wrapped("|\n        one\n        two")),
        ("a folded text", wrapped(">\n        one\n        two")),
    ] {
        let checked = check(&source, &Surroundings::default());
        assert_eq!(told(&checked), "", "{what}");
    }
}

#[test]
fn a_file_cut_anywhere_is_answered_without_panic() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../samples/place_order.saga.yaml"
    );
    let source = std::fs::read_to_string(folder).unwrap();
    for (at, _) in source.char_indices().step_by(7) {
        let _ = check(&source[..at], &Surroundings::default());
        let without: String = [&source[..at], source[at..].get(1..).unwrap_or("")].concat();
        let _ = check(&without, &Surroundings::default());
    }
}

#[test]
fn words_of_the_expression_grammar_are_names_of_steps_as_well() {
    for word in [
        "and", "or", "not", "if", "then", "else", "end", "as", "def", "reduce", "foreach", "try",
        "catch", "label", "import", "include", "null", "true",
    ] {
        let source = format!(
            "saga: s\nversion: 1\nsteps:\n  - \"{word}\": {{ set: 1 }}\n  - other: {{ set: ${word} }}\n"
        );
        assert_eq!(
            told(&check(&source, &Surroundings::default())),
            "",
            "{word}"
        );
    }
}

#[test]
fn a_byte_order_mark_shifts_no_column() {
    for mark in ["", "\u{feff}"] {
        let checked = check(&format!("{mark}sago: s\n"), &Surroundings::default());
        let slip = checked
            .diagnostics
            .iter()
            .find(|problem| problem.code == "unknown_key");
        assert_eq!(
            slip.map(|slip| (slip.line, slip.column)),
            Some((1, 1)),
            "{mark:?}"
        );
    }
}
