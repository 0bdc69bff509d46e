//! What an operation would do. Nothing is stored; which sagas were looked at is kept in memory
//! for a while, so that the operation can be about exactly these, as they were.

use super::limits::OPERATION_SAGAS;
use super::{OperationError, OperationRequest};
use crate::error::{AskError, MoveError};
use crate::handle::Engine;
use banyan_core::Timestamp;
use banyan_core::saga::{Context, Input, Preview, Saga, Status};
use banyan_core::time::Duration;
use banyan_store::{Filter, Item};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError};

/// Sagas that are asked whether they would take the verb: of more, so many evenly spread.
pub(super) const LOOKED_AT: usize = 1_000;
/// Of these, sagas whose preview is shown.
const SAMPLE: usize = 5;
/// Previews that are kept.
const KEPT: usize = 8;
/// For how long.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);

/// What an operation would do.
#[derive(Debug)]
pub struct OperationPreview {
    /// By which the operation can be begun over exactly these sagas.
    pub token: String,
    /// How many sagas the filter selects.
    pub selected: u64,
    /// How many of each definition have each status.
    pub counts: BTreeMap<(String, Status), u64>,
    /// What those say that were asked.
    pub verdicts: Verdicts,
    /// What would happen to some of them, with how they stand now.
    pub sample: Vec<Sampled>,
}

/// What would happen to one saga.
#[derive(Debug)]
pub struct Sampled {
    /// The saga as it is now.
    pub saga: Arc<Saga>,
    /// What the verb would do, or why it would not be taken.
    pub outcome: Result<Box<Preview>, String>,
}

/// Whether sagas would take a verb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// How many were asked.
    pub looked_at: u64,
    /// How many would take it.
    pub allowed: u64,
    /// How many would not, by code, with what the first of them said.
    pub refused: BTreeMap<&'static str, (u64, String)>,
}

/// Previews that somebody may go by.
#[derive(Debug, Default)]
pub(crate) struct Previews(VecDeque<Kept>);

#[derive(Debug)]
struct Kept {
    token: String,
    filter: Filter,
    items: Arc<Vec<Item>>,
    at: Timestamp,
}

impl Previews {
    fn keep(&mut self, kept: Kept) {
        self.0.push_back(kept);
        let sagas = |all: &VecDeque<Kept>| all.iter().map(|one| one.items.len()).sum::<usize>();
        while self.0.len() > KEPT || (self.0.len() > 1 && sagas(&self.0) > OPERATION_SAGAS) {
            self.0.pop_front();
        }
    }

    fn find(&self, token: &str, filter: &Filter, now: Timestamp) -> Option<Arc<Vec<Item>>> {
        let fits = |one: &&Kept| {
            one.token == token && one.filter == *filter && now.since(one.at) <= KEPT_FOR.millis()
        };
        self.0.iter().find(fits).map(|one| Arc::clone(&one.items))
    }
}

impl Engine {
    /// What an operation would do; nothing is changed.
    ///
    /// # Errors
    /// See [`OperationError`].
    pub async fn preview_operation(
        &self,
        request: &OperationRequest,
    ) -> Result<OperationPreview, OperationError> {
        let selection = self.select(&request.filter).await?;
        let items = Arc::new(selection.items);
        let (mut verdicts, mut sample) = (Verdicts::default(), Vec::new());
        let step = items.len().div_ceil(LOOKED_AT).max(1);
        for item in items.iter().step_by(step) {
            let Some(saga) = self.get(item.id).await.ok().flatten() else {
                verdicts.refuse("no_such_saga", "it is gone".to_owned());
                continue;
            };
            let shown = sample.len() < SAMPLE;
            match self.would(request, &saga, shown) {
                Ok(preview) => {
                    verdicts.looked_at += 1;
                    verdicts.allowed += 1;
                    sample.extend(preview.map(|preview| Sampled {
                        saga,
                        outcome: Ok(preview),
                    }));
                }
                Err((code, message)) => {
                    verdicts.refuse(code, message.clone());
                    if shown {
                        let outcome = Err(message);
                        sample.push(Sampled { saga, outcome });
                    }
                }
            }
        }
        let token = format!("{:032x}", rand::random::<u128>());
        let kept = Kept {
            token: token.clone(),
            filter: request.filter.clone(),
            items: Arc::clone(&items),
            at: self.now(),
        };
        let previews = self.shared().operations.previews.lock();
        previews.unwrap_or_else(PoisonError::into_inner).keep(kept);
        Ok(OperationPreview {
            token,
            selected: items.len() as u64,
            counts: selection.counts,
            verdicts,
            sample,
        })
    }

    /// The sagas of a preview.
    pub(super) fn previewed(
        &self,
        token: &str,
        request: &OperationRequest,
    ) -> Result<Arc<Vec<Item>>, OperationError> {
        let previews = self.shared().operations.previews.lock();
        let previews = previews.unwrap_or_else(PoisonError::into_inner);
        let found = previews.find(token, &request.filter, self.now());
        found.ok_or(OperationError::NoSuchPreview)
    }

    /// Whether a saga would take the verb, and what it would do if that is to be shown.
    fn would(
        &self,
        request: &OperationRequest,
        saga: &Saga,
        shown: bool,
    ) -> Result<Option<Box<Preview>>, (&'static str, String)> {
        let by = (request.actor.as_str(), request.reason.as_str());
        let asked = self.asked(&request.deed, saga, by, None);
        let asked = asked.map_err(|error| (code_of_move(&error), error.to_string()))?;
        let context = Context {
            now: self.now(),
            // Only the pauses between attempts hang on it.
            random: 0,
            services: &*self.shared().registry,
        };
        let result = if shown {
            saga.preview(asked, &context).map(|one| Some(Box::new(one)))
        } else {
            let input = Input::Asked(Box::new(asked));
            saga.clone().handle(input, &context).map(|_| None)
        };
        result.map_err(|rejection| {
            let error = crate::verbs::rejected(rejection, Vec::new());
            (code_of(&error), error.to_string())
        })
    }
}

impl Verdicts {
    fn refuse(&mut self, code: &'static str, message: String) {
        self.looked_at += 1;
        self.refused.entry(code).or_insert((0, message)).0 += 1;
    }
}

/// The code by which the API tells why a verb was not taken.
pub(super) fn code_of(error: &AskError) -> &'static str {
    match error {
        AskError::NoSuchSaga { .. } => "no_such_saga",
        AskError::NoSuchStep { .. } => "no_such_step",
        AskError::ChangedSince { .. } => "changed_since",
        AskError::NotAllowedNow { .. } => "not_allowed_now",
        AskError::Look(_) => "damaged",
        AskError::Refused(_) => "unavailable",
    }
}

/// The same for a move.
pub(super) fn code_of_move(error: &MoveError) -> &'static str {
    match error {
        MoveError::NoSuchSaga { .. } => "no_such_saga",
        MoveError::NoSuchVersion { .. } => "no_such_version",
        MoveError::UnknownService { .. } => "no_such_service",
        MoveError::ChangedSince { .. } => "changed_since",
        MoveError::NotSafe { .. } => "move_not_safe",
        MoveError::Child(_) | MoveError::NotAllowedNow { .. } => "not_allowed_now",
        MoveError::Look(_) => "damaged",
        MoveError::Refused(_) => "unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_found_for_its_filter_and_its_time_and_the_oldest_go() {
        let mut previews = Previews::default();
        let filter = Filter::default();
        let other = Filter {
            key: vec!["a".to_owned()],
            ..Filter::default()
        };
        for number in 0..=KEPT {
            previews.keep(Kept {
                token: number.to_string(),
                filter: filter.clone(),
                items: Arc::default(),
                at: Timestamp(0),
            });
        }
        let late = Timestamp(0).plus(KEPT_FOR).plus(Duration::from_millis(1));
        assert!(previews.find("1", &filter, Timestamp(0)).is_some());
        for (token, filter, now) in [
            ("0", &filter, Timestamp(0)),
            ("1", &other, Timestamp(0)),
            ("1", &filter, late),
            ("", &filter, Timestamp(0)),
        ] {
            assert!(previews.find(token, filter, now).is_none(), "{token}");
        }
    }
}
