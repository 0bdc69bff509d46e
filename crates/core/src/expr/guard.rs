//! From text to jaq's term, with everything that could make that costly refused first: the
//! length, and how deep brackets and words that take a whole term behind them nest (the parser
//! calls itself for each).

use super::ParseError;
use crate::limits;
use jaq_core::load::lex::{self, Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::{self, Parser, Term};

/// Parses a text into a term.
///
/// # Errors
/// The first thing wrong, with its offset.
pub(super) fn parse(source: &str) -> Result<Term<&str>, ParseError> {
    check_length(source)?;
    check_brackets(source)?;
    let tokens = Lexer::new(source)
        .lex()
        .map_err(|errors| lexer_error(source, errors))?;
    let mut words = 0;
    check_words(source, &tokens, &mut words)?;
    Parser::new(&tokens)
        .parse(|parser| parser.term())
        .map_err(|errors| parser_error(source, errors))
}

/// Where a part of the source stands in it.
pub(super) fn offset_of(source: &str, part: &str) -> usize {
    (part.as_ptr() as usize)
        .saturating_sub(source.as_ptr() as usize)
        .min(source.len())
}

fn check_length(source: &str) -> Result<(), ParseError> {
    if source.trim().is_empty() {
        return Err(ParseError {
            message: "the expression is empty".to_owned(),
            offset: 0,
            help: Some("write a value, as in `$input.amount`".to_owned()),
        });
    }
    if source.len() > limits::EXPRESSION_BYTES {
        return Err(ParseError {
            message: format!(
                "the expression has {} bytes; at most {} are allowed",
                source.len(),
                limits::EXPRESSION_BYTES
            ),
            offset: 0,
            help: Some("split it over several `set` steps".to_owned()),
        });
    }
    Ok(())
}

fn too_deep(offset: usize) -> ParseError {
    ParseError {
        message: format!(
            "the expression nests more than {} levels deep",
            limits::EXPRESSION_LEVELS
        ),
        offset,
        help: Some("split it over several `set` steps".to_owned()),
    }
}

/// Follows brackets and strings as the lexer does. A closing bracket that closes nothing is
/// left for the lexer to report; it never makes the depth seem smaller than it is.
fn check_brackets(source: &str) -> Result<(), ParseError> {
    let mut open: Vec<u8> = Vec::new();
    let mut bytes = source.bytes().enumerate();
    while let Some((offset, byte)) = bytes.next() {
        let in_string = open.last() == Some(&b'"');
        let closer = match byte {
            b'\\' if in_string => match bytes.next() {
                Some((_, b'(')) => Some(b')'),
                _ => None,
            },
            b'"' if in_string => {
                open.pop();
                None
            }
            _ if in_string => None,
            b'#' => return Err(comment(offset)),
            b'"' => Some(b'"'),
            b'(' => Some(b')'),
            b'[' => Some(b']'),
            b'{' => Some(b'}'),
            b')' | b']' | b'}' if open.last() == Some(&byte) => {
                open.pop();
                None
            }
            _ => None,
        };
        if let Some(closer) = closer {
            if open.len() >= limits::EXPRESSION_LEVELS {
                return Err(too_deep(offset));
            }
            open.push(closer);
        }
    }
    Ok(())
}

fn comment(offset: usize) -> ParseError {
    ParseError {
        message: "`#` has no place in an expression".to_owned(),
        offset,
        help: Some("write comments in YAML, on a line of their own".to_owned()),
    }
}

/// Counts the words behind which the parser calls itself without any bracket.
fn check_words(source: &str, tokens: &[Token<&str>], words: &mut usize) -> Result<(), ParseError> {
    let mut after_value = false;
    for Token(text, kind) in tokens {
        let nests = match kind {
            Tok::Word => matches!(*text, "if" | "try" | "reduce" | "foreach" | "label" | "def"),
            Tok::Sym => *text == "-" && !after_value,
            _ => false,
        };
        *words += usize::from(nests);
        if *words > limits::EXPRESSION_LEVELS {
            return Err(too_deep(offset_of(source, text)));
        }
        after_value = match kind {
            Tok::Sym => text.starts_with('.') || *text == "?",
            _ => true,
        };
        match kind {
            Tok::Block(inner) => check_words(source, inner, words)?,
            Tok::Str(parts) => {
                for part in parts {
                    if let StrPart::Term(token) = part {
                        check_words(source, std::slice::from_ref(token), words)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn lexer_error(source: &str, errors: Vec<lex::Error<&str>>) -> ParseError {
    let first = errors
        .into_iter()
        .min_by_key(|(_, rest)| offset_of(source, rest));
    let Some((expected, rest)) = first else {
        return ParseError {
            message: "the expression cannot be read".to_owned(),
            offset: 0,
            help: None,
        };
    };
    let found = match rest.chars().next() {
        Some(character) => format!("found `{character}`"),
        None => "the expression ends there".to_owned(),
    };
    let help = match rest.chars().next() {
        Some('\'') => Some("strings stand in double quotes".to_owned()),
        Some('&') => Some("write `and`".to_owned()),
        _ => Some(lexer_help(&expected).to_owned()),
    };
    let message = match expected {
        lex::Expect::Token => format!("{found}, where nothing like it may stand"),
        expected => format!("{} is missing: {found}", with_article(expected.as_str())),
    };
    ParseError {
        message,
        offset: offset_of(source, rest),
        help,
    }
}

/// `a key`, `an identifier`.
fn with_article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

fn lexer_help(expected: &lex::Expect<&str>) -> &'static str {
    match expected {
        lex::Expect::Delim(open) if *open == "\"" => {
            "a string begins and ends with a double quote: `\"paid\"`"
        }
        lex::Expect::Delim(_) => "close each `(`, `[` and `{`, innermost first",
        lex::Expect::Escape | lex::Expect::Unicode => {
            "write a backslash in a string twice; `\\n`, `\\t` and `\\u00e9` are escapes"
        }
        lex::Expect::Ident => "write a name there: `$input`, `.amount`",
        _ => "remove it; a text stands in double quotes",
    }
}

fn parser_help(expected: &parse::Expect<&str>) -> &'static str {
    match expected {
        parse::Expect::Nothing => {
            "join two values by an operator, such as `+` or `|`, or remove one"
        }
        parse::Expect::Term => {
            "write a value there, such as `$input.amount`, or remove what waits for it"
        }
        parse::Expect::Key => "a key that is no plain word stands in quotes: `$input[\"0x\"]`",
        parse::Expect::ElseOrEnd => "write `if … then … else … end`",
        parse::Expect::Pattern => "`as` gives a name with a `$`: `$input.amount as $amount | …`",
        _ => "look at the word before it: something that belongs to it is missing",
    }
}

fn parser_error(source: &str, errors: Vec<parse::TError<'_, &str>>) -> ParseError {
    let first = errors
        .into_iter()
        .map(|(expected, found)| (expected, found.map(Token::as_str)))
        .min_by_key(|(_, found)| found.map_or(source.len(), |found| offset_of(source, found)));
    let Some((expected, found)) = first else {
        return ParseError {
            message: "the expression cannot be read".to_owned(),
            offset: 0,
            help: None,
        };
    };
    let offset = found.map_or(source.len(), |found| offset_of(source, found));
    let found = match found {
        Some(found) => format!("`{}`", shorten(found, 20)),
        None => "the end".to_owned(),
    };
    let message = match &expected {
        parse::Expect::Nothing => format!("{found} may not stand here"),
        parse::Expect::Term => format!("a value is missing before {found}"),
        parse::Expect::Just(word) => format!("`{word}` is missing before {found}"),
        expected => format!(
            "{} is missing before {found}",
            with_article(expected.as_str())
        ),
    };
    let help = match source.get(offset..) {
        Some(rest) if rest.starts_with("&&") => Some("write `and`".to_owned()),
        Some(rest) if rest.starts_with("||") => Some("write `or`".to_owned()),
        Some(rest) if rest.starts_with("!") => Some("write `… | not`".to_owned()),
        _ => Some(parser_help(&expected).to_owned()),
    };
    ParseError {
        message,
        offset,
        help,
    }
}

/// At most so many characters of a text.
pub(super) fn shorten(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
