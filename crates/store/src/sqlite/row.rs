//! A saga's row and its journal's records as columns, there and back, with their checksums.
//!
//! One list of columns gives the order for writing, reading and the checksum. A row has two:
//! one over what its start fixed, one over what changes, so that an update touches neither
//! the fixed columns nor their checksum.

use super::checksum::checksum;
use crate::check::code_text;
pub(crate) use crate::check::json;
use crate::port::{ReadError, SagaRow};
use crate::trouble::Trouble;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Entry, Reason, Record, Status};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement};
use std::collections::BTreeMap;

/// The columns of a whole row in their order: fixed, its checksum, state, its checksum; and the
/// other services that it is parked for, which are looked up for parked ones alone and, like
/// labels, have no checksum: at worst a saga goes on late.
pub(crate) const COLUMNS: &str = "saga.id, saga.namespace, saga.definition, saga.version, \
    saga.definition_hash, saga.shard, saga.key, saga.labels, saga.started_at, saga.deadline, \
    saga.fixed_check, saga.status, saga.reason, saga.reason_detail, saga.stuck, saga.step, \
    saga.service, saga.parked_since, saga.wake_at, saga.in_flight, saga.seq, saga.updated_at, \
    saga.ended_at, saga.owner, saga.trouble, saga.trouble_since, saga.state_check, \
    CASE WHEN saga.parked_since IS NOT NULL THEN \
        (SELECT json_group_object(parked.service, parked.parked_since) FROM parked \
         WHERE parked.saga_id = saga.id) END";

const FIXED: usize = 10;
const STATE: usize = 15;

/// A hash as stored: half the size when it is the hexadecimal SHA-256 that it should be.
pub(crate) enum Hash<'a> {
    Binary([u8; 32]),
    Text(&'a str),
}

impl<'a> Hash<'a> {
    pub(crate) fn new(text: &'a str) -> Hash<'a> {
        binary(text).map_or(Hash::Text(text), Hash::Binary)
    }

    pub(crate) fn value(&self) -> ValueRef<'_> {
        match self {
            Hash::Binary(bytes) => ValueRef::Blob(bytes),
            Hash::Text(text) => ValueRef::Text(text.as_bytes()),
        }
    }
}

fn binary(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Only lower case: an upper-case hash must come back as it was written.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// A hash as it was given.
pub(crate) fn read_hash(value: ValueRef<'_>) -> Option<String> {
    use std::fmt::Write;
    match value {
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).ok(),
        ValueRef::Blob(bytes) => Some(bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    }
}

/// What the fixed columns borrow beside the row itself.
pub(crate) struct FixedTexts<'a> {
    hash: Hash<'a>,
    labels: Option<String>,
}

impl<'a> FixedTexts<'a> {
    pub(crate) fn of(row: &'a SagaRow) -> FixedTexts<'a> {
        FixedTexts {
            hash: Hash::new(&row.definition_hash),
            labels: (!row.labels.is_empty()).then(|| json(&row.labels)),
        }
    }
}

/// What the columns that change borrow beside the row itself.
pub(crate) struct StateTexts {
    reason: Option<(String, String)>,
    trouble: Option<String>,
}

impl StateTexts {
    pub(crate) fn of(row: &SagaRow) -> StateTexts {
        let reason = row.reason.as_ref();
        let trouble = row.trouble.as_ref();
        StateTexts {
            reason: reason.map(|reason| (code_text(reason.code), json(reason))),
            trouble: trouble.map(|trouble| json(&trouble.cause)),
        }
    }
}

/// The fixed columns and their checksum.
pub(crate) fn fixed<'a>(
    row: &'a SagaRow,
    texts: &'a FixedTexts<'_>,
    scratch: &mut Vec<u8>,
) -> [ValueRef<'a>; FIXED + 1] {
    let mut columns = [
        ValueRef::Blob(row.id.as_bytes()),
        text(&row.namespace),
        text(&row.definition),
        ValueRef::Integer(row.version.into()),
        texts.hash.value(),
        ValueRef::Integer(row.shard.into()),
        text(&row.key),
        optional(texts.labels.as_deref()),
        ValueRef::Integer(row.started_at.0),
        moment(row.deadline),
        ValueRef::Null,
    ];
    columns[FIXED] = ValueRef::Integer(checksum(&columns[..FIXED], scratch));
    columns
}

/// The columns that change and their checksum, which also covers the id.
pub(crate) fn state<'a>(
    row: &'a SagaRow,
    texts: &'a StateTexts,
    scratch: &mut Vec<u8>,
) -> [ValueRef<'a>; STATE + 1] {
    let reason = texts.reason.as_ref();
    let mut columns = [
        text(row.status.as_str()),
        optional(reason.map(|(code, _)| code.as_str())),
        optional(reason.map(|(_, detail)| detail.as_str())),
        optional(row.stuck.as_deref()),
        optional(row.step.as_deref()),
        optional(row.service.as_deref()),
        moment(row.parked_since),
        moment(row.wake_at),
        ValueRef::Integer(row.in_flight.into()),
        number(row.seq),
        ValueRef::Integer(row.updated_at.0),
        moment(row.ended_at),
        optional(row.owner.as_deref()),
        optional(texts.trouble.as_deref()),
        moment(row.trouble.as_ref().map(|trouble| trouble.since)),
        ValueRef::Null,
    ];
    columns[STATE] = ValueRef::Integer(state_check(row.id, &columns[..STATE], scratch));
    columns
}

fn state_check(id: Id, state: &[ValueRef<'_>], scratch: &mut Vec<u8>) -> i64 {
    let mut columns = [ValueRef::Null; STATE + 1];
    columns[0] = ValueRef::Blob(id.as_bytes());
    columns[1..].copy_from_slice(state);
    checksum(&columns, scratch)
}

/// Binds columns from `first` on.
pub(crate) fn bind(
    statement: &mut Statement<'_>,
    first: usize,
    columns: &[ValueRef<'_>],
) -> rusqlite::Result<()> {
    for (place, column) in (first..).zip(columns) {
        statement.raw_bind_parameter(place, ToSqlOutput::Borrowed(*column))?;
    }
    Ok(())
}

/// A saga's row out of [`COLUMNS`].
///
/// # Errors
/// `Damaged`, with the saga's id, when a checksum is wrong or a column does not parse.
pub(crate) fn decode(row: &Row<'_>) -> Result<SagaRow, ReadError> {
    let id = read_id(row, 0)?;
    let damaged = |what: &str| ReadError::Damaged {
        message: format!("the row of saga {id}: {what}"),
    };
    let mut columns = [ValueRef::Null; FIXED + STATE + 2];
    for (place, column) in columns.iter_mut().enumerate() {
        *column = row
            .get_ref(place)
            .map_err(|error| super::error::read(&error))?;
    }
    let mut scratch = Vec::with_capacity(512);
    let (fixed, state) = columns.split_at(FIXED + 1);
    let fixed_check = ValueRef::Integer(checksum(&fixed[..FIXED], &mut scratch));
    let state_check = ValueRef::Integer(state_check(id, &state[..STATE], &mut scratch));
    if fixed[FIXED] != fixed_check || state[STATE] != state_check {
        return Err(damaged("its checksum is wrong"));
    }
    parse(row, id).ok_or_else(|| damaged("a column does not parse"))
}

fn parse(row: &Row<'_>, id: Id) -> Option<SagaRow> {
    let labels: Option<String> = row.get(7).ok()?;
    let status = row.get_ref(11).ok()?.as_str().ok()?;
    let reason: Option<String> = row.get(13).ok()?;
    Some(SagaRow {
        id,
        namespace: row.get(1).ok()?,
        definition: row.get(2).ok()?,
        version: row.get(3).ok()?,
        definition_hash: read_hash(row.get_ref(4).ok()?)?,
        shard: row.get(5).ok()?,
        key: row.get(6).ok()?,
        labels: match labels {
            Some(text) => serde_json::from_str(&text).ok()?,
            None => BTreeMap::new(),
        },
        started_at: Timestamp(row.get(8).ok()?),
        deadline: row.get::<_, Option<i64>>(9).ok()?.map(Timestamp),
        status: read_status(status)?,
        reason: match reason {
            Some(text) => Some(serde_json::from_str::<Reason>(&text).ok()?),
            None => None,
        },
        stuck: row.get(14).ok()?,
        step: row.get(15).ok()?,
        service: row.get(16).ok()?,
        parked_since: row.get::<_, Option<i64>>(17).ok()?.map(Timestamp),
        also_parked: also_parked(row),
        wake_at: row.get::<_, Option<i64>>(18).ok()?.map(Timestamp),
        in_flight: row.get(19).ok()?,
        seq: read_number(row.get(20).ok()?)?,
        updated_at: Timestamp(row.get(21).ok()?),
        ended_at: row.get::<_, Option<i64>>(22).ok()?.map(Timestamp),
        owner: row.get(23).ok()?,
        trouble: trouble(row)?,
    })
}

/// What it is parked for besides. What does not parse is as if it were not there.
fn also_parked(row: &Row<'_>) -> BTreeMap<String, Timestamp> {
    let text = row.get_ref(27).ok();
    let text = text.and_then(|text| text.as_bytes_or_null().ok().flatten());
    let parsed = text.map(serde_json::from_slice);
    parsed.and_then(Result::ok).unwrap_or_default()
}

/// What goes wrong with it; the outer none when that does not parse.
fn trouble(row: &Row<'_>) -> Option<Option<Trouble>> {
    let cause: Option<String> = row.get(24).ok()?;
    let since: Option<i64> = row.get(25).ok()?;
    match (cause, since) {
        (None, None) => Some(None),
        (Some(cause), Some(since)) => Some(Some(Trouble {
            since: Timestamp(since),
            cause: serde_json::from_str(&cause).ok()?,
        })),
        (Some(_), None) | (None, Some(_)) => None,
    }
}

/// An id out of a column.
pub(crate) fn read_id(row: &Row<'_>, place: usize) -> Result<Id, ReadError> {
    match row.get::<_, [u8; 16]>(place) {
        Ok(bytes) => Ok(Id::from_bytes(bytes)),
        Err(error) => Err(super::error::read(&error)),
    }
}

/// A status as written.
pub(crate) fn read_status(text: &str) -> Option<Status> {
    Status::ALL
        .into_iter()
        .find(|status| status.as_str() == text)
}

fn read_number(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

/// A row of the journal as columns: saga, number of its first record, at, version, records,
/// checksum.
pub(crate) fn records<'a>(
    id: &'a Id,
    first: u64,
    at: Timestamp,
    version: u32,
    records: &'a str,
    scratch: &mut Vec<u8>,
) -> [ValueRef<'a>; 6] {
    let mut columns = [
        ValueRef::Blob(id.as_bytes()),
        number(first),
        ValueRef::Integer(at.0),
        ValueRef::Integer(version.into()),
        text(records),
        ValueRef::Null,
    ];
    columns[5] = ValueRef::Integer(checksum(&columns[..5], scratch));
    columns
}

/// Takes the entries out of a row (seq, at, version, records, checksum) behind those before it.
///
/// # Errors
/// `Damaged`, with the saga's id and the number of the row's first record.
pub(crate) fn decode_entries(
    row: &Row<'_>,
    id: Id,
    journal: &mut Vec<Entry>,
    scratch: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let mut seq = journal.len() as u64 + 1;
    let damaged = |what: &str| ReadError::Damaged {
        message: format!("the journal of saga {id}, at record {seq}: {what}"),
    };
    let mut columns = [ValueRef::Null; 6];
    columns[0] = ValueRef::Blob(id.as_bytes());
    for (place, column) in columns.iter_mut().skip(1).enumerate() {
        *column = row
            .get_ref(place)
            .map_err(|error| super::error::read(&error))?;
    }
    if columns[1] != number(seq) {
        return Err(damaged("it is missing"));
    }
    if columns[5] != ValueRef::Integer(checksum(&columns[..5], scratch)) {
        return Err(damaged("the checksum is wrong"));
    }
    let parsed = || {
        let at = Timestamp(columns[2].as_i64().ok()?);
        let records: Vec<Record> = serde_json::from_str(columns[4].as_str().ok()?).ok()?;
        Some((at, records))
    };
    let (at, records) = parsed().ok_or_else(|| damaged("it does not parse"))?;
    for record in records {
        journal.push(Entry { seq, at, record });
        seq += 1;
    }
    Ok(())
}

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn optional(value: Option<&str>) -> ValueRef<'_> {
    value.map_or(ValueRef::Null, text)
}

pub(crate) fn moment(at: Option<Timestamp>) -> ValueRef<'static> {
    at.map_or(ValueRef::Null, |at| ValueRef::Integer(at.0))
}

/// Journals end long before 2^63 records.
pub(crate) fn number(number: u64) -> ValueRef<'static> {
    ValueRef::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
