//! What an expression reads of its variables: the paths, and what seems to be wanted there.
//!
//! Told from the text alone, as far as it can be; a path that only a value decides is left out.
//! Made for those who must invent values that fit, such as stand-ins for services.

use super::Expr;
use super::ast::{Binding, Cmp, Control, Fold, Kind, Math, Native, Node, Part, Pattern, Piece};
use crate::json::Json;

/// A place that an expression reads: a variable, and the way from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The variable, without its `$`.
    pub variable: String,
    /// The way from its value.
    pub path: Vec<Key>,
    /// What seems to be wanted there.
    pub wanted: Wanted,
}

/// One step of a way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A member of an object.
    Name(String),
    /// An item of a list, whichever.
    Item,
}

/// What an expression seems to want at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Anything that is there.
    Anything,
    /// A number: it counts with it, or compares it with one.
    Number,
    /// A text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
    /// It is compared with this value.
    Compared(Json),
}

impl Expr {
    /// What it reads of its free variables, in the order in which it is met.
    ///
    /// ```
    /// use banyan_core::expr::{Expr, Key, Wanted};
    ///
    /// let reads = Expr::parse("$order.lines | map(.price * 2) | add").unwrap().reads();
    /// let price = reads.iter().find(|read| read.wanted == Wanted::Number).unwrap();
    /// assert_eq!(price.variable, "order");
    /// let name = |name: &str| Key::Name(name.to_owned());
    /// assert_eq!(price.path, [name("lines"), Key::Item, name("price")]);
    /// ```
    pub fn reads(&self) -> Vec<Read> {
        let mut walk = Walk {
            free: &self.compiled.free,
            locals: Vec::new(),
            reads: Vec::new(),
        };
        let places = walk.node(self.compiled.root(), &[]);
        walk.note(&places, &Wanted::Anything);
        walk.reads
    }
}

/// Where a value may come from: a free variable by its number, and the way from it.
#[derive(Clone)]
struct Place {
    variable: usize,
    path: Vec<Key>,
    /// The value is a list of what is there, made by the expression.
    listed: bool,
}

struct Walk<'e> {
    free: &'e [(String, usize)],
    /// The places of the variables bound around here, the innermost last.
    locals: Vec<Vec<Place>>,
    reads: Vec<Read>,
}

impl Walk<'_> {
    fn note(&mut self, places: &[Place], wanted: &Wanted) {
        for place in places {
            let read = Read {
                variable: self.free[place.variable].0.clone(),
                path: place.path.clone(),
                // What is wanted of the list that was made says nothing of what is in it.
                wanted: if place.listed {
                    Wanted::Anything
                } else {
                    wanted.clone()
                },
            };
            if !self.reads.contains(&read) {
                self.reads.push(read);
            }
        }
    }

    /// Walks a node whose `.` comes from `input`; says where its value comes from.
    fn node(&mut self, node: &Node, input: &[Place]) -> Vec<Place> {
        match &node.kind {
            Kind::Input => input.to_vec(),
            Kind::Constant(_) => Vec::new(),
            Kind::Free(variable) => vec![Place {
                variable: *variable,
                path: Vec::new(),
                listed: false,
            }],
            Kind::Local(inward) => {
                let bound = self.locals.iter().rev().nth(*inward);
                bound.cloned().unwrap_or_default()
            }
            Kind::Path(base, steps) => {
                let mut places = self.node(base, input);
                for step in steps {
                    places = self.step(&step.part, places, input);
                }
                places
            }
            Kind::Negate(inner) => self.consumed([&**inner], input, &Wanted::Number),
            Kind::Math(operator, sides) => self.math(*operator, sides, input),
            Kind::Compare(operator, sides) => self.compare(*operator, sides, input),
            Kind::And(sides) | Kind::Or(sides) => {
                self.consumed(sides.iter(), input, &Wanted::Anything)
            }
            Kind::Otherwise(sides) => self.any_of(sides.iter(), input),
            Kind::Comma(nodes) => self.any_of(nodes, input),
            Kind::Try(body, rescue) => {
                let mut places = self.node(body, input);
                if let Some(rescue) = rescue {
                    places.extend(self.node(rescue, &[]));
                }
                places
            }
            Kind::If(branches, rest) => self.choice(branches, rest.as_deref(), input),
            Kind::Pipe(stages) => stages
                .iter()
                .fold(input.to_vec(), |input, stage| self.node(stage, &input)),
            Kind::Array(inner) => self.list(inner.as_deref(), input),
            Kind::Object(parts) => self.consumed(parts, input, &Wanted::Anything),
            Kind::Text(_, pieces) => {
                let values = pieces.iter().filter_map(|piece| match piece {
                    Piece::Value(node) => Some(node),
                    Piece::Words(_) => None,
                });
                self.consumed(values, input, &Wanted::Anything)
            }
            Kind::Bind(binding) => self.bind(binding, input),
            Kind::Reduce(fold) | Kind::Foreach(fold) => self.fold(fold, input),
            Kind::Native(native, arguments) => self.native(*native, arguments, input),
            Kind::Control(control, arguments) => self.control(*control, arguments, input),
        }
    }

    /// Nodes whose values go into something new.
    fn consumed<'n>(
        &mut self,
        nodes: impl IntoIterator<Item = &'n Node>,
        input: &[Place],
        wanted: &Wanted,
    ) -> Vec<Place> {
        for node in nodes {
            let places = self.node(node, input);
            self.note(&places, wanted);
        }
        Vec::new()
    }

    /// Nodes of which one gives the value.
    fn any_of<'n>(
        &mut self,
        nodes: impl IntoIterator<Item = &'n Node>,
        input: &[Place],
    ) -> Vec<Place> {
        let nodes = nodes.into_iter();
        nodes.flat_map(|node| self.node(node, input)).collect()
    }

    fn choice(
        &mut self,
        branches: &[(Node, Node)],
        rest: Option<&Node>,
        input: &[Place],
    ) -> Vec<Place> {
        let mut places = Vec::new();
        for (condition, then) in branches {
            self.consumed([condition], input, &Wanted::Anything);
            places.extend(self.node(then, input));
        }
        match rest {
            Some(rest) => places.extend(self.node(rest, input)),
            None => places.extend_from_slice(input),
        }
        places
    }

    fn list(&mut self, inner: Option<&Node>, input: &[Place]) -> Vec<Place> {
        let mut places = inner.map_or_else(Vec::new, |inner| self.node(inner, input));
        if places.iter().any(|place| place.listed) {
            // A list of lists is followed no further.
            self.note(&places, &Wanted::Anything);
            return Vec::new();
        }
        places.iter_mut().for_each(|place| place.listed = true);
        places
    }

    fn step(&mut self, part: &Part, places: Vec<Place>, input: &[Place]) -> Vec<Place> {
        match part {
            Part::Index(key) => match &key.kind {
                Kind::Constant(Json::String(name)) => down(places, &Key::Name(name.clone())),
                Kind::Constant(Json::Number(_)) | Kind::Negate(_) => self.items(&places),
                _ => {
                    self.consumed([key], input, &Wanted::Anything);
                    self.note(&places, &Wanted::Anything);
                    Vec::new()
                }
            },
            Part::Each => self.items(&places),
            Part::Slice(from, to) => {
                self.consumed(from.iter().chain(to), input, &Wanted::Number);
                self.note(&places, &Wanted::List);
                places
            }
        }
    }

    fn items(&mut self, places: &[Place]) -> Vec<Place> {
        self.note(places, &Wanted::List);
        down(places.to_vec(), &Key::Item)
    }

    fn math(&mut self, operator: Math, sides: &[Node; 2], input: &[Place]) -> Vec<Place> {
        let Math::Add = operator else {
            return self.consumed(sides.iter(), input, &Wanted::Number);
        };
        // A sum with a text in it is one of texts, wherever in it that stands.
        let mut terms = Vec::new();
        sides.iter().for_each(|side| summands(side, &mut terms));
        let is_text = |term: &&Node| {
            matches!(
                term.kind,
                Kind::Text(..)
                    | Kind::Constant(Json::String(_))
                    | Kind::Native(Native::ToText | Native::Join, _)
            )
        };
        let wanted = if terms.iter().any(is_text) {
            Wanted::Text
        } else {
            Wanted::Number
        };
        self.consumed(terms, input, &wanted)
    }

    fn compare(&mut self, operator: Cmp, sides: &[Node; 2], input: &[Place]) -> Vec<Place> {
        let [left, right] = sides;
        for (side, other) in [(left, right), (right, left)] {
            let places = self.node(side, input);
            let wanted = match (&other.kind, operator) {
                (Kind::Constant(value), _) => Wanted::Compared(value.clone()),
                (_, Cmp::Eq | Cmp::Ne) => Wanted::Anything,
                (_, Cmp::Lt | Cmp::Gt | Cmp::Le | Cmp::Ge) => Wanted::Number,
            };
            self.note(&places, &wanted);
        }
        Vec::new()
    }

    fn bind(&mut self, binding: &Binding, input: &[Place]) -> Vec<Place> {
        let source = self.node(&binding.source, input);
        self.within(&binding.variables, &source, |walk| {
            walk.node(&binding.body, input)
        })
    }

    fn fold(&mut self, fold: &Fold, input: &[Place]) -> Vec<Place> {
        self.consumed([&fold.init], input, &Wanted::Anything);
        let source = self.node(&fold.source, input);
        self.within(&fold.variables, &source, |walk| {
            // What `.` is while it folds was made by the fold itself.
            let nodes = std::iter::once(&fold.update).chain(&fold.extract);
            walk.consumed(nodes, &[], &Wanted::Anything)
        })
    }

    /// Binds a pattern's variables to what lies at their keys, for as long as `inside` walks.
    fn within(
        &mut self,
        variables: &Pattern,
        source: &[Place],
        inside: impl FnOnce(&mut Self) -> Vec<Place>,
    ) -> Vec<Place> {
        let outer = self.locals.len();
        for keys in variables {
            let mut places = source.to_vec();
            for key in keys {
                places = match &key.kind {
                    Kind::Constant(Json::String(name)) => down(places, &Key::Name(name.clone())),
                    _ => down(places, &Key::Item),
                };
            }
            self.locals.push(places);
        }
        let places = inside(self);
        self.locals.truncate(outer);
        places
    }

    fn native(&mut self, native: Native, arguments: &[Node], input: &[Place]) -> Vec<Place> {
        self.consumed(arguments, input, &Wanted::Anything);
        match native {
            Native::First | Native::Last | Native::Min | Native::Max | Native::Nth => {
                return self.items(input);
            }
            Native::Sort | Native::Reverse | Native::Unique => {
                self.note(input, &Wanted::List);
                return input.to_vec();
            }
            Native::Add => {
                let items = self.items(input);
                self.note(&items, &Wanted::Number);
            }
            Native::Floor | Native::Ceil | Native::Round | Native::Sqrt | Native::Abs => {
                self.note(input, &Wanted::Number);
            }
            Native::Length | Native::Flatten | Native::Join => self.note(input, &Wanted::List),
            Native::Keys | Native::ToEntries | Native::Has => self.note(input, &Wanted::Object),
            Native::Starts
            | Native::Ends
            | Native::TrimStart
            | Native::TrimEnd
            | Native::Trim
            | Native::Split
            | Native::Lower
            | Native::Upper
            | Native::FromJson => self.note(input, &Wanted::Text),
            _ => self.note(input, &Wanted::Anything),
        }
        Vec::new()
    }

    fn control(&mut self, control: Control, arguments: &[Node], input: &[Place]) -> Vec<Place> {
        match (control, arguments) {
            (Control::Any | Control::All, [source, condition]) => {
                let found = self.node(source, input);
                self.consumed([condition], &found, &Wanted::Anything)
            }
            (Control::MapValues, [update]) => {
                let items = self.items(input);
                self.consumed([update], &items, &Wanted::Anything)
            }
            (Control::First | Control::Last, [source]) => self.node(source, input),
            (Control::Limit | Control::Skip | Control::Nth, [count, source]) => {
                self.consumed([count], input, &Wanted::Number);
                self.node(source, input)
            }
            (Control::Delete, _) => {
                self.consumed(arguments, input, &Wanted::Anything);
                input.to_vec()
            }
            _ => self.consumed(arguments, input, &Wanted::Anything),
        }
    }
}

fn summands<'n>(node: &'n Node, terms: &mut Vec<&'n Node>) {
    match &node.kind {
        Kind::Math(Math::Add, sides) => sides.iter().for_each(|side| summands(side, terms)),
        _ => terms.push(node),
    }
}

fn down(mut places: Vec<Place>, key: &Key) -> Vec<Place> {
    for place in &mut places {
        if place.listed {
            place.listed = *key != Key::Item;
        } else {
            place.path.push(key.clone());
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{Key, Wanted};
    use crate::expr::Expr;
    use std::fmt::Write;

    fn check(source: &str, expected: &str) {
        let mut found = String::new();
        for read in Expr::parse(source).unwrap().reads() {
            let mut place = read.variable;
            for key in read.path {
                match key {
                    Key::Name(name) => write!(place, ".{name}").unwrap(),
                    Key::Item => place.push_str("[]"),
                }
            }
            let wanted = match read.wanted {
                Wanted::Compared(value) => value.to_string(),
                wanted => format!("{wanted:?}").to_lowercase(),
            };
            write!(found, "{place}={wanted} ").unwrap();
        }
        assert_eq!(found.trim_end(), expected, "{source}");
    }

    #[test]
    fn paths_are_read_whatever_leads_to_them() {
        check("$order.id", "order.id=anything");
        check("$order | .id", "order.id=anything");
        check("$order as {id: $x} | $x", "order.id=anything");
        check("$a.b // $c.d", "a.b=anything c.d=anything");
        check("{x: $a.b, y: [$a.c]}", "a.b=anything a.c=anything");
        check("\"no. \\($a.b)\"", "a.b=anything");
        check("$a.b[0].c", "a.b=list a.b[].c=anything");
        check(
            "if $a.b then $a.c else $a.d end",
            "a.b=anything a.c=anything a.d=anything",
        );
    }

    #[test]
    fn what_is_wanted_is_told_from_what_is_done() {
        check("$a.b > 90", "a.b=90");
        check("$a.b == \"no\"", "a.b=\"no\"");
        check("$a.b < $c.d", "a.b=number c.d=number");
        check("$a.b * 2", "a.b=number");
        check("$a.b + \"x\"", "a.b=text");
        check("$a.b + $c.d + \"x\"", "a.b=text c.d=text");
        check("$a.b | length", "a.b=list");
        check(
            "reduce $a.b[] as $x (0; . + $x.c)",
            "a.b=list a.b[].c=number",
        );
        check("$a | map(.b) | add", "a=list a[].b=anything a[].b=number");
        check("$a.b | any(.c == 1)", "a.b=list a.b[].c=1");
    }
}
