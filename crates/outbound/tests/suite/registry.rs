//! Pauses, misconfigured roads and their probes: time is an input, nothing here waits.

use banyan_core::Timestamp;
use banyan_core::saga::{Leg, Misconfigured, ParkCode, Road, Services};
use banyan_core::time::Duration;
use banyan_outbound::{Caller, Due, PROBE_MAX, ROADS_MAX, Registry, RoadKey, Room, Settings};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

const START: Timestamp = Timestamp(1_000_000);

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn settings() -> Settings {
    Settings::read(&json!({"instances": ["http://127.0.0.1:9"], "keys_kept": "2h"})).unwrap()
}

fn registry() -> Registry {
    let registry = Registry::new();
    registry.put("shop", settings(), START).unwrap();
    registry
}

fn road(step: &str, version: u32, leg: Leg) -> Road<'_> {
    Road {
        service: "shop",
        definition: "place_order",
        version,
        step,
        leg,
    }
}

const DO: Leg = Leg::Do;

fn answer(step: &str, whole_service: bool) -> Misconfigured {
    Misconfigured {
        service: "shop".into(),
        step: step.into(),
        leg: DO,
        whole_service,
        message: format!("shop answered 403 to {step}"),
    }
}

/// Blocks a road, or the service.
fn block(registry: &Registry, step: &str, whole_service: bool, now: Timestamp) -> bool {
    registry.mark_misconfigured(&answer(step, whole_service), "place_order", 1, now)
}

fn closed(registry: &Registry, road: &Road<'_>) -> (ParkCode, String) {
    let cause = registry.admit(road).unwrap_err();
    (cause.code, cause.message)
}

fn due(step: &str) -> Due {
    let definition = "place_order".to_owned();
    let road = RoadKey {
        definition,
        version: 1,
        step: step.into(),
        leg: DO,
    };
    Due {
        service: "shop".into(),
        road: Some(road),
        blamed: None,
    }
}

#[test]
fn a_service_that_nobody_registered_parks_its_steps() {
    let registry = registry();
    let elsewhere = Road {
        service: "pay",
        ..road("a", 1, DO)
    };
    let (code, message) = closed(&registry, &elsewhere);
    assert_eq!(code, ParkCode::Unavailable);
    assert!(message.contains("PUT /v1/services/pay"), "{message}");
    assert_eq!(registry.keys_kept("pay").to_string(), "1d");
    assert_eq!(registry.keys_kept("shop").to_string(), "2h");
    assert!(!registry.pause("pay", "", START) && !registry.resume("pay", START));
    assert!(!registry.remove("pay") && registry.view("pay").is_none());
    let mut foreign = answer("a", false);
    foreign.service = "pay".into();
    assert!(!registry.mark_misconfigured(&foreign, "place_order", 1, START));
}

#[test]
fn a_pause_parks_until_it_is_resumed_and_outlives_a_change() {
    let registry = registry();
    registry.pause("shop", "stocktaking", START);
    let expected = (
        ParkCode::Paused,
        "the service shop is paused: stocktaking".to_owned(),
    );
    assert_eq!(closed(&registry, &road("a", 1, DO)), expected);
    registry.pause("shop", "", after(5));
    assert_eq!(registry.view("shop").unwrap().paused.unwrap().since, START);
    registry.put("shop", settings(), after(6)).unwrap();
    assert_eq!(
        closed(&registry, &road("a", 1, DO)).1,
        "the service shop is paused"
    );
    assert!(registry.resume("shop", after(7)));
    assert_eq!(registry.admit(&road("a", 1, DO)), Ok(()));
}

#[test]
fn a_misconfigured_road_blocks_that_road_only() {
    let registry = registry();
    assert!(block(&registry, "a", false, START));
    let expected = (ParkCode::Misconfigured, "shop answered 403 to a".to_owned());
    assert_eq!(closed(&registry, &road("a", 1, DO)), expected);
    for other in [road("a", 2, DO), road("a", 1, Leg::Undo), road("b", 1, DO)] {
        assert_eq!(registry.admit(&other), Ok(()));
    }
    let other = Road {
        definition: "other",
        ..road("a", 1, DO)
    };
    assert_eq!(registry.admit(&other), Ok(()));
}

#[test]
fn one_call_is_let_through_as_the_probe_at_30_s_doubling_to_5_min() {
    let registry = registry();
    assert_eq!(registry.next_probe_at(), None);
    block(&registry, "a", false, START);
    let mut at = 0;
    for gap in [30, 60, 120, 240, 300, 300, 300] {
        let next = after(at + gap);
        assert_eq!(registry.next_probe_at(), Some(next));
        assert_eq!(registry.probe_due(Timestamp(next.0 - 1)), []);
        assert!(registry.admit(&road("a", 1, DO)).is_err());
        assert_eq!(registry.probe_due(next), [due("a")]);
        assert_eq!(registry.admit(&road("a", 1, DO)), Ok(()), "the probe");
        for _ in 0..3 {
            assert!(registry.admit(&road("a", 1, DO)).is_err(), "only one");
        }
        // The probe, and calls that were in flight, are answered as before.
        assert!(!block(&registry, "a", false, next), "no news");
        at += gap;
    }
    assert_eq!(PROBE_MAX, Duration::from_secs(300));
}

#[test]
fn a_probe_that_nobody_took_waits_for_the_next_call() {
    let registry = registry();
    block(&registry, "a", false, START);
    registry.probe_due(after(30));
    registry.probe_due(after(90));
    assert_eq!(registry.admit(&road("a", 1, DO)), Ok(()));
    assert!(registry.admit(&road("a", 1, DO)).is_err());
}

#[test]
fn a_good_answer_to_its_probe_opens_a_road_and_a_change_or_resume_opens_all() {
    let registry = registry();
    block(&registry, "a", false, START);
    block(&registry, "b", false, START);
    assert!(
        !registry.mark_answered(&road("a", 1, DO)),
        "it left before the block"
    );
    registry.probe_due(after(30));
    registry.admit(&road("a", 1, DO)).unwrap();
    assert!(registry.mark_answered(&road("a", 1, DO)), "news");
    assert!(!registry.mark_answered(&road("a", 1, DO)), "no news");
    assert_eq!(registry.admit(&road("a", 1, DO)), Ok(()));
    assert_eq!(registry.admit(&road("b", 1, DO)), Ok(()), "its probe");
    assert!(registry.admit(&road("b", 1, DO)).is_err());
    registry.put("shop", settings(), after(1)).unwrap();
    assert_eq!(registry.admit(&road("b", 1, DO)), Ok(()));
    block(&registry, "b", false, START);
    block(&registry, "c", true, START);
    registry.resume("shop", after(2));
    assert_eq!(registry.admit(&road("b", 1, DO)), Ok(()));
    assert_eq!(registry.next_probe_at(), None);
    // The delay begins anew.
    block(&registry, "b", false, after(100));
    assert_eq!(registry.next_probe_at(), Some(after(130)));
}

#[test]
fn a_wrong_credential_blocks_the_whole_service_and_one_probe_opens_it() {
    let registry = registry();
    block(&registry, "b", false, START);
    assert!(block(&registry, "a", true, START));
    assert!(!block(&registry, "b", true, after(1)), "no news");
    for step in ["a", "b", "c"] {
        assert_eq!(
            closed(&registry, &road(step, 7, Leg::Undo)).0,
            ParkCode::Misconfigured
        );
    }
    assert_eq!(
        registry.probe_due(after(30)),
        [
            Due {
                service: "shop".into(),
                road: None,
                blamed: due("a").road,
            },
            due("b")
        ]
    );
    assert_eq!(registry.admit(&road("a", 1, DO)), Ok(()));
    assert!(registry.admit(&road("c", 1, DO)).is_err());
    assert!(registry.mark_answered(&road("a", 1, DO)));
    assert_eq!(registry.admit(&road("a", 1, DO)), Ok(()));
    assert_eq!(registry.admit(&road("c", 1, DO)), Ok(()));
}

/// One endpoint says 401 whatever the credential: it must neither hold up the others nor be
/// called as often as they are.
#[test]
fn a_wrong_credential_is_narrowed_to_its_road_once_another_road_is_answered() {
    let registry = registry();
    block(&registry, "b", false, START);
    assert!(block(&registry, "a", true, START));
    assert!(registry.admit(&road("c", 1, DO)).is_err());
    // It had left before the block, or it is the probe: either way the credential is right.
    assert!(registry.mark_answered(&road("c", 1, DO)));
    assert_eq!(registry.admit(&road("c", 1, DO)), Ok(()));
    for due_at in [30, 90] {
        assert!(registry.admit(&road("a", 1, DO)).is_err());
        assert!(registry.admit(&road("b", 1, DO)).is_err());
        assert_eq!(registry.probe_due(after(due_at)), [due("b"), due("a")]);
        for step in ["a", "b"] {
            registry.admit(&road(step, 1, DO)).unwrap();
            // Its own probe, refused again, says nothing new and blocks nobody else.
            assert!(!block(&registry, step, step == "a", after(due_at)));
            assert_eq!(registry.admit(&road("c", 1, DO)), Ok(()));
            assert!(!registry.mark_answered(&road("c", 1, DO)), "no news");
        }
    }
    // Another road is refused too: then it is the credential.
    assert!(block(&registry, "c", true, after(99)));
    assert!(registry.admit(&road("d", 1, DO)).is_err());
}

/// What is under way counts whatever the settings were that it left by.
#[tokio::test]
async fn the_places_of_a_service_outlive_its_changes_and_are_its_own() {
    let registry = Arc::new(registry());
    registry.put("other", settings(), START).unwrap();
    let caller = Caller::new(Arc::clone(&registry));
    let mut taken = Vec::new();
    let waits = loop {
        match caller.room("shop") {
            Room::Has(Some(place)) => taken.push(place),
            Room::Has(None) => panic!("the service is registered"),
            Room::Waits(waits) => break waits,
        }
    };
    let full = registry.view("shop").unwrap().in_flight;
    assert_eq!(full, taken.len());
    registry.put("shop", settings(), after(1)).unwrap();
    registry.resume("shop", after(2));
    assert_eq!(registry.view("shop").unwrap().in_flight, full);
    assert!(matches!(caller.room("shop"), Room::Waits(_)));
    assert!(matches!(caller.room("other"), Room::Has(Some(_))));
    taken.pop();
    assert!(waits.await.is_some());
}

#[test]
fn a_paused_service_is_not_probed() {
    let registry = registry();
    block(&registry, "a", false, START);
    registry.pause("shop", "", START);
    assert_eq!(
        (registry.next_probe_at(), registry.probe_due(after(99))),
        (None, vec![])
    );
}

#[test]
fn blocked_roads_are_bounded() {
    let registry = registry();
    for number in 0..ROADS_MAX {
        assert!(block(&registry, &format!("s{number}"), false, START));
    }
    assert_eq!(
        registry.view("shop").unwrap().blocked_roads.len(),
        ROADS_MAX
    );
    assert_eq!(registry.admit(&road("other", 1, DO)), Ok(()));
    block(&registry, "one more", false, START);
    assert!(registry.admit(&road("other", 1, DO)).is_err());
    assert_eq!(registry.view("shop").unwrap().blocked_roads.len(), 0);
}

#[test]
fn a_secret_that_is_missing_blocks_the_service_until_a_probe_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let auth = json!({"bearer": {"file": file.to_str().unwrap()}});
    let settings = json!({"instances": ["http://127.0.0.1:9"], "auth": auth});
    let settings = Settings::read(&settings).unwrap();
    let registry = Registry::new();
    assert!(
        registry
            .put("shop", settings, START)
            .unwrap_err()
            .contains("token")
    );
    assert_eq!(
        closed(&registry, &road("a", 1, DO)).0,
        ParkCode::Misconfigured
    );
    assert_eq!(registry.probe_due(after(30)), [], "still missing");
    assert!(registry.admit(&road("a", 1, DO)).is_err());
    std::fs::write(&file, "s3cret").unwrap();
    assert_eq!(registry.probe_due(after(90)).len(), 1);
    assert_eq!(registry.admit(&road("a", 1, DO)), Ok(()));
    let view = serde_json::to_string(&registry.views()).unwrap();
    assert!(view.contains("token") && !view.contains("s3cret"), "{view}");
}

#[test]
fn a_service_shows_what_is_blocked_and_why() {
    let registry = registry();
    block(&registry, "a", false, START);
    let view = serde_json::to_value(registry.view("shop").unwrap()).unwrap();
    assert_eq!(
        view,
        json!({
            "name": "shop",
            "settings": {"instances": ["http://127.0.0.1:9"], "keys_kept": "2h"},
            "paused": null,
            "misconfigured": null,
            "blocked_roads": [{
                "definition": "place_order", "version": 1, "step": "a", "leg": "do",
                "message": "shop answered 403 to a",
                "since": "1970-01-01T00:16:40.000Z", "next_probe_at": "1970-01-01T00:17:10.000Z"
            }],
            "in_flight": 0,
            "instances": [{"url": "http://127.0.0.1:9", "idle_connections": 0}]
        })
    );
}

/// One thing that can happen to a road.
#[derive(Clone, Copy, Debug)]
enum Event {
    Block,
    Admit,
    Answered,
    Pass(u16),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Block),
        Just(Event::Admit),
        Just(Event::Answered),
        (0u16..400).prop_map(Event::Pass),
    ]
}

proptest! {
    #[test]
    fn between_two_probes_a_blocked_road_lets_at_most_one_call_through(
        events in proptest::collection::vec(event(), 1..80),
        whole in any::<bool>(),
    ) {
        let registry = registry();
        let (mut now, mut blocked, mut armed, mut probing) = (START, false, false, false);
        for event in events {
            match event {
                Event::Block => {
                    prop_assert_eq!(block(&registry, "a", whole, now), !blocked);
                    (blocked, probing) = (true, false);
                }
                Event::Answered => {
                    prop_assert_eq!(registry.mark_answered(&road("a", 1, DO)), probing);
                    if probing {
                        (blocked, armed, probing) = (false, false, false);
                    }
                }
                Event::Pass(seconds) => {
                    now = now.plus(Duration::from_secs(u64::from(seconds)));
                    let is_due = registry.next_probe_at().is_some_and(|at| at <= now);
                    prop_assert_eq!(!registry.probe_due(now).is_empty(), is_due);
                    prop_assert!(registry.next_probe_at().is_none_or(|at| at > now));
                    armed |= is_due;
                }
                Event::Admit => {
                    let admitted = registry.admit(&road("a", 1, DO)).is_ok();
                    prop_assert_eq!(admitted, !blocked || armed);
                    probing |= blocked && armed;
                    armed = false;
                }
            }
        }
    }
}
