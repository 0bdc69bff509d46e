//! Why a saga waits, in words: one saga for every kind of waiting, and for the ways in which
//! each comes about. The words stand in `waiting.txt`.

use crate::family::Family;
use crate::script::{Driver, play, play_in_line};
use banyan_core::id::Id;
use banyan_core::saga::{Saga, Status, Waiting, WaitingKind};
use expect_test::expect_file;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write;

const TRIP: &str = r#"
saga: trip
version: 1
steps:
  - hotel:
      do: POST hotel /b
      check: GET hotel /b/{$key}
      retry: { attempts: 2 }
      undo: { do: POST hotel /cancellations, retry: { attempts: 3 } }
      confirm: PUT hotel /b/{$key}/confirmed
  - told: { wait: told, for: 1d }
  - nap: { sleep: 1h }
  - ticket: { do: PUT train /t, pivot: true }
  - bill: { do: POST bills /b }
"#;

const SLOW: &str = r#"
saga: slow
version: 1
steps:
  - film:
      do: POST render /jobs
      reply: later
      for: 1h
      check: GET render /jobs/{$key}
      undo: DELETE render /jobs/{$key}
  - wire:
      do: POST bank /w
      pending_when: $result.state == "open"
      every: 1m
      for: 5m
      check: GET bank /w/{$key}
      undo: DELETE bank /w/{$key}
  - last: { do: POST mail /m, undo: none }
"#;

const LOCKED: &str = "
saga: pay
version: 1
lock: $input.account
steps:
  - charge: { do: POST payments /charges, undo: none }
";

const CHILD: &str = "
saga: insure
version: 3
steps:
  - quote: { do: POST quotes /quotes, undo: none }
";

const PARENT: &str = "
saga: journey
version: 1
steps:
  - insurance: { run: insure }
";

const ON_END: &str = "
saga: told
version: 1
steps:
  - hotel: { do: POST hotel /b, undo: none }
on_end: { do: POST crm /ended }
";

const EACH: &str = "
saga: basket
version: 1
steps:
  - lines:
      each: $input.lines
      as: line
      do: POST stock /reservations
      undo: POST stock /releases
  - nap: { sleep: 1h }
";

/// What it shows, and the script that leads there.
const OF_TRIPS: [(&str, &str); 17] = [
    ("a call", ""),
    ("a retry: it certainly was not sent", "hotel not_sent"),
    ("a retry: it may have happened", "hotel lost"),
    ("a check", "hotel lost\nhotel lost"),
    ("a check again", "hotel lost\nhotel lost\ncheck hotel 503"),
    ("parked", "hotel held\npause hotel\ncrash"),
    ("misconfigured", "hotel 403"),
    ("a signal", "hotel 200"),
    ("a timer", "hotel 200\nsignal told k {}"),
    ("an undo", "hotel 200\ncancel no"),
    ("an undo again", "hotel 200\ncancel no\nundo hotel 503"),
    ("an undo, parked", "hotel 200\ncancel no\nundo hotel 403"),
    (
        "an undo that looks again",
        "hotel lost\nhotel lost\ncheck hotel 404\nundo hotel 404 {}",
    ),
    (
        "an undo in its second round",
        "hotel lost\nhotel lost\ncheck hotel 404\nundo hotel 404 {}\npass 2m",
    ),
    (
        "a person: the undo was refused",
        "hotel 200\ncancel no\nundo hotel 409",
    ),
    (
        "a person: nobody can tell whether the undo happened",
        "hotel lost\nhotel lost\ncheck hotel 404\nundo hotel lost\nundo hotel 404 {}",
    ),
    (
        "a person: refused after the pivot",
        "hotel 200\nsignal told k {}\npass 1h\nticket 200\nbill 409",
    ),
];

const OF_SLOW: [(&str, &str); 3] = [
    ("a reply", "film 202"),
    (
        "a reply that came before the answer: its step is over",
        "reply do film done {\"url\": 1}",
    ),
    (
        "an answer that decides nothing",
        "film 202\nreply do film done {}\nwire 200 {\"state\":\"open\"}",
    ),
];

#[test]
fn every_kind_of_waiting_is_told_in_words_with_a_command_that_helps() {
    let mut told = Told::default();
    for (what, script) in OF_TRIPS {
        told.saga(what, &play(TRIP, "{}", script).saga);
    }
    for (what, script) in OF_SLOW {
        told.saga(what, &play(SLOW, "{}", script).saga);
    }
    let line = "{\"lines\":[1]}";
    let refused = "lines[0] 200\ncancel no\nundo lines[0] 409";
    told.saga(
        "a person: the undo of an item was refused",
        &play(EACH, line, refused).saga,
    );
    told.saga("the call at the end", &play(ON_END, "{}", "hotel 200").saga);
    let sources = [CHILD, PARENT].map(str::to_owned);
    let mut family = Family::start(&sources, json!({}), true);
    family.deliver_all();
    told.saga("a child", &family.members[&family.root].saga);
    lock(
        &mut told,
        &play_in_line(LOCKED, "{\"account\":\"a-7\"}", ""),
    );
    let call = || play(TRIP, "{}", "").saga.waiting_on().swap_remove(0);
    told.one(
        "capacity",
        call().at_capacity("hotel has 1024 calls in flight, as many as it may have"),
    );
    told.one(
        "stalled",
        call().stalled(
            "its wake passed 5m ago and nobody took it",
            "banyan show ID",
        ),
    );
    let untold: Vec<WaitingKind> = WaitingKind::ALL
        .into_iter()
        .filter(|kind| !told.kinds.contains(kind))
        .collect();
    assert!(untold.is_empty(), "{untold:?}");
    expect_file!["waiting.txt"].assert_eq(&told.text);
}

fn lock(told: &mut Told, driver: &Driver) {
    let wait = || driver.saga.waiting_on().swap_remove(0);
    told.one("a lock", wait());
    let first = Id::new(7, 7, 7);
    told.one(
        "a lock: one before it",
        wait().in_line(1, first, Status::Running),
    );
    told.one(
        "a lock: its holder is stuck",
        wait().in_line(3, first, Status::Stuck),
    );
}

#[derive(Default)]
struct Told {
    text: String,
    kinds: BTreeSet<WaitingKind>,
}

impl Told {
    fn saga(&mut self, what: &str, saga: &Saga) {
        let all = saga.waiting_on();
        assert!(!all.is_empty(), "{what}: {}", saga.draw());
        for waiting in all {
            self.one(what, waiting);
        }
    }

    fn one(&mut self, what: &str, waiting: Waiting) {
        self.kinds.insert(waiting.kind);
        let service = waiting.service.as_deref().unwrap_or("-");
        let leg = waiting.leg.map_or("-", |leg| leg.as_str());
        let until = waiting.until.map_or("-".to_owned(), |at| at.to_string());
        writeln!(
            self.text,
            "{what}\n  {} · step {} · leg {leg} · service {service} · since {} · until {until}\n  {}\n  {}\n",
            waiting.kind.as_str(),
            waiting.step,
            waiting.since,
            waiting.message,
            waiting.help,
        )
        .expect("a text takes text");
    }
}
