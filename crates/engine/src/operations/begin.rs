//! How an operation begins: what it is about is chosen, and stored with it in one commit.

use super::limits::{OPERATION_SAGAS, OPERATIONS_OPEN};
use super::{Operation, OperationError, OperationRequest, OperationState};
use crate::error::Refusal;
use crate::handle::Engine;
use banyan_core::id::Id;
use banyan_core::{Json, Timestamp};
use banyan_store::{AuditRow, Change, Filter, Item, Selection};
use std::sync::Arc;

impl Engine {
    /// Begins an operation. It is stored, and goes on in the background.
    ///
    /// # Errors
    /// See [`OperationError`].
    pub async fn begin_operation(
        &self,
        request: OperationRequest,
    ) -> Result<Arc<Operation>, OperationError> {
        let operations = &self.shared().operations;
        if operations.open().len() >= OPERATIONS_OPEN {
            return Err(OperationError::TooMany {
                limit: OPERATIONS_OPEN,
            });
        }
        let items = match &request.preview {
            Some(token) => self.previewed(token, &request)?,
            None => Arc::new(self.select(&request.filter).await?.items),
        };
        let now = self.now();
        let operation = begun(request, items.len() as u64, now);
        let detail = serde_json::json!({
            "verb": operation.deed.verb().as_str(),
            "filter": operation.asked,
            "selected": operation.selected,
        });
        let row = operation.audit(
            "begin_operation",
            &operation.actor,
            &operation.reason,
            detail,
        );
        self.store_operation(&operation, &items, Some(AuditRow { at: now, ..row }))
            .await?;
        let operation = self.shared().operations.put(operation);
        self.shared().operations.begun.notify_one();
        self.tell_operation(&operation.id.to_string(), operation.shown());
        Ok(operation)
    }

    /// Everything that a filter selects now.
    pub(super) async fn select(&self, filter: &Filter) -> Result<Selection, OperationError> {
        let filter = filter.clone();
        let selection = self
            .query(move |reader| reader.select(&filter, OPERATION_SAGAS))
            .await?;
        if selection.more {
            let limit = OPERATION_SAGAS;
            return Err(OperationError::TooMuchSelected { limit });
        }
        if selection.items.is_empty() {
            return Err(OperationError::NothingSelected);
        }
        Ok(selection)
    }

    /// Commits an operation as it is now.
    pub(super) async fn store_operation(
        &self,
        operation: &Operation,
        items: &[Item],
        told: Option<AuditRow>,
    ) -> Result<(), Refusal> {
        let change = Change::Operation {
            row: operation.row()?,
            items: items.to_vec(),
        };
        let change = match told {
            None => change,
            Some(row) => Change::Audited {
                change: Box::new(change),
                row: Box::new(row),
            },
        };
        self.change(change).await?;
        Ok(())
    }
}

fn begun(request: OperationRequest, selected: u64, now: Timestamp) -> Operation {
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
