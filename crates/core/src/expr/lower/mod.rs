//! From jaq's term to our own nodes: names resolved, short forms written out, and everything
//! that the language leaves out refused, so that evaluation meets only what it knows.

mod binding;
mod calls;
mod nodes;

use super::ParseError;
use super::ast::{Binding, Format, Kind, Native, Node, Part, Piece, Step};
use super::guard::offset_of;
use super::names::{self, Function};
use crate::json::Json;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::path;

/// How deep the nodes of one expression may nest: evaluation recurses as deep.
const NODE_LEVELS: usize = 96;

/// What lowering gives: the expression, and the free variables that it reads.
pub(super) struct Lowered {
    pub(super) root: Node,
    pub(super) free: Vec<(String, usize)>,
}

/// Lowers a term.
///
/// # Errors
/// The first thing that the language does not have.
pub(super) fn lower(source: &str, term: &Term<&str>) -> Result<Lowered, ParseError> {
    let mut lowering = Lowering {
        source,
        free: Vec::new(),
        bound: Vec::new(),
        level: 0,
        seen: 0,
    };
    let root = lowering.node(term, false)?;
    Ok(Lowered {
        root,
        free: lowering.free,
    })
}

pub(super) struct Lowering<'s> {
    source: &'s str,
    free: Vec<(String, usize)>,
    /// Variables bound around the current place, innermost last.
    bound: Vec<&'s str>,
    level: usize,
    /// The offset of the last word met, for what has no place of its own.
    seen: usize,
}

type Lower<T> = Result<T, ParseError>;

impl<'s> Lowering<'s> {
    fn refuse<T>(&self, at: &str, message: String, help: &str) -> Lower<T> {
        Err(ParseError {
            message,
            offset: if at.is_empty() {
                self.seen
            } else {
                offset_of(self.source, at)
            },
            help: (!help.is_empty()).then(|| help.to_owned()),
        })
    }

    /// `.` where nothing was piped in stands for null, which nobody means.
    fn needs_input(&self, what: &str, has_input: bool) -> Lower<()> {
        if has_input {
            return Ok(());
        }
        self.refuse(
            "",
            format!("{what} has no value to work on here: an expression has no input of its own"),
            "begin with a variable, as in `$input.amount` or `$input.items | length`",
        )
    }

    /// Lowers one term; `has_input` says whether anything was piped into it.
    fn node(&mut self, term: &Term<&'s str>, has_input: bool) -> Lower<Node> {
        self.level += 1;
        if self.level > NODE_LEVELS {
            return self.refuse(
                "",
                format!("the expression nests more than {NODE_LEVELS} levels deep"),
                "split it over several `set` steps",
            );
        }
        let node = self.kind(term, has_input);
        self.level -= 1;
        node
    }

    fn kind(&mut self, term: &Term<&'s str>, has_input: bool) -> Lower<Node> {
        match term {
            Term::Id => {
                self.needs_input("`.`", has_input)?;
                Ok(Node::input())
            }
            Term::Recurse => self.refuse(
                "",
                "`..` has no bound and is not in the language".to_owned(),
                "name the path, as in `$input.items[].price`",
            ),
            Term::Num(digits) => self.number(digits),
            Term::Str(format, parts) => self.string(*format, parts, has_input),
            Term::Arr(None) => Ok(Node::new(Kind::Array(None), true)),
            Term::Arr(Some(inner)) => Ok(Node::array(self.node(inner, has_input)?)),
            Term::Obj(members) => self.object(members, has_input),
            Term::Neg(inner) => self.negate(inner, has_input),
            Term::BinOp(left, operator, right) => self.binary(left, operator, right, has_input),
            Term::Label(name, _) | Term::Break(name) => self.refuse(
                name,
                "`label` and `break` are not in the language".to_owned(),
                "use `first(…)` or `limit(n; …)`",
            ),
            Term::Fold(word, source, pattern, arguments) => {
                self.fold(word, source, pattern, arguments, has_input)
            }
            Term::TryCatch(body, catch) => {
                let body = self.node(body, has_input)?;
                let catch = match catch {
                    Some(catch) => Some(Box::new(self.node(catch, true)?)),
                    None => None,
                };
                let single = body.single && catch.as_ref().is_some_and(|catch| catch.single);
                Ok(Node::new(Kind::Try(Box::new(body), catch), single))
            }
            Term::IfThenElse(branches, rest) => self.choice(branches, rest.as_deref(), has_input),
            Term::Def(definitions, _) => {
                let name = definitions.first().map_or("", |definition| definition.name);
                self.refuse(
                    name,
                    format!("`def {name}`: definitions are not in the language"),
                    "write the expression out, or give the value a name with `as`",
                )
            }
            Term::Call(name, arguments) => self.call(name, arguments, has_input),
            Term::Var(name) => self.variable(name),
            Term::Path(base, path) => self.path(base, path, has_input),
        }
    }

    fn number(&mut self, digits: &'s str) -> Lower<Node> {
        self.seen = offset_of(self.source, digits);
        match digits.parse::<serde_json::Number>() {
            Ok(number) => Ok(Node::constant(Json::Number(number))),
            Err(_) => self.refuse(
                digits,
                format!("`{digits}` is no number as JSON writes them"),
                "leave out leading zeros",
            ),
        }
    }

    fn negate(&mut self, inner: &Term<&'s str>, has_input: bool) -> Lower<Node> {
        let inner = self.node(inner, has_input)?;
        if let Kind::Constant(Json::Number(number)) = &inner.kind {
            let zero = !number
                .as_str()
                .contains(|digit: char| matches!(digit, '1'..='9'));
            let negative = format!("-{number}").parse::<serde_json::Number>();
            if let (false, Ok(negative)) = (zero, negative) {
                return Ok(Node::constant(Json::Number(negative)));
            }
        }
        let single = inner.single;
        Ok(Node::new(Kind::Negate(Box::new(inner)), single))
    }

    fn variable(&mut self, name: &'s str) -> Lower<Node> {
        self.seen = offset_of(self.source, name);
        let plain = name.trim_start_matches('$');
        match name {
            "$ENV" => {
                return self.refuse(
                    name,
                    "`$ENV` is the environment, which an expression cannot see".to_owned(),
                    "put the value into the saga's input",
                );
            }
            _ if plain.starts_with("__") || plain.contains("::") => {
                return self.refuse(name, format!("`{name}` is not in the language"), "");
            }
            _ => {}
        }
        if let Some(place) = self.bound.iter().rposition(|bound| *bound == plain) {
            let inward = self.bound.len() - 1 - place;
            return Ok(Node::new(Kind::Local(inward), true));
        }
        let place = match self.free.iter().position(|(known, _)| known == plain) {
            Some(place) => place,
            None => {
                self.free.push((plain.to_owned(), self.seen));
                self.free.len() - 1
            }
        };
        Ok(Node::new(Kind::Free(place), true))
    }

    fn string(
        &mut self,
        format: Option<&'s str>,
        parts: &[StrPart<&'s str, Term<&'s str>>],
        has_input: bool,
    ) -> Lower<Node> {
        let format = match format {
            None => Format::Text,
            Some(name) => match names::find(name, 0) {
                Some(Function::Native(Native::Format(format))) => format,
                _ => return self.unknown_function(name, 0),
            },
        };
        let mut pieces: Vec<Piece> = Vec::new();
        let mut single = true;
        for part in parts {
            match part {
                StrPart::Str(words) => {
                    self.seen = offset_of(self.source, words);
                    push_words(&mut pieces, words);
                }
                StrPart::Char(character) => {
                    push_words(&mut pieces, character.encode_utf8(&mut [0; 4]));
                }
                StrPart::Term(term) => {
                    let node = self.node(term, has_input)?;
                    single &= node.single;
                    pieces.push(Piece::Value(node));
                }
            }
        }
        match pieces.as_slice() {
            [] => Ok(Node::constant(Json::String(String::new()))),
            [Piece::Words(words)] => Ok(Node::constant(Json::String(words.clone()))),
            _ => Ok(Node::new(Kind::Text(format, pieces), single)),
        }
    }

    fn object(
        &mut self,
        members: &[(Term<&'s str>, Option<Term<&'s str>>)],
        has_input: bool,
    ) -> Lower<Node> {
        let mut nodes = Vec::with_capacity(members.len() * 2);
        for (key, value) in members {
            let (key, value) = match (key, value) {
                (Term::Var(name), None) => {
                    let value = self.variable(name)?;
                    let key = name.trim_start_matches('$').to_owned();
                    (Node::constant(Json::String(key)), value)
                }
                (key, None) => {
                    self.needs_input("`{name}` is short for `{name: .name}`; it", has_input)?;
                    let read = Step {
                        part: Part::Index(self.node(key, has_input)?),
                        optional: false,
                    };
                    let key = self.node(key, has_input)?;
                    let single = key.single;
                    let kind = Kind::Path(Box::new(Node::input()), vec![read]);
                    (key, Node::new(kind, single))
                }
                (key, Some(value)) => (self.node(key, has_input)?, self.node(value, has_input)?),
            };
            nodes.push(key);
            nodes.push(value);
        }
        let single = nodes.iter().all(|node| node.single);
        Ok(Node::new(Kind::Object(nodes), single))
    }

    fn binary(
        &mut self,
        left: &Term<&'s str>,
        operator: &BinaryOp<&'s str>,
        right: &Term<&'s str>,
        has_input: bool,
    ) -> Lower<Node> {
        match operator {
            BinaryOp::Pipe(None) => self.pipe(left, right, has_input),
            BinaryOp::Pipe(Some(pattern)) => {
                let source = self.node(left, has_input)?;
                let outer = self.bound.len();
                let variables = self.pattern(pattern)?;
                let body = self.node(right, has_input)?;
                self.bound.truncate(outer);
                let single = source.single && body.single;
                let binding = Binding {
                    source,
                    variables,
                    body,
                };
                Ok(Node::new(Kind::Bind(Box::new(binding)), single))
            }
            BinaryOp::Comma => {
                let mut parts = Vec::new();
                self.comma(left, right, has_input, &mut parts)?;
                Ok(Node::new(Kind::Comma(parts), false))
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                self.refuse(
                    "",
                    "assignments (`=`, `|=`, `+=` and the like) are not in the language".to_owned(),
                    "`==` compares; to change an object, add to it, as in `$input + {paid: true}`",
                )
            }
            BinaryOp::Alt => self.strict(left, right, has_input, Kind::Otherwise),
            BinaryOp::Or => self.strict(left, right, has_input, Kind::Or),
            BinaryOp::And => self.strict(left, right, has_input, Kind::And),
            BinaryOp::Math(math) => {
                let math = *math;
                self.strict(left, right, has_input, |pair| Kind::Math(math, pair))
            }
            BinaryOp::Cmp(comparison) => {
                let comparison = *comparison;
                self.strict(left, right, has_input, |pair| {
                    Kind::Compare(comparison, pair)
                })
            }
        }
    }

    fn both(
        &mut self,
        left: &Term<&'s str>,
        right: &Term<&'s str>,
        has_input: bool,
    ) -> Lower<Box<[Node; 2]>> {
        let left = self.node(left, has_input)?;
        let right = self.node(right, has_input)?;
        Ok(Box::new([left, right]))
    }

    fn strict(
        &mut self,
        left: &Term<&'s str>,
        right: &Term<&'s str>,
        has_input: bool,
        kind: impl FnOnce(Box<[Node; 2]>) -> Kind,
    ) -> Lower<Node> {
        let pair = self.both(left, right, has_input)?;
        let single = pair.iter().all(|node| node.single);
        Ok(Node::new(kind(pair), single))
    }

    /// A pipeline as one list, however long.
    fn pipe(
        &mut self,
        left: &Term<&'s str>,
        right: &Term<&'s str>,
        has_input: bool,
    ) -> Lower<Node> {
        let mut stages = vec![self.node(left, has_input)?];
        let mut rest = right;
        while let Term::BinOp(left, BinaryOp::Pipe(None), right) = rest {
            stages.push(self.node(left, true)?);
            rest = right;
        }
        stages.push(self.node(rest, true)?);
        Ok(Node::pipe(stages))
    }

    /// A list of alternatives as one list, however long; the parser nests them to the left.
    fn comma(
        &mut self,
        left: &Term<&'s str>,
        right: &Term<&'s str>,
        has_input: bool,
        parts: &mut Vec<Node>,
    ) -> Lower<()> {
        let mut spine = vec![right];
        let mut rest = left;
        while let Term::BinOp(left, BinaryOp::Comma, right) = rest {
            spine.push(right);
            rest = left;
        }
        spine.push(rest);
        for term in spine.into_iter().rev() {
            parts.push(self.node(term, has_input)?);
        }
        Ok(())
    }

    fn choice(
        &mut self,
        branches: &[(Term<&'s str>, Term<&'s str>)],
        rest: Option<&Term<&'s str>>,
        has_input: bool,
    ) -> Lower<Node> {
        let mut lowered = Vec::with_capacity(branches.len());
        for (condition, branch) in branches {
            lowered.push((
                self.node(condition, has_input)?,
                self.node(branch, has_input)?,
            ));
        }
        let rest = match rest {
            Some(rest) => Some(self.node(rest, has_input)?),
            None => {
                self.needs_input("`if` without `else`", has_input)?;
                None
            }
        };
        Ok(Node::choice(lowered, rest))
    }

    fn path(
        &mut self,
        base: &Term<&'s str>,
        path: &path::Path<Term<&'s str>>,
        has_input: bool,
    ) -> Lower<Node> {
        let base = self.node(base, has_input)?;
        let mut single = base.single;
        let mut steps = Vec::with_capacity(path.0.len());
        for (part, optional) in &path.0 {
            let optional = matches!(optional, path::Opt::Optional);
            let part = match part {
                path::Part::Index(key) => {
                    let key = self.node(key, has_input)?;
                    single &= key.single;
                    Part::Index(key)
                }
                path::Part::Range(None, None) => {
                    single = false;
                    Part::Each
                }
                path::Part::Range(from, to) => {
                    let mut bound = |bound: &Option<Term<&'s str>>| match bound {
                        Some(bound) => self.node(bound, has_input).map(Some),
                        None => Ok(None),
                    };
                    let (from, to) = (bound(from)?, bound(to)?);
                    single &= [&from, &to].into_iter().flatten().all(|node| node.single);
                    Part::Slice(from, to)
                }
            };
            single &= !optional;
            steps.push(Step { part, optional });
        }
        Ok(Node::new(Kind::Path(Box::new(base), steps), single))
    }
}

fn push_words(pieces: &mut Vec<Piece>, words: &str) {
    match pieces.last_mut() {
        Some(Piece::Words(before)) => before.push_str(words),
        _ => pieces.push(Piece::Words(words.to_owned())),
    }
}
