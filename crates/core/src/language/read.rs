//! What every part of the reader shares: the map of known keys, and the plain values (names,
//! counts, durations, truth values, words). Each reports what is wrong and goes on.

use super::Surroundings;
use super::codes::Code;
use super::keys::{self, Within};
use super::node::{Entry, Node, Place, Value, shortened};
use super::problems::Problems;
use super::suggest::nearest;
use super::values::Use;
use crate::children::ChildRun;
use crate::limits;
use crate::time::Duration;
use std::collections::HashMap;

/// Reads a file's tree into a definition, in the order of its steps, and remembers what a
/// later step may refer to.
pub(crate) struct Reader<'a> {
    /// What is wrong so far.
    pub(crate) problems: Problems,
    /// What is known of services and defaults.
    pub(crate) surroundings: &'a Surroundings<'a>,
    /// Every step's name in the file, and where it first stands.
    pub(crate) names: HashMap<String, Place>,
    /// The steps that have certainly been reached, or skipped, before what is being read.
    pub(crate) visible: Vec<String>,
    /// The step being read.
    pub(crate) current: Option<String>,
    /// The pivot, and its line, once it was read.
    pub(crate) pivot: Option<(String, usize)>,
    /// What is being read comes after the pivot's step.
    pub(crate) after_pivot: bool,
    /// What is being read stands inside a group that a pivot may not stand in.
    pub(crate) no_pivot: Option<&'static str>,
    /// The saga's deadline.
    pub(crate) deadline: Option<Duration>,
    /// Variables met since this list was last emptied.
    pub(crate) uses: Vec<Use>,
    /// The children met so far, and where they stand.
    pub(crate) children: Vec<(ChildRun, Place)>,
}

/// A map whose keys are known.
pub(crate) struct Fields<'n> {
    /// Where the map stands.
    pub(crate) place: Place,
    within: Within,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// The entry of a key of the table.
    pub(crate) fn entry(&self, name: &str) -> Option<&'n Entry> {
        debug_assert!(
            keys::find(self.within, name).is_some(),
            "`{name}` is read and stands not in the table of keys"
        );
        self.entries.iter().find(|entry| entry.key == name)
    }

    /// The value of a key of the table.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|entry| &entry.node)
    }

    /// All entries.
    pub(crate) fn entries(&self) -> &'n [Entry] {
        self.entries
    }
}

impl Reader<'_> {
    /// A map of one kind: its unknown, misplaced and not yet supported keys are reported.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, within: Within) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            let help = format!(
                "write its keys: {}",
                keys::of(within)
                    .filter(|key| key.shape.is_some())
                    .map(|key| key.name)
                    .take(6)
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            self.wrong_type(node, &format!("{} is a map of keys", within.noun()), &help);
            return None;
        };
        for entry in entries {
            match keys::find(within, &entry.key) {
                Some(key) if key.shape.is_some() => {}
                Some(_) => self.not_supported_yet(&entry.key, entry.place),
                None => self.unknown_key(entry, within),
            }
        }
        Some(Fields {
            place: node.place,
            within,
            entries,
        })
    }

    /// Says that a key of the language is not built yet.
    pub(crate) fn not_supported_yet(&mut self, word: &str, place: Place) {
        self.problems.add(
            Code::NotSupportedYet,
            place,
            format!("`{word}` is part of the saga language, but this version of Banyan does not have it yet"),
            "leave it out for now",
        );
    }

    fn unknown_key(&mut self, entry: &Entry, within: Within) {
        let word = shortened(&entry.key);
        let homes = keys::homes(&entry.key);
        if let Some(home) = homes.first() {
            self.problems.add(
                Code::MisplacedKey,
                entry.place,
                format!("`{word}` may not stand in {}", within.noun()),
                format!("it belongs to {}", home.noun()),
            );
            return;
        }
        let names = || {
            keys::of(within)
                .filter(|key| key.shape.is_some())
                .map(|key| key.name)
        };
        let help = if word == "<<" {
            "merge keys are not part of the saga language: write the keys out".to_owned()
        } else if let Some(near) = nearest(&entry.key, names()) {
            format!("did you mean `{near}`?")
        } else if within == Within::Wait {
            "write the signal's name: `wait: approved`".to_owned()
        } else {
            let all: Vec<&str> = names().collect();
            format!("{} has the keys {}", within.noun(), all.join(", "))
        };
        self.problems.add(
            Code::UnknownKey,
            entry.place,
            format!("`{word}` is no key of {}", within.noun()),
            help,
        );
    }

    /// Says that a key must be there.
    pub(crate) fn missing(&mut self, name: &str, place: Place, help: &str) {
        self.problems.add(
            Code::MissingKey,
            place,
            format!("`{name}` is missing"),
            help,
        );
    }

    /// Says that a value is of the wrong kind.
    pub(crate) fn wrong_type(&mut self, node: &Node, expected: &str, help: &str) {
        let braces = match &node.value {
            Value::Map(entries) => entries
                .first()
                .is_some_and(|entry| entry.key.starts_with('$')),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                false
            }
        };
        let help = if braces {
            "to YAML `{ … }` is a map: put the text in quotes, such as \"{$key}\""
        } else {
            help
        };
        self.problems.add(
            Code::WrongType,
            node.place,
            format!("{expected}, and here stands {}", node.described()),
            help,
        );
    }

    /// A text that is not empty.
    pub(crate) fn words<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) if !text.is_empty() => Some(text),
            Value::Text(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::List(_)
            | Value::Map(_) => {
                let help = match &node.value {
                    Value::Number(_) | Value::Bool(_) => format!(
                        "put it in quotes to make it a text: \"{}\"",
                        node.quoted().trim_matches('`')
                    ),
                    _ => "write it behind the colon".to_owned(),
                };
                self.wrong_type(node, &format!("{what} is a text"), &help);
                None
            }
        }
    }

    /// A name of the language's alphabet.
    pub(crate) fn name(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.words(node, what)?;
        self.check_name(text, node.place, what)
            .then(|| text.to_owned())
    }

    /// Whether a text is a name of the language's alphabet.
    pub(crate) fn check_name(&mut self, text: &str, place: Place, what: &str) -> bool {
        let right = is_name(text);
        if !right {
            self.problems.add(
                Code::InvalidName,
                place,
                format!("`{}` is no name: {what} is made of a to z, 0 to 9 and `_`, begins with a letter and has at most {} characters", shortened(text), limits::NAME_CHARS),
                suggestion_of_name(text),
            );
        }
        right
    }

    /// A whole number between two bounds.
    pub(crate) fn count(&mut self, node: &Node, what: &str, bounds: (u32, u32)) -> Option<u32> {
        let Value::Number(number) = &node.value else {
            let help = format!(
                "write a whole number from {} to {}, without quotes",
                bounds.0, bounds.1
            );
            self.wrong_type(node, &format!("{what} is a whole number"), &help);
            return None;
        };
        let whole = number.to_string().parse::<u32>().ok();
        let within = whole.filter(|count| (bounds.0..=bounds.1).contains(count));
        if within.is_none() {
            self.problems.add(
                Code::OutOfRange,
                node.place,
                format!(
                    "{what} is a whole number from {} to {}, not {}",
                    bounds.0,
                    bounds.1,
                    node.quoted()
                ),
                match whole {
                    Some(count) if count > bounds.1 => format!("write {} or less", bounds.1),
                    Some(_) => format!("write {} or more", bounds.0),
                    None => format!("write a whole number, such as {}", bounds.0.max(1)),
                },
            );
        }
        within
    }

    /// True or false.
    pub(crate) fn truth(&mut self, node: &Node, what: &str) -> Option<bool> {
        match &node.value {
            Value::Bool(truth) => Some(*truth),
            Value::Text(word) if matches!(word.as_str(), "yes" | "no" | "on" | "off") => {
                self.problems.add(
                    Code::WrongType,
                    node.place,
                    format!("{what} is true or false, and `{word}` is a text in YAML 1.2"),
                    "write `true` or `false`",
                );
                None
            }
            Value::Null | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                let help = "write `true` or `false`, without quotes";
                self.wrong_type(node, &format!("{what} is true or false"), help);
                None
            }
        }
    }

    /// One of some words.
    pub(crate) fn choice(
        &mut self,
        node: &Node,
        what: &str,
        words: &[&'static str],
    ) -> Option<&'static str> {
        let said = match &node.value {
            Value::Text(text) => words.iter().find(|word| *word == text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                None
            }
        };
        if said.is_none() {
            let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            self.problems.add(
                Code::InvalidValue,
                node.place,
                format!("{what} cannot be {}", node.described()),
                format!("write {}", quoted.join(" or ")),
            );
        }
        said.copied()
    }

    /// A length of time between two bounds, both included.
    pub(crate) fn duration(
        &mut self,
        node: &Node,
        what: &str,
        bounds: (Duration, Duration),
    ) -> Option<Duration> {
        let read = match &node.value {
            Value::Text(text) => text.parse::<Duration>().ok(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                None
            }
        };
        let Some(duration) = read else {
            let help = match &node.value {
                Value::Number(number) => {
                    let number = shortened(&number.to_string());
                    format!("name the unit: `{number}s` or `{number}ms`")
                }
                _ => {
                    "write a whole number and its unit: 200ms, 30s, 5m, 2h, 3d, or 1h30m".to_owned()
                }
            };
            self.problems.add(
                Code::InvalidDuration,
                node.place,
                format!(
                    "{what} is a length of time, and {} is none",
                    node.described()
                ),
                help,
            );
            return None;
        };
        if duration < bounds.0 || duration > bounds.1 {
            self.problems.add(
                Code::OutOfRange,
                node.place,
                format!(
                    "{what} lies between {} and {}, and `{duration}` does not",
                    bounds.0, bounds.1
                ),
                if duration < bounds.0 {
                    format!("write `{}` or longer", bounds.0)
                } else {
                    format!("write `{}` or shorter", bounds.1)
                },
            );
            return None;
        }
        Some(duration)
    }
}

/// Longest time of a timer.
pub(crate) const LONGEST: Duration = Duration::from_millis(limits::TIMER_MAX_MS);
/// Shortest time that is one.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// Whether a text is a name of the language's alphabet.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= limits::NAME_CHARS
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn suggestion_of_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|letter| match letter.to_ascii_lowercase() {
            letter if letter.is_ascii_alphanumeric() => letter,
            _ => '_',
        })
        .collect();
    if is_name(&name) {
        format!("did you mean `{name}`?")
    } else {
        "for example `place_order`".to_owned()
    }
}
