//! Answers and signals that are taken for a yes, a no, or "not decided yet", made from what a
//! definition reads of them.

use super::fit::{Condition, Known, Start, fit};
use super::ledger::Answer;
use super::shape::Shape;
use banyan_core::Json;
use banyan_core::expr::Expr;
use serde_json::json;

/// The conditions by which a leg's answer is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Readers {
    /// It means no.
    pub(super) refused: Option<Expr>,
    /// It decides nothing yet.
    pub(super) pending: Option<Expr>,
    /// It means that there is nothing to undo.
    pub(super) missing: Option<Expr>,
}

/// What an answer is to be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Done.
    Yes,
    /// Refused, though it is a 2xx.
    No,
    /// Not decided yet.
    Pending,
    /// Nothing there to undo.
    Missing,
}

impl Readers {
    /// Whether a condition of theirs can say this at all.
    pub(super) fn can_say(&self, taken: Taken) -> bool {
        match taken {
            Taken::Yes => true,
            Taken::No => self.refused.is_some(),
            Taken::Pending => self.pending.is_some(),
            Taken::Missing => self.missing.is_some(),
        }
    }

    fn conditions(&self, taken: Taken) -> impl Iterator<Item = Condition> {
        let each = [
            (&self.refused, Taken::No),
            (&self.pending, Taken::Pending),
            (&self.missing, Taken::Missing),
        ];
        each.into_iter().filter_map(move |(expression, says)| {
            expression.as_ref().map(|expression| Condition {
                expression: expression.clone(),
                holds: says == taken,
            })
        })
    }
}

/// How answers to a step are made.
#[derive(Clone, Debug)]
pub(super) struct Maker {
    /// The step's name.
    pub(super) name: String,
    /// What is read of its result.
    pub(super) shape: Shape,
    /// Conditions under which a later step turns the saga back.
    pub(super) dangers: Vec<Expr>,
    /// What other variables hold.
    pub(super) known: Known,
}

impl Maker {
    /// The result of a do, as nobody's condition asked for it.
    pub(super) fn plain(&self, count: u64) -> Json {
        if self.shape.is_empty() {
            json!({ "id": format!("{}-{count}", self.name) })
        } else {
            self.shape.value(&self.name, &self.name, count)
        }
    }

    /// The value, changed so that all of these readers take it for a yes, and no later step for
    /// a reason to turn back; or so that they take it for a no.
    pub(super) fn fit(&self, value: &Json, readers: &[Readers], refused: bool) -> Option<Json> {
        let taken = if refused { Taken::No } else { Taken::Yes };
        let all = readers.iter();
        let mut conditions: Vec<Condition> =
            all.flat_map(|readers| readers.conditions(taken)).collect();
        if !refused {
            let dangers = self.dangers.iter();
            conditions.extend(dangers.map(|expression| Condition {
                expression: expression.clone(),
                holds: false,
            }));
        }
        let start = Start {
            value,
            status: 200,
            own: &self.name,
        };
        fit(start, &conditions, &self.known)
    }

    /// An answer with the first of these statuses for which the readers take it as they shall.
    pub(super) fn answer(
        &self,
        body: &Json,
        statuses: &[u16],
        readers: &Readers,
        taken: Taken,
    ) -> Option<Answer> {
        let conditions: Vec<Condition> = readers.conditions(taken).collect();
        statuses.iter().find_map(|status| {
            let start = Start {
                value: body,
                status: *status,
                own: "",
            };
            let body = fit(start, &conditions, &self.known)?;
            let status = *status;
            Some(Answer { status, body })
        })
    }
}
