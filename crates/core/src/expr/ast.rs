//! The shape of an expression after parsing: only what the language has, every name resolved.

use crate::json::Json;
pub(super) use jaq_core::ops::{Cmp, Math};

/// A part of an expression.
#[derive(Debug)]
pub(super) struct Node {
    /// Whether it always gives exactly one value (or fails).
    pub(super) single: bool,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// `.`
    Input,
    /// A literal.
    Constant(Json),
    /// A variable of the scope, by its place in the list of free variables.
    Free(usize),
    /// A variable bound within the expression, counted from the innermost.
    Local(usize),
    /// A string with values in it, each written in the format.
    Text(Format, Vec<Piece>),
    /// `[…]`
    Array(Option<Box<Node>>),
    /// `{…}`: keys and values in turn.
    Object(Vec<Node>),
    Negate(Box<Node>),
    Math(Math, Box<[Node; 2]>),
    Compare(Cmp, Box<[Node; 2]>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    /// `//`
    Otherwise(Box<[Node; 2]>),
    /// `… | …`
    Pipe(Vec<Node>),
    /// `…, …`; with nothing in it, `empty`.
    Comma(Vec<Node>),
    /// `… as pattern | …`
    Bind(Box<Binding>),
    /// Conditions with what follows from each, and the rest.
    If(Vec<(Node, Node)>, Option<Box<Node>>),
    /// `try … catch …` and `…?`
    Try(Box<Node>, Option<Box<Node>>),
    /// `….a[0][]`
    Path(Box<Node>, Vec<Step>),
    Reduce(Box<Fold>),
    Foreach(Box<Fold>),
    /// A function of values.
    Native(Native, Vec<Node>),
    /// A function that decides how often its arguments are evaluated.
    Control(Control, Vec<Node>),
}

/// One step of a path.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) part: Part,
    /// Whether it ends in `?`: what it cannot reach is left out.
    pub(super) optional: bool,
}

#[derive(Debug)]
pub(super) enum Part {
    /// `.a`, `["a"]`, `[0]`
    Index(Node),
    /// `[]`
    Each,
    /// `[from:to]`
    Slice(Option<Node>, Option<Node>),
}

/// A piece of a string.
#[derive(Debug)]
pub(super) enum Piece {
    Words(String),
    Value(Node),
}

/// `source as pattern | body`
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) source: Node,
    pub(super) variables: Pattern,
    pub(super) body: Node,
}

/// For each variable of a pattern, in order, the keys that lead to it.
pub(super) type Pattern = Vec<Vec<Node>>;

/// `reduce source as pattern (init; update)`, and `foreach`, which may extract.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) source: Node,
    pub(super) variables: Pattern,
    pub(super) init: Node,
    pub(super) update: Node,
    pub(super) extract: Option<Node>,
}

/// How a value is written into a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
    Uri,
    Base64,
    Base64d,
}

/// Functions of values: each gives one value for its input and one value per argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Native {
    Length,
    Utf8Length,
    Not,
    Type,
    Keys,
    KeysUnsorted,
    Add,
    Floor,
    Ceil,
    Round,
    Sqrt,
    Abs,
    ToText,
    ToNumber,
    ToJson,
    FromJson,
    Format(Format),
    ToArray,
    Has,
    In,
    Contains,
    Inside,
    Starts,
    Ends,
    TrimStart,
    TrimEnd,
    Trim,
    TrimLeft,
    TrimRight,
    Split,
    Join,
    Lower,
    Upper,
    Explode,
    Implode,
    Ascii,
    Indices,
    First,
    Last,
    Nth,
    ToEntries,
    FromEntries,
    Sort,
    SortBy,
    GroupBy,
    Unique,
    UniqueBy,
    Min,
    Max,
    MinBy,
    MaxBy,
    Reverse,
    Flatten,
    FlattenTo,
    Transpose,
    GetPath,
    Paths,
    Raise,
    IndexFirst,
    IndexLast,
}

/// Functions that decide how often their arguments are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Range,
    First,
    Last,
    Limit,
    Skip,
    Nth,
    Any,
    All,
    IsEmpty,
    MapValues,
    Delete,
}
