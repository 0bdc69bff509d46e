//! From jaq's term to our own nodes: names resolved, short forms written out, and everything
//! that the language leaves out refused, so that evaluation meets only what it knows.

use super::ParseError;
use super::ast::{Binding, Cmp, Fold, Format, Kind, Native, Node, Part, Pattern, Piece, Step};
use super::guard::{offset_of, shorten};
use super::names::{self, Function, Short};
use crate::json::Json;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern as TermPattern, Term};
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

impl Node {
    fn new(kind: Kind, single: bool) -> Node {
        Node { single, kind }
    }

    pub(super) fn input() -> Node {
        Node::new(Kind::Input, true)
    }

    pub(super) fn constant(value: Json) -> Node {
        Node::new(Kind::Constant(value), true)
    }

    fn empty() -> Node {
        Node::new(Kind::Comma(Vec::new()), false)
    }

    /// `.[]`
    pub(super) fn each() -> Node {
        let step = Step {
            part: Part::Each,
            optional: false,
        };
        Node::new(Kind::Path(Box::new(Node::input()), vec![step]), false)
    }

    fn pipe(stages: Vec<Node>) -> Node {
        let single = stages.iter().all(|stage| stage.single);
        Node::new(Kind::Pipe(stages), single)
    }

    fn array(inner: Node) -> Node {
        Node::new(Kind::Array(Some(Box::new(inner))), true)
    }

    fn native(native: Native, arguments: Vec<Node>) -> Node {
        let single = arguments.iter().all(|argument| argument.single);
        Node::new(Kind::Native(native, arguments), single)
    }

    fn pair(left: Node, right: Node, kind: impl FnOnce(Box<[Node; 2]>) -> Kind) -> Node {
        let single = left.single && right.single;
        Node::new(kind(Box::new([left, right])), single)
    }

    fn choice(branches: Vec<(Node, Node)>, rest: Option<Node>) -> Node {
        let single = branches
            .iter()
            .all(|(condition, branch)| condition.single && branch.single)
            && rest.as_ref().is_none_or(|rest| rest.single);
        Node::new(Kind::If(branches, rest.map(Box::new)), single)
    }
}

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
            "$__loc__" | "$__prog_args" => {
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

    /// The variables of a pattern; they are bound from here on.
    fn pattern(&mut self, pattern: &TermPattern<&'s str>) -> Lower<Pattern> {
        let mut variables = Vec::new();
        self.variables_of(pattern, &mut Vec::new(), &mut variables)?;
        Ok(variables)
    }

    fn variables_of(
        &mut self,
        pattern: &TermPattern<&'s str>,
        keys: &mut Vec<Key<'s>>,
        variables: &mut Pattern,
    ) -> Lower<()> {
        match pattern {
            TermPattern::Var(name) => {
                self.seen = offset_of(self.source, name);
                variables.push(keys.iter().map(Key::node).collect());
                self.bound.push(name.trim_start_matches('$'));
            }
            TermPattern::Arr(items) => {
                for (position, item) in items.iter().enumerate() {
                    keys.push(Key::Position(position));
                    self.variables_of(item, keys, variables)?;
                    keys.pop();
                }
            }
            TermPattern::Obj(members) => {
                for (key, inner) in members {
                    let Term::Str(None, parts) = key else {
                        return self.refuse(
                            "",
                            "a key in a pattern is a name or a string".to_owned(),
                            "as in `{a: $x, \"b c\": $y}`",
                        );
                    };
                    let name = match parts.as_slice() {
                        [] => "",
                        [StrPart::Str(name)] => name,
                        _ => {
                            return self.refuse(
                                "",
                                "a key in a pattern is a plain string".to_owned(),
                                "",
                            );
                        }
                    };
                    keys.push(Key::Name(name));
                    self.variables_of(inner, keys, variables)?;
                    keys.pop();
                }
            }
        }
        Ok(())
    }

    fn fold(
        &mut self,
        word: &'s str,
        source: &Term<&'s str>,
        pattern: &TermPattern<&'s str>,
        arguments: &[Term<&'s str>],
        has_input: bool,
    ) -> Lower<Node> {
        let reduce = word == "reduce";
        let (init, update, extract) = match arguments {
            [init, update] => (init, update, None),
            [init, update, extract] if !reduce => (init, update, Some(extract)),
            _ => {
                return self.refuse(
                    word,
                    format!("`{word}` needs a start and an update"),
                    "as in `reduce .[] as $x (0; . + $x)`",
                );
            }
        };
        let source = self.node(source, has_input)?;
        let init = self.node(init, has_input)?;
        let outer = self.bound.len();
        let variables = self.pattern(pattern)?;
        let update = self.node(update, true)?;
        let extract = match extract {
            Some(extract) => Some(self.node(extract, true)?),
            None => None,
        };
        self.bound.truncate(outer);
        let single = reduce && init.single;
        let fold = Box::new(Fold {
            source,
            variables,
            init,
            update,
            extract,
        });
        let kind = if reduce {
            Kind::Reduce(fold)
        } else {
            Kind::Foreach(fold)
        };
        Ok(Node::new(kind, single))
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

    fn call(&mut self, name: &'s str, arguments: &[Term<&'s str>], has_input: bool) -> Lower<Node> {
        self.seen = offset_of(self.source, name);
        let Some(function) = names::find(name, arguments.len()) else {
            return self.unknown_function(name, arguments.len());
        };
        match function {
            Function::Native(native) => {
                if native != Native::Raise {
                    self.needs_input(&format!("`{name}`"), has_input)?;
                }
                let arguments = self.all(arguments, has_input)?;
                Ok(Node::native(native, arguments))
            }
            Function::Control(control) => {
                use super::ast::Control;
                // These read only their arguments; the others have an input to work on.
                let free = matches!(
                    (control, arguments.len()),
                    (
                        Control::Range | Control::Limit | Control::Skip | Control::Nth,
                        _
                    ) | (Control::First | Control::Last | Control::IsEmpty, _)
                        | (Control::Any | Control::All, 2)
                );
                if !free {
                    self.needs_input(&format!("`{name}`"), has_input)?;
                }
                self.control(control, arguments, has_input)
            }
            Function::Short(short) => self.short(name, short, arguments, has_input),
        }
    }

    fn all(&mut self, terms: &[Term<&'s str>], has_input: bool) -> Lower<Vec<Node>> {
        terms
            .iter()
            .map(|term| self.node(term, has_input))
            .collect()
    }

    fn control(
        &mut self,
        control: super::ast::Control,
        arguments: &[Term<&'s str>],
        has_input: bool,
    ) -> Lower<Node> {
        use super::ast::Control;
        let arguments = match (control, arguments) {
            (Control::Any | Control::All, []) => vec![Node::each(), Node::input()],
            (Control::Any | Control::All, [condition]) => {
                vec![Node::each(), self.node(condition, true)?]
            }
            (Control::Any | Control::All, [source, condition]) => {
                vec![self.node(source, has_input)?, self.node(condition, true)?]
            }
            (Control::MapValues, arguments) => self.all(arguments, true)?,
            (Control::Delete, [target]) => {
                let target = self.node(target, true)?;
                if !deletable(&target) {
                    return self.refuse(
                        "",
                        "`del` takes paths from `.`".to_owned(),
                        "as in `del(.secret, .items[0])`",
                    );
                }
                vec![target]
            }
            (_, arguments) => self.all(arguments, has_input)?,
        };
        let single = matches!(
            control,
            Control::Any | Control::All | Control::IsEmpty | Control::MapValues | Control::Delete
        );
        Ok(Node::new(Kind::Control(control, arguments), single))
    }

    fn short(
        &mut self,
        name: &'s str,
        short: Short,
        arguments: &[Term<&'s str>],
        has_input: bool,
    ) -> Lower<Node> {
        let constant = |value| Ok(Node::constant(value));
        match short {
            Short::Null => return constant(Json::Null),
            Short::True => return constant(Json::Bool(true)),
            Short::False => return constant(Json::Bool(false)),
            Short::Empty => return Ok(Node::empty()),
            Short::Range => {
                let mut both = vec![Node::constant(Json::from(0))];
                both.extend(self.all(arguments, has_input)?);
                let kind = Kind::Control(super::ast::Control::Range, both);
                return Ok(Node::new(kind, false));
            }
            Short::AddOf => {
                let inner = self.all(arguments, has_input)?;
                let collected = inner.into_iter().map(Node::array);
                let mut stages: Vec<Node> = collected.collect();
                stages.push(Node::native(Native::Add, Vec::new()));
                return Ok(Node::pipe(stages));
            }
            _ => self.needs_input(&format!("`{name}`"), has_input)?,
        }
        let inner = self.all(arguments, true)?.into_iter().next();
        let inner = inner.unwrap_or_else(Node::input);
        Ok(match short {
            Short::Error => Node::native(Native::Raise, vec![Node::input()]),
            Short::Select => Node::choice(vec![(inner, Node::input())], Some(Node::empty())),
            Short::Map => Node::array(Node::pipe(vec![Node::each(), inner])),
            Short::WithEntries => Node::pipe(vec![
                Node::native(Native::ToEntries, Vec::new()),
                Node::array(Node::pipe(vec![Node::each(), inner])),
                Node::native(Native::FromEntries, Vec::new()),
            ]),
            Short::Keyed(native) => {
                let keys = Node::array(Node::pipe(vec![Node::each(), Node::array(inner)]));
                Node::native(native, vec![keys])
            }
            Short::Paths => Node::pipe(vec![Node::native(Native::Paths, Vec::new()), Node::each()]),
            Short::OfType(types) => of_type(types),
            Short::Values => {
                let null = Node::constant(Json::Null);
                let condition =
                    Node::pair(Node::input(), null, |pair| Kind::Compare(Cmp::Ne, pair));
                Node::choice(vec![(condition, Node::input())], Some(Node::empty()))
            }
            Short::Null
            | Short::True
            | Short::False
            | Short::Empty
            | Short::Range
            | Short::AddOf => Node::empty(),
        })
    }

    fn unknown_function<T>(&self, name: &str, arguments: usize) -> Lower<T> {
        let arities = names::arities(name);
        if let Some((why, help)) = names::refusal(name) {
            return self.refuse(name, format!("`{}` {why}", shorten(name, 40)), help);
        }
        if !arities.is_empty() {
            let takes: Vec<String> = arities.iter().map(usize::to_string).collect();
            return self.refuse(
                name,
                format!(
                    "`{name}` takes {} arguments, not {arguments}",
                    takes.join(" or ")
                ),
                "arguments are separated by `;`",
            );
        }
        let known = names::FUNCTIONS.iter().map(|(known, ..)| *known);
        let help = match names::nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a variable is written `${name}`, a string `\"{name}\"`"),
        };
        self.refuse(
            name,
            format!("there is no function `{}`", shorten(name, 40)),
            &help,
        )
    }
}

/// A key on the way to a variable in a pattern.
enum Key<'s> {
    Position(usize),
    Name(&'s str),
}

impl Key<'_> {
    fn node(&self) -> Node {
        Node::constant(match self {
            Key::Position(position) => Json::from(*position),
            Key::Name(name) => Json::from(*name),
        })
    }
}

fn push_words(pieces: &mut Vec<Piece>, words: &str) {
    match pieces.last_mut() {
        Some(Piece::Words(before)) => before.push_str(words),
        _ => pieces.push(Piece::Words(words.to_owned())),
    }
}

fn of_type(types: &[&str]) -> Node {
    let branches = types
        .iter()
        .map(|name| {
            let found = Node::native(Native::Type, Vec::new());
            let name = Node::constant(Json::from(*name));
            let condition = Node::pair(found, name, |pair| Kind::Compare(Cmp::Eq, pair));
            (condition, Node::input())
        })
        .collect();
    Node::choice(branches, Some(Node::empty()))
}

/// Whether this names places in `.`: paths from it, or several of them.
fn deletable(node: &Node) -> bool {
    match &node.kind {
        Kind::Comma(parts) => parts.iter().all(deletable),
        Kind::Path(base, steps) => {
            matches!(base.kind, Kind::Input)
                && steps
                    .iter()
                    .all(|step| !matches!(step.part, Part::Slice(..)))
        }
        _ => false,
    }
}
