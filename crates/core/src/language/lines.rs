//! The lines of a file: its characters, where each line of a text stands, and what the line of
//! a YAML error tells.

use super::codes::Code;
use super::node::{Place, shortened};
use super::pieces::{Pieces, Raw};
use super::problems::Problems;
use serde_saphyr::granit_parser::{ErrorKind, ScalarStyle, ScanError, Span};

/// A file by its lines.
pub(crate) struct Lines<'a> {
    source: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Lines<'a> {
    /// The lines of this file.
    pub(crate) fn new(source: &'a str) -> Lines<'a> {
        Lines {
            source,
            lines: source.lines().collect(),
        }
    }

    /// Where the characters of a text stand.
    pub(crate) fn of_text(&self, text: &str, style: ScalarStyle, span: &Span) -> Pieces {
        let (line, quotes) = match style {
            ScalarStyle::Plain => (span.start.line(), 0),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => (span.start.line(), 1),
            // A block's span begins at its first line that is not blank.
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let first = span.start.line().saturating_sub(1);
                let lines = self.lines.iter().enumerate().skip(first);
                let lines = lines.map(|(at, words)| Raw {
                    line: at + 1,
                    column: 1,
                    words,
                });
                return Pieces::of(text, style, lines);
            }
        };
        let raw = span.slice(self.source).unwrap_or("");
        let inner = raw
            .len()
            .checked_sub(quotes)
            .and_then(|end| raw.get(quotes..end));
        let lines = inner.unwrap_or("").split('\n').enumerate();
        let lines = lines.map(|(at, words)| Raw {
            line: line + at,
            column: match at {
                0 => span.start.col() + 1 + quotes,
                _ => 1,
            },
            words,
        });
        Pieces::of(text, style, lines)
    }

    /// What is wrong with the YAML there, and how to mend it. `in_flow`: inside `{ … }` or `[ … ]`.
    pub(crate) fn explain(
        &self,
        error: &ScanError,
        place: Place,
        in_flow: bool,
    ) -> (String, String) {
        let line = self.lines.get(place.line - 1).unwrap_or(&"");
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if line[..indent].contains('\t') && !in_flow {
            return (
                "a tab indents this line; YAML indents with spaces only".to_owned(),
                "replace the tab by spaces".to_owned(),
            );
        }
        let head: String = line.chars().take(place.column).collect();
        let braces = in_flow || head.contains('{') || head.contains('[');
        let (message, help) = match known(error.kind()) {
            Some((message, help, everywhere)) if everywhere || !braces => {
                (message.to_owned(), help)
            }
            Some((message, ..)) => (message.to_owned(), IN_BRACES),
            None if braces => (format!("this is no YAML: {}", error.kind()), IN_BRACES),
            None => (format!("this is no YAML: {}", error.kind()), IN_BLOCK),
        };
        (
            format!("{message}, near `{}`", shortened(line.trim())),
            help.to_owned(),
        )
    }
}

const IN_BRACES: &str = "inside `{ … }` and `[ … ]` a text that holds `{`, `}`, `[`, `]`, `,` or `: ` ends there: \
                         quote it, or use block form";
const IN_BLOCK: &str = "look at the indentation and the colons of this line and the one before; \
                        a text that holds `: ` or ` #` needs quotes";

/// What the commonest slips are called, how to mend them, and whether that helps inside
/// braces as well.
fn known(kind: &ErrorKind) -> Option<(&'static str, &'static str, bool)> {
    match kind {
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => Some((
            "a quoted text is not closed",
            "close the quote that was opened before; in single quotes a quote is written twice",
            true,
        )),
        ErrorKind::UnknownQuotedScalarEscape => Some((
            "an unknown escape in a double-quoted text",
            "write the backslash twice, or put the text in single quotes: '$input.name | \"\\(.)\"'",
            true,
        )),
        ErrorKind::UnexpectedCharacter {
            character: '@' | '`',
        } => Some((
            "a text may not begin with `@` or a backtick",
            "put it in quotes",
            true,
        )),
        ErrorKind::MappingValueNotAllowed => Some((
            "a `:` stands where no key may be",
            "put a text that holds `: ` in quotes; else look at the indentation of this line",
            false,
        )),
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation => Some((
            "this line is indented unlike those that it belongs to",
            "give the keys of one map, and the `-` of one list, the same indentation",
            false,
        )),
        // The parser has some eighty kinds; its own words serve for the rest.
        _ => None,
    }
}

/// Whether every character may stand in a saga file; the first that may not is reported.
pub(crate) fn only_allowed_characters(source: &str, problems: &mut Problems) -> bool {
    for (at, line) in source.split_inclusive('\n').enumerate() {
        // A carriage return belongs to the line break behind it; alone it would be a line
        // break to YAML and none to most editors.
        let line = line
            .strip_suffix("\r\n")
            .or(line.strip_suffix('\n'))
            .unwrap_or(line);
        let strange = line.chars().enumerate().find(|(column, letter)| {
            let byte_order_mark = *letter == '\u{feff}' && !(at == 0 && *column == 0);
            byte_order_mark || (letter.is_control() && !matches!(letter, '\t' | '\u{85}'))
        });
        if let Some((column, letter)) = strange {
            problems.add(
                Code::InvalidCharacter,
                Place {
                    line: at + 1,
                    column: column + 1,
                    length: 1,
                },
                format!(
                    "the character U+{:04X} may not stand in a saga file",
                    u32::from(letter)
                ),
                "remove it; in a double-quoted text write it as an escape, such as \\u0000",
            );
            return false;
        }
    }
    true
}

/// The place of what a span covers on its first line.
pub(crate) fn place_of(span: &Span) -> Place {
    let length = if span.start.line() == span.end.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    Place {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
        length: length.max(1),
    }
}
