//! What two versions differ in, in words: pairs of files, and the sentences they give.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use banyan_core::Definition;
use banyan_core::language::{Surroundings, check};
use banyan_core::versions::diff;
use expect_test::{Expect, expect};

fn definition(rest: &str) -> Definition {
    let source = format!("saga: s\nversion: 1\n{rest}");
    let checked = check(&source, &Surroundings::default());
    let problems = checked.diagnostics;
    checked
        .definition
        .unwrap_or_else(|| panic!("{problems:#?}\n{source}"))
}

fn said(from: &str, to: &str) -> String {
    let found = diff(&definition(from), &definition(to));
    found
        .iter()
        .map(|one| format!("{}\n", one.message))
        .collect()
}

/// Steps in short, one a line, each in braces of its own.
fn steps(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  - {line}\n")).collect();
    format!("steps:\n{}", lines.concat())
}

fn of_steps(from: &[&str], to: &[&str], expected: Expect) {
    expected.assert_eq(&said(&steps(from), &steps(to)));
}

const ORDER: &str =
    "order: { do: POST orders /orders, undo: 'DELETE orders /orders/by-key/{$key}' }";
const A: &str = "a: { set: 1 }";
const B: &str = "b: { set: 2 }";
const C: &str = "c: { set: 3 }";

#[test]
fn nothing_differs_where_only_the_version_does() {
    let (mut one, other) = (definition(&steps(&[ORDER])), definition(&steps(&[ORDER])));
    one.version = 7;
    one.hash = "another".to_owned();
    assert_eq!(diff(&one, &other), []);
}

#[test]
fn the_documents_keys() {
    let from = "deadline: 3d\nkeep: 30d\ndescription: Old.\nlabels: { a: $input.a, b: $input.b }\nsteps: [{ a: { set: 1 } }]\noutput: { a: $a }\n";
    let to = "deadline: 2d\nkeep: 400d\nlabels: { a: $input.x, c: $input.c }\nsteps: [{ a: { set: 1 } }]\noutput: $a\n";
    expect![[r#"
        description: gone, it was Old.
        labels.a: $input.a became $input.x
        labels.c: new, $input.c
        labels.b: gone, it was $input.b
        deadline: 3d became 2d
        keep: 30d became 400d
        output: {"a":"$a"} became $a
    "#]]
    .assert_eq(&said(from, to));
}

#[test]
fn the_inputs_schema_is_told_by_its_members() {
    let from = "input: { type: object, required: [a], properties: { a: { type: string }, l: { type: array, items: { type: object, properties: { n: { minimum: 1 } } } }, o: { type: string } } }\n";
    let to = "input: { type: object, required: [amount], properties: { a: { type: string, minLength: 1 }, l: { type: array, items: { type: object, required: [n], properties: { n: { minimum: 2 } } } }, amount: { type: number } }, additionalProperties: false }\n";
    let steps = steps(&[A]);
    expect![[r#"
        input: `amount` is required now
        input: `a` is no longer required
        input: minLength of `a` is new: 1
        input: `l[].n` is required now
        input: minimum of `l[].n` changed from 1 to 2
        input: `amount` is described now: {"type":"number"}
        input: `o` is no longer described
        input: additionalProperties is new: false
    "#]]
    .assert_eq(&said(&format!("{from}{steps}"), &format!("{to}{steps}")));
    expect![[r#"
        input: its schema is gone, it was {"type":"object","required":["a"],"properties":{"a":{"type":"string"},"l":{"type…
    "#]]
    .assert_eq(&said(&format!("{from}{steps}"), &steps));
}

#[test]
fn steps_that_are_new_gone_renamed_and_moved() {
    of_steps(
        &[A, B],
        &[A, C, B],
        expect![[r#"
        c: new step, between a and b
    "#]],
    );
    of_steps(
        &[A, B, C],
        &[C],
        expect![[r#"
        a: the step is gone, it was a set
        b: the step is gone, it was a set
    "#]],
    );
    of_steps(
        &[A, B, C],
        &[C, A, B],
        expect![[r#"
        c: moved, it stands before a now
    "#]],
    );
    of_steps(
        &[A, B],
        &[A, "better: { set: 2 }"],
        expect![[r#"
        better: it was named b
    "#]],
    );
    of_steps(
        &["g: { steps: [{ a: { set: 1 } }, { b: { set: 2 } }] }", C],
        &["g: { together: [{ a: { set: 1 } }, { c: { set: 3 } }] }", B],
        expect![[r#"
            g: it is a group side by side now, it was a sequence
            c: moved, it stands within g now, it stood at the top
            b: moved, it stands at the top now, it stood within g
        "#]],
    );
    of_steps(
        &["g: { steps: [{ a: { set: 1 } }, { b: { set: 2 } }] }"],
        &["h: { steps: [{ a: { set: 1 } }, { b: { set: 2 } }] }"],
        expect![[r#"
            h: it was named g
        "#]],
    );
}

#[test]
fn what_a_call_sends_and_how_it_is_taken_back() {
    of_steps(
        &[
            "pay: { do: POST pay /charges, body: { a: $input.a }, undo: { do: POST pay /refunds, body: { k: $key } } }",
        ],
        &[
            "pay: { do: 'PUT bank /charges/{$key}', timeout: 5s, retry: { attempts: 3, factor: 1.5 }, headers: { X-A: b }, check: 'GET bank /charges/{$key}', undo: { do: 'DELETE pay /charges/{$key}', missing: ok, look_again: never }, pivot: true }",
        ],
        expect![[r#"
            pay: it is the pivot now
            pay: the do's method changed from POST to PUT
            pay: the do's service changed from pay to bank
            pay: the do's path changed from /charges to /charges/{$key}
            pay: the do's body is gone, it was {"a":"$input.a"}
            pay: the do's headers.x-a is new: b
            pay: the do's timeout changed from 10s to 5s
            pay: the do's retry.attempts changed from 5 to 3
            pay: the do's retry.factor changed from 2 to 1.5
            pay: the check is new: GET bank /charges/{$key}
            pay: the undo's method changed from POST to DELETE
            pay: the undo's path changed from /refunds to /charges/{$key}
            pay: the undo's body is gone, it was {"k":"$key"}
            pay: the undo takes not found as final now
            pay: the undo is repeatable now
            pay: the undo's second look changed from 1m to never
        "#]],
    );
    of_steps(
        &[ORDER],
        &["order: { do: POST orders /orders, undo: none, once: true, on_refused: continue }"],
        expect![[r#"
            order: a refusal is passed over now
            order: an unknown outcome waits for a person now
            order: it is sent once only now
            order: the undo changed from DELETE orders /orders/by-key/{$key} to none
        "#]],
    );
}

#[test]
fn the_other_kinds() {
    of_steps(
        &[
            "w: { wait: told, for: 2d, accepts: { type: object, required: [ok] } }",
            "s: { sleep: 1h }",
            "u: { until: $input.at }",
            "v: { set: $input.a }",
            "r: { when: $input.x, refuse: No. }",
        ],
        &[
            "w: { wait: asked, for: 1d, refused_when: $result.no, accepts: { type: object } }",
            "s: { until: $input.at }",
            "u: { until: $input.then }",
            "v: { set: [1] }",
            "r: { refuse: Never., when: $input.y }",
        ],
        expect![[r#"
            w: accepts: `ok` is no longer required
            w: its signal changed from told to asked
            w: how long it waits changed from 2d to 1d
            w: when the signal means no is new: $result.no
            s: it is an until now, it was a sleep
            u: its moment changed from $input.at to $input.then
            v: its value changed from $input.a to [1]
            r: its condition changed from $input.x to $input.y
            r: its message changed from No. to Never.
        "#]],
    );
}

#[test]
fn each_is_told_with_what_it_does_for_an_item() {
    of_steps(
        &[
            "l: { each: $input.l, as: item, do: POST x /a, undo: none }",
            "m: { each: $input.m, as: item, steps: [{ a: { set: $item } }] }",
        ],
        &[
            "l: { each: $input.x, as: line, limit: 2, do: POST x /b, undo: none }",
            "m: { each: $input.m, as: item, steps: [{ a: { set: $item.b } }, { c: { set: 1 } }] }",
        ],
        expect![[r#"
            l: its list changed from $input.l to $input.x
            l: its item's name changed from item to line
            l: how many items at once changed from 8 to 2
            l: the do's path changed from /a to /b
            a: its value changed from $item to $item.b
            c: new step, after a, within m
        "#]],
    );
}

#[test]
fn a_renamed_each_is_still_the_same() {
    of_steps(
        &["l: { each: $input.l, as: item, do: POST x /a, undo: none }"],
        &["lines: { each: $input.l, as: item, do: POST x /a, undo: none }"],
        expect![[r#"
            lines: it was named l
        "#]],
    );
}

#[test]
fn each_difference_says_where_and_what() {
    let from = steps(&["g: { steps: [{ a: { sleep: 1s } }] }"]);
    let to = steps(&["g: { steps: [{ a: { sleep: 2s } }] }"]);
    let found = diff(&definition(&from), &definition(&to));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path.as_deref(), Some("g.a"));
    assert_eq!(found[0].what, "sleep");
    assert_eq!((&found[0].from, &found[0].to), (&"1s".into(), &"2s".into()));
}

#[test]
fn whatever_changes_in_a_generated_saga_is_told() {
    for seed in 0..40 {
        let one = banyan_core::testkit::generate(seed);
        let other = banyan_core::testkit::generate(seed + 1);
        let read = |source: &str| check(source, &Surroundings::default()).definition.unwrap();
        let (mut one, mut other) = (read(&one), read(&other));
        assert_eq!(diff(&one, &one), [], "seed {seed}");
        let found = diff(&one, &other);
        for definition in [&mut one, &mut other] {
            definition.name.clear();
            definition.version = 1;
            definition.hash.clear();
        }
        let same = serde_json::to_value(&one).unwrap() == serde_json::to_value(&other).unwrap();
        assert_eq!(found.is_empty(), same, "seed {seed}");
    }
}
