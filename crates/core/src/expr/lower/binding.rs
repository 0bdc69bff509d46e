//! Names given to values: destructuring patterns, and the folds that bind one per value.

use super::{Lower, Lowering};
use crate::expr::ast::{Fold, Kind, Node, Pattern};
use crate::expr::guard::offset_of;
use crate::json::Json;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{Pattern as TermPattern, Term};

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

impl<'s> Lowering<'s> {
    /// The variables of a pattern; they are bound from here on.
    pub(super) fn pattern(&mut self, pattern: &TermPattern<&'s str>) -> Lower<Pattern> {
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

    pub(super) fn fold(
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
}
