//! Values with expressions in them: each is parsed, and each variable it reads is looked for
//! among what is certainly known where it stands.

use super::codes::Code;
use super::node::{Entry, Node, Place, Value, shortened};
use super::read::Reader;
use super::suggest::nearest;
use crate::expr::{Expr, ParseError, Part, Template, Text};
use crate::limits;

/// A variable that an expression reads.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    /// Without its `$`.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) place: Place,
    /// The expression says what it takes instead when the variable is null (`//`).
    pub(crate) guarded: bool,
}

/// Which variables an expression may read, beside `$input`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// What it belongs to, for messages.
    pub(crate) what: &'static str,
    /// Earlier steps and `$saga`.
    pub(crate) steps: bool,
    /// Those of `key`, `body`, `result` and `http` that are known.
    pub(crate) own: &'static [&'static str],
}

const fn scope(what: &'static str, own: &'static [&'static str]) -> Scope {
    Scope {
        what,
        steps: true,
        own,
    }
}

impl Scope {
    /// A label.
    pub(crate) const LABEL: Scope = Scope {
        what: "a label",
        steps: false,
        own: &[],
    };
    /// A lock.
    pub(crate) const LOCK: Scope = Scope {
        what: "the lock",
        ..Scope::LABEL
    };
    /// The saga's output.
    pub(crate) const OUTPUT: Scope = scope("the output", &[]);
    /// A condition on reaching a step, a timer, a computed value.
    pub(crate) const STEP: Scope = scope("a step before it began", &[]);
    /// What a do sends.
    pub(crate) const DO: Scope = scope("what a do sends", &["key"]);
    /// What a do's answer means.
    pub(crate) const DO_ANSWER: Scope =
        scope("the meaning of a do's answer", &["key", "result", "http"]);
    /// What a check sends.
    pub(crate) const CHECK: Scope = scope("what a check sends", &["key", "body"]);
    /// What a check's answer means.
    pub(crate) const CHECK_ANSWER: Scope = scope(
        "the meaning of a check's answer",
        &["key", "result", "http"],
    );
    /// What an undo sends.
    pub(crate) const UNDO: Scope = scope("what an undo sends", &["key", "body", "result"]);
    /// What an undo's answer means.
    pub(crate) const UNDO_ANSWER: Scope = scope(
        "the meaning of an undo's answer",
        &["key", "result", "http"],
    );
    /// What a confirm sends.
    pub(crate) const CONFIRM: Scope = scope("what a confirm sends", &["key", "body", "result"]);
    /// What a confirm's answer means.
    pub(crate) const CONFIRM_ANSWER: Scope = scope(
        "the meaning of a confirm's answer",
        &["key", "result", "http"],
    );
    /// What the call at a saga's end sends.
    pub(crate) const END: Scope = scope("what `on_end` sends", &["key"]);
    /// What the answer to the call at a saga's end means.
    pub(crate) const END_ANSWER: Scope =
        scope("the meaning of the answer to `on_end`", &["result", "http"]);
    /// What the undo of a signal sends: nothing was sent that it could look back to.
    pub(crate) const UNDO_SIGNAL: Scope =
        scope("what the undo of a signal sends", &["key", "result"]);
    /// What a signal means.
    pub(crate) const SIGNAL: Scope = scope("the meaning of a signal", &["result"]);
}

/// Help where an expression's own error has none.
const FORM: &str = "an expression is jq, such as `$input.amount > 100`; docs/reference/expressions.md lists what it may hold";

impl Reader<'_> {
    /// A value that is always an expression.
    pub(crate) fn expression(&mut self, node: &Node, what: &str, scope: Scope) -> Option<Expr> {
        let text = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                let help = "write an expression, such as `$input.amount > 100`";
                self.wrong_type(node, &format!("{what} is an expression"), help);
                return None;
            }
        };
        match Expr::parse(&text) {
            Ok(expr) => {
                self.variables(&expr, node, 0, scope);
                Some(expr)
            }
            Err(error) => {
                self.invalid_expression(node, &error);
                None
            }
        }
    }

    /// Any value, in which a text that begins with `$` and a letter is an expression.
    pub(crate) fn template(&mut self, node: &Node, scope: Scope) -> Option<Template> {
        if node.levels() > limits::DEFINITION_LEVELS {
            self.problems.add(
                Code::TooDeep,
                node.place,
                format!(
                    "this value nests deeper than {} levels",
                    limits::DEFINITION_LEVELS
                ),
                "compute it with `set` in parts",
            );
            return None;
        }
        let before = self.problems.count();
        self.leaves(node, scope);
        if self.problems.count() > before && self.problems.any_error() {
            return None;
        }
        match Template::try_from(node.to_json()) {
            Ok(template) => Some(template),
            Err(error) => {
                self.invalid_expression(node, &error);
                None
            }
        }
    }

    fn leaves(&mut self, node: &Node, scope: Scope) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.leaves(item, scope)),
            Value::Map(entries) => {
                for entry in entries {
                    self.literal_key(entry, scope);
                    self.leaves(&entry.node, scope);
                }
            }
            Value::Text(_) => {
                match Template::try_from(node.to_json()) {
                    Ok(Template::Expr(expr)) => self.variables(&expr, node, 0, scope),
                    Ok(template) => {
                        for expr in template.expressions() {
                            self.variables(expr, node, 0, scope);
                        }
                        self.literal(node, scope, &[], "begin the text with `$` to make it an expression, such as `$input.amount`");
                    }
                    Err(error) => self.invalid_expression(node, &error),
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Words with expressions between them, from byte `offset` of the node's text on.
    pub(crate) fn text(
        &mut self,
        node: &Node,
        words: &str,
        offset: usize,
        scope: Scope,
    ) -> Option<Text> {
        match Text::parse(words) {
            Ok(text) => {
                let mut computed = vec![(0, offset)];
                for part in text.parts() {
                    match part {
                        Part::Expr(expr, at) => {
                            let begin = offset + at;
                            self.variables(expr, node, begin, scope);
                            computed.push((begin, begin + expr.source().len()));
                        }
                        Part::Literal(_) => {}
                    }
                }
                self.literal(
                    node,
                    scope,
                    &computed,
                    "put braces around it: `{$input.id}`",
                );
                Some(text)
            }
            Err(mut error) => {
                error.offset += offset;
                self.invalid_expression(node, &error);
                None
            }
        }
    }

    fn invalid_expression(&mut self, node: &Node, error: &ParseError) {
        let (at, length) = offending(node, error);
        self.problems.add(
            Code::ExpressionInvalid,
            node.part(at, length),
            format!("{} in {}", error.message, node.quoted()),
            error.help.as_deref().unwrap_or(FORM),
        );
    }

    /// Looks for every variable of an expression that begins at byte `offset` of the node's text.
    fn variables(&mut self, expr: &Expr, node: &Node, offset: usize, scope: Scope) {
        let guarded = expr.source().contains("//");
        let found: Vec<(String, usize)> = expr
            .variables()
            .into_iter()
            .map(|(name, at)| (name.to_owned(), at))
            .collect();
        for (name, at) in found {
            let place = node.part(offset + at, name.len() + 1);
            self.variable(&name, place, scope);
            self.uses.push(Use {
                name,
                place,
                guarded,
            });
        }
    }

    fn variable(&mut self, name: &str, place: Place, scope: Scope) {
        if self.in_scope(name, scope) {
            return;
        }
        if matches!(name, "key" | "body" | "result" | "http" | "saga") {
            return self.out_of_scope(name, place, scope);
        }
        if self.current.as_deref() == Some(name) {
            self.problems.add(
                Code::NotReachedBefore,
                place,
                format!("`${name}` is this step's own result, and it is not there yet"),
                "in `refused_when` and in the undo it is `$result`",
            );
            return;
        }
        if let Some(first) = self.names.get(name) {
            let message = if scope.steps {
                format!(
                    "`${name}` has not certainly been reached before: the step stands in line {}",
                    first.line
                )
            } else {
                format!(
                    "`${name}` is a step's result, and {} sees only `$input`",
                    scope.what
                )
            };
            let help = "refer to steps that come earlier on the same path; branches of one `together` do not see each other";
            let help = if scope.steps {
                help
            } else {
                "it is computed before any step: name what the input holds, such as `$input.order`"
            };
            self.problems
                .add(Code::NotReachedBefore, place, message, help);
            return;
        }
        self.unknown_variable(name, place, scope);
    }

    fn unknown_variable(&mut self, name: &str, place: Place, scope: Scope) {
        let near = {
            let known = ["input"].into_iter().chain(scope.own.iter().copied());
            let steps = self.visible.iter().map(String::as_str).chain(["saga"]);
            nearest(name, known.chain(steps.filter(|_| scope.steps)))
        };
        let help = match near {
            Some(near) => format!("did you mean `${near}`?"),
            None if !scope.steps => format!("{} sees only `$input`", scope.what),
            None => "an expression sees `$input`, `$saga` and the results of earlier steps by their names".to_owned(),
        };
        self.problems.add(
            Code::UnknownVariable,
            place,
            format!("nothing is called `${}`", shortened(name)),
            help,
        );
    }

    fn out_of_scope(&mut self, name: &str, place: Place, scope: Scope) {
        let help = match name {
            "key" => {
                "`$key` is the idempotency key of this step's do: known in its do, check and undo"
            }
            "body" => "`$body` is what the do sent: known in its check and undo",
            "result" => {
                "`$result` is known in `refused_when` and in the undo; elsewhere name the step: `$order`"
            }
            "http" => {
                "`$http` is known where an answer is judged: `refused_when` and `missing_when`"
            }
            _ => "labels are computed over `$input` alone",
        };
        self.problems.add(
            Code::NotInScope,
            place,
            format!("`${name}` is not known in {}", scope.what),
            help,
        );
    }

    fn in_scope(&self, name: &str, scope: Scope) -> bool {
        name == "input"
            || scope.own.contains(&name)
            || (scope.steps && (name == "saga" || self.visible.iter().any(|step| step == name)))
    }

    /// Warns of a key that names a variable in scope: without quotes, `{$input.id}` is a map.
    fn literal_key(&mut self, entry: &Entry, scope: Scope) {
        let name = entry.key.strip_prefix('$').map_or("", named);
        if !self.in_scope(name, scope) {
            return;
        }
        let alone = matches!(entry.node.value, Value::Null);
        let help = if alone {
            format!(
                "without the braces it is an expression: `{}`",
                shortened(&entry.key)
            )
        } else {
            "keys are literal; compute a map with `$input | {(.name): .value}`".to_owned()
        };
        self.problems.add(
            Code::LooksLikeExpression,
            entry.place,
            format!(
                "`{}` is the literal key of a map here, although it names `${name}`",
                shortened(&entry.key)
            ),
            help,
        );
    }

    /// Warns of literal text that names a variable in scope. `computed` are the byte ranges
    /// of the node's text that are no literal text.
    fn literal(&mut self, node: &Node, scope: Scope, computed: &[(usize, usize)], help: &str) {
        let Value::Text(text) = &node.value else {
            return;
        };
        let found = text
            .match_indices('$')
            .map(|(at, _)| (at, named(&text[at + 1..])))
            .filter(|(at, _)| !computed.iter().any(|(from, to)| (*from..*to).contains(at)))
            .filter(|(at, _)| !text[..*at].ends_with('$'))
            .find(|(_, name)| self.in_scope(name, scope));
        let Some((at, name)) = found else {
            return;
        };
        let braced = text[at + 1..].starts_with('{');
        let help = if braced {
            "`${…}` is not of this language: an inserted value is written `{$input.id}`, and only in paths, queries and headers"
        } else {
            help
        };
        self.problems.add(
            Code::LooksLikeExpression,
            node.part(at, name.len() + 1),
            format!(
                "`{}` is literal text, although it names `${name}`",
                shortened(text)
            ),
            help,
        );
    }
}

/// The name that begins behind a `$`, also in the spelling of other languages: `${name}`.
fn named(rest: &str) -> &str {
    let rest = match rest.strip_prefix('{') {
        Some(inner) => inner.strip_prefix('$').unwrap_or(inner),
        None => rest,
    };
    let length = rest
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count();
    &rest[..length]
}

/// Where the word that an error quotes stands in the node's text, and how long it is. Some
/// errors give only where the part of the expression around that word begins.
fn offending(node: &Node, error: &ParseError) -> (usize, usize) {
    let Value::Text(text) = &node.value else {
        return (error.offset, 1);
    };
    let word = error.message.split('`').nth(1).unwrap_or("");
    let rest = text.get(error.offset..).unwrap_or("");
    match rest.find(word) {
        Some(at) if !word.is_empty() => (error.offset + at, word.len()),
        Some(_) | None => (error.offset, 1),
    }
}
