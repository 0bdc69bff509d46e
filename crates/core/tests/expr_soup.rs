//! Whatever stands in a file: parsing never panics, what parses evaluates without panicking,
//! and is written as it was read.

use banyan_core::expr::{Expr, Scope, Template, Text};
use proptest::prelude::*;
use std::borrow::Cow;

const TOKENS: &[&str] = &[
    ".", "..", ".a", "$input", "$x", "$__loc__", "$ENV", "$", "1", "0.5", "1e3", "1e999", "-1",
    "00", "1.", "\"a\"", "\"\\(", "\"", "\\u00e9", "\\", "(", ")", "[", "]", "{", "}", "{{", "}}",
    ",", ";", ":", "|", "?", "?//", "//", "+", "-", "*", "/", "%", "=", "|=", "==", "!=", "<",
    "<=", "and", "or", "not", "as", "$y", "if", "then", "elif", "else", "end", "try", "catch",
    "reduce", "foreach", "def", "f:", "label", "break", "import", "include", "map", "select",
    "length", "first", "limit", "range", "error", "empty", "@base64", "@json", "@nope", "@",
    "a::b", "::", "#", "\n", " ", "é", "\u{0}", "💣", "'", "&", "null", "true", "keys", "sort_by",
    "group_by", "del", "paths", "tojson", "fromjson", "split", "join", "implode", "sqrt",
    "tonumber",
];

fn soup() -> impl Strategy<Value = String> {
    let token = prop::sample::select(TOKENS);
    prop::collection::vec((token, any::<bool>()), 0..24).prop_map(|tokens| {
        tokens
            .into_iter()
            .flat_map(|(token, space)| [token, if space { " " } else { "" }])
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_language_panic(source in soup(), any in "\\PC{0,40}") {
        let input = serde_json::json!({"a": [1, {"b": "x"}], "n": -0.5});
        let mut scope = Scope::default();
        scope.bind("input", Cow::Borrowed(&input));
        for source in [format!("$input {source}"), source, any] {
            if let Ok(expr) = Expr::parse(&source) {
                let _ = expr.evaluate(&scope);
                prop_assert_eq!(String::from(expr), source.clone());
            }
            if let Ok(text) = Text::parse(&source) {
                let _ = text.evaluate_path(&scope);
                let _ = text.evaluate_text(&scope);
                prop_assert_eq!(text.source(), &source);
            }
            if let Ok(template) = Template::try_from(serde_json::Value::from(source)) {
                let value = template.evaluate(&scope);
                let written = serde_json::Value::from(template);
                let again = Template::try_from(written.clone());
                prop_assert!(again.is_ok());
                if let Ok(again) = again {
                    prop_assert_eq!(again.evaluate(&scope), value);
                    prop_assert_eq!(serde_json::Value::from(again), written);
                }
            }
        }
    }
}
