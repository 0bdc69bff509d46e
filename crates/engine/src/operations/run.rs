//! The one task that runs operations: the oldest first, batch after batch, at its rate.
//!
//! A batch counts as a whole or not at all. One in which something could not be done for the
//! moment (the store was away, an inbox full) is begun anew: who took the verb in it already is
//! told by the audit, and is asked nothing again.

use super::preview::{code_of, code_of_move};
use super::{Fate, Operation, OperationState, Taken};
use crate::error::{AskError, LookError, MoveError, Refusal};
use crate::handle::{Engine, Inner};
use banyan_core::id::Id;
use banyan_core::time::Duration;
use banyan_store::{Filter, Item, ReadError, SagaRow};
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use tokio::task::JoinSet;

/// Sagas asked at once.
const BATCH: usize = 256;
/// How often an operation goes on at least, so that its pace is even and it can be paused.
const BATCHES_A_SECOND: u32 = 4;
/// The pause before a batch is begun anew.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(200);
/// How often a saga is looked at again that moves while it is asked.
const LOOKS: usize = 5;

/// Runs operations until the engine ends.
pub(crate) async fn run(inner: Weak<Inner>) {
    loop {
        // Held for one batch at a time, so that an engine that nobody holds can end.
        let Some(engine) = inner.upgrade().map(Engine) else {
            return;
        };
        let shared = Arc::clone(engine.shared());
        let worked = engine.go_on().await;
        drop(engine);
        match worked {
            Ok(Some(until)) => shared.clock.sleep_until(until).await,
            Ok(None) => shared.operations.begun.notified().await,
            Err(refusal) => {
                tracing::debug!(%refusal, "an operation waits");
                shared.pause(AGAIN).await;
            }
        }
    }
}

/// What a batch is to know of one saga before it is asked.
struct Looked {
    item: Item,
    taken: bool,
    row: Result<Option<SagaRow>, ReadError>,
}

impl Engine {
    /// One batch of the oldest operation that runs. Gives when the next may begin; none when
    /// none runs.
    async fn go_on(&self) -> Result<Option<banyan_core::Timestamp>, Refusal> {
        let operations = &self.shared().operations;
        let _turn = operations.turn.lock().await;
        let Some(operation) = operations.next() else {
            return Ok(None);
        };
        self.shared().life.check()?;
        let began = self.now();
        let size = usize::try_from(operation.rate / BATCHES_A_SECOND).unwrap_or(BATCH);
        let batch = self.look(&operation, size.clamp(1, BATCH)).await?;
        let count = batch.len() as u64;
        let fates = self.ask_all(&operation, batch).await?;
        let mut after = Operation::clone(&operation);
        for (saga, fate) in fates {
            after.count(saga, fate);
        }
        after.updated_at = self.now();
        if count == 0 || after.position >= after.selected {
            after.state = OperationState::Completed;
            after.ended_at = Some(after.updated_at);
        }
        self.store_operation(&after, None).await?;
        let after = operations.put(after);
        self.tell_operation(&after.id.to_string(), after.shown());
        let spent = 1_000 * count / u64::from(operation.rate.max(1));
        Ok(Some(began.plus(Duration::from_millis(spent))))
    }

    /// The next sagas of an operation, as they are now.
    async fn look(&self, operation: &Operation, size: usize) -> Result<Vec<Looked>, Refusal> {
        let id = operation.id;
        let from = usize::try_from(operation.position).unwrap_or(usize::MAX);
        self.query(move |reader| {
            let items = reader.items(id, from, size)?;
            let ids: Vec<Id> = items.iter().map(|item| item.id).collect();
            let taken: BTreeSet<Id> = reader.taken_by(id, &ids)?.into_iter().collect();
            let looked = items.into_iter().map(|item| Looked {
                item,
                taken: taken.contains(&item.id),
                row: reader.row(item.id),
            });
            Ok(looked.collect())
        })
        .await
    }

    /// Asks all of a batch at once, and gives what came of each, in their order.
    async fn ask_all(
        &self,
        operation: &Arc<Operation>,
        batch: Vec<Looked>,
    ) -> Result<Vec<(Id, Fate)>, Refusal> {
        let mut asking = JoinSet::new();
        for (place, looked) in batch.into_iter().enumerate() {
            let (engine, operation) = (self.clone(), Arc::clone(operation));
            asking.spawn(async move {
                let saga = looked.item.id;
                let fate = engine.ask_one(&operation, looked).await;
                (place, saga, fate)
            });
        }
        let mut fates = Vec::with_capacity(asking.len());
        let mut refused = None;
        while let Some(joined) = asking.join_next().await {
            // A task that panicked is as one that could not be asked.
            match joined {
                Ok((place, saga, Ok(fate))) => fates.push((place, saga, fate)),
                Ok((_, _, Err(refusal))) => refused = Some(refusal),
                Err(error) => {
                    let message = error.to_string();
                    refused = Some(Refusal::Unavailable { message });
                }
            }
        }
        if let Some(refusal) = refused {
            return Err(refusal);
        }
        fates.sort_unstable_by_key(|(place, _, _)| *place);
        Ok(fates
            .into_iter()
            .map(|(_, saga, fate)| (saga, fate))
            .collect())
    }

    async fn ask_one(&self, operation: &Operation, looked: Looked) -> Result<Fate, Refusal> {
        let Looked { item, taken, row } = looked;
        if taken {
            return Ok(Fate::Done(None));
        }
        let mut row = row;
        for _ in 0..LOOKS {
            let now = match row {
                Ok(Some(now)) => now,
                Ok(None) => return Ok(Fate::Skipped("gone")),
                Err(ReadError::Unavailable { message }) => {
                    return Err(Refusal::Unavailable { message });
                }
                Err(error @ ReadError::Damaged { .. }) => {
                    return Ok(Fate::Failed("damaged", error.to_string()));
                }
            };
            if let Some(fate) = left_alone(operation, item, &now) {
                return Ok(fate);
            }
            match self.ask_as_it_is(operation, &now).await? {
                // It moved in between: look again.
                Fate::Failed("changed_since", _) => {}
                fate => return Ok(fate),
            }
            let id = item.id;
            row = self.shared().read(move |reader| reader.row(id)).await?;
        }
        let message = "it moved whenever it was asked".to_owned();
        Ok(Fate::Failed("changed_since", message))
    }

    /// Asks a saga, if it is still as its row says.
    async fn ask_as_it_is(&self, operation: &Operation, row: &SagaRow) -> Result<Fate, Refusal> {
        let saga = match self.get(row.id).await {
            Ok(Some(saga)) => saga,
            Ok(None) => return Ok(Fate::Skipped("gone")),
            Err(LookError::Refused(refusal)) => return Err(refusal),
            Err(error) => return Ok(Fate::Failed("damaged", error.to_string())),
        };
        let by = (operation.actor.as_str(), operation.reason.as_str());
        let mut asked = match self.asked(&operation.deed, &saga, by, Some(operation.id)) {
            Ok(asked) => asked,
            Err(MoveError::Refused(refusal)) => return Err(refusal),
            Err(error) => return Ok(Fate::Failed(code_of_move(&error), error.to_string())),
        };
        asked.expected_seq = Some(row.seq);
        Ok(match self.ask(row.id, asked).await {
            Ok(after) => Fate::Done(Some(Box::new(Taken {
                saga: row.id,
                definition: row.definition.clone(),
                key: row.key.clone(),
                before: saga.status(),
                after: after.status(),
            }))),
            Err(AskError::Refused(refusal) | AskError::Look(LookError::Refused(refusal))) => {
                return Err(refusal);
            }
            Err(AskError::NoSuchSaga { .. }) => Fate::Skipped("gone"),
            Err(error) => Fate::Failed(code_of(&error), error.to_string()),
        })
    }
}

/// A saga that is no longer what the operation is about.
fn left_alone(operation: &Operation, item: Item, now: &SagaRow) -> Option<Fate> {
    if operation.previewed && now.seq != item.seq {
        return Some(Fate::Skipped("changed_since_preview"));
    }
    let filter = &operation.filter;
    let matches = if filter.stalled {
        // Which sagas stall nobody remembers over a restart; but one that got a record went on.
        let rest = Filter {
            stalled: false,
            ..filter.clone()
        };
        now.seq == item.seq && rest.matches(now)
    } else {
        filter.matches(now)
    };
    (!matches).then(|| {
        Fate::Skipped(if now.status.is_rest() {
            "ended"
        } else {
            "changed"
        })
    })
}
