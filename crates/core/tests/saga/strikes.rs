//! Every fault at every call of one saga.

use crate::world::{Fault, Strike, World};
use banyan_core::Definition;
use banyan_core::definition::{Kind, Undo};
use banyan_core::saga::{Leg, Plan};
use std::collections::BTreeMap;

/// How often a fault strikes that strikes more than once: more than any finite `retry` allows.
const OFTEN: u32 = 14;

/// Every call that a saga may make.
pub(crate) fn calls(definition: &Definition) -> Vec<(String, Leg)> {
    let mut calls = Vec::new();
    definition.each_step(&mut |step| {
        if let Kind::Call(action) = &step.kind {
            calls.push((step.path.clone(), Leg::Do));
            let check = action.check.as_ref();
            calls.extend(check.map(|_| (step.path.clone(), Leg::Check)));
        }
        if matches!(step.undo, Undo::Call(_)) {
            calls.push((step.path.clone(), Leg::Undo));
        }
        if step.confirm.is_some() {
            calls.push((step.path.clone(), Leg::Confirm));
        }
    });
    calls
}

/// A fault at a call, and what else must go wrong for that call to be made at all.
pub(crate) fn strikes(
    definition: &Definition,
    (step, leg): &(String, Leg),
    fault: Fault,
    often: bool,
) -> Vec<Strike> {
    let strike = |step: &str, leg: Leg, times: u32, fault: Fault| Strike {
        step: step.to_owned(),
        leg,
        from: 1,
        times,
        fault,
    };
    let times = if often { OFTEN } else { 1 };
    let mut all = vec![strike(step, *leg, times, fault)];
    match leg {
        Leg::Do | Leg::Confirm => {}
        Leg::Check => all.push(strike(step, Leg::Do, OFTEN, Fault::AnswerLost)),
        Leg::Undo => {
            let refused = last_refusable(definition).filter(|refused| refused != step);
            all.extend(refused.map(|refused| strike(&refused, Leg::Do, 1, Fault::Refused)));
        }
    }
    all
}

/// The last call before the pivot, or of all: refusing it undoes everything before it.
fn last_refusable(definition: &Definition) -> Option<String> {
    let mut last = None;
    definition.each_step(&mut |step| {
        let continues = step.on_refused == banyan_core::definition::OnRefused::Continue;
        if matches!(step.kind, Kind::Call(_)) && !step.after_pivot && !continues {
            last = Some(step.path.clone());
        }
    });
    last
}

pub(crate) const MIXED: &str = r#"
saga: mixed
version: 1
steps:
  - order: { do: POST orders /orders, undo: "DELETE orders /orders/{$key}" }
  - prepare:
      together:
        - stock: { do: POST stock /r, undo: "DELETE stock /r/{$key}" }
        - seats:
            steps:
              - hold: { do: POST seats /h, undo: "DELETE seats /h/{$key}" }
              - mark: { do: PUT seats /m, undo: { do: DELETE seats /m, missing: ok } }
  - approval: { wait: approved, for: 1d }
  - charge:
      do: POST payments /c
      check: GET payments /c/{$key}
      undo: { do: POST payments /refunds, body: { key: $key, sent: $body } }
  - ship: { do: POST ship /s, pivot: true, undo: "DELETE ship /s/{$key}" }
  - close: { do: PUT orders /closed }
"#;

#[test]
fn every_fault_at_every_call_leaves_ledgers_that_add_up() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let plan = Plan::new(crate::script::definition(MIXED));
    for call in calls(&plan.definition) {
        for fault in Fault::ALL {
            for often in [false, true] {
                let mut world = World::new(strikes(&plan.definition, &call, fault, often));
                let driver = world.run(&plan, serde_json::json!({}), true);
                world.verify(&driver);
                *seen.entry(driver.saga.status().as_str()).or_default() += 1;
                *seen.entry("struck").or_default() += u32::from(!world.struck.is_empty());
            }
        }
    }
    for needed in ["completed", "compensated", "stuck"] {
        assert!(seen.contains_key(needed), "{seen:?}");
    }
    assert!(seen["struck"] > 100, "{seen:?}");
}
