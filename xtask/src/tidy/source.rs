//! A Rust file as the rules look at it: its code without comments and texts, its functions
//! with their lines, and which lines are test code. It relies on rustfmt's layout, which is
//! checked before.

use std::path::{Path, PathBuf};

/// One file of Rust.
pub(crate) struct Source {
    /// Relative to the workspace.
    pub(crate) path: PathBuf,
    /// As it is.
    pub(crate) text: String,
    /// Line by line, with comments, texts and characters blanked.
    pub(crate) code: Vec<String>,
    /// Whether a line is compiled for tests only.
    test_lines: Vec<bool>,
}

/// A function and how long it is, from its `fn` to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Where it begins, from 1.
    pub(crate) line: usize,
    /// How many lines it has.
    pub(crate) lines: usize,
}

impl Source {
    /// The file at `path` with this text.
    pub(crate) fn new(path: &Path, text: String) -> Source {
        let code: Vec<String> = blank(&text).lines().map(str::to_owned).collect();
        let whole = is_test_path(path) || text.contains("#![cfg(test)]");
        let test_lines = if whole {
            vec![true; code.len()]
        } else {
            test_lines(&code)
        };
        Source {
            path: path.to_path_buf(),
            text,
            code,
            test_lines,
        }
    }

    /// The lines that are compiled into the product, numbered from 1.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.iter().zip(&self.test_lines).enumerate();
        lines
            .filter(|(_, (_, test))| !**test)
            .map(|(index, (line, _))| (index + 1, line.as_str()))
    }

    /// All its functions that have a body.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let lines = self.code.iter().enumerate();
        lines
            .filter_map(|(index, line)| self.function_at(index, line))
            .collect()
    }

    fn function_at(&self, index: usize, line: &str) -> Option<Function> {
        let name = function_name(line)?;
        let indent = line.len() - line.trim_start().len();
        for (end, text) in self.code.iter().enumerate().skip(index) {
            let at_indent = text.len() - text.trim_start().len() == indent;
            let trimmed = text.trim();
            let closes = at_indent && end > index && trimmed.starts_with('}');
            let one_line = end == index && trimmed.ends_with('}');
            if closes || one_line {
                return Some(Function {
                    name,
                    line: index + 1,
                    lines: end - index + 1,
                });
            }
            if at_indent && trimmed.ends_with(';') {
                return None; // A declaration without a body.
            }
        }
        None
    }
}

fn is_test_path(path: &Path) -> bool {
    let inside = path.components().any(|part| part.as_os_str() == "tests");
    inside
        || path
            .file_name()
            .is_some_and(|name| name == "tests.rs" || name == "testing.rs")
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    loop {
        match words.next()? {
            "fn" => break,
            "const" | "async" | "unsafe" | "extern" | "pub" => {}
            word if word.starts_with("pub(") || word == "crate)" => {}
            _ => return None,
        }
    }
    let name = words.next()?;
    let end = name.find(['(', '<']).unwrap_or(name.len());
    Some(name[..end].to_owned())
}

/// Marks what follows `#[cfg(test)]`, up to the end of that item.
fn test_lines(code: &[String]) -> Vec<bool> {
    let mut marks = vec![false; code.len()];
    let mut index = 0;
    while index < code.len() {
        if code[index].trim() != "#[cfg(test)]" {
            index += 1;
            continue;
        }
        let indent = code[index].len() - code[index].trim_start().len();
        let item = &code[index + 1..];
        let length = item.iter().position(|line| {
            let same = line.len() - line.trim_start().len() == indent;
            same && (line.trim() == "}" || line.trim_end().ends_with(';') || line.contains("{}"))
        });
        let end = length.map_or(code.len(), |length| index + 2 + length);
        marks[index..end].fill(true);
        index = end;
    }
    marks
}

/// The text with every comment, string and character literal turned into spaces.
fn blank(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(&bytes, at);
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.extend(
                bytes[at..end]
                    .iter()
                    .map(|c| if *c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn literal_end(text: &[char], at: usize) -> usize {
    let next = |offset: usize| text.get(at + offset).copied().unwrap_or('\n');
    match (text[at], next(1)) {
        ('/', '/') => find(text, at, |c| c == '\n'),
        ('/', '*') => block_comment_end(text, at),
        ('"', _) => quoted_end(text, at, '"'),
        ('r', '"' | '#') if !at.checked_sub(1).is_some_and(|b| text[b].is_alphanumeric()) => {
            raw_end(text, at)
        }
        ('\'', '\\') => quoted_end(text, at, '\''),
        ('\'', _) if next(2) == '\'' => at + 3,
        _ => at,
    }
}

fn find(text: &[char], from: usize, is_end: impl Fn(char) -> bool) -> usize {
    let length = text[from..].iter().position(|c| is_end(*c));
    length.map_or(text.len(), |length| from + length)
}

fn block_comment_end(text: &[char], at: usize) -> usize {
    let mut depth = 0usize;
    let mut index = at;
    while index + 1 < text.len() {
        match (text[index], text[index + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') if depth == 1 => return index + 2,
            ('*', '/') => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
    }
    text.len()
}

fn quoted_end(text: &[char], at: usize, quote: char) -> usize {
    let mut index = at + 1;
    while index < text.len() {
        match text[index] {
            '\\' => index += 2,
            c if c == quote => return index + 1,
            _ => index += 1,
        }
    }
    text.len()
}

fn raw_end(text: &[char], at: usize) -> usize {
    let hashes = text[at + 1..].iter().take_while(|c| **c == '#').count();
    if text.get(at + 1 + hashes) != Some(&'"') {
        return at; // `r#keyword`.
    }
    let mut index = at + 2 + hashes;
    while index < text.len() {
        let tail = &text[index + 1..];
        let closed = tail.len() >= hashes && tail[..hashes].iter().all(|c| *c == '#');
        if text[index] == '"' && closed {
            return index + 1 + hashes;
        }
        index += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Path::new("crates/core/src/a.rs"), text.to_owned())
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        let blanked =
            blank("a /* x /* y */ */ b // c\nd \"e \\\" f\" 'g' '\\'' <'h> r#\"i\" j\"# k");
        assert_eq!(
            blanked.split_whitespace().collect::<Vec<_>>(),
            ["a", "b", "d", "<'h>", "k"]
        );
    }

    #[test]
    fn functions_are_measured_to_their_closing_brace() {
        let text = "impl A {\n    pub(crate) async fn a<T>(\n        x: T,\n    ) -> u8 {\n        1\n    }\n\n    fn b();\n    fn c() {}\n}\n";
        let found = source(text).functions();
        assert_eq!(
            found,
            [
                Function {
                    name: "a".into(),
                    line: 2,
                    lines: 5
                },
                Function {
                    name: "c".into(),
                    line: 9,
                    lines: 1
                },
            ]
        );
    }

    #[test]
    fn what_is_for_tests_only_is_told_apart() {
        let text = "fn a() {\n}\n\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n";
        let source = source(text);
        let lines: Vec<_> = source.product_lines().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 2, 3, 9]);
    }
}
