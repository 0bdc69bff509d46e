//! The one fold: what each record does to a saga.
use super::*;
use crate::id::Id;
use std::sync::Arc;
pub(super) fn fold(_id: Id, _plan: Arc<Plan>, _journal: &[Entry]) -> Result<Saga, FoldError> {
    todo!()
}
