//! What a stand-in does with one call: what befalls it, what comes of it, and when that is told.

use super::later::SOON;
use super::ledger::{About, Answer, State};
use super::leg::Leg;
use super::part::CallPart;
use super::service::Backstage;
use super::switches::Trouble;
use crate::front::Silence;
use banyan_core::time::Duration;
use http::Uri;
use serde_json::json;

/// How often a stand-in says that it is not decided yet, without a switch that says otherwise.
const USUAL_PENDING: u32 = 1;
/// How long after it was given up a late reply comes.
const TOO_LATE: Duration = Duration::from_secs(1);

/// A call as a stand-in hears it.
pub(super) struct Heard {
    /// The service.
    pub(super) service: String,
    /// The HTTP method.
    pub(super) method: String,
    /// The path.
    pub(super) path: String,
    /// The definition, as `name@version`.
    pub(super) definition: String,
    /// The saga's id.
    pub(super) saga: String,
    /// The step's path.
    pub(super) step: String,
    /// The idempotency key.
    pub(super) key: String,
    /// Where the outcome may be reported later.
    pub(super) reply_to: Option<Uri>,
}

/// One call in its part.
struct Scene<'b> {
    backstage: &'b Backstage,
    part: &'b CallPart,
    leg: Leg,
    about: About,
    trouble: Option<Trouble>,
}

/// Answers a call, or lets its answer be lost.
pub(super) async fn answer(backstage: &Backstage, heard: Heard) -> Result<Answer, Silence> {
    let _under_way = backstage.enter();
    let Some((place, part)) = backstage.plans.call(&heard.definition, &heard.step) else {
        // A call of no step, such as the undo of a signal: all is well.
        return Ok(Answer::ok(json!({})));
    };
    let (told, key) = Leg::of_key(&heard.key);
    let leg = part.leg(told, &heard.method, &heard.path);
    let scene = Scene {
        backstage,
        part,
        leg,
        trouble: befalls(backstage, &place, leg),
        about: About {
            saga: heard.saga,
            step: heard.step,
            service: heard.service,
            key: key.to_owned(),
            needs_no_undo: part.needs_no_undo,
        },
    };
    if let Some(to) = heard.reply_to
        && leg != Leg::Check
        && scene.trouble != Some(Trouble::Fail)
    {
        return Ok(scene.promise(to));
    }
    scene.play().await
}

/// The switch that a call meets. A do that is not decided is asked about by its check.
fn befalls(backstage: &Backstage, place: &str, leg: Leg) -> Option<Trouble> {
    let switches = &backstage.switches;
    let own = switches.meet(place, leg);
    if own.is_none() && leg == Leg::Check {
        let pends = switches.meet_only(place, Leg::Do, Trouble::Pend);
        return pends.then_some(Trouble::Pend);
    }
    own
}

impl Scene<'_> {
    async fn play(&self) -> Result<Answer, Silence> {
        if let Some(answer) = self.turned_away() {
            return Ok(answer);
        }
        if self.trouble == Some(Trouble::Lose) {
            self.act();
            return Err(Silence);
        }
        let answer = self.undecided().unwrap_or_else(|| self.act());
        if let Some(Trouble::Slow(time)) = self.trouble {
            crate::demo::pause(time.to_std()).await;
        }
        Ok(answer)
    }

    /// Says that the outcome will be reported, and sees to it that it is, unless it gets lost.
    fn promise(&self, to: Uri) -> Answer {
        let answer = self.turned_away().unwrap_or_else(|| self.act());
        let after = match self.trouble {
            Some(Trouble::Slow(time)) => time,
            Some(Trouble::Late) => {
                self.backstage.with(|ledger| ledger.hide(&self.about));
                let within = self.part.replies_within(self.leg);
                let within = within.map_or(0, Duration::millis);
                Duration::from_millis(within.saturating_add(TOO_LATE.millis()))
            }
            _ => SOON,
        };
        if self.trouble != Some(Trouble::Lose) {
            self.backstage.later.report(to, answer, after);
        }
        Answer {
            status: 202,
            body: json!({ "accepted": true }),
        }
    }

    /// What a switch answers before anything happens.
    fn turned_away(&self) -> Option<Answer> {
        let says_no = || self.part.no(self.leg);
        if let Some(pending) = self.taken_in() {
            return Some(pending);
        }
        match (self.trouble?, self.leg) {
            (Trouble::Refuse, Leg::Check) => Some(says_no().unwrap_or_else(|| {
                let message = "the stand-in knows of nothing: its switch is on";
                Answer::no(404, "not_found", message)
            })),
            (Trouble::Refuse, _) => {
                let message = format!("the stand-in for {} says no", self.about.step);
                Some(Answer::no(409, "refused", &message))
            }
            (Trouble::Fail, _) => Some(Answer::no(
                503,
                "unavailable",
                "the stand-in is out of order",
            )),
            (Trouble::Lose | Trouble::Slow(_) | Trouble::Late | Trouble::Pend, _) => None,
        }
    }

    /// A do that is to be refused, and whose check can say so: it is taken in, and the refusal
    /// comes when it is asked about.
    fn taken_in(&self) -> Option<Answer> {
        let is_refused = (self.trouble, self.leg) == (Some(Trouble::Refuse), Leg::Do);
        let pending = self.part.pending(Leg::Do).filter(|_| is_refused)?;
        self.part.no(Leg::Check)?;
        self.backstage.with(|ledger| ledger.refuse(&self.about));
        Some(pending)
    }

    /// "Not decided yet", where a leg can say that and is to: as a switch has it, else once.
    fn undecided(&self) -> Option<Answer> {
        let pending = self.part.pending(self.leg)?;
        let by_switch = self.trouble == Some(Trouble::Pend);
        let told = self.backstage.with(|ledger| match self.leg {
            Leg::Do => {
                self.perform(ledger);
                ledger.pend(&self.about, Leg::Do)
            }
            // One that is asked about had its say already.
            Leg::Check => USUAL_PENDING,
            leg => ledger.pend(&self.about, leg),
        });
        // Without an effect there is nothing that could be undecided.
        let happened = self.backstage.with(|ledger| ledger.state(&self.about));
        let is_there = matches!(happened, Some(State::Happened | State::Confirmed));
        (is_there && (by_switch || told < USUAL_PENDING)).then_some(pending)
    }

    fn act(&self) -> Answer {
        let (part, about) = (self.part, &self.about);
        let refused = || part.no(Leg::Check);
        self.backstage.with(|ledger| match self.leg {
            Leg::Do if part.asks => Answer::ok(part.result(1)),
            Leg::Do => self.perform(ledger),
            Leg::Check if ledger.state(about) == Some(State::Refused) => {
                refused().unwrap_or_else(|| ledger.check(about))
            }
            Leg::Check => ledger.check(about),
            Leg::Undo => {
                let answer = ledger.undo(about);
                if answer.status == 200 {
                    part.yes(Leg::Undo, &answer.body)
                } else {
                    part.missing(&answer)
                }
            }
            Leg::Confirm => {
                let answer = ledger.confirm(about);
                if answer.status == 200 {
                    part.yes(Leg::Confirm, &answer.body)
                } else {
                    answer
                }
            }
        })
    }

    fn perform(&self, ledger: &mut super::ledger::Ledger) -> Answer {
        let result = self.part.result(ledger.count(&self.about));
        ledger.perform(&self.about, result)
    }
}
