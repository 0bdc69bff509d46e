//! Sagas in every situation that a verb may meet.

use banyan_core::saga::Leg;

/// A saga that was brought somewhere.
pub(super) struct Situation {
    /// What it is called in the table.
    pub(super) name: &'static str,
    /// The saga file.
    pub(super) source: &'static str,
    /// What brought it there.
    pub(super) script: &'static str,
    /// The step and leg that the verbs with a leg are asked about.
    pub(super) at: (&'static str, Leg),
}

pub(crate) const TRANSFER: &str = r#"
saga: transfer
version: 1
steps:
  - hold: { do: POST bank /holds, body: { sum: 5 }, undo: "DELETE bank /holds/{$key}" }
  - pay:
      do: POST pay /payments
      body: { sum: 5 }
      retry: { attempts: 2 }
      undo: { do: POST pay /refunds, body: { of: $key }, retry: { attempts: 2 } }
  - book: { do: POST desk /books, body: { sum: 5 }, undo: "DELETE desk /books/{$key}", pivot: true }
  - tell: { do: POST mail /letters, body: { to: ann } }
"#;

pub(crate) const ASKS: &str = r#"
saga: asks
version: 1
steps:
  - hold: { do: POST bank /holds, undo: "DELETE bank /holds/{$key}" }
  - pay:
      do: POST pay /payments
      once: true
      on_unknown: stuck
      undo: DELETE pay /payments/{$key}
  - told: { wait: told, for: 1d }
"#;

pub(crate) const NO_WAY_BACK: &str = r#"
saga: no_way_back
version: 1
steps:
  - hold: { do: POST bank /holds, undo: "DELETE bank /holds/{$key}" }
  - pay: { do: POST pay /payments, once: true, on_unknown: stuck, pivot: true }
"#;

const SEATS: &str = r#"
saga: seats
version: 1
steps:
  - seat: { do: POST hall /seats, undo: "DELETE hall /seats/{$key}", confirm: "PUT hall /seats/{$key}" }
  - told: { wait: told, for: 1d }
"#;

const BESIDE: &str = r#"
saga: beside
version: 1
steps:
  - both:
      together:
        - pay:
            do: POST pay /payments
            once: true
            on_unknown: stuck
            undo: DELETE pay /payments/{$key}
        - look: { do: GET desk /checks }
"#;

const LATER: &str = r#"
saga: later
version: 1
steps:
  - hold: { do: POST bank /holds, undo: "DELETE bank /holds/{$key}" }
  - fly:
      do: POST air /flights
      reply: later
      for: 1h
      on_refused: continue
      undo: POST air /returns
  - told: { wait: told, for: 9d }
"#;

const PAID: &str = r#"
saga: paid
version: 1
steps:
  - paid: { wait: paid, for: 1d, undo: { do: POST pay /refunds, body: { of: $key } } }
on_end: POST desk /ended
"#;

const PAID_PAST_PIVOT: &str = r#"
saga: paid_past_pivot
version: 1
steps:
  - paid: { wait: paid, for: 1d, undo: { do: POST pay /refunds, body: { of: $key } } }
  - book: { do: POST desk /books, undo: "DELETE desk /books/{$key}", pivot: true }
  - told: { wait: told, for: 1d }
on_end: POST desk /ended
"#;

const COMPUTED: &str = r#"
saga: computed
version: 1
steps:
  - hold: { do: POST bank /holds, pivot: true }
  - tell: { do: 'POST mail /letters/{$hold.none}' }
"#;

pub(super) const TABLE: &[Situation] = &[
    Situation {
        name: "waits for a signal",
        source: ASKS,
        script: "hold 200\npay 200",
        at: ("told", Leg::Do),
    },
    Situation {
        name: "a do is under way",
        source: TRANSFER,
        script: "",
        at: ("hold", Leg::Do),
    },
    Situation {
        name: "a do waits for its next try",
        source: TRANSFER,
        script: "hold 503",
        at: ("hold", Leg::Do),
    },
    Situation {
        name: "a do waits for its reply",
        source: LATER,
        script: "hold 200\nfly 202",
        at: ("fly", Leg::Do),
    },
    Situation {
        name: "a do waits for its road",
        source: TRANSFER,
        script: "pause pay\nhold 200",
        at: ("pay", Leg::Do),
    },
    Situation {
        name: "past the pivot a do waits for its next try",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell 503",
        at: ("tell", Leg::Do),
    },
    Situation {
        name: "a confirm waits for its next try",
        source: SEATS,
        script: "seat 200\nsignal told k {}\nconfirm seat 503",
        at: ("seat", Leg::Confirm),
    },
    Situation {
        name: "a late effect is undone while the saga goes forward",
        source: LATER,
        script: "hold 200\nfly 202\nreply do fly refused {}\nreply do fly done {}\nundo fly 503",
        at: ("fly", Leg::Undo),
    },
    Situation {
        name: "what was under way comes to its end first",
        source: TRANSFER,
        script: "hold 200\nverb cancel",
        at: ("pay", Leg::Do),
    },
    Situation {
        name: "an undo is under way",
        source: TRANSFER,
        script: "hold 200\npay 409",
        at: ("hold", Leg::Undo),
    },
    Situation {
        name: "an undo waits for its next try",
        source: TRANSFER,
        script: "hold 200\npay 409\nundo hold 503",
        at: ("hold", Leg::Undo),
    },
    Situation {
        name: "an undo looks once more",
        source: TRANSFER,
        script: "hold 200\npay lost\npay lost\nundo pay 404 {}",
        at: ("pay", Leg::Undo),
    },
    Situation {
        name: "a do that may have happened waits for its road",
        source: TRANSFER,
        script: "hold 200\npause pay\nresume pay\npay lost\npause pay\npass 1m",
        at: ("pay", Leg::Do),
    },
    Situation {
        name: "completed",
        source: ASKS,
        script: "hold 200\npay 200\nsignal told k {}",
        at: ("pay", Leg::Do),
    },
    Situation {
        name: "completed past a pivot",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell 200",
        at: ("tell", Leg::Do),
    },
    Situation {
        name: "completed, and its last call is tried again",
        source: PAID,
        script: "signal paid k {}\non_end 503",
        at: ("on_end", Leg::Do),
    },
    Situation {
        name: "completed, and the undo of a late effect is stuck",
        source: PAID,
        script: "signal paid k {}\non_end 200\nsignal paid l {}\nundo paid[0] 409",
        at: ("paid[0]", Leg::Undo),
    },
    Situation {
        name: "compensated",
        source: TRANSFER,
        script: "hold 200\npay 409\nundo hold 200",
        at: ("hold", Leg::Undo),
    },
    Situation {
        name: "compensated, and an undo of what was unknown found nothing",
        source: TRANSFER,
        script: "hold 200\npay lost\npay lost\nundo pay 404 {}\nundo pay 404 {}\nundo hold 200",
        at: ("pay", Leg::Do),
    },
    Situation {
        name: "abandoned",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 409\nundo pay 409\nverb abandon",
        at: ("pay", Leg::Undo),
    },
    Situation {
        name: "stuck: nobody knows whether it happened",
        source: ASKS,
        script: "hold 200\npay lost",
        at: ("pay", Leg::Do),
    },
    Situation {
        name: "stuck: nobody knows, and there is no undo",
        source: NO_WAY_BACK,
        script: "hold 200\npay lost",
        at: ("pay", Leg::Do),
    },
    Situation {
        name: "stuck on the way back: nobody knows whether it happened",
        source: BESIDE,
        script: "look 409\npay lost",
        at: ("both.pay", Leg::Do),
    },
    Situation {
        name: "stuck past the pivot: refused",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell 409",
        at: ("tell", Leg::Do),
    },
    Situation {
        name: "stuck past the pivot: nobody knows",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell lost\ntell 409\ntell 409\ntell 409\ntell 409\ntell 409",
        at: ("tell", Leg::Do),
    },
    Situation {
        name: "stuck past the pivot: its key has expired",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell lost\npause mail\npass 25h\nresume mail",
        at: ("tell", Leg::Do),
    },
    Situation {
        name: "stuck past the pivot: no value",
        source: COMPUTED,
        script: "hold 200 {}",
        at: ("tell", Leg::Do),
    },
    Situation {
        name: "stuck past the pivot: no road",
        source: TRANSFER,
        script: "pause mail\nhold 200\npay 200\nbook 200\npass 2h",
        at: ("tell", Leg::Do),
    },
    Situation {
        name: "stuck: a confirm was refused",
        source: SEATS,
        script: "seat 200\nsignal told k {}\nconfirm seat 409",
        at: ("seat", Leg::Confirm),
    },
    Situation {
        name: "stuck: an undo was refused",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 409\nundo pay 409",
        at: ("pay", Leg::Undo),
    },
    Situation {
        name: "stuck: the attempts of an undo are spent",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 409\nundo pay 503\nundo pay lost",
        at: ("pay", Leg::Undo),
    },
    Situation {
        name: "stuck: no attempt of an undo ever left",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 409\nundo pay not_sent\nundo pay not_sent",
        at: ("pay", Leg::Undo),
    },
    Situation {
        name: "stuck: an undo found nothing",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 409\nundo pay 404 {}",
        at: ("pay", Leg::Undo),
    },
    Situation {
        name: "stuck: an undo is unclear",
        source: TRANSFER,
        script: "hold 200\npay lost\npay lost\nundo pay lost\nundo pay 404 {}",
        at: ("pay", Leg::Undo),
    },
    Situation {
        name: "stuck: the undo of an unknown do, and it is the do that is settled",
        source: TRANSFER,
        script: "hold 200\npay lost\npay lost\nundo pay 409",
        at: ("pay", Leg::Do),
    },
    Situation {
        name: "stuck: a late effect",
        source: TRANSFER,
        script: "hold 200\npay lost\npay lost\nundo pay 200\nundo hold 200\nlate pay 1 200 {}",
        at: ("pay", Leg::Undo),
    },
    Situation {
        name: "stuck: an undo has no road",
        source: TRANSFER,
        script: "hold 200\npause bank\npay 409\npass 2h",
        at: ("hold", Leg::Undo),
    },
    Situation {
        name: "past the pivot a late signal is undone",
        source: PAID_PAST_PIVOT,
        script: "signal paid k {}\nbook 200\nsignal paid l {}\nundo paid[0] 503",
        at: ("paid[0]", Leg::Undo),
    },
    Situation {
        name: "completed past a pivot, and a late signal is undone",
        source: PAID_PAST_PIVOT,
        script: "signal paid k {}\nbook 200\nsignal told k {}\non_end 200\nsignal paid l {}\nundo paid[0] 503",
        at: ("paid[0]", Leg::Undo),
    },
    Situation {
        name: "completed past a pivot, and its last call is tried again",
        source: PAID_PAST_PIVOT,
        script: "signal paid k {}\nbook 200\nsignal told k {}\non_end 503",
        at: ("on_end", Leg::Do),
    },
    Situation {
        name: "completed, and a late signal is undone",
        source: PAID,
        script: "signal paid k {}\non_end 200\nsignal paid l {}\nundo paid[0] 503",
        at: ("paid[0]", Leg::Undo),
    },
    Situation {
        name: "given up past the pivot",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell 409\nverb abandon",
        at: ("tell", Leg::Do),
    },
    Situation {
        name: "undone after its end to the end",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell 200\nverb undo\nundo book 200\nundo pay 200\nundo hold 200",
        at: ("book", Leg::Undo),
    },
    Situation {
        name: "past the pivot it waits for a signal",
        source: PAID_PAST_PIVOT,
        script: "signal paid k {}\nbook 200",
        at: ("told", Leg::Do),
    },
    Situation {
        name: "an undo is under way before the one that is asked about",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 409",
        at: ("hold", Leg::Undo),
    },
    Situation {
        name: "undone after its end, and another undo comes first",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell 200\nverb undo",
        at: ("hold", Leg::Undo),
    },
    Situation {
        name: "undone after its end",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell 200\nverb undo\nundo book 503",
        at: ("book", Leg::Undo),
    },
    Situation {
        name: "undone after its end, and stuck",
        source: TRANSFER,
        script: "hold 200\npay 200\nbook 200\ntell 200\nverb undo\nundo book 409",
        at: ("book", Leg::Undo),
    },
];
