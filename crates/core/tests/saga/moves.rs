//! Moves between versions: safe and unsafe ones, as a table. Each saga that was moved is then
//! undone, and completed, and moved back, with crashes around the move; the ledgers add up.

use crate::script::{Driver, definition, line_of};
use crate::world::{Fault, Strike, World};
use banyan_core::saga::{
    Ask, Asked, Input, Leg, LegPhase, ObstacleCode, Plan, Record, Rejection, Status, Verb,
};
use serde_json::json;
use std::sync::Arc;

const FIRST: &str = r#"
saga: shop
version: 1
input: { type: object, required: [customer] }
deadline: 3d
steps:
  - order: { do: POST orders /orders, body: { customer: $input.customer }, undo: "DELETE orders /orders/{$key}" }
  - prepare:
      together:
        - stock: { do: POST stock /holds, body: { order: $order.id }, undo: "DELETE stock /holds/{$key}" }
        - fraud: { do: POST fraud /checks, undo: none }
  - total: { set: 12 }
  - lines:
      each: "[1, 2]"
      as: item
      steps:
        - pick: { do: POST stock /picks, body: { item: $item }, undo: "DELETE stock /picks/{$key}" }
  - charge:
      do: POST cards /charges
      body: { amount: $total, order: $order.id }
      undo: { do: POST cards /refunds, body: { key: $key, sent: $body } }
  - approval: { wait: approved, for: 1d }
  - ship: { do: POST parcels /parcels, undo: "DELETE parcels /parcels/{$key}" }
  - close: { do: PUT orders /closed, undo: none }
output: { order: $order.id }
"#;

/// Where a saga stands when it is asked to move.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stands {
    /// Its charge is in flight.
    Charging,
    /// Its charge was answered 503 and is tried again.
    Retrying,
    /// Its charge is done, and it waits for the approval.
    Waiting,
    /// The picks of the lines are in flight.
    Picking,
}

struct Move {
    about: &'static str,
    stands: Stands,
    /// What is replaced in the first version.
    change: Vec<(&'static str, &'static str)>,
    /// What stands in the way; nothing when it is safe.
    obstacles: Vec<(&'static str, ObstacleCode)>,
}

fn case(
    about: &'static str,
    stands: Stands,
    change: &[(&'static str, &'static str)],
    obstacles: &[(&'static str, ObstacleCode)],
) -> Move {
    Move {
        about,
        stands,
        change: change.to_vec(),
        obstacles: obstacles.to_vec(),
    }
}

const ORDER_UNDO: &str = "undo: \"DELETE orders /orders/{$key}\" }";
const SHIP: &str =
    "  - ship: { do: POST parcels /parcels, undo: \"DELETE parcels /parcels/{$key}\" }\n";
const CLOSE: &str = "  - close: { do: PUT orders /closed, undo: none }\n";
const TOTAL: &str = "  - total: { set: 12 }\n";
const PICK: &str = "        - pick: { do: POST stock /picks, body: { item: $item }, undo: \"DELETE stock /picks/{$key}\" }\n";
const BADGE: &str = "  - badge: { do: POST badges /b, undo: \"DELETE badges /b/{$key}\" }\n";

fn table() -> Vec<Move> {
    let mut all = added();
    all.extend(moved());
    all.extend(reordered());
    all.extend(contents());
    all
}

/// A step more.
fn added() -> Vec<Move> {
    use ObstacleCode::*;
    use Stands::*;
    let before = |step: &'static str| -> &'static str {
        Box::leak(format!("{BADGE}{step}").into_boxed_str())
    };
    let after = |step: &'static str| -> &'static str {
        Box::leak(format!("{step}{BADGE}").into_boxed_str())
    };
    vec![
        case("nothing but the number", Charging, &[], &[]),
        case("a step after", Waiting, &[(SHIP, after(SHIP))], &[]),
        case("a step at the end", Charging, &[(CLOSE, after(CLOSE))], &[]),
        case(
            "a step before what ran",
            Waiting,
            &[(TOTAL, before(TOTAL))],
            &[("badge", StepBefore)],
        ),
        case(
            "a step inside a group that is over",
            Waiting,
            &[(
                "        - fraud:",
                "        - ids: { do: POST fraud /ids, undo: none }\n        - fraud:",
            )],
            &[("prepare.ids", StepBefore)],
        ),
    ]
}

/// What stands where, and what no longer does.
fn moved() -> Vec<Move> {
    use ObstacleCode::*;
    use Stands::*;
    vec![
        case(
            "a run step renamed",
            Waiting,
            &[("- order:", "- purchase:"), ("$order.id", "$purchase.id")],
            &[("order", StepMissing), ("purchase", StepBefore)],
        ),
        case(
            "a run step removed",
            Waiting,
            &[(
                "        - fraud: { do: POST fraud /checks, undo: none }\n",
                "",
            )],
            &[("prepare.fraud", StepMissing)],
        ),
        case(
            "a run step taken out of its group",
            Waiting,
            &[
                (
                    "        - fraud: { do: POST fraud /checks, undo: none }\n",
                    "",
                ),
                (
                    TOTAL,
                    "  - fraud: { do: POST fraud /checks, undo: none }\n  - total: { set: 12 }\n",
                ),
            ],
            &[("fraud", StepBefore), ("prepare.fraud", StepMoved)],
        ),
    ]
}

/// What is still to come, and the order of all.
fn reordered() -> Vec<Move> {
    use ObstacleCode::*;
    use Stands::*;
    vec![
        case(
            "a step to come renamed",
            Waiting,
            &[("- ship:", "- send:")],
            &[],
        ),
        case("a step to come removed", Charging, &[(SHIP, "")], &[]),
        case(
            "the undo of a run step",
            Waiting,
            &[(
                ORDER_UNDO,
                "undo: \"DELETE orders /orders/{$key}/really\" }",
            )],
            &[("order", UndoChanged)],
        ),
        case(
            "the undo of a step to come",
            Waiting,
            &[(
                "DELETE parcels /parcels/{$key}",
                "PUT parcels /parcels/{$key}/gone",
            )],
            &[],
        ),
        case(
            "steps to come in another order",
            Charging,
            &[
                (SHIP, ""),
                (CLOSE, Box::leak(format!("{CLOSE}{SHIP}").into_boxed_str())),
            ],
            &[],
        ),
        case(
            "run steps in another order",
            Waiting,
            &[
                (TOTAL, ""),
                ("  - charge:", "  - sum: { set: 1 }\n  - charge:"),
                ("  - approval:", "  - total: { set: 12 }\n  - approval:"),
                ("amount: $total", "amount: $sum"),
            ],
            &[("total", OrderChanged), ("sum", StepBefore)],
        ),
    ]
}

/// What is in a step, and in the file.
fn contents() -> Vec<Move> {
    use ObstacleCode::*;
    use Stands::*;
    vec![
        case("another service for a run step", Waiting,
            &[("POST fraud /checks", "POST police /checks")], &[("prepare.fraud", CallChanged)]),
        case("another kind for a run step", Waiting,
            &[("- fraud: { do: POST fraud /checks, undo: none }", "- fraud: { set: 1 }")], &[("prepare.fraud", KindChanged)]),
        case("branches that ran side by side, one after another", Waiting,
            &[("      together:", "      steps:")], &[("prepare", KindChanged)]),
        case("a computed value that was read", Waiting,
            &[("set: 12", "set: 13")], &[("total", ResultChanged)]),
        case("the body of a step in retry", Retrying,
            &[("order: $order.id }\n      undo", "order: $order.id, more: 1 }\n      undo")], &[("charge", CallChanged)]),
        case("the version in what is on its way", Retrying,
            &[("amount: $total,", "amount: $total, by: 3,")], &[("charge", CallChanged)]),
        case("how often a step in retry is tried", Retrying,
            &[("order: $order.id }\n      undo", "order: $order.id }\n      retry: { attempts: 9 }\n      undo")], &[]),
        case("the body of a done step that its undo looks back to", Waiting,
            &[("amount: $total,", "amount: 5,")], &[("charge", BodyChanged)]),
        case("the body of a done step that no undo looks back to", Waiting,
            &[("body: { customer: $input.customer }", "body: { who: $input.customer }")], &[]),
        case("the deadline", Charging, &[("deadline: 3d", "deadline: 9d")], &[]),
        case("how long it is kept", Charging, &[("deadline: 3d", "deadline: 3d\nkeep: 9d")], &[]),
        case("how long a wait lasts that has begun", Waiting, &[("for: 1d", "for: 2d")], &[]),
        case("another signal for a wait that has begun", Waiting, &[("wait: approved", "wait: agreed")], &[("approval", StepChanged)]),
        case("a pivot to come", Waiting, &[("- ship: { do: POST parcels /parcels,", "- ship: { do: POST parcels /parcels, pivot: true,")], &[]),
        case("a pivot behind", Waiting, &[("      do: POST cards /charges\n", "      do: POST cards /charges\n      pivot: true\n")],
            &[("charge", PivotChanged), ("approval", PivotChanged), ("approval", StepChanged)]),
        case("a refusal that no longer turns back", Waiting, &[("wait: approved,", "wait: approved, on_refused: continue,")], &[("approval", StepChanged)]),
        case("a schema that the input holds to", Waiting, &[("required: [customer]", "required: [customer, cart]")], &[]),
        case("a schema that the input does not hold to", Waiting, &[("required: [customer]", "required: [email]")], &[("", InputInvalid)]),
        case("another definition", Waiting, &[("saga: shop", "saga: other_shop")], &[("", AnotherDefinition)]),
        case("a step after in every item", Picking, &[(PICK, Box::leak(format!("{PICK}        - pack: {{ do: POST stock /packs, undo: \"DELETE stock /packs/{{$key}}\" }}\n").into_boxed_str()))], &[]),
        case("a step before in every item", Picking,
            &[("        - pick:", "        - find: { do: GET stock /places }\n        - pick:")],
            &[("lines[0].find", StepBefore), ("lines[1].find", StepBefore)]),
        case("a step after in items that are over", Waiting,
            &[(PICK, Box::leak(format!("{PICK}        - pack: {{ do: POST stock /packs, undo: none }}\n").into_boxed_str()))],
            &[("lines[0].pack", StepBefore), ("lines[1].pack", StepBefore)]),
    ]
}

fn plans(case: &Move) -> (Arc<Plan>, Arc<Plan>) {
    let mut source = FIRST.replace("version: 1", "version: 2");
    for (from, to) in &case.change {
        assert!(source.contains(from), "{}: {from}", case.about);
        source = source.replace(from, to);
    }
    (Plan::new(definition(FIRST)), Plan::new(definition(&source)))
}

/// A saga of the first version that stands there.
fn stand(case: &Move, first: &Arc<Plan>, second: &Arc<Plan>) -> (World, Driver) {
    let strikes = Strike {
        step: "charge".into(),
        leg: Leg::Do,
        from: 1,
        times: 1,
        fault: Fault::Unavailable,
    };
    let strikes = Vec::from_iter((case.stands == Stands::Retrying).then_some(strikes));
    let mut world = World::new(strikes);
    world.keeps_tombstones(first);
    world.keeps_tombstones(second);
    let input = json!({ "customer": "c-9", "cart": 17 });
    let mut driver = Driver::begin(Arc::clone(first), input, true);
    driver.plans.push(Arc::clone(second));
    let until = if case.stands == Stands::Picking {
        "lines[0].pick"
    } else {
        "charge"
    };
    world.go_until(&mut driver, until, Leg::Do);
    if matches!(case.stands, Stands::Retrying | Stands::Waiting) {
        world.call_one(&mut driver);
    }
    let phase = &driver.saga.steps[4].forward.phase;
    let retries = matches!(phase, LegPhase::Retry { .. });
    assert_eq!(
        retries,
        case.stands == Stands::Retrying,
        "{}",
        driver.saga.draw()
    );
    (world, driver)
}

fn to(plan: &Arc<Plan>) -> Input {
    let (plan, children) = (Arc::clone(plan), Default::default());
    Input::asked(Ask::Move { plan, children }, "a mend", "someone")
}

#[test]
fn a_move_is_taken_where_it_is_proven_safe_and_nowhere_else() {
    let mut wrong = Vec::new();
    for case in table() {
        let (first, second) = plans(&case);
        let (_, mut driver) = stand(&case, &first, &second);
        let before = driver.saga.seq;
        let result = driver.handle(to(&second));
        let found: Vec<(String, ObstacleCode)> = match result {
            Ok(_) => Vec::new(),
            Err(Rejection::NotSafe { obstacles, .. }) => obstacles
                .into_iter()
                .map(|one| (one.path.unwrap_or_default(), one.code))
                .collect(),
            Err(other) => panic!("{}: {other}", case.about),
        };
        let expected: Vec<(String, ObstacleCode)> = case
            .obstacles
            .iter()
            .map(|(path, code)| ((*path).to_owned(), *code))
            .collect();
        if found != expected {
            wrong.push(format!("{}: {found:?}, not {expected:?}", case.about));
            continue;
        }
        let moved = driver.saga.plan.definition.version == 2;
        assert_eq!(moved, expected.is_empty(), "{}", case.about);
        assert!(
            moved || driver.saga.seq == before,
            "{}: nothing was recorded",
            case.about
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What follows a move.
#[derive(Clone, Copy, Debug)]
enum Then {
    Cancel,
    Complete,
    BackAndCancel,
    CrashAround,
}

#[test]
fn every_saga_that_was_moved_is_undone_or_completed_and_the_ledgers_add_up() {
    for case in table().iter().filter(|case| case.obstacles.is_empty()) {
        for then in [
            Then::Cancel,
            Then::Complete,
            Then::BackAndCancel,
            Then::CrashAround,
        ] {
            let (first, second) = plans(case);
            let (mut world, mut driver) = stand(case, &first, &second);
            if matches!(then, Then::CrashAround) {
                driver.crash();
            }
            let moved = driver.handle(to(&second));
            assert_eq!(moved, Ok(false), "{} {then:?}", case.about);
            driver.refold_whole();
            match then {
                Then::Complete => {}
                Then::Cancel => line_of(&mut driver, "cancel enough"),
                Then::BackAndCancel => {
                    assert_eq!(
                        driver.handle(to(&first)),
                        Ok(false),
                        "{}: the way back",
                        case.about
                    );
                    assert_eq!(driver.saga.plan.definition.version, 1);
                    line_of(&mut driver, "cancel enough");
                }
                Then::CrashAround => {
                    driver.crash();
                    line_of(&mut driver, "cancel enough");
                }
            }
            world.go(&mut driver);
            let story = format!("{} {then:?}\n{}", case.about, driver.saga.draw());
            let expected = match then {
                Then::Complete => Status::Completed,
                Then::Cancel | Then::BackAndCancel | Then::CrashAround => Status::Compensated,
            };
            assert_eq!(driver.saga.status(), expected, "{story}");
            world.verify(&driver);
            let undone = world
                .order
                .iter()
                .filter(|mark| mark.starts_with('-'))
                .count();
            match then {
                Then::Complete => assert_eq!(undone, 0, "{story}"),
                _ => assert!(undone >= 3, "{story}"),
            }
        }
    }
}

#[test]
fn only_a_running_saga_is_moved_and_only_as_it_was_seen() {
    let still = case("", Stands::Waiting, &[], &[]);
    let (first, second) = plans(&still);
    let (mut world, mut driver) = stand(&still, &first, &second);
    assert!(driver.saga.allowed().contains(&Verb::Move));
    let seen = driver.saga.seq;
    let at = |seq| {
        let (plan, children) = (Arc::clone(&second), Default::default());
        Input::Asked(Box::new(Asked {
            what: Ask::Move { plan, children },
            reason: "a mend".into(),
            actor: "someone".into(),
            expected_seq: Some(seq),
            operation: None,
        }))
    };
    assert_eq!(
        driver.handle(at(seen - 1)),
        Err(Rejection::ChangedSince { seq: seen })
    );
    assert_eq!(driver.handle(at(seen)), Ok(false));
    assert_eq!(driver.saga.seq, seen + 1);
    let again = driver.handle(to(&second));
    assert_eq!(
        (again, driver.saga.seq),
        (Ok(true), seen + 1),
        "it is there already"
    );
    line_of(&mut driver, "cancel enough");
    assert!(!driver.saga.allowed().contains(&Verb::Move));
    assert!(matches!(
        driver.handle(to(&first)),
        Err(Rejection::NotAllowedNow { .. })
    ));
    world.go(&mut driver);
    assert!(matches!(
        driver.handle(to(&first)),
        Err(Rejection::NotAllowedNow { .. })
    ));
    let moves = driver
        .journal
        .iter()
        .filter(|entry| matches!(entry.record, Record::Moved { .. }));
    assert_eq!(moves.count(), 1);
}

#[test]
fn what_would_change_is_told_in_words_and_only_of_what_is_to_come() {
    let change = [
        (SHIP, ""),
        ("set: 12", "set: 13"),
        ("deadline: 3d", "deadline: 9d"),
    ];
    let case = case("", Stands::Waiting, &change, &[]);
    let (first, second) = plans(&case);
    let (_, driver) = stand(&case, &first, &second);
    let words: Vec<String> = driver
        .saga
        .changes(&second)
        .into_iter()
        .map(|one| one.message)
        .collect();
    expect_test::expect!["ship: the step is gone, it was a call"].assert_eq(&words.join("\n"));
}
