//! The reference page of expressions, run: every example gives what the page says, every
//! function of the language is on it, and everything that it calls left out is refused.

use banyan_core::expr::{self, Expr, Scope};

const PAGE: &str = include_str!("../../../docs/reference/expressions.md");

/// The spans between backticks of a line, with what stands behind each.
fn spans(line: &str) -> Vec<(&str, &str)> {
    let pieces: Vec<&str> = line.split('`').collect();
    (1..pieces.len())
        .step_by(2)
        .map(|place| (pieces[place], pieces.get(place + 1).copied().unwrap_or("")))
        .collect()
}

fn section(title: &str) -> Vec<&'static str> {
    PAGE.lines()
        .skip_while(|line| line.trim_start_matches('#').trim() != title || !line.starts_with('#'))
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .collect()
}

#[test]
fn every_example_gives_what_the_page_says() {
    let mut run = 0;
    for line in PAGE.lines() {
        let spans = spans(line);
        for pair in spans.windows(2) {
            let [(source, between), (expected, _)] = pair else {
                continue;
            };
            if between.trim() != "→" || *source == "expression" {
                continue;
            }
            let expr = Expr::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
            let value = expr
                .evaluate(&Scope::default())
                .unwrap_or_else(|error| panic!("{source}: {error}"));
            assert_eq!(&value.to_string(), expected, "{source}");
            run += 1;
        }
    }
    assert!(run >= 160, "only {run} examples were found");
}

#[test]
fn every_function_stands_on_the_page_with_an_example() {
    let lines = section("Functions");
    for (name, arguments) in expr::functions() {
        let documented = lines.iter().any(|line| {
            line.starts_with("- ")
                && line.contains('→')
                && spans(line).iter().any(|(span, _)| {
                    let (word, rest) = span.split_once('(').unwrap_or((span, ""));
                    let count = match rest {
                        "" => 0,
                        rest => rest.split(';').count(),
                    };
                    word == name && count == arguments
                })
        });
        assert!(
            documented,
            "`{name}` with {arguments} arguments is not on the page"
        );
        let used = PAGE
            .lines()
            .flat_map(spans)
            .any(|(span, behind)| behind.trim() == "→" && span.contains(name));
        assert!(used, "`{name}` has no example");
    }
}

#[test]
fn what_the_page_calls_left_out_is_refused() {
    let mut refused = 0;
    for line in section("What is left out") {
        let Some((_, examples)) = line
            .strip_prefix("- ")
            .and_then(|line| line.split_once(": "))
        else {
            continue;
        };
        for (source, _) in spans(examples) {
            let error = Expr::parse(source).expect_err(source);
            assert!(!error.message.is_empty(), "{source}");
            assert!(error.offset <= source.len(), "{source}");
            assert!(error.help.is_some(), "{source}: {error}");
            refused += 1;
        }
    }
    assert!(refused >= 30, "only {refused} were found");
}
