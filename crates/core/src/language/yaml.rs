//! From the text of a file to its tree of [`Node`]s.
//!
//! It works on the parser's events, so that every key and value keeps its line and column.
//! Anchors, aliases and tags are refused as they come: nothing in a file can grow. Depth and
//! size are bounded before anything recurses.

use super::codes::Code;
use super::lines::{Lines, only_allowed_characters, place_of};
use super::node::{Entry, Node, Place, Value, shortened};
use super::pieces::Pieces;
use super::problems::Problems;
use super::scalar;
use crate::limits;
use serde_saphyr::granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle,
};
use std::collections::HashMap;

/// Lists and maps inside each other: three for each level of groups, and those of a value.
const YAML_LEVELS: usize = 4 * limits::DEFINITION_LEVELS + 8;

/// Reads the one document of a file. None when its tree cannot be had at all.
pub(crate) fn read(source: &str, problems: &mut Problems) -> Option<Node> {
    if source.len() > limits::DEFINITION_BYTES {
        problems.add(
            Code::FileTooLarge,
            START,
            format!(
                "the file has {} bytes, more than the {} that a saga file may have",
                source.len(),
                limits::DEFINITION_BYTES
            ),
            "split the saga, or keep long texts in the services",
        );
        return None;
    }
    if !only_allowed_characters(source, problems) {
        return None;
    }
    let mut builder = Builder {
        source,
        lines: Lines::new(source),
        problems,
        open: Vec::new(),
        root: None,
        documents: 0,
        flow: 0,
    };
    if !builder.run() {
        return None;
    }
    // A file of comments alone has no document: it is read as nothing.
    Some(builder.root.take().unwrap_or(Node {
        place: START,
        pieces: Pieces::default(),
        value: Value::Null,
    }))
}

const START: Place = Place {
    line: 1,
    column: 1,
    length: 1,
};

/// What is said of anchors and aliases, and how to do without them.
const NO_ALIASES: (&str, &str) = (
    "anchors (`&name`) and aliases (`*name`) are not part of the saga language",
    "write the value out where it is needed; put a text that begins with `&` or `*` in quotes",
);

/// A list or a map that is not closed yet.
enum Open {
    List(Vec<Node>, Place),
    Map(OpenMap, Place),
}

/// A map that is not closed yet.
#[derive(Default)]
struct OpenMap {
    entries: Vec<Entry>,
    /// The lines of its keys.
    lines: HashMap<String, usize>,
    waiting: Option<Key>,
}

/// A key whose value is not there yet. None of text when it stands twice: its value is dropped.
struct Key {
    text: Option<String>,
    place: Place,
}

struct Builder<'a> {
    source: &'a str,
    lines: Lines<'a>,
    problems: &'a mut Problems,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    flow: usize,
}

impl<'a> Builder<'a> {
    /// Reads to the end; false when nothing of the file can be used.
    fn run(&mut self) -> bool {
        let mut options = Options::default();
        options.set_emit_comments(false);
        options.emit_unresolved_aliases = true;
        options.emit_anchor_events = true;
        options.block_nesting_limit = YAML_LEVELS + 8;
        options.flow_nesting_limit = YAML_LEVELS + 8;
        let mut parser: Parser<'a, StrInput<'a>> =
            Parser::new_from_str_with_options(self.source, options);
        while let Some(next) = parser.next_event() {
            match next {
                Ok((event, span)) => {
                    if !self.event(event, span) {
                        return false;
                    }
                }
                Err(error) => {
                    self.syntax_error(&error);
                    return false;
                }
            }
        }
        true
    }

    /// Takes one event; false when nothing after it can be read.
    fn event(&mut self, event: Event<'a>, span: Span) -> bool {
        let place = place_of(&span);
        match event {
            Event::DocumentStart(..) => return self.document(place),
            Event::Scalar(text, style, _, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                return self.scalar(&text, style, &span);
            }
            Event::SequenceStart(style, _, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                return self.begin(Open::List(Vec::new(), place), style, place);
            }
            Event::MappingStart(style, _, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                return self.begin(Open::Map(OpenMap::default(), place), style, place);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Anchor(..) => self.refuse_anchor(place),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse_alias(place);
                self.put(Node {
                    place,
                    pieces: Pieces::default(),
                    value: Value::Null,
                });
            }
            // Only the start and the end of the stream are left; comments are switched off.
            _ => {}
        }
        true
    }

    fn document(&mut self, place: Place) -> bool {
        self.documents += 1;
        if self.documents > 1 {
            self.problems.add(
                Code::SeveralDocuments,
                place,
                "a second document begins here (`---`)",
                "one file holds one saga: put the other one into its own file",
            );
            return false;
        }
        true
    }

    fn begin(&mut self, open: Open, style: StructureStyle, place: Place) -> bool {
        if self.open.len() >= YAML_LEVELS {
            self.too_deep(place);
            return false;
        }
        if style == StructureStyle::Flow {
            self.flow += 1;
        }
        self.open.push(open);
        true
    }

    fn too_deep(&mut self, place: Place) {
        self.problems.add(
            Code::TooDeep,
            place,
            format!("lists and maps are nested deeper than {YAML_LEVELS} here"),
            "keep the file flat: a saga has at most 16 levels of groups",
        );
    }

    fn end(&mut self) {
        self.flow = self.flow.saturating_sub(1);
        let node = match self.open.pop() {
            Some(Open::List(items, place)) => Node {
                place,
                pieces: Pieces::default(),
                value: Value::List(items),
            },
            Some(Open::Map(map, place)) => Node {
                place,
                pieces: Pieces::default(),
                value: Value::Map(map.entries),
            },
            None => return,
        };
        self.put(node);
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: &Span) -> bool {
        let place = place_of(span);
        let pieces = self.lines.of_text(text, style, span);
        if style != ScalarStyle::Plain {
            self.put(Node {
                place,
                pieces,
                value: Value::Text(text.to_owned()),
            });
            return true;
        }
        let value = scalar::resolve(text).unwrap_or_else(|why| {
            self.problems.refuse(
                Code::InvalidValue,
                place,
                format!("`{}` {why}", shortened(text)),
                "write a decimal number, or put it in quotes to make it a text",
            );
            Value::Null
        });
        self.put(Node {
            place,
            pieces,
            value,
        });
        true
    }

    /// Puts a finished node where it belongs: the root, a list, a key, or a key's value.
    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(items, _)) => items.push(node),
            Some(Open::Map(map, _)) => match map.waiting.take() {
                None => map.waiting = Some(key_of(node, &mut map.lines, self.problems)),
                Some(Key {
                    text: Some(key),
                    place,
                }) => map.entries.push(Entry { key, place, node }),
                Some(Key { text: None, .. }) => {}
            },
        }
    }

    fn refuse_anchor(&mut self, place: Place) {
        let (message, help) = NO_ALIASES;
        self.problems
            .add(Code::AliasNotAllowed, place, message, help);
    }

    fn refuse_alias(&mut self, place: Place) {
        let (message, help) = NO_ALIASES;
        self.problems
            .refuse(Code::AliasNotAllowed, place, message, help);
    }

    fn refuse_tag(&mut self, there: bool, span: &Span) {
        if there {
            let place = span
                .tag_span()
                .map_or_else(|| place_of(span), |tag| place_of(&tag));
            let word = span.tag_span().and_then(|tag| tag.slice(self.source));
            self.problems.add(
                Code::TagNotAllowed,
                place,
                format!(
                    "the tag `{}` is not part of the saga language",
                    word.unwrap_or("!")
                ),
                "remove it; put a text that begins with `!` in quotes",
            );
        }
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let place = Place {
            line: error.marker().line().max(1),
            column: error.marker().col() + 1,
            length: 1,
        };
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            return self.too_deep(place);
        }
        let (message, help) = self.lines.explain(error, place, self.flow > 0);
        self.problems.add(Code::InvalidYaml, place, message, help);
    }
}

fn key_of(node: Node, lines: &mut HashMap<String, usize>, problems: &mut Problems) -> Key {
    let place = node.place;
    let text = match node.value {
        Value::Text(text) => text,
        _ => {
            problems.refuse(
                Code::KeyNotText,
                place,
                format!("a key must be a text, and this one is {}", node.noun()),
                "put it in quotes",
            );
            // What stands behind it is looked at all the same.
            node.to_json().to_string()
        }
    };
    if let Some(earlier) = lines.insert(text.clone(), place.line) {
        problems.add(
            Code::DuplicateKey,
            place,
            format!(
                "`{}` stands twice in this map; it already stands in line {earlier}",
                shortened(&text)
            ),
            "remove one of the two",
        );
        return Key { text: None, place };
    }
    Key {
        text: Some(text),
        place,
    }
}
