//! The line `METHOD service path`, headers and query parameters.

use super::codes::Code;
use super::node::{Node, Value, shortened};
use super::read::Reader;
use super::suggest::nearest;
use super::values::Scope;
use crate::definition::Method;
use crate::expr::{Part, Text};
use crate::limits;

/// What a call calls.
pub(crate) struct Target {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The registered service.
    pub(crate) service: String,
    /// The path.
    pub(crate) path: Text,
}

const FORM: &str = "write METHOD, service and path, such as `POST orders /orders`";

/// Headers that Banyan or HTTP itself sets on every call.
const RESERVED_HEADERS: [&str; 15] = [
    "idempotency-key",
    "traceparent",
    "tracestate",
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
];

impl Reader<'_> {
    /// Reads `METHOD service path`. A method that could be read is given even when the rest
    /// could not, so that what hangs on it is still checked.
    pub(crate) fn target(
        &mut self,
        node: &Node,
        what: &str,
        scope: Scope,
    ) -> (Option<Method>, Option<Target>) {
        let Value::Text(line) = &node.value else {
            self.wrong_type(
                node,
                &format!("{what} is a text `METHOD service path`"),
                FORM,
            );
            return (None, None);
        };
        let words = split(line);
        let [(_, method), (service_at, service), (path_at, path)] = words[..] else {
            self.problems.add(
                Code::InvalidCall,
                node.place,
                format!("`{}` is no call", shortened(line)),
                FORM,
            );
            return (None, None);
        };
        let method = self.method(node, method);
        let service = self.service(node, service, service_at);
        let path = self.path(node, path, path_at, scope);
        let target = match (method, service, path) {
            (Some(method), Some(service), Some(path)) => Some(Target {
                method,
                service,
                path,
            }),
            _ => None,
        };
        (method, target)
    }

    fn method(&mut self, node: &Node, word: &str) -> Option<Method> {
        let found = Method::ALL
            .into_iter()
            .find(|method| method.as_str() == word);
        if found.is_none() {
            let names = Method::ALL.map(Method::as_str);
            let help = match nearest(&word.to_ascii_uppercase(), names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a call uses one of {}", names.join(", ")),
            };
            self.problems.add(
                Code::InvalidMethod,
                node.part(0, word.len()),
                format!("`{}` is no method of a call", shortened(word)),
                help,
            );
        }
        found
    }

    fn service(&mut self, node: &Node, word: &str, at: usize) -> Option<String> {
        let place = node.part(at, word.len());
        if !is_service_name(word) {
            self.problems.add(
                Code::InvalidService,
                place,
                format!("`{}` is no service's name", shortened(word)),
                format!("{FORM}; a service's name is made of a to z, 0 to 9, `_` and `-` and begins with a letter"),
            );
            return None;
        }
        if let Some(services) = self.surroundings.services
            && !services.iter().any(|service| service == word)
        {
            let help = match nearest(word, services.iter().map(String::as_str)) {
                Some(near) => {
                    format!("did you mean `{near}`? Else register it before a saga is started")
                }
                None => "register it before a saga is started".to_owned(),
            };
            self.problems.add(
                Code::ServiceNotRegistered,
                place,
                format!("no service `{word}` is registered"),
                help,
            );
        }
        Some(word.to_owned())
    }

    fn path(&mut self, node: &Node, words: &str, at: usize, scope: Scope) -> Option<Text> {
        let text = self.text(node, words, at, scope)?;
        if let Some((wrong, help)) = wrong_in_path(&text) {
            self.problems.add(
                Code::InvalidPath,
                node.part(at, words.len()),
                format!("the path `{}` {wrong}", shortened(words)),
                help,
            );
            return None;
        }
        Some(text)
    }

    /// Query parameters.
    pub(crate) fn query(&mut self, node: Option<&Node>, scope: Scope) -> Vec<(String, Text)> {
        let mut out = Vec::new();
        for (name, node) in self.texts(node, "`query`") {
            if let Some(text) =
                self.text_value(node, &format!("the parameter `{}`", shortened(name)), scope)
            {
                out.push((name.to_owned(), text));
            }
        }
        out
    }

    /// Headers, their names in lower case.
    pub(crate) fn headers(&mut self, node: Option<&Node>, scope: Scope) -> Vec<(String, Text)> {
        let mut out: Vec<(String, Text)> = Vec::new();
        for (written, value) in self.texts(node, "`headers`") {
            let name = written.to_ascii_lowercase();
            let place = node.map_or(value.place, |map| key_place(map, written, value));
            if !is_header_name(&name) {
                self.problems.add(
                    Code::InvalidHeader,
                    place,
                    format!("`{}` is no header's name", shortened(written)),
                    "letters, digits and `-`",
                );
                continue;
            }
            if RESERVED_HEADERS.contains(&name.as_str()) || name.starts_with("banyan-") {
                self.problems.add(
                    Code::ReservedHeader,
                    place,
                    format!("the header `{written}` is set by Banyan itself"),
                    "remove it; what the service needs beside it goes into a header of its own",
                );
                continue;
            }
            if out.iter().any(|(earlier, _)| *earlier == name) {
                self.problems.add(
                    Code::DuplicateKey,
                    place,
                    format!(
                        "the header `{written}` stands twice; case does not tell headers apart"
                    ),
                    "remove one of the two",
                );
                continue;
            }
            if let Some(text) = self.text_value(value, &format!("the header `{written}`"), scope) {
                self.header_value(&text, written, value);
                out.push((name, text));
            }
        }
        out
    }

    fn header_value(&mut self, text: &Text, name: &str, node: &Node) {
        let strange = text.parts().iter().any(|part| match part {
            Part::Literal(words) => !words.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            Part::Expr(..) => false,
        });
        if strange {
            self.problems.add(
                Code::InvalidHeader,
                node.place,
                format!(
                    "the value of the header `{name}` holds what a header may not: {}",
                    node.quoted()
                ),
                "visible ASCII characters and spaces on one line",
            );
        }
    }

    fn texts<'n>(&mut self, node: Option<&'n Node>, what: &str) -> Vec<(&'n str, &'n Node)> {
        let Some(node) = node else {
            return Vec::new();
        };
        let Value::Map(entries) = &node.value else {
            self.wrong_type(
                node,
                &format!("{what} is a map of names and texts"),
                "write a name and a text each: `{ page: \"1\" }`",
            );
            return Vec::new();
        };
        let mut out = Vec::new();
        for entry in entries {
            if entry.key.is_empty() || entry.key.len() > limits::LABEL_BYTES {
                self.problems.add(
                    Code::InvalidName,
                    entry.place,
                    format!("a name in {what} has 1 to {} bytes", limits::LABEL_BYTES),
                    "give it a name within these bounds",
                );
            } else {
                out.push((entry.key.as_str(), &entry.node));
            }
        }
        out
    }

    fn text_value(&mut self, node: &Node, what: &str, scope: Scope) -> Option<Text> {
        match &node.value {
            Value::Text(words) => self.text(node, words, 0, scope),
            Value::Bool(truth) => self.text(node, &truth.to_string(), 0, scope),
            Value::Number(number) => self.text(node, &number.to_string(), 0, scope),
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.wrong_type(
                    node,
                    &format!("{what} is a text"),
                    "write a text; `{…}` in it inserts a value, as in `\"{$input.page}\"`",
                );
                None
            }
        }
    }
}

fn key_place(map: &Node, key: &str, value: &Node) -> super::node::Place {
    match &map.value {
        Value::Map(entries) => entries
            .iter()
            .find(|entry| entry.key == key)
            .map_or(value.place, |entry| entry.place),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
            value.place
        }
    }
}

/// The three words of a call and the bytes where they begin; the path keeps its spaces.
fn split(line: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut at = 0;
    while words.len() < 3 {
        let rest = &line[at..];
        let begin = at + rest.len() - rest.trim_start().len();
        if begin == line.len() {
            break;
        }
        let length = if words.len() == 2 {
            line[begin..].trim_end().len()
        } else {
            line[begin..]
                .find(char::is_whitespace)
                .unwrap_or(line.len() - begin)
        };
        words.push((begin, &line[begin..begin + length]));
        at = begin + length;
    }
    words
}

/// Whether a text is a name that a service may be registered under.
fn is_service_name(text: &str) -> bool {
    text.len() <= limits::NAME_CHARS
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
        })
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= limits::NAME_CHARS
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// What is wrong in the fixed parts of a path, and how to mend it.
fn wrong_in_path(text: &Text) -> Option<(&'static str, &'static str)> {
    // An inserted value is one non-empty segment or a part of one; "v" stands for it.
    let mut shape = String::new();
    for part in text.parts() {
        match part {
            Part::Literal(words) => shape.push_str(words),
            Part::Expr(..) => shape.push('v'),
        }
    }
    if !shape.starts_with('/') {
        return Some(("does not begin with `/`", FORM));
    }
    if shape.contains(['?', '#']) {
        return Some((
            "holds a `?` or a `#`",
            "parameters go under `query`; write a literal `?` as %3F",
        ));
    }
    if shape.starts_with("//") {
        return Some(("begins with `//`", "begin with one `/`"));
    }
    let graphic = |byte: u8| (b'!'..=b'~').contains(&byte) && !b"\"<>\\^`{|}".contains(&byte);
    if !shape.bytes().all(graphic) {
        return Some((
            "holds a character that a path may not hold",
            "percent-encode it (a space is %20); an expression in `{…}` is encoded by itself",
        ));
    }
    let is_dots = |segment: &str| {
        matches!(
            segment.to_ascii_lowercase().replace("%2e", ".").as_str(),
            "." | ".."
        )
    };
    if shape.split('/').any(is_dots) {
        return Some(("holds a segment `.` or `..`", "write the whole path"));
    }
    let bad_escape = shape.split('%').skip(1).any(|rest| {
        !rest
            .get(..2)
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    bad_escape.then_some((
        "holds a `%` that is no percent-encoding",
        "write a literal `%` as %25",
    ))
}
