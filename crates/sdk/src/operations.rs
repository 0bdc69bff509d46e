//! Operations over many sagas, and the audit, as methods.

use crate::client::{Call, Client};
use crate::error::Error;
use crate::target::Target;
use banyan_api::{
    AuditRow, Operation, OperationAnswer, OperationRequest, Page, TurnOperationRequest,
};
use http::Method;

impl Client {
    /// Begins a verb over every saga that a filter selects; with `dry_run` in the request it
    /// only says what would happen, and uses up no key. The same key and request give the same
    /// operation again.
    pub async fn begin_operation(
        &self,
        request: &OperationRequest,
        key: &str,
    ) -> Result<OperationAnswer, Error> {
        let target = Target::new(["v1", "operations"]);
        let call = Call::new(Method::POST, target).json(request).key(key)?;
        self.ask(call).await
    }

    /// An operation as it stands.
    pub async fn operation(&self, id: &str) -> Result<Operation, Error> {
        let target = Target::new(["v1", "operations", id]);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// A page of operations, newest first.
    pub async fn operations(
        &self,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Operation>, Error> {
        let target = super::calls::paged(Target::new(["v1", "operations"]), limit, cursor);
        self.ask(Call::new(Method::GET, target)).await
    }

    /// Asks something of an operation: `pause`, `resume` or `cancel`.
    pub async fn turn_operation(
        &self,
        id: &str,
        verb: &str,
        reason: &str,
    ) -> Result<Operation, Error> {
        let request = TurnOperationRequest {
            reason: reason.to_owned(),
        };
        let target = Target::new(["v1", "operations", id, verb]);
        self.ask(Call::new(Method::POST, target).json(&request))
            .await
    }

    /// A page of the audit, newest first: `actor`, `verb`, `saga` and `after`, as in the API's
    /// query.
    pub async fn audit(
        &self,
        wanted: &[(&str, &str)],
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<AuditRow>, Error> {
        let mut target = super::calls::paged(Target::new(["v1", "audit"]), limit, cursor);
        for (name, value) in wanted {
            target = target.query(name, value);
        }
        self.ask(Call::new(Method::GET, target)).await
    }
}
