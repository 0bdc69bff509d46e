//! Templates (JSON with expressions in it) and texts (words with expressions between them).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

use banyan_core::Json;
use banyan_core::expr::{Cause, EvalError, Expr, Part, Scope, Template, Text};
use serde_json::json;
use std::borrow::Cow;

fn with_scope<T>(work: impl FnOnce(&Scope<'_>) -> T) -> T {
    let input = json!({
        "id": "o-1", "n": 7, "yes": true, "none": null, "empty": "", "dot": ".", "dots": "..",
        "odd": "a/b?c#d e%ü:\\{}", "list": [1], "object": {}, "line": "a\nb", "big": 1,
        "url": "https://example.com/a?b"
    });
    let mut scope = Scope::default();
    scope.bind("input", Cow::Borrowed(&input));
    scope.bind_unreadable(
        "result",
        EvalError {
            cause: Cause::Unreadable,
            message: "the answer's body was no JSON".to_owned(),
        },
    );
    work(&scope)
}

fn template(json: &Json) -> Result<Json, EvalError> {
    let template = Template::try_from(json.clone()).unwrap();
    with_scope(|scope| template.evaluate(scope))
}

fn path(source: &str) -> Result<String, EvalError> {
    let text = Text::parse(source).unwrap();
    with_scope(|scope| text.evaluate_path(scope))
}

fn text(source: &str) -> Result<Option<String>, EvalError> {
    let text = Text::parse(source).unwrap();
    with_scope(|scope| text.evaluate_text(scope))
}

#[test]
fn templates_compute_what_begins_with_a_dollar_and_a_letter() {
    for (from, to) in [
        (json!("$input.n"), json!(7)),
        (
            json!({"a": ["$input.id", "plain"], "b": 1}),
            json!({"a": ["o-1", "plain"], "b": 1}),
        ),
        (json!("$$input.n"), json!("$input.n")),
        (json!("$5"), json!("$5")),
        (json!("$"), json!("$")),
        (json!("$$"), json!("$")),
        (json!("$_x"), json!("$_x")),
        (json!(" $input.n"), json!(" $input.n")),
        (json!({"$input.n": "$input.n"}), json!({"$input.n": 7})),
        (json!([]), json!([])),
        (json!(null), json!(null)),
    ] {
        assert_eq!(template(&from).unwrap(), to, "{from}");
    }
}

#[test]
fn templates_are_written_as_they_were_read() {
    for source in [
        r#"{"a":["$input.id","$$x",1.50],"b":{"c":"$input | length"},"d":"$$$$","e":"$1"}"#,
        r#""$input.n""#,
        r#"{"z":1,"a":{"$x":null}}"#,
        r#"["$$a",{"b":"$$b"}]"#,
        "1.000",
    ] {
        let template: Template = serde_json::from_str(source).unwrap();
        assert_eq!(serde_json::to_string(&template).unwrap(), source);
    }
    let literal = Template::try_from(json!({"a": ["$$x"]})).unwrap();
    assert_eq!(literal.literal(), Some(&json!({"a": ["$x"]})));
    assert!(literal.expressions().is_empty());
}

#[test]
fn templates_name_their_expressions_in_order() {
    let template = Template::try_from(json!({"a": ["$input.b", 1], "c": {"d": "$order"}})).unwrap();
    let sources: Vec<&str> = template
        .expressions()
        .into_iter()
        .map(Expr::source)
        .collect();
    assert_eq!(sources, ["$input.b", "$order"]);
}

#[test]
fn a_template_that_does_not_parse_is_refused() {
    let error = Template::try_from(json!({"a": "$input.("})).unwrap_err();
    assert!(error.message.contains("missing"), "{error}");
    let read: Result<Template, _> = serde_json::from_str(r#"{"a": "$x |"}"#);
    assert!(read.is_err());
}

#[test]
fn the_value_of_a_template_nests_no_deeper_than_a_payload_may() {
    let mut deep = json!(1);
    for _ in 0..56 {
        deep = json!([deep]);
    }
    let mut scope = Scope::default();
    scope.bind("deep", Cow::Borrowed(&deep));
    let mut wrapped = json!("$deep");
    for _ in 0..8 {
        wrapped = json!({ "a": wrapped });
    }
    let fits = Template::try_from(wrapped.clone()).unwrap();
    assert!(fits.evaluate(&scope).is_ok());
    let over = Template::try_from(json!([wrapped])).unwrap();
    assert_eq!(over.evaluate(&scope).unwrap_err().cause, Cause::TooCostly);
}

#[test]
fn paths_take_a_value_as_one_segment() {
    for (source, expected) in [
        ("/orders/{$input.id}/closed", "/orders/o-1/closed"),
        ("/n/{$input.n}/{$input.yes}", "/n/7/true"),
        ("/{$input.odd}", "/a%2Fb%3Fc%23d%20e%25%C3%BC%3A%5C%7B%7D"),
        ("/{$input | {a: .id} | .a}", "/o-1"),
        ("/{\"}\\({a: \"}\"} | .a)\"}", "/%7D%7D"),
        ("/{{literal}}", "/{literal}"),
        ("/plain", "/plain"),
        ("{$input.id}{$input.n}", "o-17"),
        ("$input.id", "o-1"),
    ] {
        assert_eq!(path(source).unwrap(), expected, "{source}");
    }
}

#[test]
fn paths_refuse_what_would_lead_elsewhere() {
    for (source, words) in [
        ("/{$input.none}", "`$input.none` is null"),
        ("/{$input.missing}", "`$input.missing` is null"),
        ("/{$input.empty}", "the empty string"),
        ("/{$input.dot}", "is `.`"),
        ("/{$input.dots}", "is `..`"),
        ("/{$input.list}", "is an array"),
        ("/{$input.object}", "is an object"),
    ] {
        let error = path(source).unwrap_err();
        assert_eq!(error.cause, Cause::BadValue, "{source}");
        assert!(error.message.contains(words), "{source}: {error}");
    }
}

#[test]
fn texts_take_scalars_without_control_characters() {
    assert_eq!(text("a {$input.n} b").unwrap().as_deref(), Some("a 7 b"));
    assert_eq!(
        text("$input.url").unwrap().as_deref(),
        Some("https://example.com/a?b")
    );
    assert_eq!(text("$input.none").unwrap(), None);
    assert_eq!(text("{$input.none}").unwrap(), None);
    assert_eq!(text("$$input").unwrap().as_deref(), Some("$input"));
    assert_eq!(text("$${$input.n}").unwrap().as_deref(), Some("$7"));
    assert_eq!(text("").unwrap().as_deref(), Some(""));
    for (source, words) in [
        ("x {$input.none}", "is null"),
        ("{$input.line}", "control character U+000A"),
        ("$input.list", "is an array"),
    ] {
        let error = text(source).unwrap_err();
        assert_eq!(error.cause, Cause::BadValue, "{source}");
        assert!(error.message.contains(words), "{source}: {error}");
    }
}

#[test]
fn a_value_that_cannot_be_read_is_an_error_only_when_it_is_read() {
    for source in [
        "$result",
        "$result.id",
        "$result // 1",
        "try $result catch 1",
        "[$result]",
    ] {
        let expr = Expr::parse(source).unwrap();
        let error = with_scope(|scope| expr.evaluate(scope)).unwrap_err();
        assert_eq!(error.cause, Cause::Unreadable, "{source}");
    }
    let expr = Expr::parse("if true then 1 else $result end").unwrap();
    assert_eq!(with_scope(|scope| expr.evaluate(scope)).unwrap(), json!(1));
}

#[test]
fn texts_that_do_not_parse_say_where() {
    for (source, offset, words) in [
        ("/a/{$x", 3, "never closed"),
        ("/a}b", 2, "closes nothing"),
        ("/a/{}", 4, "empty"),
        ("/a/{$x | nope}", 9, "no function `nope`"),
        ("/a/{$x}/{1 +}", 12, "missing"),
    ] {
        let error = Text::parse(source).unwrap_err();
        assert!(error.message.contains(words), "{source}: {error}");
        assert_eq!(error.offset, offset, "{source}: {error}");
    }
}

#[test]
fn texts_keep_their_source_and_name_their_parts() {
    let text = Text::parse("/a/{$x.b}/c").unwrap();
    assert_eq!(serde_json::to_string(&text).unwrap(), r#""/a/{$x.b}/c""#);
    let [
        Part::Literal(before),
        Part::Expr(expr, 4),
        Part::Literal(after),
    ] = text.parts()
    else {
        panic!("{text:?}");
    };
    assert_eq!(
        (before.as_str(), expr.source(), after.as_str()),
        ("/a/", "$x.b", "/c")
    );
}

#[test]
fn variables_are_the_free_ones_with_their_first_use() {
    for (source, expected) in [
        (
            "$input.a + $order.b + $input.c",
            vec![("input", 0), ("order", 11)],
        ),
        ("$a as $b | $b + $c", vec![("a", 0), ("c", 16)]),
        ("reduce $xs[] as $x (0; . + $x)", vec![("xs", 7)]),
        ("$a as {k: [$p, $q]} | $p + $q", vec![("a", 0)]),
        ("($a as $x | $x) + $x", vec![("a", 1), ("x", 18)]),
        ("\"\\($deep)\"", vec![("deep", 3)]),
        ("{$short}", vec![("short", 1)]),
        ("$list[$at]", vec![("list", 0), ("at", 6)]),
        ("1", vec![]),
    ] {
        let expr = Expr::parse(source).unwrap();
        assert_eq!(expr.variables(), expected, "{source}");
    }
}

#[test]
fn a_later_binding_hides_an_earlier_one_and_values_may_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Expr>();
    shared::<Template>();
    shared::<Text>();
    let (first, second) = (json!(1), json!(2));
    let mut scope = Scope::default();
    scope.bind("x", Cow::Borrowed(&first));
    scope.bind("x", Cow::Borrowed(&second));
    assert_eq!(
        Expr::parse("$x + 0").unwrap().evaluate(&scope).unwrap(),
        json!(2)
    );
    assert!(Expr::parse("$x > 1").unwrap().holds(&scope).unwrap());
    assert!(
        !Expr::parse("$x.y?")
            .unwrap()
            .holds(&scope)
            .is_ok_and(|holds| holds)
    );
}

#[test]
fn what_the_language_leaves_out_is_refused_with_what_to_write_instead() {
    for (source, words, help) in [
        ("$x | def f: 1; f", "`def f`", "as"),
        ("$x | ..", "`..` has no bound", "name the path"),
        ("$x | recurse", "`recurse` has no bound", "reduce"),
        ("$x | until(. > 3; . + 1)", "`until` has no bound", "reduce"),
        ("range(0; 10; 0)", "`range` takes one or two", "range(5)"),
        ("input", "`input` reads", "$input"),
        ("$ENV.HOME", "the environment", "input"),
        ("env", "the environment", "input"),
        ("now", "the clock", "$saga.started_at"),
        ("halt", "end the process", "refuse"),
        ("$x | test(\"a\")", "regular expressions", "contains"),
        ("$x | .a = 1", "assignments", "=="),
        ("$x | .a |= 1", "assignments", "=="),
        ("label $out | 1", "`label` and `break`", "first"),
        (
            "$x | lenght",
            "no function `lenght`",
            "did you mean `length`?",
        ),
        (
            "$x | startwith(\"a\")",
            "no function `startwith`",
            "did you mean `startswith`?",
        ),
        (
            "input_amount",
            "no function `input_amount`",
            "$input_amount",
        ),
        ("$x | map(.a; .b)", "`map` takes 1 arguments, not 2", ";"),
        (
            "$x | split(\"a\"; \"g\")",
            "`split` takes 1 arguments, not 2",
            ";",
        ),
        ("$x | @sh", "`@sh` is a format", "@json"),
        ("@csv \"\\($x)\"", "`@csv` is a format", "@json"),
        (".amount > 1", "an expression has no input", "$input.amount"),
        (
            "length",
            "`length` has no value to work on",
            "$input.items | length",
        ),
        ("$x # all", "`#` has no place", "YAML"),
        ("$x == 'a'", "found `'`", "double quotes"),
        ("$x && $y", "found `&`", "write `and`"),
        ("$x | del(.a | .b)", "`del` takes paths", "del(.secret"),
        ("$__loc__", "`$__loc__` is not in the language", ""),
        ("01", "no number as JSON", "zeros"),
    ] {
        let error = Expr::parse(source).expect_err(source);
        assert!(error.message.contains(words), "{source}: {error}");
        let said = error.help.clone().unwrap_or_default();
        assert!(said.contains(help), "{source}: {said}");
        assert!(error.offset <= source.len(), "{source}");
    }
}
