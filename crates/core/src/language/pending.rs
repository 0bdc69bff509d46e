//! Answers that decide nothing yet: `reply: later`, `pending_when`, and how long and how often.

use super::codes::Code;
use super::read::{Fields, LONGEST, Reader, SHORTEST};
use super::values::Scope;
use crate::definition::{Call, OnTurnBack, Pending};
use crate::expr::Expr;
use crate::time::Duration;

/// Between two questions where the file says nothing.
const EVERY: Duration = Duration::from_secs(30);

/// `pending_when` with its `every`.
struct Polls {
    when: Option<Expr>,
    every: Duration,
}

impl Reader<'_> {
    /// What a do and its check make of answers that decide nothing. The step's `for` and
    /// `on_turn_back` hold for both, and its `pending_when` and `every` for a check that has
    /// none of its own, since a check that finds the same open state must not pass for done.
    pub(crate) fn pending_of_do(
        &mut self,
        fields: &Fields<'_>,
        call: Option<&mut Call>,
        check: Option<&mut Call>,
    ) {
        let reply = self.reply(fields);
        let polls = self.polls(fields, Scope::DO_ANSWER);
        if let (Some(entry), None) = (fields.entry("pending_when"), fields.entry("check")) {
            self.missing(
                "check",
                entry.place,
                "write the call that is asked until it is decided: `check: GET service /path/{$key}`",
            );
        }
        let asks = check.as_ref().is_some_and(|check| check.pending.is_some());
        let open = reply || polls.is_some() || asks;
        let on_turn_back = self.on_turn_back(fields, open);
        let Some(within) = self.within(fields, open) else {
            return;
        };
        if let Some(node) = fields.get("for") {
            self.beyond_deadline(node, "`for`", within);
        }
        let own = |reply: bool, polls: Option<&Polls>| {
            Box::new(Pending {
                reply,
                when: polls.and_then(|polls| polls.when.clone()),
                every: polls.map_or(EVERY, |polls| polls.every),
                within,
                on_turn_back,
            })
        };
        if let Some(check) = check {
            match &mut check.pending {
                Some(asked) => {
                    asked.within = within;
                    asked.on_turn_back = on_turn_back;
                }
                none => *none = polls.as_ref().map(|polls| own(false, Some(polls))),
            }
        }
        if let Some(call) = call
            && (reply || polls.is_some())
        {
            call.pending = Some(own(reply, polls.as_ref()));
        }
    }

    /// A check's own `pending_when`; how long it is asked says the step's `for`.
    pub(crate) fn pending_of_check(&mut self, fields: &Fields<'_>) -> Option<Box<Pending>> {
        let polls = self.polls(fields, Scope::CHECK_ANSWER)?;
        Some(Box::new(Pending {
            reply: false,
            when: polls.when,
            every: polls.every,
            within: SHORTEST,
            on_turn_back: OnTurnBack::Wait,
        }))
    }

    /// What an undo or a confirm makes of answers that decide nothing.
    pub(crate) fn pending_of_leg(
        &mut self,
        fields: &Fields<'_>,
        answer: Scope,
    ) -> Option<Box<Pending>> {
        let reply = self.reply(fields);
        let polls = self.polls(fields, answer);
        let within = self.within(fields, reply || polls.is_some())?;
        Some(Box::new(Pending {
            reply,
            every: polls.as_ref().map_or(EVERY, |polls| polls.every),
            when: polls.and_then(|polls| polls.when),
            within,
            on_turn_back: OnTurnBack::Wait,
        }))
    }

    fn reply(&mut self, fields: &Fields<'_>) -> bool {
        let reply = fields.get("reply");
        if let Some(node) = reply {
            self.choice(node, "`reply`", &["later"]);
        }
        reply.is_some()
    }

    fn polls(&mut self, fields: &Fields<'_>, answer: Scope) -> Option<Polls> {
        let every = fields.entry("every").map(|entry| {
            (
                entry,
                self.duration(&entry.node, "`every`", (SHORTEST, LONGEST)),
            )
        });
        let Some(node) = fields.get("pending_when") else {
            if let Some((entry, _)) = every {
                self.problems.add(
                    Code::MisplacedKey,
                    entry.place,
                    "`every` stands beside `pending_when`, and there is none",
                    "say which answer is not decided yet: `pending_when: $result.status == \"pending\"`",
                );
            }
            return None;
        };
        let uses = std::mem::take(&mut self.uses);
        let when = self.expression(node, "`pending_when`", answer);
        self.uses = uses;
        Some(Polls {
            when,
            every: every.and_then(|(_, every)| every).unwrap_or(EVERY),
        })
    }

    /// `for`, which must be there exactly when something comes later.
    fn within(&mut self, fields: &Fields<'_>, open: bool) -> Option<Duration> {
        let entry = fields.entry("for");
        let within =
            entry.and_then(|entry| self.duration(&entry.node, "`for`", (SHORTEST, LONGEST)));
        match entry {
            Some(_) if open => within,
            Some(entry) => {
                self.problems.add(
                    Code::MisplacedKey,
                    entry.place,
                    "`for` says how long to wait, and nothing here comes later",
                    "it stands beside `reply: later` or `pending_when`",
                );
                None
            }
            None if open => {
                self.missing(
                    "for",
                    fields.place,
                    "say how long to wait for the outcome: `for: 2h`; none in time means unknown",
                );
                None
            }
            None => None,
        }
    }

    fn on_turn_back(&mut self, fields: &Fields<'_>, open: bool) -> OnTurnBack {
        let Some(entry) = fields.entry("on_turn_back") else {
            return OnTurnBack::Wait;
        };
        let said = self.choice(&entry.node, "`on_turn_back`", &["wait", "give_up"]);
        if !open {
            self.problems.add(
                Code::MisplacedKey,
                entry.place,
                "`on_turn_back` is about an outcome that comes later, and nothing here does",
                "it stands beside `reply: later` or `pending_when`",
            );
        }
        match said {
            Some("give_up") => OnTurnBack::GiveUp,
            Some(_) | None => OnTurnBack::Wait,
        }
    }
}
