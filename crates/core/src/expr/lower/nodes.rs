//! Nodes made: each knows from its parts whether it always gives exactly one value.

use crate::expr::ast::{Cmp, Kind, Native, Node, Part, Step};
use crate::json::Json;

impl Node {
    pub(super) fn new(kind: Kind, single: bool) -> Node {
        Node { single, kind }
    }

    pub(super) fn input() -> Node {
        Node::new(Kind::Input, true)
    }

    pub(super) fn constant(value: Json) -> Node {
        Node::new(Kind::Constant(value), true)
    }

    pub(super) fn empty() -> Node {
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

    pub(super) fn pipe(stages: Vec<Node>) -> Node {
        let single = stages.iter().all(|stage| stage.single);
        Node::new(Kind::Pipe(stages), single)
    }

    pub(super) fn array(inner: Node) -> Node {
        Node::new(Kind::Array(Some(Box::new(inner))), true)
    }

    pub(super) fn native(native: Native, arguments: Vec<Node>) -> Node {
        let single = arguments.iter().all(|argument| argument.single);
        Node::new(Kind::Native(native, arguments), single)
    }

    pub(super) fn pair(left: Node, right: Node, kind: impl FnOnce(Box<[Node; 2]>) -> Kind) -> Node {
        let single = left.single && right.single;
        Node::new(kind(Box::new([left, right])), single)
    }

    pub(super) fn choice(branches: Vec<(Node, Node)>, rest: Option<Node>) -> Node {
        let single = branches
            .iter()
            .all(|(condition, branch)| condition.single && branch.single)
            && rest.as_ref().is_none_or(|rest| rest.single);
        Node::new(Kind::If(branches, rest.map(Box::new)), single)
    }
}

/// What is of one of some types, and nothing otherwise.
pub(super) fn of_type(types: &[&str]) -> Node {
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
