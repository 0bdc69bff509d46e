//! What the stand-ins hold: one effect per idempotency key, undone at most once, and a mark
//! where an undo came before its do.
//!
//! These are the promises P1 to P3 that a saga relies on, so what is left here after a saga
//! ended is left because of the saga.

use super::leg::Leg;
use banyan_core::Json;
use serde_json::json;

/// Effects that are kept: many sagas' worth; the oldest go first.
const EFFECTS: usize = 10_000;

/// What a service answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The JSON body.
    pub(super) body: Json,
}

impl Answer {
    /// It is so.
    pub(super) fn ok(body: Json) -> Answer {
        Answer { status: 200, body }
    }

    /// Not so, with a word for programs and a sentence for people.
    pub(super) fn no(status: u16, error: &str, message: &str) -> Answer {
        Answer {
            status,
            body: json!({ "error": error, "message": message }),
        }
    }
}

/// What became of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is there.
    Happened,
    /// It is there, for good.
    Confirmed,
    /// It was there, and was taken back.
    Undone,
    /// Its undo came before it: it will never be there.
    Barred,
    /// The service took it in, and then said no.
    Refused,
}

/// One effect that a step's do had on a service, or was kept from having.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    /// The saga's id.
    pub(super) saga: String,
    /// The step's path.
    pub(super) step: String,
    /// The service that holds it.
    pub(super) service: String,
    /// The idempotency key of the do.
    pub(super) key: String,
    /// What became of it.
    pub(super) state: State,
    /// The definition says that there is nothing to undo.
    pub(super) needs_no_undo: bool,
    result: Json,
    /// Whoever asks is told that there is nothing: it comes to light too late.
    hidden: bool,
    /// How often each leg was told that it is not decided yet.
    pended: Vec<(Leg, u32)>,
}

/// Whose effect a call is about.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// The saga's id.
    pub(super) saga: String,
    /// The step's path.
    pub(super) step: String,
    /// The service.
    pub(super) service: String,
    /// The idempotency key of the do.
    pub(super) key: String,
    /// The definition says that there is nothing to undo.
    pub(super) needs_no_undo: bool,
}

/// Every effect, in the order in which services heard of them.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    effects: Vec<Effect>,
}

impl Ledger {
    /// How many effects this step has had, counted from one, this one included.
    pub(super) fn count(&self, about: &About) -> u64 {
        let of_step = |effect: &&Effect| effect.step == about.step && effect.key != about.key;
        self.effects.iter().filter(of_step).count() as u64 + 1
    }

    /// The do arrives: it has its effect once, and answers alike ever after.
    pub(super) fn perform(&mut self, about: &About, result: Json) -> Answer {
        match self.find(&about.key) {
            None => {
                self.enter(about, State::Happened, result.clone());
                Answer::ok(result)
            }
            Some(effect) => match effect.state {
                State::Happened | State::Confirmed => Answer::ok(effect.result.clone()),
                State::Undone => Answer::no(409, "undone", "this was undone already"),
                State::Barred => Answer::no(409, "undone", "its undo came first"),
                State::Refused => Answer::no(409, "refused", "this was refused already"),
            },
        }
    }

    /// The do arrives, is taken in, and will come to nothing.
    pub(super) fn refuse(&mut self, about: &About) {
        if self.find(&about.key).is_none() {
            self.enter(about, State::Refused, Json::Null);
        }
    }

    /// What a do did is not to be found by asking: its reply tells of it first.
    pub(super) fn hide(&mut self, about: &About) {
        if let Some(effect) = self.find(&about.key) {
            effect.hidden = true;
        }
    }

    /// How a do stands, when it was heard of.
    pub(super) fn state(&mut self, about: &About) -> Option<State> {
        self.find(&about.key).map(|effect| effect.state)
    }

    /// A leg is told that it is not decided yet; says how often it was told so before.
    pub(super) fn pend(&mut self, about: &About, leg: Leg) -> u32 {
        let Some(effect) = self.find(&about.key) else {
            return 0;
        };
        let known = effect.pended.iter_mut().find(|(of, _)| *of == leg);
        let Some((_, count)) = known else {
            effect.pended.push((leg, 1));
            return 0;
        };
        *count += 1;
        *count - 1
    }

    /// The undo arrives: it takes back what is there, and leaves a mark where nothing is.
    pub(super) fn undo(&mut self, about: &About) -> Answer {
        match self.find(&about.key) {
            None => {
                self.enter(about, State::Barred, Json::Null);
                not_there()
            }
            Some(effect) => match effect.state {
                State::Barred | State::Refused => not_there(),
                State::Happened | State::Undone | State::Confirmed => {
                    effect.state = State::Undone;
                    Answer::ok(json!({ "undone": true }))
                }
            },
        }
    }

    /// The confirm arrives.
    pub(super) fn confirm(&mut self, about: &About) -> Answer {
        match self.find(&about.key) {
            Some(effect) if matches!(effect.state, State::Happened | State::Confirmed) => {
                effect.state = State::Confirmed;
                Answer::ok(effect.result.clone())
            }
            _ => not_there(),
        }
    }

    /// Somebody asks what became of the do.
    pub(super) fn check(&mut self, about: &About) -> Answer {
        let found = self.find(&about.key).filter(|effect| !effect.hidden);
        match found {
            Some(effect) if matches!(effect.state, State::Happened | State::Confirmed) => {
                Answer::ok(effect.result.clone())
            }
            _ => not_there(),
        }
    }

    /// The effects of sagas, in the order in which services heard of them.
    pub(super) fn of(&self, sagas: &[String]) -> Vec<Effect> {
        let all = self.effects.iter();
        let of_them = all.filter(|effect| sagas.contains(&effect.saga));
        of_them.cloned().collect()
    }

    fn find(&mut self, key: &str) -> Option<&mut Effect> {
        self.effects.iter_mut().find(|effect| effect.key == key)
    }

    fn enter(&mut self, about: &About, state: State, result: Json) {
        if self.effects.len() == EFFECTS {
            self.effects.remove(0);
        }
        self.effects.push(Effect {
            saga: about.saga.clone(),
            step: about.step.clone(),
            service: about.service.clone(),
            key: about.key.clone(),
            state,
            needs_no_undo: about.needs_no_undo,
            result,
            hidden: false,
            pended: Vec::new(),
        });
    }
}

fn not_there() -> Answer {
    Answer::no(404, "not_found", "there is nothing under this key")
}

#[cfg(test)]
mod tests {
    use super::{About, Ledger, State};
    use serde_json::json;

    fn about(key: &str) -> About {
        About {
            saga: "s".to_owned(),
            step: "order".to_owned(),
            service: "orders".to_owned(),
            key: key.to_owned(),
            needs_no_undo: false,
        }
    }

    #[test]
    fn a_do_has_one_effect_and_answers_alike() {
        let mut ledger = Ledger::default();
        let first = ledger.perform(&about("k"), json!({ "id": 1 }));
        assert_eq!(ledger.perform(&about("k"), json!({ "id": 2 })), first);
        assert_eq!(ledger.of(&["s".to_owned()]).len(), 1);
    }

    #[test]
    fn an_undo_before_its_do_bars_it() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.undo(&about("k")).status, 404);
        assert_eq!(ledger.perform(&about("k"), json!({})).status, 409);
        assert_eq!(ledger.undo(&about("k")).status, 404);
        assert_eq!(ledger.of(&["s".to_owned()])[0].state, State::Barred);
    }

    #[test]
    fn an_undo_twice_takes_back_once_and_the_do_stays_away() {
        let mut ledger = Ledger::default();
        ledger.perform(&about("k"), json!({}));
        assert_eq!(ledger.check(&about("k")).status, 200);
        assert_eq!(ledger.undo(&about("k")).status, 200);
        assert_eq!(ledger.undo(&about("k")).status, 200);
        assert_eq!(ledger.check(&about("k")).status, 404);
        assert_eq!(ledger.confirm(&about("k")).status, 404);
        assert_eq!(ledger.perform(&about("k"), json!({})).status, 409);
    }
}
