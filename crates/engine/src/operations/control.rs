//! Operations looked at, paused, resumed and cancelled; and the audit read.

use super::{Operation, OperationError, OperationState};
use crate::error::Refusal;
use crate::handle::Engine;
use crate::request::By;
use banyan_core::Json;
use banyan_core::id::Id;
use banyan_store::{AuditEntry, AuditQuery};
use std::sync::Arc;

impl Engine {
    /// An operation as it stands.
    ///
    /// # Errors
    /// See [`OperationError`].
    pub async fn operation(&self, id: Id) -> Result<Arc<Operation>, OperationError> {
        let open = self.shared().operations.open().get(&id).cloned();
        if let Some(operation) = open {
            return Ok(operation);
        }
        let stored = self.query(move |reader| reader.operation(id)).await?;
        let row = stored.ok_or(OperationError::NoSuchOperation { id })?;
        Ok(Arc::new(Operation::read(row)?))
    }

    /// Operations, newest first, below `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn operations(
        &self,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<Arc<Operation>>, Refusal> {
        let rows = self.query(move |reader| reader.operations(false, after, limit));
        let rows = rows.await?;
        let open = self.shared().operations.open().clone();
        let known = |row: banyan_store::OperationRow| match open.get(&row.id) {
            Some(operation) => Ok(Arc::clone(operation)),
            None => Operation::read(row).map(Arc::new),
        };
        rows.into_iter().map(known).collect()
    }

    /// Holds an operation up. What it is doing at the moment it finishes first.
    ///
    /// # Errors
    /// See [`OperationError`].
    pub async fn pause_operation(&self, id: Id, by: By) -> Result<Arc<Operation>, OperationError> {
        let to = OperationState::Paused;
        self.turn_operation(id, by, to, "pause_operation").await
    }

    /// Lets an operation go on.
    ///
    /// # Errors
    /// See [`OperationError`].
    pub async fn resume_operation(&self, id: Id, by: By) -> Result<Arc<Operation>, OperationError> {
        let to = OperationState::Running;
        self.turn_operation(id, by, to, "resume_operation").await
    }

    /// Ends an operation. What it has done stays done.
    ///
    /// # Errors
    /// See [`OperationError`].
    pub async fn cancel_operation(&self, id: Id, by: By) -> Result<Arc<Operation>, OperationError> {
        let to = OperationState::Cancelled;
        self.turn_operation(id, by, to, "cancel_operation").await
    }

    async fn turn_operation(
        &self,
        id: Id,
        by: By,
        to: OperationState,
        verb: &str,
    ) -> Result<Arc<Operation>, OperationError> {
        let operations = &self.shared().operations;
        let _turn = operations.turn.lock().await;
        let operation = self.operation(id).await?;
        let state = operation.state;
        if state == to {
            return Ok(operation);
        }
        if !state.is_open() {
            return Err(OperationError::Over { state });
        }
        let mut operation = Operation::clone(&operation);
        operation.state = to;
        operation.updated_at = self.now();
        operation.ended_at = (!to.is_open()).then_some(operation.updated_at);
        let row = operation.audit(verb, &by.actor, &by.reason, Json::Null);
        self.store_operation(&operation, Some(row)).await?;
        let operation = operations.put(operation);
        operations.begun.notify_one();
        self.tell_operation(&id.to_string(), operation.shown());
        Ok(operation)
    }

    /// Rows of the audit, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, Refusal> {
        self.query(move |reader| reader.audit(&query)).await
    }
}
