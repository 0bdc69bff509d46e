//! The functions of the language by name, and what is said about those that it leaves out.

use super::ast::{Control, Format, Native};

/// What a function's name and number of arguments stand for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Function {
    /// Takes values: every argument is evaluated on the function's own input.
    Native(Native),
    /// Takes expressions.
    Control(Control),
    /// Written out in terms of others when the expression is compiled.
    Short(Short),
}

/// Functions that are short for something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Short {
    Null,
    True,
    False,
    Empty,
    Error,
    Select,
    Map,
    WithEntries,
    Keyed(Native),
    AddOf,
    Paths,
    Range,
    OfType(&'static [&'static str]),
    Values,
}

/// A function of the language: its name, how many arguments it takes, and what it is.
pub(super) type Entry = (&'static str, usize, Function);

const fn native(name: &'static str, arguments: usize, native: Native) -> Entry {
    (name, arguments, Function::Native(native))
}

const fn control(name: &'static str, arguments: usize, control: Control) -> Entry {
    (name, arguments, Function::Control(control))
}

const fn short(name: &'static str, arguments: usize, short: Short) -> Entry {
    (name, arguments, Function::Short(short))
}

/// Every function, by subject.
pub(super) const FUNCTIONS: &[Entry] = &[
    short("null", 0, Short::Null),
    short("true", 0, Short::True),
    short("false", 0, Short::False),
    short("empty", 0, Short::Empty),
    short("error", 0, Short::Error),
    native("error", 1, Native::Raise),
    native("not", 0, Native::Not),
    native("type", 0, Native::Type),
    native("length", 0, Native::Length),
    short("values", 0, Short::Values),
    short("nulls", 0, Short::OfType(&["null"])),
    short("booleans", 0, Short::OfType(&["boolean"])),
    short("numbers", 0, Short::OfType(&["number"])),
    short("strings", 0, Short::OfType(&["string"])),
    short("arrays", 0, Short::OfType(&["array"])),
    short("objects", 0, Short::OfType(&["object"])),
    short("iterables", 0, Short::OfType(&["array", "object"])),
    short(
        "scalars",
        0,
        Short::OfType(&["null", "boolean", "number", "string"]),
    ),
    // Choosing and repeating.
    short("select", 1, Short::Select),
    short("map", 1, Short::Map),
    control("map_values", 1, Control::MapValues),
    control("any", 0, Control::Any),
    control("any", 1, Control::Any),
    control("any", 2, Control::Any),
    control("all", 0, Control::All),
    control("all", 1, Control::All),
    control("all", 2, Control::All),
    control("isempty", 1, Control::IsEmpty),
    short("range", 1, Short::Range),
    control("range", 2, Control::Range),
    native("first", 0, Native::First),
    control("first", 1, Control::First),
    native("last", 0, Native::Last),
    control("last", 1, Control::Last),
    native("nth", 1, Native::Nth),
    control("nth", 2, Control::Nth),
    control("limit", 2, Control::Limit),
    control("skip", 2, Control::Skip),
    native("add", 0, Native::Add),
    short("add", 1, Short::AddOf),
    // Numbers.
    native("floor", 0, Native::Floor),
    native("ceil", 0, Native::Ceil),
    native("round", 0, Native::Round),
    native("sqrt", 0, Native::Sqrt),
    native("abs", 0, Native::Abs),
    // Conversions.
    native("tostring", 0, Native::ToText),
    native("tonumber", 0, Native::ToNumber),
    native("tojson", 0, Native::ToJson),
    native("fromjson", 0, Native::FromJson),
    native("toarray", 0, Native::ToArray),
    native("@text", 0, Native::Format(Format::Text)),
    native("@json", 0, Native::Format(Format::Json)),
    native("@uri", 0, Native::Format(Format::Uri)),
    native("@base64", 0, Native::Format(Format::Base64)),
    native("@base64d", 0, Native::Format(Format::Base64d)),
    // Strings.
    native("utf8bytelength", 0, Native::Utf8Length),
    native("startswith", 1, Native::Starts),
    native("endswith", 1, Native::Ends),
    native("ltrimstr", 1, Native::TrimStart),
    native("rtrimstr", 1, Native::TrimEnd),
    native("trim", 0, Native::Trim),
    native("ltrim", 0, Native::TrimLeft),
    native("rtrim", 0, Native::TrimRight),
    native("split", 1, Native::Split),
    native("join", 1, Native::Join),
    native("ascii_downcase", 0, Native::Lower),
    native("ascii_upcase", 0, Native::Upper),
    native("ascii", 0, Native::Ascii),
    native("explode", 0, Native::Explode),
    native("implode", 0, Native::Implode),
    native("indices", 1, Native::Indices),
    native("index", 1, Native::IndexFirst),
    native("rindex", 1, Native::IndexLast),
    // Arrays and objects.
    native("keys", 0, Native::Keys),
    native("keys_unsorted", 0, Native::KeysUnsorted),
    native("has", 1, Native::Has),
    native("in", 1, Native::In),
    native("contains", 1, Native::Contains),
    native("inside", 1, Native::Inside),
    native("to_entries", 0, Native::ToEntries),
    native("from_entries", 0, Native::FromEntries),
    short("with_entries", 1, Short::WithEntries),
    native("sort", 0, Native::Sort),
    short("sort_by", 1, Short::Keyed(Native::SortBy)),
    short("group_by", 1, Short::Keyed(Native::GroupBy)),
    native("unique", 0, Native::Unique),
    short("unique_by", 1, Short::Keyed(Native::UniqueBy)),
    native("min", 0, Native::Min),
    native("max", 0, Native::Max),
    short("min_by", 1, Short::Keyed(Native::MinBy)),
    short("max_by", 1, Short::Keyed(Native::MaxBy)),
    native("reverse", 0, Native::Reverse),
    native("flatten", 0, Native::Flatten),
    native("flatten", 1, Native::FlattenTo),
    native("transpose", 0, Native::Transpose),
    native("getpath", 1, Native::GetPath),
    short("paths", 0, Short::Paths),
    control("del", 1, Control::Delete),
];

/// What a name and a number of arguments stand for.
pub(super) fn find(name: &str, arguments: usize) -> Option<Function> {
    FUNCTIONS
        .iter()
        .find(|(known, count, _)| *known == name && *count == arguments)
        .map(|(_, _, function)| *function)
}

/// The numbers of arguments that a name takes; empty when there is no such function.
pub(super) fn arities(name: &str) -> Vec<usize> {
    FUNCTIONS
        .iter()
        .filter(|(known, ..)| *known == name)
        .map(|(_, count, _)| *count)
        .collect()
}

/// Why a function of jq is left out, and what to write in its place.
pub(super) fn refusal(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "recurse" | "recurse_down" | "walk" | "repeat" | "while" | "until" | "combinations"
        | "tostream" | "fromstream" | "truncate_stream" => (
            "has no bound and is not in the language",
            "name the path, as in `$input.items[].price`, or fold with `reduce`",
        ),
        "range" => (
            "takes one or two numbers here",
            "multiply inside, as in `range(5) | . * 2`",
        ),
        "input" | "inputs" | "input_filename" | "input_line_number" | "stderr" | "debug" => (
            "reads or writes what an expression has not got",
            "read a variable, as in `$input.amount`",
        ),
        "env" | "get_search_list" | "getpid" => (
            "reads the environment, which an expression cannot see",
            "put the value into the saga's input",
        ),
        "now" | "localtime" | "mktime" | "gmtime" | "strftime" | "strptime" | "strflocaltime"
        | "todate" | "fromdate" | "date" | "dateadd" | "datesub" | "todateiso8601"
        | "fromdateiso8601" => (
            "is about the clock, which an expression cannot see",
            "the saga's start is `$saga.started_at`",
        ),
        "halt" | "halt_error" => (
            "would end the process and is not in the language",
            "use `error(\"why\")`, or a step of the kind `refuse`",
        ),
        "test" | "match" | "capture" | "scan" | "sub" | "gsub" | "splits" => (
            "needs regular expressions, whose cost cannot be bounded",
            "use `startswith`, `endswith`, `contains`, `split` or `index`",
        ),
        "infinite" | "nan" | "isinfinite" | "isnan" | "isnormal" | "isvalid" => (
            "is not JSON: every number here is finite",
            "division by zero is an error that `try` catches",
        ),
        "pow" | "log" | "log2" | "log10" | "exp" | "exp2" | "exp10" | "sin" | "cos" | "tan"
        | "significand" | "logb" | "gamma" | "cbrt" => (
            "is floating point and not in the language",
            "compute it in a service",
        ),
        "path" | "setpath" | "delpaths" | "to_path" | "pick" | "leaf_paths" => (
            "is not in the language",
            "build the object that you need, as in `$input | {id, name}`, or use `del(.key)`",
        ),
        "@sh" | "@csv" | "@tsv" | "@html" | "@htmld" | "@urid" | "@base32" | "@base32d" => (
            "is a format that is not in the language",
            "the formats are @text, @json, @uri, @base64 and @base64d",
        ),
        "import" | "include" | "modulemeta" => ("is not in the language", "write it out in place"),
        _ => return None,
    })
}

/// The known name nearest to an unknown one, when one is near.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many characters must change, come or go to turn one name into another.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
