//! What an input leads to.
use super::*;
pub(super) fn start(_start: Start, _context: &Context<'_>) -> (Saga, Vec<Entry>) {
    todo!()
}
pub(super) fn handle(
    _saga: &mut Saga,
    _input: Input,
    _context: &Context<'_>,
) -> Result<Turn, Rejection> {
    todo!()
}
