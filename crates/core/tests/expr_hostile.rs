//! Expressions that mean harm: each ends within the bounds, told by counts, never by a clock;
//! and nothing overflows the stack, neither while parsing nor while evaluating nor when a value
//! is dropped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

use banyan_core::Json;
use banyan_core::expr::{self, Cause, EvalError, Expr, Scope, Template, Usage};
use std::borrow::Cow;

/// About 1 MiB of each shape that costs most: many small items, one long string, one long
/// number, deep nesting, many keys, one key with much behind it.
fn large() -> Json {
    let mut deep = Json::Null;
    for _ in 0..120 {
        deep = Json::Array(vec![deep]);
    }
    let members = (0..60_000).map(|n| (format!("k{n:05}"), Json::from(n)));
    let mut input = serde_json::Map::new();
    input.insert("ones".into(), Json::Array(vec![Json::from(1); 500_000]));
    input.insert(
        "rows".into(),
        Json::Array(vec![serde_json::json!({"a": "x", "b": [1]}); 50_000]),
    );
    input.insert("text".into(), Json::from("a".repeat(1_000_000)));
    input.insert(
        "digits".into(),
        format!("1{}", "0".repeat(1_000_000))
            .parse::<serde_json::Number>()
            .unwrap()
            .into(),
    );
    input.insert(
        "texts".into(),
        Json::Array(vec![Json::from("b".repeat(10_000)); 100]),
    );
    input.insert("members".into(), Json::Object(members.collect()));
    input.insert("deep".into(), deep);
    Json::Object(input)
}

fn measure(source: &str, input: &Json) -> (Result<Json, EvalError>, Usage) {
    let expr = Expr::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let mut scope = Scope::default();
    scope.bind("i", Cow::Borrowed(input));
    expr.measure(&scope)
}

/// Every one of these is over the bounds.
const TOO_COSTLY: &[&str] = &[
    "\"x\" * 1000000000",
    "\"x\" * 1000000 * 1000000",
    "$i.text * 1000000",
    "[range(1000000000000)]",
    "[range(1e27)] | length",
    "last(range(1000000000))",
    "isempty(range(1000000000) | select(. < 0))",
    "[limit(1000000000; range(1000000000))]",
    "[skip(1000000000; range(1e18))]",
    "nth(1000000000; range(1e18))",
    "any(range(1000000000); false)",
    "[$i.ones[] as $a | $i.ones[] as $b | 1]",
    "$i.ones[] as $a | $i.ones[] as $b | empty",
    "[$i.rows[] | $i.rows[] | .a]",
    "$i.ones | contains($i.ones + [2])",
    "$i.rows | contains($i.rows | map({a: \"y\"}))",
    "$i | contains($i)",
    "$i.ones - $i.rows",
    "$i.ones | indices($i.ones[:1000])",
    "$i.text | indices(\"aaaaaaaa\")",
    "$i.text | explode",
    "$i.text / \"\"",
    "$i.text | split(\"a\")",
    "$i.text * 16",
    "[$i.text, $i.text, $i.text, $i.text, $i.text, $i.text, $i.text, $i.text] | map(. + .) | map(. + .) | add",
    "reduce range(1000000) as $n (\"\"; . + $i.text)",
    "reduce range(1000000) as $n (\"x\"; . + .)",
    "reduce range(100000) as $n ([1]; . + .)",
    "reduce range(100000) as $n ([1]; [., .])",
    "reduce range(100000) as $n (null; [.])",
    "reduce range(100000) as $n (null; {a: .})",
    "reduce range(10000000) as $n (0; . + $n)",
    "reduce range(100000) as $n ({}; . + {\"k\\($n)\": $i.members})",
    "[foreach range(1000000) as $n ([]; . + [$n])]",
    "$i.ones | map(. + 1)",
    "$i.ones | sort",
    "$i.ones | group_by(.)",
    "$i.ones | unique",
    "$i.ones | join(\"-\")",
    "$i.ones | tojson",
    "$i.ones | add",
    "$i.ones | reverse",
    "$i.ones | keys",
    "$i.ones | flatten",
    "[$i.ones | limit(1000000; .[])]",
    "$i.ones | first(.[] | select(. == 2))",
    "$i.ones | implode",
    "$i.ones | del(.[])",
    "[$i.ones | paths]",
    "[$i | paths]",
    "$i.rows | sort_by(.b)",
    "$i.rows | map(.a)",
    "$i.rows | tojson | fromjson",
    "$i.rows | tostring | tostring | @base64 | @base64 | @base64 | @base64 | @base64",
    "$i.members | to_entries",
    "$i.members + $i.members",
    "$i.members | with_entries(.)",
    "$i.members | map_values(.)",
    "$i.members | keys",
    "$i.members == ($i.members | del(.k00000))",
    "$i.texts | [range(1000)] as $r | [$r[] | $i.texts]",
    "[range(100)] | map($i.texts | join(\"\")) ",
    "[range(10000) | $i.text | length] | add",
    "[range(1000) | $i.text == $i.text + \"\"]",
    "[range(10000) | $i.text | ascii_downcase]",
    "[range(10000) | $i.text | contains(\"b\")]",
    "[range(10000) | $i.text | ltrimstr($i.text)]",
    "[range(10000) | $i.text | index(\"b\")]",
    "[range(10000) | $i.text | .[500000:]]",
    "[range(10000) | $i.digits == $i.digits]",
    "[range(10000) | $i.digits | tostring]",
    "[range(10000) | $i.digits | tojson]",
    "[range(10000) | \"\\($i.text)\"]",
    "[range(100000) | {($i.text): 1}]",
    "[range(10000) | $i[$i.text]]",
    "[range(100000) | sqrt]",
    "[range(100000) | 1 / 3]",
    "[range(100000) | try error($i) catch .]",
    "[(1,2) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.) | (.,.)]",
    "[[1,2,3,4,5,6,7,8,9,0] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]] | [.[],.[]]]",
    "$i",
    "$i.ones",
    "[$i.rows, $i.rows, $i.rows]",
    "try (\"x\" * 1000000000) catch 1",
    "(\"x\" * 1000000000)? // 1",
    "first(\"x\" * 1000000000)",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[$i.deep]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
];

#[test]
fn hostile_expressions_end_too_costly_within_the_bounds() {
    let input = large();
    let mut wrong = Vec::new();
    for source in TOO_COSTLY {
        let (result, usage) = measure(source, &input);
        assert!(usage.steps <= expr::STEPS, "{source}: {usage:?}");
        assert!(usage.bytes <= expr::BYTES, "{source}: {usage:?}");
        match result {
            Err(error) if error.cause == Cause::TooCostly => {
                assert!(error.message.starts_with('`'), "{error}");
            }
            Err(error) => wrong.push(format!("{source}: {error}: {usage:?}")),
            Ok(value) => wrong.push(format!(
                "{source}: {}: {usage:?}",
                value.to_string().chars().take(60).collect::<String>()
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ordinary_work_on_large_inputs_is_cheap() {
    let input = large();
    for (source, steps, bytes) in [
        ("$i.ones | length", 10, 100),
        ("$i.ones[499999]", 10, 100),
        ("$i.rows[10:20] | map(.a) | join(\",\")", 200, 2_000),
        ("$i.text | length", 40_000, 100),
        ("$i.text[:10]", 80_000, 100),
        ("$i.members.k00007", 10, 100),
        ("$i.members | has(\"k00007\")", 10, 100),
        ("first($i.ones[])", 20, 100),
        ("[limit(3; $i.rows[] | .a)]", 50, 2_000),
        ("$i.digits > 5", 200_000, 3_000_000),
        ("reduce range(5000) as $n ([]; . + [$n])", 60_000, 2_000_000),
        (
            "reduce range(5000) as $n (\"\"; . + \"x\")",
            60_000,
            600_000,
        ),
        ("[range(10000)] | map(. * 2) | add", 170_000, 2_000_000),
    ] {
        let (result, usage) = measure(source, &input);
        assert!(result.is_ok(), "{source}: {result:?}");
        assert!(usage.steps <= steps, "{source}: {usage:?}");
        assert!(usage.bytes <= bytes, "{source}: {usage:?}");
    }
}

#[test]
fn the_expressions_of_one_body_share_the_bounds() {
    let body = Json::Array(vec![Json::from("$i.texts"); 40]);
    let template = Template::try_from(body).unwrap();
    let input = large();
    let mut scope = Scope::default();
    scope.bind("i", Cow::Borrowed(&input));
    let error = template.evaluate(&scope).unwrap_err();
    assert_eq!(error.cause, Cause::TooCostly);
}

/// Texts made of a head, a middle repeated, and a tail.
fn repeated(head: &str, middle: &str, tail: &str) -> Vec<String> {
    let most = (1024 - head.len() - tail.len()) / middle.len();
    [8, 40, 63, 70, 100, most]
        .into_iter()
        .filter(|count| *count <= most)
        .map(|count| format!("{head}{}{tail}", middle.repeat(count)))
        .collect()
}

#[test]
fn whatever_nests_is_refused_or_evaluated_without_overflow() {
    let shapes = [
        ("", "(", "1"),
        ("", "[", "1"),
        ("", "{a:", "1"),
        ("1", "[", ""),
        ("", "\"\\(", "1"),
        ("", "-", "1"),
        ("", "- ", "1"),
        ("", "try ", "1"),
        ("", "if ", "1"),
        ("", "if 1 then ", "1"),
        ("", "if 1 then 1 el", ""),
        ("if 1 then 1", " elif 1 then 1", " else 1 end"),
        ("", "reduce ", "1"),
        ("", "reduce 1 as $x (1;", "1"),
        ("", "label $x|", "1"),
        ("", "def f: ", "1"),
        ("", "def f: 1; ", "1"),
        ("1", "|1", ""),
        ("1", "|(1,1)", ""),
        ("1", "|(1,empty)", ""),
        ("1", ",1", ""),
        ("1", "+1", ""),
        ("1", "-1", ""),
        ("1", "//1", ""),
        ("1", " and 1", ""),
        ("1", " as $x|1", ""),
        ("1", " as $x|(1,1)", ""),
        ("1", "==1", ""),
        ("1", "[0]?", ""),
        ("[1]", "[]?", ""),
        ("1", "?", ""),
        ("1|.", ".a", ""),
        ("1|.", "[.", ""),
        ("", "[", &"]".repeat(500)),
        ("", "first(", "1"),
        ("", "{(", "1"),
        ("1 as ", "[", "$x] | 1"),
        ("1 as [$a", ",$a", "] | 1"),
        ("{a:1", ",a:1", "}"),
        ("{a:(1,1)", ",a:(1,1)", "}"),
        ("[", "1,", "1]"),
        ("\"", "\\(1)", "\""),
        ("\"", "\\(1,1)", "\""),
        ("", "#", ""),
        ("", "\"", ""),
        ("", "((((((((((\")))))))))))\"", "1"),
        ("", ")", "1"),
        ("", "([{", "1"),
        ("1", "|first", ""),
        ("1", "|[.]", ""),
        ("1", "|{a:.}", ""),
        ("[1]", "|map(.", ""),
        ("1", "|try error", ""),
    ];
    for (head, middle, tail) in shapes {
        for source in repeated(head, middle, tail) {
            if let Ok(expr) = Expr::parse(&source) {
                let _ = expr.evaluate(&Scope::default());
            }
        }
    }
    for depth in [10, 40, 60, 64, 65, 200] {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{a:", "}"),
            ("\"\\(", ")\""),
            ("first(", ")"),
            ("if 1 then ", " else 2 end"),
            ("try ", ""),
            ("[[0]|.[", "]]"),
            ("(1,", ")"),
        ] {
            let source = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            match Expr::parse(&source) {
                Ok(expr) => {
                    assert!(depth <= 64, "{source}");
                    let _ = expr.evaluate(&Scope::default());
                }
                Err(error) => assert!(depth > 20, "{source}: {error}"),
            }
        }
    }
}

#[test]
fn expressions_that_are_too_long_or_too_deep_say_so() {
    for (source, words) in [
        (" ".repeat(10), "the expression is empty"),
        (format!("1{}", " ".repeat(1024)), "1025 bytes; at most 1024"),
        (
            format!("{}1{}", "(".repeat(65), ")".repeat(65)),
            "more than 64 levels",
        ),
        (format!("{}1", "-".repeat(70)), "more than 64 levels"),
        (format!("1{}", "+1".repeat(100)), "more than 96 levels"),
    ] {
        let error = Expr::parse(&source).unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(error.offset <= source.len());
    }
}
