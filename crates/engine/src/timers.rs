//! Wakes: read from the store a little ahead, handed to their shards, and looked for again
//! when they are overdue. Recovery of what was in flight is told here too.
//!
//! The stored wake is the truth. What is handed ahead may be lost with its process, or find no
//! room: the look for overdue ones finds it (I-27). Everything waits for room, so that a
//! million due timers cost no memory.

use crate::shard::Message;
use crate::shared::Shared;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_store::{ReadError, Reader, Wake, WakeQuery};
use std::sync::Arc;

/// A wake that is late by so much was missed.
const OVERDUE_MS: i64 = 2_000;
/// Sagas in flight that are resumed at once after a start, in order of their wakes; any more
/// are resumed when their wakes come. Sixteen bytes each.
const RESUMED_AT_ONCE: usize = 200_000;

/// Hands out wakes until the engine ends.
pub(crate) async fn run(shared: Arc<Shared>) {
    let horizon_ms = i64::try_from(shared.config.horizon.as_millis()).unwrap_or(i64::MAX);
    let mut cursor: Option<(Timestamp, Id)> = None;
    loop {
        let until = Timestamp(shared.now().0.saturating_add(horizon_ms));
        if cursor.is_some_and(|(scanned, _)| scanned.0.saturating_sub(until.0) > horizon_ms) {
            // The clock was set back: what is near now was not near then.
            cursor = None;
        }
        if cursor.is_none_or(|(scanned, _)| scanned < until)
            && hand_out(&shared, cursor, until).await
        {
            cursor = Some((until, Id::from_bytes([0xff; 16])));
        }
        shared.pause(shared.config.horizon / 2).await;
        let missed_until = Timestamp(shared.now().0.saturating_sub(OVERDUE_MS));
        hand_out(&shared, None, missed_until).await;
    }
}

/// Hands out the wakes of a window; false when they could not all be read.
async fn hand_out(shared: &Shared, mut after: Option<(Timestamp, Id)>, until: Timestamp) -> bool {
    let limit = shared.config.page;
    loop {
        let query = WakeQuery {
            until,
            after,
            in_flight_only: false,
            limit,
        };
        let page = match shared.read(move |reader| reader.wakes(&query)).await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the wakes cannot be read");
                return false;
            }
            Err(_) => return false,
        };
        for Wake { at, id } in &page {
            shared.gate.room().await;
            shared.put(*id, Message::Wake { id: *id, at: *at }).await;
        }
        match page.last() {
            Some(last) if page.len() == limit => after = Some((last.at, last.id)),
            _ => return true,
        }
    }
}

/// Who was in flight when the process before ended.
pub(crate) fn in_flight(reader: &dyn Reader, page: usize) -> Result<Vec<Id>, ReadError> {
    let mut all = Vec::new();
    let mut after = None;
    while all.len() < RESUMED_AT_ONCE {
        let found = reader.wakes(&WakeQuery {
            until: Timestamp(i64::MAX),
            after,
            in_flight_only: true,
            limit: page,
        })?;
        all.extend(found.iter().map(|wake| wake.id));
        match found.last() {
            Some(last) if found.len() == page => after = Some((last.at, last.id)),
            _ => break,
        }
    }
    Ok(all)
}

/// Resumes them.
pub(crate) async fn recover(shared: Arc<Shared>, in_flight: Vec<Id>) {
    let count = in_flight.len();
    for id in in_flight {
        shared.gate.room().await;
        shared.put(id, Message::Recover { id }).await;
    }
    if count > 0 {
        tracing::info!(count, "sagas that were in flight were resumed");
    }
}
