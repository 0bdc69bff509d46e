//! What every store asks of a change and of a filter, whoever implements it.
//!
//! Written once, so that the memory store and SQLite cannot differ in it.

use crate::dealings::Ended;
use crate::port::{Change, Filter, SagaRow};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::path::means;
use banyan_core::saga::{Entry, ReasonCode, Record};

impl Change {
    /// Asserts the form of a change: journals gapless and in step with their row (I-5), an
    /// attempt in flight with a time to look for its answer (I-9), messages with their cause.
    ///
    /// # Panics
    /// When the caller is wrong.
    pub fn check(&self) {
        let (row, before, entries, dealings) = match self {
            Change::Start {
                row,
                entries,
                dealings,
                ..
            } => {
                assert!(
                    !entries.is_empty(),
                    "I-2: {} starts without a record",
                    row.id
                );
                (row, 0, entries, dealings)
            }
            Change::Append {
                row,
                expected_seq,
                entries,
                dealings,
            } => (row, *expected_seq, entries, dealings),
            Change::Definition(_)
            | Change::Activate { .. }
            | Change::Accepting { .. }
            | Change::Service(_)
            | Change::DeleteService { .. }
            | Change::Operation { .. }
            | Change::ForgetOperation { .. }
            | Change::ForgetAudit { .. }
            | Change::TakeMessage { .. }
            | Change::Purge { .. }
            | Change::Forget { .. } => return,
            Change::Audited { change, .. } => return change.check(),
        };
        check_journal(row, before, entries);
        for message in &dealings.messages {
            assert!(
                message.from == row.id && (1..=row.seq).contains(&message.seq),
                "{} sends a message that no record of it caused: {message:?}",
                row.id
            );
        }
    }
}

fn check_journal(row: &SagaRow, before: u64, entries: &[Entry]) {
    let mut seq = before;
    for entry in entries {
        seq += 1;
        assert_eq!(entry.seq, seq, "I-5: a gap in the journal of {}", row.id);
    }
    assert_eq!(
        row.seq, seq,
        "I-5: the row of {} is not at its journal's end",
        row.id
    );
    assert!(
        !row.in_flight || row.wake_at.is_some(),
        "I-9: {} is in flight and has nothing to wake it",
        row.id
    );
    let own = row.service.as_ref();
    assert!(
        row.also_parked.is_empty()
            || row.parked_since.is_some()
                && own.is_none_or(|own| !row.also_parked.contains_key(own)),
        "{} is parked for others beside the one in its row, which it is not parked for: {:?}",
        row.id,
        row.also_parked
    );
}

impl Filter {
    /// Does this row pass the filter?
    pub fn matches(&self, row: &SagaRow) -> bool {
        !self.stalled
            && among(&self.namespace, &row.namespace)
            && among(&self.definition, &row.definition)
            && (self.version.is_empty() || self.version.contains(&row.version))
            && (self.status.is_empty() || self.status.contains(&row.status))
            && among(&self.key, &row.key)
            && self.matches_step(row)
            && self.matches_service(row)
            && among_some(&self.owner, row.owner.as_deref())
            && self.matches_code(row)
            && self.matches_labels(row)
            && self.matches_times(row)
    }

    fn matches_step(&self, row: &SagaRow) -> bool {
        let stands = |wanted: &String| row.step.as_deref().is_some_and(|at| means(wanted, at));
        self.step.is_empty() || self.step.iter().any(stands)
    }

    fn matches_service(&self, row: &SagaRow) -> bool {
        among_some(&self.service, row.service.as_deref())
            || self
                .service
                .iter()
                .any(|service| row.also_parked.contains_key(service))
    }

    fn matches_code(&self, row: &SagaRow) -> bool {
        let reason = row.reason.as_ref().map(|reason| code_text(reason.code));
        self.code.is_empty()
            || self
                .code
                .iter()
                .any(|code| reason.as_deref() == Some(code) || row.stuck.as_deref() == Some(code))
    }

    fn matches_labels(&self, row: &SagaRow) -> bool {
        self.label.iter().all(|(name, values)| {
            row.labels
                .get(name)
                .is_some_and(|value| values.contains(value))
        })
    }

    fn matches_times(&self, row: &SagaRow) -> bool {
        let ended = |test: &dyn Fn(banyan_core::Timestamp) -> bool| row.ended_at.is_some_and(test);
        self.started_after
            .is_none_or(|after| row.started_at > after)
            && self
                .started_before
                .is_none_or(|before| row.started_at < before)
            && self.ended_after.is_none_or(|after| ended(&|at| at > after))
            && self
                .ended_before
                .is_none_or(|before| ended(&|at| at < before))
    }
}

/// What retention asks of a row; none when it is not at rest. A row at rest has its end; one
/// that lacks it was last written when it ended.
pub(crate) fn ended(row: &SagaRow) -> Option<Ended> {
    row.status.is_rest().then(|| Ended {
        id: row.id,
        definition: row.definition.clone(),
        version: row.version,
        status: row.status,
        ended_at: row.ended_at.unwrap_or(row.updated_at),
    })
}

/// What an id may be off the moment of its saga's acceptance.
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// The last id that a saga which was at rest at this moment can have: nothing ends before it
/// starts, and ids are in order of time.
pub(crate) fn last_id(until: Timestamp) -> Id {
    let millis = until.0.saturating_add(HOUR_MS).max(0);
    Id::new(millis.unsigned_abs(), u64::MAX, u16::MAX)
}

/// Who runs the saga that starts with these records.
pub(crate) fn parent(entries: &[Entry]) -> Option<Id> {
    match &entries.first()?.record {
        Record::Started(started) => started.parent.as_ref().map(|parent| parent.saga),
        _ => None,
    }
}

/// The JSON of our own plain types.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text,
        // String keys and no foreign Serialize: nothing in it can fail.
        Err(error) => unreachable!("a row has no JSON: {error}"),
    }
}

/// A reason's code as written in the API and the store.
pub(crate) fn code_text(code: ReasonCode) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(text)) => text,
        // A unit variant is always written as a string.
        other => unreachable!("a reason code is written as {other:?}"),
    }
}

/// The saga went to another version of its definition with these records.
pub(crate) fn moves(entries: &[Entry]) -> bool {
    let moved = |entry: &Entry| matches!(entry.record, Record::Moved { .. });
    entries.iter().any(moved)
}

/// Since when a leg of a saga has been parked for this service; none when none is.
pub(crate) fn parked_for(row: &SagaRow, service: &str) -> Option<Timestamp> {
    let first = row.parked_since?;
    match row.service.as_deref() == Some(service) {
        true => Some(first),
        false => row.also_parked.get(service).copied(),
    }
}

/// Overwrites what may change of a stored row; what a start fixed stays.
pub(crate) fn update(stored: &mut SagaRow, row: &SagaRow) {
    stored.status = row.status;
    stored.reason.clone_from(&row.reason);
    stored.stuck.clone_from(&row.stuck);
    stored.step.clone_from(&row.step);
    stored.service.clone_from(&row.service);
    stored.parked_since = row.parked_since;
    stored.also_parked.clone_from(&row.also_parked);
    stored.wake_at = row.wake_at;
    stored.in_flight = row.in_flight;
    stored.seq = row.seq;
    stored.updated_at = row.updated_at;
    stored.ended_at = row.ended_at;
    stored.owner.clone_from(&row.owner);
    stored.trouble.clone_from(&row.trouble);
}

fn among(wanted: &[String], value: &String) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

fn among_some(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|one| one == value))
}
