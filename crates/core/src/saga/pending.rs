//! What should be in progress.
use super::*;
use crate::{Json, Timestamp};
use std::collections::BTreeMap;
pub(super) fn pending(_saga: &Saga) -> Vec<Effect> {
    todo!()
}
pub(super) fn wake_at(_saga: &Saga, _now: Timestamp) -> Option<Timestamp> {
    todo!()
}
pub(super) fn labels_of(
    _plan: &Plan,
    _input: &Json,
) -> Result<BTreeMap<String, String>, (String, String)> {
    todo!()
}
