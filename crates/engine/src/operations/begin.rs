//! How an operation begins: what it is about is chosen, and stored with it in one commit.

use super::limits::{OPERATION_SAGAS, OPERATIONS_OPEN};
use super::words::Words;
use super::{BegunOperation, Operation, OperationError, OperationRequest, OperationState};
use crate::error::Refusal;
use crate::handle::Engine;
use banyan_core::id::Id;
use banyan_core::{Json, Timestamp};
use banyan_store::{
    Applied, AuditRow, Change, Filter, Item, OPERATION_KEYS, OperationKey, ReadError, Reader,
    Selection,
};
use std::sync::Arc;

impl Engine {
    /// Begins an operation, or gives the one that the same key and body began. It is stored, and
    /// goes on in the background.
    ///
    /// # Errors
    /// See [`OperationError`].
    pub async fn begin_operation(
        &self,
        request: OperationRequest,
    ) -> Result<BegunOperation, OperationError> {
        // Before anything that may have changed since: a repeat is answered whatever it would
        // select now.
        if let Some(begun) = self.begun_under(request.key.as_ref()).await? {
            return Ok(begun);
        }
        // Before many sagas are read for nothing.
        self.has_room()?;
        let items = match self.chosen(&request).await {
            Ok(items) => items,
            // The same key came twice at once, and the other is through with them already.
            Err(error) => return self.begun_under(request.key.as_ref()).await?.ok_or(error),
        };
        let now = self.now();
        let words = self.words(&request.deed, &request.reason, &items).await?;
        let operation = begun(request, words, items.len() as u64, now);
        let words = operation.told();
        let detail = serde_json::json!({
            "verb": operation.deed.verb().as_str(),
            "arguments": words.arguments,
            "filter": operation.asked,
            "selected": operation.selected,
        });
        let row = operation.audit("begin_operation", &operation.actor, &words.reason, detail);
        let row = AuditRow { at: now, ..row };
        let operations = &self.shared().operations;
        // Whoever reads of it in the store and turns it waits until it is known here too.
        let turn = operations.turn.lock().await;
        self.has_room()?;
        let stored = self.store_new(&operation, &items, row).await?;
        if stored == Applied::Conflict {
            // The same key came twice at once, and the other was first.
            let begun = self.begun_under(operation.key.as_ref()).await?;
            let message = "the key of the operation was taken and is free again".to_owned();
            return begun.ok_or(Refusal::Unavailable { message }.into());
        }
        let operation = operations.put(operation);
        drop(turn);
        operations.begun.notify_one();
        self.tell_operation(&operation.id.to_string(), operation.shown());
        Ok(BegunOperation {
            operation,
            replayed: false,
        })
    }

    /// One operation more can be open.
    fn has_room(&self) -> Result<(), OperationError> {
        if self.shared().operations.open().len() < OPERATIONS_OPEN {
            return Ok(());
        }
        Err(OperationError::TooMany {
            limit: OPERATIONS_OPEN,
        })
    }

    /// What a new operation is about: the sagas of its preview, or those that it selects now.
    async fn chosen(&self, request: &OperationRequest) -> Result<Arc<Vec<Item>>, OperationError> {
        match &request.preview {
            Some(token) => self.previewed(token, request),
            None => Ok(Arc::new(self.select(&request.filter).await?.items)),
        }
    }

    /// The operation that a key began.
    async fn begun_under(
        &self,
        key: Option<&OperationKey>,
    ) -> Result<Option<BegunOperation>, OperationError> {
        let Some(key) = key.cloned() else {
            return Ok(None);
        };
        let OperationKey {
            namespace,
            key,
            request_hash,
        } = key;
        let (wanted, named) = ((namespace, key.clone()), OPERATION_KEYS);
        let found = self.query(move |reader| reader.start_key(&wanted.0, named, &wanted.1));
        let Some(found) = found.await? else {
            return Ok(None);
        };
        let id = found.id;
        if found.request_hash != request_hash {
            return Err(OperationError::KeyReused { key, id });
        }
        let operation = self.operation(id).await?;
        Ok(Some(BegunOperation {
            operation,
            replayed: true,
        }))
    }

    /// Everything that a filter selects now.
    pub(super) async fn select(&self, filter: &Filter) -> Result<Selection, OperationError> {
        let filter = filter.clone();
        let stalled = filter.stalled.then(|| self.shared().stalls.ids());
        let selection = self.query(move |reader| match stalled {
            Some(ids) => among_stalled(reader, ids, filter),
            None => reader.select(&filter, OPERATION_SAGAS),
        });
        let selection = selection.await?;
        if selection.more {
            let limit = OPERATION_SAGAS;
            return Err(OperationError::TooMuchSelected { limit });
        }
        if selection.items.is_empty() {
            return Err(OperationError::NothingSelected);
        }
        Ok(selection)
    }

    /// Commits an operation that begins, with its sagas and its key.
    async fn store_new(
        &self,
        operation: &Operation,
        items: &[Item],
        told: AuditRow,
    ) -> Result<Applied, Refusal> {
        let change = Change::Operation {
            row: operation.row()?,
            items: items.to_vec(),
            key: operation.key.clone(),
        };
        self.change(audited(change, Some(told))).await
    }

    /// Commits an operation as it is now.
    pub(super) async fn store_operation(
        &self,
        operation: &Operation,
        told: Option<AuditRow>,
    ) -> Result<(), Refusal> {
        let change = Change::Operation {
            row: operation.row()?,
            items: Vec::new(),
            key: None,
        };
        self.change(audited(change, told)).await?;
        Ok(())
    }
}

fn audited(change: Change, told: Option<AuditRow>) -> Change {
    match told {
        None => change,
        Some(row) => Change::Audited {
            change: Box::new(change),
            row: Box::new(row),
        },
    }
}

/// Those of the sagas that stall which the rest of a filter selects.
fn among_stalled(
    reader: &dyn Reader,
    ids: Vec<Id>,
    filter: Filter,
) -> Result<Selection, ReadError> {
    let mut selection = Selection::default();
    for row in crate::look::among(reader, ids, filter, None, OPERATION_SAGAS)? {
        selection.items.push(Item {
            id: row.id,
            seq: row.seq,
        });
        let key = (row.definition, row.status);
        *selection.counts.entry(key).or_default() += 1;
    }
    Ok(selection)
}

fn begun(request: OperationRequest, words: Words, selected: u64, now: Timestamp) -> Operation {
    let millis = u64::try_from(now.0).unwrap_or_default();
    Operation {
        id: Id::new(millis, rand::random(), 0),
        deed: request.deed,
        filter: request.filter,
        asked: request.asked,
        reason: request.reason,
        actor: request.actor,
        rate: request.rate,
        previewed: request.preview.is_some(),
        key: request.key,
        state: OperationState::Running,
        began_at: now,
        updated_at: now,
        ended_at: None,
        selected,
        position: 0,
        done: 0,
        failed: Default::default(),
        skipped: Default::default(),
        failures: Vec::new(),
        sample: Vec::new(),
        words: Some(words),
    }
}

impl Operation {
    /// What the audit says of something that is done to it.
    pub(super) fn audit(&self, verb: &str, actor: &str, reason: &str, detail: Json) -> AuditRow {
        AuditRow {
            at: self.updated_at,
            actor: actor.to_owned(),
            verb: verb.to_owned(),
            saga: None,
            name: None,
            operation: Some(self.id),
            reason: reason.to_owned(),
            before: None,
            after: None,
            detail,
        }
    }
}
