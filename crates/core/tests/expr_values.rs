//! What expressions give: tables of expression, and value or error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

use banyan_core::Json;
use banyan_core::expr::{Cause, EvalError, Expr, Scope};
use std::borrow::Cow;

fn input() -> Json {
    serde_json::from_str(
        r#"{
            "id": "o-1", "amount": 10.50, "count": 3, "none": null, "yes": true, "big": 123456789012345678901234567890.10,
            "items": [{"sku": "a", "price": 0.1, "n": 2}, {"sku": "b", "price": 0.2, "n": 1}],
            "tags": ["x", "y", "x"], "numbers": [3, 1, 2], "nested": {"a": {"b": [1, [2, [3]]]}}
        }"#,
    )
    .unwrap()
}

fn evaluate(source: &str) -> Result<Json, EvalError> {
    let input = input();
    let expr = Expr::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let mut scope = Scope::default();
    scope.bind("input", Cow::Borrowed(&input));
    expr.evaluate(&scope)
}

#[track_caller]
fn gives(table: &[(&str, &str)]) {
    for (source, expected) in table {
        match evaluate(source) {
            Ok(value) => assert_eq!(&value.to_string(), expected, "{source}"),
            Err(error) => panic!("{source}: {error}"),
        }
    }
}

#[track_caller]
fn fails(table: &[(&str, Cause, &str)]) {
    for (source, cause, words) in table {
        let error = evaluate(source).expect_err(source);
        assert_eq!(error.cause, *cause, "{source}: {error}");
        assert!(error.message.contains(words), "{source}: {error}");
    }
}

#[test]
fn paths_reach_into_values() {
    gives(&[
        ("$input.id", r#""o-1""#),
        ("$input.items[1].sku", r#""b""#),
        ("$input.items[-1].sku", r#""b""#),
        ("$input.items[7].sku", "null"),
        ("$input[\"id\"]", r#""o-1""#),
        ("$input.\"id\"", r#""o-1""#),
        ("$input.none.deep.er", "null"),
        ("[$input.items[].sku]", r#"["a","b"]"#),
        ("$input.tags[1:]", r#"["y","x"]"#),
        ("$input.tags[:-1]", r#"["x","y"]"#),
        ("$input.id[2:]", r#""1""#),
        ("[$input.id.x?]", "[]"),
        ("[$input.id[]?]", "[]"),
        ("$input | .items | .[0] | .n", "2"),
        ("$input.items[0][\"sk\" + \"u\"]", r#""a""#),
        ("$input | [.tags[.numbers[]]]", r#"[null,"y","x"]"#),
        ("$input.amount", "10.50"),
    ]);
}

#[test]
fn values_are_constructed() {
    gives(&[
        (
            "{a: 1, \"b c\": [2, 3], ($input.id): null}",
            r#"{"a":1,"b c":[2,3],"o-1":null}"#,
        ),
        ("$input | {id, n: .count}", r#"{"id":"o-1","n":3}"#),
        ("$input.id as $id | {$id}", r#"{"id":"o-1"}"#),
        (
            "\"order \\($input.id) of \\(1 + 1)\"",
            r#""order o-1 of 2""#,
        ),
        ("[]", "[]"),
        ("{}", "{}"),
        ("[{a: (1, 2)}]", r#"[{"a":1},{"a":2}]"#),
    ]);
}

#[test]
fn operators_compute_in_decimals() {
    gives(&[
        ("0.1 + 0.2 == 0.3", "true"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 3", "0.3333333333333333333333333333"),
        ("2 * 3 - 4 / 8", "5.5"),
        ("7 % 3", "1"),
        ("[(1, 2) | select(. > 1) // 9]", "[9,2]"),
        ("-$input.count", "-3"),
        ("-1.50", "-1.50"),
        ("1.0 == 1", "true"),
        ("100e-2 == 1", "true"),
        ("$input.amount * 2", "21"),
        ("null + 1", "1"),
        ("\"a\" + \"b\"", r#""ab""#),
        ("[1] + [2]", "[1,2]"),
        ("{a: 1} + {b: 2}", r#"{"a":1,"b":2}"#),
        ("[1, 2, 1] - [1]", "[2]"),
        ("{a: {b: 1}} * {a: {c: 2}}", r#"{"a":{"b":1,"c":2}}"#),
        ("\"ab\" * 2", r#""abab""#),
        ("\"a,b\" / \",\"", r#"["a","b"]"#),
        ("1 < 2 and 2 >= 2 or false", "true"),
        (
            "null < false and false < true and true < 0 and 0 < \"\" and \"\" < [] and [] < {}",
            "true",
        ),
        ("$input.none // \"rest\"", r#""rest""#),
        (
            "if $input.count > 2 then \"many\" elif true then 1 else 2 end",
            r#""many""#,
        ),
        ("[1, 2] | if length > 5 then 0 end", "[1,2]"),
        ("reduce $input.numbers[] as $n (0; . + $n)", "6"),
        ("[foreach $input.numbers[] as $n (0; . + $n)]", "[3,4,6]"),
        ("$input.items[0] as {sku: $s, $n} | [$s, $n]", r#"["a",2]"#),
        ("[[1, {a: 2}]] | .[0] as [$x, {a: $y}] | $x + $y", "3"),
        ("try error(\"no\") catch .", r#""no""#),
        ("[1 | .a?] | length", "0"),
    ]);
}

#[test]
fn numbers_that_are_moved_keep_their_digits() {
    gives(&[
        ("$input.big", "123456789012345678901234567890.10"),
        ("[$input.big] | .[0]", "123456789012345678901234567890.10"),
        ("{a: $input.amount}", r#"{"a":10.50}"#),
        ("$input.big > 1", "true"),
        ("$input.big == 123456789012345678901234567890.1", "true"),
        (
            "$input.big | tostring",
            r#""123456789012345678901234567890.10""#,
        ),
    ]);
    fails(&[("$input.big + 1", Cause::Arithmetic, "28 digits")]);
}

#[test]
fn failures_have_a_cause_and_say_what_and_where() {
    fails(&[
        ("1 / 0", Cause::Arithmetic, "`1 / 0`: 1 is divided by zero"),
        (
            "$input.id + 1",
            Cause::WrongType,
            "the string \"o-1\" and the number 1 cannot be added",
        ),
        ("$input.items[]", Cause::NotOneValue, "more than one value"),
        ("empty", Cause::NotOneValue, "no value"),
        ("error(\"sold out\")", Cause::Raised, "sold out"),
        ("error({code: 7})", Cause::Raised, "{\"code\":7}"),
        (
            "$nothing",
            Cause::BadValue,
            "there is no variable `$nothing` here",
        ),
        ("\"x\" * 1000000000", Cause::TooCostly, "produces more than"),
        ("[range(1000000000000)]", Cause::TooCostly, "steps"),
        (
            "79228162514264337593543950335 + 1",
            Cause::Arithmetic,
            "28 digits",
        ),
    ]);
}

#[test]
fn numbers_compare_exactly_whatever_their_size_and_form() {
    gives(&[
        ("1e2 == 100 and 1E+2 == 100.0 and 100e-2 == 1", "true"),
        ("1e2 + 0, 1.5e3 + 0, 25e-1 + 0 | select(. == 1500)", "1500"),
        (
            "1e1000 > 1e999 and -1e1000 < -1e999 and 1e-1000 > 0",
            "true",
        ),
        (
            "1e1000 == 10e999 and 0e5 == 0 and -0 == 0 and -0.0 == 0",
            "true",
        ),
        (
            "12345678901234567890123456789012345 > 12345678901234567890123456789012344.9",
            "true",
        ),
        ("[3e40, 2e40, -1e40, 1] | sort", "[-1e+40,1,2e+40,3e+40]"),
        ("[0.10, 1e-1] | unique", "[0.10]"),
        ("0.00000000000000000000000000000000000001 | . > 0", "true"),
        ("\"1.50\" | tonumber", "1.50"),
        ("-5 | -.", "5"),
        ("0 | -.", "0"),
        ("[1.9, -1.9 | . as $n | [0, 1, 2] | .[$n]]", "[1,1]"),
        (
            "79228162514264337593543950335 - 1",
            "79228162514264337593543950334",
        ),
        ("10 / 4", "2.5"),
        (
            "100000000000000 * 100000000000000",
            "10000000000000000000000000000",
        ),
        ("0.0000001 * 0", "0"),
    ]);
    fails(&[
        ("1e1000 + 1", Cause::Arithmetic, "28 digits"),
        ("1e-1000 + 1", Cause::Arithmetic, "28 digits"),
        (
            "0.00000000000001 * 0.000000000000001",
            Cause::Arithmetic,
            "28 digits",
        ),
        ("1e20 * 1e20", Cause::Arithmetic, "28 digits"),
        ("1 % 0", Cause::Arithmetic, "divided by zero"),
        ("1 % 0.5", Cause::Arithmetic, "divided by zero"),
        ("-1 | sqrt", Cause::Arithmetic, "no square root"),
        ("[1] | .[1e30]", Cause::Arithmetic, "28 digits"),
    ]);
}

#[test]
fn errors_that_try_catches_are_those_of_the_expression_itself() {
    gives(&[
        ("try (1 / 0) catch \"zero\"", "\"zero\""),
        ("(1 / 0)? // \"zero\"", "\"zero\""),
        ("1 / 0 // 2", "2"),
        ("1 | [.[]?] | length", "0"),
        (
            "[1, 2 | try (if . == 1 then error(\"a\") else . end) catch \"b\"]",
            "[\"b\",2]",
        ),
        ("[first(1, error(\"late\"))]", "[1]"),
        ("[limit(1; 1, error(\"late\"))]", "[1]"),
        ("any(true, error(\"late\"); .)", "true"),
        ("isempty(1, error(\"late\"))", "false"),
    ]);
    fails(&[
        ("try 1 catch 2 | error(\"outer\")", Cause::Raised, "outer"),
        ("[(1, 2)? | error(\"outer\")]", Cause::Raised, "outer"),
        ("1 | [.a?] | error(\"x\")", Cause::Raised, "x"),
        ("error(null)", Cause::Raised, "raised null"),
    ]);
}
