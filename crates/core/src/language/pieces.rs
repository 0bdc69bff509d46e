//! Where the characters of a text stand in the file: through the folding of lines, through
//! quotes and through escapes.
//!
//! A text is laid beside the lines that it was read from, character by character. Where the two
//! do not agree to the end, nothing is said of its parts, and the text's own place serves.

use super::node::Place;
use serde_saphyr::granit_parser::ScalarStyle;

/// A part of a text that stands in the file as it reads, or one escape.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Its first byte in the text.
    offset: usize,
    /// Behind its last byte.
    end: usize,
    line: usize,
    column: usize,
    /// Columns that it takes in the file.
    width: usize,
}

/// A text's pieces in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces(Vec<Piece>);

/// A line that a text was read from, or the part of one.
pub(crate) struct Raw<'a> {
    /// From 1.
    pub(crate) line: usize,
    /// Of its first character, from 1.
    pub(crate) column: usize,
    /// What stands there.
    pub(crate) words: &'a str,
}

impl Pieces {
    /// Lays a text beside its lines.
    pub(crate) fn of<'a>(
        text: &str,
        style: ScalarStyle,
        lines: impl Iterator<Item = Raw<'a>>,
    ) -> Pieces {
        let mut beside = Beside {
            text,
            style,
            cursor: 0,
            pieces: Vec::new(),
        };
        let full = text.trim_end().len();
        for line in lines {
            if beside.cursor >= full {
                break;
            }
            if beside.line(&line).is_none() {
                return Pieces::default();
            }
        }
        if beside.cursor < full {
            return Pieces::default();
        }
        Pieces(beside.pieces)
    }

    /// The place of `length` bytes of the text from byte `offset` on, as far as they stand on
    /// one line. None where nobody can tell.
    pub(crate) fn part(&self, text: &str, offset: usize, length: usize) -> Option<Place> {
        let before = self.0.partition_point(|piece| piece.offset <= offset);
        let first = self.0.get(before.saturating_sub(1))?;
        let column = column_at(first, text, offset);
        let until = offset.saturating_add(length);
        let rest = self.0.iter().skip(before.saturating_sub(1));
        let reached = rest
            .take_while(|piece| piece.line == first.line && piece.offset < until)
            .last()
            .map_or(column, |piece| column_at(piece, text, until));
        Some(Place {
            line: first.line,
            column,
            length: reached.saturating_sub(column).max(1),
        })
    }
}

/// The column of a byte of the text; behind the piece where the byte is.
fn column_at(piece: &Piece, text: &str, offset: usize) -> usize {
    if offset >= piece.end {
        return piece.column + piece.width;
    }
    let inside = text.get(piece.offset..offset).unwrap_or("");
    piece.column + inside.chars().count()
}

struct Beside<'t> {
    text: &'t str,
    style: ScalarStyle,
    /// The first byte of the text that has no piece yet.
    cursor: usize,
    pieces: Vec<Piece>,
}

impl Beside<'_> {
    /// Takes one line; none when it is not what the text goes on with.
    fn line(&mut self, raw: &Raw<'_>) -> Option<()> {
        let words = raw.words.trim_end_matches('\r');
        let mut rest = words.trim_start_matches([' ', '\t']);
        let mut column = raw.column + (words.len() - rest.len());
        if rest.is_empty() {
            return Some(());
        }
        let ahead = self.text.get(self.cursor..)?;
        self.cursor += ahead.len() - ahead.trim_start_matches([' ', '\t', '\n']).len();
        self.begin(raw.line, column);
        while let Some(letter) = rest.chars().next() {
            let escape = self.escape(rest)?;
            let there = self.text.get(self.cursor..)?.chars().next();
            if escape == 0 && there != Some(letter) {
                // Blanks at a line's end are folded away.
                return rest.trim_matches([' ', '\t']).is_empty().then_some(());
            }
            if escape == 1 {
                // A backslash at a line's end joins it with the next.
                return Some(());
            }
            let taken = if escape > 0 {
                escape
            } else {
                letter.len_utf8()
            };
            let columns = rest.get(..taken)?.chars().count();
            if escape > 0 {
                self.begin(raw.line, column);
            }
            self.cursor += there?.len_utf8();
            column += columns;
            if let Some(piece) = self.pieces.last_mut() {
                piece.end = self.cursor;
                piece.width += columns;
            }
            rest = rest.get(taken..)?;
            if escape > 0 {
                self.begin(raw.line, column);
            }
        }
        Some(())
    }

    fn begin(&mut self, line: usize, column: usize) {
        self.pieces.push(Piece {
            offset: self.cursor,
            end: self.cursor,
            line,
            column,
            width: 0,
        });
    }

    /// How many bytes of the file an escape takes that begins here; 0 for none.
    fn escape(&self, rest: &str) -> Option<usize> {
        match self.style {
            ScalarStyle::SingleQuoted if rest.starts_with("''") => Some(2),
            ScalarStyle::DoubleQuoted if rest.starts_with('\\') => {
                let after = rest.get(1..)?;
                let length = match after.chars().next() {
                    None => 1,
                    Some('x') => 4,
                    Some('u') if is_first_half(after) => 12,
                    Some('u') => 6,
                    Some('U') => 10,
                    Some(letter) => 1 + letter.len_utf8(),
                };
                Some(length)
            }
            _ => Some(0),
        }
    }
}

/// `uD83D`, with its other half behind it.
fn is_first_half(after: &str) -> bool {
    let digits = after.get(1..5).unwrap_or("");
    let code = u32::from_str_radix(digits, 16).unwrap_or(0);
    (0xd800..0xdc00).contains(&code) && after.get(5..7) == Some("\\u")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(
        style: ScalarStyle,
        text: &str,
        file: &str,
        word: &str,
    ) -> Option<(usize, usize, usize)> {
        let lines = file.split('\n').enumerate().map(|(at, words)| Raw {
            line: at + 1,
            column: 1,
            words,
        });
        let pieces = Pieces::of(text, style, lines);
        let place = pieces.part(text, text.find(word)?, word.len())?;
        Some((place.line, place.column, place.length))
    }

    #[test]
    fn a_word_is_found_through_folding_quotes_and_escapes() {
        use ScalarStyle::{DoubleQuoted, Folded, Literal, Plain, SingleQuoted};
        for (style, text, file, expected) in [
            (Plain, "a WORD", "a WORD", (1, 3, 4)),
            (Plain, "a + WORD", "a +\n    WORD  ", (2, 5, 4)),
            (Plain, "a\nWORD b", "a\n\n  WORD\n b", (3, 3, 4)),
            (
                Folded,
                "a b\n  c\nWORD\n",
                "  a\n  b\n    c\n  WORD",
                (4, 3, 4),
            ),
            (Literal, "a\n  WORD\n", "   a\n     WORD", (2, 6, 4)),
            (SingleQuoted, "it's WORD", "it''s WORD", (1, 7, 4)),
            (DoubleQuoted, "aa WORD", "\\x61\\u0061 WORD", (1, 12, 4)),
            (
                DoubleQuoted,
                "W\u{f6}RD WORD",
                "W\\u00f6RD WORD",
                (1, 11, 4),
            ),
            (
                DoubleQuoted,
                "\u{1f600} WORD",
                "\\ud83d\\ude00 WORD",
                (1, 14, 4),
            ),
            (DoubleQuoted, "ab WORD", "a\\\n   b\n  WORD", (3, 3, 4)),
            (DoubleQuoted, "a\tWORD", "a\\tWO\\x52D", (1, 4, 7)),
        ] {
            let found = place(style, text, file, "WORD");
            assert_eq!(found, Some(expected), "{file:?}");
        }
    }

    #[test]
    fn a_text_that_is_not_what_stands_there_has_no_places() {
        assert_eq!(
            place(ScalarStyle::Plain, "a WORD", "a b WORD", "WORD"),
            None
        );
        assert_eq!(place(ScalarStyle::Plain, "a WORD", "a", "WORD"), None);
    }
}
