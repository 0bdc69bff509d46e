//! The part that a stand-in plays for one step: its calls with what is read of their answers,
//! the signal that it waits for, or the saga that it runs.

use super::ledger::Answer;
use super::leg::Leg;
use super::maker::{Maker, Readers, Taken};
use super::sample;
use super::session::masked;
use banyan_core::Json;
use banyan_core::definition::{Call, Kind, Run, Step, Undo, Wait};
use banyan_core::expr::{Part, Text};
use banyan_core::secret::SecretPath;
use banyan_core::time::Duration;
use serde_json::json;

/// A call that a step may make.
#[derive(Clone, Debug)]
struct Road {
    leg: Leg,
    call: Call,
    readers: Readers,
}

impl Road {
    fn new(leg: Leg, call: &Call) -> Road {
        let pending = call.pending.as_ref();
        Road {
            leg,
            call: call.clone(),
            readers: Readers {
                refused: call.refused_when.clone(),
                pending: pending.and_then(|pending| pending.when.clone()),
                missing: None,
            },
        }
    }
}

/// A step that calls a service.
#[derive(Clone, Debug)]
pub(super) struct CallPart {
    /// The step's path.
    pub(super) path: String,
    /// What its do changes nothing of: it only asks.
    pub(super) asks: bool,
    /// The definition says that there is nothing to undo.
    pub(super) needs_no_undo: bool,
    roads: Vec<Road>,
    maker: Maker,
}

impl CallPart {
    /// Of a step that calls.
    pub(super) fn new(step: &Step, maker: Maker) -> CallPart {
        let mut part = CallPart {
            path: step.path.clone(),
            asks: false,
            needs_no_undo: matches!(step.undo, Undo::None),
            roads: Vec::new(),
            maker,
        };
        if let Kind::Call(action) = &step.kind {
            part.roads.push(Road::new(Leg::Do, &action.call));
            let check = action.check.iter();
            part.roads.extend(check.map(|it| Road::new(Leg::Check, it)));
            part.asks = action.call.method.is_safe();
        }
        if let Some(confirm) = &step.confirm {
            part.roads.push(Road::new(Leg::Confirm, confirm));
        }
        if let Undo::Call(undo) = &step.undo {
            let mut road = Road::new(Leg::Undo, &undo.call);
            road.readers.missing = undo.missing_when.clone();
            part.roads.push(road);
        }
        part
    }

    /// What the do answers when all is well; `count` tells one effect from the next.
    pub(super) fn result(&self, count: u64) -> Json {
        let plain = self.maker.plain(count);
        let of = |legs: &[Leg]| -> Vec<Readers> {
            let roads = self.roads.iter().filter(|road| legs.contains(&road.leg));
            roads.map(|road| road.readers.clone()).collect()
        };
        // The check answers the same. Where nothing pleases every condition, the plain answer
        // shows which one refuses.
        let both = self.maker.fit(&plain, &of(&[Leg::Do, Leg::Check]), false);
        both.or_else(|| self.maker.fit(&plain, &of(&[Leg::Do]), false))
            .unwrap_or(plain)
    }

    /// The answer of a leg that went well, made from this body.
    pub(super) fn yes(&self, leg: Leg, body: &Json) -> Answer {
        let made = self.made(leg, body, &[200], Taken::Yes);
        made.unwrap_or_else(|| Answer::ok(body.clone()))
    }

    /// A 2xx of a leg that means no, where its conditions know one.
    pub(super) fn no(&self, leg: Leg) -> Option<Answer> {
        self.said(leg, &json!({}), &[200], Taken::No)
    }

    /// An answer of a leg that decides nothing yet, where its conditions know one.
    pub(super) fn pending(&self, leg: Leg) -> Option<Answer> {
        let body = json!({ "status": "pending" });
        self.said(leg, &body, &[202, 200], Taken::Pending)
    }

    /// What an undo answers that finds nothing.
    pub(super) fn missing(&self, usual: &Answer) -> Answer {
        let made = self.said(Leg::Undo, &usual.body, &[404, 410, 200], Taken::Missing);
        made.unwrap_or_else(|| usual.clone())
    }

    fn said(&self, leg: Leg, body: &Json, statuses: &[u16], taken: Taken) -> Option<Answer> {
        let can = self.road(leg)?.readers.can_say(taken);
        can.then(|| self.made(leg, body, statuses, taken)).flatten()
    }

    fn made(&self, leg: Leg, body: &Json, statuses: &[u16], taken: Taken) -> Option<Answer> {
        let readers = &self.road(leg)?.readers;
        self.maker.answer(body, statuses, readers, taken)
    }

    /// How long the outcome of a leg that is told later is waited for.
    pub(super) fn replies_within(&self, leg: Leg) -> Option<Duration> {
        let pending = self.road(leg)?.call.pending.as_deref()?;
        pending.reply.then_some(pending.within)
    }

    /// How long a leg that is not decided at once is asked about.
    pub(super) fn polls_within(&self, leg: Leg) -> Option<Duration> {
        let pending = self.road(leg)?.call.pending.as_deref()?;
        pending.when.as_ref().map(|_| pending.within)
    }

    fn road(&self, leg: Leg) -> Option<&Road> {
        self.roads.iter().find(|road| road.leg == leg)
    }

    /// The leg that a request is of. The key tells undo and confirm; the road tells a check.
    pub(super) fn leg(&self, told_by_key: Leg, method: &str, path: &str) -> Leg {
        if told_by_key != Leg::Do {
            return told_by_key;
        }
        let fits =
            |road: &&Road| road.call.method.as_str() == method && could_be(&road.call.path, path);
        let asked = [Leg::Do, Leg::Check].into_iter().find(|leg| {
            let mut of_leg = self.roads.iter().filter(|road| road.leg == *leg);
            of_leg.any(|road| fits(&road))
        });
        asked.unwrap_or(Leg::Do)
    }

    /// Its legs, as a file writes them.
    pub(super) fn roads(&self) -> impl Iterator<Item = (Leg, String)> {
        self.roads.iter().map(|road| {
            let Call {
                method,
                service,
                path,
                ..
            } = &road.call;
            let written = format!("{} {service} {}", method.as_str(), path.source());
            (road.leg, written)
        })
    }
}

/// A step that waits for a signal.
#[derive(Clone, Debug)]
pub(super) struct WaitPart {
    /// The step's path.
    pub(super) path: String,
    /// The signal's name.
    pub(super) signal: String,
    accepts: Option<Json>,
    secrets: Vec<SecretPath>,
    readers: Readers,
    maker: Maker,
}

impl WaitPart {
    /// Of a step that waits.
    pub(super) fn new(step: &Step, wait: &Wait, maker: Maker) -> WaitPart {
        WaitPart {
            path: step.path.clone(),
            signal: wait.signal.clone(),
            accepts: wait.accepts.clone(),
            secrets: step.secret.clone(),
            readers: Readers {
                refused: wait.refused_when.clone(),
                ..Readers::default()
            },
            maker,
        }
    }

    /// A signal's body as people may see it.
    pub(super) fn shown(&self, body: &Json) -> Json {
        masked(body, &self.secrets, "result")
    }

    /// A signal that is taken for a yes, or for a no.
    ///
    /// # Errors
    /// Why none can be made.
    pub(super) fn signal(&self, refused: bool) -> Result<Json, String> {
        let told = || {
            format!(
                "no signal for {} could be made that fits; send one: signal {} JSON",
                self.path, self.signal
            )
        };
        let readers = std::slice::from_ref(&self.readers);
        let Some(accepts) = &self.accepts else {
            if refused && self.readers.refused.is_none() {
                return Err(told());
            }
            let plain = self.maker.plain(1);
            return self.maker.fit(&plain, readers, refused).ok_or_else(told);
        };
        let made = sample::sample(Some(accepts), &self.maker.shape)?;
        let fitting = self.maker.fit(&made, readers, refused).ok_or_else(told)?;
        sample::verify(accepts, &fitting, true).map_err(|_| told())?;
        Ok(fitting)
    }
}

/// A step that runs a saga of its own.
#[derive(Clone, Debug)]
pub(super) struct RunPart {
    /// The step's path.
    pub(super) path: String,
    /// What it runs.
    pub(super) run: Run,
    /// What it gives that one to start with, as far as that can be told beforehand.
    pub(super) input: Option<Json>,
}

/// Whether a path may have come from this text: its words are there, in their order.
fn could_be(text: &Text, path: &str) -> bool {
    let mut rest = path;
    for (position, part) in text.parts().iter().enumerate() {
        let Part::Literal(words) = part else { continue };
        match rest.find(words.as_str()) {
            Some(0) => rest = &rest[words.len()..],
            Some(at) if position > 0 => rest = &rest[at + words.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || matches!(text.parts().last(), Some(Part::Expr(..)))
}
